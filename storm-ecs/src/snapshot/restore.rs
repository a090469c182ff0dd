//! Putting a snapshot into a world: first everything is checked and made aside, then it is put in place, which cannot fail.
//!
//! Guarantees: after an error the world is as it was. A table whose entities are the same is overwritten in place, and only blocks that differ are
//! marked as changed; other tables are filled anew. Values that are replaced are dropped last.
//!
//! Invariants:
//! 1. What is put into a column is as many values of its component as the table has rows: bytes whose number was checked (Pod), or values that
//!    its codec made.
//! 2. From the first change to the last, no user code runs: old values are kept and dropped at the end.
#![expect(unsafe_code, reason = "writes type-erased columns")]

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::component::{ComponentId, ComponentInfo, Storage};
use crate::entities::raw::RETIRED_GENERATION;
use crate::entities::{Location, ROW_LIMIT, TABLE_LIMIT};
use crate::entity::Entity;
use crate::schema::data::ComponentData;
use crate::schema::{Constraints, validate_bytes};
use crate::snapshot::aside::List;
use crate::snapshot::codec::Decoder;
use crate::snapshot::error::SnapshotError;
use crate::snapshot::read::{SnapshotKind, SnapshotView, handles, words};
use crate::snapshot::section::LoadSection;
use crate::snapshot::write::{can_fail, receive, stored_hash};
use crate::snapshot::{OnUnknown, RestoreOptions};
use crate::table::rows::{Births, Filling, Staged};
use crate::world::World;

/// What is left of the bytes that may be allocated.
pub(super) struct Budget {
    pub(super) left: u64,
    limit: u64,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self { left: limit, limit }
    }

    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), SnapshotError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(SnapshotError::Limit {
                what: "bytes of memory",
                limit: self.limit,
                found: (self.limit - self.left).saturating_add(bytes),
            }),
        }
    }
}

/// Stored components as this world knows them; `None` for those to skip.
pub(super) fn components(
    world: &World,
    view: &SnapshotView<'_>,
    options: &RestoreOptions,
) -> Result<Vec<Option<ComponentId>>, SnapshotError> {
    let mut names = HashSet::new();
    if let Some(twice) = view
        .components
        .iter()
        .find(|stored| !names.insert(stored.name))
    {
        return Err(SnapshotError::Format {
            at: 128,
            expected: "each component once",
            found: twice.hash,
        });
    }
    let one = |stored: &crate::snapshot::read::StoredComponent<'_>| {
        let known = world.component_named(stored.name);
        let Some(info) = known.filter(|info| {
            info.data
                .as_ref()
                .is_some_and(|data| data.plain || data.codec.is_some())
        }) else {
            return match options.unknown {
                OnUnknown::Error => Err(SnapshotError::Unknown {
                    name: stored.name.into(),
                }),
                OnUnknown::Skip => Ok(None),
            };
        };
        let expected = stored_hash(world, info);
        let same = expected == stored.hash
            && (info.storage != Storage::Table) == stored.aside
            && info.is_pod() == stored.pod
            && info.layout.size() == stored.size as usize;
        // Coded components may be aligned differently here.
        if !same || (stored.pod && info.layout.align() != stored.align as usize) {
            return Err(SnapshotError::Mismatch {
                name: stored.name.into(),
                expected,
                found: stored.hash,
            });
        }
        Ok(Some(info.id))
    };
    view.components.iter().map(one).collect()
}

/// Decodes or checks the sections.
pub(super) fn sections(
    world: &World,
    view: &SnapshotView<'_>,
    options: &RestoreOptions,
    budget: &mut Budget,
) -> Result<Vec<LoadSection>, SnapshotError> {
    let mut loads = vec![crate::relation::load_all(
        world,
        view,
        options,
        &mut budget.left,
    )?];
    let others = view.sections.iter();
    for &(name, bytes) in others.filter(|section| !crate::relation::is_built_in(section.0)) {
        let Some(section) = world
            .data
            .sections
            .iter()
            .find(|section| section.name == name)
        else {
            match options.unknown_sections {
                OnUnknown::Error => return Err(SnapshotError::Unknown { name: name.into() }),
                OnUnknown::Skip => continue,
            }
        };
        let failed = |error| SnapshotError::Decode {
            name: name.into(),
            error,
        };
        let mut input = Decoder::new(bytes, world.tag(), &mut budget.left);
        loads.push((section.load)(&mut input).map_err(failed)?);
        if input.remaining() > 0 {
            return Err(failed(input.wrong(
                "the end of the section",
                format_args!("{} more bytes", input.remaining()),
            )));
        }
    }
    Ok(loads)
}

