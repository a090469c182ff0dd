//! Messages on their way out: queues, lanes, deadlines, credit, and what waits for an acknowledgement.
//!
//! A *piece* is what one frame carries. Pieces live in a slab and are linked by number into the waiting queue of their channel or
//! into the again queue of their lane. Invariants:
//! 1. A piece is in at most one queue; `state` says which.
//! 2. A buffer belongs to one piece and goes back to the pool when that piece is acknowledged, given up, or (unreliable) sent.
//! 3. Ids of a channel count messages in the order of their first transmission; `window` has an entry for each reliable id that is not done.
//! 4. Credit is charged for a whole message with its first piece, so that whatever was begun can be finished.

use std::collections::VecDeque;

use crate::Time;
use crate::codec::Writer;
use crate::config::{Mode, TransportConfig};
use crate::error::SendError;
use crate::frame::{self, MESSAGE_COST, MessageFrame};
use crate::pool::{Buffer, FRAGMENT, Pool};
use crate::stats::LaneStats;
use crate::time::micros;

/// Reliable ids that may be in flight on a channel.
pub(crate) const WINDOW: u64 = 4096;
/// A stream is not split for less room than this.
const SPLIT_MIN: usize = 96;
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Waiting,
    Again,
    InFlight,
    /// Acknowledged while in the again queue; freed when its turn comes.
    Dead,
}

#[derive(Debug)]
struct Piece {
    buffer: Buffer,
    id: u64,
    queued: Time,
    deadline: Time,
    next: u32,
    generation: u32,
    /// Bytes of the whole message.
    message_bytes: u32,
    index: u16,
    count: u16,
    channel: u8,
    state: State,
    /// Says that the message will not come; carries nothing.
    skip: bool,
}

impl Piece {
    fn fragment(&self) -> Option<(u16, u16)> {
        (self.count > 1).then_some((self.index, self.count))
    }
}

/// A piece as sent packets remember it. Outlives the piece: the generation tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PieceRef {
    index: u32,
    generation: u32,
}

#[derive(Clone, Copy, Debug)]
struct Queue {
    head: u32,
    tail: u32,
}

impl Queue {
    const EMPTY: Self = Self {
        head: NONE,
        tail: NONE,
    };

    fn push(&mut self, pieces: &mut [Piece], index: u32) {
        pieces[index as usize].next = NONE;
        match self.tail {
            NONE => self.head = index,
            tail => pieces[tail as usize].next = index,
        }
        self.tail = index;
    }

    fn pop(&mut self, pieces: &[Piece]) {
        self.head = pieces[self.head as usize].next;
        if self.head == NONE {
            self.tail = NONE;
        }
    }
}

/// A reliable message between first transmission and acknowledgement.
#[derive(Clone, Copy, Debug)]
struct Outstanding {
    /// Pieces not yet acknowledged.
    pieces: u16,
    given_up: bool,
}

#[derive(Debug)]
struct Channel {
    mode: Mode,
    lane: u8,
    queue_bytes_max: usize,
    deadline: u64,
    waiting: Queue,
    /// Bytes waiting, and, if reliable, not acknowledged.
    bytes: usize,
    next_id: u64,
    /// First reliable id that is not done.
    base: u64,
    window: VecDeque<Outstanding>,
}

#[derive(Debug)]
struct Lane {
    priority: u8,
    weight: u16,
    channels: Vec<u8>,
    /// Which of them has its turn.
    turn: usize,
    again: Queue,
    /// Pieces in its queues.
    pieces: usize,
    /// Bytes sent over weight, in 1/65536.
    share: u64,
    stats: LaneStats,
}

#[derive(Debug)]
pub(crate) struct Sender {
    channels: Vec<Channel>,
    lanes: Vec<Lane>,
    pieces: Vec<Piece>,
    free: u32,
    in_use: usize,
    message_bytes_max: usize,
    credit_used: u64,
    credit: u64,
    /// Reliable pieces that are neither acknowledged nor given up.
    outstanding: usize,
}

