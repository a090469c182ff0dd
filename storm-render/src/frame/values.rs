//! What the constants of a frame are.

use ash::vk;
use glam::{Mat4, Vec2, Vec3};

use super::{
    constants::{Constants, Part},
    cull::{CullInfo, CullView},
    level,
    lighting::{self, LightingInfo},
    plan::{FrameKey, Resources, Step},
};
use crate::{
    atmosphere::AtmosphereInfo,
    clusters::{
        frame::{self as clusters, ClusterFrame, ClusterKey, ClusterView},
        shade::ShadeInfo,
    },
    context::CLAMP_SAMPLER,
    environment::EnvironmentSlots,
    gpu::buffer::Buffer,
    graph::{ResourceId, execute::Realised},
    quality::{Culling, Quality},
    scene::{
        Scene,
        layout::{Globals, LightInfo},
        motion::MotionInfo,
    },
    shadow::{self, ShadowView},
    view::{DebugView, Projection, View},
};

/// Where shadows are cast from in a frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shadows {
    /// Of the sun, then of other lights.
    pub(crate) views: Vec<ShadowView>,
    pub(crate) cascades: u32,
}

impl Shadows {
    pub(crate) fn new(
        view: &View,
        aspect: f32,
        sun: Vec3,
        shadowed: &[(LightInfo, u32)],
        quality: &Quality,
    ) -> Self {
        let Some(quality) = &quality.shadows else {
            return Self::default();
        };
        let mut views = shadow::cascades(view, aspect, sun, quality);
        let cascades = views.len() as u32;
        views.extend(shadow::lights(view, shadowed, quality));
        Self { views, cascades }
    }
}

/// All that shadow maps are drawn from. The maps of two frames that have the same are the same, to the last bit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShadowState {
    views: Vec<ShadowView>,
    /// Of the camera: surfaces are drawn relative to it.
    place: ([i32; 3], Vec3),
    /// Of what is uploaded.
    version: (u64, u64),
    /// Candidates and commands: a scene that has just become empty uploads nothing.
    counts: (u32, u32, u32),
    quality: Quality,
}

impl ShadowState {
    /// `None` where there are no maps.
    pub(crate) fn of(
        shadows: &Shadows,
        scene: &Scene,
        view: &View,
        quality: &Quality,
    ) -> Option<Self> {
        let (candidates, solid) = scene.draws.candidates();
        (!shadows.views.is_empty()).then(|| Self {
            views: shadows.views.clone(),
            place: (view.cell, view.translation),
            version: scene.uploads.version(),
            counts: (candidates, solid, scene.draws.command_count()),
            quality: *quality,
        })
    }
}

/// What clusters need beside the view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClusterValues {
    /// The view and matrix, with jitter, that the hierarchical depth buffer was made from.
    pub(crate) before: Option<(View, Mat4)>,
    /// Longest edges, in pixels, of what compute draws.
    pub(crate) split: f32,
    /// Whether the rasteriser cuts triangles at the edges of the picture.
    pub(crate) cut: bool,
    /// Counts frames.
    pub(crate) frame: u32,
    /// Views that are chosen for: none of shadow maps that are kept.
    pub(crate) views: u32,
}

/// What the constants are made from.
pub(crate) struct Values<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) view: &'a View,
    pub(crate) quality: &'a Quality,
    pub(crate) key: &'a FrameKey,
    pub(crate) realised: &'a Realised<Step>,
    pub(crate) resources: &'a Resources,
    pub(crate) environment: EnvironmentSlots,
    /// With the addresses of its tables.
    pub(crate) air: Option<AtmosphereInfo>,
    pub(crate) shadows: &'a Shadows,
    pub(crate) report: &'a Buffer,
    /// Where samples are moved to, in clip units.
    pub(crate) jitter: Vec2,
    /// The view of the frame before, and its matrix.
    pub(crate) before: Option<(View, Mat4)>,
    /// Whether samples lie where the specification says.
    pub(crate) standard_samples: bool,
    /// What clusters are seen with beside.
    pub(crate) clusters: ClusterValues,
}

