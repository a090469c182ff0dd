//! Congestion control by delay: a rate in bytes a second that keeps the queue it causes near a target (docs/net.md, "Congestion").

use crate::Time;
use crate::config::Congestion;
use crate::rtt::Rtt;

const PACKET: u64 = 1200;
const RATE_INITIAL: u64 = 40_000;
const RATE_MIN: u64 = 4_000;
const RATE_MAX: u64 = 1 << 33;
/// Lost share of a round that counts as congestion, percent.
const LOSS_PERCENT: u64 = 10;
/// Half of the time over which the base round-trip time is the minimum, microseconds.
const BASE_HALF: u64 = 5_000_000;
const ROUND_MIN: u64 = 20_000;
const RATES: usize = 8;
const RECENT: usize = 4;

/// What a packet has to remember for a sample of the delivery rate (as in BBR).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    delivered: u64,
    delivered_at: Time,
    first_sent: Time,
    app_limited: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Controller {
    profile: Congestion,
    rate: u64,
    starting: bool,
    /// Bytes acknowledged in all, and when last.
    delivered: u64,
    delivered_at: Time,
    first_sent: Time,
    /// Delivered bytes at which the application no longer counts as the limit.
    limited_until: u64,
    round_began: Time,
    round_acked: u64,
    round_lost: u64,
    round_packets: u64,
    round_limited: bool,
    round_min_rtt: u64,
    /// The last round-trip times.
    recent: [u64; RECENT],
    samples: usize,
    /// Delivery rate: the best of each of the last rounds.
    rates: [u64; RATES],
    rounds: usize,
    base: [u64; 2],
    base_began: Time,
    queue_delay: u64,
    plateau: (u64, u8),
    /// Share of loss, in percent, that does not go away with a lower rate: it is the link's.
    link_loss: u64,
    /// The rate of the last round.
    last_rate: u64,
    /// While the queue is too long: microseconds of it that should have drained, and the queue when that began.
    long: (u64, u64),
}

impl Controller {
    pub(crate) fn new(profile: Congestion) -> Self {
        Self {
            profile,
            rate: if let Congestion::Fixed(rate) = profile {
                rate.max(1)
            } else {
                RATE_INITIAL
            },
            starting: true,
            delivered: 0,
            delivered_at: Time::ZERO,
            first_sent: Time::ZERO,
            limited_until: 1,
            round_began: Time::ZERO,
            round_acked: 0,
            round_lost: 0,
            round_packets: 0,
            round_limited: true,
            round_min_rtt: u64::MAX,
            recent: [0; RECENT],
            samples: 0,
            rates: [0; RATES],
            rounds: 0,
            base: [u64::MAX; 2],
            base_began: Time::ZERO,
            queue_delay: 0,
            plateau: (0, 0),
            link_loss: 0,
            last_rate: RATE_INITIAL,
            long: (0, 0),
        }
    }

