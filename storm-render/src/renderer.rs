//! One frame: upload what changed, filter the sky if it changed, draw the scene, tone-map it into the target.

use std::collections::HashMap;

use ash::vk;
use bytemuck::{Pod, Zeroable};
use glam::Vec3;
use storm_assets::Topology;

use crate::{
    context::{CLAMP_SAMPLER, Gpu},
    environment::Environment,
    error::Result,
    gpu::{
        bindless::{Binding, Bindless},
        buffer::{Buffer, Memory},
        commands::{Access, Attachment, Levels, Recorder},
        image::{Image, ImageDesc},
        pipeline::{Blending, DEPTH_FORMAT, Depth, GraphicsDesc, Pipeline},
    },
    scene::{AlphaClass, DrawKind, DrawRange, Scene, layout::Globals},
    shaders,
    target::{Canvas, Target},
    view::{Projection, ToneMap, View},
};

/// Frames that the CPU may be ahead of the GPU.
pub const FRAMES_IN_FLIGHT: usize = 2;

/// Scene colours before tone mapping.
const HDR_FORMAT: vk::Format = vk::Format::R16G16B16A16_SFLOAT;

/// What a [`Renderer`] should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RendererDesc {
    /// Smooth edges, by four samples a pixel.
    pub multisampling: bool,
}

