//! What can be wrong with a snapshot, or with taking one.

use core::fmt;

use crate::schema::Violation;
use crate::snapshot::codec::DecodeError;

/// Why a world could not be stored, or bytes not be put into a world. The world is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes do not begin as a snapshot does.
    NotASnapshot,
    /// Another version of the format.
    Version {
        /// What is read here.
        expected: u16,
        /// What the bytes say.
        found: u16,
    },
    /// A delta where a snapshot was expected, or the other way round.
    Kind {
        /// What was expected.
        expected: &'static str,
    },
    /// The bytes contradict the format.
    Format {
        /// Where, in bytes from the start.
        at: u64,
        /// What should be there.
        expected: &'static str,
        /// What is.
        found: u64,
    },
    /// More than the options allow.
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// What the bytes ask for.
        found: u64,
    },
    /// A component or section that this world does not know.
    Unknown {
        /// Its name.
        name: String,
    },
    /// A component whose stored form differs from this build's.
    Mismatch {
        /// Its name.
        name: String,
        /// The stable hash here.
        expected: u64,
        /// The stable hash in the bytes.
        found: u64,
    },
    /// A component that is neither Pod nor has a schema or codec.
    Unsupported {
        /// Its name.
        name: &'static str,
    },
    /// A value that its codec refuses.
    Decode {
        /// The component or section.
        name: String,
        /// What is wrong.
        error: DecodeError,
    },
    /// A value that violates its schema.
    Violation(Violation),
    /// The removal logs do not reach back to the tick: take a snapshot instead.
    LogOverflow,
    /// The delta was not made against what this world holds.
    Base {
        /// What was expected.
        expected: &'static str,
        /// Index of the entity it concerns.
        index: u32,
    },
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASnapshot => f.write_str(
                "expected a snapshot, which begins with \"STORMECS\", found other bytes",
            ),
            Self::Version { expected, found } => write!(
                f,
                "expected version {expected} of the snapshot format, found {found}"
            ),
            Self::Kind { expected } => write!(f, "expected a {expected}, found the other kind"),
            Self::Format {
                at,
                expected,
                found,
            } => write!(f, "at byte {at}: expected {expected}, found {found}"),
            Self::Limit { what, limit, found } => {
                write!(f, "expected at most {limit} {what}, found {found}")
            }
            Self::Unknown { name } => write!(
                f,
                "{name:?} is not known to this world: register it, or skip what is unknown"
            ),
            Self::Mismatch {
                name,
                expected,
                found,
            } => {
                write!(
                    f,
                    "component {name:?} is stored in another form: expected hash {expected:016x}, found {found:016x}"
                )
            }
            Self::Unsupported { name } => write!(
                f,
                "component {name} cannot be stored: expected #[component(pod)], #[component(schema)] or a codec"
            ),
            Self::Decode { name, error } => write!(f, "{name:?} {error}"),
            Self::Violation(violation) => violation.fmt(f),
            Self::LogOverflow => f.write_str(
                "the removal logs do not reach back to the tick of the delta: take a snapshot",
            ),
            Self::Base { expected, index } => write!(
                f,
                "the delta has another base: expected {expected} at entity index {index}"
            ),
        }
    }
}

impl core::error::Error for SnapshotError {}

impl From<Violation> for SnapshotError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}
