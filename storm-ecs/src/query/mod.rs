//! Queries: visiting the entities that have certain components.
//!
//! [`World::query`](crate::World::query) reads, [`World::query_mut`](crate::World::query_mut) may write; both need no preparation.
//! [`QueryState`] keeps the list of matching tables between runs.

pub(crate) mod access;
pub(crate) mod aside;
pub(crate) mod data;
mod dynamic;
pub(crate) mod filter;
mod iter;
mod matching;
mod state;
mod tables;

pub use dynamic::{ColumnSlice, DynamicQuery, DynamicTable};
pub(crate) use filter::ticks;

pub use data::{Has, Mut, QueryData, ReadOnlyQueryData, SliceQueryData};
pub use filter::{Added, Changed, Or, QueryFilter, With, Without};
pub use iter::{QueryIter, SliceIter};
pub use state::{Query, QueryState};
pub use tables::{TableRef, Tables};
