//! The pipelines of a renderer, each made when it is first needed.

use std::collections::HashMap;

use ash::vk;
use storm_assets::Topology;

use super::{
    plan::{BLEND, FrameKey, HDR_FORMAT, MOTION_FORMAT, UNSEEN_FORMAT},
    post::Screen,
    ui,
};
use crate::{
    clusters::pipelines::ClusterPipelines,
    context::Gpu,
    error::Result,
    gpu::{
        custom::{ScreenPass, SurfaceShader, SurfaceWatch},
        pipeline::{Blending, Depth, GraphicsDesc, Pipeline},
    },
    scene::{
        AlphaClass, DrawKind, Scene,
        layers::{self, Layers},
    },
    shaders::{self, Shader},
    view::DebugView,
};

/// Solid surfaces are drawn twice: where they are, and how they look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pass {
    /// In one render pass with colours.
    Depth,
    /// In a render pass of its own.
    DepthOnly,
    /// With how surfaces have moved.
    Motion,
    /// Into a shadow map.
    Shadow,
    Color,
    /// Weighted sums of what is blended.
    Weighted,
    /// A little light for each surface, seen or hidden.
    Overdraw,
}

/// What a pipeline of the scene is for; the last two are what colours depend on, bit by bit, and the user's shader or 0.
pub(crate) type SceneKey = (Pass, AlphaClass, Topology, u32, u64);

/// What a user's shader is asked for, beside the bits of [`FrameKey::features`].
const MASK_ONLY: u32 = 32;
const MOTION_ONLY: u32 = 64;
const WEIGHTED_SUMS: u32 = 128;
/// From this bit on [`Layers`].
pub(crate) const LAYERS_SHIFT: u32 = 16;

impl FrameKey {
    /// The pipeline of what is shaded.
    pub(crate) fn shaded(&self, pass: Pass, kind: DrawKind) -> SceneKey {
        let (class, topology) = (kind.class, kind.topology);
        if self.debug == DebugView::Overdraw {
            return (Pass::Overdraw, class, topology, 0, 0);
        }
        let mut layers = kind.layers;
        if !self.transmission {
            // There is no copy of what is behind.
            layers.0 &= !layers::TRANSMISSION;
        }
        let layers = u32::from(layers.0) << LAYERS_SHIFT;
        (
            pass,
            class,
            topology,
            self.features() | layers,
            kind.surface,
        )
    }
}

impl FrameKey {
    /// Whether this is drawn after the rest, in front of a copy of it.
    pub(crate) fn is_transmissive(&self, kind: DrawKind) -> bool {
        self.transmission && kind.layers.has(layers::TRANSMISSION)
    }
}

/// Light passes through what is transmissive; lines and points are too thin.
pub(crate) fn casts_shadows(kind: DrawKind) -> bool {
    kind.topology == Topology::Triangles && !kind.layers.has(layers::TRANSMISSION)
}

/// The pipeline of what only has a place.
pub(crate) fn placed(pass: Pass, kind: DrawKind) -> SceneKey {
    // What has no holes is where its vertices are, whatever its surface.
    let masked = kind.class == AlphaClass::Mask;
    let surface = if masked { kind.surface } else { 0 };
    (pass, kind.class, kind.topology, 0, surface)
}

/// Pipelines that cull.
pub(crate) struct Culling {
    pub(crate) test: Pipeline,
    pub(crate) scan: Pipeline,
    pub(crate) instances: Pipeline,
    pub(crate) commands: Pipeline,
    pub(crate) hiz_depth: Pipeline,
    pub(crate) hiz: Pipeline,
}

