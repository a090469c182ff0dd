//! Connections from beginning to end: closing, silence, key updates, flow control, skips, determinism.

use std::time::Duration;

use storm_net::sim::{Link, Pair};
use storm_net::{ChannelConfig, CloseReason, Event, Mode, SendError, TransportConfig};

use crate::support::{Chance, ORDERED, STREAM, UNORDERED, message, ms, number_of, transport};

fn pair(seed: u64) -> Pair {
    Pair::connected(seed, transport(), Link::default()).unwrap()
}

fn events(pair: &mut Pair) -> (Vec<Event>, Vec<Event>) {
    let mut of = |node| std::iter::from_fn(|| pair.sim.endpoint(node).poll_event()).collect();
    (of(pair.client), of(pair.server))
}

#[test]
fn same_seed_same_trace_and_another_seed_another() {
    let trace = |seed| {
        let link = Link {
            loss: 0.1,
            jitter: ms(10),
            reorder: 0.1,
            ..Link::default()
        };
        let mut pair = Pair::connected(seed, transport(), link).unwrap();
        for number in 0..200 {
            let now = pair.now();
            let bytes = message(number, 8 + number as usize * 5);
            pair.sim
                .endpoint(pair.client)
                .send(now, pair.client_connection, (number % 5) as u8, &bytes)
                .unwrap();
            pair.sim.run_for(ms(5));
        }
        pair.sim.trace_hash()
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

#[test]
fn a_close_tells_code_and_reason_and_both_sides_forget() {
    let mut pair = pair(1);
    let now = pair.now();
    let long = "x".repeat(300);
    pair.sim
        .endpoint(pair.client)
        .close(now, pair.client_connection, 4711, long.as_bytes());
    assert_eq!(
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, ORDERED, b"late"),
        Err(SendError::NotConnected)
    );
    pair.sim.run_for(ms(100));
    let (client, server) = events(&mut pair);
    assert_eq!(
        client,
        [Event::Closed {
            connection: pair.client_connection,
            reason: CloseReason::Local
        }]
    );
    let reason = CloseReason::Peer {
        code: 4711,
        reason: long[..255].to_owned(),
    };
    assert_eq!(
        server,
        [Event::Closed {
            connection: pair.server_connection,
            reason
        }]
    );
    pair.sim.run_for(Duration::from_secs(5));
    assert_eq!(pair.sim.endpoint(pair.client).connections(), 0);
    assert_eq!(pair.sim.endpoint(pair.server).connections(), 0);
    assert!(
        pair.sim
            .endpoint(pair.server)
            .stats(pair.server_connection)
            .is_none()
    );
}

#[test]
fn silence_ends_a_connection_after_the_idle_timeout_and_keep_alive_prevents_it() {
    let mut pair = pair(2);
    pair.sim.run_for(Duration::from_secs(60));
    assert_eq!(events(&mut pair), (vec![], vec![]));
    let cut = Link {
        loss: 1.0,
        ..Link::default()
    };
    pair.sim.set_links(pair.client, pair.server, cut);
    let before = pair.now();
    pair.sim.run_for(Duration::from_secs(9) - ms(2000));
    assert_eq!(events(&mut pair), (vec![], vec![]));
    pair.sim.run_for(Duration::from_secs(10));
    let (client, server) = events(&mut pair);
    let closed = |connection| {
        vec![Event::Closed {
            connection,
            reason: CloseReason::TimedOut,
        }]
    };
    assert_eq!(client, closed(pair.client_connection));
    assert_eq!(server, closed(pair.server_connection));
    assert!(pair.now() > before);
}

#[test]
fn an_outage_shorter_than_the_idle_timeout_loses_nothing_reliable() {
    let mut pair = pair(3);
    let cut = Link {
        loss: 1.0,
        ..Link::default()
    };
    for number in 0..100 {
        let now = pair.now();
        match number {
            30 => pair.sim.set_links(pair.client, pair.server, cut),
            70 => pair
                .sim
                .set_links(pair.client, pair.server, Link::default()),
            _ => {}
        }
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, ORDERED, &message(number, 200))
            .unwrap();
        pair.sim.run_for(ms(200));
    }
    pair.sim.run_for(Duration::from_secs(2));
    for number in 0..100 {
        let got = pair
            .sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .unwrap();
        assert_eq!(number_of(got.bytes), number);
    }
}

