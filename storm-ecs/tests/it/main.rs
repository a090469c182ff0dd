//! Integration tests of storm-ecs: one binary, a module a subject.

mod bundles;
mod change;
mod drops;
mod model;
mod queries;
#[cfg(feature = "scene")]
mod scene;
mod support;
mod world;
