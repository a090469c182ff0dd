//! The world: entities, tables and the typed operations on them.
//!
//! Invariant: the slot of every live entity names a row of a table whose id column names the entity back.
#![expect(unsafe_code, reason = "moves bundles into columns")]

pub(crate) mod aside;
pub(crate) mod erased;
mod recycle;
mod several;

use core::any::TypeId;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::bitset::BitSet;
use crate::bundle::{Bundle, BundleInfo, BundleMap, ComponentList, FieldVisitor, Recent};
use crate::column::Column;
use crate::component::{Component, ComponentId, ComponentInfo, DropFn, Registry, Storage};
use crate::entities::{Entities, Location, TABLE_LIMIT};
use crate::entity::Entity;
use crate::error::{ComponentError, MissingComponent, NoSuchEntity};
use crate::removed::{REMOVAL_CAPACITY, RemovalLog, Removed};
use crate::resource::Resources;
use crate::sparse::SparseSets;
use crate::table::{MovePlan, Table, TableId};
use crate::tick::ChangeTick;
use crate::watch::{Cause, Watch, Watchers};
use crate::world::aside::Sides;

/// At this tick the next `&mut` call rebases; the distance to the end leaves room for closings through `&World`.
const REBASE_AT: u32 = u32::MAX - (1 << 24);

/// Entities and their components.
///
/// ```
/// use storm_ecs::{Component, World};
///
/// #[derive(Component, Debug, PartialEq)]
/// struct Position([f32; 3]);
/// #[derive(Component)]
/// struct Velocity([f32; 3]);
///
/// let mut world = World::new();
/// let ball = world.spawn((Position([0.0; 3]), Velocity([1.0, 0.0, 0.0])));
/// let wall = world.spawn(Position([5.0, 0.0, 0.0]));
///
/// for (position, velocity) in world.query_mut::<(&mut Position, &Velocity)>() {
///     for axis in 0..3 {
///         position.0[axis] += velocity.0[axis];
///     }
/// }
/// assert_eq!(world.get::<Position>(ball), Some(&Position([1.0, 0.0, 0.0])));
/// assert_eq!(world.get::<Velocity>(wall).is_none(), true);
/// ```
pub struct World {
    pub(crate) entities: Entities,
    pub(crate) registry: Registry,
    pub(crate) tables: Vec<Table>,
    /// By component: the tables that have it.
    pub(crate) tables_with: Vec<BitSet>,
    table_of: HashMap<Box<[ComponentId]>, u32>,
    /// Numbers of tables that were given up.
    vacant_tables: Vec<TableId>,
    /// Counts how often numbers of tables or components changed their meaning.
    pub(crate) epoch: u64,
    pub(crate) bundles: Vec<BundleInfo>,
    bundle_of: BundleMap,
    pub(crate) plans: Vec<MovePlan>,
    plan_of: HashMap<PlanKey, u32>,
    pub(crate) sparse: SparseSets,
    pub(crate) watchers: Watchers,
    recent_inserts: Recent,
    recent_removals: Recent,
    /// The open tick: writes carry it.
    tick: AtomicU32,
    /// By component.
    pub(crate) removed: Vec<RemovalLog>,
    pub(crate) removal_capacity: usize,
    pub(crate) resources: Resources,
    /// Unlike the tag, never given twice.
    pub(crate) serial: u64,
    dynamic: erased::DynamicBundles,
    pub(crate) data: crate::dynamic::DataState,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PlanKey {
    source: u32,
    bundle: u32,
    insert: bool,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for World {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("World")
            .field("entities", &self.len())
            .field("tables", &self.tables.len())
            .field("components", &self.registry.infos().len())
            .finish_non_exhaustive()
    }
}

impl World {
    /// An empty world.
    ///
    /// # Panics
    /// Never; but after 65,535 worlds in one process their tags repeat.
    #[must_use]
    pub fn new() -> Self {
        let mut world = Self {
            entities: Entities::new(),
            registry: Registry::default(),
            tables: Vec::new(),
            tables_with: Vec::new(),
            table_of: HashMap::new(),
            vacant_tables: Vec::new(),
            epoch: 0,
            bundles: Vec::new(),
            bundle_of: BundleMap::default(),
            plans: Vec::new(),
            plan_of: HashMap::new(),
            sparse: SparseSets::default(),
            watchers: Watchers::default(),
            recent_inserts: Recent::default(),
            recent_removals: Recent::default(),
            tick: AtomicU32::new(1),
            removed: Vec::new(),
            removal_capacity: REMOVAL_CAPACITY,
            resources: Resources::default(),
            dynamic: erased::DynamicBundles::default(),
            data: crate::dynamic::DataState::default(),
            serial: next_serial(),
        };
        // Table 0 has no components: reserved entities arrive there.
        world.table_for(Box::default());
        world
    }

    // --- entities -------------------------------------------------------------------------------------------------

    /// How many entities are alive. Reserved ones count once they are flushed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether no entity is alive.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `entity` is alive in this world.
    #[must_use]
    pub fn contains(&self, entity: Entity) -> bool {
        self.entities.get(entity).is_some()
    }

    /// The live entity whose [`index`](Entity::index) is `index`.
    #[must_use]
    pub fn entity_at(&self, index: u32) -> Option<Entity> {
        self.entities.at(index)
    }

