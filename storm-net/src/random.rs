//! Chance from a seed: BLAKE3's extendable output. Same seed, same numbers; without the seed they cannot be guessed.

pub(crate) struct Random {
    output: blake3::OutputReader,
}

impl Random {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(seed);
        hasher.update(b"storm-net random");
        Self {
            output: hasher.finalize_xof(),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.output.fill(&mut bytes);
        bytes
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }
}
