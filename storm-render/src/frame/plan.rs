//! The frame as a graph: passes and what they use. Pure data; the tests compile it without a device.

use ash::vk;

use super::{
    cull::{self, Sizes},
    lighting,
    post::{
        self, BLOOM_FORMAT, BLOOM_LEVELS_MAX, EXPOSURE_WORDS, Screen, VISIBILITY_FORMAT,
        VISIBILITY_RAW_FORMAT,
    },
    ui::UI_FORMAT,
};
use crate::{
    clusters::{self, frame::ClusterKey},
    gpu::{image::mip_levels, pipeline::DEPTH_FORMAT},
    graph::{Graph, ImageSpec, Origin, Queue, ResourceId, Use},
    quality::{Culling, ShadowQuality},
    shadow,
    view::DebugView,
};

/// Scene colours before tone mapping.
pub(crate) const HDR_FORMAT: vk::Format = vk::Format::R16G16B16A16_SFLOAT;

/// How far surfaces have moved on the screen.
pub(crate) const MOTION_FORMAT: vk::Format = vk::Format::R16G16_SFLOAT;
/// What is seen through blended surfaces.
pub(crate) const UNSEEN_FORMAT: vk::Format = vk::Format::R16_SFLOAT;

/// Where the pass that shades clusters has the depth buffer, beside what other colours read.
pub(crate) const CLUSTER_DEPTH: u8 = 4;

/// Bits of [`FrameKey::features`].
pub(crate) const BLEND: u32 = 1;
pub(crate) const SUN_SHADOWS: u32 = 2;
pub(crate) const LIGHT_SHADOWS: u32 = 4;
pub(crate) const CLUSTERED: u32 = 8;
pub(crate) const OCCLUSION: u32 = 16;

/// What decides which passes there are. Another key is another plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FrameKey {
    pub(crate) extent: vk::Extent2D,
    pub(crate) canvas_format: vk::Format,
    /// Whether the picture is shown in a window; otherwise it is copied.
    pub(crate) presented: bool,
    pub(crate) samples: vk::SampleCountFlags,
    pub(crate) culling: Culling,
    /// Whether meshes have levels to choose from.
    pub(crate) levels: bool,
    pub(crate) sizes: Sizes,
    pub(crate) shadows: Option<ShadowQuality>,
    /// Whether lights other than the sun have maps.
    pub(crate) light_shadows: bool,
    /// Words of a bit a light where lights are sorted into clusters; 0 where they are not.
    pub(crate) light_words: u32,
    pub(crate) occlusion: bool,
    pub(crate) auto_exposure: bool,
    pub(crate) bloom: bool,
    pub(crate) temporal: bool,
    /// Whether instances are deformed.
    pub(crate) deforms: bool,
    /// Whether blended surfaces are summed by weight rather than drawn in order.
    pub(crate) weighted: bool,
    /// Whether surfaces are seen through, in front of a copy of what is behind them.
    pub(crate) transmission: bool,
    pub(crate) debug: DebugView,
    /// Whether lines are drawn over the picture.
    pub(crate) lines: bool,
    /// Whether a user interface is drawn over the picture.
    pub(crate) ui: bool,
    /// Whether a pass of the user's comes after tone mapping.
    pub(crate) custom: bool,
    /// Where there are meshes of clusters.
    pub(crate) clusters: Option<ClusterKey>,
    /// Whether passes run on two queues.
    pub(crate) two_queues: bool,
}

impl FrameKey {
    /// What colours depend on, for their pipelines: bits as `shaders/scene.frag` has them.
    pub(crate) fn features(&self) -> u32 {
        let bits = [
            (self.shadows.is_some(), SUN_SHADOWS),
            (self.light_shadows, LIGHT_SHADOWS),
            (self.light_words > 0, CLUSTERED),
            (self.occlusion, OCCLUSION),
        ];
        let bits: u32 = bits.iter().filter(|(on, _)| *on).map(|(_, bit)| bit).sum();
        bits | self.debug.number() << 8
    }

