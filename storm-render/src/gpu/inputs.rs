//! What one pass reads and writes beside the bindless set: a small descriptor set of its own.
//!
//! Render targets are never in the bindless arrays, which are bound while targets are drawn to. A set is written once,
//! when its pass gets its images, and never again.

use std::sync::Arc;

use ash::vk;

use super::{
    bindless::Bindless,
    device::{Device, Garbage},
};
use crate::error::{RenderError, Result};

/// Images that a pass can sample: bindings 0 and on.
pub(crate) const INPUTS_MAX: u32 = 8;

/// The binding of the image that a pass writes from compute shaders.
pub(crate) const WRITTEN: u32 = INPUTS_MAX;

/// A descriptor set with the images that a pass samples, and the one that it writes.
pub(crate) struct Inputs {
    pub(crate) set: vk::DescriptorSet,
    pool: vk::DescriptorPool,
    device: Arc<Device>,
}

/// The layout of all such sets.
pub(super) fn layout(device: &Device) -> Result<vk::DescriptorSetLayout> {
    let bindings: Vec<_> = (0..INPUTS_MAX)
        .map(|binding| {
            vk::DescriptorSetLayoutBinding::default()
                .binding(binding)
                .descriptor_type(vk::DescriptorType::SAMPLED_IMAGE)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::FRAGMENT | vk::ShaderStageFlags::COMPUTE)
        })
        .chain([vk::DescriptorSetLayoutBinding::default()
            .binding(WRITTEN)
            .descriptor_type(vk::DescriptorType::STORAGE_IMAGE)
            .descriptor_count(1)
            .stage_flags(vk::ShaderStageFlags::COMPUTE)])
        .collect();
    let flags = vec![vk::DescriptorBindingFlags::PARTIALLY_BOUND; bindings.len()];
    let mut flags = vk::DescriptorSetLayoutBindingFlagsCreateInfo::default().binding_flags(&flags);
    let info = vk::DescriptorSetLayoutCreateInfo::default()
        .bindings(&bindings)
        .push_next(&mut flags);
    // SAFETY: partially bound descriptors are a required feature (invariant 5); invariant 4.
    unsafe { device.raw.create_descriptor_set_layout(&info, None) }
        .map_err(RenderError::vulkan("creating the layout of pass inputs"))
}

impl Inputs {
    /// A set of these views by binding: all in `SHADER_READ_ONLY_OPTIMAL` when they are read, but the one at [`WRITTEN`], which is
    /// in `GENERAL`.
    pub(crate) fn new(
        device: &Arc<Device>,
        bindless: &Bindless,
        views: &[(u32, vk::ImageView)],
    ) -> Result<Self> {
        assert!(
            views.iter().all(|(binding, _)| *binding <= WRITTEN),
            "a pass has few inputs"
        );
        let sizes = [
            vk::DescriptorPoolSize::default()
                .ty(vk::DescriptorType::SAMPLED_IMAGE)
                .descriptor_count(INPUTS_MAX),
            vk::DescriptorPoolSize::default()
                .ty(vk::DescriptorType::STORAGE_IMAGE)
                .descriptor_count(1),
        ];
        let info = vk::DescriptorPoolCreateInfo::default()
            .max_sets(1)
            .pool_sizes(&sizes);
        // SAFETY: no condition beyond a live device; invariant 4.
        let pool = unsafe { device.raw.create_descriptor_pool(&info, None) }
            .map_err(RenderError::vulkan("creating a descriptor pool"))?;
        let mut this = Self {
            set: vk::DescriptorSet::null(),
            pool,
            device: Arc::clone(device),
        };
        let layouts = [bindless.inputs_layout];
        let info = vk::DescriptorSetAllocateInfo::default()
            .descriptor_pool(pool)
            .set_layouts(&layouts);
        // SAFETY: the pool was made for exactly this one set.
        let sets = unsafe { device.raw.allocate_descriptor_sets(&info) }
            .map_err(RenderError::vulkan("allocating the inputs of a pass"))?;
        this.set = sets[0];
        let infos: Vec<_> = views
            .iter()
            .map(|&(binding, view)| {
                [vk::DescriptorImageInfo::default()
                    .image_view(view)
                    .image_layout(if binding == WRITTEN {
                        vk::ImageLayout::GENERAL
                    } else {
                        vk::ImageLayout::SHADER_READ_ONLY_OPTIMAL
                    })]
            })
            .collect();
        let writes: Vec<_> = views
            .iter()
            .zip(&infos)
            .map(|((binding, _), info)| {
                vk::WriteDescriptorSet::default()
                    .dst_set(this.set)
                    .dst_binding(*binding)
                    .descriptor_type(if *binding == WRITTEN {
                        vk::DescriptorType::STORAGE_IMAGE
                    } else {
                        vk::DescriptorType::SAMPLED_IMAGE
                    })
                    .image_info(info)
            })
            .collect();
        // SAFETY: the set is new, so nothing uses it yet; the views are alive, and stay so with the plan that owns both.
        unsafe { device.raw.update_descriptor_sets(&writes, &[]) };
        Ok(this)
    }
}

impl Drop for Inputs {
    fn drop(&mut self) {
        self.device.discard(Garbage::DescriptorPool(self.pool));
    }
}
