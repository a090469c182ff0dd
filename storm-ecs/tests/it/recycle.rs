//! Numbers of tables and components that are given up and given again.

use std::collections::BTreeSet;

use storm_ecs::{
    ChangeTick, Component, ComponentSchema, DynamicError, DynamicQuery, Entity, FieldSchema,
    QueryState, SnapshotError, SnapshotOptions, TypeSchema, With, World,
};

use crate::support::{A, B, Random, Tag, Text};

#[derive(Component, Debug, PartialEq)]
#[component(storage = "sparse")]
struct Rare(String);
#[derive(Component, Debug, PartialEq)]
#[component(storage = "tag")]
struct Mark;

fn table_count(world: &mut World) -> usize {
    let report = world.memory_report();
    report.tables.iter().filter(|table| table.rows > 0).count()
}

#[test]
fn tables_without_rows_are_given_up_and_their_numbers_used_again() {
    let mut world = World::new();
    let entity = world.spawn(A(1));
    world.insert(entity, B(2)).unwrap();
    world.insert(entity, Tag).unwrap();
    let before = world.memory_report().tables.len();
    let given_up = world.recycle_tables();
    assert!(given_up >= 2, "of A, and of A and B");
    assert_eq!(world.recycle_tables(), 0);
    world.remove::<(A, B)>(entity).unwrap();
    world.insert(entity, Text("x".into())).unwrap();
    assert_eq!(world.memory_report().tables.len(), before);
    assert_eq!(world.get(entity), Some(&Text("x".into())));
    let ids: BTreeSet<_> = world
        .memory_report()
        .tables
        .iter()
        .map(|table| table.id)
        .collect();
    assert_eq!(ids.len(), before, "ids stay distinct");
}

#[test]
fn a_number_used_again_is_another_table() {
    let mut world = World::new();
    let entity = world.spawn(A(1));
    let id = |world: &World| world.tables::<Entity>().next().unwrap().id();
    let first = id(&world);
    world.despawn(entity).unwrap();
    assert!(world.recycle_tables() >= 1);
    world.spawn(B(1));
    let second = id(&world);
    assert_eq!(first.index(), second.index());
    assert_ne!(first, second);
}

#[test]
fn kept_queries_and_moves_follow() {
    let mut world = World::new();
    let mut kept = QueryState::<(Entity, &A)>::new(&mut world);
    let mut none = QueryState::<&B>::new(&mut world);
    for round in 0..50u32 {
        let entity = world.spawn((A(round), Tag));
        world.insert(entity, B(1)).unwrap();
        world.remove::<Tag>(entity).unwrap();
        assert_eq!(
            kept.query(&world).iter().map(|(_, a)| a.0).sum::<u32>(),
            round
        );
        assert_eq!(none.query(&world).count(), 1);
        world.despawn(entity).unwrap();
        let other = world.spawn((Text("t".into()), Tag));
        assert_eq!(kept.query(&world).count() + none.query(&world).count(), 0);
        world.despawn(other).unwrap();
        world.recycle_tables();
        assert!(world.memory_report().tables.len() <= 9);
    }
}

#[test]
fn readers_of_despawns_in_tables_that_went_start_over() {
    let mut world = World::new();
    let early = world.change_tick();
    let entity = world.spawn(A(1));
    let keeps = world.spawn(B(1));
    world.despawn(entity).unwrap();
    let late = world.change_tick();
    world.recycle_tables();
    assert!(!world.removed::<A>(early).is_complete());
    assert!(world.removed::<A>(late).is_complete() && world.removed::<B>(early).is_complete());
    let error = world.delta(early, &SnapshotOptions::default()).unwrap_err();
    assert_eq!(error, SnapshotError::LogOverflow);
    assert!(world.contains(keeps));
    assert!(
        world
            .delta(
                late,
                &SnapshotOptions {
                    exclude: vec![world.component_named(B::NAME).unwrap().id()],
                    ..Default::default()
                }
            )
            .is_ok()
    );
}

#[test]
fn an_unregistered_component_leaves_no_trace() {
    let mut world = World::new();
    let with = world.spawn((A(1), Text("gone".into()), Rare("gone".into()), Mark));
    let without = world.spawn(B(1));
    let text = world.component_named(Text::NAME).unwrap().id();
    let rare = world.component_named(Rare::NAME).unwrap().id();
    let mark = world.component_named(Mark::NAME).unwrap().id();
    for id in [text, rare, mark] {
        assert_eq!(world.unregister_id(id), Ok(1));
        assert!(!world.has_id(with, id) && world.schema(id).is_none());
        assert_eq!(
            world.unregister_id(id),
            Err(DynamicError::UnknownComponent(id))
        );
        assert_eq!(
            world.remove_ids(with, &[id]),
            Err(DynamicError::UnknownComponent(id))
        );
        assert!(DynamicQuery::new(&world).read(id).is_err());
    }
    assert!(world.component_named(Text::NAME).is_none());
    assert_eq!(world.get(with), Some(&A(1)));
    assert_eq!(world.get(without), Some(&B(1)));
    assert!(world.get::<Text>(with).is_none() && world.get::<Rare>(with).is_none());
    assert_eq!(
        world.query::<&Text>().count() + world.query::<&Rare>().count(),
        0
    );
    assert_eq!(world.unregister::<Text>(), 0);
}

