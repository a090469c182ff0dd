//! A scene follows its world, and only what changed is uploaded.

use std::f32::consts::FRAC_PI_2;

use glam::{Mat4, Quat, Vec3};
use storm_assets::{
    Handle, Image, Library, LiveMaterial, Material, MaterialHandle, Mesh, MeshHandle, MorphTarget,
    MorphWeights, Skin, Skinned,
};
use storm_ecs::{
    Entity, World,
    scene::{
        Camera, ChildOf, ComputedVisibility, DirectionalLight, GlobalTransform, PointLight,
        Projection as CameraProjection, Propagation, SpotLight, Transform, Visibility,
        VisibilityPropagation,
    },
};
use storm_render::{ExtractStats, Extractor, InstanceTransform, Projection, View};

use crate::{
    harness::{Stage, TestGpu, pixel},
    scenes,
};

const TRANSFORM_BYTES: u64 = size_of::<InstanceTransform>() as u64;

/// A world, its assets, and the scene that follows it.
struct Follower<'a> {
    world: World,
    library: Library,
    propagation: Propagation,
    extractor: Extractor,
    stage: Stage<'a>,
}

impl<'a> Follower<'a> {
    fn new(gpu: &'a TestGpu) -> Self {
        let mut library = Library::default();
        library.meshes.insert(mesh().0, scenes::cube());
        for (color, material) in colors() {
            library.materials.insert(material.0, glow(color));
        }
        Self {
            world: World::new(),
            library,
            propagation: Propagation::new(),
            extractor: Extractor::new(),
            stage: Stage::new(gpu),
        }
    }

    fn spawn(&mut self, translation: [f32; 3], color: usize) -> Entity {
        let transform = Transform::from_translation(translation);
        self.world.spawn((
            transform,
            GlobalTransform::IDENTITY,
            mesh(),
            colors()[color].1,
        ))
    }

    /// Propagates and extracts, as once a frame.
    fn follow(&mut self) -> ExtractStats {
        self.propagation.run(&mut self.world);
        self.extractor
            .extract(&self.world, &self.library, &mut self.stage.scene)
            .unwrap()
    }

    fn picture(&mut self) -> Image {
        self.stage.picture(&view())
    }
}

fn mesh() -> MeshHandle {
    MeshHandle(Handle::of("test", "cube"))
}

fn colors() -> [([f32; 3], MaterialHandle); 3] {
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|color: [f32; 3]| {
        (
            color,
            MaterialHandle(Handle::of("test", &format!("{color:?}"))),
        )
    })
}

fn glow(color: [f32; 3]) -> Material {
    Material {
        emissive: color,
        ..Material::matte("", [0.0; 3], 1.0)
    }
}

fn view() -> View {
    View::look_at(Vec3::new(0.0, 0.0, 12.0), Vec3::ZERO)
}

#[test]
fn moving_ten_of_ten_thousand_uploads_ten() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let entities: Vec<_> = (0..10_000)
        .map(|i| f.spawn([i as f32 * 3.0, -50.0, 0.0], i % 3))
        .collect();
    assert_eq!(
        f.follow(),
        ExtractStats {
            added: 10_000,
            ..ExtractStats::default()
        }
    );
    for _ in 0..3 {
        f.stage.draw(&view());
    }
    assert_eq!(f.follow(), ExtractStats::default(), "a still world");
    assert_eq!(f.stage.draw(&view()).uploaded_bytes, 0, "a still frame");

    for entity in entities.iter().step_by(1000) {
        f.world.get_mut::<Transform>(*entity).unwrap().translation[1] += 1.0;
    }
    assert_eq!(
        f.follow(),
        ExtractStats {
            moved: 10,
            ..ExtractStats::default()
        }
    );
    // Each with the number of its slot, for they are scattered.
    assert_eq!(
        f.stage.draw(&view()).uploaded_bytes,
        10 * (TRANSFORM_BYTES + 4)
    );

    for transform in f.world.query_mut::<&mut Transform>().iter_mut() {
        transform.translation[2] -= 1.0;
    }
    assert_eq!(f.follow().moved, 10_000);
    assert_eq!(
        f.stage.draw(&view()).uploaded_bytes,
        10_000 * TRANSFORM_BYTES
    );
    assert_eq!(f.follow(), ExtractStats::default());
    assert_eq!(f.stage.draw(&view()).uploaded_bytes, 0);
}

