//! Queries along relations: items of all sources of a target, of all targets of a source, and of both ends of each edge.

use core::fmt;

use crate::entity::Entity;
use crate::query::{Query, QueryData, ReadOnlyQueryData};
use crate::relation::edges::{Relation, Relations};
use crate::world::World;

/// The items of some entities, in their order; made by [`World::query_relating`] and its like.
pub struct RelatedQuery<'w, Q: QueryData> {
    query: Query<'w, Q>,
    entities: Vec<Entity>,
}

impl<Q: QueryData> fmt::Debug for RelatedQuery<'_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelatedQuery")
            .field("entities", &self.entities)
            .finish_non_exhaustive()
    }
}

impl<Q: QueryData> RelatedQuery<'_, Q> {
    /// The items of those that match, reading only.
    pub fn iter(&self) -> impl Iterator<Item = <Q::ReadOnly as QueryData>::Item<'_>> {
        self.entities
            .iter()
            .filter_map(|&entity| self.query.get(entity))
    }

    /// Calls `f` with the item of each that matches.
    pub fn for_each(mut self, mut f: impl FnMut(Q::Item<'_>)) {
        for entity in self.entities {
            if let Some(item) = self.query.get_mut(entity) {
                f(item);
            }
        }
    }
}

/// The items of both ends of each edge of a relation; made by [`World::query_pairs`].
pub struct PairQuery<'w, R: Relation, S: ReadOnlyQueryData, T: ReadOnlyQueryData> {
    relations: Option<&'w Relations<R>>,
    sources: Query<'w, S>,
    targets: Query<'w, T>,
}

impl<R: Relation, S: ReadOnlyQueryData, T: ReadOnlyQueryData> fmt::Debug
    for PairQuery<'_, R, S, T>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairQuery").finish_non_exhaustive()
    }
}

/// What a [`PairQuery`] hands out: the source's item, the edge's data, the target's item.
pub type Pair<'a, R, S, T> = (
    <<S as QueryData>::ReadOnly as QueryData>::Item<'a>,
    &'a <R as Relation>::Data,
    <<T as QueryData>::ReadOnly as QueryData>::Item<'a>,
);

impl<R: Relation, S: ReadOnlyQueryData, T: ReadOnlyQueryData> PairQuery<'_, R, S, T> {
    /// Edges whose ends both match, in the order of [`Relations::iter`].
    pub fn iter(&self) -> impl Iterator<Item = Pair<'_, R, S, T>> {
        let edges = self.relations.into_iter().flat_map(Relations::iter);
        edges.filter_map(|(source, target, data)| {
            Some((self.sources.get(source)?, data, self.targets.get(target)?))
        })
    }
}

impl World {
    /// The items of all sources of `target`.
    ///
    /// ```
    /// use storm_ecs::{Component, Relation, World};
    ///
    /// #[derive(Component)]
    /// struct Mass(f32);
    /// struct DockedTo;
    /// impl Relation for DockedTo {
    ///     const NAME: &'static str = "space.DockedTo";
    ///     type Data = ();
    ///     const EXCLUSIVE: bool = true;
    /// }
    ///
    /// let mut world = World::new();
    /// let station = world.spawn(Mass(100.0));
    /// for mass in [1.0, 2.0] {
    ///     let ship = world.spawn(Mass(mass));
    ///     world.relate::<DockedTo>(ship, station, ()).unwrap();
    /// }
    /// let docked: f32 = world.query_relating::<DockedTo, &Mass>(station).iter().map(|mass| mass.0).sum();
    /// assert_eq!(docked, 3.0);
    ///
    /// world.query_relating_mut::<DockedTo, &mut Mass>(station).for_each(|mass| mass.0 += 1.0);
    /// let pairs = world.query_pairs::<DockedTo, &Mass, &Mass>();
    /// assert_eq!(pairs.iter().map(|(ship, (), station)| ship.0 + station.0).sum::<f32>(), 205.0);
    /// ```
    #[must_use]
    pub fn query_relating<R: Relation, Q: ReadOnlyQueryData>(
        &self,
        target: Entity,
    ) -> RelatedQuery<'_, Q> {
        RelatedQuery {
            entities: self.relating::<R>(target).map(|edge| edge.0).collect(),
            query: self.query(),
        }
    }

    /// The items of all sources of `target`, for writing.
    #[must_use]
    pub fn query_relating_mut<R: Relation, Q: QueryData>(
        &mut self,
        target: Entity,
    ) -> RelatedQuery<'_, Q> {
        RelatedQuery {
            entities: self.relating::<R>(target).map(|edge| edge.0).collect(),
            query: self.query_mut(),
        }
    }

    /// The items of all targets of `source`.
    #[must_use]
    pub fn query_related<R: Relation, Q: ReadOnlyQueryData>(
        &self,
        source: Entity,
    ) -> RelatedQuery<'_, Q> {
        RelatedQuery {
            entities: self.related::<R>(source).map(|edge| edge.0).collect(),
            query: self.query(),
        }
    }

    /// The items of all targets of `source`, for writing.
    #[must_use]
    pub fn query_related_mut<R: Relation, Q: QueryData>(
        &mut self,
        source: Entity,
    ) -> RelatedQuery<'_, Q> {
        RelatedQuery {
            entities: self.related::<R>(source).map(|edge| edge.0).collect(),
            query: self.query_mut(),
        }
    }

    /// The items of the children of an entity, in order.
    #[must_use]
    pub fn query_children<Q: ReadOnlyQueryData>(&self, parent: Entity) -> RelatedQuery<'_, Q> {
        RelatedQuery {
            entities: self.children(parent).collect(),
            query: self.query(),
        }
    }

    /// The items of both ends of each edge.
    #[must_use]
    pub fn query_pairs<R: Relation, S: ReadOnlyQueryData, T: ReadOnlyQueryData>(
        &self,
    ) -> PairQuery<'_, R, S, T> {
        PairQuery {
            relations: self.resource::<Relations<R>>(),
            sources: self.query(),
            targets: self.query(),
        }
    }
}
