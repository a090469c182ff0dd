//! The parts of a frame, from its plan to its submission.

use std::collections::BTreeMap;

use super::{Frame, FrameStats, Plan, Renderer};
use crate::{
    error::Result,
    frame::{
        constants::Part,
        pipelines::Pipelines,
        plan::{self, FrameKey},
        record,
        values::Shadows,
    },
    gpu::{
        bindless::Bindless,
        commands::{Access, Recorder},
        query::STAMPS_MAX,
        submit::Submission,
    },
    graph::{
        Options, Queue,
        execute::{Given, Realised},
    },
    scene::Scene,
    target::{Canvas, Target},
    view::View,
};

/// Views that clusters are chosen for: the camera's, and those of shadow maps that are drawn.
pub(super) fn cluster_views(shadows: &Shadows, kept: bool) -> u32 {
    1 + if kept { 0 } else { shadows.views.len() as u32 }
}

impl Renderer {
    /// Makes pipelines anew for another number of samples a pixel: meshes of clusters have one.
    pub(super) fn fit_samples(&mut self, key: &FrameKey) -> Result<()> {
        if self.pipelines.samples() != key.samples {
            let custom = self.pipelines.custom_pass().cloned();
            self.pipelines = Pipelines::new(&self.gpu, key.samples)?;
            self.pipelines.set_custom(custom);
        }
        Ok(())
    }

    /// Makes pipelines anew where shaders were compiled again. Where that fails, those that there are go on.
    pub(super) fn take_new_shaders(&mut self, scene: &Scene, key: &FrameKey) {
        let generation = self.gpu.shader_generation();
        if std::mem::replace(&mut self.shader_generation, generation) == generation {
            return;
        }
        let custom = self.pipelines.custom_pass().cloned();
        let made = Pipelines::new(&self.gpu, key.samples).and_then(|mut pipelines| {
            pipelines.set_custom(custom);
            pipelines.prepare(scene, key)?;
            let filters = self.environment.filters()?;
            Ok((pipelines, filters))
        });
        match made {
            Ok((pipelines, filters)) => {
                self.pipelines = pipelines;
                self.shadows = None;
                self.environment.filter_with(filters);
            }
            Err(error) => tracing::error!(%error, "new shaders make no pipelines"),
        }
    }

    /// Makes the plan anew where the frame has other passes or another size.
    pub(super) fn compile(&mut self, key: FrameKey) -> Result<()> {
        if self.plan.as_ref().is_some_and(|plan| plan.key == key) {
            return Ok(());
        }
        let (graph, resources) = plan::frame(&key);
        // What was kept of earlier frames goes with it, as soon as the frames in flight that use it are done.
        self.before = None;
        self.cluster_before = None;
        self.shadows = None;
        let realised = Realised::new(
            &self.gpu,
            graph,
            Options {
                compute_queue: key.two_queues,
            },
        )?;
        self.plan = Some(Plan {
            key,
            realised,
            resources,
        });
        Ok(())
    }

    /// Uploads what is waiting, so that it does not pile up while a window is minimised.
    pub(super) fn upload_only(&mut self, scene: &mut Scene) -> Result<FrameStats> {
        scene.prepare_deform(false)?;
        if scene.uploads.is_empty() {
            return Ok(FrameStats::default());
        }
        self.frame = (self.frame + 1) % self.frames.len();
        let bindless = self.gpu.bindless().clone();
        let bindless = bindless
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let recorder = &mut self.frames[self.frame].recorder;
        recorder.begin(&bindless)?;
        let uploaded_bytes = scene.uploads.take_bytes();
        // As the graph does around its pass of this name.
        let writes = Access::COPY_WRITE.and(Access::COMPUTE_WRITE);
        recorder.memory_barrier(Access::DRAW_READ, writes);
        let value = self.gpu.device().next_value();
        scene.record_uploads(recorder, &bindless, value, false);
        scene.record_deform_after_uploads(recorder, &bindless);
        recorder.memory_barrier(writes, Access::DRAW_READ);
        recorder.submit(Submission::default())?;
        Ok(FrameStats {
            uploaded_bytes,
            ..FrameStats::default()
        })
    }

    /// Begins a recorder for each part of the frame.
    pub(super) fn begin(&mut self, bindless: &Bindless) -> Result<()> {
        let plan = self.plan.as_ref().expect("`compile` was called before");
        let batches = &plan.realised.plan.batches;
        let frame = &mut self.frames[self.frame];
        frame.recorder.begin(bindless)?;
        for (index, batch) in batches
            .iter()
            .take(batches.len().saturating_sub(1))
            .enumerate()
        {
            let fits = |recorder: &Recorder| recorder.queue() == batch.queue;
            if !frame.parts.get(index).is_some_and(fits) {
                frame.parts.truncate(index);
                let recorder = Recorder::for_queue(self.gpu.device(), batch.queue)?;
                frame.parts.push(recorder);
            }
            frame.parts[index].begin(bindless)?;
        }
        frame.parts.truncate(batches.len().saturating_sub(1));
        Ok(())
    }

