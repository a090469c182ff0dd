//! Visiting entities in order.

use storm_benches::{Case, Comparison};

use crate::components::*;

pub(crate) fn run(comparison: &mut Comparison) {
    if comparison.wants("simple iteration 10k") {
        comparison.run(simple("simple iteration 10k", 10_000, 100));
    }
    if comparison.wants("scalar iteration 10k") {
        comparison.run(scalar());
    }
    if comparison.wants("fragmented iteration 26x20") {
        comparison.run(fragmented());
    }
    if comparison.wants("1024 archetypes x 4") {
        comparison.run(archetypes());
    }
    if comparison.wants("iteration 1M") {
        comparison.run(simple("iteration 1M", 1_000_000, 1));
    }
    if comparison.wants("iteration 8M") {
        comparison.run(simple("iteration 8M", 8_000_000, 1).samples(7));
    }
}

#[inline]
fn step(position: &mut Position, velocity: &Velocity) {
    position.0[0] += velocity.0[0];
    position.0[1] += velocity.0[1];
    position.0[2] += velocity.0[2];
}

fn simple(name: &'static str, count: usize, repeat: u32) -> Case<'static> {
    let mut case = Case::new(name, repeat).bytes(count as u64 * 36);
    let rows = || (0..count).map(|_| (POSITION, VELOCITY));
    let (mut positions, velocities): (Vec<_>, Vec<_>) = rows().unzip();
    case.subject("base zip", move |timer| {
        timer.time(|| {
            for _ in 0..repeat {
                for (position, velocity) in positions.iter_mut().zip(&velocities) {
                    step(position, velocity);
                }
                std::hint::black_box(&mut positions);
            }
        });
    });
    let (mut positions, velocities) = (vec![1.0f32; count * 3], vec![1.0f32; count * 3]);
    case.subject("base flat", move |timer| {
        timer.time(|| {
            for _ in 0..repeat {
                for (position, velocity) in positions.iter_mut().zip(&velocities) {
                    *position += velocity;
                }
                std::hint::black_box(&mut positions);
            }
        });
    });
    let mut world = storm_ecs::World::new();
    world.spawn_batch(rows());
    case.subject("storm", move |timer| {
        timer.time(|| {
            for _ in 0..repeat {
                world
                    .query_mut::<(&mut Position, &Velocity)>()
                    .for_each(|(position, velocity)| step(position, velocity));
            }
        });
    });
    let mut world = storm_ecs::World::new();
    world.spawn_batch(rows());
    case.subject("storm flat", move |timer| {
        timer.time(|| {
            for _ in 0..repeat {
                let slices = world
                    .query_mut::<(&mut Position, &Velocity)>()
                    .into_slices();
                for (positions, velocities) in slices {
                    let positions = storm_ecs::flat_mut::<_, f32>(positions);
                    let velocities = storm_ecs::flat::<_, f32>(velocities);
                    for (position, velocity) in positions.iter_mut().zip(velocities) {
                        *position += velocity;
                    }
                }
            }
        });
    });
    let mut world = storm_ecs::World::new();
    world.spawn_batch(rows());
    let mut query = storm_ecs::QueryState::<(&mut Position, &Velocity)>::new(&mut world);
    case.subject("storm for loop", move |timer| {
        timer.time(|| {
            for _ in 0..repeat {
                for (position, velocity) in query.query_mut(&mut world) {
                    step(position, velocity);
                }
            }
        });
    });
    #[cfg(feature = "hecs")]
    {
        let mut world = hecs::World::new();
        world.spawn_batch(rows()).for_each(drop);
        case.subject("hecs", move |timer| {
            timer.time(|| {
                for _ in 0..repeat {
                    world
                        .query_mut::<(&mut Position, &Velocity)>()
                        .into_iter()
                        .for_each(|(position, velocity)| step(position, velocity));
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    {
        let mut world = bevy_ecs::world::World::new();
        world.spawn_batch(rows()).for_each(drop);
        let mut query = world.query::<(&mut Position, &Velocity)>();
        case.subject("bevy", move |timer| {
            timer.time(|| {
                for _ in 0..repeat {
                    query
                        .iter_mut(&mut world)
                        .for_each(|(mut position, velocity)| step(&mut position, velocity));
                }
            });
        });
    }
    #[cfg(feature = "shipyard")]
    {
        use shipyard::{IntoIter, ViewMut};
        let mut world = shipyard::World::new();
        world.bulk_add_entity(rows());
        case.subject("shipyard", move |timer| {
            timer.time(|| {
                for _ in 0..repeat {
                    world.run(
                        |mut positions: ViewMut<'_, Position>,
                         velocities: shipyard::View<'_, Velocity>| {
                            (&mut positions, &velocities)
                                .iter()
                                .for_each(|(position, velocity)| step(position, velocity));
                        },
                    );
                }
            });
        });
    }
    #[cfg(feature = "legion")]
    {
        use legion::IntoQuery;
        let mut world = legion::World::default();
        world.extend(rows());
        let mut query = <(&mut Position, &Velocity)>::query();
        case.subject("legion", move |timer| {
            timer.time(|| {
                for _ in 0..repeat {
                    query.for_each_mut(&mut world, |(position, velocity)| step(position, velocity));
                }
            });
        });
    }
    #[cfg(feature = "flecs_ecs")]
    {
        use flecs_ecs::prelude::*;
        let world = World::new();
        for (position, velocity) in rows() {
            world.entity().set(position).set(velocity);
        }
        // The query has to go before its world does: fields are dropped in order.
        let state = (world.new_query::<(&mut Position, &Velocity)>(), world);
        case.subject("flecs", move |timer| {
            let (query, _world) = &state;
            timer.time(|| {
                for _ in 0..repeat {
                    query.each(|(position, velocity)| step(position, velocity));
                }
            });
        });
    }
    if count <= 10_000 {
        case.target("storm flat", None, 0.5);
    } else {
        case.target("storm flat", Some("base flat"), 1.0 / 0.95);
    }
    case.target("storm", None, 1.0);
    case
}

fn scalar() -> Case<'static> {
    const REPEAT: u32 = 500;
    let mut case = Case::new("scalar iteration 10k", REPEAT);
    let (mut xs, ys) = (vec![X(1.0); 10_000], vec![Y(1.0); 10_000]);
    case.subject("base", move |timer| {
        timer.time(|| {
            for _ in 0..REPEAT {
                for (x, y) in xs.iter_mut().zip(&ys) {
                    x.0 += y.0;
                }
                std::hint::black_box(&mut xs);
            }
        });
    });
    let mut world = storm_ecs::World::new();
    world.spawn_batch((0..10_000).map(|_| (X(1.0), Y(1.0))));
    case.subject("storm", move |timer| {
        timer.time(|| {
            for _ in 0..REPEAT {
                world
                    .query_mut::<(&mut X, &Y)>()
                    .for_each(|(x, y)| x.0 += y.0);
            }
        });
    });
    #[cfg(feature = "hecs")]
    {
        let mut world = hecs::World::new();
        world
            .spawn_batch((0..10_000).map(|_| (X(1.0), Y(1.0))))
            .for_each(drop);
        case.subject("hecs", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    world
                        .query_mut::<(&mut X, &Y)>()
                        .into_iter()
                        .for_each(|(x, y)| x.0 += y.0);
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    {
        let mut world = bevy_ecs::world::World::new();
        world
            .spawn_batch((0..10_000).map(|_| (X(1.0), Y(1.0))))
            .for_each(drop);
        let mut query = world.query::<(&mut X, &Y)>();
        case.subject("bevy", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    query.iter_mut(&mut world).for_each(|(mut x, y)| x.0 += y.0);
                }
            });
        });
    }
    case.target("storm", None, 1.0);
    case
}

fn fragmented() -> Case<'static> {
    const REPEAT: u32 = 5000;
    let mut case = Case::new("fragmented iteration 26x20", REPEAT);
    let mut tables = vec![vec![Data(1.0); 20]; 26];
    case.subject("base", move |timer| {
        timer.time(|| {
            for _ in 0..REPEAT {
                tables.iter_mut().flatten().for_each(|data| data.0 *= 2.0);
                std::hint::black_box(&mut tables);
            }
        });
    });
    let fragmented = || {
        let mut world = storm_ecs::World::new();
        macro_rules! storm {
            ($($fragment:ident)*) => {$(world.spawn_batch((0..20).map(|_| (Data(1.0), $fragment(1.0))));)*};
        }
        fragments!(storm);
        world
    };
    let mut world = fragmented();
    let mut query = storm_ecs::QueryState::<&mut Data>::new(&mut world);
    case.subject("storm", move |timer| {
        timer.time(|| {
            for _ in 0..REPEAT {
                query.query_mut(&mut world).for_each(|data| data.0 *= 2.0);
            }
        });
    });
    let mut world = fragmented();
    case.subject("storm ad hoc", move |timer| {
        timer.time(|| {
            for _ in 0..REPEAT {
                world
                    .query_mut::<&mut Data>()
                    .for_each(|data| data.0 *= 2.0);
            }
        });
    });
    #[cfg(feature = "hecs")]
    {
        let mut world = hecs::World::new();
        macro_rules! hecs {
            ($($fragment:ident)*) => {$(world.spawn_batch((0..20).map(|_| (Data(1.0), $fragment(1.0)))).for_each(drop);)*};
        }
        fragments!(hecs);
        case.subject("hecs", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    world
                        .query_mut::<&mut Data>()
                        .into_iter()
                        .for_each(|data| data.0 *= 2.0);
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    {
        let mut world = bevy_ecs::world::World::new();
        macro_rules! bevy {
            ($($fragment:ident)*) => {$(world.spawn_batch((0..20).map(|_| (Data(1.0), $fragment(1.0)))).for_each(drop);)*};
        }
        fragments!(bevy);
        let mut query = world.query::<&mut Data>();
        case.subject("bevy", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    query
                        .iter_mut(&mut world)
                        .for_each(|mut data| data.0 *= 2.0);
                }
            });
        });
    }
    #[cfg(feature = "shipyard")]
    {
        use shipyard::{IntoIter, ViewMut};
        let mut world = shipyard::World::new();
        macro_rules! shipyard {
            ($($fragment:ident)*) => {$(world.bulk_add_entity((0..20).map(|_| (Data(1.0), $fragment(1.0))));)*};
        }
        fragments!(shipyard);
        case.subject("shipyard", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    world.run(|mut data: ViewMut<'_, Data>| {
                        (&mut data).iter().for_each(|data| data.0 *= 2.0)
                    });
                }
            });
        });
    }
    case.target("storm", Some("hecs"), 0.75);
    case
}

