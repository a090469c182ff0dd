//! Instances: stable slots, with transforms and mesh and material numbers in tables on the GPU.
//!
//! The CPU keeps no transforms, but of blended instances, which it sorts, and of those that may yet turn out to be.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{
    arena::Table,
    bits::Bits,
    layout::{InstanceMeta, InstanceTransform},
    motion::Motion,
    moves::{Known, Moves},
    upload::Uploads,
};
use crate::{
    error::{RenderError, Result},
    gpu::{buffer::Buffer, device::Device},
};

/// The stable number of an instance, from when it is added until it is removed.
///
/// Motion vectors, picking and level-of-detail hysteresis go by it. Numbers are reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RenderSlot(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InstanceRecord {
    pub(crate) mesh: u32,
    pub(crate) material: u32,
}

/// All instances of a scene.
pub(crate) struct Instances {
    records: Vec<Option<InstanceRecord>>,
    free: Vec<u32>,
    /// By slot: whether it turns right-handed into left-handed.
    mirrored: Bits,
    /// Transforms of instances that are blended, or whose material is not there yet, by slot.
    blended: HashMap<u32, InstanceTransform>,
    /// By slot: whether it is one of these.
    kept: Bits,
    blended_moved: bool,
    motion: Motion,
    transforms: Table<InstanceTransform>,
    metas: Table<InstanceMeta>,
    /// Slots whose mesh or material number is not in the table yet: they go there together, before a frame.
    metas_changed: Vec<u32>,
    /// By slot: the deformed mesh that it is drawn with in place of its own, and whether joints turn right-handed into left-handed.
    deformed: HashMap<u32, (u32, bool)>,
}

