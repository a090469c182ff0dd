//! The endpoint: slots of connections, routing of datagrams, handshakes, timers, shares of the host's rate.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use x25519_dalek::StaticSecret;

use crate::Time;
use crate::admission::{AddressLimit, COOKIE, Cookies, UsedTokens};
use crate::codec::{Reader, Writer};
use crate::config::{Mode, TransportConfig};
use crate::connection::{CloseReason, Connection, Refusal, Side};
use crate::error::{ConfigError, ConnectError, SendError};
use crate::keys::{Keys, TAG};
use crate::noise::{Initiator, Responder};
use crate::pacer::Pacer;
use crate::packet::{self, DataHeader, Initial, Parameters, RESPONSE_LEN, RESPONSE_PLAIN};
use crate::pool::Pool;
use crate::random::Random;
use crate::stats::{ConnectionStats, EndpointStats, LaneStats};
use crate::time::micros;
use crate::timers::Timers;
use crate::token::{ConnectToken, KeyPair, TOKEN_MAX, TokenError};

const SLOT_BITS: u32 = 20;
/// Handshake answers that wait for the socket; more are dropped, as the client asks again.
const ANSWERS_MAX: usize = 64;
/// An Initial is repeated after this, microseconds, doubling up to a second.
const REPEAT: u64 = 250_000;
const REPEAT_MAX: u64 = 1_000_000;
/// Retries that a client follows for one connection.
const RETRIES_MAX: u8 = 4;

/// When a server asks for a cookie before it does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Always: one round trip more, nothing stored for an address that is not proven.
    Always,
    /// Once so many handshakes are unconfirmed.
    Above(usize),
}

/// What a server is.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Which application, and version of its protocol: tokens name it.
    pub application: u64,
    /// Who the server is: tokens name the public half.
    pub keys: KeyPair,
    /// Ed25519 public keys of those who may issue tokens.
    pub issuers: Vec<[u8; 32]>,
    /// About connections.
    pub transport: TransportConfig,
    /// The most connections, up to 2^20.
    pub connections_max: usize,
    /// When to ask for a cookie.
    pub retry: Retry,
    /// Handshake packets a second from one address (IPv6: one /64).
    pub handshakes_per_second: u32,
    /// Handshake packets at once from one address.
    pub handshakes_burst: u32,
    /// Used tokens that are remembered until they expire; a full table refuses.
    pub tokens_max: usize,
    /// Bytes a second of data that all connections together may send. `None`: no limit.
    pub rate_max: Option<u64>,
    /// What time it is: milliseconds since 1970 at [`Time::ZERO`].
    pub epoch_ms: u64,
}

impl ServerConfig {
    /// A server with room for 1024 connections, cookies always, 20 handshake packets a second and address.
    pub fn new(
        application: u64,
        keys: KeyPair,
        issuers: Vec<[u8; 32]>,
        transport: TransportConfig,
        epoch_ms: u64,
    ) -> Self {
        Self {
            application,
            keys,
            issuers,
            transport,
            connections_max: 1024,
            retry: Retry::Always,
            handshakes_per_second: 20,
            handshakes_burst: 40,
            tokens_max: 1 << 16,
            rate_max: None,
            epoch_ms,
        }
    }
}

/// Names a connection of one endpoint; never names another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    slot: u32,
    generation: u32,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection stands.
    Connected {
        /// Which.
        connection: ConnectionId,
        /// At a server: the client's number from its token. At a client: its own.
        client: u64,
        /// The token's user data.
        user_data: Vec<u8>,
    },
    /// Messages can be taken with [`Endpoint::recv`]; told again only after all were taken.
    Readable {
        /// From which connection.
        connection: ConnectionId,
    },
    /// A connection has ended, or was never made. What arrived before can still be taken for a short while.
    Closed {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
}

/// A message, lent until the next call on the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Its channel.
    pub channel: u8,
    /// Its bytes; on a stream, the next run of bytes.
    pub bytes: &'a [u8],
}

/// A datagram to be sent: the first `len` bytes of the buffer, to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// Bytes of the buffer.
    pub len: usize,
}

struct Answer {
    to: SocketAddr,
    len: usize,
    bytes: [u8; RESPONSE_LEN],
}

struct Connecting {
    initiator: Initiator,
    server: SocketAddr,
    cookie: Option<[u8; COOKIE]>,
    retries: u8,
    next: Time,
    every: u64,
    deadline: Time,
    token: ConnectToken,
}

/// A server's connection whose client has not been heard with its keys.
struct Accepted {
    ephemeral: [u8; 32],
    response: [u8; RESPONSE_LEN],
    client: u64,
    user_data: Vec<u8>,
    until: Time,
}

enum State {
    Free,
    Connecting(Box<Connecting>),
    Open {
        connection: Box<Connection>,
        accepted: Option<Box<Accepted>>,
    },
}

