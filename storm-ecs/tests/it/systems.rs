//! Systems and schedules.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use storm_ecs::{
    Changed, Commands, Component, Entity, EventReader, EventWriter, Local, Query, Res, ResMut,
    Schedule, ScheduleError, With, World,
};

use crate::support::{A, B, Tag};

type Log = Arc<Mutex<Vec<&'static str>>>;

fn note(log: &Log, what: &'static str) -> impl FnMut() + Send + 'static {
    let log = log.clone();
    move || log.lock().unwrap().push(what)
}

fn taken(log: &Log) -> Vec<&'static str> {
    std::mem::take(&mut log.lock().unwrap())
}

#[test]
fn systems_run_in_the_order_of_addition_unless_told_otherwise() {
    let log = Log::default();
    let mut world = World::new();
    let mut schedule = Schedule::new();
    schedule
        .add(note(&log, "draw"))
        .in_set("draw")
        .after("move");
    schedule.add(note(&log, "think")).in_set("think");
    schedule
        .add(note(&log, "move"))
        .in_set("move")
        .after("think");
    schedule.add(note(&log, "input")).before("think");
    schedule.run(&mut world).unwrap();
    let order = taken(&log);
    let at = |name| order.iter().position(|&found| found == name).unwrap();
    assert!(
        at("input") < at("think") && at("think") < at("move") && at("move") < at("draw"),
        "{order:?}"
    );

    schedule
        .add(note(&log, "odd"))
        .in_set("odd")
        .before("input")
        .after("draw");
    schedule
        .add(note(&log, "odder"))
        .in_set("input")
        .before("odd")
        .after("odd");
    let Err(ScheduleError::Cycle(systems)) = schedule.run(&mut world) else {
        panic!("expected a cycle")
    };
    assert!(systems.len() >= 2);
    assert!(taken(&log).is_empty());
}

#[test]
fn parameters_are_what_they_say() {
    #[derive(Default)]
    struct Total(u32);
    fn sum(
        numbers: Query<'_, &A, With<Tag>>,
        mut total: ResMut<'_, Total>,
        mut runs: Local<'_, u32>,
    ) {
        *runs += 1;
        total.0 = numbers.iter().map(|a| a.0).sum::<u32>() + *runs * 1000;
    }
    fn read(total: Res<'_, Total>, mut copies: Query<'_, &mut B>) {
        copies.iter_mut().for_each(|b| b.0 = u64::from(total.0));
    }
    let mut world = World::new();
    world.insert_resource(Total::default());
    world.spawn_batch([(A(1), Tag), (A(2), Tag)]);
    world.spawn(A(50));
    let copy = world.spawn(B(0));
    let mut schedule = Schedule::new();
    schedule.add(sum);
    schedule.add(read);
    schedule.run(&mut world).unwrap();
    assert_eq!(world.get(copy), Some(&B(1003)));
    schedule.run(&mut world).unwrap();
    assert_eq!(world.get(copy), Some(&B(2003)));
    assert_eq!(world.remove_resource::<Total>().unwrap().0, 2003);
    let Err(ScheduleError::Panic(panic)) = schedule.run(&mut world) else {
        panic!("expected a panic")
    };
    assert!(panic.message.contains("Total is missing"), "{panic:?}");
}

#[test]
fn commands_are_applied_at_barriers_and_in_order() {
    fn spawn(mut commands: Commands<'_>) {
        let entity = commands.spawn(A(1));
        commands.insert(entity, (A(2), Tag));
        commands.spawn(B(1));
    }
    let mut world = World::new();
    let mut schedule = Schedule::new();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = |weight: usize| {
        let seen = seen.clone();
        move |query: Query<'_, &A>| {
            seen.fetch_add(weight * query.iter().count(), Ordering::Relaxed);
        }
    };
    schedule.add(spawn);
    schedule.add(count(1));
    schedule.apply_commands();
    schedule.add(count(100));
    let seen_here = seen.clone();
    schedule.add(move |world: &mut World| {
        seen_here.fetch_add(10_000 * world.query::<&B>().count(), Ordering::Relaxed);
        world.despawn_where::<With<B>>();
    });
    schedule.run(&mut world).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 10_100);
    assert_eq!(
        world
            .query::<(&A, &Tag)>()
            .into_iter()
            .map(|(a, _)| a.0)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(world.len(), 1);
}

