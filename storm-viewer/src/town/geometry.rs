//! A mesh under construction: quads, boxes, lathes and tubes with normals, UVs in metres and vertex colours.

use std::f32::consts::TAU;

use glam::{Mat4, Vec2, Vec3};
use storm_assets::Mesh;

/// Triangles with normals, one UV set and colours.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) positions: Vec<Vec3>,
    pub(super) normals: Vec<Vec3>,
    pub(super) uvs: Vec<Vec2>,
    pub(super) colors: Vec<[f32; 4]>,
    pub(super) indices: Vec<u32>,
}

impl Shape {
    pub(super) fn vertex(
        &mut self,
        position: Vec3,
        normal: Vec3,
        uv: Vec2,
        color: [f32; 4],
    ) -> u32 {
        self.positions.push(position);
        self.normals.push(normal);
        self.uvs.push(uv);
        self.colors.push(color);
        (self.positions.len() - 1) as u32
    }

    /// Four corners, counter-clockwise from the lower left as seen from the front. UVs are metres over `tile`.
    pub(super) fn quad(&mut self, corners: [Vec3; 4], tile: f32) {
        self.patch(corners, 1, 1, tile);
    }

    /// A quad cut into `nu` by `nv`, so that colours can change across it.
    pub(super) fn patch(&mut self, [a, b, c, d]: [Vec3; 4], nu: u32, nv: u32, tile: f32) {
        let (along, up) = (b - a, d - a);
        let mut normal = along.cross(c - a) + (c - a).cross(up);
        normal = normal.try_normalize().unwrap_or(Vec3::Y);
        let (right, size_u) = (
            along.normalize_or_zero(),
            along.length().max((c - d).length()),
        );
        // UVs follow the lower edge; V points down the picture.
        let over = normal.cross(right);
        let _ = size_u;
        let first = self.positions.len() as u32;
        for j in 0..=nv {
            for i in 0..=nu {
                let (s, t) = (i as f32 / nu as f32, j as f32 / nv as f32);
                let p = a.lerp(b, s).lerp(d.lerp(c, s), t);
                let q = p - a;
                let uv = Vec2::new(q.dot(right), -q.dot(over)) / tile;
                self.vertex(p, normal, uv, [1.0; 4]);
            }
        }
        let row = nu + 1;
        for j in 0..nv {
            for i in 0..nu {
                let v = first + j * row + i;
                self.indices
                    .extend([v, v + 1, v + row + 1, v, v + row + 1, v + row]);
            }
        }
    }

    /// Three corners, counter-clockwise.
    pub(super) fn triangle(&mut self, [a, b, c]: [Vec3; 3], tile: f32) {
        let normal = (b - a).cross(c - a).try_normalize().unwrap_or(Vec3::Y);
        let right = (b - a).normalize_or_zero();
        let over = normal.cross(right);
        let first = self.positions.len() as u32;
        for p in [a, b, c] {
            let uv = Vec2::new((p - a).dot(right), -(p - a).dot(over)) / tile;
            self.vertex(p, normal, uv, [1.0; 4]);
        }
        self.indices.extend([first, first + 1, first + 2]);
    }

    /// A box between two corners.
    pub(super) fn cuboid(&mut self, min: Vec3, max: Vec3, tile: f32) {
        self.cuboid_cut(min, max, 1, tile);
    }

    /// A box whose sides are cut into `rows` from bottom to top.
    pub(super) fn cuboid_cut(&mut self, min: Vec3, max: Vec3, rows: u32, tile: f32) {
        let p = |x: f32, y: f32, z: f32| Vec3::new(x, y, z);
        let ((x0, y0, z0), (x1, y1, z1)) = (min.into(), max.into());
        let sides = [
            [p(x0, y0, z1), p(x1, y0, z1), p(x1, y1, z1), p(x0, y1, z1)],
            [p(x1, y0, z0), p(x0, y0, z0), p(x0, y1, z0), p(x1, y1, z0)],
            [p(x1, y0, z1), p(x1, y0, z0), p(x1, y1, z0), p(x1, y1, z1)],
            [p(x0, y0, z0), p(x0, y0, z1), p(x0, y1, z1), p(x0, y1, z0)],
        ];
        for side in sides {
            self.patch(side, 1, rows, tile);
        }
        self.quad(
            [p(x0, y1, z1), p(x1, y1, z1), p(x1, y1, z0), p(x0, y1, z0)],
            tile,
        );
        self.quad(
            [p(x0, y0, z0), p(x1, y0, z0), p(x1, y0, z1), p(x0, y0, z1)],
            tile,
        );
    }

