//! glTF files, read on threads of its own.
//!
//! A [`Loader`] takes paths and gives [`LoadEvent`]s. The caller's thread only ever puts a request into a list or takes a result out of one: files are
//! read, checked, decoded and dropped elsewhere. A file comes in two steps: first all of it but its pictures, so that there is something to see,
//! then each picture by itself. Values are plain: who draws them does not know that they came late.
//!
//! What loads hold together, from the first byte read to the result taken, is within [`LoaderOptions::budget_bytes`]. `docs/assets.md` says how, and what
//! is not counted.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

mod purse;
mod watch;
mod work;

pub(crate) use self::purse::Charge;
use self::{
    purse::{Held, Purse},
    watch::Stamp,
    work::Job,
};
use crate::{
    Handle, Image,
    gltf::{Gltf, GltfError, LoadOptions},
};

/// How a [`Loader`] works. The defaults suit a program with a window.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoaderOptions {
    /// Threads that read and decode; 1 at least. By default one fewer than there are cores. One more decodes only, and drops.
    pub threads: usize,
    /// Bytes that loads may hold together: files as read, values, pixels, until the results are taken. A file that needs more by itself fails.
    /// By default 1 GiB.
    pub budget_bytes: u64,
    /// How each file is read. A progress callback is called on the threads of the loader.
    pub load: LoadOptions,
    /// How often files that were read are looked at; those that changed are read again. `None`, the default, looks at none.
    pub watch: Option<Duration>,
    /// Called, on a thread of the loader, when a result can be taken: for a program that sleeps until something happens.
    pub wake: Option<Wake>,
}

/// See [`LoaderOptions::wake`].
#[derive(Clone)]
pub struct Wake(Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wake")
    }
}

impl Default for LoaderOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self {
            threads: cores.saturating_sub(1).max(1),
            budget_bytes: 1 << 30,
            load: LoadOptions::default(),
            watch: None,
            wake: None,
        }
    }
}

impl LoaderOptions {
    /// The same options with so many threads; 0 counts as 1.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// The same options with another budget.
    #[must_use]
    pub fn with_budget_bytes(mut self, bytes: u64) -> Self {
        self.budget_bytes = bytes;
        self
    }

    /// The same options with other options for each file.
    #[must_use]
    pub fn with_load(mut self, load: LoadOptions) -> Self {
        self.load = load;
        self
    }

    /// The same options, with something to call when a result can be taken.
    #[must_use]
    pub fn with_wake(mut self, wake: impl Fn() + Send + Sync + 'static) -> Self {
        self.wake = Some(Wake(Arc::new(wake)));
        self
    }

    /// The same options, looking at files as often as this.
    #[must_use]
    pub fn with_watch(mut self, interval: Duration) -> Self {
        self.watch = Some(interval);
        self
    }
}

/// A request to load a file. Tickets of one loader are never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// What became of a request.
///
/// In this order: once [`Loaded`](Self::Loaded), then each picture once, then [`Finished`](Self::Finished); or once
/// [`Failed`](Self::Failed). A file that is read again because it changed goes through this again.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadEvent {
    /// The file is here. Its materials name all their pictures; those that are still to come are not in the library yet.
    Loaded {
        /// Whose.
        ticket: Ticket,
        /// The file.
        file: Box<Gltf>,
        /// 0, and one more each time that it was read again.
        revision: u32,
        /// Pictures still to come.
        pictures: usize,
    },
    /// A picture of a loaded file is here, to be put into its library.
    Picture {
        /// Whose.
        ticket: Ticket,
        /// The name under which materials know it.
        handle: Handle<Image>,
        /// Its pixels.
        image: Image,
    },
    /// A picture of a loaded file cannot be decoded; all else stands.
    PictureFailed {
        /// Whose.
        ticket: Ticket,
        /// The name under which materials know it.
        handle: Handle<Image>,
        /// Why.
        error: GltfError,
    },
    /// Nothing more will come of this request, unless its files are watched and change.
    Finished {
        /// Whose.
        ticket: Ticket,
    },
    /// The file cannot be read. If it is watched it is read again when it changes.
    Failed {
        /// Whose.
        ticket: Ticket,
        /// Why.
        error: GltfError,
    },
}

