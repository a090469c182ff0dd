//! Commands: structural changes noted by systems and made later, in order.

use crate::bundle::Bundle;
use crate::entity::Entity;
use crate::resource::Resource;
use crate::world::World;

type Command = Box<dyn FnOnce(&mut World) + Send>;

/// Changes to be made later.
#[derive(Default)]
pub struct CommandQueue {
    commands: Vec<Command>,
}

impl core::fmt::Debug for CommandQueue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CommandQueue")
            .field("commands", &self.commands.len())
            .finish()
    }
}

impl CommandQueue {
    /// Makes the changes in the order in which they were noted.
    ///
    /// If one panics, those after it are lost.
    pub fn apply(&mut self, world: &mut World) {
        for command in self.commands.drain(..) {
            command(world);
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.commands.clear();
    }
}

/// Notes structural changes while the world is only shared: a system parameter, or made by hand with [`Commands::new`].
///
/// In a schedule they are made, in the order of the systems, at the next [`Schedule::apply_commands`](crate::Schedule::apply_commands), before the next
/// exclusive system, or at the end. Changes to entities that are gone by then are passed over.
///
/// ```
/// use storm_ecs::{CommandQueue, Commands, Component, World};
/// #[derive(Component)] struct Health(u32);
///
/// let mut world = World::new();
/// let mut queue = CommandQueue::default();
/// let entity = {
///     let mut commands = Commands::new(&mut queue, &world);
///     let entity = commands.spawn(Health(1));
///     commands.insert(entity, Health(2));
///     entity
/// };
/// queue.apply(&mut world);
/// assert_eq!(world.get::<Health>(entity).unwrap().0, 2);
/// ```
#[derive(Debug)]
pub struct Commands<'w> {
    queue: &'w mut CommandQueue,
    world: &'w World,
}

impl<'w> Commands<'w> {
    /// Notes changes to `world` in `queue`.
    pub fn new(queue: &'w mut CommandQueue, world: &'w World) -> Self {
        Self { queue, world }
    }

    /// Does anything later.
    pub fn add(&mut self, command: impl FnOnce(&mut World) + Send + 'static) {
        self.queue.commands.push(Box::new(command));
    }

    /// Makes an entity later; its handle is valid from then on.
    pub fn spawn(&mut self, bundle: impl Bundle) -> Entity {
        let entity = self.world.reserve();
        self.insert(entity, bundle);
        entity
    }

    /// Gives components to an entity later.
    pub fn insert(&mut self, entity: Entity, bundle: impl Bundle) {
        // An entity that is gone by then is passed over.
        self.add(move |world| {
            let _ = world.insert(entity, bundle);
        });
    }

    /// Takes components from an entity later.
    pub fn remove<B: Bundle>(&mut self, entity: Entity) {
        // An entity that is gone by then is passed over.
        self.add(move |world| {
            let _ = world.remove::<B>(entity);
        });
    }

    /// Ends an entity later.
    pub fn despawn(&mut self, entity: Entity) {
        // An entity that is gone by then is passed over.
        self.add(move |world| {
            let _ = world.despawn(entity);
        });
    }

    /// Stores a resource later.
    pub fn insert_resource(&mut self, resource: impl Resource) {
        self.add(move |world| drop(world.insert_resource(resource)));
    }
}
