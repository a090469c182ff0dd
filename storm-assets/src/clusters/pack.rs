//! Pages in a file, smaller than in memory: the numbers of a page as differences from the one before of their kind, byte by byte in streams of alike, each stream
//! Zstandard where that is smaller.
//!
//! Without loss for pages that a builder lays out: what is between the streams of a page is zero. One walk over the page writes and reads, so that both agree.

use std::io::Read;

use super::{ClusterRecord, PAGE_BYTES_MAX, PAGE_HEADER_WORDS, code, flags};

/// A window is allocated as large as a frame states it; no stream needs a larger one.
const WINDOW_MAX: u64 = 4 * PAGE_BYTES_MAX as u64;
/// Bytes of a stream at most: less than two for each of a page.
const STREAM_MAX: usize = 2 * PAGE_BYTES_MAX;
/// Words of a record.
const RECORD: usize = size_of::<ClusterRecord>() / 4;

/// The first of the streams of each kind; the next ones are for the higher bytes.
const RECORDS: usize = 0;
const POSITIONS: usize = 4;
const NORMALS: usize = 7;
const TANGENTS: usize = 9;
const UVS: usize = 11;
const COLORS: usize = 14;
const TRIANGLES: usize = 15;
const STREAMS: usize = 16;

/// Set in the length of a stream that is stored as it is.
const PLAIN: u32 = 1 << 31;

