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

/// Shadows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShadowQuality {
    /// Slices of the view that have a map of the sun each, 1 to 4.
    pub cascades: u32,
    /// Texels along a side of such a map.
    pub resolution: u32,
    /// Metres from the camera within which the sun casts shadows.
    pub distance: f32,
    /// Maps of point and spot lights, 0 to 64: a point light takes 6, a spot light 1. Lights that matter most to the place of
    /// the camera get them.
    pub light_maps: u32,
    /// Texels along a side of such a map.
    pub light_resolution: u32,
}

impl ShadowQuality {
    /// Sharp: 4 maps of 2048 for the sun, 24 of 512 for other lights.
    pub const HIGH: Self = Self {
        cascades: 4,
        resolution: 2048,
        distance: 160.0,
        light_maps: 24,
        light_resolution: 512,
    };

    /// Half as sharp and half as far.
    pub const LOW: Self = Self {
        cascades: 2,
        resolution: 1024,
        distance: 80.0,
        light_maps: 8,
        light_resolution: 256,
    };

    /// The same, within what is allowed.
    pub(crate) fn within_limits(self) -> Self {
        Self {
            cascades: self.cascades.clamp(1, crate::shadow::CASCADES_MAX),
            resolution: self.resolution.clamp(64, 4096),
            distance: self.distance.clamp(1.0, 10_000.0),
            light_maps: self.light_maps.min(64),
            light_resolution: self.light_resolution.clamp(32, 1024),
        }
    }
}

/// What draws the triangles of clusters. The picture is the same, but for samples on edges.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ClusterRaster {
    /// What is fastest on the device: small triangles by compute, the others by mesh shaders or the rasteriser.
    #[default]
    Auto,
    /// The rasteriser, for all.
    Hardware,
    /// Mesh shaders, for all; the rasteriser where the device has none.
    Mesh,
    /// Compute, for all that it can draw: edges up to 32 pixels that do not cross the near plane.
    Compute,
    /// Compute up to so many pixels along the longest edge of a cluster, 0 to 32; mesh shaders or the rasteriser beyond.
    Split {
        /// Pixels.
        pixels: f32,
    },
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
    /// Pixels that the surface of a coarser level of a mesh may be off by: the coarsest below that is drawn
    /// ([`Mesh::levels`](storm_assets::Mesh::levels)). 0 draws the finest of all.
    pub level_error_pixels: f32,
    /// Powers of two by which it may be more in shadow maps, counted in their texels.
    pub shadow_level_bias: f32,
    /// Shadows; `None` for none.
    pub shadows: Option<ShadowQuality>,
    /// Metres within which surfaces darken one another's corners: ground-truth ambient occlusion. `None` for none.
    pub ambient_occlusion: Option<f32>,
    /// Smooth edges from frames before this one, where [`multisampling`](crate::RendererDesc::multisampling) is off: temporal
    /// anti-aliasing. A picture takes about ten frames to settle.
    pub temporal: bool,
    /// Blended surfaces are summed by weight, in no order, rather than sorted by their middles: right where they cross one
    /// another, nearly right elsewhere.
    pub weighted_blending: bool,
    /// Whether passes that only compute run beside those that draw, on a queue of their own where the device has one.
    pub async_compute: bool,
    /// More lights than this are first sorted into 16 × 9 × 24 parts of the view, on the GPU, so that a pixel is shaded by
    /// those that reach its part. The picture is the same, to the last bit.
    pub clustered_above: u32,
    /// What draws the triangles of meshes of clusters.
    pub cluster_raster: ClusterRaster,
}

impl Quality {
    /// For drivers that draw on the CPU, and the measure of a plain picture.
    pub const CPU: Self = Self {
        culling: Culling::Frustum,
        small_feature_pixels: 0.0,
        level_error_pixels: 1.0,
        shadow_level_bias: 0.0,
        shadows: None,
        ambient_occlusion: None,
        temporal: false,
        weighted_blending: false,
        async_compute: false,
        clustered_above: 8,
        cluster_raster: ClusterRaster::Auto,
    };

    /// For GPUs.
    pub const HIGH: Self = Self {
        culling: Culling::Occlusion,
        small_feature_pixels: 0.0,
        level_error_pixels: 1.0,
        shadow_level_bias: 0.0,
        shadows: Some(ShadowQuality::HIGH),
        ambient_occlusion: Some(1.0),
        temporal: true,
        weighted_blending: false,
        async_compute: false,
        clustered_above: 8,
        cluster_raster: ClusterRaster::Auto,
    };

    /// The same, with figures within what is allowed.
    pub(crate) fn within_limits(self) -> Self {
        Self {
            shadows: self.shadows.map(ShadowQuality::within_limits),
            ..self
        }
    }

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
