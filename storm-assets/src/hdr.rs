//! Reading pictures of radiance: Radiance's `.hdr` (RGBE).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two pixels, without run lengths: mantissas of red, green and blue, and their exponent plus 128.
//! let mut file = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 2\n".to_vec();
//! file.extend([128, 128, 128, 129, 0, 0, 64, 129]);
//! let picture = storm_assets::hdr::decode(&file)?;
//! assert_eq!(picture.width(), 2);
//! # Ok(())
//! # }
//! ```

use std::{io, path::Path};

use image::{ImageDecoder, codecs::hdr::HdrDecoder};

use crate::hdr_image::{HdrImage, HdrImageError};

/// The largest file that is read, in bytes: the largest picture without run lengths, and room for its head.
pub const BYTES_MAX: u64 =
    4 * (HdrImage::SIDE_MAX as u64) * (HdrImage::SIDE_MAX as u64) + (1 << 16);

/// Pixels that a byte of a file can stand for: run lengths give 127 values for two bytes, in four channels.
const PIXELS_A_BYTE: u64 = 16;

/// Why a picture of radiance cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HdrError {
    /// The file cannot be opened or read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There are more bytes than a picture may have.
    #[error("{found} bytes, and {limit} are the limit")]
    TooLong {
        /// Bytes of the file.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// The bytes are no Radiance picture, or end early.
    #[error("not a Radiance picture: {0}")]
    Format(String),
    /// The head tells of more pixels than the bytes after it can hold.
    #[error("{width}×{height} pixels cannot be in {bytes} bytes")]
    Short {
        /// Width that the head tells of.
        width: u32,
        /// Height that the head tells of.
        height: u32,
        /// Bytes of the file.
        bytes: u64,
    },
    /// The picture is too large, or holds what is no radiance.
    #[error("{0}")]
    Picture(#[from] HdrImageError),
}

/// Reads a file. See [`decode`].
///
/// # Errors
/// When it cannot be read, and as [`decode`].
pub fn load(path: &Path) -> Result<HdrImage, HdrError> {
    let file = std::fs::File::open(path)?;
    let found = file.metadata()?.len();
    if found > BYTES_MAX {
        let limit = BYTES_MAX;
        return Err(HdrError::TooLong { found, limit });
    }
    let mut bytes = Vec::new();
    // A file may grow while it is read, and what is no file has no length.
    io::Read::read_to_end(&mut io::Read::take(file, BYTES_MAX + 1), &mut bytes)?;
    decode(&bytes)
}

/// Decodes a Radiance picture (`.hdr`, RGBE; Ward 1991).
///
/// Memory is at most 24 bytes a pixel, and pixels at most [`HdrImage::SIDE_MAX`]² and sixteen a byte of input.
///
/// # Errors
/// When the bytes are no such picture, end early, or tell of a picture that is too large.
pub fn decode(bytes: &[u8]) -> Result<HdrImage, HdrError> {
    let found = bytes.len() as u64;
    if found > BYTES_MAX {
        let limit = BYTES_MAX;
        return Err(HdrError::TooLong { found, limit });
    }
    let format = |error: image::ImageError| HdrError::Format(error.to_string());
    let decoder = HdrDecoder::new(io::Cursor::new(bytes)).map_err(format)?;
    let (width, height) = decoder.dimensions();
    let side = 1..=HdrImage::SIDE_MAX;
    if !side.contains(&width) || !side.contains(&height) {
        return Err(HdrImageError::Size { width, height }.into());
    }
    if u64::from(width) * u64::from(height) > found * PIXELS_A_BYTE {
        let bytes = found;
        return Err(HdrError::Short {
            width,
            height,
            bytes,
        });
    }
    let mut raw = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut raw).map_err(format)?;
    let value = |bytes: &[u8]| f32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let pixels = raw
        .chunks_exact(12)
        .map(|pixel| [value(pixel), value(&pixel[4..]), value(&pixel[8..])])
        .collect();
    Ok(HdrImage::new(width, height, pixels)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(head: &str, pixels: &[u8]) -> Vec<u8> {
        [head.as_bytes(), pixels].concat()
    }

    const HEAD: &str = "#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n";

    #[test]
    fn values_are_mantissas_times_powers_of_two() {
        let bytes = file(
            &format!("{HEAD}-Y 1 +X 3\n"),
            &[128, 64, 32, 129, 255, 0, 1, 140, 0, 0, 0, 0],
        );
        let picture = decode(&bytes).unwrap();
        assert_eq!(
            picture.pixels(),
            [[1.0, 0.5, 0.25], [255.0 * 16.0, 0.0, 16.0], [0.0; 3]]
        );
    }

    #[test]
    fn hostile_files_are_refused_by_what_is_wrong() {
        let cases: [(&str, Vec<u8>, &str); 7] = [
            ("nothing", vec![], "not a Radiance picture"),
            (
                "a PNG",
                b"\x89PNG\r\n\x1a\n".to_vec(),
                "not a Radiance picture",
            ),
            ("no size", file(HEAD, &[]), "not a Radiance picture"),
            (
                "too large",
                file(&format!("{HEAD}-Y 20000 +X 20000\n"), &[0; 64]),
                "a size of 20000×20000 is not within 1 to 8192 pixels",
            ),
            (
                "no rows",
                file(&format!("{HEAD}-Y 0 +X 4\n"), &[0; 64]),
                "a size of 4×0 is not within 1 to 8192 pixels",
            ),
            (
                "a bomb",
                file(&format!("{HEAD}-Y 8192 +X 8192\n"), &[0; 64]),
                "8192×8192 pixels cannot be in",
            ),
            (
                "cut off",
                file(&format!("{HEAD}-Y 2 +X 8\n"), &[2, 2, 0, 8, 136, 7]),
                "not a Radiance picture",
            ),
        ];
        for (name, bytes, message) in cases {
            let error = decode(&bytes).expect_err(name).to_string();
            assert!(error.contains(message), "{name}: {error}");
        }
    }

    /// Every prefix and many changed bytes of a good file give a picture or an error.
    #[test]
    fn damaged_files_do_not_panic() {
        let mut rle = format!("{HEAD}-Y 2 +X 16\n").into_bytes();
        for _ in 0..2 {
            rle.extend([2, 2, 0, 16]);
            for channel in 0..4_u8 {
                rle.extend([128 + 10, 100 + channel, 6, 1, 2, 3, 4, 5, 129]);
            }
        }
        let picture = decode(&rle).unwrap();
        assert_eq!((picture.width(), picture.height()), (16, 2));
        for end in 0..rle.len() {
            let _ = decode(&rle[..end]);
        }
        for at in 0..rle.len() {
            for change in [1, 0x80, 0xff, 0x10] {
                let mut bytes = rle.clone();
                bytes[at] ^= change;
                let _ = decode(&bytes);
            }
        }
    }
}
