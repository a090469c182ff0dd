//! Errors: one small type for each thing that can be wrong.

use core::fmt;

/// The entity does not exist: it was despawned, never spawned, or belongs to another world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NoSuchEntity;

impl fmt::Display for NoSuchEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such entity")
    }
}

impl core::error::Error for NoSuchEntity {}

/// The entity exists but lacks a component; carries the component's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MissingComponent(pub &'static str);

impl fmt::Display for MissingComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the entity has no component {}", self.0)
    }
}

impl core::error::Error for MissingComponent {}

/// Why a component could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ComponentError {
    /// The entity does not exist.
    NoSuchEntity,
    /// The entity lacks the component.
    MissingComponent(MissingComponent),
}

impl fmt::Display for ComponentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchEntity => NoSuchEntity.fmt(f),
            Self::MissingComponent(missing) => missing.fmt(f),
        }
    }
}

impl core::error::Error for ComponentError {}

impl From<NoSuchEntity> for ComponentError {
    fn from(_: NoSuchEntity) -> Self {
        Self::NoSuchEntity
    }
}

impl From<MissingComponent> for ComponentError {
    fn from(missing: MissingComponent) -> Self {
        Self::MissingComponent(missing)
    }
}
