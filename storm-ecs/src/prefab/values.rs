//! Values of captured entities, and copies of them on the way into tables.
//!
//! Invariants:
//! 1. `Values` are of the component whose `ComponentInfo` they were captured with, and are used with that of the same type only (`Part` checks name and
//!    `TypeId`).
//! 2. Copies that run user code (`Clone`, codecs, schemas) are made aside, before any row exists; what is left of them when that panics is dropped.
//! 3. Between a row's appearance and the writing of its columns no user code runs.
#![expect(unsafe_code, reason = "copies type-erased values into new rows")]

use core::ptr;

use crate::column::Column;
use crate::component::{ComponentId, ComponentInfo};
use crate::entities::Location;
use crate::entity::Entity;
use crate::schema::data::{CloneFn, CodecOps, ComponentData};
use crate::snapshot::codec::{DecodeError, Decoder, Encoder};
use crate::snapshot::map_bytes;
use crate::table::rows::Staged;
use crate::world::World;

/// Which entity a handle becomes in a copy.
pub(super) type Map<'a> = dyn FnMut(usize, Entity) -> Entity + 'a;

/// Captured values of one component.
pub(super) enum Values {
    /// Pod: their bytes.
    Bytes(Vec<u8>),
    /// Clones, and how to make more.
    Cloned(Staged, CloneFn),
    /// As their codec writes them.
    Coded(Vec<u8>, CodecOps),
}

impl Values {
    /// Copies a component of some entities that have it; `None` if it cannot be copied.
    pub(super) fn capture(world: &World, id: ComponentId, entities: &[Entity]) -> Option<Self> {
        let info = world.registry.info(id);
        // Of the component, and nobody writes them while the world is borrowed.
        let cells: Vec<(&Column, usize)> = entities
            .iter()
            .filter_map(|&entity| world.cell(entity, id).ok())
            .collect();
        let data = info.data.as_ref()?;
        if data.plain {
            let mut bytes = Vec::with_capacity(cells.len() * info.layout.size());
            for (column, row) in &cells {
                // SAFETY: the cell holds a value, whose bytes are initialised (Pod).
                let value =
                    unsafe { core::slice::from_raw_parts(column.at(*row), info.layout.size()) };
                bytes.extend_from_slice(value);
            }
            return Some(Self::Bytes(bytes));
        }
        if let Some(clone) = data.clone {
            let mut staged = Staged::new(info, cells.len());
            for (column, row) in &cells {
                let to = staged.room();
                // SAFETY: the cell holds a value of the type that the function was made for, and there is room for another.
                unsafe { clone(column.at(*row), to) };
                // SAFETY: the value was cloned just now.
                unsafe { staged.grown() };
            }
            return Some(Self::Cloned(staged, clone));
        }
        let codec = data.codec?;
        let mut bytes = Vec::new();
        let mut out = Encoder::new(&mut bytes, world.tag());
        for (column, row) in &cells {
            // SAFETY: the cell holds a value, and the codec is the component's.
            unsafe { (codec.encode)(column.at(*row), &mut out) };
        }
        Some(Self::Coded(bytes, codec))
    }

    /// `count` copies of `rows` values each, with their handles mapped, as far as that runs user code.
    pub(super) fn copies(
        &self,
        info: &ComponentInfo,
        rows: usize,
        count: usize,
        tag: u16,
        map: &mut Map<'_>,
    ) -> Result<Copies<'_>, DecodeError> {
        let mut staged = match self {
            Self::Bytes(bytes) => return Ok(Copies::Bytes(bytes)),
            _ => Staged::new(info, rows * count),
        };
        for copy in 0..count {
            match self {
                Self::Cloned(values, clone) => {
                    for row in 0..rows {
                        let to = staged.room();
                        // SAFETY: `at` gives a value of the function's type, and there is room for another.
                        unsafe { clone(values.at(row), to) };
                        // SAFETY: the value was cloned just now.
                        unsafe { staged.grown() };
                    }
                }
                Self::Coded(bytes, codec) => {
                    let mut budget = u64::MAX;
                    let mut input = Decoder::new(bytes, tag, &mut budget);
                    for _ in 0..rows {
                        let to = staged.room();
                        // SAFETY: there is room for a value, and the codec is the component's.
                        unsafe { (codec.decode)(&mut input, to) }?;
                        // SAFETY: the value was decoded just now.
                        unsafe { staged.grown() };
                    }
                }
                Self::Bytes(_) => {}
            }
            let data = info.data.as_ref();
            let ops = data
                .filter(|data| data.has_entities)
                .and_then(|data| data.values);
            if let Some(ops) = ops {
                for row in copy * rows..(copy + 1) * rows {
                    // SAFETY: the value is the component's, and nobody else uses it.
                    unsafe { (ops.map_entities)(staged.at(row), &mut |entity| map(copy, entity)) };
                }
            }
        }
        Ok(Copies::Staged(staged))
    }
}

/// Copies on the way.
pub(super) enum Copies<'a> {
    /// The bytes of one copy.
    Bytes(&'a [u8]),
    /// All values.
    Staged(Staged),
}

