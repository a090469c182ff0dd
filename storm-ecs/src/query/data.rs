//! What a query hands out: `&T`, `&mut T`, `Mut<T>`, `Entity`, `Has<T>`, `Option` and tuples of these.
#![expect(unsafe_code, reason = "fetches type-erased rows")]

use core::marker::PhantomData;
use core::num::NonZeroUsize;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use crate::bitset::BitSet;
use crate::column::Column;
use crate::component::{Component, ComponentId, Registry, Storage, Track};
use crate::entity::Entity;
use crate::query::access::Access;
use crate::query::aside::{Aside, Driver};
use crate::slices::Split;
use crate::sparse::{SparseSet, SparseSets};
use crate::table::Table;

/// Which tables have a component.
#[doc(hidden)]
pub struct TableIndex<'a> {
    pub(crate) tables_with: &'a [BitSet],
}

impl core::fmt::Debug for TableIndex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TableIndex")
    }
}

impl TableIndex<'_> {
    #[inline]
    pub(crate) fn word(&self, id: ComponentId, word: usize) -> u64 {
        self.tables_with
            .get(id.index())
            .map_or(0, |tables| tables.word(word))
    }
}

/// A table as a fetch sees it.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct FetchTable<'w> {
    pub(crate) table: &'w Table,
    pub(crate) sets: &'w SparseSets,
    /// The tick that writes carry.
    pub(crate) now: u32,
}

impl core::fmt::Debug for FetchTable<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FetchTable")
    }
}

/// What a query hands out for each row.
///
/// | type | item | matches entities |
/// | --- | --- | --- |
/// | `&T` | `&T` | with `T` |
/// | `&mut T` | `&mut T`; marks as `T`'s [`Track`] says | with `T` |
/// | [`Mut<T>`](Mut) | a guard that marks its row when written through | with `T` |
/// | [`Entity`] | the handle | all |
/// | [`Has<T>`](Has) | `bool` | all |
/// | `Option<Q>` | `Option` of `Q`'s item | all |
/// | tuples up to 12 | tuples | that match every part |
///
/// # Safety
/// Not to be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be queried",
    note = "use `&T` or `&mut T` of a component, `Entity`, `Option<…>` or a tuple of these"
)]
pub unsafe trait QueryData {
    /// What each row gives.
    type Item<'w>;
    #[doc(hidden)]
    type State: Copy + Send + Sync + 'static;
    /// Where in a table its columns are.
    #[doc(hidden)]
    type Columns: Copy + Send + Sync + 'static;
    #[doc(hidden)]
    type Fetch<'w>: Copy;
    /// The same query without writing.
    type ReadOnly: ReadOnlyQueryData<State = Self::State, Columns = Self::Columns>;
    #[doc(hidden)]
    const ACCESS: Access;
    /// Whether items may be handed out on several threads at once: not if rows are marked one by one.
    #[doc(hidden)]
    const PARALLEL: bool = true;
    /// Whether rows are marked as they are handed out, even in a loop over a whole table.
    #[doc(hidden)]
    const EXACT: bool = false;
    /// Whether rows of a table that matches may fail to match.
    #[doc(hidden)]
    const ROWS: bool = false;
    /// Whether it visits only entities of some sparse set.
    #[doc(hidden)]
    const DRIVEN: bool = false;

    #[doc(hidden)]
    fn state(registry: &Registry) -> Self::State;

    /// A bit for each of the tables `64 * word..` that matches.
    #[doc(hidden)]
    fn tables(state: Self::State, index: &TableIndex<'_>, word: usize) -> u64;

    /// The columns in a table, if it matches.
    #[doc(hidden)]
    fn columns(state: Self::State, table: &Table) -> Option<Self::Columns>;

    /// # Safety
    /// `columns` are what `columns` gave for this table, which has lived since; the caller holds the access that `ACCESS` names for `'w`.
    #[doc(hidden)]
    unsafe fn fetch<'w>(columns: Self::Columns, table: FetchTable<'w>) -> Self::Fetch<'w>;

