//! Pictures: PNG, JPEG, WebP and KTX 2.0, decoded to RGBA with 8 bits a channel.

use std::{borrow::Cow, io};

use image::{ImageDecoder, ImageFormat, ImageReader};

use super::{
    context::Context,
    cursor::Cursor,
    decode::Data,
    error::{Problem, shortened},
    limits::Limits,
    resource::{self, Resolver, view_bytes},
};
use crate::{Handle, Image, PixelFormat};

/// A picture of a file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Picture {
    /// For people; need not be unique.
    pub name: String,
    /// Its pixels, in the library.
    pub image: Handle<Image>,
    /// Its bytes as they came: see [`LoadOptions::keep_encoded`](super::LoadOptions::keep_encoded).
    pub encoded: Option<Encoded>,
}

impl Picture {
    /// A picture of this name, with the pixels that the library has under `image`.
    #[must_use]
    pub fn new(name: &str, image: Handle<Image>) -> Self {
        Self {
            name: name.to_owned(),
            image,
            encoded: None,
        }
    }
}

/// The bytes of a picture file.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// `image/png`, `image/jpeg`, `image/webp` or `image/ktx2`.
    pub media_type: &'static str,
    /// All of the file.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Encoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Encoded({}, {} bytes)",
            self.media_type,
            self.bytes.len()
        )
    }
}

/// A picture whose bytes are here, and paid for with the pixels that they will be.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "loader"),
    expect(dead_code, reason = "only the loader puts pictures off")
)]
pub(crate) struct PendingPicture {
    /// Where its pixels are to go.
    pub(crate) image: Handle<Image>,
    /// JSON pointer to it.
    pointer: String,
    format: Format,
    bytes: Vec<u8>,
    /// What was paid for its pixels.
    pub(crate) pixel_bytes: u64,
}

impl PendingPicture {
    /// Bytes of the picture as it came.
    #[cfg(feature = "loader")]
    pub(crate) fn encoded_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Makes the pixels.
    #[cfg(feature = "loader")]
    pub(crate) fn decode(&self, limits: &super::Limits) -> Result<Image, Problem> {
        decode(self.format, &self.bytes, limits).map_err(|message| Problem::Image {
            pointer: self.pointer.clone(),
            message,
        })
    }
}

/// What became of an element of `images`.
pub(super) enum Read {
    /// It is in a format that belongs to an extension: it is noted, and the materials go without it.
    LeftOut,
    /// Its pixels are here.
    Decoded(Image, Option<Encoded>),
    /// Its pixels will be made by someone else.
    Pending(Option<Encoded>),
}

