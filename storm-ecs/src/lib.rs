#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The derives name the crate by its path; inside it, that has to work too.
extern crate self as storm_ecs;

mod batch;
mod bitset;
mod bundle;
mod column;
mod commands;
mod component;
mod entities;
mod entity;
mod error;
mod event;
mod memory;
#[cfg(feature = "rayon")]
mod parallel;
mod query;
mod removed;
mod resource;
#[cfg(feature = "scene")]
pub mod scene;
mod slices;
mod system;
mod table;
mod tick;
mod track;
mod world;

pub use batch::{ColumnLengths, Columns};
pub use bundle::Bundle;
pub use commands::{CommandQueue, Commands};
pub use component::{Component, ComponentId, ComponentInfo, Track};
pub use entity::Entity;
pub use error::{ComponentError, MissingComponent, NoSuchEntity};
pub use event::Events;
pub use memory::{MemoryReport, TableMemory};
pub use query::{
    Added, Changed, Has, Mut, Or, Query, QueryData, QueryFilter, QueryIter, QueryState,
    ReadOnlyQueryData, SliceIter, SliceQueryData, TableRef, Tables, With, Without,
};
pub use removed::{REMOVAL_CAPACITY, Removed};
pub use resource::Resource;
pub use slices::Split;
#[cfg(feature = "bytemuck")]
pub use slices::{flat, flat_mut};
pub use storm_ecs_macros::{Bundle, Component};
pub use system::{
    EventReader, EventWriter, FixedStep, IntoSystem, Local, Res, ResMut, Schedule, ScheduleError,
    System, SystemConfig, SystemPanic, SystemParam,
};
pub use table::{BLOCK_ROWS, TableId};
pub use tick::ChangeTick;
pub use world::World;

/// What the derives expand to. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::bundle::{ComponentList, FieldVisitor};
    pub use crate::component::TypeSlot;
}
