//! One component's values in a table: a single allocation of type-erased rows.
//!
//! Invariants:
//! 1. `data` is aligned to `max(64, align)` and valid for `capacity * size` bytes rounded up to 64; dangling (still aligned) if that is 0.
//! 2. `size`, `align` and `drop` are those of the type whose `TypeId` is `type_id`.
//! 3. How many rows are initialised is known to the table alone; this module drops values only when told which.
//! 4. `changed` is written through `&Column` only under exclusive access to the column (the caller's duty).
#![expect(unsafe_code, reason = "type-erased storage")]

use core::alloc::Layout;
use core::any::TypeId;
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use std::alloc::{alloc, dealloc, handle_alloc_error, realloc};

use crate::component::{ComponentId, ComponentInfo, DropFn, Track};
use crate::track::Ticks;

/// Alignment of every column's base, in bytes: a cache line, and the widest vector register.
pub(crate) const COLUMN_ALIGN: usize = 64;

pub(crate) struct Column {
    data: NonNull<u8>,
    size: usize,
    capacity: usize,
    drop: Option<DropFn>,
    type_id: TypeId,
    id: ComponentId,
    align: u32,
    track: Track,
    changed: UnsafeCell<Ticks>,
    added: Ticks,
}

// SAFETY: a column owns its values, and components are Send.
unsafe impl Send for Column {}
// SAFETY: through `&Column` values are only read, or written under invariant 4; components are Sync.
unsafe impl Sync for Column {}

/// The function that drops consecutive values of `T`, if dropping it does anything.
pub(crate) fn drop_fn<T>() -> Option<DropFn> {
    unsafe fn drop_values<T>(first: *mut u8, count: usize) {
        // SAFETY: the caller passes `count` initialised, consecutive values of T that nobody uses afterwards.
        unsafe { ptr::drop_in_place(ptr::slice_from_raw_parts_mut(first.cast::<T>(), count)) }
    }
    core::mem::needs_drop::<T>().then_some(drop_values::<T> as DropFn)
}

/// Copies one value of `size` bytes; the usual sizes without a call.
///
/// # Safety
/// `from` must be readable and `to` writable for `size` bytes, without overlap.
#[inline]
pub(crate) unsafe fn copy_value(from: *const u8, to: *mut u8, size: usize) {
    macro_rules! sizes {
        ($($bytes:literal)*) => {
            match size {
                0 => {}
                $($bytes => {
                    // SAFETY: as the caller promises, with `size` a constant.
                    unsafe { ptr::copy_nonoverlapping(from, to, $bytes) }
                })*
                _ => {
                    // SAFETY: as the caller promises.
                    unsafe { ptr::copy_nonoverlapping(from, to, size) }
                }
            }
        };
    }
    sizes!(1 2 4 8 12 16 24 32 40 48 64)
}

impl Column {
    pub(crate) fn new(info: &ComponentInfo) -> Self {
        let align = info.layout.align().max(COLUMN_ALIGN);
        Self {
            data: NonNull::new(ptr::without_provenance_mut(align)).unwrap_or(NonNull::dangling()),
            size: info.layout.size(),
            capacity: 0,
            drop: info.drop,
            type_id: info.type_id,
            id: info.id,
            align: align as u32,
            track: info.track,
            changed: UnsafeCell::default(),
            added: Ticks::default(),
        }
    }

    #[inline]
    pub(crate) fn id(&self) -> ComponentId {
        self.id
    }

    #[inline]
    pub(crate) fn type_id(&self) -> TypeId {
        self.type_id
    }

    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    #[inline]
    pub(crate) fn has_drop(&self) -> bool {
        self.drop.is_some()
    }

    #[inline]
    pub(crate) fn is_tracked(&self) -> bool {
        !matches!(self.track, Track::None)
    }

    /// Bytes allocated for values.
    pub(crate) fn bytes(&self) -> usize {
        self.layout(self.capacity).size()
    }

    /// The first row.
    #[inline]
    pub(crate) fn base(&self) -> *mut u8 {
        self.data.as_ptr()
    }

    /// Where row `row` is; in bounds if the row is below the capacity.
    #[inline]
    pub(crate) fn at(&self, row: usize) -> *mut u8 {
        self.data.as_ptr().wrapping_add(row * self.size)
    }

    /// The rows as values.
    ///
    /// # Safety
    /// `T` must be the column's type, the first `len` rows initialised, and nobody may write them during `'a`.
    #[inline]
    pub(crate) unsafe fn slice<'a, T>(&self, len: usize) -> &'a [T] {
        // SAFETY: invariant 1 and the caller's promise.
        unsafe { core::slice::from_raw_parts(self.base().cast::<T>(), len) }
    }

