//! What counts as a change: a specification, one table a row.

use storm_ecs::{Added, ChangeTick, Changed, Component, Entity, Mut, Or, QueryState, With, World};

use crate::support::{A, B, ExactlyTracked, Tag, Untracked};

fn changed<T: Component>(world: &World, since: ChangeTick) -> Vec<Entity> {
    let rows = world.tables::<&T>().flat_map(|table| {
        table
            .changed_rows::<T>(since)
            .flat_map(move |rows| table.entities()[rows].iter().copied())
    });
    let mut found: Vec<Entity> = rows.collect();
    found.sort();
    let mut by_filter: Vec<Entity> = world
        .query_filtered::<Entity, Changed<T>>()
        .since(since)
        .into_iter()
        .collect();
    by_filter.sort();
    assert_eq!(found, by_filter, "ranges and filter agree");
    found
}

fn added<T: Component>(world: &World, since: ChangeTick) -> Vec<Entity> {
    let mut found: Vec<Entity> = world
        .query_filtered::<Entity, Added<T>>()
        .since(since)
        .into_iter()
        .collect();
    found.sort();
    found
}

type Act = fn(&mut World, &[Entity]);
/// What is done, then which rows are changed in A, changed in B, added in A.
type Case = (
    &'static str,
    Act,
    &'static [usize],
    &'static [usize],
    &'static [usize],
);

#[test]
fn what_an_operation_marks() {
    // Ten entities (A, B); the act; then which of them are changed in A, changed in B, added in A.
    let all: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let cases: &[Case] = &[
        ("nothing", |_, _| {}, &[], &[], &[]),
        (
            "get",
            |w, e| assert!(w.get::<A>(e[3]).is_some()),
            &[],
            &[],
            &[],
        ),
        (
            "get_mut",
            |w, e| w.get_mut::<A>(e[3]).unwrap().0 = 1,
            &[3],
            &[],
            &[],
        ),
        (
            "replace",
            |w, e| w.insert(e[3], A(1)).unwrap(),
            &[3],
            &[],
            &[],
        ),
        (
            "replace and insert",
            |w, e| w.insert(e[3], (A(1), Tag)).unwrap(),
            &[3],
            &[],
            &[],
        ),
        (
            "insert of another moves the row",
            |w, e| w.insert(e[3], Tag).unwrap(),
            &[],
            &[],
            &[],
        ),
        (
            "remove of another moves the row",
            |w, e| w.remove::<B>(e[3]).unwrap(),
            &[],
            &[],
            &[],
        ),
        (
            "remove and insert again",
            |w, e| {
                w.remove::<A>(e[3]).unwrap();
                w.insert(e[3], A(1)).unwrap();
            },
            &[3],
            &[],
            &[3],
        ),
        (
            "write, then move",
            |w, e| {
                w.get_mut::<A>(e[3]).unwrap().0 = 1;
                w.insert(e[3], Tag).unwrap();
            },
            &[3],
            &[],
            &[],
        ),
        (
            "move, then write",
            |w, e| {
                w.insert(e[3], Tag).unwrap();
                w.get_mut::<B>(e[3]).unwrap().0 = 1;
            },
            &[],
            &[3],
            &[],
        ),
        (
            "write the last row, which then fills a hole",
            |w, e| {
                w.get_mut::<A>(e[9]).unwrap().0 = 1;
                w.despawn(e[2]).unwrap();
            },
            &[9],
            &[],
            &[],
        ),
        (
            "write a row that is then despawned",
            |w, e| {
                w.get_mut::<A>(e[2]).unwrap().0 = 1;
                w.despawn(e[2]).unwrap();
            },
            &[],
            &[],
            &[],
        ),
        (
            "a row spawned where a written one was",
            |w, e| {
                w.get_mut::<A>(e[9]).unwrap().0 = 1;
                w.despawn(e[9]).unwrap();
            },
            &[],
            &[],
            &[],
        ),
        (
            "read-only query",
            |w, _| assert_eq!(w.query::<(&A, &B)>().count(), 10),
            &[],
            &[],
            &[],
        ),
        (
            "mutable query",
            |w, _| w.query_mut::<(&mut A, &B)>().for_each(|(a, _)| a.0 += 1),
            all,
            &[],
            &[],
        ),
        (
            "mutable query of a table without rows",
            |w, _| w.query_mut::<(&mut A, &Tag)>().for_each(|_| {}),
            &[],
            &[],
            &[],
        ),
        (
            "slices",
            |w, _| {
                for b in w.query_mut::<&mut B>().into_slices() {
                    b[0].0 = 1
                }
            },
            &[],
            all,
            &[],
        ),
        (
            "query get_mut",
            |w, e| assert!(w.query_mut::<(&mut A, &B)>().get_mut(e[3]).is_some()),
            &[3],
            &[],
            &[],
        ),
        (
            "query get",
            |w, e| assert!(w.query_mut::<(&mut A, &B)>().get(e[3]).is_some()),
            &[],
            &[],
            &[],
        ),
        (
            "guards that are read",
            |w, _| w.query_mut::<Mut<A>>().for_each(|a| assert!(a.0 < 10)),
            &[],
            &[],
            &[],
        ),
        (
            "guards that are written",
            |w, _| {
                w.query_mut::<Mut<A>>().for_each(|mut a| {
                    if a.0 % 4 == 1 {
                        a.0 = 0
                    }
                })
            },
            &[1, 5, 9],
            &[],
            &[],
        ),
        (
            "guards bypassed",
            |w, _| w.query_mut::<Mut<A>>().for_each(|mut a| a.bypass().0 = 0),
            &[],
            &[],
            &[],
        ),
        (
            "optional",
            |w, _| w.query_mut::<(&B, Option<&mut A>)>().for_each(|_| {}),
            all,
            &[],
            &[],
        ),
    ];
    for (name, act, changed_a, changed_b, added_a) in cases {
        // Once with rows of one tick, once with rows of different ticks.
        for ages in [1, 4] {
            let mut world = World::new();
            let entities: Vec<Entity> = (0..10u32)
                .map(|i| {
                    if i % ages == 0 {
                        world.change_tick();
                    }
                    world.spawn((A(i), B(0)))
                })
                .collect();
            let since = world.change_tick();
            act(&mut world, &entities);
            let pick = |rows: &[usize]| {
                let mut picked: Vec<Entity> = rows.iter().map(|&i| entities[i]).collect();
                picked.sort();
                picked
            };
            assert_eq!(
                changed::<A>(&world, since),
                pick(changed_a),
                "{name}: changed A"
            );
            assert_eq!(
                changed::<B>(&world, since),
                pick(changed_b),
                "{name}: changed B"
            );
            assert_eq!(added::<A>(&world, since), pick(added_a), "{name}: added A");
            let later = world.change_tick();
            assert_eq!(
                changed::<A>(&world, later),
                [],
                "{name}: a still world yields nothing"
            );
        }
    }
}

