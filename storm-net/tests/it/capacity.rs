//! Congestion control on links of limited rate: use of what is there, short queues, fair shares, caps of the host.

use std::net::SocketAddr;
use std::time::Duration;

use storm_net::sim::{Link, NodeId, Pair, Sim};
use storm_net::{
    ChannelConfig, ConnectionId, Endpoint, Event, Mode, ServerConfig, Time, TransportConfig,
};

use crate::support::ms;

const STREAM: u8 = 1;

fn config() -> TransportConfig {
    TransportConfig {
        channels: vec![
            ChannelConfig::new(Mode::Unreliable),
            ChannelConfig::new(Mode::Stream),
        ],
        ..TransportConfig::default()
    }
}

fn limited(rate: u64) -> Link {
    Link {
        rate: Some(rate),
        queue_bytes: 256 << 10,
        ..Link::default()
    }
}

/// What a greedy stream gets over `seconds`: payload bytes a second, and the 95th percentile of the link's queue.
fn greedy(pair: &mut Pair, seconds: u64) -> (f64, Duration) {
    let (mut got, mut queues) = (0, Vec::new());
    for _ in 0..seconds * 50 {
        let now = pair.now();
        while pair
            .sim
            .endpoint(pair.client)
            .queued_bytes(pair.client_connection, STREAM)
            < 200_000
        {
            pair.sim
                .endpoint(pair.client)
                .send(now, pair.client_connection, STREAM, &[7; 10_000])
                .unwrap();
        }
        pair.sim.run_for(ms(20));
        queues.push(pair.sim.queue_delay(pair.client, pair.server));
        while let Some(received) = pair.sim.endpoint(pair.server).recv(pair.server_connection) {
            got += received.bytes.len();
        }
    }
    queues.sort_unstable();
    (got as f64 / seconds as f64, queues[queues.len() * 95 / 100])
}

#[test]
fn a_greedy_stream_uses_the_link_and_keeps_its_queue_short() {
    for (rate, least, queue) in [(250_000, 0.9, 65), (1_000_000, 0.9, 45), (64_000, 0.9, 120)] {
        let mut pair = Pair::connected(1, config(), limited(rate)).unwrap();
        let _ = greedy(&mut pair, 3);
        let (goodput, p95) = greedy(&mut pair, 10);
        println!(
            "{rate} B/s: {:.2} of the rate, queue p95 {p95:?}",
            goodput / rate as f64
        );
        assert!(goodput >= least * rate as f64, "{rate}: {goodput}");
        assert!(p95 <= ms(queue), "{rate}: {p95:?}");
    }
}

#[test]
fn steps_of_capacity_are_followed() {
    let mut pair = Pair::connected(2, config(), limited(8_000)).unwrap();
    for (rate, least) in [(8_000, 0.75), (250_000, 0.9), (8_000, 0.75)] {
        pair.sim.set_link(pair.client, pair.server, limited(rate));
        let _ = greedy(&mut pair, 10);
        let (goodput, p95) = greedy(&mut pair, 20);
        println!(
            "{rate} B/s: {:.2} of the rate, queue p95 {p95:?}",
            goodput / rate as f64
        );
        assert!(goodput >= least * rate as f64, "{rate}: {goodput}");
        assert!(p95 <= ms(250), "{rate}: {p95:?}");
    }
}

#[test]
fn a_small_flow_does_not_lose_its_rate_to_jitter() {
    let mut pair = Pair::connected(
        3,
        config(),
        Link {
            jitter: ms(30),
            ..Link::default()
        },
    )
    .unwrap();
    let mut worst = Duration::ZERO;
    for _ in 0..600 {
        let now = pair.now();
        pair.sim
            .endpoint(pair.client)
            .send(now, pair.client_connection, 0, &[1; 200])
            .unwrap();
        pair.sim.run_for(ms(50));
        while pair
            .sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .is_some()
        {}
        let lane = pair
            .sim
            .endpoint(pair.client)
            .lane_stats(pair.client_connection, 0)
            .unwrap();
        worst = lane.queue_time.max();
    }
    assert!(worst <= ms(10), "{worst:?}");
}

/// A server and `count` clients that have connected to it.
fn crowd(
    seed: u64,
    count: u8,
    server: ServerConfig,
    link: Link,
) -> (Sim, NodeId, Vec<ConnectionId>, Vec<NodeId>) {
    let transport = server.transport.clone();
    let mut sim = Sim::new(seed, link);
    let address = SocketAddr::from(([10, 0, 0, 99], 7777));
    let node = sim.add(address, Endpoint::server(server, [9; 32]).unwrap());
    let mut clients = Vec::new();
    for number in 0..count {
        let endpoint = Endpoint::client(7, transport.clone(), [number; 32]).unwrap();
        let client = sim.add(SocketAddr::from(([10, 0, 1, number], 4000)), endpoint);
        let (token, keys) = Pair::token(u64::from(number) + 100 * seed);
        let now = sim.now();
        sim.endpoint(client)
            .connect(now, address, &token, &keys)
            .unwrap();
        clients.push(client);
    }
    let mut connections = Vec::new();
    while connections.len() < usize::from(count) {
        assert!(sim.now() < Time::from_micros(30_000_000));
        sim.run_for(ms(50));
        while let Some(event) = sim.endpoint(node).poll_event() {
            if let Event::Connected { connection, .. } = event {
                connections.push(connection);
            }
        }
    }
    (sim, node, connections, clients)
}

#[test]
fn a_cap_of_the_host_bounds_the_sum_and_connections_take_turns() {
    let server = ServerConfig {
        rate_max: Some(100_000),
        ..Pair::server_config(config())
    };
    let (mut sim, node, connections, clients) = crowd(1, 5, server, Link::default());
    let before: Vec<_> = clients
        .iter()
        .map(|&client| sim.sent_bytes(node, client))
        .collect();
    for _ in 0..500 {
        let now = sim.now();
        for &connection in &connections {
            if sim.endpoint(node).queued_bytes(connection, STREAM) < 100_000 {
                sim.endpoint(node)
                    .send(now, connection, STREAM, &[1; 50_000])
                    .unwrap();
            }
        }
        sim.run_for(ms(20));
        for &client in &clients {
            while let Some(event) = sim.endpoint(client).poll_event() {
                if let Event::Readable { connection } | Event::Connected { connection, .. } = event
                {
                    while sim.endpoint(client).recv(connection).is_some() {}
                }
            }
        }
    }
    let sent: Vec<_> = clients
        .iter()
        .zip(before)
        .map(|(&client, before)| (sim.sent_bytes(node, client) - before) as f64)
        .collect();
    let sum: f64 = sent.iter().sum();
    let jain = sum * sum / (5.0 * sent.iter().map(|bytes| bytes * bytes).sum::<f64>());
    assert!((900_000.0..1_060_000.0).contains(&sum), "{sum}");
    assert!(jain > 0.98, "{jain} {sent:?}");
}
