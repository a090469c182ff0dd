//! A schedule: systems in order, run on the caller and, where it pays, beside it.
//!
//! Order: systems that conflict run in the order in which they were added, unless `before` or `after` say otherwise. Systems that do
//! not conflict may run at the same time, so results do not depend on threads.
//!
//! Invariant: systems that run at the same time are in one level, and no two systems of a level conflict.
#![expect(unsafe_code, reason = "runs systems on a shared world")]

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::SystemAccess;
use super::function::{IntoSystem, System};
use crate::world::World;

/// Systems and their order.
///
/// ```
/// use storm_ecs::{Component, Query, Res, Schedule, World};
///
/// #[derive(Component)] struct Position(f32);
/// #[derive(Component)] struct Velocity(f32);
/// struct Step(f32);
///
/// fn fall(mut moving: Query<&mut Velocity>, step: Res<Step>) {
///     moving.iter_mut().for_each(|velocity| velocity.0 -= 9.81 * step.0);
/// }
/// fn travel(mut moving: Query<(&mut Position, &Velocity)>, step: Res<Step>) {
///     moving.iter_mut().for_each(|(position, velocity)| position.0 += velocity.0 * step.0);
/// }
///
/// let mut world = World::new();
/// world.insert_resource(Step(0.1));
/// let ball = world.spawn((Position(100.0), Velocity(0.0)));
///
/// let mut schedule = Schedule::new();
/// schedule.add(fall);
/// schedule.add(travel);
/// for _ in 0..10 {
///     schedule.run(&mut world)?;
/// }
/// assert!(world.get::<Position>(ball).unwrap().0 < 96.0);
/// # Ok::<(), storm_ecs::ScheduleError>(())
/// ```
#[derive(Default)]
pub struct Schedule {
    systems: Vec<Node>,
    /// Where noted changes are made: before the system of this number.
    barriers: Vec<usize>,
    plan: Option<Plan>,
    parallel: bool,
    runs: u32,
}

struct Node {
    system: Box<dyn System>,
    config: SystemConfig,
    /// Nanoseconds a run, as last sampled.
    cost: u64,
}

type Condition = Box<dyn FnMut(&World) -> bool + Send>;

/// How a system is run; made by [`Schedule::add`].
#[derive(Default)]
pub struct SystemConfig {
    names: Vec<String>,
    after: Vec<String>,
    before: Vec<String>,
    conditions: Vec<Condition>,
}

impl SystemConfig {
    /// Puts the system into a set, by which others may be ordered. A set of one is a name.
    pub fn in_set(&mut self, set: impl Into<String>) -> &mut Self {
        self.names.push(set.into());
        self
    }

    /// Runs it after every system of a set.
    pub fn after(&mut self, set: impl Into<String>) -> &mut Self {
        self.after.push(set.into());
        self
    }

    /// Runs it before every system of a set.
    pub fn before(&mut self, set: impl Into<String>) -> &mut Self {
        self.before.push(set.into());
        self
    }

    /// Runs it only when `condition` holds, asked when its turn has come. Several conditions must all hold.
    pub fn run_if(&mut self, condition: impl FnMut(&World) -> bool + Send + 'static) -> &mut Self {
        self.conditions.push(Box::new(condition));
        self
    }
}

/// Why a schedule could not run, or stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// `before` and `after` contradict each other; the systems that wait for one another.
    Cycle(Vec<&'static str>),
    /// A system panicked.
    Panic(SystemPanic),
}

/// A system panicked. Those after it did not run, and changes noted in this stretch are forgotten; the world can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemPanic {
    /// The system.
    pub system: &'static str,
    /// What it said.
    pub message: String,
}

impl core::fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Cycle(systems) => write!(
                f,
                "these systems wait for one another: {}",
                systems.join(", ")
            ),
            Self::Panic(panic) => write!(f, "system {} panicked: {}", panic.system, panic.message),
        }
    }
}

impl core::error::Error for ScheduleError {}

/// What is run, in order.
struct Plan {
    /// The world that the systems were prepared for.
    world: u64,
    stretches: Vec<Stretch>,
}

/// Systems between two points where noted changes are made.
enum Stretch {
    Exclusive(usize),
    /// Levels of systems that do not conflict; in each, in order of addition.
    Shared(Vec<Vec<usize>>),
}

