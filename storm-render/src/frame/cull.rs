//! Culling: the lists that `shaders/cull.glsl` fills, where they lie, and the dispatches.

use bytemuck::{Pod, Zeroable};

use crate::{
    frame::pipelines::Pipelines,
    gpu::{
        bindless::Bindless,
        buffer::Buffer,
        commands::{Access, Recorder},
    },
};

/// Candidates of a workgroup, and instances of a block of sums.
pub(crate) const BLOCK: u32 = 256;

/// The lists: what is drawn first (or all, without occlusion), what is drawn second, and what is shaded.
pub(crate) const FIRST: u32 = 0;
pub(crate) const SECOND: u32 = 1;
pub(crate) const ALL: u32 = 2;
/// Lists that are not of lights.
pub(crate) const VIEW_LISTS: u32 = 3;

/// What is asked of `cull_test.comp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Mode {
    Frustum = 0,
    First = 1,
    Second = 2,
    Shadow = 3,
    Levels = 4,
}

/// How much there is to cull, rounded up so that a few more do not make another plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) candidates: u32,
    pub(crate) commands: u32,
    pub(crate) ranges: u32,
    pub(crate) slots: u32,
    pub(crate) lists: u32,
}

impl Sizes {
    /// Room for at least this much.
    pub(crate) fn of(candidates: u32, commands: u32, ranges: u32, slots: u32, lists: u32) -> Self {
        Self {
            candidates: candidates.max(1024).next_power_of_two(),
            commands: commands.max(256).next_power_of_two(),
            ranges: ranges.max(32).next_power_of_two(),
            slots: slots.max(1024).next_power_of_two(),
            lists,
        }
    }

    /// Where the parts of the lists lie in their buffer, in bytes, and how large it is.
    pub(crate) fn parts(&self) -> Parts {
        let mut end = 0_u64;
        let mut part = |words: u32| {
            let start = end;
            end += (u64::from(words) * 4 * u64::from(self.lists)).next_multiple_of(16);
            start
        };
        Parts {
            bits: part(self.candidates / 32),
            sums: part(self.candidates / BLOCK + 1),
            slots: part(self.candidates),
            commands: part(self.commands * 5),
            counts: part(self.ranges),
            bytes: end,
        }
    }
}

/// Parts of the buffer of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) bits: u64,
    pub(crate) sums: u64,
    pub(crate) slots: u64,
    pub(crate) commands: u64,
    pub(crate) counts: u64,
    pub(crate) bytes: u64,
}

/// Words of the hierarchical depth buffer of a picture: levels from half the size to one word.
pub(crate) fn hiz_words(width: u32, height: u32) -> u64 {
    (1..=hiz_levels(width, height))
        .map(|level| u64::from(width.div_ceil(1 << level)) * u64::from(height.div_ceil(1 << level)))
        .sum()
}

