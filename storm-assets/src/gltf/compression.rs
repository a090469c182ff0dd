//! Buffer views that are compressed (EXT_meshopt_compression, KHR_meshopt_compression): what they say, decoded.

use std::borrow::Cow;

use super::{context::Context, cursor::Cursor, error::Problem};
use crate::meshopt::{self, Filter, MeshoptError};

const NAMES: [&str; 2] = ["KHR_meshopt_compression", "EXT_meshopt_compression"];

fn extension<'a>(context: &Context, place: Cursor<'a>) -> Result<Option<Cursor<'a>>, Problem> {
    for name in NAMES {
        if let Some(extension) = context.extension(place, name)? {
            return Ok(Some(extension));
        }
    }
    Ok(None)
}

/// Whether a buffer only stands for what compressed views decode to.
pub(super) fn is_fallback(context: &Context, buffer: Cursor<'_>) -> Result<bool, Problem> {
    match extension(context, buffer)? {
        Some(extension) => Ok(extension.optional_bool("fallback")?.unwrap_or(false)),
        None => Ok(false),
    }
}

/// What a compressed view stands for: its bytes, and its stride where it has vertices.
type Decoded = (Vec<u8>, Option<usize>);

/// The bytes that a compressed view stands for, and its stride where it has vertices; `None` for a view that is not compressed.
///
/// The bytes are paid for before they are made, so a short stream that stands for much is refused by the limits.
pub(super) fn decode(
    context: &mut Context,
    view: Cursor<'_>,
    buffers: &[Option<Cow<'_, [u8]>>],
) -> Result<Option<Decoded>, Problem> {
    let Some(place) = extension(context, view)? else {
        return Ok(None);
    };
    let buffer = place.required("buffer")?.index(buffers.len(), "buffers")?;
    let offset = place.optional_size("byteOffset")?.unwrap_or(0);
    let length = place.required("byteLength")?.size()?;
    let Some(bytes) = &buffers[buffer] else {
        return Err(place.wrong_found(format!("buffer {buffer} to have bytes"), "none"));
    };
    let data = offset
        .checked_add(length)
        .and_then(|end| bytes.get(offset..end))
        .ok_or_else(|| {
            place.wrong_found(
                format!(
                    "a range within the {} bytes of buffer {buffer}",
                    bytes.len()
                ),
                format!("{length} bytes from {offset}"),
            )
        })?;
    let stride_place = place.required("byteStride")?;
    let stride = stride_place.size()?;
    let count_place = place.required("count")?;
    let count = count_place.size()?;
    let mode_place = place.required("mode")?;
    let mode = mode_place.text()?;
    let stride_fits = match mode {
        "ATTRIBUTES" => stride.is_multiple_of(4) && (4..=256).contains(&stride),
        "TRIANGLES" | "INDICES" => stride == 2 || stride == 4,
        _ => return Err(mode_place.wrong("ATTRIBUTES, TRIANGLES or INDICES")),
    };
    if !stride_fits {
        return Err(stride_place.wrong(match mode {
            "ATTRIBUTES" => "a multiple of 4 from 4 to 256",
            _ => "2 or 4",
        }));
    }
    if mode == "TRIANGLES" && !count.is_multiple_of(3) {
        return Err(count_place.wrong("a multiple of 3"));
    }
    let filter = match place.get("filter")? {
        None => Filter::None,
        Some(filter_place) => {
            let filter = match filter_place.text()? {
                "NONE" => Filter::None,
                "OCTAHEDRAL" => Filter::Octahedral,
                "QUATERNION" => Filter::Quaternion,
                "EXPONENTIAL" => Filter::Exponential,
                "COLOR" => Filter::Color,
                _ => {
                    return Err(
                        filter_place.wrong("NONE, OCTAHEDRAL, QUATERNION, EXPONENTIAL or COLOR")
                    );
                }
            };
            if filter != Filter::None && (mode != "ATTRIBUTES" || !filter.takes(stride)) {
                return Err(filter_place.wrong_found(
                    "a filter for this mode and stride",
                    format!("{filter:?} for {mode} of {stride} bytes"),
                ));
            }
            filter
        }
    };
    let size = count
        .checked_mul(stride)
        .ok_or_else(|| count_place.wrong("a smaller number"))?;
    let stated = view.required("byteLength")?;
    if stated.size()? < size {
        return Err(stated.wrong(format!("at least the {size} bytes that it decodes to")));
    }
    let broken =
        |error: MeshoptError| place.wrong_found(format!("{mode} that decode"), error.to_string());
    let mut out = context.budget.list::<u8>(size, || place.pointer())?;
    out.resize(size, 0);
    if mode == "ATTRIBUTES" {
        meshopt::attributes(data, stride, &mut out).map_err(broken)?;
        filter.apply(stride, &mut out);
        return Ok(Some((out, Some(stride))));
    }
    let mut indices = context.budget.list::<u32>(count, || place.pointer())?;
    indices.resize(count, 0);
    match mode {
        "TRIANGLES" => meshopt::triangles(data, &mut indices),
        _ => meshopt::indices(data, &mut indices),
    }
    .map_err(broken)?;
    for (to, index) in out.chunks_exact_mut(stride).zip(&indices) {
        // Of two bytes: higher indices belong to no mesh that has two-byte ones.
        to.copy_from_slice(&index.to_le_bytes()[..stride]);
    }
    Ok(Some((out, None)))
}