impl Sender {
    pub(crate) fn new(config: &TransportConfig) -> Self {
        let channels: Vec<_> = config
            .channels
            .iter()
            .map(|channel| Channel {
                mode: channel.mode,
                lane: channel.lane,
                queue_bytes_max: channel.queue_bytes_max,
                deadline: match channel.deadline {
                    Some(deadline) if channel.mode != Mode::Stream => micros(deadline),
                    _ => u64::MAX,
                },
                waiting: Queue::EMPTY,
                bytes: 0,
                next_id: 0,
                base: 0,
                window: VecDeque::new(),
            })
            .collect();
        let lanes = (0u8..)
            .zip(&config.lanes)
            .map(|(number, lane)| Lane {
                priority: lane.priority,
                weight: lane.weight,
                channels: (0u8..)
                    .zip(&channels)
                    .filter(|(_, channel)| channel.lane == number)
                    .map(|(index, _)| index)
                    .collect(),
                turn: 0,
                again: Queue::EMPTY,
                pieces: 0,
                share: 0,
                stats: LaneStats::default(),
            })
            .collect();
        Self {
            channels,
            lanes,
            pieces: Vec::new(),
            free: NONE,
            in_use: 0,
            message_bytes_max: config.message_bytes_max,
            credit_used: 0,
            credit: 0,
            outstanding: 0,
        }
    }

    /// What the peer said it takes.
    pub(crate) fn set_peer(&mut self, credit: u64, message_bytes_max: usize) {
        self.credit = self.credit.max(credit);
        self.message_bytes_max = self.message_bytes_max.min(message_bytes_max);
    }

    pub(crate) fn raise_credit(&mut self, credit: u64) {
        self.credit = self.credit.max(credit);
    }

    /// Takes a message.
    pub(crate) fn send(
        &mut self,
        pool: &mut Pool,
        now: Time,
        channel: u8,
        bytes: &[u8],
        deadline: Option<Time>,
    ) -> Result<(), SendError> {
        let channels = self.channels.len() as u8;
        let Some(place) = self.channels.get_mut(usize::from(channel)) else {
            return Err(SendError::NoSuchChannel { channel, channels });
        };
        let stream = place.mode == Mode::Stream;
        if !stream && bytes.len() > self.message_bytes_max {
            return Err(SendError::TooLarge {
                bytes: bytes.len(),
                limit: self.message_bytes_max,
            });
        }
        if stream && bytes.is_empty() {
            return Err(SendError::EmptyStreamWrite);
        }
        if place.bytes + bytes.len() > place.queue_bytes_max {
            return Err(SendError::QueueFull { channel });
        }
        place.bytes += bytes.len();
        let deadline = match deadline {
            Some(deadline) if !stream => deadline,
            _ => now.after(place.deadline),
        };
        let lane = usize::from(place.lane);
        if self.lanes[lane].pieces == 0 {
            self.rejoin(lane);
        }
        let count = bytes.len().div_ceil(FRAGMENT).max(1);
        self.lanes[lane].stats.queued_bytes += bytes.len() as u64;
        for index in 0..count {
            let part = &bytes[index * FRAGMENT..bytes.len().min((index + 1) * FRAGMENT)];
            let piece = Piece {
                buffer: pool.store(part),
                id: 0,
                queued: now,
                deadline,
                next: NONE,
                generation: 0,
                message_bytes: if stream { part.len() } else { bytes.len() } as u32,
                index: if stream { 0 } else { index as u16 },
                count: if stream { 1 } else { count as u16 },
                channel,
                state: State::Waiting,
                skip: false,
            };
            let index = self.insert(piece);
            self.channels[usize::from(channel)]
                .waiting
                .push(&mut self.pieces, index);
            self.lanes[lane].pieces += 1;
        }
        Ok(())
    }

    /// A lane that was idle gets no credit for that: it starts at the least share of those in use.
    fn rejoin(&mut self, lane: usize) {
        let priority = self.lanes[lane].priority;
        let least = self
            .lanes
            .iter()
            .filter(|other| other.pieces > 0 && other.priority == priority)
            .map(|other| other.share)
            .min();
        if let Some(least) = least {
            self.lanes[lane].share = self.lanes[lane].share.max(least);
        }
    }

    fn insert(&mut self, mut piece: Piece) -> u32 {
        self.in_use += 1;
        if self.free == NONE {
            self.pieces.push(piece);
            return (self.pieces.len() - 1) as u32;
        }
        let index = self.free;
        let slot = &mut self.pieces[index as usize];
        self.free = slot.next;
        piece.generation = slot.generation;
        *slot = piece;
        index
    }

    fn remove(&mut self, pool: &mut Pool, index: u32) {
        let slot = &mut self.pieces[index as usize];
        debug_assert!(slot.state != State::Free);
        slot.state = State::Free;
        slot.generation = slot.generation.wrapping_add(1);
        slot.next = self.free;
        pool.free(std::mem::replace(&mut slot.buffer, Buffer::EMPTY));
        self.free = index;
        self.in_use -= 1;
    }

