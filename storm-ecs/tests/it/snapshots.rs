//! Snapshots, deltas and restoring: round trips over worlds, a random model, and bytes that lie.

use std::collections::BTreeMap;

use storm_ecs::{
    Added, ChangeTick, Changed, Component, Entity, OnUnknown, RestoreOptions, Schema, Snapshot,
    SnapshotError, SnapshotKind, SnapshotOptions, SnapshotView, World,
};

use crate::support::Random;

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "s.Place", schema, pod)]
#[repr(C)]
struct Place([f32; 3]);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "s.Score", pod, track = "exact")]
#[repr(transparent)]
struct Score(u32);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "s.Mark", schema, pod)]
#[repr(C)]
struct Mark;
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "s.Page", pod)]
#[repr(C)]
struct Page([u64; 600]);
#[derive(Component, Clone, Debug, PartialEq)]
#[component(name = "s.Label", schema)]
struct Label(#[field(len <= 40)] String);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "s.Parent", schema, pod)]
#[repr(C)]
struct Parent {
    entity: Entity,
    order: u64,
}
#[derive(Schema, Clone, Debug, PartialEq)]
enum Link {
    None,
    One(Entity),
    Many { all: Vec<Entity>, weight: f32 },
}
#[derive(Component, Clone, Debug, PartialEq)]
#[component(name = "s.Links", schema)]
struct Links(Vec<Link>);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "s.Scratch", pod, track = "none")]
#[repr(C)]
struct Scratch(u64);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "s.Fraction", schema, pod)]
#[repr(C)]
struct Fraction(#[field(min = 0, max = 1, finite)] f32);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "s.Heat", pod, storage = "sparse")]
#[repr(C)]
struct Heat(u32);
#[derive(Component, Clone, Debug, PartialEq)]
#[component(name = "s.Rumour", schema, storage = "sparse")]
struct Rumour {
    #[field(len <= 40)]
    text: String,
    about: Entity,
}
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "s.Chosen", schema, pod, storage = "tag")]
#[repr(C)]
struct Chosen;
/// Neither Pod nor described.
#[derive(Component)]
struct Opaque(#[allow(dead_code, reason = "makes it a component with a value")] Box<u32>);

fn register(world: &mut World) {
    world.register::<Place>();
    world.register::<Score>();
    world.register::<Mark>();
    world.register::<Page>();
    world.register::<Label>();
    world.register::<Parent>();
    world.register::<Links>();
    world.register::<Scratch>();
    world.register::<Fraction>();
    world.register::<Heat>();
    world.register::<Rumour>();
    world.register::<Chosen>();
}

/// Everything that matters of an entity, handles by index and generation.
#[derive(Clone, Debug, PartialEq, Default)]
struct Seen {
    place: Option<Place>,
    score: Option<u32>,
    mark: bool,
    page: Option<Page>,
    label: Option<String>,
    parent: Option<((u32, u16), u64)>,
    links: Option<String>,
    scratch: Option<u64>,
    fraction: Option<Fraction>,
    heat: Option<u32>,
    rumour: Option<(String, (u32, u16))>,
    chosen: bool,
}

fn id(entity: Entity) -> (u32, u16) {
    (entity.index(), entity.generation())
}

fn see(world: &World) -> BTreeMap<(u32, u16), Seen> {
    let one = |entity: Entity| {
        let seen = Seen {
            place: world.get(entity).copied(),
            score: world.get::<Score>(entity).map(|score| score.0),
            mark: world.has::<Mark>(entity),
            page: world.get(entity).copied(),
            label: world.get::<Label>(entity).map(|label| label.0.clone()),
            parent: world
                .get::<Parent>(entity)
                .map(|parent| (id(parent.entity), parent.order)),
            links: world.get::<Links>(entity).map(|links| format!("{links:?}")),
            scratch: world.get::<Scratch>(entity).map(|scratch| scratch.0),
            fraction: world.get(entity).copied(),
            heat: world.get::<Heat>(entity).map(|heat| heat.0),
            rumour: world
                .get::<Rumour>(entity)
                .map(|rumour| (rumour.text.clone(), id(rumour.about))),
            chosen: world.has::<Chosen>(entity),
        };
        (id(entity), seen)
    };
    world.entities().map(one).collect()
}

fn take(world: &mut World) -> Snapshot {
    world
        .snapshot(&SnapshotOptions::default())
        .expect("all components can be stored")
}

fn put(world: &mut World, bytes: &[u8]) {
    world
        .restore(bytes, &RestoreOptions::default())
        .expect("a snapshot of this build");
}

/// Ids that the next spawns give.
fn next_ids(world: &mut World, count: usize) -> Vec<(u32, u16)> {
    (0..count).map(|_| id(world.spawn(()))).collect()
}

type Build = fn(&mut World);

/// Worlds that differ in what makes restoring hard.
const WORLDS: &[(&str, Build)] = &[
    ("empty", |_| {}),
    ("one entity without components", |world| {
        world.spawn(());
    }),
    ("reserved, not flushed", |world| {
        let _ = world.reserve();
        let _ = world.reserve();
    }),
    ("holes in the ids", |world| {
        let made = world.spawn_batch((0..40).map(Score));
        for entity in made.iter().step_by(3) {
            world.despawn(*entity).unwrap();
        }
        world.spawn(Score(99));
    }),
    ("all dead", |world| {
        for entity in world.spawn_batch((0..10).map(Score)) {
            world.despawn(entity).unwrap();
        }
    }),
    ("a retired slot", |world| {
        for _ in 0..65_535 {
            let entity = world.spawn(());
            world.despawn(entity).unwrap();
        }
        world.spawn(Score(1));
    }),
    ("a component without size", |world| {
        world.spawn_batch((0..5).map(|_| Mark));
        world.spawn((Mark, Score(1)));
    }),
    ("rows larger than a page", |world| {
        world.spawn_batch((0..7).map(|i| (Page([i; 600]), Score(i as u32))));
    }),
    ("text", |world| {
        world.spawn(Label(String::new()));
        world.spawn((Label("naïve".into()), Place([1.0, f32::INFINITY, -0.0])));
    }),
    ("handles in plain data", |world| {
        let root = world.spawn(Place([0.0; 3]));
        let child = world.spawn(Parent {
            entity: root,
            order: 1,
        });
        world.spawn(Parent {
            entity: child,
            order: 2,
        });
        world.spawn(Parent {
            entity: Entity::DANGLING,
            order: 3,
        });
    }),
    ("handles in lists and enums", |world| {
        let a = world.spawn(());
        let b = world.spawn(Links(vec![Link::None, Link::One(a)]));
        world.spawn(Links(vec![Link::Many {
            all: vec![a, b, Entity::DANGLING],
            weight: 0.5,
        }]));
    }),
    ("many tables", |world| {
        for i in 0..64u32 {
            let entity = world.spawn(());
            for bit in 0..6 {
                if i >> bit & 1 == 1 {
                    match bit {
                        0 => world.insert(entity, Place([i as f32; 3])).unwrap(),
                        1 => world.insert(entity, Score(i)).unwrap(),
                        2 => world.insert(entity, Mark).unwrap(),
                        3 => world.insert(entity, Label(i.to_string())).unwrap(),
                        4 => world.insert(entity, Scratch(i.into())).unwrap(),
                        _ => world.insert(entity, Fraction(0.5)).unwrap(),
                    }
                }
            }
        }
    }),
    ("sparse components", |world| {
        let made = world.spawn_batch((0..100).map(Score));
        for (i, &entity) in made.iter().enumerate().step_by(3) {
            world.insert(entity, Heat(i as u32)).unwrap();
        }
        for pair in made[20..40].windows(2) {
            let (text, about) = (format!("of {:?}", pair[1].index()), pair[1]);
            world.insert(pair[0], Rumour { text, about }).unwrap();
        }
        world.despawn(made[30]).unwrap();
        world.remove::<Heat>(made[0]).unwrap();
        world.spawn(Heat(5));
    }),
    ("tags", |world| {
        let made = world.spawn_batch((0..200).map(Score));
        for entity in made.iter().step_by(7) {
            world.insert(*entity, Chosen).unwrap();
        }
        for entity in made.iter().step_by(14) {
            world.insert(*entity, Mark).unwrap();
        }
        world.remove::<Chosen>(made[7]).unwrap();
        world.spawn((Chosen, Heat(1)));
    }),
    ("several blocks", |world| {
        world.spawn_batch((0..5000).map(|i| (Score(i), Place([i as f32; 3]))));
    }),
];

#[test]
fn a_world_comes_back_as_it_was_whatever_happened_to_it() {
    let harms: &[(&str, Build)] = &[
        ("nothing", |_| {}),
        ("cleared", World::clear),
        ("more spawned", |world| {
            world.spawn_batch((0..100).map(|i| (Score(i), Label("new".into()))));
        }),
        ("every second despawned", |world| {
            let all: Vec<_> = world.entities().collect();
            for entity in all.iter().step_by(2) {
                world.despawn(*entity).unwrap();
            }
        }),
        ("components added", |world| {
            let all: Vec<_> = world.entities().collect();
            for entity in all {
                world
                    .insert(entity, (Scratch(1), Label("added".into())))
                    .unwrap();
            }
        }),
        ("sparse components and tags added", |world| {
            let all: Vec<_> = world.entities().collect();
            for entity in all {
                world.insert(entity, (Heat(77), Chosen)).unwrap();
            }
        }),
        ("sparse components and tags removed", |world| {
            let all: Vec<_> = world.entities().collect();
            for entity in all {
                world.remove::<(Heat, Chosen, Rumour)>(entity).unwrap();
            }
        }),
        ("sparse values written", |world| {
            for heat in world.query_mut::<&mut Heat>() {
                heat.0 += 1;
            }
        }),
        ("components removed", |world| {
            let all: Vec<_> = world.entities().collect();
            for entity in all {
                world.remove::<(Score, Label)>(entity).unwrap();
            }
        }),
        ("values written", |world| {
            for score in world.query_mut::<&mut Score>() {
                score.0 += 1;
            }
            for label in world.query_mut::<&mut Label>() {
                label.0.push('!');
            }
        }),
    ];
    for (name, build) in WORLDS {
        for (harm, act) in harms {
            let mut world = World::new();
            register(&mut world);
            build(&mut world);
            let saved = take(&mut world);
            let (before, rows): (_, Vec<_>) = (see(&world), world.entities().map(id).collect());
            act(&mut world);
            put(&mut world, saved.as_bytes());
            assert_eq!(see(&world), before, "{name}, {harm}");
            let mut order: Vec<_> = world.entities().map(id).collect();
            if *harm == "nothing" {
                assert_eq!(order, rows, "{name}: rows keep their order");
            }
            order.sort_unstable();
            assert!(order.windows(2).all(|pair| pair[0] != pair[1]));
            assert_eq!(
                take(&mut world).as_bytes()[32..],
                saved.as_bytes()[32..],
                "{name}, {harm}: the same bytes but for the tick"
            );
        }
    }
}

#[test]
fn another_world_gets_the_same_entities_under_its_own_tag() {
    for (name, build) in WORLDS {
        let (mut source, mut other) = (World::new(), World::new());
        register(&mut source);
        // Other numbers for the same components.
        other.register::<Links>();
        other.register::<Score>();
        register(&mut other);
        other.spawn_batch((0..9).map(|i| (Score(i), Label("was here".into()))));
        build(&mut source);
        let saved = take(&mut source);
        put(&mut other, saved.as_bytes());
        assert_eq!(see(&other), see(&source), "{name}");
        for parent in other.query::<&Parent>() {
            assert!(
                parent.entity == Entity::DANGLING || other.contains(parent.entity),
                "{name}: handles carry the receiver's tag"
            );
        }
        for links in other.query::<&Links>() {
            for link in &links.0 {
                if let Link::One(entity) = link {
                    assert!(other.contains(*entity));
                }
            }
        }
        assert_eq!(
            take(&mut other).as_bytes()[32..],
            take(&mut source).as_bytes()[32..],
            "{name}: canonical order"
        );
        assert_eq!(
            next_ids(&mut other, 50),
            next_ids(&mut source, 50),
            "{name}: the same ids are given next"
        );
    }
}

#[test]
fn a_handle_from_a_third_world_dangles_once_stored() {
    let (mut third, mut world) = (World::new(), World::new());
    let foreign = third.spawn(());
    let holder = world.spawn(Parent {
        entity: foreign,
        order: 0,
    });
    let saved = take(&mut world);
    put(&mut world, saved.as_bytes());
    assert_eq!(
        world.get::<Parent>(holder).unwrap().entity,
        Entity::DANGLING
    );
}

#[test]
fn a_rollback_marks_blocks_that_differ_and_adds_nothing() {
    let mut world = World::new();
    let made = world.spawn_batch((0..5000).map(Score));
    let saved = take(&mut world);
    world.get_mut::<Score>(made[3000]).unwrap().0 = 7;
    let seen = world.change_tick();
    put(&mut world, saved.as_bytes());
    let rows: Vec<_> = world
        .tables::<&Score>()
        .flat_map(|table| table.changed_rows::<Score>(seen))
        .collect();
    assert!(
        rows.len() == 1 && rows[0] == (2048..3072),
        "the block with the row that differs"
    );
    assert_eq!(
        world
            .query_filtered::<Entity, Added<Score>>()
            .since(seen)
            .count(),
        0
    );
    let seen = world.change_tick();
    put(&mut world, saved.as_bytes());
    assert_eq!(
        world
            .query_filtered::<Entity, Changed<Score>>()
            .since(seen)
            .count(),
        0,
        "nothing differs, nothing is marked"
    );
}

#[test]
fn a_rollback_logs_what_it_ends_and_takes_and_adds_what_comes_back() {
    let mut world = World::new();
    let kept = world.spawn((Score(1), Label("kept".into())));
    let dying = world.spawn(Score(2));
    let saved = take(&mut world);
    world.despawn(dying).unwrap();
    let late = world.spawn(Score(3));
    world.insert(kept, Fraction(0.5)).unwrap();
    let seen = world.change_tick();
    put(&mut world, saved.as_bytes());
    assert!(world.contains(dying) && !world.contains(late));
    assert_eq!(world.removed::<Fraction>(seen).collect::<Vec<_>>(), [kept]);
    assert_eq!(world.removed::<Score>(seen).collect::<Vec<_>>(), [late]);
    let added: Vec<_> = world
        .query_filtered::<Entity, Added<Score>>()
        .since(seen)
        .into_iter()
        .collect();
    assert_eq!(added, [dying], "what lived on is not added again");
    assert_eq!(
        world
            .query_filtered::<Entity, Changed<Score>>()
            .since(seen)
            .count(),
        2
    );
}

#[test]
fn a_hundred_ticks_roll_back_and_forth() {
    let mut world = World::new();
    let mut random = Random::new(5);
    let mut history = Vec::new();
    let mut states = Vec::new();
    let mut step = |world: &mut World| {
        let all: Vec<_> = world.entities().collect();
        if random.below(3) > 0 || all.is_empty() {
            world.spawn((Score(random.below(1000) as u32), Label("x".into())));
        } else {
            world.despawn(all[random.below(all.len())]).unwrap();
        }
        for score in world.query_mut::<&mut Score>() {
            score.0 = score.0.wrapping_mul(3);
        }
    };
    for _ in 0..100 {
        history.push(take(&mut world));
        states.push(see(&world));
        step(&mut world);
    }
    for tick in (0..100).rev() {
        put(&mut world, history[tick].as_bytes());
        assert_eq!(see(&world), states[tick], "tick {tick}");
    }
    put(&mut world, history[99].as_bytes());
    assert_eq!(see(&world), states[99]);
}

/// One random operation on a world.
fn operate(world: &mut World, random: &mut Random, untracked: bool) {
    let all: Vec<_> = world.entities().collect();
    let some = (!all.is_empty()).then(|| all[random.below(all.len())]);
    let value = random.next() as u32;
    match (random.below(18), some) {
        (0..=2, _) | (_, None) => match value % 4 {
            0 => {
                world.spawn((Score(value), Place([value as f32; 3])));
            }
            1 => {
                world.spawn(Label(value.to_string()));
            }
            2 => {
                world.spawn((
                    Mark,
                    Parent {
                        entity: some.unwrap_or(Entity::DANGLING),
                        order: 1,
                    },
                ));
            }
            _ => drop(world.spawn_batch((0..value % 50).map(|i| (Score(i), Label("b".into()))))),
        },
        (3, Some(entity)) => world.despawn(entity).unwrap(),
        (4, Some(entity)) => world
            .insert(entity, (Score(value), Label("i".into())))
            .unwrap(),
        (5, Some(entity)) => world
            .insert(entity, Links(some.map(Link::One).into_iter().collect()))
            .unwrap(),
        (6, Some(entity)) => world.remove::<(Score, Mark)>(entity).unwrap(),
        (7, Some(entity)) => world.remove::<Label>(entity).unwrap(),
        (8, Some(entity)) => {
            if let Some(score) = world.get_mut::<Score>(entity) {
                score.0 = value;
            }
        }
        (9, Some(entity)) => {
            if let Some(label) = world.get_mut::<Label>(entity) {
                label.0 = value.to_string();
            }
        }
        (10, _) => {
            for place in world.query_mut::<&mut Place>() {
                place.0[0] += 1.0;
            }
        }
        (11, Some(entity)) if untracked => world.insert(entity, Scratch(value.into())).unwrap(),
        (11, Some(entity)) => world.insert(entity, Parent { entity, order: 0 }).unwrap(),
        (12, Some(entity)) => world.insert(entity, (Heat(value), Chosen)).unwrap(),
        (13, Some(entity)) => world.remove::<(Heat, Score)>(entity).unwrap(),
        (14, Some(entity)) => {
            let (text, about) = (value.to_string(), all[random.below(all.len())]);
            world.insert(entity, Rumour { text, about }).unwrap();
        }
        (15, Some(entity)) => world.remove::<(Chosen, Rumour)>(entity).unwrap(),
        (16, Some(_)) => {
            for heat in world.query_mut::<&mut Heat>() {
                heat.0 = heat.0.wrapping_add(value);
            }
        }
        (_, Some(_)) => {
            if value.is_multiple_of(40) {
                world.clear();
            }
        }
    }
}

#[test]
fn whatever_happens_after_a_snapshot_restoring_undoes_it() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let mut world = World::new();
        register(&mut world);
        for _ in 0..random.below(300) {
            operate(&mut world, &mut random, true);
        }
        let mut saved = Vec::new();
        for _ in 0..4 {
            saved.push((take(&mut world), see(&world)));
            for _ in 0..random.below(60) {
                operate(&mut world, &mut random, true);
            }
        }
        for _ in 0..12 {
            let (bytes, state) = &saved[random.below(saved.len())];
            put(&mut world, bytes.as_bytes());
            assert_eq!(see(&world), *state, "seed {seed}");
            let fresh = &mut World::new();
            register(fresh);
            put(fresh, bytes.as_bytes());
            assert_eq!(
                next_ids(fresh, 20),
                next_ids(&mut world, 20),
                "seed {seed}: the same future"
            );
            for _ in 0..random.below(40) {
                operate(&mut world, &mut random, true);
            }
        }
    }
}

