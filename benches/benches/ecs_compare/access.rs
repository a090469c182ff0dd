//! Reaching single entities, few entities, and those that changed.

use storm_benches::{Case, Comparison};

use crate::components::*;

pub(crate) fn run(comparison: &mut Comparison) {
    if comparison.wants("random get 100k") {
        comparison.run(random_get());
    }
    if comparison.wants("read changed 1%, scattered") {
        comparison.run(changed(
            "read changed 1%, scattered",
            |row| row % 100 == 0,
            0.2,
        ));
    }
    if comparison.wants("read changed 1%, clustered") {
        comparison.run(changed(
            "read changed 1%, clustered",
            |row| row < 10_000,
            0.05,
        ));
    }
    if comparison.wants("rare query, 8 of 1032") {
        comparison.run(rare());
    }
}

/// A fixed permutation of `0..count`.
fn shuffled(count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    for last in (1..count).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(last, (state % (last as u64 + 1)) as usize);
    }
    order
}

fn random_get() -> Case<'static> {
    const COUNT: usize = 100_000;
    let mut case = Case::new("random get 100k", 1).samples(31);
    let rows = || (0..COUNT).map(|i| (Data(i as f32), POSITION));
    let order = shuffled(COUNT);
    let data: Vec<Data> = rows().map(|row| row.0).collect();
    let indices = order.clone();
    case.subject("base vec", move |timer| {
        timer.time(|| indices.iter().map(|&index| data[index].0).sum::<f32>());
    });
    let mut world = storm_ecs::World::new();
    let made = world.spawn_batch(rows());
    let ids: Vec<_> = order.iter().map(|&index| made[index]).collect();
    let mut query = storm_ecs::QueryState::<&Data>::new(&mut world);
    {
        case.subject("storm query", move |timer| {
            let query = query.query(&world);
            timer.time(|| {
                ids.iter()
                    .filter_map(|&id| query.get(id))
                    .map(|data| data.0)
                    .sum::<f32>()
            });
        });
    }
    let mut world = storm_ecs::World::new();
    let made = world.spawn_batch(rows());
    let ids: Vec<_> = order.iter().map(|&index| made[index]).collect();
    case.subject("storm world", move |timer| {
        timer.time(|| {
            ids.iter()
                .filter_map(|&id| world.get::<Data>(id))
                .map(|data| data.0)
                .sum::<f32>()
        });
    });
    #[cfg(feature = "hecs")]
    {
        let mut world = hecs::World::new();
        let made: Vec<_> = world.spawn_batch(rows()).collect();
        let ids: Vec<_> = order.iter().map(|&index| made[index]).collect();
        let get_ids = ids.clone();
        let mut query_world = hecs::World::new();
        query_world.spawn_batch(rows()).for_each(drop);
        case.subject("hecs view", move |timer| {
            let mut query = world.query::<&Data>();
            let view = query.view();
            timer.time(|| {
                ids.iter()
                    .filter_map(|&id| view.get(id))
                    .map(|data| data.0)
                    .sum::<f32>()
            });
        });
        case.subject("hecs get", move |timer| {
            timer.time(|| {
                get_ids
                    .iter()
                    .filter_map(|&id| query_world.get::<&Data>(id).ok())
                    .map(|data| data.0)
                    .sum::<f32>()
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    {
        let mut world = bevy_ecs::world::World::new();
        let made: Vec<_> = world.spawn_batch(rows()).collect();
        let ids: Vec<_> = order.iter().map(|&index| made[index]).collect();
        let mut query = world.query::<&Data>();
        case.subject("bevy query", move |timer| {
            let query = query.query(&world);
            timer.time(|| {
                ids.iter()
                    .filter_map(|&id| query.get(id).ok())
                    .map(|data| data.0)
                    .sum::<f32>()
            });
        });
    }
    case.target("storm query", Some("hecs view"), 1.0);
    case.target("storm world", Some("bevy query"), 1.0);
    case
}

fn changed(name: &'static str, touch: fn(usize) -> bool, ratio: f64) -> Case<'static> {
    const COUNT: usize = 1_000_000;
    let mut case = Case::new(name, 1);
    let rows = || (0..COUNT).map(|i| (Data(i as f32), POSITION));
    let mut world = storm_ecs::World::new();
    let made = world.spawn_batch(rows());
    case.subject("storm", move |timer| {
        let since = world.change_tick();
        for (row, &entity) in made.iter().enumerate() {
            if touch(row)
                && let Some(data) = world.get_mut::<Data>(entity)
            {
                data.0 += 1.0;
            }
        }
        timer.time(|| {
            let query = world
                .query_filtered::<&Data, storm_ecs::Changed<Data>>()
                .since(since);
            query.into_iter().map(|data| data.0).sum::<f32>()
        });
    });
    let mut world = storm_ecs::World::new();
    let made = world.spawn_batch(rows());
    case.subject("storm ranges", move |timer| {
        let since = world.change_tick();
        for (row, &entity) in made.iter().enumerate() {
            if touch(row)
                && let Some(data) = world.get_mut::<Data>(entity)
            {
                data.0 += 1.0;
            }
        }
        timer.time(|| {
            let mut sum = 0.0;
            for table in world.tables::<&Data>() {
                let Some(data) = table.column::<Data>() else {
                    continue;
                };
                for rows in table.changed_rows::<Data>(since) {
                    sum += data[rows].iter().map(|data| data.0).sum::<f32>();
                }
            }
            sum
        });
    });
    #[cfg(feature = "bevy_ecs")]
    {
        use bevy_ecs::prelude::*;
        let mut world = World::new();
        let made: Vec<_> = world.spawn_batch(rows()).collect();
        let mut query = world.query_filtered::<&Data, Changed<Data>>();
        let mut write = world.query::<&mut Data>();
        case.subject("bevy", move |timer| {
            world.clear_trackers();
            for (row, &entity) in made.iter().enumerate() {
                if touch(row)
                    && let Ok(mut data) = write.get_mut(&mut world, entity)
                {
                    data.0 += 1.0;
                }
            }
            timer.time(|| query.iter(&world).map(|data| data.0).sum::<f32>());
        });
    }
    case.target("storm", Some("bevy"), ratio);
    case
}

fn rare() -> Case<'static> {
    const REPEAT: u32 = 20_000;
    let mut case = Case::new("rare query, 8 of 1032", REPEAT);
    let mut world = storm_ecs::World::new();
    for bits in 0..1024u32 {
        let entity = world.spawn(Data(1.0));
        macro_rules! insert {
            ($($tag:ident $bit:literal)*) => {$(if bits >> $bit & 1 == 1 { let _ = world.insert(entity, $tag()); })*};
        }
        tags!(insert);
        if bits.is_multiple_of(128) {
            let rare = world.spawn((Data(1.0), Rare(1.0)));
            tags_of_storm(&mut world, rare, bits);
        }
    }
    let mut query = storm_ecs::QueryState::<(&mut Data, &Rare)>::new(&mut world);
    let mut adhoc = storm_ecs::World::new();
    std::mem::swap(&mut adhoc, &mut world);
    case.subject("storm", move |timer| {
        timer.time(|| {
            for _ in 0..REPEAT {
                query
                    .query_mut(&mut adhoc)
                    .for_each(|(data, rare)| data.0 += rare.0);
            }
        });
    });
    for bits in 0..1024u32 {
        let entity = world.spawn(Data(1.0));
        tags_of_storm(&mut world, entity, bits);
        if bits.is_multiple_of(128) {
            let rare = world.spawn((Data(1.0), Rare(1.0)));
            tags_of_storm(&mut world, rare, bits);
        }
    }
    case.subject("storm ad hoc", move |timer| {
        timer.time(|| {
            for _ in 0..REPEAT {
                world
                    .query_mut::<(&mut Data, &Rare)>()
                    .for_each(|(data, rare)| data.0 += rare.0);
            }
        });
    });
    #[cfg(feature = "hecs")]
    {
        let mut world = hecs::World::new();
        for bits in 0..1024u32 {
            let mut spawn = |rare: bool| {
                let entity = world.spawn((Data(1.0),));
                if rare {
                    let _ = world.insert_one(entity, Rare(1.0));
                }
                macro_rules! insert {
                    ($($tag:ident $bit:literal)*) => {$(if bits >> $bit & 1 == 1 { let _ = world.insert_one(entity, $tag()); })*};
                }
                tags!(insert);
            };
            spawn(false);
            if bits.is_multiple_of(128) {
                spawn(true);
            }
        }
        case.subject("hecs", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    world
                        .query_mut::<(&mut Data, &Rare)>()
                        .into_iter()
                        .for_each(|(data, rare)| data.0 += rare.0);
                }
            });
        });
    }
    #[cfg(feature = "bevy_ecs")]
    {
        let mut world = bevy_ecs::world::World::new();
        for bits in 0..1024u32 {
            let mut spawn = |rare: bool| {
                let mut entity = world.spawn(Data(1.0));
                if rare {
                    entity.insert(Rare(1.0));
                }
                macro_rules! insert {
                    ($($tag:ident $bit:literal)*) => {$(if bits >> $bit & 1 == 1 { entity.insert($tag()); })*};
                }
                tags!(insert);
            };
            spawn(false);
            if bits.is_multiple_of(128) {
                spawn(true);
            }
        }
        let mut query = world.query::<(&mut Data, &Rare)>();
        case.subject("bevy", move |timer| {
            timer.time(|| {
                for _ in 0..REPEAT {
                    query
                        .iter_mut(&mut world)
                        .for_each(|(mut data, rare)| data.0 += rare.0);
                }
            });
        });
    }
    case.target("storm", Some("bevy"), 1.0);
    case
}

fn tags_of_storm(world: &mut storm_ecs::World, entity: storm_ecs::Entity, bits: u32) {
    macro_rules! insert {
        ($($tag:ident $bit:literal)*) => {$(if bits >> $bit & 1 == 1 { let _ = world.insert(entity, $tag()); })*};
    }
    tags!(insert);
}
