//! `Query`, a query bound to a world, and `QueryState`, its list of tables kept between runs.
#![expect(unsafe_code, reason = "hands out rows under the world's borrow")]

use core::marker::PhantomData;

use crate::entities::Place;
use crate::entity::Entity;
use crate::query::access::Access;
use crate::query::data::{FetchTable, QueryData, ReadOnlyQueryData, SliceQueryData, TableIndex};
use crate::query::filter::QueryFilter;
use crate::query::iter::{QueryIter, SliceIter};
use crate::query::matching::{Matching, TableList};
use crate::query::tables::Tables;
use crate::slices::{Split, block_rows};
use crate::tick::ChangeTick;
use crate::world::World;

/// A query over a world. Iterate it, or reach single entities by [`get`](Self::get).
///
/// ```
/// use storm_ecs::{Component, Entity, With, World};
/// #[derive(Component)] struct Position(f32);
/// #[derive(Component)] struct Velocity(f32);
/// #[derive(Component)] struct Frozen;
///
/// let mut world = World::new();
/// world.spawn((Position(0.0), Velocity(1.0)));
/// let frozen = world.spawn((Position(1.0), Velocity(1.0), Frozen));
///
/// world.query_mut::<(&mut Position, &Velocity)>().for_each(|(position, velocity)| position.0 += velocity.0);
/// let found: Vec<Entity> = world.query_filtered::<Entity, With<Frozen>>().into_iter().collect();
/// assert_eq!(found, [frozen]);
/// ```
pub struct Query<'w, Q: QueryData, F: QueryFilter = ()> {
    world: &'w World,
    cached: Option<&'w Matching<Q::Columns>>,
    data: Q::State,
    filter: F::State,
    now: u32,
    since: u32,
    marker: PhantomData<fn() -> (Q, F)>,
}

/// What a `QueryState` lends a `Query`: matching tables with their columns, and what was looked up by type.
type Cached<'w, Q, F> = (
    &'w Matching<<Q as QueryData>::Columns>,
    <Q as QueryData>::State,
    <F as QueryFilter>::State,
);

impl<Q: QueryData, F: QueryFilter> core::fmt::Debug for Query<'_, Q, F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Query")
    }
}

impl<'w, Q: QueryData, F: QueryFilter> Query<'w, Q, F> {
    /// # Safety
    /// For `'w` the caller lends the access that `Q` names to this query alone. The states were brought up to date for this world just now.
    unsafe fn new(world: &'w World, states: Option<Cached<'w, Q, F>>) -> Self {
        const {
            assert!(
                !Access::conflicts(&Q::ACCESS),
                "the query names a component twice, at least once mutably"
            );
        }
        let (cached, data, filter) = match states {
            Some((tables, data, filter)) => (Some(tables), data, filter),
            None => (None, Q::state(&world.registry), F::state(&world.registry)),
        };
        Self {
            world,
            cached,
            data,
            filter,
            now: world.open_tick(),
            since: 0,
            marker: PhantomData,
        }
    }

    /// Sets what `Changed` and `Added` ask for: writes after `tick`. Until set they pass whatever was ever written.
    #[must_use]
    pub fn since(mut self, tick: ChangeTick) -> Self {
        self.since = tick.before(self.world.open_tick());
        self
    }

