//! Commands: structural changes recorded now and applied later.
//!
//! A [`CommandQueue`] keeps a list of 16-byte records (lane, entity) and, for each kind of command and type of payload, a lane: a
//! queue of payloads side by side. Applying walks the records in order; a run of records of one lane is one call, a run on one entity is one
//! move where that makes no difference.
//!
//! Guarantees: commands apply in the order recorded; a command on a dead entity is reported and skipped; a panic in a
//! component's `Drop` or in a closure loses that command only.

pub(crate) mod lane;
mod merge;

use core::any::TypeId;
use core::fmt;

use crate::bundle::Bundle;
use crate::entity::Entity;
use crate::resource::Resource;
use crate::system::SystemParam;
use crate::system::access::AccessSet;
use crate::system::cell::{Ids, Lease};
use crate::world::World;
use lane::{Batch, Insert, InsertResource, Lane, Op, Remove, RemoveResource, Run, Typed};
use merge::Merges;

/// A command that could not be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandError {
    /// What was asked for: `"insert"`, `"remove"` or `"despawn"`.
    pub command: &'static str,
    /// The Rust type it was asked for; empty for `"despawn"`.
    pub bundle: &'static str,
    /// The entity, which does not exist.
    pub entity: Entity,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            command,
            bundle,
            entity,
        } = self;
        let space = if bundle.is_empty() { "" } else { " " };
        write!(f, "{command}{space}{bundle}: no such entity: {entity:?}")
    }
}

impl core::error::Error for CommandError {}

/// One command: its payload is the next in the lane.
#[derive(Clone, Copy, Debug)]
struct Record {
    lane: u32,
    entity: Entity,
}

/// Commands that become one move at most.
const LONGEST_MERGE: usize = 16;

/// The lane of despawns, which have no payload.
const DESPAWN: u32 = u32::MAX;

/// Recorded commands.
///
/// Systems use [`Commands`] and need not know of it. Outside systems, or on threads of one's own:
///
/// ```
/// use storm_ecs::{CommandQueue, Component, World};
/// #[derive(Component, Debug, PartialEq)]
/// struct Health(u32);
///
/// let mut world = World::new();
/// let mut queue = CommandQueue::new();
/// let entity = queue.commands(&world).spawn(Health(3)).id();
/// assert!(!world.contains(entity));
/// assert!(queue.apply(&mut world).is_empty(), "no command failed");
/// assert_eq!(world.get(entity), Some(&Health(3)));
/// ```
#[derive(Default)]
pub struct CommandQueue {
    records: Vec<Record>,
    lanes: Vec<Box<dyn Lane>>,
    /// By lane.
    kinds: Vec<TypeId>,
    /// Ids taken by position since the last apply.
    reserved: u32,
    merges: Merges,
}

impl fmt::Debug for CommandQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandQueue")
            .field("commands", &self.records.len())
            .finish_non_exhaustive()
    }
}

impl CommandQueue {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Commands recorded and not applied.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Records into this queue. Entities are reserved in `world`, where the queue is to be applied.
    pub fn commands<'a>(&'a mut self, world: &'a World) -> Commands<'a> {
        Commands {
            queue: self,
            ids: Source::Shared(world),
        }
    }

    /// Applies all commands in order and empties the queue; returns those that failed.
    ///
    /// # Panics
    /// If a `Drop` or closure among the commands panics. That command is over, those before it are applied, and the others stay in the queue.
    pub fn apply(&mut self, world: &mut World) -> Vec<CommandError> {
        let mut errors = Vec::new();
        self.apply_to(world, &mut errors);
        errors
    }

    /// Drops all commands unapplied. Entities reserved outside systems come alive empty.
    pub fn clear(&mut self) {
        self.reserved = 0;
        self.records.clear();
        for lane in &mut self.lanes {
            lane.clear();
        }
    }

