//! Components described at run time: plain data whose bytes are read and written by schema alone.

use core::alloc::Layout;
use std::borrow::Cow;

use crate::entity::Entity;
use crate::schema::{
    ComponentSchema, Constraints, FieldSchema, Schema, TypeSchema, Value, Violation,
};
use crate::snapshot::codec::{Decoder, Encoder};

impl TypeSchema {
    /// Size and alignment as C would have them; `None` for what is not plain data.
    pub(crate) fn plain_layout(&self) -> Option<Layout> {
        match self {
            Self::Bool => Some(Layout::new::<bool>()),
            Self::Int(bytes @ (1 | 2 | 4 | 8))
            | Self::Uint(bytes @ (1 | 2 | 4 | 8))
            | Self::Float(bytes @ (4 | 8)) => {
                Layout::from_size_align(usize::from(*bytes), usize::from(*bytes)).ok()
            }
            Self::Entity => Some(Layout::new::<Entity>()),
            Self::Array(element, count) => {
                let element = element.plain_layout()?;
                Layout::from_size_align(element.size().checked_mul(*count)?, element.align()).ok()
            }
            Self::Struct(fields) => {
                let mut all = Layout::new::<()>();
                for field in fields {
                    all = all.extend(field.ty.plain_layout()?).ok()?.0;
                }
                Some(all.pad_to_align())
            }
            _ => None,
        }
    }

    /// Sets the offsets of all fields as C would.
    fn place(&mut self) -> Option<()> {
        match self {
            Self::Array(element, _) => element.place(),
            Self::Struct(fields) => {
                let mut all = Layout::new::<()>();
                for field in fields {
                    field.ty.place()?;
                    let (next, offset) = all.extend(field.ty.plain_layout()?).ok()?;
                    field.offset = Some(offset);
                    all = next;
                }
                Some(())
            }
            _ => Some(()),
        }
    }
}

impl ComponentSchema {
    /// Describes a component that no Rust type stands for: a struct of plain data, laid out as C would.
    ///
    /// Fields are bools, numbers, entities, and arrays and structs of these; offsets that are set already are ignored.
    ///
    /// ```
    /// use storm_ecs::{ComponentSchema, FieldSchema, TypeSchema, Value, World};
    ///
    /// let schema = ComponentSchema::plain("script.Health", vec![
    ///     FieldSchema::new("alive", TypeSchema::Bool),
    ///     FieldSchema::new("points", TypeSchema::Float(4)).range(0.0, 100.0),
    /// ])?;
    /// assert_eq!((schema.layout.size(), schema.fields()[1].offset), (8, Some(4)));
    ///
    /// let mut world = World::new();
    /// let health = world.register_dynamic(schema)?;
    /// let entity = world.spawn(());
    /// world.insert_value(entity, health, &Value::fields([("alive", true.into()), ("points", 80.0.into())]))?;
    /// assert_eq!(world.get_value(entity, health)?.field("points"), Some(&Value::Float(80.0)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a type is not plain data, a name is empty or used twice, or the size is beyond what memory can hold.
    pub fn plain(
        name: impl Into<Cow<'static, str>>,
        fields: Vec<FieldSchema>,
    ) -> Result<Self, Violation> {
        let name = name.into();
        if name.is_empty() {
            return Err(Violation::new("a name", "an empty one"));
        }
        unique(&fields).map_err(|violation| violation.of(name.clone()))?;
        let mut ty = TypeSchema::Struct(fields);
        let layout = ty.place().and_then(|()| ty.plain_layout());
        let layout = layout.ok_or_else(|| {
            Violation::new(
                "bools, numbers of 1 to 8 bytes, entities, and arrays and structs of these",
                "another type, or too large a one",
            )
            .of(name.clone())
        })?;
        Ok(Self {
            name,
            layout,
            pod: true,
            ty: Some(ty),
        })
    }
}

