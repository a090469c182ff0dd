//! Vertices as they will be drawn: positions on the grid, attributes as codes, equal ones made one.
//!
//! All that follows works on these, so that errors and cracks are of what is drawn.

use glam::Vec3;

use super::{BuildError, BuildOptions, parallel::Workers};
use crate::{
    Mesh,
    clusters::{EXTENT_MAX, GRID_BITS_MAX, code, flags},
};

/// A mesh of welded vertices. Attributes that are absent have empty lists.
#[derive(Default)]
pub(super) struct Source {
    pub(super) grid: Grid,
    pub(super) flags: u32,
    pub(super) uv_origin: [[f32; 2]; 2],
    pub(super) uv_step: [f32; 2],
    /// The largest coordinate on the grid.
    pub(super) largest: i32,
    /// On the grid, each 0 to 2²⁴ − 1.
    pub(super) positions: Vec<[i32; 3]>,
    pub(super) normals: Vec<u32>,
    pub(super) tangents: Vec<u16>,
    pub(super) uvs: [Vec<[i32; 2]>; 2],
    pub(super) colors: Vec<u32>,
    /// The number of each vertex's position: equal for vertices in one place.
    pub(super) points: Vec<u32>,
    pub(super) point_count: usize,
    /// Three vertices a triangle, none with two corners in one place.
    pub(super) triangles: Vec<[u32; 3]>,
}

/// Where grid points are.
#[derive(Clone, Copy, Default)]
pub(super) struct Grid {
    pub(super) origin: [f32; 3],
    pub(super) step: f32,
}

impl Source {
    /// The position of a vertex as it is drawn, exactly.
    pub(super) fn position(&self, vertex: u32) -> [f32; 3] {
        let q = self.positions[vertex as usize];
        [0, 1, 2].map(|i| self.grid.origin[i] + self.grid.step * q[i] as f32)
    }

    /// The grid point at a position within the bounds.
    pub(super) fn grid_point(&self, p: [f32; 3]) -> [i32; 3] {
        [0, 1, 2].map(|i| ((p[i] - self.grid.origin[i]) / self.grid.step) as i32)
    }

    /// The longest side of the box around all positions, metres.
    pub(super) fn extent(&self) -> f32 {
        self.largest as f32 * self.grid.step
    }

    /// The corners of the box around all positions, metres.
    pub(super) fn bounds(&self) -> [[f32; 3]; 2] {
        let all = || (0..self.positions.len() as u32).map(|v| self.position(v));
        let corner = |pick: fn(f32, f32) -> f32| {
            let pick = |a: [f32; 3], b: [f32; 3]| [0, 1, 2].map(|i| pick(a[i], b[i]));
            all().reduce(pick).unwrap_or_default()
        };
        [corner(f32::min), corner(f32::max)]
    }

    /// Middle of the box around three vertices, on the grid.
    pub(super) fn middle(&self, triangle: [u32; 3]) -> [i32; 3] {
        let q = triangle.map(|v| self.positions[v as usize]);
        [0, 1, 2].map(|i| {
            let c = [q[0][i], q[1][i], q[2][i]];
            (c.iter().min().expect("three") + c.iter().max().expect("three")) / 2
        })
    }
}

/// The largest power of two that is at most `v`, which is over 0.
fn power_of_two_below(v: f64) -> f64 {
    v.log2().floor().exp2()
}

/// UVs further away than this are refused: what is left of a float there is no use.
const UV_MAX: f32 = (1 << 20) as f32;
/// Between UV grid points at most: an eighth of a texel of a picture 4096 wide.
const UV_STEP: f64 = 1.0 / 32768.0;