#[test]
fn a_system_sees_what_others_changed_since_it_last_ran_and_not_its_own_writes() {
    fn follow(
        mut changed: Query<'_, (Entity, &mut A), Changed<A>>,
        mut seen: ResMut<'_, Vec<Entity>>,
    ) {
        seen.extend(changed.iter_mut().map(|(entity, a)| {
            a.0 += 1;
            entity
        }));
    }
    let mut world = World::new();
    world.insert_resource(Vec::<Entity>::new());
    let entities = world.spawn_batch((0..10).map(A));
    let mut schedule = Schedule::new();
    schedule.add(follow);
    let mut run = |world: &mut World| {
        schedule.run(world).unwrap();
        std::mem::take(world.resource_mut::<Vec<Entity>>().unwrap())
    };
    assert_eq!(run(&mut world), entities);
    assert_eq!(run(&mut world), []);
    world.get_mut::<A>(entities[4]).unwrap().0 = 0;
    assert_eq!(run(&mut world), [entities[4]]);
    assert_eq!(run(&mut world), []);
    assert_eq!(world.get(entities[4]), Some(&A(1)));
}

#[test]
fn events_reach_every_reader_once() {
    fn send(mut events: EventWriter<'_, u32>, mut next: Local<'_, u32>) {
        *next += 1;
        events.send(*next);
    }
    fn read(mut events: EventReader<'_, u32>, mut seen: ResMut<'_, Vec<u32>>) {
        seen.extend(events.read());
    }
    let mut world = World::new();
    world.insert_resource(Vec::<u32>::new());
    let mut schedule = Schedule::new();
    schedule.add(read);
    schedule.add(send);
    for _ in 0..5 {
        schedule.run(&mut world).unwrap();
        world.update_events();
    }
    assert_eq!(world.resource::<Vec<u32>>().unwrap(), &[1, 2, 3, 4]);
    let mut late = Schedule::new();
    late.add(read);
    world.update_events();
    world.update_events();
    late.run(&mut world).unwrap();
    assert_eq!(
        world.resource::<Vec<u32>>().unwrap().len(),
        4,
        "old events are gone"
    );
}

#[test]
fn conditions_hold_systems_back() {
    let log = Log::default();
    let mut world = World::new();
    let mut schedule = Schedule::new();
    schedule.add(note(&log, "always"));
    schedule
        .add(note(&log, "tagged"))
        .run_if(|world| world.query_filtered::<(), With<Tag>>().count() > 0);
    let exclusive = log.clone();
    schedule
        .add(move |_: &mut World| exclusive.lock().unwrap().push("exclusive"))
        .run_if(|_| true)
        .run_if(|world| world.len() > 1);
    schedule.run(&mut world).unwrap();
    assert_eq!(taken(&log), ["always"]);
    world.spawn(Tag);
    schedule.run(&mut world).unwrap();
    assert_eq!(taken(&log), ["always", "tagged"]);
    world.spawn(Tag);
    schedule.run(&mut world).unwrap();
    assert_eq!(taken(&log), ["always", "tagged", "exclusive"]);
}

#[test]
fn a_panic_names_its_system_and_leaves_the_world_usable() {
    fn noter(mut commands: Commands<'_>) {
        commands.spawn(Tag);
    }
    fn bad_system(mut numbers: Query<'_, &mut A>) {
        for a in numbers.iter_mut() {
            a.0 += 1;
            assert!(a.0 != 3, "three");
        }
    }
    let log = Log::default();
    let mut world = World::new();
    world.spawn_batch([A(0), A(2), A(5)]);
    let mut schedule = Schedule::new();
    schedule.add(noter);
    schedule.add(bad_system);
    schedule.apply_commands();
    schedule.add(note(&log, "after"));
    let Err(ScheduleError::Panic(panic)) = schedule.run(&mut world) else {
        panic!("expected a panic")
    };
    assert!(
        panic.system.ends_with("bad_system") && panic.message == "three",
        "{panic:?}"
    );
    assert!(taken(&log).is_empty());
    assert_eq!(
        world.query::<&Tag>().count(),
        0,
        "what was noted is forgotten"
    );
    assert_eq!(
        world
            .query::<&A>()
            .into_iter()
            .map(|a| a.0)
            .collect::<Vec<_>>(),
        [1, 3, 5]
    );
    schedule.run(&mut world).unwrap();
    assert_eq!(taken(&log), ["after"]);
    assert_eq!(world.query::<&Tag>().count(), 1);
}

