//! Skies: pictures and air.

use glam::{Mat4, Vec3};
use storm_assets::{HdrImage, Material};
use storm_render::{
    Atmosphere, AutoExposure, InstanceTransform, Quality, ShadowQuality, Sky, ToneMap, View,
};

use crate::{
    gallery::{self, at},
    golden,
    harness::{Stage, TestGpu, pixel},
    scenes,
};

fn sun(elevation: f32, azimuth: f32) -> Vec3 {
    let (e, a) = (elevation.to_radians(), azimuth.to_radians());
    Vec3::new(e.cos() * a.sin(), e.sin(), -e.cos() * a.cos())
}

/// In a sky that is the same everywhere, what reflects all light cannot be seen.
#[test]
fn white_furnace() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let white = HdrImage::new(64, 32, vec![[0.5; 3]; 64 * 32]).unwrap();
    stage.scene.set_sky_picture(Some(&white)).unwrap();
    stage.scene.set_sky(Sky::picture(0.0, 1.0, None));
    for (i, roughness) in [0.0, 0.3, 0.6, 1.0].into_iter().enumerate() {
        for (j, metallic) in [0.0, 1.0].into_iter().enumerate() {
            let material = Material {
                metallic,
                ..Material::matte("", [1.0; 3], roughness)
            };
            let place = at(i as f32 * 2.2 - 3.3, j as f32 * 2.2 - 1.1, 0.0);
            stage.add(
                &format!("{i} {j}"),
                &scenes::sphere(48, 96),
                &material,
                place,
            );
        }
    }
    let view = View {
        tone_map: ToneMap::None,
        ..View::look_at(Vec3::new(0.0, 0.0, 9.0), Vec3::ZERO)
    };
    let picture = stage.picture(&view);
    // 0.5 is 187.5 in sRGB. Half floats and a table of 64 entries leave a little.
    let furthest = picture
        .pixels()
        .chunks_exact(4)
        .flat_map(|p| &p[..3])
        .map(|c| c.abs_diff(188))
        .max();
    assert!(furthest <= Some(4), "{furthest:?} levels from the sky");
}

/// A room's worth of light: a blue sky, a sun, brown ground, a dark wall to the right.
fn outdoors() -> HdrImage {
    let towards = sun(35.0, 60.0);
    HdrImage::from_fn(256, |d| {
        let air = Vec3::new(0.25, 0.45, 0.9).lerp(Vec3::splat(0.9), (1.0 - d.y.abs()).powi(4));
        let ground = Vec3::new(0.25, 0.18, 0.12);
        let here = if d.y < 0.0 { ground } else { air };
        let wall = d.x < -0.8 && d.y.abs() < 0.4;
        let here = if wall { Vec3::splat(0.03) } else { here };
        if d.dot(towards) > 0.03_f32.cos() {
            Vec3::new(900.0, 820.0, 700.0)
        } else {
            here
        }
    })
    .unwrap()
}

#[test]
fn a_picture_lights_a_scene_and_its_sun_casts_shadows() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::materials(&mut stage);
    let mut picture = outdoors();
    let taken = picture.take_sun().unwrap();
    stage.scene.set_sky_picture(Some(&picture)).unwrap();
    stage.scene.set_sky(Sky::picture(0.5, 0.8, Some(taken)));
    stage.renderer.set_quality(Quality {
        shadows: Some(ShadowQuality {
            resolution: 512,
            ..ShadowQuality::LOW
        }),
        ..Quality::CPU
    });
    let drawn = stage.picture(&view);
    golden::check("sky-picture", &stage, &drawn);
}

/// A plane lit by a sun in the picture gets what it gets by the sun beside it, give or take what nine harmonics blur.
#[test]
fn a_sun_is_counted_once() {
    let gpu = TestGpu::new();
    let lit = |take: bool| {
        let mut stage = Stage::new(&gpu);
        let towards = sun(60.0, 0.0);
        let mut picture = HdrImage::from_fn(256, |d| {
            Vec3::splat(
                0.1 + if d.dot(towards) > 0.04_f32.cos() {
                    150.0
                } else {
                    0.0
                },
            )
        })
        .unwrap();
        let taken = take.then(|| picture.take_sun().unwrap());
        stage.scene.set_sky_picture(Some(&picture)).unwrap();
        stage.scene.set_sky(Sky::picture(0.0, 1.0, taken));
        let matte = Material::matte("", [0.5; 3], 1.0);
        stage.add("ball", &scenes::sphere(48, 96), &matte, at(0.0, 0.0, 0.0));
        let view = View {
            tone_map: ToneMap::None,
            ..View::look_at(towards * 4.0, Vec3::ZERO)
        };
        f32::from(pixel(&stage.picture(&view), 160, 90)[1])
    };
    let [inside, beside] = [lit(false), lit(true)];
    assert!((inside / beside - 1.0).abs() < 0.08, "{inside} {beside}");
}