#[test]
fn a_paused_process_catches_up() {
    let mut pair = pair(4);
    let until = pair.now() + Duration::from_secs(3);
    pair.sim.pause(pair.server, until);
    for number in 0..50 {
        let now = pair.now();
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, ORDERED, &message(number, 500))
            .unwrap();
        pair.sim.run_for(ms(20));
    }
    assert!(
        pair.sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .is_none()
    );
    pair.sim.run_for(Duration::from_secs(4));
    for number in 0..50 {
        let got = pair
            .sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .unwrap();
        assert_eq!(number_of(got.bytes), number);
    }
}

#[test]
fn keys_change_many_times_under_loss_and_reordering_without_a_lost_message() {
    for seed in 0..30 {
        let config = TransportConfig {
            key_update_packets: 16,
            ..transport()
        };
        let link = Link {
            loss: 0.05,
            reorder: 0.2,
            reorder_by: ms(30),
            duplicate: 0.05,
            ..Link::default()
        };
        let mut pair = Pair::connected(seed, config, link).unwrap();
        for number in 0..300 {
            let now = pair.now();
            for (node, connection) in [
                (pair.client, pair.client_connection),
                (pair.server, pair.server_connection),
            ] {
                pair.sim
                    .endpoint(node)
                    .send(now, connection, ORDERED, &message(number, 100))
                    .unwrap();
            }
            pair.sim.run_for(ms(20));
        }
        pair.sim.run_for(Duration::from_secs(3));
        for (node, connection) in [
            (pair.client, pair.client_connection),
            (pair.server, pair.server_connection),
        ] {
            for number in 0..300 {
                let got = pair
                    .sim
                    .endpoint(node)
                    .recv(connection)
                    .expect("all arrive");
                assert_eq!(number_of(got.bytes), number, "seed {seed}");
            }
            let stats = pair.sim.endpoint(node).stats(connection).unwrap();
            assert!(
                stats.key_updates >= 10,
                "seed {seed}: {}",
                stats.key_updates
            );
        }
    }
}

#[test]
fn a_reader_that_does_not_read_stops_the_sender_and_bounds_memory() {
    let config = TransportConfig {
        message_bytes_max: 10_000,
        receive_reliable_bytes_max: 50_000,
        ..transport()
    };
    let mut pair = Pair::connected(5, config, Link::default()).unwrap();
    let now = pair.now();
    for number in 0..100 {
        pair.sim
            .endpoint(pair.client)
            .send(
                now,
                pair.client_connection,
                UNORDERED,
                &message(number, 9000),
            )
            .unwrap();
    }
    pair.sim.run_for(Duration::from_secs(30));
    let mut got = 0;
    while let Some(message) = pair.sim.endpoint(pair.server).recv(pair.server_connection) {
        assert_eq!(message.bytes.len(), 9000);
        got += 1;
    }
    assert_eq!(got, 5, "five messages fit 50 kB");
    for _ in 0..400 {
        pair.sim.run_for(ms(50));
        while pair
            .sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .is_some()
        {
            got += 1;
        }
    }
    assert_eq!(got, 100);
}

#[test]
fn messages_begun_on_many_channels_at_once_never_lock_each_other_up() {
    // Eight channels, each with a message of nearly half of all credit: were credit charged by fragment, none would be whole.
    let channels = (0..8)
        .map(|_| ChannelConfig::new(Mode::ReliableUnordered))
        .collect();
    let config = TransportConfig {
        channels,
        message_bytes_max: 100_000,
        receive_reliable_bytes_max: 200_000,
        ..TransportConfig::default()
    };
    let mut pair = Pair::connected(
        6,
        config,
        Link {
            loss: 0.05,
            ..Link::default()
        },
    )
    .unwrap();
    let now = pair.now();
    for channel in 0..8 {
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, channel, &message(1, 95_000))
            .unwrap();
    }
    let mut got = 0;
    for _ in 0..200 {
        pair.sim.run_for(ms(100));
        while pair
            .sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .is_some()
        {
            got += 1;
        }
    }
    assert_eq!(got, 8);
}

