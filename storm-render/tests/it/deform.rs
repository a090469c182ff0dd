//! Deformed instances look, move, and are culled and picked like meshes that were made so.

use glam::{Mat4, Vec3};
use storm_assets::{Image, Material, Mesh};
use storm_render::{
    Culling, DebugView, InstanceTransform, Picker, Pose, Quality, RenderSlot, Renderer,
    RendererDesc, Sky, View,
};

use crate::{
    gallery::{self, at},
    golden::flip,
    harness::{SIZE, Stage, TestGpu},
    scenes,
};

fn pose(stage: &mut Stage<'_>, slot: RenderSlot, joints: &[Mat4], weights: &[f32]) {
    let slots = &[slot];
    let pose = Pose {
        slots,
        joints,
        weights,
    };
    stage.scene.set_pose(&pose).unwrap();
}

fn grey() -> Material {
    Material::matte("", [0.6, 0.5, 0.4], 0.6)
}

fn floor(stage: &mut Stage<'_>) {
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(20.0));
    stage.add(
        "floor",
        &scenes::quad(),
        &grey(),
        InstanceTransform::from_mat4(flat),
    );
}

fn renderer(gpu: &TestGpu, quality: Quality) -> Renderer {
    let desc = RendererDesc {
        multisampling: false,
        quality,
        ..RendererDesc::default()
    };
    Renderer::new(gpu, &desc).unwrap()
}

fn view() -> View {
    View::look_at(Vec3::new(0.0, 3.0, 10.0), Vec3::new(-0.5, 1.5, 0.0))
}

/// Colours, shadows, ambient occlusion, depth and picking of an arm that the GPU bends are those of a mesh that was bent before.
#[test]
fn all_passes_show_the_pose() {
    let gpu = TestGpu::new();
    let arm = scenes::arm(6, 30);
    let joints = scenes::bent(6, 0.25);
    let run = |mesh: &Mesh, joints: &[Mat4], quality: Quality| {
        let mut stage = Stage::new(&gpu);
        stage.renderer = renderer(&gpu, quality);
        floor(&mut stage);
        let slot = stage.add("arm", mesh, &grey(), at(0.0, 0.0, 0.0));
        if !joints.is_empty() {
            pose(&mut stage, slot, joints, &[]);
        }
        let frames: Vec<Image> = (0..3).map(|_| stage.picture(&view())).collect();
        let mut picker = Picker::new(&gpu).unwrap();
        let seen = picker.slots(&mut stage.scene, &view(), SIZE).unwrap();
        (frames, seen)
    };
    for quality in [Quality::CPU, Quality::HIGH] {
        let (by_gpu, picked) = run(&arm, &joints, quality);
        let (by_cpu, expected) = run(&arm.posed(&[], &joints), &[], quality);
        let (at_rest, _) = run(&arm, &[], quality);
        for (a, b) in by_gpu.iter().zip(&by_cpu) {
            let off = flip(a, b);
            assert!(off < 0.002, "FLIP {off}");
        }
        let far = flip(&by_gpu[2], &at_rest[2]);
        assert!(far > 0.01, "a pose changes the picture: {far}");
        let differ = picked.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert!(differ <= 4, "{differ} pixels are picked otherwise");
    }
}

/// What a pose brings into the picture is drawn, and what it takes out is culled, whatever way of culling.
#[test]
fn boxes_are_those_of_the_pose() {
    let gpu = TestGpu::new();
    let away = |x: f32| [Mat4::from_translation(Vec3::X * x)];
    let ball = Mesh {
        joints: vec![vec![[0; 4]; scenes::sphere(8, 8).positions.len()]],
        weights: vec![vec![
            [1.0, 0.0, 0.0, 0.0];
            scenes::sphere(8, 8).positions.len()
        ]],
        ..scenes::sphere(8, 8)
    };
    for culling in [Culling::Off, Culling::Frustum, Culling::Occlusion] {
        let quality = Quality {
            culling,
            ..Quality::CPU
        };
        let mut stage = Stage::new(&gpu);
        stage.renderer = renderer(&gpu, quality);
        floor(&mut stage);
        // At rest it is far out on the left.
        let slot = stage.add("ball", &ball, &grey(), at(-100.0, 1.0, 0.0));
        let bare = stage.picture(&view());
        pose(&mut stage, slot, &away(100.0), &[]);
        stage.draw(&view());
        let there = stage.picture(&view());
        assert!(
            flip(&bare, &there) > 0.004,
            "{culling:?}: the pose is in the picture"
        );
        pose(&mut stage, slot, &away(-100.0), &[]);
        stage.draw(&view());
        assert!(
            stage.picture(&view()) == bare,
            "{culling:?}: it is gone again"
        );
        gpu.wait_idle().unwrap();
        if let Some(counts) = stage.renderer.report().unwrap().unwrap().culling {
            assert_eq!(counts.outside, 1, "{culling:?}: {counts:?}");
        }
        stage.scene.clear_pose(slot).unwrap();
        assert!(stage.picture(&view()) == bare, "{culling:?}: at rest");
    }
}

