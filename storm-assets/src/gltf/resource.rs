//! Buffers and buffer views: where the bytes are, checked once.

use std::{borrow::Cow, io};

use super::{
    compression,
    context::Context,
    cursor::Cursor,
    error::{Problem, shortened},
    options::Stage,
    uri::{self, Uri},
};

/// What a file beside the glTF is wanted for, and how large it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The URI as the file has it: relative, neither `data:` nor absolute; possibly percent-encoded.
    pub uri: &'a str,
    /// The most bytes to give; a resolver that has more should fail rather than read them.
    pub bytes_max: u64,
}

/// Gives the bytes of a file beside the glTF. See [`Request`].
pub type Resolver<'r> = dyn FnMut(Request<'_>) -> io::Result<Vec<u8>> + 'r;

/// Fetches the bytes behind a URI; gives its media type too if it is a data URI.
pub(super) fn fetch<'a>(
    context: &mut Context,
    resolver: &mut Resolver<'_>,
    place: Cursor<'a>,
) -> Result<(Vec<u8>, Option<&'a str>), Problem> {
    let text = place.text()?;
    let refused = |reason: String| Problem::Uri {
        pointer: place.pointer(),
        uri: shortened(text),
        reason,
    };
    match uri::parse(text).map_err(refused)? {
        Uri::Data {
            media_type,
            base64,
            body,
        } => {
            context.budget.input(body.len(), || place.pointer())?;
            let bytes = uri::decode_data(body, base64).map_err(refused)?;
            Ok((bytes, Some(media_type)))
        }
        Uri::Relative(relative) => {
            // Checked here, too, so that no resolver is asked for a path that leaves its folder.
            uri::segments(relative).map_err(refused)?;
            let request = Request {
                uri: relative,
                bytes_max: context.budget.input_left(),
            };
            let bytes = resolver(request).map_err(|source| Problem::Resource {
                pointer: place.pointer(),
                uri: shortened(text),
                source,
            })?;
            context.budget.input(bytes.len(), || place.pointer())?;
            Ok((bytes, None))
        }
    }
}

/// The buffers of a file. One without a URI and without a binary chunk has no bytes, which is an error once it is used.
pub(super) fn buffers<'a>(
    context: &mut Context,
    resolver: &mut Resolver<'_>,
    root: Cursor<'a>,
    (is_glb, binary): (bool, Option<&'a [u8]>),
) -> Result<Vec<Option<Cow<'a, [u8]>>>, Problem> {
    context.list(root, "buffers", |context, buffer, index| {
        let length_place = buffer.required("byteLength")?;
        let length = length_place.size()?;
        if length == 0 {
            return Err(length_place.wrong("at least 1 byte"));
        }
        // Stands for what compressed views decode to; its bytes, if any, are for readers that do not know the extension.
        if compression::is_fallback(context, buffer)? {
            context.part_done(Stage::Buffer)?;
            return Ok(None);
        }
        let bytes: Option<Cow<'a, [u8]>> = match buffer.get("uri")? {
            Some(place) => Some(Cow::Owned(fetch(context, resolver, place)?.0)),
            None if index == 0 && is_glb => {
                if binary.is_none() {
                    context.warn(buffer, || {
                        "has no URI, and the file no binary chunk: there are no bytes".to_owned()
                    });
                }
                binary.map(Cow::Borrowed)
            }
            None => None,
        };
        let bytes = match bytes {
            None => None,
            Some(bytes) if bytes.len() < length => {
                return Err(length_place.wrong_found(
                    format!("at most the {} bytes there are", bytes.len()),
                    length.to_string(),
                ));
            }
            Some(Cow::Borrowed(bytes)) => {
                if bytes.len() > length + 3 {
                    context.warn(length_place, || {
                        format!(
                            "the binary chunk holds {} bytes more than this",
                            bytes.len() - length
                        )
                    });
                }
                Some(Cow::Borrowed(&bytes[..length]))
            }
            Some(Cow::Owned(mut bytes)) => {
                bytes.truncate(length);
                Some(Cow::Owned(bytes))
            }
        };
        context.part_done(Stage::Buffer)?;
        Ok(bytes)
    })
}

/// A range of a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) place: Cursor<'a>,
    pub(super) buffer: usize,
    pub(super) offset: usize,
    pub(super) length: usize,
    pub(super) stride: Option<usize>,
}

/// The buffer views of a file, each within its buffer. What compressed views decode to is put behind the buffers.
pub(super) fn views<'a>(
    context: &mut Context,
    root: Cursor<'a>,
    buffers: &mut Vec<Option<Cow<'a, [u8]>>>,
) -> Result<Vec<View<'a>>, Problem> {
    let declared = buffers.len();
    context.list(root, "bufferViews", |context, place, _| {
        let buffers_declared = &buffers[..declared];
        if let Some((bytes, stride)) = compression::decode(context, place, buffers_declared)? {
            // The list doubles when it grows.
            context
                .budget
                .values::<[Option<Cow<'_, [u8]>>; 3]>(1, || place.pointer())?;
            let view = View {
                place,
                buffer: buffers.len(),
                offset: 0,
                length: bytes.len(),
                stride,
            };
            buffers.push(Some(Cow::Owned(bytes)));
            return Ok(view);
        }
        let buffers = buffers_declared;
        let buffer = place.required("buffer")?.index(buffers.len(), "buffers")?;
        let offset = place.optional_size("byteOffset")?.unwrap_or(0);
        let length_place = place.required("byteLength")?;
        let length = length_place.size()?;
        if length == 0 {
            return Err(length_place.wrong("at least 1 byte"));
        }
        let end = offset
            .checked_add(length)
            .ok_or_else(|| length_place.wrong("a length that fits the address space"))?;
        if let Some(bytes) = &buffers[buffer]
            && end > bytes.len()
        {
            return Err(place.wrong_found(
                format!(
                    "a range within the {} bytes of buffer {buffer}",
                    bytes.len()
                ),
                format!("{offset} to {end}"),
            ));
        }
        let stride = match place.get("byteStride")? {
            None => None,
            Some(stride) => {
                let value = stride.size()?;
                if !(4..=252).contains(&value) || !value.is_multiple_of(4) {
                    return Err(stride.wrong("a multiple of 4 from 4 to 252"));
                }
                if value > length {
                    context.warn(stride, || {
                        format!("is more than the {length} bytes of the view")
                    });
                }
                Some(value)
            }
        };
        if let Some(target) = place.get("target")? {
            match target.unsigned()? {
                34962 => {}
                34963 if stride.is_none() => {}
                34963 => context.warn(target, || {
                    "is for indices, which are to have no byteStride".to_owned()
                }),
                _ => context.warn(target, || {
                    "is neither 34962 nor 34963; the hint is ignored".to_owned()
                }),
            }
        }
        Ok(View {
            place,
            buffer,
            offset,
            length,
            stride,
        })
    })
}

/// The bytes of a view.
pub(super) fn view_bytes<'b>(
    view: &View<'_>,
    buffers: &'b [Option<Cow<'_, [u8]>>],
) -> Result<&'b [u8], Problem> {
    match &buffers[view.buffer] {
        // `views` has checked the range.
        Some(bytes) => Ok(&bytes[view.offset..view.offset + view.length]),
        None => Err(view.place.wrong_found(
            format!("buffer {} to have bytes", view.buffer),
            "neither a URI nor a binary chunk",
        )),
    }
}
