//! What a component looks like from outside: fields, types, units, constraints. Plain data, written as JSON, hashed stably.
//!
//! `#[component(schema)]` describes a component; `#[derive(Schema)]` a type inside one. Run-time components describe themselves
//! with [`ComponentSchema::plain`].

pub(crate) mod data;
mod field;
mod json;
mod plain;
mod value;

use core::alloc::Layout;
use core::fmt;
use std::borrow::Cow;

pub use field::{Fields, Schema};
pub use value::Value;

/// How a value reads in a message.
#[doc(hidden)]
#[cold]
pub fn found<T: Schema>(value: &T) -> String {
    match value.to_value() {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => format!("{value:?}"),
        other => other.kind().into(),
    }
}

pub(crate) use plain::{entity_offsets, read_value, validate_bytes, write_value};

/// A type, as a schema names it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TypeSchema {
    /// `bool`: one byte, 0 or 1.
    Bool,
    /// A signed integer of so many bytes.
    Int(u8),
    /// An unsigned integer of so many bytes.
    Uint(u8),
    /// A float of 4 or 8 bytes.
    Float(u8),
    /// A handle of an entity: 8 bytes.
    Entity,
    /// UTF-8 text.
    Text,
    /// A fixed number of values.
    Array(Box<TypeSchema>, usize),
    /// Any number of values.
    List(Box<TypeSchema>),
    /// A value or nothing.
    Option(Box<TypeSchema>),
    /// Named fields.
    Struct(Vec<FieldSchema>),
    /// One of several sets of fields.
    Enum(Vec<VariantSchema>),
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldSchema {
    /// Its name; the number, for a tuple.
    pub name: Cow<'static, str>,
    /// Its type.
    pub ty: TypeSchema,
    /// Bytes from the start of the struct; `None` inside enums, where Rust decides.
    pub offset: Option<usize>,
    /// What its values must satisfy.
    pub constraints: Constraints,
}

/// One alternative of an enum.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct VariantSchema {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its fields.
    pub fields: Vec<FieldSchema>,
}

impl VariantSchema {
    /// A variant.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, fields: Vec<FieldSchema>) -> Self {
        Self {
            name: name.into(),
            fields,
        }
    }
}

/// What values of a field must satisfy. Numbers in arrays, lists and options are held to it one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Constraints {
    /// Unit of measure: metres `"m"`, seconds `"s"`, radians `"rad"`, ….
    pub unit: Option<&'static str>,
    /// No number is smaller.
    pub min: Option<f64>,
    /// No number is larger.
    pub max: Option<f64>,
    /// The resolution that matters, for quantisation and editors. Not enforced.
    pub step: Option<f64>,
    /// No number is infinite or NaN.
    pub finite: bool,
    /// Text has at most so many bytes, a list so many elements.
    pub max_len: Option<usize>,
    /// A function of the type's own checks it as well.
    pub custom: bool,
}

impl Constraints {
    /// No constraint.
    pub const NONE: Self = Self {
        unit: None,
        min: None,
        max: None,
        step: None,
        finite: false,
        max_len: None,
        custom: false,
    };

    /// Whether any value can fail.
    #[must_use]
    pub const fn can_fail(&self) -> bool {
        self.min.is_some()
            || self.max.is_some()
            || self.finite
            || self.max_len.is_some()
            || self.custom
    }

    /// Whether a number satisfies them. NaN is outside every range.
    #[inline]
    fn number(&self, value: f64) -> bool {
        self.min.is_none_or(|min| value >= min)
            && self.max.is_none_or(|max| value <= max)
            && (!self.finite || value.is_finite())
    }

    #[cold]
    fn number_text(&self) -> String {
        let range = match (self.min, self.max) {
            (Some(min), Some(max)) => format!("a number from {min} to {max}"),
            (Some(min), None) => format!("a number of at least {min}"),
            (None, Some(max)) => format!("a number of at most {max}"),
            (None, None) => "a number".into(),
        };
        if self.finite {
            format!("{range}, finite")
        } else {
            range
        }
    }

    pub(crate) fn check_number(&self, value: f64) -> Result<(), Violation> {
        if self.number(value) {
            Ok(())
        } else {
            Err(Violation::new(self.number_text(), format!("{value}")))
        }
    }

