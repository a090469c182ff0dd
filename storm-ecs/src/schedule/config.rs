//! How systems are added: order, sets, conditions, names.

use core::any::{TypeId, type_name};
use core::fmt;

use crate::command::CommandError;
use crate::schedule::error::BoxError;
use crate::system::access::AccessSet;
use crate::system::cell::Lease;
use crate::system::{IntoSystem, System};
use crate::world::World;

/// What a node of a schedule gave.
pub(crate) enum Outcome {
    Done,
    /// A condition's answer.
    Answer(bool),
    Failed(BoxError),
}

/// What a system may return: nothing, or a `Result` whose error names what went wrong.
pub trait SystemOutput: 'static {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), BoxError>;
}

impl SystemOutput for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError> + 'static> SystemOutput for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// A system of any type.
pub(crate) trait Node: Send {
    fn access_set(&self) -> &AccessSet;
    fn is_exclusive(&self) -> bool;
    fn init(&mut self, world: &mut World);
    fn run(&mut self, lease: Lease<'_>) -> Outcome;
    fn run_exclusive(&mut self, world: &mut World) -> Outcome;
    fn reserved(&self) -> u32;
    fn apply(&mut self, world: &mut World, errors: &mut Vec<CommandError>);
    fn discard(&mut self);
}

struct Erased<S: System, F> {
    system: S,
    outcome: F,
}

impl<S: System, F: Fn(S::Out) -> Outcome + Send> Node for Erased<S, F> {
    fn access_set(&self) -> &AccessSet {
        self.system.access_set()
    }

    fn is_exclusive(&self) -> bool {
        self.system.is_exclusive()
    }

    fn init(&mut self, world: &mut World) {
        self.system.init(world);
    }

    fn run(&mut self, lease: Lease<'_>) -> Outcome {
        (self.outcome)(self.system.run(lease))
    }

    fn run_exclusive(&mut self, world: &mut World) -> Outcome {
        (self.outcome)(self.system.run_exclusive(world))
    }

    fn reserved(&self) -> u32 {
        self.system.reserved()
    }

    fn apply(&mut self, world: &mut World, errors: &mut Vec<CommandError>) {
        self.system.apply(world, errors);
    }

    fn discard(&mut self) {
        self.system.discard();
    }
}

/// A set of systems, by which they are ordered: a string, or a type of one's own.
///
/// Two values are the same set if their types and their `Debug` texts are.
///
/// ```
/// use storm_ecs::{IntoSystems, Schedule, SystemSet};
///
/// #[derive(Debug)]
/// enum Phase { Input, Physics }
/// impl SystemSet for Phase {}
///
/// let mut schedule = Schedule::new("frame");
/// schedule.add_systems((|| ()).in_set(Phase::Physics));
/// schedule.add_systems((|| ()).in_set(Phase::Input).in_set("early"));
/// schedule.chain_sets([Phase::Input, Phase::Physics]);
/// ```
pub trait SystemSet: fmt::Debug + 'static {}

impl SystemSet for &'static str {}

/// A set's identity.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetId {
    kind: TypeId,
    text: String,
}

impl SetId {
    fn of(set: &impl SystemSet) -> Self {
        Self {
            kind: kind_of(set),
            text: format!("{set:?}"),
        }
    }

    /// The set of all systems made of one function.
    fn function<F: 'static>() -> Self {
        Self {
            kind: TypeId::of::<F>(),
            text: type_name::<F>().to_owned(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.text.trim_matches('"')
    }
}

fn kind_of<T: 'static>(_: &T) -> TypeId {
    TypeId::of::<T>()
}

/// What systems can be ordered against: a [`SystemSet`], or a system function, which stands for every system made of it.
pub trait IntoSet<Marker> {
    #[doc(hidden)]
    fn into_set(self) -> SetId;
}

#[doc(hidden)]
#[derive(Debug)]
pub struct IsSet;

impl<S: SystemSet> IntoSet<IsSet> for S {
    fn into_set(self) -> SetId {
        SetId::of(&self)
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct IsSystem;

impl<Marker, F: IntoSystem<Marker> + 'static> IntoSet<(IsSystem, Marker)> for F {
    fn into_set(self) -> SetId {
        SetId::function::<F>()
    }
}

/// One system and what was said about it.
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) node: Box<dyn Node>,
    pub(crate) sets: Vec<SetId>,
    pub(crate) before: Vec<SetId>,
    pub(crate) after: Vec<SetId>,
    /// Indices into `Systems::conditions`.
    pub(crate) conditions: Vec<usize>,
}

