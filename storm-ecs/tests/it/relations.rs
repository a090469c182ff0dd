//! Relations: edges between entities, with data; what ends with what; snapshots and deltas of them and of the hierarchy.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use storm_ecs::{
    Changed, ChildOf, CommandQueue, Entity, OnEnd, OnUnknown, Parent, Pod, Relation, RelationCodec,
    Relations, RestoreOptions, Schema, SnapshotError, SnapshotOptions, SnapshotView, Source,
    Target, With, Without, World,
};

use crate::support::{A, B, Random};

struct Likes;
impl Relation for Likes {
    const NAME: &'static str = "test.Likes";
    type Data = u32;
    const CODEC: RelationCodec<u32> = RelationCodec::schema();
}

struct DockedTo;
impl Relation for DockedTo {
    const NAME: &'static str = "test.DockedTo";
    type Data = ();
    const EXCLUSIVE: bool = true;
}

/// What is owned ends with its owner.
struct Owns;
impl Relation for Owns {
    const NAME: &'static str = "test.Owns";
    type Data = u64;
    const ON_SOURCE_END: OnEnd = OnEnd::Despawn;
    const CODEC: RelationCodec<u64> = RelationCodec::pod();
}

/// Who needs something ends with it.
struct Needs;
impl Relation for Needs {
    const NAME: &'static str = "test.Needs";
    type Data = ();
    const ON_TARGET_END: OnEnd = OnEnd::Despawn;
}

/// Counts itself.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Holds;
impl Relation for Holds {
    const NAME: &'static str = "test.Holds";
    type Data = Counted;
}

fn spawn<const N: usize>(world: &mut World) -> [Entity; N] {
    core::array::from_fn(|i| world.spawn(A(i as u32)))
}

fn targets<R: Relation>(world: &World, source: Entity) -> Vec<Entity> {
    world.related::<R>(source).map(|edge| edge.0).collect()
}

fn sources<R: Relation>(world: &World, target: Entity) -> Vec<Entity> {
    world.relating::<R>(target).map(|edge| edge.0).collect()
}

#[test]
fn edges_are_found_from_both_ends_in_order_of_making() {
    let mut world = World::new();
    let [a, b, c, d] = spawn(&mut world);
    for (source, target) in [(a, d), (b, d), (a, c), (c, d), (a, b)] {
        world
            .relate::<Likes>(source, target, source.index() * 10 + target.index())
            .unwrap();
    }
    assert_eq!(targets::<Likes>(&world, a), [d, c, b]);
    assert_eq!(sources::<Likes>(&world, d), [a, b, c]);
    assert_eq!(world.relation::<Likes>(a, c), Some(&2));
    assert_eq!(world.relation::<Likes>(c, a), None);
    assert_eq!(world.related::<Likes>(a).len(), 3);
    // Replacing keeps the place, taking and making anew does not.
    world.relate::<Likes>(a, d, 77).unwrap();
    assert_eq!(targets::<Likes>(&world, a), [d, c, b]);
    assert_eq!(world.unrelate::<Likes>(a, d), Some(77));
    assert_eq!(world.unrelate::<Likes>(a, d), None);
    world.relate::<Likes>(a, d, 1).unwrap();
    assert_eq!(targets::<Likes>(&world, a), [c, b, d]);
    assert_eq!(sources::<Likes>(&world, d), [b, c, a]);
    *world.relation_mut::<Likes>(a, d).unwrap() += 1;
    assert_eq!(world.relation::<Likes>(a, d), Some(&2));
    assert_eq!(world.unrelate_all::<Likes>(a), 3);
    assert_eq!(world.relation_count::<Likes>(), 2);
    assert!(world.resource::<Relations<Likes>>().unwrap().bytes() > 0);
}

#[test]
fn an_edge_may_lead_back_to_where_it_starts() {
    let mut world = World::new();
    let [a] = spawn(&mut world);
    world.relate::<Likes>(a, a, 1).unwrap();
    assert_eq!(
        (targets::<Likes>(&world, a), sources::<Likes>(&world, a)),
        (vec![a], vec![a])
    );
    assert_eq!(
        world.reachable::<Likes>(a).count(),
        0,
        "the start is left out"
    );
    world.relate::<Owns>(a, a, 1).unwrap();
    world.despawn(a).unwrap();
    assert_eq!(
        (
            world.relation_count::<Likes>(),
            world.relation_count::<Owns>()
        ),
        (0, 0)
    );
}

