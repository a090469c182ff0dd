//! Meshes: one list of vertices, one list of indices, one material's worth of surface.

use glam::{Mat4, Vec3};

/// What three, two or one indices make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topology {
    /// One index a point.
    Points,
    /// Two indices a line. Strips and loops are spelt out on reading.
    Lines,
    /// Three indices a triangle, counter-clockwise seen from its front. Strips and fans are spelt out on reading.
    #[default]
    Triangles,
}

impl Topology {
    /// Indices of one primitive.
    #[must_use]
    pub const fn indices_per_primitive(self) -> usize {
        match self {
            Self::Points => 1,
            Self::Lines => 2,
            Self::Triangles => 3,
        }
    }
}

/// An axis-aligned box, in the mesh's own space. [`Bounds::EMPTY`] holds nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Smallest corner, metres.
    pub min: Vec3,
    /// Largest corner, metres.
    pub max: Vec3,
}

impl Bounds {
    /// Holds no point: joining it with another box gives the other box.
    pub const EMPTY: Self = Self {
        min: Vec3::INFINITY,
        max: Vec3::NEG_INFINITY,
    };

    /// The smallest box around the points; [`Bounds::EMPTY`] for none.
    pub fn around(points: impl IntoIterator<Item = Vec3>) -> Self {
        points.into_iter().fold(Self::EMPTY, |b, p| Self {
            min: b.min.min(p),
            max: b.max.max(p),
        })
    }

    /// The smallest box around both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// Whether it holds no point.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.min.cmpgt(self.max).any()
    }

    /// Its middle; not a number when empty.
    #[must_use]
    pub fn center(self) -> Vec3 {
        (self.min + self.max) * 0.5
    }

    /// Half its diagonal, metres; 0 when empty.
    #[must_use]
    pub fn radius(self) -> f32 {
        if self.is_empty() {
            0.0
        } else {
            (self.max - self.min).length() * 0.5
        }
    }

    /// The smallest box around this one's eight corners after `transform`.
    #[must_use]
    pub fn transformed(self, transform: Mat4) -> Self {
        if self.is_empty() {
            return self;
        }
        Self::around((0..8).map(|corner| {
            let pick = |axis: usize| {
                if corner >> axis & 1 == 0 {
                    self.min[axis]
                } else {
                    self.max[axis]
                }
            };
            transform.transform_point3(Vec3::new(pick(0), pick(1), pick(2)))
        }))
    }
}

/// Displacements that a weight scales and adds to the vertices. Empty lists displace nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MorphTarget {
    /// Added to positions, metres.
    pub positions: Vec<[f32; 3]>,
    /// Added to normals.
    pub normals: Vec<[f32; 3]>,
    /// Added to the XYZ of tangents.
    pub tangents: Vec<[f32; 3]>,
}

/// Vertices and indices with one material: a glTF primitive.
///
/// Every attribute list is either empty (absent) or as long as `positions`; [`Mesh::check`] says whether that holds.
/// Right-handed, +Y up, metres; fronts are counter-clockwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// For people; need not be unique.
    pub name: String,
    /// What the indices make.
    pub topology: Topology,
    /// Metres.
    pub positions: Vec<[f32; 3]>,
    /// Unit length.
    pub normals: Vec<[f32; 3]>,
    /// XYZ unit length, W ±1: the bitangent is `cross(normal, tangent.xyz) * tangent.w`.
    pub tangents: Vec<[f32; 4]>,
    /// UV sets, (0, 0) at the top left of the picture.
    pub uvs: Vec<Vec<[f32; 2]>>,
    /// Linear RGBA, multiplied with the base colour.
    pub colors: Vec<[f32; 4]>,
    /// Joint indices into the skin of the entity, one list a set of four influences.
    pub joints: Vec<Vec<[u16; 4]>>,
    /// Weights for `joints`, which sum to 1 over all sets.
    pub weights: Vec<Vec<[f32; 4]>>,
    /// Morph targets.
    pub morph_targets: Vec<MorphTarget>,
    /// Weights of the morph targets where the entity has none of its own.
    pub morph_weights: Vec<f32>,
    /// Indices into the vertices, [`Topology::indices_per_primitive`] each primitive.
    pub indices: Vec<u32>,
    /// The same surface with fewer primitives, finer before coarser; `indices` is the finest. Vertices that only a coarser level
    /// uses stand among the others.
    pub levels: Vec<MeshLevel>,
}

/// A coarser level of a mesh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeshLevel {
    /// Indices into the vertices of the mesh.
    pub indices: Vec<u32>,
    /// How far its surface is from the finest one at most, metres, in the mesh's own space.
    pub error: f32,
}

/// Why a [`Mesh`] is not well-formed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MeshError {
    /// An attribute is there for some vertices and not for others.
    Length {
        /// Which attribute.
        attribute: &'static str,
        /// How many vertices there are.
        expected: usize,
        /// How many of the attribute there are.
        found: usize,
    },
    /// An index points past the vertices.
    Index {
        /// Where in `indices`.
        at: usize,
        /// What it says.
        found: u32,
        /// How many vertices there are.
        vertices: usize,
    },
    /// The indices do not make whole primitives.
    Partial {
        /// How many indices there are.
        found: usize,
        /// What that should be a multiple of.
        multiple_of: usize,
    },
    /// A level has an error that is no length, or one smaller than a finer level.
    Level {
        /// Which of `levels`.
        level: usize,
        /// Its error.
        error: f32,
    },
    /// There are more levels than [`Mesh::LEVELS_MAX`].
    Levels {
        /// How many there are.
        found: usize,
    },
    /// There are more vertices than an index can count.
    TooLarge {
        /// How many there are.
        vertices: usize,
    },
}

