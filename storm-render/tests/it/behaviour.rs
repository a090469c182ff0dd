//! What a scene promises, seen in pixels.

use glam::{Mat4, Quat, Vec3};
use storm_assets::{AlphaMode, Handle, Image, Material, Mesh, Sampler, TextureSlot};
use storm_render::{
    CELL_SIZE, ColorSpace, Gpu, GpuDesc, ImageTarget, Instance, InstanceTransform, LIGHTS_MAX,
    Light, RenderError, RenderSlot, Renderer, RendererDesc, View, textures_of,
};

use crate::{
    harness::{Stage, TestGpu, pixel},
    scenes,
};

fn at(x: f32, y: f32, z: f32) -> InstanceTransform {
    InstanceTransform::from_mat4(Mat4::from_translation(Vec3::new(x, y, z)))
}

fn glow(color: [f32; 3]) -> Material {
    Material {
        emissive: color,
        ..Material::matte("", [0.0; 3], 1.0)
    }
}

fn view() -> View {
    View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
}

/// The strongest channel of the pixel in the middle: 0 red, 1 green, 2 blue.
fn middle(stage: &mut Stage<'_>, view: &View) -> usize {
    let [r, g, b, _] = pixel(&stage.picture(view), 160, 90);
    let channels = [r, g, b];
    (0..3).max_by_key(|&i| channels[i]).unwrap()
}

#[test]
fn an_instance_appears_when_its_mesh_arrives() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let (mesh, material) = (Handle::of("late", "mesh"), Handle::of("late", "material"));
    stage
        .scene
        .add(&Instance {
            mesh,
            material,
            transform: at(0.0, 0.0, 0.0),
        })
        .unwrap();
    let mut missing = vec![mesh.id(), material.id()];
    missing.sort();
    assert_eq!(stage.scene.missing().collect::<Vec<_>>(), missing);
    let sky = pixel(&stage.picture(&view()), 160, 90);

    stage.scene.insert_mesh(mesh, &scenes::quad()).unwrap();
    assert_ne!(
        pixel(&stage.picture(&view()), 160, 90),
        sky,
        "in the default material"
    );
    stage
        .scene
        .insert_material(material, &glow([1.0, 0.0, 0.0]))
        .unwrap();
    assert_eq!(middle(&mut stage, &view()), 0);
    assert_eq!(stage.scene.missing().count(), 0);
}

#[test]
fn a_material_takes_its_texture_when_it_arrives() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let image = Handle::<Image>::of("late", "image");
    let slot = TextureSlot {
        image,
        sampler: Sampler::default(),
        uv_set: 0,
        transform: storm_assets::TextureTransform::IDENTITY,
    };
    let material = Material {
        emissive_texture: Some(slot),
        ..glow([1.0; 3])
    };
    stage.add("late", &scenes::quad(), &material, at(0.0, 0.0, 0.0));
    assert_eq!(stage.scene.missing().collect::<Vec<_>>(), [image.id()]);
    let key = textures_of(&material).next().unwrap();
    assert_eq!(key, (image, ColorSpace::Srgb));
    for (color, channel) in [
        ([255, 0, 0, 255], 0),
        ([0, 255, 0, 255], 1),
        ([0, 0, 255, 255], 2),
    ] {
        // The second and third replace the first while its frame may still be in flight.
        stage
            .scene
            .insert_texture(key, &Image::solid(color))
            .unwrap();
        assert_eq!(middle(&mut stage, &view()), channel);
    }
    assert_eq!(stage.scene.missing().count(), 0);
}

#[test]
fn what_is_taken_away_is_missed_until_nobody_asks_for_it() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let image = Handle::<Image>::of("here", "image");
    let slot = TextureSlot {
        image,
        sampler: Sampler::default(),
        uv_set: 0,
        transform: storm_assets::TextureTransform::IDENTITY,
    };
    let material = Material {
        emissive_texture: Some(slot),
        ..glow([1.0; 3])
    };
    let key = textures_of(&material).next().unwrap();
    stage
        .scene
        .insert_texture(key, &Image::solid([0, 0, 255, 255]))
        .unwrap();
    stage.add("here", &scenes::quad(), &material, at(0.0, 0.0, 0.0));
    assert_eq!(middle(&mut stage, &view()), 2);

    stage.scene.remove_texture(key).unwrap();
    assert!(!stage.scene.has_texture(key));
    assert_eq!(stage.scene.missing().collect::<Vec<_>>(), [image.id()]);
    let [r, g, b, _] = pixel(&stage.picture(&view()), 160, 90);
    assert!(
        r.min(g).min(b) > 220,
        "white without its texture: {r} {g} {b}"
    );

    let handle = Handle::of("here", "material");
    stage.scene.remove_material(handle).unwrap();
    assert!(!stage.scene.has_material(handle));
    let missing: Vec<_> = stage.scene.missing().collect();
    assert_eq!(missing, [handle.id()], "the material, and not its texture");
    stage
        .scene
        .insert_material(handle, &glow([0.0, 1.0, 0.0]))
        .unwrap();
    assert_eq!(middle(&mut stage, &view()), 1);
}

