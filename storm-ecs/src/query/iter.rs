//! Iterators of a query: row by row, and table by table as slices.
#![expect(unsafe_code, reason = "hands out rows under the query's access")]

use crate::query::data::{FetchTable, QueryData, SliceQueryData, TableIndex};
use crate::query::filter::QueryFilter;
use crate::query::state::TableList;
use crate::query::tables::cut;
use crate::table::BLOCK_ROWS;
use crate::world::World;

const WORDS_A_BLOCK: usize = BLOCK_ROWS / 64;

/// Items of a query, table by table. Prefer `for_each` and other whole-iterator methods in hot code: they loop over a table's rows directly.
pub struct QueryIter<'w, Q: QueryData, F: QueryFilter> {
    world: &'w World,
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
}

impl<Q: QueryData, F: QueryFilter> core::fmt::Debug for QueryIter<'_, Q, F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("QueryIter")
    }
}

impl<'w, Q: QueryData, F: QueryFilter> QueryIter<'w, Q, F> {
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
        Self {
            world,
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
        while let Some((number, columns)) = self.list.next(self.world, matches) {
            let table = &self.world.tables[number];
            if table.len() == 0 {
                continue;
            }
            let Some(columns) = columns.or_else(|| Q::columns(self.data, table)) else {
                continue;
            };
            let seen = FetchTable {
                table,
                now: self.now,
            };
            // SAFETY: these are the table's columns, and the iterator has the access (`new`).
            let fetch = unsafe { Q::fetch(columns, seen) };
            self.len = table.len();
            self.next = 0;
            if F::ROWS {
                self.end = self.len.div_ceil(64);
                self.bits = 0;
            } else {
                self.end = self.len;
                // SAFETY: as above.
                unsafe { Q::mark_table(fetch) };
            }
            return Some((fetch, F::fetch(self.filter, table, self.since)));
        }
        None
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
        if !F::ROWS {
            for row in self.next..self.end {
                // SAFETY: the row is below the table's length and given once.
                result = f(result, unsafe { Self::item(fetch, row) });
            }
            return result;
        }
        // What `next` began, up to the end of a block; then whole blocks.
        while (self.bits != 0 || !self.next.is_multiple_of(WORDS_A_BLOCK))
            && let Some(row) = self.next_row(filter)
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
    fn next_word(&mut self, filter: F::Fetch<'w>) -> bool {
        while self.next < self.end {
            let word = self.next;
            if word.is_multiple_of(WORDS_A_BLOCK) && !F::block(filter, word / WORDS_A_BLOCK) {
                self.next += WORDS_A_BLOCK;
                continue;
            }
            self.next += 1;
            self.bits = F::rows(filter, word);
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
    fn next_row(&mut self, filter: F::Fetch<'w>) -> Option<usize> {
        if self.bits == 0 && !self.next_word(filter) {
            return None;
        }
        let row = (self.next - 1) * 64 + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(row)
    }

    /// # Safety
    /// The row is one that `next_row` gave, once, with this fetch.
    #[inline]
    unsafe fn item(fetch: Q::Fetch<'w>, row: usize) -> Q::Item<'w> {
        if F::ROWS || Q::EXACT {
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
        loop {
            if !F::ROWS && self.next < self.end {
                // SAFETY: rows are left, so there is a table.
                let (fetch, _) = unsafe { self.current.unwrap_unchecked() };
                self.next += 1;
                // SAFETY: the row is below the table's length and given once.
                return Some(unsafe { Self::item(fetch, self.next - 1) });
            }
            if F::ROWS
                && let Some((fetch, filter)) = self.current
                && let Some(row) = self.next_row(filter)
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
        if let Some((fetch, filter)) = self.current.take() {
            result = self.fold_table(fetch, filter, result, &mut f);
        }
        while let Some((fetch, filter)) = self.enter_table() {
            result = self.fold_table(fetch, filter, result, &mut f);
        }
        result
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (if F::ROWS { 0 } else { self.end - self.next }, None)
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
