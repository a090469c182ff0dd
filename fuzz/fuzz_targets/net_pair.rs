//! Two peers over a link that the fuzzer shapes and re-shapes, sending what it says, against the list of what was sent: reliable data arrives
//! intact and in order, unreliable at most once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use std::time::Duration;
use storm_net::sim::{Link, Pair};
use storm_net::{ChannelConfig, Mode, TransportConfig};

fuzz_target!(|data: &[u8]| {
    let [seed, rest @ ..] = data else { return };
    let modes = [
        Mode::Unreliable,
        Mode::Sequenced,
        Mode::ReliableUnordered,
        Mode::ReliableOrdered,
        Mode::Stream,
    ];
    let config = TransportConfig {
        channels: modes.into_iter().map(ChannelConfig::new).collect(),
        key_update_packets: 16,
        idle_timeout: Duration::from_secs(600),
        ..TransportConfig::default()
    };
    let Some(mut pair) = Pair::connected((*seed).into(), config, Link::default()) else {
        return;
    };
    let mut sent: [Vec<Vec<u8>>; 5] = Default::default();
    for step in rest.chunks_exact(4).take(200) {
        let [op, a, b, c] = [step[0], step[1], step[2], step[3]];
        match op % 8 {
            0..=4 => {
                let channel = op % 8;
                let list = &mut sent[usize::from(channel)];
                let len = 4 + usize::from(a) * usize::from(b % 16);
                let mut bytes = vec![c; len];
                bytes[..4].copy_from_slice(&(list.len() as u32).to_le_bytes());
                let now = pair.now();
                if pair
                    .sim
                    .endpoint(pair.client)
                    .send(now, pair.client_connection, channel, &bytes)
                    .is_ok()
                {
                    list.push(bytes);
                }
            }
            5 => {
                let link = Link {
                    latency: Duration::from_millis(a.into()),
                    jitter: Duration::from_millis((b >> 4).into()),
                    loss: f64::from(b & 15) / 32.0,
                    reorder: f64::from(c & 15) / 32.0,
                    duplicate: f64::from(c >> 4) / 64.0,
                    corrupt: f64::from(c >> 6) / 64.0,
                    mtu: 1200 + usize::from(a),
                    ..Link::default()
                };
                if op & 128 == 0 {
                    pair.sim.set_link(pair.client, pair.server, link);
                } else {
                    pair.sim.set_link(pair.server, pair.client, link);
                }
            }
            6 => pair.sim.rebind(
                pair.client,
                SocketAddr::from(([10, 1, a, b], 1000 + u16::from(c))),
            ),
            _ => pair.sim.run_for(Duration::from_millis(u64::from(a) * 2)),
        }
    }
    pair.sim
        .set_links(pair.client, pair.server, Link::default());
    pair.sim.run_for(Duration::from_secs(60));
    let mut got: [Vec<Vec<u8>>; 5] = Default::default();
    for _ in 0..40 {
        while let Some(message) = pair.sim.endpoint(pair.server).recv(pair.server_connection) {
            got[usize::from(message.channel)].push(message.bytes.to_vec());
        }
        pair.sim.run_for(Duration::from_secs(1));
    }
    let number =
        |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    for channel in [0, 1, 2] {
        let mut seen = vec![false; sent[channel].len()];
        let mut last = None;
        for bytes in &got[channel] {
            let at = number(bytes);
            assert_eq!(&sent[channel][at], bytes);
            assert!(!std::mem::replace(&mut seen[at], true));
            assert!(channel != 1 || last < Some(at));
            last = Some(at);
        }
        assert!(channel != 2 || seen.iter().all(|&seen| seen));
    }
    assert_eq!(sent[3], got[3]);
    assert_eq!(sent[4].concat(), got[4].concat());
});
