//! What the threads do: the list of jobs, and each kind of job.

use std::{
    any::Any,
    cmp::Reverse,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use super::{Charge, Delivery, Held, LoadEvent, Queue, Shared, State, Ticket, watch::Stamp};
use crate::gltf::{self, GltfError, PendingPicture, Problem};

/// What comes first: priority, then kind, then age.
pub(super) type Place = (Reverse<i32>, u8, u64);

pub(super) const DROP: u8 = 0;
const PICTURE: u8 = 1;
const FILE: u8 = 2;

/// Something to do.
pub(super) enum Job {
    /// Read a file.
    File(u64),
    /// Decode a picture.
    Picture(u64, Box<PendingPicture>, Held),
    /// Give memory back.
    Drop(Box<dyn Any + Send>),
}

impl Queue {
    pub(super) fn place(&mut self, priority: i32, kind: u8) -> Place {
        self.next_job += 1;
        (Reverse(priority), kind, self.next_job)
    }

    /// Puts the file of a request into the list. Files of one priority come by their tickets, also when they come again.
    pub(super) fn push_file(&mut self, ticket: u64) {
        if let Some(load) = self.loads.get_mut(&ticket) {
            let place = (Reverse(load.priority), FILE, ticket);
            load.place = Some(place);
            load.state = State::Waiting;
            self.jobs.insert(place, Job::File(ticket));
        }
    }

    pub(super) fn set_priority(&mut self, ticket: u64, priority: i32) {
        let Some(load) = self.loads.get_mut(&ticket) else {
            return;
        };
        load.priority = priority;
        let moved = |place: &Place| (Reverse(priority), place.1, place.2);
        if let Some(place) = &mut load.place {
            if let Some(job) = self.jobs.remove(place) {
                self.jobs.insert(moved(place), job);
            }
            *place = moved(place);
        } else {
            let its = |job: &Job| matches!(job, Job::Picture(whose, ..) if *whose == ticket);
            let pictures: Vec<Place> = self
                .jobs
                .iter()
                .filter(|(_, job)| its(job))
                .map(|(place, _)| *place)
                .collect();
            for place in pictures {
                if let Some(job) = self.jobs.remove(&place) {
                    self.jobs.insert(moved(&place), job);
                }
            }
        }
    }
}

/// Works until the loader is dropped.
pub(super) fn run(shared: &Shared) {
    let mut queue = shared.queue();
    while !queue.closed {
        // Nothing begins while the elder of those that run waits for room; and one thread reads no files, so that there is always one for
        // the pictures, whose bytes it may wait for: see `purse.rs`.
        let may_read = queue.reading < shared.options.threads.max(1) && shared.purse.may_begin();
        let mut fit = queue
            .jobs
            .iter()
            .filter(|(_, job)| may_read || !matches!(job, Job::File(_)));
        let place = fit.next().map(|(place, _)| *place);
        let first = place.and_then(|place| queue.jobs.remove_entry(&place));
        let Some((_, job)) = first else {
            queue = shared
                .work
                .wait(queue)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            continue;
        };
        let is_file = matches!(job, Job::File(_));
        queue.reading += usize::from(is_file);
        drop(queue);
        match job {
            Job::File(ticket) => file(shared, ticket),
            Job::Picture(ticket, picture, held) => decode(shared, ticket, *picture, held),
            Job::Drop(value) => drop(value),
        }
        queue = shared.queue();
        if is_file {
            queue.reading -= 1;
            // Another may begin, or one that gave way.
            shared.work.notify_all();
        }
    }
}

/// Sends an event of a request, unless it was cancelled.
fn send(shared: &Shared, ticket: u64, event: LoadEvent, held: Option<Held>) {
    let queue = shared.queue();
    let Some(load) = queue.loads.get(&ticket) else {
        return;
    };
    let cancelled = Arc::clone(&load.cancelled);
    // The receiver is there as long as the loader, which waits for this thread.
    let _ = shared.events.send(Delivery {
        event,
        held,
        cancelled,
    });
    drop(queue);
    if let Some(wake) = &shared.options.wake {
        (wake.0)();
    }
}

fn file(shared: &Shared, ticket: u64) {
    let (path, order, cancelled, counts, revision) = {
        let mut queue = shared.queue();
        let Some(load) = queue.loads.get_mut(&ticket) else {
            return;
        };
        load.place = None;
        load.state = State::Reading;
        let order = (Reverse(load.priority), ticket);
        (
            load.path.clone(),
            order,
            Arc::clone(&load.cancelled),
            Arc::clone(&load.counts),
            load.revision,
        )
    };
    counts.done.store(0, Ordering::Relaxed);
    counts.total.store(0, Ordering::Relaxed);
    let charge = Charge::begin(&shared.purse, order, Arc::clone(&cancelled));
    let mut options = shared.options.load.clone();
    let name = path.to_string_lossy().replace('\\', "/");
    options.source.get_or_insert_with(|| name.clone());
    let also = options.progress.take();
    options.progress = Some(Arc::new(move |progress| {
        counts.done.store(progress.done, Ordering::Relaxed);
        counts.total.store(progress.total, Ordering::Relaxed);
        match &also {
            _ if cancelled.load(Ordering::Relaxed) => ControlFlow::Break(()),
            Some(also) => also(progress),
            None => ControlFlow::Continue(()),
        }
    }));
    let mut files = Vec::new();
    let read = caught(|| read(&path, &options, &charge, &mut files));
    if charge.was_deferred() {
        drop((read, charge));
        // Again, when those that it gave way to are done.
        shared.queue().push_file(ticket);
        return;
    }
    let outcome = match read {
        Ok((file, pictures)) => {
            let mut held = charge.settle();
            let jobs: Vec<(PendingPicture, Held)> = pictures
                .into_iter()
                .map(|picture| {
                    let part = held.split(picture.encoded_bytes() + picture.pixel_bytes);
                    (picture, part)
                })
                .collect();
            Ok((file, held, jobs))
        }
        Err(problem) => Err(GltfError {
            file: name,
            problem,
        }),
    };
    drop(charge);
    match outcome {
        Err(error) => {
            send(
                shared,
                ticket,
                LoadEvent::Failed {
                    ticket: Ticket(ticket),
                    error,
                },
                None,
            );
            finish(shared, ticket, Some(files));
        }
        Ok((file, held, jobs)) => {
            let count = jobs.len();
            let loaded = LoadEvent::Loaded {
                ticket: Ticket(ticket),
                file: Box::new(file),
                revision,
                pictures: count,
            };
            send(shared, ticket, loaded, Some(held));
            if count == 0 {
                send(
                    shared,
                    ticket,
                    LoadEvent::Finished {
                        ticket: Ticket(ticket),
                    },
                    None,
                );
                finish(shared, ticket, Some(files));
                return;
            }
            let mut queue = shared.queue();
            let Some(load) = queue.loads.get_mut(&ticket) else {
                // Cancelled: the pictures go, with what they hold.
                drop(queue);
                return;
            };
            load.state = State::Pictures(count);
            load.files = files;
            let priority = load.priority;
            for (picture, held) in jobs {
                let place = queue.place(priority, PICTURE);
                queue
                    .jobs
                    .insert(place, Job::Picture(ticket, Box::new(picture), held));
            }
            drop(queue);
        }
    }
    shared.work.notify_all();
}

/// What `work` gives; where it panics, an error that says so. A decoder or a callback may: without an event whoever waits for one
/// would wait for ever, and the thread would be gone.
fn caught<T>(work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    // What it leaves half-way is dropped with the load; the locks of a charge hold whole values.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Problem::Io(std::io::Error::other(
            "the code that read it panicked",
        )))
    })
}

