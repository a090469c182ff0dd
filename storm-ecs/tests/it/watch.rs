//! Hooks and observers: who is told what, when, by which operation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use storm_ecs::{
    Cause, CommandQueue, Component, DeferredWorld, Entity, Resource, Rows, Storage, With, World,
};

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Other(u32);

/// What was told: (insert or remove, cause, entities).
type Told = (&'static str, Cause, Vec<Entity>);
type Log = Arc<Mutex<Vec<Told>>>;

trait Probe: Component + Clone {
    fn make(value: u32) -> Self;
    fn value(&self) -> u32;
}

macro_rules! probe {
    ($name:ident $storage:literal, $($field:ty)?) => {
        #[derive(Component, Clone, Debug)]
        #[component(storage = $storage)]
        struct $name $(($field))?;
    };
}
probe!(InTable "table", Box<u32>);
probe!(InSet "sparse", Box<u32>);
probe!(AsTag "tag",);

impl Probe for InTable {
    fn make(value: u32) -> Self {
        Self(Box::new(value))
    }
    fn value(&self) -> u32 {
        *self.0
    }
}
impl Probe for InSet {
    fn make(value: u32) -> Self {
        Self(Box::new(value))
    }
    fn value(&self) -> u32 {
        *self.0
    }
}
impl Probe for AsTag {
    fn make(_: u32) -> Self {
        Self
    }
    fn value(&self) -> u32 {
        0
    }
}

/// Observers that log, and check that the value can be read at that moment.
fn watched<P: Probe>() -> (World, Log) {
    let mut world = World::new();
    let log = Log::default();
    let told = log.clone();
    world.observe_insert::<P>(move |world, rows| {
        for &entity in rows.entities() {
            assert!(world.get::<P>(entity).is_some(), "it is there");
        }
        let told_now = ("insert", rows.cause(), rows.entities().to_vec());
        told.lock().unwrap().push(told_now);
    });
    let told = log.clone();
    world.observe_remove::<P>(move |world, rows| {
        for &entity in rows.entities() {
            let value = world.get::<P>(entity).expect("it is still there").value();
            assert!(value < 1000);
        }
        let told_now = ("remove", rows.cause(), rows.entities().to_vec());
        told.lock().unwrap().push(told_now);
    });
    (world, log)
}

fn each<P: Probe>() {
    let one = P::STORAGE == Storage::Table;
    type Operation<P> = fn(&mut World, &[Entity]) -> Vec<P>;
    /// An operation's name, what it does, what it tells.
    type Case<P> = (
        &'static str,
        Operation<P>,
        &'static [(&'static str, Cause, usize)],
    );
    type CaseOfMany = (&'static str, fn(&mut World), &'static str, Cause);
    // Of three entities with the probe and three without: what an operation tells.
    let table: &[Case<P>] = &[
        (
            "spawn",
            |world, _| {
                world.spawn((P::make(1), Other(1)));
                vec![]
            },
            &[("insert", Cause::Spawn, 1)],
        ),
        (
            "spawn of others",
            |world, _| {
                world.spawn(Other(1));
                vec![]
            },
            &[],
        ),
        (
            "spawn_batch",
            |world, _| {
                world.spawn_batch((0..3).map(|i| (Other(i), P::make(i))));
                vec![]
            },
            &[("insert", Cause::Spawn, 3)],
        ),
        (
            "insert",
            |world, all| {
                world.insert(all[4], P::make(4)).unwrap();
                vec![]
            },
            &[("insert", Cause::Insert, 1)],
        ),
        (
            "insert of what is there",
            |world, all| {
                world.insert(all[0], P::make(4)).unwrap();
                vec![]
            },
            &[("remove", Cause::Replace, 1), ("insert", Cause::Replace, 1)],
        ),
        (
            "insert with others",
            |world, all| {
                world.insert(all[5], (Other(7), P::make(4))).unwrap();
                vec![]
            },
            &[("insert", Cause::Insert, 1)],
        ),
        (
            "insert of others",
            |world, all| {
                world.insert(all[0], Other(7)).unwrap();
                vec![]
            },
            &[],
        ),
        (
            "insert to the dead",
            |world, _| {
                assert!(world.insert(Entity::DANGLING, P::make(4)).is_err());
                vec![]
            },
            &[],
        ),
        (
            "remove",
            |world, all| {
                world.remove::<P>(all[1]).unwrap();
                vec![]
            },
            &[("remove", Cause::Remove, 1)],
        ),
        (
            "remove of what is not there",
            |world, all| {
                world.remove::<P>(all[4]).unwrap();
                vec![]
            },
            &[],
        ),
        (
            "take",
            |world, all| vec![world.take::<P>(all[1]).unwrap()],
            &[("remove", Cause::Remove, 1)],
        ),
        (
            "take of what is not there",
            |world, all| {
                assert!(world.take::<P>(all[4]).is_err());
                vec![]
            },
            &[],
        ),
        (
            "despawn",
            |world, all| {
                world.despawn(all[2]).unwrap();
                vec![]
            },
            &[("remove", Cause::Despawn, 1)],
        ),
        (
            "despawn of one without",
            |world, all| {
                world.despawn(all[3]).unwrap();
                vec![]
            },
            &[],
        ),
        (
            "remove by number",
            |world, all| {
                let id = world.component_named(P::NAME).unwrap().id();
                world.remove_ids(all[2], &[id]).unwrap();
                vec![]
            },
            &[("remove", Cause::Remove, 1)],
        ),
        (
            "commands",
            |world, all| {
                let mut queue = CommandQueue::new();
                let mut commands = queue.commands(world);
                commands.insert(all[3], P::make(1));
                commands.remove::<P>(all[0]);
                commands.despawn(all[1]);
                assert!(queue.apply(world).is_empty());
                vec![]
            },
            &[
                ("insert", Cause::Insert, 1),
                ("remove", Cause::Remove, 1),
                ("remove", Cause::Despawn, 1),
            ],
        ),
    ];
    for (name, operation, expected) in table {
        let (mut world, log) = watched::<P>();
        let mut all = world.spawn_batch((0..3).map(|i| (P::make(i), Other(i))));
        all.extend(world.spawn_batch((3..6).map(Other)));
        log.lock().unwrap().clear();
        drop(operation(&mut world, &all));
        let told = log.lock().unwrap();
        let told: Vec<_> = told
            .iter()
            .map(|(kind, cause, entities)| (*kind, *cause, entities.len()))
            .collect();
        assert_eq!(&told[..], *expected, "{name} of {}", P::NAME);
    }
    // Operations on many tell of all in one call, if these are columns; else one by one.
    let many: &[CaseOfMany] = &[
        (
            "insert_where",
            |world| {
                world.insert_where::<With<Other>, _>(P::make(1));
            },
            "insert",
            Cause::Insert,
        ),
        (
            "remove_where",
            |world| {
                world.insert_where::<With<Other>, _>(P::make(1));
                world.remove_where::<With<P>, P>();
            },
            "remove",
            Cause::Remove,
        ),
        (
            "despawn_where",
            |world| {
                world.insert_where::<With<Other>, _>(P::make(1));
                world.despawn_where::<With<Other>>();
            },
            "remove",
            Cause::Despawn,
        ),
        (
            "clear",
            |world| {
                world.insert_where::<With<Other>, _>(P::make(1));
                world.clear();
            },
            "remove",
            Cause::Despawn,
        ),
    ];
    for (name, operation, kind, cause) in many {
        let (mut world, log) = watched::<P>();
        let all = world.spawn_batch((0..20).map(Other));
        operation(&mut world);
        let told = log.lock().unwrap();
        let of = told
            .iter()
            .filter(|told| told.0 == *kind && told.1 == *cause);
        let mut entities: Vec<Entity> = of.clone().flat_map(|told| told.2.clone()).collect();
        assert_eq!(
            of.count(),
            if one { 1 } else { 20 },
            "{name} of {}",
            P::NAME
        );
        entities.sort_unstable();
        assert_eq!(entities, all, "{name}: each once");
    }
}

