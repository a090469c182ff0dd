//! What each pass of a frame records.

use ash::vk;
use bytemuck::{Pod, Zeroable};

use super::{
    cull::{self, Dispatch, Mode},
    lighting::CLUSTERS,
    pipelines::{Pass, Pipelines, casts_shadows, placed},
    plan::{FrameKey, Resources, Step},
    values::Shadows,
};
use crate::{
    environment::{Environment, SkyKey},
    gpu::{
        bindless::Bindless,
        buffer::Buffer,
        commands::{Access, Attachment, COMMAND_BYTES, Levels, Recorder},
    },
    graph::{ResourceId, execute::Realised},
    quality::{Culling, Quality},
    scene::{DrawKind, DrawRange, Scene},
    shadow,
    target::{Canvas, sealed},
    view::{DebugView, View},
};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ScenePush {
    globals: u64,
    visible: u64,
    /// Of shadow maps: all views, and the number of this one.
    views: u64,
    view: u32,
    /// Of the meshes that are drawn, for the debug view.
    level: u32,
    /// What surfaces of users read.
    surfaces: u64,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ClusterPush {
    globals: u64,
    lighting: u64,
}

/// Draws what a list has left of some ranges.
#[derive(Clone, Copy)]
struct Draw<'a> {
    pass: Pass,
    list: u32,
    ranges: &'a [DrawRange],
    /// The number of the first of them.
    first_range: u32,
    /// Of shadow maps.
    view: u32,
    /// Of what is transmissive, or of the rest; `None` for all.
    transmissive: Option<bool>,
}

/// What passes record with.
pub(crate) struct Frame<'a, T> {
    pub(crate) bindless: &'a Bindless,
    pub(crate) scene: &'a mut Scene,
    pub(crate) environment: &'a mut Environment,
    pub(crate) pipelines: &'a Pipelines,
    pub(crate) view: &'a View,
    pub(crate) canvas: &'a Canvas,
    pub(crate) target: &'a mut T,
    pub(crate) realised: &'a Realised<Step>,
    pub(crate) resources: &'a Resources,
    pub(crate) quality: &'a Quality,
    pub(crate) key: &'a FrameKey,
    /// Addresses of the frame's constants.
    pub(crate) globals: u64,
    pub(crate) air: u64,
    pub(crate) cull_info: u64,
    pub(crate) lighting: u64,
    pub(crate) shadow_views: u64,
    pub(crate) motion: u64,
    pub(crate) cluster_frame: u64,
    pub(crate) cluster_shade: u64,
    /// Views that clusters are chosen for.
    pub(crate) cluster_views: u32,
    pub(crate) shadows: &'a Shadows,
    /// Whether the maps of the frame before are those of this one.
    pub(crate) shadows_kept: bool,
    /// Counters of the GPU.
    pub(crate) report: &'a Buffer,
    /// Pages of clusters that were asked for.
    pub(crate) asked: &'a Buffer,
    /// The timeline value of the frame.
    pub(crate) value: u64,
}

