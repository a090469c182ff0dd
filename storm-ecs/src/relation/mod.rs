//! What entities are to each other: the hierarchy ([`ChildOf`]), and relations of any kind with data ([`Relation`]).
//!
//! Neither moves entities between tables for its own sake. Links are kept in lists by entity index, so that linking, unlinking and ending an entity
//! cost in proportion to its own links alone. An entity that has any lives in a table that says `has_aside`, so worlds
//! without relations pay nothing: the test for sparse components and tags covers it.
//!
//! Nothing here is unsafe: a wrong link could give a wrong answer, never a wrong access.

mod child_of;
mod codec;
mod command;
mod edges;
mod hierarchy;
mod pages;
mod query;
mod relate;
mod stored;
mod tags;
mod walk;

use core::any::{Any, TypeId};

use crate::component::ComponentId;
use crate::entities::Location;
use crate::entity::Entity;
use crate::error::NoSuchEntity;
use crate::world::World;

pub use child_of::{ChildOf, HierarchyError, Parent};
pub use codec::RelationCodec;
pub use edges::{EdgeId, OnEnd, Relation, Relations};
pub use hierarchy::{Ancestors, Children, Descendants, Hierarchy};
pub use query::{Pair, PairQuery, RelatedQuery};
pub(crate) use stored::{Stored, check as check_stored, is_built_in, load_all, save_all};
pub use tags::{Source, Target};
pub use walk::{Reachable, Related};

/// What a world keeps of relations apart from the indices, which are resources.
#[derive(Default)]
pub(crate) struct State {
    /// Whether anything was ever linked.
    pub(crate) any: bool,
    /// Whether any relation ends entities.
    pub(crate) cascades: bool,
    /// Relations that are known, by name.
    pub(crate) kinds: Vec<Kind>,
}

/// What a world can do with a relation whose type it does not see.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The name of its section in snapshots.
    pub(crate) section: String,
    relation: TypeId,
    /// The tags of sources and targets.
    tags: [ComponentId; 2],
    /// What ends with an entity, if anything may.
    dependents: Option<fn(&World, Entity, &mut Vec<Entity>)>,
    /// Takes the edges of an entity away.
    end: fn(&mut World, Entity, &mut Doomed),
    /// Takes all edges away.
    clear: fn(&mut World, &mut Doomed),
    pub(crate) stored: Stored,
}

/// Values of edges that ended, dropped when the world is whole.
pub(crate) type Doomed = Vec<Box<dyn Any + Send + Sync>>;

impl World {
    /// Sets or clears a tag that the world keeps itself, and marks it. Watchers are not told.
    pub(crate) fn put_tag(&mut self, entity: Entity, id: ComponentId, on: bool) {
        let tick = self.now();
        let Some(location) = self.entities.get(entity) else {
            return;
        };
        let info = self.registry.info(id);
        let table = &mut self.tables[location.table as usize];
        if on {
            table.set_aside();
            table.tags_mut().set(info, location.row as usize, tick);
        } else if table.tags_mut().clear(id, location.row as usize) {
            self.log_removed(entity, id, tick);
        }
    }

    /// Tags that the world keeps itself.
    pub(crate) fn kept_tags(&self) -> Vec<ComponentId> {
        let parent = self.registry.id::<Parent>();
        let kinds = self.data.relations.kinds.iter();
        kinds.flat_map(|kind| kind.tags).chain(parent).collect()
    }

    /// Whether other entities end with this one.
    pub(crate) fn ends_others(&self, entity: Entity) -> bool {
        let state = &self.data.relations;
        if !state.any {
            return false;
        }
        let mut found = Vec::new();
        self.child_count(entity) > 0
            || state.cascades
                && state.kinds.iter().any(|kind| {
                    if let Some(dependents) = kind.dependents {
                        dependents(self, entity, &mut found);
                    }
                    !found.is_empty()
                })
    }

    /// Whether despawning all rows of a table may end entities of others.
    pub(crate) fn table_ends_others(&self, table: u32) -> bool {
        let table = &self.tables[table as usize];
        self.data.relations.any
            && table.has_aside()
            && table
                .entities()
                .iter()
                .any(|&entity| self.ends_others(entity))
    }

    /// Ends an entity and all that ends with it, what was found last first. Watchers' commands apply afterwards.
    #[cold]
    pub(crate) fn despawn_with_others(&mut self, entity: Entity) {
        // Goes on with the rest if a `Drop` panics.
        struct Ending<'w> {
            world: &'w mut World,
            left: Vec<Entity>,
        }
        impl Ending<'_> {
            fn run(&mut self) {
                while let Some(entity) = self.left.pop() {
                    if let Some(location) = self.world.entities.get(entity) {
                        self.world.despawn_told(entity, location);
                    }
                }
            }
        }
        impl Drop for Ending<'_> {
            fn drop(&mut self) {
                self.run();
            }
        }
        let left = self.ending_with(entity);
        Ending { world: self, left }.run();
        self.settle();
    }

    /// Ends an entity alone, whatever hangs on it, and tells no one: for deltas, which say themselves what ends.
    pub(crate) fn despawn_alone(&mut self, entity: Entity) -> Result<(), NoSuchEntity> {
        self.flush();
        let location: Location = self.entities.get(entity).ok_or(NoSuchEntity)?;
        #[cfg(feature = "scene")]
        crate::scene::forget(self, entity);
        self.end_row(entity, location);
        Ok(())
    }

    /// Takes an entity that is about to end out of all indices. What comes back is to be dropped once it has ended.
    #[inline]
    pub(crate) fn end_relations(&mut self, entity: Entity) -> Doomed {
        if self.data.relations.any {
            self.end_relations_now(entity)
        } else {
            Doomed::new()
        }
    }

    #[cold]
    fn end_relations_now(&mut self, entity: Entity) -> Doomed {
        let mut doomed = Doomed::new();
        for number in 0..self.data.relations.kinds.len() {
            (self.data.relations.kinds[number].end)(self, entity, &mut doomed);
        }
        let left = self
            .resource_mut::<Hierarchy>()
            .and_then(|hierarchy| hierarchy.forget(entity));
        if let Some((parent, true)) = left {
            let id = self.register::<Parent>();
            self.put_tag(parent, id, false);
        }
        doomed
    }

    /// Empties all indices: every entity is about to end.
    pub(crate) fn clear_relations(&mut self) -> Doomed {
        if let Some(hierarchy) = self.resource_mut::<Hierarchy>() {
            hierarchy.clear();
        }
        self.clear_all_edges()
    }

    /// Takes all edges away.
    fn clear_all_edges(&mut self) -> Doomed {
        let mut doomed = Doomed::new();
        for number in 0..self.data.relations.kinds.len() {
            (self.data.relations.kinds[number].clear)(self, &mut doomed);
        }
        doomed
    }
}
