//! Along the edges of a relation: the other ends of an entity's edges, and all that can be reached.

use core::fmt;
use std::collections::{HashSet, VecDeque};

use crate::entity::Entity;
use crate::relation::edges::{NONE, Relation, Relations, Side};

/// The other ends of an entity's edges, with the data of each; made by [`World::related`](crate::World::related) and
/// [`World::relating`](crate::World::relating).
pub struct Related<'a, R: Relation> {
    relations: Option<&'a Relations<R>>,
    at: u32,
    left: u32,
    side: Side,
}

impl<R: Relation> Clone for Related<'_, R> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<R: Relation> fmt::Debug for Related<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Related").field("left", &self.left).finish()
    }
}

impl<'a, R: Relation> Related<'a, R> {
    pub(super) fn new(relations: &'a Relations<R>, first: u32, count: u32, side: Side) -> Self {
        Self {
            relations: Some(relations),
            at: first,
            left: count,
            side,
        }
    }

    pub(super) const NONE: Self = Self {
        relations: None,
        at: NONE,
        left: 0,
        side: Side::Out,
    };
}

impl<'a, R: Relation> Iterator for Related<'a, R> {
    type Item = (Entity, &'a R::Data);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let edge = self.relations?.edges.get(self.at as usize)?;
        self.at = edge.next(self.side);
        Some((edge.other(self.side), edge.data.as_ref()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl<R: Relation> ExactSizeIterator for Related<'_, R> {}

/// What can be reached along edges, breadth first; made by [`World::reachable`](crate::World::reachable) and
/// [`World::reaching`](crate::World::reaching).
pub struct Reachable<'a, R: Relation> {
    current: Related<'a, R>,
    queue: VecDeque<Entity>,
    seen: HashSet<Entity>,
}

impl<R: Relation> fmt::Debug for Reachable<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reachable").finish_non_exhaustive()
    }
}

impl<'a, R: Relation> Reachable<'a, R> {
    pub(super) fn new(relations: &'a Relations<R>, start: Entity, side: Side) -> Self {
        Self {
            current: relations.ends(start, side),
            queue: VecDeque::new(),
            seen: HashSet::from([start]),
        }
    }

    pub(super) fn none() -> Self {
        Self {
            current: Related::NONE,
            queue: VecDeque::new(),
            seen: HashSet::new(),
        }
    }
}

impl<R: Relation> Iterator for Reachable<'_, R> {
    type Item = Entity;

    fn next(&mut self) -> Option<Entity> {
        loop {
            for (entity, _) in self.current.by_ref() {
                if self.seen.insert(entity) {
                    self.queue.push_back(entity);
                    return Some(entity);
                }
            }
            let relations = self.current.relations?;
            self.current = relations.ends(self.queue.pop_front()?, self.current.side);
        }
    }
}