#[test]
fn a_chain_of_deltas_equals_a_snapshot() {
    for seed in 0..60 {
        let mut random = Random::new(1000 + seed);
        let (mut source, mut replica) = (World::new(), World::new());
        register(&mut source);
        replica.register::<Label>();
        register(&mut replica);
        for _ in 0..random.below(200) {
            operate(&mut source, &mut random, false);
        }
        let first = take(&mut source);
        put(&mut replica, first.as_bytes());
        let mut since = SnapshotView::parse(first.as_bytes(), &RestoreOptions::default())
            .unwrap()
            .tick();
        for step in 0..25 {
            for _ in 0..random.below(30) {
                operate(&mut source, &mut random, false);
            }
            if step % 9 == 8 {
                put(&mut source, first.as_bytes());
            }
            let delta = source.delta(since, &SnapshotOptions::default()).unwrap();
            let view = SnapshotView::parse(delta.as_bytes(), &RestoreOptions::default()).unwrap();
            assert_eq!((view.kind(), view.since()), (SnapshotKind::Delta, since));
            since = view.tick();
            replica
                .apply_delta(delta.as_bytes(), &RestoreOptions::default())
                .unwrap_or_else(|error| panic!("seed {seed} step {step}: {error}"));
            assert_eq!(see(&replica), see(&source), "seed {seed} step {step}");
        }
        assert_eq!(
            next_ids(&mut replica, 30),
            next_ids(&mut source, 30),
            "seed {seed}: the same future"
        );
    }
}

