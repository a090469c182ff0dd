//! `Pod`: values that are nothing but their bytes. Guarantees that byte views of columns are sound.
//!
//! Invariants:
//! 1. A type that is `Pod` has no padding, and every byte pattern is a value.
//! 2. A view is made only of bytes that lie aligned and hold whole values.
#![expect(
    unsafe_code,
    reason = "marks types whose every byte pattern is a value"
)]

use crate::entity::Entity;

/// A type without padding, pointers or invalid byte patterns: its bytes are the value.
///
/// `#[component(pod)]` implements it for a component after checking at compile time that every field is `Pod` and that
/// the fields fill the type (which must be `repr(C)` or `repr(transparent)`); `#[component(pod = "bytemuck")]` takes the word of `bytemuck::Pod`.
/// Pod components are kept in snapshots as raw columns and can be read and written as bytes.
///
/// ```
/// use storm_ecs::{Component, Pod};
/// #[derive(Component, Clone, Copy)]
/// #[component(pod)]
/// #[repr(C)]
/// struct Velocity([f32; 3]);
/// fn is_pod<T: Pod>() {}
/// is_pod::<Velocity>();
/// ```
///
/// # Safety
/// Every byte of a value is initialised, and every pattern of `size_of::<Self>()` bytes is a valid value.
pub unsafe trait Pod: Copy + Send + Sync + 'static {}

macro_rules! pod {
    ($($name:ty)*) => {$(
        // SAFETY: numbers have neither padding nor invalid patterns.
        unsafe impl Pod for $name {}
    )*};
}
pod!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 usize isize);

// SAFETY: a transparent u64; every value is allowed.
unsafe impl Pod for Entity {}
// SAFETY: no bytes.
unsafe impl Pod for () {}
// SAFETY: elements follow each other without gaps.
unsafe impl<T: Pod, const N: usize> Pod for [T; N] {}

/// The values as bytes.
#[must_use]
pub fn bytes_of<T: Pod>(values: &[T]) -> &[u8] {
    // SAFETY: `Pod` values are initialised bytes throughout.
    unsafe { core::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) }
}

/// The bytes as values; `None` unless they are aligned for `T` and hold a whole number of values.
/// A type without size has no bytes to view: `None`.
#[must_use]
pub fn from_bytes<T: Pod>(bytes: &[u8]) -> Option<&[T]> {
    let size = size_of::<T>();
    let whole = bytes.len().checked_rem(size)? == 0;
    if !whole || !bytes.as_ptr().cast::<T>().is_aligned() {
        return None;
    }
    // SAFETY: aligned, in bounds, and every pattern is a value of a `Pod` type.
    Some(unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast::<T>(), bytes.len() / size) })
}
