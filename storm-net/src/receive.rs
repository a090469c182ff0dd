//! Messages on their way in: order, repeats, reassembly, credit, and what waits for the application.
//!
//! Invariants:
//! 1. A reliable id below `base` is done; `slots` has the state of those from `base` on, at most [`WINDOW`] of them.
//! 2. `unreliable_bytes` counts every buffered byte of unreliable channels, ready or in reassembly, and stays below its limit.
//! 3. `received` counts each reliable byte once (with skipped ones), and never passes `granted`.
//! 4. A buffer is in one slot, one assembly or one ready message.

use std::collections::VecDeque;

use crate::config::{Mode, TransportConfig};
use crate::frame::{MESSAGE_COST, MessageFrame};
use crate::pool::{Buffer, FRAGMENT, Pool};
use crate::send::WINDOW;

/// Unreliable messages under reassembly at a time; the oldest makes room.
const ASSEMBLIES_MAX: usize = 16;

/// Why a peer's frame closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    Protocol,
    OverCredit,
}

#[derive(Debug)]
enum Body {
    Whole(Buffer),
    /// Number of a complete assembly.
    Fragments(u32),
}

#[derive(Debug)]
enum Slot {
    Missing,
    Assembling(u32),
    /// Complete, waiting for earlier ones.
    Held(Body),
    /// Delivered, or will not come.
    Done,
}

#[derive(Debug, Default)]
struct Assembly {
    buffers: Vec<Buffer>,
    present: u16,
    bytes: usize,
    /// Reliable: counted against the credit, ahead of arrival, so that what it can grow to is paid for.
    charged: u64,
    channel: u8,
    id: u64,
    /// Counts assemblies, to find the oldest.
    age: u64,
    in_use: bool,
}

#[derive(Debug)]
struct Channel {
    mode: Mode,
    base: u64,
    slots: VecDeque<Slot>,
    /// Unreliable: the highest id seen. Sequenced: one more than the last delivered is `base`.
    highest: u64,
}

#[derive(Debug)]
struct Ready {
    channel: u8,
    body: Body,
}

#[derive(Debug)]
pub(crate) struct Receiver {
    channels: Vec<Channel>,
    assemblies: Vec<Assembly>,
    free: Vec<u32>,
    /// Assemblies of unreliable channels.
    unreliable_assemblies: usize,
    ages: u64,
    ready: VecDeque<Ready>,
    lent: Buffer,
    scratch: Vec<u8>,
    message_bytes_max: usize,
    unreliable_bytes: usize,
    unreliable_bytes_max: usize,
    received: u64,
    taken: u64,
    granted: u64,
    reliable_bytes_max: u64,
    pub(crate) dropped: u64,
    /// Reliable pieces that arrived for the first time.
    pub(crate) pieces: u64,
}

impl Receiver {
    pub(crate) fn new(config: &TransportConfig) -> Self {
        let channels = config.channels.iter().map(|channel| Channel {
            mode: channel.mode,
            base: 0,
            slots: VecDeque::new(),
            highest: 0,
        });
        Self {
            channels: channels.collect(),
            assemblies: Vec::new(),
            free: Vec::new(),
            unreliable_assemblies: 0,
            ages: 0,
            ready: VecDeque::new(),
            lent: Buffer::EMPTY,
            scratch: Vec::new(),
            message_bytes_max: config.message_bytes_max,
            unreliable_bytes: 0,
            unreliable_bytes_max: config.receive_unreliable_bytes_max,
            received: 0,
            taken: 0,
            granted: config.receive_reliable_bytes_max,
            reliable_bytes_max: config.receive_reliable_bytes_max,
            dropped: 0,
            pieces: 0,
        }
    }

