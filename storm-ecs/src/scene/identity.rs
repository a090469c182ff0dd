//! Names that last: ids that stay the same across runs, saves and machines, and how much an entity matters.

use std::collections::HashMap;

use bytemuck::{Pod, Zeroable};

use crate::resource::Resource;
use crate::{Cause, Component, DeferredWorld, Entity, Rows, World};

/// An id of 128 bits that stays with a thing across runs, saves and machines: an entity's handle does not. Immutable; the world finds entities by it
/// ([`World::entity_by_id`]).
///
/// Two entities may have the same id for a while, when a scene is loaded twice, say: the one that had it first is found, and
/// [`World::duplicate_ids`] names them all.
///
/// ```
/// use storm_ecs::World;
/// use storm_ecs::scene::StableId;
///
/// let mut world = World::new();
/// let door = world.spawn(StableId::from_u128(7));
/// assert_eq!(world.entity_by_id(StableId::from_u128(7)), Some(door));
/// let copy = world.spawn(StableId::from_u128(7));
/// assert_eq!(world.duplicate_ids(), [(StableId::from_u128(7), vec![door, copy])]);
/// world.despawn(door)?;
/// assert_eq!(world.entity_by_id(StableId::from_u128(7)), Some(copy));
/// # Ok::<(), storm_ecs::NoSuchEntity>(())
/// ```
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[component(name = "storm.scene.StableId", schema, pod = "bytemuck", immutable, on_insert = came, on_remove = went)]
#[repr(transparent)]
pub struct StableId(pub [u8; 16]);

impl StableId {
    /// From a number; the bytes are in order from the highest.
    #[must_use]
    pub const fn from_u128(id: u128) -> Self {
        Self(id.to_be_bytes())
    }

    /// As a number.
    #[must_use]
    pub const fn to_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

impl core::fmt::Display for StableId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:032x}", self.to_u128())
    }
}

/// Entities by id. What it says is checked against the component when it is asked.
#[derive(Debug, Default)]
struct StableIds {
    first: HashMap<StableId, Entity>,
    /// The others with the same id, in order of coming.
    others: HashMap<StableId, Vec<Entity>>,
}

impl Resource for StableIds {}

impl StableIds {
    fn insert(&mut self, id: StableId, entity: Entity) {
        let first = *self.first.entry(id).or_insert(entity);
        if first != entity {
            let others = self.others.entry(id).or_default();
            if !others.contains(&entity) {
                others.push(entity);
            }
        }
    }

    fn remove(&mut self, id: StableId, entity: Entity) {
        if let Some(others) = self.others.get_mut(&id) {
            others.retain(|&other| other != entity);
        }
        if self.first.get(&id) == Some(&entity) {
            self.first.remove(&id);
            if let Some(others) = self.others.get_mut(&id)
                && !others.is_empty()
            {
                self.first.insert(id, others.remove(0));
            }
        }
        if self.others.get(&id).is_some_and(Vec::is_empty) {
            self.others.remove(&id);
        }
    }

    fn all(&self, id: StableId) -> impl Iterator<Item = Entity> {
        let others = self.others.get(&id).into_iter().flatten();
        self.first.get(&id).into_iter().chain(others).copied()
    }
}

fn came(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
    let world = world.world_mut();
    index(world, rows.entities());
}

fn went(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
    // A value that is replaced is told of twice: this is the old one.
    debug_assert!(matches!(
        rows.cause(),
        Cause::Replace | Cause::Remove | Cause::Despawn
    ));
    let world = world.world_mut();
    for &entity in rows.entities() {
        forget(world, entity);
    }
}

/// The entity is about to lose its id.
pub(crate) fn forget(world: &mut World, entity: Entity) {
    if let Some(&id) = world.get::<StableId>(entity)
        && let Some(ids) = world.resource_mut::<StableIds>()
    {
        ids.remove(id, entity);
    }
}

fn index(world: &mut World, entities: &[Entity]) {
    for &entity in entities {
        if let Some(&id) = world.get::<StableId>(entity) {
            world.init_resource::<StableIds>().insert(id, entity);
        }
    }
}

/// After a restore (`None`: everything may be different) or a delta.
pub(crate) fn reindex(world: &mut World, entities: Option<&[Entity]>) {
    if world.registry.id::<StableId>().is_none() {
        return;
    }
    match entities {
        Some(entities) => index(world, entities),
        None => {
            world.insert_resource(StableIds::default());
            let all = world.query::<(Entity, &StableId)>();
            let all: Vec<Entity> = all.into_iter().map(|(entity, _)| entity).collect();
            index(world, &all);
        }
    }
}

impl World {
    /// The entity with an id; of several the one that had it first.
    #[must_use]
    pub fn entity_by_id(&self, id: StableId) -> Option<Entity> {
        let ids = self.resource::<StableIds>()?;
        ids.all(id)
            .find(|&entity| self.get::<StableId>(entity) == Some(&id))
    }

    /// Ids that several entities have, by id, and who has them.
    #[must_use]
    pub fn duplicate_ids(&self) -> Vec<(StableId, Vec<Entity>)> {
        let Some(ids) = self.resource::<StableIds>() else {
            return Vec::new();
        };
        let has = |entity: &Entity, id| self.get::<StableId>(*entity) == Some(&id);
        let all = ids.others.keys().map(|&id| {
            let owners: Vec<Entity> = ids.all(id).filter(|entity| has(entity, id)).collect();
            (id, owners)
        });
        let mut all: Vec<_> = all.filter(|(_, owners)| owners.len() > 1).collect();
        all.sort_by_key(|entry| entry.0);
        all
    }
}

/// How much an entity matters, from 0 to 1: for budgets that cannot serve all, in drawing, simulation and replication alike.
///
/// ```
/// use storm_ecs::World;
/// use storm_ecs::scene::Harmony;
///
/// let mut world = World::new();
/// let hero = world.spawn(Harmony(1.0));
/// let id = world.register::<Harmony>();
/// assert!(world.validate(hero, id).is_ok());
/// world.get_mut::<Harmony>(hero).unwrap().0 = 1.5;
/// assert!(world.validate(hero, id).is_err());
/// ```
#[derive(Component, Clone, Copy, Debug, PartialEq, PartialOrd, Pod, Zeroable)]
#[component(name = "storm.scene.Harmony", schema, pod = "bytemuck")]
#[repr(transparent)]
pub struct Harmony(#[field(min = 0, max = 1)] pub f32);

impl Default for Harmony {
    /// Half.
    fn default() -> Self {
        Self(0.5)
    }
}
