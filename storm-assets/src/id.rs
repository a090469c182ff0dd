//! Asset identity: 128 bits of BLAKE3 over where an asset comes from and which part of it this is.
//!
//! The same source and label give the same id in every run, save, message and after a lost device. The type of
//! the asset is part of [`Handle`], not of the id.

use std::{fmt, hash, marker::PhantomData};

/// The identity of an asset: the first 128 bits of `BLAKE3(len(source) ‖ source ‖ label)`.
///
/// ```
/// use storm_assets::AssetId;
///
/// let wheel = AssetId::new("models/cart.glb", "mesh/2/primitive/0");
/// assert_eq!(wheel, AssetId::new("models/cart.glb", "mesh/2/primitive/0"));
/// assert_ne!(wheel, AssetId::new("models/cart.glb", "mesh/2/primitive/1"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct AssetId([u8; 16]);

impl AssetId {
    /// Derives the id of the part `label` of `source`. Cost: one BLAKE3 hash of both strings.
    ///
    /// `source` names the file or generator, as stable as the caller wants ids to be; `label` names the part.
    #[must_use]
    pub fn new(source: &str, label: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        // The length prefix keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update(&(source.len() as u64).to_le_bytes());
        hasher.update(source.as_bytes());
        hasher.update(label.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(id)
    }

    /// An id from its 16 bytes, as read from a save or the wire.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the id.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssetId({self})")
    }
}

/// A typed [`AssetId`]: names a `T` without owning or locating it.
///
/// Copying a handle is free and keeps nothing alive. Whoever holds the values (a [`Library`](crate::Library), a
/// renderer) resolves it.
#[repr(transparent)]
pub struct Handle<T> {
    id: AssetId,
    marker: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    /// A handle to the `T` with this id.
    #[must_use]
    pub const fn new(id: AssetId) -> Self {
        Self {
            id,
            marker: PhantomData,
        }
    }

    /// A handle to the part `label` of `source`: see [`AssetId::new`].
    #[must_use]
    pub fn of(source: &str, label: &str) -> Self {
        Self::new(AssetId::new(source, label))
    }

    /// The untyped id.
    #[must_use]
    pub const fn id(self) -> AssetId {
        self.id
    }
}

// Written by hand: derives would ask the same of `T`.
impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Handle<T> {}
impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl<T> Eq for Handle<T> {}
impl<T> PartialOrd for Handle<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Handle<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}
impl<T> hash::Hash for Handle<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}
impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = std::any::type_name::<T>()
            .rsplit("::")
            .next()
            .unwrap_or("?");
        write!(f, "Handle<{name}>({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_between_source_and_label_counts() {
        assert_ne!(AssetId::new("ab", "c"), AssetId::new("a", "bc"));
    }

    #[test]
    fn ids_are_the_same_in_every_run() {
        // A change here breaks every save and every peer.
        assert_eq!(
            AssetId::new("a", "b").to_string(),
            "57cdefea023ff524d546dff1490ed699"
        );
    }
}
