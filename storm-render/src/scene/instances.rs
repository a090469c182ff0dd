//! Instances: stable slots, with transforms and mesh and material numbers in tables on the GPU.
//!
//! The CPU keeps no transforms, but of blended instances, which it sorts, and of those that may yet turn out to be.

use std::{collections::HashMap, sync::Arc};

use super::{
    arena::Table,
    layout::{InstanceMeta, InstanceTransform},
    motion::Motion,
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
    pub(crate) mirrored: bool,
}

/// All instances of a scene.
pub(crate) struct Instances {
    records: Vec<Option<InstanceRecord>>,
    free: Vec<u32>,
    /// Transforms of instances that are blended, or whose material is not there yet, by slot.
    blended: HashMap<u32, InstanceTransform>,
    blended_moved: bool,
    motion: Motion,
    transforms: Table<InstanceTransform>,
    metas: Table<InstanceMeta>,
}

impl Instances {
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        Ok(Self {
            records: Vec::new(),
            free: Vec::new(),
            blended: HashMap::new(),
            blended_moved: false,
            motion: Motion::default(),
            transforms: Table::new(device, "transforms", 1024)?,
            metas: Table::new(device, "instances", 1024)?,
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
    /// A failure leaves the slot as it was: an instance is drawn only if all its rows are in the tables.
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
        let changed = *place != Some(record);
        self.transforms
            .write(uploads, slot.0, std::slice::from_ref(transform))?;
        if changed {
            let meta = InstanceMeta {
                mesh: record.mesh,
                material: record.material,
            };
            self.metas.write(uploads, slot.0, &[meta])?;
        }
        if place.is_none() {
            self.motion.came(slot.0);
        }
        self.motion.moved(slot.0, 1);
        *place = Some(record);
        if keep {
            self.blended.insert(slot.0, *transform);
            self.blended_moved = true;
        } else {
            self.blended.remove(&slot.0);
        }
        Ok(changed)
    }

    /// Moves the instances of neighbouring slots. Gives whether the draw lists change, as they do when one is mirrored.
    pub(crate) fn move_run(
        &mut self,
        uploads: &mut Uploads,
        first: RenderSlot,
        transforms: &[InstanceTransform],
    ) -> Result<bool> {
        let slots = first.0 as usize..first.0 as usize + transforms.len();
        let records = self
            .records
            .get_mut(slots)
            .ok_or(RenderError::NoSuchInstance(first.0))?;
        if let Some(hole) = records.iter().position(Option::is_none) {
            return Err(RenderError::NoSuchInstance(first.0 + hole as u32));
        }
        let mut changed = false;
        for (record, transform) in records.iter_mut().flatten().zip(transforms) {
            let mirrored = transform.mirrors();
            changed |= record.mirrored != mirrored;
            record.mirrored = mirrored;
        }
        if !self.blended.is_empty() {
            for (slot, transform) in (first.0..).zip(transforms) {
                if let Some(kept) = self.blended.get_mut(&slot) {
                    *kept = *transform;
                    self.blended_moved = true;
                }
            }
        }
        self.transforms.write(uploads, first.0, transforms)?;
        self.motion.moved(first.0, transforms.len() as u32);
        Ok(changed)
    }

    /// Gives a slot back.
    pub(crate) fn remove(&mut self, slot: RenderSlot) -> Result<()> {
        let record = self.records.get_mut(slot.0 as usize).and_then(Option::take);
        record.ok_or(RenderError::NoSuchInstance(slot.0))?;
        self.blended.remove(&slot.0);
        self.free.push(slot.0);
        Ok(())
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&InstanceRecord> {
        self.records.get(slot as usize).and_then(Option::as_ref)
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