    fn apply_to(&mut self, world: &mut World, errors: &mut Vec<CommandError>) {
        self.reserved = 0;
        if self.records.is_empty() {
            return;
        }
        world.flush();
        // Forgets the records that were applied, when a command panics too.
        struct Progress<'a> {
            records: &'a mut Vec<Record>,
            done: usize,
        }
        impl Drop for Progress<'_> {
            fn drop(&mut self) {
                self.records.drain(..self.done);
            }
        }
        let mut progress = Progress {
            records: &mut self.records,
            done: 0,
        };
        while let Some(&first) = progress.records.get(progress.done) {
            let lane = first.lane;
            let rest = &progress.records[progress.done..];
            let same = |record: &&Record| record.entity == first.entity && record.lane != DESPAWN;
            if rest.get(1).is_some_and(|next| same(&next))
                && same(&&first)
                && first.entity != Entity::DANGLING
            {
                let count = rest.iter().take_while(same).count();
                let run = &rest[..count.min(LONGEST_MERGE)];
                let done = &mut progress.done;
                if self
                    .merges
                    .apply(world, &mut self.lanes, run, first.entity, done)
                {
                    continue;
                }
            }
            let run = &rest[..rest.iter().take_while(|record| record.lane == lane).count()];
            if lane == DESPAWN {
                for &Record { entity, .. } in run {
                    progress.done += 1;
                    if world.despawn(entity).is_err() {
                        errors.push(CommandError {
                            command: "despawn",
                            bundle: "",
                            entity,
                        });
                    }
                }
            } else {
                let entities = &mut run.iter().map(|record| record.entity);
                self.lanes[lane as usize].apply(world, entities, &mut progress.done, errors);
            }
        }
    }

    /// Adds a command with its payload.
    #[inline]
    fn push<O: Op>(&mut self, entity: Entity, op: O) {
        let lane = self.lane::<O>();
        let typed = self.lanes[lane].as_any().downcast_mut::<Typed<O>>();
        match typed {
            Some(typed) => typed.push(op),
            None => unreachable!("a lane holds what its kind says"),
        }
        self.records.push(Record {
            lane: lane as u32,
            entity,
        });
    }

    #[inline]
    fn lane<O: Op>(&mut self) -> usize {
        let kind = TypeId::of::<O>();
        // A system records few kinds: a scan is cheaper than a hash.
        match self.kinds.iter().position(|&other| other == kind) {
            Some(lane) => lane,
            None => {
                self.kinds.push(kind);
                self.lanes.push(Box::new(Typed::<O>::default()));
                self.lanes.len() - 1
            }
        }
    }
}

/// Where ids come from.
enum Source<'a> {
    /// By position: the same ids at any number of threads.
    Positions(Ids<'a>),
    /// From the world's shared counter.
    Shared(&'a World),
}

/// Records structural changes, as a system parameter. They apply at the next sync point (see [`Schedule`](crate::Schedule)), all
/// of one system's before those of the next in the schedule's order.
///
/// ```
/// use storm_ecs::{Commands, Component, Entity, IntoSystems, Query, Schedule, World};
/// #[derive(Component)]
/// struct Health(u32);
/// #[derive(Component)]
/// struct Corpse;
///
/// fn bury(mut commands: Commands, healths: Query<(Entity, &Health)>) {
///     for (entity, health) in healths {
///         if health.0 == 0 {
///             commands.entity(entity).remove::<Health>().insert(Corpse);
///         }
///     }
/// }
/// fn count(corpses: Query<&Corpse>) {
///     assert_eq!(corpses.count(), 1);
/// }
///
/// let mut world = World::new();
/// world.spawn_batch([Health(0), Health(5)]);
/// let mut schedule = Schedule::new("example");
/// schedule.add_systems((bury, count).chain());
/// schedule.run(&mut world).unwrap();
/// ```
pub struct Commands<'a> {
    queue: &'a mut CommandQueue,
    ids: Source<'a>,
}

impl fmt::Debug for Commands<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Commands").field(&self.queue).finish()
    }
}

