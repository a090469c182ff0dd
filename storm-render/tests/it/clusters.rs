//! Meshes of clusters: what is chosen, drawn and placed, held against the same meshes drawn whole.

use glam::{Mat4, Vec3};
use storm_assets::{
    Handle, Image, Material, Mesh,
    clusters::{BuildOptions, ClusterMesh, build},
};
use storm_render::{
    ClusterRaster, Culling, DebugView, Instance, InstanceTransform, Quality, RenderSlot, View,
};

use crate::harness::{SIZE, Stage, TestGpu};

/// A closed surface of `12 n²` triangles: a cube blown up to a ball of about 1 m, with bumps.
fn ball(n: u32, bumps: f32) -> Mesh {
    let mut mesh = Mesh::default();
    for face in 0..6 {
        let base = mesh.positions.len() as u32;
        for v in 0..=n {
            for u in 0..=n {
                let side = |i: u32| (i as f32 / n as f32) * 2.0 - 1.0;
                let (a, b) = (side(u), side(v));
                let p = match face {
                    0 => [1.0, a, b],
                    1 => [-1.0, b, a],
                    2 => [b, 1.0, a],
                    3 => [a, -1.0, b],
                    4 => [a, b, 1.0],
                    _ => [b, a, -1.0],
                };
                let d = Vec3::from(p).normalize();
                let wave = (d.x * 17.0).sin() + (d.y * 13.0).sin() + (d.z * 19.0).sin();
                mesh.positions.push((d * (1.0 + bumps * wave)).into());
                mesh.normals.push(d.into());
            }
        }
        for v in 0..n {
            for u in 0..n {
                let at = |u: u32, v: u32| base + v * (n + 1) + u;
                let (a, b, c, d) = (at(u, v), at(u + 1, v), at(u + 1, v + 1), at(u, v + 1));
                mesh.indices.extend([a, b, c, a, c, d]);
            }
        }
    }
    mesh
}

fn clusters(mesh: &Mesh) -> ClusterMesh {
    build(mesh, &BuildOptions::default()).unwrap()
}

fn at(place: Vec3, size: f32) -> InstanceTransform {
    InstanceTransform::from_mat4(
        Mat4::from_translation(place) * Mat4::from_scale(Vec3::splat(size)),
    )
}

/// Adds an instance of a mesh of clusters under a name.
fn add(
    stage: &mut Stage<'_>,
    name: &str,
    mesh: &ClusterMesh,
    place: InstanceTransform,
) -> RenderSlot {
    let instance = Instance {
        mesh: Handle::of(name, "mesh"),
        material: Handle::of(name, "material"),
        transform: place,
    };
    stage.scene.insert_clusters(instance.mesh, mesh).unwrap();
    let matte = Material::matte(name, [0.6, 0.4, 0.3], 0.7);
    stage
        .scene
        .insert_material(instance.material, &matte)
        .unwrap();
    stage.scene.add(&instance).unwrap()
}

fn save(name: &str, picture: &Image) {
    if let Some(folder) = std::env::var_os("STORM_PICTURES") {
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        let (w, h) = (picture.width(), picture.height());
        image::save_buffer(
            path,
            picture.pixels(),
            w,
            h,
            image::ExtendedColorType::Rgba8,
        )
        .unwrap();
    }
}

#[test]
fn a_ball_of_clusters_is_seen() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let mesh = clusters(&ball(64, 0.02));
    add(&mut stage, "ball", &mesh, at(Vec3::ZERO, 1.0));
    for raster in [
        ClusterRaster::Hardware,
        ClusterRaster::Mesh,
        ClusterRaster::Compute,
    ] {
        for culling in [Culling::Off, Culling::Frustum, Culling::Occlusion] {
            stage.renderer.set_quality(Quality {
                culling,
                cluster_raster: raster,
                ..Quality::CPU
            });
            let view = View {
                debug: DebugView::Clusters,
                ..View::look_at(Vec3::new(0.0, 1.0, 3.0), Vec3::ZERO)
            };
            for _ in 0..2 {
                let picture = stage.picture(&view);
                save(&format!("ball-{raster:?}-{culling:?}"), &picture);
            }
        }
    }
    let _ = SIZE;
}
