//! Tables seen from outside: rows as slices, and which of them changed.
#![expect(unsafe_code, reason = "shows columns as slices")]

use core::ops::Range;

use crate::component::{Component, Track};
use crate::entity::Entity;
use crate::query::filter::ticks;
use crate::query::state::TableList;
use crate::table::{BLOCK_ROWS, Table, TableId};
use crate::tick::ChangeTick;
use crate::world::World;

/// A table, for reading: all entities with exactly the same components. A row is an index into every one of its slices.
///
/// Rows keep their place until a structural change (spawn, despawn, insert, remove) touches their table.
#[derive(Clone, Copy)]
pub struct TableRef<'w> {
    table: &'w Table,
    open: u32,
}

impl core::fmt::Debug for TableRef<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TableRef")
            .field("id", &self.id())
            .field("len", &self.len())
            .finish()
    }
}

impl<'w> TableRef<'w> {
    /// Its number in the world.
    #[must_use]
    pub fn id(self) -> TableId {
        self.table.id()
    }

    /// Rows.
    #[must_use]
    pub fn len(self) -> usize {
        self.table.len()
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The entity of each row.
    #[must_use]
    pub fn entities(self) -> &'w [Entity] {
        self.table.entities()
    }

    /// Whether its entities have `T`.
    #[must_use]
    pub fn has<T: Component>(self) -> bool {
        self.table.column_of_type::<T>().is_some()
    }

    /// The `T` of each row, aligned to 64 bytes; `None` if the table has no such column.
    #[must_use]
    pub fn column<T: Component>(self) -> Option<&'w [T]> {
        let column = self.table.column_of_type::<T>()?;
        // SAFETY: the column is a T's, all rows are in use, and the world is borrowed for 'w, which excludes writers.
        Some(unsafe { column.slice::<T>(self.table.len()) })
    }

    /// The rows whose `T` was written since `since`, as ascending ranges that do not touch. Spawning and inserting are writes;
    /// moving between tables is not, and does not lose a write either.
    ///
    /// Rows written one by one are exact. After a loop over `&mut T` the whole table counts as written.
    ///
    /// Costs in proportion to what changed: a clean table is one comparison, a clean block of 1024 rows one more.
    #[must_use]
    pub fn changed_rows<T: Component>(self, since: ChangeTick) -> ChangedRows<'w> {
        const {
            assert!(
                !matches!(T::TRACK, Track::None),
                "the component is not tracked"
            )
        };
        let fetch = ticks::changed(
            self.table,
            self.table.column_of_type::<T>(),
            since.before(self.open),
        );
        let words = if fetch.any() {
            self.len().div_ceil(64)
        } else {
            0
        };
        ChangedRows {
            fetch,
            len: self.len(),
            word: 0,
            words,
            bits: 0,
            base: 0,
        }
    }
}

/// Ranges of rows: an iterator, made by [`TableRef::changed_rows`].
#[derive(Clone, Debug)]
pub struct ChangedRows<'w> {
    fetch: crate::query::filter::TickFetch<'w>,
    len: usize,
    /// The next word to look at.
    word: usize,
    words: usize,
    /// What is left of the last one, shifted down to `base`.
    bits: u64,
    base: usize,
}

const WORDS_A_BLOCK: usize = BLOCK_ROWS / 64;

impl ChangedRows<'_> {
    /// Loads the next word that has rows.
    #[inline]
    fn next_word(&mut self) -> bool {
        while self.word < self.words {
            if self.word.is_multiple_of(WORDS_A_BLOCK)
                && !self.fetch.block_newer(self.word / WORDS_A_BLOCK)
            {
                self.word += WORDS_A_BLOCK;
                continue;
            }
            let mut bits = self.fetch.word(self.word);
            self.base = self.word * 64;
            if self.len - self.base < 64 {
                bits &= (1 << (self.len - self.base)) - 1;
            }
            self.word += 1;
            if bits != 0 {
                self.bits = bits;
                return true;
            }
        }
        false
    }

    #[inline]
    fn skip(&mut self, rows: u32) {
        self.bits = if rows == 64 { 0 } else { self.bits >> rows };
        self.base += rows as usize;
    }
}

impl Iterator for ChangedRows<'_> {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        if self.bits == 0 && !self.next_word() {
            return None;
        }
        self.skip(self.bits.trailing_zeros());
        let start = self.base;
        loop {
            self.skip(self.bits.trailing_ones());
            let end = self.base;
            // A run that reaches the end of a word may go on in the next.
            let joins = self.bits == 0
                && end.is_multiple_of(64)
                && self.next_word()
                && self.base == end
                && self.bits & 1 == 1;
            if !joins {
                return Some(start..end);
            }
        }
    }
}

/// Tables with rows: an iterator, made by [`World::tables`].
pub struct Tables<'w> {
    pub(crate) world: &'w World,
    pub(crate) list: TableList<'w>,
    pub(crate) matches: Box<dyn Fn(usize) -> u64 + 'w>,
}

impl core::fmt::Debug for Tables<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tables")
    }
}

impl<'w> Iterator for Tables<'w> {
    type Item = TableRef<'w>;

    fn next(&mut self) -> Option<TableRef<'w>> {
        loop {
            let number = self.list.next(self.world, &self.matches)?;
            let table = &self.world.tables[number];
            if table.len() > 0 {
                return Some(TableRef {
                    table,
                    open: self.world.open_tick(),
                });
            }
        }
    }
}
