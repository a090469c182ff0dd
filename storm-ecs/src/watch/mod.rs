//! Watching structure: hooks that a component declares, and observers that are added at run time.
//!
//! Both are told of whole slices of entities: one call an operation and component, however many entities it touched. Insertions are told
//! when the world is whole again, removals before anything changes, so that the values can still be read. Watchers see the world through
//! [`DeferredWorld`]: values can be written at once, structural changes are commands that apply when the operation is over.
//!
//! What nobody watches costs a test of a bit mask per operation.

mod deferred;
mod notify;

use std::sync::{Arc, Mutex, PoisonError};

use crate::command::{CommandError, CommandQueue};
use crate::component::{Component, ComponentId};
use crate::entity::Entity;
use crate::table::TableId;
use crate::world::World;

pub use deferred::DeferredWorld;

/// What a component's type does when values of it are inserted or removed.
///
/// ```
/// use storm_ecs::{Component, DeferredWorld, Resource, Rows, World};
///
/// #[derive(Resource, Default)]
/// struct Census(i64);
///
/// #[derive(Component)]
/// #[component(on_insert = born, on_remove = gone)]
/// struct Citizen;
///
/// fn born(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
///     if let Some(census) = world.resource_mut::<Census>() {
///         census.0 += rows.entities().len() as i64;
///     }
/// }
/// fn gone(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
///     if let Some(census) = world.resource_mut::<Census>() {
///         census.0 -= rows.entities().len() as i64;
///     }
/// }
///
/// let mut world = World::new();
/// world.insert_resource(Census::default());
/// let made = world.spawn_batch((0..5).map(|_| Citizen));
/// world.despawn(made[0])?;
/// assert_eq!(world.resource::<Census>().unwrap().0, 4);
/// # Ok::<(), storm_ecs::NoSuchEntity>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks {
    pub(crate) insert: Option<Hook>,
    pub(crate) remove: Option<Hook>,
}

/// A hook: a function of the component's type.
pub type Hook = fn(&mut DeferredWorld<'_>, &Rows<'_>);

impl Hooks {
    /// No hooks.
    pub const NONE: Self = Self {
        insert: None,
        remove: None,
    };

    /// Runs `hook` when values were inserted: by spawning, by inserting, or in place of others.
    #[must_use]
    pub const fn on_insert(self, hook: Hook) -> Self {
        Self {
            insert: Some(hook),
            ..self
        }
    }

    /// Runs `hook` when values are about to go: by despawning, removing, or being replaced.
    #[must_use]
    pub const fn on_remove(self, hook: Hook) -> Self {
        Self {
            remove: Some(hook),
            ..self
        }
    }
}

/// Why a watcher is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The entities were spawned with the component.
    Spawn,
    /// The entities gained the component.
    Insert,
    /// The value takes the place of another: told once before (removal) and once after (insertion).
    Replace,
    /// The entities lose the component.
    Remove,
    /// The entities end.
    Despawn,
}

/// What a watcher is told: which component, of which entities, and why.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub(crate) component: ComponentId,
    pub(crate) cause: Cause,
    pub(crate) entities: &'a [Entity],
    pub(crate) table: TableId,
    pub(crate) start: usize,
}

impl<'a> Rows<'a> {
    /// In place of the first row: the entities are not rows side by side. No table has so many.
    pub(crate) const APART: u32 = u32::MAX;

    /// The component.
    #[must_use]
    pub fn component(&self) -> ComponentId {
        self.component
    }

    /// Why.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The entities: all of one table, in the order of its rows.
    #[must_use]
    pub fn entities(&self) -> &'a [Entity] {
        self.entities
    }

    /// Their table.
    #[must_use]
    pub fn table(&self) -> TableId {
        self.table
    }
}

/// What is watched: bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch(u8);

impl Watch {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const INSERT: Self = Self(1);
    pub(crate) const REMOVE: Self = Self(2);

