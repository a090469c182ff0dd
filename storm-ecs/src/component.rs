//! What a component is, and each world's registry of them.

use core::alloc::Layout;
use core::any::{TypeId, type_name};
use core::sync::atomic::{AtomicU32, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::schema::data::ComponentData;
use crate::watch::Hooks;

/// How writes to a component are tracked. A constant of the type, so that what is not asked for costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Track {
    /// A loop over `&mut T` marks the tables it enters; access to one entity marks its row.
    Block,
    /// As `Block`, but a loop marks each row when it is handed out. Loops are slower.
    Exact,
    /// Nothing is tracked: `Changed`, `Added` and `changed_rows` do not compile.
    None,
}

/// Where the values of a component live. A constant of the type.
///
/// | | insert, remove | read in a loop over tables | read of all its owners |
/// | --- | --- | --- | --- |
/// | `Table` | the entity moves to another table | a slice | a slice a table |
/// | `Sparse` | constant, nothing moves | a lookup a row | one slice |
/// | `Tag` | a bit, nothing moves | a bit a row, 64 at a time | as before |
///
/// Only columns of tables are slices:
/// ```compile_fail
/// # use storm_ecs::{Component, World};
/// #[derive(Component)]
/// #[component(storage = "sparse")]
/// struct Burning(f32);
/// let world = World::new();
/// for slice in world.query::<&Burning>().into_slices() {}
/// ```
///
/// A tag holds nothing:
/// ```compile_fail
/// # use storm_ecs::{Component, World};
/// #[derive(Component)]
/// #[component(storage = "tag")]
/// struct Marked(u32);
/// World::new().spawn(Marked(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Storage {
    /// A column of the entity's table. Right for what most entities of a kind keep.
    Table,
    /// A set of its own, apart from tables: for what comes and goes, or is rare.
    Sparse,
    /// A bit beside the rows of the entity's table: for markers that come and go. The type must be of no size and have no `Drop`.
    Tag,
}

/// A value that can belong to an entity. Derive it.
///
/// ```
/// use storm_ecs::{Component, Track};
///
/// #[derive(Component)]
/// struct Health(u32);
///
/// #[derive(Component)]
/// #[component(name = "game.Scratch", track = "none")]
/// struct Scratch([f32; 4]);
///
/// assert_eq!(Scratch::NAME, "game.Scratch");
/// assert_eq!(Health::TRACK, Track::Block);
/// ```
///
/// A generic type implements it by hand, once an instantiation, each with its own name:
///
/// ```
/// # use storm_ecs::Component;
/// struct Handle<T>(u64, std::marker::PhantomData<fn() -> T>);
/// struct Mesh;
/// impl Component for Handle<Mesh> {
///     const NAME: &'static str = "game.Handle.Mesh";
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a component",
    note = "add `#[derive(Component)]` to it"
)]
pub trait Component: Send + Sync + Sized + 'static {
    /// A name that stays the same across builds: files, schemas and the wire know the type by it.
    /// No two types in a world may share one.
    const NAME: &'static str;
    /// How writes are tracked.
    const TRACK: Track = Track::Block;
    /// Where values live.
    const STORAGE: Storage = Storage::Table;
    /// Whether a value can be written in place. If not, `&mut T`, [`Mut<T>`](crate::Mut) and `get_mut` do not compile, and every change is an
    /// insertion that hooks see.
    ///
    /// ```compile_fail
    /// # use storm_ecs::{ChildOf, World};
    /// let mut world = World::new();
    /// for child in world.query_mut::<&mut ChildOf>() {}
    /// ```
    const MUTABLE: bool = true;
    /// What runs when a value is inserted or removed (see [`Hooks`]).
    const HOOKS: Hooks = Hooks::NONE;

    /// Whether the world keeps it by itself, from other things that snapshots hold.
    #[doc(hidden)]
    const KEPT: bool = false;

    /// An index of the type in this process. The derive answers it from a static beside the type.
    #[doc(hidden)]
    fn __type_index() -> u32 {
        process_index(TypeId::of::<Self>())
    }

    /// What `#[component(schema)]` and `#[component(pod)]` say.
    #[doc(hidden)]
    fn __data() -> Option<ComponentData> {
        None
    }
}

