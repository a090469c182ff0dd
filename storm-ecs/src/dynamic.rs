//! Components by number instead of type: for scripts, editors and foreign code.
//!
//! Everything safe here checks first: numbers are known, values fit the schema, bytes are of Pod components. One operation with several
//! components is one move.
//!
//! Invariants:
//! 1. A pointer passed on is to a value made by the component's own functions, or to as many bytes as a Pod component has.
//! 2. Bytes are shown of Pod components only: theirs are initialised throughout.
#![expect(
    unsafe_code,
    reason = "hands checked bytes and values to type-erased storage"
)]

use core::alloc::Layout;
use core::fmt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::component::{ComponentId, ComponentInfo, DropFn, Storage, Track};
use crate::entity::Entity;
use crate::error::NoSuchEntity;
use crate::schema::data::ComponentData;
use crate::schema::{
    ComponentSchema, Constraints, Value, Violation, read_value, validate_bytes, write_value,
};
use crate::snapshot::section::Section;
use crate::watch::Hooks;
use crate::world::World;

/// What a world keeps for this module and for snapshots.
#[derive(Default)]
pub(crate) struct DataState {
    pub(crate) sections: Vec<Section>,
    pub(crate) predictions: crate::prediction::Predictions,
    pub(crate) relations: crate::relation::State,
}

/// Why something by component number could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DynamicError {
    /// The entity is not alive, or belongs to another world.
    NoSuchEntity,
    /// The number names no component of this world.
    UnknownComponent(ComponentId),
    /// A component is named twice in one operation.
    Twice(&'static str),
    /// The entity lacks the component.
    MissingComponent(&'static str),
    /// The component's bytes are not its value: it is not Pod.
    NotPod(&'static str),
    /// The component has no schema.
    NoSchema(&'static str),
    /// The value does not fit the schema.
    Violation(Violation),
    /// The bytes are not as many as the component has.
    Size {
        /// The component.
        component: &'static str,
        /// Its size.
        expected: usize,
        /// Bytes that were passed.
        found: usize,
    },
    /// The alignment is beyond 4096 bytes, or the size beyond 1 GiB.
    Layout(Layout),
    /// Another component has the name.
    NameTaken(String),
    /// The world keeps the component itself, and cannot do without it.
    Kept(&'static str),
}

impl fmt::Display for DynamicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchEntity => NoSuchEntity.fmt(f),
            Self::UnknownComponent(id) => {
                write!(f, "this world has no component number {}", id.index())
            }
            Self::Twice(name) => write!(f, "component {name} is named twice"),
            Self::MissingComponent(name) => write!(f, "the entity has no component {name}"),
            Self::NotPod(name) => write!(
                f,
                "component {name} is not Pod: its bytes are not its value"
            ),
            Self::NoSchema(name) => write!(f, "component {name} has no schema"),
            Self::Violation(violation) => violation.fmt(f),
            Self::Size {
                component,
                expected,
                found,
            } => write!(
                f,
                "component {component} has {expected} bytes, found {found}"
            ),
            Self::Layout(layout) => write!(
                f,
                "expected a component of at most 1 GiB, aligned to at most 4096, found {} aligned to {}",
                layout.size(),
                layout.align()
            ),
            Self::Kept(name) => write!(
                f,
                "component {name} is kept by the world itself and cannot be forgotten"
            ),
            Self::NameTaken(name) => write!(f, "there is a component named {name} already"),
        }
    }
}

impl core::error::Error for DynamicError {}

impl From<Violation> for DynamicError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl From<NoSuchEntity> for DynamicError {
    fn from(_: NoSuchEntity) -> Self {
        Self::NoSuchEntity
    }
}

/// A component known by its memory alone: for foreign code that brings its own types.
#[derive(Clone, Debug)]
pub struct RawComponent {
    /// The stable name.
    pub name: String,
    /// Size and alignment of a value.
    pub layout: Layout,
    /// Drops so many consecutive values; `None` if dropping does nothing.
    pub drop: Option<unsafe fn(*mut u8, usize)>,
    /// How writes are tracked.
    pub track: Track,
    /// Whether every byte of a value is initialised and every pattern is a value, as [`Pod`](crate::Pod) asks.
    pub pod: bool,
}

/// Names of run-time components live as long as the process; each is kept once.
fn kept(name: &str) -> &'static str {
    static NAMES: Mutex<Option<HashMap<String, &'static str>>> = Mutex::new(None);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    if let Some(name) = names.get(name) {
        return name;
    }
    let long: &'static str = Box::leak(Box::<str>::from(name));
    names.insert(name.into(), long);
    long
}