#[test]
fn a_freed_slot_is_used_again() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let a = stage.add(
        "red",
        &scenes::quad(),
        &glow([1.0, 0.0, 0.0]),
        at(0.0, 0.0, 0.0),
    );
    assert_eq!(middle(&mut stage, &view()), 0);
    stage.scene.remove(a).unwrap();
    assert!(stage.scene.is_empty());
    let b = stage.add(
        "green",
        &scenes::quad(),
        &glow([0.0, 1.0, 0.0]),
        at(0.0, 0.0, 0.0),
    );
    assert_eq!(a, b);
    assert_eq!(middle(&mut stage, &view()), 1);
}

#[test]
fn blended_surfaces_stay_sorted_as_the_camera_turns_and_they_move() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let pane = |color: [f32; 3]| Material {
        base_color: [0.0, 0.0, 0.0, 0.9],
        alpha_mode: AlphaMode::Blend,
        double_sided: true,
        ..glow(color)
    };
    let red = stage.add(
        "red",
        &scenes::quad(),
        &pane([1.0, 0.0, 0.0]),
        at(0.0, 0.0, 0.5),
    );
    stage.add(
        "green",
        &scenes::quad(),
        &pane([0.0, 1.0, 0.0]),
        at(0.0, 0.0, -0.5),
    );
    assert_eq!(middle(&mut stage, &view()), 0, "red is nearer");
    let behind = View::look_at(Vec3::new(0.0, 0.0, -5.0), Vec3::ZERO);
    assert_eq!(middle(&mut stage, &behind), 1, "from behind, green is");
    stage.scene.set_transform(red, &at(0.0, 0.0, -1.5)).unwrap();
    assert_eq!(middle(&mut stage, &behind), 0, "red moved in front");
}

#[test]
fn ten_thousand_kilometres_out_the_picture_is_the_same() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let material = Material::matte("", [0.7, 0.3, 0.1], 0.4);
    let place = Mat4::from_scale_rotation_translation(
        Vec3::new(0.8, 0.9, 1.1),
        Quat::from_rotation_y(0.7),
        Vec3::new(512.0, 3.0, 100.0),
    );
    let home = InstanceTransform::from_mat4(place);
    let slot = stage.add("box", &scenes::cube(), &material, home);
    let view = View::look_at(Vec3::new(514.0, 4.0, 104.0), Vec3::new(512.0, 3.0, 100.0));
    let near = stage.picture(&view);
    // An f32 counts in whole metres here.
    let cell = [(1.0e7 / CELL_SIZE) as i32, 0, (-1.0e7 / CELL_SIZE) as i32];
    stage
        .scene
        .set_transform(slot, &InstanceTransform { cell, ..home })
        .unwrap();
    let far = stage.picture(&View { cell, ..view });
    assert!(near == far, "not a pixel differs");
}

#[test]
fn neighbouring_cells_join_without_a_gap() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let slot = stage.add(
        "box",
        &scenes::cube(),
        &glow([0.0, 0.0, 1.0]),
        at(CELL_SIZE - 1.0, 0.0, 0.0),
    );
    let eye = Vec3::new(CELL_SIZE - 1.0, 0.0, 5.0);
    let one_cell = stage.picture(&View::look_at(eye, eye - Vec3::Z));
    let next = InstanceTransform {
        cell: [1, 0, 0],
        ..at(-1.0, 0.0, 0.0)
    };
    stage.scene.set_transform(slot, &next).unwrap();
    assert!(one_cell == stage.picture(&View::look_at(eye, eye - Vec3::Z)));
}

