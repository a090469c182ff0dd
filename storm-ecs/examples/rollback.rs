//! A simulation that predicts ahead, learns that an input was different a hundred ticks ago, goes back and runs again.
//!
//! Run it with `cargo run -p storm-ecs --example rollback`.
#![allow(clippy::print_stdout, reason = "an example")]

use storm_ecs::{Component, Entity, RestoreOptions, Snapshot, SnapshotOptions, World};

const TICKS: usize = 100;

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(schema, pod)]
#[repr(C)]
struct Position {
    #[field(unit = "m", finite)]
    metres: [f32; 2],
}

#[derive(Component, Clone, Copy)]
#[component(schema, pod)]
#[repr(C)]
struct Velocity {
    #[field(unit = "m/s", finite)]
    metres_per_second: [f32; 2],
}

/// Who fired it: a handle, kept right by the schema.
#[derive(Component, Clone, Copy)]
#[component(schema, pod)]
#[repr(transparent)]
struct FiredBy(Entity);

/// Text is not plain data: it goes through the schema's own codec.
#[derive(Component)]
#[component(schema)]
struct Callsign(#[field(len <= 32)] String);

/// One tick: move everything, fire if the player does, end what has flown far enough.
fn step(world: &mut World, player: Entity, fires: bool) {
    for (position, velocity) in world.query_mut::<(&mut Position, &Velocity)>() {
        for (metres, speed) in position.metres.iter_mut().zip(velocity.metres_per_second) {
            *metres += speed / 60.0;
        }
    }
    if fires && let Some(from) = world.get::<Position>(player).copied() {
        world.spawn((
            from,
            Velocity {
                metres_per_second: [90.0, 0.0],
            },
            FiredBy(player),
        ));
    }
    let far = |(entity, position, _): (Entity, &Position, &FiredBy)| {
        (position.metres[0] > 60.0).then_some(entity)
    };
    let gone: Vec<Entity> = world
        .query::<(Entity, &Position, &FiredBy)>()
        .into_iter()
        .filter_map(far)
        .collect();
    for entity in gone {
        // Found in this tick, so it is alive.
        let _ = world.despawn(entity);
    }
}

fn main() -> Result<(), storm_ecs::SnapshotError> {
    let mut world = World::new();
    let player = world.spawn((
        Position { metres: [0.0; 2] },
        Velocity {
            metres_per_second: [3.0, 0.0],
        },
        Callsign("one".into()),
    ));

    // A ring of snapshots: the memory is used again.
    let options = SnapshotOptions::default();
    let mut ring: Vec<Snapshot> = (0..TICKS).map(|_| Snapshot::new()).collect();
    for (tick, before) in ring.iter_mut().enumerate() {
        world.snapshot_into(&options, before)?;
        step(&mut world, player, tick % 10 == 0);
    }
    let guessed = (world.len(), world.get::<Position>(player).copied());

    // The truth arrives: in tick 90 nobody fired.
    world.restore(ring[0].as_bytes(), &RestoreOptions::default())?;
    assert_eq!(world.len(), 1);
    for tick in 0..TICKS {
        step(&mut world, player, tick % 10 == 0 && tick != 90);
    }
    assert_eq!(
        world.get::<Callsign>(player).map(|name| name.0.as_str()),
        Some("one"),
        "handles from before still hold"
    );
    println!("guessed {guessed:?}");
    println!(
        "after the rollback {:?}",
        (world.len(), world.get::<Position>(player).copied())
    );

    // Going back and running the same inputs gives the same bytes, to the last id.
    world.restore(ring[0].as_bytes(), &RestoreOptions::default())?;
    for (tick, before) in ring.iter().enumerate() {
        let now = world.snapshot(&options)?;
        // The header's tick differs: it never goes back.
        assert_eq!(now.as_bytes()[32..], before.as_bytes()[32..], "tick {tick}");
        step(&mut world, player, tick % 10 == 0);
    }
    println!(
        "{TICKS} ticks ran again, byte for byte; {} bytes a snapshot",
        ring[TICKS - 1].len()
    );
    Ok(())
}
