//! Prefabs: a tree of entities captured once and made again many times, a column at a time.
//!
//! Entities that have the same components form a group. A copy of a group is a run of rows, so N copies are N runs side by side: Pod columns are
//! filled by `memcpy`, others by `Clone` or their codec. Handles of captured entities, wherever a schema declares them, are replaced by those of the
//! copy.
//!
//! Guarantee: everything that can fail or panic is done before the first row exists, watchers apart, which are told at the end.

mod values;

use core::alloc::Layout;
use core::any::TypeId;
use core::fmt;
use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

use crate::component::{ComponentId, ComponentInfo, Storage};
use crate::entities::Location;
use crate::entity::Entity;
use crate::relation::ChildOf;
use crate::snapshot::codec::{DecodeError, Encoder};
use crate::watch::{Cause, Rows, Watch};
use crate::world::World;
use values::{Arrivals, Copies, Map, Values};

/// A tree of entities, to be made again.
///
/// It holds the root and everything below it ([`ChildOf`]), all their components, and the relations between them. Components must be Pod
/// (`#[component(pod)]`), clonable (`#[component(clone)]`), or have a schema or codec. The root's own parent is left out.
///
/// ```
/// use storm_ecs::{ChildOf, Component, Prefab, World};
///
/// #[derive(Component, Clone, Debug, PartialEq)]
/// #[component(clone)]
/// struct Label(String);
///
/// let mut world = World::new();
/// let cart = world.spawn(Label("cart".into()));
/// world.spawn_batch((0..4).map(|i| (Label(format!("wheel {i}")), ChildOf(cart))).collect::<Vec<_>>());
///
/// let prefab = Prefab::capture(&world, cart)?;
/// let carts = prefab.instantiate(&mut world, 100)?;
/// assert_eq!((carts.len(), world.len()), (100, 505));
/// let third = world.children(carts[7]).nth(2).unwrap();
/// assert_eq!(world.get(third), Some(&Label("wheel 2".into())));
/// # Ok::<(), storm_ecs::PrefabError>(())
/// ```
pub struct Prefab {
    /// The world that it was captured in.
    tag: u16,
    /// Captured handles, without tag, and their numbers.
    numbers: Numbers,
    /// By number: group.
    group_of: Vec<usize>,
    groups: Vec<Group>,
    /// By name of the relation.
    edges: Vec<(&'static str, Vec<u8>)>,
}

/// Numbers by handle. Looked up once a handle and copy, so it spares the default hash.
type Numbers = HashMap<u64, usize, BuildHasherDefault<HandleHasher>>;

/// Multiplies by 2⁶⁴ over the golden ratio: handles of one tree differ in a few low bits, tables look at high ones.
#[derive(Default)]
struct HandleHasher(u64);

impl Hasher for HandleHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Captured entities that have the same columns.
struct Group {
    /// Their numbers, ascending.
    members: Vec<usize>,
    columns: Vec<Part>,
    /// Sparse components and tags, and which members have them.
    aside: Vec<(Part, Vec<usize>)>,
}

/// One component.
struct Part {
    name: &'static str,
    type_id: TypeId,
    /// Components that no Rust type stands for share a type.
    layout: Layout,
    /// `None` for tags.
    values: Option<Values>,
}

impl Part {
    /// Whether its values are bytes.
    fn is_bytes(&self) -> bool {
        matches!(self.values, Some(Values::Bytes(_)))
    }
}

impl fmt::Debug for Prefab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefab")
            .field("entities", &self.group_of.len())
            .field("groups", &self.groups.len())
            .finish_non_exhaustive()
    }
}

/// Why a tree could not be captured or made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrefabError {
    /// The root is not alive, or belongs to another world.
    NoSuchEntity(Entity),
    /// A component can be copied in no way.
    Unclonable {
        /// Its name.
        component: &'static str,
    },
    /// A relation between captured entities has data without a codec.
    UnstoredRelation {
        /// Its name.
        relation: &'static str,
    },
    /// A component or relation that the world does not know, or knows as another type.
    Unknown {
        /// Its name.
        name: &'static str,
    },
    /// A codec does not read what it wrote.
    Decode {
        /// The component or relation.
        name: &'static str,
        /// What is wrong.
        error: DecodeError,
    },
}