    pub(crate) fn check_len(&self, len: usize) -> Result<(), Violation> {
        match self.max_len {
            Some(max) if len > max => Err(Violation::new(
                format!("a length of at most {max}"),
                format!("{len}"),
            )),
            _ => Ok(()),
        }
    }
}

impl FieldSchema {
    /// A field without constraints; its offset is found when a component is made of it.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, ty: TypeSchema) -> Self {
        Self {
            name: name.into(),
            ty,
            offset: None,
            constraints: Constraints::NONE,
        }
    }

    /// Sets the offset in bytes.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Sets all constraints.
    #[must_use]
    pub fn constrained(mut self, constraints: Constraints) -> Self {
        self.constraints = constraints;
        self
    }

    /// Sets the unit of measure.
    #[must_use]
    pub fn unit(mut self, unit: &'static str) -> Self {
        self.constraints.unit = Some(unit);
        self
    }

    /// Numbers from `min` to `max`, both included.
    #[must_use]
    pub fn range(mut self, min: f64, max: f64) -> Self {
        (self.constraints.min, self.constraints.max) = (Some(min), Some(max));
        self
    }

    /// Numbers that are neither infinite nor NaN.
    #[must_use]
    pub fn finite(mut self) -> Self {
        self.constraints.finite = true;
        self
    }
}

impl TypeSchema {
    /// Whether some value inside is an entity's handle.
    #[must_use]
    pub fn has_entities(&self) -> bool {
        match self {
            Self::Entity => true,
            Self::Array(element, _) | Self::List(element) | Self::Option(element) => {
                element.has_entities()
            }
            Self::Struct(fields) => fields.iter().any(|field| field.ty.has_entities()),
            Self::Enum(variants) => variants
                .iter()
                .flat_map(|variant| &variant.fields)
                .any(|field| field.ty.has_entities()),
            _ => false,
        }
    }

    /// Whether some value can violate a constraint.
    #[must_use]
    pub fn can_fail(&self) -> bool {
        let field = |field: &FieldSchema| field.constraints.can_fail() || field.ty.can_fail();
        match self {
            Self::Bool => true,
            Self::Array(element, _) | Self::List(element) | Self::Option(element) => {
                element.can_fail()
            }
            Self::Struct(fields) => fields.iter().any(field),
            Self::Enum(variants) => variants
                .iter()
                .flat_map(|variant| &variant.fields)
                .any(field),
            _ => false,
        }
    }

    /// The name in JSON and in messages: `f32`, `[f32; 3]`, `text`, `list<entity>`, ….
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Bool => "bool".into(),
            Self::Int(bytes) => format!("i{}", u32::from(*bytes) * 8),
            Self::Uint(bytes) => format!("u{}", u32::from(*bytes) * 8),
            Self::Float(bytes) => format!("f{}", u32::from(*bytes) * 8),
            Self::Entity => "entity".into(),
            Self::Text => "text".into(),
            Self::Array(element, count) => format!("[{}; {count}]", element.name()),
            Self::List(element) => format!("list<{}>", element.name()),
            Self::Option(element) => format!("option<{}>", element.name()),
            Self::Struct(_) => "struct".into(),
            Self::Enum(_) => "enum".into(),
        }
    }
}

/// A component, as a schema describes it.
///
/// ```
/// use storm_ecs::{Component, World};
///
/// #[derive(Component, Clone, Copy)]
/// #[component(name = "game.Door", schema, pod)]
/// #[repr(C)]
/// struct Door {
///     #[field(unit = "rad", min = 0, max = 1.6)]
///     angle: f32,
///     #[field(unit = "s", finite)]
///     closes_in: f32,
/// }
///
/// let mut world = World::new();
/// let id = world.register::<Door>();
/// let schema = world.schema(id).unwrap();
/// assert_eq!(schema.fields()[0].constraints.unit, Some("rad"));
/// assert_eq!(
///     schema.to_json(),
///     concat!(
///         r#"{"name":"game.Door","hash":"37401d42b5c6b05e","size":8,"align":4,"pod":true,"type":{"kind":"struct","fields":["#,
///         r#"{"name":"angle","offset":0,"type":{"kind":"f32"},"unit":"rad","min":0,"max":1.6},"#,
///         r#"{"name":"closes_in","offset":4,"type":{"kind":"f32"},"unit":"s","finite":true}]}}"#
///     )
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ComponentSchema {
    /// The stable name.
    pub name: Cow<'static, str>,
    /// Size and alignment in memory.
    pub layout: Layout,
    /// Whether the bytes in memory are the value.
    pub pod: bool,
    /// What it is made of; `None` if that is not declared.
    pub ty: Option<TypeSchema>,
}

