//! What a world can do with a component beyond moving it: the type-erased functions behind schema, bytes and codec.
//!
//! Invariants:
//! 1. `Ops` of a component are made from the type that its `ComponentInfo` describes; pointers passed to them are to values of that type.
//! 2. `plain` is true only for types that are `Pod`, and for run-time components, whose values are initialised bytes throughout.
#![expect(unsafe_code, reason = "type-erased values")]

use core::marker::PhantomData;

use crate::component::ComponentInfo;
use crate::entity::Entity;
use crate::pod::Pod;
use crate::schema::{Schema, TypeSchema, Value, Violation};
use crate::snapshot::codec::{Codec, DecodeError, Decoder, Encoder};

/// What a type's derive says about it.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct ComponentData {
    pub(crate) plain: bool,
    pub(crate) ty: Option<TypeSchema>,
    pub(crate) has_entities: bool,
    pub(crate) can_fail: bool,
    pub(crate) values: Option<ValueOps>,
    pub(crate) codec: Option<CodecOps>,
    pub(crate) clone: Option<CloneFn>,
}

/// Clones a value to where there is room for it.
///
/// # Safety
/// The first pointer is to a value (invariant 1), the second to room for another.
pub(crate) type CloneFn = unsafe fn(*const u8, *mut u8);

/// Is shown where a value is; returns whether it moved it out.
pub(crate) type Show<'a> = dyn FnMut(*mut u8) -> bool + 'a;

/// Schema functions of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueOps {
    /// # Safety
    /// The pointer is to a value (invariant 1).
    pub(crate) validate: unsafe fn(*const u8) -> Result<(), Violation>,
    /// # Safety
    /// As `validate`.
    pub(crate) to_value: unsafe fn(*const u8) -> Value,
    /// # Safety
    /// As `validate`.
    pub(crate) map_entities: unsafe fn(*mut u8, &mut dyn FnMut(Entity) -> Entity),
    /// Checks the value, makes a `T` of it and shows where it is. Whoever is shown it moves it out and returns true, or leaves it.
    ///
    /// # Safety
    /// `show` returns true only if it moved the value out.
    pub(crate) from_value: unsafe fn(&Value, &mut Show<'_>) -> Result<(), Violation>,
}

/// Byte functions of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodecOps {
    /// # Safety
    /// The pointer is to a value.
    pub(crate) encode: unsafe fn(*const u8, &mut Encoder<'_>),
    /// # Safety
    /// The pointer is to room for a value; it is initialised if the result is `Ok`.
    pub(crate) decode: unsafe fn(&mut Decoder<'_>, *mut u8) -> Result<(), DecodeError>,
}

struct Of<T>(PhantomData<T>);

impl<T: Schema> Of<T> {
    unsafe fn validate(value: *const u8) -> Result<(), Violation> {
        // SAFETY: the caller passes a pointer to a T.
        let value = unsafe { &*value.cast::<T>() };
        value.validate()
    }

    unsafe fn to_value(value: *const u8) -> Value {
        // SAFETY: the caller passes a pointer to a T.
        let value = unsafe { &*value.cast::<T>() };
        value.to_value()
    }

    unsafe fn map_entities(value: *mut u8, map: &mut dyn FnMut(Entity) -> Entity) {
        // SAFETY: the caller passes a pointer to a T that nobody else uses.
        let value = unsafe { &mut *value.cast::<T>() };
        value.map_entities(map);
    }

    unsafe fn from_value(value: &Value, show: &mut Show<'_>) -> Result<(), Violation> {
        let made = T::from_value(value)?;
        made.validate()?;
        let mut made = core::mem::ManuallyDrop::new(made);
        if !show((&raw mut made).cast::<u8>()) {
            // SAFETY: the value was left in place, and is not used again.
            unsafe { core::mem::ManuallyDrop::drop(&mut made) };
        }
        Ok(())
    }
}

/// The schema's own form as a codec.
struct SchemaCodec;

impl<T: Schema> Codec<T> for SchemaCodec {
    fn encode(value: &T, out: &mut Encoder<'_>) {
        value.encode(out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<T, DecodeError> {
        T::decode(input)
    }
}

impl CodecOps {
    pub(crate) fn of<T, C: Codec<T>>() -> Self {
        unsafe fn encode<T, C: Codec<T>>(value: *const u8, out: &mut Encoder<'_>) {
            // SAFETY: the caller passes a pointer to a T.
            let value = unsafe { &*value.cast::<T>() };
            C::encode(value, out);
        }
        unsafe fn decode<T, C: Codec<T>>(
            input: &mut Decoder<'_>,
            to: *mut u8,
        ) -> Result<(), DecodeError> {
            let value = C::decode(input)?;
            // SAFETY: the caller passes room for a T.
            unsafe { to.cast::<T>().write(value) };
            Ok(())
        }
        Self {
            encode: encode::<T, C>,
            decode: decode::<T, C>,
        }
    }
}

impl ComponentData {
    /// The bytes are the value.
    #[must_use]
    pub fn pod<T: Pod>(mut self) -> Self {
        self.plain = true;
        self
    }

    /// The type has a schema.
    #[must_use]
    pub fn schema<T: Schema>(mut self) -> Self {
        self.ty = Some(T::type_schema());
        self.has_entities = T::HAS_ENTITIES;
        self.can_fail = T::CAN_FAIL;
        self.values = Some(ValueOps {
            validate: Of::<T>::validate,
            to_value: Of::<T>::to_value,
            map_entities: Of::<T>::map_entities,
            from_value: Of::<T>::from_value,
        });
        self.codec = Some(CodecOps::of::<T, SchemaCodec>());
        self
    }

    /// Values can be cloned.
    #[must_use]
    pub fn cloned<T: Clone>(mut self) -> Self {
        unsafe fn clone<T: Clone>(value: *const u8, to: *mut u8) {
            // SAFETY: the caller passes a pointer to a T.
            let value = unsafe { &*value.cast::<T>() };
            let clone = value.clone();
            // SAFETY: the caller passes room for a T.
            unsafe { to.cast::<T>().write(clone) };
        }
        self.clone = Some(clone::<T>);
        self
    }

    /// A run-time component of plain data.
    pub(crate) fn plain(ty: Option<TypeSchema>) -> Self {
        Self {
            plain: true,
            has_entities: ty.as_ref().is_some_and(TypeSchema::has_entities),
            can_fail: ty.as_ref().is_some_and(TypeSchema::can_fail),
            ty,
            values: None,
            codec: None,
            clone: None,
        }
    }
}

impl ComponentInfo {
    /// Whether the bytes of a value are the value: it can be read and written as bytes, and snapshots hold it raw.
    #[must_use]
    pub fn is_pod(&self) -> bool {
        self.data.as_ref().is_some_and(|data| data.plain)
    }

    /// Whether values can be cloned: `#[component(clone)]`.
    #[must_use]
    pub fn is_clone(&self) -> bool {
        self.data.as_ref().is_some_and(|data| data.clone.is_some())
    }
}
