//! UASTC LDR 4×4: a block of 16 bytes to 16 pixels, after the UASTC texture specification (a subset of ASTC).

use super::Ktx2Error;

/// What the endpoints of a block are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Channels {
    /// Luma and alpha.
    La = 2,
    Rgb = 3,
    Rgba = 4,
}

/// The fixed part of a mode.
#[derive(Clone, Copy)]
struct Mode {
    /// The bits that a block of this mode begins with, and how many they are.
    code: (u8, u8),
    channels: Channels,
    subsets: u8,
    planes: u8,
    weight_bits: u8,
    /// Bits that only other targets than RGBA need.
    hint_bits: u8,
    endpoints: Range,
    patterns: &'static [u32],
}

/// How endpoints are quantised: so many bits and one trit or quint at most.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Range {
    Bits(u8),
    Trit(u8),
    Quint(u8),
}

const fn mode(
    code: (u8, u8),
    channels: Channels,
    shape: (u8, u8, u8),
    hint_bits: u8,
    endpoints: Range,
    patterns: &'static [u32],
) -> Mode {
    let (subsets, planes, weight_bits) = shape;
    Mode {
        code,
        channels,
        subsets,
        planes,
        weight_bits,
        hint_bits,
        endpoints,
        patterns,
    }
}

/// The mode of one colour for all pixels; it has neither endpoints nor weights.
const SOLID: usize = 8;

/// The 19 modes, table 10 of the specification. Shapes are subsets, planes and bits of a weight.
#[rustfmt::skip]
const MODES: [Mode; 19] = {
    use Channels::{La, Rgb, Rgba};
    use Range::{Bits, Quint, Trit};
    [
        mode((0b0001, 4), Rgb, (1, 1, 4), 15, Trit(6), &[0]),
        mode((0b110101, 6), Rgb, (1, 1, 2), 15, Bits(8), &[0]),
        mode((0b11101, 5), Rgb, (2, 1, 3), 15, Bits(4), &PATTERNS_2),
        mode((0b00011, 5), Rgb, (3, 1, 2), 15, Trit(2), &PATTERNS_3),
        mode((0b10011, 5), Rgb, (2, 1, 2), 15, Quint(3), &PATTERNS_2),
        mode((0b01011, 5), Rgb, (1, 1, 3), 15, Bits(8), &[0]),
        mode((0b11011, 5), Rgb, (1, 2, 2), 15, Quint(5), &[0]),
        mode((0b00111, 5), Rgb, (2, 1, 2), 15, Quint(3), &PATTERNS_2_OF_3),
        mode((0b10111, 5), Rgba, (1, 1, 1), 0, Bits(8), &[0]),
        mode((0b01111, 5), Rgba, (2, 1, 2), 23, Bits(4), &PATTERNS_2),
        mode((0b010, 3), Rgba, (1, 1, 4), 17, Trit(4), &[0]),
        mode((0b00, 2), Rgba, (1, 2, 2), 17, Trit(4), &[0]),
        mode((0b110, 3), Rgba, (1, 1, 3), 17, Trit(6), &[0]),
        mode((0b11111, 5), Rgba, (1, 2, 1), 23, Bits(8), &[0]),
        mode((0b01101, 5), Rgba, (1, 1, 2), 23, Bits(8), &[0]),
        mode((0b0000101, 7), La, (1, 1, 4), 23, Bits(8), &[0]),
        mode((0b010101, 6), La, (2, 1, 2), 23, Bits(8), &PATTERNS_2),
        mode((0b100101, 6), La, (1, 2, 2), 23, Bits(8), &[0]),
        mode((0b1001, 4), Rgb, (1, 1, 5), 15, Bits(5), &[0]),
    ]
};

/// The mode by the first seven bits of a block; 255 is none.
const MODE_BY_CODE: [u8; 128] = {
    let mut table = [255; 128];
    let mut mode = 0;
    while mode < MODES.len() {
        let (code, bits) = MODES[mode].code;
        let mut at = code as usize;
        while at < 128 {
            table[at] = mode as u8;
            at += 1 << bits;
        }
        mode += 1;
    }
    table
};

// Partition patterns, from the specification: two bits a pixel, the first pixel lowest.

#[rustfmt::skip]
const PATTERNS_2: [u32; 30] = [
    0x50505050, 0x40404040, 0x01010101, 0x54505040, 0x05151555, 0x55545450,
    0x00010515, 0x01051555, 0x50400000, 0x00000105, 0x55544000, 0x01155555,
    0x00000115, 0x00005555, 0x55555500, 0x00555555, 0x55551501, 0x40545555,
    0x00405054, 0x00004050, 0x15050100, 0x50545555, 0x15050501, 0x00404050,
    0x50545455, 0x14141414, 0x55000055, 0x11111111, 0x00550055, 0x05145041,
];

