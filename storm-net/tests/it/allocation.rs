//! Steady state allocates nothing: counted for this thread by an allocator of the test binary.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use storm_net::sim::{Link, Pair};
use storm_net::{Congestion, Endpoint, Time, TransportConfig};

use crate::support::{ORDERED, SEQUENCED, STREAM, UNORDERED, UNRELIABLE, message, ms, transport};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[expect(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; it only counts and passes on"
)]
// SAFETY: every call is passed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc`, that is from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as for `dealloc`; the size is the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

/// Two endpoints without a network: what one sends the other gets at once; every eighth datagram is lost.
struct Wire {
    pair: Pair,
    now: Time,
    buffer: Vec<u8>,
    count: u64,
}

impl Wire {
    fn carry(&mut self, lossy: bool) {
        let (client, server) = (
            self.pair.sim.address(self.pair.client),
            self.pair.sim.address(self.pair.server),
        );
        for _ in 0..4 {
            for (from, to, source) in [
                (self.pair.client, self.pair.server, client),
                (self.pair.server, self.pair.client, server),
            ] {
                while let Some(out) = self
                    .pair
                    .sim
                    .endpoint(from)
                    .poll_transmit(self.now, &mut self.buffer)
                {
                    self.count += 1;
                    if !lossy || !self.count.is_multiple_of(8) {
                        self.pair.sim.endpoint(to).handle(
                            self.now,
                            source,
                            &mut self.buffer[..out.len],
                        );
                    }
                }
            }
        }
        self.now = self.now + ms(5);
        for node in [self.pair.client, self.pair.server] {
            self.pair.sim.endpoint(node).handle_timeout(self.now);
        }
    }

    fn tick(&mut self, number: u64, payload: &[u8], lossy: bool) {
        let now = self.now;
        let _ = number;
        for (node, connection) in [
            (self.pair.client, self.pair.client_connection),
            (self.pair.server, self.pair.server_connection),
        ] {
            let endpoint: &mut Endpoint = self.pair.sim.endpoint(node);
            for channel in [UNRELIABLE, SEQUENCED, UNORDERED, ORDERED, STREAM] {
                endpoint
                    .send(now, connection, channel, &payload[..64])
                    .unwrap();
            }
            endpoint.send(now, connection, ORDERED, payload).unwrap();
        }
        self.carry(lossy);
        for (node, connection) in [
            (self.pair.client, self.pair.client_connection),
            (self.pair.server, self.pair.server_connection),
        ] {
            let endpoint = self.pair.sim.endpoint(node);
            while let Some(received) = endpoint.recv(connection) {
                assert!(!received.bytes.is_empty());
            }
            while endpoint.poll_event().is_some() {}
        }
    }
}

fn steady(lossy: bool) -> u64 {
    let config = TransportConfig {
        congestion: Congestion::Fixed(10_000_000),
        ..transport()
    };
    let pair = Pair::connected(1, config, Link::default()).unwrap();
    let now = pair.now();
    let mut wire = Wire {
        pair,
        now,
        buffer: vec![0; 2000],
        count: 0,
    };
    let payload = message(1, 3000);
    for number in 0..3000 {
        wire.tick(number, &payload, lossy);
    }
    allocations(|| {
        for number in 0..3000 {
            wire.tick(number, &payload, lossy);
        }
    })
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(5)))), 1);
}

#[test]
fn nothing_is_allocated_in_steady_state() {
    assert_eq!(steady(false), 0);
}

#[test]
fn nothing_is_allocated_in_steady_state_over_a_lossy_link() {
    assert_eq!(steady(true), 0);
}
