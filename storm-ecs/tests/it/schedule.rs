//! Schedules: order, conditions, sync points, errors, and the same result on any number of threads.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};

use storm_ecs::{
    Changed, Commands, Component, Entity, EventReader, EventWriter, Executor, FixedStep,
    IntoSystems, Local, Query, Res, ResMut, Resource, Schedule, ScheduleError, SystemSet, Systems,
    Task, ThreadPool, World, on_event, resource_changed, resource_exists, run_once,
};

use crate::support::{A, B, Random, Tag, Text};

#[derive(Resource, Default)]
struct Log(Vec<&'static str>);
#[derive(Resource, Default, Debug, PartialEq)]
struct Score(u32);

/// A system that logs its name. All of them touch the same resource, so that their order is seen.
fn log(name: &'static str) -> Systems {
    (move |mut log: ResMut<Log>| log.0.push(name)).named(name)
}

/// `add_systems`, for tables of closures.
fn put<M>(schedule: &mut Schedule, systems: impl IntoSystems<M>) {
    schedule.add_systems(systems);
}

fn run_log(schedule: &mut Schedule, world: &mut World) -> String {
    world.insert_resource(Log::default());
    schedule.run(world).unwrap();
    world.resource::<Log>().unwrap().0.join(" ")
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Input,
    Physics,
    Draw,
}

impl SystemSet for Phase {}

// --- order --------------------------------------------------------------------------------------------------------

#[test]
fn systems_run_in_the_order_that_was_said_and_else_in_the_order_added() {
    fn named(_: Res<Log>) {}
    type Case = (&'static str, fn(&mut Schedule), &'static str);
    let cases: &[Case] = &[
        (
            "as added",
            |s| put(s, (log("a"), log("b"), log("c"))),
            "a b c",
        ),
        (
            "before a set",
            |s| {
                s.add_systems((log("a").in_set("x"), log("b").before("x"), log("c")));
            },
            "b a c",
        ),
        (
            "after a set",
            |s| {
                s.add_systems((
                    log("a").after("x"),
                    log("b").in_set("x"),
                    log("c").in_set("x"),
                ));
            },
            "b c a",
        ),
        (
            "after a function",
            |s| {
                s.add_systems((log("a").after(named), log("b").before(named), named));
            },
            "b a",
        ),
        (
            "chain",
            |s| put(s, (log("a"), log("b").before("a"), log("c")).chain()),
            "a b c",
        ),
        (
            "a chain of tuples",
            |s| {
                s.add_systems(((log("a"), log("b")), log("c"), (log("d"), log("e"))).chain());
                s.add_systems(log("z").before("nothing"));
            },
            "a b c d e z",
        ),
        (
            "chained chains",
            |s| {
                s.add_systems((log("c"), log("d")).chain().in_set("late"));
                s.add_systems((log("a"), log("b")).chain().before("late"));
            },
            "a b c d",
        ),
        (
            "sets of a type",
            |s| {
                s.add_systems((
                    log("draw").in_set(Phase::Draw),
                    log("move").in_set(Phase::Physics),
                    log("read").in_set(Phase::Input),
                ));
                s.chain_sets([Phase::Input, Phase::Physics, Phase::Draw]);
            },
            "read move draw",
        ),
        (
            "a set in a set",
            |s| {
                s.add_systems((
                    log("a").after("outer"),
                    log("b").in_set("inner"),
                    log("c").in_set("outer"),
                ));
                s.set("inner").in_set("outer").after("c's");
                s.add_systems(log("d").in_set("c's"));
            },
            "c d b a",
        ),
        (
            "order through an empty set",
            |s| {
                s.add_systems((log("a").after("empty"), log("b").before("empty")));
            },
            "b a",
        ),
    ];
    for (what, add, expected) in cases {
        let mut schedule = Schedule::new("test");
        add(&mut schedule);
        assert_eq!(
            run_log(&mut schedule, &mut World::new()),
            *expected,
            "{what}"
        );
    }
}

#[test]
fn a_circle_is_an_error_that_names_it() {
    type Case = (fn(&mut Schedule), &'static [&'static str]);
    let cases: &[Case] = &[
        (
            |s| {
                put(
                    s,
                    (
                        log("a").in_set("a").after("b"),
                        log("b").in_set("b").after("a"),
                    ),
                )
            },
            &["a → b → a", "b → a → b"],
        ),
        (
            |s| put(s, (log("free"), log("a").in_set("a").after("a"))),
            &["a → a"],
        ),
        (
            |s| {
                s.add_systems((log("a"), log("b"), log("c")).chain().in_set("all"));
                s.set("all").before("all");
            },
            &["all"],
        ),
        (
            |s| {
                s.chain_sets(["x", "y", "z"]);
                s.chain_sets(["z", "x"]);
            },
            &["x → y → z → x", "y → z → x → y", "z → x → y → z"],
        ),
    ];
    for (number, (add, expected)) in cases.iter().enumerate() {
        let mut schedule = Schedule::new("test");
        add(&mut schedule);
        let error = schedule.run(&mut World::new()).unwrap_err();
        let ScheduleError::Cycle { path } = &error else {
            panic!("{error}")
        };
        assert!(
            expected.iter().any(|expected| path.contains(expected)),
            "{number}: {path}"
        );
    }
}

