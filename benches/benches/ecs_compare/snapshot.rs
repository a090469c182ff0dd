//! Worlds to bytes and back, against `memcpy` of as many bytes in the same run; and the price of a schema check.

use storm_benches::{Case, Comparison};
use storm_ecs::{
    Component, RestoreOptions, Schema, Snapshot, SnapshotOptions, SnapshotView, World,
};

const ROWS: usize = 1_000_000;
/// At least 0.6 of memcpy's bytes per second.
const TARGET: f64 = 1.0 / 0.6;

#[derive(Component, Clone, Copy)]
#[component(schema, pod)]
#[repr(C)]
struct Pose {
    #[field(unit = "m")]
    translation: [f32; 3],
    rotation: [f32; 4],
    scale: [f32; 3],
}

#[derive(Component, Clone, Copy)]
#[component(schema, pod)]
#[repr(C)]
struct Speed {
    #[field(unit = "m/s")]
    linear: [f32; 3],
}

/// What a game component looks like: a handful of constrained numbers and a short text.
#[derive(Component, Clone)]
#[component(schema)]
struct Typical {
    #[field(unit = "m", finite)]
    position: [f32; 3],
    #[field(min = 0, max = 100)]
    health: f32,
    #[field(min = 0, max = 1, finite)]
    importance: f32,
    #[field(min = 1, max = 99)]
    level: u32,
    #[field(len <= 64)]
    name: String,
}

pub(crate) fn run(comparison: &mut Comparison) {
    if comparison.wants("snapshot 1M Pod rows") {
        comparison.run(snapshot());
    }
    if comparison.wants("restore 1M Pod rows, all differ") {
        comparison.run(restore("restore 1M Pod rows, all differ", true));
    }
    if comparison.wants("restore 1M Pod rows, 1% differ") {
        comparison.run(restore("restore 1M Pod rows, 1% differ", false));
    }
    if comparison.wants("restore 1M Pod rows, other world") {
        comparison.run(other_world());
    }
    if comparison.wants("delta of 1% of 1M, scattered") {
        comparison.run(delta("delta of 1% of 1M, scattered", 100));
    }
    if comparison.wants("delta of 0.1% of 1M, scattered") {
        comparison.run(delta("delta of 0.1% of 1M, scattered", 1000));
    }
    if comparison.wants("apply delta of 1% of 1M") {
        comparison.run(apply());
    }
    if comparison.wants("schema check") {
        comparison.run(check());
    }
}

fn pose(row: usize) -> (Pose, Speed) {
    let x = row as f32;
    (
        Pose {
            translation: [x; 3],
            rotation: [0.0, 0.0, 0.0, 1.0],
            scale: [1.0; 3],
        },
        Speed {
            linear: [x, 1.0, 0.0],
        },
    )
}

fn world() -> World {
    let mut world = World::new();
    world.spawn_batch((0..ROWS).map(pose));
    world
}

/// Copies `bytes` into memory that is there already.
fn memcpy(case: &mut Case<'_>, name: &'static str, bytes: usize) {
    let (from, mut to) = (vec![1u8; bytes], vec![0u8; bytes]);
    case.subject(name, move |timer| {
        timer.time(|| to.copy_from_slice(std::hint::black_box(&from)))
    });
}

fn snapshot() -> Case<'static> {
    let mut world = world();
    let mut into = Snapshot::new();
    world
        .snapshot_into(&SnapshotOptions::default(), &mut into)
        .unwrap();
    let bytes = into.len();
    let mut case = Case::new("snapshot 1M Pod rows", 1).bytes(bytes as u64);
    memcpy(&mut case, "base memcpy", bytes);
    case.subject("storm", move |timer| {
        timer.time(|| {
            world
                .snapshot_into(&SnapshotOptions::default(), &mut into)
                .unwrap()
        })
    });
    case.target("storm", Some("base memcpy"), TARGET);
    case
}

fn restore(name: &'static str, all: bool) -> Case<'static> {
    let mut world = world();
    let saved = world.snapshot(&SnapshotOptions::default()).unwrap();
    let mut case = Case::new(name, 1).bytes(saved.len() as u64);
    memcpy(&mut case, "base memcpy", saved.len());
    case.subject("storm", move |timer| {
        let step = if all { 1 } else { 100 };
        for (pose, speed) in world
            .query_mut::<(&mut Pose, &mut Speed)>()
            .into_iter()
            .step_by(step)
        {
            pose.translation[0] += 1.0;
            speed.linear[1] += 1.0;
        }
        timer.time(|| {
            world
                .restore(saved.as_bytes(), &RestoreOptions::default())
                .unwrap()
        });
    });
    case.target("storm", Some("base memcpy"), TARGET);
    case
}

fn other_world() -> Case<'static> {
    let saved = world().snapshot(&SnapshotOptions::default()).unwrap();
    let bytes = saved.len();
    let mut case = Case::new("restore 1M Pod rows, other world", 1).bytes(bytes as u64);
    let from = vec![1u8; bytes];
    case.subject("base memcpy, new memory", move |timer| {
        drop(timer.time(|| from.clone()))
    });
    case.subject("storm", move |timer| {
        let mut world = World::new();
        world.register::<Pose>();
        world.register::<Speed>();
        timer.time(|| {
            world
                .restore(saved.as_bytes(), &RestoreOptions::default())
                .unwrap()
        });
    });
    case.target("storm", Some("base memcpy, new memory"), TARGET);
    case
}