    /// Proposes the sparse sets that it requires.
    #[doc(hidden)]
    #[inline]
    fn drive<'w>(_state: Self::State, _sets: &'w SparseSets, _driver: &mut Driver<'w>) {}

    /// Whether any row of the table may match.
    #[doc(hidden)]
    #[inline]
    fn any(_fetch: Self::Fetch<'_>) -> bool {
        true
    }

    /// Whether a row matches.
    #[doc(hidden)]
    #[inline]
    fn row(_fetch: Self::Fetch<'_>, _row: usize) -> bool {
        true
    }

    /// A bit for each of the rows `64 * word..` that matches; bits past the table's end mean nothing.
    #[doc(hidden)]
    #[inline]
    fn word(_fetch: Self::Fetch<'_>, _word: usize) -> u64 {
        u64::MAX
    }

    /// Marks every row as written.
    ///
    /// # Safety
    /// As `fetch`.
    #[doc(hidden)]
    #[inline]
    unsafe fn mark_table(_fetch: Self::Fetch<'_>) {}

    /// Marks a row as written.
    ///
    /// # Safety
    /// As `fetch`; the row is in use and matches.
    #[doc(hidden)]
    #[inline]
    unsafe fn mark_row(_fetch: Self::Fetch<'_>, _row: usize) {}

    /// # Safety
    /// As `fetch`; the row is in use and matches, and no other item of it is alive unless the query is read-only.
    #[doc(hidden)]
    unsafe fn item<'w>(fetch: Self::Fetch<'w>, row: usize) -> Self::Item<'w>;
}

/// A query that only reads.
///
/// # Safety
/// Not to be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` writes, which needs `&mut World`",
    note = "use `query_mut`, or `&T` in place of `&mut T`"
)]
pub unsafe trait ReadOnlyQueryData: QueryData {}

/// A query whose rows lie side by side in each table, so that it can give slices.
///
/// # Safety
/// Not to be implemented outside this crate.
pub unsafe trait SliceQueryData: QueryData {
    /// All rows of a table.
    type Slice<'w>: Split;

    /// # Safety
    /// As `fetch`; `len` is the table's row count and no item of it is alive.
    #[doc(hidden)]
    unsafe fn slice<'w>(fetch: Self::Fetch<'w>, len: usize) -> Self::Slice<'w>;
}

fn known<T: Component>(registry: &Registry) -> ComponentId {
    registry.id::<T>().unwrap_or(ComponentId::UNKNOWN)
}

const fn in_tables<T: Component>() -> bool {
    matches!(T::STORAGE, Storage::Table)
}

const fn is_sparse<T: Component>() -> bool {
    matches!(T::STORAGE, Storage::Sparse)
}

/// Tables whose rows may have `T`.
#[inline]
fn tables_of<T: Component>(id: ComponentId, index: &TableIndex<'_>, word: usize) -> u64 {
    if in_tables::<T>() {
        index.word(id, word)
    } else {
        u64::MAX
    }
}

/// Where `T` is found in a table: the head of its column. Of a component that is not in columns: its own number, as an address.
///
/// A head stays where it is for as long as its table lives, and is read only while its world is borrowed.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Found(NonNull<Column>);

// SAFETY: an address; what is behind it is read under the rules of `fetch`.
unsafe impl Send for Found {}
// SAFETY: as above.
unsafe impl Sync for Found {}

impl Found {
    #[inline]
    fn new<T: Component>(id: ComponentId, table: &Table) -> Option<Self> {
        if in_tables::<T>() {
            table.column_head(id).map(Self)
        } else {
            // On 32 bits the largest number becomes the one below: neither is ever given to a component.
            let address = NonZeroUsize::MIN.saturating_add(id.0 as usize);
            Some(Self(NonNull::without_provenance(address)))
        }
    }

    /// The component's number, if it is not in columns.
    #[inline]
    fn id<T: Component>(self) -> ComponentId {
        if in_tables::<T>() {
            ComponentId::UNKNOWN
        } else {
            ComponentId((self.0.addr().get() - 1) as u32)
        }
    }

