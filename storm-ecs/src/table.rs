//! A table: the rows of one archetype, a column a component.
//!
//! Invariants:
//! 1. Every column's capacity is `capacity`, and rows `0..entities.len()` of every column are initialised, except between a call
//!    that says it leaves a row unwritten and its caller writing it; no user code runs in between.
//! 2. Columns are sorted by component id; `column_of[id]` is the column's number or `NONE`.
//! 3. Stale ticks left of removed rows are never newer than the present, so a row born now needs only its `born` tick.
#![expect(unsafe_code, reason = "moves type-erased rows")]

pub(crate) mod rows;
pub(crate) mod tags;

use core::any::TypeId;

use crate::column::{COLUMN_ALIGN, Column, Tracks};
use crate::component::{Component, ComponentId, Registry};
use crate::entities::ROW_LIMIT;
use crate::entity::Entity;
use crate::removed::RemovalLog;
use crate::table::tags::Tags;
use crate::track::Ticks;
use crate::watch::Watch;

/// Rows in a block: the unit of change ticks, parallel splits and deltas. Blocks are virtual; columns are contiguous.
pub const BLOCK_ROWS: usize = 1024;

const NONE: u16 = u16::MAX;
/// In [`MovePlan::route`]: the destination lacks the column.
pub(crate) const GONE: u16 = u16::MAX;

/// Number of a table in its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub(crate) u32);

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
    columns: Box<[Column]>,
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

/// How a row moves from one table to another.
pub(crate) struct MovePlan {
    /// Destination.
    pub(crate) table: u32,
    /// For each column of the source: its column in the destination, or [`GONE`].
    pub(crate) route: Box<[u16]>,
    /// Source columns that the destination lacks.
    pub(crate) gone: Box<[u16]>,
    /// Destination columns that the source lacks and whose writes are tracked.
    pub(crate) added: Box<[u16]>,
    /// For each component of the bundle: its column in the destination. Empty for removals.
    pub(crate) write: Box<[u16]>,
    /// For each component of the bundle: whether the source has it as well.
    pub(crate) replaces: Box<[bool]>,
    /// Whether any is replaced.
    pub(crate) replaces_any: bool,
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
                .collect(),
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
        self.columns.get(self.column_index(component)?)
    }

    #[inline]
    pub(crate) fn column_mut(&mut self, component: ComponentId) -> Option<&mut Column> {
        let number = self.column_index(component)?;
        self.columns.get_mut(number)
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
        for column in &mut self.columns {
            column.set_capacity(capacity);
        }
        self.capacity = capacity;
    }

    /// Frees the room that no row uses; says how many bytes that was.
    pub(crate) fn shrink(&mut self) -> usize {
        let before = self.bytes();
        let len = self.entities.len();
        for column in &mut self.columns {
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
        let row = self.entities.len();
        if row == self.capacity {
            self.grow(1);
        }
        self.entities.push(entity);
        self.born.set(row, tick, row + 1);
        row
    }

    /// Takes `row` out: the last row fills its place. Values that need dropping end up just behind the rows, for
    /// [`drop_detached`](Self::drop_detached). Returns the entity that now lives in `row`, if another does.
    #[inline(always)]
    pub(crate) fn detach(&mut self, row: usize) -> Option<Entity> {
        assert!(row < self.entities.len());
        let len = self.entities.len();
        let last = len - 1;
        for column in &mut self.columns {
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
        self.born.swap_remove(row, len);
        if !self.tags.is_empty() {
            self.tags.swap_remove(row, len);
        }
        self.entities.swap_remove(row);
        self.entities.get(row).copied()
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
    /// marked as added at `tick`. Returns the new row and the entity that now lives in the old one.
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
    ) -> (usize, Option<Entity>) {
        let entity = self.entities[row];
        let born = self.born.get(row);
        // SAFETY: the kept columns are written below, the others by the caller.
        let to = unsafe { destination.push(entity, born) };
        let len = self.entities.len();
        let last = len - 1;
        for (source, &route) in self.columns.iter_mut().zip(&plan.route) {
            if route == GONE {
                if source.has_drop() && !moved_out {
                    // SAFETY: both rows are in use.
                    unsafe { source.swap(row, last) };
                } else {
                    // SAFETY: the last row is in use; the value in `row` was moved out or needs no drop.
                    unsafe { source.fill_hole(row, last) };
                }
                if let Some(tracks) = source.tracks_mut() {
                    tracks.swap_remove(row, len);
                }
            } else {
                let target = &mut destination.columns[route as usize];
                // SAFETY: the plan pairs columns of one component; `row` and `last` are in use, `to` is within the capacity.
                unsafe { source.relay(row, last, target, to) };
                source.carry(row, target, to, born);
                if let Some(tracks) = source.tracks_mut() {
                    tracks.swap_remove(row, len);
                }
            }
        }
        for &target in &plan.added {
            destination.columns[target as usize]
                .tracks_or_new()
                .added
                .set(to, tick, to + 1);
        }
        self.born.swap_remove(row, len);
        if self.has_aside() {
            self.move_aside(row, destination, to);
        }
        self.entities.swap_remove(row);
        (to, self.entities.get(row).copied())
    }

    /// The part of `move_row` that concerns what is not in columns.
    #[cold]
    fn move_aside(&mut self, row: usize, destination: &mut Self, to: usize) {
        destination.aside |= self.aside;
        self.tags.carry(row, &mut destination.tags, to);
        self.tags.swap_remove(row, self.entities.len());
    }

    /// Moves all rows behind those of `destination`, by `plan`. Values of `plan.gone` are left for [`drop_left`](Self::drop_left). Columns
    /// that this table lacks are marked as added at `tick`.
    ///
    /// # Safety
    /// `plan` was made for these two tables; `destination` has room, and the caller has written the columns that this table lacks.
    pub(crate) unsafe fn move_all(&mut self, destination: &mut Self, plan: &MovePlan, tick: u32) {
        let (rows, start) = (self.entities.len(), destination.entities.len());
        assert!(destination.capacity - start >= rows);
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
        for (source, &route) in self.columns.iter_mut().zip(&plan.route) {
            if route == GONE {
                continue;
            }
            let target = &mut destination.columns[route as usize];
            // SAFETY: the plan pairs columns of one component; there is room; the source's rows are given up below.
            unsafe { source.append_to(rows, target, start) };
            for row in 0..rows {
                if !source.carry(row, target, start + row, self.born.get(row)) {
                    break;
                }
            }
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
        for column in &mut self.columns {
            column.reset_ticks();
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
        for column in &mut self.columns {
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
        for column in &mut self.columns {
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
