//! Commands that relate entities.

use core::any::type_name;
use core::marker::PhantomData;

use crate::command::Commands;
use crate::command::lane::Op;
use crate::entity::Entity;
use crate::relation::edges::Relation;
use crate::world::World;

struct Relate<R: Relation> {
    target: Entity,
    data: R::Data,
}

impl<R: Relation> Op for Relate<R> {
    const NAME: (&'static str, fn() -> &'static str) = ("relate", type_name::<R>);

    fn apply(self, world: &mut World, source: Entity) -> bool {
        world.relate::<R>(source, self.target, self.data).is_ok()
    }
}

struct Unrelate<R> {
    target: Entity,
    relation: PhantomData<fn() -> R>,
}

impl<R: Relation> Op for Unrelate<R> {
    const NAME: (&'static str, fn() -> &'static str) = ("unrelate", type_name::<R>);

    fn apply(self, world: &mut World, source: Entity) -> bool {
        world.unrelate::<R>(source, self.target);
        world.contains(source)
    }
}

impl Commands<'_> {
    /// Relates `source` to `target`, as [`World::relate`]. Fails, and names the source, if one of them is not alive then.
    ///
    /// ```
    /// use storm_ecs::{CommandQueue, Relation, World};
    /// struct Hunts;
    /// impl Relation for Hunts {
    ///     const NAME: &'static str = "game.Hunts";
    ///     type Data = u8;
    /// }
    ///
    /// let mut world = World::new();
    /// let mut queue = CommandQueue::new();
    /// let mut commands = queue.commands(&world);
    /// let (fox, hare) = (commands.spawn(()).id(), commands.spawn(()).id());
    /// commands.relate::<Hunts>(fox, hare, 3);
    /// assert!(queue.apply(&mut world).is_empty());
    /// assert_eq!(world.relation::<Hunts>(fox, hare), Some(&3));
    /// ```
    pub fn relate<R: Relation>(&mut self, source: Entity, target: Entity, data: R::Data) {
        self.push(source, Relate::<R> { target, data });
    }

    /// Takes the edge from `source` to `target` away, as [`World::unrelate`].
    pub fn unrelate<R: Relation>(&mut self, source: Entity, target: Entity) {
        let unrelate = Unrelate::<R> {
            target,
            relation: PhantomData,
        };
        self.push(source, unrelate);
    }
}