/// Fetches one element of `images`, and decodes it unless the context has that put off.
pub(super) fn read(
    context: &mut Context,
    resolver: &mut Resolver<'_>,
    data: &Data<'_>,
    place: Cursor<'_>,
    handle: Handle<Image>,
) -> Result<Read, Problem> {
    let stated = place.optional_text("mimeType")?;
    let (bytes, in_uri): (Cow<'_, [u8]>, Option<&str>) =
        match (place.get("uri")?, place.get("bufferView")?) {
            (Some(uri), None) => {
                let (bytes, media_type) = resource::fetch(context, resolver, uri)?;
                (bytes.into(), media_type)
            }
            (None, Some(view)) => {
                let view = &data.views[view.index(data.views.len(), "buffer views")?];
                (view_bytes(view, &data.buffers)?.into(), None)
            }
            (None, None) => return Err(place.wrong_found("uri or bufferView", "neither")),
            (Some(_), Some(_)) => return Err(place.wrong_found("uri or bufferView", "both")),
        };
    let broken = |message: String| Problem::Image {
        pointer: place.pointer(),
        message,
    };
    let webp = context.reads("EXT_texture_webp");
    let ktx2 = context.reads("KHR_texture_basisu");
    let format = match &*bytes {
        [0x89, b'P', b'N', b'G', ..] => Format::Png,
        [0xff, 0xd8, 0xff, ..] => Format::Jpeg,
        other if webp && extension_of(other) == Some("EXT_texture_webp") => Format::WebP,
        other if ktx2 && other.starts_with(&crate::ktx2::IDENTIFIER) => Format::Ktx2,
        other => {
            let Some(extension) = extension_of(other) else {
                return Err(broken(format!(
                    "expected a PNG, JPEG, WebP or KTX 2.0 image, found {}",
                    guess(other)
                )));
            };
            context.warn(place, || {
                format!("is a picture for {extension}, which is not supported; left out")
            });
            return Ok(Read::LeftOut);
        }
    };
    let found = match format {
        Format::Png => "image/png",
        Format::Jpeg => "image/jpeg",
        Format::WebP => "image/webp",
        Format::Ktx2 => "image/ktx2",
    };
    for stated in [stated, in_uri].into_iter().flatten() {
        if stated != found && !stated.is_empty() && stated != "application/octet-stream" {
            context.warn(place, || {
                format!(
                    "is said to be {}, the data are {found}; the data count",
                    shortened(stated)
                )
            });
        }
    }
    let size = pixel_bytes(format, &bytes, &context.limits).map_err(broken)?;
    // Paid before the pixels exist: a few bytes may state any size.
    context.budget.image(size, || place.pointer())?;
    let mut encoded = None;
    if context.keep_encoded {
        context
            .budget
            .values::<u8>(bytes.len(), || place.pointer())?;
        encoded = Some(Encoded {
            media_type: found,
            bytes: bytes.to_vec(),
        });
    }
    if let Some(pending) = &mut context.pending {
        context
            .budget
            .values::<u8>(bytes.len(), || place.pointer())?;
        pending.push(PendingPicture {
            image: handle,
            pointer: place.pointer(),
            format,
            bytes: bytes.into_owned(),
            pixel_bytes: size,
        });
        return Ok(Read::Pending(encoded));
    }
    let decoded = decode(format, &bytes, &context.limits).map_err(broken)?;
    Ok(Read::Decoded(decoded, encoded))
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Png,
    Jpeg,
    WebP,
    Ktx2,
}

impl Format {
    const fn of_image(self) -> ImageFormat {
        match self {
            Self::Png => ImageFormat::Png,
            Self::Jpeg => ImageFormat::Jpeg,
            Self::WebP | Self::Ktx2 => ImageFormat::WebP,
        }
    }
}

/// Bytes to pay for the pixels, by the header alone.
fn pixel_bytes(format: Format, bytes: &[u8], limits: &Limits) -> Result<u64, String> {
    if let Format::Ktx2 = format {
        let texture = crate::ktx2::Texture::parse(bytes).map_err(|error| error.to_string())?;
        // What decoding takes beside the pixels goes again; up to three times their size is what `Limits::peak_bytes` has for it.
        let pixels = u64::from(texture.width()) * u64::from(texture.height()) * 4;
        return Ok(pixels.max(texture.memory(0).saturating_sub(3 * pixels)));
    }
    let mut reader = ImageReader::with_format(io::Cursor::new(bytes), format.of_image());
    reader.limits(limits_of(limits));
    let decoder = reader.into_decoder().map_err(broken_picture)?;
    let (width, height) = decoder.dimensions();
    Ok(u64::from(width) * u64::from(height) * PixelFormat::Rgba8.bytes_per_pixel() as u64)
}

/// The pixels. Of a KTX 2.0 texture, those of the largest level: whoever samples the picture makes its own smaller ones.
fn decode(format: Format, bytes: &[u8], limits: &Limits) -> Result<Image, String> {
    if let Format::Ktx2 = format {
        let texture = crate::ktx2::Texture::parse(bytes).map_err(|error| error.to_string())?;
        return texture.decode(0).map_err(|error| error.to_string());
    }
    let mut reader = ImageReader::with_format(io::Cursor::new(bytes), format.of_image());
    reader.limits(limits_of(limits));
    let decoder = reader.into_decoder().map_err(broken_picture)?;
    let (width, height) = decoder.dimensions();
    let picture = image::DynamicImage::from_decoder(decoder).map_err(broken_picture)?;
    // 16-bit channels are rounded to 8.
    let pixels = picture.into_rgba8().into_raw();
    Image::new(width, height, PixelFormat::Rgba8, pixels).map_err(|error| error.to_string())
}

fn limits_of(ours: &Limits) -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(Image::SIDE_MAX);
    limits.max_image_height = Some(Image::SIDE_MAX);
    limits.max_alloc = Some(ours.image_bytes_max.saturating_mul(2));
    limits
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over errors")]
fn broken_picture(error: image::ImageError) -> String {
    format!("cannot be decoded: {}", shortened(&error.to_string()))
}

/// Checks an element of `images` that nothing uses, without looking at its data.
pub(super) fn check(place: Cursor<'_>, views: usize) -> Result<(), Problem> {
    place.optional_text("name")?;
    place.optional_text("mimeType")?;
    let uri = place.optional_text("uri")?;
    let view = place.optional_index("bufferView", views, "buffer views")?;
    match (uri, view) {
        (Some(_), Some(_)) => Err(place.wrong_found("uri or bufferView", "both")),
        (None, None) => Err(place.wrong_found("uri or bufferView", "neither")),
        _ => Ok(()),
    }
}

/// The extension that a picture format belongs to.
fn extension_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xab, b'K', b'T', b'X', ..] => Some("KHR_texture_basisu"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("EXT_texture_webp"),
        [b'D', b'D', b'S', b' ', ..] => Some("MSFT_texture_dds"),
        [
            _,
            _,
            _,
            _,
            b'f',
            b't',
            b'y',
            b'p',
            b'a',
            b'v',
            b'i',
            b'f' | b's',
            ..,
        ] => Some("EXT_texture_avif"),
        _ => None,
    }
}

/// Names other formats that turn up in glTF files, for the message.
fn guess(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "nothing",
        [b'G', b'I', b'F', b'8', ..] => "GIF",
        [b'B', b'M', ..] => "BMP",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "TIFF",
        _ => "something else",
    }
}
