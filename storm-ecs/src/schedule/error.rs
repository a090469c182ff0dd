//! What can go wrong when a schedule is built or run.

use core::any::Any;
use core::fmt;

use crate::command::CommandError;

/// The error of a system, whatever its type.
pub type BoxError = Box<dyn core::error::Error + Send + Sync>;

/// Why a schedule did not run, or what went wrong while it ran.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Systems or sets are ordered in a circle. Nothing ran.
    Cycle {
        /// The circle, as "a → b → a": each comes before the next.
        path: String,
    },
    /// The schedule has run on another world before. Nothing ran.
    OtherWorld {
        /// Name of the schedule.
        schedule: String,
    },
    /// A system panicked, or one of its commands did. Systems ordered after it, or after what it conflicts with, were skipped.
    Panicked {
        /// Name of the system.
        system: String,
        /// What it panicked with, if that was text.
        message: String,
    },
    /// A system returned an error. All others ran.
    Failed {
        /// Name of the system.
        system: String,
        /// What it returned.
        error: BoxError,
    },
    /// A command could not be applied. All others were.
    Command {
        /// Name of the system that recorded it.
        system: String,
        /// What failed.
        error: CommandError,
    },
    /// Several of the above, in the schedule's order.
    Several(Vec<ScheduleError>),
}

impl ScheduleError {
    pub(crate) fn panicked(system: &str, payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => match payload.downcast::<&'static str>() {
                Ok(text) => (*text).to_owned(),
                Err(_) => "a panic without a message".to_owned(),
            },
        };
        Self::Panicked {
            system: system.to_owned(),
            message,
        }
    }

    pub(crate) fn command(system: &str, error: CommandError) -> Self {
        Self::Command {
            system: system.to_owned(),
            error,
        }
    }

    /// One error of all.
    pub(crate) fn all(mut errors: Vec<Self>) -> Option<Self> {
        if errors.len() > 1 {
            Some(Self::Several(errors))
        } else {
            errors.pop()
        }
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle { path } => write!(f, "systems are ordered in a circle: {path}"),
            Self::OtherWorld { schedule } => {
                write!(f, "schedule {schedule} has run on another world before")
            }
            Self::Panicked { system, message } => write!(f, "system {system} panicked: {message}"),
            Self::Failed { system, error } => write!(f, "system {system} failed: {error}"),
            Self::Command { system, error } => {
                write!(f, "a command of system {system} failed: {error}")
            }
            Self::Several(errors) => {
                write!(f, "{} errors", errors.len())?;
                errors.iter().try_for_each(|error| write!(f, "; {error}"))
            }
        }
    }
}

impl core::error::Error for ScheduleError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Failed { error, .. } => Some(&**error),
            Self::Command { error, .. } => Some(error),
            _ => None,
        }
    }
}