/// All pipelines of a renderer.
pub(crate) struct Pipelines {
    scene: HashMap<SceneKey, Pipeline>,
    /// The users' shaders of some of them: what nobody holds any more is not kept.
    surfaces: HashMap<u64, SurfaceWatch>,
    background: Pipeline,
    tone_maps: HashMap<vk::Format, Pipeline>,
    lines: HashMap<vk::Format, Pipeline>,
    /// Of the user interface: by the format of its layer, what draws it; by others, what puts it over the picture.
    ui: HashMap<vk::Format, Pipeline>,
    /// Of a pass of the user's, which these are made for.
    custom: HashMap<vk::Format, Pipeline>,
    custom_pass: Option<ScreenPass>,
    culling: Culling,
    screens: HashMap<Screen, Pipeline>,
    histogram: Pipeline,
    exposure: Pipeline,
    light_bounds: Pipeline,
    light_clusters: Pipeline,
    /// Of meshes of clusters, once a scene has some.
    cluster_meshes: Option<ClusterPipelines>,
    samples: vk::SampleCountFlags,
    gpu: Gpu,
}

impl Pipelines {
    pub(crate) fn new(gpu: &Gpu, samples: vk::SampleCountFlags) -> Result<Self> {
        let background = gpu.with_bindless(|bindless| {
            Pipeline::graphics(
                gpu.device(),
                bindless,
                &GraphicsDesc {
                    vertex: shaders::FULLSCREEN_VERT,
                    fragment: Some(shaders::BACKGROUND_FRAG),
                    fragment_constant: 0,
                    topology: vk::PrimitiveTopology::TRIANGLE_LIST,
                    color_formats: &[HDR_FORMAT],
                    depth: Depth::Test,
                    blending: Blending::Replace,
                    samples,
                },
            )
        })?;
        Ok(Self {
            scene: HashMap::new(),
            surfaces: HashMap::new(),
            background,
            tone_maps: HashMap::new(),
            lines: HashMap::new(),
            ui: HashMap::new(),
            custom: HashMap::new(),
            custom_pass: None,
            culling: Culling::new(gpu, samples)?,
            screens: HashMap::new(),
            histogram: compute(
                gpu,
                if samples == vk::SampleCountFlags::TYPE_1 {
                    shaders::HISTOGRAM_COMP
                } else {
                    shaders::HISTOGRAM_MS_COMP
                },
            )?,
            exposure: compute(gpu, shaders::EXPOSURE_COMP)?,
            light_bounds: compute(gpu, shaders::LIGHT_BOUNDS_COMP)?,
            light_clusters: compute(gpu, shaders::LIGHT_CLUSTERS_COMP)?,
            cluster_meshes: None,
            samples,
            gpu: gpu.clone(),
        })
    }

