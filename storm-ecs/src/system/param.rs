//! What a system's parameters may be.
//!
//! Invariant: a parameter's `fetch` touches nothing but what its `init` added to the access set.
#![expect(unsafe_code, reason = "systems share a world by their access sets")]

use core::any::type_name;
use core::ops::{Deref, DerefMut};

use super::SystemAccess;
use crate::commands::{CommandQueue, Commands};
use crate::event::Events;
use crate::query::access::Access;
use crate::query::filter::Reads;
use crate::query::{Query, QueryData, QueryFilter, QueryState};
use crate::resource::{Resource, missing};
use crate::tick::ChangeTick;
use crate::world::World;

/// A parameter of a system: [`Query`], [`Res`], [`ResMut`], [`Local`], [`Commands`], [`EventReader`], [`EventWriter`].
///
/// # Safety
/// Not to be implemented outside this crate.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be a parameter of a system")]
pub unsafe trait SystemParam {
    #[doc(hidden)]
    type State: Send + 'static;
    /// What the function gets.
    type Item<'w>;

    #[doc(hidden)]
    fn init(world: &mut World, system: &'static str, access: &mut SystemAccess) -> Self::State;

    /// # Safety
    /// For `'w` the caller lends the access that `init` named.
    #[doc(hidden)]
    unsafe fn fetch<'w>(
        state: &'w mut Self::State,
        world: &'w World,
        last: ChangeTick,
    ) -> Self::Item<'w>;

    #[doc(hidden)]
    fn apply(_state: &mut Self::State, _world: &mut World) {}

    #[doc(hidden)]
    fn discard(_state: &mut Self::State) {}
}

// --- Query --------------------------------------------------------------------------------------------------------

fn add_access(access: &mut SystemAccess, system: &'static str, tree: &Access) {
    match tree {
        Access::Nothing => {}
        Access::Component(name, write) => access.add(system, name, *write),
        Access::All(parts) => parts
            .iter()
            .for_each(|part| add_access(access, system, part)),
    }
}

fn add_reads(access: &mut SystemAccess, own: &Access, system: &'static str, reads: &Reads) {
    match reads {
        Reads::Nothing => {}
        // What the query itself touches it may also read the ticks of.
        Reads::Component(name) if own.touches(name) => access.reads_changes = true,
        Reads::Component(name) => {
            access.reads_changes = true;
            access.add(system, name, false);
        }
        Reads::All(parts) => parts
            .iter()
            .for_each(|part| add_reads(access, own, system, part)),
    }
}

// SAFETY: the components that a query names are added.
unsafe impl<Q: QueryData + 'static, F: QueryFilter + 'static> SystemParam for Query<'_, Q, F> {
    type State = QueryState<Q, F>;
    type Item<'w> = Query<'w, Q, F>;

    fn init(world: &mut World, system: &'static str, access: &mut SystemAccess) -> Self::State {
        add_access(access, system, &Q::ACCESS);
        add_reads(access, &Q::ACCESS, system, &F::READS);
        QueryState::new(world)
    }

    #[inline]
    unsafe fn fetch<'w>(
        state: &'w mut Self::State,
        world: &'w World,
        last: ChangeTick,
    ) -> Self::Item<'w> {
        // SAFETY: as the caller promises.
        unsafe { state.query_shared(world) }.since(last)
    }
}

// --- resources ----------------------------------------------------------------------------------------------------

/// A resource, for reading. The system panics if it is missing.
#[derive(Debug)]
pub struct Res<'w, R>(&'w R);

impl<R> Deref for Res<'_, R> {
    type Target = R;

    #[inline]
    fn deref(&self) -> &R {
        self.0
    }
}

// SAFETY: the resource is added for reading.
unsafe impl<R: Resource> SystemParam for Res<'_, R> {
    type State = ();
    type Item<'w> = Res<'w, R>;

    fn init(_: &mut World, system: &'static str, access: &mut SystemAccess) {
        access.add(system, type_name::<R>(), false);
    }

    #[inline]
    unsafe fn fetch<'w>((): &'w mut (), world: &'w World, _: ChangeTick) -> Res<'w, R> {
        // SAFETY: the caller lends read access.
        Res(unsafe { world.resources.get::<R>() }.unwrap_or_else(|| missing::<R>()))
    }
}

/// A resource, for writing. The system panics if it is missing.
#[derive(Debug)]
pub struct ResMut<'w, R>(&'w mut R);

impl<R> Deref for ResMut<'_, R> {
    type Target = R;

    #[inline]
    fn deref(&self) -> &R {
        self.0
    }
}

impl<R> DerefMut for ResMut<'_, R> {
    #[inline]
    fn deref_mut(&mut self) -> &mut R {
        self.0
    }
}

// SAFETY: the resource is added for writing.
unsafe impl<R: Resource> SystemParam for ResMut<'_, R> {
    type State = ();
    type Item<'w> = ResMut<'w, R>;

    fn init(_: &mut World, system: &'static str, access: &mut SystemAccess) {
        access.add(system, type_name::<R>(), true);
    }

    #[inline]
    unsafe fn fetch<'w>((): &'w mut (), world: &'w World, _: ChangeTick) -> ResMut<'w, R> {
        // SAFETY: the caller lends exclusive access.
        ResMut(unsafe { world.resources.get_mut::<R>() }.unwrap_or_else(|| missing::<R>()))
    }
}

