//! Decoders of EXT_meshopt_compression and KHR_meshopt_compression: attributes (versions 0 and 1), triangles, index lists, and the filters.
//!
//! The glTF reader calls them by itself. They stand alone for other containers of the same streams.
//!
//! After the specification of the extension, Appendix A (bitstreams) and B (filters). Every read is checked: a stream that ends early, or
//! has bytes left, is an error. The output is made by the caller, who has paid for it, so no stream asks for memory.

/// Why a stream cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MeshoptError {
    /// The first byte is not that of a known version.
    Header {
        /// That of version 0.
        expected: u8,
        /// That of the stream.
        found: u8,
    },
    /// The stream ends before the data do.
    Short,
    /// The data end before the stream does.
    Long {
        /// How many bytes are left.
        bytes: usize,
    },
    /// A vertex channel says how it is coded in a way that the specification does not have.
    Channel(u8),
    /// Elements of this many bytes cannot be coded so, or there is no whole number of them.
    Stride(usize),
}

impl std::error::Error for MeshoptError {}

impl std::fmt::Display for MeshoptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header { expected, found } => write!(
                f,
                "a first byte of {found:#04x}, not {expected:#04x} or the version after it"
            ),
            Self::Short => f.write_str("a stream that ends too early"),
            Self::Long { bytes } => write!(f, "{bytes} bytes after the last element"),
            Self::Channel(mode) => write!(f, "channel mode {mode}"),
            Self::Stride(stride) => write!(f, "elements of {stride} bytes"),
        }
    }
}

/// How the values are to be turned once they are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// They are what they are.
    None,
    /// Unit vectors, as octahedral coordinates; 4 or 8 bytes.
    Octahedral,
    /// Unit quaternions without their largest component; 8 bytes.
    Quaternion,
    /// Floats as mantissa and exponent; a multiple of 4 bytes.
    Exponential,
    /// Colours as luma and chroma; 4 or 8 bytes.
    Color,
}

/// The version of a stream, whose first byte is `magic` with the version in its low four bits.
fn version(data: &[u8], magic: u8) -> Result<u8, MeshoptError> {
    let found = *data.first().ok_or(MeshoptError::Short)?;
    match found ^ magic {
        version @ 0..=1 => Ok(version),
        _ => Err(MeshoptError::Header {
            expected: magic,
            found,
        }),
    }
}

/// Takes the first `count` bytes.
fn take<'d>(data: &mut &'d [u8], count: usize) -> Result<&'d [u8], MeshoptError> {
    let (head, tail) = data.split_at_checked(count).ok_or(MeshoptError::Short)?;
    *data = tail;
    Ok(head)
}

/// Values of one byte channel that are coded together.
const GROUP: usize = 16;
/// The most vertices of a block.
const BLOCK_MAX: usize = 256;
/// The most bytes of a block.
const BLOCK_BYTES_MAX: usize = 8192;

/// Decodes `out.len() / stride` vertices of `stride` bytes, a multiple of 4 up to 256. Cost: about one look at each byte.
///
/// ```
/// use storm_assets::meshopt;
///
/// // Two vertices of four bytes: a header, one block in which nothing changes, and the first vertex at the end.
/// let mut stream = vec![0xa0];
/// stream.extend([0; 4]);
/// stream.extend([0; 28]);
/// stream.extend([7, 0, 0, 9]);
/// let mut vertices = [0; 8];
/// meshopt::attributes(&stream, 4, &mut vertices)?;
/// assert_eq!(vertices, [7, 0, 0, 9, 7, 0, 0, 9]);
/// assert_eq!(meshopt::attributes(&stream[..9], 4, &mut vertices).unwrap_err().to_string(), "a stream that ends too early");
/// # Ok::<(), meshopt::MeshoptError>(())
/// ```
///
/// # Errors
/// When the stream is not one of so many such vertices. `out` holds anything then.
pub fn attributes(data: &[u8], stride: usize, out: &mut [u8]) -> Result<(), MeshoptError> {
    if !stride.is_multiple_of(4)
        || !(4..=256).contains(&stride)
        || !out.len().is_multiple_of(stride)
    {
        return Err(MeshoptError::Stride(stride));
    }
    let version = version(data, 0xa0)?;
    // At the end stand the first vertex and, from version 1, a byte for each four channels; padded to a length for readers that look ahead.
    let channels_len = if version == 0 { 0 } else { stride / 4 };
    let tail_len = stride + channels_len;
    let padded = tail_len.max(if version == 0 { 32 } else { 24 });
    if data.len() < 1 + padded {
        return Err(MeshoptError::Short);
    }
    let mut stream = &data[1..];
    let tail = &data[data.len() - tail_len..];
    let mut last = [0; 256];
    last[..stride].copy_from_slice(&tail[..stride]);
    let channels = &tail[stride..];
    let block = ((BLOCK_BYTES_MAX / stride) & !(GROUP - 1)).min(BLOCK_MAX);
    for vertices in out.chunks_mut(block * stride) {
        vertex_block(&mut stream, stride, &mut last, channels, vertices)?;
    }
    let left = stream
        .len()
        .checked_sub(padded)
        .ok_or(MeshoptError::Short)?;
    match left {
        0 => Ok(()),
        bytes => Err(MeshoptError::Long { bytes }),
    }
}