impl Commands<'_> {
    /// Makes an entity. Its id is valid at once, for storing in components and further commands; it comes alive when the commands apply.
    pub fn spawn<B: Bundle>(&mut self, bundle: B) -> EntityCommands<'_> {
        let entity = match &self.ids {
            Source::Positions(ids) => {
                let entity = ids.get(self.queue.reserved);
                self.queue.reserved += 1;
                entity
            }
            Source::Shared(world) => world.reserve(),
        };
        self.insert(entity, bundle);
        self.entity(entity)
    }

    /// Makes an entity of each bundle, with ids given when the commands apply: the cheapest way to make many.
    pub fn spawn_batch<I>(&mut self, bundles: I)
    where
        I: IntoIterator,
        I::Item: Bundle,
    {
        self.queue.push(
            Entity::DANGLING,
            Batch(bundles.into_iter().collect::<Vec<_>>()),
        );
    }

    /// Adds a command with its payload.
    pub(crate) fn push<O: Op>(&mut self, entity: Entity, op: O) {
        self.queue.push(entity, op);
    }

    /// Commands for one entity.
    pub fn entity(&mut self, entity: Entity) -> EntityCommands<'_> {
        EntityCommands {
            queue: self.queue,
            entity,
        }
    }

    /// Gives components to an entity, as [`World::insert`].
    #[inline]
    pub fn insert<B: Bundle>(&mut self, entity: Entity, bundle: B) {
        self.queue.push(entity, Insert(bundle));
    }

    /// Takes components from an entity, as [`World::remove`].
    #[inline]
    pub fn remove<B: Bundle>(&mut self, entity: Entity) {
        self.queue.push(entity, Remove::<B>::default());
    }

    /// Ends an entity, as [`World::despawn`].
    #[inline]
    pub fn despawn(&mut self, entity: Entity) {
        self.queue.records.push(Record {
            lane: DESPAWN,
            entity,
        });
    }

    /// Puts a resource in place; one that is there is dropped.
    pub fn insert_resource<T: Resource>(&mut self, value: T) {
        self.queue.push(Entity::DANGLING, InsertResource(value));
    }

    /// Takes a resource out and drops it.
    pub fn remove_resource<T: Resource>(&mut self) {
        self.queue
            .push(Entity::DANGLING, RemoveResource::<T>::default());
    }

    /// Runs a closure on the world.
    pub fn run(&mut self, work: impl FnOnce(&mut World) + Send + 'static) {
        self.queue.push(Entity::DANGLING, Run(work));
    }
}

/// Records commands for one entity; made by [`Commands::spawn`] and [`Commands::entity`].
#[derive(Debug)]
pub struct EntityCommands<'a> {
    queue: &'a mut CommandQueue,
    entity: Entity,
}

impl EntityCommands<'_> {
    /// The entity.
    #[must_use]
    pub fn id(&self) -> Entity {
        self.entity
    }

    /// Gives it components, as [`World::insert`].
    pub fn insert<B: Bundle>(&mut self, bundle: B) -> &mut Self {
        self.queue.push(self.entity, Insert(bundle));
        self
    }

    /// Takes components from it, as [`World::remove`].
    pub fn remove<B: Bundle>(&mut self) -> &mut Self {
        self.queue.push(self.entity, Remove::<B>::default());
        self
    }

    /// Ends it, as [`World::despawn`].
    pub fn despawn(self) {
        self.queue.records.push(Record {
            lane: DESPAWN,
            entity: self.entity,
        });
    }
}

impl SystemParam for Commands<'_> {
    type State = CommandQueue;
    type Item<'a> = Commands<'a>;

    fn access(set: &mut AccessSet) {
        set.add_commands("Commands");
    }

    fn init(_: &mut World, _: &AccessSet) -> CommandQueue {
        CommandQueue::new()
    }

    #[inline]
    fn fetch<'a>(state: &'a mut CommandQueue, lease: &Lease<'a>) -> Commands<'a> {
        Commands {
            queue: state,
            ids: Source::Positions(lease.ids()),
        }
    }

    #[inline]
    fn reserved(state: &CommandQueue) -> u32 {
        state.reserved
    }

    #[inline]
    fn apply(state: &mut CommandQueue, world: &mut World, errors: &mut Vec<CommandError>) {
        state.apply_to(world, errors);
    }

    fn discard(state: &mut CommandQueue) {
        state.clear();
    }
}