#[test]
fn a_structural_move_uploads_nothing() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let entities: Vec<_> = (0..100).map(|i| f.spawn([i as f32, 0.0, 0.0], 0)).collect();
    f.follow();
    for _ in 0..3 {
        f.stage.draw(&view());
    }
    // Lights off to the side: another archetype, nothing else.
    for entity in entities.iter().step_by(7) {
        f.world
            .insert(*entity, (storm_ecs::scene::Name::new("moved"),))
            .unwrap();
    }
    assert_eq!(f.follow(), ExtractStats::default());
    assert_eq!(f.stage.draw(&view()).uploaded_bytes, 0);
}

#[test]
fn the_scene_follows_whatever_happens_to_the_world() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let mut entities: Vec<Entity> = Vec::new();
    let mut places = 0;
    let mut random = 0x9e37_79b9_u32;
    let mut next = |below: u32| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random % below
    };
    for step in 0..300 {
        for _ in 0..next(6) {
            // No two faces lie in one plane: which of them is seen would depend on the order of drawing.
            places += 1;
            let apart = places as f32;
            let (x, y) = (
                next(9) as f32 - 4.0 + apart * 0.0011,
                next(7) as f32 - 3.0 + apart * 0.0013,
            );
            let place = [x, y, apart * -0.004];
            let pick = next(entities.len().max(1) as u32) as usize;
            let color = next(3) as usize;
            let Some(&entity) = entities.get(pick) else {
                entities.push(f.spawn(place, color));
                continue;
            };
            match next(9) {
                0 | 1 => entities.push(f.spawn(place, color)),
                2 => {
                    f.world.despawn(entities.swap_remove(pick)).unwrap();
                }
                3 => f.world.remove::<(MeshHandle,)>(entity).unwrap(),
                4 => f.world.insert(entity, (mesh(),)).unwrap(),
                5 => f.world.remove::<(MaterialHandle,)>(entity).unwrap(),
                6 => f.world.insert(entity, (colors()[color].1,)).unwrap(),
                7 => f
                    .world
                    .insert(entity, (storm_ecs::scene::Name::new("other table"),))
                    .unwrap(),
                _ => f.world.get_mut::<Transform>(entity).unwrap().translation = place,
            }
        }
        f.follow();
        let drawn = f
            .world
            .query::<(&GlobalTransform, &MeshHandle, &MaterialHandle)>()
            .count();
        assert_eq!(f.stage.scene.len(), drawn, "step {step}");
        if step % 60 == 59 {
            // A scene that sees it all for the first time looks the same.
            let followed = f.picture();
            let mut fresh = Stage::new(&gpu);
            Extractor::new()
                .extract(&f.world, &f.library, &mut fresh.scene)
                .unwrap();
            assert!(followed == fresh.picture(&view()), "step {step}");
        }
    }
}

/// It was drawn like any other, whatever `VisibilityPropagation` said.
#[test]
fn what_is_hidden_is_not_drawn_until_it_is_shown() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let mut visibility = VisibilityPropagation::new();
    let house = f.world.spawn(Visibility::Inherited);
    let stays = f.spawn([4.0, 0.0, -1.0], 0);
    let chair = f.spawn([0.0; 3], 1);
    f.world
        .insert(chair, (Visibility::Inherited, ChildOf(house)))
        .unwrap();
    let lamp = PointLight {
        color: [1.0; 3],
        intensity: 1.0,
        range: None,
    };
    f.world.spawn((
        GlobalTransform::IDENTITY,
        lamp,
        Visibility::Inherited,
        ChildOf(house),
    ));
    type Act = fn(&mut World, Entity, Entity);
    let steps: [(&str, Act, bool); 8] = [
        ("nothing is hidden", |_, _, _| {}, true),
        (
            "its house is hidden",
            |w, house, _| w.insert(house, Visibility::Hidden).unwrap(),
            false,
        ),
        (
            "it moves unseen",
            |w, _, chair| w.get_mut::<Transform>(chair).unwrap().translation[0] = 0.1,
            false,
        ),
        (
            "it has another material",
            |w, _, chair| w.insert(chair, colors()[2].1).unwrap(),
            false,
        ),
        (
            "its house is shown",
            |w, house, _| w.insert(house, Visibility::Visible).unwrap(),
            true,
        ),
        (
            "and hidden again",
            |w, house, _| w.insert(house, Visibility::Hidden).unwrap(),
            false,
        ),
        (
            "nothing speaks of it any more",
            |w, _, chair| w.remove::<(Visibility, ComputedVisibility)>(chair).unwrap(),
            true,
        ),
        (
            "it is hidden by hand",
            |w, _, chair| w.insert(chair, ComputedVisibility(false)).unwrap(),
            false,
        ),
    ];
    for (name, act, drawn) in steps {
        act(&mut f.world, house, chair);
        visibility.run(&mut f.world);
        f.follow();
        assert_eq!(f.extractor.slot(chair).is_some(), drawn, "{name}");
        assert!(f.extractor.slot(stays).is_some(), "{name}");
        assert_eq!(f.stage.scene.len(), 1 + usize::from(drawn), "{name}");
        let followed = f.picture();
        let mut fresh = Stage::new(&gpu);
        Extractor::new()
            .extract(&f.world, &f.library, &mut fresh.scene)
            .unwrap();
        assert!(followed == fresh.picture(&view()), "{name}");
    }
}

