//! Running a schedule: inline, or spread over threads a segment at a time.
//!
//! Both ways give each system the same ticks, the same entity ids and the same view of the world, and apply what was deferred in
//! the same order; so do runs on any number of threads.

use core::any::Any;
use core::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::schedule::config::{Node, Outcome};
use crate::schedule::error::{BoxError, ScheduleError};
use crate::schedule::executor::{Executor, Task};
use crate::schedule::graph::{Links, Plan, Segment};
use crate::schedule::{Schedule, Slot};
use crate::system::cell::{Lease, Ledger, Page, Terms, stage};
use crate::world::World;

/// A segment that runs inline is timed as a whole once in this many runs.
const TIME_EVERY: u32 = 16;

/// What stopped a system.
enum Fault {
    Panicked(Box<dyn Any + Send>),
    Failed(BoxError),
}

impl Fault {
    fn into_error(self, system: &str) -> ScheduleError {
        match self {
            Self::Panicked(payload) => ScheduleError::panicked(system, payload),
            Self::Failed(error) => ScheduleError::Failed {
                system: system.to_owned(),
                error,
            },
        }
    }
}

impl Schedule {
    /// Runs every system once.
    ///
    /// # Errors
    /// See [`ScheduleError`]. Whatever it is, the world can be used, and the schedule run again.
    pub fn run(&mut self, world: &mut World) -> Result<(), ScheduleError> {
        self.build()?;
        if self.world.is_some_and(|serial| serial != world.serial) {
            return Err(ScheduleError::OtherWorld {
                schedule: self.name.clone(),
            });
        }
        if !self.ready {
            self.init(world);
        }
        let Some(mut plan) = self.plan.take() else {
            return Ok(());
        };
        let mut errors = Vec::new();
        for number in 0..plan.segments.len() {
            if !self.run_segment(&mut plan, number, world, &mut errors) {
                break;
            }
        }
        self.plan = Some(plan);
        ScheduleError::all(errors).map_or(Ok(()), Err)
    }

    #[cold]
    fn init(&mut self, world: &mut World) {
        self.world = Some(world.serial);
        for slot in &mut self.slots {
            if let (false, Some(node)) = (slot.initialised, &mut slot.node) {
                node.init(world);
                slot.initialised = true;
            }
        }
        self.ready = true;
    }

    /// Returns whether the run goes on: not after a panic.
    fn run_segment(
        &mut self,
        plan: &mut Plan,
        number: usize,
        world: &mut World,
        errors: &mut Vec<ScheduleError>,
    ) -> bool {
        world.flush();
        let threads = match &self.executor {
            Some(executor) if plan.segments[number].wide => executor.threads(),
            _ => 1,
        };
        let ran = if threads == 1 {
            self.run_inline::<false>(plan, number, world, errors)
        } else {
            self.run_adaptive(plan, number, world, errors)
        };
        self.sync(&plan.segments[number], world, errors) && ran
    }

    /// Runs a segment inline or spread, whichever its times so far recommend.
    fn run_adaptive(
        &mut self,
        plan: &mut Plan,
        number: usize,
        world: &mut World,
        errors: &mut Vec<ScheduleError>,
    ) -> bool {
        let segment = &mut plan.segments[number];
        let sampled = segment.runs.is_multiple_of(TIME_EVERY);
        segment.runs = segment.runs.wrapping_add(1);
        if segment.parallel || self.threshold.is_zero() {
            let ran = self.run_spread(plan, number, world, errors);
            let segment = &mut plan.segments[number];
            segment.parallel = !sampled || self.gains(segment);
            return ran;
        }
        if mem::take(&mut segment.measure) {
            let ran = self.run_inline::<true>(plan, number, world, errors);
            let segment = &mut plan.segments[number];
            segment.parallel = self.gains(segment);
            return ran;
        }
        // The clock is read twice a run at most, and seldom: a schedule of small systems must not pay for it.
        let start = sampled.then(Instant::now);
        let ran = self.run_inline::<false>(plan, number, world, errors);
        if let Some(start) = start {
            // Two systems above the threshold take at least this long.
            plan.segments[number].measure = start.elapsed() >= self.threshold * 2;
        }
        ran
    }

