//! Components that no Rust type stands for: a mod describes one as it is loaded, a script fills it, a query goes through it, and the mod goes again.
//!
//! Run it with `cargo run -p storm-ecs --example dynamic`.
#![allow(clippy::print_stdout, reason = "an example")]

use storm_ecs::{Component, ComponentSchema, DynamicQuery, FieldSchema, TypeSchema, Value, World};

/// One that the program knows itself.
#[derive(Component, Clone, Copy)]
#[component(schema, pod)]
#[repr(C)]
struct Height(#[field(unit = "m", finite)] f32);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut world = World::new();
    let trees = world.spawn_batch((0..5).map(|i| Height(i as f32)));

    // What the mod's file says.
    let schema = ComponentSchema::plain(
        "weather.Wetness",
        vec![
            FieldSchema::new("water", TypeSchema::Float(4))
                .unit("kg")
                .range(0.0, 50.0),
            FieldSchema::new("frozen", TypeSchema::Bool),
        ],
    )?;
    println!("{}", schema.to_json());
    let wetness = world.register_dynamic(schema)?;

    // What a script does: by name, checked before anything changes.
    for (number, &tree) in trees.iter().enumerate() {
        let value = Value::Struct(vec![
            ("water".into(), Value::Float(number as f64 * 20.0)),
            ("frozen".into(), Value::Bool(false)),
        ]);
        match world.insert_value(tree, wetness, &value) {
            Ok(()) => println!("tree {number} is wet"),
            Err(error) => println!("tree {number}: {error}"),
        }
    }

    // What an editor shows: tables of bytes, whatever the types.
    let height = world.component_named(Height::NAME).ok_or("known")?.id();
    let query = DynamicQuery::new(&world).read(height)?.write(wetness)?;
    query.for_each_mut(&mut world, |mut table| {
        let entities = table.entities();
        println!("{} trees in table {}", entities.len(), table.id().index());
        if let [heights, wet] = table.slices_mut() {
            let heights = heights.floats().map(<[f32]>::to_vec).unwrap_or_default();
            for (row, height) in heights.into_iter().enumerate() {
                // Water runs off tall trees.
                let Some([a, b, c, d, ..]) = wet.row_mut(row) else {
                    continue;
                };
                let water = f32::from_le_bytes([*a, *b, *c, *d]) - height;
                [*a, *b, *c, *d] = water.max(0.0).to_le_bytes();
            }
        }
    });
    for &tree in &trees {
        if let Ok(value) = world.get_value(tree, wetness) {
            println!("{tree:?}: {value:?}");
        }
    }

    let had = world.unregister_id(wetness)?;
    println!("the mod is gone, and with it the wetness of {had} trees");
    Ok(())
}