/// Costs are sampled once in this many runs.
const SAMPLE_EVERY: u32 = 64;
/// Nanoseconds from which a system is worth handing to another thread.
#[cfg(feature = "rayon")]
const HEAVY: u64 = 20_000;

impl core::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list()
            .entries(self.systems.iter().map(|node| node.system.name()))
            .finish()
    }
}

impl Schedule {
    /// An empty schedule that runs systems in parallel where that pays (with the feature `rayon`).
    #[must_use]
    pub fn new() -> Self {
        Self {
            parallel: true,
            ..Self::default()
        }
    }

    /// Whether systems may run on other threads. Results are the same either way.
    pub fn set_parallel(&mut self, parallel: bool) {
        self.parallel = parallel;
    }

    /// Adds a system. Its name is its function's path; see [`SystemConfig`] for order and conditions.
    pub fn add<M>(&mut self, system: impl IntoSystem<M>) -> &mut SystemConfig {
        self.plan = None;
        let at = self.systems.len();
        self.systems.push(Node {
            system: system.into_system(),
            config: SystemConfig::default(),
            cost: 0,
        });
        &mut self.systems[at].config
    }

    /// Makes the changes noted by the systems added so far before any system added later runs.
    pub fn apply_commands(&mut self) {
        self.plan = None;
        self.barriers.push(self.systems.len());
    }

    /// Pairs of systems that conflict and are ordered by nothing but when they were added, with what they share.
    ///
    /// # Errors
    /// If the order is contradictory.
    pub fn ambiguities(
        &mut self,
        world: &mut World,
    ) -> Result<Vec<(&'static str, &'static str, &'static str)>, ScheduleError> {
        self.prepare(world)?;
        let ordered = self.explicit_order();
        let mut found = Vec::new();
        for first in 0..self.systems.len() {
            for second in first + 1..self.systems.len() {
                if self.stretch_of(first) != self.stretch_of(second)
                    || reaches(&ordered, first, second)
                    || reaches(&ordered, second, first)
                {
                    continue;
                }
                let (a, b) = (&self.systems[first].system, &self.systems[second].system);
                found.extend(
                    a.access()
                        .conflicts(b.access())
                        .map(|shared| (a.name(), b.name(), shared)),
                );
            }
        }
        Ok(found)
    }

    fn stretch_of(&self, system: usize) -> usize {
        self.barriers
            .iter()
            .filter(|&&barrier| barrier <= system)
            .count()
    }

    /// For each system: those that must come before it, by `before`, `after` and barriers.
    fn explicit_order(&self) -> Vec<Vec<usize>> {
        let in_set = |node: &Node, set: &String| {
            node.config.names.contains(set) || node.system.name() == set
        };
        let mut order = vec![Vec::new(); self.systems.len()];
        for (at, node) in self.systems.iter().enumerate() {
            for (other, candidate) in self.systems.iter().enumerate() {
                if other == at {
                    continue;
                }
                if node.config.after.iter().any(|set| in_set(candidate, set))
                    || self.stretch_of(other) < self.stretch_of(at)
                {
                    order[at].push(other);
                }
                if node.config.before.iter().any(|set| in_set(candidate, set)) {
                    order[other].push(at);
                }
            }
        }
        order
    }

