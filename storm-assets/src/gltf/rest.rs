//! The rest pose: where nodes stand before any animation, and skinned or morphed meshes in that pose.

use glam::Mat4;

use super::{
    Gltf, Limits,
    error::{GltfError, Problem},
    limits::Budget,
};
use crate::{AssetId, Handle, Mesh};

/// A skinned or morphed primitive in the rest pose of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct PosedPrimitive {
    /// Index into [`Gltf::nodes`].
    pub node: usize,
    /// Place in the list of primitives of the node's [`MeshGroup`](super::MeshGroup).
    pub primitive: usize,
    /// Label `node/N/primitive/P/rest`, with `P` as the file numbers primitives.
    pub handle: Handle<Mesh>,
    /// Without joints and morph targets.
    pub mesh: Mesh,
    /// Whether joints have moved it: it is then in the space of the scene, and its node's own place does not count.
    pub skinned: bool,
}

impl Gltf {
    /// From each node's space to that of the scene, without animation. Cost: O(nodes).
    #[must_use]
    pub fn world_matrices(&self) -> Vec<Mat4> {
        let mut matrices = vec![Mat4::IDENTITY; self.nodes.len()];
        let mut open: Vec<usize> = (0..self.nodes.len())
            .filter(|&node| self.nodes[node].parent.is_none())
            .collect();
        while let Some(node) = open.pop() {
            let parent = self.nodes[node]
                .parent
                .map_or(Mat4::IDENTITY, |parent| matrices[parent]);
            matrices[node] = parent * self.nodes[node].transform.matrix();
            open.extend_from_slice(&self.nodes[node].children);
        }
        matrices
    }

    /// The nodes of a scene, parents before children; all nodes where the file has no scenes. `None` is the default scene, or the first.
    #[must_use]
    pub fn scene_nodes(&self, scene: Option<usize>) -> Vec<usize> {
        let index = scene.or(self.default_scene).unwrap_or(0);
        let mut open: Vec<usize> = match self.scenes.get(index) {
            Some(scene) => scene.nodes.clone(),
            None if self.scenes.is_empty() => (0..self.nodes.len())
                .filter(|&n| self.nodes[n].parent.is_none())
                .collect(),
            None => Vec::new(),
        };
        open.reverse();
        let mut nodes = Vec::new();
        while let Some(node) = open.pop() {
            nodes.push(node);
            open.extend(self.nodes[node].children.iter().rev());
        }
        nodes
    }

    /// Poses all skinned or morphed nodes of a scene at rest ([`Gltf::rest_pose`]), puts the posed meshes into the library and notes them in
    /// [`Gltf::rest_meshes`].
    ///
    /// # Errors
    /// As [`Gltf::rest_pose`]; nothing is changed then.
    pub fn pose_at_rest(&mut self, scene: Option<usize>, limits: &Limits) -> Result<(), GltfError> {
        for posed in self.rest_pose(scene, limits)? {
            self.library.meshes.insert(posed.handle, posed.mesh);
            self.rest_meshes
                .insert((posed.node, posed.primitive), posed.handle);
        }
        Ok(())
    }

    /// The meshes of all skinned or morphed nodes of a scene in their rest pose: node transforms as the file has them, morph weights of
    /// the node or else of the mesh. For renderers that cannot skin; nodes without either are not listed.
    ///
    /// # Errors
    /// When the posed meshes would take more than `limits.value_bytes_base` and `limits.value_bytes_per_input_byte` times the buffers:
    /// many nodes may share one large mesh.
    pub fn rest_pose(
        &self,
        scene: Option<usize>,
        limits: &Limits,
    ) -> Result<Vec<PosedPrimitive>, GltfError> {
        let in_file = |problem: Problem| GltfError {
            file: self.source.clone(),
            problem,
        };
        let mut budget = Budget::new(limits);
        let input = usize::try_from(self.summary.buffer_bytes).unwrap_or(usize::MAX);
        budget.input(input, String::new).map_err(in_file)?;
        let world = self.world_matrices();
        let mut posed = Vec::new();
        for node_index in self.scene_nodes(scene) {
            let node = &self.nodes[node_index];
            let Some(group) = node.mesh.map(|mesh| &self.meshes[mesh]) else {
                continue;
            };
            let weights = if node.morph_weights.is_empty() {
                &group.morph_weights
            } else {
                &node.morph_weights
            };
            let skin = node
                .skin
                .and_then(|skin| self.library.skins.get(self.skins[skin]));
            let joints: Vec<Mat4> = match skin {
                None => Vec::new(),
                Some(skin) => {
                    budget
                        .values::<Mat4>(skin.joints.len(), || format!("/nodes/{node_index}"))
                        .map_err(in_file)?;
                    skin.joints
                        .iter()
                        .zip(&skin.inverse_bind)
                        .map(|(joint, inverse_bind)| world[*joint as usize] * *inverse_bind)
                        .collect()
                }
            };
            for (index, primitive) in group.primitives.iter().enumerate() {
                let Some(mesh) = self.library.meshes.get(primitive.mesh) else {
                    continue;
                };
                let skinned = !joints.is_empty() && !mesh.joints.is_empty();
                if !skinned && (mesh.morph_targets.is_empty() || weights.iter().all(|w| *w == 0.0))
                {
                    continue;
                }
                let bytes = mesh
                    .positions
                    .len()
                    .saturating_mul(mesh.bytes_per_vertex())
                    .saturating_add(size_of_val(&*mesh.indices));
                budget
                    .values::<u8>(bytes, || format!("/nodes/{node_index}"))
                    .map_err(in_file)?;
                let label = format!("node/{node_index}/primitive/{}/rest", primitive.index);
                posed.push(PosedPrimitive {
                    node: node_index,
                    primitive: index,
                    handle: Handle::new(AssetId::new(&self.source, &label)),
                    mesh: mesh.posed(weights, &joints),
                    skinned,
                });
            }
        }
        Ok(posed)
    }
}
