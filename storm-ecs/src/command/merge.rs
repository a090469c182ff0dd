//! Several commands on one entity as one move.
//!
//! Commands in a row on the same entity are merged if that cannot be told from doing them one by one: all insert or remove columns, no
//! component twice, nobody watches. Then the entity moves once for all insertions and once for all removals.
//!
//! Invariants:
//! 1. A pointer to a field is to the first payload of its lane, which stays in place until it is forgotten.
//! 2. Payloads whose fields were moved out are forgotten before any value is dropped.
#![expect(unsafe_code, reason = "moves fields out of payloads")]

use crate::bundle::{Bundle, FieldVisitor};
use crate::command::Record;
use crate::command::lane::{Lane, Merge};
use crate::component::{Component, ComponentId};
use crate::entity::Entity;
use crate::world::World;

/// A sequence of lanes that was merged, or found not to be, in one world.
struct Known {
    lanes: Vec<u32>,
    world: u64,
    epoch: u64,
    merged: Option<Merged>,
}

/// Bundles that stand for a sequence.
#[derive(Clone, Copy)]
struct Merged {
    insert: u32,
    remove: Option<u32>,
}

/// What was found of sequences; a queue sees few.
#[derive(Default)]
pub(super) struct Merges {
    known: Vec<Known>,
    fields: Vec<*const u8>,
}

// SAFETY: the pointers are to payloads of the queue that owns this, and live during one call only; payloads are Send.
unsafe impl Send for Merges {}

/// Sequences that are remembered.
const KNOWN: usize = 64;

/// Collects pointers to fields.
struct Pointers<'a>(&'a mut Vec<*const u8>);

impl FieldVisitor for Pointers<'_> {
    #[inline]
    unsafe fn field<T: Component>(&mut self, value: *mut T) {
        self.0.push(value.cast_const().cast());
    }
}

/// Pointers to the fields of a bundle, in order.
pub(super) fn fields<B: Bundle>(bundle: &mut B, out: &mut Vec<*const u8>) {
    // SAFETY: the bundle is whole, and the visitor only notes where its fields are.
    unsafe { B::visit(bundle, &mut Pointers(out)) };
}

impl Merges {
    /// Applies a run of commands on `entity` as one, if that is the same; says whether it did. Counts them as done.
    pub(super) fn apply(
        &mut self,
        world: &mut World,
        lanes: &mut [Box<dyn Lane>],
        run: &[Record],
        entity: Entity,
        done: &mut usize,
    ) -> bool {
        let Some(merged) = self.find(world, lanes, run) else {
            return false;
        };
        let Some(location) = world.entities.get(entity) else {
            return false;
        };
        let insert = world.plan(location.table, merged.insert, true);
        if world.plans[insert as usize].slow {
            return false;
        }
        if let Some(remove) = merged.remove {
            let remove = world.plan(location.table, remove, false);
            if world.plans[remove as usize].slow {
                return false;
            }
        }
        self.fields.clear();
        for record in run {
            lanes[record.lane as usize].fields(&mut self.fields);
        }
        // SAFETY: one field for each component of the merged bundle, in order (`find`); the payloads are forgotten below.
        let old = unsafe { world.insert_columns(location, merged.insert, &self.fields) };
        for record in run {
            lanes[record.lane as usize].forget();
        }
        *done += run.len();
        // Old values are dropped when all is done: a panic there loses nothing.
        if let (Some(remove), Some(location)) = (merged.remove, world.entities.get(entity)) {
            let (tick, plan) = (world.now(), world.plan(location.table, remove, false));
            world.carry_out(entity, location, plan, tick, false);
        }
        drop(old);
        true
    }

    /// The bundles that stand for a run.
    fn find(
        &mut self,
        world: &mut World,
        lanes: &mut [Box<dyn Lane>],
        run: &[Record],
    ) -> Option<Merged> {
        let same = |known: &Known| {
            known.world == world.serial
                && known.epoch == world.epoch
                && known.lanes.len() == run.len()
                && known
                    .lanes
                    .iter()
                    .zip(run)
                    .all(|(&lane, record)| lane == record.lane)
        };
        if let Some(known) = self.known.iter().find(|known| same(known)) {
            return known.merged;
        }
        let merged = merge(world, lanes, run)?;
        if self.known.len() == KNOWN {
            self.known.clear();
        }
        self.known.push(Known {
            lanes: run.iter().map(|record| record.lane).collect(),
            world: world.serial,
            epoch: world.epoch,
            merged,
        });
        merged
    }
}

/// `None` if that cannot be known yet.
#[cold]
fn merge(world: &mut World, lanes: &mut [Box<dyn Lane>], run: &[Record]) -> Option<Option<Merged>> {
    let (mut inserted, mut removed): (Vec<ComponentId>, Vec<ComponentId>) = Default::default();
    for record in run {
        let (list, bundle) = match lanes[record.lane as usize].merge(world) {
            Merge::Never => return Some(None),
            Merge::NotYet => return None,
            Merge::Insert(bundle) => (&mut inserted, bundle),
            Merge::Remove(bundle) => (&mut removed, bundle),
        };
        let info = &world.bundles[bundle as usize];
        if !info.aside.is_empty() {
            return Some(None);
        }
        list.extend(&info.ids);
    }
    let mut all: Vec<_> = inserted.iter().chain(&removed).collect();
    all.sort_unstable();
    if all.windows(2).any(|pair| pair[0] == pair[1]) || inserted.is_empty() {
        return Some(None);
    }
    let Ok(insert) = world.dynamic_bundle(&inserted) else {
        return Some(None);
    };
    let remove = match removed.is_empty() {
        true => None,
        false => world.dynamic_bundle(&removed).ok(),
    };
    Some(Some(Merged { insert, remove }))
}