    /// Whether some system is worth a thread: it and those that can run beside it both take longer than the threshold.
    fn gains(&self, segment: &Segment) -> bool {
        let slots = &self.slots[segment.start..segment.end];
        let threshold = self.threshold.as_nanos() as u64;
        slots.iter().enumerate().any(|(one, slot)| {
            let beside = slots.iter().enumerate();
            let beside = beside.filter(|&(other, _)| segment.links.independent(one, other));
            u64::from(slot.cost) >= threshold
                && beside.map(|(_, other)| u64::from(other.cost)).sum::<u64>() >= threshold
        })
    }

    fn run_inline<const TIMED: bool>(
        &mut self,
        plan: &Plan,
        number: usize,
        world: &mut World,
        errors: &mut Vec<ScheduleError>,
    ) -> bool {
        let segment = &plan.segments[number];
        let (start, end) = (segment.start, segment.end);
        let first_tick = world.take_ticks((end - start) as u32);
        let takers = segment.takers.len() as u32;
        let mut taker = 0;
        // Systems that panicked or were skipped because of one that did.
        let mut broken: Vec<u32> = Vec::new();
        let mut place = start;
        let (slots, answers) = (&mut self.slots, &mut self.answers);
        while place < end {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                while place < end {
                    let (here, slot) = (place, &mut slots[place]);
                    // A panic below resumes with the next system.
                    place += 1;
                    let terms = Terms {
                        now: first_tick + (here - start) as u32,
                        since: slot.since(first_tick),
                        taker,
                        takers,
                    };
                    taker += u32::from(segment.takers.get(taker as usize) == Some(&here));
                    if !plan.conditions[here]
                        .iter()
                        .all(|&condition| answers[condition])
                    {
                        answers[here] = false;
                        continue;
                    }
                    if !broken.is_empty() && segment.links.is_behind(here - start, &broken) {
                        broken.push((here - start) as u32);
                        answers[here] = false;
                        continue;
                    }
                    let Some(node) = &mut slot.node else { continue };
                    let clock = TIMED.then(Instant::now);
                    let outcome = if segment.alone && node.is_exclusive() {
                        node.run_exclusive(world)
                    } else {
                        node.run(Lease::alone(world, slot.owner, terms))
                    };
                    slot.last_run = terms.now;
                    if let Some(clock) = clock {
                        slot.cost = average(slot.cost, clock);
                    }
                    match outcome {
                        Outcome::Done => {}
                        Outcome::Answer(answer) => answers[here] = answer,
                        Outcome::Failed(error) => {
                            errors.push(Fault::Failed(error).into_error(&slot.name));
                        }
                    }
                }
            }));
            if let Err(payload) = panicked {
                let slot = &mut slots[place - 1];
                errors.push(Fault::Panicked(payload).into_error(&slot.name));
                slot.discard();
                answers[place - 1] = false;
                broken.push((place - 1 - start) as u32);
            }
        }
        broken.is_empty()
    }

    /// Runs a segment on several threads.
    fn run_spread(
        &mut self,
        plan: &Plan,
        number: usize,
        world: &mut World,
        errors: &mut Vec<ScheduleError>,
    ) -> bool {
        let segment = &plan.segments[number];
        let Some(executor) = &self.executor else {
            return self.run_inline::<false>(plan, number, world, errors);
        };
        let slots = &mut self.slots[segment.start..segment.end];
        let first_tick = world.take_ticks(slots.len() as u32);
        let mut taker = 0;
        let terms = (segment.start..).zip(&*slots).map(|(place, slot)| {
            let terms = Terms {
                now: first_tick + (place - segment.start) as u32,
                since: slot.since(first_tick),
                taker,
                takers: segment.takers.len() as u32,
            };
            taker += u32::from(segment.takers.get(taker as usize) == Some(&place));
            terms
        });
        let waits: Vec<u32> = segment
            .links
            .predecessors
            .iter()
            .map(|predecessors| predecessors.len() as u32)
            .collect();
        let spread = Spread {
            job: Arc::new(Job {
                start: segment.start,
                links: segment.links.clone(),
                conditions: plan.conditions.clone(),
                terms: terms.collect(),
                executor: executor.clone(),
                threads: executor.threads(),
                threshold: self.threshold.as_nanos().min(u128::from(u32::MAX)) as u32,
            }),
            ready: (0..slots.len())
                .filter(|&system| waits[system] == 0)
                .collect(),
            left: slots.len(),
            waits,
            costs: slots.iter().map(|slot| slot.cost).collect(),
            nodes: slots.iter_mut().map(|slot| slot.node.take()).collect(),
            ran: vec![false; slots.len()],
            broken: vec![false; slots.len()],
            answers: mem::take(&mut self.answers),
            faults: Vec::new(),
            helpers: 0,
            caller_waits: false,
        };
        let mut done = stage(world, &plan.conflicts, spread, |ledger| {
            Spread::drive(ledger, true);
            // A helper that comes late finds nothing left.
            ledger.open().state.take()
        });
        self.answers = done.answers;
        for (system, slot) in slots.iter_mut().enumerate() {
            slot.node = done.nodes[system].take();
            slot.cost = done.costs[system];
            if done.ran[system] {
                slot.last_run = first_tick + system as u32;
            }
        }
        // In the order of the list, whatever the order in time.
        done.faults.sort_by_key(|&(system, _)| system);
        let mut whole = true;
        for (system, fault) in done.faults {
            if matches!(fault, Fault::Panicked(_)) {
                slots[system].discard();
                whole = false;
            }
            errors.push(fault.into_error(&slots[system].name));
        }
        whole
    }

    /// Applies what the systems of a segment deferred, in their order. Returns whether no command panicked.
    fn sync(
        &mut self,
        segment: &Segment,
        world: &mut World,
        errors: &mut Vec<ScheduleError>,
    ) -> bool {
        if segment.deferred.is_empty() {
            return true;
        }
        self.counts.clear();
        for &place in &segment.takers {
            let node = self.slots[place].node.as_ref();
            self.counts.push(node.map_or(0, |node| node.reserved()));
        }
        if self.counts.iter().any(|&count| count > 0) {
            world.claim_reserved(&self.counts);
        }
        let mut whole = true;
        for &place in &segment.deferred {
            let slot = &mut self.slots[place];
            let Some(node) = &mut slot.node else { continue };
            // A panic loses the one command; what is left is applied by the next attempt.
            while let Err(payload) = catch_unwind(AssertUnwindSafe(|| {
                node.apply(world, &mut self.failed);
            })) {
                errors.push(Fault::Panicked(payload).into_error(&slot.name));
                whole = false;
            }
            let failed = self.failed.drain(..);
            errors.extend(failed.map(|error| ScheduleError::command(&slot.name, error)));
        }
        whole
    }
}