/// Number of a component in one world: dense, in order of registration. Numbers of components that were
/// [unregistered](crate::World::unregister) are given again, with another generation: an old id is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId(pub(crate) u32);

/// Bits of an id that are its generation, the lowest ones: ids are ordered by number.
const GENERATION_BITS: u32 = 8;
/// A number whose generation has come to this is not given again.
const LAST_GENERATION: u32 = (1 << GENERATION_BITS) - 1;

impl ComponentId {
    /// Stands for a component that the world has not seen.
    pub(crate) const UNKNOWN: Self = Self(u32::MAX);

    pub(crate) const fn new(index: usize, generation: u32) -> Self {
        Self((index as u32) << GENERATION_BITS | generation)
    }

    /// The number.
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 >> GENERATION_BITS) as usize
    }

    pub(crate) const fn generation(self) -> u32 {
        self.0 & LAST_GENERATION
    }
}

/// What a world knows about a component.
#[derive(Clone, Debug)]
pub struct ComponentInfo {
    pub(crate) id: ComponentId,
    pub(crate) name: &'static str,
    pub(crate) type_id: TypeId,
    pub(crate) layout: Layout,
    pub(crate) drop: Option<DropFn>,
    pub(crate) track: Track,
    pub(crate) storage: Storage,
    pub(crate) mutable: bool,
    pub(crate) kept: bool,
    pub(crate) hooks: Hooks,
    pub(crate) data: Option<Arc<ComponentData>>,
}

/// Drops `count` consecutive values.
pub(crate) type DropFn = unsafe fn(*mut u8, usize);

impl ComponentInfo {
    /// Its number in this world.
    #[must_use]
    pub fn id(&self) -> ComponentId {
        self.id
    }

    /// Its stable name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Size and alignment of a value, in bytes.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// How writes are tracked.
    #[must_use]
    pub fn track(&self) -> Track {
        self.track
    }

    /// Where its values live.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// Whether its values can be written in place.
    #[must_use]
    pub fn is_mutable(&self) -> bool {
        self.mutable
    }

    /// Whether this is the place of a component that was forgotten.
    pub(crate) fn is_vacant(&self) -> bool {
        self.type_id == TypeId::of::<Vacant>()
    }

    pub(crate) fn is_tracked(&self) -> bool {
        !matches!(self.track, Track::None)
    }

    fn of<T: Component>(id: ComponentId) -> Self {
        const {
            assert!(
                !matches!(T::STORAGE, Storage::Tag)
                    || (size_of::<T>() == 0 && !core::mem::needs_drop::<T>()),
                "a tag must be of no size and have no Drop"
            )
        };
        Self {
            id,
            name: T::NAME,
            type_id: TypeId::of::<T>(),
            layout: Layout::new::<T>(),
            drop: crate::column::drop_fn::<T>(),
            track: T::TRACK,
            storage: T::STORAGE,
            mutable: T::MUTABLE,
            kept: T::KEPT,
            hooks: T::HOOKS,
            data: T::__data().map(Arc::new),
        }
    }
}

/// Caches a type's index in this process. Lives in a static beside the type.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct TypeSlot(AtomicU32);

impl TypeSlot {
    /// An empty cache.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// The index of `T`, looked up once.
    #[inline]
    pub fn index<T: 'static>(&self) -> u32 {
        // Relaxed: the number guards no other memory, and registries check it against the TypeId.
        match self.0.load(Ordering::Relaxed) {
            0 => self.fill(TypeId::of::<T>()),
            index => index - 1,
        }
    }

    #[cold]
    fn fill(&self, type_id: TypeId) -> u32 {
        let index = process_index(type_id);
        self.0.store(index + 1, Ordering::Relaxed);
        index
    }
}

fn process_index(type_id: TypeId) -> u32 {
    static TYPES: Mutex<Option<HashMap<TypeId, u32>>> = Mutex::new(None);
    let mut types = TYPES.lock().unwrap_or_else(PoisonError::into_inner);
    let types = types.get_or_insert_default();
    let next = types.len() as u32;
    *types.entry(type_id).or_insert(next)
}

/// The type of a number that no component has.
struct Vacant;

