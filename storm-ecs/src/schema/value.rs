//! Values whose type is known at run time only: what scripts, editors and foreign code hand in.

use std::borrow::Cow;

use crate::entity::Entity;

/// A value of a type that a schema describes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A float.
    Float(f64),
    /// Text.
    Text(String),
    /// A handle of an entity.
    Entity(Entity),
    /// An array or list.
    List(Vec<Value>),
    /// A value or nothing.
    Option(Option<Box<Value>>),
    /// Fields by name, in any order.
    Struct(Vec<(Cow<'static, str>, Value)>),
    /// An alternative of an enum: its name and fields.
    Variant(Cow<'static, str>, Vec<(Cow<'static, str>, Value)>),
}

impl Value {
    /// A struct of these fields.
    #[must_use]
    pub fn fields<const N: usize>(fields: [(&'static str, Value); N]) -> Self {
        Self::Struct(
            fields
                .into_iter()
                .map(|(name, value)| (Cow::Borrowed(name), value))
                .collect(),
        )
    }

    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(fields) | Self::Variant(_, fields) => fields
                .iter()
                .find(|field| field.0 == name)
                .map(|field| &field.1),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Uint(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "text",
            Self::Entity(_) => "an entity",
            Self::List(_) => "a list",
            Self::Option(_) => "an option",
            Self::Struct(_) => "a struct",
            Self::Variant(..) => "a variant",
        }
    }
}

macro_rules! from {
    ($($ty:ty => $variant:ident as $as:ty),* $(,)?) => {$(
        impl From<$ty> for Value {
            fn from(value: $ty) -> Self {
                Self::$variant(<$as>::from(value))
            }
        }
    )*};
}
from!(bool => Bool as bool, i8 => Int as i64, i16 => Int as i64, i32 => Int as i64, i64 => Int as i64, u8 => Uint as u64, u16 => Uint as u64,
    u32 => Uint as u64, u64 => Uint as u64, f32 => Float as f64, f64 => Float as f64, &str => Text as String, String => Text as String, Entity => Entity as Entity);

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}
