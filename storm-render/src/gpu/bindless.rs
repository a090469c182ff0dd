//! The one descriptor set: arrays of everything that shaders sample, indexed by numbers in buffers.
//!
//! Every slot holds something from the start: reading an empty slot crashes CPU drivers. The set is shared by everything
//! on a device, so slots are handed out here and nowhere else, and a slot that is given back is handed out again only when
//! the GPU can no longer read it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use ash::vk;

use super::{device::Device, image::Image, inputs, pipeline_cache::PipelineCache};
use crate::{
    error::{RenderError, Result},
    shaders::Shader,
};

/// Slots of 2D textures.
pub(crate) const IMAGES_MAX: u32 = 16_384;
/// Slots of samplers: glTF knows 3 × 3 wraps × 2 × 2 × 3 filters.
pub(crate) const SAMPLERS_MAX: u32 = 128;
/// Slots of cube maps: two a renderer.
pub(crate) const CUBES_MAX: u32 = 64;

/// Which array of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Binding {
    Images = 0,
    Samplers = 1,
    Cubes = 2,
}

const ARRAYS: [(Binding, vk::DescriptorType, u32); 3] = [
    (
        Binding::Images,
        vk::DescriptorType::SAMPLED_IMAGE,
        IMAGES_MAX,
    ),
    (Binding::Samplers, vk::DescriptorType::SAMPLER, SAMPLERS_MAX),
    (Binding::Cubes, vk::DescriptorType::SAMPLED_IMAGE, CUBES_MAX),
];

/// Bytes of push constants: what every Vulkan device has.
pub(crate) const PUSH_CONSTANT_BYTES: u32 = 128;

/// Which slots of an array are taken.
#[derive(Default)]
struct Slots {
    /// Given back, with the timeline value after which they may be written again.
    freed: VecDeque<(u64, u32)>,
    /// One past the highest slot that was ever taken.
    end: u32,
}

/// The descriptor set, and the one pipeline layout that goes with it.
pub(crate) struct Bindless {
    pub(crate) set: vk::DescriptorSet,
    pub(crate) layout: vk::PipelineLayout,
    pub(crate) cache: PipelineCache,
    /// Shaders that were compiled while the program runs, in place of those of the crate.
    replaced: HashMap<&'static str, Vec<u8>>,
    set_layout: vk::DescriptorSetLayout,
    /// Of set 1: what a pass reads.
    pub(crate) inputs_layout: vk::DescriptorSetLayout,
    pool: vk::DescriptorPool,
    /// By array.
    slots: [Slots; ARRAYS.len()],
    device: Arc<Device>,
}

impl Bindless {
    /// `cache` is what pipelines of the layout are made with.
    pub(crate) fn new(device: &Arc<Device>, cache: PipelineCache) -> Result<Self> {
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
            cache,
            replaced: HashMap::new(),
            set_layout,
            inputs_layout: vk::DescriptorSetLayout::null(),
            pool: vk::DescriptorPool::null(),
            slots: Default::default(),
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

        this.inputs_layout = inputs::layout(device)?;
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
        let layouts = [set_layout, this.inputs_layout];
        let info = vk::PipelineLayoutCreateInfo::default()
            .set_layouts(&layouts)
            .push_constant_ranges(&ranges);
        // SAFETY: 128 bytes are within every device's limit; the set layout is of this device.
        this.layout = unsafe { device.raw.create_pipeline_layout(&info, None) }
            .map_err(RenderError::vulkan("creating the pipeline layout"))?;
        Ok(this)
    }

    /// The SPIR-V of a shader.
    pub(crate) fn code<'a>(&'a self, shader: Shader<'a>) -> &'a [u8] {
        self.replaced
            .get(shader.name)
            .map_or(shader.spirv, Vec::as_slice)
    }

    /// Has pipelines made from now on use this SPIR-V.
    #[cfg(feature = "hot-reload")]
    pub(crate) fn replace(&mut self, name: &'static str, spirv: Vec<u8>) {
        self.replaced.insert(name, spirv);
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

    /// Takes a free slot of an array and puts an image there.
    pub(crate) fn add_image(&mut self, binding: Binding, image: &Image) -> Result<u32> {
        let slot = self.take(binding)?;
        self.write_images(binding, slot, &[image_info(image)]);
        Ok(slot)
    }

    /// Takes a free slot of an array.
    pub(crate) fn take(&mut self, binding: Binding) -> Result<u32> {
        let completed = self.device.completed()?;
        let limit = ARRAYS[binding as usize].2;
        let slots = &mut self.slots[binding as usize];
        if let Some((value, _)) = slots.freed.front()
            && *value <= completed
            && let Some((_, slot)) = slots.freed.pop_front()
        {
            return Ok(slot);
        }
        if slots.end == limit {
            let what = match binding {
                Binding::Images => "textures",
                Binding::Samplers => "samplers",
                Binding::Cubes => "cube maps",
            };
            return Err(RenderError::OutOfSpace {
                what,
                needed: u64::from(limit) + 1,
                limit: limit.into(),
            });
        }
        slots.end += 1;
        Ok(slots.end - 1)
    }

    /// Gives a slot back; it is handed out again once the GPU cannot read it any more.
    pub(crate) fn free(&mut self, binding: Binding, slot: u32) {
        self.slots[binding as usize]
            .freed
            .push_back((self.device.last_use(), slot));
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
        // The set is used by every frame: wait rather than keep several more kinds of garbage.
        match self.device.wait_idle() {
            Ok(()) | Err(RenderError::DeviceLost(_)) => {}
            Err(error) => {
                tracing::error!(%error, "the device was not idle when its descriptors went");
            }
        }
        // SAFETY: idle; null where it was never made, which destroying ignores.
        unsafe { self.device.raw.destroy_pipeline_layout(self.layout, None) };
        // SAFETY: as above; frees the set.
        unsafe { self.device.raw.destroy_descriptor_pool(self.pool, None) };
        for layout in [self.set_layout, self.inputs_layout] {
            // SAFETY: as above.
            unsafe { self.device.raw.destroy_descriptor_set_layout(layout, None) };
        }
    }
}
