//! Who gets in: tokens, cookies, limits, versions, and what an unproven address can cost.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use storm_net::sim::{Link, Pair};
use storm_net::{
    CloseReason, ConnectError, ConnectToken, Endpoint, Event, KeyPair, Mode, Refusal, Retry,
    ServerConfig, Time, TokenIssuer, TransportConfig,
};

use crate::support::{Chance, transport};

const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 1000);
const SERVER: ([u8; 4], u16) = ([10, 0, 0, 2], 2000);

/// A client and a server whose datagrams the test carries itself.
struct Bench {
    client: Endpoint,
    server: Endpoint,
    now: Time,
}

impl Bench {
    fn new(config: ServerConfig) -> Self {
        let client =
            Endpoint::client(config.application, config.transport.clone(), [1; 32]).unwrap();
        Self {
            client,
            server: Endpoint::server(config, [2; 32]).unwrap(),
            now: Time::from_micros(1_000_000),
        }
    }

    fn client_sends(&mut self) -> Vec<Vec<u8>> {
        drain(&mut self.client, self.now)
    }

    fn server_sends(&mut self) -> Vec<Vec<u8>> {
        drain(&mut self.server, self.now)
    }

    fn server_gets(&mut self, datagram: &[u8]) {
        self.server
            .handle(self.now, CLIENT.into(), &mut datagram.to_vec());
    }

    fn client_gets(&mut self, datagram: &[u8]) {
        self.client
            .handle(self.now, SERVER.into(), &mut datagram.to_vec());
    }

    fn exchange(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for datagram in self.client_sends() {
                self.server_gets(&datagram);
            }
            for datagram in self.server_sends() {
                self.client_gets(&datagram);
            }
        }
    }

    fn connect(&mut self, token: &(Vec<u8>, KeyPair)) -> Vec<Event> {
        self.client
            .connect(self.now, SERVER.into(), &token.0, &token.1)
            .unwrap();
        self.exchange(6);
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }
}

fn drain(endpoint: &mut Endpoint, now: Time) -> Vec<Vec<u8>> {
    let mut buffer = [0; 1500];
    std::iter::from_fn(|| {
        endpoint
            .poll_transmit(now, &mut buffer)
            .map(|out| buffer[..out.len].to_vec())
    })
    .collect()
}

fn refused(events: &[Event]) -> Option<Refusal> {
    match events {
        [
            Event::Closed {
                reason: CloseReason::Refused(refusal),
                ..
            },
        ] => Some(*refusal),
        _ => None,
    }
}

fn token_with(change: impl FnOnce(&mut ConnectToken)) -> (Vec<u8>, KeyPair) {
    let keys = KeyPair::from_secret([9; 32]);
    let mut token = ConnectToken {
        id: [1; 16],
        application: 7,
        client: 5,
        expires_ms: 10_000,
        server_key: KeyPair::from_secret([2; 32]).public(),
        client_key: keys.public(),
        user_data: b"red".to_vec(),
    };
    change(&mut token);
    (
        TokenIssuer::from_seed(&[1; 32]).issue(&token).unwrap(),
        keys,
    )
}

#[test]
fn a_good_token_connects_and_the_server_learns_who_it_is() {
    let mut bench = Bench::new(Pair::server_config(transport()));
    let events = bench.connect(&token_with(|_| {}));
    assert!(
        matches!(events[..], [Event::Connected { client: 5, .. }]),
        "{events:?}"
    );
    let Some(Event::Connected {
        client, user_data, ..
    }) = bench.server.poll_event()
    else {
        panic!()
    };
    assert_eq!((client, &user_data[..]), (5, &b"red"[..]));
    assert_eq!(bench.server.endpoint_stats().retries, 1);
    assert_eq!(bench.server.endpoint_stats().accepted, 1);
}

