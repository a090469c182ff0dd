//! Entity handles: a plain `u64` of index, generation and world tag.

use core::fmt;

/// A handle to an entity: `index:32 | generation:16 | world tag:16`, from the lowest bit up.
///
/// A handle outlives its entity harmlessly: once despawned it never names another entity, because a slot whose
/// generation would wrap is retired. A handle of another world is refused by its tag (65,535 tags, then they repeat).
/// Tag 0 belongs to no world; ids in files and on the wire carry it.
///
/// ```
/// use storm_ecs::{Entity, World};
/// let mut world = World::new();
/// let entity = world.spawn(());
/// assert_eq!(Entity::from_bits(entity.to_bits()), entity);
/// assert!(!World::new().contains(entity));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Entity(u64);

impl Entity {
    /// A handle that no world ever gives out.
    pub const DANGLING: Self = Self(u64::MAX);

    #[inline]
    pub(crate) const fn new(index: u32, generation: u16, tag: u16) -> Self {
        Self(index as u64 | (generation as u64) << 32 | (tag as u64) << 48)
    }

    /// The slot this entity lives in; dense, reused after despawn.
    #[inline]
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 as u32
    }

    /// How often the slot had been reused when this entity was made.
    #[inline]
    #[must_use]
    pub const fn generation(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// The tag of the world that made it; 0 for ids that belong to no world.
    #[inline]
    #[must_use]
    pub const fn world_tag(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The handle as an integer.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The handle from an integer. Any value is allowed: one that names no live entity is simply not found.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}v{}", self.index(), self.generation())
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
