//! KTX 2.0 textures: Basis Universal (ETC1S in BasisLZ, UASTC, either with Zstandard) and plain RGB or RGBA with 8 bits a channel, decoded
//! to RGBA.
//!
//! One picture is read: no arrays, cubes or volumes. Every read is checked; what a texture will take is known from its header
//! ([`Texture::memory`]) before a byte of it is decoded.
//!
//! ```no_run
//! let bytes = std::fs::read("wall.ktx2")?;
//! let texture = storm_assets::ktx2::Texture::parse(&bytes)?;
//! if texture.memory(0) < 64 << 20 {
//!     let picture = texture.decode(0)?;
//!     assert_eq!(picture.width(), texture.width());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bits;
mod etc1s;
mod uastc;

use std::io::Read;

use crate::{Image, PixelFormat};

/// The bytes that every KTX 2.0 file begins with.
pub const IDENTIFIER: [u8; 12] = *b"\xabKTX 20\xbb\r\n\x1a\n";

/// Why a texture cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ktx2Error {
    /// The file does not begin with [`IDENTIFIER`].
    #[error("expected a KTX 2.0 texture, found another beginning")]
    Identifier,
    /// A range of the file lies outside of it.
    #[error(
        "expected {what} within the {length} bytes of the file, found {found} bytes from {offset}"
    )]
    Range {
        /// What should be there.
        what: &'static str,
        /// The length of the file.
        length: usize,
        /// Where the range begins.
        offset: u64,
        /// How long it is.
        found: u64,
    },
    /// A side is 0 or longer than [`Image::SIDE_MAX`].
    #[error("expected sides of 1 to {}, found {width}×{height}", Image::SIDE_MAX)]
    Size {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The texture is of a kind that is not read.
    #[error("{0}, which are not supported")]
    Unsupported(&'static str),
    /// A level is asked for that the texture does not have.
    #[error("there is no level {asked}, only {levels}")]
    Level {
        /// Which.
        asked: u32,
        /// How many there are.
        levels: u32,
    },
    /// The compressed data are broken.
    #[error("the data have {0}")]
    Data(&'static str),
    /// The Zstandard frame is broken.
    #[error("the Zstandard data are broken: {0}")]
    Zstandard(String),
}

/// How the pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// ETC1S blocks in a BasisLZ stream, with or without a second slice for alpha.
    Etc1s,
    /// UASTC LDR blocks.
    Uastc,
    /// Red, green and blue, a byte each.
    Rgb8,
    /// Red, green, blue and straight alpha, a byte each.
    Rgba8,
}

/// A texture whose header and ranges have been checked.
#[derive(Clone, Debug)]
pub struct Texture<'a> {
    file: &'a [u8],
    width: u32,
    height: u32,
    kind: Kind,
    srgb: bool,
    zstandard: bool,
    /// Offset and length in the file, and length once decompressed.
    levels: Vec<(usize, usize, u64)>,
    global: &'a [u8],
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32
}

/// The bytes of a range that the file states.
fn range<'a>(
    file: &'a [u8],
    what: &'static str,
    offset: u64,
    length: u64,
) -> Result<&'a [u8], Ktx2Error> {
    let wrong = || Ktx2Error::Range {
        what,
        length: file.len(),
        offset,
        found: length,
    };
    let start = usize::try_from(offset).map_err(|_| wrong())?;
    let len = usize::try_from(length).map_err(|_| wrong())?;
    let end = start.checked_add(len).ok_or_else(wrong)?;
    file.get(start..end).ok_or_else(wrong)
}

/// Header and index, bytes.
const HEADER: u64 = 80;
/// Bytes of a level in the index.
const LEVEL: u64 = 24;