#[test]
fn what_was_begun_and_is_late_is_skipped_and_the_rest_arrives_in_order() {
    let mut skipped = 0;
    for seed in 0..50 {
        let link = Link {
            loss: 0.3,
            ..Link::default()
        };
        let mut pair = Pair::connected(seed, transport(), link).unwrap();
        for number in 0..200u64 {
            let now = pair.now();
            let deadline = now + ms(60);
            let bytes = message(number, if number % 10 == 0 { 5000 } else { 50 });
            let channel = if number % 2 == 0 { ORDERED } else { UNORDERED };
            pair.sim
                .endpoint(pair.client)
                .send_until(now, pair.client_connection, channel, &bytes, deadline)
                .unwrap();
            pair.sim.run_for(ms(10));
        }
        let now = pair.now();
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, ORDERED, &message(200, 8))
            .unwrap();
        pair.sim.run_for(Duration::from_secs(5));
        let (mut last, mut got) = (None, 0);
        while let Some(received) = pair.sim.endpoint(pair.server).recv(pair.server_connection) {
            got += 1;
            if received.channel == ORDERED {
                assert!(last < Some(number_of(received.bytes)), "seed {seed}");
                last = Some(number_of(received.bytes));
            }
        }
        assert_eq!(last, Some(200), "seed {seed}: the last has no deadline");
        skipped += 201 - got;
        let expired = pair
            .sim
            .endpoint(pair.client)
            .lane_stats(pair.client_connection, 1)
            .unwrap()
            .expired;
        assert!(
            expired >= 201 - got,
            "seed {seed}: {expired} expired, {got} arrived"
        );
        assert!(
            !pair
                .sim
                .endpoint(pair.client)
                .has_unacknowledged(pair.client_connection),
            "seed {seed}"
        );
        assert_eq!(
            pair.sim.endpoint(pair.server).buffers_in_use(),
            0,
            "seed {seed}"
        );
    }
    assert!(skipped > 100, "{skipped}");
}

#[test]
fn a_stream_is_bytes_whatever_the_writes_were() {
    for seed in 0..20 {
        let link = Link {
            loss: 0.05,
            mtu: 1400,
            ..Link::default()
        };
        let mut pair = Pair::connected(seed, transport(), link).unwrap();
        let mut chance = Chance(seed);
        let (mut sent, mut got) = (Vec::new(), Vec::new());
        for number in 0..60 {
            let bytes = message(number, 8 + chance.below(9000) as usize);
            let now = pair.now();
            pair.sim
                .endpoint(pair.client)
                .send(now, pair.client_connection, STREAM, &bytes)
                .unwrap();
            sent.extend_from_slice(&bytes);
            pair.sim.run_for(ms(30));
        }
        pair.sim.run_for(Duration::from_secs(20));
        while let Some(received) = pair.sim.endpoint(pair.server).recv(pair.server_connection) {
            got.extend_from_slice(received.bytes);
        }
        assert!(got == sent, "seed {seed}");
    }
}

#[test]
fn sends_that_cannot_be_are_refused_and_say_why() {
    let mut pair = pair(7);
    let now = pair.now();
    let connection = pair.client_connection;
    let client = pair.sim.endpoint(pair.client);
    assert_eq!(
        client
            .send(now, connection, 5, b"x")
            .unwrap_err()
            .to_string(),
        "channel 5 of a table of 5"
    );
    assert_eq!(
        client
            .send(now, connection, ORDERED, &vec![0; 262_145])
            .unwrap_err()
            .to_string(),
        "a message of 262145 bytes where at most 262144 are allowed"
    );
    assert_eq!(
        client.send(now, connection, STREAM, b""),
        Err(SendError::EmptyStreamWrite)
    );
    let result =
        (0..100).try_for_each(|_| client.send(now, connection, ORDERED, &vec![0; 262_144]));
    assert_eq!(result, Err(SendError::QueueFull { channel: ORDERED }));
    assert_eq!(client.queued_bytes(connection, ORDERED), 16 * 262_144);
}

#[test]
fn empty_messages_arrive_and_cost_credit() {
    let mut pair = pair(8);
    let now = pair.now();
    for channel in [0, 1, UNORDERED, ORDERED] {
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, channel, b"")
            .unwrap();
    }
    pair.sim.run_for(ms(200));
    let mut got = Vec::new();
    while let Some(received) = pair.sim.endpoint(pair.server).recv(pair.server_connection) {
        assert!(received.bytes.is_empty());
        got.push(received.channel);
    }
    got.sort_unstable();
    assert_eq!(got, [0, 1, UNORDERED, ORDERED]);
}
