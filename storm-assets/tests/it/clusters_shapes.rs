//! Meshes made by rule, for tests of clusters.

use storm_assets::Mesh;

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// 0 to below 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// −1 to below 1.
    pub(crate) fn signed(&mut self) -> f32 {
        self.unit() * 2.0 - 1.0
    }
}

/// A closed surface of `6 · 2 · n²` triangles: a cube blown up to a ball of about 1 m, with bumps. Positions are shared along the edges of the cube to the last bit; with
/// `seams`, each face has normals and UVs of its own vertices, so that its edges are seams.
pub(crate) fn ball(n: u32, bumps: f32, seams: bool) -> Mesh {
    let mut mesh = Mesh::default();
    let mut uvs = Vec::new();
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
                let length = (p[0] * p[0] + p[1] * p[1] + p[2] * p[2]).sqrt();
                let d = p.map(|c| c / length);
                let wave = (d[0] * 17.0).sin() + (d[1] * 13.0).sin() + (d[2] * 19.0).sin();
                let r = 1.0 + bumps * wave;
                mesh.positions.push(d.map(|c| c * r));
                if seams {
                    mesh.normals.push(d);
                    uvs.push([
                        (u as f32 / n as f32 + face as f32) / 6.0,
                        v as f32 / n as f32,
                    ]);
                }
            }
        }
        for v in 0..n {
            for u in 0..n {
                let i = base + v * (n + 1) + u;
                mesh.indices
                    .extend([i, i + 1, i + n + 2, i, i + n + 2, i + n + 1]);
            }
        }
    }
    if seams {
        mesh.uvs.push(uvs);
    }
    mesh
}

/// An open surface of `2 · n²` triangles, 100 m wide, with hills.
pub(crate) fn terrain(n: u32) -> Mesh {
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
    mesh
}

/// So many closed boxes of 12 triangles, apart from each other, in a cube 20 m wide.
pub(crate) fn boxes(count: u32) -> Mesh {
    let mut random = Random(77);
    let mut mesh = Mesh::default();
    for _ in 0..count {
        let center = [0; 3].map(|_| random.signed() * 10.0);
        let size = 0.05 + 0.1 * random.unit();
        let base = mesh.positions.len() as u32;
        for corner in 0..8 {
            let side = |axis: usize| if corner >> axis & 1 == 0 { -size } else { size };
            mesh.positions
                .push([0, 1, 2].map(|axis| center[axis] + side(axis)));
        }
        for quad in [
            [0, 4, 6, 2],
            [1, 3, 7, 5],
            [0, 1, 5, 4],
            [2, 6, 7, 3],
            [0, 2, 3, 1],
            [4, 5, 7, 6],
        ] {
            for corner in [0, 1, 2, 0, 2, 3] {
                mesh.indices.push(base + quad[corner]);
            }
        }
    }
    mesh
}

/// A mesh with every position scaled and then moved.
pub(crate) fn moved(mut mesh: Mesh, scale: f32, by: f32) -> Mesh {
    for p in &mut mesh.positions {
        *p = p.map(|c| c * scale + by);
    }
    mesh
}

/// A ball with every attribute that clusters have.
pub(crate) fn dressed(n: u32) -> Mesh {
    let mut mesh = ball(n, 0.02, true);
    let uvs = mesh.uvs[0].iter().map(|uv| uv.map(|c| c * 40.0 - 7.0));
    mesh.uvs.push(uvs.collect());
    for n in &mesh.normals {
        let n = glam::Vec3::from(*n);
        let t = n.any_orthonormal_vector();
        let w = if n.y < 0.0 { -1.0 } else { 1.0 };
        mesh.tangents.push([t.x, t.y, t.z, w]);
        mesh.colors.push([
            n.x * 0.5 + 0.5,
            n.y * 0.5 + 0.5,
            n.z * 0.5 + 0.5,
            0.25 + 0.5 * n.x.abs(),
        ]);
    }
    mesh
}
