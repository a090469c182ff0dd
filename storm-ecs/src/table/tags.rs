//! Tags of a table: for each, a bit a row, and when it was set.
//!
//! Invariant: bits of rows past the table's length are clear.

use crate::column::Column;
use crate::component::{ComponentId, ComponentInfo};
use crate::track::Ticks;

/// The bits of one tag.
pub(crate) struct TagColumn {
    id: ComponentId,
    tracked: bool,
    /// May be shorter than the table: what is missing is clear.
    words: Vec<u64>,
    count: usize,
    /// When each bit was set. Of rows whose bit is clear it means nothing.
    ticks: Ticks,
    /// A column of no size, for those who look for values.
    values: Column,
}

impl core::fmt::Debug for TagColumn {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TagColumn")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl TagColumn {
    pub(crate) fn id(&self) -> ComponentId {
        self.id
    }

    /// Rows whose bit is set.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn ticks(&self) -> &Ticks {
        &self.ticks
    }

    pub(crate) fn values(&self) -> &Column {
        &self.values
    }

    #[inline]
    pub(crate) fn word(&self, word: usize) -> u64 {
        self.words.get(word).copied().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn has(&self, row: usize) -> bool {
        self.word(row / 64) >> (row % 64) & 1 == 1
    }

    /// Sets or clears a bit; says whether that changed it.
    fn put(&mut self, row: usize, on: bool) -> bool {
        if self.has(row) == on {
            return false;
        }
        if row / 64 >= self.words.len() {
            self.words.resize(row / 64 + 1, 0);
        }
        self.words[row / 64] ^= 1 << (row % 64);
        if on {
            self.count += 1;
        } else {
            self.count -= 1;
        }
        true
    }

    fn reset(&mut self) {
        self.words.clear();
        self.count = 0;
        self.ticks.reset();
    }
}

/// The tags that rows of a table ever had.
#[derive(Debug, Default)]
pub(crate) struct Tags(Vec<TagColumn>);

impl Tags {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TagColumn> {
        self.0.iter()
    }

    #[inline]
    pub(crate) fn get(&self, id: ComponentId) -> Option<&TagColumn> {
        self.0.iter().find(|tag| tag.id == id)
    }

    fn column(&mut self, info: &ComponentInfo) -> &mut TagColumn {
        let at = self.0.iter().position(|tag| tag.id == info.id());
        let at = at.unwrap_or_else(|| {
            self.0.push(TagColumn {
                id: info.id(),
                tracked: info.is_tracked(),
                words: Vec::new(),
                count: 0,
                ticks: Ticks::default(),
                values: Column::new(info),
            });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// Sets the bit of a row at `tick`; says whether it was clear. A bit that is set already is marked anew.
    pub(crate) fn set(&mut self, info: &ComponentInfo, row: usize, tick: u32) -> bool {
        let tag = self.column(info);
        if tag.tracked {
            tag.ticks.mark(row, tick);
        }
        tag.put(row, true)
    }

    /// Sets the bit of a row, which is clear, as of an earlier tick. `len` counts the table's rows.
    pub(crate) fn restore(&mut self, info: &ComponentInfo, row: usize, tick: u32, len: usize) {
        let tag = self.column(info);
        if tag.tracked {
            tag.ticks.set(row, tick, len);
        }
        tag.put(row, true);
    }

    /// Clears the bits of all rows for one tag.
    pub(crate) fn reset_one(&mut self, id: ComponentId) {
        if let Some(tag) = self.0.iter_mut().find(|tag| tag.id == id) {
            tag.reset();
        }
    }

    /// Clears the bit of a row; says whether it was set.
    pub(crate) fn clear(&mut self, id: ComponentId, row: usize) -> bool {
        self.0
            .iter_mut()
            .find(|tag| tag.id == id)
            .is_some_and(|tag| tag.put(row, false))
    }

    /// Tags of a row.
    pub(crate) fn of(&self, row: usize) -> impl Iterator<Item = ComponentId> {
        self.0
            .iter()
            .filter(move |tag| tag.has(row))
            .map(|tag| tag.id)
    }

    /// Row `len - 1` takes the place of `row`.
    pub(crate) fn swap_remove(&mut self, row: usize, len: usize) {
        for tag in &mut self.0 {
            let last = tag.has(len - 1);
            tag.put(len - 1, false);
            if row + 1 != len {
                tag.put(row, last);
            }
            tag.ticks.swap_remove(row, len);
        }
    }

    /// Gives the tags of `row` to row `to` of another table, the last of its rows.
    pub(crate) fn carry(&self, row: usize, target: &mut Self, to: usize) {
        for tag in self.0.iter().filter(|tag| tag.has(row)) {
            let other = target.like(tag);
            if tag.tracked {
                other.ticks.set(to, tag.ticks.get(row), to + 1);
            }
            other.put(to, true);
        }
    }

    /// Gives the tags of the first `rows` rows to those of another table from `start` on, and forgets them here.
    pub(crate) fn append_to(&mut self, rows: usize, target: &mut Self, start: usize) {
        for row in 0..rows {
            self.carry(row, target, start + row);
        }
        self.reset();
    }

    /// The column of the same tag, made if need be.
    fn like(&mut self, tag: &TagColumn) -> &mut TagColumn {
        let at = self.0.iter().position(|other| other.id == tag.id);
        let at = at.unwrap_or_else(|| {
            self.0.push(TagColumn {
                id: tag.id,
                tracked: tag.tracked,
                words: Vec::new(),
                count: 0,
                ticks: Ticks::default(),
                values: tag.values.empty_like(),
            });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// Forgets all bits: for a table that has no rows left.
    pub(crate) fn reset(&mut self) {
        for tag in &mut self.0 {
            tag.reset();
        }
    }

    /// Forgets a tag altogether.
    pub(crate) fn forget(&mut self, id: ComponentId) {
        self.0.retain(|tag| tag.id != id);
    }

    /// Makes every tick "old".
    pub(crate) fn rebase(&mut self) {
        for tag in &mut self.0 {
            tag.ticks.rebase();
        }
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        let columns: usize = self
            .0
            .iter()
            .map(|tag| tag.words.capacity() * size_of::<u64>() + tag.ticks.bytes())
            .sum();
        columns + self.0.capacity() * size_of::<TagColumn>()
    }
}