    /// The column of a component that is in columns.
    ///
    /// # Safety
    /// The table that this was found in lives, and is borrowed for `'w`.
    #[inline]
    unsafe fn column<'w>(self) -> &'w Column {
        // SAFETY: the head is where it was (see `Table`), and `&mut` to it needs the table.
        unsafe { self.0.as_ref() }
    }
}

// --- &T -----------------------------------------------------------------------------------------------------------

/// A fetch of `&T`.
#[doc(hidden)]
#[derive(Debug)]
pub struct ReadFetch<'w, T> {
    /// The first row of the column, or of the sparse set.
    base: NonNull<T>,
    aside: Aside<'w>,
    marker: PhantomData<&'w [T]>,
}

impl<T> Clone for ReadFetch<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ReadFetch<'_, T> {}

// SAFETY: reads one component, as ACCESS says.
unsafe impl<T: Component> QueryData for &T {
    type Item<'w> = &'w T;
    type State = ComponentId;
    type Columns = Found;
    type Fetch<'w> = ReadFetch<'w, T>;
    type ReadOnly = Self;
    const ACCESS: Access = Access::Component(T::NAME, false);
    const ROWS: bool = !in_tables::<T>();
    const DRIVEN: bool = is_sparse::<T>();

    fn state(registry: &Registry) -> ComponentId {
        known::<T>(registry)
    }

    #[inline]
    fn tables(state: ComponentId, index: &TableIndex<'_>, word: usize) -> u64 {
        tables_of::<T>(state, index, word)
    }

    #[inline]
    fn columns(state: ComponentId, table: &Table) -> Option<Found> {
        Found::new::<T>(state, table)
    }

    #[inline]
    fn drive<'w>(state: ComponentId, sets: &'w SparseSets, driver: &mut Driver<'w>) {
        driver.propose::<T>(state, sets);
    }

    #[inline]
    fn any(fetch: Self::Fetch<'_>) -> bool {
        in_tables::<T>() || fetch.aside.any()
    }

    #[inline]
    fn row(fetch: Self::Fetch<'_>, row: usize) -> bool {
        in_tables::<T>() || fetch.aside.row(row)
    }

    #[inline]
    fn word(fetch: Self::Fetch<'_>, word: usize) -> u64 {
        if in_tables::<T>() {
            u64::MAX
        } else {
            fetch.aside.word(word)
        }
    }

    #[inline]
    unsafe fn fetch<'w>(found: Found, table: FetchTable<'w>) -> ReadFetch<'w, T> {
        let aside = Aside::of::<T>(found.id::<T>(), table);
        let base = match aside.set() {
            _ if in_tables::<T>() => {
                // SAFETY: found in this table, as the caller promises, which is borrowed.
                let column: &'w Column = unsafe { found.column() };
                column.first::<T>()
            }
            Some(set) => set.column().first::<T>(),
            None => NonNull::dangling(),
        };
        ReadFetch {
            base,
            aside,
            marker: PhantomData,
        }
    }

    #[inline]
    unsafe fn item<'w>(fetch: Self::Fetch<'w>, row: usize) -> Self::Item<'w> {
        let at = match T::STORAGE {
            Storage::Table => row,
            Storage::Sparse => fetch.aside.sparse_row_of_owner(row),
            // A value of no size: any aligned address will do.
            Storage::Tag => 0,
        };
        // SAFETY: the row is in use, so within the allocation.
        let value = unsafe { fetch.base.add(at) };
        // SAFETY: the row is in use, has the component, and is readable for 'w (the caller's duty).
        unsafe { value.as_ref() }
    }
}

// SAFETY: reads only.
unsafe impl<T: Component> ReadOnlyQueryData for &T {}

// SAFETY: one column's rows.
unsafe impl<T: Component> SliceQueryData for &T {
    type Slice<'w> = &'w [T];

    #[inline]
    unsafe fn slice<'w>(fetch: Self::Fetch<'w>, len: usize) -> Self::Slice<'w> {
        const { assert!(in_tables::<T>(), "only columns of tables are slices") };
        // SAFETY: the first `len` rows are in use and readable for 'w (the caller's duty).
        unsafe { core::slice::from_raw_parts(fetch.base.as_ptr(), len) }
    }
}

