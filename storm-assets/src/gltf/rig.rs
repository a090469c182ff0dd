//! The rig of a file: what its clips drive, and the values at rest.

use super::{Gltf, Light, LightKind, Projection};
use crate::animation::{CameraField, LightField, PointerTarget, Property, Rig};

impl Gltf {
    /// What the clips of this file drive; clips have the numbers that they have in [`Gltf::clips`]. Pointers that are not known, or lead to a layer that
    /// a material does not have, are left out: see [`Rig::ignored`]. Cost: O(keys).
    #[must_use]
    pub fn rig(&self) -> Rig {
        let clips = self
            .clips
            .iter()
            .filter_map(|clip| self.library.clips.get(*clip).cloned())
            .collect();
        Rig::new(clips, &mut |property| self.at_rest(property))
    }

    /// The morph weights of a node without animation: its own, or those of its mesh, or 0 for each target.
    #[must_use]
    pub fn morph_weights(&self, node: usize) -> Vec<f32> {
        let Some(node) = self.nodes.get(node) else {
            return Vec::new();
        };
        if node.morph_weights.is_empty() {
            node.mesh
                .map_or_else(Vec::new, |mesh| self.mesh_weights(mesh))
        } else {
            node.morph_weights.clone()
        }
    }

    fn mesh_weights(&self, mesh: usize) -> Vec<f32> {
        let Some(group) = self.meshes.get(mesh) else {
            return Vec::new();
        };
        if !group.morph_weights.is_empty() {
            return group.morph_weights.clone();
        }
        let targets = group.primitives.iter().filter_map(|primitive| {
            let mesh = self.library.meshes.get(primitive.mesh)?;
            Some(mesh.morph_targets.len())
        });
        vec![0.0; targets.max().unwrap_or(0)]
    }

    fn at_rest(&self, property: Property) -> Option<Vec<f32>> {
        let transform = |node: u32| Some(self.nodes.get(node as usize)?.transform);
        Some(match property {
            Property::Translation(node) => transform(node)?.translation.to_array().to_vec(),
            Property::Rotation(node) => transform(node)?.rotation.to_array().to_vec(),
            Property::Scale(node) => transform(node)?.scale.to_array().to_vec(),
            Property::Weights(node) => self.morph_weights(node as usize),
            Property::Pointer(target) => match target {
                PointerTarget::NodeVisible(node) => {
                    vec![f32::from(self.nodes.get(node as usize)?.visible)]
                }
                PointerTarget::NodeWeight(node, weight) => {
                    vec![*self.morph_weights(node as usize).get(weight as usize)?]
                }
                PointerTarget::MeshWeights(mesh) => self.mesh_weights(mesh as usize),
                PointerTarget::MeshWeight(mesh, weight) => {
                    vec![*self.mesh_weights(mesh as usize).get(weight as usize)?]
                }
                PointerTarget::Material(material, field) => {
                    let handle = *self.materials.get(material as usize)?;
                    let mut value = (**self.library.materials.get(handle)?).clone();
                    field.of(&mut value)?.to_vec()
                }
                PointerTarget::Camera(camera, field) => {
                    let projection = self.cameras.get(camera as usize)?.projection;
                    vec![camera_value(projection, field)?]
                }
                PointerTarget::Light(light, field) => {
                    light_value(self.lights.get(light as usize)?, field)?
                }
            },
        })
    }
}

fn camera_value(projection: Projection, field: CameraField) -> Option<f32> {
    match (projection, field) {
        (Projection::Perspective { yfov, .. }, CameraField::Yfov) => Some(yfov),
        (Projection::Perspective { aspect, .. }, CameraField::Aspect) => aspect,
        (
            Projection::Perspective { znear, .. } | Projection::Orthographic { znear, .. },
            CameraField::Near,
        ) => Some(znear),
        (Projection::Perspective { zfar, .. }, CameraField::Far) => zfar,
        (Projection::Orthographic { zfar, .. }, CameraField::Far) => Some(zfar),
        (Projection::Orthographic { xmag, .. }, CameraField::Xmag) => Some(xmag),
        (Projection::Orthographic { ymag, .. }, CameraField::Ymag) => Some(ymag),
        _ => None,
    }
}

fn light_value(light: &Light, field: LightField) -> Option<Vec<f32>> {
    Some(match (field, light.kind) {
        (LightField::Color, _) => light.color.to_vec(),
        (LightField::Intensity, _) => vec![light.intensity],
        (LightField::Range, _) => vec![light.range?],
        (LightField::InnerCone, LightKind::Spot { inner_cone, .. }) => vec![inner_cone],
        (LightField::OuterCone, LightKind::Spot { outer_cone, .. }) => vec![outer_cone],
        _ => return None,
    })
}
