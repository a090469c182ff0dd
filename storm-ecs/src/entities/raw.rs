//! The slot array as data: what a snapshot keeps of it, and putting it back.

use crate::entities::{Entities, Location, NO_TABLE, RETIRED, Slot};
use crate::entity::Entity;

/// The generation of a slot that is not used any more.
pub(crate) const RETIRED_GENERATION: u16 = RETIRED;

impl Entities {
    /// How many slots there are, whether in use or not.
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// The generation of each slot.
    pub(crate) fn generations(&self) -> impl ExactSizeIterator<Item = u16> + '_ {
        self.slots.iter().map(|slot| slot.generation())
    }

    /// The generation of slot `index`, and whether an entity lives there.
    pub(crate) fn slot_state(&self, index: u32) -> Option<(u16, bool)> {
        let slot = self.slots.get(index as usize)?;
        Some((slot.generation(), slot.location().table != NO_TABLE))
    }

    /// Slots to reuse, last first.
    pub(crate) fn free_list(&self) -> &[u32] {
        &self.free
    }

    /// Replaces all slots. `live` yields the entities, each of which has the generation that its slot has.
    pub(crate) fn replace(
        &mut self,
        generations: impl Iterator<Item = u16>,
        free: Vec<u32>,
        live: impl Iterator<Item = (Entity, Location)>,
    ) {
        self.slots.clear();
        self.slots.extend(generations.map(Slot::free));
        self.live = 0;
        for (entity, location) in live {
            self.slots[entity.index() as usize] = Slot::new(entity.generation(), location);
            self.live += 1;
        }
        self.set_free_list(free);
    }

    /// Replaces the list of slots to reuse: dead slots that are not retired, each once.
    pub(crate) fn set_free_list(&mut self, free: Vec<u32>) {
        *self.cursor.get_mut() = free.len() as i64;
        self.free = free;
    }

    /// Adds dead slots, or takes dead ones from the end, until there are `count`; stops at a live one. Slots that go may be in the list of
    /// free ones still: the caller replaces it.
    pub(crate) fn resize_slots(&mut self, count: usize) {
        let dead = |slot: &&Slot| slot.location().table == NO_TABLE;
        let surplus = self.slots.len().saturating_sub(count);
        let trailing = self
            .slots
            .iter()
            .rev()
            .take(surplus)
            .take_while(dead)
            .count();
        let count = if surplus > 0 {
            self.slots.len() - trailing
        } else {
            count
        };
        self.slots.resize_with(count, || Slot::free(0));
    }

    /// Sets the generation of a dead slot.
    pub(crate) fn set_generation(&mut self, index: u32, generation: u16) {
        debug_assert!(self.slot_state(index).is_some_and(|(_, live)| !live));
        self.slots[index as usize] = Slot::free(generation);
    }

    /// Brings the entity of a dead slot to life, with the generation that the handle names. The list of free slots is the caller's business.
    pub(crate) fn revive(&mut self, entity: Entity, location: Location) {
        debug_assert!(
            self.slot_state(entity.index())
                .is_some_and(|(_, live)| !live)
        );
        self.slots[entity.index() as usize] = Slot::new(entity.generation(), location);
        self.live += 1;
    }
}
