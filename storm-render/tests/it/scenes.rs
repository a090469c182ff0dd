//! Meshes, pictures and scenes that tests draw.

use std::f32::consts::{PI, TAU};

use glam::{Vec2, Vec3};
use storm_assets::{Image, Mesh, PixelFormat};

/// A sphere of radius 1 with normals, UVs and tangents.
pub(crate) fn sphere(rings: u32, segments: u32) -> Mesh {
    let mut mesh = Mesh {
        uvs: vec![Vec::new()],
        ..Mesh::default()
    };
    for ring in 0..=rings {
        for segment in 0..=segments {
            let uv = Vec2::new(segment as f32 / segments as f32, ring as f32 / rings as f32);
            let (theta, phi) = (uv.y * PI, uv.x * TAU);
            let n = Vec3::new(
                theta.sin() * phi.sin(),
                theta.cos(),
                theta.sin() * phi.cos(),
            );
            mesh.positions.push(n.into());
            mesh.normals.push(n.into());
            mesh.tangents.push([phi.cos(), 0.0, -phi.sin(), 1.0]);
            mesh.uvs[0].push(uv.into());
        }
    }
    let row = segments + 1;
    for ring in 0..rings {
        for segment in 0..segments {
            let a = ring * row + segment;
            mesh.indices
                .extend([a, a + row, a + 1, a + 1, a + row, a + row + 1]);
        }
    }
    mesh
}

/// A square of side 2 in the XY plane, facing +Z, V running down.
pub(crate) fn quad() -> Mesh {
    Mesh {
        positions: vec![
            [-1.0, -1.0, 0.0],
            [1.0, -1.0, 0.0],
            [1.0, 1.0, 0.0],
            [-1.0, 1.0, 0.0],
        ],
        normals: vec![[0.0, 0.0, 1.0]; 4],
        uvs: vec![vec![[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]],
        indices: vec![0, 1, 2, 0, 2, 3],
        ..Mesh::default()
    }
}

/// A box of side 2 with a face normal a side.
pub(crate) fn cube() -> Mesh {
    let mut mesh = Mesh {
        uvs: vec![Vec::new()],
        ..Mesh::default()
    };
    for axis in 0..3 {
        for sign in [1.0_f32, -1.0] {
            let mut normal = Vec3::ZERO;
            normal[axis] = sign;
            let mut right = Vec3::ZERO;
            right[(axis + 1) % 3] = 1.0;
            let up = normal.cross(right);
            let first = mesh.positions.len() as u32;
            for (u, v) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                mesh.positions.push((normal + right * u + up * v).into());
                mesh.normals.push(normal.into());
                mesh.uvs[0].push([(u + 1.0) * 0.5, (1.0 - v) * 0.5]);
            }
            mesh.indices.extend([0, 1, 2, 0, 2, 3].map(|i| first + i));
        }
    }
    mesh
}

/// A picture from a function of pixel coordinates.
pub(crate) fn picture(side: u32, color: impl Fn(u32, u32) -> [u8; 4]) -> Image {
    let pixels = (0..side * side)
        .flat_map(|i| color(i % side, i / side))
        .collect();
    Image::new(side, side, PixelFormat::Rgba8, pixels).unwrap()
}

/// Tiles of two colours, `count` along each side, the top left one of the first colour.
pub(crate) fn checker(side: u32, count: u32, colors: [[u8; 4]; 2]) -> Image {
    picture(side, |x, y| {
        colors[((x * count / side + y * count / side) % 2) as usize]
    })
}

/// A normal map of round bumps.
pub(crate) fn bumps(side: u32, count: u32) -> Image {
    picture(side, |x, y| {
        let at = |i: u32| ((i * count) as f32 / side as f32).fract() * 2.0 - 1.0;
        // +Y of a normal map points up the picture.
        let d = Vec2::new(at(x), -at(y)) * 1.2;
        let n = if d.length_squared() < 0.9 {
            Vec3::new(d.x, d.y, (1.0 - d.length_squared()).sqrt())
        } else {
            Vec3::Z
        };
        let byte = |c: f32| ((c * 0.5 + 0.5) * 255.0).round() as u8;
        [byte(n.x), byte(n.y), byte(n.z), 255]
    })
}

/// A closed tube along +Y, 4 high and 0.5 wide, that so many joints move: each vertex by the two next to it.
pub(crate) fn arm(joints: usize, rings: usize) -> Mesh {
    const SIDES: usize = 12;
    let mut mesh = Mesh {
        uvs: vec![Vec::new()],
        joints: vec![Vec::new()],
        weights: vec![Vec::new()],
        ..Mesh::default()
    };
    for ring in 0..=rings {
        let along = ring as f32 / rings as f32;
        for side in 0..=SIDES {
            let around = side as f32 / SIDES as f32;
            let (sin, cos) = (around * TAU).sin_cos();
            mesh.positions.push([0.25 * cos, along * 4.0, 0.25 * -sin]);
            mesh.normals.push([cos, 0.0, -sin]);
            mesh.uvs[0].push([around, 1.0 - along]);
            let place = along * (joints - 1) as f32;
            let lower = (place as usize).min(joints.max(2) - 2);
            let part = place - lower as f32;
            mesh.joints[0].push([lower as u16, (lower + 1).min(joints - 1) as u16, 0, 0]);
            mesh.weights[0].push([1.0 - part, part, 0.0, 0.0]);
        }
    }
    let row = SIDES as u32 + 1;
    for ring in 0..rings as u32 {
        for side in 0..SIDES as u32 {
            let a = ring * row + side;
            mesh.indices
                .extend([a, a + 1, a + row, a + 1, a + row + 1, a + row]);
        }
    }
    mesh
}

/// Joints of [`arm`], each turned about Z by so much against the one below.
pub(crate) fn bent(joints: usize, radians: f32) -> Vec<glam::Mat4> {
    use glam::Mat4;
    let length = 4.0 / (joints - 1) as f32;
    let mut place = Mat4::IDENTITY;
    (0..joints)
        .map(|joint| {
            let inverse_bind = Mat4::from_translation(Vec3::new(0.0, -length * joint as f32, 0.0));
            let up = if joint == 0 { 0.0 } else { length };
            place *= Mat4::from_translation(Vec3::Y * up) * Mat4::from_rotation_z(radians);
            place * inverse_bind
        })
        .collect()
}