    /// A bar of square section between two points.
    pub(super) fn bar(&mut self, from: Vec3, to: Vec3, thickness: f32, tile: f32) {
        let mut bar = Self::default();
        let half = 0.5 * thickness;
        let length = (to - from).length();
        bar.cuboid(
            Vec3::new(-half, 0.0, -half),
            Vec3::new(half, length, half),
            tile,
        );
        self.append(&bar, turn_up_to(from, to));
    }

    /// A surface of revolution about Y: radius and height, from the bottom up.
    pub(super) fn lathe(&mut self, profile: &[(f32, f32)], segments: u32, tile: f32) {
        let first = self.positions.len() as u32;
        let widest = profile.iter().map(|p| p.0).fold(0.0, f32::max);
        // A whole number of tiles round, so that there is no seam.
        let around = (TAU * widest / tile).round().max(1.0);
        let mut run = 0.0;
        for (i, &(radius, y)) in profile.iter().enumerate() {
            let before = profile[i.saturating_sub(1)];
            let after = profile[(i + 1).min(profile.len() - 1)];
            run += Vec2::new(radius - before.0, y - before.1).length();
            let slope = Vec2::new(after.1 - before.1, before.0 - after.0).normalize_or(Vec2::X);
            for s in 0..=segments {
                let angle = s as f32 / segments as f32 * TAU;
                let out = Vec3::new(angle.sin(), 0.0, angle.cos());
                let normal = (out * slope.x + Vec3::Y * slope.y).normalize_or(Vec3::Y);
                let uv = Vec2::new(s as f32 / segments as f32 * around, -run / tile);
                self.vertex(out * radius + Vec3::Y * y, normal, uv, [1.0; 4]);
            }
        }
        let row = segments + 1;
        for i in 0..profile.len() as u32 - 1 {
            for s in 0..segments {
                let v = first + i * row + s;
                self.indices
                    .extend([v, v + 1, v + row + 1, v, v + row + 1, v + row]);
            }
        }
    }

    /// A round rod, wider at one end or not.
    pub(super) fn rod(
        &mut self,
        from: Vec3,
        to: Vec3,
        radii: (f32, f32),
        segments: u32,
        tile: f32,
    ) {
        let mut rod = Self::default();
        let length = (to - from).length();
        rod.lathe(&[(radii.0, 0.0), (radii.1, length)], segments, tile);
        rod.lathe(&[(radii.1, length), (0.0, length)], segments, tile);
        self.append(&rod, turn_up_to(from, to));
    }

    /// Copies another shape in.
    pub(super) fn append(&mut self, other: &Self, transform: Mat4) {
        let first = self.positions.len() as u32;
        let cofactor = glam::Mat3::from_mat4(transform).inverse().transpose();
        for (&p, &n) in other.positions.iter().zip(&other.normals) {
            self.positions.push(transform.transform_point3(p));
            self.normals.push((cofactor * n).normalize_or(Vec3::Y));
        }
        self.uvs.extend(&other.uvs);
        self.colors.extend(&other.colors);
        self.indices.extend(other.indices.iter().map(|i| i + first));
    }

    /// Multiplies the colours by what `shade` gives for place and normal.
    pub(super) fn shade(&mut self, shade: impl Fn(Vec3, Vec3) -> f32) {
        self.tint(|p, n| Vec3::splat(shade(p, n)));
    }