impl ComponentSchema {
    /// The fields of a struct; empty for anything else.
    #[must_use]
    pub fn fields(&self) -> &[FieldSchema] {
        match &self.ty {
            Some(TypeSchema::Struct(fields)) => fields,
            _ => &[],
        }
    }

    /// A number that stays the same across builds and machines as long as name and stored form do.
    ///
    /// FNV-1a (64 bits) over a canonical text: the name, and for Pod components size, alignment and the fields with their offsets, for
    /// others the types in order. Units and constraints do not count.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let mut text = String::new();
        text.push_str(&self.name);
        if self.pod {
            // Bytes of another byte order are another form.
            let order = if cfg!(target_endian = "big") {
                " be"
            } else {
                ""
            };
            text.push_str(&format!(
                "|pod{order} {} {}",
                self.layout.size(),
                self.layout.align()
            ));
        } else {
            text.push_str("|coded");
        }
        if let Some(ty) = &self.ty {
            text.push('|');
            canonical(ty, self.pod, &mut text);
        }
        fnv1a(text.as_bytes())
    }

    /// The schema as one line of JSON.
    ///
    /// Keys, in this order: `name`, `hash` (16 hex digits), `size`, `align`, `pod`, `type`. A type is an object with `kind`: `bool`, `i8` … `u64`, `f32`, `f64`,
    /// `entity`, `text`, or `array` (`of`, `count`), `list` and `option` (`of`), `struct` (`fields`), `enum` (`variants`, each with `name` and `fields`). A field has
    /// `name`, `offset` (where fixed), `type`, and what is set of `unit`, `min`, `max`, `step`, `finite`, `max_len`, `custom`. `type` is `null` if not declared.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        json::component(self, &mut out);
        out
    }
}

fn canonical(ty: &TypeSchema, offsets: bool, out: &mut String) {
    let fields = |fields: &[FieldSchema], out: &mut String| {
        for field in fields {
            out.push_str(&field.name);
            if let (true, Some(offset)) = (offsets, field.offset) {
                out.push_str(&format!("@{offset}"));
            }
            out.push(':');
            canonical(&field.ty, offsets, out);
            out.push(',');
        }
    };
    match ty {
        TypeSchema::Struct(inside) => {
            out.push('{');
            fields(inside, out);
            out.push('}');
        }
        TypeSchema::Enum(variants) => {
            out.push('<');
            for variant in variants {
                out.push_str(&variant.name);
                out.push('{');
                fields(&variant.fields, out);
                out.push('}');
            }
            out.push('>');
        }
        TypeSchema::Array(element, count) => {
            out.push_str(&format!("[{count}"));
            canonical(element, offsets, out);
            out.push(']');
        }
        TypeSchema::List(element) => {
            out.push('*');
            canonical(element, offsets, out);
        }
        TypeSchema::Option(element) => {
            out.push('?');
            canonical(element, offsets, out);
        }
        simple => out.push_str(&simple.name()),
    }
}

pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A value that does not fit a schema: where, what was expected, what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The component's name; empty for a value outside any component.
    pub component: Cow<'static, str>,
    /// Path of fields, parted by dots; empty for the value itself.
    pub field: String,
    /// What the schema asks for.
    pub expected: String,
    /// What the value is.
    pub found: String,
}

impl Violation {
    /// A violation of the value itself.
    #[must_use]
    #[cold]
    pub fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            component: Cow::Borrowed(""),
            field: String::new(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The same, seen from the struct whose field `field` is.
    #[must_use]
    #[cold]
    pub fn inside(mut self, field: &str) -> Self {
        self.field = if self.field.is_empty() {
            field.into()
        } else {
            format!("{field}.{}", self.field)
        };
        self
    }

    /// The same, of a component.
    #[must_use]
    #[cold]
    pub fn of(mut self, component: impl Into<Cow<'static, str>>) -> Self {
        self.component = component.into();
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = if self.component.is_empty() {
            "value"
        } else {
            &self.component
        };
        if self.field.is_empty() {
            write!(f, "{of}: expected {}, found {}", self.expected, self.found)
        } else {
            write!(
                f,
                "{of}, field {}: expected {}, found {}",
                self.field, self.expected, self.found
            )
        }
    }
}

impl core::error::Error for Violation {}
