//! What can be wrong with a cluster mesh.

use std::sync::Arc;

/// Why a cluster mesh, or a page of it, cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The file is not one, or of another version.
    #[error("{0}")]
    Header(String),
    /// A record that is always resident breaks a rule of the format.
    #[error("{record} {number}: {problem}")]
    Record {
        /// What kind of record.
        record: &'static str,
        /// Which.
        number: usize,
        /// What is wrong.
        problem: String,
    },
    /// A page breaks a rule of the format.
    #[error("page {page}: {problem}")]
    Page {
        /// Which.
        page: u32,
        /// What is wrong.
        problem: String,
    },
    /// There is no such page.
    #[error("page {page} of {pages}")]
    NoPage {
        /// Which was asked for.
        page: u32,
        /// How many there are.
        pages: u32,
    },
    /// Reading or writing failed.
    #[error("{0}")]
    Io(Arc<std::io::Error>),
}

impl From<std::io::Error> for ClusterError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// What is wrong with record `number`.
pub(crate) fn record(
    record: &'static str,
    number: usize,
    problem: impl Into<String>,
) -> ClusterError {
    ClusterError::Record {
        record,
        number,
        problem: problem.into(),
    }
}
