//! Writing: what a snapshot and a delta have in common, and taking a snapshot.
//!
//! Invariants:
//! 1. Rows below a table's length are in use, and `&World` keeps writers away while they are read.
//! 2. Bytes are taken of Pod components only; others go through the codec that was made for their type.
//!
//! Costs of a snapshot: one pass over ids and generations, one copy of each Pod column, one call a value for the others.
#![expect(unsafe_code, reason = "reads type-erased columns")]

use std::borrow::Cow;

use crate::column::Column;
use crate::component::{ComponentId, ComponentInfo, Storage};
use crate::entity::Entity;
use crate::schema::data::ComponentData;
use crate::schema::{TypeSchema, entity_offsets};
use crate::snapshot::buffer::Snapshot;
use crate::snapshot::codec::{Encoder, received, stored};
use crate::snapshot::error::SnapshotError;
use crate::snapshot::read::{
    COLUMN_ENTRY, COMPONENT_ENTRY, HEADER, LOST, MAGIC, PATCH_ENTRY, SECTION_ENTRY, TABLE_ENTRY,
    VERSION,
};
use crate::snapshot::{OnUnknown, SnapshotOptions};
use crate::tick::ChangeTick;
use crate::world::World;

/// How a component is stored: by id, the place in the list of stored components.
pub(super) struct Forms {
    /// By component id: its place in the list.
    place: Vec<Option<u32>>,
    /// In order of name.
    pub(super) list: Vec<ComponentId>,
}

impl Forms {
    /// The forms of `used` components.
    pub(super) fn new(
        world: &World,
        used: impl Iterator<Item = ComponentId>,
        options: &SnapshotOptions,
    ) -> Result<Self, SnapshotError> {
        crate::relation::check_stored(world, options)?;
        let mut place = vec![None; world.registry.infos().len()];
        let mut list = Vec::new();
        for id in used {
            if place[id.index()].is_some() || options.exclude.contains(&id) {
                continue;
            }
            let info = world.registry.info(id);
            let known = info
                .data
                .as_ref()
                .is_some_and(|data| data.plain || data.codec.is_some());
            if known {
                place[id.index()] = Some(0);
                list.push(id);
            } else if options.unsupported == OnUnknown::Error {
                return Err(SnapshotError::Unsupported { name: info.name });
            }
        }
        list.sort_by_key(|&id| world.registry.info(id).name);
        for (number, id) in list.iter().enumerate() {
            place[id.index()] = Some(number as u32);
        }
        Ok(Self { place, list })
    }

    pub(super) fn place(&self, id: ComponentId) -> Option<u32> {
        self.place[id.index()]
    }
}

/// A table to be written.
pub(super) struct OutTable<'w> {
    pub(super) entities: Cow<'w, [Entity]>,
    /// By place, ascending.
    pub(super) columns: Vec<(u32, Cow<'w, [u8]>)>,
}

/// New values of one component.
pub(super) struct OutPatch<'w> {
    pub(super) component: u32,
    /// Whether the entities lose the component; then there are no values.
    pub(super) lost: bool,
    pub(super) entities: Cow<'w, [Entity]>,
    pub(super) data: Vec<u8>,
}

/// What is known of slots.
pub(super) enum Slots {
    /// All generations.
    All,
    /// Nothing came or went.
    Same,
    /// Slots that died.
    Dead(Vec<(u32, u16)>),
}

pub(super) struct Out<'w> {
    pub(super) delta: bool,
    pub(super) since: u32,
    pub(super) tick: u32,
    pub(super) forms: Forms,
    pub(super) slots: Slots,
    pub(super) tables: Vec<OutTable<'w>>,
    pub(super) patches: Vec<OutPatch<'w>>,
}

/// Values of the given rows, as they are stored.
///
/// # Safety
/// All rows of the column are in use, and nobody writes them meanwhile.
pub(super) unsafe fn values(
    column: &Column,
    data: &ComponentData,
    rows: impl Iterator<Item = core::ops::Range<usize>>,
    tag: u16,
    out: &mut Vec<u8>,
) {
    if data.plain {
        let start = out.len();
        for rows in rows {
            // SAFETY: the rows are in use (the caller's promise) and their bytes initialised (Pod).
            let bytes = unsafe {
                core::slice::from_raw_parts(column.at(rows.start), rows.len() * column.size())
            };
            out.extend_from_slice(bytes);
        }
        if data.has_entities {
            map_bytes(data, column.size(), &mut out[start..], &mut |entity| {
                stored(entity, tag)
            });
        }
        return;
    }
    let Some(codec) = data.codec else { return };
    let mut out = Encoder::new(out, tag);
    for row in rows.flatten() {
        // SAFETY: the row is in use, and the codec is the component's.
        unsafe { (codec.encode)(column.at(row), &mut out) };
    }
}

