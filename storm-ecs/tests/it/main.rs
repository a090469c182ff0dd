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
mod recycle;
mod relations;
mod resource;
mod review;
#[cfg(feature = "scene")]
mod scene;
mod schedule;
mod schemas;
mod snapshots;
mod storage;
mod support;
mod system;
mod watch;
mod wide_model;
mod world;
