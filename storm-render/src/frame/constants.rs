//! What holds for a whole frame, in memory that the CPU writes: one buffer for each frame in flight, in parts, of which
//! only those that changed are written.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    clusters::frame::ClusterView,
    error::Result,
    gpu::{
        buffer::{Buffer, Memory},
        device::Device,
    },
    shadow::ShadowView,
};

/// Where each part starts, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub(crate) enum Part {
    Globals = 0,
    Cull = 1024,
    Lighting = 2048,
    Air = 3072,
    Motion = 4096,
    Clusters = 5120,
    ClusterShade = 6144,
    Views = 8192,
    Shadows = 20480,
    ClusterViews = 36864,
}

/// Views that a frame culls for: the camera's, and those of lights.
pub(crate) const VIEWS_MAX: usize = 128;

const _: () = assert!(
    Part::Views as usize + VIEWS_MAX * size_of::<super::cull::CullView>() <= Part::Shadows as usize
);

const _: () = assert!(
    Part::Shadows as usize + VIEWS_MAX * size_of::<ShadowView>() <= Part::ClusterViews as usize
);

/// The camera of the frame before is a view of clusters more.
const BYTES: u64 = Part::ClusterViews as u64 + ((VIEWS_MAX + 1) * size_of::<ClusterView>()) as u64;

/// The constants of a frame in flight.
pub(crate) struct Constants {
    buffer: Buffer,
    /// What is in each part.
    written: BTreeMap<Part, Vec<u8>>,
}

impl Constants {
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        Ok(Self {
            buffer: Buffer::new(device, "frame constants", BYTES, Memory::Upload)?,
            written: BTreeMap::new(),
        })
    }

    pub(crate) fn address(&self, part: Part) -> u64 {
        self.buffer.address + part as u64
    }

    /// Writes a part where it differs from what is there. Gives the bytes written.
    ///
    /// Only between the recorder's `begin`, which waits for the frame that last read it, and its submission
    /// (invariant 6 of the GPU layer).
    pub(crate) fn write<T: bytemuck::NoUninit>(&mut self, part: Part, value: &[T]) -> u64 {
        let bytes: &[u8] = bytemuck::cast_slice(value);
        let written = self.written.entry(part).or_default();
        if written == bytes {
            return 0;
        }
        let start = part as usize;
        self.buffer.mapped_mut()[start..start + bytes.len()].copy_from_slice(bytes);
        written.clear();
        written.extend_from_slice(bytes);
        bytes.len() as u64
    }
}
