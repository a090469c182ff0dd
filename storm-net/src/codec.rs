//! Reading and writing of integers and runs of bytes. Readers never panic: what is missing is `None`.

/// The largest number a varint holds.
pub(crate) const VARINT_MAX: u64 = (1 << 62) - 1;

/// A cursor over bytes from outside.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let first = *self.rest.first()?;
        match first >> 6 {
            0 => self.u8().map(u64::from),
            1 => self.u16().map(|n| u64::from(n & 0x3FFF)),
            2 => self.u32().map(|n| u64::from(n & 0x3FFF_FFFF)),
            _ => self.u64().map(|n| n & VARINT_MAX),
        }
    }
}

/// Bytes that [`Writer::varint`] takes for `value`.
pub(crate) const fn varint_len(value: u64) -> usize {
    match value {
        0..=0x3F => 1,
        0x40..=0x3FFF => 2,
        0x4000..=0x3FFF_FFFF => 4,
        _ => 8,
    }
}

/// A cursor over a buffer of ours. Callers ask `room()` first: what does not fit is a mistake of ours and panics in
/// debug builds; in release the write is left out.
pub(crate) struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, at: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.at
    }

    pub(crate) fn room(&self) -> usize {
        self.buffer.len() - self.at
    }

    pub(crate) fn written(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.at]
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        let Some(place) = self.buffer.get_mut(self.at..end) else {
            debug_assert!(false, "no room for {} bytes at {}", bytes.len(), self.at);
            return;
        };
        place.copy_from_slice(bytes);
        self.at = end;
    }

    pub(crate) fn zeros(&mut self, count: usize) {
        let end = (self.at + count).min(self.buffer.len());
        self.buffer[self.at..end].fill(0);
        self.at = end;
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn varint(&mut self, value: u64) {
        debug_assert!(value <= VARINT_MAX);
        match varint_len(value) {
            1 => self.u8(value as u8),
            2 => self.u16(value as u16 | 0x4000),
            4 => self.u32(value as u32 | 0x8000_0000),
            _ => self.u64(value | 0xC000_0000_0000_0000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_at_every_boundary() {
        for value in [
            0,
            0x3F,
            0x40,
            0x3FFF,
            0x4000,
            0x3FFF_FFFF,
            0x4000_0000,
            VARINT_MAX,
        ] {
            let mut buffer = [0; 8];
            let mut writer = Writer::new(&mut buffer);
            writer.varint(value);
            let len = writer.len();
            assert_eq!(len, varint_len(value), "{value:#x}");
            assert_eq!(Reader::new(&buffer[..len]).varint(), Some(value));
            for cut in 0..len {
                assert_eq!(
                    Reader::new(&buffer[..cut]).varint(),
                    None,
                    "{value:#x} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn the_examples_of_rfc_9000_appendix_a1_decode() {
        let cases: [(&[u8], u64); 5] = [
            (
                &[0xC2, 0x19, 0x7C, 0x5E, 0xFF, 0x14, 0xE8, 0x8C],
                151_288_809_941_952_652,
            ),
            (&[0x9D, 0x7F, 0x3E, 0x7D], 494_878_333),
            (&[0x7B, 0xBD], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, value) in cases {
            assert_eq!(Reader::new(bytes).varint(), Some(value));
        }
    }

    #[test]
    fn a_reader_takes_nothing_when_it_fails() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.bytes(4), None);
        assert_eq!(reader.u16(), Some(0x0102));
        assert_eq!(reader.rest(), [3]);
    }
}
