//! How far things reach: boxes along the axes.

use bytemuck::{Pod, Zeroable};

use super::transform::GlobalTransform;
use crate::Component;

/// A box along the axes of the entity's own space, in metres. 24 bytes.
///
/// ```
/// use storm_ecs::scene::{Aabb, GlobalTransform, Transform, Cell};
/// use glam::{Quat, Vec3};
///
/// let plank = Aabb::from_min_max([0.0, 0.0, 0.0], [4.0, 1.0, 1.0]);
/// let upright = Transform::from_parts(Vec3::X, Quat::from_rotation_z(std::f32::consts::FRAC_PI_2), Vec3::ONE);
/// let global = GlobalTransform::from_affine(&upright.to_affine(), Cell([0; 3]));
/// let found = plank.transformed(&global);
/// assert!(found.max().iter().zip([1.0, 4.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
/// ```
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[component(name = "storm.scene.Aabb", schema, pod = "bytemuck")]
#[repr(C)]
pub struct Aabb {
    /// The middle.
    #[field(unit = "m", finite)]
    pub center: [f32; 3],
    /// Half the extent along each axis; not negative.
    #[field(unit = "m", min = 0, finite)]
    pub half: [f32; 3],
}

impl Aabb {
    /// From two corners; `min` is not above `max` on any axis.
    #[must_use]
    pub fn from_min_max(min: [f32; 3], max: [f32; 3]) -> Self {
        Self {
            center: core::array::from_fn(|axis| (min[axis] + max[axis]) * 0.5),
            half: core::array::from_fn(|axis| (max[axis] - min[axis]) * 0.5),
        }
    }

    /// The smallest box around some points; `None` without any.
    pub fn from_points(points: impl IntoIterator<Item = [f32; 3]>) -> Option<Self> {
        let mut points = points.into_iter();
        let first = points.next()?;
        let (mut min, mut max) = (first, first);
        for point in points {
            for axis in 0..3 {
                min[axis] = min[axis].min(point[axis]);
                max[axis] = max[axis].max(point[axis]);
            }
        }
        Some(Self::from_min_max(min, max))
    }

    /// The corner with the smallest coordinates.
    #[must_use]
    pub fn min(&self) -> [f32; 3] {
        core::array::from_fn(|axis| self.center[axis] - self.half[axis])
    }

    /// The corner with the largest coordinates.
    #[must_use]
    pub fn max(&self) -> [f32; 3] {
        core::array::from_fn(|axis| self.center[axis] + self.half[axis])
    }

    /// The smallest box around both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (a, b) = ((self.min(), self.max()), (other.min(), other.max()));
        Self::from_min_max(
            core::array::from_fn(|axis| a.0[axis].min(b.0[axis])),
            core::array::from_fn(|axis| a.1[axis].max(b.1[axis])),
        )
    }

    /// Whether the boxes share a point.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        (0..3).all(|axis| {
            (self.center[axis] - other.center[axis]).abs() <= self.half[axis] + other.half[axis]
        })
    }

    /// Whether a point is inside or on the surface.
    #[must_use]
    pub fn contains(&self, point: [f32; 3]) -> bool {
        (0..3).all(|axis| (self.center[axis] - point[axis]).abs() <= self.half[axis])
    }

    /// The smallest box along the axes of the world that holds this one, in metres from the corner of the transform's cell. Arvo's method
    /// (Graphics Gems, 1990): the half extents times the absolute matrix.
    #[must_use]
    pub fn transformed(&self, global: &GlobalTransform) -> Self {
        let along = |row: &[f32; 4], v: &[f32; 3]| row[0] * v[0] + row[1] * v[1] + row[2] * v[2];
        Self {
            center: global.affine.map(|row| along(&row, &self.center) + row[3]),
            half: global
                .affine
                .map(|row| along(&row.map(f32::abs), &self.half)),
        }
    }
}