// --- &mut T -------------------------------------------------------------------------------------------------------

/// A fetch that writes a component.
#[doc(hidden)]
pub struct WriteFetch<'w, T> {
    base: NonNull<T>,
    /// Whose ticks are marked; `None` for a component that nobody has.
    column: Option<&'w Column>,
    aside: Aside<'w>,
    now: u32,
    marker: PhantomData<&'w mut [T]>,
}

impl<T> Clone for WriteFetch<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for WriteFetch<'_, T> {}

impl<T> core::fmt::Debug for WriteFetch<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("WriteFetch")
    }
}

impl<'w, T: Component> WriteFetch<'w, T> {
    /// # Safety
    /// `found` is what [`Found::new`] gave for this table.
    #[inline]
    unsafe fn new(found: Found, table: FetchTable<'w>) -> Self {
        const { assert!(T::MUTABLE, "the component is immutable: insert it anew") };
        let aside = Aside::of::<T>(found.id::<T>(), table);
        let column = match aside.set() {
            // SAFETY: found in this table, as the caller promises, which is borrowed.
            _ if in_tables::<T>() => Some(unsafe { found.column() }),
            set => set.map(SparseSet::column),
        };
        Self {
            base: column.map_or(NonNull::dangling(), Column::first::<T>),
            column,
            aside,
            now: table.now,
            marker: PhantomData,
        }
    }

    /// The row in the column. The row must have the component.
    #[inline]
    fn at(&self, row: usize) -> usize {
        match T::STORAGE {
            Storage::Table => row,
            Storage::Sparse => self.aside.sparse_row_of_owner(row),
            // A value of no size: any aligned address will do.
            Storage::Tag => 0,
        }
    }

    /// # Safety
    /// The caller has exclusive access to the component; the row is in use and has it.
    #[inline]
    unsafe fn mark(&self, row: usize) {
        if !matches!(T::TRACK, Track::None)
            && let Some(column) = self.column
        {
            // SAFETY: the caller has exclusive access to the column, so to its track.
            unsafe { column.mark(self.at(row), self.now) };
        }
    }
}

// SAFETY: writes one component, as ACCESS says.
unsafe impl<T: Component> QueryData for &mut T {
    type Item<'w> = &'w mut T;
    type State = ComponentId;
    type Columns = Found;
    type Fetch<'w> = WriteFetch<'w, T>;
    type ReadOnly = &'static T;
    const ACCESS: Access = Access::Component(T::NAME, true);
    // A loop over tables cannot mark a sparse set as a whole: it may hold others.
    const EXACT: bool =
        matches!(T::TRACK, Track::Exact) || is_sparse::<T>() && !matches!(T::TRACK, Track::None);
    const PARALLEL: bool = !Self::EXACT;
    const ROWS: bool = !in_tables::<T>();
    const DRIVEN: bool = is_sparse::<T>();

    fn state(registry: &Registry) -> ComponentId {
        known::<T>(registry)
    }

    #[inline]
    fn tables(state: ComponentId, index: &TableIndex<'_>, word: usize) -> u64 {
        tables_of::<T>(state, index, word)
    }

    #[inline]
    fn columns(state: ComponentId, table: &Table) -> Option<Found> {
        Found::new::<T>(state, table)
    }

