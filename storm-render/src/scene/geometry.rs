//! Meshes on the GPU: attributes packed into one arena of 32-bit words, indices into another.

use std::{collections::HashMap, sync::Arc};

use storm_assets::{Bounds, Handle, Mesh, PoseBounds, Topology, clusters::ClusterInfo};

use super::{
    arena::{GrowingBuffer, Ranges, Table},
    layout::{BOX_LEVELS_SHIFT, BOX_THIN, MESH_UNLIT, MESH_UV_SETS_SHIFT, MeshBox, MeshInfo, NONE},
    upload::Uploads,
};
use crate::{
    error::{RenderError, Result},
    gpu::{buffer::Buffer, device::Device},
};

const ARENA_BYTES_AT_FIRST: u64 = 1 << 20;
/// UV sets of a mesh that are kept.
const UV_SETS_MAX: usize = 255;

/// A mesh as draws need it. One that is not there yet draws nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeshEntry {
    pub(crate) topology: Topology,
    pub(crate) first_index: u32,
    pub(crate) index_count: u32,
    pub(crate) bounds: Bounds,
    /// Levels beside the finest.
    pub(crate) level_count: u8,
    /// First index and number of indices of each of them.
    levels: [(u32, u32); Mesh::LEVELS_MAX],
    /// The number of its clusters, where it is made of those.
    pub(crate) clusters: Option<u32>,
    /// Indices of all levels.
    all_indices: u32,
    first_word: u32,
    words: u32,
}

const ABSENT: MeshEntry = MeshEntry {
    topology: Topology::Triangles,
    first_index: 0,
    index_count: 0,
    bounds: Bounds::EMPTY,
    level_count: 0,
    levels: [(0, 0); Mesh::LEVELS_MAX],
    clusters: None,
    all_indices: 0,
    first_word: 0,
    words: 0,
};

/// What poses of a mesh are made from: where it is in the vertex arena, in words.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) info: MeshInfo,
    pub(crate) vertices: u32,
    /// Six words of each set and vertex.
    pub(crate) influences: u32,
    pub(crate) sets: u32,
    /// Three words a target, and its deltas.
    pub(crate) targets: u32,
    pub(crate) target_count: u32,
    pub(crate) bounds: PoseBounds,
    /// Around the mesh at rest.
    box_at_rest: MeshBox,
}

/// Where the attributes of a deformed mesh are, in words of the vertex arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deformed {
    pub(crate) positions: u32,
    pub(crate) previous: u32,
    pub(crate) normals: u32,
    pub(crate) tangents: u32,
}

impl MeshEntry {
    /// Of its vertices.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.words) * 4
    }

    /// First index and number of indices of a level; 0 is the finest.
    pub(crate) fn level(&self, level: u8) -> (u32, u32) {
        match level {
            0 => (self.first_index, self.index_count),
            coarser => self.levels[usize::from(coarser) - 1],
        }
    }
}

/// All meshes of a scene.
pub(crate) struct Geometry {
    entries: Vec<MeshEntry>,
    by_handle: HashMap<Handle<Mesh>, u32>,
    infos: Table<MeshInfo>,
    boxes: Table<MeshBox>,
    words: GrowingBuffer,
    word_ranges: Ranges,
    indices: GrowingBuffer,
    index_ranges: Ranges,
    /// By mesh number, of those that can be deformed.
    sources: HashMap<u32, Arc<Source>>,
    /// Numbers of deformed meshes that nobody has any more.
    free: Vec<u32>,
}

