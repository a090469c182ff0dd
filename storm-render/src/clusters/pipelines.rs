//! The pipelines that choose, draw and place clusters.

use ash::vk;

use super::shade::ShadePipelines;
use super::{frame::work, record::RasterPush};
use crate::{
    context::Gpu,
    error::Result,
    frame::plan::MOTION_FORMAT,
    gpu::{
        bindless::Bindless,
        buffer::Buffer,
        commands::Recorder,
        pipeline::{Blending, Depth, GraphicsDesc, Pipeline},
    },
    shaders::{self, Shader},
};

/// All of them, made when a scene first has clusters.
pub(crate) struct ClusterPipelines {
    pub(crate) instances: Pipeline,
    pub(crate) nodes: Pipeline,
    pub(crate) groups: Pipeline,
    pub(crate) again: Pipeline,
    pub(crate) roots: Pipeline,
    pub(crate) asked: Pipeline,
    pub(crate) raster: RasterPipelines,
    pub(crate) shadow: Pipeline,
    /// Of mesh shaders, where the device has them.
    pub(crate) shadow_mesh: Option<Pipeline>,
    pub(crate) resolve: Pipeline,
    pub(crate) resolve_motion: Pipeline,
    pub(crate) debug: Pipeline,
    pub(crate) shade: ShadePipelines,
}

fn desc<'a>(vertex: Shader<'a>, fragment: Option<Shader<'a>>) -> GraphicsDesc<'a> {
    GraphicsDesc {
        vertex,
        fragment,
        fragment_constant: 0,
        topology: vk::PrimitiveTopology::TRIANGLE_LIST,
        color_formats: &[],
        depth: Depth::None,
        blending: Blending::Drop,
        samples: vk::SampleCountFlags::TYPE_1,
    }
}

/// A way of drawing clusters into the visibility buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    Compute,
    Hardware,
    Mesh,
}

/// What draws into the visibility buffer.
pub(crate) struct RasterPipelines {
    small: Pipeline,
    large: Pipeline,
    /// Where the device has mesh shaders.
    mesh: Option<Pipeline>,
}

impl RasterPipelines {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        let graphics = |desc: GraphicsDesc<'_>| {
            gpu.with_bindless(|bindless| Pipeline::graphics(gpu.device(), bindless, &desc))
        };
        let mesh = if gpu.device().mesh.is_some() {
            let fragment = Some(shaders::CLUSTER_RASTER_MESH_FRAG);
            Some(graphics(desc(shaders::CLUSTER_RASTER_MESH, fragment))?)
        } else {
            None
        };
        let fragment = Some(shaders::CLUSTER_RASTER_FRAG);
        Ok(Self {
            small: gpu.with_bindless(|bindless| {
                Pipeline::compute(gpu.device(), bindless, shaders::CLUSTER_RASTER_COMP)
            })?,
            large: graphics(desc(shaders::CLUSTER_RASTER_VERT, fragment))?,
            mesh,
        })
    }

    /// Draws a list as the entry of `work` at a place of a buffer says. Compute outside of render passes, the others within one.
    pub(crate) fn draw(
        &self,
        recorder: &mut Recorder,
        bindless: &Bindless,
        way: Way,
        push: &RasterPush,
        (buffer, command): (&Buffer, u64),
    ) {
        let (pipeline, way) = match (way, &self.mesh) {
            (Way::Compute, _) => (&self.small, Way::Compute),
            (Way::Mesh, Some(mesh)) => (mesh, Way::Mesh),
            _ => (&self.large, Way::Hardware),
        };
        recorder.bind_pipeline(pipeline);
        recorder.push_constants(bindless, push);
        match way {
            Way::Compute => recorder.dispatch_indirect(buffer, command),
            Way::Hardware => {
                recorder.draw_indirect(buffer, command + work::DRAW, command + work::ANY);
            }
            Way::Mesh => recorder.draw_mesh_indirect(buffer, command),
        }
    }
}

impl ClusterPipelines {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        let compute = |shader| {
            gpu.with_bindless(|bindless| Pipeline::compute(gpu.device(), bindless, shader))
        };
        let graphics = |desc: GraphicsDesc<'_>| {
            gpu.with_bindless(|bindless| Pipeline::graphics(gpu.device(), bindless, &desc))
        };
        let placed = |motion: bool| GraphicsDesc {
            fragment_constant: motion.into(),
            color_formats: if motion { &[MOTION_FORMAT] } else { &[] },
            depth: Depth::TestAndWrite,
            blending: Blending::Replace,
            ..desc(
                shaders::FULLSCREEN_VERT,
                Some(shaders::CLUSTER_RESOLVE_FRAG),
            )
        };
        let shadow = |shader| GraphicsDesc {
            depth: Depth::TestAndWrite,
            ..desc(shader, None)
        };
        let shadow_mesh = if gpu.device().mesh.is_some() {
            Some(graphics(shadow(shaders::CLUSTER_SHADOW_MESH))?)
        } else {
            None
        };
        Ok(Self {
            instances: compute(shaders::CLUSTER_INSTANCES_COMP)?,
            nodes: compute(shaders::CLUSTER_NODES_COMP)?,
            groups: compute(shaders::CLUSTER_GROUPS_COMP)?,
            again: compute(shaders::CLUSTER_AGAIN_COMP)?,
            roots: compute(shaders::CLUSTER_ROOTS_COMP)?,
            asked: compute(shaders::CLUSTER_ASKED_COMP)?,
            raster: RasterPipelines::new(gpu)?,
            shadow: graphics(shadow(shaders::CLUSTER_SHADOW_VERT))?,
            shadow_mesh,
            resolve: graphics(placed(false))?,
            resolve_motion: graphics(placed(true))?,
            debug: compute(shaders::CLUSTER_DEBUG_COMP)?,
            shade: ShadePipelines::new(gpu)?,
        })
    }
}
