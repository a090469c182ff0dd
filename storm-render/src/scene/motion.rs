//! Where instances were in the frame before, for motion vectors: a copy of the table of transforms that is one frame behind.
//!
//! Each frame first copies, on the GPU, what moved in the frame before; then this frame's transforms arrive; then what has
//! just come is copied too, so that it has not moved. The cost is in proportion to what moves, and nothing where no
//! renderer asks for it.

use std::sync::Arc;

use ash::vk;
use bytemuck::{Pod, Zeroable};

use super::layout::InstanceTransform;
use crate::{
    error::Result,
    gpu::{
        buffer::{Buffer, Memory},
        commands::{Access, Recorder},
        device::Device,
    },
};

/// More runs than this are copied as a whole.
const RUNS_MAX: usize = 4096;
/// Frames without temporal anti-aliasing after which the table goes.
const UNWANTED_MAX: u32 = 16;

/// As `shaders/motion.glsl` has it.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct MotionInfo {
    pub(crate) clip_from_relative: [[f32; 4]; 4],
    pub(crate) previous_clip_from_relative: [[f32; 4]; 4],
    pub(crate) previous_cell: [i32; 3],
    pub(crate) fresh: u32,
    pub(crate) previous_translation: [f32; 3],
    pub(crate) padding: u32,
    pub(crate) previous_transforms: u64,
}

/// Runs of slots: first and count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Runs {
    runs: Vec<(u32, u32)>,
    all: bool,
}

impl Runs {
    fn add(&mut self, first: u32, count: u32) {
        if self.all {
            return;
        }
        let full = self.runs.len() == RUNS_MAX;
        match self.runs.last_mut() {
            Some((start, len)) if *start + *len == first => *len += count,
            _ if full => {
                self.runs.clear();
                self.all = true;
            }
            _ => self.runs.push((first, count)),
        }
    }

    /// As copies between two tables of transforms.
    fn regions(&self, bytes: u64) -> Vec<vk::BufferCopy> {
        if self.all {
            return vec![vk::BufferCopy {
                size: bytes,
                ..Default::default()
            }];
        }
        // A slot may be named twice; copies that overlap would be a hazard.
        let mut runs = self.runs.clone();
        runs.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(runs.len());
        for (first, count) in runs {
            match joined.last_mut() {
                Some((start, len)) if *start + *len >= first => {
                    *len = (*len).max(first + count - *start);
                }
                _ => joined.push((first, count)),
            }
        }
        let size = size_of::<InstanceTransform>() as u64;
        joined
            .into_iter()
            .map(|(first, count)| vk::BufferCopy {
                src_offset: u64::from(first) * size,
                dst_offset: u64::from(first) * size,
                size: u64::from(count) * size,
            })
            .collect()
    }
}

/// What is kept of the frame before.
#[derive(Default)]
pub(crate) struct Motion {
    previous: Option<Buffer>,
    /// In this frame, and in the one before.
    moved: Runs,
    moved_before: Runs,
    came: Runs,
    /// Frames in a row that did not want it.
    unwanted: u32,
}

impl Motion {
    pub(crate) fn moved(&mut self, first: u32, count: u32) {
        self.moved.add(first, count);
    }

    /// Whether someone asks where things were.
    pub(crate) fn is_kept(&self) -> bool {
        self.previous.is_some()
    }

    pub(crate) fn came(&mut self, slot: u32) {
        self.came.add(slot, 1);
    }

    /// Address of where things were; 0 where it is not kept.
    pub(crate) fn address(&self) -> u64 {
        self.previous.as_ref().map_or(0, |buffer| buffer.address)
    }

    /// Before a frame: makes room as large as the table of transforms, if someone wants it, and forgets everything once nobody has
    /// for some frames: of two renderers of a scene one may want it.
    pub(crate) fn prepare(
        &mut self,
        device: &Arc<Device>,
        transforms: Option<&Buffer>,
    ) -> Result<()> {
        let Some(transforms) = transforms else {
            self.unwanted += 1;
            if self.previous.is_none() || self.unwanted > UNWANTED_MAX {
                *self = Self::default();
            }
            return Ok(());
        };
        self.unwanted = 0;
        if self.previous.as_ref().map(|buffer| buffer.size) != Some(transforms.size) {
            let what = "transforms of the frame before";
            self.previous = Some(Buffer::new(device, what, transforms.size, Memory::Device)?);
            // All of it is new.
            self.came.all = true;
        }
        Ok(())
    }

    /// Forgets everything where the table of transforms has grown since `prepare`: the next frame that asks begins anew.
    pub(crate) fn fit(&mut self, transforms: &Buffer) {
        if self
            .previous
            .as_ref()
            .is_some_and(|buffer| buffer.size != transforms.size)
        {
            *self = Self::default();
        }
    }

    /// Before transforms arrive: has the table show the last frame that wanted it. `frame` says that this is such a frame;
    /// what arrives for others (a pick, another renderer, a minimised window) counts to the next.
    pub(crate) fn before_uploads(
        &mut self,
        recorder: &mut Recorder,
        transforms: &Buffer,
        frame: bool,
    ) {
        let regions = self.moved_before.regions(transforms.size);
        if let Some(previous) = &self.previous
            && !self.came.all
            && !regions.is_empty()
        {
            recorder.copy_buffer(transforms.raw, previous.raw, &regions);
            // What is read is about to be written.
            recorder.memory_barrier(
                Access::COPY_READ.and(Access::COPY_WRITE),
                Access::COPY_WRITE,
            );
        }
        self.moved_before = if frame {
            std::mem::take(&mut self.moved)
        } else {
            Runs::default()
        };
    }

    pub(crate) fn after_uploads(&mut self, recorder: &mut Recorder, transforms: &Buffer) {
        let regions = std::mem::take(&mut self.came).regions(transforms.size);
        if let Some(previous) = &self.previous
            && !regions.is_empty()
        {
            let both = Access::COPY_READ.and(Access::COPY_WRITE);
            recorder.memory_barrier(Access::COPY_WRITE, both);
            recorder.copy_buffer(transforms.raw, previous.raw, &regions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(runs: &Runs) -> Vec<(u64, u64)> {
        let regions = runs.regions(64 * 100_000);
        regions
            .iter()
            .map(|r| (r.dst_offset / 64, r.size / 64))
            .collect()
    }

    #[test]
    fn neighbours_are_copied_at_once_and_nothing_twice() {
        let mut runs = Runs::default();
        for (first, count) in [(4, 1), (5, 2), (20, 3), (6, 4), (0, 2)] {
            runs.add(first, count);
        }
        assert_eq!(copies(&runs), [(0, 2), (4, 6), (20, 3)]);
    }

    #[test]
    fn many_runs_become_the_whole_table() {
        let mut runs = Runs::default();
        for i in 0..RUNS_MAX as u32 {
            runs.add(i * 3, 1);
        }
        assert_eq!(copies(&runs).len(), RUNS_MAX);
        runs.add(90_000, 1);
        runs.add(90_001, 1);
        assert_eq!(copies(&runs), [(0, 100_000)]);
    }
}
