//! Defects found by reading, each a test named after its story.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use storm_ecs::{
    ChildOf, CommandQueue, Component, ComponentSchema, Entity, FieldSchema, Parent, Prefab,
    Relation, RestoreOptions, SnapshotOptions, SnapshotView, Source, TypeSchema, With, World,
};

use crate::support::{A, B, Text};

#[derive(Component, Clone, Debug, PartialEq)]
#[component(storage = "sparse")]
struct Rare(String);

/// Spawns an `A` by command, and notes its handle.
fn spawns_on_removal<T: Component>(world: &mut World) -> Arc<Mutex<Vec<Entity>>> {
    let made = Arc::new(Mutex::new(Vec::new()));
    let list = made.clone();
    world.observe_remove::<T>(move |world, rows| {
        for _ in rows.entities() {
            let entity = world.commands().spawn(A(77)).id();
            list.lock().unwrap().push(entity);
        }
    });
    made
}

#[test]
fn what_watchers_spawn_while_the_world_is_cleared_stays() {
    for reused in [0, 2, 9] {
        let mut world = World::new();
        for entity in world.spawn_batch((0..reused).map(A)) {
            world.despawn(entity).unwrap();
        }
        world.spawn_batch([B(1), B(2), B(3)]);
        world.spawn(());
        let made = spawns_on_removal::<B>(&mut world);
        world.clear();
        assert_eq!(world.take_watch_errors(), [], "{reused}");
        for &entity in &*made.lock().unwrap() {
            assert_eq!(world.get(entity), Some(&A(77)), "{reused}");
        }
        assert_eq!(world.len(), 3, "{reused}");
        let others: Vec<Entity> = (0..10).map(|i| world.spawn(A(i))).collect();
        for entity in &*made.lock().unwrap() {
            assert!(!others.contains(entity), "{reused}");
        }
    }
}

#[test]
fn what_watchers_spawn_while_bare_entities_end_stays() {
    let mut world = World::new();
    world.spawn(Rare("a".into()));
    world.spawn(());
    let made = spawns_on_removal::<Rare>(&mut world);
    assert_eq!(world.despawn_where::<()>(), 2);
    assert_eq!(world.take_watch_errors(), []);
    let made = made.lock().unwrap()[0];
    assert_eq!(world.get(made), Some(&A(77)));
    assert_eq!(world.len(), 1);
    assert_ne!(world.spawn(A(1)), made);
}

#[test]
fn watchers_that_end_others_do_not_upset_a_bulk_insertion() {
    let mut world = World::new();
    world.spawn((A(1), Text("old".into())));
    let others = world.spawn_batch((0..5).map(|i| (A(i), B(1), Text("old".into()))));
    world.observe_insert::<Text>(move |world, _| {
        for &other in &others {
            world.commands().despawn(other);
        }
    });
    world.insert_where::<With<A>, _>(Text("new".into()));
    assert_eq!(world.len(), 1);
}

#[derive(Component, Clone, Debug, PartialEq)]
struct Number(u64, u64, u64);

#[test]
fn watchers_that_recycle_numbers_do_not_upset_a_bulk_insertion() {
    let mut world = World::new();
    // The bundle's number: given first, so that another bundle gets it afterwards.
    let first = world.spawn(Text("old".into()));
    let second = world.spawn(A(1));
    let done = AtomicBool::new(false);
    world.observe_insert::<Text>(move |world, _| {
        if !done.swap(true, Ordering::Relaxed) {
            world.commands().run(|world| {
                let bare = world.spawn(());
                world.despawn(bare).unwrap();
                let e = world.spawn((A(1), B(1)));
                world.despawn(e).unwrap();
                world.recycle_tables();
                world.spawn(Number(1, 2, 3));
            });
        }
    });
    world.insert_where::<(), _>(Text("new".into()));
    assert_eq!(world.get(first), Some(&Text("new".into())));
    assert_eq!(world.get(second), Some(&Text("new".into())));
    assert!(!world.has::<Number>(second));
}

#[derive(Component, Debug, PartialEq)]
struct Gone(u32);
#[derive(Component, Debug, PartialEq)]
struct First(u64);
#[derive(Component, Debug, PartialEq)]
struct Second(u64);

#[test]
fn a_component_unregistered_twice_at_once_gives_its_number_once() {
    let mut world = World::new();
    world.spawn(Gone(1));
    world.observe_remove::<Gone>(|world, _| {
        world.commands().run(|world| {
            world.unregister::<Gone>();
        });
    });
    world.unregister::<Gone>();
    let (first, second) = (world.register::<First>(), world.register::<Second>());
    assert_ne!(first.index(), second.index());
    let entity = world.spawn(First(1));
    assert_eq!(world.get::<Second>(entity), None);
}

