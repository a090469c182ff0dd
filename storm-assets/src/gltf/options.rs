//! What a caller may choose about loading.

use std::{fmt, ops::ControlFlow, sync::Arc};

use super::limits::Limits;

/// How to load a file. `LoadOptions::default()` suits most.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// The source that [`AssetId`](crate::AssetId)s derive from; where it is `None`, [`load`](super::load) takes the path with forward
    /// slashes and [`parse`](super::parse) takes `memory`. Set it where ids must not depend on the working directory.
    pub source: Option<String>,
    /// Upper bounds.
    pub limits: Limits,
    /// Extensions to be treated as if this reader did not know them, of [`SUPPORTED_EXTENSIONS`](super::SUPPORTED_EXTENSIONS): those that
    /// the consumer does not draw. A file that requires one is refused, one that only uses it is read with its core values and a warning.
    /// Empty by default: everything is read.
    pub without: Vec<String>,
    /// Whether pictures are also kept as they came, in [`Picture::encoded`](super::Picture::encoded), for a writer. Off by default.
    pub keep_encoded: bool,
    /// Called after each part; breaking ends the loading with [`Problem::Cancelled`](super::Problem::Cancelled).
    pub progress: Option<ProgressFn>,
}

/// See [`LoadOptions::progress`].
pub type ProgressFn = Arc<dyn Fn(Progress) -> ControlFlow<()> + Send + Sync>;

impl LoadOptions {
    /// The same options with another source for ids.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same options with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same options without some extensions: see [`LoadOptions::without`].
    #[must_use]
    pub fn without(mut self, extensions: &[&str]) -> Self {
        self.without = extensions.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// The same options, with pictures kept as they came too: see [`LoadOptions::keep_encoded`].
    #[must_use]
    pub fn keep_encoded(mut self) -> Self {
        self.keep_encoded = true;
        self
    }

    /// The same options with a progress callback.
    #[must_use]
    pub fn with_progress(
        mut self,
        progress: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }
}

impl fmt::Debug for LoadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOptions")
            .field("source", &self.source)
            .field("limits", &self.limits)
            .field("without", &self.without)
            .field("keep_encoded", &self.keep_encoded)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What was just finished.
    pub stage: Stage,
    /// Parts done: buffers, pictures and primitives.
    pub done: usize,
    /// Parts in all; may fall when pictures turn out to be unused, never below `done`.
    pub total: usize,
}

/// The kind of part that was finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The JSON is parsed; nothing else is done.
    Document,
    /// A buffer is here.
    Buffer,
    /// A picture is decoded.
    Image,
    /// A primitive is read.
    Primitive,
}
