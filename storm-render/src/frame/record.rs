//! What each pass of a frame records.

use ash::vk;
use bytemuck::{Pod, Zeroable};

use super::{
    cull::{self, Dispatch, Mode},
    pipelines::{Pass, Pipelines},
    plan::{FrameKey, Resources, Step},
};
use crate::{
    environment::Environment,
    gpu::{
        bindless::Bindless,
        buffer::Buffer,
        commands::{Attachment, COMMAND_BYTES, Recorder},
    },
    graph::execute::Realised,
    quality::Culling,
    scene::{DrawKind, DrawRange, Scene},
    target::{Canvas, sealed},
    view::{ToneMap, View},
};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ScenePush {
    globals: u64,
    visible: u64,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ToneMapPush {
    globals: u64,
    operator: u32,
    padding: u32,
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
    pub(crate) key: &'a FrameKey,
    /// Addresses of the frame's constants.
    pub(crate) globals: u64,
    pub(crate) cull_info: u64,
    /// Counters of the GPU.
    pub(crate) report: &'a Buffer,
    /// The timeline value of the frame.
    pub(crate) value: u64,
}

impl<T: sealed::Target> Frame<'_, T> {
    /// Records one pass, between its barriers.
    pub(crate) fn record(&mut self, recorder: &mut Recorder, step: Step) {
        match step {
            Step::Upload => self.upload(recorder),
            Step::Cull if self.key.culling == Culling::Occlusion => {
                self.cull(recorder, Mode::First)
            }
            Step::Cull => self.cull(recorder, Mode::Frustum),
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
            Step::ReadBack => self.target.read_back(self.canvas, recorder),
        }
    }

    fn upload(&mut self, recorder: &mut Recorder) {
        recorder.fill_buffer(self.report, 0, self.report.size, 0);
        if self.realised.is_fresh()
            && let Some(seen) = self.realised.maybe_buffer(self.resources.seen)
        {
            recorder.fill_buffer(seen, 0, seen.size, 0);
        }
        self.scene.uploads.record(recorder, self.value);
        self.environment.update(
            recorder,
            self.bindless,
            &self.scene.sky().info(),
            self.globals,
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

    fn attachment(&self, image: crate::graph::ResourceId, clear: bool, store: bool) -> Attachment {
        Attachment {
            view: self.realised.image(image).view,
            // Depth is cleared to 0: infinitely far.
            clear: clear.then(vk::ClearValue::default),
            store,
        }
    }

    /// Depth, then colours, in one render pass.
    fn scene(&self, recorder: &mut Recorder) {
        recorder.begin_rendering(
            self.key.extent,
            Some(self.attachment(self.resources.color, true, true)),
            Some(self.attachment(self.resources.depth, true, false)),
        );
        recorder.bind_indices(self.scene.geometry.indices());
        // Depth first, so that each pixel is shaded once, however many surfaces lie behind one another.
        self.draw(
            recorder,
            Pass::Depth,
            cull::FIRST,
            self.scene.draws.solid(),
            0,
        );
        self.shade(recorder, cull::FIRST);
        recorder.end_rendering();
    }

    fn depth(&self, recorder: &mut Recorder, list: u32) {
        let clear = list == cull::FIRST;
        recorder.begin_rendering(
            self.key.extent,
            None,
            Some(self.attachment(self.resources.depth, clear, true)),
        );
        recorder.bind_indices(self.scene.geometry.indices());
        self.draw(recorder, Pass::DepthOnly, list, self.scene.draws.solid(), 0);
        recorder.end_rendering();
    }

    fn color(&self, recorder: &mut Recorder) {
        recorder.begin_rendering(
            self.key.extent,
            Some(self.attachment(self.resources.color, true, true)),
            Some(self.attachment(self.resources.depth, false, false)),
        );
        recorder.bind_indices(self.scene.geometry.indices());
        let list = if self.key.culling == Culling::Occlusion {
            cull::ALL
        } else {
            cull::FIRST
        };
        self.shade(recorder, list);
        recorder.end_rendering();
    }

    /// Colours of what is solid, the sky behind, and what is blended.
    fn shade(&self, recorder: &mut Recorder, list: u32) {
        let (solid, blended) = (self.scene.draws.solid(), self.scene.draws.blended());
        self.draw(recorder, Pass::Color, list, solid, 0);
        self.background(recorder);
        self.draw(recorder, Pass::Color, list, blended, solid.len() as u32);
    }

    fn background(&self, recorder: &mut Recorder) {
        recorder.bind_pipeline(self.pipelines.background());
        let push = ScenePush {
            globals: self.globals,
            visible: 0,
        };
        recorder.push_constants(self.bindless, &push);
        recorder.cull(vk::CullModeFlags::NONE, vk::FrontFace::COUNTER_CLOCKWISE);
        recorder.draw(3);
    }

    /// Draws what a list has left of these ranges, of which the first has this number.
    fn draw(
        &self,
        recorder: &mut Recorder,
        pass: Pass,
        list: u32,
        ranges: &[DrawRange],
        first_range: u32,
    ) {
        let lists = (self.key.culling != Culling::Off)
            .then(|| (self.realised.buffer(self.resources.lists), self.key.sizes));
        let visible = match &lists {
            Some((buffer, sizes)) => {
                let start = u64::from(list) * u64::from(sizes.candidates) * 4;
                buffer.address + sizes.parts().slots + start
            }
            None => self.scene.draws.visible().address,
        };
        let push = ScenePush {
            globals: self.globals,
            visible,
        };
        for (number, range) in (first_range..).zip(ranges) {
            let DrawKind {
                class,
                topology,
                double_sided,
                mirrored,
            } = range.kind;
            recorder.bind_pipeline(self.pipelines.scene((pass, class, topology)));
            recorder.push_constants(self.bindless, &push);
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

    fn tone_map(&self, recorder: &mut Recorder) {
        recorder.begin_rendering(
            self.canvas.extent,
            Some(Attachment {
                view: self.canvas.view,
                clear: Some(vk::ClearValue::default()),
                store: true,
            }),
            None,
        );
        recorder.bind_pipeline(self.pipelines.tone_map(self.canvas.format));
        let operator = match self.view.tone_map {
            ToneMap::None => 0,
            ToneMap::PbrNeutral => 1,
        };
        recorder.push_constants(
            self.bindless,
            &ToneMapPush {
                globals: self.globals,
                operator,
                padding: 0,
            },
        );
        recorder.draw(3);
        recorder.end_rendering();
    }
}
