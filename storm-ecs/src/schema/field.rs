//! `Schema`: a type that describes itself, checks itself, turns into a [`Value`] and back, and is written to and read from bytes.

use std::borrow::Cow;

use crate::entity::Entity;
use crate::schema::{Constraints, TypeSchema, Value, Violation};
use crate::snapshot::codec::{DecodeError, Decoder, Encoder};

/// A type with a schema. Derive it for types inside components; a component asks for it with `#[component(schema)]`.
///
/// Fields take `#[field(…)]`: `unit = "m"`, `min = 0`, `max = 1`, `step = 0.01`, `finite`, `len <= 64`, `check = path::to::function`
/// (`fn(&Field) -> Result<(), String>`; the text says what was expected). A type may not contain itself.
///
/// ```
/// use storm_ecs::{Component, Entity, Schema, Value, World};
///
/// #[derive(Schema)]
/// enum Shape {
///     Ball { #[field(unit = "m", min = 0)] radius: f32 },
///     Mesh(String),
/// }
/// fn even(count: &u32) -> Result<(), String> {
///     if count % 2 == 0 { Ok(()) } else { Err("an even number".into()) }
/// }
/// #[derive(Component)]
/// #[component(name = "game.Toy", schema)]
/// struct Toy {
///     #[field(len <= 8)]
///     name: String,
///     shape: Shape,
///     owner: Option<Entity>,
///     #[field(check = even)]
///     wheels: u32,
/// }
///
/// let toy = Toy { name: "car".into(), shape: Shape::Ball { radius: -1.0 }, owner: None, wheels: 4 };
/// let error = toy.validate().unwrap_err();
/// assert_eq!(error.to_string(), "value, field shape.radius: expected a number of at least 0, found -1");
///
/// let mut world = World::new();
/// let (id, entity) = (world.register::<Toy>(), world.spawn(()));
/// let value = Value::fields([
///     ("name", "car".into()),
///     ("shape", Value::Variant("Mesh".into(), vec![("0".into(), "car.glb".into())])),
///     ("owner", Value::Option(None)),
///     ("wheels", 3u32.into()),
/// ]);
/// let error = world.insert_value(entity, id, &value).unwrap_err();
/// assert_eq!(error.to_string(), "game.Toy, field wheels: expected an even number, found 3");
/// ```
pub trait Schema: Sized {
    /// Whether a value can hold handles of entities.
    const HAS_ENTITIES: bool = false;
    /// Whether a value of this type can violate a constraint.
    const CAN_FAIL: bool = false;

    /// Describes the type.
    fn type_schema() -> TypeSchema;

    /// Checks the constraints of the type's own fields.
    ///
    /// # Errors
    /// The first violation.
    fn validate(&self) -> Result<(), Violation> {
        Ok(())
    }

    /// Checks the value against the constraints of the field it is in.
    ///
    /// # Errors
    /// The first violation.
    fn check(&self, constraints: &Constraints) -> Result<(), Violation> {
        let _ = constraints;
        Ok(())
    }

    /// The value, for code that knows the type by its schema only.
    fn to_value(&self) -> Value;

    /// Makes a value; constraints are not checked.
    ///
    /// # Errors
    /// If the kind of value is wrong, a field is missing or unknown, or a number does not fit.
    fn from_value(value: &Value) -> Result<Self, Violation>;

    /// Appends the value to bytes.
    fn encode(&self, out: &mut Encoder<'_>);

    /// Reads what `encode` wrote; constraints are not checked.
    ///
    /// # Errors
    /// If the bytes are no such value.
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError>;

    /// Replaces every handle inside.
    fn map_entities(&mut self, map: &mut dyn FnMut(Entity) -> Entity) {
        let _ = map;
    }
}

fn wrong(expected: &str, value: &Value) -> Violation {
    Violation::new(expected, value.kind())
}

macro_rules! integer {
    ($($ty:ty: $kind:ident $write:ident),* $(,)?) => {$(
        impl Schema for $ty {
            fn type_schema() -> TypeSchema {
                TypeSchema::$kind(size_of::<$ty>() as u8)
            }

            #[inline]
            fn check(&self, constraints: &Constraints) -> Result<(), Violation> {
                constraints.check_number(*self as f64)
            }

            fn to_value(&self) -> Value {
                Value::$kind((*self).into())
            }

            fn from_value(value: &Value) -> Result<Self, Violation> {
                let expected = concat!("an integer that fits ", stringify!($ty));
                let fits = match value {
                    Value::Int(value) => Self::try_from(*value).ok(),
                    Value::Uint(value) => Self::try_from(*value).ok(),
                    _ => return Err(wrong(expected, value)),
                };
                fits.ok_or_else(|| match value {
                    Value::Int(value) => Violation::new(expected, format!("{value}")),
                    Value::Uint(value) => Violation::new(expected, format!("{value}")),
                    _ => wrong(expected, value),
                })
            }

            #[inline]
            fn encode(&self, out: &mut Encoder<'_>) {
                out.bytes(&self.to_le_bytes());
            }

            #[inline]
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                input.array().map(Self::from_le_bytes)
            }
        }
    )*};
}
integer!(i8: Int i8, i16: Int i16, i32: Int i32, i64: Int i64, u8: Uint u8, u16: Uint u16, u32: Uint u32, u64: Uint u64);