#[test]
fn more_removals_than_the_log_holds_are_found_all_the_same() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    f.world.set_removal_capacity(4);
    let entities: Vec<_> = (0..100).map(|i| f.spawn([i as f32, 0.0, 0.0], 0)).collect();
    f.follow();
    for entity in &entities[..90] {
        f.world.despawn(*entity).unwrap();
    }
    assert_eq!(f.follow().removed, 90);
    assert_eq!(f.stage.scene.len(), 10);
}

#[test]
fn a_despawned_entity_is_gone_and_its_successor_is_drawn() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let red = f.spawn([0.0; 3], 0);
    f.follow();
    assert!(f.extractor.slot(red).is_some());
    f.world.despawn(red).unwrap();
    let green = f.spawn([0.0; 3], 1);
    assert_eq!(
        f.follow(),
        ExtractStats {
            added: 1,
            removed: 1,
            ..ExtractStats::default()
        }
    );
    assert_eq!(f.extractor.slot(red), None);
    assert!(f.extractor.slot(green).is_some());
    let [r, g, ..] = pixel(&f.picture(), 160, 90);
    assert!(g > r);
}

#[test]
fn children_move_with_their_parents() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let parent = f
        .world
        .spawn((Transform::IDENTITY, GlobalTransform::IDENTITY));
    let child = f.spawn([20.0, 0.0, 0.0], 2);
    f.world.insert(child, (ChildOf(parent),)).unwrap();
    f.follow();
    let [.., before, _] = pixel(&f.picture(), 160, 90);
    f.world.get_mut::<Transform>(parent).unwrap().translation[0] = -20.0;
    assert_eq!(f.follow().moved, 1);
    let picture = f.picture();
    let [r, _, b, _] = pixel(&picture, 160, 90);
    assert!(
        b > before.min(200) && b > r,
        "the blue box is in the middle"
    );
}

#[test]
fn an_entity_waits_for_its_assets() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let late = MeshHandle(Handle::<Mesh>::of("test", "late"));
    f.world
        .spawn((GlobalTransform::IDENTITY, late, colors()[0].1));
    f.follow();
    assert_eq!(f.stage.scene.missing().collect::<Vec<_>>(), [late.0.id()]);
    f.library.meshes.insert(late.0, scenes::cube());
    f.follow();
    assert_eq!(f.stage.scene.missing().count(), 0);
    let [r, g, ..] = pixel(&f.picture(), 160, 90);
    assert!(r > g);
}

#[test]
fn a_malformed_mesh_is_set_aside_and_everything_else_is_drawn() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let broken = MeshHandle(Handle::of("broken", "mesh"));
    let mut outside = scenes::cube();
    outside.indices[0] = 1_000_000;
    f.library.meshes.insert(broken.0, outside);
    let bad = f.spawn([0.0; 3], 0);
    *f.world.get_mut::<MeshHandle>(bad).unwrap() = broken;
    f.spawn([0.0; 3], 1);
    let stats = f.follow();
    assert_eq!((stats.added, stats.refused), (2, 1));
    let refused: Vec<_> = f.extractor.refused().map(|(id, _)| id).collect();
    assert_eq!(refused, [broken.0.id()]);
    let picture = f.picture();
    let mut alone = Follower::new(&gpu);
    alone.spawn([0.0; 3], 1);
    alone.follow();
    assert!(picture.pixels() == alone.picture().pixels());
    assert_eq!(f.follow(), ExtractStats::default(), "and not tried again");
}