#[test]
fn random_orders_are_kept() {
    #[derive(Resource, Default)]
    struct Order(Vec<usize>);
    const NAMES: [&str; 20] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
        "17", "18", "19",
    ];
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let mut schedule = Schedule::new("test");
        let mut edges = Vec::new();
        // Ranks make a hidden order, so that the edges have no circle.
        let mut ranks: Vec<usize> = (0..20).collect();
        for last in (1..20).rev() {
            ranks.swap(last, random.below(last + 1));
        }
        for system in 0..20 {
            let mut systems =
                (move |mut order: ResMut<Order>| order.0.push(system)).in_set(NAMES[system]);
            for _ in 0..random.below(3) {
                let other = random.below(20);
                if ranks[other] < ranks[system] {
                    systems = systems.after(NAMES[other]);
                    edges.push((other, system));
                } else if ranks[other] > ranks[system] {
                    systems = systems.before(NAMES[other]);
                    edges.push((system, other));
                }
            }
            schedule.add_systems(systems);
        }
        let mut world = World::new();
        world.init_resource::<Order>();
        schedule.run(&mut world).unwrap();
        let order = &world.resource::<Order>().unwrap().0;
        assert_eq!(order.len(), 20);
        let place = |system| order.iter().position(|&other| other == system);
        for (earlier, later) in edges {
            assert!(
                place(earlier) < place(later),
                "seed {seed}: {earlier} before {later}"
            );
        }
    }
}

#[test]
fn systems_added_after_a_run_take_their_place_and_the_others_keep_their_state() {
    let mut world = World::new();
    let mut schedule = Schedule::new("test");
    schedule.add_systems(
        (|mut runs: Local<u32>, mut score: ResMut<Score>| {
            *runs += 1;
            score.0 = *runs;
        })
        .in_set("count"),
    );
    world.init_resource::<Score>();
    schedule.run(&mut world).unwrap();
    schedule.add_systems((|score: Res<Score>| assert_eq!(score.0, 1)).before("count"));
    schedule.set("count").run_if(|| true);
    schedule.run(&mut world).unwrap();
    assert_eq!(world.resource(), Some(&Score(2)));
}

#[test]
fn misspelt_sets_are_listed() {
    let mut schedule = Schedule::new("test");
    schedule.add_systems((log("a").in_set("phsyics"), log("b").after("physics")));
    schedule.set("physics").before("draw");
    assert_eq!(schedule.unknown_sets(), ["draw", "physics"]);
}

// --- ambiguities --------------------------------------------------------------------------------------------------