#[test]
fn an_exclusive_relation_has_one_target() {
    let mut world = World::new();
    let [ship, here, there] = spawn(&mut world);
    world.relate::<DockedTo>(ship, here, ()).unwrap();
    world.relate::<DockedTo>(ship, there, ()).unwrap();
    assert_eq!(targets::<DockedTo>(&world, ship), [there]);
    assert!(!world.has::<Target<DockedTo>>(here));
    assert!(world.has::<Target<DockedTo>>(there) && world.has::<Source<DockedTo>>(ship));
}

#[test]
fn who_is_not_alive_is_not_related() {
    let mut world = World::new();
    let [a, dead] = spawn(&mut world);
    world.despawn(dead).unwrap();
    let foreign = World::new().spawn(());
    for nobody in [dead, foreign, Entity::DANGLING] {
        assert!(world.relate::<Likes>(a, nobody, 1).is_err());
        assert!(world.relate::<Likes>(nobody, a, 1).is_err());
        assert_eq!(world.related::<Likes>(nobody).count(), 0);
        assert_eq!(world.edge::<Likes>(nobody, nobody), None);
    }
    // A slot that is used again starts without edges.
    let [old] = spawn(&mut world);
    world.relate::<Likes>(old, a, 1).unwrap();
    world.despawn(old).unwrap();
    let [new] = spawn(&mut world);
    assert_eq!(new.index(), old.index());
    assert_eq!(world.related::<Likes>(new).count(), 0);
    assert_eq!(world.relating::<Likes>(a).count(), 0);
}

#[test]
fn a_stale_edge_names_nothing() {
    let mut world = World::new();
    let [a, b] = spawn(&mut world);
    let first = world.relate::<Likes>(a, b, 1).unwrap();
    assert_eq!(world.edge::<Likes>(a, b), Some(first));
    world.unrelate_edge(first).unwrap();
    let second = world.relate::<Likes>(a, b, 2).unwrap();
    assert_ne!(first, second);
    assert_eq!(world.unrelate_edge(first), None);
    world.clear();
    let [a, b] = spawn(&mut world);
    world.relate::<Likes>(a, b, 3).unwrap();
    assert_eq!(world.unrelate_edge(second), None);
    let relations = world.resource::<Relations<Likes>>().unwrap();
    assert_eq!(relations.get(second), None);
    assert!(relations.iter().eq([(a, b, &3)]));
}

#[test]
fn filters_and_ticks_know_of_edges() {
    let mut world = World::new();
    let [a, b, c] = spawn(&mut world);
    world.relate::<Likes>(a, b, 1).unwrap();
    world.relate::<Likes>(c, b, 1).unwrap();
    let list = |world: &World| -> Vec<Entity> {
        world
            .query_filtered::<Entity, With<Source<Likes>>>()
            .into_iter()
            .collect()
    };
    assert_eq!(list(&world), [a, c]);
    assert_eq!(
        world
            .query_filtered::<Entity, Without<Target<Likes>>>()
            .count(),
        2
    );
    let since = world.change_tick();
    *world.relation_mut::<Likes>(c, b).unwrap() = 5;
    let changed = world
        .query_filtered::<Entity, Changed<Source<Likes>>>()
        .since(since);
    assert!(changed.into_iter().eq([c]));
    world.unrelate::<Likes>(a, b).unwrap();
    assert_eq!(list(&world), [c]);
    assert!(world.removed::<Source<Likes>>(since).eq([a]));
    // Moving between tables takes the tags along.
    world.insert(c, B(1)).unwrap();
    world.remove::<A>(c).unwrap();
    assert_eq!(list(&world), [c]);
    world.despawn(c).unwrap();
    assert!(!world.has::<Target<Likes>>(b));
}