macro_rules! float {
    ($($ty:ty)*) => {$(
        impl Schema for $ty {
            fn type_schema() -> TypeSchema {
                TypeSchema::Float(size_of::<$ty>() as u8)
            }

            #[inline]
            fn check(&self, constraints: &Constraints) -> Result<(), Violation> {
                constraints.check_number(f64::from(*self))
            }

            fn to_value(&self) -> Value {
                Value::Float((*self).into())
            }

            fn from_value(value: &Value) -> Result<Self, Violation> {
                match value {
                    Value::Float(value) => Ok(*value as $ty),
                    Value::Int(value) => Ok(*value as $ty),
                    Value::Uint(value) => Ok(*value as $ty),
                    _ => Err(wrong("a number", value)),
                }
            }

            #[inline]
            fn encode(&self, out: &mut Encoder<'_>) {
                out.bytes(&self.to_le_bytes());
            }

            #[inline]
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                input.array().map(Self::from_le_bytes)
            }
        }
    )*};
}
float!(f32 f64);

impl Schema for bool {
    fn type_schema() -> TypeSchema {
        TypeSchema::Bool
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: &Value) -> Result<Self, Violation> {
        match value {
            Value::Bool(value) => Ok(*value),
            _ => Err(wrong("a bool", value)),
        }
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.bytes(&[u8::from(*self)]);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match input.array::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(input.wrong("0 or 1 for a bool", other)),
        }
    }
}

impl Schema for Entity {
    const HAS_ENTITIES: bool = true;

    fn type_schema() -> TypeSchema {
        TypeSchema::Entity
    }

    fn to_value(&self) -> Value {
        Value::Entity(*self)
    }

    fn from_value(value: &Value) -> Result<Self, Violation> {
        match value {
            Value::Entity(value) => Ok(*value),
            _ => Err(wrong("an entity", value)),
        }
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.entity(*self);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.entity()
    }

    fn map_entities(&mut self, map: &mut dyn FnMut(Entity) -> Entity) {
        *self = map(*self);
    }
}

impl Schema for String {
    const CAN_FAIL: bool = false;

    fn type_schema() -> TypeSchema {
        TypeSchema::Text
    }

    fn check(&self, constraints: &Constraints) -> Result<(), Violation> {
        constraints.check_len(self.len())
    }

    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: &Value) -> Result<Self, Violation> {
        match value {
            Value::Text(value) => Ok(value.clone()),
            _ => Err(wrong("text", value)),
        }
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.text(self);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.text().map(Into::into)
    }
}

fn elements<T: Schema>(
    values: &[T],
    check: impl Fn(&T) -> Result<(), Violation>,
) -> Result<(), Violation> {
    for (number, value) in values.iter().enumerate() {
        if let Err(violation) = check(value) {
            return Err(violation.inside(&number.to_string()));
        }
    }
    Ok(())
}

fn list<T: Schema>(value: &Value) -> Result<Vec<T>, Violation> {
    let Value::List(values) = value else {
        return Err(wrong("a list", value));
    };
    let element = |(number, value): (usize, &Value)| {
        T::from_value(value).map_err(|violation| violation.inside(&number.to_string()))
    };
    values.iter().enumerate().map(element).collect()
}

impl<T: Schema> Schema for Vec<T> {
    const HAS_ENTITIES: bool = T::HAS_ENTITIES;
    const CAN_FAIL: bool = T::CAN_FAIL;

    fn type_schema() -> TypeSchema {
        TypeSchema::List(Box::new(T::type_schema()))
    }

    fn validate(&self) -> Result<(), Violation> {
        if T::CAN_FAIL {
            elements(self, T::validate)
        } else {
            Ok(())
        }
    }

