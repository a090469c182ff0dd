//! What the examples draw, and how they write it down.
#![allow(dead_code, reason = "each example uses some of it")]

use std::f32::consts::{PI, TAU};

use glam::{Mat4, Vec3};
use storm_assets::{Image, Mesh};
use storm_render::InstanceTransform;

/// A ball of radius 1.
pub(crate) fn sphere(rings: u32) -> Mesh {
    let mut mesh = Mesh {
        uvs: vec![Vec::new()],
        ..Mesh::default()
    };
    for ring in 0..=rings {
        for segment in 0..=2 * rings {
            let (theta, phi) = (
                ring as f32 / rings as f32 * PI,
                segment as f32 / (2 * rings) as f32 * TAU,
            );
            let normal = Vec3::new(
                theta.sin() * phi.sin(),
                theta.cos(),
                theta.sin() * phi.cos(),
            );
            mesh.positions.push(normal.into());
            mesh.normals.push(normal.into());
            mesh.uvs[0].push([phi / TAU, theta / PI]);
        }
    }
    let row = 2 * rings + 1;
    for a in (0..rings).flat_map(|ring| (0..2 * rings).map(move |segment| ring * row + segment)) {
        mesh.indices
            .extend([a, a + row, a + 1, a + 1, a + row, a + row + 1]);
    }
    mesh
}

/// A square on the ground, this many metres from the middle to each side.
pub(crate) fn floor(reach: f32) -> Mesh {
    Mesh {
        positions: vec![
            [-reach, 0.0, reach],
            [reach, 0.0, reach],
            [reach, 0.0, -reach],
            [-reach, 0.0, -reach],
        ],
        normals: vec![[0.0, 1.0, 0.0]; 4],
        indices: vec![0, 1, 2, 0, 2, 3],
        ..Mesh::default()
    }
}

/// A place.
pub(crate) fn at(x: f32, y: f32, z: f32) -> InstanceTransform {
    InstanceTransform::from_mat4(Mat4::from_translation(Vec3::new(x, y, z)))
}

/// Writes a picture as PNG.
pub(crate) fn save(file: &str, picture: &Image) -> Result<(), Box<dyn std::error::Error>> {
    let (width, height) = (picture.width(), picture.height());
    let kind = image::ColorType::Rgba8;
    image::save_buffer(file, picture.pixels(), width, height, kind)?;
    Ok(())
}
