//! Clusters: meshes of millions of triangles, drawn at the detail that a view can show. `docs/clusters.md` is the design.
//!
//! `meshes.rs` and `pages.rs` keep them on the GPU; `frame.rs` says what a frame has for them, `pipelines.rs` and `record.rs` what
//! its passes do, `measure.rs` which way of drawing is fastest, `shade.rs` how what they drew gets its colours. `stream.rs` brings pages that views ask for: `residency.rs` says
//! which, `reader.rs` reads them.

pub(crate) mod frame;
pub(crate) mod measure;
pub(crate) mod meshes;
mod pages;
pub(crate) mod pick;
pub(crate) mod pipelines;
pub(crate) mod reader;
pub(crate) mod record;
pub(crate) mod residency;
pub(crate) mod shade;
pub(crate) mod stream;
#[cfg(test)]
pub(crate) mod test_mesh;
#[cfg(test)]
mod tests;
