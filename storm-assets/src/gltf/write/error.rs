//! Why a file cannot be written.

use crate::MeshError;

/// Why values make no file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A value names another that is not there.
    #[error("{by} names {what}, which is not there")]
    Missing {
        /// What names it.
        by: String,
        /// What is named.
        what: String,
    },
    /// A mesh breaks the promises of its type.
    #[error("{mesh}: {error}")]
    Mesh {
        /// Which mesh.
        mesh: String,
        /// What it breaks.
        error: MeshError,
    },
    /// A list does not have as many entries as another asks for.
    #[error("{what}: expected {expected}, found {found}")]
    Count {
        /// Which list.
        what: String,
        /// How many it needs.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A number is infinite or not a number, which glTF cannot say.
    #[error("{what} is not finite")]
    NotFinite {
        /// Where.
        what: String,
    },
    /// The hierarchy is no forest, or a scene shows what is no root.
    #[error("node {node}: {problem}")]
    Hierarchy {
        /// Which node.
        node: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A picture cannot be encoded.
    #[error("picture {picture}: {message}")]
    Picture {
        /// Which picture.
        picture: usize,
        /// What the encoder said.
        message: String,
    },
    /// A GLB counts its bytes in 32 bits.
    #[error("the file would take {bytes} bytes, 4 GiB are the limit")]
    TooLarge {
        /// How many there would be.
        bytes: u64,
    },
}