impl Slot {
    /// The tick after which changes are new to it. One from before a rebase reads as "never".
    #[inline]
    fn since(&self, open: u32) -> u32 {
        if self.last_run < open {
            self.last_run
        } else {
            0
        }
    }

    fn discard(&mut self) {
        if let Some(node) = &mut self.node {
            // What is dropped here may panic as well; the system's own panic is the one to tell of.
            let _ = catch_unwind(AssertUnwindSafe(|| node.discard()));
        }
    }
}

impl Links {
    /// Whether a system waits for one of `broken`.
    fn is_behind(&self, system: usize, broken: &[u32]) -> bool {
        self.predecessors[system]
            .iter()
            .any(|earlier| broken.contains(earlier))
    }
}

/// A moving average over about four runs.
fn average(old: u32, start: Instant) -> u32 {
    let new = start.elapsed().as_nanos().min(u128::from(u32::MAX)) as u32;
    if old == 0 {
        new
    } else {
        old - old / 4 + new / 4
    }
}

/// What does not change while a segment runs.
struct Job {
    start: usize,
    links: Arc<Links>,
    conditions: Arc<[Vec<usize>]>,
    terms: Vec<Terms>,
    executor: Arc<dyn Executor>,
    threads: usize,
    /// In nanoseconds.
    threshold: u32,
}

/// A segment on several threads: what the ledger's lock guards. Systems are numbered from the segment's start.
struct Spread {
    job: Arc<Job>,
    /// Each system, unless it is running.
    nodes: Vec<Option<Box<dyn Node>>>,
    /// How many systems each still waits for.
    waits: Vec<u32>,
    /// Systems that may start, ascending.
    ready: Vec<usize>,
    /// Systems that are not over.
    left: usize,
    costs: Vec<u32>,
    ran: Vec<bool>,
    broken: Vec<bool>,
    /// By place in the schedule.
    answers: Vec<bool>,
    faults: Vec<(usize, Fault)>,
    /// Tasks spawned that have not ended.
    helpers: usize,
    caller_waits: bool,
}

