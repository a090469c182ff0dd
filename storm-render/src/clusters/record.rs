//! What the passes of clusters record.

use ash::vk;
use bytemuck::{Pod, Zeroable};

use super::{
    frame::{ClusterKey, Sizes, work},
    pipelines::{ClusterPipelines, Way},
};
use crate::{
    frame::record::Frame,
    gpu::{
        bindless::Bindless,
        buffer::Buffer,
        commands::{Access, Recorder},
    },
    quality::Culling,
    target::sealed,
    view::DebugView,
};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct SelectPush {
    globals: u64,
    frame: u64,
    stage: u32,
    second: u32,
    first_view: u32,
    padding: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct RasterPush {
    pub(crate) globals: u64,
    pub(crate) frame: u64,
    pub(crate) list: u32,
    pub(crate) work: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ResolvePush {
    globals: u64,
    frame: u64,
    motion: u64,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct DebugPush {
    globals: u64,
    frame: u64,
    paths: u32,
    padding: u32,
}

/// As `shaders/cluster_instances.comp` has it.
pub(crate) const INSTANCES_A_GROUP: u32 = 64;

/// What is between dispatches that read what the ones before wrote, also as their commands.
fn then(recorder: &mut Recorder) {
    let indirect = Access {
        stage: vk::PipelineStageFlags2::DRAW_INDIRECT,
        access: vk::AccessFlags2::INDIRECT_COMMAND_READ,
    };
    let next = Access::COMPUTE_READ
        .and(Access::COMPUTE_WRITE)
        .and(indirect);
    recorder.memory_barrier(Access::COMPUTE_WRITE.and(indirect), next);
}

/// Chooses clusters.
pub(crate) struct Select<'a> {
    pub(crate) bindless: &'a Bindless,
    pub(crate) pipelines: &'a ClusterPipelines,
    /// Queues and lists, as [`Sizes::parts`] lays them out.
    pub(crate) lists: &'a Buffer,
    pub(crate) sizes: &'a Sizes,
    /// Addresses of constants.
    pub(crate) globals: u64,
    pub(crate) frame: u64,
    pub(crate) instances: u32,
    /// Of the deepest hierarchy.
    pub(crate) depth: u32,
}

impl Select<'_> {
    fn push(&self, recorder: &mut Recorder, stage: u32, second: bool) {
        let push = SelectPush {
            globals: self.globals,
            frame: self.frame,
            stage,
            second: second.into(),
            first_view: 0,
            padding: 0,
        };
        recorder.push_constants(self.bindless, &push);
    }

    fn dispatch(&self, recorder: &mut Recorder, entry: u32) {
        recorder.dispatch_indirect(self.lists, u64::from(entry) * work::BYTES);
    }

    /// For the first of the views. Empties all queues and lists before.
    pub(crate) fn all(&self, recorder: &mut Recorder, views: u32) {
        let counts = work::BYTES * u64::from(work::COUNT);
        recorder.fill_buffer(self.lists, 0, counts, 0);
        let slots = u64::from(self.sizes.slots) * 4;
        recorder.fill_buffer(self.lists, self.sizes.parts().incomplete, slots, 0);
        recorder.memory_barrier(
            Access::COPY_WRITE,
            Access::COMPUTE_READ.and(Access::COMPUTE_WRITE),
        );
        recorder.bind_pipeline(&self.pipelines.instances);
        self.push(recorder, 0, false);
        let groups = self.instances.div_ceil(INSTANCES_A_GROUP);
        recorder.dispatch(groups, views, 1);
        self.descend(recorder, false);
    }

    /// What was hidden at first, by this frame's depths.
    pub(crate) fn again(&self, recorder: &mut Recorder) {
        self.descend(recorder, true);
        recorder.bind_pipeline(&self.pipelines.again);
        self.push(recorder, 0, true);
        self.dispatch(recorder, work::HIDDEN);
    }

    fn descend(&self, recorder: &mut Recorder, second: bool) {
        let (nodes, groups) = if second {
            (work::NODES_SECOND, work::GROUPS_FIRST + 1)
        } else {
            (work::NODES_FIRST, work::GROUPS_FIRST)
        };
        recorder.bind_pipeline(&self.pipelines.nodes);
        for level in 0..self.depth {
            then(recorder);
            self.push(recorder, level, second);
            self.dispatch(recorder, nodes + level);
        }
        then(recorder);
        recorder.bind_pipeline(&self.pipelines.groups);
        self.push(recorder, 0, second);
        self.dispatch(recorder, groups);
    }

    /// What found no room, and which pages were asked for; after the last phase.
    pub(crate) fn end(&self, recorder: &mut Recorder, second: bool) {
        then(recorder);
        recorder.bind_pipeline(&self.pipelines.roots);
        self.push(recorder, 0, second);
        self.dispatch(recorder, work::INCOMPLETE);
        recorder.bind_pipeline(&self.pipelines.asked);
        self.dispatch(recorder, work::ASKED);
    }
}

impl<T: sealed::Target> Frame<'_, T> {
    /// Pipelines, and the buffer of queues and lists.
    fn cluster_parts(&self) -> Option<(&ClusterKey, &ClusterPipelines, &Buffer)> {
        let key = self.key.clusters.as_ref()?;
        let lists = self.realised.buffer(self.resources.cluster_lists);
        Some((key, self.pipelines.cluster_meshes()?, lists))
    }

    /// Chooses clusters: for all views, or of what was hidden from the camera at first.
    pub(crate) fn cluster_select(&self, recorder: &mut Recorder, second: bool) {
        let Some((key, pipelines, lists)) = self.cluster_parts() else {
            return;
        };
        let select = Select {
            bindless: self.bindless,
            pipelines,
            lists,
            sizes: &key.sizes,
            globals: self.globals,
            frame: self.cluster_frame,
            instances: self.scene.draws.cluster_count(),
            depth: self.scene.clusters.depth(),
        };
        if second {
            select.again(recorder);
        } else {
            let pixels = self.realised.buffer(self.resources.cluster_pixels);
            recorder.fill_buffer(pixels, 0, pixels.size, 0);
            select.all(recorder, self.cluster_views);
        }
        if self.cluster_last(second) {
            select.end(recorder, second);
        }
    }

    /// Whether there is no phase after this one.
    fn cluster_last(&self, second: bool) -> bool {
        second || self.key.culling != Culling::Occlusion
    }

    /// Draws what was chosen into the visibility buffer.
    pub(crate) fn cluster_raster(&self, recorder: &mut Recorder, second: bool) {
        let Some((key, pipelines, lists)) = self.cluster_parts() else {
            return;
        };
        let phase = 2 * u32::from(second);
        let push = |list: u32| RasterPush {
            globals: self.globals,
            frame: self.cluster_frame,
            list: phase + list,
            work: work::LARGE_FIRST + phase + list,
        };
        let draw = |recorder: &mut Recorder, way: Way, push: &RasterPush| {
            let command = u64::from(push.work) * work::BYTES;
            let raster = &pipelines.raster;
            raster.draw(recorder, self.bindless, way, push, (lists, command));
        };
        let large = if key.mesh { Way::Mesh } else { Way::Hardware };
        draw(recorder, Way::Compute, &push(1));
        recorder.begin_rendering(self.key.extent, &[], None);
        draw(recorder, large, &push(0));
        if self.cluster_last(second) {
            // Instances that found no room.
            let roots = RasterPush {
                list: 4,
                work: work::ROOTS,
                ..push(0)
            };
            draw(recorder, large, &roots);
        }
        recorder.end_rendering();
    }

    /// Draws clusters into all shadow maps of an atlas, which is being drawn to.
    pub(crate) fn cluster_shadows(
        &self,
        recorder: &mut Recorder,
        extent: vk::Extent2D,
        lights: bool,
    ) {
        let Some((key, pipelines, lists)) = self.cluster_parts() else {
            return;
        };
        let entry = if lights { work::LIGHTS } else { work::SUN };
        let push = RasterPush {
            globals: self.globals,
            frame: self.cluster_frame,
            list: lights.into(),
            work: entry,
        };
        let command = u64::from(entry) * work::BYTES;
        recorder.whole(extent);
        recorder.cull(vk::CullModeFlags::NONE, vk::FrontFace::COUNTER_CLOCKWISE);
        match &pipelines.shadow_mesh {
            Some(shadow) if key.mesh => {
                recorder.bind_pipeline(shadow);
                recorder.push_constants(self.bindless, &push);
                recorder.draw_mesh_indirect(lists, command);
            }
            _ => {
                recorder.bind_pipeline(&pipelines.shadow);
                recorder.push_constants(self.bindless, &push);
                recorder.draw_indirect(lists, command + work::DRAW, command + work::ANY);
            }
        }
    }

    /// Depth, and how surfaces have moved, from the visibility buffer.
    pub(crate) fn cluster_resolve(&self, recorder: &mut Recorder) {
        let Some((_, pipelines, _)) = self.cluster_parts() else {
            return;
        };
        let motion = self
            .key
            .temporal
            .then(|| self.attachment(self.resources.motion, false, true));
        recorder.begin_rendering(
            self.key.extent,
            motion.as_slice(),
            Some(self.attachment(self.resources.depth, false, true)),
        );
        recorder.bind_pipeline(if self.key.temporal {
            &pipelines.resolve_motion
        } else {
            &pipelines.resolve
        });
        let push = ResolvePush {
            globals: self.globals,
            frame: self.cluster_frame,
            motion: self.motion,
        };
        recorder.push_constants(self.bindless, &push);
        recorder.draw(3);
        recorder.end_rendering();
    }

    /// Colours of the pixels that clusters have.
    pub(crate) fn cluster_shade(&self, recorder: &mut Recorder) {
        let Some((_, pipelines, _)) = self.cluster_parts() else {
            return;
        };
        let paths = match self.key.debug {
            DebugView::Clusters => false,
            DebugView::ClusterPaths => true,
            _ => {
                return pipelines.shade.record(
                    recorder,
                    self.bindless,
                    (self.globals, self.cluster_shade),
                    self.realised.buffer(self.resources.cluster_bins),
                    self.key.extent,
                    (self.scene.draws.cluster_bins(), self.key.features()),
                );
            }
        };
        recorder.bind_pipeline(&pipelines.debug);
        let push = DebugPush {
            globals: self.globals,
            frame: self.cluster_frame,
            paths: paths.into(),
            padding: 0,
        };
        recorder.push_constants(self.bindless, &push);
        let vk::Extent2D { width, height } = self.key.extent;
        recorder.dispatch(width.div_ceil(8), height.div_ceil(8), 1);
    }

    /// Copies what was counted to where the CPU reads it.
    pub(crate) fn cluster_count(&self, recorder: &mut Recorder) {
        let Some((key, _, lists)) = self.cluster_parts() else {
            return;
        };
        let region = vk::BufferCopy {
            src_offset: 0,
            dst_offset: crate::report::CLUSTER_WORK as u64 * 4,
            size: work::BYTES * u64::from(work::COUNT),
        };
        recorder.copy_buffer(lists.raw, self.report.raw, &[region]);
        if self.scene.clusters.streaming().is_some() {
            let region = vk::BufferCopy {
                src_offset: key.sizes.parts().asked,
                dst_offset: 0,
                size: self.asked.size,
            };
            recorder.copy_buffer(lists.raw, self.asked.raw, &[region]);
        }
    }
}
