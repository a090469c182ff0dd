//! Tangents after MikkTSpace, the convention that normal maps are baked for.
//!
//! The algorithm is that of `bevy_mikktspace`, with its two corrections (welding and edge order) on: the reference code's own variants are
//! quadratic on hostile meshes. Two more guards are ours: triangles without area are not handed over (their treatment is quadratic),
//! and a corner where very many triangles meet is refused (the recursion follows them round it).

use std::fmt;

use glam::{Vec2, Vec3};

use crate::{Mesh, Topology};

/// Why a mesh cannot have tangents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TangentError {
    /// It is not made of triangles.
    NotTriangles,
    /// It has no normals.
    NoNormals,
    /// It does not have this UV set.
    NoUvs {
        /// The set asked for.
        uv_set: usize,
    },
    /// More triangles meet in one point than [`TangentError::TRIANGLES_AT_A_POINT_MAX`].
    Crowded {
        /// How many.
        triangles: usize,
    },
}

impl TangentError {
    /// As many triangles may meet in one point.
    pub const TRIANGLES_AT_A_POINT_MAX: usize = 1024;
}

impl fmt::Display for TangentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTriangles => f.write_str("tangents need triangles"),
            Self::NoNormals => f.write_str("tangents need normals"),
            Self::NoUvs { uv_set } => {
                write!(f, "tangents need UV set {uv_set}, which is not there")
            }
            Self::Crowded { triangles } => write!(
                f,
                "tangents need at most {} triangles at a point, found {triangles}",
                Self::TRIANGLES_AT_A_POINT_MAX
            ),
        }
    }
}

impl std::error::Error for TangentError {}

/// The corners of the triangles that have an area on the surface and on the texture.
struct Corners<'m> {
    mesh: &'m Mesh,
    uvs: &'m [[f32; 2]],
    /// Numbers of the triangles handed over.
    triangles: Vec<u32>,
    /// For each corner of the mesh, its tangent.
    tangents: Vec<Option<[f32; 4]>>,
}

impl Corners<'_> {
    fn corner(&self, face: usize, corner: usize) -> usize {
        self.triangles[face] as usize * 3 + corner
    }

    fn vertex(&self, face: usize, corner: usize) -> usize {
        self.mesh.indices[self.corner(face, corner)] as usize
    }
}

impl bevy_mikktspace::Geometry for Corners<'_> {
    fn num_faces(&self) -> usize {
        self.triangles.len()
    }

    fn num_vertices_of_face(&self, _face: usize) -> usize {
        3
    }

    fn position(&self, face: usize, vert: usize) -> [f32; 3] {
        self.mesh.positions[self.vertex(face, vert)]
    }

    fn normal(&self, face: usize, vert: usize) -> [f32; 3] {
        self.mesh.normals[self.vertex(face, vert)]
    }

    fn tex_coord(&self, face: usize, vert: usize) -> [f32; 2] {
        // MikkTSpace has V grow upwards; ours grows downwards, and glTF asks for the bitangent of the flipped one.
        let [u, v] = self.uvs[self.vertex(face, vert)];
        [u, 1.0 - v]
    }

    fn set_tangent(
        &mut self,
        tangent_space: Option<bevy_mikktspace::TangentSpace>,
        face: usize,
        vert: usize,
    ) {
        let corner = self.corner(face, vert);
        // Tangents that cancel out, or coordinates at the end of the range, give none of unit length.
        self.tangents[corner] = tangent_space
            .map(|space| space.tangent_encoded())
            .filter(|[x, y, z, _]| (Vec3::new(*x, *y, *z).length_squared() - 1.0).abs() < 0.01);
    }
}

