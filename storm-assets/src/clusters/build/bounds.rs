//! Spheres around points and spheres, and cones of normals.

use meshopt::Meshlet;

use super::split::Local;
use crate::clusters::Sphere;

/// Radii are this much larger than they need to be, so that sums in `f32` on a GPU keep what holds here.
const RADIUS_SLACK: f64 = 1e-5;

/// A sphere around points; there is at least one.
pub(super) fn around_points(points: &[[f32; 3]]) -> Sphere {
    let spheres: Vec<Sphere> = points
        .iter()
        .map(|&center| Sphere {
            center,
            radius: 0.0,
        })
        .collect();
    let mut sphere = around(&spheres, 0.0);
    if spheres.len() == 1 {
        sphere.radius = 0.0;
    }
    sphere
}

/// A sphere around spheres, its radius larger by `slack` metres and a little; there is at least one.
pub(super) fn around(spheres: &[Sphere], slack: f64) -> Sphere {
    let bytes: &[u8] = bytemuck::cast_slice(spheres);
    let stride = size_of::<Sphere>();
    let found = meshopt::compute_sphere_bounds(
        meshopt::PositionDataAdapter {
            data: bytes,
            position_count: spheres.len(),
            position_stride: stride,
            position_offset: 0,
        },
        Some(meshopt::RadiusDataAdapter {
            data: bytes,
            radius_count: spheres.len(),
            radius_stride: stride,
            radius_offset: 12,
        }),
    );
    // What was found is about right: the radius is computed again for the centre, and rounded up.
    let center = found.center;
    let reach = spheres
        .iter()
        .map(|s| {
            let d: f64 = (0..3)
                .map(|i| (f64::from(s.center[i]) - f64::from(center[i])).powi(2))
                .sum();
            d.sqrt() + f64::from(s.radius)
        })
        .fold(0.0, f64::max);
    Sphere {
        center,
        radius: ((reach * (1.0 + RADIUS_SLACK) + slack) as f32).next_up(),
    }
}

/// The word of a cluster's cone.
pub(super) fn cone(meshlet: Meshlet<'_>, local: &Local) -> u32 {
    let bounds = meshopt::compute_meshlet_bounds(meshlet, &local.adapter());
    let [x, y, z] = bounds.cone_axis_s8.map(|c| u32::from(c as u8));
    x | y << 8 | z << 16 | u32::from(bounds.cone_cutoff_s8 as u8) << 24
}
