//! Pictures of scenes made here, compared with those in `tests/golden/` by FLIP (Andersson et al. 2020).
//!
//! They are made on lavapipe: `STORM_UPDATE_GOLDEN=1 cargo test -p storm-render --test it golden` makes them anew. Look
//! at them before you commit them.

use std::{env, fs, path::Path};

use flip_rs::{DEFAULT_PPD, RgbImage, ldr_flip};
use glam::{Mat4, Quat, Vec3};
use storm_assets::{
    AlphaMode, Filter, Handle, Image, Material, Mesh, MipFilter, Sampler, TextureSlot, Topology,
    Wrap,
};
use storm_render::{ColorSpace, InstanceTransform, Light, Projection, Sky, Spot, ToneMap, View};

use crate::{
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

fn flip(a: &Image, b: &Image) -> f32 {
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
fn check(name: &str, stage: &Stage<'_>, picture: &Image) {
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

fn at(x: f32, y: f32, z: f32) -> InstanceTransform {
    InstanceTransform::from_mat4(Mat4::from_translation(Vec3::new(x, y, z)))
}

/// Adds a picture, and gives the slot that a material samples it with.
fn texture(
    stage: &mut Stage<'_>,
    name: &str,
    space: ColorSpace,
    picture: &Image,
    sampler: Sampler,
) -> TextureSlot {
    let image = Handle::of(name, "image");
    stage.scene.insert_texture((image, space), picture).unwrap();
    TextureSlot {
        image,
        sampler,
        uv_set: 0,
    }
}

const ORANGE: [u8; 4] = [230, 120, 40, 255];
const BLUE: [u8; 4] = [40, 90, 200, 255];

#[test]
fn materials() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let sphere = scenes::sphere(32, 64);
    for metallic in 0..2 {
        for step in 0..5 {
            let roughness = step as f32 / 4.0;
            let base_color = [0.9, 0.5, 0.2, 1.0];
            let material = Material {
                base_color,
                metallic: metallic as f32,
                roughness,
                ..Material::default()
            };
            let place = at(step as f32 * 2.2 - 4.4, metallic as f32 * 2.2 - 1.1, 0.0);
            stage.add(
                &format!("{metallic} {roughness}"),
                &sphere,
                &material,
                place,
            );
        }
    }
    let picture = stage.picture(&View::look_at(Vec3::new(0.0, 1.0, 9.0), Vec3::ZERO));
    check("materials", &stage, &picture);
}

/// A floor to the horizon, and four samplers.
fn textures_stage<'a>(gpu: &'a TestGpu, colors: [[u8; 4]; 2]) -> Stage<'a> {
    let mut stage = Stage::new(gpu);
    let checker = scenes::checker(64, 2, colors);
    let slot = texture(
        &mut stage,
        "floor",
        ColorSpace::Srgb,
        &checker,
        Sampler::default(),
    );
    let floor = Material {
        base_color_texture: Some(slot),
        ..Material::matte("floor", [1.0; 3], 0.9)
    };
    let mut quad = scenes::quad();
    quad.uvs[0].iter_mut().flatten().for_each(|c| *c *= 40.0);
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(40.0));
    stage.add("floor", &quad, &floor, InstanceTransform::from_mat4(flat));

    let small = scenes::picture(4, |x, y| [x as u8 * 80, y as u8 * 80, 128, 255]);
    let mut wide = scenes::quad();
    wide.uvs[0]
        .iter_mut()
        .flatten()
        .for_each(|c| *c = *c * 3.0 - 1.0);
    let samplers = [
        Sampler::default(),
        Sampler {
            wrap_u: Wrap::MirroredRepeat,
            wrap_v: Wrap::MirroredRepeat,
            ..Sampler::default()
        },
        Sampler {
            wrap_u: Wrap::ClampToEdge,
            wrap_v: Wrap::ClampToEdge,
            ..Sampler::default()
        },
        Sampler {
            mag: Filter::Nearest,
            min: Filter::Nearest,
            mip: MipFilter::None,
            ..Sampler::default()
        },
    ];
    for (i, sampler) in samplers.into_iter().enumerate() {
        let slot = texture(
            &mut stage,
            &format!("small {i}"),
            ColorSpace::Srgb,
            &small,
            sampler,
        );
        let material = Material {
            base_color_texture: Some(slot),
            ..Material::matte("wall", [1.0; 3], 0.9)
        };
        stage.add(
            &format!("wall {i}"),
            &wide,
            &material,
            at(i as f32 * 2.4 - 3.6, 1.2, 0.0),
        );
    }
    stage
}

fn textures_view() -> View {
    View::look_at(Vec3::new(0.0, 2.0, 6.5), Vec3::new(0.0, 1.0, 0.0))
}

#[test]
fn textures() {
    let gpu = TestGpu::new();
    let mut stage = textures_stage(&gpu, [ORANGE, BLUE]);
    let picture = stage.picture(&textures_view());
    check("textures", &stage, &picture);
}

