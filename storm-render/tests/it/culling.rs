//! Culling changes what is drawn and not what is seen.

use glam::{Mat4, Vec3};
use storm_assets::{Image, Material};
use storm_render::{
    CullCounts, Culling, DebugView, InstanceTransform, Picker, Quality, Renderer, RendererDesc,
    View,
};

use crate::{
    gallery::{self, at},
    golden,
    harness::{SIZE, Stage, TestGpu},
    scenes,
};

fn quality(culling: Culling) -> Quality {
    Quality {
        culling,
        ..Quality::CPU
    }
}

/// Views of a scene: as it is meant, nearer, from the side, from within, away from it, and from far off.
fn views(first: View) -> Vec<View> {
    let from = |eye: Vec3, at: Vec3| View {
        projection: first.projection,
        ..View::look_at(eye, at)
    };
    let eye = first.translation;
    vec![
        first,
        from(eye * 0.6, Vec3::ZERO),
        from(Vec3::new(eye.z, eye.y, eye.x), Vec3::ZERO),
        from(Vec3::new(0.1, 0.9, 0.2), Vec3::new(1.0, 0.5, -3.0)),
        from(eye, eye * 2.0),
        from(Vec3::new(300.0, 90.0, 500.0), Vec3::ZERO),
        first,
    ]
}

fn counts(stage: &mut Stage<'_>) -> CullCounts {
    stage.gpu().wait_idle().unwrap();
    stage.renderer.report().unwrap().unwrap().culling.unwrap()
}

