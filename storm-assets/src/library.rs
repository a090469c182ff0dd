//! Values by their ids: what a loaded file brings, and what a renderer looks up.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Clip, Handle, Image, Material, Mesh, Skin};

/// The assets of one type, by handle, in id order.
#[derive(Clone, Debug)]
pub struct Assets<T> {
    values: BTreeMap<Handle<T>, Arc<T>>,
}

impl<T> Default for Assets<T> {
    fn default() -> Self {
        Self {
            values: BTreeMap::new(),
        }
    }
}

impl<T> Assets<T> {
    /// Puts a value under a handle; gives the value that was there before. Cost: O(log n).
    pub fn insert(&mut self, handle: Handle<T>, value: impl Into<Arc<T>>) -> Option<Arc<T>> {
        self.values.insert(handle, value.into())
    }

    /// The value under a handle. Cost: O(log n).
    #[must_use]
    pub fn get(&self, handle: Handle<T>) -> Option<&Arc<T>> {
        self.values.get(&handle)
    }

    /// The value under a handle, to be changed or replaced; [`Arc::make_mut`] leaves it as it is for whoever else has it. Cost: O(log n).
    #[must_use]
    pub fn get_mut(&mut self, handle: Handle<T>) -> Option<&mut Arc<T>> {
        self.values.get_mut(&handle)
    }

    /// Takes the value under a handle away. Cost: O(log n).
    pub fn remove(&mut self, handle: Handle<T>) -> Option<Arc<T>> {
        self.values.remove(&handle)
    }

    /// All of them, in id order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Handle<T>, &Arc<T>)> {
        self.values.iter().map(|(handle, value)| (*handle, value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Moves all of `other` in; a value of `other` wins over one that is here.
    pub fn extend(&mut self, other: Self) {
        self.values.extend(other.values);
    }
}

/// Assets of every type.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Pictures.
    pub images: Assets<Image>,
    /// Surfaces.
    pub materials: Assets<Material>,
    /// Geometry.
    pub meshes: Assets<Mesh>,
    /// Joints that deform meshes.
    pub skins: Assets<Skin>,
    /// Animations.
    pub clips: Assets<Clip>,
    /// Meshes as graphs of clusters, under the ids of those in `meshes`. A renderer draws these in their place.
    #[cfg(feature = "clusters")]
    pub clusters: Assets<crate::clusters::ClusterMesh>,
}

impl Library {
    /// Moves all of `other` in; a value of `other` wins over one that is here.
    pub fn extend(&mut self, other: Self) {
        self.images.extend(other.images);
        self.materials.extend(other.materials);
        self.meshes.extend(other.meshes);
        self.skins.extend(other.skins);
        self.clips.extend(other.clips);
        #[cfg(feature = "clusters")]
        self.clusters.extend(other.clusters);
    }
}
