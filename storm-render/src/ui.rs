//! User interfaces as plain values: meshes of triangles in points, and the pictures that they are painted with. Which
//! library made them is nobody's business here.
//!
//! Everything is checked before any of it is taken: what is refused leaves the interface that was there.

use bytemuck::{Pod, Zeroable};

/// The most vertices of an interface.
pub const UI_VERTICES_MAX: usize = 1 << 22;
/// The most indices of an interface.
pub const UI_INDICES_MAX: usize = 3 << 22;
/// The most meshes of an interface.
pub const UI_MESHES_MAX: usize = 1 << 16;

/// A corner of a triangle. Its memory is that of `epaint::Vertex`: 20 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct UiVertex {
    /// Points from the left and from the top.
    pub position: [f32; 2],
    /// Place in the texture: 0, 0 is the top left corner, 1, 1 the bottom right one.
    pub uv: [f32; 2],
    /// Red, green, blue as on a screen (sRGB), each multiplied by alpha; then alpha. Alpha 0 adds light.
    pub color: [u8; 4],
}

/// A rectangle, in points from the left and from the top. It may be endless.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UiRect {
    /// The left top corner.
    pub min: [f32; 2],
    /// The right bottom corner.
    pub max: [f32; 2],
}

impl UiRect {
    /// All there is.
    pub const EVERYTHING: Self = Self {
        min: [f32::NEG_INFINITY; 2],
        max: [f32::INFINITY; 2],
    };
}

/// What a texture of the interface is called: a number that its user chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UiTextureId(pub u64);

/// Triangles with one texture.
#[derive(Clone, Debug, PartialEq)]
pub struct UiMesh {
    /// The corners.
    pub vertices: Vec<UiVertex>,
    /// Three a triangle; either way round.
    pub indices: Vec<u32>,
    /// Nothing is drawn outside of it. Its edges are rounded to whole pixels.
    pub clip: UiRect,
    /// What colours are multiplied by.
    pub texture: UiTextureId,
}

/// What the bytes of a picture are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UiFormat {
    /// Four bytes a pixel: red, green, blue as on a screen (sRGB), each multiplied by alpha; then alpha.
    Color,
    /// One byte a pixel: how much of it is covered. It multiplies all of a vertex's colour.
    Coverage,
}

impl UiFormat {
    /// Bytes of a pixel.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Color => 4,
            Self::Coverage => 1,
        }
    }
}

/// A picture of an interface, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct UiImage {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// What the bytes are.
    pub format: UiFormat,
    /// Rows from the top, without gaps.
    pub pixels: Vec<u8>,
    /// Whether it is smooth where it is drawn larger or smaller; otherwise pixels stay squares.
    pub smooth: bool,
}

/// Why an interface is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UiError {
    /// There are more of something than there may be.
    #[error("{found} {what} are more than {limit}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Pixels a point are out of range.
    #[error("{0} pixels a point are not within 0.01 to 100")]
    PixelsPerPoint(f32),
    /// A position, a place in a texture or an edge of a clip rectangle is no number.
    #[error("{what} of mesh {mesh} is not a number")]
    NotANumber {
        /// Whose it is.
        mesh: usize,
        /// Which.
        what: &'static str,
    },
    /// Indices do not make whole triangles.
    #[error("{found} indices of mesh {mesh} are not three a triangle")]
    Triangles {
        /// Whose they are.
        mesh: usize,
        /// How many there are.
        found: usize,
    },
    /// An index names a vertex that is not there.
    #[error("index {index} of mesh {mesh} is beyond its {vertices} vertices")]
    Index {
        /// Whose it is.
        mesh: usize,
        /// The index.
        index: u32,
        /// How many vertices there are.
        vertices: usize,
    },
    /// A mesh, or an update, names a texture that is not there.
    #[error("there is no texture {}", .0.0)]
    NoTexture(UiTextureId),
    /// A picture has no pixels, or its bytes are not as many as its size says.
    #[error("a picture of {width}×{height} pixels has {found} bytes instead of {expected}")]
    Pixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Bytes that there are.
        found: usize,
        /// Bytes that there should be.
        expected: u64,
    },
    /// A part does not lie within the picture that it should change.
    #[error("{width}×{height} pixels from {x}, {y} on are not within a texture of {of:?}")]
    Outside {
        /// From the left.
        x: u32,
        /// From the top.
        y: u32,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Size of the texture.
        of: [u32; 2],
    },
    /// A part is of another format than the picture that it should change.
    #[error("a part in {found:?} cannot change a texture in {expected:?}")]
    Format {
        /// What the part is.
        found: UiFormat,
        /// What the texture is.
        expected: UiFormat,
    },
}

impl UiImage {
    /// Whether there are as many bytes as the size says.
    pub(crate) fn check(&self) -> Result<(), UiError> {
        // Sides are checked against the device later; what is larger than numbers go is no size at all.
        let pixels = u64::from(self.width) * u64::from(self.height);
        let expected = pixels.saturating_mul(self.format.bytes() as u64);
        if expected == 0 || expected != self.pixels.len() as u64 {
            return Err(UiError::Pixels {
                width: self.width,
                height: self.height,
                found: self.pixels.len(),
                expected,
            });
        }
        Ok(())
    }
}

/// Checks all that can be checked without knowing the textures.
pub(crate) fn check(pixels_per_point: f32, meshes: &[UiMesh]) -> Result<(), UiError> {
    // Not a number is within nothing.
    if !(0.01..=100.0).contains(&pixels_per_point) {
        return Err(UiError::PixelsPerPoint(pixels_per_point));
    }
    let count = |of: fn(&UiMesh) -> usize| meshes.iter().map(of).fold(0, usize::saturating_add);
    for (what, found, limit) in [
        ("meshes", meshes.len(), UI_MESHES_MAX),
        (
            "vertices",
            count(|mesh| mesh.vertices.len()),
            UI_VERTICES_MAX,
        ),
        ("indices", count(|mesh| mesh.indices.len()), UI_INDICES_MAX),
    ] {
        if found > limit {
            return Err(UiError::TooMany { what, found, limit });
        }
    }
    for (number, mesh) in meshes.iter().enumerate() {
        check_mesh(number, mesh)?;
    }
    Ok(())
}

fn check_mesh(number: usize, mesh: &UiMesh) -> Result<(), UiError> {
    let not = |what| UiError::NotANumber { mesh: number, what };
    if [mesh.clip.min, mesh.clip.max]
        .as_flattened()
        .iter()
        .any(|edge| edge.is_nan())
    {
        return Err(not("an edge of the clip rectangle"));
    }
    for vertex in &mesh.vertices {
        // What is endless has no place on a screen.
        if !vertex.position.iter().all(|number| number.is_finite()) {
            return Err(not("a position"));
        }
        if !vertex.uv.iter().all(|number| number.is_finite()) {
            return Err(not("a place in the texture"));
        }
    }
    if !mesh.indices.len().is_multiple_of(3) {
        return Err(UiError::Triangles {
            mesh: number,
            found: mesh.indices.len(),
        });
    }
    let vertices = mesh.vertices.len();
    match mesh
        .indices
        .iter()
        .find(|&&index| index as usize >= vertices)
    {
        Some(&index) => Err(UiError::Index {
            mesh: number,
            index,
            vertices,
        }),
        None => Ok(()),
    }
}
