//! The edges of one relation: a slab of them, each in two lists: those out of its source and those into its target.
//!
//! Relating and taking a known edge away cost constant time; an edge given by its ends is looked for in the shorter of the two lists.
//!
//! Invariants: an edge in use is in exactly the lists of its two ends, whose heads count them; `free` leads through the others. Lists are in
//! order of `sequence`, unless bytes from outside said otherwise.

use core::any::Any;
use core::fmt;
use core::marker::PhantomData;

use crate::component::ComponentId;
use crate::entity::Entity;
use crate::relation::codec::RelationCodec;
use crate::relation::pages::Pages;
use crate::relation::walk::{Reachable, Related};
use crate::resource::Resource;

pub(super) const NONE: u32 = u32::MAX;

/// What happens to one end of an edge when the other ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnEnd {
    /// The edge goes, the entity stays.
    Unrelate,
    /// The entity is despawned as well, before the other.
    Despawn,
}

/// A kind of relation between entities: many to many, with a value on each edge. Edges live beside the tables: relating moves no entity.
///
/// ```
/// use storm_ecs::{Component, Relation, Source, With, World, Entity};
///
/// #[derive(Component, Debug, PartialEq)]
/// struct Name(&'static str);
///
/// /// Who likes whom, from 0 to 1.
/// struct Likes;
/// impl Relation for Likes {
///     const NAME: &'static str = "game.Likes";
///     type Data = f32;
/// }
///
/// let mut world = World::new();
/// let [ann, bob, cy] = ["Ann", "Bob", "Cy"].map(|name| world.spawn(Name(name)));
/// world.relate::<Likes>(ann, bob, 0.9)?;
/// world.relate::<Likes>(ann, cy, 0.1)?;
/// world.relate::<Likes>(cy, bob, 0.5)?;
///
/// assert!(world.related::<Likes>(ann).map(|(whom, _)| whom).eq([bob, cy]));
/// assert!(world.relating::<Likes>(bob).map(|(who, how)| (who, *how)).eq([(ann, 0.9), (cy, 0.5)]));
/// let who: Vec<Entity> = world.query_filtered::<Entity, With<Source<Likes>>>().into_iter().collect();
/// assert_eq!(who, [ann, cy]);
///
/// world.despawn(bob)?;
/// assert_eq!(world.relation_count::<Likes>(), 1);
/// # Ok::<(), storm_ecs::NoSuchEntity>(())
/// ```
pub trait Relation: 'static {
    /// A name that stays the same across builds: snapshots know the relation by it. No two relations or components in a world may share one.
    const NAME: &'static str;
    /// What each edge carries; `()` for nothing.
    type Data: Send + Sync + 'static;
    /// Whether a source has at most one target: relating it anew takes the old edge away.
    const EXCLUSIVE: bool = false;
    /// What happens to the source when the target ends.
    const ON_TARGET_END: OnEnd = OnEnd::Unrelate;
    /// What happens to the target when the source ends.
    const ON_SOURCE_END: OnEnd = OnEnd::Unrelate;
    /// How the data is stored in snapshots and copied by prefabs.
    const CODEC: RelationCodec<Self::Data> = RelationCodec::NONE;
}

/// Names an edge in constant time. A stale one names nothing.
pub struct EdgeId<R> {
    pub(super) index: u32,
    generation: u32,
    relation: PhantomData<fn() -> R>,
}

impl<R> Clone for EdgeId<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for EdgeId<R> {}

impl<R> PartialEq for EdgeId<R> {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.generation) == (other.index, other.generation)
    }
}

impl<R> Eq for EdgeId<R> {}

impl<R> fmt::Debug for EdgeId<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "edge {}v{}", self.index, self.generation)
    }
}

/// Which of its two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// Out of the source.
    Out,
    /// Into the target.
    In,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
}

#[derive(Debug)]
pub(super) struct Edge<D> {
    pub(super) source: Entity,
    pub(super) target: Entity,
    /// Counts edges in order of their making.
    pub(super) sequence: u64,
    out: Link,
    into: Link,
    generation: u32,
    /// `None` while it is free; `out.next` is the next free one then.
    pub(super) data: Option<D>,
}

impl<D> Edge<D> {
    fn link(&mut self, side: Side) -> &mut Link {
        match side {
            Side::Out => &mut self.out,
            Side::In => &mut self.into,
        }
    }

