//! Only what changed is uploaded, and what is uploaded arrives.

use glam::{Mat4, Vec3};
use storm_assets::{Handle, Material, Mesh};
use storm_render::{Instance, InstanceTransform, RenderSlot, RendererDesc, View};

use crate::{
    harness::{Stage, TestGpu, pixel},
    scenes,
};

const TRANSFORM_BYTES: u64 = size_of::<InstanceTransform>() as u64;

fn at(x: f32, y: f32, z: f32) -> InstanceTransform {
    InstanceTransform::from_mat4(Mat4::from_translation(Vec3::new(x, y, z)))
}

fn settle(stage: &mut Stage<'_>, view: &View) {
    // Each frame in flight has constants of its own.
    for _ in 0..RendererDesc::default().frames_in_flight {
        stage.draw(view);
    }
}

/// Many small boxes on a grid, all of one mesh and material.
fn grid(stage: &mut Stage<'_>, count: u32) -> Vec<RenderSlot> {
    let (mesh, material) = (Handle::of("grid", "mesh"), Handle::of("grid", "material"));
    stage.scene.insert_mesh(mesh, &scenes::cube()).unwrap();
    stage
        .scene
        .insert_material(material, &Material::matte("grid", [0.5; 3], 0.5))
        .unwrap();
    let place = |i: u32| {
        at(
            (i % 100) as f32 * 4.0 - 200.0,
            -20.0,
            (i / 100) as f32 * -4.0,
        )
    };
    (0..count)
        .map(|i| {
            stage
                .scene
                .add(&Instance {
                    mesh,
                    material,
                    transform: place(i),
                })
                .unwrap()
        })
        .collect()
}

#[test]
fn a_still_frame_uploads_nothing() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let slots = grid(&mut stage, 10_000);
    let view = View::look_at(Vec3::new(0.0, 30.0, 20.0), Vec3::ZERO);
    let first = stage.draw(&view);
    assert!(first.uploaded_bytes > 10_000 * TRANSFORM_BYTES);
    assert_eq!(first.instances, 10_000);
    settle(&mut stage, &view);
    assert_eq!(stage.draw(&view).uploaded_bytes, 0);

    for (moved, slot) in slots.iter().step_by(1000).enumerate() {
        stage
            .scene
            .set_transform(*slot, &at(moved as f32, 1.0, 0.0))
            .unwrap();
    }
    assert_eq!(
        stage.draw(&view).uploaded_bytes,
        10 * TRANSFORM_BYTES,
        "ten of ten thousand moved"
    );
    assert_eq!(stage.draw(&view).uploaded_bytes, 0);
}

#[test]
fn moving_the_camera_uploads_the_camera() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    grid(&mut stage, 1000);
    let view = View::look_at(Vec3::new(0.0, 30.0, 20.0), Vec3::ZERO);
    settle(&mut stage, &view);
    stage.draw(&view);
    let moved = stage.draw(&View::look_at(Vec3::new(0.0, 31.0, 20.0), Vec3::ZERO));
    assert!(
        (1..1024).contains(&moved.uploaded_bytes),
        "{}",
        moved.uploaded_bytes
    );
}

/// A scene with one white square in front of the camera, at `transform`.
fn white_square(stage: &mut Stage<'_>, transform: InstanceTransform) -> RenderSlot {
    let glow = Material {
        emissive: [1.0; 3],
        ..Material::matte("", [0.0; 3], 1.0)
    };
    stage.add("square", &scenes::quad(), &glow, transform)
}

fn view() -> View {
    View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
}

fn is_white([r, g, b, _]: [u8; 4]) -> bool {
    r.min(g).min(b) > 220
}

#[test]
fn the_last_of_two_writes_to_a_slot_wins() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let slot = white_square(&mut stage, at(0.0, 0.0, 0.0));
    // Away and back within one frame, alone and as part of a run.
    stage
        .scene
        .set_transform(slot, &at(50.0, 0.0, 0.0))
        .unwrap();
    stage
        .scene
        .set_transforms(slot, &[at(0.0, 0.0, 0.0)])
        .unwrap();
    assert!(is_white(pixel(&stage.picture(&view()), 160, 90)));
    stage.scene.set_transform(slot, &at(0.0, 0.0, 0.0)).unwrap();
    stage
        .scene
        .set_transform(slot, &at(50.0, 0.0, 0.0))
        .unwrap();
    assert!(!is_white(pixel(&stage.picture(&view()), 160, 90)));
}

/// Numbers of a fixed seed (xorshift).
fn random(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state
}

