//! From what was said about systems to a flat list: order, circles, segments, ambiguities.
//!
//! The graph's vertices are the systems and conditions, and two for each set: its begin and its end. Among vertices that may come
//! next the one added first comes next, so the list depends on nothing but what was added.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use crate::schedule::config::{SetId, SetInfo};
use crate::system::access::{AccessSet, Conflicts};

/// A system or condition as the graph sees it.
pub(crate) struct Vertex<'a> {
    pub(crate) name: &'a str,
    pub(crate) access: &'a AccessSet,
    pub(crate) exclusive: bool,
    pub(crate) sets: &'a [SetId],
    pub(crate) before: &'a [SetId],
    pub(crate) after: &'a [SetId],
    /// Conditions it waits for, as vertices.
    pub(crate) conditions: &'a [usize],
}

/// A schedule, compiled. Indices in it are places in `order`.
#[derive(Default)]
pub(crate) struct Plan {
    /// Vertices in the order of running.
    pub(crate) order: Vec<usize>,
    /// Conditions of each place, as places; a set's conditions included.
    pub(crate) conditions: Arc<[Vec<usize>]>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) conflicts: Arc<Conflicts>,
    /// By place: bits of the places ordered before it.
    ancestors: Vec<Vec<u64>>,
}

/// Systems between two sync points. Indices in it count from `start`, except where they say "place".
#[derive(Default)]
pub(crate) struct Segment {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Its only system needs the whole world.
    pub(crate) alone: bool,
    /// Places that may take entity ids.
    pub(crate) takers: Vec<usize>,
    /// Places that defer something.
    pub(crate) deferred: Vec<usize>,
    pub(crate) links: Arc<Links>,
    /// Whether any two of its systems can run side by side.
    pub(crate) wide: bool,
    // What is learned from running; see the runner.
    pub(crate) runs: u32,
    pub(crate) measure: bool,
    pub(crate) parallel: bool,
}

/// Who waits for whom within a segment: by explicit order, or because they conflict and one comes first in the list.
#[derive(Default)]
pub(crate) struct Links {
    pub(crate) predecessors: Vec<Vec<u32>>,
    pub(crate) successors: Vec<Vec<u32>>,
    /// By system: bits of those that wait for it or that it waits for, however indirectly.
    bound: Vec<Vec<u64>>,
}

impl Links {
    pub(crate) fn independent(&self, a: usize, b: usize) -> bool {
        a != b && !bit(&self.bound[a], b)
    }
}

fn bit(bits: &[u64], index: usize) -> bool {
    bits[index / 64] >> (index % 64) & 1 == 1
}

fn set_bit(bits: &mut [u64], index: usize) {
    bits[index / 64] |= 1 << (index % 64);
}

fn join(to: &mut [u64], from: &[u64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to |= from;
    }
}

/// Two systems that touch the same things and are not ordered: the order in which they were added decides. Made by
/// [`Schedule::ambiguities`](crate::Schedule::ambiguities).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ambiguity {
    /// The one that runs first.
    pub first: String,
    /// The other.
    pub second: String,
    /// What both touch, at least one to write: "component …", "resource …"; "the world" if one of them takes `&mut World`.
    pub conflicts: Vec<String>,
}

struct Graph<'a> {
    vertices: &'a [Vertex<'a>],
    sets: HashMap<&'a SetId, usize>,
    names: Vec<&'a SetId>,
    next: Vec<Vec<usize>>,
    previous: Vec<Vec<usize>>,
}

impl<'a> Graph<'a> {
    /// The begin of a set; its end is the vertex after.
    fn set(&mut self, set: &'a SetId) -> usize {
        if let Some(&begin) = self.sets.get(set) {
            return begin;
        }
        let begin = self.next.len();
        self.next.extend([Vec::new(), Vec::new()]);
        self.previous.extend([Vec::new(), Vec::new()]);
        self.edge(begin, begin + 1);
        self.sets.insert(set, begin);
        self.names.push(set);
        begin
    }

    fn edge(&mut self, from: usize, to: usize) {
        self.next[from].push(to);
        self.previous[to].push(from);
    }