impl Copies<'_> {
    /// Writes the copies to the rows of a table from `start` on.
    ///
    /// # Safety
    /// The column is the component's; its rows `start..start + rows * count` are within the capacity and hold no values.
    pub(super) unsafe fn write(
        self,
        column: &Column,
        start: usize,
        rows: usize,
        count: usize,
        data: Option<&ComponentData>,
        map: &mut Map<'_>,
    ) {
        let total = rows * count;
        match self {
            Self::Staged(mut staged) => {
                for from in 0..total {
                    // SAFETY: the row is within the capacity and holds no value (the caller's promise).
                    unsafe { staged.move_out(from, column, start + from) };
                }
            }
            Self::Bytes(bytes) => {
                assert!(bytes.len() == rows * column.size());
                let (to, whole) = (column.at(start), bytes.len() * count);
                if whole == 0 {
                    return;
                }
                // SAFETY: the rows are within the capacity; the bytes lie elsewhere.
                unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
                // What is written is doubled until all is.
                let mut written = bytes.len();
                while written < whole {
                    let next = written.min(whole - written);
                    // SAFETY: both parts are within the rows, the second behind the first.
                    unsafe { ptr::copy_nonoverlapping(to, to.wrapping_add(written), next) };
                    written += next;
                }
                if let Some(data) = data.filter(|data| data.has_entities) {
                    // SAFETY: the bytes were written just now, and the table is borrowed by nobody else.
                    let bytes = unsafe { core::slice::from_raw_parts_mut(to, whole) };
                    for (copy, bytes) in bytes.chunks_exact_mut(rows * column.size()).enumerate() {
                        map_bytes(data, column.size(), bytes, &mut |entity| map(copy, entity));
                    }
                }
            }
        }
    }
}

/// Members of a group on the way: what they are made of.
pub(super) struct Arrivals<'a> {
    /// How many there are of each copy.
    pub(super) members: usize,
    /// Columns of the group's table, all of them.
    pub(super) columns: Vec<(ComponentId, Copies<'a>)>,
}

/// Brings entities to life: copy by copy, each with the components of its group. `made` are the ids that the world gives next. Returns the table of each
/// group, and the first row there.
pub(super) fn put(
    world: &mut World,
    mut groups: Vec<Arrivals<'_>>,
    group_of: &[usize],
    made: &[Entity],
    map: &mut Map<'_>,
) -> Vec<Location> {
    let tick = world.now();
    let count = made.len() / group_of.len();
    let mut places = Vec::with_capacity(groups.len());
    // What may panic comes first: limits, and room.
    for group in &mut groups {
        group.columns.sort_by_key(|column| column.0);
        let ids: Vec<ComponentId> = group.columns.iter().map(|column| column.0).collect();
        let number = world.make_table(&ids);
        let table = &mut world.tables[number as usize];
        table.reserve(group.members * count);
        places.push(Location {
            table: number,
            row: table.len() as u32,
        });
    }
    world.entities.reserve_capacity(made.len());
    for (at, &expected) in made.iter().enumerate() {
        let number = places[group_of[at % group_of.len()]].table;
        let table = &mut world.tables[number as usize];
        let entity = world.entities.allocate(|entity| {
            // SAFETY: there is room, and every column of the table is written below, before anyone else sees it (invariant 3).
            let row = unsafe { table.push(entity, tick) };
            Location {
                table: number,
                row: row as u32,
            }
        });
        debug_assert!(entity == expected, "ids are given as they were foreseen");
    }
    for (group, place) in groups.into_iter().zip(&places) {
        let table = &world.tables[place.table as usize];
        for ((id, copies), column) in group.columns.into_iter().zip(table.columns()) {
            debug_assert!(column.id() == id);
            let data = world.registry.info(id).data.as_deref();
            let start = place.row as usize;
            // SAFETY: the table has exactly these columns, in order of number; the rows were pushed just now.
            unsafe { copies.write(column, start, group.members, count, data, map) };
        }
    }
    places
}

/// Gives new entities a sparse component that none of them has.
pub(super) fn put_sparse(
    world: &mut World,
    id: ComponentId,
    copies: Copies<'_>,
    owners: &[Entity],
    count: usize,
    map: &mut Map<'_>,
) {
    let tick = world.now();
    for &owner in owners {
        if let Some(location) = world.entities.get(owner) {
            world.tables[location.table as usize].set_aside();
        }
    }
    let data = world.registry.info(id).data.as_deref();
    let Some(set) = world.sparse.get_mut(id) else {
        return;
    };
    let start = set.dense().len();
    set.dense_mut().reserve(owners.len());
    for &owner in owners {
        // SAFETY: the value is written below, before anyone else sees it (invariant 3).
        unsafe { set.push(owner, tick) };
    }
    let rows = owners.len() / count.max(1);
    // SAFETY: the column is the component's; the rows were pushed just now, and hold no values.
    unsafe { copies.write(set.column(), start, rows, count, data, map) };
}
