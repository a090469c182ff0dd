//! The slot array: which entity lives in which table and row. Guarantees that a stale handle is never found again.

pub(crate) mod raw;

use core::sync::atomic::{AtomicI64, AtomicU16, Ordering};

use crate::entity::Entity;

const ROW_BITS: u32 = 28;
const TABLE_BITS: u32 = 20;
/// Rows that one table can hold.
pub(crate) const ROW_LIMIT: usize = 1 << ROW_BITS;
/// Tables that one world can hold; the last number means "no table".
pub(crate) const TABLE_LIMIT: usize = (1 << TABLE_BITS) - 1;
const NO_TABLE: u32 = TABLE_LIMIT as u32;
/// Marks a retired slot: no handle carries this generation.
const RETIRED: u16 = u16::MAX;

/// Where an entity's row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) table: u32,
    pub(crate) row: u32,
}

/// Where an entity's row is, if it is alive; if not, `table` is [`TABLE_LIMIT`] or more.
pub(crate) struct Place {
    pub(crate) table: usize,
    pub(crate) row: usize,
}

/// `row:28 | table:20 | generation:16`, from the lowest bit up.
#[derive(Clone, Copy)]
struct Slot(u64);

impl Slot {
    #[inline]
    fn new(generation: u16, location: Location) -> Self {
        Self(
            u64::from(location.row)
                | u64::from(location.table) << ROW_BITS
                | u64::from(generation) << (ROW_BITS + TABLE_BITS),
        )
    }

    /// The slot of an entity that lives at `location`.
    #[inline]
    fn of(entity: Entity, location: Location) -> Self {
        // The generation lies 16 bits lower in a handle than in a slot.
        let generation = entity.to_bits() << 16 & !0 << (ROW_BITS + TABLE_BITS);
        Self(generation | u64::from(location.row) | u64::from(location.table) << ROW_BITS)
    }

    #[inline]
    fn free(generation: u16) -> Self {
        Self::new(
            generation,
            Location {
                table: NO_TABLE,
                row: 0,
            },
        )
    }

    #[inline]
    fn generation(self) -> u16 {
        (self.0 >> (ROW_BITS + TABLE_BITS)) as u16
    }

    #[inline]
    fn location(self) -> Location {
        Location {
            table: (self.0 >> ROW_BITS) as u32 & NO_TABLE,
            row: self.0 as u32 & (ROW_LIMIT as u32 - 1),
        }
    }
}

pub(crate) struct Entities {
    slots: Vec<Slot>,
    /// Slots to reuse, last first.
    free: Vec<u32>,
    /// `free.len()` less the ids reserved through `&self` since the last flush; negative once they run past the list.
    cursor: AtomicI64,
    live: u32,
    tag: u16,
}

/// World tags are handed out in order and start over after 65,535; 0 is never given.
fn next_tag() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let tag = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if tag != 0 {
            return tag;
        }
    }
}

