//! What can be a bundle.

use storm_ecs::{Bundle, Changed, Component, Entity, With, Without, World};

use crate::support::{A, B, Tag, Text};

#[derive(Bundle)]
struct Named {
    text: Text,
    both: (A, B),
}

#[derive(Bundle)]
struct Generic<T: Component>(T, Tag);

#[test]
fn structs_tuples_and_components_nest() {
    let mut world = World::new();
    let entity = world.spawn((Generic(A(1), Tag), Text("x".into()), ((B(2),),)));
    assert_eq!(
        world
            .query::<(&A, &B, &Text, &Tag)>()
            .get(entity)
            .map(|(a, b, ..)| (a.0, b.0)),
        Some((1, 2))
    );
    let named = world.spawn(Named {
        text: Text("y".into()),
        both: (A(3), B(4)),
    });
    let taken = world.take::<Named>(named).unwrap();
    assert_eq!((taken.text.0.as_str(), taken.both), ("y", (A(3), B(4))));
    assert!(world.contains(named) && !world.has::<A>(named));
}

#[test]
fn the_order_of_a_bundle_does_not_matter() {
    let mut world = World::new();
    world.spawn((A(1), B(1), Tag));
    world.spawn((Tag, B(2), A(2)));
    assert_eq!(world.tables::<&A>().count(), 1);
    assert_eq!(
        world
            .query::<(&B, &A)>()
            .into_iter()
            .filter(|(b, a)| b.0 == u64::from(a.0))
            .count(),
        2
    );
}

#[test]
fn sixteen_components_fit() {
    macro_rules! many {
        ($($name:ident)*) => {
            $(#[derive(Component)] struct $name;)*
            let mut world = World::new();
            let entity = world.spawn(($($name,)*));
            $(assert!(world.has::<$name>(entity));)*
        };
    }
    many!(C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15);
}

#[test]
#[should_panic(expected = "has component storm-ecs.A twice")]
fn a_component_twice_is_refused() {
    World::new().spawn((A(1), (B(1), A(2))));
}

/// Components that are told apart by a number.
#[derive(Clone, Debug, PartialEq)]
struct Numbered<const N: usize>(usize);

macro_rules! numbered {
    ($($number:literal)*) => {$(
        impl Component for Numbered<$number> {
            const NAME: &'static str = concat!("numbered.", $number);
        }
    )*};
}

numbered!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17);

#[test]
fn a_bundle_of_any_size_is_given_to_whole_tables() {
    let mut world = World::new();
    let made = world.spawn_batch((0..100).map(A));
    let wide = (
        (
            Numbered::<0>(0),
            Numbered::<1>(1),
            Numbered::<2>(2),
            Numbered::<3>(3),
            Numbered::<4>(4),
            Numbered::<5>(5),
            Numbered::<6>(6),
            Numbered::<7>(7),
            Numbered::<8>(8),
        ),
        (
            Numbered::<9>(9),
            Numbered::<10>(10),
            Numbered::<11>(11),
            Numbered::<12>(12),
            Numbered::<13>(13),
            Numbered::<14>(14),
            Numbered::<15>(15),
            Numbered::<16>(16),
            Numbered::<17>(17),
        ),
    );
    assert_eq!(world.insert_where::<With<A>, _>(wide), 100);
    for (number, &entity) in made.iter().enumerate() {
        assert_eq!(world.get(entity), Some(&A(number as u32)));
        assert_eq!(world.get(entity), Some(&Numbered::<0>(0)));
        assert_eq!(world.get(entity), Some(&Numbered::<15>(15)));
        assert_eq!(world.get(entity), Some(&Numbered::<16>(16)));
        assert_eq!(world.get(entity), Some(&Numbered::<17>(17)));
    }
}

#[test]
fn a_table_that_changes_hands_keeps_its_ticks_and_its_values() {
    let mut world = World::new();
    let made = world.spawn_batch((0..3000).map(|i| (A(i), Text(i.to_string()))));
    let born = world.change_tick();
    let marked: Vec<_> = made.iter().copied().step_by(7).collect();
    for &entity in &marked {
        world.get_mut::<A>(entity).unwrap().0 += 1;
    }
    let written = world.change_tick();
    let changed = |world: &World, since| {
        let query = world.query_filtered::<Entity, Changed<A>>().since(since);
        let mut found: Vec<_> = query.into_iter().collect();
        found.sort();
        found
    };
    // To and fro: onto an empty table, onto one with another capacity, onto one with rows.
    for round in 0..4 {
        if round == 2 {
            world.spawn((A(0), Text(String::new()), B(0)));
        }
        assert_eq!(
            world.insert_where::<(With<A>, Without<B>), _>(B(round)),
            3000 + usize::from(round == 3)
        );
        assert_eq!(&changed(&world, born)[..marked.len()], &marked[..]);
        assert!(changed(&world, written).len() <= 1);
        world.remove_where::<With<A>, B>();
        assert_eq!(&changed(&world, born)[..marked.len()], &marked[..]);
    }
    for (number, &entity) in made.iter().enumerate() {
        let expected = number as u32 + u32::from(number % 7 == 0);
        assert_eq!(world.get(entity), Some(&A(expected)));
        assert_eq!(world.get::<Text>(entity).unwrap().0, number.to_string());
    }
}
