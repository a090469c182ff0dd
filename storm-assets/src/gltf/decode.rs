//! The elements of an accessor as numbers.
//!
//! [`accessor`](super::accessor) has checked every range. Left to find here is what only the data say: sparse indices out of order,
//! floats that are not finite, bounds that do not hold.

use std::borrow::Cow;

use super::{
    accessor::{Accessor, Component, Shape, Span},
    context::Context,
    error::Problem,
    resource::{View, view_bytes},
};

/// The buffers, views and accessors of a file.
pub(super) struct Data<'a> {
    pub(super) buffers: Vec<Option<Cow<'a, [u8]>>>,
    pub(super) views: Vec<View<'a>>,
    pub(super) accessors: Vec<Accessor<'a>>,
}

/// Which component types an accessor may have where it is used.
#[derive(Clone, Copy, Debug)]
pub(super) enum Allowed {
    /// `float` only.
    Float,
    /// `float`, or `unsigned byte` and `unsigned short` when normalised.
    FloatOrUnorm,
    /// `float`, or bytes and shorts when normalised.
    FloatOrNorm,
    /// Any but `unsigned int` (with KHR_mesh_quantization).
    Quantized,
}

impl Allowed {
    fn allows(self, component: Component, normalized: bool) -> bool {
        use Component::{F32, I8, I16, U8, U16, U32};
        match (self, component) {
            (_, F32) => true,
            (_, U32) | (Self::Float, _) => false,
            (Self::FloatOrUnorm, U8 | U16) => normalized,
            (Self::FloatOrUnorm, I8 | I16) => false,
            (Self::FloatOrNorm, _) => normalized,
            (Self::Quantized, _) => true,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::FloatOrUnorm => "float, or normalized unsigned byte or short",
            Self::FloatOrNorm => "float, or normalized byte or short",
            Self::Quantized => "float, byte or short",
        }
    }
}

impl<'a> Data<'a> {
    /// The elements as floats; normalised integers become -1 to 1 or 0 to 1, others their value.
    pub(super) fn floats<const N: usize>(
        &self,
        context: &mut Context,
        accessor: &Accessor<'a>,
        shape: Shape,
        allowed: Allowed,
    ) -> Result<Vec<[f32; N]>, Problem> {
        debug_assert_eq!(shape.components(), N, "the caller matches N to the shape");
        if accessor.shape != shape || !allowed.allows(accessor.component, accessor.normalized) {
            return Err(accessor.place.wrong_found(
                format!("{} of {}", shape.name(), allowed.name()),
                describe(accessor),
            ));
        }
        let normalized = accessor.normalized;
        let scale = |max: f32| if normalized { 1.0 / max } else { 1.0 };
        // Signed integers are symmetric: the lowest one is -1, too.
        let low = if normalized { -1.0 } else { f32::NEG_INFINITY };
        let values = match accessor.component {
            Component::F32 => match self.copied(context, accessor)? {
                Some(values) => values,
                None => self.gather(context, accessor, f32::from_le_bytes)?,
            },
            Component::U8 => {
                let scale = scale(255.0);
                self.gather(context, accessor, move |[b]: [u8; 1]| f32::from(b) * scale)?
            }
            Component::I8 => {
                let scale = scale(127.0);
                self.gather(context, accessor, move |b: [u8; 1]| {
                    (f32::from(i8::from_le_bytes(b)) * scale).max(low)
                })?
            }
            Component::U16 => {
                let scale = scale(65535.0);
                self.gather(context, accessor, move |b: [u8; 2]| {
                    f32::from(u16::from_le_bytes(b)) * scale
                })?
            }
            Component::I16 => {
                let scale = scale(32767.0);
                self.gather(context, accessor, move |b: [u8; 2]| {
                    (f32::from(i16::from_le_bytes(b)) * scale).max(low)
                })?
            }
            Component::U32 => {
                self.gather(context, accessor, |b: [u8; 4]| u32::from_le_bytes(b) as f32)?
            }
        };
        if accessor.component == Component::F32 {
            finite(accessor, &values)?;
        }
        Ok(values)
    }

