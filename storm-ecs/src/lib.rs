#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The derives name the crate by its path; inside it, that has to work too.
extern crate self as storm_ecs;

mod batch;
mod bitset;
mod bundle;
mod column;
mod command;
mod component;
mod dynamic;
mod entities;
mod entity;
mod error;
mod event;
mod memory;
#[cfg(feature = "rayon")]
mod parallel;
mod pod;
mod prediction;
mod prefab;
mod query;
mod relation;
mod removed;
mod resource;
#[cfg(feature = "scene")]
pub mod scene;
mod schedule;
mod schema;
mod slices;
mod snapshot;
mod sparse;
mod sync;
mod system;
mod table;
mod tick;
mod track;
mod watch;
mod world;

pub use batch::{ColumnLengths, Columns};
pub use bundle::Bundle;
pub use command::{CommandError, CommandQueue, Commands, EntityCommands};
pub use component::{Component, ComponentId, ComponentInfo, Storage, Track};
pub use dynamic::{DynamicError, RawComponent};
pub use entity::Entity;
pub use error::{ComponentError, MissingComponent, NoSuchEntity};
pub use event::{EVENT_CAPACITY, EventCursor, EventIter, EventReader, EventWriter, Events};
pub use memory::{MemoryReport, SparseMemory, TableMemory};
pub use pod::{Pod, bytes_of, from_bytes};
pub use prediction::{Predict, PredictionError};
pub use prefab::{Prefab, PrefabError};
pub use query::{
    Added, Changed, ColumnSlice, DynamicQuery, DynamicTable, Has, Mut, Or, Query, QueryData,
    QueryFilter, QueryIter, QueryState, ReadOnlyQueryData, SliceIter, SliceQueryData, TableRef,
    Tables, With, Without,
};
pub use relation::{
    Ancestors, ChildOf, Children, Descendants, EdgeId, Hierarchy, HierarchyError, OnEnd, Pair,
    PairQuery, Parent, Reachable, Related, RelatedQuery, Relation, RelationCodec, Relations,
    Source, Target,
};
pub use removed::{REMOVAL_CAPACITY, Removed};
pub use resource::Resource;
#[cfg(feature = "rayon")]
pub use schedule::RayonExecutor;
pub use schedule::{
    Ambiguity, BoxError, Executor, FixedStep, IntoSet, IntoSystems, Schedule, ScheduleError,
    SetConfig, SystemOutput, SystemSet, Systems, Task, ThreadPool, on_event, resource_changed,
    resource_exists, run_once,
};
pub use schema::{
    ComponentSchema, Constraints, FieldSchema, Schema, TypeSchema, Value, VariantSchema, Violation,
};
pub use slices::Split;
#[cfg(feature = "bytemuck")]
pub use slices::{flat, flat_mut};
#[cfg(feature = "serde")]
pub use snapshot::SerdeCodec;
pub use snapshot::{
    Codec, DecodeError, Decoder, Encoder, LoadSection, OnUnknown, RestoreOptions, Snapshot,
    SnapshotColumn, SnapshotError, SnapshotKind, SnapshotOptions, SnapshotTable, SnapshotView,
};
pub use storm_ecs_macros::{Bundle, Component, Resource, Schema};
pub use system::{IntoSystem, Local, Res, ResMut, System, SystemParam};
pub use table::{BLOCK_ROWS, TableId};
pub use tick::ChangeTick;
pub use watch::{Cause, DeferredWorld, Hook, Hooks, ObserverId, Rows};
pub use world::World;

/// What the derives expand to. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::bundle::{ComponentList, FieldVisitor};
    pub use crate::component::TypeSlot;
    pub use crate::schema::data::ComponentData;
    pub use crate::schema::{Fields, found};
}
