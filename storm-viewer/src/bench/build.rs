//! Builds the shapes of a generated scene into clusters, a shape a thread, and gives them to the scene in their order.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    ops::ControlFlow,
    path::Path,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

use storm_assets::clusters::{BuildOptions, ClusterCache, build};
use storm_render::Scene;

use super::{handle, ms, report::Report, stress::Stress};
use crate::error::ViewerError;

/// Shapes that wait to be uploaded, at most, beside those that are being built.
const WAITING: usize = 4;

pub(super) fn insert_all(
    scene: &mut Scene,
    stress: &Stress,
    cache: Option<&Path>,
    report: &mut Report,
) -> Result<(), ViewerError> {
    let began = Instant::now();
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    // One large shape is built by all cores, many by one each.
    let workers = cores.min(stress.meshes as usize);
    let each = NonZeroUsize::new(cores / workers).unwrap_or(NonZeroUsize::MIN);
    let options = BuildOptions::default().with_threads(each);
    let cache = cache.map(ClusterCache::new);
    let make = |number| {
        let mesh = stress.mesh(number);
        match &cache {
            Some(cache) => {
                let made = cache.get_or_build(&mesh, &options, &mut |_| ControlFlow::Continue(()));
                let made = made.map_err(|error| error.to_string())?;
                match made.not_kept {
                    Some(error) => Err(format!("its file cannot be kept: {error}")),
                    None => Ok(made.mesh),
                }
            }
            None => build(&mesh, &options).map_err(|error| error.to_string()),
        }
    };
    let next = AtomicU32::new(0);
    let (sender, built) = mpsc::sync_channel(WAITING);
    thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next, make) = (sender.clone(), &next, &make);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= stress.meshes {
                        break;
                    }
                    // Nobody waits any more where one has failed.
                    if sender.send((number, make(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut wanted = 0;
        // Moved in, so that whoever sends to it hears when this ends early.
        for (number, result) in built {
            let mesh = result.map_err(|error| ViewerError::Stress {
                reason: format!("shape {number}: {error}"),
            })?;
            waiting.insert(number, mesh);
            while let Some(mesh) = waiting.remove(&wanted) {
                scene.insert_clusters(handle(wanted), &mesh)?;
                wanted += 1;
            }
        }
        Ok::<_, ViewerError>(())
    })?;
    report.build_ms = ms(began);
    Ok(())
}
