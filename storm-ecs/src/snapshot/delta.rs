//! What changed since a tick: taking it from one world and putting it into another that was the same then.
//!
//! An entity that came, or gained or lost a tracked component, is sent whole; of others only values that were written. Costs: a comparison for each table and column, one for each
//! block of a table in which something changed, then what changed. If an entity came or went, the list of free slots is sent as well (4 bytes each).
//!
//! Invariants:
//! 1. A staged column is of the component whose number stands beside it, and holds one value for each entity.
//! 2. Between a row's appearance or move and the writing of its columns no user code runs.
#![expect(unsafe_code, reason = "reads and writes type-erased columns")]

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use crate::component::ComponentId;
use crate::entities::raw::RETIRED_GENERATION;
use crate::entities::{ROW_LIMIT, TABLE_LIMIT};
use crate::entity::Entity;
use crate::query::ticks;
use crate::snapshot::buffer::Snapshot;
use crate::snapshot::error::SnapshotError;
use crate::snapshot::read::{SnapshotKind, SnapshotView, handles};
use crate::snapshot::restore::{
    Budget, check_pod, components, decode, free_list, sections, with_tag,
};
use crate::snapshot::write::{Forms, Out, OutPatch, OutTable, Slots, receive, values};
use crate::snapshot::{RestoreOptions, SnapshotOptions};
use crate::table::rows::Staged;
use crate::table::{BLOCK_ROWS, Table};
use crate::tick::ChangeTick;
use crate::track::BlockBits;
use crate::world::World;

const WORDS: usize = BLOCK_ROWS / 64;

/// Calls `f` with ranges of the rows whose bit is set; `block` says whether a block may have any, `bits` gives a bit for each of its rows.
pub(super) fn runs(
    len: usize,
    block: impl Fn(usize) -> bool,
    bits: impl Fn(usize) -> BlockBits,
    mut f: impl FnMut(Range<usize>),
) {
    let mut run = 0..0;
    for number in 0..len.div_ceil(BLOCK_ROWS) {
        if !block(number) {
            continue;
        }
        for (word, mut left) in bits(number).into_iter().enumerate() {
            let first = number * BLOCK_ROWS + word * 64;
            if first >= len {
                break;
            }
            if len - first < 64 {
                left &= (1 << (len - first)) - 1;
            }
            while left != 0 {
                let start = left.trailing_zeros();
                let count = (left >> start).trailing_ones();
                let found = first + start as usize..first + (start + count) as usize;
                left &= if start + count == 64 {
                    0
                } else {
                    u64::MAX << (start + count)
                };
                if run.end == found.start && !run.is_empty() {
                    run.end = found.end;
                } else {
                    if !run.is_empty() {
                        f(run);
                    }
                    run = found;
                }
            }
        }
    }
    if !run.is_empty() {
        f(run);
    }
}

/// The rows of a table whose entities are sent whole.
struct Whole {
    /// By word of 64 rows; empty if there are none.
    bits: Vec<u64>,
}

impl Whole {
    fn block(&self, block: usize) -> BlockBits {
        let mut bits = [0; WORDS];
        for (to, &from) in bits.iter_mut().zip(self.bits.iter().skip(block * WORDS)) {
            *to = from;
        }
        bits
    }

    fn mark(&mut self, rows: Range<usize>) {
        if self.bits.len() * 64 < rows.end {
            self.bits.resize(rows.end.div_ceil(64), 0);
        }
        for row in rows {
            self.bits[row / 64] |= 1 << (row % 64);
        }
    }
}

/// Rows that were born, or had a component added, since.
fn arrivals(table: &Table, since: u32, whole: &mut Whole) {
    let born = table.born();
    if born.max() > since {
        runs(
            table.len(),
            |block| born.block_newer(block, since),
            |block| {
                let mut bits = [0; WORDS];
                born.newer_in_block(block, since, &mut bits);
                bits
            },
            |rows| whole.mark(rows),
        );
    }
    for column in table.columns().iter().filter(|column| column.is_tracked()) {
        let added = ticks::added(table, Some(column), since);
        if added.any() {
            runs(
                table.len(),
                |block| added.block_newer(block),
                |block| added.block_bits(block),
                |rows| whole.mark(rows),
            );
        }
    }
}