    /// Whether anything is queued. It may still be held by credit or a full window.
    pub(crate) fn has_queued(&self) -> bool {
        self.lanes.iter().any(|lane| lane.pieces > 0)
    }

    /// Whether reliable pieces wait for acknowledgement or transmission.
    pub(crate) fn has_outstanding(&self) -> bool {
        self.outstanding > 0
    }

    /// Fills a packet with frames in the order of lanes, up to `soft` bytes if pieces are small enough; reports each reliable piece
    /// to `sent`. Whether anything was written.
    pub(crate) fn fill(
        &mut self,
        pool: &mut Pool,
        now: Time,
        writer: &mut Writer<'_>,
        soft: usize,
        mut sent: impl FnMut(PieceRef),
    ) -> bool {
        let mut filled = false;
        // Lanes with nothing (more) that fits this packet.
        let mut passed = 0u32;
        while writer.len() < soft
            && let Some(lane) = self.next_lane(passed)
        {
            let before = writer.len();
            let went = self.again(pool, now, lane, writer, &mut sent)
                || self.first(pool, now, lane, writer, soft, &mut sent);
            if went {
                filled = true;
                let lane = &mut self.lanes[lane];
                let bytes = (writer.len() - before) as u64;
                lane.stats.sent_bytes += bytes;
                lane.share += (bytes << 16) / u64::from(lane.weight);
            } else {
                passed |= 1 << lane;
            }
        }
        filled
    }

    fn next_lane(&self, passed: u32) -> Option<usize> {
        (0..self.lanes.len())
            .filter(|&lane| self.lanes[lane].pieces > 0 && passed & (1 << lane) == 0)
            .min_by_key(|&lane| (self.lanes[lane].priority, self.lanes[lane].share))
    }

    /// Sends one lost piece again.
    fn again(
        &mut self,
        pool: &mut Pool,
        now: Time,
        lane: usize,
        writer: &mut Writer<'_>,
        sent: &mut impl FnMut(PieceRef),
    ) -> bool {
        loop {
            let index = self.lanes[lane].again.head;
            if index == NONE {
                return false;
            }
            let piece = &self.pieces[index as usize];
            let channel = &self.channels[usize::from(piece.channel)];
            let entry = piece
                .id
                .checked_sub(channel.base)
                .and_then(|at| channel.window.get(at as usize));
            let gone = piece.state == State::Dead
                || !piece.skip && entry.is_none_or(|message| message.given_up);
            if gone {
                self.pop_again(lane);
                self.drop_reliable(pool, index);
                continue;
            }
            if !piece.skip && now >= piece.deadline {
                let (channel, id, bytes) = (piece.channel, piece.id, piece.message_bytes);
                self.skip(now, channel, id, bytes);
                continue;
            }
            if !Self::put(pool, channel.mode, piece, writer) {
                return false;
            }
            self.pop_again(lane);
            let piece = &mut self.pieces[index as usize];
            piece.state = State::InFlight;
            sent(PieceRef {
                index,
                generation: piece.generation,
            });
            self.lanes[lane].stats.resent += 1;
            return true;
        }
    }

