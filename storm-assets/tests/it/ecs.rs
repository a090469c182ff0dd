//! Scenes as entities.

use storm_assets::{
    MaterialHandle, MeshHandle,
    gltf::{self, Gltf, Limits, LoadOptions},
};
use storm_ecs::{
    Entity, World,
    scene::{
        Camera, ChildOf, DirectionalLight, GlobalTransform, Name, PointLight, Projection,
        Propagation, SpotLight,
    },
};

use super::{corpus, fixture::parse};

fn spawn(file: &Gltf) -> (World, gltf::Spawned) {
    let mut world = World::new();
    let spawned = file.spawn(&mut world, None);
    Propagation::new().run(&mut world);
    (world, spawned)
}

fn place(world: &World, entity: Entity) -> [f32; 3] {
    world.get::<GlobalTransform>(entity).unwrap().translation()
}

#[test]
fn nodes_cameras_and_lights_become_components() {
    let file = parse(
        br#"{"asset":{"version":"2.0"},"extensionsUsed":["KHR_lights_punctual"],
        "scenes":[{"nodes":[3]},{"name":"shown","nodes":[0]}],"scene":1,
        "nodes":[
            {"name":"top","translation":[1,0,0],"scale":[2,2,2],"children":[1,2]},
            {"mesh":0,"name":"pair","translation":[0,1,0]},
            {"camera":0,"mesh":1,"extensions":{"KHR_lights_punctual":{"light":2}}},
            {"name":"elsewhere"}],
        "cameras":[{"type":"perspective","perspective":{"yfov":0.7,"znear":0.1}}],
        "extensions":{"KHR_lights_punctual":{"lights":[
            {"type":"directional"},{"type":"point"},{"type":"spot","spot":{"innerConeAngle":0.1},"intensity":5,"range":9}]}},
        "materials":[{"name":"red"}],
        "meshes":[{"name":"halves","primitives":[{"attributes":{"POSITION":0},"material":0},{"attributes":{"POSITION":0},"mode":0}]},
            {"primitives":[{"attributes":{"POSITION":0}}]}],
        "accessors":[{"componentType":5126,"count":3,"type":"VEC3"}]}"#,
    )
    .unwrap();
    let (world, spawned) = spawn(&file);
    // The root, three nodes, and one child for each half.
    assert_eq!(world.len(), 1 + 3 + 2);
    assert_eq!(world.get::<Name>(spawned.root).unwrap().0, "shown");
    assert_eq!(spawned.nodes[3], None, "it is in the other scene");
    let [top, pair, eye] = [0, 1, 2].map(|node| spawned.nodes[node].unwrap());
    assert_eq!(world.get::<ChildOf>(top).unwrap().0, spawned.root);
    assert_eq!(world.get::<ChildOf>(pair).unwrap().0, top);
    assert_eq!(place(&world, pair), [1.0, 2.0, 0.0]);
    assert_eq!(world.get::<Name>(pair).unwrap().0, "pair");
    assert!(!world.has::<Name>(eye) && !world.has::<MeshHandle>(pair));
    assert_eq!(spawned.drawn.len(), 3);
    for (half, primitive) in spawned.drawn.iter().zip(&file.meshes[0].primitives) {
        assert_eq!(world.get::<ChildOf>(*half).unwrap().0, pair);
        assert_eq!(place(&world, *half), [1.0, 2.0, 0.0]);
        assert_eq!(world.get::<Name>(*half).unwrap().0, "halves");
        assert_eq!(world.get::<MeshHandle>(*half).unwrap().0, primitive.mesh);
        assert_eq!(
            world.get::<MaterialHandle>(*half).unwrap().0,
            primitive.material
        );
    }
    assert_eq!(spawned.drawn[2], eye, "one primitive: the node carries it");
    assert_eq!(spawned.cameras, [eye]);
    assert_eq!(
        world.get::<Camera>(eye).unwrap().projection,
        Projection::Perspective {
            yfov: 0.7,
            aspect: None,
            znear: 0.1,
            zfar: None
        }
    );
    let light = world.get::<SpotLight>(eye).unwrap();
    assert_eq!(
        (light.intensity, light.range, light.inner_angle),
        (5.0, Some(9.0), 0.1)
    );
    assert!(!world.has::<PointLight>(eye) && !world.has::<DirectionalLight>(eye));

    let mut world = World::new();
    let other = file.spawn(&mut world, Some(0));
    assert_eq!((world.len(), other.nodes[0]), (2, None));
    assert!(other.nodes[3].is_some());
}

#[test]
fn skinned_meshes_hang_below_the_root_in_their_rest_pose() {
    let Some(root) = corpus::assets("skinned_meshes_hang_below_the_root_in_their_rest_pose") else {
        return;
    };
    let path = root.join("gltf-sample-assets/Models/RiggedSimple/glTF-Binary/RiggedSimple.glb");
    let mut file = gltf::load(path, &LoadOptions::default()).unwrap();
    let raw = file.meshes[0].primitives[0].mesh;
    let (world, spawned) = spawn(&file);
    assert_eq!(
        world.get::<MeshHandle>(spawned.drawn[0]).unwrap().0,
        raw,
        "not posed yet"
    );

    file.pose_at_rest(None, &Limits::default()).unwrap();
    let (world, spawned) = spawn(&file);
    let [drawn] = spawned.drawn.as_slice() else {
        panic!("one primitive")
    };
    assert_eq!(world.get::<ChildOf>(*drawn).unwrap().0, spawned.root);
    assert_eq!(
        world.get::<GlobalTransform>(*drawn),
        Some(&GlobalTransform::IDENTITY)
    );
    let handle = world.get::<MeshHandle>(*drawn).unwrap().0;
    assert_ne!(handle, raw);
    let mesh = file.library.meshes.get(handle).unwrap();
    assert!(mesh.joints.is_empty() && mesh.check().is_ok());
}

#[test]
fn world_places_agree_with_those_of_the_file() {
    let Some(root) = corpus::assets("world_places_agree_with_those_of_the_file") else {
        return;
    };
    for path in corpus::models(&root.join("gltf-sample-assets")) {
        let Ok(file) = gltf::load(&path, &LoadOptions::default()) else {
            continue;
        };
        let (world, spawned) = spawn(&file);
        let matrices = file.world_matrices();
        for (index, entity) in spawned.nodes.iter().enumerate() {
            let Some(entity) = entity else { continue };
            let found =
                glam::Mat4::from(world.get::<GlobalTransform>(*entity).unwrap().to_affine());
            let scale = matrices[index]
                .to_cols_array()
                .iter()
                .fold(1.0f32, |a, b| a.max(b.abs()));
            assert!(
                found.abs_diff_eq(matrices[index], scale * 1e-5),
                "{}: node {index}: {found} and {}",
                path.display(),
                matrices[index]
            );
        }
    }
}