    /// # Safety
    /// For `'a` the caller lends the query's access to the iterator alone.
    #[inline]
    unsafe fn iterate<'a, D: QueryData<State = Q::State, Columns = Q::Columns>>(
        &'a self,
    ) -> QueryIter<'a, D, F> {
        let list = TableList::new(self.cached);
        // SAFETY: as the caller promises.
        unsafe {
            QueryIter::new(
                self.world,
                list,
                self.data,
                self.filter,
                self.now,
                self.since,
            )
        }
    }

    /// Visits every entity, reading only.
    #[inline]
    pub fn iter(&self) -> QueryIter<'_, Q::ReadOnly, F> {
        // SAFETY: the query holds at least read access, and `&self` keeps `iter_mut` away.
        unsafe { self.iterate::<Q::ReadOnly>() }
    }

    /// Visits every entity.
    #[inline]
    pub fn iter_mut(&mut self) -> QueryIter<'_, Q, F> {
        // SAFETY: `&mut self` lends the query's access to the iterator alone.
        unsafe { self.iterate::<Q>() }
    }

    /// Calls `f` with every entity's item. The fastest way to visit all.
    #[inline]
    pub fn for_each(self, f: impl FnMut(Q::Item<'w>)) {
        self.into_iter().for_each(f);
    }

    /// How many entities it visits.
    #[must_use]
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// The item of one entity, reading only. `None` if the entity is not alive or does not match.
    #[inline]
    #[must_use]
    pub fn get(&self, entity: Entity) -> Option<<Q::ReadOnly as QueryData>::Item<'_>> {
        // SAFETY: the query holds at least read access, and `&self` keeps writers away.
        unsafe { self.one::<Q::ReadOnly>(entity) }
    }

    /// The item of one entity; what it can write is marked as changed. `None` if the entity is not alive or does not match.
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, entity: Entity) -> Option<Q::Item<'_>> {
        // SAFETY: `&mut self` lends the query's access to the item alone.
        unsafe { self.one::<Q>(entity) }
    }

    /// # Safety
    /// For `'a` the caller lends the query's access to the item alone.
    #[inline]
    unsafe fn one<'a, D: QueryData<State = Q::State, Columns = Q::Columns> + 'a>(
        &'a self,
        entity: Entity,
    ) -> Option<D::Item<'a>> {
        let Place { table: number, row } = self.world.entities.find(entity)?;
        // One that is not alive is in no table.
        let (table, columns) = match self.cached {
            Some(matching) => {
                let columns = matching.columns(number)?;
                // SAFETY: the number is one of a table of this world (`Matching`).
                (unsafe { self.world.tables.get_unchecked(number) }, columns)
            }
            None => {
                let table = self.world.tables.get(number)?;
                let columns = D::columns(self.data, table)?;
                if !F::matches(self.filter, table) {
                    return None;
                }
                (table, columns)
            }
        };
        let seen = FetchTable {
            table,
            sets: &self.world.sparse,
            now: self.now,
        };
        if F::ROWS && !F::row(F::fetch(self.filter, seen, self.since), row) {
            return None;
        }
        // SAFETY: the table matches; access is the caller's duty.
        let fetch = unsafe { D::fetch(columns, seen) };
        if D::ROWS && !D::row(fetch, row) {
            return None;
        }
        // SAFETY: the row is in use and matches; access is the caller's duty.
        unsafe { D::mark_row(fetch, row) };
        // SAFETY: as above.
        Some(unsafe { D::item(fetch, row) })
    }

    /// The items of several entities at once, which may all be written. `None` if one of them is not alive or does not match, or if one is
    /// named twice.
    ///
    /// ```
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component, Debug, PartialEq)] struct Gold(u32);
    /// let mut world = World::new();
    /// let (ann, bob) = (world.spawn(Gold(5)), world.spawn(Gold(0)));
    /// let mut purses = world.query_mut::<&mut Gold>();
    /// if let Some([from, to]) = purses.get_many_mut([ann, bob]) {
    ///     std::mem::swap(from, to);
    /// }
    /// assert!(purses.get_many_mut([ann, ann]).is_none());
    /// assert_eq!(world.get(bob), Some(&Gold(5)));
    /// ```
    ///
    /// Compares every pair: meant for a few entities.
    #[must_use]
    pub fn get_many_mut<const N: usize>(
        &mut self,
        entities: [Entity; N],
    ) -> Option<[Q::Item<'_>; N]> {
        for (at, entity) in entities.iter().enumerate() {
            if entities[..at].contains(entity) || !self.matches(*entity) {
                return None;
            }
        }
        // SAFETY: `&mut self` lends the query's access to these items alone, and no two are of the same row.
        let items = entities.map(|entity| unsafe { self.one::<Q>(entity) });
        Some(items.map(|item| match item {
            Some(item) => item,
            None => unreachable!("looked at just now"),
        }))
    }

    /// Whether the query visits `entity`. Marks nothing.
    #[must_use]
    pub fn matches(&self, entity: Entity) -> bool {
        self.get(entity).is_some()
    }

    /// Each table's rows as slices.
    ///
    /// ```
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component)] struct Position(f32);
    /// # #[derive(Component)] struct Velocity(f32);
    /// # let mut world = World::new();
    /// # world.spawn((Position(0.0), Velocity(1.0)));
    /// for (positions, velocities) in world.query_mut::<(&mut Position, &Velocity)>().into_slices() {
    ///     for (position, velocity) in positions.iter_mut().zip(velocities) {
    ///         position.0 += velocity.0;
    ///     }
    /// }
    /// ```
    ///
    /// Filters that look at single rows (`Changed`, `Added`) do not compile here.
    pub fn into_slices(self) -> SliceIter<'w, Q, F>
    where
        Q: SliceQueryData,
    {
        const {
            assert!(
                !F::ROWS && !Q::ROWS,
                "a filter on single rows does not go with slices"
            )
        };
        SliceIter(self.into_iter())
    }

    /// Each table's rows as slices of at most `blocks` × 1024 rows that start on a block: a unit of work for a thread, or for a
    /// cache.
    ///
    /// # Panics
    /// If `blocks` is 0.
    pub fn into_blocks(self, blocks: usize) -> impl Iterator<Item = Q::Slice<'w>>
    where
        Q: SliceQueryData,
    {
        assert!(blocks > 0, "a block has rows");
        const {
            assert!(
                !F::ROWS && !Q::ROWS,
                "a filter on single rows does not go with slices"
            )
        };
        let rows = block_rows(blocks);
        self.into_iter()
            .into_tables()
            .flat_map(move |(slice, len)| {
                let mut rest = Some(slice);
                (0..len.div_ceil(rows)).filter_map(move |_| {
                    let (head, tail) = rest.take()?.split(rows);
                    rest = Some(tail);
                    Some(head)
                })
            })
    }

    /// Calls `f` with every entity's item, on the rayon pool if there are many.
    ///
    /// Work is split at multiples of 1024 rows. Below 8192 rows, or on a pool of one thread, it runs on the caller. The order is
    /// not defined; what `f` does to one entity must not depend on it.
    ///
    /// Components with exact tracking and `Mut` do not compile here: rows cannot be marked from several threads. Neither do
    /// filters on single rows.
    #[cfg(feature = "rayon")]
    pub fn par_for_each(self, f: impl Fn(Q::Item<'w>) + Sync + Send) {
        const { assert!(Q::PARALLEL, "rows cannot be marked from several threads") };
        const {
            assert!(
                !F::ROWS && !Q::ROWS,
                "a filter on single rows does not go with parallel loops"
            )
        };
        crate::parallel::for_each(self.into_iter(), &f);
    }
}

