//! Barriers: what has to be done and seen before what comes next.

use ash::vk;

use super::Recorder;
use crate::{gpu::image::aspect_of, graph::Scope};

/// A place in the pipeline and what is done to memory there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) stage: vk::PipelineStageFlags2,
    pub(crate) access: vk::AccessFlags2,
}

impl Access {
    pub(crate) const NONE: Self = Self {
        stage: vk::PipelineStageFlags2::NONE,
        access: vk::AccessFlags2::NONE,
    };
    pub(crate) const COPY_READ: Self = Self {
        stage: vk::PipelineStageFlags2::ALL_TRANSFER,
        access: vk::AccessFlags2::TRANSFER_READ,
    };
    pub(crate) const COPY_WRITE: Self = Self {
        stage: vk::PipelineStageFlags2::ALL_TRANSFER,
        access: vk::AccessFlags2::TRANSFER_WRITE,
    };
    pub(crate) const COMPUTE_WRITE: Self = Self {
        stage: vk::PipelineStageFlags2::COMPUTE_SHADER,
        access: vk::AccessFlags2::SHADER_STORAGE_WRITE,
    };
    pub(crate) const COMPUTE_READ: Self = Self {
        stage: vk::PipelineStageFlags2::COMPUTE_SHADER,
        access: vk::AccessFlags2::SHADER_READ,
    };
    pub(crate) const FRAGMENT_READ: Self = Self {
        stage: vk::PipelineStageFlags2::FRAGMENT_SHADER,
        access: vk::AccessFlags2::SHADER_READ,
    };
    pub(crate) const FRAGMENT_WRITE: Self = Self {
        stage: vk::PipelineStageFlags2::FRAGMENT_SHADER,
        access: vk::AccessFlags2::from_raw(
            vk::AccessFlags2::SHADER_READ.as_raw()
                | vk::AccessFlags2::SHADER_STORAGE_WRITE.as_raw(),
        ),
    };
    /// Only where the device has mesh shaders.
    pub(crate) const MESH_READ: Self = Self {
        stage: vk::PipelineStageFlags2::MESH_SHADER_EXT,
        access: vk::AccessFlags2::SHADER_READ,
    };
    /// All that draws read: indices, indirect commands, and buffers by address in any shader.
    pub(crate) const DRAW_READ: Self = Self {
        stage: vk::PipelineStageFlags2::from_raw(
            vk::PipelineStageFlags2::DRAW_INDIRECT.as_raw()
                | vk::PipelineStageFlags2::INDEX_INPUT.as_raw()
                | vk::PipelineStageFlags2::VERTEX_SHADER.as_raw()
                | vk::PipelineStageFlags2::FRAGMENT_SHADER.as_raw()
                | vk::PipelineStageFlags2::COMPUTE_SHADER.as_raw(),
        ),
        access: vk::AccessFlags2::from_raw(
            vk::AccessFlags2::INDIRECT_COMMAND_READ.as_raw()
                | vk::AccessFlags2::INDEX_READ.as_raw()
                | vk::AccessFlags2::SHADER_READ.as_raw(),
        ),
    };

    /// Both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            stage: vk::PipelineStageFlags2::from_raw(self.stage.as_raw() | other.stage.as_raw()),
            access: vk::AccessFlags2::from_raw(self.access.as_raw() | other.access.as_raw()),
        }
    }
}
/// Levels and layers of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Levels {
    pub(crate) base: u32,
    pub(crate) count: u32,
}

impl Levels {
    pub(crate) const ALL: Self = Self {
        base: 0,
        count: vk::REMAINING_MIP_LEVELS,
    };

    pub(crate) const fn one(level: u32) -> Self {
        Self {
            base: level,
            count: 1,
        }
    }
}

/// A barrier of a whole image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageBarrier {
    pub(crate) image: vk::Image,
    pub(crate) format: vk::Format,
    pub(crate) from: Scope,
    pub(crate) to: Scope,
    pub(crate) old: vk::ImageLayout,
    pub(crate) new: vk::ImageLayout,
}

impl Recorder {
    /// Makes all memory written before available to what comes after.
    pub(crate) fn memory_barrier(&mut self, from: Access, to: Access) {
        let barriers = [vk::MemoryBarrier2::default()
            .src_stage_mask(from.stage)
            .src_access_mask(from.access)
            .dst_stage_mask(to.stage)
            .dst_access_mask(to.access)];
        let info = vk::DependencyInfo::default().memory_barriers(&barriers);
        // SAFETY: recording; synchronization2 is on (invariant 5).
        unsafe { self.device.raw.cmd_pipeline_barrier2(self.buffer, &info) };
    }

    /// Changes the layout of levels of an image, between two accesses.
    pub(crate) fn image_barrier(
        &mut self,
        (image, format): (vk::Image, vk::Format),
        levels: Levels,
        (from, old): (Access, vk::ImageLayout),
        (to, new): (Access, vk::ImageLayout),
    ) {
        let range = vk::ImageSubresourceRange {
            aspect_mask: aspect_of(format),
            base_mip_level: levels.base,
            level_count: levels.count,
            base_array_layer: 0,
            layer_count: vk::REMAINING_ARRAY_LAYERS,
        };
        let barriers = [vk::ImageMemoryBarrier2::default()
            .src_stage_mask(from.stage)
            .src_access_mask(from.access)
            .dst_stage_mask(to.stage)
            .dst_access_mask(to.access)
            .old_layout(old)
            .new_layout(new)
            .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
            .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
            .image(image)
            .subresource_range(range)];
        let info = vk::DependencyInfo::default().image_memory_barriers(&barriers);
        // SAFETY: recording; the image is alive until the timeline passes (invariant 2).
        unsafe { self.device.raw.cmd_pipeline_barrier2(self.buffer, &info) };
    }

    /// All barriers that a pass of a graph waits for, at once: one for memory as a whole, and one for each image.
    pub(crate) fn barriers(&mut self, memory: Option<(Scope, Scope)>, images: &[ImageBarrier]) {
        let memory: Vec<_> = memory
            .map(|(from, to)| {
                vk::MemoryBarrier2::default()
                    .src_stage_mask(from.stage)
                    .src_access_mask(from.access)
                    .dst_stage_mask(to.stage)
                    .dst_access_mask(to.access)
            })
            .into_iter()
            .collect();
        let images: Vec<_> = images
            .iter()
            .map(|barrier| {
                let ImageBarrier {
                    image,
                    format,
                    from,
                    to,
                    old,
                    new,
                } = *barrier;
                vk::ImageMemoryBarrier2::default()
                    .src_stage_mask(from.stage)
                    .src_access_mask(from.access)
                    .dst_stage_mask(to.stage)
                    .dst_access_mask(to.access)
                    .old_layout(old)
                    .new_layout(new)
                    .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
                    .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
                    .image(image)
                    .subresource_range(vk::ImageSubresourceRange {
                        aspect_mask: aspect_of(format),
                        base_mip_level: 0,
                        level_count: vk::REMAINING_MIP_LEVELS,
                        base_array_layer: 0,
                        layer_count: vk::REMAINING_ARRAY_LAYERS,
                    })
            })
            .collect();
        if memory.is_empty() && images.is_empty() {
            return;
        }
        let info = vk::DependencyInfo::default()
            .memory_barriers(&memory)
            .image_memory_barriers(&images);
        // SAFETY: recording outside a render pass; the images are alive until the timeline passes (invariant 2).
        unsafe { self.device.raw.cmd_pipeline_barrier2(self.buffer, &info) };
    }
}