#[test]
fn a_wrong_texture_fails() {
    let gpu = TestGpu::new();
    let picture = textures_stage(&gpu, [BLUE, ORANGE]).picture(&textures_view());
    let difference = flip(&load("textures"), &picture);
    assert!(difference > 4.0 * FLIP_MAX, "FLIP is only {difference}");
}

/// Two walls of round bumps, with tangents and without, and a pipe with a normal map. `green` scales the map's Y.
fn normals_stage<'a>(gpu: &'a TestGpu, green: f32) -> Stage<'a> {
    let mut stage = Stage::new(gpu);
    let bumps = scenes::bumps(128, 4);
    let slot = texture(
        &mut stage,
        "bumps",
        ColorSpace::Linear,
        &bumps,
        Sampler::default(),
    );
    let material = Material {
        normal_texture: Some(slot),
        ..Material::matte("bumps", [0.6, 0.6, 0.6], 0.35)
    };
    let mut plain = scenes::quad();
    let mut tangents = scenes::quad();
    tangents.tangents = vec![[1.0, 0.0, 0.0, 1.0]; 4];
    let mut sphere = scenes::sphere(32, 64);
    if green < 0.0 {
        // Upside down in the picture is the other way round in the map.
        plain.uvs[0].iter_mut().for_each(|uv| uv[1] = -uv[1]);
        tangents.tangents.iter_mut().for_each(|t| t[3] = -1.0);
        sphere.tangents.iter_mut().for_each(|t| t[3] = -1.0);
    }
    stage.add("plain", &plain, &material, at(-2.3, 0.0, 0.0));
    stage.add("tangents", &tangents, &material, at(0.0, 0.0, 0.0));
    stage.add("sphere", &sphere, &material, at(2.3, 0.0, 0.0));
    stage
}

fn normals_view() -> View {
    View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
}

#[test]
fn normals() {
    let gpu = TestGpu::new();
    let mut stage = normals_stage(&gpu, 1.0);
    let picture = stage.picture(&normals_view());
    check("normals", &stage, &picture);
}

#[test]
fn a_turned_normal_fails() {
    let gpu = TestGpu::new();
    let picture = normals_stage(&gpu, -1.0).picture(&normals_view());
    let difference = flip(&load("normals"), &picture);
    assert!(difference > 4.0 * FLIP_MAX, "FLIP is only {difference}");
}

#[test]
fn transparency() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.add(
        "back",
        &scenes::cube(),
        &Material::matte("back", [0.8, 0.8, 0.7], 0.8),
        at(0.0, 0.0, -3.0),
    );
    // Near ones first: they have to be sorted.
    for i in 0..4 {
        let mut base_color = [0.2, 0.2, 0.2, 0.5];
        base_color[i % 3] = 0.9;
        let material = Material {
            base_color,
            alpha_mode: AlphaMode::Blend,
            double_sided: true,
            ..Material::matte("", [0.0; 3], 0.5)
        };
        stage.add(
            &format!("pane {i}"),
            &scenes::quad(),
            &material,
            at(i as f32 * 0.6 - 1.8, 0.0, 1.0 - i as f32 * 0.5),
        );
    }
    let disc = scenes::picture(64, |x, y| {
        let (x, y) = (x as f32 - 31.5, y as f32 - 31.5);
        [
            60,
            160,
            60,
            (255.0 - (x * x + y * y).sqrt() * 8.0).max(0.0) as u8,
        ]
    });
    let slot = texture(
        &mut stage,
        "disc",
        ColorSpace::Srgb,
        &disc,
        Sampler::default(),
    );
    let mask = Material {
        base_color_texture: Some(slot),
        alpha_mode: AlphaMode::Mask(0.5),
        double_sided: true,
        ..Material::matte("mask", [1.0; 3], 0.8)
    };
    stage.add("mask", &scenes::quad(), &mask, at(2.4, 0.0, 0.0));
    let picture = stage.picture(&View::look_at(
        Vec3::new(0.6, 0.8, 5.0),
        Vec3::new(0.4, 0.0, 0.0),
    ));
    check("transparency", &stage, &picture);
}

