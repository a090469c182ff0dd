//! Structural operations on what is not in columns (sparse components and tags), and the paths of the typed operations that watchers
//! and such components take.
//!
//! Invariants:
//! 1. Only live entities are in a sparse set or have a tag bit; their tables say `has_aside`.
//! 2. A value detached from a set is dropped or forgotten before the set is touched again.
#![expect(unsafe_code, reason = "moves values into sparse sets")]

use core::mem::ManuallyDrop;
use core::ptr;

use crate::bundle::{Bundle, FieldVisitor};
use crate::column::Column;
use crate::component::{Component, ComponentId, Registry, Storage};
use crate::entities::Location;
use crate::entity::Entity;
use crate::error::NoSuchEntity;
use crate::sparse::{SparseSet, SparseSets};
use crate::table::{Table, TableId};
use crate::watch::{Cause, Watch};
use crate::world::{OldValues, World};

/// The parts of a world where fields of a bundle go that are not columns.
pub(crate) struct Sides<'a> {
    pub(crate) sparse: &'a mut SparseSets,
    pub(crate) registry: &'a Registry,
    pub(crate) table: &'a mut Table,
}

impl Sides<'_> {
    /// Moves the fields of a bundle that are not columns. Returns the values they take the place of, to be dropped.
    ///
    /// # Safety
    /// These fields are whole. Afterwards they are moved out, or old values that the result drops: the bundle outlives it and is not
    /// dropped itself.
    pub(crate) unsafe fn write<B: Bundle>(
        self,
        entity: Entity,
        row: usize,
        bundle: &mut ManuallyDrop<B>,
        tick: u32,
    ) -> OldValues {
        let mut sideways = Sideways {
            sides: self,
            entity,
            row,
            tick,
            old: OldValues::none(),
        };
        // SAFETY: as the caller promises.
        unsafe { B::visit(&raw mut **bundle, &mut sideways) };
        sideways.old
    }
}

/// Moves fields into sparse sets and tags.
struct Sideways<'a> {
    sides: Sides<'a>,
    entity: Entity,
    row: usize,
    tick: u32,
    old: OldValues,
}

impl FieldVisitor for Sideways<'_> {
    unsafe fn field<T: Component>(&mut self, value: *mut T) {
        let Some(id) = self.sides.registry.id::<T>() else {
            return;
        };
        let info = self.sides.registry.info(id);
        match T::STORAGE {
            Storage::Table => {}
            Storage::Tag => {
                self.sides.table.tags_mut().set(info, self.row, self.tick);
            }
            Storage::Sparse => {
                self.sides.table.set_aside();
                let Some(set) = self.sides.sparse.get_mut(id) else {
                    unreachable!("a sparse component that is known has a set")
                };
                if let Some(row) = set.row(self.entity) {
                    let column = set.dense_mut().column_number_mut(0);
                    column.mark_mut(row, self.tick);
                    let to = column.at(row).cast::<T>();
                    // SAFETY: both are initialised values of T, and apart.
                    unsafe { ptr::swap_nonoverlapping(value, to, 1) };
                    if let Some(drop) = crate::column::drop_fn::<T>() {
                        self.old.push(value.cast::<u8>(), drop);
                    }
                } else {
                    // SAFETY: the value is written below.
                    let row = unsafe { set.push(self.entity, self.tick) };
                    let to = set.column().at(row).cast::<T>();
                    // SAFETY: the set's column is of T (its id); the row is in bounds and unwritten.
                    unsafe { ptr::copy_nonoverlapping(value, to, 1) };
                }
            }
        }
    }
}

/// Values taken out of sparse sets: dropped with this, each even if another's `drop` panics.
pub(crate) struct Detached<'w> {
    sets: &'w SparseSets,
    ids: Vec<ComponentId>,
}

impl Detached<'_> {
    fn run(&mut self) {
        while let Some(id) = self.ids.pop() {
            if let Some(set) = self.sets.get(id) {
                // SAFETY: the value was detached just before this was made, which borrows the sets (invariant 2).
                unsafe { set.drop_detached() };
            }
        }
    }
}

impl Drop for Detached<'_> {
    fn drop(&mut self) {
        if self.ids.is_empty() {
            return;
        }
        // If a drop panics, the rest goes on in the unwinding.
        struct Rest<'a, 'w>(&'a mut Detached<'w>);
        impl Drop for Rest<'_, '_> {
            fn drop(&mut self) {
                self.0.run();
            }
        }
        Rest(self).0.run();
    }
}

