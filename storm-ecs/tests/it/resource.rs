//! Resources: one a type, with change ticks.

use storm_ecs::{ChangeTick, Resource, World};

#[derive(Resource, Debug, Default, PartialEq)]
struct Score(u32);
#[derive(Resource, Debug, PartialEq)]
struct Shelf<T>(Vec<T>);

#[test]
fn a_world_has_at_most_one_of_each_type() {
    let mut world = World::new();
    assert!(!world.has_resource::<Score>());
    assert_eq!(world.insert_resource(Score(1)), None);
    assert_eq!(world.insert_resource(Score(2)), Some(Score(1)));
    assert_eq!(world.insert_resource(Shelf(vec![1u8])), None);
    assert_eq!(world.insert_resource(Shelf(vec!["a"])), None);
    assert_eq!(world.resource::<Shelf<u8>>(), Some(&Shelf(vec![1])));
    world.resource_mut::<Shelf<&str>>().unwrap().0.push("b");
    assert_eq!(world.remove_resource(), Some(Shelf(vec!["a", "b"])));
    assert_eq!(world.remove_resource::<Shelf<&str>>(), None);
    assert_eq!(world.init_resource::<Score>(), &Score(2));
    world.remove_resource::<Score>();
    assert_eq!(world.init_resource::<Score>(), &Score(0));
}

#[test]
fn a_resource_counts_as_changed_once_written() {
    let mut world = World::new();
    assert!(!world.resource_changed::<Score>(ChangeTick::NEVER));
    type Step = (&'static str, fn(&mut World), bool);
    let steps: &[Step] = &[
        (
            "insert",
            |world| {
                world.insert_resource(Score(1));
            },
            true,
        ),
        (
            "read",
            |world| assert!(world.resource::<Score>().is_some()),
            false,
        ),
        (
            "write",
            |world| world.resource_mut::<Score>().unwrap().0 = 2,
            true,
        ),
        ("init", |world| world.init_resource::<Score>().0 = 3, true),
        (
            "scope",
            |world| {
                world
                    .resource_scope(|_, score: &mut Score| score.0 = 4)
                    .unwrap()
            },
            true,
        ),
        (
            "remove",
            |world| {
                world.remove_resource::<Score>();
            },
            false,
        ),
    ];
    for (what, step, changed) in steps {
        let seen = world.change_tick();
        step(&mut world);
        assert_eq!(world.resource_changed::<Score>(seen), *changed, "{what}");
    }
}

#[test]
fn a_scope_lends_the_resource_and_the_rest_of_the_world() {
    let mut world = World::new();
    assert_eq!(world.resource_scope(|_, _: &mut Score| ()), None);
    world.insert_resource(Score(1));
    let made = world.resource_scope(|world, score: &mut Score| {
        assert!(!world.has_resource::<Score>());
        score.0 += 1;
        world.spawn(())
    });
    assert!(world.contains(made.unwrap()));
    assert_eq!(world.resource(), Some(&Score(2)));
}
