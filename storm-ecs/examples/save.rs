//! Saving a world to a file and loading it into another one.
//!
//! Run it with `cargo run -p storm-ecs --example save`.
#![allow(clippy::print_stdout, reason = "an example")]

use storm_ecs::{
    ChildOf, Component, Entity, Resource, RestoreOptions, Schema, SnapshotOptions, SnapshotView,
    World,
};

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(schema, pod)]
#[repr(C)]
struct Position(#[field(unit = "m", finite)] [f32; 3]);

#[derive(Component, Debug, PartialEq)]
#[component(schema)]
struct Label(#[field(len <= 64)] String);

/// A resource that is saved with the world.
#[derive(Resource, Schema, Debug, PartialEq)]
struct Calendar {
    day: u32,
}

/// What every world of this program knows: names are what files are read by.
fn new_world() -> World {
    let mut world = World::new();
    world.register::<Position>();
    world.register::<Label>();
    world.register::<ChildOf>();
    world.register_resource::<Calendar>("calendar");
    world
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut world = new_world();
    world.insert_resource(Calendar { day: 12 });
    let house = world.spawn((Position([3.0, 0.0, -2.0]), Label("house".into())));
    world.spawn((
        Position([0.0, 1.0, 0.5]),
        Label("door".into()),
        ChildOf(house),
    ));

    let path = std::env::temp_dir().join("storm-ecs-example.save");
    let saved = world.snapshot(&SnapshotOptions::default())?;
    std::fs::write(&path, saved.as_bytes())?;
    println!("{} bytes in {}", saved.len(), path.display());

    // Later, in another process.
    let bytes = std::fs::read(&path)?;
    let limits = RestoreOptions {
        max_entities: 100_000,
        max_bytes: 64 << 20,
        ..RestoreOptions::default()
    };
    let view = SnapshotView::parse(&bytes, &limits)?;
    println!(
        "{} entities, {} tables",
        view.entity_count(),
        view.tables().len()
    );
    let mut loaded = new_world();
    loaded.restore(&bytes, &limits)?;
    let house = loaded
        .entity_at(house.index())
        .ok_or("the house was saved")?;
    let doors: Vec<Entity> = loaded.children(house).collect();
    println!(
        "{:?} has {:?}",
        loaded.get::<Label>(house),
        loaded.get::<Label>(doors[0])
    );
    println!("{:?}", loaded.resource::<Calendar>());

    // A file that was cut off is refused, and the world stays as it is.
    match loaded.restore(&bytes[..bytes.len() / 2], &limits) {
        Ok(()) => println!("that should not have worked"),
        Err(error) => println!("half a file: {error}"),
    }
    std::fs::remove_file(&path)?;
    Ok(())
}