impl std::fmt::Display for MeshError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length {
                attribute,
                expected,
                found,
            } => {
                write!(f, "{attribute} has {found} entries for {expected} vertices")
            }
            Self::Index {
                at,
                found,
                vertices,
            } => {
                write!(
                    f,
                    "index {at} is {found}, which is past the {vertices} vertices"
                )
            }
            Self::Partial { found, multiple_of } => {
                write!(f, "{found} indices are not a multiple of {multiple_of}")
            }
            Self::Level { level, error } => {
                write!(
                    f,
                    "level {level} has an error of {error}, which is no length or less than that of a finer one"
                )
            }
            Self::Levels { found } => {
                write!(f, "{found} levels, {} are the limit", Mesh::LEVELS_MAX)
            }
            Self::TooLarge { vertices } => {
                write!(f, "{vertices} vertices are more than an index can count")
            }
        }
    }
}

impl std::error::Error for MeshError {}

impl Mesh {
    /// Levels that a mesh may have beside the finest.
    pub const LEVELS_MAX: usize = 7;

    /// The smallest box around the positions.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds::around(self.positions.iter().copied().map(Vec3::from))
    }

    /// Whether the mesh keeps the promises of its type. Cost: one look at each index.
    ///
    /// # Errors
    /// The first promise it breaks.
    pub fn check(&self) -> Result<(), MeshError> {
        let vertices = self.positions.len();
        if u32::try_from(vertices).is_err() {
            return Err(MeshError::TooLarge { vertices });
        }
        let length = |attribute, found| {
            if found == 0 || found == vertices {
                Ok(())
            } else {
                Err(MeshError::Length {
                    attribute,
                    expected: vertices,
                    found,
                })
            }
        };
        length("normals", self.normals.len())?;
        length("tangents", self.tangents.len())?;
        length("colors", self.colors.len())?;
        self.uvs
            .iter()
            .try_for_each(|set| length("uvs", set.len()))?;
        self.joints
            .iter()
            .try_for_each(|set| length("joints", set.len()))?;
        self.weights
            .iter()
            .try_for_each(|set| length("weights", set.len()))?;
        for target in &self.morph_targets {
            length("morph positions", target.positions.len())?;
            length("morph normals", target.normals.len())?;
            length("morph tangents", target.tangents.len())?;
        }
        self.check_indices(&self.indices)?;
        let found = self.levels.len();
        if found > Self::LEVELS_MAX {
            return Err(MeshError::Levels { found });
        }
        let mut finer = 0.0;
        for (level, MeshLevel { indices, error }) in self.levels.iter().enumerate() {
            self.check_indices(indices)?;
            // Not a number is no length.
            if !(error.is_finite() && *error >= finer) {
                let error = *error;
                return Err(MeshError::Level { level, error });
            }
            finer = *error;
        }
        Ok(())
    }

    fn check_indices(&self, indices: &[u32]) -> Result<(), MeshError> {
        let vertices = self.positions.len();
        let multiple_of = self.topology.indices_per_primitive();
        if !indices.len().is_multiple_of(multiple_of) {
            let found = indices.len();
            return Err(MeshError::Partial { found, multiple_of });
        }
        // The largest decides, many at a time; where it is too large, the first that is has to be found.
        let too_large = |&index: &u32| index as usize >= vertices;
        let largest = indices.iter().copied().max();
        let first = match largest.is_some_and(|largest| too_large(&largest)) {
            true => indices.iter().position(too_large),
            false => None,
        };
        match first {
            Some(at) => Err(MeshError::Index {
                at,
                found: indices[at],
                vertices,
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_of_the_vertices_and_get_coarser() {
        let mesh = |levels: &[(&[u32], f32)]| Mesh {
            positions: vec![[0.0; 3]; 4],
            indices: vec![0, 1, 2],
            levels: levels
                .iter()
                .map(|&(indices, error)| MeshLevel {
                    indices: indices.into(),
                    error,
                })
                .collect(),
            ..Mesh::default()
        };
        let all: &[u32] = &[1, 2, 3];
        for levels in [
            &[][..],
            &[(all, 0.0)],
            &[(all, 0.1), (&[], 0.1), (all, 2.0)],
        ] {
            assert_eq!(mesh(levels).check(), Ok(()));
        }
        for (levels, message) in [
            (
                &[(&[0, 1][..], 0.1)][..],
                "2 indices are not a multiple of 3",
            ),
            (
                &[(all, 0.1), (&[0, 1, 4], 0.2)],
                "index 2 is 4, which is past the 4 vertices",
            ),
            (
                &[(all, 0.2), (all, 0.1)],
                "level 1 has an error of 0.1, which is no length or less than that of a finer one",
            ),
            (
                &[(all, f32::NAN)],
                "level 0 has an error of NaN, which is no length or less than that of a finer one",
            ),
            (
                &[(all, -1.0)],
                "level 0 has an error of -1, which is no length or less than that of a finer one",
            ),
            (&[(all, 0.0); 8], "8 levels, 7 are the limit"),
        ] {
            assert_eq!(mesh(levels).check().unwrap_err().to_string(), message);
        }
    }
}
