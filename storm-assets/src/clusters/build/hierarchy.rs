//! The tree over the groups, eight wide: one tree for each round, for their errors are alike, and a few nodes above those.

use super::{bounds::around, rounds::BuiltGroup};
use crate::clusters::{Node, NodeChild, Sphere};

/// A part of the tree: what a node says of it, and what is below.
struct Tree {
    entry: NodeChild,
    children: Vec<Tree>,
}

/// The nodes over groups in their final order, the root first. `slack` as for the spheres of groups.
pub(super) fn hierarchy(groups: &[BuiltGroup], slack: f64) -> Vec<Node> {
    let mut roots = Vec::new();
    let numbered: Vec<(u32, &BuiltGroup)> = (0..).zip(groups).collect();
    for round in numbered.chunk_by(|a, b| a.1.round == b.1.round) {
        let mut leaves: Vec<NodeChild> = round
            .iter()
            .map(|(i, group)| NodeChild {
                cull: group.cull,
                sphere: group.sphere,
                error: group.error,
                target: i | NodeChild::GROUP,
            })
            .collect();
        roots.push(tree(&mut leaves, slack));
    }
    while roots.len() > 8 {
        let mut above = Vec::new();
        let mut rest = roots.into_iter().peekable();
        while rest.peek().is_some() {
            above.push(join(rest.by_ref().take(8).collect(), slack));
        }
        roots = above;
    }
    let root = if roots.len() == 1 && !roots[0].children.is_empty() {
        roots.pop().expect("one")
    } else {
        join(roots, slack)
    };
    flatten(root)
}

fn join(children: Vec<Tree>, slack: f64) -> Tree {
    if children.len() == 1 {
        return children.into_iter().next().expect("one");
    }
    parent(children, slack)
}

fn parent(children: Vec<Tree>, slack: f64) -> Tree {
    let spheres =
        |of: fn(&NodeChild) -> Sphere| children.iter().map(|t| of(&t.entry)).collect::<Vec<_>>();
    Tree {
        entry: NodeChild {
            cull: around(&spheres(|c| c.cull), 0.0),
            sphere: around(&spheres(|c| c.sphere), slack),
            error: children.iter().fold(0.0, |e: f32, t| e.max(t.entry.error)),
            target: 0,
        },
        children,
    }
}

/// A tree over at least one leaf: halved three times along the longest side.
fn tree(leaves: &mut [NodeChild], slack: f64) -> Tree {
    if let [leaf] = leaves {
        return Tree {
            entry: *leaf,
            children: Vec::new(),
        };
    }
    let mut parts = vec![leaves];
    while parts.len() < 8 && parts.iter().any(|part| part.len() > 1) {
        let halves = std::mem::take(&mut parts).into_iter().flat_map(|part| {
            if part.len() == 1 {
                return vec![part];
            }
            let half = halve(part);
            let (a, b) = part.split_at_mut(half);
            vec![a, b]
        });
        parts = halves.collect();
    }
    parent(
        parts.into_iter().map(|part| tree(part, slack)).collect(),
        slack,
    )
}

/// Orders leaves so that the first half is on one side; gives how many those are.
fn halve(leaves: &mut [NodeChild]) -> usize {
    let mut min = [f32::INFINITY; 3];
    let mut max = [f32::NEG_INFINITY; 3];
    for leaf in leaves.iter() {
        for i in 0..3 {
            min[i] = min[i].min(leaf.cull.center[i]);
            max[i] = max[i].max(leaf.cull.center[i]);
        }
    }
    let axis = (0..3)
        .max_by(|&a, &b| (max[a] - min[a]).total_cmp(&(max[b] - min[b])))
        .unwrap_or(0);
    let half = leaves.len().div_ceil(2);
    let key = |leaf: &NodeChild| (leaf.cull.center[axis], leaf.target);
    leaves.sort_unstable_by(|a, b| {
        let (a, b) = (key(a), key(b));
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
    });
    half
}

/// Writes a tree breadth first, so that children follow their parents.
fn flatten(root: Tree) -> Vec<Node> {
    // A root that is a leaf itself gets a node of one child.
    let root = if root.children.is_empty() {
        let entry = root.entry;
        Tree {
            entry,
            children: vec![root],
        }
    } else {
        root
    };
    let mut nodes = Vec::new();
    let mut queue = std::collections::VecDeque::from([root.children]);
    let mut numbered = 1;
    while let Some(children) = queue.pop_front() {
        let mut node = Node {
            count: children.len() as u32,
            ..Node::default()
        };
        for (slot, child) in node.children.iter_mut().zip(children) {
            *slot = child.entry;
            if !child.children.is_empty() {
                slot.target = numbered;
                numbered += 1;
                queue.push_back(child.children);
            }
        }
        nodes.push(node);
    }
    nodes
}
