//! The compiled shaders, checked in beside their sources so that users need no shader compiler.
//!
//! `tests/it/shaders.rs` makes them: it says how, and fails where source and SPIR-V no longer belong together.

/// A compiled shader by its file name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shader<'a> {
    pub(crate) name: &'static str,
    pub(crate) spirv: &'a [u8],
}

macro_rules! shaders {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(pub(crate) const $name: Shader<'static> = Shader {
            name: $file,
            spirv: include_bytes!(concat!("../spv/", $file, ".spv")),
        };)*

        /// All of them.
        #[cfg(feature = "hot-reload")]
        pub(crate) const ALL: &[Shader<'static>] = &[$($name),*];
    };
}

shaders! {
    SCENE_VERT = "scene.vert",
    SCENE_FRAG = "scene.frag",
    SCENE_WIDE_VERT = "scene_wide.vert",
    SCENE_WIDE_FRAG = "scene_wide.frag",
    SCENE_WIDE_WEIGHTED_FRAG = "scene_wide_weighted.frag",
    SCATTER_COMP = "scatter.comp",
    DEFORM_COMP = "deform.comp",
    CLUSTER_SHADE_COMP = "cluster_shade.comp",
    CLUSTER_SHADE_COUNT_COMP = "cluster_shade_count.comp",
    CLUSTER_SHADE_SCAN_COMP = "cluster_shade_scan.comp",
    CLUSTER_SHADE_SORT_COMP = "cluster_shade_sort.comp",
    DEPTH_VERT = "depth.vert",
    DEPTH_MASK_FRAG = "depth_mask.frag",
    FULLSCREEN_VERT = "fullscreen.vert",
    BACKGROUND_FRAG = "background.frag",
    TONEMAP_FRAG = "tonemap.frag",
    TONEMAP_MS_FRAG = "tonemap_ms.frag",
    MOTION_VERT = "motion.vert",
    MOTION_FRAG = "motion.frag",
    MOTION_MASK_VERT = "motion_mask.vert",
    MOTION_MASK_FRAG = "motion_mask.frag",
    TEMPORAL_FRAG = "temporal.frag",
    SCENE_WEIGHTED_FRAG = "scene_weighted.frag",
    WEIGHTED_FRAG = "weighted.frag",
    WEIGHTED_MS_FRAG = "weighted_ms.frag",
    ID_VERT = "id.vert",
    ID_FRAG = "id.frag",
    LINES_VERT = "lines.vert",
    LINES_FRAG = "lines.frag",
    SURFACE_VERT = "surface.vert",
    SURFACE_MOTION_VERT = "surface_motion.vert",
    SURFACE_SHADOW_VERT = "surface_shadow.vert",
    UI_VERT = "ui.vert",
    UI_FRAG = "ui.frag",
    UI_OVER_FRAG = "ui_over.frag",
    OVERDRAW_FRAG = "overdraw.frag",
    HISTOGRAM_COMP = "histogram.comp",
    HISTOGRAM_MS_COMP = "histogram_ms.comp",
    EXPOSURE_COMP = "exposure.comp",
    BLOOM_FIRST_FRAG = "bloom_first.frag",
    BLOOM_FIRST_MS_FRAG = "bloom_first_ms.frag",
    BLOOM_DOWN_FRAG = "bloom_down.frag",
    BLOOM_UP_FRAG = "bloom_up.frag",
    OCCLUSION_FRAG = "occlusion.frag",
    OCCLUSION_MS_FRAG = "occlusion_ms.frag",
    OCCLUSION_BLUR_FRAG = "occlusion_blur.frag",
    SHADOW_VERT = "shadow.vert",
    SHADOW_MASK_VERT = "shadow_mask.vert",
    LIGHT_BOUNDS_COMP = "light_bounds.comp",
    LIGHT_CLUSTERS_COMP = "light_clusters.comp",
    CULL_TEST_COMP = "cull_test.comp",
    CULL_SCAN_COMP = "cull_scan.comp",
    CULL_INSTANCES_COMP = "cull_instances.comp",
    CULL_COMMANDS_COMP = "cull_commands.comp",
    HIZ_COMP = "hiz.comp",
    HIZ_DEPTH_COMP = "hiz_depth.comp",
    HIZ_DEPTH_MS_COMP = "hiz_depth_ms.comp",
    SKY_CUBE_COMP = "sky_cube.comp",
    PREFILTER_COMP = "prefilter.comp",
    HARMONICS_COMP = "harmonics.comp",
    AIR_TRANSMITTANCE_COMP = "air_transmittance.comp",
    AIR_SCATTERING_COMP = "air_scattering.comp",
    AIR_VIEW_COMP = "air_view.comp",
    BRDF_TABLE_COMP = "brdf_table.comp",
    CLUSTER_INSTANCES_COMP = "cluster_instances.comp",
    CLUSTER_NODES_COMP = "cluster_nodes.comp",
    CLUSTER_GROUPS_COMP = "cluster_groups.comp",
    CLUSTER_AGAIN_COMP = "cluster_again.comp",
    CLUSTER_ROOTS_COMP = "cluster_roots.comp",
    CLUSTER_ASKED_COMP = "cluster_asked.comp",
    CLUSTER_RASTER_COMP = "cluster_raster.comp",
    CLUSTER_RASTER_VERT = "cluster_raster.vert",
    CLUSTER_RASTER_FRAG = "cluster_raster.frag",
    CLUSTER_RASTER_MESH = "cluster_raster.mesh",
    CLUSTER_RASTER_MESH_FRAG = "cluster_raster_mesh.frag",
    CLUSTER_SHADOW_VERT = "cluster_shadow.vert",
    CLUSTER_SHADOW_MESH = "cluster_shadow.mesh",
    CLUSTER_RESOLVE_FRAG = "cluster_resolve.frag",
    CLUSTER_ID_VERT = "cluster_id.vert",
    CLUSTER_ID_FRAG = "cluster_id.frag",
    CLUSTER_DEBUG_COMP = "cluster_debug.comp",
}
