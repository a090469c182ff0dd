//! Buffers and pictures: fetched, measured, and their headers read.

use std::borrow::Cow;

use super::{
    codes,
    link::File,
    local::{extension, has, index, media_types, text, unsigned},
    picture::{self, Unread},
    report::Reporter,
    schema::Declared,
};
use crate::gltf::{
    cursor::Cursor,
    resource::{Request, Resolver},
    uri::{self, Uri},
};

/// Where bytes come from, and how many more may come.
pub(super) struct Source<'s, 'r> {
    pub(super) resolver: &'s mut Resolver<'r>,
    pub(super) bytes_left: u64,
    pub(super) is_glb: bool,
}

/// What a URI leads to.
enum Found<'a> {
    Data { media_type: &'a str, bytes: Vec<u8> },
    File(&'a str),
    Nothing,
}

/// Looks at the `uri` of an object; nothing is fetched.
fn look<'a>(out: &mut Reporter, source: &Source<'_, '_>, place: Cursor<'a>) -> Found<'a> {
    let Some(value) = place.entry("uri") else {
        return Found::Nothing;
    };
    let Ok(uri) = value.text() else {
        return Found::Nothing;
    };
    if source.is_glb {
        out.at(value, &codes::URI_GLB, "URI is used in GLB container.");
    }
    let invalid = |out: &mut Reporter, reason: &str| {
        let message = format!("Invalid URI {}. {reason}", value.shown());
        out.at(value, &codes::INVALID_URI, message);
        Found::Nothing
    };
    let is_data = uri
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    match uri::parse(uri) {
        Ok(Uri::Data {
            media_type,
            base64,
            body,
        }) => match uri::decode_data(body, base64) {
            Ok(bytes) => {
                if source.is_glb {
                    out.at(
                        value,
                        &codes::DATA_URI_GLB,
                        "Data URI is used in GLB container.",
                    );
                }
                Found::Data { media_type, bytes }
            }
            Err(reason) => invalid(out, &reason),
        },
        Err(reason) if is_data => invalid(out, &reason),
        Ok(Uri::Relative(path)) if !percent_fits(path) || path.starts_with(':') => {
            invalid(out, "Invalid percent-encoding.")
        }
        Ok(Uri::Relative(path)) if !path.starts_with('/') && !path.contains(['?', '#']) => {
            Found::File(path)
        }
        // An empty one is the file itself, as a relative URI.
        Err(_) if uri.is_empty() => Found::Nothing,
        Err(reason) if uri.starts_with(|c: char| !c.is_ascii_alphabetic()) => invalid(out, &reason),
        Ok(Uri::Relative(_)) | Err(_) => {
            let message = format!("Non-relative URI found: {}.", value.shown());
            out.at(value, &codes::NON_RELATIVE_URI, message);
            Found::Nothing
        }
    }
}

