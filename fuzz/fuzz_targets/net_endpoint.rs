//! A server and a client with one connection get whatever the fuzzer makes: raw datagrams, or alterations of real ones. Nothing panics,
//! memory stays bounded, and a message still passes afterwards.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use std::time::Duration;
use storm_net::TransportConfig;
use storm_net::sim::{Link, Pair};

fuzz_target!(|data: &[u8]| {
    let mut pair = Pair::connected(1, TransportConfig::default(), Link::default()).unwrap();
    pair.sim.tap(4);
    let now = pair.now();
    pair.sim
        .endpoint(pair.client)
        .send(now, pair.client_connection, 0, &[1; 100])
        .unwrap();
    pair.sim.run_for(Duration::from_millis(100));
    let real = pair.sim.taps();
    let mut rest = data;
    while let [head, length, tail @ ..] = rest {
        let (bytes, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        let node = if head & 1 == 0 {
            pair.client
        } else {
            pair.server
        };
        let from = if head & 2 == 0 {
            pair.sim.address(pair.client)
        } else {
            SocketAddr::from(([9, 9, 9, 9], 9))
        };
        let mut datagram = if head & 4 == 0 {
            Vec::new()
        } else {
            real[usize::from(head >> 3) % real.len()].2.clone()
        };
        if datagram.is_empty() {
            datagram.extend_from_slice(bytes);
            if head & 8 != 0 {
                datagram.resize(datagram.len().max(1200), 0);
            }
        } else {
            for pair in bytes.chunks_exact(2) {
                let at = usize::from(pair[0]) % datagram.len();
                datagram[at] ^= pair[1];
            }
        }
        pair.sim.inject(from, node, &datagram);
    }
    pair.sim.run_for(Duration::from_millis(100));
    assert!(pair.sim.endpoint(pair.server).memory_bytes() < 1 << 21);
    while pair
        .sim
        .endpoint(pair.server)
        .recv(pair.server_connection)
        .is_some()
    {}
    let now = pair.now();
    pair.sim
        .endpoint(pair.client)
        .send(now, pair.client_connection, 0, b"still here")
        .unwrap();
    pair.sim.run_for(Duration::from_millis(200));
    assert_eq!(
        pair.sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .unwrap()
            .bytes,
        b"still here"
    );
});