#[rustfmt::skip]
const PATTERNS_3: [u32; 11] = [
    0xa5a50000, 0xaa005555, 0xaa000055, 0x0000aa55, 0x25252525, 0x94949494,
    0x58585858, 0x56560202, 0x92929292, 0x55aa0055, 0xa05050a0,
];

/// For the mode whose two subsets are what three become in another format.
#[rustfmt::skip]
const PATTERNS_2_OF_3: [u32; 19] = [
    0x00005500, 0x10101010, 0x00010505, 0x50504000, 0x55005555, 0x04040404,
    0x55555040, 0x50505054, 0x05500005, 0x00005454, 0x15150000, 0x05000005,
    0x00005054, 0x55554000, 0x14555555, 0x01050505, 0x01015555, 0x01051450,
    0x00005455,
];

/// Weights out of 64, by the number of bits they are stored with less 1.
const WEIGHTS: [&[u8]; 5] = [
    &[0, 64],
    &[0, 21, 43, 64],
    &[0, 9, 18, 27, 37, 46, 55, 64],
    &[0, 4, 8, 12, 17, 21, 25, 29, 35, 39, 43, 47, 52, 56, 60, 64],
    &[
        0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 34, 36, 38, 40, 42, 44, 46, 48,
        50, 52, 54, 56, 58, 60, 62, 64,
    ],
];

/// Bits from the lowest up. A block is 128 bits, and no mode asks for more.
struct Bits(u128);

impl Bits {
    fn take(&mut self, count: u8) -> u8 {
        debug_assert!(count <= 8);
        let value = (self.0 & ((1 << count) - 1)) as u8;
        self.0 >>= count;
        value
    }
}

/// Decodes one block to RGBA, rows from top to bottom.
pub(super) fn decode(block: &[u8; 16]) -> Result<[[u8; 4]; 16], Ktx2Error> {
    let mut bits = Bits(u128::from_le_bytes(*block));
    let number = usize::from(MODE_BY_CODE[usize::from(block[0] & 127)]);
    let mode = MODES
        .get(number)
        .ok_or(Ktx2Error::Data("a block of a mode that does not exist"))?;
    bits.take(mode.code.1);
    if number == SOLID {
        let color = [(); 4].map(|()| bits.take(8));
        return Ok([color; 16]);
    }
    bits.0 >>= mode.hint_bits;
    // The component that the second plane of weights is for.
    let second = match (mode.planes, mode.channels) {
        (1, _) => None,
        (_, Channels::La) => Some(3),
        _ => Some(usize::from(bits.take(2))),
    };
    let pattern = match mode.subsets {
        1 => 0,
        2 => bits.take(5),
        _ => bits.take(4),
    };
    let pattern = *mode
        .patterns
        .get(usize::from(pattern))
        .ok_or(Ktx2Error::Data("a block of a pattern that does not exist"))?;
    let subset = |pixel: usize| (pattern >> (2 * pixel) & 3) as usize;

    let mut ends = [0; 18];
    let ends = &mut ends[..usize::from(mode.subsets) * mode.channels as usize * 2];
    read_endpoints(&mut bits, mode.endpoints, ends);
    let mut pairs = [[[0, 0, 0, 255]; 2]; 3];
    let per_subset = mode.channels as usize * 2;
    for (pair, ends) in pairs.iter_mut().zip(ends.chunks_exact(per_subset)) {
        for (which, end) in pair.iter_mut().enumerate() {
            match mode.channels {
                Channels::La => *end = [0, 0, 0, 2].map(|at: usize| ends[at + which]),
                _ => {
                    for (component, values) in end.iter_mut().zip(ends.chunks_exact(2)) {
                        *component = values[which];
                    }
                }
            }
        }
    }

    let table = WEIGHTS[usize::from(mode.weight_bits) - 1];
    let mut seen = [false; 3];
    let mut pixels = [[0; 4]; 16];
    for (at, pixel) in pixels.iter_mut().enumerate() {
        let subset = subset(at);
        // The first weight of each subset has its highest bit left out: it is 0.
        let count = mode.weight_bits - u8::from(!seen[subset]);
        seen[subset] = true;
        let mut weight = || table[usize::from(bits.take(count))];
        let first = weight();
        let other = if second.is_some() { weight() } else { first };
        let [low, high] = pairs[subset];
        for (component, value) in pixel.iter_mut().enumerate() {
            let weight = u32::from(if second == Some(component) {
                other
            } else {
                first
            });
            // 8 bits become 16, are mixed and cut off again, as ASTC decoders do.
            let [low, high] = [low, high].map(|end| u32::from(end[component]) * 257);
            *value = ((low * (64 - weight) + high * weight + 32) >> 14) as u8;
        }
    }
    Ok(pixels)
}

