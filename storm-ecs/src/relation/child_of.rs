//! The hierarchy in the world: the component that names a parent, the hooks that keep the index, and what ends with what.

use core::fmt;

use crate::Component;
use crate::component::Storage;
use crate::entity::Entity;
use crate::error::NoSuchEntity;
use crate::relation::hierarchy::{Ancestors, Children, Descendants, Hierarchy, Place};
use crate::watch::{Cause, DeferredWorld, Rows};
use crate::world::World;

/// Names an entity's parent. Immutable: to move a child, insert it anew, or call [`World::set_parent`].
///
/// The world keeps an index of it, so that parent, children in order, and siblings are found in constant time ([`World::children`]). A new child
/// comes last; inserting the parent that an entity has already leaves its place. When a parent is despawned its children end as well, deepest
/// first ([`World::despawn`]).
///
/// Any handle is allowed: one of a dead or foreign entity counts as no parent, and cycles are kept as they are: every walk ends.
///
/// ```
/// use storm_ecs::{ChildOf, Parent, With, Without, World, Entity};
///
/// let mut world = World::new();
/// let cart = world.spawn(());
/// let wheels = world.spawn_batch([ChildOf(cart), ChildOf(cart)]);
/// assert!(world.children(cart).eq(wheels.iter().copied()));
/// assert_eq!(world.parent(wheels[1]), Some(cart));
///
/// let roots: Vec<Entity> = world.query_filtered::<Entity, (With<Parent>, Without<ChildOf>)>().into_iter().collect();
/// assert_eq!(roots, [cart]);
///
/// world.despawn(cart)?;
/// assert!(world.is_empty());
/// # Ok::<(), storm_ecs::NoSuchEntity>(())
/// ```
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[component(name = "storm.scene.ChildOf", schema, pod, immutable, on_insert = linked, on_remove = unlinked)]
#[repr(transparent)]
pub struct ChildOf(pub Entity);

/// Marks entities that have children: for filters, `With<Parent>`. The world keeps it; it is not to be inserted or removed by hand, and
/// observers are not told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    _kept_by_the_world: (),
}

impl Component for Parent {
    const NAME: &'static str = "storm.Parent";
    const STORAGE: Storage = Storage::Tag;
    const MUTABLE: bool = false;
    const KEPT: bool = true;
}

/// Why an entity could not be put under another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HierarchyError {
    /// The child or the parent is not alive, or belongs to another world.
    NoSuchEntity(Entity),
    /// The parent is the child itself, or below it.
    Cycle {
        /// The child.
        child: Entity,
        /// The parent.
        parent: Entity,
    },
    /// The sibling has no parent.
    NoParent(Entity),
}

impl fmt::Display for HierarchyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchEntity(entity) => write!(f, "no such entity: {entity}"),
            Self::Cycle { child, parent } => {
                write!(
                    f,
                    "{parent} cannot be the parent of {child}: it is below it"
                )
            }
            Self::NoParent(sibling) => {
                write!(f, "expected a sibling with a parent, found {sibling}")
            }
        }
    }
}

impl core::error::Error for HierarchyError {}

/// Hook: the values are in place.
fn linked(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
    world.world_mut().link_children(rows.entities());
}

/// Hook: the values are about to go. One that is replaced keeps its place until the other is there.
fn unlinked(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
    if rows.cause() == Cause::Replace {
        return;
    }
    let world = world.world_mut();
    for &child in rows.entities() {
        world.unlink_child(child);
    }
}

impl World {
    /// The index, made if need be.
    fn hierarchy_mut(&mut self) -> &mut Hierarchy {
        if !self.has_resource::<Hierarchy>() {
            self.insert_resource(Hierarchy::new());
        }
        match self.resource_mut() {
            Some(hierarchy) => hierarchy,
            None => unreachable!("inserted just now"),
        }
    }