/// Systems with their order, sets and conditions: what [`IntoSystems`] makes and [`Schedule::add_systems`](crate::Schedule::add_systems) takes.
#[derive(Default)]
pub struct Systems {
    pub(crate) systems: Vec<Config>,
    /// Names and nodes that answer whether to run.
    pub(crate) conditions: Vec<(String, Box<dyn Node>)>,
    /// (earlier, later), by index into `systems`.
    pub(crate) edges: Vec<(usize, usize)>,
    /// Where the parts of a tuple begin, for `chain`.
    parts: Vec<usize>,
}

impl fmt::Debug for Systems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.systems.iter().map(|system| &system.name);
        f.debug_list().entries(names).finish()
    }
}

impl Systems {
    fn of<Marker, S>(system: S) -> Self
    where
        S: IntoSystem<Marker> + 'static,
        S::Out: SystemOutput,
    {
        let system = system.into_system();
        let name = system.name().to_owned();
        let outcome = |out: S::Out| match out.into_result() {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::Failed(error),
        };
        Self {
            systems: vec![Config {
                name,
                node: Box::new(Erased { system, outcome }),
                sets: vec![SetId::function::<S>()],
                before: Vec::new(),
                after: Vec::new(),
                conditions: Vec::new(),
            }],
            conditions: Vec::new(),
            edges: Vec::new(),
            parts: vec![0],
        }
    }

    /// Appends `other` as one more part.
    fn join(&mut self, other: Self) {
        let (systems, conditions) = (self.systems.len(), self.conditions.len());
        self.parts.push(systems);
        self.systems
            .extend(other.systems.into_iter().map(|mut system| {
                for condition in &mut system.conditions {
                    *condition += conditions;
                }
                system
            }));
        self.conditions.extend(other.conditions);
        let moved = |(a, b)| (a + systems, b + systems);
        self.edges.extend(other.edges.into_iter().map(moved));
    }
}

/// Makes a condition of a system that returns `bool`.
pub(crate) fn condition<Marker, C>(condition: C) -> (String, Box<dyn Node>)
where
    C: IntoSystem<Marker, Out = bool>,
{
    let system = condition.into_system();
    assert!(
        !system.is_exclusive(),
        "condition {} takes `&mut World`; use `&World`",
        system.name()
    );
    let name = system.name().to_owned();
    let outcome = Outcome::Answer;
    (name, Box::new(Erased { system, outcome }))
}

/// Systems, and tuples of them (up to 12, nested as deep as need be), with what is said about them.
///
/// What is said about a tuple holds for each part.
pub trait IntoSystems<Marker>: Sized {
    /// The systems.
    ///
    /// # Panics
    /// If two parameters of one system conflict.
    fn into_systems(self) -> Systems;

    /// They run before every system of a set, or before every system made of a function.
    fn before<M>(self, set: impl IntoSet<M>) -> Systems {
        let (mut systems, set) = (self.into_systems(), set.into_set());
        for system in &mut systems.systems {
            system.before.push(set.clone());
        }
        systems
    }

    /// They run after every system of a set, or after every system made of a function.
    fn after<M>(self, set: impl IntoSet<M>) -> Systems {
        let (mut systems, set) = (self.into_systems(), set.into_set());
        for system in &mut systems.systems {
            system.after.push(set.clone());
        }
        systems
    }

    /// They belong to a set.
    fn in_set(self, set: impl SystemSet) -> Systems {
        let (mut systems, set) = (self.into_systems(), SetId::of(&set));
        for system in &mut systems.systems {
            system.sets.push(set.clone());
        }
        systems
    }

    /// Each part of the tuple runs after the part before it.
    fn chain(self) -> Systems {
        let mut systems = self.into_systems();
        let ends = systems
            .parts
            .iter()
            .copied()
            .skip(1)
            .chain([systems.systems.len()]);
        let ranges: Vec<_> = systems.parts.iter().copied().zip(ends).collect();
        for pair in ranges.windows(2) {
            for earlier in pair[0].0..pair[0].1 {
                for later in pair[1].0..pair[1].1 {
                    systems.edges.push((earlier, later));
                }
            }
        }
        systems
    }

