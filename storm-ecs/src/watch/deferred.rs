//! The world as watchers see it.

use crate::command::{CommandQueue, Commands};
use crate::component::Component;
use crate::entity::Entity;
use crate::query::{Query, QueryData, QueryFilter, ReadOnlyQueryData};
use crate::resource::Resource;
use crate::watch::Rows;
use crate::world::World;

/// A world whose structure cannot be changed just now: values can be read and written, structural changes are recorded as
/// [`commands`](Self::commands) and apply when the operation that is being watched is over.
pub struct DeferredWorld<'w> {
    pub(super) world: &'w mut World,
    pub(super) queue: &'w mut CommandQueue,
}

impl core::fmt::Debug for DeferredWorld<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.world.fmt(f)
    }
}

impl DeferredWorld<'_> {
    /// The world, for hooks of this crate, which change what is not structure.
    pub(crate) fn world_mut(&mut self) -> &mut World {
        self.world
    }

    /// The world, for reading.
    #[must_use]
    pub fn world(&self) -> &World {
        self.world
    }

    /// Records structural changes. They apply in order when the operation is over, those of nested operations after them.
    pub fn commands(&mut self) -> Commands<'_> {
        self.queue.commands(self.world)
    }

    /// As [`World::get`].
    #[must_use]
    pub fn get<T: Component>(&self, entity: Entity) -> Option<&T> {
        self.world.get(entity)
    }

    /// As [`World::get_mut`].
    #[must_use]
    pub fn get_mut<T: Component>(&mut self, entity: Entity) -> Option<&mut T> {
        self.world.get_mut(entity)
    }

    /// As [`World::resource`].
    #[must_use]
    pub fn resource<T: Resource>(&self) -> Option<&T> {
        self.world.resource()
    }

    /// As [`World::resource_mut`].
    #[must_use]
    pub fn resource_mut<T: Resource>(&mut self) -> Option<&mut T> {
        self.world.resource_mut()
    }

    /// As [`World::query`].
    pub fn query<Q: ReadOnlyQueryData>(&self) -> Query<'_, Q> {
        self.world.query()
    }

    /// As [`World::query_filtered_mut`].
    pub fn query_filtered_mut<Q: QueryData, F: QueryFilter>(&mut self) -> Query<'_, Q, F> {
        self.world.query_filtered_mut()
    }

    /// The values of `rows` as a slice, one an entity; `None` if `T` is not a column of their table, or if they are not side by side there (owners of
    /// a sparse component or tag in a [`Prefab`](crate::Prefab), if others of its entities lack it).
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use storm_ecs::{Component, World};
    /// #[derive(Component)]
    /// struct Mass(u32);
    ///
    /// static TOTAL: AtomicU32 = AtomicU32::new(0);
    /// let mut world = World::new();
    /// world.observe_insert::<Mass>(|world, rows| {
    ///     let masses = world.values::<Mass>(rows).unwrap();
    ///     TOTAL.fetch_add(masses.iter().map(|mass| mass.0).sum(), Ordering::Relaxed);
    /// });
    /// world.spawn_batch([Mass(1), Mass(2), Mass(3)]);
    /// assert_eq!(TOTAL.load(Ordering::Relaxed), 6);
    /// ```
    #[must_use]
    pub fn values<T: Component>(&self, rows: &Rows<'_>) -> Option<&[T]> {
        let all = self.world.table_values::<T>(rows.table)?;
        all.get(rows.start..rows.start.checked_add(rows.entities.len())?)
    }
}