    /// All live entities, table by table.
    pub fn entities(&self) -> impl Iterator<Item = Entity> + '_ {
        self.tables
            .iter()
            .flat_map(|table| table.entities().iter().copied())
    }

    /// The tag that this world's entities carry.
    #[must_use]
    pub fn tag(&self) -> u16 {
        self.entities.tag()
    }

    /// Takes an entity's id through a shared reference; any number of threads may do so at once.
    ///
    /// The entity comes alive, without components, at the next structural change or [`flush`](Self::flush).
    ///
    /// # Panics
    /// If there are 2³² − 1 slots already.
    #[must_use]
    pub fn reserve(&self) -> Entity {
        self.entities.reserve()
    }

    /// Brings reserved entities to life.
    #[inline]
    pub fn flush(&mut self) {
        if self.entities.needs_flush() {
            self.flush_reserved();
        }
    }

    /// What every structural change starts with: reserved entities come alive. Returns the tick that writes carry.
    #[inline]
    pub(crate) fn begin(&mut self) -> u32 {
        self.flush();
        self.now()
    }

    #[cold]
    fn flush_reserved(&mut self) {
        let tick = self.now();
        let table = &mut self.tables[0];
        self.entities.flush(|entity| {
            // SAFETY: table 0 has no columns.
            let row = unsafe { table.push(entity, tick) };
            Location {
                table: 0,
                row: row as u32,
            }
        });
    }

    /// Brings to life the ids that systems took by position (see [`Entities::claim`]).
    pub(crate) fn claim_reserved(&mut self, counts: &[u32]) {
        let tick = self.now();
        let table = &mut self.tables[0];
        self.entities.claim(counts, |entity| {
            // SAFETY: table 0 has no columns.
            let row = unsafe { table.push(entity, tick) };
            Location {
                table: 0,
                row: row as u32,
            }
        });
    }

    /// Makes an entity with the components of `bundle`. Amortised constant time.
    ///
    /// # Panics
    /// If the bundle names a component twice, or a limit is reached (2³² − 1 slots, 2²⁸ rows a table, 2²⁰ − 1 tables).
    #[inline]
    pub fn spawn<B: Bundle>(&mut self, bundle: B) -> Entity {
        let tick = self.begin();
        let number = self.bundle::<B>();
        let info = &self.bundles[number as usize];
        let watch = info.watch;
        let table = &mut self.tables[info.table as usize];
        let mut row = 0;
        let entity = self.entities.allocate(|entity| {
            // SAFETY: every column is written below; nothing in between can panic.
            row = unsafe { table.push(entity, tick) };
            Location {
                table: info.table,
                row: row as u32,
            }
        });
        let mut bundle = ManuallyDrop::new(bundle);
        let mut writer = Writer {
            columns: table.columns(),
            map: &info.columns,
            next: 0,
            row,
        };
        // SAFETY: the bundle is whole; its columns are those of `info`, and these fields are not used afterwards.
        unsafe { B::visit(&raw mut *bundle, &mut writer) };
        if B::ASIDE {
            // SAFETY: the other fields are whole, and are not used afterwards.
            unsafe { self.write_aside(entity, &mut bundle, tick) };
        }
        if watch.has(Watch::INSERT) {
            self.tell_spawned(number, &[entity]);
        }
        entity
    }

    /// Makes an entity of each bundle; faster than a loop of [`spawn`](Self::spawn). All are made before this returns.
    ///
    /// If the iterator panics, the entities made so far stay, and watchers are told of them.
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    pub fn spawn_batch<I>(&mut self, bundles: I) -> Vec<Entity>
    where
        I: IntoIterator,
        I::Item: Bundle,
    {
        let tick = self.begin();
        let number = self.bundle::<I::Item>();
        let info = &self.bundles[number as usize];
        let table = &mut self.tables[info.table as usize];
        let bundles = bundles.into_iter();
        let expected = bundles.size_hint().0;
        table.reserve(expected);
        self.entities.reserve_capacity(expected);
        let mut made = Vec::with_capacity(expected);
        let make = || {
            for bundle in bundles {
                let mut row = 0;
                let entity = self.entities.allocate(|entity| {
                    // SAFETY: every column is written below; nothing in between can panic.
                    row = unsafe { table.push(entity, tick) };
                    Location {
                        table: info.table,
                        row: row as u32,
                    }
                });
                let mut bundle = ManuallyDrop::new(bundle);
                let mut writer = Writer {
                    columns: table.columns(),
                    map: &info.columns,
                    next: 0,
                    row,
                };
                // SAFETY: the bundle is whole; its columns are those of `info`, and these fields are not used afterwards.
                unsafe { I::Item::visit(&raw mut *bundle, &mut writer) };
                if I::Item::ASIDE {
                    let sides = Sides {
                        sparse: &mut self.sparse,
                        registry: &self.registry,
                        table,
                    };
                    // SAFETY: the other fields are whole, and are not used afterwards.
                    unsafe { sides.write(entity, row, &mut bundle, tick) };
                }
                made.push(entity);
            }
        };
        if !info.watch.has(Watch::INSERT) {
            make();
            return made;
        }
        // If the iterator panics, watchers are told of what is there before that goes on.
        let result = catch_unwind(AssertUnwindSafe(make));
        if !made.is_empty() {
            self.tell_spawned(number, &made);
        }
        if let Err(panic) = result {
            resume_unwind(panic);
        }
        made
    }

