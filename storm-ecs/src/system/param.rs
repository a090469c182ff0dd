//! What a system can ask for: queries, resources, commands, events, local state, the whole world for reading, and tuples.
//!
//! Everything here is safe: access goes through the claims of [`cell`](crate::system::cell).

use core::any::type_name;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::command::CommandError;
use crate::query::{Query, QueryData, QueryFilter};
use crate::resource::Resource;
use crate::system::access::AccessSet;
use crate::system::cell::{Lease, QueryClaim, ResourceClaim, WorldClaim, resource_key};
use crate::world::World;

/// A parameter of a system.
///
/// | type | gives | conflicts with |
/// | --- | --- | --- |
/// | [`Query<Q, F>`](Query) | entities; `Changed` and `Added` ask for what is newer than the system's last run | queries that share a component, if one writes |
/// | [`Res<T>`](Res) | a resource, for reading | `ResMut<T>` |
/// | [`ResMut<T>`](ResMut) | a resource, for writing | `Res<T>`, `ResMut<T>` |
/// | `Option<Res<T>>`, `Option<ResMut<T>>` | the same, if it is there | as above |
/// | [`Commands`](crate::Commands) | recording of structural changes | `Commands` and `&World` in the same system |
/// | [`EventReader<E>`](crate::EventReader) | events since the system last read | nothing |
/// | [`EventWriter<E>`](crate::EventWriter) | sending of events | nothing |
/// | [`Local<T>`](Local) | a value of the system's own, at first `T::default()` | nothing |
/// | `&World` | everything, for reading; the system runs alone | everything that writes, and `Commands` |
/// | tuples (up to 12) | their parts | as their parts |
///
/// Parameters of one system that conflict are refused with a panic when the system is made. Not to be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a system parameter",
    note = "use `Query`, `Res`, `ResMut`, `Commands`, `EventReader`, `EventWriter`, `Local`, `&World` or a tuple of these; \
            `&mut World` must be the only parameter"
)]
pub trait SystemParam: Sized {
    #[doc(hidden)]
    type State: Send + 'static;
    #[doc(hidden)]
    type Item<'a>: SystemParam<State = Self::State>;

    /// Adds what the parameter touches.
    #[doc(hidden)]
    fn access(set: &mut AccessSet);

    #[doc(hidden)]
    fn init(world: &mut World, set: &AccessSet) -> Self::State;

    #[doc(hidden)]
    fn fetch<'a>(state: &'a mut Self::State, lease: &Lease<'a>) -> Self::Item<'a>;

    /// How many ids the last run took.
    #[doc(hidden)]
    #[inline]
    fn reserved(_state: &Self::State) -> u32 {
        0
    }

    /// Applies what the last run deferred.
    #[doc(hidden)]
    #[inline]
    fn apply(_state: &mut Self::State, _world: &mut World, _errors: &mut Vec<CommandError>) {}

    /// Forgets what the last run deferred.
    #[doc(hidden)]
    #[inline]
    fn discard(_state: &mut Self::State) {}
}

impl<Q: QueryData + 'static, F: QueryFilter + 'static> SystemParam for Query<'_, Q, F> {
    type State = QueryClaim<Q, F>;
    type Item<'a> = Query<'a, Q, F>;

    fn access(set: &mut AccessSet) {
        set.add_query(type_name::<Self>(), &Q::ACCESS, &F::READS);
    }

    fn init(world: &mut World, set: &AccessSet) -> Self::State {
        QueryClaim::new(world, set)
    }

    #[inline]
    fn fetch<'a>(state: &'a mut Self::State, lease: &Lease<'a>) -> Self::Item<'a> {
        state.redeem(lease)
    }
}

impl SystemParam for &World {
    type State = WorldClaim;
    type Item<'a> = &'a World;

    fn access(set: &mut AccessSet) {
        set.add_world(type_name::<Self>());
    }

    fn init(world: &mut World, set: &AccessSet) -> WorldClaim {
        WorldClaim::new(world, set)
    }

