//! Clusters for picking: chosen for one view without occlusion, and drawn by the rasteriser with the slots of their instances.

use ash::vk;

use super::{
    frame::{ClusterFrame, ClusterView, FRUSTUM, Sizes, work},
    pipelines::ClusterPipelines,
    record::{RasterPush, Select},
};
use crate::{
    context::Gpu,
    error::Result,
    frame::constants::{Constants, Part},
    gpu::{
        bindless::Bindless,
        buffer::{Buffer, Memory},
        commands::Recorder,
        pipeline::{Blending, Depth, GraphicsDesc, Pipeline},
    },
    report::{CLUSTER_WORK, COUNTERS, ClusterCounts},
    scene::Scene,
    shaders,
    view::View,
};

/// What a picker has for clusters, once a scene has some.
pub(crate) struct PickedClusters {
    pipelines: ClusterPipelines,
    draw: Pipeline,
    sizes: Sizes,
    lists: Buffer,
    counts: Buffer,
}

impl PickedClusters {
    pub(crate) fn new(gpu: &Gpu, format: vk::Format) -> Result<Self> {
        let formats = [format];
        let desc = GraphicsDesc {
            vertex: shaders::CLUSTER_ID_VERT,
            fragment: Some(shaders::CLUSTER_ID_FRAG),
            fragment_constant: 0,
            topology: vk::PrimitiveTopology::TRIANGLE_LIST,
            color_formats: &formats,
            depth: Depth::TestAndWrite,
            blending: Blending::Replace,
            samples: vk::SampleCountFlags::TYPE_1,
        };
        let sizes = Sizes::FIRST;
        let counted = COUNTERS as u64 * 4;
        Ok(Self {
            pipelines: ClusterPipelines::new(gpu)?,
            draw: gpu
                .with_bindless(|bindless| Pipeline::graphics(gpu.device(), bindless, &desc))?,
            sizes,
            lists: Buffer::new(
                gpu.device(),
                "cluster lists",
                sizes.parts().bytes,
                Memory::Device,
            )?,
            counts: Buffer::new(gpu.device(), "counters", counted, Memory::Readback)?,
        })
    }

    /// Makes room for a scene.
    pub(crate) fn fit(&mut self, gpu: &Gpu, scene: &Scene) -> Result<()> {
        let sizes = self
            .sizes
            .with(scene.draws.cluster_roots(), scene.instances.slot_count());
        if sizes != self.sizes {
            let bytes = sizes.parts().bytes;
            self.lists = Buffer::new(gpu.device(), "cluster lists", bytes, Memory::Device)?;
            self.sizes = sizes;
        }
        Ok(())
    }

    /// Once a pick is done: whether all found room. Otherwise there is more from now on.
    pub(crate) fn complete(&mut self, gpu: &Gpu) -> Result<bool> {
        let counts = ClusterCounts::of(bytemuck::cast_slice(self.counts.mapped()), &self.sizes);
        let grown = self.sizes.grown(counts.needed);
        if grown == self.sizes {
            return Ok(true);
        }
        let bytes = grown.parts().bytes;
        self.lists = Buffer::new(gpu.device(), "cluster lists", bytes, Memory::Device)?;
        self.sizes = grown;
        Ok(false)
    }

    /// Writes the constants of a view: the cut is that of a picture whose surfaces are off by a pixel.
    pub(crate) fn write(
        &self,
        constants: &mut Constants,
        scene: &Scene,
        view: &View,
        extent: vk::Extent2D,
    ) {
        let clip = view.clip_from_relative(extent.width as f32 / extent.height as f32);
        let extent = [extent.width as f32, extent.height as f32];
        let camera = ClusterView::camera(view, &clip, &clip, extent, 1.0);
        constants.write(Part::ClusterViews, &[camera, camera]);
        let views = constants.address(Part::ClusterViews);
        let frame = ClusterFrame {
            flags: FRUSTUM,
            view_count: 1,
            ..ClusterFrame::of(scene, &self.sizes, &self.lists, views)
        };
        constants.write(Part::Clusters, &[frame]);
    }

    /// Chooses, outside of render passes.
    pub(crate) fn select(
        &self,
        recorder: &mut Recorder,
        bindless: &Bindless,
        scene: &Scene,
        constants: &Constants,
    ) {
        let select = Select {
            bindless,
            pipelines: &self.pipelines,
            lists: &self.lists,
            sizes: &self.sizes,
            globals: constants.address(Part::Globals),
            frame: constants.address(Part::Clusters),
            instances: scene.draws.cluster_count(),
            depth: scene.clusters.depth(),
        };
        select.all(recorder, 1);
        select.end(recorder, false);
    }

    /// Draws, within a render pass.
    pub(crate) fn draw(&self, recorder: &mut Recorder, bindless: &Bindless, constants: &Constants) {
        recorder.bind_pipeline(&self.draw);
        recorder.cull(vk::CullModeFlags::NONE, vk::FrontFace::COUNTER_CLOCKWISE);
        for (list, entry) in [(0, work::LARGE_FIRST), (4, work::ROOTS)] {
            let push = RasterPush {
                globals: constants.address(Part::Globals),
                frame: constants.address(Part::Clusters),
                list,
                work: entry,
            };
            recorder.push_constants(bindless, &push);
            let command = u64::from(entry) * work::BYTES;
            recorder.draw_indirect(&self.lists, command + work::DRAW, command + work::ANY);
        }
    }

    /// Copies what was counted to where [`PickedClusters::complete`] reads it.
    pub(crate) fn count(&self, recorder: &mut Recorder) {
        let region = vk::BufferCopy {
            src_offset: 0,
            dst_offset: CLUSTER_WORK as u64 * 4,
            size: work::BYTES * u64::from(work::COUNT),
        };
        recorder.copy_buffer(self.lists.raw, self.counts.raw, &[region]);
    }
}
