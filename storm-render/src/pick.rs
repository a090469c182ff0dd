//! What is seen at a pixel: the slots of instances, drawn into a picture of integers.

use std::collections::{BTreeMap, HashMap};

use ash::vk;
use storm_assets::Topology;

use crate::{
    clusters::pick::PickedClusters,
    context::Gpu,
    environment::EnvironmentSlots,
    error::{RenderError, Result},
    frame::{
        constants::{Constants, Part},
        pipelines::topology_of,
        values,
    },
    gpu::{
        bindless::Bindless,
        buffer::{Buffer, Memory},
        commands::{Attachment, COMMAND_BYTES, Recorder},
        pipeline::{Blending, DEPTH_FORMAT, Depth, GraphicsDesc, Pipeline},
        submit::Submission,
    },
    graph::{Graph, ImageSpec, Options, Queue, ResourceId, Use, execute::Realised},
    scene::{AlphaClass, DrawRange, RenderSlot, Scene, layout::NONE},
    shaders,
    view::View,
};

const FORMAT: vk::Format = vk::Format::R32_UINT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Upload,
    /// Chooses clusters.
    Clusters,
    Draw,
    Read,
}

struct Plan {
    extent: vk::Extent2D,
    realised: Realised<Step>,
    slots: ResourceId,
    depth: ResourceId,
    readback: Buffer,
}

/// Says which instance is seen at which pixel. Exact: the same on every driver but at the edges of triangles.
///
/// ```no_run
/// use storm_render::{Gpu, GpuDesc, Picker, Scene, View};
///
/// # fn main() -> Result<(), storm_render::RenderError> {
/// let gpu = Gpu::headless(&GpuDesc::default())?;
/// let mut scene = Scene::new(&gpu)?;
/// let mut picker = Picker::new(&gpu)?;
/// // What a mouse at (640, 360) points to in a window of 1280 × 720.
/// let seen = picker.pick(&mut scene, &View::default(), (1280, 720), (640, 360))?;
/// assert_eq!(seen, None);
/// # Ok(())
/// # }
/// ```
pub struct Picker {
    recorder: Recorder,
    constants: Constants,
    pipelines: HashMap<(bool, Topology), Pipeline>,
    plan: Option<Plan>,
    /// Of meshes of clusters, once a scene has some.
    clusters: Option<PickedClusters>,
    gpu: Gpu,
}