    #[inline]
    fn drive<'w>(state: ComponentId, sets: &'w SparseSets, driver: &mut Driver<'w>) {
        driver.propose::<T>(state, sets);
    }

    #[inline]
    fn any(fetch: Self::Fetch<'_>) -> bool {
        in_tables::<T>() || fetch.aside.any()
    }

    #[inline]
    fn row(fetch: Self::Fetch<'_>, row: usize) -> bool {
        in_tables::<T>() || fetch.aside.row(row)
    }

    #[inline]
    fn word(fetch: Self::Fetch<'_>, word: usize) -> u64 {
        if in_tables::<T>() {
            u64::MAX
        } else {
            fetch.aside.word(word)
        }
    }

    #[inline]
    unsafe fn fetch<'w>(found: Found, table: FetchTable<'w>) -> WriteFetch<'w, T> {
        // SAFETY: as the caller promises.
        unsafe { WriteFetch::new(found, table) }
    }

    #[inline]
    unsafe fn mark_table(fetch: WriteFetch<'_, T>) {
        if matches!(T::TRACK, Track::Block)
            && in_tables::<T>()
            && let Some(column) = fetch.column
        {
            // SAFETY: the caller has exclusive access to the column, so to its track.
            unsafe { column.mark_all(fetch.now) };
        }
    }

    #[inline]
    unsafe fn mark_row(fetch: WriteFetch<'_, T>, row: usize) {
        // SAFETY: as the caller promises.
        unsafe { fetch.mark(row) };
    }

    #[inline]
    unsafe fn item<'w>(fetch: Self::Fetch<'w>, row: usize) -> Self::Item<'w> {
        // SAFETY: the row is in use, so within the allocation.
        let mut value = unsafe { fetch.base.add(fetch.at(row)) };
        // SAFETY: the row is in use, has the component, and is exclusively ours for 'w (the caller's duty).
        unsafe { value.as_mut() }
    }
}

// SAFETY: one column's rows.
unsafe impl<T: Component> SliceQueryData for &mut T {
    type Slice<'w> = &'w mut [T];

    #[inline]
    unsafe fn slice<'w>(fetch: Self::Fetch<'w>, len: usize) -> Self::Slice<'w> {
        const { assert!(in_tables::<T>(), "only columns of tables are slices") };
        if matches!(T::TRACK, Track::Exact)
            && let Some(column) = fetch.column
        {
            // SAFETY: the caller has exclusive access to the column, so to its track.
            unsafe { column.mark_all(fetch.now) };
        }
        // SAFETY: the first `len` rows are in use and exclusively ours for 'w (the caller's duty).
        unsafe { core::slice::from_raw_parts_mut(fetch.base.as_ptr(), len) }
    }
}

// --- Mut<T> -------------------------------------------------------------------------------------------------------

/// A component that marks its row as changed when it is written through, and not before.
///
/// For loops that look at many rows and write few. It costs more than `&mut T` on rows that are written.
///
/// ```
/// use storm_ecs::{Component, Mut, World};
/// #[derive(Component)]
/// struct Health(i32);
///
/// let mut world = World::new();
/// world.spawn_batch((0..100).map(Health));
/// let before = world.change_tick();
/// for mut health in world.query_mut::<Mut<Health>>() {
///     if health.0 < 3 {
///         health.0 = 3; // marks this row
///     }
/// }
/// let changed: usize =
///     world.tables::<&Health>().flat_map(|t| t.changed_rows::<Health>(before)).map(|rows| rows.len()).sum();
/// assert_eq!(changed, 3);
/// ```
pub struct Mut<'w, T> {
    value: &'w mut T,
    column: Option<&'w Column>,
    row: usize,
    now: u32,
    /// Marking is not synchronised: guards stay on their thread.
    marker: PhantomData<*mut ()>,
}

impl<'w, T: Component> Mut<'w, T> {
    /// The value, marked as changed.
    #[must_use]
    pub fn into_inner(mut self) -> &'w mut T {
        self.mark();
        self.value
    }

    /// The value for writing, without a mark: readers of changes will not see the write.
    #[must_use]
    pub fn bypass(&mut self) -> &mut T {
        self.value
    }

    /// Marks the row as changed.
    pub fn mark(&mut self) {
        if !matches!(T::TRACK, Track::None)
            && let Some(column) = self.column
        {
            // SAFETY: the query that made this holds exclusive access to the column for 'w, and guards mark one at a time
            // (they are neither Send nor Sync).
            unsafe { column.mark(self.row, self.now) };
        }
    }
}

impl<T: core::fmt::Debug> core::fmt::Debug for Mut<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.value.fmt(f)
    }
}

impl<T> Deref for Mut<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value
    }
}

impl<T: Component> DerefMut for Mut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.mark();
        self.value
    }
}

