//! Every kind of storage, tracking and value through every operation: the table of cases at the end makes one test a pair.

use std::cell::Cell;
use std::collections::BTreeSet;

use storm_ecs::{
    Added, Changed, CommandQueue, Component, Entity, Has, Mut, Or, QueryState, Track, With,
    Without, World,
};

use crate::support::Random;

thread_local! {
    static ALIVE: Cell<i64> = const { Cell::new(0) };
}

/// A value that counts how many of it there are.
#[derive(Debug)]
struct Counted(Box<u32>);

impl Counted {
    fn new(value: u32) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self(Box::new(value))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

/// A component of some storage under test.
trait Probe: Component {
    fn make(value: u32) -> Self;
    /// What was put in; 0 if it holds nothing.
    fn value(&self) -> u32;
    fn set(&mut self, value: u32);
    /// Whether it holds anything.
    const HOLDS: bool = true;
}

macro_rules! probe {
    ($name:ident, plain, $($option:tt)*) => {
        #[derive(Component, Debug)]
        #[component($($option)*)]
        struct $name(u32);
        impl Probe for $name {
            fn make(value: u32) -> Self {
                Self(value)
            }
            fn value(&self) -> u32 {
                self.0
            }
            fn set(&mut self, value: u32) {
                self.0 = value;
            }
        }
    };
    ($name:ident, counted, $($option:tt)*) => {
        #[derive(Component, Debug)]
        #[component($($option)*)]
        struct $name(Counted);
        impl Probe for $name {
            fn make(value: u32) -> Self {
                Self(Counted::new(value))
            }
            fn value(&self) -> u32 {
                *self.0.0
            }
            fn set(&mut self, value: u32) {
                *self.0.0 = value;
            }
        }
    };
    ($name:ident, empty, $($option:tt)*) => {
        #[derive(Component, Debug)]
        #[component($($option)*)]
        struct $name;
        impl Probe for $name {
            fn make(_: u32) -> Self {
                Self
            }
            fn value(&self) -> u32 {
                0
            }
            fn set(&mut self, _: u32) {}
            const HOLDS: bool = false;
        }
    };
}

probe!(TablePlain, plain, storage = "table");
probe!(TableCounted, counted, storage = "table");
probe!(TableEmpty, empty, storage = "table");
probe!(TableExact, plain, track = "exact");
probe!(TableUntracked, counted, track = "none");
probe!(SparsePlain, plain, storage = "sparse");
probe!(SparseCounted, counted, storage = "sparse");
probe!(SparseEmpty, empty, storage = "sparse");
probe!(SparseExact, counted, storage = "sparse", track = "exact");
probe!(SparseUntracked, plain, storage = "sparse", track = "none");
probe!(TagPlain, empty, storage = "tag");
probe!(TagExact, empty, storage = "tag", track = "exact");
probe!(TagUntracked, empty, storage = "tag", track = "none");

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Other(u32);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Third(u64);

fn expected<P: Probe>(value: u32) -> u32 {
    if P::HOLDS { value } else { 0 }
}

fn owners<P: Probe>(world: &World) -> BTreeSet<Entity> {
    let found: Vec<Entity> = world
        .query_filtered::<Entity, With<P>>()
        .into_iter()
        .collect();
    let set: BTreeSet<Entity> = found.iter().copied().collect();
    assert_eq!(found.len(), set.len(), "each entity once");
    set
}

// --- cases: any storage -------------------------------------------------------------------------------------------

fn what_is_spawned_is_there<P: Probe>(world: &mut World) {
    let entity = world.spawn((Other(1), P::make(7)));
    assert_eq!(world.get::<P>(entity).unwrap().value(), expected::<P>(7));
    assert!(world.has::<P>(entity));
    assert_eq!(world.get(entity), Some(&Other(1)));
}

fn alone_it_is_a_bundle<P: Probe>(world: &mut World) {
    let entity = world.spawn(P::make(3));
    assert_eq!(world.get::<P>(entity).unwrap().value(), expected::<P>(3));
    assert_eq!(world.query::<&P>().count(), 1);
}

fn what_was_not_given_is_not_there<P: Probe>(world: &mut World) {
    let without = world.spawn(Other(1));
    assert!(world.get::<P>(without).is_none() && !world.has::<P>(without));
    world.spawn((Other(2), P::make(1)));
    assert!(world.get::<P>(without).is_none() && !world.has::<P>(without));
    assert!(world.get_mut::<P>(without).is_none());
}

fn inserting_adds<P: Probe>(world: &mut World) {
    let entities = world.spawn_batch((0..10).map(Other));
    world.insert(entities[4], P::make(9)).unwrap();
    assert_eq!(owners::<P>(world), BTreeSet::from([entities[4]]));
    assert_eq!(
        world.get::<P>(entities[4]).unwrap().value(),
        expected::<P>(9)
    );
    assert_eq!(world.get(entities[4]), Some(&Other(4)));
}

fn inserting_again_replaces_and_drops<P: Probe>(world: &mut World) {
    let entity = world.spawn((P::make(1), Other(0)));
    let alive = ALIVE.get();
    world.insert(entity, (Third(5), P::make(2))).unwrap();
    assert_eq!(ALIVE.get(), alive);
    assert_eq!(world.get::<P>(entity).unwrap().value(), expected::<P>(2));
    assert_eq!(world.get(entity), Some(&Third(5)));
    assert_eq!(world.query::<&P>().count(), 1);
}

fn removing_drops<P: Probe>(world: &mut World) {
    let entity = world.spawn((P::make(1), Other(0)));
    let alive = ALIVE.get();
    world.remove::<P>(entity).unwrap();
    assert!(ALIVE.get() <= alive && ALIVE.get() == 0);
    assert!(!world.has::<P>(entity) && world.has::<Other>(entity));
    assert_eq!(owners::<P>(world), BTreeSet::new());
}

fn removing_what_is_not_there_does_nothing<P: Probe>(world: &mut World) {
    let entity = world.spawn(Other(3));
    world.remove::<P>(entity).unwrap();
    world.remove::<(P, Third)>(entity).unwrap();
    assert_eq!(world.get(entity), Some(&Other(3)));
}

fn removing_with_others_takes_both<P: Probe>(world: &mut World) {
    let entity = world.spawn((P::make(1), Other(0), Third(1)));
    world.remove::<(Other, P)>(entity).unwrap();
    assert!(!world.has::<P>(entity) && !world.has::<Other>(entity) && world.has::<Third>(entity));
    assert_eq!(ALIVE.get(), 0);
}

fn taking_moves_out<P: Probe>(world: &mut World) {
    let entity = world.spawn((P::make(6), Other(0)));
    let taken = world.take::<P>(entity).unwrap();
    assert_eq!(taken.value(), expected::<P>(6));
    assert!(!world.has::<P>(entity));
    assert!(world.take::<P>(entity).is_err());
}

fn taking_several_is_all_or_nothing<P: Probe>(world: &mut World) {
    let entity = world.spawn((P::make(6), Other(4)));
    assert!(world.take::<(P, Third)>(entity).is_err());
    assert!(world.has::<P>(entity) && world.has::<Other>(entity));
    let (other, probe) = world.take::<(Other, P)>(entity).unwrap();
    assert_eq!((other, probe.value()), (Other(4), expected::<P>(6)));
    assert!(!world.has::<P>(entity) && !world.has::<Other>(entity));
}

fn despawning_drops_and_frees<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..5).map(|i| (P::make(i), Other(i))));
    world.despawn(made[1]).unwrap();
    world.despawn(made[4]).unwrap();
    assert_eq!(
        owners::<P>(world),
        BTreeSet::from([made[0], made[2], made[3]])
    );
    for &entity in &[made[0], made[2], made[3]] {
        let other = world.get::<Other>(entity).unwrap().0;
        assert_eq!(
            world.get::<P>(entity).unwrap().value(),
            expected::<P>(other)
        );
    }
    for entity in made {
        let _ = world.despawn(entity);
    }
    assert_eq!((world.len(), ALIVE.get()), (0, 0));
}

