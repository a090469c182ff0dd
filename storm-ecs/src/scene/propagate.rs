//! From [`Transform`] to [`GlobalTransform`], down the hierarchy that [`ChildOf`] describes, where something changed.
//!
//! The hierarchy is mirrored in an array of links indexed by entity index (first child, siblings), brought up to date from what changed;
//! linking and unlinking take constant time.

mod descend;

use descend::Pending;

use super::transform::{Cell, GlobalTransform, Transform};
use crate::relation::ChildOf;
use crate::{ChangeTick, Changed, Component, Entity, Mut, Or, QueryState, With, Without, World};

const NONE: u32 = u32::MAX;
/// In `Node::top`: the chain of parents never ends.
const CYCLE: u32 = u32::MAX - 1;

/// Keeps [`GlobalTransform`]s up to date. Keep one for each world and [`run`](Self::run) it once a frame.
///
/// A `GlobalTransform` is the parent's times the own `Transform`; without a parent it is the `Transform`, in the entity's [`Cell`].
/// Entities with a `Transform` and no `GlobalTransform` are given one.
///
/// - Only what changed is visited: entities whose `Transform`, `Cell`, `ChildOf` or `GlobalTransform` was written by others, and everything below them. A `GlobalTransform`
///   that comes out the same is not written.
/// - An entity whose parent is dead, or has no `GlobalTransform`, counts as a root. `ChildOf` is left in place.
/// - Entities in a cycle of `ChildOf`, and everything below them, keep the `GlobalTransform` they have until the cycle is broken.
/// - A parent without a `Transform` of its own passes on the `GlobalTransform` it has.
///
/// Results do not depend on the order in which entities were made or moved. With the feature `rayon` large changes are computed on the rayon pool; results
/// are the same bit for bit.
#[derive(Debug, Default)]
pub struct Propagation {
    world: Option<State>,
}

#[derive(Debug)]
struct State {
    tag: u16,
    last: ChangeTick,
    nodes: Vec<Node>,
    /// Distinguishes the runs in `Node::seen` and `Node::dirty`.
    epoch: u32,
    dirty: Vec<u32>,
    path: Vec<u32>,
    stack: Vec<Pending>,
    /// Entities that moved and may have children.
    crowded: Vec<Entity>,
    missing: QueryState<Entity, (With<Transform>, Without<GlobalTransform>)>,
    alone: QueryState<AtPlace, (Without<ChildOf>, MovedFilter)>,
    moved: QueryState<Entity, (With<ChildOf>, MovedFilter)>,
    bare: QueryState<Entity, (Without<ChildOf>, Without<Transform>, MovedFilter)>,
    linked: QueryState<(Entity, &'static ChildOf), Changed<ChildOf>>,
    places: QueryState<Places>,
    #[cfg(feature = "rayon")]
    seen: QueryState<Seen>,
    readable: QueryState<(), (With<Transform>, With<GlobalTransform>)>,
    globals: QueryState<&'static GlobalTransform>,
}

type MovedFilter = (
    With<GlobalTransform>,
    Or<(Changed<Transform>, Changed<Cell>, Changed<GlobalTransform>)>,
);
/// `Places`, and whose they are.
type AtPlace = (
    Entity,
    &'static Transform,
    Mut<'static, GlobalTransform>,
    Option<&'static Cell>,
);
type Places = (
    &'static Transform,
    Mut<'static, GlobalTransform>,
    Option<&'static Cell>,
);

/// As `Places`, for reading.
#[cfg(feature = "rayon")]
type Seen = (
    &'static Transform,
    &'static GlobalTransform,
    Option<&'static Cell>,
);

/// One entity's place in the hierarchy. Links are entity indices.
#[derive(Clone, Copy, Debug)]
struct Node {
    entity: Entity,
    parent: u32,
    first_child: u32,
    previous: u32,
    next: u32,
    /// The run in which `top` was found.
    seen: u32,
    /// The run in which it had to be visited.
    dirty: u32,
    /// The highest dirty entity above it, itself included, or `NONE` or `CYCLE`.
    top: u32,
}

const FREE: Node = Node {
    entity: Entity::DANGLING,
    parent: NONE,
    first_child: NONE,
    previous: NONE,
    next: NONE,
    seen: 0,
    dirty: 0,
    top: NONE,
};

impl Propagation {
    /// For a world that the first [`run`](Self::run) names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Brings all [`GlobalTransform`]s up to date. When given another world than before, it starts over with that one.
    ///
    /// Costs in proportion to what changed since the last run, plus a look at every table.
    pub fn run(&mut self, world: &mut World) {
        match &mut self.world {
            Some(state) if state.tag == world.tag() => state.run(world),
            _ => self.world.insert(State::new(world)).run(world),
        }
    }
}

impl State {
    fn new(world: &mut World) -> Self {
        Self {
            tag: world.tag(),
            last: ChangeTick::NEVER,
            nodes: Vec::new(),
            epoch: 0,
            dirty: Vec::new(),
            path: Vec::new(),
            stack: Vec::new(),
            crowded: Vec::new(),
            missing: QueryState::new(world),
            alone: QueryState::new(world),
            moved: QueryState::new(world),
            bare: QueryState::new(world),
            linked: QueryState::new(world),
            places: QueryState::new(world),
            #[cfg(feature = "rayon")]
            seen: QueryState::new(world),
            readable: QueryState::new(world),
            globals: QueryState::new(world),
        }
    }