    /// Ends an entity and drops its components. Its children ([`ChildOf`](crate::ChildOf)) and all below them end first, each before its parent; see
    /// [`despawn_keep_children`](Self::despawn_keep_children).
    ///
    /// # Errors
    /// If it is not alive.
    #[inline]
    pub fn despawn(&mut self, entity: Entity) -> Result<(), NoSuchEntity> {
        let tick = self.begin();
        let location = self.entities.get(entity).ok_or(NoSuchEntity)?;
        let table = &self.tables[location.table as usize];
        if table.watch().has(Watch::REMOVE) || table.has_aside() {
            return self.despawn_slowly(entity, location);
        }
        self.despawn_row(entity, location, tick);
        Ok(())
    }

    /// Ends an entity that has columns only, unwatched (or watchers were told).
    #[inline]
    pub(crate) fn despawn_row(&mut self, entity: Entity, location: Location, tick: u32) {
        let table = &mut self.tables[location.table as usize];
        self.entities.release(entity);
        if let Some(moved) = table.detach(location.row as usize) {
            self.entities.relocate(moved, location);
        }
        table
            .despawned_mut()
            .push(entity, tick, self.removal_capacity);
        if table.has_drop() {
            // SAFETY: all columns were doomed just now.
            unsafe { table.drop_detached(0..table.columns().len()) };
        }
    }

    /// Ends all entities. Tables keep their memory.
    ///
    /// Watchers are told first, table by table; what their commands spawn stays.
    pub fn clear(&mut self) {
        self.flush();
        let bare = self.tables[0].len();
        for number in 0..self.tables.len() {
            self.tell_table_despawned(number as u32);
        }
        // Ids that watchers' commands took are to be real before slots are freed.
        self.flush();
        let tick = self.now();
        let _edges = self.clear_relations();
        self.log_aside_despawned(tick);
        self.end_bare(bare, tick);
        for table in &mut self.tables[1..] {
            self.entities.release_rows(table.entities());
            table.log_all(tick, self.removal_capacity);
        }
        let tables = self.tables.iter_mut().skip(1).map(Emptied::Table);
        let sets = self.sparse.iter_mut().map(Emptied::Set);
        ClearRest(tables.chain(sets)).run();
        self.settle();
    }

    /// Ends the first `rows` entities of table 0, which has no columns. What they have apart from columns is gone, or goes with this. Those behind
    /// them stay: they were reserved a moment ago and have nothing.
    pub(crate) fn end_bare(&mut self, rows: usize, tick: u32) {
        let table = &mut self.tables[0];
        let rows = rows.min(table.len());
        let stay = table.entities()[rows..].to_vec();
        let ended = &table.entities()[..rows];
        self.entities.release_rows(ended);
        let ended = ended.to_vec();
        table
            .despawned_mut()
            .extend(&ended, tick, self.removal_capacity);
        table.clear();
        for entity in stay {
            // SAFETY: table 0 has no columns.
            let row = unsafe { table.push(entity, tick) };
            let row = row as u32;
            self.entities.relocate(entity, Location { table: 0, row });
        }
    }

    // --- components -----------------------------------------------------------------------------------------------

    /// Gives the components of `bundle` to an entity; those it has already are replaced.
    ///
    /// A component that is new counts as added and changed, a replaced one as changed; the others as neither.
    ///
    /// # Errors
    /// If the entity is not alive; the bundle is dropped.
    ///
    /// # Panics
    /// If the bundle names a component twice, or a limit is reached.
    #[inline]
    pub fn insert<B: Bundle>(&mut self, entity: Entity, bundle: B) -> Result<(), NoSuchEntity> {
        let tick = self.begin();
        let location = self.entities.get(entity).ok_or(NoSuchEntity)?;
        let plan = match self.recent_inserts.get::<B>(location.table) {
            Some(plan) => plan,
            None => self.find_insert::<B>(location.table),
        };
        if self.plans[plan as usize].slow {
            return self.insert_slowly(entity, location, plan, bundle);
        }
        let mut bundle = ManuallyDrop::new(bundle);
        // SAFETY: the bundle is whole; afterwards its fields hold moved-out values, or old ones that are dropped.
        let old = unsafe { self.insert_row(location, plan, &mut bundle, tick) };
        if B::ASIDE {
            // SAFETY: the other fields are whole; they are not used afterwards, but for what is dropped here.
            let older = unsafe { self.write_aside(entity, &mut bundle, tick) };
            // If one panics, the unwinding drops the others.
            older.finish();
        }
        old.finish();
        Ok(())
    }

