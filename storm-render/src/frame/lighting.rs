//! What shading reads of a frame beside the scene: shadow views, and lights sorted into parts of the view.

use bytemuck::{Pod, Zeroable};

/// Parts of the view: tiles across and down, and slices of depth. As in `shaders/lighting.glsl`.
pub(crate) const CLUSTERS: u32 = 16 * 9 * 24;

/// Words of a bit a word.
pub(crate) fn summary_words(light_words: u32) -> u32 {
    light_words.div_ceil(32)
}

/// Bytes of the light lists of all clusters.
pub(crate) fn cluster_bytes(light_words: u32) -> u64 {
    u64::from(CLUSTERS) * u64::from(light_words + summary_words(light_words)) * 4
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct LightingInfo {
    pub(crate) shadows: u64,
    pub(crate) clusters: u64,
    pub(crate) cluster_bounds: u64,
    pub(crate) forward: [f32; 3],
    pub(crate) cascades: u32,
    pub(crate) extent: [f32; 2],
    pub(crate) light_words: u32,
    pub(crate) summary_words: u32,
}