impl World {
    /// Takes a new component in: its set, if it is sparse, and its hooks.
    pub(crate) fn add_aside(&mut self, id: ComponentId) {
        let info = self.registry.info(id);
        let (storage, hooks) = (info.storage, info.hooks);
        if storage == Storage::Sparse {
            self.sparse.add(id, &self.registry);
        }
        self.watchers.register(id, hooks);
        if storage != Storage::Table && hooks.remove.is_some() {
            self.refresh_watch();
        }
    }

    /// As [`Sides::write`] for a spawned or moved entity; values replaced are dropped.
    ///
    /// # Safety
    /// The fields that are not columns are whole, and are not used afterwards.
    pub(crate) unsafe fn write_aside<B: Bundle>(
        &mut self,
        entity: Entity,
        bundle: &mut ManuallyDrop<B>,
        tick: u32,
    ) -> OldValues {
        let Some(location) = self.entities.get(entity) else {
            return OldValues::none();
        };
        let sides = Sides {
            sparse: &mut self.sparse,
            registry: &self.registry,
            table: &mut self.tables[location.table as usize],
        };
        // SAFETY: as the caller promises.
        unsafe { sides.write(entity, location.row as usize, bundle, tick) }
    }

    /// Tells of entities that were spawned with a bundle: the last rows of its table.
    #[cold]
    pub(crate) fn tell_spawned(&mut self, number: u32, entities: &[Entity]) {
        let info = &self.bundles[number as usize];
        let start = self.tables[info.table as usize].len() - entities.len();
        let location = Location {
            table: info.table,
            row: start as u32,
        };
        let ids: Vec<_> = info.ids.iter().chain(&info.aside).copied().collect();
        self.tell_each(Watch::INSERT, Cause::Spawn, &ids, entities, location);
        self.settle();
    }

    /// Insertion of what is watched, or is not in columns.
    #[inline(never)]
    pub(crate) fn insert_slowly<B: Bundle>(
        &mut self,
        entity: Entity,
        location: Location,
        plan: u32,
        bundle: B,
    ) -> Result<(), NoSuchEntity> {
        let number = self.bundle::<B>();
        let info = &self.bundles[number as usize];
        let (watch, ids, aside) = (info.watch, info.ids.clone(), info.aside.clone());
        let mut had = Vec::new();
        if watch.any() {
            had = self.tell_replaced(entity, location, &ids, &aside);
        }
        let tick = self.now();
        let mut bundle = ManuallyDrop::new(bundle);
        // SAFETY: the bundle is whole; its fields of columns are not used afterwards, but for what `old` drops.
        let old = unsafe { self.insert_row(location, plan, &mut bundle, tick) };
        // SAFETY: the other fields are whole; they are not used afterwards, but for what `older` drops.
        let older = unsafe { self.write_aside(entity, &mut bundle, tick) };
        if watch.has(Watch::INSERT) {
            self.tell_inserted(entity, &ids, &aside, &had);
        }
        // Last, so that a panic here keeps nothing from the watchers. If one panics, the unwinding drops the others.
        older.finish();
        old.finish();
        self.settle();
        Ok(())
    }

    /// Removal of what is watched, or is not in columns. `plan` is that of the bundle's removal.
    pub(crate) fn remove_slowly(
        &mut self,
        entity: Entity,
        location: Location,
        number: u32,
        plan: u32,
    ) {
        let watched = self.plans[plan as usize].slow;
        if watched {
            let info = &self.bundles[number as usize];
            let (ids, aside) = (info.ids.clone(), info.aside.clone());
            self.tell_removed(Cause::Remove, &[entity], location, &ids, &aside);
        }
        let ids = self.detach_aside(entity, location, number);
        let tick = self.now();
        if ids.is_empty() {
            self.carry_out(entity, location, plan, tick, false);
        } else {
            let pending = Pending { world: self, ids };
            pending.world.carry_out(entity, location, plan, tick, false);
        }
        if watched {
            self.settle();
        }
    }