impl fmt::Display for PrefabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchEntity(entity) => write!(f, "no such entity: {entity}"),
            Self::Unclonable { component } => write!(
                f,
                "component {component} cannot be copied: expected #[component(pod)], #[component(clone)], #[component(schema)] or a codec"
            ),
            Self::UnstoredRelation { relation } => {
                write!(
                    f,
                    "relation {relation} cannot be copied: its data has no codec"
                )
            }
            Self::Unknown { name } => {
                write!(f, "{name:?} is not known to this world: register it")
            }
            Self::Decode { name, error } => write!(f, "{name:?} {error}"),
        }
    }
}

impl core::error::Error for PrefabError {}

/// A handle without its world.
fn key(entity: Entity) -> u64 {
    entity.to_bits() & (u64::MAX >> 16)
}

impl Prefab {
    /// Captures an entity and everything below it.
    ///
    /// # Errors
    /// If `root` is not alive, or something of the tree can be copied in no way.
    ///
    /// # Panics
    /// If a `Clone` does.
    pub fn capture(world: &World, root: Entity) -> Result<Self, PrefabError> {
        if !world.contains(root) {
            return Err(PrefabError::NoSuchEntity(root));
        }
        let members: Vec<Entity> = core::iter::once(root)
            .chain(world.descendants(root))
            .collect();
        let numbers: Numbers = members.iter().map(|&entity| key(entity)).zip(0..).collect();
        // Who has the same columns; the root's parent is not part of it.
        let child_of = world.registry.id::<ChildOf>();
        let mut by_columns: HashMap<Vec<ComponentId>, usize> = HashMap::new();
        let mut sorted: Vec<(Vec<ComponentId>, Vec<usize>)> = Vec::new();
        let mut group_of = Vec::with_capacity(members.len());
        let mut locations = Vec::with_capacity(members.len());
        for (number, &entity) in members.iter().enumerate() {
            let Some(location) = world.entities.get(entity) else {
                return Err(PrefabError::NoSuchEntity(entity));
            };
            locations.push(location);
            let columns = world.tables[location.table as usize].components();
            let ids: Vec<ComponentId> = columns
                .filter(|&id| number > 0 || Some(id) != child_of)
                .collect();
            let group = *by_columns.entry(ids).or_insert_with_key(|ids| {
                sorted.push((ids.clone(), Vec::new()));
                sorted.len() - 1
            });
            sorted[group].1.push(number);
            group_of.push(group);
        }

        let kept = world.kept_tags();
        let capture = |id: ComponentId, owners: &[Entity]| {
            let info = world.registry.info(id);
            let values = match info.storage() {
                Storage::Tag => None,
                _ => Some(
                    Values::capture(world, id, owners).ok_or(PrefabError::Unclonable {
                        component: info.name(),
                    })?,
                ),
            };
            Ok(Part {
                name: info.name(),
                type_id: info.type_id,
                layout: info.layout,
                values,
            })
        };
        let mut groups = Vec::with_capacity(sorted.len());
        for (ids, numbers) in sorted {
            let all: Vec<Entity> = numbers.iter().map(|&number| members[number]).collect();
            let columns = ids.iter().map(|&id| capture(id, &all));
            let columns = columns.collect::<Result<_, _>>()?;
            let mut ranks_of: Vec<(ComponentId, Vec<usize>)> = Vec::new();
            for (rank, &number) in numbers.iter().enumerate() {
                for id in world.aside_of(members[number], locations[number]) {
                    match ranks_of.iter_mut().find(|ranks| ranks.0 == id) {
                        Some(ranks) => ranks.1.push(rank),
                        None if kept.contains(&id) => {}
                        None => ranks_of.push((id, vec![rank])),
                    }
                }
            }
            let aside = ranks_of.into_iter().map(|(id, ranks)| {
                let owners: Vec<Entity> = ranks.iter().map(|&rank| all[rank]).collect();
                Ok((capture(id, &owners)?, ranks))
            });
            let aside = aside.collect::<Result<_, _>>()?;
            groups.push(Group {
                members: numbers,
                columns,
                aside,
            });
        }

        let mut edges = Vec::new();
        for kind in &world.data.relations.kinds {
            let mut bytes = Vec::new();
            if (kind.stored.copy)(world, &members, &mut Encoder::new(&mut bytes, world.tag())) {
                if !kind.stored.is_stored() {
                    return Err(PrefabError::UnstoredRelation {
                        relation: kind.name,
                    });
                }
                edges.push((kind.name, bytes));
            }
        }
        Ok(Self {
            tag: world.tag(),
            numbers,
            group_of,
            groups,
            edges,
        })
    }

