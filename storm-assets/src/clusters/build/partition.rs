//! Which clusters are simplified together: near ones, that share much of their border.

use super::{
    BuildError,
    parallel::Workers,
    split::{Cluster, morton},
    vertices::Source,
};

/// Clusters that a group is to have; up to a third more may come of it.
pub(super) const GROUP: usize = 16;
/// Clusters that are parted at once. Their borders change from round to round, for the number of clusters does.
const RUN: usize = 4096;

/// Parts clusters into groups, each a list of numbers.
pub(super) fn partition(
    source: &Source,
    clusters: &[Cluster],
    workers: &mut Workers<'_>,
) -> Result<Vec<Vec<u32>>, BuildError> {
    let mut order: Vec<(u64, u32)> = (0..)
        .zip(clusters)
        .map(|(i, c)| (morton(source, source.grid_point(c.own.center)), i))
        .collect();
    order.sort_unstable();
    let runs: Vec<Vec<u32>> = order
        .chunks(RUN)
        .map(|run| run.iter().map(|&(_, i)| i).collect())
        .collect();
    let groups = workers.map(runs.len(), |run| part(source, clusters, &runs[run]))?;
    Ok(groups.into_iter().flatten().collect())
}

fn part(source: &Source, clusters: &[Cluster], run: &[u32]) -> Vec<Vec<u32>> {
    if run.len() <= GROUP {
        return vec![run.to_vec()];
    }
    let mut points: Vec<(u32, u32)> = Vec::new();
    let mut counts = Vec::with_capacity(run.len());
    for &i in run {
        let vertices = &clusters[i as usize].vertices;
        counts.push(vertices.len() as u32);
        points.extend(vertices.iter().map(|&v| (source.points[v as usize], v)));
    }
    let mut distinct = points.clone();
    distinct.sort_unstable();
    distinct.dedup_by_key(|(point, _)| *point);
    let positions: Vec<[f32; 3]> = distinct.iter().map(|&(_, v)| source.position(v)).collect();
    let indices: Vec<u32> = points
        .iter()
        .map(|(point, _)| {
            let found = distinct.binary_search_by_key(point, |(p, _)| *p);
            found.expect("one of them") as u32
        })
        .collect();
    let adapter =
        meshopt::VertexDataAdapter::new(bytemuck::cast_slice(&positions), size_of::<[f32; 3]>(), 0)
            .expect("whole positions");
    let mut part_of = vec![0; run.len()];
    let parts = meshopt::partition_clusters_with_positions(
        &mut part_of,
        &indices,
        &counts,
        &adapter,
        GROUP,
    );
    let mut groups = vec![Vec::new(); parts];
    for (&i, &part) in run.iter().zip(&part_of) {
        groups[part as usize].push(i);
    }
    groups.retain(|group| !group.is_empty());
    groups
}
