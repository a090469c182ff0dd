//! Render passes, draws and dispatches, and what they need bound.

use ash::vk;

use super::Recorder;
use crate::gpu::{
    bindless::{Bindless, PUSH_CONSTANT_BYTES},
    buffer::Buffer,
    inputs::Inputs,
    pipeline::Pipeline,
    query::{Counters, STAMPS_MAX, Stamps},
};

/// Bytes of a draw command.
pub(crate) const COMMAND_BYTES: u32 = size_of::<vk::DrawIndexedIndirectCommand>() as u32;

/// One attachment of a render pass.
pub(crate) struct Attachment {
    pub(crate) view: vk::ImageView,
    /// `None` keeps what is there.
    pub(crate) clear: Option<vk::ClearValue>,
    /// Whether the contents are needed afterwards.
    pub(crate) store: bool,
}

impl Recorder {
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

    /// Readies counters to count.
    pub(crate) fn reset_counters(&mut self, counters: &Counters) {
        // SAFETY: as `reset_stamps`.
        unsafe {
            self.device
                .raw
                .cmd_reset_query_pool(self.buffer, counters.raw, 0, STAMPS_MAX)
        };
    }

    /// Counts what is done from here until [`Self::end_count`].
    pub(crate) fn begin_count(&mut self, counters: &Counters, index: u32) {
        debug_assert!(index < STAMPS_MAX, "a frame has few passes");
        // SAFETY: recording outside a render pass, on a queue that draws and computes; the query was reset in this frame.
        unsafe {
            self.device.raw.cmd_begin_query(
                self.buffer,
                counters.raw,
                index,
                vk::QueryControlFlags::empty(),
            )
        };
    }

    /// Ends what [`Self::begin_count`] began.
    pub(crate) fn end_count(&mut self, counters: &Counters, index: u32) {
        // SAFETY: begun in this recording, outside a render pass.
        unsafe {
            self.device
                .raw
                .cmd_end_query(self.buffer, counters.raw, index)
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
        self.whole(extent);
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

    /// Draws to all of the attachments again.
    pub(crate) fn whole(&mut self, extent: vk::Extent2D) {
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
        self.scissor(vk::Rect2D {
            offset: vk::Offset2D::default(),
            extent,
        });
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
        self.scissor(vk::Rect2D {
            offset: vk::Offset2D {
                x: x as i32,
                y: y as i32,
            },
            extent: vk::Extent2D {
                width: 1,
                height: 1,
            },
        });
    }

    /// Draws to this part of the attachments alone.
    pub(crate) fn scissor(&mut self, scissor: vk::Rect2D) {
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

    /// Draws what bound indices name, counted from a vertex on.
    pub(crate) fn draw_indexed(&mut self, indices: u32, first_index: u32, first_vertex: u32) {
        // SAFETY: recording inside a pass; the caller has checked that the indices are in the bound buffer, and that each
        // names a vertex that the pipeline finds.
        unsafe {
            self.device.raw.cmd_draw_indexed(
                self.buffer,
                indices,
                1,
                first_index,
                first_vertex as i32,
                0,
            )
        };
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

    /// Draws without indices what the command at `start`, in bytes, says, if the word at `count` is 1, and nothing if it is 0.
    ///
    /// The count is there for Mesa's CPU driver (25.0): it takes a draw without one to have that of the draw before.
    pub(crate) fn draw_indirect(&mut self, buffer: &Buffer, start: u64, count: u64) {
        debug_assert!(
            start + 16 <= buffer.size && count + 4 <= buffer.size,
            "command and count are in the buffer"
        );
        // SAFETY: recording inside a pass with a pipeline that pulls no more than shaders of this crate have counted; the
        // command and the count lie within the buffer, at multiples of four; drawIndirectCount is on.
        unsafe {
            self.device.raw.cmd_draw_indirect_count(
                self.buffer,
                buffer.raw,
                start,
                buffer.raw,
                count,
                1,
                16,
            )
        };
    }

    /// Runs as many groups of a mesh shader as the command at `start`, in bytes, says; nothing on a device that has none.
    pub(crate) fn draw_mesh_indirect(&mut self, buffer: &Buffer, start: u64) {
        debug_assert!(start + 12 <= buffer.size, "the command is in the buffer");
        if let Some(mesh) = &self.device.mesh {
            // SAFETY: recording inside a pass with a pipeline of a mesh shader; shaders of this crate have counted the groups
            // and keep them within what every device runs; the extension is on.
            unsafe { mesh.cmd_draw_mesh_tasks_indirect(self.buffer, buffer.raw, start, 1, 16) };
        }
    }

    /// Runs as many groups as the command at `start`, in bytes, says.
    pub(crate) fn dispatch_indirect(&mut self, buffer: &Buffer, start: u64) {
        debug_assert!(start + 12 <= buffer.size, "the command is in the buffer");
        // SAFETY: recording outside a pass, with a compute pipeline bound; shaders of this crate have counted the groups and keep
        // them within what every device runs.
        unsafe {
            self.device
                .raw
                .cmd_dispatch_indirect(self.buffer, buffer.raw, start)
        };
    }

    pub(crate) fn dispatch(&mut self, x: u32, y: u32, z: u32) {
        // SAFETY: recording outside a pass, with a compute pipeline bound.
        unsafe { self.device.raw.cmd_dispatch(self.buffer, x, y, z) };
    }
}
