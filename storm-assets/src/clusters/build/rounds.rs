//! Round for round: clusters are grouped, groups simplified, and what is left made into clusters for the next round.
//!
//! The clusters that wait for a round are at all times the whole surface once. A point that two groups of a round share stays in it: so what replaces one group
//! meets what replaces, or does not replace, the other. A group that cannot be simplified waits for the next round, where it is among others.

use super::{
    BuildError, BuildOptions, Stage,
    bounds::around,
    encode::{Encoded, encode},
    parallel::Workers,
    partition::partition,
    simplify::simplify,
    split::{Cluster, clusterize},
    vertices::Source,
};
use crate::clusters::Sphere;

/// A group that is done.
pub(super) struct BuiltGroup {
    pub(super) sphere: Sphere,
    /// Around its triangles.
    pub(super) cull: Sphere,
    pub(super) error: f32,
    pub(super) level: u32,
    pub(super) round: u32,
    pub(super) encoded: Encoded,
}

/// Errors grow by this much at least from group to group, so that products in `f32` on a GPU keep the order.
const ERROR_GROWTH: f32 = 1.0001;
/// After so many rounds without success a cluster's group is not tried again.
const FAILURES_MAX: u8 = 3;
/// Rounds that there are at most.
const ROUNDS_MAX: u32 = 200;

/// Of a point in no group of the round, and in several.
const NOBODY: u32 = u32::MAX;
const SEVERAL: u32 = u32::MAX - 1;

/// Simplifies until nothing is left to gain. The groups come in the order of making: a group's number is less than those of what was made from it.
pub(super) fn simplify_all(
    source: &Source,
    mut waiting: Vec<Cluster>,
    options: &BuildOptions,
    workers: &mut Workers<'_>,
) -> Result<Vec<BuiltGroup>, BuildError> {
    let slack = f64::from(source.extent()) * 5e-7;
    let all: usize = waiting.iter().map(Cluster::triangle_count).sum();
    let mut groups = Vec::new();
    let mut owner = vec![NOBODY; source.point_count];
    for round in 0..ROUNDS_MAX {
        if waiting.len() <= 1 {
            break;
        }
        let now: usize = waiting.iter().map(Cluster::triangle_count).sum();
        let share = |triangles: usize| 950 - (700 * triangles as u64 / all as u64).min(700) as u32;
        workers.begin(Stage::Simplify(round), share(now)..share(now));
        let parts = partition(source, &waiting, workers)?;
        mark(source, &waiting, &parts, &mut owner);
        workers.begin(Stage::Simplify(round), share(now)..share(now / 2));
        let done = workers.map(parts.len(), |i| {
            let members: Vec<&Cluster> = parts[i].iter().map(|&c| &waiting[c as usize]).collect();
            replace(source, &members, &owner, options, round, slack)
        })?;
        let mut next = Vec::with_capacity(waiting.len());
        let mut moved = false;
        for (part, done) in parts.iter().zip(done) {
            if let Some((group, clusters)) = done {
                let refined = groups.len() as u32;
                groups.push(group);
                next.extend(clusters.into_iter().map(|c| Cluster { refined, ..c }));
                moved = true;
            } else {
                for &c in part {
                    let mut cluster = waiting[c as usize].clone();
                    moved |= cluster.failures < FAILURES_MAX;
                    cluster.failures = cluster.failures.saturating_add(1);
                    next.push(cluster);
                }
            }
        }
        // What nobody could simplify is parted alike again: nothing will change.
        if !moved {
            break;
        }
        waiting = next;
        for cluster in &waiting {
            for &v in &cluster.vertices {
                owner[source.points[v as usize] as usize] = NOBODY;
            }
        }
        // Points that went are in no cluster: nobody asks for them.
    }
    workers.begin(Stage::Pages, 950..950);
    let parts = partition(source, &waiting, workers)?;
    let last = workers.map(parts.len(), |i| {
        let members: Vec<&Cluster> = parts[i].iter().map(|&c| &waiting[c as usize]).collect();
        finish(source, &members, f32::MAX, ROUNDS_MAX, slack)
    })?;
    groups.extend(last);
    Ok(groups)
}

/// Writes down for each point of a round which group has it.
fn mark(source: &Source, waiting: &[Cluster], parts: &[Vec<u32>], owner: &mut [u32]) {
    for (i, part) in (0..).zip(parts) {
        for &c in part {
            for &v in &waiting[c as usize].vertices {
                let owner = &mut owner[source.points[v as usize] as usize];
                if *owner == NOBODY {
                    *owner = i;
                } else if *owner != i {
                    *owner = SEVERAL;
                }
            }
        }
    }
}

/// The group of clusters that are simplified, and what replaces it.
fn replace(
    source: &Source,
    members: &[&Cluster],
    owner: &[u32],
    options: &BuildOptions,
    round: u32,
    slack: f64,
) -> Option<(BuiltGroup, Vec<Cluster>)> {
    let failures = members.iter().map(|c| c.failures).min()?;
    if failures >= FAILURES_MAX {
        return None;
    }
    let corners: Vec<u32> = members
        .iter()
        .flat_map(|c| c.triangles.iter().map(|&i| c.vertices[usize::from(i)]))
        .collect();
    let locked = |point: u32| owner[point as usize] == SEVERAL;
    let simple = simplify(source, &corners, locked, options, failures > 0)?;
    let before = members.iter().fold(0.0f32, |e, c| e.max(c.error));
    let error = simple.error.max(before * ERROR_GROWTH);
    let group = finish(source, members, error, round, slack);
    let (bound, level) = (group.sphere, group.level + 1);
    let clusters = clusterize(source, &simple.corners, |cluster| Cluster {
        bound,
        error,
        level,
        ..cluster
    });
    Some((group, clusters))
}

fn finish(source: &Source, members: &[&Cluster], error: f32, round: u32, slack: f64) -> BuiltGroup {
    let spheres = |of: fn(&Cluster) -> Sphere| members.iter().map(|c| of(c)).collect::<Vec<_>>();
    BuiltGroup {
        sphere: around(&spheres(|c| c.bound), slack),
        cull: around(&spheres(|c| c.own), 0.0),
        error,
        level: members.iter().map(|c| c.level).max().unwrap_or(0),
        round,
        encoded: encode(source, members),
    }
}
