//! One change track of a column (or table): for each row, the tick of its latest write.
//!
//! A row's tick is the greatest of `all`, its block's `dense` and, where the block has row ticks, its own. Nothing is
//! allocated until a row's tick differs from its block's. Marks of single rows are exact for every reader; `words` only
//! spare readers of every tick the scan of a block's ticks.

mod block;

use crate::table::BLOCK_ROWS;

const WORDS: usize = BLOCK_ROWS / 64;
/// A bit for each row of a block.
pub(crate) type BlockBits = [u64; WORDS];

#[derive(Debug, Default)]
pub(crate) struct Ticks {
    /// No row's tick is greater.
    max: u32,
    /// No row's tick is smaller.
    all: u32,
    /// May be shorter than the table: a missing block is a default one.
    blocks: Vec<Block>,
}

#[derive(Debug, Default)]
struct Block {
    /// No row's tick is greater, `all` aside.
    max: u32,
    /// No row's tick is smaller.
    dense: u32,
    rows: Option<Box<Rows>>,
}

#[derive(Debug)]
struct Rows {
    /// Rows whose bit is clear have a tick of at most this.
    floor: u32,
    /// Rows whose bit is set have a tick of at least this.
    first: u32,
    words: BlockBits,
    ticks: [u32; BLOCK_ROWS],
}

impl Rows {
    fn new() -> Box<Self> {
        Box::new(Self {
            floor: 0,
            first: u32::MAX,
            words: [0; WORDS],
            ticks: [0; BLOCK_ROWS],
        })
    }

    #[inline]
    fn set(&mut self, row: usize, tick: u32) {
        self.ticks[row] = tick;
        let (word, bit) = (row / 64, 1 << (row % 64));
        if tick > self.floor {
            self.words[word] |= bit;
            self.first = self.first.min(tick);
        } else {
            self.words[word] &= !bit;
        }
    }

    /// The rows of one word newer than `since`.
    #[inline]
    fn newer(&self, word: usize, since: u32) -> u64 {
        let ticks = &self.ticks.as_chunks::<64>().0[word];
        if since >= self.floor {
            let marked = self.words[word];
            if since < self.first {
                return marked;
            }
            let (mut left, mut newer) = (marked, 0);
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                newer |= u64::from(ticks[bit] > since) << bit;
            }
            return newer;
        }
        // Eight rows a byte: this form vectorises, a 64-bit accumulator does not.
        let mut bytes = [0u8; 8];
        for (byte, ticks) in bytes.iter_mut().zip(ticks.as_chunks::<8>().0) {
            for (bit, &tick) in ticks.iter().enumerate() {
                *byte |= u8::from(tick > since) << bit;
            }
        }
        u64::from_le_bytes(bytes)
    }
}

impl Ticks {
    /// The greatest tick of any row.
    #[inline]
    pub(crate) fn max(&self) -> u32 {
        self.max
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> u32 {
        if self.blocks.is_empty() {
            return self.all;
        }
        self.all
            .max(self.blocks.get(row / BLOCK_ROWS).map_or(0, |block| {
                let own = block
                    .rows
                    .as_ref()
                    .map_or(0, |rows| rows.ticks[row % BLOCK_ROWS]);
                block.dense.max(own)
            }))
    }

    /// Not 0 unless all rows have the same tick.
    #[inline(always)]
    pub(crate) fn uneven(&self) -> usize {
        self.blocks.len()
    }

    /// Whether all rows of this and of `other` have the same tick.
    #[inline(always)]
    pub(crate) fn is_always(&self, other: &Self) -> bool {
        (self.blocks.len() | other.blocks.len()) as u64 | u64::from(self.all ^ other.all) == 0
    }

    /// Forgets everything: for a table that has no rows left.
    #[inline]
    pub(crate) fn reset(&mut self) {
        self.max = 0;
        self.all = 0;
        if !self.blocks.is_empty() {
            self.blocks = Vec::new();
        }
    }

    /// Every row was written at `tick` or later.
    pub(crate) fn raise_all(&mut self, tick: u32) {
        self.max = self.max.max(tick);
        self.all = self.all.max(tick);
    }

    /// One row was written at `now`, which is not before any tick stored.
    #[inline]
    pub(crate) fn mark(&mut self, row: usize, now: u32) {
        if self.all == now {
            return;
        }
        // The usual case: others of the block were marked at this tick, so that all maxima are right.
        if let Some(block) = self.blocks.get_mut(row / BLOCK_ROWS)
            && block.max == now
            && let Some(rows) = &mut block.rows
        {
            if rows.ticks[row % BLOCK_ROWS] != now {
                rows.set(row % BLOCK_ROWS, now);
            }
            return;
        }
        self.mark_in_block(row, now);
    }

    #[inline(never)]
    fn mark_in_block(&mut self, row: usize, now: u32) {
        self.max = now;
        let block = self.block(row / BLOCK_ROWS);
        if block.dense == now {
            return;
        }
        let newest = block.max;
        block.max = now;
        let rows = block.rows.get_or_insert_with(Rows::new);
        if newest != now {
            // A new tick: someone has read. The bits start over, so that they are exactly what that reader has not seen.
            rows.floor = newest;
            rows.first = u32::MAX;
            rows.words = [0; WORDS];
        }
        rows.set(row % BLOCK_ROWS, now);
    }

    /// Sets the tick of one row exactly, whatever the slot held. `len` counts the rows that are in use, this one included.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, tick: u32, len: usize) {
        if !(self.blocks.is_empty() && self.all == tick) {
            self.set_cold(row, tick, len);
        }
    }

