//! Components of types that implement serde's traits, in snapshots.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::snapshot::codec::{Codec, DecodeError, Decoder, Encoder};

/// Stores values through serde, in postcard's format: a length, then the bytes.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use storm_ecs::{Component, SerdeCodec, World};
///
/// #[derive(Component, Serialize, Deserialize, Debug, PartialEq)]
/// struct Inventory { slots: Vec<(String, u32)>, gold: u64 }
///
/// let mut world = World::new();
/// world.register_codec::<Inventory, SerdeCodec>();
/// let chest = world.spawn(Inventory { slots: vec![("rope".into(), 2)], gold: 7 });
/// let saved = world.snapshot(&Default::default())?;
/// world.get_mut::<Inventory>(chest).unwrap().gold = 0;
/// world.restore(saved.as_bytes(), &Default::default())?;
/// assert_eq!(world.get::<Inventory>(chest).unwrap().gold, 7);
/// # Ok::<(), storm_ecs::SnapshotError>(())
/// ```
///
/// Handles of entities inside are not replaced when another world restores them: give such components a schema
/// (`#[component(schema)]`). A value whose `Serialize` fails is stored as no bytes, which does not decode.
#[derive(Clone, Copy, Debug)]
pub struct SerdeCodec;

impl<T: Serialize + DeserializeOwned> Codec<T> for SerdeCodec {
    fn encode(value: &T, out: &mut Encoder<'_>) {
        let bytes = postcard::to_allocvec(value).unwrap_or_default();
        out.len(bytes.len());
        out.bytes(&bytes);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<T, DecodeError> {
        // A value takes about as much memory as its bytes; collections grow as their elements arrive.
        let len = input.len_of(1)?;
        let bytes = input.take(len)?;
        let (value, rest) = postcard::take_from_bytes(bytes)
            .map_err(|error| input.wrong("a value of the type", error))?;
        match rest.len() {
            0 => Ok(value),
            left => Err(input.wrong("the end of the value", format_args!("{left} more bytes"))),
        }
    }
}
