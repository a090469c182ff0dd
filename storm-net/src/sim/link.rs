//! What a link does to datagrams.

use std::time::Duration;

/// Losses in bursts, after Gilbert and Elliott: a good and a bad state; in the bad one datagrams are lost with `loss`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// Chance a datagram that the bad state begins.
    pub begin: f64,
    /// Chance a datagram that it ends.
    pub end: f64,
    /// Chance of loss in it.
    pub loss: f64,
}

/// One direction of a link. Chances are 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Time of travel, beside queueing.
    pub latency: Duration,
    /// At most so much more, evenly spread. Keeps the order.
    pub jitter: Duration,
    /// Chance of loss.
    pub loss: f64,
    /// Losses in bursts.
    pub burst: Option<Burst>,
    /// Chance to be overtaken: `reorder_by` more time of travel.
    pub reorder: f64,
    /// How far behind.
    pub reorder_by: Duration,
    /// Chance to arrive twice.
    pub duplicate: f64,
    /// Chance of one flipped bit.
    pub corrupt: f64,
    /// Bytes a second. `None`: no limit.
    pub rate: Option<u64>,
    /// Bytes that wait for the rate; more are lost. Large ones are bufferbloat.
    pub queue_bytes: u64,
    /// Larger datagrams vanish.
    pub mtu: usize,
}

impl Default for Link {
    /// 20 ms each way and nothing else.
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(20),
            jitter: Duration::ZERO,
            loss: 0.0,
            burst: None,
            reorder: 0.0,
            reorder_by: Duration::from_millis(20),
            duplicate: 0.0,
            corrupt: 0.0,
            rate: None,
            queue_bytes: 64 << 10,
            mtu: 65_507,
        }
    }
}