    /// Makes what a frame of this scene needs and is not there yet.
    pub(crate) fn prepare(&mut self, scene: &Scene, key: &FrameKey) -> Result<()> {
        let (device, samples) = (self.gpu.device(), self.samples);
        let solid = scene.draws.solid().iter().flat_map(|range| {
            let kind = range.kind;
            let depth = if key.temporal {
                Pass::Motion
            } else if key.depth_first() && !key.is_transmissive(kind) {
                Pass::DepthOnly
            } else {
                Pass::Depth
            };
            let shadow = key.shadows.is_some() && casts_shadows(kind);
            [
                Some(placed(depth, kind)),
                Some(key.shaded(Pass::Color, kind)),
                shadow.then_some(placed(Pass::Shadow, kind)),
            ]
            .into_iter()
            .flatten()
        });
        let blended = scene.draws.blended().iter().map(|range| {
            let pass = if key.weighted {
                Pass::Weighted
            } else {
                Pass::Color
            };
            key.shaded(pass, range.kind)
        });
        for wanted in solid.chain(blended) {
            if !self.scene.contains_key(&wanted) {
                let pipeline = self.gpu.with_bindless(|bindless| {
                    let surface = scene.surfaces.surface_shader(wanted.4);
                    let desc = scene_pipeline(wanted, samples, surface);
                    Pipeline::graphics(device, bindless, &desc)
                })?;
                if let Some(surface) = scene.surfaces.surface_shader(wanted.4) {
                    // Each time that a shader is compiled again it is another one.
                    self.surfaces.retain(|_, watch| watch.is_held());
                    self.surfaces.insert(surface.id(), surface.watch());
                    let surfaces = &self.surfaces;
                    self.scene
                        .retain(|key, _| key.4 == 0 || surfaces.contains_key(&key.4));
                }
                self.scene.insert(wanted, pipeline);
            }
        }
        if key.clusters.is_some() {
            let clusters = match &mut self.cluster_meshes {
                Some(clusters) => clusters,
                none => none.insert(ClusterPipelines::new(&self.gpu)?),
            };
            let bins = scene.draws.cluster_bins();
            clusters.shade.prepare(&self.gpu, bins, key.features())?;
        }
        for screen in key.screens() {
            if !self.screens.contains_key(&screen) {
                let pipeline = self.gpu.with_bindless(|bindless| {
                    Pipeline::graphics(device, bindless, &screen.desc(samples))
                })?;
                self.screens.insert(screen, pipeline);
            }
        }
        let format = key.canvas_format;
        if let Some(pass) = &self.custom_pass
            && !self.custom.contains_key(&format)
        {
            let formats = [format];
            let desc = GraphicsDesc {
                vertex: shaders::FULLSCREEN_VERT,
                fragment: Some(Shader {
                    name: "a pass of one's own",
                    spirv: pass.spirv(),
                }),
                fragment_constant: 0,
                topology: vk::PrimitiveTopology::TRIANGLE_LIST,
                color_formats: &formats,
                depth: Depth::None,
                blending: Blending::Replace,
                samples: vk::SampleCountFlags::TYPE_1,
            };
            let pipeline = self
                .gpu
                .with_bindless(|bindless| Pipeline::graphics(device, bindless, &desc))?;
            self.custom.insert(format, pipeline);
        }
        if key.lines && !self.lines.contains_key(&format) {
            let formats = [format];
            let desc = GraphicsDesc {
                vertex: shaders::LINES_VERT,
                fragment: Some(shaders::LINES_FRAG),
                fragment_constant: 0,
                topology: vk::PrimitiveTopology::LINE_LIST,
                color_formats: &formats,
                depth: Depth::None,
                blending: Blending::Over,
                samples: vk::SampleCountFlags::TYPE_1,
            };
            let pipeline = self
                .gpu
                .with_bindless(|bindless| Pipeline::graphics(device, bindless, &desc))?;
            self.lines.insert(format, pipeline);
        }
        if key.ui {
            for format in [ui::UI_FORMAT, format] {
                if !self.ui.contains_key(&format) {
                    let formats = [format];
                    let desc = if format == ui::UI_FORMAT {
                        ui::desc()
                    } else {
                        ui::over_desc(&formats)
                    };
                    let pipeline = self
                        .gpu
                        .with_bindless(|bindless| Pipeline::graphics(device, bindless, &desc))?;
                    self.ui.insert(format, pipeline);
                }
            }
        }
        if !self.tone_maps.contains_key(&format) {
            let fragment = if samples == vk::SampleCountFlags::TYPE_1 {
                shaders::TONEMAP_FRAG
            } else {
                shaders::TONEMAP_MS_FRAG
            };
            let formats = [format];
            let desc = GraphicsDesc {
                vertex: shaders::FULLSCREEN_VERT,
                fragment: Some(fragment),
                fragment_constant: 0,
                topology: vk::PrimitiveTopology::TRIANGLE_LIST,
                color_formats: &formats,
                depth: Depth::None,
                blending: Blending::Replace,
                samples: vk::SampleCountFlags::TYPE_1,
            };
            let pipeline = self
                .gpu
                .with_bindless(|bindless| Pipeline::graphics(device, bindless, &desc))?;
            self.tone_maps.insert(format, pipeline);
        }
        Ok(())
    }

    pub(crate) fn culling(&self) -> &Culling {
        &self.culling
    }

    /// How many pipelines of the scene there are.
    #[cfg(test)]
    pub(crate) fn scene_count(&self) -> usize {
        self.scene.len()
    }