impl Spread {
    /// Takes everything out, once all systems are over.
    fn take(&mut self) -> Self {
        Self {
            job: self.job.clone(),
            nodes: mem::take(&mut self.nodes),
            waits: Vec::new(),
            ready: Vec::new(),
            left: 0,
            costs: mem::take(&mut self.costs),
            ran: mem::take(&mut self.ran),
            broken: Vec::new(),
            answers: mem::take(&mut self.answers),
            faults: mem::take(&mut self.faults),
            helpers: 0,
            caller_waits: false,
        }
    }

    /// Runs systems until none is left (the caller) or none is ready (a helper).
    fn drive(ledger: &Arc<Ledger<Self>>, caller: bool) {
        let mut page = ledger.open();
        loop {
            let spread = &mut page.state;
            if spread.left == 0 {
                return;
            }
            let Some(system) = spread.pick(caller) else {
                if !caller {
                    spread.helpers -= 1;
                    return;
                }
                spread.caller_waits = true;
                page = ledger.wait(page);
                page.state.caller_waits = false;
                continue;
            };
            let job = spread.job.clone();
            if spread.wants_help(system) {
                spread.helpers += 1;
                drop(page);
                let helped = ledger.clone();
                let task = Task::new(move || Self::drive(&helped, false));
                // An executor that panics has not helped; the systems in hand must not be lost for it.
                let _ = catch_unwind(AssertUnwindSafe(|| job.executor.spawn(task)));
                page = ledger.open();
            }
            page = Self::run(ledger, page, system, &job);
        }
    }

    /// Takes a system to run next: the caller follows the list, helpers take the longest.
    fn pick(&mut self, caller: bool) -> Option<usize> {
        let ready = self.ready.iter().enumerate();
        let (index, _) = if caller {
            ready.min_by_key(|&(_, &system)| system)
        } else {
            ready.max_by_key(|&(_, &system)| self.costs[system])
        }?;
        Some(self.ready.remove(index))
    }

    /// Whether one more thread is worth waking when `system` starts.
    fn wants_help(&self, system: usize) -> bool {
        let heavy = |system: usize| self.costs[system] >= self.job.threshold;
        !self.ready.is_empty()
            && self.helpers < self.ready.len()
            && self.helpers + 1 < self.job.threads
            && (heavy(system) || self.ready.iter().any(|&other| heavy(other)))
    }

    /// Runs one system, or skips it.
    fn run<'l>(
        ledger: &'l Ledger<Self>,
        mut page: Page<'l, Self>,
        system: usize,
        job: &Job,
    ) -> Page<'l, Self> {
        let place = job.start + system;
        let spread = &mut page.state;
        let asked = job.conditions[place]
            .iter()
            .all(|&condition| spread.answers[condition]);
        let behind = job.links.predecessors[system]
            .iter()
            .any(|&earlier| spread.broken[earlier as usize]);
        let mut broken = asked && behind;
        let mut answer = false;
        if asked
            && !behind
            && let Some(mut node) = spread.nodes[system].take()
        {
            let run = |lease: Lease<'_>| {
                let clock = Instant::now();
                let given = catch_unwind(AssertUnwindSafe(|| node.run(lease)));
                (node, given, clock)
            };
            let (back, (node, given, clock)) = ledger.run(page, place, job.terms[system], run);
            page = back;
            let spread = &mut page.state;
            spread.costs[system] = average(spread.costs[system], clock);
            spread.nodes[system] = Some(node);
            spread.ran[system] = given.is_ok();
            match given {
                Ok(Outcome::Done) => {}
                Ok(Outcome::Answer(given)) => answer = given,
                Ok(Outcome::Failed(error)) => spread.faults.push((system, Fault::Failed(error))),
                Err(payload) => {
                    spread.faults.push((system, Fault::Panicked(payload)));
                    broken = true;
                }
            }
        }
        let spread = &mut page.state;
        spread.answers[place] = answer;
        spread.broken[system] = broken;
        spread.left -= 1;
        for &later in &job.links.successors[system] {
            let waits = &mut spread.waits[later as usize];
            *waits -= 1;
            if *waits == 0 {
                spread.ready.push(later as usize);
            }
        }
        if spread.caller_waits && (spread.left == 0 || !spread.ready.is_empty()) {
            ledger.notify();
        }
        page
    }
}
