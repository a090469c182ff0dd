//! The index of the hierarchy: for each entity its parent, its siblings and its first and last child, by entity index.
//!
//! Linking, unlinking and moving a child take constant time. Every entity has at most one parent, so from any start the links downwards are a
//! tree, but for a cycle that leads back to the start itself: walks need no memory to be sure to end.
//!
//! Invariants: the children of a node are a doubly linked list of `count` nodes whose `parent` it is; a node with a parent is in that
//! parent's list.

use crate::entity::Entity;
use crate::relation::pages::Pages;
use crate::resource::Resource;

const NONE: u32 = u32::MAX;

/// One entity's place. Links are entity indices.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Whose node it is: indices are used again.
    entity: Entity,
    parent: u32,
    first: u32,
    last: u32,
    previous: u32,
    next: u32,
    count: u32,
}

const FREE: Node = Node {
    entity: Entity::DANGLING,
    parent: NONE,
    first: NONE,
    last: NONE,
    previous: NONE,
    next: NONE,
    count: 0,
};

/// Where a child goes among its siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Last,
    After(Entity),
}

/// Parents and children as [`ChildOf`](crate::ChildOf) says, for reading. The world keeps it; systems get it as `Option<Res<Hierarchy>>` (it is there
/// once an entity has had a child), others through [`World::children`](crate::World::children) and its like.
///
/// A `ChildOf` that names a dead entity, or one of another world, counts as none here.
///
/// ```
/// use storm_ecs::{ChildOf, Hierarchy, Res, Schedule, World};
///
/// fn leaves(hierarchy: Option<Res<Hierarchy>>) {
///     assert_eq!(hierarchy.unwrap().len(), 2);
/// }
///
/// let mut world = World::new();
/// let tree = world.spawn(());
/// world.spawn_batch([ChildOf(tree), ChildOf(tree)]);
/// let mut schedule = Schedule::new("example");
/// schedule.add_systems(leaves);
/// schedule.run(&mut world).unwrap();
/// ```
#[derive(Debug)]
pub struct Hierarchy {
    nodes: Pages<Node>,
    len: usize,
}

impl Resource for Hierarchy {}

impl Hierarchy {
    pub(crate) fn new() -> Self {
        Self {
            nodes: Pages::new(FREE),
            len: 0,
        }
    }

