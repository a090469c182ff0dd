//! Threads for schedules: what a schedule asks of them, and a small pool.

use core::fmt;
use std::collections::VecDeque;
use std::sync::PoisonError;

use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard};

/// A piece of work that an [`Executor`] runs on one of its threads.
///
/// Dropping it unrun is allowed: the thread that runs the schedule then does the work.
pub struct Task(Box<dyn FnOnce() + Send>);

impl Task {
    pub(crate) fn new(work: impl FnOnce() + Send + 'static) -> Self {
        Self(Box::new(work))
    }

    /// Does the work. It does not panic.
    pub fn run(self) {
        (self.0)();
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}

/// Threads that a schedule may use beside the one that runs it. Implement it to bring a pool of your own.
pub trait Executor: Send + Sync + 'static {
    /// How many threads there are, the one that runs the schedule included.
    fn threads(&self) -> usize;

    /// Has a task run soon, on another thread, without waiting for it.
    fn spawn(&self, task: Task);
}

/// A pool of kept threads that sleep until there is work. Dropping it ends them.
///
/// ```
/// use std::sync::Arc;
/// use storm_ecs::{Schedule, ThreadPool, World};
///
/// let pool = Arc::new(ThreadPool::new(2));
/// let mut schedule = Schedule::new("example");
/// schedule.set_executor(pool);
/// schedule.add_systems((|| (), || ()));
/// schedule.run(&mut World::new()).unwrap();
/// ```
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Default)]
struct Queue {
    tasks: VecDeque<Task>,
    closed: bool,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut queue = self.open();
        loop {
            if let Some(task) = queue.tasks.pop_front() {
                drop(queue);
                task.run();
                queue = self.open();
            } else if queue.closed {
                return;
            } else {
                queue = self
                    .filled
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl ThreadPool {
    /// A pool for `threads` threads, the one that runs the schedule included: it starts one less. Where threads cannot be
    /// started it has fewer; [`threads`](Executor::threads) says how many.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let start = |number: usize| {
            let shared = shared.clone();
            thread::Builder::new()
                .name(format!("storm-ecs {number}"))
                .spawn(move || shared.work())
                .ok()
        };
        let workers = (1..threads).map_while(start).collect();
        Self { shared, workers }
    }

    /// A pool with a thread for each processor.
    #[must_use]
    pub fn for_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}

impl Executor for ThreadPool {
    fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    fn spawn(&self, task: Task) {
        self.shared.open().tasks.push_back(task);
        self.shared.filled.notify_one();
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.open().closed = true;
        self.shared.filled.notify_all();
        let own = thread::current().id();
        for worker in self.workers.drain(..) {
            // The last owner may be a task, dropped on a worker: that one ends by itself.
            if worker.thread().id() != own {
                let _ = worker.join();
            }
        }
    }
}

/// The threads of rayon's global pool.
#[cfg(feature = "rayon")]
#[cfg_attr(docsrs, doc(cfg(feature = "rayon")))]
#[derive(Clone, Copy, Debug, Default)]
pub struct RayonExecutor;

#[cfg(feature = "rayon")]
impl Executor for RayonExecutor {
    fn threads(&self) -> usize {
        rayon::current_num_threads()
    }

    fn spawn(&self, task: Task) {
        rayon::spawn(move || task.run());
    }
}