impl Picker {
    /// A picker on this device.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn new(gpu: &Gpu) -> Result<Self> {
        Ok(Self {
            recorder: Recorder::new(gpu.device())?,
            constants: Constants::new(gpu.device())?,
            pipelines: HashMap::new(),
            plan: None,
            clusters: None,
            gpu: gpu.clone(),
        })
    }

    /// The instance at a pixel of a picture of this width and height, counted from the top left; blended ones count, holes
    /// in masked ones do not. Draws that one pixel and waits for it.
    ///
    /// # Errors
    /// When the device is lost or has no memory left, or a side of the picture is out of range.
    ///
    /// # Panics
    /// When scene and picker are of different devices.
    pub fn pick(
        &mut self,
        scene: &mut Scene,
        view: &View,
        (width, height): (u32, u32),
        (x, y): (u32, u32),
    ) -> Result<Option<RenderSlot>> {
        if x >= width || y >= height {
            return Ok(None);
        }
        self.draw(scene, view, vk::Extent2D { width, height }, Some((x, y)))?;
        Ok(self.read().nth((y * width + x) as usize).flatten())
    }

    /// The instances at all pixels, row by row from the top left.
    ///
    /// # Errors
    /// As [`Picker::pick`].
    ///
    /// # Panics
    /// As [`Picker::pick`].
    pub fn slots(
        &mut self,
        scene: &mut Scene,
        view: &View,
        (width, height): (u32, u32),
    ) -> Result<Vec<Option<RenderSlot>>> {
        self.draw(scene, view, vk::Extent2D { width, height }, None)?;
        Ok(self.read().collect())
    }

    fn read(&self) -> impl Iterator<Item = Option<RenderSlot>> + '_ {
        let bytes = self
            .plan
            .as_ref()
            .map_or(&[][..], |plan| plan.readback.mapped());
        let words: &[u32] = bytemuck::cast_slice(bytes);
        words
            .iter()
            .map(|&slot| (slot != NONE).then_some(RenderSlot(slot)))
    }

    fn draw(
        &mut self,
        scene: &mut Scene,
        view: &View,
        extent: vk::Extent2D,
        only: Option<(u32, u32)>,
    ) -> Result<()> {
        assert!(
            std::sync::Arc::ptr_eq(self.gpu.device(), scene.gpu.device()),
            "scene and picker are of different devices"
        );
        let limit = self.gpu.device().adapter.limits.max_image_dimension2_d;
        let vk::Extent2D { width, height } = extent;
        if width == 0 || height == 0 || width > limit || height > limit {
            return Err(RenderError::Size {
                width,
                height,
                limit,
            });
        }
        scene.prepare(view)?;
        scene.prepare_deform(false)?;
        self.prepare(scene, extent)?;
        self.draw_once(scene, view, extent, only)?;
        // Where clusters found no room there is more now.
        while let Some(clusters) = &mut self.clusters
            && scene.draws.cluster_count() > 0
            && !clusters.complete(&self.gpu)?
        {
            self.draw_once(scene, view, extent, only)?;
        }
        Ok(())
    }

    fn draw_once(
        &mut self,
        scene: &mut Scene,
        view: &View,
        extent: vk::Extent2D,
        only: Option<(u32, u32)>,
    ) -> Result<()> {
        let vk::Extent2D { width, height } = extent;
        let bindless = self.gpu.bindless().clone();
        let bindless = bindless
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        self.recorder.begin(&bindless)?;
        let clip = view.clip_from_relative(width as f32 / height as f32);
        let globals = values::globals(scene, view, clip, EnvironmentSlots::default(), 0);
        self.constants.write(Part::Globals, &[globals]);
        if let Some(clusters) = &self.clusters {
            clusters.write(&mut self.constants, scene, view, extent);
        }
        self.record(&bindless, scene, only);
        let value = self.recorder.submit(Submission::default())?;
        self.gpu.device().wait(value)
    }

    fn prepare(&mut self, scene: &Scene, extent: vk::Extent2D) -> Result<()> {
        for range in ranges(scene) {
            let key = (range.kind.class == AlphaClass::Mask, range.kind.topology);
            if !self.pipelines.contains_key(&key) {
                let desc = GraphicsDesc {
                    vertex: shaders::ID_VERT,
                    fragment: Some(shaders::ID_FRAG),
                    fragment_constant: u32::from(key.0),
                    topology: topology_of(key.1),
                    color_formats: &[FORMAT],
                    depth: Depth::TestAndWrite,
                    blending: Blending::Replace,
                    samples: vk::SampleCountFlags::TYPE_1,
                };
                let device = self.gpu.device();
                let pipeline = self
                    .gpu
                    .with_bindless(|bindless| Pipeline::graphics(device, bindless, &desc))?;
                self.pipelines.insert(key, pipeline);
            }
        }
        if scene.draws.cluster_count() > 0 {
            if self.clusters.is_none() {
                self.clusters = Some(PickedClusters::new(&self.gpu, FORMAT)?);
            }
            if let Some(clusters) = &mut self.clusters {
                clusters.fit(&self.gpu, scene)?;
            }
        }
        if self.plan.as_ref().is_some_and(|plan| plan.extent == extent) {
            return Ok(());
        }
        let mut graph = Graph::default();
        let spec = |format| ImageSpec {
            width: extent.width,
            height: extent.height,
            format,
            samples: vk::SampleCountFlags::TYPE_1,
            mip_levels: 1,
        };
        let tables = graph.import_buffers("scene tables");
        let slots = graph.image("slots", spec(FORMAT));
        let depth = graph.image("depth", spec(DEPTH_FORMAT));
        let picture = graph.import_buffers("picture");
        graph.end(picture, Use::Host);
        let graphics = Queue::Graphics;
        let uses = [(tables, Use::CopyTo), (tables, Use::WriteCompute)];
        graph.pass("upload", graphics, Step::Upload, uses);
        let lists = graph.import_buffers("cluster lists");
        let uses = [
            (tables, Use::ReadCompute),
            (lists, Use::CopyTo),
            (lists, Use::WriteCompute),
            (lists, Use::Indirect),
        ];
        graph.pass("choose clusters", graphics, Step::Clusters, uses);
        let uses = [
            (slots, Use::Color),
            (depth, Use::Depth),
            (lists, Use::Indirect),
            (lists, Use::ReadVertex),
            (tables, Use::Indirect),
            (tables, Use::Index),
            (tables, Use::ReadVertex),
            (tables, Use::ReadFragment),
        ];
        graph.pass("slots", graphics, Step::Draw, uses);
        let uses = [
            (slots, Use::CopyFrom),
            (lists, Use::CopyFrom),
            (picture, Use::CopyTo),
        ];
        graph.pass("read back", graphics, Step::Read, uses);
        let bytes = u64::from(extent.width) * u64::from(extent.height) * 4;
        self.plan = Some(Plan {
            extent,
            realised: Realised::new(&self.gpu, graph, Options::default())?,
            slots,
            depth,
            readback: Buffer::new(self.gpu.device(), "picking", bytes, Memory::Readback)?,
        });
        Ok(())
    }

    fn record(&mut self, bindless: &Bindless, scene: &mut Scene, only: Option<(u32, u32)>) {
        let Self {
            recorder,
            constants,
            pipelines,
            plan,
            clusters,
            gpu,
        } = self;
        let clusters = clusters
            .as_ref()
            .filter(|_| scene.draws.cluster_count() > 0);
        let plan = plan.as_mut().expect("`prepare` was called before");
        let none = BTreeMap::new();
        for (index, pass) in plan.realised.plan.passes.iter().enumerate() {
            plan.realised.before(recorder, pass, &none);
            recorder.bind_inputs(bindless, plan.realised.inputs(index));
            match pass.payload {
                Step::Upload => {
                    let value = gpu.device().next_value();
                    scene.record_uploads(recorder, bindless, value, false);
                    scene.record_deform_after_uploads(recorder, bindless);
                }
                Step::Clusters => {
                    if let Some(clusters) = clusters {
                        clusters.select(recorder, bindless, scene, constants);
                    }
                }
                Step::Draw => {
                    let attachment = |id, clear| Attachment {
                        view: plan.realised.image(id).view,
                        clear: Some(clear),
                        store: true,
                    };
                    let nobody = vk::ClearValue {
                        color: vk::ClearColorValue { uint32: [NONE; 4] },
                    };
                    recorder.begin_rendering(
                        plan.extent,
                        &[attachment(plan.slots, nobody)],
                        Some(attachment(plan.depth, vk::ClearValue::default())),
                    );
                    if let Some((x, y)) = only {
                        recorder.pixel(x, y);
                    }
                    recorder.bind_indices(scene.geometry.indices());
                    let push = [
                        constants.address(Part::Globals),
                        scene.draws.visible().address,
                    ];
                    for range in ranges(scene) {
                        draw(recorder, bindless, pipelines, scene, range, push);
                    }
                    if let Some(clusters) = clusters {
                        clusters.draw(recorder, bindless, constants);
                    }
                    recorder.end_rendering();
                }
                Step::Read => {
                    let slots = plan.realised.image(plan.slots);
                    recorder.copy_from_image(slots.raw, plan.extent, &plan.readback);
                    if let Some(clusters) = clusters {
                        clusters.count(recorder);
                    }
                }
            }
        }
        plan.realised.after(recorder, &none);
        plan.realised.recorded();
    }
}

/// Everything, each in the finest level of its mesh.
fn ranges(scene: &Scene) -> impl Iterator<Item = &DrawRange> {
    let all = scene.draws.solid().iter().chain(scene.draws.blended());
    all.filter(|range| range.kind.level == 0)
}

fn draw(
    recorder: &mut Recorder,
    bindless: &Bindless,
    pipelines: &HashMap<(bool, Topology), Pipeline>,
    scene: &Scene,
    range: &DrawRange,
    push: [u64; 2],
) {
    let kind = range.kind;
    recorder.bind_pipeline(&pipelines[&(kind.class == AlphaClass::Mask, kind.topology)]);
    recorder.push_constants(bindless, &push);
    recorder.cull_as(kind.double_sided, kind.mirrored);
    let start = u64::from(range.first) * u64::from(COMMAND_BYTES);
    recorder.draw_indexed_indirect(scene.draws.commands(), start, range.count);
}
