//! Shared by the tests: a seeded generator and some components.

use storm_ecs::Component;

/// xorshift64*: the same seed gives the same run everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
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
