//! Vertices in 8 and 16 bits (KHR_mesh_quantization).
//!
//! Positions are on a grid of its own for each mesh, as wide along all axes, so that normals stay what they are. One more node below
//! each that shows the mesh undoes it. Meshes that a skin moves or that stand in many places keep their positions as they are: what is
//! between them and their vertices is not a node. So do meshes that share a geometry and would have it on different grids.

use std::collections::{BTreeMap, BTreeSet};

use glam::Vec3;

use super::{
    WriteError, Writer,
    binary::{Component, Layout, Use},
};
use crate::{
    Bounds, Handle, Mesh,
    gltf::{Gltf, MeshGroup},
};

/// Where the whole numbers of positions are, in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    /// The place of 0.
    pub(super) origin: Vec3,
    /// The distance from 0 to 1, over 0: normalised numbers reach from 0 to 1.
    pub(super) size: f32,
}

impl Grid {
    /// The grid around all primitives of each mesh; `None` where it keeps its positions. Cost: O(nodes + primitives + vertices).
    pub(super) fn of_meshes(file: &Gltf) -> Vec<Option<Self>> {
        let mut keeps = vec![false; file.meshes.len()];
        for node in &file.nodes {
            if (node.skin.is_some() || !node.instances.is_empty())
                && let Some(keeps) = node.mesh.and_then(|mesh| keeps.get_mut(mesh))
            {
                *keeps = true;
            }
        }
        let mut extents = BTreeMap::new();
        let mut grids: Vec<Option<Self>> = file
            .meshes
            .iter()
            .zip(keeps)
            .map(|(group, keeps)| match keeps {
                true => None,
                false => Self::around(file, group, &mut extents),
            })
            .collect();
        // Geometries that several meshes would put on different grids would be stored once for each of them.
        let mut first = BTreeMap::new();
        let mut torn = BTreeSet::new();
        let each = || file.meshes.iter().map(|group| &group.primitives);
        for (primitives, grid) in each().zip(&grids) {
            for primitive in primitives {
                if grid.is_some() && *first.entry(primitive.mesh).or_insert(*grid) != *grid {
                    torn.insert(primitive.mesh);
                }
            }
        }
        for (primitives, grid) in each().zip(&mut grids) {
            if primitives.iter().any(|one| torn.contains(&one.mesh)) {
                *grid = None;
            }
        }
        grids
    }

    /// The grid around a mesh. `extents`: the box of each geometry, and how far its morph targets move.
    fn around(
        file: &Gltf,
        group: &MeshGroup,
        extents: &mut BTreeMap<Handle<Mesh>, (Bounds, f32)>,
    ) -> Option<Self> {
        let mut bounds = Bounds::EMPTY;
        let mut largest = 0f32;
        for primitive in &group.primitives {
            let mesh = file.library.meshes.get(primitive.mesh)?;
            let (own, moved) = *extents.entry(primitive.mesh).or_insert_with(|| {
                let targets = mesh.morph_targets.iter();
                let moved = targets
                    .flat_map(|target| &target.positions)
                    .map(|by| Vec3::from(*by).abs().max_element());
                (mesh.bounds(), moved.fold(0f32, f32::max))
            });
            bounds = bounds.union(own);
            largest = largest.max(moved);
        }
        let size = (bounds.max - bounds.min).max_element().max(largest);
        (bounds.min.is_finite() && size.is_finite() && size > 1e-30).then_some(Self {
            origin: bounds.min,
            size,
        })
    }
}

const fn layout(component: Component, shape: &'static str) -> Layout {
    Layout {
        component,
        shape,
        normalized: true,
        usage: Use::Vertices,
    }
}

fn unsigned(value: f32) -> u16 {
    (value.clamp(0.0, 1.0) * 65_535.0).round() as u16
}

/// A whole number would stand for what is not finite, and nobody would know.
fn finite<const N: usize>(
    values: &[[f32; N]],
    what: impl FnOnce() -> String,
) -> Result<(), WriteError> {
    match values.as_flattened().iter().all(|value| value.is_finite()) {
        true => Ok(()),
        false => Err(WriteError::NotFinite { what: what() }),
    }
}

