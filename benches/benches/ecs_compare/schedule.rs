//! Running systems: many that do nearly nothing, and few that do much.

use std::hint::black_box;
use std::time::{Duration, Instant};

use storm_benches::{Case, Comparison};

use crate::components::*;

pub(crate) fn run(comparison: &mut Comparison) {
    if comparison.wants("20 near-empty systems") {
        comparison.run(near_empty());
    }
    if comparison.wants("8 systems of 1 ms") {
        comparison.run(heavy());
    }
}

/// Calls a macro with twenty components: one system each.
macro_rules! twenty {
    ($do:ident) => {
        $do!(F0 F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 F17 F18 F19)
    };
}

/// Calls a macro with eight components: one system each.
macro_rules! eight {
    ($do:ident) => {
        $do!(F0 F1 F2 F3 F4 F5 F6 F7)
    };
}

/// Each system has a query that matches one entity, and changes it.
fn near_empty() -> Case<'static> {
    const REPEAT: u32 = 1000;
    let mut case = Case::new("20 near-empty systems", REPEAT)
        .wall()
        .samples(31);
    for (name, threads) in [("storm serial", 1), ("storm parallel", 2)] {
        let mut world = storm_ecs::World::new();
        let mut schedule = storm_ecs::Schedule::new("bench");
        macro_rules! add {
            ($($component:ident)*) => {$(
                world.spawn($component(0.0));
                schedule.add_systems(|query: storm_ecs::Query<&mut $component>| query.for_each(|value| value.0 += 1.0));
            )*};
        }
        twenty!(add);
        if threads > 1 {
            schedule.set_executor(std::sync::Arc::new(storm_ecs::ThreadPool::new(threads)));
        }
        case.subject(name, move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    black_box(schedule.run(&mut world)).expect("runs");
                }
            });
        });
    }
    #[cfg(feature = "hecs")]
    {
        let mut world = hecs::World::new();
        macro_rules! spawn {
            ($($component:ident)*) => {$(world.spawn(($component(0.0),));)*};
        }
        twenty!(spawn);
        case.subject("hecs inline", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    macro_rules! run {
                        ($($component:ident)*) => {$(
                            for value in world.query_mut::<&mut $component>() {
                                value.0 += 1.0;
                            }
                        )*};
                    }
                    twenty!(run);
                    black_box(&mut world);
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    for (name, multi) in [("bevy single", false), ("bevy multi", true)] {
        let mut world = bevy_ecs::world::World::new();
        let mut schedule = bevy_schedule(multi);
        macro_rules! add {
            ($($component:ident)*) => {$(
                world.spawn($component(0.0));
                schedule.add_systems(|mut query: bevy_ecs::system::Query<&mut $component>| {
                    query.iter_mut().for_each(|mut value| value.0 += 1.0);
                });
            )*};
        }
        twenty!(add);
        case.subject(name, move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    schedule.run(&mut world);
                }
                black_box(&mut world);
            });
        });
    }
    case.target("storm serial", Some("bevy single"), 1.2);
    case.target("storm parallel", Some("bevy single"), 1.2);
    case
}

#[cfg(feature = "bevy_ecs")]
fn bevy_schedule(multi: bool) -> bevy_ecs::schedule::Schedule {
    use bevy_ecs::schedule::{MultiThreadedExecutor, Schedule, SingleThreadedExecutor};
    bevy_tasks::ComputeTaskPool::get_or_init(|| {
        bevy_tasks::TaskPoolBuilder::new().num_threads(2).build()
    });
    let mut schedule = Schedule::default();
    if multi {
        schedule.set_executor(MultiThreadedExecutor::new());
    } else {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
    schedule
}

/// About a millisecond of arithmetic. A fixed amount of work, so that a busy machine shows as time.
fn work(rounds: u32, value: &mut f32) {
    let mut state = u64::from(value.to_bits()) | 1;
    for _ in 0..rounds {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    *value = f32::from_bits(state as u32 & 0x3fff_ffff);
}

/// Rounds of `work` that take a millisecond here: the fastest of several tries.
fn rounds() -> u32 {
    const TRY: u32 = 1 << 18;
    let fastest = (0..20).map(|_| {
        let start = Instant::now();
        work(TRY, black_box(&mut 1.0));
        start.elapsed()
    });
    let fastest = fastest
        .min()
        .unwrap_or(Duration::from_millis(1))
        .max(Duration::from_nanos(1));
    (f64::from(TRY) * 1e-3 / fastest.as_secs_f64()) as u32
}

/// Eight systems that touch different components and take a millisecond each.
fn heavy() -> Case<'static> {
    const REPEAT: u32 = 8;
    let mut case = Case::new("8 systems of 1 ms", REPEAT).wall().samples(31);
    let rounds = rounds();
    let mut values = [1.0f32; 8];
    case.subject("base calls", move |timer| {
        timer.time(|| {
            for _ in 0..REPEAT {
                values.iter_mut().for_each(|value| work(rounds, value));
            }
            black_box(&mut values);
        });
    });
    for (name, threads) in [("storm serial", 1), ("storm parallel", 2)] {
        let mut world = storm_ecs::World::new();
        let mut schedule = storm_ecs::Schedule::new("bench");
        macro_rules! add {
            ($($component:ident)*) => {$(
                world.spawn($component(1.0));
                schedule.add_systems(move |query: storm_ecs::Query<&mut $component>| query.for_each(|value| work(rounds, &mut value.0)));
            )*};
        }
        eight!(add);
        if threads > 1 {
            schedule.set_executor(std::sync::Arc::new(storm_ecs::ThreadPool::new(threads)));
        }
        case.subject(name, move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    black_box(schedule.run(&mut world)).expect("runs");
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    for (name, multi) in [("bevy single", false), ("bevy multi", true)] {
        let mut world = bevy_ecs::world::World::new();
        let mut schedule = bevy_schedule(multi);
        macro_rules! add {
            ($($component:ident)*) => {$(
                world.spawn($component(1.0));
                schedule.add_systems(move |mut query: bevy_ecs::system::Query<&mut $component>| {
                    query.iter_mut().for_each(|mut value| work(rounds, &mut value.0));
                });
            )*};
        }
        eight!(add);
        case.subject(name, move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    schedule.run(&mut world);
                }
            });
        });
    }
    case.target("storm parallel", Some("storm serial"), 0.6);
    case
}
