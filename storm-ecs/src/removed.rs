//! Which entities lost a component, or were despawned, since a tick: rings of bounded length.

use std::collections::VecDeque;

use crate::entity::Entity;

/// Removals that each log keeps at least, unless [`World::set_removal_capacity`](crate::World::set_removal_capacity) says otherwise.
pub const REMOVAL_CAPACITY: usize = 65_536;

/// A full log has so many lists, and the one that is being written.
const PARTS: usize = 4;

/// Removals in order of time. Keeps at least the last `capacity`, and about a quarter more: several lists, of which the oldest is let go when
/// the newest is full. Nothing is ever moved within them.
#[derive(Debug, Default)]
pub(crate) struct RemovalLog {
    /// The newer entries.
    entities: Vec<Entity>,
    /// Tick of the newest entry.
    tick: u32,
    /// Tick of the newest entry that was let go.
    lost: u32,
    /// The lists before `entities`, all full, oldest first.
    older: VecDeque<Vec<Entity>>,
    /// How many entries they hold.
    before: usize,
    /// Where each tick begins, counted from the first entry ever.
    runs: Vec<(u32, usize)>,
    /// How many entries were let go.
    gone: usize,
}

impl RemovalLog {
    #[inline]
    pub(crate) fn push(&mut self, entity: Entity, tick: u32, capacity: usize) {
        if tick != self.tick || self.entities.len() == self.entities.capacity() {
            self.prepare(tick, capacity, 1);
        }
        self.entities.push(entity);
    }

    /// Adds many entries of one tick.
    pub(crate) fn extend(&mut self, mut entities: &[Entity], tick: u32, capacity: usize) {
        while !entities.is_empty() {
            self.prepare(tick, capacity, entities.len());
            let room = self.entities.capacity() - self.entities.len();
            let (part, rest) = entities.split_at(room.min(entities.len()));
            self.entities.extend_from_slice(part);
            entities = rest;
        }
    }

    /// Makes room for at least one entry, for `wanted` if they are not too many, and begins a run.
    #[cold]
    fn prepare(&mut self, tick: u32, capacity: usize, wanted: usize) {
        if self.entities.len() == self.entities.capacity() {
            let part = (capacity / PARTS).max(1);
            if self.entities.len() >= part {
                self.turn(capacity);
            }
            let len = self.entities.len();
            if len == self.entities.capacity() {
                let more = wanted.max(len).max(4).min(part - len);
                self.entities.reserve_exact(more);
            }
        }
        if tick != self.tick || self.runs.is_empty() {
            self.tick = tick;
            self.runs.push((tick, self.end()));
        }
    }

    /// The number of the entry to come.
    fn end(&self) -> usize {
        self.gone + self.before + self.entities.len()
    }

    /// Puts the newest list behind the older ones, of which those go that are not needed for `capacity` entries.
    fn turn(&mut self, capacity: usize) {
        self.before += self.entities.len();
        self.older.push_back(core::mem::take(&mut self.entities));
        while let Some(oldest) = self.older.front()
            && self.before - oldest.len() >= capacity
        {
            let mut oldest = self.older.pop_front().unwrap_or_default();
            self.before -= oldest.len();
            self.gone += oldest.len();
            oldest.clear();
            self.entities = oldest;
        }
        let first = self.gone;
        let before = self.runs.partition_point(|&(_, start)| start < first);
        if let Some(&(tick, _)) = self.runs[..before].last() {
            self.lost = tick;
        }
        // The last run that began before the cut may reach beyond it.
        let next = self.runs.get(before);
        let cut = next.is_none_or(|&(_, start)| start > first) && self.before > 0;
        self.runs.drain(..before - usize::from(cut && before > 0));
        if let Some((_, start)) = self.runs.first_mut() {
            *start = (*start).max(first);
        }
    }

    /// Tick of the newest entry, here or let go; 0 if there was none.
    pub(crate) fn newest(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.0).max(self.lost)
    }

    /// Counts entries up to `tick` as let go.
    pub(crate) fn give_up(&mut self, tick: u32) {
        self.lost = self.lost.max(tick);
    }

    /// Whether every entry newer than `since` is still here.
    pub(crate) fn reaches(&self, since: u32) -> bool {
        self.lost <= since
    }

    pub(crate) fn since(&self, since: u32) -> impl Iterator<Item = Entity> + '_ {
        let run = self.runs.partition_point(|&(tick, _)| tick <= since);
        let start = self.runs.get(run).map_or(self.end(), |&(_, start)| start) - self.gone;
        let lists = self.older.iter().chain(core::iter::once(&self.entities));
        let mut skip = start;
        lists.flat_map(move |list| {
            let from = skip.min(list.len());
            skip -= from;
            list[from..].iter().copied()
        })
    }

    pub(crate) fn rebase(&mut self) {
        self.lost = self.lost.min(1);
        self.tick = 0;
        for (tick, _) in &mut self.runs {
            *tick = (*tick).min(1);
        }
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        let older: usize = self.older.iter().map(Vec::capacity).sum();
        (self.entities.capacity() + older) * size_of::<Entity>()
            + self.runs.capacity() * size_of::<(u32, usize)>()
    }
}