impl Writer<'_> {
    fn quantized(&mut self) {
        self.used.insert("KHR_mesh_quantization".to_owned());
        self.required.insert("KHR_mesh_quantization".to_owned());
    }

    pub(super) fn grid_positions(
        &mut self,
        grid: &Grid,
        positions: &[[f32; 3]],
        by: &str,
    ) -> Result<usize, WriteError> {
        finite(positions, || format!("positions of {by}"))?;
        self.quantized();
        let words = positions.iter().map(|position| {
            let [x, y, z] = ((Vec3::from(*position) - grid.origin) / grid.size)
                .to_array()
                .map(unsigned);
            [x, y, z, 0]
        });
        let words: Vec<[u16; 4]> = words.collect();
        let range = words.iter().fold(
            (vec![f32::INFINITY; 3], vec![0f32; 3]),
            |(mut min, mut max), word| {
                for axis in 0..3 {
                    min[axis] = min[axis].min(f32::from(word[axis]));
                    max[axis] = max[axis].max(f32::from(word[axis]));
                }
                (min, max)
            },
        );
        self.words(&words, layout(Component::U16, "VEC3"), Some(range), by)
    }

    pub(super) fn grid_displacements(
        &mut self,
        grid: &Grid,
        vectors: &[[f32; 3]],
        by: &str,
    ) -> Result<usize, WriteError> {
        finite(vectors, || format!("a morph target of {by}"))?;
        self.quantized();
        let words = vectors.iter().map(|vector| {
            let signed = |value: f32| (value.clamp(-1.0, 1.0) * 32_767.0).round();
            let [x, y, z] = (Vec3::from(*vector) / grid.size).to_array().map(signed);
            [x, y, z]
        });
        let words: Vec<[f32; 3]> = words.collect();
        let range = words.iter().fold(
            (vec![f32::INFINITY; 3], vec![f32::NEG_INFINITY; 3]),
            |(mut min, mut max), word| {
                for axis in 0..3 {
                    min[axis] = min[axis].min(word[axis]);
                    max[axis] = max[axis].max(word[axis]);
                }
                (min, max)
            },
        );
        let words: Vec<[u16; 4]> = words
            .iter()
            .map(|[x, y, z]| [*x, *y, *z, 0.0].map(|value| value as i16 as u16))
            .collect();
        self.words(&words, layout(Component::I16, "VEC3"), Some(range), by)
    }

    fn words(
        &mut self,
        words: &[[u16; 4]],
        layout: Layout,
        range: Option<super::binary::Range>,
        by: &str,
    ) -> Result<usize, WriteError> {
        let bytes: Vec<u8> = words
            .as_flattened()
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        self.binary
            .accessor(&bytes, words.len(), layout, range, || by.to_owned())
    }

    /// Unit vectors of three or four components, in signed bytes.
    pub(super) fn small_vectors<const N: usize>(
        &mut self,
        vectors: &[[f32; N]],
        by: &str,
    ) -> Result<usize, WriteError> {
        finite(vectors, || format!("normals or tangents of {by}"))?;
        self.quantized();
        let bytes = vectors.iter().flat_map(|vector| {
            let mut bytes = [0u8; 4];
            for (byte, value) in bytes.iter_mut().zip(vector) {
                *byte = (value.clamp(-1.0, 1.0) * 127.0).round() as i8 as u8;
            }
            bytes
        });
        let bytes: Vec<u8> = bytes.collect();
        let shape = if N == 3 { "VEC3" } else { "VEC4" };
        self.binary.accessor(
            &bytes,
            vectors.len(),
            layout(Component::I8, shape),
            None,
            || by.to_owned(),
        )
    }

    /// UVs within the picture in 16 bits, others as they are.
    pub(super) fn small_uvs(&mut self, uvs: &[[f32; 2]], by: &str) -> Result<usize, WriteError> {
        let within = uvs
            .as_flattened()
            .iter()
            .all(|value| (0.0..=1.0).contains(value));
        if !within {
            return self
                .binary
                .floats(uvs, Layout::floats("VEC2", Use::Vertices), false, || {
                    format!("UVs of {by}")
                });
        }
        // Normalised UVs of 16 bits are core glTF.
        let bytes: Vec<u8> = uvs
            .as_flattened()
            .iter()
            .flat_map(|value| unsigned(*value).to_le_bytes())
            .collect();
        self.binary.accessor(
            &bytes,
            uvs.len(),
            layout(Component::U16, "VEC2"),
            None,
            || by.to_owned(),
        )
    }

    /// Colours in 16 bits, for they are linear and dark ones would band in 8.
    pub(super) fn small_colors(
        &mut self,
        colors: &[[f32; 4]],
        by: &str,
    ) -> Result<usize, WriteError> {
        if !colors
            .as_flattened()
            .iter()
            .all(|value| (0.0..=1.0).contains(value))
        {
            return self.binary.floats(
                colors,
                Layout::floats("VEC4", Use::Vertices),
                false,
                || format!("colours of {by}"),
            );
        }
        let words: Vec<[u16; 4]> = colors.iter().map(|color| color.map(unsigned)).collect();
        self.words(&words, layout(Component::U16, "VEC4"), None, by)
    }
}