impl<'a> Texture<'a> {
    /// Reads the header. Cost: O(levels).
    ///
    /// # Errors
    /// When the file is no KTX 2.0, states ranges that it does not have, or holds what is not read.
    pub fn parse(file: &'a [u8]) -> Result<Self, Ktx2Error> {
        if !file.starts_with(&IDENTIFIER) {
            return Err(Ktx2Error::Identifier);
        }
        let header = range(file, "a header", 0, HEADER)?;
        let [
            format,
            _,
            width,
            height,
            depth,
            layers,
            faces,
            levels,
            scheme,
        ] = std::array::from_fn(|at| word(header, 12 + 4 * at));
        let side = 1..=Image::SIDE_MAX;
        if !side.contains(&width) || !side.contains(&height) {
            return Err(Ktx2Error::Size { width, height });
        }
        if depth > 1 || layers > 1 || faces != 1 {
            return Err(Ktx2Error::Unsupported("volumes, arrays and cubes"));
        }
        // 0 leaves it to the reader to make the smaller levels.
        let levels = levels.max(1);
        if levels > width.max(height).ilog2() + 1 {
            return Err(Ktx2Error::Data("more levels than its sides have halves"));
        }
        let descriptor = range(
            file,
            "a data format descriptor",
            u64::from(word(header, 48)),
            u64::from(word(header, 52)),
        )?;
        let [model, transfer] = match descriptor {
            [_, _, _, _, _, _, _, _, _, _, _, _, model, _, transfer, ..] => [*model, *transfer],
            _ => {
                return Err(Ktx2Error::Data(
                    "a data format descriptor that is too short",
                ));
            }
        };
        let kind = match (format, model) {
            (0, 163) => Kind::Etc1s,
            (0, 166) => Kind::Uastc,
            (23 | 29, _) => Kind::Rgb8,
            (37 | 43, _) => Kind::Rgba8,
            _ => {
                return Err(Ktx2Error::Unsupported(
                    "pixels other than Basis Universal, RGB8 and RGBA8",
                ));
            }
        };
        let zstandard = match (scheme, kind) {
            (0, Kind::Uastc | Kind::Rgb8 | Kind::Rgba8) | (1, Kind::Etc1s) => false,
            (2, Kind::Uastc | Kind::Rgb8 | Kind::Rgba8) => true,
            _ => return Err(Ktx2Error::Unsupported("pixels in this supercompression")),
        };
        let index = range(file, "a level index", HEADER, LEVEL * u64::from(levels))?;
        let levels = index
            .chunks_exact(LEVEL as usize)
            .map(|entry| {
                let (offset, length) = (long(entry, 0), long(entry, 8));
                let bytes = range(file, "a level", offset, length)?;
                Ok((offset as usize, bytes.len(), long(entry, 16)))
            })
            .collect::<Result<_, Ktx2Error>>()?;
        let global = range(file, "global data", long(header, 64), long(header, 72))?;
        Ok(Self {
            file,
            width,
            height,
            kind,
            srgb: transfer == 2,
            zstandard,
            levels,
            global,
        })
    }

    /// Width of level 0, pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height of level 0, pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// How many levels are stored, at least one.
    #[must_use]
    pub fn levels(&self) -> u32 {
        self.levels.len() as u32
    }

    /// How its pixels are stored.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether its colours are sRGB, by its own word.
    #[must_use]
    pub const fn is_srgb(&self) -> bool {
        self.srgb
    }

    fn side(&self, level: u32) -> (usize, usize) {
        let half = |side: u32| (side >> level.min(31)).max(1) as usize;
        (half(self.width), half(self.height))
    }

    /// Bytes of the stored pixels of a level, once decompressed; of ETC1S, those of its slices.
    fn stored(&self, level: u32) -> u64 {
        let (width, height) = self.side(level);
        let blocks = (width.div_ceil(4) * height.div_ceil(4)) as u64;
        match self.kind {
            Kind::Etc1s => 0,
            Kind::Uastc => blocks * 16,
            Kind::Rgb8 => (width * height) as u64 * 3,
            Kind::Rgba8 => (width * height) as u64 * 4,
        }
    }

    /// The most bytes that [`Texture::decode`] allocates for a level, besides 1 MiB for tables: the pixels, and twice what is decompressed.
    #[must_use]
    pub fn memory(&self, level: u32) -> u64 {
        let (width, height) = self.side(level);
        let decompressed = if self.zstandard {
            self.stored(level)
        } else {
            0
        };
        (width * height) as u64 * 4 + 2 * decompressed
    }

