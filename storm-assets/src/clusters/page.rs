//! A page that was checked: everything in it that a GPU trusts holds.

use std::sync::Arc;

use super::{
    CLUSTER_TRIANGLES_MAX, CLUSTER_VERTICES_MAX, ClusterError, ClusterInfo, ClusterMesh,
    ClusterRecord, GRID_BITS_MAX, NO_GROUP, PAGE_HEADER_WORDS, PAGE_TAIL_WORDS, code,
    data::is_length, flags,
};

/// The words of a page that keep every rule of the format. Cloning shares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    words: Arc<[u32]>,
}

/// Words of a record.
const RECORD: usize = size_of::<ClusterRecord>() / 4;

impl Page {
    /// Checks the words of page `page` of `mesh`. Cost: O(vertices and triangles in it).
    ///
    /// Afterwards, for each cluster: the streams lie within the page with two words after them, the number of vertices and triangles is
    /// within the limits, each triangle names vertices that are there, the refined group exists, its page needs this one, and its error is no larger than that of the
    /// cluster's group.
    ///
    /// # Errors
    /// When a rule is broken.
    pub fn check(words: Vec<u32>, mesh: &ClusterMesh, page: u32) -> Result<Self, ClusterError> {
        check(&words, mesh, page).map_err(|problem| ClusterError::Page { page, problem })?;
        Ok(Self {
            words: words.into(),
        })
    }

    /// All words, as a GPU reads them.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// How many clusters it has.
    #[must_use]
    pub fn cluster_count(&self) -> u32 {
        self.words[0]
    }

    /// The records of its clusters.
    #[must_use]
    pub fn records(&self) -> &[ClusterRecord] {
        records(&self.words)
    }

    /// Cluster `cluster` in plain numbers: the reference for what a GPU reads. `info` is that of its mesh.
    ///
    /// # Panics
    /// When there is no such cluster.
    #[must_use]
    pub fn cluster(&self, cluster: u32, info: &ClusterInfo) -> DecodedCluster {
        decode(&self.words, &self.records()[cluster as usize], info)
    }
}

/// A cluster in plain numbers. Attributes that the mesh does not have are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecodedCluster {
    /// On the grid of the mesh.
    pub grid: Vec<[i32; 3]>,
    /// Metres.
    pub positions: Vec<[f32; 3]>,
    /// Unit length.
    pub normals: Vec<[f32; 3]>,
    /// XYZ unit length, W ±1.
    pub tangents: Vec<[f32; 4]>,
    /// Both sets.
    pub uvs: [Vec<[f32; 2]>; 2],
    /// Linear RGBA.
    pub colors: Vec<[f32; 4]>,
    /// Vertices of the triangles, counter-clockwise seen from the front.
    pub triangles: Vec<[u8; 3]>,
}

fn records(words: &[u32]) -> &[ClusterRecord] {
    let end = PAGE_HEADER_WORDS + words[0] as usize * RECORD;
    bytemuck::cast_slice(&words[PAGE_HEADER_WORDS..end])
}

/// Words that a stream of so many bits takes.
pub(crate) const fn stream_words(bits: usize) -> usize {
    bits.div_ceil(32)
}

/// The vertex of corner `corner` (three a triangle).
fn corner(words: &[u32], record: &ClusterRecord, corner: usize) -> u8 {
    (words[record.triangles as usize + corner / 4] >> (8 * (corner % 4))) as u8
}

fn check(words: &[u32], mesh: &ClusterMesh, page: u32) -> Result<(), String> {
    let table = &mesh.pages()[page as usize];
    if words.len() * 4 != table.bytes as usize {
        return Err(format!("{} bytes, not {}", words.len() * 4, table.bytes));
    }
    // The table was checked: there is room for the header, the records and the tail.
    if words[0] != table.clusters || words[1] as usize != words.len() {
        return Err(format!("{} clusters in {} words", words[0], words[1]));
    }
    let tail = words.len() - PAGE_TAIL_WORDS;
    if words[2..4].iter().chain(&words[tail..]).any(|&w| w != 0) {
        return Err("something where zeros should be".into());
    }
    let streams = PAGE_HEADER_WORDS + words[0] as usize * RECORD;
    let info = mesh.info();
    let records = records(words);
    for group in &mesh.groups()[mesh.groups_of_page(page)] {
        let first = group.first_cluster() as usize;
        let count = group.cluster_count() as usize;
        for (i, record) in records.iter().enumerate().skip(first).take(count) {
            check_cluster(words, record, info, streams..tail)
                .and_then(|()| check_refined(record, group, mesh, page))
                .map_err(|problem| format!("cluster {i}: {problem}"))?;
        }
    }
    Ok(())
}

