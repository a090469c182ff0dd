//! How much work a picture is worth.

use crate::context::GpuInfo;

/// Which instances are drawn of those that there are. The picture is the same, to the last bit, in all three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Culling {
    /// All.
    Off,
    /// Those in view that cover a sample. Decided on the GPU, in well under a millisecond for 100,000 instances.
    #[default]
    Frustum,
    /// Of those, the ones that nothing hides: what was seen in the frame before is drawn first, then what its depths do
    /// not hide. Pays where much is hidden; costs a hierarchical depth buffer and a second pass over the candidates.
    Occlusion,
}

/// What a picture is worth. A [`Renderer`](crate::Renderer) has one, and can be given another between frames.
///
/// ```
/// use storm_render::{Culling, Quality};
///
/// let quality = Quality { culling: Culling::Occlusion, ..Quality::CPU };
/// assert_ne!(quality, Quality::CPU);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// What is not drawn because it could not be seen.
    pub culling: Culling,
    /// Instances smaller than this, in pixels, are not drawn. 0 draws everything that covers a sample, and only then is the
    /// picture the same as without culling.
    pub small_feature_pixels: f32,
}

impl Quality {
    /// For drivers that draw on the CPU, and the measure of a plain picture.
    pub const CPU: Self = Self {
        culling: Culling::Frustum,
        small_feature_pixels: 0.0,
    };

    /// For GPUs.
    pub const HIGH: Self = Self {
        culling: Culling::Occlusion,
        small_feature_pixels: 0.0,
    };

    /// What suits a device: [`Quality::CPU`] or [`Quality::HIGH`].
    #[must_use]
    pub fn for_device(info: &GpuInfo) -> Self {
        if info.software { Self::CPU } else { Self::HIGH }
    }
}

impl Default for Quality {
    fn default() -> Self {
        Self::CPU
    }
}