#[test]
fn many_that_move_at_once_are_where_they_were_sent() {
    let gpu = TestGpu::new();
    // More than two pieces of rows.
    let count = 17_000;
    let mut stage = Stage::new(&gpu);
    let mut slots = grid(&mut stage, count);
    let mut places: Vec<_> = vec![at(0.0, -900.0, 0.0); count as usize];
    stage.scene.move_instances(&slots, &places).unwrap();
    let view = View::look_at(Vec3::new(0.0, 30.0, 20.0), Vec3::ZERO);
    let mut state = 0x9e37_79b9;
    // In any order, a third of them in any order, and all in order.
    for (frame, step) in [(0, 1), (1, 3), (2, 1)] {
        if frame == 2 {
            slots.sort_unstable();
        } else {
            for i in (1..slots.len()).rev() {
                slots.swap(i, random(&mut state) as usize % (i + 1));
            }
        }
        let moving: Vec<_> = slots.iter().step_by(step).copied().collect();
        let there: Vec<_> = moving
            .iter()
            .map(|_| {
                let [x, y, z] = std::array::from_fn(|_| (random(&mut state) % 8000) as f32 / 10.0);
                // Most are not in view: it is their bytes that matter.
                let mut place = at(x - 400.0, y - 600.0, -z);
                // Some are mirrored, which changes the draw lists.
                place.rows[0][0] = if random(&mut state).is_multiple_of(8) {
                    -1.0
                } else {
                    1.0
                };
                place
            })
            .collect();
        for (slot, place) in moving.iter().zip(&there) {
            places[slot.0 as usize] = *place;
        }
        stage.scene.move_instances(&moving, &there).unwrap();

        let mut fresh = Stage::new(&gpu);
        let fresh_slots = grid(&mut fresh, count);
        fresh.scene.set_transforms(fresh_slots[0], &places).unwrap();
        let (expected, found) = (fresh.picture(&view), stage.picture(&view));
        assert!(expected.pixels() == found.pixels(), "frame {frame}");
    }
}

#[test]
fn the_last_of_a_move_alone_and_a_move_with_many_wins() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let slot = white_square(&mut stage, at(0.0, 0.0, 0.0));
    let others = [(1, 60.0), (2, 70.0)].map(|(i, x)| {
        let material = Material::matte("", [0.1; 3], 0.5);
        let name = format!("other {i}");
        stage.add(&name, &scenes::quad(), &material, at(x, 0.0, 0.0))
    });
    // Not neighbours, so that they are scattered.
    let many = [others[1], slot, others[0]];
    let places = |x| [at(60.0, 0.0, 0.0), at(x, 0.0, 0.0), at(70.0, 0.0, 0.0)];
    let scene = &mut stage.scene;
    scene.set_transform(slot, &at(50.0, 0.0, 0.0)).unwrap();
    scene.move_instances(&many, &places(0.0)).unwrap();
    assert!(is_white(pixel(&stage.picture(&view()), 160, 90)));
    let scene = &mut stage.scene;
    scene.move_instances(&many, &places(0.0)).unwrap();
    scene.set_transform(slot, &at(50.0, 0.0, 0.0)).unwrap();
    assert!(!is_white(pixel(&stage.picture(&view()), 160, 90)));
    let scene = &mut stage.scene;
    scene.move_instances(&many, &places(50.0)).unwrap();
    scene.move_instances(&many, &places(0.0)).unwrap();
    assert!(is_white(pixel(&stage.picture(&view()), 160, 90)));
}

#[test]
fn tables_and_arenas_grow_without_losing_anything() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    // The first thing in every table, drawn last of all.
    white_square(&mut stage, at(0.0, 0.0, 0.0));
    let picture = stage.picture(&view());
    grid(&mut stage, 5000);
    for i in 0..400 {
        let material = Material::matte("", [0.1; 3], 0.5);
        // 33 × 65 vertices of 32 bytes: the vertex arena doubles many times.
        stage.add(
            &format!("sphere {i}"),
            &scenes::sphere(32, 64),
            &material,
            at(0.0, -500.0, 0.0),
        );
    }
    for (x, y) in [(160, 90), (100, 90), (160, 30)] {
        let (before, after) = (pixel(&picture, x, y), pixel(&stage.picture(&view()), x, y));
        assert_eq!(is_white(before), is_white(after), "at {x}, {y}");
    }
}

#[test]
fn many_meshes_come_and_go_in_the_same_room() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let handle = Handle::<Mesh>::of("changing", "mesh");
    let material = Handle::of("changing", "material");
    let glow = Material {
        emissive: [1.0; 3],
        ..Material::matte("", [0.0; 3], 1.0)
    };
    stage.scene.insert_material(material, &glow).unwrap();
    let transform = at(0.0, 0.0, 0.0);
    stage
        .scene
        .add(&Instance {
            mesh: handle,
            material,
            transform,
        })
        .unwrap();
    for i in 0..20 {
        stage
            .scene
            .insert_mesh(handle, &scenes::sphere(4 + i, 8 + i))
            .unwrap();
        assert!(
            is_white(pixel(&stage.picture(&view()), 160, 90)),
            "mesh {i}"
        );
        stage.scene.remove_mesh(handle);
        assert!(
            !is_white(pixel(&stage.picture(&view()), 160, 90)),
            "no mesh {i}"
        );
    }
}
