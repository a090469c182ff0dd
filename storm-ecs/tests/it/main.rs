//! Integration tests of storm-ecs: one binary, a module a subject.

mod bundles;
mod change;
mod command;
mod drops;
mod event;
mod model;
mod queries;
mod resource;
#[cfg(feature = "scene")]
mod scene;
mod schedule;
mod support;
mod system;
mod world;