/// Checks constraints of Pod values.
pub(super) fn check_pod(
    info: &ComponentInfo,
    data: &ComponentData,
    bytes: &[u8],
    options: &RestoreOptions,
) -> Result<(), SnapshotError> {
    let Some(ty) = data
        .ty
        .as_ref()
        .filter(|_| options.check_constraints && can_fail(data))
    else {
        return Ok(());
    };
    let failed = |violation: crate::Violation| SnapshotError::Violation(violation.of(info.name));
    let size = info.layout.size();
    if data.values.is_none() || size == 0 {
        return bytes
            .chunks_exact(size.max(1))
            .try_for_each(|bytes| validate_bytes(ty, &Constraints::NONE, bytes).map_err(failed));
    }
    // Typed checks want values where their type may lie: one is kept aside, aligned.
    let mut aside = Staged::new(info, 1);
    for bytes in bytes.chunks_exact(size) {
        let value = aside.scratch(bytes);
        if let Some(ops) = data.values {
            // SAFETY: the bytes are a value (the component is Pod), as large as its type and aligned.
            unsafe { (ops.validate)(value) }.map_err(failed)?;
        }
    }
    Ok(())
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call for both kinds of bytes; a struct would only name them again"
)]
/// Decodes `count` values into `staged`; they must fill the bytes exactly.
pub(super) fn decode(
    staged: &mut Staged,
    info: &ComponentInfo,
    data: &ComponentData,
    count: usize,
    bytes: &[u8],
    tag: u16,
    options: &RestoreOptions,
    budget: &mut Budget,
) -> Result<(), SnapshotError> {
    let Some(codec) = data.codec else {
        return Err(SnapshotError::Unknown {
            name: info.name.into(),
        });
    };
    let failed = |error| SnapshotError::Decode {
        name: info.name.into(),
        error,
    };
    let mut input = Decoder::new(bytes, tag, &mut budget.left);
    let check = data
        .values
        .filter(|_| options.check_constraints && can_fail(data));
    for _ in 0..count {
        let value = staged.room();
        // SAFETY: there is room for a value, and the codec is the component's.
        unsafe { (codec.decode)(&mut input, value) }.map_err(failed)?;
        // SAFETY: the value was decoded just now.
        unsafe { staged.grown() };
        if let Some(ops) = check {
            // SAFETY: the value was decoded just now.
            unsafe { (ops.validate)(value) }
                .map_err(|violation| SnapshotError::Violation(violation.of(info.name)))?;
        }
    }
    if input.remaining() > 0 {
        return Err(failed(input.wrong(
            "the end of the column",
            format_args!("{} more bytes", input.remaining()),
        )));
    }
    Ok(())
}

/// Checks that free slots are dead, not retired, and named once.
pub(super) fn free_list(
    bytes: &[u8],
    slots: usize,
    state: impl Fn(u32) -> Option<(u16, bool)>,
) -> Result<(Vec<u32>, usize), SnapshotError> {
    let mut seen = vec![0u64; slots.div_ceil(64)];
    let mut free = Vec::with_capacity(bytes.len() / 4);
    for index in words(bytes) {
        let dead =
            matches!(state(index), Some((generation, false)) if generation != RETIRED_GENERATION);
        let word = seen
            .get_mut(index as usize / 64)
            .filter(|word| dead && **word >> (index % 64) & 1 == 0);
        let Some(word) = word else {
            return Err(SnapshotError::Format {
                at: 0,
                expected: "free slots that are dead, not retired, and named once",
                found: index.into(),
            });
        };
        *word |= 1 << (index % 64);
        free.push(index);
    }
    let count = free.len();
    Ok((free, count))
}