// SAFETY: writes one component, as ACCESS says.
unsafe impl<T: Component> QueryData for Mut<'_, T> {
    type Item<'w> = Mut<'w, T>;
    type State = ComponentId;
    type Columns = Found;
    type Fetch<'w> = WriteFetch<'w, T>;
    type ReadOnly = &'static T;
    const PARALLEL: bool = false;
    const ACCESS: Access = Access::Component(T::NAME, true);
    const ROWS: bool = !in_tables::<T>();
    const DRIVEN: bool = is_sparse::<T>();

    fn state(registry: &Registry) -> ComponentId {
        known::<T>(registry)
    }

    #[inline]
    fn tables(state: ComponentId, index: &TableIndex<'_>, word: usize) -> u64 {
        tables_of::<T>(state, index, word)
    }

    #[inline]
    fn columns(state: ComponentId, table: &Table) -> Option<Found> {
        Found::new::<T>(state, table)
    }

    #[inline]
    fn drive<'w>(state: ComponentId, sets: &'w SparseSets, driver: &mut Driver<'w>) {
        driver.propose::<T>(state, sets);
    }

    #[inline]
    fn any(fetch: Self::Fetch<'_>) -> bool {
        in_tables::<T>() || fetch.aside.any()
    }

    #[inline]
    fn row(fetch: Self::Fetch<'_>, row: usize) -> bool {
        in_tables::<T>() || fetch.aside.row(row)
    }

    #[inline]
    fn word(fetch: Self::Fetch<'_>, word: usize) -> u64 {
        if in_tables::<T>() {
            u64::MAX
        } else {
            fetch.aside.word(word)
        }
    }

    #[inline]
    unsafe fn fetch<'w>(found: Found, table: FetchTable<'w>) -> WriteFetch<'w, T> {
        // SAFETY: as the caller promises.
        unsafe { WriteFetch::new(found, table) }
    }

    #[inline]
    unsafe fn item<'w>(fetch: Self::Fetch<'w>, row: usize) -> Self::Item<'w> {
        let row = fetch.at(row);
        // SAFETY: the row is in use, so within the allocation.
        let mut value = unsafe { fetch.base.add(row) };
        // SAFETY: the row is in use, has the component, and is exclusively ours for 'w (the caller's duty).
        let value = unsafe { value.as_mut() };
        Mut {
            value,
            column: fetch.column,
            row,
            now: fetch.now,
            marker: PhantomData,
        }
    }
}

// --- Entity, Has --------------------------------------------------------------------------------------------------

// SAFETY: ids are written by structural changes only.
unsafe impl QueryData for Entity {
    type Item<'w> = Entity;
    type State = ();
    type Columns = ();
    type Fetch<'w> = &'w [Entity];
    type ReadOnly = Self;
    const ACCESS: Access = Access::Nothing;

    fn state(_: &Registry) {}

    #[inline]
    fn tables((): (), _: &TableIndex<'_>, _: usize) -> u64 {
        u64::MAX
    }

    #[inline]
    fn columns((): (), _: &Table) -> Option<()> {
        Some(())
    }

    #[inline]
    unsafe fn fetch<'w>((): (), table: FetchTable<'w>) -> &'w [Entity] {
        table.table.entities()
    }

    #[inline]
    unsafe fn item<'w>(fetch: Self::Fetch<'w>, row: usize) -> Self::Item<'w> {
        // SAFETY: the row is in use (the caller's duty).
        unsafe { *fetch.get_unchecked(row) }
    }
}

// SAFETY: reads only.
unsafe impl ReadOnlyQueryData for Entity {}

// SAFETY: the id column's rows.
unsafe impl SliceQueryData for Entity {
    type Slice<'w> = &'w [Entity];

    #[inline]
    unsafe fn slice<'w>(fetch: Self::Fetch<'w>, _: usize) -> Self::Slice<'w> {
        fetch
    }
}

/// Whether an entity has `T`, as a query item (`bool`).
#[derive(Debug)]
pub struct Has<T>(PhantomData<fn() -> T>);

