//! Systems and a schedule: a few seconds of a shooting range, in fixed steps, on the threads there are.
//!
//! ```sh
//! cargo run -p storm-ecs --example systems
//! ```
#![allow(clippy::print_stdout, reason = "an example that shows what happens")]

use std::sync::Arc;
use std::time::Duration;

use storm_ecs::{
    Commands, Component, Entity, EventReader, EventWriter, FixedStep, IntoSystems, Local, Query,
    Res, ResMut, Resource, Schedule, ScheduleError, SystemSet, ThreadPool, World,
};

#[derive(Component)]
struct Position(f32);
#[derive(Component)]
struct Velocity(f32);
#[derive(Component)]
struct Target {
    health: u32,
}

#[derive(Resource)]
struct Settings {
    step: f32,
    shots: u32,
}
#[derive(Resource, Default)]
struct Score(u32);

/// A shot reached a target.
struct Hit {
    target: Entity,
}

#[derive(Debug)]
enum Phase {
    Input,
    Physics,
    Rules,
}

impl SystemSet for Phase {}

/// Fires now and then.
fn shoot(mut commands: Commands, settings: Res<Settings>, mut fired: Local<u32>) {
    if *fired < settings.shots {
        *fired += 1;
        let speed = 20.0 + *fired as f32;
        commands.spawn((Position(0.0), Velocity(speed)));
    }
}

fn fly(settings: Res<Settings>, shots: Query<(&mut Position, &Velocity)>) {
    shots.for_each(|(position, velocity)| position.0 += velocity.0 * settings.step);
}

/// Runs beside `fly`: they share nothing but the settings, which both read.
fn heal(targets: Query<&mut Target>) {
    targets.for_each(|target| target.health = (target.health + 1).min(10));
}

fn collide(
    shots: Query<(Entity, &Position, &Velocity)>,
    targets: Query<(Entity, &Position, &Target)>,
    mut hits: EventWriter<Hit>,
    mut commands: Commands,
) {
    for (shot, position, _) in shots.iter() {
        let reached = targets.iter().find(|(_, target, _)| position.0 >= target.0);
        if let Some((target, ..)) = reached {
            hits.send(Hit { target });
            commands.despawn(shot);
        }
    }
}

fn score(
    mut hits: EventReader<Hit>,
    mut targets: Query<&mut Target>,
    mut score: ResMut<Score>,
    mut commands: Commands,
) {
    for hit in hits.read() {
        score.0 += 1;
        // Several shots may reach a target in one step; the first that brings it down ends it.
        if let Some(target) = targets.get_mut(hit.target)
            && target.health > 0
        {
            target.health = target.health.saturating_sub(6);
            if target.health == 0 {
                commands.despawn(hit.target);
            }
        }
    }
}

fn targets_left(targets: Query<&Target>) -> bool {
    targets.count() > 0
}

fn main() -> Result<(), ScheduleError> {
    let mut world = World::new();
    world.insert_resource(Settings {
        step: 0.02,
        shots: 40,
    });
    world.init_resource::<Score>();
    world.spawn_batch([30.0, 40.0, 50.0].map(|at| (Position(at), Target { health: 10 })));

    let mut step = Schedule::new("step");
    step.add_systems((
        shoot.in_set(Phase::Input),
        (fly, heal).in_set(Phase::Physics),
        (collide, score)
            .chain()
            .in_set(Phase::Rules)
            .run_if(targets_left),
    ));
    step.chain_sets([Phase::Input, Phase::Physics, Phase::Rules]);
    step.set_executor(Arc::new(ThreadPool::for_this_machine()));

    println!("in order: {:#?}", step.systems()?);
    for pair in step.ambiguities()? {
        println!(
            "not ordered: {} and {}: {:?}",
            pair.first, pair.second, pair.conflicts
        );
    }

    // Frames of uneven length; steps of 20 ms.
    let mut fixed = FixedStep::new(Duration::from_millis(20));
    for frame in 0..240u64 {
        fixed.run(
            Duration::from_millis(10 + frame % 13),
            &mut step,
            &mut world,
        )?;
        world.update_events();
    }
    let left = world.query::<&Target>().count();
    println!(
        "hits: {}, targets left: {left}",
        world.resource::<Score>().map_or(0, |score| score.0)
    );
    Ok(())
}
