//! The pipelines that choose, draw and place clusters.

use ash::vk;

use super::shade::ShadePipelines;
use crate::{
    context::Gpu,
    error::Result,
    frame::plan::MOTION_FORMAT,
    gpu::pipeline::{Blending, Depth, GraphicsDesc, Pipeline},
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
    pub(crate) small: Pipeline,
    pub(crate) large: Pipeline,
    pub(crate) shadow: Pipeline,
    /// Of mesh shaders, where the device has them: into the visibility buffer and into shadow maps.
    pub(crate) mesh: Option<(Pipeline, Pipeline)>,
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
        let mesh = if gpu.device().mesh.is_some() {
            Some((
                graphics(desc(
                    shaders::CLUSTER_RASTER_MESH,
                    Some(shaders::CLUSTER_RASTER_MESH_FRAG),
                ))?,
                graphics(shadow(shaders::CLUSTER_SHADOW_MESH))?,
            ))
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
            small: compute(shaders::CLUSTER_RASTER_COMP)?,
            large: graphics(desc(
                shaders::CLUSTER_RASTER_VERT,
                Some(shaders::CLUSTER_RASTER_FRAG),
            ))?,
            shadow: graphics(shadow(shaders::CLUSTER_SHADOW_VERT))?,
            mesh,
            resolve: graphics(placed(false))?,
            resolve_motion: graphics(placed(true))?,
            debug: compute(shaders::CLUSTER_DEBUG_COMP)?,
            shade: ShadePipelines::new(gpu)?,
        })
    }
}
