//! Every value is dropped exactly once, whatever panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use storm_ecs::{Component, World};

use crate::support::{A, Tag};

#[derive(Default)]
struct Log {
    dropped: AtomicUsize,
    panics: AtomicUsize,
}

macro_rules! loud {
    ($($name:ident)*) => {$(
        #[derive(Component)]
        struct $name {
            id: u32,
            /// Panics when dropped.
            bomb: bool,
            log: Arc<Log>,
        }

        impl $name {
            fn new(id: u32, bomb: bool, log: &Arc<Log>) -> Self {
                Self { id, bomb, log: log.clone() }
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.log.dropped.fetch_add(1, Relaxed);
                if self.bomb && !std::thread::panicking() {
                    self.log.panics.fetch_add(1, Relaxed);
                    panic!("bomb {}", self.id);
                }
            }
        }
    )*};
}

loud!(First Second Third);

/// Runs `act` on a world of three entities of which the middle one's component number `bomb` panics on drop; returns (panicked, dropped).
fn with_bomb(
    bomb: usize,
    act: impl FnOnce(&mut World, storm_ecs::Entity),
) -> (bool, usize, World, Arc<Log>) {
    let log = Arc::new(Log::default());
    let mut world = World::new();
    let made: Vec<_> = (0..3)
        .map(|i| {
            let on = |component: usize| i == 1 && bomb == component;
            world.spawn((
                First::new(i, on(0), &log),
                A(i),
                Second::new(i, on(1), &log),
                Third::new(i, on(2), &log),
            ))
        })
        .collect();
    let panicked = catch_unwind(AssertUnwindSafe(|| act(&mut world, made[1]))).is_err();
    let dropped = log.dropped.load(Relaxed);
    // The others are whole and where they were.
    for i in [0, 2] {
        let entity = made[i];
        if world.contains(entity) {
            let rows = (
                world.get::<First>(entity),
                world.get::<A>(entity),
                world.get::<Third>(entity),
            );
            let (Some(first), Some(a), Some(third)) = rows else {
                panic!("entity {i} lost a component")
            };
            assert_eq!((first.id, a.0, third.id), (i as u32, i as u32, i as u32));
        }
    }
    (panicked, dropped, world, log)
}

#[test]
fn a_drop_that_panics_loses_no_other_value() {
    for bomb in 0..3 {
        let (panicked, dropped, world, log) = with_bomb(bomb, |world, entity| {
            let _ = world.despawn(entity);
        });
        assert!(panicked);
        assert_eq!(dropped, 3, "despawn drops its three values, bomb {bomb}");
        assert_eq!(world.len(), 2);
        drop(world);
        assert_eq!(log.dropped.load(Relaxed), 9);

        let (panicked, dropped, world, log) = with_bomb(bomb, |world, entity| {
            let _ = world.remove::<(Second, First)>(entity);
        });
        assert_eq!(panicked, bomb < 2);
        assert_eq!(dropped, 2, "remove drops two values, bomb {bomb}");
        assert_eq!(world.len(), 3);
        let dropping = catch_unwind(AssertUnwindSafe(|| drop(world)));
        assert_eq!(dropping.is_err(), bomb == 2);
        assert_eq!(log.dropped.load(Relaxed), 9);

        let (panicked, dropped, world, log) = with_bomb(bomb, |world, entity| {
            let log = world.get::<First>(entity).unwrap().log.clone();
            let bundle = (
                Third::new(9, false, &log),
                Tag,
                First::new(9, false, &log),
                Second::new(9, false, &log),
            );
            let _ = world.insert(entity, bundle);
        });
        assert!(panicked);
        assert_eq!(
            dropped, 3,
            "insert drops the three replaced values, bomb {bomb}"
        );
        assert_eq!(
            world
                .query::<(&Tag, &A)>()
                .into_iter()
                .map(|(_, a)| a.0)
                .collect::<Vec<_>>(),
            [1]
        );
        assert_eq!(
            world
                .query::<&Second>()
                .into_iter()
                .filter(|second| second.id == 9)
                .count(),
            1
        );
        drop(world);
        assert_eq!(log.dropped.load(Relaxed), 12);

        let (panicked, dropped, world, log) = with_bomb(bomb, |world, _| world.clear());
        assert!(panicked);
        assert_eq!(
            (dropped, world.len()),
            (9, 0),
            "clear drops all, bomb {bomb}"
        );
        drop(world);
        assert_eq!(log.dropped.load(Relaxed), 9);

        let (panicked, dropped, world, log) = with_bomb(bomb, |world, _| *world = World::new());
        assert!(panicked);
        assert_eq!(dropped, 9, "dropping a world drops all, bomb {bomb}");
        drop(world);
        assert_eq!(log.dropped.load(Relaxed), 9);
    }
}

#[test]
fn an_iterator_that_panics_in_spawn_batch_leaves_the_entities_made_so_far() {
    let log = Arc::new(Log::default());
    let mut world = World::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        world.spawn_batch((0..10).map(|i| {
            assert!(i < 6, "no seventh");
            (First::new(i, false, &log), A(i))
        }))
    }));
    assert!(result.is_err());
    assert_eq!(world.len(), 6);
    assert_eq!(
        world
            .query::<(&First, &A)>()
            .into_iter()
            .filter(|(first, a)| first.id == a.0)
            .count(),
        6
    );
    drop(world);
    assert_eq!(log.dropped.load(Relaxed), 6);
}

#[test]
fn what_cannot_be_placed_is_dropped() {
    let log = Arc::new(Log::default());
    let mut world = World::new();
    let entity = world.spawn(());
    world.despawn(entity).unwrap();
    assert!(world.insert(entity, First::new(0, false, &log)).is_err());
    assert_eq!(log.dropped.load(Relaxed), 1);
    assert!(world.take::<First>(entity).is_err());
}

#[test]
fn what_is_taken_is_dropped_by_its_taker() {
    let log = Arc::new(Log::default());
    let mut world = World::new();
    let entities =
        [0, 1, 2].map(|i| world.spawn((First::new(i, false, &log), Second::new(i, false, &log))));
    let first = world.take::<First>(entities[0]).unwrap();
    assert_eq!((first.id, log.dropped.load(Relaxed)), (0, 0));
    drop(first);
    assert_eq!(log.dropped.load(Relaxed), 1);
    assert_eq!(world.get::<Second>(entities[0]).unwrap().id, 0);
    drop(world);
    assert_eq!(log.dropped.load(Relaxed), 6);
}

#[test]
fn a_panic_while_clearing_does_not_stop_at_the_first_table() {
    let log = Arc::new(Log::default());
    let mut world = World::new();
    world.spawn(First::new(0, true, &log));
    world.spawn((First::new(1, false, &log), A(1)));
    world.spawn((First::new(2, false, &log), Tag));
    let result = catch_unwind(AssertUnwindSafe(|| world.clear()));
    assert!(result.is_err());
    assert_eq!(
        (
            log.dropped.load(Relaxed),
            world.len(),
            world.entities().count()
        ),
        (3, 0, 0)
    );
}