    #[inline(never)]
    fn set_cold(&mut self, row: usize, tick: u32, len: usize) {
        // The usual case of a block whose rows have ticks: nothing that stands for several rows is in the way.
        let alone = row + 1 == len && row.is_multiple_of(BLOCK_ROWS);
        if !alone
            && tick >= self.all
            && let Some(block) = self.blocks.get_mut(row / BLOCK_ROWS)
            && tick >= block.dense
            && let Some(rows) = &mut block.rows
        {
            self.max = self.max.max(tick);
            block.max = block.max.max(tick);
            rows.set(row % BLOCK_ROWS, tick);
            return;
        }
        self.set_slow(row, tick, len);
    }

    #[inline(never)]
    fn set_slow(&mut self, row: usize, tick: u32, len: usize) {
        if len == 1 {
            self.reset();
            self.all = tick;
            self.max = tick;
            return;
        }
        let old = self.get(row);
        let index = row / BLOCK_ROWS;
        let alone = row + 1 == len && row.is_multiple_of(BLOCK_ROWS);
        if alone && tick >= self.all {
            // The first row of a block nobody else lives in: the block starts afresh.
            self.max = self.max.max(tick);
            *self.block(index) = Block {
                max: tick,
                dense: tick,
                rows: None,
            };
            return;
        }
        if old == tick {
            return;
        }
        if tick < self.all {
            self.push_down(len);
        }
        self.max = self.max.max(tick);
        let block = self.block(index);
        block.max = block.max.max(tick);
        if tick < block.dense {
            let dense = core::mem::take(&mut block.dense);
            let rows = block.rows.get_or_insert_with(Rows::new);
            rows.floor = rows.floor.max(dense);
            for own in &mut rows.ticks {
                *own = dense.max(*own);
            }
        }
        let rows = block.rows.get_or_insert_with(Rows::new);
        rows.set(row % BLOCK_ROWS, tick);
    }

    /// Sets the ticks of the rows from `start` on, the last `rows` of the table.
    pub(crate) fn set_tail(&mut self, start: usize, rows: usize, tick: u32) {
        for row in start..start + rows {
            if row > 0 && self.blocks.is_empty() && self.all == tick {
                return;
            }
            self.set(row, tick, row + 1);
        }
    }

    /// Whether rows of this track, put behind `start` rows of `other`, need no ticks of their own there.
    pub(crate) fn joins(&self, other: &Self, start: usize) -> bool {
        self.blocks.is_empty() && (start == 0 || other.blocks.is_empty() && other.all == self.all)
    }

    /// Row `last` takes the place of `row`; `len` counts the rows before that.
    #[inline]
    pub(crate) fn swap_remove(&mut self, row: usize, len: usize) {
        if !self.blocks.is_empty() {
            self.swap_remove_cold(row, len);
        }
    }

    #[inline(never)]
    fn swap_remove_cold(&mut self, row: usize, len: usize) {
        if len == 1 {
            self.reset();
        } else if row + 1 != len {
            let tick = self.get(len - 1);
            self.set_cold(row, tick, len);
        }
    }

    /// A bit for each of the 64 rows from `word * 64` on that is newer than `since`; bits past the table's end mean nothing.
    #[inline]
    pub(crate) fn newer(&self, word: usize, since: u32) -> u64 {
        if self.all > since {
            return u64::MAX;
        }
        match self.blocks.get(word / WORDS) {
            Some(block) if block.max > since => {
                if block.dense > since {
                    u64::MAX
                } else {
                    block
                        .rows
                        .as_ref()
                        .map_or(0, |rows| rows.newer(word % WORDS, since))
                }
            }
            _ => 0,
        }
    }

    /// Adds the bits of block `index` to `out`; those past the table's end mean nothing.
    #[inline]
    pub(crate) fn newer_in_block(&self, index: usize, since: u32, out: &mut BlockBits) {
        if self.all > since {
            *out = [u64::MAX; WORDS];
            return;
        }
        let Some(block) = self.blocks.get(index) else {
            return;
        };
        if block.max <= since {
            return;
        }
        match &block.rows {
            Some(rows) if block.dense <= since => {
                if since >= rows.floor && since < rows.first {
                    for (out, word) in out.iter_mut().zip(&rows.words) {
                        *out |= word;
                    }
                } else {
                    for (word, out) in out.iter_mut().enumerate() {
                        *out |= rows.newer(word, since);
                    }
                }
            }
            _ => {
                if block.dense > since {
                    *out = [u64::MAX; WORDS];
                }
            }
        }
    }

