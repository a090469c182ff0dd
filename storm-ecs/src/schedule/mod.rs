//! Schedules: systems in an order, run inline or on several threads with the same result.

mod conditions;
mod config;
mod error;
mod executor;
mod fixed;
mod graph;
#[cfg(all(test, loom))]
mod models;
mod run;

use core::fmt;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use crate::command::CommandError;
use crate::world::World;
use config::{Node, SetId, SetInfo};
use graph::{Plan, Vertex};

pub use conditions::{on_event, resource_changed, resource_exists, run_once};
pub use config::{IntoSet, IntoSystems, SetConfig, SystemOutput, SystemSet, Systems};
pub use error::{BoxError, ScheduleError};
#[cfg(feature = "rayon")]
pub use executor::RayonExecutor;
pub use executor::{Executor, Task, ThreadPool};
pub use fixed::FixedStep;
pub use graph::Ambiguity;

/// Systems in an order.
///
/// # Order
/// What is said with `before`, `after`, `chain` and sets holds. Among systems that may come next the one added first does, but those
/// that need fewer sync points before them come before those that need more. The order is fixed when the schedule is built:
/// [`systems`](Self::systems) lists it. Systems that touch the same things, at least one to write, always run in this order, one after the other; only
/// systems that cannot see each other run side by side. Results are the same at any number of threads.
///
/// # Sync points
/// Commands and sent events take effect at sync points, in the order of the systems that recorded them. There is one
/// - between a system that records commands and any system ordered after it, and between one that sends events and any reader
///   of them ordered after it,
/// - before and after each system that takes `&mut World` or `&World`,
/// - at the end of the run.
///
/// # Threads
/// A schedule runs on the calling thread. Given an [`Executor`], it measures now and then how long its systems take, and once a system
/// takes longer than the [threshold](Self::set_offload_threshold) while others could run beside it, spreads them over the threads. The calling thread always works too.
///
/// # Errors and panics
/// A system that returns an error, or a command that cannot be applied, stops nothing; [`run`](Self::run) returns the error at the end. After a
/// panic the systems ordered after it, or after it in the list and in conflict with it, are skipped, its commands are dropped, all
/// other systems up to the next sync point run, and the run ends there.
///
/// ```
/// use storm_ecs::{Component, IntoSystems, Query, Res, Resource, Schedule, World};
/// #[derive(Component, Debug, PartialEq)]
/// struct Position(f32);
/// #[derive(Component)]
/// struct Velocity(f32);
/// #[derive(Resource)]
/// struct Gravity(f32);
///
/// fn fall(gravity: Res<Gravity>, velocities: Query<&mut Velocity>) {
///     velocities.for_each(|velocity| velocity.0 += gravity.0);
/// }
/// fn advance(bodies: Query<(&mut Position, &Velocity)>) {
///     bodies.for_each(|(position, velocity)| position.0 += velocity.0);
/// }
///
/// let mut world = World::new();
/// world.insert_resource(Gravity(-10.0));
/// let ball = world.spawn((Position(0.0), Velocity(0.0)));
///
/// let mut schedule = Schedule::new("physics");
/// schedule.add_systems((fall, advance).chain());
/// schedule.run(&mut world)?;
/// assert_eq!(world.get(ball), Some(&Position(-10.0)));
/// # Ok::<(), storm_ecs::ScheduleError>(())
/// ```
pub struct Schedule {
    name: String,
    /// In the order added until built, then in the order of running.
    slots: Vec<Slot>,
    sets: HashMap<SetId, (SetInfo, Vec<usize>)>,
    /// (earlier, later), by [`Slot::number`].
    edges: Vec<(usize, usize)>,
    /// Conditions said of sets since the last build.
    new_conditions: Vec<(String, Box<dyn Node>)>,
    plan: Option<Plan>,
    /// The world it runs on, by serial number.
    world: Option<u64>,
    executor: Option<Arc<dyn Executor>>,
    threshold: Duration,
    /// By place: what the conditions answered in this run.
    answers: Vec<bool>,
    /// Whether every system was initialised.
    ready: bool,
    /// Kept for their memory: ids taken by each system of a segment, and commands that failed.
    counts: Vec<u32>,
    failed: Vec<CommandError>,
}

