//! Images with one view, and samplers.

use std::sync::Arc;

use ash::vk;
use gpu_allocator::{
    MemoryLocation,
    vulkan::{Allocation, AllocationCreateDesc, AllocationScheme},
};

use super::device::{Device, Garbage};
use crate::error::{RenderError, Result};

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
    /// `None` only while dropping.
    allocation: Option<Allocation>,
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

impl Image {
    pub(crate) fn new(device: &Arc<Device>, desc: ImageDesc) -> Result<Self> {
        let limit = device.adapter.limits.max_image_dimension2_d;
        if desc.width == 0 || desc.height == 0 || desc.width > limit || desc.height > limit {
            return Err(RenderError::Size {
                width: desc.width,
                height: desc.height,
                limit,
            });
        }
        let layers = if desc.cube { 6 } else { 1 };
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
            .array_layers(layers)
            .samples(desc.samples)
            .tiling(vk::ImageTiling::OPTIMAL)
            .usage(desc.usage)
            .initial_layout(vk::ImageLayout::UNDEFINED);
        // SAFETY: the extent is within limits (above); the formats in use are ones every Vulkan device supports so.
        let raw = unsafe { device.raw.create_image(&info, None) }
            .map_err(RenderError::vulkan("creating an image"))?;
        // SAFETY: made by this device just now.
        let requirements = unsafe { device.raw.get_image_memory_requirements(raw) };
        let allocation = device.with_allocator(|allocator| {
            allocator.allocate(&AllocationCreateDesc {
                name: desc.what,
                requirements,
                location: MemoryLocation::GpuOnly,
                linear: false,
                allocation_scheme: AllocationScheme::GpuAllocatorManaged,
            })
        });
        let allocation = match allocation {
            Ok(allocation) => allocation,
            Err(source) => {
                // SAFETY: made above and never used.
                unsafe { device.raw.destroy_image(raw, None) };
                return Err(RenderError::Memory {
                    what: desc.what,
                    source,
                });
            }
        };
        // SAFETY: the memory is only bound, at an offset that the allocator chose to the requirements.
        let memory = unsafe { allocation.memory() };
        // SAFETY: image and memory are of this device, and the image was never bound before.
        let bound = unsafe {
            device
                .raw
                .bind_image_memory(raw, memory, allocation.offset())
        };
        let mut image = Self {
            raw,
            view: vk::ImageView::null(),
            desc,
            allocation: Some(allocation),
            device: Arc::clone(device),
        };
        bound.map_err(RenderError::vulkan("binding an image"))?;
        let range = vk::ImageSubresourceRange {
            aspect_mask: aspect_of(desc.format),
            base_mip_level: 0,
            level_count: desc.mip_levels,
            base_array_layer: 0,
            layer_count: layers,
        };
        let info = vk::ImageViewCreateInfo::default()
            .image(raw)
            .view_type(if desc.cube {
                vk::ImageViewType::CUBE
            } else {
                vk::ImageViewType::TYPE_2D
            })
            .format(desc.format)
            .subresource_range(range);
        // SAFETY: the image is bound, and the view is of its own format and whole range.
        image.view = unsafe { device.raw.create_image_view(&info, None) }
            .map_err(RenderError::vulkan("creating an image view"))?;
        Ok(image)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.view != vk::ImageView::null() {
            self.device.discard(Garbage::ImageView(self.view));
        }
        if let Some(allocation) = self.allocation.take() {
            self.device.discard(Garbage::Image(self.raw, allocation));
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