impl Mesh {
    /// Sets the tangents of a triangle mesh after MikkTSpace, for a normal texture on `uv_set`. Vertices whose triangles do not
    /// agree are split; the new ones go to the end.
    ///
    /// Memory: about 400 bytes a triangle while it runs. Cost: O(triangles · log triangles).
    ///
    /// # Errors
    /// When the mesh lacks what tangents come from; it is unchanged then.
    ///
    /// # Panics
    /// When the mesh is not well-formed: see [`Mesh::check`].
    ///
    /// ```
    /// use storm_assets::Mesh;
    ///
    /// let mut mesh = Mesh {
    ///     positions: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    ///     normals: vec![[0.0, 0.0, 1.0]; 3],
    ///     uvs: vec![vec![[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]],
    ///     indices: vec![0, 1, 2],
    ///     ..Default::default()
    /// };
    /// mesh.generate_tangents(0)?;
    /// assert_eq!(mesh.tangents, [[1.0, 0.0, 0.0, 1.0]; 3]);
    /// # Ok::<(), storm_assets::TangentError>(())
    /// ```
    pub fn generate_tangents(&mut self, uv_set: usize) -> Result<(), TangentError> {
        if self.topology != Topology::Triangles {
            return Err(TangentError::NotTriangles);
        }
        if self.normals.is_empty() {
            return Err(TangentError::NoNormals);
        }
        let uvs = self
            .uvs
            .get(uv_set)
            .filter(|uvs| !uvs.is_empty())
            .ok_or(TangentError::NoUvs { uv_set })?;
        let triangles = textured_triangles(self, uvs);
        let crowd = crowd(self, &triangles);
        if crowd > TangentError::TRIANGLES_AT_A_POINT_MAX {
            return Err(TangentError::Crowded { triangles: crowd });
        }
        let mut corners = Corners {
            mesh: self,
            uvs,
            triangles,
            tangents: vec![None; self.indices.len()],
        };
        // Its error type has no values today; tangents that were not set fall back below.
        drop(bevy_mikktspace::generate_tangents(&mut corners));
        let tangents = corners.tangents;
        let (order, indices, tangents) = split(self, &tangents);
        let mut split = self.rearranged(&order);
        split.indices = indices;
        split.tangents = tangents;
        *self = split;
        Ok(())
    }
}

/// The triangles with an area both in space and on the texture.
fn textured_triangles(mesh: &Mesh, uvs: &[[f32; 2]]) -> Vec<u32> {
    (0..)
        .zip(mesh.indices.chunks_exact(3))
        .filter(|(_, corners)| {
            let vertices = [corners[0], corners[1], corners[2]].map(|v| v as usize);
            let [a, b, c] = vertices.map(|v| Vec3::from(mesh.positions[v]));
            let [s, t, u] = vertices.map(|v| Vec2::from(uvs[v]));
            let area = (b - a).cross(c - a).length_squared();
            let texture_area = (t - s).perp_dot(u - s);
            // Infinite ones are left out, too: nothing sensible comes from them.
            area.is_normal() && texture_area.is_normal()
        })
        .map(|(triangle, _)| triangle)
        .collect()
}

/// The most triangles that meet in one point.
fn crowd(mesh: &Mesh, triangles: &[u32]) -> usize {
    let mut points: Vec<[u32; 3]> = triangles
        .iter()
        .flat_map(|&triangle| &mesh.indices[triangle as usize * 3..][..3])
        // Adding 0 makes -0 and 0 one point.
        .map(|&vertex| mesh.positions[vertex as usize].map(|x| (x + 0.0).to_bits()))
        .collect();
    points.sort_unstable();
    points
        .chunk_by(|a, b| a == b)
        .map(<[_]>::len)
        .max()
        .unwrap_or(0)
}

