//! Path MTU: DPLPMTUD (RFC 8899) by padded pings, and the fall back to the base when large packets vanish.

use crate::Time;

/// Every path carries this (RFC 9000 §14).
pub(crate) const BASE: u16 = 1200;
/// The search ends when the step is below this.
const STEP: u16 = 16;
/// Losses of one size before it counts as too large.
const PROBES: u8 = 3;
/// Consecutive losses of large datagrams that mean a black hole.
const BLACK_HOLE: u8 = 3;
/// A finished search is begun anew after this long, microseconds: paths grow, and recover.
const AGAIN: u64 = 60_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Mtu {
    current: u16,
    /// Largest size that may yet work.
    ceiling: u16,
    limit: u16,
    /// The probe under way: (packet number, size).
    in_flight: Option<(u64, u16)>,
    failures: u8,
    lost_large: u8,
    next_search: Time,
    pub(crate) black_holes: u32,
}

impl Mtu {
    pub(crate) fn new(limit: u16) -> Self {
        let limit = limit.max(BASE);
        Self {
            current: BASE,
            ceiling: limit,
            limit,
            in_flight: None,
            failures: 0,
            lost_large: 0,
            next_search: Time::ZERO,
            black_holes: 0,
        }
    }

    /// Bytes a datagram may have.
    pub(crate) fn current(&self) -> usize {
        usize::from(self.current)
    }

    /// The size to probe now, if one is wanted.
    pub(crate) fn probe(&mut self, now: Time) -> Option<u16> {
        if self.in_flight.is_some() || now < self.next_search || self.limit <= self.current {
            return None;
        }
        if self.ceiling <= self.current
            || self.ceiling - self.current < STEP && self.ceiling != self.limit
        {
            // The search is over; later, everything is possible again.
            self.ceiling = self.limit;
            self.next_search = now.after(AGAIN);
            return None;
        }
        // The whole first: most paths carry the limit. Then by halves.
        Some(if self.ceiling == self.limit {
            self.limit
        } else {
            self.current.midpoint(self.ceiling)
        })
    }

    pub(crate) fn probe_sent(&mut self, number: u64, size: u16) {
        self.in_flight = Some((number, size));
    }

    /// A packet of `size` bytes arrived.
    pub(crate) fn on_acked(&mut self, number: u64, size: u16) {
        if let Some((probe, probed)) = self.in_flight
            && probe == number
        {
            self.in_flight = None;
            self.failures = 0;
            self.current = self.current.max(probed);
            self.ceiling = self.ceiling.max(self.current);
        }
        if size > BASE {
            self.lost_large = 0;
        }
    }

    /// A packet of `size` bytes was lost. Whether it was a probe, whose loss says nothing about congestion.
    pub(crate) fn on_lost(&mut self, now: Time, number: u64, size: u16) -> bool {
        if let Some((probe, probed)) = self.in_flight
            && probe == number
        {
            self.in_flight = None;
            self.failures += 1;
            if self.failures >= PROBES {
                self.failures = 0;
                // One less than the limit, so that it is no longer "the whole".
                self.ceiling = probed.min(self.ceiling) - 1;
            }
            return true;
        }
        if size > BASE && size <= self.current {
            self.lost_large += 1;
            if self.lost_large >= BLACK_HOLE {
                self.fall_back(now);
            }
        }
        false
    }

    /// Two probe timeouts in a row passed.
    pub(crate) fn on_probe_timeouts(&mut self, now: Time) {
        if self.current > BASE {
            self.fall_back(now);
        }
    }

    fn fall_back(&mut self, now: Time) {
        self.black_holes += 1;
        self.current = BASE;
        self.ceiling = self.limit;
        self.lost_large = 0;
        self.failures = 0;
        self.in_flight = None;
        self.next_search = now.after(AGAIN);
    }

    /// A new path: nothing is known.
    pub(crate) fn reset(&mut self) {
        *self = Self {
            black_holes: self.black_holes,
            ..Self::new(self.limit)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the search over a path that carries `path` bytes; the result and the probes sent.
    fn search(limit: u16, path: u16) -> (usize, u32) {
        let (mut mtu, mut probes) = (Mtu::new(limit), 0);
        while let Some(size) = mtu.probe(Time::ZERO) {
            probes += 1;
            assert!(probes < 100, "the search does not end");
            mtu.probe_sent(probes, size);
            if size <= path {
                mtu.on_acked(probes, size);
            } else {
                assert!(mtu.on_lost(Time::ZERO, probes, size));
            }
        }
        (mtu.current(), probes as u32)
    }

    #[test]
    fn the_search_comes_within_a_step_of_what_the_path_carries() {
        for limit in [1200, 1201, 1452, 1472, 8972] {
            for path in [1200, 1280, 1350, 1400, 1451, 1452, 1472, 5000, 8972] {
                let (found, probes) = search(limit, path);
                let best = usize::from(path.min(limit));
                assert!(
                    found <= best && best - found <= usize::from(STEP),
                    "{limit} {path}: {found}"
                );
                assert!(probes <= 40, "{limit} {path}: {probes}");
            }
        }
    }

    #[test]
    fn three_lost_large_packets_fall_back_and_acked_ones_forgive() {
        let mut mtu = Mtu::new(1452);
        mtu.probe_sent(0, 1452);
        mtu.on_acked(0, 1452);
        assert_eq!(mtu.current(), 1452);
        for number in 1..3 {
            assert!(!mtu.on_lost(Time::ZERO, number, 1400));
        }
        mtu.on_acked(3, 1300);
        for number in 4..7 {
            assert_eq!(mtu.current(), 1452);
            mtu.on_lost(Time::ZERO, number, 1400);
        }
        assert_eq!((mtu.current(), mtu.black_holes), (1200, 1));
        assert_eq!(mtu.probe(Time::from_micros(AGAIN - 1)), None);
        assert_eq!(mtu.probe(Time::from_micros(AGAIN)), Some(1452));
    }

    #[test]
    fn small_losses_are_no_black_hole() {
        let mut mtu = Mtu::new(1452);
        mtu.probe_sent(0, 1452);
        mtu.on_acked(0, 1452);
        for number in 1..100 {
            mtu.on_lost(Time::ZERO, number, 1200);
        }
        assert_eq!(mtu.current(), 1452);
    }
}