impl LoadEvent {
    /// Whose event it is.
    #[must_use]
    pub const fn ticket(&self) -> Ticket {
        match self {
            Self::Loaded { ticket, .. }
            | Self::Picture { ticket, .. }
            | Self::PictureFailed { ticket, .. }
            | Self::Finished { ticket }
            | Self::Failed { ticket, .. } => *ticket,
        }
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadProgress {
    /// It waits for a thread.
    Waiting,
    /// It is being read.
    Reading {
        /// Parts done: buffers, pictures found and primitives.
        done: usize,
        /// Parts in all.
        total: usize,
    },
    /// It is here, and so many of its pictures are not.
    Pictures {
        /// Pictures to be decoded.
        left: usize,
    },
    /// All of it is done or it failed: the last event waits to be taken, or its files are watched.
    Done,
}

/// Reads glTF files on threads of its own. Dropping it stops them after what they are doing.
///
/// ```
/// use std::time::Duration;
/// use storm_assets::loader::{LoadEvent, Loader, LoaderOptions};
///
/// let folder = std::env::temp_dir().join(format!("storm-loader-{}", std::process::id()));
/// std::fs::create_dir_all(&folder)?;
/// std::fs::write(folder.join("point.gltf"), r#"{ "asset": { "version": "2.0" }, "nodes": [{ "name": "here" }] }"#)?;
///
/// let loader = Loader::new(LoaderOptions::default())?;
/// let ticket = loader.load(folder.join("point.gltf"), 0);
/// // A program with a window asks once a frame, with `try_next`; this one has nothing else to do.
/// while let Some(event) = loader.next(Duration::from_secs(10)) {
///     match event {
///         LoadEvent::Loaded { file, .. } => assert_eq!(file.nodes[0].name, "here"),
///         LoadEvent::Finished { ticket: done } => { assert_eq!(done, ticket); break }
///         other => panic!("{other:?}"),
///     }
/// }
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Loader {
    shared: Arc<Shared>,
    events: crossbeam_channel::Receiver<Delivery>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("threads", &self.threads.len())
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}

/// An event and the bytes that it holds.
struct Delivery {
    event: LoadEvent,
    held: Option<Held>,
    /// Of the request, when it was sent.
    cancelled: Arc<AtomicBool>,
}

/// What all threads know.
struct Shared {
    options: LoaderOptions,
    purse: Arc<Purse>,
    queue: Mutex<Queue>,
    /// There is something to do, or nothing more ever.
    work: Condvar,
    /// The loader is dropped. Apart from `work`, whose notices are meant for one thread that works.
    end: Condvar,
    /// Kept here so that a thread that holds `Shared` can send.
    events: crossbeam_channel::Sender<Delivery>,
}

#[derive(Default)]
struct Queue {
    /// By importance: see [`Job::place`].
    jobs: BTreeMap<work::Place, Job>,
    loads: HashMap<u64, Load>,
    next_ticket: u64,
    next_job: u64,
    /// Threads that read a file.
    reading: usize,
    closed: bool,
}

/// A request that is not over.
struct Load {
    path: PathBuf,
    priority: i32,
    /// Where it waits in `jobs`.
    place: Option<work::Place>,
    cancelled: Arc<AtomicBool>,
    counts: Arc<Counts>,
    state: State,
    revision: u32,
    /// What it was read from.
    files: Vec<(PathBuf, Stamp)>,
    /// What the files looked like when they were found changed: they are read once they look the same twice.
    changed: Option<Vec<Stamp>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Reading,
    Pictures(usize),
    Idle,
}

#[derive(Debug, Default)]
struct Counts {
    done: AtomicUsize,
    total: AtomicUsize,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No panic happens while it is held; the lists in it are whole in any case.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loader {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(options: LoaderOptions) -> io::Result<Self> {
        let (sender, events) = crossbeam_channel::unbounded();
        let shared = Arc::new(Shared {
            purse: Purse::new(options.budget_bytes),
            queue: Mutex::default(),
            work: Condvar::new(),
            end: Condvar::new(),
            events: sender,
            options,
        });
        let mut loader = Self {
            events,
            threads: Vec::new(),
            shared,
        };
        for index in 0..=loader.shared.options.threads.max(1) {
            let shared = Arc::clone(&loader.shared);
            let thread = std::thread::Builder::new().name(format!("storm-load-{index}"));
            // On an error the loader is dropped, which ends the threads that there are.
            loader
                .threads
                .push(thread.spawn(move || work::run(&shared))?);
        }
        if let Some(interval) = loader.shared.options.watch {
            let shared = Arc::clone(&loader.shared);
            let thread = std::thread::Builder::new().name("storm-watch".to_owned());
            loader
                .threads
                .push(thread.spawn(move || watch::run(&shared, interval))?);
        }
        Ok(loader)
    }

    /// Asks for a file. Among those that wait, higher priorities come first, then older requests; pictures before files of the same priority.
    pub fn load(&self, path: impl Into<PathBuf>, priority: i32) -> Ticket {
        let mut queue = self.shared.queue();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        let load = Load {
            path: path.into(),
            priority,
            place: None,
            cancelled: Arc::default(),
            counts: Arc::default(),
            state: State::Waiting,
            revision: 0,
            files: Vec::new(),
            changed: None,
        };
        queue.loads.insert(ticket, load);
        queue.push_file(ticket);
        drop(queue);
        self.shared.work.notify_one();
        Ticket(ticket)
    }

    /// Gives a request another priority, its pictures too as far as they wait. Nothing happens where it is over.
    pub fn set_priority(&self, ticket: Ticket, priority: i32) {
        self.shared.queue().set_priority(ticket.0, priority);
    }

    /// Ends a request: no event of it comes after this. What a thread is doing for it goes on to its next part.
    pub fn cancel(&self, ticket: Ticket) {
        let mut queue = self.shared.queue();
        if let Some(load) = queue.loads.remove(&ticket.0) {
            load.cancelled.store(true, Ordering::Relaxed);
            if let Some(job) = load.place.and_then(|place| queue.jobs.remove(&place)) {
                // It holds no more than a number.
                drop(job);
            }
            drop(queue);
            self.shared.purse.wake();
        }
    }

    /// How far a request is; `None` where it is over and its last event was taken.
    #[must_use]
    pub fn progress(&self, ticket: Ticket) -> Option<LoadProgress> {
        let queue = self.shared.queue();
        let load = queue.loads.get(&ticket.0)?;
        Some(match load.state {
            State::Waiting => LoadProgress::Waiting,
            State::Reading => LoadProgress::Reading {
                done: load.counts.done.load(Ordering::Relaxed),
                total: load.counts.total.load(Ordering::Relaxed),
            },
            State::Pictures(left) => LoadProgress::Pictures { left },
            State::Idle => LoadProgress::Done,
        })
    }

    /// The next result, if one is there. Never waits.
    #[must_use]
    pub fn try_next(&self) -> Option<LoadEvent> {
        loop {
            let delivery = self.events.try_recv().ok()?;
            if let Some(event) = self.take(delivery) {
                return Some(event);
            }
        }
    }

    /// The next result; `None` where none came within this time.
    #[must_use]
    pub fn next(&self, timeout: Duration) -> Option<LoadEvent> {
        // A time that the clock cannot say is no limit.
        let deadline = std::time::Instant::now().checked_add(timeout);
        loop {
            let delivery = match deadline {
                Some(deadline) => self.events.recv_deadline(deadline).ok()?,
                None => self.events.recv().ok()?,
            };
            if let Some(event) = self.take(delivery) {
                return Some(event);
            }
        }
    }

    /// Hands an event over, unless its request was cancelled meanwhile.
    fn take(&self, delivery: Delivery) -> Option<LoadEvent> {
        let Delivery {
            event,
            held,
            cancelled,
        } = delivery;
        if cancelled.load(Ordering::Relaxed) {
            self.drop_elsewhere((event, held));
            return None;
        }
        let over = matches!(event, LoadEvent::Finished { .. } | LoadEvent::Failed { .. });
        if over && self.shared.options.watch.is_none() {
            // Not before: what waits to be taken can be cancelled, too.
            self.shared.queue().loads.remove(&event.ticket().0);
        }
        Some(event)
    }

    /// Drops a value on a thread of the loader: giving back many megabytes takes longer than a frame has.
    pub fn drop_elsewhere(&self, value: impl Send + 'static) {
        let mut queue = self.shared.queue();
        let place = queue.place(i32::MAX, work::DROP);
        queue.jobs.insert(place, Job::Drop(Box::new(value)));
        drop(queue);
        self.shared.work.notify_one();
    }

    /// Bytes that loads hold now: see [`LoaderOptions::budget_bytes`].
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.shared.purse.held().0
    }

    /// The most bytes that loads ever held together; never over the budget.
    #[must_use]
    pub fn most_held_bytes(&self) -> u64 {
        self.shared.purse.held().1
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        for load in queue.loads.values() {
            load.cancelled.store(true, Ordering::Relaxed);
        }
        drop(queue);
        self.shared.work.notify_all();
        self.shared.end.notify_all();
        self.shared.purse.wake();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to stop.
            let _ = thread.join();
        }
    }
}

/// Reads a file with all its pictures, on so many threads, and waits for it. As [`gltf::load`](crate::gltf::load), in the time that the largest part takes.
///
/// # Errors
/// As [`gltf::load`](crate::gltf::load); and when the system gives no thread.
pub fn load(path: impl AsRef<Path>, options: &LoaderOptions) -> Result<Gltf, GltfError> {
    let path = path.as_ref();
    let failed = |error: io::Error| GltfError {
        file: path.to_string_lossy().replace('\\', "/"),
        problem: crate::gltf::Problem::Io(error),
    };
    let options = LoaderOptions {
        watch: None,
        ..options.clone()
    };
    let loader = Loader::new(options).map_err(failed)?;
    loader.load(path, 0);
    let mut loaded: Option<Box<Gltf>> = None;
    let gone = || failed(io::Error::other("the thread that read it is gone"));
    loop {
        match loader.next(Duration::MAX).ok_or_else(gone)? {
            LoadEvent::Loaded { file, .. } => loaded = Some(file),
            LoadEvent::Picture { handle, image, .. } => {
                if let Some(file) = &mut loaded {
                    file.summary.image_bytes += image.pixels().len() as u64;
                    file.library.images.insert(handle, image);
                }
            }
            LoadEvent::PictureFailed { error, .. } | LoadEvent::Failed { error, .. } => {
                return Err(error);
            }
            LoadEvent::Finished { .. } => return loaded.map(|file| *file).ok_or_else(gone),
        }
    }
}
