//! Marking a block as a whole.

use crate::track::Ticks;

impl Ticks {
    /// Every row of block `index` was written at `now`, which is not before any tick stored.
    pub(crate) fn mark_block(&mut self, index: usize, now: u32) {
        if self.all != now {
            self.max = now;
            let block = self.block(index);
            (block.max, block.dense) = (now, now);
        }
    }
}