fn percent_fits(path: &str) -> bool {
    path.match_indices('%').all(|(at, _)| {
        path.as_bytes()
            .get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

fn fetch(
    out: &mut Reporter,
    source: &mut Source<'_, '_>,
    place: Cursor<'_>,
    path: &str,
) -> Option<Vec<u8>> {
    let request = Request {
        uri: path,
        bytes_max: source.bytes_left,
    };
    // No resolver is asked for a path that leaves its folder.
    let bytes = uri::segments(path)
        .map_err(std::io::Error::other)
        .and_then(|_| (source.resolver)(request));
    match bytes {
        Ok(bytes) if bytes.len() as u64 <= source.bytes_left => {
            source.bytes_left -= bytes.len() as u64;
            Some(bytes)
        }
        Ok(_) => {
            out.under(place, "uri", &codes::IO_ERROR, "Resource is too large.");
            None
        }
        Err(error) => {
            let mut reason = error.to_string();
            reason.truncate(reason.floor_char_boundary(200));
            let message = format!(
                "Resource not found ({}): {reason}.",
                crate::gltf::error::shortened(path)
            );
            out.under(place, "uri", &codes::IO_ERROR, message);
            None
        }
    }
}

/// What was found out about a list before anything is fetched.
pub(super) struct Looked<'a> {
    place: Cursor<'a>,
    found: Found<'a>,
}

/// Looks at the URIs of buffers: what is wrong with them is said before objects are linked.
pub(super) fn look_at_buffers<'a>(
    out: &mut Reporter,
    source: &Source<'_, '_>,
    root: Cursor<'a>,
) -> Vec<Looked<'a>> {
    super::local::list(root, "buffers")
        .map(|place| {
            let mut found = look(out, source, place);
            if let Found::Data { media_type, .. } = &found
                && !["application/octet-stream", "application/gltf-buffer"]
                    .contains(&media_type.to_ascii_lowercase().as_str())
            {
                let message = format!(
                    "Data URI media type must be 'application/octet-stream' or 'application/gltf-buffer'. Found '{}' instead.",
                    crate::gltf::error::shortened(media_type)
                );
                out.under(place, "uri", &codes::BUFFER_DATA_URI_MIME_TYPE_INVALID, message);
                found = Found::Nothing;
            }
            Looked { place, found }
        })
        .collect()
}

/// Looks at the URIs of pictures.
pub(super) fn look_at_images<'a>(
    out: &mut Reporter,
    source: &Source<'_, '_>,
    root: Cursor<'a>,
) -> Vec<Looked<'a>> {
    super::local::list(root, "images")
        .map(|place| {
            let mut found = look(out, source, place);
            if let Found::Data { media_type, bytes } = &found
                && picture::media_type(bytes) != Some(media_type.to_ascii_lowercase().as_str())
            {
                out.under(
                    place,
                    "uri",
                    &codes::INVALID_URI,
                    "Invalid URI. The declared mediatype does not match the embedded content.",
                );
                found = Found::Nothing;
            }
            Looked { place, found }
        })
        .collect()
}

/// Fetches the buffers and measures them.
pub(super) fn buffers<'a>(
    out: &mut Reporter,
    source: &mut Source<'_, '_>,
    looked: Vec<Looked<'_>>,
    binary: Option<&'a [u8]>,
) -> Vec<Option<Cow<'a, [u8]>>> {
    let mut buffers = Vec::with_capacity(looked.len());
    for (at, Looked { place, found }) in looked.into_iter().enumerate() {
        let length = unsigned(place, "byteLength")
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length > 0);
        let Some(length) = length else {
            buffers.push(None);
            continue;
        };
        let in_glb = source.is_glb && at == 0 && !has(place, "uri");
        let bytes: Option<Cow<'a, [u8]>> = match found {
            Found::Data { bytes, .. } => Some(bytes.into()),
            Found::File(path) => fetch(out, source, place, path).map(Cow::Owned),
            Found::Nothing if in_glb => {
                if binary.is_none() {
                    out.at(
                        place,
                        &codes::BUFFER_MISSING_GLB_DATA,
                        "Buffer refers to an unresolved GLB binary chunk.",
                    );
                }
                binary.map(Cow::Borrowed)
            }
            Found::Nothing => None,
        };
        let bytes = bytes.filter(|bytes| {
            let there = bytes.len();
            if there < length {
                let message = format!(
                    "Actual data byte length ({there}) is less than the declared buffer byte length ({length})."
                );
                out.at(place, &codes::BUFFER_BYTE_LENGTH_MISMATCH, message);
                return false;
            }
            let padded = length.next_multiple_of(4);
            if in_glb && there > padded {
                let message = format!(
                    "GLB-stored BIN chunk contains {} extra padding byte(s).",
                    there - padded
                );
                out.at(place, &codes::BUFFER_GLB_CHUNK_TOO_BIG, message);
            }
            true
        });
        buffers.push(bytes);
    }
    buffers
}