fn a_reused_slot_does_not_inherit<P: Probe>(world: &mut World) {
    let first = world.spawn((P::make(1), Other(0)));
    world.despawn(first).unwrap();
    let second = world.spawn(Other(1));
    assert_eq!(first.index(), second.index());
    assert!(!world.has::<P>(second) && !world.has::<P>(first));
    assert!(world.get::<P>(first).is_none());
    assert!(world.insert(first, P::make(2)).is_err());
    assert!(world.remove::<P>(first).is_err());
    assert!(world.take::<P>(first).is_err());
    assert_eq!(owners::<P>(world), BTreeSet::new());
    assert_eq!(ALIVE.get(), 0);
}

fn handles_of_another_world_are_refused<P: Probe>(world: &mut World) {
    let mut other = World::new();
    let foreign = other.spawn(P::make(1));
    world.spawn(P::make(2));
    assert!(world.get::<P>(foreign).is_none() && !world.has::<P>(foreign));
    assert!(world.insert(foreign, P::make(3)).is_err());
}

fn a_query_visits_owners_with_all_they_have<P: Probe>(world: &mut World) {
    for i in 0..200 {
        match i % 4 {
            0 => world.spawn(Other(i)),
            1 => world.spawn((Other(i), P::make(i))),
            2 => world.spawn((Third(u64::from(i)), P::make(i), Other(i))),
            _ => world.spawn((Third(u64::from(i)), P::make(i))),
        };
    }
    let mut seen = Vec::new();
    for (other, probe) in world.query::<(&Other, &P)>() {
        assert_eq!(probe.value(), expected::<P>(other.0));
        seen.push(other.0);
    }
    seen.sort_unstable();
    let all: Vec<u32> = (0..200).filter(|i| matches!(i % 4, 1 | 2)).collect();
    assert_eq!(seen, all);
    let mut folded = Vec::new();
    world
        .query::<(&P, &Other)>()
        .for_each(|(_, other)| folded.push(other.0));
    folded.sort_unstable();
    assert_eq!(folded, all);
}