/// Levels of it.
pub(crate) fn hiz_levels(width: u32, height: u32) -> u32 {
    width.max(height).next_power_of_two().ilog2().max(1)
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct CullView {
    pub(crate) clip_from_relative: [[f32; 4]; 4],
    pub(crate) extent: [f32; 2],
    pub(crate) small: f32,
    pub(crate) sample_grid: u32,
    /// As `level::scale` says.
    pub(crate) level_scale: f32,
    pub(crate) padding: [u32; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct CullInfo {
    pub(crate) views: u64,
    pub(crate) candidates: u64,
    pub(crate) commands: u64,
    pub(crate) ranges: u64,
    pub(crate) boxes: u64,
    pub(crate) bits: u64,
    pub(crate) sums: u64,
    pub(crate) slots: u64,
    pub(crate) commands_left: u64,
    pub(crate) counts: u64,
    pub(crate) hiz: u64,
    pub(crate) seen: u64,
    pub(crate) report: u64,
    pub(crate) candidate_count: u32,
    pub(crate) solid_count: u32,
    pub(crate) range_count: u32,
    pub(crate) candidate_stride: u32,
    pub(crate) command_stride: u32,
    pub(crate) range_stride: u32,
    pub(crate) solid_ranges: u32,
    pub(crate) padding: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Push {
    globals: u64,
    info: u64,
    mode_or_list: u32,
    first_view: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct HizPush {
    hiz: u64,
    extent: [u32; 2],
    level: u32,
    levels: u32,
}

/// Where things are for the dispatches.
pub(crate) struct Dispatch<'a> {
    pub(crate) bindless: &'a Bindless,
    pub(crate) pipelines: &'a Pipelines,
    pub(crate) globals: u64,
    /// Address of the [`CullInfo`].
    pub(crate) info: u64,
    pub(crate) candidates: u32,
    pub(crate) ranges: u32,
}

impl Dispatch<'_> {
    /// Fills lists: the one or two of a mode for the view, or one for each of some lights' views.
    pub(crate) fn cull(&self, recorder: &mut Recorder, mode: Mode, first_view: u32, views: u32) {
        let (first_list, lists) = match mode {
            Mode::Frustum | Mode::First | Mode::Levels => (FIRST, 1),
            Mode::Second => (SECOND, 2),
            Mode::Shadow => (VIEW_LISTS + first_view - 1, views),
        };
        let culling = self.pipelines.culling();
        let blocks = self.candidates.div_ceil(BLOCK);
        let push = |mode_or_list| Push {
            globals: self.globals,
            info: self.info,
            mode_or_list,
            first_view,
        };
        let done = Access::COMPUTE_WRITE;
        let next = Access::COMPUTE_READ.and(Access::COMPUTE_WRITE);
        recorder.bind_pipeline(&culling.test);
        recorder.push_constants(self.bindless, &push(mode as u32));
        recorder.dispatch(blocks, views, 1);
        recorder.memory_barrier(done, next);
        recorder.bind_pipeline(&culling.scan);
        recorder.push_constants(self.bindless, &push(first_list));
        recorder.dispatch(lists, 1, 1);
        recorder.memory_barrier(done, next);
        recorder.bind_pipeline(&culling.instances);
        recorder.push_constants(self.bindless, &push(first_list));
        recorder.dispatch(blocks, lists, 1);
        recorder.bind_pipeline(&culling.commands);
        recorder.push_constants(self.bindless, &push(first_list));
        recorder.dispatch(self.ranges, lists, 1);
    }

    /// Makes the hierarchical depth buffer from the depth buffer that is bound as input 0.
    pub(crate) fn hiz(&self, recorder: &mut Recorder, hiz: &Buffer, extent: [u32; 2]) {
        let culling = self.pipelines.culling();
        let levels = hiz_levels(extent[0], extent[1]);
        let mut level = 0;
        while level < levels {
            if level == 0 {
                recorder.bind_pipeline(&culling.hiz_depth);
            } else {
                let both = Access::COMPUTE_WRITE.and(Access::COMPUTE_READ);
                recorder.memory_barrier(Access::COMPUTE_WRITE, both);
                recorder.bind_pipeline(&culling.hiz);
            }
            let push = HizPush {
                hiz: hiz.address,
                extent,
                level,
                levels,
            };
            recorder.push_constants(self.bindless, &push);
            let [x, y] = extent.map(|side| side.div_ceil(1 << level).div_ceil(16));
            recorder.dispatch(x, y, 1);
            level += 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_halve_down_to_one() {
        for (width, height, levels, words) in [
            (1, 1, 1, 1),
            (2, 2, 1, 1),
            (3, 1, 2, 2 + 1),
            (
                320,
                180,
                9,
                160 * 90 + 80 * 45 + 40 * 23 + 20 * 12 + 10 * 6 + 5 * 3 + 3 * 2 + 2 + 1,
            ),
        ] {
            assert_eq!(hiz_levels(width, height), levels, "{width}×{height}");
            assert_eq!(hiz_words(width, height), words, "{width}×{height}");
        }
    }

    #[test]
    fn parts_of_the_lists_do_not_overlap_and_hold_every_list() {
        let sizes = Sizes::of(5000, 300, 40, 6000, 7);
        let parts = sizes.parts();
        let lists = u64::from(sizes.lists) * 4;
        assert!(parts.bits + u64::from(sizes.candidates / 32) * lists <= parts.sums);
        assert!(parts.sums + u64::from(sizes.candidates / BLOCK + 1) * lists <= parts.slots);
        assert!(parts.slots + u64::from(sizes.candidates) * lists <= parts.commands);
        assert!(parts.commands + u64::from(sizes.commands) * 5 * lists <= parts.counts);
        assert!(parts.counts + u64::from(sizes.ranges) * lists <= parts.bytes);
    }
}
