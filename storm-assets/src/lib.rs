//! Plain asset values and the readers that make them.
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod clip;
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
mod rearrange;
mod skin;
#[cfg(feature = "gltf")]
mod tangents;
mod unit;

#[cfg(feature = "gltf")]
pub mod gltf;
#[cfg(feature = "ktx2")]
pub mod ktx2;

#[cfg(feature = "ecs")]
pub use crate::components::{MaterialHandle, MaterialVariants, MeshHandle};
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
    skin::Skin,
};
