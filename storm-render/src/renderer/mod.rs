//! The renderer: what users call, and what decides how a frame is made. `parts.rs` makes it.

mod parts;

use ash::vk;
use glam::{Mat4, Vec2, Vec3};

use crate::{
    capture::RADIANCE_FORMAT,
    clusters::{
        self,
        frame::{ASKED_BYTES, ASKED_ROOM, ClusterKey, SPLIT_MAX},
        measure::Crossover,
        stream,
    },
    context::Gpu,
    environment::Environment,
    error::{RenderError, Result},
    frame::{
        constants::Constants,
        cull::{self, Sizes, VIEW_LISTS},
        pipelines::Pipelines,
        plan::{FrameKey, Resources, Step},
        values::{ClusterValues, ShadowState, Shadows, Values},
    },
    gpu::{
        buffer::{Buffer, Memory},
        commands::Recorder,
        custom::ScreenPass,
        query::{Counters, Stamps},
    },
    graph::execute::Realised,
    quality::{ClusterRaster, Culling, Quality},
    report::{COUNTERS, ClusterCounts, CullCounts, FrameReport, PassTime, PassWork},
    scene::{Scene, layout::LightInfo},
    shadow,
    target::{Canvas, Target},
    view::{DebugView, View},
};

/// The most frames that the CPU may be ahead of the GPU.
pub const FRAMES_IN_FLIGHT_MAX: u32 = 3;

/// What a [`Renderer`] should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RendererDesc {
    /// Smooth edges, by four samples a pixel.
    pub multisampling: bool,
    /// How much work a picture is worth.
    pub quality: Quality,
    /// Frames that the CPU may be ahead of the GPU, 1 to [`FRAMES_IN_FLIGHT_MAX`]: 1 shows what happened soonest, and one waits
    /// for the other; more keep both busy where frames take unevenly long. Each has constants of its own.
    pub frames_in_flight: u32,
}

impl Default for RendererDesc {
    fn default() -> Self {
        Self {
            multisampling: true,
            quality: Quality::default(),
            frames_in_flight: 2,
        }
    }
}

/// What a frame took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameStats {
    /// Whether there was something to draw to: a minimised window is not.
    pub drawn: bool,
    /// Bytes that the CPU wrote for the GPU: scene, draw lists and camera. 0 where nothing moved.
    pub uploaded_bytes: u64,
    /// Instances in the scene.
    pub instances: u64,
    /// Triangles of these instances, seen or not.
    pub triangles: u64,
    /// Multi-draw calls.
    pub draw_calls: u32,
}

/// What belongs to one of the frames in flight.
struct Frame {
    /// Of the last part of the frame, or all of it.
    recorder: Recorder,
    /// Of the parts before, where passes run on two queues.
    parts: Vec<Recorder>,
    constants: Constants,
    /// Counters of the GPU.
    report: Buffer,
    /// Whether the frame that was last recorded culled.
    culled: bool,
    /// Room that it had for clusters, where there were some.
    clusters: Option<clusters::frame::Sizes>,
    /// Pages of clusters that it asked for.
    asked: Buffer,
    stamps: Stamps,
    counters: Option<Counters>,
    /// Passes of the frame that was last recorded, where they were timed.
    timed: Vec<&'static str>,
}

/// A frame that was compiled, and what it was compiled for.
struct Plan {
    key: FrameKey,
    realised: Realised<Step>,
    resources: Resources,
}

