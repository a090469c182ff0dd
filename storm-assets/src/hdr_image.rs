//! Pictures of radiance, whose values have no upper end: skies above all.

use std::fmt;

use glam::{DVec3, Vec3};

/// A picture of linear RGB radiance: rows from top to bottom, pixels from left to right.
///
/// As a sky it is equirectangular: the middle looks to -Z, the right edge of the right half to +Z by way of +X, the top
/// row is straight up (+Y).
///
/// ```
/// use storm_assets::HdrImage;
///
/// let grey = HdrImage::new(4, 2, vec![[0.5; 3]; 8])?;
/// // A sphere has 4π steradians.
/// let sum = grey.integral();
/// assert!((sum[0] - 0.5 * 4.0 * std::f64::consts::PI).abs() < 1e-9);
/// # Ok::<(), storm_assets::HdrImageError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct HdrImage {
    width: u32,
    height: u32,
    pixels: Vec<[f32; 3]>,
}

/// The values do not make a picture of that size.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum HdrImageError {
    /// A side is 0 or over [`HdrImage::SIDE_MAX`].
    Size {
        /// Width asked for.
        width: u32,
        /// Height asked for.
        height: u32,
    },
    /// There are more or fewer values than pixels.
    Length {
        /// Pixels of the picture.
        expected: usize,
        /// Pixels that were given.
        found: usize,
    },
    /// A value is negative, infinite or no number.
    Value {
        /// The pixel.
        pixel: usize,
        /// What it holds.
        found: [f32; 3],
    },
}

impl fmt::Display for HdrImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { width, height } => write!(
                f,
                "a size of {width}×{height} is not within 1 to {} pixels",
                HdrImage::SIDE_MAX
            ),
            Self::Length { expected, found } => {
                write!(f, "{found} pixels where {expected} are expected")
            }
            Self::Value { pixel, found } => write!(
                f,
                "pixel {pixel} is {found:?}, and radiance is a finite number that is not negative"
            ),
        }
    }
}

impl std::error::Error for HdrImageError {}

impl fmt::Debug for HdrImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HdrImage({}×{})", self.width, self.height)
    }
}

/// A sun that was taken out of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SunSpot {
    /// Towards it, as the picture lies when it is not turned.
    pub direction: Vec3,
    /// Illuminance on a surface that faces it, linear RGB: its radiance over that around it, times its solid angle.
    pub illuminance: Vec3,
}

/// Radians around the brightest pixel that belong to the sun and to the glare that cameras put around it.
const SUN_REACH: f64 = 0.05;
/// Radians around the brightest pixel within which lies what the sun is compared with.
const RING_REACH: f64 = 0.09;
/// How much brighter than its ring a spot is before it counts as a sun.
const SUN_CONTRAST: f64 = 10.0;

impl HdrImage {
    /// The longest side that a picture may have.
    pub const SIDE_MAX: u32 = 8192;

    /// A picture from its pixels.
    ///
    /// # Errors
    /// When a side is 0 or over [`HdrImage::SIDE_MAX`], there are not `width × height` pixels, or one is not a finite
    /// number from 0 up.
    pub fn new(width: u32, height: u32, pixels: Vec<[f32; 3]>) -> Result<Self, HdrImageError> {
        let side = 1..=Self::SIDE_MAX;
        if !side.contains(&width) || !side.contains(&height) {
            return Err(HdrImageError::Size { width, height });
        }
        let expected = width as usize * height as usize;
        if pixels.len() != expected {
            let found = pixels.len();
            return Err(HdrImageError::Length { expected, found });
        }
        let wrong = |value: &f32| !value.is_finite() || *value < 0.0;
        if let Some(pixel) = pixels.iter().position(|p| p.iter().any(wrong)) {
            let found = pixels[pixel];
            return Err(HdrImageError::Value { pixel, found });
        }
        Ok(Self {
            width,
            height,
            pixels,
        })
    }