/// A system or condition in a schedule.
struct Slot {
    name: String,
    /// Away while the system runs on some thread.
    node: Option<Box<dyn Node>>,
    owner: u64,
    /// Its place in the order of adding.
    number: usize,
    is_condition: bool,
    sets: Vec<SetId>,
    before: Vec<SetId>,
    after: Vec<SetId>,
    /// Numbers of its own conditions.
    conditions: Vec<usize>,
    initialised: bool,
    last_run: u32,
    /// Moving average of its time, in nanoseconds.
    cost: u32,
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("name", &self.name)
            .field(
                "systems",
                &self.slots.iter().map(|slot| &slot.name).collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}

impl Schedule {
    /// An empty schedule.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            slots: Vec::new(),
            sets: HashMap::new(),
            edges: Vec::new(),
            new_conditions: Vec::new(),
            plan: None,
            world: None,
            executor: None,
            threshold: Duration::from_micros(10),
            answers: Vec::new(),
            ready: false,
            counts: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds systems. May be called after a run too: systems keep their state.
    ///
    /// # Panics
    /// If two parameters of one system conflict.
    pub fn add_systems<Marker>(&mut self, systems: impl IntoSystems<Marker>) -> &mut Self {
        self.unbuild();
        let systems = systems.into_systems();
        let first = self.slots.len();
        let first_condition = first + systems.systems.len();
        for config in systems.systems {
            let conditions = config
                .conditions
                .iter()
                .map(|number| first_condition + number);
            let mut slot = Slot::new(config.name, config.node, self.slots.len(), false);
            slot.conditions = conditions.collect();
            (slot.sets, slot.before, slot.after) = (config.sets, config.before, config.after);
            self.slots.push(slot);
        }
        for (name, node) in systems.conditions {
            self.slots
                .push(Slot::new(name, node, self.slots.len(), true));
        }
        let moved = |(earlier, later)| (first + earlier, first + later);
        self.edges.extend(systems.edges.into_iter().map(moved));
        self
    }

    /// Says things about a set: order, conditions, the set it belongs to.
    ///
    /// ```
    /// # use storm_ecs::{IntoSystems, Schedule, World};
    /// let mut schedule = Schedule::new("frame");
    /// fn never() {
    ///     panic!("runs");
    /// }
    /// schedule.add_systems(never.in_set("debug"));
    /// schedule.set("debug").after("physics").run_if(|| false);
    /// schedule.run(&mut World::new()).unwrap();
    /// ```
    pub fn set(&mut self, set: impl SystemSet) -> SetConfig<'_> {
        self.unbuild();
        let first = self.slots.len();
        let (info, numbers) = self.sets.entry(SetId::from_set(set)).or_default();
        SetConfig {
            info,
            numbers,
            first,
            conditions: &mut self.new_conditions,
        }
    }

    /// Orders sets: each before the next.
    pub fn chain_sets<S: SystemSet>(&mut self, sets: impl IntoIterator<Item = S>) -> &mut Self {
        self.unbuild();
        let mut earlier: Option<SetId> = None;
        for set in sets {
            let set = SetId::from_set(set);
            self.sets
                .entry(set.clone())
                .or_default()
                .0
                .after
                .extend(earlier.take());
            earlier = Some(set);
        }
        self
    }

    /// Gives it threads.
    pub fn set_executor(&mut self, executor: Arc<dyn Executor>) -> &mut Self {
        self.executor = Some(executor);
        self
    }

    /// Sets how long a system has to take before it is worth another thread. Zero: always use the threads. At first 10 µs.
    pub fn set_offload_threshold(&mut self, threshold: Duration) -> &mut Self {
        self.threshold = threshold;
        self
    }

    /// Works out the order, if anything was added since. [`run`](Self::run) does so by itself.
    ///
    /// # Errors
    /// [`ScheduleError::Cycle`].
    pub fn build(&mut self) -> Result<(), ScheduleError> {
        self.take_conditions();
        if self.plan.is_some() {
            return Ok(());
        }
        self.slots.sort_by_key(|slot| slot.number);
        let vertices = self.vertices();
        let is_condition: Vec<bool> = self.slots.iter().map(|slot| slot.is_condition).collect();
        let plan = Plan::new(&vertices, &self.edges, &self.sets, &is_condition)
            .map_err(|path| ScheduleError::Cycle { path })?;
        let mut slots: Vec<Option<Slot>> = core::mem::take(&mut self.slots)
            .into_iter()
            .map(Some)
            .collect();
        self.slots = plan
            .order
            .iter()
            .filter_map(|&number| slots[number].take())
            .collect();
        self.answers = vec![true; self.slots.len()];
        self.plan = Some(plan);
        self.ready = false;
        Ok(())
    }

