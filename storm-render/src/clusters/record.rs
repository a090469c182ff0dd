//! What the passes of clusters record.

use ash::vk;
use bytemuck::{Pod, Zeroable};

use super::{
    frame::{ClusterKey, work},
    pipelines::ClusterPipelines,
};
use crate::{
    frame::record::Frame,
    gpu::{
        buffer::Buffer,
        commands::{Access, Recorder},
    },
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
struct RasterPush {
    globals: u64,
    frame: u64,
    list: u32,
    work: u32,
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

impl<T: sealed::Target> Frame<'_, T> {
    /// Pipelines, and the buffer of queues and lists.
    fn cluster_parts(&self) -> Option<(&ClusterKey, &ClusterPipelines, &Buffer)> {
        let key = self.key.clusters.as_ref()?;
        let lists = self.realised.buffer(self.resources.cluster_lists);
        Some((key, self.pipelines.cluster_meshes()?, lists))
    }

    fn select_push(&self, stage: u32, second: bool, first_view: u32) -> SelectPush {
        SelectPush {
            globals: self.globals,
            frame: self.cluster_frame,
            stage,
            second: second.into(),
            first_view,
            padding: 0,
        }
    }

    /// Chooses clusters: for all views, or of what was hidden from the camera at first.
    pub(crate) fn cluster_select(&self, recorder: &mut Recorder, second: bool) {
        let Some((_, pipelines, lists)) = self.cluster_parts() else {
            return;
        };
        let command = |entry: u32| u64::from(entry) * work::BYTES;
        if !second {
            let pixels = self.realised.buffer(self.resources.cluster_pixels);
            recorder.fill_buffer(pixels, 0, pixels.size, 0);
            let counts = work::BYTES * u64::from(work::COUNT);
            recorder.fill_buffer(lists, 0, counts, 0);
            recorder.memory_barrier(
                Access::COPY_WRITE,
                Access::COMPUTE_READ.and(Access::COMPUTE_WRITE),
            );
            recorder.bind_pipeline(&pipelines.instances);
            recorder.push_constants(self.bindless, &self.select_push(0, false, 0));
            let instances = self.scene.draws.cluster_count();
            recorder.dispatch(instances.div_ceil(64), self.cluster_views, 1);
        }
        let depth = self.scene.clusters.depth();
        let (nodes, groups) = if second {
            (work::NODES_SECOND, work::GROUPS_FIRST + 1)
        } else {
            (work::NODES_FIRST, work::GROUPS_FIRST)
        };
        recorder.bind_pipeline(&pipelines.nodes);
        for level in 0..depth {
            then(recorder);
            recorder.push_constants(self.bindless, &self.select_push(level, second, 0));
            recorder.dispatch_indirect(lists, command(nodes + level));
        }
        then(recorder);
        recorder.bind_pipeline(&pipelines.groups);
        recorder.push_constants(self.bindless, &self.select_push(0, second, 0));
        recorder.dispatch_indirect(lists, command(groups));
        if second {
            recorder.bind_pipeline(&pipelines.again);
            recorder.push_constants(self.bindless, &self.select_push(0, true, 0));
            recorder.dispatch_indirect(lists, command(work::HIDDEN));
        }
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
        let command = |list: u32| u64::from(work::LARGE_FIRST + phase + list) * work::BYTES;
        recorder.bind_pipeline(&pipelines.small);
        recorder.push_constants(self.bindless, &push(1));
        recorder.dispatch_indirect(lists, command(1));
        recorder.begin_rendering(self.key.extent, &[], None);
        match &pipelines.mesh {
            Some((mesh, _)) if key.mesh => {
                recorder.bind_pipeline(mesh);
                recorder.push_constants(self.bindless, &push(0));
                recorder.draw_mesh_indirect(lists, command(0));
            }
            _ => {
                recorder.bind_pipeline(&pipelines.large);
                recorder.push_constants(self.bindless, &push(0));
                recorder.draw_indirect(lists, command(0) + work::DRAW);
            }
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
        match &pipelines.mesh {
            Some((_, shadow)) if key.mesh => {
                recorder.bind_pipeline(shadow);
                recorder.push_constants(self.bindless, &push);
                recorder.draw_mesh_indirect(lists, command);
            }
            _ => {
                recorder.bind_pipeline(&pipelines.shadow);
                recorder.push_constants(self.bindless, &push);
                recorder.draw_indirect(lists, command + work::DRAW);
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
        let Some((_, _, lists)) = self.cluster_parts() else {
            return;
        };
        let region = vk::BufferCopy {
            src_offset: 0,
            dst_offset: crate::report::CLUSTER_WORK as u64 * 4,
            size: work::BYTES * u64::from(work::COUNT),
        };
        recorder.copy_buffer(lists.raw, self.report.raw, &[region]);
    }
}
