#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admission;
mod codec;
mod config;
mod congestion;
mod connection;
mod endpoint;
mod envelope;
mod error;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod keys;
mod mtu;
mod noise;
mod pacer;
mod packet;
mod pool;
mod random;
mod ranges;
mod receive;
mod rtt;
mod send;
#[cfg(feature = "sim")]
pub mod sim;
mod stats;
mod time;
mod timers;
mod token;

pub use config::{
    CHANNELS_MAX, ChannelConfig, Congestion, LANES_MAX, LaneConfig, MESSAGE_BYTES_MAX, Mode,
    TransportConfig,
};
pub use connection::{CloseReason, Refusal};
pub use endpoint::{ConnectionId, Endpoint, Event, Received, Retry, ServerConfig, Transmit};
pub use envelope::{Envelope, EnvelopeError, EnvelopeInfo, EnvelopeSigner};
pub use error::{ConfigError, ConnectError, SendError};
pub use packet::VERSION;
pub use stats::{ConnectionStats, EndpointStats, LaneStats, TimeStats};
pub use time::Time;
pub use token::{ConnectToken, KeyPair, TokenError, TokenIssuer, USER_DATA_MAX};
