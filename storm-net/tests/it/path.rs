//! Paths that change: other addresses, other sizes.

use std::net::SocketAddr;
use std::time::Duration;

use storm_net::sim::{Link, Pair};
use storm_net::{Endpoint, Event};

use crate::support::{ORDERED, STREAM, message, ms, number_of, transport};

fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 9, 9, last], port))
}

#[test]
fn a_nat_rebinding_in_mid_stream_loses_nothing() {
    for seed in 0..40 {
        let link = Link {
            loss: 0.05,
            ..Link::default()
        };
        let mut pair = Pair::connected(seed, transport(), link).unwrap();
        for number in 0..100 {
            if number == 30 {
                pair.sim.rebind(pair.client, address(1, 5000));
            }
            if number == 60 {
                pair.sim.rebind(pair.client, address(2, 5000));
            }
            let now = pair.now();
            for (node, connection) in [
                (pair.client, pair.client_connection),
                (pair.server, pair.server_connection),
            ] {
                pair.sim
                    .endpoint(node)
                    .send(now, connection, ORDERED, &message(number, 300))
                    .unwrap();
            }
            pair.sim.run_for(ms(30));
        }
        pair.sim.run_for(Duration::from_secs(8));
        for (node, connection) in [
            (pair.client, pair.client_connection),
            (pair.server, pair.server_connection),
        ] {
            for number in 0..100 {
                let got = pair
                    .sim
                    .endpoint(node)
                    .recv(connection)
                    .expect("all arrive");
                assert_eq!(number_of(got.bytes), number, "seed {seed}");
            }
        }
        let server = pair.sim.endpoint(pair.server);
        assert_eq!(
            server.remote(pair.server_connection),
            Some(address(2, 5000)),
            "seed {seed}"
        );
        assert_eq!(
            server.stats(pair.server_connection).unwrap().path_changes,
            2,
            "seed {seed}"
        );
    }
}

#[test]
fn a_packet_forwarded_from_a_false_address_costs_three_times_its_bytes_and_no_more() {
    let mut pair = Pair::connected(3, transport(), Link::default()).unwrap();
    let now = pair.now();
    // The attacker holds a real packet back and sends it from elsewhere; the client is silent then.
    pair.sim
        .endpoint(pair.client)
        .send(now, pair.client_connection, ORDERED, &message(1, 300))
        .unwrap();
    let mut buffer = [0; 1500];
    let out = pair
        .sim
        .endpoint(pair.client)
        .poll_transmit(now, &mut buffer)
        .unwrap();
    let (client, victim) = (pair.sim.address(pair.client), address(66, 66));
    let bystander = pair
        .sim
        .add(victim, Endpoint::client(7, transport(), [5; 32]).unwrap());
    pair.sim.set_link(
        pair.client,
        pair.server,
        Link {
            loss: 1.0,
            ..Link::default()
        },
    );
    pair.sim.inject(victim, pair.server, &buffer[..out.len]);
    // The server has much to say.
    for number in 0..200 {
        pair.sim
            .endpoint(pair.server)
            .send(now, pair.server_connection, ORDERED, &message(number, 1000))
            .unwrap();
    }
    pair.sim.run_for(ms(100));
    assert_eq!(
        pair.sim
            .endpoint(pair.server)
            .remote(pair.server_connection),
        Some(victim)
    );
    pair.sim.run_for(Duration::from_secs(6));
    let to_victim = pair.sim.sent_bytes(pair.server, bystander);
    assert!(
        to_victim > 0 && to_victim <= 3 * out.len as u64,
        "{to_victim} for {}",
        out.len
    );
    let remote = pair
        .sim
        .endpoint(pair.server)
        .remote(pair.server_connection)
        .unwrap();
    assert_eq!(
        remote, client,
        "without an answer the old path is taken again"
    );
    // The client can be heard again, and gets everything.
    pair.sim.set_link(pair.client, pair.server, Link::default());
    pair.sim.run_for(Duration::from_secs(8));
    for number in 0..200 {
        let got = pair
            .sim
            .endpoint(pair.client)
            .recv(pair.client_connection)
            .unwrap();
        assert_eq!(number_of(got.bytes), number);
    }
}

#[test]
fn the_mtu_grows_to_what_the_path_carries() {
    for mtu in [1200, 1280, 1400, 1452, 1500] {
        let mut pair = Pair::connected(
            1,
            transport(),
            Link {
                mtu,
                ..Link::default()
            },
        )
        .unwrap();
        pair.sim.run_for(Duration::from_secs(20));
        let stats = pair
            .sim
            .endpoint(pair.client)
            .stats(pair.client_connection)
            .unwrap();
        let best = mtu.min(1452);
        assert!(
            stats.datagram_bytes <= best && best - stats.datagram_bytes <= 16,
            "{mtu}: {}",
            stats.datagram_bytes
        );
        assert_eq!(stats.lost_packets, 0, "lost probes are no losses");
    }
}

#[test]
fn a_path_that_shrinks_under_a_stream_is_noticed_and_survived() {
    for seed in 0..20 {
        let mut pair = Pair::connected(seed, transport(), Link::default()).unwrap();
        let now = pair.now();
        let bytes = vec![7; 400_000];
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, STREAM, &bytes)
            .unwrap();
        pair.sim.run_for(ms(1500));
        let stats = pair
            .sim
            .endpoint(pair.client)
            .stats(pair.client_connection)
            .unwrap();
        assert_eq!(stats.datagram_bytes, 1452, "seed {seed}");
        let now = pair.now();
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, STREAM, &bytes)
            .unwrap();
        pair.sim.set_links(
            pair.client,
            pair.server,
            Link {
                mtu: 1250,
                ..Link::default()
            },
        );
        pair.sim.run_for(Duration::from_secs(15));
        let mut got = 0;
        while let Some(received) = pair.sim.endpoint(pair.server).recv(pair.server_connection) {
            got += received.bytes.len();
        }
        let stats = pair
            .sim
            .endpoint(pair.client)
            .stats(pair.client_connection)
            .unwrap();
        assert_eq!(got, 800_000, "seed {seed}");
        assert!(
            stats.mtu_black_holes >= 1 && stats.datagram_bytes <= 1250,
            "seed {seed}: {stats:?}"
        );
        assert!(
            !matches!(
                pair.sim.endpoint(pair.server).poll_event(),
                Some(Event::Closed { .. })
            ),
            "seed {seed}"
        );
    }
}
