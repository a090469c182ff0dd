//! The one descriptor set: arrays of everything that shaders sample, indexed by numbers in buffers.
//!
//! Every slot holds something from the start: reading an empty slot crashes CPU drivers. Slots are written again only
//! when the GPU can no longer read them: the owner of a slot frees it through [`Bindless::free_image`], which holds it
//! back until the timeline has passed.

use std::{collections::VecDeque, sync::Arc};

use ash::vk;

use super::{device::Device, image::Image};
use crate::error::{RenderError, Result};

/// Slots of 2D textures.
pub(crate) const IMAGES_MAX: u32 = 16_384;
/// Slots of samplers: glTF knows 3 × 3 wraps × 2 × 2 × 3 filters.
pub(crate) const SAMPLERS_MAX: u32 = 128;
/// Slots of cube maps.
pub(crate) const CUBES_MAX: u32 = 4;
/// Slots of multisampled render targets.
pub(crate) const TARGETS_MAX: u32 = 4;

/// Which array of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Binding {
    Images = 0,
    Samplers = 1,
    Cubes = 2,
    Targets = 3,
}

const ARRAYS: [(Binding, vk::DescriptorType, u32); 4] = [
    (
        Binding::Images,
        vk::DescriptorType::SAMPLED_IMAGE,
        IMAGES_MAX,
    ),
    (Binding::Samplers, vk::DescriptorType::SAMPLER, SAMPLERS_MAX),
    (Binding::Cubes, vk::DescriptorType::SAMPLED_IMAGE, CUBES_MAX),
    (
        Binding::Targets,
        vk::DescriptorType::SAMPLED_IMAGE,
        TARGETS_MAX,
    ),
];

/// Bytes of push constants: what every Vulkan device has.
pub(crate) const PUSH_CONSTANT_BYTES: u32 = 128;

/// The descriptor set, and the one pipeline layout that goes with it.
pub(crate) struct Bindless {
    pub(crate) set: vk::DescriptorSet,
    pub(crate) layout: vk::PipelineLayout,
    set_layout: vk::DescriptorSetLayout,
    pool: vk::DescriptorPool,
    /// Image slots given back, with the timeline value after which they may be written again.
    freed: VecDeque<(u64, u32)>,
    images_used: u32,
    device: Arc<Device>,
}

impl Bindless {
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        let bindings = ARRAYS.map(|(binding, kind, count)| {
            vk::DescriptorSetLayoutBinding::default()
                .binding(binding as u32)
                .descriptor_type(kind)
                .descriptor_count(count)
                .stage_flags(vk::ShaderStageFlags::ALL)
        });
        // The feature for sampled images covers samplers too.
        let changing = vk::DescriptorBindingFlags::PARTIALLY_BOUND
            | vk::DescriptorBindingFlags::UPDATE_AFTER_BIND
            | vk::DescriptorBindingFlags::UPDATE_UNUSED_WHILE_PENDING;
        let flags = ARRAYS.map(|_| changing);
        let mut flags =
            vk::DescriptorSetLayoutBindingFlagsCreateInfo::default().binding_flags(&flags);
        let info = vk::DescriptorSetLayoutCreateInfo::default()
            .flags(vk::DescriptorSetLayoutCreateFlags::UPDATE_AFTER_BIND_POOL)
            .bindings(&bindings)
            .push_next(&mut flags);
        // SAFETY: the binding flags are required features (invariant 5); invariant 4.
        let set_layout = unsafe { device.raw.create_descriptor_set_layout(&info, None) }
            .map_err(RenderError::vulkan("creating the descriptor set layout"))?;
        let mut this = Self {
            set: vk::DescriptorSet::null(),
            layout: vk::PipelineLayout::null(),
            set_layout,
            pool: vk::DescriptorPool::null(),
            freed: VecDeque::new(),
            images_used: 0,
            device: Arc::clone(device),
        };

        let sizes = ARRAYS.map(|(_, kind, count)| {
            vk::DescriptorPoolSize::default()
                .ty(kind)
                .descriptor_count(count)
        });
        let info = vk::DescriptorPoolCreateInfo::default()
            .flags(vk::DescriptorPoolCreateFlags::UPDATE_AFTER_BIND)
            .max_sets(1)
            .pool_sizes(&sizes);
        // SAFETY: as above.
        this.pool = unsafe { device.raw.create_descriptor_pool(&info, None) }
            .map_err(RenderError::vulkan("creating the descriptor pool"))?;

        let layouts = [set_layout];
        let info = vk::DescriptorSetAllocateInfo::default()
            .descriptor_pool(this.pool)
            .set_layouts(&layouts);
        // SAFETY: the pool was made for exactly this one set.
        let sets = unsafe { device.raw.allocate_descriptor_sets(&info) }
            .map_err(RenderError::vulkan("allocating the descriptor set"))?;
        this.set = sets[0];

