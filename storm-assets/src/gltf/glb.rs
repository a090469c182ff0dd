//! The GLB container: a 12-byte header and chunks (glTF 2.0 §4).

use super::error::Problem;

const MAGIC: &[u8; 4] = b"glTF";
const JSON: u32 = u32::from_le_bytes(*b"JSON");
const BIN: u32 = u32::from_le_bytes(*b"BIN\0");

/// The parts of a file: its JSON, and the binary chunk if it is a GLB with one.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) json: &'a [u8],
    pub(super) binary: Option<&'a [u8]>,
    /// Whether it was a GLB at all.
    pub(super) is_glb: bool,
    /// Bytes after the length that the header states.
    pub(super) trailing: usize,
}

/// Splits a file. Whatever does not begin with the magic of GLB is taken for JSON.
pub(super) fn split(bytes: &[u8]) -> Result<Parts<'_>, Problem> {
    if !bytes.starts_with(MAGIC) {
        return Ok(Parts {
            json: bytes,
            binary: None,
            is_glb: false,
            trailing: 0,
        });
    }
    let broken = |offset: usize, expected: &'static str, found: String| Problem::Glb {
        offset,
        expected,
        found,
    };
    let word = |offset: usize| -> Option<u32> {
        let word = bytes.get(offset..offset.checked_add(4)?)?;
        Some(u32::from_le_bytes(word.try_into().ok()?))
    };
    let (Some(version), Some(length)) = (word(4), word(8)) else {
        return Err(broken(
            0,
            "a header of 12 bytes",
            format!("{} bytes", bytes.len()),
        ));
    };
    if version != 2 {
        return Err(broken(4, "version 2", format!("version {version}")));
    }
    let length = length as usize;
    if length > bytes.len() {
        return Err(broken(
            8,
            "a length within the file",
            format!("{length} bytes in a file of {}", bytes.len()),
        ));
    }
    let mut at = 12;
    let mut json = None;
    let mut binary = None;
    let mut index = 0;
    while at < length {
        let (Some(size), Some(kind)) = (word(at), word(at + 4)) else {
            return Err(broken(
                at,
                "a chunk header of 8 bytes",
                format!("{} bytes", length - at),
            ));
        };
        let start = at + 8;
        let data = start
            .checked_add(size as usize)
            .filter(|end| *end <= length)
            .and_then(|end| bytes.get(start..end));
        let Some(data) = data else {
            return Err(broken(
                at,
                "a chunk that ends within the file",
                format!("{size} bytes with {} left", length.saturating_sub(start)),
            ));
        };
        if !size.is_multiple_of(4) {
            return Err(broken(
                at,
                "a chunk length that is a multiple of 4",
                format!("{size}"),
            ));
        }
        match (index, kind) {
            (0, JSON) => json = Some(data),
            (0, _) => {
                return Err(broken(
                    at + 4,
                    "a JSON chunk first",
                    format!("type {kind:#010x}"),
                ));
            }
            (1, BIN) => binary = Some(data),
            (_, JSON | BIN) => {
                return Err(broken(
                    at + 4,
                    "one JSON chunk, then at most one BIN chunk",
                    format!("type {kind:#010x} as chunk {index}"),
                ));
            }
            // Chunks of other types belong to extensions and are skipped, as the specification asks.
            _ => {}
        }
        at = start + size as usize;
        index += 1;
    }
    let Some(json) = json else {
        return Err(broken(12, "a JSON chunk", "the end of the file".to_owned()));
    };
    Ok(Parts {
        json,
        binary,
        is_glb: true,
        trailing: bytes.len() - length,
    })
}
