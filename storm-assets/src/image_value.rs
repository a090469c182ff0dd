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

    /// The picture at half the size, sides rounded down to 1 at least: each pixel is the mean of those that it covers. Colours are averaged as light
    /// where the picture is `srgb`, and weighted by alpha, so that invisible ones do not bleed. Cost: one look at each pixel.
    #[must_use]
    pub fn halved(&self, srgb: bool) -> Self {
        let to_linear: Vec<f32> = (0..=255u8).map(|value| linear(value, srgb)).collect();
        let (width, height) = ((self.width / 2).max(1), (self.height / 2).max(1));
        let mut pixels = Vec::with_capacity(width as usize * height as usize * 4);
        // What a side of odd length has over belongs to the last pixel.
        let covered = |at: u32, half: u32, full: u32| {
            let end = if at + 1 == half { full } else { at * 2 + 2 };
            (at * 2).min(full - 1)..end
        };
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0f32; 4];
                let mut plain = [0f32; 3];
                let mut count = 0f32;
                for from_y in covered(y, height, self.height) {
                    for from_x in covered(x, width, self.width) {
                        let at = (from_y as usize * self.width as usize + from_x as usize) * 4;
                        let alpha = f32::from(self.pixels[at + 3]);
                        for channel in 0..3 {
                            let light = to_linear[usize::from(self.pixels[at + channel])];
                            sum[channel] += light * alpha;
                            plain[channel] += light;
                        }
                        sum[3] += alpha;
                        count += 1.0;
                    }
                }
                for channel in 0..3 {
                    let visible = sum[3] > 0.0;
                    let light = if visible {
                        sum[channel] / sum[3]
                    } else {
                        plain[channel] / count
                    };
                    pixels.push(stored(light, srgb));
                }
                pixels.push((sum[3] / count).round() as u8);
            }
        }
        Self {
            width,
            height,
            format: self.format,
            pixels,
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

/// A stored channel as light, 0 to 1 (IEC 61966-2-1).
fn linear(value: u8, srgb: bool) -> f32 {
    let value = f32::from(value) / 255.0;
    match srgb {
        false => value,
        true if value <= 0.040_45 => value / 12.92,
        true => ((value + 0.055) / 1.055).powf(2.4),
    }
}

/// The other way round.
fn stored(light: f32, srgb: bool) -> u8 {
    let value = match srgb {
        false => light,
        true if light <= 0.003_130_8 => light * 12.92,
        true => 1.055 * light.powf(1.0 / 2.4) - 0.055,
    };
    (value * 255.0).round() as u8
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
