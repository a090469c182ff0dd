//! Handle components: what an entity is drawn with.

use storm_ecs::Component;

use crate::{Handle, Material, Mesh};

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