impl Default for RendererDesc {
    fn default() -> Self {
        Self {
            multisampling: true,
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

/// Solid surfaces are drawn twice: where they are, and how they look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pass {
    Depth,
    Color,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ScenePush {
    globals: u64,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ToneMapPush {
    globals: u64,
    target: u32,
    operator: u32,
}

/// What belongs to one of the frames in flight.
struct Frame {
    recorder: Recorder,
    globals: Buffer,
    /// What is in `globals`.
    written: Option<Globals>,
}

/// What is drawn into before tone mapping.
struct Attachments {
    extent: vk::Extent2D,
    color: Image,
    depth: Image,
    /// In the array of multisampled targets, or of plain ones.
    slot: u32,
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
    frames: [Frame; FRAMES_IN_FLIGHT],
    frame: usize,
    samples: vk::SampleCountFlags,
    attachments: Option<Attachments>,
    environment: Environment,
    scene_pipelines: HashMap<(Pass, AlphaClass, Topology), Pipeline>,
    background: Pipeline,
    tone_maps: HashMap<vk::Format, Pipeline>,
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
            let globals = Buffer::new(
                device,
                "frame constants",
                size_of::<Globals>() as u64,
                Memory::Upload,
            )?;
            Ok(Frame {
                recorder: Recorder::new(device)?,
                globals,
                written: None,
            })
        };
        let samples = if desc.multisampling {
            vk::SampleCountFlags::TYPE_4
        } else {
            vk::SampleCountFlags::TYPE_1
        };
        let background = gpu.with_bindless(|bindless| {
            Pipeline::graphics(
                device,
                bindless,
                &GraphicsDesc {
                    vertex: shaders::FULLSCREEN_VERT,
                    fragment: Some(shaders::BACKGROUND_FRAG),
                    fragment_constant: 0,
                    topology: vk::PrimitiveTopology::TRIANGLE_LIST,
                    color_format: HDR_FORMAT,
                    depth: Depth::Test,
                    blending: Blending::Replace,
                    samples,
                },
            )
        })?;
        Ok(Self {
            frames: [frame()?, frame()?],
            frame: 0,
            samples,
            attachments: None,
            environment: Environment::new(gpu)?,
            scene_pipelines: HashMap::new(),
            background,
            tone_maps: HashMap::new(),
            gpu: gpu.clone(),
        })
    }

    /// Draws a scene into a target, and submits the work without waiting for it.
    ///
    /// # Errors
    /// When the device is lost or has no memory left. What was to be uploaded may be lost with the frame then.
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
        device.collect()?;
        scene.prepare(view)?;
        let Some(canvas) = target.begin()? else {
            return self.upload_only(scene);
        };
        self.fit(canvas.extent)?;
        self.make_pipelines(scene, canvas.format)?;

        self.frame = (self.frame + 1) % FRAMES_IN_FLIGHT;
        let bindless = self.gpu.bindless().clone();
        let bindless = bindless
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Waits until the GPU is done with this frame's buffers.
        self.frames[self.frame].recorder.begin(&bindless)?;
        let mut uploaded_bytes = scene.uploads.take_bytes();
        uploaded_bytes += self.write_globals(scene, view, canvas.extent);
        let draw_calls = self.record(&bindless, scene, view, &canvas);

        let frame = &mut self.frames[self.frame];
        target.finish(&canvas, &mut frame.recorder);
        let (ready, rendered) = canvas.acquired.map(|a| (a.ready, a.rendered)).unzip();
        let value = frame.recorder.submit(ready, rendered)?;
        target.submitted(&canvas, value)?;
        Ok(FrameStats {
            drawn: true,
            uploaded_bytes,
            instances: scene.len() as u64,
            triangles: scene.draws.triangles(),
            draw_calls,
        })
    }

    /// Uploads what is waiting, so that it does not pile up while a window is minimised.
    fn upload_only(&mut self, scene: &mut Scene) -> Result<FrameStats> {
        if scene.uploads.is_empty() {
            return Ok(FrameStats::default());
        }
        self.frame = (self.frame + 1) % FRAMES_IN_FLIGHT;
        let bindless = self.gpu.bindless().clone();
        let bindless = bindless
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let recorder = &mut self.frames[self.frame].recorder;
        recorder.begin(&bindless)?;
        let uploaded_bytes = scene.uploads.take_bytes();
        scene
            .uploads
            .record(recorder, self.gpu.device().next_value());
        recorder.submit(None, None)?;
        Ok(FrameStats {
            uploaded_bytes,
            ..FrameStats::default()
        })
    }

    /// Makes the attachments anew where the target has another size.
    fn fit(&mut self, extent: vk::Extent2D) -> Result<()> {
        if self
            .attachments
            .as_ref()
            .is_some_and(|a| a.extent == extent)
        {
            return Ok(());
        }
        let make = |what, format, usage| {
            Image::new(
                self.gpu.device(),
                ImageDesc {
                    what,
                    width: extent.width,
                    height: extent.height,
                    format,
                    usage,
                    mip_levels: 1,
                    samples: self.samples,
                    cube: false,
                },
            )
        };
        let color_usage = vk::ImageUsageFlags::COLOR_ATTACHMENT | vk::ImageUsageFlags::SAMPLED;
        let color = make("scene colour", HDR_FORMAT, color_usage)?;
        let depth = make(
            "scene depth",
            DEPTH_FORMAT,
            vk::ImageUsageFlags::DEPTH_STENCIL_ATTACHMENT,
        )?;
        // Made before the old ones go: frames in flight still read those.
        let binding = self.target_binding();
        let slot = self
            .gpu
            .with_bindless(|bindless| bindless.add_image(binding, &color))?;
        self.free_attachments();
        self.attachments = Some(Attachments {
            extent,
            color,
            depth,
            slot,
        });
        Ok(())
    }

    /// The array that scene colours are read from.
    fn target_binding(&self) -> Binding {
        if self.samples == vk::SampleCountFlags::TYPE_1 {
            Binding::PlainTargets
        } else {
            Binding::Targets
        }
    }

    fn free_attachments(&mut self) {
        let binding = self.target_binding();
        if let Some(old) = self.attachments.take() {
            self.gpu
                .with_bindless(|bindless| bindless.free(binding, old.slot));
        }
    }

    fn make_pipelines(&mut self, scene: &Scene, format: vk::Format) -> Result<()> {
        let (device, samples) = (self.gpu.device(), self.samples);
        let solid = scene.draws.solid().iter().flat_map(|range| {
            let DrawKind {
                class, topology, ..
            } = range.kind;
            [
                (Pass::Depth, class, topology),
                (Pass::Color, class, topology),
            ]
        });
        let blended = scene.draws.blended().iter();
        let blended = blended.map(|range| (Pass::Color, range.kind.class, range.kind.topology));
        for key in solid.chain(blended) {
            if !self.scene_pipelines.contains_key(&key) {
                let pipeline = self.gpu.with_bindless(|bindless| {
                    Pipeline::graphics(device, bindless, &scene_pipeline(key, samples))
                })?;
                self.scene_pipelines.insert(key, pipeline);
            }
        }
        if !self.tone_maps.contains_key(&format) {
            let desc = GraphicsDesc {
                vertex: shaders::FULLSCREEN_VERT,
                fragment: Some(shaders::TONEMAP_FRAG),
                fragment_constant: samples.as_raw(),
                topology: vk::PrimitiveTopology::TRIANGLE_LIST,
                color_format: format,
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

    /// Writes the frame's constants where they differ from what is there. Gives the bytes written.
    fn write_globals(&mut self, scene: &Scene, view: &View, extent: vk::Extent2D) -> u64 {
        let clip_from_relative =
            view.clip_from_relative(extent.width as f32 / extent.height as f32);
        let eye = match view.projection {
            Projection::Perspective { .. } => Vec3::ZERO.extend(1.0),
            Projection::Orthographic { .. } => (view.rotation * Vec3::Z).extend(0.0),
        };
        let environment = self.environment.slots();
        let globals = Globals {
            clip_from_relative: clip_from_relative.to_cols_array_2d(),
            relative_from_clip: clip_from_relative.inverse().to_cols_array_2d(),
            eye: eye.into(),
            camera_cell: view.cell,
            exposure: view.exposure,
            camera_translation: view.translation.into(),
            light_count: scene.light_count(),
            sky: scene.sky().info(),
            vertices: scene.geometry.vertices().address,
            transforms: scene.instances.transforms().address,
            metas: scene.instances.metas().address,
            visible: scene.draws.visible().address,
            meshes: scene.geometry.infos().address,
            materials: scene.surfaces.infos().address,
            lights: scene.lights.buffer().address,
            harmonics: environment.harmonics,
            sky_cube: environment.sky_cube,
            sky_levels: environment.sky_levels,
            brdf_table: environment.brdf_table,
            clamp_sampler: CLAMP_SAMPLER,
        };
        let frame = &mut self.frames[self.frame];
        if frame.written == Some(globals) {
            return 0;
        }
        let bytes = bytemuck::bytes_of(&globals);
        // The recorder's `begin` waited for the frame that last read it (invariant 6 of the GPU layer).
        frame.globals.mapped_mut()[..bytes.len()].copy_from_slice(bytes);
        frame.written = Some(globals);
        bytes.len() as u64
    }

    /// Records all passes; gives the number of multi-draw calls.
    fn record(
        &mut self,
        bindless: &Bindless,
        scene: &mut Scene,
        view: &View,
        canvas: &Canvas,
    ) -> u32 {
        let Frame {
            recorder, globals, ..
        } = &mut self.frames[self.frame];
        let globals = globals.address;
        scene
            .uploads
            .record(recorder, self.gpu.device().next_value());
        self.environment
            .update(recorder, bindless, &scene.sky().info(), globals);

        let attachments = self.attachments.as_ref().expect("`fit` was called before");
        let color = (attachments.color.raw, HDR_FORMAT);
        // The frame before this one tone-maps from the same image, and tests against the same depth.
        recorder.image_barrier(
            color,
            Levels::ALL,
            (Access::FRAGMENT_READ, vk::ImageLayout::UNDEFINED),
            (
                Access::COLOR_WRITE,
                vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL,
            ),
        );
        recorder.image_barrier(
            (attachments.depth.raw, DEPTH_FORMAT),
            Levels::ALL,
            (Access::DEPTH_WRITE, vk::ImageLayout::UNDEFINED),
            (
                Access::DEPTH_WRITE,
                vk::ImageLayout::DEPTH_ATTACHMENT_OPTIMAL,
            ),
        );
        recorder.begin_rendering(
            attachments.extent,
            Attachment {
                view: attachments.color.view,
                clear: Some(vk::ClearValue::default()),
                store: true,
            },
            // Cleared to 0: infinitely far.
            Some(Attachment {
                view: attachments.depth.view,
                clear: Some(vk::ClearValue::default()),
                store: false,
            }),
        );
        let push = ScenePush { globals };
        recorder.bind_indices(scene.geometry.indices());
        let (solid, blended) = (scene.draws.solid(), scene.draws.blended());
        let commands = scene.draws.commands();
        let draw = |recorder: &mut Recorder, pass, ranges| {
            draw_ranges(
                recorder,
                bindless,
                &self.scene_pipelines,
                commands,
                pass,
                ranges,
                &push,
            );
        };
        // Depth first, so that each pixel is shaded once, however many surfaces lie behind one another.
        draw(recorder, Pass::Depth, solid);
        draw(recorder, Pass::Color, solid);
        recorder.bind_pipeline(&self.background);
        recorder.push_constants(bindless, &push);
        recorder.cull(vk::CullModeFlags::NONE, vk::FrontFace::COUNTER_CLOCKWISE);
        recorder.draw(3);
        draw(recorder, Pass::Color, blended);
        recorder.end_rendering();

        recorder.image_barrier(
            color,
            Levels::ALL,
            (
                Access::COLOR_WRITE,
                vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL,
            ),
            (
                Access::FRAGMENT_READ,
                vk::ImageLayout::SHADER_READ_ONLY_OPTIMAL,
            ),
        );
        // A window's image becomes ready at this stage; a picture in memory may still be copied from.
        recorder.image_barrier(
            (canvas.image, canvas.format),
            Levels::ALL,
            (
                Access::COLOR_WRITE.and(Access::COPY_READ),
                vk::ImageLayout::UNDEFINED,
            ),
            (
                Access::COLOR_WRITE,
                vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL,
            ),
        );
        recorder.begin_rendering(
            canvas.extent,
            Attachment {
                view: canvas.view,
                clear: Some(vk::ClearValue::default()),
                store: true,
            },
            None,
        );
        recorder.bind_pipeline(&self.tone_maps[&canvas.format]);
        let operator = match view.tone_map {
            ToneMap::None => 0,
            ToneMap::PbrNeutral => 1,
        };
        recorder.push_constants(
            bindless,
            &ToneMapPush {
                globals,
                target: attachments.slot,
                operator,
            },
        );
        recorder.draw(3);
        recorder.end_rendering();
        (solid.len() + blended.len()) as u32
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        self.free_attachments();
    }
}

fn draw_ranges(
    recorder: &mut Recorder,
    bindless: &Bindless,
    pipelines: &HashMap<(Pass, AlphaClass, Topology), Pipeline>,
    commands: &Buffer,
    pass: Pass,
    ranges: &[DrawRange],
    push: &ScenePush,
) {
    for range in ranges {
        let DrawKind {
            class,
            topology,
            double_sided,
            mirrored,
        } = range.kind;
        recorder.bind_pipeline(&pipelines[&(pass, class, topology)]);
        recorder.push_constants(bindless, push);
        recorder.cull(
            if double_sided {
                vk::CullModeFlags::NONE
            } else {
                vk::CullModeFlags::BACK
            },
            if mirrored {
                vk::FrontFace::CLOCKWISE
            } else {
                vk::FrontFace::COUNTER_CLOCKWISE
            },
        );
        recorder.draw_indexed_indirect(commands, range.first, range.count);
    }
}

fn scene_pipeline(
    (pass, class, topology): (Pass, AlphaClass, Topology),
    samples: vk::SampleCountFlags,
) -> GraphicsDesc<'static> {
    let (vertex, fragment, depth, blending) = match (pass, class) {
        (Pass::Depth, AlphaClass::Mask) => {
            let fragment = Some(shaders::DEPTH_MASK_FRAG);
            (
                shaders::SCENE_VERT,
                fragment,
                Depth::TestAndWrite,
                Blending::Drop,
            )
        }
        (Pass::Depth, _) => (
            shaders::DEPTH_VERT,
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
    GraphicsDesc {
        vertex,
        fragment,
        fragment_constant: u32::from(class == AlphaClass::Blend),
        topology: match topology {
            Topology::Points => vk::PrimitiveTopology::POINT_LIST,
            Topology::Lines => vk::PrimitiveTopology::LINE_LIST,
            Topology::Triangles => vk::PrimitiveTopology::TRIANGLE_LIST,
        },
        color_format: HDR_FORMAT,
        depth,
        blending,
        samples,
    }
}
