//! Schedules.

use storm_benches::{Case, Comparison};

use crate::components::*;

pub(crate) fn run(comparison: &mut Comparison) {
    if comparison.wants("20 near-empty systems") {
        comparison.run(empty());
    }
    if comparison.wants("8 systems of 1 ms") {
        comparison.run(heavy());
    }
}

macro_rules! twenty {
    ($do:ident) => {
        $do!(F0 F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 F17 F18 F19)
    };
}

fn empty() -> Case<'static> {
    const REPEAT: u32 = 2000;
    let mut case = Case::new("20 near-empty systems", REPEAT)
        .wall()
        .samples(31);
    let storm = |parallel: bool| {
        let mut world = storm_ecs::World::new();
        let mut schedule = storm_ecs::Schedule::new("bench");
        if parallel {
            schedule.set_executor(std::sync::Arc::new(
                storm_ecs::ThreadPool::for_this_machine(),
            ));
        }
        macro_rules! add {
            ($($component:ident)*) => {$(
                world.spawn($component(1.0));
                schedule.add_systems(|mut rows: storm_ecs::Query<'_, &mut $component>| {
                    rows.iter_mut().for_each(|row| row.0 += 1.0);
                });
            )*};
        }
        twenty!(add);
        (world, schedule)
    };
    for (name, parallel) in [("storm", true), ("storm serial", false)] {
        let (mut world, mut schedule) = storm(parallel);
        case.subject(name, move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    let _ = schedule.run(&mut world);
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    {
        use bevy_ecs::prelude::*;
        use bevy_ecs::schedule::{MultiThreadedExecutor, SingleThreadedExecutor};
        bevy_tasks::ComputeTaskPool::get_or_init(bevy_tasks::TaskPool::default);
        let bevy = || {
            let mut world = World::new();
            let mut schedule = Schedule::default();
            macro_rules! add {
                ($($component:ident)*) => {$(
                    world.spawn($component(1.0));
                    schedule.add_systems(|mut rows: Query<'_, '_, &mut $component>| {
                        rows.iter_mut().for_each(|mut row| row.0 += 1.0);
                    });
                )*};
            }
            twenty!(add);
            (world, schedule)
        };
        let (mut world, mut schedule) = bevy();
        schedule.set_executor(SingleThreadedExecutor::new());
        case.subject("bevy single", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    schedule.run(&mut world);
                }
            });
        });
        let (mut world, mut schedule) = bevy();
        schedule.set_executor(MultiThreadedExecutor::new());
        case.subject("bevy multi", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    schedule.run(&mut world);
                }
            });
        });
    }
    case.target("storm", Some("bevy single"), 1.2);
    case.target("storm serial", Some("bevy single"), 1.2);
    case
}

/// About a millisecond of arithmetic.
fn spin(start: f32) -> f32 {
    (0..250_000).fold(start, |x, _| std::hint::black_box(x * 1.000_1 + 0.5))
}

fn heavy() -> Case<'static> {
    let mut case = Case::new("8 systems of 1 ms", 1).wall().samples(15);
    for (name, parallel) in [("storm", true), ("storm serial", false)] {
        let mut world = storm_ecs::World::new();
        let mut schedule = storm_ecs::Schedule::new("bench");
        if parallel {
            schedule.set_executor(std::sync::Arc::new(
                storm_ecs::ThreadPool::for_this_machine(),
            ));
        }
        macro_rules! add {
            ($($component:ident)*) => {$(
                world.spawn($component(1.0));
                schedule.add_systems(|mut rows: storm_ecs::Query<'_, &mut $component>| {
                    rows.iter_mut().for_each(|row| row.0 = spin(row.0));
                });
            )*};
        }
        add!(F0 F1 F2 F3 F4 F5 F6 F7);
        case.subject(name, move |timer| {
            let _ = timer.time(|| schedule.run(&mut world));
        });
    }
    case.target("storm", Some("storm serial"), 0.6);
    case
}