/// The components that one world has seen.
#[derive(Default)]
pub struct Registry {
    infos: Vec<ComponentInfo>,
    /// By process index. The `TypeId` is checked on every use, so a wrong index cannot confuse types.
    by_index: Vec<Option<(TypeId, ComponentId)>>,
    by_name: HashMap<&'static str, ComponentId>,
    /// Numbers to be given again.
    vacant: Vec<u32>,
    /// Components that the world has not taken in yet.
    fresh: Vec<ComponentId>,
}

impl Registry {
    /// The id that the next component gets.
    pub(crate) fn next_id(&self) -> ComponentId {
        match self.vacant.last() {
            Some(&index) => {
                let last = self.infos[index as usize].id;
                ComponentId::new(last.index(), last.generation() + 1)
            }
            None => {
                let index = self.infos.len();
                assert!(
                    index < ComponentId::UNKNOWN.index(),
                    "a world knows at most {} components",
                    ComponentId::UNKNOWN.index()
                );
                ComponentId::new(index, 0)
            }
        }
    }

    fn place(&mut self, info: ComponentInfo) {
        self.by_name.insert(info.name, info.id);
        self.fresh.push(info.id);
        match self.vacant.pop() {
            Some(index) => self.infos[index as usize] = info,
            None => self.infos.push(info),
        }
    }

    /// Components added since this was last asked.
    #[inline]
    pub(crate) fn take_fresh(&mut self) -> Option<ComponentId> {
        self.fresh.pop()
    }

    /// Forgets a component. Its number is given again, unless its generations are used up.
    pub(crate) fn remove(&mut self, id: ComponentId) {
        let info = &mut self.infos[id.index()];
        self.by_name.remove(info.name);
        for slot in &mut self.by_index {
            if matches!(slot, Some((_, known)) if *known == id) {
                *slot = None;
            }
        }
        *info = ComponentInfo {
            id,
            name: "",
            type_id: TypeId::of::<Vacant>(),
            layout: Layout::new::<()>(),
            drop: None,
            track: Track::None,
            storage: Storage::Table,
            mutable: true,
            kept: false,
            hooks: Hooks::NONE,
            data: None,
        };
        if id.generation() < LAST_GENERATION {
            self.vacant.push(id.index() as u32);
        }
    }

    /// The component whose id this is, not one that has its number now.
    pub(crate) fn get(&self, id: ComponentId) -> Option<&ComponentInfo> {
        self.infos
            .get(id.index())
            .filter(|info| info.id == id && !info.is_vacant())
    }

    #[inline]
    pub(crate) fn id<T: Component>(&self) -> Option<ComponentId> {
        match self.by_index.get(T::__type_index() as usize) {
            Some(&Some((type_id, id))) if type_id == TypeId::of::<T>() => Some(id),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn register<T: Component>(&mut self) -> ComponentId {
        match self.id::<T>() {
            Some(id) => id,
            None => self.add(
                ComponentInfo::of::<T>(self.next_id()),
                T::__type_index(),
                type_name::<T>(),
            ),
        }
    }

    #[cold]
    fn add(&mut self, info: ComponentInfo, index: u32, rust_name: &str) -> ComponentId {
        let id = info.id;
        // Nothing is entered before both checks have passed: whoever catches the panic goes on with a whole registry.
        assert!(
            !self.by_name.contains_key(info.name),
            "two component types are named {:?}: the second is {rust_name}; give one an explicit name",
            info.name
        );
        let index = index as usize;
        if index >= self.by_index.len() {
            self.by_index.resize(index + 1, None);
        }
        assert!(
            self.by_index[index].is_none(),
            "{rust_name} shares its type index with another component"
        );
        self.by_index[index] = Some((info.type_id, id));
        self.place(info);
        id
    }

    pub(crate) fn info(&self, id: ComponentId) -> &ComponentInfo {
        &self.infos[id.index()]
    }

    pub(crate) fn infos(&self) -> &[ComponentInfo] {
        &self.infos
    }

    pub(crate) fn named(&self, name: &str) -> Option<ComponentId> {
        self.by_name.get(name).copied()
    }

    /// Adds a component that no Rust type stands for.
    pub(crate) fn add_dynamic(&mut self, info: ComponentInfo) {
        self.place(info);
    }

    pub(crate) fn info_mut(&mut self, id: ComponentId) -> &mut ComponentInfo {
        &mut self.infos[id.index()]
    }
}
