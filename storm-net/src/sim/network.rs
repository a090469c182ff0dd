//! Datagrams under way: a queue of arrivals by time, links with their state, public addresses.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::time::Duration;

use super::Link;
use crate::Time;
use crate::time::micros;

/// Bytes that a paused node's socket keeps.
const SOCKET_BYTES: usize = 256 << 10;

/// SplitMix64: small, fast, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn happens(&mut self, chance: f64) -> bool {
        // Asked also when it cannot happen, so that a change of one chance does not shift all others.
        let drawn = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        drawn < chance
    }
}

struct Path {
    link: Link,
    /// Until when the link is busy with what entered.
    busy_until: Time,
    last_arrival: Time,
    bad: bool,
    sent_bytes: u64,
}

impl Path {
    fn new(link: Link) -> Self {
        Self {
            link,
            busy_until: Time::ZERO,
            last_arrival: Time::ZERO,
            bad: false,
            sent_bytes: 0,
        }
    }
}

struct Arrival {
    from: SocketAddr,
    to: SocketAddr,
    node: usize,
    bytes: Vec<u8>,
}

pub(super) struct Network {
    chance: Chance,
    default: Link,
    paths: BTreeMap<(usize, usize), Path>,
    public: Vec<SocketAddr>,
    /// Arrivals: (time, order, place in `slots`).
    queue: BinaryHeap<Reverse<(Time, u64, usize)>>,
    slots: Vec<Option<Arrival>>,
    free: Vec<usize>,
    buffers: Vec<Vec<u8>>,
    order: u64,
    trace: blake3::Hasher,
    held: BTreeMap<usize, usize>,
    tap: usize,
    taps: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    pub(super) delivered: u64,
}

impl Network {
    pub(super) fn new(seed: u64, link: Link) -> Self {
        Self {
            chance: Chance(seed),
            default: link,
            paths: BTreeMap::new(),
            public: Vec::new(),
            queue: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            buffers: Vec::new(),
            order: 0,
            trace: blake3::Hasher::new(),
            held: BTreeMap::new(),
            tap: 0,
            taps: Vec::new(),
            delivered: 0,
        }
    }

    pub(super) fn add(&mut self, address: SocketAddr) {
        debug_assert!(!self.public.contains(&address));
        self.public.push(address);
    }

    pub(super) fn public(&self, node: usize) -> SocketAddr {
        self.public[node]
    }

    pub(super) fn rebind(&mut self, node: usize, address: SocketAddr) {
        self.public[node] = address;
    }

    fn path(&mut self, from: usize, to: usize) -> &mut Path {
        let default = self.default;
        self.paths
            .entry((from, to))
            .or_insert_with(|| Path::new(default))
    }

    pub(super) fn set_link(&mut self, from: usize, to: usize, link: Link) {
        self.path(from, to).link = link;
    }

    pub(super) fn sent_bytes(&self, from: usize, to: usize) -> u64 {
        self.paths
            .get(&(from, to))
            .map_or(0, |path| path.sent_bytes)
    }

    pub(super) fn queue_delay(&self, now: Time, from: usize, to: usize) -> Duration {
        self.paths
            .get(&(from, to))
            .map_or(Duration::ZERO, |path| path.busy_until.since(now))
    }

    pub(super) fn trace_hash(&self) -> [u8; 32] {
        *self.trace.finalize().as_bytes()
    }

    pub(super) fn tap(&mut self, count: usize) {
        self.tap = count;
    }

