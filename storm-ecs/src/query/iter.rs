//! Iterators of a query: row by row, and table by table as slices.
#![expect(unsafe_code, reason = "hands out rows under the query's access")]

use crate::entity::Entity;
use crate::query::aside::Driver;
use crate::query::data::{FetchTable, QueryData, SliceQueryData, TableIndex};
use crate::query::filter::QueryFilter;
use crate::query::matching::TableList;
use crate::query::tables::cut;
use crate::table::{BLOCK_ROWS, Table};
use crate::world::World;

const WORDS_A_BLOCK: usize = BLOCK_ROWS / 64;

/// Items of a query, table by table. Prefer `for_each` and other whole-iterator methods in hot code: they loop over a table's rows directly.
pub struct QueryIter<'w, Q: QueryData, F: QueryFilter> {
    world: &'w World,
    /// The world's, at hand: what loops write cannot change this slice.
    tables: &'w [Table],
    list: TableList<'w, Q::Columns>,
    data: Q::State,
    filter: F::State,
    now: u32,
    since: u32,
    /// Is there whenever `next < end`.
    current: Option<(Q::Fetch<'w>, F::Fetch<'w>)>,
    /// The next row; with a row filter, the next word.
    next: usize,
    /// The end of the same.
    end: usize,
    /// With a row filter: rows left of the word before `next`.
    bits: u64,
    len: usize,
    /// Of a driven query: entities left to look at, and the table that `current` is of.
    owners: core::slice::Iter<'w, Entity>,
    entered: u32,
}

impl<Q: QueryData, F: QueryFilter> core::fmt::Debug for QueryIter<'_, Q, F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("QueryIter")
    }
}

impl<'w, Q: QueryData, F: QueryFilter> QueryIter<'w, Q, F> {
    /// Whether it looks at single rows.
    const ROWS: bool = Q::ROWS || F::ROWS;
    /// Whether it goes through the entities of a sparse set, not through tables.
    const DRIVEN: bool = Q::DRIVEN || F::DRIVEN;

    /// # Safety
    /// For `'w` the caller lends the access that `Q` names to this iterator alone.
    #[inline]
    pub(crate) unsafe fn new(
        world: &'w World,
        list: TableList<'w, Q::Columns>,
        data: Q::State,
        filter: F::State,
        now: u32,
        since: u32,
    ) -> Self {
        let mut driver = Driver::default();
        if Self::DRIVEN {
            Q::drive(data, &world.sparse, &mut driver);
            F::drive(filter, &world.sparse, &mut driver);
        }
        Self {
            world,
            tables: &world.tables,
            list,
            data,
            filter,
            now,
            since,
            current: None,
            next: 0,
            end: 0,
            bits: 0,
            len: 0,
            owners: driver.entities().iter(),
            entered: u32::MAX,
        }
    }

    /// Goes to the next table that has rows.
    #[inline(always)]
    fn enter_table(&mut self) -> Option<(Q::Fetch<'w>, F::Fetch<'w>)> {
        let index = TableIndex {
            tables_with: &self.world.tables_with,
        };
        let matches =
            |word| Q::tables(self.data, &index, word) & F::tables(self.filter, &index, word);
        while let Some((table, columns)) = self.list.next(self.tables, matches) {
            if table.len() == 0 {
                continue;
            }
            let Some(columns) = columns.or_else(|| Q::columns(self.data, table)) else {
                continue;
            };
            let seen = self.seen(table);
            // SAFETY: these are the table's columns, and the iterator has the access (`new`).
            let fetch = unsafe { Q::fetch(columns, seen) };
            let filter = F::fetch(self.filter, seen, self.since);
            self.len = table.len();
            self.next = 0;
            if Self::ROWS {
                if !(Q::any(fetch) && F::any(filter)) {
                    continue;
                }
                self.end = self.len.div_ceil(64);
                self.bits = 0;
            } else {
                self.end = self.len;
                // SAFETY: as above.
                unsafe { Q::mark_table(fetch) };
            }
            return Some((fetch, filter));
        }
        None
    }