/// Zstandard of bytes.
pub(crate) fn compress(bytes: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// `length` bytes of Zstandard, which have to be all there are.
pub(crate) fn decompress(packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let broken = |error: &dyn std::fmt::Display| format!("Zstandard: {error}");
    let mut frame =
        ruzstd::decoding::StreamingDecoder::new_with_max_window_size(packed, WINDOW_MAX)
            .map_err(|error| broken(&error))?;
    let mut bytes = vec![0; length];
    frame
        .read_exact(&mut bytes)
        .map_err(|error| broken(&error))?;
    match frame.read(&mut [0]) {
        Ok(0) => Ok(bytes),
        Ok(_) => Err("more bytes than it states".into()),
        Err(error) => Err(broken(&error)),
    }
}

/// A page of `clusters` clusters, packed; `None` where it is not laid out as builders do.
pub(crate) fn pack(words: &[u32], clusters: usize, flags: u32) -> Option<Vec<u8>> {
    let mut walk = Walk {
        words: words.to_vec(),
        streams: Default::default(),
        at: None,
    };
    walk.page(clusters, flags).ok()?;
    let mut packed = Vec::new();
    for stream in &walk.streams {
        let small = compress(stream);
        let plain = small.len() >= stream.len();
        let stored = if plain { stream } else { &small };
        packed.extend((stream.len() as u32).to_le_bytes());
        packed.extend((stored.len() as u32 | if plain { PLAIN } else { 0 }).to_le_bytes());
        packed.extend_from_slice(stored);
    }
    unpack(&packed, words.len(), clusters, flags)
        .is_ok_and(|found| found == words)
        .then_some(packed)
}

/// The `words` words of a packed page.
pub(crate) fn unpack(
    mut packed: &[u8],
    words: usize,
    clusters: usize,
    flags: u32,
) -> Result<Vec<u32>, String> {
    fn take<'p>(packed: &mut &'p [u8], count: usize) -> Result<&'p [u8], String> {
        let (head, tail) = packed
            .split_at_checked(count)
            .ok_or("a stream that ends too early")?;
        *packed = tail;
        Ok(head)
    }
    let mut streams: [Vec<u8>; STREAMS] = Default::default();
    for stream in &mut streams {
        let mut number = || {
            let bytes = take(&mut packed, 4)?;
            Ok::<u32, String>(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let (length, stored) = (number()? as usize, number()?);
        if length > STREAM_MAX {
            return Err(format!("a stream of {length} bytes"));
        }
        let bytes = take(&mut packed, (stored & !PLAIN) as usize)?;
        *stream = if stored & PLAIN == 0 {
            decompress(bytes, length)?
        } else {
            bytes.to_vec()
        };
    }
    if !packed.is_empty() {
        return Err("bytes after the last stream".into());
    }
    if words < PAGE_HEADER_WORDS + clusters * RECORD {
        return Err("no room for its records".into());
    }
    let mut walk = Walk {
        words: vec![0; words],
        streams,
        at: Some([0; STREAMS]),
    };
    walk.words[0] = clusters as u32;
    walk.words[1] = words as u32;
    walk.page(clusters, flags)?;
    let at = walk.at.unwrap_or_default();
    if (0..STREAMS).any(|i| at[i] != walk.streams[i].len()) {
        return Err("more in a stream than the page has".into());
    }
    Ok(walk.words)
}

/// A page and its streams: from the page to the streams, or back.
struct Walk {
    words: Vec<u32>,
    streams: [Vec<u8>; STREAMS],
    /// Where the streams are read; none when they are written.
    at: Option<[usize; STREAMS]>,
}

/// A signed difference of so many bits as a number that is small where the difference is.
fn zigzag(difference: u32, bits: u32) -> u32 {
    let mask = ((1u64 << bits) - 1) as u32;
    let difference = difference & mask;
    if bits == 0 {
        0
    } else if difference >> (bits - 1) == 0 {
        difference << 1
    } else {
        ((!difference & mask) << 1) | 1
    }
}

fn unzigzag(code: u32) -> u32 {
    if code & 1 == 0 {
        code >> 1
    } else {
        !(code >> 1)
    }
}

impl Walk {
    /// A number of `bits` bits through its streams, a byte each.
    fn number(&mut self, stream: usize, bits: u32, value: u32) -> Result<u32, String> {
        let mut read = 0;
        for byte in 0..bits.div_ceil(8) {
            let stream_at = stream + byte as usize;
            let bytes = &mut self.streams[stream_at];
            if let Some(at) = &mut self.at {
                let at = &mut at[stream_at];
                let found = *bytes.get(*at).ok_or("a stream that ends too early")?;
                *at += 1;
                read |= u32::from(found) << (8 * byte);
            } else {
                bytes.push((value >> (8 * byte)) as u8);
            }
        }
        Ok(if self.at.is_some() { read } else { value })
    }

    /// A number of `bits` bits as its difference from `before`.
    fn difference(
        &mut self,
        stream: usize,
        bits: u32,
        value: u32,
        before: u32,
    ) -> Result<u32, String> {
        let code = self.number(stream, bits, zigzag(value.wrapping_sub(before), bits))?;
        let mask = ((1u64 << bits) - 1) as u32;
        Ok(before.wrapping_add(unzigzag(code)) & mask)
    }

    /// The bits of a page at `at` through a stream; `before` is what was there for the vertex before.
    fn bits(
        &mut self,
        stream: usize,
        bits: u32,
        at: &mut usize,
        before: &mut u32,
    ) -> Result<(), String> {
        let value = code::read_bits(&self.words, *at, bits);
        *before = self.difference(stream, bits, value, *before)?;
        if self.at.is_some() {
            let pair = u64::from(*before) << (*at % 32);
            self.words[*at / 32] |= pair as u32;
            self.words[*at / 32 + 1] |= (pair >> 32) as u32;
        }
        *at += bits as usize;
        Ok(())
    }

    fn page(&mut self, clusters: usize, flags: u32) -> Result<(), String> {
        // Word for word over all records: those of one kind are alike.
        for word in 0..RECORD {
            let mut before = 0;
            for cluster in 0..clusters {
                let at = PAGE_HEADER_WORDS + cluster * RECORD + word;
                let value = self.words[at];
                before = self.difference(RECORDS, 32, value, before)?;
                self.words[at] = before;
            }
        }
        for cluster in 0..clusters {
            let at = PAGE_HEADER_WORDS + cluster * RECORD;
            let record: ClusterRecord = bytemuck::cast_slice(&self.words[at..at + RECORD])[0];
            self.cluster(&record, flags)?;
        }
        Ok(())
    }

    fn cluster(&mut self, record: &ClusterRecord, flags: u32) -> Result<(), String> {
        let vertices = record.vertex_count() as usize;
        let triangles = record.triangle_count() as usize;
        let widths = record.position_bits();
        let uv = record.uv_widths();
        let has = |flag: u32| flags & flag != 0;
        // Bits are read in pairs of words, so there has to be one after the last.
        for (start, bits) in [
            (
                record.positions,
                vertices as u32 * widths.iter().sum::<u32>(),
            ),
            (
                record.attributes,
                vertices as u32 * record.attribute_bits(flags),
            ),
            (record.triangles, triangles as u32 * 24),
        ] {
            if start as usize + bits as usize / 32 + 1 >= self.words.len() {
                return Err("a stream outside of the page".into());
            }
        }
        if widths.iter().chain(&uv).any(|&bits| bits > 24) {
            return Err("too many bits of a coordinate".into());
        }
        let mut at = record.positions as usize * 32;
        let mut before = [0; 3];
        for _ in 0..vertices {
            for (before, bits) in before.iter_mut().zip(widths) {
                self.bits(POSITIONS, bits, &mut at, before)?;
            }
        }
        let mut at = record.attributes as usize * 32;
        let mut before = [0; 12];
        for _ in 0..vertices {
            let [nx, ny, angle, sign, u0, v0, u1, v1, colors @ ..] = &mut before;
            if has(flags::NORMALS) {
                self.bits(NORMALS, 12, &mut at, nx)?;
                self.bits(NORMALS, 12, &mut at, ny)?;
            }
            if has(flags::TANGENTS) {
                self.bits(TANGENTS, 10, &mut at, angle)?;
                self.bits(TANGENTS, 1, &mut at, sign)?;
            }
            if has(flags::UV0) {
                self.bits(UVS, uv[0], &mut at, u0)?;
                self.bits(UVS, uv[1], &mut at, v0)?;
            }
            if has(flags::UV1) {
                self.bits(UVS, uv[2], &mut at, u1)?;
                self.bits(UVS, uv[3], &mut at, v1)?;
            }
            if has(flags::COLORS) {
                for color in colors {
                    self.bits(COLORS, 8, &mut at, color)?;
                }
            }
        }
        // How far below the next vertex that was not named yet: 0 for a new one.
        let mut next = 0u32;
        for corner in 0..3 * triangles {
            let (word, shift) = (record.triangles as usize + corner / 4, 8 * (corner % 4));
            let value = self.words[word] >> shift & 0xff;
            let below = self.number(TRIANGLES, 8, next.wrapping_sub(value) & 0xff)?;
            let value = next.wrapping_sub(below) & 0xff;
            if self.at.is_some() {
                self.words[word] |= value << shift;
            }
            next = next.max(value + 1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_small_where_numbers_are_near_and_come_back() {
        for bits in [1, 5, 12, 24, 32] {
            let mask = ((1u64 << bits) - 1) as u32;
            for difference in [0, 1, 2, 77, 0x1234_5678, u32::MAX, u32::MAX - 1, 1 << 31] {
                let code = zigzag(difference, bits);
                assert!(code <= mask, "{difference} in {bits} bits: {code}");
                assert_eq!(unzigzag(code) & mask, difference & mask, "{bits} bits");
            }
            assert_eq!(zigzag(mask, bits), 1);
        }
        assert_eq!(zigzag(0, 0), 0);
    }

    /// A page of two clusters, its streams filled with what looks like noise.
    fn page() -> Vec<u32> {
        let record = |vertices: u32, triangles: u32, start: u32| {
            let bits = [7, 0, 24];
            let position = start;
            let attributes = position + (vertices * 31).div_ceil(32);
            let record = ClusterRecord {
                counts: (vertices - 1) | (triangles - 1) << 8 | bits[0] << 16 | bits[2] << 26,
                positions: position,
                attributes,
                uv_bits: 13 | 9 << 5,
                triangles: 0,
                level: 3,
                ..ClusterRecord::default()
            };
            let each = record.attribute_bits(FLAGS);
            let triangles_at = attributes + (vertices * each).div_ceil(32);
            let end = triangles_at + (triangles * 3).div_ceil(4);
            let record = ClusterRecord {
                triangles: triangles_at,
                ..record
            };
            (record, end)
        };
        let (a, end) = record(100, 127, 44);
        let (b, end) = record(3, 1, end);
        let mut words = vec![2, end + 2, 0, 0];
        words.extend_from_slice(bytemuck::cast_slice(&[a, b]));
        words.resize(end as usize + 2, 0);
        let mut noise = 1u32;
        for record in [a, b] {
            let vertices = record.vertex_count();
            let streams = [
                (record.positions, vertices * 31),
                (record.attributes, vertices * record.attribute_bits(FLAGS)),
                (record.triangles, record.triangle_count() * 24),
            ];
            for (start, bits) in streams {
                for bit in 0..bits {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let at = start + bit / 32;
                    words[at as usize] |= (noise >> 31) << (bit % 32);
                }
            }
        }
        words
    }

    const FLAGS: u32 = flags::NORMALS | flags::TANGENTS | flags::UV0 | flags::COLORS;

    #[test]
    fn a_page_comes_back_bit_for_bit_or_is_not_packed() {
        let words = page();
        let packed = pack(&words, 2, FLAGS).expect("laid out as builders do");
        assert_eq!(unpack(&packed, words.len(), 2, FLAGS), Ok(words.clone()));
        // Something between the streams: that would be lost.
        let mut odd = words.clone();
        *odd.last_mut().expect("some") = 1;
        assert_eq!(pack(&odd, 2, FLAGS), None);
        // A stream that is not in the page.
        let mut odd = words;
        odd[4 + 10] = 1 << 20;
        assert_eq!(pack(&odd, 2, FLAGS), None);
    }

    #[test]
    fn any_byte_of_a_packed_page_may_be_wrong() {
        let words = page();
        let packed = pack(&words, 2, FLAGS).expect("laid out as builders do");
        for at in 0..packed.len() {
            for flip in [1, 0x80, 0xff] {
                let mut bad = packed.clone();
                bad[at] ^= flip;
                // An error, or a page of the stated size.
                if let Ok(found) = unpack(&bad, words.len(), 2, FLAGS) {
                    assert_eq!(found.len(), words.len());
                }
            }
            assert!(unpack(&packed[..at], words.len(), 2, FLAGS).is_err());
        }
        for words in [0, 3, 20, 43, 44, 60] {
            assert!(unpack(&packed, words, 2, FLAGS).is_err());
        }
    }
}
