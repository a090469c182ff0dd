//! `demo`: a scene that is built, not loaded; a picture of it, and a window where there is a display.

mod scene;

use storm_render::Gpu;

use crate::{
    capture::Capture, cli::DemoArgs, error::ViewerError, output, pipelines::PipelineCache, render,
    stage::Stage,
};

/// Builds the scene, writes its picture and shows it.
pub(crate) fn run(args: &DemoArgs) -> Result<(), ViewerError> {
    let capture = Capture::new(&args.output, args.frames, args.fps)?;
    let size = args.picture.size;
    let mut content = scene::build(args.seed);
    args.picture.apply(&mut content)?;
    let (view, _) = content.camera(args.picture.camera.as_ref(), size.aspect())?;
    let pipelines = PipelineCache::from_env();
    let gpu = Gpu::headless(&pipelines.fill(args.gpu.desc()))?;
    let samples = args.picture.samples.unwrap_or(render::PICTURE_SAMPLES);
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
    // The window has a device of its own, which can present to it.
    drop((stage, gpu));
    if args.headless || capture.is_sequence() {
        Ok(())
    } else {
        window(args)
    }
}

#[cfg(feature = "window")]
fn window(args: &DemoArgs) -> Result<(), ViewerError> {
    use crate::window;

    let event_loop = match window::connect() {
        Ok(event_loop) => event_loop,
        // The picture is written: a machine without a display has seen the demo.
        Err(ViewerError::NoDisplay(reason)) => {
            output::stderr(&format!("no window: {reason}"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let options = window::Options {
        size: args.picture.size,
        camera: args.picture.camera.clone(),
        samples: args.picture.samples,
        look: args.picture.look,
        frames: args.frames,
        output: None,
        actions: args.actions.clone(),
        gpu: args.gpu.desc(),
        pipelines: PipelineCache::from_env(),
    };
    let mut content = scene::build(args.seed);
    args.picture.apply(&mut content)?;
    window::show(event_loop, content, None, options)
}

#[cfg(not(feature = "window"))]
#[expect(clippy::unnecessary_wraps, reason = "as with windows")]
fn window(_: &DemoArgs) -> Result<(), ViewerError> {
    Ok(())
}
