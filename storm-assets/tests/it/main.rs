//! Integration tests of storm-assets, in one binary.

mod agreement;
mod animation;
#[cfg(feature = "ecs")]
mod animation_ecs;
mod borrowed;
#[cfg(feature = "mesh-processing")]
mod clusters;
#[cfg(feature = "mesh-processing")]
mod clusters_file;
#[cfg(feature = "mesh-processing")]
mod clusters_shapes;
mod corpus;
#[cfg(feature = "ecs")]
mod ecs;
mod files;
mod fixture;
mod geometry;
mod hostile;
mod ktx2;
mod layers;
#[cfg(feature = "loader")]
mod loader;
mod memory;
mod models;
mod pose;
mod refusals;
mod tangents;
mod validator;
mod write;