    /// Takes those components of a bundle from an entity that are not in columns. Returns those whose values are to be dropped or forgotten
    /// before the sets are touched again ([`drop_detached`](Self::drop_detached)).
    pub(crate) fn detach_aside(
        &mut self,
        entity: Entity,
        location: Location,
        number: u32,
    ) -> Vec<ComponentId> {
        let mut gone = Vec::new();
        for at in 0..self.bundles[number as usize].aside.len() {
            let id = self.bundles[number as usize].aside[at];
            self.detach_one(entity, location, id, &mut gone);
        }
        gone
    }

    /// As [`detach_aside`](Self::detach_aside), of any components that are not in columns.
    pub(crate) fn detach_ids(
        &mut self,
        entity: Entity,
        location: Location,
        ids: &[ComponentId],
    ) -> Vec<ComponentId> {
        let mut gone = Vec::new();
        for &id in ids {
            self.detach_one(entity, location, id, &mut gone);
        }
        gone
    }

    #[inline]
    fn detach_one(
        &mut self,
        entity: Entity,
        location: Location,
        id: ComponentId,
        gone: &mut Vec<ComponentId>,
    ) {
        let tracked;
        if let Some(set) = self.sparse.get_mut(id) {
            if !set.detach(entity) {
                return;
            }
            tracked = set.column().is_tracked();
            if set.column().has_drop() {
                gone.push(id);
            }
        } else {
            let tags = self.tables[location.table as usize].tags_mut();
            if !tags.clear(id, location.row as usize) {
                return;
            }
            tracked = self.registry.info(id).is_tracked();
        }
        if tracked {
            let tick = self.now();
            self.removed[id.index()].push(entity, tick, self.removal_capacity);
        }
    }

    /// Drops values that were detached; each, even if another's `drop` panics.
    ///
    /// # Safety
    /// The components are what the last `detach_aside` or `detach_ids` returned, and no set has been touched since (invariant 2).
    pub(crate) unsafe fn drop_detached(&self, ids: Vec<ComponentId>) {
        drop(Detached {
            sets: &self.sparse,
            ids,
        });
    }

    /// Ends an entity that is watched or has more than columns.
    #[inline(never)]
    pub(crate) fn despawn_slowly(
        &mut self,
        entity: Entity,
        location: Location,
    ) -> Result<(), NoSuchEntity> {
        if self.ends_others(entity) {
            self.despawn_with_others(entity);
            return Ok(());
        }
        self.despawn_told(entity, location);
        self.settle();
        Ok(())
    }

    /// Tells watchers that an entity ends, and ends it. The caller settles.
    pub(crate) fn despawn_told(&mut self, entity: Entity, location: Location) {
        if self.tables[location.table as usize]
            .watch()
            .has(Watch::REMOVE)
        {
            self.tell_despawned(&[entity], location);
        }
        // Ids that watchers' commands took are to be real before a slot is freed.
        self.flush();
        self.end_row(entity, location);
    }

    /// Ends an entity, whatever it has; watchers were told, or are not to be.
    pub(crate) fn end_row(&mut self, entity: Entity, location: Location) {
        // Dropped last.
        let _edges = self.end_relations(entity);
        let ids = self.aside_of(entity, location);
        let ids = self.detach_ids(entity, location, &ids);
        let tick = self.now();
        let pending = Pending { world: self, ids };
        pending.world.despawn_row(entity, location, tick);
        drop(pending);
    }

    /// Takes what is not in columns from all entities of a table, which are about to end.
    /// Edges that end with them come back, to be dropped afterwards.
    pub(crate) fn despawn_aside(&mut self, number: u32) -> crate::relation::Doomed {
        let mut edges = crate::relation::Doomed::new();
        for row in 0..self.tables[number as usize].len() {
            let entity = self.tables[number as usize].entities()[row];
            let location = Location {
                table: number,
                row: row as u32,
            };
            edges.extend(self.end_relations(entity));
            let ids = self.aside_of(entity, location);
            let gone = self.detach_ids(entity, location, &ids);
            // SAFETY: detached just now.
            unsafe { self.drop_detached(gone) };
        }
        edges
    }

    /// The components of an entity that are not in columns.
    pub(crate) fn aside_of(&self, entity: Entity, location: Location) -> Vec<ComponentId> {
        let table = &self.tables[location.table as usize];
        if !table.has_aside() {
            return Vec::new();
        }
        let sets = self.sparse.ids().iter().copied();
        let sets = sets.filter(|&id| {
            self.sparse
                .get(id)
                .is_some_and(|set| set.row(entity).is_some())
        });
        sets.chain(table.tags().of(location.row as usize)).collect()
    }