    #[inline]
    fn seen(&self, table: &'w Table) -> FetchTable<'w> {
        FetchTable {
            table,
            sets: &self.world.sparse,
            now: self.now,
        }
    }

    /// Of a driven query: the next entity that matches, as fetch and row.
    fn next_owner(&mut self) -> Option<(Q::Fetch<'w>, usize)> {
        loop {
            let location = self.world.entities.get(*self.owners.next()?)?;
            if self.entered != location.table {
                self.entered = location.table;
                self.current = self.enter(location.table as usize);
            }
            let row = location.row as usize;
            if let Some((fetch, filter)) = self.current
                && Q::row(fetch, row)
                && F::row(filter, row)
            {
                return Some((fetch, row));
            }
        }
    }

    /// Of a driven query: the fetches of a table, if it matches.
    fn enter(&self, number: usize) -> Option<(Q::Fetch<'w>, F::Fetch<'w>)> {
        let table = &self.world.tables[number];
        if !F::matches(self.filter, table) {
            return None;
        }
        let columns = Q::columns(self.data, table)?;
        let seen = self.seen(table);
        // SAFETY: these are the table's columns, and the iterator has the access (`new`).
        let fetch = unsafe { Q::fetch(columns, seen) };
        Some((fetch, F::fetch(self.filter, seen, self.since)))
    }

    #[inline]
    fn next_table(&mut self) -> bool {
        self.current = self.enter_table();
        self.current.is_some()
    }

    /// Folds what is left of a table.
    #[inline(always)]
    fn fold_table<B>(
        &mut self,
        fetch: Q::Fetch<'w>,
        filter: F::Fetch<'w>,
        mut result: B,
        mut f: impl FnMut(B, Q::Item<'w>) -> B,
    ) -> B {
        if !Self::ROWS {
            for row in self.next..self.end {
                // SAFETY: the row is below the table's length and given once.
                result = f(result, unsafe { Self::item(fetch, row) });
            }
            return result;
        }
        // What `next` began, up to the end of a block; then whole blocks.
        while (self.bits != 0 || !self.next.is_multiple_of(WORDS_A_BLOCK))
            && let Some(row) = self.next_row(fetch, filter)
        {
            // SAFETY: the row was given just now.
            result = f(result, unsafe { Self::item(fetch, row) });
        }
        for block in self.next.div_ceil(WORDS_A_BLOCK)..self.len.div_ceil(BLOCK_ROWS) {
            if !F::block(filter, block) {
                continue;
            }
            let mut words = F::block_rows(filter, block);
            cut(&mut words, self.len - block * BLOCK_ROWS);
            for (word, mut bits) in words.into_iter().enumerate() {
                let base = block * BLOCK_ROWS + word * 64;
                if Q::ROWS && bits != 0 {
                    bits &= Q::word(fetch, base / 64);
                }
                while bits != 0 {
                    let row = base + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    // SAFETY: the row is below the table's length and given once.
                    result = f(result, unsafe { Self::item(fetch, row) });
                }
            }
        }
        result
    }

    /// With a row filter: loads the next word that has rows.
    #[inline]
    fn next_word(&mut self, fetch: Q::Fetch<'w>, filter: F::Fetch<'w>) -> bool {
        while self.next < self.end {
            let word = self.next;
            if word.is_multiple_of(WORDS_A_BLOCK) && !F::block(filter, word / WORDS_A_BLOCK) {
                self.next += WORDS_A_BLOCK;
                continue;
            }
            self.next += 1;
            self.bits = F::rows(filter, word);
            if Q::ROWS && self.bits != 0 {
                self.bits &= Q::word(fetch, word);
            }
            if self.len - word * 64 < 64 {
                self.bits &= (1 << (self.len - word * 64)) - 1;
            }
            if self.bits != 0 {
                return true;
            }
        }
        false
    }

    /// With a row filter: the next row of the current table, if it has one left.
    #[inline]
    fn next_row(&mut self, fetch: Q::Fetch<'w>, filter: F::Fetch<'w>) -> Option<usize> {
        if self.bits == 0 && !self.next_word(fetch, filter) {
            return None;
        }
        let row = (self.next - 1) * 64 + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(row)
    }

    /// # Safety
    /// The row is one that `next_row` or `next_owner` gave, once, with this fetch.
    #[inline]
    unsafe fn item(fetch: Q::Fetch<'w>, row: usize) -> Q::Item<'w> {
        if Self::ROWS || Q::EXACT {
            // SAFETY: the row is in use, and the iterator has the access.
            unsafe { Q::mark_row(fetch, row) };
        }
        // SAFETY: the row is in use and given once, and the iterator has the access.
        unsafe { Q::item(fetch, row) }
    }
}

impl<'w, Q: QueryData, F: QueryFilter> Iterator for QueryIter<'w, Q, F> {
    type Item = Q::Item<'w>;

    #[inline]
    fn next(&mut self) -> Option<Q::Item<'w>> {
        if Self::DRIVEN {
            let (fetch, row) = self.next_owner()?;
            // SAFETY: the row was given just now; an entity is in a set once.
            return Some(unsafe { Self::item(fetch, row) });
        }
        loop {
            if !Self::ROWS && self.next < self.end {
                // SAFETY: rows are left, so there is a table.
                let (fetch, _) = unsafe { self.current.unwrap_unchecked() };
                self.next += 1;
                // SAFETY: the row is below the table's length and given once.
                return Some(unsafe { Self::item(fetch, self.next - 1) });
            }
            if Self::ROWS
                && let Some((fetch, filter)) = self.current
                && let Some(row) = self.next_row(fetch, filter)
            {
                // SAFETY: the row was given just now.
                return Some(unsafe { Self::item(fetch, row) });
            }
            if !self.next_table() {
                (self.current, self.next, self.end) = (None, 0, 0);
                return None;
            }
        }
    }

    #[inline]
    fn fold<B, G: FnMut(B, Q::Item<'w>) -> B>(mut self, init: B, mut f: G) -> B {
        let mut result = init;
        if Self::DRIVEN {
            while let Some((fetch, row)) = self.next_owner() {
                // SAFETY: the row was given just now; an entity is in a set once.
                result = f(result, unsafe { Self::item(fetch, row) });
            }
            return result;
        }
        if let Some((fetch, filter)) = self.current.take() {
            result = self.fold_table(fetch, filter, result, &mut f);
        }
        while let Some((fetch, filter)) = self.enter_table() {
            result = self.fold_table(fetch, filter, result, &mut f);
        }
        result
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (if Self::ROWS { 0 } else { self.end - self.next }, None)
    }
}

impl<'w, Q: SliceQueryData, F: QueryFilter> QueryIter<'w, Q, F> {
    /// Each table's slices and how many rows they have. The iterator must not have been advanced.
    pub(crate) fn into_tables(mut self) -> impl Iterator<Item = (Q::Slice<'w>, usize)> {
        core::iter::from_fn(move || {
            let (fetch, _) = self.enter_table()?;
            // SAFETY: the table matched, `len` is its length, each table comes once, and the iterator has the access.
            Some((unsafe { Q::slice(fetch, self.len) }, self.len))
        })
    }
}

#[cfg(feature = "rayon")]
impl<'w, Q: QueryData, F: QueryFilter> QueryIter<'w, Q, F> {
    /// Each table's fetch and how many rows it has. The iterator must not have been advanced.
    pub(crate) fn into_fetches(mut self) -> impl Iterator<Item = (Q::Fetch<'w>, usize)> {
        core::iter::from_fn(move || self.enter_table().map(|(fetch, _)| (fetch, self.len)))
    }
}

/// Slices of a query, table by table; made by [`Query::into_slices`](crate::Query::into_slices).
pub struct SliceIter<'w, Q: SliceQueryData, F: QueryFilter>(pub(crate) QueryIter<'w, Q, F>);

impl<Q: SliceQueryData, F: QueryFilter> core::fmt::Debug for SliceIter<'_, Q, F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SliceIter")
    }
}

impl<'w, Q: SliceQueryData, F: QueryFilter> Iterator for SliceIter<'w, Q, F> {
    type Item = Q::Slice<'w>;

    #[inline]
    fn next(&mut self) -> Option<Q::Slice<'w>> {
        if !self.0.next_table() {
            return None;
        }
        let (fetch, _) = self.0.current?;
        // SAFETY: the table matched, `len` is its length, each table comes once, and the iterator has the access.
        Some(unsafe { Q::slice(fetch, self.0.len) })
    }
}
