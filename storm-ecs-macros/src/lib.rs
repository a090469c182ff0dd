//! Derive macros of storm-ecs.
