//! What can be wrong with a glTF file, said with its place.

use std::{borrow::Cow, fmt, io};

/// Why a glTF file was refused. Its message is one line: the file, the place in it, what was expected and found.
#[derive(Debug)]
pub struct GltfError {
    /// The file, as the caller named it.
    pub file: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for GltfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

impl std::error::Error for GltfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.problem)
    }
}

/// What is wrong with a glTF file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file itself could not be read: the caller or the file system is at fault.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
    /// The GLB container is broken.
    #[error("GLB byte {offset}: expected {expected}, found {found}")]
    Glb {
        /// Where in the file, bytes.
        offset: usize,
        /// What the container format asks for there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// The text is not JSON.
    #[error("JSON line {line} column {column}: {message}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
        /// What the JSON grammar misses.
        message: String,
    },
    /// A value of the JSON, or the data that it points to, breaks a rule of glTF 2.0.
    #[error("{}expected {expected}, found {found}", place(pointer))]
    Invalid {
        /// JSON pointer (RFC 6901) to the value.
        pointer: String,
        /// What glTF 2.0 asks for.
        expected: Cow<'static, str>,
        /// What stands there.
        found: String,
    },
    /// The file cannot be shown rightly without an extension that this reader does not know.
    #[error("requires the extension {name}, which is not supported")]
    Extension {
        /// As `extensionsRequired` names it.
        name: String,
    },
    /// A URI points where this reader does not follow.
    #[error("{pointer}: URI {uri:?}: {reason}")]
    Uri {
        /// JSON pointer to the URI.
        pointer: String,
        /// The URI, shortened.
        uri: String,
        /// Why it is not followed.
        reason: String,
    },
    /// A file beside the glTF could not be read.
    #[error("{pointer}: {uri:?} cannot be read: {source}")]
    Resource {
        /// JSON pointer to the URI.
        pointer: String,
        /// The URI, shortened.
        uri: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// A picture cannot be decoded.
    #[error("{pointer}: {message}")]
    Image {
        /// JSON pointer to the image.
        pointer: String,
        /// What the decoder said.
        message: String,
    },
    /// The file asks for more than [`Limits`](super::Limits) allow.
    #[error(
        "{}{what} would take {found}, over the limit of {limit}",
        place(pointer)
    )]
    Limit {
        /// JSON pointer to what asks; empty for the whole file.
        pointer: String,
        /// What would be too large.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
        /// How much was asked for.
        found: u64,
    },
    /// The limits would allow it, the machine does not have the memory.
    #[error("{}out of memory for {bytes} bytes", place(pointer))]
    Memory {
        /// JSON pointer to what asks; empty for the whole file.
        pointer: String,
        /// How many bytes were asked for at once.
        bytes: u64,
    },
    /// The progress callback asked to stop.
    #[error("loading was cancelled")]
    Cancelled,
}

/// A pointer as messages begin with it; that to the whole file is empty, and says nothing.
fn place(pointer: &str) -> String {
    match pointer {
        "" => String::new(),
        pointer => format!("{pointer}: "),
    }
}

/// Something that was mended or left out; the rest of the file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// JSON pointer to the value.
    pub pointer: String,
    /// What was found and what was done about it.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}

/// The beginning of a text from outside, for messages: at most 80 characters, without control characters.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(80)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}