#[test]
fn spawning_counts_as_writing() {
    let mut world = World::new();
    world.spawn(A(0));
    let since = world.change_tick();
    let late = world.spawn(A(1));
    let batch = world.spawn_batch([(A(2), Tag), (A(3), Tag)]);
    assert_eq!(changed::<A>(&world, since), [&[late][..], &batch].concat());
    assert_eq!(added::<A>(&world, since), [&[late][..], &batch].concat());
}

#[test]
fn moving_ten_of_ten_thousand_yields_ten_rows() {
    let mut world = World::new();
    let entities = world.spawn_batch((0..10_000).map(|i| (A(i), B(0))));
    let mut since = world.change_tick();
    for frame in 0..20 {
        let mut written: Vec<Entity> = (0..10)
            .map(|i| entities[(i * 997 + frame * 31) % 10_000])
            .collect();
        written.sort();
        for &entity in &written {
            world.get_mut::<A>(entity).unwrap().0 += 1;
        }
        assert_eq!(changed::<A>(&world, since), written);
        since = world.change_tick();
        assert_eq!(changed::<A>(&world, since), []);
    }
}

#[test]
fn readers_of_different_pace_each_see_exactly_what_is_new_to_them() {
    let mut world = World::new();
    let entities = world.spawn_batch((0..3000).map(A));
    let mut readers = [world.change_tick(); 4];
    let mut unseen: Vec<std::collections::BTreeSet<Entity>> = vec![Default::default(); 4];
    for frame in 0..200usize {
        for i in 0..3 {
            let entity = entities[(frame * 37 + i * 1009) % 3000];
            world.get_mut::<A>(entity).unwrap().0 += 1;
            unseen.iter_mut().for_each(|set| set.extend([entity]));
            world.change_tick();
        }
        for (reader, every) in [1, 2, 7, 50].into_iter().enumerate() {
            if frame % every == 0 {
                let expected: Vec<Entity> =
                    std::mem::take(&mut unseen[reader]).into_iter().collect();
                assert_eq!(changed::<A>(&world, readers[reader]), expected);
                readers[reader] = world.change_tick();
            }
        }
    }
}

#[test]
fn ranges_join_across_words_and_blocks() {
    let mut world = World::new();
    let entities = world.spawn_batch((0..5000).map(A));
    let since = world.change_tick();
    let written = [0..1, 60..70, 128..192, 1000..2100, 4999..5000];
    for rows in &written {
        for row in rows.clone() {
            world.get_mut::<A>(entities[row]).unwrap().0 = 0;
        }
    }
    let table = world.tables::<&A>().next().unwrap();
    assert_eq!(table.changed_rows::<A>(since).collect::<Vec<_>>(), written);
    assert_eq!(table.changed_rows::<B>(since).count(), 0, "no such column");
}