    /// Submits all parts of the frame; gives the timeline value that the last one signals.
    pub(super) fn submit(&mut self, canvas: &Canvas) -> Result<u64> {
        let _span = tracing::debug_span!("submit").entered();
        let plan = self.plan.as_ref().expect("`compile` was called before");
        let batches = &plan.realised.plan.batches;
        let frame = &mut self.frames[self.frame];
        let (mut ready, rendered) = canvas.acquired.map(|a| (a.ready, a.rendered)).unzip();
        let mut parts = Vec::new();
        for (recorder, batch) in frame.parts.iter_mut().zip(batches) {
            let after: Vec<_> = batch.waits.iter().map(|&index| parts[index]).collect();
            let drawing = batch.queue == Queue::Graphics;
            parts.push(recorder.submit_part(Submission {
                after: &after,
                // On its own queue a frame comes after the one before by itself.
                after_frame: !drawing,
                acquired: if drawing { ready.take() } else { None },
                rendered: None,
            })?);
        }
        let after: Vec<_> = batches
            .last()
            .into_iter()
            .flat_map(|batch| &batch.waits)
            .filter_map(|&index| parts.get(index).copied())
            .collect();
        let value = frame.recorder.submit(Submission {
            after: &after,
            after_frame: false,
            acquired: ready,
            rendered,
        })?;
        for recorder in &mut frame.parts {
            recorder.part_of(value);
        }
        Ok(value)
    }

    /// Records all passes.
    pub(super) fn record(
        &mut self,
        bindless: &Bindless,
        scene: &mut Scene,
        view: &View,
        canvas: &Canvas,
        target: &mut impl Target,
        (shadows, shadows_kept): (&Shadows, bool),
    ) {
        let cluster_views = cluster_views(shadows, shadows_kept);
        let Frame {
            recorder: last,
            parts,
            constants,
            report,
            asked,
            stamps,
            counters,
            timed,
            ..
        } = &mut self.frames[self.frame];
        let plan = self.plan.as_mut().expect("`compile` was called before");
        let given = BTreeMap::from([(
            plan.resources.canvas,
            Given {
                image: canvas.image,
                format: canvas.format,
            },
        )]);
        let realised = &plan.realised;
        let mut frame = record::Frame {
            bindless,
            scene,
            environment: &mut self.environment,
            pipelines: &self.pipelines,
            view,
            canvas,
            target,
            realised,
            resources: &plan.resources,
            globals: constants.address(Part::Globals),
            air: constants.address(Part::Air),
            cull_info: constants.address(Part::Cull),
            lighting: constants.address(Part::Lighting),
            shadow_views: constants.address(Part::Shadows),
            motion: constants.address(Part::Motion),
            cluster_frame: constants.address(Part::Clusters),
            cluster_shade: constants.address(Part::ClusterShade),
            cluster_views,
            shadows,
            shadows_kept,
            quality: &self.quality,
            report,
            asked,
            key: &plan.key,
            value: self.gpu.device().next_value(),
        };
        timed.clear();
        if self.timings {
            last.reset_stamps(stamps);
            if let Some(counters) = counters {
                last.reset_counters(counters);
            }
            last.stamp(stamps, 0);
        }
        let batches = &realised.plan.batches;
        for (index, pass) in realised.plan.passes.iter().enumerate() {
            let batch = batches
                .iter()
                .position(|batch| batch.passes.contains(&index));
            let recorder = batch
                .and_then(|batch| parts.get_mut(batch))
                .unwrap_or(&mut *last);
            realised.before(recorder, pass, &given);
            recorder.bind_inputs(bindless, realised.inputs(index));
            let timed_here = self.timings && timed.len() + 1 < STAMPS_MAX as usize;
            let counters = counters.as_ref().filter(|_| timed_here);
            let number = timed.len() as u32;
            if let Some(counters) = counters {
                recorder.begin_count(counters, number);
            }
            frame.record(recorder, pass.payload);
            if let Some(counters) = counters {
                recorder.end_count(counters, number);
            }
            if timed_here {
                timed.push(pass.name);
                recorder.stamp(stamps, timed.len() as u32);
            }
        }
        realised.after(last, &given);
        plan.realised.recorded();
    }
}