#[test]
fn unordered_systems_that_conflict_are_reported() {
    fn write_a(_: Query<&mut A>) {}
    fn read_a(_: Query<&A>) {}
    fn write_b(_: Query<(&mut B, &A)>) {}
    fn whole(_: &World) {}
    fn exclusive(_: &mut World) {}
    type Case = (
        fn(&mut Schedule),
        &'static [(&'static str, &'static str, &'static [&'static str])],
    );
    let cases: &[Case] = &[
        (|s| put(s, (read_a, read_a, write_b)), &[]),
        (
            |s| put(s, (write_a, read_a)),
            &[("write_a", "read_a", &["component storm-ecs.A"])],
        ),
        (|s| put(s, (write_a, read_a).chain()), &[]),
        (|s| put(s, (write_a.before("x"), read_a.after("x"))), &[]),
        (
            |s| put(s, (write_a, write_a)),
            &[("write_a", "write_a", &["component storm-ecs.A"])],
        ),
        (
            |s| put(s, (whole, write_a)),
            &[("whole", "write_a", &["component storm-ecs.A"])],
        ),
        (|s| put(s, (whole, read_a, whole)), &[]),
        (
            |s| put(s, (exclusive, read_a)),
            &[("exclusive", "read_a", &["the world"])],
        ),
    ];
    for (number, (add, expected)) in cases.iter().enumerate() {
        let mut schedule = Schedule::new("test");
        add(&mut schedule);
        let found = schedule.ambiguities().unwrap();
        assert_eq!(found.len(), expected.len(), "{number}: {found:?}");
        for (found, (first, second, conflicts)) in found.iter().zip(*expected) {
            assert!(
                found.first.ends_with(first) && found.second.ends_with(second),
                "{number}: {found:?}"
            );
            assert_eq!(found.conflicts, *conflicts, "{number}");
        }
    }
}

// --- conditions ---------------------------------------------------------------------------------------------------

#[test]
fn conditions_decide_for_systems_tuples_and_sets() {
    fn yes() -> bool {
        true
    }
    fn no() -> bool {
        false
    }
    fn first_is_logged(log: Res<Log>) -> bool {
        log.0.contains(&"first")
    }
    type Case = (&'static str, fn(&mut Schedule), &'static str);
    let cases: &[Case] = &[
        ("yes", |s| put(s, log("a").run_if(yes)), "a"),
        ("no", |s| put(s, (log("a").run_if(no), log("b"))), "b"),
        (
            "all must agree",
            |s| {
                put(
                    s,
                    (
                        log("a").run_if(yes).run_if(no),
                        log("b").run_if(yes).run_if(yes),
                    ),
                )
            },
            "b",
        ),
        (
            "a tuple",
            |s| put(s, ((log("a"), log("b")).run_if(no), log("c"))),
            "c",
        ),
        (
            "of a set",
            |s| {
                s.set("x").run_if(no);
                s.add_systems((log("a").in_set("x"), log("b")));
            },
            "b",
        ),
        (
            "of an outer set",
            |s| {
                s.set("outer").run_if(no);
                s.set("inner").in_set("outer");
                s.add_systems((log("a").in_set("inner"), log("b")));
            },
            "b",
        ),
        (
            "asked after what the system comes after",
            |s| {
                s.add_systems((
                    log("late").run_if(first_is_logged).after("f"),
                    log("first").in_set("f"),
                ));
            },
            "first late",
        ),
        (
            "asked after what the set comes after",
            |s| {
                s.set("late").run_if(first_is_logged).after("f");
                s.add_systems((log("late").in_set("late"), log("first").in_set("f")));
            },
            "first late",
        ),
        (
            "asked before the first of a tuple, once",
            |s| {
                s.add_systems((log("first"), log("late")).chain().run_if(first_is_logged));
            },
            "",
        ),
        (
            "a skipped system still orders others",
            |s| {
                s.add_systems((
                    log("c").after("b"),
                    log("b").in_set("b").run_if(no).after("a"),
                    log("a").in_set("a"),
                ));
            },
            "a c",
        ),
    ];
    for (what, add, expected) in cases {
        for threads in [1, 2, 4] {
            let mut schedule = Schedule::new("test");
            add(&mut schedule);
            schedule
                .set_executor(Arc::new(ThreadPool::new(threads)))
                .set_offload_threshold(Duration::ZERO);
            assert_eq!(
                run_log(&mut schedule, &mut World::new()),
                *expected,
                "{what} on {threads} threads"
            );
        }
    }
}

#[test]
fn the_conditions_that_come_with_the_crate() {
    let mut world = World::new();
    let mut schedule = Schedule::new("test");
    schedule.add_systems((
        log("exists").run_if(resource_exists::<Score>),
        log("changed").run_if(resource_changed::<Score>),
        log("event").run_if(on_event::<u8>),
        log("once").run_if(run_once),
    ));
    type Step = (fn(&mut World), &'static str);
    let steps: &[Step] = &[
        (|_| (), "once"),
        (
            |world| {
                world.insert_resource(Score(1));
            },
            "exists changed",
        ),
        (|_| (), "exists"),
        (|world| world.send_event(1u8), "exists event"),
        (
            |world| world.resource_mut::<Score>().unwrap().0 += 1,
            "exists changed",
        ),
        (
            |world| {
                world.remove_resource::<Score>();
            },
            "",
        ),
    ];
    for (number, (step, expected)) in steps.iter().enumerate() {
        step(&mut world);
        assert_eq!(
            run_log(&mut schedule, &mut world),
            *expected,
            "step {number}"
        );
    }
}

#[test]
fn a_system_skipped_by_a_condition_sees_all_changes_since_it_last_ran() {
    let mut world = World::new();
    world.init_resource::<Score>();
    let bodies = world.spawn_batch([A(0), A(0), A(0)]);
    let mut schedule = Schedule::new("test");
    let mut frame = 0;
    let third = move || {
        frame += 1;
        frame % 3 == 1
    };
    schedule.add_systems(
        (|changed: Query<&A, Changed<A>>, mut score: ResMut<Score>| {
            score.0 = changed.count() as u32
        })
        .run_if(third),
    );
    let mut seen = Vec::new();
    for frame in 0..7 {
        world.get_mut::<A>(bodies[frame % 3]).unwrap().0 += 1;
        schedule.run(&mut world).unwrap();
        seen.push(world.resource::<Score>().unwrap().0);
    }
    assert_eq!(seen, [3, 3, 3, 3, 3, 3, 3]);
}

// --- sync points --------------------------------------------------------------------------------------------------

#[test]
fn commands_apply_where_an_order_demands_it() {
    fn spawn(mut commands: Commands) {
        commands.spawn(Tag);
    }
    fn count(tags: Query<&Tag>, mut score: ResMut<Score>) {
        score.0 = tags.count() as u32;
    }
    fn exclusive(_: &mut World) {}
    type Case = (&'static str, fn(&mut Schedule), usize, u32);
    let cases: &[Case] = &[
        ("ordered", |s| put(s, (spawn, count).chain()), 2, 1),
        ("unordered", |s| put(s, (spawn, count)), 1, 0),
        (
            "ordered through a third",
            |s| put(s, (spawn, || (), count).chain()),
            2,
            1,
        ),
        (
            "two writers, one sync point",
            |s| put(s, (spawn, spawn, count.after(spawn))),
            2,
            2,
        ),
        (
            "pairs share a sync point",
            |s| put(s, ((spawn, || ()).chain(), (spawn, count).chain())),
            2,
            2,
        ),
        (
            "around an exclusive system",
            |s| put(s, (spawn, exclusive, count)),
            3,
            1,
        ),
        (
            "three in a row",
            |s| put(s, (spawn, spawn, count).chain()),
            3,
            2,
        ),
    ];
    for (what, add, segments, counted) in cases {
        let mut world = World::new();
        world.init_resource::<Score>();
        let mut schedule = Schedule::new("test");
        add(&mut schedule);
        assert_eq!(schedule.segments().unwrap(), *segments, "{what}");
        schedule.run(&mut world).unwrap();
        assert_eq!(world.resource(), Some(&Score(*counted)), "{what}");
    }
}

#[test]
fn ids_that_a_system_takes_are_good_at_once_and_distinct() {
    #[derive(Component)]
    struct Parent(Entity);
    fn family(mut commands: Commands) {
        let parent = commands.spawn(A(1)).id();
        for _ in 0..3 {
            commands.spawn((Parent(parent), B(1)));
        }
    }
    fn single(mut commands: Commands) {
        commands.spawn(A(2));
    }
    let mut world = World::new();
    // Free slots and fresh ones both.
    for entity in world.spawn_batch((0..5).map(A)) {
        world.despawn(entity).unwrap();
    }
    let mut schedule = Schedule::new("test");
    schedule.add_systems((single, family, family, single, |_: Commands| ()));
    for run in 1..=20 {
        schedule.run(&mut world).unwrap();
        assert_eq!(world.len(), run * 10);
        assert_eq!(world.query::<&Parent>().count(), run * 6);
        for parent in world.query::<&Parent>() {
            assert_eq!(world.get::<A>(parent.0), Some(&A(1)));
        }
    }
}

// --- errors and panics --------------------------------------------------------------------------------------------

#[test]
fn a_systems_error_is_returned_with_its_name_and_stops_nothing() {
    fn fails() -> Result<(), std::num::ParseIntError> {
        "x".parse::<u32>().map(drop)
    }
    fn text() -> Result<(), &'static str> {
        Err("no luck")
    }
    let mut world = World::new();
    let mut schedule = Schedule::new("test");
    schedule.add_systems((fails, text, log("after")).chain());
    world.insert_resource(Log::default());
    let error = schedule.run(&mut world).unwrap_err();
    let ScheduleError::Several(errors) = &error else {
        panic!("{error}")
    };
    for (error, name, message) in [
        (&errors[0], "fails", "invalid digit"),
        (&errors[1], "text", "no luck"),
    ] {
        let ScheduleError::Failed { system, error } = error else {
            panic!("{error}")
        };
        assert!(
            system.ends_with(name) && error.to_string().contains(message),
            "{system}: {error}"
        );
    }
    assert_eq!(world.resource::<Log>().unwrap().0, ["after"]);
}

/// The same outcome on any number of threads: what is behind the panic is skipped, the rest of its segment runs, nothing after.
#[test]
fn a_panic_names_the_system_and_leaves_the_world_usable() {
    fn bad(mut commands: Commands, _: ResMut<Score>, mut bodies: Query<&mut B>) {
        commands.spawn(Tag);
        bodies.iter_mut().for_each(|b| b.0 += 1);
        panic!("boom {}", 1);
    }
    fn good(mut commands: Commands) {
        commands.spawn(A(1));
    }
    for threads in [1, 2, 4] {
        let mut world = World::new();
        world.init_resource::<Score>();
        world.init_resource::<Log>();
        world.spawn(B(1));
        let mut schedule = Schedule::new("test");
        schedule.add_systems((
            good,
            bad,
            (|mut score: ResMut<Score>| score.0 = 7).named("conflicts, so comes after"),
            log("independent"),
            good,
            (|world: &World| assert!(world.is_empty(), "never runs")).after(bad),
        ));
        schedule
            .set_executor(Arc::new(ThreadPool::new(threads)))
            .set_offload_threshold(Duration::ZERO);
        for run in 1..=3 {
            let error = schedule.run(&mut world).unwrap_err();
            let ScheduleError::Panicked { system, message } = &error else {
                panic!("{error}")
            };
            assert!(system.ends_with("bad") && message == "boom 1", "{error}");
            assert_eq!(world.resource(), Some(&Score(0)));
            assert_eq!(world.resource::<Log>().unwrap().0.len(), run);
            assert_eq!(
                world.query::<&A>().count(),
                2 * run,
                "the others' commands apply"
            );
            assert_eq!(
                world.query::<&Tag>().count(),
                0,
                "the panicked system's do not"
            );
            assert_eq!(world.len(), 1 + 2 * run);
        }
        world.spawn((Tag, Text("usable".into())));
        assert_eq!(world.query::<(&Tag, &Text)>().count(), 1);
    }
}

#[test]
fn a_panic_in_a_command_is_its_systems() {
    let mut world = World::new();
    let mut schedule = Schedule::new("test");
    schedule.add_systems((
        (|mut commands: Commands| {
            commands.spawn(A(1));
            commands.run(|_| panic!("late"));
            commands.spawn(A(2));
        })
        .named("bad"),
        |mut commands: Commands| {
            commands.spawn(A(3));
        },
    ));
    let error = schedule.run(&mut world).unwrap_err();
    assert_eq!(error.to_string(), "system bad panicked: late");
    assert_eq!(world.query::<&A>().count(), 3);
}

#[test]
fn several_panics_come_in_the_schedules_order() {
    fn one() {
        panic!("1")
    }
    fn two() {
        panic!("2")
    }
    for threads in [1, 4] {
        let mut schedule = Schedule::new("test");
        schedule.add_systems((one.named("a"), (|| ()).named("b"), two.named("c")));
        schedule
            .set_executor(Arc::new(ThreadPool::new(threads)))
            .set_offload_threshold(Duration::ZERO);
        let mut world = World::new();
        for _ in 0..50 {
            let error = schedule.run(&mut world).unwrap_err();
            assert_eq!(
                error.to_string(),
                "2 errors; system a panicked: 1; system c panicked: 2"
            );
        }
    }
}

#[test]
fn a_schedule_belongs_to_the_world_it_first_ran_on() {
    let mut schedule = Schedule::new("mine");
    schedule.add_systems(|_: Query<&A>| ());
    schedule.run(&mut World::new()).unwrap();
    let error = schedule.run(&mut World::new()).unwrap_err();
    assert!(matches!(error, ScheduleError::OtherWorld { schedule } if schedule == "mine"));
}

/// Parameters know resources by slot: on a world with other slots they must be refused, not find another type's place.
#[test]
fn a_world_swapped_by_an_exclusive_system_is_refused() {
    fn swap(world: &mut World) {
        let mut other = World::new();
        other.insert_resource(Log::default());
        other.insert_resource(Score(5));
        core::mem::swap(world, &mut other);
    }
    type Case = fn(&mut Schedule);
    let cases: &[Case] = &[
        |s| put(s, (swap, |_: ResMut<Score>| ()).chain()),
        |s| put(s, (swap, |_: Option<Res<Score>>| ()).chain()),
        |s| put(s, (swap, |_: Query<&A>| ()).chain()),
        |s| put(s, (swap, |_: &World| ()).chain()),
    ];
    for add in cases {
        let mut world = World::new();
        world.insert_resource(Score(1));
        let mut schedule = Schedule::new("test");
        add(&mut schedule);
        let error = schedule.run(&mut world).unwrap_err();
        assert!(
            error.to_string().contains("another system or world")
                || error.to_string().contains("another world"),
            "{error}"
        );
        assert_eq!(world.resource(), Some(&Score(5)));
    }
}

// --- nested, fixed ------------------------------------------------------------------------------------------------

#[test]
fn a_schedule_can_be_a_system_of_another() {
    let mut inner = Schedule::new("inner");
    inner.add_systems((log("b"), log("c")).chain());
    let mut outer = Schedule::new("outer");
    outer.add_systems((log("a"), inner.into_system().named("inner"), log("d")).chain());
    assert_eq!(run_log(&mut outer, &mut World::new()), "a b c d");
}

#[test]
fn fixed_steps_add_up_and_are_clamped() {
    // Milliseconds: step, most steps a frame, frames; then the steps of each frame, what is left and what was dropped.
    type Case = (u64, u32, &'static [u64], &'static [u32], f32, u64);
    let cases: &[Case] = &[
        (10, 8, &[10, 10, 10], &[1, 1, 1], 0.0, 0),
        (10, 8, &[4, 4, 4, 4, 4], &[0, 0, 1, 0, 1], 0.0, 0),
        (10, 8, &[25, 25], &[2, 3], 0.0, 0),
        (10, 8, &[85, 5], &[8, 1], 0.0, 0),
        (10, 8, &[89], &[8], 0.9, 0),
        (10, 8, &[90], &[8], 0.0, 10),
        (10, 3, &[1000, 3, 7], &[3, 0, 1], 0.0, 970),
        (10, 3, &[1005], &[3], 0.5, 970),
        (10, 0, &[25, 4], &[0, 0], 0.9, 20),
        (16, 4, &[0, 0], &[0, 0], 0.0, 0),
    ];
    for &(step, most, frames, expected, fraction, dropped) in cases {
        let ms = Duration::from_millis;
        let mut world = World::new();
        world.init_resource::<Score>();
        let mut schedule = Schedule::new("fixed");
        schedule.add_systems(|mut score: ResMut<Score>| score.0 += 1);
        let mut fixed = FixedStep::new(ms(step)).at_most(most);
        let steps: Vec<u32> = frames
            .iter()
            .map(|&frame| fixed.run(ms(frame), &mut schedule, &mut world).unwrap())
            .collect();
        assert_eq!(steps, expected, "{frames:?}");
        assert_eq!(world.resource(), Some(&Score(expected.iter().sum())));
        assert_eq!(fixed.fraction(), fraction, "{frames:?}");
        assert_eq!(fixed.dropped(), ms(dropped), "{frames:?}");
    }
}

#[test]
fn a_failed_step_ends_the_frame() {
    let mut schedule = Schedule::new("fixed");
    schedule.add_systems(|mut runs: Local<u32>| {
        *runs += 1;
        if *runs == 2 { Err("second") } else { Ok(()) }
    });
    let mut fixed = FixedStep::new(Duration::from_millis(10));
    assert!(
        fixed
            .run(Duration::from_millis(40), &mut schedule, &mut World::new())
            .is_err()
    );
    assert_eq!(fixed.dropped(), Duration::from_millis(20));
}

// --- threads ------------------------------------------------------------------------------------------------------

/// All entities with all they have: ids too must be the same.
type Everything = BTreeMap<Entity, (Option<A>, Option<B>, Option<Text>)>;

type Row = (u32, u16, Option<A>, Option<B>, Option<Text>);

fn everything(world: &World) -> Vec<Row> {
    let rows: Everything = world
        .query::<(Entity, Option<&A>, Option<&B>, Option<&Text>)>()
        .into_iter()
        .map(|(entity, a, b, text)| (entity, (a.copied(), b.copied(), text.cloned())))
        .collect();
    rows.into_iter()
        .map(|(entity, (a, b, text))| (entity.index(), entity.generation(), a, b, text))
        .collect()
}

fn failed_command(error: &ScheduleError) -> (&'static str, u32, u16) {
    let ScheduleError::Command { error, .. } = error else {
        panic!("{error}")
    };
    (
        error.command,
        error.entity.index(),
        error.entity.generation(),
    )
}

#[derive(Resource, Default)]
struct Trace(Vec<(u32, u32)>);

/// A schedule whose systems spawn, despawn, insert, send and write by a generator of their own.
fn busy(random: &mut Random) -> Schedule {
    let mut schedule = Schedule::new("busy");
    for number in 0..16u32 {
        let mut own = Random::new(random.next());
        let systems = match random.below(8) {
            0 => (move |mut commands: Commands, mut events: EventWriter<(u32, u32)>| {
                for _ in 0..own.below(6) {
                    let entity = commands.spawn(A(own.next() as u32)).id();
                    events.send((number, entity.index()));
                    if own.below(3) == 0 {
                        commands.entity(entity).insert(Text(format!("{number}")));
                    }
                }
            })
            .into_systems(),
            1 => (move |mut commands: Commands, bodies: Query<(Entity, &A)>| {
                for (entity, a) in bodies.iter() {
                    if a.0 % 7 == number % 7 {
                        commands.despawn(entity);
                    } else if a.0 % 5 == number % 5 {
                        commands.insert(entity, B(u64::from(a.0)));
                    }
                }
            })
            .into_systems(),
            2 => (move |bodies: Query<(&mut A, &B)>| {
                bodies
                    .for_each(|(a, b)| a.0 = a.0.wrapping_mul(31).wrapping_add(b.0 as u32 + number))
            })
            .into_systems(),
            3 => (move |bodies: Query<&mut B>| {
                bodies.for_each(|b| b.0 = b.0.wrapping_add(u64::from(number)))
            })
            .into_systems(),
            4 => (move |mut events: EventReader<(u32, u32)>, mut trace: ResMut<Trace>| {
                trace.0.extend(events.read())
            })
            .into_systems(),
            5 => (move |changed: Query<Entity, Changed<A>>,
                        mut events: EventWriter<(u32, u32)>| {
                events.send((1000 + number, changed.count() as u32));
            })
            .into_systems(),
            6 => (move |mut texts: Query<&mut Text>, a: Query<&A>| {
                let count = a.count();
                texts
                    .iter_mut()
                    .for_each(|text| text.0 = format!("{number} {count}"));
            })
            .into_systems(),
            _ => (move |world: &mut World| {
                world.spawn(B(u64::from(number)));
            })
            .into_systems(),
        };
        let systems = if random.below(3) == 0 {
            systems.in_set("x")
        } else {
            systems
        };
        schedule.add_systems(if random.below(4) == 0 {
            systems.after("y")
        } else {
            systems
        });
    }
    schedule.add_systems((|| ()).in_set("y").before("x"));
    schedule
}

#[test]
fn results_are_the_same_on_any_number_of_threads() {
    let pools: Vec<Arc<ThreadPool>> = [2, 3, 4]
        .map(|threads| Arc::new(ThreadPool::new(threads)))
        .into();
    for seed in 0..40 {
        let run = |pool: Option<&Arc<ThreadPool>>| {
            let mut schedule = busy(&mut Random::new(seed));
            if let Some(pool) = pool {
                schedule
                    .set_executor(pool.clone())
                    .set_offload_threshold(Duration::ZERO);
            }
            let mut world = World::new();
            world.init_resource::<Trace>();
            world.spawn_batch((0..40).map(A));
            world.spawn_batch((0..40).map(|i| (A(i), B(u64::from(i)))));
            let mut states = Vec::new();
            for _ in 0..12 {
                // Commands on entities that another system ended are errors here, the same ones on any number of threads.
                let failed = match schedule.run(&mut world).err() {
                    None => Vec::new(),
                    Some(ScheduleError::Several(errors)) => errors,
                    Some(error) => vec![error],
                };
                let failed: Vec<_> = failed.iter().map(failed_command).collect();
                world.update_events();
                states.push((everything(&world), failed));
            }
            (
                states,
                core::mem::take(&mut world.resource_mut::<Trace>().unwrap().0),
            )
        };
        let alone = run(None);
        for pool in &pools {
            assert!(
                run(Some(pool)) == alone,
                "seed {seed} on {} threads",
                pool.threads()
            );
        }
    }
}

/// Two systems that wait for each other can only end if they run side by side.
#[test]
fn independent_systems_run_side_by_side() {
    let barrier = Arc::new(Barrier::new(2));
    let meet = |barrier: &Arc<Barrier>| {
        let barrier = barrier.clone();
        move |_: Query<&A>, mut met: Local<u32>| {
            barrier.wait();
            *met += 1;
        }
    };
    let mut schedule = Schedule::new("test");
    schedule.add_systems((meet(&barrier), meet(&barrier)));
    schedule
        .set_executor(Arc::new(ThreadPool::new(2)))
        .set_offload_threshold(Duration::ZERO);
    let mut world = World::new();
    for _ in 0..200 {
        schedule.run(&mut world).unwrap();
    }
}

/// No two systems that conflict are ever inside at once: each adds to a counter in two halves, which a second one would tear.
#[test]
fn systems_that_conflict_never_run_side_by_side() {
    let pool = Arc::new(ThreadPool::new(4));
    let mut schedule = Schedule::new("test");
    for _ in 0..12 {
        schedule.add_systems((
            |bodies: Query<&mut A>| {
                bodies.for_each(|a| {
                    let old = core::hint::black_box(a.0);
                    std::thread::yield_now();
                    a.0 = old + 1;
                })
            },
            |mut score: ResMut<Score>| {
                let old = core::hint::black_box(score.0);
                std::thread::yield_now();
                score.0 = old + 1;
            },
        ));
    }
    schedule
        .set_executor(pool)
        .set_offload_threshold(Duration::ZERO);
    let mut world = World::new();
    world.init_resource::<Score>();
    let body = world.spawn(A(0));
    for run in 1..=100 {
        schedule.run(&mut world).unwrap();
        assert_eq!(
            (world.get(body), world.resource()),
            (Some(&A(12 * run)), Some(&Score(12 * run)))
        );
    }
}

/// Executors that do less than asked slow a schedule down; they do not stop it.
#[test]
fn a_schedule_ends_whatever_its_executor_does_with_tasks() {
    struct Drops;
    impl Executor for Drops {
        fn threads(&self) -> usize {
            4
        }
        fn spawn(&self, task: Task) {
            drop(task);
        }
    }
    struct AtOnce;
    impl Executor for AtOnce {
        fn threads(&self) -> usize {
            4
        }
        fn spawn(&self, task: Task) {
            task.run();
        }
    }
    struct Panics;
    impl Executor for Panics {
        fn threads(&self) -> usize {
            4
        }
        fn spawn(&self, _: Task) {
            panic!("no threads today");
        }
    }
    #[derive(Default)]
    struct Late(std::sync::Mutex<Vec<Task>>);
    impl Executor for Late {
        fn threads(&self) -> usize {
            4
        }
        fn spawn(&self, task: Task) {
            self.0.lock().unwrap().push(task);
        }
    }
    let late = Arc::new(Late::default());
    let executors: [Arc<dyn Executor>; 4] = [
        Arc::new(Drops),
        Arc::new(AtOnce),
        Arc::new(Panics),
        late.clone(),
    ];
    for executor in executors {
        let mut world = World::new();
        let mut schedule = Schedule::new("test");
        schedule.add_systems((log("a"), || (), |_: Query<&mut A>| (), || (), log("b")));
        schedule
            .set_executor(executor)
            .set_offload_threshold(Duration::ZERO);
        for _ in 0..3 {
            assert_eq!(run_log(&mut schedule, &mut world), "a b");
        }
        drop((world, schedule));
    }
    // Tasks that outlive the world find nothing to do.
    let tasks = core::mem::take(&mut *late.0.lock().unwrap());
    assert!(!tasks.is_empty());
    tasks.into_iter().for_each(Task::run);
}

#[cfg(feature = "rayon")]
#[test]
fn rayon_can_lend_its_threads() {
    let mut world = World::new();
    let mut schedule = Schedule::new("test");
    schedule.add_systems((log("a"), || (), |_: Query<&mut A>| (), log("b")));
    schedule
        .set_executor(Arc::new(storm_ecs::RayonExecutor))
        .set_offload_threshold(Duration::ZERO);
    for _ in 0..100 {
        assert_eq!(run_log(&mut schedule, &mut world), "a b");
    }
}