    fn pop_again(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane];
        lane.again.pop(&self.pieces);
        lane.pieces -= 1;
    }

    /// Writes the frame of `piece` if it fits.
    fn put(pool: &Pool, mode: Mode, piece: &Piece, writer: &mut Writer<'_>) -> bool {
        if piece.skip {
            if writer.room() < frame::SKIP_LEN {
                return false;
            }
            frame::put_skip(
                writer,
                piece.channel,
                piece.id as u16,
                piece.message_bytes.into(),
            );
            return true;
        }
        let bytes = pool.bytes(&piece.buffer);
        let fragment = piece.fragment();
        if frame::message_overhead(mode, fragment, bytes.len()) + bytes.len() > writer.room() {
            return false;
        }
        let frame = MessageFrame {
            channel: piece.channel,
            id: piece.id as u32,
            fragment,
            bytes,
        };
        frame::put_message(writer, mode, &frame);
        true
    }

    /// Sends one waiting piece for the first time, from the channel of the lane whose turn it is.
    fn first(
        &mut self,
        pool: &mut Pool,
        now: Time,
        lane: usize,
        writer: &mut Writer<'_>,
        soft: usize,
        sent: &mut impl FnMut(PieceRef),
    ) -> bool {
        let count = self.lanes[lane].channels.len();
        for _ in 0..count {
            let turn = self.lanes[lane].turn;
            self.lanes[lane].turn = (turn + 1) % count;
            let channel = self.lanes[lane].channels[turn];
            if self.first_of(pool, now, lane, channel, writer, soft, sent) {
                return true;
            }
        }
        false
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the loop over channels, as a function of its own"
    )]
    fn first_of(
        &mut self,
        pool: &mut Pool,
        now: Time,
        lane: usize,
        channel: u8,
        writer: &mut Writer<'_>,
        soft: usize,
        sent: &mut impl FnMut(PieceRef),
    ) -> bool {
        self.expire(pool, now, lane, channel);
        let place = &mut self.channels[usize::from(channel)];
        let index = place.waiting.head;
        if index == NONE {
            return false;
        }
        let mode = place.mode;
        let opens = self.pieces[index as usize].index == 0;
        if mode.is_reliable() && opens {
            let bytes = u64::from(self.pieces[index as usize].message_bytes) + MESSAGE_COST;
            if place.next_id - place.base >= WINDOW || self.credit_used + bytes > self.credit {
                return false;
            }
        }
        if mode == Mode::Stream {
            self.split(pool, index, writer.room().min(soft - writer.len()));
        }
        let place = &mut self.channels[usize::from(channel)];
        let piece = &mut self.pieces[index as usize];
        piece.id = if opens {
            place.next_id
        } else {
            place.next_id - 1
        };
        if !Self::put(pool, mode, piece, writer) {
            return false;
        }
        place.waiting.pop(&self.pieces);
        let piece = &mut self.pieces[index as usize];
        let stats = &mut self.lanes[lane];
        stats.pieces -= 1;
        stats.stats.queued_bytes -= piece.buffer.len() as u64;
        let wait = now.micros_since(piece.queued);
        stats.stats.queue_time.sample(wait);
        if opens {
            place.next_id += 1;
            stats.stats.sent_messages += 1;
        }
        if !mode.is_reliable() {
            place.bytes -= piece.buffer.len();
            self.remove(pool, index);
            return true;
        }
        if opens {
            self.credit_used += u64::from(piece.message_bytes) + MESSAGE_COST;
            place.window.push_back(Outstanding {
                pieces: piece.count,
                given_up: false,
            });
        }
        self.outstanding += 1;
        piece.state = State::InFlight;
        sent(PieceRef {
            index,
            generation: piece.generation,
        });
        true
    }

    /// Drops what waits at the head of `channel` and is past its deadline.
    fn expire(&mut self, pool: &mut Pool, now: Time, lane: usize, channel: u8) {
        loop {
            let place = &mut self.channels[usize::from(channel)];
            let head = place.waiting.head;
            if head == NONE || now < self.pieces[head as usize].deadline {
                return;
            }
            let piece = &self.pieces[head as usize];
            let (opens, count, from) = (piece.index == 0, piece.count, piece.index);
            let (bytes, id) = (piece.message_bytes, place.next_id.wrapping_sub(1));
            // The rest of the message stands directly behind.
            for _ in from..count {
                let place = &mut self.channels[usize::from(channel)];
                let head = place.waiting.head;
                let len = self.pieces[head as usize].buffer.len();
                place.waiting.pop(&self.pieces);
                place.bytes -= len;
                self.lanes[lane].pieces -= 1;
                self.lanes[lane].stats.queued_bytes -= len as u64;
                self.remove(pool, head);
            }
            if !opens && self.channels[usize::from(channel)].mode.is_reliable() {
                self.skip(now, channel, id, bytes);
            } else {
                self.lanes[lane].stats.expired += 1;
            }
        }
    }

    /// Keeps as much of a waiting stream piece as fits `room`; the rest waits behind it.
    fn split(&mut self, pool: &mut Pool, index: u32, room: usize) {
        let piece = &mut self.pieces[index as usize];
        // Two bytes of length even where one would do: the cut then fits in any case.
        let fits = room.saturating_sub(frame::message_overhead(Mode::Stream, None, FRAGMENT));
        if piece.buffer.len() <= fits || fits < SPLIT_MIN {
            return;
        }
        let buffer = pool.split(&mut piece.buffer, fits);
        piece.message_bytes = fits as u32;
        let rest = Piece {
            message_bytes: buffer.len() as u32,
            buffer,
            id: 0,
            generation: 0,
            state: State::Waiting,
            skip: false,
            ..*piece
        };
        let (channel, next) = (piece.channel, piece.next);
        let rest = self.insert(rest);
        self.pieces[rest as usize].next = next;
        self.pieces[index as usize].next = rest;
        let place = &mut self.channels[usize::from(channel)];
        if place.waiting.tail == index {
            place.waiting.tail = rest;
        }
        self.lanes[usize::from(place.lane)].pieces += 1;
    }

    /// A message that was begun is past its deadline: a skip takes its place, once.
    fn skip(&mut self, now: Time, channel: u8, id: u64, bytes: u32) {
        let place = &mut self.channels[usize::from(channel)];
        let Some(at) = id.checked_sub(place.base) else {
            return;
        };
        let Some(message) = place.window.get_mut(at as usize) else {
            return;
        };
        if message.given_up || message.pieces == 0 {
            return;
        }
        *message = Outstanding {
            pieces: 1,
            given_up: true,
        };
        let lane = usize::from(place.lane);
        self.lanes[lane].stats.expired += 1;
        let index = self.insert(Piece {
            buffer: Buffer::EMPTY,
            id,
            queued: now,
            deadline: Time::NEVER,
            next: NONE,
            generation: 0,
            message_bytes: bytes,
            index: 0,
            count: 1,
            channel,
            state: State::Again,
            skip: true,
        });
        self.outstanding += 1;
        self.lanes[lane].again.push(&mut self.pieces, index);
        self.lanes[lane].pieces += 1;
    }

    fn piece(&self, reference: PieceRef) -> Option<&Piece> {
        self.pieces
            .get(reference.index as usize)
            .filter(|piece| piece.generation == reference.generation && piece.state != State::Free)
    }

    /// A packet with this piece was lost, or is probed for: it goes again unless it arrived after all.
    pub(crate) fn on_lost(&mut self, reference: PieceRef) {
        if self
            .piece(reference)
            .is_some_and(|piece| piece.state == State::InFlight)
        {
            let piece = &mut self.pieces[reference.index as usize];
            piece.state = State::Again;
            let lane = usize::from(self.channels[usize::from(piece.channel)].lane);
            if self.lanes[lane].pieces == 0 {
                self.rejoin(lane);
            }
            let lane = &mut self.lanes[lane];
            lane.again.push(&mut self.pieces, reference.index);
            lane.pieces += 1;
        }
    }

    /// A packet with this piece arrived.
    pub(crate) fn on_acked(&mut self, pool: &mut Pool, reference: PieceRef) {
        let Some(piece) = self.piece(reference) else {
            return;
        };
        let (id, skip, state, channel) = (piece.id, piece.skip, piece.state, piece.channel);
        if state == State::Dead {
            return;
        }
        let place = &mut self.channels[usize::from(channel)];
        if let Some(message) = id
            .checked_sub(place.base)
            .and_then(|at| place.window.get_mut(at as usize))
            && message.given_up == skip
        {
            message.pieces = message.pieces.saturating_sub(1);
            while place
                .window
                .front()
                .is_some_and(|message| message.pieces == 0)
            {
                place.window.pop_front();
                place.base += 1;
            }
        }
        if state == State::Again {
            self.pieces[reference.index as usize].state = State::Dead;
        } else {
            self.drop_reliable(pool, reference.index);
        }
    }

    /// Frees a reliable piece that is in no queue.
    fn drop_reliable(&mut self, pool: &mut Pool, index: u32) {
        let piece = &self.pieces[index as usize];
        let place = &mut self.channels[usize::from(piece.channel)];
        place.bytes -= piece.buffer.len();
        self.outstanding -= 1;
        self.remove(pool, index);
    }

    /// Gives all buffers back.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        for piece in &mut self.pieces {
            pool.free(std::mem::replace(&mut piece.buffer, Buffer::EMPTY));
        }
        self.pieces.clear();
        self.free = NONE;
        self.in_use = 0;
        self.outstanding = 0;
        for channel in &mut self.channels {
            channel.waiting = Queue::EMPTY;
            channel.bytes = 0;
            channel.window.clear();
        }
        for lane in &mut self.lanes {
            lane.again = Queue::EMPTY;
            lane.pieces = 0;
        }
    }

    pub(crate) fn lane_stats(&self, lane: usize) -> Option<&LaneStats> {
        self.lanes.get(lane).map(|lane| &lane.stats)
    }

    /// Bytes of `channel` that wait or are not acknowledged.
    pub(crate) fn channel_bytes(&self, channel: u8) -> usize {
        self.channels
            .get(usize::from(channel))
            .map_or(0, |channel| channel.bytes)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.pieces.capacity() * size_of::<Piece>()
            + self.channels.capacity() * size_of::<Channel>()
            + self.lanes.capacity() * size_of::<Lane>()
            + self
                .channels
                .iter()
                .map(|channel| channel.window.capacity() * size_of::<Outstanding>())
                .sum::<usize>()
    }
}
