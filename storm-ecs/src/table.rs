//! A table: the rows of one archetype, a column a component.
//!
//! Invariants:
//! 1. Every column's capacity is `capacity`, and rows `0..entities.len()` of every column are initialised, except between a call
//!    that says it leaves a row unwritten and its caller writing it; no user code runs in between.
//! 2. Columns are sorted by component id; `column_of[id]` is the column's number or `NONE`.
//! 3. Stale ticks left of removed rows are never newer than the present, so a row born now needs only its `born` tick.
//! 4. `entities` has room for `capacity` ids.
//! 5. A plan's column numbers are in bounds of the tables it was made for: tables never lose or reorder columns.
//! 6. Column heads stay at their address for as long as the table lives, wherever the table itself is moved to ([`ColumnList`]).
#![expect(unsafe_code, reason = "moves type-erased rows")]

mod list;
pub(crate) mod rows;
pub(crate) mod tags;

use core::any::TypeId;
use core::ptr::NonNull;

use crate::column::{COLUMN_ALIGN, Column, Tracks};
use crate::component::{Component, ComponentId, Registry};
use crate::entities::{Entities, ROW_LIMIT};
use crate::entity::Entity;
use crate::removed::RemovalLog;
use crate::table::list::ColumnList;
use crate::table::tags::Tags;
use crate::track::Ticks;
use crate::watch::Watch;

/// Rows in a block: the unit of change ticks, parallel splits and deltas. Blocks are virtual; columns are contiguous.
pub const BLOCK_ROWS: usize = 1024;

const NONE: u16 = u16::MAX;

/// Number of a table in its world, and how many tables had the number before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub(crate) u32, pub(crate) u32);

impl TableId {
    /// The number.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

#[repr(C, align(64))]
pub struct Table {
    entities: Vec<Entity>,
    columns: ColumnList,
    column_of: Box<[u16]>,
    capacity: usize,
    id: TableId,
    has_drop: bool,
    /// Whether any row may belong to an entity that is in a sparse set.
    aside: bool,
    watch: Watch,
    born: Ticks,
    tags: Tags,
    despawned: RemovalLog,
}

/// A column that two tables share: its number in each.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    from: u16,
    to: u16,
}

/// How a row moves from one table to another. Made by [`MovePlan::between`] alone, so that every number in `kept`, `gone` and `added` is
/// one of a column of its table.
pub(crate) struct MovePlan {
    /// Destination.
    pub(crate) table: u32,
    /// Columns that both have.
    kept: Box<[Kept]>,
    /// Source columns that the destination lacks.
    pub(crate) gone: Box<[u16]>,
    /// The components of those that are tracked: their loss is logged.
    pub(crate) lost: Box<[ComponentId]>,
    /// Whether any of those needs dropping.
    pub(crate) drops: bool,
    /// Destination columns that the source lacks and whose writes are tracked.
    added: Box<[u16]>,
    /// For each component of the bundle: its column in the destination. Empty for removals.
    pub(crate) write: Box<[u16]>,
    /// For each component of the bundle: whether the source has it as well.
    pub(crate) replaces: Box<[bool]>,
    /// Whether any is replaced.
    pub(crate) replaces_any: bool,
    /// Whether somebody watches what the bundle's move does.
    pub(crate) slow: bool,
}

impl MovePlan {
    /// The way from `source` to `target`; nothing is written there.
    pub(crate) fn between(source: &Table, target: &Table) -> Self {
        let number = |number: usize| number as u16;
        let columns = || source.columns.iter().enumerate();
        let lacks = |column: &Column| target.column_index(column.id()).is_none();
        let gone = || columns().filter(|(_, column)| lacks(column));
        let tracked = gone().filter(|(_, column)| column.is_tracked());
        let added = target.columns.iter().enumerate().filter(|(_, column)| {
            column.is_tracked() && source.column_index(column.id()).is_none()
        });
        let kept = columns().filter_map(|(from, column)| {
            let to = target.column_index(column.id())?;
            Some(Kept {
                from: number(from),
                to: number(to),
            })
        });
        Self {
            table: target.id.0,
            kept: kept.collect(),
            gone: gone().map(|(from, _)| number(from)).collect(),
            lost: tracked.map(|(_, column)| column.id()).collect(),
            drops: gone().any(|(_, column)| column.has_drop()),
            added: added.map(|(to, _)| number(to)).collect(),
            write: Box::default(),
            replaces: Box::default(),
            replaces_any: false,
            slow: false,
        }
    }
}

