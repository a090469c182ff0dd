//! Two peers over thousands of links, against what was sent: reliable data arrives intact, unreliable at most once, nothing stalls, memory is
//! bounded, and nothing leaks. STORM_NET_SEEDS sets the number of seeds (400 without it), STORM_NET_SEED runs one.

use std::collections::BTreeSet;
use std::time::Duration;

use storm_net::sim::{Burst, Link, NodeId, Pair};
use storm_net::{ConnectionId, SendError, Time};

use crate::support::{
    Chance, ORDERED, SEQUENCED, UNORDERED, UNRELIABLE, message, ms, number_of, transport,
};

/// What both sides hold at most: 2 MiB of credit, queues of 4 MiB a channel, rings; stated here so that growth is seen.
const MEMORY_MAX: usize = 24 << 20;

#[derive(Default)]
struct Sent {
    ordered: Vec<Vec<u8>>,
    unordered: Vec<Vec<u8>>,
    unreliable: Vec<Vec<u8>>,
    sequenced: Vec<Vec<u8>>,
    stream: Vec<u8>,
}

#[derive(Default)]
struct Got {
    ordered: usize,
    unordered: BTreeSet<u64>,
    unreliable: BTreeSet<u64>,
    sequenced: Option<u64>,
    stream: usize,
}

impl Got {
    fn take(&mut self, seed: u64, sent: &Sent, channel: u8, bytes: &[u8]) {
        match channel {
            ORDERED => {
                assert!(
                    sent.ordered[self.ordered] == bytes,
                    "seed {seed}: ordered {}",
                    self.ordered
                );
                self.ordered += 1;
            }
            UNORDERED => {
                let number = number_of(bytes);
                assert!(
                    sent.unordered[number as usize] == bytes,
                    "seed {seed}: unordered {number}"
                );
                assert!(
                    self.unordered.insert(number),
                    "seed {seed}: unordered {number} twice"
                );
            }
            UNRELIABLE => {
                let number = number_of(bytes);
                assert!(
                    sent.unreliable[number as usize] == bytes,
                    "seed {seed}: unreliable {number}"
                );
                assert!(
                    self.unreliable.insert(number),
                    "seed {seed}: unreliable {number} twice"
                );
            }
            SEQUENCED => {
                let number = number_of(bytes);
                assert!(
                    sent.sequenced[number as usize] == bytes,
                    "seed {seed}: sequenced {number}"
                );
                assert!(
                    self.sequenced < Some(number),
                    "seed {seed}: sequenced {number} after {:?}",
                    self.sequenced
                );
                self.sequenced = Some(number);
            }
            _ => {
                let end = self.stream + bytes.len();
                assert!(
                    sent.stream.get(self.stream..end) == Some(bytes),
                    "seed {seed}: stream at {}",
                    self.stream
                );
                self.stream = end;
            }
        }
    }

    fn is_complete(&self, sent: &Sent) -> bool {
        self.ordered == sent.ordered.len()
            && self.unordered.len() == sent.unordered.len()
            && self.stream == sent.stream.len()
    }
}

fn link(chance: &mut Chance) -> Link {
    let rates = [None, None, Some(8_000), Some(32_000), Some(250_000)];
    Link {
        latency: ms(chance.below(101)),
        jitter: ms([0, 0, 5, 30][chance.below(4) as usize]),
        loss: chance.percent(20),
        burst: (chance.below(4) == 0).then_some(Burst {
            begin: 0.01,
            end: 0.3,
            loss: 0.5,
        }),
        reorder: [0.0, 0.0, chance.percent(30)][chance.below(3) as usize],
        reorder_by: ms(1 + chance.below(40)),
        duplicate: [0.0, 0.05][chance.below(2) as usize],
        corrupt: [0.0, 0.0, 0.03][chance.below(3) as usize],
        rate: rates[chance.below(5) as usize],
        queue_bytes: [8, 64, 1000][chance.below(3) as usize] << 10,
        mtu: [1200, 1280, 1400, 1500][chance.below(4) as usize],
    }
}

struct Side {
    node: NodeId,
    connection: ConnectionId,
    sent: Sent,
    got: Got,
    /// Reliable pieces that arrived at the other side, and when that last grew.
    pieces: u64,
    progress: Time,
    /// The longest probe timeout of the sender since then.
    timeout: Duration,
}

fn send_some(pair: &mut Pair, side: &mut Side, chance: &mut Chance, reliable_left: &mut u64) {
    let now = pair.sim.now();
    for _ in 0..chance.below(4) {
        let len = 8 + match chance.below(20) {
            0 => chance.below(20_000),
            1..=4 => chance.below(2000),
            _ => chance.below(100),
        } as usize;
        let channel = chance.below(5) as u8;
        let reliable = channel >= UNORDERED;
        if reliable && *reliable_left < len as u64 {
            continue;
        }
        let sent = &mut side.sent;
        let number = match channel {
            ORDERED => sent.ordered.len(),
            UNORDERED => sent.unordered.len(),
            UNRELIABLE => sent.unreliable.len(),
            SEQUENCED => sent.sequenced.len(),
            _ => sent.stream.len(),
        };
        let bytes = message(number as u64, len);
        match pair
            .sim
            .endpoint(side.node)
            .send(now, side.connection, channel, &bytes)
        {
            Ok(()) => {}
            Err(SendError::QueueFull { .. }) => continue,
            Err(error) => panic!("{error}"),
        }
        if reliable {
            *reliable_left -= len as u64;
        }
        match channel {
            ORDERED => sent.ordered.push(bytes),
            UNORDERED => sent.unordered.push(bytes),
            UNRELIABLE => sent.unreliable.push(bytes),
            SEQUENCED => sent.sequenced.push(bytes),
            _ => sent.stream.extend_from_slice(&bytes),
        }
    }
}

