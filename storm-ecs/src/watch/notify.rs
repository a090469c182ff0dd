//! Telling watchers.

use crate::command::CommandQueue;
use crate::component::{ComponentId, Storage};
use crate::entities::Location;
use crate::entity::Entity;
use crate::watch::{Cause, DeferredWorld, Rows, Watch};
use crate::world::World;

/// Errors of deferred commands that are kept.
const ERRORS: usize = 1024;

impl World {
    /// Tells those who watch a component.
    fn tell(&mut self, kind: Watch, rows: &Rows<'_>) {
        if !self.watchers.of(rows.component).has(kind) {
            return;
        }
        let hooks = self.registry.info(rows.component).hooks;
        let hook = if kind == Watch::INSERT {
            hooks.insert
        } else {
            hooks.remove
        };
        let listeners = self.watchers.listeners[rows.component.index()]
            .of(kind)
            .clone();
        // The queue comes back when a watcher panics, too.
        struct Lent<'w> {
            world: &'w mut World,
            queue: CommandQueue,
        }
        impl Drop for Lent<'_> {
            fn drop(&mut self) {
                self.world.watchers.deferred().queue = core::mem::take(&mut self.queue);
            }
        }
        let mut lent = Lent {
            queue: core::mem::take(&mut self.watchers.deferred().queue),
            world: self,
        };
        let mut world = DeferredWorld {
            world: lent.world,
            queue: &mut lent.queue,
        };
        if let Some(hook) = hook {
            hook(&mut world, rows);
        }
        for (_, observer) in &*listeners {
            observer(&mut world, rows);
        }
    }

    /// Tells of several components of the same entities, which are rows `location.row..` of its table.
    #[cold]
    pub(crate) fn tell_each(
        &mut self,
        kind: Watch,
        cause: Cause,
        ids: &[ComponentId],
        entities: &[Entity],
        location: Location,
    ) {
        for &component in ids {
            self.tell(
                kind,
                &Rows {
                    component,
                    cause,
                    entities,
                    table: self.tables[location.table as usize].id(),
                    start: location.row as usize,
                },
            );
        }
    }

    /// Before an insertion: tells of the values that will be replaced. Returns the components that the entity has already.
    #[cold]
    pub(crate) fn tell_replaced(
        &mut self,
        entity: Entity,
        location: Location,
        ids: &[ComponentId],
        aside: &[ComponentId],
    ) -> Vec<ComponentId> {
        let had: Vec<_> = ids
            .iter()
            .chain(aside)
            .copied()
            .filter(|&id| self.has_at(entity, location, id))
            .collect();
        self.tell_each(Watch::REMOVE, Cause::Replace, &had, &[entity], location);
        had
    }

    /// After an insertion: tells of the components that are new, and of those replaced (`had`). The caller settles.
    #[cold]
    pub(crate) fn tell_inserted(
        &mut self,
        entity: Entity,
        ids: &[ComponentId],
        aside: &[ComponentId],
        had: &[ComponentId],
    ) {
        let Some(location) = self.entities.get(entity) else {
            return;
        };
        for &id in ids.iter().chain(aside) {
            let cause = if had.contains(&id) {
                Cause::Replace
            } else {
                Cause::Insert
            };
            self.tell_each(Watch::INSERT, cause, &[id], &[entity], location);
        }
    }

    /// Before entities of one table lose components: tells of those that they have. Entities are rows `location.row..`.
    #[cold]
    pub(crate) fn tell_removed(
        &mut self,
        cause: Cause,
        entities: &[Entity],
        location: Location,
        ids: &[ComponentId],
        aside: &[ComponentId],
    ) {
        let table = &self.tables[location.table as usize];
        let present: Vec<_> = ids
            .iter()
            .copied()
            .filter(|&id| table.column_index(id).is_some())
            .collect();
        self.tell_each(Watch::REMOVE, cause, &present, entities, location);
        for &id in aside {
            if !self.watchers.of(id).has(Watch::REMOVE) {
                continue;
            }
            // Owners need not be rows side by side: one at a time.
            for (at, &entity) in entities.iter().enumerate() {
                let location = Location {
                    table: location.table,
                    row: location.row + at as u32,
                };
                if self.has_at(entity, location, id) {
                    self.tell_each(Watch::REMOVE, cause, &[id], &[entity], location);
                }
            }
        }
    }

    /// Before entities end: tells of all their components.
    #[cold]
    pub(crate) fn tell_despawned(&mut self, entities: &[Entity], location: Location) {
        let ids: Vec<_> = self.tables[location.table as usize].components().collect();
        let aside: Vec<_> = self
            .registry
            .infos()
            .iter()
            .filter(|info| !matches!(info.storage, Storage::Table))
            .map(|info| info.id)
            .collect();
        self.tell_removed(Cause::Despawn, entities, location, &ids, &aside);
    }

    /// Whether the entity at `location` has a component.
    pub(crate) fn has_at(&self, entity: Entity, location: Location, id: ComponentId) -> bool {
        let table = &self.tables[location.table as usize];
        match self.registry.info(id).storage {
            Storage::Table => table.column_index(id).is_some(),
            Storage::Sparse => self
                .sparse
                .get(id)
                .is_some_and(|set| set.row(entity).is_some()),
            Storage::Tag => table
                .tags()
                .get(id)
                .is_some_and(|tag| tag.has(location.row as usize)),
        }
    }

    /// Applies the commands that watchers recorded, and those recorded meanwhile. Nested operations leave it to the outermost.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if !self.watchers.settling && !self.watchers.deferred().queue.is_empty() {
            self.settle_now();
        }
    }

    /// Does several operations as one: the commands that watchers record apply when all are over, also if one panics (then at the next chance).
    /// So tables, plans and bundles keep their numbers in between.
    pub(crate) fn as_one<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        struct Whole<'w> {
            world: &'w mut World,
            before: bool,
        }
        impl Drop for Whole<'_> {
            fn drop(&mut self) {
                self.world.watchers.settling = self.before;
            }
        }
        let before = core::mem::replace(&mut self.watchers.settling, true);
        let whole = Whole {
            world: self,
            before,
        };
        let result = work(whole.world);
        drop(whole);
        self.settle();
        result
    }

    #[cold]
    fn settle_now(&mut self) {
        // What a panic leaves over waits for the next time.
        struct Settling<'w> {
            world: &'w mut World,
            queue: CommandQueue,
        }
        impl Drop for Settling<'_> {
            fn drop(&mut self) {
                let watchers = &mut self.world.watchers;
                watchers.settling = false;
                if !self.queue.is_empty() {
                    watchers
                        .deferred()
                        .stranded
                        .push(core::mem::take(&mut self.queue));
                }
            }
        }
        self.watchers.settling = true;
        let mut settling = Settling {
            world: self,
            queue: CommandQueue::new(),
        };
        loop {
            let deferred = settling.world.watchers.deferred();
            settling.queue = match deferred.stranded.is_empty() {
                false => deferred.stranded.remove(0),
                true => core::mem::take(&mut deferred.queue),
            };
            if settling.queue.is_empty() {
                return;
            }
            let errors = settling.queue.apply(settling.world);
            let watchers = &mut settling.world.watchers;
            let room = ERRORS.saturating_sub(watchers.errors.len());
            watchers.errors.extend(errors.into_iter().take(room));
        }
    }
}