/// Puts the vertices of a mesh on the grid and makes equal ones one.
pub(super) fn weld(
    mesh: &Mesh,
    options: &BuildOptions,
    workers: &mut Workers<'_>,
) -> Result<Source, BuildError> {
    check_numbers(mesh)?;
    let mut source = Source {
        grid: grid(mesh, options),
        ..Source::default()
    };
    let mut uv_origin = [[0.0; 2]; 2];
    let mut uv_step = [1.0f64; 2];
    for (set, uvs) in mesh.uvs.iter().enumerate() {
        (uv_origin[set], uv_step[set]) = uv_grid(uvs);
    }
    source.uv_origin = uv_origin;
    source.uv_step = uv_step.map(|s| s as f32);
    for (there, flag) in [
        (!mesh.normals.is_empty(), flags::NORMALS),
        // A tangent without a normal has nothing to turn about.
        (
            !mesh.tangents.is_empty() && !mesh.normals.is_empty(),
            flags::TANGENTS,
        ),
        (!mesh.uvs.is_empty(), flags::UV0),
        (mesh.uvs.len() > 1, flags::UV1),
        (!mesh.colors.is_empty(), flags::COLORS),
    ] {
        if there {
            source.flags |= flag;
        }
    }
    let flags = source.flags;
    let grid = source.grid;
    let step = f64::from(grid.step);
    // Each part is a run of vertices; codes first, in parallel, and then one pass that welds.
    const RUN: usize = 1 << 16;
    let count = mesh.positions.len();
    let runs = workers.map(count.div_ceil(RUN), |run| {
        let range = run * RUN..count.min((run + 1) * RUN);
        range
            .map(|v| {
                let mut key = Key {
                    position: [0, 1, 2].map(|i| {
                        let p = f64::from(mesh.positions[v][i]) - f64::from(grid.origin[i]);
                        (p / step).round() as i32
                    }),
                    ..Key::default()
                };
                if flags & flags::NORMALS != 0 {
                    key.normal = code::encode_normal(Vec3::from(mesh.normals[v]));
                }
                if flags & flags::TANGENTS != 0 {
                    key.tangent = code::encode_tangent(key.normal, mesh.tangents[v]);
                }
                for (set, uvs) in mesh.uvs.iter().enumerate() {
                    key.uvs[set] = [0, 1].map(|i| {
                        let q = f64::from(uvs[v][i]) - f64::from(uv_origin[set][i]);
                        (q / uv_step[set]).round() as i32
                    });
                }
                if flags & flags::COLORS != 0 {
                    key.color = code::encode_color(mesh.colors[v]);
                }
                key
            })
            .collect::<Vec<Key>>()
    })?;
    let key = |v: u32| &runs[v as usize / RUN][v as usize % RUN];
    // Of the vertices that triangles use, the first of each kind stays.
    let mut used = vec![false; count];
    for &v in &mesh.indices {
        used[v as usize] = true;
    }
    let used: Vec<u32> = (0..count as u32).filter(|&v| used[v as usize]).collect();
    let mut table = FirstOf::new(used.len());
    let mut kept = Vec::new();
    let mut number = vec![u32::MAX; count];
    for &v in &used {
        let k = key(v);
        let next = kept.len() as u32;
        let found = table.find(k.hash(), |other| key(kept[other as usize]) == k, next);
        if found == next {
            kept.push(v);
        }
        number[v as usize] = found;
    }
    let mut points = FirstOf::new(kept.len());
    let mut first: Vec<u32> = Vec::new();
    for (i, &v) in kept.iter().enumerate() {
        let p = key(v).position;
        let next = first.len() as u32;
        let same = |other: u32| key(kept[first[other as usize] as usize]).position == p;
        let point = points.find(hash_words(&p.map(|c| c as u32)), same, next);
        if point == next {
            first.push(i as u32);
        }
        source.points.push(point);
    }
    source.point_count = first.len();
    source.positions = kept.iter().map(|&v| key(v).position).collect();
    source.largest = source
        .positions
        .iter()
        .flatten()
        .copied()
        .max()
        .unwrap_or(0);
    let has = |flag: u32| flags & flag != 0;
    if has(flags::NORMALS) {
        source.normals = kept.iter().map(|&v| key(v).normal).collect();
    }
    if has(flags::TANGENTS) {
        source.tangents = kept.iter().map(|&v| key(v).tangent as u16).collect();
    }
    for (set, flag) in [flags::UV0, flags::UV1].into_iter().enumerate() {
        if has(flag) {
            source.uvs[set] = kept.iter().map(|&v| key(v).uvs[set]).collect();
        }
    }
    if has(flags::COLORS) {
        source.colors = kept.iter().map(|&v| key(v).color).collect();
    }
    source.triangles = mesh
        .indices
        .chunks_exact(3)
        .map(|t| [0, 1, 2].map(|i| number[t[i] as usize]))
        .filter(|t| {
            let [a, b, c] = t.map(|v| source.points[v as usize]);
            a != b && b != c && c != a
        })
        .collect();
    if source.triangles.is_empty() {
        return Err(BuildError::Empty);
    }
    Ok(source)
}

fn check_numbers(mesh: &Mesh) -> Result<(), BuildError> {
    fn check<const N: usize>(
        attribute: &'static str,
        values: &[[f32; N]],
        most: f32,
    ) -> Result<(), BuildError> {
        for (vertex, value) in values.iter().enumerate() {
            if !value.iter().all(|v| v.is_finite()) {
                return Err(BuildError::NotFinite { attribute, vertex });
            }
            if value.iter().any(|v| v.abs() > most) {
                return Err(BuildError::TooFar { attribute, vertex });
            }
        }
        Ok(())
    }
    check("position", &mesh.positions, EXTENT_MAX)?;
    check("normal", &mesh.normals, f32::MAX)?;
    check("tangent", &mesh.tangents, f32::MAX)?;
    check("colour", &mesh.colors, f32::MAX)?;
    mesh.uvs.iter().try_for_each(|uvs| check("UV", uvs, UV_MAX))
}