#[test]
fn each_operation_tells_of_columns() {
    each::<InTable>();
}

#[test]
fn each_operation_tells_of_sparse_components() {
    each::<InSet>();
}

#[test]
fn each_operation_tells_of_tags() {
    each::<AsTag>();
}

#[test]
fn spawning_by_columns_tells_once_with_all_values() {
    let (mut world, log) = watched::<InTable>();
    let sum = Arc::new(Mutex::new(0));
    let total = sum.clone();
    world.observe_insert::<InTable>(move |world, rows| {
        let values = world.values::<InTable>(rows).unwrap();
        *total.lock().unwrap() = values.iter().map(Probe::value).sum::<u32>();
    });
    world.spawn(InTable::make(5));
    let made = world
        .spawn_columns(4, ((0..4).map(InTable::make),))
        .unwrap()
        .into_owned();
    let told = log.lock().unwrap();
    assert_eq!(told.last(), Some(&("insert", Cause::Spawn, made)));
    assert_eq!(*sum.lock().unwrap(), 6, "of the new rows only");
}

// --- hooks --------------------------------------------------------------------------------------------------------

#[derive(Resource, Default)]
struct Notes(Vec<String>);

#[derive(Component)]
#[component(on_insert = noted_insert, on_remove = noted_remove, immutable)]
struct Noted(&'static str);

fn note(world: &mut DeferredWorld<'_>, text: String) {
    if let Some(notes) = world.resource_mut::<Notes>() {
        notes.0.push(text);
    }
}

fn noted_insert(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
    for &entity in rows.entities() {
        let text = world.get::<Noted>(entity).unwrap().0;
        note(world, format!("+{text}"));
    }
}

fn noted_remove(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
    for &entity in rows.entities() {
        let text = world.get::<Noted>(entity).unwrap().0;
        note(world, format!("-{text}"));
    }
}

fn notes(world: &mut World) -> String {
    std::mem::take(&mut world.resource_mut::<Notes>().unwrap().0).join(" ")
}

#[test]
fn a_hook_sees_the_old_value_go_and_the_new_one_come() {
    let mut world = World::new();
    world.insert_resource(Notes::default());
    let entity = world.spawn(Noted("a"));
    world.insert(entity, (Other(1), Noted("b"))).unwrap();
    world.remove::<Other>(entity).unwrap();
    world.take::<Noted>(entity).unwrap();
    world.insert(entity, Noted("c")).unwrap();
    world.despawn(entity).unwrap();
    assert_eq!(notes(&mut world), "+a -a +b -b +c -c");
}

#[test]
fn hooks_run_before_observers_and_those_in_order() {
    let mut world = World::new();
    world.insert_resource(Notes::default());
    let first = world.observe_insert::<Noted>(|world, _| note(world, "first".into()));
    let second = world.observe_insert::<Noted>(|world, _| note(world, "second".into()));
    world.spawn(Noted("a"));
    assert_eq!(notes(&mut world), "+a first second");
    assert!(world.unobserve(first) && !world.unobserve(first));
    world.spawn(Noted("b"));
    assert_eq!(notes(&mut world), "+b second");
    assert!(world.unobserve(second));
    world.spawn(Noted("c"));
    assert_eq!(notes(&mut world), "+c", "the hook is the type's own");
}

#[test]
fn an_observer_added_late_hears_of_tables_and_bundles_known_before() {
    let mut world = World::new();
    world.insert_resource(Notes::default());
    let before = world.spawn((Other(1), InSet::make(1), InTable::make(1)));
    world.observe_remove::<InTable>(|world, _| note(world, "table".into()));
    world.observe_remove::<InSet>(|world, _| note(world, "set".into()));
    world.observe_insert::<Other>(|world, _| note(world, "other".into()));
    world.despawn(before).unwrap();
    world.spawn((Other(1), InSet::make(1), InTable::make(1)));
    assert_eq!(notes(&mut world), "table set other");
}

#[test]
fn observers_by_number_hear_the_same() {
    let mut world = World::new();
    world.insert_resource(Notes::default());
    let id = world.register::<Other>();
    world
        .observe_insert_id(id, |world, rows| note(world, format!("{:?}", rows.cause())))
        .unwrap();
    world
        .observe_remove_id(id, |world, rows| note(world, format!("{:?}", rows.cause())))
        .unwrap();
    let entity = world.spawn(Other(1));
    world.despawn(entity).unwrap();
    assert_eq!(notes(&mut world), "Spawn Despawn");
    let mut other = World::new();
    assert!(other.observe_insert_id(id, |_, _| {}).is_err());
}

// --- commands of watchers -----------------------------------------------------------------------------------------

#[test]
fn commands_of_a_watcher_apply_when_the_operation_is_over() {
    let mut world = World::new();
    world.observe_insert::<Other>(|world, rows| {
        let all = rows.entities().to_vec();
        for entity in all {
            world.commands().insert(entity, InSet::make(1));
            assert!(!world.world().has::<InSet>(entity), "not yet");
        }
    });
    let entity = world.spawn(Other(1));
    assert!(world.has::<InSet>(entity));
    for entity in world.spawn_batch((0..5).map(Other)) {
        assert!(world.has::<InSet>(entity));
    }
}

#[test]
fn a_watcher_may_end_the_entity_it_is_told_of() {
    let mut world = World::new();
    world.observe_insert::<Other>(|world, rows| {
        let all = rows.entities().to_vec();
        for entity in all {
            world.commands().despawn(entity);
        }
    });
    let entity = world.spawn((Other(1), InTable::make(1)));
    assert!(!world.contains(entity));
    assert!(
        world
            .spawn_batch((0..5).map(Other))
            .iter()
            .all(|&entity| !world.contains(entity))
    );
    let survivor = world.spawn(InTable::make(2));
    world.insert(survivor, Other(1)).unwrap();
    assert_eq!(world.len(), 0);
}

#[test]
fn what_watchers_spawn_while_a_world_is_emptied_stays() {
    let empty: &[fn(&mut World)] = &[
        World::clear,
        |world| {
            world.despawn_where::<()>();
        },
        |world| {
            world.despawn_where::<storm_ecs::Without<Other>>();
        },
    ];
    for empty in empty {
        let mut world = World::new();
        // Sparse, so that bare entities are watched as well.
        world.observe_remove::<InSet>(|world, rows| {
            for _ in rows.entities() {
                world.commands().spawn(Other(5));
            }
        });
        world.spawn_batch((0..3).map(InSet::make));
        world.spawn_batch((0..3).map(|i| (InSet::make(i), InTable::make(i))));
        world.spawn(());
        empty(&mut world);
        assert!(world.take_watch_errors().is_empty());
        assert_eq!((world.len(), world.query::<&Other>().count()), (6, 6));
        assert_eq!(world.query::<&InSet>().count(), 0);
    }
}

#[test]
fn a_long_chain_of_watchers_needs_no_stack() {
    let mut world = World::new();
    world.observe_insert::<Other>(|world, rows| {
        let entity = rows.entities()[0];
        let left = world.get::<Other>(entity).unwrap().0;
        if left > 0 {
            world.commands().spawn(Other(left - 1));
        }
    });
    world.spawn(Other(20_000));
    assert_eq!(world.len(), 20_001);
}

#[test]
fn commands_on_the_dead_are_reported() {
    let mut world = World::new();
    world.observe_remove::<Other>(|world, rows| {
        let entity = rows.entities()[0];
        world.commands().insert(entity, InSet::make(1));
    });
    let entity = world.spawn(Other(1));
    world.despawn(entity).unwrap();
    let errors = world.take_watch_errors();
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].command, errors[0].entity), ("insert", entity));
    assert!(world.take_watch_errors().is_empty());
}