    /// The elements as unsigned numbers.
    pub(super) fn unsigned<const N: usize>(
        &self,
        context: &mut Context,
        accessor: &Accessor<'a>,
    ) -> Result<Vec<[u32; N]>, Problem> {
        match accessor.component {
            Component::U8 => self.gather(context, accessor, |[b]: [u8; 1]| u32::from(b)),
            Component::U16 => self.gather(context, accessor, |b: [u8; 2]| {
                u32::from(u16::from_le_bytes(b))
            }),
            Component::U32 => match self.copied(context, accessor)? {
                Some(values) => Ok(values),
                None => self.gather(context, accessor, u32::from_le_bytes),
            },
            _ => Err(accessor
                .place
                .wrong_found("unsigned components", describe(accessor))),
        }
    }

    /// The elements as joint indices.
    pub(super) fn joints(
        &self,
        context: &mut Context,
        accessor: &Accessor<'a>,
    ) -> Result<Vec<[u16; 4]>, Problem> {
        if accessor.shape != Shape::Vec4 || accessor.normalized {
            return Err(accessor
                .place
                .wrong_found("VEC4 of unsigned byte or short", describe(accessor)));
        }
        match accessor.component {
            Component::U8 => self.gather(context, accessor, |[b]: [u8; 1]| u16::from(b)),
            Component::U16 => self.gather(context, accessor, u16::from_le_bytes),
            _ => Err(accessor
                .place
                .wrong_found("VEC4 of unsigned byte or short", describe(accessor))),
        }
    }

    /// Every element as it is, where elements follow each other without gaps, none is sparse, and this machine has the byte order of the file.
    fn copied<const N: usize, T: bytemuck::Pod>(
        &self,
        context: &mut Context,
        accessor: &Accessor<'a>,
    ) -> Result<Option<Vec<[T; N]>>, Problem> {
        let element = N * size_of::<T>();
        let (Some(span), None) = (accessor.base, &accessor.sparse) else {
            return Ok(None);
        };
        let packed = span.stride == element && accessor.shape.extent(accessor.component) == element;
        if !packed || cfg!(target_endian = "big") {
            return Ok(None);
        }
        let mut values = context
            .budget
            .list::<[T; N]>(accessor.count, || accessor.place.pointer())?;
        let bytes = &view_bytes(&self.views[span.view], &self.buffers)?[span.offset..];
        let bytes = &bytes[..accessor.count * element];
        match bytemuck::try_cast_slice::<u8, T>(bytes) {
            Ok(components) => values.extend_from_slice(components.as_chunks::<N>().0),
            // They begin between the words of this machine.
            Err(_) => values.extend(bytes.chunks_exact(element).map(|bytes| {
                let mut value = [T::zeroed(); N];
                bytemuck::cast_slice_mut(&mut value).copy_from_slice(bytes);
                value
            })),
        }
        Ok(Some(values))
    }

