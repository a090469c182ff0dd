//! Functions as systems.
#![expect(unsafe_code, reason = "systems share a world by their access sets")]

use core::any::type_name;
use core::marker::PhantomData;

use super::SystemAccess;
use super::param::SystemParam;
use crate::tick::ChangeTick;
use crate::world::World;

/// Something a [`Schedule`](crate::Schedule) runs: a function, prepared for a world.
///
/// # Safety
/// Not to be implemented outside this crate.
pub unsafe trait System: Send {
    /// The function's path.
    fn name(&self) -> &'static str;

    #[doc(hidden)]
    fn init(&mut self, world: &mut World);

    #[doc(hidden)]
    fn access(&self) -> &SystemAccess;

    /// # Safety
    /// `init` was called with this world, and the caller lends the access that it named. An exclusive system is not run so.
    #[doc(hidden)]
    unsafe fn run(&mut self, world: &World);

    /// Runs an exclusive system.
    #[doc(hidden)]
    fn run_exclusive(&mut self, _world: &mut World) {}

    /// Makes the changes that were noted.
    #[doc(hidden)]
    fn apply(&mut self, world: &mut World);

    /// Forgets the changes that were noted.
    #[doc(hidden)]
    fn discard(&mut self);
}

/// What can become a system: functions and closures of up to eight [`SystemParam`]s, or of `&mut World` alone (exclusive).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a system",
    note = "a system takes up to eight system parameters, or `&mut World`"
)]
pub trait IntoSystem<Marker> {
    /// The system.
    fn into_system(self) -> Box<dyn System>;
}

/// A function with parameters.
struct FunctionSystem<F, P: SystemParam, M> {
    function: F,
    state: Option<P::State>,
    access: SystemAccess,
    last: ChangeTick,
    marker: PhantomData<fn() -> (P, M)>,
}

/// Calls a function with fetched parameters.
trait Call<P: SystemParam, M>: Send + 'static {
    fn call(&mut self, params: P::Item<'_>);
}

// SAFETY: runs with nothing but its parameters.
unsafe impl<F: Call<P, M>, P: SystemParam, M> System for FunctionSystem<F, P, M> {
    fn name(&self) -> &'static str {
        type_name::<F>()
    }

    fn init(&mut self, world: &mut World) {
        self.access = SystemAccess::default();
        self.state = Some(P::init(world, type_name::<F>(), &mut self.access));
        self.last = ChangeTick::NEVER;
    }

    fn access(&self) -> &SystemAccess {
        &self.access
    }

    #[inline]
    unsafe fn run(&mut self, world: &World) {
        let Some(state) = &mut self.state else { return };
        // SAFETY: as the caller promises.
        let params = unsafe { P::fetch(state, world, self.last) };
        self.function.call(params);
        if self.access.reads_changes {
            self.last = world.change_tick();
        }
    }

    fn apply(&mut self, world: &mut World) {
        if let Some(state) = &mut self.state {
            P::apply(state, world);
        }
    }

    fn discard(&mut self) {
        if let Some(state) = &mut self.state {
            P::discard(state);
        }
    }
}

macro_rules! function {
    ($($name:ident $value:ident)*) => {
        impl<Func, $($name: SystemParam),*> Call<($($name,)*), fn($($name),*)> for Func
        where
            Func: Send + 'static,
            for<'a> &'a mut Func: FnMut($($name),*) + FnMut($($name::Item<'_>),*),
        {
            #[inline]
            fn call(&mut self, ($($value,)*): ($($name::Item<'_>,)*)) {
                #[allow(clippy::too_many_arguments, reason = "as many as the function has")]
                #[inline]
                fn inner<$($name),*>(mut function: impl FnMut($($name),*), $($value: $name),*) {
                    function($($value),*)
                }
                inner(self, $($value),*)
            }
        }

        impl<Func, $($name: SystemParam + 'static),*> IntoSystem<fn($($name),*)> for Func
        where
            Func: Send + 'static,
            for<'a> &'a mut Func: FnMut($($name),*) + FnMut($($name::Item<'_>),*),
        {
            fn into_system(self) -> Box<dyn System> {
                Box::new(FunctionSystem::<Func, ($($name,)*), fn($($name),*)> {
                    function: self,
                    state: None,
                    access: SystemAccess::default(),
                    last: ChangeTick::NEVER,
                    marker: PhantomData,
                })
            }
        }
    };
}

function!();
function!(A a);
function!(A a B b);
function!(A a B b C c);
function!(A a B b C c D d);
function!(A a B b C c D d E e);
function!(A a B b C c D d E e F f);
function!(A a B b C c D d E e F f G g);
function!(A a B b C c D d E e F f G g H h);

/// A function of the whole world.
struct ExclusiveSystem<F> {
    function: F,
    access: SystemAccess,
}

/// Marks functions of `&mut World`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Exclusive;

impl<F: FnMut(&mut World) + Send + 'static> IntoSystem<Exclusive> for F {
    fn into_system(self) -> Box<dyn System> {
        let access = SystemAccess {
            exclusive: true,
            ..SystemAccess::default()
        };
        Box::new(ExclusiveSystem {
            function: self,
            access,
        })
    }
}

// SAFETY: runs with `&mut World` only.
unsafe impl<F: FnMut(&mut World) + Send + 'static> System for ExclusiveSystem<F> {
    fn name(&self) -> &'static str {
        type_name::<F>()
    }

    fn init(&mut self, _: &mut World) {}

    fn access(&self) -> &SystemAccess {
        &self.access
    }

    unsafe fn run(&mut self, _: &World) {}

    fn run_exclusive(&mut self, world: &mut World) {
        (self.function)(world);
    }

    fn apply(&mut self, _: &mut World) {}

    fn discard(&mut self) {}
}
