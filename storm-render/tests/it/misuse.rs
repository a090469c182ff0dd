//! Orders of calls that compile and that nobody should rely on: each is refused or does no harm.

use glam::{Mat4, Vec3};
use storm_assets::{AlphaMode, Handle, Image, Material, PixelFormat, Sampler, TextureSlot};
use storm_render::{
    ColorSpace, Gpu, GpuDesc, ImageTarget, Instance, InstanceTransform, RenderError, RenderSlot,
    Renderer, RendererDesc, Scene, View,
};

use crate::{
    harness::{Stage, TestGpu, pixel},
    scenes,
};

fn at(x: f32, y: f32, z: f32) -> InstanceTransform {
    InstanceTransform::from_mat4(Mat4::from_translation(Vec3::new(x, y, z)))
}

fn view() -> View {
    View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
}

#[test]
#[should_panic(expected = "target and renderer are of different devices")]
fn a_target_of_another_device_is_refused() {
    let gpu = TestGpu::new();
    let other = Gpu::headless(&GpuDesc::default()).unwrap();
    let mut stage = Stage::new(&gpu);
    let mut target = ImageTarget::new(&other, 16, 16).unwrap();
    let _ = stage
        .renderer
        .render(&mut stage.scene, &view(), &mut target);
}

#[test]
fn a_slot_that_was_given_back_takes_no_instance() {
    let gpu = TestGpu::new();
    let mut scene = Scene::new(&gpu).unwrap();
    let instance = Instance {
        mesh: Handle::of("given back", "mesh"),
        material: Handle::of("given back", "material"),
        transform: at(0.0, 0.0, 0.0),
    };
    let slot = scene.add(&instance).unwrap();
    scene.remove(slot).unwrap();
    for result in [scene.set(slot, &instance), scene.remove(slot)] {
        assert!(matches!(result, Err(RenderError::NoSuchInstance(0))));
    }
    assert_eq!(scene.len(), 0);
    let (a, b) = (scene.add(&instance).unwrap(), scene.add(&instance).unwrap());
    assert_ne!(a, b, "nobody shares a slot");
    assert_eq!(scene.len(), 2);
}

#[test]
fn moves_that_make_no_sense_move_nothing() {
    let gpu = TestGpu::new();
    let mut scene = Scene::new(&gpu).unwrap();
    let instance = Instance {
        mesh: Handle::of("moving", "mesh"),
        material: Handle::of("moving", "material"),
        transform: at(0.0, 0.0, 0.0),
    };
    let [a, b] = [(); 2].map(|()| scene.add(&instance).unwrap());
    let there = at(1.0, 0.0, 0.0);
    let errors = [
        scene.move_instances(&[a, b], &[there]),
        scene.move_instances(&[a, b, a], &[there; 3]),
        scene.move_instances(&[b, RenderSlot(2)], &[there; 2]),
        scene.set_transforms(b, &[there; 2]),
        scene.set_transforms(RenderSlot(u32::MAX), &[there; 2]),
    ]
    .map(|result| result.unwrap_err().to_string());
    let expected = [
        "1 transforms for 2 instances",
        "instance 0 comes twice among those that move",
        "instance 2 does not exist",
        "instance 2 does not exist",
        "instance 4294967295 does not exist",
    ];
    assert_eq!(errors, expected);
    scene.move_instances(&[], &[]).unwrap();
}

#[test]
fn what_is_made_and_dropped_without_a_frame_leaves_room_for_the_next() {
    let gpu = TestGpu::new();
    // More than there are places for cube maps, of which each renderer takes two.
    for i in 0..40 {
        let renderer = Renderer::new(&gpu, &RendererDesc::default());
        renderer.unwrap_or_else(|error| panic!("renderer {i}: {error}"));
    }
    // After frames, too.
    let mut stage = Stage::new(&gpu);
    stage.picture(&view());
    for i in 0..40 {
        let renderer = Renderer::new(&gpu, &RendererDesc::default());
        renderer.unwrap_or_else(|error| panic!("renderer {i} after a frame: {error}"));
    }
    stage.picture(&view());
}

#[test]
fn a_blended_material_that_arrives_late_is_sorted() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let quad = Handle::of("late", "mesh");
    stage.scene.insert_mesh(quad, &scenes::quad()).unwrap();
    // The near one has the lower slot, so that the order of slots is the wrong one.
    let colors = [
        ("near", [1.0, 0.0, 0.0], 1.0),
        ("far", [0.0, 1.0, 0.0], 0.0),
    ];
    for (name, _, z) in colors {
        let instance = Instance {
            mesh: quad,
            material: Handle::of("late", name),
            transform: at(0.0, 0.0, z),
        };
        stage.scene.add(&instance).unwrap();
    }
    stage.draw(&view());
    for (name, [r, g, b], _) in colors {
        let material = Material {
            base_color: [0.0, 0.0, 0.0, 0.95],
            emissive: [r, g, b],
            alpha_mode: AlphaMode::Blend,
            ..Material::default()
        };
        let handle = Handle::of("late", name);
        stage.scene.insert_material(handle, &material).unwrap();
    }
    let [r, g, ..] = pixel(&stage.picture(&view()), 160, 90);
    assert!(r > g, "the near one, which is red, is in front: {r} {g}");
}

