//! Events: typed queues with any number of readers, each with a cursor of its own.
//!
//! # Life of an event
//! An event can be read until the second [`World::update_events`] after it was sent: with one update a frame, every reader
//! that reads once a frame sees each event once, wherever in the frame it stands. A queue holds at most its capacity
//! ([`EVENT_CAPACITY`] unless set); when it is full, sending drops the oldest event. A reader that lost events that way or by not reading
//! in time learns how many from [`EventReader::missed`].

use core::any::{TypeId, type_name};
use std::collections::VecDeque;
use std::collections::vec_deque;

use crate::command::CommandError;
use crate::resource::Resource;
use crate::system::SystemParam;
use crate::system::access::AccessSet;
use crate::system::cell::{Lease, ResourceClaim, resource_key};
use crate::world::World;

/// Events that a queue holds, unless [`Events::set_capacity`] says otherwise.
pub const EVENT_CAPACITY: usize = 65_536;

/// The queue of one type of event: a resource of the world, made when it is first needed.
///
/// ```
/// use storm_ecs::{EventCursor, World};
/// #[derive(Debug, PartialEq)]
/// struct Hit(u32);
///
/// let mut world = World::new();
/// let mut cursor = EventCursor::default();
/// world.send_event(Hit(1));
/// world.send_event(Hit(2));
/// let events = world.events::<Hit>().unwrap();
/// assert!(cursor.read(events).eq(&[Hit(1), Hit(2)]));
/// assert_eq!(cursor.read(events).len(), 0);
/// ```
#[derive(Debug)]
pub struct Events<E> {
    ring: VecDeque<E>,
    /// Number of the first event in the ring; events are numbered from 0 in the order sent.
    first: u64,
    /// Number of the first event sent after the last update.
    fresh: u64,
    capacity: usize,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self {
            ring: VecDeque::new(),
            first: 0,
            fresh: 0,
            capacity: EVENT_CAPACITY,
        }
    }
}

impl<E: Send + Sync + 'static> Resource for Events<E> {}

impl<E> Events<E> {
    /// Adds an event. If the queue is full the oldest one is dropped.
    pub fn send(&mut self, event: E) {
        if self.ring.len() >= self.capacity {
            self.ring.pop_front();
            self.first += 1;
            if self.capacity == 0 {
                return;
            }
        }
        self.ring.push_back(event);
    }

    /// Events that can be read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Drops the events sent before the last update.
    pub fn update(&mut self) {
        let old = self.fresh.saturating_sub(self.first) as usize;
        self.ring.drain(..old.min(self.ring.len()));
        self.first = self.first.max(self.fresh);
        self.fresh = self.end();
    }

    /// Drops all events.
    pub fn clear(&mut self) {
        self.first = self.end();
        self.ring.clear();
    }

    /// Sets how many events the queue holds; the oldest beyond that are dropped.
    pub fn set_capacity(&mut self, events: usize) {
        self.capacity = events;
        let over = self.ring.len().saturating_sub(events);
        self.ring.drain(..over);
        self.first += over as u64;
    }

    /// The number of the next event to be sent.
    fn end(&self) -> u64 {
        self.first + self.ring.len() as u64
    }
}

/// A reader's place in a queue. At first it stands before everything that the queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCursor {
    next: u64,
    missed: u64,
}

impl EventCursor {
    /// A cursor after everything that was sent so far.
    #[must_use]
    pub fn at_end<E>(events: &Events<E>) -> Self {
        Self {
            next: events.end(),
            missed: 0,
        }
    }

    /// The events not read yet, oldest first. They count as read at once, whether the iterator is used up or not.
    pub fn read<'e, E>(&mut self, events: &'e Events<E>) -> EventIter<'e, E> {
        let unread = self.unread(events);
        self.missed = events.first.saturating_sub(self.next);
        self.next = events.end();
        EventIter(events.ring.range(events.ring.len() - unread..))
    }

    /// How many events are not read yet.
    #[must_use]
    pub fn unread<E>(&self, events: &Events<E>) -> usize {
        (events.end().saturating_sub(self.next) as usize).min(events.ring.len())
    }

    /// How many events were dropped unread before the last [`read`](Self::read). A new cursor counts those that were dropped before it was made.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

/// Unread events: an iterator.
#[derive(Debug)]
pub struct EventIter<'e, E>(vec_deque::Iter<'e, E>);

impl<'e, E> Iterator for EventIter<'e, E> {
    type Item = &'e E;

    #[inline]
    fn next(&mut self) -> Option<&'e E> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<E> ExactSizeIterator for EventIter<'_, E> {}

// --- world --------------------------------------------------------------------------------------------------------

/// How to update each queue of a world.
#[derive(Default)]
struct Queues(Vec<(TypeId, Update)>);

type Update = fn(&mut World);

impl Resource for Queues {}

impl World {
    /// Makes the queue of events of type `E`, if need be. Systems that read or write them, and `send_event`, do so by themselves.
    pub fn add_events<E: Send + Sync + 'static>(&mut self) -> &mut Events<E> {
        if !self.has_resource::<Events<E>>() {
            self.insert_resource(Events::<E>::default());
            let update: Update = |world| {
                if let Some(events) = world.resource_mut::<Events<E>>() {
                    events.update();
                }
            };
            let queues = &mut self.init_resource::<Queues>().0;
            let id = TypeId::of::<E>();
            if !queues.iter().any(|&(other, _)| other == id) {
                queues.push((id, update));
            }
        }
        self.init_resource()
    }

