//! Snapshots and deltas from anywhere: an error or a world that is whole, never a panic, never more memory than was allowed.
//!
//! The first byte chooses: raw bytes, or edits to a snapshot or delta that is valid otherwise (so that the contents behind the
//! structure are reached).
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use storm_ecs::{
    Component, Entity, OnUnknown, RestoreOptions, Schema, SnapshotOptions, SnapshotView, World,
};

#[derive(Component, Clone, Copy)]
#[component(name = "f.Place", schema, pod)]
#[repr(C)]
struct Place {
    #[field(min = -1000, max = 1000, finite)]
    position: [f32; 3],
    parent_order: u32,
}
#[derive(Component, Clone, Copy)]
#[component(name = "f.Parent", schema, pod)]
#[repr(C)]
struct Parent(Entity);
#[derive(Component, Clone, Copy)]
#[component(name = "f.Tag", pod)]
#[repr(C)]
struct Tag;
#[derive(Component, Clone, Copy)]
#[component(name = "f.Count", pod)]
#[repr(C)]
struct Count(u64);
#[derive(Schema, Clone)]
enum Kind {
    Plain,
    Text(#[field(len <= 64)] String),
    Many {
        entities: Vec<Entity>,
        wide: Vec<Option<[f64; 8]>>,
    },
}
#[derive(Component, Clone)]
#[component(name = "f.Kinds", schema)]
struct Kinds(Vec<Kind>, bool);

fn world() -> World {
    let mut world = World::new();
    world.register::<Place>();
    world.register::<Parent>();
    world.register::<Tag>();
    world.register::<Count>();
    world.register::<Kinds>();
    world.register_section(
        "f.section",
        |_, out| out.text("section"),
        |input| {
            let _ = input.text()?;
            Ok(Box::new(|_| {}))
        },
    );
    world
}

struct Bench {
    world: World,
    base: Vec<u8>,
    delta: Vec<u8>,
}

fn bench() -> Bench {
    let mut world = world();
    let place = |i: u32| Place {
        position: [i as f32; 3],
        parent_order: i,
    };
    let made = world.spawn_batch((0..9).map(|i| (place(i), Count(i.into()))));
    let a = world.spawn((
        Kinds(vec![Kind::Text("text".into()), Kind::Plain], true),
        Tag,
    ));
    world.spawn((
        Parent(a),
        Kinds(
            vec![Kind::Many {
                entities: vec![a, made[0]],
                wide: vec![None, Some([1.0; 8])],
            }],
            false,
        ),
    ));
    world.despawn(made[3]).unwrap();
    let base = world
        .snapshot(&SnapshotOptions::default())
        .unwrap()
        .as_bytes()
        .to_vec();
    let since = SnapshotView::parse(&base, &RestoreOptions::default())
        .unwrap()
        .tick();
    world.get_mut::<Count>(made[1]).unwrap().0 = 7;
    world.get_mut::<Kinds>(a).unwrap().1 = false;
    world.despawn(made[2]).unwrap();
    world.spawn((Parent(made[0]), Count(1)));
    world.remove::<Count>(made[4]).unwrap();
    world
        .insert(made[5], Kinds(vec![Kind::Plain], false))
        .unwrap();
    let delta = world
        .delta(since, &SnapshotOptions::default())
        .unwrap()
        .as_bytes()
        .to_vec();
    world.restore(&base, &RestoreOptions::default()).unwrap();
    Bench { world, base, delta }
}

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::new(bench());
}

fn check(world: &mut World) {
    let entities: Vec<Entity> = world.entities().collect();
    assert_eq!(entities.len(), world.len());
    for &entity in &entities {
        assert_eq!(world.entity_at(entity.index()), Some(entity));
    }
    let total: usize = world
        .query::<&Kinds>()
        .into_iter()
        .map(|kinds| kinds.0.len())
        .sum();
    std::hint::black_box(total);
    // What was taken can be stored and put back.
    let saved = world.snapshot(&SnapshotOptions::default()).unwrap();
    let trust = RestoreOptions {
        check_constraints: false,
        ..RestoreOptions::default()
    };
    world.restore(saved.as_bytes(), &trust).unwrap();
    let again = world.snapshot(&SnapshotOptions::default()).unwrap();
    assert_eq!(saved.as_bytes()[32..], again.as_bytes()[32..]);
    let fresh = world.spawn(Count(1));
    assert!(!entities.contains(&fresh));
    if let Some(&entity) = entities.first() {
        world.insert(entity, (Count(2), Tag)).unwrap();
        world.remove::<Kinds>(entity).unwrap();
        world.despawn(entity).unwrap();
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&mode, rest)) = data.split_first() else {
        return;
    };
    BENCH.with_borrow_mut(|bench| {
        let options = RestoreOptions {
            unknown: if mode & 8 == 0 {
                OnUnknown::Error
            } else {
                OnUnknown::Skip
            },
            unknown_sections: if mode & 8 == 0 {
                OnUnknown::Error
            } else {
                OnUnknown::Skip
            },
            check_constraints: mode & 16 == 0,
            max_entities: 10_000,
            max_tables: 100,
            max_bytes: 1 << 20,
        };
        let delta = mode & 2 != 0;
        let bytes = if mode & 1 == 0 {
            rest.to_vec()
        } else {
            let mut bytes = if delta {
                bench.delta.clone()
            } else {
                bench.base.clone()
            };
            for edit in rest.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % bytes.len();
                bytes[at] = edit[2];
            }
            bytes
        };
        bench
            .world
            .restore(&bench.base, &RestoreOptions::default())
            .unwrap();
        let count = bench.world.len();
        let result = if delta {
            bench.world.apply_delta(&bytes, &options)
        } else {
            bench.world.restore(&bytes, &options)
        };
        if result.is_err() {
            assert_eq!(bench.world.len(), count);
        }
        check(&mut bench.world);
        // A world without history takes the same bytes or refuses them as well.
        if mode & 4 != 0 {
            let mut fresh = world();
            if fresh.restore(&bytes, &options).is_ok() {
                check(&mut fresh);
            }
        }
    });
});
