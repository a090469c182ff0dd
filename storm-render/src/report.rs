//! What the GPU says of a frame, once it is done with it.

use crate::clusters::frame::{Sizes, work};

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

/// What was chosen and drawn of meshes of clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterCounts {
    /// Nodes of hierarchies that were looked at, over all views.
    pub nodes: u32,
    /// Groups of clusters that were.
    pub groups: u32,
    /// Clusters that last frame's depths hid at first, and that were asked again.
    pub hidden_at_first: u32,
    /// Clusters that the rasteriser or mesh shaders drew for the camera; of these, in the second phase.
    pub large: u32,
    /// Of [`large`](Self::large), those of the second phase.
    pub large_again: u32,
    /// Clusters that compute drew for the camera.
    pub small: u32,
    /// Of [`small`](Self::small), those of the second phase.
    pub small_again: u32,
    /// Triangles of these.
    pub triangles: u32,
    /// Clusters drawn into shadow maps.
    pub shadows: u32,
    /// Triangles of these.
    pub shadow_triangles: u32,
    /// Nodes, groups and clusters that found no room. There is more in the next frames; until then the instances are drawn as coarsely
    /// as it gets, too, and shadows of some are missing.
    pub left_out: u32,
    /// Clusters that were drawn for that reason.
    pub roots: u32,
    /// Pages that views had use for.
    pub pages: u32,
    /// The most that was asked of each queue and list.
    pub(crate) needed: Sizes,
}

impl ClusterCounts {
    /// From the words of a report, and what there was room for.
    pub(crate) fn of(words: &[u32], room: &Sizes) -> Self {
        let word = |entry: u32, word: usize| {
            let at = CLUSTER_WORK + entry as usize * work::WORDS + word;
            words.get(at).copied().unwrap_or(0)
        };
        let count = |entry: u32| word(entry, work::COUNTED);
        let all = |entries: std::ops::Range<u32>| entries.map(count);
        let drawn = |entry: u32| count(entry).min(room.clusters);
        let nodes = work::NODES_FIRST..work::GROUPS_FIRST;
        let groups = work::GROUPS_FIRST..work::HIDDEN;
        let clusters = work::HIDDEN..work::VISIBLE + 1;
        let shadows = work::SUN..work::LIGHTS + 1;
        let most = |entries| all(entries).max().unwrap_or(0);
        let over = |entries, room: u32| all(entries).map(|n| n.saturating_sub(room)).sum::<u32>();
        Self {
            nodes: all(nodes.clone()).map(|n| n.min(room.nodes)).sum(),
            groups: all(groups.clone()).map(|n| n.min(room.groups)).sum(),
            hidden_at_first: drawn(work::HIDDEN),
            large: drawn(work::LARGE_FIRST) + drawn(work::LARGE_FIRST + 2),
            large_again: drawn(work::LARGE_FIRST + 2),
            small: drawn(work::SMALL_FIRST) + drawn(work::SMALL_FIRST + 2),
            small_again: drawn(work::SMALL_FIRST + 2),
            triangles: count(work::TRIANGLES),
            shadows: all(shadows.clone()).map(|n| n.min(room.shadows)).sum(),
            shadow_triangles: word(work::TRIANGLES, work::VERTICES),
            left_out: over(nodes.clone(), room.nodes)
                + over(groups.clone(), room.groups)
                + over(clusters.clone(), room.clusters)
                + over(shadows.clone(), room.shadows),
            roots: count(work::ROOTS).min(room.roots),
            pages: count(work::ASKED),
            needed: Sizes {
                nodes: most(nodes),
                groups: most(groups),
                clusters: most(clusters),
                shadows: most(shadows),
                ..*room
            },
        }
    }
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
    /// What was chosen and drawn of meshes of clusters; `None` where there are none.
    pub clusters: Option<ClusterCounts>,
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
