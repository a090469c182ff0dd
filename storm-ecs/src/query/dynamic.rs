//! Queries made of component numbers at run time. They hand out whole tables: bytes of Pod components, slices of typed ones.
//!
//! Invariants:
//! 1. A query names each component once, so its slices never overlap.
//! 2. `&World` lends slices for reading only; those for writing come from `&mut World`.
#![expect(unsafe_code, reason = "shows columns as slices")]

use core::any::TypeId;
use core::marker::PhantomData;

use crate::column::Column;
use crate::component::{Component, ComponentId, ComponentInfo};
use crate::dynamic::DynamicError;
use crate::entity::Entity;
use crate::pod::Pod;
use crate::table::{Table, TableId};
use crate::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    Read,
    Write,
    OptionalRead,
    OptionalWrite,
    With,
    Without,
}

/// A query over components by number.
///
/// ```
/// use storm_ecs::{Component, DynamicQuery, World};
/// #[derive(Component, Clone, Copy)]
/// #[component(pod)]
/// #[repr(C)]
/// struct Position([f32; 3]);
/// #[derive(Component, Clone, Copy)]
/// #[component(pod)]
/// #[repr(C)]
/// struct Velocity([f32; 3]);
///
/// let mut world = World::new();
/// let entity = world.spawn((Position([0.0; 3]), Velocity([1.0, 2.0, 3.0])));
/// let position = world.component_named("storm-ecs.Position").unwrap().id();
/// let velocity = world.component_named("storm-ecs.Velocity").unwrap().id();
///
/// let query = DynamicQuery::new(&world).write(position)?.read(velocity)?;
/// query.for_each_mut(&mut world, |mut table| {
///     let [positions, velocities] = table.slices_mut() else { unreachable!() };
///     let (positions, velocities) = (positions.floats_mut().unwrap(), velocities.floats().unwrap());
///     for (position, velocity) in positions.iter_mut().zip(velocities) {
///         *position += velocity;
///     }
/// });
/// assert_eq!(world.get::<Position>(entity).unwrap().0, [1.0, 2.0, 3.0]);
/// # Ok::<(), storm_ecs::DynamicError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DynamicQuery {
    terms: Vec<(ComponentId, Term)>,
    /// The components known when it was made.
    known: Vec<ComponentId>,
}

impl DynamicQuery {
    /// A query that matches every table of `world`. Numbers of components mean something in one world only.
    #[must_use]
    pub fn new(world: &World) -> Self {
        Self {
            terms: Vec::new(),
            known: world.components().map(ComponentInfo::id).collect(),
        }
    }

    fn term(mut self, id: ComponentId, term: Term) -> Result<Self, DynamicError> {
        if !self.known.contains(&id) {
            return Err(DynamicError::UnknownComponent(id));
        }
        if self.terms.iter().any(|term| term.0 == id) {
            return Err(DynamicError::Twice("of a dynamic query"));
        }
        self.terms.push((id, term));
        Ok(self)
    }

    /// Asks for a component, for reading.
    ///
    /// # Errors
    /// If it is unknown, or the query names it already.
    pub fn read(self, id: ComponentId) -> Result<Self, DynamicError> {
        self.term(id, Term::Read)
    }

    /// Asks for a component, for writing. Tables handed out by [`for_each_mut`](Self::for_each_mut) count as written.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn write(self, id: ComponentId) -> Result<Self, DynamicError> {
        self.term(id, Term::Write)
    }

    /// A component for reading where there is one.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn optional_read(self, id: ComponentId) -> Result<Self, DynamicError> {
        self.term(id, Term::OptionalRead)
    }

    /// A component for writing where there is one.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn optional_write(self, id: ComponentId) -> Result<Self, DynamicError> {
        self.term(id, Term::OptionalWrite)
    }

    /// Only entities that have a component.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn with(self, id: ComponentId) -> Result<Self, DynamicError> {
        self.term(id, Term::With)
    }

    /// Only entities that lack a component.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn without(self, id: ComponentId) -> Result<Self, DynamicError> {
        self.term(id, Term::Without)
    }

    fn matches(&self, table: &Table) -> bool {
        table.len() > 0
            && self.terms.iter().all(|&(id, term)| {
                let has = table.column_index(id).is_some();
                match term {
                    Term::Read | Term::Write | Term::With => has,
                    Term::Without => !has,
                    Term::OptionalRead | Term::OptionalWrite => true,
                }
            })
    }

    /// The slices of one table, in the order in which the query asked for them.
    fn slices<'w>(&self, world: &World, table: &Table, writable: bool) -> Vec<ColumnSlice<'w>> {
        let of = |&(id, term): &(ComponentId, Term)| {
            let writes = match term {
                Term::Read | Term::OptionalRead => false,
                Term::Write | Term::OptionalWrite => true,
                Term::With | Term::Without => return None,
            };
            let pod = world.known(id).is_ok_and(|info| info.is_pod());
            let column = table.column(id);
            Some(ColumnSlice {
                id,
                base: column.map(Column::base),
                size: column.map_or(0, Column::size),
                type_id: column.map(Column::type_id),
                len: table.len(),
                pod,
                writable: writable && writes,
                marker: PhantomData,
            })
        };
        self.terms.iter().filter_map(of).collect()
    }

    /// Calls `f` with each table that matches and has rows; everything is for reading.
    pub fn for_each(&self, world: &World, mut f: impl FnMut(DynamicTable<'_>)) {
        for table in world.tables.iter().filter(|table| self.matches(table)) {
            f(DynamicTable {
                id: table.id(),
                entities: table.entities(),
                slices: self.slices(world, table, false),
            });
        }
    }

    /// Calls `f` with each table that matches and has rows. Its writable components count as written.
    pub fn for_each_mut(&self, world: &mut World, mut f: impl FnMut(DynamicTable<'_>)) {
        let tick = world.now();
        for number in 0..world.tables.len() {
            if !self.matches(&world.tables[number]) {
                continue;
            }
            for &(id, term) in &self.terms {
                if let (Term::Write | Term::OptionalWrite, Some(column)) =
                    (term, world.tables[number].column_mut(id))
                {
                    column.mark_rows(tick);
                }
            }
            let table = &world.tables[number];
            f(DynamicTable {
                id: table.id(),
                entities: table.entities(),
                slices: self.slices(world, table, true),
            });
        }
    }
}

/// A table that matched.
#[derive(Debug)]
pub struct DynamicTable<'w> {
    id: TableId,
    entities: &'w [Entity],
    slices: Vec<ColumnSlice<'w>>,
}

