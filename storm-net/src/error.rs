//! What can go wrong at the interface. Datagrams from outside never cause an error here: they are dropped and counted.

use std::fmt;

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// There is no such connection, or it is closing.
    NotConnected,
    /// The channel table has no such channel.
    NoSuchChannel {
        /// The channel asked for.
        channel: u8,
        /// How many there are.
        channels: u8,
    },
    /// The message is larger than this side or the peer allows.
    TooLarge {
        /// Bytes of the message.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The channel's queue is full: the application sends faster than the network takes.
    QueueFull {
        /// The channel whose queue is full.
        channel: u8,
    },
    /// Messages of no bytes have no meaning on a stream.
    EmptyStreamWrite,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("there is no such open connection"),
            Self::NoSuchChannel { channel, channels } => {
                write!(f, "channel {channel} of a table of {channels}")
            }
            Self::TooLarge { bytes, limit } => {
                write!(
                    f,
                    "a message of {bytes} bytes where at most {limit} are allowed"
                )
            }
            Self::QueueFull { channel } => write!(f, "the queue of channel {channel} is full"),
            Self::EmptyStreamWrite => f.write_str("a stream write of no bytes"),
        }
    }
}

impl std::error::Error for SendError {}

/// Why a configuration was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// More than 64 channels, or none.
    Channels {
        /// How many were given.
        found: usize,
    },
    /// More than 16 lanes, or none, or a weight of nothing.
    Lanes {
        /// How many were given.
        found: usize,
    },
    /// A channel names a lane that does not exist.
    NoSuchLane {
        /// The channel.
        channel: usize,
        /// The lane it names.
        lane: u8,
    },
    /// A number is outside its range.
    OutOfRange {
        /// Which one.
        field: &'static str,
        /// What was given.
        found: u64,
        /// The smallest allowed.
        least: u64,
        /// The largest allowed.
        most: u64,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channels { found } => write!(f, "{found} channels where 1 to 64 are allowed"),
            Self::Lanes { found } => {
                write!(
                    f,
                    "{found} lanes where 1 to 16 with a weight of at least 1 are allowed"
                )
            }
            Self::NoSuchLane { channel, lane } => {
                write!(
                    f,
                    "channel {channel} names lane {lane}, which does not exist"
                )
            }
            Self::OutOfRange {
                field,
                found,
                least,
                most,
            } => {
                write!(f, "{field} is {found} where {least} to {most} is allowed")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why a connection could not be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// All slots of the endpoint are in use.
    Full,
    /// The token was made for another application than the endpoint's.
    WrongApplication,
    /// The private key is not the one that the token is bound to.
    WrongKey,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "all connection slots are in use",
            Self::WrongApplication => "the token was made for another application",
            Self::WrongKey => "the private key is not the one that the token is bound to",
        })
    }
}

impl std::error::Error for ConnectError {}