    /// How many entities have a parent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap: 32 for each entity index up to the highest linked, in pages of 1024.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.nodes.bytes()
    }

    #[inline]
    fn node(&self, entity: Entity) -> Node {
        let node = self.nodes.at(entity.index());
        if node.entity == entity { node } else { FREE }
    }

    #[inline]
    fn entity(&self, index: u32) -> Option<Entity> {
        (index != NONE).then(|| self.nodes.at(index).entity)
    }

    /// The parent.
    #[inline]
    #[must_use]
    pub fn parent(&self, child: Entity) -> Option<Entity> {
        self.entity(self.node(child).parent)
    }

    /// The children in order.
    #[must_use]
    pub fn children(&self, parent: Entity) -> Children<'_> {
        let node = self.node(parent);
        Children {
            hierarchy: Some(self),
            front: node.first,
            back: node.last,
            left: node.count,
        }
    }

    /// How many children there are. Constant time.
    #[inline]
    #[must_use]
    pub fn child_count(&self, parent: Entity) -> usize {
        self.node(parent).count as usize
    }

    /// The sibling after `child`.
    #[must_use]
    pub fn next_sibling(&self, child: Entity) -> Option<Entity> {
        self.entity(self.node(child).next)
    }

    /// The sibling before `child`.
    #[must_use]
    pub fn previous_sibling(&self, child: Entity) -> Option<Entity> {
        self.entity(self.node(child).previous)
    }

    /// The parent, its parent, and so on; each once, also in a cycle, where `child` itself is left out.
    #[must_use]
    pub fn ancestors(&self, child: Entity) -> Ancestors<'_> {
        Ancestors {
            hierarchy: Some(self),
            at: self.node(child).parent,
            left: self.height(child),
        }
    }

    /// How many different entities are above `start`: Brent's algorithm, at most three walks.
    fn height(&self, start: Entity) -> usize {
        if self.node(start).parent == NONE {
            return 0;
        }
        let up = |index: u32| self.nodes.at(index).parent;
        let first = start.index();
        let (mut power, mut lambda, mut steps) = (1usize, 1usize, 1usize);
        let (mut tortoise, mut hare) = (first, up(first));
        while hare != NONE && hare != tortoise {
            if power == lambda {
                tortoise = hare;
                power *= 2;
                lambda = 0;
            }
            hare = up(hare);
            lambda += 1;
            steps += 1;
        }
        if hare == NONE {
            return steps - 1;
        }
        // A cycle of `lambda` entities, after `mu` that are not part of it.
        let (mut ahead, mut behind, mut mu) = (first, first, 0);
        for _ in 0..lambda {
            ahead = up(ahead);
        }
        while ahead != behind {
            (ahead, behind) = (up(ahead), up(behind));
            mu += 1;
        }
        mu + lambda - 1
    }

    /// The topmost ancestor, or `child` itself; in a cycle, or below one, some entity of it.
    #[must_use]
    pub fn root(&self, child: Entity) -> Entity {
        self.ancestors(child).last().unwrap_or(child)
    }

    /// Everything below `parent`, depth first, each before its children. In a cycle `parent` itself is left out.
    #[must_use]
    pub fn descendants(&self, parent: Entity) -> Descendants<'_> {
        Descendants {
            hierarchy: (self.node(parent).count > 0).then_some(self),
            start: parent.index(),
            at: parent.index(),
        }
    }

    /// Whether `ancestor` is above `entity`, or is it.
    #[must_use]
    pub fn is_below(&self, entity: Entity, ancestor: Entity) -> bool {
        entity == ancestor || self.ancestors(entity).any(|above| above == ancestor)
    }

    /// The node of `entity`, which takes over what another left at its index.
    fn own(&mut self, entity: Entity) {
        let other = self.nodes.at(entity.index()).entity;
        if other != entity {
            if other != Entity::DANGLING {
                self.forget(other);
            }
            self.nodes.at_mut(entity.index()).entity = entity;
        }
    }

    /// Puts a child that has no parent under `parent`. Returns whether it is the only one.
    pub(crate) fn link(&mut self, child: Entity, parent: Entity, place: Place) -> bool {
        self.own(child);
        self.own(parent);
        debug_assert!(self.nodes.at(child.index()).parent == NONE);
        let (above, node) = (parent.index(), self.nodes.at(parent.index()));
        let previous = match place {
            Place::First => NONE,
            Place::After(sibling) if self.node(sibling).parent == above => sibling.index(),
            Place::Last | Place::After(_) => node.last,
        };
        let next = if previous == NONE {
            node.first
        } else {
            self.nodes.at(previous).next
        };
        let index = child.index();
        match previous {
            NONE => self.nodes.at_mut(above).first = index,
            previous => self.nodes.at_mut(previous).next = index,
        }
        match next {
            NONE => self.nodes.at_mut(above).last = index,
            next => self.nodes.at_mut(next).previous = index,
        }
        let node = self.nodes.at_mut(index);
        (node.parent, node.previous, node.next) = (above, previous, next);
        self.nodes.at_mut(above).count += 1;
        self.len += 1;
        node_count(self, above) == 1
    }

    /// Takes a child from its parent. Returns the parent, and whether it has no child left.
    pub(crate) fn unlink(&mut self, child: Entity) -> Option<(Entity, bool)> {
        let Node {
            parent,
            previous,
            next,
            ..
        } = self.node(child);
        if parent == NONE {
            return None;
        }
        match previous {
            NONE => self.nodes.at_mut(parent).first = next,
            previous => self.nodes.at_mut(previous).next = next,
        }
        match next {
            NONE => self.nodes.at_mut(parent).last = previous,
            next => self.nodes.at_mut(next).previous = previous,
        }
        let node = self.nodes.at_mut(child.index());
        (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
        let above = self.nodes.at_mut(parent);
        above.count -= 1;
        self.len -= 1;
        Some((above.entity, above.count == 0))
    }

    /// Frees the node of an entity that ends: its children have no parent any more.
    pub(crate) fn forget(&mut self, entity: Entity) -> Option<(Entity, bool)> {
        let above = self.unlink(entity);
        let mut child = self.node(entity).first;
        while child != NONE {
            let node = self.nodes.at_mut(child);
            child = node.next;
            (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
            self.len -= 1;
        }
        if self.nodes.at(entity.index()).entity == entity {
            *self.nodes.at_mut(entity.index()) = FREE;
        }
        above
    }

    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.len = 0;
    }

    /// Entities that have children, by index.
    pub(crate) fn parents(&self) -> impl Iterator<Item = Entity> {
        let parents = self.nodes.iter().filter(|node| node.count > 0);
        parents.map(|node| node.entity)
    }
}

