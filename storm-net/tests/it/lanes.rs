//! What is sent before what: strict priority, weights, deadlines, statistics.

use std::time::Duration;

use storm_net::sim::{Link, Pair};
use storm_net::{ChannelConfig, Congestion, LaneConfig, Mode, TransportConfig};

use crate::support::{message, ms};

const INPUT: u8 = 0;
const CHAT: u8 = 1;
const TERRAIN: u8 = 2;

fn config(rate: u64) -> TransportConfig {
    TransportConfig {
        channels: vec![
            ChannelConfig::new(Mode::Sequenced),
            ChannelConfig::new(Mode::ReliableOrdered).lane(1),
            ChannelConfig::new(Mode::Stream).lane(2),
        ],
        lanes: vec![
            LaneConfig {
                priority: 0,
                weight: 1,
            },
            LaneConfig {
                priority: 1,
                weight: 3,
            },
            LaneConfig {
                priority: 1,
                weight: 1,
            },
        ],
        congestion: Congestion::Fixed(rate),
        ..TransportConfig::default()
    }
}

#[test]
fn input_never_waits_behind_terrain() {
    let mut pair = Pair::connected(1, config(100_000), Link::default()).unwrap();
    let now = pair.now();
    pair.sim
        .endpoint(pair.client)
        .send(now, pair.client_connection, TERRAIN, &vec![1; 2_000_000])
        .unwrap();
    for number in 0..100 {
        let now = pair.now();
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, INPUT, &message(number, 40))
            .unwrap();
        pair.sim.run_for(ms(50));
        while pair
            .sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .is_some()
        {}
    }
    let input = pair
        .sim
        .endpoint(pair.client)
        .lane_stats(pair.client_connection, 0)
        .unwrap();
    let terrain = pair
        .sim
        .endpoint(pair.client)
        .lane_stats(pair.client_connection, 2)
        .unwrap();
    assert_eq!(input.sent_messages, 100);
    // At 100 kB/s a full packet takes 15 ms: input waits for the one that is under way (twice that with the burst).
    assert!(
        input.queue_time.max() <= ms(30),
        "{:?}",
        input.queue_time.max()
    );
    assert!(terrain.queued_bytes > 1_000_000 && terrain.sent_bytes > 400_000);
}

#[test]
fn lanes_of_one_priority_share_by_weight() {
    let mut pair = Pair::connected(2, config(200_000), Link::default()).unwrap();
    let now = pair.now();
    pair.sim
        .endpoint(pair.client)
        .send(now, pair.client_connection, TERRAIN, &vec![1; 3_000_000])
        .unwrap();
    // Small messages: what does not fit a packet any more leaves its place to the stream, whoever's turn it is.
    for number in 0..20_000 {
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, CHAT, &message(number, 100))
            .unwrap();
    }
    for _ in 0..100 {
        pair.sim.run_for(ms(50));
        while pair
            .sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .is_some()
        {}
    }
    let client = pair.sim.endpoint(pair.client);
    let chat = client
        .lane_stats(pair.client_connection, 1)
        .unwrap()
        .sent_bytes;
    let terrain = client
        .lane_stats(pair.client_connection, 2)
        .unwrap()
        .sent_bytes;
    let ratio = chat as f64 / terrain as f64;
    assert!((2.8..3.2).contains(&ratio), "{chat} to {terrain}");
}

#[test]
fn a_lane_that_was_idle_has_saved_nothing_up() {
    let mut pair = Pair::connected(3, config(200_000), Link::default()).unwrap();
    let now = pair.now();
    pair.sim
        .endpoint(pair.client)
        .send(now, pair.client_connection, TERRAIN, &vec![1; 3_000_000])
        .unwrap();
    let run = |pair: &mut Pair| {
        for _ in 0..40 {
            pair.sim.run_for(ms(50));
            while pair
                .sim
                .endpoint(pair.server)
                .recv(pair.server_connection)
                .is_some()
            {}
        }
    };
    run(&mut pair);
    let now = pair.now();
    for number in 0..20_000 {
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, CHAT, &message(number, 100))
            .unwrap();
    }
    let before = pair
        .sim
        .endpoint(pair.client)
        .lane_stats(pair.client_connection, 2)
        .unwrap()
        .sent_bytes;
    run(&mut pair);
    let after = pair
        .sim
        .endpoint(pair.client)
        .lane_stats(pair.client_connection, 2)
        .unwrap()
        .sent_bytes;
    // A quarter of two seconds at 200 kB/s.
    assert!(
        (80_000..120_000).contains(&(after - before)),
        "{}",
        after - before
    );
}

#[test]
fn messages_past_their_deadline_are_dropped_not_sent_late() {
    let mut config = config(20_000);
    config.channels[1].deadline = Some(ms(200));
    let mut pair = Pair::connected(4, config, Link::default()).unwrap();
    for number in 0..100u64 {
        let now = pair.now();
        // Twice what the rate carries.
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, CHAT, &message(number, 800))
            .unwrap();
        pair.sim.run_for(ms(20));
    }
    pair.sim.run_for(Duration::from_secs(2));
    let lane = pair
        .sim
        .endpoint(pair.client)
        .lane_stats(pair.client_connection, 1)
        .unwrap();
    assert!((30..70).contains(&lane.expired), "{lane:?}");
    assert_eq!(lane.sent_messages + lane.expired, 100);
    assert!(
        lane.queue_time.max() <= ms(201),
        "{:?}",
        lane.queue_time.max()
    );
    let mut got = 0;
    while pair
        .sim
        .endpoint(pair.server)
        .recv(pair.server_connection)
        .is_some()
    {
        got += 1;
    }
    assert_eq!(
        got, lane.sent_messages,
        "those that were never begun leave no hole"
    );
}