/// The grid: as fine as wished, or as the mesh needs, but not finer than floats are, and with at most 2²⁴ points a side.
fn grid(mesh: &Mesh, options: &BuildOptions) -> Grid {
    let position = |i: u32| mesh.positions[i as usize].map(f64::from);
    let (mut min, mut max) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    let (mut edges, mut count) = (0.0, 0u64);
    for t in mesh.indices.chunks_exact(3) {
        let p = [position(t[0]), position(t[1]), position(t[2])];
        for i in 0..3 {
            let (a, b) = (p[i], p[(i + 1) % 3]);
            let d = (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt();
            if d > 0.0 {
                edges += d;
                count += 1;
            }
            for k in 0..3 {
                min[k] = min[k].min(a[k]);
                max[k] = max[k].max(a[k]);
            }
        }
    }
    if count == 0 {
        // No triangle has corners in three places: there is nothing to put on a grid.
        return Grid {
            origin: [0.0; 3],
            step: 1.0,
        };
    }
    let extent = (0..3).map(|k| max[k] - min[k]).fold(0.0, f64::max);
    let farthest = (0..3)
        .map(|k| min[k].abs().max(max[k].abs()))
        .fold(0.0, f64::max);
    let wanted = options.precision.map_or_else(
        || (extent / 32768.0).min(edges / count as f64 / 64.0),
        f64::from,
    );
    let points = f64::from(1u32 << GRID_BITS_MAX);
    // Coordinates of at most 2²⁴ steps are exact in a float, and so are their sums.
    let mut step = power_of_two_below(wanted.max(1e-30)).max(1e-30f64.log2().ceil().exp2());
    while farthest.max(extent + step) > step * (points - 2.0) {
        step *= 2.0;
    }
    Grid {
        origin: min.map(|m| ((m / step).floor() * step) as f32),
        step: step as f32,
    }
}

fn uv_grid(uvs: &[[f32; 2]]) -> ([f32; 2], f64) {
    let (mut min, mut max) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for uv in uvs {
        for i in 0..2 {
            min[i] = min[i].min(uv[i]);
            max[i] = max[i].max(uv[i]);
        }
    }
    if uvs.is_empty() {
        return ([0.0; 2], 1.0);
    }
    let extent = (0..2)
        .map(|i| f64::from(max[i]) - f64::from(min[i]))
        .fold(0.0, f64::max);
    let farthest = (0..2).map(|i| f64::from(min[i].abs().max(max[i].abs())));
    let reach = farthest.fold(extent, f64::max);
    let mut step = UV_STEP.min(power_of_two_below((extent / 4096.0).max(1e-12)));
    while reach > step * f64::from((1u32 << GRID_BITS_MAX) - 2) {
        step *= 2.0;
    }
    (
        min.map(|m| ((f64::from(m) / step).floor() * step) as f32),
        step,
    )
}

/// All that a vertex is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Key {
    position: [i32; 3],
    normal: u32,
    tangent: u32,
    uvs: [[i32; 2]; 2],
    color: u32,
}

impl Key {
    fn hash(&self) -> u64 {
        let [[a, b], [c, d]] = self.uvs.map(|uv| uv.map(|c| c as u32));
        let [x, y, z] = self.position.map(|c| c as u32);
        hash_words(&[x, y, z, self.normal, self.tangent, a, b, c, d, self.color])
    }
}

/// Mixes words well enough for a table. Not keyed: a table that is attacked is slow, and what it gives does not depend on the hash.
pub(super) fn hash_words(words: &[u32]) -> u64 {
    words.iter().fold(0x243f_6a88_85a3_08d3, |h: u64, &w| {
        let x = (h ^ u64::from(w)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^ x >> 29
    })
}

/// A table that gives the number of the first of equals.
pub(super) struct FirstOf {
    slots: Vec<u32>,
    mask: usize,
}

impl FirstOf {
    /// For at most `count` entries.
    pub(super) fn new(count: usize) -> Self {
        let size = (count * 2).next_power_of_two().max(2);
        Self {
            slots: vec![u32::MAX; size],
            mask: size - 1,
        }
    }

    /// The number of an entry that is the same, or `next`, which then is its number.
    pub(super) fn find(&mut self, hash: u64, same: impl Fn(u32) -> bool, next: u32) -> u32 {
        let mut slot = (hash >> 16) as usize & self.mask;
        loop {
            match self.slots[slot] {
                u32::MAX => {
                    self.slots[slot] = next;
                    return next;
                }
                found if same(found) => return found,
                _ => slot = (slot + 1) & self.mask,
            }
        }
    }
}
