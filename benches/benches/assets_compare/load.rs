//! Loading on threads: how long the caller's thread is held up, and how long all of it takes.

use std::time::{Duration, Instant};

use storm_assets::{
    gltf::{self, LoadOptions},
    loader::{self, LoadEvent, Loader, LoaderOptions},
};
use storm_benches::{Case, Comparison};

use crate::files::Files;

pub(crate) fn run(comparison: &mut Comparison, files: &Files) -> std::io::Result<()> {
    let mut paths = files.models("gltf-sample-assets");
    let folder = std::env::temp_dir().join("storm-bench-load");
    std::fs::create_dir_all(&folder)?;
    let grid = folder.join("grid.glb");
    std::fs::write(&grid, &files.grid)?;
    paths.push(grid);
    let name = "longest call of the loading thread's caller, all models";
    if comparison.wants(name) {
        let rounds = if comparison.is_quick() { 3 } else { 15 };
        let mut worst = Vec::new();
        for _ in 0..rounds {
            worst.push(longest_call(&paths)?.as_secs_f64() * 1e3);
        }
        worst.sort_by(f64::total_cmp);
        let values = [
            ("storm", worst[worst.len() / 2]),
            ("storm, worst round", worst[worst.len() - 1]),
        ];
        comparison.figure(name, "ms", &values, Some(0.5));
    }
    let name = "load the model with the largest pictures";
    if comparison.wants(name)
        && let Some(path) = paths.iter().max_by_key(|path| {
            gltf::load(path, &LoadOptions::default()).map_or(0, |file| file.summary.image_bytes)
        })
    {
        let mut case = Case::new(name, 1).wall();
        case.subject("storm", |timer| {
            timer.time(|| gltf::load(path, &LoadOptions::default()).is_ok());
        });
        for (name, threads) in [("storm 2 threads", 1), ("storm 4 threads", 3)] {
            let options = LoaderOptions::default().with_threads(threads);
            case.subject(name, move |timer| {
                timer.time(|| loader::load(path, &options).is_ok());
            });
        }
        comparison.run(case);
    }
    Ok(())
}

/// Asks for all files, takes all results and gives them back, and says how long the longest of these calls took.
fn longest_call(paths: &[std::path::PathBuf]) -> std::io::Result<Duration> {
    let loader = Loader::new(LoaderOptions::default())?;
    let mut longest = Duration::ZERO;
    let mut left = paths.len();
    for path in paths {
        let start = Instant::now();
        loader.load(path, 0);
        longest = longest.max(start.elapsed());
    }
    while left > 0 {
        let start = Instant::now();
        let event = loader.try_next();
        if let Some(event) = event {
            left -= usize::from(matches!(
                event,
                LoadEvent::Finished { .. } | LoadEvent::Failed { .. }
            ));
            loader.drop_elsewhere(event);
            longest = longest.max(start.elapsed());
        } else {
            longest = longest.max(start.elapsed());
            // A frame goes by.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(longest)
}
