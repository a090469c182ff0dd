//! What the application chooses: channels, lanes, limits and timings. Checked once, by [`TransportConfig::check`].

use std::time::Duration;

use crate::error::ConfigError;
use crate::mtu;
use crate::pool::FRAGMENT;
use crate::time::micros;

/// The most channels of a connection.
pub const CHANNELS_MAX: usize = 64;
/// The most lanes of a connection.
pub const LANES_MAX: usize = 16;
/// The largest message, bytes (937 fragments, just above a mebibyte). Streams have no such limit.
pub const MESSAGE_BYTES_MAX: usize = 937 * FRAGMENT;

/// What a channel promises. Both sides have to agree: the handshake compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Arrives or not, in any order, never twice.
    Unreliable,
    /// Arrives or not; never after a later one of the same channel.
    Sequenced,
    /// Arrives, in any order, once.
    ReliableUnordered,
    /// Arrives, in the order of sending, once.
    ReliableOrdered,
    /// Bytes in order, without message borders. For bulk.
    Stream,
}

impl Mode {
    pub(crate) const fn is_reliable(self) -> bool {
        !matches!(self, Self::Unreliable | Self::Sequenced)
    }

    pub(crate) const fn is_ordered(self) -> bool {
        matches!(self, Self::ReliableOrdered | Self::Stream)
    }

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Unreliable => 0,
            Self::Sequenced => 1,
            Self::ReliableUnordered => 2,
            Self::ReliableOrdered => 3,
            Self::Stream => 4,
        }
    }
}

/// One channel of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// What it promises.
    pub mode: Mode,
    /// Which lane it is sent in: an index into [`TransportConfig::lanes`].
    pub lane: u8,
    /// Bytes that may wait or be unacknowledged; `send` refuses more.
    pub queue_bytes_max: usize,
    /// After this long a message is not sent (again). `None`: never. Streams ignore it.
    pub deadline: Option<Duration>,
}

impl ChannelConfig {
    /// A channel of `mode` in lane 0, without deadline, with room for 4 MiB.
    pub const fn new(mode: Mode) -> Self {
        Self {
            mode,
            lane: 0,
            queue_bytes_max: 4 << 20,
            deadline: None,
        }
    }

    /// The same in another lane.
    pub const fn lane(mut self, lane: u8) -> Self {
        self.lane = lane;
        self
    }

    /// The same with a deadline.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

/// One lane: what is sent before what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneConfig {
    /// Lower goes first, always.
    pub priority: u8,
    /// Among lanes of one priority: the share of bytes, relative. At least 1.
    pub weight: u16,
}

/// What congestion control aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Congestion {
    /// Short queues: 10 ms.
    Game,
    /// Throughput first: 40 ms of queue.
    Bulk,
    /// A constant rate in bytes a second, for links that are known (and for measurements). Never for the open internet.
    Fixed(u64),
}

/// Everything about connections that is not a key. Both sides need the same channel modes; the rest may differ.
///
/// ```
/// use storm_net::{ChannelConfig, LaneConfig, Mode, TransportConfig};
/// let config = TransportConfig {
///     channels: vec![
///         ChannelConfig::new(Mode::Sequenced),                // input: first, always
///         ChannelConfig::new(Mode::ReliableOrdered).lane(1),  // chat
///         ChannelConfig::new(Mode::Stream).lane(2),           // terrain: a third of what chat gets
///     ],
///     lanes: vec![
///         LaneConfig { priority: 0, weight: 1 },
///         LaneConfig { priority: 1, weight: 3 },
///         LaneConfig { priority: 1, weight: 1 },
///     ],
///     ..TransportConfig::default()
/// };
/// assert_eq!(config.check(), Ok(()));
/// ```
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// The channel table; a channel's number is its index.
    pub channels: Vec<ChannelConfig>,
    /// The lanes.
    pub lanes: Vec<LaneConfig>,
    /// What congestion control aims at.
    pub congestion: Congestion,
    /// Longest wait before an acknowledgement is sent, at most 255 ms.
    pub ack_delay_max: Duration,
    /// Silence after which a connection is lost.
    pub idle_timeout: Duration,
    /// Silence after which a ping is sent. `None`: never.
    pub keep_alive: Option<Duration>,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// Largest datagram to try and to take, bytes of UDP payload, 1200 to 9000.
    pub datagram_bytes_max: u16,
    /// Largest message to take, bytes.
    pub message_bytes_max: usize,
    /// Reliable bytes that may have arrived and not been taken by the application.
    pub receive_reliable_bytes_max: u64,
    /// Unreliable bytes that may have arrived and not been taken; more are dropped.
    pub receive_unreliable_bytes_max: usize,
    /// Packets after which keys are replaced.
    pub key_update_packets: u64,
}

