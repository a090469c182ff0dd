//! What the device takes for each pass of a frame of the boxes: for a GPU, where a program on the CPU sees nothing of it.

use std::io::{Error, Result};

use storm_benches::Comparison;
use storm_render::{Culling, ImageTarget, Quality, Renderer, RendererDesc};

use crate::{
    frames::Frames,
    storm_frames::Storm,
    world::{self, Motion},
};

/// Frames before the measured ones, and measured ones.
const FRAMES: (u32, usize) = (8, 32);

/// Boxes, and whether they are asked for by name only: on a CPU driver they take minutes.
const CASES: [(&str, &str, usize, Quality); 3] = [
    ("passes 1M, CPU quality", "ms", 1_000_000, Quality::CPU),
    (
        "passes 1M, occlusion",
        "ms",
        1_000_000,
        Quality {
            culling: Culling::Occlusion,
            ..Quality::CPU
        },
    ),
    ("passes 1M, high quality", "ms", 1_000_000, Quality::HIGH),
];

/// Times passes at 1920×1080, all boxes moving; only where a filter names them.
pub(crate) fn run(comparison: &mut Comparison) -> Result<()> {
    for (name, unit, count, quality) in CASES {
        if comparison.names(name) {
            let times = times(count, quality).map_err(|error| Error::other(error.to_string()))?;
            comparison.figure(name, unit, &times, None);
        }
    }
    Ok(())
}

/// Medians of all passes in their order, and their sum, milliseconds.
fn times(
    count: usize,
    quality: Quality,
) -> std::result::Result<Vec<(&'static str, f64)>, Box<dyn std::error::Error>> {
    let mut storm = Storm::new(count)?;
    let desc = RendererDesc {
        multisampling: false,
        quality,
        ..RendererDesc::default()
    };
    let (width, height) = world::FULL_HD;
    let mut renderer = Renderer::new(storm.gpu(), &desc)?;
    renderer.set_timings(true);
    storm.draw_with(renderer, ImageTarget::new(storm.gpu(), width, height)?);
    let mut all: Vec<(&'static str, Vec<f64>)> = Vec::new();
    let mut sums = Vec::new();
    for frame in 0..FRAMES.0 + FRAMES.1 as u32 {
        storm.frame(Motion::All);
        storm.gpu().wait_idle()?;
        let Some(report) = storm.report()? else {
            continue;
        };
        if frame < FRAMES.0 {
            continue;
        }
        for pass in &report.passes {
            let ms = pass.nanoseconds * 1e-6;
            match all.iter_mut().find(|(name, _)| *name == pass.name) {
                Some((_, times)) => times.push(ms),
                None => all.push((pass.name, vec![ms])),
            }
        }
        sums.push(
            report
                .passes
                .iter()
                .map(|pass| pass.nanoseconds)
                .sum::<f64>()
                * 1e-6,
        );
    }
    all.push(("storm, all passes", sums));
    Ok(all
        .into_iter()
        .map(|(name, mut times)| {
            times.sort_by(f64::total_cmp);
            (name, times[times.len() / 2])
        })
        .collect())
}