/// The gate: in every scene, from every side, in both kinds of pictures, culled and not culled are the same bytes.
#[test]
fn not_a_byte_of_any_scene_changes_when_culling_is_on() {
    let gpu = TestGpu::new();
    for multisampling in [true, false] {
        for (name, scene) in gallery::SCENES {
            let mut stage = Stage::new(&gpu);
            let desc = RendererDesc {
                multisampling,
                quality: quality(Culling::Off),
                ..RendererDesc::default()
            };
            stage.renderer = Renderer::new(&gpu, &desc).unwrap();
            let view = scene(&mut stage);
            let whole: Vec<Image> = views(view).iter().map(|view| stage.picture(view)).collect();
            for culling in [Culling::Frustum, Culling::Occlusion] {
                stage.renderer.set_quality(quality(culling));
                // Each view is jumped to: what was seen before says nothing of what is seen now.
                for (i, (view, whole)) in views(view).iter().zip(&whole).enumerate() {
                    // The second and third frame begin with what the one before has seen.
                    for frame in 0..3 {
                        let same = stage.picture(view) == *whole;
                        assert!(same, "{name}, {culling:?}, view {i}, frame {frame}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_instance_is_counted_once() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let matte = Material::matte("", [0.5; 3], 0.5);
    let scaled = |place: Vec3, size: f32| {
        let matrix = Mat4::from_translation(place) * Mat4::from_scale(Vec3::splat(size));
        InstanceTransform::from_mat4(matrix)
    };
    let cube = scenes::cube();
    // A wall, five boxes behind it, three beside it, two behind the eye, and four specks.
    stage.add("wall", &scenes::quad(), &matte, scaled(Vec3::ZERO, 2.0));
    for i in 0..5 {
        let x = i as f32 * 0.5 - 1.0;
        stage.add(
            "box",
            &cube,
            &matte,
            scaled(Vec3::new(x, 0.0, -3.0 - i as f32), 0.3),
        );
    }
    for i in 0..3 {
        stage.add(
            "box",
            &cube,
            &matte,
            scaled(Vec3::new(4.0, i as f32 - 1.0, -2.0), 0.3),
        );
    }
    for i in 0..2 {
        stage.add("box", &cube, &matte, at(i as f32 * 3.0, 0.0, 20.0));
    }
    for i in 0..4 {
        stage.add(
            "box",
            &cube,
            &matte,
            scaled(Vec3::new(-4.0, i as f32 - 1.5, 0.0), 1e-4),
        );
    }
    let view = View::look_at(Vec3::new(0.0, 0.0, 6.0), Vec3::ZERO);
    let drawn = |drawn, hidden| CullCounts {
        outside: 2,
        small: 4,
        hidden,
        drawn,
        shadows: 0,
    };
    // The first frame has nothing to go by: all is drawn, and what is seen is known from then on.
    for (culling, expected) in [
        (Culling::Frustum, [drawn(9, 0), drawn(9, 0), drawn(9, 0)]),
        (Culling::Occlusion, [drawn(9, 0), drawn(4, 5), drawn(4, 5)]),
    ] {
        stage.renderer.set_quality(quality(culling));
        for (frame, expected) in expected.into_iter().enumerate() {
            stage.draw(&view);
            assert_eq!(counts(&mut stage), expected, "{culling:?}, frame {frame}");
        }
    }
    stage.renderer.set_quality(quality(Culling::Off));
    stage.draw(&view);
    gpu.wait_idle().unwrap();
    assert_eq!(stage.renderer.report().unwrap().unwrap().culling, None);
}

#[test]
fn what_hides_others_goes_and_they_are_drawn_in_the_same_frame() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer.set_quality(quality(Culling::Occlusion));
    let matte = Material::matte("", [0.5; 3], 0.5);
    let wall = stage.add("wall", &scenes::quad(), &matte, at(0.0, 0.0, 2.0));
    let glow = Material {
        emissive: [4.0, 0.0, 0.0],
        ..Material::matte("", [0.0; 3], 1.0)
    };
    stage.add("behind", &scenes::sphere(8, 12), &glow, at(0.0, 0.0, -2.0));
    let view = View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO);
    for _ in 0..3 {
        stage.draw(&view);
    }
    assert_eq!(counts(&mut stage).hidden, 1);
    stage
        .scene
        .set_transform(wall, &at(30.0, 0.0, 2.0))
        .unwrap();
    let [r, g, ..] = crate::harness::pixel(&stage.picture(&view), 160, 90);
    assert!(r > 200 && g < 180, "red at once: {r} {g}");
}

#[test]
fn a_lower_quality_drops_what_is_small() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::city(&mut stage);
    stage.draw(&view);
    let all = counts(&mut stage);
    stage.renderer.set_quality(Quality {
        small_feature_pixels: 3.0,
        ..Quality::CPU
    });
    stage.draw(&view);
    let large = counts(&mut stage);
    assert!(large.small > all.small + 20, "{large:?} after {all:?}");
    assert_eq!(all.outside, large.outside);
}

/// Coarser levels look alike where they are chosen, and draw far fewer triangles.
#[test]
fn levels_look_like_the_finest_one() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::levels(&mut stage);
    let mut with = |level_error_pixels, view: &View| {
        stage.renderer.set_quality(Quality {
            level_error_pixels,
            ..Quality::CPU
        });
        stage.picture(view)
    };
    let [finest, default, coarse] = [0.0, 1.0, 30.0].map(|pixels| with(pixels, &view));
    let [near, far] = [
        golden::flip(&finest, &default),
        golden::flip(&finest, &coarse),
    ];
    assert!(near < 0.01 && far > 3.0 * near, "{near} {far}");
    // The bias of a view is a factor: 2⁵ is 32.
    let biased = View {
        level_bias: 5.0,
        ..view
    };
    assert!(with(1.0, &biased) == with(32.0, &view));
    let shown = View {
        debug: DebugView::Levels,
        ..view
    };
    let picture = with(1.0, &shown);
    golden::check("levels", &stage, &picture);
}

#[test]
fn what_is_picked_is_there_whatever_its_level() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::levels(&mut stage);
    let mut picker = Picker::new(&gpu).unwrap();
    let slots = picker.slots(&mut stage.scene, &view, SIZE).unwrap();
    let seen: std::collections::BTreeSet<_> = slots.into_iter().flatten().collect();
    assert!(seen.len() > 40, "{}", seen.len());
}
