//! Rows in bulk, for restoring: whole tables filled from bytes or from columns made aside.
//!
//! Invariants:
//! 1. Rows `0..len` of a staged column are initialised, except those in `taken`.
//! 2. A staged column's component is the one it was made with; it is exchanged only with columns of that component.
#![expect(unsafe_code, reason = "fills type-erased columns")]

use core::ptr;

use crate::column::Column;
use crate::component::{ComponentId, ComponentInfo};
use crate::entity::Entity;
use crate::table::Table;

/// Values of one component outside any table; drops those that were not taken.
pub(crate) struct Staged {
    column: Column,
    capacity: usize,
    len: usize,
    /// A bit for each row that was moved out.
    taken: Vec<u64>,
}

impl Staged {
    pub(crate) fn new(info: &ComponentInfo, capacity: usize) -> Self {
        let mut column = Column::new(info);
        column.set_capacity(capacity);
        Self {
            column,
            capacity,
            len: 0,
            taken: Vec::new(),
        }
    }

    /// Room for the next value.
    pub(crate) fn room(&mut self) -> *mut u8 {
        assert!(self.len < self.capacity);
        self.column.at(self.len)
    }

    /// The value of row `row`.
    pub(crate) fn at(&self, row: usize) -> *mut u8 {
        assert!(row < self.len);
        self.column.at(row)
    }

    /// Counts the value that was written to [`room`](Self::room).
    ///
    /// # Safety
    /// It is a value of the component, and belongs to this column from now on.
    pub(crate) unsafe fn grown(&mut self) {
        assert!(self.len < self.capacity);
        self.len += 1;
    }

    /// The bytes of a Pod value where its type may lie; they belong to nobody.
    pub(crate) fn scratch(&mut self, bytes: &[u8]) -> *const u8 {
        assert!(self.capacity > 0 && bytes.len() == self.column.size() && !self.column.has_drop());
        // SAFETY: there is room for one value, and the bytes lie elsewhere.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.column.base(), bytes.len()) };
        self.column.base()
    }

    /// Adds `count` Pod values.
    ///
    /// # Safety
    /// The bytes are so many values of the component.
    pub(crate) unsafe fn push_bytes(&mut self, count: usize, bytes: &[u8]) {
        assert!(self.len + count <= self.capacity && bytes.len() == count * self.column.size());
        // SAFETY: there is room for the values, and the bytes lie elsewhere.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.column.at(self.len), bytes.len()) };
        self.len += count;
    }

    /// Moves the value of row `from` into row `to` of a table's column.
    ///
    /// # Safety
    /// That row is within the capacity and holds no value.
    pub(crate) unsafe fn move_out(&mut self, from: usize, column: &Column, to: usize) {
        assert!(from < self.len && column.id() == self.column.id());
        if self.column.has_drop() {
            self.taken.resize(self.len.div_ceil(64), 0);
            self.taken[from / 64] |= 1 << (from % 64);
        }
        // SAFETY: both are rows of one component in different memory; the value is the table's from now on.
        unsafe { crate::column::copy_value(self.column.at(from), column.at(to), column.size()) };
    }

    /// Exchanges the value of row `from` with that in row `to` of a table's column, which is in use.
    pub(crate) fn exchange(&mut self, from: usize, column: &mut Column, to: usize) {
        assert!(from < self.len && column.id() == self.column.id());
        // SAFETY: both rows are initialised and lie in different memory; both columns are borrowed exclusively.
        unsafe { ptr::swap_nonoverlapping(self.column.at(from), column.at(to), column.size()) };
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Rows are given up first: if a value panics while it is dropped, the rest of this column leaks and nothing is dropped twice.
        let len = core::mem::take(&mut self.len);
        if self.taken.is_empty() {
            // SAFETY: the rows are initialised (invariant 1), and `len` is 0 now.
            unsafe { self.column.drop_rows(0, len) };
            return;
        }
        for row in 0..len {
            if self.taken[row / 64] >> (row % 64) & 1 == 0 {
                // SAFETY: not taken, so initialised.
                unsafe { self.column.drop_rows(row, 1) };
            }
        }
    }
}

impl Column {
    /// Every row was written at `tick`.
    pub(crate) fn mark_rows(&mut self, tick: u32) {
        if self.is_tracked() {
            // SAFETY: `&mut self` is exclusive access.
            unsafe { self.mark_all(tick) };
        }
    }

    /// Every row of block `block` was written at `tick`.
    fn mark_block(&mut self, block: usize, tick: u32) {
        if self.is_tracked() {
            self.tracks_or_new().changed.mark_block(block, tick);
        }
    }

    /// Sets the ticks of rows that were just put in place of others: all written at `tick`, some added after their birth.
    fn set_ticks(&mut self, added: &[(u32, u32)], tick: u32, len: usize) {
        self.reset_ticks();
        if self.is_tracked() && len > 0 {
            for &(row, added) in added {
                self.tracks_or_new().added.set(row as usize, added, len);
            }
            // SAFETY: `&mut self` is exclusive access.
            unsafe { self.mark_all(tick) };
        }
    }
}

/// What a table is filled with.
pub(crate) enum Filling<'a> {
    /// Bytes of Pod values.
    Bytes(&'a [u8]),
    /// Values made aside.
    Values(Staged),
}

