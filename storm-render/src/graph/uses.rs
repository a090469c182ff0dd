//! Ways of using a resource: where in the pipeline, how, and in which layout.

use ash::vk;

use vk::{AccessFlags2 as A, ImageLayout as L, PipelineStageFlags2 as S};

/// A way of using a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Use {
    /// Drawn to.
    Color,
    /// Drawn to and tested against.
    Depth,
    /// Tested against only.
    DepthTest,
    /// Sampled by fragment shaders, at this binding of the pass's inputs.
    SampledFragment(u8),
    /// Sampled by compute shaders, at this binding.
    SampledCompute(u8),
    /// Written, texel by texel, in compute shaders: a pass has one such image.
    WriteImage,
    /// Read by address in vertex shaders.
    ReadVertex,
    /// Read by address in mesh shaders; only where the device has them.
    ReadMesh,
    /// Read by address in fragment shaders.
    ReadFragment,
    /// Written, and perhaps read, by address in fragment shaders.
    WriteFragment,
    /// Read by address in compute shaders.
    ReadCompute,
    /// Written, and perhaps read, by address in compute shaders.
    WriteCompute,
    /// Holds the commands of indirect draws or dispatches.
    Indirect,
    /// Holds indices.
    Index,
    /// Copied from.
    CopyFrom,
    /// Copied or filled to.
    CopyTo,
    /// Copied, or the samples of its pixels averaged, into another image.
    ResolveFrom,
    /// Its first level is copied or averaged to, and the others are made of it.
    FillLevels,
    /// Shown in a window.
    Present,
    /// Read by the CPU.
    Host,
}

impl Use {
    /// The stages in which it happens.
    pub(crate) fn stage(self) -> S {
        match self {
            Self::Color => S::COLOR_ATTACHMENT_OUTPUT,
            Self::Depth | Self::DepthTest => S::EARLY_FRAGMENT_TESTS | S::LATE_FRAGMENT_TESTS,
            Self::SampledFragment(_) | Self::ReadFragment | Self::WriteFragment => {
                S::FRAGMENT_SHADER
            }
            Self::SampledCompute(_) | Self::WriteImage | Self::ReadCompute | Self::WriteCompute => {
                S::COMPUTE_SHADER
            }
            Self::ReadVertex => S::VERTEX_SHADER,
            Self::ReadMesh => S::MESH_SHADER_EXT,
            Self::Indirect => S::DRAW_INDIRECT,
            Self::Index => S::INDEX_INPUT,
            Self::CopyFrom => S::COPY,
            Self::CopyTo => S::COPY | S::CLEAR,
            Self::ResolveFrom => S::COPY | S::RESOLVE,
            Self::FillLevels => S::COPY | S::RESOLVE | S::BLIT,
            Self::Present => S::NONE,
            Self::Host => S::HOST,
        }
    }

    /// What is done to memory.
    pub(crate) fn access(self) -> A {
        match self {
            Self::Color => A::COLOR_ATTACHMENT_READ | A::COLOR_ATTACHMENT_WRITE,
            Self::Depth => A::DEPTH_STENCIL_ATTACHMENT_READ | A::DEPTH_STENCIL_ATTACHMENT_WRITE,
            Self::DepthTest => A::DEPTH_STENCIL_ATTACHMENT_READ,
            Self::SampledFragment(_) | Self::SampledCompute(_) => A::SHADER_SAMPLED_READ,
            Self::ReadVertex | Self::ReadMesh | Self::ReadFragment | Self::ReadCompute => {
                A::SHADER_STORAGE_READ
            }
            Self::WriteCompute | Self::WriteFragment => {
                A::SHADER_STORAGE_READ | A::SHADER_STORAGE_WRITE
            }
            Self::WriteImage => A::SHADER_STORAGE_WRITE,
            Self::Indirect => A::INDIRECT_COMMAND_READ,
            Self::Index => A::INDEX_READ,
            Self::CopyFrom | Self::ResolveFrom => A::TRANSFER_READ,
            Self::CopyTo => A::TRANSFER_WRITE,
            Self::FillLevels => A::TRANSFER_READ | A::TRANSFER_WRITE,
            Self::Present => A::NONE,
            Self::Host => A::HOST_READ,
        }
    }

    /// The part of [`Use::access`] that others have to wait to see.
    pub(crate) fn writes(self) -> A {
        self.access()
            & (A::COLOR_ATTACHMENT_WRITE
                | A::DEPTH_STENCIL_ATTACHMENT_WRITE
                | A::SHADER_STORAGE_WRITE
                | A::TRANSFER_WRITE)
    }

    pub(crate) fn is_write(self) -> bool {
        !self.writes().is_empty()
    }

    /// The layout that an image has meanwhile.
    pub(crate) fn layout(self) -> L {
        match self {
            Self::Color => L::COLOR_ATTACHMENT_OPTIMAL,
            Self::Depth | Self::DepthTest => L::DEPTH_ATTACHMENT_OPTIMAL,
            Self::SampledFragment(_) | Self::SampledCompute(_) => L::SHADER_READ_ONLY_OPTIMAL,
            Self::CopyFrom | Self::ResolveFrom => L::TRANSFER_SRC_OPTIMAL,
            Self::CopyTo | Self::FillLevels => L::TRANSFER_DST_OPTIMAL,
            Self::Present => L::PRESENT_SRC_KHR,
            _ => L::GENERAL,
        }
    }

    /// Whether a queue that cannot draw can do it.
    pub(crate) fn computes(self) -> bool {
        matches!(
            self,
            Self::SampledCompute(_)
                | Self::WriteImage
                | Self::ReadCompute
                | Self::WriteCompute
                | Self::CopyFrom
                | Self::CopyTo
        )
    }

    /// What an image has to be made for.
    pub(crate) fn image_usage(self) -> vk::ImageUsageFlags {
        use vk::ImageUsageFlags as U;
        match self {
            Self::Color => U::COLOR_ATTACHMENT,
            Self::Depth | Self::DepthTest => U::DEPTH_STENCIL_ATTACHMENT,
            Self::SampledFragment(_) | Self::SampledCompute(_) => U::SAMPLED,
            Self::CopyFrom | Self::ResolveFrom => U::TRANSFER_SRC,
            Self::FillLevels => U::TRANSFER_DST | U::TRANSFER_SRC,
            Self::CopyTo => U::TRANSFER_DST,
            _ => U::STORAGE,
        }
    }
}