/// Runs one seed; the worst stall in probe timeouts.
fn run(seed: u64) -> f64 {
    let mut chance = Chance(seed);
    let first = link(&mut chance);
    let second = link(&mut chance);
    let config = transport();
    let Some(mut pair) = Pair::connected(seed, config, first) else {
        panic!("seed {seed}: no handshake in a minute over {first:?}");
    };
    pair.sim.set_link(pair.server, pair.client, second);
    let begin = pair.sim.now();
    let side = |node, connection| Side {
        node,
        connection,
        sent: Sent::default(),
        got: Got::default(),
        pieces: 0,
        progress: begin,
        timeout: Duration::ZERO,
    };
    let mut sides = [
        side(pair.client, pair.client_connection),
        side(pair.server, pair.server_connection),
    ];
    // Slow links carry less, so that all end in a few virtual minutes.
    let budget = if first.rate.is_some() || second.rate.is_some() {
        20_000
    } else {
        150_000
    };
    let mut left = [budget; 2];
    let mut stall = 0.0f64;
    let deadline = begin + Duration::from_secs(600);
    for tick in 0.. {
        let now = pair.sim.now();
        assert!(
            now < deadline,
            "seed {seed}: not done after ten minutes over {first:?} and {second:?}"
        );
        for (side, left) in sides.iter_mut().zip(&mut left) {
            if tick < 100 {
                send_some(&mut pair, side, &mut chance, left);
            }
        }
        // An application that sometimes does not read for a while.
        let reads = chance.below(8) != 0;
        pair.sim.run_for(ms(20));
        let now = pair.sim.now();
        for from in 0..2 {
            let (sender, node, connection) = {
                let [a, b] = &mut sides;
                if from == 0 {
                    (a, b.node, b.connection)
                } else {
                    (b, a.node, a.connection)
                }
            };
            if reads {
                while let Some(message) = pair.sim.endpoint(node).recv(connection) {
                    sender
                        .got
                        .take(seed, &sender.sent, message.channel, message.bytes);
                }
            }
            let timeout = pair
                .sim
                .endpoint(sender.node)
                .probe_timeout(sender.connection)
                .unwrap();
            sender.timeout = sender.timeout.max(timeout);
            let pieces = pair
                .sim
                .endpoint(node)
                .stats(connection)
                .unwrap()
                .received_pieces;
            if pieces > sender.pieces || sender.got.is_complete(&sender.sent) {
                sender.pieces = pieces;
                sender.progress = now;
                sender.timeout = timeout;
            } else if pair
                .sim
                .endpoint(sender.node)
                .has_unacknowledged(sender.connection)
            {
                stall = stall
                    .max(now.since(sender.progress).as_secs_f64() / sender.timeout.as_secs_f64());
            }
            assert!(
                pair.sim.endpoint(node).memory_bytes() < MEMORY_MAX,
                "seed {seed}: memory"
            );
        }
        let done = sides.iter().all(|side| side.got.is_complete(&side.sent))
            && sides.iter().all(|side| {
                !pair
                    .sim
                    .endpoint(side.node)
                    .has_unacknowledged(side.connection)
            });
        if tick >= 100 && done {
            break;
        }
    }
    // Nothing is left behind when both are gone.
    let now = pair.sim.now();
    pair.sim
        .endpoint(pair.client)
        .close(now, pair.client_connection, 300, b"done");
    pair.sim.run_for(Duration::from_secs(40));
    for node in [pair.client, pair.server] {
        assert_eq!(pair.sim.endpoint(node).connections(), 0, "seed {seed}");
        assert_eq!(pair.sim.endpoint(node).buffers_in_use(), 0, "seed {seed}");
    }
    stall
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
}

#[test]
fn peers_agree_with_the_model_over_bad_links() {
    if let Some(seed) = setting("STORM_NET_SEED") {
        println!("seed {seed}: {:?}", {
            let mut c = Chance(seed);
            (link(&mut c), link(&mut c))
        });
        println!("seed {seed}: worst stall {:.2} probe timeouts", run(seed));
        return;
    }
    let first = setting("STORM_NET_FIRST").unwrap_or(0);
    let seeds = setting("STORM_NET_SEEDS").unwrap_or(400);
    let (mut worst, mut at, mut above) = (0.0, 0, 0);
    for seed in first..first + seeds {
        let stall = run(seed);
        if stall > 4.0 {
            println!("{seed}: {stall}");
            above += 1;
        }
        if stall > worst {
            (worst, at) = (stall, seed);
        }
    }
    println!(
        "{seeds} seeds from {first}; worst stall {worst:.2} probe timeouts at seed {at}; {above} above 4"
    );
    // Three probes lost in a row make five timeouts; on links that lose a fifth that happens, more than now and then it must not.
    assert!(worst <= 12.0, "seed {at}: {worst}");
    assert!(
        above <= 1 + seeds / 100,
        "{above} of {seeds} stall for more than four probe timeouts"
    );
}