#[test]
fn lights_shine_from_where_their_entities_are() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let dark = Vec3::ZERO;
    f.stage.scene.set_sky(storm_render::Sky {
        zenith: dark,
        horizon: dark,
        ground: dark,
        sun_color: dark,
        ..storm_render::Sky::default()
    });
    let white = MaterialHandle(Handle::of("test", "white"));
    f.library
        .materials
        .insert(white.0, Material::matte("", [0.8; 3], 1.0));
    f.world.spawn((GlobalTransform::IDENTITY, mesh(), white));
    let brightness = |f: &mut Follower<'_>| {
        f.follow();
        pixel(&f.picture(), 160, 90)[..3]
            .iter()
            .map(|c| u32::from(*c))
            .sum::<u32>()
    };
    assert_eq!(brightness(&mut f), 0);
    // All shine along -Z, from in front of the box, and not from behind it.
    let front = Transform::from_translation([0.0, 0.0, 4.0]);
    let behind = Transform::from_translation([0.0, 0.0, -4.0]);
    let color = [1.0, 1.0, 1.0];
    let point = PointLight {
        color,
        intensity: 20.0,
        range: None,
    };
    let spot = SpotLight {
        color,
        intensity: 20.0,
        range: None,
        inner_angle: 0.2,
        outer_angle: 0.4,
    };
    let sun = DirectionalLight {
        color,
        illuminance: 2.0,
    };
    for (place, shines) in [(front, true), (behind, false)] {
        let light = f.world.spawn((place, GlobalTransform::IDENTITY, point));
        assert_eq!(brightness(&mut f) > 100, shines, "point");
        f.world.despawn(light).unwrap();
        let light = f.world.spawn((place, GlobalTransform::IDENTITY, spot));
        assert_eq!(brightness(&mut f) > 100, shines, "spot");
        f.world.despawn(light).unwrap();
        assert_eq!(brightness(&mut f), 0, "it went with its entity");
    }
    let light = f.world.spawn((front, GlobalTransform::IDENTITY, sun));
    assert!(brightness(&mut f) > 100, "sun");
    f.world.despawn(light).unwrap();
    assert_eq!(brightness(&mut f), 0, "the sun went with its entity");
    let light = f.world.spawn((front, GlobalTransform::IDENTITY, sun));
    assert!(brightness(&mut f) > 100, "sun again");
    let night = *f.stage.scene.sky();
    f.stage.scene.set_sky(storm_render::Sky {
        sun_color: Vec3::splat(0.5),
        ..night
    });
    f.follow();
    assert_eq!(f.stage.scene.sky(), &night, "the light is the sun");
    f.world.despawn(light).unwrap();
    f.follow();
    assert_eq!(
        f.stage.scene.sky().sun_color,
        Vec3::splat(0.5),
        "the sun of the sky that was set meanwhile"
    );
}

#[test]
fn a_camera_entity_gives_the_view() {
    let place = Transform::from_parts(
        Vec3::new(3.0, 4.0, 5.0),
        Quat::from_rotation_y(FRAC_PI_2),
        Vec3::ONE,
    );
    let global =
        GlobalTransform::from_affine(&place.to_affine(), storm_ecs::scene::Cell([1, 0, -1]));
    let yfov = 0.8;
    let perspective = |aspect| Camera {
        projection: CameraProjection::Perspective {
            yfov,
            aspect,
            znear: 0.2,
            zfar: Some(100.0),
        },
    };
    let view = View::from_camera(&perspective(None), &global, 1.5);
    assert_eq!(
        (view.cell, view.translation),
        ([1, 0, -1], Vec3::new(3.0, 4.0, 5.0))
    );
    let ahead = Mat4::from_quat(view.rotation).transform_vector3(Vec3::NEG_Z);
    assert!(
        ahead.abs_diff_eq(Vec3::NEG_X, 1e-6),
        "a quarter turn to the left: {ahead}"
    );
    assert_eq!(view.projection, Projection::Perspective { yfov, near: 0.2 });

    let Projection::Perspective { yfov: wide, .. } =
        View::from_camera(&perspective(Some(2.0)), &global, 1.0).projection
    else {
        panic!("a perspective")
    };
    assert!(
        ((0.5 * wide).tan() - 2.0 * (0.5 * yfov).tan()).abs() < 1e-6,
        "as wide as the camera wants"
    );

    let flat = CameraProjection::Orthographic {
        xmag: 8.0,
        ymag: 2.0,
        znear: 0.0,
        zfar: 10.0,
    };
    let view = View::from_camera(&Camera { projection: flat }, &global, 2.0);
    assert_eq!(
        view.projection,
        Projection::Orthographic {
            half_height: 4.0,
            near: 0.0,
            far: 10.0
        }
    );
}

