//! What can be a bundle.

use storm_ecs::{Bundle, Component, World};

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