#[test]
fn a_number_given_again_is_another_component() {
    let mut world = World::new();
    let entity = world.spawn((A(1), B(2)));
    let mut kept = QueryState::<&Rare>::new(&mut world);
    let mut marked = QueryState::<Entity, With<Mark>>::new(&mut world);
    let old = world.component_named(B::NAME).unwrap().id();
    assert_eq!(world.unregister::<B>(), 1);
    world.insert(entity, Rare("r".into())).unwrap();
    let new = world.component_named(Rare::NAME).unwrap().id();
    assert_eq!((new.index(), new == old), (old.index(), false));
    assert!(world.has_id(entity, new) && !world.has_id(entity, old));
    assert_eq!(kept.query(&world).count(), 1);
    assert_eq!(world.unregister::<Rare>(), 1);
    world.insert(entity, Mark).unwrap();
    assert_eq!(
        (kept.query(&world).count(), marked.query(&world).count()),
        (0, 1)
    );
    world.insert(entity, B(3)).unwrap();
    assert_eq!(world.get(entity), Some(&B(3)));
    assert_eq!(
        world.removed::<B>(ChangeTick::NEVER).count(),
        0,
        "its log began anew"
    );
}

#[test]
fn numbers_are_not_used_more_often_than_they_can_be_told_apart() {
    let mut world = World::new();
    let mut seen = BTreeSet::new();
    for _ in 0..600 {
        let schema = ComponentSchema::plain(
            "mod.Speed",
            vec![FieldSchema::new("speed", TypeSchema::Float(4))],
        )
        .unwrap();
        let id = world.register_dynamic(schema).unwrap();
        assert!(seen.insert(id), "never the same id twice");
        let entity = world.spawn(());
        world
            .insert_bytes(entity, &[(id, storm_ecs::bytes_of(&[1.5f32]))])
            .unwrap();
        assert_eq!(world.unregister_id(id), Ok(1));
        world.despawn(entity).unwrap();
    }
    assert!(seen.iter().map(|id| id.index()).max().unwrap() < 5);
}

#[test]
fn watchers_that_put_it_back_do_not_keep_it() {
    let mut world = World::new();
    world.observe_remove::<A>(|world, rows| {
        let all = rows.entities().to_vec();
        for entity in all {
            world.commands().insert(entity, A(7));
        }
    });
    let entity = world.spawn(A(1));
    assert_eq!(world.unregister::<A>(), 2);
    assert!(!world.has::<A>(entity));
    world.insert(entity, A(5)).unwrap();
    world.remove::<A>(entity).unwrap();
    assert!(!world.has::<A>(entity), "its observers are gone");
}

#[test]
fn recycling_at_any_time_changes_nothing_else() {
    for seed in 0..20 {
        let mut worlds = [World::new(), World::new()];
        for (number, world) in worlds.iter_mut().enumerate() {
            let mut random = Random::new(seed);
            let mut all: Vec<Entity> = Vec::new();
            for step in 0..400u32 {
                let some = (!all.is_empty()).then(|| random.below(all.len()));
                match (random.below(9), some) {
                    (0 | 1, _) | (_, None) => all.push(world.spawn((A(step), Tag))),
                    (2, Some(at)) => world.despawn(all.swap_remove(at)).unwrap(),
                    (3, Some(at)) => world.insert(all[at], B(step.into())).unwrap(),
                    (4, Some(at)) => world.remove::<(A, Tag)>(all[at]).unwrap(),
                    (5, Some(at)) => world.insert(all[at], Text(step.to_string())).unwrap(),
                    (6, Some(at)) => world.insert(all[at], (Mark, Rare("r".into()))).unwrap(),
                    (7, Some(at)) => world.remove::<(Mark, Text)>(all[at]).unwrap(),
                    _ => drop(world.insert_where::<With<Tag>, _>(B(0))),
                }
                if number == 1 && step % 7 == 0 {
                    world.recycle_tables();
                }
            }
        }
        let [plain, recycled] = &mut worlds;
        assert!(recycled.memory_report().tables.len() <= plain.memory_report().tables.len());
        assert_eq!(table_count(plain), table_count(recycled));
        assert_eq!(plain.len(), recycled.len());
        for (a, b) in (0..400).filter_map(|i| Some((plain.entity_at(i)?, recycled.entity_at(i)?))) {
            assert_eq!(plain.get::<A>(a), recycled.get::<A>(b));
            assert_eq!(plain.get::<B>(a), recycled.get::<B>(b));
            assert_eq!(plain.get::<Text>(a), recycled.get::<Text>(b));
            assert_eq!(plain.get::<Rare>(a), recycled.get::<Rare>(b));
            assert_eq!(plain.has::<Mark>(a), recycled.has::<Mark>(b));
        }
    }
}