#[test]
fn what_ends_with_what() {
    let mut world = World::new();
    // owner → owned → owned of it; one that needs the last; children in between.
    let [owner, owned, deep, needy, child, friend] = spawn(&mut world);
    world.relate::<Owns>(owner, owned, 0).unwrap();
    world.relate::<Owns>(owned, deep, 0).unwrap();
    world.relate::<Owns>(deep, owner, 0).unwrap(); // a cycle
    world.relate::<Needs>(needy, deep, ()).unwrap();
    world.insert(child, ChildOf(needy)).unwrap();
    world.relate::<Likes>(friend, child, 1).unwrap();
    world.relate::<Needs>(owner, friend, ()).unwrap();
    world.despawn(needy).unwrap();
    assert!(
        !world.contains(child) && world.contains(deep),
        "needing ends nobody else"
    );
    world.relate::<Needs>(friend, deep, ()).unwrap();
    world.despawn(owned).unwrap();
    assert!(
        world.is_empty(),
        "{:?}",
        world.entities().collect::<Vec<_>>()
    );
    for count in [
        world.relation_count::<Owns>(),
        world.relation_count::<Needs>(),
        world.relation_count::<Likes>(),
    ] {
        assert_eq!(count, 0);
    }
}

#[test]
fn whole_tables_end_with_their_edges() {
    let count = Arc::new(AtomicUsize::new(0));
    type Way = fn(&mut World);
    let ways: &[(&str, Way)] = &[
        ("despawn_where", |w| {
            assert_eq!(w.despawn_where::<With<B>>(), 10)
        }),
        ("by tag", |w| {
            assert_eq!(w.despawn_where::<With<Source<Holds>>>(), 10)
        }),
        ("clear", World::clear),
        ("dropping the world", |w| *w = World::new()),
    ];
    for (name, end) in ways {
        let mut world = World::new();
        let kept = world.spawn(A(0));
        for i in 0..10 {
            let source = world.spawn(B(i));
            world
                .relate::<Holds>(source, kept, Counted::new(&count))
                .unwrap();
            world
                .relate::<Holds>(source, source, Counted::new(&count))
                .unwrap();
        }
        end(&mut world);
        assert_eq!(world.relation_count::<Holds>(), 0, "{name}");
        assert!(!world.has::<Target<Holds>>(kept), "{name}");
        assert_eq!(count.load(Ordering::Relaxed), 0, "{name}");
    }
}

#[test]
fn commands_relate_and_report_the_dead() {
    let mut world = World::new();
    let [a, b, dead] = spawn(&mut world);
    world.despawn(dead).unwrap();
    let mut queue = CommandQueue::new();
    let mut commands = queue.commands(&world);
    commands.relate::<Likes>(a, b, 1);
    commands.relate::<Likes>(a, dead, 1);
    commands.relate::<Likes>(b, a, 2);
    commands.unrelate::<Likes>(a, b);
    commands.unrelate::<Likes>(dead, b);
    let errors = queue.apply(&mut world);
    let errors: Vec<_> = errors
        .iter()
        .map(|error| (error.command, error.entity))
        .collect();
    assert_eq!(errors, [("relate", a), ("unrelate", dead)]);
    assert_eq!(world.relation_count::<Likes>(), 1);
}

#[test]
fn queries_follow_edges() {
    let mut world = World::new();
    let [a, b, c, d] = spawn(&mut world);
    world.insert(b, B(7)).unwrap();
    for (source, target) in [(a, b), (a, c), (d, c), (b, c)] {
        world.relate::<Likes>(source, target, 1).unwrap();
    }
    assert!(world.query_related::<Likes, &B>(a).iter().eq([&B(7)]));
    let sources = world.query_relating::<Likes, (Entity, &A)>(c);
    assert!(sources.iter().map(|(entity, _)| entity).eq([a, d, b]));
    world
        .query_related_mut::<Likes, &mut A>(a)
        .for_each(|value| value.0 += 100);
    assert_eq!(
        [a, b, c, d].map(|e| world.get::<A>(e).unwrap().0),
        [0, 101, 102, 3]
    );
    let pairs = world.query_pairs::<Likes, &A, &B>();
    assert!(
        pairs
            .iter()
            .map(|(source, data, target)| (source.0, *data, target.0))
            .eq([(0, 1, 7)])
    );
    let family = world.spawn(());
    world.insert(d, ChildOf(family)).unwrap();
    world.insert(c, ChildOf(family)).unwrap();
    assert!(
        world
            .query_children::<&A>(family)
            .iter()
            .map(|a| a.0)
            .eq([3, 102])
    );
}

// --- snapshots ----------------------------------------------------------------------------------------------------

fn register(world: &mut World) {
    world.register_relation::<Likes>();
    world.register_relation::<DockedTo>();
    world.register_relation::<Owns>();
    world.register_relation::<Needs>();
    world.register::<ChildOf>();
    world.register::<Saved>();
}

