//! The column heads of a table: a boxed slice that others may keep pointers into.
//!
//! Invariants:
//! 1. `first` and `len` came from a boxed slice, which this owns.
//! 2. The heads are reached through `first` alone, and never through a `Box`: moving this, or borrowing it, says nothing about pointers into the slice
//!    that were copied from `first`. These are good until this is dropped, while nobody holds a `&mut` to the head.
#![expect(
    unsafe_code,
    reason = "pointers to column heads outlive borrows of the table"
)]

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use crate::column::Column;

pub(super) struct ColumnList {
    first: NonNull<Column>,
    len: usize,
}

// SAFETY: owns its columns, which are Send.
unsafe impl Send for ColumnList {}
// SAFETY: a shared list gives shared columns, which are Sync.
unsafe impl Sync for ColumnList {}

impl ColumnList {
    /// Where the head of a column is until the list is dropped.
    ///
    /// # Safety
    /// `number` is below the length.
    #[inline]
    pub(super) unsafe fn head(&self, number: usize) -> NonNull<Column> {
        debug_assert!(number < self.len);
        // SAFETY: within the slice, as the caller promises.
        unsafe { self.first.add(number) }
    }
}

impl From<Box<[Column]>> for ColumnList {
    fn from(columns: Box<[Column]>) -> Self {
        let len = columns.len();
        // A box is never null.
        let first = NonNull::from(Box::leak(columns)).cast::<Column>();
        Self { first, len }
    }
}

impl Deref for ColumnList {
    type Target = [Column];

    #[inline]
    fn deref(&self) -> &[Column] {
        // SAFETY: invariant 1, and `&self` excludes writers.
        unsafe { core::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl DerefMut for ColumnList {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Column] {
        // SAFETY: invariant 1, and `&mut self` excludes everyone else.
        unsafe { core::slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }
}

impl Drop for ColumnList {
    fn drop(&mut self) {
        let columns = core::ptr::slice_from_raw_parts_mut(self.first.as_ptr(), self.len);
        // SAFETY: it came from a box (invariant 1), and is not used afterwards.
        drop(unsafe { Box::from_raw(columns) });
    }
}