/// Reads and unquantises endpoint values: first what is above the bits of all, packed, then the bits of each.
fn read_endpoints(bits: &mut Bits, range: Range, values: &mut [u8]) {
    let mut high = [0; 20];
    match range {
        Range::Bits(_) => {}
        Range::Trit(_) => {
            for group in high[..values.len()].chunks_mut(5) {
                let mut packed = bits.take([2, 4, 5, 7, 8][group.len() - 1]);
                for trit in group {
                    *trit = packed % 3;
                    packed /= 3;
                }
            }
        }
        Range::Quint(_) => {
            for group in high[..values.len()].chunks_mut(3) {
                let mut packed = bits.take([3, 5, 7][group.len() - 1]);
                for quint in group {
                    *quint = packed % 5;
                    packed /= 5;
                }
            }
        }
    }
    for (value, high) in values.iter_mut().zip(high) {
        *value = match range {
            Range::Bits(count) => {
                let stored = bits.take(count);
                // The bits again and again from the top, which maps the largest value to 255.
                let mut whole = 0u32;
                let mut filled = 0;
                while filled < 8 {
                    whole = whole << count | u32::from(stored);
                    filled += count;
                }
                (whole >> (filled - 8)) as u8
            }
            Range::Trit(count) | Range::Quint(count) => {
                let quint = matches!(range, Range::Quint(_));
                unquantize(bits.take(count), u16::from(high), (quint, count))
            }
        };
    }
}

/// ASTC's table C.2.16 (Khronos Data Format §23.13): the lowest bit says from which end the value counts, the others are spread below it.
fn unquantize(stored: u8, high: u16, range: (bool, u8)) -> u8 {
    let bit = |at: u8| u16::from(stored >> at & 1);
    let (spread, step) = match range {
        // b000b0bb0
        (false, 2) => (bit(1) * 0b1_0001_0110, 93),
        // dcb000dcb
        (false, 4) => {
            let dcb = u16::from(stored >> 1);
            (dcb << 6 | dcb, 22)
        }
        // fedcb000f
        (false, 6) => (u16::from(stored >> 1) << 4 | bit(5), 5),
        // cb0000cbc
        (true, 3) => {
            let cb = u16::from(stored >> 1);
            (cb << 7 | cb << 1 | bit(2), 26)
        }
        // edcb0000e
        (true, 5) => (u16::from(stored >> 1) << 5 | bit(4), 6),
        _ => unreachable!("no mode has this range"),
    };
    let invert = if stored & 1 == 1 { 511 } else { 0 };
    let value = (high * step + spread) ^ invert;
    ((invert & 0x80) | value >> 2) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_prefix_free_and_one_is_reserved() {
        let unused = (0..128).filter(|&code| MODE_BY_CODE[code] == 255);
        assert_eq!(unused.collect::<Vec<_>>(), [0b100_0101]);
    }

    #[test]
    fn endpoints_reach_from_0_to_255_in_equal_steps() {
        for (quint, count) in [(false, 2), (false, 4), (false, 6), (true, 3), (true, 5)] {
            let levels: u16 = if quint { 5 } else { 3 };
            let mut values: Vec<u8> = (0..1u16 << count)
                .flat_map(|stored| {
                    (0..levels).map(move |high| unquantize(stored as u8, high, (quint, count)))
                })
                .collect();
            values.sort_unstable();
            let steps = values.len() as f32 - 1.0;
            for (i, value) in values.iter().enumerate() {
                let even = i as f32 * 255.0 / steps;
                assert!(
                    (f32::from(*value) - even).abs() <= 1.5,
                    "{quint} {count}: {value} for {even}"
                );
            }
        }
    }

    #[test]
    fn a_solid_block_is_its_colour_and_a_reserved_mode_an_error() {
        let mut block = [0; 16];
        let color = u128::from(u32::from_le_bytes([10, 20, 30, 40]));
        block.copy_from_slice(&(color << 5 | 0b10111).to_le_bytes());
        assert_eq!(decode(&block), Ok([[10, 20, 30, 40]; 16]));
        block[0] = 0b100_0101;
        assert!(decode(&block).is_err());
    }
}