    /// Moves the entity at `location` and writes the fields of a bundle that are columns. Returns the values they take the place of, to be dropped.
    ///
    /// # Safety
    /// The plan is for the entity's table and the bundle, which is whole. Afterwards its fields of columns are moved out, or old values that the
    /// result drops: the bundle outlives it and is not dropped itself.
    #[inline(always)]
    pub(crate) unsafe fn insert_row<B: Bundle>(
        &mut self,
        location: Location,
        plan: u32,
        bundle: &mut ManuallyDrop<B>,
        tick: u32,
    ) -> OldValues {
        let plan = &self.plans[plan as usize];
        let (row, table) = if plan.table == location.table {
            (
                location.row as usize,
                &mut self.tables[location.table as usize],
            )
        } else {
            let tables = &mut self.tables;
            // SAFETY: the plan is for the entity's table, and the new columns are written below.
            unsafe { shift(tables, &mut self.entities, location, plan, tick) }
        };
        let old = OldValues(Vec::new());
        if !plan.replaces_any {
            let mut writer = Writer {
                columns: table.columns(),
                map: &plan.write,
                next: 0,
                row,
            };
            // SAFETY: the bundle is whole; its columns are those of the plan, and these fields are not used afterwards.
            unsafe { B::visit(&raw mut **bundle, &mut writer) };
            return old;
        }
        let mut exchange = Exchange {
            table,
            plan,
            next: 0,
            row,
            tick,
            old,
        };
        // SAFETY: the bundle is whole and its columns are those of the plan. Afterwards its fields hold moved-out values, or
        // old ones that `exchange.old` drops.
        unsafe { B::visit(&raw mut **bundle, &mut exchange) };
        exchange.old
    }

    /// Takes the components of `B` from an entity and drops them. Those it lacks are passed over.
    ///
    /// # Errors
    /// If the entity is not alive.
    #[inline]
    pub fn remove<B: Bundle>(&mut self, entity: Entity) -> Result<(), NoSuchEntity> {
        let tick = self.begin();
        let location = self.entities.get(entity).ok_or(NoSuchEntity)?;
        let plan = match self.recent_removals.get::<B>(location.table) {
            Some(plan) => plan,
            None => self.find_removal::<B>(location.table),
        };
        if B::ASIDE || self.plans[plan as usize].slow {
            let number = self.bundle::<B>();
            self.remove_slowly(entity, location, number, plan);
        } else {
            self.carry_out(entity, location, plan, tick, false);
        }
        Ok(())
    }