impl<T: sealed::Target> Frame<'_, T> {
    /// Records one pass, between its barriers.
    pub(crate) fn record(&mut self, recorder: &mut Recorder, step: Step) {
        match step {
            Step::Upload => self.upload(recorder),
            Step::Deform => self.scene.record_deform(recorder, self.bindless),
            Step::Cull => {
                let mode = match self.key.culling {
                    Culling::Off => Mode::Levels,
                    Culling::Frustum => Mode::Frustum,
                    Culling::Occlusion => Mode::First,
                };
                self.cull(recorder, mode);
                let views = self.shadows.views.len() as u32;
                if views > 0 && !self.shadows_kept {
                    // Lists of their own, beside those of the camera.
                    self.dispatch().cull(recorder, Mode::Shadow, 1, views);
                }
            }
            Step::SunShadows => self.sun_shadows(recorder),
            Step::LightShadows => self.light_shadows(recorder),
            Step::Clusters => self.clusters(recorder),
            Step::ClusterSelect { second } => self.cluster_select(recorder, second),
            Step::ClusterRaster { second } => self.cluster_raster(recorder, second),
            Step::ClusterResolve => self.cluster_resolve(recorder),
            Step::ClusterShade => self.cluster_shade(recorder),
            Step::ClusterCount => self.cluster_count(recorder),
            Step::Scene => self.scene(recorder),
            Step::Depth { list } => self.depth(recorder, list),
            Step::Hiz => {
                let hiz = self.realised.buffer(self.resources.hiz);
                let vk::Extent2D { width, height } = self.key.extent;
                self.dispatch().hiz(recorder, hiz, [width, height]);
            }
            Step::CullAgain => self.cull(recorder, Mode::Second),
            Step::Color => self.color(recorder),
            Step::ToneMap => self.tone_map(recorder),
            Step::Behind => self.behind(recorder),
            Step::TransmissiveDepth => self.transmissive_depth(recorder),
            Step::Transmissive => self.transmissive(recorder),
            Step::Blended => self.blended(recorder),
            Step::Temporal
            | Step::KeepHistory
            | Step::Weighted
            | Step::Occlusion
            | Step::OcclusionBlur
            | Step::Exposure
            | Step::BloomDown { .. }
            | Step::BloomUp { .. } => self.post(recorder, step),
            Step::Custom => self.custom(recorder),
            Step::Lines => self.lines(recorder),
            Step::Ui => self.ui(recorder),
            Step::UiOver => self.ui_over(recorder),
            Step::ReadBack => self.target.read_back(self.canvas, recorder),
        }
    }

    fn upload(&mut self, recorder: &mut Recorder) {
        recorder.fill_buffer(self.report, 0, self.report.size, 0);
        if self.realised.is_fresh() {
            for kept in [self.resources.seen, self.resources.exposure] {
                if let Some(buffer) = self.realised.maybe_buffer(kept) {
                    recorder.fill_buffer(buffer, 0, buffer.size, 0);
                }
            }
        }
        self.scene
            .record_uploads(recorder, self.bindless, self.value, self.key.temporal);
        self.environment.update(
            recorder,
            self.bindless,
            SkyKey::of(self.scene),
            self.globals,
            self.air,
        );
    }

    fn dispatch(&self) -> Dispatch<'_> {
        let draws = &self.scene.draws;
        Dispatch {
            bindless: self.bindless,
            pipelines: self.pipelines,
            globals: self.globals,
            info: self.cull_info,
            candidates: draws.candidates().0,
            ranges: (draws.solid().len() + draws.blended().len()) as u32,
        }
    }

    fn cull(&self, recorder: &mut Recorder, mode: Mode) {
        self.dispatch().cull(recorder, mode, 0, 1);
    }

    pub(crate) fn attachment(&self, image: ResourceId, clear: bool, store: bool) -> Attachment {
        Attachment {
            view: self.realised.image(image).view,
            // Depth is cleared to 0: infinitely far.
            clear: clear.then(vk::ClearValue::default),
            store,
        }
    }

    /// What a finished picture is drawn to: the canvas, or what the user interface is put over.
    pub(super) fn under(&self) -> vk::ImageView {
        if self.key.ui {
            self.realised.image(self.resources.under).view
        } else {
            self.canvas.view
        }
    }

    /// Depth, then colours, in one render pass.
    fn scene(&self, recorder: &mut Recorder) {
        recorder.begin_rendering(
            self.key.extent,
            &[self.attachment(self.resources.color, true, true)],
            Some(self.attachment(
                self.resources.depth,
                true,
                self.key.weighted || self.key.transmission,
            )),
        );
        recorder.bind_indices(self.scene.geometry.indices());
        // Depth first, so that each pixel is shaded once, however many surfaces lie behind one another.
        self.draw(recorder, self.solid(Pass::Depth, cull::FIRST));
        self.shade(recorder, cull::FIRST);
        recorder.end_rendering();
    }

    fn depth(&self, recorder: &mut Recorder, list: u32) {
        let clear = list == cull::FIRST;
        let motion = self
            .key
            .temporal
            .then(|| self.attachment(self.resources.motion, clear, true));
        recorder.begin_rendering(
            self.key.extent,
            motion.as_slice(),
            Some(self.attachment(self.resources.depth, clear, true)),
        );
        recorder.bind_indices(self.scene.geometry.indices());
        let pass = if self.key.temporal {
            Pass::Motion
        } else {
            Pass::DepthOnly
        };
        self.draw(recorder, self.solid(pass, list));
        recorder.end_rendering();
    }

    fn color(&self, recorder: &mut Recorder) {
        // Clusters have theirs already.
        let clear = !self.key.shades_clusters();
        recorder.begin_rendering(
            self.key.extent,
            &[self.attachment(self.resources.color, clear, true)],
            Some(self.attachment(
                self.resources.depth,
                false,
                self.key.weighted || self.key.temporal || self.key.transmission,
            )),
        );
        recorder.bind_indices(self.scene.geometry.indices());
        self.shade(recorder, self.shaded());
        recorder.end_rendering();
    }

    /// Copies what is drawn so far, averages the samples of its pixels, and halves it down to a pixel.
    fn behind(&self, recorder: &mut Recorder) {
        let from = self.realised.image(self.resources.color);
        let to = self.realised.image(self.resources.behind);
        if self.key.samples == vk::SampleCountFlags::TYPE_1 {
            recorder.copy_image(from, to);
        } else {
            recorder.resolve_image(from, to);
        }
        let of = (to.raw, to.desc.format);
        let written = (Access::COPY_WRITE, vk::ImageLayout::TRANSFER_DST_OPTIMAL);
        let read = (Access::COPY_READ, vk::ImageLayout::TRANSFER_SRC_OPTIMAL);
        for level in 1..to.desc.mip_levels {
            let above = Levels::one(level - 1);
            recorder.image_barrier(of, above, written, read);
            recorder.halve_level(to, level);
            recorder.image_barrier(of, above, read, written);
        }
    }

    fn transmissive_depth(&self, recorder: &mut Recorder) {
        recorder.begin_rendering(
            self.key.extent,
            &[self.attachment(self.resources.motion, false, true)],
            Some(self.attachment(self.resources.depth, false, true)),
        );
        recorder.bind_indices(self.scene.geometry.indices());
        self.draw_transmissive(recorder, Pass::Motion);
        recorder.end_rendering();
    }

    /// What is transmissive, nearest in front: its depth first where no pass before drew it. Then what is blended.
    fn transmissive(&self, recorder: &mut Recorder) {
        recorder.begin_rendering(
            self.key.extent,
            &[self.attachment(self.resources.color, false, true)],
            Some(self.attachment(
                self.resources.depth,
                false,
                self.key.weighted || self.key.temporal,
            )),
        );
        recorder.bind_indices(self.scene.geometry.indices());
        if !self.key.temporal {
            self.draw_transmissive(recorder, Pass::Depth);
        }
        self.draw_transmissive(recorder, Pass::Color);
        if !self.key.weighted {
            self.draw_blended(recorder, Pass::Color, self.shaded());
        }
        recorder.end_rendering();
    }

    fn draw_transmissive(&self, recorder: &mut Recorder, pass: Pass) {
        let draw = Draw {
            transmissive: Some(true),
            ..self.solid(pass, self.shaded())
        };
        self.draw(recorder, draw);
    }

    /// The list of what is shaded.
    fn shaded(&self) -> u32 {
        if self.key.culling == Culling::Occlusion {
            cull::ALL
        } else {
            cull::FIRST
        }
    }

    fn blended(&self, recorder: &mut Recorder) {
        let mut unseen = self.attachment(self.resources.unseen, true, true);
        // All is seen through nothing.
        unseen.clear = Some(vk::ClearValue {
            color: vk::ClearColorValue { float32: [1.0; 4] },
        });
        recorder.begin_rendering(
            self.key.extent,
            &[self.attachment(self.resources.sums, true, true), unseen],
            Some(self.attachment(self.resources.depth, false, self.key.temporal)),
        );
        recorder.bind_indices(self.scene.geometry.indices());
        self.draw_blended(recorder, Pass::Weighted, self.shaded());
        recorder.end_rendering();
    }

    fn draw_blended(&self, recorder: &mut Recorder, pass: Pass, list: u32) {
        let blended = Draw {
            ranges: self.scene.draws.blended(),
            first_range: self.scene.draws.solid().len() as u32,
            transmissive: None,
            ..self.solid(pass, list)
        };
        self.draw(recorder, blended);
    }

    /// Colours of what is solid, the sky behind, and what is blended.
    fn shade(&self, recorder: &mut Recorder, list: u32) {
        self.draw(recorder, self.solid(Pass::Color, list));
        if self.key.debug != DebugView::Overdraw {
            self.background(recorder);
        }
        if !self.key.weighted && !self.key.transmission {
            self.draw_blended(recorder, Pass::Color, list);
        }
    }

    /// What is solid and not transmissive, of a list.
    fn solid(&self, pass: Pass, list: u32) -> Draw<'_> {
        Draw {
            pass,
            list,
            ranges: self.scene.draws.solid(),
            first_range: 0,
            view: 0,
            transmissive: Some(false),
        }
    }

    fn clusters(&self, recorder: &mut Recorder) {
        let (bounds, clusters) = self.pipelines.clusters();
        let push = ClusterPush {
            globals: self.globals,
            lighting: self.lighting,
        };
        recorder.bind_pipeline(bounds);
        recorder.push_constants(self.bindless, &push);
        recorder.dispatch(self.scene.light_count().div_ceil(64), 1, 1);
        recorder.memory_barrier(Access::COMPUTE_WRITE, Access::COMPUTE_READ);
        recorder.bind_pipeline(clusters);
        recorder.push_constants(self.bindless, &push);
        recorder.dispatch(CLUSTERS, 1, 1);
    }

    fn sun_shadows(&self, recorder: &mut Recorder) {
        let Some(quality) = &self.key.shadows else {
            return;
        };
        let grid = shadow::sun_grid(quality);
        let maps = 0..self.shadows.cascades;
        self.maps(
            recorder,
            self.resources.sun_map,
            maps,
            grid,
            quality.resolution,
        );
    }

    fn light_shadows(&self, recorder: &mut Recorder) {
        let Some(quality) = &self.key.shadows else {
            return;
        };
        let grid = shadow::light_grid(quality);
        let maps = self.shadows.cascades..self.shadows.views.len() as u32;
        self.maps(
            recorder,
            self.resources.light_map,
            maps,
            grid,
            quality.light_resolution,
        );
    }

    /// Draws shadow maps of some views into an atlas.
    fn maps(
        &self,
        recorder: &mut Recorder,
        atlas: ResourceId,
        views: std::ops::Range<u32>,
        grid: u32,
        side: u32,
    ) {
        let extent = vk::Extent2D {
            width: grid * side,
            height: grid * side,
        };
        if self.shadows_kept {
            return;
        }
        recorder.begin_rendering(extent, &[], Some(self.attachment(atlas, true, true)));
        recorder.bind_indices(self.scene.geometry.indices());
        for (map, view) in (0..).zip(views) {
            recorder.square(map % grid * side, map / grid * side, side);
            let draw = Draw {
                view,
                ..self.solid(Pass::Shadow, cull::VIEW_LISTS + view)
            };
            self.draw(recorder, draw);
        }
        self.cluster_shadows(recorder, extent, atlas == self.resources.light_map);
        recorder.end_rendering();
    }

    fn background(&self, recorder: &mut Recorder) {
        recorder.bind_pipeline(self.pipelines.background());
        let push = self.push(0, 0);
        recorder.push_constants(self.bindless, &push);
        recorder.cull(vk::CullModeFlags::NONE, vk::FrontFace::COUNTER_CLOCKWISE);
        recorder.draw(3);
    }

    fn push(&self, visible: u64, view: u32) -> ScenePush {
        ScenePush {
            globals: self.globals,
            visible,
            views: self.shadow_views,
            view,
            level: 0,
            surfaces: self.scene.surfaces.surface_infos().address,
        }
    }

    fn draw(&self, recorder: &mut Recorder, draw: Draw<'_>) {
        let Draw { pass, list, .. } = draw;
        let lists = self
            .key
            .lists()
            .then(|| (self.realised.buffer(self.resources.lists), self.key.sizes));
        let visible = match &lists {
            Some((buffer, sizes)) => {
                let start = u64::from(list) * u64::from(sizes.candidates) * 4;
                buffer.address + sizes.parts().slots + start
            }
            None => self.scene.draws.visible().address,
        };
        let mut push = self.push(visible, draw.view);
        if pass == Pass::Motion {
            // In the place where shadow maps have their views.
            push.views = self.motion;
        }
        for (number, range) in (draw.first_range..).zip(draw.ranges) {
            let DrawKind {
                double_sided,
                mirrored,
                level,
                ..
            } = range.kind;
            push.level = level.into();
            let wanted = match draw.transmissive {
                _ if pass == Pass::Shadow => casts_shadows(range.kind),
                None => true,
                Some(wanted) => wanted == self.key.is_transmissive(range.kind),
            };
            if !wanted {
                continue;
            }
            let key = if matches!(pass, Pass::Color | Pass::Weighted) {
                self.key.shaded(pass, range.kind)
            } else {
                placed(pass, range.kind)
            };
            recorder.bind_pipeline(self.pipelines.scene(key));
            recorder.push_constants(self.bindless, &push);
            // What is seen from one side only still stands in the light.
            recorder.cull_as(double_sided || pass == Pass::Shadow, mirrored);
            let command = |index: u64| index * u64::from(COMMAND_BYTES);
            match &lists {
                Some((buffer, sizes)) => {
                    let parts = sizes.parts();
                    let list = u64::from(list);
                    let first = list * u64::from(sizes.commands) + u64::from(range.first);
                    let count = list * u64::from(sizes.ranges) + u64::from(number);
                    recorder.draw_indexed_indirect_count(
                        buffer,
                        parts.commands + command(first),
                        parts.counts + count * 4,
                        range.count,
                    );
                }
                None => recorder.draw_indexed_indirect(
                    self.scene.draws.commands(),
                    command(range.first.into()),
                    range.count,
                ),
            }
        }
    }
}