    /// The change track, for reading.
    ///
    /// # Safety
    /// Nobody may write the track during the borrow (invariant 4).
    #[inline]
    pub(crate) unsafe fn changed(&self) -> &Ticks {
        // SAFETY: the caller promises that nobody writes.
        unsafe { &*self.changed.get() }
    }

    /// The change track, for writing through shared access.
    #[inline]
    pub(crate) fn changed_ptr(&self) -> *mut Ticks {
        self.changed.get()
    }

    #[inline]
    pub(crate) fn changed_mut(&mut self) -> &mut Ticks {
        self.changed.get_mut()
    }

    #[inline]
    pub(crate) fn added(&self) -> &Ticks {
        &self.added
    }

    #[inline]
    pub(crate) fn added_mut(&mut self) -> &mut Ticks {
        &mut self.added
    }

    fn layout(&self, capacity: usize) -> Layout {
        let bytes = capacity
            .checked_mul(self.size)
            .and_then(|bytes| bytes.checked_next_multiple_of(COLUMN_ALIGN));
        match bytes.map(|bytes| Layout::from_size_align(bytes, self.align as usize)) {
            Some(Ok(layout)) => layout,
            _ => panic!(
                "a column of {capacity} rows of {} bytes does not fit in memory",
                self.size
            ),
        }
    }

    /// Grows or shrinks the allocation to `capacity` rows, keeping the values that fit.
    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        let (old, new) = (self.layout(self.capacity), self.layout(capacity));
        self.capacity = capacity;
        if old.size() == new.size() {
            return;
        }
        if new.size() == 0 {
            // SAFETY: `data` was allocated with `old`, whose size is not 0 (invariant 1).
            unsafe { dealloc(self.data.as_ptr(), old) };
            self.data = NonNull::new(ptr::without_provenance_mut(new.align())).unwrap_or(self.data);
            return;
        }
        let data = if old.size() == 0 {
            // SAFETY: the size of `new` is not 0.
            unsafe { alloc(new) }
        } else {
            // SAFETY: `data` was allocated with `old`; the new size is not 0 and fits with this alignment.
            unsafe { realloc(self.data.as_ptr(), old, new.size()) }
        };
        self.data = NonNull::new(data).unwrap_or_else(|| handle_alloc_error(new));
    }

    /// Copies row `from` of this column to row `to` of `other`.
    ///
    /// # Safety
    /// Both columns hold the same type, `from` is initialised and the rows are below the capacities. Afterwards one of the two copies must not be used.
    #[inline]
    pub(crate) unsafe fn copy_to(&self, from: usize, other: &Self, to: usize) {
        // SAFETY: both rows are in bounds and in different allocations, or of size 0.
        unsafe { copy_value(self.at(from), other.at(to), self.size) }
    }

    /// Fills the hole at `row` with row `last`, which is left uninitialised.
    ///
    /// # Safety
    /// Both rows are below the capacity, `last` is initialised and `row` is not (or is not used again).
    #[inline]
    pub(crate) unsafe fn fill_hole(&mut self, row: usize, last: usize) {
        if row != last {
            // SAFETY: two different rows of one column do not overlap.
            unsafe { copy_value(self.at(last), self.at(row), self.size) }
        }
    }

    /// Exchanges two rows.
    ///
    /// # Safety
    /// Both rows are below the capacity and initialised.
    pub(crate) unsafe fn swap(&mut self, a: usize, b: usize) {
        if a != b {
            // SAFETY: two different rows of one column do not overlap.
            unsafe { ptr::swap_nonoverlapping(self.at(a), self.at(b), self.size) }
        }
    }

    /// Drops `count` rows from `first` on. If a `drop` panics, the remaining rows are still dropped.
    ///
    /// # Safety
    /// The rows are initialised and are not used afterwards.
    #[inline]
    pub(crate) unsafe fn drop_rows(&self, first: usize, count: usize) {
        if let Some(drop) = self.drop {
            // SAFETY: invariant 2 and the caller's promise.
            unsafe { drop(self.at(first), count) }
        }
    }
}

impl Column {
    /// Exchanges the values, and the room for them, with another column of the same component; the tracks stay.
    pub(crate) fn swap_values(&mut self, other: &mut Self) {
        assert!(self.id == other.id && self.type_id == other.type_id && self.size == other.size);
        core::mem::swap(&mut self.data, &mut other.data);
        core::mem::swap(&mut self.capacity, &mut other.capacity);
    }
}

impl Drop for Column {
    fn drop(&mut self) {
        // Values are the table's business; this frees the memory only.
        self.set_capacity(0);
    }
}
