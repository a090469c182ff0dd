//! The form that all comparisons share: subjects interleaved, medians, one table, JSON and SVG.
#![forbid(unsafe_code)]

mod report;

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a subject is timed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// CPU time of the calling thread: for work that stays on it.
    ThreadCpu,
    /// Wall time: for work on several threads.
    Wall,
}

/// Times the measured part of a sample. Hand it the work alone; set-up stays outside.
#[derive(Debug)]
pub struct Timer {
    clock: Clock,
    spent: Duration,
}

impl Timer {
    fn now(&self) -> Duration {
        match self.clock {
            Clock::ThreadCpu => {
                let now = clock_gettime(ClockId::ThreadCPUTime);
                Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
            }
            Clock::Wall => {
                static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
                START.get_or_init(Instant::now).elapsed()
            }
        }
    }

    /// Runs and times `work`. May be called several times in a sample; the times add up.
    pub fn time<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let start = self.now();
        let result = std::hint::black_box(work());
        self.spent += self.now().saturating_sub(start);
        result
    }
}

type Run<'a> = Box<dyn FnMut(&mut Timer) + 'a>;

/// One row of the table: the same work done by several subjects.
pub struct Case<'a> {
    name: &'static str,
    clock: Clock,
    samples: usize,
    /// Times the work is repeated within a sample; the time is divided by it.
    repeat: u32,
    /// Bytes the work moves, for a rate in GB/s.
    bytes: Option<u64>,
    subjects: Vec<(&'static str, Run<'a>)>,
    targets: Vec<Target>,
    limits: Vec<(&'static str, f64)>,
}

/// `subject` ÷ `peer` (or the best of the others but `base`, if `None`) should be at most `ratio`.
struct Target {
    subject: &'static str,
    peer: Option<&'static str>,
    ratio: f64,
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<'a> Case<'a> {
    /// A case on thread CPU time, 15 samples, each running the work `repeat` times.
    #[must_use]
    pub fn new(name: &'static str, repeat: u32) -> Self {
        Self {
            name,
            clock: Clock::ThreadCpu,
            samples: 15,
            repeat,
            bytes: None,
            subjects: Vec::new(),
            targets: Vec::new(),
            limits: Vec::new(),
        }
    }

    /// Uses wall time.
    #[must_use]
    pub fn wall(mut self) -> Self {
        self.clock = Clock::Wall;
        self
    }

    /// Sets the number of samples.
    #[must_use]
    pub fn samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Says how many bytes one run moves.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// Adds a subject. Its closure is called once a sample and must do the work `repeat` times under the timer.
    pub fn subject(&mut self, name: &'static str, run: impl FnMut(&mut Timer) + 'a) {
        self.subjects.push((name, Box::new(run)));
    }

    /// Sets a target: `subject` ÷ `peer` at most `ratio`; without a peer, the best subject that is neither `base…` nor `storm…`.
    pub fn target(&mut self, subject: &'static str, peer: Option<&'static str>, ratio: f64) {
        self.targets.push(Target {
            subject,
            peer,
            ratio,
        });
    }
}

impl Case<'_> {
    /// Sets a target in itself: `subject` takes at most so many nanoseconds.
    pub fn at_most(&mut self, subject: &'static str, nanoseconds: f64) {
        self.limits.push((subject, nanoseconds));
    }
}

/// Cases in order.
pub struct Comparison {
    name: &'static str,
    quick: bool,
    filter: Vec<String>,
    rows: Vec<report::Row>,
}

impl std::fmt::Debug for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparison")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Comparison {
    /// Reads the command line: `--quick` takes fewer samples, other words select the cases whose names contain them.
    #[must_use]
    pub fn from_args(name: &'static str) -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let filter = arguments
            .into_iter()
            .filter(|argument| !argument.starts_with("--"))
            .collect();
        Self {
            name,
            quick,
            filter,
            rows: Vec::new(),
        }
    }

    /// Whether the case named `name` was asked for. Ask before building expensive worlds.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.filter.is_empty() || self.filter.iter().any(|part| name.contains(part.as_str()))
    }

    /// Whether a word of the command line names this case: for cases that nobody wants by accident.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        !self.filter.is_empty() && self.wants(name)
    }

    /// Whether fewer samples are to be taken.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// Adds a row of times measured elsewhere, by `clock`: (subject, nanoseconds). `ratio` is the target for `storm` over the
    /// best peer.
    pub fn times(
        &mut self,
        name: &'static str,
        clock: &'static str,
        values: &[(&'static str, f64)],
        ratio: Option<f64>,
    ) {
        let mut case = Case::new(name, 1);
        if let Some(ratio) = ratio {
            case.target("storm", None, ratio);
        }
        let row = report::Row::new(&case, clock, values);
        row.print();
        self.rows.push(row);
    }

    /// Measures a case, its subjects in turn, sample by sample.
    pub fn run(&mut self, mut case: Case<'_>) {
        let samples = if self.quick {
            case.samples.div_ceil(3).max(3)
        } else {
            case.samples
        };
        let mut times: Vec<Vec<f64>> = vec![Vec::with_capacity(samples); case.subjects.len()];
        // One run to warm up, unrecorded.
        for sample in 0..=samples {
            for (subject, times) in case.subjects.iter_mut().zip(&mut times) {
                let mut timer = Timer {
                    clock: case.clock,
                    spent: Duration::ZERO,
                };
                (subject.1)(&mut timer);
                if sample > 0 {
                    times.push(timer.spent.as_nanos() as f64 / f64::from(case.repeat));
                }
            }
        }
        let medians = times
            .into_iter()
            .zip(&case.subjects)
            .map(|(mut times, subject)| {
                times.sort_by(f64::total_cmp);
                (subject.0, times[times.len() / 2])
            });
        let medians: Vec<_> = medians.collect();
        let clock = match case.clock {
            Clock::Wall => "wall",
            Clock::ThreadCpu => "thread CPU",
        };
        let row = report::Row::new(&case, clock, &medians);
        row.print();
        self.rows.push(row);
    }

    /// Adds a row of numbers measured elsewhere, in `unit`: (subject, value). `limit` is the target for `storm`.
    pub fn figure(
        &mut self,
        name: &'static str,
        unit: &'static str,
        values: &[(&'static str, f64)],
        limit: Option<f64>,
    ) {
        let row = report::Row::figure(name, unit, values, limit);
        row.print();
        self.rows.push(row);
    }

    /// Says that a subject is left out, and why.
    #[allow(clippy::print_stdout, reason = "the table is what the program is for")]
    pub fn absent(&mut self, subject: &str, why: &str) {
        println!("absent: {subject}: {}", why.trim());
    }

    /// Writes `target/compare/NAME.json` and `NAME.svg`.
    ///
    /// # Errors
    /// If the files cannot be written.
    pub fn finish(self) -> std::io::Result<()> {
        report::write(self.name, &self.rows)
    }
}