    /// Where lights reach, and which reach where.
    pub(crate) fn clusters(&self) -> (&Pipeline, &Pipeline) {
        (&self.light_bounds, &self.light_clusters)
    }

    /// Of meshes of clusters, once a frame has had some.
    pub(crate) fn cluster_meshes(&self) -> Option<&ClusterPipelines> {
        self.cluster_meshes.as_ref()
    }

    /// Samples a pixel.
    pub(crate) fn samples(&self) -> vk::SampleCountFlags {
        self.samples
    }

    pub(crate) fn scene(&self, key: SceneKey) -> &Pipeline {
        &self.scene[&key]
    }

    pub(crate) fn screen(&self, screen: Screen) -> &Pipeline {
        &self.screens[&screen]
    }

    /// How many pixels are how bright, and what comes of it.
    pub(crate) fn exposure(&self) -> (&Pipeline, &Pipeline) {
        (&self.histogram, &self.exposure)
    }

    pub(crate) fn background(&self) -> &Pipeline {
        &self.background
    }

    /// Draws with another pass of the user's, or none, from now on.
    pub(crate) fn set_custom(&mut self, pass: Option<ScreenPass>) {
        let same = match (&self.custom_pass, &pass) {
            (Some(old), Some(new)) => old.spirv() == new.spirv(),
            _ => false,
        };
        if !same {
            self.custom.clear();
        }
        self.custom_pass = pass;
    }

    pub(crate) fn custom_pass(&self) -> Option<&ScreenPass> {
        self.custom_pass.as_ref()
    }

    pub(crate) fn custom(&self, format: vk::Format) -> &Pipeline {
        &self.custom[&format]
    }

    pub(crate) fn lines(&self, format: vk::Format) -> &Pipeline {
        &self.lines[&format]
    }

    pub(crate) fn ui(&self, format: vk::Format) -> &Pipeline {
        &self.ui[&format]
    }

    pub(crate) fn tone_map(&self, format: vk::Format) -> &Pipeline {
        &self.tone_maps[&format]
    }
}

fn compute(gpu: &Gpu, shader: Shader<'_>) -> Result<Pipeline> {
    gpu.with_bindless(|bindless| Pipeline::compute(gpu.device(), bindless, shader))
}

impl Culling {
    fn new(gpu: &Gpu, samples: vk::SampleCountFlags) -> Result<Self> {
        let make =
            |spirv| gpu.with_bindless(|bindless| Pipeline::compute(gpu.device(), bindless, spirv));
        Ok(Self {
            test: make(shaders::CULL_TEST_COMP)?,
            scan: make(shaders::CULL_SCAN_COMP)?,
            instances: make(shaders::CULL_INSTANCES_COMP)?,
            commands: make(shaders::CULL_COMMANDS_COMP)?,
            hiz_depth: make(if samples == vk::SampleCountFlags::TYPE_1 {
                shaders::HIZ_DEPTH_COMP
            } else {
                shaders::HIZ_DEPTH_MS_COMP
            })?,
            hiz: make(shaders::HIZ_COMP)?,
        })
    }
}

