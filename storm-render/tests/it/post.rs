//! What happens to a picture after shading: exposure, bloom, tone maps, ambient occlusion.

use glam::{Mat4, Vec3};
use storm_assets::{Image, Material};
use storm_render::{
    AutoExposure, InstanceTransform, Quality, Renderer, RendererDesc, Sky, ToneMap, View,
};

use crate::{
    gallery::{self, at},
    golden,
    harness::{Stage, TestGpu, pixel},
    scenes,
};

fn occluded() -> Quality {
    Quality {
        ambient_occlusion: Some(1.0),
        ..Quality::CPU
    }
}

#[test]
fn tone_maps() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::storm(&mut stage);
    for (name, tone_map) in [("storm-agx", ToneMap::AgX), ("storm-aces", ToneMap::Aces)] {
        let picture = stage.picture(&View { tone_map, ..view });
        golden::check(name, &stage, &picture);
    }
}

/// A surface that shines alone, as grey as it is told to.
fn shining<'a>(gpu: &'a TestGpu, radiance: f32) -> (Stage<'a>, View) {
    let mut stage = Stage::new(gpu);
    stage.scene.set_sky(Sky {
        sun_color: Vec3::ZERO,
        zenith: Vec3::ZERO,
        horizon: Vec3::ZERO,
        ground: Vec3::ZERO,
        ..Sky::default()
    });
    let glow = Material {
        emissive: [radiance; 3],
        ..Material::matte("", [0.0; 3], 1.0)
    };
    let wide = InstanceTransform::from_mat4(Mat4::from_scale(Vec3::splat(20.0)));
    stage.add("wall", &scenes::quad(), &glow, wide);
    let view = View {
        tone_map: ToneMap::None,
        ..View::look_at(Vec3::new(0.0, 0.0, 3.0), Vec3::ZERO)
    };
    (stage, view)
}

fn srgb(linear: f32) -> f32 {
    255.0
        * if linear <= 0.003_130_8 {
            linear * 12.92
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        }
}

/// What each operator makes of grey, against its published curve.
#[test]
fn operators_map_grey_as_published() {
    let gpu = TestGpu::new();
    for (tone_map, radiance, expected) in [
        (ToneMap::None, 0.18, 0.18),
        // Below 0.8 only the reflection of a dielectric is taken off: 0.04.
        (ToneMap::PbrNeutral, 0.5, 0.46),
        (
            ToneMap::PbrNeutral,
            4.0,
            1.0 - 0.24 * 0.24 / (3.96 + 0.24 - 0.76),
        ),
        // The values of Hill's fit and of Wrensch's polynomial, worked out by hand.
        (ToneMap::Aces, 0.18, 0.1055),
        (ToneMap::AgX, 0.18, 0.2142),
    ] {
        let (mut stage, view) = shining(&gpu, radiance);
        let picture = stage.picture(&View { tone_map, ..view });
        let [r, ..] = pixel(&picture, 160, 90);
        let wanted = srgb(expected);
        assert!(
            (f32::from(r) - wanted).abs() <= 1.5,
            "{tone_map:?} of {radiance}: {r}, {wanted} expected"
        );
    }
}

#[test]
fn exposure_makes_every_brightness_the_same_grey() {
    let gpu = TestGpu::new();
    for radiance in [0.01, 0.18, 1.0, 30.0] {
        for multisampling in [true, false] {
            let (mut stage, view) = shining(&gpu, radiance);
            let desc = RendererDesc {
                multisampling,
                ..RendererDesc::default()
            };
            stage.renderer = Renderer::new(&gpu, &desc).unwrap();
            let view = View {
                auto_exposure: Some(AutoExposure {
                    low: 1e-3,
                    ..AutoExposure::default()
                }),
                ..view
            };
            let [r, ..] = pixel(&stage.picture(&view), 160, 90);
            let wanted = srgb(0.18);
            // A bin is a tenth of a stop wide.
            assert!(
                (f32::from(r) - wanted).abs() < 4.0,
                "{radiance}: {r}, {wanted} expected"
            );
        }
    }
}

#[test]
fn exposure_follows_slowly_and_within_bounds() {
    let gpu = TestGpu::new();
    let (mut stage, view) = shining(&gpu, 0.18);
    let auto = AutoExposure {
        speed: 0.5,
        high: 2.0,
        ..AutoExposure::default()
    };
    let view = View {
        auto_exposure: Some(auto),
        ..view
    };
    let before = pixel(&stage.picture(&view), 160, 90)[0];
    // Sixteen times darker: four stops, of which one is allowed.
    let dark = Material {
        emissive: [0.18 / 16.0; 3],
        ..Material::matte("", [0.0; 3], 1.0)
    };
    let handle = storm_assets::Handle::of("wall", "material");
    stage.scene.insert_material(handle, &dark).unwrap();
    let steps: Vec<u8> = (0..12)
        .map(|_| pixel(&stage.picture(&view), 160, 90)[0])
        .collect();
    assert!(
        steps.is_sorted() && steps[0] < before && steps[0] < steps[3],
        "{steps:?}"
    );
    let wanted = srgb(0.18 / 16.0 * 2.0);
    assert!(
        (f32::from(steps[11]) - wanted).abs() < 2.0,
        "{steps:?}, {wanted} at last"
    );
}

