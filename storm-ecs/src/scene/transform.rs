//! Where an entity is: relative to its parent ([`Transform`]), in the world ([`GlobalTransform`]), and in which [`Cell`].

use bytemuck::{Pod, Zeroable};
use glam::{Affine3A, Mat3A, Mat4, Quat, Vec3, Vec3A};

use crate::Component;

/// Edge of a [`Cell`] in metres.
pub const CELL_SIZE: f32 = 1024.0;

/// Place, rotation and size relative to the parent, or to the root's [`Cell`]. 40 bytes.
///
/// The matrix is `translation × rotation × scale`.
#[derive(Component, Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[component(name = "storm.scene.Transform", schema, pod = "bytemuck")]
#[repr(C)]
pub struct Transform {
    /// Metres.
    pub translation: [f32; 3],
    /// Unit quaternion `[x, y, z, w]`.
    pub rotation: [f32; 4],
    /// Factor along each axis.
    pub scale: [f32; 3],
}

impl Default for Transform {
    fn default() -> Self {
        Self::IDENTITY
    }
}

impl Transform {
    /// No change.
    pub const IDENTITY: Self = Self {
        translation: [0.0; 3],
        rotation: [0.0, 0.0, 0.0, 1.0],
        scale: [1.0; 3],
    };

    /// A move by `translation` metres.
    #[must_use]
    pub const fn from_translation(translation: [f32; 3]) -> Self {
        Self {
            translation,
            ..Self::IDENTITY
        }
    }

    /// From glam's parts. `rotation` is a unit quaternion.
    #[must_use]
    pub fn from_parts(translation: Vec3, rotation: Quat, scale: Vec3) -> Self {
        Self {
            translation: translation.to_array(),
            rotation: rotation.to_array(),
            scale: scale.to_array(),
        }
    }

    /// The translation, rotation and scale of a matrix. Shear is lost; a matrix that is not invertible gives NaN.
    #[must_use]
    pub fn from_matrix(matrix: &Mat4) -> Self {
        let (scale, rotation, translation) = matrix.to_scale_rotation_translation();
        Self::from_parts(translation, rotation, scale)
    }

    /// As an affine map.
    #[must_use]
    pub fn to_affine(&self) -> Affine3A {
        Affine3A::from_scale_rotation_translation(
            Vec3::from_array(self.scale),
            Quat::from_array(self.rotation),
            Vec3::from_array(self.translation),
        )
    }

    /// As a matrix.
    #[must_use]
    pub fn to_matrix(&self) -> Mat4 {
        Mat4::from(self.to_affine())
    }
}

impl From<&Transform> for Affine3A {
    fn from(transform: &Transform) -> Self {
        transform.to_affine()
    }
}

/// Which cube of [`CELL_SIZE`] metres a root's [`Transform`] counts from. Roots without one are in cell 0, 0, 0; on children it means nothing.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
#[component(name = "storm.scene.Cell", schema, pod = "bytemuck")]
#[repr(C)]
pub struct Cell(pub [i32; 3]);

impl Cell {
    /// Splits a place in the world, in metres, into a cell and the rest, which lies in `0..CELL_SIZE` on each axis.
    ///
    /// Precise to about a micrometre within 10¹⁰ m; beyond ±2³¹ cells the cell saturates. NaN gives cell 0 and NaN.
    #[must_use]
    pub fn split(position: [f64; 3]) -> (Self, [f32; 3]) {
        let size = f64::from(CELL_SIZE);
        let mut cell = [0; 3];
        let mut rest = [0.0; 3];
        for axis in 0..3 {
            cell[axis] = (position[axis] / size).floor() as i32;
            rest[axis] = (position[axis] - f64::from(cell[axis]) * size) as f32;
        }
        (Self(cell), rest)
    }
}

/// Where an entity is in the world. 64 bytes; written by [`Propagation`](super::Propagation).
///
/// `affine` holds the rows of a 3×4 matrix, the last column being the translation in metres from the corner of `cell`.
#[derive(Component, Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[component(name = "storm.scene.GlobalTransform", schema, pod = "bytemuck")]
#[repr(C)]
pub struct GlobalTransform {
    /// Rows of the 3×4 matrix.
    pub affine: [[f32; 4]; 3],
    /// The root's [`Cell`].
    pub cell: [i32; 3],
    /// Zero.
    pub pad: u32,
}

impl Default for GlobalTransform {
    fn default() -> Self {
        Self::IDENTITY
    }
}

impl GlobalTransform {
    /// The corner of cell 0, 0, 0, unrotated.
    pub const IDENTITY: Self = Self {
        affine: [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ],
        cell: [0; 3],
        pad: 0,
    };

