//! Skins: which joints move a mesh, and from where.

use glam::Mat4;

/// The joints that deform a mesh (glTF 2.0 §3.7.3).
///
/// A vertex with joint index `i` and weight `w` moves by `w · world(joints[i]) · inverse_bind[i]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Skin {
    /// For people; need not be unique.
    pub name: String,
    /// The joints, as node indices of the source; meshes index into this list.
    pub joints: Vec<u32>,
    /// From mesh space to the space of each joint, as long as `joints`. Column-major, metres.
    pub inverse_bind: Vec<Mat4>,
    /// The node at or above all joints, where the source names one.
    pub skeleton: Option<u32>,
}
