//! The glTF 2.0 reader and writer.
//!
//! [`load`] reads a file and what lies beside it; [`parse`] reads bytes and asks a resolver for the rest, without a file system. Both give a
//! [`Gltf`]: a [`Library`] of values and the nodes that place them. `docs/assets.md` has the layers and invariants.
//!
//! Core 2.0 is read in full, with the extensions of [`SUPPORTED_EXTENSIONS`]. An unknown extension that a file requires is an error;
//! one that it uses is a warning, and the core values stand. A consumer that cannot show what an extension says puts it into
//! [`LoadOptions::without`], so that nobody sees a wrong picture without a word.
//!
//! [`Gltf::to_glb`] writes one file of such values.
//!
//! ```no_run
//! use storm_assets::gltf::{self, LoadOptions};
//!
//! let file = gltf::load("cart.glb", &LoadOptions::default())?;
//! println!("{} triangles", file.summary.triangles);
//! for warning in &file.warnings {
//!     println!("{warning}");
//! }
//! # Ok::<(), gltf::GltfError>(())
//! ```

use std::collections::BTreeMap;

mod accessor;
mod animation;
mod attribute;
mod borrowed;
mod compression;
mod context;
mod cursor;
mod decode;
mod error;
mod extensions;
mod glb;
mod image;
mod instances;
mod json;
mod kept;
mod limits;
mod load;
mod material;
mod node;
mod options;
mod parse;
mod primitive;
mod resource;
mod rest;
mod rig;
#[cfg(feature = "ecs")]
mod spawn;
mod spell;
mod summary;
mod transform;
mod uri;
pub mod validate;
mod write;

#[cfg(feature = "ecs")]
pub use self::spawn::{Spawned, choose_variant};
pub use self::{
    accessor::{Component, Shape},
    borrowed::{AccessorView, Accessors, PrimitiveAccessors},
    error::{GltfError, Problem, Warning},
    extensions::SUPPORTED_EXTENSIONS,
    image::{Encoded, Picture},
    kept::Kept,
    limits::Limits,
    load::load,
    node::{Camera, Light, LightKind, Node, Projection, Scene},
    options::{LoadOptions, Progress, ProgressFn, Stage},
    parse::parse,
    primitive::{MeshGroup, Primitive, VariantMaterial},
    resource::{Request, Resolver},
    rest::PosedPrimitive,
    summary::Summary,
    transform::NodeTransform,
    write::{PictureFormat, WriteError, WriteOptions, Written},
};
#[cfg(feature = "loader")]
pub(crate) use self::{
    image::PendingPicture,
    load::{path_beside, read_file},
    parse::parse_deferred,
};
use crate::{Clip, Handle, Library, Material, Mesh, Skin};

/// A glTF file, read and checked: every index in it is in range, every mesh well-formed, the nodes a forest.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Gltf {
    /// What the ids derive from: see [`LoadOptions::source`].
    pub source: String,
    /// The version of glTF that the file states.
    pub version: String,
    /// What wrote the file; empty where it does not say.
    pub generator: String,
    /// Who has the rights; empty where it does not say.
    pub copyright: String,
    /// Whether it is a binary glTF.
    pub is_glb: bool,
    /// The values. Ids derive from labels: `mesh/0/primitive/1`, `material/2`, `material/default`, `image/3`, `skin/0`, `clip/0`.
    pub library: Library,
    /// What is shown together.
    pub scenes: Vec<Scene>,
    /// Which scene to show first; `None` leaves that to the viewer.
    pub default_scene: Option<usize>,
    /// All nodes; parents and children agree and there is no cycle.
    pub nodes: Vec<Node>,
    /// Meshes, as the file groups primitives.
    pub meshes: Vec<MeshGroup>,
    /// Materials, in file order.
    pub materials: Vec<Handle<Material>>,
    /// For nodes (first) and the place in their list of primitives (second), the mesh in its rest pose: see [`Gltf::pose_at_rest`].
    pub rest_meshes: BTreeMap<(usize, usize), Handle<Mesh>>,
    /// Pictures, in file order; those that no material uses have no value in the library.
    pub images: Vec<Picture>,
    /// Skins, in file order.
    pub skins: Vec<Handle<Skin>>,
    /// Animations, in file order.
    pub clips: Vec<Handle<Clip>>,
    /// Cameras, in file order.
    pub cameras: Vec<Camera>,
    /// Lights, in file order.
    pub lights: Vec<Light>,
    /// Names of the variants of materials (KHR_materials_variants), in file order; [`MeshGroup::variants`] has what they change.
    pub variants: Vec<String>,
    /// `extras` and extensions that have no value of their own, as JSON: see [`Kept`].
    pub kept: Vec<Kept>,
    /// Extensions that the file uses.
    pub extensions_used: Vec<String>,
    /// Extensions that it cannot be shown without; all of them are supported.
    pub extensions_required: Vec<String>,
    /// What was mended or left out, up to [`Limits::warnings_max`].
    pub warnings: Vec<Warning>,
    /// How many warnings there were, kept or not.
    pub warning_count: usize,
    /// Counts and sizes.
    pub summary: Summary,
}
