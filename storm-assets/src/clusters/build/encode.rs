//! A group's clusters as records and streams.

use super::{split::Cluster, vertices::Source};
use crate::clusters::{ClusterRecord, code::BitWriter, flags};

/// Clusters whose streams lie in `data`; the words of the streams are counted from its start.
pub(super) struct Encoded {
    pub(super) records: Vec<ClusterRecord>,
    pub(super) data: Vec<u32>,
}

impl Encoded {
    /// Words that it takes in a page.
    pub(super) fn words(&self) -> usize {
        self.records.len() * (size_of::<ClusterRecord>() / 4) + self.data.len()
    }
}

pub(super) fn encode(source: &Source, clusters: &[&Cluster]) -> Encoded {
    let mut encoded = Encoded {
        records: Vec::with_capacity(clusters.len()),
        data: Vec::new(),
    };
    for cluster in clusters {
        let record = encode_cluster(source, cluster, &mut encoded.data);
        encoded.records.push(record);
    }
    encoded
}

/// The smallest of numbers, and the bits that their distances from it take.
fn span(values: impl Iterator<Item = i32>) -> (i32, u32) {
    let (min, max) = values.fold((i32::MAX, i32::MIN), |(a, b), v| (a.min(v), b.max(v)));
    (min, 32 - ((max - min) as u32).leading_zeros())
}

fn encode_cluster(source: &Source, cluster: &Cluster, data: &mut Vec<u32>) -> ClusterRecord {
    let vertices = || cluster.vertices.iter().map(|&v| v as usize);
    let mut record = ClusterRecord {
        sphere: cluster.own,
        cone: cluster.cone,
        refined: cluster.refined,
        counts: (cluster.vertices.len() as u32 - 1) | (cluster.triangle_count() as u32 - 1) << 8,
        longest_edge: longest_edge(source, cluster),
        level: cluster.level,
        ..ClusterRecord::default()
    };
    let spans = [0, 1, 2].map(|axis| span(vertices().map(|v| source.positions[v][axis])));
    record.position_base = spans.map(|(base, _)| base);
    for (axis, (_, bits)) in (0..).zip(spans) {
        record.counts |= bits << (16 + 5 * axis);
    }
    let mut writer = BitWriter::default();
    for v in vertices() {
        for (q, (base, bits)) in source.positions[v].into_iter().zip(spans) {
            writer.push((q - base) as u32, bits);
        }
    }
    record.positions = data.len() as u32;
    data.extend(writer.finish());

    let mut uv_bits = [0; 4];
    for i in 0..4 {
        let uvs = &source.uvs[i / 2];
        if !uvs.is_empty() {
            (record.uv_base[i], uv_bits[i]) = span(vertices().map(|v| uvs[v][i % 2]));
            record.uv_bits |= uv_bits[i] << (5 * i);
        }
    }
    let mut writer = BitWriter::default();
    for v in vertices() {
        if source.flags & flags::NORMALS != 0 {
            writer.push(source.normals[v], 24);
        }
        if source.flags & flags::TANGENTS != 0 {
            writer.push(u32::from(source.tangents[v]), 11);
        }
        for i in 0..4 {
            if let Some(uv) = source.uvs[i / 2].get(v) {
                writer.push((uv[i % 2] - record.uv_base[i]) as u32, uv_bits[i]);
            }
        }
        if source.flags & flags::COLORS != 0 {
            writer.push(source.colors[v], 32);
        }
    }
    record.attributes = data.len() as u32;
    data.extend(writer.finish());

    record.triangles = data.len() as u32;
    data.extend(cluster.triangles.chunks(4).map(|bytes| {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        u32::from_le_bytes(word)
    }));
    record
}

fn longest_edge(source: &Source, cluster: &Cluster) -> f32 {
    let corner = |i: u8| glam::Vec3::from(source.position(cluster.vertices[usize::from(i)]));
    let edges = cluster.triangles.chunks_exact(3).flat_map(|t| {
        let [a, b, c] = [t[0], t[1], t[2]].map(corner);
        [b - a, c - b, a - c]
    });
    edges.fold(0.0, |m: f32, e| m.max(e.length())).next_up()
}
