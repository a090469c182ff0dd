//! One component of several entities at once.
//!
//! Invariant: entities are different from each other, so their values are.
#![expect(unsafe_code, reason = "hands out several references into the world")]

use crate::component::{Component, Storage};
use crate::entity::Entity;
use crate::world::World;

impl World {
    /// A component of several entities at once, for writing; marks them as changed. `None` if one of them is not alive or lacks it, or if one is
    /// named twice; then nothing is marked.
    ///
    /// ```
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component, Debug, PartialEq)] struct Gold(u32);
    /// let mut world = World::new();
    /// let (ann, bob) = (world.spawn(Gold(5)), world.spawn(Gold(0)));
    /// if let Some([from, to]) = world.get_many_mut::<Gold, 2>([ann, bob]) {
    ///     std::mem::swap(from, to);
    /// }
    /// assert_eq!(world.get(bob), Some(&Gold(5)));
    /// assert!(world.get_many_mut::<Gold, 2>([ann, ann]).is_none());
    /// ```
    ///
    /// Compares every pair: meant for a few entities.
    #[must_use]
    pub fn get_many_mut<T: Component, const N: usize>(
        &mut self,
        entities: [Entity; N],
    ) -> Option<[&mut T; N]> {
        const {
            assert!(T::MUTABLE, "the component is immutable: insert it anew");
            assert!(
                !matches!(T::STORAGE, Storage::Tag),
                "a tag has no value to write"
            );
        };
        for (at, entity) in entities.iter().enumerate() {
            if entities[..at].contains(entity) || !self.has::<T>(*entity) {
                return None;
            }
        }
        let values = entities.map(|entity| self.get_mut::<T>(entity).map(core::ptr::from_mut));
        if values.contains(&None) {
            return None;
        }
        Some(values.map(|value| {
            let value = value.unwrap_or(core::ptr::null_mut());
            // SAFETY: none is null, as just checked; `&mut self` is borrowed for as long as the result, and no two entities are the same, so
            // no two values are.
            unsafe { &mut *value }
        }))
    }
}
