//! Which entities a query visits, and how.

use storm_ecs::{Component, Entity, Has, Mut, Or, QueryState, With, Without, World};

use crate::support::{A, B, Tag, Text};

#[derive(Component)]
struct Never;

/// All combinations of A, B and Tag.
fn sample() -> (World, Vec<Entity>) {
    let mut world = World::new();
    let entities = (0..8u32)
        .map(|bits| {
            let entity = world.spawn(());
            if bits & 1 != 0 {
                world.insert(entity, A(bits)).unwrap();
            }
            if bits & 2 != 0 {
                world.insert(entity, B(u64::from(bits))).unwrap();
            }
            if bits & 4 != 0 {
                world.insert(entity, Tag).unwrap();
            }
            entity
        })
        .collect();
    (world, entities)
}

#[test]
fn what_matches() {
    let (mut world, entities) = sample();
    macro_rules! matches {
        ($($data:ty, $filter:ty => $expected:expr;)*) => {$({
            let expected: &[usize] = &$expected;
            let ids = |found: Vec<Entity>| {
                let mut bits: Vec<usize> = found.iter().map(|e| entities.iter().position(|x| x == e).unwrap()).collect();
                bits.sort();
                bits
            };
            let name = stringify!($data, $filter);
            let adhoc = world.query_filtered_mut::<(Entity, $data), $filter>().into_iter().map(|(e, _)| e).collect();
            assert_eq!(ids(adhoc), expected, "{name}");
            let mut state = QueryState::<(Entity, $data), $filter>::new(&mut world);
            let cached = state.query(&world).into_iter().map(|(e, _)| e).collect();
            assert_eq!(ids(cached), expected, "cached {name}");
            let folded = { let mut v = Vec::new(); state.query_mut(&mut world).for_each(|(e, _)| v.push(e)); v };
            assert_eq!(ids(folded), expected, "folded {name}");
            let tables = world.tables_filtered::<$data, $filter>().flat_map(|t| t.entities().to_vec()).collect();
            assert_eq!(ids(tables), expected, "tables {name}");
            let query = state.query(&world);
            let by_get = entities.iter().copied().filter(|&e| query.get(e).is_some()).collect();
            assert_eq!(ids(by_get), expected, "get {name}");
        })*};
    }
    matches! {
        (), () => [0, 1, 2, 3, 4, 5, 6, 7];
        &A, () => [1, 3, 5, 7];
        &mut A, () => [1, 3, 5, 7];
        Mut<A>, () => [1, 3, 5, 7];
        (&mut A, &B), () => [3, 7];
        (&A, &A), () => [1, 3, 5, 7];
        (&A, Option<&mut B>), () => [1, 3, 5, 7];
        Option<(&A, &B)>, () => [0, 1, 2, 3, 4, 5, 6, 7];
        (&A, Has<Tag>), () => [1, 3, 5, 7];
        &A, With<B> => [3, 7];
        &A, Without<B> => [1, 5];
        (), (With<A>, Without<B>, With<Tag>) => [5];
        (), Or<(With<A>, With<B>)> => [1, 2, 3, 5, 6, 7];
        (), Or<(Without<A>, Without<B>)> => [0, 1, 2, 4, 5, 6];
        (), (Or<(With<A>, With<B>)>, Without<Tag>) => [1, 2, 3];
        (), Or<((With<A>, With<B>), With<Tag>)> => [3, 4, 5, 6, 7];
        &Never, () => [];
        (), Without<Never> => [0, 1, 2, 3, 4, 5, 6, 7];
        Option<&Never>, With<A> => [1, 3, 5, 7];
        (), Or<()> => [];
    }
}