/// A table of this world to be.
struct Target<'a> {
    ids: Vec<ComponentId>,
    /// Tables in the bytes that end up here, in order, with their rows.
    parts: Vec<&'a crate::snapshot::read::SnapshotTable<'a>>,
    rows: usize,
    number: Option<u32>,
    /// Whether the world's table has these entities already, in this order.
    same: bool,
    /// By column of the world's table: bytes of each part, or values.
    fillings: Vec<Prepared<'a>>,
    capacity: usize,
}

pub(super) enum Prepared<'a> {
    Bytes(Vec<Cow<'a, [u8]>>),
    Values(Staged),
}

impl World {
    /// Makes this world what it was when the snapshot was taken: the same entities, components and sections; everything else ends.
    ///
    /// In the world that it was taken from, handles from then are alive again, and handles given out since are not. In another world entities keep index and
    /// generation and carry that world's tag; so do the handles that schemas declare inside components.
    ///
    /// Hooks and observers do not run; readers of change ticks and removals see it. It is a write like any other: a table whose entities did not change is marked as changed in blocks that differ, another table as a whole; entities that were alive
    /// before keep their `Added` ticks; those that end, and components that go, are logged for [`removed`](Self::removed).
    ///
    /// # Errors
    /// If the bytes are no valid snapshot, exceed the options' limits, or hold something that this world does not know. The world is unchanged then (components may have been
    /// decoded and dropped).
    ///
    /// # Panics
    /// Only if a component's `Drop` or codec does. Values are dropped last, when the world is whole.
    pub fn restore(&mut self, bytes: &[u8], options: &RestoreOptions) -> Result<(), SnapshotError> {
        let view = SnapshotView::parse(bytes, options)?;
        if view.kind != SnapshotKind::Snapshot {
            return Err(SnapshotError::Kind {
                expected: "snapshot",
            });
        }
        self.flush();
        let tag = self.tag();
        let mut budget = Budget::new(options.max_bytes);
        let ids = components(self, &view, options)?;

        // Which tables come, and whether they are here already.
        let mut targets: Vec<Target<'_>> = Vec::new();
        let mut by_ids: HashMap<Vec<ComponentId>, usize> = HashMap::new();
        let mut new_tables = 0;
        for table in &view.tables {
            let mut set: Vec<ComponentId> = table
                .columns
                .iter()
                .filter_map(|column| ids[column.component as usize])
                .collect();
            set.sort_unstable();
            let number = match by_ids.get(&set) {
                Some(&number) => number,
                None => {
                    let number = self.table_of(&set);
                    new_tables += usize::from(number.is_none());
                    by_ids.insert(set.clone(), targets.len());
                    targets.push(Target {
                        ids: set,
                        parts: Vec::new(),
                        rows: 0,
                        number,
                        same: false,
                        fillings: Vec::new(),
                        capacity: 0,
                    });
                    targets.len() - 1
                }
            };
            targets[number].rows += table.len();
            targets[number].parts.push(table);
        }
        if self.tables.len() + new_tables > TABLE_LIMIT {
            return Err(SnapshotError::Limit {
                what: "tables",
                limit: TABLE_LIMIT as u64,
                found: (self.tables.len() + new_tables) as u64,
            });
        }
        let by_number: HashMap<u32, usize> = targets
            .iter()
            .enumerate()
            .filter_map(|(index, target)| Some((target.number?, index)))
            .collect();
        let mut shape = self.entities.slot_count() == view.slots as usize;
        for target in &mut targets {
            if target.rows > ROW_LIMIT {
                return Err(SnapshotError::Limit {
                    what: "rows in a table",
                    limit: ROW_LIMIT as u64,
                    found: target.rows as u64,
                });
            }
            let table = target.number.map(|number| &self.tables[number as usize]);
            let stored = target.parts.iter().flat_map(|part| handles(part.entities));
            target.same = table.is_some_and(|table| {
                table.len() == target.rows
                    && table
                        .entities()
                        .iter()
                        .copied()
                        .eq(stored.map(|entity| with_tag(entity, tag)))
            });
            shape &= target.same;
            target.capacity = table.map_or(target.rows, |table| table.capacity_for(target.rows));
        }
        shape &=
            self.tables.iter().enumerate().all(|(number, table)| {
                table.len() == 0 || by_number.contains_key(&(number as u32))
            });
        let generations = || {
            view.generations
                .as_chunks::<2>()
                .0
                .iter()
                .map(|bytes| u16::from_le_bytes(*bytes))
        };
        shape &= self.entities.generations().eq(generations());
        let stored_free = view.free.unwrap_or(&[]);
        shape &= self
            .entities
            .free_list()
            .iter()
            .copied()
            .eq(words(stored_free));

        // Slots: every entity names a slot of its generation, once; every other slot is free or retired.
        let mut free = None;
        let mut coming = Vec::new();
        if !shape {
            budget.charge(u64::from(view.slots) * 9 + stored_free.len() as u64)?;
            let mut alive = vec![0u64; (view.slots as usize).div_ceil(64)];
            let stored: Vec<u16> = generations().collect();
            for entity in view.tables.iter().flat_map(|table| handles(table.entities)) {
                let index = entity.index() as usize;
                let known = stored.get(index).is_some_and(|&generation| {
                    generation == entity.generation() && generation != RETIRED_GENERATION
                });
                let taken = alive
                    .get(index / 64)
                    .is_none_or(|word| word >> (index % 64) & 1 == 1);
                if !known || taken || entity.world_tag() != 0 {
                    return Err(SnapshotError::Format {
                        at: 0,
                        expected: "entities of their slots' generations, each once, without tag",
                        found: entity.to_bits(),
                    });
                }
                alive[index / 64] |= 1 << (index % 64);
            }
            let state = |index: u32| {
                Some((
                    *stored.get(index as usize)?,
                    alive.get(index as usize / 64)? >> (index % 64) & 1 == 1,
                ))
            };
            let (list, count) = free_list(stored_free, view.slots as usize, state)?;
            let retired = stored
                .iter()
                .filter(|&&generation| generation == RETIRED_GENERATION)
                .count();
            if count + retired + view.live as usize != view.slots as usize {
                return Err(SnapshotError::Format {
                    at: 36,
                    expected: "every slot to be live, free or retired",
                    found: count as u64,
                });
            }
            free = Some(list);
            coming = alive;
        }
        let alive = |entity: Entity| {
            let (index, tagged) = (entity.index() as usize, with_tag(entity, tag));
            if shape {
                return self.contains(tagged);
            }
            let slot = view.generations.as_chunks::<2>().0.get(index);
            slot.is_some_and(|slot| u16::from_le_bytes(*slot) == entity.generation())
                && coming
                    .get(index / 64)
                    .is_some_and(|word| word >> (index % 64) & 1 == 1)
        };
        let lists = self.read_aside(&view, &ids, alive, options, &mut budget)?;

        // Values.
        let datas: Vec<Option<Arc<ComponentData>>> = self
            .registry
            .infos()
            .iter()
            .map(|info| info.data.clone())
            .collect();
        for target in &mut targets {
            if !target.same {
                budget.charge(target.capacity as u64 * 8 + target.rows as u64 * 4)?;
            }
            for &id in &target.ids {
                let info = self.registry.info(id);
                let Some(data) = &datas[id.index()] else {
                    continue;
                };
                let size = info.layout.size();
                let columns = target.parts.iter().flat_map(|part| {
                    part.columns
                        .iter()
                        .filter(|column| ids[column.component as usize] == Some(id))
                        .map(|column| (part.len(), column.data))
                });
                if data.plain {
                    if !target.same {
                        budget.charge(target.capacity as u64 * size as u64)?;
                    }
                    let mut parts = Vec::new();
                    for (_, bytes) in columns {
                        check_pod(info, data, bytes, options)?;
                        parts.push(if data.has_entities {
                            budget.charge(bytes.len() as u64)?;
                            let mut bytes = bytes.to_vec();
                            receive(data, size, &mut bytes, tag);
                            Cow::Owned(bytes)
                        } else {
                            Cow::Borrowed(bytes)
                        });
                    }
                    target.fillings.push(Prepared::Bytes(parts));
                } else {
                    budget.charge(target.capacity as u64 * size as u64)?;
                    let mut staged = Staged::new(info, target.capacity);
                    for (rows, bytes) in columns {
                        decode(
                            &mut staged,
                            info,
                            data,
                            rows,
                            bytes,
                            tag,
                            options,
                            &mut budget,
                        )?;
                    }
                    target.fillings.push(Prepared::Values(staged));
                }
            }
        }
        let loads = sections(self, &view, options, &mut budget)?;
        self.put(
            targets,
            free,
            &generations().collect::<Vec<_>>(),
            lists,
            loads,
        );
        Ok(())
    }