#[test]
fn a_replica_follows_a_rollback_to_more_slots() {
    let mut world = World::new();
    register(&mut world);
    world.spawn(Score(1));
    let small = take(&mut world);
    for entity in world.spawn_batch((0..20).map(Score)) {
        world.despawn(entity).unwrap();
    }
    world.spawn(Score(2));
    let (large, expected) = (take(&mut world), see(&world));
    put(&mut world, small.as_bytes());
    let base = take(&mut world);
    let mut replica = World::new();
    register(&mut replica);
    put(&mut replica, base.as_bytes());
    let since = SnapshotView::parse(base.as_bytes(), &RestoreOptions::default())
        .unwrap()
        .tick();
    put(&mut world, large.as_bytes());
    let delta = world.delta(since, &SnapshotOptions::default()).unwrap();
    replica
        .apply_delta(delta.as_bytes(), &RestoreOptions::default())
        .unwrap();
    assert_eq!(see(&replica), expected);
    assert_eq!(next_ids(&mut replica, 30), next_ids(&mut world, 30));
}

#[test]
fn a_delta_is_as_large_as_what_changed() {
    let mut world = World::new();
    let made = world.spawn_batch((0..100_000).map(|i| (Place([i as f32; 3]), Score(i))));
    let whole = take(&mut world).len();
    let since = world.change_tick();
    let nothing = world
        .delta(since, &SnapshotOptions::default())
        .unwrap()
        .len();
    assert!(nothing <= 256, "{nothing} bytes for nothing");
    let mut last = nothing;
    for count in [10, 100, 1000] {
        let since = world.change_tick();
        for entity in made.iter().step_by(made.len() / count) {
            world.get_mut::<Place>(*entity).unwrap().0[1] = 5.0;
        }
        let bytes = world
            .delta(since, &SnapshotOptions::default())
            .unwrap()
            .len();
        assert!(
            bytes >= count * 20 && bytes <= count * 20 + 640,
            "{count} rows: {bytes} bytes"
        );
        assert!(bytes > last && bytes < whole / 50);
        last = bytes;
    }
    let since = world.change_tick();
    world.despawn(made[5]).unwrap();
    let bytes = world
        .delta(since, &SnapshotOptions::default())
        .unwrap()
        .len();
    assert!(bytes < 512, "one entity gone: {bytes} bytes");
}