/// Replaces every handle in bytes of Pod values that a schema declares.
pub(crate) fn map_bytes(
    data: &ComponentData,
    size: usize,
    bytes: &mut [u8],
    map: &mut dyn FnMut(Entity) -> Entity,
) {
    let mut one = |bytes: &mut [u8; 8]| {
        *bytes = map(Entity::from_bits(u64::from_ne_bytes(*bytes)))
            .to_bits()
            .to_ne_bytes()
    };
    let mut offsets = Vec::new();
    if let Some(ty) = &data.ty {
        entity_offsets(ty, 0, &mut offsets);
    }
    for value in bytes.chunks_exact_mut(size.max(1)) {
        for &offset in &offsets {
            if let Some(bytes) = value.get_mut(offset..).and_then(<[u8]>::first_chunk_mut) {
                one(bytes);
            }
        }
    }
}

/// The whole column, as it is stored.
fn column_bytes<'w>(
    column: &'w Column,
    len: usize,
    data: &ComponentData,
    tag: u16,
) -> Cow<'w, [u8]> {
    if data.plain && !data.has_entities {
        // SAFETY: all rows are in use, their bytes initialised (Pod), and `World` is borrowed shared.
        return Cow::Borrowed(unsafe {
            core::slice::from_raw_parts(column.base(), len * column.size())
        });
    }
    let mut bytes = Vec::with_capacity(len * column.size());
    // SAFETY: all rows are in use, and `World` is borrowed shared.
    unsafe { values(column, data, core::iter::once(0..len), tag, &mut bytes) };
    Cow::Owned(bytes)
}

/// The stable hash of a component, as this world stores it.
pub(super) fn stored_hash(world: &World, info: &ComponentInfo) -> u64 {
    world.schema(info.id).map_or(0, |schema| schema.hash())
}

/// Hands out places for regions.
struct Places(u64);

impl Places {
    fn next(&mut self, len: usize, align: u64) -> u64 {
        let start = self.0.next_multiple_of(align);
        self.0 = start + len as u64;
        start
    }
}