    pub(super) fn next(&self, side: Side) -> u32 {
        match side {
            Side::Out => self.out.next,
            Side::In => self.into.next,
        }
    }

    /// The entity at the other end.
    pub(super) fn other(&self, side: Side) -> Entity {
        match side {
            Side::Out => self.target,
            Side::In => self.source,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
    count: u32,
}

const EMPTY: List = List {
    first: NONE,
    last: NONE,
    count: 0,
};

/// The lists of one entity.
#[derive(Clone, Copy, Debug)]
struct Head {
    entity: Entity,
    out: List,
    into: List,
}

impl Head {
    fn list(&mut self, side: Side) -> &mut List {
        match side {
            Side::Out => &mut self.out,
            Side::In => &mut self.into,
        }
    }
}

/// All edges of a relation, for reading. The world keeps it; systems get it as `Res<Relations<R>>` once the relation is
/// [registered](crate::World::register_relation), others through [`World::related`](crate::World::related) and its like.
///
/// ```
/// use storm_ecs::{Entity, Query, Relation, Relations, Res, Schedule, World};
///
/// struct Follows;
/// impl Relation for Follows {
///     const NAME: &'static str = "game.Follows";
///     type Data = ();
/// }
///
/// fn count(all: Query<Entity>, follows: Res<Relations<Follows>>) {
///     let pairs: usize = all.iter().map(|entity| follows.related(entity).count()).sum();
///     assert_eq!(pairs, 1);
/// }
///
/// let mut world = World::new();
/// let (duck, duckling) = (world.spawn(()), world.spawn(()));
/// world.relate::<Follows>(duckling, duck, ()).unwrap();
/// let mut schedule = Schedule::new("example");
/// schedule.add_systems(count);
/// schedule.run(&mut world).unwrap();
/// ```
pub struct Relations<R: Relation> {
    pub(super) edges: Vec<Edge<R::Data>>,
    heads: Pages<Head>,
    /// The first free edge.
    free: u32,
    len: usize,
    sequence: u64,
    /// Tags of sources and targets.
    pub(super) tags: [ComponentId; 2],
}

impl<R: Relation> Resource for Relations<R> {}

impl<R: Relation> fmt::Debug for Relations<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relations")
            .field("relation", &R::NAME)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<R: Relation> Relations<R> {
    pub(super) fn new(tags: [ComponentId; 2]) -> Self {
        Self {
            edges: Vec::new(),
            heads: Pages::new(Head {
                entity: Entity::DANGLING,
                out: EMPTY,
                into: EMPTY,
            }),
            free: NONE,
            len: 0,
            sequence: 0,
            tags,
        }
    }

    /// How many edges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap, apart from what the data holds itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.edges.capacity() * size_of::<Edge<R::Data>>() + self.heads.bytes()
    }

    fn list(&self, entity: Entity, side: Side) -> List {
        let mut head = self.heads.at(entity.index());
        if head.entity == entity {
            *head.list(side)
        } else {
            EMPTY
        }
    }

    pub(super) fn count(&self, entity: Entity, side: Side) -> usize {
        self.list(entity, side).count as usize
    }

    /// The targets of `source` and the data of each edge, in the order in which they were related.
    #[must_use]
    pub fn related(&self, source: Entity) -> Related<'_, R> {
        self.ends(source, Side::Out)
    }

