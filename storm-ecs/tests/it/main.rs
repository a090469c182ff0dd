//! Integration tests of storm-ecs: one binary, a module a subject.

mod bundles;
mod change;
mod drops;
mod dynamic;
mod model;
mod predictions;
mod queries;
#[cfg(feature = "scene")]
mod scene;
mod schemas;
mod snapshots;
mod support;
mod world;
