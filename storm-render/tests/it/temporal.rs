//! Edges made smooth by earlier frames, and blending without an order.

use glam::{Mat4, Vec3};
use storm_assets::{AlphaMode, Image, Material};
use storm_render::{
    Culling, ImageTarget, InstanceTransform, Picker, Quality, Renderer, RendererDesc, Sky, View,
};

use crate::{
    gallery::{self, at},
    golden::{self, flip},
    harness::{Stage, TestGpu, pixel},
    scenes,
};

fn temporal() -> Quality {
    Quality {
        temporal: true,
        ..Quality::CPU
    }
}

fn renderer(gpu: &TestGpu, multisampling: bool, quality: Quality) -> Renderer {
    let desc = RendererDesc {
        multisampling,
        quality,
        ..RendererDesc::default()
    };
    Renderer::new(gpu, &desc).unwrap()
}

/// A still picture settles, and its edges are then nearer to those of four samples a pixel.
#[test]
fn a_still_picture_becomes_smooth() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::shapes(&mut stage);
    let smooth = stage.picture(&view);
    stage.renderer = renderer(&gpu, false, Quality::CPU);
    let rough = stage.picture(&view);
    for culling in [Culling::Frustum, Culling::Occlusion] {
        let quality = Quality {
            culling,
            ..temporal()
        };
        stage.renderer = renderer(&gpu, false, quality);
        let frames: Vec<Image> = (0..40).map(|_| stage.picture(&view)).collect();
        let (before, after) = (flip(&smooth, &rough), flip(&smooth, &frames[39]));
        assert!(
            after < 0.8 * before,
            "{culling:?}: {after} from smooth, {before} without"
        );
        let still = flip(&frames[31], &frames[39]);
        assert!(still < 0.01, "{culling:?}: {still} between settled frames");
    }
}

/// A bright box crosses a dark picture; behind it nothing is left.
#[test]
fn what_moves_leaves_no_ghost() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer = renderer(&gpu, false, temporal());
    let dark = Sky {
        sun_color: Vec3::ZERO,
        zenith: Vec3::splat(0.02),
        horizon: Vec3::splat(0.02),
        ground: Vec3::splat(0.02),
        ..Sky::default()
    };
    stage.scene.set_sky(dark);
    let glow = Material {
        emissive: [2.0; 3],
        ..Material::matte("", [0.0; 3], 1.0)
    };
    let wall = InstanceTransform::from_mat4(
        Mat4::from_translation(Vec3::new(0.0, 0.0, -3.0)) * Mat4::from_scale(Vec3::splat(9.0)),
    );
    stage.add(
        "wall",
        &scenes::quad(),
        &Material::matte("", [0.1; 3], 1.0),
        wall,
    );
    let slot = stage.add("box", &scenes::cube(), &glow, at(-4.0, 0.0, 0.0));
    let view = View::look_at(Vec3::new(0.0, 0.0, 10.0), Vec3::ZERO);
    let mut picture = stage.picture(&view);
    for step in 1..=16 {
        let x = -4.0 + step as f32 * 0.5;
        stage.scene.set_transform(slot, &at(x, 0.0, 0.0)).unwrap();
        picture = stage.picture(&view);
    }
    let bare = pixel(&picture, 20, 90)[0];
    // The box is at 4, one to each side: what lies behind it has been covered before.
    for x in [100, 120, 140, 160, 180, 200] {
        let found = pixel(&picture, x, 90)[0];
        assert!(
            found.abs_diff(bare) <= 12,
            "{found} at {x}, {bare} where nothing was"
        );
    }
    let inside = pixel(&picture, 235, 90)[0];
    assert!(inside > 200, "the box itself is bright: {inside}");
}

/// What is uploaded for a pick, or for a renderer that does not ask where things were, has moved all the same.
#[test]
fn picks_and_other_renderers_between_frames_change_no_motion() {
    let gpu = TestGpu::new();
    let run = |others: bool| {
        let mut stage = Stage::new(&gpu);
        let view = gallery::materials(&mut stage);
        stage.renderer = renderer(&gpu, false, temporal());
        let glow = Material {
            emissive: [2.0; 3],
            ..Material::matte("", [0.0; 3], 1.0)
        };
        let slot = stage.add("box", &scenes::cube(), &glow, at(-2.0, 0.0, 0.0));
        let mut picker = Picker::new(&gpu).unwrap();
        let mut plain = renderer(&gpu, false, Quality::CPU);
        let mut beside = ImageTarget::new(&gpu, 64, 36).unwrap();
        (0..8)
            .map(|step| {
                let place = at(-2.0 + step as f32 * 0.4, 0.5, 0.0);
                stage.scene.set_transform(slot, &place).unwrap();
                if others && step % 2 == 0 {
                    picker.slots(&mut stage.scene, &view, (64, 36)).unwrap();
                } else if others {
                    plain.render(&mut stage.scene, &view, &mut beside).unwrap();
                }
                stage.picture(&view)
            })
            .collect::<Vec<_>>()
    };
    let (alone, among) = (run(false), run(true));
    for (step, (alone, among)) in alone.iter().zip(&among).enumerate() {
        assert!(alone.pixels() == among.pixels(), "step {step}");
    }
}