    /// The same, channel by channel.
    pub(super) fn tint(&mut self, tint: impl Fn(Vec3, Vec3) -> Vec3) {
        for ((&p, &n), color) in self
            .positions
            .iter()
            .zip(&self.normals)
            .zip(&mut self.colors)
        {
            let t = tint(p, n);
            for (channel, factor) in color.iter_mut().zip(t.to_array()) {
                *channel *= factor;
            }
        }
    }

    /// Moves the points and leaves the normals.
    pub(super) fn bend(&mut self, to: impl Fn(Vec3) -> Vec3) {
        for p in &mut self.positions {
            *p = to(*p);
        }
    }

    /// Every triangle a second time, seen from behind with the same normals: leaves are lit alike on both sides.
    pub(super) fn both_sides(&mut self) {
        let backs: Vec<u32> = self
            .indices
            .chunks_exact(3)
            .flat_map(|t| [t[0], t[2], t[1]])
            .collect();
        self.indices.extend(backs);
    }

    pub(super) fn finish(mut self, name: &str) -> Mesh {
        for channel in self.colors.as_flattened_mut() {
            *channel = channel.clamp(0.0, 1.0);
        }
        Mesh {
            name: name.to_owned(),
            positions: self.positions.into_iter().map(Into::into).collect(),
            normals: self.normals.into_iter().map(Into::into).collect(),
            uvs: vec![self.uvs.into_iter().map(Into::into).collect()],
            colors: self.colors,
            indices: self.indices,
            ..Mesh::default()
        }
    }
}

/// The transform that takes the Y axis at the origin to the line from one point towards another.
pub(super) fn turn_up_to(from: Vec3, to: Vec3) -> Mat4 {
    let up = (to - from).normalize_or(Vec3::Y);
    let turn = glam::Quat::from_rotation_arc(Vec3::Y, up);
    Mat4::from_rotation_translation(turn, from)
}

/// A ball of triangles of even size.
pub(super) fn icosphere(subdivisions: u32) -> (Vec<Vec3>, Vec<[u32; 3]>) {
    let t = (1.0 + 5.0_f32.sqrt()) * 0.5;
    let mut points: Vec<Vec3> = [
        (-1.0, t, 0.0),
        (1.0, t, 0.0),
        (-1.0, -t, 0.0),
        (1.0, -t, 0.0),
        (0.0, -1.0, t),
        (0.0, 1.0, t),
        (0.0, -1.0, -t),
        (0.0, 1.0, -t),
        (t, 0.0, -1.0),
        (t, 0.0, 1.0),
        (-t, 0.0, -1.0),
        (-t, 0.0, 1.0),
    ]
    .map(|p| Vec3::from(p).normalize())
    .to_vec();
    let mut faces: Vec<[u32; 3]> = vec![
        [0, 11, 5],
        [0, 5, 1],
        [0, 1, 7],
        [0, 7, 10],
        [0, 10, 11],
        [1, 5, 9],
        [5, 11, 4],
        [11, 10, 2],
        [10, 7, 6],
        [7, 1, 8],
        [3, 9, 4],
        [3, 4, 2],
        [3, 2, 6],
        [3, 6, 8],
        [3, 8, 9],
        [4, 9, 5],
        [2, 4, 11],
        [6, 2, 10],
        [8, 6, 7],
        [9, 8, 1],
    ];
    for _ in 0..subdivisions {
        let mut middles = std::collections::BTreeMap::new();
        let mut middle = |a: u32, b: u32| {
            *middles.entry((a.min(b), a.max(b))).or_insert_with(|| {
                let p = (points[a as usize] + points[b as usize]).normalize();
                points.push(p);
                (points.len() - 1) as u32
            })
        };
        faces = faces
            .iter()
            .flat_map(|&[a, b, c]| {
                let (ab, bc, ca) = (middle(a, b), middle(b, c), middle(c, a));
                [[a, ab, ca], [b, bc, ab], [c, ca, bc], [ab, bc, ca]]
            })
            .collect();
    }
    (points, faces)
}
