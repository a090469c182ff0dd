//! Whether things are to be seen: what is asked for, and what follows from it down the hierarchy.

use std::collections::HashSet;

use crate::relation::{ChildOf, Hierarchy};
use crate::{ChangeTick, Changed, Component, Entity, Or, With, World};

/// Whether an entity, and what is below it, is to be drawn.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[component(name = "storm.scene.Visibility", schema, clone)]
pub enum Visibility {
    /// As its parent; a root is drawn.
    #[default]
    Inherited,
    /// Not drawn, nor what inherits from it.
    Hidden,
    /// Drawn, whatever its parent is.
    Visible,
}

/// Whether an entity is drawn, its ancestors considered. Written by [`VisibilityPropagation`].
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[component(name = "storm.scene.ComputedVisibility", schema, clone)]
pub struct ComputedVisibility(pub bool);

/// Keeps [`ComputedVisibility`] up to date. Keep one for each world and [`run`](Self::run) it once a frame.
///
/// Entities with a [`Visibility`] are given a `ComputedVisibility`. Those without one pass on what is above them. Entities in a cycle of [`ChildOf`]
/// may keep what they have until it is broken. What comes out the same is not written.
///
/// ```
/// use storm_ecs::{ChildOf, World};
/// use storm_ecs::scene::{ComputedVisibility, Visibility, VisibilityPropagation};
///
/// let mut world = World::new();
/// let house = world.spawn(Visibility::Hidden);
/// let room = world.spawn((Visibility::Inherited, ChildOf(house)));
/// let ghost = world.spawn((Visibility::Visible, ChildOf(room)));
/// VisibilityPropagation::new().run(&mut world);
/// let drawn = [house, room, ghost].map(|entity| world.get::<ComputedVisibility>(entity).unwrap().0);
/// assert_eq!(drawn, [false, false, true]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct VisibilityPropagation {
    /// The world's tag, and when it was last looked at.
    last: Option<(u16, ChangeTick)>,
}

impl VisibilityPropagation {
    /// For a world that the first [`run`](Self::run) names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Brings all [`ComputedVisibility`] up to date. Costs in proportion to what changed since the last run and what is below it.
    pub fn run(&mut self, world: &mut World) {
        let since = match self.last {
            Some((tag, tick)) if tag == world.tag() => tick,
            _ => ChangeTick::NEVER,
        };
        let mut dirty = changed(world, since);
        if dirty.is_none() {
            // The logs do not reach back: everything is looked at.
            dirty = changed(world, ChangeTick::NEVER);
        }
        let mut dirty = dirty.unwrap_or_default();
        dirty.retain(|&entity| world.contains(entity));
        let known: HashSet<Entity> = dirty.iter().copied().collect();
        for start in dirty {
            // What is below another that changed is visited from there.
            if world.ancestors(start).any(|above| known.contains(&above)) {
                continue;
            }
            refresh(world, start);
            let below: Vec<Entity> = world.descendants(start).collect();
            below.into_iter().for_each(|entity| refresh(world, entity));
        }
        self.last = Some((world.tag(), world.change_tick()));
    }
}

/// Entities that changed, lost something or were moved; `None` if the logs do not reach back so far.
fn changed(world: &World, since: ChangeTick) -> Option<Vec<Entity>> {
    type Written = Or<(Changed<Visibility>, Changed<ChildOf>)>;
    let written = world.query_filtered::<Entity, Written>().since(since);
    let mut found: Vec<Entity> = written.into_iter().collect();
    if since == ChangeTick::NEVER {
        found.extend(world.query_filtered::<Entity, With<Visibility>>());
        found.sort_unstable();
        found.dedup();
        return Some(found);
    }
    let (shown, children) = (
        world.removed::<Visibility>(since),
        world.removed::<ChildOf>(since),
    );
    if !shown.is_complete() || !children.is_complete() {
        return None;
    }
    found.extend(shown.chain(children));
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// Computes one entity from what is above it.
fn refresh(world: &mut World, entity: Entity) {
    let Some(&own) = world.get::<Visibility>(entity) else {
        if world.has::<ComputedVisibility>(entity) {
            // Cannot fail: it was there just now.
            let _ = world.remove::<ComputedVisibility>(entity);
        }
        return;
    };
    let drawn = match own {
        Visibility::Hidden => false,
        Visibility::Visible => true,
        Visibility::Inherited => {
            let mut above = world.resource::<Hierarchy>().into_iter();
            let mut above = above
                .by_ref()
                .flat_map(|hierarchy| hierarchy.ancestors(entity));
            above
                .find(|&above| world.has::<Visibility>(above))
                .and_then(|above| world.get::<ComputedVisibility>(above))
                .is_none_or(|above| above.0)
        }
    };
    if world.get::<ComputedVisibility>(entity) != Some(&ComputedVisibility(drawn)) {
        // Cannot fail: it is alive.
        let _ = world.insert(entity, ComputedVisibility(drawn));
    }
}