    /// Prepares systems and order for a world.
    fn prepare(&mut self, world: &mut World) -> Result<(), ScheduleError> {
        if self
            .plan
            .as_ref()
            .is_some_and(|plan| plan.world == world.serial)
        {
            return Ok(());
        }
        for node in &mut self.systems {
            node.system.init(world);
        }
        let before = self.explicit_order();
        // The first system, in order of addition, that waits for nothing; again and again.
        let mut order = Vec::with_capacity(self.systems.len());
        let mut placed = vec![false; self.systems.len()];
        while order.len() < self.systems.len() {
            let ready = |&at: &usize| !placed[at] && before[at].iter().all(|&other| placed[other]);
            let Some(next) = (0..self.systems.len()).find(ready) else {
                let waiting = (0..self.systems.len()).filter(|&at| !placed[at]);
                return Err(ScheduleError::Cycle(
                    waiting.map(|at| self.systems[at].system.name()).collect(),
                ));
            };
            placed[next] = true;
            order.push(next);
        }
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut stretch = usize::MAX;
        let mut levels: Vec<Vec<usize>> = Vec::new();
        let mut level_of: Vec<(usize, usize)> = Vec::new();
        for &at in &order {
            let exclusive = self.systems[at].system.access().exclusive;
            if exclusive || self.stretch_of(at) != stretch {
                if !levels.is_empty() {
                    stretches.push(Stretch::Shared(core::mem::take(&mut levels)));
                }
                level_of.clear();
                stretch = self.stretch_of(at);
            }
            if exclusive {
                stretches.push(Stretch::Exclusive(at));
                stretch = usize::MAX;
                continue;
            }
            let access: &SystemAccess = self.systems[at].system.access();
            let waits = |&&(other, _): &&(usize, usize)| {
                before[at].contains(&other)
                    || access
                        .conflicts(self.systems[other].system.access())
                        .next()
                        .is_some()
            };
            let level = level_of
                .iter()
                .filter(waits)
                .map(|&(_, level)| level + 1)
                .max()
                .unwrap_or(0);
            if level == levels.len() {
                levels.push(Vec::new());
            }
            levels[level].push(at);
            level_of.push((at, level));
        }
        if !levels.is_empty() {
            stretches.push(Stretch::Shared(levels));
        }
        self.plan = Some(Plan {
            world: world.serial,
            stretches,
        });
        Ok(())
    }

    /// Runs every system once, and makes the changes they noted.
    ///
    /// # Errors
    /// If the order is contradictory, or a system panics.
    ///
    /// # Panics
    /// If two parameters of one system conflict (on the first run in a world). Panics of noted changes pass through.
    pub fn run(&mut self, world: &mut World) -> Result<(), ScheduleError> {
        self.prepare(world)?;
        world.begin();
        let Some(plan) = self.plan.take() else {
            return Ok(());
        };
        self.runs = self.runs.wrapping_add(1);
        let sample = self.runs % SAMPLE_EVERY == 1;
        let mut result = Ok(());
        for stretch in &plan.stretches {
            result = match stretch {
                Stretch::Exclusive(at) => self.run_exclusive(*at, world),
                Stretch::Shared(levels) => self.run_shared(levels, world, sample),
            };
            if result.is_err() {
                self.systems
                    .iter_mut()
                    .for_each(|node| node.system.discard());
                break;
            }
        }
        self.plan = Some(plan);
        result
    }

    fn run_exclusive(&mut self, at: usize, world: &mut World) -> Result<(), ScheduleError> {
        let node = &mut self.systems[at];
        if !node
            .config
            .conditions
            .iter_mut()
            .all(|condition| condition(world))
        {
            return Ok(());
        }
        catch_unwind(AssertUnwindSafe(|| node.system.run_exclusive(world)))
            .map_err(|payload| panicked(node.system.name(), &*payload))
    }

    fn run_shared(
        &mut self,
        levels: &[Vec<usize>],
        world: &mut World,
        sample: bool,
    ) -> Result<(), ScheduleError> {
        for level in levels {
            #[cfg(feature = "rayon")]
            if self.parallel
                && level
                    .iter()
                    .filter(|&&at| self.systems[at].cost > HEAVY)
                    .count()
                    > 1
            {
                self.run_beside(level, world)?;
                continue;
            }
            self.run_here(level, world, sample)?;
        }
        for &at in levels.iter().flatten() {
            self.systems[at].system.apply(world);
        }
        world.flush();
        Ok(())
    }

    /// Runs the systems of a level one after the other.
    fn run_here(
        &mut self,
        level: &[usize],
        world: &World,
        sample: bool,
    ) -> Result<(), ScheduleError> {
        let mut current = 0;
        let systems = &mut self.systems;
        catch_unwind(AssertUnwindSafe(|| {
            let mut start = sample.then(Instant::now);
            for &at in level {
                current = at;
                let node = &mut systems[at];
                if !node
                    .config
                    .conditions
                    .iter_mut()
                    .all(|condition| condition(world))
                {
                    continue;
                }
                // SAFETY: the system was prepared for this world (`prepare`), `run` holds it exclusively, and nothing else runs.
                unsafe { node.system.run(world) };
                if let Some(before) = start {
                    let now = Instant::now();
                    node.cost = node.cost.midpoint((now - before).as_nanos() as u64);
                    start = Some(now);
                }
            }
        }))
        .map_err(|payload| panicked(systems[current].system.name(), &*payload))
    }

