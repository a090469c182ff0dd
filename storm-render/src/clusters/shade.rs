//! Shading of the visibility buffer: pixels are counted by what their materials need, listed, and shaded, each kind by a pipeline that
//! is made for it.

use std::collections::{HashMap, hash_map::Entry};

use ash::vk;
use bytemuck::{Pod, Zeroable};

use crate::{
    context::Gpu,
    error::Result,
    frame::pipelines::LAYERS_SHIFT,
    gpu::{
        bindless::Bindless,
        buffer::Buffer,
        commands::{Access, Recorder},
        pipeline::Pipeline,
    },
    scene::layers::Layers,
    shaders,
};

/// Kinds of shading: combinations of the layers that opaque surfaces with at most two UV sets can have.
pub(crate) const BINS: u32 = 64;

/// Pixels along a side of what a workgroup counts.
const TILE: u32 = 16;

/// Where things lie in the buffer of bins: `shaders/cluster_shade.glsl` has the same.
const GROUPS: u64 = 3 * BINS as u64 * 4;
/// Bytes of that buffer.
pub(crate) const BIN_BYTES: u64 = GROUPS + BINS as u64 * 12;

/// Bytes of the list of pixels.
pub(crate) fn list_bytes(extent: vk::Extent2D) -> u64 {
    u64::from(extent.width) * u64::from(extent.height) * 4
}

/// What the passes read: `ShadeInfo` of `shaders/cluster_shade.glsl`.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct ShadeInfo {
    pub(crate) visibility: u64,
    pub(crate) clusters: u64,
    pub(crate) bins: u64,
    pub(crate) pixels: u64,
    pub(crate) extent: [u32; 2],
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Push {
    globals: u64,
    info: u64,
    bin: u32,
    padding: u32,
}

/// The bin of what has these layers.
pub(crate) fn bin_of(layers: Layers) -> u32 {
    let bits = u32::from(layers.0);
    (bits & 1) | (bits >> 1 & 62)
}

/// The layers of a bin.
fn layers_of(bin: u32) -> Layers {
    Layers(((bin & 1) | (bin & 62) << 1) as u8)
}

/// The bins that are in a set, a bit each.
fn bins_in(set: u64) -> impl Iterator<Item = u32> {
    (0..BINS).filter(move |bin| set >> bin & 1 != 0)
}

/// Pipelines that shade.
pub(crate) struct ShadePipelines {
    count: Pipeline,
    scan: Pipeline,
    sort: Pipeline,
    /// By what their constant is.
    shade: HashMap<u32, Pipeline>,
}

impl ShadePipelines {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        let make = |shader| {
            gpu.with_bindless(|bindless| Pipeline::compute(gpu.device(), bindless, shader))
        };
        Ok(Self {
            count: make(shaders::CLUSTER_SHADE_COUNT_COMP)?,
            scan: make(shaders::CLUSTER_SHADE_SCAN_COMP)?,
            sort: make(shaders::CLUSTER_SHADE_SORT_COMP)?,
            shade: HashMap::new(),
        })
    }

    /// Makes what shades these bins in a frame of these features, where it is not there yet.
    pub(crate) fn prepare(&mut self, gpu: &Gpu, bins: u64, features: u32) -> Result<()> {
        for bin in bins_in(bins) {
            let constant = constant(bin, features);
            if let Entry::Vacant(place) = self.shade.entry(constant) {
                place.insert(gpu.with_bindless(|bindless| {
                    let shader = shaders::CLUSTER_SHADE_COMP;
                    Pipeline::compute_with(gpu.device(), bindless, shader, constant)
                })?);
            }
        }
        Ok(())
    }

    /// Counts, lists and shades. `bins` are those that are prepared; `info` is the address of a [`ShadeInfo`].
    pub(crate) fn record(
        &self,
        recorder: &mut Recorder,
        bindless: &Bindless,
        (globals, info): (u64, u64),
        buffer: &Buffer,
        extent: vk::Extent2D,
        (bins, features): (u64, u32),
    ) {
        let push = |recorder: &mut Recorder, bin| {
            let padding = 0;
            let push = Push {
                globals,
                info,
                bin,
                padding,
            };
            recorder.push_constants(bindless, &push);
        };
        let tiles = |side: u32| side.div_ceil(TILE);
        let both = Access::COMPUTE_READ.and(Access::COMPUTE_WRITE);
        recorder.fill_buffer(buffer, 0, GROUPS, 0);
        let mut before = Access::COPY_WRITE;
        // Pixels of one kind begin at 0: they are counted while they are listed.
        let one = bins.is_power_of_two();
        let lists = [
            (&self.count, tiles(extent.width), tiles(extent.height)),
            (&self.scan, 1, 1),
            (&self.sort, tiles(extent.width), tiles(extent.height)),
        ];
        let order: &[usize] = if one { &[2, 1] } else { &[0, 1, 2] };
        for &pass in order {
            let (pipeline, x, y) = lists[pass];
            recorder.memory_barrier(before, both);
            recorder.bind_pipeline(pipeline);
            push(recorder, one.into());
            recorder.dispatch(x, y, 1);
            before = Access::COMPUTE_WRITE;
        }
        recorder.memory_barrier(Access::COMPUTE_WRITE, Access::DRAW_READ);
        for bin in bins_in(bins) {
            recorder.bind_pipeline(&self.shade[&constant(bin, features)]);
            push(recorder, bin);
            recorder.dispatch_indirect(buffer, GROUPS + u64::from(bin) * 12);
        }
    }
}

/// The constant of a pipeline.
fn constant(bin: u32, features: u32) -> u32 {
    features | u32::from(layers_of(bin).0) << LAYERS_SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::layers;

    #[test]
    fn a_bin_is_the_layers_that_its_pixels_can_have() {
        const CANNOT: u8 = layers::UV_SETS | layers::TRANSMISSION;
        let mut found = Vec::new();
        for bits in 0..=255_u8 {
            let bin = bin_of(Layers(bits));
            assert!(bin < BINS);
            assert_eq!(layers_of(bin), Layers(bits & !CANNOT));
            found.push(bin);
        }
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), BINS as usize);
    }
}