/// Draws scenes into targets.
///
/// ```no_run
/// use storm_render::{Gpu, GpuDesc, ImageTarget, Renderer, RendererDesc, Scene, View};
///
/// # fn main() -> Result<(), storm_render::RenderError> {
/// let gpu = Gpu::headless(&GpuDesc::default())?;
/// let mut renderer = Renderer::new(&gpu, &RendererDesc::default())?;
/// let mut scene = Scene::new(&gpu)?;
/// let mut target = ImageTarget::new(&gpu, 320, 180)?;
/// renderer.render(&mut scene, &View::default(), &mut target)?;
/// let picture = target.read()?;
/// assert_eq!((picture.width(), picture.height()), (320, 180));
/// # Ok(())
/// # }
/// ```
pub struct Renderer {
    frames: Vec<Frame>,
    frame: usize,
    samples: vk::SampleCountFlags,
    quality: Quality,
    /// Frames with temporal anti-aliasing, which each look between other places.
    turn: u32,
    timings: bool,
    /// Of the shaders that the pipelines are made of.
    shader_generation: u64,
    /// The view of the frame before and its matrix, where it goes on.
    before: Option<(View, Mat4)>,
    plan: Option<Plan>,
    /// The view and matrix, with jitter, of the frame before, where its depths are kept for clusters.
    cluster_before: Option<(View, Mat4)>,
    /// Room that clusters need.
    cluster_sizes: clusters::frame::Sizes,
    /// Counts frames.
    count: u32,
    /// What the shadow maps that there are were drawn from.
    shadows: Option<ShadowState>,
    environment: Environment,
    pipelines: Pipelines,
    gpu: Gpu,
}