impl<'w> DynamicTable<'w> {
    /// Its number in the world.
    #[must_use]
    pub fn id(&self) -> TableId {
        self.id
    }

    /// The entity of each row.
    #[must_use]
    pub fn entities(&self) -> &'w [Entity] {
        self.entities
    }

    /// One slice for each component asked for (not for `with` and `without`), in that order.
    #[must_use]
    pub fn slices(&self) -> &[ColumnSlice<'w>] {
        &self.slices
    }

    /// The same, for writing.
    #[must_use]
    pub fn slices_mut(&mut self) -> &mut [ColumnSlice<'w>] {
        &mut self.slices
    }
}

/// The rows of one component.
#[derive(Debug)]
pub struct ColumnSlice<'w> {
    id: ComponentId,
    base: Option<*mut u8>,
    size: usize,
    type_id: Option<TypeId>,
    len: usize,
    pod: bool,
    writable: bool,
    marker: PhantomData<&'w mut [u8]>,
}

impl ColumnSlice<'_> {
    /// The component.
    #[must_use]
    pub fn id(&self) -> ComponentId {
        self.id
    }

    /// Whether the table has it: false for an optional one that is missing.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.base.is_some()
    }

    /// Bytes from one row to the next.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.size
    }

    /// The rows as bytes, aligned to 64; `None` if the component is missing or not Pod.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        let base = self.base.filter(|_| self.pod)?;
        // SAFETY: all rows are in use and their bytes initialised (Pod); nobody writes them during the borrow (invariant 2).
        Some(unsafe { core::slice::from_raw_parts(base, self.len * self.size) })
    }

    /// The rows as bytes, for writing; `None` also if the query asked for reading only. Constraints are not checked.
    #[must_use]
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        let base = self.base.filter(|_| self.pod && self.writable)?;
        // SAFETY: as for `bytes`, and the world is borrowed exclusively, each component handed out once (invariants 1 and 2).
        Some(unsafe { core::slice::from_raw_parts_mut(base, self.len * self.size) })
    }

    /// The rows as numbers, if the component is Pod and as large as a whole number of them.
    #[must_use]
    pub fn floats(&self) -> Option<&[f32]> {
        crate::pod::from_bytes(self.bytes()?)
    }

    /// The same, for writing.
    #[must_use]
    pub fn floats_mut(&mut self) -> Option<&mut [f32]> {
        let size = self.size;
        let bytes = self.bytes_mut()?;
        if size == 0 || !size.is_multiple_of(size_of::<f32>()) {
            return None;
        }
        // SAFETY: columns are aligned to 64 bytes, and every pattern is an f32.
        Some(unsafe {
            core::slice::from_raw_parts_mut(
                bytes.as_mut_ptr().cast::<f32>(),
                bytes.len() / size_of::<f32>(),
            )
        })
    }

    /// The rows as `T`; `None` if the component is missing or another type.
    #[must_use]
    pub fn typed<T: Component>(&self) -> Option<&[T]> {
        let base = self
            .base
            .filter(|_| self.type_id == Some(TypeId::of::<T>()))?;
        // SAFETY: the column is a T's; nobody writes it during the borrow (invariant 2).
        Some(unsafe { core::slice::from_raw_parts(base.cast::<T>(), self.len) })
    }

    /// The same, for writing; `None` also if the query asked for reading only.
    #[must_use]
    pub fn typed_mut<T: Component>(&mut self) -> Option<&mut [T]> {
        let base = self
            .base
            .filter(|_| self.writable && self.type_id == Some(TypeId::of::<T>()))?;
        // SAFETY: the column is a T's, and ours alone (invariants 1 and 2).
        Some(unsafe { core::slice::from_raw_parts_mut(base.cast::<T>(), self.len) })
    }

    /// The bytes of one row, for writing.
    #[must_use]
    pub fn row_mut(&mut self, row: usize) -> Option<&mut [u8]> {
        let size = self.size;
        let start = row.checked_mul(size)?;
        self.bytes_mut()?.get_mut(start..start.checked_add(size)?)
    }

    /// The rows as values of a Pod type of the same size that is no component, such as `[f32; 3]`.
    #[must_use]
    pub fn cast<T: Pod>(&self) -> Option<&[T]> {
        if size_of::<T>() != self.size {
            None
        } else {
            crate::pod::from_bytes(self.bytes()?)
        }
    }
}