impl Entities {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            cursor: AtomicI64::new(0),
            live: 0,
            tag: next_tag(),
        }
    }

    pub(crate) fn tag(&self) -> u16 {
        self.tag
    }

    /// Entities that live in a table.
    pub(crate) fn len(&self) -> usize {
        self.live as usize
    }

    #[inline]
    pub(crate) fn get(&self, entity: Entity) -> Option<Location> {
        let place = self.find(entity)?;
        let location = Location {
            table: place.table as u32,
            row: place.row as u32,
        };
        (place.table < TABLE_LIMIT).then_some(location)
    }

    /// As [`get`](Self::get), for callers who look the table up with a check of bounds: for an entity that is not alive the number of the table may be
    /// one that no table has.
    #[inline]
    pub(crate) fn find(&self, entity: Entity) -> Option<Place> {
        let slot = *self.slots.get(entity.index() as usize)?;
        // What differs in generation or tag is left above the table's 20 bits.
        let differs = entity.to_bits() >> 32 ^ u64::from(self.tag) << 16;
        let table = slot.0 >> ROW_BITS ^ differs << TABLE_BITS;
        Some(Place {
            table: usize::try_from(table).unwrap_or(usize::MAX),
            row: slot.location().row as usize,
        })
    }

    /// The live entity in slot `index`.
    pub(crate) fn at(&self, index: u32) -> Option<Entity> {
        let slot = *self.slots.get(index as usize)?;
        (slot.location().table != NO_TABLE).then(|| Entity::new(index, slot.generation(), self.tag))
    }

    /// Takes an id without exclusive access. It becomes an entity at the next flush.
    pub(crate) fn reserve(&self) -> Entity {
        let left = self.cursor.fetch_sub(1, Ordering::Relaxed);
        if left > 0 {
            let index = self.free[left as usize - 1];
            Entity::new(index, self.slots[index as usize].generation(), self.tag)
        } else {
            let index = self.slots.len() as u64 + left.unsigned_abs();
            assert!(index < u64::from(u32::MAX), "too many entities");
            Entity::new(index as u32, 0, self.tag)
        }
    }

    /// Whether ids were reserved since the last flush.
    #[inline]
    pub(crate) fn needs_flush(&mut self) -> bool {
        *self.cursor.get_mut() != self.free.len() as i64
    }

    /// Makes the reserved ids real: `place` gives each its row.
    pub(crate) fn flush(&mut self, mut place: impl FnMut(Entity) -> Location) {
        let cursor = *self.cursor.get_mut();
        let keep = cursor.max(0) as usize;
        while self.free.len() > keep {
            let Some(index) = self.free.pop() else { break };
            let generation = self.slots[index as usize].generation();
            let location = place(Entity::new(index, generation, self.tag));
            self.slots[index as usize] = Slot::new(generation, location);
            self.live += 1;
        }
        for _ in cursor..0 {
            let location = place(Entity::new(self.slots.len() as u32, 0, self.tag));
            self.slots.push(Slot::new(0, location));
            self.live += 1;
        }
        *self.cursor.get_mut() = self.free.len() as i64;
    }

    /// A new entity at `location`. Reserved ids must have been flushed.
    #[inline]
    pub(crate) fn allocate(&mut self, location: impl FnOnce(Entity) -> Location) -> Entity {
        debug_assert!(!self.needs_flush());
        if let Some(index) = self.free.pop() {
            *self.cursor.get_mut() = self.free.len() as i64;
            let generation = self.slots[index as usize].generation();
            let entity = Entity::new(index, generation, self.tag);
            let location = location(entity);
            self.slots[index as usize] = Slot::new(generation, location);
            self.live += 1;
            entity
        } else {
            let index = self.slots.len();
            assert!(index < u32::MAX as usize, "too many entities");
            let entity = Entity::new(index as u32, 0, self.tag);
            let location = location(entity);
            self.slots.push(Slot::new(0, location));
            self.live += 1;
            entity
        }
    }

    /// The id at `position` of those that the next [`claim`](Self::claim) can make real. Nothing may be reserved or allocated in between.
    #[inline]
    pub(crate) fn peek(&self, position: u64) -> Entity {
        let free = self.free.len() as u64;
        if position < free {
            let index = self.free[(free - 1 - position) as usize];
            Entity::new(index, self.slots[index as usize].generation(), self.tag)
        } else {
            let index = self.slots.len() as u64 + position - free;
            assert!(index < u64::from(u32::MAX), "too many entities");
            Entity::new(index as u32, 0, self.tag)
        }
    }

    /// Makes peeked ids real: of `counts.len()` takers, taker `t` has the positions `t`, `t + counts.len()`, … and uses
    /// the first `counts[t]` of them. Ids in between go back to the free list. `place` gives each its row.
    pub(crate) fn claim(&mut self, counts: &[u32], mut place: impl FnMut(Entity) -> Location) {
        debug_assert!(!self.needs_flush());
        let stride = counts.len() as u64;
        let last = |(taker, &count): (usize, &u32)| match u64::from(count) {
            0 => 0,
            count => (count - 1) * stride + taker as u64 + 1,
        };
        let end = counts.iter().enumerate().map(last).max().unwrap_or(0);
        let mut unused = Vec::new();
        for position in 0..end {
            let index = match self.free.pop() {
                Some(index) => index,
                None => {
                    self.slots.push(Slot::free(0));
                    self.slots.len() as u32 - 1
                }
            };
            let generation = self.slots[index as usize].generation();
            if position / stride < u64::from(counts[(position % stride) as usize]) {
                let location = place(Entity::new(index, generation, self.tag));
                self.slots[index as usize] = Slot::new(generation, location);
                self.live += 1;
            } else {
                unused.push(index);
            }
        }
        self.free.extend(unused.into_iter().rev());
        *self.cursor.get_mut() = self.free.len() as i64;
    }

    /// Panics unless `additional` entities can still be made.
    pub(crate) fn assert_room(&self, additional: usize) {
        let fresh = additional.saturating_sub(self.free.len());
        assert!(
            self.slots.len().saturating_add(fresh) < u32::MAX as usize,
            "too many entities"
        );
    }

    pub(crate) fn reserve_capacity(&mut self, additional: usize) {
        self.slots
            .reserve(additional.saturating_sub(self.free.len()));
    }

    /// Frees the slot of a live entity.
    #[inline]
    pub(crate) fn release(&mut self, entity: Entity) {
        debug_assert!(self.get(entity).is_some());
        let index = entity.index();
        let next = entity.generation() + 1;
        self.slots[index as usize] = Slot::free(next);
        self.live -= 1;
        if next != RETIRED {
            self.free.push(index);
            *self.cursor.get_mut() = self.free.len() as i64;
        }
    }

    /// Moves a live entity.
    #[inline]
    pub(crate) fn relocate(&mut self, entity: Entity, location: Location) {
        debug_assert!(self.get(entity).is_some());
        self.slots[entity.index() as usize] = Slot::of(entity, location);
    }

    /// `entity` moved to the (table, row) `to`; `swapped` took its place at `left`, if it is another one.
    #[inline(always)]
    pub(crate) fn moved(
        &mut self,
        entity: Entity,
        left: (u32, usize),
        swapped: Entity,
        to: (u32, usize),
    ) {
        debug_assert!(self.get(entity).is_some() && self.get(swapped).is_some());
        let place = |(table, row): (u32, usize)| Location {
            table,
            row: row as u32,
        };
        // In this order: `swapped` may be `entity`.
        let slots = self.slots.as_mut_slice();
        slots[swapped.index() as usize] = Slot::of(swapped, place(left));
        slots[entity.index() as usize] = Slot::of(entity, place(to));
    }

    /// `entities` live in `table` from row `start` on now, in this order.
    pub(crate) fn relocate_rows(&mut self, entities: &[Entity], table: u32, start: usize) {
        let slots = self.slots.as_mut_slice();
        for (row, &entity) in (start as u32..).zip(entities) {
            // The handle has the generation: the slot need not be read.
            slots[entity.index() as usize] = Slot::of(entity, Location { table, row });
        }
    }

    /// Frees the slots of live entities.
    pub(crate) fn release_rows(&mut self, entities: &[Entity]) {
        self.free.reserve(entities.len());
        for &entity in entities {
            debug_assert!(self.get(entity).is_some());
            let (index, next) = (entity.index(), entity.generation() + 1);
            self.slots[index as usize] = Slot::free(next);
            if next != RETIRED {
                self.free.push(index);
            }
        }
        self.live -= entities.len() as u32;
        *self.cursor.get_mut() = self.free.len() as i64;
    }

    /// Makes `count` entities, in `table` from row `start` on, and appends them to `ids`: the same as so many calls of
    /// [`allocate`](Self::allocate). There must be room (see [`assert_room`](Self::assert_room)).
    pub(crate) fn allocate_rows(
        &mut self,
        count: usize,
        table: u32,
        start: usize,
        ids: &mut Vec<Entity>,
    ) {
        debug_assert!(!self.needs_flush());
        ids.reserve(count);
        let reused = self.free.len().min(count);
        let mut row = start as u32;
        for index in self.free.drain(self.free.len() - reused..).rev() {
            let slot = &mut self.slots[index as usize];
            let entity = Entity::new(index, slot.generation(), self.tag);
            *slot = Slot::of(entity, Location { table, row });
            ids.push(entity);
            row += 1;
        }
        let first = self.slots.len() as u32;
        let fresh = (first..).take(count - reused);
        ids.extend(fresh.map(|index| Entity::new(index, 0, self.tag)));
        let rows = (row..).take(count - reused);
        self.slots
            .extend(rows.map(|row| Slot::new(0, Location { table, row })));
        self.live += count as u32;
        *self.cursor.get_mut() = self.free.len() as i64;
    }

    /// Bytes held by the slot array and the free list.
    pub(crate) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.free.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anywhere(_: Entity) -> Location {
        Location { table: 0, row: 0 }
    }

    #[test]
    fn a_slot_is_retired_before_its_generation_wraps() {
        let mut entities = Entities::new();
        let first = entities.allocate(anywhere);
        let mut last = first;
        for generation in 1..RETIRED {
            entities.release(last);
            last = entities.allocate(anywhere);
            assert_eq!(
                (last.index(), last.generation()),
                (first.index(), generation)
            );
        }
        entities.release(last);
        let next = entities.allocate(anywhere);
        assert_ne!(
            next.index(),
            first.index(),
            "the worn-out slot is not used again"
        );
        assert_eq!(entities.get(last), None);
        assert_eq!(
            entities.get(Entity::new(first.index(), RETIRED, entities.tag())),
            None
        );
    }

    #[test]
    fn who_is_not_alive_is_found_in_no_table() {
        let last = Location {
            table: NO_TABLE - 1,
            row: ROW_LIMIT as u32 - 1,
        };
        let mut entities = Entities::new();
        let alive = entities.allocate(|_| last);
        let stale = entities.allocate(anywhere);
        entities.release(stale);
        let reserved = entities.reserve();
        let at = |generation, tag| Entity::new(alive.index(), generation, tag);
        let tag = entities.tag();
        let cases = [
            ("despawned", stale),
            ("reserved, not flushed", reserved),
            ("of an older generation", at(u16::MAX, tag)),
            ("of a newer generation", at(alive.generation() + 1, tag)),
            ("of another world", at(alive.generation(), tag ^ 1)),
            ("of no world", at(alive.generation(), 0)),
            ("of another world and generation", at(1, tag ^ 0x8000)),
        ];
        for (who, entity) in cases {
            assert!(
                entities
                    .find(entity)
                    .is_none_or(|place| place.table >= TABLE_LIMIT),
                "{who}"
            );
            assert_eq!(entities.get(entity), None, "{who}");
        }
        let place = entities.find(alive).expect("the slot is there");
        assert_eq!((place.table, place.row), (TABLE_LIMIT - 1, ROW_LIMIT - 1));
        assert_eq!(entities.get(alive), Some(last));
    }

    #[test]
    fn a_location_survives_packing_at_its_limits() {
        for table in [0, 1, NO_TABLE - 1] {
            for row in [0, 1, ROW_LIMIT as u32 - 1] {
                for generation in [0, 1, RETIRED - 1] {
                    let slot = Slot::new(generation, Location { table, row });
                    assert_eq!(slot.location(), Location { table, row });
                    assert_eq!(slot.generation(), generation);
                }
            }
        }
    }

    #[test]
    fn reserved_ids_reuse_freed_slots_first_and_are_real_after_the_flush() {
        let mut entities = Entities::new();
        let made: Vec<_> = (0..3).map(|_| entities.allocate(anywhere)).collect();
        entities.release(made[1]);
        let reserved: Vec<_> = (0..3).map(|_| entities.reserve()).collect();
        assert_eq!(reserved[0].index(), made[1].index());
        assert_eq!(reserved[0].generation(), made[1].generation() + 1);
        assert_eq!((reserved[1].index(), reserved[2].index()), (3, 4));
        assert!(
            reserved
                .iter()
                .all(|&entity| entities.get(entity).is_none())
        );
        assert!(entities.needs_flush());
        let mut placed = Vec::new();
        entities.flush(|entity| {
            placed.push(entity);
            anywhere(entity)
        });
        placed.sort();
        let mut expected = reserved.clone();
        expected.sort();
        assert_eq!(placed, expected);
        assert!(
            reserved
                .iter()
                .all(|&entity| entities.get(entity).is_some())
        );
        assert_eq!(entities.len(), 5);
        assert!(!entities.needs_flush());
    }

    #[test]
    fn a_handle_of_another_world_is_not_found() {
        let (mut here, mut there) = (Entities::new(), Entities::new());
        let entity = here.allocate(anywhere);
        there.allocate(anywhere);
        assert!(here.get(entity).is_some());
        assert!(there.get(entity).is_none());
    }
}