    /// Decodes a level; 0 is the largest. Allocates at most [`Texture::memory`] and a little. Cost: O(pixels).
    ///
    /// # Errors
    /// When there is no such level, or its data are broken.
    pub fn decode(&self, level: u32) -> Result<Image, Ktx2Error> {
        let missing = Ktx2Error::Level {
            asked: level,
            levels: self.levels(),
        };
        let &(offset, length, stated) = self.levels.get(level as usize).ok_or(missing)?;
        let data = &self.file[offset..offset + length];
        let (width, height) = self.side(level);
        let expected = self.stored(level);
        let unpacked;
        let data = if self.zstandard {
            if stated != expected {
                return Err(Ktx2Error::Data(
                    "a level of another length than its size asks for",
                ));
            }
            unpacked = zstandard(data, expected as usize)?;
            &unpacked
        } else {
            data
        };
        if self.kind != Kind::Etc1s && data.len() as u64 != expected {
            return Err(Ktx2Error::Data(
                "a level of another length than its size asks for",
            ));
        }
        let mut pixels = vec![255; width * height * 4];
        let put = |pixels: &mut [u8], (column, row): (usize, usize), at: usize, rgba: &[u8]| {
            let (x, y) = (column * 4 + at % 4, row * 4 + at / 4);
            // Blocks reach over the right and lower edge.
            if x < width && y < height {
                let to = (y * width + x) * 4;
                pixels[to..to + rgba.len()].copy_from_slice(rgba);
            }
        };
        match self.kind {
            Kind::Rgba8 => pixels.copy_from_slice(data),
            Kind::Rgb8 => {
                for (to, rgb) in pixels.chunks_exact_mut(4).zip(data.chunks_exact(3)) {
                    to[..3].copy_from_slice(rgb);
                }
            }
            Kind::Uastc => {
                let columns = width.div_ceil(4);
                for (number, block) in data.as_chunks::<16>().0.iter().enumerate() {
                    let place = (number % columns, number / columns);
                    for (at, rgba) in uastc::decode(block)?.iter().enumerate() {
                        put(&mut pixels, place, at, rgba);
                    }
                }
            }
            Kind::Etc1s => {
                let (codebooks, slices) = self.codebooks(level)?;
                let size = (width.div_ceil(4), height.div_ceil(4));
                let [color, alpha] = slices.map(|(offset, length)| {
                    range(data, "a slice", u64::from(offset), u64::from(length))
                });
                codebooks.slice(color?, size.0, size.1, |column, row, colors| {
                    for (at, rgb) in colors.iter().enumerate() {
                        put(&mut pixels, (column, row), at, rgb);
                    }
                })?;
                let alpha = alpha?;
                if !alpha.is_empty() {
                    codebooks.slice(alpha, size.0, size.1, |column, row, colors| {
                        for (at, [_, alpha, _]) in colors.into_iter().enumerate() {
                            let (x, y) = (column * 4 + at % 4, row * 4 + at / 4);
                            if x < width && y < height {
                                pixels[(y * width + x) * 4 + 3] = alpha;
                            }
                        }
                    })?;
                }
            }
        }
        Image::new(width as u32, height as u32, PixelFormat::Rgba8, pixels)
            .map_err(|_| Ktx2Error::Data("a size that no picture has"))
    }

    /// The codebooks, and where the slices for colour and alpha of a level are in its data.
    fn codebooks(&self, level: u32) -> Result<(etc1s::Codebooks, [(u32, u32); 2]), Ktx2Error> {
        const HEADER: u64 = 20;
        const SLICES: u64 = 20;
        let header = range(self.global, "a global header", 0, HEADER)?;
        let counts = word(header, 0);
        let counts = (counts as u16, (counts >> 16) as u16);
        let slices = range(
            self.global,
            "slice descriptions",
            HEADER + SLICES * u64::from(level),
            SLICES,
        )?;
        if word(slices, 0) & 2 != 0 {
            return Err(Ktx2Error::Unsupported("frames of a film"));
        }
        let mut offset = HEADER + SLICES * u64::from(self.levels());
        let mut next = |what, at| {
            let length = u64::from(word(header, at));
            let bytes = range(self.global, what, offset, length);
            offset += length;
            bytes
        };
        let endpoints = next("endpoints", 4)?;
        let selectors = next("selectors", 8)?;
        let tables = next("tables", 12)?;
        let codebooks = etc1s::Codebooks::read(counts, endpoints, selectors, tables)?;
        let places = [
            (word(slices, 4), word(slices, 8)),
            (word(slices, 12), word(slices, 16)),
        ];
        Ok((codebooks, places))
    }
}

/// Decompresses a frame that holds `length` bytes, no more and no less.
fn zstandard(data: &[u8], length: usize) -> Result<Vec<u8>, Ktx2Error> {
    let broken = |error: &dyn std::fmt::Display| {
        let mut text = error.to_string();
        text.truncate(text.floor_char_boundary(120));
        Ktx2Error::Zstandard(text)
    };
    let mut frame =
        ruzstd::decoding::StreamingDecoder::new(data).map_err(|error| broken(&error))?;
    let mut bytes = vec![0; length];
    frame
        .read_exact(&mut bytes)
        .map_err(|error| broken(&error))?;
    match frame.read(&mut [0]) {
        Ok(0) => Ok(bytes),
        Ok(_) => Err(Ktx2Error::Data("more bytes in a level than it states")),
        Err(error) => Err(broken(&error)),
    }
}