    /// How many entities a copy has.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it has a root")]
    pub fn len(&self) -> usize {
        self.group_of.len()
    }

    /// Makes `count` copies; returns their roots. Costs a few operations a group and component, then a copy of the bytes of Pod columns and a
    /// call for every other value, plus what it takes to link children and relations.
    ///
    /// Entities come to life copy by copy. Hooks and observers are told once a group and component. Handles of entities outside of the tree stay
    /// as they are; in another world than it was captured in they become [`Entity::DANGLING`].
    ///
    /// # Errors
    /// If this is another world than it was captured in and it lacks a component or relation. Nothing is made then.
    ///
    /// # Panics
    /// If a `Clone` or codec does, or a limit is reached, as in [`World::spawn`]. Nothing is made then.
    pub fn instantiate(&self, world: &mut World, count: usize) -> Result<Vec<Entity>, PrefabError> {
        world.flush();
        let resolve = |part: &Part| {
            let id = world.registry.named(part.name);
            let info = id.map(|id| world.registry.info(id));
            let same = |info: &&ComponentInfo| {
                (info.type_id, info.layout) == (part.type_id, part.layout)
                    && (info.is_pod() || !part.is_bytes())
            };
            info.filter(same)
                .map(ComponentInfo::id)
                .ok_or(PrefabError::Unknown { name: part.name })
        };
        let mut plans = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let columns: Vec<ComponentId> = group
                .columns
                .iter()
                .map(resolve)
                .collect::<Result<_, _>>()?;
            let aside: Vec<ComponentId> = group
                .aside
                .iter()
                .map(|(part, _)| resolve(part))
                .collect::<Result<_, _>>()?;
            plans.push((columns, aside));
        }
        if count == 0 {
            return Ok(Vec::new());
        }
        let each = self.len();
        // More than fits is more than there is room for.
        let (tag, total) = (world.tag(), each.saturating_mul(count));
        world.entities.assert_room(total);
        let made: Vec<Entity> = (0..total as u64)
            .map(|position| world.entities.peek(position))
            .collect();
        let mut map = |copy: usize, entity: Entity| match self.numbers.get(&key(entity)) {
            Some(&number) if [self.tag, tag].contains(&entity.world_tag()) => {
                made[copy * each + number]
            }
            _ if self.tag == tag => entity,
            _ => Entity::DANGLING,
        };

        // All that runs code of others.
        let mut arrivals = Vec::with_capacity(plans.len());
        let mut apart: Vec<Option<Copies<'_>>> = Vec::new();
        for (group, (columns, aside)) in self.groups.iter().zip(&plans) {
            let mut copies = |part, id, rows| copies_of(world, part, id, rows, count, &mut map);
            let mut arriving = Arrivals {
                members: group.members.len(),
                columns: Vec::new(),
            };
            for (part, &id) in group.columns.iter().zip(columns) {
                let copies = copies(part, id, group.members.len())?;
                arriving.columns.extend(copies.map(|copies| (id, copies)));
            }
            arrivals.push(arriving);
            for ((part, ranks), &id) in group.aside.iter().zip(aside) {
                apart.push(copies(part, id, ranks.len())?);
            }
        }
        let mut edges = Vec::new();
        for (name, bytes) in &self.edges {
            let mut kinds = world.data.relations.kinds.iter();
            let kind = kinds.find(|kind| kind.name == *name && kind.stored.is_stored());
            let kind = kind.ok_or(PrefabError::Unknown { name })?;
            let load = (kind.stored.paste)(bytes, tag, &made, each, &mut map);
            edges.push(load.map_err(|error| PrefabError::Decode { name, error })?);
        }