#[test]
#[should_panic(expected = "through two parameters, at least once to write it")]
fn parameters_that_alias_are_refused() {
    fn alias(_: Query<'_, &mut A>, _: Query<'_, (&A, &B)>) {}
    let mut schedule = Schedule::new();
    schedule.add(alias);
    let _ = schedule.run(&mut World::new());
}

#[test]
#[should_panic(expected = "through two parameters")]
fn a_filter_that_reads_changes_counts_as_reading() {
    fn alias(_: Query<'_, &mut A>, _: Query<'_, &B, Changed<A>>) {}
    let mut schedule = Schedule::new();
    schedule.add(alias);
    let _ = schedule.run(&mut World::new());
}

#[test]
fn ambiguities_are_pairs_ordered_by_addition_alone() {
    fn write(_: Query<'_, &mut A>) {}
    fn read(_: Query<'_, &A>) {}
    fn other(_: Query<'_, &mut B>) {}
    let mut world = World::new();
    let mut schedule = Schedule::new();
    schedule.add(write).in_set("write");
    schedule.add(read);
    schedule.add(other);
    let found = schedule.ambiguities(&mut world).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].2, A::NAME);
    let mut schedule = Schedule::new();
    schedule.add(write).in_set("write");
    schedule.add(read).after("write");
    assert_eq!(schedule.ambiguities(&mut world).unwrap(), []);
}

/// Mixes of systems give the same world on any number of threads, and as a plain sequence.
#[cfg(feature = "rayon")]
#[test]
fn results_do_not_depend_on_threads() {
    #[derive(Component, Clone, Copy, Debug, PartialEq)]
    struct C(u64);
    fn work(seed: u64) -> u64 {
        (0..20_000u64).fold(seed, |x, i| {
            x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i)
        })
    }
    fn a_from_c(mut rows: Query<'_, (&mut A, &C)>) {
        rows.iter_mut()
            .for_each(|(a, c)| a.0 = (work(c.0) >> 40) as u32);
    }
    fn b_from_a(mut rows: Query<'_, (&mut B, &A)>) {
        rows.iter_mut()
            .for_each(|(b, a)| b.0 = work(u64::from(a.0)));
    }
    fn c_from_b(mut rows: Query<'_, (&mut C, &B)>) {
        rows.iter_mut().for_each(|(c, b)| c.0 = work(b.0 ^ c.0));
    }
    fn grow(rows: Query<'_, (Entity, &A)>, mut commands: Commands<'_>) {
        for (entity, a) in rows.iter() {
            if a.0 % 5 == 0 {
                commands.spawn((A(a.0), B(1), C(2)));
            } else if a.0 % 7 == 0 {
                commands.despawn(entity);
            }
        }
    }
    fn sums(rows: Query<'_, &C>, mut sums: ResMut<'_, Vec<u64>>) {
        sums.push(rows.iter().fold(0, |sum: u64, c| sum.wrapping_add(c.0)));
    }
    let run = |threads: usize, parallel: bool| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut world = World::new();
            world.insert_resource(Vec::<u64>::new());
            world.spawn_batch((0..40u64).map(|i| (A(i as u32), B(i), C(i * i))));
            let mut schedule = Schedule::new();
            schedule.set_parallel(parallel);
            schedule.add(b_from_a);
            schedule.add(c_from_b);
            schedule.add(a_from_c);
            schedule.add(sums);
            schedule.add(grow);
            for _ in 0..12 {
                schedule.run(&mut world).unwrap();
            }
            let rows: Vec<(u64, A, B, C)> = world
                .query::<(Entity, &A, &B, &C)>()
                .into_iter()
                .map(|(entity, a, b, c)| (entity.to_bits() & 0xffff_ffff_ffff, *a, *b, *c))
                .collect();
            (rows, world.remove_resource::<Vec<u64>>().unwrap())
        })
    };
    let expected = run(1, false);
    for threads in [1, 2, 4] {
        assert_eq!(run(threads, true), expected, "{threads} threads");
    }
}