    fn check(&self, constraints: &Constraints) -> Result<(), Violation> {
        constraints.check_len(self.len())?;
        elements(self, |value| {
            value.check(&Constraints {
                max_len: None,
                ..*constraints
            })
        })
    }

    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }

    fn from_value(value: &Value) -> Result<Self, Violation> {
        list(value)
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.len(self.len());
        for value in self {
            value.encode(out);
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = input.len_of(size_of::<T>())?;
        let mut values = Vec::with_capacity(len);
        for _ in 0..len {
            values.push(T::decode(input)?);
        }
        Ok(values)
    }

    fn map_entities(&mut self, map: &mut dyn FnMut(Entity) -> Entity) {
        for value in self {
            value.map_entities(map);
        }
    }
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    const HAS_ENTITIES: bool = T::HAS_ENTITIES;
    const CAN_FAIL: bool = T::CAN_FAIL;

    fn type_schema() -> TypeSchema {
        TypeSchema::Array(Box::new(T::type_schema()), N)
    }

    fn validate(&self) -> Result<(), Violation> {
        if T::CAN_FAIL {
            elements(self, T::validate)
        } else {
            Ok(())
        }
    }

    fn check(&self, constraints: &Constraints) -> Result<(), Violation> {
        elements(self, |value| value.check(constraints))
    }

    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }

    fn from_value(value: &Value) -> Result<Self, Violation> {
        let values = list::<T>(value)?;
        let found = values.len();
        values
            .try_into()
            .map_err(|_| Violation::new(format!("{N} elements"), format!("{found}")))
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        for value in self {
            value.encode(out);
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        // Elements are collected aside: an array cannot be built fallibly in place without unsafe code.
        input.charge(N.saturating_mul(size_of::<T>()))?;
        let mut values = Vec::with_capacity(N);
        for _ in 0..N {
            values.push(T::decode(input)?);
        }
        values
            .try_into()
            .map_err(|_| input.wrong("as many elements as the array has", N))
    }

    fn map_entities(&mut self, map: &mut dyn FnMut(Entity) -> Entity) {
        for value in self {
            value.map_entities(map);
        }
    }
}

impl<T: Schema> Schema for Option<T> {
    const HAS_ENTITIES: bool = T::HAS_ENTITIES;
    const CAN_FAIL: bool = T::CAN_FAIL;

    fn type_schema() -> TypeSchema {
        TypeSchema::Option(Box::new(T::type_schema()))
    }

    fn validate(&self) -> Result<(), Violation> {
        self.as_ref().map_or(Ok(()), T::validate)
    }

    fn check(&self, constraints: &Constraints) -> Result<(), Violation> {
        self.as_ref()
            .map_or(Ok(()), |value| value.check(constraints))
    }

    fn to_value(&self) -> Value {
        Value::Option(self.as_ref().map(|value| Box::new(value.to_value())))
    }

    fn from_value(value: &Value) -> Result<Self, Violation> {
        match value {
            Value::Option(None) => Ok(None),
            Value::Option(Some(value)) => T::from_value(value).map(Some),
            _ => Err(wrong("an option", value)),
        }
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(if bool::decode(input)? {
            Some(T::decode(input)?)
        } else {
            None
        })
    }

    fn map_entities(&mut self, map: &mut dyn FnMut(Entity) -> Entity) {
        if let Some(value) = self {
            value.map_entities(map);
        }
    }
}

/// The fields of a struct value, checked against the names a type has. What the derive reads from.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fields<'a>(&'a [(Cow<'static, str>, Value)]);

impl<'a> Fields<'a> {
    /// The fields of a struct.
    ///
    /// # Errors
    /// If it is none, or has a field that is not in `names`, or one twice.
    pub fn of(value: &'a Value, names: &[&str]) -> Result<Self, Violation> {
        match value {
            Value::Struct(fields) => Self::new(fields, names),
            _ => Err(wrong("a struct", value)),
        }
    }

    /// The fields of a variant.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn new(
        fields: &'a [(Cow<'static, str>, Value)],
        names: &[&str],
    ) -> Result<Self, Violation> {
        for (number, (name, _)) in fields.iter().enumerate() {
            if !names.contains(&&**name) {
                let expected = if names.is_empty() {
                    "no fields".into()
                } else {
                    format!("one of the fields {}", names.join(", "))
                };
                return Err(Violation::new(expected, format!("a field {name}")));
            }
            if fields[..number].iter().any(|field| field.0 == *name) {
                return Err(Violation::new("each field once", format!("{name} twice")));
            }
        }
        Ok(Self(fields))
    }

    /// The value of a field.
    ///
    /// # Errors
    /// If it is missing, or no `T`.
    pub fn get<T: Schema>(&self, name: &str) -> Result<T, Violation> {
        match self.0.iter().find(|field| field.0 == name) {
            Some((_, value)) => T::from_value(value).map_err(|violation| violation.inside(name)),
            None => Err(Violation::new("a value", "none").inside(name)),
        }
    }
}
