//! A network in virtual time, from a seed: for tests of this crate and of programs that use it.
//!
//! Same seed and same calls give the same datagrams at the same times; [`Sim::trace_hash`] says so in 32 bytes. Nothing
//! sleeps and nothing is shared: a minute on a bad link takes milliseconds, and a failure is a seed.
//!
//! ```
//! use std::time::Duration;
//! use storm_net::sim::{Link, Pair};
//! use storm_net::{Time, TransportConfig};
//!
//! let link = Link { latency: Duration::from_millis(40), loss: 0.1, ..Link::default() };
//! let mut pair = Pair::connected(7, TransportConfig::default(), link).unwrap();
//! let now = pair.sim.now();
//! pair.sim.endpoint(pair.client).send(now, pair.client_connection, 0, b"over a bad link")?;
//! pair.sim.run_for(Duration::from_secs(2));
//! let message = pair.sim.endpoint(pair.server).recv(pair.server_connection).unwrap();
//! assert_eq!(message.bytes, b"over a bad link");
//! # Ok::<(), storm_net::SendError>(())
//! ```

mod link;
mod network;
mod pair;

use std::net::SocketAddr;
use std::time::Duration;

pub use link::{Burst, Link};
use network::Network;
pub use pair::Pair;

use crate::{Endpoint, Time};

/// One endpoint of a [`Sim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

struct Node {
    endpoint: Endpoint,
    paused_until: Time,
}

/// Endpoints and the network between them.
pub struct Sim {
    now: Time,
    network: Network,
    nodes: Vec<Node>,
    buffer: Vec<u8>,
}

impl Sim {
    /// An empty one. Nodes are joined by `link` unless [`set_link`](Self::set_link) says otherwise.
    pub fn new(seed: u64, link: Link) -> Self {
        Self {
            now: Time::ZERO,
            network: Network::new(seed, link),
            nodes: Vec::new(),
            buffer: vec![0; 9216],
        }
    }

    /// The present.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Adds an endpoint at an address that no other has.
    pub fn add(&mut self, address: SocketAddr, endpoint: Endpoint) -> NodeId {
        self.network.add(address);
        self.nodes.push(Node {
            endpoint,
            paused_until: Time::ZERO,
        });
        NodeId(self.nodes.len() - 1)
    }

    /// The endpoint of a node, for calls as an application.
    ///
    /// # Panics
    /// If `node` is of another `Sim`.
    pub fn endpoint(&mut self, node: NodeId) -> &mut Endpoint {
        &mut self.nodes[node.0].endpoint
    }

    /// The public address of a node.
    pub fn address(&self, node: NodeId) -> SocketAddr {
        self.network.public(node.0)
    }

    /// Sets how datagrams go from one node to another, from now on. What waits in the link's queue leaves at the new rate.
    pub fn set_link(&mut self, from: NodeId, to: NodeId, link: Link) {
        self.network.set_link(from.0, to.0, link);
    }

    /// Sets both directions.
    pub fn set_links(&mut self, a: NodeId, b: NodeId, link: Link) {
        self.set_link(a, b, link);
        self.set_link(b, a, link);
    }

    /// A NAT gives the node another public address; what is sent to the old one is lost.
    pub fn rebind(&mut self, node: NodeId, address: SocketAddr) {
        self.network.rebind(node.0, address);
    }

    /// The node's process stands still until then; its socket keeps up to 256 KiB.
    pub fn pause(&mut self, node: NodeId, until: Time) {
        self.nodes[node.0].paused_until = until;
    }

    /// Puts a datagram on the network as if `from` had sent it: for attackers, and replays.
    pub fn inject(&mut self, from: SocketAddr, to: NodeId, datagram: &[u8]) {
        self.network.inject(self.now, from, to.0, datagram);
    }

    /// Keeps copies of the next datagrams that arrive anywhere, up to `count`; [`taps`](Self::taps) has them.
    pub fn tap(&mut self, count: usize) {
        self.network.tap(count);
    }

    /// What [`tap`](Self::tap) kept: source, destination, bytes.
    pub fn taps(&mut self) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        self.network.taps()
    }

    /// Datagrams delivered.
    pub fn delivered(&self) -> u64 {
        self.network.delivered
    }

    /// Bytes of datagrams that `from` has put on the network towards `to`.
    pub fn sent_bytes(&self, from: NodeId, to: NodeId) -> u64 {
        self.network.sent_bytes(from.0, to.0)
    }

    /// Time that a datagram which enters the link now would wait for those before it.
    pub fn queue_delay(&self, from: NodeId, to: NodeId) -> Duration {
        self.network.queue_delay(self.now, from.0, to.0)
    }

    /// BLAKE3 over time, source, destination and bytes of each datagram that was delivered.
    pub fn trace_hash(&self) -> [u8; 32] {
        self.network.trace_hash()
    }

    /// Lets everything happen that happens at the next moment at which something does, but not after `until`. Whether there was one.
    pub fn step(&mut self, until: Time) -> bool {
        self.flush();
        let Some(next) = self.next().filter(|&next| next <= until) else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        while let Some((from, to, mut datagram)) = self.network.arrival(now) {
            let node = &mut self.nodes[to];
            if node.paused_until > now {
                self.network.hold(node.paused_until, from, to, datagram);
                continue;
            }
            self.network.deliver(now, from, to, &datagram);
            node.endpoint.handle(now, from, &mut datagram);
            self.network.give_back(datagram);
        }
        for node in &mut self.nodes {
            if node.paused_until <= now {
                node.endpoint.handle_timeout(now);
            }
        }
        self.flush();
        true
    }

    /// Runs until `until`.
    pub fn run_until(&mut self, until: Time) {
        while self.step(until) {}
    }

    /// Runs for a while.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    fn next(&self) -> Option<Time> {
        let timers = self.nodes.iter().filter_map(|node| {
            let at = node.endpoint.poll_timeout()?;
            Some(at.max(node.paused_until))
        });
        timers.chain(self.network.next()).min()
    }

    fn flush(&mut self) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if node.paused_until > self.now {
                continue;
            }
            while let Some(transmit) = node.endpoint.poll_transmit(self.now, &mut self.buffer) {
                self.network
                    .send(self.now, index, transmit.to, &self.buffer[..transmit.len]);
            }
        }
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim")
            .field("now", &self.now)
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}