#[test]
fn what_is_wrong_with_a_token_is_told_to_its_holder() {
    type Change = fn(&mut ConnectToken);
    let cases: [(Change, Refusal); 2] = [
        (|token| token.expires_ms = 1000, Refusal::Expired),
        (|token| token.expires_ms = 0, Refusal::Expired),
    ];
    for (change, refusal) in cases {
        let mut bench = Bench::new(Pair::server_config(transport()));
        assert_eq!(refused(&bench.connect(&token_with(change))), Some(refusal));
        assert_eq!(bench.server.connections(), 0);
    }
    // Signed by somebody else.
    let mut bench = Bench::new(ServerConfig {
        issuers: vec![TokenIssuer::from_seed(&[77; 32]).public()],
        ..Pair::server_config(transport())
    });
    assert_eq!(
        refused(&bench.connect(&token_with(|_| {}))),
        Some(Refusal::Token)
    );
    // Other channels at the server.
    let mut config = transport();
    config.channels[0].mode = Mode::Stream;
    let mut bench = Bench::new(Pair::server_config(config));
    bench.client = Endpoint::client(7, transport(), [1; 32]).unwrap();
    assert_eq!(
        refused(&bench.connect(&token_with(|_| {}))),
        Some(Refusal::Channels)
    );
}

#[test]
fn a_token_is_taken_once() {
    let mut bench = Bench::new(Pair::server_config(transport()));
    let token = token_with(|_| {});
    assert!(matches!(
        bench.connect(&token)[..],
        [Event::Connected { .. }]
    ));
    assert_eq!(refused(&bench.connect(&token)), Some(Refusal::Used));
    assert_eq!(bench.server.connections(), 1);
}

#[test]
fn a_token_for_another_server_cannot_even_be_opened() {
    let mut bench = Bench::new(Pair::server_config(transport()));
    let other = token_with(|token| token.server_key = KeyPair::from_secret([3; 32]).public());
    assert!(bench.connect(&other).is_empty());
    assert_eq!(bench.server.connections(), 0);
    assert!(bench.server.endpoint_stats().bad_handshakes >= 1);
    bench.now = bench.now + Duration::from_secs(11);
    bench.client.handle_timeout(bench.now);
    assert!(matches!(
        bench.client.poll_event(),
        Some(Event::Closed {
            reason: CloseReason::NoAnswer,
            ..
        })
    ));
}

#[test]
fn clients_notice_wrong_tokens_themselves() {
    let mut client = Endpoint::client(7, transport(), [1; 32]).unwrap();
    let now = Time::ZERO;
    let (token, _) = token_with(|_| {});
    let other = KeyPair::from_secret([8; 32]);
    assert_eq!(
        client.connect(now, SERVER.into(), &token, &other),
        Err(ConnectError::WrongKey)
    );
    let (token, keys) = token_with(|token| token.application = 8);
    assert_eq!(
        client.connect(now, SERVER.into(), &token, &keys),
        Err(ConnectError::WrongApplication)
    );
    assert_eq!(
        client.connect(now, SERVER.into(), b"no token", &keys),
        Err(ConnectError::WrongApplication)
    );
}

#[test]
fn a_full_server_says_so_and_does_not_spend_the_token() {
    let config = ServerConfig {
        connections_max: 1,
        ..Pair::server_config(transport())
    };
    let mut bench = Bench::new(config);
    assert!(matches!(
        bench.connect(&token_with(|_| {}))[..],
        [Event::Connected { .. }]
    ));
    let second = token_with(|token| token.id = [2; 16]);
    assert_eq!(refused(&bench.connect(&second)), Some(Refusal::Full));
    let Some(Event::Connected { connection, .. }) = bench.server.poll_event() else {
        panic!()
    };
    bench.server.close(bench.now, connection, 300, b"");
    bench.exchange(2);
    bench.now = bench.now + Duration::from_secs(6);
    bench.server.handle_timeout(bench.now);
    bench.client.handle_timeout(bench.now);
    let _ = std::iter::from_fn(|| bench.client.poll_event()).count();
    assert!(matches!(
        bench.connect(&second)[..],
        [Event::Connected { .. }]
    ));
}