    fn run(&mut self, world: &mut World) {
        let missing: Vec<Entity> = self.missing.query(world).into_iter().collect();
        for entity in missing {
            // Cannot fail: the query just named it.
            let _ = world.insert(entity, GlobalTransform::IDENTITY);
        }
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.nodes
                .iter_mut()
                .for_each(|node| (node.seen, node.dirty) = (0, 0));
            self.epoch = 1;
        }
        self.dirty.clear();
        self.follow_removals(world);
        self.follow_links(world);
        self.follow_moves(world);
        self.pass_on(world);
        let mut tops = Vec::new();
        for at in 0..self.dirty.len() {
            let index = self.dirty[at];
            if self.top_of(index, world) == index {
                tops.push(index);
            }
        }
        self.descend_all(&tops, world);
        self.last = world.change_tick();
    }

    /// Entities that moved. Those without parent and children, which most are, are done at once; the others are marked.
    fn follow_moves(&mut self, world: &mut World) {
        let Self {
            nodes,
            crowded,
            last,
            ..
        } = self;
        crowded.clear();
        let alone = self.alone.query_mut(world).since(*last);
        alone.for_each(|(entity, transform, mut global, cell)| {
            // Whoever was ever named as a parent has a node; it may be of an entity that had this index before.
            let node = nodes.get(entity.index() as usize);
            if node.is_some_and(|node| node.entity != Entity::DANGLING) {
                crowded.push(entity);
                return;
            }
            let (new, _) = descend::compute(transform, cell, None);
            if descend::differ(&global, &new) {
                *global = new;
            }
        });
        crowded.extend(self.moved.query(world).since(self.last));
        // Not computed themselves, but passed on.
        crowded.extend(self.bare.query(world).since(self.last));
        let crowded = std::mem::take(&mut self.crowded);
        for &entity in &crowded {
            self.own(entity);
            mark(&mut self.nodes, &mut self.dirty, self.epoch, entity);
        }
        self.crowded = crowded;
    }

    /// Entities that are gone, or lost their `ChildOf`, `Cell`, `Transform` or `GlobalTransform`.
    fn follow_removals(&mut self, world: &World) {
        let mut complete = true;
        let mut lost = Vec::new();
        fn collect<T: Component>(
            world: &World,
            since: ChangeTick,
            complete: &mut bool,
            lost: &mut Vec<Entity>,
        ) {
            let removed = world.removed::<T>(since);
            *complete &= removed.is_complete();
            lost.extend(removed);
        }
        collect::<ChildOf>(world, self.last, &mut complete, &mut lost);
        collect::<Cell>(world, self.last, &mut complete, &mut lost);
        collect::<Transform>(world, self.last, &mut complete, &mut lost);
        collect::<GlobalTransform>(world, self.last, &mut complete, &mut lost);
        if !complete {
            // The logs do not reach back far enough: start over.
            self.nodes.clear();
            self.last = ChangeTick::NEVER;
            return;
        }
        for entity in lost {
            let index = entity.index();
            if self
                .nodes
                .get(index as usize)
                .is_none_or(|node| node.entity != entity)
            {
                // Most have none: they have no parent and no children.
                if world.contains(entity) {
                    self.own(entity);
                    mark(&mut self.nodes, &mut self.dirty, self.epoch, entity);
                }
                continue;
            }
            if !world.contains(entity) {
                self.forget(index);
                continue;
            }
            if !world.has::<ChildOf>(entity) {
                self.unlink(index);
            }
            if !world.has::<GlobalTransform>(entity) || !world.has::<Transform>(entity) {
                self.mark_children(index);
            }
            mark(&mut self.nodes, &mut self.dirty, self.epoch, entity);
        }
    }