fn a_query_writes<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..100).map(|i| (P::make(i), Other(i))));
    world.spawn(Other(1000));
    for (probe, other) in world.query_mut::<(&mut P, &Other)>() {
        probe.set(other.0 * 2);
    }
    for (i, &entity) in made.iter().enumerate() {
        let value = world.get::<P>(entity).unwrap().value();
        assert_eq!(value, expected::<P>(i as u32 * 2));
    }
}

fn a_guard_writes<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..20).map(|i| (Other(i), P::make(i))));
    for (mut probe, other) in world.query_mut::<(Mut<P>, &Other)>() {
        if other.0 % 2 == 0 {
            probe.set(500);
        }
    }
    assert_eq!(world.get::<P>(made[4]).unwrap().value(), expected::<P>(500));
    assert_eq!(world.get::<P>(made[5]).unwrap().value(), expected::<P>(5));
}

fn an_option_is_there_or_not<P: Probe>(world: &mut World) {
    for i in 0..70u32 {
        let entity = world.spawn(Other(i));
        if i % 3 == 0 {
            world.insert(entity, P::make(i)).unwrap();
        }
    }
    let mut rows = 0;
    for (other, probe, has) in world.query::<(&Other, Option<&P>, Has<P>)>() {
        assert_eq!((probe.is_some(), has), (other.0 % 3 == 0, other.0 % 3 == 0));
        assert!(probe.is_none_or(|probe| probe.value() == expected::<P>(other.0)));
        rows += 1;
    }
    assert_eq!(rows, 70);
    for (probe, other) in world.query_mut::<(Option<&mut P>, &Other)>() {
        if let Some(probe) = probe {
            probe.set(other.0 + 1);
        }
    }
    for (other, probe) in world.query::<(&Other, &P)>() {
        assert_eq!(probe.value(), expected::<P>(other.0 + 1));
    }
}