#[test]
fn targets_of_any_size_take_turns() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.add(
        "red",
        &scenes::quad(),
        &glow([1.0, 0.0, 0.0]),
        at(0.0, 0.0, 0.0),
    );
    // So close that the square fills even a single pixel.
    let close = View::look_at(Vec3::new(0.0, 0.0, 0.5), Vec3::ZERO);
    for (width, height) in [(1, 1), (33, 7), (640, 360), (7, 129), (2, 2), (3, 1)] {
        let mut target = ImageTarget::new(&gpu, width, height).unwrap();
        assert_eq!(
            pixel(&target.read().unwrap(), 0, 0),
            [0, 0, 0, 255],
            "before the first frame"
        );
        stage
            .renderer
            .render(&mut stage.scene, &close, &mut target)
            .unwrap();
        let picture = target.read().unwrap();
        assert_eq!((picture.width(), picture.height()), (width, height));
        let [r, g, b, a] = pixel(&picture, width / 2, height / 2);
        assert!(
            r > g && r > b && a == 255,
            "{width}×{height}: {r} {g} {b} {a}"
        );
        assert_eq!(middle(&mut stage, &view()), 0);
    }
}

/// Two renderers once took the same slots of the descriptor set: each tone-mapped what the other had drawn.
#[test]
fn two_scenes_and_renderers_share_a_device() {
    let gpu = TestGpu::new();
    let mut stages = [Stage::new(&gpu), Stage::new(&gpu), Stage::new(&gpu)];
    for (i, stage) in stages.iter_mut().enumerate() {
        let mut color = [0.0; 3];
        color[i] = 1.0;
        stage.add("one name", &scenes::quad(), &glow(color), at(0.0, 0.0, 0.0));
    }
    for _ in 0..3 {
        for (i, stage) in stages.iter_mut().enumerate() {
            assert_eq!(middle(stage, &view()), i);
        }
    }
    // What one gives back another may take.
    let [first, second, third] = stages;
    drop((first, third));
    let mut stages = [second, Stage::new(&gpu)];
    for _ in 0..3 {
        assert_eq!(middle(&mut stages[0], &view()), 1);
        stages[1].picture(&view());
    }
}

/// A buffer that was outgrown once went with the next frame of the device, whose ever that was.
#[test]
fn what_one_scene_has_not_uploaded_survives_the_frames_of_another() {
    let gpu = TestGpu::new();
    let (mut waiting, mut busy) = (Stage::new(&gpu), Stage::new(&gpu));
    waiting.add(
        "red",
        &scenes::quad(),
        &glow([1.0, 0.0, 0.0]),
        at(0.0, 0.0, 0.0),
    );
    waiting.draw(&view());
    for i in 0..3000 {
        // The tables of instances grow twice.
        waiting.add(
            "red",
            &scenes::quad(),
            &glow([1.0, 0.0, 0.0]),
            at(0.0, 100.0, i as f32),
        );
    }
    for _ in 0..4 {
        busy.picture(&view());
    }
    assert_eq!(middle(&mut waiting, &view()), 0);
}

/// A target of one sample once stood among the textures, which are bound while it is drawn to.
#[test]
fn without_multisampling_textures_and_targets_keep_apart() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer = Renderer::new(
        &gpu,
        &RendererDesc {
            multisampling: false,
            ..RendererDesc::default()
        },
    )
    .unwrap();
    let image = Handle::<Image>::of("plain", "image");
    let slot = TextureSlot {
        image,
        sampler: Sampler::default(),
        uv_set: 0,
        transform: storm_assets::TextureTransform::IDENTITY,
    };
    let material = Material {
        emissive_texture: Some(slot),
        ..glow([1.0; 3])
    };
    let key = textures_of(&material).next().unwrap();
    stage
        .scene
        .insert_texture(key, &Image::solid([0, 255, 0, 255]))
        .unwrap();
    stage.add("plain", &scenes::quad(), &material, at(0.0, 0.0, 0.0));
    for _ in 0..3 {
        assert_eq!(middle(&mut stage, &view()), 1);
    }
}

#[test]
fn an_empty_scene_is_sky() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let stats = stage.draw(&view());
    assert_eq!(
        (stats.instances, stats.triangles, stats.draw_calls),
        (0, 0, 0)
    );
    let picture = stage.target.read().unwrap();
    let ([.., top, _], [.., bottom, _]) = (pixel(&picture, 160, 0), pixel(&picture, 160, 179));
    assert!(top > bottom, "blue above, brown below");
}