/// The vertices to take, the indices into them, and the tangent of each: one vertex for each tangent that corners of an old vertex got.
fn split(mesh: &Mesh, tangents: &[Option<[f32; 4]>]) -> (Vec<u32>, Vec<u32>, Vec<[f32; 4]>) {
    let vertices = mesh.positions.len();
    let mut order: Vec<u32> = (0..).take(vertices).collect();
    let mut chosen: Vec<Option<[f32; 4]>> = vec![None; vertices];
    // Where the next copy of a vertex is, as a list; 0 ends it, for copies come after the originals.
    let mut next: Vec<u32> = vec![0; vertices];
    let mut indices = mesh.indices.clone();
    for (index, tangent) in indices.iter_mut().zip(tangents) {
        let Some(tangent) = tangent else {
            continue;
        };
        let mut at = *index as usize;
        loop {
            match chosen[at] {
                None => {
                    chosen[at] = Some(*tangent);
                    break;
                }
                Some(same) if same == *tangent => break,
                Some(_) if next[at] != 0 => at = next[at] as usize,
                Some(_) => {
                    let Ok(copy) = u32::try_from(order.len()) else {
                        break;
                    };
                    next[at] = copy;
                    next.push(0);
                    order.push(*index);
                    chosen.push(Some(*tangent));
                    at = copy as usize;
                    break;
                }
            }
        }
        *index = at as u32;
    }
    let tangents = chosen
        .into_iter()
        .zip(&order)
        .map(|(tangent, &vertex)| {
            tangent.unwrap_or_else(|| {
                // No triangle with an area: any tangent across the normal.
                let normal = Vec3::from(mesh.normals[vertex as usize]);
                let [x, y, z] = normal
                    .try_normalize()
                    .map_or(Vec3::X, Vec3::any_orthonormal_vector)
                    .to_array();
                [x, y, z, 1.0]
            })
        })
        .collect();
    (order, indices, tangents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quad() -> Mesh {
        Mesh {
            positions: vec![
                [0.0, 0.0, 0.0],
                [1.0, 0.0, 0.0],
                [0.0, 1.0, 0.0],
                [1.0, 1.0, 0.0],
            ],
            normals: vec![[0.0, 0.0, 1.0]; 4],
            uvs: vec![vec![[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]]],
            indices: vec![0, 1, 2, 2, 1, 3],
            ..Mesh::default()
        }
    }

    #[test]
    fn a_shared_edge_stays_shared() {
        let mut mesh = quad();
        mesh.generate_tangents(0).unwrap();
        assert_eq!(mesh.positions.len(), 4);
        assert_eq!(mesh.tangents, [[1.0, 0.0, 0.0, 1.0]; 4]);
    }

    #[test]
    fn vertices_are_split_where_the_texture_is_mirrored() {
        let mut mesh = quad();
        // The far corner folds the texture back: the second triangle is mirrored.
        mesh.uvs[0][3] = [0.0, 1.0];
        mesh.uvs[0][0] = [0.0, 1.0];
        mesh.generate_tangents(0).unwrap();
        assert_eq!(mesh.check(), Ok(()));
        assert_eq!(
            mesh.positions.len(),
            6,
            "two corners are shared and must be split"
        );
        let signs: Vec<f32> = mesh
            .indices
            .iter()
            .map(|&i| mesh.tangents[i as usize][3])
            .collect();
        assert_eq!(signs[..3], [1.0; 3]);
        assert_eq!(signs[3..], [-1.0; 3]);
    }

    #[test]
    fn what_has_no_area_gets_some_unit_tangent() {
        let mut mesh = quad();
        mesh.uvs[0] = vec![[0.5, 0.5]; 4];
        mesh.generate_tangents(0).unwrap();
        for [x, y, z, w] in mesh.tangents {
            assert!((Vec3::new(x, y, z).length() - 1.0).abs() < 1e-6 && z == 0.0 && w == 1.0);
        }
    }

    #[test]
    fn a_crowded_point_is_refused_rather_than_recursed_into() {
        let n = 1025;
        let rim = |i: u32| {
            let angle = i as f32 / n as f32 * std::f32::consts::TAU;
            [angle.cos(), angle.sin(), 0.0]
        };
        let mut mesh = Mesh {
            positions: std::iter::once([0.0; 3]).chain((0..n).map(rim)).collect(),
            indices: (0..n).flat_map(|i| [0, 1 + i, 1 + (i + 1) % n]).collect(),
            ..Mesh::default()
        };
        mesh.normals = vec![[0.0, 0.0, 1.0]; mesh.positions.len()];
        mesh.uvs = vec![mesh.positions.iter().map(|[x, y, _]| [*x, *y]).collect()];
        let before = mesh.clone();
        assert_eq!(
            mesh.generate_tangents(0),
            Err(TangentError::Crowded { triangles: 1025 })
        );
        assert_eq!(mesh, before);
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut mesh = quad();
        assert_eq!(
            mesh.generate_tangents(1),
            Err(TangentError::NoUvs { uv_set: 1 })
        );
        mesh.normals.clear();
        assert_eq!(mesh.generate_tangents(0), Err(TangentError::NoNormals));
        mesh.topology = Topology::Lines;
        assert_eq!(mesh.generate_tangents(0), Err(TangentError::NotTriangles));
    }
}