fn filters_agree_with_has<P: Probe>(world: &mut World) {
    let mut all = Vec::new();
    for i in 0..300u32 {
        let entity = world.spawn(Other(i));
        if i % 2 == 0 {
            world.insert(entity, Third(0)).unwrap();
        }
        if i % 5 == 0 {
            world.insert(entity, P::make(i)).unwrap();
        }
        all.push(entity);
    }
    macro_rules! filter {
        ($filter:ty, $keep:expr) => {
            let keep: fn(u32) -> bool = $keep;
            let found: BTreeSet<Entity> = world
                .query_filtered::<Entity, $filter>()
                .into_iter()
                .collect();
            let expected = all.iter().enumerate().filter(|(i, _)| keep(*i as u32));
            let expected: BTreeSet<Entity> = expected.map(|(_, &entity)| entity).collect();
            assert_eq!(found, expected, stringify!($filter));
            let query = world.query_filtered::<Entity, $filter>();
            for &entity in &all {
                assert_eq!(query.get(entity).is_some(), expected.contains(&entity));
            }
        };
    }
    filter!(With<P>, |i| i % 5 == 0);
    filter!(Without<P>, |i| i % 5 != 0);
    filter!((With<P>, With<Third>), |i| i % 10 == 0);
    filter!((With<P>, Without<Third>), |i| i % 5 == 0 && i % 2 == 1);
    filter!((Without<P>, With<Third>), |i| i % 5 != 0 && i % 2 == 0);
    filter!(Or<(With<P>, With<Third>)>, |i| i % 5 == 0 || i % 2 == 0);
    filter!(Or<(Without<P>, With<Third>)>, |i| i % 5 != 0 || i % 2 == 0);
    filter!((With<Other>, Or<(With<P>, With<Third>)>), |i| i % 5 == 0
        || i % 2 == 0);
}

fn it_stays_with_its_entity_through_moves<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..130).map(Other));
    for (i, &entity) in made.iter().enumerate() {
        if i % 3 != 1 {
            world.insert(entity, P::make(i as u32)).unwrap();
        }
    }
    for (i, &entity) in made.iter().enumerate() {
        match i % 7 {
            0 => world.insert(entity, Third(1)).unwrap(),
            1 => world.remove::<Other>(entity).unwrap(),
            2 => world.despawn(entity).unwrap(),
            3 => {
                world.insert(entity, Third(1)).unwrap();
                world.remove::<(Third, Other)>(entity).unwrap();
            }
            _ => {}
        }
    }
    for (i, &entity) in made.iter().enumerate() {
        let there = i % 3 != 1 && i % 7 != 2;
        assert_eq!(world.has::<P>(entity), there, "{i}");
        let value = world.get::<P>(entity).map(P::value);
        assert_eq!(value, there.then(|| expected::<P>(i as u32)), "{i}");
    }
}

fn whole_tables_move_with_it<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..100).map(Other));
    for (i, &entity) in made.iter().enumerate().step_by(2) {
        world.insert(entity, P::make(i as u32)).unwrap();
    }
    assert_eq!(world.insert_where::<With<Other>, _>(Third(1)), 100);
    assert_eq!(world.remove_where::<With<Third>, Other>(), 100);
    for (i, &entity) in made.iter().enumerate() {
        let value = world.get::<P>(entity).map(P::value);
        assert_eq!(value, (i % 2 == 0).then(|| expected::<P>(i as u32)));
    }
    assert_eq!(world.remove_where::<With<P>, P>(), 50);
    assert_eq!(
        (owners::<P>(world).len(), ALIVE.get(), world.len()),
        (0, 0, 100)
    );
}

fn whole_tables_end_by_it<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..100).map(Other));
    for &entity in made.iter().step_by(4) {
        world.insert(entity, (P::make(1), Third(2))).unwrap();
    }
    assert_eq!(world.despawn_where::<With<P>>(), 25);
    assert_eq!(
        (world.len(), ALIVE.get(), owners::<P>(world).len()),
        (75, 0, 0)
    );
    assert_eq!(world.query::<&Third>().count(), 0);
    for &entity in made.iter().skip(1).step_by(4) {
        world.insert(entity, P::make(1)).unwrap();
    }
    assert_eq!(world.despawn_where::<Without<P>>(), 50);
    assert_eq!(world.despawn_where::<With<Other>>(), 25);
    assert_eq!((world.len(), ALIVE.get()), (0, 0));
}

fn clearing_drops_all<P: Probe>(world: &mut World) {
    world.spawn_batch((0..50).map(|i| (P::make(i), Other(i))));
    world.spawn(P::make(1));
    world.clear();
    assert_eq!(
        (world.len(), ALIVE.get(), owners::<P>(world).len()),
        (0, 0, 0)
    );
    let entity = world.spawn(P::make(4));
    assert_eq!(owners::<P>(world), BTreeSet::from([entity]));
}