/// One block: the bytes of each channel, as differences from one vertex to the next.
fn vertex_block(
    stream: &mut &[u8],
    stride: usize,
    last: &mut [u8; 256],
    channels: &[u8],
    out: &mut [u8],
) -> Result<(), MeshoptError> {
    let count = out.len() / stride;
    let control = if channels.is_empty() {
        &[]
    } else {
        take(stream, stride / 4)?
    };
    let mut lanes = [[0; BLOCK_MAX]; 4];
    for first in (0..stride).step_by(4) {
        let control = control.get(first / 4).copied();
        for (lane, bytes) in lanes.iter_mut().enumerate() {
            let mode = control.map(|byte| byte >> (lane * 2) & 3);
            match mode {
                Some(3) => bytes[..count].copy_from_slice(take(stream, count)?),
                Some(2) => bytes[..count].fill(0),
                Some(1) => byte_groups(stream, [1, 2, 4, 8], &mut bytes[..], count)?,
                Some(_) => byte_groups(stream, [0, 1, 2, 4], &mut bytes[..], count)?,
                None => byte_groups(stream, [0, 2, 4, 8], &mut bytes[..], count)?,
            }
        }
        let previous = &mut last[first..first + 4];
        match channels.get(first / 4).map_or(0, |channel| channel & 3) {
            0 => {
                for (lane, bytes) in lanes.iter().enumerate() {
                    let mut value = previous[lane];
                    let vertices = out[first + lane..].iter_mut().step_by(stride);
                    for (to, delta) in vertices.zip(&bytes[..count]) {
                        value = value.wrapping_add(unzigzag8(*delta));
                        *to = value;
                    }
                    previous[lane] = value;
                }
            }
            1 => {
                for pair in [0, 2] {
                    let mut value = u16::from_le_bytes([previous[pair], previous[pair + 1]]);
                    for (i, vertex) in out.chunks_exact_mut(stride).enumerate() {
                        let delta = u16::from_le_bytes([lanes[pair][i], lanes[pair + 1][i]]);
                        value = value.wrapping_add((delta >> 1) ^ (delta & 1).wrapping_neg());
                        vertex[first + pair..][..2].copy_from_slice(&value.to_le_bytes());
                    }
                    previous[pair..pair + 2].copy_from_slice(&value.to_le_bytes());
                }
            }
            2 => {
                let turn = u32::from(channels[first / 4] >> 4);
                let mut value =
                    u32::from_le_bytes([previous[0], previous[1], previous[2], previous[3]]);
                for (i, vertex) in out.chunks_exact_mut(stride).enumerate() {
                    let delta = u32::from_le_bytes(lanes.map(|lane| lane[i]));
                    value ^= delta.rotate_right(turn);
                    vertex[first..][..4].copy_from_slice(&value.to_le_bytes());
                }
                previous.copy_from_slice(&value.to_le_bytes());
            }
            mode => return Err(MeshoptError::Channel(mode)),
        }
    }
    Ok(())
}

fn unzigzag8(value: u8) -> u8 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}

