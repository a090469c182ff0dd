//! What all readers share while one file is read: the budget, the warnings, the names of ids and the progress.

use std::ops::ControlFlow;

use super::{
    cursor::Cursor,
    error::{Problem, Warning},
    extensions::SUPPORTED_EXTENSIONS,
    image::PendingPicture,
    limits::{Budget, Limits},
    options::{LoadOptions, Progress, ProgressFn, Stage},
};
use crate::Handle;

pub(super) struct Context {
    pub(super) budget: Budget,
    pub(super) limits: Limits,
    pub(super) source: String,
    /// Extensions that the caller does not want.
    without: Vec<String>,
    pub(super) keep_encoded: bool,
    /// Where pictures are to be put off, those that were.
    pub(super) pending: Option<Vec<PendingPicture>>,
    pub(super) warnings: Vec<Warning>,
    /// How many warnings there were, kept or not.
    pub(super) warning_count: usize,
    progress: Option<ProgressFn>,
    done: usize,
    total: usize,
}

impl Context {
    pub(super) fn new(source: String, options: &LoadOptions) -> Self {
        Self {
            budget: Budget::new(&options.limits),
            limits: options.limits.clone(),
            source,
            without: options.without.clone(),
            keep_encoded: options.keep_encoded,
            pending: None,
            warnings: Vec::new(),
            warning_count: 0,
            progress: options.progress.clone(),
            done: 0,
            total: 0,
        }
    }

    /// Whether the extension is read: it is known, and the caller has not put it aside.
    pub(super) fn reads(&self, extension: &str) -> bool {
        SUPPORTED_EXTENSIONS.contains(&extension)
            && !self.without.iter().any(|name| name == extension)
    }

    /// The extension object `name` of `object`, if it is there and read.
    pub(super) fn extension<'a>(
        &self,
        object: Cursor<'a>,
        name: &str,
    ) -> Result<Option<Cursor<'a>>, Problem> {
        debug_assert!(SUPPORTED_EXTENSIONS.contains(&name), "{name} is listed");
        if self.reads(name) {
            object.extension(name)
        } else {
            Ok(None)
        }
    }

    /// A handle to a part of this file.
    pub(super) fn handle<T>(&self, label: &str) -> Handle<T> {
        Handle::of(&self.source, label)
    }

    /// Notes what was mended or left out at `place`.
    pub(super) fn warn(&mut self, place: Cursor<'_>, message: impl FnOnce() -> String) {
        self.warning_count += 1;
        // Messages cost a walk through the document: past the limit they are counted only.
        if self.warnings.len() < self.limits.warnings_max {
            let message = message();
            tracing::debug!(source = self.source, "{message}");
            self.warnings.push(Warning {
                pointer: place.pointer(),
                message,
            });
        }
    }

    /// Says how many parts there will be.
    pub(super) fn expect_parts(&mut self, total: usize) -> Result<(), Problem> {
        self.total = total;
        self.report(Stage::Document)
    }

    /// Says that one part is done.
    pub(super) fn part_done(&mut self, stage: Stage) -> Result<(), Problem> {
        self.done += 1;
        self.total = self.total.max(self.done);
        self.report(stage)
    }

    /// Says that `parts` will not be needed.
    pub(super) fn parts_skipped(&mut self, parts: usize) {
        self.total = self.total.saturating_sub(parts).max(self.done);
    }

    fn report(&self, stage: Stage) -> Result<(), Problem> {
        let Some(progress) = &self.progress else {
            return Ok(());
        };
        match progress(Progress {
            stage,
            done: self.done,
            total: self.total,
        }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Problem::Cancelled),
        }
    }

    /// Reads the top-level array `key`, paying for one `T` an element before any is made.
    pub(super) fn list<'a, T>(
        &mut self,
        root: Cursor<'a>,
        key: &str,
        mut read: impl FnMut(&mut Self, Cursor<'a>, usize) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let Some(array) = root.get(key)? else {
            return Ok(Vec::new());
        };
        let (len, elements) = array.elements()?;
        if len == 0 {
            self.warn(array, || "empty arrays are to be left out".to_owned());
        }
        let mut values = self.budget.list::<T>(len, || array.pointer())?;
        for (index, element) in elements.enumerate() {
            values.push(read(self, element, index)?);
        }
        Ok(values)
    }

    /// Reads the array of numbers `key`.
    pub(super) fn floats(&mut self, object: Cursor<'_>, key: &str) -> Result<Vec<f32>, Problem> {
        self.list(object, key, |_, value, _| value.float())
    }

    /// Reads the array `key` of indices into a list of `len` things called `what`; each may stand once.
    pub(super) fn indices(
        &mut self,
        object: Cursor<'_>,
        key: &str,
        len: usize,
        what: &str,
    ) -> Result<Vec<usize>, Problem> {
        let indices = self.list(object, key, |_, value, _| value.index(len, what))?;
        // The set and the list that is given back.
        self.budget
            .values::<[usize; 4]>(indices.len(), || object.pointer())?;
        let mut seen = std::collections::BTreeSet::new();
        for (at, index) in indices.iter().enumerate() {
            if !seen.insert(*index) {
                let array = object.required(key)?;
                let place = array.elements()?.1.nth(at).unwrap_or(array);
                return Err(place.wrong_found("each index once", format!("{index} again")));
            }
        }
        Ok(indices)
    }

    /// The name of a thing, paid for.
    pub(super) fn name(&mut self, object: Cursor<'_>) -> Result<String, Problem> {
        let name = object.optional_text("name")?.unwrap_or_default();
        self.budget.values::<u8>(name.len(), || object.pointer())?;
        Ok(name.to_owned())
    }

    /// A factor that glTF keeps within a range; outside of it, it is moved to the nearest end and noted.
    pub(super) fn factor(
        &mut self,
        object: Cursor<'_>,
        key: &str,
        default: f32,
        range: std::ops::RangeInclusive<f32>,
    ) -> Result<f32, Problem> {
        let Some(place) = object.get(key)? else {
            return Ok(default);
        };
        let value = place.float()?;
        let clamped = value.clamp(*range.start(), *range.end());
        if clamped != value {
            self.warn(place, || {
                format!("{value} is out of range; {clamped} is used")
            });
        }
        Ok(clamped)
    }
}