impl Renderer {
    /// A renderer on this device.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn new(gpu: &Gpu, desc: &RendererDesc) -> Result<Self> {
        let device = gpu.device();
        let frame = || -> Result<Frame> {
            Ok(Frame {
                recorder: Recorder::new(device)?,
                parts: Vec::new(),
                constants: Constants::new(device)?,
                report: Buffer::new(device, "counters", COUNTERS as u64 * 4, Memory::Readback)?,
                culled: false,
                clusters: None,
                asked: Buffer::new(
                    device,
                    "pages asked for",
                    ASKED_BYTES * u64::from(ASKED_ROOM),
                    Memory::Readback,
                )?,
                stamps: Stamps::new(device)?,
                counters: Counters::new(device)?,
                timed: Vec::new(),
            })
        };
        let samples = if desc.multisampling {
            vk::SampleCountFlags::TYPE_4
        } else {
            vk::SampleCountFlags::TYPE_1
        };
        Ok(Self {
            frames: (0..desc.frames_in_flight.clamp(1, FRAMES_IN_FLIGHT_MAX))
                .map(|_| frame())
                .collect::<Result<_>>()?,
            frame: 0,
            samples,
            quality: desc.quality.within_limits(),
            turn: 0,
            timings: false,
            shader_generation: gpu.shader_generation(),
            before: None,
            cluster_before: None,
            cluster_sizes: clusters::frame::Sizes::FIRST,
            count: 0,
            plan: None,
            shadows: None,
            environment: Environment::new(gpu)?,
            pipelines: Pipelines::new(gpu, samples)?,
            gpu: gpu.clone(),
        })
    }

    /// Draws a scene into a target, and submits the work without waiting for it.
    ///
    /// # Errors
    /// When the device is lost or has no memory left, or there is more to cull than it takes at once. What was to be uploaded
    /// may be lost with the frame then.
    ///
    /// # Panics
    /// When scene, renderer and target are of different devices.
    pub fn render(
        &mut self,
        scene: &mut Scene,
        view: &View,
        target: &mut impl Target,
    ) -> Result<FrameStats> {
        let device = self.gpu.device().clone();
        assert!(
            std::sync::Arc::ptr_eq(&device, scene.gpu.device()),
            "scene and renderer are of different devices"
        );
        assert!(
            std::sync::Arc::ptr_eq(&device, target.gpu().device()),
            "target and renderer are of different devices"
        );
        let _span = tracing::debug_span!("render", frame = self.frame).entered();
        device.collect()?;
        tracing::debug_span!("prepare").in_scope(|| scene.prepare(view))?;
        let Some(canvas) = target.begin()? else {
            return self.upload_only(scene);
        };
        let quality = self.quality;
        let shadowed = scene.prepare_lights(view, quality.shadows.as_ref())?;
        let raster = if scene.draws.cluster_count() > 0 {
            Some(self.cluster_raster()?)
        } else {
            None
        };
        let key = self.key(scene, view, &canvas, &shadowed, raster);
        if key.lists() {
            check_groups(scene, &device.adapter.limits)?;
        }
        scene.prepare_motion(key.temporal)?;
        scene.prepare_deform(key.temporal)?;
        self.fit_samples(&key)?;
        self.take_new_shaders(scene, &key);
        self.pipelines.prepare(scene, &key)?;
        self.compile(key)?;

        self.frame = (self.frame + 1) % self.frames.len();
        let bindless = self.gpu.bindless().clone();
        let bindless = bindless
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Waits until the GPU is done with this frame's buffers.
        self.begin(&bindless)?;
        self.fit_clusters(scene)?;
        let mut uploaded_bytes = scene.uploads.take_bytes();
        let aspect = canvas.extent.width as f32 / canvas.extent.height as f32;
        let sun = Vec3::from(scene.sky_info().0.sun_direction);
        let record = tracing::debug_span!("record").entered();
        let shadows = Shadows::new(view, aspect, sun, &shadowed, &quality);
        let jitter = self.jitter(key.temporal, canvas.extent);
        let split = raster.map_or(0.0, |raster| raster.split);
        let state = ShadowState::of(&shadows, scene, view, &quality);
        // Until this frame is submitted there are none.
        let kept = state.is_some() && self.shadows.take() == state;
        uploaded_bytes += self.write_constants(scene, view, &shadows, jitter, kept, split);
        self.count = self.count.wrapping_add(1);
        self.cluster_before =
            (key.clusters.is_some() && key.culling == Culling::Occlusion).then(|| {
                let still = view.clip_from_relative(aspect);
                (*view, Mat4::from_translation(jitter.extend(0.0)) * still)
            });
        self.before = key
            .temporal
            .then(|| (*view, view.clip_from_relative(aspect)));
        self.record(&bindless, scene, view, &canvas, target, (&shadows, kept));

        drop(record);
        let value = self.submit(&canvas)?;
        self.shadows = state;
        target.submitted(&canvas, value)?;
        Ok(FrameStats {
            drawn: true,
            uploaded_bytes,
            instances: scene.len() as u64,
            triangles: scene.draws.triangles(),
            draw_calls: (scene.draws.solid().len() + scene.draws.blended().len()) as u32,
        })
    }

    /// What decides the passes of a frame.
    fn key(
        &self,
        scene: &Scene,
        view: &View,
        canvas: &Canvas,
        shadowed: &[(LightInfo, u32)],
        raster: Option<Crossover>,
    ) -> FrameKey {
        let quality = &self.quality;
        let maps: u32 = shadowed
            .iter()
            .map(|(light, _)| shadow::maps_of(light))
            .sum();
        let mut lists = VIEW_LISTS;
        if let Some(shadows) = &quality.shadows {
            // In steps, so that a light more does not make another plan.
            lists += shadows.cascades + maps.next_multiple_of(8);
        }
        let lights = scene.light_count();
        let plain = view.debug == DebugView::None;
        // Of radiance nothing is shown yet.
        let shown = canvas.format != RADIANCE_FORMAT;
        let clusters = raster.map(|raster| ClusterKey {
            sizes: self
                .cluster_sizes
                .with(scene.draws.cluster_roots(), scene.instances.slot_count()),
            mesh: raster.mesh,
        });
        // A place in the visibility buffer is a pixel.
        let samples = if clusters.is_some() {
            vk::SampleCountFlags::TYPE_1
        } else {
            self.samples
        };
        FrameKey {
            clusters,
            extent: canvas.extent,
            canvas_format: canvas.format,
            presented: canvas.presented(),
            samples,
            culling: quality.culling,
            levels: scene.draws.has_levels(),
            sizes: sizes(scene, lists),
            shadows: quality.shadows,
            light_shadows: maps > 0,
            light_words: if lights > quality.clustered_above {
                lights.div_ceil(32).next_power_of_two()
            } else {
                0
            },
            occlusion: quality.ambient_occlusion.is_some(),
            auto_exposure: plain && shown && view.auto_exposure.is_some(),
            bloom: plain && view.bloom > 0.0,
            deforms: scene.deforms(),
            temporal: quality.temporal && samples == vk::SampleCountFlags::TYPE_1,
            weighted: plain && quality.weighted_blending && !scene.draws.blended().is_empty(),
            transmission: plain && scene.draws.has_transmission(),
            debug: view.debug,
            lines: shown && scene.lines().1 > 0,
            ui: shown && scene.overlay.is_shown(),
            custom: shown && self.pipelines.custom_pass().is_some(),
            // Times are taken on one queue.
            two_queues: quality.async_compute && !self.timings,
        }
    }

    /// Makes more room for clusters where the frame that was last recorded here, and is done, had too little; and brings the pages
    /// that it asked for.
    fn fit_clusters(&mut self, scene: &mut Scene) -> Result<()> {
        let frame = &self.frames[self.frame];
        if let Some(sizes) = frame.clusters
            && frame.recorder.submitted() > 0
        {
            let counts = ClusterCounts::of(bytemuck::cast_slice(frame.report.mapped()), &sizes);
            self.cluster_sizes = self.cluster_sizes.grown(counts.needed);
            let asked = bytemuck::cast_slice(frame.asked.mapped());
            let seen = stream::seen(asked, counts.pages);
            return scene.clusters.stream(&mut scene.uploads, &seen);
        }
        scene.clusters.stream(&mut scene.uploads, &[])
    }

    /// What draws clusters: as the quality says, or as is fastest.
    fn cluster_raster(&self) -> Result<Crossover> {
        let mesh = self.gpu.device().mesh.is_some();
        Ok(match self.quality.cluster_raster {
            ClusterRaster::Auto => self.gpu.crossover()?,
            ClusterRaster::Hardware => Crossover {
                split: 0.0,
                mesh: false,
            },
            ClusterRaster::Mesh => Crossover { split: 0.0, mesh },
            ClusterRaster::Compute => Crossover {
                split: SPLIT_MAX,
                ..self.gpu.crossover()?
            },
            ClusterRaster::Split { pixels } => Crossover {
                split: pixels.clamp(0.0, SPLIT_MAX),
                ..self.gpu.crossover()?
            },
        })
    }

    /// Says that the next frame shows something else: it does not go on from the frame before.
    pub fn cut(&mut self) {
        self.before = None;
    }

    /// Where samples of this frame are moved to, in clip units: another place within the pixel in each of eight frames.
    fn jitter(&mut self, temporal: bool, extent: vk::Extent2D) -> Vec2 {
        if !temporal {
            return Vec2::ZERO;
        }
        self.turn = self.turn % 8 + 1;
        let within = Vec2::new(halton(self.turn, 2), halton(self.turn, 3)) - 0.5;
        within * 2.0 / Vec2::new(extent.width as f32, extent.height as f32)
    }

    fn write_constants(
        &mut self,
        scene: &Scene,
        view: &View,
        shadows: &Shadows,
        jitter: Vec2,
        kept: bool,
        split: f32,
    ) -> u64 {
        let plan = self.plan.as_ref().expect("`compile` was called before");
        let frame = &mut self.frames[self.frame];
        frame.culled = plan.key.culling != Culling::Off;
        frame.clusters = plan.key.clusters.map(|key| key.sizes);
        Values {
            scene,
            view,
            quality: &self.quality,
            key: &plan.key,
            realised: &plan.realised,
            resources: &plan.resources,
            environment: self.environment.slots(),
            air: scene.air().map(|air| self.environment.placed(air)),
            shadows,
            report: &frame.report,
            jitter,
            before: self.before,
            standard_samples: self.gpu.device().adapter.standard_samples,
            clusters: ClusterValues {
                before: self.cluster_before,
                // Others have room beyond the edges, and clusters that compute draws are small.
                cut: self.gpu.info().software,
                split,
                // As many bits as shaders have for it, and never 0.
                frame: self.count % ((1 << 20) - 1) + 1,
                views: parts::cluster_views(shadows, kept),
            },
        }
        .write(&mut frame.constants)
    }

    /// What the GPU says of the last frame that it has finished; `None` before there is one. Never waits: after
    /// [`Gpu::wait_idle`] it is the last frame that was drawn.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn report(&self) -> Result<Option<FrameReport>> {
        let completed = self.gpu.device().completed()?;
        let last = self
            .frames
            .iter()
            .filter(|frame| (1..=completed).contains(&frame.recorder.submitted()))
            .max_by_key(|frame| frame.recorder.submitted());
        let Some(frame) = last else {
            return Ok(None);
        };
        let stamps = if frame.timed.is_empty() {
            Vec::new()
        } else {
            frame.stamps.read(frame.timed.len() as u32 + 1)?
        };
        let work = match &frame.counters {
            Some(counters) => counters.read(frame.timed.len() as u32)?,
            None => Vec::new(),
        };
        let passes = frame.timed.iter().zip(stamps.windows(2)).enumerate();
        let passes = passes.map(|(index, (name, pair))| PassTime {
            name,
            nanoseconds: pair[1] - pair[0],
            work: work
                .get(index)
                .map(|&[vertices, primitives, fragments, threads]| PassWork {
                    vertices,
                    primitives,
                    fragments,
                    threads,
                }),
        });
        Ok(Some(FrameReport {
            culling: frame
                .culled
                .then(|| CullCounts::of(bytemuck::cast_slice(frame.report.mapped()))),
            clusters: frame.clusters.map(|sizes| {
                ClusterCounts::of(bytemuck::cast_slice(frame.report.mapped()), &sizes)
            }),
            passes: passes.collect(),
        }))
    }

    /// Whether passes are timed, and their work counted, from the next frame on. Each then waits for the one before, which costs a little.
    pub fn set_timings(&mut self, on: bool) {
        self.timings = on;
    }

    /// The passes of the frame that was last drawn and what flows between them, in the language of Graphviz; `None` before
    /// the first frame.
    #[must_use]
    pub fn graph(&self) -> Option<String> {
        self.plan.as_ref().map(|plan| plan.realised.plan.dot())
    }

    /// How much work a picture is worth, from the next frame on. Figures out of range are brought within.
    pub fn set_quality(&mut self, quality: Quality) {
        self.quality = quality.within_limits();
    }

    /// Puts a pass of one's own after tone mapping, from the next frame on, or takes it away.
    pub fn set_screen_pass(&mut self, pass: Option<ScreenPass>) {
        self.pipelines.set_custom(pass);
    }

    /// What draws were made from last.
    #[cfg(test)]
    pub(crate) fn lists(&self) -> Option<(&Buffer, Sizes)> {
        let plan = self.plan.as_ref()?;
        let lists = plan.realised.maybe_buffer(plan.resources.lists)?;
        Some((lists, plan.key.sizes))
    }

    /// Queues and lists of clusters, as they were left.
    #[cfg(test)]
    pub(crate) fn cluster_lists(&self) -> Option<(&Buffer, clusters::frame::Sizes)> {
        let plan = self.plan.as_ref()?;
        let lists = plan.realised.maybe_buffer(plan.resources.cluster_lists)?;
        Some((lists, plan.key.clusters?.sizes))
    }

    /// Has this much room for clusters from the next frame on.
    #[cfg(test)]
    pub(crate) fn set_cluster_sizes(&mut self, sizes: clusters::frame::Sizes) {
        self.cluster_sizes = sizes;
    }

    #[cfg(test)]
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// How much work a picture is worth.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.quality
    }
}