/// `count` bytes in groups of 16, each with one of four widths; two bits a group say which.
fn byte_groups(
    stream: &mut &[u8],
    widths: [u8; 4],
    out: &mut [u8],
    count: usize,
) -> Result<(), MeshoptError> {
    let groups = count.div_ceil(GROUP);
    let header = take(stream, groups.div_ceil(4))?;
    for (group, values) in out.chunks_exact_mut(GROUP).take(groups).enumerate() {
        let width = widths[usize::from(header[group / 4] >> (group % 4 * 2) & 3)];
        match width {
            0 => values.fill(0),
            8 => values.copy_from_slice(take(stream, GROUP)?),
            bits => {
                let packed = take(stream, usize::from(bits) * GROUP / 8)?;
                let escape = (1u8 << bits) - 1;
                let per_byte = usize::from(8 / bits);
                for (i, value) in values.iter_mut().enumerate() {
                    let byte = packed[i / per_byte];
                    let place = (i % per_byte) as u8;
                    // Single bits go up from the lowest, wider values down from the highest.
                    let shift = if bits == 1 {
                        place
                    } else {
                        8 - bits * (place + 1)
                    };
                    *value = byte >> shift & escape;
                    if *value == escape {
                        *value = take(stream, 1)?[0];
                    }
                }
            }
        }
    }
    Ok(())
}

/// A number of 7 bits a byte, low ones first, at most five bytes.
fn variable(stream: &mut &[u8]) -> Result<u32, MeshoptError> {
    let mut value = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = take(stream, 1)?[0];
        value |= u32::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    Ok(value)
}

/// The index that is coded as a difference from `last`.
fn difference(stream: &mut &[u8], last: u32) -> Result<u32, MeshoptError> {
    let code = variable(stream)?;
    Ok(last.wrapping_add((code >> 1) ^ (code & 1).wrapping_neg()))
}

/// The last 16 things, newest first.
struct Recent<T> {
    list: [T; 16],
    next: usize,
}

impl<T: Copy> Recent<T> {
    fn new(fill: T) -> Self {
        Self {
            list: [fill; 16],
            next: 0,
        }
    }

    fn push(&mut self, value: T) {
        self.list[self.next & 15] = value;
        self.next = (self.next + 1) & 15;
    }

    /// The thing that was pushed `ago` pushes before the last.
    fn get(&self, ago: u8) -> T {
        self.list[self.next.wrapping_sub(1 + usize::from(ago)) & 15]
    }
}

/// Numbers vertices in the order in which they first turn up.
struct Counter(u32);

impl Counter {
    fn next(&mut self) -> u32 {
        let vertex = self.0;
        self.0 = vertex.wrapping_add(1);
        vertex
    }
}

