//! What the headers of pictures say: format, size, and features that glTF does not have.

/// What is known of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) media_type: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Another colour space, animation, or pixels that are not square.
    pub(super) unusual: bool,
}

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    Format,
    End,
    Invalid(&'static str),
}

/// The media type by the first bytes.
pub(super) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
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
        ] => Some("image/webp"),
        _ => None,
    }
}

/// Reads the header of a picture.
pub(super) fn read(bytes: &[u8]) -> Result<Picture, Unread> {
    match media_type(bytes) {
        Some("image/png") => png(bytes),
        Some("image/jpeg") => jpeg(bytes),
        Some(_) => webp(bytes),
        None if bytes.len() < 9 => Err(Unread::End),
        None => Err(Unread::Format),
    }
}

fn big32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn big16(bytes: &[u8]) -> u32 {
    big32(&bytes[..2])
}

/// Chunks up to the first of pixels.
fn png(bytes: &[u8]) -> Result<Picture, Unread> {
    let mut rest = bytes.get(8..).ok_or(Unread::End)?;
    let mut picture = None;
    loop {
        let header = rest.get(..8).ok_or(Unread::End)?;
        let length = big32(&header[..4]) as usize;
        let kind = &header[4..];
        let whole = length.checked_add(12).ok_or(Unread::End)?;
        if kind == b"IDAT" || kind == b"IEND" {
            // The pixels themselves are not looked at.
            return picture.ok_or(Unread::Invalid("pixels before the header"));
        }
        let data = rest.get(8..8 + length).ok_or(Unread::End)?;
        rest = rest.get(whole..).ok_or(Unread::End)?;
        match (kind, &mut picture) {
            (b"IHDR", None) if length == 13 => {
                picture = Some(Picture {
                    media_type: "image/png",
                    width: big32(&data[..4]),
                    height: big32(&data[4..8]),
                    unusual: false,
                });
            }
            (_, None) => return Err(Unread::Invalid("no header at the beginning")),
            (b"iCCP" | b"cICP" | b"acTL", Some(picture)) => picture.unusual = true,
            (b"gAMA", Some(picture)) if length == 4 => {
                picture.unusual |= big32(data) != 45_455;
            }
            (b"pHYs", Some(picture)) if length == 9 => {
                picture.unusual |= data[..4] != data[4..8];
            }
            _ => {}
        }
    }
}

/// Segments up to the frame header.
fn jpeg(bytes: &[u8]) -> Result<Picture, Unread> {
    let mut rest = bytes.get(2..).ok_or(Unread::End)?;
    loop {
        let header = rest.get(..4).ok_or(Unread::End)?;
        if header[0] != 0xff {
            return Err(Unread::Invalid("a segment without a marker"));
        }
        let length = big16(&header[2..]) as usize;
        let frame = matches!(header[1], 0xc0..=0xcf) && !matches!(header[1], 0xc4 | 0xc8 | 0xcc);
        if frame {
            let frame = rest.get(4..9).ok_or(Unread::End)?;
            return Ok(Picture {
                media_type: "image/jpeg",
                height: big16(&frame[1..]),
                width: big16(&frame[3..]),
                unusual: false,
            });
        }
        rest = rest.get(2 + length.max(2)..).ok_or(Unread::End)?;
    }
}

fn webp(bytes: &[u8]) -> Result<Picture, Unread> {
    let chunk = bytes.get(12..30).ok_or(Unread::End)?;
    let little = |at: usize, count: usize| {
        let bytes = chunk[at..at + count].iter().rev();
        bytes.fold(0u32, |word, byte| word << 8 | u32::from(*byte))
    };
    let (width, height, unusual) = match &chunk[..4] {
        b"VP8 " => (little(14, 2) & 0x3fff, little(16, 2) & 0x3fff, false),
        b"VP8L" => {
            let bits = little(9, 4);
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, false)
        }
        // Flags: animation, and an ICC profile.
        b"VP8X" => (little(12, 3) + 1, little(15, 3) + 1, chunk[8] & 0x22 != 0),
        _ => return Err(Unread::Invalid("an unknown chunk")),
    };
    Ok(Picture {
        media_type: "image/webp",
        width,
        height,
        unusual,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_end_early_are_said_to() {
        let whole =
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x06\0\0\0\0\0\0\0\0\0\0\0IDAT";
        let picture = read(whole).unwrap();
        assert_eq!((picture.width, picture.height), (3, 2));
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Err(Unread::End), "{end}");
        }
        let frame = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc2\0\x11\x08\0\x10\0\x20";
        let picture = read(frame).unwrap();
        assert_eq!((picture.width, picture.height), (32, 16));
        assert_eq!(read(b"GIF89a and so on"), Err(Unread::Format));
    }
}