impl Geometry {
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        Ok(Self {
            entries: Vec::new(),
            by_handle: HashMap::new(),
            infos: Table::new(device, "meshes", 256)?,
            boxes: Table::new(device, "boxes around meshes", 256)?,
            words: GrowingBuffer::new(device, "vertices", ARENA_BYTES_AT_FIRST)?,
            word_ranges: Ranges::default(),
            indices: GrowingBuffer::new(device, "indices", ARENA_BYTES_AT_FIRST)?,
            index_ranges: Ranges::default(),
            sources: HashMap::new(),
            free: Vec::new(),
        })
    }

    /// The number of a mesh, whether it is there yet or not.
    pub(crate) fn index_of(&mut self, handle: Handle<Mesh>) -> u32 {
        let Self {
            entries, by_handle, ..
        } = self;
        *by_handle.entry(handle).or_insert_with(|| {
            entries.push(ABSENT);
            entries.len() as u32 - 1
        })
    }

    pub(crate) fn entry(&self, index: u32) -> &MeshEntry {
        &self.entries[index as usize]
    }

    pub(crate) fn has(&self, handle: Handle<Mesh>) -> bool {
        self.by_handle
            .get(&handle)
            .map(|&index| self.entry(index))
            .is_some_and(|entry| entry.words != 0 || entry.clusters.is_some())
    }

    /// Uploads a mesh; replaces the one that was there.
    pub(crate) fn insert(
        &mut self,
        uploads: &mut Uploads,
        handle: Handle<Mesh>,
        mesh: &Mesh,
    ) -> Result<()> {
        mesh.check()?;
        let index = self.index_of(handle);
        self.release(index);

        let packed = Packed::new(mesh);
        let full = |what, len: usize| RenderError::OutOfSpace {
            what,
            needed: len as u64,
            limit: u64::from(u32::MAX),
        };
        let words =
            u32::try_from(packed.words.len()).map_err(|_| full("vertices", packed.words.len()))?;
        let all = mesh.indices.len() + mesh.levels.iter().map(|l| l.indices.len()).sum::<usize>();
        let all_indices = u32::try_from(all).map_err(|_| full("indices", all))?;

        let first_word = self
            .word_ranges
            .allocate(words)
            .ok_or_else(|| full("vertices", packed.words.len()))?;
        let first_index = match self.index_ranges.allocate(all_indices) {
            Some(first) => first,
            None => {
                self.word_ranges.free(first_word, words);
                return Err(full("indices", all));
            }
        };
        let written = self
            .words
            .reserve(uploads, u64::from(self.word_ranges.end()) * 4)
            .and_then(|()| {
                self.indices
                    .reserve(uploads, u64::from(self.index_ranges.end()) * 4)
            })
            .and_then(|()| {
                let bytes = bytemuck::cast_slice(&packed.words);
                uploads.write(self.words.buffer(), u64::from(first_word) * 4, bytes)
            })
            .and_then(|()| {
                let mut at = u64::from(first_index) * 4;
                let coarser = mesh.levels.iter().map(|level| &level.indices);
                for indices in std::iter::once(&mesh.indices).chain(coarser) {
                    uploads.write(self.indices.buffer(), at, bytemuck::cast_slice(indices))?;
                    at += indices.len() as u64 * 4;
                }
                Ok(())
            })
            .and_then(|()| {
                self.infos
                    .write(uploads, index, &[packed.info.moved(first_word)])
            })
            .and_then(|()| {
                let errors = first_word + packed.errors;
                self.boxes
                    .write(uploads, index, &[box_around(mesh, errors)])
            });
        if let Err(error) = written {
            self.word_ranges.free(first_word, words);
            self.index_ranges.free(first_index, all_indices);
            return Err(error);
        }
        if let Some(pose) = packed.pose {
            let source = Source {
                info: packed.info.moved(first_word),
                vertices: mesh.positions.len() as u32,
                influences: first_word + pose.influences,
                sets: pose.sets,
                targets: first_word + pose.targets,
                target_count: mesh.morph_targets.len() as u32,
                bounds: PoseBounds::new(mesh),
                box_at_rest: box_around(mesh, first_word + packed.errors),
            };
            self.sources.insert(index, Arc::new(source));
        }
        let mut levels = [(0, 0); Mesh::LEVELS_MAX];
        let mut next = first_index + mesh.indices.len() as u32;
        for (place, level) in levels.iter_mut().zip(&mesh.levels) {
            *place = (next, level.indices.len() as u32);
            next += level.indices.len() as u32;
        }
        self.entries[index as usize] = MeshEntry {
            topology: mesh.topology,
            first_index,
            index_count: mesh.indices.len() as u32,
            bounds: mesh.bounds(),
            level_count: mesh.levels.len() as u8,
            levels,
            clusters: None,
            all_indices,
            first_word,
            words,
        };
        Ok(())
    }

    /// Says that a mesh that is not there is made of clusters.
    pub(crate) fn set_clusters(&mut self, index: u32, number: u32, info: &ClusterInfo) {
        self.entries[index as usize] = MeshEntry {
            clusters: Some(number),
            bounds: Bounds {
                min: info.min.into(),
                max: info.max.into(),
            },
            ..ABSENT
        };
    }

    /// Says that a mesh of clusters is not there any more.
    pub(crate) fn forget_clusters(&mut self, index: u32) {
        self.entries[index as usize] = ABSENT;
    }

    /// Takes a mesh away; what is drawn with it is no longer drawn.
    pub(crate) fn remove(&mut self, handle: Handle<Mesh>) {
        if let Some(&index) = self.by_handle.get(&handle) {
            self.release(index);
        }
    }

    /// What poses of a mesh are made from, where it is there and can be deformed.
    pub(crate) fn source(&self, index: u32) -> Option<&Arc<Source>> {
        self.sources.get(&index)
    }

    /// Words that a deformed instance of a mesh takes.
    pub(crate) fn deformed_words(source: &Source) -> u64 {
        let there = |start: u32| u64::from(start != NONE);
        let a_vertex = 6 + there(source.info.normals) + there(source.info.tangents);
        u64::from(source.vertices) * a_vertex + 1
    }

    /// Makes a mesh with vertices of its own, and everything else from another: its number, and where its vertices are to be written.
    pub(crate) fn add_deformed(
        &mut self,
        uploads: &mut Uploads,
        of: u32,
    ) -> Result<Option<(u32, Deformed)>> {
        let Some(source) = self.sources.get(&of).cloned() else {
            return Ok(None);
        };
        let needed = Self::deformed_words(&source);
        let full = RenderError::OutOfSpace {
            what: "vertices",
            needed,
            limit: u64::from(u32::MAX),
        };
        let Some((words, first)) = u32::try_from(needed)
            .ok()
            .and_then(|words| Some((words, self.word_ranges.allocate(words)?)))
        else {
            return Err(full);
        };
        let mut next = first;
        let mut take = |like: u32, a_vertex: u32| {
            if like == NONE {
                return NONE;
            }
            let start = next;
            next += source.vertices * a_vertex;
            start
        };
        let place = Deformed {
            positions: take(0, 3),
            previous: take(0, 3),
            normals: take(source.info.normals, 1),
            tangents: take(source.info.tangents, 1),
        };
        let info = MeshInfo {
            positions: place.positions,
            previous: place.previous,
            normals: place.normals,
            tangents: place.tangents,
            ..source.info
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(ABSENT);
            self.entries.len() as u32 - 1
        });
        let written = self
            .words
            .reserve(uploads, u64::from(self.word_ranges.end()) * 4)
            .and_then(|()| self.infos.write(uploads, index, &[info]))
            .and_then(|()| self.boxes.write(uploads, index, &[source.box_at_rest]));
        if let Err(error) = written {
            self.word_ranges.free(first, words);
            self.free.push(index);
            return Err(error);
        }
        self.entries[index as usize] = MeshEntry {
            first_word: first,
            words,
            // They belong to the other.
            all_indices: 0,
            ..self.entries[of as usize]
        };
        Ok(Some((index, place)))
    }

    /// Gives a deformed mesh back.
    pub(crate) fn remove_deformed(&mut self, index: u32) {
        self.release(index);
        self.free.push(index);
    }

    /// Puts boxes around deformed meshes, each mesh once; `None` is never culled.
    pub(crate) fn set_boxes(
        &mut self,
        uploads: &mut Uploads,
        boxes: &mut [(u32, u32, Option<Bounds>)],
    ) -> Result<()> {
        boxes.sort_unstable_by_key(|(index, _, _)| *index);
        let mut records = Vec::new();
        for run in boxes.chunk_by(|(a, _, _), (b, _, _)| a + 1 == *b) {
            records.clear();
            for &(index, source, bounds) in run {
                let Some(source) = self.sources.get(&source) else {
                    continue;
                };
                let (low, high) = bounds.map_or(([f32::NAN; 3], [f32::NAN; 3]), |bounds| {
                    (bounds.min.into(), bounds.max.into())
                });
                records.push(MeshBox {
                    low,
                    high,
                    ..source.box_at_rest
                });
                if let Some(bounds) = bounds {
                    self.entries[index as usize].bounds = bounds;
                }
            }
            self.boxes.write(uploads, run[0].0, &records)?;
        }
        Ok(())
    }

    fn release(&mut self, index: u32) {
        self.sources.remove(&index);
        let entry = std::mem::replace(&mut self.entries[index as usize], ABSENT);
        self.word_ranges.free(entry.first_word, entry.words);
        self.index_ranges.free(entry.first_index, entry.all_indices);
    }

    pub(crate) fn vertices(&self) -> &Buffer {
        self.words.buffer()
    }

    pub(crate) fn indices(&self) -> &Buffer {
        self.indices.buffer()
    }

    pub(crate) fn infos(&self) -> &Buffer {
        self.infos.buffer()
    }

    pub(crate) fn boxes(&self) -> &Buffer {
        self.boxes.buffer()
    }
}