    /// A message frame. Its channel exists: the decoder has checked.
    pub(crate) fn on_message(
        &mut self,
        pool: &mut Pool,
        frame: &MessageFrame<'_>,
    ) -> Result<(), Violation> {
        if let Some((_, count)) = frame.fragment
            && (usize::from(count) - 1) * FRAGMENT >= self.message_bytes_max
        {
            return Err(Violation::Protocol);
        }
        match self.channels[usize::from(frame.channel)].mode {
            Mode::Unreliable | Mode::Sequenced => {
                self.on_unreliable(pool, frame);
                Ok(())
            }
            _ => self.on_reliable(pool, frame),
        }
    }

    fn on_unreliable(&mut self, pool: &mut Pool, frame: &MessageFrame<'_>) {
        if self.unreliable_bytes + frame.bytes.len() + MESSAGE_COST as usize
            > self.unreliable_bytes_max
        {
            self.dropped += 1;
            return;
        }
        let place = &mut self.channels[usize::from(frame.channel)];
        let sequenced = place.mode == Mode::Sequenced;
        let mut id = 0;
        if sequenced || frame.fragment.is_some() {
            let ahead = frame.id.wrapping_sub(place.highest as u32) as i32;
            let Some(full) = place.highest.checked_add_signed(ahead.into()) else {
                self.dropped += 1;
                return;
            };
            id = full;
            place.highest = place.highest.max(id);
        }
        if sequenced && id < place.base {
            self.dropped += 1;
            return;
        }
        let body = match frame.fragment {
            None => {
                self.unreliable_bytes += MESSAGE_COST as usize;
                Body::Whole(pool.store(frame.bytes))
            }
            Some((index, count)) => {
                let known = self.assemblies.iter().position(|assembly| {
                    assembly.in_use && assembly.channel == frame.channel && assembly.id == id
                });
                let number = known.map_or_else(
                    || {
                        self.make_room(pool);
                        self.unreliable_assemblies += 1;
                        self.unreliable_bytes += MESSAGE_COST as usize;
                        self.begin(frame.channel, id, count)
                    },
                    |number| number as u32,
                );
                let assembly = &mut self.assemblies[number as usize];
                if assembly.buffers.len() != usize::from(count)
                    || assembly.buffers[usize::from(index)] != Buffer::EMPTY
                {
                    self.dropped += 1;
                    return;
                }
                assembly.buffers[usize::from(index)] = pool.store(frame.bytes);
                assembly.present += 1;
                assembly.bytes += frame.bytes.len();
                if assembly.present < count {
                    self.unreliable_bytes += frame.bytes.len();
                    return;
                }
                self.unreliable_assemblies -= 1;
                // It no longer answers to its id.
                assembly.id = u64::MAX;
                Body::Fragments(number)
            }
        };
        self.unreliable_bytes += frame.bytes.len();
        if sequenced {
            self.channels[usize::from(frame.channel)].base = id + 1;
        }
        self.deliver(frame.channel, body);
    }

    /// Lets the oldest unreliable assembly go if there are too many.
    fn make_room(&mut self, pool: &mut Pool) {
        if self.unreliable_assemblies < ASSEMBLIES_MAX {
            return;
        }
        let channels = &self.channels;
        let oldest = (0..self.assemblies.len())
            .filter(|&number| {
                let assembly = &self.assemblies[number];
                assembly.in_use
                    && assembly.id != u64::MAX
                    && !channels[usize::from(assembly.channel)].mode.is_reliable()
            })
            .min_by_key(|&number| self.assemblies[number].age);
        if let Some(number) = oldest {
            self.unreliable_bytes -= self.assemblies[number].bytes + MESSAGE_COST as usize;
            self.unreliable_assemblies -= 1;
            self.dropped += 1;
            self.end(pool, number as u32);
        }
    }

