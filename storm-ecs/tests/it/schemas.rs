//! Schemas: what the derive says, what it checks, what it writes.

use storm_ecs::{
    Component, ComponentSchema, Entity, FieldSchema, Schema, TypeSchema, Value, Violation, World,
};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Inner {
    #[field(unit = "m", min = -1, max = 1)]
    x: f64,
    list: Vec<u8>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
enum Choice {
    Nothing,
    Pair(u16, #[field(max = 9)] i8),
    Named { inner: Inner },
}

fn odd(value: &i64) -> Result<(), String> {
    if value % 2 == 0 {
        Err("an odd number".into())
    } else {
        Ok(())
    }
}

#[derive(Component, Clone, Debug, PartialEq)]
#[component(name = "t.All", schema)]
struct All {
    flag: bool,
    #[field(check = odd)]
    odd: i64,
    #[field(unit = "s", min = 0, step = 0.5, finite)]
    times: [f32; 2],
    #[field(len <= 4)]
    name: String,
    #[field(len <= 2, min = 1)]
    counts: Vec<u32>,
    owner: Option<Entity>,
    choice: Choice,
    inner: Inner,
}

fn good() -> All {
    All {
        flag: true,
        odd: 3,
        times: [0.0, 2.5],
        name: "abc".into(),
        counts: vec![1, 2],
        owner: None,
        choice: Choice::Pair(1, 2),
        inner: Inner {
            x: 0.5,
            list: vec![1],
        },
    }
}

#[test]
fn the_first_violation_is_named() {
    type Harm = fn(&mut All);
    let cases: &[(Harm, &str)] = &[
        (
            |all| all.odd = 4,
            "t.All, field odd: expected an odd number, found 4",
        ),
        (
            |all| all.times[1] = -0.5,
            "t.All, field times.1: expected a number of at least 0, finite, found -0.5",
        ),
        (
            |all| all.times[0] = f32::NAN,
            "t.All, field times.0: expected a number of at least 0, finite, found NaN",
        ),
        (
            |all| all.times[0] = f32::INFINITY,
            "t.All, field times.0: expected a number of at least 0, finite, found inf",
        ),
        (
            |all| all.name = "abcde".into(),
            "t.All, field name: expected a length of at most 4, found 5",
        ),
        (
            |all| all.counts = vec![1; 3],
            "t.All, field counts: expected a length of at most 2, found 3",
        ),
        (
            |all| all.counts = vec![1, 0],
            "t.All, field counts.1: expected a number of at least 1, found 0",
        ),
        (
            |all| all.inner.x = 1.5,
            "t.All, field inner.x: expected a number from -1 to 1, found 1.5",
        ),
        (
            |all| all.choice = Choice::Pair(0, 10),
            "t.All, field choice.1: expected a number of at most 9, found 10",
        ),
        (
            |all| {
                all.choice = Choice::Named {
                    inner: Inner {
                        x: -2.0,
                        list: vec![],
                    },
                }
            },
            "t.All, field choice.inner.x: expected a number from -1 to 1, found -2",
        ),
    ];
    let mut world = World::new();
    let id = world.register::<All>();
    let entity = world.spawn(());
    world.insert_value(entity, id, &good().to_value()).unwrap();
    assert_eq!(world.get(entity), Some(&good()));
    for (harm, message) in cases {
        let mut all = good();
        harm(&mut all);
        assert_eq!(
            all.validate().unwrap_err().of("t.All").to_string(),
            *message
        );
        assert_eq!(
            world
                .insert_value(entity, id, &all.to_value())
                .unwrap_err()
                .to_string(),
            *message
        );
        assert_eq!(world.get(entity), Some(&good()), "nothing was changed");
        *world.get_mut::<All>(entity).unwrap() = all;
        assert_eq!(
            world.validate(entity, id).unwrap_err().to_string(),
            *message
        );
        *world.get_mut::<All>(entity).unwrap() = good();
    }
    assert_eq!(world.validate(entity, id), Ok(()));
}

#[test]
fn a_value_of_another_shape_is_refused() {
    let fields =
        |edit: fn(&mut Vec<(std::borrow::Cow<'static, str>, Value)>)| match good().to_value() {
            Value::Struct(mut fields) => {
                edit(&mut fields);
                Value::Struct(fields)
            }
            other => other,
        };
    let cases = [
        (Value::Bool(true), "value: expected a struct, found a bool"),
        (
            fields(|fields| fields.truncate(7)),
            "value, field inner: expected a value, found none",
        ),
        (
            fields(|fields| fields[0].1 = 1.0.into()),
            "value, field flag: expected a bool, found a float",
        ),
        (
            fields(|fields| fields[1].1 = 1.5.into()),
            "value, field odd: expected an integer that fits i64, found a float",
        ),
        (
            fields(|fields| fields[2].1 = [0.0f32].into()),
            "value, field times: expected 2 elements, found 1",
        ),
        (
            fields(|fields| fields[4].1 = [-1i64].into()),
            "value, field counts.0: expected an integer that fits u32, found -1",
        ),
        (
            fields(|fields| fields[5].1 = Value::Bool(true)),
            "value, field owner: expected an option, found a bool",
        ),
        (
            fields(|fields| fields[6].1 = Value::Variant("Other".into(), vec![])),
            "value, field choice: expected one of the variants Nothing, Pair, Named, found Other",
        ),
        (
            fields(|fields| {
                fields[6].1 = Value::Variant("Nothing".into(), vec![("0".into(), 1.into())])
            }),
            "value, field choice: expected no fields, found a field 0",
        ),
        (
            fields(|fields| fields.push(("flag".into(), true.into()))),
            "value: expected each field once, found flag twice",
        ),
    ];
    for (value, message) in cases {
        assert_eq!(All::from_value(&value).unwrap_err().to_string(), message);
    }
    let integers: [(Value, bool); 5] = [
        (300.into(), false),
        (255u64.into(), true),
        ((-1).into(), false),
        (0.into(), true),
        (1.0.into(), false),
    ];
    for (value, fits) in integers {
        assert_eq!(u8::from_value(&value).is_ok(), fits, "{value:?}");
    }
}

#[test]
fn json_is_stable() {
    let mut world = World::new();
    let id = world.register::<All>();
    let json = world.schema(id).unwrap().to_json();
    for part in [
        r#"{"name":"t.All","hash":""#,
        r#""pod":false,"type":{"kind":"struct","fields":["#,
        r#""type":{"kind":"i64"},"custom":true}"#,
        r#""type":{"kind":"array","of":{"kind":"f32"},"count":2},"unit":"s","min":0,"step":0.5,"finite":true}"#,
        r#""type":{"kind":"text"},"max_len":4}"#,
        r#""type":{"kind":"list","of":{"kind":"u32"}},"min":1,"max_len":2}"#,
        r#""type":{"kind":"option","of":{"kind":"entity"}}"#,
        r#"{"kind":"enum","variants":[{"name":"Nothing","fields":[]},{"name":"Pair","fields":[{"name":"0","type":{"kind":"u16"}},{"name":"1","type":{"kind":"i8"},"max":9}]}"#,
    ] {
        assert!(json.contains(part), "{part} in {json}");
    }
    assert!(world.schema_json().starts_with(r#"[{"name":"t.All""#));
    let quoted = ComponentSchema::plain("a\"b\\\n\u{1}", vec![]).unwrap();
    assert!(
        quoted
            .to_json()
            .starts_with("{\"name\":\"a\\\"b\\\\\\n\\u0001\"")
    );
}

#[test]
fn the_hash_depends_on_name_and_stored_form_alone() {
    let base = || {
        ComponentSchema::plain(
            "h",
            vec![
                FieldSchema::new("a", TypeSchema::Float(4)),
                FieldSchema::new("b", TypeSchema::Uint(4)),
            ],
        )
        .unwrap()
    };
    let one = |name: &'static str, field: &'static str, ty| {
        ComponentSchema::plain(
            name,
            vec![
                FieldSchema::new(field, ty),
                FieldSchema::new("b", TypeSchema::Uint(4)),
            ],
        )
        .unwrap()
        .hash()
    };
    assert_eq!(one("h", "a", TypeSchema::Float(4)), base().hash());
    assert_ne!(one("i", "a", TypeSchema::Float(4)), base().hash());
    assert_ne!(one("h", "c", TypeSchema::Float(4)), base().hash());
    assert_ne!(one("h", "a", TypeSchema::Uint(4)), base().hash());
    assert_ne!(one("h", "a", TypeSchema::Float(8)), base().hash());
    let with_unit = ComponentSchema::plain(
        "h",
        vec![
            FieldSchema::new("a", TypeSchema::Float(4))
                .unit("m")
                .range(0.0, 1.0),
            FieldSchema::new("b", TypeSchema::Uint(4)),
        ],
    );
    assert_eq!(
        with_unit.unwrap().hash(),
        base().hash(),
        "units and ranges may change"
    );
}

#[test]
fn run_time_layouts_are_those_of_c() {
    #[repr(C)]
    struct Rust {
        a: u8,
        b: [u16; 3],
        c: f64,
        d: bool,
        e: (u32, u32),
    }
    let pair = TypeSchema::Struct(vec![
        FieldSchema::new("x", TypeSchema::Uint(4)),
        FieldSchema::new("y", TypeSchema::Uint(4)),
    ]);
    let schema = ComponentSchema::plain(
        "c",
        vec![
            FieldSchema::new("a", TypeSchema::Uint(1)),
            FieldSchema::new("b", TypeSchema::Array(Box::new(TypeSchema::Uint(2)), 3)),
            FieldSchema::new("c", TypeSchema::Float(8)),
            FieldSchema::new("d", TypeSchema::Bool),
            FieldSchema::new("e", pair),
        ],
    )
    .unwrap();
    use std::mem::offset_of;
    let expected = [
        offset_of!(Rust, a),
        offset_of!(Rust, b),
        offset_of!(Rust, c),
        offset_of!(Rust, d),
        offset_of!(Rust, e),
    ];
    assert_eq!(
        schema
            .fields()
            .iter()
            .filter_map(|field| field.offset)
            .collect::<Vec<_>>(),
        expected
    );
    assert_eq!(schema.layout, std::alloc::Layout::new::<Rust>());
    let refused: [Vec<FieldSchema>; 5] = [
        vec![FieldSchema::new("a", TypeSchema::Text)],
        vec![FieldSchema::new("a", TypeSchema::Int(3))],
        vec![
            FieldSchema::new("a", TypeSchema::Bool),
            FieldSchema::new("a", TypeSchema::Bool),
        ],
        vec![FieldSchema::new("", TypeSchema::Bool)],
        vec![FieldSchema::new(
            "a",
            TypeSchema::Array(Box::new(TypeSchema::Uint(8)), usize::MAX / 2),
        )],
    ];
    for fields in refused {
        let refused: Result<_, Violation> = ComponentSchema::plain("c", fields);
        assert!(refused.is_err());
    }
}