fn wet(fields: usize) -> ComponentSchema {
    let fields = (0..fields).map(|i| FieldSchema::new(format!("f{i}"), TypeSchema::Float(4)));
    ComponentSchema::plain("review.Wet", fields.collect()).unwrap()
}

#[test]
fn a_prefab_knows_a_runtime_component_of_another_layout_as_another() {
    for (here, there) in [(1, 5), (5, 1)] {
        let mut world = World::new();
        let id = world.register_dynamic(wet(here)).unwrap();
        let root = world.spawn(());
        world
            .insert_bytes(root, &[(id, &vec![0; here * 4])])
            .unwrap();
        let prefab = Prefab::capture(&world, root).unwrap();
        let mut other = World::new();
        other.register_dynamic(wet(there)).unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| prefab.instantiate(&mut other, 3)));
        assert!(matches!(result, Ok(Err(_))), "an error, not a panic");
        assert!(other.is_empty(), "nothing is made then");
    }
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(pod)]
#[repr(C)]
struct Plain(u32);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(pod, storage = "sparse")]
#[repr(C)]
struct RarePlain(u32);

#[test]
fn observers_of_a_prefabs_sparse_components_see_no_values_of_others() {
    let mut world = World::new();
    let root = world.spawn(());
    for i in 0..6 {
        let child = world.spawn((Plain(i), ChildOf(root)));
        if i % 2 == 1 {
            world.insert(child, RarePlain(i)).unwrap();
        }
    }
    let prefab = Prefab::capture(&world, root).unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    world.observe_insert::<RarePlain>(move |world, rows| {
        assert_eq!(
            world.values::<Plain>(rows),
            None,
            "they are not side by side"
        );
        for &entity in rows.entities() {
            let value = world.get::<RarePlain>(entity).unwrap();
            assert_eq!(world.get(entity), Some(&Plain(value.0)));
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    prefab.instantiate(&mut world, 2).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 6);
}

#[test]
fn an_absurd_number_of_copies_makes_nothing() {
    let mut world = World::new();
    let root = world.spawn(Plain(1));
    world.spawn((Plain(2), ChildOf(root)));
    world.spawn((Plain(3), ChildOf(root)));
    let prefab = Prefab::capture(&world, root).unwrap();
    // Three times this is 1, modulo two to the 64.
    let count = usize::MAX / 3 * 2 + 1;
    assert_eq!(count.wrapping_mul(3), 1);
    let result = catch_unwind(AssertUnwindSafe(|| prefab.instantiate(&mut world, count)));
    let message = *result.unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(message, "too many entities");
    assert_eq!(world.len(), 3);
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(schema, pod)]
#[repr(C)]
struct Score(u32);

#[test]
fn a_delta_calls_no_observer() {
    let (mut source, mut target) = (World::new(), World::new());
    for world in [&mut source, &mut target] {
        world.register::<Score>();
    }
    let made = source.spawn_batch((0..4).map(Score));
    let base = source.snapshot(&SnapshotOptions::default()).unwrap();
    let since = SnapshotView::parse(base.as_bytes(), &RestoreOptions::default())
        .unwrap()
        .tick();
    target
        .restore(base.as_bytes(), &RestoreOptions::default())
        .unwrap();
    source.despawn(made[1]).unwrap();
    source.despawn(made[2]).unwrap();
    source.spawn(Score(8));
    let delta = source.delta(since, &SnapshotOptions::default()).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    target.observe_remove::<Score>(move |world, _| {
        count.fetch_add(1, Ordering::Relaxed);
        world.commands().spawn(A(1));
        world.commands().spawn(A(1));
    });
    target
        .apply_delta(delta.as_bytes(), &RestoreOptions::default())
        .unwrap();
    let state = |world: &World| {
        let mut all: Vec<(u32, u16)> = world
            .entities()
            .map(|entity| (entity.index(), entity.generation()))
            .collect();
        all.sort_unstable();
        all
    };
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert_eq!(state(&target), state(&source));
}

struct Likes;
impl Relation for Likes {
    const NAME: &'static str = "review.Likes";
    type Data = ();
}
#[derive(Component, Debug, PartialEq)]
#[component(storage = "tag")]
struct Unrelated;

#[test]
fn a_tag_that_takes_the_number_of_a_relations_tag_is_not_set_by_relating() {
    let mut world = World::new();
    let [a, b, c] = [(); 3].map(|()| world.spawn(()));
    world.relate::<Likes>(a, b, ()).unwrap();
    world.unregister::<Source<Likes>>();
    world.register::<Unrelated>();
    world.relate::<Likes>(b, c, ()).unwrap();
    assert!(!world.has::<Unrelated>(b));
    assert!(world.has::<Source<Likes>>(b));
}

#[test]
fn the_world_keeps_its_own_tags_known() {
    let mut world = World::new();
    let root = world.spawn(());
    let child = world.spawn(ChildOf(root));
    world.unregister::<Parent>();
    assert_eq!(world.child_count(root), 1);
    assert!(world.has::<Parent>(root));
    world.despawn(root).unwrap();
    assert!(!world.contains(child));
}

#[derive(Component, Debug)]
struct Bomb(bool);
impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0 || std::thread::panicking(), "the bomb");
    }
}

