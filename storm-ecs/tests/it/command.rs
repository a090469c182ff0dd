//! Commands: the same as doing it directly, only later.

use std::collections::BTreeMap;

use storm_ecs::{CommandQueue, Commands, Component, Entity, Resource, ScheduleError, World};

use crate::support::{A, B, Random, Tag, Text};

#[derive(Resource, Debug, PartialEq)]
struct Score(u32);

#[test]
fn nothing_happens_before_the_commands_apply() {
    let mut world = World::new();
    let old = world.spawn(A(1));
    let mut queue = CommandQueue::new();
    let mut commands = queue.commands(&world);
    let new = commands.spawn((A(2), Text("new".into()))).insert(B(3)).id();
    commands.entity(old).remove::<A>().insert(Tag);
    commands.insert_resource(Score(4));
    commands.spawn_batch([B(1), B(2)]);
    commands.run(move |world| world.get_mut::<A>(new).unwrap().0 += 10);
    assert_eq!(queue.len(), 7);
    assert!(!world.contains(new) && world.has::<A>(old) && !world.has_resource::<Score>());
    assert_eq!(queue.apply(&mut world), []);
    assert!(queue.is_empty());
    assert_eq!(world.get(new), Some(&A(12)));
    assert_eq!(world.get(new), Some(&Text("new".into())));
    assert_eq!(world.get(new), Some(&B(3)));
    assert!(!world.has::<A>(old) && world.has::<Tag>(old));
    assert_eq!(world.resource(), Some(&Score(4)));
    assert_eq!(world.query::<&B>().count(), 3);
}

#[test]
fn a_command_for_a_dead_entity_is_reported_and_the_others_apply() {
    let mut world = World::new();
    let (dead, alive) = (world.spawn(A(1)), world.spawn(A(2)));
    let mut queue = CommandQueue::new();
    let mut commands = queue.commands(&world);
    commands.despawn(dead);
    commands.insert(dead, B(1));
    commands.remove::<A>(dead);
    commands.despawn(dead);
    commands.insert(alive, B(2));
    let errors = queue.apply(&mut world);
    let listed: Vec<_> = errors
        .iter()
        .map(|error| (error.command, error.entity))
        .collect();
    assert_eq!(
        listed,
        [("insert", dead), ("remove", dead), ("despawn", dead)]
    );
    assert!(errors[0].bundle.ends_with("B"), "{}", errors[0].bundle);
    assert!(errors[0].to_string().contains("no such entity"));
    assert_eq!(world.get(alive), Some(&B(2)));
}

#[test]
fn a_panic_loses_one_command() {
    let mut world = World::new();
    let entity = world.spawn(A(1));
    let mut queue = CommandQueue::new();
    let mut commands = queue.commands(&world);
    commands.insert(entity, A(2));
    commands.run(|_| panic!("boom"));
    commands.insert(entity, B(3));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queue.apply(&mut world)));
    assert!(caught.is_err());
    assert_eq!(
        (world.get(entity), world.has::<B>(entity)),
        (Some(&A(2)), false)
    );
    assert_eq!(queue.len(), 1);
    assert_eq!(queue.apply(&mut world), []);
    assert_eq!(world.get(entity), Some(&B(3)));
}

#[test]
fn a_systems_failed_command_names_the_system() {
    fn late(mut commands: Commands) {
        commands.despawn(Entity::DANGLING);
    }
    let error = World::new().run_system(late).unwrap_err();
    let ScheduleError::Command { system, error } = &error else {
        panic!("{error}")
    };
    assert!(system.ends_with("late"), "{system}");
    assert_eq!(error.command, "despawn");
}

