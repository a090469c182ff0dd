//! Memory that several images or buffers lie in, one after the other or in turn.

use std::sync::Arc;

use ash::vk;
use gpu_allocator::MemoryLocation;

use super::{
    device::{Device, Garbage},
    pools::{Lifetime, Piece, Wanted},
};
use crate::{error::Result, graph::Requirements};

/// A block of device memory. What is placed in it holds an `Arc` of it.
pub(crate) struct MemoryBlock {
    /// `None` only while dropping.
    piece: Option<Piece>,
    device: Arc<Device>,
}

impl MemoryBlock {
    /// A block for images, or else for buffers.
    pub(crate) fn new(
        device: &Arc<Device>,
        what: &'static str,
        needs: Requirements,
        images: bool,
    ) -> Result<Arc<Self>> {
        let piece = device.with_pools(|pools| {
            pools.allocate(&Wanted {
                what,
                requirements: vk::MemoryRequirements {
                    size: needs.size,
                    alignment: needs.alignment,
                    memory_type_bits: needs.types,
                },
                location: MemoryLocation::GpuOnly,
                linear: !images,
                lifetime: Lifetime::Frame,
            })
        })?;
        Ok(Arc::new(Self {
            piece: Some(piece),
            device: Arc::clone(device),
        }))
    }

    /// The memory object, and where the block starts in it.
    pub(crate) fn raw(&self) -> (vk::DeviceMemory, u64) {
        self.piece
            .as_ref()
            .expect("the piece lives as long as its block")
            .raw()
    }
}

impl Drop for MemoryBlock {
    fn drop(&mut self) {
        if let Some(piece) = self.piece.take() {
            self.device.discard(Garbage::Memory(piece));
        }
    }
}
