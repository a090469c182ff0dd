//! Structural operations by component number and pointer: what the dynamic interface and deltas stand on.
//!
//! Invariants:
//! 1. A pointer handed in is to an initialised value of the component whose number stands beside it, and is moved out of.
//! 2. Between a row's move and the writing of its new components no user code runs.
#![expect(unsafe_code, reason = "moves type-erased values")]

use core::any::TypeId;
use core::ptr;
use std::collections::HashMap;

use crate::column::Column;
use crate::component::{ComponentId, ComponentInfo, Storage};
use crate::dynamic::DynamicError;
use crate::entities::Location;
use crate::entity::Entity;
use crate::table::rows::Staged;
use crate::table::{MovePlan, TableId};
use crate::watch::Watch;
use crate::world::{World, pair, shift};

/// Bundles that are lists of component numbers.
#[derive(Default)]
pub(crate) struct DynamicBundles(HashMap<Box<[ComponentId]>, u32>);

/// The type of components that no Rust type stands for.
struct RunTime;

impl World {
    pub(crate) fn runtime_type_id() -> TypeId {
        TypeId::of::<RunTime>()
    }

    pub(crate) fn add_component(&mut self, info: ComponentInfo) {
        self.registry.add_dynamic(info);
        self.grow_component_tables();
    }

    pub(crate) fn known(&self, id: ComponentId) -> Result<&ComponentInfo, DynamicError> {
        self.registry
            .get(id)
            .ok_or(DynamicError::UnknownComponent(id))
    }

