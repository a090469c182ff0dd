//! One frame: which passes there are (`plan.rs`), the pipelines they draw with (`pipelines.rs`), and what each records
//! (`record.rs`).

pub(crate) mod constants;
pub(crate) mod cull;
pub(crate) mod level;
pub(crate) mod lighting;
pub(crate) mod pipelines;
pub(crate) mod plan;
pub(crate) mod post;
pub(crate) mod record;
pub(crate) mod ui;
pub(crate) mod values;
