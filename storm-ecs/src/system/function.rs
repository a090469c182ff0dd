//! Functions and closures as systems.

use core::any::type_name;
use core::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::command::CommandError;
use crate::schedule::ScheduleError;
use crate::system::access::AccessSet;
use crate::system::cell::{Lease, Terms};
use crate::system::param::SystemParam;
use crate::tick::ChangeTick;
use crate::world::World;

/// Something a schedule can run. Made from functions by [`IntoSystem`].
pub trait System: Send + 'static {
    /// What a run gives.
    type Out: 'static;

    /// The function's path, or the name it was given.
    fn name(&self) -> &str;

    #[doc(hidden)]
    fn access_set(&self) -> &AccessSet;

    /// Whether it takes `&mut World`.
    #[doc(hidden)]
    fn is_exclusive(&self) -> bool;

    /// Makes the parameters' state for `world`. Once.
    #[doc(hidden)]
    fn init(&mut self, world: &mut World);

    /// Runs a system that is not exclusive.
    #[doc(hidden)]
    fn run(&mut self, lease: Lease<'_>) -> Self::Out;

    /// Runs an exclusive system.
    #[doc(hidden)]
    fn run_exclusive(&mut self, world: &mut World) -> Self::Out;

    #[doc(hidden)]
    fn reserved(&self) -> u32;

    #[doc(hidden)]
    fn apply(&mut self, world: &mut World, errors: &mut Vec<CommandError>);

    #[doc(hidden)]
    fn discard(&mut self);
}

/// Functions and closures that are systems: `fn(params…) -> Out` with up to 12 [parameters](SystemParam), or `fn(&mut World) -> Out`.
///
/// `Marker` is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a system",
    note = "a system is a function of up to 12 system parameters, or of `&mut World` alone"
)]
pub trait IntoSystem<Marker>: Sized {
    /// What a run gives.
    type Out: 'static;
    /// The system made.
    type System: System<Out = Self::Out>;

    /// Makes the system.
    ///
    /// # Panics
    /// If two of its parameters conflict; the message names both.
    fn into_system(self) -> Self::System;
}

/// A function of parameters.
#[doc(hidden)]
pub trait SystemFunction<Marker>: Send + 'static {
    type Out: 'static;
    type Param: SystemParam;

    fn call(&mut self, params: <Self::Param as SystemParam>::Item<'_>) -> Self::Out;
}

