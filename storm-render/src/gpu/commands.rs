//! Recording commands: a pool with one buffer, reused when the GPU has finished with it.

use std::sync::Arc;

use ash::vk;

use super::{
    bindless::{Bindless, PUSH_CONSTANT_BYTES},
    buffer::Buffer,
    device::{Device, Garbage, Part, Submission},
    image::{Image, aspect_of},
    inputs::Inputs,
    pipeline::Pipeline,
    query::{STAMPS_MAX, Stamps},
};
use crate::{
    error::{RenderError, Result},
    graph::{Queue, Scope},
};

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

/// Bytes of a draw command.
pub(crate) const COMMAND_BYTES: u32 = size_of::<vk::DrawIndexedIndirectCommand>() as u32;

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

/// One attachment of a render pass.
pub(crate) struct Attachment {
    pub(crate) view: vk::ImageView,
    /// `None` keeps what is there.
    pub(crate) clear: Option<vk::ClearValue>,
    /// Whether the contents are needed afterwards.
    pub(crate) store: bool,
}

/// A command pool with one command buffer.
pub(crate) struct Recorder {
    queue: Queue,
    /// Whether its queue can draw.
    draws: bool,
    pool: vk::CommandPool,
    buffer: vk::CommandBuffer,
    /// The timeline value of its last submission; 0 before the first.
    submitted: u64,
    /// Begun and not yet submitted.
    open: bool,
    device: Arc<Device>,
}

