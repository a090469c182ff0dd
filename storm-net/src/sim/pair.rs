//! A client, a server and credentials for both: what most tests begin with.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Link, NodeId, Sim};
use crate::{
    CloseReason, ConfigError, ConnectToken, ConnectionId, Endpoint, Event, KeyPair, ServerConfig,
    Time, TokenIssuer, TransportConfig,
};

/// The application number of simulated credentials.
const APPLICATION: u64 = 7;

/// A client connected to a server.
#[derive(Debug)]
pub struct Pair {
    /// Both endpoints and what is between them.
    pub sim: Sim,
    /// The client's node.
    pub client: NodeId,
    /// The server's node.
    pub server: NodeId,
    /// The connection at the client.
    pub client_connection: ConnectionId,
    /// The connection at the server.
    pub server_connection: ConnectionId,
}

impl Pair {
    /// A pair that has shaken hands over `link`. `None`: not within a minute of virtual time (or a bad configuration).
    pub fn connected(seed: u64, transport: TransportConfig, link: Link) -> Option<Self> {
        Self::connected_as(seed, transport.clone(), transport, link)
            .ok()
            .flatten()
    }

    /// [`connected`](Self::connected) with a configuration for each side, client first.
    ///
    /// # Errors
    /// A configuration is out of range.
    pub fn connected_as(
        seed: u64,
        client: TransportConfig,
        server: TransportConfig,
        link: Link,
    ) -> Result<Option<Self>, ConfigError> {
        let config = Self::server_config(server);
        let client_address = SocketAddr::from(([10, 0, 0, 1], 40_000));
        let server_address = SocketAddr::from(([10, 0, 0, 2], 7_777));
        let mut sim = Sim::new(seed, link);
        let client = sim.add(
            client_address,
            Endpoint::client(APPLICATION, client, seed_bytes(seed, 1))?,
        );
        let server = sim.add(
            server_address,
            Endpoint::server(config, seed_bytes(seed, 2))?,
        );
        let until = sim.now() + Duration::from_secs(60);
        let mut tries = 0;
        let (mut ours, mut theirs) = (None, None);
        while sim.now() < until && (ours.is_none() || theirs.is_none()) {
            if ours.is_none() && tries < 8 && sim.endpoint(client).connections() == 0 {
                tries += 1;
                let (token, keys) = Self::token(seed.wrapping_mul(8).wrapping_add(tries));
                let now = sim.now();
                let _ = sim
                    .endpoint(client)
                    .connect(now, server_address, &token, &keys);
            }
            sim.step(until);
            while let Some(event) = sim.endpoint(client).poll_event() {
                match event {
                    Event::Connected { connection, .. } => ours = Some(connection),
                    Event::Closed {
                        reason: CloseReason::NoAnswer,
                        ..
                    } => {}
                    Event::Closed { .. } => ours = None,
                    Event::Readable { .. } => {}
                }
            }
            while let Some(event) = sim.endpoint(server).poll_event() {
                if let Event::Connected { connection, .. } = event {
                    theirs = Some(connection);
                }
            }
        }
        Ok(ours
            .zip(theirs)
            .map(|(client_connection, server_connection)| Self {
                sim,
                client,
                server,
                client_connection,
                server_connection,
            }))
    }

    /// The server of every pair, with other settings of transport.
    pub fn server_config(transport: TransportConfig) -> ServerConfig {
        let issuer = TokenIssuer::from_seed(&[1; 32]).public();
        ServerConfig::new(
            APPLICATION,
            KeyPair::from_secret([2; 32]),
            vec![issuer],
            transport,
            0,
        )
    }

    /// A token for that server that is good for a day, and the key it is bound to. Each number gives another.
    pub fn token(number: u64) -> (Vec<u8>, KeyPair) {
        let keys = KeyPair::from_secret(seed_bytes(number, 3));
        let mut id = [0; 16];
        id.copy_from_slice(&seed_bytes(number, 4)[..16]);
        let token = ConnectToken {
            id,
            application: APPLICATION,
            client: number,
            expires_ms: 86_400_000,
            server_key: KeyPair::from_secret([2; 32]).public(),
            client_key: keys.public(),
            user_data: Vec::new(),
        };
        // User data of no bytes is never too long.
        (
            TokenIssuer::from_seed(&[1; 32])
                .issue(&token)
                .unwrap_or_default(),
            keys,
        )
    }

    /// The present of the pair's network.
    pub fn now(&self) -> Time {
        self.sim.now()
    }
}

fn seed_bytes(seed: u64, purpose: u8) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&[purpose]);
    *hasher.finalize().as_bytes()
}
