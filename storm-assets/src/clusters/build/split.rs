//! The finest clusters: triangles in spatial order, in runs, each run made into clusters on its own.

use meshopt::VertexDataAdapter;

use super::{
    BuildError,
    bounds::{around_points, cone},
    parallel::Workers,
    vertices::{FirstOf, Source, hash_words},
};
use crate::clusters::{CLUSTER_TRIANGLES_MAX, CLUSTER_VERTICES_MAX, NO_GROUP, Sphere};

/// A cluster that is not in a group yet.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    /// Vertices of the source.
    pub(super) vertices: Box<[u32]>,
    /// Three each triangle, into `vertices`.
    pub(super) triangles: Box<[u8]>,
    /// The group that it was made from, in order of making.
    pub(super) refined: u32,
    pub(super) level: u32,
    /// Around its triangles.
    pub(super) own: Sphere,
    pub(super) cone: u32,
    /// Of the group that it was made from; of the finest around its triangles.
    pub(super) bound: Sphere,
    /// Of the group that it was made from; of the finest 0.
    pub(super) error: f32,
    /// How often a group that it was in could not be simplified.
    pub(super) failures: u8,
}

impl Cluster {
    pub(super) fn triangle_count(&self) -> usize {
        self.triangles.len() / 3
    }
}

/// Triangles of a run: enough that the seams between runs are a small part.
const RUN: usize = 1 << 15;
/// Fewer triangles than this are a cluster only where there are no more nearby.
const TRIANGLES_MIN: usize = 40;
/// How much the direction of normals counts beside the place.
const CONE_WEIGHT: f32 = 0.25;
/// Clusters that would be this many times larger than expected are split.
const SPLIT: f32 = 2.0;

/// The place of a grid point along a curve through space: the bits of its coordinates interleaved, the upper 21 of those that the mesh uses.
pub(super) fn morton(source: &Source, q: [i32; 3]) -> u64 {
    let bits = 32 - source.largest.leading_zeros();
    let spread = |v: i32| {
        let mut x = (v.max(0) as u64 >> bits.saturating_sub(21)) & 0x1f_ffff;
        x = (x | x << 32) & 0x001f_0000_0000_ffff;
        x = (x | x << 16) & 0x001f_0000_ff00_00ff;
        x = (x | x << 8) & 0x100f_00f0_0f00_f00f;
        x = (x | x << 4) & 0x10c3_0c30_c30c_30c3;
        (x | x << 2) & 0x1249_2492_4924_9249
    };
    spread(q[0]) | spread(q[1]) << 1 | spread(q[2]) << 2
}

/// Makes the triangles of `source` into clusters.
pub(super) fn split(
    source: &Source,
    workers: &mut Workers<'_>,
) -> Result<Vec<Cluster>, BuildError> {
    let mut order: Vec<(u64, u32)> = source
        .triangles
        .iter()
        .enumerate()
        .map(|(i, &t)| (morton(source, source.middle(t)), i as u32))
        .collect();
    order.sort_unstable();
    let runs: Vec<&[(u64, u32)]> = order.chunks(RUN).collect();
    let clusters = workers.map(runs.len(), |run| {
        let mut ids: Vec<u32> = runs[run].iter().map(|&(_, i)| i).collect();
        // Within a run in the order of the file, which tends to follow the surface.
        ids.sort_unstable();
        let corners: Vec<u32> = ids
            .iter()
            .flat_map(|&i| source.triangles[i as usize])
            .collect();
        clusterize(source, &corners, |cluster| cluster)
    })?;
    Ok(clusters.into_iter().flatten().collect())
}

/// Vertices of their own for a list of corners.
pub(super) struct Local {
    /// Vertices of the source, in the order in which corners name them first.
    pub(super) vertices: Vec<u32>,
    /// The corners, into `vertices`.
    pub(super) corners: Vec<u32>,
    /// Metres from the smallest corner of the box around them, so that no digit is lost.
    pub(super) positions: Vec<[f32; 3]>,
}

impl Local {
    pub(super) fn new(source: &Source, corners: &[u32]) -> Self {
        let mut table = FirstOf::new(corners.len());
        let mut vertices: Vec<u32> = Vec::with_capacity(corners.len() / 4);
        let corners = corners
            .iter()
            .map(|&v| {
                let next = vertices.len() as u32;
                let same = |other: u32| vertices[other as usize] == v;
                let found = table.find(hash_words(&[v]), same, next);
                if found == next {
                    vertices.push(v);
                }
                found
            })
            .collect();
        let grid = |&v: &u32| source.positions[v as usize];
        let low = vertices
            .iter()
            .map(grid)
            .reduce(|a, b| [0, 1, 2].map(|i| a[i].min(b[i])))
            .unwrap_or_default();
        let positions = vertices
            .iter()
            .map(|v| {
                let q = grid(v);
                [0, 1, 2].map(|i| source.grid.step * (q[i] - low[i]) as f32)
            })
            .collect();
        Self {
            vertices,
            corners,
            positions,
        }
    }

    pub(super) fn adapter(&self) -> VertexDataAdapter<'_> {
        let bytes = bytemuck::cast_slice(&self.positions);
        VertexDataAdapter::new(bytes, size_of::<[f32; 3]>(), 0).expect("whole positions")
    }
}

/// Makes triangles (three vertices of the source each) into clusters, of level 0 until `finish` says otherwise.
pub(super) fn clusterize(
    source: &Source,
    corners: &[u32],
    finish: impl Fn(Cluster) -> Cluster,
) -> Vec<Cluster> {
    let local = Local::new(source, corners);
    let meshlets = meshopt::build_meshlets_flex(
        &local.corners,
        &local.adapter(),
        CLUSTER_VERTICES_MAX,
        TRIANGLES_MIN,
        CLUSTER_TRIANGLES_MAX,
        CONE_WEIGHT,
        SPLIT,
    );
    meshlets
        .iter()
        .map(|meshlet| {
            let vertices: Box<[u32]> = meshlet
                .vertices
                .iter()
                .map(|&v| local.vertices[v as usize])
                .collect();
            let positions: Vec<[f32; 3]> = vertices.iter().map(|&v| source.position(v)).collect();
            let own = around_points(&positions);
            finish(Cluster {
                cone: cone(meshlet, &local),
                triangles: meshlet.triangles.into(),
                vertices,
                refined: NO_GROUP,
                level: 0,
                own,
                bound: own,
                error: 0.0,
                failures: 0,
            })
        })
        .collect()
}
