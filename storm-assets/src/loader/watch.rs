//! Files that were read, looked at again from time to time.
//!
//! Times and lengths are asked for, once an interval: that works on every file system, and is enough for files that people save. A file that changed is read
//! once it looks the same twice in a row, so that one that is still being written is left alone.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{Shared, State};

/// By what a change of a file is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Option<(SystemTime, u64)>);

impl Stamp {
    /// What a file looks like now; one that is not there looks like nothing.
    pub(super) fn of(path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        Self(metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len()))))
    }
}

/// Looks, until the loader is dropped.
pub(super) fn run(shared: &Shared, interval: Duration) {
    loop {
        let queue = shared.queue();
        let (queue, _) = shared
            .end
            .wait_timeout_while(queue, interval, |queue| !queue.closed)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if queue.closed {
            return;
        }
        let idle = queue
            .loads
            .iter()
            .filter(|(_, load)| load.state == State::Idle);
        let watched: Vec<(u64, Vec<(PathBuf, Stamp)>)> = idle
            .map(|(ticket, load)| (*ticket, load.files.clone()))
            .collect();
        drop(queue);
        for (ticket, files) in watched {
            look(shared, ticket, &files);
        }
    }
}

fn look(shared: &Shared, ticket: u64, files: &[(PathBuf, Stamp)]) {
    let now: Vec<Stamp> = files.iter().map(|(path, _)| Stamp::of(path)).collect();
    let same = files.iter().zip(&now).all(|((_, then), now)| then == now);
    let mut queue = shared.queue();
    let Some(load) = queue.loads.get_mut(&ticket) else {
        return;
    };
    if same {
        load.changed = None;
    } else if load.changed.as_ref() == Some(&now) {
        load.changed = None;
        load.revision += 1;
        queue.push_file(ticket);
        drop(queue);
        shared.work.notify_all();
    } else {
        load.changed = Some(now);
    }
}
