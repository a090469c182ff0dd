//! Which entities a query visits: `With`, `Without`, `Or`, `Changed`, `Added` and tuples of these.

use core::marker::PhantomData;

use crate::component::{Component, ComponentId, Registry, Storage, Track};
use crate::query::aside::{Aside, Driver};
use crate::query::data::{FetchTable, TableIndex};
use crate::sparse::SparseSets;
use crate::table::{BLOCK_ROWS, Table};
use crate::track::{BlockBits, Ticks};

/// Narrows a query. A tuple (up to 8) passes what every part passes; [`Or`] passes what any part passes.
pub trait QueryFilter {
    #[doc(hidden)]
    type State: Copy + Send + Sync + 'static;
    #[doc(hidden)]
    type Fetch<'w>: Copy;
    /// Whether it looks at single rows.
    #[doc(hidden)]
    const ROWS: bool;
    /// Whether it looks at change ticks.
    #[doc(hidden)]
    const TICKS: bool;
    /// Whether it passes only entities of some sparse set.
    #[doc(hidden)]
    const DRIVEN: bool = false;
    /// Names of the components whose change ticks it reads.
    #[doc(hidden)]
    const READS: Reads;

    #[doc(hidden)]
    fn state(registry: &Registry) -> Self::State;

    /// A bit for each of the tables `64 * word..` that may pass.
    #[doc(hidden)]
    fn tables(state: Self::State, index: &TableIndex<'_>, word: usize) -> u64;

    /// Whether `table` may pass.
    #[doc(hidden)]
    fn matches(state: Self::State, table: &Table) -> bool;

    #[doc(hidden)]
    fn fetch(state: Self::State, table: FetchTable<'_>, since: u32) -> Self::Fetch<'_>;

    /// Proposes the sparse sets that it requires.
    #[doc(hidden)]
    #[inline]
    fn drive<'w>(_state: Self::State, _sets: &'w SparseSets, _driver: &mut Driver<'w>) {}

    /// Whether any row of the table may pass.
    #[doc(hidden)]
    fn any(fetch: Self::Fetch<'_>) -> bool;

    /// Whether any row of block `block` may pass.
    #[doc(hidden)]
    fn block(fetch: Self::Fetch<'_>, block: usize) -> bool;

    /// Whether a row passes.
    #[doc(hidden)]
    #[inline]
    fn row(fetch: Self::Fetch<'_>, row: usize) -> bool {
        Self::rows(fetch, row / 64) >> (row % 64) & 1 == 1
    }

    /// A bit for each of the rows `64 * word..` that passes.
    #[doc(hidden)]
    fn rows(fetch: Self::Fetch<'_>, word: usize) -> u64;

    /// A bit for each row of block `block` that passes.
    #[doc(hidden)]
    fn block_rows(fetch: Self::Fetch<'_>, block: usize) -> BlockBits;
}

/// Components whose ticks a filter reads.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Reads {
    /// None.
    Nothing,
    /// One, by name.
    Component(&'static str),
    /// Of several parts.
    All(&'static [Reads]),
}

fn known<T: Component>(registry: &Registry) -> ComponentId {
    registry.id::<T>().unwrap_or(ComponentId::UNKNOWN)
}

impl Table {
    fn has(&self, id: ComponentId) -> bool {
        self.column_index(id).is_some()
    }
}

/// Only entities that have `T`.
#[derive(Debug)]
pub struct With<T>(PhantomData<fn() -> T>);

/// Only entities that lack `T`.
#[derive(Debug)]
pub struct Without<T>(PhantomData<fn() -> T>);

const fn in_tables<T: Component>() -> bool {
    matches!(T::STORAGE, Storage::Table)
}

/// A fetch of `With` or `Without`.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct PresenceFetch<'w> {
    /// Whether the table has the column.
    has: bool,
    aside: Aside<'w>,
}

/// `WITH` says whether rows pass that have `T`, or those that lack it.
trait Presence<T: Component> {
    const WITH: bool;
}

impl<T: Component> Presence<T> for With<T> {
    const WITH: bool = true;
}

impl<T: Component> Presence<T> for Without<T> {
    const WITH: bool = false;
}

macro_rules! presence {
    ($filter:ident) => {
        impl<T: Component> QueryFilter for $filter<T> {
            type State = ComponentId;
            type Fetch<'w> = PresenceFetch<'w>;
            const ROWS: bool = !in_tables::<T>();
            const TICKS: bool = false;
            const DRIVEN: bool = Self::WITH && matches!(T::STORAGE, Storage::Sparse);
            const READS: Reads = Reads::Nothing;

            fn state(registry: &Registry) -> ComponentId {
                known::<T>(registry)
            }

            #[inline]
            fn tables(state: ComponentId, index: &TableIndex<'_>, word: usize) -> u64 {
                let with = index.word(state, word);
                match in_tables::<T>() {
                    true if Self::WITH => with,
                    true => !with,
                    false => u64::MAX,
                }
            }

            #[inline]
            fn matches(state: ComponentId, table: &Table) -> bool {
                !in_tables::<T>() || table.has(state) == Self::WITH
            }

            #[inline]
            fn fetch(state: ComponentId, table: FetchTable<'_>, _: u32) -> PresenceFetch<'_> {
                PresenceFetch {
                    has: table.table.has(state),
                    aside: Aside::of::<T>(state, table),
                }
            }

            #[inline]
            fn drive<'w>(state: ComponentId, sets: &'w SparseSets, driver: &mut Driver<'w>) {
                if Self::DRIVEN {
                    driver.propose::<T>(state, sets);
                }
            }

            #[inline]
            fn any(fetch: PresenceFetch<'_>) -> bool {
                match in_tables::<T>() {
                    true => fetch.has == Self::WITH,
                    false => !Self::WITH || fetch.aside.any(),
                }
            }

            #[inline]
            fn block(fetch: PresenceFetch<'_>, _: usize) -> bool {
                Self::any(fetch)
            }

            #[inline]
            fn row(fetch: PresenceFetch<'_>, row: usize) -> bool {
                Self::WITH
                    == match in_tables::<T>() {
                        true => fetch.has,
                        false => fetch.aside.row(row),
                    }
            }

            #[inline]
            fn rows(fetch: PresenceFetch<'_>, word: usize) -> u64 {
                let with = match in_tables::<T>() {
                    true if fetch.has => u64::MAX,
                    true => 0,
                    false => fetch.aside.word(word),
                };
                if Self::WITH { with } else { !with }
            }

            #[inline]
            fn block_rows(fetch: PresenceFetch<'_>, block: usize) -> BlockBits {
                if in_tables::<T>() {
                    return [Self::rows(fetch, 0); BLOCK_ROWS / 64];
                }
                let with = fetch.aside.block(block);
                if Self::WITH {
                    with
                } else {
                    with.map(|bits| !bits)
                }
            }
        }
    };
}

presence!(With);
presence!(Without);

/// Only entities whose `T` was written or added since the query's tick ([`Query::since`](crate::Query::since)).
///
/// Costs in proportion to what changed: tables, then blocks, then words of 64 rows are skipped.
/// A component with [`Track::None`] does not compile here:
/// ```compile_fail
/// # use storm_ecs::{Changed, Component, Entity, World};
/// #[derive(Component)]
/// #[component(track = "none")]
/// struct Scratch(u32);
/// let world = World::new();
/// assert_eq!(world.query_filtered::<Entity, Changed<Scratch>>().count(), 0);
/// ```
#[derive(Debug)]
pub struct Changed<T>(PhantomData<fn() -> T>);

/// Only entities that got their `T`, by spawn or insert, since the query's tick. Replacing a component does not add it.
#[derive(Debug)]
pub struct Added<T>(PhantomData<fn() -> T>);

/// The tracks that hold something newer, packed to the front.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct TickFetch<'w> {
    tracks: [Option<&'w Ticks>; 3],
    since: u32,
    /// Whether all rows are newer.
    all: bool,
}

impl<'w> TickFetch<'w> {
    #[inline]
    fn new(looped: u32, tracks: [Option<&'w Ticks>; 3], since: u32) -> Self {
        let mut newer = [None; 3];
        let mut count = 0;
        for ticks in tracks.into_iter().flatten() {
            if ticks.max() > since {
                newer[count] = Some(ticks);
                count += 1;
            }
        }
        Self {
            tracks: newer,
            since,
            all: looped > since,
        }
    }

    #[inline]
    fn active(&self) -> impl Iterator<Item = &'w Ticks> {
        self.tracks.into_iter().map_while(|ticks| ticks)
    }

    #[inline]
    pub(crate) fn any(self) -> bool {
        self.all || self.tracks[0].is_some()
    }

    #[inline]
    pub(crate) fn block_newer(self, block: usize) -> bool {
        self.all
            || self
                .active()
                .any(|ticks| ticks.block_newer(block, self.since))
    }

    #[inline]
    pub(crate) fn word(self, word: usize) -> u64 {
        let start = if self.all { u64::MAX } else { 0 };
        self.active()
            .fold(start, |bits, ticks| bits | ticks.newer(word, self.since))
    }

    #[inline]
    pub(crate) fn block_bits(self, block: usize) -> BlockBits {
        if self.all {
            return [u64::MAX; BLOCK_ROWS / 64];
        }
        let mut bits = [0; BLOCK_ROWS / 64];
        for ticks in self.active() {
            ticks.newer_in_block(block, self.since, &mut bits);
        }
        bits
    }
}

pub(crate) mod ticks {
    //! Reading the tracks of a column through a shared table.
    #![expect(unsafe_code, reason = "reads change ticks behind a cell")]

    use super::TickFetch;
    use crate::column::{Column, Tracks};
    use crate::table::Table;

    #[inline]
    fn read(column: &Column) -> (u32, Option<&Tracks>) {
        // SAFETY: whoever reads a table or runs a query holds at least shared access to the column, during which nobody
        // writes its ticks; a query that also writes this component marks rows only between these reads.
        unsafe { column.ticks() }
    }

    /// Rows of `column` written since.
    #[inline]
    pub(crate) fn changed<'w>(
        table: &'w Table,
        column: Option<&'w Column>,
        since: u32,
    ) -> TickFetch<'w> {
        let Some(column) = column else {
            return TickFetch::new(0, [None; 3], since);
        };
        let (looped, tracks) = read(column);
        let (changed, added) = (
            tracks.map(|tracks| &tracks.changed),
            tracks.map(|tracks| &tracks.added),
        );
        TickFetch::new(looped, [Some(table.born()), added, changed], since)
    }

    /// Rows of `column` added since.
    #[inline]
    pub(crate) fn added<'w>(
        table: &'w Table,
        column: Option<&'w Column>,
        since: u32,
    ) -> TickFetch<'w> {
        let Some(column) = column else {
            return TickFetch::new(0, [None; 3], since);
        };
        TickFetch::new(
            0,
            [
                Some(table.born()),
                read(column).1.map(|tracks| &tracks.added),
                None,
            ],
            since,
        )
    }
}

/// A fetch of `Changed` or `Added`: ticks of the column, or of what stands in for it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct TickRows<'w> {
    ticks: TickFetch<'w>,
    aside: Aside<'w>,
}

impl TickRows<'_> {
    /// Of a component that is not in columns: whether a row is newer.
    #[inline]
    fn row(self, row: usize) -> bool {
        let of = |row: usize| self.ticks.word(row / 64) >> (row % 64) & 1 == 1;
        match self.aside.tag() {
            Some(tag) => tag.has(row) && of(row),
            None => self.aside.sparse_row(row).is_some_and(of),
        }
    }

