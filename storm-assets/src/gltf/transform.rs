//! Where a node is: translation, rotation and scale, from TRS or a matrix (glTF 2.0 §3.5.3).

use glam::{Mat3, Mat4, Quat, Vec3};

use super::{context::Context, cursor::Cursor, error::Problem};
use crate::unit::{is_unit, unit};

/// A node's place relative to its parent: scale first, then rotation, then translation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeTransform {
    /// Metres.
    pub translation: Vec3,
    /// A unit quaternion.
    pub rotation: Quat,
    /// Factors along the node's own axes; negative ones mirror.
    pub scale: Vec3,
}

impl NodeTransform {
    /// The place of a node that says nothing.
    pub const IDENTITY: Self = Self {
        translation: Vec3::ZERO,
        rotation: Quat::IDENTITY,
        scale: Vec3::ONE,
    };

    /// From the node's space to its parent's.
    #[must_use]
    pub fn matrix(self) -> Mat4 {
        Mat4::from_scale_rotation_translation(self.scale, self.rotation, self.translation)
    }
}

impl Default for NodeTransform {
    fn default() -> Self {
        Self::IDENTITY
    }
}

/// Reads the transform of a node.
pub(super) fn read(context: &mut Context, node: Cursor<'_>) -> Result<NodeTransform, Problem> {
    let translation = node.optional_floats::<3>("translation")?;
    let rotation = node.optional_floats::<4>("rotation")?;
    let scale = node.optional_floats::<3>("scale")?;
    if let Some(place) = node.get("matrix")? {
        let columns = place.floats::<16>()?;
        if translation.is_some() || rotation.is_some() || scale.is_some() {
            return Err(node.wrong_found("matrix or translation, rotation and scale", "both"));
        }
        let matrix = Mat4::from_cols_array(&columns);
        if [columns[3], columns[7], columns[11], columns[15]] != [0.0, 0.0, 0.0, 1.0] {
            return Err(place.wrong_found(
                "an affine matrix, whose last row is 0 0 0 1",
                "another last row",
            ));
        }
        let (transform, sheared) = decompose(matrix);
        if sheared {
            context.warn(place, || "holds shear, which is lost".to_owned());
        }
        return Ok(transform);
    }
    let rotation = match rotation {
        None => Quat::IDENTITY,
        Some(xyzw) => {
            let quaternion = Quat::from_array(xyzw);
            let length = quaternion.length();
            if !(length.is_finite() && length > 1e-6) {
                return Err(node
                    .required("rotation")?
                    .wrong_found("a unit quaternion", format!("{xyzw:?}")));
            }
            if (length - 1.0).abs() > 1e-3
                && let Some(place) = node.get("rotation")?
            {
                context.warn(place, || {
                    format!("is a quaternion of length {length}; it is normalized")
                });
            }
            if is_unit(quaternion) {
                quaternion
            } else {
                quaternion.normalize()
            }
        }
    };
    Ok(NodeTransform {
        translation: translation.map_or(Vec3::ZERO, Vec3::from),
        rotation,
        scale: scale.map_or(Vec3::ONE, Vec3::from),
    })
}

/// The translation, rotation and scale of an affine matrix, and whether it holds shear, which they cannot express.
fn decompose(matrix: Mat4) -> (NodeTransform, bool) {
    let translation = matrix.w_axis.truncate();
    let axes = [matrix.x_axis, matrix.y_axis, matrix.z_axis].map(glam::Vec4::truncate);
    let mut scale = Vec3::from(axes.map(Vec3::length));
    let units = axes.map(unit);
    // Axes of length 0 take whatever direction the others leave.
    let (x, y, z) = match units {
        [Some(x), Some(y), Some(z)] => (x, y, z),
        [None, Some(y), Some(z)] => (y.cross(z), y, z),
        [Some(x), None, Some(z)] => (x, z.cross(x), z),
        [Some(x), Some(y), None] => (x, y, x.cross(y)),
        [Some(x), None, None] => {
            let (y, z) = x.any_orthonormal_pair();
            (x, y, z)
        }
        [None, Some(y), None] => {
            let (z, x) = y.any_orthonormal_pair();
            (x, y, z)
        }
        [None, None, Some(z)] => {
            let (x, y) = z.any_orthonormal_pair();
            (x, y, z)
        }
        [None, None, None] => (Vec3::X, Vec3::Y, Vec3::Z),
    };
    let sheared = [x.dot(y), y.dot(z), z.dot(x)]
        .iter()
        .any(|cosine| cosine.abs() > 1e-3);
    // Gram-Schmidt keeps X and the plane of X and Y.
    let y = unit(y - x * x.dot(y)).unwrap_or_else(|| x.any_orthonormal_vector());
    let mut z_out = x.cross(y);
    if z_out.dot(z) < 0.0 {
        // A mirror: one negative factor, along X as most tools write it, and a proper rotation.
        scale.x = -scale.x;
        z_out = -z_out;
        let rotation = Quat::from_mat3(&Mat3::from_cols(-x, y, z_out));
        return (
            NodeTransform {
                translation,
                rotation: unit_rotation(rotation),
                scale,
            },
            sheared,
        );
    }
    let rotation = Quat::from_mat3(&Mat3::from_cols(x, y, z_out));
    (
        NodeTransform {
            translation,
            rotation: unit_rotation(rotation),
            scale,
        },
        sheared,
    )
}

/// Rounding must not keep a rotation from being one.
fn unit_rotation(rotation: Quat) -> Quat {
    if rotation.is_finite() && rotation.length_squared() > 0.0 {
        rotation.normalize()
    } else {
        Quat::IDENTITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_without_shear_come_back_whole() {
        let turn = Quat::from_xyzw(0.1, 0.2, 0.3, 0.9).normalize();
        let at = Vec3::new(1.0, -2.0, 3.0);
        for scale in [
            Vec3::ONE,
            Vec3::new(2.0, 0.5, 3.0),
            Vec3::new(-1.0, 2.0, 3.0),
            Vec3::new(1.0, -2.0, 3.0),
            Vec3::new(-1.0, -2.0, -3.0),
            Vec3::new(-1.0, -2.0, 3.0),
            Vec3::new(0.0, 2.0, 3.0),
            Vec3::new(0.0, 0.0, 3.0),
            Vec3::ZERO,
        ] {
            let matrix = Mat4::from_scale_rotation_translation(scale, turn, at);
            let (found, sheared) = decompose(matrix);
            assert!(!sheared, "{scale}");
            assert!(found.rotation.is_normalized(), "{scale}");
            assert!(
                found.matrix().abs_diff_eq(matrix, 1e-5),
                "{scale}: {found:?}"
            );
        }
    }

    #[test]
    fn shear_is_noticed() {
        let mut matrix = Mat4::IDENTITY;
        matrix.y_axis.x = 0.5;
        let (found, sheared) = decompose(matrix);
        assert!(sheared);
        assert!(found.rotation.is_normalized());
    }

    #[test]
    fn parallel_axes_still_give_a_rotation() {
        let matrix = Mat4::from_cols_array(&[
            1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
        ]);
        let (found, sheared) = decompose(matrix);
        assert!(sheared && found.rotation.is_normalized());
    }
}