fn box_around(mesh: &Mesh, errors: u32) -> MeshBox {
    // Vertices that are no numbers are in no box: what has them is never culled.
    let finite = mesh.positions.iter().flatten().all(|c| c.is_finite());
    let bounds = if finite {
        mesh.bounds()
    } else {
        Bounds {
            min: glam::Vec3::NAN,
            max: glam::Vec3::NAN,
        }
    };
    MeshBox {
        low: bounds.min.into(),
        flags: if mesh.topology == Topology::Triangles {
            0
        } else {
            BOX_THIN
        } | (mesh.levels.len() as u32) << BOX_LEVELS_SHIFT,
        high: bounds.max.into(),
        errors,
    }
}

/// The attributes of a mesh, one after the other, and where each starts.
struct Packed {
    words: Vec<u32>,
    info: MeshInfo,
    /// Where the errors of its coarser levels start; 0 where there are none.
    errors: u32,
    /// Where it can be deformed.
    pose: Option<PackedPose>,
}

struct PackedPose {
    influences: u32,
    sets: u32,
    targets: u32,
}

/// Appends influences and deltas of a mesh, where it has any: see `shaders/deform.comp`.
fn pack_pose(words: &mut Vec<u32>, mesh: &Mesh) -> Option<PackedPose> {
    let vertices = mesh.positions.len();
    let sets = || {
        let pairs = mesh.joints.iter().zip(&mesh.weights);
        pairs.filter(|(joints, weights)| joints.len() == vertices && weights.len() == vertices)
    };
    if vertices == 0 || (sets().next().is_none() && mesh.morph_targets.is_empty()) {
        return None;
    }
    let influences = words.len() as u32;
    for (joints, weights) in sets() {
        for (joints, weights) in joints.iter().zip(weights) {
            let [a, b, c, d] = joints.map(u32::from);
            words.extend([a | b << 16, c | d << 16]);
            words.extend(weights.map(f32::to_bits));
        }
    }
    let targets = words.len();
    words.resize(targets + 3 * mesh.morph_targets.len(), NONE);
    for (number, target) in mesh.morph_targets.iter().enumerate() {
        let lists = [&target.positions, &target.normals, &target.tangents];
        for (list, deltas) in lists.into_iter().enumerate() {
            if !deltas.is_empty() {
                words[targets + 3 * number + list] = (words.len() - targets) as u32;
                words.extend(deltas.iter().flatten().map(|c| c.to_bits()));
            }
        }
    }
    Some(PackedPose {
        influences,
        sets: sets().count() as u32,
        targets: targets as u32,
    })
}