impl Out<'_> {
    pub(super) fn write(&self, world: &World, into: &mut Snapshot) {
        let tag = world.tag();
        let sections: Vec<(&str, Vec<u8>)> = (world.data.sections.iter())
            .map(|section| {
                let mut bytes = Vec::new();
                (section.save)(world, &mut Encoder::new(&mut bytes, tag));
                (&*section.name, bytes)
            })
            .chain(crate::relation::save_all(
                world,
                self.delta.then_some(self.since),
            ))
            .collect();
        let same = matches!(self.slots, Slots::Same);
        let free = if same {
            &[][..]
        } else {
            world.entities.free_list()
        };
        let names: Vec<&str> = self
            .forms
            .list
            .iter()
            .map(|&id| world.registry.info(id).name)
            .collect();

        // Directories first, so that the places of the rest are known.
        let mut places = Places(0);
        places.next(HEADER, 1);
        places.next(names.len() * COMPONENT_ENTRY, 8);
        places.next(names.iter().map(|name| name.len()).sum(), 1);
        places.next(self.tables.len() * TABLE_ENTRY, 8);
        for table in &self.tables {
            places.next(table.columns.len() * COLUMN_ENTRY, 8);
        }
        places.next(self.patches.len() * PATCH_ENTRY, 8);
        places.next(sections.len() * SECTION_ENTRY, 8);
        places.next(sections.iter().map(|section| section.0.len()).sum(), 1);
        let (slot_count, dead) = match &self.slots {
            Slots::All => (places.next(world.entities.slot_count() * 2, 64), 0),
            Slots::Same => (places.next(0, 64), 0),
            Slots::Dead(dead) => (places.next(dead.len() * 8, 64), dead.len()),
        };
        let _ = slot_count;
        if !same {
            places.next(free.len() * 4, 64);
        }
        let tables: Vec<(u64, Vec<u64>)> = (self.tables.iter())
            .map(|table| {
                let entities = places.next(table.entities.len() * 8, 64);
                (
                    entities,
                    table
                        .columns
                        .iter()
                        .map(|column| places.next(column.1.len(), 64))
                        .collect(),
                )
            })
            .collect();
        let patches: Vec<(u64, u64)> = self
            .patches
            .iter()
            .map(|patch| {
                (
                    places.next(patch.entities.len() * 8, 64),
                    places.next(patch.data.len(), 64),
                )
            })
            .collect();
        let section_places: Vec<u64> = sections
            .iter()
            .map(|section| places.next(section.1.len(), 64))
            .collect();

        into.clear();
        into.reserve(places.0 as usize);
        into.push(&MAGIC);
        into.push(&VERSION.to_le_bytes());
        into.push(&u16::from(self.delta).to_le_bytes());
        into.push(&u32::from(!same).to_le_bytes());
        into.push(&places.0.to_le_bytes());
        let counts = [
            self.tick,
            self.since,
            world.entities.slot_count() as u32,
            free.len() as u32,
            world.len() as u32,
            names.len() as u32,
            self.tables.len() as u32,
            sections.len() as u32,
            self.patches.len() as u32,
            dead as u32,
        ];
        for count in counts {
            into.push(&count.to_le_bytes());
        }
        into.push(&[0; 64]);

        for &id in &self.forms.list {
            let info = world.registry.info(id);
            into.push(&stored_hash(world, info).to_le_bytes());
            for number in [
                info.name.len(),
                info.layout.size(),
                info.layout.align(),
                usize::from(!info.is_pod()),
                usize::from(info.storage != Storage::Table),
                0,
            ] {
                into.push(&(number as u32).to_le_bytes());
            }
        }
        for name in names {
            into.push(name.as_bytes());
        }
        into.align(8);
        for (table, places) in self.tables.iter().zip(&tables) {
            into.push(&(table.entities.len() as u32).to_le_bytes());
            into.push(&(table.columns.len() as u32).to_le_bytes());
            into.push(&places.0.to_le_bytes());
            into.push(&[0; 8]);
        }
        for (table, places) in self.tables.iter().zip(&tables) {
            for ((component, bytes), place) in table.columns.iter().zip(&places.1) {
                into.push(&component.to_le_bytes());
                into.push(&[0; 4]);
                into.push(&place.to_le_bytes());
                into.push(&(bytes.len() as u64).to_le_bytes());
            }
        }
        for (patch, places) in self.patches.iter().zip(&patches) {
            let lost = if patch.lost { LOST } else { 0 };
            into.push(&(patch.component | lost).to_le_bytes());
            into.push(&(patch.entities.len() as u32).to_le_bytes());
            into.push(&places.0.to_le_bytes());
            into.push(&places.1.to_le_bytes());
            into.push(&(patch.data.len() as u64).to_le_bytes());
        }
        for ((name, bytes), place) in sections.iter().zip(&section_places) {
            into.push(&place.to_le_bytes());
            into.push(&(bytes.len() as u64).to_le_bytes());
            into.push(&(name.len() as u32).to_le_bytes());
            into.push(&[0; 4]);
        }
        for (name, _) in &sections {
            into.push(name.as_bytes());
        }
        into.align(64);
        match &self.slots {
            Slots::All => batches(world.entities.generations(), into, u16::to_le_bytes),
            Slots::Same => {}
            Slots::Dead(dead) => batches(dead.iter().copied(), into, |(index, generation)| {
                (u64::from(index) | u64::from(generation) << 32).to_le_bytes()
            }),
        }
        if !same {
            into.align(64);
            batches(free.iter().copied(), into, u32::to_le_bytes);
        }
        let handles = |entities: &[Entity], into: &mut Snapshot| {
            into.align(64);
            batches(entities.iter().copied(), into, |entity| {
                stored(entity, tag).to_bits().to_le_bytes()
            });
        };
        for table in &self.tables {
            handles(&table.entities, into);
            for (_, bytes) in &table.columns {
                into.align(64);
                into.push(bytes);
            }
        }
        for patch in &self.patches {
            handles(&patch.entities, into);
            into.align(64);
            into.push(&patch.data);
        }
        for (_, bytes) in &sections {
            into.align(64);
            into.push(bytes);
        }
        debug_assert_eq!(
            into.len() as u64,
            places.0,
            "the regions lie where the directories say"
        );
    }
}

/// Writes items through a small buffer.
fn batches<T, const N: usize>(
    items: impl Iterator<Item = T>,
    into: &mut Snapshot,
    bytes: impl Fn(T) -> [u8; N],
) {
    let mut buffer = [[0; N]; 256];
    let mut used = 0;
    for item in items {
        buffer[used] = bytes(item);
        used += 1;
        if used == buffer.len() {
            into.push(buffer.as_flattened());
            used = 0;
        }
    }
    into.push(buffer[..used].as_flattened());
}

