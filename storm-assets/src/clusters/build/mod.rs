//! Builds a cluster mesh from a [`Mesh`]: see "Building" in `docs/clusters.md`.
//!
//! The same mesh and options give the same bytes, at any number of threads.

mod bounds;
mod encode;
mod hierarchy;
mod pages;
mod parallel;
mod partition;
mod rounds;
mod simplify;
mod split;
mod vertices;

use std::{num::NonZeroUsize, ops::ControlFlow};

use super::ClusterMesh;
use crate::{Mesh, MeshError};

/// How a cluster mesh is built.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BuildOptions {
    /// The largest distance between points of the grid that positions are put on, metres; none: small enough for the mesh.
    pub precision: Option<f32>,
    /// What a change of a normal by its own length counts as an error: so many edge lengths.
    pub normal_weight: f32,
    /// What a slide of the texture by a metre counts as an error: so many metres.
    pub uv_weight: f32,
    /// What a change of a colour from black to white counts as an error: so many edge lengths.
    pub color_weight: f32,
    /// Threads that work; none: as many as there are cores.
    pub threads: Option<NonZeroUsize>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            precision: None,
            normal_weight: 0.5,
            uv_weight: 0.5,
            color_weight: 0.5,
            threads: None,
        }
    }
}

impl BuildOptions {
    /// With a grid at least as fine.
    #[must_use]
    pub fn with_precision(mut self, metres: f32) -> Self {
        self.precision = Some(metres);
        self
    }

    /// With so many threads.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Vertices are put on the grid, equal ones are made one.
    Vertices,
    /// Triangles are made into clusters.
    Clusters,
    /// Groups are simplified; the number of the round.
    Simplify(u32),
    /// Pages are put together.
    Pages,
}

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Parts of the stage that are done.
    pub done: usize,
    /// Parts that it has.
    pub parts: usize,
    /// How much of all the work is done about, of 1000.
    pub per_mille: u32,
}

/// Why a mesh cannot be built into clusters.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The mesh is not well-formed.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// It is of something other than triangles.
    #[error("a mesh of {0:?}, which are no triangles")]
    Topology(crate::Topology),
    /// A skin or morph targets deform it.
    #[error("a mesh with {0}: what deforms is not built into clusters")]
    Deformed(&'static str),
    /// It has more UV sets than a cluster has.
    #[error("{found} UV sets, 2 are the limit")]
    UvSets {
        /// How many it has.
        found: usize,
    },
    /// A number is not finite.
    #[error("{attribute} of vertex {vertex} is not finite")]
    NotFinite {
        /// Of which attribute.
        attribute: &'static str,
        /// Of which vertex.
        vertex: usize,
    },
    /// A vertex is further away than [`EXTENT_MAX`](super::EXTENT_MAX), or a UV further than 2²⁰.
    #[error("{attribute} of vertex {vertex} is too far from 0")]
    TooFar {
        /// Of which attribute.
        attribute: &'static str,
        /// Of which vertex.
        vertex: usize,
    },
    /// No triangle has three corners in different places.
    #[error("no triangle with corners in three places")]
    Empty,
    /// The wished precision is no length over 0.
    #[error("a precision of {0} m")]
    Precision(f32),
    /// A weight is not a number of at least 0.
    #[error("a weight of {0}")]
    Weight(f32),
    /// The table of pages or groups would have too many entries.
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// The progress function stopped it.
    #[error("stopped")]
    Stopped,
}

/// Builds the clusters of a mesh. Its levels ([`Mesh::levels`]) are left out: clusters are levels of their own.
///
/// Cost: about 0.4 million triangles a second and core; memory about 80 bytes a triangle beside the mesh.
///
/// # Errors
/// When the mesh cannot be built into clusters: see [`BuildError`].
pub fn build(mesh: &Mesh, options: &BuildOptions) -> Result<ClusterMesh, BuildError> {
    build_with_progress(mesh, options, &mut |_| ControlFlow::Continue(()))
}

/// [`build`] that tells how far it is, on the caller's thread, and stops with [`BuildError::Stopped`] when told to.
///
/// # Errors
/// As [`build`].
pub fn build_with_progress(
    mesh: &Mesh,
    options: &BuildOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<ClusterMesh, BuildError> {
    let threads = options.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        NonZeroUsize::get,
    );
    let mut workers = parallel::Workers::new(threads, progress);
    refuse(mesh, options)?;
    workers.begin(Stage::Vertices, 0..50);
    let source = vertices::weld(mesh, options, &mut workers)?;
    workers.begin(Stage::Clusters, 50..250);
    let clusters = split::split(&source, &mut workers)?;
    let groups = rounds::simplify_all(&source, clusters, options, &mut workers)?;
    workers.begin(Stage::Pages, 950..1000);
    pages::assemble(&source, groups, &mut workers)
}

/// What is refused at once.
fn refuse(mesh: &Mesh, options: &BuildOptions) -> Result<(), BuildError> {
    mesh.check()?;
    if mesh.topology != crate::Topology::Triangles {
        return Err(BuildError::Topology(mesh.topology));
    }
    if !mesh.joints.is_empty() || !mesh.weights.is_empty() {
        return Err(BuildError::Deformed("a skin"));
    }
    if !mesh.morph_targets.is_empty() {
        return Err(BuildError::Deformed("morph targets"));
    }
    if mesh.uvs.len() > 2 {
        return Err(BuildError::UvSets {
            found: mesh.uvs.len(),
        });
    }
    if let Some(precision) = options.precision
        && !(precision > 0.0 && precision.is_finite())
    {
        return Err(BuildError::Precision(precision));
    }
    for weight in [
        options.normal_weight,
        options.uv_weight,
        options.color_weight,
    ] {
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(BuildError::Weight(weight));
        }
    }
    Ok(())
}