    #[inline]
    fn fetch<'a>(state: &'a mut WorldClaim, lease: &Lease<'a>) -> &'a World {
        state.redeem(lease)
    }
}

// --- resources ----------------------------------------------------------------------------------------------------

/// A resource, for reading.
///
/// A system that asks for one that is not there panics when it runs; `Option<Res<T>>` does not.
///
/// ```
/// use storm_ecs::{Res, Resource, World};
/// #[derive(Resource)]
/// struct Gravity(f32);
///
/// let mut world = World::new();
/// world.insert_resource(Gravity(-9.81));
/// let down = world.run_system(|gravity: Res<Gravity>| gravity.0).unwrap();
/// assert_eq!(down, -9.81);
/// ```
#[derive(Debug)]
pub struct Res<'w, T> {
    value: &'w T,
    added: u32,
    changed: u32,
    since: u32,
}

impl<T> Res<'_, T> {
    /// Whether it was written since the system's last run, or inserted.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.changed > self.since
    }

    /// Whether it was inserted since the system's last run.
    #[must_use]
    pub fn is_added(&self) -> bool {
        self.added > self.since
    }
}

impl<T> Deref for Res<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value
    }
}

/// A resource, for writing. It counts as changed once it is written through, not before.
///
/// ```
/// use storm_ecs::{ResMut, Resource, World};
/// #[derive(Resource, Debug, PartialEq)]
/// struct Score(u32);
///
/// let mut world = World::new();
/// world.insert_resource(Score(1));
/// world.run_system(|mut score: ResMut<Score>| score.0 += 1).unwrap();
/// assert_eq!(world.resource(), Some(&Score(2)));
/// ```
#[derive(Debug)]
pub struct ResMut<'w, T> {
    value: &'w mut T,
    added: u32,
    changed: &'w AtomicU32,
    since: u32,
    now: u32,
}

impl<'w, T> ResMut<'w, T> {
    /// Whether it was written since the system's last run (by this run too), or inserted.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        // Relaxed: the resource is this system's alone.
        self.changed.load(Ordering::Relaxed) > self.since
    }

    /// Whether it was inserted since the system's last run.
    #[must_use]
    pub fn is_added(&self) -> bool {
        self.added > self.since
    }

    /// The value for writing, without a mark: readers of changes will not see the write.
    #[must_use]
    pub fn bypass(&mut self) -> &mut T {
        self.value
    }

    /// The value, marked as changed.
    #[must_use]
    pub fn into_inner(self) -> &'w mut T {
        self.changed.store(self.now, Ordering::Relaxed);
        self.value
    }
}

impl<T> Deref for ResMut<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> DerefMut for ResMut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // Relaxed: the resource is this system's alone until the runner orders the next user after it.
        self.changed.store(self.now, Ordering::Relaxed);
        self.value
    }
}

#[cold]
fn missing<T>() -> ! {
    panic!("there is no resource {}", type_name::<T>())
}

impl<T: Resource> SystemParam for Option<Res<'_, T>> {
    type State = ResourceClaim<T, false>;
    type Item<'a> = Option<Res<'a, T>>;

    fn access(set: &mut AccessSet) {
        set.add(type_name::<Res<'_, T>>(), resource_key::<T>(), false);
    }

    fn init(world: &mut World, set: &AccessSet) -> Self::State {
        ResourceClaim::new(world, set)
    }

    #[inline]
    fn fetch<'a>(state: &'a mut Self::State, lease: &Lease<'a>) -> Self::Item<'a> {
        let (value, added, changed) = state.redeem(lease)?;
        Some(Res {
            value,
            added,
            // Relaxed: no writer runs beside this system.
            changed: changed.load(Ordering::Relaxed),
            since: lease.terms().since,
        })
    }
}

impl<T: Resource> SystemParam for Res<'_, T> {
    type State = ResourceClaim<T, false>;
    type Item<'a> = Res<'a, T>;

    fn access(set: &mut AccessSet) {
        Option::<Res<'_, T>>::access(set);
    }

    fn init(world: &mut World, set: &AccessSet) -> Self::State {
        ResourceClaim::new(world, set)
    }

    #[inline]
    fn fetch<'a>(state: &'a mut Self::State, lease: &Lease<'a>) -> Self::Item<'a> {
        Option::<Res<'_, T>>::fetch(state, lease).unwrap_or_else(|| missing::<T>())
    }
}