#[test]
fn a_picture_that_comes_goes_and_is_another() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::materials(&mut stage);
    let plain = |value: f32| HdrImage::new(8, 4, vec![[value; 3]; 32]).unwrap();
    stage.scene.set_sky(Sky::picture(0.0, 1.0, None));
    let gradient = stage.picture(&view);
    let mut seen = Vec::new();
    for value in [0.1, 0.9, 0.1] {
        stage.scene.set_sky_picture(Some(&plain(value))).unwrap();
        seen.push(stage.picture(&view));
        let still = stage.draw(&view).uploaded_bytes;
        stage.draw(&view);
        assert_eq!(stage.draw(&view).uploaded_bytes, 0, "{still} before");
    }
    assert!(seen[0] == seen[2] && seen[0] != seen[1] && seen[0] != gradient);
    stage.scene.set_sky_picture(None).unwrap();
    assert!(stage.picture(&view) == gradient);
}

/// A plain with pillars at 30 m, and at up to 16 km, each as large as it looks; and a ball.
fn plain(stage: &mut Stage<'_>) -> View {
    let clay = Material::matte("clay", [0.45, 0.36, 0.28], 0.9);
    let flat = Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2);
    let floor = InstanceTransform::from_mat4(flat * Mat4::from_scale(Vec3::splat(40_000.0)));
    stage.add("floor", &scenes::quad(), &clay, floor);
    let brick = Material::matte("brick", [0.5, 0.16, 0.1], 0.9);
    for (i, distance) in [30.0, 500.0, 2_000.0, 6_000.0, 16_000.0]
        .into_iter()
        .enumerate()
    {
        let size = Vec3::new(0.04, 0.25, 0.04) * distance;
        let place = Vec3::new((i as f32 * 0.22 - 0.55) * distance, 0.5 * size.y, -distance);
        let pillar = Mat4::from_translation(place) * Mat4::from_scale(size);
        let name = format!("pillar {i}");
        let pillar = InstanceTransform::from_mat4(pillar);
        stage.add(&name, &scenes::cube(), &brick, pillar);
    }
    let steel = Material {
        metallic: 1.0,
        ..Material::matte("steel", [0.9; 3], 0.1)
    };
    stage.add("ball", &scenes::sphere(32, 64), &steel, at(2.5, 1.0, -9.0));
    View::look_at(Vec3::new(0.0, 2.0, 0.0), Vec3::new(0.0, 3.4, -10.0))
}

#[test]
fn skies_of_air() {
    let gpu = TestGpu::new();
    for (name, elevation, exposure) in [
        ("air-noon", 65.0, 2.0),
        ("air-evening", 6.0, 3.0),
        ("air-sunset", 0.3, 12.0),
        ("air-dusk", -4.0, 150.0),
    ] {
        let mut stage = Stage::new(&gpu);
        let view = plain(&mut stage);
        // Towards the sun, a little to its side.
        stage
            .scene
            .set_sky(Sky::air(Atmosphere::EARTH, sun(elevation, 10.0)));
        stage.renderer.set_quality(Quality {
            shadows: Some(ShadowQuality {
                resolution: 512,
                ..ShadowQuality::LOW
            }),
            ..Quality::CPU
        });
        let picture = stage.picture(&View { exposure, ..view });
        golden::check(name, &stage, &picture);
    }
}

#[test]
fn air_from_above_and_with_automatic_exposure() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let air = Atmosphere {
        altitude: 30_000.0,
        ..Atmosphere::EARTH
    };
    stage.scene.set_sky(Sky::air(air, sun(20.0, 0.0)));
    let view = View {
        auto_exposure: Some(AutoExposure::default()),
        ..View::look_at(Vec3::ZERO, Vec3::new(0.4, -0.05, -1.0))
    };
    let picture = stage.picture(&view);
    golden::check("air-high", &stage, &picture);
}

/// Tables are made where the air or the sun changes, and not where the camera moves.
#[test]
fn a_still_sky_of_air_uploads_and_filters_nothing() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::materials(&mut stage);
    let noon = Sky::air(Atmosphere::EARTH, sun(60.0, 30.0));
    stage.scene.set_sky(noon);
    let first = stage.picture(&view);
    for _ in 0..3 {
        stage.draw(&view);
    }
    assert_eq!(stage.draw(&view).uploaded_bytes, 0);
    stage
        .scene
        .set_sky(Sky::air(Atmosphere::EARTH, sun(3.0, 30.0)));
    assert!(stage.picture(&view) != first);
    stage.scene.set_sky(noon);
    assert!(stage.picture(&view) == first, "and back to the last byte");
}