impl World {
    fn add_runtime(
        &mut self,
        name: &str,
        layout: Layout,
        drop: Option<DropFn>,
        track: Track,
        data: Option<ComponentData>,
    ) -> Result<ComponentId, DynamicError> {
        if self.component_named(name).is_some() {
            return Err(DynamicError::NameTaken(name.into()));
        }
        if layout.align() > 4096 || layout.size() > 1 << 30 {
            return Err(DynamicError::Layout(layout));
        }
        let id = self.registry.next_id();
        self.add_component(ComponentInfo {
            id,
            name: kept(name),
            type_id: Self::runtime_type_id(),
            layout,
            drop,
            track,
            storage: Storage::Table,
            mutable: true,
            kept: false,
            hooks: Hooks::NONE,
            data: data.map(Arc::new),
        });
        Ok(id)
    }

    /// Makes a component of plain data known that no Rust type stands for ([`ComponentSchema::plain`]). Its writes are tracked by block.
    ///
    /// Its name is kept until the process ends.
    ///
    /// # Errors
    /// If the name is taken, or the schema is not of plain data.
    pub fn register_dynamic(
        &mut self,
        schema: ComponentSchema,
    ) -> Result<ComponentId, DynamicError> {
        let plain = schema.ty.as_ref().and_then(|ty| ty.plain_layout());
        if !schema.pod || plain != Some(schema.layout) {
            return Err(
                Violation::new("plain data laid out as C would", "another layout")
                    .of(schema.name)
                    .into(),
            );
        }
        self.add_runtime(
            &schema.name,
            schema.layout,
            None,
            Track::Block,
            Some(ComponentData::plain(schema.ty)),
        )
    }

    /// Makes a component known by its memory.
    ///
    /// # Errors
    /// If the name is taken.
    ///
    /// # Safety
    /// `drop` must be sound to call once on values of this layout that were inserted; the values must be allowed to be used from any thread;
    /// `pod` must be true.
    pub unsafe fn register_raw(
        &mut self,
        component: RawComponent,
    ) -> Result<ComponentId, DynamicError> {
        let RawComponent {
            name,
            layout,
            drop,
            track,
            pod,
        } = component;
        // Layouts that a Rust type cannot have would break the strides of columns.
        let layout = layout.pad_to_align();
        self.add_runtime(
            &name,
            layout,
            drop,
            track,
            pod.then(|| ComponentData::plain(None)),
        )
    }

    /// What a component looks like; `None` if the number names none.
    #[must_use]
    pub fn schema(&self, id: ComponentId) -> Option<ComponentSchema> {
        let info = self.known(id).ok()?;
        Some(ComponentSchema {
            name: info.name.into(),
            layout: info.layout,
            pod: info.is_pod(),
            ty: info.data.as_ref().and_then(|data| data.ty.clone()),
        })
    }

    /// The schemas of all components as a JSON array, by name. See [`ComponentSchema::to_json`].
    #[must_use]
    pub fn schema_json(&self) -> String {
        let mut schemas: Vec<_> = self
            .components()
            .filter_map(|info| self.schema(info.id()))
            .collect();
        schemas.sort_by(|a, b| a.name.cmp(&b.name));
        let all: Vec<_> = schemas.iter().map(ComponentSchema::to_json).collect();
        format!("[{}]", all.join(","))
    }

    /// Whether an entity is alive and has a component.
    #[must_use]
    pub fn has_id(&self, entity: Entity, id: ComponentId) -> bool {
        self.cell(entity, id).is_ok()
    }