    /// Takes the components of `B` from an entity and returns them.
    ///
    /// ```
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component, Debug, PartialEq)] struct Name(String);
    /// # #[derive(Component, Debug, PartialEq)] struct Age(u8);
    /// let mut world = World::new();
    /// let entity = world.spawn((Name("Ann".into()), Age(7)));
    /// assert_eq!(world.take::<Name>(entity), Ok(Name("Ann".into())));
    /// assert!(world.take::<(Name, Age)>(entity).is_err(), "nothing is taken unless all can be");
    /// assert_eq!(world.get(entity), Some(&Age(7)));
    /// ```
    ///
    /// # Errors
    /// If the entity is not alive, or lacks one of them; then nothing is taken.
    pub fn take<B: Bundle>(&mut self, entity: Entity) -> Result<B, ComponentError> {
        self.flush();
        let location = self.entities.get(entity).ok_or(NoSuchEntity)?;
        let number = self.bundle::<B>();
        let info = &self.bundles[number as usize];
        for &id in info.ids.iter().chain(&info.aside) {
            if !self.has_at(entity, location, id) {
                return Err(MissingComponent(self.registry.info(id).name).into());
            }
        }
        if info.watch.has(Watch::REMOVE) {
            // Told before the values are copied: a watcher may still write them.
            let (ids, aside) = (info.ids.clone(), info.aside.clone());
            self.tell_removed(Cause::Remove, &[entity], location, &ids, &aside);
        }
        let mut taken = MaybeUninit::<B>::uninit();
        let mut reader = Reader {
            world: self,
            table: &self.tables[location.table as usize],
            ids: &self.bundles[number as usize].ids,
            next: 0,
            entity,
            row: location.row as usize,
        };
        // SAFETY: the visitor writes every field of some size; the entity has each component, as checked.
        unsafe { B::visit(taken.as_mut_ptr(), &mut reader) };
        // The values were moved out.
        let _ = self.detach_aside(entity, location, number);
        self.remove_by_plan(entity, location, number, true);
        self.settle();
        // SAFETY: `Bundle::visit` showed every component, so every field was written.
        Ok(unsafe { taken.assume_init() })
    }

    /// With `moved_out`, the caller has read the removed values already.
    fn remove_by_plan(&mut self, entity: Entity, location: Location, bundle: u32, moved_out: bool) {
        let tick = self.now();
        let plan = self.plan(location.table, bundle, false);
        self.carry_out(entity, location, plan, tick, moved_out);
    }

    /// Removes by plan number `plan`, which is one for the entity's table. Not generic: one copy for all bundles.
    #[inline(never)]
    pub(crate) fn carry_out(
        &mut self,
        entity: Entity,
        location: Location,
        plan: u32,
        tick: u32,
        moved_out: bool,
    ) {
        let plan = &self.plans[plan as usize];
        if plan.table == location.table {
            return;
        }
        let (source, target) = pair(&mut self.tables, location.table, plan.table);
        let (row, slots) = (location.row as usize, &mut self.entities);
        // SAFETY: the plan is for these tables, the row is in use, and a removal leaves no column unwritten.
        unsafe { source.move_row(row, target, plan, tick, moved_out, slots) };
        for &id in &plan.lost {
            self.removed[id.index()].push(entity, tick, self.removal_capacity);
        }
        if plan.drops && !moved_out {
            // SAFETY: the columns gone were doomed just now.
            unsafe { source.drop_detached(plan.gone.iter().map(|&number| number as usize)) };
        }
    }

    #[cold]
    fn find_insert<B: Bundle>(&mut self, source: u32) -> u32 {
        let number = self.bundle::<B>();
        let plan = self.plan(source, number, true);
        self.recent_inserts.set::<B>(source, plan);
        plan
    }

    #[cold]
    fn find_removal<B: Bundle>(&mut self, source: u32) -> u32 {
        let number = self.bundle::<B>();
        let plan = self.plan(source, number, false);
        self.recent_removals.set::<B>(source, plan);
        plan
    }

    /// Whether an entity is alive and has `T`.
    #[must_use]
    pub fn has<T: Component>(&self, entity: Entity) -> bool {
        self.entities
            .get(entity)
            .zip(self.registry.id::<T>())
            .is_some_and(|(location, id)| self.has_at(entity, location, id))
    }

    /// A component of an entity; `None` if the entity is not alive or lacks it.
    #[inline]
    #[must_use]
    pub fn get<T: Component>(&self, entity: Entity) -> Option<&T> {
        let id = self.registry.id::<T>()?;
        if !matches!(T::STORAGE, Storage::Table) {
            let (column, row) = self.cell_aside(entity, id)?;
            // SAFETY: the column is of `T` (its id), the row is in use or of no size, and `&self` excludes writers.
            return Some(unsafe { &*column.at(row).cast::<T>() });
        }
        let place = self.entities.find(entity)?;
        // One that is not alive is in no table.
        let column = self.tables.get(place.table)?.column(id)?;
        // SAFETY: the column is of `T` (its id) and the row is in use.
        let value = unsafe { column.value::<T>(place.row) };
        // SAFETY: the value is initialised, and `&self` excludes writers.
        Some(unsafe { value.as_ref() })
    }

    /// A component of an entity, for writing; marks it as changed.
    #[inline]
    #[must_use]
    pub fn get_mut<T: Component>(&mut self, entity: Entity) -> Option<&mut T> {
        const { assert!(T::MUTABLE, "the component is immutable: insert it anew") };
        let tick = self.now();
        let id = self.registry.id::<T>()?;
        if !matches!(T::STORAGE, Storage::Table) {
            let value = self.cell_aside_mut(entity, id, tick)?.cast::<T>();
            // SAFETY: the value is a `T` (its id), and `&mut self` excludes everyone else.
            return Some(unsafe { &mut *value });
        }
        let place = self.entities.find(entity)?;
        // One that is not alive is in no table.
        let column = self.tables.get_mut(place.table)?.column_mut(id)?;
        if !matches!(T::TRACK, crate::Track::None) {
            // SAFETY: `&mut self` is exclusive access.
            unsafe { column.mark(place.row, tick) };
        }
        // SAFETY: the column is of `T` (its id) and the row is in use.
        let mut value = unsafe { column.value::<T>(place.row) };
        // SAFETY: the value is initialised, and `&mut self` excludes everyone else.
        Some(unsafe { value.as_mut() })
    }

    /// Makes `T` known to this world and returns its number. Spawning and inserting do so by themselves.
    ///
    /// # Panics
    /// If another type of the same name is known already.
    pub fn register<T: Component>(&mut self) -> ComponentId {
        let id = self.registry.register::<T>();
        self.grow_component_tables();
        id
    }

    /// The components this world knows, by number.
    pub fn components(&self) -> impl Iterator<Item = &ComponentInfo> {
        self.registry
            .infos()
            .iter()
            .filter(|info| !info.is_vacant())
    }

    /// The component with a stable name.
    #[must_use]
    pub fn component_named(&self, name: &str) -> Option<&ComponentInfo> {
        self.registry.named(name).map(|id| self.registry.info(id))
    }

    // --- change ---------------------------------------------------------------------------------------------------

    /// The present moment, for asking later what was written since. Closes the open tick: all later writes are newer.
    ///
    /// ```
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component)] struct Speed(f32);
    /// let mut world = World::new();
    /// let car = world.spawn(Speed(1.0));
    /// world.spawn(Speed(2.0));
    /// let seen = world.change_tick();
    /// world.get_mut::<Speed>(car).unwrap().0 = 3.0;
    /// let rows: usize = world.tables::<&Speed>().flat_map(|t| t.changed_rows::<Speed>(seen)).map(|r| r.len()).sum();
    /// assert_eq!(rows, 1);
    /// ```
    pub fn change_tick(&self) -> ChangeTick {
        // Relaxed: the number guards no memory; writers need `&mut World` or are ordered by a schedule.
        let open = self.tick.load(Ordering::Relaxed);
        if open == u32::MAX {
            // Nothing was written for 16 million closings: readers see everything, which is never wrong.
            return ChangeTick::NEVER;
        }
        ChangeTick(self.tick.fetch_add(1, Ordering::Relaxed))
    }

    /// The tick that writes carry now.
    #[inline]
    pub(crate) fn now(&mut self) -> u32 {
        let open = *self.tick.get_mut();
        if open >= REBASE_AT {
            self.rebase()
        } else {
            open
        }
    }

    #[cold]
    fn rebase(&mut self) -> u32 {
        for table in &mut self.tables {
            table.rebase();
        }
        for set in self.sparse.iter_mut() {
            set.dense_mut().rebase();
        }
        for log in &mut self.removed {
            log.rebase();
        }
        self.resources.rebase();
        *self.tick.get_mut() = 2;
        2
    }

    /// Takes `count` ticks in a row, for as many writers, and closes them; returns the first.
    #[inline]
    pub(crate) fn take_ticks(&mut self, count: u32) -> u32 {
        let first = self.now();
        *self.tick.get_mut() = first + count;
        first
    }

    /// The open tick, seen through a shared reference.
    #[inline]
    pub(crate) fn open_tick(&self) -> u32 {
        self.tick.load(Ordering::Relaxed)
    }

    /// Entities that lost `T`, by removal or despawn, after `since`. See [`Removed`] for order and completeness.
    ///
    /// Each log keeps at least the last 65,536 entries ([`set_removal_capacity`](Self::set_removal_capacity)): one log for each component's
    /// removals, one for each table's despawns. Components with [`Track::None`](crate::Track::None) are not logged.
    #[must_use]
    pub fn removed<T: Component>(&self, since: ChangeTick) -> Removed<'_> {
        const {
            assert!(
                !matches!(T::TRACK, crate::Track::None),
                "the component is not tracked"
            )
        };
        let since = since.before(self.open_tick());
        let Some(id) = self.registry.id::<T>() else {
            return Removed {
                entities: Box::new(core::iter::empty()),
                complete: true,
            };
        };
        let logs = || {
            let tables = self
                .tables
                .iter()
                .filter(move |table| table.column_index(id).is_some());
            tables
                .map(Table::despawned)
                .chain(self.removed.get(id.index()))
        };
        Removed {
            complete: logs().all(|log| log.reaches(since)),
            entities: Box::new(logs().flat_map(move |log| log.since(since))),
        }
    }

    /// How many entries each removal log keeps from now on.
    pub fn set_removal_capacity(&mut self, entries: usize) {
        self.removal_capacity = entries;
    }

    // --- tables and plans -----------------------------------------------------------------------------------------

    fn grow_component_tables(&mut self) {
        while let Some(id) = self.registry.take_fresh() {
            let known = self.registry.infos().len();
            if self.tables_with.len() < known {
                self.tables_with.resize_with(known, BitSet::default);
                self.removed.resize_with(known, RemovalLog::default);
            }
            if id.generation() > 0 {
                // Queries may know of the number that it has no component.
                self.epoch += 1;
            }
            self.add_aside(id);
        }
    }

    /// The table of exactly these components, sorted; made if need be.
    fn table_for(&mut self, components: Box<[ComponentId]>) -> u32 {
        if let Some(&table) = self.table_of.get(&components) {
            return table;
        }
        let (number, generation) = match self.vacant_tables.pop() {
            // Lists of tables that were made before do not know of the new one.
            Some(id) => {
                self.epoch += 1;
                (id.0 as usize, id.1 + 1)
            }
            None => (self.tables.len(), 0),
        };
        assert!(
            number < TABLE_LIMIT,
            "a world holds at most {TABLE_LIMIT} tables"
        );
        let number = number as u32;
        let mut table = Table::new(TableId(number, generation), &components, &self.registry);
        table.set_watch(self.watch_of(&components).with(self.watch_of_aside()));
        match self.tables.get_mut(number as usize) {
            Some(place) => *place = table,
            None => self.tables.push(table),
        }
        for id in &components {
            self.tables_with[id.index()].insert(number as usize);
        }
        self.table_of.insert(components, number);
        number
    }

    #[inline]
    pub(crate) fn bundle<B: Bundle>(&mut self) -> u32 {
        match self.bundle_of.get(TypeId::of::<B>()) {
            Some(number) => number,
            None => self.add_bundle(TypeId::of::<B>(), B::components),
        }
    }

    /// The number of a bundle that was used before.
    pub(crate) fn known_bundle<B: Bundle>(&mut self) -> Option<u32> {
        self.bundle_of.get(TypeId::of::<B>())
    }

    #[cold]
    fn add_bundle(&mut self, type_id: TypeId, list: fn(&mut ComponentList<'_>)) -> u32 {
        let mut found = ComponentList {
            registry: &mut self.registry,
            ids: Vec::new(),
        };
        list(&mut found);
        let ids = found.ids;
        self.grow_component_tables();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            panic!(
                "the bundle has component {} twice",
                self.registry.info(twice[0]).name
            );
        }
        let number = self.push_bundle(&ids);
        self.bundle_of.insert(type_id, number);
        number
    }

    /// Adds a bundle of different components, in order.
    pub(crate) fn push_bundle(&mut self, all: &[ComponentId]) -> u32 {
        let in_tables = |&id: &ComponentId| self.registry.info(id).storage == Storage::Table;
        let (ids, aside): (Vec<_>, Vec<_>) = all.iter().partition(|&id| in_tables(id));
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        let table = self.table_for(sorted.into());
        let number = self.bundles.len() as u32;
        self.bundles.push(BundleInfo {
            columns: self.columns_in(table, &ids),
            watch: self.watch_of(all),
            ids: ids.into(),
            aside: aside.into(),
            table,
            last_insert: (u32::MAX, 0),
            last_remove: (u32::MAX, 0),
        });
        number
    }

    fn columns_in(&self, table: u32, ids: &[ComponentId]) -> Box<[u16]> {
        let table = &self.tables[table as usize];
        ids.iter()
            .filter_map(|&id| table.column_index(id))
            .map(|number| number as u16)
            .collect()
    }

    #[inline]
    pub(crate) fn plan(&mut self, source: u32, bundle: u32, insert: bool) -> u32 {
        let info = &self.bundles[bundle as usize];
        let (last, plan) = if insert {
            info.last_insert
        } else {
            info.last_remove
        };
        if last == source {
            plan
        } else {
            self.find_plan(PlanKey {
                source,
                bundle,
                insert,
            })
        }
    }

    #[cold]
    fn find_plan(&mut self, key: PlanKey) -> u32 {
        let number = match self.plan_of.get(&key) {
            Some(&number) => number,
            None => {
                let plan = self.make_plan(key);
                let number = self.plans.len() as u32;
                self.plans.push(plan);
                self.plan_of.insert(key, number);
                number
            }
        };
        let info = &mut self.bundles[key.bundle as usize];
        *(if key.insert {
            &mut info.last_insert
        } else {
            &mut info.last_remove
        }) = (key.source, number);
        number
    }

    /// Whether somebody watches what the move does.
    fn is_slow(&self, key: PlanKey) -> bool {
        let watch = self.bundles[key.bundle as usize].watch;
        watch.has(Watch::REMOVE) || key.insert && watch.any()
    }

    /// Tells plans what is watched of their bundles.
    pub(crate) fn refresh_plans(&mut self) {
        for (&key, &number) in &self.plan_of {
            self.plans[number as usize].slow = self.is_slow(key);
        }
    }

    fn make_plan(&mut self, key: PlanKey) -> MovePlan {
        let bundle = self.bundles[key.bundle as usize].ids.clone();
        let mut components: Vec<_> = self.tables[key.source as usize].components().collect();
        if key.insert {
            components.extend(&bundle);
            components.sort_unstable();
            components.dedup();
        } else {
            components.retain(|id| !bundle.contains(id));
        }
        let table = self.table_for(components.into());
        let (source, target) = (
            &self.tables[key.source as usize],
            &self.tables[table as usize],
        );
        let written: &[ComponentId] = if key.insert { &bundle } else { &[] };
        let replaces: Box<[bool]> = written
            .iter()
            .map(|&id| source.column_index(id).is_some())
            .collect();
        let mut plan = MovePlan::between(source, target);
        plan.write = written
            .iter()
            .filter_map(|&id| target.column_index(id))
            .map(|number| number as u16)
            .collect();
        plan.slow = self.is_slow(key);
        plan.replaces_any = replaces.contains(&true);
        plan.replaces = replaces;
        plan
    }
}