impl Packed {
    fn new(mesh: &Mesh) -> Self {
        // One word more than needed keeps even an empty mesh apart from an absent one.
        let mut words = vec![0];
        let mut append = |attribute: &mut dyn Iterator<Item = u32>| {
            let start = words.len();
            words.extend(attribute);
            if words.len() == start {
                NONE
            } else {
                start as u32
            }
        };
        // Where there are more than two sets they lie one behind the other, and all are there.
        let sets = mesh.uvs.len().min(UV_SETS_MAX);
        let all = sets > 2;
        let zeros = |set: &[[f32; 2]]| {
            if all && set.is_empty() {
                2 * mesh.positions.len()
            } else {
                0
            }
        };
        let uv = |set: usize| {
            let set = mesh.uvs.get(set).map_or(&[][..], Vec::as_slice);
            let bits = set.iter().flatten().map(|c| c.to_bits());
            bits.chain(std::iter::repeat_n(0, zeros(set)))
        };
        let mut info =
            MeshInfo {
                positions: append(&mut mesh.positions.iter().flatten().map(|c| c.to_bits())),
                normals: append(&mut mesh.normals.iter().map(|n| pack_direction(*n))),
                tangents: append(&mut mesh.tangents.iter().map(|&[x, y, z, side]| {
                    pack_direction([x, y, z]) & !1 | u32::from(side < 0.0)
                })),
                uv0: append(&mut uv(0)),
                uv1: append(&mut (1..sets.max(2)).flat_map(&uv)),
                colors: append(
                    &mut mesh
                        .colors
                        .iter()
                        .flat_map(|&[r, g, b, a]| [unorm16x2(r, g), unorm16x2(b, a)]),
                ),
                // glTF 2.0, 3.7.2.1: points and lines without normals are not lit.
                flags: if mesh.topology != Topology::Triangles && mesh.normals.is_empty() {
                    MESH_UNLIT
                } else {
                    0
                } | if all {
                    (sets as u32) << MESH_UV_SETS_SHIFT
                } else {
                    0
                },
                previous: NONE,
            };
        info.previous = info.positions;
        let errors = words.len() as u32;
        words.extend(mesh.levels.iter().map(|level| level.error.to_bits()));
        let pose = pack_pose(&mut words, mesh);
        Self {
            words,
            info,
            errors,
            pose,
        }
    }
}

