//! Content on a GPU, ready to be drawn.

use std::time::{Duration, Instant};

use storm_render::{
    Extractor, FrameStats, Gpu, RenderError, Renderer, RendererDesc, Scene, Target, View,
};

#[cfg(feature = "window")]
use crate::action::Action;
use crate::{cli::LookArgs, content::Content, error::ViewerError, look};
#[cfg(feature = "panel")]
use crate::{
    cli::QualityChoice,
    panel::{Facts, Panel, Ran},
};

/// Content with its renderer.
pub(crate) struct Stage {
    pub(crate) content: Content,
    pub(crate) gpu: Gpu,
    scene: Scene,
    renderer: Renderer,
    extractor: Extractor,
    look: LookArgs,
    /// As they were last warned of.
    lights_left_out: u64,
    last: FrameStats,
    /// From the beginning of the last frame to its submission.
    last_time: Duration,
    #[cfg(feature = "panel")]
    panel: Panel,
}

impl Stage {
    /// A renderer for content. What there is goes to the device with the first frame.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub(crate) fn new(
        gpu: &Gpu,
        content: Content,
        samples: u32,
        look: LookArgs,
    ) -> Result<Self, ViewerError> {
        let (scene, renderer) = on(gpu, &content, samples, &look)?;
        Ok(Self {
            content,
            gpu: gpu.clone(),
            scene,
            renderer,
            extractor: Extractor::new(),
            look,
            lights_left_out: 0,
            last: FrameStats::default(),
            last_time: Duration::ZERO,
            #[cfg(feature = "panel")]
            panel: Panel::default(),
        })
    }

    /// Goes on with another device, in place of one that was lost: all that was on it is made from what the CPU has kept.
    ///
    /// # Errors
    /// When the device has no memory left.
    #[cfg(feature = "window")]
    pub(crate) fn move_to(self, gpu: &Gpu, samples: u32) -> Result<Self, ViewerError> {
        Self::new(gpu, self.content, samples, self.look)
    }

    /// Shows other content; gives that which was shown.
    ///
    /// # Errors
    /// When the device has no memory left.
    #[cfg(feature = "window")]
    pub(crate) fn replace(
        &mut self,
        mut content: Content,
        samples: u32,
    ) -> Result<Content, ViewerError> {
        content.keep_variant_of(&self.content);
        let (scene, renderer) = on(&self.gpu, &content, samples, &self.look)?;
        (self.scene, self.renderer, self.extractor) = (scene, renderer, Extractor::new());
        #[cfg(feature = "panel")]
        {
            // Its pictures were in the other scene.
            self.panel = Panel::default();
        }
        Ok(std::mem::replace(&mut self.content, content))
    }

    /// Draws a frame of what there is this many seconds after the beginning.
    ///
    /// # Errors
    /// When the device is lost or has no memory left, or the content is more than the renderer can draw.
    pub(crate) fn draw(
        &mut self,
        seconds: f64,
        view: &View,
        target: &mut impl Target,
    ) -> Result<FrameStats, ViewerError> {
        let began = Instant::now();
        self.content.advance(seconds);
        self.last = self
            .draw_again(view, target)
            .map_err(|source| self.in_content(source))?;
        self.last_time = began.elapsed();
        Ok(self.last)
    }

    /// How the scene is made to look.
    #[cfg(feature = "panel")]
    pub(crate) fn look(&self) -> &LookArgs {
        &self.look
    }

    /// Does an action that is about how the scene looks, from the next frame on.
    ///
    /// # Errors
    /// When the device has no room left.
    #[cfg(feature = "window")]
    pub(crate) fn act(&mut self, action: Action) -> Result<(), ViewerError> {
        let before = self.look;
        if self.content.act(action) {
            return Ok(());
        }
        self.look.act(action);
        let variants = self.content.variants.len();
        match action {
            Action::Variant { number } => {
                let variant = (number as usize).checked_sub(1);
                self.content.choose_variant(variant);
            }
            Action::NextVariant => {
                let next = self.content.variant().map_or(0, |variant| variant + 1);
                self.content
                    .choose_variant((next < variants).then_some(next));
            }
            _ => {}
        }
        if self.look.quality != before.quality {
            let quality = self.look.quality(&self.gpu.info());
            self.renderer.set_quality(quality);
        }
        self.renderer.set_timings(self.look.pass_times);
        if self.look.harmony != before.harmony {
            let harmony = self.look.harmony.unwrap_or(1.0);
            self.scene.set_parameter("harmony", harmony)?;
        }
        Ok(())
    }

    /// Runs the panel, which the next frame shows where it is to be seen.
    ///
    /// # Errors
    /// When the device is lost or has no room left.
    #[cfg(feature = "panel")]
    pub(crate) fn run_panel(&mut self, input: egui::RawInput) -> Result<Ran, ViewerError> {
        let device = self.gpu.info();
        let quality = match self.look.quality {
            Some(quality) => quality,
            None if device.software => QualityChoice::Cpu,
            None => QualityChoice::High,
        };
        let facts = Facts {
            title: self.content.title.clone(),
            variants: self.content.variants.clone(),
            variant: self.content.variant(),
            device,
            quality,
            stats: self.last,
            cpu_ms: self.last_time.as_secs_f64() * 1e3,
            report: self.renderer.report()?,
            memory: self.gpu.memory(),
            pipelines: self.gpu.pipelines_made(),
            playback: self.content.playback(),
        };
        Ok(self.panel.run(&mut self.scene, input, &self.look, &facts)?)
    }

    /// What the panel keeps between frames.
    #[cfg(feature = "window")]
    pub(crate) fn panel_context(&self) -> &egui::Context {
        self.panel.context()
    }

    /// Draws what the last frame showed, into another target or from another place.
    fn draw_again(
        &mut self,
        view: &View,
        target: &mut impl Target,
    ) -> Result<FrameStats, RenderError> {
        let (world, library) = (self.content.world(), self.content.library());
        let stats = self.extractor.extract(world, library, &mut self.scene)?;
        if stats.lights_left_out != self.lights_left_out {
            self.lights_left_out = stats.lights_left_out;
            let title = &self.content.title;
            tracing::warn!(
                "{title}: {} light(s) are left out: too many to draw",
                stats.lights_left_out
            );
        }
        let lines = if self.look.axes {
            look::axes(&self.content.bounds())
        } else {
            Vec::new()
        };
        self.scene.set_lines(&lines)?;
        #[cfg(feature = "panel")]
        self.scene.show_ui(self.look.panel);
        let view = self.look.apply(view);
        self.renderer.render(&mut self.scene, &view, target)
    }

    /// How much work a picture is worth, from the next frame on.
    pub(crate) fn set_quality(&mut self, quality: storm_render::Quality) {
        self.renderer.set_quality(quality);
    }

    /// What the device says of the last frame that it is done with.
    ///
    /// # Errors
    /// When the device is lost.
    pub(crate) fn frame_report(&self) -> Result<Option<storm_render::FrameReport>, ViewerError> {
        Ok(self.renderer.report()?)
    }

    /// What the device says of the last frame that it is done with, a line a pass, where that was asked for.
    pub(crate) fn report(&self) -> Result<Vec<String>, ViewerError> {
        let Some(report) = self.renderer.report()? else {
            return Ok(Vec::new());
        };
        if !self.look.pass_times {
            return Ok(Vec::new());
        }
        let passes = report.passes.iter();
        let mut lines: Vec<_> = passes
            .map(|pass| format!("{:>10.3} ms  {}", pass.nanoseconds * 1e-6, pass.name))
            .collect();
        if let Some(counts) = report.culling {
            lines.push(format!(
                "culled: {} outside, {} small, {} hidden; drawn: {}, into shadow maps {}",
                counts.outside, counts.small, counts.hidden, counts.drawn, counts.shadows
            ));
        }
        Ok(lines)
    }

    /// Names what was being drawn where that is at fault.
    fn in_content(&self, source: RenderError) -> ViewerError {
        match source {
            RenderError::OutOfSpace { .. }
            | RenderError::Memory { .. }
            | RenderError::Mesh(_)
            | RenderError::UnknownFormat => ViewerError::Scene {
                title: self.content.title.clone(),
                source,
            },
            source => ViewerError::Gpu(source),
        }
    }

    /// Fails where the validation layer has said anything.
    ///
    /// # Errors
    /// With the number of messages and the first of them.
    pub(crate) fn check_validation(&self) -> Result<(), ViewerError> {
        check_validation(&self.gpu)
    }
}

/// Fails where the validation layer has said anything.
///
/// # Errors
/// With the number of messages and the first of them.
pub(crate) fn check_validation(gpu: &Gpu) -> Result<(), ViewerError> {
    let (count, texts) = gpu.validation_messages();
    match texts.into_iter().next() {
        Some(first) if count > 0 => Err(ViewerError::Validation { count, first }),
        _ => Ok(()),
    }
}

/// What is made of content on a device.
fn on(
    gpu: &Gpu,
    content: &Content,
    samples: u32,
    look: &LookArgs,
) -> Result<(Scene, Renderer), ViewerError> {
    let mut scene = Scene::new(gpu)?;
    scene.set_sky(content.sky);
    scene.set_sky_picture(content.sky_picture.as_ref())?;
    let mut renderer = Renderer::new(
        gpu,
        &RendererDesc {
            multisampling: samples > 1,
            quality: look.quality(&gpu.info()),
            ..RendererDesc::default()
        },
    )?;
    renderer.set_timings(look.pass_times);
    if let Some(harmony) = look.harmony {
        scene.set_parameter("harmony", harmony)?;
    }
    Ok((scene, renderer))
}
