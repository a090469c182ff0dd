//! Making, changing and ending entities.

use storm_benches::{Case, Comparison};

use crate::components::*;

const COUNT: usize = 10_000;

pub(crate) fn run(comparison: &mut Comparison) {
    if comparison.wants("insert loop 10k") {
        comparison.run(insert_loop());
    }
    if comparison.wants("insert batch 10k") {
        comparison.run(insert_batch());
    }
    if comparison.wants("add+remove 10k") {
        comparison.run(add_remove());
    }
    if comparison.wants("add+remove 10k, 512 B of others") {
        comparison.run(add_remove_fat());
    }
    if comparison.wants("spawn+despawn 1M") {
        comparison.run(spawn_despawn());
    }
}

type Bundle = (Matrix, Position, Rotation, Velocity);
const BUNDLE: Bundle = (MATRIX, POSITION, ROTATION, VELOCITY);

fn insert_loop() -> Case<'static> {
    let mut case = Case::new("insert loop 10k", 1).samples(31);
    case.subject("base", |timer| {
        let mut vectors = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        timer.time(|| {
            for i in 0..COUNT {
                let (a, b, c, d) = std::hint::black_box(BUNDLE);
                vectors.0.push(a);
                vectors.1.push(b);
                vectors.2.push(c);
                vectors.3.push(d);
                vectors.4.push(i as u64);
            }
        });
    });
    case.subject("storm", |timer| {
        let mut world = storm_ecs::World::new();
        timer.time(|| {
            for _ in 0..COUNT {
                world.spawn(std::hint::black_box(BUNDLE));
            }
        });
    });
    #[cfg(feature = "hecs")]
    case.subject("hecs", |timer| {
        let mut world = hecs::World::new();
        timer.time(|| {
            for _ in 0..COUNT {
                world.spawn(std::hint::black_box(BUNDLE));
            }
        });
    });
    #[cfg(feature = "bevy_ecs")]
    case.subject("bevy", |timer| {
        let mut world = bevy_ecs::world::World::new();
        timer.time(|| {
            for _ in 0..COUNT {
                world.spawn(std::hint::black_box(BUNDLE));
            }
        });
    });
    #[cfg(feature = "shipyard")]
    case.subject("shipyard", |timer| {
        let mut world = shipyard::World::new();
        timer.time(|| {
            for _ in 0..COUNT {
                world.add_entity(std::hint::black_box(BUNDLE));
            }
        });
    });
    #[cfg(feature = "legion")]
    case.subject("legion", |timer| {
        let mut world = legion::World::default();
        timer.time(|| {
            for _ in 0..COUNT {
                world.push(std::hint::black_box(BUNDLE));
            }
        });
    });
    #[cfg(feature = "flecs_ecs")]
    case.subject("flecs", |timer| {
        use flecs_ecs::prelude::*;
        let world = World::new();
        timer.time(|| {
            for _ in 0..COUNT {
                let (a, b, c, d) = std::hint::black_box(BUNDLE);
                world.entity().set(a).set(b).set(c).set(d);
            }
        });
    });
    case.target("storm", Some("hecs"), 0.6);
    case
}

fn insert_batch() -> Case<'static> {
    let mut case = Case::new("insert batch 10k", 1).samples(31);
    case.subject("base", |timer| {
        let mut vectors = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        timer.time(|| {
            vectors.0.resize(COUNT, MATRIX);
            vectors.1.resize(COUNT, POSITION);
            vectors.2.resize(COUNT, ROTATION);
            vectors.3.resize(COUNT, VELOCITY);
        });
    });
    case.subject("storm", |timer| {
        let mut world = storm_ecs::World::new();
        timer.time(|| world.spawn_batch((0..COUNT).map(|_| BUNDLE)));
    });
    case.subject("storm columns", |timer| {
        let mut world = storm_ecs::World::new();
        timer.time(|| {
            let columns = (
                std::iter::repeat_n(MATRIX, COUNT),
                std::iter::repeat_n(POSITION, COUNT),
                std::iter::repeat_n(ROTATION, COUNT),
                std::iter::repeat_n(VELOCITY, COUNT),
            );
            world
                .spawn_columns(COUNT, columns)
                .map_or(0, |made| made.len())
        });
    });
    #[cfg(feature = "hecs")]
    case.subject("hecs", |timer| {
        let mut world = hecs::World::new();
        timer.time(|| world.spawn_batch((0..COUNT).map(|_| BUNDLE)).for_each(drop));
    });
    #[cfg(feature = "hecs")]
    case.subject("hecs column batch", |timer| {
        let mut world = hecs::World::new();
        timer.time(|| {
            let mut kinds = hecs::ColumnBatchType::new();
            kinds
                .add::<Matrix>()
                .add::<Position>()
                .add::<Rotation>()
                .add::<Velocity>();
            let batch = kinds.into_batch(COUNT as u32);
            macro_rules! fill {
                ($kind:ty, $value:expr) => {
                    if let Some(mut writer) = batch.writer::<$kind>() {
                        for _ in 0..COUNT {
                            let _ = writer.push($value);
                        }
                    }
                };
            }
            fill!(Matrix, MATRIX);
            fill!(Position, POSITION);
            fill!(Rotation, ROTATION);
            fill!(Velocity, VELOCITY);
            if let Ok(batch) = batch.build() {
                world.spawn_column_batch(batch).for_each(drop);
            }
        });
    });
    #[cfg(feature = "bevy_ecs")]
    case.subject("bevy", |timer| {
        let mut world = bevy_ecs::world::World::new();
        timer.time(|| world.spawn_batch((0..COUNT).map(|_| BUNDLE)).for_each(drop));
    });
    #[cfg(feature = "shipyard")]
    case.subject("shipyard", |timer| {
        let mut world = shipyard::World::new();
        timer.time(|| {
            world.bulk_add_entity((0..COUNT).map(|_| BUNDLE));
        });
    });
    #[cfg(feature = "legion")]
    case.subject("legion", |timer| {
        let mut world = legion::World::default();
        timer.time(|| {
            world.extend((0..COUNT).map(|_| BUNDLE));
        });
    });
    case.target("storm columns", Some("hecs column batch"), 1.0);
    case.target("storm", Some("hecs"), 0.6);
    case
}