fn node_count(hierarchy: &Hierarchy, index: u32) -> u32 {
    hierarchy.nodes.at(index).count
}

/// The children of an entity in order, from both ends; made by [`World::children`](crate::World::children).
#[derive(Clone, Debug)]
pub struct Children<'a> {
    hierarchy: Option<&'a Hierarchy>,
    front: u32,
    back: u32,
    left: u32,
}

impl Children<'_> {
    pub(crate) const NONE: Self = Self {
        hierarchy: None,
        front: NONE,
        back: NONE,
        left: 0,
    };
}

impl Iterator for Children<'_> {
    type Item = Entity;

    #[inline]
    fn next(&mut self) -> Option<Entity> {
        self.left = self.left.checked_sub(1)?;
        let node = self.hierarchy?.nodes.at(self.front);
        self.front = node.next;
        Some(node.entity)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl DoubleEndedIterator for Children<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Entity> {
        self.left = self.left.checked_sub(1)?;
        let node = self.hierarchy?.nodes.at(self.back);
        self.back = node.previous;
        Some(node.entity)
    }
}

impl ExactSizeIterator for Children<'_> {}

/// What is above an entity, nearest first; made by [`World::ancestors`](crate::World::ancestors).
#[derive(Clone, Debug)]
pub struct Ancestors<'a> {
    hierarchy: Option<&'a Hierarchy>,
    at: u32,
    left: usize,
}

impl Ancestors<'_> {
    pub(crate) const NONE: Self = Self {
        hierarchy: None,
        at: NONE,
        left: 0,
    };
}

impl Iterator for Ancestors<'_> {
    type Item = Entity;

    #[inline]
    fn next(&mut self) -> Option<Entity> {
        self.left = self.left.checked_sub(1)?;
        let node = self.hierarchy?.nodes.at(self.at);
        self.at = node.parent;
        Some(node.entity)
    }
}

/// What is below an entity, depth first; made by [`World::descendants`](crate::World::descendants).
#[derive(Clone, Debug)]
pub struct Descendants<'a> {
    /// `None` when it is over.
    hierarchy: Option<&'a Hierarchy>,
    start: u32,
    /// What was handed out last.
    at: u32,
}

impl Descendants<'_> {
    pub(crate) const NONE: Self = Self {
        hierarchy: None,
        start: NONE,
        at: NONE,
    };

    /// What comes after everything below `index`.
    fn after(&self, hierarchy: &Hierarchy, mut index: u32) -> Option<u32> {
        loop {
            let node = hierarchy.nodes.at(index);
            if node.next != NONE {
                return Some(node.next);
            }
            index = node.parent;
            if index == self.start || index == NONE {
                return None;
            }
        }
    }
}

impl Iterator for Descendants<'_> {
    type Item = Entity;

    fn next(&mut self) -> Option<Entity> {
        let hierarchy = self.hierarchy?;
        let mut next = match hierarchy.nodes.at(self.at).first {
            NONE if self.at == self.start => None,
            NONE => self.after(hierarchy, self.at),
            first => Some(first),
        };
        if next == Some(self.start) {
            // A cycle comes back to the start here.
            next = self.after(hierarchy, self.start);
        }
        match next {
            Some(next) => {
                self.at = next;
                hierarchy.entity(next)
            }
            None => {
                self.hierarchy = None;
                None
            }
        }
    }
}

impl core::iter::FusedIterator for Descendants<'_> {}
