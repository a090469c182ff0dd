//! How values of edges are stored and copied: chosen where the relation is declared.

use core::any::{Any, TypeId};
use core::fmt;

use crate::entity::Entity;
use crate::pod::{Pod, bytes_of, from_bytes};
use crate::schema::Schema;
use crate::snapshot::codec::{Codec, DecodeError, Decoder, Encoder};

/// How the data of a [`Relation`](crate::Relation) becomes bytes: for snapshots, deltas and prefabs.
///
/// ```
/// use storm_ecs::{Relation, RelationCodec};
///
/// struct Owes;
/// impl Relation for Owes {
///     const NAME: &'static str = "bank.Owes";
///     type Data = f64;
///     const CODEC: RelationCodec<f64> = RelationCodec::schema();
/// }
/// ```
pub struct RelationCodec<D>(Option<Ops<D>>);

impl<D> Clone for RelationCodec<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for RelationCodec<D> {}

impl<D> fmt::Debug for RelationCodec<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RelationCodec")
            .field(&self.0.is_some())
            .finish()
    }
}

struct Ops<D> {
    encode: fn(&D, &mut Encoder<'_>),
    decode: fn(&mut Decoder<'_>) -> Result<D, DecodeError>,
    map: fn(&mut D, &mut dyn FnMut(Entity) -> Entity),
}

impl<D> Clone for Ops<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for Ops<D> {}

impl<D: Any> RelationCodec<D> {
    /// It is not stored: a snapshot that holds such an edge fails, or leaves the relation out. Data of type `()` is stored all the same.
    pub const NONE: Self = Self(None);

    /// Through its schema; constraints are checked, and handles inside get the receiving world's tag.
    #[must_use]
    pub const fn schema() -> Self
    where
        D: Schema,
    {
        Self(Some(Ops {
            encode: D::encode,
            decode: |input| {
                let value = D::decode(input)?;
                match value.validate() {
                    Ok(()) => Ok(value),
                    Err(violation) => Err(input.wrong(
                        &format!("{} in field {}", violation.expected, violation.field),
                        violation.found,
                    )),
                }
            },
            map: |value, map| value.map_entities(map),
        }))
    }

    /// As its bytes, in this machine's order. Data of no size does not compile here: `()` needs no codec.
    #[must_use]
    pub const fn pod() -> Self
    where
        D: Pod,
    {
        const {
            assert!(
                align_of::<D>() <= align_of::<u128>(),
                "aligned beyond 16 bytes"
            );
            assert!(
                size_of::<D>() > 0,
                "of no size: use `()`, which needs no codec"
            )
        };
        Self(Some(Ops {
            encode: |value, out| out.bytes(bytes_of(core::slice::from_ref(value))),
            decode: |input| {
                let bytes = input.take(size_of::<D>())?;
                // Aligned, so that it can be read as it lies.
                let word = |part: &[u8]| {
                    let mut word = [0; 16];
                    word[..part.len()].copy_from_slice(part);
                    u128::from_ne_bytes(word)
                };
                let words: Vec<u128> = bytes.chunks(16).map(word).collect();
                let aligned = bytes_of(&words).get(..bytes.len()).unwrap_or(&[]);
                match from_bytes::<D>(aligned) {
                    Some([value]) => Ok(*value),
                    _ => Err(input.wrong("a value of some size", bytes.len())),
                }
            },
            map: |_, _| {},
        }))
    }

    /// Through a codec of its own.
    #[must_use]
    pub const fn custom<C: Codec<D>>() -> Self {
        Self(Some(Ops {
            encode: C::encode,
            decode: C::decode,
            map: |_, _| {},
        }))
    }

    /// Whether values can be stored.
    pub(super) fn is_stored(&self) -> bool {
        self.0.is_some() || TypeId::of::<D>() == TypeId::of::<()>()
    }

    pub(super) fn encode(&self, value: &D, out: &mut Encoder<'_>) {
        if let Some(ops) = self.0 {
            (ops.encode)(value, out);
        }
    }

    pub(super) fn decode(&self, input: &mut Decoder<'_>) -> Result<D, DecodeError> {
        if let Some(ops) = self.0 {
            return (ops.decode)(input);
        }
        let unit: Box<dyn Any> = Box::new(());
        match unit.downcast::<D>() {
            Ok(unit) => Ok(*unit),
            Err(_) => Err(input.wrong("a relation whose data is stored", "another")),
        }
    }

    pub(super) fn map(&self, value: &mut D, map: &mut dyn FnMut(Entity) -> Entity) {
        if let Some(ops) = self.0 {
            (ops.map)(value, map);
        }
    }
}
