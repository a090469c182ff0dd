//! The GLB container, read to the end whatever is wrong with it.

use super::{codes, report::Reporter};

/// What a container holds.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) json: Option<&'a [u8]>,
    pub(super) binary: Option<&'a [u8]>,
}

const JSON: u32 = 0x4e4f_534a;
const BIN: u32 = 0x004e_4942;

/// Reads header and chunks; what is there is given even where something is wrong.
pub(super) fn read<'a>(out: &mut Reporter, file: &'a [u8]) -> Parts<'a> {
    let mut parts = Parts::default();
    if file.len() < 12 {
        out.offset(
            file.len(),
            &codes::GLB_UNEXPECTED_END_OF_HEADER,
            "Unexpected end of header.",
        );
        return parts;
    }
    let word = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&file[at..at + 4]);
        u32::from_le_bytes(word)
    };
    if word(0) != u32::from_le_bytes(*b"glTF") {
        let message = format!("Invalid GLB magic value ({}).", word(0));
        out.offset(0, &codes::GLB_INVALID_MAGIC, message);
        return parts;
    }
    if word(4) != 2 {
        let message = format!("Invalid GLB version value {}.", word(4));
        out.offset(4, &codes::GLB_INVALID_VERSION, message);
        return parts;
    }
    let total = word(8) as usize;
    if total <= 12 {
        let message = format!("Declared GLB length ({total}) is too small.");
        out.offset(8, &codes::GLB_LENGTH_TOO_SMALL, message);
    }
    let mut at = 12;
    let mut chunk = 0;
    let mut seen = [false; 2];
    while at < file.len() {
        if at == total {
            out.offset(
                at,
                &codes::GLB_EXTRA_DATA,
                "Extra data after the end of GLB stream.",
            );
            return parts;
        }
        if file.len() - at < 8 {
            out.offset(
                file.len(),
                &codes::GLB_UNEXPECTED_END_OF_CHUNK_HEADER,
                "Unexpected end of chunk header.",
            );
            return parts;
        }
        let (length, kind) = (word(at) as usize, word(at + 4));
        let name = format!("0x{kind:08x}");
        if !length.is_multiple_of(4) {
            let message = format!("Length of {name} chunk is not aligned to 4-byte boundaries.");
            out.offset(at, &codes::GLB_CHUNK_LENGTH_UNALIGNED, message);
        }
        if (at + 8).saturating_add(length) > total {
            let message =
                format!("Chunk ({name}) length ({length}) does not fit total GLB length.");
            out.offset(at, &codes::GLB_CHUNK_TOO_BIG, message);
        }
        if chunk == 0 && kind != JSON {
            let message = format!("First chunk must be of JSON type. Found {name} instead.");
            out.offset(at, &codes::GLB_UNEXPECTED_FIRST_CHUNK, message);
        }
        if kind == BIN && chunk > 1 && !seen[1] {
            out.offset(
                at,
                &codes::GLB_UNEXPECTED_BIN_CHUNK,
                "BIN chunk must be the second chunk.",
            );
        }
        let end = (at + 8).saturating_add(length);
        let data = file.get(at + 8..end);
        match kind {
            JSON | BIN => {
                let which = usize::from(kind == BIN);
                if length == 0 && kind == JSON {
                    let message = format!("Chunk ({name}) cannot have zero length.");
                    out.offset(at, &codes::GLB_EMPTY_CHUNK, message);
                } else if length == 0 {
                    out.offset(
                        at,
                        &codes::GLB_EMPTY_BIN_CHUNK,
                        "Empty BIN chunk should be omitted.",
                    );
                }
                if seen[which] {
                    let message = format!("Chunk of type {name} has already been used.");
                    out.offset(at, &codes::GLB_DUPLICATE_CHUNK, message);
                } else if kind == JSON {
                    parts.json = data.filter(|_| length > 0);
                } else {
                    parts.binary = data;
                }
                seen[which] = true;
            }
            _ => {
                let message = format!("Unknown GLB chunk type: {name}.");
                out.offset(at, &codes::GLB_UNKNOWN_CHUNK_TYPE, message);
            }
        }
        if data.is_none() {
            out.offset(
                file.len(),
                &codes::GLB_UNEXPECTED_END_OF_CHUNK_DATA,
                "Unexpected end of chunk data.",
            );
            // What was cut off is not looked at.
            return Parts::default();
        }
        at = end;
        chunk += 1;
    }
    if at != total {
        let message = format!("Declared length ({total}) does not match GLB length ({at}).");
        out.offset(at, &codes::GLB_LENGTH_MISMATCH, message);
    }
    parts
}
