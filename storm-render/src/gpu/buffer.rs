//! Buffers: on the device, or mapped for the CPU to write or read.

use std::sync::Arc;

use ash::vk;
use gpu_allocator::{
    MemoryLocation,
    vulkan::{Allocation, AllocationCreateDesc, AllocationScheme},
};

use super::device::{Device, Garbage};
use crate::error::{RenderError, Result};

/// Where a buffer lives and who writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Device memory, written by copies and shaders.
    Device,
    /// Written by the CPU, read by the GPU.
    Upload,
    /// Written by the GPU, read by the CPU.
    Readback,
}

/// A buffer with its memory. Every buffer has an address that shaders can read from.
pub(crate) struct Buffer {
    pub(crate) raw: vk::Buffer,
    pub(crate) size: u64,
    pub(crate) address: vk::DeviceAddress,
    /// `None` only while dropping.
    allocation: Option<Allocation>,
    device: Arc<Device>,
}

impl Buffer {
    pub(crate) fn new(
        device: &Arc<Device>,
        what: &'static str,
        size: u64,
        memory: Memory,
    ) -> Result<Self> {
        let usage = vk::BufferUsageFlags::TRANSFER_SRC
            | vk::BufferUsageFlags::TRANSFER_DST
            | vk::BufferUsageFlags::STORAGE_BUFFER
            | vk::BufferUsageFlags::INDEX_BUFFER
            | vk::BufferUsageFlags::INDIRECT_BUFFER
            | vk::BufferUsageFlags::SHADER_DEVICE_ADDRESS;
        let info = vk::BufferCreateInfo::default().size(size).usage(usage);
        // SAFETY: the size is not 0 (callers ask for something), all usages need no more than enabled (invariant 5).
        let raw = unsafe { device.raw.create_buffer(&info, None) }
            .map_err(RenderError::vulkan("creating a buffer"))?;
        // SAFETY: made by this device just now.
        let requirements = unsafe { device.raw.get_buffer_memory_requirements(raw) };
        let location = match memory {
            Memory::Device => MemoryLocation::GpuOnly,
            Memory::Upload => MemoryLocation::CpuToGpu,
            Memory::Readback => MemoryLocation::GpuToCpu,
        };
        let allocation = device.with_allocator(|allocator| {
            allocator.allocate(&AllocationCreateDesc {
                name: what,
                requirements,
                location,
                linear: true,
                allocation_scheme: AllocationScheme::GpuAllocatorManaged,
            })
        });
        let allocation = match allocation {
            Ok(allocation) => allocation,
            Err(source) => {
                // SAFETY: made above and never used.
                unsafe { device.raw.destroy_buffer(raw, None) };
                return Err(RenderError::Memory { what, source });
            }
        };
        // SAFETY: the memory is only bound, at an offset that the allocator chose to the requirements.
        let memory = unsafe { allocation.memory() };
        // SAFETY: buffer and memory are of this device, and the buffer was never bound before.
        let bound = unsafe {
            device
                .raw
                .bind_buffer_memory(raw, memory, allocation.offset())
        };
        let mut buffer = Self {
            raw,
            size,
            address: 0,
            allocation: Some(allocation),
            device: Arc::clone(device),
        };
        bound.map_err(RenderError::vulkan("binding a buffer"))?;
        let info = vk::BufferDeviceAddressInfo::default().buffer(raw);
        // SAFETY: the buffer is bound, and made with SHADER_DEVICE_ADDRESS.
        buffer.address = unsafe { device.raw.get_buffer_device_address(&info) };
        Ok(buffer)
    }

    /// The bytes of a buffer made with [`Memory::Upload`], to be written while no submitted work reads them
    /// (invariant 6); empty for device memory.
    pub(crate) fn mapped_mut(&mut self) -> &mut [u8] {
        let size = self.size as usize;
        let mapped = self
            .allocation
            .as_mut()
            .and_then(|allocation| allocation.mapped_slice_mut());
        mapped.map_or(&mut [], |bytes| &mut bytes[..size])
    }

    /// The bytes of a buffer made with [`Memory::Readback`], once the GPU has written them.
    pub(crate) fn mapped(&self) -> &[u8] {
        let size = self.size as usize;
        let mapped = self
            .allocation
            .as_ref()
            .and_then(|allocation| allocation.mapped_slice());
        mapped.map_or(&[], |bytes| &bytes[..size])
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(allocation) = self.allocation.take() {
            self.device.discard(Garbage::Buffer(self.raw, allocation));
        }
    }
}
