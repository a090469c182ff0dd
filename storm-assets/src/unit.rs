//! Unit vectors from vectors of any size.

#[cfg(feature = "gltf")]
use glam::Quat;
use glam::Vec3;

/// How far the square of a length may be from 1 for the length to be left as it is. Normalising again would turn last digits over.
#[cfg(feature = "gltf")]
pub(crate) const UNIT_SQUARED: f32 = 1e-6;

/// Whether a rotation is of unit length as it is.
#[cfg(feature = "gltf")]
pub(crate) fn is_unit(rotation: Quat) -> bool {
    (rotation.length_squared() - 1.0).abs() <= UNIT_SQUARED
}

/// The direction of `v`; `None` where it has none (zero, or not finite).
///
/// Unlike [`Vec3::try_normalize`] it is of unit length whatever the size of `v`: the square of a length below 1e-19 loses digits, and that of
/// one over 1e19 is infinite.
pub(crate) fn unit(v: Vec3) -> Option<Vec3> {
    let largest = v.abs().max_element();
    // Not-a-number fails the comparison; it may hide behind a number in `max_element`.
    (largest > 0.0 && v.is_finite()).then(|| (v / largest).normalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_size_gives_unit_length() {
        let direction = Vec3::new(1.0, -2.0, 3.0);
        for exponent in -37..=37 {
            let v = direction * 10f32.powi(exponent);
            let found = unit(v).unwrap();
            assert!((found.length() - 1.0).abs() < 1e-6, "{exponent}: {found}");
        }
        assert_eq!(unit(Vec3::splat(1e-45)), Some(Vec3::ONE.normalize()));
        for none in [
            Vec3::ZERO,
            Vec3::INFINITY,
            Vec3::NAN,
            Vec3::new(1.0, f32::NAN, 0.0),
        ] {
            assert_eq!(unit(none), None, "{none}");
        }
    }
}