#[test]
fn cleared_commands_drop_their_payloads() {
    let mut world = World::new();
    let text = std::sync::Arc::new(());
    #[derive(Component)]
    struct Holds(#[expect(dead_code, reason = "counted")] std::sync::Arc<()>);
    let mut queue = CommandQueue::new();
    queue.commands(&world).spawn(Holds(text.clone()));
    queue.commands(&world).spawn(Holds(text.clone()));
    assert_eq!(std::sync::Arc::strong_count(&text), 3);
    queue.clear();
    assert_eq!(std::sync::Arc::strong_count(&text), 1);
    assert_eq!(queue.apply(&mut world), []);
    queue.commands(&world).spawn(Holds(text.clone()));
    drop(queue);
    assert_eq!(std::sync::Arc::strong_count(&text), 1);
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Spawn(u32),
    SpawnBoth(u32),
    Insert(usize, u32),
    InsertText(usize, u32),
    Remove(usize),
    RemoveBoth(usize),
    Despawn(usize),
}

type Snapshot = BTreeMap<Entity, (Option<A>, Option<B>, Option<Text>, bool)>;

fn snapshot(world: &World) -> Snapshot {
    world
        .query::<(
            Entity,
            Option<&A>,
            Option<&B>,
            Option<&Text>,
            storm_ecs::Has<Tag>,
        )>()
        .into_iter()
        .map(|(entity, a, b, text, tag)| (entity, (a.copied(), b.copied(), text.cloned(), tag)))
        .collect()
}

/// Two worlds get the same operations, one directly, one through commands; entities are named by when they were made.
#[test]
fn commands_agree_with_direct_calls() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let (mut direct, mut deferred) = (World::new(), World::new());
        let (mut of_direct, mut of_deferred): (Vec<Entity>, Vec<Entity>) = (Vec::new(), Vec::new());
        for _ in 0..12 {
            let ops: Vec<Op> = (0..random.below(60))
                .map(|_| {
                    let (which, value) = (random.below(of_direct.len() + 8), random.next() as u32);
                    match random.below(8) {
                        0 | 1 => Op::Spawn(value),
                        2 => Op::SpawnBoth(value),
                        3 => Op::Insert(which, value),
                        4 => Op::InsertText(which, value),
                        5 => Op::Remove(which),
                        6 => Op::RemoveBoth(which),
                        _ => Op::Despawn(which),
                    }
                })
                .collect();
            let mut failed = 0;
            for &op in &ops {
                let entity =
                    |which: usize| of_direct.get(which).copied().unwrap_or(Entity::DANGLING);
                let ok = match op {
                    Op::Spawn(value) => {
                        of_direct.push(direct.spawn(A(value)));
                        true
                    }
                    Op::SpawnBoth(value) => {
                        of_direct.push(direct.spawn((B(value.into()), Text(value.to_string()))));
                        true
                    }
                    Op::Insert(which, value) => {
                        direct.insert(entity(which), (A(value), Tag)).is_ok()
                    }
                    Op::InsertText(which, value) => direct
                        .insert(entity(which), Text(value.to_string()))
                        .is_ok(),
                    Op::Remove(which) => direct.remove::<A>(entity(which)).is_ok(),
                    Op::RemoveBoth(which) => direct.remove::<(Text, B)>(entity(which)).is_ok(),
                    Op::Despawn(which) => direct.despawn(entity(which)).is_ok(),
                };
                failed += usize::from(!ok);
            }
            let mut queue = CommandQueue::new();
            let mut commands = queue.commands(&deferred);
            for &op in &ops {
                let entity =
                    |which: usize| of_deferred.get(which).copied().unwrap_or(Entity::DANGLING);
                match op {
                    Op::Spawn(value) => of_deferred.push(commands.spawn(A(value)).id()),
                    Op::SpawnBoth(value) => {
                        let made = commands
                            .spawn(B(value.into()))
                            .insert(Text(value.to_string()))
                            .id();
                        of_deferred.push(made);
                    }
                    Op::Insert(which, value) => commands.insert(entity(which), (A(value), Tag)),
                    Op::InsertText(which, value) => {
                        commands.insert(entity(which), Text(value.to_string()))
                    }
                    Op::Remove(which) => commands.remove::<A>(entity(which)),
                    Op::RemoveBoth(which) => {
                        commands.entity(entity(which)).remove::<(Text, B)>();
                    }
                    Op::Despawn(which) => commands.entity(entity(which)).despawn(),
                }
            }
            assert_eq!(queue.apply(&mut deferred).len(), failed, "seed {seed}");
            let rows = |made: &[Entity], world: &World| -> Vec<_> {
                let rows = snapshot(world);
                made.iter()
                    .map(|entity| rows.get(entity).cloned())
                    .collect()
            };
            assert_eq!(
                rows(&of_direct, &direct),
                rows(&of_deferred, &deferred),
                "seed {seed}"
            );
            assert_eq!(direct.len(), deferred.len());
        }
    }
}

// --- commands that become one move --------------------------------------------------------------------------------

#[derive(Component, Clone, Debug, PartialEq)]
struct Owned(Box<u32>);
#[derive(Component, Clone, Debug, PartialEq)]
struct Shared(std::sync::Arc<u32>);
#[derive(Component, Clone, Debug, PartialEq)]
#[component(storage = "sparse")]
struct Loose(String);

fn combinations(world: &mut World) -> Vec<Vec<&'static str>> {
    let report = world.memory_report();
    report
        .tables
        .into_iter()
        .map(|table| table.components)
        .collect()
}

#[test]
fn commands_on_one_entity_become_one_move() {
    let mut world = World::new();
    let mut queue = CommandQueue::new();
    for round in 0..3 {
        let mut commands = queue.commands(&world);
        let entity = commands
            .spawn(A(1))
            .insert(B(2))
            .insert(Text("t".into()))
            .id();
        commands.entity(entity).remove::<Tag>();
        assert_eq!(queue.apply(&mut world), []);
        assert_eq!(world.get(entity), Some(&B(2)));
        assert_eq!(world.get(entity), Some(&Text("t".into())));
        if round > 0 {
            let passed = combinations(&mut world);
            let between = passed.iter().any(|names| *names == [A::NAME, B::NAME]);
            assert!(!between, "it never was an A and a B alone: {passed:?}");
        }
        world.despawn(entity).unwrap();
        world.recycle_tables();
        // Bundles are known from the second round on.
        world.spawn(A(0));
        world.spawn(B(0));
        world.spawn(Tag);
        world.spawn(Text(String::new()));
        world.clear();
    }
}

