//! Components by number: the same answers as by type, and every wrong use an error.

use std::alloc::Layout;
use std::sync::atomic::{AtomicUsize, Ordering};

use storm_ecs::{
    Added, Changed, Component, ComponentSchema, DynamicError, DynamicQuery, Entity, FieldSchema,
    RawComponent, Track, TypeSchema, Value, World,
};

use crate::support::Random;

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "d.Place", schema, pod)]
#[repr(C)]
struct Place {
    x: f32,
    y: f32,
}
#[derive(Component, Clone, Debug, PartialEq)]
#[component(name = "d.Label", schema)]
struct Label(String);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "d.Bare")]
struct Bare(u8);

fn place(x: f32, y: f32) -> Value {
    Value::fields([("x", x.into()), ("y", y.into())])
}

fn label(text: &str) -> Value {
    Value::fields([("0", text.into())])
}

#[test]
fn operations_by_number_and_by_type_leave_the_same_world() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let (mut typed, mut dynamic) = (World::new(), World::new());
        let ids = (dynamic.register::<Place>(), dynamic.register::<Label>());
        let mut made: Vec<(Entity, Entity)> = Vec::new();
        for _ in 0..400 {
            let (a, b) = match made.is_empty() {
                true => (Entity::DANGLING, Entity::DANGLING),
                false => made[random.below(made.len())],
            };
            let value = random.below(100) as f32;
            let text = value.to_string();
            let bytes: Vec<u8> = [value, 1.0]
                .into_iter()
                .flat_map(f32::to_ne_bytes)
                .collect();
            let alive = typed.contains(a);
            match random.below(8) {
                0 | 1 => made.push((typed.spawn(()), dynamic.spawn(()))),
                2 => {
                    let done = typed.insert(a, Place { x: value, y: 0.0 }).is_ok();
                    assert_eq!(
                        dynamic.insert_value(b, ids.0, &place(value, 0.0)).is_ok(),
                        done
                    );
                }
                3 => {
                    let done = typed
                        .insert(a, (Label(text.clone()), Place { x: value, y: 2.0 }))
                        .is_ok();
                    assert_eq!(
                        dynamic
                            .insert_values(
                                b,
                                &[(ids.1, &label(&text)), (ids.0, &place(value, 2.0))]
                            )
                            .is_ok(),
                        done
                    );
                }
                4 => {
                    let done = typed.insert(a, Place { x: value, y: 1.0 }).is_ok();
                    assert_eq!(dynamic.insert_bytes(b, &[(ids.0, &bytes)]).is_ok(), done);
                }
                5 => assert_eq!(
                    typed.remove::<Label>(a).is_ok(),
                    dynamic.remove_ids(b, &[ids.1]).is_ok()
                ),
                6 => assert_eq!(
                    typed.remove::<(Label, Place)>(a).is_ok(),
                    dynamic.remove_ids(b, &[ids.1, ids.0]).is_ok()
                ),
                _ => assert_eq!(typed.despawn(a).is_ok(), dynamic.despawn(b).is_ok()),
            }
            let _ = alive;
            if random.below(20) == 0 {
                let _ = (typed.change_tick(), dynamic.change_tick());
            }
        }
        for &(a, b) in &made {
            assert_eq!(typed.get::<Place>(a), dynamic.get::<Place>(b));
            assert_eq!(typed.get::<Label>(a), dynamic.get::<Label>(b));
            assert_eq!(typed.has::<Label>(a), dynamic.has_id(b, ids.1));
            let value = typed.get::<Label>(a).map(|found| label(&found.0));
            assert_eq!(dynamic.get_value(b, ids.1).ok(), value);
        }
        let seen = storm_ecs::ChangeTick::from_raw(typed.change_tick().get() / 2);
        let changed = |world: &World| {
            world
                .query_filtered::<Entity, Changed<Place>>()
                .since(seen)
                .into_iter()
                .map(Entity::index)
                .collect::<Vec<_>>()
        };
        let added = |world: &World| {
            world
                .query_filtered::<Entity, Added<Label>>()
                .since(seen)
                .into_iter()
                .map(Entity::index)
                .collect::<Vec<_>>()
        };
        assert_eq!(changed(&typed), changed(&dynamic));
        assert_eq!(added(&typed), added(&dynamic));
        let removed = |world: &World| {
            world
                .removed::<Label>(seen)
                .map(Entity::index)
                .collect::<Vec<_>>()
        };
        assert_eq!(removed(&typed), removed(&dynamic));
    }
}

