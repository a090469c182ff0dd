//! Tables seen from outside: rows as slices, and which of them changed.
#![expect(unsafe_code, reason = "shows columns as slices")]

use core::ops::Range;

use crate::component::{Component, Storage, Track};
use crate::entity::Entity;
use crate::query::filter::ticks;
use crate::table::{BLOCK_ROWS, Table, TableId};
use crate::tick::ChangeTick;
use crate::track::BlockBits;
use crate::world::World;

/// A table, for reading: all entities with exactly the same components. A row is an index into every one of its slices.
///
/// Rows keep their place until a structural change (spawn, despawn, insert, remove) touches their table.
///
/// Sparse components and tags are not columns: asking a table for one does not compile, for the answer would be silently none.
/// ```compile_fail
/// # use storm_ecs::{Component, Entity, World};
/// #[derive(Component)]
/// #[component(storage = "tag")]
/// struct Marked;
/// let world = World::new();
/// for table in world.tables::<Entity>() {
///     assert!(!table.has::<Marked>());
/// }
/// ```
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

const fn is_column<T: Component>() -> bool {
    matches!(T::STORAGE, Storage::Table)
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

    /// Whether its entities have `T`. Sparse components and tags, which some of them may have, do not compile here.
    #[must_use]
    pub fn has<T: Component>(self) -> bool {
        const { assert!(is_column::<T>(), "only columns belong to all of a table") };
        self.table.column_of_type::<T>().is_some()
    }

    /// The `T` of each row, aligned to 64 bytes; `None` if the table has no such column.
    #[must_use]
    pub fn column<T: Component>(self) -> Option<&'w [T]> {
        const { assert!(is_column::<T>(), "only columns belong to all of a table") };
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
        const { assert!(is_column::<T>(), "only columns belong to all of a table") };
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
        let blocks = if fetch.any() {
            self.len().div_ceil(BLOCK_ROWS)
        } else {
            0
        };
        ChangedRows {
            fetch,
            len: self.len(),
            block: 0,
            blocks,
            words: [0; WORDS_A_BLOCK],
            word: WORDS_A_BLOCK,
            bits: 0,
            base: 0,
        }
    }
}

const WORDS_A_BLOCK: usize = BLOCK_ROWS / 64;

/// Ranges of rows: an iterator, made by [`TableRef::changed_rows`].
#[derive(Clone, Debug)]
pub struct ChangedRows<'w> {
    fetch: crate::query::filter::TickFetch<'w>,
    len: usize,
    /// The next block to look at.
    block: usize,
    blocks: usize,
    /// The rows of the last one, and the next word of these.
    words: BlockBits,
    word: usize,
    /// What is left of the last word, shifted down to `base`.
    bits: u64,
    base: usize,
}

impl ChangedRows<'_> {
    /// Loads the next word that has rows.
    #[inline]
    fn next_word(&mut self) -> bool {
        loop {
            while self.word < WORDS_A_BLOCK {
                let bits = self.words[self.word];
                self.word += 1;
                if bits != 0 {
                    self.base = (self.block - 1) * BLOCK_ROWS + (self.word - 1) * 64;
                    self.bits = bits;
                    return true;
                }
            }
            while self.block < self.blocks && !self.fetch.block_newer(self.block) {
                self.block += 1;
            }
            if self.block >= self.blocks {
                return false;
            }
            self.words = self.fetch.block_bits(self.block);
            cut(&mut self.words, self.len - self.block * BLOCK_ROWS);
            self.block += 1;
            self.word = 0;
        }
    }

    #[inline]
    fn skip(&mut self, rows: u32) {
        self.bits = if rows == 64 { 0 } else { self.bits >> rows };
        self.base += rows as usize;
    }
}

/// Clears the bits of rows past the end; `len` counts the rows from the block's first on.
#[inline]
pub(crate) fn cut(words: &mut BlockBits, len: usize) {
    if len < BLOCK_ROWS {
        words[len / 64] &= (1 << (len % 64)) - 1;
        words[len / 64 + 1..].fill(0);
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
    world: &'w World,
    numbers: Box<dyn Iterator<Item = usize> + 'w>,
}

impl<'w> Tables<'w> {
    pub(crate) fn new(world: &'w World, numbers: impl Iterator<Item = usize> + 'w) -> Self {
        Self {
            world,
            numbers: Box::new(numbers),
        }
    }
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
            let table = &self.world.tables[self.numbers.next()?];
            if table.len() > 0 {
                return Some(TableRef {
                    table,
                    open: self.world.open_tick(),
                });
            }
        }
    }
}