/// A dark room with small bright things.
fn sparks(stage: &mut Stage<'_>) -> View {
    stage.scene.set_sky(Sky {
        sun_color: Vec3::ZERO,
        zenith: Vec3::splat(0.01),
        horizon: Vec3::splat(0.02),
        ground: Vec3::splat(0.01),
        ..Sky::default()
    });
    for i in 0..9 {
        let a = i as f32 * 0.7;
        let glow = Material {
            emissive: [6.0 + 4.0 * a.cos(), 5.0, 6.0 - 4.0 * a.cos()],
            ..Material::matte("", [0.0; 3], 1.0)
        };
        let place =
            Mat4::from_translation(Vec3::new(a.cos() * 2.0, a.sin() * 1.2, -(i as f32) * 0.4))
                * Mat4::from_scale(Vec3::splat(0.12));
        let name = format!("spark {i}");
        stage.add(
            &name,
            &scenes::sphere(12, 24),
            &glow,
            InstanceTransform::from_mat4(place),
        );
    }
    View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
}

#[test]
fn bloom_glows_around_what_is_bright() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = View {
        bloom: 0.15,
        ..sparks(&mut stage)
    };
    let picture = stage.picture(&view);
    golden::check("sparks", &stage, &picture);
}

#[test]
fn bloom_of_an_even_picture_is_that_picture() {
    let gpu = TestGpu::new();
    for multisampling in [true, false] {
        let (mut stage, view) = shining(&gpu, 0.4);
        let desc = RendererDesc {
            multisampling,
            ..RendererDesc::default()
        };
        stage.renderer = Renderer::new(&gpu, &desc).unwrap();
        let plain = stage.picture(&view);
        let bloom = stage.picture(&View { bloom: 0.5, ..view });
        let apart = plain.pixels().iter().zip(bloom.pixels());
        let most = apart.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(most <= 1, "{most}");
    }
}

/// Boxes on a floor against a wall, under an even sky.
fn corner(stage: &mut Stage<'_>) -> View {
    stage.scene.set_sky(Sky {
        sun_color: Vec3::ZERO,
        zenith: Vec3::splat(0.6),
        horizon: Vec3::splat(0.6),
        ground: Vec3::splat(0.6),
        ..Sky::default()
    });
    let matte = Material::matte("", [0.8; 3], 1.0);
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(12.0));
    stage.add(
        "floor",
        &scenes::quad(),
        &matte,
        InstanceTransform::from_mat4(flat),
    );
    let wall =
        Mat4::from_translation(Vec3::new(0.0, 0.0, -2.0)) * Mat4::from_scale(Vec3::splat(12.0));
    stage.add(
        "wall",
        &scenes::quad(),
        &matte,
        InstanceTransform::from_mat4(wall),
    );
    for (i, x) in [-2.2_f32, -0.6, 1.4].into_iter().enumerate() {
        let size = 0.4 + 0.25 * i as f32;
        let place = Mat4::from_translation(Vec3::new(x, size, 0.3 - 0.3 * i as f32))
            * Mat4::from_rotation_y(0.5 * i as f32)
            * Mat4::from_scale(Vec3::splat(size));
        stage.add(
            "box",
            &scenes::cube(),
            &matte,
            InstanceTransform::from_mat4(place),
        );
    }
    View::look_at(Vec3::new(1.0, 2.6, 5.0), Vec3::new(0.0, 0.5, 0.0))
}

#[test]
fn corners_are_darker() {
    let gpu = TestGpu::new();
    for (name, multisampling) in [("corner", true), ("corner-plain", false)] {
        let mut stage = Stage::new(&gpu);
        let desc = RendererDesc {
            multisampling,
            quality: occluded(),
            ..RendererDesc::default()
        };
        stage.renderer = Renderer::new(&gpu, &desc).unwrap();
        let view = corner(&mut stage);
        let picture = stage.picture(&view);
        golden::check(name, &stage, &picture);
    }
}

/// A plane hides nothing of its own sky, near or far, seen steeply or flatly.
#[test]
fn a_plane_is_not_occluded() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let matte = Material::matte("", [0.8; 3], 1.0);
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(500.0));
    stage.add(
        "floor",
        &scenes::quad(),
        &matte,
        InstanceTransform::from_mat4(flat),
    );
    stage.add("beside", &scenes::cube(), &matte, at(0.0, -30.0, 0.0));
    for eye in [
        Vec3::new(0.0, 2.0, 5.0),
        Vec3::new(0.0, 20.0, 1.0),
        Vec3::new(0.0, 0.5, 3.0),
    ] {
        let view = View::look_at(eye, Vec3::ZERO);
        let mut picture = |quality| -> Image {
            stage.renderer.set_quality(quality);
            stage.picture(&view)
        };
        let (with, without) = (picture(occluded()), picture(Quality::CPU));
        // Near the edge of the picture there is nothing to look at beyond it.
        for (x, y) in [(160, 120), (60, 140), (280, 170), (160, 175)] {
            let (a, b) = (pixel(&with, x, y)[1], pixel(&without, x, y)[1]);
            assert!(
                a.abs_diff(b) <= 4,
                "from {eye} at {x}, {y}: {a}, without {b}"
            );
        }
    }
}
