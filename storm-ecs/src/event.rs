//! Events: values sent by some systems and read by others, each reader at its own pace.

use crate::resource::Resource;
use crate::world::World;

/// Events of one type: a resource. Each is kept for two calls of [`World::update_events`], so that every system that runs once between them sees it.
///
/// ```
/// use storm_ecs::{Events, World};
/// let mut world = World::new();
/// world.add_event::<u32>();
/// world.resource_mut::<Events<u32>>().unwrap().send(7);
/// let mut cursor = 0;
/// let events = world.resource::<Events<u32>>().unwrap();
/// assert_eq!(events.read(&mut cursor).copied().collect::<Vec<_>>(), [7]);
/// assert_eq!(events.read(&mut cursor).count(), 0);
/// ```
#[derive(Debug)]
pub struct Events<E> {
    /// Number of the first event kept.
    first: u64,
    kept: Vec<E>,
    /// How many of them are from before the last update.
    old: usize,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self {
            first: 0,
            kept: Vec::new(),
            old: 0,
        }
    }
}

impl<E> Events<E> {
    /// Sends an event.
    pub fn send(&mut self, event: E) {
        self.kept.push(event);
    }

    /// What was sent since `cursor`, oldest first; moves the cursor to the end. A reader that is too late misses what was dropped.
    pub fn read(&self, cursor: &mut u64) -> core::slice::Iter<'_, E> {
        let start = cursor
            .saturating_sub(self.first)
            .min(self.kept.len() as u64) as usize;
        *cursor = self.first + self.kept.len() as u64;
        self.kept[start..].iter()
    }

    /// Drops the events from before the last update.
    pub fn update(&mut self) {
        self.kept.drain(..self.old);
        self.first += self.old as u64;
        self.old = self.kept.len();
    }
}

impl World {
    /// Makes events of a type known; systems that read or write them do so by themselves.
    pub fn add_event<E: Resource>(&mut self) {
        if self.resource::<Events<E>>().is_none() {
            self.insert_resource(Events::<E>::default());
            self.event_updates.push(|world| {
                if let Some(events) = world.resource_mut::<Events<E>>() {
                    events.update();
                }
            });
        }
    }

    /// Drops events that are two updates old. Call it once a frame.
    pub fn update_events(&mut self) {
        for update in self.event_updates.clone() {
            update(self);
        }
    }
}