fn unique(fields: &[FieldSchema]) -> Result<(), Violation> {
    for (number, field) in fields.iter().enumerate() {
        if field.name.is_empty()
            || fields[..number]
                .iter()
                .any(|other| other.name == field.name)
        {
            return Err(Violation::new(
                "fields with a name of their own",
                format!("{:?} again", field.name),
            ));
        }
        let mut ty = &field.ty;
        while let TypeSchema::Array(element, _) = ty {
            ty = element;
        }
        if let TypeSchema::Struct(fields) = ty {
            unique(fields).map_err(|violation| violation.inside(&field.name))?;
        }
    }
    Ok(())
}

/// Numbers as the typed implementations have them.
macro_rules! scalar {
    ($ty:expr, $scalar:ident => $do:expr, else $other:expr) => {
        match $ty {
            TypeSchema::Bool => {
                type $scalar = bool;
                $do
            }
            TypeSchema::Int(1) => {
                type $scalar = i8;
                $do
            }
            TypeSchema::Int(2) => {
                type $scalar = i16;
                $do
            }
            TypeSchema::Int(4) => {
                type $scalar = i32;
                $do
            }
            TypeSchema::Int(_) => {
                type $scalar = i64;
                $do
            }
            TypeSchema::Uint(1) => {
                type $scalar = u8;
                $do
            }
            TypeSchema::Uint(2) => {
                type $scalar = u16;
                $do
            }
            TypeSchema::Uint(4) => {
                type $scalar = u32;
                $do
            }
            TypeSchema::Uint(_) => {
                type $scalar = u64;
                $do
            }
            TypeSchema::Float(4) => {
                type $scalar = f32;
                $do
            }
            TypeSchema::Float(_) => {
                type $scalar = f64;
                $do
            }
            _ => $other,
        }
    };
}

fn size(ty: &TypeSchema) -> usize {
    ty.plain_layout().map_or(0, |layout| layout.size())
}

/// The bytes of a field.
fn part<'a>(bytes: &'a [u8], field: &FieldSchema) -> &'a [u8] {
    let start = field.offset.unwrap_or(0);
    bytes.get(start..start + size(&field.ty)).unwrap_or(&[])
}

fn short(ty: &TypeSchema, bytes: &[u8]) -> Violation {
    Violation::new(
        format!("{} bytes of {}", size(ty), ty.name()),
        format!("{}", bytes.len()),
    )
}

fn entity(bytes: &[u8]) -> Option<Entity> {
    bytes
        .try_into()
        .ok()
        .map(|bytes| Entity::from_bits(u64::from_ne_bytes(bytes)))
}

/// Checks plain bytes: bools are 0 or 1, and all constraints hold. Columns hold numbers in the machine's byte order.
pub(crate) fn validate_bytes(
    ty: &TypeSchema,
    constraints: &Constraints,
    bytes: &[u8],
) -> Result<(), Violation> {
    match ty {
        TypeSchema::Bool if bytes.first().is_some_and(|&byte| byte > 1) => {
            Err(Violation::new("0 or 1 for a bool", format!("{}", bytes[0])))
        }
        TypeSchema::Array(element, count) => {
            if !element.can_fail() && !constraints.can_fail() {
                return Ok(());
            }
            let stride = size(element);
            for number in 0..*count {
                let bytes = bytes
                    .get(number * stride..(number + 1) * stride)
                    .ok_or_else(|| short(ty, bytes))?;
                validate_bytes(element, constraints, bytes)
                    .map_err(|violation| violation.inside(&number.to_string()))?;
            }
            Ok(())
        }
        TypeSchema::Struct(fields) => {
            for field in fields {
                validate_bytes(&field.ty, &field.constraints, part(bytes, field))
                    .map_err(|violation| violation.inside(&field.name))?;
            }
            Ok(())
        }
        simple if constraints.can_fail() => {
            scalar!(simple, S => S::check(&scalar_of::<S>(ty, bytes)?, constraints), else Ok(()))
        }
        _ => Ok(()),
    }
}

/// Columns are in the machine's order, the codec's numbers in little-endian.
fn swapped(bytes: &[u8]) -> ([u8; 8], usize) {
    let mut copy = [0; 8];
    let count = bytes.len().min(8);
    copy[..count].copy_from_slice(&bytes[..count]);
    if cfg!(target_endian = "big") {
        copy[..count].reverse();
    }
    (copy, count)
}

