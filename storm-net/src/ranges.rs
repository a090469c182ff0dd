//! Which packet numbers arrived: ranges to acknowledge, and the window that refuses repeats.

/// Most ranges that are kept and sent; the oldest are forgotten, never the newest.
pub(crate) const RANGES_MAX: usize = 32;

/// Received packet numbers as ranges, newest first. Memory is constant.
#[derive(Clone, Debug)]
pub(crate) struct AckRanges {
    /// Inclusive (first, last), descending, with gaps between.
    ranges: [(u64, u64); RANGES_MAX],
    count: usize,
}

impl AckRanges {
    pub(crate) const fn new() -> Self {
        Self {
            ranges: [(0, 0); RANGES_MAX],
            count: 0,
        }
    }

    /// Newest first.
    pub(crate) fn as_slice(&self) -> &[(u64, u64)] {
        &self.ranges[..self.count]
    }

    pub(crate) fn largest(&self) -> Option<u64> {
        self.as_slice().first().map(|range| range.1)
    }

    /// Adds one number. Usual case (the next one): constant.
    pub(crate) fn insert(&mut self, number: u64) {
        let mut at = 0;
        while at < self.count && self.ranges[at].0 > number.saturating_add(1) {
            at += 1;
        }
        if at < self.count {
            let (first, last) = self.ranges[at];
            if (first..=last).contains(&number) {
                return;
            }
            if number == last + 1 {
                // It cannot touch the range above: the search would have stopped there.
                self.ranges[at].1 = number;
                return;
            }
            if number + 1 == first {
                self.ranges[at].0 = number;
                if at + 1 < self.count && self.ranges[at + 1].1 + 1 == number {
                    self.ranges[at].0 = self.ranges[at + 1].0;
                    self.ranges.copy_within(at + 2..self.count, at + 1);
                    self.count -= 1;
                }
                return;
            }
        }
        if self.count == RANGES_MAX {
            if at == RANGES_MAX {
                return;
            }
            self.count -= 1;
        }
        self.ranges.copy_within(at..self.count, at + 1);
        self.ranges[at] = (number, number);
        self.count += 1;
    }

    /// Forgets numbers up to and including `number`.
    pub(crate) fn forget_through(&mut self, number: u64) {
        while let Some(last) = self.count.checked_sub(1) {
            let (first, end) = self.ranges[last];
            if first > number {
                break;
            }
            if end > number {
                self.ranges[last].0 = number + 1;
                break;
            }
            self.count = last;
        }
    }
}

const WINDOW_WORDS: usize = 32;
/// Packet numbers below the highest that can still be told from repeats; older ones are refused.
pub(crate) const WINDOW: u64 = WINDOW_WORDS as u64 * 64;

/// A ring of bits over the last [`WINDOW`] packet numbers (RFC 4303 §3.4.3, with RFC 6479's ring).
#[derive(Clone, Debug)]
pub(crate) struct ReplayWindow {
    bits: [u64; WINDOW_WORDS],
    /// One more than the highest accepted.
    next: u64,
}

impl ReplayWindow {
    pub(crate) const fn new() -> Self {
        Self {
            bits: [0; WINDOW_WORDS],
            next: 0,
        }
    }

    /// Whether `number` was not accepted before. Changes nothing: authenticity is checked in between.
    pub(crate) fn is_new(&self, number: u64) -> bool {
        if number >= self.next {
            return true;
        }
        if self.next - number > WINDOW - 64 {
            return false;
        }
        let (word, bit) = place(number);
        self.bits[word] & bit == 0
    }

    /// The largest accepted.
    pub(crate) const fn largest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    pub(crate) fn accept(&mut self, number: u64) {
        if number >= self.next {
            let from = self.next.div_ceil(64);
            let to = number / 64;
            if to >= from {
                for word in from..=to.min(from + WINDOW_WORDS as u64 - 1) {
                    self.bits[word as usize % WINDOW_WORDS] = 0;
                }
                // The last words of a long jump are those that count.
                if to - from >= WINDOW_WORDS as u64 {
                    self.bits = [0; WINDOW_WORDS];
                }
            }
            self.next = number + 1;
        }
        let (word, bit) = place(number);
        self.bits[word] |= bit;
    }
}

fn place(number: u64) -> (usize, u64) {
    ((number / 64) as usize % WINDOW_WORDS, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn chance(state: &mut u64) -> u64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn ranges_agree_with_a_set_over_a_thousand_seeds() {
        for seed in 0..1000 {
            let mut state = seed;
            let (mut ranges, mut model) = (AckRanges::new(), BTreeSet::new());
            for _ in 0..40 {
                let number = chance(&mut state) % 60;
                ranges.insert(number);
                model.insert(number);
                if chance(&mut state).is_multiple_of(16) {
                    let through = chance(&mut state) % 60;
                    ranges.forget_through(through);
                    model.retain(|&n| n > through);
                }
                let kept: BTreeSet<u64> = ranges
                    .as_slice()
                    .iter()
                    .flat_map(|&(first, last)| first..=last)
                    .collect();
                assert_eq!(kept, model, "seed {seed}");
                for pair in ranges.as_slice().windows(2) {
                    assert!(
                        pair[1].1 + 1 < pair[0].0,
                        "seed {seed}: {:?}",
                        ranges.as_slice()
                    );
                }
            }
        }
    }

    #[test]
    fn more_gaps_than_ranges_forget_the_oldest() {
        let mut ranges = AckRanges::new();
        for number in (0..200).step_by(2) {
            ranges.insert(number);
        }
        assert_eq!(ranges.as_slice().len(), RANGES_MAX);
        assert_eq!(ranges.largest(), Some(198));
        assert_eq!(ranges.as_slice()[RANGES_MAX - 1], (136, 136));
        ranges.insert(0);
        assert_eq!(ranges.as_slice()[RANGES_MAX - 1], (136, 136));
        ranges.insert(u64::MAX >> 2);
        assert_eq!(ranges.largest(), Some(u64::MAX >> 2));
    }

    #[test]
    fn the_window_agrees_with_a_set_over_a_thousand_seeds() {
        for seed in 0..1000 {
            let mut state = seed;
            let (mut window, mut model) = (ReplayWindow::new(), BTreeSet::new());
            let mut high = 0u64;
            for _ in 0..200 {
                let jump = [3, 70, 500, 3000][(chance(&mut state) % 4) as usize];
                let number =
                    (high + chance(&mut state) % jump).saturating_sub(chance(&mut state) % jump);
                let old = high.saturating_sub(number) >= WINDOW - 64 && number < high;
                let new = window.is_new(number);
                if !old || model.contains(&number) {
                    assert_eq!(
                        new,
                        !model.contains(&number),
                        "seed {seed}, {number} below {high}"
                    );
                }
                if new {
                    window.accept(number);
                    model.insert(number);
                    high = high.max(number);
                }
                assert!(!window.is_new(number));
            }
        }
    }
}
