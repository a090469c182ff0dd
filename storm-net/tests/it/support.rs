//! What tests share: chance from a seed, channel tables, messages that can be told apart.

use std::time::Duration;

use storm_net::{ChannelConfig, LaneConfig, Mode, TransportConfig};

/// One channel of each mode, in this order.
pub(crate) const UNRELIABLE: u8 = 0;
pub(crate) const SEQUENCED: u8 = 1;
pub(crate) const UNORDERED: u8 = 2;
pub(crate) const ORDERED: u8 = 3;
pub(crate) const STREAM: u8 = 4;

pub(crate) fn transport() -> TransportConfig {
    TransportConfig {
        channels: vec![
            ChannelConfig::new(Mode::Unreliable),
            ChannelConfig::new(Mode::Sequenced),
            ChannelConfig::new(Mode::ReliableUnordered).lane(1),
            ChannelConfig::new(Mode::ReliableOrdered).lane(1),
            ChannelConfig::new(Mode::Stream).lane(2),
        ],
        lanes: vec![
            LaneConfig {
                priority: 0,
                weight: 4,
            },
            LaneConfig {
                priority: 0,
                weight: 4,
            },
            LaneConfig {
                priority: 0,
                weight: 1,
            },
        ],
        ..TransportConfig::default()
    }
}

/// Numbers from a seed (PCG's multiplier, upper bits).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 20
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn percent(&mut self, most: u64) -> f64 {
        self.below(most + 1) as f64 / 100.0
    }
}

/// A message of `len` bytes (at least 8) that says which it is.
pub(crate) fn message(number: u64, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len as u64)
        .map(|at| (number.wrapping_mul(31).wrapping_add(at * 7) >> 2) as u8)
        .collect();
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

pub(crate) fn number_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().unwrap())
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
