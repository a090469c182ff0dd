//! The smallest program: spawn, move, ask.
#![allow(clippy::print_stdout, reason = "an example")]

use storm_ecs::{Component, World};

#[derive(Component)]
struct Position([f32; 2]);

#[derive(Component)]
struct Velocity([f32; 2]);

#[derive(Component)]
struct Name(&'static str);

fn main() {
    let mut world = World::new();
    world.spawn((Name("ball"), Position([0.0, 10.0]), Velocity([1.0, 0.0])));
    let wall = world.spawn((Name("wall"), Position([5.0, 0.0])));

    for _ in 0..3 {
        world
            .query_mut::<(&mut Position, &Velocity)>()
            .for_each(|(position, velocity)| {
                position.0[0] += velocity.0[0];
                position.0[1] += velocity.0[1];
            });
    }
    for (name, position) in world.query::<(&Name, &Position)>() {
        println!("{} is at {:?}", name.0, position.0);
    }
    println!("the wall moves: {}", world.has::<Velocity>(wall));
}
