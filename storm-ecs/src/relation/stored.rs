//! Relations and the order of children in snapshots and deltas: sections beside the components.
//!
//! The hierarchy itself is in the values of `ChildOf`; its section holds runs of siblings: the index of the sibling before (or none), a number, and
//! the indices of children that follow each other. A snapshot has a run for each parent, a delta one for what was linked or moved since.
//!
//! A relation's section holds the edges out of entities: all of them in a snapshot, those of entities whose edges changed in a delta. Edges carry the
//! number of their making, which is what puts the lists of targets back in order.
//!
//! Restoring and deltas call no hooks; what is here brings the indices up to date after all components are in place: from scratch, or for the
//! entities that a delta names. Bytes that make no sense give an error while they are read, or links that are left out: never more.

use std::collections::{HashMap, HashSet};

use crate::component::Component;
use crate::entity::Entity;
use crate::query::Changed;
use crate::relation::child_of::{ChildOf, Parent};
use crate::relation::edges::{Relation, Relations, Side};
use crate::relation::hierarchy::{Hierarchy, Place};
use crate::relation::tags::Source;
use crate::snapshot::codec::{DecodeError, Decoder, Encoder};
use crate::snapshot::section::LoadSection;
use crate::snapshot::{
    OnUnknown, RestoreOptions, SnapshotError, SnapshotKind, SnapshotOptions, SnapshotView, handles,
};
use crate::tick::ChangeTick;
use crate::world::World;

const NONE: u32 = u32::MAX;
/// The section of the hierarchy.
const HIERARCHY: &str = "storm.hierarchy";
/// What the names of relations' sections begin with.
const RELATION: &str = "storm.relation.";

/// The section of a relation.
pub(super) fn section_of(name: &str) -> String {
    format!("{RELATION}{name}")
}

/// Whether a section is kept by this module.
pub(crate) fn is_built_in(section: &str) -> bool {
    section == HIERARCHY || section.starts_with(RELATION)
}

