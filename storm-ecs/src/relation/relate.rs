//! Relations in the world: making and taking edges, looking along them, and what ends with what.

use core::any::TypeId;
use std::collections::HashSet;

use crate::entity::Entity;
use crate::error::NoSuchEntity;
use crate::relation::edges::{EdgeId, OnEnd, Relation, Relations, Side, boxed};
use crate::relation::stored::Stored;
use crate::relation::tags::{Source, Target};
use crate::relation::walk::{Reachable, Related};
use crate::relation::{Doomed, Kind};
use crate::world::World;

impl World {
    /// Makes a relation known: its name to snapshots, its edges to systems. Relating does so by itself.
    ///
    /// # Panics
    /// If another relation or component has its name.
    pub fn register_relation<R: Relation>(&mut self) {
        let known = self.data.relations.kinds.iter();
        let known = known
            .into_iter()
            .any(|kind| kind.relation == TypeId::of::<R>());
        if known && self.has_resource::<Relations<R>>() {
            return;
        }
        let tags = [self.register::<Source<R>>(), self.register::<Target<R>>()];
        self.insert_resource(Relations::<R>::new(tags));
        if !known {
            let cascades = matches!(R::ON_TARGET_END, OnEnd::Despawn)
                || matches!(R::ON_SOURCE_END, OnEnd::Despawn);
            let state = &mut self.data.relations;
            state.any = true;
            state.cascades |= cascades;
            state.kinds.push(Kind {
                name: R::NAME,
                section: super::stored::section_of(R::NAME),
                relation: TypeId::of::<R>(),
                tags,
                dependents: cascades.then_some(Self::dependents::<R>),
                end: Self::end_edges::<R>,
                clear: Self::clear_edges::<R>,
                stored: Stored::of::<R>(),
            });
            state.kinds.sort_by_key(|kind| kind.name);
        }
    }

    fn relations_mut<R: Relation>(&mut self) -> Option<&mut Relations<R>> {
        self.resource_mut()
    }

    /// Keeps the tags of an edge's ends, and marks them.
    pub(super) fn tag_ends<R: Relation>(&mut self, source: Entity, target: Entity) {
        let Some(relations) = self.resource::<Relations<R>>() else {
            return;
        };
        let tags = relations.tags;
        let counts = [
            relations.count(source, Side::Out),
            relations.count(target, Side::In),
        ];
        for ((entity, id), count) in [source, target].into_iter().zip(tags).zip(counts) {
            self.put_tag(entity, id, count > 0);
        }
    }

    /// Relates `source` to `target`. If they are related already the data is replaced, and the edge keeps its place; an
    /// [exclusive](Relation::EXCLUSIVE) relation's edge to another target goes.
    ///
    /// # Errors
    /// If one of them is not alive; the data is dropped.
    pub fn relate<R: Relation>(
        &mut self,
        source: Entity,
        target: Entity,
        data: R::Data,
    ) -> Result<EdgeId<R>, NoSuchEntity> {
        self.flush();
        if !self.contains(source) || !self.contains(target) {
            return Err(NoSuchEntity);
        }
        self.register_relation::<R>();
        let Some(relations) = self.relations_mut::<R>() else {
            unreachable!("registered just now")
        };
        let mut old = None;
        let mut left = None;
        let index = match relations.edge(source, target) {
            Some(edge) => {
                if let Some(value) = relations.data_mut(edge.index) {
                    old = Some(core::mem::replace(value, data));
                }
                edge.index
            }
            None => {
                if R::EXCLUSIVE
                    && let Some(first) = relations.first(source, Side::Out)
                {
                    left = relations.remove(first);
                }
                relations.insert(source, target, data, None)
            }
        };
        let id = relations.id(index);
        if let Some((source, target, data)) = left {
            self.tag_ends::<R>(source, target);
            old = Some(data);
        }
        self.tag_ends::<R>(source, target);
        drop(old);
        Ok(id)
    }

    /// Takes the edge from `source` to `target` away; its data comes back. Costs a walk along the shorter of their lists.
    pub fn unrelate<R: Relation>(&mut self, source: Entity, target: Entity) -> Option<R::Data> {
        let edge = self.edge::<R>(source, target)?;
        self.unrelate_edge(edge)
    }

    /// Takes an edge away; its data comes back. Constant time.
    ///
    /// ```
    /// # use storm_ecs::{Relation, World};
    /// # struct Owes;
    /// # impl Relation for Owes { const NAME: &'static str = "bank.Owes"; type Data = u32; }
    /// let mut world = World::new();
    /// let (ann, bob) = (world.spawn(()), world.spawn(()));
    /// let debt = world.relate::<Owes>(ann, bob, 5)?;
    /// assert_eq!(world.unrelate_edge(debt), Some(5));
    /// assert_eq!(world.unrelate_edge(debt), None);
    /// # Ok::<(), storm_ecs::NoSuchEntity>(())
    /// ```
    pub fn unrelate_edge<R: Relation>(&mut self, edge: EdgeId<R>) -> Option<R::Data> {
        let relations = self.relations_mut::<R>()?;
        relations.get(edge)?;
        let (source, target, data) = relations.remove(edge.index)?;
        self.tag_ends::<R>(source, target);
        Some(data)
    }

