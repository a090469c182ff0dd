//! Bits from the lowest up, and the Huffman codes of BasisLZ streams.

use super::Ktx2Error;

/// Reads bits from the lowest of the first byte on. Past the end come zeros; [`Bits::overrun`] says so.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    word: u64,
    held: u32,
    /// Bits that were made up.
    missing: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            word: 0,
            held: 0,
            missing: 0,
        }
    }

    fn fill(&mut self) {
        while self.held <= 56 {
            match self.bytes.split_first() {
                Some((byte, rest)) => {
                    self.word |= u64::from(*byte) << self.held;
                    self.bytes = rest;
                }
                None => self.missing = self.missing.saturating_add(8),
            }
            self.held += 8;
        }
    }

    /// The next `count` bits, 32 at most, which stay.
    pub(super) fn peek(&mut self, count: u32) -> u32 {
        debug_assert!(count <= 32);
        if self.held < count {
            self.fill();
        }
        (self.word & ((1 << count) - 1)) as u32
    }

    pub(super) fn skip(&mut self, count: u32) {
        self.word >>= count;
        self.held -= count;
    }

    /// The next `count` bits, 32 at most.
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let value = self.peek(count);
        self.skip(count);
        value
    }

    /// Whether more was taken than there is.
    pub(super) fn overrun(&self) -> bool {
        self.missing > self.held
    }

    /// A number in pieces of `count` bits, each with a bit that says whether another follows.
    pub(super) fn variable(&mut self, count: u32) -> Result<u32, Ktx2Error> {
        let mut value = 0;
        for shift in (0..32).step_by(count as usize) {
            let piece = self.take(count + 1);
            value |= (piece & ((1 << count) - 1)) << shift;
            if piece >> count == 0 {
                return Ok(value);
            }
        }
        Err(Ktx2Error::Data("a number that does not end"))
    }
}

/// A canonical Huffman code of at most 16 bits a symbol.
pub(super) struct Huffman {
    /// Symbol and length by the next `width` bits; a length of 0 is no code.
    table: Vec<(u16, u8)>,
    width: u32,
}

/// Symbols of the code that code lengths are in: 0 to 16 are lengths, the others runs.
const LENGTH_SYMBOLS: usize = 21;
/// In which order the lengths of those are stored.
const LENGTH_ORDER: [usize; LENGTH_SYMBOLS] = [
    17, 18, 19, 20, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15, 16,
];

impl Huffman {
    /// Reads a code from a stream.
    pub(super) fn read(bits: &mut Bits<'_>) -> Result<Self, Ktx2Error> {
        let symbols = bits.take(14) as usize;
        let count = bits.take(5) as usize;
        if count > LENGTH_SYMBOLS {
            return Err(Ktx2Error::Data("more code lengths than there are"));
        }
        let mut lengths = [0; LENGTH_SYMBOLS];
        for symbol in &LENGTH_ORDER[..count] {
            lengths[*symbol] = bits.take(3) as u8;
        }
        let code = Self::new(&lengths)?;
        // 14 bits: 16 KiB at most.
        let mut lengths: Vec<u8> = Vec::with_capacity(symbols);
        while lengths.len() < symbols {
            let (length, run) = match code.symbol(bits)? {
                length @ 0..=16 => (length as u8, 1),
                17 => (0, 3 + bits.take(3)),
                18 => (0, 11 + bits.take(7)),
                run => {
                    let length = *lengths.last().ok_or(Ktx2Error::Data("a run of nothing"))?;
                    let count = if run == 19 {
                        3 + bits.take(2)
                    } else {
                        7 + bits.take(7)
                    };
                    (length, count)
                }
            };
            if bits.overrun() || lengths.len() + run as usize > symbols {
                return Err(Ktx2Error::Data("code lengths that do not fit"));
            }
            lengths.extend(std::iter::repeat_n(length, run as usize));
        }
        Self::new(&lengths)
    }

    fn new(lengths: &[u8]) -> Result<Self, Ktx2Error> {
        let mut counts = [0u32; 17];
        for length in lengths {
            counts[usize::from(*length)] += 1;
        }
        counts[0] = 0;
        let mut next = [0u32; 17];
        let mut code = 0;
        for length in 1..=16 {
            code = (code + counts[length - 1]) << 1;
            next[length] = code;
            if code + counts[length] > 1 << length {
                return Err(Ktx2Error::Data("code lengths that overlap"));
            }
        }
        let width = u32::from(lengths.iter().copied().max().unwrap_or(0));
        let mut table = vec![(0, 0); 1 << width];
        for (symbol, length) in lengths
            .iter()
            .enumerate()
            .filter(|(_, length)| **length > 0)
        {
            let length_bits = u32::from(*length);
            let code = &mut next[usize::from(*length)];
            // Codes are stored with their first bit lowest.
            let first = code.reverse_bits() >> (32 - length_bits);
            *code += 1;
            for entry in table[first as usize..].iter_mut().step_by(1 << length_bits) {
                *entry = (symbol as u16, *length);
            }
        }
        Ok(Self { table, width })
    }

    /// The next symbol.
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<u16, Ktx2Error> {
        let (symbol, length) = self.table[bits.peek(self.width) as usize];
        if length == 0 {
            return Err(Ktx2Error::Data("a code without a symbol"));
        }
        bits.skip(u32::from(length));
        Ok(symbol)
    }
}