struct Slot {
    generation: u32,
    /// Our id of it on the wire.
    wire: u32,
    ready: bool,
    /// In `waiting`.
    waits: bool,
    readable_told: bool,
    state: State,
}

struct Server {
    config: ServerConfig,
    secret: StaticSecret,
    public: [u8; 32],
    cookies: Cookies,
    limit: AddressLimit,
    used: UsedTokens,
    /// Slots of unconfirmed connections by the client's ephemeral key: repeated Initials are answered alike.
    unconfirmed: BTreeMap<[u8; 32], u32>,
}

/// One socket's worth of protocol: any number of connections, as client, server or both. No IO, no clock.
///
/// The driver's loop: hand in each datagram with [`handle`](Self::handle); call [`handle_timeout`](Self::handle_timeout) when
/// [`poll_timeout`](Self::poll_timeout) says so; after either, and after `send`, `recv`, `connect` and `close`, call
/// [`poll_transmit`](Self::poll_transmit) and [`poll_event`](Self::poll_event) until they return `None`.
///
/// ```
/// use std::net::SocketAddr;
/// use storm_net::*;
/// // Who is who. Seeds come from the system's entropy; constants here for the example.
/// let issuer = TokenIssuer::from_seed(&[1; 32]);
/// let (server_keys, client_keys) = (KeyPair::from_secret([2; 32]), KeyPair::from_secret([3; 32]));
/// let token = issuer.issue(&ConnectToken {
///     id: [4; 16],
///     application: 7,
///     client: 42,
///     expires_ms: 60_000,
///     server_key: server_keys.public(),
///     client_key: client_keys.public(),
///     user_data: Vec::new(),
/// })?;
/// let transport = TransportConfig::default();
/// let config = ServerConfig::new(7, server_keys, vec![issuer.public()], transport.clone(), 0);
/// let mut server = Endpoint::server(config, [5; 32])?;
/// let mut client = Endpoint::client(7, transport, [6; 32])?;
///
/// let (a, b): (SocketAddr, SocketAddr) = ("10.0.0.1:1".parse()?, "10.0.0.2:2".parse()?);
/// let mut now = Time::ZERO;
/// let connection = client.connect(now, b, &token, &client_keys)?;
/// client.send(now, connection, 0, b"hello").unwrap_err(); // not yet
/// let mut got = Vec::new();
/// let mut buffer = [0; 1500];
/// for _ in 0..20 {
///     while let Some(out) = client.poll_transmit(now, &mut buffer) {
///         server.handle(now, a, &mut buffer[..out.len]);
///     }
///     while let Some(out) = server.poll_transmit(now, &mut buffer) {
///         client.handle(now, b, &mut buffer[..out.len]);
///     }
///     while let Some(event) = client.poll_event() {
///         if let Event::Connected { connection, .. } = event {
///             client.send(now, connection, 0, b"hello")?;
///         }
///     }
///     while let Some(event) = server.poll_event() {
///         if let Event::Readable { connection } = event {
///             while let Some(message) = server.recv(connection) {
///                 got.push(message.bytes.to_vec());
///             }
///         }
///     }
///     now = now + std::time::Duration::from_millis(10);
///     client.handle_timeout(now);
///     server.handle_timeout(now);
/// }
/// assert_eq!(got, [b"hello"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Endpoint {
    application: u64,
    transport: Arc<TransportConfig>,
    modes: Arc<[Mode]>,
    channels: [u8; 8],
    connections_max: usize,
    random: Random,
    server: Option<Server>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    ready: VecDeque<u32>,
    /// Slots with data that the host's cap holds back, in turn.
    waiting: VecDeque<u32>,
    timers: Timers,
    pool: Pool,
    answers: VecDeque<Answer>,
    events: VecDeque<Event>,
    host: Pacer,
    rate_max: Option<u64>,
    counts: EndpointStats,
    now: Time,
}

impl Endpoint {
    /// An endpoint that takes connections (and may make some). `seed`: 32 bytes of the system's entropy, used once.
    ///
    /// # Errors
    /// The first setting that is out of range.
    pub fn server(config: ServerConfig, seed: [u8; 32]) -> Result<Self, ConfigError> {
        let most = 1 << SLOT_BITS;
        if config.connections_max == 0 || config.connections_max > most {
            return Err(ConfigError::OutOfRange {
                field: "connections_max",
                found: config.connections_max as u64,
                least: 1,
                most: most as u64,
            });
        }
        let mut endpoint = Self::new(
            config.application,
            config.transport.clone(),
            config.connections_max,
            seed,
        )?;
        endpoint.rate_max = config.rate_max;
        endpoint.server = Some(Server {
            secret: StaticSecret::from(*config.keys.secret()),
            public: config.keys.public(),
            cookies: Cookies::new(endpoint.random.array()),
            limit: AddressLimit::new(
                endpoint.random.array(),
                4096,
                config.handshakes_per_second,
                config.handshakes_burst,
            ),
            used: UsedTokens::new(config.tokens_max),
            unconfirmed: BTreeMap::new(),
            config,
        });
        Ok(endpoint)
    }