#[test]
fn wrong_uses_are_errors_and_change_nothing() {
    let mut world = World::new();
    let (p, l, b) = (
        world.register::<Place>(),
        world.register::<Label>(),
        world.register::<Bare>(),
    );
    let mut other = World::new();
    for number in 0..9 {
        other
            .register_dynamic(ComponentSchema::plain(format!("o.{number}"), vec![]).unwrap())
            .unwrap();
    }
    let foreign = other.component_named("o.8").unwrap().id();
    let (entity, dead) = (world.spawn(Bare(1)), world.spawn(()));
    world.despawn(dead).unwrap();
    let errors = [
        (
            world.insert_value(dead, p, &place(0.0, 0.0)),
            DynamicError::NoSuchEntity,
        ),
        (
            world.insert_value(entity, foreign, &place(0.0, 0.0)),
            DynamicError::UnknownComponent(foreign),
        ),
        (
            world.insert_value(entity, b, &place(0.0, 0.0)),
            DynamicError::NoSchema("d.Bare"),
        ),
        (
            world.insert_values(entity, &[(p, &place(0.0, 0.0)), (p, &place(0.0, 0.0))]),
            DynamicError::Twice("d.Place"),
        ),
        (
            world.insert_bytes(entity, &[(l, &[0; 24])]),
            DynamicError::NotPod("d.Label"),
        ),
        (
            world.insert_bytes(entity, &[(p, &[0; 7])]),
            DynamicError::Size {
                component: "d.Place",
                expected: 8,
                found: 7,
            },
        ),
        (
            world.remove_ids(entity, &[foreign]),
            DynamicError::UnknownComponent(foreign),
        ),
        (world.remove_ids(dead, &[p]), DynamicError::NoSuchEntity),
        (
            world.get_value(entity, p).map(drop),
            DynamicError::MissingComponent("d.Place"),
        ),
        (
            world.get_value(entity, b).map(drop),
            DynamicError::NoSchema("d.Bare"),
        ),
        (
            world.bytes(entity, b).map(drop),
            DynamicError::NotPod("d.Bare"),
        ),
        (
            world
                .register_dynamic(ComponentSchema::plain("d.Place", vec![]).unwrap())
                .map(drop),
            DynamicError::NameTaken("d.Place".into()),
        ),
    ];
    for (result, error) in errors {
        assert_eq!(result, Err(error));
    }
    // The first value is good, the second is not.
    let result = world.insert_values(entity, &[(l, &label("x")), (p, &label("x"))]);
    assert!(matches!(result, Err(DynamicError::Violation(_))));
    assert_eq!(world.components_of(entity), Ok(vec![b]));
    assert!(DynamicQuery::new(&world).read(foreign).is_err());
    assert!(
        DynamicQuery::new(&world)
            .read(p)
            .and_then(|query| query.write(p))
            .is_err()
    );
}

#[test]
fn run_time_components_live_like_others() {
    let mut world = World::new();
    let schema = ComponentSchema::plain(
        "script.State",
        vec![
            FieldSchema::new("on", TypeSchema::Bool),
            FieldSchema::new("level", TypeSchema::Int(2)).range(-5.0, 5.0),
            FieldSchema::new("target", TypeSchema::Entity),
            FieldSchema::new("path", TypeSchema::Array(Box::new(TypeSchema::Float(4)), 2)).finite(),
        ],
    )
    .unwrap();
    let state = world.register_dynamic(schema).unwrap();
    let target = world.spawn(Place { x: 0.0, y: 0.0 });
    let value = |level: i64, end: f32| {
        Value::fields([
            ("on", true.into()),
            ("level", level.into()),
            ("target", target.into()),
            ("path", [0.0, end].into()),
        ])
    };
    let entity = world.spawn(Label("a".into()));
    world.insert_value(entity, state, &value(-5, 1.0)).unwrap();
    assert_eq!(
        world.get_value(entity, state).unwrap().field("level"),
        Some(&Value::Int(-5))
    );
    assert_eq!(
        world.get_value(entity, state).unwrap().field("target"),
        Some(&Value::Entity(target))
    );
    let message = |result: Result<(), DynamicError>| result.unwrap_err().to_string();
    assert_eq!(
        message(world.insert_value(entity, state, &value(6, 0.0))),
        "script.State, field level: expected a number from -5 to 5, found 6"
    );
    assert_eq!(
        message(world.insert_value(entity, state, &value(0, f32::NAN))),
        "script.State, field path.1: expected a number, finite, found NaN"
    );
    let mut bytes = world.bytes(entity, state).unwrap().to_vec();
    bytes[0] = 2;
    assert_eq!(
        message(world.insert_bytes(entity, &[(state, &bytes)])),
        "script.State, field on: expected 0 or 1 for a bool, found 2"
    );

    // Snapshots hold them, and remap their handles.
    let saved = world.snapshot(&Default::default()).unwrap();
    world.clear();
    world
        .restore(saved.as_bytes(), &Default::default())
        .unwrap();
    assert_eq!(
        world.get_value(entity, state).unwrap().field("target"),
        Some(&Value::Entity(target))
    );
    world.map_entities(entity, state, &mut |_| entity).unwrap();
    assert_eq!(
        world.get_value(entity, state).unwrap().field("target"),
        Some(&Value::Entity(entity))
    );
    world.remove_ids(entity, &[state]).unwrap();
    assert!(!world.has_id(entity, state) && world.has::<Label>(entity));
}

