//! Pictures: PNG, JPEG, WebP and KTX 2.0, decoded to RGBA with 8 bits a channel.

use std::{borrow::Cow, io};

use image::{ImageDecoder, ImageFormat, ImageReader};

use super::{
    context::Context,
    cursor::Cursor,
    decode::Data,
    error::{Problem, shortened},
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

/// Fetches and decodes one element of `images`. `None` is a picture in a format that belongs to an extension: it is noted, and the
/// materials go without it.
pub(super) fn read(
    context: &mut Context,
    resolver: &mut Resolver<'_>,
    data: &Data<'_>,
    place: Cursor<'_>,
) -> Result<Option<(Image, Option<Encoded>)>, Problem> {
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
            return Ok(None);
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
    let decoded = match format {
        Format::Png => decode(context, place, &bytes, ImageFormat::Png),
        Format::Jpeg => decode(context, place, &bytes, ImageFormat::Jpeg),
        Format::WebP => decode(context, place, &bytes, ImageFormat::WebP),
        Format::Ktx2 => decode_ktx2(context, place, &bytes),
    };
    let decoded = decoded.map_err(|error| match error {
        DecodeError::Limit(problem) => problem,
        DecodeError::Broken(message) => broken(message),
    })?;
    let mut encoded = None;
    if context.keep_encoded {
        context
            .budget
            .values::<u8>(bytes.len(), || place.pointer())?;
        encoded = Some(Encoded {
            media_type: found,
            bytes: bytes.into_owned(),
        });
    }
    Ok(Some((decoded, encoded)))
}

#[derive(Clone, Copy)]
enum Format {
    Png,
    Jpeg,
    WebP,
    Ktx2,
}

/// The largest level of a KTX 2.0 texture. The smaller ones are left: whoever samples the picture makes its own.
fn decode_ktx2(
    context: &mut Context,
    place: Cursor<'_>,
    bytes: &[u8],
) -> Result<Image, DecodeError> {
    let broken = |error: crate::ktx2::Ktx2Error| DecodeError::Broken(error.to_string());
    let texture = crate::ktx2::Texture::parse(bytes).map_err(broken)?;
    // What decoding takes beside the pixels goes again; up to three times their size is what `Limits::peak_bytes` has for it.
    let pixels = u64::from(texture.width()) * u64::from(texture.height()) * 4;
    let paid = pixels.max(texture.memory(0).saturating_sub(3 * pixels));
    context.budget.image(paid, || place.pointer())?;
    texture.decode(0).map_err(broken)
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

enum DecodeError {
    Limit(Problem),
    Broken(String),
}

impl From<Problem> for DecodeError {
    fn from(problem: Problem) -> Self {
        Self::Limit(problem)
    }
}

impl From<image::ImageError> for DecodeError {
    fn from(error: image::ImageError) -> Self {
        Self::Broken(format!(
            "cannot be decoded: {}",
            shortened(&error.to_string())
        ))
    }
}

fn decode(
    context: &mut Context,
    place: Cursor<'_>,
    bytes: &[u8],
    format: ImageFormat,
) -> Result<Image, DecodeError> {
    let mut reader = ImageReader::with_format(io::Cursor::new(bytes), format);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(Image::SIDE_MAX);
    limits.max_image_height = Some(Image::SIDE_MAX);
    limits.max_alloc = Some(context.limits.image_bytes_max.saturating_mul(2));
    reader.limits(limits);
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let size = u64::from(width) * u64::from(height) * PixelFormat::Rgba8.bytes_per_pixel() as u64;
    // Paid before the pixels exist: a few bytes of PNG may state any size.
    context.budget.image(size, || place.pointer())?;
    let picture = image::DynamicImage::from_decoder(decoder)?;
    // 16-bit channels are rounded to 8.
    let pixels = picture.into_rgba8().into_raw();
    Image::new(width, height, PixelFormat::Rgba8, pixels)
        .map_err(|error| DecodeError::Broken(error.to_string()))
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
