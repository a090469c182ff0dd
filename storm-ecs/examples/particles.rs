//! A hundred thousand particles: spawned as columns, moved as flat slices of `f32`, the dead removed as a whole table.
#![allow(clippy::print_stdout, reason = "an example")]

use bytemuck::{Pod, Zeroable};
use storm_ecs::{Component, With, Without, World, flat, flat_mut};

#[derive(Component, Clone, Copy, Pod, Zeroable)]
#[repr(transparent)]
struct Position([f32; 3]);

#[derive(Component, Clone, Copy, Pod, Zeroable)]
#[repr(transparent)]
struct Velocity([f32; 3]);

/// Particles that lie on the ground.
#[derive(Component, Clone)]
struct Landed;

fn main() -> Result<(), storm_ecs::ColumnLengths> {
    const COUNT: usize = 100_000;
    let mut world = World::new();
    let starts = (0..COUNT).map(|i| Position([0.0, 100.0 + (i % 50) as f32, 0.0]));
    let speeds = (0..COUNT).map(|i| Velocity([(i % 7) as f32 - 3.0, 0.0, (i % 11) as f32 - 5.0]));
    world.spawn_columns(COUNT, (starts, speeds))?;

    let step = 0.05;
    for frame in 0..100 {
        // One loop over floats for each column, whatever the number of axes.
        for velocities in world
            .query_filtered_mut::<&mut Velocity, Without<Landed>>()
            .into_slices()
        {
            velocities
                .iter_mut()
                .for_each(|velocity| velocity.0[1] -= 9.81 * step);
        }
        let moving = world.query_filtered_mut::<(&mut Position, &Velocity), Without<Landed>>();
        for (positions, velocities) in moving.into_slices() {
            let positions = flat_mut::<_, f32>(positions);
            for (position, velocity) in positions.iter_mut().zip(flat::<_, f32>(velocities)) {
                *position += velocity * step;
            }
        }
        let landed: Vec<_> = world
            .query_filtered::<(storm_ecs::Entity, &Position), Without<Landed>>()
            .into_iter()
            .filter(|(_, position)| position.0[1] <= 0.0)
            .map(|(entity, _)| entity)
            .collect();
        for &entity in &landed {
            // Cannot fail: the query named it just now.
            let _ = world.insert(entity, Landed);
        }
        if frame % 20 == 19 {
            let removed = world.despawn_where::<With<Landed>>();
            println!(
                "frame {frame}: {removed} landed, {} in the air",
                world.len()
            );
        }
    }
    Ok(())
}