/// Pictures of a scene that changes all the time: meshes, textures and instances come, change and go.
fn churn(gpu: &Gpu, seed: u32, frames: u32) -> Image {
    let mut scene = Scene::new(gpu).unwrap();
    let mut renderer = Renderer::new(gpu, &RendererDesc::default()).unwrap();
    let mut target = ImageTarget::new(gpu, 32, 18).unwrap();
    let image = Handle::of("churn", "image");
    let material = Handle::of("churn", "material");
    let value = Material {
        emissive: [1.0; 3],
        emissive_texture: Some(TextureSlot {
            image,
            sampler: Sampler::default(),
            uv_set: 7,
            transform: storm_assets::TextureTransform::IDENTITY,
        }),
        ..Material::default()
    };
    scene.insert_material(material, &value).unwrap();
    let mut slots = Vec::new();
    for frame in 0..frames {
        let mesh = Handle::of("churn", &format!("mesh {}", (frame + seed) % 7));
        scene.insert_mesh(mesh, &scenes::cube()).unwrap();
        let shade = [(frame % 251) as u8, 80, 160, 255];
        let side = 1 + frame % 16;
        let pixels = shade.repeat((side * side) as usize);
        let picture = Image::new(side, side, PixelFormat::Rgba8, pixels).unwrap();
        scene
            .insert_texture((image, ColorSpace::Srgb), &picture)
            .unwrap();
        let instance = Instance {
            mesh,
            material,
            transform: at(0.0, 0.0, -((frame % 5) as f32)),
        };
        slots.push(scene.add(&instance).unwrap());
        if slots.len() > 20 {
            scene
                .remove(slots.swap_remove(frame as usize % 20))
                .unwrap();
        }
        if frame % 11 == 0 {
            scene.remove_mesh(mesh);
        }
        if frame % 29 == 0 {
            target = ImageTarget::new(gpu, 32, 18).unwrap();
        }
        renderer.render(&mut scene, &view(), &mut target).unwrap();
    }
    // The renderer goes while its last frame may still be drawn.
    drop(renderer);
    drop(scene);
    target.read().unwrap()
}

#[test]
fn two_threads_draw_with_one_device() {
    let gpu = TestGpu::new();
    let alone = churn(&gpu, 0, 60);
    let pictures = std::thread::scope(|scope| {
        let threads = [0, 0].map(|seed| {
            let gpu = Gpu::clone(&gpu);
            scope.spawn(move || churn(&gpu, seed, 60))
        });
        threads.map(|thread| thread.join().unwrap())
    });
    assert!(
        pictures.iter().all(|picture| *picture == alone),
        "each draws what it draws alone"
    );
}

/// Blended instances that are mirrored in turns are each a run of their own: culling takes a workgroup a run, and devices have
/// an end of those. It was passed without a word.
#[test]
fn more_runs_than_a_device_has_workgroups_are_refused() {
    let gpu = TestGpu::without_validation();
    let mut stage = Stage::new(&gpu);
    let glass = Material {
        alpha_mode: AlphaMode::Blend,
        ..Material::matte("", [0.5; 3], 1.0)
    };
    let place = |i: u16| {
        let mirrored = if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        InstanceTransform::from_mat4(
            Mat4::from_translation(Vec3::new(0.0, 0.0, -10.0 - f32::from(i)))
                * Mat4::from_scale(Vec3::new(mirrored, 1.0, 1.0)),
        )
    };
    let first = stage.add("glass", &scenes::quad(), &glass, place(0));
    for i in 1..=u16::MAX {
        stage
            .scene
            .add(&Instance {
                mesh: Handle::of("glass", "mesh"),
                material: Handle::of("glass", "material"),
                transform: place(i),
            })
            .unwrap();
    }
    // 65,536 runs; a device that has more workgroups than it has to draws them.
    match stage
        .renderer
        .render(&mut stage.scene, &view(), &mut stage.target)
    {
        Ok(stats) => assert_eq!(stats.draw_calls, 65_536),
        Err(RenderError::OutOfSpace { needed, limit, .. }) => {
            assert_eq!(needed, 65_536);
            assert!(limit < needed);
        }
        Err(error) => panic!("{error}"),
    }
    // One less is drawn on every device.
    stage.scene.remove(first).unwrap();
    assert_eq!(stage.draw(&view()).draw_calls, 65_535);
}