fn scalar_of<S: Schema>(ty: &TypeSchema, bytes: &[u8]) -> Result<S, Violation> {
    let (copy, count) = swapped(bytes);
    let mut budget = 0;
    S::decode(&mut Decoder::new(&copy[..count], 0, &mut budget)).map_err(|_| short(ty, bytes))
}

/// The value that plain bytes stand for.
pub(crate) fn read_value(ty: &TypeSchema, bytes: &[u8]) -> Result<Value, Violation> {
    match ty {
        TypeSchema::Entity => entity(bytes)
            .map(Value::Entity)
            .ok_or_else(|| short(ty, bytes)),
        TypeSchema::Array(element, count) => {
            let stride = size(element);
            let element = |number: usize| {
                let bytes = bytes
                    .get(number * stride..(number + 1) * stride)
                    .ok_or_else(|| short(ty, bytes))?;
                read_value(element, bytes)
                    .map_err(|violation| violation.inside(&number.to_string()))
            };
            (0..*count)
                .map(element)
                .collect::<Result<_, _>>()
                .map(Value::List)
        }
        TypeSchema::Struct(fields) => {
            let field = |field: &FieldSchema| {
                let value = read_value(&field.ty, part(bytes, field))
                    .map_err(|violation| violation.inside(&field.name))?;
                Ok((field.name.clone(), value))
            };
            fields
                .iter()
                .map(field)
                .collect::<Result<_, _>>()
                .map(Value::Struct)
        }
        simple => {
            scalar!(simple, S => Ok(scalar_of::<S>(ty, bytes)?.to_value()), else Err(Violation::new("plain data", ty.name())))
        }
    }
}

/// Writes a value as plain bytes; `bytes` is as long as the type.
pub(crate) fn write_value(
    ty: &TypeSchema,
    value: &Value,
    bytes: &mut [u8],
) -> Result<(), Violation> {
    match ty {
        TypeSchema::Entity => {
            bytes.copy_from_slice(&Entity::from_value(value)?.to_bits().to_ne_bytes());
            Ok(())
        }
        TypeSchema::Array(element, count) => {
            let Value::List(values) = value else {
                return Err(Violation::new("a list", value.kind()));
            };
            if values.len() != *count {
                return Err(Violation::new(
                    format!("{count} elements"),
                    format!("{}", values.len()),
                ));
            }
            let stride = size(element);
            for (number, value) in values.iter().enumerate() {
                write_value(
                    element,
                    value,
                    &mut bytes[number * stride..(number + 1) * stride],
                )
                .map_err(|violation| violation.inside(&number.to_string()))?;
            }
            Ok(())
        }
        TypeSchema::Struct(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| &*field.name).collect();
            super::Fields::of(value, &names)?;
            for field in fields {
                let Some(value) = value.field(&field.name) else {
                    return Err(Violation::new("a value", "none").inside(&field.name));
                };
                let start = field.offset.unwrap_or(0);
                let end = start + size(&field.ty);
                write_value(&field.ty, value, &mut bytes[start..end])
                    .map_err(|violation| violation.inside(&field.name))?;
            }
            Ok(())
        }
        simple => {
            let mut coded = Vec::new();
            let mut out = Encoder::new(&mut coded, 0);
            scalar!(simple, S => S::from_value(value)?.encode(&mut out), else return Err(Violation::new("plain data", ty.name())));
            let (copy, count) = swapped(&coded);
            bytes.copy_from_slice(&copy[..count]);
            Ok(())
        }
    }
}

/// Offsets of all handles of entities in plain bytes.
pub(crate) fn entity_offsets(ty: &TypeSchema, base: usize, out: &mut Vec<usize>) {
    match ty {
        TypeSchema::Entity => out.push(base),
        TypeSchema::Array(element, count) if element.has_entities() => {
            let stride = size(element);
            for number in 0..*count {
                entity_offsets(element, base + number * stride, out);
            }
        }
        TypeSchema::Struct(fields) => {
            for field in fields {
                entity_offsets(&field.ty, base + field.offset.unwrap_or(0), out);
            }
        }
        _ => {}
    }
}