/// Entities that lost a component: an iterator, made by [`World::removed`](crate::World::removed).
///
/// An entity is named once for each loss. It may have gained the component again since, or be gone.
/// Order: by table, then by time.
pub struct Removed<'w> {
    pub(crate) entities: Box<dyn Iterator<Item = Entity> + 'w>,
    pub(crate) complete: bool,
}

impl Removed<'_> {
    /// Whether nothing was lost from the logs since the tick asked for. If not, the reader has to look at everything anew.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

impl Iterator for Removed<'_> {
    type Item = Entity;

    fn next(&mut self) -> Option<Entity> {
        self.entities.next()
    }
}

impl core::fmt::Debug for Removed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Removed")
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_the_newest_and_says_what_it_lost() {
        for capacity in [1, 2, 3, 7, 64] {
            for per_tick in [1, 2, 5, 40] {
                let mut log = RemovalLog::default();
                for i in 0..500u32 {
                    log.push(Entity::from_bits(u64::from(i)), 1 + i / per_tick, capacity);
                    for since in [0, i / per_tick, (i / per_tick).saturating_sub(3)] {
                        let found: Vec<u64> = log.since(since).map(Entity::to_bits).collect();
                        let all: Vec<u64> = (0..=i)
                            .filter(|j| 1 + j / per_tick > since)
                            .map(u64::from)
                            .collect();
                        assert!(all.ends_with(&found), "in order, the newest");
                        assert!(found.len() >= all.len().min(capacity));
                        assert_eq!(
                            log.reaches(since),
                            found.len() == all.len(),
                            "capacity {capacity} since {since}"
                        );
                    }
                }
                assert!(log.before + log.entities.len() <= capacity + capacity.div_ceil(PARTS) + 1);
            }
        }
    }

    #[test]
    fn a_log_whose_capacity_changes_stays_in_order_and_says_what_it_lost() {
        let mut log = RemovalLog::default();
        for i in 0..2000u32 {
            let capacity = [64, 3, 200, 0, 17][i as usize / 400];
            log.push(Entity::from_bits(u64::from(i)), 1 + i / 5, capacity);
            for since in [0, i / 5, (i / 5).saturating_sub(3)] {
                let found: Vec<u64> = log.since(since).map(Entity::to_bits).collect();
                let all: Vec<u64> = (0..=i)
                    .filter(|j| 1 + j / 5 > since)
                    .map(u64::from)
                    .collect();
                assert!(all.ends_with(&found), "in order, the newest");
                assert_eq!(log.reaches(since), found.len() == all.len());
            }
        }
    }

    #[test]
    fn many_entries_at_once_are_kept_like_single_ones() {
        for capacity in [1, 3, 64, usize::MAX] {
            for batch in [1, 2, 5, 70, 300] {
                let mut log = RemovalLog::default();
                let mut all: Vec<(u64, u32)> = Vec::new();
                for round in 0..20u32 {
                    // Some ticks have two batches.
                    let tick = 1 + round / 2;
                    let entities: Vec<u64> =
                        (0..batch).map(|i| u64::from(round) * 1000 + i).collect();
                    all.extend(entities.iter().map(|&entity| (entity, tick)));
                    let entities: Vec<Entity> =
                        entities.into_iter().map(Entity::from_bits).collect();
                    log.extend(&entities, tick, capacity);
                    for since in [0, tick - 1, tick.saturating_sub(4)] {
                        let found: Vec<u64> = log.since(since).map(Entity::to_bits).collect();
                        let expected: Vec<u64> = all
                            .iter()
                            .filter(|&&(_, at)| at > since)
                            .map(|&(entity, _)| entity)
                            .collect();
                        assert!(expected.ends_with(&found));
                        assert!(found.len() >= expected.len().min(capacity));
                        assert!(!log.reaches(since) || found.len() == expected.len());
                        assert!(log.reaches(since) || found.len() < expected.len());
                    }
                }
            }
        }
    }
}
