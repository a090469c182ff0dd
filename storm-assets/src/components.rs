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