    /// Takes all edges out of `source` away; says how many there were.
    pub fn unrelate_all<R: Relation>(&mut self, source: Entity) -> usize {
        let mut data = Vec::new();
        self.take_edges::<R>(source, Side::Out, &mut data);
        data.len()
    }

    /// Takes the edges on one side of an entity away.
    fn take_edges<R: Relation>(&mut self, entity: Entity, side: Side, data: &mut Vec<R::Data>) {
        while let Some(relations) = self.relations_mut::<R>()
            && let Some(first) = relations.first(entity, side)
            && let Some((source, target, value)) = relations.remove(first)
        {
            data.push(value);
            self.tag_ends::<R>(source, target);
        }
    }

    /// The edge from `source` to `target`. Costs a walk along the shorter of their lists.
    #[must_use]
    pub fn edge<R: Relation>(&self, source: Entity, target: Entity) -> Option<EdgeId<R>> {
        self.resource::<Relations<R>>()?.edge(source, target)
    }

    /// The data of an edge given by its ends.
    #[must_use]
    pub fn relation<R: Relation>(&self, source: Entity, target: Entity) -> Option<&R::Data> {
        let relations = self.resource::<Relations<R>>()?;
        relations
            .get(relations.edge(source, target)?)
            .map(|edge| edge.2)
    }

    /// The same, for writing; marks the ends' tags as changed.
    #[must_use]
    pub fn relation_mut<R: Relation>(
        &mut self,
        source: Entity,
        target: Entity,
    ) -> Option<&mut R::Data> {
        let edge = self.edge::<R>(source, target)?;
        self.tag_ends::<R>(source, target);
        self.relations_mut::<R>()?.data_mut(edge.index)
    }

    /// The targets of `source` and the data of each edge, in the order in which they were related.
    #[must_use]
    pub fn related<R: Relation>(&self, source: Entity) -> Related<'_, R> {
        self.resource::<Relations<R>>()
            .map_or(Related::NONE, |relations| relations.related(source))
    }

    /// The sources of `target` and the data of each edge, in the order in which they were related.
    #[must_use]
    pub fn relating<R: Relation>(&self, target: Entity) -> Related<'_, R> {
        self.resource::<Relations<R>>()
            .map_or(Related::NONE, |relations| relations.relating(target))
    }

    /// What can be reached from `start` along edges, nearest first, each once, `start` not. See [`Relations::reachable`].
    #[must_use]
    pub fn reachable<R: Relation>(&self, start: Entity) -> Reachable<'_, R> {
        self.resource::<Relations<R>>()
            .map_or_else(Reachable::none, |relations| relations.reachable(start))
    }

    /// What `start` can be reached from, nearest first, each once, `start` not.
    #[must_use]
    pub fn reaching<R: Relation>(&self, start: Entity) -> Reachable<'_, R> {
        self.resource::<Relations<R>>()
            .map_or_else(Reachable::none, |relations| relations.reaching(start))
    }

    /// How many edges of a relation there are.
    #[must_use]
    pub fn relation_count<R: Relation>(&self) -> usize {
        self.resource::<Relations<R>>().map_or(0, Relations::len)
    }

    /// What ends when `entity` does, by this relation.
    fn dependents<R: Relation>(&self, entity: Entity, out: &mut Vec<Entity>) {
        let Some(relations) = self.resource::<Relations<R>>() else {
            return;
        };
        if matches!(R::ON_TARGET_END, OnEnd::Despawn) {
            out.extend(relations.relating(entity).map(|(source, _)| source));
        }
        if matches!(R::ON_SOURCE_END, OnEnd::Despawn) {
            out.extend(relations.related(entity).map(|(target, _)| target));
        }
    }

    fn end_edges<R: Relation>(&mut self, entity: Entity, doomed: &mut Doomed) {
        let mut data = Vec::new();
        self.take_edges::<R>(entity, Side::Out, &mut data);
        self.take_edges::<R>(entity, Side::In, &mut data);
        doomed.extend(boxed(data));
    }

    fn clear_edges<R: Relation>(&mut self, doomed: &mut Doomed) {
        if let Some(relations) = self.relations_mut::<R>() {
            doomed.extend(boxed(relations.clear()));
        }
    }

    /// What ends with `start`, itself first: children and what relations say, each once, depth first.
    pub(super) fn ending_with(&self, start: Entity) -> Vec<Entity> {
        if !self.data.relations.cascades {
            return core::iter::once(start)
                .chain(self.descendants(start))
                .collect();
        }
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let (mut stack, mut next) = (vec![start], Vec::new());
        while let Some(entity) = stack.pop() {
            if !seen.insert(entity) {
                continue;
            }
            found.push(entity);
            next.extend(self.children(entity));
            for kind in &self.data.relations.kinds {
                if let Some(dependents) = kind.dependents {
                    dependents(self, entity, &mut next);
                }
            }
            stack.extend(next.drain(..).rev());
        }
        found
    }
}