    fn begin(&mut self, channel: u8, id: u64, count: u16) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.assemblies.push(Assembly::default());
            self.free.reserve(self.assemblies.len());
            (self.assemblies.len() - 1) as u32
        });
        self.ages += 1;
        let assembly = &mut self.assemblies[number as usize];
        assembly.buffers.resize_with(count.into(), || Buffer::EMPTY);
        assembly.present = 0;
        assembly.bytes = 0;
        assembly.charged = 0;
        assembly.channel = channel;
        assembly.id = id;
        assembly.age = self.ages;
        assembly.in_use = true;
        number
    }

    /// Frees an assembly and its buffers.
    fn end(&mut self, pool: &mut Pool, number: u32) {
        let assembly = &mut self.assemblies[number as usize];
        assembly.in_use = false;
        for buffer in assembly.buffers.drain(..) {
            pool.free(buffer);
        }
        self.free.push(number);
    }

    fn deliver(&mut self, channel: u8, body: Body) {
        self.ready.push_back(Ready { channel, body });
    }

    /// The slot of a reliable id, `None` if it is done.
    fn slot(&mut self, channel: u8, id: u16) -> Result<Option<usize>, Violation> {
        let place = &mut self.channels[usize::from(channel)];
        let ahead = id.wrapping_sub(place.base as u16) as i16;
        let Ok(ahead) = usize::try_from(ahead) else {
            return Ok(None);
        };
        if ahead as u64 >= WINDOW {
            return Err(Violation::Protocol);
        }
        while place.slots.len() <= ahead {
            place.slots.push_back(Slot::Missing);
        }
        Ok(match place.slots[ahead] {
            Slot::Missing | Slot::Assembling(_) => Some(ahead),
            Slot::Held(_) | Slot::Done => None,
        })
    }

    fn count(&mut self, bytes: u64) -> Result<(), Violation> {
        self.received = self.received.saturating_add(bytes);
        if self.received > self.granted {
            Err(Violation::OverCredit)
        } else {
            Ok(())
        }
    }

    fn on_reliable(&mut self, pool: &mut Pool, frame: &MessageFrame<'_>) -> Result<(), Violation> {
        let Some(at) = self.slot(frame.channel, frame.id as u16)? else {
            return Ok(());
        };
        let channel = usize::from(frame.channel);
        let body = match frame.fragment {
            None => {
                if matches!(self.channels[channel].slots[at], Slot::Assembling(_)) {
                    return Err(Violation::Protocol);
                }
                self.count(frame.bytes.len() as u64 + MESSAGE_COST)?;
                self.pieces += 1;
                Body::Whole(pool.store(frame.bytes))
            }
            Some((index, count)) => {
                let number = match self.channels[channel].slots[at] {
                    Slot::Assembling(number) => number,
                    _ => {
                        let least = (u64::from(count) - 1) * FRAGMENT as u64 + 1 + MESSAGE_COST;
                        self.count(least)?;
                        let id = self.channels[channel].base + at as u64;
                        let number = self.begin(frame.channel, id, count);
                        self.assemblies[number as usize].charged = least;
                        self.channels[channel].slots[at] = Slot::Assembling(number);
                        number
                    }
                };
                let assembly = &self.assemblies[number as usize];
                if assembly.buffers.len() != usize::from(count) {
                    return Err(Violation::Protocol);
                }
                if assembly.buffers[usize::from(index)] != Buffer::EMPTY {
                    return Ok(());
                }
                let more = if index + 1 == count {
                    frame.bytes.len() as u64 - 1
                } else {
                    0
                };
                self.count(more)?;
                let assembly = &mut self.assemblies[number as usize];
                assembly.charged += more;
                self.pieces += 1;
                assembly.buffers[usize::from(index)] = pool.store(frame.bytes);
                assembly.present += 1;
                assembly.bytes += frame.bytes.len();
                if assembly.present < count {
                    return Ok(());
                }
                Body::Fragments(number)
            }
        };
        if self.channels[channel].mode.is_ordered() {
            self.channels[channel].slots[at] = Slot::Held(body);
        } else {
            self.channels[channel].slots[at] = Slot::Done;
            self.deliver(frame.channel, body);
        }
        self.advance(frame.channel);
        Ok(())
    }

    /// A message that will not come, of `bytes`.
    pub(crate) fn on_skip(
        &mut self,
        pool: &mut Pool,
        channel: u8,
        id: u16,
        bytes: u64,
    ) -> Result<(), Violation> {
        let Some(at) = self.slot(channel, id)? else {
            return Ok(());
        };
        let place = &mut self.channels[usize::from(channel)];
        let mut had = 0;
        if let Slot::Assembling(number) = std::mem::replace(&mut place.slots[at], Slot::Done) {
            had = self.assemblies[number as usize].charged;
            self.end(pool, number);
        }
        let cost = bytes.saturating_add(MESSAGE_COST);
        let missing = cost.checked_sub(had).ok_or(Violation::Protocol)?;
        self.count(missing)?;
        self.taken += cost;
        self.advance(channel);
        Ok(())
    }

    /// Moves over slots that are done, and delivers those that waited for it.
    fn advance(&mut self, channel: u8) {
        loop {
            let place = &mut self.channels[usize::from(channel)];
            match place.slots.front() {
                Some(Slot::Done | Slot::Held(_)) => {}
                _ => return,
            }
            place.base += 1;
            if let Some(Slot::Held(body)) = place.slots.pop_front() {
                self.deliver(channel, body);
            }
        }
    }

    /// Moves on to the next message: its channel. [`Self::lent`] has the bytes, until the next call.
    pub(crate) fn take(&mut self, pool: &mut Pool) -> Option<u8> {
        pool.free(std::mem::replace(&mut self.lent, Buffer::EMPTY));
        self.scratch.clear();
        let Ready { channel, body } = self.ready.pop_front()?;
        match body {
            Body::Whole(buffer) => self.lent = buffer,
            Body::Fragments(number) => {
                for buffer in &self.assemblies[number as usize].buffers {
                    self.scratch.extend_from_slice(pool.bytes(buffer));
                }
                self.end(pool, number);
            }
        }
        let cost = self.lent(pool).len() as u64 + MESSAGE_COST;
        if self.channels[usize::from(channel)].mode.is_reliable() {
            self.taken += cost;
        } else {
            self.unreliable_bytes -= cost as usize;
        }
        Some(channel)
    }

    pub(crate) fn lent<'a>(&'a self, pool: &'a Pool) -> &'a [u8] {
        // Messages of several fragments are never empty.
        if self.scratch.is_empty() {
            pool.bytes(&self.lent)
        } else {
            &self.scratch
        }
    }

    /// Messages that are ready.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// What may be granted in all now, if that is worth a frame.
    pub(crate) fn credit_due(&self) -> Option<u64> {
        let grant = self.taken + self.reliable_bytes_max;
        (grant - self.granted >= self.reliable_bytes_max / 4).then_some(grant)
    }

    pub(crate) fn grant(&mut self, credit: u64) {
        self.granted = self.granted.max(credit);
    }

    pub(crate) fn granted(&self) -> u64 {
        self.granted
    }

    /// Gives all buffers back, but those of messages that are ready.
    pub(crate) fn clear_unfinished(&mut self, pool: &mut Pool) {
        for channel in &mut self.channels {
            for slot in channel.slots.drain(..) {
                if let Slot::Held(Body::Whole(buffer)) = slot {
                    pool.free(buffer);
                }
            }
        }
        for number in 0..self.assemblies.len() {
            let held = self.ready.iter().any(
                |ready| matches!(ready.body, Body::Fragments(ready) if ready as usize == number),
            );
            if self.assemblies[number].in_use && !held {
                self.end(pool, number as u32);
            }
        }
    }

    /// Gives everything back.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        while self.take(pool).is_some() {}
        self.clear_unfinished(pool);
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.channels.capacity() * size_of::<Channel>()
            + self
                .channels
                .iter()
                .map(|channel| channel.slots.capacity() * size_of::<Slot>())
                .sum::<usize>()
            + self.assemblies.capacity() * size_of::<Assembly>()
            + self
                .assemblies
                .iter()
                .map(|assembly| assembly.buffers.capacity() * size_of::<Buffer>())
                .sum::<usize>()
            + self.free.capacity() * 4
            + self.ready.capacity() * size_of::<Ready>()
            + self.scratch.capacity()
    }
}