impl Table {
    /// A table of `components`, which are sorted and unique.
    pub(crate) fn new(id: TableId, components: &[ComponentId], registry: &Registry) -> Self {
        let mut column_of = vec![NONE; components.last().map_or(0, |last| last.index() + 1)];
        assert!(
            components.len() < NONE as usize,
            "too many components in one table"
        );
        for (number, component) in components.iter().enumerate() {
            column_of[component.index()] = number as u16;
        }
        Self {
            id,
            capacity: 0,
            entities: Vec::new(),
            has_drop: components
                .iter()
                .any(|&id| registry.info(id).drop.is_some()),
            columns: components
                .iter()
                .map(|&id| Column::new(registry.info(id)))
                .collect::<Box<[Column]>>()
                .into(),
            column_of: column_of.into(),
            aside: false,
            watch: Watch::NOTHING,
            born: Ticks::default(),
            tags: Tags::default(),
            despawned: RemovalLog::default(),
        }
    }

    #[inline]
    pub(crate) fn id(&self) -> TableId {
        self.id
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entities.len()
    }

    #[inline]
    pub(crate) fn entities(&self) -> &[Entity] {
        &self.entities
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline]
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    #[inline]
    pub(crate) fn born(&self) -> &Ticks {
        &self.born
    }

    #[inline]
    pub(crate) fn tags(&self) -> &Tags {
        &self.tags
    }