/// An arm of two meshes whose joints are entities: the joints, and the two that are drawn.
fn character(f: &mut Follower<'_>) -> (Vec<Entity>, [Entity; 2]) {
    let skin = Handle::of("test", "skin");
    let arm = scenes::arm(3, 6);
    let inverse_bind = (0..3).map(|joint| Mat4::from_translation(Vec3::Y * -2.0 * joint as f32));
    f.library.skins.insert(
        skin,
        Skin {
            inverse_bind: inverse_bind.collect(),
            joints: vec![0, 1, 2],
            ..Skin::default()
        },
    );
    let handle = Handle::of("test", "arm");
    f.library.meshes.insert(handle, arm);
    let place = |y: f32| {
        (
            Transform::from_translation([0.0, y, 0.0]),
            GlobalTransform::IDENTITY,
        )
    };
    let root = f.world.spawn(place(-2.0));
    let mut joints = Vec::new();
    for joint in 0..3 {
        let above = joints.last().copied().unwrap_or(root);
        joints.push(
            f.world
                .spawn((place(if joint == 0 { 0.0 } else { 2.0 }), ChildOf(above))),
        );
    }
    let skinned = Skinned {
        skin,
        joints: joints.clone().into(),
    };
    let drawn = [0, 0].map(|color| {
        let parts = (
            place(0.0),
            ChildOf(root),
            MeshHandle(handle),
            colors()[color].1,
            skinned.clone(),
        );
        f.world.spawn(parts)
    });
    (joints, drawn)
}

#[test]
fn joints_that_move_pose_what_they_move_and_nothing_else() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let (joints, drawn) = character(&mut f);
    f.spawn([3.0, 0.0, 0.0], 2);
    let stats = f.follow();
    assert_eq!((stats.added, stats.posed, stats.poses_left_out), (3, 2, 0));
    let straight = f.picture();
    assert_eq!(f.follow(), ExtractStats::default(), "a still character");

    f.world.get_mut::<Transform>(joints[1]).unwrap().rotation =
        Quat::from_rotation_z(1.0).to_array();
    assert_eq!(
        f.follow(),
        ExtractStats {
            posed: 2,
            ..ExtractStats::default()
        }
    );
    let bent = f.picture();
    assert!(bent != straight, "it bends");
    // As the CPU bends it.
    let matrices = |f: &Follower<'_>| -> Vec<Mat4> {
        let global = |entity: Entity| f.world.get::<GlobalTransform>(entity).unwrap().to_matrix();
        let own = global(drawn[0]).inverse();
        let inverse_bind = &f
            .library
            .skins
            .get(Handle::of("test", "skin"))
            .unwrap()
            .inverse_bind;
        joints
            .iter()
            .zip(inverse_bind)
            .map(|(joint, bind)| own * global(*joint) * *bind)
            .collect()
    };
    let baked = scenes::arm(3, 6).posed(&[], &matrices(&f));
    let handle = Handle::of("test", "baked");
    f.library.meshes.insert(handle, baked);
    for entity in drawn {
        f.world.remove::<Skinned>(entity).unwrap();
        *f.world.get_mut::<MeshHandle>(entity).unwrap() = MeshHandle(handle);
    }
    f.follow();
    let by_cpu = f.picture();
    assert!(crate::golden::flip(&bent, &by_cpu) < 0.002);
}

#[test]
fn characters_come_go_hide_and_wait_for_their_skin() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let (joints, drawn) = character(&mut f);
    let skin = Handle::of("test", "skin");
    f.world.get_mut::<Transform>(joints[1]).unwrap().rotation =
        Quat::from_rotation_z(1.0).to_array();
    let late = f.library.skins.remove(skin).unwrap();
    assert_eq!(f.follow().posed, 0, "the skin is not there yet");
    let straight = f.picture();
    f.library.skins.insert(skin, late);
    assert_eq!(f.follow().posed, 2);
    let bent = f.picture();
    assert!(bent != straight);
    // A joint that is gone moves nothing any more; what is drawn with it goes on.
    for entity in drawn {
        f.world.insert(entity, ComputedVisibility(false)).unwrap();
    }
    assert_eq!(f.follow().removed, 2);
    assert_eq!(
        f.stage.scene.deformed_bytes(),
        0,
        "what is hidden has no pose"
    );
    for entity in drawn {
        f.world.insert(entity, ComputedVisibility(true)).unwrap();
    }
    assert_eq!(f.follow().posed, 2);
    assert!(f.picture() == bent, "it shows the pose at once");
    for entity in drawn {
        f.world.remove::<Skinned>(entity).unwrap();
    }
    f.follow();
    assert!(f.picture() == straight, "at rest without joints");
    for entity in drawn {
        f.world.despawn(entity).unwrap();
    }
    f.follow();
    assert_eq!(f.stage.scene.len(), 0);
    // No room.
    f.stage.scene.set_deform_limit(100);
    character(&mut f);
    let stats = f.follow();
    assert_eq!((stats.added, stats.poses_left_out), (2, 2));
}