/// A component that is saved, so that rows move.
#[derive(storm_ecs::Component, Clone, Copy, Debug, PartialEq)]
#[component(pod)]
#[repr(C)]
struct Saved(u32);

/// Everything that links say, by index.
fn links(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    let mut entities: Vec<Entity> = world.entities().collect();
    entities.sort_by_key(|entity| entity.index());
    fn edges<R: Relation<Data: core::fmt::Debug>>(world: &World, entity: Entity) -> String {
        let out: Vec<_> = world
            .related::<R>(entity)
            .map(|(e, data)| (e.index(), data))
            .collect();
        let into: Vec<_> = world
            .relating::<R>(entity)
            .map(|(e, data)| (e.index(), data))
            .collect();
        assert_eq!(world.has::<Source<R>>(entity), !out.is_empty());
        assert_eq!(world.has::<Target<R>>(entity), !into.is_empty());
        format!("{} {out:?} {into:?}", R::NAME)
    }
    for entity in entities {
        let children: Vec<u32> = world.children(entity).map(Entity::index).collect();
        assert_eq!(world.has::<Parent>(entity), !children.is_empty());
        all.push(format!(
            "{entity} {:?} {:?} {children:?} {} {} {} {}",
            world.get::<Saved>(entity),
            world.parent(entity).map(Entity::index),
            edges::<Likes>(world, entity),
            edges::<DockedTo>(world, entity),
            edges::<Owns>(world, entity),
            edges::<Needs>(world, entity),
        ));
    }
    all
}

/// One random change; several entities may end with one.
fn change(world: &mut World, random: &mut Random<'_>) {
    let all: Vec<Entity> = world.entities().collect();
    let mut pick = || match all.len() {
        0 => Entity::DANGLING,
        count => all[random.below(count)],
    };
    let (a, b) = (pick(), pick());
    let value = random.next() as u32;
    match random.below(16) {
        0..=2 => {
            let entity = world.spawn(Saved(value));
            if random.below(2) == 0 {
                world.insert(entity, ChildOf(a)).unwrap();
            }
        }
        3 | 4 => drop(world.relate::<Likes>(a, b, value)),
        5 => drop(world.relate::<DockedTo>(a, b, ())),
        6 if random.below(3) == 0 => drop(world.relate::<Owns>(a, b, u64::from(value))),
        7 if random.below(3) == 0 => drop(world.relate::<Needs>(a, b, ())),
        8 => drop(world.unrelate::<Likes>(a, b)),
        9 => {
            world.unrelate_all::<Likes>(a);
            world.unrelate_all::<Owns>(b);
        }
        10 => drop(world.insert(a, ChildOf(b))),
        11 => drop(world.insert_child(a, random.below(3), b)),
        12 => drop(world.insert_child_before(a, b)),
        13 => drop(world.remove::<ChildOf>(a)),
        14 if random.below(4) == 0 => drop(world.despawn(a)),
        14 if random.below(2) == 0 => drop(world.despawn_keep_children(a)),
        15 if world.has::<Saved>(a) => drop(world.remove::<Saved>(a)),
        15 => drop(world.insert(a, Saved(value))),
        _ => {
            if let Some(data) = world.relation_mut::<Likes>(a, b) {
                *data = value;
            }
        }
    }
}

#[test]
fn snapshots_deltas_and_rollbacks_keep_every_link_and_every_order() {
    let (write, read) = (SnapshotOptions::default(), RestoreOptions::default());
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let mut world = World::new();
        register(&mut world);
        world.spawn_batch((0..200).map(Saved));
        world.clear();
        let mut replica = World::new();
        register(&mut replica);
        let mut base: Option<storm_ecs::ChangeTick> = None;
        let mut saved: Vec<(storm_ecs::Snapshot, Vec<String>)> = Vec::new();
        for round in 0..60 {
            for _ in 0..random.below(8) {
                change(&mut world, &mut random);
            }
            let expected = links(&world);
            let bytes = match base {
                Some(base) => {
                    let delta = world.delta(base, &write).unwrap();
                    replica.apply_delta(delta.as_bytes(), &read).unwrap();
                    delta
                }
                None => {
                    let snapshot = world.snapshot(&write).unwrap();
                    replica.restore(snapshot.as_bytes(), &read).unwrap();
                    snapshot
                }
            };
            base = Some(SnapshotView::parse(bytes.as_bytes(), &read).unwrap().tick());
            assert_eq!(links(&world), expected, "taking it changes nothing");
            assert_eq!(links(&replica), expected, "seed {seed} round {round}");
            match random.below(5) {
                0 => saved.push((world.snapshot(&write).unwrap(), expected)),
                1 if !saved.is_empty() => {
                    // The replica follows a rollback, too.
                    let (snapshot, expected) = &saved[random.below(saved.len())];
                    world.restore(snapshot.as_bytes(), &read).unwrap();
                    assert_eq!(&links(&world), expected, "seed {seed} round {round}");
                }
                2 => base = None,
                _ => {}
            }
        }
    }
}