/// When the rows of a table to come were born, and their components added.
#[derive(Default)]
pub(crate) struct Births {
    pub(crate) born: Vec<u32>,
    /// By column: (row, tick) where the component was added after birth.
    pub(crate) added: Vec<Vec<(u32, u32)>>,
}

impl Table {
    /// Exchanges the values of a column for others of the same number, and marks what differs. Returns the old ones.
    ///
    /// # Safety
    /// Bytes are values of the column's component, one for each row and nothing else; staged values are as many as there are rows.
    pub(crate) unsafe fn overwrite(
        &mut self,
        number: usize,
        filling: Filling<'_>,
        tick: u32,
    ) -> Option<Staged> {
        let (len, capacity) = (self.entities.len(), self.capacity);
        let column = &mut self.columns[number];
        match filling {
            Filling::Bytes(bytes) => {
                assert!(bytes.len() == len * column.size());
                // Pieces of a few pages: compared and, if need be, copied while they are in the cache.
                let block_bytes = super::BLOCK_ROWS * column.size();
                for (block, bytes) in bytes.chunks(block_bytes.max(1)).enumerate() {
                    let mut differs = false;
                    for (piece, bytes) in bytes.chunks(4096).enumerate() {
                        let at = column
                            .base()
                            .wrapping_add(block * block_bytes + piece * 4096);
                        // SAFETY: within the initialised rows; Pod values are initialised bytes.
                        let present = unsafe { core::slice::from_raw_parts(at, bytes.len()) };
                        if present != bytes {
                            differs = true;
                            // SAFETY: in bounds, and the bytes are values of the column's type (the caller's promise).
                            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len()) };
                        }
                    }
                    if differs {
                        column.mark_block(block, tick);
                    }
                }
                None
            }
            Filling::Values(mut staged) => {
                assert!(
                    staged.len == len
                        && staged.capacity == capacity
                        && staged.column.id() == column.id()
                );
                // The tracks stay with the table.
                column.swap_values(&mut staged.column);
                column.mark_rows(tick);
                Some(staged)
            }
        }
    }

    /// Takes all rows away, without dropping a value: columns that need it come back as values set aside.
    pub(crate) fn empty(&mut self, registry: &crate::component::Registry) -> Vec<Staged> {
        let len = self.entities.len();
        let mut old = Vec::new();
        self.entities.clear();
        self.born.reset();
        self.tags_mut().reset();
        for column in self.columns.iter_mut() {
            column.reset_ticks();
            if column.has_drop() {
                let mut fresh = Staged::new(registry.info(column.id()), self.capacity);
                column.swap_values(&mut fresh.column);
                fresh.len = len;
                old.push(fresh);
            }
        }
        old
    }

    /// The capacity at which `rows` rows will be held once the table is filled.
    pub(crate) fn capacity_for(&self, rows: usize) -> usize {
        self.capacity.max(rows)
    }

    /// Fills an empty table. Rows count as changed at `tick`.
    ///
    /// # Safety
    /// There is a filling for each column, in order; parts of bytes follow each other in `parts` and hold one value a row in total; staged values
    /// are as many as there are rows.
    pub(crate) unsafe fn fill(
        &mut self,
        entities: Vec<Entity>,
        fillings: Vec<Vec<Filling<'_>>>,
        births: &Births,
        tick: u32,
    ) -> Vec<Staged> {
        assert!(self.entities.is_empty() && fillings.len() == self.columns.len());
        let (rows, capacity) = (entities.len(), self.capacity_for(entities.len()));
        for column in self.columns.iter_mut() {
            column.set_capacity(capacity);
        }
        self.capacity = capacity;
        let mut emptied = Vec::new();
        for (number, (column, parts)) in self.columns.iter_mut().zip(fillings).enumerate() {
            let mut row = 0;
            for part in parts {
                match part {
                    Filling::Bytes(bytes) => {
                        let count = bytes.len().checked_div(column.size()).unwrap_or(0);
                        assert!(row + count <= rows);
                        // SAFETY: in bounds of the capacity, and the bytes are values of the column's type.
                        unsafe {
                            ptr::copy_nonoverlapping(bytes.as_ptr(), column.at(row), bytes.len())
                        };
                        row += count;
                    }
                    Filling::Values(mut staged) => {
                        assert!(
                            staged.len == rows
                                && staged.capacity == capacity
                                && staged.column.id() == column.id()
                        );
                        column.swap_values(&mut staged.column);
                        staged.len = 0;
                        emptied.push(staged);
                        row = rows;
                    }
                }
            }
            assert!(row == rows || column.size() == 0);
            let added = births.added.get(number).map_or(&[][..], Vec::as_slice);
            column.set_ticks(added, tick, rows);
        }
        self.entities = entities;
        self.entities.reserve_exact(capacity - rows);
        for (row, &born) in births.born.iter().enumerate() {
            self.born.set(row, born, row + 1);
        }
        emptied
    }

    /// When `row` was born.
    pub(crate) fn born_tick(&self, row: usize) -> u32 {
        self.born.get(row)
    }

    /// When the component of column `number` was added to `row`, if that was after its birth.
    pub(crate) fn added_tick(&mut self, component: ComponentId, row: usize) -> Option<u32> {
        let born = self.born.get(row);
        let column = self.column_mut(component)?;
        let added = column
            .tracks_mut()
            .map_or(0, |tracks| tracks.added.get(row));
        Some(added.max(born))
    }
}
