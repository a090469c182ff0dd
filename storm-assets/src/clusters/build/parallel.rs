//! Work on several threads whose outcome does not depend on how many there are, with progress told on the caller's.

use std::{
    ops::{ControlFlow, Range},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use super::{BuildError, Progress, Stage};

/// The threads of a build, and who is told about it.
pub(super) struct Workers<'p> {
    threads: usize,
    progress: &'p mut dyn FnMut(Progress) -> ControlFlow<()>,
    stage: Stage,
    per_mille: Range<u32>,
}

impl<'p> Workers<'p> {
    pub(super) fn new(
        threads: usize,
        progress: &'p mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Self {
        Self {
            threads,
            progress,
            stage: Stage::Vertices,
            per_mille: 0..0,
        }
    }

    /// A stage begins, which is so much of all the work.
    pub(super) fn begin(&mut self, stage: Stage, per_mille: Range<u32>) {
        self.stage = stage;
        self.per_mille = per_mille;
    }

    /// Tells that `done` of `parts` are done.
    pub(super) fn tell(&mut self, done: usize, parts: usize) -> Result<(), BuildError> {
        let Range { start, end } = self.per_mille;
        let share = done as u64 * u64::from(end - start) / parts.max(1) as u64;
        let told = (self.progress)(Progress {
            stage: self.stage,
            done,
            parts,
            per_mille: start + share as u32,
        });
        match told {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(BuildError::Stopped),
        }
    }

    /// `f` of each number below `count`, in order. A panic of `f` goes on in the caller.
    pub(super) fn map<T: Send>(
        &mut self,
        count: usize,
        f: impl Fn(usize) -> T + Sync,
    ) -> Result<Vec<T>, BuildError> {
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let found = Mutex::new(Vec::with_capacity(count));
        let take = |own: &mut Vec<(usize, T)>| {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i < count {
                own.push((i, f(i)));
            }
            i < count
        };
        let give = |own| found.lock().unwrap_or_else(|e| e.into_inner()).extend(own);
        let told = std::thread::scope(|scope| {
            for _ in 1..self.threads.min(count) {
                scope.spawn(|| {
                    let mut own = Vec::new();
                    while take(&mut own) {}
                    give(own);
                });
            }
            let mut own = Vec::new();
            let mut told = Ok(());
            while told.is_ok() && take(&mut own) {
                told = self.tell(next.load(Ordering::Relaxed).min(count), count);
            }
            stop.store(told.is_err(), Ordering::Relaxed);
            give(own);
            told
        });
        told?;
        let mut found = found.into_inner().unwrap_or_else(|e| e.into_inner());
        found.sort_unstable_by_key(|(i, _)| *i);
        Ok(found.into_iter().map(|(_, value)| value).collect())
    }
}
