//! Shadows and many lights.

use glam::{Mat4, Vec3};
use storm_assets::Material;
use storm_render::{
    AutoExposure, Culling, InstanceTransform, Light, Quality, Renderer, RendererDesc,
    ShadowQuality, Sky, View,
};

use crate::{
    gallery::{self, at},
    golden,
    harness::{Stage, TestGpu, pixel},
    scenes,
};

const SHADOWS: ShadowQuality = ShadowQuality {
    cascades: 3,
    resolution: 1024,
    distance: 60.0,
    light_maps: 8,
    light_resolution: 256,
};

fn shadowed() -> Quality {
    Quality {
        shadows: Some(SHADOWS),
        ..Quality::CPU
    }
}

#[test]
fn shadows_of_the_sun_a_lamp_and_a_spot_light() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer.set_quality(shadowed());
    let view = gallery::lamps(&mut stage);
    let picture = stage.picture(&view);
    golden::check("lamps", &stage, &picture);
}

#[test]
fn shadows_along_a_street() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer.set_quality(Quality {
        culling: Culling::Occlusion,
        ..shadowed()
    });
    let view = gallery::city(&mut stage);
    let picture = stage.picture(&view);
    golden::check("city", &stage, &picture);
}

#[test]
fn a_thousand_lights() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::thousand(&mut stage);
    let picture = stage.picture(&view);
    golden::check("thousand", &stage, &picture);
}

/// Sorting lights into parts of the view leaves out only what adds nothing.
#[test]
fn not_a_byte_changes_when_lights_are_sorted() {
    let gpu = TestGpu::new();
    for (name, scene) in [
        ("lamps", gallery::lamps as gallery::Scene),
        ("thousand", gallery::thousand),
        ("storm", gallery::storm),
    ] {
        let mut stage = Stage::new(&gpu);
        let view = scene(&mut stage);
        let views = [
            view,
            View::look_at(Vec3::new(0.3, 0.5, 0.2), Vec3::new(4.0, 0.4, -9.0)),
            View::look_at(Vec3::new(0.0, 60.0, 0.0), Vec3::new(0.0, 0.0, -9.0)),
        ];
        for (i, view) in views.iter().enumerate() {
            let mut picture = |clustered_above| {
                stage.renderer.set_quality(Quality {
                    clustered_above,
                    ..Quality::CPU
                });
                stage.picture(view)
            };
            assert!(picture(0) == picture(u32::MAX), "{name}, view {i}");
        }
    }
}

/// What casts a shadow is culled by where the light is: never by where the camera is.
#[test]
fn not_a_byte_of_a_shadow_changes_when_culling_is_on() {
    let gpu = TestGpu::new();
    for (name, scene) in [
        ("lamps", gallery::lamps as gallery::Scene),
        ("city", gallery::city),
    ] {
        let mut stage = Stage::new(&gpu);
        let view = scene(&mut stage);
        let [off, frustum, occlusion] =
            [Culling::Off, Culling::Frustum, Culling::Occlusion].map(|culling| {
                stage.renderer.set_quality(Quality {
                    culling,
                    ..shadowed()
                });
                stage.draw(&view);
                stage.picture(&view)
            });
        assert!(off == frustum && off == occlusion, "{name}");
    }
}

/// A box over a floor, out of view, throws its shadow into the picture.
#[test]
fn what_is_not_seen_casts_a_shadow() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer.set_quality(shadowed());
    stage.scene.set_sky(Sky {
        sun_direction: Vec3::Y,
        ..Sky::default()
    });
    let matte = Material::matte("", [0.5; 3], 1.0);
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(9.0));
    stage.add(
        "floor",
        &scenes::quad(),
        &matte,
        InstanceTransform::from_mat4(flat),
    );
    let slot = stage.add("box", &scenes::cube(), &matte, at(0.0, 30.0, 0.0));
    let view = View::look_at(Vec3::new(0.0, 3.0, 3.0), Vec3::ZERO);
    let [dark, ..] = pixel(&stage.picture(&view), 160, 90);
    stage
        .scene
        .set_transform(slot, &at(5.0, 30.0, 0.0))
        .unwrap();
    let [light, ..] = pixel(&stage.picture(&view), 160, 90);
    assert!(light > dark + 40, "{light} in the sun, {dark} in the shade");
}

/// Each shadow is darker inside than outside, for lights on every side of what casts it.
#[test]
fn lights_on_every_side_cast_shadows() {
    let gpu = TestGpu::new();
    for direction in [Vec3::X, -Vec3::X, Vec3::Y, -Vec3::Y, Vec3::Z, -Vec3::Z] {
        let mut stage = Stage::new(&gpu);
        stage.scene.set_sky(Sky {
            sun_color: Vec3::ZERO,
            ..Sky::default()
        });
        let matte = Material {
            double_sided: true,
            ..Material::matte("", [0.8; 3], 1.0)
        };
        let towards = glam::Quat::from_rotation_arc(Vec3::Z, -direction);
        let place = |distance: f32, size: f32| {
            InstanceTransform::from_mat4(
                Mat4::from_translation(direction * distance)
                    * Mat4::from_quat(towards)
                    * Mat4::from_scale(Vec3::splat(size)),
            )
        };
        // A wall, and a screen half way to it.
        stage.add("wall", &scenes::quad(), &matte, place(4.0, 6.0));
        let screen = stage.add("screen", &scenes::quad(), &matte, place(2.0, 0.5));
        let lamp = Light {
            cell: [0; 3],
            translation: Vec3::ZERO,
            color: Vec3::splat(30.0),
            range: 20.0,
            spot: None,
        };
        stage.scene.set_lights(&[lamp]).unwrap();
        stage.renderer.set_quality(shadowed());
        // From behind the screen, onto the middle of the wall.
        let view = View::look_at(direction * 2.5, direction * 4.0);
        let [dark, ..] = pixel(&stage.picture(&view), 160, 90);
        stage.scene.remove(screen).unwrap();
        let [light, ..] = pixel(&stage.picture(&view), 160, 90);
        assert!(
            light > dark + 30,
            "{direction}: {light} lit, {dark} in the shadow"
        );
    }
}