// SAFETY: touches no component.
unsafe impl<T: Component> QueryData for Has<T> {
    type Item<'w> = bool;
    type State = ComponentId;
    type Columns = (bool, ComponentId);
    type Fetch<'w> = (bool, Aside<'w>);
    type ReadOnly = Self;
    const ACCESS: Access = Access::Nothing;

    fn state(registry: &Registry) -> ComponentId {
        known::<T>(registry)
    }

    #[inline]
    fn tables(_: ComponentId, _: &TableIndex<'_>, _: usize) -> u64 {
        u64::MAX
    }

    #[inline]
    fn columns(state: ComponentId, table: &Table) -> Option<(bool, ComponentId)> {
        Some((table.column_index(state).is_some(), state))
    }

    #[inline]
    unsafe fn fetch<'w>(
        (has, id): (bool, ComponentId),
        table: FetchTable<'w>,
    ) -> (bool, Aside<'w>) {
        (has, Aside::of::<T>(id, table))
    }

    #[inline]
    unsafe fn item<'w>((has, aside): Self::Fetch<'w>, row: usize) -> Self::Item<'w> {
        if in_tables::<T>() {
            has
        } else {
            aside.row(row)
        }
    }
}

// SAFETY: reads only.
unsafe impl<T: Component> ReadOnlyQueryData for Has<T> {}

// --- Option -------------------------------------------------------------------------------------------------------

// SAFETY: touches what Q touches, where the table matches Q.
unsafe impl<Q: QueryData> QueryData for Option<Q> {
    type Item<'w> = Option<Q::Item<'w>>;
    type State = Q::State;
    type Columns = Option<Q::Columns>;
    type Fetch<'w> = Option<Q::Fetch<'w>>;
    type ReadOnly = Option<Q::ReadOnly>;
    const ACCESS: Access = Q::ACCESS;
    const EXACT: bool = Q::EXACT;
    const PARALLEL: bool = Q::PARALLEL;

    fn state(registry: &Registry) -> Q::State {
        Q::state(registry)
    }

    #[inline]
    fn tables(_: Q::State, _: &TableIndex<'_>, _: usize) -> u64 {
        u64::MAX
    }

    #[inline]
    fn columns(state: Q::State, table: &Table) -> Option<Option<Q::Columns>> {
        Some(Q::columns(state, table))
    }

    #[inline]
    unsafe fn fetch<'w>(
        columns: Option<Q::Columns>,
        table: FetchTable<'w>,
    ) -> Option<Q::Fetch<'w>> {
        // SAFETY: as the caller promises.
        columns.map(|columns| unsafe { Q::fetch(columns, table) })
    }

    #[inline]
    unsafe fn mark_table(fetch: Option<Q::Fetch<'_>>) {
        if let Some(fetch) = fetch {
            // SAFETY: as the caller promises.
            unsafe { Q::mark_table(fetch) }
        }
    }

    #[inline]
    unsafe fn mark_row(fetch: Option<Q::Fetch<'_>>, row: usize) {
        if let Some(fetch) = fetch
            && Q::row(fetch, row)
        {
            // SAFETY: as the caller promises; the row matches.
            unsafe { Q::mark_row(fetch, row) }
        }
    }

    #[inline]
    unsafe fn item<'w>(fetch: Self::Fetch<'w>, row: usize) -> Self::Item<'w> {
        fetch
            .filter(|&fetch| Q::row(fetch, row))
            // SAFETY: as the caller promises; the row matches.
            .map(|fetch| unsafe { Q::item(fetch, row) })
    }
}

// SAFETY: Q only reads.
unsafe impl<Q: ReadOnlyQueryData> ReadOnlyQueryData for Option<Q> {}

// SAFETY: Q's rows lie side by side.
unsafe impl<Q: SliceQueryData> SliceQueryData for Option<Q> {
    type Slice<'w> = Option<Q::Slice<'w>>;

    #[inline]
    unsafe fn slice<'w>(fetch: Self::Fetch<'w>, len: usize) -> Self::Slice<'w> {
        // SAFETY: as the caller promises.
        fetch.map(|fetch| unsafe { Q::slice(fetch, len) })
    }
}

// --- tuples -------------------------------------------------------------------------------------------------------

