//! Parents and children, relations with data, queries along them, prefabs, saving and loading.
//!
//! `cargo run -p storm-ecs --example relations`
#![expect(clippy::print_stdout, reason = "an example")]

use storm_ecs::{
    ChildOf, Component, Entity, OnEnd, Parent, Prefab, Relation, RelationCodec, RestoreOptions,
    SnapshotOptions, With, Without, World,
};

#[derive(Component, Clone, Debug, PartialEq)]
#[component(schema, clone)]
struct Name(String);

fn named(name: impl Into<String>) -> Name {
    Name(name.into())
}

/// Who trades with whom, in tons a year.
struct TradesWith;
impl Relation for TradesWith {
    const NAME: &'static str = "example.TradesWith";
    type Data = f32;
    const CODEC: RelationCodec<f32> = RelationCodec::schema();
}

/// Where a ship lies: at one place at most, and it does not outlive its harbour.
struct MooredAt;
impl Relation for MooredAt {
    const NAME: &'static str = "example.MooredAt";
    type Data = ();
    const EXCLUSIVE: bool = true;
    const ON_TARGET_END: OnEnd = OnEnd::Despawn;
}

fn name(world: &World, entity: Entity) -> &str {
    world.get::<Name>(entity).map_or("?", |name| &name.0)
}

fn names(world: &World, entities: impl IntoIterator<Item = Entity>) -> Vec<&str> {
    entities
        .into_iter()
        .map(|entity| name(world, entity))
        .collect()
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut world = World::new();

    // A hierarchy: children in order, found in constant time.
    let ship = world.spawn(named("ship"));
    let mast = world.spawn((named("mast"), ChildOf(ship)));
    let hull = world.spawn((named("hull"), ChildOf(ship)));
    let sail = world.spawn((named("sail"), ChildOf(mast)));
    world.insert_child_before(mast, hull)?;
    println!(
        "children of the ship: {:?}",
        names(&world, world.children(ship))
    );
    println!(
        "everything below it: {:?}",
        names(&world, world.descendants(ship))
    );
    println!("above the sail: {:?}", names(&world, world.ancestors(sail)));
    println!(
        "a cycle is refused: {}",
        world.set_parent(ship, sail).unwrap_err()
    );

    // Prefabs: the tree again, eight times, in one go.
    let prefab = Prefab::capture(&world, ship)?;
    let fleet = prefab.instantiate_with(&mut world, 8, |world, number, root| {
        if let Some(name) = world.get_mut::<Name>(root) {
            name.0 = format!("ship {number}");
        }
    })?;
    println!("{} ships of {} entities", fleet.len(), prefab.len());

    // Relations: many to many, with data.
    let harbours = ["Genoa", "Tunis", "Palma"].map(|name| world.spawn(named(name)));
    let [genoa, tunis, palma] = harbours;
    for (from, to, tons) in [
        (genoa, tunis, 40.0),
        (genoa, palma, 12.0),
        (palma, tunis, 7.5),
    ] {
        world.relate::<TradesWith>(from, to, tons)?;
    }
    for (number, &ship) in fleet.iter().enumerate() {
        world.relate::<MooredAt>(ship, harbours[number % 3], ())?;
    }
    for (partner, tons) in world.related::<TradesWith>(genoa) {
        println!("Genoa trades {tons} t with {}", name(&world, partner));
    }
    let reached = world.reachable::<TradesWith>(genoa);
    println!("goods from Genoa reach {:?}", names(&world, reached));
    let moored = world.query_relating::<MooredAt, &Name>(tunis);
    println!(
        "at Tunis: {:?}",
        moored.iter().map(|name| &name.0).collect::<Vec<_>>()
    );
    let roots = world.query_filtered::<Entity, (With<Parent>, Without<ChildOf>)>();
    println!("{} trees", roots.count());

    // All of it is part of a snapshot.
    let saved = world.snapshot(&SnapshotOptions::default())?;

    // What ends with what: a harbour's ships, and all that is below them.
    let before = world.len();
    world.despawn(tunis)?;
    println!(
        "without Tunis {} of {before} entities are left",
        world.len()
    );

    world.restore(saved.as_bytes(), &RestoreOptions::default())?;
    assert_eq!(world.len(), before);
    assert_eq!(world.relation::<TradesWith>(palma, tunis), Some(&7.5));
    assert!(world.children(ship).eq([hull, mast]));
    println!(
        "and back: {} entities, {} trades",
        world.len(),
        world.relation_count::<TradesWith>()
    );
    Ok(())
}