fn archetypes() -> Case<'static> {
    const REPEAT: u32 = 200;
    let mut case = Case::new("1024 archetypes x 4", REPEAT);
    let mut world = storm_ecs::World::new();
    for bits in 0..4096u32 {
        let entity = world.spawn(Data(1.0));
        macro_rules! insert {
            ($($tag:ident $bit:literal)*) => {$(if bits >> $bit & 1 == 1 { let _ = world.insert(entity, $tag()); })*};
        }
        tags!(insert);
    }
    let mut query = storm_ecs::QueryState::<&mut Data>::new(&mut world);
    case.subject("storm", move |timer| {
        timer.time(|| {
            for _ in 0..REPEAT {
                query.query_mut(&mut world).for_each(|data| data.0 *= 2.0);
            }
        });
    });
    #[cfg(feature = "hecs")]
    {
        let mut world = hecs::World::new();
        for bits in 0..4096u32 {
            let entity = world.spawn((Data(1.0),));
            macro_rules! insert {
                ($($tag:ident $bit:literal)*) => {$(if bits >> $bit & 1 == 1 { let _ = world.insert_one(entity, $tag()); })*};
            }
            tags!(insert);
        }
        case.subject("hecs", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    world
                        .query_mut::<&mut Data>()
                        .into_iter()
                        .for_each(|data| data.0 *= 2.0);
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    {
        let mut world = bevy_ecs::world::World::new();
        for bits in 0..4096u32 {
            let mut entity = world.spawn(Data(1.0));
            macro_rules! insert {
                ($($tag:ident $bit:literal)*) => {$(if bits >> $bit & 1 == 1 { entity.insert($tag()); })*};
            }
            tags!(insert);
        }
        let mut query = world.query::<&mut Data>();
        case.subject("bevy", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    query
                        .iter_mut(&mut world)
                        .for_each(|mut data| data.0 *= 2.0);
                }
            });
        });
    }
    case.target("storm", Some("hecs"), 0.8);
    case
}