    /// They run only if `condition`, a system that returns `bool`, says so. It is asked once a run for all of them, before the first. Several conditions must all agree.
    fn run_if<M>(self, condition: impl IntoSystem<M, Out = bool>) -> Systems {
        let mut systems = self.into_systems();
        let number = systems.conditions.len();
        systems.conditions.push(self::condition(condition));
        for system in &mut systems.systems {
            system.conditions.push(number);
        }
        systems
    }

    /// Sets the name that errors and reports use, in place of the function's path. For closures, above all.
    fn named(self, name: &str) -> Systems {
        let mut systems = self.into_systems();
        for system in &mut systems.systems {
            name.clone_into(&mut system.name);
        }
        systems
    }
}

impl IntoSystems<()> for Systems {
    fn into_systems(self) -> Systems {
        self
    }
}

impl<Marker, S> IntoSystems<(IsSystem, Marker)> for S
where
    S: IntoSystem<Marker> + 'static,
    S::Out: SystemOutput,
{
    fn into_systems(self) -> Systems {
        Systems::of(self)
    }
}

macro_rules! tuple_systems {
    ($($name:ident $marker:ident)*) => {
        #[allow(non_snake_case, reason = "a value is named as its type")]
        impl<$($name, $marker),*> IntoSystems<(IsSet, $($marker,)*)> for ($($name,)*)
        where
            $($name: IntoSystems<$marker>),*
        {
            fn into_systems(self) -> Systems {
                let ($($name,)*) = self;
                let mut systems = Systems::default();
                $(systems.join($name.into_systems());)*
                systems
            }
        }
    };
}

tuple_systems!(A MA);
tuple_systems!(A MA B MB);
tuple_systems!(A MA B MB C MC);
tuple_systems!(A MA B MB C MC D MD);
tuple_systems!(A MA B MB C MC D MD E ME);
tuple_systems!(A MA B MB C MC D MD E ME F MF);
tuple_systems!(A MA B MB C MC D MD E ME F MF G MG);
tuple_systems!(A MA B MB C MC D MD E ME F MF G MG H MH);
tuple_systems!(A MA B MB C MC D MD E ME F MF G MG H MH I MI);
tuple_systems!(A MA B MB C MC D MD E ME F MF G MG H MH I MI J MJ);
tuple_systems!(A MA B MB C MC D MD E ME F MF G MG H MH I MI J MJ K MK);
tuple_systems!(A MA B MB C MC D MD E ME F MF G MG H MH I MI J MJ K MK L ML);

/// What is known of a set.
#[derive(Default)]
pub(crate) struct SetInfo {
    pub(crate) before: Vec<SetId>,
    pub(crate) after: Vec<SetId>,
    pub(crate) inside: Vec<SetId>,
}

/// Says things about a set; made by [`Schedule::set`](crate::Schedule::set).
pub struct SetConfig<'a> {
    pub(crate) info: &'a mut SetInfo,
    /// Numbers that the set's conditions get, the first new one being `first`.
    pub(crate) numbers: &'a mut Vec<usize>,
    pub(crate) first: usize,
    pub(crate) conditions: &'a mut Vec<(String, Box<dyn Node>)>,
}

impl fmt::Debug for SetConfig<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetConfig")
    }
}

impl SetConfig<'_> {
    /// Its systems run before those of another set.
    pub fn before<M>(self, set: impl IntoSet<M>) -> Self {
        self.info.before.push(set.into_set());
        self
    }

    /// Its systems run after those of another set.
    pub fn after<M>(self, set: impl IntoSet<M>) -> Self {
        self.info.after.push(set.into_set());
        self
    }

    /// Its systems belong to another set as well.
    pub fn in_set(self, set: impl SystemSet) -> Self {
        self.info.inside.push(SetId::of(&set));
        self
    }

    /// Its systems run only if `condition` says so; it is asked once a run for all of them, before the first.
    pub fn run_if<M>(self, condition: impl IntoSystem<M, Out = bool>) -> Self {
        self.numbers.push(self.first + self.conditions.len());
        self.conditions.push(self::condition(condition));
        self
    }
}

impl SetId {
    pub(crate) fn from_set(set: impl SystemSet) -> Self {
        Self::of(&set)
    }
}
