//! One component's values in a table: a single allocation of type-erased rows.
//!
//! Invariants:
//! 1. `data` is aligned to `max(64, align)` and valid for `capacity * size` bytes rounded up to 64; dangling (still aligned) if that is 0.
//!    It lies `offset` × 16 bytes into the allocation.
//! 2. `size`, `align` and `drop` are those of the type whose `TypeId` is `type_id`.
//! 3. How many rows are initialised is known to the table alone; this module drops values only when told which.
//! 4. `looped` and `tracks` are written through `&Column` only under exclusive access to the column (the caller's duty).
#![expect(unsafe_code, reason = "type-erased storage")]

use core::alloc::Layout;
use core::any::TypeId;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use std::alloc::{alloc, dealloc, handle_alloc_error, realloc};

use crate::component::{ComponentId, ComponentInfo, DropFn, Track};
use crate::track::Ticks;

/// Alignment of every column's base, in bytes: a cache line, and the widest vector register.
pub(crate) const COLUMN_ALIGN: usize = 64;

/// A cache line: what a query or a move touches of a column, apart from its values.
#[repr(align(64))]
pub(crate) struct Column {
    data: NonNull<u8>,
    /// Tick of the last loop that wrote every row; 0 if none did. No row was written before it.
    looped: UnsafeCell<u32>,
    size: u32,
    drop: Option<DropFn>,
    /// Made when a single row is first marked.
    tracks: UnsafeCell<Option<Box<Tracks>>>,
    capacity: usize,
    type_id: TypeId,
    id: ComponentId,
    align: u16,
    /// Between the start of the allocation and `data` (see `Memory`), in units of `NATIVE_ALIGN`.
    offset: u8,
    track: Track,
}

/// When the rows of a column were written, apart from their birth.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    pub(crate) changed: Ticks,
    pub(crate) added: Ticks,
}

impl Tracks {
    /// Not 0 if any row has a tick of its own.
    #[inline(always)]
    fn uneven(&self) -> usize {
        self.changed.uneven() | self.added.uneven()
    }

    /// Row `len - 1` takes the place of `row`.
    #[inline]
    pub(crate) fn swap_remove(&mut self, row: usize, len: usize) {
        self.changed.swap_remove(row, len);
        self.added.swap_remove(row, len);
    }
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
#[inline(always)]
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

/// Marks the first row of a column that is marked by itself.
#[cold]
#[inline(never)]
fn first_mark(tracks: &mut Option<Box<Tracks>>, row: usize, now: u32) {
    tracks.get_or_insert_default().changed.mark(row, now);
}

impl Column {
    pub(crate) fn new(info: &ComponentInfo) -> Self {
        let align = info.layout.align().max(COLUMN_ALIGN);
        Self {
            data: dangling(align),
            looped: UnsafeCell::new(0),
            size: u32::try_from(info.layout.size())
                .unwrap_or_else(|_| panic!("{} is larger than 4 GiB", info.name)),
            drop: info.drop,
            tracks: UnsafeCell::new(None),
            capacity: 0,
            type_id: info.type_id,
            id: info.id,
            align: u16::try_from(align)
                .unwrap_or_else(|_| panic!("alignment {align} of {} is too large", info.name)),
            offset: 0,
            track: info.track,
        }
    }