/// Reads a file and what lies beside it, paying ahead, and notes each file with its stamp.
fn read(
    path: &Path,
    options: &gltf::LoadOptions,
    charge: &Arc<Charge>,
    files: &mut Vec<(std::path::PathBuf, Stamp)>,
) -> Result<(gltf::Gltf, Vec<PendingPicture>), Problem> {
    // Before reading: a change while it is read is a change.
    files.push((path.to_owned(), Stamp::of(path)));
    let length = std::fs::metadata(path).map_err(Problem::Io)?.len();
    charge.ahead(length.min(options.limits.input_bytes_max))?;
    let bytes = gltf::read_file(path, options.limits.input_bytes_max).map_err(Problem::Io)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let mut refused = None;
    let mut beside = |request: gltf::Request<'_>| {
        let path = gltf::path_beside(folder, request)?;
        files.push((path.clone(), Stamp::of(&path)));
        let length = std::fs::metadata(&path)?.len();
        if let Err(problem) = charge.ahead(length.min(request.bytes_max)) {
            let error = std::io::Error::other(problem.to_string());
            refused = Some(problem);
            return Err(error);
        }
        gltf::read_file(&path, request.bytes_max)
    };
    let read = gltf::parse_deferred(&bytes, &mut beside, options, Arc::clone(charge));
    match refused {
        // The reader only knows that a file could not be read.
        Some(problem) => Err(problem),
        None => read,
    }
}

fn decode(shared: &Shared, ticket: u64, picture: PendingPicture, mut held: Held) {
    let source = {
        let queue = shared.queue();
        let Some(load) = queue.loads.get(&ticket) else {
            return;
        };
        load.path.to_string_lossy().replace('\\', "/")
    };
    let (ticket_out, handle) = (Ticket(ticket), picture.image);
    let event = match caught(|| picture.decode(&shared.options.load.limits)) {
        Ok(image) => LoadEvent::Picture {
            ticket: ticket_out,
            handle,
            image,
        },
        Err(problem) => LoadEvent::PictureFailed {
            ticket: ticket_out,
            handle,
            error: GltfError {
                file: source,
                problem,
            },
        },
    };
    let pixels = held.split(picture.pixel_bytes);
    // The bytes that it came in; before anyone hears that it is done.
    drop((picture, held));
    send(shared, ticket, event, Some(pixels));
    let mut queue = shared.queue();
    let last = match queue.loads.get_mut(&ticket) {
        Some(load) => match &mut load.state {
            State::Pictures(left) => {
                *left -= 1;
                *left == 0
            }
            _ => false,
        },
        None => false,
    };
    drop(queue);
    if last {
        send(
            shared,
            ticket,
            LoadEvent::Finished { ticket: ticket_out },
            None,
        );
        finish(shared, ticket, None);
    }
}

/// A request is done: it stays until its last event is taken, or to be watched.
fn finish(shared: &Shared, ticket: u64, files: Option<Vec<(std::path::PathBuf, Stamp)>>) {
    let mut queue = shared.queue();
    if let Some(load) = queue.loads.get_mut(&ticket) {
        load.state = State::Idle;
        if let Some(files) = files {
            load.files = files;
        }
    }
    drop(queue);
    // One that gave way may begin again.
    shared.work.notify_all();
}
