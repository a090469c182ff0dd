//! Images with one view, and samplers.

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

/// What an image is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageDesc {
    /// For the allocator's report.
    pub(crate) what: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) format: vk::Format,
    pub(crate) usage: vk::ImageUsageFlags,
    pub(crate) mip_levels: u32,
    pub(crate) samples: vk::SampleCountFlags,
    /// Six layers, seen as a cube.
    pub(crate) cube: bool,
}

/// An image with its memory and a view of all of it.
pub(crate) struct Image {
    pub(crate) raw: vk::Image,
    pub(crate) view: vk::ImageView,
    pub(crate) desc: ImageDesc,
    /// `None` while dropping, and where the memory is shared.
    piece: Option<Piece>,
    /// Memory that it is placed in.
    block: Option<Arc<MemoryBlock>>,
    device: Arc<Device>,
}

/// Levels of a full mip chain.
pub(crate) const fn mip_levels(width: u32, height: u32) -> u32 {
    let side = if width > height { width } else { height };
    u32::BITS - side.leading_zeros()
}

pub(crate) fn aspect_of(format: vk::Format) -> vk::ImageAspectFlags {
    if format == vk::Format::D32_SFLOAT {
        vk::ImageAspectFlags::DEPTH
    } else {
        vk::ImageAspectFlags::COLOR
    }
}

/// How an image of this description is made. The families are those that share it, where several do.
fn create_info<'a>(desc: &ImageDesc, families: &'a [u32]) -> vk::ImageCreateInfo<'a> {
    let info = vk::ImageCreateInfo::default()
        .flags(if desc.cube {
            vk::ImageCreateFlags::CUBE_COMPATIBLE
        } else {
            vk::ImageCreateFlags::empty()
        })
        .image_type(vk::ImageType::TYPE_2D)
        .format(desc.format)
        .extent(vk::Extent3D {
            width: desc.width,
            height: desc.height,
            depth: 1,
        })
        .mip_levels(desc.mip_levels)
        .array_layers(layers(desc))
        .samples(desc.samples)
        .tiling(vk::ImageTiling::OPTIMAL)
        .usage(desc.usage)
        .initial_layout(vk::ImageLayout::UNDEFINED);
    if families.len() > 1 {
        info.sharing_mode(vk::SharingMode::CONCURRENT)
            .queue_family_indices(families)
    } else {
        info
    }
}

fn layers(desc: &ImageDesc) -> u32 {
    if desc.cube { 6 } else { 1 }
}

impl Image {
    /// An image with memory of its own.
    pub(crate) fn new(device: &Arc<Device>, desc: ImageDesc) -> Result<Self> {
        let mut image = Self::unbound(device, desc, &[])?;
        // SAFETY: made by this device just now.
        let requirements = unsafe { device.raw.get_image_memory_requirements(image.raw) };
        let piece = device.with_pools(|pools| {
            pools.allocate(&Wanted {
                what: desc.what,
                requirements,
                location: MemoryLocation::GpuOnly,
                linear: false,
                lifetime: Lifetime::Permanent,
            })
        })?;
        let (memory, offset) = piece.raw();
        image.piece = Some(piece);
        image.bind(memory, offset)?;
        Ok(image)
    }

    /// What memory an image of this description needs, without making it.
    pub(crate) fn requirements(device: &Device, desc: &ImageDesc) -> Requirements {
        let info = create_info(desc, device.families());
        let query = vk::DeviceImageMemoryRequirements::default().create_info(&info);
        let mut found = vk::MemoryRequirements2::default();
        // SAFETY: maintenance4 is on (invariant 5); invariant 4.
        unsafe {
            device
                .raw
                .get_device_image_memory_requirements(&query, &mut found)
        };
        found.memory_requirements.into()
    }

    /// An image in memory that others use in turn (invariant 7); all queues may use it.
    pub(crate) fn placed(
        device: &Arc<Device>,
        desc: ImageDesc,
        block: &Arc<MemoryBlock>,
        offset: u64,
    ) -> Result<Self> {
        let mut image = Self::unbound(device, desc, device.families())?;
        let (memory, start) = block.raw();
        image.block = Some(Arc::clone(block));
        image.bind(memory, start + offset)?;
        Ok(image)
    }

    fn unbound(device: &Arc<Device>, desc: ImageDesc, families: &[u32]) -> Result<Self> {
        let limit = device.adapter.limits.max_image_dimension2_d;
        if desc.width == 0 || desc.height == 0 || desc.width > limit || desc.height > limit {
            return Err(RenderError::Size {
                width: desc.width,
                height: desc.height,
                limit,
            });
        }
        let info = create_info(&desc, families);
        // SAFETY: the extent is within limits (above); the formats in use are ones every Vulkan device supports so.
        let raw = unsafe { device.raw.create_image(&info, None) }
            .map_err(RenderError::vulkan("creating an image"))?;
        Ok(Self {
            raw,
            view: vk::ImageView::null(),
            desc,
            piece: None,
            block: None,
            device: Arc::clone(device),
        })
    }

    fn bind(&mut self, memory: vk::DeviceMemory, offset: u64) -> Result<()> {
        let desc = &self.desc;
        // SAFETY: image and memory are of this device, the offset was chosen to the requirements of this image, and it
        // was never bound before (both callers have just made it).
        unsafe { self.device.raw.bind_image_memory(self.raw, memory, offset) }
            .map_err(RenderError::vulkan("binding an image"))?;
        let range = vk::ImageSubresourceRange {
            aspect_mask: aspect_of(desc.format),
            base_mip_level: 0,
            level_count: desc.mip_levels,
            base_array_layer: 0,
            layer_count: layers(desc),
        };
        let info = vk::ImageViewCreateInfo::default()
            .image(self.raw)
            .view_type(if desc.cube {
                vk::ImageViewType::CUBE
            } else {
                vk::ImageViewType::TYPE_2D
            })
            .format(desc.format)
            .subresource_range(range);
        // SAFETY: the image is bound, and the view is of its own format and whole range.
        self.view = unsafe { self.device.raw.create_image_view(&info, None) }
            .map_err(RenderError::vulkan("creating an image view"))?;
        Ok(())
    }
}

impl From<vk::MemoryRequirements> for Requirements {
    fn from(found: vk::MemoryRequirements) -> Self {
        Self {
            size: found.size,
            alignment: found.alignment,
            types: found.memory_type_bits,
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.view != vk::ImageView::null() {
            self.device.discard(Garbage::ImageView(self.view));
        }
        match self.piece.take() {
            Some(piece) => self.device.discard(Garbage::Image(self.raw, piece)),
            // The block goes after it, with the last of its tenants.
            None => self.device.discard(Garbage::PlacedImage(self.raw)),
        }
    }
}

/// A sampler.
pub(crate) struct Sampler {
    pub(crate) raw: vk::Sampler,
    device: Arc<Device>,
}

impl Sampler {
    pub(crate) fn new(device: &Arc<Device>, info: &vk::SamplerCreateInfo<'_>) -> Result<Self> {
        // SAFETY: callers take limits and anisotropy from the adapter (invariant 5).
        let raw = unsafe { device.raw.create_sampler(info, None) }
            .map_err(RenderError::vulkan("creating a sampler"))?;
        Ok(Self {
            raw,
            device: Arc::clone(device),
        })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.device.discard(Garbage::Sampler(self.raw));
    }
}