    /// Whether block `index` may hold a row newer than `since`.
    #[inline]
    pub(crate) fn block_newer(&self, index: usize, since: u32) -> bool {
        self.all > since
            || self
                .blocks
                .get(index)
                .is_some_and(|block| block.max > since)
    }

    /// Makes every tick "old" (see [`ChangeTick`](crate::ChangeTick)).
    pub(crate) fn rebase(&mut self) {
        let old = |tick: &mut u32| *tick = (*tick).min(1);
        old(&mut self.max);
        old(&mut self.all);
        for block in &mut self.blocks {
            old(&mut block.max);
            old(&mut block.dense);
            if let Some(rows) = &mut block.rows {
                rows.ticks.iter_mut().for_each(old);
                rows.floor = 1;
                rows.first = u32::MAX;
                rows.words = [0; WORDS];
            }
        }
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        let rows = self
            .blocks
            .iter()
            .filter(|block| block.rows.is_some())
            .count();
        self.blocks.capacity() * size_of::<Block>() + rows * size_of::<Rows>()
    }

    fn block(&mut self, index: usize) -> &mut Block {
        if index >= self.blocks.len() {
            self.blocks.resize_with(index + 1, Block::default);
        }
        &mut self.blocks[index]
    }

    /// Turns `all` into the blocks' `dense`.
    fn push_down(&mut self, len: usize) {
        let all = core::mem::take(&mut self.all);
        let count = len.div_ceil(BLOCK_ROWS);
        if self.blocks.len() < count {
            self.blocks.resize_with(count, Block::default);
        }
        for block in &mut self.blocks {
            block.dense = block.dense.max(all);
            block.max = block.max.max(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification: a tick a row.
    #[derive(Default)]
    struct Model(Vec<u32>);

    fn check(ticks: &Ticks, model: &Model, since: u32) {
        for (row, &tick) in model.0.iter().enumerate() {
            assert_eq!(ticks.get(row), tick, "row {row}");
        }
        for (row, &tick) in model.0.iter().enumerate() {
            let bit = ticks.newer(row / 64, since) >> (row % 64) & 1 == 1;
            assert_eq!(bit, tick > since, "row {row} since {since}");
            assert!(tick <= since || ticks.block_newer(row / BLOCK_ROWS, since));
        }
        for block in 0..model.0.len().div_ceil(BLOCK_ROWS) {
            let mut bits = [0; WORDS];
            ticks.newer_in_block(block, since, &mut bits);
            for (word, bits) in bits.into_iter().enumerate() {
                let first = block * BLOCK_ROWS + word * 64;
                let used = match model.0.len().saturating_sub(first) {
                    0 => 0,
                    rows @ 1..64 => (1 << rows) - 1,
                    _ => u64::MAX,
                };
                assert_eq!(bits & used, ticks.newer(first / 64, since) & used);
            }
        }
    }

    #[test]
    fn a_track_agrees_with_a_tick_a_row_under_random_operations() {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        for run in 0..60 {
            let (mut ticks, mut model, mut now) = (Ticks::default(), Model::default(), 1u32);
            for _ in 0..400 {
                let len = model.0.len();
                match random(10) {
                    0..=2 => {
                        // Rows arrive with their own, possibly old, ticks.
                        for _ in 0..random(if run % 2 == 0 { 8 } else { 700 }) + 1 {
                            let tick = if random(4) == 0 {
                                random(now as usize + 1) as u32
                            } else {
                                now
                            };
                            model.0.push(tick);
                            ticks.set(model.0.len() - 1, tick, model.0.len());
                        }
                    }
                    3..=4 if len > 0 => {
                        for _ in 0..random(len) / 4 + 1 {
                            if model.0.is_empty() {
                                break;
                            }
                            let row = random(model.0.len());
                            ticks.swap_remove(row, model.0.len());
                            model.0.swap_remove(row);
                        }
                    }
                    5..=6 if len > 0 => {
                        for _ in 0..random(20) {
                            let row = random(len);
                            ticks.mark(row, now);
                            model.0[row] = now;
                        }
                    }
                    8 if len > 0 && random(3) == 0 => {
                        ticks.raise_all(now);
                        model.0.fill(now);
                    }
                    _ => now += 1,
                }
                check(&ticks, &model, random(now as usize + 1) as u32);
            }
            check(&ticks, &model, 0);
            ticks.rebase();
            for tick in &mut model.0 {
                *tick = (*tick).min(1);
            }
            check(&ticks, &model, 0);
            check(&ticks, &model, 1);
        }
    }

    #[test]
    fn a_table_written_as_a_whole_allocates_nothing() {
        let mut ticks = Ticks::default();
        for row in 0..5000 {
            ticks.set(row, 3, row + 1);
        }
        ticks.raise_all(4);
        assert_eq!(ticks.bytes(), 0);
    }
}
