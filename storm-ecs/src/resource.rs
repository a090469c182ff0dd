//! Resources: values of which a world has one a type, with change ticks.
//!
//! Guarantee: a type keeps its slot for the life of the world, so that systems find it by number.

use core::any::{TypeId, type_name};
use core::hash::BuildHasherDefault;
use core::sync::atomic::{AtomicU32, Ordering};
use std::collections::HashMap;

use crate::bundle::TypeIdHasher;
use crate::system::cell::{self, Shelf};
use crate::tick::ChangeTick;
use crate::world::World;

/// A value of which a world has at most one: time, input, settings, an asset store. Derive it.
///
/// Systems reach it as [`Res`](crate::Res) and [`ResMut`](crate::ResMut).
///
/// ```
/// use storm_ecs::{Resource, World};
///
/// #[derive(Resource, Default, Debug, PartialEq)]
/// struct Score(u32);
///
/// let mut world = World::new();
/// assert_eq!(world.resource::<Score>(), None);
/// world.init_resource::<Score>().0 += 1;
/// let seen = world.change_tick();
/// assert!(!world.resource_changed::<Score>(seen));
/// world.resource_mut::<Score>().unwrap().0 += 1;
/// assert!(world.resource_changed::<Score>(seen));
/// assert_eq!(world.remove_resource(), Some(Score(2)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a resource",
    note = "add `#[derive(Resource)]` to it"
)]
pub trait Resource: Send + Sync + 'static {}

/// All resources of a world.
#[derive(Default)]
pub(crate) struct Resources {
    by_type: HashMap<TypeId, usize, BuildHasherDefault<TypeIdHasher>>,
    slots: Vec<Slot>,
}

/// One type's place; empty while the world has no such resource.
pub(crate) struct Slot {
    pub(crate) shelf: Shelf,
    pub(crate) added: u32,
    pub(crate) changed: AtomicU32,
}

impl Resources {
    pub(crate) fn find<T: Resource>(&self) -> Option<usize> {
        self.by_type.get(&TypeId::of::<T>()).copied()
    }

    /// The slot of `T`, made if need be.
    pub(crate) fn slot_of<T: Resource>(&mut self) -> usize {
        let next = self.slots.len();
        let slot = *self.by_type.entry(TypeId::of::<T>()).or_insert(next);
        if slot == next {
            self.slots.push(Slot {
                shelf: Shelf::default(),
                added: 0,
                changed: AtomicU32::new(0),
            });
        }
        slot
    }

    #[inline]
    pub(crate) fn slot(&self, slot: usize) -> &Slot {
        &self.slots[slot]
    }

    pub(crate) fn rebase(&mut self) {
        for slot in &mut self.slots {
            slot.added = slot.added.min(1);
            let changed = slot.changed.get_mut();
            *changed = (*changed).min(1);
        }
    }
}

impl World {
    /// Puts a resource in place; the one it replaces comes back. Counts as added (if there was none) and changed.
    pub fn insert_resource<T: Resource>(&mut self, value: T) -> Option<T> {
        let tick = self.now();
        let number = self.resources.slot_of::<T>();
        let slot = &mut self.resources.slots[number];
        let old = slot.shelf.value_mut().replace(Box::new(value));
        if old.is_none() {
            slot.added = tick;
        }
        *slot.changed.get_mut() = tick;
        old.map(unbox)
    }

    /// The resource; a default one is put in place if there is none. Counts as changed.
    pub fn init_resource<T: Resource + Default>(&mut self) -> &mut T {
        if !self.has_resource::<T>() {
            self.insert_resource(T::default());
        }
        match self.resource_mut() {
            Some(value) => value,
            None => unreachable!("the resource was inserted just now"),
        }
    }

    /// Takes a resource out.
    pub fn remove_resource<T: Resource>(&mut self) -> Option<T> {
        let number = self.resources.find::<T>()?;
        let value = self.resources.slots[number].shelf.value_mut().take()?;
        Some(unbox(value))
    }

    /// Whether there is such a resource.
    #[must_use]
    pub fn has_resource<T: Resource>(&self) -> bool {
        self.resource::<T>().is_some()
    }

    /// A resource.
    #[must_use]
    pub fn resource<T: Resource>(&self) -> Option<&T> {
        cell::read_resource(self)
    }

    /// A resource, for writing; marks it as changed.
    #[must_use]
    pub fn resource_mut<T: Resource>(&mut self) -> Option<&mut T> {
        let tick = self.now();
        let number = self.resources.find::<T>()?;
        let slot = &mut self.resources.slots[number];
        let value = slot.shelf.value_mut().as_deref_mut()?.downcast_mut()?;
        *slot.changed.get_mut() = tick;
        Some(value)
    }

    /// Takes a resource out, lends it and the world to `work`, and puts it back, marked as changed. `None` if there is none.
    ///
    /// If `work` panics the resource is lost; if `work` inserts another, that one is replaced.
    pub fn resource_scope<T: Resource, R>(
        &mut self,
        work: impl FnOnce(&mut Self, &mut T) -> R,
    ) -> Option<R> {
        let number = self.resources.find::<T>()?;
        let mut value = self.resources.slots[number].shelf.value_mut().take()?;
        let result = match value.downcast_mut() {
            Some(value) => work(self, value),
            None => unreachable!("a slot holds values of its type"),
        };
        let tick = self.now();
        let slot = &mut self.resources.slots[number];
        *slot.shelf.value_mut() = Some(value);
        *slot.changed.get_mut() = tick;
        Some(result)
    }

    /// Whether the resource is there and was written after `since`. Being inserted is a write.
    #[must_use]
    pub fn resource_changed<T: Resource>(&self, since: ChangeTick) -> bool {
        let since = since.before(self.open_tick());
        self.has_resource::<T>()
            && self.resources.find::<T>().is_some_and(|number| {
                // Relaxed: writers are ordered by `&mut World` or by a schedule.
                self.resources.slots[number].changed.load(Ordering::Relaxed) > since
            })
    }
}

fn unbox<T: Resource>(value: Box<dyn core::any::Any + Send + Sync>) -> T {
    match value.downcast() {
        Ok(value) => *value,
        Err(_) => unreachable!("a slot holds values of its type: {}", type_name::<T>()),
    }
}