#[test]
fn a_delta_that_the_logs_cannot_answer_says_so() {
    let mut world = World::new();
    world.set_removal_capacity(4);
    let made = world.spawn_batch((0..100).map(Score));
    let since = world.change_tick();
    for entity in made {
        world.despawn(entity).unwrap();
    }
    assert_eq!(
        world.delta(since, &SnapshotOptions::default()).err(),
        Some(SnapshotError::LogOverflow)
    );
    assert!(
        world
            .delta(ChangeTick::NEVER, &SnapshotOptions::default())
            .is_err()
    );
}

#[test]
fn a_delta_for_another_base_is_refused_and_changes_nothing() {
    let mut source = World::new();
    let made = source.spawn_batch((0..10).map(|i| (Score(i), Label(i.to_string()))));
    let since = source.change_tick();
    source.get_mut::<Score>(made[3]).unwrap().0 = 100;
    let write = source.delta(since, &SnapshotOptions::default()).unwrap();
    let since = source.change_tick();
    source.despawn(made[4]).unwrap();
    source.spawn(Score(5));
    let structure = source.delta(since, &SnapshotOptions::default()).unwrap();
    // A base with the same entities and components but other values cannot be told apart.
    let bases: &[Build] = &[
        |_| {},
        |world| {
            world.spawn(());
        },
        |world| {
            world.spawn_batch((0..3).map(|_| Label("few".into())));
        },
    ];
    for delta in [&write, &structure] {
        for base in bases {
            let mut world = World::new();
            register(&mut world);
            base(&mut world);
            let before = see(&world);
            let error = world.apply_delta(delta.as_bytes(), &RestoreOptions::default());
            assert!(
                matches!(error, Err(SnapshotError::Base { .. })),
                "{error:?}"
            );
            assert_eq!(see(&world), before);
        }
    }
    let mut world = World::new();
    register(&mut world);
    assert_eq!(
        world.restore(write.as_bytes(), &RestoreOptions::default()),
        Err(SnapshotError::Kind {
            expected: "snapshot"
        })
    );
    let whole = take(&mut source);
    assert_eq!(
        world.apply_delta(whole.as_bytes(), &RestoreOptions::default()),
        Err(SnapshotError::Kind { expected: "delta" })
    );
}