/// An error, by the test that it has to pass.
type Expected = fn(&RenderError) -> bool;

#[test]
fn what_cannot_be_is_refused_by_name() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let handle = Handle::of("bad", "mesh");
    let nowhere = RenderSlot(7);
    let vertices = vec![[0.0; 3]; 3];
    let past = Mesh {
        positions: vertices.clone(),
        indices: vec![0, 1, 3],
        ..Mesh::default()
    };
    let half = Mesh {
        positions: vertices.clone(),
        indices: vec![0, 1],
        ..Mesh::default()
    };
    let short = Mesh {
        positions: vertices,
        normals: vec![[0.0; 3]; 2],
        ..Mesh::default()
    };
    let lamp = Light {
        cell: [0; 3],
        translation: Vec3::ZERO,
        color: Vec3::ONE,
        range: 1.0,
        spot: None,
    };
    let no_instance: Expected = |e| matches!(e, RenderError::NoSuchInstance(7));
    let bad_mesh: Expected = |e| matches!(e, RenderError::Mesh(_));
    let bad_size: Expected = |e| matches!(e, RenderError::Size { .. });
    let cases: Vec<(&str, Result<(), RenderError>, Expected)> = vec![
        (
            "index past the vertices",
            stage.scene.insert_mesh(handle, &past),
            bad_mesh,
        ),
        (
            "half a triangle",
            stage.scene.insert_mesh(handle, &half),
            bad_mesh,
        ),
        (
            "too few normals",
            stage.scene.insert_mesh(handle, &short),
            bad_mesh,
        ),
        (
            "move nothing",
            stage.scene.set_transform(nowhere, &at(0.0, 0.0, 0.0)),
            no_instance,
        ),
        ("remove nothing", stage.scene.remove(nowhere), no_instance),
        ("no width", ImageTarget::new(&gpu, 0, 4).map(drop), bad_size),
        (
            "too high",
            ImageTarget::new(&gpu, 4, u32::MAX).map(drop),
            bad_size,
        ),
        (
            "too many lights",
            stage.scene.set_lights(&[lamp; LIGHTS_MAX + 1]),
            |e| matches!(e, RenderError::OutOfSpace { what: "lights", .. }),
        ),
    ];
    for (case, result, expected) in cases {
        let error = result.expect_err(case);
        assert!(expected(&error), "{case}: {error}");
    }
    assert!(!stage.scene.has_mesh(handle));
    // Nothing of it harms the next frame.
    stage.draw(&view());
}

#[test]
fn an_empty_mesh_draws_nothing_and_harms_nothing() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.add(
        "nothing",
        &Mesh::default(),
        &glow([1.0; 3]),
        at(0.0, 0.0, 0.0),
    );
    let points = Mesh {
        positions: vec![[0.0; 3]; 4],
        ..Mesh::default()
    };
    stage.add("no indices", &points, &glow([1.0; 3]), at(0.0, 0.0, 0.0));
    assert_eq!(stage.draw(&view()).draw_calls, 0);
}

#[test]
fn numbers_that_are_none_do_not_spread() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let mut bad = scenes::quad();
    bad.positions[0] = [f32::NAN; 3];
    bad.normals[1] = [f32::INFINITY; 3];
    bad.uvs[0][2] = [f32::NAN; 2];
    let material = Material {
        roughness: f32::NAN,
        emissive: [f32::INFINITY, 0.0, 0.0],
        ..Material::default()
    };
    stage.add("bad", &bad, &material, at(-2.0, 0.0, 0.0));
    stage.add(
        "blue",
        &scenes::quad(),
        &glow([0.0, 0.0, 1.0]),
        at(2.0, 0.0, 0.0),
    );
    let picture = stage.picture(&view());
    let [r, g, b, a] = pixel(&picture, 240, 90);
    assert!(b > r && b > g && a == 255, "{r} {g} {b} {a}");
}

#[test]
fn a_device_that_is_not_there_is_named() {
    let _turn = TestGpu::new();
    let desc = GpuDesc {
        device: Some("no such card".into()),
        ..GpuDesc::default()
    };
    let error = Gpu::headless(&desc).map(|_| ()).unwrap_err().to_string();
    assert!(
        error.contains("is called \"no such card\"; there are: "),
        "{error}"
    );
    let found = Gpu::headless(&GpuDesc::default()).unwrap().info().name;
    assert!(error.contains(&found), "{found} is not named: {error}");
}