impl World {
    /// What changed since `since`, for a world that was the same then: entities that came, went, gained or lost components, and values that were
    /// written. Closes the open tick: the next delta starts from [`SnapshotView::tick`].
    ///
    /// After a dense loop over `&mut T` all of its rows count as written. Components with [`Track::None`](crate::Track::None) travel only with entities that are sent whole.
    /// The order of rows within a table is not part of a delta.
    ///
    /// ```
    /// use storm_ecs::{Component, SnapshotView, World};
    /// #[derive(Component, Clone, Copy, Debug, PartialEq)]
    /// #[component(pod)]
    /// #[repr(C)]
    /// struct Height(f32);
    ///
    /// let mut source = World::new();
    /// let hill = source.spawn(Height(1.0));
    /// let first = source.snapshot(&Default::default()).unwrap();
    /// let mut replica = World::new();
    /// replica.register::<Height>();
    /// replica.restore(first.as_bytes(), &Default::default()).unwrap();
    ///
    /// let since = SnapshotView::parse(first.as_bytes(), &Default::default()).unwrap().tick();
    /// source.get_mut::<Height>(hill).unwrap().0 = 2.0;
    /// let tree = source.spawn(Height(5.0));
    /// let delta = source.delta(since, &Default::default()).unwrap();
    /// replica.apply_delta(delta.as_bytes(), &Default::default()).unwrap();
    /// let height = |entity: storm_ecs::Entity| *replica.get::<Height>(replica.entity_at(entity.index()).unwrap()).unwrap();
    /// assert_eq!((height(hill), height(tree)), (Height(2.0), Height(5.0)));
    /// ```
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot); and [`SnapshotError::LogOverflow`] if more entities or components went since then than the removal logs keep.
    pub fn delta(
        &mut self,
        since: ChangeTick,
        options: &SnapshotOptions,
    ) -> Result<Snapshot, SnapshotError> {
        let mut into = Snapshot::new();
        self.delta_into(since, options, &mut into)?;
        Ok(into)
    }

    /// [`delta`](Self::delta) into memory that is used again.
    ///
    /// # Errors
    /// As [`delta`](Self::delta); `into` is empty then.
    pub fn delta_into(
        &mut self,
        since: ChangeTick,
        options: &SnapshotOptions,
        into: &mut Snapshot,
    ) -> Result<(), SnapshotError> {
        into.clear();
        self.flush();
        let since = self.bound(since);
        let tick = self.change_tick().get();
        let world = &*self;
        let tag = world.tag();

        let (losers, complete) = world.removed_since(since);
        if !complete
            || !world
                .tables
                .iter()
                .all(|table| table.despawned().reaches(since))
        {
            return Err(SnapshotError::LogOverflow);
        }
        let mut dead: Vec<(u32, u16)> = Vec::new();
        for entity in world
            .tables
            .iter()
            .flat_map(|table| table.despawned().since(since))
        {
            if let Some((generation, false)) = world.entities.slot_state(entity.index()) {
                dead.push((entity.index(), generation));
            }
        }
        dead.sort_unstable();
        dead.dedup();
        let gone = world
            .tables
            .iter()
            .any(|table| table.despawned().since(since).next().is_some());

        let mut wholes: Vec<Whole> = world
            .tables
            .iter()
            .map(|_| Whole { bits: Vec::new() })
            .collect();
        for entity in losers {
            if let Some(location) = world.entities.get(entity) {
                let row = location.row as usize;
                wholes[location.table as usize].mark(row..row + 1);
            }
        }
        let mut born = false;
        for (table, whole) in world.tables.iter().zip(&mut wholes) {
            arrivals(table, since, whole);
            born |= table.born().max() > since;
        }

        let touched = |table: &Table, whole: &Whole| {
            let columns = table.columns().iter();
            let whole = !whole.bits.is_empty();
            columns
                .filter(|column| {
                    whole
                        || (column.is_tracked() && ticks::changed(table, Some(column), since).any())
                })
                .map(|column| column.id())
                .collect::<Vec<_>>()
        };
        let used: Vec<ComponentId> = world
            .tables
            .iter()
            .zip(&wholes)
            .flat_map(|(table, whole)| touched(table, whole))
            .chain(world.aside_changed(since))
            .collect();
        let forms = Forms::new(world, used.into_iter(), options)?;
        let mut tables = Vec::new();
        let mut patches = Vec::new();
        for (table, whole) in world.tables.iter().zip(&wholes) {
            let mut rows: Vec<Range<usize>> = Vec::new();
            runs(
                table.len(),
                |block| whole.bits.len() > block * WORDS,
                |block| whole.block(block),
                |run| rows.push(run),
            );
            let mut columns = Vec::new();
            for column in table.columns() {
                let (Some(place), Some(data)) = (
                    forms.place(column.id()),
                    &world.registry.info(column.id()).data,
                ) else {
                    continue;
                };
                if !rows.is_empty() {
                    let mut bytes = Vec::new();
                    // SAFETY: the rows are in use, and `world` is borrowed shared.
                    unsafe { values(column, data, rows.iter().cloned(), tag, &mut bytes) };
                    columns.push((place, Cow::Owned(bytes)));
                }
                let changed = ticks::changed(table, Some(column), since);
                if !column.is_tracked() || !changed.any() {
                    continue;
                }
                let mut entities = Vec::new();
                let mut patch = OutPatch {
                    component: place,
                    lost: false,
                    entities: Cow::Borrowed(&[]),
                    data: Vec::new(),
                };
                runs(
                    table.len(),
                    |block| changed.block_newer(block),
                    |block| {
                        let mut bits = changed.block_bits(block);
                        if !whole.bits.is_empty() {
                            for (bits, whole) in bits.iter_mut().zip(whole.block(block)) {
                                *bits &= !whole;
                            }
                        }
                        bits
                    },
                    |run| {
                        entities.extend_from_slice(&table.entities()[run.clone()]);
                        // SAFETY: as above.
                        unsafe {
                            values(column, data, core::iter::once(run), tag, &mut patch.data)
                        };
                    },
                );
                if !entities.is_empty() {
                    patch.entities = entities.into();
                    patches.push(patch);
                }
            }
            if !rows.is_empty() {
                let entities: Vec<Entity> = rows
                    .into_iter()
                    .flat_map(|run| &table.entities()[run])
                    .copied()
                    .collect();
                columns.sort_by_key(|column| column.0);
                tables.push(OutTable {
                    entities: Cow::Owned(entities),
                    columns,
                });
            }
        }
        tables.sort_by(|a, b| {
            a.columns
                .iter()
                .map(|column| column.0)
                .cmp(b.columns.iter().map(|column| column.0))
        });
        patches.extend(world.aside_since(&forms, since));
        patches.sort_by_key(|patch| (patch.component, patch.lost));
        let slots = if gone || born {
            Slots::Dead(dead)
        } else {
            Slots::Same
        };
        Out {
            delta: true,
            since,
            tick,
            forms,
            slots,
            tables,
            patches,
        }
        .write(world, into);
        Ok(())
    }

    /// Makes the changes of a [`delta`](Self::delta) to a world that is as the delta's source was at its start. Entities have the same index and generation afterwards.
    ///
    /// Changes are writes like any other: they mark rows, log removals, and so on.
    ///
    /// # Errors
    /// If the bytes are no valid delta, exceed the options' limits, hold something unknown, or this world is not what they start from, as far as that shows.
    /// The world is unchanged then.
    ///
    /// # Panics
    /// Only if a component's `Drop` or codec does; the world is whole then, but the delta may be half made.
    pub fn apply_delta(
        &mut self,
        bytes: &[u8],
        options: &RestoreOptions,
    ) -> Result<(), SnapshotError> {
        let view = SnapshotView::parse(bytes, options)?;
        if view.kind != SnapshotKind::Delta {
            return Err(SnapshotError::Kind { expected: "delta" });
        }
        self.flush();
        let tag = self.tag();
        let mut budget = Budget::new(options.max_bytes);
        let ids = components(self, &view, options)?;
        let base = |expected: &'static str, index: u32| SnapshotError::Base { expected, index };

        // Slots as they will be. A rollback of the source may have taken slots and generations back.
        let slots = view.slots as usize;
        let count = self.entities.slot_count();
        if view.free.is_none() && slots != count {
            return Err(base("as many slots as the delta's source had", view.slots));
        }
        budget.charge(
            slots.saturating_sub(count) as u64 * 8
                + (view.generations.len() as u64 + view.free.map_or(0, <[u8]>::len) as u64) * 4,
        )?;
        let mut after: HashMap<u32, (u16, bool)> = HashMap::new();
        let mut ends: Vec<Entity> = Vec::new();
        let mut live = self.len() as i64;
        let mut retired = count as i64 - live - self.entities.free_list().len() as i64;
        for index in slots..count {
            match self.entities.slot_state(index as u32) {
                Some((generation, true)) => {
                    ends.push(Entity::new(index as u32, generation, tag));
                    live -= 1;
                }
                state => retired -= i64::from(matches!(state, Some((RETIRED_GENERATION, false)))),
            }
        }
        for entry in view.generations.as_chunks::<8>().0 {
            let entry = u64::from_le_bytes(*entry);
            let (index, generation) = (entry as u32, (entry >> 32) as u16);
            if entry >> 48 != 0
                || index as usize >= slots
                || after.insert(index, (generation, false)).is_some()
            {
                return Err(base("dead slots, each once", index));
            }
            let now = self.entities.slot_state(index);
            if let Some((now, true)) = now {
                ends.push(Entity::new(index, now, tag));
                live -= 1;
            }
            retired += i64::from(generation == RETIRED_GENERATION)
                - i64::from(matches!(now, Some((RETIRED_GENERATION, false))));
        }
        let mut sent = 0u64;
        for entity in view.tables.iter().flat_map(|table| handles(table.entities)) {
            let (index, generation) = (entity.index(), entity.generation());
            sent += 1;
            if entity.world_tag() != 0
                || index as usize >= slots
                || generation == RETIRED_GENERATION
                || after.insert(index, (generation, true)).is_some()
            {
                return Err(base("entities that are sent, each once", index));
            }
            match self.entities.slot_state(index) {
                Some((now, true)) if now == generation => {}
                Some((now, true)) => ends.push(Entity::new(index, now, tag)),
                now => {
                    live += 1;
                    retired -= i64::from(matches!(now, Some((RETIRED_GENERATION, false))));
                }
            }
        }
        budget.charge(sent * 16)?;
        if live != i64::from(view.live) {
            return Err(base(
                "as many entities as the delta's source had",
                view.live,
            ));
        }
        let state = |index: u32| match after.get(&index) {
            Some(&state) => Some(state),
            None => self.entities.slot_state(index),
        };
        let mut free = None;
        match view.free {
            Some(bytes) => {
                let (list, count) = free_list(bytes, slots, state)?;
                if count as i64 + live + retired != slots as i64 {
                    return Err(base("every slot to be live, free or retired", count as u32));
                }
                free = Some(list);
            }
            // Without a list of free slots nothing may come or go.
            None if view
                .tables
                .iter()
                .flat_map(|table| handles(table.entities))
                .any(|entity| !self.contains(with_tag(entity, tag))) =>
            {
                return Err(base("entities that are alive", 0));
            }
            None => {}
        }

        // Values.
        let datas: Vec<_> = self
            .registry
            .infos()
            .iter()
            .map(|info| info.data.clone())
            .collect();
        let prepare =
            |world: &Self, id: ComponentId, count: usize, bytes: &[u8], budget: &mut Budget| {
                let info = world.registry.info(id);
                let Some(data) = &datas[id.index()] else {
                    return Err(SnapshotError::Unknown {
                        name: info.name.into(),
                    });
                };
                let size = info.layout.size();
                // The staging column, and a row of the table.
                budget.charge(count as u64 * size as u64 * 2)?;
                let mut staged = Staged::new(info, count);
                if data.plain {
                    check_pod(info, data, bytes, options)?;
                    let mut bytes = Cow::Borrowed(bytes);
                    if data.has_entities {
                        receive(data, size, bytes.to_mut(), tag);
                    }
                    // SAFETY: `parse` has checked that there are `count` values; the component is Pod.
                    unsafe { staged.push_bytes(count, &bytes) };
                } else {
                    decode(&mut staged, info, data, count, bytes, tag, options, budget)?;
                }
                Ok(staged)
            };
        let mut new_tables = 0;
        let mut wholes: Vec<(Vec<ComponentId>, Vec<Entity>, Vec<Staged>)> = Vec::new();
        for table in &view.tables {
            let mut columns: Vec<(ComponentId, &[u8])> = table
                .columns
                .iter()
                .filter_map(|column| Some((ids[column.component as usize]?, column.data)))
                .collect();
            columns.sort_unstable_by_key(|column| column.0);
            let set: Vec<ComponentId> = columns.iter().map(|column| column.0).collect();
            let present = self.table_of(&set);
            new_tables += usize::from(present.is_none());
            let rows = present.map_or(0, |number| self.tables[number as usize].len());
            if rows + table.len() > ROW_LIMIT || self.tables.len() + new_tables > TABLE_LIMIT {
                return Err(SnapshotError::Limit {
                    what: "rows in a table",
                    limit: ROW_LIMIT as u64,
                    found: (rows + table.len()) as u64,
                });
            }
            let staged: Result<Vec<Staged>, _> = columns
                .iter()
                .map(|&(id, bytes)| prepare(self, id, table.len(), bytes, &mut budget))
                .collect();
            wholes.push((
                set,
                handles(table.entities)
                    .map(|entity| with_tag(entity, tag))
                    .collect(),
                staged?,
            ));
        }
        let mut patches: Vec<(ComponentId, Vec<Entity>, Staged)> = Vec::new();
        let alive = |entity: Entity| match after.get(&entity.index()) {
            Some(&(generation, alive)) => alive && generation == entity.generation(),
            None => (entity.index() as usize) < slots && self.contains(entity),
        };
        let lists = self.read_aside(&view, &ids, alive, options, &mut budget)?;
        for patch in &view.patches {
            let stored = &view.components[patch.component as usize];
            let Some(id) = ids[patch.component as usize].filter(|_| !stored.aside) else {
                continue;
            };
            budget.charge(patch.entities.len() as u64)?;
            let entities: Vec<Entity> = handles(patch.entities)
                .map(|entity| with_tag(entity, tag))
                .collect();
            for (&entity, stored) in entities.iter().zip(handles(patch.entities)) {
                if stored.world_tag() != 0
                    || !self.has_id(entity, id)
                    || after.contains_key(&entity.index())
                {
                    return Err(base("an entity that has the component", entity.index()));
                }
            }
            let staged = prepare(self, id, entities.len(), patch.data, &mut budget)?;
            patches.push((id, entities, staged));
        }
        let loads = sections(self, &view, options, &mut budget)?;

        // Nothing can fail from here on.
        let tick = self.now();
        for entity in ends {
            // What hangs on it ends only if the delta says so.
            let _ = self.despawn_alone(entity);
        }
        // From here to the list of free slots no user code runs; afterwards a slot that is to come alive is in no list, so a panicking
        // `Drop` leaves slots unused, never used twice.
        self.entities.resize_slots(slots);
        for (&index, &(generation, alive)) in &after {
            if !alive && matches!(self.entities.slot_state(index), Some((_, false))) {
                self.entities.set_generation(index, generation);
            }
        }
        if let Some(mut free) = free {
            free.retain(|&index| matches!(self.entities.slot_state(index), Some((_, false))));
            self.entities.set_free_list(free);
        }
        for (set, entities, mut staged) in wholes {
            let number = self.make_table(&set);
            for (from, entity) in entities.into_iter().enumerate() {
                if !self.contains(entity) {
                    if !matches!(self.entities.slot_state(entity.index()), Some((_, false))) {
                        continue;
                    }
                    // SAFETY: every column is written below.
                    let row = unsafe { self.revive_in(entity, number, tick) };
                    for (column, staged) in self.tables[number as usize]
                        .columns()
                        .iter()
                        .zip(&mut staged)
                    {
                        // SAFETY: the new row is unwritten; the staged column is of the same component, in order.
                        unsafe { staged.move_out(from, column, row) };
                    }
                    continue;
                }
                // SAFETY: columns that are new to the entity are written below.
                let Ok((row, had, doomed)) = (unsafe { self.move_to(entity, number, tick) }) else {
                    continue;
                };
                for (column, (staged, had)) in staged.iter_mut().zip(had).enumerate() {
                    let column = self.tables[number as usize].column_number_mut(column);
                    if had {
                        column.mark_mut(row, tick);
                        staged.exchange(from, column, row);
                    } else {
                        // SAFETY: the row is unwritten in this column.
                        unsafe { staged.move_out(from, column, row) };
                    }
                }
                if let Some(doomed) = doomed {
                    // SAFETY: the table that the row came from was not touched since.
                    unsafe { self.drop_doomed(doomed) };
                }
            }
        }
        for (id, entities, mut staged) in patches {
            for (from, entity) in entities.into_iter().enumerate() {
                let Some(location) = self.entities.get(entity) else {
                    continue;
                };
                let Some(column) = self.tables[location.table as usize].column_mut(id) else {
                    continue;
                };
                column.mark_mut(location.row as usize, tick);
                staged.exchange(from, column, location.row as usize);
            }
        }
        self.change_aside(lists, tick);
        for load in loads {
            load(self);
        }
        Ok(())
    }
}