    /// A column of the same component, without rows.
    pub(crate) fn empty_like(&self) -> Self {
        Self {
            data: dangling(usize::from(self.align)),
            looped: UnsafeCell::new(0),
            tracks: UnsafeCell::new(None),
            capacity: 0,
            offset: 0,
            ..*self
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
        self.size as usize
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
        self.padded(self.capacity)
    }

    /// The first row.
    #[inline]
    pub(crate) fn base(&self) -> *mut u8 {
        self.data.as_ptr()
    }

    /// The first row, never null.
    #[inline]
    pub(crate) fn first<T>(&self) -> NonNull<T> {
        self.data.cast::<T>()
    }

    /// Where the value of row `row` is.
    ///
    /// # Safety
    /// `T` is the column's type, and the row is below the capacity (or `T` has no size).
    #[inline]
    pub(crate) unsafe fn value<T>(&self, row: usize) -> NonNull<T> {
        // SAFETY: within the allocation (invariant 1), as the caller promises.
        unsafe { self.first::<T>().add(row) }
    }

    /// Where row `row` is; in bounds if the row is below the capacity.
    #[inline]
    pub(crate) fn at(&self, row: usize) -> *mut u8 {
        self.data.as_ptr().wrapping_add(row * self.size())
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

    /// The tick of the last loop over all rows, and the tracks if any row was ever marked by itself.
    ///
    /// # Safety
    /// Nobody may write them during the borrow (invariant 4).
    #[inline]
    pub(crate) unsafe fn ticks(&self) -> (u32, Option<&Tracks>) {
        // SAFETY: the caller promises that nobody writes.
        let looped = unsafe { *self.looped.get() };
        // SAFETY: the caller promises that nobody writes.
        let tracks = unsafe { &*self.tracks.get() };
        (looped, tracks.as_deref())
    }

    /// Marks every row as written at `now`.
    ///
    /// # Safety
    /// The caller has exclusive access to the column (invariant 4).
    #[inline]
    pub(crate) unsafe fn mark_all(&self, now: u32) {
        // SAFETY: access is exclusive.
        unsafe { *self.looped.get() = now };
    }

    /// Marks a row as written at `now`.
    ///
    /// # Safety
    /// The caller has exclusive access to the column (invariant 4).
    #[inline]
    pub(crate) unsafe fn mark(&self, row: usize, now: u32) {
        // SAFETY: access is exclusive.
        if unsafe { *self.looped.get() } != now {
            // SAFETY: access is exclusive.
            match unsafe { &mut *self.tracks.get() } {
                Some(tracks) => tracks.changed.mark(row, now),
                none => first_mark(none, row, now),
            }
        }
    }

    /// Marks a row as written at `now`, if the component is tracked.
    #[inline]
    pub(crate) fn mark_mut(&mut self, row: usize, now: u32) {
        if self.is_tracked() {
            // SAFETY: `&mut self` is exclusive access.
            unsafe { self.mark(row, now) };
        }
    }

    /// Forgets all ticks: for a table that has no rows left.
    pub(crate) fn reset_ticks(&mut self) {
        *self.looped.get_mut() = 0;
        if let Some(tracks) = self.tracks_mut() {
            tracks.changed.reset();
            tracks.added.reset();
        }
    }

    /// Makes every tick "old".
    pub(crate) fn rebase(&mut self) {
        let looped = self.looped.get_mut();
        *looped = (*looped).min(1);
        if let Some(tracks) = self.tracks_mut() {
            tracks.changed.rebase();
            tracks.added.rebase();
        }
    }

    /// Not 0 if a row that moves from here to `target` may have ticks to carry, or leave a hole in them. A number, for several columns to be
    /// taken together without a branch each.
    #[inline(always)]
    pub(crate) fn ticks_differ(&mut self, target: &mut Self) -> usize {
        let looped = *self.looped.get_mut() ^ *target.looped.get_mut();
        looped as usize | self.tracks_address() | target.tracks_address()
    }

    /// Not 0 if there are tracks.
    #[inline(always)]
    fn tracks_address(&mut self) -> usize {
        (self.tracks.get_mut().as_deref()).map_or(0, |tracks| ptr::from_ref(tracks).addr())
    }

    /// Not 0 if single rows have ticks, in which a row that goes leaves a hole.
    #[inline(always)]
    pub(crate) fn uneven_ticks(&mut self) -> usize {
        match self.tracks_mut() {
            Some(tracks) => tracks.uneven(),
            None => 0,
        }
    }

    /// Carries the ticks of `row` to row `to`, the last of `target`. A tick no newer than the row's birth says nothing.
    pub(crate) fn carry_ticks(&mut self, row: usize, target: &mut Self, to: usize, born: u32) {
        let looped = *self.looped.get_mut();
        let (changed, added) = match self.tracks_mut() {
            Some(tracks) => (looped.max(tracks.changed.get(row)), tracks.added.get(row)),
            None => (looped, 0),
        };
        let target_looped = *target.looped.get_mut();
        let newer = |tracks: &Tracks| tracks.changed.max() > born || tracks.added.max() > born;
        let stale = target.tracks_mut().is_some_and(|tracks| newer(tracks));
        if to == 0 {
            // The first row brings its ticks.
            target.reset_ticks();
            *target.looped.get_mut() = changed;
            if added > born {
                target.tracks_or_new().added.set(to, added, to + 1);
            }
            return;
        }
        if changed <= born && added <= born && target_looped <= born && !stale {
            return;
        }
        *target.looped.get_mut() = 0;
        let tracks = target.tracks_or_new();
        if target_looped > 0 {
            tracks.changed.raise_all(target_looped);
        }
        tracks.changed.set(to, changed, to + 1);
        tracks.added.set(to, added, to + 1);
    }

    /// The tracks, if any row was ever marked.
    #[inline]
    pub(crate) fn tracks_mut(&mut self) -> Option<&mut Tracks> {
        self.tracks.get_mut().as_deref_mut()
    }

    /// The tracks, made if need be.
    #[inline]
    pub(crate) fn tracks_or_new(&mut self) -> &mut Tracks {
        self.tracks.get_mut().get_or_insert_default()
    }

    /// Bytes of `capacity` rows, padded.
    fn padded(&self, capacity: usize) -> usize {
        let bytes = capacity
            .checked_mul(self.size())
            .and_then(|bytes| bytes.checked_next_multiple_of(COLUMN_ALIGN));
        match bytes {
            Some(bytes) if bytes <= isize::MAX as usize - 2 * PAGE.max(self.align.into()) => bytes,
            _ => panic!(
                "a column of {capacity} rows of {} bytes does not fit in memory",
                self.size
            ),
        }
    }

    /// Large columns are allocated with the allocator's own alignment and room to align by hand: only so can allocators
    /// grow them in place or remap their pages. Small ones ask for their alignment.
    fn memory(&self, bytes: usize) -> Memory {
        let align = usize::from(self.align);
        let by_hand = bytes >= LARGE && align == COLUMN_ALIGN;
        let (slack, asked) = match by_hand {
            true => (PAGE - NATIVE_ALIGN, NATIVE_ALIGN),
            false => (0, align),
        };
        let colour = match bytes < HUGE {
            // 17 and 64 have no common factor: each of 64 components in turn has a line of the page to itself.
            true => self.id.index() % (PAGE / COLUMN_ALIGN) * 17,
            false => 1,
        };
        match Layout::from_size_align(bytes + slack, asked) {
            Ok(layout) => Memory {
                layout,
                slack,
                place: colour * COLUMN_ALIGN % PAGE,
            },
            Err(_) => unreachable!("`padded` has checked the size"),
        }
    }

    /// Grows or shrinks the allocation to `capacity` rows, keeping the values that fit.
    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        let (old_bytes, bytes) = (self.padded(self.capacity), self.padded(capacity));
        self.capacity = capacity;
        if old_bytes == bytes {
            return;
        }
        let (old, new) = (self.memory(old_bytes), self.memory(bytes));
        let before = usize::from(self.offset) * NATIVE_ALIGN;
        let start = self.data.as_ptr().wrapping_sub(before);
        if old_bytes > 0 && bytes > 0 && old.layout.align() == new.layout.align() {
            // SAFETY: `start` was allocated with the old layout; the new size is not 0 and fits with this alignment.
            let moved = unsafe { realloc(start, old.layout, new.layout.size()) };
            let moved = NonNull::new(moved).unwrap_or_else(|| handle_alloc_error(new.layout));
            let offset = new.offset(moved);
            let from = moved.as_ptr().wrapping_add(before);
            let to = moved.as_ptr().wrapping_add(offset);
            if from != to {
                // SAFETY: `realloc` kept the bytes that fit; both places hold that many within the new allocation.
                unsafe { ptr::copy(from, to, old_bytes.min(bytes)) };
            }
            self.data = NonNull::new(to).unwrap_or(moved);
            self.offset = (offset / NATIVE_ALIGN) as u8;
            return;
        }
        let (mut data, mut offset) = (dangling(usize::from(self.align)), 0);
        if bytes > 0 {
            // SAFETY: the size is not 0.
            let fresh = unsafe { alloc(new.layout) };
            let fresh = NonNull::new(fresh).unwrap_or_else(|| handle_alloc_error(new.layout));
            offset = new.offset(fresh);
            data = NonNull::new(fresh.as_ptr().wrapping_add(offset)).unwrap_or(fresh);
            // SAFETY: two different allocations that hold at least that many bytes (none, if the old one is dangling).
            unsafe {
                ptr::copy_nonoverlapping(self.data.as_ptr(), data.as_ptr(), old_bytes.min(bytes))
            };
        }
        if old_bytes > 0 {
            // SAFETY: `start` was allocated with the old layout.
            unsafe { dealloc(start, old.layout) };
        }
        (self.data, self.offset) = (data, (offset / NATIVE_ALIGN) as u8);
    }

    /// Copies `row` to row `to` of `other`, then fills the hole with row `last`, which is left uninitialised.
    ///
    /// # Safety
    /// Both columns hold the same type; `row` and `last` are initialised and `to` is below the other's capacity.
    #[inline(always)]
    pub(crate) unsafe fn relay(&mut self, row: usize, last: usize, other: &mut Self, to: usize) {
        // Pointers first: inside the arms, where the size is a constant, each would have its own row arithmetic, hoisted and spilled.
        let size = self.size();
        let (hole, end, to) = (self.at(row), self.at(last), other.at(to));
        macro_rules! sizes {
            ($($bytes:literal)*) => {
                match size {
                    0 => {}
                    $($bytes => {
                        type Value = MaybeUninit<[u8; $bytes]>;
                        // SAFETY: `row` is initialised. By value: `row` may be `last`.
                        let value = unsafe { hole.cast::<Value>().read() };
                        // SAFETY: `to` is within the capacity.
                        unsafe { to.cast::<Value>().write(value) };
                        // SAFETY: `last` is initialised.
                        let value = unsafe { end.cast::<Value>().read() };
                        // SAFETY: `row` is within the capacity.
                        unsafe { hole.cast::<Value>().write(value) };
                    })*
                    size => {
                        // SAFETY: different allocations, each within its capacity.
                        unsafe { ptr::copy_nonoverlapping(hole, to, size) };
                        if hole != end {
                            // SAFETY: two different rows of one column; the value in `row` was copied out.
                            unsafe { ptr::copy_nonoverlapping(end, hole, size) };
                        }
                    }
                }
            };
        }
        sizes!(1 2 4 8 12 16 24 32 40 48 64)
    }

    /// Fills the hole at `row` with row `last`, which is left uninitialised.
    ///
    /// # Safety
    /// Both rows are below the capacity, `last` is initialised and `row` is not (or is not used again).
    #[inline]
    pub(crate) unsafe fn fill_hole(&mut self, row: usize, last: usize) {
        if row != last {
            // SAFETY: two different rows of one column do not overlap.
            unsafe { copy_value(self.at(last), self.at(row), self.size()) }
        }
    }

    /// Exchanges two rows.
    ///
    /// # Safety
    /// Both rows are below the capacity and initialised.
    pub(crate) unsafe fn swap(&mut self, a: usize, b: usize) {
        if a != b {
            // SAFETY: two different rows of one column do not overlap.
            unsafe { ptr::swap_nonoverlapping(self.at(a), self.at(b), self.size()) }
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
    /// Exchanges values, room and ticks with another column of the same component.
    pub(crate) fn exchange(&mut self, other: &mut Self) {
        self.swap_values(other);
        core::mem::swap(self.looped.get_mut(), other.looped.get_mut());
        core::mem::swap(self.tracks.get_mut(), other.tracks.get_mut());
    }

    /// Exchanges the values, and the room for them, with another column of the same component; the tracks stay.
    pub(crate) fn swap_values(&mut self, other: &mut Self) {
        assert!(self.id == other.id && self.type_id == other.type_id && self.size == other.size);
        core::mem::swap(&mut self.data, &mut other.data);
        core::mem::swap(&mut self.capacity, &mut other.capacity);
        core::mem::swap(&mut self.offset, &mut other.offset);
    }
}

/// Bytes from which a column is aligned by hand.
const LARGE: usize = 1 << 16;
/// Bytes from which a column is not expected to stay in a core's cache.
const HUGE: usize = 1 << 20;
/// Addresses that agree in what is below this look alike to a processor that orders loads after stores.
const PAGE: usize = 4096;
/// What allocators give without being asked.
const NATIVE_ALIGN: usize = 16;

/// How a column of some size is allocated.
struct Memory {
    layout: Layout,
    /// Bytes added to align by hand, the same for all that do; 0 if the layout does it.
    slack: usize,
    /// Where in a page the rows start. In a cache, columns read and written side by side must not start at the same place: loads wait for stores to addresses that
    /// agree in their low bits. Out of it they should: the streams then cross pages together.
    place: usize,
}

impl Memory {
    /// Where the rows start in an allocation of this layout, in bytes: a multiple of `NATIVE_ALIGN`, at most `slack`.
    fn offset(&self, start: NonNull<u8>) -> usize {
        if self.slack == 0 {
            0
        } else {
            self.place.wrapping_sub(start.addr().get()) % PAGE / NATIVE_ALIGN * NATIVE_ALIGN
        }
    }
}

const _: () = assert!(PAGE / NATIVE_ALIGN <= 256, "`Column::offset` is a byte");

fn dangling(align: usize) -> NonNull<u8> {
    NonNull::new(ptr::without_provenance_mut(align)).unwrap_or(NonNull::dangling())
}

impl Drop for Column {
    fn drop(&mut self) {
        // Values are the table's business; this frees the memory only.
        self.set_capacity(0);
    }
}

const _: () = assert!(
    size_of::<Column>() == 64,
    "a column's head is one cache line"
);

#[cfg(test)]
mod tests {
    use super::{COLUMN_ALIGN, HUGE, LARGE, PAGE};
    use crate::component::Component;
    use crate::world::World;

    struct Left([u32; 3]);
    impl Component for Left {
        const NAME: &'static str = "column.Left";
    }
    struct Right([u32; 3]);
    impl Component for Right {
        const NAME: &'static str = "column.Right";
    }

    #[test]
    fn large_columns_start_at_places_of_their_own_in_a_page_and_huge_ones_at_the_same() {
        let mut world = World::new();
        let check = |world: &World, rows: u32| {
            for table in world.tables::<(&Left, &Right)>() {
                let left = table.column::<Left>().expect("queried");
                let right = table.column::<Right>().expect("queried");
                assert_eq!((left.len(), right.len()), (rows as usize, rows as usize));
                for (row, (left, right)) in (0..rows).zip(left.iter().zip(right)) {
                    assert_eq!((left.0, right.0), ([row; 3], [!row; 3]));
                }
                let (left, right) = (left.as_ptr().addr(), right.as_ptr().addr());
                assert_eq!((left % COLUMN_ALIGN, right % COLUMN_ALIGN), (0, 0));
                let bytes = world.tables[table.id().index()].columns()[0].bytes();
                if bytes >= LARGE {
                    let same = left % PAGE == right % PAGE;
                    assert_eq!(same, bytes >= HUGE, "{bytes} bytes");
                }
            }
        };
        let mut made = Vec::new();
        for row in 0..100_000 {
            made.push(world.spawn((Left([row; 3]), Right([!row; 3]))));
            if (row + 1).is_power_of_two() {
                check(&world, row + 1);
            }
        }
        // And back through all sizes.
        while let Some(last) = made.pop() {
            world.despawn(last).expect("alive");
            if made.len().is_power_of_two() {
                world.compact(usize::MAX);
                check(&world, made.len() as u32);
            }
        }
    }
}
