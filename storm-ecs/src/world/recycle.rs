//! Giving up tables and components that are not needed any more, so that their numbers are used again.
//!
//! Whatever is kept by number (move plans, bundles, lists of tables in queries) is forgotten and found again.

use crate::bundle::{BundleMap, Recent};
use crate::component::{Component, ComponentId, Storage};
use crate::dynamic::DynamicError;
use crate::removed::RemovalLog;
use crate::table::{Table, TableId};
use crate::world::{World, erased};

impl World {
    /// Gives up tables that have no rows; their memory is freed and their numbers are used again. Returns how many.
    ///
    /// A world in which entities pass through many combinations of components keeps a table for each. Queries visit these in vain; call this
    /// now and then.
    ///
    /// The logs of despawns in these tables go with them: readers of [`removed`](Self::removed) that have not read since the last of these
    /// despawns are told that they have to start over, and so are those who take a [`delta`](Self::delta).
    ///
    /// ```
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component)] struct Door;
    /// # #[derive(Component)] struct Open;
    /// let mut world = World::new();
    /// let door = world.spawn(Door);
    /// world.insert(door, Open)?;
    /// assert!(world.recycle_tables() >= 1, "nobody is a door and nothing else");
    /// # Ok::<(), storm_ecs::NoSuchEntity>(())
    /// ```
    pub fn recycle_tables(&mut self) -> usize {
        self.flush();
        let vacant = |table: &Table| self.vacant_tables.contains(&table.id());
        let empty = self.tables.iter().skip(1);
        let empty = empty.filter(|table| table.len() == 0 && !vacant(table));
        let empty: Vec<TableId> = empty.map(Table::id).collect();
        for &id in &empty {
            self.give_up_table(id);
        }
        if !empty.is_empty() {
            self.forget_numbers();
        }
        empty.len()
    }

    /// The table has no rows.
    fn give_up_table(&mut self, id: TableId) {
        let table = &self.tables[id.index()];
        let components: Box<[ComponentId]> = table.components().collect();
        let newest = table.despawned().newest();
        for &component in &components {
            self.tables_with[component.index()].remove(id.index());
            self.removed[component.index()].give_up(newest);
        }
        // Deltas read every table's log of despawns: the first table answers for those that are gone.
        self.tables[0].despawned_mut().give_up(newest);
        self.table_of.remove(&components);
        // First: queries keep pointers to heads of its columns.
        self.epoch += 1;
        self.tables[id.index()] = Table::new(id, &[], &self.registry);
        self.vacant_tables.push(id);
    }

    /// Forgets everything that is kept by the number of a table or component and can be found again.
    fn forget_numbers(&mut self) {
        self.epoch += 1;
        self.plans.clear();
        self.plan_of.clear();
        self.recent_inserts = Recent::default();
        self.recent_removals = Recent::default();
        self.bundles.clear();
        self.bundle_of = BundleMap::default();
        self.dynamic = erased::DynamicBundles::default();
    }

    /// Forgets a component: it is removed from every entity that has it (watchers are told), its observers and its tables go, and its number is
    /// used again. Returns how many entities had it.
    ///
    /// The type can be registered anew, and is by any spawn or insert.
    ///
    /// # Errors
    /// If the number names no component, or one that the world keeps itself ([`Parent`](crate::Parent), [`Source`](crate::Source),
    /// [`Target`](crate::Target)).
    pub fn unregister_id(&mut self, id: ComponentId) -> Result<usize, DynamicError> {
        let info = self.known(id)?;
        if info.kept {
            return Err(DynamicError::Kept(info.name()));
        }
        self.flush();
        let count = self.take_from_all(id);
        if self.known(id).is_err() {
            // A command of a watcher has forgotten it already: its number may be another's by now.
            return Ok(count);
        }
        self.watchers.register(id, crate::watch::Hooks::NONE);
        self.refresh_watch();
        // Commands of watchers may have given it to others; nobody is told of these.
        let count = count + self.take_from_all(id);
        if self.known(id).is_err() {
            return Ok(count);
        }
        let tables = self.tables.iter();
        let tables = tables.filter(|table| table.column_index(id).is_some());
        let tables: Vec<TableId> = tables.map(Table::id).collect();
        for table in tables {
            self.give_up_table(table);
        }
        for table in &mut self.tables {
            table.tags_mut().forget(id);
        }
        if self.registry.info(id).storage == Storage::Sparse {
            self.sparse.remove(id);
        }
        self.removed[id.index()] = RemovalLog::default();
        self.registry.remove(id);
        self.forget_numbers();
        self.refresh_watch();
        Ok(count)
    }

    fn take_from_all(&mut self, id: ComponentId) -> usize {
        let owners = self.entities().filter(|&entity| self.has_id(entity, id));
        let owners: Vec<_> = owners.collect();
        for &entity in &owners {
            // Watchers may have ended some meanwhile.
            let _ = self.remove_ids(entity, &[id]);
        }
        owners.len()
    }

    /// [`unregister_id`](Self::unregister_id) by type; 0 if it is not known, or kept by the world itself.
    ///
    /// ```
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component)] struct Mod;
    /// let mut world = World::new();
    /// let entity = world.spawn(Mod);
    /// let id = world.component_named(Mod::NAME).unwrap().id();
    /// assert_eq!(world.unregister::<Mod>(), 1);
    /// assert!(world.contains(entity) && !world.has_id(entity, id));
    /// ```
    pub fn unregister<T: Component>(&mut self) -> usize {
        match self.registry.id::<T>() {
            Some(id) => self.unregister_id(id).unwrap_or(0),
            None => 0,
        }
    }
}
