//! Shaders that change while the program runs.

use std::{fs, path::Path};

use glam::Vec3;
use storm_render::{ReloadError, ShaderFolder, View};

use crate::harness::{Stage, TestGpu, pixel};

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
    fs::remove_dir_all(folder).unwrap();
}
