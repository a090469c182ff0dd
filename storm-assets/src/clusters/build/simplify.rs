//! A group made of half as many triangles, its border with other groups as it was.

use meshopt::{SimplifyOptions, SimplifyVertex};

use super::{BuildOptions, split::Local, vertices::Source};
use crate::clusters::code;

/// What is left of a group.
pub(super) struct Simplified {
    /// Three vertices of the source a triangle.
    pub(super) corners: Vec<u32>,
    /// How far the surface is off, with what attributes count for; metres.
    pub(super) error: f32,
}

/// Of the triangles of a group so many are to be left.
const RATIO: f32 = 0.5;
/// With more left than this, it is not worth a level.
const ENOUGH: f32 = 0.85;
/// What the error of cells counts more, for they say nothing of attributes.
const SLOPPY: f32 = 2.0;

/// Attributes as numbers, and the metres that a change of each by 1 counts for.
struct Attributes {
    values: Vec<f32>,
    weights: Vec<f32>,
}

/// Simplifies triangles. `locked` says which points must stay; `desperate` allows a way that keeps no topology. `None` where too little can go.
pub(super) fn simplify(
    source: &Source,
    corners: &[u32],
    locked: impl Fn(u32) -> bool,
    options: &BuildOptions,
    desperate: bool,
) -> Option<Simplified> {
    let local = Local::new(source, corners);
    let triangles = corners.len() / 3;
    let target = ((triangles as f32 * RATIO) as usize).max(1) * 3;
    let enough = (triangles as f32 * ENOUGH) as usize * 3;
    let mut locks: Vec<SimplifyVertex> = local
        .vertices
        .iter()
        .map(|&v| {
            if locked(source.points[v as usize]) {
                SimplifyVertex::Lock
            } else {
                SimplifyVertex::None
            }
        })
        .collect();
    let attributes = attributes(source, &local, options);
    let stride = attributes.weights.len();
    // The weights are relative to the largest side of the box around the group.
    let side = local
        .positions
        .iter()
        .flatten()
        .fold(f32::MIN_POSITIVE, |a, &b| a.max(b));
    let weights: Vec<f32> = attributes.weights.iter().map(|w| w / side).collect();
    let adapter = local.adapter();
    let run = |locks: &[SimplifyVertex]| {
        let mut error = 0.0;
        let options = SimplifyOptions::ErrorAbsolute | SimplifyOptions::Permissive;
        let left = meshopt::simplify_with_attributes_and_locks(
            &local.corners,
            &adapter,
            &attributes.values,
            &weights,
            // Not 0 where there are none: it is a stride.
            stride.max(1) * size_of::<f32>(),
            locks,
            target,
            f32::MAX,
            options,
            Some(&mut error),
        );
        (left, error)
    };
    protect(source, &local, &mut locks);
    let mut found = run(&locks);
    if found.0.len() > enough || found.0.is_empty() {
        // Seams of UVs stand in the way, perhaps: let them be crossed, for what that costs.
        for lock in &mut locks {
            *lock &= SimplifyVertex::Lock;
        }
        found = run(&locks);
    }
    if (found.0.len() > enough || found.0.is_empty()) && desperate {
        let mut error = 0.0;
        let left = meshopt::simplify_sloppy_with_locks(
            &local.corners,
            &adapter,
            &locks,
            target,
            f32::MAX,
            Some(&mut error),
        );
        found = (left, error * side * SLOPPY);
    }
    let (left, error) = found;
    // With nothing left there would be nothing to draw in its place.
    if left.len() > enough || left.is_empty() || !(error >= 0.0 && error.is_finite()) {
        return None;
    }
    Some(Simplified {
        corners: left.iter().map(|&v| local.vertices[v as usize]).collect(),
        error,
    })
}

/// Keeps seams of UVs: vertices in one place with other UVs than the first there.
fn protect(source: &Source, local: &Local, locks: &mut [SimplifyVertex]) {
    if source.uvs[0].is_empty() {
        return;
    }
    let mut by_point: Vec<(u32, u32)> = (0..)
        .zip(&local.vertices)
        .map(|(i, &v)| (source.points[v as usize], i))
        .collect();
    by_point.sort_unstable();
    let uvs = |i: u32| {
        let v = local.vertices[i as usize] as usize;
        [0, 1].map(|set| source.uvs[set].get(v))
    };
    for same in by_point.chunk_by(|a, b| a.0 == b.0) {
        if same.iter().any(|&(_, i)| uvs(i) != uvs(same[0].1)) {
            for &(_, i) in same {
                locks[i as usize] |= SimplifyVertex::Protect;
            }
        }
    }
}

fn attributes(source: &Source, local: &Local, options: &BuildOptions) -> Attributes {
    let mut weights = Vec::new();
    let (edge, uv_metres) = measure(source, local);
    let normals = !source.normals.is_empty() && options.normal_weight > 0.0;
    if normals {
        weights.extend([options.normal_weight * edge; 3]);
    }
    let uvs = [0, 1].map(|set| !source.uvs[set].is_empty() && options.uv_weight > 0.0);
    for (there, metres) in uvs.into_iter().zip(uv_metres) {
        if there {
            weights.extend([options.uv_weight * metres; 2]);
        }
    }
    let colors = !source.colors.is_empty() && options.color_weight > 0.0;
    if colors {
        weights.extend([options.color_weight * edge; 4]);
    }
    let mut values = Vec::with_capacity(weights.len() * local.vertices.len());
    for &v in &local.vertices {
        let v = v as usize;
        if normals {
            values.extend(code::normal(source.normals[v]).to_array());
        }
        for (set, there) in uvs.into_iter().enumerate() {
            if there {
                values.extend(source.uvs[set][v].map(|q| q as f32 * source.uv_step[set]));
            }
        }
        if colors {
            // The roots, in which steps look alike.
            values.extend([0, 8, 16, 24].map(|at| (source.colors[v] >> at & 0xff) as f32 / 255.0));
        }
    }
    Attributes { values, weights }
}

/// The mean edge, and the metres that a UV of each set is on the surface about.
fn measure(source: &Source, local: &Local) -> (f32, [f32; 2]) {
    use glam::{Vec2, Vec3};
    let mut edges = 0.0;
    let mut area = 0.0;
    let mut uv_area = [0.0; 2];
    for t in local.corners.chunks_exact(3) {
        let [a, b, c] = [t[0], t[1], t[2]].map(|i| Vec3::from(local.positions[i as usize]));
        edges += (b - a).length() + (c - b).length() + (a - c).length();
        area += (b - a).cross(c - a).length();
        for (set, sum) in uv_area.iter_mut().enumerate() {
            if !source.uvs[set].is_empty() {
                let [a, b, c] = [t[0], t[1], t[2]].map(|i| {
                    let q = source.uvs[set][local.vertices[i as usize] as usize];
                    Vec2::new(q[0] as f32, q[1] as f32) * source.uv_step[set]
                });
                *sum += (b - a).perp_dot(c - a).abs();
            }
        }
    }
    let mean = edges / local.corners.len() as f32;
    // A texture that is squeezed into a point shows nothing that could slide.
    let metres = uv_area.map(|uv| if uv > 1e-12 { (area / uv).sqrt() } else { 0.0 });
    (mean, metres)
}
