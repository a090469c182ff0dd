//! Shared by the tests: a seeded generator and some components.

use storm_ecs::Component;

/// Where a random run gets its choices: a seed (xorshift64*, the same everywhere), or a fuzzer's bytes.
pub(crate) enum Random<'a> {
    Seed(u64),
    Bytes(&'a [u8]),
}

impl Random<'_> {
    pub(crate) fn new(seed: u64) -> Self {
        Self::Seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        match self {
            Self::Seed(state) => {
                *state ^= *state >> 12;
                *state ^= *state << 25;
                *state ^= *state >> 27;
                state.wrapping_mul(0x2545_f491_4f6c_dd1d)
            }
            Self::Bytes(bytes) => {
                let Some((&first, rest)) = bytes.split_first() else {
                    return 0;
                };
                *bytes = rest;
                u64::from(first) << 33 | u64::from(first)
            }
        }
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    /// Whether there are no choices left to make.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self, Self::Bytes([]))
    }
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub(crate) struct A(pub u32);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub(crate) struct B(pub u64);
/// Larger than a page, so that growth and moves take the long path.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub(crate) struct Large(pub [u64; 600]);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tag;
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[repr(align(256))]
pub(crate) struct Aligned(pub u8);
#[derive(Component, Clone, Debug, PartialEq)]
pub(crate) struct Text(pub String);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(track = "exact")]
pub(crate) struct ExactlyTracked(pub u32);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(track = "none")]
pub(crate) struct Untracked(pub u32);