fn numbers_know_it<P: Probe>(world: &mut World) {
    let entity = world.spawn((Other(1), P::make(2)));
    let id = world.component_named(P::NAME).unwrap().id();
    assert_eq!(
        world.component_named(P::NAME).unwrap().storage(),
        P::STORAGE
    );
    assert!(world.has_id(entity, id));
    let other = world.component_named(Other::NAME).unwrap().id();
    let mut all = vec![id, other];
    all.sort_unstable();
    assert_eq!(world.components_of(entity).unwrap(), all);
    world.remove_ids(entity, &[other, id]).unwrap();
    assert_eq!(world.components_of(entity).unwrap(), []);
    assert!(!world.has_id(entity, id));
    assert_eq!(ALIVE.get(), 0);
}

fn commands_carry_it<P: Probe>(world: &mut World) {
    let before = world.spawn((Other(0), P::make(1)));
    let mut queue = CommandQueue::new();
    let made = queue.commands(world).spawn((P::make(5), Other(2))).id();
    queue
        .commands(world)
        .entity(before)
        .remove::<P>()
        .insert(Third(1));
    assert!(queue.apply(world).is_empty());
    assert_eq!(owners::<P>(world), BTreeSet::from([made]));
    queue.commands(world).insert(before, P::make(8));
    queue.commands(world).despawn(made);
    assert!(queue.apply(world).is_empty());
    assert_eq!(owners::<P>(world), BTreeSet::from([before]));
    assert_eq!(world.get::<P>(before).unwrap().value(), expected::<P>(8));
}

fn commands_never_applied_drop_it<P: Probe>(world: &mut World) {
    let mut queue = CommandQueue::new();
    let _ = queue.commands(world).spawn((P::make(5), Other(2))).id();
    drop(queue);
    assert_eq!(ALIVE.get(), 0);
}

fn a_kept_query_sees_later_owners<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..10).map(Other));
    let mut kept = QueryState::<(Entity, &P), With<Other>>::new(world);
    assert_eq!(kept.query(world).count(), 0);
    world.insert(made[3], P::make(3)).unwrap();
    assert_eq!(kept.query(world).count(), 1);
    world.insert(made[7], (Third(1), P::make(7))).unwrap();
    let found: BTreeSet<Entity> = kept.query(world).iter().map(|(entity, _)| entity).collect();
    assert_eq!(found, BTreeSet::from([made[3], made[7]]));
    world.remove::<P>(made[3]).unwrap();
    assert_eq!(kept.query(world).count(), 1);
}

fn several_at_once_are_different<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..3).map(|i| (Other(i), P::make(i))));
    let lacks = world.spawn(Other(9));
    let mut query = world.query_mut::<&mut P>();
    assert!(query.get_many_mut([made[0], made[0]]).is_none());
    assert!(query.get_many_mut([made[0], lacks]).is_none());
    let [a, b] = query.get_many_mut([made[0], made[2]]).unwrap();
    a.set(10);
    b.set(12);
    assert_eq!(world.get::<P>(made[2]).unwrap().value(), expected::<P>(12));
    assert_eq!(world.get::<P>(made[1]).unwrap().value(), expected::<P>(1));
}

fn memory_given_back_is_not_needed<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..3000).map(|i| (Other(i), P::make(i))));
    for &entity in &made[10..] {
        world.remove::<P>(entity).unwrap();
    }
    let before = world.memory_report().total_bytes();
    while world.compact(1 << 20) > 0 {}
    assert!(world.memory_report().total_bytes() <= before);
    for (i, &entity) in made[..10].iter().enumerate() {
        assert_eq!(
            world.get::<P>(entity).unwrap().value(),
            expected::<P>(i as u32)
        );
    }
    world.insert(made[50], P::make(50)).unwrap();
    assert_eq!(owners::<P>(world).len(), 11);
}