    #[inline]
    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    #[inline]
    pub(crate) fn any(self) -> bool {
        self.0 != 0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Names an observer, for [`World::unobserve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObserverId(u64);

type Observer = Arc<dyn Fn(&mut DeferredWorld<'_>, &Rows<'_>) + Send + Sync>;

/// Observers of one component.
#[derive(Default)]
struct Listeners {
    insert: Arc<[(ObserverId, Observer)]>,
    remove: Arc<[(ObserverId, Observer)]>,
}

impl Listeners {
    fn of(&mut self, kind: Watch) -> &mut Arc<[(ObserverId, Observer)]> {
        if kind == Watch::INSERT {
            &mut self.insert
        } else {
            &mut self.remove
        }
    }
}

/// What a world keeps for watchers.
#[derive(Default)]
pub(crate) struct Watchers {
    /// By component.
    listeners: Vec<Listeners>,
    /// What is watched, by component.
    watch: Vec<Watch>,
    next: u64,
    /// Only ever reached through `&mut`: the lock makes the world `Sync`, for commands are not.
    deferred: Mutex<Deferred>,
    /// Whether such commands are being applied.
    settling: bool,
    errors: Vec<CommandError>,
}

/// Commands of watchers that wait for the operation to end.
#[derive(Default)]
struct Deferred {
    queue: CommandQueue,
    /// Queues that a panic interrupted.
    stranded: Vec<CommandQueue>,
}

impl Watchers {
    #[inline]
    fn deferred(&mut self) -> &mut Deferred {
        self.deferred
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(crate) fn of(&self, id: ComponentId) -> Watch {
        self.watch.get(id.index()).copied().unwrap_or_default()
    }

    /// Takes a new component in.
    pub(crate) fn register(&mut self, id: ComponentId, hooks: Hooks) {
        if self.watch.len() <= id.index() {
            self.watch.resize(id.index() + 1, Watch::NOTHING);
            self.listeners
                .resize_with(id.index() + 1, Listeners::default);
        }
        self.listeners[id.index()] = Listeners::default();
        let insert = hooks.insert.map_or(Watch::NOTHING, |_| Watch::INSERT);
        let remove = hooks.remove.map_or(Watch::NOTHING, |_| Watch::REMOVE);
        self.watch[id.index()] = insert.with(remove);
    }
}

impl World {
    /// Calls `observer` whenever values of `T` were inserted: by spawning, by inserting, or in place of others.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use storm_ecs::{Component, World};
    /// #[derive(Component)]
    /// struct Enemy;
    ///
    /// static SEEN: AtomicUsize = AtomicUsize::new(0);
    /// let mut world = World::new();
    /// let observer = world.observe_insert::<Enemy>(|_, rows| {
    ///     SEEN.fetch_add(rows.entities().len(), Ordering::Relaxed);
    /// });
    /// world.spawn_batch((0..3).map(|_| Enemy));
    /// assert!(world.unobserve(observer));
    /// world.spawn(Enemy);
    /// assert_eq!(SEEN.load(Ordering::Relaxed), 3);
    /// ```
    ///
    /// Observers run after the component's own hook, in the order in which they were added. Restoring snapshots and applying deltas
    /// calls no one: see [`World::restore`].
    pub fn observe_insert<T: Component>(
        &mut self,
        observer: impl Fn(&mut DeferredWorld<'_>, &Rows<'_>) + Send + Sync + 'static,
    ) -> ObserverId {
        let id = self.register::<T>();
        self.observe(id, Watch::INSERT, Arc::new(observer))
    }

    /// Calls `observer` whenever values of `T` are about to go: by despawning, removing, or being replaced. They can still be read.
    pub fn observe_remove<T: Component>(
        &mut self,
        observer: impl Fn(&mut DeferredWorld<'_>, &Rows<'_>) + Send + Sync + 'static,
    ) -> ObserverId {
        let id = self.register::<T>();
        self.observe(id, Watch::REMOVE, Arc::new(observer))
    }

    /// [`observe_insert`](Self::observe_insert) by number.
    ///
    /// # Errors
    /// If the number names no component.
    pub fn observe_insert_id(
        &mut self,
        component: ComponentId,
        observer: impl Fn(&mut DeferredWorld<'_>, &Rows<'_>) + Send + Sync + 'static,
    ) -> Result<ObserverId, crate::dynamic::DynamicError> {
        self.known(component)?;
        Ok(self.observe(component, Watch::INSERT, Arc::new(observer)))
    }

    /// [`observe_remove`](Self::observe_remove) by number.
    ///
    /// # Errors
    /// If the number names no component.
    pub fn observe_remove_id(
        &mut self,
        component: ComponentId,
        observer: impl Fn(&mut DeferredWorld<'_>, &Rows<'_>) + Send + Sync + 'static,
    ) -> Result<ObserverId, crate::dynamic::DynamicError> {
        self.known(component)?;
        Ok(self.observe(component, Watch::REMOVE, Arc::new(observer)))
    }

    fn observe(&mut self, component: ComponentId, kind: Watch, observer: Observer) -> ObserverId {
        let id = ObserverId(self.watchers.next);
        self.watchers.next += 1;
        let list = self.watchers.listeners[component.index()].of(kind);
        *list = list.iter().cloned().chain([(id, observer)]).collect();
        let watch = &mut self.watchers.watch[component.index()];
        *watch = watch.with(kind);
        self.refresh_watch();
        id
    }

    /// Takes an observer out; says whether it was there.
    pub fn unobserve(&mut self, observer: ObserverId) -> bool {
        for number in 0..self.watchers.listeners.len() {
            for kind in [Watch::INSERT, Watch::REMOVE] {
                let list = self.watchers.listeners[number].of(kind);
                if !list.iter().any(|(id, _)| *id == observer) {
                    continue;
                }
                *list = list
                    .iter()
                    .filter(|(id, _)| *id != observer)
                    .cloned()
                    .collect();
                let empty = Watch::NOTHING;
                let hooks = self.registry.infos()[number].hooks;
                let listeners = &mut self.watchers.listeners[number];
                let insert = hooks.insert.is_some() || !listeners.insert.is_empty();
                let remove = hooks.remove.is_some() || !listeners.remove.is_empty();
                self.watchers.watch[number] = (if insert { Watch::INSERT } else { empty })
                    .with(if remove { Watch::REMOVE } else { empty });
                self.refresh_watch();
                return true;
            }
        }
        false
    }

    /// What of these components is watched.
    pub(crate) fn watch_of(&self, ids: &[ComponentId]) -> Watch {
        ids.iter()
            .fold(Watch::NOTHING, |all, &id| all.with(self.watchers.of(id)))
    }

    /// What is watched of the removal of components that are not in columns: any entity may have them.
    pub(crate) fn watch_of_aside(&self) -> Watch {
        let aside = self.registry.infos().iter();
        let aside = aside.filter(|info| !matches!(info.storage, crate::component::Storage::Table));
        let removals = aside.filter(|info| self.watchers.of(info.id).has(Watch::REMOVE));
        removals.fold(Watch::NOTHING, |all, _| all.with(Watch::REMOVE))
    }

    /// Tells tables and bundles what is watched of their components.
    pub(crate) fn refresh_watch(&mut self) {
        for number in 0..self.tables.len() {
            let ids: Vec<_> = self.tables[number].components().collect();
            let watch = self.watch_of(&ids).with(self.watch_of_aside());
            self.tables[number].set_watch(watch);
        }
        for number in 0..self.bundles.len() {
            let info = &self.bundles[number];
            let watch = self.watch_of(&info.ids).with(self.watch_of(&info.aside));
            self.bundles[number].watch = watch;
        }
        self.refresh_plans();
    }

    /// Commands of watchers that failed since this was last asked, the first 1024 of them.
    pub fn take_watch_errors(&mut self) -> Vec<CommandError> {
        core::mem::take(&mut self.watchers.errors)
    }
}
