//! Submitting work: whole frames, which the device's timeline counts, and parts of them on either queue.

use std::sync::atomic::{AtomicU64, Ordering};

use ash::vk;

use super::device::{Device, lock};
use crate::{
    error::{RenderError, Result},
    graph::Queue,
};

/// A timeline that orders the parts of a frame on one queue against those on the other.
pub(super) struct Lane {
    pub(super) semaphore: vk::Semaphore,
    next: AtomicU64,
}

impl Lane {
    pub(super) fn new(semaphore: vk::Semaphore) -> Self {
        Self {
            semaphore,
            next: AtomicU64::new(1),
        }
    }
}

pub(super) fn timeline_semaphore(raw: &ash::Device) -> Result<vk::Semaphore> {
    let mut kind = vk::SemaphoreTypeCreateInfo::default()
        .semaphore_type(vk::SemaphoreType::TIMELINE)
        .initial_value(0);
    let info = vk::SemaphoreCreateInfo::default().push_next(&mut kind);
    // SAFETY: timeline semaphores are on (invariant 5); the chain outlives the call (invariant 4).
    unsafe { raw.create_semaphore(&info, None) }
        .map_err(RenderError::vulkan("creating a timeline semaphore"))
}

/// A part of a frame that was submitted: others can wait for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    queue: Queue,
    value: u64,
}

/// What a submission waits for and what it says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Submission<'a> {
    /// Parts of this frame.
    pub(crate) after: &'a [Part],
    /// Also the whole frame before.
    pub(crate) after_frame: bool,
    /// Waited for before colour is written; of a swapchain.
    pub(crate) acquired: Option<vk::Semaphore>,
    /// Signalled at the end; of a swapchain.
    pub(crate) rendered: Option<vk::Semaphore>,
}

impl Device {
    /// Submits the last part of a frame, or all of it; gives the timeline value that it signals.
    pub(crate) fn submit(
        &self,
        commands: vk::CommandBuffer,
        submission: Submission<'_>,
    ) -> Result<u64> {
        let queue = lock(&self.queue);
        let value = self.next_value.load(Ordering::Acquire);
        self.submit_to(*queue, commands, submission, (self.timeline, value))?;
        self.next_value.store(value + 1, Ordering::Release);
        Ok(value)
    }

    /// Submits another part of a frame. Without a queue that only computes, parts for it go to the one that there is.
    pub(crate) fn submit_part(
        &self,
        queue: Queue,
        commands: vk::CommandBuffer,
        submission: Submission<'_>,
    ) -> Result<Part> {
        let lane = &self.lanes[queue as usize];
        let locked = lock(match (&self.compute, queue) {
            (Some(compute), Queue::Compute) => compute,
            _ => &self.queue,
        });
        let value = lane.next.load(Ordering::Acquire);
        self.submit_to(*locked, commands, submission, (lane.semaphore, value))?;
        lane.next.store(value + 1, Ordering::Release);
        Ok(Part { queue, value })
    }

    fn submit_to(
        &self,
        queue: vk::Queue,
        commands: vk::CommandBuffer,
        submission: Submission<'_>,
        (semaphore, value): (vk::Semaphore, u64),
    ) -> Result<()> {
        self.check("submitting work")?;
        let all = vk::PipelineStageFlags2::ALL_COMMANDS;
        let point = |semaphore, value, stage| {
            vk::SemaphoreSubmitInfo::default()
                .semaphore(semaphore)
                .value(value)
                .stage_mask(stage)
        };
        let stage = vk::PipelineStageFlags2::COLOR_ATTACHMENT_OUTPUT;
        let acquired = submission
            .acquired
            .map(|acquired| point(acquired, 0, stage));
        let frame = submission
            .after_frame
            .then(|| point(self.timeline, self.next_value() - 1, all));
        let parts = submission
            .after
            .iter()
            .map(|part| point(self.lanes[part.queue as usize].semaphore, part.value, all));
        let waits: Vec<_> = parts.chain(acquired).chain(frame).collect();
        let rendered = submission.rendered.map(|rendered| point(rendered, 0, all));
        let signals: Vec<_> = std::iter::once(point(semaphore, value, all))
            .chain(rendered)
            .collect();
        let buffers = [vk::CommandBufferSubmitInfo::default().command_buffer(commands)];
        let submits = [vk::SubmitInfo2::default()
            .command_buffer_infos(&buffers)
            .wait_semaphore_infos(&waits)
            .signal_semaphore_infos(&signals)];
        // SAFETY: the queue is locked by the caller (invariant 3); the recorder ended the buffer and will not reset it
        // before the timeline has passed its frame (invariant 3); all structures outlive the call (invariant 4).
        let submitted = unsafe { self.raw.queue_submit2(queue, &submits, vk::Fence::null()) };
        self.outcome(submitted, "submitting work")
    }

    /// Presents; gives whether the swapchain no longer fits its surface.
    pub(crate) fn present(
        &self,
        swapchain: vk::SwapchainKHR,
        index: u32,
        rendered: vk::Semaphore,
    ) -> Result<bool> {
        let loader = self
            .swapchain
            .as_ref()
            .expect("swapchains are made from devices with the extension");
        let (swapchains, indices, semaphores) = ([swapchain], [index], [rendered]);
        let info = vk::PresentInfoKHR::default()
            .swapchains(&swapchains)
            .image_indices(&indices)
            .wait_semaphores(&semaphores);
        let queue = lock(&self.queue);
        // SAFETY: the queue is locked (invariant 3); the image was acquired and its commands signal `rendered`.
        match unsafe { loader.queue_present(*queue, &info) } {
            Ok(suboptimal) => Ok(suboptimal),
            Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => Ok(true),
            Err(result) => Err(RenderError::vulkan("presenting")(result)),
        }
    }
}