impl ChangeTick {
    /// The tick as a lower bound, given the open tick: one from before a rebase reads as "never".
    #[inline]
    pub(crate) fn before(self, open: u32) -> u32 {
        if self.0 < open { self.0 } else { 0 }
    }
}

/// What `clear` empties.
enum Emptied<'a> {
    Table(&'a mut Table),
    Set(&'a mut crate::sparse::SparseSet),
}

/// Clears tables and sets, and goes on with the next if a `drop` panics.
struct ClearRest<'a, I: Iterator<Item = Emptied<'a>>>(I);

impl<'a, I: Iterator<Item = Emptied<'a>>> ClearRest<'a, I> {
    fn run(&mut self) {
        for emptied in self.0.by_ref() {
            match emptied {
                Emptied::Table(table) => table.clear(),
                Emptied::Set(set) => set.clear(),
            }
        }
    }
}

impl<'a, I: Iterator<Item = Emptied<'a>>> Drop for ClearRest<'a, I> {
    fn drop(&mut self) {
        self.run();
    }
}

fn next_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn pair(tables: &mut [Table], source: u32, target: u32) -> (&mut Table, &mut Table) {
    match tables.get_disjoint_mut([source as usize, target as usize]) {
        Ok([source, target]) => (source, target),
        Err(_) => unreachable!("a plan's tables exist and differ"),
    }
}

