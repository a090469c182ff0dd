//! The rest pose of the sample models.

use storm_assets::{
    Bounds,
    gltf::{self, Limits, LoadOptions},
};

use super::corpus;

#[test]
fn rest_poses_stand_where_their_authors_put_them() {
    let Some(root) = corpus::assets("rest_poses_stand_where_their_authors_put_them") else {
        return;
    };
    // Model, posed primitives, and the box around them in the space of the scene.
    let cases = [
        // The joints stand where the mesh was bound.
        (
            "SimpleSkin/glTF/SimpleSkin.gltf",
            1,
            [-0.5, 0.0, 0.0],
            [0.5, 2.0, 0.0],
        ),
        // As computed from the file by another program.
        (
            "RiggedSimple/glTF-Binary/RiggedSimple.glb",
            1,
            [-1.0, -4.575, -1.0],
            [1.0, 4.575, 1.0],
        ),
        (
            "Fox/glTF-Binary/Fox.glb",
            1,
            [-12.593, -0.122, -88.095],
            [12.593, 78.907, 66.625],
        ),
        // The first target lifts a corner to (-1, 1) by half: weights 0.5 and 0.5.
        (
            "SimpleMorph/glTF/SimpleMorph.gltf",
            1,
            [0.0, 0.0, 0.0],
            [1.0, 1.5, 0.0],
        ),
    ];
    for (model, count, min, max) in cases {
        let file = gltf::load(
            root.join("gltf-sample-assets/Models").join(model),
            &LoadOptions::default(),
        )
        .unwrap();
        let posed = file.rest_pose(None, &Limits::default()).unwrap();
        assert_eq!(posed.len(), count, "{model}");
        let bounds = posed
            .iter()
            .fold(Bounds::EMPTY, |b, p| b.union(p.mesh.bounds()));
        let near = |a: glam::Vec3, b: [f32; 3]| a.abs_diff_eq(b.into(), 1e-3);
        assert!(
            near(bounds.min, min) && near(bounds.max, max),
            "{model}: {bounds:?}"
        );
    }
}

#[test]
fn many_nodes_with_one_large_skinned_mesh_are_refused() {
    // 2,000 nodes share a mesh of 3 × 100 bytes or so: over a purse of 100,000 bytes.
    let node = r#"{"mesh":0,"skin":0},"#.repeat(2_000);
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},"nodes":[{node}{{}}],
        "skins":[{{"joints":[2000]}}],
        "meshes":[{{"primitives":[{{"attributes":{{"POSITION":0,"JOINTS_0":1,"WEIGHTS_0":2}}}}]}}],
        "accessors":[
            {{"componentType":5126,"count":3,"type":"VEC3"}},
            {{"componentType":5121,"count":3,"type":"VEC4"}},
            {{"componentType":5126,"count":3,"type":"VEC4"}}]}}"#
    );
    let file = super::fixture::parse(json.as_bytes()).unwrap();
    assert_eq!(
        file.rest_pose(None, &Limits::default()).unwrap().len(),
        2_000
    );
    let mut limits = Limits::default();
    limits.value_bytes_base = 100_000;
    let error = file.rest_pose(None, &limits).unwrap_err().to_string();
    assert!(error.contains("over the limit of 100000"), "{error}");
}
