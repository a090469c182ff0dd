//! Loom models of a spread segment: every interleaving (up to a number of preemptions) of the pool's threads.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::schedule::{Schedule, ScheduleError, ThreadPool};
use crate::system::{Res, ResMut};
use crate::world::World;

struct Log(Vec<u32>);
impl crate::resource::Resource for Log {}
struct Other(u32);
impl crate::resource::Resource for Other {}

fn model(threads: usize, add: fn(&mut Schedule), check: fn(&World, Result<(), ScheduleError>)) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(4);
    builder.max_branches = 20_000;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let mut world = World::new();
        world.insert_resource(Log(Vec::new()));
        world.insert_resource(Other(0));
        let mut schedule = Schedule::new("model");
        schedule.set_offload_threshold(Duration::ZERO);
        schedule.set_executor(Arc::new(ThreadPool::new(threads)));
        add(&mut schedule);
        let result = schedule.run(&mut world);
        check(&world, result);
    });
    let runs = runs.load(Ordering::Relaxed);
    assert!(runs > 100, "threads hardly met: {runs} interleavings");
}

fn push<const N: u32>(mut log: ResMut<Log>) {
    log.0.push(N);
}

fn other(mut other: ResMut<Other>) {
    loom::thread::yield_now();
    other.0 += 1;
}

#[test]
fn loom_independent_systems() {
    model(
        2,
        |schedule| {
            schedule.add_systems((push::<1>, other));
        },
        |world, result| {
            assert!(result.is_ok());
            assert_eq!(
                world.resource::<Log>().map(|log| log.0.clone()),
                Some(vec![1])
            );
            assert_eq!(world.resource::<Other>().map(|other| other.0), Some(1));
        },
    );
}

#[test]
fn loom_conflicts_and_order() {
    model(
        2,
        |schedule| {
            schedule.add_systems((push::<1>, other, push::<2>, |_: Res<Other>| ()));
        },
        |world, result| {
            assert!(result.is_ok());
            assert_eq!(
                world.resource::<Log>().map(|log| log.0.clone()),
                Some(vec![1, 2])
            );
            assert_eq!(world.resource::<Other>().map(|other| other.0), Some(1));
        },
    );
}

#[test]
fn loom_three_threads() {
    model(
        3,
        |schedule| {
            schedule.add_systems((push::<1>, other, || ()));
        },
        |world, result| {
            assert!(result.is_ok());
            assert_eq!(world.resource::<Log>().map(|log| log.0.len()), Some(1));
        },
    );
}

/// The model must be able to fail: two threads that take turns without the ledger lose a count in some interleaving.
#[test]
fn loom_finds_a_lost_update() {
    let found = catch_unwind(AssertUnwindSafe(|| {
        loom::model(|| {
            use loom::sync::atomic::AtomicU32;
            let count = loom::sync::Arc::new(AtomicU32::new(0));
            let theirs = count.clone();
            let thread = loom::thread::spawn(move || {
                let old = theirs.load(Ordering::Relaxed);
                theirs.store(old + 1, Ordering::Relaxed);
            });
            let old = count.load(Ordering::Relaxed);
            count.store(old + 1, Ordering::Relaxed);
            let _ = thread.join();
            assert_eq!(count.load(Ordering::Relaxed), 2);
        });
    }));
    assert!(found.is_err());
}
