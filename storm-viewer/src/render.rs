//! `render`: a picture of a model, without a window.

use std::time::{Duration, Instant};

use serde::Serialize;
use storm_render::{FrameStats, Gpu, GpuInfo};

use crate::{
    capture::Capture,
    cli::{RenderArgs, Size},
    content::Content,
    error::ViewerError,
    output,
    pipelines::PipelineCache,
    stage::Stage,
};

/// Samples a pixel of a picture, unless someone chooses.
pub(crate) const PICTURE_SAMPLES: u32 = 4;

/// What `render --json` says; docs/viewer.md explains the keys.
#[derive(Serialize)]
struct Report {
    /// A path that is no text is shown as near to one as it goes.
    file: String,
    output: String,
    width: u32,
    height: u32,
    samples: u32,
    device: String,
    driver: String,
    software: bool,
    instances: u64,
    triangles: u64,
    draw_calls: u32,
    frames: usize,
    load_ms: f64,
    first_frame_ms: f64,
    median_frame_ms: f64,
}

/// Loads a model and writes a picture of it.
pub(crate) fn run(args: &RenderArgs) -> Result<(), ViewerError> {
    let capture = Capture::new(&args.output, args.frames, args.fps)?;
    capture.check_apart(&args.file)?;
    let began = Instant::now();
    let mut content = Content::load_crowd(&args.file, args.scene, args.animation.crowd)?;
    if let Some(variant) = &args.variant {
        content.choose_variant_named(variant)?;
    }
    content.animate_by(&args.animation, false)?;
    args.picture.apply(&mut content)?;
    let load = began.elapsed();
    let size = args.picture.size;
    let (view, _) = content.camera(args.picture.camera.as_ref(), size.aspect())?;
    let pipelines = PipelineCache::from_env();
    let gpu = Gpu::headless(&pipelines.fill(args.gpu.desc()))?;
    let samples = args.picture.samples.unwrap_or(PICTURE_SAMPLES);
    capture.check_memory(&gpu.info(), size, samples)?;
    let mut stage = Stage::new(&gpu, content, samples, args.picture.look)?;
    let drawn = capture.run(&mut stage, &view, size)?;
    pipelines.keep(&gpu);
    let (written, note) = capture.note(size);
    output::wrote(&written, &note);
    if args.frames.is_some() {
        output::stderr(&drawn.line(size));
    }
    for line in stage.report()? {
        output::stderr(&line);
    }
    if args.json {
        let info = gpu.info();
        output::json(&Report {
            file: args.file.display().to_string(),
            output: args.output.display().to_string(),
            width: size.width,
            height: size.height,
            samples,
            device: info.name,
            driver: info.driver,
            software: info.software,
            instances: drawn.stats.instances,
            triangles: drawn.stats.triangles,
            draw_calls: drawn.stats.draw_calls,
            frames: drawn.times.len(),
            load_ms: ms(load),
            first_frame_ms: ms(drawn.times[0]),
            median_frame_ms: ms(drawn.median()),
        })?;
    }
    Ok(())
}

/// What pictures took.
pub(crate) struct Drawn {
    pub(crate) stats: FrameStats,
    /// Of each frame, from its beginning to when the device was done with it. The first one uploads everything.
    pub(crate) times: Vec<Duration>,
}

impl Drawn {
    /// The middle of the times; the first frame counts only where it is the only one.
    fn median(&self) -> Duration {
        let mut times = self.times.clone();
        if times.len() > 1 {
            times.remove(0);
        }
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// What it took, for people.
    pub(crate) fn line(&self, size: Size) -> String {
        format!(
            "{} frame(s) of {size}: {:.1} ms each (median), the first {:.1} ms; {} instances, {} triangles",
            self.times.len(),
            ms(self.median()),
            ms(self.times[0]),
            self.stats.instances,
            self.stats.triangles
        )
    }
}

/// Runs the panel for a picture.
#[cfg(feature = "panel")]
pub(crate) fn panel(stage: &mut Stage, size: Size, seconds: f64) -> Result<(), ViewerError> {
    let side = |side: u32| side as f32;
    let input = egui::RawInput {
        screen_rect: Some(egui::Rect::from_min_size(
            egui::Pos2::ZERO,
            [side(size.width), side(size.height)].into(),
        )),
        time: Some(seconds),
        ..egui::RawInput::default()
    };
    stage.run_panel(input)?;
    Ok(())
}

/// Refuses pictures that the device has no memory for. A software driver counts all of the machine's memory as its own and
/// is killed when it takes it: half is as much as anyone should ask of it.
pub(crate) fn check_memory(info: &GpuInfo, size: Size, samples: u32) -> Result<(), ViewerError> {
    let Size { width, height } = size;
    let needed = bytes_needed(size, samples);
    let memory = if info.software {
        info.memory / 2
    } else {
        info.memory
    };
    if needed <= memory {
        return Ok(());
    }
    Err(ViewerError::PictureTooLarge {
        width,
        height,
        samples,
        needed,
        memory,
        device: info.name.clone(),
    })
}

/// Colour and depth of each sample, the picture, and the copy that is read back.
fn bytes_needed(size: Size, samples: u32) -> u64 {
    u64::from(size.width) * u64::from(size.height) * u64::from(samples * (8 + 4) + 4 + 4)
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_larger_than_the_device_is_refused_before_it_is_made() {
        let side = Size::SIDE_MAX;
        let info = |software| GpuInfo {
            name: "X".into(),
            driver: String::new(),
            api_version: (1, 3, 0),
            software,
            memory: 16 << 30,
        };
        for (width, height, samples, fits, fits_software) in [
            (1280, 720, 4, true, true),
            (8192, 8192, 4, true, true),
            (side, side, 1, true, true),
            (side, side, 4, true, false),
        ] {
            let check =
                |software| check_memory(&info(software), Size { width, height }, samples).is_ok();
            assert_eq!(check(false), fits, "{width}x{height} with {samples}");
            assert_eq!(
                check(true),
                fits_software,
                "{width}x{height} with {samples}, in software"
            );
        }
    }
}
