//! What the GPU says of a frame, once it is done with it.

use crate::clusters::frame::work;

/// What became of the instances of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CullCounts {
    /// Outside of the view.
    pub outside: u32,
    /// In view, and so small that they cover no sample, or smaller than the quality asks for.
    pub small: u32,
    /// In view, and behind others.
    pub hidden: u32,
    /// Drawn.
    pub drawn: u32,
    /// Drawn into shadow maps, each as often as there are maps that it is in.
    pub shadows: u32,
}

/// How long a pass took on the GPU, and what it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PassTime {
    /// Its name in the frame graph.
    pub name: &'static str,
    /// From when all passes before were done until it was.
    pub nanoseconds: f64,
    /// What it did; `None` where the device does not count.
    pub work: Option<PassWork>,
}

/// What a pass did, as the device counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassWork {
    /// Vertices that were drawn.
    pub vertices: u64,
    /// Primitives that were left after clipping.
    pub primitives: u64,
    /// Runs of fragment shaders.
    pub fragments: u64,
    /// Runs of compute shaders.
    pub threads: u64,
}

/// What the GPU says of a frame.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FrameReport {
    /// What was culled; `None` where culling is off.
    pub culling: Option<CullCounts>,
    /// The passes in the order in which they ran; none unless [`Renderer::set_timings`](crate::Renderer::set_timings) asked.
    pub passes: Vec<PassTime>,
}

/// Words that shaders count in: those of culling, and from [`CLUSTER_WORK`] on the entries of `work` of clusters.
pub(crate) const COUNTERS: usize = CLUSTER_WORK + work::COUNT as usize * work::WORDS;
/// The first word of clusters.
pub(crate) const CLUSTER_WORK: usize = 8;

impl CullCounts {
    /// From the words that `shaders/cull_test.comp` counts in.
    pub(crate) fn of(words: &[u32]) -> Self {
        let at = |i: usize| words.get(i).copied().unwrap_or(0);
        Self {
            outside: at(0),
            small: at(1),
            hidden: at(2),
            drawn: at(3),
            shadows: at(4),
        }
    }
}
