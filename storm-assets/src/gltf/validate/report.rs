//! What validation finds, as values, as text and in the JSON form of the Khronos validator's reports.

use std::{borrow::Cow, fmt};

use super::codes::{Code, Severity};
use crate::gltf::cursor::{Cursor, Starts};

/// One thing that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issue {
    /// The code that the Khronos validator gives it.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, one line.
    pub message: String,
    /// Where.
    pub place: Place,
}

/// Where an issue is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A JSON pointer (RFC 6901); `/` is the whole document, and empty is no place in it.
    Pointer(String),
    /// A byte of the GLB container.
    Offset(u64),
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
            Severity::Hint => "hint",
        };
        write!(f, "{severity} {}", self.code)?;
        match &self.place {
            Place::Pointer(pointer) if pointer.is_empty() => {}
            Place::Pointer(pointer) => write!(f, " {pointer}")?,
            Place::Offset(offset) => write!(f, " byte {offset}")?,
        }
        write!(f, ": {}", self.message)
    }
}

/// All that validation found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// `model/gltf+json` or `model/gltf-binary`.
    pub media_type: &'static str,
    /// In the order in which they were found.
    pub issues: Vec<Issue>,
    /// Whether there was more than [`ValidateOptions`](super::ValidateOptions) allow to look at or to keep.
    pub truncated: bool,
    /// The version of glTF that the file states, if it does.
    pub version: Option<String>,
    /// What wrote the file, if it says.
    pub generator: Option<String>,
    /// Extensions that the file uses.
    pub extensions_used: Vec<String>,
    /// Extensions that it requires.
    pub extensions_required: Vec<String>,
}

impl Report {
    /// How many issues are of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let of = |issue: &&Issue| issue.severity == severity;
        self.issues.iter().filter(of).count()
    }

    /// Whether there is no error.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// The report in the form of the Khronos validator, without what it counts of meshes and resources. `uri` is the name of the file.
    #[must_use]
    pub fn to_json(&self, uri: &str) -> String {
        let messages: Vec<_> = self
            .issues
            .iter()
            .map(|issue| {
                let severity = issue.severity as u8;
                let mut message = serde_json::json!({
                    "code": issue.code, "message": issue.message, "severity": severity,
                });
                match &issue.place {
                    Place::Pointer(pointer) => message["pointer"] = pointer.as_str().into(),
                    Place::Offset(offset) => message["offset"] = (*offset).into(),
                }
                message
            })
            .collect();
        let mut report = serde_json::json!({
            "uri": uri,
            "mimeType": self.media_type,
            "validatorVersion": concat!("storm-assets ", env!("CARGO_PKG_VERSION")),
            "issues": {
                "numErrors": self.count(Severity::Error),
                "numWarnings": self.count(Severity::Warning),
                "numInfos": self.count(Severity::Information),
                "numHints": self.count(Severity::Hint),
                "messages": messages,
                "truncated": self.truncated,
            },
        });
        if let Some(version) = &self.version {
            let mut info = serde_json::json!({ "version": version });
            if let Some(generator) = &self.generator {
                info["generator"] = generator.as_str().into();
            }
            for (key, list) in [
                ("extensionsUsed", &self.extensions_used),
                ("extensionsRequired", &self.extensions_required),
            ] {
                if !list.is_empty() {
                    info[key] = list.as_slice().into();
                }
            }
            report["info"] = info;
        }
        format!("{report:#}")
    }
}

/// One line an issue.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for issue in &self.issues {
            writeln!(f, "{issue}")?;
        }
        let counts = [
            Severity::Error,
            Severity::Warning,
            Severity::Information,
            Severity::Hint,
        ]
        .map(|severity| self.count(severity));
        let [errors, warnings, infos, hints] = counts;
        write!(
            f,
            "{errors} errors, {warnings} warnings, {infos} notes, {hints} hints"
        )?;
        if self.truncated {
            f.write_str(" (there may be more)")?;
        }
        Ok(())
    }
}

/// Collects issues, and counts the work, within bounds.
pub(super) struct Reporter {
    pub(super) issues: Vec<Issue>,
    pub(super) truncated: bool,
    issues_max: usize,
    work_left: u64,
    starts: Starts,
}

impl Reporter {
    pub(super) fn new(issues_max: usize, work: u64) -> Self {
        Self {
            issues: Vec::new(),
            truncated: false,
            issues_max,
            work_left: work,
            starts: Starts::default(),
        }
    }

    /// Pays for `steps` of work; `false` once there is too much of it.
    pub(super) fn work(&mut self, steps: usize) -> bool {
        match self.work_left.checked_sub(steps as u64) {
            Some(left) => {
                self.work_left = left;
                true
            }
            None => {
                self.truncated = true;
                false
            }
        }
    }

    fn push(
        &mut self,
        code: &'static Code,
        place: impl FnOnce(&mut Starts) -> Place,
        message: Cow<'static, str>,
    ) {
        // Places cost a walk: past the limit none is found.
        if self.issues.len() >= self.issues_max {
            self.truncated = true;
            return;
        }
        self.issues.push(Issue {
            code: code.name,
            severity: code.severity,
            message: message.into_owned(),
            place: place(&mut self.starts),
        });
    }

    /// Notes an issue of a value.
    pub(super) fn at(
        &mut self,
        place: Cursor<'_>,
        code: &'static Code,
        message: impl Into<Cow<'static, str>>,
    ) {
        let pointer = |starts: &mut Starts| {
            let pointer = place.pointer_by(starts);
            Place::Pointer(if pointer.is_empty() {
                "/".to_owned()
            } else {
                pointer
            })
        };
        self.push(code, pointer, message.into());
    }

    /// Notes an issue of a member that a value has or should have.
    pub(super) fn under(
        &mut self,
        place: Cursor<'_>,
        member: &str,
        code: &'static Code,
        message: impl Into<Cow<'static, str>>,
    ) {
        let pointer =
            |starts: &mut Starts| Place::Pointer(format!("{}/{member}", place.pointer_by(starts)));
        self.push(code, pointer, message.into());
    }

    /// Notes an issue of the file as a whole.
    pub(super) fn nowhere(&mut self, code: &'static Code, message: impl Into<Cow<'static, str>>) {
        self.push(code, |_| Place::Pointer(String::new()), message.into());
    }

    /// Notes an issue of the container.
    pub(super) fn offset(
        &mut self,
        offset: usize,
        code: &'static Code,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.push(code, |_| Place::Offset(offset as u64), message.into());
    }
}