#[test]
fn raw_components_are_dropped_once() {
    static ALIVE: AtomicUsize = AtomicUsize::new(0);
    fn drop_values(_: *mut u8, count: usize) {
        ALIVE.fetch_sub(count, Ordering::Relaxed);
    }
    let mut world = World::new();
    let raw = RawComponent {
        name: "c.Handle".into(),
        layout: Layout::new::<u64>(),
        drop: Some(drop_values),
        track: Track::Block,
        pod: false,
    };
    #[allow(unsafe_code, reason = "the interface for foreign code")]
    // SAFETY: the values are plain numbers, and counting them down is sound.
    let id = unsafe { world.register_raw(raw) }.unwrap();
    let give = |world: &mut World, entity, value: u64| {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        #[allow(unsafe_code, reason = "the interface for foreign code")]
        // SAFETY: the pointer is to a value of the component.
        unsafe { world.insert_raw(entity, &[(id, (&raw const value).cast())]) }.unwrap();
    };
    let entities: Vec<_> = (0..10)
        .map(|i| {
            let entity = world.spawn(());
            give(&mut world, entity, i);
            entity
        })
        .collect();
    give(&mut world, entities[0], 100);
    assert_eq!(
        ALIVE.load(Ordering::Relaxed),
        10,
        "the replaced value was dropped"
    );
    world.remove_ids(entities[1], &[id]).unwrap();
    world.despawn(entities[2]).unwrap();
    world.insert(entities[3], Bare(1)).unwrap();
    assert_eq!(ALIVE.load(Ordering::Relaxed), 8);
    assert!(world.bytes(entities[0], id).is_err() && world.get_raw(entities[0], id).is_ok());
    drop(world);
    assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
}

#[test]
fn a_dynamic_query_visits_what_a_typed_one_does() {
    let mut world = World::new();
    let (p, l, b) = (
        world.register::<Place>(),
        world.register::<Label>(),
        world.register::<Bare>(),
    );
    for i in 0..60u8 {
        let entity = world.spawn(());
        if i % 2 == 0 {
            world
                .insert(
                    entity,
                    Place {
                        x: i.into(),
                        y: 0.0,
                    },
                )
                .unwrap();
        }
        if i % 3 == 0 {
            world.insert(entity, Label(i.to_string())).unwrap();
        }
        if i % 5 == 0 {
            world.insert(entity, Bare(i)).unwrap();
        }
    }
    let query = DynamicQuery::new(&world)
        .read(p)
        .unwrap()
        .optional_read(l)
        .unwrap()
        .without(b)
        .unwrap();
    let (mut entities, mut sum, mut labels) = (Vec::new(), 0.0, 0);
    query.for_each(&world, |mut table| {
        entities.extend_from_slice(table.entities());
        let [places, texts] = table.slices_mut() else {
            panic!("two slices")
        };
        assert!(
            places.bytes_mut().is_none() && places.typed_mut::<Place>().is_none(),
            "read only"
        );
        assert_eq!(places.stride(), 8);
        sum += places.floats().unwrap().iter().sum::<f32>();
        assert_eq!(
            places.cast::<[f32; 2]>().unwrap().len(),
            places.typed::<Place>().unwrap().len()
        );
        assert!(places.typed::<Label>().is_none() && texts.bytes().is_none());
        labels += texts.typed::<Label>().map_or(0, <[Label]>::len);
    });
    let typed =
        world.query_filtered::<(Entity, &Place, Option<&Label>), storm_ecs::Without<Bare>>();
    let typed: Vec<_> = typed.into_iter().collect();
    assert_eq!(entities, typed.iter().map(|row| row.0).collect::<Vec<_>>());
    assert_eq!(sum, typed.iter().map(|row| row.1.x).sum::<f32>());
    assert_eq!(labels, typed.iter().filter(|row| row.2.is_some()).count());

    let seen = world.change_tick();
    let query = DynamicQuery::new(&world).write(p).unwrap().with(b).unwrap();
    query.for_each_mut(&mut world, |mut table| {
        let rows = table.entities().len();
        let places = &mut table.slices_mut()[0];
        places.typed_mut::<Place>().unwrap()[0].y = 7.0;
        assert_eq!(places.row_mut(rows - 1).unwrap().len(), 8);
        assert!(places.row_mut(rows).is_none());
    });
    assert_eq!(
        world
            .query_filtered::<Entity, Changed<Place>>()
            .since(seen)
            .count(),
        6
    );
    assert!(
        world
            .query::<&Place>()
            .into_iter()
            .any(|place| place.y == 7.0)
    );
}