// --- Local --------------------------------------------------------------------------------------------------------

/// A value that the system keeps to itself from run to run.
#[derive(Debug)]
pub struct Local<'w, T>(&'w mut T);

impl<T> Deref for Local<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0
    }
}

impl<T> DerefMut for Local<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0
    }
}

// SAFETY: touches nothing of the world.
unsafe impl<T: Default + Send + 'static> SystemParam for Local<'_, T> {
    type State = T;
    type Item<'w> = Local<'w, T>;

    fn init(_: &mut World, _: &'static str, _: &mut SystemAccess) -> T {
        T::default()
    }

    #[inline]
    unsafe fn fetch<'w>(state: &'w mut T, _: &'w World, _: ChangeTick) -> Local<'w, T> {
        Local(state)
    }
}

// --- Commands -----------------------------------------------------------------------------------------------------

// SAFETY: reserving ids is open to all; changes are made when the world is exclusive.
unsafe impl SystemParam for Commands<'_> {
    type State = CommandQueue;
    type Item<'w> = Commands<'w>;

    fn init(_: &mut World, _: &'static str, _: &mut SystemAccess) -> CommandQueue {
        CommandQueue::default()
    }

    #[inline]
    unsafe fn fetch<'w>(
        state: &'w mut CommandQueue,
        world: &'w World,
        _: ChangeTick,
    ) -> Commands<'w> {
        Commands::new(state, world)
    }

    fn apply(state: &mut CommandQueue, world: &mut World) {
        state.apply(world);
    }

    fn discard(state: &mut CommandQueue) {
        state.clear();
    }
}

// --- events -------------------------------------------------------------------------------------------------------

/// Reads the events of a type, each once.
#[derive(Debug)]
pub struct EventReader<'w, E> {
    events: &'w Events<E>,
    cursor: &'w mut u64,
}

impl<E> EventReader<'_, E> {
    /// What was sent since the last read, oldest first.
    pub fn read(&mut self) -> core::slice::Iter<'_, E> {
        self.events.read(self.cursor)
    }
}

// SAFETY: the events are added for reading.
unsafe impl<E: Resource> SystemParam for EventReader<'_, E> {
    type State = u64;
    type Item<'w> = EventReader<'w, E>;

    fn init(world: &mut World, system: &'static str, access: &mut SystemAccess) -> u64 {
        world.add_event::<E>();
        access.add(system, type_name::<Events<E>>(), false);
        0
    }

    #[inline]
    unsafe fn fetch<'w>(
        cursor: &'w mut u64,
        world: &'w World,
        _: ChangeTick,
    ) -> EventReader<'w, E> {
        // SAFETY: the caller lends read access.
        let events =
            unsafe { world.resources.get::<Events<E>>() }.unwrap_or_else(|| missing::<Events<E>>());
        EventReader { events, cursor }
    }
}

/// Sends events of a type.
#[derive(Debug)]
pub struct EventWriter<'w, E>(&'w mut Events<E>);

impl<E> EventWriter<'_, E> {
    /// Sends an event.
    pub fn send(&mut self, event: E) {
        self.0.send(event);
    }
}

// SAFETY: the events are added for writing.
unsafe impl<E: Resource> SystemParam for EventWriter<'_, E> {
    type State = ();
    type Item<'w> = EventWriter<'w, E>;

    fn init(world: &mut World, system: &'static str, access: &mut SystemAccess) {
        world.add_event::<E>();
        access.add(system, type_name::<Events<E>>(), true);
    }

    #[inline]
    unsafe fn fetch<'w>((): &'w mut (), world: &'w World, _: ChangeTick) -> EventWriter<'w, E> {
        // SAFETY: the caller lends exclusive access.
        let events = unsafe { world.resources.get_mut::<Events<E>>() };
        EventWriter(events.unwrap_or_else(|| missing::<Events<E>>()))
    }
}

// --- tuples -------------------------------------------------------------------------------------------------------

macro_rules! tuple_param {
    ($($name:ident $index:tt)*) => {
        // SAFETY: each part adds what it touches, and parts that conflict are refused.
        #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple")]
        unsafe impl<$($name: SystemParam),*> SystemParam for ($($name,)*) {
            type State = ($($name::State,)*);
            type Item<'w> = ($($name::Item<'w>,)*);

            fn init(world: &mut World, system: &'static str, access: &mut SystemAccess) -> Self::State {
                ($($name::init(world, system, access),)*)
            }

            #[inline]
            unsafe fn fetch<'w>(state: &'w mut Self::State, world: &'w World, last: ChangeTick) -> Self::Item<'w> {
                // SAFETY: as the caller promises.
                ($(unsafe { $name::fetch(&mut state.$index, world, last) },)*)
            }

            fn apply(state: &mut Self::State, world: &mut World) {
                $($name::apply(&mut state.$index, world);)*
            }

            fn discard(state: &mut Self::State) {
                $($name::discard(&mut state.$index);)*
            }
        }
    };
}

tuple_param!();
tuple_param!(A 0);
tuple_param!(A 0 B 1);
tuple_param!(A 0 B 1 C 2);
tuple_param!(A 0 B 1 C 2 D 3);
tuple_param!(A 0 B 1 C 2 D 3 E 4);
tuple_param!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple_param!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple_param!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