    /// Before a table's entities end: tells of all their components.
    pub(crate) fn tell_table_despawned(&mut self, number: u32) {
        let table = &self.tables[number as usize];
        if table.watch().has(Watch::REMOVE) && table.len() > 0 {
            let entities = table.entities().to_vec();
            let location = Location {
                table: number,
                row: 0,
            };
            self.tell_despawned(&entities, location);
        }
    }

    /// Logs the loss of all components that are not in columns.
    pub(crate) fn log_aside_despawned(&mut self, tick: u32) {
        for set in self.sparse.iter() {
            if self.registry.info(set.id()).is_tracked() {
                self.removed[set.id().index()].extend(
                    set.dense().entities(),
                    tick,
                    self.removal_capacity,
                );
            }
        }
        for table in &self.tables {
            for tag in table.tags().iter() {
                for (row, &entity) in table.entities().iter().enumerate() {
                    if tag.has(row) && self.registry.info(tag.id()).is_tracked() {
                        self.removed[tag.id().index()].push(entity, tick, self.removal_capacity);
                    }
                }
            }
        }
    }

    /// The column and row of a component that is not in the columns of its owner's table.
    pub(crate) fn cell_aside(&self, entity: Entity, id: ComponentId) -> Option<(&Column, usize)> {
        if let Some(set) = self.sparse.get(id) {
            return set.row(entity).map(|row| (set.column(), row));
        }
        let location = self.entities.get(entity)?;
        let tag = self.tables[location.table as usize].tags().get(id)?;
        tag.has(location.row as usize).then(|| (tag.values(), 0))
    }

    /// The same, for writing: the value is marked as changed.
    pub(crate) fn cell_aside_mut(
        &mut self,
        entity: Entity,
        id: ComponentId,
        tick: u32,
    ) -> Option<*mut u8> {
        if let Some(set) = self.sparse.get_mut(id) {
            let row = set.row(entity)?;
            let column = set.dense_mut().column_number_mut(0);
            column.mark_mut(row, tick);
            return Some(column.at(row));
        }
        self.cell_aside(entity, id)
            .map(|(column, row)| column.at(row))
    }

    /// The values of `T` in a table.
    pub(crate) fn table_values<T: Component>(&self, table: TableId) -> Option<&[T]> {
        let table = self.tables.get(table.index())?;
        let column = table.column(self.registry.id::<T>()?)?;
        // SAFETY: the column is a T's (its id), all rows are in use, and `&self` excludes writers.
        Some(unsafe { column.slice::<T>(table.len()) })
    }

    /// The sparse set of a component, if it is sparse and known.
    pub(crate) fn sparse_set<T: Component>(&self) -> Option<&SparseSet> {
        self.sparse.get(self.registry.id::<T>()?)
    }

    /// The owners of a sparse component and their values, side by side; nothing if `T` is not sparse.
    ///
    /// ```
    /// use storm_ecs::{Component, World};
    /// #[derive(Component)]
    /// #[component(storage = "sparse")]
    /// struct Burning(f32);
    ///
    /// let mut world = World::new();
    /// let tree = world.spawn(Burning(0.5));
    /// let (owners, values) = world.sparse_slices::<Burning>();
    /// assert_eq!((owners, values[0].0), (&[tree][..], 0.5));
    /// ```
    #[must_use]
    pub fn sparse_slices<T: Component>(&self) -> (&[Entity], &[T]) {
        let Some(set) = self.sparse_set::<T>() else {
            return (&[], &[]);
        };
        let owners = set.dense().entities();
        // SAFETY: the set's column is a T's (its id), all rows are in use, and `&self` excludes writers.
        (owners, unsafe { set.column().slice::<T>(owners.len()) })
    }
}

/// A world, and components whose values were detached from their sets: dropped with this, also when something panics before.
struct Pending<'w> {
    world: &'w mut World,
    ids: Vec<ComponentId>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // SAFETY: whoever made this detached them, and did nothing since but move and drop the columns of a row.
        unsafe { self.world.drop_detached(core::mem::take(&mut self.ids)) };
    }
}