    /// From an affine map within `cell`.
    #[must_use]
    pub fn from_affine(affine: &Affine3A, cell: Cell) -> Self {
        let rows = affine.matrix3.transpose();
        let row = |row: Vec3A, translation: f32| [row.x, row.y, row.z, translation];
        let translation = affine.translation;
        Self {
            affine: [
                row(rows.x_axis, translation.x),
                row(rows.y_axis, translation.y),
                row(rows.z_axis, translation.z),
            ],
            cell: cell.0,
            pad: 0,
        }
    }

    /// The affine map within its cell.
    #[must_use]
    pub fn to_affine(&self) -> Affine3A {
        let [x, y, z] = self.affine;
        Affine3A {
            matrix3: Mat3A::from_cols(
                Vec3A::new(x[0], y[0], z[0]),
                Vec3A::new(x[1], y[1], z[1]),
                Vec3A::new(x[2], y[2], z[2]),
            ),
            translation: Vec3A::new(x[3], y[3], z[3]),
        }
    }

    /// The matrix within its cell.
    #[must_use]
    pub fn to_matrix(&self) -> Mat4 {
        Mat4::from(self.to_affine())
    }

    /// The matrix as seen from another cell: for rendering relative to the camera. Exact while the cells are within 16,384 of each other.
    #[must_use]
    pub fn relative_to(&self, cell: Cell) -> Affine3A {
        let mut affine = self.to_affine();
        let offset =
            |axis: usize| (i64::from(self.cell[axis]) - i64::from(cell.0[axis])) as f32 * CELL_SIZE;
        affine.translation += Vec3A::new(offset(0), offset(1), offset(2));
        affine
    }

    /// The translation in metres from the corner of its cell.
    #[must_use]
    pub fn translation(&self) -> [f32; 3] {
        [self.affine[0][3], self.affine[1][3], self.affine[2][3]]
    }

    /// The place in the world in metres.
    #[must_use]
    pub fn position(&self) -> [f64; 3] {
        core::array::from_fn(|axis| {
            f64::from(self.cell[axis]) * f64::from(CELL_SIZE) + f64::from(self.affine[axis][3])
        })
    }
}

impl From<&GlobalTransform> for Affine3A {
    fn from(global: &GlobalTransform) -> Self {
        global.to_affine()
    }
}

/// What an entity is called. For people; need not be unique.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq, Hash)]
#[component(name = "storm.scene.Name", schema)]
pub struct Name(pub String);

impl Name {
    /// A name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_those_of_the_architecture() {
        assert_eq!((size_of::<Transform>(), align_of::<Transform>()), (40, 4));
        assert_eq!(
            (size_of::<GlobalTransform>(), align_of::<GlobalTransform>()),
            (64, 4)
        );
        assert_eq!((size_of::<Cell>(), align_of::<Cell>()), (12, 4));
        assert_eq!(core::mem::offset_of!(GlobalTransform, cell), 48);
        assert_eq!(core::mem::offset_of!(Transform, scale), 28);
    }

    #[test]
    fn a_global_transform_keeps_its_affine_map() {
        let transform = Transform {
            translation: [1.0, -2.0, 3.0],
            rotation: Quat::from_euler(glam::EulerRot::XYZ, 0.3, -1.1, 2.0).to_array(),
            scale: [1.0, 2.0, 0.5],
        };
        let affine = transform.to_affine();
        let global = GlobalTransform::from_affine(&affine, Cell([1, 2, 3]));
        assert_eq!(global.to_affine(), affine);
        assert_eq!(global.translation(), transform.translation);
        let point = Vec3::new(4.0, 5.0, 6.0);
        let by_rows: [f32; 3] = core::array::from_fn(|row| {
            let [x, y, z, w] = global.affine[row];
            x * point.x + y * point.y + z * point.z + w
        });
        assert!((Vec3::from_array(by_rows) - affine.transform_point3(point)).length() < 1e-5);
        let back = Transform::from_matrix(&transform.to_matrix());
        assert!((Vec3::from_array(back.scale) - Vec3::from_array(transform.scale)).length() < 1e-5);
    }

    #[test]
    fn a_place_splits_into_a_cell_and_a_small_rest() {
        let cases = [
            ([0.0, 0.0, 0.0], [0, 0, 0], [0.0, 0.0, 0.0]),
            ([1023.5, 1024.0, -0.5], [0, 1, -1], [1023.5, 0.0, 1023.5]),
            (
                [1.0e7, -1.0e7, 2048.25],
                [9765, -9766, 2],
                [640.0, 384.0, 0.25],
            ),
        ];
        for (position, cell, rest) in cases {
            assert_eq!(Cell::split(position), (Cell(cell), rest), "{position:?}");
            let global = GlobalTransform::from_affine(
                &Affine3A::from_translation(Vec3::from_array(rest)),
                Cell(cell),
            );
            assert_eq!(global.position(), position);
        }
        assert_eq!(
            Cell::split([f64::INFINITY, f64::NAN, 0.0]).0,
            Cell([i32::MAX, 0, 0])
        );
    }
}
