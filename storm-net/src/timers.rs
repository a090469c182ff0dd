//! One timer a slot: a binary heap whose entries know their place, so that moving one costs log n and allocates nothing.

use crate::Time;

const NOWHERE: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: Vec<(Time, u32)>,
    /// Place in the heap by slot.
    places: Vec<u32>,
}

impl Timers {
    /// The earliest, if any is set.
    pub(crate) fn next(&self) -> Option<(Time, u32)> {
        self.heap.first().copied()
    }

    /// Sets the timer of `slot`; [`Time::NEVER`] clears it.
    pub(crate) fn set(&mut self, slot: u32, at: Time) {
        let index = slot as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, NOWHERE);
            self.heap.reserve(self.places.len() - self.heap.len());
        }
        match (self.places[index], at) {
            (NOWHERE, Time::NEVER) => {}
            (NOWHERE, _) => {
                self.heap.push((at, slot));
                self.places[index] = (self.heap.len() - 1) as u32;
                self.up(self.heap.len() - 1);
            }
            (place, Time::NEVER) => {
                let place = place as usize;
                self.places[index] = NOWHERE;
                self.heap.swap_remove(place);
                if place < self.heap.len() {
                    self.places[self.heap[place].1 as usize] = place as u32;
                    self.settle(place);
                }
            }
            (place, _) => {
                self.heap[place as usize].0 = at;
                self.settle(place as usize);
            }
        }
    }

    fn settle(&mut self, place: usize) {
        let place = self.up(place);
        self.down(place);
    }

    fn up(&mut self, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.heap[parent].0 <= self.heap[place].0 {
                break;
            }
            self.swap(place, parent);
            place = parent;
        }
        place
    }

    fn down(&mut self, mut place: usize) {
        loop {
            let mut least = place;
            for child in [2 * place + 1, 2 * place + 2] {
                if child < self.heap.len() && self.heap[child].0 < self.heap[least].0 {
                    least = child;
                }
            }
            if least == place {
                return;
            }
            self.swap(place, least);
            place = least;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.places[self.heap[a].1 as usize] = a as u32;
        self.places[self.heap[b].1 as usize] = b as u32;
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.heap.capacity() * size_of::<(Time, u32)>() + self.places.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_earliest_agrees_with_a_map_over_many_moves() {
        let (mut timers, mut model) = (Timers::default(), BTreeMap::new());
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let slot = (state >> 40) as u32 % 50;
            let at = match (state >> 20) % 5 {
                0 => Time::NEVER,
                _ => Time::from_micros((state >> 50) % 1000),
            };
            timers.set(slot, at);
            if at == Time::NEVER {
                model.remove(&slot);
            } else {
                model.insert(slot, at);
            }
            assert_eq!(
                timers.next().map(|next| next.0),
                model.values().min().copied()
            );
            if let Some((at, slot)) = timers.next() {
                assert_eq!(model[&slot], at);
            }
        }
    }
}