#[test]
fn a_light_more_or_less_and_other_qualities_take_turns() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let desc = RendererDesc {
        multisampling: false,
        quality: Quality::HIGH,
        ..RendererDesc::default()
    };
    stage.renderer = Renderer::new(&gpu, &desc).unwrap();
    let view = gallery::lamps(&mut stage);
    let lamp = Light {
        cell: [0; 3],
        translation: Vec3::new(0.0, 2.0, 0.0),
        color: Vec3::ONE,
        range: 5.0,
        spot: None,
    };
    for count in [0, 1, 3, 40, 2, 300, 0] {
        let lights: Vec<_> = (0..count)
            .map(|i| Light {
                translation: Vec3::new(i as f32 * 0.1, 2.0, 0.0),
                ..lamp
            })
            .collect();
        stage.scene.set_lights(&lights).unwrap();
        for quality in [Quality::CPU, shadowed()] {
            stage.renderer.set_quality(quality);
            stage.draw(&view);
        }
    }
}

/// Passes that compute beside others, or after them on the same queue: the same picture, frame after frame.
#[test]
fn not_a_byte_changes_when_passes_run_beside_one_another() {
    let gpu = TestGpu::new();
    for (name, scene) in [
        ("lamps", gallery::lamps as gallery::Scene),
        ("thousand", gallery::thousand),
    ] {
        let mut stage = Stage::new(&gpu);
        let view = View {
            auto_exposure: Some(AutoExposure::default()),
            bloom: 0.1,
            ..scene(&mut stage)
        };
        let quality = Quality {
            culling: Culling::Occlusion,
            clustered_above: 0,
            ..shadowed()
        };
        let pictures = [false, true].map(|async_compute| {
            stage.renderer.set_quality(Quality {
                async_compute,
                ..quality
            });
            // Exposure begins anew with each plan, and settles from frame to frame.
            (0..6).map(|_| stage.picture(&view)).collect::<Vec<_>>()
        });
        let [one, two] = pictures;
        assert!(one == two, "{name}");
    }
}

/// While nothing moves, maps are those of the frame before; whatever moves, they are those of a renderer that has just begun.
#[test]
fn shadow_maps_are_kept_while_nothing_moves_and_not_a_byte_differs() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::lamps(&mut stage);
    let matte = Material::matte("", [0.5; 3], 1.0);
    let mover = stage.add("mover", &scenes::cube(), &matte, at(0.0, 1.0, -2.0));
    let desc = RendererDesc {
        quality: shadowed(),
        ..RendererDesc::default()
    };
    stage.renderer = Renderer::new(&gpu, &desc).unwrap();
    let other = View {
        translation: view.translation + Vec3::new(0.3, 0.1, 0.0),
        ..view
    };
    // What changes, what is looked from, and whether maps are drawn.
    type Change = fn(&mut Stage<'_>, storm_render::RenderSlot);
    let nothing: Change = |_, _| {};
    let steps: [(&str, Change, View, bool); 9] = [
        ("the first frame", nothing, view, true),
        ("nothing", nothing, view, false),
        ("nothing again", nothing, view, false),
        (
            "an instance moves",
            |stage, mover| {
                stage
                    .scene
                    .set_transform(mover, &at(0.5, 1.2, -2.0))
                    .unwrap()
            },
            view,
            true,
        ),
        ("nothing after that", nothing, view, false),
        ("the camera moves", nothing, other, true),
        (
            "the sun moves",
            |stage, _| {
                stage.scene.set_sky(Sky {
                    sun_direction: Vec3::new(0.2, 0.6, 0.7),
                    ..*stage.scene.sky()
                });
            },
            other,
            true,
        ),
        (
            "an instance goes",
            |stage, mover| stage.scene.remove(mover).unwrap(),
            other,
            true,
        ),
        ("nothing at the end", nothing, other, false),
    ];
    for (name, change, view, drawn) in steps {
        change(&mut stage, mover);
        let picture = stage.picture(&view);
        gpu.wait_idle().unwrap();
        let counts = stage.renderer.report().unwrap().unwrap().culling.unwrap();
        assert_eq!(counts.shadows > 0, drawn, "{name}: {counts:?}");
        let mut fresh = Renderer::new(&gpu, &desc).unwrap();
        fresh
            .render(&mut stage.scene, &view, &mut stage.target)
            .unwrap();
        assert!(stage.target.read().unwrap() == picture, "{name}");
    }
}