macro_rules! system_function {
    ($($name:ident)*) => {
        #[allow(non_snake_case, clippy::too_many_arguments, reason = "a parameter is named as its type")]
        impl<Out: 'static, Func, $($name: SystemParam),*> SystemFunction<fn($($name,)*) -> Out> for Func
        where
            Func: Send + 'static,
            for<'a> &'a mut Func: FnMut($($name),*) -> Out + FnMut($($name::Item<'_>),*) -> Out,
        {
            type Out = Out;
            type Param = ($($name,)*);

            #[inline]
            fn call(&mut self, params: <($($name,)*) as SystemParam>::Item<'_>) -> Out {
                // The compiler picks the right of the two FnMut bounds only in a function that has one.
                fn call<Out, $($name),*>(mut func: impl FnMut($($name),*) -> Out, $($name: $name),*) -> Out {
                    func($($name),*)
                }
                let ($($name,)*) = params;
                call(self, $($name),*)
            }
        }
    };
}

system_function!();
system_function!(A);
system_function!(A B);
system_function!(A B C);
system_function!(A B C D);
system_function!(A B C D E);
system_function!(A B C D E F);
system_function!(A B C D E F G);
system_function!(A B C D E F G H);
system_function!(A B C D E F G H I);
system_function!(A B C D E F G H I J);
system_function!(A B C D E F G H I J K);
system_function!(A B C D E F G H I J K L);

/// A system made from a function of parameters.
#[doc(hidden)]
pub struct FunctionSystem<Marker, F: SystemFunction<Marker>> {
    function: F,
    state: Option<<F::Param as SystemParam>::State>,
    access: AccessSet,
    marker: PhantomData<fn() -> Marker>,
}

impl<Marker: 'static, F: SystemFunction<Marker>> System for FunctionSystem<Marker, F> {
    type Out = F::Out;

    fn name(&self) -> &str {
        type_name::<F>()
    }

    fn access_set(&self) -> &AccessSet {
        &self.access
    }

    fn is_exclusive(&self) -> bool {
        false
    }

    fn init(&mut self, world: &mut World) {
        self.state = Some(F::Param::init(world, &self.access));
    }

    #[inline]
    fn run(&mut self, lease: Lease<'_>) -> F::Out {
        match &mut self.state {
            Some(state) => self.function.call(F::Param::fetch(state, &lease)),
            None => unreachable!("a system is initialised before it runs"),
        }
    }

    fn run_exclusive(&mut self, _: &mut World) -> F::Out {
        unreachable!("not an exclusive system")
    }

    #[inline]
    fn reserved(&self) -> u32 {
        self.state.as_ref().map_or(0, F::Param::reserved)
    }

    #[inline]
    fn apply(&mut self, world: &mut World, errors: &mut Vec<CommandError>) {
        if let Some(state) = &mut self.state {
            F::Param::apply(state, world, errors);
        }
    }

    fn discard(&mut self) {
        if let Some(state) = &mut self.state {
            F::Param::discard(state);
        }
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct IsFunction;

impl<Marker: 'static, F: SystemFunction<Marker>> IntoSystem<(IsFunction, Marker)> for F {
    type Out = F::Out;
    type System = FunctionSystem<Marker, F>;

    fn into_system(self) -> Self::System {
        let mut access = AccessSet::new(type_name::<F>());
        F::Param::access(&mut access);
        FunctionSystem {
            function: self,
            state: None,
            access,
            marker: PhantomData,
        }
    }
}

/// A system made from a function of `&mut World`.
#[doc(hidden)]
pub struct ExclusiveSystem<F> {
    function: F,
    access: AccessSet,
}

impl<Out: 'static, F: FnMut(&mut World) -> Out + Send + 'static> System for ExclusiveSystem<F> {
    type Out = Out;

    fn name(&self) -> &str {
        type_name::<F>()
    }

    fn access_set(&self) -> &AccessSet {
        &self.access
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn init(&mut self, _: &mut World) {}

    fn run(&mut self, _: Lease<'_>) -> Out {
        unreachable!("an exclusive system")
    }

    fn run_exclusive(&mut self, world: &mut World) -> Out {
        (self.function)(world)
    }

    fn reserved(&self) -> u32 {
        0
    }

    fn apply(&mut self, _: &mut World, _: &mut Vec<CommandError>) {}

    fn discard(&mut self) {}
}

#[doc(hidden)]
#[derive(Debug)]
pub struct IsExclusive;

impl<Out: 'static, F: FnMut(&mut World) -> Out + Send + 'static> IntoSystem<(IsExclusive, Out)>
    for F
{
    type Out = Out;
    type System = ExclusiveSystem<F>;

    fn into_system(self) -> ExclusiveSystem<F> {
        ExclusiveSystem {
            function: self,
            access: AccessSet::new(type_name::<F>()),
        }
    }
}

impl World {
    /// Runs a system once, applies what it deferred, and returns what it gave. For set-up and tests: its parameters are made anew each time.
    ///
    /// ```
    /// use storm_ecs::{Commands, Component, Query, World};
    /// #[derive(Component)] struct Health(u32);
    ///
    /// let mut world = World::new();
    /// world.run_system(|mut commands: Commands| { commands.spawn(Health(3)); }).unwrap();
    /// let total = world.run_system(|healths: Query<&Health>| healths.iter().map(|h| h.0).sum::<u32>()).unwrap();
    /// assert_eq!(total, 3);
    /// ```
    ///
    /// # Errors
    /// If the system panics, or a command of its could not be applied.
    ///
    /// # Panics
    /// If two of its parameters conflict.
    pub fn run_system<Marker, S: IntoSystem<Marker>>(
        &mut self,
        system: S,
    ) -> Result<S::Out, ScheduleError> {
        let mut system = system.into_system();
        system.init(self);
        self.flush();
        let name = system.name().to_owned();
        let panicked = |payload| ScheduleError::panicked(&name, payload);
        let out = if system.is_exclusive() {
            catch_unwind(AssertUnwindSafe(|| system.run_exclusive(self)))
        } else {
            let terms = Terms {
                now: self.take_ticks(1),
                since: ChangeTick::NEVER.get(),
                taker: 0,
                takers: 1,
            };
            let owner = system.access_set().owner();
            let lease = Lease::alone(self, owner, terms);
            catch_unwind(AssertUnwindSafe(|| system.run(lease)))
        };
        let out = out.map_err(panicked)?;
        let reserved = system.reserved();
        if reserved > 0 {
            self.claim_reserved(&[reserved]);
        }
        let mut errors = Vec::new();
        let applied = catch_unwind(AssertUnwindSafe(|| system.apply(self, &mut errors)));
        let mut failures: Vec<_> = errors
            .into_iter()
            .map(|error| ScheduleError::command(&name, error))
            .collect();
        failures.extend(applied.map_err(panicked).err());
        match ScheduleError::all(failures) {
            None => Ok(out),
            Some(error) => Err(error),
        }
    }
}