/// Moves the row at `location` by `plan`. Returns the new row and its table. Not generic: one copy for all bundles.
///
/// # Safety
/// `location` is a live entity's, `plan` leads from that table to another one, and the caller writes the columns that are new to the row
/// before anyone reads them.
#[inline(never)]
pub(crate) unsafe fn shift<'a>(
    tables: &'a mut [Table],
    slots: &mut Entities,
    location: Location,
    plan: &MovePlan,
    tick: u32,
) -> (usize, &'a mut Table) {
    let (source, target) = pair(tables, location.table, plan.table);
    let row = location.row as usize;
    // SAFETY: as the caller promises.
    let row = unsafe { source.move_row(row, target, plan, tick, false, slots) };
    (row, target)
}

/// Moves a bundle's fields into a fresh row.
pub(crate) struct Writer<'a> {
    pub(crate) columns: &'a [Column],
    pub(crate) map: &'a [u16],
    pub(crate) next: usize,
    pub(crate) row: usize,
}

impl FieldVisitor for Writer<'_> {
    #[inline]
    unsafe fn field<T: Component>(&mut self, value: *mut T) {
        if !matches!(T::STORAGE, Storage::Table) {
            return;
        }
        let column = &self.columns[self.map[self.next] as usize];
        self.next += 1;
        let to = column.base().cast::<T>().wrapping_add(self.row);
        // SAFETY: the map gives the column of this field, which is a T; the row is within the capacity and unwritten.
        unsafe { ptr::copy_nonoverlapping(value, to, 1) };
    }
}

