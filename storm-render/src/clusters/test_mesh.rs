//! A mesh of clusters for tests.

use storm_assets::{
    Mesh,
    clusters::{self, BuildOptions, ClusterMesh, CutView, Group},
};

/// Hills of `2 · n²` triangles, 100 m wide.
pub(crate) fn surface(n: u32) -> ClusterMesh {
    let mut mesh = Mesh::default();
    for z in 0..=n {
        for x in 0..=n {
            let at = |i: u32| i as f32 / n as f32 * 100.0 - 50.0;
            let (x, z) = (at(x), at(z));
            let y = (x * 0.2).sin() * 3.0 + (z * 0.31).sin() * 2.0 + (x * 1.7 + z).sin() * 0.2;
            mesh.positions.push([x, y, z]);
        }
    }
    for z in 0..n {
        for x in 0..n {
            let i = z * (n + 1) + x;
            mesh.indices
                .extend([i, i + n + 1, i + n + 2, i, i + n + 2, i + 1]);
        }
    }
    clusters::build(&mesh, &BuildOptions::default()).expect("hills can be built")
}

/// The projected error of a group for a view that neither turns nor stretches, pixels.
pub(crate) fn group_error(view: &CutView, group: &Group) -> f32 {
    let d = glam::Vec3::from(group.sphere.center).distance(view.eye.into());
    let distance = (d - group.sphere.radius).max(view.near);
    (group.error * view.scale / distance).min(f32::MAX)
}