    /// Entities whose `ChildOf` was written.
    fn follow_links(&mut self, world: &World) {
        let linked: Vec<_> = self
            .linked
            .query(world)
            .since(self.last)
            .into_iter()
            .map(|(child, parent)| (child, parent.0))
            .collect();
        for (child, parent) in linked {
            self.own(child);
            self.unlink(child.index());
            mark(&mut self.nodes, &mut self.dirty, self.epoch, child);
            if world.contains(parent) {
                self.own(parent);
                self.link(child.index(), parent.index());
            }
        }
    }

    /// A dirty entity that is not itself computed dirties its children.
    fn pass_on(&mut self, world: &World) {
        let places = self.readable.query(world);
        let mut at = 0;
        while at < self.dirty.len() {
            let index = self.dirty[at];
            let node = self.nodes[index as usize];
            if node.first_child != NONE && places.get(node.entity).is_none() {
                let mut child = node.first_child;
                while child != NONE {
                    let node = self.nodes[child as usize];
                    mark(&mut self.nodes, &mut self.dirty, self.epoch, node.entity);
                    child = node.next;
                }
            }
            at += 1;
        }
    }

    /// Makes sure that the entity's node is its own and not that of an earlier owner of the slot.
    fn own(&mut self, entity: Entity) {
        let index = entity.index() as usize;
        if index >= self.nodes.len() {
            self.nodes.resize(index + 1, FREE);
        }
        if self.nodes[index].entity != entity {
            self.forget(entity.index());
            self.nodes[index].entity = entity;
        }
    }

    /// Frees a node: its children become roots.
    fn forget(&mut self, index: u32) {
        self.mark_children(index);
        let mut child = self.nodes[index as usize].first_child;
        while child != NONE {
            let node = &mut self.nodes[child as usize];
            child = node.next;
            (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
        }
        self.unlink(index);
        let node = &mut self.nodes[index as usize];
        (node.entity, node.first_child) = (Entity::DANGLING, NONE);
    }

    fn mark_children(&mut self, index: u32) {
        let mut child = self.nodes[index as usize].first_child;
        while child != NONE {
            let node = self.nodes[child as usize];
            mark(&mut self.nodes, &mut self.dirty, self.epoch, node.entity);
            child = node.next;
        }
    }

    fn link(&mut self, child: u32, parent: u32) {
        let first = self.nodes[parent as usize].first_child;
        self.nodes[parent as usize].first_child = child;
        if first != NONE {
            self.nodes[first as usize].previous = child;
        }
        let node = &mut self.nodes[child as usize];
        (node.parent, node.previous, node.next) = (parent, NONE, first);
    }

    fn unlink(&mut self, child: u32) {
        let Node {
            parent,
            previous,
            next,
            ..
        } = self.nodes[child as usize];
        if previous != NONE {
            self.nodes[previous as usize].next = next;
        } else if parent != NONE {
            self.nodes[parent as usize].first_child = next;
        }
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        let node = &mut self.nodes[child as usize];
        (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
    }

    /// The highest dirty entity from which a descent reaches `index`. Each node is walked once a run.
    fn top_of(&mut self, index: u32, world: &World) -> u32 {
        let places = self.readable.query(world);
        self.path.clear();
        let mut at = index;
        let mut top = NONE;
        while at != NONE {
            let node = &mut self.nodes[at as usize];
            if places.get(node.entity).is_none() {
                // Not computed itself; what is above does not reach through it.
                break;
            }
            if node.seen == self.epoch {
                // Walked before: known. Walked just now: a cycle, which `top` said in advance.
                top = node.top;
                break;
            }
            node.seen = self.epoch;
            node.top = CYCLE;
            self.path.push(at);
            at = node.parent;
        }
        while let Some(at) = self.path.pop() {
            let node = &mut self.nodes[at as usize];
            if top == NONE && node.dirty == self.epoch {
                top = at;
            }
            node.top = top;
        }
        top
    }
}

/// Notes that `entity` has to be visited in this run.
fn mark(nodes: &mut [Node], dirty: &mut Vec<u32>, epoch: u32, entity: Entity) {
    let node = &mut nodes[entity.index() as usize];
    debug_assert!(node.entity == entity, "the node is the entity's own");
    if node.dirty != epoch {
        node.dirty = epoch;
        dirty.push(entity.index());
    }
}