    fn name(&self, vertex: usize) -> &'a str {
        match vertex.checked_sub(self.vertices.len()) {
            None => self.vertices[vertex].name,
            Some(set) => self.names[set / 2].name(),
        }
    }

    /// The vertices in order, or the names along a circle.
    fn sort(&self, rank: &[usize]) -> Result<Vec<usize>, String> {
        let mut waits: Vec<usize> = self.previous.iter().map(Vec::len).collect();
        // Ends and begins of sets come as soon as they can.
        let rank = |vertex: usize| rank.get(vertex).map_or(0, |rank| rank + 1);
        let mut ready: BinaryHeap<_> = (0..waits.len())
            .filter(|&vertex| waits[vertex] == 0)
            .map(|vertex| Reverse((rank(vertex), vertex)))
            .collect();
        let mut order = Vec::with_capacity(waits.len());
        while let Some(Reverse((_, vertex))) = ready.pop() {
            order.push(vertex);
            for &next in &self.next[vertex] {
                waits[next] -= 1;
                if waits[next] == 0 {
                    ready.push(Reverse((rank(next), next)));
                }
            }
        }
        if order.len() == waits.len() {
            Ok(order)
        } else {
            Err(self.circle(&waits))
        }
    }

    /// Names along a circle among the vertices that still wait: each of them has a predecessor that waits too.
    fn circle(&self, waits: &[usize]) -> String {
        let waiting = |vertex: &usize| waits[*vertex] > 0;
        let mut walk: Vec<usize> = (0..waits.len()).find(waiting).into_iter().collect();
        let circle = loop {
            let last = walk[walk.len() - 1];
            let Some(previous) = self.previous[last].iter().copied().find(waiting) else {
                break &walk[..];
            };
            if let Some(seen) = walk.iter().position(|&vertex| vertex == previous) {
                break &walk[seen..];
            }
            walk.push(previous);
        };
        let mut names: Vec<&str> = circle
            .iter()
            .rev()
            .map(|&vertex| self.name(vertex))
            .collect();
        names.dedup();
        if names.len() > 1 && names.first() == names.last() {
            names.pop();
        }
        names.extend(names.first().copied());
        names.join(" → ")
    }
}

