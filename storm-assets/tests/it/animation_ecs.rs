//! Clips of files drive the entities that the files became.

use glam::Mat4;
use storm_assets::{
    LiveMaterial, MaterialHandle, MeshHandle, MorphWeights, Skinned,
    animation::{Animation, Animator},
    gltf::Gltf,
};
use storm_ecs::{
    Entity, World,
    scene::{
        Camera, ComputedVisibility, GlobalTransform, PointLight, Projection, Propagation,
        SpotLight, Transform, Visibility, VisibilityPropagation,
    },
};

use super::fixture::{base64, floats, parse};

/// A file with nodes 0 (two-target mesh, material 0), 1 (a spot and a camera, below 2), 2 and 3 (a child of 2, same mesh), and pointers to all that can be driven: from 0 to
/// 1 s, the numbers given.
fn pointed() -> Gltf {
    parse(pointed_json().as_bytes()).unwrap()
}

fn pointed_json() -> String {
    let mut numbers = vec![0.0, 1.0];
    let mut accessors = String::from(
        r#"{"bufferView":0,"componentType":5126,"count":2,"type":"SCALAR","min":[0],"max":[1]}"#,
    );
    let (mut samplers, mut channels) = (Vec::new(), Vec::new());
    let roughness = "/materials/0/pbrMetallicRoughness/roughnessFactor";
    for (pointer, kind, step, values) in [
        (roughness, "SCALAR", false, &[0.0, 1.0][..]),
        (
            "/materials/0/pbrMetallicRoughness/baseColorFactor",
            "VEC4",
            false,
            &[1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
        ),
        (
            "/materials/0/extensions/KHR_materials_clearcoat/clearcoatFactor",
            "SCALAR",
            false,
            &[0.0, 1.0],
        ),
        (
            "/materials/0/extensions/KHR_materials_sheen/sheenRoughnessFactor",
            "SCALAR",
            false,
            &[0.0, 1.0],
        ),
        ("/cameras/0/perspective/yfov", "SCALAR", false, &[0.5, 1.5]),
        (
            "/extensions/KHR_lights_punctual/lights/0/intensity",
            "SCALAR",
            false,
            &[0.0, 8.0],
        ),
        (
            "/extensions/KHR_lights_punctual/lights/0/color",
            "VEC3",
            false,
            &[0.0, 0.0, 0.0, 1.0, 0.5, 0.0],
        ),
        (
            "/extensions/KHR_lights_punctual/lights/0/spot/outerConeAngle",
            "SCALAR",
            false,
            &[0.5, 1.0],
        ),
        (
            "/nodes/2/extensions/KHR_node_visibility/visible",
            "SCALAR",
            true,
            &[1.0, 0.0],
        ),
        ("/meshes/0/weights", "SCALAR", false, &[0.0, 0.0, 1.0, 0.5]),
        ("/nodes/3/weights/1", "SCALAR", false, &[0.0, 4.0]),
        (
            "/nodes/3/translation",
            "VEC3",
            false,
            &[0.0, 0.0, 0.0, 2.0, 0.0, 0.0],
        ),
        ("/scenes/0/mood", "SCALAR", false, &[0.0, 1.0]),
    ] {
        let number = samplers.len();
        let count = values.len()
            / match kind {
                "VEC3" => 3,
                "VEC4" => 4,
                _ => 1,
            };
        accessors += &format!(
            r#",{{"bufferView":0,"byteOffset":{},"componentType":5126,"count":{count},"type":"{kind}"}}"#,
            numbers.len() * 4
        );
        numbers.extend_from_slice(values);
        let interpolation = if step { "STEP" } else { "LINEAR" };
        samplers.push(format!(
            r#"{{"input":0,"output":{},"interpolation":"{interpolation}"}}"#,
            number + 1
        ));
        channels.push(format!(
            r#"{{"sampler":{number},"target":{{"path":"pointer","extensions":{{"KHR_animation_pointer":{{"pointer":"{pointer}"}}}}}}}}"#
        ));
    }
    let mesh = samplers.len() + 1;
    let places = numbers.len() * 4;
    numbers.extend([0.0; 9]);
    accessors += &format!(
        r#",{{"bufferView":0,"byteOffset":{places},"componentType":5126,"count":3,"type":"VEC3","min":[0,0,0],"max":[0,0,0]}}"#
    );
    let bytes = floats(&numbers);
    format!(
        r#"{{"asset":{{"version":"2.0"}},
        "extensionsUsed":["KHR_animation_pointer","KHR_node_visibility","KHR_lights_punctual","KHR_materials_clearcoat"],
        "nodes":[{{"mesh":0}},{{"camera":0,"extensions":{{"KHR_lights_punctual":{{"light":0}}}}}},
            {{"children":[1,3]}},{{"mesh":0,"weights":[0.25,0.75]}}],
        "cameras":[{{"type":"perspective","perspective":{{"yfov":0.7,"znear":0.1}}}}],
        "extensions":{{"KHR_lights_punctual":{{"lights":[{{"type":"spot","intensity":5,"spot":{{}}}}]}}}},
        "materials":[{{"extensions":{{"KHR_materials_clearcoat":{{"clearcoatFactor":0.5}}}}}}],
        "meshes":[{{"weights":[0.5,0.5],"primitives":[{{"attributes":{{"POSITION":{mesh}}},"material":0,
            "targets":[{{"POSITION":{mesh}}},{{"POSITION":{mesh}}}]}}]}}],
        "animations":[{{"samplers":[{}],"channels":[{}]}}],
        "accessors":[{accessors}],
        "bufferViews":[{{"buffer":0,"byteLength":{}}}],
        "buffers":[{{"byteLength":{},"uri":"data:application/octet-stream;base64,{}"}}]}}"#,
        samplers.join(","),
        channels.join(","),
        bytes.len(),
        bytes.len(),
        base64(&bytes)
    )
}