    /// Sends an event; readers can see it at once.
    pub fn send_event<E: Send + Sync + 'static>(&mut self, event: E) {
        self.add_events().send(event);
    }

    /// The queue of events of type `E`, if there is one.
    #[must_use]
    pub fn events<E: Send + Sync + 'static>(&self) -> Option<&Events<E>> {
        self.resource()
    }

    /// Ends a frame for events: drops those sent before the previous call, in every queue. Call it once a frame.
    pub fn update_events(&mut self) {
        self.resource_scope(|world, queues: &mut Queues| {
            for (_, update) in &queues.0 {
                update(world);
            }
        });
    }
}

// --- parameters ---------------------------------------------------------------------------------------------------

/// Reads events in a system. Each system has its own cursor, which starts before everything that the queue holds when the system is added.
///
/// ```
/// use storm_ecs::{EventReader, EventWriter, IntoSystems, Local, Schedule, World};
/// struct Hit(u32);
///
/// let mut schedule = Schedule::new("example");
/// schedule.add_systems((
///     |mut hits: EventWriter<Hit>| hits.send(Hit(2)),
///     |mut hits: EventReader<Hit>, mut sum: Local<u32>| {
///         *sum += hits.read().map(|hit| hit.0).sum::<u32>();
///         assert_eq!(*sum, 2);
///     },
/// ).chain());
/// schedule.run(&mut World::new()).unwrap();
/// ```
#[derive(Debug)]
pub struct EventReader<'w, E> {
    events: &'w Events<E>,
    cursor: &'w mut EventCursor,
}

impl<E> EventReader<'_, E> {
    /// The events not read yet, oldest first. They count as read at once.
    pub fn read(&mut self) -> EventIter<'_, E> {
        self.cursor.read(self.events)
    }

    /// How many events are not read yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cursor.unread(self.events)
    }

    /// Whether all events were read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts all events as read.
    pub fn clear(&mut self) {
        self.read();
    }

    /// How many events were dropped unread before the last [`read`](Self::read): the queue was full, or this system did not run in time.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.cursor.missed()
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct ReaderState<E> {
    claim: ResourceClaim<Events<E>, false>,
    cursor: EventCursor,
}

impl<E: Send + Sync + 'static> SystemParam for EventReader<'_, E> {
    type State = ReaderState<E>;
    type Item<'a> = EventReader<'a, E>;

    fn access(set: &mut AccessSet) {
        set.add(type_name::<Self>(), resource_key::<Events<E>>(), false);
    }

    fn init(world: &mut World, set: &AccessSet) -> ReaderState<E> {
        let first = world.add_events::<E>().first;
        ReaderState {
            claim: ResourceClaim::new(world, set),
            cursor: EventCursor {
                next: first,
                missed: 0,
            },
        }
    }

    #[inline]
    fn fetch<'a>(state: &'a mut ReaderState<E>, lease: &Lease<'a>) -> EventReader<'a, E> {
        match state.claim.redeem(lease) {
            Some((events, ..)) => EventReader {
                events,
                cursor: &mut state.cursor,
            },
            None => panic!("the queue of {} events was removed", type_name::<E>()),
        }
    }
}

/// Sends events from a system. They reach the queue at the next sync point, in system order, whatever order the systems ran in.
///
/// A system that is ordered after this one sees them; one that is not may see them next time.
#[derive(Debug)]
pub struct EventWriter<'w, E>(&'w mut Vec<E>);

impl<E> EventWriter<'_, E> {
    /// Sends an event.
    #[inline]
    pub fn send(&mut self, event: E) {
        self.0.push(event);
    }

    /// Sends several events.
    pub fn send_batch(&mut self, events: impl IntoIterator<Item = E>) {
        self.0.extend(events);
    }
}

impl<E: Send + Sync + 'static> SystemParam for EventWriter<'_, E> {
    type State = Vec<E>;
    type Item<'a> = EventWriter<'a, E>;

    fn access(set: &mut AccessSet) {
        set.add_sends(resource_key::<Events<E>>());
    }

    fn init(world: &mut World, _: &AccessSet) -> Vec<E> {
        world.add_events::<E>();
        Vec::new()
    }

    #[inline]
    fn fetch<'a>(state: &'a mut Vec<E>, _: &Lease<'a>) -> EventWriter<'a, E> {
        EventWriter(state)
    }

    #[inline]
    fn apply(state: &mut Vec<E>, world: &mut World, _: &mut Vec<CommandError>) {
        if !state.is_empty() {
            let events = world.add_events::<E>();
            for event in state.drain(..) {
                events.send(event);
            }
        }
    }

    fn discard(state: &mut Vec<E>) {
        state.clear();
    }
}