        // Nothing can fail from here on.
        let places = values::put(world, arrivals, &self.group_of, &made, &mut map);
        let mut apart = apart.into_iter();
        for (group, (_, aside)) in self.groups.iter().zip(&plans) {
            for ((_, ranks), &id) in group.aside.iter().zip(aside) {
                let owners = owners(&made, each, group, ranks);
                match apart.next().flatten() {
                    Some(copies) => values::put_sparse(world, id, copies, &owners, count, &mut map),
                    None => owners
                        .iter()
                        .for_each(|&owner| world.put_tag(owner, id, true)),
                }
            }
        }
        // Copy by copy, each in the order in which children were found.
        world.link_children(&made);
        for load in edges {
            load(world);
        }
        self.tell(world, &made, &plans, &places);
        Ok(made.into_iter().step_by(each).collect())
    }

    /// Tells watchers of what has come: one call a group and component.
    fn tell(
        &self,
        world: &mut World,
        made: &[Entity],
        plans: &[(Vec<ComponentId>, Vec<ComponentId>)],
        places: &[Location],
    ) {
        if made.is_empty() {
            return;
        }
        for ((group, (columns, aside)), &place) in self.groups.iter().zip(plans).zip(places) {
            if world.watch_of(columns).has(Watch::INSERT) {
                let all: Vec<usize> = (0..group.members.len()).collect();
                let all = owners(made, self.len(), group, &all);
                world.tell_each(Watch::INSERT, Cause::Spawn, columns, &all, place);
            }
            for ((_, ranks), &id) in group.aside.iter().zip(aside) {
                if world.watch_of(&[id]).has(Watch::INSERT) {
                    let some = owners(made, self.len(), group, ranks);
                    let mut place = place;
                    if ranks.len() < group.members.len() {
                        place.row = Rows::APART;
                    }
                    world.tell_each(Watch::INSERT, Cause::Spawn, &[id], &some, place);
                }
            }
        }
        world.settle();
    }

    /// Makes copies, and calls `f` with the number and root of each when all are there: to place them, or to put them under a parent.
    ///
    /// ```
    /// # use storm_ecs::{ChildOf, Prefab, World};
    /// let mut world = World::new();
    /// let lamp = world.spawn(());
    /// let street = world.spawn(());
    /// let prefab = Prefab::capture(&world, lamp)?;
    /// prefab.instantiate_with(&mut world, 3, |world, _, lamp| world.set_parent(lamp, street).unwrap())?;
    /// assert_eq!(world.child_count(street), 3);
    /// # Ok::<(), storm_ecs::PrefabError>(())
    /// ```
    ///
    /// # Errors
    /// As [`instantiate`](Self::instantiate).
    ///
    /// # Panics
    /// As [`instantiate`](Self::instantiate); and if `f` does: all copies are there then.
    pub fn instantiate_with(
        &self,
        world: &mut World,
        count: usize,
        mut f: impl FnMut(&mut World, usize, Entity),
    ) -> Result<Vec<Entity>, PrefabError> {
        let roots = self.instantiate(world, count)?;
        for (copy, &root) in roots.iter().enumerate() {
            f(world, copy, root);
        }
        Ok(roots)
    }
}

/// Copies of a component's values; none of a tag's.
fn copies_of<'a>(
    world: &World,
    part: &'a Part,
    id: ComponentId,
    rows: usize,
    count: usize,
    map: &mut Map<'_>,
) -> Result<Option<Copies<'a>>, PrefabError> {
    let Some(values) = &part.values else {
        return Ok(None);
    };
    let copies = values.copies(world.registry.info(id), rows, count, world.tag(), map);
    copies.map(Some).map_err(|error| PrefabError::Decode {
        name: part.name,
        error,
    })
}

/// The copies of some members of a group, in order of their rows.
fn owners(made: &[Entity], each: usize, group: &Group, ranks: &[usize]) -> Vec<Entity> {
    made.chunks(each)
        .flat_map(|copy| ranks.iter().map(|&rank| copy[group.members[rank]]))
        .collect()
}
