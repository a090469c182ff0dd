//! Bundles: sets of components that are spawned, inserted or removed together.
#![expect(unsafe_code, reason = "fields of a bundle are moved out by pointer")]

use core::any::TypeId;
use core::hash::{BuildHasherDefault, Hash, Hasher};
use std::collections::HashMap;

use crate::component::{Component, ComponentId, Registry, Storage};
use crate::watch::Watch;

/// A set of components: a component, a tuple of bundles (up to 16), `()`, or a struct with `#[derive(Bundle)]`.
///
/// # Safety
/// Derive it. A hand-written `visit` must pass a pointer to each component inside the bundle exactly once, in the order in which
/// `components` lists them, and read or write nothing itself.
///
/// A packed struct is refused: its fields may be misaligned.
///
/// ```compile_fail
/// # use storm_ecs::{Bundle, Component};
/// #[derive(Component)]
/// struct Health(u32);
///
/// #[derive(Bundle)]
/// #[repr(C, packed)]
/// struct Packed {
///     health: Health,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a bundle",
    note = "derive `Component` for a component, `Bundle` for a struct of components"
)]
pub unsafe trait Bundle: Send + Sync + Sized + 'static {
    /// Whether any component lives elsewhere than in tables.
    #[doc(hidden)]
    const ASIDE: bool;

    /// Lists the components in order.
    #[doc(hidden)]
    fn components(out: &mut ComponentList<'_>);

    /// Shows each component to `visitor`.
    ///
    /// # Safety
    /// `this` points to a bundle in the state that the visitor expects of its fields.
    #[doc(hidden)]
    unsafe fn visit<V: FieldVisitor>(this: *mut Self, visitor: &mut V);
}

/// Collects the components of a bundle.
#[doc(hidden)]
pub struct ComponentList<'a> {
    pub(crate) registry: &'a mut Registry,
    pub(crate) ids: Vec<ComponentId>,
}

impl ComponentList<'_> {
    fn push<T: Component>(&mut self) {
        let id = self.registry.register::<T>();
        self.ids.push(id);
    }
}

impl core::fmt::Debug for ComponentList<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("ComponentList").field(&self.ids).finish()
    }
}

/// Is shown each component of a bundle.
#[doc(hidden)]
pub trait FieldVisitor {
    /// # Safety
    /// `value` points to the field in the state that the visitor expects.
    unsafe fn field<T: Component>(&mut self, value: *mut T);
}

// SAFETY: one component, shown once.
unsafe impl<T: Component> Bundle for T {
    const ASIDE: bool = !matches!(T::STORAGE, Storage::Table);

    fn components(out: &mut ComponentList<'_>) {
        out.push::<T>();
    }

    #[inline]
    unsafe fn visit<V: FieldVisitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: as the caller promises.
        unsafe { visitor.field(this) }
    }
}

macro_rules! tuple_bundle {
    ($($name:ident $index:tt)*) => {
        // SAFETY: each element is shown once, in order.
        unsafe impl<$($name: Bundle),*> Bundle for ($($name,)*) {
            const ASIDE: bool = false $(|| $name::ASIDE)*;

            #[allow(unused_variables, reason = "the empty tuple")]
            fn components(out: &mut ComponentList<'_>) {
                $($name::components(out);)*
            }

            #[inline]
            #[allow(unused_variables, reason = "the empty tuple")]
            unsafe fn visit<V: FieldVisitor>(this: *mut Self, visitor: &mut V) {
                $(
                    // SAFETY: the caller passes a pointer to a tuple; an element is in bounds.
                    let element = unsafe { &raw mut (*this).$index };
                    // SAFETY: as the caller promises.
                    unsafe { $name::visit(element, visitor) };
                )*
            }
        }
    };
}

tuple_bundle!();
tuple_bundle!(A 0);
tuple_bundle!(A 0 B 1);
tuple_bundle!(A 0 B 1 C 2);
tuple_bundle!(A 0 B 1 C 2 D 3);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14);
tuple_bundle!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14 P 15);

/// What a world knows about a bundle.
pub(crate) struct BundleInfo {
    /// Components that live in tables, in the bundle's order.
    pub(crate) ids: Box<[ComponentId]>,
    /// The others: sparse ones and tags.
    pub(crate) aside: Box<[ComponentId]>,
    /// What is watched of all of them.
    pub(crate) watch: Watch,
    /// Where spawning puts it.
    pub(crate) table: u32,
    /// Column of each component there.
    pub(crate) columns: Box<[u16]>,
    /// The last insert and remove: (source table, plan).
    pub(crate) last_insert: (u32, u32),
    pub(crate) last_remove: (u32, u32),
}

/// Finds bundles by type.
#[derive(Default)]
pub(crate) struct BundleMap {
    last: Option<(TypeId, u32)>,
    by_type: HashMap<TypeId, u32, BuildHasherDefault<TypeIdHasher>>,
}

impl BundleMap {
    #[inline]
    pub(crate) fn get(&mut self, type_id: TypeId) -> Option<u32> {
        match self.last {
            Some((last, number)) if last == type_id => Some(number),
            _ => {
                let number = *self.by_type.get(&type_id)?;
                self.last = Some((type_id, number));
                Some(number)
            }
        }
    }

    pub(crate) fn insert(&mut self, type_id: TypeId, number: u32) {
        self.by_type.insert(type_id, number);
    }
}

/// The moves asked for last, by type of bundle and source table: a loop that inserts or removes does no hashing.
#[derive(Debug)]
pub(crate) struct Recent([RecentMove; RECENT]);

const RECENT: usize = 8;

#[derive(Clone, Copy, Debug)]
struct RecentMove {
    bundle: TypeId,
    source: u32,
    plan: u32,
}

impl Default for Recent {
    fn default() -> Self {
        Self(
            [RecentMove {
                bundle: TypeId::of::<()>(),
                source: u32::MAX,
                plan: 0,
            }; RECENT],
        )
    }
}

impl Recent {
    /// A constant of the type, and the number of the source, choose the place.
    #[inline(always)]
    fn place<B: 'static>(source: u32) -> usize {
        let mut hasher = TypeIdHasher::default();
        TypeId::of::<B>().hash(&mut hasher);
        (hasher.0 as u32).wrapping_add(source) as usize % RECENT
    }

    #[inline(always)]
    pub(crate) fn get<B: 'static>(&self, source: u32) -> Option<u32> {
        let recent = &self.0[Self::place::<B>(source)];
        (recent.source == source && recent.bundle == TypeId::of::<B>()).then_some(recent.plan)
    }

    pub(crate) fn set<B: 'static>(&mut self, source: u32, plan: u32) {
        self.0[Self::place::<B>(source)] = RecentMove {
            bundle: TypeId::of::<B>(),
            source,
            plan,
        };
    }
}

/// A `TypeId` is a hash already.
#[derive(Default)]
pub(crate) struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
