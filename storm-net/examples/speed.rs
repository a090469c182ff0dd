//! What a message costs between two endpoints in one thread: both sides, encryption included, without sockets.
//! `cargo run --release -p storm-net --features sim --example speed`

use std::io::Write;
use std::time::{Duration, Instant};

use storm_net::sim::{Link, Pair};
use storm_net::{ChannelConfig, Congestion, Mode, TransportConfig};

const BATCH: usize = 16;
const ROUNDS: usize = 20_000;

/// Nanoseconds a message of `len` bytes on a channel of `mode`, and messages that arrived.
fn measure(mode: Mode, len: usize) -> Option<(f64, usize)> {
    let transport = TransportConfig {
        channels: vec![ChannelConfig::new(mode)],
        congestion: Congestion::Fixed(10_000_000_000),
        ..TransportConfig::default()
    };
    let mut pair = Pair::connected(1, transport, Link::default())?;
    let (client_address, server_address) =
        (pair.sim.address(pair.client), pair.sim.address(pair.server));
    let (payload, mut buffer) = (vec![7; len], vec![0; 2000]);
    let (mut now, mut arrived) = (pair.now(), 0);
    let begin = Instant::now();
    for _ in 0..ROUNDS {
        for _ in 0..BATCH {
            pair.sim
                .endpoint(pair.client)
                .send(now, pair.client_connection, 0, &payload)
                .ok()?;
        }
        while let Some(out) = pair
            .sim
            .endpoint(pair.client)
            .poll_transmit(now, &mut buffer)
        {
            pair.sim
                .endpoint(pair.server)
                .handle(now, client_address, &mut buffer[..out.len]);
        }
        while pair
            .sim
            .endpoint(pair.server)
            .recv(pair.server_connection)
            .is_some()
        {
            arrived += 1;
        }
        while let Some(out) = pair
            .sim
            .endpoint(pair.server)
            .poll_transmit(now, &mut buffer)
        {
            pair.sim
                .endpoint(pair.client)
                .handle(now, server_address, &mut buffer[..out.len]);
        }
        now = now + Duration::from_millis(1);
        pair.sim.endpoint(pair.client).handle_timeout(now);
        pair.sim.endpoint(pair.server).handle_timeout(now);
        while pair.sim.endpoint(pair.server).poll_event().is_some() {}
    }
    Some((
        begin.elapsed().as_nanos() as f64 / (ROUNDS * BATCH) as f64,
        arrived,
    ))
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    for (name, mode) in [
        ("unreliable", Mode::Unreliable),
        ("reliable ordered", Mode::ReliableOrdered),
    ] {
        for len in [64, 1000] {
            match measure(mode, len) {
                Some((nanos, arrived)) => {
                    writeln!(
                        out,
                        "{name}, {len} B: {nanos:.0} ns a message, {arrived} of {} arrived",
                        ROUNDS * BATCH
                    )?;
                }
                None => writeln!(out, "{name}, {len} B: no connection")?,
            }
        }
    }
    Ok(())
}