    /// The components of an entity, in order of number.
    ///
    /// # Errors
    /// If the entity is not alive.
    pub fn components_of(&self, entity: Entity) -> Result<Vec<ComponentId>, DynamicError> {
        let location = self
            .entities
            .get(entity)
            .ok_or(DynamicError::NoSuchEntity)?;
        let columns = self.tables[location.table as usize].components();
        let mut ids: Vec<_> = columns.chain(self.aside_of(entity, location)).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Gives an entity a component made of a value, which is checked against the schema first.
    ///
    /// # Errors
    /// If the entity is not alive, the component has no schema, or the value violates it. Then nothing is changed.
    pub fn insert_value(
        &mut self,
        entity: Entity,
        id: ComponentId,
        value: &Value,
    ) -> Result<(), DynamicError> {
        self.insert_values(entity, &[(id, value)])
    }

    /// Gives an entity several components in one move. All values are checked before anything changes.
    ///
    /// # Errors
    /// As [`insert_value`](Self::insert_value), and if a component is named twice.
    pub fn insert_values(
        &mut self,
        entity: Entity,
        values: &[(ComponentId, &Value)],
    ) -> Result<(), DynamicError> {
        let ids: Vec<_> = values.iter().map(|value| value.0).collect();
        let datas = values.iter().map(|&(id, _)| {
            let info = self.known(id)?;
            let data = info
                .data
                .clone()
                .filter(|data| data.ty.is_some())
                .ok_or(DynamicError::NoSchema(info.name))?;
            Ok((info.name, data, info.layout))
        });
        let datas: Vec<_> = datas.collect::<Result<_, DynamicError>>()?;
        let mut pointers = Vec::with_capacity(values.len());
        self.insert_next(entity, &ids, values, &datas, &mut pointers)
    }

    /// Makes the value after those in `pointers`, and the rest after it; then inserts all. Values live on the stack of this recursion, one level a component.
    fn insert_next(
        &mut self,
        entity: Entity,
        ids: &[ComponentId],
        values: &[(ComponentId, &Value)],
        datas: &[(&'static str, Arc<ComponentData>, Layout)],
        pointers: &mut Vec<*const u8>,
    ) -> Result<(), DynamicError> {
        let next = pointers.len();
        let Some((name, data, layout)) = datas.get(next) else {
            // SAFETY: each pointer is to a value of its component, made below by the component's own functions.
            return unsafe { self.insert_erased(entity, ids, pointers) };
        };
        let value = values[next].1;
        let Some(ops) = data.values else {
            let Some(ty) = &data.ty else {
                return Err(DynamicError::NoSchema(name));
            };
            // Plain data needs no alignment here: it is copied into the column as bytes.
            let mut bytes = vec![0; layout.size()];
            let made = write_value(ty, value, &mut bytes)
                .and_then(|()| validate_bytes(ty, &Constraints::NONE, &bytes));
            made.map_err(|violation| violation.of(*name))?;
            pointers.push(bytes.as_ptr());
            return self.insert_next(entity, ids, values, datas, pointers);
        };
        let mut result = Ok(());
        let mut show = |made: *mut u8| {
            pointers.push(made);
            result = self.insert_next(entity, ids, values, datas, pointers);
            result.is_ok()
        };
        // SAFETY: `insert_erased` has moved the value out if and only if the result is `Ok`.
        unsafe { (ops.from_value)(value, &mut show) }.map_err(|violation| violation.of(*name))?;
        result
    }

    /// A component as a value.
    ///
    /// # Errors
    /// If the entity is not alive or lacks it, or it has no schema.
    pub fn get_value(&self, entity: Entity, id: ComponentId) -> Result<Value, DynamicError> {
        let (column, row) = self.cell(entity, id)?;
        let info = self.known(id)?;
        let no_schema = DynamicError::NoSchema(info.name);
        let Some(data) = &info.data else {
            return Err(no_schema);
        };
        if let Some(ops) = data.values {
            // SAFETY: the pointer is to the component's value, and `&self` keeps writers away.
            return Ok(unsafe { (ops.to_value)(column.at(row)) });
        }
        let Some(ty) = &data.ty else {
            return Err(no_schema);
        };
        let bytes = self.bytes(entity, id)?;
        Ok(read_value(ty, bytes).map_err(|violation| violation.of(info.name))?)
    }

    /// Checks a component against its schema. A component without one always passes.
    ///
    /// # Errors
    /// If the entity is not alive, lacks the component, or the value violates a constraint.
    pub fn validate(&self, entity: Entity, id: ComponentId) -> Result<(), DynamicError> {
        let (column, row) = self.cell(entity, id)?;
        let info = self.known(id)?;
        let Some(data) = &info.data else {
            return Ok(());
        };
        let result = match (&data.values, &data.ty) {
            // SAFETY: the pointer is to the component's value, and `&self` keeps writers away.
            (Some(ops), _) => unsafe { (ops.validate)(column.at(row)) },
            (None, Some(ty)) => validate_bytes(ty, &Constraints::NONE, self.bytes(entity, id)?),
            _ => Ok(()),
        };
        Ok(result.map_err(|violation| violation.of(info.name))?)
    }

    /// The bytes of a Pod component, aligned as its type.
    ///
    /// # Errors
    /// If the entity is not alive, lacks the component, or it is not Pod.
    pub fn bytes(&self, entity: Entity, id: ComponentId) -> Result<&[u8], DynamicError> {
        let (column, row) = self.cell(entity, id)?;
        let info = self.known(id)?;
        if !info.is_pod() {
            return Err(DynamicError::NotPod(info.name));
        }
        // SAFETY: the row is in use, its bytes are initialised (the component is Pod), and `&self` keeps writers away.
        Ok(unsafe { core::slice::from_raw_parts(column.at(row), column.size()) })
    }

    /// Gives an entity Pod components from their bytes, in one move. Those with a schema are checked first.
    ///
    /// # Errors
    /// If the entity is not alive, a component is not Pod or named twice, or bytes do not fit. Then nothing is changed.
    pub fn insert_bytes(
        &mut self,
        entity: Entity,
        values: &[(ComponentId, &[u8])],
    ) -> Result<(), DynamicError> {
        for &(id, bytes) in values {
            self.check_bytes(id, bytes)?;
        }
        let ids: Vec<_> = values.iter().map(|value| value.0).collect();
        let pointers: Vec<_> = values.iter().map(|value| value.1.as_ptr()).collect();
        // SAFETY: the components are Pod and the bytes as many as each has, so they are values.
        unsafe { self.insert_erased(entity, &ids, &pointers) }
    }

    /// Whether bytes are a value of a Pod component: their number and, with a schema, all constraints.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check_bytes(&self, id: ComponentId, bytes: &[u8]) -> Result<(), DynamicError> {
        let info = self.known(id)?;
        let Some(data) = info.data.as_ref().filter(|data| data.plain) else {
            return Err(DynamicError::NotPod(info.name));
        };
        let expected = info.layout.size();
        if bytes.len() != expected {
            return Err(DynamicError::Size {
                component: info.name,
                expected,
                found: bytes.len(),
            });
        }
        match &data.ty {
            Some(ty) if data.can_fail => Ok(validate_bytes(ty, &Constraints::NONE, bytes)
                .map_err(|violation| violation.of(info.name))?),
            _ => Ok(()),
        }
    }

    /// Gives an entity components from pointers, in one move.
    ///
    /// # Errors
    /// If the entity is not alive, or a component is unknown or named twice; the values are left then.
    ///
    /// # Safety
    /// Each pointer is to a value of its component, which is moved out if this returns `Ok`.
    pub unsafe fn insert_raw(
        &mut self,
        entity: Entity,
        values: &[(ComponentId, *const u8)],
    ) -> Result<(), DynamicError> {
        let ids: Vec<_> = values.iter().map(|value| value.0).collect();
        let pointers: Vec<_> = values.iter().map(|value| value.1).collect();
        // SAFETY: as the caller promises.
        unsafe { self.insert_erased(entity, &ids, &pointers) }
    }

    /// Where a component of an entity is: valid until the next structural change.
    ///
    /// # Errors
    /// If the entity is not alive or lacks it.
    pub fn get_raw(&self, entity: Entity, id: ComponentId) -> Result<*const u8, DynamicError> {
        let (column, row) = self.cell(entity, id)?;
        Ok(column.at(row))
    }

    /// Replaces every handle inside a component that its schema declares, and marks it as changed: after copying content from one place to another.
    ///
    /// # Errors
    /// If the entity is not alive or lacks the component.
    pub fn map_entities(
        &mut self,
        entity: Entity,
        id: ComponentId,
        map: &mut dyn FnMut(Entity) -> Entity,
    ) -> Result<(), DynamicError> {
        self.cell(entity, id)?;
        let Some(data) = self
            .known(id)?
            .data
            .clone()
            .filter(|data| data.has_entities)
        else {
            return Ok(());
        };
        let tick = self.now();
        let location = self
            .entities
            .get(entity)
            .ok_or(DynamicError::NoSuchEntity)?;
        let size = self.known(id)?.layout.size();
        let value = match self.tables[location.table as usize].column_mut(id) {
            Some(column) => {
                column.mark_mut(location.row as usize, tick);
                column.at(location.row as usize)
            }
            None => match self.cell_aside_mut(entity, id, tick) {
                Some(value) => value,
                None => return Ok(()),
            },
        };
        if let Some(ops) = data.values {
            // SAFETY: the pointer is to the component's value, and `&mut self` keeps everyone else away.
            unsafe { (ops.map_entities)(value, map) };
        } else {
            // SAFETY: a run-time component with a schema is plain: its bytes are initialised, and ours alone.
            let bytes = unsafe { core::slice::from_raw_parts_mut(value, size) };
            crate::snapshot::map_bytes(&data, size, bytes, map);
        }
        Ok(())
    }

    /// Takes components from an entity and drops them, in one move; those it lacks are passed over.
    ///
    /// # Errors
    /// If the entity is not alive, or a component is unknown or named twice.
    pub fn remove_ids(&mut self, entity: Entity, ids: &[ComponentId]) -> Result<(), DynamicError> {
        self.remove_erased(entity, ids)
    }
}