    /// Brings the index up to date with a child's component. A child that is where it belongs stays there.
    pub(crate) fn link_child(&mut self, child: Entity, parent: Entity) {
        self.with_hierarchy(|world, hierarchy, emptied| {
            if hierarchy.parent(child) != Some(parent) || !world.contains(parent) {
                world.link_in(hierarchy, child, parent, Place::Last, emptied);
            }
        });
    }

    /// Links entities as their components say, in this order; those that are where they belong stay there.
    pub(crate) fn link_children(&mut self, children: &[Entity]) {
        self.with_hierarchy(|world, hierarchy, emptied| {
            for &child in children {
                if let Some(&ChildOf(parent)) = world.get(child)
                    && hierarchy.parent(child) != Some(parent)
                {
                    world.link_in(hierarchy, child, parent, Place::Last, emptied);
                }
            }
        });
    }

    /// Takes the index out while `work` changes it, and then the tag from entities that lost their last child (`emptied`).
    pub(super) fn with_hierarchy(
        &mut self,
        work: impl FnOnce(&mut Self, &mut Hierarchy, &mut Vec<Entity>),
    ) {
        let mut hierarchy = core::mem::replace(self.hierarchy_mut(), Hierarchy::new());
        let mut emptied = Vec::new();
        work(self, &mut hierarchy, &mut emptied);
        *self.hierarchy_mut() = hierarchy;
        for parent in emptied {
            if self.child_count(parent) == 0 {
                self.mark_end::<Parent>(parent, false);
            }
        }
    }

    /// Puts a child under a parent, if that is alive; takes it from the one it has in any case.
    pub(super) fn link_in(
        &mut self,
        hierarchy: &mut Hierarchy,
        child: Entity,
        parent: Entity,
        place: Place,
        emptied: &mut Vec<Entity>,
    ) {
        if let Some((old, true)) = hierarchy.unlink(child) {
            emptied.push(old);
        }
        if self.contains(parent) && hierarchy.link(child, parent, place) {
            self.data.relations.any = true;
            self.mark_end::<Parent>(parent, true);
        }
    }

    pub(crate) fn unlink_child(&mut self, child: Entity) {
        let left = self
            .resource_mut::<Hierarchy>()
            .and_then(|hierarchy| hierarchy.unlink(child));
        if let Some((parent, true)) = left {
            self.mark_end::<Parent>(parent, false);
        }
    }

    fn mark_end<T: Component>(&mut self, entity: Entity, on: bool) {
        let id = self.register::<T>();
        self.put_tag(entity, id, on);
    }

    /// The parent of an entity.
    ///
    /// ```
    /// # use storm_ecs::{ChildOf, World};
    /// let mut world = World::new();
    /// let tree = world.spawn(());
    /// let leaf = world.spawn(ChildOf(tree));
    /// assert_eq!((world.parent(leaf), world.parent(tree)), (Some(tree), None));
    /// ```
    #[must_use]
    pub fn parent(&self, child: Entity) -> Option<Entity> {
        self.resource::<Hierarchy>()?.parent(child)
    }