/// Decodes `out.len() / 3` triangles. Indices may be any numbers: who uses them checks them.
///
/// # Errors
/// When the stream is not one of so many triangles. `out` holds anything then.
pub fn triangles(data: &[u8], out: &mut [u32]) -> Result<(), MeshoptError> {
    if !out.len().is_multiple_of(3) {
        return Err(MeshoptError::Stride(12));
    }
    let version = version(data, 0xe0)?;
    let mut rest = &data[1..];
    let codes = take(&mut rest, out.len() / 3)?;
    let body = rest.len().checked_sub(16).ok_or(MeshoptError::Short)?;
    let (mut stream, common) = rest.split_at(body);
    let mut edges = Recent::new((u32::MAX, u32::MAX));
    let mut vertices = Recent::new(u32::MAX);
    let mut new = Counter(0);
    let mut last = 0u32;
    // From version 1 the codes 13 and 14 are one below and one above the last free index.
    let shared_max = if version == 0 { 15 } else { 13 };
    for (&code, triangle) in codes.iter().zip(out.chunks_exact_mut(3)) {
        let (high, low) = (code >> 4, code & 15);
        if high < 15 {
            let (a, b) = edges.get(high);
            let c = if low < shared_max {
                if low == 0 {
                    let c = new.next();
                    vertices.push(c);
                    c
                } else {
                    vertices.get(low)
                }
            } else {
                last = match low {
                    13 => last.wrapping_sub(1),
                    14 => last.wrapping_add(1),
                    _ => difference(&mut stream, last)?,
                };
                vertices.push(last);
                last
            };
            edges.push((c, b));
            edges.push((a, c));
            triangle.copy_from_slice(&[a, b, c]);
            continue;
        }
        let [a, b, c] = if low < 14 {
            let code = common[usize::from(low)];
            let a = new.next();
            let mut corner = |code: u8| match code {
                0 => (new.next(), true),
                // The first corner is not yet among the recent ones.
                ago => (vertices.get(ago - 1), false),
            };
            let (b, b_is_new) = corner(code >> 4);
            let (c, c_is_new) = corner(code & 15);
            vertices.push(a);
            if b_is_new {
                vertices.push(b);
            }
            if c_is_new {
                vertices.push(c);
            }
            [a, b, c]
        } else {
            let code = take(&mut stream, 1)?[0];
            let first = if low == 14 { 0 } else { 15 };
            // All new: counting starts again.
            if code == 0 {
                new = Counter(0);
            }
            let mut corners = [(0, false); 3];
            for (corner, code) in corners.iter_mut().zip([first, code >> 4, code & 15]) {
                *corner = match code {
                    0 => (new.next(), true),
                    15 => (0, true),
                    ago => (vertices.get(ago - 1), false),
                };
            }
            for (corner, code) in corners.iter_mut().zip([first, code >> 4, code & 15]) {
                if code == 15 {
                    last = difference(&mut stream, last)?;
                    corner.0 = last;
                }
            }
            vertices.push(corners[0].0);
            for (vertex, _) in corners[1..].iter().filter(|(_, is_new)| *is_new) {
                vertices.push(*vertex);
            }
            corners.map(|(vertex, _)| vertex)
        };
        edges.push((b, a));
        edges.push((c, b));
        edges.push((a, c));
        triangle.copy_from_slice(&[a, b, c]);
    }
    finished(stream)
}

/// Decodes `out.len()` indices of any topology. They may be any numbers: who uses them checks them.
///
/// # Errors
/// When the stream is not one of so many indices. `out` holds anything then.
pub fn indices(data: &[u8], out: &mut [u32]) -> Result<(), MeshoptError> {
    version(data, 0xd0)?;
    let body = data.len().checked_sub(1 + 4).ok_or(MeshoptError::Short)?;
    let mut stream = &data[1..1 + body];
    let mut last = [0u32; 2];
    for index in out {
        let code = variable(&mut stream)?;
        let last = &mut last[(code & 1) as usize];
        let delta = code >> 1;
        *last = last.wrapping_add((delta >> 1) ^ (delta & 1).wrapping_neg());
        *index = *last;
    }
    finished(stream)
}

fn finished(stream: &[u8]) -> Result<(), MeshoptError> {
    match stream.len() {
        0 => Ok(()),
        bytes => Err(MeshoptError::Long { bytes }),
    }
}

impl Filter {
    /// Whether the filter works on elements of `stride` bytes.
    #[must_use]
    pub fn takes(self, stride: usize) -> bool {
        match self {
            Self::None => true,
            Self::Octahedral | Self::Color => stride == 4 || stride == 8,
            Self::Quaternion => stride == 8,
            Self::Exponential => stride.is_multiple_of(4),
        }
    }

