//! Pictures of scenes made here, compared with those in `tests/golden/` by FLIP (Andersson et al. 2020).
//!
//! They are made on lavapipe: `STORM_UPDATE_GOLDEN=1 cargo test -p storm-render --test it golden` makes them anew. Look
//! at them before you commit them.

use std::{env, fs, path::Path};

use flip_rs::{DEFAULT_PPD, RgbImage, ldr_flip};
use glam::Vec3;
use storm_assets::{Image, Material, Mesh, Topology};
use storm_render::{AutoExposure, Culling, Projection, Quality, ShadowQuality, Sky, ToneMap, View};

use crate::{
    gallery::{self, BLUE, ORANGE, at},
    harness::{Stage, TestGpu},
    scenes,
};

/// Mean FLIP that two pictures of one scene may differ by, on the driver that the pictures were made on. A wrong texture
/// and a turned normal differ by several times as much: see [`a_wrong_texture_fails`] and [`a_turned_normal_fails`].
const FLIP_MAX: f32 = 0.005;
/// The same on another driver, whose filters and edges may differ.
const FLIP_MAX_ELSEWHERE: f32 = 0.05;

fn rgb(picture: &Image) -> RgbImage<u8> {
    let pixels = picture
        .pixels()
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect();
    RgbImage::new(picture.width() as usize, picture.height() as usize, pixels).unwrap()
}

pub(crate) fn flip(a: &Image, b: &Image) -> f32 {
    ldr_flip(&rgb(a), &rgb(b), DEFAULT_PPD)
        .unwrap()
        .statistics()
        .mean as f32
}

fn load(name: &str) -> Image {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.png"));
    let bytes = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let picture = image::load_from_memory(&bytes).unwrap().to_rgba8();
    let (width, height) = picture.dimensions();
    Image::new(
        width,
        height,
        storm_assets::PixelFormat::Rgba8,
        picture.into_raw(),
    )
    .unwrap()
}

/// Compares a picture with the golden one of this name.
pub(crate) fn check(name: &str, stage: &Stage<'_>, picture: &Image) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.png"));
    if env::var_os("STORM_UPDATE_GOLDEN").is_some() {
        save(&file, picture);
    }
    let limit = if stage.gpu().info().software {
        FLIP_MAX
    } else {
        FLIP_MAX_ELSEWHERE
    };
    let difference = flip(&load(name), picture);
    if difference > limit {
        let shown = env::temp_dir().join(format!("storm-golden-{name}.png"));
        save(&shown, picture);
        panic!(
            "{name}: FLIP is {difference}, {limit} is allowed; the picture is {}",
            shown.display()
        );
    }
}

fn save(file: &Path, picture: &Image) {
    let (width, height) = (picture.width(), picture.height());
    image::save_buffer(
        file,
        picture.pixels(),
        width,
        height,
        image::ColorType::Rgba8,
    )
    .unwrap();
}

/// Draws a scene of the gallery, plainly, and compares it with its picture.
fn golden(name: &str, scene: gallery::Scene) {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = scene(&mut stage);
    let picture = stage.picture(&view);
    check(name, &stage, &picture);
}

#[test]
fn materials() {
    golden("materials", gallery::materials);
}

#[test]
fn textures() {
    golden("textures", gallery::textures);
}

#[test]
fn a_wrong_texture_fails() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::textures_in(&mut stage, [BLUE, ORANGE]);
    let picture = stage.picture(&view);
    let difference = flip(&load("textures"), &picture);
    assert!(difference > 4.0 * FLIP_MAX, "FLIP is only {difference}");
}

#[test]
fn normals() {
    golden("normals", gallery::normals);
}

#[test]
fn a_turned_normal_fails() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::normals_in(&mut stage, -1.0);
    let picture = stage.picture(&view);
    let difference = flip(&load("normals"), &picture);
    assert!(difference > 4.0 * FLIP_MAX, "FLIP is only {difference}");
}

#[test]
fn transparency() {
    golden("transparency", gallery::transparency);
}

#[test]
fn shapes() {
    golden("shapes", gallery::shapes);
}

#[test]
fn storm() {
    golden("storm", gallery::storm);
}

#[test]
fn without_tone_mapping_a_white_light_clips() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let glow = Material {
        emissive: [2.0, 0.5, 0.0],
        ..Material::matte("", [0.0; 3], 1.0)
    };
    let unlit = Mesh {
        topology: Topology::Triangles,
        ..scenes::quad()
    };
    stage.scene.set_sky(Sky {
        sun_color: Vec3::ZERO,
        zenith: Vec3::ZERO,
        horizon: Vec3::ZERO,
        ground: Vec3::ZERO,
        ..Sky::default()
    });
    stage.add("glow", &unlit, &glow, at(0.0, 0.0, 0.0));
    let view = View {
        tone_map: ToneMap::None,
        ..View::look_at(Vec3::new(0.0, 0.0, 2.0), Vec3::ZERO)
    };
    let picture = stage.picture(&view);
    // 0.5 is 187.5 in sRGB.
    let [r, g, b, a] = crate::harness::pixel(&picture, 160, 90);
    assert!(
        (r, b, a) == (255, 0, 255) && (187..=188).contains(&g),
        "{r} {g} {b} {a}"
    );
}

/// A change to a view.
type Change = fn(View) -> View;

/// Scenes of the gallery seen otherwise: by other projections, qualities and settings.
#[test]
fn scenes_seen_otherwise() {
    let gpu = TestGpu::new();
    let shadows = ShadowQuality {
        resolution: 512,
        distance: 80.0,
        light_resolution: 128,
        ..ShadowQuality::HIGH
    };
    let shadowed = Quality {
        shadows: Some(shadows),
        ..Quality::CPU
    };
    let all = Quality {
        culling: Culling::Occlusion,
        ambient_occlusion: Some(1.5),
        ..shadowed
    };
    let same: Change = |view| view;
    let above: Change = |_| View::look_at(Vec3::new(-60.0, 70.0, 60.0), Vec3::new(0.0, 0.0, -60.0));
    let flat: Change = |view| View {
        projection: Projection::Orthographic {
            half_height: 5.0,
            near: 0.1,
            far: 40.0,
        },
        ..view
    };
    let bright: Change = |view| View {
        auto_exposure: Some(AutoExposure::default()),
        bloom: 0.2,
        ..view
    };
    let scenes: [(&str, gallery::Scene, Quality, Change); 9] = [
        ("city-above", gallery::city, shadowed, above),
        ("city-full", gallery::city, all, same),
        ("lamps-full", gallery::lamps, all, same),
        ("lamps-flat", gallery::lamps, shadowed, flat),
        ("materials-full", gallery::materials, all, same),
        ("shapes-shadows", gallery::shapes, shadowed, same),
        ("storm-bright", gallery::storm, shadowed, bright),
        ("thousand-above", gallery::thousand, Quality::CPU, above),
        ("thousand-bright", gallery::thousand, Quality::CPU, bright),
    ];
    for (name, scene, quality, change) in scenes {
        let mut stage = Stage::new(&gpu);
        stage.renderer.set_quality(quality);
        let view = change(scene(&mut stage));
        let picture = stage.picture(&view);
        check(name, &stage, &picture);
    }
}

#[test]
fn deformed() {
    golden("deformed", gallery::deformed);
}
