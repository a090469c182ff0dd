//! Which entities lost a component, or were despawned, since a tick: rings of bounded length.

use std::collections::VecDeque;

use crate::entity::Entity;

/// Removals that each log keeps, unless [`World::set_removal_capacity`](crate::World::set_removal_capacity) says otherwise.
pub const REMOVAL_CAPACITY: usize = 65_536;

/// Removals in order of time.
#[derive(Debug, Default)]
pub(crate) struct RemovalLog {
    ring: VecDeque<(Entity, u32)>,
    /// Tick of the newest entry that was let go.
    lost: u32,
}

impl RemovalLog {
    #[inline]
    pub(crate) fn push(&mut self, entity: Entity, tick: u32, capacity: usize) {
        while self.ring.len() >= capacity {
            let Some((_, old)) = self.ring.pop_front() else {
                self.lost = tick;
                return;
            };
            self.lost = old;
        }
        self.ring.push_back((entity, tick));
    }

    /// Whether every entry newer than `since` is still here.
    pub(crate) fn reaches(&self, since: u32) -> bool {
        self.lost <= since
    }

    pub(crate) fn since(&self, since: u32) -> impl Iterator<Item = Entity> + '_ {
        let start = self.ring.partition_point(|&(_, tick)| tick <= since);
        self.ring.range(start..).map(|&(entity, _)| entity)
    }

    pub(crate) fn rebase(&mut self) {
        self.lost = self.lost.min(1);
        for (_, tick) in &mut self.ring {
            *tick = (*tick).min(1);
        }
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
