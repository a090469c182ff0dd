//! A renderer's view of the world: upload what changed, free what is gone, do nothing when nothing happened.
#![allow(clippy::print_stdout, reason = "an example")]

use std::collections::BTreeMap;

use storm_ecs::{ChangeTick, Component, Entity, World};

#[derive(Component, Clone, Copy)]
struct Position([f32; 2]);

/// What a renderer keeps: a copy for each entity.
struct Mirror {
    seen: ChangeTick,
    copies: BTreeMap<Entity, [f32; 2]>,
}

impl Mirror {
    /// Brings the copies up to date; returns (written, freed).
    fn extract(&mut self, world: &World) -> (usize, usize) {
        let removed = world.removed::<Position>(self.seen);
        if !removed.is_complete() {
            // Too much happened since the last look: start over.
            self.copies.clear();
            self.seen = ChangeTick::NEVER;
        }
        let freed = removed
            .filter(|entity| self.copies.remove(entity).is_some())
            .count();
        let mut written = 0;
        for table in world.tables::<&Position>() {
            let Some(positions) = table.column::<Position>() else {
                continue;
            };
            for rows in table.changed_rows::<Position>(self.seen) {
                written += rows.len();
                let entities = &table.entities()[rows.clone()];
                self.copies.extend(
                    entities
                        .iter()
                        .copied()
                        .zip(positions[rows].iter().map(|position| position.0)),
                );
            }
        }
        self.seen = world.change_tick();
        (written, freed)
    }
}

fn main() {
    let mut world = World::new();
    let entities = world.spawn_batch((0..10_000).map(|i| Position([i as f32, 0.0])));
    let mut mirror = Mirror {
        seen: ChangeTick::NEVER,
        copies: BTreeMap::new(),
    };
    println!("first look: {:?}", mirror.extract(&world));
    println!("a still world: {:?}", mirror.extract(&world));
    for &entity in &entities[..10] {
        if let Some(position) = world.get_mut::<Position>(entity) {
            position.0[1] = 1.0;
        }
    }
    let _ = world.despawn(entities[9_999]);
    println!("ten moved, one gone: {:?}", mirror.extract(&world));
}