#[test]
fn what_cannot_be_stored_or_is_unknown_is_named() {
    let count = Arc::new(AtomicUsize::new(0));
    let mut world = World::new();
    let [a, b] = core::array::from_fn(|_| world.spawn(()));
    world.relate::<Holds>(a, b, Counted::new(&count)).unwrap();
    let unsupported = SnapshotError::Unsupported { name: "test.Holds" };
    assert_eq!(
        world.snapshot(&SnapshotOptions::default()).err(),
        Some(unsupported)
    );
    let skip = SnapshotOptions {
        unsupported: OnUnknown::Skip,
        ..SnapshotOptions::default()
    };
    let saved = world.snapshot(&skip).unwrap();
    world
        .restore(saved.as_bytes(), &RestoreOptions::default())
        .unwrap();
    assert_eq!(world.relation_count::<Holds>(), 0, "it was left out");

    let mut world = World::new();
    let [a, b] = core::array::from_fn(|_| world.spawn(()));
    world.relate::<Likes>(a, b, 4).unwrap();
    let saved = world.snapshot(&SnapshotOptions::default()).unwrap();
    let mut other = World::new();
    let failed = other.restore(saved.as_bytes(), &RestoreOptions::default());
    assert!(
        matches!(failed, Err(SnapshotError::Unknown { .. })),
        "{failed:?}"
    );
    let skip = RestoreOptions {
        unknown: OnUnknown::Skip,
        ..RestoreOptions::default()
    };
    other.restore(saved.as_bytes(), &skip).unwrap();
    assert_eq!(other.len(), 2);
}

#[test]
fn broken_sections_give_errors_or_leave_links_out() {
    let mut world = World::new();
    register(&mut world);
    let mut random = Random::new(3);
    for _ in 0..300 {
        change(&mut world, &mut random);
    }
    let saved = world.snapshot(&SnapshotOptions::default()).unwrap();
    let small = RestoreOptions {
        max_bytes: 1 << 22,
        ..RestoreOptions::default()
    };
    let mut applied = 0;
    for _ in 0..4000 {
        let mut bytes = saved.as_bytes().to_vec();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = match random.below(3) {
                0 => bytes[at] ^ (1 << random.below(8)),
                1 => 0xff,
                _ => random.next() as u8,
            };
        }
        let mut other = World::new();
        register(&mut other);
        if other.restore(&bytes, &small).is_ok() {
            applied += 1;
            // Whatever came out holds together and can be used.
            links(&other);
            for _ in 0..20 {
                change(&mut other, &mut random);
            }
            links(&other);
            other.clear();
        }
    }
    assert!(applied > 100, "{applied} of 4000 were harmless");
}