#[test]
fn morph_weights_pose_where_they_are_not_0_and_change() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let mut cube = scenes::cube();
    let doubled = cube.positions.clone();
    cube.morph_targets = vec![MorphTarget {
        positions: doubled,
        ..MorphTarget::default()
    }];
    f.library.meshes.insert(mesh().0, cube);
    let entity = f.spawn([0.0; 3], 0);
    f.world.insert(entity, MorphWeights(vec![0.0])).unwrap();
    assert_eq!(f.follow().posed, 0, "all weights are 0");
    let small = f.picture();
    f.world.get_mut::<MorphWeights>(entity).unwrap().0[0] = 0.5;
    assert_eq!(f.follow().posed, 1);
    assert!(f.picture() != small);
    f.world.get_mut::<MorphWeights>(entity).unwrap().0[0] = 0.0;
    assert_eq!(f.follow().posed, 1);
    assert!(crate::golden::flip(&f.picture(), &small) < 0.001);
}

#[test]
fn live_materials_change_without_new_draws() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let handle = Handle::of("live", "material");
    let entity = f.spawn([0.0; 3], 0);
    *f.world.get_mut::<MaterialHandle>(entity).unwrap() = MaterialHandle(handle);
    let material = glow([1.0, 0.0, 0.0]);
    let live = f.world.spawn(LiveMaterial { handle, material });
    f.follow();
    let [r, g, _, _] = pixel(&f.picture(), 160, 90);
    assert!(r > 200 && g < 60);
    for _ in 0..3 {
        f.stage.draw(&view());
    }
    f.world.get_mut::<LiveMaterial>(live).unwrap().material = glow([0.0, 1.0, 0.0]);
    assert_eq!(f.follow(), ExtractStats::default());
    // Its record, and no list of draws.
    assert!(f.stage.draw(&view()).uploaded_bytes <= 1024);
    let [r, g, _, _] = pixel(&f.picture(), 160, 90);
    assert!(g > 200 && r < 60);
    f.world.despawn(live).unwrap();
    f.follow();
    assert!(!f.stage.scene.has_material(handle));
}

/// A surface that clusters cannot have, on a mesh that has some: once the whole extraction failed for it.
#[test]
fn a_mesh_of_clusters_is_drawn_whole_where_a_surface_cannot_be_of_clusters() {
    let gpu = TestGpu::new();
    let mut f = Follower::new(&gpu);
    let clusters = storm_assets::clusters::build(
        &scenes::cube(),
        &storm_assets::clusters::BuildOptions::default(),
    );
    let handle = Handle::new(mesh().0.id());
    f.library.clusters.insert(handle, clusters.unwrap());
    f.spawn([-1.5, 0.0, 0.0], 0);
    f.follow();
    let by_clusters = f.picture();
    let drawn = f.stage.renderer.report().unwrap().unwrap().clusters;
    assert!(drawn.is_some_and(|counts| counts.triangles > 0));
    let masked = Material {
        alpha_mode: storm_assets::AlphaMode::Mask(0.5),
        ..glow([0.0, 1.0, 0.0])
    };
    f.library.materials.insert(colors()[1].1.0, masked);
    f.spawn([1.5, 0.0, 0.0], 1);
    f.follow();
    let whole = f.picture();
    let apart = |side: std::ops::Range<u32>| {
        let rows = 0..whole.height();
        let places = rows.flat_map(|y| side.clone().map(move |x| (x, y)));
        places
            .filter(|&(x, y)| pixel(&whole, x, y) != pixel(&by_clusters, x, y))
            .count()
    };
    let middle = whole.width() / 2;
    assert!(
        apart(0..middle) < 200,
        "the first looks as it did, but for its edges"
    );
    assert!(apart(middle..whole.width()) > 500, "the second is there");
}
