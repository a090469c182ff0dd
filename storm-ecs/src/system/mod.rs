//! Systems: functions whose parameters say what they touch, and schedules that run them.

mod function;
mod param;
mod schedule;

pub use function::{IntoSystem, System};
pub use param::{EventReader, EventWriter, Local, Res, ResMut, SystemParam};
pub use schedule::{FixedStep, Schedule, ScheduleError, SystemConfig, SystemPanic};

use std::collections::BTreeMap;

/// What a system touches: names of components and resources, and whether each is written.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct SystemAccess {
    touched: BTreeMap<&'static str, bool>,
    /// Touches everything.
    pub(crate) exclusive: bool,
    /// Reads change ticks.
    pub(crate) reads_changes: bool,
}

impl SystemAccess {
    /// Adds an access.
    ///
    /// # Panics
    /// If another parameter of the same system touches it and one of the two writes.
    pub(crate) fn add(&mut self, system: &str, name: &'static str, write: bool) {
        match self.touched.get_mut(name) {
            Some(written) if *written || write => {
                panic!(
                    "system {system} reaches {name} through two parameters, at least once to write it"
                )
            }
            _ => {
                self.touched.insert(name, write);
            }
        }
    }

    /// What both touch, at least one of them to write.
    pub(crate) fn conflicts<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = &'static str> + 'a {
        let shared = |(name, write): (&&'static str, &bool)| {
            let other = other.touched.get(name)?;
            (*write || *other).then_some(*name)
        };
        let everything = (self.exclusive || other.exclusive).then_some("everything");
        everything
            .into_iter()
            .chain(self.touched.iter().filter_map(shared))
    }
}