impl MeshInfo {
    /// The same, with all attributes `by` words further on.
    fn moved(self, by: u32) -> Self {
        let to = |start: u32| if start == NONE { NONE } else { start + by };
        Self {
            positions: to(self.positions),
            previous: to(self.previous),
            normals: to(self.normals),
            tangents: to(self.tangents),
            uv0: to(self.uv0),
            uv1: to(self.uv1),
            colors: to(self.colors),
            ..self
        }
    }
}

/// A direction as octahedral coordinates, two snorm16 (Cigolle et al. 2014). Need not be of unit length.
fn pack_direction([x, y, z]: [f32; 3]) -> u32 {
    let sum = x.abs() + y.abs() + z.abs();
    if !(sum > 0.0 && sum.is_finite()) {
        return 0;
    }
    let (mut u, mut v) = (x / sum, y / sum);
    if z < 0.0 {
        (u, v) = ((1.0 - v.abs()).copysign(u), (1.0 - u.abs()).copysign(v));
    }
    let snorm = |c: f32| (c.clamp(-1.0, 1.0) * 32767.0).round() as i16 as u16;
    u32::from(snorm(u)) | u32::from(snorm(v)) << 16
}

fn unorm16x2(a: f32, b: f32) -> u32 {
    let unorm = |c: f32| (c.clamp(0.0, 1.0) * 65535.0).round() as u16;
    u32::from(unorm(a)) | u32::from(unorm(b)) << 16
}

