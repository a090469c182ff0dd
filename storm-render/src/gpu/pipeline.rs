//! Graphics and compute pipelines. All share the layout of [`Bindless`]: vertices are pulled by address, so there is no
//! vertex input, and cull mode and front face are dynamic, so there are few of them.

use std::{ffi::CStr, sync::Arc};

use ash::vk;

use super::{
    bindless::Bindless,
    device::{Device, Garbage},
};
use crate::{
    error::{RenderError, Result},
    shaders::Shader,
};

/// How colours of a pipeline meet those in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blending {
    /// They replace them.
    Replace,
    /// Premultiplied alpha over them.
    Over,
    /// They are dropped.
    Drop,
    /// Of two targets: colours are added to the first, and the second is multiplied by what they let through.
    Weighted,
}

/// How depth is used. Depth is reversed: 1 at the near plane, 0 at infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// There is no depth attachment.
    None,
    /// There is one, which is neither tested nor written.
    Ignored,
    /// Nearer wins and is written.
    TestAndWrite,
    /// Nearer or equal passes, nothing is written.
    Test,
    /// Only what the depth pass has left passes, nothing is written.
    TestEqual,
}

/// What a graphics pipeline is.
pub(crate) struct GraphicsDesc<'a> {
    /// A mesh shader where its name ends in `.mesh`, only on devices that have them: the topology is the shader's then.
    pub(crate) vertex: Shader<'a>,
    /// `None` writes depth alone.
    pub(crate) fragment: Option<Shader<'a>>,
    /// Specialization constant 0 of the fragment shader.
    pub(crate) fragment_constant: u32,
    pub(crate) topology: vk::PrimitiveTopology,
    /// Of each colour attachment.
    pub(crate) color_formats: &'a [vk::Format],
    pub(crate) depth: Depth,
    pub(crate) blending: Blending,
    pub(crate) samples: vk::SampleCountFlags,
}

/// The depth format: every device has it as an attachment.
pub(crate) const DEPTH_FORMAT: vk::Format = vk::Format::D32_SFLOAT;

const ENTRY: &CStr = c"main";

/// A pipeline of either kind.
pub(crate) struct Pipeline {
    pub(crate) raw: vk::Pipeline,
    pub(crate) bind_point: vk::PipelineBindPoint,
    device: Arc<Device>,
}

/// A shader module for the time of making a pipeline.
struct Module<'a> {
    raw: vk::ShaderModule,
    device: &'a Device,
}

impl<'a> Module<'a> {
    fn new(device: &'a Device, spirv: &[u8]) -> Result<Self> {
        let words = ash::util::read_spv(&mut std::io::Cursor::new(spirv))
            .expect("the SPIR-V of this crate is checked by its tests");
        let info = vk::ShaderModuleCreateInfo::default().code(&words);
        // SAFETY: valid SPIR-V made by this crate, which uses enabled capabilities only (invariant 5).
        let raw = unsafe { device.raw.create_shader_module(&info, None) }
            .map_err(RenderError::vulkan("creating a shader module"))?;
        Ok(Self { raw, device })
    }
}

impl Drop for Module<'_> {
    fn drop(&mut self) {
        // SAFETY: pipelines do not need the modules they were made from.
        unsafe { self.device.raw.destroy_shader_module(self.raw, None) };
    }
}

/// How colours meet those in attachment `index`.
fn blend_state(blending: Blending, index: usize) -> vk::PipelineColorBlendAttachmentState {
    let (source, target) = match (blending, index) {
        (Blending::Weighted, 0) => (vk::BlendFactor::ONE, vk::BlendFactor::ONE),
        (Blending::Weighted, _) => (vk::BlendFactor::ZERO, vk::BlendFactor::ONE_MINUS_SRC_COLOR),
        _ => (vk::BlendFactor::ONE, vk::BlendFactor::ONE_MINUS_SRC_ALPHA),
    };
    vk::PipelineColorBlendAttachmentState::default()
        .color_write_mask(if blending == Blending::Drop {
            vk::ColorComponentFlags::empty()
        } else {
            vk::ColorComponentFlags::RGBA
        })
        .blend_enable(matches!(blending, Blending::Over | Blending::Weighted))
        .src_color_blend_factor(source)
        .dst_color_blend_factor(target)
        .src_alpha_blend_factor(source)
        .dst_alpha_blend_factor(target)
}

/// Of specialization constant 0.
fn constant_entry(size: usize) -> vk::SpecializationMapEntry {
    vk::SpecializationMapEntry {
        constant_id: 0,
        offset: 0,
        size,
    }
}

fn first(
    result: Result<Vec<vk::Pipeline>, (Vec<vk::Pipeline>, vk::Result)>,
) -> Result<vk::Pipeline> {
    // One pipeline is asked for: where that fails there is none to clean up.
    result
        .map(|pipelines| pipelines[0])
        .map_err(|(_, result)| RenderError::vulkan("creating a pipeline")(result))
}

impl Pipeline {
    pub(crate) fn compute(
        device: &Arc<Device>,
        bindless: &Bindless,
        shader: Shader<'_>,
    ) -> Result<Self> {
        Self::compute_with(device, bindless, shader, 0)
    }