impl<'w, Q: QueryData, F: QueryFilter> IntoIterator for Query<'w, Q, F> {
    type Item = Q::Item<'w>;
    type IntoIter = QueryIter<'w, Q, F>;

    #[inline]
    fn into_iter(self) -> QueryIter<'w, Q, F> {
        let list = TableList::new(self.cached);
        // SAFETY: the query is consumed: its access passes to the iterator.
        unsafe {
            QueryIter::new(
                self.world,
                list,
                self.data,
                self.filter,
                self.now,
                self.since,
            )
        }
    }
}

/// A query whose matching tables are remembered: later runs look at new tables only.
///
/// ```
/// use storm_ecs::{Component, QueryState, World};
/// #[derive(Component)] struct Health(u32);
///
/// let mut world = World::new();
/// let mut query = QueryState::<&mut Health>::new(&mut world);
/// world.spawn(Health(1));
/// for health in query.query_mut(&mut world) {
///     health.0 += 1;
/// }
/// assert_eq!(query.query(&world).iter().map(|health| health.0).sum::<u32>(), 2);
/// ```
pub struct QueryState<Q: QueryData, F: QueryFilter = ()> {
    world: u64,
    components: usize,
    epoch: u64,
    seen: usize,
    matching: Matching<Q::Columns>,
    data: Q::State,
    filter: F::State,
}

impl<Q: QueryData, F: QueryFilter> core::fmt::Debug for QueryState<Q, F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("QueryState")
            .field("tables", &self.matching.numbers().len())
            .finish_non_exhaustive()
    }
}

impl<Q: QueryData, F: QueryFilter> QueryState<Q, F> {
    /// A query of `world`, which is the only world it can run on.
    #[must_use]
    pub fn new(world: &mut World) -> Self {
        let mut state = Self {
            world: world.serial,
            components: usize::MAX,
            epoch: world.epoch,
            seen: 0,
            matching: Matching::NONE,
            data: Q::state(&world.registry),
            filter: F::state(&world.registry),
        };
        state.update(world);
        state
    }

    /// Takes in the tables made since the last run; the runs do this themselves.
    ///
    /// # Panics
    /// If `world` is not the world that this was made for.
    #[inline]
    pub fn update(&mut self, world: &World) {
        assert!(
            world.serial == self.world,
            "the query belongs to another world"
        );
        if self.seen != world.tables.len()
            || self.components != world.registry.infos().len()
            || self.epoch != world.epoch
        {
            self.update_cold(world);
        }
    }