impl Values<'_> {
    /// Writes what differs from what is there. Gives the bytes written.
    pub(crate) fn write(&self, constants: &mut Constants) -> u64 {
        let vk::Extent2D { width, height } = self.key.extent;
        let still = self.view.clip_from_relative(width as f32 / height as f32);
        let clip_from_relative = Mat4::from_translation(self.jitter.extend(0.0)) * still;
        let lighting = constants.address(Part::Lighting);
        let environment = self.environment;
        let mut globals = globals(
            self.scene,
            self.view,
            clip_from_relative,
            environment,
            lighting,
        );
        let mut bytes = 0;
        if let Some(air) = &self.air {
            globals.sky.atmosphere = constants.address(Part::Air);
            bytes += constants.write(Part::Air, std::slice::from_ref(air));
        }
        bytes += constants.write(Part::Globals, &[globals]);
        if self.key.lists() {
            let info = self.cull_info(constants.address(Part::Views));
            bytes += constants.write(Part::Cull, &[info]);
            bytes += constants.write(Part::Views, &self.cull_views(clip_from_relative, still));
        }
        if let Some(key) = &self.key.clusters {
            let info = self.cluster_frame(key, constants.address(Part::ClusterViews));
            bytes += constants.write(Part::Clusters, &[info]);
            bytes += constants.write(Part::ClusterShade, &[self.shade_info(key)]);
            let views = self.cluster_views(clip_from_relative, still);
            bytes += constants.write(Part::ClusterViews, &views);
        }
        if self.key.temporal {
            bytes += constants.write(Part::Motion, &[self.motion(still)]);
        }
        if self.key.features() != 0 {
            let info = self.lighting(constants.address(Part::Shadows));
            bytes += constants.write(Part::Lighting, &[info]);
            bytes += constants.write(Part::Shadows, &self.shadows.views);
        }
        bytes
    }

    /// The address of a buffer of the graph; 0 where no pass uses it.
    fn address(&self, id: ResourceId) -> u64 {
        let buffer = self.realised.maybe_buffer(id);
        buffer.map_or(0, |buffer| buffer.address)
    }

    fn cull_info(&self, views: u64) -> CullInfo {
        let draws = &self.scene.draws;
        let sizes = self.key.sizes;
        let parts = sizes.parts();
        let lists = self.address(self.resources.lists);
        let (candidate_count, solid_count) = draws.candidates();
        let solid_ranges = draws.solid().len() as u32;
        CullInfo {
            views,
            candidates: draws.visible().address,
            commands: draws.commands().address,
            ranges: draws.ranges().address,
            boxes: self.scene.geometry.boxes().address,
            bits: lists + parts.bits,
            sums: lists + parts.sums,
            slots: lists + parts.slots,
            commands_left: lists + parts.commands,
            counts: lists + parts.counts,
            hiz: self.address(self.resources.hiz),
            seen: self.address(self.resources.seen),
            report: self.report.address,
            candidate_count,
            solid_count,
            range_count: solid_ranges + draws.blended().len() as u32,
            candidate_stride: sizes.candidates,
            command_stride: sizes.commands,
            range_stride: sizes.ranges,
            solid_ranges,
            padding: 0,
        }
    }

    fn motion(&self, still: Mat4) -> MotionInfo {
        let (view, before) = self.before.unwrap_or((*self.view, still));
        MotionInfo {
            clip_from_relative: still.to_cols_array_2d(),
            previous_clip_from_relative: before.to_cols_array_2d(),
            previous_cell: view.cell,
            fresh: u32::from(self.before.is_none()),
            previous_translation: view.translation.into(),
            padding: 0,
            previous_transforms: self.scene.instances.previous_transforms(),
        }
    }

    fn level_scale(&self, clip: &Mat4, extent: [f32; 2], bias: f32) -> f32 {
        let pixels = self.quality.level_error_pixels.max(0.0);
        level::scale(clip, extent, pixels * bias.clamp(-16.0, 16.0).exp2())
    }

    /// The view of the camera, then those of lights. Levels do not follow the jitter of samples.
    fn cull_views(&self, clip_from_relative: Mat4, still: Mat4) -> Vec<CullView> {
        let vk::Extent2D { width, height } = self.key.extent;
        let extent = [width as f32, height as f32];
        let sample_grid = if !self.standard_samples {
            0
        } else if self.key.samples == vk::SampleCountFlags::TYPE_1 {
            1
        } else {
            // Of the four samples of a pixel no two share a row or a column.
            4
        };
        let camera = CullView {
            clip_from_relative: clip_from_relative.to_cols_array_2d(),
            extent,
            small: self.quality.small_feature_pixels,
            sample_grid,
            level_scale: self.level_scale(&still, extent, self.view.level_bias),
            padding: [0; 3],
        };
        let lights = self.shadows.views.iter().map(|shadow| CullView {
            clip_from_relative: shadow.clip_from_relative,
            extent: [shadow.size; 2],
            small: 0.0,
            sample_grid: 1,
            level_scale: self.level_scale(
                &Mat4::from_cols_array_2d(&shadow.clip_from_relative),
                [shadow.size; 2],
                self.quality.shadow_level_bias,
            ),
            padding: [0; 3],
        });
        std::iter::once(camera).chain(lights).collect()
    }

    fn cluster_frame(&self, key: &ClusterKey, views: u64) -> ClusterFrame {
        let flag = |on: bool, bit: u32| if on { bit } else { 0 };
        let occlusion = self.key.culling == Culling::Occlusion;
        let lists = self.realised.buffer(self.resources.cluster_lists);
        ClusterFrame {
            hiz: self.address(self.resources.hiz),
            pixels: self.address(self.resources.cluster_pixels),
            view_count: self.clusters.views,
            flags: flag(self.key.culling != Culling::Off, clusters::FRUSTUM)
                | flag(occlusion, clusters::OCCLUSION)
                | flag(
                    occlusion && self.clusters.before.is_some(),
                    clusters::BEFORE,
                )
                | flag(self.clusters.cut, clusters::CUT),
            cascades: self.shadows.cascades,
            split: self.clusters.split,
            frame: self.clusters.frame,
            ..ClusterFrame::of(self.scene, &key.sizes, lists, views)
        }
    }

    fn shade_info(&self, key: &ClusterKey) -> ShadeInfo {
        let vk::Extent2D { width, height } = self.key.extent;
        ShadeInfo {
            visibility: self.address(self.resources.cluster_pixels),
            clusters: self.address(self.resources.cluster_lists) + key.sizes.parts().visible,
            bins: self.address(self.resources.cluster_bins),
            pixels: self.address(self.resources.cluster_shaded),
            extent: [width, height],
        }
    }

    /// The camera's, those of the shadow maps that are drawn, and the camera's of the frame before.
    fn cluster_views(&self, clip_from_relative: Mat4, still: Mat4) -> Vec<ClusterView> {
        let vk::Extent2D { width, height } = self.key.extent;
        let extent = [width as f32, height as f32];
        let threshold =
            |bias: f32| self.quality.level_error_pixels.max(0.0) * bias.clamp(-16.0, 16.0).exp2();
        let camera = ClusterView::camera(
            self.view,
            &clip_from_relative,
            &still,
            extent,
            threshold(self.view.level_bias),
        );
        let lights =
            self.shadows.views.iter().map(|shadow| {
                ClusterView::shadow(shadow, threshold(self.quality.shadow_level_bias))
            });
        let earlier = match &self.clusters.before {
            Some((before, matrix)) => ClusterView::earlier(self.view, before, matrix, extent),
            None => camera,
        };
        std::iter::once(camera)
            .chain(lights.take(self.clusters.views as usize - 1))
            .chain([earlier])
            .collect()
    }

    fn lighting(&self, shadows: u64) -> LightingInfo {
        let vk::Extent2D { width, height } = self.key.extent;
        let light_words = self.key.light_words;
        LightingInfo {
            shadows,
            clusters: self.address(self.resources.clusters),
            cluster_bounds: self.address(self.resources.cluster_bounds),
            forward: (self.view.rotation * Vec3::NEG_Z).into(),
            cascades: self.shadows.cascades,
            extent: [width as f32, height as f32],
            light_words,
            summary_words: lighting::summary_words(light_words),
        }
    }
}

