//! Memory that several images or buffers lie in, one after the other or in turn.

use std::sync::Arc;

use ash::vk;
use gpu_allocator::{
    MemoryLocation,
    vulkan::{Allocation, AllocationCreateDesc, AllocationScheme},
};

use super::device::{Device, Garbage};
use crate::{
    error::{RenderError, Result},
    graph::Requirements,
};

/// A block of device memory. What is placed in it holds an `Arc` of it.
pub(crate) struct MemoryBlock {
    /// `None` only while dropping.
    allocation: Option<Allocation>,
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
        let allocation = device
            .with_allocator(|allocator| {
                allocator.allocate(&AllocationCreateDesc {
                    name: what,
                    requirements: vk::MemoryRequirements {
                        size: needs.size,
                        alignment: needs.alignment,
                        memory_type_bits: needs.types,
                    },
                    location: MemoryLocation::GpuOnly,
                    linear: !images,
                    allocation_scheme: AllocationScheme::GpuAllocatorManaged,
                })
            })
            .map_err(|source| RenderError::Memory { what, source })?;
        Ok(Arc::new(Self {
            allocation: Some(allocation),
            device: Arc::clone(device),
        }))
    }

    /// The memory object, and where the block starts in it.
    pub(crate) fn raw(&self) -> (vk::DeviceMemory, u64) {
        let allocation = self
            .allocation
            .as_ref()
            .expect("the allocation lives as long as its block");
        // SAFETY: callers only bind within the block (invariant 7).
        let memory = unsafe { allocation.memory() };
        (memory, allocation.offset())
    }
}

impl Drop for MemoryBlock {
    fn drop(&mut self) {
        if let Some(allocation) = self.allocation.take() {
            self.device.discard(Garbage::Memory(allocation));
        }
    }
}