    /// Whether draws are made from lists that the GPU fills.
    pub(crate) fn lists(&self) -> bool {
        // Mesa's CPU driver mixes up draws with and without counts, and those of clusters have some.
        self.culling != Culling::Off || self.levels || self.clusters.is_some()
    }

    /// Whether depth is finished before colours begin; otherwise one render pass does both.
    pub(crate) fn depth_first(&self) -> bool {
        self.culling == Culling::Occlusion
            || self.occlusion
            || self.temporal
            || self.clusters.is_some()
    }

    /// Whether clusters have colours, which the pass of colours keeps.
    pub(crate) fn shades_clusters(&self) -> bool {
        self.clusters.is_some() && self.debug != DebugView::Overdraw
    }

    /// Levels of bloom.
    fn bloom_levels(&self) -> u32 {
        if self.bloom {
            post::bloom_levels(self.extent.width, self.extent.height)
        } else {
            0
        }
    }

    /// The pipelines over the whole screen.
    pub(crate) fn screens(&self) -> Vec<Screen> {
        let mut screens = Vec::new();
        if self.occlusion {
            screens.extend([Screen::Occlusion, Screen::OcclusionBlur]);
        }
        if self.bloom {
            screens.extend([Screen::BloomFirst, Screen::BloomDown, Screen::BloomUp]);
        }
        if self.temporal {
            screens.push(Screen::Temporal);
        }
        if self.weighted {
            screens.push(Screen::Weighted);
        }
        screens
    }
}

/// What a pass records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Copies what changed, and filters the sky.
    Upload,
    /// Morph targets and joints.
    Deform,
    /// Fills the lists of what is in view, or of what was seen before.
    Cull,
    /// Depth of what is solid from where the sun is.
    SunShadows,
    /// The same from where other lights are.
    LightShadows,
    /// Sorts lights into parts of the view.
    Clusters,
    /// Chooses clusters: for all views, or in the second phase of what was hidden from the camera at first.
    ClusterSelect {
        second: bool,
    },
    /// Draws what was chosen into the visibility buffer of clusters.
    ClusterRaster {
        second: bool,
    },
    /// Depth, and how surfaces have moved, from that buffer.
    ClusterResolve,
    /// Colours of the pixels that clusters have; the pass of colours keeps them.
    ClusterShade,
    /// Copies what was counted of clusters to where the CPU reads it.
    ClusterCount,
    /// Depth of what is solid, then colours, the sky behind, and what is blended.
    Scene,
    /// Depth of a list of what is solid; the first clears.
    Depth {
        list: u32,
    },
    /// The hierarchical depth buffer.
    Hiz,
    /// Fills the lists of what is not hidden.
    CullAgain,
    /// Colours of what is solid where depth is equal, the sky behind, and what is blended.
    Color,
    /// How much of the sky each place sees, and its average.
    Occlusion,
    OcclusionBlur,
    /// Copies what is behind transmissive surfaces, and blurs it level by level.
    Behind,
    /// How transmissive surfaces have moved, and their depth.
    TransmissiveDepth,
    /// Transmissive surfaces, and what is blended where that is drawn in order.
    Transmissive,
    /// Sums of what is blended, and putting them over the picture.
    Blended,
    Weighted,
    /// This frame and those before it, and keeping the result for the next.
    Temporal,
    KeepHistory,
    /// How bright the picture is.
    Exposure,
    /// Levels of bloom, from the largest to the smallest and back.
    BloomDown {
        level: u32,
    },
    BloomUp {
        level: u32,
    },
    ToneMap,
    /// A pass of the user's.
    Custom,
    /// Lines over the picture.
    Lines,
    /// The user interface, and putting it over the picture.
    Ui,
    UiOver,
    ReadBack,
}

