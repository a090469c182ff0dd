//! Running a schedule in steps of a fixed length, whatever the length of a frame.

use core::time::Duration;

use crate::schedule::{Schedule, ScheduleError};
use crate::world::World;

/// Turns frames of any length into steps of a fixed one. It has no clock: the caller says how much time has passed.
///
/// ```
/// use core::time::Duration;
/// use storm_ecs::{FixedStep, ResMut, Resource, Schedule, World};
/// #[derive(Resource, Default)]
/// struct Steps(u32);
///
/// let mut world = World::new();
/// world.init_resource::<Steps>();
/// let mut physics = Schedule::new("physics");
/// physics.add_systems(|mut steps: ResMut<Steps>| steps.0 += 1);
///
/// let mut fixed = FixedStep::new(Duration::from_millis(10));
/// fixed.run(Duration::from_millis(25), &mut physics, &mut world).unwrap();
/// assert_eq!(world.resource::<Steps>().unwrap().0, 2);
/// assert_eq!(fixed.fraction(), 0.5);
/// ```
#[derive(Clone, Debug)]
pub struct FixedStep {
    step: Duration,
    most: u32,
    left: Duration,
    dropped: Duration,
}

impl FixedStep {
    /// Steps of `step`, at most 8 a frame.
    ///
    /// # Panics
    /// If `step` is zero.
    #[must_use]
    pub fn new(step: Duration) -> Self {
        assert!(!step.is_zero(), "a fixed step cannot be zero");
        Self {
            step,
            most: 8,
            left: Duration::ZERO,
            dropped: Duration::ZERO,
        }
    }

    /// Sets how many steps a frame may have. Time beyond that is dropped, so that a slow machine falls behind instead of falling over.
    #[must_use]
    pub fn at_most(mut self, steps: u32) -> Self {
        self.most = steps;
        self
    }

    /// The length of a step.
    #[must_use]
    pub fn step(&self) -> Duration {
        self.step
    }

    /// Adds the time that has passed; returns how many steps are due now.
    pub fn advance(&mut self, passed: Duration) -> u32 {
        self.left = self.left.saturating_add(passed);
        let limit = self.step.saturating_mul(self.most);
        // The part of a step that was left over stays; whole steps beyond the limit go.
        if self.left >= limit.saturating_add(self.step) {
            let part = remainder(self.left, self.step);
            self.dropped = self.dropped.saturating_add(self.left - limit - part);
            self.left = limit + part;
        }
        let due = (self.left.as_nanos() / self.step.as_nanos()) as u32;
        self.left = remainder(self.left, self.step);
        due
    }

    /// How far into the next step the present is, 0 to 1: for interpolation.
    #[must_use]
    pub fn fraction(&self) -> f32 {
        (self.left.as_secs_f64() / self.step.as_secs_f64()) as f32
    }

    /// All the time that was dropped because frames were too long.
    #[must_use]
    pub fn dropped(&self) -> Duration {
        self.dropped
    }

    /// Adds the time that has passed and runs `schedule` once for each step due; returns how many ran.
    ///
    /// # Errors
    /// The first error; the steps after it do not run, and their time is dropped.
    pub fn run(
        &mut self,
        passed: Duration,
        schedule: &mut Schedule,
        world: &mut World,
    ) -> Result<u32, ScheduleError> {
        let due = self.advance(passed);
        for done in 0..due {
            if let Err(error) = schedule.run(world) {
                self.dropped = self
                    .dropped
                    .saturating_add(self.step.saturating_mul(due - done - 1));
                return Err(error);
            }
        }
        Ok(due)
    }
}

fn remainder(time: Duration, step: Duration) -> Duration {
    let rest = time.as_nanos() % step.as_nanos();
    Duration::new((rest / 1_000_000_000) as u64, (rest % 1_000_000_000) as u32)
}
