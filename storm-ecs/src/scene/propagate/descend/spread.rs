//! Global transforms on the rayon pool.
//!
//! Invariants:
//! 1. Parts are disjoint: an entity has one parent, so it is below one part's siblings only. So no two tasks look at the same row of `GlobalTransform`.
//! 2. While tasks run the world is borrowed exclusively by `run` and nothing but those rows is written; transforms, cells and links are read only.
//! 3. A row is written when the reference to its old value is gone; it is marked as changed afterwards, on one thread.
#![expect(
    unsafe_code,
    reason = "writes disjoint rows of a column from several threads"
)]

use rayon::prelude::*;

use super::{Pending, compute, differ};
use crate::World;
use crate::entities::Location;
use crate::scene::propagate::{NONE, State};
use crate::scene::transform::GlobalTransform;

/// Siblings in one part, at most.
const PART: u32 = 256;

/// What is left as parts for threads; `None` if it is too little, or if there is one thread.
pub(super) fn parts(state: &State) -> Option<Vec<Pending>> {
    let threads = rayon::current_num_threads();
    if threads == 1 {
        return None;
    }
    let mut parts = Vec::new();
    for pending in state.stack.iter().rev() {
        let Pending {
            mut first,
            mut left,
            above,
        } = *pending;
        while first != NONE && left > 0 {
            let count = left.min(PART);
            parts.push(Pending {
                first,
                left: count,
                above,
            });
            left -= count;
            for _ in 0..count {
                first = match state.nodes.get(first as usize) {
                    Some(node) if left > 0 => node.next,
                    _ => NONE,
                };
            }
        }
    }
    (parts.len() >= threads * 2).then_some(parts)
}

/// Writes the parts and everything below them.
pub(super) fn run(state: &mut State, parts: &[Pending], world: &mut World) {
    let Some(id) = world.registry.id::<GlobalTransform>() else {
        return;
    };
    let shared = &*world;
    let (nodes, places) = (&state.nodes, state.seen.query(shared));
    let one = |part: &Pending| {
        let mut written: Vec<Location> = Vec::new();
        let mut stack = vec![*part];
        while let Some(Pending { first, left, above }) = stack.pop() {
            let node = nodes[first as usize];
            if left > 1 && node.next != NONE {
                stack.push(Pending {
                    first: node.next,
                    left: left - 1,
                    above,
                });
            }
            let Some((transform, global, cell)) = places.get(node.entity) else {
                continue;
            };
            let (new, below) = compute(transform, cell, above);
            if differ(global, &new)
                && let Some(location) = shared.entities.get(node.entity)
                && let Some(column) = shared.tables[location.table as usize].column(id)
            {
                let to = column.at(location.row as usize).cast::<GlobalTransform>();
                // SAFETY: the column is of this component (its id) and the row is in use; nobody else looks at it meanwhile (invariants 1 to 3).
                unsafe { to.write(new) };
                written.push(location);
            }
            if node.first_child != NONE {
                stack.push(Pending {
                    first: node.first_child,
                    left: u32::MAX,
                    above: Some(below),
                });
            }
        }
        written
    };
    let written: Vec<Vec<Location>> = parts.par_iter().map(one).collect();
    let tick = world.now();
    for location in written.into_iter().flatten() {
        if let Some(column) = world.tables[location.table as usize].column_mut(id) {
            column.mark_mut(location.row as usize, tick);
        }
    }
}