impl Plan {
    /// Compiles a schedule; the error is a circle, as names.
    pub(crate) fn new<'a>(
        vertices: &'a [Vertex<'a>],
        edges: &[(usize, usize)],
        sets: &'a HashMap<SetId, (SetInfo, Vec<usize>)>,
        is_condition: &[bool],
    ) -> Result<Self, String> {
        let count = vertices.len();
        let mut graph = Graph {
            vertices,
            sets: HashMap::new(),
            names: Vec::new(),
            next: vec![Vec::new(); count],
            previous: vec![Vec::new(); count],
        };
        for &(earlier, later) in edges {
            graph.edge(earlier, later);
        }
        for (number, vertex) in vertices.iter().enumerate() {
            for set in vertex.sets {
                let begin = graph.set(set);
                graph.edge(begin, number);
                graph.edge(number, begin + 1);
            }
            for set in vertex.before {
                let begin = graph.set(set);
                graph.edge(number, begin);
            }
            for set in vertex.after {
                let end = graph.set(set) + 1;
                graph.edge(end, number);
            }
        }
        // In the order of names, so that nothing depends on a hash.
        let mut listed: Vec<_> = sets.iter().collect();
        listed.sort_by(|a, b| a.0.name().cmp(b.0.name()));
        for (set, (info, _)) in &listed {
            let begin = graph.set(set);
            for other in &info.before {
                let other = graph.set(other);
                graph.edge(begin + 1, other);
            }
            for other in &info.after {
                let other = graph.set(other);
                graph.edge(other + 1, begin);
            }
            for outer in &info.inside {
                let outer = graph.set(outer);
                graph.edge(outer, begin);
                graph.edge(begin + 1, outer + 1);
            }
        }
        let (governed, rank) = add_conditions(&mut graph, &listed, is_condition);
        let sorted = graph.sort(&rank)?;
        // Ancestors, by vertex.
        let words = count.div_ceil(64);
        let mut ancestors = vec![vec![0u64; words]; graph.next.len()];
        for &vertex in &sorted {
            let mut bits = core::mem::take(&mut ancestors[vertex]);
            for &previous in &graph.previous[vertex] {
                join(&mut bits, &ancestors[previous]);
                if previous < count {
                    set_bit(&mut bits, previous);
                }
            }
            ancestors[vertex] = bits;
        }
        // A system's level is how many sync points must come before it.
        let systems: Vec<usize> = sorted
            .into_iter()
            .filter(|&vertex| vertex < count)
            .collect();
        let mut levels = vec![0usize; count];
        for &vertex in &systems {
            let level = (0..count).filter(|&other| bit(&ancestors[vertex], other));
            let level = level.map(|other| {
                let sync = vertices[other]
                    .access
                    .must_sync_before(vertices[vertex].access);
                levels[other] + usize::from(sync)
            });
            levels[vertex] = level.max().unwrap_or(0);
        }
        let mut order = systems;
        order.sort_by_key(|&vertex| levels[vertex]);
        let mut place_of = vec![0; count];
        for (place, &vertex) in order.iter().enumerate() {
            place_of[vertex] = place;
        }
        let alone: Vec<bool> = order
            .iter()
            .map(|&vertex| vertices[vertex].exclusive || vertices[vertex].access.reads_world())
            .collect();
        let accesses: Vec<&AccessSet> = order
            .iter()
            .map(|&vertex| vertices[vertex].access)
            .collect();
        let mut plan = Self {
            conditions: order
                .iter()
                .map(|&vertex| {
                    governed[vertex]
                        .iter()
                        .map(|&condition| place_of[condition])
                        .collect()
                })
                .collect(),
            conflicts: Arc::new(Conflicts::new(&accesses, &alone)),
            ancestors: order
                .iter()
                .map(|&vertex| {
                    let mut bits = vec![0; words];
                    let before = (0..count).filter(|&other| bit(&ancestors[vertex], other));
                    before.for_each(|other| set_bit(&mut bits, place_of[other]));
                    bits
                })
                .collect(),
            segments: Vec::new(),
            order: Vec::new(),
        };
        let mut start = 0;
        while start < count {
            let level = levels[order[start]];
            let joins = |place: &usize| !alone[*place] && levels[order[*place]] == level;
            let end = if alone[start] {
                start + 1
            } else {
                (start..count).find(|place| !joins(place)).unwrap_or(count)
            };
            let segment = plan.segment(start, end, alone[start], &accesses);
            plan.segments.push(segment);
            start = end;
        }
        plan.order = order;
        Ok(plan)
    }

    fn segment(&self, start: usize, end: usize, alone: bool, accesses: &[&AccessSet]) -> Segment {
        let count = end - start;
        let mut links = Links {
            predecessors: vec![Vec::new(); count],
            successors: vec![Vec::new(); count],
            bound: vec![vec![0; count.div_ceil(64)]; count],
        };
        for later in 0..count {
            for earlier in 0..later {
                let ordered = bit(&self.ancestors[start + later], start + earlier);
                if ordered || self.conflicts.meet(start + earlier, start + later) {
                    links.predecessors[later].push(earlier as u32);
                    links.successors[earlier].push(later as u32);
                    let indirect = links.bound[earlier].clone();
                    join(&mut links.bound[later], &indirect);
                    set_bit(&mut links.bound[later], earlier);
                }
            }
        }
        // Until here `bound` held what each waits for; now the other direction too.
        for later in 0..count {
            for earlier in 0..later {
                if bit(&links.bound[later], earlier) {
                    set_bit(&mut links.bound[earlier], later);
                }
            }
        }
        let wide = (0..count).any(|a| (0..a).any(|b| links.independent(a, b)));
        let places = |which: fn(&AccessSet) -> bool| {
            (start..end)
                .filter(|&place| which(accesses[place]))
                .collect()
        };
        Segment {
            start,
            end,
            alone,
            takers: places(AccessSet::records_commands),
            deferred: places(AccessSet::defers),
            links: Arc::new(links),
            wide,
            ..Segment::default()
        }
    }

    /// Pairs that conflict and are not ordered.
    pub(crate) fn ambiguities(&self, vertices: &[Vertex<'_>]) -> Vec<Ambiguity> {
        let mut found = Vec::new();
        for later in 0..self.order.len() {
            for earlier in 0..later {
                if !self.conflicts.meet(earlier, later) || bit(&self.ancestors[later], earlier) {
                    continue;
                }
                let (first, second) =
                    (&vertices[self.order[earlier]], &vertices[self.order[later]]);
                let conflicts: Vec<String> = if first.exclusive || second.exclusive {
                    vec!["the world".to_owned()]
                } else {
                    let keys = first.access.clashes(second.access);
                    keys.iter().map(ToString::to_string).collect()
                };
                // Two readers of the whole world never run side by side, but their order makes no difference.
                if !conflicts.is_empty() {
                    found.push(Ambiguity {
                        first: first.name.to_owned(),
                        second: second.name.to_owned(),
                        conflicts,
                    });
                }
            }
        }
        found
    }
}