#[test]
fn data_is_stored_in_every_form() {
    #[derive(Schema, Clone, Debug, PartialEq)]
    struct Deal {
        #[field(min = 0, max = 10)]
        price: u32,
        witness: Entity,
        note: String,
    }
    struct Trades;
    impl Relation for Trades {
        const NAME: &'static str = "test.Trades";
        type Data = Deal;
        const CODEC: RelationCodec<Deal> = RelationCodec::schema();
    }
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Wide([u64; 5]);
    struct Spans;
    impl Relation for Spans {
        const NAME: &'static str = "test.Spans";
        type Data = [u64; 5];
        const CODEC: RelationCodec<[u64; 5]> = RelationCodec::pod();
    }
    fn is_pod<T: Pod>() {}
    is_pod::<[u64; 5]>();
    let wide = Wide([1, 2, 3, 4, u64::MAX]);
    let mut world = World::new();
    let [a, b, c] = core::array::from_fn(|_| world.spawn(()));
    let deal = |price, witness| Deal {
        price,
        witness,
        note: "ten sheep".into(),
    };
    world.relate::<Trades>(a, b, deal(3, c)).unwrap();
    world.relate::<Spans>(b, c, wide.0).unwrap();
    let saved = world.snapshot(&SnapshotOptions::default()).unwrap();
    let mut other = World::new();
    other.register_relation::<Trades>();
    other.register_relation::<Spans>();
    other
        .restore(saved.as_bytes(), &RestoreOptions::default())
        .unwrap();
    let [x, y, z] = [a, b, c].map(|entity| other.entity_at(entity.index()).unwrap());
    assert_eq!(
        other.relation::<Trades>(x, y),
        Some(&deal(3, z)),
        "handles are the receiver's"
    );
    assert_eq!(other.relation::<Spans>(y, z), Some(&wide.0));
    // A value that its schema refuses is refused.
    world.relate::<Trades>(a, b, deal(11, c)).unwrap();
    let saved = world.snapshot(&SnapshotOptions::default()).unwrap();
    let failed = other.restore(saved.as_bytes(), &RestoreOptions::default());
    assert!(
        matches!(failed, Err(SnapshotError::Decode { .. })),
        "{failed:?}"
    );
    assert_eq!(
        other.relation::<Trades>(x, y),
        Some(&deal(3, z)),
        "nothing has changed"
    );
}

// --- against a model ----------------------------------------------------------------------------------------------

#[test]
fn random_edges_agree_with_a_list() {
    for seed in 0..60 {
        run(&mut Random::new(seed), 400);
    }
}

/// (source, target, value), in order of making.
type Edges = Vec<(Entity, Entity, u64)>;

fn check<R: Relation>(world: &World, edges: &Edges, value: impl Fn(&R::Data) -> u64) {
    assert_eq!(world.relation_count::<R>(), edges.len());
    let mut all: Edges = world
        .resource::<Relations<R>>()
        .into_iter()
        .flat_map(|relations| relations.iter())
        .map(|(source, target, data)| (source, target, value(data)))
        .collect();
    let mut expected = edges.clone();
    all.sort_unstable();
    expected.sort_unstable();
    assert_eq!(all, expected);
    for entity in world.entities() {
        let out = edges.iter().filter(|edge| edge.0 == entity);
        let out: Vec<_> = out.map(|edge| (edge.1, edge.2)).collect();
        let into = edges.iter().filter(|edge| edge.1 == entity);
        let into: Vec<_> = into.map(|edge| (edge.0, edge.2)).collect();
        assert!(
            world
                .related::<R>(entity)
                .map(|(e, data)| (e, value(data)))
                .eq(out.iter().copied())
        );
        assert!(
            world
                .relating::<R>(entity)
                .map(|(e, data)| (e, value(data)))
                .eq(into.iter().copied())
        );
        assert_eq!(world.has::<Source<R>>(entity), !out.is_empty());
        assert_eq!(world.has::<Target<R>>(entity), !into.is_empty());
    }
}

fn reachable(edges: &Edges, start: Entity) -> Vec<Entity> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::from([start]));
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for &(source, target, _) in edges {
            if source == at && seen.insert(target) {
                found.push(target);
                queue.push_back(target);
            }
        }
    }
    found
}