#[test]
fn a_drop_that_panics_loses_its_command_only_merged_or_not() {
    let mut world = World::new();
    // Once unharmed, so that the sequence is known.
    for armed in [false, true] {
        let entity = world.spawn((Bomb(armed), A(1)));
        let mut queue = CommandQueue::new();
        let mut commands = queue.commands(&world);
        commands.entity(entity).insert(Bomb(false)).remove::<A>();
        commands.insert(entity, B(5));
        let result = catch_unwind(AssertUnwindSafe(|| queue.apply(&mut world)));
        assert_eq!(result.is_err(), armed);
        queue.apply(&mut world);
        assert!(!world.has::<A>(entity), "{armed}");
        assert_eq!(world.get(entity), Some(&B(5)), "{armed}");
    }
}

#[test]
fn children_of_a_batch_that_panics_are_linked() {
    let mut world = World::new();
    let root = world.spawn(());
    let result = catch_unwind(AssertUnwindSafe(|| {
        world.spawn_batch((0..4).map(|i| {
            assert!(i < 3, "enough");
            ChildOf(root)
        }))
    }));
    assert!(result.is_err());
    assert_eq!(world.len(), 4, "the entities made so far stay");
    assert_eq!(world.child_count(root), 3);
    world.despawn(root).unwrap();
    assert!(world.is_empty());
}

#[test]
fn a_million_levels_cost_no_stack() {
    let mut world = World::new();
    let root = world.spawn(Plain(0));
    let mut at = root;
    let levels = 300_000;
    for i in 1..levels {
        at = world.spawn((Plain(i), ChildOf(at)));
    }
    assert_eq!(world.descendants(root).count(), levels as usize - 1);
    assert_eq!(world.ancestors(at).count(), levels as usize - 1);
    #[cfg(feature = "scene")]
    {
        use storm_ecs::scene::{GlobalTransform, Propagation, Transform};
        world.insert_where::<(), _>(Transform::IDENTITY);
        Propagation::new().run(&mut world);
        assert!(world.has::<GlobalTransform>(at));
    }
    let bytes = world.snapshot(&SnapshotOptions::default()).unwrap();
    let mut other = World::new();
    other.register::<Plain>();
    other.register::<ChildOf>();
    #[cfg(feature = "scene")]
    {
        other.register::<storm_ecs::scene::Transform>();
        other.register::<storm_ecs::scene::GlobalTransform>();
    }
    other
        .restore(bytes.as_bytes(), &RestoreOptions::default())
        .unwrap();
    assert_eq!(other.len(), world.len());
    let prefab = Prefab::capture(&world, root).unwrap();
    let copies = prefab.instantiate(&mut world, 1).unwrap();
    world.despawn(root).unwrap();
    assert_eq!(world.len(), levels as usize);
    world.despawn(copies[0]).unwrap();
    assert!(world.is_empty());
}

#[test]
fn indices_that_a_user_takes_away_are_made_anew() {
    let mut world = World::new();
    let [a, b, c] = [(); 3].map(|()| world.spawn(()));
    world.relate::<Likes>(a, b, ()).unwrap();
    let child = world.spawn(ChildOf(a));
    let _ = world.remove_resource::<storm_ecs::Relations<Likes>>();
    let _ = world.remove_resource::<storm_ecs::Hierarchy>();
    world.relate::<Likes>(b, c, ()).unwrap();
    world.spawn(ChildOf(b));
    assert_eq!(world.relation_count::<Likes>(), 1);
    let bytes = world.snapshot(&SnapshotOptions::default()).unwrap();
    world
        .restore(bytes.as_bytes(), &RestoreOptions::default())
        .unwrap();
    world.despawn(a).unwrap();
    assert!(!world.contains(child));
    world.despawn(b).unwrap();
    assert_eq!(world.len(), 1);
}

#[test]
fn a_row_that_no_table_has_is_none() {
    let mut world = World::new();
    world.spawn(Plain(1));
    let id = world.register::<Plain>();
    let query = storm_ecs::DynamicQuery::new(&world).write(id).unwrap();
    query.for_each_mut(&mut world, |mut table| {
        assert!(table.slices_mut()[0].row_mut(usize::MAX).is_none());
    });
}