/// How one relation is stored and copied.
#[derive(Clone, Copy)]
pub(crate) struct Stored {
    is_stored: bool,
    count: fn(&World) -> usize,
    /// Whether its edges changed since a tick.
    changed: fn(&World, u32) -> bool,
    save: fn(&World, Option<u32>, &mut Encoder<'_>),
    load: fn(&mut Decoder<'_>) -> Result<LoadSection, DecodeError>,
    /// Entities with edges out of them.
    sources: fn(&World) -> Vec<Entity>,
    /// Takes tags away from entities that have no edges; those that had some are given.
    reconcile: fn(&mut World, &[Entity]),
    /// Edges between some entities, with their numbers in place of handles; says whether there are any.
    pub(crate) copy: fn(&World, &[Entity], &mut Encoder<'_>) -> bool,
    pub(crate) paste: Paste,
}

/// Reads copied edges, to be made between other entities: of each copy so many.
type Paste = fn(
    &[u8],
    u16,
    &[Entity],
    usize,
    &mut dyn FnMut(usize, Entity) -> Entity,
) -> Result<LoadSection, DecodeError>;

/// An edge read from bytes.
struct Read<D> {
    source: Entity,
    target: Entity,
    sequence: u64,
    data: D,
}

impl Stored {
    pub(super) fn of<R: Relation>() -> Self {
        Self {
            is_stored: R::CODEC.is_stored(),
            count: World::relation_count::<R>,
            changed: |world, since| !touched::<R>(world, since).is_empty(),
            save: save::<R>,
            load: load::<R>,
            sources: |world| {
                let relations = world.resource::<Relations<R>>().into_iter();
                relations.flat_map(Relations::sources).collect()
            },
            reconcile: reconcile::<R>,
            copy: copy::<R>,
            paste: paste::<R>,
        }
    }

    /// Whether its edges can be stored.
    pub(crate) fn is_stored(&self) -> bool {
        self.is_stored
    }
}

/// Sources whose edges changed since, by index.
fn touched<R: Relation>(world: &World, since: u32) -> Vec<Entity> {
    let since = ChangeTick::from_raw(since);
    let changed = world.query_filtered::<Entity, Changed<Source<R>>>();
    let mut found: Vec<Entity> = changed.since(since).into_iter().collect();
    found.extend(world.removed::<Source<R>>(since));
    // After a rollback a new entity may have the handle of one that ended: the receiver is to forget what it knew of that.
    let bound = since.before(world.open_tick());
    let ended = world.tables.iter().map(|table| table.despawned());
    found.extend(ended.flat_map(|log| log.since(bound)));
    found.retain(|&entity| world.contains(entity));
    found.sort_unstable();
    found.dedup();
    found
}

fn save<R: Relation>(world: &World, since: Option<u32>, out: &mut Encoder<'_>) {
    let Some(relations) = world.resource::<Relations<R>>() else {
        return;
    };
    let sources: Vec<Entity> = match since {
        None => relations.sources().collect(),
        Some(since) => touched::<R>(world, since),
    };
    out.bytes(&relations.sequence().to_le_bytes());
    out.len(sources.len());
    for source in sources {
        out.entity(source);
        out.len(relations.count(source, Side::Out));
        for (_, edge) in relations.out_of(source) {
            out.entity(edge.target);
            out.bytes(&edge.sequence.to_le_bytes());
            if let Some(data) = &edge.data {
                R::CODEC.encode(data, out);
            }
        }
    }
}

fn load<R: Relation>(input: &mut Decoder<'_>) -> Result<LoadSection, DecodeError> {
    let counted = u64::from_le_bytes(input.array()?);
    let count = input.len_of(size_of::<(Entity, usize)>())?;
    let mut sources = HashSet::new();
    let mut edges = Vec::new();
    for _ in 0..count {
        let source = input.entity()?;
        if !sources.insert(source) {
            return Err(input.wrong("each source once", source));
        }
        for _ in 0..input.len_of(size_of::<Read<R::Data>>() * 2)? {
            edges.push(Read {
                source,
                target: input.entity()?,
                sequence: u64::from_le_bytes(input.array()?),
                data: R::CODEC.decode(input)?,
            });
        }
    }
    edges.sort_by_key(|edge| edge.sequence);
    Ok(Box::new(move |world| {
        put::<R>(world, counted, &sources, edges)
    }))
}

/// Gives sources the edges that were read, and no others.
fn put<R: Relation>(
    world: &mut World,
    counted: u64,
    sources: &HashSet<Entity>,
    edges: Vec<Read<R::Data>>,
) {
    world.register_relation::<R>();
    let wanted: HashMap<(Entity, Entity), u64> = edges
        .iter()
        .map(|edge| ((edge.source, edge.target), edge.sequence))
        .collect();
    let Some(relations) = world.resource::<Relations<R>>() else {
        return;
    };
    let gone: Vec<_> = sources
        .iter()
        .flat_map(|&source| relations.out_of(source))
        .filter(|(_, edge)| wanted.get(&(edge.source, edge.target)) != Some(&edge.sequence))
        .map(|(index, _)| relations.id(index))
        .collect();
    // Dropped when everything is in place.
    let mut old: Vec<_> = gone
        .into_iter()
        .map(|edge| world.unrelate_edge(edge))
        .collect();
    let mut late = HashSet::new();
    for Read {
        source,
        target,
        sequence,
        data,
    } in edges
    {
        if !world.contains(source) || !world.contains(target) {
            old.push(Some(data));
            continue;
        }
        let Some(relations) = world.resource_mut::<Relations<R>>() else {
            return;
        };
        match relations.edge(source, target) {
            Some(edge) => {
                if let Some(value) = relations.data_mut(edge.index) {
                    old.push(Some(core::mem::replace(value, data)));
                }
            }
            None if R::EXCLUSIVE && relations.count(source, Side::Out) > 0 => old.push(Some(data)),
            None => {
                relations.insert(source, target, data, Some(sequence));
                for end in [(source, Side::Out), (target, Side::In)] {
                    if relations.is_late(end.0, end.1) {
                        late.insert(end);
                    }
                }
            }
        }
        world.tag_ends::<R>(source, target);
    }
    if let Some(relations) = world.resource_mut::<Relations<R>>() {
        relations.set_sequence(counted);
        for (entity, side) in late {
            relations.sort(entity, side);
        }
    }
}

/// Takes tags away from entities that have no edges. Those that had some before are logged: the tables may have forgotten their tags.
fn reconcile<R: Relation>(world: &mut World, before: &[Entity]) {
    let Some(relations) = world.resource::<Relations<R>>() else {
        return;
    };
    let [source, target] = relations.tags;
    let lost = |world: &World, entity, side| {
        world
            .resource::<Relations<R>>()
            .is_none_or(|relations| relations.count(entity, side) == 0)
    };
    let tick = world.now();
    for &entity in before {
        if world.contains(entity) && lost(world, entity, Side::Out) {
            world.log_removed(entity, source, tick);
        }
    }
    world.reconcile_tag(source, |world, entity| lost(world, entity, Side::Out));
    world.reconcile_tag(target, |world, entity| lost(world, entity, Side::In));
}

fn copy<R: Relation>(world: &World, entities: &[Entity], out: &mut Encoder<'_>) -> bool {
    let Some(relations) = world.resource::<Relations<R>>() else {
        return false;
    };
    let numbers: HashMap<Entity, usize> = entities.iter().copied().zip(0..).collect();
    let mut found = Vec::new();
    for (number, &source) in entities.iter().enumerate() {
        for (_, edge) in relations.out_of(source) {
            if let (Some(&target), Some(data)) = (numbers.get(&edge.target), &edge.data) {
                found.push((edge.sequence, number, target, data));
            }
        }
    }
    found.sort_by_key(|edge| edge.0);
    out.len(found.len());
    for (_, source, target, data) in &found {
        out.len(*source);
        out.len(*target);
        R::CODEC.encode(data, out);
    }
    !found.is_empty()
}

fn paste<R: Relation>(
    bytes: &[u8],
    tag: u16,
    entities: &[Entity],
    each: usize,
    map: &mut dyn FnMut(usize, Entity) -> Entity,
) -> Result<LoadSection, DecodeError> {
    let mut made = Vec::new();
    for (number, entities) in entities.chunks(each.max(1)).enumerate() {
        let mut budget = u64::MAX;
        let mut input = Decoder::new(bytes, tag, &mut budget);
        for _ in 0..input.len_of(1)? {
            let (source, target) = (input.len_of(1)?, input.len_of(1)?);
            let mut data = R::CODEC.decode(&mut input)?;
            R::CODEC.map(&mut data, &mut |entity| map(number, entity));
            made.push((entities[source], entities[target], data));
        }
    }
    Ok(Box::new(move |world| {
        for (source, target, data) in made {
            // The entities are new: they are alive, and nobody is related yet.
            let _ = world.relate::<R>(source, target, data);
        }
    }))
}

// --- the hierarchy ------------------------------------------------------------------------------------------------

/// Children that follow each other, after a sibling or first.
type Run = (u32, Vec<u32>);

fn save_hierarchy(world: &World, since: Option<u32>, out: &mut Encoder<'_>) {
    let Some(hierarchy) = world.resource::<Hierarchy>() else {
        return;
    };
    let runs: Vec<Run> = match since {
        None => hierarchy
            .parents()
            .map(|parent| {
                (
                    NONE,
                    hierarchy.children(parent).map(Entity::index).collect(),
                )
            })
            .collect(),
        Some(since) => moved_runs(world, hierarchy, since),
    };
    out.len(runs.len());
    for (before, children) in runs {
        out.bytes(&before.to_le_bytes());
        out.len(children.len());
        for child in children {
            out.bytes(&child.to_le_bytes());
        }
    }
}

/// What was linked or moved since, in runs.
fn moved_runs(world: &World, hierarchy: &Hierarchy, since: u32) -> Vec<Run> {
    let changed = world.query_filtered::<Entity, Changed<ChildOf>>();
    let moved: Vec<Entity> = changed
        .since(ChangeTick::from_raw(since))
        .into_iter()
        .collect();
    let known: HashSet<Entity> = moved.iter().copied().collect();
    let mut runs = Vec::new();
    for child in moved {
        if hierarchy.parent(child).is_none() {
            continue;
        }
        let before = hierarchy.previous_sibling(child);
        if before.is_some_and(|before| known.contains(&before)) {
            continue;
        }
        let mut run = Vec::new();
        let mut at = Some(child);
        while let Some(next) = at.filter(|next| known.contains(next)) {
            run.push(next.index());
            at = hierarchy.next_sibling(next);
        }
        runs.push((before.map_or(NONE, Entity::index), run));
    }
    runs.sort_unstable();
    runs
}

fn load_hierarchy(input: &mut Decoder<'_>) -> Result<Vec<Run>, DecodeError> {
    let mut runs = Vec::new();
    for _ in 0..input.len_of(size_of::<Run>())? {
        let before = u32::from_le_bytes(input.array()?);
        let mut children = Vec::new();
        for _ in 0..input.len_of(size_of::<u32>())? {
            children.push(u32::from_le_bytes(input.array()?));
        }
        runs.push((before, children));
    }
    Ok(runs)
}

impl World {
    /// Puts children where runs say, as far as their components agree.
    fn put_runs(&mut self, runs: &[Run]) {
        self.with_hierarchy(|world, hierarchy, emptied| {
            for (before, children) in runs {
                let mut before = (*before != NONE).then_some(*before);
                for &index in children {
                    let Some(child) = world.entity_at(index) else {
                        continue;
                    };
                    let Some(&ChildOf(parent)) = world.get(child) else {
                        continue;
                    };
                    let place = match before.map(|before| world.entity_at(before)) {
                        None => Place::First,
                        Some(Some(before)) if before == child => continue,
                        Some(before) => before.map_or(Place::Last, Place::After),
                    };
                    world.link_in(hierarchy, child, parent, place, emptied);
                    before = Some(index);
                }
            }
        });
    }

    /// Whether the index is what the runs of a snapshot and the components say already.
    fn has_runs(&self, runs: &[Run]) -> bool {
        let Some(hierarchy) = self.resource::<Hierarchy>() else {
            return runs.is_empty();
        };
        let stands = |parent: Entity, child: Entity, index: u32| {
            child.index() == index && self.get(child) == Some(&ChildOf(parent))
        };
        let total: usize = runs.iter().map(|run| run.1.len()).sum();
        total == hierarchy.len()
            && runs.iter().all(|(before, children)| {
                let first = children.first().and_then(|&first| self.entity_at(first));
                let parent = first.and_then(|first| hierarchy.parent(first));
                parent.is_some_and(|parent| {
                    let known = hierarchy.children(parent);
                    *before == NONE
                        && self.contains(parent)
                        && known.len() == children.len()
                        && known
                            .zip(children)
                            .all(|(child, &index)| stands(parent, child, index))
                })
            })
    }

    /// Links the entities as their components say.
    fn relink(&mut self, entities: impl Iterator<Item = Entity>) {
        for entity in entities {
            match self.get::<ChildOf>(entity) {
                Some(&ChildOf(parent)) => self.link_child(entity, parent),
                None => self.unlink_child(entity),
            }
        }
    }

    /// Links what names a parent and has none: all that were just restored, or those whose parent has come to life.
    fn link_rest(&mut self) {
        let Some(id) = self.registry.id::<ChildOf>() else {
            return;
        };
        let tables = self
            .tables
            .iter()
            .filter(|table| table.column_index(id).is_some());
        let named: usize = tables.map(|table| table.len()).sum();
        let linked = self.resource::<Hierarchy>().map_or(0, Hierarchy::len);
        if named > linked {
            let children = self.query::<(Entity, &ChildOf)>();
            let apart = children
                .into_iter()
                .filter(|(child, _)| self.parent(*child).is_none());
            let apart: Vec<Entity> = apart.map(|(child, _)| child).collect();
            self.relink(apart.into_iter());
        }
    }

    /// Marks children whose order differs from what it was: their components may be the same, but a delta has to tell.
    fn touch_reordered(&mut self, before: &Hierarchy) {
        let Some(now) = self.resource::<Hierarchy>() else {
            return;
        };
        let differs = |parent: &Entity| !now.children(*parent).eq(before.children(*parent));
        let moved: Vec<Entity> = now
            .parents()
            .filter(differs)
            .flat_map(|parent| now.children(parent))
            .collect();
        for child in moved {
            self.touch_child(child);
        }
    }

    /// Takes a tag away from entities that `lost` it.
    fn reconcile_tag(&mut self, id: crate::ComponentId, lost: impl Fn(&Self, Entity) -> bool) {
        for number in 0..self.tables.len() {
            let table = &self.tables[number];
            let Some(tag) = table.tags().get(id).filter(|tag| tag.count() > 0) else {
                continue;
            };
            let rows = table.entities().iter().enumerate();
            let marked = rows.filter(|&(row, &entity)| tag.has(row) && lost(self, entity));
            let marked: Vec<Entity> = marked.map(|(_, &entity)| entity).collect();
            for entity in marked {
                self.put_tag(entity, id, false);
            }
        }
    }
}

// --- what snapshots call ------------------------------------------------------------------------------------------

/// Whether all relations that have edges can be stored.
pub(crate) fn check(world: &World, options: &SnapshotOptions) -> Result<(), SnapshotError> {
    for kind in &world.data.relations.kinds {
        if !kind.stored.is_stored
            && options.unsupported == OnUnknown::Error
            && (kind.stored.count)(world) > 0
        {
            return Err(SnapshotError::Unsupported { name: kind.name });
        }
    }
    Ok(())
}

/// The sections of a snapshot, or of a delta; those that would say nothing are left out.
pub(crate) fn save_all(world: &World, since: Option<u32>) -> Vec<(&str, Vec<u8>)> {
    let mut sections = Vec::new();
    let tag = world.tag();
    if world
        .resource::<Hierarchy>()
        .is_some_and(|hierarchy| !hierarchy.is_empty())
    {
        let mut bytes = Vec::new();
        save_hierarchy(world, since, &mut Encoder::new(&mut bytes, tag));
        if bytes != [0; 4] {
            sections.push((HIERARCHY, bytes));
        }
    }
    for kind in &world.data.relations.kinds {
        let stored = &kind.stored;
        let said = match since {
            None => (stored.count)(world) > 0,
            Some(since) => (stored.changed)(world, since),
        };
        if stored.is_stored && said {
            let mut bytes = Vec::new();
            (stored.save)(world, since, &mut Encoder::new(&mut bytes, tag));
            sections.push((&*kind.section, bytes));
        }
    }
    sections
}

/// Reads the sections, without touching the world; what comes back puts everything in place.
pub(crate) fn load_all(
    world: &World,
    view: &SnapshotView<'_>,
    options: &RestoreOptions,
    budget: &mut u64,
) -> Result<LoadSection, SnapshotError> {
    let mut runs = Vec::new();
    let mut loads: Vec<LoadSection> = Vec::new();
    for &(name, bytes) in view
        .sections
        .iter()
        .filter(|section| is_built_in(section.0))
    {
        let mut input = Decoder::new(bytes, world.tag(), budget);
        let failed = |error| SnapshotError::Decode {
            name: name.into(),
            error,
        };
        if name == HIERARCHY {
            runs.extend(load_hierarchy(&mut input).map_err(failed)?);
        } else {
            let mut kinds = world.data.relations.kinds.iter();
            match kinds.find(|kind| kind.section == name && kind.stored.is_stored) {
                Some(kind) => loads.push((kind.stored.load)(&mut input).map_err(failed)?),
                None if options.unknown == OnUnknown::Skip => continue,
                None => return Err(SnapshotError::Unknown { name: name.into() }),
            }
        }
        if input.remaining() > 0 {
            let found = format_args!("{} more bytes", input.remaining());
            return Err(failed(input.wrong("the end of the section", found)));
        }
    }
    if view.kind == SnapshotKind::Snapshot {
        return Ok(Box::new(move |world| {
            #[cfg(feature = "scene")]
            crate::scene::reindex(world, None);
            if world.data.relations.kinds.is_empty()
                && world.component_named(ChildOf::NAME).is_none()
            {
                return;
            }
            let kinds = world.data.relations.kinds.iter();
            let before: Vec<Vec<Entity>> = kinds.map(|kind| (kind.stored.sources)(world)).collect();
            let same = world.has_runs(&runs);
            let _old = world.clear_all_edges();
            let families = world
                .resource_mut::<Hierarchy>()
                .filter(|_| !same)
                .map(|hierarchy| core::mem::replace(hierarchy, Hierarchy::new()));
            if !same {
                world.put_runs(&runs);
            }
            world.link_rest();
            if let Some(families) = families {
                world.touch_reordered(&families);
            }
            loads.into_iter().for_each(|load| load(world));
            let parent = world.register::<Parent>();
            world.reconcile_tag(parent, |world, entity| world.child_count(entity) == 0);
            let parents = world.resource::<Hierarchy>().into_iter();
            let parents = parents.flat_map(Hierarchy::parents);
            // Tables that were filled anew have forgotten their tags.
            let unmarked = parents.filter(|&entity| !world.has::<Parent>(entity));
            for entity in unmarked.collect::<Vec<_>>() {
                world.put_tag(entity, parent, true);
            }
            for (number, before) in before.iter().enumerate() {
                (world.data.relations.kinds[number].stored.reconcile)(world, before);
            }
        }));
    }
    let indexed = |place: u32| {
        let component = view.components.get(place as usize);
        component.is_some_and(|component| {
            component.name == ChildOf::NAME
                || cfg!(feature = "scene") && component.name == "storm.scene.StableId"
        })
    };
    let tables = view.tables.iter().map(|table| table.entities);
    let patches = view.patches.iter().filter(|patch| indexed(patch.component));
    let named: Vec<u32> = tables
        .chain(patches.map(|patch| patch.entities))
        .flat_map(handles)
        .map(Entity::index)
        .collect();
    Ok(Box::new(move |world| {
        let named: Vec<Entity> = named
            .into_iter()
            .filter_map(|index| world.entity_at(index))
            .collect();
        #[cfg(feature = "scene")]
        crate::scene::reindex(world, Some(&named));
        if world.component_named(ChildOf::NAME).is_some() {
            world.relink(named.into_iter());
            world.put_runs(&runs);
            world.link_rest();
        }
        loads.into_iter().for_each(|load| load(world));
    }))
}
