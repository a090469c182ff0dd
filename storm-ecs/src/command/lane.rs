//! Lanes: the payloads of one kind of command, side by side, and how each kind applies.

use core::any::{Any, type_name};
use core::marker::PhantomData;
use std::collections::VecDeque;

use crate::bundle::Bundle;
use crate::command::CommandError;
use crate::entity::Entity;
use crate::resource::Resource;
use crate::world::World;

/// A kind of command.
pub(crate) trait Op: Send + 'static {
    /// Its name in errors, and the type it is about.
    const NAME: (&'static str, fn() -> &'static str);

    /// Applies it; `false` if the entity does not exist.
    fn apply(self, world: &mut World, entity: Entity) -> bool;
}

/// A queue of payloads whose type is known inside.
pub(crate) trait Lane: Send {
    /// Applies one payload for each of `entities`; counts in `done` those that are over, before they apply.
    fn apply(
        &mut self,
        world: &mut World,
        entities: &mut dyn Iterator<Item = Entity>,
        done: &mut usize,
        errors: &mut Vec<CommandError>,
    );

    fn clear(&mut self);

    fn as_any(&mut self) -> &mut dyn Any;
}

/// The lane of one kind.
pub(crate) struct Typed<O>(VecDeque<O>);

impl<O> Default for Typed<O> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<O> Typed<O> {
    #[inline]
    pub(crate) fn push(&mut self, op: O) {
        self.0.push_back(op);
    }
}

impl<O: Op> Lane for Typed<O> {
    fn apply(
        &mut self,
        world: &mut World,
        entities: &mut dyn Iterator<Item = Entity>,
        done: &mut usize,
        errors: &mut Vec<CommandError>,
    ) {
        for entity in entities {
            let Some(op) = self.0.pop_front() else {
                unreachable!("each record has its payload")
            };
            *done += 1;
            if !op.apply(world, entity) {
                errors.push(CommandError {
                    command: O::NAME.0,
                    bundle: O::NAME.1(),
                    entity,
                });
            }
        }
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

pub(crate) struct Insert<B>(pub(crate) B);

impl<B: Bundle> Op for Insert<B> {
    const NAME: (&'static str, fn() -> &'static str) = ("insert", type_name::<B>);

    #[inline]
    fn apply(self, world: &mut World, entity: Entity) -> bool {
        world.insert(entity, self.0).is_ok()
    }
}

pub(crate) struct Remove<B>(PhantomData<fn() -> B>);

impl<B> Default for Remove<B> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<B: Bundle> Op for Remove<B> {
    const NAME: (&'static str, fn() -> &'static str) = ("remove", type_name::<B>);

    #[inline]
    fn apply(self, world: &mut World, entity: Entity) -> bool {
        world.remove::<B>(entity).is_ok()
    }
}

pub(crate) struct Batch<B>(pub(crate) Vec<B>);

impl<B: Bundle> Op for Batch<B> {
    const NAME: (&'static str, fn() -> &'static str) = ("spawn", type_name::<B>);

    fn apply(self, world: &mut World, _: Entity) -> bool {
        world.spawn_batch(self.0);
        true
    }
}

pub(crate) struct InsertResource<T>(pub(crate) T);

impl<T: Resource> Op for InsertResource<T> {
    const NAME: (&'static str, fn() -> &'static str) = ("insert resource", type_name::<T>);

    fn apply(self, world: &mut World, _: Entity) -> bool {
        world.insert_resource(self.0);
        true
    }
}

pub(crate) struct RemoveResource<T>(PhantomData<fn() -> T>);

impl<T> Default for RemoveResource<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Resource> Op for RemoveResource<T> {
    const NAME: (&'static str, fn() -> &'static str) = ("remove resource", type_name::<T>);

    fn apply(self, world: &mut World, _: Entity) -> bool {
        world.remove_resource::<T>();
        true
    }
}

pub(crate) struct Run<F>(pub(crate) F);

impl<F: FnOnce(&mut World) + Send + 'static> Op for Run<F> {
    const NAME: (&'static str, fn() -> &'static str) = ("run", type_name::<F>);

    fn apply(self, world: &mut World, _: Entity) -> bool {
        (self.0)(world);
        true
    }
}