    /// Turns decoded values into what they stand for, in place. Does nothing for a `stride` that the filter does not [take](Self::takes).
    pub fn apply(self, stride: usize, values: &mut [u8]) {
        if !self.takes(stride) {
            return;
        }
        match (self, stride) {
            (Self::None, _) => {}
            (Self::Octahedral, 4) => {
                for value in values.as_chunks_mut::<4>().0 {
                    let [x, y, one, w] = value.map(|byte| i32::from(byte.cast_signed()));
                    let [x, y, z] = octahedral(x, y, one, 127.0);
                    *value = [x, y, z, w].map(|component| component as u8);
                }
            }
            (Self::Octahedral, _) => {
                for value in values.as_chunks_mut::<8>().0 {
                    let [x, y, one, w] = shorts(value).map(i32::from);
                    let [x, y, z] = octahedral(x, y, one, 32767.0);
                    put_shorts(value, [x, y, z, w].map(|component| component as i16));
                }
            }
            (Self::Quaternion, _) => {
                for value in values.as_chunks_mut::<8>().0 {
                    let rotation = quaternion(shorts(value));
                    put_shorts(value, rotation);
                }
            }
            (Self::Exponential, _) => {
                for value in values.as_chunks_mut::<4>().0 {
                    let word = i32::from_le_bytes(*value);
                    let mantissa = f64::from(word << 8 >> 8);
                    // At most 23 bits times 2^127: exact in 64 bits, rounded once here.
                    let number = (mantissa * f64::from(word >> 24).exp2()) as f32;
                    *value = number.to_le_bytes();
                }
            }
            (Self::Color, 4) => {
                for value in values.as_chunks_mut::<4>().0 {
                    let [y, co, cg, a] = *value;
                    let signed = |byte: u8| i32::from(byte.cast_signed());
                    let rgba = color(i32::from(y), signed(co), signed(cg), u32::from(a), 8);
                    *value = rgba.map(|component| component as u8);
                }
            }
            (Self::Color, _) => {
                for value in values.as_chunks_mut::<8>().0 {
                    let [y, co, cg, a] = shorts(value);
                    let unsigned = |short: i16| short.cast_unsigned();
                    let (co, cg) = (i32::from(co), i32::from(cg));
                    let rgba = color(i32::from(unsigned(y)), co, cg, u32::from(unsigned(a)), 16);
                    put_shorts(value, rgba.map(|component| component as i16));
                }
            }
        }
    }
}

fn shorts(bytes: &[u8; 8]) -> [i16; 4] {
    let [a, b, c, d, e, f, g, h] = *bytes;
    [[a, b], [c, d], [e, f], [g, h]].map(i16::from_le_bytes)
}

fn put_shorts(bytes: &mut [u8; 8], values: [i16; 4]) {
    for (to, value) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(values) {
        *to = value.to_le_bytes();
    }
}

/// A unit vector from its place on an octahedron whose corners are at `one`, scaled to `max`.
fn octahedral(x: i32, y: i32, one: i32, max: f32) -> [i32; 3] {
    let [mut x, mut y] = [x as f32, y as f32];
    let z = one as f32 - x.abs() - y.abs();
    // The lower half is folded over the upper one.
    let fold = z.min(0.0);
    x += if x >= 0.0 { fold } else { -fold };
    y += if y >= 0.0 { fold } else { -fold };
    let scale = max / (x * x + y * y + z * z).sqrt();
    // Not a number becomes 0.
    [x, y, z].map(|component| away(component * scale))
}

/// To the nearest integer, halves away from 0.
fn away(value: f32) -> i32 {
    (value + if value >= 0.0 { 0.5 } else { -0.5 }) as i32
}

/// A unit quaternion from its three smaller components; the last one says which is the largest, and the scale.
fn quaternion([x, y, z, last]: [i16; 4]) -> [i16; 4] {
    let scale = std::f32::consts::FRAC_1_SQRT_2 / f32::from(last | 3);
    let [x, y, z] = [x, y, z].map(|component| f32::from(component) * scale);
    let w = (1.0 - x * x - y * y - z * z).max(0.0).sqrt();
    let largest = usize::from(last.cast_unsigned() & 3);
    let mut rotation = [0; 4];
    for (turn, component) in [(1, x), (2, y), (3, z), (0, w)] {
        rotation[(largest + turn) & 3] = away(component * 32767.0) as i16;
    }
    rotation
}

