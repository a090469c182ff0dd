//! What an attacker on the path can do with data packets: repeat, cut, flip, make up. State does not change.

use std::net::SocketAddr;
use std::time::Duration;

use storm_net::sim::{Link, Pair};

use crate::support::{Chance, ORDERED, UNRELIABLE, message, ms, number_of, transport};

/// What must not change: counters of what was accepted, and the address.
fn state(pair: &mut Pair) -> (u64, u64, SocketAddr, bool) {
    let server = pair.sim.endpoint(pair.server);
    let stats = server.stats(pair.server_connection).unwrap();
    let remote = server.remote(pair.server_connection).unwrap();
    (
        stats.received_packets,
        stats.received_pieces,
        remote,
        server.recv(pair.server_connection).is_some(),
    )
}

/// A pair in the middle of its life, and copies of datagrams that arrived at the server.
fn tapped(seed: u64) -> (Pair, Vec<Vec<u8>>) {
    let mut pair = Pair::connected(seed, transport(), Link::default()).unwrap();
    pair.sim.tap(1000);
    for number in 0..20 {
        let now = pair.now();
        for channel in [UNRELIABLE, ORDERED] {
            pair.sim
                .endpoint(pair.client)
                .send(now, pair.client_connection, channel, &message(number, 60))
                .unwrap();
        }
        pair.sim.run_for(ms(20));
    }
    pair.sim.run_for(ms(500));
    while pair
        .sim
        .endpoint(pair.server)
        .recv(pair.server_connection)
        .is_some()
    {}
    let server = pair.sim.address(pair.server);
    let taps = pair
        .sim
        .taps()
        .into_iter()
        .filter(|tap| tap.1 == server)
        .map(|tap| tap.2)
        .collect();
    (pair, taps)
}

#[test]
fn repeated_datagrams_change_nothing_wherever_they_come_from() {
    let (mut pair, taps) = tapped(1);
    assert!(taps.len() >= 20);
    let before = state(&mut pair);
    let spoofed = SocketAddr::from(([6, 6, 6, 6], 666));
    for from in [pair.sim.address(pair.client), spoofed] {
        for datagram in &taps {
            pair.sim.inject(from, pair.server, datagram);
        }
    }
    pair.sim.run_for(ms(1));
    assert_eq!(state(&mut pair), before);
}

#[test]
fn flipped_cut_and_made_up_datagrams_change_nothing() {
    for seed in 0..20 {
        let (mut pair, _) = tapped(seed);
        // A packet that the server has not seen: on its way when the link is cut.
        let now = pair.now();
        pair.sim.set_link(
            pair.client,
            pair.server,
            Link {
                latency: Duration::from_secs(3),
                ..Link::default()
            },
        );
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, ORDERED, &message(99, 60))
            .unwrap();
        let mut buffer = [0; 1500];
        let out = pair
            .sim
            .endpoint(pair.client)
            .poll_transmit(now, &mut buffer)
            .unwrap();
        let fresh = buffer[..out.len].to_vec();
        let from = pair.sim.address(pair.client);
        let before = state(&mut pair);
        for bit in 0..fresh.len() * 8 {
            let mut bad = fresh.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            pair.sim.inject(from, pair.server, &bad);
        }
        for cut in 0..fresh.len() {
            pair.sim.inject(from, pair.server, &fresh[..cut]);
        }
        let mut chance = Chance(seed);
        for _ in 0..500 {
            let mut made: Vec<u8> = (0..chance.below(1400))
                .map(|_| chance.next() as u8)
                .collect();
            // Half of them with a header that leads to the connection.
            if chance.below(2) == 0 && made.len() > 5 {
                made[..5].copy_from_slice(&fresh[..5]);
            }
            pair.sim.inject(from, pair.server, &made);
        }
        pair.sim.run_for(ms(1));
        assert_eq!(state(&mut pair), before, "seed {seed}");
        pair.sim.inject(from, pair.server, &fresh);
        pair.sim.run_for(ms(1));
        let got = pair
            .sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .expect("the real one still works");
        assert_eq!(number_of(got.bytes), 99);
    }
}

#[test]
fn whatever_arrives_at_an_endpoint_it_lives() {
    let (mut pair, taps) = tapped(9);
    let from = pair.sim.address(pair.client);
    let mut chance = Chance(9);
    for _ in 0..50_000 {
        let mut datagram = taps[chance.below(taps.len() as u64) as usize].clone();
        for _ in 0..chance.below(4) {
            let at = chance.below(datagram.len() as u64) as usize;
            datagram[at] = chance.next() as u8;
        }
        datagram.truncate(chance.below(datagram.len() as u64 + 1) as usize);
        let node = if chance.below(2) == 0 {
            pair.server
        } else {
            pair.client
        };
        pair.sim.inject(from, node, &datagram);
    }
    pair.sim.run_for(ms(100));
    let now = pair.now();
    pair.sim
        .endpoint(pair.client)
        .send(now, pair.client_connection, ORDERED, &message(1, 9))
        .unwrap();
    pair.sim.run_for(ms(100));
    assert!(
        pair.sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .is_some()
    );
}

#[test]
fn a_client_hears_its_server_at_its_address_only() {
    let (mut pair, _) = tapped(5);
    let now = pair.now();
    pair.sim
        .endpoint(pair.server)
        .send(now, pair.server_connection, ORDERED, &message(3, 60))
        .unwrap();
    let mut buffer = [0; 1500];
    let out = pair
        .sim
        .endpoint(pair.server)
        .poll_transmit(now, &mut buffer)
        .unwrap();
    let real = buffer[..out.len].to_vec();
    pair.sim
        .inject(SocketAddr::from(([6, 6, 6, 6], 666)), pair.client, &real);
    pair.sim.run_for(Duration::from_micros(1));
    assert!(
        pair.sim
            .endpoint(pair.client)
            .recv(pair.client_connection)
            .is_none()
    );
    let server = pair.sim.address(pair.server);
    pair.sim.inject(server, pair.client, &real);
    pair.sim.run_for(Duration::from_micros(1));
    assert!(
        pair.sim
            .endpoint(pair.client)
            .recv(pair.client_connection)
            .is_some()
    );
}