fn run(random: &mut Random<'_>, operations: usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let mut world = World::new();
    let mut alive: BTreeSet<Entity> = BTreeSet::new();
    let [mut likes, mut docked, mut owns, mut holds] = [(); 4].map(|()| Edges::new());
    let mut known = vec![Entity::DANGLING];
    let mut ids: BTreeMap<(Entity, Entity), storm_ecs::EdgeId<Likes>> = BTreeMap::new();
    for operation in 0..operations {
        let (a, b) = (
            known[random.below(known.len())],
            known[random.below(known.len())],
        );
        let both = alive.contains(&a) && alive.contains(&b);
        let value = random.next() >> 40;
        match random.below(14) {
            0..=2 => {
                let entity = world.spawn(A(value as u32));
                alive.insert(entity);
                known.push(entity);
            }
            3..=5 => {
                let made = world.relate::<Likes>(a, b, value as u32);
                assert_eq!(made.is_ok(), both);
                if let Ok(id) = made {
                    ids.insert((a, b), id);
                    match likes.iter_mut().find(|edge| (edge.0, edge.1) == (a, b)) {
                        Some(edge) => edge.2 = value,
                        None => likes.push((a, b, value)),
                    }
                }
            }
            6 => {
                assert_eq!(world.relate::<DockedTo>(a, b, ()).is_ok(), both);
                if both && !docked.contains(&(a, b, 0)) {
                    docked.retain(|edge| edge.0 != a);
                    docked.push((a, b, 0));
                }
            }
            7 if random.below(3) == 0 => {
                assert_eq!(world.relate::<Owns>(a, b, value).is_ok(), both);
                if both {
                    match owns.iter_mut().find(|edge| (edge.0, edge.1) == (a, b)) {
                        Some(edge) => edge.2 = value,
                        None => owns.push((a, b, value)),
                    }
                }
            }
            8 => {
                assert_eq!(
                    world.relate::<Holds>(a, b, Counted::new(&count)).is_ok(),
                    both
                );
                if both && !holds.contains(&(a, b, 0)) {
                    holds.push((a, b, 0));
                }
            }
            9 => {
                let at = likes.iter().position(|edge| (edge.0, edge.1) == (a, b));
                let taken = match ids.get(&(a, b)) {
                    Some(&id) if random.below(2) == 0 => world.unrelate_edge(id),
                    _ => world.unrelate::<Likes>(a, b),
                };
                assert_eq!(taken.map(u64::from), at.map(|at| likes.remove(at).2));
            }
            10 => {
                let had = holds.len();
                holds.retain(|edge| edge.0 != a);
                assert_eq!(world.unrelate_all::<Holds>(a), had - holds.len());
            }
            11 if alive.contains(&a) => {
                if world.has::<B>(a) {
                    world.remove::<B>(a).unwrap();
                } else {
                    world.insert(a, B(value)).unwrap();
                }
            }
            12 if alive.contains(&a) && random.below(2) == 0 => {
                world.despawn(a).unwrap();
                let mut ended = reachable(&owns, a);
                ended.push(a);
                for edges in [&mut likes, &mut docked, &mut owns, &mut holds] {
                    edges.retain(|edge| !ended.contains(&edge.0) && !ended.contains(&edge.1));
                }
                alive.retain(|entity| !ended.contains(entity));
            }
            13 if random.below(50) == 0 => {
                world.clear();
                alive.clear();
                for edges in [&mut likes, &mut docked, &mut owns, &mut holds] {
                    edges.clear();
                }
            }
            _ => {}
        }
        assert_eq!(
            count.load(Ordering::Relaxed),
            holds.len(),
            "exact drop counts"
        );
        if operation % 10 == 0 {
            assert!(world.entities().collect::<BTreeSet<_>>() == alive);
            check::<Likes>(&world, &likes, |data| u64::from(*data));
            check::<DockedTo>(&world, &docked, |()| 0);
            check::<Owns>(&world, &owns, |data| *data);
            check::<Holds>(&world, &holds, |_| 0);
            for &start in alive.iter().take(5) {
                assert!(world.reachable::<Likes>(start).eq(reachable(&likes, start)));
                let back: Edges = likes.iter().map(|&(a, b, v)| (b, a, v)).collect();
                assert!(world.reaching::<Likes>(start).eq(reachable(&back, start)));
            }
        }
    }
    drop(world);
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

/// Panics when it is dropped, once.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        let left = self.0.fetch_sub(1, Ordering::Relaxed);
        assert!(left != 3, "bang");
    }
}

struct Fuses;
impl Relation for Fuses {
    const NAME: &'static str = "test.Fuses";
    type Data = Bomb;
}

#[test]
fn data_that_panics_when_dropped_is_dropped_with_the_rest_and_its_entity_is_gone() {
    let mut world = World::new();
    let [hub, a, b, c, d] = spawn(&mut world);
    let left = Arc::new(AtomicUsize::new(4));
    for source in [a, b, c, d] {
        world
            .relate::<Fuses>(source, hub, Bomb(left.clone()))
            .unwrap();
    }
    let end = || world.despawn(hub).unwrap();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(end)).is_err());
    assert!(!world.contains(hub));
    assert_eq!(left.load(Ordering::Relaxed), 0, "all were dropped");
    assert_eq!(world.relation_count::<Fuses>(), 0);
    for source in [a, b, c, d] {
        assert!(world.contains(source) && !world.has::<Source<Fuses>>(source));
    }
}