#[test]
fn what_cannot_be_stored_is_named_or_skipped() {
    let mut world = World::new();
    let entity = world.spawn((Score(1), Opaque(Box::new(1))));
    let other = world.spawn(Score(2));
    let error = world.snapshot(&SnapshotOptions::default()).err();
    assert_eq!(
        error,
        Some(SnapshotError::Unsupported { name: Opaque::NAME })
    );
    let options = SnapshotOptions {
        unsupported: OnUnknown::Skip,
        ..SnapshotOptions::default()
    };
    let saved = world.snapshot(&options).unwrap();
    put(&mut world, saved.as_bytes());
    assert!(!world.has::<Opaque>(entity), "left out, so gone");
    assert_eq!(
        (world.get(entity), world.get(other)),
        (Some(&Score(1)), Some(&Score(2)))
    );

    let exclude = SnapshotOptions {
        exclude: vec![world.register::<Score>()],
        ..SnapshotOptions::default()
    };
    let saved = world.snapshot(&exclude).unwrap();
    assert_eq!(
        SnapshotView::parse(saved.as_bytes(), &RestoreOptions::default())
            .unwrap()
            .components()
            .count(),
        0
    );
}

#[test]
fn what_is_not_known_here_is_named_or_skipped() {
    let mut source = World::new();
    source.spawn((Score(1), Label("a".into())));
    source.register_section("extra", |_, out| out.bytes(&[1]), |_| Ok(Box::new(|_| {})));
    let saved = take(&mut source);
    let mut world = World::new();
    world.register::<Score>();
    let unknown = |result: Result<(), SnapshotError>| match result {
        Err(SnapshotError::Unknown { name }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        unknown(world.restore(saved.as_bytes(), &RestoreOptions::default())),
        "s.Label"
    );
    let skip = RestoreOptions {
        unknown: OnUnknown::Skip,
        ..RestoreOptions::default()
    };
    assert_eq!(unknown(world.restore(saved.as_bytes(), &skip)), "extra");
    let skip = RestoreOptions {
        unknown_sections: OnUnknown::Skip,
        ..skip
    };
    world.restore(saved.as_bytes(), &skip).unwrap();
    assert_eq!(
        world
            .query::<&Score>()
            .into_iter()
            .map(|score| score.0)
            .collect::<Vec<_>>(),
        [1]
    );
}

#[test]
fn a_component_of_another_form_is_a_mismatch() {
    mod other {
        use storm_ecs::Component;
        #[derive(Component, Clone, Copy)]
        #[component(name = "s.Place", schema, pod)]
        #[repr(C)]
        pub(super) struct Place(pub [f32; 4]);
    }
    let mut source = World::new();
    source.spawn(other::Place([0.0; 4]));
    let saved = take(&mut source);
    let mut world = World::new();
    register(&mut world);
    let error = world.restore(saved.as_bytes(), &RestoreOptions::default());
    assert!(
        matches!(error, Err(SnapshotError::Mismatch { ref name, .. }) if name == "s.Place"),
        "{error:?}"
    );
}

#[test]
fn constraints_hold_for_bytes_too() {
    let mut world = World::new();
    let good = world.spawn(Fraction(1.0));
    world.get_mut::<Fraction>(good).unwrap().0 = 1.5;
    let saved = take(&mut world);
    let error = world
        .restore(saved.as_bytes(), &RestoreOptions::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "s.Fraction, field 0: expected a number from 0 to 1, finite, found 1.5"
    );
    let trust = RestoreOptions {
        check_constraints: false,
        ..RestoreOptions::default()
    };
    world.restore(saved.as_bytes(), &trust).unwrap();

    let mut world = World::new();
    world.spawn(Label("x".repeat(41)));
    let saved = take(&mut world);
    assert!(matches!(
        world.restore(saved.as_bytes(), &RestoreOptions::default()),
        Err(SnapshotError::Violation(_))
    ));
}

/// A small world with everything in it, as a snapshot and as a delta.
fn samples() -> (World, Snapshot, Snapshot) {
    let mut world = World::new();
    register(&mut world);
    world.register_section(
        "clock",
        |_, out| out.text("noon"),
        |input| {
            input
                .text()
                .map(|_| -> storm_ecs::LoadSection { Box::new(|_| {}) })
        },
    );
    let a = world.spawn((Score(1), Place([1.0; 3]), Heat(4), Chosen));
    let b = world.spawn((Label("label".into()), Links(vec![Link::One(a), Link::None])));
    let text = "heard".to_owned();
    world.insert(b, Rumour { text, about: a }).unwrap();
    let c = world.spawn((
        Parent {
            entity: b,
            order: 1,
        },
        Mark,
    ));
    let d = world.spawn(Fraction(0.25));
    world.despawn(d).unwrap();
    let base = take(&mut world);
    let since = SnapshotView::parse(base.as_bytes(), &RestoreOptions::default())
        .unwrap()
        .tick();
    world.spawn((Score(9), Label("new".into())));
    world.despawn(c).unwrap();
    world.get_mut::<Score>(a).unwrap().0 = 3;
    world.insert(b, (Fraction(0.5), Chosen, Heat(2))).unwrap();
    world.remove::<(Chosen, Heat)>(a).unwrap();
    world.get_mut::<Rumour>(b).unwrap().text.push('!');
    let delta = world.delta(since, &SnapshotOptions::default()).unwrap();
    put(&mut world, base.as_bytes());
    (world, base, delta)
}

#[test]
fn every_truncation_is_an_error_and_changes_nothing() {
    let (mut world, base, delta) = samples();
    let before = see(&world);
    for bytes in [base.as_bytes(), delta.as_bytes()] {
        for end in 0..bytes.len() {
            assert!(
                world
                    .restore(&bytes[..end], &RestoreOptions::default())
                    .is_err()
            );
            assert!(
                world
                    .apply_delta(&bytes[..end], &RestoreOptions::default())
                    .is_err()
            );
        }
        let longer = [bytes, &[0]].concat();
        assert!(world.restore(&longer, &RestoreOptions::default()).is_err());
        assert!(
            world
                .apply_delta(&longer, &RestoreOptions::default())
                .is_err()
        );
    }
    assert_eq!(see(&world), before);
    world
        .apply_delta(delta.as_bytes(), &RestoreOptions::default())
        .unwrap();
    assert_ne!(see(&world), before);
}

#[test]
fn flipped_bits_give_an_error_or_a_world_that_is_whole() {
    let (mut world, base, delta) = samples();
    let (bounded, mut random) = (
        RestoreOptions {
            max_bytes: 1 << 20,
            max_entities: 1000,
            ..RestoreOptions::default()
        },
        Random::new(3),
    );
    let (mut refused, mut taken) = (0, 0);
    for bytes in [base.as_bytes(), delta.as_bytes()] {
        // Every bit alone, then several at once.
        for flip in 0..bytes.len() * 8 + 4000 {
            let mut harmed = bytes.to_vec();
            if flip < bytes.len() * 8 {
                harmed[flip / 8] ^= 1 << (flip % 8);
            } else {
                for _ in 0..2 + random.below(4) {
                    let at = random.below(harmed.len());
                    harmed[at] = random.next() as u8;
                }
            }
            put(&mut world, base.as_bytes());
            let before = see(&world);
            let result = if bytes == base.as_bytes() {
                world.restore(&harmed, &bounded)
            } else {
                world.apply_delta(&harmed, &bounded)
            };
            if result.is_err() {
                refused += 1;
                assert_eq!(see(&world), before, "an error changes nothing");
            } else {
                taken += 1;
            }
            let all: Vec<_> = world.entities().collect();
            assert_eq!(all.len(), world.len());
            for entity in all {
                assert!(world.contains(entity) && world.entity_at(entity.index()) == Some(entity));
                world.insert(entity, Scratch(1)).unwrap();
            }
            let spawned = world.spawn(Label("after".into()));
            world.despawn(spawned).unwrap();
        }
    }
    assert!(
        refused > 1000 && taken > 100,
        "{refused} refused, {taken} taken"
    );
}

#[test]
fn limits_hold() {
    let (mut world, base, _) = samples();
    let limits = [
        RestoreOptions {
            max_entities: 3,
            ..RestoreOptions::default()
        },
        RestoreOptions {
            max_tables: 2,
            ..RestoreOptions::default()
        },
        RestoreOptions {
            max_bytes: 16,
            ..RestoreOptions::default()
        },
    ];
    let mut other = World::new();
    register(&mut other);
    other.register_section("clock", |_, _| {}, |_| Ok(Box::new(|_| {})));
    for limit in &limits {
        assert!(
            matches!(
                other.restore(base.as_bytes(), limit),
                Err(SnapshotError::Limit { .. } | SnapshotError::Decode { .. })
            ),
            "{limit:?}"
        );
    }
    world
        .restore(
            base.as_bytes(),
            &RestoreOptions {
                max_entities: 4,
                max_tables: 3,
                ..RestoreOptions::default()
            },
        )
        .unwrap();
}

#[test]
fn other_files_and_versions_are_told_apart() {
    let (mut world, base, _) = samples();
    let options = RestoreOptions::default();
    for bytes in [&b""[..], b"STORMEC", b"GIF89a", &[0; 4096]] {
        assert_eq!(
            world.restore(bytes, &options),
            Err(SnapshotError::NotASnapshot)
        );
    }
    let mut newer = base.as_bytes().to_vec();
    newer[8] = 2;
    assert_eq!(
        world.restore(&newer, &options),
        Err(SnapshotError::Version {
            expected: 1,
            found: 2
        })
    );
}

#[test]
fn bytes_need_no_alignment_to_be_restored_and_some_to_be_read_in_place() {
    let mut world = World::new();
    world.spawn_batch((0..10).map(|i| Place([i as f32; 3])));
    let saved = take(&mut world);
    assert_eq!(saved.as_bytes().as_ptr().addr() % 64, 0);
    let mut shifted = vec![0; saved.len() + 1];
    shifted[1..].copy_from_slice(saved.as_bytes());
    let before = see(&world);
    world.clear();
    put(&mut world, &shifted[1..]);
    assert_eq!(see(&world), before);
    let view = SnapshotView::parse(saved.as_bytes(), &RestoreOptions::default()).unwrap();
    let column = view.tables()[0].column_of::<Place>(&view).expect("aligned");
    assert_eq!(
        (column.len(), column[9], column.as_ptr().addr() % 64),
        (10, Place([9.0; 3]), 0)
    );
    assert!(view.tables()[0].column_of::<Score>(&view).is_none());
}

#[test]
fn values_that_are_replaced_are_dropped_once() {
    use std::sync::Arc;
    use storm_ecs::{Codec, DecodeError, Decoder, Encoder};
    #[derive(Component, Clone)]
    struct Held(Arc<()>);
    thread_local! {
        static HELD: Arc<()> = Arc::new(());
    }
    struct Shared;
    impl Codec<Held> for Shared {
        fn encode(_: &Held, out: &mut Encoder<'_>) {
            out.bytes(&[1]);
        }
        fn decode(input: &mut Decoder<'_>) -> Result<Held, DecodeError> {
            let [byte] = input.array()?;
            if byte == 1 {
                Ok(Held(HELD.with(Clone::clone)))
            } else {
                Err(input.wrong("1", byte))
            }
        }
    }
    let held = HELD.with(Clone::clone);
    let mut world = World::new();
    world.register_codec::<Held, Shared>();
    let made = world.spawn_batch((0..20).map(|_| Held(held.clone())));
    let saved = take(&mut world);
    let count = || Arc::strong_count(&held) - 2;
    for round in 0..4 {
        for entity in made.iter().take(round * 3) {
            let _ = world.despawn(*entity);
        }
        world.spawn((Held(held.clone()), Score(1)));
        put(&mut world, saved.as_bytes());
        assert_eq!(count(), 20, "round {round}");
    }
    let since = world.change_tick();
    world.get_mut::<Held>(made[0]).unwrap().0 = held.clone();
    world.insert(made[1], Score(1)).unwrap();
    world.remove::<Held>(made[2]).unwrap();
    let delta = world.delta(since, &SnapshotOptions::default()).unwrap();
    put(&mut world, saved.as_bytes());
    world.register::<Score>();
    world
        .apply_delta(delta.as_bytes(), &RestoreOptions::default())
        .unwrap();
    assert_eq!(count(), 19);
    // A value that fails to decode leaves nothing behind.
    let mut harmed = saved.as_bytes().to_vec();
    let last = harmed.iter().rposition(|&byte| byte == 1).unwrap();
    harmed[last] = 9;
    assert!(world.restore(&harmed, &RestoreOptions::default()).is_err());
    assert_eq!(count(), 19);
    drop(world);
    assert_eq!(count(), 0);
}

#[test]
fn a_drop_that_panics_while_a_rollback_ends_leaves_the_rollback_made() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use storm_ecs::{Codec, DecodeError, Decoder, Encoder};
    #[derive(Component)]
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0 || std::thread::panicking(), "the bomb");
        }
    }
    struct Defused;
    impl Codec<Bomb> for Defused {
        fn encode(_: &Bomb, _: &mut Encoder<'_>) {}
        fn decode(_: &mut Decoder<'_>) -> Result<Bomb, DecodeError> {
            Ok(Bomb(false))
        }
    }
    let build = || {
        let mut world = World::new();
        register(&mut world);
        world.register_codec::<Bomb, Defused>();
        let made = world.spawn_batch((0..6).map(|i| (Score(i), Bomb(false))));
        let base = take(&mut world);
        let since = SnapshotView::parse(base.as_bytes(), &RestoreOptions::default())
            .unwrap()
            .tick();
        world.despawn(made[1]).unwrap();
        world.remove::<Bomb>(made[2]).unwrap();
        world.spawn((Score(9), Bomb(false)));
        world.spawn(Score(10));
        world.insert(made[3], Label("x".into())).unwrap();
        let delta = world.delta(since, &SnapshotOptions::default()).unwrap();
        put(&mut world, base.as_bytes());
        (world, made, base, delta)
    };
    for armed in 0..6 {
        let (mut world, made, base, delta) = build();
        world.get_mut::<Bomb>(made[armed]).unwrap().0 = true;
        let result = catch_unwind(AssertUnwindSafe(|| {
            world.restore(base.as_bytes(), &RestoreOptions::default())
        }));
        assert!(result.is_err(), "the old value was dropped");
        assert_eq!(
            take(&mut world).as_bytes()[32..],
            base.as_bytes()[32..],
            "all was in place by then"
        );

        let (mut world, made, _, delta_again) = build();
        assert_eq!(delta.len(), delta_again.len());
        world.get_mut::<Bomb>(made[armed]).unwrap().0 = true;
        let _ = catch_unwind(AssertUnwindSafe(|| {
            world.apply_delta(delta_again.as_bytes(), &RestoreOptions::default())
        }));
        // Whatever was made of it: no slot is used twice, and every entity is where it says.
        let mut seen: Vec<_> = world.entities().collect();
        seen.extend((0..20).map(|_| world.spawn(Score(1))));
        seen.sort_unstable();
        assert!(
            seen.windows(2)
                .all(|pair| pair[0].index() != pair[1].index()),
            "armed {armed}"
        );
        assert!(seen.iter().all(|&entity| world.contains(entity)));
        for bomb in world.query_mut::<&mut Bomb>() {
            bomb.0 = false;
        }
        for entity in seen {
            world.despawn(entity).unwrap();
        }
        assert!(world.is_empty());
    }
}