/// An arm whose joint moves leaves the same behind it, frame by frame, as one that moves as a whole: what is not its motion would trail.
#[test]
fn joints_move_as_transforms_do() {
    let gpu = TestGpu::new();
    let arm = scenes::arm(3, 6);
    #[derive(Clone, Copy, PartialEq)]
    enum By {
        Transform,
        Joints,
        JointsWithoutMotion,
    }
    let run = |by: By| {
        let mut stage = Stage::new(&gpu);
        stage.renderer = renderer(
            &gpu,
            Quality {
                temporal: true,
                ..Quality::CPU
            },
        );
        stage.scene.set_sky(Sky {
            sun_color: Vec3::ZERO,
            zenith: Vec3::splat(0.02),
            horizon: Vec3::splat(0.02),
            ground: Vec3::splat(0.02),
            ..Sky::default()
        });
        // Stripes: on one colour nothing would show what moved.
        let stripes = scenes::checker(64, 16, [[255, 255, 255, 255], [0, 0, 0, 255]]);
        let image = storm_assets::Handle::of("stripes", "image");
        let key = (image, storm_render::ColorSpace::Srgb);
        stage.scene.insert_texture(key, &stripes).unwrap();
        let glow = Material {
            emissive: [2.0; 3],
            emissive_texture: Some(storm_assets::TextureSlot {
                image,
                sampler: storm_assets::Sampler::default(),
                uv_set: 0,
                transform: storm_assets::TextureTransform::IDENTITY,
            }),
            ..Material::matte("", [0.0; 3], 1.0)
        };
        let still = stage.add("still", &arm, &glow, at(3.5, 0.0, 0.0));
        pose(&mut stage, still, &scenes::bent(3, 0.1), &[]);
        let slot = stage.add("arm", &arm, &glow, at(0.0, 0.0, 0.0));
        let view = View::look_at(Vec3::new(0.0, 2.0, 8.0), Vec3::new(0.0, 2.0, 0.0));
        (0..14)
            .map(|step| {
                // It moves, and stops.
                let x = -3.0 + 0.37 * step.min(10) as f32;
                if by == By::Transform {
                    stage.scene.set_transform(slot, &at(x, 0.0, 0.0)).unwrap();
                } else {
                    let moved = [Mat4::from_translation(Vec3::X * x); 3];
                    pose(&mut stage, slot, &moved, &[]);
                }
                if by == By::JointsWithoutMotion {
                    stage.scene.jump(slot).unwrap();
                }
                stage.picture(&view)
            })
            .collect::<Vec<_>>()
    };
    let expected = run(By::Transform);
    let found = run(By::Joints);
    let wrong = run(By::JointsWithoutMotion);
    let mut worst = 0.0_f32;
    for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let off = flip(found, expected);
        assert!(off < 0.002, "FLIP {off} in frame {step}");
        worst = worst.max(off);
    }
    let without = wrong
        .iter()
        .zip(&expected)
        .map(|(a, b)| flip(a, b))
        .fold(0.0, f32::max);
    assert!(
        without > 4.0 * worst.max(0.001),
        "without motion it differs: {without}"
    );
}

/// Nothing is uploaded and there is nothing to do where no pose changes, and no pass at all where there are none.
#[test]
fn a_still_pose_costs_nothing() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer = renderer(&gpu, Quality::HIGH);
    floor(&mut stage);
    let slot = stage.add("arm", &scenes::arm(6, 30), &grey(), at(0.0, 0.0, 0.0));
    stage.draw(&view());
    let has_pass = |stage: &Stage<'_>| stage.renderer.graph().unwrap().contains("deform");
    assert!(!has_pass(&stage), "nothing is deformed");
    let joints = scenes::bent(6, 0.25);
    pose(&mut stage, slot, &joints, &[]);
    for _ in 0..4 {
        stage.draw(&view());
    }
    assert!(has_pass(&stage));
    // Constants change with the jitter of each frame.
    let still = stage.draw(&view()).uploaded_bytes;
    pose(&mut stage, slot, &joints, &[]);
    assert_eq!(
        stage.draw(&view()).uploaded_bytes,
        still,
        "the same pose again"
    );
    pose(&mut stage, slot, &scenes::bent(6, 0.2), &[]);
    let moved = stage.draw(&view()).uploaded_bytes;
    // Six matrices, a job and a box.
    assert_eq!(moved, still + 6 * 48 + 64 + 32);
}

/// Levels are chosen as for a mesh at rest, and shown in the pose.
#[test]
fn levels_are_deformed_with_their_vertices() {
    let gpu = TestGpu::new();
    let mut ball = gallery::ball_with_levels();
    let shown = View {
        debug: DebugView::Levels,
        ..view()
    };
    let count = ball.positions.len();
    ball.joints = vec![vec![[0; 4]; count]];
    ball.weights = vec![vec![[1.0, 0.0, 0.0, 0.0]; count]];
    let run = |posed: bool| {
        let mut stage = Stage::new(&gpu);
        for number in 0..6 {
            let (x, z) = (number as f32 * 2.2 - 5.5, -4.0 * (number * number) as f32);
            if posed {
                let slot = stage.add("ball", &ball, &grey(), at(0.0, 0.0, 0.0));
                pose(
                    &mut stage,
                    slot,
                    &[Mat4::from_translation(Vec3::new(x, 1.0, z))],
                    &[],
                );
            } else {
                stage.add("ball", &ball, &grey(), at(x, 1.0, z));
            }
        }
        stage.picture(&shown)
    };
    let (posed, placed) = (run(true), run(false));
    let off = flip(&posed, &placed);
    assert!(off < 0.004, "FLIP {off}");
}