#[test]
fn an_exact_component_marks_only_the_rows_handed_out() {
    let mut world = World::new();
    let entities = world.spawn_batch((0..10).map(|i| (A(i), ExactlyTracked(i))));
    let since = world.change_tick();
    world
        .query_mut::<(&mut A, &mut ExactlyTracked)>()
        .into_iter()
        .take(4)
        .for_each(drop);
    assert_eq!(changed::<ExactlyTracked>(&world, since), entities[..4]);
    assert_eq!(
        changed::<A>(&world, since),
        entities,
        "block tracking marks the table"
    );
}

#[test]
fn filters_combine() {
    let mut world = World::new();
    let entities = world.spawn_batch((0..100).map(|i| (A(i), B(0))));
    let tagged = world.spawn_batch((0..3).map(|i| (A(i), Tag)));
    let since = world.change_tick();
    world.get_mut::<A>(entities[5]).unwrap().0 = 1;
    world.get_mut::<A>(entities[70]).unwrap().0 = 1;
    world.get_mut::<B>(entities[70]).unwrap().0 = 1;
    world.get_mut::<B>(entities[99]).unwrap().0 = 1;
    let both = world
        .query_filtered::<Entity, (Changed<A>, Changed<B>)>()
        .since(since);
    assert_eq!(both.into_iter().collect::<Vec<_>>(), [entities[70]]);
    let either = world
        .query_filtered::<Entity, Or<(Changed<A>, Changed<B>)>>()
        .since(since);
    assert_eq!(
        either.into_iter().collect::<Vec<_>>(),
        [entities[5], entities[70], entities[99]]
    );
    let or_tag = world
        .query_filtered::<Entity, Or<(Changed<B>, With<Tag>)>>()
        .since(since);
    assert_eq!(
        or_tag.into_iter().collect::<Vec<_>>(),
        [&entities[70..71], &entities[99..], &tagged].concat()
    );
    let query = world.query_filtered::<&A, Changed<A>>().since(since);
    assert!(query.get(entities[5]).is_some() && query.get(entities[6]).is_none());
}

#[test]
fn a_filtered_loop_marks_only_what_it_visits() {
    let mut world = World::new();
    let entities = world.spawn_batch((0..3000).map(|i| (A(i), B(0))));
    let since = world.change_tick();
    world.get_mut::<A>(entities[2000]).unwrap().0 = 1;
    for b in world
        .query_filtered_mut::<&mut B, Changed<A>>()
        .since(since)
    {
        b.0 = 1;
    }
    assert_eq!(changed::<B>(&world, since), [entities[2000]]);
}

#[test]
fn untracked_components_cost_nothing_and_say_nothing() {
    let mut world = World::new();
    let entity = world.spawn((A(0), Untracked(0)));
    world.spawn((A(0), Untracked(0)));
    let before = world.memory_report().total_bytes();
    world.change_tick();
    world.get_mut::<Untracked>(entity).unwrap().0 = 1;
    assert_eq!(world.memory_report().total_bytes(), before);
}

#[test]
fn removals_are_logged_until_the_log_is_full() {
    let mut world = World::new();
    let entities = world.spawn_batch((0..10).map(|i| (A(i), B(0))));
    let start = world.change_tick();
    world.remove::<A>(entities[0]).unwrap();
    world.despawn(entities[1]).unwrap();
    let middle = world.change_tick();
    world.despawn(entities[0]).unwrap();
    world.take::<A>(entities[2]).unwrap();
    world.remove::<A>(entities[2]).unwrap();
    let lost = |world: &World, since| {
        let removed = world.removed::<A>(since);
        let complete = removed.is_complete();
        let mut entities: Vec<Entity> = removed.collect();
        entities.sort();
        (entities, complete)
    };
    assert_eq!(
        lost(&world, start),
        (entities[..3].to_vec(), true),
        "each loss once"
    );
    assert_eq!(lost(&world, middle), (vec![entities[2]], true));
    assert_eq!(world.removed::<B>(start).collect::<Vec<_>>().len(), 2);
    let end = world.change_tick();
    world.set_removal_capacity(1);
    for &entity in &entities[3..8] {
        world.despawn(entity).unwrap();
    }
    let (kept, complete) = lost(&world, end);
    assert!(!complete, "the log says that it lost some");
    assert!(
        !kept.is_empty() && entities[..8].ends_with(&kept),
        "and keeps the newest"
    );
    let now = world.change_tick();
    assert_eq!(lost(&world, now), (vec![], true));
}

#[test]
fn a_cached_query_sees_changes_in_tables_made_after_it() {
    let mut world = World::new();
    let mut query = QueryState::<(Entity, &A), Changed<A>>::new(&mut world);
    let since = world.change_tick();
    let entity = world.spawn((A(1), Tag));
    assert_eq!(
        query
            .query(&world)
            .since(since)
            .into_iter()
            .map(|(entity, _)| entity)
            .collect::<Vec<_>>(),
        [entity]
    );
    let since = world.change_tick();
    assert_eq!(query.query(&world).since(since).count(), 0);
}
