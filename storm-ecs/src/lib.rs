//! Archetype ECS.
#![allow(missing_docs, reason = "skeleton")]