#[test]
fn shapes() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    // One sided, seen from the front and from behind; the latter is not there.
    let red = Material::matte("red", [0.7, 0.1, 0.1], 0.7);
    stage.add("front", &scenes::quad(), &red, at(-5.2, 1.2, 0.0));
    let turned = Mat4::from_translation(Vec3::new(-2.6, 1.2, 0.0)) * Mat4::from_rotation_y(3.0);
    stage.add(
        "behind",
        &scenes::quad(),
        &red,
        InstanceTransform::from_mat4(turned),
    );
    // Mirrored: the same box, with its faces still outside.
    let green = Material::matte("green", [0.1, 0.5, 0.2], 0.7);
    for (name, x, scale) in [("box", 0.0, 0.8), ("mirrored", 2.4, -0.8)] {
        let place = Mat4::from_scale_rotation_translation(
            Vec3::new(scale, 0.8, 0.8),
            Quat::from_rotation_y(0.6),
            Vec3::new(x, 1.2, 0.0),
        );
        stage.add(
            name,
            &scenes::cube(),
            &green,
            InstanceTransform::from_mat4(place),
        );
    }
    // No normals: faces are flat.
    let faceted = Mesh {
        normals: Vec::new(),
        tangents: Vec::new(),
        ..scenes::sphere(8, 12)
    };
    stage.add(
        "faceted",
        &faceted,
        &Material::matte("", [0.6, 0.5, 0.3], 0.6),
        at(4.8, 1.2, 0.0),
    );

    let colored = Mesh {
        colors: vec![
            [1.0, 0.0, 0.0, 1.0],
            [0.0, 1.0, 0.0, 1.0],
            [0.0, 0.0, 1.0, 1.0],
            [1.0; 4],
        ],
        ..scenes::quad()
    };
    let white = Material::matte("white", [1.0; 3], 0.9);
    stage.add("colours", &colored, &white, at(-5.2, -1.2, 0.0));
    let lines: Vec<_> = (0..48)
        .map(|i| i as f32 / 48.0 * std::f32::consts::TAU)
        .map(|a| [a.cos(), a.sin(), 0.0])
        .collect();
    let indices = (0..48).flat_map(|i| [i, (i + 17) % 48]).collect();
    let lines = Mesh {
        topology: Topology::Lines,
        positions: lines,
        indices,
        ..Mesh::default()
    };
    stage.add(
        "lines",
        &lines,
        &Material::matte("", [0.05, 0.05, 0.3], 1.0),
        at(-2.6, -1.2, 0.0),
    );
    let points: Vec<_> = (0..900)
        .map(|i| {
            [
                (i % 30) as f32 / 15.0 - 1.0,
                (i / 30) as f32 / 15.0 - 1.0,
                0.0,
            ]
        })
        .collect();
    let points = Mesh {
        topology: Topology::Points,
        indices: (0..900).collect(),
        positions: points,
        ..Mesh::default()
    };
    stage.add(
        "points",
        &points,
        &Material::matte("", [0.3, 0.05, 0.05], 1.0),
        at(0.0, -1.2, 0.0),
    );
    let glow = Material {
        emissive: [3.0, 1.6, 0.4],
        ..Material::matte("glow", [0.0; 3], 1.0)
    };
    stage.add("glow", &scenes::sphere(16, 32), &glow, at(2.4, -1.2, 0.0));

    let projection = Projection::Orthographic {
        half_height: 3.2,
        near: 0.1,
        far: 20.0,
    };
    let view = View {
        projection,
        ..View::look_at(Vec3::new(-0.1, 0.5, 8.0), Vec3::new(-0.1, 0.1, 0.0))
    };
    let picture = stage.picture(&view);
    check("shapes", &stage, &picture);
}

#[test]
fn storm() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.scene.set_sky(Sky::stormy(3));
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(2000.0));
    let water = Material::matte("water", [0.01, 0.03, 0.04], 0.12);
    stage.add(
        "water",
        &scenes::quad(),
        &water,
        InstanceTransform::from_mat4(flat),
    );
    let stone = Material::matte("stone", [0.35, 0.33, 0.31], 0.9);
    for i in 0..12 {
        let distance = 8.0 * 1.45_f32.powi(i);
        let scale = Mat4::from_scale(Vec3::new(1.5, 4.0, 1.5));
        let place =
            Mat4::from_translation(Vec3::new((i % 3) as f32 * 6.0 - 6.0, 2.0, -distance)) * scale;
        stage.add(
            &format!("stone {i}"),
            &scenes::cube(),
            &stone,
            InstanceTransform::from_mat4(place),
        );
    }
    let lamp = Light {
        cell: [0; 3],
        translation: Vec3::new(-2.0, 3.0, -6.0),
        color: Vec3::new(30.0, 16.0, 6.0),
        range: 30.0,
        spot: None,
    };
    let beam = Spot {
        direction: Vec3::new(0.3, -0.5, -1.0),
        inner: 0.2,
        outer: 0.3,
    };
    let beam = Light {
        translation: Vec3::new(4.0, 6.0, -4.0),
        color: Vec3::splat(150.0),
        spot: Some(beam),
        ..lamp
    };
    stage.scene.set_lights(&[lamp, beam]).unwrap();
    let view = View::look_at(Vec3::new(0.0, 4.0, 4.0), Vec3::new(0.0, 5.0, -20.0));
    let picture = stage.picture(&View {
        exposure: 1.4,
        ..view
    });
    check("storm", &stage, &picture);
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