impl Recorder {
    /// A recorder for the queue that draws.
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        Self::for_queue(device, Queue::Graphics)
    }

    /// A recorder for a queue; for the one that there is, where there is no other.
    pub(crate) fn for_queue(device: &Arc<Device>, queue: Queue) -> Result<Self> {
        let drawing = device.adapter.queue_family;
        let family = match queue {
            Queue::Graphics => drawing,
            Queue::Compute => device.adapter.compute_family.unwrap_or(drawing),
        };
        let info = vk::CommandPoolCreateInfo::default()
            .flags(vk::CommandPoolCreateFlags::TRANSIENT)
            .queue_family_index(family);
        // SAFETY: the family is one of those the device was made with.
        let pool = unsafe { device.raw.create_command_pool(&info, None) }
            .map_err(RenderError::vulkan("creating a command pool"))?;
        let mut recorder = Self {
            queue,
            draws: family == drawing,
            pool,
            buffer: vk::CommandBuffer::null(),
            submitted: 0,
            open: false,
            device: Arc::clone(device),
        };
        let info = vk::CommandBufferAllocateInfo::default()
            .command_pool(pool)
            .command_buffer_count(1);
        // SAFETY: the pool was made above.
        let buffers = unsafe { device.raw.allocate_command_buffers(&info) }
            .map_err(RenderError::vulkan("allocating a command buffer"))?;
        recorder.buffer = buffers[0];
        Ok(recorder)
    }

    /// The timeline value of the last submission; 0 before the first.
    pub(crate) fn submitted(&self) -> u64 {
        self.submitted
    }

    /// Waits for the last submission and starts afresh, with the descriptor set bound.
    pub(crate) fn begin(&mut self, bindless: &Bindless) -> Result<()> {
        self.device.wait(self.submitted)?;
        // SAFETY: the GPU is done with it (waited for above), and `&mut self` is the only user (invariant 3).
        unsafe {
            self.device
                .raw
                .reset_command_pool(self.pool, vk::CommandPoolResetFlags::empty())
        }
        .map_err(RenderError::vulkan("resetting a command pool"))?;
        let info = vk::CommandBufferBeginInfo::default()
            .flags(vk::CommandBufferUsageFlags::ONE_TIME_SUBMIT);
        // SAFETY: reset above, so it is not recording or pending.
        unsafe { self.device.raw.begin_command_buffer(self.buffer, &info) }
            .map_err(RenderError::vulkan("beginning a command buffer"))?;
        if !std::mem::replace(&mut self.open, true) {
            self.device.recording();
        }
        for bind_point in self.bind_points() {
            let sets = [bindless.set];
            // SAFETY: recording (above); set and layout are of one another.
            unsafe {
                self.device.raw.cmd_bind_descriptor_sets(
                    self.buffer,
                    bind_point,
                    bindless.layout,
                    0,
                    &sets,
                    &[],
                );
            }
        }
        Ok(())
    }

    /// The kinds of pipelines that its queue runs.
    fn bind_points(&self) -> impl Iterator<Item = vk::PipelineBindPoint> + use<> {
        let drawing = self.draws.then_some(vk::PipelineBindPoint::GRAPHICS);
        std::iter::once(vk::PipelineBindPoint::COMPUTE).chain(drawing)
    }

    /// The queue that it is for.
    pub(crate) fn queue(&self) -> Queue {
        self.queue
    }

    /// Ends and submits the last part of a frame, or all of it; gives the timeline value that it signals.
    pub(crate) fn submit(&mut self, submission: Submission<'_>) -> Result<u64> {
        self.end()?;
        let submitted = self.device.submit(self.buffer, submission);
        self.close();
        self.submitted = submitted?;
        Ok(self.submitted)
    }

    /// Ends and submits another part of a frame, which the timeline passes with the last part: see [`Self::part_of`].
    pub(crate) fn submit_part(&mut self, submission: Submission<'_>) -> Result<Part> {
        self.end()?;
        // Until the last part is submitted the frame counts as being recorded: `part_of` closes it.
        self.device.submit_part(self.queue, self.buffer, submission)
    }

    /// Says with which timeline value the frame of a part ends.
    pub(crate) fn part_of(&mut self, value: u64) {
        self.close();
        self.submitted = value;
    }

    fn end(&mut self) -> Result<()> {
        // SAFETY: recording since `begin`; no render pass is open (`end_rendering` closes each).
        unsafe { self.device.raw.end_command_buffer(self.buffer) }
            .map_err(RenderError::vulkan("ending a command buffer"))
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.device.recorded();
        }
    }

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

    /// Binds what a pass samples, for both kinds of pipelines.
    pub(crate) fn bind_inputs(&mut self, bindless: &Bindless, inputs: &Inputs) {
        for bind_point in self.bind_points() {
            let sets = [inputs.set];
            // SAFETY: recording; the set is of the layout's set 1 and alive until the timeline passes (invariant 2).
            unsafe {
                self.device.raw.cmd_bind_descriptor_sets(
                    self.buffer,
                    bind_point,
                    bindless.layout,
                    1,
                    &sets,
                    &[],
                );
            }
        }
    }

    /// Readies stamps to be written.
    pub(crate) fn reset_stamps(&mut self, stamps: &Stamps) {
        // SAFETY: recording outside a render pass; the pool has so many queries, and the frame that last wrote them is done
        // (the recorder's `begin` waited for it).
        unsafe {
            self.device
                .raw
                .cmd_reset_query_pool(self.buffer, stamps.raw, 0, STAMPS_MAX)
        };
    }

    /// Writes a stamp when everything before is done.
    pub(crate) fn stamp(&mut self, stamps: &Stamps, index: u32) {
        debug_assert!(index < STAMPS_MAX, "a frame has few passes");
        // SAFETY: recording; the query was reset in this frame and is written once.
        unsafe {
            self.device.raw.cmd_write_timestamp2(
                self.buffer,
                vk::PipelineStageFlags2::ALL_COMMANDS,
                stamps.raw,
                index,
            )
        };
    }

    /// Fills a range of a buffer with a word.
    pub(crate) fn fill_buffer(&mut self, buffer: &Buffer, offset: u64, bytes: u64, word: u32) {
        debug_assert!(
            offset.is_multiple_of(4) && bytes.is_multiple_of(4) && offset + bytes <= buffer.size,
            "whole words of the buffer"
        );
        // SAFETY: recording outside a render pass; the range is within the buffer, in whole words.
        unsafe {
            self.device
                .raw
                .cmd_fill_buffer(self.buffer, buffer.raw, offset, bytes, word)
        };
    }

    pub(crate) fn copy_buffer(
        &mut self,
        from: vk::Buffer,
        to: vk::Buffer,
        regions: &[vk::BufferCopy],
    ) {
        debug_assert!(!regions.is_empty(), "Vulkan wants at least one region");
        // SAFETY: recording; callers cut regions from within both buffers.
        unsafe {
            self.device
                .raw
                .cmd_copy_buffer(self.buffer, from, to, regions)
        };
    }

    /// Copies tightly packed rows into a level of an image that is in `TRANSFER_DST_OPTIMAL`; a cube takes six faces.
    pub(crate) fn copy_to_image(&mut self, from: vk::Buffer, offset: u64, to: &Image, level: u32) {
        let region = image_region(&to.desc, offset, level);
        // SAFETY: recording; the caller's buffer holds the level from `offset` on.
        unsafe {
            self.device.raw.cmd_copy_buffer_to_image(
                self.buffer,
                from,
                to.raw,
                vk::ImageLayout::TRANSFER_DST_OPTIMAL,
                &[region],
            );
        }
    }

    /// Copies the first level of an image that is in `TRANSFER_SRC_OPTIMAL` to a buffer, tightly packed.
    pub(crate) fn copy_from_image(&mut self, from: vk::Image, extent: vk::Extent2D, to: &Buffer) {
        let region = vk::BufferImageCopy {
            image_subresource: vk::ImageSubresourceLayers {
                aspect_mask: vk::ImageAspectFlags::COLOR,
                mip_level: 0,
                base_array_layer: 0,
                layer_count: 1,
            },
            image_extent: vk::Extent3D {
                width: extent.width,
                height: extent.height,
                depth: 1,
            },
            ..Default::default()
        };
        // SAFETY: recording; callers make the buffer large enough for the extent.
        unsafe {
            self.device.raw.cmd_copy_image_to_buffer(
                self.buffer,
                from,
                vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
                to.raw,
                &[region],
            );
        }
    }

    /// Copies the first level of an image in `TRANSFER_SRC_OPTIMAL` to one of its size in `TRANSFER_DST_OPTIMAL`.
    pub(crate) fn copy_image(&mut self, from: &Image, to: &Image) {
        let layers = vk::ImageSubresourceLayers {
            aspect_mask: vk::ImageAspectFlags::COLOR,
            mip_level: 0,
            base_array_layer: 0,
            layer_count: 1,
        };
        let region = vk::ImageCopy {
            src_subresource: layers,
            dst_subresource: layers,
            extent: vk::Extent3D {
                width: from.desc.width.min(to.desc.width),
                height: from.desc.height.min(to.desc.height),
                depth: 1,
            },
            ..Default::default()
        };
        // SAFETY: recording outside a render pass; the region is within both images, which are of one format.
        unsafe {
            self.device.raw.cmd_copy_image(
                self.buffer,
                from.raw,
                vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
                to.raw,
                vk::ImageLayout::TRANSFER_DST_OPTIMAL,
                &[region],
            );
        }
    }

    /// Halves `level - 1` (in `TRANSFER_SRC_OPTIMAL`) into `level` (in `TRANSFER_DST_OPTIMAL`), filtered linearly.
    pub(crate) fn halve_level(&mut self, image: &Image, level: u32) {
        let side = |level: u32| vk::Offset3D {
            x: (image.desc.width >> level).max(1) as i32,
            y: (image.desc.height >> level).max(1) as i32,
            z: 1,
        };
        let layers = |level| vk::ImageSubresourceLayers {
            aspect_mask: vk::ImageAspectFlags::COLOR,
            mip_level: level,
            base_array_layer: 0,
            layer_count: if image.desc.cube { 6 } else { 1 },
        };
        let region = vk::ImageBlit {
            src_subresource: layers(level - 1),
            src_offsets: [vk::Offset3D::default(), side(level - 1)],
            dst_subresource: layers(level),
            dst_offsets: [vk::Offset3D::default(), side(level)],
        };
        // SAFETY: recording; the formats in use are ones that every device blits and filters.
        unsafe {
            self.device.raw.cmd_blit_image(
                self.buffer,
                image.raw,
                vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
                image.raw,
                vk::ImageLayout::TRANSFER_DST_OPTIMAL,
                &[region],
                vk::Filter::LINEAR,
            );
        }
    }

    pub(crate) fn begin_rendering(
        &mut self,
        extent: vk::Extent2D,
        colors: &[Attachment],
        depth: Option<Attachment>,
    ) {
        let info = |attachment: &Attachment, layout| {
            vk::RenderingAttachmentInfo::default()
                .image_view(attachment.view)
                .image_layout(layout)
                .load_op(match attachment.clear {
                    Some(_) => vk::AttachmentLoadOp::CLEAR,
                    None => vk::AttachmentLoadOp::LOAD,
                })
                .store_op(if attachment.store {
                    vk::AttachmentStoreOp::STORE
                } else {
                    vk::AttachmentStoreOp::DONT_CARE
                })
                .clear_value(attachment.clear.unwrap_or_default())
        };
        let area = vk::Rect2D {
            offset: vk::Offset2D::default(),
            extent,
        };
        let colors: Vec<_> = colors
            .iter()
            .map(|color| info(color, vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL))
            .collect();
        let depth = depth.map(|depth| info(&depth, vk::ImageLayout::DEPTH_ATTACHMENT_OPTIMAL));
        let mut rendering = vk::RenderingInfo::default()
            .render_area(area)
            .layer_count(1)
            .color_attachments(&colors);
        if let Some(depth) = &depth {
            rendering = rendering.depth_attachment(depth);
        }
        // SAFETY: recording; views are alive until the timeline passes (invariant 2); invariant 4.
        unsafe { self.device.raw.cmd_begin_rendering(self.buffer, &rendering) };
        let viewport = vk::Viewport {
            x: 0.0,
            y: 0.0,
            width: extent.width as f32,
            height: extent.height as f32,
            min_depth: 0.0,
            max_depth: 1.0,
        };
        // SAFETY: recording; the pipelines have one dynamic viewport.
        unsafe {
            self.device
                .raw
                .cmd_set_viewport(self.buffer, 0, &[viewport])
        };
        // SAFETY: recording; the pipelines have one dynamic scissor.
        unsafe { self.device.raw.cmd_set_scissor(self.buffer, 0, &[area]) };
        self.cull(vk::CullModeFlags::NONE, vk::FrontFace::COUNTER_CLOCKWISE);
    }

    /// Draws to this square of the attachments alone.
    pub(crate) fn square(&mut self, x: u32, y: u32, side: u32) {
        let viewport = vk::Viewport {
            x: x as f32,
            y: y as f32,
            width: side as f32,
            height: side as f32,
            min_depth: 0.0,
            max_depth: 1.0,
        };
        let scissor = vk::Rect2D {
            offset: vk::Offset2D {
                x: x as i32,
                y: y as i32,
            },
            extent: vk::Extent2D {
                width: side,
                height: side,
            },
        };
        // SAFETY: recording; the pipelines have one dynamic viewport.
        unsafe {
            self.device
                .raw
                .cmd_set_viewport(self.buffer, 0, &[viewport])
        };
        // SAFETY: recording; the pipelines have one dynamic scissor.
        unsafe { self.device.raw.cmd_set_scissor(self.buffer, 0, &[scissor]) };
    }

    pub(crate) fn end_rendering(&mut self) {
        // SAFETY: `begin_rendering` opened it.
        unsafe { self.device.raw.cmd_end_rendering(self.buffer) };
    }

    pub(crate) fn cull(&mut self, mode: vk::CullModeFlags, front: vk::FrontFace) {
        // SAFETY: recording; dynamic in every pipeline.
        unsafe { self.device.raw.cmd_set_cull_mode(self.buffer, mode) };
        // SAFETY: as above.
        unsafe { self.device.raw.cmd_set_front_face(self.buffer, front) };
    }

    /// Leaves out what is seen from behind, unless both sides count; mirrored things have their fronts turned round.
    pub(crate) fn cull_as(&mut self, double_sided: bool, mirrored: bool) {
        self.cull(
            if double_sided {
                vk::CullModeFlags::NONE
            } else {
                vk::CullModeFlags::BACK
            },
            if mirrored {
                vk::FrontFace::CLOCKWISE
            } else {
                vk::FrontFace::COUNTER_CLOCKWISE
            },
        );
    }

    /// Draws to this pixel alone.
    pub(crate) fn pixel(&mut self, x: u32, y: u32) {
        let scissor = vk::Rect2D {
            offset: vk::Offset2D {
                x: x as i32,
                y: y as i32,
            },
            extent: vk::Extent2D {
                width: 1,
                height: 1,
            },
        };
        // SAFETY: recording; the pipelines have one dynamic scissor.
        unsafe { self.device.raw.cmd_set_scissor(self.buffer, 0, &[scissor]) };
    }

    pub(crate) fn bind_pipeline(&mut self, pipeline: &Pipeline) {
        // SAFETY: recording; the pipeline is alive until the timeline passes (invariant 2).
        unsafe {
            self.device
                .raw
                .cmd_bind_pipeline(self.buffer, pipeline.bind_point, pipeline.raw)
        };
    }

    pub(crate) fn push_constants<T: bytemuck::NoUninit>(
        &mut self,
        bindless: &Bindless,
        constants: &T,
    ) {
        const {
            assert!(
                size_of::<T>() <= PUSH_CONSTANT_BYTES as usize,
                "push constants are within the limit"
            )
        };
        let bytes = bytemuck::bytes_of(constants);
        // SAFETY: recording; within the layout's range (above), for all its stages.
        unsafe {
            self.device.raw.cmd_push_constants(
                self.buffer,
                bindless.layout,
                vk::ShaderStageFlags::ALL,
                0,
                bytes,
            );
        }
    }

    pub(crate) fn bind_indices(&mut self, indices: &Buffer) {
        // SAFETY: recording; every buffer has index usage.
        unsafe {
            self.device.raw.cmd_bind_index_buffer(
                self.buffer,
                indices.raw,
                0,
                vk::IndexType::UINT32,
            )
        };
    }

    pub(crate) fn draw(&mut self, vertices: u32) {
        // SAFETY: recording inside a pass with a pipeline that pulls no more than it is told.
        unsafe { self.device.raw.cmd_draw(self.buffer, vertices, 1, 0, 0) };
    }

    /// Draws `count` commands of `DrawIndexedIndirect`, tightly packed from `start` on, in bytes: as many calls as the
    /// device's limit takes.
    pub(crate) fn draw_indexed_indirect(&mut self, commands: &Buffer, start: u64, count: u32) {
        let stride = COMMAND_BYTES;
        let most = self.device.adapter.limits.max_draw_indirect_count.max(1);
        let mut done = 0;
        while done < count {
            let now = (count - done).min(most);
            let offset = start + u64::from(done) * u64::from(stride);
            debug_assert!(
                offset + u64::from(now) * u64::from(stride) <= commands.size,
                "commands are in the buffer"
            );
            // SAFETY: recording inside a pass; the commands were made from checked meshes; multiDrawIndirect is on, and
            // `now` is within its limit.
            unsafe {
                self.device.raw.cmd_draw_indexed_indirect(
                    self.buffer,
                    commands.raw,
                    offset,
                    now,
                    stride,
                )
            };
            done += now;
        }
    }

    /// Draws as many of `most` commands, from `start` on, as the word at `count` says. Those beyond draw nothing.
    pub(crate) fn draw_indexed_indirect_count(
        &mut self,
        buffer: &Buffer,
        start: u64,
        count: u64,
        most: u32,
    ) {
        if most > self.device.adapter.limits.max_draw_indirect_count {
            return self.draw_indexed_indirect(buffer, start, most);
        }
        debug_assert!(
            start + u64::from(most) * u64::from(COMMAND_BYTES) <= buffer.size
                && count + 4 <= buffer.size,
            "commands and count are in the buffer"
        );
        // SAFETY: recording inside a pass; the commands come from checked meshes; drawIndirectCount is on, and `most` is
        // within the limit.
        unsafe {
            self.device.raw.cmd_draw_indexed_indirect_count(
                self.buffer,
                buffer.raw,
                start,
                buffer.raw,
                count,
                most,
                COMMAND_BYTES,
            )
        };
    }

    pub(crate) fn dispatch(&mut self, x: u32, y: u32, z: u32) {
        // SAFETY: recording outside a pass, with a compute pipeline bound.
        unsafe { self.device.raw.cmd_dispatch(self.buffer, x, y, z) };
    }
}

fn image_region(desc: &super::image::ImageDesc, offset: u64, level: u32) -> vk::BufferImageCopy {
    vk::BufferImageCopy {
        buffer_offset: offset,
        image_subresource: vk::ImageSubresourceLayers {
            aspect_mask: vk::ImageAspectFlags::COLOR,
            mip_level: level,
            base_array_layer: 0,
            layer_count: if desc.cube { 6 } else { 1 },
        },
        image_extent: vk::Extent3D {
            width: (desc.width >> level).max(1),
            height: (desc.height >> level).max(1),
            depth: 1,
        },
        ..Default::default()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
        self.device.discard(Garbage::CommandPool(self.pool));
    }
}