/// Orders conditions before what they govern. Returns the conditions of each vertex, and each vertex's rank among equals.
fn add_conditions<'a>(
    graph: &mut Graph<'a>,
    sets: &[(&'a SetId, &'a (SetInfo, Vec<usize>))],
    is_condition: &[bool],
) -> (Vec<Vec<usize>>, Vec<usize>) {
    let count = graph.vertices.len();
    let mut governed: Vec<Vec<usize>> = graph
        .vertices
        .iter()
        .map(|vertex| vertex.conditions.to_vec())
        .collect();
    // A condition of systems comes after what they all come after.
    for condition in (0..count).filter(|&vertex| is_condition[vertex]) {
        let members: Vec<usize> = (0..count)
            .filter(|&vertex| graph.vertices[vertex].conditions.contains(&condition))
            .collect();
        let Some(&first) = members.first() else {
            continue;
        };
        let common: Vec<usize> = graph.previous[first]
            .iter()
            .copied()
            .filter(|previous| !is_condition.get(*previous).is_some_and(|&is| is))
            .filter(|previous| {
                members
                    .iter()
                    .all(|&member| graph.previous[member].contains(previous))
            })
            .collect();
        for previous in common {
            graph.edge(previous, condition);
        }
        for member in members {
            graph.edge(condition, member);
        }
    }
    // A condition of a set comes after what the set comes after.
    for (set, (_, conditions)) in sets {
        if conditions.is_empty() {
            continue;
        }
        let begin = graph.set_of(set);
        let previous = graph.previous[begin].clone();
        let members = graph.members(set, sets);
        for &condition in conditions {
            for &previous in &previous {
                graph.edge(previous, condition);
            }
            graph.edge(condition, begin);
            for &member in &members {
                governed[member].push(condition);
            }
        }
    }
    // Systems rank as they were added; a condition just before the first that it governs.
    let mut rank: Vec<usize> = (0..count).map(|vertex| 2 * vertex + 1).collect();
    for condition in (0..count).filter(|&vertex| is_condition[vertex]) {
        let first = (0..count).find(|&vertex| governed[vertex].contains(&condition));
        rank[condition] = first.map_or(2 * count, |first| 2 * first);
    }
    (governed, rank)
}

impl<'a> Graph<'a> {
    fn set_of(&self, set: &SetId) -> usize {
        self.sets[set]
    }

    /// The systems of a set, those of sets inside it included.
    fn members(
        &self,
        set: &'a SetId,
        sets: &[(&'a SetId, &'a (SetInfo, Vec<usize>))],
    ) -> Vec<usize> {
        let mut all = vec![set];
        let mut next = 0;
        while let Some(&outer) = all.get(next) {
            next += 1;
            for (inner, (info, _)) in sets {
                if info.inside.contains(outer) && !all.contains(inner) {
                    all.push(inner);
                }
            }
        }
        let belongs = |vertex: &Vertex<'_>| vertex.sets.iter().any(|set| all.contains(&set));
        (0..self.vertices.len())
            .filter(|&vertex| belongs(&self.vertices[vertex]))
            .collect()
    }
}