#[test]
fn lost_answers_are_repeated_and_make_one_connection() {
    let config = ServerConfig {
        retry: Retry::Above(100),
        ..Pair::server_config(transport())
    };
    let mut bench = Bench::new(config);
    let (token, keys) = token_with(|_| {});
    bench
        .client
        .connect(bench.now, SERVER.into(), &token, &keys)
        .unwrap();
    let initial = bench.client_sends().remove(0);
    bench.server_gets(&initial);
    let answers = bench.server_sends();
    bench.server_gets(&initial);
    bench.server_gets(&initial);
    assert_eq!(
        bench.server_sends(),
        [&answers[..], &answers[..]].concat(),
        "the same answer each time"
    );
    assert_eq!(bench.server.connections(), 1);
    assert_eq!(
        bench.server.poll_event(),
        None,
        "nobody is connected before it has shown its keys"
    );
    bench.client_gets(&answers[0]);
    bench.exchange(1);
    assert!(matches!(
        bench.server.poll_event(),
        Some(Event::Connected { .. })
    ));
}

#[test]
fn a_client_that_never_shows_its_keys_is_forgotten() {
    let config = ServerConfig {
        retry: Retry::Above(100),
        ..Pair::server_config(transport())
    };
    let mut bench = Bench::new(config);
    let (token, keys) = token_with(|_| {});
    bench
        .client
        .connect(bench.now, SERVER.into(), &token, &keys)
        .unwrap();
    let initial = bench.client_sends().remove(0);
    bench.server_gets(&initial);
    let _ = bench.server_sends();
    assert_eq!(bench.server.connections(), 1);
    for _ in 0..20 {
        bench.now = bench.now + Duration::from_secs(1);
        bench.server.handle_timeout(bench.now);
        let _ = bench.server_sends();
    }
    assert_eq!(bench.server.connections(), 0);
    assert_eq!(bench.server.poll_event(), None);
}

#[test]
fn unknown_versions_get_the_list_and_clients_believe_it_only_without_their_own() {
    let mut bench = Bench::new(Pair::server_config(transport()));
    let (token, keys) = token_with(|_| {});
    let connection = bench
        .client
        .connect(bench.now, SERVER.into(), &token, &keys)
        .unwrap();
    let mut initial = bench.client_sends().remove(0);
    initial[4] = 9;
    bench.server_gets(&initial);
    let list = bench.server_sends().remove(0);
    assert_eq!(list.len(), 1 + 4 + 8 + 1 + 4);
    bench.client_gets(&list);
    assert_eq!(
        bench.client.poll_event(),
        None,
        "its own version is in the list"
    );
    let mut other = list.clone();
    other[17] = 2;
    let mut guessed = other.clone();
    guessed[8] ^= 1;
    bench.client_gets(&guessed);
    assert_eq!(
        bench.client.poll_event(),
        None,
        "an attacker has to guess eight bytes"
    );
    bench.client_gets(&other);
    let reason = CloseReason::Version;
    assert_eq!(
        bench.client.poll_event(),
        Some(Event::Closed { connection, reason })
    );
    bench.server_gets(&initial[..1199]);
    assert!(
        bench.server_sends().is_empty(),
        "short Initials get nothing"
    );
}

#[test]
fn every_flipped_bit_of_a_handshake_changes_nothing() {
    let config = ServerConfig {
        retry: Retry::Above(100),
        handshakes_burst: 1 << 20,
        ..Pair::server_config(transport())
    };
    let mut bench = Bench::new(config);
    let (token, keys) = token_with(|_| {});
    bench
        .client
        .connect(bench.now, SERVER.into(), &token, &keys)
        .unwrap();
    let initial = bench.client_sends().remove(0);
    let mut chance = Chance(1);
    for round in 0..600 {
        // All bits of the fixed part, then any.
        let bit = if round < 45 * 8 {
            round
        } else {
            chance.below(initial.len() as u64 * 8) as usize
        };
        let mut bad = initial.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        bench.server_gets(&bad);
        assert_eq!(bench.server.connections(), 0, "bit {bit}");
    }
    for cut in [0, 1, 45, 1199] {
        bench.server_gets(&initial[..cut]);
    }
    let _ = bench.server_sends();
    bench.server_gets(&initial);
    let response = bench.server_sends().remove(0);
    for bit in 0..response.len() * 8 {
        let mut bad = response.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        bench.client_gets(&bad);
        assert_eq!(bench.client.poll_event(), None, "bit {bit}");
    }
    bench.client_gets(&response);
    assert!(matches!(
        bench.client.poll_event(),
        Some(Event::Connected { .. })
    ));
}