macro_rules! tuple_query {
    ($($name:ident $index:tt)*) => {
        // SAFETY: touches what the parts touch; that these do not conflict is checked from ACCESS.
        #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple")]
        unsafe impl<$($name: QueryData),*> QueryData for ($($name,)*) {
            type Item<'w> = ($($name::Item<'w>,)*);
            type State = ($($name::State,)*);
            type Columns = ($($name::Columns,)*);
            type Fetch<'w> = ($($name::Fetch<'w>,)*);
            type ReadOnly = ($($name::ReadOnly,)*);
            const ACCESS: Access = Access::All(&[$($name::ACCESS),*]);
            const EXACT: bool = false $(|| $name::EXACT)*;
            const PARALLEL: bool = true $(&& $name::PARALLEL)*;
            const ROWS: bool = false $(|| $name::ROWS)*;
            const DRIVEN: bool = false $(|| $name::DRIVEN)*;

            fn state(registry: &Registry) -> Self::State {
                ($($name::state(registry),)*)
            }

            #[inline]
            fn tables(state: Self::State, index: &TableIndex<'_>, word: usize) -> u64 {
                u64::MAX $(& $name::tables(state.$index, index, word))*
            }

            #[inline]
            fn columns(state: Self::State, table: &Table) -> Option<Self::Columns> {
                Some(($($name::columns(state.$index, table)?,)*))
            }

            #[inline]
            unsafe fn fetch<'w>(columns: Self::Columns, table: FetchTable<'w>) -> Self::Fetch<'w> {
                // SAFETY: as the caller promises.
                ($(unsafe { $name::fetch(columns.$index, table) },)*)
            }

            #[inline]
            fn drive<'w>(state: Self::State, sets: &'w SparseSets, driver: &mut Driver<'w>) {
                $($name::drive(state.$index, sets, driver);)*
            }

            #[inline]
            fn any(fetch: Self::Fetch<'_>) -> bool {
                true $(&& $name::any(fetch.$index))*
            }

            #[inline]
            fn row(fetch: Self::Fetch<'_>, row: usize) -> bool {
                true $(&& $name::row(fetch.$index, row))*
            }

            #[inline]
            fn word(fetch: Self::Fetch<'_>, word: usize) -> u64 {
                u64::MAX $(& $name::word(fetch.$index, word))*
            }

            #[inline]
            unsafe fn mark_table(fetch: Self::Fetch<'_>) {
                // SAFETY: as the caller promises.
                $(unsafe { $name::mark_table(fetch.$index) };)*
            }

            #[inline]
            unsafe fn mark_row(fetch: Self::Fetch<'_>, row: usize) {
                // SAFETY: as the caller promises.
                $(unsafe { $name::mark_row(fetch.$index, row) };)*
            }

            #[inline]
            unsafe fn item<'w>(fetch: Self::Fetch<'w>, row: usize) -> Self::Item<'w> {
                // SAFETY: as the caller promises.
                ($(unsafe { $name::item(fetch.$index, row) },)*)
            }
        }

        // SAFETY: the parts only read.
        unsafe impl<$($name: ReadOnlyQueryData),*> ReadOnlyQueryData for ($($name,)*) {}

        // SAFETY: the parts' rows lie side by side.
        #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple")]
        unsafe impl<$($name: SliceQueryData),*> SliceQueryData for ($($name,)*) {
            type Slice<'w> = ($($name::Slice<'w>,)*);

            #[inline]
            unsafe fn slice<'w>(fetch: Self::Fetch<'w>, len: usize) -> Self::Slice<'w> {
                // SAFETY: as the caller promises.
                ($(unsafe { $name::slice(fetch.$index, len) },)*)
            }
        }
    };
}

tuple_query!();
tuple_query!(A 0);
tuple_query!(A 0 B 1);
tuple_query!(A 0 B 1 C 2);
tuple_query!(A 0 B 1 C 2 D 3);
tuple_query!(A 0 B 1 C 2 D 3 E 4);
tuple_query!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple_query!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple_query!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
tuple_query!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuple_query!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
tuple_query!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
tuple_query!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);