#[cfg(feature = "scene")]
#[test]
fn a_scene_comes_back() {
    use storm_ecs::scene::{
        Camera, Cell, ChildOf, GlobalTransform, Name, PointLight, Projection, Propagation,
        Transform,
    };
    let mut world = World::new();
    let root = world.spawn((
        Transform::from_translation([1.0, 2.0, 3.0]),
        Cell([4, 5, 6]),
        Name::new("root"),
    ));
    let child = world.spawn((Transform::IDENTITY, ChildOf(root), PointLight::default()));
    let camera = Camera {
        projection: Projection::Orthographic {
            xmag: 1.0,
            ymag: 2.0,
            znear: 0.1,
            zfar: 9.0,
        },
    };
    let eye = world.spawn((Transform::IDENTITY, camera));
    Propagation::new().run(&mut world);
    let saved = take(&mut world);
    let global = *world.get::<GlobalTransform>(child).unwrap();
    world.clear();
    put(&mut world, saved.as_bytes());
    assert_eq!(world.get(child), Some(&ChildOf(root)));
    assert_eq!(world.get(child), Some(&global));
    assert_eq!(world.get(eye), Some(&camera));
    assert_eq!(
        world.get::<Name>(root).map(|name| name.0.as_str()),
        Some("root")
    );
    assert_eq!(take(&mut world).as_bytes()[32..], saved.as_bytes()[32..]);
}
