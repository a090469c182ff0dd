//! The progress bars of what takes long, on standard error where that is a terminal.

use std::{
    io::IsTerminal,
    ops::ControlFlow,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use storm_assets::gltf::{LoadOptions, Stage};

/// Loads shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(300);

/// The options that load a file with a progress bar.
pub(crate) fn load_options(title: &str) -> LoadOptions {
    if !std::io::stderr().is_terminal() {
        return LoadOptions::default();
    }
    let title = title.to_owned();
    let began = Instant::now();
    let shown = Mutex::new(None::<Shown>);
    LoadOptions::default().with_progress(move |progress| {
        if began.elapsed() >= PATIENCE {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            let bar = &shown.get_or_insert_with(|| Shown::new(&title)).0;
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
            bar.set_message(match progress.stage {
                Stage::Document => "structure",
                Stage::Buffer => "buffers",
                Stage::Image => "pictures",
                _ => "meshes",
            });
        }
        ControlFlow::Continue(())
    })
}

/// What shows how far a build of clusters is.
#[cfg(feature = "clusters")]
pub(crate) fn build(
    title: &str,
) -> impl FnMut(storm_assets::clusters::Progress) -> ControlFlow<()> + use<> {
    let title = title.to_owned();
    let began = Instant::now();
    let seen = std::io::stderr().is_terminal();
    let mut shown = None::<Shown>;
    move |progress| {
        if seen && began.elapsed() >= PATIENCE {
            let bar = &shown.get_or_insert_with(|| Shown::new(&title)).0;
            bar.set_length(1000);
            bar.set_position(u64::from(progress.per_mille));
            bar.set_message("clusters");
        }
        ControlFlow::Continue(())
    }
}

/// A bar that goes when the load is over, however it ends.
struct Shown(ProgressBar);

impl Shown {
    fn new(title: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(crate::error::one_line(title));
        Self(bar)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