#[derive(storm_ecs::Component)]
#[component(storage = "sparse")]
struct SparseB(#[allow(dead_code, reason = "moved, not read")] f32);
#[derive(storm_ecs::Component)]
#[component(storage = "tag")]
struct TagB;

/// The same through storages that do not move the entity.
fn add_remove_aside(case: &mut Case<'static>, first: impl storm_ecs::Bundle + Clone) {
    let (mut world, entities) = storm(first.clone());
    case.subject("storm sparse", move |timer| {
        timer.time(|| {
            for &entity in &entities {
                let _ = world.insert(entity, SparseB(0.0));
            }
            for &entity in &entities {
                let _ = world.remove::<SparseB>(entity);
            }
        });
    });
    let (mut world, entities) = storm(first);
    case.subject("storm tag", move |timer| {
        timer.time(|| {
            for &entity in &entities {
                let _ = world.insert(entity, TagB);
            }
            for &entity in &entities {
                let _ = world.remove::<TagB>(entity);
            }
        });
    });
}

fn add_remove() -> Case<'static> {
    let mut case = Case::new("add+remove 10k", 1);
    let (mut world, entities) = storm((A(0.0),));
    case.subject("storm", move |timer| {
        timer.time(|| {
            for &entity in &entities {
                let _ = world.insert(entity, B(0.0));
            }
            for &entity in &entities {
                let _ = world.remove::<B>(entity);
            }
        });
    });
    add_remove_aside(&mut case, (A(0.0),));
    #[cfg(feature = "hecs")]
    {
        let mut world = hecs::World::new();
        let entities: Vec<_> = world.spawn_batch((0..COUNT).map(|_| (A(0.0),))).collect();
        case.subject("hecs", move |timer| {
            timer.time(|| {
                for &entity in &entities {
                    let _ = world.insert_one(entity, B(0.0));
                }
                for &entity in &entities {
                    let _ = world.remove_one::<B>(entity);
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    {
        let mut world = bevy_ecs::world::World::new();
        let entities: Vec<_> = world.spawn_batch((0..COUNT).map(|_| A(0.0))).collect();
        case.subject("bevy", move |timer| {
            timer.time(|| {
                for &entity in &entities {
                    world.entity_mut(entity).insert(B(0.0));
                }
                for &entity in &entities {
                    world.entity_mut(entity).remove::<B>();
                }
            });
        });
    }
    #[cfg(feature = "shipyard")]
    {
        let mut world = shipyard::World::new();
        let entities: Vec<_> = world
            .bulk_add_entity((0..COUNT).map(|_| (A(0.0),)))
            .collect();
        case.subject("shipyard", move |timer| {
            timer.time(|| {
                for &entity in &entities {
                    world.add_component(entity, (B(0.0),));
                }
                for &entity in &entities {
                    world.remove::<(B,)>(entity);
                }
            });
        });
    }
    #[cfg(feature = "legion")]
    {
        let mut world = legion::World::default();
        let entities: Vec<_> = world.extend((0..COUNT).map(|_| (A(0.0),))).to_vec();
        case.subject("legion", move |timer| {
            timer.time(|| {
                for &entity in &entities {
                    if let Some(mut entry) = world.entry(entity) {
                        entry.add_component(B(0.0));
                    }
                }
                for &entity in &entities {
                    if let Some(mut entry) = world.entry(entity) {
                        entry.remove_component::<B>();
                    }
                }
            });
        });
    }
    #[cfg(feature = "flecs_ecs")]
    {
        use flecs_ecs::prelude::*;
        let world = World::new();
        let entities: Vec<Entity> = (0..COUNT)
            .map(|_| world.entity().set(A(0.0)).id())
            .collect();
        case.subject("flecs", move |timer| {
            timer.time(|| {
                for &entity in &entities {
                    entity.entity_view(&world).set(B(0.0));
                }
                for &entity in &entities {
                    entity.entity_view(&world).remove(B::id());
                }
            });
        });
    }
    let (mut world, _) = storm((A(0.0),));
    case.subject("storm whole table", move |timer| {
        timer.time(|| {
            world.insert_where::<storm_ecs::With<A>, _>(B(0.0));
            world.remove_where::<storm_ecs::With<A>, B>();
        });
    });
    case.target("storm", Some("hecs"), 0.35);
    case.target("storm whole table", Some("hecs"), 0.05);
    case
}

fn storm<B: storm_ecs::Bundle + Clone>(bundle: B) -> (storm_ecs::World, Vec<storm_ecs::Entity>) {
    let mut world = storm_ecs::World::new();
    let entities = world.spawn_batch((0..COUNT).map(|_| bundle.clone()));
    (world, entities)
}

type Fat = (A, Big0, Big1, Big2, Big3);

fn fat() -> Fat {
    Fat::default()
}

fn add_remove_fat() -> Case<'static> {
    let mut case = Case::new("add+remove 10k, 512 B of others", 1);
    let (mut world, entities) = storm(fat());
    case.subject("storm", move |timer| {
        timer.time(|| {
            for &entity in &entities {
                let _ = world.insert(entity, B(0.0));
            }
            for &entity in &entities {
                let _ = world.remove::<B>(entity);
            }
        });
    });
    add_remove_aside(&mut case, fat());
    #[cfg(feature = "hecs")]
    {
        let mut world = hecs::World::new();
        let entities: Vec<_> = world.spawn_batch((0..COUNT).map(|_| fat())).collect();
        case.subject("hecs", move |timer| {
            timer.time(|| {
                for &entity in &entities {
                    let _ = world.insert_one(entity, B(0.0));
                }
                for &entity in &entities {
                    let _ = world.remove_one::<B>(entity);
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    {
        let mut world = bevy_ecs::world::World::new();
        let entities: Vec<_> = world.spawn_batch((0..COUNT).map(|_| fat())).collect();
        case.subject("bevy", move |timer| {
            timer.time(|| {
                for &entity in &entities {
                    world.entity_mut(entity).insert(B(0.0));
                }
                for &entity in &entities {
                    world.entity_mut(entity).remove::<B>();
                }
            });
        });
    }
    #[cfg(feature = "shipyard")]
    {
        let mut world = shipyard::World::new();
        let entities: Vec<_> = world.bulk_add_entity((0..COUNT).map(|_| fat())).collect();
        case.subject("shipyard", move |timer| {
            timer.time(|| {
                for &entity in &entities {
                    world.add_component(entity, (B(0.0),));
                }
                for &entity in &entities {
                    world.remove::<(B,)>(entity);
                }
            });
        });
    }
    case.target("storm", Some("hecs"), 0.3);
    case
}

fn spawn_despawn() -> Case<'static> {
    const MILLION: usize = 1_000_000;
    let mut case = Case::new("spawn+despawn 1M", 1).samples(9);
    case.subject("storm", |timer| {
        let mut world = storm_ecs::World::new();
        let mut made = Vec::with_capacity(MILLION);
        timer.time(|| {
            for _ in 0..MILLION {
                made.push(world.spawn((POSITION, VELOCITY)));
            }
            for &entity in &made {
                let _ = world.despawn(entity);
            }
        });
    });
    #[cfg(feature = "hecs")]
    case.subject("hecs", |timer| {
        let mut world = hecs::World::new();
        let mut made = Vec::with_capacity(MILLION);
        timer.time(|| {
            for _ in 0..MILLION {
                made.push(world.spawn((POSITION, VELOCITY)));
            }
            for &entity in &made {
                let _ = world.despawn(entity);
            }
        });
    });
    #[cfg(feature = "bevy_ecs")]
    case.subject("bevy", |timer| {
        let mut world = bevy_ecs::world::World::new();
        let mut made = Vec::with_capacity(MILLION);
        timer.time(|| {
            for _ in 0..MILLION {
                made.push(world.spawn((POSITION, VELOCITY)).id());
            }
            for &entity in &made {
                world.despawn(entity);
            }
        });
    });
    #[cfg(feature = "shipyard")]
    case.subject("shipyard", |timer| {
        let mut world = shipyard::World::new();
        let mut made = Vec::with_capacity(MILLION);
        timer.time(|| {
            for _ in 0..MILLION {
                made.push(world.add_entity((POSITION, VELOCITY)));
            }
            for &entity in &made {
                world.delete_entity(entity);
            }
        });
    });
    case.target("storm", Some("hecs"), 0.6);
    case
}