fn check_cluster(
    words: &[u32],
    record: &ClusterRecord,
    info: &ClusterInfo,
    streams: std::ops::Range<usize>,
) -> Result<(), &'static str> {
    let (vertices, triangles) = (
        record.vertex_count() as usize,
        record.triangle_count() as usize,
    );
    if vertices > CLUSTER_VERTICES_MAX || triangles > CLUSTER_TRIANGLES_MAX {
        return Err("too many vertices or triangles");
    }
    if record.counts >> 31 != 0 || record.uv_bits >> 20 != 0 || record.level >= info.levels {
        return Err("unknown bits");
    }
    let uv = record.uv_widths();
    let mut widths = record.position_bits().into_iter().chain(uv);
    if widths.any(|bits| bits > GRID_BITS_MAX) {
        return Err("too many bits of a coordinate");
    }
    let absent = |set: usize| uv[2 * set] | uv[2 * set + 1] != 0;
    if (!info.has(flags::UV0) && absent(0)) || (!info.has(flags::UV1) && absent(1)) {
        return Err("bits of UVs that are not there");
    }
    let limit = 1 << GRID_BITS_MAX;
    let mut bases = record.position_base.iter().chain(&record.uv_base);
    if bases.any(|b| !(-limit..limit).contains(b)) {
        return Err("a base out of range");
    }
    if !record.sphere.is_valid() || !is_length(record.longest_edge) {
        return Err("a sphere or an edge that is none");
    }
    let position_bits: u32 = record.position_bits().iter().sum();
    let attribute_bits = record.attribute_bits(info.flags);
    for (start, bits) in [
        (record.positions, vertices * position_bits as usize),
        (record.attributes, vertices * attribute_bits as usize),
        (record.triangles, triangles * 24),
    ] {
        let start = start as usize;
        if start < streams.start || start > streams.end || stream_words(bits) > streams.end - start
        {
            return Err("a stream outside of the page");
        }
    }
    if (0..3 * triangles).any(|c| usize::from(corner(words, record, c)) >= vertices) {
        return Err("a triangle of a vertex that is not there");
    }
    Ok(())
}

fn check_refined(
    record: &ClusterRecord,
    group: &super::Group,
    mesh: &ClusterMesh,
    page: u32,
) -> Result<(), &'static str> {
    if record.refined == NO_GROUP {
        return Ok(());
    }
    let Some(refined) = mesh.groups().get(record.refined as usize) else {
        return Err("a refined group that is not there");
    };
    if refined.error > group.error || refined.is_root() {
        return Err("a refined group with a larger error");
    }
    let needs = &mesh.pages()[refined.page as usize].needs;
    if refined.page != page && needs.binary_search(&page).is_err() {
        return Err("a refined group whose page does not need this one");
    }
    Ok(())
}

fn decode(words: &[u32], record: &ClusterRecord, info: &ClusterInfo) -> DecodedCluster {
    let vertices = record.vertex_count() as usize;
    let mut out = DecodedCluster::default();
    let widths = record.position_bits();
    let mut at = record.positions as usize * 32;
    for _ in 0..vertices {
        let mut q = [0; 3];
        for axis in 0..3 {
            let bits = code::read_bits(words, at, widths[axis]);
            q[axis] = record.position_base[axis] + bits as i32;
            at += widths[axis] as usize;
        }
        out.grid.push(q);
        out.positions
            .push([0, 1, 2].map(|i| info.origin[i] + info.step * q[i] as f32));
    }
    let mut at = record.attributes as usize * 32;
    let mut read = |bits: u32| {
        let value = code::read_bits(words, at, bits);
        at += bits as usize;
        value
    };
    let uv = record.uv_widths();
    for _ in 0..vertices {
        let mut normal = 0;
        if info.has(flags::NORMALS) {
            normal = read(24);
            out.normals.push(code::normal(normal).to_array());
        }
        if info.has(flags::TANGENTS) {
            out.tangents.push(code::tangent(normal, read(11)));
        }
        for (set, flag) in [flags::UV0, flags::UV1].into_iter().enumerate() {
            if info.has(flag) {
                let mut of = |i: usize| {
                    let q = record.uv_base[2 * set + i] + read(uv[2 * set + i]) as i32;
                    info.uv_origin[set][i] + info.uv_step[set] * q as f32
                };
                out.uvs[set].push([of(0), of(1)]);
            }
        }
        if info.has(flags::COLORS) {
            let low = read(16);
            out.colors.push(code::color(low | read(16) << 16));
        }
    }
    out.triangles = (0..record.triangle_count() as usize)
        .map(|t| [0, 1, 2].map(|c| corner(words, record, 3 * t + c)))
        .collect();
    out
}