// --- panics -------------------------------------------------------------------------------------------------------

#[derive(Resource)]
struct Armed(bool);

fn armed() -> World {
    let mut world = World::new();
    world.insert_resource(Armed(false));
    world.insert_resource(Notes::default());
    let strike = |world: &mut DeferredWorld<'_>, rows: &Rows<'_>| {
        let entity = rows.entities()[0];
        world.commands().insert(entity, Other(99));
        if world.resource::<Armed>().unwrap().0 {
            panic!("armed");
        }
    };
    world.observe_insert::<InSet>(strike);
    world.observe_remove::<InSet>(strike);
    world
}

#[test]
fn a_watcher_that_panics_before_a_removal_stops_it() {
    let mut world = armed();
    let entity = world.spawn((InSet::make(1), InTable::make(2)));
    world.insert_resource(Armed(true));
    for operation in [
        |world: &mut World, entity| world.remove::<InSet>(entity).unwrap(),
        |world: &mut World, entity| world.despawn(entity).unwrap(),
        |world: &mut World, entity| drop(world.take::<InSet>(entity)),
        |world: &mut World, entity| world.insert(entity, InSet::make(3)).unwrap(),
    ] {
        let result = catch_unwind(AssertUnwindSafe(|| operation(&mut world, entity)));
        assert!(result.is_err());
        assert_eq!(world.get::<InSet>(entity).unwrap().value(), 1);
        assert_eq!(world.get::<InTable>(entity).unwrap().value(), 2);
    }
    // What the watcher had asked for before it fell is done with the next watched operation.
    world.insert_resource(Armed(false));
    world.remove::<Other>(entity).unwrap();
    world.remove::<InSet>(entity).unwrap();
    assert_eq!(world.get(entity), Some(&Other(99)));
}

#[test]
fn a_watcher_that_panics_after_an_insertion_leaves_it_done() {
    let mut world = armed();
    let entity = world.spawn(InTable::make(2));
    world.insert_resource(Armed(true));
    assert!(catch_unwind(AssertUnwindSafe(|| world.insert(entity, InSet::make(1)))).is_err());
    assert_eq!(world.get::<InSet>(entity).unwrap().value(), 1);
    assert!(catch_unwind(AssertUnwindSafe(|| world.spawn(InSet::make(5)))).is_err());
    assert_eq!(world.query::<&InSet>().count(), 2);
    world.insert_resource(Armed(false));
    world.spawn(InSet::make(6));
    assert_eq!(world.query::<&Other>().count(), 3);
}