    /// Every element, each component through `convert`, with sparse ones put over the base.
    fn gather<const N: usize, const B: usize, T: Copy + Default>(
        &self,
        context: &mut Context,
        accessor: &Accessor<'a>,
        convert: impl Fn([u8; B]) -> T,
    ) -> Result<Vec<[T; N]>, Problem> {
        let mut values = context
            .budget
            .list::<[T; N]>(accessor.count, || accessor.place.pointer())?;
        let lanes: [usize; N] =
            std::array::from_fn(|lane| accessor.shape.lane_offset(accessor.component, lane));
        let element = |bytes: &[u8]| -> [T; N] {
            std::array::from_fn(|lane| {
                let at = lanes[lane];
                let mut component = [0; B];
                component.copy_from_slice(&bytes[at..at + B]);
                convert(component)
            })
        };
        match accessor.base {
            Some(span) => {
                let bytes = &view_bytes(&self.views[span.view], &self.buffers)?[span.offset..];
                let size = accessor.shape.extent(accessor.component);
                values.extend(
                    (0..accessor.count).map(|i| element(&bytes[i * span.stride..][..size])),
                );
            }
            None => values.resize(accessor.count, [T::default(); N]),
        }
        if let Some(sparse) = &accessor.sparse {
            let indices = self.sparse_indices(
                accessor,
                sparse.indices,
                sparse.index_component,
                sparse.count,
            )?;
            let bytes = &view_bytes(&self.views[sparse.values.view], &self.buffers)?
                [sparse.values.offset..];
            let size = accessor.shape.extent(accessor.component);
            let mut last = None;
            for (i, index) in indices.enumerate() {
                let index = index as usize;
                if index >= accessor.count || last.is_some_and(|last| last >= index) {
                    return Err(sparse.place.wrong_found(
                        format!("indices below {} in rising order", accessor.count),
                        format!("{index} at {i}"),
                    ));
                }
                last = Some(index);
                values[index] = element(&bytes[i * sparse.values.stride..][..size]);
            }
        }
        Ok(values)
    }

    fn sparse_indices(
        &self,
        accessor: &Accessor<'a>,
        span: Span,
        component: Component,
        count: usize,
    ) -> Result<impl Iterator<Item = u32>, Problem> {
        debug_assert!(
            accessor.sparse.is_some(),
            "only sparse accessors have sparse indices"
        );
        let bytes = &view_bytes(&self.views[span.view], &self.buffers)?[span.offset..];
        let size = component.bytes();
        Ok((0..count).map(move |i| {
            let mut word = [0; 4];
            word[..size].copy_from_slice(&bytes[i * size..][..size]);
            u32::from_le_bytes(word)
        }))
    }
}

/// What an accessor holds, for messages.
pub(super) fn describe(accessor: &Accessor<'_>) -> String {
    format!(
        "{} of {}{}",
        accessor.shape.name(),
        if accessor.normalized {
            "normalized "
        } else {
            ""
        },
        accessor.component.name()
    )
}

fn finite<const N: usize>(accessor: &Accessor<'_>, values: &[[f32; N]]) -> Result<(), Problem> {
    // The exponent is all ones in what is infinite or not a number. No branch a value, and no order: many at a time.
    const EXPONENT: u32 = 0x7f80_0000;
    let fits = |all: bool, x: &f32| all & (x.to_bits() & EXPONENT != EXPONENT);
    if values.as_flattened().iter().fold(true, fits) {
        return Ok(());
    }
    let at = values
        .as_flattened()
        .iter()
        .position(|x| !x.is_finite())
        .unwrap_or_default();
    Err(accessor.place.wrong_found(
        "finite numbers",
        format!("{} in element {}", values.as_flattened()[at], at / N),
    ))
}

/// Whether the stated `min` and `max` of an accessor are those of its values; a warning where not.
pub(super) fn check_bounds<const N: usize>(
    context: &mut Context,
    accessor: &Accessor<'_>,
    values: &[[f32; N]],
) -> Result<(), Problem> {
    // Zeros without a buffer view stand for data that an extension fills in.
    let comparable = !accessor.normalized && (accessor.base.is_some() || accessor.sparse.is_some());
    let mut found = [[f32::INFINITY; N], [f32::NEG_INFINITY; N]];
    if comparable {
        for value in values {
            for lane in 0..N {
                found[0][lane] = found[0][lane].min(value[lane]);
                found[1][lane] = found[1][lane].max(value[lane]);
            }
        }
    }
    for (key, found) in ["min", "max"].into_iter().zip(found) {
        let Some(place) = accessor.place.get(key)? else {
            context.warn(accessor.place, || format!("does not state its {key:?}"));
            continue;
        };
        if !comparable {
            continue;
        }
        let stated = place.floats::<N>()?;
        if !values.is_empty() && found != stated {
            context.warn(place, || {
                format!("states {stated:?}, the data say {found:?}; the data count")
            });
        }
    }
    Ok(())
}