/// Fails where culling would take more workgroups than the device has: one a range, and one for each block of candidates.
fn check_groups(scene: &Scene, limits: &vk::PhysicalDeviceLimits) -> Result<()> {
    let limit = u64::from(limits.max_compute_work_group_count[0]);
    let ranges = scene.draws.solid().len() + scene.draws.blended().len();
    let candidates = u64::from(scene.draws.candidates().0);
    for (what, needed, limit) in [
        (
            "runs of instances that are drawn alike",
            ranges as u64,
            limit,
        ),
        (
            "instances, each once a level of its mesh",
            candidates,
            limit * u64::from(cull::BLOCK),
        ),
        (
            "instances of meshes of clusters",
            u64::from(scene.draws.cluster_count()),
            limit * u64::from(clusters::record::INSTANCES_A_GROUP),
        ),
    ] {
        if needed > limit {
            return Err(RenderError::OutOfSpace {
                what,
                needed,
                limit,
            });
        }
    }
    Ok(())
}

/// How much there is to cull.
fn sizes(scene: &Scene, lists: u32) -> Sizes {
    let (candidates, _) = scene.draws.candidates();
    let ranges = scene.draws.solid().len() + scene.draws.blended().len();
    Sizes::of(
        candidates,
        scene.draws.command_count(),
        ranges as u32,
        scene.instances.slot_count(),
        lists,
    )
}

