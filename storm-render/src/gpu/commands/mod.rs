//! Recording commands: a pool with one buffer, reused when the GPU has finished with it.

mod barrier;
mod copy;
mod draw;

use std::sync::Arc;

use ash::vk;

pub(crate) use self::{
    barrier::{Access, ImageBarrier, Levels},
    draw::{Attachment, COMMAND_BYTES},
};
use super::{
    bindless::Bindless,
    device::{Device, Garbage},
    submit::{Part, Submission},
};
use crate::{
    error::{RenderError, Result},
    graph::Queue,
};

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
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
        self.device.discard(Garbage::CommandPool(self.pool));
    }
}