    #[cold]
    fn update_cold(&mut self, world: &World) {
        if self.components != world.registry.infos().len() || self.epoch != world.epoch {
            // A component may have been unknown, and its number is in what is kept of each table.
            self.epoch = world.epoch;
            self.components = world.registry.infos().len();
            self.data = Q::state(&world.registry);
            self.filter = F::state(&world.registry);
            self.matching.clear();
            self.seen = 0;
        }
        for (number, table) in world.tables.iter().enumerate().skip(self.seen) {
            if let Some(columns) = Q::columns(self.data, table)
                && F::matches(self.filter, table)
            {
                self.matching.push(number, columns);
            }
        }
        self.seen = world.tables.len();
    }

    /// The query, reading only.
    ///
    /// # Panics
    /// If `world` is not the world that this was made for.
    #[inline]
    pub fn query<'w>(&'w mut self, world: &'w World) -> Query<'w, Q::ReadOnly, F> {
        self.update(world);
        // SAFETY: `&World` lends read access to everything, and the query only reads. The state is up to date.
        unsafe { Query::new(world, Some((&self.matching, self.data, self.filter))) }
    }

    /// The query.
    ///
    /// # Panics
    /// If `world` is not the world that this was made for.
    #[inline]
    pub fn query_mut<'w>(&'w mut self, world: &'w mut World) -> Query<'w, Q, F> {
        self.update(world);
        world.now();
        // SAFETY: `&mut World` lends access to everything for 'w. The state is up to date.
        unsafe { Query::new(world, Some((&self.matching, self.data, self.filter))) }
    }

    /// The query as a system runs it: writes carry the tick `now`, `Changed` and `Added` ask for what is newer than `since`.
    ///
    /// # Safety
    /// For `'w` the caller lends the access that `Q` and `F` name to this query alone.
    #[inline]
    pub(crate) unsafe fn query_at<'w>(
        &'w mut self,
        world: &'w World,
        now: u32,
        since: u32,
    ) -> Query<'w, Q, F> {
        self.update(world);
        // SAFETY: as the caller promises. The state is up to date.
        let query = unsafe { Query::new(world, Some((&self.matching, self.data, self.filter))) };
        Query {
            now,
            since,
            ..query
        }
    }

    /// The matching tables that have rows.
    ///
    /// # Panics
    /// If `world` is not the world that this was made for.
    pub fn tables<'w>(&'w mut self, world: &'w World) -> Tables<'w> {
        self.update(world);
        Tables::new(world, self.matching.numbers())
    }
}

impl World {
    /// A query that reads.
    ///
    /// A query that writes does not compile here:
    /// ```compile_fail
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component)] struct Health(u32);
    /// let world = World::new();
    /// for health in world.query::<&mut Health>() {}
    /// ```
    #[inline]
    pub fn query<Q: ReadOnlyQueryData>(&self) -> Query<'_, Q> {
        self.query_filtered::<Q, ()>()
    }

    /// A query that reads, narrowed by a filter.
    #[inline]
    pub fn query_filtered<Q: ReadOnlyQueryData, F: QueryFilter>(&self) -> Query<'_, Q, F> {
        // SAFETY: `&World` lends read access to everything, and the query only reads.
        unsafe { Query::new(self, None) }
    }

    /// A query that may write.
    ///
    /// One that names a component twice, at least once mutably, does not compile:
    /// ```compile_fail
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component)] struct Health(u32);
    /// let mut world = World::new();
    /// for (a, b) in world.query_mut::<(&mut Health, &Health)>() {}
    /// ```
    #[inline]
    pub fn query_mut<Q: QueryData>(&mut self) -> Query<'_, Q> {
        self.query_filtered_mut::<Q, ()>()
    }

    /// A query that may write, narrowed by a filter.
    #[inline]
    pub fn query_filtered_mut<Q: QueryData, F: QueryFilter>(&mut self) -> Query<'_, Q, F> {
        self.now();
        // SAFETY: `&mut World` lends access to everything.
        unsafe { Query::new(self, None) }
    }

    /// The tables that a query matches and that have rows.
    pub fn tables<Q: QueryData>(&self) -> Tables<'_> {
        self.tables_filtered::<Q, ()>()
    }

    /// The tables that a query and a filter match and that have rows. Filters on single rows pass every table that has their component.
    pub fn tables_filtered<Q: QueryData, F: QueryFilter>(&self) -> Tables<'_> {
        let (data, filter) = (Q::state(&self.registry), F::state(&self.registry));
        let index = TableIndex {
            tables_with: &self.tables_with,
        };
        let matches = move |word| Q::tables(data, &index, word) & F::tables(filter, &index, word);
        let mut list = TableList::<()>::ALL;
        let numbers = move || {
            let (table, _) = list.next(&self.tables, &matches)?;
            Some(table.id().index())
        };
        Tables::new(self, core::iter::from_fn(numbers))
    }
}