#[test]
fn a_flood_from_made_up_addresses_costs_no_memory_and_gets_less_than_it_sends() {
    let mut bench = Bench::new(Pair::server_config(transport()));
    let (token, keys) = token_with(|_| {});
    bench
        .client
        .connect(bench.now, SERVER.into(), &token, &keys)
        .unwrap();
    let initial = bench.client_sends().remove(0);
    let before = bench.server.memory_bytes();
    let mut chance = Chance(2);
    let (mut received, mut sent) = (BTreeMap::new(), BTreeMap::new());
    let mut buffer = [0; 1500];
    for _ in 0..50_000 {
        let from = SocketAddr::from((
            (chance.next() as u32).to_be_bytes(),
            chance.next() as u16 | 1,
        ));
        let mut datagram = initial.clone();
        // Another key each time, as a flood would have.
        datagram[9..17].copy_from_slice(&chance.next().to_le_bytes());
        *received.entry(from).or_insert(0) += datagram.len();
        bench.server.handle(bench.now, from, &mut datagram);
        while let Some(out) = bench.server.poll_transmit(bench.now, &mut buffer) {
            *sent.entry(out.to).or_insert(0) += out.len;
        }
    }
    assert_eq!(bench.server.memory_bytes(), before);
    assert_eq!(bench.server.connections(), 0);
    for (to, bytes) in sent {
        assert!(bytes <= received[&to] / 3, "{bytes} for {}", received[&to]);
    }
}

#[test]
fn without_retry_an_unproven_address_gets_at_most_three_times_what_it_sent() {
    for seed in 0..200u64 {
        let config = ServerConfig {
            retry: Retry::Above(100),
            ..Pair::server_config(transport())
        };
        let mut bench = Bench::new(config);
        bench.client = Endpoint::client(7, transport(), [seed as u8; 32]).unwrap();
        let (token, keys) = token_with(|_| {});
        bench
            .client
            .connect(bench.now, SERVER.into(), &token, &keys)
            .unwrap();
        let mut chance = Chance(seed);
        let initial = bench.client_sends().remove(0);
        let (mut received, mut sent) = (0, 0);
        for _ in 0..1 + chance.below(5) {
            bench.server_gets(&initial);
            received += initial.len();
        }
        // The client is never heard again; the server tries all it can.
        for _ in 0..200 {
            sent += bench.server_sends().iter().map(Vec::len).sum::<usize>();
            bench.now = bench.now + Duration::from_millis(chance.below(200));
            bench.server.handle_timeout(bench.now);
        }
        assert!(
            sent > 0 && sent <= 3 * received,
            "seed {seed}: {sent} for {received}"
        );
    }
}

#[test]
fn an_address_that_asks_too_often_is_left_alone() {
    let config = ServerConfig {
        handshakes_per_second: 1,
        handshakes_burst: 10,
        ..Pair::server_config(transport())
    };
    let mut bench = Bench::new(config);
    let (token, keys) = token_with(|_| {});
    bench
        .client
        .connect(bench.now, SERVER.into(), &token, &keys)
        .unwrap();
    let initial = bench.client_sends().remove(0);
    for _ in 0..100 {
        bench.server_gets(&initial);
    }
    assert_eq!(bench.server_sends().len(), 10);
    assert_eq!(bench.server.endpoint_stats().limited, 90);
}

#[test]
fn a_handshake_succeeds_over_links_that_lose_half() {
    for seed in 0..50 {
        let link = Link {
            loss: 0.5,
            duplicate: 0.1,
            corrupt: 0.05,
            ..Link::default()
        };
        assert!(
            Pair::connected(seed, TransportConfig::default(), link).is_some(),
            "seed {seed}"
        );
    }
}