        let ranges = [vk::PushConstantRange {
            stage_flags: vk::ShaderStageFlags::ALL,
            offset: 0,
            size: PUSH_CONSTANT_BYTES,
        }];
        let info = vk::PipelineLayoutCreateInfo::default()
            .set_layouts(&layouts)
            .push_constant_ranges(&ranges);
        // SAFETY: 128 bytes are within every device's limit; the set layout is of this device.
        this.layout = unsafe { device.raw.create_pipeline_layout(&info, None) }
            .map_err(RenderError::vulkan("creating the pipeline layout"))?;
        Ok(this)
    }

    /// Fills all slots of an array with one image.
    pub(crate) fn fill(&mut self, binding: Binding, image: &Image) {
        let count = ARRAYS[binding as usize].2;
        let infos = vec![image_info(image); count as usize];
        self.write_images(binding, 0, &infos);
    }

    /// Fills all sampler slots with one sampler.
    pub(crate) fn fill_samplers(&mut self, sampler: vk::Sampler) {
        let infos =
            vec![vk::DescriptorImageInfo::default().sampler(sampler); SAMPLERS_MAX as usize];
        self.write(vk::DescriptorType::SAMPLER, Binding::Samplers, 0, &infos);
    }

    pub(crate) fn set_sampler(&mut self, slot: u32, sampler: vk::Sampler) {
        let info = [vk::DescriptorImageInfo::default().sampler(sampler)];
        self.write(vk::DescriptorType::SAMPLER, Binding::Samplers, slot, &info);
    }

    pub(crate) fn set_image(&mut self, binding: Binding, slot: u32, image: &Image) {
        self.write_images(binding, slot, &[image_info(image)]);
    }

    /// A free slot for a 2D texture.
    pub(crate) fn allocate_image(&mut self) -> Result<u32> {
        let completed = self.device.completed()?;
        if let Some((value, _)) = self.freed.front()
            && *value <= completed
            && let Some((_, slot)) = self.freed.pop_front()
        {
            return Ok(slot);
        }
        if self.images_used == IMAGES_MAX {
            let limit = u64::from(IMAGES_MAX);
            return Err(RenderError::OutOfSpace {
                what: "textures",
                needed: limit + 1,
                limit,
            });
        }
        self.images_used += 1;
        Ok(self.images_used - 1)
    }

    /// Gives a slot back; it is handed out again once the GPU cannot read it any more.
    pub(crate) fn free_image(&mut self, slot: u32) {
        self.freed.push_back((self.device.next_value(), slot));
    }

    fn write_images(&mut self, binding: Binding, slot: u32, infos: &[vk::DescriptorImageInfo]) {
        self.write(vk::DescriptorType::SAMPLED_IMAGE, binding, slot, infos);
    }

    fn write(
        &mut self,
        kind: vk::DescriptorType,
        binding: Binding,
        slot: u32,
        infos: &[vk::DescriptorImageInfo],
    ) {
        debug_assert!(
            slot + infos.len() as u32 <= ARRAYS[binding as usize].2,
            "slots are within their array"
        );
        let writes = [vk::WriteDescriptorSet::default()
            .dst_set(self.set)
            .dst_binding(binding as u32)
            .dst_array_element(slot)
            .descriptor_type(kind)
            .image_info(infos)];
        // SAFETY: set, views and samplers are alive; slots in use by the GPU are not written (module docs), which
        // UPDATE_UNUSED_WHILE_PENDING allows while frames are in flight.
        unsafe { self.device.raw.update_descriptor_sets(&writes, &[]) };
    }
}

fn image_info(image: &Image) -> vk::DescriptorImageInfo {
    vk::DescriptorImageInfo::default()
        .image_view(image.view)
        .image_layout(vk::ImageLayout::SHADER_READ_ONLY_OPTIMAL)
}

impl Drop for Bindless {
    fn drop(&mut self) {
        // The set is used by every frame: wait rather than keep four more kinds of garbage.
        if let Err(error) = self.device.wait_idle() {
            tracing::error!(%error, "the device was not idle when its descriptors went");
        }
        // SAFETY: idle; null where it was never made, which destroying ignores.
        unsafe { self.device.raw.destroy_pipeline_layout(self.layout, None) };
        // SAFETY: as above; frees the set.
        unsafe { self.device.raw.destroy_descriptor_pool(self.pool, None) };
        // SAFETY: as above.
        unsafe {
            self.device
                .raw
                .destroy_descriptor_set_layout(self.set_layout, None)
        };
    }
}