/// What every shader knows.
pub(crate) fn globals(
    scene: &Scene,
    view: &View,
    clip_from_relative: Mat4,
    environment: EnvironmentSlots,
    lighting: u64,
) -> Globals {
    let eye = match view.projection {
        Projection::Perspective { .. } => Vec3::ZERO.extend(1.0),
        Projection::Orthographic { .. } => (view.rotation * Vec3::Z).extend(0.0),
    };
    Globals {
        clip_from_relative: clip_from_relative.to_cols_array_2d(),
        relative_from_clip: clip_from_relative.inverse().to_cols_array_2d(),
        eye: eye.into(),
        camera_cell: view.cell,
        // What is shown instead of colours is shown as it is.
        exposure: if view.debug == DebugView::None {
            view.exposure
        } else {
            1.0
        },
        camera_translation: view.translation.into(),
        light_count: scene.light_count(),
        sky: scene.sky_info().0,
        vertices: scene.geometry.vertices().address,
        transforms: scene.instances.transforms().address,
        metas: scene.instances.metas().address,
        meshes: scene.geometry.infos().address,
        materials: scene.surfaces.infos().address,
        lights: scene.lights.buffer().address,
        harmonics: environment.harmonics,
        sky_cube: environment.sky_cube,
        sky_levels: environment.sky_levels,
        brdf_table: environment.brdf_table,
        clamp_sampler: CLAMP_SAMPLER,
        lighting,
        parameters: scene.parameters.buffer().address,
        layers: scene.surfaces.layer_infos().address,
        uv_transforms: scene.surfaces.uv_transforms().address,
    }
}
