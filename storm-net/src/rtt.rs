//! Round-trip time, as RFC 9002 §5 estimates it.

use crate::Time;

/// Smallest unit of loss timers, microseconds.
pub(crate) const GRANULARITY: u64 = 1000;
/// What is assumed before the first sample: a third of RFC 9002's, for links that carry games.
const INITIAL: u64 = 100_000;

#[derive(Clone, Debug)]
pub(crate) struct Rtt {
    pub(crate) latest: u64,
    pub(crate) smoothed: u64,
    pub(crate) variation: u64,
    pub(crate) min: u64,
    pub(crate) sampled: bool,
}

impl Rtt {
    pub(crate) const fn new() -> Self {
        Self {
            latest: INITIAL,
            smoothed: INITIAL,
            variation: INITIAL / 2,
            min: INITIAL,
            sampled: false,
        }
    }

    /// A packet sent at `sent` was acknowledged at `now`, `delay` microseconds after it arrived.
    pub(crate) fn sample(&mut self, now: Time, sent: Time, delay: u64) {
        let raw = now.micros_since(sent).max(1);
        self.latest = raw;
        if !self.sampled {
            self.sampled = true;
            self.min = raw;
            self.smoothed = raw;
            self.variation = raw / 2;
            return;
        }
        self.min = self.min.min(raw);
        // The peer's delay is trusted only as far as it leaves the path its minimum.
        let adjusted = if raw >= self.min + delay {
            raw - delay
        } else {
            raw
        };
        self.latest = adjusted;
        self.variation = (3 * self.variation + self.smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = (7 * self.smoothed + adjusted) / 8;
    }

    /// Probe timeout without backoff; `ack_delay` is the longest the peer waits.
    pub(crate) fn pto(&self, ack_delay: u64) -> u64 {
        self.smoothed + (4 * self.variation).max(GRANULARITY) + ack_delay
    }

    /// How long after a later packet was acknowledged a packet is thought lost.
    pub(crate) fn loss_delay(&self) -> u64 {
        (self.latest.max(self.smoothed) * 9 / 8).max(GRANULARITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sample_replaces_the_guess_and_later_ones_are_smoothed() {
        let mut rtt = Rtt::new();
        rtt.sample(Time::from_micros(50_000), Time::ZERO, 10_000);
        assert_eq!(
            (rtt.smoothed, rtt.variation, rtt.min),
            (50_000, 25_000, 50_000)
        );
        rtt.sample(Time::from_micros(66_000), Time::ZERO, 8_000);
        assert_eq!((rtt.smoothed, rtt.variation), (51_000, 20_750));
        assert_eq!(rtt.min, 50_000);
    }

    #[test]
    fn a_claimed_delay_cannot_take_the_rtt_below_its_minimum() {
        let mut rtt = Rtt::new();
        rtt.sample(Time::from_micros(50_000), Time::ZERO, 0);
        rtt.sample(Time::from_micros(51_000), Time::ZERO, 1_000_000);
        assert_eq!(rtt.latest, 51_000);
    }
}