#[test]
fn merged_commands_do_what_single_ones_do() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let (mut merged, mut single) = (World::new(), World::new());
        let shared = std::sync::Arc::new(0);
        let mut alive: Vec<(Entity, Entity)> = (0..4)
            .map(|i| (merged.spawn(A(i)), single.spawn(A(i))))
            .collect();
        let (mut queue, mut one) = (CommandQueue::new(), CommandQueue::new());
        for _ in 0..40 {
            for _ in 0..random.below(6) {
                let pair = match random.below(3) {
                    0 => (
                        queue.commands(&merged).spawn(()).id(),
                        one.commands(&single).spawn(()).id(),
                    ),
                    _ => alive[random.below(alive.len())],
                };
                one.apply(&mut single);
                alive.push(pair);
                for _ in 0..random.below(5) {
                    let value = random.next() as u32;
                    let kind = random.below(10);
                    let mut sides = [
                        (queue.commands(&merged), pair.0),
                        (one.commands(&single), pair.1),
                    ];
                    for (commands, entity) in &mut sides {
                        match kind {
                            0 => commands.insert(*entity, A(value)),
                            1 => commands.insert(*entity, (B(1), Owned(Box::new(value)))),
                            2 => commands.insert(*entity, Shared(shared.clone())),
                            3 => commands.insert(*entity, Text(value.to_string())),
                            4 => commands.remove::<A>(*entity),
                            5 => commands.remove::<(Shared, B)>(*entity),
                            6 => commands.insert(*entity, Loose(value.to_string())),
                            7 => commands.remove::<Loose>(*entity),
                            8 if value.is_multiple_of(4) => commands.despawn(*entity),
                            _ => commands.remove::<Owned>(*entity),
                        }
                    }
                    one.apply(&mut single);
                }
            }
            queue.apply(&mut merged);
            for &(a, b) in &alive {
                assert_eq!(merged.contains(a), single.contains(b), "seed {seed}");
                assert_eq!(merged.get::<A>(a), single.get::<A>(b), "seed {seed}");
                assert_eq!(merged.get::<B>(a), single.get::<B>(b), "seed {seed}");
                assert_eq!(merged.get::<Text>(a), single.get::<Text>(b), "seed {seed}");
                assert_eq!(
                    merged.get::<Owned>(a),
                    single.get::<Owned>(b),
                    "seed {seed}"
                );
                assert_eq!(
                    merged.has::<Shared>(a),
                    single.has::<Shared>(b),
                    "seed {seed}"
                );
                assert_eq!(
                    merged.get::<Loose>(a),
                    single.get::<Loose>(b),
                    "seed {seed}"
                );
            }
            let owners = merged.query::<&Shared>().count() + single.query::<&Shared>().count();
            assert_eq!(
                std::sync::Arc::strong_count(&shared),
                owners + 1,
                "none leaked"
            );
        }
    }
}

#[test]
fn who_watches_sees_each_command() {
    let mut world = World::new();
    world.insert_resource(Score(0));
    world.observe_insert::<A>(|world, _| world.resource_mut::<Score>().unwrap().0 += 1);
    world.observe_remove::<A>(|world, _| world.resource_mut::<Score>().unwrap().0 += 10);
    for _ in 0..2 {
        let mut queue = CommandQueue::new();
        let mut commands = queue.commands(&world);
        let entity = commands
            .spawn(A(1))
            .insert(B(1))
            .insert(Text(String::new()))
            .id();
        commands.entity(entity).remove::<B>().remove::<A>();
        assert_eq!(queue.apply(&mut world), []);
    }
    assert_eq!(world.resource(), Some(&Score(22)));
}

#[test]
fn a_drop_that_panics_in_a_merged_run_loses_nothing_else() {
    #[derive(Component)]
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 {
                self.0 = false;
                panic!("bomb");
            }
        }
    }
    let mut world = World::new();
    let _ = (
        world.spawn(Bomb(false)),
        world.spawn(B(0)),
        world.spawn(Text(String::new())),
    );
    let entity = world.spawn((Bomb(true), A(1)));
    let other = world.spawn(A(2));
    let mut queue = CommandQueue::new();
    let mut commands = queue.commands(&world);
    commands
        .entity(entity)
        .insert(B(5))
        .insert(Bomb(false))
        .insert(Text("t".into()));
    commands.entity(other).insert(B(6)).insert(Text("o".into()));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queue.apply(&mut world)));
    assert!(result.is_err());
    assert_eq!(world.get(entity), Some(&B(5)));
    assert_eq!(world.get(entity), Some(&Text("t".into())));
    assert!(!world.get::<Bomb>(entity).unwrap().0);
    assert_eq!(queue.len(), 2, "those that follow are still there");
    assert_eq!(queue.apply(&mut world), []);
    assert_eq!(world.get(other), Some(&B(6)));
}
