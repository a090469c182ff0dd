//! Integration tests of storm-ecs: one binary, a module a subject.

mod bundles;
mod change;
mod command;
mod drops;
mod dynamic;
mod event;
mod hierarchy;
mod model;
mod predictions;
mod prefabs;
mod queries;
mod relations;
mod resource;
#[cfg(feature = "scene")]
mod scene;
mod schedule;
mod schemas;
mod snapshots;
mod support;
mod system;
mod world;
