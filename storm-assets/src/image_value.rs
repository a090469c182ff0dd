//! Pictures and how they are sampled.

use std::fmt;

/// How the bytes of one pixel are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// Four bytes: red, green, blue, straight (not premultiplied) alpha.
    ///
    /// Whether the colour is sRGB-encoded or linear is said by the [`Material`](crate::Material) slot that uses the
    /// picture, not by the picture.
    Rgba8,
}

impl PixelFormat {
    /// Bytes of one pixel.
    #[must_use]
    pub const fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Rgba8 => 4,
        }
    }
}

/// A decoded picture: rows from top to bottom, pixels from left to right, no padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    width: u32,
    height: u32,
    format: PixelFormat,
    pixels: Vec<u8>,
}

/// The bytes do not make a picture of that size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageError {
    width: u32,
    height: u32,
    found: usize,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            width,
            height,
            found,
        } = self;
        write!(
            f,
            "{found} bytes do not make an image of {width}×{height} pixels (sides of 1 to {})",
            Image::SIDE_MAX
        )
    }
}

impl std::error::Error for ImageError {}

impl Image {
    /// The longest side that an image may have.
    pub const SIDE_MAX: u32 = 16_384;

    /// An image from its pixels.
    ///
    /// # Errors
    /// When a side is 0 or over [`Image::SIDE_MAX`], or `pixels` is not `width × height × bytes_per_pixel` long.
    pub fn new(
        width: u32,
        height: u32,
        format: PixelFormat,
        pixels: Vec<u8>,
    ) -> Result<Self, ImageError> {
        let side = 1..=Self::SIDE_MAX;
        let len = width as usize * height as usize * format.bytes_per_pixel();
        if !side.contains(&width) || !side.contains(&height) || pixels.len() != len {
            return Err(ImageError {
                width,
                height,
                found: pixels.len(),
            });
        }
        Ok(Self {
            width,
            height,
            format,
            pixels,
        })
    }

    /// A 1×1 image of one colour.
    #[must_use]
    pub fn solid(rgba: [u8; 4]) -> Self {
        Self {
            width: 1,
            height: 1,
            format: PixelFormat::Rgba8,
            pixels: rgba.to_vec(),
        }
    }

    /// Width in pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Layout of one pixel.
    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// The bytes, rows from top to bottom.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}×{} {:?})", self.width, self.height, self.format)
    }
}

/// What a texture shows outside of 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wrap {
    /// It repeats.
    #[default]
    Repeat,
    /// It repeats, every second time mirrored.
    MirroredRepeat,
    /// Its edge goes on.
    ClampToEdge,
}

/// How a texture is looked up between its pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Weighted by distance.
    #[default]
    Linear,
}

/// How a texture is looked up between its mip levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MipFilter {
    /// The full picture only.
    None,
    /// The nearest level.
    Nearest,
    /// Weighted between two levels.
    #[default]
    Linear,
}

/// How a texture is sampled. The default is trilinear and repeats, as in glTF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sampler {
    /// Along U.
    pub wrap_u: Wrap,
    /// Along V.
    pub wrap_v: Wrap,
    /// Where a pixel of the texture is larger than one on the screen.
    pub mag: Filter,
    /// Where it is smaller.
    pub min: Filter,
    /// Between mip levels.
    pub mip: MipFilter,
}