    /// An equirectangular picture of what `radiance` says of each direction, of `height` rows and twice as many columns.
    ///
    /// # Errors
    /// As [`HdrImage::new`].
    pub fn from_fn(height: u32, radiance: impl Fn(Vec3) -> Vec3) -> Result<Self, HdrImageError> {
        let width = height.saturating_mul(2);
        if height == 0 || width > Self::SIDE_MAX {
            return Err(HdrImageError::Size { width, height });
        }
        let directions = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let pixels = directions
            .map(|(x, y)| radiance(direction(width, height, x, y).as_vec3()).into())
            .collect();
        Self::new(width, height, pixels)
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

    /// Rows from top to bottom, pixels from left to right.
    #[must_use]
    pub fn pixels(&self) -> &[[f32; 3]] {
        &self.pixels
    }

    /// Where pixel (`x`, `y`) of the sky looks.
    #[must_use]
    pub fn direction(&self, x: u32, y: u32) -> Vec3 {
        direction(self.width, self.height, x, y).as_vec3()
    }

    /// The solid angle of a pixel of row `y` of the sky, steradians.
    #[must_use]
    pub fn solid_angle(&self, y: u32) -> f64 {
        let edge = |y: u32| (f64::from(y) / f64::from(self.height) * std::f64::consts::PI).cos();
        (edge(y) - edge(y + 1)) * std::f64::consts::TAU / f64::from(self.width)
    }

    /// The radiance of the sky, summed over all directions, in f64.
    #[must_use]
    pub fn integral(&self) -> [f64; 3] {
        let mut sum = [0.0; 3];
        for (y, row) in (0..).zip(self.pixels.chunks_exact(self.width as usize)) {
            let angle = self.solid_angle(y);
            for pixel in row {
                for channel in 0..3 {
                    sum[channel] += f64::from(pixel[channel]) * angle;
                }
            }
        }
        sum
    }

    /// Takes the brightest spot out of a sky, if it is much brighter than what is around it, so that a renderer may light by
    /// it as by a sun, with shadows, and does not count it twice. What is left in its place is what is around it; nothing
    /// is lost between the two. O(pixels).
    #[must_use]
    pub fn take_sun(&mut self) -> Option<SunSpot> {
        let (width, height) = (self.width, self.height);
        let luminance = |p: &[f32; 3]| {
            0.2126 * f64::from(p[0]) + 0.7152 * f64::from(p[1]) + 0.0722 * f64::from(p[2])
        };
        let brightest = (0..self.pixels.len())
            .max_by(|&a, &b| luminance(&self.pixels[a]).total_cmp(&luminance(&self.pixels[b])))?;
        let place = |index: usize| (index as u32 % width, index as u32 / width);
        let at = |index: usize| {
            let (x, y) = place(index);
            direction(width, height, x, y)
        };
        // Only rows that the ring reaches.
        let row_angle = std::f64::consts::PI / f64::from(height);
        let rows = ((SUN_REACH + RING_REACH) / row_angle).ceil() as u32 + 1;
        let (_, row) = place(brightest);
        let first = row.saturating_sub(rows) as usize * width as usize;
        let last = (row + rows + 1).min(height) as usize * width as usize;
        // The brightest pixel of a clipped disc may lie at its edge: the middle is that of all that are bright.
        let half = 0.5 * luminance(&self.pixels[brightest]);
        let middle: DVec3 = (first..last)
            .filter(|&i| luminance(&self.pixels[i]) >= half)
            .map(|i| at(i) * self.solid_angle(place(i).1))
            .filter(|d| d.normalize_or_zero().dot(at(brightest)) >= SUN_REACH.cos())
            .sum();
        let middle = middle.normalize_or(at(brightest));
        let (mut ring, mut ring_angle) = (DVec3::ZERO, 0.0);
        let mut inside = Vec::new();
        for index in first..last {
            let cosine = at(index).dot(middle);
            if cosine >= SUN_REACH.cos() {
                inside.push(index);
            } else if cosine >= RING_REACH.cos() {
                let angle = self.solid_angle(place(index).1);
                ring += Vec3::from(self.pixels[index]).as_dvec3() * angle;
                ring_angle += angle;
            }
        }
        if ring_angle <= 0.0 {
            return None;
        }
        let around = (ring / ring_angle).as_vec3();
        let contrast = luminance(&self.pixels[brightest]) / luminance(&around.into()).max(1e-9);
        if contrast < SUN_CONTRAST {
            return None;
        }
        let (mut illuminance, mut towards) = (DVec3::ZERO, DVec3::ZERO);
        for index in inside {
            let pixel = Vec3::from(self.pixels[index]);
            let left = pixel.min(around);
            let angle = self.solid_angle(place(index).1);
            let taken = (pixel - left).as_dvec3() * angle;
            illuminance += taken;
            towards += at(index) * taken.element_sum();
            self.pixels[index] = left.into();
        }
        Some(SunSpot {
            direction: towards.normalize_or(middle).as_vec3(),
            illuminance: illuminance.as_vec3(),
        })
    }
}

/// Where a pixel of an equirectangular picture looks.
fn direction(width: u32, height: u32, x: u32, y: u32) -> DVec3 {
    let turn = ((f64::from(x) + 0.5) / f64::from(width) - 0.5) * std::f64::consts::TAU;
    let down = (f64::from(y) + 0.5) / f64::from(height) * std::f64::consts::PI;
    DVec3::new(
        down.sin() * turn.sin(),
        down.cos(),
        -down.sin() * turn.cos(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_is_refused() {
        let nan = f32::NAN;
        let cases = [
            (
                (0, 2, vec![]),
                "a size of 0×2 is not within 1 to 8192 pixels",
            ),
            (
                (8193, 1, vec![]),
                "a size of 8193×1 is not within 1 to 8192 pixels",
            ),
            ((2, 1, vec![[0.0; 3]]), "1 pixels where 2 are expected"),
            (
                (1, 1, vec![[0.0, -1.0, 0.0]]),
                "pixel 0 is [0.0, -1.0, 0.0], and radiance is a finite number that is not negative",
            ),
            (
                (2, 1, vec![[0.0; 3], [nan; 3]]),
                "pixel 1 is [NaN, NaN, NaN], and radiance is a finite number that is not negative",
            ),
        ];
        for ((width, height, pixels), message) in cases {
            let error = HdrImage::new(width, height, pixels).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn the_middle_looks_forward_and_the_right_half_to_the_right() {
        let sky = HdrImage::new(512, 256, vec![[0.0; 3]; 512 * 256]).unwrap();
        for ((x, y), towards) in [
            ((256, 128), Vec3::NEG_Z),
            ((384, 128), Vec3::X),
            ((128, 128), Vec3::NEG_X),
            ((0, 128), Vec3::Z),
            ((100, 0), Vec3::Y),
            ((100, 255), Vec3::NEG_Y),
        ] {
            assert!(sky.direction(x, y).distance(towards) < 0.02, "{x} {y}");
        }
    }

    /// What was taken and what is left add up to what there was, and the sun is where it was put.
    #[test]
    fn a_sun_is_taken_out_and_no_light_is_lost() {
        let towards = Vec3::new(0.4, 0.6, -0.5).normalize();
        let sky = HdrImage::from_fn(512, |d| {
            let sun = if d.dot(towards) > 0.03_f32.cos() {
                20_000.0
            } else {
                0.0
            };
            Vec3::new(0.3, 0.5, 0.8) + Vec3::new(sun, 0.9 * sun, 0.7 * sun)
        })
        .unwrap();
        let before = sky.integral();
        let mut left = sky.clone();
        let sun = left.take_sun().unwrap();
        assert!(sun.direction.distance(towards) < 1e-3);
        // A cap of 0.03 rad.
        let expected = 20_000.0 * std::f64::consts::TAU * (1.0 - 0.03_f64.cos());
        assert!((f64::from(sun.illuminance.x) / expected - 1.0).abs() < 0.02);
        let after = left.integral();
        for channel in 0..3 {
            let whole = after[channel] + f64::from(sun.illuminance[channel]);
            assert!((whole / before[channel] - 1.0).abs() < 1e-5);
        }
        assert!(left.take_sun().is_none(), "there is one sun");
    }

    #[test]
    fn a_sky_without_a_sun_keeps_what_it_has() {
        let sky = HdrImage::from_fn(64, |d| Vec3::splat(1.0 + d.y)).unwrap();
        let mut left = sky.clone();
        assert_eq!(left.take_sun(), None);
        assert_eq!(left, sky);
    }
}