    pub(super) fn taps(&mut self) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.taps)
    }

    pub(super) fn send(&mut self, now: Time, from: usize, to: SocketAddr, bytes: &[u8]) {
        let Some(node) = self.public.iter().position(|&address| address == to) else {
            return;
        };
        let source = self.public[from];
        // All chances are drawn for all datagrams.
        let link = self.path(from, node).link;
        let lost = self.chance.happens(link.loss);
        let bad = self.path(from, node).bad;
        let burst = link.burst;
        let turns = self
            .chance
            .happens(burst.map_or(0.0, |burst| if bad { burst.end } else { burst.begin }));
        let bad = bad != turns;
        let lost = lost
            | self
                .chance
                .happens(burst.map_or(0.0, |burst| if bad { burst.loss } else { 0.0 }));
        let (overtaken, twice) = (
            self.chance.happens(link.reorder),
            self.chance.happens(link.duplicate),
        );
        let (corrupt, place) = (self.chance.happens(link.corrupt), self.chance.next());
        let jitter = self.chance.next() % (micros(link.jitter) + 1);

        let path = self.path(from, node);
        path.bad = bad;
        path.sent_bytes += bytes.len() as u64;
        let mut leaves = now;
        if let Some(rate) = link.rate {
            let rate = rate.max(1);
            let waits = path.busy_until.micros_since(now);
            if waits.saturating_mul(rate) / 1_000_000 + bytes.len() as u64 > link.queue_bytes {
                return;
            }
            leaves = path
                .busy_until
                .max(now)
                .after((bytes.len() as u64 * 1_000_000).div_ceil(rate));
            path.busy_until = leaves;
        }
        if lost || bytes.len() > link.mtu {
            return;
        }
        let mut arrives = leaves.after(micros(link.latency) + jitter);
        if overtaken {
            arrives = arrives.after(micros(link.reorder_by));
        } else {
            arrives = arrives.max(path.last_arrival);
            path.last_arrival = arrives;
        }
        let mut copy = self.copy(bytes);
        if corrupt && !copy.is_empty() {
            let bit = (place % (copy.len() as u64 * 8)) as usize;
            copy[bit / 8] ^= 1 << (bit % 8);
        }
        self.push(
            arrives,
            Arrival {
                from: source,
                to,
                node,
                bytes: copy,
            },
        );
        if twice {
            let copy = self.copy(bytes);
            self.push(
                arrives.after(micros(link.reorder_by)),
                Arrival {
                    from: source,
                    to,
                    node,
                    bytes: copy,
                },
            );
        }
    }

    pub(super) fn inject(&mut self, now: Time, from: SocketAddr, node: usize, bytes: &[u8]) {
        let copy = self.copy(bytes);
        let to = self.public[node];
        self.push(
            now,
            Arrival {
                from,
                to,
                node,
                bytes: copy,
            },
        );
    }

    fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = self.buffers.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(bytes);
        copy
    }

    pub(super) fn give_back(&mut self, bytes: Vec<u8>) {
        self.buffers.push(bytes);
    }

    fn push(&mut self, at: Time, arrival: Arrival) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[place] = Some(arrival);
        self.queue.push(Reverse((at, self.order, place)));
        self.order += 1;
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.queue.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next datagram that arrives by `now`: source, node, bytes.
    pub(super) fn arrival(&mut self, now: Time) -> Option<(SocketAddr, usize, Vec<u8>)> {
        while let Some(&Reverse((at, _, place))) = self.queue.peek()
            && at <= now
        {
            self.queue.pop();
            self.free.push(place);
            let Some(Arrival {
                from,
                to,
                node,
                bytes,
            }) = self.slots[place].take()
            else {
                continue;
            };
            // The public address may have changed while it was under way.
            if self.public[node] != to {
                self.give_back(bytes);
                continue;
            }
            return Some((from, node, bytes));
        }
        None
    }

    /// A node takes a datagram: it counts, and is in the trace.
    pub(super) fn deliver(&mut self, now: Time, from: SocketAddr, node: usize, bytes: &[u8]) {
        let to = self.public[node];
        self.held.remove(&node);
        self.delivered += 1;
        self.trace.update(&now.as_micros().to_le_bytes());
        self.trace.update(&from.port().to_le_bytes());
        self.trace.update(&to.port().to_le_bytes());
        self.trace.update(&(bytes.len() as u32).to_le_bytes());
        self.trace.update(bytes);
        if self.tap > 0 {
            self.tap -= 1;
            self.taps.push((from, to, bytes.to_vec()));
        }
    }

    /// A paused node takes it later, if its socket has room.
    pub(super) fn hold(&mut self, until: Time, from: SocketAddr, node: usize, bytes: Vec<u8>) {
        let held = self.held.entry(node).or_default();
        if *held + bytes.len() > SOCKET_BYTES {
            self.give_back(bytes);
            return;
        }
        *held += bytes.len();
        let to = self.public[node];
        self.push(
            until,
            Arrival {
                from,
                to,
                node,
                bytes,
            },
        );
    }
}
