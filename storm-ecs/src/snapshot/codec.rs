//! How single values become bytes: little-endian, lengths before contents, handles without world tag.
//!
//! Guarantees: reading never panics, and never asks for more memory than the budget it was given.

use core::fmt;

use crate::entity::Entity;

/// Writes values of one component as bytes, and reads them back. For types without `#[component(schema)]` or `#[component(pod)]`.
///
/// ```
/// use storm_ecs::{Codec, Component, DecodeError, Decoder, Encoder, SnapshotOptions, World};
/// use std::time::Duration;
///
/// #[derive(Component, Debug, PartialEq)]
/// struct Cooldown(Duration);
///
/// struct Nanoseconds;
/// impl Codec<Cooldown> for Nanoseconds {
///     fn encode(value: &Cooldown, out: &mut Encoder<'_>) {
///         out.bytes(&(value.0.as_nanos() as u64).to_le_bytes());
///     }
///     fn decode(input: &mut Decoder<'_>) -> Result<Cooldown, DecodeError> {
///         Ok(Cooldown(Duration::from_nanos(u64::from_le_bytes(input.array()?))))
///     }
/// }
///
/// let mut world = World::new();
/// world.register_codec::<Cooldown, Nanoseconds>();
/// let entity = world.spawn(Cooldown(Duration::from_secs(3)));
/// let saved = world.snapshot(&SnapshotOptions::default()).unwrap();
/// world.get_mut::<Cooldown>(entity).unwrap().0 = Duration::ZERO;
/// world.restore(saved.as_bytes(), &Default::default()).unwrap();
/// assert_eq!(world.get(entity), Some(&Cooldown(Duration::from_secs(3))));
/// ```
pub trait Codec<T> {
    /// Appends a value.
    fn encode(value: &T, out: &mut Encoder<'_>);

    /// Reads a value.
    ///
    /// # Errors
    /// If the bytes are no such value.
    fn decode(input: &mut Decoder<'_>) -> Result<T, DecodeError>;
}

/// Takes the bytes of values.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    tag: u16,
}

impl<'a> Encoder<'a> {
    /// Appends to `out`. Handles of the world `tag` lose their tag, others become [`Entity::DANGLING`].
    #[must_use]
    pub(crate) fn new(out: &'a mut Vec<u8>, tag: u16) -> Self {
        Self { out, tag }
    }

    /// Appends bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Appends a number of elements: 4 bytes.
    ///
    /// # Panics
    /// If it does not fit.
    pub fn len(&mut self, len: usize) {
        let len = u32::try_from(len)
            .unwrap_or_else(|_| panic!("a list of {len} elements is too long to be stored"));
        self.bytes(&len.to_le_bytes());
    }

    /// Appends text: its length, then UTF-8.
    pub fn text(&mut self, text: &str) {
        self.len(text.len());
        self.bytes(text.as_bytes());
    }

    /// Appends a handle: index, generation, no tag.
    pub fn entity(&mut self, entity: Entity) {
        self.bytes(&stored(entity, self.tag).to_bits().to_le_bytes());
    }
}

/// A handle as it is stored: without the tag of its world. A handle of another world says nothing here: it dangles.
#[inline]
pub(crate) fn stored(entity: Entity, tag: u16) -> Entity {
    if entity.world_tag() == tag || entity.world_tag() == 0 {
        Entity::new(entity.index(), entity.generation(), 0)
    } else {
        Entity::DANGLING
    }
}

/// A stored handle in the world `tag`.
#[inline]
pub(crate) fn received(entity: Entity, tag: u16) -> Entity {
    if entity.world_tag() == 0 {
        Entity::new(entity.index(), entity.generation(), tag)
    } else {
        Entity::DANGLING
    }
}

/// Reads values from bytes that may be anything.
#[derive(Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    tag: u16,
    /// Bytes that may still be allocated.
    budget: &'a mut u64,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8], tag: u16, budget: &'a mut u64) -> Self {
        Self {
            bytes,
            at: 0,
            tag,
            budget,
        }
    }

    /// Bytes that are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// If there are fewer.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..count)) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err(self.wrong(&format!("{count} bytes"), self.remaining())),
        }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// If there are fewer.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(self.wrong(&format!("{N} bytes"), self.remaining())),
        }
    }

    /// A number of elements of `size` bytes each in memory, which are charged to the budget.
    ///
    /// # Errors
    /// If the budget does not allow for them.
    pub fn len_of(&mut self, size: usize) -> Result<usize, DecodeError> {
        let len = u32::from_le_bytes(self.array()?) as usize;
        self.charge(len.saturating_mul(size.max(1)))?;
        Ok(len)
    }

    /// Takes `bytes` from the budget: call it before allocating.
    ///
    /// # Errors
    /// If that is more than is left.
    pub fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        match self.budget.checked_sub(bytes as u64) {
            Some(left) => {
                *self.budget = left;
                Ok(())
            }
            None => Err(self.wrong(
                &format!("at most {} more bytes of memory", self.budget),
                bytes,
            )),
        }
    }

    /// Text.
    ///
    /// # Errors
    /// If it is cut off, no UTF-8, or beyond the budget.
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let len = self.len_of(1)?;
        let bytes = self.take(len)?;
        core::str::from_utf8(bytes).map_err(|error| self.wrong("UTF-8 text", error))
    }

    /// A handle, with the tag of the world that reads.
    ///
    /// # Errors
    /// If it is cut off.
    pub fn entity(&mut self) -> Result<Entity, DecodeError> {
        Ok(received(
            Entity::from_bits(u64::from_le_bytes(self.array()?)),
            self.tag,
        ))
    }

    /// An error at this place.
    #[must_use]
    #[cold]
    pub fn wrong(&self, expected: &str, found: impl fmt::Display) -> DecodeError {
        DecodeError {
            at: self.at,
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}

/// Bytes that are no value of the expected type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError {
    /// Bytes from the start of the column or section.
    pub at: usize,
    /// What should be there.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at byte {}: expected {}, found {}",
            self.at, self.expected, self.found
        )
    }
}

impl core::error::Error for DecodeError {}
