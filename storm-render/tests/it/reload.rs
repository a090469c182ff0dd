//! Shaders that change while the program runs.

use std::{fs, path::Path};

use glam::Vec3;
use storm_assets::Material;
use storm_render::{InstanceTransform, ReloadError, ShaderFolder, View};

use crate::{
    harness::{Stage, TestGpu, pixel},
    scenes,
};

#[test]
fn a_changed_shader_is_taken_and_a_broken_one_is_not() {
    let gpu = TestGpu::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let folder = std::env::temp_dir().join(format!("storm-shaders-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(here).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let mut stage = Stage::new(&gpu);
    let view = View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO);
    let first = stage.picture(&view);
    let mut shaders = ShaderFolder::new(&folder).unwrap();
    assert_eq!(shaders.poll(&gpu).unwrap(), 0, "nothing has changed");

    let file = folder.join("tonemap.glsl");
    let source = fs::read_to_string(&file).unwrap();
    let red = source.replace(
        "out_color = vec4(clamp(sum, 0.0, 1.0), 1.0);",
        "out_color = vec4(1.0, 0.0, 0.0, 1.0);",
    );
    assert_ne!(red, source);
    fs::write(&file, &red).unwrap();
    match shaders.poll(&gpu) {
        Err(ReloadError::Compiler(error)) => {
            return println!("skipped: glslangValidator is not installed ({error})");
        }
        taken => assert_eq!(taken.unwrap(), 2, "both that include it"),
    }
    assert_eq!(pixel(&stage.picture(&view), 160, 90), [255, 0, 0, 255]);

    fs::write(&file, red.replace("out_color =", "out_colour =")).unwrap();
    let error = shaders.poll(&gpu).unwrap_err().to_string();
    assert!(
        error.contains("tonemap.frag") && error.contains("out_colour"),
        "{error}"
    );
    assert_eq!(
        pixel(&stage.picture(&view), 160, 90),
        [255, 0, 0, 255],
        "the last good one"
    );
    assert_eq!(shaders.poll(&gpu).unwrap(), 0, "it is told once");

    fs::write(&file, source).unwrap();
    assert_eq!(shaders.poll(&gpu).unwrap(), 2);
    assert!(stage.picture(&view) == first);

    // What filters the sky is made anew too, and the sky with it.
    let ball = Material {
        metallic: 1.0,
        ..Material::matte("", [1.0; 3], 0.3)
    };
    let place = InstanceTransform::IDENTITY;
    stage.add("ball", &scenes::sphere(16, 32), &ball, place);
    let lit = stage.picture(&view);
    let file = folder.join("prefilter.comp");
    let source = fs::read_to_string(&file).unwrap();
    let dark = source.replace("to_halves(sum", "to_halves(0.0 * sum");
    assert_ne!(dark, source);
    fs::write(&file, dark).unwrap();
    assert_eq!(shaders.poll(&gpu).unwrap(), 1);
    let [r, ..] = pixel(&stage.picture(&view), 160, 90);
    assert!(r < 40 && pixel(&lit, 160, 90)[0] > 60, "{r}");
    fs::write(&file, source).unwrap();
    assert_eq!(shaders.poll(&gpu).unwrap(), 1);
    assert!(stage.picture(&view) == lit);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_surface_is_compiled_again_when_it_or_its_headers_change() {
    let folder = std::env::temp_dir().join(format!("storm-surface-test-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    // As someone would who has no sources of this crate.
    for (name, text) in storm_render::surface_headers() {
        fs::write(folder.join(name), text).unwrap();
    }
    let file = folder.join("own.frag");
    let source = |body: &str| {
        let head = "#version 460\n#extension GL_GOOGLE_include_directive : require\n#include \"surface.glsl\"\n";
        let function =
            format!("{head}void surface(SurfaceInput at, inout SurfaceOutput s) {{ {body} }}\n");
        fs::write(&file, function).unwrap();
    };
    let mut watched = storm_render::SurfaceSource::new(&file, &folder);
    let missing = watched.poll().unwrap_err().to_string();
    assert!(missing.contains("own.frag could not be read"), "{missing}");
    source("s.emissive = vec3(1.0);");
    let first = match watched.poll() {
        Ok(spirv) => spirv.expect("it is new"),
        Err(error) if error.to_string().contains("could not be run") => {
            return println!("skipped: {error}");
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(watched.poll().unwrap(), None, "nothing changed");
    source("s.emissive = vec3(broken);");
    let error = watched.poll().unwrap_err().to_string();
    assert!(
        error.contains("own.frag does not compile") && error.contains("broken"),
        "{error}"
    );
    assert_eq!(watched.poll().unwrap(), None, "it is said once");
    source("s.emissive = vec3(2.0);");
    let second = watched.poll().unwrap().expect("it is new");
    assert_ne!(first, second);
    let header = folder.join("surface.glsl");
    let text = fs::read_to_string(&header).unwrap();
    fs::write(&header, format!("{text}\n// changed\n")).unwrap();
    assert_eq!(
        watched.poll().unwrap(),
        Some(second),
        "a header changed, to no effect"
    );
    fs::remove_dir_all(&folder).unwrap();
}
