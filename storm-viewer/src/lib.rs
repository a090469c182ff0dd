#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod action;
mod bench;
pub mod camera;
mod capture;
mod cli;
#[cfg(feature = "clusters")]
mod clusters;
pub mod content;
mod convert;
mod demo;
mod doctor;
pub mod error;
mod info;
#[cfg(feature = "window")]
mod loading;
mod look;
mod output;
#[cfg(feature = "panel")]
mod panel;
mod pipelines;
mod playback;
pub mod png;
mod progress;
mod render;
#[cfg(feature = "window")]
mod session;
mod sky;
mod stage;
pub mod town;
mod validate;
#[cfg(feature = "window")]
mod window;

use std::{ffi::OsString, io::IsTerminal, path::Path};

use clap::{Parser, error::ErrorKind};
use tracing_subscriber::EnvFilter;

pub use crate::cli::{QualityChoice, ShowChoice, Size, ToneMapChoice};
use crate::{
    cli::{Cli, Command},
    error::{ViewerError, exit},
};

/// Runs the program with these arguments, the first of which is its own name, and gives its exit code. Logs and errors
/// go to standard error.
///
/// ```
/// assert_eq!(storm_viewer::run(["storm-viewer", "info"]), 2, "a file is missing: wrong usage");
/// ```
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, whose reader may have gone.
            let _ = error.print();
            if error.kind() == ErrorKind::InvalidSubcommand
                && let Some(file) = arguments.get(1).map(Path::new)
                && file
                    .extension()
                    .is_some_and(|extension| extension == "glb" || extension == "gltf")
            {
                output::stderr(&format!(
                    "To see a model: storm-viewer view {}",
                    file.display()
                ));
            }
            return u8::try_from(error.exit_code()).unwrap_or(exit::FAILED);
        }
    };
    log();
    match run_command(&cli.command) {
        Ok(()) => 0,
        Err(error) => {
            output::stderr(&format!("error: {}", error.line()));
            error.exit_code()
        }
    }
}

fn run_command(command: &Command) -> Result<(), ViewerError> {
    match command {
        Command::Render(args) => render::run(args),
        Command::Info(args) => info::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::View(args) => view(args),
        Command::Demo(args) => demo::run(args),
    }
}

/// `RUST_LOG` on standard error. Where it says nothing: warnings, of our own.
fn log() {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    // The window library warns of every X server's peculiarities.
    let wanted = if wanted.is_empty() {
        "warn,winit=error".to_owned()
    } else {
        wanted
    };
    let filter = EnvFilter::builder().parse_lossy(wanted);
    // Whoever uses the library may have a subscriber already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .try_init();
}

#[cfg(feature = "window")]
fn view(args: &cli::ViewArgs) -> Result<(), ViewerError> {
    if let Some(output) = &args.output {
        png::check(output)?;
        png::check_apart(output, &args.file)?;
    }
    let event_loop = window::connect()?;
    let prepare = {
        let args = args.clone();
        move |file| {
            let mut content =
                content::Content::from_file(&args.file, file, args.scene, args.animation.crowd)?;
            if let Some(variant) = &args.variant {
                content.choose_variant_named(variant)?;
            }
            content.animate_by(&args.animation, true)?;
            args.picture.apply(&mut content)?;
            Ok(content)
        }
    };
    let proxy = event_loop.create_proxy();
    // A window that is gone needs no waking.
    let wake = move || {
        let _ = proxy.send_event(());
    };
    let (loading, content) = loading::Loading::begin(&args.file, Box::new(prepare), wake)?;
    let content = match content {
        Some(content) => content,
        None => content::Content::new(
            &args.file.display().to_string(),
            storm_assets::Library::default(),
            storm_ecs::World::new(),
        ),
    };
    let options = window::Options {
        size: args.picture.size,
        camera: args.picture.camera.clone(),
        samples: args.picture.samples,
        look: args.picture.look,
        frames: args.frames,
        output: args.output.clone(),
        actions: args.actions.clone(),
        gpu: args.gpu.desc(),
        pipelines: pipelines::PipelineCache::from_env(),
    };
    window::show(event_loop, content, Some(loading), options)
}

/// Why there is no display, or what it is called.
#[cfg(feature = "window")]
fn display() -> Result<String, String> {
    window::display()
}

#[cfg(not(feature = "window"))]
fn display() -> Result<String, String> {
    Err(NO_WINDOWS.to_owned())
}

#[cfg(not(feature = "window"))]
const NO_WINDOWS: &str = "this storm-viewer is built without the feature 'window'";

#[cfg(not(feature = "window"))]
fn view(_: &cli::ViewArgs) -> Result<(), ViewerError> {
    Err(ViewerError::NoDisplay(NO_WINDOWS.to_owned()))
}