impl Instances {
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        Ok(Self {
            records: Vec::new(),
            free: Vec::new(),
            mirrored: Bits::default(),
            blended: HashMap::new(),
            kept: Bits::default(),
            blended_moved: false,
            motion: Motion::default(),
            transforms: Table::new(device, "transforms", 1024)?,
            metas: Table::new(device, "instances", 1024)?,
            metas_changed: Vec::new(),
            deformed: HashMap::new(),
        })
    }

    pub(crate) fn add(&mut self) -> RenderSlot {
        RenderSlot(self.free.pop().unwrap_or_else(|| {
            self.records.push(None);
            self.records.len() as u32 - 1
        }))
    }

    /// Takes back a slot that `add` gave and nothing was put into.
    pub(crate) fn cancel(&mut self, slot: RenderSlot) {
        self.free.push(slot.0);
    }

    /// Puts an instance into a slot that `add` gave, and uploads it. Gives whether the draw lists change.
    ///
    /// A failure leaves the slot as it was.
    pub(crate) fn set(
        &mut self,
        uploads: &mut Uploads,
        slot: RenderSlot,
        record: InstanceRecord,
        transform: &InstanceTransform,
        keep: bool,
    ) -> Result<bool> {
        let place = self
            .records
            .get_mut(slot.0 as usize)
            .ok_or(RenderError::NoSuchInstance(slot.0))?;
        let turned = self.mirrored.get(slot.0) != transform.mirrors();
        let changed = *place != Some(record);
        self.transforms
            .write(uploads, slot.0, std::slice::from_ref(transform))?;
        if changed {
            self.metas_changed.push(slot.0);
        }
        if place.is_none() {
            self.motion.came(slot.0);
        }
        self.motion.moved(slot.0, 1);
        *place = Some(record);
        self.mirrored.set(slot.0, transform.mirrors());
        self.kept.set(slot.0, keep);
        if keep {
            self.blended.insert(slot.0, *transform);
            self.blended_moved = true;
        } else {
            self.blended.remove(&slot.0);
        }
        Ok(changed || turned)
    }

    /// Uploads mesh and material numbers that changed, one copy for each run of slots.
    pub(crate) fn flush(&mut self, uploads: &mut Uploads) -> Result<()> {
        self.metas_changed.sort_unstable();
        self.metas_changed.dedup();
        let mut metas = Vec::new();
        for run in self.metas_changed.chunk_by(|a, b| a + 1 == *b) {
            metas.clear();
            metas.extend(run.iter().map(|&slot| {
                // Of one that is gone already nothing is drawn.
                self.records[slot as usize].map_or_else(InstanceMeta::default, |record| {
                    InstanceMeta {
                        mesh: self
                            .deformed
                            .get(&slot)
                            .map_or(record.mesh, |(mesh, _)| *mesh),
                        material: record.material,
                    }
                })
            }));
            self.metas.write(uploads, run[0], &metas)?;
        }
        self.metas_changed.clear();
        Ok(())
    }

    /// Whether all of these slots have instances.
    pub(crate) fn check(&self, slots: impl IntoIterator<Item = u32>) -> Result<()> {
        for slot in slots {
            if self.get(slot).is_none() {
                return Err(RenderError::NoSuchInstance(slot));
            }
        }
        Ok(())
    }

    /// Whether no slot comes twice.
    pub(crate) fn check_distinct(&self, slots: &[RenderSlot]) -> Result<()> {
        let mut seen = Bits::default();
        for &RenderSlot(slot) in slots {
            if !seen.set(slot, true) {
                return Err(RenderError::SameInstanceTwice(slot));
            }
        }
        Ok(())
    }

    /// Moves the instances of some rows, whose slots have instances.
    ///
    /// Adds to `homeless` the rows that have no slot, and gives how many moved and whether the draw lists change, as they do
    /// when one is mirrored.
    pub(crate) fn move_rows<F: Fn(usize) -> u32 + Sync>(
        &mut self,
        uploads: &mut Uploads,
        moves: &Moves<'_, F>,
        ranges: &[Range<usize>],
        homeless: &mut Vec<usize>,
    ) -> Result<(u64, bool)> {
        let known = Known {
            mirrored: &self.mirrored,
            kept: (!self.blended.is_empty()).then_some(&self.kept),
            runs: self.motion.is_kept(),
        };
        let all = uploads.moves(self.transforms.buffer(), moves, ranges, known)?;
        let (mut count, mut changed) = (0, false);
        for moved in all {
            count += u64::from(moved.count);
            homeless.extend(moved.homeless);
            for slot in moved.turned {
                changed = true;
                let before = self.mirrored.get(slot);
                self.mirrored.set(slot, !before);
            }
            for (slot, row) in moved.kept {
                self.blended.insert(slot, moves.rows[row]);
                self.blended_moved = true;
            }
            for (first, len) in moved.runs {
                self.motion.moved(first, len);
            }
        }
        Ok((count, changed))
    }

    /// Gives a slot back.
    pub(crate) fn remove(&mut self, slot: RenderSlot) -> Result<()> {
        let record = self.records.get_mut(slot.0 as usize).and_then(Option::take);
        record.ok_or(RenderError::NoSuchInstance(slot.0))?;
        self.blended.remove(&slot.0);
        self.kept.set(slot.0, false);
        self.free.push(slot.0);
        Ok(())
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&InstanceRecord> {
        self.records.get(slot as usize).and_then(Option::as_ref)
    }

    /// Whether the instance of a slot turns right-handed into left-handed.
    pub(crate) fn is_mirrored(&self, slot: u32) -> bool {
        self.mirrored.get(slot)
            != self
                .deformed
                .get(&slot)
                .is_some_and(|(_, mirrors)| *mirrors)
    }

    /// The mesh that an instance is drawn with: its own, or a deformed one.
    pub(crate) fn drawn_mesh(&self, slot: u32, record: &InstanceRecord) -> u32 {
        if self.deformed.is_empty() {
            return record.mesh;
        }
        self.deformed
            .get(&slot)
            .map_or(record.mesh, |(mesh, _)| *mesh)
    }

    /// Has an instance drawn with a deformed mesh, or with its own again; gives whether that is another one, or turned another way.
    pub(crate) fn set_deformed(&mut self, slot: u32, mesh: Option<(u32, bool)>) -> bool {
        let before = match mesh {
            Some(mesh) => self.deformed.insert(slot, mesh),
            None => self.deformed.remove(&slot),
        };
        if before.map(|(mesh, _)| mesh) != mesh.map(|(mesh, _)| mesh) && self.get(slot).is_some() {
            self.metas_changed.push(slot);
        }
        before != mesh
    }

    /// Says that an instance is in another shape, for what is sorted.
    pub(crate) fn reshaped(&mut self, slot: u32) {
        self.blended_moved |= self.blended.contains_key(&slot);
    }

    /// Says that an instance has not moved to where it is.
    pub(crate) fn jumped(&mut self, slot: u32) {
        self.motion.came(slot);
    }

    /// Whether someone asks where things were.
    pub(crate) fn keeps_motion(&self) -> bool {
        self.motion.is_kept()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &InstanceRecord)> {
        (0..)
            .zip(&self.records)
            .filter_map(|(slot, record)| record.as_ref().map(|record| (slot, record)))
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len() - self.free.len()
    }

    /// One past the highest slot.
    pub(crate) fn slot_count(&self) -> u32 {
        self.records.len() as u32
    }

    pub(crate) fn blended_transform(&self, slot: u32) -> Option<&InstanceTransform> {
        self.blended.get(&slot)
    }

    pub(crate) fn take_blended_moved(&mut self) -> bool {
        std::mem::take(&mut self.blended_moved)
    }

    /// Where things are, and what is kept of where they were.
    pub(crate) fn motion(&mut self) -> (&Buffer, &mut Motion) {
        (self.transforms.buffer(), &mut self.motion)
    }

    /// Address of where things were; 0 where it is not kept.
    pub(crate) fn previous_transforms(&self) -> u64 {
        self.motion.address()
    }

    pub(crate) fn transforms(&self) -> &Buffer {
        self.transforms.buffer()
    }

    pub(crate) fn metas(&self) -> &Buffer {
        self.metas.buffer()
    }
}