impl<T: Resource> SystemParam for Option<ResMut<'_, T>> {
    type State = ResourceClaim<T, true>;
    type Item<'a> = Option<ResMut<'a, T>>;

    fn access(set: &mut AccessSet) {
        set.add(type_name::<ResMut<'_, T>>(), resource_key::<T>(), true);
    }

    fn init(world: &mut World, set: &AccessSet) -> Self::State {
        ResourceClaim::new(world, set)
    }

    #[inline]
    fn fetch<'a>(state: &'a mut Self::State, lease: &Lease<'a>) -> Self::Item<'a> {
        let (value, added, changed) = state.redeem(lease)?;
        let terms = lease.terms();
        Some(ResMut {
            value,
            added,
            changed,
            since: terms.since,
            now: terms.now,
        })
    }
}

impl<T: Resource> SystemParam for ResMut<'_, T> {
    type State = ResourceClaim<T, true>;
    type Item<'a> = ResMut<'a, T>;

    fn access(set: &mut AccessSet) {
        Option::<ResMut<'_, T>>::access(set);
    }

    fn init(world: &mut World, set: &AccessSet) -> Self::State {
        ResourceClaim::new(world, set)
    }

    #[inline]
    fn fetch<'a>(state: &'a mut Self::State, lease: &Lease<'a>) -> Self::Item<'a> {
        Option::<ResMut<'_, T>>::fetch(state, lease).unwrap_or_else(|| missing::<T>())
    }
}

// --- local state --------------------------------------------------------------------------------------------------

/// A value that belongs to one system and stays between its runs; at first `T::default()`.
///
/// ```
/// use storm_ecs::{Local, Schedule, World};
///
/// let mut schedule = Schedule::new("example");
/// schedule.add_systems(|mut runs: Local<u32>| {
///     *runs += 1;
///     assert!(*runs <= 2);
/// });
/// let mut world = World::new();
/// schedule.run(&mut world).unwrap();
/// schedule.run(&mut world).unwrap();
/// assert!(schedule.run(&mut world).is_err());
/// ```
#[derive(Debug)]
pub struct Local<'a, T>(&'a mut T);

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

impl<T: Default + Send + 'static> SystemParam for Local<'_, T> {
    type State = T;
    type Item<'a> = Local<'a, T>;

    fn access(_: &mut AccessSet) {}

    fn init(_: &mut World, _: &AccessSet) -> T {
        T::default()
    }

    #[inline]
    fn fetch<'a>(state: &'a mut T, _: &Lease<'a>) -> Local<'a, T> {
        Local(state)
    }
}

// --- tuples -------------------------------------------------------------------------------------------------------

macro_rules! tuple_param {
    ($($name:ident $index:tt)*) => {
        #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple")]
        impl<$($name: SystemParam),*> SystemParam for ($($name,)*) {
            type State = ($($name::State,)*);
            type Item<'a> = ($($name::Item<'a>,)*);

            fn access(set: &mut AccessSet) {
                $($name::access(set);)*
            }

            fn init(world: &mut World, set: &AccessSet) -> Self::State {
                ($($name::init(world, set),)*)
            }

            #[inline]
            fn fetch<'a>(state: &'a mut Self::State, lease: &Lease<'a>) -> Self::Item<'a> {
                ($($name::fetch(&mut state.$index, lease),)*)
            }

            #[inline]
            fn reserved(state: &Self::State) -> u32 {
                0 $(+ $name::reserved(&state.$index))*
            }

            #[inline]
            fn apply(state: &mut Self::State, world: &mut World, errors: &mut Vec<CommandError>) {
                $($name::apply(&mut state.$index, world, errors);)*
            }

            #[inline]
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
tuple_param!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuple_param!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
tuple_param!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
tuple_param!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);
