//! Slices in other shapes: flat views of plain-data components, and blocks of rows.

use crate::table::BLOCK_ROWS;

/// A slice of components seen as a flat slice of their parts: `&[Position]` as `&[f32]`, say. Loops over the parts vectorise where
/// loops over three-float components do not.
///
/// ```
/// use bytemuck::{Pod, Zeroable};
/// use storm_ecs::{Component, World, flat, flat_mut};
///
/// #[derive(Component, Clone, Copy, Pod, Zeroable)]
/// #[repr(transparent)]
/// struct Position([f32; 3]);
/// #[derive(Component, Clone, Copy, Pod, Zeroable)]
/// #[repr(transparent)]
/// struct Velocity([f32; 3]);
///
/// let mut world = World::new();
/// world.spawn_batch((0..1000).map(|i| (Position([i as f32; 3]), Velocity([1.0; 3]))));
/// for (positions, velocities) in world.query_mut::<(&mut Position, &Velocity)>().into_slices() {
///     for (position, velocity) in flat_mut::<_, f32>(positions).iter_mut().zip(flat::<_, f32>(velocities)) {
///         *position += velocity;
///     }
/// }
/// assert!(world.query::<&Position>().into_iter().enumerate().all(|(i, p)| p.0[2] == i as f32 + 1.0));
/// ```
///
/// Does not compile if a component is not a whole number of parts, or less aligned than one.
#[cfg(feature = "bytemuck")]
#[must_use]
pub fn flat<T: bytemuck::Pod, P: bytemuck::Pod>(rows: &[T]) -> &[P] {
    const { assert_parts::<T, P>() };
    bytemuck::cast_slice(rows)
}

/// As [`flat`], for writing.
#[cfg(feature = "bytemuck")]
#[must_use]
pub fn flat_mut<T: bytemuck::Pod, P: bytemuck::Pod>(rows: &mut [T]) -> &mut [P] {
    const { assert_parts::<T, P>() };
    bytemuck::cast_slice_mut(rows)
}

#[cfg(feature = "bytemuck")]
const fn assert_parts<T, P>() {
    assert!(
        size_of::<P>() > 0 && size_of::<T>().is_multiple_of(size_of::<P>()),
        "a component is not a whole number of parts"
    );
    assert!(
        align_of::<T>() >= align_of::<P>(),
        "a component is less aligned than its parts"
    );
}

/// Slices that can be cut: what [`Query::into_blocks`](crate::Query::into_blocks) cuts a table's slices into.
pub trait Split: Sized {
    /// The first `rows` rows and the rest. Both halves of a slice that is shorter are the slice and nothing.
    #[must_use]
    fn split(self, rows: usize) -> (Self, Self);
}

impl<T> Split for &[T] {
    #[inline]
    fn split(self, rows: usize) -> (Self, Self) {
        self.split_at(rows.min(self.len()))
    }
}

impl<T> Split for &mut [T] {
    #[inline]
    fn split(self, rows: usize) -> (Self, Self) {
        let rows = rows.min(self.len());
        self.split_at_mut(rows)
    }
}

impl<S: Split> Split for Option<S> {
    #[inline]
    fn split(self, rows: usize) -> (Self, Self) {
        match self {
            Some(slice) => {
                let (head, tail) = slice.split(rows);
                (Some(head), Some(tail))
            }
            None => (None, None),
        }
    }
}

macro_rules! split {
    ($($name:ident $index:tt)*) => {
        #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple")]
        impl<$($name: Split),*> Split for ($($name,)*) {
            #[inline]
            fn split(self, rows: usize) -> (Self, Self) {
                $(
                    #[allow(non_snake_case, reason = "named after its type")]
                    let $name = self.$index.split(rows);
                )*
                (($($name.0,)*), ($($name.1,)*))
            }
        }
    };
}

split!();
split!(A 0);
split!(A 0 B 1);
split!(A 0 B 1 C 2);
split!(A 0 B 1 C 2 D 3);
split!(A 0 B 1 C 2 D 3 E 4);
split!(A 0 B 1 C 2 D 3 E 4 F 5);
split!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
split!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
split!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
split!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
split!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
split!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

/// Rows that are cut off at once: `blocks` blocks of 1024.
#[must_use]
pub(crate) const fn block_rows(blocks: usize) -> usize {
    blocks * BLOCK_ROWS
}
