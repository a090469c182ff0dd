//! Spacing of packets: a token bucket that fills at a rate. May go into debt by one packet, so that large ones pass.

use crate::Time;

#[derive(Clone, Debug)]
pub(crate) struct Pacer {
    /// Bytes that may go now, times a million: a rate in bytes a second adds itself each microsecond.
    tokens: i64,
    last: Time,
}

const SCALE: i64 = 1_000_000;

impl Pacer {
    /// A bucket that holds its whole burst.
    pub(crate) fn full(burst: u64) -> Self {
        let most = i64::try_from(burst)
            .unwrap_or(i64::MAX)
            .min(i64::MAX / SCALE)
            * SCALE;
        Self {
            tokens: most,
            last: Time::ZERO,
        }
    }

    /// Lets `rate` bytes a second flow in, up to `burst` bytes.
    pub(crate) fn refill(&mut self, now: Time, rate: u64, burst: u64) {
        let elapsed = now.micros_since(self.last).min(10_000_000);
        self.last = self.last.max(now);
        let added =
            i64::try_from(elapsed.saturating_mul(rate.min(1 << 36))).unwrap_or(i64::MAX / 2);
        let most = i64::try_from(burst).unwrap_or(i64::MAX / SCALE / 4) * SCALE;
        self.tokens = self.tokens.saturating_add(added).min(most);
    }

    pub(crate) fn may_send(&self) -> bool {
        self.tokens > 0
    }

    pub(crate) fn take(&mut self, bytes: usize) {
        self.tokens = self.tokens.saturating_sub(bytes as i64 * SCALE);
    }

    /// When something may be sent again, at `rate`; counted from the last refill.
    pub(crate) fn ready_at(&self, rate: u64) -> Time {
        if self.tokens > 0 {
            return self.last;
        }
        let wait = (self.tokens.unsigned_abs() + 1).div_ceil(rate.max(1));
        self.last.after(wait.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_in_a_second_is_the_rate() {
        for (rate, size) in [(8_000, 100), (1_000_000, 1200), (125_000_000, 1452)] {
            let (mut pacer, mut now, mut sent) = (Pacer::full(0), Time::ZERO, 0u64);
            while now < Time::from_micros(1_000_000) {
                pacer.refill(now, rate, 2400);
                if pacer.may_send() {
                    pacer.take(size);
                    sent += size as u64;
                } else {
                    let next = pacer.ready_at(rate);
                    assert!(next > now);
                    now = next;
                }
            }
            assert!(
                sent.abs_diff(rate) <= rate / 100 + 4 * size as u64,
                "{sent} at {rate}"
            );
        }
    }
}