    /// With this specialization constant 0.
    pub(crate) fn compute_with(
        device: &Arc<Device>,
        bindless: &Bindless,
        shader: Shader<'_>,
        constant: u32,
    ) -> Result<Self> {
        let module = Module::new(device, bindless.code(shader))?;
        let constant = constant.to_ne_bytes();
        let entries = [constant_entry(constant.len())];
        let specialization = vk::SpecializationInfo::default()
            .map_entries(&entries)
            .data(&constant);
        let stage = vk::PipelineShaderStageCreateInfo::default()
            .stage(vk::ShaderStageFlags::COMPUTE)
            .module(module.raw)
            .specialization_info(&specialization)
            .name(ENTRY);
        let infos = [vk::ComputePipelineCreateInfo::default()
            .stage(stage)
            .layout(bindless.layout)];
        // SAFETY: module and layout are of this device and alive; the shader's interface is the shared layout.
        let made = unsafe {
            device
                .raw
                .create_compute_pipelines(bindless.cache.raw, &infos, None)
        };
        device.made_pipeline();
        Ok(Self {
            raw: first(made)?,
            bind_point: vk::PipelineBindPoint::COMPUTE,
            device: Arc::clone(device),
        })
    }

    pub(crate) fn graphics(
        device: &Arc<Device>,
        bindless: &Bindless,
        desc: &GraphicsDesc<'_>,
    ) -> Result<Self> {
        let vertex = Module::new(device, bindless.code(desc.vertex))?;
        let fragment = desc
            .fragment
            .map(|shader| Module::new(device, bindless.code(shader)))
            .transpose()?;
        let constant = desc.fragment_constant.to_ne_bytes();
        let entries = [constant_entry(constant.len())];
        let specialization = vk::SpecializationInfo::default()
            .map_entries(&entries)
            .data(&constant);
        let stage = |stage, module: &Module<'_>| {
            vk::PipelineShaderStageCreateInfo::default()
                .stage(stage)
                .module(module.raw)
                .name(ENTRY)
        };
        let first_stage = if desc.vertex.name.ends_with(".mesh") {
            vk::ShaderStageFlags::MESH_EXT
        } else {
            vk::ShaderStageFlags::VERTEX
        };
        let mut stages = vec![stage(first_stage, &vertex)];
        if let Some(fragment) = &fragment {
            stages.push(
                stage(vk::ShaderStageFlags::FRAGMENT, fragment)
                    .specialization_info(&specialization),
            );
        }
        let vertex_input = vk::PipelineVertexInputStateCreateInfo::default();
        let assembly = vk::PipelineInputAssemblyStateCreateInfo::default().topology(desc.topology);
        let viewport = vk::PipelineViewportStateCreateInfo::default()
            .viewport_count(1)
            .scissor_count(1);
        let raster = vk::PipelineRasterizationStateCreateInfo::default()
            .polygon_mode(vk::PolygonMode::FILL)
            .line_width(1.0);
        let multisample =
            vk::PipelineMultisampleStateCreateInfo::default().rasterization_samples(desc.samples);
        let depth = vk::PipelineDepthStencilStateCreateInfo::default()
            .depth_test_enable(!matches!(desc.depth, Depth::None | Depth::Ignored))
            .depth_write_enable(desc.depth == Depth::TestAndWrite)
            .depth_compare_op(match desc.depth {
                Depth::Test => vk::CompareOp::GREATER_OR_EQUAL,
                Depth::TestEqual => vk::CompareOp::EQUAL,
                Depth::None | Depth::Ignored | Depth::TestAndWrite => vk::CompareOp::GREATER,
            });
        let attachments: Vec<_> = (0..desc.color_formats.len())
            .map(|index| blend_state(desc.blending, index))
            .collect();
        let blend = vk::PipelineColorBlendStateCreateInfo::default().attachments(&attachments);
        let dynamic = [
            vk::DynamicState::VIEWPORT,
            vk::DynamicState::SCISSOR,
            vk::DynamicState::CULL_MODE,
            vk::DynamicState::FRONT_FACE,
        ];
        let dynamic = vk::PipelineDynamicStateCreateInfo::default().dynamic_states(&dynamic);
        let mut rendering =
            vk::PipelineRenderingCreateInfo::default().color_attachment_formats(desc.color_formats);
        if desc.depth != Depth::None {
            rendering = rendering.depth_attachment_format(DEPTH_FORMAT);
        }
        let infos = [vk::GraphicsPipelineCreateInfo::default()
            .stages(&stages)
            .vertex_input_state(&vertex_input)
            .input_assembly_state(&assembly)
            .viewport_state(&viewport)
            .rasterization_state(&raster)
            .multisample_state(&multisample)
            .depth_stencil_state(&depth)
            .color_blend_state(&blend)
            .dynamic_state(&dynamic)
            .layout(bindless.layout)
            .push_next(&mut rendering)];
        // SAFETY: all parts are of this device and outlive the call (invariants 1, 4); dynamic rendering and dynamic
        // cull state are part of the Vulkan 1.3 that every adapter has (invariant 5).
        let made = unsafe {
            device
                .raw
                .create_graphics_pipelines(bindless.cache.raw, &infos, None)
        };
        device.made_pipeline();
        Ok(Self {
            raw: first(made)?,
            bind_point: vk::PipelineBindPoint::GRAPHICS,
            device: Arc::clone(device),
        })
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.device.discard(Garbage::Pipeline(self.raw));
    }
}
