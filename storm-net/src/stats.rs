//! Live figures for HUDs and logs: plain values, copied out.

use std::time::Duration;

/// A smoothed mean and a maximum of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeStats {
    mean_micros: u64,
    max_micros: u64,
}

impl TimeStats {
    pub(crate) fn sample(&mut self, micros: u64) {
        // An exponential mean over about 16 samples, rounded up so that it can also rise from small values.
        self.mean_micros = (15 * self.mean_micros + micros + 8) / 16;
        self.max_micros = self.max_micros.max(micros);
    }

    /// The smoothed mean of about the last 16.
    pub fn mean(&self) -> Duration {
        Duration::from_micros(self.mean_micros)
    }

    /// The largest ever.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_micros)
    }
}

/// One lane's figures since the connection began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneStats {
    /// Messages whose first piece was sent (stream pieces count as messages).
    pub sent_messages: u64,
    /// Bytes of frames sent, repeats included.
    pub sent_bytes: u64,
    /// Pieces sent again after a loss or a probe timeout.
    pub resent: u64,
    /// Messages dropped because their deadline passed.
    pub expired: u64,
    /// Bytes that wait for their first transmission now.
    pub queued_bytes: u64,
    /// Time between `send` and the first transmission.
    pub queue_time: TimeStats,
}

/// One connection's figures: now, and since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// Smallest round-trip time seen on this path.
    pub rtt_min: Duration,
    /// Mean deviation of the round-trip time.
    pub rtt_variation: Duration,
    /// What congestion control allows, bytes a second.
    pub rate: u64,
    /// What it measured of late, bytes a second.
    pub delivery_rate: u64,
    /// Queueing delay on the path, as congestion control sees it.
    pub queue_delay: Duration,
    /// Bytes sent and neither acknowledged nor lost.
    pub in_flight_bytes: u64,
    /// Bytes of UDP payload that a datagram may have now.
    pub datagram_bytes: usize,
    /// Datagrams sent.
    pub sent_packets: u64,
    /// Bytes of UDP payload sent.
    pub sent_bytes: u64,
    /// Authentic datagrams received.
    pub received_packets: u64,
    /// Bytes of UDP payload of those.
    pub received_bytes: u64,
    /// Reliable pieces (whole messages, fragments, runs of a stream) that arrived for the first time.
    pub received_pieces: u64,
    /// Packets thought lost.
    pub lost_packets: u64,
    /// Packets that were thought lost and arrived after all.
    pub spurious_losses: u64,
    /// Probe timeouts.
    pub probe_timeouts: u64,
    /// Datagrams that were not authentic, or repeats.
    pub dropped_packets: u64,
    /// Unreliable messages that arrived and were dropped for lack of room or as too late for their channel.
    pub dropped_messages: u64,
    /// Times that large datagrams stopped to arrive.
    pub mtu_black_holes: u32,
    /// Changes of keys.
    pub key_updates: u64,
    /// Changes of the peer's address that were validated.
    pub path_changes: u64,
}

/// An endpoint's figures since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStats {
    /// Datagrams that belong to no connection and are no handshake.
    pub unknown_packets: u64,
    /// Handshake packets refused by the limit of their address.
    pub limited: u64,
    /// Handshake packets that were malformed, not authentic or of an old cookie.
    pub bad_handshakes: u64,
    /// Retries sent.
    pub retries: u64,
    /// Handshakes refused with a reason.
    pub refused: u64,
    /// Connections accepted.
    pub accepted: u64,
}
