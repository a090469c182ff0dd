//! Components: what an entity is drawn with, and what deforms it.

use std::sync::Arc;

use glam::{Affine3A, Mat4, Vec3A};
use storm_ecs::{
    Component, Entity,
    scene::{CELL_SIZE, GlobalTransform},
};

use crate::{Handle, Material, Mesh, Skin};

/// The geometry of an entity, in the space of its `GlobalTransform`.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[component(name = "storm.assets.Mesh")]
pub struct MeshHandle(pub Handle<Mesh>);

/// The surface of an entity's geometry.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[component(name = "storm.assets.Material")]
pub struct MaterialHandle(pub Handle<Material>);

/// The surfaces that an entity's geometry has in variants of its file (KHR_materials_variants): see `gltf::choose_variant`.
#[derive(Component, Clone, Debug, PartialEq, Eq)]
#[component(name = "storm.assets.MaterialVariants")]
pub struct MaterialVariants {
    /// Where no variant is chosen, and in those that have no surface of their own for it.
    pub own: Handle<Material>,
    /// By the variant's place in the file; each at most once.
    pub of: Vec<(usize, Handle<Material>)>,
}

/// Joints that deform the mesh of an entity.
///
/// A vertex is moved by `inverse(global of this entity) · global(joint) · inverse bind`, so that joints place it wherever this entity is.
#[derive(Component, Clone, Debug, PartialEq)]
#[component(name = "storm.assets.Skinned")]
pub struct Skinned {
    /// Where the matrices of the bind pose are.
    pub skin: Handle<Skin>,
    /// The entity of each joint of the skin; one that is not there moves nothing.
    pub joints: Arc<[Entity]>,
}

impl Skinned {
    /// The matrices that `Mesh::posed` takes, for an entity that stands at `own`; `global` says where an entity is. A joint that is not there has the identity.
    /// Cost: O(joints).
    pub fn matrices<'w>(
        &self,
        skin: &Skin,
        own: &GlobalTransform,
        global: impl Fn(Entity) -> Option<&'w GlobalTransform>,
    ) -> Vec<Mat4> {
        let inverse = own.to_affine().inverse();
        let matrix = |(joint, inverse_bind): (&Entity, &Mat4)| {
            let Some(joint) = global(*joint) else {
                return Mat4::IDENTITY;
            };
            let cells = |axis: usize| joint.cell[axis].wrapping_sub(own.cell[axis]) as f32;
            let mut place = joint.to_affine();
            // Of the same cell, as a rule: then it stays what it is.
            place.translation += Vec3A::new(cells(0), cells(1), cells(2)) * CELL_SIZE;
            Mat4::from(inverse * place * Affine3A::from_mat4(*inverse_bind))
        };
        let pairs = self.joints.iter().zip(&skin.inverse_bind);
        pairs.map(matrix).collect()
    }
}

/// Weights of the morph targets of an entity's mesh; missing ones are 0.
#[derive(Component, Clone, Debug, Default, PartialEq)]
#[component(name = "storm.assets.MorphWeights")]
pub struct MorphWeights(pub Vec<f32>);

/// A material that changes, and that only entities with its handle have: the renderer takes it from here, not from a library.
#[derive(Component, Clone, Debug, PartialEq)]
#[component(name = "storm.assets.LiveMaterial")]
pub struct LiveMaterial {
    /// What those name that are drawn with it.
    pub handle: Handle<Material>,
    /// What it is now.
    pub material: Material,
}