fn play(world: &mut World, animator: Entity) {
    world
        .get_mut::<Animator>(animator)
        .unwrap()
        .player
        .play(0, 0);
}

#[test]
fn pointers_reach_components_and_materials_of_their_own() {
    let file = pointed();
    assert_eq!(
        file.rig().ignored(),
        [
            "/materials/0/extensions/KHR_materials_sheen/sheenRoughnessFactor",
            "/scenes/0/mood",
        ],
        "no such layer, no such thing"
    );
    let mut world = World::new();
    let [moving, still] = [0, 1].map(|_| file.spawn(&mut world, None));
    play(&mut world, moving.root);
    let mut animation = Animation::new();
    animation.run(&mut world, 0.25);
    VisibilityPropagation::new().run(&mut world);

    let node = |spawned: &storm_assets::gltf::Spawned, node: usize| spawned.nodes[node].unwrap();
    let material = |entity: Entity| {
        let handle = world.get::<MaterialHandle>(entity).unwrap().0;
        let all = world.query::<&LiveMaterial>();
        let live = all.iter().find(|live| live.handle == handle);
        live.unwrap().material.clone()
    };
    let changed = material(node(&moving, 0));
    assert_eq!(
        (changed.roughness, changed.base_color),
        (0.25, [0.75, 0.25, 0.0, 1.0])
    );
    assert_eq!(changed.clearcoat.unwrap().factor, 0.25);
    // The other instance, and the library, are as they were.
    let own = material(node(&still, 0));
    assert_eq!((own.roughness, own.clearcoat.unwrap().factor), (1.0, 0.5));
    let shared = file.library.materials.get(file.materials[0]).unwrap();
    assert_eq!(**shared, own);

    let camera = world.get::<Camera>(node(&moving, 1)).unwrap().projection;
    assert!(matches!(camera, Projection::Perspective { yfov, .. } if yfov == 0.75));
    let light = world.get::<SpotLight>(node(&moving, 1)).unwrap();
    assert_eq!(
        (light.intensity, light.color, light.outer_angle),
        (2.0, [0.25, 0.125, 0.0], 0.625)
    );
    assert!(!world.has::<PointLight>(node(&moving, 1)));
    let weights = |entity| world.get::<MorphWeights>(entity).unwrap().0.clone();
    assert_eq!(
        weights(node(&moving, 0)),
        [0.25, 0.125],
        "those of the mesh"
    );
    assert_eq!(
        weights(node(&moving, 3)),
        [0.25, 1.0],
        "its own, and one that is driven"
    );
    assert_eq!(weights(node(&still, 0)), [0.5, 0.5]);
    let place = |entity| world.get::<Transform>(entity).unwrap().translation[0];
    assert_eq!(
        (place(node(&moving, 3)), place(node(&still, 3))),
        (0.5, 0.0)
    );
    let shown = |entity| {
        world
            .get::<ComputedVisibility>(entity)
            .is_none_or(|shown| shown.0)
    };
    assert!(shown(node(&moving, 3)));

    // At the end it is hidden, with what is below it and nothing else.
    let end = |world: &mut World| {
        let animator = world.get_mut::<Animator>(moving.root).unwrap();
        let rig = animator.rig().clone();
        let play = animator.player.get_mut(0, 0).unwrap();
        play.repeat = storm_assets::animation::Repeat::Once;
        play.seek(&rig, 1.0);
    };
    end(&mut world);
    animation.run(&mut world, 0.0);
    VisibilityPropagation::new().run(&mut world);
    let shown = |entity| {
        world
            .get::<ComputedVisibility>(entity)
            .is_none_or(|shown| shown.0)
    };
    for (index, expected) in [(0, true), (1, false), (2, false), (3, false)] {
        assert_eq!(shown(node(&moving, index)), expected, "node {index}");
        assert!(shown(node(&still, index)), "node {index} of the other");
    }
    assert_eq!(
        world.get::<Visibility>(node(&moving, 2)),
        Some(&Visibility::Hidden)
    );
}