    /// The children of an entity, in order; an iterator from both ends.
    #[must_use]
    pub fn children(&self, parent: Entity) -> Children<'_> {
        self.resource::<Hierarchy>()
            .map_or(Children::NONE, |hierarchy| hierarchy.children(parent))
    }

    /// How many children an entity has. Constant time.
    #[must_use]
    pub fn child_count(&self, parent: Entity) -> usize {
        self.resource::<Hierarchy>()
            .map_or(0, |hierarchy| hierarchy.child_count(parent))
    }

    /// Parent, grandparent, and so on. Ends in a cycle, too: each is named once, `child` itself not.
    #[must_use]
    pub fn ancestors(&self, child: Entity) -> Ancestors<'_> {
        self.resource::<Hierarchy>()
            .map_or(Ancestors::NONE, |hierarchy| hierarchy.ancestors(child))
    }

    /// Everything below an entity, depth first, each before its children. In a cycle `parent` itself is left out.
    ///
    /// ```
    /// # use storm_ecs::{ChildOf, World};
    /// let mut world = World::new();
    /// let tree = world.spawn(());
    /// let branch = world.spawn(ChildOf(tree));
    /// let trunk = world.spawn(ChildOf(tree));
    /// let leaf = world.spawn(ChildOf(branch));
    /// assert!(world.descendants(tree).eq([branch, leaf, trunk]));
    /// assert!(world.ancestors(leaf).eq([branch, tree]));
    /// ```
    #[must_use]
    pub fn descendants(&self, parent: Entity) -> Descendants<'_> {
        self.resource::<Hierarchy>()
            .map_or(Descendants::NONE, |hierarchy| hierarchy.descendants(parent))
    }

    /// Makes `child` the last child of `parent`; if it is a child of it already it stays where it is. Costs a walk up from `parent` if `child` has
    /// children, to refuse cycles.
    ///
    /// # Errors
    /// If one of them is not alive, or `parent` is `child` or below it. Then nothing is changed.
    pub fn set_parent(&mut self, child: Entity, parent: Entity) -> Result<(), HierarchyError> {
        self.check_link(child, parent)?;
        self.insert(child, ChildOf(parent))
            .map_err(|NoSuchEntity| HierarchyError::NoSuchEntity(child))
    }

    fn check_link(&mut self, child: Entity, parent: Entity) -> Result<(), HierarchyError> {
        self.flush();
        for entity in [child, parent] {
            if !self.contains(entity) {
                return Err(HierarchyError::NoSuchEntity(entity));
            }
        }
        let cycle = child == parent
            || self.child_count(child) > 0 && self.ancestors(parent).any(|above| above == child);
        if cycle {
            return Err(HierarchyError::Cycle { child, parent });
        }
        Ok(())
    }

    /// Takes an entity from its parent: it becomes a root.
    ///
    /// # Errors
    /// If it is not alive.
    pub fn remove_parent(&mut self, child: Entity) -> Result<(), NoSuchEntity> {
        self.remove::<ChildOf>(child)
    }

    /// Makes `child` the child of `parent` that has `index` others before it, or the last if there are fewer. Costs a walk over the children before it.
    ///
    /// A child that only changes its place counts as written (`Changed<ChildOf>`).
    ///
    /// # Errors
    /// As [`set_parent`](Self::set_parent).
    pub fn insert_child(
        &mut self,
        parent: Entity,
        index: usize,
        child: Entity,
    ) -> Result<(), HierarchyError> {
        self.check_link(child, parent)?;
        let place = match index {
            0 => Place::First,
            index => {
                let mut others = self.children(parent).filter(|&other| other != child);
                others.nth(index - 1).map_or(Place::Last, Place::After)
            }
        };
        self.place_child(child, parent, place)
    }

    /// Makes `child` a sibling of `sibling`, right before it. Constant time.
    ///
    /// ```
    /// # use storm_ecs::{ChildOf, World};
    /// let mut world = World::new();
    /// let list = world.spawn(());
    /// let items = world.spawn_batch([ChildOf(list), ChildOf(list)]);
    /// let first = world.spawn(());
    /// world.insert_child_before(items[0], first)?;
    /// world.insert_child_after(items[1], items[0])?;
    /// assert!(world.children(list).eq([first, items[1], items[0]]));
    /// # Ok::<(), storm_ecs::HierarchyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`set_parent`](Self::set_parent); and if `sibling` has no parent.
    pub fn insert_child_before(
        &mut self,
        sibling: Entity,
        child: Entity,
    ) -> Result<(), HierarchyError> {
        let parent = self
            .parent(sibling)
            .ok_or(HierarchyError::NoParent(sibling))?;
        self.check_link(child, parent)?;
        if sibling == child {
            return Ok(());
        }
        let hierarchy = self.hierarchy_mut();
        let before = match hierarchy.previous_sibling(sibling) {
            // It is there already.
            Some(before) if before == child => return Ok(()),
            before => before,
        };
        self.place_child(child, parent, before.map_or(Place::First, Place::After))
    }

    /// Makes `child` a sibling of `sibling`, right after it. Constant time.
    ///
    /// # Errors
    /// As [`insert_child_before`](Self::insert_child_before).
    pub fn insert_child_after(
        &mut self,
        sibling: Entity,
        child: Entity,
    ) -> Result<(), HierarchyError> {
        let parent = self
            .parent(sibling)
            .ok_or(HierarchyError::NoParent(sibling))?;
        self.check_link(child, parent)?;
        if sibling == child {
            return Ok(());
        }
        self.place_child(child, parent, Place::After(sibling))
    }

    fn place_child(
        &mut self,
        child: Entity,
        parent: Entity,
        place: Place,
    ) -> Result<(), HierarchyError> {
        if self.parent(child) != Some(parent) {
            self.insert(child, ChildOf(parent))
                .map_err(|NoSuchEntity| HierarchyError::NoSuchEntity(child))?;
        }
        // Commands of watchers may have moved it since.
        if self.parent(child) == Some(parent) {
            let hierarchy = self.hierarchy_mut();
            hierarchy.unlink(child);
            hierarchy.link(child, parent, place);
            self.touch_child(child);
        }
        Ok(())
    }

    /// Marks a child's component as written: its place changed.
    pub(super) fn touch_child(&mut self, child: Entity) {
        let tick = self.now();
        if let (Some(location), Some(id)) =
            (self.entities.get(child), self.registry.id::<ChildOf>())
            && let Some(column) = self.tables[location.table as usize].column_mut(id)
        {
            column.mark_mut(location.row as usize, tick);
        }
    }

    /// Puts the children of an entity in order. The sort is stable; children count as written.
    ///
    /// # Panics
    /// If `compare` does; the order is as before then.
    pub fn sort_children_by(
        &mut self,
        parent: Entity,
        mut compare: impl FnMut(&Self, Entity, Entity) -> core::cmp::Ordering,
    ) {
        let mut children: Vec<Entity> = self.children(parent).collect();
        children.sort_by(|&a, &b| compare(self, a, b));
        for child in children {
            let hierarchy = self.hierarchy_mut();
            hierarchy.unlink(child);
            hierarchy.link(child, parent, Place::Last);
            self.touch_child(child);
        }
    }

    /// Ends everything below an entity, deepest first; the entity stays.
    ///
    /// # Errors
    /// If it is not alive.
    pub fn despawn_children(&mut self, parent: Entity) -> Result<(), NoSuchEntity> {
        self.flush();
        if !self.contains(parent) {
            return Err(NoSuchEntity);
        }
        let children: Vec<Entity> = self.children(parent).collect();
        for child in children.into_iter().rev() {
            if child != parent {
                // An earlier one may have ended it: relations cascade, too.
                let _ = self.despawn(child);
            }
        }
        Ok(())
    }

    /// Ends an entity and nothing below it: its children lose their [`ChildOf`] and become roots. Relations cascade as they say.
    ///
    /// ```
    /// # use storm_ecs::{ChildOf, World};
    /// let mut world = World::new();
    /// let folder = world.spawn(());
    /// let file = world.spawn(ChildOf(folder));
    /// world.despawn_keep_children(folder)?;
    /// assert!(world.contains(file) && !world.has::<ChildOf>(file));
    /// # Ok::<(), storm_ecs::NoSuchEntity>(())
    /// ```
    ///
    /// # Errors
    /// If it is not alive.
    pub fn despawn_keep_children(&mut self, entity: Entity) -> Result<(), NoSuchEntity> {
        self.flush();
        if !self.contains(entity) {
            return Err(NoSuchEntity);
        }
        let children: Vec<Entity> = self.children(entity).collect();
        for child in children {
            // Watchers may have ended some meanwhile.
            let _ = self.remove::<ChildOf>(child);
        }
        self.despawn(entity)
    }
}