    /// Puts in place what was prepared. `free` is `None` if no entity comes, goes or moves.
    fn put(
        &mut self,
        mut targets: Vec<Target<'_>>,
        free: Option<Vec<u32>>,
        generations: &[u16],
        lists: Vec<List<'_>>,
        loads: Vec<LoadSection>,
    ) {
        let (tick, tag) = (self.now(), self.tag());
        let (tags, moved) = (self.tag_state(), free.is_some());
        for target in &mut targets {
            target.number = Some(match target.number {
                Some(number) => number,
                None => self.make_table(&target.ids),
            });
        }
        let mut old: Vec<Staged> = Vec::new();
        // What becomes of each table that is not overwritten: emptied, and perhaps filled.
        let mut same = vec![false; self.tables.len()];
        for target in &targets {
            if let Some(number) = target.number {
                same[number as usize] = target.same;
            }
        }
        // Births and losses are read off the old state.
        let mut births: Vec<Births> = Vec::new();
        for target in &targets {
            births.push(if target.same {
                Births::default()
            } else {
                self.births(target, tick)
            });
        }
        if free.is_some() {
            self.log_losses(&targets, &same, tick);
        }
        for (number, &same) in same.iter().enumerate() {
            if !same {
                old.extend(self.tables[number].empty(&self.registry));
            }
        }
        for (target, births) in targets.iter_mut().zip(&births) {
            let Some(number) = target.number else {
                continue;
            };
            let table = &mut self.tables[number as usize];
            let fillings = core::mem::take(&mut target.fillings);
            if target.same {
                for (column, filling) in fillings.into_iter().enumerate() {
                    let filling = match filling {
                        Prepared::Values(staged) => Filling::Values(staged),
                        Prepared::Bytes(parts) => {
                            let joined: Cow<'_, [u8]> = match &parts[..] {
                                [one] => Cow::Borrowed(one),
                                parts => Cow::Owned(parts.concat()),
                            };
                            // SAFETY: the columns are in order of component, as `ids` are; the bytes are as many values as there are rows.
                            old.extend(unsafe {
                                table.overwrite(column, Filling::Bytes(&joined), tick)
                            });
                            continue;
                        }
                    };
                    // SAFETY: the staged values were decoded for this component, one for each row.
                    old.extend(unsafe { table.overwrite(column, filling, tick) });
                }
            } else {
                let entities: Vec<Entity> = target
                    .parts
                    .iter()
                    .flat_map(|part| handles(part.entities))
                    .map(|entity| with_tag(entity, tag))
                    .collect();
                let fillings: Vec<Prepared<'_>> = fillings;
                let mut borrowed: Vec<Vec<Cow<'_, [u8]>>> = Vec::new();
                let mut staged: Vec<Option<Staged>> = Vec::new();
                for filling in fillings {
                    match filling {
                        Prepared::Bytes(parts) => (borrowed.push(parts), staged.push(None)),
                        Prepared::Values(values) => {
                            (borrowed.push(Vec::new()), staged.push(Some(values)))
                        }
                    };
                }
                let fillings = borrowed
                    .iter()
                    .zip(staged)
                    .map(|(parts, staged)| match staged {
                        Some(staged) => vec![Filling::Values(staged)],
                        None => parts.iter().map(|bytes| Filling::Bytes(bytes)).collect(),
                    });
                let fillings = fillings.collect();
                // SAFETY: one filling a column, in order of component; bytes and values were checked to be one for each row.
                old.extend(unsafe { table.fill(entities, fillings, births, tick) });
            }
        }
        if let Some(free) = free {
            self.log_slots(generations, tick);
            let mut live: Vec<(Entity, Location)> = Vec::new();
            for (number, table) in self.tables.iter().enumerate() {
                let place = |(row, &entity): (usize, &Entity)| {
                    (
                        entity,
                        Location {
                            table: number as u32,
                            row: row as u32,
                        },
                    )
                };
                live.extend(table.entities().iter().enumerate().map(place));
            }
            self.entities
                .replace(generations.iter().copied(), free, live.into_iter());
        }
        old.extend(self.put_aside(lists, &tags, moved, tick));
        for load in loads {
            load(self);
        }
        drop(old);
    }

    /// When rows of a table to come were born: entities that are alive now, and keep a component, keep its tick.
    fn births(&mut self, target: &Target<'_>, tick: u32) -> Births {
        let tag = self.tag();
        let mut births = Births {
            born: Vec::with_capacity(target.rows),
            added: vec![Vec::new(); target.ids.len()],
        };
        let entities = target
            .parts
            .iter()
            .flat_map(|part| handles(part.entities))
            .map(|entity| with_tag(entity, tag));
        for (row, entity) in entities.enumerate() {
            let Some(location) = self.entities.get(entity) else {
                births.born.push(tick);
                continue;
            };
            let table = &mut self.tables[location.table as usize];
            let born = table.born_tick(location.row as usize);
            births.born.push(born);
            for (number, &id) in target.ids.iter().enumerate() {
                let added = table.added_tick(id, location.row as usize).unwrap_or(tick);
                if added > born {
                    births.added[number].push((row as u32, added));
                }
            }
        }
        births
    }

    /// Logs dead slots whose generation changes, with the table that has no components: deltas have to carry them.
    fn log_slots(&mut self, generations: &[u16], tick: u32) {
        let tag = self.tag();
        // Slots that are not there yet count as new ones: never used.
        let old = self.entities.generations().chain(core::iter::repeat(0));
        let differs = |(index, (&new, old)): (usize, (&u16, u16))| {
            (new != old).then(|| Entity::new(index as u32, old, tag))
        };
        let changed = generations.iter().zip(old).enumerate();
        let changed: Vec<Entity> = changed.filter_map(differs).collect();
        for entity in changed {
            self.log_despawned(entity, 0, tick);
        }
    }

    /// Logs entities that end and components that go.
    fn log_losses(&mut self, targets: &[Target<'_>], same: &[bool], tick: u32) {
        let tag = self.tag();
        // By slot: the entity that comes, and its target.
        let mut coming: Vec<(Entity, u32)> = Vec::new();
        for (number, target) in targets
            .iter()
            .enumerate()
            .filter(|(_, target)| !target.same)
        {
            for entity in target.parts.iter().flat_map(|part| handles(part.entities)) {
                let index = entity.index() as usize;
                if index >= coming.len() {
                    coming.resize(index + 1, (Entity::DANGLING, 0));
                }
                coming[index] = (with_tag(entity, tag), number as u32);
            }
        }
        for (number, _) in same.iter().enumerate().filter(|(_, same)| !**same) {
            for row in 0..self.tables[number].len() {
                let entity = self.tables[number].entities()[row];
                let target = match coming.get(entity.index() as usize) {
                    Some(&(same, target)) if same == entity => target as usize,
                    _ => {
                        self.log_despawned(entity, number as u32, tick);
                        continue;
                    }
                };
                if targets[target].number == Some(number as u32) {
                    continue;
                }
                let gone: Vec<ComponentId> = (self.tables[number].columns().iter())
                    .filter(|column| {
                        column.is_tracked() && !targets[target].ids.contains(&column.id())
                    })
                    .map(|column| column.id())
                    .collect();
                for id in gone {
                    self.log_removed(entity, id, tick);
                }
            }
        }
    }
}

/// A stored handle of this world.
pub(super) fn with_tag(entity: Entity, tag: u16) -> Entity {
    Entity::new(entity.index(), entity.generation(), tag)
}
