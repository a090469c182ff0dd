//! Lanes: the payloads of one kind of command, side by side, and how each kind applies.

use core::any::{Any, type_name};
use core::marker::PhantomData;
use std::collections::VecDeque;

use crate::bundle::Bundle;
use crate::command::CommandError;
use crate::command::merge::fields;
use crate::entity::Entity;
use crate::resource::Resource;
use crate::world::World;

/// How a command can be merged with others on the same entity.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Merge {
    Never,
    /// Its bundle is not known: doing it alone makes it known, or panics.
    NotYet,
    /// It inserts this bundle.
    Insert(u32),
    /// It removes this bundle.
    Remove(u32),
}

/// A kind of command.
pub(crate) trait Op: Send + 'static {
    /// Its name in errors, and the type it is about.
    const NAME: (&'static str, fn() -> &'static str);

    /// Applies it; `false` if the entity does not exist.
    fn apply(self, world: &mut World, entity: Entity) -> bool;

    /// How it can be merged with others on the same entity.
    fn merge(_world: &mut World) -> Merge {
        Merge::Never
    }

    /// Where the fields of what it inserts are.
    fn fields(&mut self, _out: &mut Vec<*const u8>) {}
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

    /// See [`Op::merge`].
    fn merge(&self, world: &mut World) -> Merge;

    /// See [`Op::fields`], of the first payload.
    fn fields(&mut self, out: &mut Vec<*const u8>);

    /// Takes the first payload, whose fields were moved out.
    fn forget(&mut self);

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

    fn merge(&self, world: &mut World) -> Merge {
        O::merge(world)
    }

    #[inline]
    fn fields(&mut self, out: &mut Vec<*const u8>) {
        if let Some(op) = self.0.front_mut() {
            op.fields(out);
        }
    }

    #[inline]
    fn forget(&mut self) {
        core::mem::forget(self.0.pop_front());
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

    fn merge(world: &mut World) -> Merge {
        world
            .known_bundle::<B>()
            .map_or(Merge::NotYet, Merge::Insert)
    }

    #[inline]
    fn fields(&mut self, out: &mut Vec<*const u8>) {
        fields(&mut self.0, out);
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

    fn merge(world: &mut World) -> Merge {
        world
            .known_bundle::<B>()
            .map_or(Merge::NotYet, Merge::Remove)
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
