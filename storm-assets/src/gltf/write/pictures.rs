//! Pictures: kept as they came, or encoded anew.

use std::borrow::Cow;

use image::{ExtendedColorType, ImageEncoder, codecs};

use super::{WriteError, Writer};
use crate::Image;

/// In which format pictures are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PictureFormat {
    /// The bytes that they came with, where the reader [kept them](crate::gltf::LoadOptions::keep_encoded) and they need not be smaller; PNG otherwise.
    #[default]
    Keep,
    /// PNG, without loss.
    Png,
    /// WebP without loss (EXT_texture_webp, which readers must know then): smaller than PNG by a quarter or so.
    WebP,
    /// JPEG of this quality, 1 to 100, where alpha is 255 everywhere; PNG otherwise. It blurs what is not a colour, such as normals.
    Jpeg(u8),
}

/// A picture as a file holds it.
pub(super) struct Stored<'a> {
    pub(super) media_type: &'static str,
    pub(super) bytes: Cow<'a, [u8]>,
}

impl<'g> Writer<'g> {
    /// What is stored of a picture; `None` where there is neither a value nor kept bytes. `colour`: whether it is sRGB.
    pub(super) fn stored(
        &self,
        index: usize,
        colour: bool,
    ) -> Result<Option<Stored<'g>>, WriteError> {
        let picture = &self.file.images[index];
        let value = self.file.library.images.get(picture.image);
        let side_max = self.options.picture_side_max.unwrap_or(u32::MAX);
        let fits = value.is_none_or(|image| image.width().max(image.height()) <= side_max);
        if let (PictureFormat::Keep, true, Some(encoded)) =
            (self.options.pictures, fits, &picture.encoded)
        {
            return Ok(Some(Stored {
                media_type: encoded.media_type,
                bytes: Cow::Borrowed(&encoded.bytes),
            }));
        }
        let Some(value) = value else {
            return Ok(None);
        };
        let mut image = Cow::Borrowed(&**value);
        while image.width().max(image.height()) > side_max {
            image = Cow::Owned(image.halved(colour));
        }
        let (media_type, bytes) =
            encode(&image, self.options.pictures).map_err(|error| WriteError::Picture {
                picture: index,
                message: error.to_string(),
            })?;
        Ok(Some(Stored {
            media_type,
            bytes: Cow::Owned(bytes),
        }))
    }
}

fn encode(
    image: &Image,
    format: PictureFormat,
) -> Result<(&'static str, Vec<u8>), image::ImageError> {
    let opaque = image.pixels().chunks_exact(4).all(|pixel| pixel[3] == 255);
    let (pixels, kind): (Cow<'_, [u8]>, _) = if opaque {
        let rgb = image
            .pixels()
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        (rgb.collect(), ExtendedColorType::Rgb8)
    } else {
        (image.pixels().into(), ExtendedColorType::Rgba8)
    };
    let (width, height) = (image.width(), image.height());
    let mut bytes = Vec::new();
    let media_type = match format {
        PictureFormat::WebP => {
            codecs::webp::WebPEncoder::new_lossless(&mut bytes)
                .write_image(&pixels, width, height, kind)?;
            "image/webp"
        }
        PictureFormat::Jpeg(quality) if opaque => {
            let quality = quality.clamp(1, 100);
            codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality)
                .write_image(&pixels, width, height, kind)?;
            "image/jpeg"
        }
        _ => {
            codecs::png::PngEncoder::new(&mut bytes).write_image(&pixels, width, height, kind)?;
            "image/png"
        }
    };
    Ok((media_type, bytes))
}