/// Red, green, blue and alpha of `bits` from luma, two chroma differences and an alpha whose highest bit says the scale.
fn color(y: i32, co: i32, cg: i32, alpha: u32, bits: u32) -> [u32; 4] {
    let max = (1u32 << bits) - 1;
    // All ones below the highest bit of alpha.
    let scale = u32::MAX
        .checked_shr(alpha.leading_zeros())
        .unwrap_or_default();
    let rgb = [y + co - cg, y + cg, y - co - cg];
    let alpha = (alpha << 1 & scale) | (alpha & 1);
    let factor = max as f32 / scale as f32;
    let [r, g, b] = rgb.map(|component| component as f32);
    // Streams that are not honest give values out of range, which saturate; without a scale all become 0.
    [r, g, b, alpha as f32].map(|component| ((component * factor + 0.5) as u32).min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sample {
        kind: &'static str,
        stride: usize,
        count: usize,
        stream: Vec<u8>,
        expected: &'static str,
    }

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
            .collect()
    }

    fn samples() -> impl Iterator<Item = Sample> {
        include_str!("../tests/data/meshopt.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let words: Vec<_> = line.split(' ').collect();
                Sample {
                    kind: words[0],
                    stride: words[1].parse().unwrap(),
                    count: words[2].parse().unwrap(),
                    stream: bytes(words[3]),
                    expected: words[4],
                }
            })
    }

    fn decode(sample: &Sample, stream: &[u8]) -> Result<Vec<u8>, MeshoptError> {
        let mut out = vec![0; sample.count * sample.stride];
        let mut list = vec![0; sample.count];
        match sample.kind {
            "vertex" => attributes(stream, sample.stride, &mut out).map(|()| out),
            kind => {
                match kind {
                    "triangles" => triangles(stream, &mut list)?,
                    _ => indices(stream, &mut list)?,
                }
                Ok(list.iter().flat_map(|index| index.to_le_bytes()).collect())
            }
        }
    }

    fn is_stream(sample: &Sample) -> bool {
        ["vertex", "triangles", "indices"].contains(&sample.kind)
    }

    #[test]
    fn streams_of_the_reference_encoder_decode_as_it_decodes_them() {
        let mut streams = 0;
        for sample in samples().filter(is_stream) {
            let found = decode(&sample, &sample.stream).unwrap();
            let hash = found.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            });
            let Sample {
                kind,
                stride,
                count,
                ..
            } = sample;
            assert_eq!(
                format!("{hash:016x}"),
                sample.expected,
                "{kind} {stride} {count}"
            );
            streams += 1;
        }
        assert_eq!(streams, 13);
    }

    #[test]
    fn filters_give_what_the_reference_gives() {
        for sample in samples().filter(|sample| !is_stream(sample)) {
            let filter = match sample.kind {
                "oct" => Filter::Octahedral,
                "quat" => Filter::Quaternion,
                "exp" => Filter::Exponential,
                _ => Filter::Color,
            };
            let mut found = sample.stream;
            filter.apply(sample.stride, &mut found);
            let expected = bytes(sample.expected);
            let width = if sample.stride == 4 { 1 } else { 2 };
            for (at, (found, expected)) in
                found.chunks(width).zip(expected.chunks(width)).enumerate()
            {
                let value = |bytes: &[u8]| match *bytes {
                    [a] => i32::from(a.cast_signed()),
                    [a, b] => i32::from(i16::from_le_bytes([a, b])),
                    _ => unreachable!(),
                };
                // The reference divides in another order; a last bit may differ.
                let off = value(found).wrapping_sub(value(expected)).abs();
                let exact = filter == Filter::Exponential;
                assert!(
                    off <= i32::from(!exact),
                    "{filter:?} {} at {at}: {found:?} {expected:?}",
                    sample.stride
                );
            }
        }
    }

    #[test]
    fn cut_or_changed_streams_give_errors_or_data_and_never_more() {
        for sample in samples().filter(is_stream) {
            for end in 0..sample.stream.len() {
                assert!(
                    decode(&sample, &sample.stream[..end]).is_err(),
                    "{} {end}",
                    sample.kind
                );
            }
            let mut longer = sample.stream.clone();
            longer.insert(1, 0);
            let _ = decode(&sample, &longer);
            for at in 0..sample.stream.len() {
                let mut changed = sample.stream.clone();
                changed[at] ^= 1 << (at % 8);
                let _ = decode(&sample, &changed);
            }
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let cases = [
            (attributes(&[], 4, &mut [0; 4]), MeshoptError::Short),
            (
                attributes(&[0xb0; 64], 4, &mut [0; 4]),
                MeshoptError::Header {
                    expected: 0xa0,
                    found: 0xb0,
                },
            ),
            (
                indices(&[0xd0, 0, 0, 0, 0, 0], &mut []),
                MeshoptError::Long { bytes: 1 },
            ),
            (
                triangles(&[0xe2; 64], &mut []),
                MeshoptError::Header {
                    expected: 0xe0,
                    found: 0xe2,
                },
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, Err(expected));
        }
    }
}
