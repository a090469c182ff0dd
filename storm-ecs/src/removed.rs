//! Which entities lost a component, or were despawned, since a tick: rings of bounded length.

use crate::entity::Entity;

/// Removals that each log keeps at least, unless [`World::set_removal_capacity`](crate::World::set_removal_capacity) says otherwise.
pub const REMOVAL_CAPACITY: usize = 65_536;

/// Removals in order of time. Keeps at least the last `capacity`, at most twice as many.
#[derive(Debug, Default)]
pub(crate) struct RemovalLog {
    entities: Vec<Entity>,
    /// Where in `entities` each tick begins.
    runs: Vec<(u32, usize)>,
    /// Tick of the newest entry.
    tick: u32,
    /// Tick of the newest entry that was let go.
    lost: u32,
}

impl RemovalLog {
    #[inline]
    pub(crate) fn push(&mut self, entity: Entity, tick: u32, capacity: usize) {
        if tick != self.tick || self.entities.len() == self.entities.capacity() {
            self.prepare(tick, capacity);
        }
        self.entities.push(entity);
    }

    /// Adds many entries of one tick.
    pub(crate) fn extend(&mut self, entities: &[Entity], tick: u32, capacity: usize) {
        for part in entities.chunks(capacity.max(1)) {
            self.prepare(tick, capacity);
            if self.entities.len() + part.len() > capacity.saturating_mul(2) {
                self.forget(
                    self.entities
                        .len()
                        .min(self.entities.len() + part.len() - capacity),
                );
                if self.runs.is_empty() {
                    self.runs.push((tick, self.entities.len()));
                }
            }
            self.entities.extend_from_slice(part);
        }
    }

    /// Begins a run, or makes room.
    #[cold]
    fn prepare(&mut self, tick: u32, capacity: usize) {
        if self.entities.len() == self.entities.capacity()
            && self.entities.len() >= capacity.saturating_mul(2)
        {
            self.forget(self.entities.len() - capacity);
        }
        if tick != self.tick || self.runs.is_empty() {
            self.tick = tick;
            self.runs.push((tick, self.entities.len()));
        }
    }

    /// Lets the oldest `count` entries go.
    fn forget(&mut self, count: usize) {
        self.entities.drain(..count);
        let gone = self.runs.partition_point(|&(_, start)| start < count);
        if let Some(&(tick, _)) = self.runs[..gone].last() {
            self.lost = tick;
        }
        // The last run that began before the cut may reach beyond it.
        let cut = self.runs.get(gone).is_none_or(|&(_, start)| start > count)
            && !self.entities.is_empty();
        self.runs.drain(..gone - usize::from(cut));
        for (_, start) in &mut self.runs {
            *start = start.saturating_sub(count);
        }
    }

    /// Whether every entry newer than `since` is still here.
    pub(crate) fn reaches(&self, since: u32) -> bool {
        self.lost <= since
    }

    pub(crate) fn since(&self, since: u32) -> impl Iterator<Item = Entity> + '_ {
        let run = self.runs.partition_point(|&(tick, _)| tick <= since);
        let start = self
            .runs
            .get(run)
            .map_or(self.entities.len(), |&(_, start)| start);
        self.entities[start..].iter().copied()
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
        self.entities.capacity() * size_of::<Entity>()
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
                assert!(log.entities.len() <= 2 * capacity.max(4));
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