/// Whatever the numbers of a file are, what is read can be played.
#[test]
fn any_digit_of_an_animated_file_may_be_any_other() {
    let json = pointed_json();
    // The data in base64 are any numbers already.
    let end = json.find("data:").unwrap();
    let mut played = 0;
    for at in (0..end).filter(|at| json.as_bytes()[*at].is_ascii_digit()) {
        for digit in [b'0', b'1', b'3', b'9'] {
            let mut other = json.clone().into_bytes();
            other[at] = digit;
            if let Ok(file) = parse(&other) {
                let mut world = World::new();
                let spawned = file.spawn(&mut world, None);
                if let Some(animator) = world.get_mut::<Animator>(spawned.root) {
                    animator.player.play(0, 0);
                    played += 1;
                }
                let mut animation = Animation::new();
                animation.run(&mut world, 0.3);
                animation.run(&mut world, 0.9);
            }
        }
    }
    assert!(played > 300, "{played}");
}

#[test]
fn what_stands_still_is_written_once_and_what_is_moved_by_hand_stays() {
    let file = pointed();
    let mut world = World::new();
    let spawned = file.spawn(&mut world, None);
    let mut animation = Animation::new();
    let node = spawned.nodes[3].unwrap();
    world.get_mut::<Transform>(node).unwrap().translation = [9.0; 3];
    animation.run(&mut world, 1.0);
    let place = |world: &World| world.get::<Transform>(node).unwrap().translation;
    assert_eq!(place(&world), [9.0; 3], "nothing plays");
    play(&mut world, spawned.root);
    animation.run(&mut world, 0.5);
    assert_eq!(place(&world), [1.0, 0.0, 0.0]);
    world
        .get_mut::<Animator>(spawned.root)
        .unwrap()
        .player
        .is_paused = true;
    world.get_mut::<Transform>(node).unwrap().translation = [7.0; 3];
    animation.run(&mut world, 0.5);
    assert_eq!(place(&world), [7.0; 3], "it is paused");
    world
        .get_mut::<Animator>(spawned.root)
        .unwrap()
        .player
        .stop_all();
    animation.run(&mut world, 0.5);
    assert_eq!(place(&world), [0.0; 3], "at rest when it stops");
    // An entity that is gone is passed over.
    play(&mut world, spawned.root);
    world
        .get_mut::<Animator>(spawned.root)
        .unwrap()
        .player
        .is_paused = false;
    world.despawn(node).unwrap();
    animation.run(&mut world, 0.5);
}

/// Joints of entities pose a mesh as the file's own nodes do.
#[test]
fn joints_of_entities_are_those_of_the_rest_pose() {
    let Some(assets) = super::corpus::assets("joints_of_entities_are_those_of_the_rest_pose")
    else {
        return;
    };
    let path = assets.join("gltf-sample-assets/Models/Fox/glTF-Binary/Fox.glb");
    let file = storm_assets::gltf::load(&path, &Default::default()).unwrap();
    let mut world = World::new();
    let spawned = file.spawn(&mut world, None);
    // Far out, turned: joints count relative to what they move.
    let turned = Transform {
        translation: [300.0, 5.0, -70.0],
        rotation: [0.0, 0.6, 0.0, 0.8],
        scale: [2.0; 3],
    };
    *world.get_mut::<Transform>(spawned.root).unwrap() = turned;
    Propagation::new().run(&mut world);
    let drawn = spawned.drawn[0];
    let skinned = world.get::<Skinned>(drawn).unwrap();
    let skin = file.library.skins.get(skinned.skin).unwrap();
    let own = world.get::<GlobalTransform>(drawn).unwrap();
    let found: Vec<Mat4> = skinned.matrices(skin, own, |joint| world.get(joint));
    let matrices = file.world_matrices();
    for (number, (joint, bind)) in skin.joints.iter().zip(&skin.inverse_bind).enumerate() {
        let expected = matrices[*joint as usize] * *bind;
        assert!(found[number].abs_diff_eq(expected, 2e-2), "joint {number}");
    }
    let mesh = file
        .library
        .meshes
        .get(world.get::<MeshHandle>(drawn).unwrap().0)
        .unwrap();
    assert!(
        !mesh.joints.is_empty(),
        "the mesh is the one that can be posed"
    );
}