    /// Bytes a second.
    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }

    /// Bytes that may be in flight: what the rate fills in a round trip and a half and some queue, so that silence stops the sender.
    pub(crate) fn window(&self, rtt: &Rtt) -> u64 {
        let rate = match self.profile {
            Congestion::Fixed(_) => {
                return self.rate.saturating_mul(2 * rtt.smoothed + 50_000) / 1_000_000
                    + 4 * PACKET;
            }
            // Not far beyond what was seen to arrive, while that is being found out.
            _ if self.starting => self.rate.min((2 * self.delivery_rate()).max(RATE_INITIAL)),
            _ => self.rate,
        };
        // Nothing is known of a new path before its first sample.
        let base = if self.base() == u64::MAX {
            rtt.smoothed
        } else {
            self.base()
        };
        rate.saturating_mul(base + base / 2 + 50_000 + (2 * rtt.variation).min(50_000)) / 1_000_000
            + 4 * PACKET
    }

    fn base(&self) -> u64 {
        self.base[0].min(self.base[1])
    }

    /// Bytes that may leave in one go.
    pub(crate) fn burst(&self) -> u64 {
        (2 * PACKET).max(self.rate / 500)
    }

    /// Bytes of a packet that take about 20 ms at this rate: larger ones delay what is more urgent.
    pub(crate) fn packet_bytes(&self) -> usize {
        usize::try_from(self.rate / 50)
            .unwrap_or(usize::MAX)
            .max(240)
    }

    pub(crate) fn queue_delay(&self) -> u64 {
        self.queue_delay
    }

    pub(crate) fn delivery_rate(&self) -> u64 {
        self.rates.iter().copied().max().unwrap_or(0)
    }

    pub(crate) fn on_sent(&mut self, now: Time, in_flight: u64) -> Snapshot {
        if in_flight == 0 {
            self.first_sent = now;
            self.delivered_at = now;
        }
        Snapshot {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            app_limited: self.delivered < self.limited_until,
        }
    }

    /// The application had nothing to send although it might have.
    pub(crate) fn on_app_limited(&mut self, in_flight: u64) {
        self.limited_until = (self.delivered + in_flight).max(1);
    }

    pub(crate) fn on_acked(&mut self, now: Time, sent: Time, bytes: u64, snapshot: &Snapshot) {
        self.delivered += bytes;
        self.delivered_at = now;
        self.first_sent = sent;
        self.round_acked += bytes;
        self.round_packets += 1;
        let elapsed = now
            .micros_since(snapshot.delivered_at)
            .max(sent.micros_since(snapshot.first_sent))
            .max(1000);
        let rate = (self.delivered - snapshot.delivered).saturating_mul(1_000_000) / elapsed;
        let place = &mut self.rates[self.rounds % RATES];
        // A sample that the application limited is a lower bound: it counts only upwards.
        if !snapshot.app_limited || rate > *place {
            *place = rate.max(*place);
        }
        self.round_limited &= snapshot.app_limited;
    }

    pub(crate) fn on_lost(&mut self, bytes: u64) {
        self.round_lost += bytes;
        self.round_packets += 1;
    }

    /// After each acknowledgement that gave an RTT sample.
    pub(crate) fn on_rtt(&mut self, now: Time, rtt: &Rtt) {
        let sample = rtt.latest;
        self.base[0] = self.base[0].min(sample);
        if now.micros_since(self.base_began) > BASE_HALF {
            self.base_began = now;
            self.base = [sample.min(self.round_min_rtt), self.base[0]];
        }
        self.round_min_rtt = self.round_min_rtt.min(sample);
        self.recent[self.samples % RECENT] = sample;
        self.samples += 1;
        if matches!(self.profile, Congestion::Fixed(_)) {
            return;
        }
        // A queue that is seen to grow while starting is not waited for.
        let overshot = self.starting && !self.round_limited && self.recent_queue() > self.target();
        if overshot || now.micros_since(self.round_began) >= self.base().max(ROUND_MIN) {
            self.end_round(now, rtt);
        }
    }

    /// Queueing delay by the smallest of the last round-trip times: jitter of single packets does not count.
    fn recent_queue(&self) -> u64 {
        let recent = self.recent.iter().copied().min().unwrap_or(0);
        recent.saturating_sub(self.base())
    }

    fn target(&self) -> u64 {
        let queue = if self.profile == Congestion::Bulk {
            40_000
        } else {
            10_000
        };
        queue + self.serialisation()
    }

    fn end_round(&mut self, now: Time, rtt: &Rtt) {
        let queue = self.recent_queue();
        self.queue_delay = queue;
        let latest_rate = self.rates[self.rounds % RATES];
        let target = self.target();
        let loss = self.round_lost * 100 / (self.round_acked + self.round_lost).max(1);
        let lossy = self.round_packets >= 10 && loss > self.link_loss + LOSS_PERCENT;
        self.link_loss = if lossy {
            self.link_loss.midpoint(loss)
        } else {
            (15 * self.link_loss + loss) / 16
        };
        self.watch_base(now, queue, target, latest_rate);
        if self.starting {
            self.start(queue, target, lossy);
        } else if lossy && !self.round_limited {
            self.rate = self.rate.min(self.delivery_rate());
        } else if self.round_limited {
            // What little was sent did not fill the queue; but a rate far above it would.
            if queue > 4 * target {
                self.hold_back();
            }
        } else if queue > 2 * target {
            // What arrives is what the path carries; a little less drains the queue.
            let drained = if queue > 8 * target {
                latest_rate / 2
            } else {
                latest_rate * 4 / 5
            };
            self.rate = (self.rate / 2).max(drained.min(self.rate));
        } else if queue > target {
            let excess = (queue - target) * 1000 / target;
            self.rate -= self.rate * 3 * excess / 20_000;
        } else {
            let room = (target - queue) * 1000 / target;
            let packet = PACKET * 1_000_000 / rtt.smoothed.max(ROUND_MIN);
            self.rate += packet.min(self.rate / 16) * room / 1000 + self.rate * room / 32_000;
            // Not far beyond what was ever seen to arrive.
            self.rate = self
                .rate
                .min((self.delivery_rate() * 5 / 4).max(2 * RATE_MIN));
        }
        self.rate = self.rate.clamp(RATE_MIN, RATE_MAX);
        self.last_rate = self.rate;
        self.rounds += 1;
        self.rates[self.rounds % RATES] = 0;
        self.round_began = now;
        self.round_acked = 0;
        self.round_lost = 0;
        self.round_packets = 0;
        self.round_limited = true;
        self.round_min_rtt = u64::MAX;
    }

    /// Comes closer to what the application sends.
    fn hold_back(&mut self) {
        self.rate = self
            .rate
            .min((self.rate * 7 / 10).max(self.delivery_rate() * 9 / 8));
    }

    /// A queue that stays although less was sent than arrived, for long enough to drain it, is none of ours: the path has become
    /// longer (or is full of others, whom we then join). What was the queue becomes the base.
    fn watch_base(&mut self, now: Time, queue: u64, target: u64, latest_rate: u64) {
        if queue <= target {
            self.long = (0, 0);
            return;
        }
        if self.long.1 == 0 {
            self.long.1 = queue;
        }
        let spare = latest_rate.saturating_sub(self.last_rate);
        let elapsed = now.micros_since(self.round_began).min(1_000_000);
        self.long.0 += spare * elapsed / latest_rate.max(1);
        let (drained, at_first) = self.long;
        if drained >= 2 * at_first && queue * 4 >= at_first * 3 {
            self.base = [self.round_min_rtt; 2];
            self.long = (0, 0);
        }
    }

    fn start(&mut self, queue: u64, target: u64, lossy: bool) {
        if self.round_limited {
            // Nothing was learnt about what the path carries, unless that little was too much.
            if queue > 4 * target {
                self.starting = false;
                self.hold_back();
            }
            return;
        }
        if queue > target || lossy {
            self.starting = false;
            self.rate = (self.delivery_rate() * 3 / 4).min(self.rate);
            return;
        }
        // Three rounds without a quarter more: this is what the path carries.
        let best = self.delivery_rate();
        if best * 4 > self.plateau.0 * 5 {
            self.plateau = (best, 0);
        } else {
            self.plateau.1 += 1;
            if self.plateau.1 >= 3 {
                self.starting = false;
                return;
            }
        }
        self.rate = self.rate.saturating_mul(2);
    }

    /// Microseconds that a packet takes at this rate: queueing below that cannot be seen.
    fn serialisation(&self) -> u64 {
        (self.packet_bytes() as u64).min(PACKET) * 1_500_000 / self.rate.max(1)
    }

    /// Another path: nothing is known.
    pub(crate) fn reset(&mut self) {
        // What is in flight still refers to the counts.
        let (delivered, delivered_at, first_sent) =
            (self.delivered, self.delivered_at, self.first_sent);
        *self = Self {
            delivered,
            delivered_at,
            first_sent,
            limited_until: delivered + 1,
            ..Self::new(self.profile)
        };
    }
}