    /// The sources of `target` and the data of each edge, in the order in which they were related.
    #[must_use]
    pub fn relating(&self, target: Entity) -> Related<'_, R> {
        self.ends(target, Side::In)
    }

    pub(super) fn ends(&self, entity: Entity, side: Side) -> Related<'_, R> {
        let list = self.list(entity, side);
        Related::new(self, list.first, list.count, side)
    }

    /// All edges: source, target, data. In no order that means anything, but the same for the same history.
    pub fn iter(&self) -> impl Iterator<Item = (Entity, Entity, &R::Data)> {
        let used = |edge: &'_ Edge<R::Data>| edge.data.is_some();
        let edges = self.edges.iter().filter(move |edge| used(edge));
        edges.filter_map(|edge| Some((edge.source, edge.target, edge.data.as_ref()?)))
    }

    /// The edge from `source` to `target`. Costs a walk along the shorter of their lists.
    #[must_use]
    pub fn edge(&self, source: Entity, target: Entity) -> Option<EdgeId<R>> {
        let (out, into) = (self.list(source, Side::Out), self.list(target, Side::In));
        let (mut at, side, wanted) = if out.count <= into.count {
            (out.first, Side::Out, target)
        } else {
            (into.first, Side::In, source)
        };
        while let Some(edge) = self.edges.get(at as usize) {
            if edge.other(side) == wanted {
                return Some(self.id(at));
            }
            at = edge.next(side);
        }
        None
    }

    pub(super) fn id(&self, index: u32) -> EdgeId<R> {
        EdgeId {
            index,
            generation: self.edges[index as usize].generation,
            relation: PhantomData,
        }
    }

    /// Source, target and data of an edge; `None` if it is gone.
    #[must_use]
    pub fn get(&self, id: EdgeId<R>) -> Option<(Entity, Entity, &R::Data)> {
        let edge = self.edges.get(id.index as usize)?;
        let data = edge.data.as_ref()?;
        (edge.generation == id.generation).then_some((edge.source, edge.target, data))
    }

    pub(super) fn data_mut(&mut self, index: u32) -> Option<&mut R::Data> {
        self.edges.get_mut(index as usize)?.data.as_mut()
    }

    /// What can be reached from `start` along edges, nearest first, each once, `start` not. Ends in cycles, too.
    ///
    /// ```
    /// # use storm_ecs::{Relation, World};
    /// # struct Needs;
    /// # impl Relation for Needs { const NAME: &'static str = "build.Needs"; type Data = (); }
    /// let mut world = World::new();
    /// let [app, net, log] = [(); 3].map(|()| world.spawn(()));
    /// for (from, to) in [(app, net), (net, log), (log, net)] {
    ///     world.relate::<Needs>(from, to, ()).unwrap();
    /// }
    /// assert!(world.reachable::<Needs>(app).eq([net, log]));
    /// assert!(world.reaching::<Needs>(log).eq([net, app]));
    /// ```
    #[must_use]
    pub fn reachable(&self, start: Entity) -> Reachable<'_, R> {
        Reachable::new(self, start, Side::Out)
    }

    /// What `start` can be reached from, nearest first, each once, `start` not.
    #[must_use]
    pub fn reaching(&self, start: Entity) -> Reachable<'_, R> {
        Reachable::new(self, start, Side::In)
    }

    /// The lists of `entity`, which takes over what another left at its index.
    fn own(&mut self, entity: Entity) {
        let head = self.heads.at_mut(entity.index());
        if head.entity != entity {
            // Entities are taken out when they end: the lists are empty.
            debug_assert!(head.out.count == 0 && head.into.count == 0);
            *head = Head {
                entity,
                out: EMPTY,
                into: EMPTY,
            };
        }
    }

    /// Adds an edge, behind all others of its ends.
    pub(super) fn insert(
        &mut self,
        source: Entity,
        target: Entity,
        data: R::Data,
        sequence: Option<u64>,
    ) -> u32 {
        self.own(source);
        self.own(target);
        let sequence = sequence.unwrap_or(self.sequence);
        self.sequence = self.sequence.max(sequence.saturating_add(1));
        let apart = Link {
            previous: NONE,
            next: NONE,
        };
        let index = if self.free == NONE {
            assert!(self.edges.len() < NONE as usize, "too many edges");
            self.edges.push(Edge {
                source,
                target,
                sequence,
                out: apart,
                into: apart,
                generation: 0,
                data: Some(data),
            });
            self.edges.len() as u32 - 1
        } else {
            let index = self.free;
            let edge = &mut self.edges[index as usize];
            self.free = edge.out.next;
            (edge.source, edge.target, edge.sequence) = (source, target, sequence);
            (edge.out, edge.into, edge.data) = (apart, apart, Some(data));
            index
        };
        for (entity, side) in [(source, Side::Out), (target, Side::In)] {
            let list = self.heads.at_mut(entity.index()).list(side);
            let last = core::mem::replace(&mut list.last, index);
            list.count += 1;
            if last == NONE {
                list.first = index;
            } else {
                self.edges[last as usize].link(side).next = index;
            }
            self.edges[index as usize].link(side).previous = last;
        }
        self.len += 1;
        index
    }

    /// Whether the last edge on one side of an entity is older than the one before it.
    pub(super) fn is_late(&self, entity: Entity, side: Side) -> bool {
        let sequence = |index: u32| self.edges.get(index as usize).map(|edge| edge.sequence);
        let last = self.list(entity, side).last;
        let Some(edge) = self.edges.get(last as usize) else {
            return false;
        };
        let before = match side {
            Side::Out => edge.out.previous,
            Side::In => edge.into.previous,
        };
        sequence(before) > sequence(last)
    }

    /// Puts the edges on one side of an entity in order of making.
    pub(super) fn sort(&mut self, entity: Entity, side: Side) {
        let mut order = Vec::new();
        let mut at = self.list(entity, side).first;
        while let Some(edge) = self.edges.get(at as usize) {
            order.push((edge.sequence, at));
            at = edge.next(side);
        }
        order.sort_by_key(|edge| edge.0);
        let mut previous = NONE;
        for &(_, index) in &order {
            match previous {
                NONE => self.heads.at_mut(entity.index()).list(side).first = index,
                previous => self.edges[previous as usize].link(side).next = index,
            }
            let link = self.edges[index as usize].link(side);
            (link.previous, link.next) = (previous, NONE);
            previous = index;
        }
        if previous != NONE {
            self.heads.at_mut(entity.index()).list(side).last = previous;
        }
    }

    /// Takes an edge away.
    pub(super) fn remove(&mut self, index: u32) -> Option<(Entity, Entity, R::Data)> {
        let edge = self.edges.get_mut(index as usize)?;
        let data = edge.data.take()?;
        let (source, target) = (edge.source, edge.target);
        for (entity, side) in [(source, Side::Out), (target, Side::In)] {
            let Link { previous, next } = *self.edges[index as usize].link(side);
            let list = self.heads.at_mut(entity.index()).list(side);
            list.count -= 1;
            match previous {
                NONE => list.first = next,
                previous => self.edges[previous as usize].link(side).next = next,
            }
            match next {
                NONE => self.heads.at_mut(entity.index()).list(side).last = previous,
                next => self.edges[next as usize].link(side).previous = previous,
            }
        }
        let free = self.free;
        let edge = &mut self.edges[index as usize];
        // An edge whose generation wraps is not used again.
        edge.generation = edge.generation.saturating_add(1);
        if edge.generation < u32::MAX {
            edge.out.next = free;
            self.free = index;
        }
        self.len -= 1;
        Some((source, target, data))
    }

    /// The first edge on one side of an entity.
    pub(super) fn first(&self, entity: Entity, side: Side) -> Option<u32> {
        let first = self.list(entity, side).first;
        (first != NONE).then_some(first)
    }

    /// The edges out of `source`, with their numbers.
    pub(super) fn out_of(&self, source: Entity) -> impl Iterator<Item = (u32, &Edge<R::Data>)> {
        let mut at = self.list(source, Side::Out).first;
        core::iter::from_fn(move || {
            let edge = self.edges.get(at as usize)?;
            Some((core::mem::replace(&mut at, edge.out.next), edge))
        })
    }

    /// Entities that have edges out of them, by index.
    pub(super) fn sources(&self) -> impl Iterator<Item = Entity> {
        let heads = self.heads.iter().filter(|head| head.out.count > 0);
        heads.map(|head| head.entity)
    }

    /// Takes all edges away. Their data comes back.
    pub(super) fn clear(&mut self) -> Vec<R::Data> {
        self.heads.clear();
        self.len = 0;
        self.sequence = 0;
        let mut data = Vec::new();
        for (index, edge) in self.edges.iter_mut().enumerate() {
            if let Some(value) = edge.data.take() {
                data.push(value);
                // Names of edges from before stay stale.
                edge.generation = edge.generation.saturating_add(1);
                if edge.generation < u32::MAX {
                    edge.out.next = core::mem::replace(&mut self.free, index as u32);
                }
            }
        }
        data
    }

    /// Counts the edges made, from a snapshot on.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn set_sequence(&mut self, sequence: u64) {
        self.sequence = self.sequence.max(sequence);
    }
}

/// Data that ended, as one value to be dropped later.
pub(super) fn boxed<D: Send + Sync + 'static>(data: Vec<D>) -> Option<Box<dyn Any + Send + Sync>> {
    (core::mem::needs_drop::<D>() && !data.is_empty()).then(|| Box::new(data) as _)
}
