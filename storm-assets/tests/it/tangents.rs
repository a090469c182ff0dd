//! Generated tangents against those that authors' tools wrote.

use std::sync::Arc;

use glam::Vec3;
use storm_assets::{
    Mesh,
    gltf::{self, LoadOptions},
};

use super::corpus;

/// The share of triangle corners whose generated tangent is within 2° of the stated one, with the same sign.
fn agreement(mesh: &Mesh) -> f32 {
    let mut made = Mesh {
        tangents: Vec::new(),
        ..mesh.clone()
    };
    made.generate_tangents(0).unwrap();
    assert_eq!(made.check(), Ok(()));
    let same = |(&stated, &found): (&u32, &u32)| {
        let [a, b] = [
            mesh.tangents[stated as usize],
            made.tangents[found as usize],
        ];
        assert_eq!(
            mesh.positions[stated as usize],
            made.positions[found as usize]
        );
        let [u, v] = [a, b].map(|[x, y, z, _]| Vec3::new(x, y, z));
        a[3] == b[3] && u.dot(v) > 2f32.to_radians().cos()
    };
    let corners = mesh.indices.iter().zip(&made.indices);
    corners.filter(|corner| same(*corner)).count() as f32 / mesh.indices.len() as f32
}

#[test]
fn generated_tangents_are_those_that_tools_write() {
    let Some(root) = corpus::assets("generated_tangents_are_those_that_tools_write") else {
        return;
    };
    // Both by tools that use MikkTSpace. The other two models with tangents are left out: AnisotropyBarnLamp has those of 3ds Max, and the
    // bitangents of TwoSidedPlane point down its texture.
    for model in [
        "AlphaBlendModeTest/glTF-Binary/AlphaBlendModeTest.glb",
        "AnisotropyStrengthTest/glTF-Binary/AnisotropyStrengthTest.glb",
    ] {
        let path = root.join("gltf-sample-assets/Models").join(model);
        let file = gltf::load(path, &LoadOptions::default()).unwrap();
        let with_tangents: Vec<&Arc<Mesh>> = file
            .library
            .meshes
            .iter()
            .map(|(_, mesh)| mesh)
            .filter(|mesh| !mesh.tangents.is_empty() && !mesh.uvs.is_empty())
            .collect();
        assert!(!with_tangents.is_empty(), "{model}");
        for mesh in with_tangents {
            let agreement = agreement(mesh);
            assert!(agreement > 0.999, "{model} {}: {agreement}", mesh.name);
        }
    }
}
