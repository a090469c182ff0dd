//! Plain asset values and the readers that make them.
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod animation;
mod clip;
#[cfg(feature = "clusters")]
pub mod clusters;
#[cfg(feature = "ecs")]
mod components;
#[cfg(feature = "hdr")]
pub mod hdr;
mod hdr_image;
mod id;
mod image_value;
mod library;
mod material;
mod material_layers;
mod mesh;
mod pose;
mod pose_bounds;
mod rearrange;
mod skin;
#[cfg(feature = "gltf")]
mod tangents;
mod unit;

#[cfg(feature = "gltf")]
pub mod gltf;
#[cfg(feature = "ktx2")]
pub mod ktx2;
#[cfg(feature = "loader")]
pub mod loader;
#[cfg(feature = "gltf")]
pub mod meshopt;

#[cfg(feature = "ecs")]
pub use crate::components::{
    LiveMaterial, MaterialHandle, MaterialVariants, MeshHandle, MorphWeights, Skinned,
};
#[cfg(feature = "gltf")]
pub use crate::tangents::TangentError;
pub use crate::{
    clip::{Clip, Interpolation, PointerObject, PointerTrack, Track, TrackValues},
    hdr_image::{HdrImage, HdrImageError, SunSpot},
    id::{AssetId, Handle},
    image_value::{Filter, Image, ImageError, MipFilter, PixelFormat, Sampler, Wrap},
    library::{Assets, Library},
    material::{AlphaMode, Material, TextureSlot, TextureTransform},
    material_layers::{Anisotropy, Clearcoat, Iridescence, Sheen, Specular, Transmission, Volume},
    mesh::{Bounds, Mesh, MeshError, MeshLevel, MorphTarget, Topology},
    pose_bounds::PoseBounds,
    skin::Skin,
};