/// Number `index` of the sequence of Halton in a base: evenly spread over 0 to 1.
fn halton(mut index: u32, base: u32) -> f32 {
    let (mut sum, mut part) = (0.0, 1.0);
    while index > 0 {
        part /= base as f32;
        sum += part * (index % base) as f32;
        index /= base;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GpuDesc, ImageTarget, Instance, InstanceTransform, Surface, SurfaceShader};

    #[test]
    #[expect(unsafe_code, reason = "a shader of our own")]
    fn pipelines_of_surfaces_that_are_compiled_again_do_not_pile_up() {
        let gpu = Gpu::headless(&GpuDesc::default()).unwrap();
        let mut scene = Scene::new(&gpu).unwrap();
        let mut renderer = Renderer::new(&gpu, &RendererDesc::default()).unwrap();
        let mut target = ImageTarget::new(&gpu, 16, 16).unwrap();
        let instance = Instance {
            mesh: storm_assets::Handle::of("reloaded", "mesh"),
            material: storm_assets::Handle::of("reloaded", "material"),
            transform: InstanceTransform::IDENTITY,
        };
        let triangle = storm_assets::Mesh {
            positions: vec![[-1.0, 0.0, -2.0], [1.0, 0.0, -2.0], [0.0, 1.0, -2.0]],
            indices: vec![0, 1, 2],
            ..storm_assets::Mesh::default()
        };
        scene.insert_mesh(instance.mesh, &triangle).unwrap();
        scene.add(&instance).unwrap();
        let mut counts = Vec::new();
        for _ in 0..8 {
            let spirv = include_bytes!("../../examples/stripes.frag.spv");
            // SAFETY: compiled from the source beside it, which follows no address but the header's.
            let shader = unsafe { SurfaceShader::new(spirv, &[]) }.unwrap();
            let surface = Surface {
                shader,
                textures: Vec::new(),
                parameters: Vec::new(),
            };
            scene
                .set_surface(instance.material, Some(&surface))
                .unwrap();
            drop(surface);
            renderer
                .render(&mut scene, &View::default(), &mut target)
                .unwrap();
            counts.push(renderer.pipelines.scene_count());
        }
        assert_eq!(counts, [2; 8], "depth, and the colours of one shader");
    }
}