#[test]
fn items_are_those_of_the_row() {
    let mut world = World::new();
    let entities =
        world.spawn_batch((0..3000u32).map(|i| (A(i), B(u64::from(i) * 2), Text(i.to_string()))));
    for (row, (entity, a, b, text)) in world
        .query_mut::<(Entity, &A, &mut B, &Text)>()
        .into_iter()
        .enumerate()
    {
        assert_eq!(
            (entity, a.0 as usize, text.0.as_str()),
            (entities[row], row, row.to_string().as_str())
        );
        b.0 += 1;
    }
    assert!(
        world
            .query::<(&A, &B)>()
            .into_iter()
            .all(|(a, b)| b.0 == u64::from(a.0) * 2 + 1)
    );
    let slices: Vec<_> = world
        .query::<(Entity, &A, Option<&B>, Option<&Never>)>()
        .into_slices()
        .collect();
    assert_eq!(slices.len(), 1);
    let (ids, a, b, never) = slices[0];
    assert_eq!(
        (ids, a.len(), b.map(<[B]>::len), never.is_some()),
        (&entities[..], 3000, Some(3000), false)
    );
}

#[test]
fn iteration_can_be_interrupted_and_resumed() {
    let mut world = World::new();
    for i in 0..10 {
        world.spawn(A(i));
        world.spawn((A(i + 10), Tag));
    }
    let mut iter = world.query::<&A>().into_iter();
    let first: Vec<u32> = iter.by_ref().take(7).map(|a| a.0).collect();
    let mut rest: Vec<u32> = Vec::new();
    iter.for_each(|a| rest.push(a.0));
    let mut all = [first, rest].concat();
    all.sort();
    assert!(all.into_iter().eq(0..20));
}

#[test]
fn a_cached_query_follows_new_tables_and_new_components() {
    let mut world = World::new();
    let mut query = QueryState::<(&A, Option<&B>), Without<Never>>::new(&mut world);
    assert_eq!(query.query(&world).count(), 0);
    world.spawn(A(1));
    assert_eq!(query.query(&world).count(), 1);
    let second = world.spawn((A(1), B(1)));
    assert_eq!(
        query
            .query(&world)
            .into_iter()
            .filter(|(_, b)| b.is_some())
            .count(),
        1
    );
    world.insert(second, Never).unwrap();
    assert_eq!(query.query(&world).count(), 1);
    assert_eq!(
        query.tables(&world).count(),
        1,
        "the table left empty is passed over"
    );
}

#[test]
#[should_panic(expected = "another world")]
fn a_cached_query_knows_its_world() {
    let mut world = World::new();
    let mut query = QueryState::<&A>::new(&mut world);
    let _ = query.query(&World::new());
}

