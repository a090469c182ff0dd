//! Plain asset values and the readers that make them.
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod id;
mod image_value;
mod library;
mod material;
mod mesh;

#[cfg(feature = "gltf")]
pub mod gltf;

pub use crate::{
    id::{AssetId, Handle},
    image_value::{Filter, Image, ImageError, MipFilter, PixelFormat, Sampler, Wrap},
    library::{Assets, Library},
    material::{AlphaMode, Material, TextureSlot},
    mesh::{Bounds, Mesh, MeshError, MorphTarget, Topology},
};