/// A camera that turns and moves sees nearly what one that stands there sees.
#[test]
fn a_camera_that_moves_sees_what_is_there() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = |step: f32| {
        View::look_at(
            Vec3::new(1.5 + step * 0.05, 5.0, 8.5),
            Vec3::new(-0.3 + step * 0.1, 0.4, -0.3),
        )
    };
    gallery::lamps(&mut stage);
    stage.renderer = renderer(&gpu, false, temporal());
    let mut moving = stage.picture(&view(0.0));
    for step in 1..=20 {
        moving = stage.picture(&view(step as f32));
    }
    stage.renderer.cut();
    let mut standing = stage.picture(&view(20.0));
    for _ in 0..20 {
        standing = stage.picture(&view(20.0));
    }
    let apart = flip(&moving, &standing);
    assert!(apart < 0.03, "{apart}");
}

/// Everything at once, in both kinds of pictures, with nothing for the validation layer to say.
#[test]
fn all_that_there_is_goes_together() {
    let gpu = TestGpu::new();
    for multisampling in [true, false] {
        let mut stage = Stage::new(&gpu);
        let quality = Quality {
            weighted_blending: true,
            ..Quality::HIGH
        };
        stage.renderer = renderer(&gpu, multisampling, quality);
        let view = gallery::city(&mut stage);
        let view = View {
            bloom: 0.1,
            auto_exposure: Some(storm_render::AutoExposure::default()),
            ..view
        };
        for _ in 0..3 {
            stage.draw(&view);
        }
        // A size of its own is a plan of its own.
        let mut target = storm_render::ImageTarget::new(&gpu, 97, 61).unwrap();
        for _ in 0..2 {
            stage
                .renderer
                .render(&mut stage.scene, &view, &mut target)
                .unwrap();
        }
        target.read().unwrap();
    }
}

fn pane(color: [f32; 3], alpha: f32) -> Material {
    Material {
        base_color: [0.0, 0.0, 0.0, alpha],
        emissive: color,
        alpha_mode: AlphaMode::Blend,
        double_sided: true,
        ..Material::matte("", [0.0; 3], 1.0)
    }
}

fn weighted() -> Quality {
    Quality {
        weighted_blending: true,
        ..Quality::CPU
    }
}

/// Two panes through one another: sorted by their middles one is wholly in front; weighted, each side has its own colour.
#[test]
fn panes_that_cross_are_blended_without_an_order() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer.set_quality(weighted());
    for (name, color, turn) in [
        ("red", [1.0, 0.0, 0.0], 0.7_f32),
        ("green", [0.0, 1.0, 0.0], -0.7),
    ] {
        let place = Mat4::from_rotation_y(turn) * Mat4::from_scale(Vec3::splat(1.5));
        stage.add(
            name,
            &scenes::quad(),
            &pane(color, 0.6),
            InstanceTransform::from_mat4(place),
        );
    }
    let picture = stage.picture(&View::look_at(Vec3::new(0.0, 0.0, 4.0), Vec3::ZERO));
    let ([lr, lg, ..], [rr, rg, ..]) = (pixel(&picture, 110, 90), pixel(&picture, 210, 90));
    let (left, right) = (i32::from(lr) - i32::from(lg), i32::from(rr) - i32::from(rg));
    assert!(
        left.signum() != right.signum(),
        "left {lr} {lg}, right {rr} {rg}"
    );
}

/// One layer has no order: both ways give the same picture.
#[test]
fn one_pane_is_the_same_sorted_and_weighted() {
    let gpu = TestGpu::new();
    for multisampling in [true, false] {
        let mut stage = Stage::new(&gpu);
        stage.add(
            "wall",
            &scenes::cube(),
            &Material::matte("", [0.7; 3], 0.9),
            at(0.0, 0.0, -4.0),
        );
        stage.add(
            "pane",
            &scenes::quad(),
            &pane([0.1, 0.3, 0.5], 0.4),
            at(0.3, 0.0, 0.0),
        );
        let view = View::look_at(Vec3::new(0.0, 0.0, 4.0), Vec3::ZERO);
        let [sorted, weighted] = [Quality::CPU, weighted()].map(|quality| {
            stage.renderer = renderer(&gpu, multisampling, quality);
            stage.picture(&view)
        });
        let apart = flip(&sorted, &weighted);
        assert!(apart < 0.004, "{multisampling}: {apart}");
    }
}

#[test]
fn panes_in_weighted_order() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer.set_quality(weighted());
    let view = gallery::transparency(&mut stage);
    let picture = stage.picture(&view);
    golden::check("transparency-weighted", &stage, &picture);
}