    /// Names of the systems and conditions in the order in which they run.
    ///
    /// # Errors
    /// [`ScheduleError::Cycle`].
    pub fn systems(&mut self) -> Result<Vec<&str>, ScheduleError> {
        self.build()?;
        Ok(self.slots.iter().map(|slot| slot.name.as_str()).collect())
    }

    /// How many stretches between sync points a run has.
    ///
    /// # Errors
    /// [`ScheduleError::Cycle`].
    pub fn segments(&mut self) -> Result<usize, ScheduleError> {
        self.build()?;
        Ok(self.plan.as_ref().map_or(0, |plan| plan.segments.len()))
    }

    /// Pairs of systems that touch the same things, at least one to write, and are not ordered. They run in the order of the list; whether that is
    /// the right one only the author can know.
    ///
    /// # Errors
    /// [`ScheduleError::Cycle`].
    pub fn ambiguities(&mut self) -> Result<Vec<Ambiguity>, ScheduleError> {
        self.build()?;
        let Some(plan) = &self.plan else {
            return Ok(Vec::new());
        };
        // The plan speaks of systems by number; the slots lie in the order of running.
        let mut slots: Vec<&Slot> = self.slots.iter().collect();
        slots.sort_by_key(|slot| slot.number);
        let vertices: Vec<_> = slots.into_iter().filter_map(Slot::vertex).collect();
        Ok(plan.ambiguities(&vertices))
    }

    /// Sets that systems or sets are ordered against and that have no system: misspelt, perhaps.
    #[must_use]
    pub fn unknown_sets(&self) -> Vec<String> {
        let known = |set: &SetId| {
            self.slots.iter().any(|slot| slot.sets.contains(set))
                || self
                    .sets
                    .values()
                    .any(|(info, _)| info.inside.contains(set))
        };
        let mut unknown = Vec::new();
        let own = self
            .slots
            .iter()
            .flat_map(|slot| slot.before.iter().chain(&slot.after));
        let of_sets = self
            .sets
            .values()
            .flat_map(|(info, _)| info.before.iter().chain(&info.after));
        for set in own.chain(of_sets).chain(self.sets.keys()) {
            if !known(set) {
                unknown.push(set.name().to_owned());
            }
        }
        unknown.sort();
        unknown.dedup();
        unknown
    }

    /// This schedule as a system of another: it runs wherever its place there is.
    ///
    /// ```
    /// # use storm_ecs::{IntoSystems, Schedule, World};
    /// let mut inner = Schedule::new("inner");
    /// inner.add_systems(|| ());
    /// let mut outer = Schedule::new("outer");
    /// outer.add_systems(inner.into_system().named("inner"));
    /// outer.run(&mut World::new()).unwrap();
    /// ```
    pub fn into_system(mut self) -> impl FnMut(&mut World) -> Result<(), ScheduleError> + Send {
        move |world: &mut World| self.run(world)
    }

    fn unbuild(&mut self) {
        self.take_conditions();
        if self.plan.take().is_some() {
            self.slots.sort_by_key(|slot| slot.number);
        }
    }

    /// Gives the conditions that were said of sets their slots.
    fn take_conditions(&mut self) {
        for (name, node) in core::mem::take(&mut self.new_conditions) {
            self.slots
                .push(Slot::new(name, node, self.slots.len(), true));
        }
    }

    fn vertices(&self) -> Vec<Vertex<'_>> {
        self.slots.iter().filter_map(Slot::vertex).collect()
    }
}

impl Slot {
    fn new(name: String, node: Box<dyn Node>, number: usize, is_condition: bool) -> Self {
        Self {
            name,
            owner: node.access_set().owner(),
            node: Some(node),
            number,
            is_condition,
            sets: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            conditions: Vec::new(),
            initialised: false,
            last_run: 0,
            cost: 0,
        }
    }

    /// How the graph sees it. Every slot has its node between runs.
    fn vertex(&self) -> Option<Vertex<'_>> {
        let node = self.node.as_ref()?;
        Some(Vertex {
            name: &self.name,
            access: node.access_set(),
            exclusive: node.is_exclusive(),
            sets: &self.sets,
            before: &self.before,
            after: &self.after,
            conditions: &self.conditions,
        })
    }
}