    /// An endpoint that makes connections (up to 1024) and takes none. `seed`: as for a server.
    ///
    /// # Errors
    /// The first setting that is out of range.
    pub fn client(
        application: u64,
        transport: TransportConfig,
        seed: [u8; 32],
    ) -> Result<Self, ConfigError> {
        Self::new(application, transport, 1024, seed)
    }

    fn new(
        application: u64,
        transport: TransportConfig,
        connections_max: usize,
        seed: [u8; 32],
    ) -> Result<Self, ConfigError> {
        transport.check()?;
        Ok(Self {
            application,
            modes: transport
                .channels
                .iter()
                .map(|channel| channel.mode)
                .collect(),
            channels: transport.channel_hash(),
            transport: Arc::new(transport),
            connections_max,
            random: Random::new(&seed),
            server: None,
            slots: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            waiting: VecDeque::new(),
            timers: Timers::default(),
            pool: Pool::default(),
            answers: VecDeque::with_capacity(ANSWERS_MAX),
            events: VecDeque::new(),
            host: Pacer::full(1 << 16),
            rate_max: None,
            counts: EndpointStats::default(),
            now: Time::ZERO,
        })
    }

    // ---- slots ----------------------------------------------------------------------------------------------

    fn open_slot(&mut self, state: State) -> Option<u32> {
        let tag = self.random.u32() << SLOT_BITS;
        if let Some(slot) = self.free.pop() {
            let place = &mut self.slots[slot as usize];
            place.wire = tag | slot;
            place.state = state;
            return Some(slot);
        }
        if self.slots.len() >= self.connections_max {
            return None;
        }
        let slot = self.slots.len() as u32;
        self.slots.push(Slot {
            generation: 0,
            wire: tag | slot,
            ready: false,
            waits: false,
            readable_told: false,
            state,
        });
        Some(slot)
    }

    fn is_full(&self) -> bool {
        self.free.is_empty() && self.slots.len() >= self.connections_max
    }

    fn free_slot(&mut self, slot: u32) {
        self.timers.set(slot, Time::NEVER);
        let place = &mut self.slots[slot as usize];
        place.generation = place.generation.wrapping_add(1);
        place.readable_told = false;
        let state = std::mem::replace(&mut place.state, State::Free);
        if let State::Open {
            mut connection,
            accepted,
        } = state
        {
            connection.sender.clear(&mut self.pool);
            connection.receiver.clear(&mut self.pool);
            if let (Some(accepted), Some(server)) = (accepted, &mut self.server) {
                server.unconfirmed.remove(&accepted.ephemeral);
            }
        }
        self.free.push(slot);
    }

    fn id(&self, slot: u32) -> ConnectionId {
        ConnectionId {
            slot,
            generation: self.slots[slot as usize].generation,
        }
    }

    fn make_ready(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        if !place.ready {
            place.ready = true;
            self.ready.push_back(slot);
        }
    }

    fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        match self.slots.get_mut(id.slot as usize) {
            Some(Slot {
                generation,
                state: State::Open { connection, .. },
                ..
            }) if *generation == id.generation => Some(connection),
            _ => None,
        }
    }

    fn connection_ref(&self, id: ConnectionId) -> Option<&Connection> {
        match self.slots.get(id.slot as usize) {
            Some(Slot {
                generation,
                state: State::Open { connection, .. },
                ..
            }) if *generation == id.generation => Some(connection),
            _ => None,
        }
    }

    // ---- the application's side -----------------------------------------------------------------------------

    /// Begins to connect with a token and the private key it is bound to; [`Event::Connected`] or [`Event::Closed`] follows.
    ///
    /// # Errors
    /// [`ConnectError`]; a token that is none counts as one for another application.
    pub fn connect(
        &mut self,
        now: Time,
        server: SocketAddr,
        token: &[u8],
        keys: &KeyPair,
    ) -> Result<ConnectionId, ConnectError> {
        let now = self.tick(now);
        let parsed = match ConnectToken::parse(token) {
            Ok(parsed) if parsed.application == self.application => parsed,
            Ok(_) | Err(TokenError::Malformed | _) => return Err(ConnectError::WrongApplication),
        };
        if parsed.client_key != keys.public() {
            return Err(ConnectError::WrongKey);
        }
        let slot = self.open_slot(State::Free).ok_or(ConnectError::Full)?;
        let mut payload = [0; TOKEN_MAX + Parameters::LEN];
        let mut writer = Writer::new(&mut payload);
        writer.bytes(token);
        self.parameters().put(&mut writer);
        let prologue = packet::prologue(
            packet::VERSION,
            self.slots[slot as usize].wire,
            self.application,
        );
        let ephemeral = self.random.array();
        let initiator = Initiator::new(
            &prologue,
            &parsed.server_key,
            keys.secret(),
            ephemeral,
            writer.written(),
        );
        let Some(initiator) = initiator else {
            self.free_slot(slot);
            return Err(ConnectError::WrongKey);
        };
        self.slots[slot as usize].state = State::Connecting(Box::new(Connecting {
            initiator,
            server,
            cookie: None,
            retries: 0,
            next: now,
            every: REPEAT,
            deadline: now.after(micros(self.transport.handshake_timeout)),
            token: parsed,
        }));
        self.make_ready(slot);
        Ok(self.id(slot))
    }

    fn parameters(&self) -> Parameters {
        let transport = &self.transport;
        Parameters {
            ack_delay_ms: micros(transport.ack_delay_max).div_ceil(1000) as u8,
            datagram_bytes_max: transport.datagram_bytes_max,
            idle_timeout_ms: (micros(transport.idle_timeout) / 1000) as u32,
            credit: transport.receive_reliable_bytes_max,
            message_bytes_max: transport.message_bytes_max as u32,
            channels: self.channels,
        }
    }

    /// Takes a message for `channel`; on a stream, bytes to append. Copied; sent by later calls of `poll_transmit`.
    ///
    /// # Errors
    /// [`SendError`]; nothing was taken then.
    pub fn send(
        &mut self,
        now: Time,
        connection: ConnectionId,
        channel: u8,
        bytes: &[u8],
    ) -> Result<(), SendError> {
        self.send_with(now, connection, channel, bytes, None)
    }

    /// [`send`](Self::send) with a deadline of its own: at that time it is dropped rather than sent (again).
    ///
    /// # Errors
    /// As `send`.
    pub fn send_until(
        &mut self,
        now: Time,
        connection: ConnectionId,
        channel: u8,
        bytes: &[u8],
        deadline: Time,
    ) -> Result<(), SendError> {
        self.send_with(now, connection, channel, bytes, Some(deadline))
    }

    fn send_with(
        &mut self,
        now: Time,
        id: ConnectionId,
        channel: u8,
        bytes: &[u8],
        deadline: Option<Time>,
    ) -> Result<(), SendError> {
        let now = self.tick(now);
        let Some(Slot {
            generation,
            state: State::Open { connection, .. },
            ..
        }) = self.slots.get_mut(id.slot as usize)
        else {
            return Err(SendError::NotConnected);
        };
        if *generation != id.generation || !connection.is_open() {
            return Err(SendError::NotConnected);
        }
        connection
            .sender
            .send(&mut self.pool, now, channel, bytes, deadline)?;
        self.make_ready(id.slot);
        Ok(())
    }

    /// The next message of a connection, in order of arrival (order within a channel is the channel's). Constant; a message of several
    /// fragments is copied together.
    pub fn recv(&mut self, id: ConnectionId) -> Option<Received<'_>> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        let State::Open { connection, .. } = &mut slot.state else {
            return None;
        };
        if slot.generation != id.generation {
            return None;
        }
        let Some(channel) = connection.receiver.take(&mut self.pool) else {
            slot.readable_told = false;
            return None;
        };
        connection.on_taken();
        if connection.wants_credit() && !slot.ready {
            slot.ready = true;
            self.ready.push_back(id.slot);
        }
        let bytes = connection.receiver.lent(&self.pool);
        Some(Received { channel, bytes })
    }

    /// Closes with a code (256 and above are the application's) and a reason of at most 255 bytes.
    pub fn close(&mut self, now: Time, id: ConnectionId, code: u64, reason: &[u8]) {
        let now = self.tick(now);
        if let Some(connection) = self.connection(id) {
            connection.close(now, code, reason);
            self.after(id.slot);
            self.make_ready(id.slot);
        } else if let Some(Slot {
            generation,
            state: State::Connecting(_),
            ..
        }) = self.slots.get(id.slot as usize)
            && *generation == id.generation
        {
            self.events.push_back(Event::Closed {
                connection: id,
                reason: CloseReason::Local,
            });
            self.free_slot(id.slot);
        }
    }

    /// Replaces the keys of a connection ahead of time. Whether the change began: not before the last is confirmed.
    pub fn update_keys(&mut self, now: Time, id: ConnectionId) -> bool {
        let now = self.tick(now);
        self.connection(id)
            .is_some_and(|connection| connection.update_keys(now))
    }

    /// Figures of a connection.
    pub fn stats(&self, id: ConnectionId) -> Option<ConnectionStats> {
        self.connection_ref(id).map(Connection::stats)
    }

    /// Figures of a lane of a connection.
    pub fn lane_stats(&self, id: ConnectionId, lane: u8) -> Option<LaneStats> {
        self.connection_ref(id)?
            .sender
            .lane_stats(lane.into())
            .copied()
    }

    /// Bytes of a channel that wait, or are not acknowledged.
    pub fn queued_bytes(&self, id: ConnectionId, channel: u8) -> usize {
        self.connection_ref(id)
            .map_or(0, |connection| connection.sender.channel_bytes(channel))
    }

    /// The peer's address, as it is now.
    pub fn remote(&self, id: ConnectionId) -> Option<SocketAddr> {
        self.connection_ref(id).map(|connection| connection.remote)
    }

    /// Whether reliable data of a connection waits to be sent or acknowledged.
    pub fn has_unacknowledged(&self, id: ConnectionId) -> bool {
        self.connection_ref(id).is_some_and(|connection| {
            connection.sender.has_outstanding() || connection.sender.has_queued()
        })
    }

    /// The probe timeout of a connection now: the measure of how long a stall may last.
    #[cfg(feature = "sim")]
    pub fn probe_timeout(&self, id: ConnectionId) -> Option<std::time::Duration> {
        self.connection_ref(id).map(Connection::probe_timeout)
    }

    /// Figures of the endpoint.
    pub fn endpoint_stats(&self) -> EndpointStats {
        self.counts
    }

    /// Slots in use: connections that stand, begin or end.
    pub fn connections(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Bytes of memory held by the endpoint, its connections and their buffers.
    pub fn memory_bytes(&self) -> usize {
        let slots: usize = self
            .slots
            .iter()
            .map(|slot| match &slot.state {
                State::Free => 0,
                State::Connecting(_) => size_of::<Connecting>() + TOKEN_MAX,
                State::Open {
                    connection,
                    accepted,
                } => {
                    connection.memory_bytes()
                        + accepted.as_ref().map_or(0, |_| size_of::<Accepted>())
                }
            })
            .sum();
        size_of::<Self>()
            + slots
            + self.slots.capacity() * size_of::<Slot>()
            + (self.ready.capacity() + self.waiting.capacity()) * 4
            + self.pool.memory_bytes()
            + self.timers.memory_bytes()
            + self.answers.capacity() * size_of::<Answer>()
            + self.events.capacity() * size_of::<Event>()
    }

    /// Message buffers in use. Zero when nothing is queued, unacknowledged or untaken: for tests of leaks.
    #[cfg(feature = "sim")]
    pub fn buffers_in_use(&self) -> usize {
        self.pool.in_use()
    }

    /// What happened next.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    // ---- the driver's side ----------------------------------------------------------------------------------

    fn tick(&mut self, now: Time) -> Time {
        self.now = self.now.max(now);
        self.now
    }

    /// A datagram arrived. It is decrypted in place; what is left in `datagram` has no meaning.
    pub fn handle(&mut self, now: Time, from: SocketAddr, datagram: &mut [u8]) {
        let now = self.tick(now);
        match datagram.first() {
            Some(&packet::INITIAL) => self.on_initial(now, from, datagram),
            Some(&packet::RETRY) => self.on_retry(now, from, datagram),
            Some(&packet::RESPONSE) => self.on_accept(now, from, datagram),
            Some(&packet::VERSIONS) => self.on_versions(from, datagram),
            _ => self.on_data(now, from, datagram),
        }
    }

    fn on_data(&mut self, now: Time, from: SocketAddr, datagram: &mut [u8]) {
        let found = DataHeader::parse(datagram).and_then(|header| {
            let slot = header.connection & ((1 << SLOT_BITS) - 1);
            let place = self.slots.get_mut(slot as usize)?;
            match &mut place.state {
                State::Open { connection, .. } if place.wire == header.connection => {
                    Some((header, slot, connection))
                }
                _ => None,
            }
        });
        let Some((header, slot, connection)) = found else {
            self.counts.unknown_packets += 1;
            return;
        };
        if connection.handle(
            &mut self.pool,
            &mut self.random,
            now,
            from,
            &header,
            datagram,
        ) {
            self.after(slot);
        }
        // Even a forgery may have been one too many.
        self.make_ready(slot);
    }

    /// Tells the application what a connection has for it.
    fn after(&mut self, slot: u32) {
        let id = self.id(slot);
        let place = &mut self.slots[slot as usize];
        let State::Open {
            connection,
            accepted,
        } = &mut place.state
        else {
            return;
        };
        if connection.is_confirmed()
            && let Some(accepted) = accepted.take()
        {
            if let Some(server) = &mut self.server {
                server.unconfirmed.remove(&accepted.ephemeral);
            }
            self.counts.accepted += 1;
            let Accepted {
                client, user_data, ..
            } = *accepted;
            self.events.push_back(Event::Connected {
                connection: id,
                client,
                user_data,
            });
        }
        if connection.receiver.ready() > 0 && !place.readable_told {
            place.readable_told = true;
            self.events.push_back(Event::Readable { connection: id });
        }
        if let Some(reason) = connection.ended.take()
            && accepted.is_none()
        {
            self.events.push_back(Event::Closed {
                connection: id,
                reason,
            });
        }
    }

    /// The next datagram to send, written to `buffer`, which should hold the largest datagram of the configuration (1500 bytes do
    /// for the default).
    #[must_use]
    pub fn poll_transmit(&mut self, now: Time, buffer: &mut [u8]) -> Option<Transmit> {
        let now = self.tick(now);
        if let Some(answer) = self.answers.front() {
            if answer.len > buffer.len() {
                return None;
            }
            buffer[..answer.len].copy_from_slice(&answer.bytes[..answer.len]);
            let transmit = Transmit {
                to: answer.to,
                len: answer.len,
            };
            self.answers.pop_front();
            return Some(transmit);
        }
        if let Some(rate) = self.rate_max {
            self.host.refill(now, rate, (rate / 100).max(2400));
        }
        loop {
            let allows = self.rate_max.is_none() || self.host.may_send();
            let slot = if allows && let Some(slot) = self.waiting.pop_front() {
                self.slots[slot as usize].waits = false;
                slot
            } else if let Some(slot) = self.ready.pop_front() {
                self.slots[slot as usize].ready = false;
                slot
            } else {
                return None;
            };
            let place = &mut self.slots[slot as usize];
            match &mut place.state {
                State::Free => {}
                State::Connecting(connecting) => {
                    let sent = connecting.transmit(now, place.wire, buffer);
                    self.timers
                        .set(slot, connecting.next.min(connecting.deadline));
                    if sent.is_some() {
                        return sent;
                    }
                }
                State::Open { connection, .. } => {
                    if let Some((to, len)) =
                        connection.poll_transmit(&mut self.pool, now, buffer, allows)
                    {
                        if !place.ready {
                            place.ready = true;
                            self.ready.push_back(slot);
                        }
                        if self.rate_max.is_some() {
                            self.host.take(len);
                        }
                        return Some(Transmit { to, len });
                    }
                    if !allows && connection.sender.has_queued() && !place.waits {
                        place.waits = true;
                        self.waiting.push_back(slot);
                    }
                    self.timers.set(slot, connection.timeout());
                }
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called, if no datagram arrives before. `None`: never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        if !self.ready.is_empty() || !self.answers.is_empty() {
            return Some(self.now);
        }
        let host = match self.rate_max {
            Some(rate) if !self.waiting.is_empty() => Some(self.host.ready_at(rate)),
            _ => None,
        };
        self.timers
            .next()
            .map(|next| next.0)
            .into_iter()
            .chain(host)
            .min()
    }

    /// Time has come.
    pub fn handle_timeout(&mut self, now: Time) {
        let now = self.tick(now);
        while let Some((at, slot)) = self.timers.next() {
            if at > now {
                break;
            }
            // `poll_transmit` sets it again.
            self.timers.set(slot, Time::NEVER);
            self.on_timeout(now, slot);
        }
    }

    fn on_timeout(&mut self, now: Time, slot: u32) {
        let id = self.id(slot);
        let gone = match &mut self.slots[slot as usize].state {
            State::Free => return,
            State::Connecting(connecting) => {
                let gone = now >= connecting.deadline;
                if gone {
                    self.events.push_back(Event::Closed {
                        connection: id,
                        reason: CloseReason::NoAnswer,
                    });
                }
                gone
            }
            State::Open {
                connection,
                accepted,
            } => {
                connection.on_timeout(now);
                connection.gone_at().is_some_and(|at| now >= at)
                    || accepted
                        .as_ref()
                        .is_some_and(|accepted| now >= accepted.until)
            }
        };
        if gone {
            self.after(slot);
            self.free_slot(slot);
        } else {
            self.after(slot);
            self.make_ready(slot);
        }
    }

    // ---- handshakes: client ---------------------------------------------------------------------------------

    /// The slot of a handshake of ours that a packet from `from` answers; `echo`: the first bytes of our ephemeral key.
    fn connecting(
        &mut self,
        from: SocketAddr,
        wire: u32,
        echo: Option<[u8; 8]>,
    ) -> Option<(u32, &mut Connecting)> {
        let slot = wire & ((1 << SLOT_BITS) - 1);
        let place = self.slots.get_mut(slot as usize)?;
        match &mut place.state {
            State::Connecting(connecting)
                if place.wire == wire
                    && connecting.server == from
                    && echo
                        .is_none_or(|echo| connecting.initiator.ephemeral_public[..8] == echo) =>
            {
                Some((slot, connecting))
            }
            _ => None,
        }
    }

    fn on_retry(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) {
        if datagram.len() != packet::RETRY_LEN {
            return;
        }
        let mut reader = Reader::new(&datagram[1..]);
        let (Some(wire), Some(echo), Some(cookie)) = (reader.u32(), reader.array(), reader.array())
        else {
            return;
        };
        let Some((slot, connecting)) = self.connecting(from, wire, Some(echo)) else {
            return;
        };
        if connecting.retries < RETRIES_MAX && connecting.cookie != Some(cookie) {
            connecting.retries += 1;
            connecting.cookie = Some(cookie);
            connecting.next = now;
            self.make_ready(slot);
        }
    }

    fn on_versions(&mut self, from: SocketAddr, datagram: &[u8]) {
        let mut reader = Reader::new(&datagram[1..]);
        let (Some(wire), Some(echo), Some(count)) = (reader.u32(), reader.array(), reader.u8())
        else {
            return;
        };
        if reader.rest().len() != usize::from(count) * 4 || count == 0 {
            return;
        }
        while let Some(version) = reader.u32() {
            if version == packet::VERSION {
                return;
            }
        }
        if let Some((slot, _)) = self.connecting(from, wire, Some(echo)) {
            let connection = self.id(slot);
            self.events.push_back(Event::Closed {
                connection,
                reason: CloseReason::Version,
            });
            self.free_slot(slot);
        }
    }

    fn on_accept(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) {
        if datagram.len() != RESPONSE_LEN {
            return;
        }
        let mut reader = Reader::new(&datagram[1..]);
        let (Some(wire), Some(ephemeral)) = (reader.u32(), reader.array()) else {
            return;
        };
        let Some((slot, connecting)) = self.connecting(from, wire, None) else {
            return;
        };
        let mut plain = [0; RESPONSE_PLAIN];
        let Some((sending, receiving)) =
            connecting
                .initiator
                .finish(&ephemeral, reader.rest(), &mut plain)
        else {
            self.counts.bad_handshakes += 1;
            return;
        };
        let (client, user_data) = (
            connecting.token.client,
            std::mem::take(&mut connecting.token.user_data),
        );
        let mut reader = Reader::new(&plain);
        let (status, peer_id) = (reader.u16().unwrap_or(0), reader.u32().unwrap_or(0));
        let parameters = Parameters::parse(&mut reader);
        let id = self.id(slot);
        let (0, Some(parameters)) = (status, parameters) else {
            let reason = CloseReason::Refused(Refusal::from_code(status));
            self.events.push_back(Event::Closed {
                connection: id,
                reason,
            });
            self.free_slot(slot);
            return;
        };
        let keys = Keys::new(sending, receiving);
        let connection = Connection::new(
            Arc::clone(&self.transport),
            Arc::clone(&self.modes),
            Side::Client,
            now,
            from,
            peer_id,
            &parameters,
            keys,
        );
        self.slots[slot as usize].state = State::Open {
            connection: Box::new(connection),
            accepted: None,
        };
        self.events.push_back(Event::Connected {
            connection: id,
            client,
            user_data,
        });
        self.make_ready(slot);
    }

    // ---- handshakes: server ---------------------------------------------------------------------------------

    fn answer(&mut self, to: SocketAddr, write: impl FnOnce(&mut Writer<'_>)) {
        if self.answers.len() >= ANSWERS_MAX {
            return;
        }
        let mut answer = Answer {
            to,
            len: 0,
            bytes: [0; RESPONSE_LEN],
        };
        let mut writer = Writer::new(&mut answer.bytes);
        write(&mut writer);
        answer.len = writer.len();
        self.answers.push_back(answer);
    }

    fn on_initial(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) {
        let Some(server) = &mut self.server else {
            self.counts.unknown_packets += 1;
            return;
        };
        let Some((version, wire, echo)) = Initial::peek(datagram) else {
            self.counts.bad_handshakes += 1;
            return;
        };
        if !server.limit.take(now, from) {
            self.counts.limited += 1;
            return;
        }
        if version != packet::VERSION {
            self.answer(from, |writer| {
                writer.u8(packet::VERSIONS);
                writer.u32(wire);
                writer.bytes(&echo);
                writer.u8(1);
                writer.u32(packet::VERSION);
            });
            return;
        }
        let Some(initial) = Initial::parse(datagram) else {
            self.counts.bad_handshakes += 1;
            return;
        };
        let proven = server
            .cookies
            .check(now, from, &initial.ephemeral, initial.cookie);
        let asks = match server.config.retry {
            Retry::Always => true,
            Retry::Above(most) => server.unconfirmed.len() >= most,
        };
        if !proven && (asks || !initial.cookie.is_empty()) {
            let cookie = server.cookies.make(now, from, &initial.ephemeral);
            self.counts.retries += 1;
            self.answer(from, |writer| {
                writer.u8(packet::RETRY);
                writer.u32(wire);
                writer.bytes(&echo);
                writer.bytes(&cookie);
            });
            return;
        }
        if let Some(&slot) = server.unconfirmed.get(&initial.ephemeral) {
            if let State::Open {
                connection,
                accepted: Some(accepted),
            } = &self.slots[slot as usize].state
                && connection.remote == from
            {
                let response = accepted.response;
                self.answer(from, |writer| writer.bytes(&response));
            }
            return;
        }
        self.admit(now, from, &initial, proven, datagram.len());
    }

    /// Opens an Initial from an address that is proven or need not be, and answers it.
    fn admit(
        &mut self,
        now: Time,
        from: SocketAddr,
        initial: &Initial<'_>,
        proven: bool,
        bytes: usize,
    ) {
        let full = self.is_full();
        let ours = self.parameters();
        let Some(server) = &mut self.server else {
            return;
        };
        let prologue = packet::prologue(initial.version, initial.connection, self.application);
        let mut plain = [0; TOKEN_MAX + Parameters::LEN];
        let read = initial
            .sealed_payload
            .len()
            .checked_sub(TAG)
            .filter(|&len| (Parameters::LEN..=plain.len()).contains(&len))
            .and_then(|len| {
                let responder = Responder::read(
                    &prologue,
                    &server.secret,
                    &server.public,
                    &initial.ephemeral,
                    initial.sealed_static,
                    initial.sealed_payload,
                    &mut plain[..len],
                )?;
                let (token, rest) = plain[..len].split_at(len - Parameters::LEN);
                let parameters = Parameters::parse(&mut Reader::new(rest))?;
                Some((responder, token, parameters))
            });
        let Some((responder, token, parameters)) = read else {
            self.counts.bad_handshakes += 1;
            return;
        };
        let now_ms = server
            .config
            .epoch_ms
            .saturating_add(now.as_micros() / 1000);
        let checked = server
            .check(now_ms, token, &responder, self.application)
            .and_then(|token| {
                if parameters.channels != self.channels {
                    return Err(Refusal::Channels);
                }
                // Last, so that a token that is refused for another reason is not spent.
                if full || !server.used.insert(now_ms, token.id, token.expires_ms) {
                    return Err(Refusal::Full);
                }
                Ok(token)
            });
        let (ephemeral, wire) = (self.random.array(), initial.connection);
        let slot = if checked.is_ok() {
            self.open_slot(State::Free)
        } else {
            None
        };
        let mut sealed = [0; RESPONSE_PLAIN + TAG];
        let mut writer = Writer::new(&mut sealed);
        match (&checked, slot) {
            (Ok(_), Some(slot)) => {
                writer.u16(0);
                writer.u32(self.slots[slot as usize].wire);
                ours.put(&mut writer);
            }
            (Ok(_), None) => writer.u16(Refusal::Full.code()),
            (Err(refusal), _) => writer.u16(refusal.code()),
        }
        let Some((public, sending, receiving)) = responder.answer(ephemeral, &mut sealed) else {
            if let Some(slot) = slot {
                self.free_slot(slot);
            }
            return;
        };
        let mut response = [0; RESPONSE_LEN];
        let mut writer = Writer::new(&mut response);
        writer.u8(packet::RESPONSE);
        writer.u32(wire);
        writer.bytes(&public);
        writer.bytes(&sealed);
        self.answer(from, |writer| writer.bytes(&response));
        let (Ok(token), Some(slot)) = (checked, slot) else {
            self.counts.refused += 1;
            return;
        };
        let mut connection = Connection::new(
            Arc::clone(&self.transport),
            Arc::clone(&self.modes),
            Side::Server,
            now,
            from,
            wire,
            &parameters,
            Keys::new(sending, receiving),
        );
        if !proven {
            connection.set_unvalidated(bytes, RESPONSE_LEN);
        }
        let until = now.after(micros(self.transport.handshake_timeout));
        self.slots[slot as usize].state = State::Open {
            connection: Box::new(connection),
            accepted: Some(Box::new(Accepted {
                ephemeral: initial.ephemeral,
                response,
                client: token.client,
                user_data: token.user_data,
                until,
            })),
        };
        if let Some(server) = &mut self.server {
            server.unconfirmed.insert(initial.ephemeral, slot);
        }
        self.timers.set(slot, until);
    }
}

impl Server {
    fn check(
        &self,
        now_ms: u64,
        token: &[u8],
        responder: &Responder,
        application: u64,
    ) -> Result<ConnectToken, Refusal> {
        let token = self
            .config
            .issuers
            .iter()
            .find_map(|issuer| ConnectToken::verify(token, issuer).ok())
            .ok_or(Refusal::Token)?;
        if token.client_key != responder.initiator_static {
            return Err(Refusal::Token);
        }
        if token.application != application || token.server_key != self.public {
            return Err(Refusal::Elsewhere);
        }
        if now_ms >= token.expires_ms {
            return Err(Refusal::Expired);
        }
        if self.used.contains(&token.id) {
            return Err(Refusal::Used);
        }
        Ok(token)
    }
}

impl Connecting {
    fn transmit(&mut self, now: Time, wire: u32, buffer: &mut [u8]) -> Option<Transmit> {
        if now < self.next || buffer.len() < packet::INITIAL_MIN {
            return None;
        }
        self.next = now.after(self.every);
        self.every = (2 * self.every).min(REPEAT_MAX);
        let mut writer = Writer::new(buffer);
        let initial = Initial {
            version: packet::VERSION,
            connection: wire,
            ephemeral: self.initiator.ephemeral_public,
            cookie: self.cookie.as_ref().map_or(&[], |cookie| cookie),
            sealed_static: &self.initiator.sealed_static,
            sealed_payload: &self.initiator.sealed_payload,
        };
        initial.put(&mut writer);
        Some(Transmit {
            to: self.server,
            len: writer.len(),
        })
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