/// Moves the fields of many bundles of one type into fresh rows: as [`Writer`], but the columns are looked up once.
pub(crate) struct RowsWriter {
    /// First row of each field's column.
    bases: [*mut u8; Self::FIELDS],
    next: usize,
    pub(crate) row: usize,
}

impl RowsWriter {
    /// A bundle of more components is written by [`Writer`].
    const FIELDS: usize = 16;

    /// For bundles whose fields lie in the columns that `map` names, if they are not too many.
    pub(crate) fn new(columns: &[Column], map: &[u16], row: usize) -> Option<Self> {
        let mut bases = [ptr::null_mut(); Self::FIELDS];
        for (base, &number) in bases.get_mut(..map.len())?.iter_mut().zip(map) {
            *base = columns[number as usize].base();
        }
        Some(Self {
            bases,
            next: 0,
            row,
        })
    }

    /// The next bundle goes to the next row.
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.next = 0;
        self.row += 1;
    }
}

impl FieldVisitor for RowsWriter {
    #[inline]
    unsafe fn field<T: Component>(&mut self, value: *mut T) {
        let to = self.bases[self.next].cast::<T>().wrapping_add(self.row);
        self.next += 1;
        // SAFETY: the base is that of this field's column, which is a T's; the row is within the capacity and unwritten.
        unsafe { ptr::copy_nonoverlapping(value, to, 1) };
    }
}

/// Moves a bundle's fields into a row; values that were there before come back.
struct Exchange<'a> {
    table: &'a mut Table,
    plan: &'a MovePlan,
    next: usize,
    row: usize,
    tick: u32,
    old: OldValues,
}

impl FieldVisitor for Exchange<'_> {
    #[inline]
    unsafe fn field<T: Component>(&mut self, value: *mut T) {
        if !matches!(T::STORAGE, Storage::Table) {
            return;
        }
        let (number, replaces) = (self.plan.write[self.next], self.plan.replaces[self.next]);
        self.next += 1;
        let column = self.table.column_number_mut(number as usize);
        let to = column.base().cast::<T>().wrapping_add(self.row);
        if !replaces {
            // SAFETY: the plan gives the column of this field, which is a T; the row is in bounds and unwritten.
            unsafe { ptr::copy_nonoverlapping(value, to, 1) };
            return;
        }
        column.mark_mut(self.row, self.tick);
        // SAFETY: both are initialised values of T, and apart.
        unsafe { ptr::swap_nonoverlapping(value, to, 1) };
        if let Some(drop) = crate::column::drop_fn::<T>() {
            self.old.0.push((value.cast::<u8>(), drop));
        }
    }
}

/// Replaced values, dropped once the world is whole again. If one panics the others are still dropped.
pub(crate) struct OldValues(Vec<(*mut u8, DropFn)>);

impl OldValues {
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a value that lies in a bundle which outlives this and is not dropped itself.
    pub(crate) fn push(&mut self, value: *mut u8, drop: DropFn) {
        self.0.push((value, drop));
    }

    /// Drops them.
    pub(crate) fn finish(mut self) {
        self.run();
    }

    fn run(&mut self) {
        while let Some((value, drop)) = self.0.pop() {
            // SAFETY: the pointer is to a value in the bundle, which outlives this and is not dropped itself.
            unsafe { drop(value, 1) };
        }
    }
}

impl Drop for OldValues {
    fn drop(&mut self) {
        self.run();
    }
}

/// Copies components out of an entity.
struct Reader<'a> {
    world: &'a World,
    table: &'a Table,
    ids: &'a [ComponentId],
    next: usize,
    entity: Entity,
    row: usize,
}

impl FieldVisitor for Reader<'_> {
    #[inline]
    unsafe fn field<T: Component>(&mut self, value: *mut T) {
        let (column, row) = match T::STORAGE {
            Storage::Table => {
                let id = self.ids[self.next];
                self.next += 1;
                (self.table.column(id), self.row)
            }
            Storage::Sparse => {
                let id = self.world.registry.id::<T>();
                match id.and_then(|id| self.world.cell_aside(self.entity, id)) {
                    Some((column, row)) => (Some(column), row),
                    None => (None, 0),
                }
            }
            // No bytes to copy.
            Storage::Tag => (None, 0),
        };
        if let Some(column) = column {
            let from = column.base().cast::<T>().wrapping_add(row);
            // SAFETY: the column is a T's, the row is in use; the caller forgets the original.
            unsafe { ptr::copy_nonoverlapping(from, value, 1) };
        }
    }
}