impl Default for TransportConfig {
    /// One reliable-ordered channel, timings for games.
    fn default() -> Self {
        Self {
            channels: vec![ChannelConfig::new(Mode::ReliableOrdered)],
            lanes: vec![LaneConfig {
                priority: 0,
                weight: 1,
            }],
            congestion: Congestion::Game,
            ack_delay_max: Duration::from_millis(5),
            idle_timeout: Duration::from_secs(10),
            keep_alive: Some(Duration::from_secs(2)),
            handshake_timeout: Duration::from_secs(10),
            datagram_bytes_max: 1452,
            message_bytes_max: 256 << 10,
            receive_reliable_bytes_max: 2 << 20,
            receive_unreliable_bytes_max: 256 << 10,
            key_update_packets: 1 << 24,
        }
    }
}

impl TransportConfig {
    /// Whether an endpoint would take it.
    ///
    /// # Errors
    /// The first thing that is out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.channels.is_empty() || self.channels.len() > CHANNELS_MAX {
            return Err(ConfigError::Channels {
                found: self.channels.len(),
            });
        }
        if self.lanes.is_empty()
            || self.lanes.len() > LANES_MAX
            || self.lanes.iter().any(|lane| lane.weight == 0)
        {
            return Err(ConfigError::Lanes {
                found: self.lanes.len(),
            });
        }
        for (channel, config) in self.channels.iter().enumerate() {
            if usize::from(config.lane) >= self.lanes.len() {
                return Err(ConfigError::NoSuchLane {
                    channel,
                    lane: config.lane,
                });
            }
        }
        let ranges = [
            ("ack_delay_max (µs)", micros(self.ack_delay_max), 0, 255_000),
            (
                "idle_timeout (µs)",
                micros(self.idle_timeout),
                100_000,
                3_600_000_000,
            ),
            (
                "handshake_timeout (µs)",
                micros(self.handshake_timeout),
                100_000,
                60_000_000,
            ),
            (
                "datagram_bytes_max",
                self.datagram_bytes_max.into(),
                mtu::BASE.into(),
                9000,
            ),
            (
                "message_bytes_max",
                self.message_bytes_max as u64,
                1,
                MESSAGE_BYTES_MAX as u64,
            ),
            // One whole message has to fit, or it could never be assembled.
            (
                "receive_reliable_bytes_max",
                self.receive_reliable_bytes_max,
                2 * self.message_bytes_max as u64,
                1 << 40,
            ),
            ("key_update_packets", self.key_update_packets, 16, 1 << 36),
        ];
        for (field, found, least, most) in ranges {
            if !(least..=most).contains(&found) {
                return Err(ConfigError::OutOfRange {
                    field,
                    found,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }

    /// What both sides compare: count and modes of the channels.
    pub(crate) fn channel_hash(&self) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[self.channels.len() as u8]);
        for channel in &self.channels {
            hasher.update(&[channel.mode.number()]);
        }
        let mut hash = [0; 8];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_named() {
        let base = TransportConfig::default;
        let lane = LaneConfig {
            priority: 0,
            weight: 1,
        };
        let reliable = ChannelConfig::new(Mode::ReliableOrdered);
        let cases = [
            (
                TransportConfig {
                    channels: vec![],
                    ..base()
                },
                "0 channels where 1 to 64 are allowed",
            ),
            (
                TransportConfig {
                    channels: vec![reliable.clone(); 65],
                    ..base()
                },
                "65 channels where 1 to 64 are allowed",
            ),
            (
                TransportConfig {
                    lanes: vec![lane; 17],
                    ..base()
                },
                "17 lanes where 1 to 16 with a weight of at least 1 are allowed",
            ),
            (
                TransportConfig {
                    lanes: vec![LaneConfig { weight: 0, ..lane }],
                    ..base()
                },
                "1 lanes where 1 to 16 with a weight of at least 1 are allowed",
            ),
            (
                TransportConfig {
                    channels: vec![reliable.lane(3)],
                    ..base()
                },
                "channel 0 names lane 3, which does not exist",
            ),
            (
                TransportConfig {
                    datagram_bytes_max: 1199,
                    ..base()
                },
                "datagram_bytes_max is 1199 where 1200 to 9000 is allowed",
            ),
            (
                TransportConfig {
                    receive_reliable_bytes_max: 1000,
                    ..base()
                },
                "receive_reliable_bytes_max is 1000 where 524288 to 1099511627776 is allowed",
            ),
        ];
        for (config, message) in cases {
            assert_eq!(config.check().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn the_channel_hash_tells_modes_and_counts_apart() {
        let with = |modes: &[Mode]| {
            let channels = modes.iter().map(|&mode| ChannelConfig::new(mode)).collect();
            TransportConfig {
                channels,
                ..TransportConfig::default()
            }
            .channel_hash()
        };
        let tables: [&[Mode]; 4] = [
            &[Mode::Unreliable],
            &[Mode::Sequenced],
            &[Mode::Unreliable, Mode::Unreliable],
            &[Mode::Unreliable, Mode::Stream],
        ];
        for (i, a) in tables.iter().enumerate() {
            for (j, b) in tables.iter().enumerate() {
                assert_eq!(with(a) == with(b), i == j);
            }
        }
    }
}