fn it_agrees_with_a_set_under_random_operations<P: Probe>(world: &mut World) {
    let mut random = Random::new(7);
    let mut model: std::collections::BTreeMap<Entity, Option<u32>> = Default::default();
    for step in 0..4000u32 {
        let known: Vec<Entity> = model.keys().copied().collect();
        let any = |random: &mut Random| known[random.below(known.len())];
        match random.below(10) {
            0..=2 => {
                model.insert(world.spawn(Other(step)), None);
            }
            3 => {
                model.insert(world.spawn((P::make(step), Other(step))), Some(step));
            }
            4 | 5 if !known.is_empty() => {
                let entity = any(&mut random);
                world.insert(entity, P::make(step)).unwrap();
                model.insert(entity, Some(step));
            }
            6 if !known.is_empty() => {
                let entity = any(&mut random);
                world.remove::<P>(entity).unwrap();
                model.insert(entity, None);
            }
            7 if !known.is_empty() => {
                let entity = any(&mut random);
                world.despawn(entity).unwrap();
                model.remove(&entity);
            }
            8 if !known.is_empty() => world.insert(any(&mut random), Third(1)).unwrap(),
            9 if !known.is_empty() => world.remove::<Third>(any(&mut random)).unwrap(),
            _ => {}
        }
        if step % 97 == 0 {
            let found: BTreeSet<Entity> = owners::<P>(world);
            let owned = model.iter().filter(|(_, value)| value.is_some());
            assert_eq!(found, owned.map(|(&entity, _)| entity).collect());
            for (&entity, value) in &model {
                let found = world.get::<P>(entity).map(P::value);
                assert_eq!(found, value.map(expected::<P>));
            }
        }
    }
    world.clear();
    assert_eq!(ALIVE.get(), 0);
}

// --- cases: tracked components ------------------------------------------------------------------------------------

fn changed<P: Probe>(world: &World, since: storm_ecs::ChangeTick) -> BTreeSet<Entity> {
    let found = world.query_filtered::<Entity, Changed<P>>().since(since);
    found.into_iter().collect()
}

fn added<P: Probe>(world: &World, since: storm_ecs::ChangeTick) -> BTreeSet<Entity> {
    let found = world.query_filtered::<Entity, Added<P>>().since(since);
    found.into_iter().collect()
}

fn spawning_and_inserting_are_seen_once<P: Probe>(world: &mut World) {
    let first = world.change_tick();
    let spawned = world.spawn((P::make(1), Other(1)));
    let plain = world.spawn(Other(2));
    assert_eq!(changed::<P>(world, first), BTreeSet::from([spawned]));
    assert_eq!(added::<P>(world, first), BTreeSet::from([spawned]));
    let second = world.change_tick();
    assert_eq!(changed::<P>(world, second), BTreeSet::new());
    world.insert(plain, P::make(2)).unwrap();
    assert_eq!(changed::<P>(world, second), BTreeSet::from([plain]));
    assert_eq!(added::<P>(world, second), BTreeSet::from([plain]));
    assert_eq!(added::<P>(world, first), BTreeSet::from([plain, spawned]));
}

fn changes_survive_moves_and_moves_are_no_changes<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..100).map(|i| (Other(i), P::make(i))));
    let then = world.change_tick();
    for &entity in made.iter().step_by(3) {
        world.insert(entity, Third(0)).unwrap();
    }
    assert_eq!(changed::<P>(world, then), BTreeSet::new());
    world.remove::<P>(made[1]).unwrap();
    world.insert(made[1], P::make(1)).unwrap();
    for &entity in &made {
        world.remove::<Other>(entity).unwrap();
    }
    assert_eq!(changed::<P>(world, then), BTreeSet::from([made[1]]));
    assert_eq!(added::<P>(world, then), BTreeSet::from([made[1]]));
}

fn losses_are_logged<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..6).map(|i| (Other(i), P::make(i))));
    let then = world.change_tick();
    world.remove::<P>(made[0]).unwrap();
    world.despawn(made[1]).unwrap();
    drop(world.take::<P>(made[2]).unwrap());
    let lost: Vec<Entity> = world.removed::<P>(then).collect();
    let set: BTreeSet<Entity> = lost.iter().copied().collect();
    assert_eq!(
        (lost.len(), set),
        (3, BTreeSet::from([made[0], made[1], made[2]]))
    );
    let later = world.change_tick();
    world.clear();
    let lost: BTreeSet<Entity> = world.removed::<P>(later).collect();
    assert_eq!(lost, BTreeSet::from([made[3], made[4], made[5]]));
}

fn a_write_to_one_marks_one<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..2000).map(|i| (Other(i), P::make(i))));
    let then = world.change_tick();
    world.get_mut::<P>(made[1500]).unwrap().set(1);
    let found = changed::<P>(world, then);
    // A tag has no value to write: only setting it is a change.
    let expected = match P::STORAGE {
        storm_ecs::Storage::Tag => BTreeSet::new(),
        _ => BTreeSet::from([made[1500]]),
    };
    assert_eq!(found, expected);
    assert_eq!(added::<P>(world, then), BTreeSet::new());
}