    #[inline]
    fn word(self, word: usize) -> u64 {
        if let Some(tag) = self.aside.tag() {
            return tag.word(word) & self.ticks.word(word);
        }
        let owners = self.aside.word(word);
        let (mut left, mut newer) = (owners, 0);
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            newer |= u64::from(self.row(word * 64 + bit as usize)) << bit;
        }
        newer
    }
}

macro_rules! tick_filter {
    ($filter:ident, $tracks:path) => {
        impl<T: Component> QueryFilter for $filter<T> {
            type State = ComponentId;
            type Fetch<'w> = TickRows<'w>;
            const TICKS: bool = true;
            const DRIVEN: bool = matches!(T::STORAGE, Storage::Sparse);
            const ROWS: bool = {
                assert!(
                    !matches!(T::TRACK, Track::None),
                    "the component is not tracked"
                );
                true
            };
            const READS: Reads = Reads::Component(T::NAME);

            fn state(registry: &Registry) -> ComponentId {
                known::<T>(registry)
            }

            #[inline]
            fn tables(state: ComponentId, index: &TableIndex<'_>, word: usize) -> u64 {
                if in_tables::<T>() {
                    index.word(state, word)
                } else {
                    u64::MAX
                }
            }

            #[inline]
            fn matches(state: ComponentId, table: &Table) -> bool {
                !in_tables::<T>() || table.has(state)
            }

            #[inline]
            fn fetch(state: ComponentId, table: FetchTable<'_>, since: u32) -> TickRows<'_> {
                let aside = Aside::of::<T>(state, table);
                let ticks = match T::STORAGE {
                    Storage::Table => $tracks(table.table, table.table.column(state), since),
                    Storage::Sparse => match aside.set() {
                        Some(set) => $tracks(set.dense(), Some(set.column()), since),
                        None => TickFetch::new(0, [None; 3], since),
                    },
                    Storage::Tag => {
                        let set = aside.tag().map(|tag| tag.ticks());
                        TickFetch::new(0, [set, None, None], since)
                    }
                };
                TickRows { ticks, aside }
            }

            #[inline]
            fn drive<'w>(state: ComponentId, sets: &'w SparseSets, driver: &mut Driver<'w>) {
                driver.propose::<T>(state, sets);
            }

            #[inline]
            fn any(fetch: TickRows<'_>) -> bool {
                fetch.ticks.any()
            }

            #[inline]
            fn block(fetch: TickRows<'_>, block: usize) -> bool {
                match T::STORAGE {
                    // The blocks are those of the set, not of the table.
                    Storage::Sparse => fetch.ticks.any(),
                    _ => fetch.ticks.block_newer(block),
                }
            }

            #[inline]
            fn row(fetch: TickRows<'_>, row: usize) -> bool {
                match in_tables::<T>() {
                    true => fetch.ticks.word(row / 64) >> (row % 64) & 1 == 1,
                    false => fetch.row(row),
                }
            }

            #[inline]
            fn rows(fetch: TickRows<'_>, word: usize) -> u64 {
                match in_tables::<T>() {
                    true => fetch.ticks.word(word),
                    false => fetch.word(word),
                }
            }

            #[inline]
            fn block_rows(fetch: TickRows<'_>, block: usize) -> BlockBits {
                if in_tables::<T>() {
                    return fetch.ticks.block_bits(block);
                }
                let mut bits: BlockBits = [0; _];
                let words = bits.len();
                for (word, bits) in bits.iter_mut().enumerate() {
                    *bits = fetch.word(block * words + word);
                }
                bits
            }
        }
    };
}