/// The resources that recording asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources {
    pub(crate) color: ResourceId,
    pub(crate) depth: ResourceId,
    pub(crate) canvas: ResourceId,
    /// Draw lists after culling.
    pub(crate) lists: ResourceId,
    pub(crate) hiz: ResourceId,
    /// By slot, what was seen in the frame before.
    pub(crate) seen: ResourceId,
    pub(crate) sun_map: ResourceId,
    pub(crate) light_map: ResourceId,
    pub(crate) clusters: ResourceId,
    pub(crate) cluster_bounds: ResourceId,
    pub(crate) visibility_raw: ResourceId,
    pub(crate) visibility: ResourceId,
    /// Queues and lists of clusters, and their visibility buffer.
    pub(crate) cluster_lists: ResourceId,
    pub(crate) cluster_pixels: ResourceId,
    /// How many of those pixels are shaded how, and which.
    pub(crate) cluster_bins: ResourceId,
    pub(crate) cluster_shaded: ResourceId,
    pub(crate) exposure: ResourceId,
    /// How surfaces have moved on the screen.
    pub(crate) motion: ResourceId,
    pub(crate) resolved: ResourceId,
    pub(crate) history: ResourceId,
    /// What is behind transmissive surfaces.
    pub(crate) behind: ResourceId,
    /// Weighted sums of what is blended, and what is seen through it.
    pub(crate) sums: ResourceId,
    pub(crate) unseen: ResourceId,
    /// Colours for a screen, before a pass of the user's.
    pub(crate) display: ResourceId,
    /// The picture under a user interface: the canvas itself where there is none.
    pub(crate) under: ResourceId,
    pub(crate) ui: ResourceId,
    pub(crate) bloom: [ResourceId; BLOOM_LEVELS_MAX as usize],
}

