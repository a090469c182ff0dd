//! Meshes of millions of triangles, to be drawn at the detail that a screen can show: a graph of clusters, in pages.
//!
//! `docs/clusters.md` of the repository is the format and the rule of choice. This module holds the records ([`ClusterInfo`], [`Node`], [`Group`], [`ClusterRecord`]), the mesh of them
//! ([`ClusterMesh`], checked), a checked [`Page`] with its decoding, and [`cut`], the reference of what a view draws. With the
//! feature `mesh-processing`, [`build`] makes such meshes.
//!
//! After Karis et al., "A Deep Dive into Nanite Virtualized Geometry" (2021), and Kapoulkine's clusterlod (meshoptimizer, 2025).

mod code;
mod cut;
mod data;
mod error;
mod file;
mod mesh;
mod pack;
mod page;

#[cfg(feature = "mesh-processing")]
mod build;
#[cfg(feature = "mesh-processing")]
mod cache;

#[cfg(feature = "mesh-processing")]
pub use self::{
    build::{BuildError, BuildOptions, Progress, Stage, build, build_with_progress},
    cache::{Cached, ClusterCache},
};
pub use self::{
    cut::{ClusterId, CutView, cut},
    data::{
        CLUSTER_TRIANGLES_MAX, CLUSTER_VERTICES_MAX, ClusterInfo, ClusterRecord, DEPTH_MAX,
        GRID_BITS_MAX, Group, NO_GROUP, Node, NodeChild, PAGE_BYTES_MAX, PAGE_HEADER_WORDS,
        PAGE_TAIL_WORDS, Sphere, flags,
    },
    error::ClusterError,
    file::{FILE_VERSION, open, read, save, write},
    mesh::{ClusterMesh, MemoryPages, PageInfo, PageSource},
    page::{DecodedCluster, Page},
};

/// How far from the origin of its space a mesh may reach, metres.
pub const EXTENT_MAX: f32 = (1u64 << 40) as f32;