tick_filter!(Changed, ticks::changed);
tick_filter!(Added, ticks::added);

/// Entities that pass any part of the tuple `F`.
#[derive(Debug)]
pub struct Or<F>(PhantomData<fn() -> F>);

macro_rules! tuple_filter {
    ($($name:ident $index:tt)*) => {
        #[allow(unused_variables, unused_mut, clippy::unused_unit, reason = "the empty tuple")]
        impl<$($name: QueryFilter),*> QueryFilter for ($($name,)*) {
            type State = ($($name::State,)*);
            type Fetch<'w> = ($($name::Fetch<'w>,)*);
            const ROWS: bool = false $(|| $name::ROWS)*;
            const TICKS: bool = false $(|| $name::TICKS)*;
            const DRIVEN: bool = false $(|| $name::DRIVEN)*;
            const READS: Reads = Reads::All(&[$($name::READS),*]);

            fn state(registry: &Registry) -> Self::State {
                ($($name::state(registry),)*)
            }

            #[inline]
            fn tables(state: Self::State, index: &TableIndex<'_>, word: usize) -> u64 {
                u64::MAX $(& $name::tables(state.$index, index, word))*
            }

            #[inline]
            fn matches(state: Self::State, table: &Table) -> bool {
                true $(&& $name::matches(state.$index, table))*
            }

            #[inline]
            fn fetch(state: Self::State, table: FetchTable<'_>, since: u32) -> Self::Fetch<'_> {
                ($($name::fetch(state.$index, table, since),)*)
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
            fn block(fetch: Self::Fetch<'_>, block: usize) -> bool {
                true $(&& $name::block(fetch.$index, block))*
            }

            #[inline]
            fn row(fetch: Self::Fetch<'_>, row: usize) -> bool {
                true $(&& $name::row(fetch.$index, row))*
            }

            #[inline]
            fn rows(fetch: Self::Fetch<'_>, word: usize) -> u64 {
                u64::MAX $(& $name::rows(fetch.$index, word))*
            }

            #[inline]
            fn block_rows(fetch: Self::Fetch<'_>, block: usize) -> BlockBits {
                let mut all = [u64::MAX; BLOCK_ROWS / 64];
                $(for (all, bits) in all.iter_mut().zip($name::block_rows(fetch.$index, block)) {
                    *all &= bits;
                })*
                all
            }
        }

        #[allow(unused_variables, unused_mut, clippy::unused_unit, reason = "the empty tuple")]
        impl<$($name: QueryFilter),*> QueryFilter for Or<($($name,)*)> {
            type State = ($($name::State,)*);
            type Fetch<'w> = ($($name::Fetch<'w>,)*);
            const ROWS: bool = false $(|| $name::ROWS)*;
            const TICKS: bool = false $(|| $name::TICKS)*;
            const READS: Reads = Reads::All(&[$($name::READS),*]);

            fn state(registry: &Registry) -> Self::State {
                ($($name::state(registry),)*)
            }

            #[inline]
            fn tables(state: Self::State, index: &TableIndex<'_>, word: usize) -> u64 {
                0 $(| $name::tables(state.$index, index, word))*
            }

            #[inline]
            fn matches(state: Self::State, table: &Table) -> bool {
                false $(|| $name::matches(state.$index, table))*
            }

            #[inline]
            fn fetch(state: Self::State, table: FetchTable<'_>, since: u32) -> Self::Fetch<'_> {
                ($($name::fetch(state.$index, table, since),)*)
            }

            #[inline]
            fn any(fetch: Self::Fetch<'_>) -> bool {
                false $(|| $name::any(fetch.$index))*
            }

            #[inline]
            fn block(fetch: Self::Fetch<'_>, block: usize) -> bool {
                false $(|| $name::block(fetch.$index, block))*
            }

            #[inline]
            fn row(fetch: Self::Fetch<'_>, row: usize) -> bool {
                false $(|| $name::row(fetch.$index, row))*
            }

            #[inline]
            fn rows(fetch: Self::Fetch<'_>, word: usize) -> u64 {
                0 $(| $name::rows(fetch.$index, word))*
            }

            #[inline]
            fn block_rows(fetch: Self::Fetch<'_>, block: usize) -> BlockBits {
                let mut any = [0; BLOCK_ROWS / 64];
                $(for (any, bits) in any.iter_mut().zip($name::block_rows(fetch.$index, block)) {
                    *any |= bits;
                })*
                any
            }
        }
    };
}

tuple_filter!();
tuple_filter!(A 0);
tuple_filter!(A 0 B 1);
tuple_filter!(A 0 B 1 C 2);
tuple_filter!(A 0 B 1 C 2 D 3);
tuple_filter!(A 0 B 1 C 2 D 3 E 4);
tuple_filter!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple_filter!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple_filter!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