/// The frame of a key.
pub(crate) fn frame(key: &FrameKey) -> (Graph<Step>, Resources) {
    let mut graph = Graph::default();
    let spec = |format, samples| ImageSpec {
        width: key.extent.width,
        height: key.extent.height,
        format,
        samples,
        mip_levels: 1,
    };
    let tables = graph.import_buffers("scene tables");
    let report = graph.import_buffers("report");
    graph.end(report, Use::Host);
    let color = graph.image("scene colour", spec(HDR_FORMAT, key.samples));
    let depth = graph.image("scene depth", spec(DEPTH_FORMAT, key.samples));
    let lists = graph.buffer("draw lists", key.sizes.parts().bytes);
    let hiz_bytes = cull::hiz_words(key.extent.width, key.extent.height) * 4;
    // Of the frame before clusters are hidden by it.
    let hiz = if key.clusters.is_some() {
        graph.keep_buffer("hierarchical depth", hiz_bytes)
    } else {
        graph.buffer("hierarchical depth", hiz_bytes)
    };
    let list_bytes = key.clusters.map_or(0, |key| key.sizes.parts().bytes);
    let cluster_lists = graph.buffer("cluster lists", list_bytes);
    let pixel_bytes = clusters::frame::pixel_bytes(key.extent);
    let cluster_pixels = graph.buffer("cluster pixels", pixel_bytes);
    let cluster_bins = graph.buffer("cluster bins", clusters::shade::BIN_BYTES);
    let list_bytes = clusters::shade::list_bytes(key.extent);
    let cluster_shaded = graph.buffer("shaded pixels", list_bytes);
    let seen = graph.keep_buffer("seen before", u64::from(key.sizes.slots) * 4);
    let map = |side| ImageSpec {
        width: side,
        height: side,
        format: DEPTH_FORMAT,
        samples: vk::SampleCountFlags::TYPE_1,
        mip_levels: 1,
    };
    let quality = key.shadows.unwrap_or(ShadowQuality::LOW);
    let side = shadow::sun_grid(&quality) * quality.resolution;
    let sun_map = graph.import_image("sun shadows", map(side), Origin::Kept);
    let side = shadow::light_grid(&quality) * quality.light_resolution;
    let light_map = graph.import_image("light shadows", map(side), Origin::Kept);
    let light_clusters = graph.buffer("light clusters", lighting::cluster_bytes(key.light_words));
    let bounds_bytes = u64::from(key.light_words) * 32 * 8;
    let cluster_bounds = graph.buffer("bounds of lights", bounds_bytes);
    let one = vk::SampleCountFlags::TYPE_1;
    let visibility_raw = graph.image("sky seen, raw", spec(VISIBILITY_RAW_FORMAT, one));
    let visibility = graph.image("sky seen", spec(VISIBILITY_FORMAT, one));
    let motion = graph.image("motion", spec(MOTION_FORMAT, one));
    let resolved = graph.image("resolved colour", spec(HDR_FORMAT, one));
    let history = graph.import_image("history", spec(HDR_FORMAT, one), Origin::Kept);
    let behind_spec = ImageSpec {
        mip_levels: mip_levels(key.extent.width, key.extent.height),
        ..spec(HDR_FORMAT, one)
    };
    let behind = graph.image("behind", behind_spec);
    let display = graph.image("display colour", spec(key.canvas_format, one));
    let under_ui = graph.image("picture under the UI", spec(key.canvas_format, one));
    let ui = graph.image("UI", spec(UI_FORMAT, one));
    let sums = graph.image("blended, sums", spec(HDR_FORMAT, key.samples));
    let unseen = graph.image("blended, unseen", spec(UNSEEN_FORMAT, key.samples));
    let exposure = graph.keep_buffer("exposure", EXPOSURE_WORDS * 4);
    let names = [
        "bloom 1", "bloom 2", "bloom 3", "bloom 4", "bloom 5", "bloom 6",
    ];
    let mut level = 0;
    let bloom = names.map(|name| {
        level += 1;
        let half = |side: u32| side.div_ceil(1 << level);
        let spec = ImageSpec {
            width: half(key.extent.width),
            height: half(key.extent.height),
            format: BLOOM_FORMAT,
            samples: one,
            mip_levels: 1,
        };
        graph.image(name, spec)
    });
    // A window's image becomes ready where colours are written; a picture in memory was last copied from.
    let before = if key.presented {
        Use::Color
    } else {
        Use::CopyFrom
    };
    let canvas = graph.import_image(
        "canvas",
        spec(key.canvas_format, vk::SampleCountFlags::TYPE_1),
        Origin::Given(before),
    );
    let under = if key.ui { under_ui } else { canvas };
    let resources = Resources {
        color,
        depth,
        canvas,
        lists,
        hiz,
        seen,
        sun_map,
        light_map,
        clusters: light_clusters,
        cluster_bounds,
        visibility_raw,
        visibility,
        cluster_lists,
        cluster_pixels,
        cluster_bins,
        cluster_shaded,
        exposure,
        motion,
        resolved,
        history,
        behind,
        sums,
        unseen,
        display,
        under,
        ui,
        bloom,
    };
    let graphics = Queue::Graphics;
    let occlusion = key.culling == Culling::Occlusion;

    // Copied, or scattered by a compute shader.
    let mut uses = vec![
        (tables, Use::CopyTo),
        (tables, Use::WriteCompute),
        (report, Use::CopyTo),
    ];
    if occlusion {
        uses.push((seen, Use::CopyTo));
    }
    if key.auto_exposure {
        uses.push((exposure, Use::CopyTo));
    }
    graph.pass("upload", graphics, Step::Upload, uses);
    if key.deforms {
        let uses = [(tables, Use::WriteCompute)];
        graph.pass("deform", graphics, Step::Deform, uses);
    }

    // How draws use the scene's tables and lists.
    let mut drawn = vec![
        (tables, Use::Indirect),
        (tables, Use::Index),
        (tables, Use::ReadVertex),
        (tables, Use::ReadFragment),
    ];
    let mut culls = vec![
        (tables, Use::ReadCompute),
        (lists, Use::WriteCompute),
        (report, Use::WriteCompute),
    ];
    if key.lists() {
        drawn.extend([(lists, Use::Indirect), (lists, Use::ReadVertex)]);
        if occlusion {
            culls.push((seen, Use::WriteCompute));
        }
        graph.pass("cull", graphics, Step::Cull, culls.iter().copied());
    }
    let with = |uses: &[(ResourceId, Use)]| [uses, &drawn].concat();
    // How clusters are drawn from their lists, by the rasteriser or mesh shaders.
    let mut cluster_drawn = Vec::new();
    if let Some(clusters) = &key.clusters {
        cluster_drawn.extend([
            (tables, Use::ReadVertex),
            (cluster_lists, Use::Indirect),
            (cluster_lists, Use::ReadVertex),
        ]);
        if clusters.mesh {
            cluster_drawn.extend([(tables, Use::ReadMesh), (cluster_lists, Use::ReadMesh)]);
        }
        let mut uses = vec![
            (tables, Use::ReadCompute),
            (cluster_lists, Use::CopyTo),
            (cluster_lists, Use::WriteCompute),
            (cluster_lists, Use::Indirect),
            (cluster_pixels, Use::CopyTo),
        ];
        if occlusion {
            uses.push((hiz, Use::ReadCompute));
        }
        let step = Step::ClusterSelect { second: false };
        graph.pass("choose clusters", graphics, step, uses);
    }
    let cluster_pass = |graph: &mut Graph<Step>, second: bool, placed: &[(ResourceId, Use)]| {
        if key.clusters.is_none() {
            return;
        }
        let (draw, place) = if second {
            ("draw clusters again", "place clusters again")
        } else {
            ("draw clusters", "place clusters")
        };
        let own = [
            (tables, Use::ReadCompute),
            (tables, Use::ReadFragment),
            (cluster_lists, Use::ReadCompute),
            (cluster_lists, Use::ReadFragment),
            (cluster_pixels, Use::WriteCompute),
            (cluster_pixels, Use::WriteFragment),
        ];
        let uses = [&own[..], &cluster_drawn].concat();
        graph.pass(draw, graphics, Step::ClusterRaster { second }, uses);
        let own = [
            (tables, Use::ReadFragment),
            (cluster_lists, Use::ReadFragment),
            (cluster_pixels, Use::ReadFragment),
        ];
        let uses = [&own[..], placed].concat();
        graph.pass(place, graphics, Step::ClusterResolve, uses);
    };
    // What colours read beside the tables.
    let mut shading = Vec::new();
    if key.light_words > 0 {
        let uses = [
            (tables, Use::ReadCompute),
            (cluster_bounds, Use::WriteCompute),
            (light_clusters, Use::WriteCompute),
        ];
        graph.pass("light clusters", Queue::Compute, Step::Clusters, uses);
        shading.push((light_clusters, Use::ReadFragment));
    }
    if key.shadows.is_some() {
        let uses = [with(&[(sun_map, Use::Depth)]), cluster_drawn.clone()].concat();
        graph.pass("sun shadows", graphics, Step::SunShadows, uses);
        shading.push((sun_map, Use::SampledFragment(0)));
    }
    if key.light_shadows {
        let uses = [with(&[(light_map, Use::Depth)]), cluster_drawn.clone()].concat();
        graph.pass("light shadows", graphics, Step::LightShadows, uses);
        shading.push((light_map, Use::SampledFragment(1)));
    }
    if key.depth_first() {
        let list = cull::FIRST;
        let mut placed = vec![(depth, Use::Depth)];
        if key.temporal {
            placed.push((motion, Use::Color));
        }
        graph.pass("depth", graphics, Step::Depth { list }, with(&placed));
        cluster_pass(&mut graph, false, &placed);
        if occlusion {
            let uses = [(depth, Use::SampledCompute(0)), (hiz, Use::WriteCompute)];
            graph.pass("hierarchical depth", graphics, Step::Hiz, uses);
            culls.push((hiz, Use::ReadCompute));
            if key.lists() {
                graph.pass("cull again", graphics, Step::CullAgain, culls);
            }
            if key.clusters.is_some() {
                let uses = [
                    (tables, Use::ReadCompute),
                    (hiz, Use::ReadCompute),
                    (cluster_lists, Use::WriteCompute),
                    (cluster_lists, Use::Indirect),
                ];
                let step = Step::ClusterSelect { second: true };
                graph.pass("choose clusters again", graphics, step, uses);
            }
            let list = cull::SECOND;
            graph.pass("depth again", graphics, Step::Depth { list }, with(&placed));
            cluster_pass(&mut graph, true, &placed);
        }
        if key.occlusion {
            let uses = [
                (depth, Use::SampledFragment(0)),
                (visibility_raw, Use::Color),
            ];
            graph.pass("sky seen", graphics, Step::Occlusion, uses);
            let uses = [
                (visibility_raw, Use::SampledFragment(0)),
                (visibility, Use::Color),
            ];
            graph.pass("sky seen, average", graphics, Step::OcclusionBlur, uses);
            shading.push((visibility, Use::SampledFragment(2)));
        }
        if key.clusters.is_some() {
            if key.shades_clusters() {
                let own = [
                    (tables, Use::ReadCompute),
                    (cluster_lists, Use::ReadCompute),
                    (cluster_pixels, Use::ReadCompute),
                    (cluster_bins, Use::CopyTo),
                    (cluster_bins, Use::WriteCompute),
                    (cluster_bins, Use::Indirect),
                    (cluster_shaded, Use::WriteCompute),
                    (depth, Use::SampledCompute(CLUSTER_DEPTH)),
                    (color, Use::WriteImage),
                ];
                // What colours of other surfaces read, at the same bindings.
                let lit = shading.iter().map(|&(id, how)| match how {
                    Use::SampledFragment(binding) => (id, Use::SampledCompute(binding)),
                    _ => (id, Use::ReadCompute),
                });
                let uses: Vec<_> = own.into_iter().chain(lit).collect();
                graph.pass("shade clusters", graphics, Step::ClusterShade, uses);
            }
            let uses = [(cluster_lists, Use::CopyFrom), (report, Use::CopyTo)];
            graph.pass("count clusters", graphics, Step::ClusterCount, uses);
        }
        shading.extend([(color, Use::Color), (depth, Use::DepthTest)]);
        graph.pass("colour", graphics, Step::Color, with(&shading));
    } else {
        shading.extend([(color, Use::Color), (depth, Use::Depth)]);
        graph.pass("scene", graphics, Step::Scene, with(&shading));
    }
    let mut lit: Vec<_> = shading
        .into_iter()
        .filter(|(id, _)| ![color, depth, visibility].contains(id))
        .collect();
    if key.transmission {
        let uses = [(color, Use::ResolveFrom), (behind, Use::FillLevels)];
        graph.pass("behind", graphics, Step::Behind, uses);
        lit.push((behind, Use::SampledFragment(3)));
        let mut uses = with(&lit);
        uses.push((color, Use::Color));
        if key.temporal {
            let placed = [(depth, Use::Depth), (motion, Use::Color)];
            let placed = with(&placed);
            graph.pass(
                "transmissive depth",
                graphics,
                Step::TransmissiveDepth,
                placed,
            );
            uses.push((depth, Use::DepthTest));
        } else {
            uses.push((depth, Use::Depth));
        }
        graph.pass("transmissive", graphics, Step::Transmissive, uses);
    }
    if key.weighted {
        let targets = [
            (sums, Use::Color),
            (unseen, Use::Color),
            (depth, Use::DepthTest),
        ];
        let uses: Vec<_> = lit.into_iter().chain(targets).collect();
        graph.pass("blended", graphics, Step::Blended, with(&uses));
        let uses = [
            (sums, Use::SampledFragment(0)),
            (unseen, Use::SampledFragment(1)),
            (color, Use::Color),
        ];
        graph.pass("blended, over", graphics, Step::Weighted, uses);
    }
    // What is shown, before tone mapping.
    let mut shown = color;
    if key.temporal {
        let uses = [
            (color, Use::SampledFragment(0)),
            (depth, Use::SampledFragment(1)),
            (motion, Use::SampledFragment(2)),
            (history, Use::SampledFragment(3)),
            (resolved, Use::Color),
        ];
        graph.pass("temporal", graphics, Step::Temporal, uses);
        let uses = [(resolved, Use::CopyFrom), (history, Use::CopyTo)];
        graph.pass("keep history", graphics, Step::KeepHistory, uses);
        shown = resolved;
    }

    let mapped_to = if key.custom { display } else { under };
    let mut mapped = vec![(shown, Use::SampledFragment(0)), (mapped_to, Use::Color)];
    let levels = key.bloom_levels();
    // Beside the levels of bloom after the first, which makes the picture one that is read; without bloom there is nothing to
    // be beside.
    let exposed = |graph: &mut Graph<Step>, mapped: &mut Vec<_>| {
        if key.auto_exposure {
            let uses = [
                (shown, Use::SampledCompute(0)),
                (exposure, Use::WriteCompute),
            ];
            let queue = if levels > 1 { Queue::Compute } else { graphics };
            graph.pass("exposure", queue, Step::Exposure, uses);
            mapped.push((exposure, Use::ReadFragment));
        }
    };
    let mut above = shown;
    for level in 0..levels {
        let image = bloom[level as usize];
        let uses = [(above, Use::SampledFragment(0)), (image, Use::Color)];
        graph.pass(
            names[level as usize],
            graphics,
            Step::BloomDown { level },
            uses,
        );
        above = image;
        if level == 0 {
            exposed(&mut graph, &mut mapped);
        }
    }
    if levels == 0 {
        exposed(&mut graph, &mut mapped);
    }
    for level in (0..levels.saturating_sub(1)).rev() {
        let (below, image) = (bloom[level as usize + 1], bloom[level as usize]);
        let uses = [(below, Use::SampledFragment(0)), (image, Use::Color)];
        graph.pass("bloom up", graphics, Step::BloomUp { level }, uses);
    }
    if levels > 0 {
        mapped.push((bloom[0], Use::SampledFragment(1)));
    }
    graph.pass("tone map", graphics, Step::ToneMap, mapped);
    if key.custom {
        let uses = [(display, Use::SampledFragment(0)), (under, Use::Color)];
        graph.pass("custom", graphics, Step::Custom, uses);
    }
    if key.lines {
        let uses = [(tables, Use::ReadVertex), (under, Use::Color)];
        graph.pass("lines", graphics, Step::Lines, uses);
    }
    if key.ui {
        let uses = [
            (tables, Use::Index),
            (tables, Use::ReadVertex),
            (ui, Use::Color),
        ];
        graph.pass("UI", graphics, Step::Ui, uses);
        let uses = [
            (under, Use::SampledFragment(0)),
            (ui, Use::SampledFragment(1)),
            (canvas, Use::Color),
        ];
        graph.pass("UI, over", graphics, Step::UiOver, uses);
    }
    if key.presented {
        graph.end(canvas, Use::Present);
    } else {
        let picture = graph.import_buffers("picture");
        graph.end(picture, Use::Host);
        let uses = [(canvas, Use::CopyFrom), (picture, Use::CopyTo)];
        graph.pass("read back", graphics, Step::ReadBack, uses);
    }
    (graph, resources)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