    pub(crate) fn dynamic_bundle(&mut self, ids: &[ComponentId]) -> Result<u32, DynamicError> {
        if let Some(&number) = self.dynamic.0.get(ids) {
            return Ok(number);
        }
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        for &id in &sorted {
            self.known(id)?;
        }
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(DynamicError::Twice(self.registry.info(twice[0]).name()));
        }
        let number = self.push_bundle(ids);
        self.dynamic.0.insert(ids.into(), number);
        Ok(number)
    }

    /// Gives an entity components: one move, however many there are.
    ///
    /// # Safety
    /// Invariant 1. Values are moved out if this returns `Ok`, and left otherwise.
    pub(crate) unsafe fn insert_erased(
        &mut self,
        entity: Entity,
        ids: &[ComponentId],
        values: &[*const u8],
    ) -> Result<(), DynamicError> {
        assert!(ids.len() == values.len());
        self.flush();
        let location = self
            .entities
            .get(entity)
            .ok_or(DynamicError::NoSuchEntity)?;
        let number = self.dynamic_bundle(ids)?;
        let info = &self.bundles[number as usize];
        let (watch, aside) = (info.watch, info.aside.clone());
        if !watch.any() && aside.is_empty() {
            // SAFETY: as the caller promises; these are the components of the bundle.
            drop(unsafe { self.insert_columns(location, number, values) });
            return Ok(());
        }
        let columns = self.bundles[number as usize].ids.clone();
        let mut had = Vec::new();
        if watch.any() {
            had = self.tell_replaced(entity, location, &columns, &aside);
        }
        let value_of =
            |id: &ComponentId| values[ids.iter().position(|other| other == id).unwrap_or(0)];
        let in_columns: Vec<_> = columns.iter().map(value_of).collect();
        // SAFETY: as the caller promises; these are the components of the bundle that are columns.
        let mut old = unsafe { self.insert_columns(location, number, &in_columns) };
        for id in &aside {
            // SAFETY: as the caller promises.
            old.extend(unsafe { self.insert_aside(entity, *id, value_of(id)) });
        }
        if watch.has(Watch::INSERT) {
            self.tell_inserted(entity, &columns, &aside, &had);
        }
        drop(old);
        self.settle();
        Ok(())
    }

    /// Gives an entity one component that is not in columns. Returns the value it takes the place of.
    ///
    /// # Safety
    /// The value is of the component, and is not used afterwards.
    pub(crate) unsafe fn insert_aside(
        &mut self,
        entity: Entity,
        id: ComponentId,
        value: *const u8,
    ) -> Option<Staged> {
        let tick = self.now();
        let location = self.entities.get(entity)?;
        let info = self.registry.info(id);
        let table = &mut self.tables[location.table as usize];
        let Some(set) = self.sparse.get_mut(id) else {
            table.tags_mut().set(info, location.row as usize, tick);
            return None;
        };
        table.set_aside();
        let mut old = None;
        let row = if let Some(row) = set.row(entity) {
            let column = set.dense_mut().column_number_mut(0);
            column.mark_mut(row, tick);
            let mut staged = Staged::new(info, 1);
            let aside = staged.room();
            // SAFETY: the row holds a value of the component, and there is room for it.
            unsafe { ptr::copy_nonoverlapping(column.at(row), aside, column.size()) };
            // SAFETY: the value is a copy of the row's, which is overwritten below.
            unsafe { staged.grown() };
            old = Some(staged);
            row
        } else {
            // SAFETY: the value is written below.
            unsafe { set.push(entity, tick) }
        };
        let column = set.column();
        // SAFETY: the caller passes a value of the component, outside of any set; the row is in bounds.
        unsafe { ptr::copy_nonoverlapping(value, column.at(row), column.size()) };
        old
    }

    /// Gives an entity components that are columns: one move. Returns the values they take the place of.
    ///
    /// # Safety
    /// The values are of the bundle's columns, in order, and are not used afterwards.
    pub(crate) unsafe fn insert_columns(
        &mut self,
        location: Location,
        number: u32,
        values: &[*const u8],
    ) -> Vec<Staged> {
        let tick = self.now();
        let plan = self.plan(location.table, number, true);
        let plan = &self.plans[plan as usize];
        let mut old = Vec::new();
        // Room for what is replaced is made before anything moves.
        if plan.replaces_any {
            for (&replaces, &id) in plan.replaces.iter().zip(&self.bundles[number as usize].ids) {
                let info = self.registry.info(id);
                old.push((replaces && info.drop.is_some()).then(|| Staged::new(info, 1)));
            }
        }
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
        let fields = plan.write.iter().zip(&plan.replaces).zip(values);
        for (at, ((&number, &replaces), &value)) in fields.enumerate() {
            let column = table.column_number_mut(number as usize);
            let (to, size) = (column.at(row), column.size());
            if replaces {
                column.mark_mut(row, tick);
            }
            if let Some(Some(old)) = old.get_mut(at) {
                let aside = old.room();
                // SAFETY: the row holds a value of the component, and there is room for it.
                unsafe { ptr::copy_nonoverlapping(to, aside, size) };
                // SAFETY: the value is a copy of the row's, which is overwritten below.
                unsafe { old.grown() };
            }
            // SAFETY: the caller passes a value of the column's component, outside of any table; the row is in bounds.
            unsafe { ptr::copy_nonoverlapping(value, to, size) };
        }
        old.into_iter().flatten().collect()
    }

    /// Takes components from an entity and drops them; those it lacks are passed over. One move.
    pub(crate) fn remove_erased(
        &mut self,
        entity: Entity,
        ids: &[ComponentId],
    ) -> Result<(), DynamicError> {
        self.flush();
        let location = self
            .entities
            .get(entity)
            .ok_or(DynamicError::NoSuchEntity)?;
        let number = self.dynamic_bundle(ids)?;
        let plan = self.plan(location.table, number, false);
        self.remove_slowly(entity, location, number, plan);
        Ok(())
    }

    /// The column that holds a component of an entity, and the row.
    pub(crate) fn cell(
        &self,
        entity: Entity,
        id: ComponentId,
    ) -> Result<(&Column, usize), DynamicError> {
        let location = self
            .entities
            .get(entity)
            .ok_or(DynamicError::NoSuchEntity)?;
        let info = self.known(id)?;
        if !matches!(info.storage, Storage::Table) {
            let cell = self.cell_aside(entity, id);
            return cell.ok_or(DynamicError::MissingComponent(info.name));
        }
        let column = self.tables[location.table as usize].column(id);
        Ok((
            column.ok_or(DynamicError::MissingComponent(info.name))?,
            location.row as usize,
        ))
    }

    /// The table of exactly these components, sorted and unique; the number it has or will have if it is the `later`th new one.
    pub(crate) fn table_of(&self, ids: &[ComponentId]) -> Option<u32> {
        self.table_of.get(ids).copied()
    }

    pub(crate) fn make_table(&mut self, ids: &[ComponentId]) -> u32 {
        self.table_for(ids.into())
    }

    /// Logs the loss of a component.
    pub(crate) fn log_removed(&mut self, entity: Entity, id: ComponentId, tick: u32) {
        self.removed[id.index()].push(entity, tick, self.removal_capacity);
    }

    /// Logs the end of an entity that lived in `table`.
    pub(crate) fn log_despawned(&mut self, entity: Entity, table: u32, tick: u32) {
        let capacity = self.removal_capacity;
        self.tables[table as usize]
            .despawned_mut()
            .push(entity, tick, capacity);
    }

    /// Entities that lost components which are columns since, and whether the logs reach back so far.
    pub(crate) fn removed_since(&self, since: u32) -> (Vec<Entity>, bool) {
        let complete = self.removed.iter().all(|log| log.reaches(since));
        let columns = self.removed.iter().zip(self.registry.infos());
        let columns = columns.filter(|(_, info)| info.storage == Storage::Table);
        let lost = columns.flat_map(|(log, _)| log.since(since));
        (lost.collect(), complete)
    }

    /// Moves a live entity into `table`, and leaves components that are new to it unwritten; those it has too many are dropped.
    /// Returns the row and whether each column was there before.
    ///
    /// # Safety
    /// The caller writes every column that was not there before, before anything else is done with the world.
    pub(crate) unsafe fn move_to(
        &mut self,
        entity: Entity,
        table: u32,
        tick: u32,
    ) -> Result<(usize, Vec<bool>, Option<DoomedRow>), DynamicError> {
        let location = self
            .entities
            .get(entity)
            .ok_or(DynamicError::NoSuchEntity)?;
        if location.table == table {
            let columns = self.tables[table as usize].columns().len();
            return Ok((location.row as usize, vec![true; columns], None));
        }
        let (source, target) = pair(&mut self.tables, location.table, table);
        let had: Vec<bool> = target
            .components()
            .map(|id| source.column_index(id).is_some())
            .collect();
        let plan = MovePlan::between(source, target);
        let (row, slots) = (location.row as usize, &mut self.entities);
        // SAFETY: the plan was made for these tables, the row is in use, and the caller writes what is new.
        let row = unsafe { source.move_row(row, target, &plan, tick, false, slots) };
        for &id in &plan.lost {
            self.log_removed(entity, id, tick);
        }
        let doomed = DoomedRow {
            table: self.tables[location.table as usize].id(),
            columns: plan.gone,
        };
        Ok((row, had, Some(doomed)))
    }

    /// Drops what [`move_to`](Self::move_to) left over.
    ///
    /// # Safety
    /// The table that the entity came from has not been touched since.
    pub(crate) unsafe fn drop_doomed(&mut self, doomed: DoomedRow) {
        let table = &self.tables[doomed.table.index()];
        // SAFETY: the columns gone were doomed by the move, and the table was not touched since.
        unsafe { table.drop_detached(doomed.columns.iter().map(|&number| number as usize)) };
    }

    /// A new row in `table` for an entity whose slot is dead; all columns are left unwritten.
    ///
    /// # Safety
    /// The caller writes every column before anything else is done with the world.
    pub(crate) unsafe fn revive_in(&mut self, entity: Entity, table: u32, tick: u32) -> usize {
        // SAFETY: the caller writes the columns.
        let row = unsafe { self.tables[table as usize].push(entity, tick) };
        self.entities.revive(
            entity,
            Location {
                table,
                row: row as u32,
            },
        );
        row
    }
}

/// Values left behind the rows of a table by a move.
pub(crate) struct DoomedRow {
    table: TableId,
    columns: Box<[u16]>,
}
