//! Every model of the shared test data is drawn under validation, or refused in one line for a reason that is listed here.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use storm_assets::Image;
use storm_render::{Extractor, Gpu, GpuDesc, ImageTarget, Renderer, RendererDesc, Scene};
use storm_viewer::content::Content;

const WIDTH: u32 = 160;
const HEIGHT: u32 = 120;

/// Folders below `assets/`, with how many of their files are drawn and how many are refused.
const SETS: [(&str, usize, usize); 3] = [
    ("gltf-sample-assets/Models", 51, 3),
    ("gltf-asset-generator/Output", 50, 2),
    ("gltf-transform", 2, 0),
];

/// Files that are refused: the end of their path, and what the message says.
const REFUSED: &[(&str, &str)] = &[
    (
        "Box/glTF-Draco/Box.gltf",
        "requires the extension KHR_draco_mesh_compression",
    ),
    (
        "MorphPrimitivesTest/glTF-Draco/MorphPrimitivesTest.gltf",
        "requires the extension KHR_draco_mesh_compression",
    ),
    (
        "RiggedSimple/glTF-Draco/RiggedSimple.gltf",
        "requires the extension KHR_draco_mesh_compression",
    ),
    (
        "Compatibility_04.gltf",
        "expected 2.0, the version that this reader knows, found \"2.1\"",
    ),
    (
        "Compatibility_05.gltf",
        "requires the extension FAKE_materials_quantumRendering",
    ),
];

/// Files that are drawn and show nothing: the end of their path, and why.
const EMPTY: &[(&str, &str)] = &[
    (
        "Mesh_NoPosition_00.gltf",
        "glTF 2.0, 3.7.2.1: without positions a primitive is not drawn",
    ),
    ("Mesh_NoPosition_01.gltf", "the same"),
];

fn models(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            models(&path, found);
        } else if path.extension().is_some_and(|e| e == "gltf" || e == "glb") {
            found.push(path);
        }
    }
}

/// Draws content from where the viewer would look at it, and the sky alone from the same place.
fn draw(gpu: &Gpu, renderer: &mut Renderer, content: &Content) -> [Image; 2] {
    let (view, _) = content.camera(None, WIDTH as f32 / HEIGHT as f32).unwrap();
    let mut target = ImageTarget::new(gpu, WIDTH, HEIGHT).unwrap();
    let mut scene = Scene::new(gpu).unwrap();
    scene.set_sky(content.sky);
    let mut picture = |scene: &mut Scene| {
        renderer.render(scene, &view, &mut target).unwrap();
        target.read().unwrap()
    };
    let sky = picture(&mut scene);
    Extractor::new()
        .extract(content.world(), content.library(), &mut scene)
        .unwrap();
    [picture(&mut scene), sky]
}

#[test]
fn every_shared_model_is_drawn_or_refused_by_name() {
    let data = env::var_os("STORM_TEST_DATA").filter(|data| !data.is_empty());
    let Some(data) = data.map(PathBuf::from) else {
        return println!("skipped: STORM_TEST_DATA is not set");
    };
    let gpu = Gpu::headless(&GpuDesc {
        validation: true,
        ..GpuDesc::default()
    })
    .unwrap_or_else(|error| panic!("{error}: run `./storm doctor`"));
    let mut renderer = Renderer::new(&gpu, &RendererDesc::default()).unwrap();
    let known = |table: &'static [(&str, &'static str)], path: &Path| {
        table
            .iter()
            .find(|(end, _)| path.ends_with(end))
            .map(|(_, reason)| *reason)
    };
    let mut problems = Vec::new();
    for (set, drawn_expected, refused_expected) in SETS {
        let mut paths = Vec::new();
        models(&data.join("assets").join(set), &mut paths);
        let (mut drawn, mut refused) = (0, 0);
        for path in &paths {
            match Content::load(path, None) {
                Ok(content) => {
                    drawn += 1;
                    let [picture, sky] = draw(&gpu, &mut renderer, &content);
                    let pixels = picture
                        .pixels()
                        .chunks(4)
                        .zip(sky.pixels().chunks(4))
                        .filter(|(a, b)| a != b)
                        .count();
                    if (pixels < 20) != known(EMPTY, path).is_some() {
                        problems.push(format!(
                            "{}: {pixels} pixels differ from the sky",
                            path.display()
                        ));
                    }
                    if known(REFUSED, path).is_some() {
                        problems.push(format!("{}: was to be refused", path.display()));
                    }
                }
                Err(error) => {
                    refused += 1;
                    let message = error.to_string();
                    let expected =
                        known(REFUSED, path).is_some_and(|reason| message.contains(reason));
                    if !expected || message.lines().count() != 1 {
                        problems.push(format!("{}: {message}", path.display()));
                    }
                }
            }
            let (count, texts) = gpu.validation_messages();
            assert_eq!(
                count,
                0,
                "{}: the validation layer says: {texts:#?}",
                path.display()
            );
        }
        println!("{set}: {drawn} drawn, {refused} refused");
        if (drawn, refused) != (drawn_expected, refused_expected) {
            problems.push(format!("{set}: {drawn} drawn and {refused} refused"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
