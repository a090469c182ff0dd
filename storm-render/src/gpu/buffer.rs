//! Buffers: on the device, or mapped for the CPU to write or read.

use std::sync::Arc;

use ash::vk;
use gpu_allocator::MemoryLocation;

use super::{
    device::{Device, Garbage},
    memory::MemoryBlock,
    pools::{Lifetime, Piece, Wanted},
};
use crate::{
    error::{RenderError, Result},
    graph::Requirements,
};

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
    /// `None` while dropping, and where the memory is shared.
    piece: Option<Piece>,
    /// Memory that it is placed in.
    block: Option<Arc<MemoryBlock>>,
    device: Arc<Device>,
}

/// How a buffer is made: for everything, and for all queues.
fn create_info(device: &Device, size: u64) -> vk::BufferCreateInfo<'_> {
    let usage = vk::BufferUsageFlags::TRANSFER_SRC
        | vk::BufferUsageFlags::TRANSFER_DST
        | vk::BufferUsageFlags::STORAGE_BUFFER
        | vk::BufferUsageFlags::INDEX_BUFFER
        | vk::BufferUsageFlags::INDIRECT_BUFFER
        | vk::BufferUsageFlags::SHADER_DEVICE_ADDRESS;
    let info = vk::BufferCreateInfo::default().size(size).usage(usage);
    if device.families().len() > 1 {
        info.sharing_mode(vk::SharingMode::CONCURRENT)
            .queue_family_indices(device.families())
    } else {
        info
    }
}

impl Buffer {
    /// A buffer with memory of its own.
    pub(crate) fn new(
        device: &Arc<Device>,
        what: &'static str,
        size: u64,
        memory: Memory,
    ) -> Result<Self> {
        let mut buffer = Self::unbound(device, size)?;
        // SAFETY: made by this device just now.
        let requirements = unsafe { device.raw.get_buffer_memory_requirements(buffer.raw) };
        let (location, lifetime) = match memory {
            Memory::Device => (MemoryLocation::GpuOnly, Lifetime::Permanent),
            Memory::Upload => (MemoryLocation::CpuToGpu, Lifetime::Staging),
            Memory::Readback => (MemoryLocation::GpuToCpu, Lifetime::Staging),
        };
        let piece = device.with_pools(|pools| {
            pools.allocate(&Wanted {
                what,
                requirements,
                location,
                linear: true,
                lifetime,
            })
        })?;
        let (memory, offset) = piece.raw();
        buffer.piece = Some(piece);
        buffer.bind(memory, offset)?;
        Ok(buffer)
    }

    /// What memory a buffer of this size needs, without making it.
    pub(crate) fn requirements(device: &Device, size: u64) -> Requirements {
        let info = create_info(device, size);
        let query = vk::DeviceBufferMemoryRequirements::default().create_info(&info);
        let mut found = vk::MemoryRequirements2::default();
        // SAFETY: maintenance4 is on (invariant 5); invariant 4.
        unsafe {
            device
                .raw
                .get_device_buffer_memory_requirements(&query, &mut found)
        };
        found.memory_requirements.into()
    }

    /// A buffer in memory that others use in turn (invariant 7).
    pub(crate) fn placed(
        device: &Arc<Device>,
        size: u64,
        block: &Arc<MemoryBlock>,
        offset: u64,
    ) -> Result<Self> {
        let mut buffer = Self::unbound(device, size)?;
        let (memory, start) = block.raw();
        buffer.block = Some(Arc::clone(block));
        buffer.bind(memory, start + offset)?;
        Ok(buffer)
    }

    fn unbound(device: &Arc<Device>, size: u64) -> Result<Self> {
        let info = create_info(device, size);
        // SAFETY: the size is not 0 (callers ask for something), all usages need no more than enabled (invariant 5).
        let raw = unsafe { device.raw.create_buffer(&info, None) }
            .map_err(RenderError::vulkan("creating a buffer"))?;
        Ok(Self {
            raw,
            size,
            address: 0,
            piece: None,
            block: None,
            device: Arc::clone(device),
        })
    }

    fn bind(&mut self, memory: vk::DeviceMemory, offset: u64) -> Result<()> {
        // SAFETY: buffer and memory are of this device, the offset was chosen to the requirements of this buffer, and it
        // was never bound before (both callers have just made it).
        unsafe { self.device.raw.bind_buffer_memory(self.raw, memory, offset) }
            .map_err(RenderError::vulkan("binding a buffer"))?;
        let info = vk::BufferDeviceAddressInfo::default().buffer(self.raw);
        // SAFETY: the buffer is bound, and made with SHADER_DEVICE_ADDRESS.
        self.address = unsafe { self.device.raw.get_buffer_device_address(&info) };
        Ok(())
    }

    /// The bytes of a buffer made with [`Memory::Upload`], to be written while no submitted work reads them
    /// (invariant 6); empty for device memory.
    pub(crate) fn mapped_mut(&mut self) -> &mut [u8] {
        let size = self.size as usize;
        let mapped = self.piece.as_mut().and_then(Piece::mapped_mut);
        mapped.map_or(&mut [], |bytes| &mut bytes[..size])
    }

    /// The bytes of a buffer made with [`Memory::Readback`], once the GPU has written them.
    pub(crate) fn mapped(&self) -> &[u8] {
        let size = self.size as usize;
        let mapped = self.piece.as_ref().and_then(Piece::mapped);
        mapped.map_or(&[], |bytes| &bytes[..size])
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        match self.piece.take() {
            Some(piece) => self.device.discard(Garbage::Buffer(self.raw, piece)),
            // The block goes after it, with the last of its tenants.
            None => self.device.discard(Garbage::PlacedBuffer(self.raw)),
        }
    }
}