#[cfg(test)]
mod tests {
    use glam::{Vec2, Vec3};

    use super::*;

    /// The shader's `octahedral(unpackSnorm2x16(word))`.
    fn unpack_direction(word: u32) -> Vec3 {
        let snorm = |half: u32| (f32::from(half as u16 as i16) / 32767.0).clamp(-1.0, 1.0);
        let e = Vec2::new(snorm(word & 0xffff), snorm(word >> 16));
        let mut v = Vec3::new(e.x, e.y, 1.0 - e.x.abs() - e.y.abs());
        let t = (-v.z).max(0.0);
        v.x += if v.x >= 0.0 { -t } else { t };
        v.y += if v.y >= 0.0 { -t } else { t };
        v.normalize()
    }

    #[test]
    fn directions_survive_packing_within_a_hundredth_of_a_degree() {
        for i in 0..=40 {
            for j in 0..=40 {
                let (u, v) = (
                    i as f32 / 20.0 - 1.0,
                    j as f32 / 20.0 * std::f32::consts::PI,
                );
                let r = (1.0 - u * u).sqrt();
                let d = Vec3::new(r * v.cos(), u, r * v.sin());
                // The arc cosine of a number near 1 is too coarse.
                let angle = unpack_direction(pack_direction(d.into()))
                    .cross(d)
                    .length()
                    .asin();
                assert!(
                    angle.to_degrees() < 0.01,
                    "{d} is off by {} degrees",
                    angle.to_degrees()
                );
            }
        }
    }

    #[test]
    fn hostile_directions_pack_to_something() {
        for n in [
            [0.0; 3],
            [f32::NAN; 3],
            [f32::INFINITY, 0.0, 0.0],
            [f32::MAX; 3],
        ] {
            assert!(unpack_direction(pack_direction(n)).is_finite(), "{n:?}");
        }
    }

    #[test]
    fn more_than_two_uv_sets_lie_one_behind_the_other() {
        let sets = |lens: &[usize]| {
            let uvs = lens.iter().map(|&len| vec![[0.5; 2]; len]).collect();
            Packed::new(&Mesh {
                positions: vec![[0.0; 3]; 3],
                uvs,
                indices: vec![0, 1, 2],
                ..Mesh::default()
            })
        };
        let one = sets(&[3]);
        assert_eq!((one.info.uv1, one.info.flags), (NONE, 0));
        assert_eq!(sets(&[3, 3]).info.flags, 0);
        let four = sets(&[0, 3, 0, 3]);
        assert_eq!(four.info.flags, 4 << MESH_UV_SETS_SHIFT);
        assert_eq!(four.info.uv1 - four.info.uv0, 6, "words a set");
        assert_eq!(four.words.len(), 1 + 9 + 4 * 6);
        let last = &four.words[four.info.uv0 as usize + 18..];
        assert_eq!(last, [0.5_f32.to_bits(); 6]);
    }

    #[test]
    fn absent_attributes_take_no_room() {
        let mesh = Mesh {
            positions: vec![[0.0; 3]; 3],
            indices: vec![0, 1, 2],
            ..Mesh::default()
        };
        let packed = Packed::new(&mesh);
        assert_eq!(packed.words.len(), 1 + 9);
        assert_eq!(
            (
                packed.info.positions,
                packed.info.normals,
                packed.info.colors
            ),
            (1, NONE, NONE)
        );
        assert_eq!(packed.info.moved(100).positions, 101);
        assert_eq!(packed.info.moved(100).normals, NONE);
    }
}
