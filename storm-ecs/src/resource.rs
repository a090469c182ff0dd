//! Resources: values of which a world has one of each type.
//!
//! Invariant: through `&World` a resource is written only by code that holds exclusive access to it: a `&mut World`, or a system
//! whose access set names it.
#![expect(unsafe_code, reason = "systems write resources through a shared world")]

use core::any::{Any, TypeId, type_name};
use core::cell::UnsafeCell;
use core::hash::BuildHasherDefault;
use std::collections::HashMap;

use crate::bundle::TypeIdHasher;
use crate::world::World;

/// A value of which a world has at most one: any type that threads may share.
pub trait Resource: Send + Sync + 'static {}

impl<T: Send + Sync + 'static> Resource for T {}

struct Cell(UnsafeCell<Box<dyn Any + Send + Sync>>);

// SAFETY: written through `&Cell` only under exclusive access (see above); the value is Send and Sync.
unsafe impl Sync for Cell {}

/// A world's resources.
#[derive(Default)]
pub(crate) struct Resources {
    cells: HashMap<TypeId, Cell, BuildHasherDefault<TypeIdHasher>>,
}

impl Resources {
    fn pointer<R: Resource>(&self) -> Option<*mut R> {
        let cell = self.cells.get(&TypeId::of::<R>())?.0.get();
        // SAFETY: the box itself is replaced under `&mut self` only; a shared reference to it is fine.
        let inside: *const dyn Any = unsafe { &**cell };
        // The entry's key is the type of what is inside.
        Some(inside.cast::<R>().cast_mut())
    }

    /// # Safety
    /// Nobody may write the resource during the borrow.
    #[inline]
    pub(crate) unsafe fn get<R: Resource>(&self) -> Option<&R> {
        // SAFETY: the pointer is to a live R; the caller excludes writers.
        self.pointer::<R>().map(|pointer| unsafe { &*pointer })
    }

    /// # Safety
    /// The caller has exclusive access to the resource during the borrow.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the caller has exclusive access")]
    pub(crate) unsafe fn get_mut<R: Resource>(&self) -> Option<&mut R> {
        let cell = self.cells.get(&TypeId::of::<R>())?.0.get();
        // SAFETY: the caller has exclusive access.
        let inside: &mut (dyn Any + Send + Sync) = unsafe { &mut **cell };
        inside.downcast_mut::<R>()
    }
}

impl World {
    /// Stores a resource; returns the one it replaces.
    ///
    /// ```
    /// # use storm_ecs::World;
    /// struct Gravity(f32);
    /// let mut world = World::new();
    /// world.insert_resource(Gravity(9.81));
    /// world.resource_mut::<Gravity>().unwrap().0 = 1.62;
    /// assert_eq!(world.resource::<Gravity>().unwrap().0, 1.62);
    /// ```
    pub fn insert_resource<R: Resource>(&mut self, resource: R) -> Option<R> {
        let cell = Cell(UnsafeCell::new(Box::new(resource)));
        let old = self.resources.cells.insert(TypeId::of::<R>(), cell)?;
        old.0.into_inner().downcast::<R>().ok().map(|old| *old)
    }

    /// Takes a resource out.
    pub fn remove_resource<R: Resource>(&mut self) -> Option<R> {
        let old = self.resources.cells.remove(&TypeId::of::<R>())?;
        old.0.into_inner().downcast::<R>().ok().map(|old| *old)
    }

    /// A resource.
    #[must_use]
    pub fn resource<R: Resource>(&self) -> Option<&R> {
        // SAFETY: `&World` excludes writers.
        unsafe { self.resources.get::<R>() }
    }

    /// A resource, for writing.
    #[must_use]
    pub fn resource_mut<R: Resource>(&mut self) -> Option<&mut R> {
        // SAFETY: `&mut World` is exclusive access.
        unsafe { self.resources.get_mut::<R>() }
    }
}

/// The message when a system asks for a resource that is not there.
pub(crate) fn missing<R>() -> ! {
    panic!(
        "the resource {} is missing: insert it before the schedule runs",
        type_name::<R>()
    )
}