impl World {
    /// This world as bytes: entities with index and generation, Pod components as raw columns, others through their schema or codec, and registered
    /// sections. Closes the open tick, as [`change_tick`](Self::change_tick) does: a later [`delta`](Self::delta) starts from [`SnapshotView::tick`](crate::SnapshotView::tick).
    ///
    /// ```
    /// use storm_ecs::{Component, World};
    /// #[derive(Component, Clone, Copy, Debug, PartialEq)]
    /// #[component(schema, pod)]
    /// #[repr(C)]
    /// struct Speed(f32);
    /// #[derive(Component, Debug, PartialEq)]
    /// #[component(schema)]
    /// struct Label(String);
    ///
    /// let mut world = World::new();
    /// let car = world.spawn((Speed(3.0), Label("car".into())));
    /// let saved = world.snapshot(&Default::default()).unwrap();
    ///
    /// world.despawn(car).unwrap();
    /// world.restore(saved.as_bytes(), &Default::default()).unwrap();
    /// assert_eq!(world.get(car), Some(&Speed(3.0)), "the same entity");
    ///
    /// let mut other = World::new();
    /// other.register::<Speed>();
    /// other.register::<Label>();
    /// other.restore(saved.as_bytes(), &Default::default()).unwrap();
    /// let car = other.entity_at(car.index()).unwrap();
    /// assert_eq!(other.get(car), Some(&Label("car".into())));
    /// ```
    ///
    /// # Errors
    /// If a component that some entity has is neither Pod nor has a schema or codec, unless the options say to skip it.
    pub fn snapshot(&mut self, options: &SnapshotOptions) -> Result<Snapshot, SnapshotError> {
        let mut into = Snapshot::new();
        self.snapshot_into(options, &mut into)?;
        Ok(into)
    }

    /// [`snapshot`](Self::snapshot) into memory that is used again: twice as fast for large worlds.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot); `into` is empty then.
    pub fn snapshot_into(
        &mut self,
        options: &SnapshotOptions,
        into: &mut Snapshot,
    ) -> Result<(), SnapshotError> {
        into.clear();
        self.flush();
        let tick = self.change_tick().get();
        let world = &*self;
        let filled = || world.tables.iter().filter(|table| table.len() > 0);
        let forms = Forms::new(
            world,
            filled()
                .flat_map(|table| table.components())
                .chain(world.aside_in_use()),
            options,
        )?;
        let mut tables: Vec<OutTable<'_>> = Vec::new();
        for table in filled() {
            let mut columns = Vec::with_capacity(table.columns().len());
            for column in table.columns() {
                let (Some(place), Some(data)) = (
                    forms.place(column.id()),
                    &world.registry.info(column.id()).data,
                ) else {
                    continue;
                };
                columns.push((place, column_bytes(column, table.len(), data, world.tag())));
            }
            columns.sort_by_key(|column| column.0);
            tables.push(OutTable {
                entities: Cow::Borrowed(table.entities()),
                columns,
            });
        }
        // A stable sort: tables that differ only in what is left out keep their order.
        tables.sort_by(|a, b| {
            a.columns
                .iter()
                .map(|column| column.0)
                .cmp(b.columns.iter().map(|column| column.0))
        });
        let mut patches = world.aside_out(&forms);
        patches.sort_by_key(|patch| patch.component);
        let out = Out {
            delta: false,
            since: 0,
            tick,
            forms,
            slots: Slots::All,
            tables,
            patches,
        };
        out.write(world, into);
        Ok(())
    }

    /// Stores a component through a codec of its own. Replaces the form that its schema gives; Pod components stay raw.
    pub fn register_codec<T: crate::Component, C: super::Codec<T>>(&mut self) -> ComponentId {
        let id = self.register::<T>();
        let info = self.registry.info_mut(id);
        let mut data = info.data.as_deref().cloned().unwrap_or_default();
        data.codec = Some(crate::schema::data::CodecOps::of::<T, C>());
        info.data = Some(std::sync::Arc::new(data));
        id
    }

    /// Takes a delta's tick as a lower bound.
    pub(super) fn bound(&self, since: ChangeTick) -> u32 {
        since.before(self.open_tick())
    }
}

/// Puts the world's tag on handles in stored bytes.
pub(super) fn receive(data: &ComponentData, size: usize, bytes: &mut [u8], tag: u16) {
    map_bytes(data, size, bytes, &mut |entity| received(entity, tag));
}

/// Whether values of the component can violate what its schema says.
pub(super) fn can_fail(data: &ComponentData) -> bool {
    data.can_fail && (data.values.is_some() || data.ty.as_ref().is_some_and(TypeSchema::can_fail))
}