fn scene_pipeline(
    (pass, class, topology, features, _): SceneKey,
    samples: vk::SampleCountFlags,
    surface: Option<&SurfaceShader>,
) -> GraphicsDesc<'_> {
    let (vertex, fragment, depth, blending) = match (pass, class) {
        (Pass::Depth | Pass::DepthOnly, AlphaClass::Mask) => {
            let fragment = Some(shaders::DEPTH_MASK_FRAG);
            (
                shaders::SCENE_VERT,
                fragment,
                Depth::TestAndWrite,
                Blending::Drop,
            )
        }
        (Pass::Depth | Pass::DepthOnly, _) => (
            shaders::DEPTH_VERT,
            None,
            Depth::TestAndWrite,
            Blending::Drop,
        ),
        (Pass::Motion, AlphaClass::Mask) => (
            shaders::MOTION_MASK_VERT,
            Some(shaders::MOTION_MASK_FRAG),
            Depth::TestAndWrite,
            Blending::Replace,
        ),
        (Pass::Motion, _) => (
            shaders::MOTION_VERT,
            Some(shaders::MOTION_FRAG),
            Depth::TestAndWrite,
            Blending::Replace,
        ),
        (Pass::Overdraw, _) => (
            shaders::SCENE_VERT,
            Some(shaders::OVERDRAW_FRAG),
            Depth::Ignored,
            Blending::Weighted,
        ),
        (Pass::Weighted, _) => (
            shaders::SCENE_VERT,
            Some(shaders::SCENE_WEIGHTED_FRAG),
            Depth::Test,
            Blending::Weighted,
        ),
        (Pass::Shadow, AlphaClass::Mask) => (
            shaders::SHADOW_MASK_VERT,
            Some(shaders::DEPTH_MASK_FRAG),
            Depth::TestAndWrite,
            Blending::Drop,
        ),
        (Pass::Shadow, _) => (
            shaders::SHADOW_VERT,
            None,
            Depth::TestAndWrite,
            Blending::Drop,
        ),
        (Pass::Color, AlphaClass::Blend) => (
            shaders::SCENE_VERT,
            Some(shaders::SCENE_FRAG),
            Depth::Test,
            Blending::Over,
        ),
        (Pass::Color, _) => {
            let fragment = Some(shaders::SCENE_FRAG);
            (
                shaders::SCENE_VERT,
                fragment,
                Depth::TestEqual,
                Blending::Replace,
            )
        }
    };
    let wide = Layers((features >> LAYERS_SHIFT) as u8).has(layers::UV_SETS);
    let (vertex, fragment) = match (pass, wide) {
        (Pass::Color, true) => (shaders::SCENE_WIDE_VERT, Some(shaders::SCENE_WIDE_FRAG)),
        (Pass::Weighted, true) => (
            shaders::SCENE_WIDE_VERT,
            Some(shaders::SCENE_WIDE_WEIGHTED_FRAG),
        ),
        _ => (vertex, fragment),
    };
    let mut features = features | (u32::from(class == AlphaClass::Blend) * BLEND);
    let (mut vertex, mut fragment) = (vertex, fragment);
    if let (Some(surface), Some(_)) = (surface, fragment) {
        fragment = Some(Shader {
            name: "a surface of one's own",
            spirv: surface.spirv(),
        });
        (vertex, features) = match pass {
            Pass::Depth | Pass::DepthOnly => (shaders::SURFACE_VERT, features | MASK_ONLY),
            Pass::Motion => (shaders::SURFACE_MOTION_VERT, features | MOTION_ONLY),
            Pass::Shadow => (shaders::SURFACE_SHADOW_VERT, features | MASK_ONLY),
            Pass::Weighted => (shaders::SURFACE_VERT, features | WEIGHTED_SUMS),
            Pass::Color | Pass::Overdraw => (shaders::SURFACE_VERT, features),
        };
    }
    GraphicsDesc {
        vertex,
        fragment,
        fragment_constant: features,
        topology: topology_of(topology),
        color_formats: match pass {
            Pass::Depth | Pass::Color | Pass::Overdraw => &[HDR_FORMAT],
            Pass::Motion => &[MOTION_FORMAT],
            Pass::Weighted => &[HDR_FORMAT, UNSEEN_FORMAT],
            Pass::DepthOnly | Pass::Shadow => &[],
        },
        depth,
        blending,
        samples: if pass == Pass::Shadow {
            vk::SampleCountFlags::TYPE_1
        } else {
            samples
        },
    }
}

pub(crate) fn topology_of(topology: Topology) -> vk::PrimitiveTopology {
    match topology {
        Topology::Points => vk::PrimitiveTopology::POINT_LIST,
        Topology::Lines => vk::PrimitiveTopology::LINE_LIST,
        Topology::Triangles => vk::PrimitiveTopology::TRIANGLE_LIST,
    }
}