    pub(crate) fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }

    /// Whether a row may have anything that is not in columns.
    #[inline]
    pub(crate) fn has_aside(&self) -> bool {
        self.aside || !self.tags.is_empty()
    }

    /// An entity of this table is in a sparse set.
    pub(crate) fn set_aside(&mut self) {
        self.aside = true;
    }

    /// What is watched of its components.
    #[inline]
    pub(crate) fn watch(&self) -> Watch {
        self.watch
    }

    pub(crate) fn set_watch(&mut self, watch: Watch) {
        self.watch = watch;
    }

    pub(crate) fn despawned(&self) -> &RemovalLog {
        &self.despawned
    }

    pub(crate) fn despawned_mut(&mut self) -> &mut RemovalLog {
        &mut self.despawned
    }

    /// Logs the end of all rows.
    pub(crate) fn log_all(&mut self, tick: u32, capacity: usize) {
        self.despawned.extend(&self.entities, tick, capacity);
    }

    /// The number of the column of `component`.
    #[inline]
    pub(crate) fn column_index(&self, component: ComponentId) -> Option<usize> {
        match self.column_of.get(component.index()) {
            Some(&number) if number != NONE => Some(number as usize),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn column(&self, component: ComponentId) -> Option<&Column> {
        let number = self.column_index(component)?;
        // SAFETY: `column_of` has numbers of columns (invariant 2).
        Some(unsafe { self.columns.get_unchecked(number) })
    }

    #[inline]
    pub(crate) fn column_mut(&mut self, component: ComponentId) -> Option<&mut Column> {
        let number = self.column_index(component)?;
        // SAFETY: `column_of` has numbers of columns (invariant 2).
        Some(unsafe { self.columns.get_unchecked_mut(number) })
    }

    /// Where the head of the column of `component` is, for as long as the table lives (invariant 6). Whoever reads it then needs the table borrowed.
    #[inline]
    pub(crate) fn column_head(&self, component: ComponentId) -> Option<NonNull<Column>> {
        let number = self.column_index(component)?;
        // SAFETY: `column_of` has numbers of columns (invariant 2).
        Some(unsafe { self.columns.head(number) })
    }

    #[inline]
    pub(crate) fn column_number_mut(&mut self, number: usize) -> &mut Column {
        &mut self.columns[number]
    }

    pub(crate) fn column_of_type<T: Component>(&self) -> Option<&Column> {
        let type_id = TypeId::of::<T>();
        self.columns
            .iter()
            .find(|column| column.type_id() == type_id)
    }

    pub(crate) fn components(&self) -> impl ExactSizeIterator<Item = ComponentId> + '_ {
        self.columns.iter().map(Column::id)
    }

    /// Makes room for `additional` more rows.
    #[inline]
    pub(crate) fn reserve(&mut self, additional: usize) {
        if self.capacity - self.entities.len() < additional {
            self.grow(additional);
        }
    }

    #[cold]
    fn grow(&mut self, additional: usize) {
        let needed = self.entities.len().saturating_add(additional);
        assert!(
            needed <= ROW_LIMIT,
            "a table holds at most {ROW_LIMIT} rows"
        );
        let largest = self.columns.iter().map(Column::size).max().unwrap_or(0);
        let first = (COLUMN_ALIGN / largest.max(1)).clamp(1, 8);
        self.set_capacity(needed.max(self.capacity * 2).max(first).min(ROW_LIMIT));
    }

    fn set_capacity(&mut self, capacity: usize) {
        let len = self.entities.len();
        self.entities.reserve_exact(capacity - len);
        for column in self.columns.iter_mut() {
            column.set_capacity(capacity);
        }
        self.capacity = capacity;
    }

    /// Frees the room that no row uses; says how many bytes that was.
    pub(crate) fn shrink(&mut self) -> usize {
        let before = self.bytes();
        let len = self.entities.len();
        for column in self.columns.iter_mut() {
            column.set_capacity(len);
        }
        self.entities.shrink_to_fit();
        self.capacity = len;
        before - self.bytes()
    }

    /// Bytes allocated for rows and ids.
    pub(crate) fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(Column::bytes).sum();
        columns + self.entities.capacity() * size_of::<Entity>()
    }

    /// Bytes allocated for change ticks.
    pub(crate) fn tick_bytes(&mut self) -> usize {
        let columns: usize = self
            .columns
            .iter_mut()
            .map(|column| {
                column.tracks_mut().map_or(0, |tracks| {
                    size_of::<Tracks>() + tracks.changed.bytes() + tracks.added.bytes()
                })
            })
            .sum();
        columns + self.born.bytes() + self.tags.bytes()
    }

    /// Appends a row for `entity`, born at `tick`, and leaves its components unwritten.
    ///
    /// # Safety
    /// The caller writes every column of the row before anyone reads it (invariant 1).
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, entity: Entity, tick: u32) -> usize {
        // SAFETY: as the caller promises.
        let row = unsafe { self.push_id(entity) };
        self.born.set(row, tick, row + 1);
        row
    }

    /// Appends a row for `entity`, without a birth.
    ///
    /// # Safety
    /// As [`push`](Self::push).
    #[inline(always)]
    unsafe fn push_id(&mut self, entity: Entity) -> usize {
        let row = self.entities.len();
        if row == self.capacity {
            self.grow(1);
        }
        // SAFETY: below the capacity, so there is room (invariant 4).
        let end = unsafe { self.entities.as_mut_ptr().add(row) };
        // SAFETY: as above.
        unsafe { end.write(entity) };
        // SAFETY: the id of the new row was written just now.
        unsafe { self.entities.set_len(row + 1) };
        row
    }

    /// Takes `row` out: the last row fills its place. Values that need dropping end up just behind the rows, for
    /// [`drop_detached`](Self::drop_detached). Returns the entity that now lives in `row`, if another does.
    #[inline(always)]
    pub(crate) fn detach(&mut self, row: usize) -> Option<Entity> {
        assert!(row < self.entities.len());
        let len = self.entities.len();
        let last = len - 1;
        if row != last {
            for column in self.columns.iter_mut() {
                if column.has_drop() {
                    // SAFETY: both rows are in use.
                    unsafe { column.swap(row, last) };
                } else {
                    // SAFETY: the last row is in use; the value in `row` needs no drop.
                    unsafe { column.fill_hole(row, last) };
                }
                if let Some(tracks) = column.tracks_mut() {
                    tracks.swap_remove(row, len);
                }
            }
        }
        if !self.tags.is_empty() {
            self.tags.swap_remove(row, len);
        }
        self.forget_row(row)
    }

    /// Takes `row` off the ids and births: the last row is in its place.
    #[inline(always)]
    fn forget_row(&mut self, row: usize) -> Option<Entity> {
        self.born.swap_remove(row, self.entities.len());
        let last = self.entities.pop()?;
        let hole = self.entities.get_mut(row)?;
        *hole = last;
        Some(last)
    }

    /// Drops the values that the last `detach` left behind the rows, in `columns`.
    ///
    /// # Safety
    /// The table has not been touched since, and each column in `columns` was doomed then.
    #[inline]
    pub(crate) unsafe fn drop_detached(&self, columns: impl Iterator<Item = usize>) {
        let mut rest = DropRest {
            table: self,
            columns,
            first: self.entities.len(),
            count: 1,
        };
        rest.run();
    }

    /// Whether any column needs dropping.
    pub(crate) fn has_drop(&self) -> bool {
        self.has_drop
    }

    /// Moves `row` to `destination` by `plan`. Columns that the destination has and this table lacks are left unwritten there, and
    /// marked as added at `tick`. `slots` is told where `entity`, and the one that fills its place, are now. Returns the new row.
    ///
    /// With `moved_out`, the values of `plan.gone` have been moved out already; otherwise they wait for `drop_detached`.
    ///
    /// # Safety
    /// `plan` was made for these two tables; `row` is in use; the caller writes the unwritten columns before anyone reads them.
    #[inline(always)]
    pub(crate) unsafe fn move_row(
        &mut self,
        row: usize,
        destination: &mut Self,
        plan: &MovePlan,
        tick: u32,
        moved_out: bool,
        slots: &mut Entities,
    ) -> usize {
        debug_assert!(row < self.entities.len() && plan.table == destination.id.0);
        // Ids first, values last: what either needs lives in registers, and the loop over columns calls nothing but `memcpy`.
        // SAFETY: the row is in use.
        let entity = unsafe { *self.entities.get_unchecked(row) };
        // SAFETY: the kept columns are written below, the others by the caller.
        let to = unsafe { destination.push_id(entity) };
        // Cannot be 0: `row` is in use.
        let last = self.entities.len().wrapping_sub(1);
        let swapped = self.forget_id(row, last);
        slots.moved(entity, (self.id.0, row), swapped, (destination.id.0, to));
        if !self.born.is_always(&destination.born) {
            self.move_birth(row, last, destination, to);
        }
        if self.has_aside() {
            self.move_aside(row, last, destination, to);
        }
        for &number in &plan.added {
            // SAFETY: the plan was made for these tables (the caller's promise), so the column exists (invariant 5).
            let target = unsafe { destination.columns.get_unchecked_mut(number as usize) };
            target.tracks_or_new().added.set(to, tick, to + 1);
        }
        // What has to do with ticks is collected, and seen to afterwards if there is anything.
        let mut ticks = 0;
        if plan.drops && !moved_out {
            // SAFETY: both rows are in use and the plan is for this table.
            unsafe { self.doom(row, last, plan) };
        } else {
            for &number in &plan.gone {
                // SAFETY: as above.
                let source = unsafe { self.columns.get_unchecked_mut(number as usize) };
                ticks |= source.uneven_ticks();
                // SAFETY: the last row is in use; the value in `row` was moved out or needs no drop.
                unsafe { source.fill_hole(row, last) };
            }
        }
        for &Kept { from, to: number } in &plan.kept {
            // SAFETY: as above.
            let source = unsafe { self.columns.get_unchecked_mut(from as usize) };
            // SAFETY: as above.
            let target = unsafe { destination.columns.get_unchecked_mut(number as usize) };
            ticks |= source.ticks_differ(target);
            // SAFETY: the plan pairs columns of one component; `row` and `last` are in use, `to` is within the capacity.
            unsafe { source.relay(row, last, target, to) };
        }
        if ticks != 0 {
            self.carry_row(row, last, destination, plan, to);
        }
        to
    }

    /// Moves the birth tick of `row` to the last row of `destination`.
    #[inline(never)]
    fn move_birth(&mut self, row: usize, last: usize, destination: &mut Self, to: usize) {
        let born = self.born.get(row);
        destination.born.set(to, born, to + 1);
        self.born.swap_remove(row, last + 1);
    }

    /// Takes `row` off the ids: the last one takes its place, and is returned.
    #[inline(always)]
    fn forget_id(&mut self, row: usize, last: usize) -> Entity {
        debug_assert!(row <= last && last + 1 == self.entities.len());
        // SAFETY: the last row is in use.
        let end = *unsafe { self.entities.get_unchecked(last) };
        // SAFETY: the row is in use.
        *unsafe { self.entities.get_unchecked_mut(row) } = end;
        // SAFETY: one less, and not less than none.
        unsafe { self.entities.set_len(last) };
        end
    }

    /// Exchanges the values of `plan.gone` in `row` with the last ones, for them to be dropped.
    ///
    /// # Safety
    /// Both rows are in use and the plan is for this table.
    #[inline(never)]
    unsafe fn doom(&mut self, row: usize, last: usize, plan: &MovePlan) {
        for &number in &plan.gone {
            let column = &mut self.columns[number as usize];
            // SAFETY: both rows are in use.
            unsafe { column.swap(row, last) };
            if let Some(tracks) = column.tracks_mut() {
                tracks.swap_remove(row, last + 1);
            }
        }
    }

    /// The part of a move that has to do with change ticks, for columns that have some of their own.
    #[cold]
    #[inline(never)]
    fn carry_row(
        &mut self,
        row: usize,
        last: usize,
        destination: &mut Self,
        plan: &MovePlan,
        to: usize,
    ) {
        let (born, len) = (destination.born.get(to), last + 1);
        for &Kept { from, to: number } in &plan.kept {
            let source = &mut self.columns[from as usize];
            let target = &mut destination.columns[number as usize];
            if source.ticks_differ(target) != 0 {
                source.carry_ticks(row, target, to, born);
            }
            if let Some(tracks) = source.tracks_mut() {
                tracks.swap_remove(row, len);
            }
        }
        for &number in &plan.gone {
            if let Some(tracks) = self.columns[number as usize].tracks_mut() {
                tracks.swap_remove(row, len);
            }
        }
    }

    /// Makes room for all rows of `source`; as much as it has, if this table is empty, so that columns can change hands.
    pub(crate) fn reserve_like(&mut self, source: &Self) {
        if self.entities.is_empty() && self.capacity < source.capacity {
            self.set_capacity(source.capacity);
        }
        self.reserve(source.len());
    }

    /// Appends `rows` rows, whose ids `fill` appends, born at `tick`.
    ///
    /// # Safety
    /// There is room, the columns of these rows have been written, and `fill` appends so many ids and cannot panic.
    pub(crate) unsafe fn push_rows(
        &mut self,
        rows: usize,
        tick: u32,
        fill: impl FnOnce(&mut Vec<Entity>),
    ) {
        let start = self.entities.len();
        fill(&mut self.entities);
        debug_assert!(self.entities.len() == start + rows && start + rows <= self.capacity);
        self.born.set_tail(start, rows, tick);
    }

    /// Moves all rows to `destination`, which is empty and has the same capacity: columns change hands.
    fn hand_over(&mut self, destination: &mut Self, plan: &MovePlan) {
        debug_assert!(destination.entities.is_empty() && self.capacity == destination.capacity);
        core::mem::swap(&mut self.entities, &mut destination.entities);
        destination.born = core::mem::take(&mut self.born);
        for &Kept { from, to } in &plan.kept {
            let target = &mut destination.columns[to as usize];
            self.columns[from as usize].exchange(target);
        }
    }

    /// The part of `move_row` that concerns what is not in columns.
    #[cold]
    fn move_aside(&mut self, row: usize, last: usize, destination: &mut Self, to: usize) {
        destination.aside |= self.aside;
        self.tags.carry(row, &mut destination.tags, to);
        self.tags.swap_remove(row, last + 1);
    }

    /// Moves all rows behind those of `destination`, by `plan`. Values of `plan.gone` are left for [`drop_left`](Self::drop_left). Columns
    /// that this table lacks are marked as added at `tick`.
    ///
    /// # Safety
    /// `plan` was made for these two tables; `destination` has room, and the caller has written the columns that this table lacks.
    pub(crate) unsafe fn move_all(&mut self, destination: &mut Self, plan: &MovePlan, tick: u32) {
        let (rows, start) = (self.entities.len(), destination.entities.len());
        assert!(destination.capacity - start >= rows);
        if start == 0 && self.capacity == destination.capacity {
            self.hand_over(destination, plan);
        } else {
            // SAFETY: as the caller promises.
            unsafe { self.append_all(destination, plan) };
        }
        if self.has_aside() {
            destination.aside |= self.aside;
            self.tags.append_to(rows, &mut destination.tags, start);
        }
        for &target in &plan.added {
            let added = &mut destination.columns[target as usize].tracks_or_new().added;
            added.set_tail(start, rows, tick);
        }
        self.entities.clear();
        self.born.reset();
        for column in self.columns.iter_mut() {
            column.reset_ticks();
        }
    }

    /// Copies all rows, with their ticks, behind those of `destination`.
    ///
    /// # Safety
    /// As [`move_all`](Self::move_all); the rows here are given up.
    unsafe fn append_all(&mut self, destination: &mut Self, plan: &MovePlan) {
        let (rows, start) = (self.entities.len(), destination.entities.len());
        // Rows that all have the same ticks as those they join need no look at each.
        let plain = self.born.joins(&destination.born, start);
        if start == 0 {
            destination.born.reset();
        }
        destination.entities.extend_from_slice(&self.entities);
        let differing = if plain { usize::from(start == 0) } else { rows };
        for row in 0..differing {
            destination
                .born
                .set(start + row, self.born.get(row), start + row + 1);
        }
        for &Kept { from, to } in &plan.kept {
            let (source, target) = (
                &mut self.columns[from as usize],
                &mut destination.columns[to as usize],
            );
            // SAFETY: the plan pairs columns of one component; there is room; the source's rows are given up by the caller.
            unsafe { source.append_to(rows, target, start) };
            for row in 0..rows {
                if source.ticks_differ(target) == 0 {
                    break;
                }
                source.carry_ticks(row, target, start + row, self.born.get(row));
            }
        }
    }

    /// Drops the first `rows` rows of `columns`.
    ///
    /// # Safety
    /// The table is empty, and these rows were left by `move_all` just now.
    pub(crate) unsafe fn drop_left(&self, columns: impl Iterator<Item = usize>, rows: usize) {
        DropRest {
            table: self,
            columns,
            first: 0,
            count: rows,
        }
        .run();
    }

    /// Drops all rows.
    pub(crate) fn clear(&mut self) {
        let count = self.entities.len();
        self.entities.clear();
        self.born.reset();
        self.tags.reset();
        for column in self.columns.iter_mut() {
            column.reset_ticks();
        }
        let columns = 0..self.columns.len();
        DropRest {
            table: self,
            columns,
            first: 0,
            count,
        }
        .run();
    }

    /// Makes every tick "old".
    pub(crate) fn rebase(&mut self) {
        self.born.rebase();
        self.tags.rebase();
        self.despawned.rebase();
        for column in self.columns.iter_mut() {
            column.rebase();
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Drops rows column by column, and goes on with the next column if one panics.
///
/// Made only by code that gives up the rows: they lie at or behind the table's length.
struct DropRest<'a, I: Iterator<Item = usize>> {
    table: &'a Table,
    columns: I,
    first: usize,
    count: usize,
}

impl<I: Iterator<Item = usize>> DropRest<'_, I> {
    fn run(&mut self) {
        for number in self.columns.by_ref() {
            // SAFETY: whoever made this says that the rows are initialised and nobody else uses them.
            unsafe { self.table.columns[number].drop_rows(self.first, self.count) };
        }
    }
}

impl<I: Iterator<Item = usize>> Drop for DropRest<'_, I> {
    fn drop(&mut self) {
        self.run();
    }
}
