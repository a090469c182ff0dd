//! Worlds as bytes: snapshots, deltas, and putting them back. docs/ecs.md has the layout, byte by byte.

pub(crate) mod aside;
mod buffer;
pub(crate) mod codec;
mod delta;
mod error;
mod read;
mod restore;
pub(crate) mod section;
#[cfg(feature = "serde")]
mod serde;
mod write;

pub use buffer::Snapshot;
pub use codec::{Codec, DecodeError, Decoder, Encoder};
pub use error::SnapshotError;
pub(crate) use read::handles;
pub use read::{SnapshotColumn, SnapshotKind, SnapshotTable, SnapshotView};
pub use section::LoadSection;
#[cfg(feature = "serde")]
pub use serde::SerdeCodec;
pub(crate) use write::map_bytes;

use crate::component::ComponentId;

/// What to do with components that cannot be stored, or are not known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// Fail, and name the component.
    #[default]
    Error,
    /// Leave the component out.
    Skip,
}

/// How to take a snapshot or delta.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// Components that are neither Pod nor have a schema or codec.
    pub unsupported: OnUnknown,
    /// Components that are left out.
    pub exclude: Vec<ComponentId>,
}

/// How to read a snapshot or delta, and how much of it to believe. Nothing is allocated beyond these bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreOptions {
    /// Components that this world does not know: register them first, or skip them.
    pub unknown: OnUnknown,
    /// Sections (resources) that this world does not know.
    pub unknown_sections: OnUnknown,
    /// Whether constraints that schemas declare are checked. Only components that have any cost something.
    pub check_constraints: bool,
    /// Entities, dead slots included.
    pub max_entities: u32,
    /// Tables.
    pub max_tables: u32,
    /// Bytes allocated for everything together.
    pub max_bytes: u64,
}

impl Default for RestoreOptions {
    /// Strict, with room for 64 Mi entities, 65,536 tables and 16 GiB.
    fn default() -> Self {
        Self {
            unknown: OnUnknown::Error,
            unknown_sections: OnUnknown::Error,
            check_constraints: true,
            max_entities: 1 << 26,
            max_tables: 1 << 16,
            max_bytes: 16 << 30,
        }
    }
}