    /// Runs the heavy systems of a level on the pool, the others here.
    #[cfg(feature = "rayon")]
    fn run_beside(&mut self, level: &[usize], world: &World) -> Result<(), ScheduleError> {
        let mut chosen: Vec<(usize, &mut Node)> = Vec::with_capacity(level.len());
        for (at, node) in self.systems.iter_mut().enumerate() {
            if level.contains(&at)
                && node
                    .config
                    .conditions
                    .iter_mut()
                    .all(|condition| condition(world))
            {
                chosen.push((at, node));
            }
        }
        let failure = std::sync::Mutex::new(None::<(usize, ScheduleError)>);
        let run = |at: usize, node: &mut Node| {
            let start = Instant::now();
            // SAFETY: the system was prepared for this world (`prepare`), `run` holds it exclusively, and what runs at the same time does not
            // conflict (the module's invariant).
            let result = catch_unwind(AssertUnwindSafe(|| unsafe { node.system.run(world) }));
            node.cost = node.cost.midpoint(start.elapsed().as_nanos() as u64);
            if let Err(payload) = result {
                let mut failure = failure
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                // The first in order is the one reported, whichever thread was faster.
                if failure.as_ref().is_none_or(|(first, _)| at < *first) {
                    *failure = Some((at, panicked(node.system.name(), &*payload)));
                }
            }
        };
        rayon::scope(|scope| {
            let mut here = Vec::new();
            for (at, node) in chosen {
                if node.cost > HEAVY {
                    let run = &run;
                    scope.spawn(move |_| run(at, node));
                } else {
                    here.push((at, node));
                }
            }
            here.into_iter().for_each(|(at, node)| run(at, node));
        });
        match failure
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
        {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}

/// Whether `to` comes before `from` by explicit order.
fn reaches(before: &[Vec<usize>], from: usize, to: usize) -> bool {
    let (mut seen, mut stack) = (vec![false; before.len()], vec![from]);
    while let Some(at) = stack.pop() {
        if at == to {
            return true;
        }
        if !core::mem::replace(&mut seen[at], true) {
            stack.extend(&before[at]);
        }
    }
    false
}

fn panicked(system: &'static str, payload: &(dyn core::any::Any + Send)) -> ScheduleError {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    let message = text.or_else(|| payload.downcast_ref::<String>().cloned());
    ScheduleError::Panic(SystemPanic {
        system,
        message: message.unwrap_or_else(|| "(no message)".to_owned()),
    })
}

/// Turns uneven frame times into steps of one length.
///
/// ```
/// use core::time::Duration;
/// use storm_ecs::FixedStep;
/// let mut clock = FixedStep::new(Duration::from_millis(10), 5);
/// assert_eq!(clock.steps(Duration::from_millis(25)), 2);
/// assert_eq!(clock.steps(Duration::from_millis(5)), 1);
/// assert_eq!(clock.steps(Duration::from_secs(9)), 5, "a long pause is not made up for");
/// ```
#[derive(Clone, Debug)]
pub struct FixedStep {
    step: Duration,
    left: Duration,
    limit: u32,
}

impl FixedStep {
    /// Steps of length `step`, at most `limit` at once.
    ///
    /// # Panics
    /// If `step` is zero.
    #[must_use]
    pub fn new(step: Duration, limit: u32) -> Self {
        assert!(!step.is_zero(), "a step takes time");
        Self {
            step,
            left: Duration::ZERO,
            limit,
        }
    }

    /// How many steps to run now that `elapsed` has passed. Time beyond the limit is dropped.
    pub fn steps(&mut self, elapsed: Duration) -> u32 {
        self.left = self.left.saturating_add(elapsed);
        let due = self.left.as_nanos() / self.step.as_nanos();
        if due > u128::from(self.limit) {
            self.left = Duration::ZERO;
            return self.limit;
        }
        let due = due as u32;
        self.left -= self.step * due;
        due
    }

    /// How far the present is between two steps, 0 to 1: for interpolation.
    #[must_use]
    pub fn fraction(&self) -> f32 {
        self.left.as_secs_f32() / self.step.as_secs_f32()
    }
}
