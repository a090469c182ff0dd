//! Down the hierarchy: writing the global transforms of entities and of everything below them, on one thread or on several.
//!
//! Guarantee: every value is computed from the same inputs by the same operations, wherever that happens, so results are the same bit for bit at
//! any number of threads.

#[cfg(feature = "rayon")]
mod spread;

use glam::Affine3A;

use super::{NONE, State};
use crate::scene::transform::{Cell, GlobalTransform, Transform};
use crate::{Entity, World};

/// Siblings whose values wait to be computed, with all that is below them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    first: u32,
    /// How many siblings from the first on.
    left: u32,
    /// The parent's.
    above: Option<(Affine3A, Cell)>,
}

/// The value of an entity, and what it passes on.
pub(super) fn compute(
    transform: &Transform,
    own: Option<&Cell>,
    above: Option<(Affine3A, Cell)>,
) -> (GlobalTransform, (Affine3A, Cell)) {
    let (affine, cell) = match above {
        Some((affine, cell)) => (affine * transform.to_affine(), cell),
        None => (transform.to_affine(), own.copied().unwrap_or_default()),
    };
    (GlobalTransform::from_affine(&affine, cell), (affine, cell))
}

pub(super) fn differ(a: &GlobalTransform, b: &GlobalTransform) -> bool {
    bytemuck::bytes_of(a) != bytemuck::bytes_of(b)
}

impl State {
    /// Writes the global transforms of `tops` and of everything below them. No top is below another.
    pub(super) fn descend_all(&mut self, tops: &[u32], world: &mut World) {
        debug_assert!(self.stack.is_empty());
        let globals = self.globals.query(world);
        // Nothing above a top is written in this run.
        for &top in tops.iter().rev() {
            let parent = self.nodes[top as usize].parent;
            let parent = self.nodes.get(parent as usize);
            let parent = parent.map_or(Entity::DANGLING, |node| node.entity);
            let above = globals.get(parent);
            self.stack.push(Pending {
                first: top,
                left: 1,
                above: above.map(|global| (global.to_affine(), Cell(global.cell))),
            });
        }
        loop {
            self.descend_some(world);
            if self.stack.is_empty() {
                return;
            }
            #[cfg(feature = "rayon")]
            if let Some(parts) = spread::parts(self) {
                self.stack.clear();
                return spread::run(self, &parts, world);
            }
        }
    }

    /// Takes entities from the stack: all, or as many as are done before it is asked again whether others could help.
    fn descend_some(&mut self, world: &mut World) {
        let mut places = self.places.query_mut(world);
        for _ in 0..if cfg!(feature = "rayon") {
            4096
        } else {
            usize::MAX
        } {
            let Some(Pending { first, left, above }) = self.stack.pop() else {
                return;
            };
            let node = self.nodes[first as usize];
            if left > 1 && node.next != NONE {
                self.stack.push(Pending {
                    first: node.next,
                    left: left - 1,
                    above,
                });
            }
            let Some((transform, mut global, cell)) = places.get_mut(node.entity) else {
                continue;
            };
            let (new, below) = compute(transform, cell, above);
            if differ(&global, &new) {
                *global = new;
            }
            if node.first_child != NONE {
                self.stack.push(Pending {
                    first: node.first_child,
                    left: u32::MAX,
                    above: Some(below),
                });
            }
        }
    }
}
