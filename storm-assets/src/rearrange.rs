//! Meshes with their vertices in another order, split or repeated.

use glam::Vec3;

use crate::{Mesh, MorphTarget, Topology, unit::unit};

impl Mesh {
    /// A mesh whose vertex `i` is vertex `order[i]` of this one, without indices and levels.
    ///
    /// # Panics
    /// When `order` names a vertex that is not there.
    #[must_use]
    pub fn rearranged(&self, order: &[u32]) -> Self {
        fn pick<T: Copy>(values: &[T], order: &[u32]) -> Vec<T> {
            if values.is_empty() {
                Vec::new()
            } else {
                order
                    .iter()
                    .map(|&vertex| values[vertex as usize])
                    .collect()
            }
        }
        fn sets<T: Copy>(sets: &[Vec<T>], order: &[u32]) -> Vec<Vec<T>> {
            sets.iter().map(|set| pick(set, order)).collect()
        }
        Self {
            name: self.name.clone(),
            topology: self.topology,
            positions: pick(&self.positions, order),
            normals: pick(&self.normals, order),
            tangents: pick(&self.tangents, order),
            uvs: sets(&self.uvs, order),
            colors: pick(&self.colors, order),
            joints: sets(&self.joints, order),
            weights: sets(&self.weights, order),
            morph_targets: self
                .morph_targets
                .iter()
                .map(|target| MorphTarget {
                    positions: pick(&target.positions, order),
                    normals: pick(&target.normals, order),
                    tangents: pick(&target.tangents, order),
                })
                .collect(),
            morph_weights: self.morph_weights.clone(),
            indices: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// Bytes of one vertex over all its attributes.
    #[must_use]
    pub fn bytes_per_vertex(&self) -> usize {
        fn size<T>(values: &[T]) -> usize {
            if values.is_empty() { 0 } else { size_of::<T>() }
        }
        size(&self.positions)
            + size(&self.normals)
            + size(&self.tangents)
            + size(&self.colors)
            + self.uvs.iter().map(|set| size(set)).sum::<usize>()
            + self.joints.iter().map(|set| size(set)).sum::<usize>()
            + self.weights.iter().map(|set| size(set)).sum::<usize>()
            + self
                .morph_targets
                .iter()
                .map(|target| {
                    size(&target.positions) + size(&target.normals) + size(&target.tangents)
                })
                .sum::<usize>()
    }

    /// This mesh with each triangle on vertices of its own, all three with the triangle's normal; tangents are dropped, for
    /// they belong to other normals. A mesh that is not of triangles is given back as it is.
    ///
    /// # Panics
    /// When the mesh is not well-formed: see [`Mesh::check`].
    #[must_use]
    pub fn with_flat_normals(&self) -> Self {
        if self.topology != Topology::Triangles {
            return self.clone();
        }
        let mut flat = self.rearranged(&self.indices);
        flat.tangents = Vec::new();
        flat.normals = flat
            .positions
            .chunks_exact(3)
            .flat_map(|corners| {
                let [a, b, c] = [corners[0], corners[1], corners[2]].map(Vec3::from);
                // A triangle without area has no normal; any unit vector keeps the promise of the type.
                // Of unit edges, for the product of very small or large ones leaves the range.
                let normal = unit(b - a)
                    .zip(unit(c - a))
                    .and_then(|(u, v)| unit(u.cross(v)))
                    .unwrap_or(Vec3::Y)
                    .to_array();
                [normal; 3]
            })
            .collect();
        flat.indices = (0..).take(flat.positions.len()).collect();
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_normals_are_those_of_the_triangles() {
        // Two triangles that share an edge and meet at a right angle.
        let mesh = Mesh {
            positions: vec![
                [0.0, 0.0, 0.0],
                [1.0, 0.0, 0.0],
                [0.0, 1.0, 0.0],
                [0.0, 0.0, 1.0],
            ],
            colors: vec![[0.0; 4], [1.0; 4], [2.0; 4], [3.0; 4]],
            indices: vec![0, 1, 2, 0, 3, 1],
            ..Mesh::default()
        };
        let flat = mesh.with_flat_normals();
        assert_eq!(flat.check(), Ok(()));
        assert_eq!(flat.indices, [0, 1, 2, 3, 4, 5]);
        assert_eq!(flat.normals[..3], [[0.0, 0.0, 1.0]; 3]);
        assert_eq!(flat.normals[3..], [[0.0, 1.0, 0.0]; 3]);
        assert_eq!(flat.colors[4], [3.0; 4]);
    }

    /// Found by fuzzing: the squared length of the normal of a triangle of 1e-10 m lost most of its digits.
    #[test]
    fn a_tiny_triangle_gets_a_unit_normal() {
        for size in [1e-40, 1e-20, 1e-10, 1e10, 1e30] {
            let mesh = Mesh {
                positions: vec![[size, 0.0, 0.0], [0.0, size, 0.0], [0.0, 0.0, size]],
                indices: vec![0, 1, 2],
                ..Mesh::default()
            };
            for normal in mesh.with_flat_normals().normals {
                assert!(
                    (Vec3::from(normal) - Vec3::splat(1.0 / 3f32.sqrt())).length() < 1e-4,
                    "{size}: {normal:?}"
                );
            }
        }
    }

    #[test]
    fn a_triangle_without_area_still_gets_a_unit_normal() {
        let mesh = Mesh {
            positions: vec![[1.0; 3]; 3],
            indices: vec![0, 1, 2],
            ..Mesh::default()
        };
        assert_eq!(mesh.with_flat_normals().normals, [[0.0, 1.0, 0.0]; 3]);
    }
}