fn delta(name: &'static str, step: usize) -> Case<'static> {
    let mut world = world();
    let entities: Vec<_> = world.entities().collect();
    let mut into = Snapshot::new();
    let write = move |world: &mut World| {
        let since = world.change_tick();
        for entity in entities.iter().step_by(step) {
            world.get_mut::<Pose>(*entity).unwrap().translation[1] += 1.0;
        }
        since
    };
    let since = write(&mut world);
    world
        .delta_into(since, &SnapshotOptions::default(), &mut into)
        .unwrap();
    let mut case = Case::new(name, 1).samples(51).bytes(into.len() as u64);
    // The floor: ids and rows copied one by one from where they lie, with nothing to find out.
    let poses: Vec<Pose> = (0..ROWS).map(|row| pose(row).0).collect();
    let (mut out, mut ids) = (Vec::new(), Vec::new());
    case.subject("base gather", move |timer| {
        timer.time(|| {
            out.clear();
            ids.clear();
            for row in (0..ROWS).step_by(step) {
                ids.push(row as u64);
                out.push(poses[row]);
            }
        });
    });
    case.subject("storm", move |timer| {
        let since = write(&mut world);
        timer.time(|| {
            world
                .delta_into(since, &SnapshotOptions::default(), &mut into)
                .unwrap()
        });
    });
    if step == 100 {
        case.target("storm", Some("base gather"), TARGET);
    }
    case
}

fn apply() -> Case<'static> {
    let mut world = world();
    let base = world.snapshot(&SnapshotOptions::default()).unwrap();
    let since = SnapshotView::parse(base.as_bytes(), &RestoreOptions::default())
        .unwrap()
        .tick();
    let entities: Vec<_> = world.entities().collect();
    for entity in entities.iter().step_by(100) {
        world.get_mut::<Pose>(*entity).unwrap().translation[1] += 1.0;
    }
    let delta = world.delta(since, &SnapshotOptions::default()).unwrap();
    let mut case = Case::new("apply delta of 1% of 1M", 1).bytes(delta.len() as u64);
    let poses: Vec<Pose> = (0..ROWS / 100).map(|row| pose(row).0).collect();
    let mut target: Vec<Pose> = (0..ROWS).map(|row| pose(row).0).collect();
    case.subject("base scatter", move |timer| {
        timer.time(|| {
            for (target, pose) in target.iter_mut().step_by(100).zip(&poses) {
                *target = *pose;
            }
        });
    });
    case.subject("storm", move |timer| {
        timer.time(|| {
            world
                .apply_delta(delta.as_bytes(), &RestoreOptions::default())
                .unwrap()
        })
    });
    case
}

fn check() -> Case<'static> {
    const COUNT: usize = 1000;
    let mut case = Case::new("schema check", COUNT as u32).samples(31);
    let all: Vec<Typical> = (0..COUNT)
        .map(|i| Typical {
            position: [i as f32; 3],
            health: 50.0,
            importance: 0.5,
            level: 1 + (i % 99) as u32,
            name: format!("entity {i}"),
        })
        .collect();
    case.subject("storm typed", move |timer| {
        timer.time(|| all.iter().filter(|value| value.validate().is_ok()).count());
    });
    let mut world = World::new();
    let pose = world.register::<Pose>();
    let schema = storm_ecs::ComponentSchema::plain(
        "bench.RunTime",
        (0..8)
            .map(|i| {
                storm_ecs::FieldSchema::new(format!("f{i}"), storm_ecs::TypeSchema::Float(4))
                    .range(0.0, 10.0)
            })
            .collect(),
    )
    .unwrap();
    let id = world.register_dynamic(schema).unwrap();
    let bytes = [1.0f32; 8].map(f32::to_ne_bytes);
    case.subject("storm run time", move |timer| {
        assert!(world.schema(pose).is_some());
        timer.time(|| {
            (0..COUNT)
                .filter(|_| {
                    world
                        .check_bytes(id, std::hint::black_box(bytes.as_flattened()))
                        .is_ok()
                })
                .count()
        });
    });
    case
}
