//! Counts and sizes of what is in a file, for people.

use crate::{Mesh, Topology};

/// What is in a file, however many nodes show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The .gltf or .glb file, bytes.
    pub file_bytes: u64,
    /// All buffers, bytes.
    pub buffer_bytes: u64,
    /// All decoded pictures, bytes.
    pub image_bytes: u64,
    /// Elements of `buffers`.
    pub buffers: usize,
    /// Elements of `accessors`.
    pub accessors: usize,
    /// Elements of `images`, used or not.
    pub images: usize,
    /// Elements of `textures`.
    pub textures: usize,
    /// Elements of `samplers`.
    pub samplers: usize,
    /// Primitives that can be drawn.
    pub primitives: usize,
    /// Distinct meshes that they draw: primitives that differ only in their material share one.
    pub meshes: usize,
    /// Vertices of the distinct meshes, after flat normals and tangents have split some.
    pub vertices: u64,
    /// Triangles of all primitives.
    pub triangles: u64,
    /// Lines of all primitives.
    pub lines: u64,
    /// Points of all primitives.
    pub points: u64,
    /// Morph targets of all primitives.
    pub morph_targets: usize,
}

impl Summary {
    /// Counts a mesh, once however many primitives share it.
    pub(super) fn add_mesh(&mut self, mesh: &Mesh) {
        self.meshes += 1;
        self.vertices += mesh.positions.len() as u64;
    }

    /// Counts what a primitive draws.
    pub(super) fn add_primitive(&mut self, mesh: &Mesh) {
        self.primitives += 1;
        self.morph_targets += mesh.morph_targets.len();
        let count = (mesh.indices.len() / mesh.topology.indices_per_primitive()) as u64;
        match mesh.topology {
            Topology::Points => self.points += count,
            Topology::Lines => self.lines += count,
            Topology::Triangles => self.triangles += count,
        }
    }
}