fn replacing_changes_and_does_not_add<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..10).map(|i| (Other(i), P::make(i))));
    let then = world.change_tick();
    world.insert(made[4], P::make(40)).unwrap();
    assert_eq!(changed::<P>(world, then), BTreeSet::from([made[4]]));
    let expected = match P::STORAGE {
        // Setting a tag that is set already marks it anew: a tag has one tick.
        storm_ecs::Storage::Tag => BTreeSet::from([made[4]]),
        _ => BTreeSet::new(),
    };
    assert_eq!(added::<P>(world, then), expected);
}

fn filters_on_changes_go_with_others<P: Probe>(world: &mut World) {
    let made = world.spawn_batch((0..300).map(|i| (Other(i), P::make(i))));
    let then = world.change_tick();
    for &entity in made.iter().step_by(10) {
        world.insert(entity, P::make(0)).unwrap();
    }
    for &entity in made.iter().step_by(15) {
        world.insert(entity, Third(0)).unwrap();
    }
    let both = world.query_filtered::<Entity, (Changed<P>, With<Third>)>();
    let found: BTreeSet<Entity> = both.since(then).into_iter().collect();
    assert_eq!(found, made.iter().copied().step_by(30).collect());
    let any = world.query_filtered::<Entity, Or<(Changed<P>, Added<Third>)>>();
    let found: BTreeSet<Entity> = any.since(then).into_iter().collect();
    let expected = made
        .iter()
        .enumerate()
        .filter(|(i, _)| i % 10 == 0 || i % 15 == 0);
    assert_eq!(found, expected.map(|(_, &entity)| entity).collect());
}

macro_rules! cases {
    ($($probe:ident $module:ident: $($tracked:ident)?;)*) => {
        $(mod $module {
            use super::*;
            cases!(@run $probe:
                what_is_spawned_is_there
                alone_it_is_a_bundle
                what_was_not_given_is_not_there
                inserting_adds
                inserting_again_replaces_and_drops
                removing_drops
                removing_what_is_not_there_does_nothing
                removing_with_others_takes_both
                taking_moves_out
                taking_several_is_all_or_nothing
                despawning_drops_and_frees
                a_reused_slot_does_not_inherit
                handles_of_another_world_are_refused
                a_query_visits_owners_with_all_they_have
                a_query_writes
                a_guard_writes
                an_option_is_there_or_not
                filters_agree_with_has
                it_stays_with_its_entity_through_moves
                whole_tables_move_with_it
                whole_tables_end_by_it
                clearing_drops_all
                numbers_know_it
                commands_carry_it
                commands_never_applied_drop_it
                a_kept_query_sees_later_owners
                several_at_once_are_different
                memory_given_back_is_not_needed
                it_agrees_with_a_set_under_random_operations
            );
            $(cases!(@$tracked $probe);)?
        })*
    };
    (@tracked $probe:ident) => {
        cases!(@run $probe:
            spawning_and_inserting_are_seen_once
            changes_survive_moves_and_moves_are_no_changes
            losses_are_logged
            a_write_to_one_marks_one
            replacing_changes_and_does_not_add
            filters_on_changes_go_with_others
        );
    };
    (@run $probe:ident: $($case:ident)*) => {
        $(#[test]
        fn $case() {
            ALIVE.set(0);
            let mut world = World::new();
            super::$case::<$probe>(&mut world);
            drop(world);
            assert_eq!(ALIVE.get(), 0, "nothing is left");
        })*
    };
}

cases! {
    TablePlain table_plain: tracked;
    TableCounted table_counted: tracked;
    TableEmpty table_empty: tracked;
    TableExact table_exact: tracked;
    TableUntracked table_untracked:;
    SparsePlain sparse_plain: tracked;
    SparseCounted sparse_counted: tracked;
    SparseEmpty sparse_empty: tracked;
    SparseExact sparse_exact: tracked;
    SparseUntracked sparse_untracked:;
    TagPlain tag_plain: tracked;
    TagExact tag_exact: tracked;
    TagUntracked tag_untracked:;
}

#[test]
fn tracks_are_what_the_declaration_says() {
    assert_eq!(SparseExact::TRACK, Track::Exact);
    assert_eq!(TagUntracked::TRACK, Track::None);
}