#[test]
fn many_tables_match_across_word_boundaries() {
    macro_rules! kinds {
        ($($name:ident)*) => {
            $(#[derive(Component)] struct $name;)*
            fn spawn(world: &mut World, bits: u32) -> Entity {
                let entity = world.spawn(A(bits));
                let mut bit = 0;
                $(if bits >> bit & 1 == 1 { world.insert(entity, $name).unwrap(); } bit += 1;)*
                let _ = bit;
                entity
            }
        };
    }
    kinds!(K0 K1 K2 K3 K4 K5 K6 K7);
    let mut world = World::new();
    let entities: Vec<Entity> = (0..256).map(|bits| spawn(&mut world, bits)).collect();
    let found: Vec<u32> = world
        .query_filtered::<&A, (With<K0>, With<K7>, Without<K3>)>()
        .into_iter()
        .map(|a| a.0)
        .collect();
    let expected = |bits: &u32| bits & 1 == 1 && bits >> 7 == 1 && bits >> 3 & 1 == 0;
    assert_eq!(found.len(), (0..256).filter(expected).count());
    assert!(found.iter().all(expected));
    assert_eq!(world.query::<&A>().count(), entities.len());
}

#[test]
fn blocks_start_on_multiples_of_1024_rows() {
    let mut world = World::new();
    world.spawn_batch((0..2500u32).map(|i| (A(i), B(0))));
    world.spawn_batch((2500..2600u32).map(|i| (A(i), B(0), Tag)));
    for (blocks, lengths) in [
        (1, vec![1024, 1024, 452, 100]),
        (2, vec![2048, 452, 100]),
        (9, vec![2500, 100]),
    ] {
        let mut next = 0;
        let mut found = Vec::new();
        for (a, b, never) in world
            .query_mut::<(&A, &mut B, Option<&Never>)>()
            .into_blocks(blocks)
        {
            assert!(a.len() == b.len() && never.is_none());
            found.push(a.len());
            for (a, b) in a.iter().zip(b) {
                assert_eq!(a.0, next);
                (b.0, next) = (u64::from(a.0) + 1, next + 1);
            }
        }
        assert_eq!(found, lengths);
    }
    assert!(
        world
            .query::<(&A, &B)>()
            .into_iter()
            .all(|(a, b)| b.0 == u64::from(a.0) + 1)
    );
}

#[cfg(feature = "rayon")]
#[test]
fn a_parallel_loop_visits_every_row_once() {
    for rows in [0, 1, 1000, 8191, 8192, 100_000] {
        let mut world = World::new();
        world.spawn_batch((0..rows).map(|i| (A(i), B(0))));
        world.spawn_batch((rows..rows + 700).map(|i| (A(i), B(0), Tag)));
        let since = world.change_tick();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        pool.install(|| {
            world
                .query_mut::<(&A, &mut B, Option<&Tag>, Entity)>()
                .par_for_each(|(a, b, ..)| b.0 += u64::from(a.0) + 1);
        });
        assert!(
            world
                .query::<(&A, &B)>()
                .into_iter()
                .all(|(a, b)| b.0 == u64::from(a.0) + 1)
        );
        let changed = world
            .tables::<&B>()
            .flat_map(|table| table.changed_rows::<B>(since))
            .map(|rows| rows.len());
        assert_eq!(changed.sum::<usize>(), rows as usize + 700);
        pool.install(|| {
            world
                .query_filtered_mut::<&mut B, With<Tag>>()
                .par_for_each(|b| b.0 = 0)
        });
        assert_eq!(
            world.query::<&B>().into_iter().filter(|b| b.0 == 0).count(),
            700
        );
    }
}

#[cfg(feature = "rayon")]
#[test]
fn a_panic_in_a_parallel_loop_reaches_the_caller() {
    let mut world = World::new();
    world.spawn_batch((0..50_000u32).map(A));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        pool.install(|| {
            world
                .query_mut::<&mut A>()
                .par_for_each(|a| assert!(a.0 != 40_000, "row"))
        });
    }));
    assert!(result.is_err());
    assert_eq!(world.query::<&A>().count(), 50_000);
}

#[test]
fn several_entities_can_be_written_at_once_if_they_differ() {
    let mut world = World::new();
    let entities = world.spawn_batch((0..10).map(|i| (A(i), B(0))));
    let other = world.spawn((A(100), Tag));
    let lacking = world.spawn(B(0));
    let since = world.change_tick();
    let mut query = world.query_mut::<&mut A>();
    let [a, b, c] = query
        .get_many_mut([entities[3], other, entities[5]])
        .unwrap();
    (a.0, b.0, c.0) = (b.0, c.0, a.0);
    assert!(
        query
            .get_many_mut([entities[1], entities[2], entities[1]])
            .is_none(),
        "named twice"
    );
    assert!(query.get_many_mut([entities[1], lacking]).is_none());
    assert!(
        query
            .get_many_mut([entities[1], Entity::DANGLING])
            .is_none()
    );
    assert_eq!(query.get_many_mut([]).map(|[]| ()), Some(()));
    let values = [entities[3], other, entities[5]].map(|entity| world.get::<A>(entity).unwrap().0);
    assert_eq!(values, [100, 5, 3]);
    let changed = world
        .tables::<&A>()
        .flat_map(|table| table.changed_rows::<A>(since))
        .map(|rows| rows.len());
    assert_eq!(changed.sum::<usize>(), 3, "what was refused is not marked");
}
