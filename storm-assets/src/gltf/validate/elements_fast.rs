//! Whether elements are surely right, in one pass over plain slices.
//!
//! Almost all accessors are. Those that are not, or are laid out in another way, are looked at again component by component, which finds the place and
//! the words of each issue (`elements`). So a `false` here costs time and never an issue; a `true` is only said where the slow way would say nothing.

use super::{
    elements::{Check, Elements},
    link::Accessor,
};
use crate::gltf::accessor::Component;

/// A little less than the slow way allows for the square of a length: these are single floats.
const SQUARE_TOLERANCE: f32 = 0.013;

pub(super) fn is_right(check: Check, accessor: &Accessor<'_>, elements: &Elements<'_>) -> bool {
    let Some(bytes) = elements.dense() else {
        return false;
    };
    match (check, elements.component, elements.shape.components()) {
        (Check::Accessor, Component::F32, 1) => bounds::<1>(bytes, accessor),
        (Check::Accessor, Component::F32, 2) => bounds::<2>(bytes, accessor),
        (Check::Accessor, Component::F32, 3) => bounds::<3>(bytes, accessor),
        (Check::Accessor, Component::F32, 4) => bounds::<4>(bytes, accessor),
        (Check::UnitVectors, Component::F32, 3) => units(bytes, |v: &[f32; 3]| square(v)),
        (Check::UnitVectorsAndSign, Component::F32, 4) => {
            units(bytes, |[x, y, z, w]: &[f32; 4]| {
                // One that is no sign is no unit vector either.
                square(&[*x, *y, *z]) + (w.abs() - 1.0).abs() * 1e6
            })
        }
        (Check::Clamped, Component::F32, _) => {
            let floats = bytemuck::try_cast_slice::<u8, f32>(bytes);
            floats.is_ok_and(|floats| {
                floats
                    .iter()
                    .fold(true, |fits, value| fits & (0.0..=1.0).contains(value))
            })
        }
        (
            Check::Indices {
                vertices,
                triangles,
            },
            Component::U32,
            1,
        ) => indices::<u32>(bytes, vertices, triangles, u32::MAX),
        (
            Check::Indices {
                vertices,
                triangles,
            },
            Component::U16,
            1,
        ) => indices::<u16>(bytes, vertices, triangles, u16::MAX),
        (
            Check::Indices {
                vertices,
                triangles,
            },
            Component::U8,
            1,
        ) => indices::<u8>(bytes, vertices, triangles, u8::MAX),
        _ => false,
    }
}

fn square(v: &[f32; 3]) -> f32 {
    v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
}

/// Finite, and the bounds that are stated are those that are found.
fn bounds<const N: usize>(bytes: &[u8], accessor: &Accessor<'_>) -> bool {
    let Ok(values) = bytemuck::try_cast_slice::<u8, f32>(bytes) else {
        return false;
    };
    let (values, _) = values.as_chunks::<N>();
    let mut low = [f32::INFINITY; N];
    let mut high = [f32::NEG_INFINITY; N];
    // Not finite times 0 is not a number, and stays so in the sum.
    let mut sum = [0f32; N];
    for value in values {
        for lane in 0..N {
            low[lane] = low[lane].min(value[lane]);
            high[lane] = high[lane].max(value[lane]);
            sum[lane] += value[lane] * 0.0;
        }
    }
    let stated_is = |key: &str, found: [f32; N]| match super::local::numbers(accessor.place, key, N)
    {
        Some(list) => list
            .iter()
            .zip(found)
            .all(|(stated, found)| *stated as f32 == found),
        None => true,
    };
    sum.iter().all(|sum| *sum == 0.0) && stated_is("min", low) && stated_is("max", high)
}

fn units<T: bytemuck::Pod>(bytes: &[u8], square: impl Fn(&T) -> f32) -> bool {
    let Ok(values) = bytemuck::try_cast_slice::<u8, T>(bytes) else {
        return false;
    };
    values.iter().fold(true, |fits, value| {
        fits & ((square(value) - 1.0).abs() <= SQUARE_TOLERANCE)
    })
}

fn indices<T: bytemuck::Pod + Ord + Into<u32>>(
    bytes: &[u8],
    vertices: usize,
    triangles: bool,
    restart: T,
) -> bool {
    let Ok(values) = bytemuck::try_cast_slice::<u8, T>(bytes) else {
        return false;
    };
    let largest = values.iter().copied().max();
    if largest.is_some_and(|largest| largest == restart || largest.into() as usize >= vertices) {
        return false;
    }
    let (corners, _) = values.as_chunks::<3>();
    !triangles
        || corners.iter().fold(true, |fits, [a, b, c]| {
            fits & ((a != b) & (b != c) & (c != a))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_anywhere_is_noticed() {
        let mut vectors = vec![[0.0f32, 1.0, 0.0]; 40];
        let of =
            |vectors: &[[f32; 3]]| units(bytemuck::cast_slice(vectors), |v: &[f32; 3]| square(v));
        assert!(of(&vectors));
        for wrong in [
            [0.0, 1.02, 0.0],
            [0.0; 3],
            [f32::NAN, 1.0, 0.0],
            [f32::INFINITY, 0.0, 0.0],
        ] {
            vectors[17] = wrong;
            assert!(!of(&vectors), "{wrong:?}");
        }
    }

    #[test]
    fn indices_are_in_range_and_corners_differ() {
        let of = |values: &[u16], vertices, triangles| {
            indices::<u16>(bytemuck::cast_slice(values), vertices, triangles, u16::MAX)
        };
        assert!(of(&[0, 1, 2, 2, 1, 3], 4, true));
        assert!(!of(&[0, 1, 2, 2, 1, 4], 4, true));
        assert!(!of(&[0, 1, 2, 2, 1, 2], 4, true));
        assert!(of(&[0, 1, 2, 2, 1, 2], 4, false));
        assert!(!of(&[0, 1, u16::MAX], 70_000, false));
    }
}