/// Reads the headers of the pictures, and checks the textures against them.
pub(super) fn images(
    out: &mut Reporter,
    source: &mut Source<'_, '_>,
    declared: &Declared<'_>,
    root: Cursor<'_>,
    looked: Vec<Looked<'_>>,
    (file, buffers): (&File<'_>, &super::elements::Buffers<'_>),
) {
    let mut types = Vec::with_capacity(looked.len());
    for Looked { place, found } in looked {
        let stated = text(place, "mimeType");
        types.push(stated);
        if place
            .entry("extensions")
            .is_some_and(|list| list.entries().next().is_some())
        {
            continue;
        }
        let in_view = has(place, "bufferView");
        let bytes: Option<Cow<'_, [u8]>> = match found {
            Found::Data { bytes, .. } => Some(bytes.into()),
            Found::File(path) => fetch(out, source, place, path).map(Cow::Owned),
            Found::Nothing => index(place, "bufferView").and_then(|view| {
                let view = file.views.get(view)?;
                let bytes = buffers.get(view.buffer?)?.as_ref()?;
                let start = view.offset?;
                Some(bytes.get(start..start.checked_add(view.length?)?)?.into())
            }),
        };
        let Some(bytes) = bytes else { continue };
        match picture::read(&bytes) {
            Ok(picture) => {
                let found = picture.media_type;
                if !media_types(declared).contains(&found) {
                    let message = format!("'{found}' MIME type requires an extension.");
                    out.at(place, &codes::IMAGE_NON_ENABLED_MIME_TYPE, message);
                }
                if stated.is_some_and(|stated| stated != found) {
                    let message = format!(
                        "Recognized image format '{found}' does not match declared image format."
                    );
                    let key = if in_view { "bufferView" } else { "uri" };
                    out.under(place, key, &codes::IMAGE_MIME_TYPE_INVALID, message);
                }
                let (width, height) = (picture.width, picture.height);
                if !width.is_power_of_two() || !height.is_power_of_two() {
                    let message =
                        format!("Image has non-power-of-two dimensions: {width}x{height}.");
                    out.at(place, &codes::IMAGE_NPOT_DIMENSIONS, message);
                }
                if picture.unusual {
                    out.at(
                        place,
                        &codes::IMAGE_FEATURES_UNSUPPORTED,
                        "Image contains unsupported features like non-default colorspace information, non-square pixels, or animation.",
                    );
                }
                if let Some(kind @ None) = types.last_mut() {
                    *kind = Some(found);
                }
            }
            Err(Unread::Format) => out.at(
                place,
                &codes::IMAGE_UNRECOGNIZED_FORMAT,
                "Image format not recognized.",
            ),
            Err(Unread::End) => out.at(
                place,
                &codes::IMAGE_UNEXPECTED_EOS,
                "Unexpected end of image stream.",
            ),
            Err(Unread::Invalid(reason)) => {
                let message = format!("Image data is invalid. {reason}.");
                out.at(place, &codes::IMAGE_DATA_INVALID, message);
            }
        }
    }
    for texture in super::local::list(root, "textures") {
        let webp = extension(declared, texture, "EXT_texture_webp");
        for (place, allowed) in [
            (Some(texture), &["image/jpeg", "image/png"][..]),
            (webp, &["image/webp"]),
        ] {
            let Some(place) = place else { continue };
            let kind = index(place, "source").and_then(|image| *types.get(image)?);
            if let Some(kind) = kind.filter(|kind| !allowed.contains(kind)) {
                let message = format!(
                    "Invalid MIME type '{}' for the texture source. Valid MIME types are {allowed:?}.",
                    crate::gltf::error::shortened(kind)
                );
                out.under(
                    place,
                    "source",
                    &codes::TEXTURE_INVALID_IMAGE_MIME_TYPE,
                    message,
                );
            }
        }
    }
}
