//! One established connection: packets in and out, acknowledgements, loss, probes, paths, keys, closing.
//!
//! The endpoint routes datagrams here and asks for packets; time and buffers are arguments. Nothing changes before a packet is
//! authentic and new ([`Connection::handle`]).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::Time;
use crate::codec::{Reader, Writer};
use crate::config::{Mode, TransportConfig};
use crate::congestion::{Controller, Snapshot};
use crate::frame::{self, Frame};
use crate::keys::{Keys, TAG};
use crate::mtu::Mtu;
use crate::pacer::Pacer;
use crate::packet::{self, DataHeader, Parameters};
use crate::pool::Pool;
use crate::random::Random;
use crate::ranges::{AckRanges, ReplayWindow};
use crate::receive::{Receiver, Violation};
use crate::rtt::Rtt;
use crate::send::{PieceRef, Sender};
use crate::stats::ConnectionStats;
use crate::time::micros;

/// Packets that may be remembered as sent; no data goes out above that.
const SENT_MAX: usize = 1 << 16;
const THRESHOLD: u64 = 3;
const THRESHOLD_MAX: u64 = 64;
/// Probe timeouts double this often at most.
const BACKOFF_MAX: u32 = 2;
/// What an unvalidated path may be sent, as a multiple of what came from it.
const AMPLIFICATION: u64 = 3;
/// Less room than this is no room: header, tag and all control frames at once.
const DATAGRAM_LEAST: usize = packet::HEADER_MAX + TAG + 64;
/// An ended connection keeps its slot for so long at most, microseconds.
const LINGER_MAX: u64 = 5_000_000;
/// Tries of a path challenge before the old path is taken again.
const CHALLENGES: u8 = 3;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side called `close`.
    Local,
    /// The peer closed, with its code and reason. Codes below 256 are the protocol's (docs/net-wire.md).
    Peer {
        /// The code.
        code: u64,
        /// The reason, at most 255 bytes.
        reason: String,
    },
    /// Nothing arrived for the idle timeout.
    TimedOut,
    /// The peer broke the protocol; the code it was told.
    Violation {
        /// The code.
        code: u64,
    },
    /// The handshake was not answered in time.
    NoAnswer,
    /// The server refused, with its reason.
    Refused(Refusal),
    /// The server speaks none of our versions.
    Version,
}

/// Why a server refuses a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// All connections are in use.
    Full,
    /// The token has expired.
    Expired,
    /// The token was used before.
    Used,
    /// The channel tables differ.
    Channels,
    /// The token is for another application or server.
    Elsewhere,
    /// The token's signature is not the issuer's, or it belongs to another client.
    Token,
    /// A number this version does not know.
    Other(u16),
}

impl Refusal {
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Full => 1,
            Self::Expired => 2,
            Self::Used => 3,
            Self::Channels => 4,
            Self::Elsewhere => 5,
            Self::Token => 6,
            Self::Other(code) => code,
        }
    }

    pub(crate) const fn from_code(code: u16) -> Self {
        match code {
            1 => Self::Full,
            2 => Self::Expired,
            3 => Self::Used,
            4 => Self::Channels,
            5 => Self::Elsewhere,
            6 => Self::Token,
            other => Self::Other(other),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    InFlight,
    Acked,
    Lost,
    /// Nothing in it wants to be acknowledged.
    Quiet,
}

#[derive(Debug)]
struct SentPacket {
    at: Time,
    size: u16,
    records: u16,
    fate: Fate,
    snapshot: Snapshot,
}

/// What a sent packet held that somebody wants to know the fate of.
#[derive(Clone, Copy, Debug)]
enum Record {
    Piece(PieceRef),
    /// Acknowledged numbers up to this.
    Ack(u64),
    Credit,
}

enum State {
    Open,
    /// We closed: the packet to say so, again for what still arrives.
    Closing {
        code: u64,
        until: Time,
        say: bool,
        said: Time,
    },
    /// The peer closed, or nobody answers: nothing more is sent.
    Draining {
        until: Time,
    },
}

pub(crate) struct Connection {
    config: Arc<TransportConfig>,
    modes: Arc<[Mode]>,
    side: Side,
    state: State,
    reason: [u8; frame::REASON_MAX],
    reason_len: usize,
    /// To be told to the application once.
    pub(crate) ended: Option<CloseReason>,
    pub(crate) peer_id: u32,
    pub(crate) remote: SocketAddr,
    peer_ack_delay: u64,
    idle_timeout: u64,
    keys: Keys,

    // Path.
    validated: bool,
    path_received: u64,
    path_sent: u64,
    challenge: Option<[u8; 8]>,
    challenge_due: bool,
    challenge_timer: Time,
    challenges: u8,
    previous: Option<SocketAddr>,
    response: Option<([u8; 8], SocketAddr)>,

    // Sending.
    pub(crate) sender: Sender,
    next_number: u64,
    sent: VecDeque<SentPacket>,
    records: VecDeque<Record>,
    largest_acked: Option<u64>,
    in_flight: u64,
    in_flight_packets: usize,
    last_eliciting: Time,
    /// When acknowledgements last came nearer to what is in flight, or a probe was made. Not the last packet sent: whoever talks all the
    /// time would never probe.
    progress: Time,
    loss_timer: Time,
    probe_count: u32,
    probes: u8,
    threshold: u64,
    ping: bool,
    credit: bool,
    blocked_until: Time,

    // Receiving.
    pub(crate) receiver: Receiver,
    window: ReplayWindow,
    ranges: AckRanges,
    largest_at: Time,
    unacked: u32,
    ack_timer: Time,
    last_received: Time,
    confirmed: bool,

    rtt: Rtt,
    control: Controller,
    pacer: Pacer,
    mtu: Mtu,
    counts: ConnectionStats,
}

impl Connection {
    #[expect(
        clippy::too_many_arguments,
        reason = "called from two places, each argument from another source"
    )]
    pub(crate) fn new(
        config: Arc<TransportConfig>,
        modes: Arc<[Mode]>,
        side: Side,
        now: Time,
        remote: SocketAddr,
        peer_id: u32,
        peer: &Parameters,
        keys: Keys,
    ) -> Self {
        let mut sender = Sender::new(&config);
        sender.set_peer(peer.credit, peer.message_bytes_max as usize);
        let idle = micros(config.idle_timeout);
        Self {
            sender,
            receiver: Receiver::new(&config),
            side,
            state: State::Open,
            reason: [0; frame::REASON_MAX],
            reason_len: 0,
            ended: None,
            peer_id,
            remote,
            peer_ack_delay: u64::from(peer.ack_delay_ms) * 1000,
            idle_timeout: idle
                .min(u64::from(peer.idle_timeout_ms).saturating_mul(1000))
                .max(100_000),
            keys,
            validated: true,
            path_received: 0,
            path_sent: 0,
            challenge: None,
            challenge_due: false,
            challenge_timer: Time::NEVER,
            challenges: 0,
            previous: None,
            response: None,
            next_number: 0,
            sent: VecDeque::new(),
            records: VecDeque::new(),
            largest_acked: None,
            in_flight: 0,
            in_flight_packets: 0,
            last_eliciting: now,
            progress: now,
            loss_timer: Time::NEVER,
            probe_count: 0,
            probes: 0,
            threshold: THRESHOLD,
            // The first packet confirms the keys to the server.
            ping: side == Side::Client,
            credit: false,
            blocked_until: Time::NEVER,
            window: ReplayWindow::new(),
            ranges: AckRanges::new(),
            largest_at: now,
            unacked: 0,
            ack_timer: Time::NEVER,
            last_received: now,
            confirmed: false,
            rtt: Rtt::new(),
            control: Controller::new(config.congestion),
            pacer: Pacer::full(2400),
            mtu: Mtu::new(config.datagram_bytes_max.min(peer.datagram_bytes_max)),
            counts: ConnectionStats::default(),
            modes,
            config,
        }
    }

    /// The client's address is not proven: `received` bytes came from it, `sent` went to it.
    pub(crate) fn set_unvalidated(&mut self, received: usize, sent: usize) {
        self.validated = false;
        self.path_received = received as u64;
        self.path_sent = sent as u64;
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// The peer has shown that it has the keys.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// When the slot may be given up, if the end has come.
    pub(crate) fn gone_at(&self) -> Option<Time> {
        match self.state {
            State::Open => None,
            State::Closing { until, .. } | State::Draining { until } => Some(until),
        }
    }

    fn pto(&self) -> u64 {
        self.rtt.pto(self.peer_ack_delay)
    }

    /// How long a connection that has ended keeps its slot: three probe timeouts, but not as long as a bloated queue would have it.
    fn linger(&self, now: Time) -> Time {
        now.after((3 * self.pto()).min(LINGER_MAX))
    }

    // ---- receiving ------------------------------------------------------------------------------------------

    /// A data packet for this connection. Whether it was authentic and new.
    pub(crate) fn handle(
        &mut self,
        pool: &mut Pool,
        random: &mut Random,
        now: Time,
        from: SocketAddr,
        header: &DataHeader,
        datagram: &mut [u8],
    ) -> bool {
        if self.side == Side::Client && from != self.remote {
            self.counts.dropped_packets += 1;
            return false;
        }
        let largest = self.window.largest();
        let number = header.expand(largest);
        let fresh = number < 1 << 62 && self.window.is_new(number);
        let opened = if fresh {
            self.open(now, header, number, datagram)
        } else {
            None
        };
        let Some(len) = opened else {
            self.counts.dropped_packets += 1;
            return false;
        };
        let newest = largest.is_none_or(|largest| number > largest);
        let gap = number != largest.map_or(0, |largest| largest + 1);
        self.window.accept(number);
        self.counts.received_packets += 1;
        self.counts.received_bytes += datagram.len() as u64;
        self.last_received = now;
        if !self.confirmed {
            self.confirmed = true;
            // Only the owner of the address can have had our Response.
            if from == self.remote {
                self.validated = true;
            }
        }
        match &mut self.state {
            State::Open => {}
            State::Closing { say, said, .. } => {
                *say |= now.micros_since(*said) >= self.rtt.smoothed;
                return true;
            }
            State::Draining { .. } => return true,
        }
        if from != self.remote {
            if self.side == Side::Server && newest {
                self.migrate(random, now, from, datagram.len());
            }
        } else if !self.validated {
            self.path_received += datagram.len() as u64;
        }
        let start = header.len();
        self.frames(
            pool,
            now,
            from,
            number,
            (newest, gap),
            &datagram[start..start + len],
        );
        true
    }

    fn open(
        &mut self,
        now: Time,
        header: &DataHeader,
        number: u64,
        datagram: &mut [u8],
    ) -> Option<usize> {
        let keep = now.after(3 * self.pto());
        let opened = self
            .keys
            .open(now, keep, header.phase, number, header.len(), datagram);
        if self.keys.exhausted() {
            self.violate(now, 5);
        }
        opened
    }

    fn migrate(&mut self, random: &mut Random, now: Time, from: SocketAddr, bytes: usize) {
        let back = self.previous == Some(from);
        if self.validated {
            self.previous = Some(self.remote);
        }
        if from.ip() != self.remote.ip() {
            self.control.reset();
            self.mtu.reset();
        }
        self.remote = from;
        self.path_received = bytes as u64;
        self.path_sent = 0;
        self.validated = back;
        if back {
            self.previous = None;
            self.challenge = None;
            self.challenge_timer = Time::NEVER;
            return;
        }
        self.challenge = Some(random.array());
        self.challenge_due = true;
        self.challenges = 0;
        self.challenge_timer = now.after(self.pto());
    }

    fn frames(
        &mut self,
        pool: &mut Pool,
        now: Time,
        from: SocketAddr,
        number: u64,
        (newest, gap): (bool, bool),
        payload: &[u8],
    ) {
        let (mut reader, modes) = (Reader::new(payload), Arc::clone(&self.modes));
        let mut wants_ack = false;
        loop {
            let frame = match frame::decode(&mut reader, &modes) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(frame::Malformed) => return self.violate(now, 1),
            };
            wants_ack |= frame.wants_ack();
            let result = match frame {
                Frame::Ping => Ok(()),
                Frame::Ack(ack) => self.on_ack(pool, now, &ack),
                Frame::Credit(credit) => {
                    self.sender.raise_credit(credit);
                    Ok(())
                }
                Frame::Challenge(data) => {
                    self.response = Some((data, from));
                    Ok(())
                }
                Frame::Response(data) => {
                    self.on_response(from, data);
                    Ok(())
                }
                Frame::Close { code, reason } => {
                    let reason = String::from_utf8_lossy(reason).into_owned();
                    self.ended = Some(CloseReason::Peer { code, reason });
                    self.state = State::Draining {
                        until: self.linger(now),
                    };
                    return;
                }
                Frame::Skip { channel, id, bytes } => {
                    self.receiver.on_skip(pool, channel, id, bytes)
                }
                Frame::Message(message) => self.receiver.on_message(pool, &message),
            };
            match result {
                Ok(()) => {}
                Err(Violation::Protocol) => return self.violate(now, 1),
                Err(Violation::OverCredit) => return self.violate(now, 2),
            }
        }
        self.ranges.insert(number);
        if newest {
            self.largest_at = now;
        }
        if wants_ack {
            self.unacked += 1;
            // Out of order, or the second: now. Else after the delay.
            let due = if gap || self.unacked >= 2 {
                now
            } else {
                now.after(micros(self.config.ack_delay_max))
            };
            self.ack_timer = self.ack_timer.min(due);
        }
        self.credit |= self.receiver.credit_due().is_some();
    }

    fn on_response(&mut self, from: SocketAddr, data: [u8; 8]) {
        if self.challenge == Some(data) && from == self.remote {
            self.challenge = None;
            self.challenge_timer = Time::NEVER;
            self.challenge_due = false;
            self.validated = true;
            self.previous = None;
            self.counts.path_changes += 1;
        }
    }

    fn violate(&mut self, now: Time, code: u64) {
        if self.is_open() {
            self.ended = Some(CloseReason::Violation { code });
            self.begin_close(now, code, b"");
        }
    }

    /// Begins to close.
    pub(crate) fn close(&mut self, now: Time, code: u64, reason: &[u8]) {
        if self.is_open() {
            self.ended = Some(CloseReason::Local);
            self.begin_close(now, code, reason);
        }
    }

    fn begin_close(&mut self, now: Time, code: u64, reason: &[u8]) {
        self.reason_len = reason.len().min(frame::REASON_MAX);
        self.reason[..self.reason_len].copy_from_slice(&reason[..self.reason_len]);
        self.state = State::Closing {
            code,
            until: self.linger(now),
            say: true,
            said: now,
        };
    }

    // ---- acknowledgements and loss --------------------------------------------------------------------------

    fn first_sent(&self) -> u64 {
        self.next_number - self.sent.len() as u64
    }

    fn on_ack(&mut self, pool: &mut Pool, now: Time, ack: &frame::Ack) -> Result<(), Violation> {
        let largest = ack.ranges()[0].1;
        if largest >= self.next_number {
            return Err(Violation::Protocol);
        }
        let first = self.first_sent();
        let newly = self.largest_acked.is_none_or(|before| largest > before);
        let largest_sent = (newly && largest >= first)
            .then(|| &self.sent[(largest - first) as usize])
            .filter(|packet| packet.fate == Fate::InFlight)
            .map(|packet| packet.at);
        let mut any = false;
        // The records of a packet are found by walking from the front once for all ranges: ranges come newest first, so the
        // packets are visited from the back with a running index.
        let mut at_records = self.records.len();
        let mut index = self.sent.len();
        for &(from, to) in ack.ranges() {
            let Some(to) = to.checked_sub(first) else {
                break;
            };
            let from = from.saturating_sub(first);
            while index > from as usize {
                index -= 1;
                at_records -= usize::from(self.sent[index].records);
                if index as u64 <= to {
                    any |= self.on_packet_acked(pool, now, index, at_records, largest);
                }
            }
        }
        if newly {
            self.largest_acked = Some(largest);
        }
        if let Some(sent_at) = largest_sent {
            // A hostile delay is bounded by what the peer said it waits.
            self.rtt
                .sample(now, sent_at, ack.delay.min(self.peer_ack_delay));
            self.control.on_rtt(now, &self.rtt);
        }
        if any {
            self.progress = now;
            self.probe_count = 0;
            self.probes = 0;
        }
        self.detect_losses(now);
        self.retire(now);
        Ok(())
    }

    /// Whether the packet was in flight.
    fn on_packet_acked(
        &mut self,
        pool: &mut Pool,
        now: Time,
        index: usize,
        records: usize,
        largest: u64,
    ) -> bool {
        let number = self.first_sent() + index as u64;
        let packet = &mut self.sent[index];
        let (fate, size, count) = (packet.fate, packet.size, usize::from(packet.records));
        match fate {
            Fate::Acked | Fate::Quiet => {
                packet.fate = Fate::Acked;
                return false;
            }
            Fate::InFlight => {
                self.in_flight -= u64::from(size);
                self.in_flight_packets -= 1;
                self.control
                    .on_acked(now, packet.at, size.into(), &packet.snapshot);
            }
            Fate::Lost => {
                self.counts.spurious_losses += 1;
                // Reordering on this path reaches further than we waited.
                self.threshold = self.threshold.max(largest - number + 1).min(THRESHOLD_MAX);
            }
        }
        packet.fate = Fate::Acked;
        self.mtu.on_acked(number, size);
        self.keys.on_acked(number);
        for at in records..records + count {
            match self.records[at] {
                Record::Piece(piece) => self.sender.on_acked(pool, piece),
                Record::Ack(through) => self.ranges.forget_through(through),
                Record::Credit => {}
            }
        }
        fate == Fate::InFlight
    }

    fn detect_losses(&mut self, now: Time) {
        self.loss_timer = Time::NEVER;
        let Some(largest) = self.largest_acked else {
            return;
        };
        let first = self.first_sent();
        let delay = self.rtt.loss_delay();
        let mut at_records = 0;
        for index in 0..self.sent.len() {
            let number = first + index as u64;
            if number > largest {
                break;
            }
            let packet = &self.sent[index];
            let count = usize::from(packet.records);
            if packet.fate == Fate::InFlight {
                let lost_at = packet.at.after(delay);
                if largest - number >= self.threshold || now >= lost_at {
                    self.lose(now, index, at_records);
                } else {
                    self.loss_timer = self.loss_timer.min(lost_at);
                }
            }
            at_records += count;
        }
    }

    fn lose(&mut self, now: Time, index: usize, records: usize) {
        let number = self.first_sent() + index as u64;
        let packet = &mut self.sent[index];
        let (size, count) = (packet.size, usize::from(packet.records));
        packet.fate = Fate::Lost;
        self.in_flight -= u64::from(size);
        self.in_flight_packets -= 1;
        if !self.mtu.on_lost(now, number, size) {
            self.counts.lost_packets += 1;
            self.control.on_lost(size.into());
        }
        for at in records..records + count {
            match self.records[at] {
                Record::Piece(piece) => self.sender.on_lost(piece),
                Record::Ack(_) => {}
                Record::Credit => self.credit = true,
            }
        }
    }

    /// Forgets packets whose fate is known from the front. Lost ones stay a while: they may arrive after all.
    fn retire(&mut self, now: Time) {
        let patience = 3 * self.pto();
        while let Some(packet) = self.sent.front() {
            let done = match packet.fate {
                Fate::InFlight => false,
                Fate::Acked | Fate::Quiet => true,
                Fate::Lost => {
                    now.micros_since(packet.at) > patience || self.sent.len() > SENT_MAX / 2
                }
            };
            if !done {
                break;
            }
            self.records.drain(..usize::from(packet.records));
            self.sent.pop_front();
        }
    }

    // ---- time -----------------------------------------------------------------------------------------------

    fn probe_timer(&self) -> Time {
        if self.in_flight_packets == 0 || self.amplification_room() < DATAGRAM_LEAST as u64 {
            return Time::NEVER;
        }
        self.progress
            .after(self.pto() << self.probe_count.min(BACKOFF_MAX))
    }

    fn keep_alive_timer(&self) -> Time {
        match self.config.keep_alive {
            Some(every) => self
                .last_received
                .max(self.last_eliciting)
                .after(micros(every)),
            None => Time::NEVER,
        }
    }

    /// When [`Self::on_timeout`] or [`Self::poll_transmit`] has something to do, if nothing arrives before.
    pub(crate) fn timeout(&self) -> Time {
        if let Some(until) = self.gone_at() {
            return until;
        }
        let always = self
            .loss_timer
            .min(self.challenge_timer)
            .min(self.last_received.after(self.idle_timeout));
        if self.amplification_room() < DATAGRAM_LEAST as u64 {
            return always;
        }
        always
            .min(self.probe_timer())
            .min(self.ack_timer)
            .min(self.keep_alive_timer())
            .min(self.blocked_until)
    }

    pub(crate) fn on_timeout(&mut self, now: Time) {
        if !self.is_open() {
            return;
        }
        if now >= self.last_received.after(self.idle_timeout) {
            self.ended = Some(CloseReason::TimedOut);
            self.state = State::Draining {
                until: self.linger(now),
            };
            return;
        }
        if now >= self.loss_timer {
            self.detect_losses(now);
            self.retire(now);
        }
        if now >= self.probe_timer() {
            self.on_probe_timeout(now);
        }
        if now >= self.keep_alive_timer() {
            self.ping = true;
        }
        if now >= self.challenge_timer {
            self.on_challenge_timeout(now);
        }
        self.keys.expire(now);
    }

    fn on_probe_timeout(&mut self, now: Time) {
        self.probe_count += 1;
        self.probes = 2;
        self.counts.probe_timeouts += 1;
        // Counted anew from here, whether or not the probes may leave.
        self.progress = now;
        if self.probe_count >= 2 {
            self.mtu.on_probe_timeouts(now);
        }
        // What the two oldest packets held goes again.
        let (mut at_records, mut packets) = (0, 0);
        for packet in &self.sent {
            let count = usize::from(packet.records);
            if packet.fate == Fate::InFlight {
                for at in at_records..at_records + count {
                    match self.records[at] {
                        Record::Piece(piece) => self.sender.on_lost(piece),
                        Record::Ack(_) => {}
                        Record::Credit => self.credit = true,
                    }
                }
                packets += 1;
                if packets == 2 {
                    break;
                }
            }
            at_records += count;
        }
    }

    fn on_challenge_timeout(&mut self, now: Time) {
        self.challenges += 1;
        if self.challenges < CHALLENGES {
            self.challenge_due = true;
            self.challenge_timer = now.after(self.pto() << self.challenges);
            return;
        }
        self.challenge = None;
        self.challenge_due = false;
        self.challenge_timer = Time::NEVER;
        if let Some(previous) = self.previous.take() {
            self.remote = previous;
            self.validated = true;
        }
    }

    /// Asks for other keys. Whether the change began: not while the last one is unconfirmed.
    pub(crate) fn update_keys(&mut self, now: Time) -> bool {
        let keep = now.after(3 * self.pto());
        self.keys.update(keep)
    }

    // ---- sending --------------------------------------------------------------------------------------------

    /// Bytes that may go to the present address.
    fn amplification_room(&self) -> u64 {
        if self.validated {
            u64::MAX
        } else {
            (AMPLIFICATION * self.path_received).saturating_sub(self.path_sent)
        }
    }

    /// The next datagram, if one is due: its address and length.
    pub(crate) fn poll_transmit(
        &mut self,
        pool: &mut Pool,
        now: Time,
        buffer: &mut [u8],
        host_allows: bool,
    ) -> Option<(SocketAddr, usize)> {
        let room = usize::try_from(self.amplification_room()).unwrap_or(usize::MAX);
        let limit = self.mtu.current().min(buffer.len()).min(room);
        if limit < DATAGRAM_LEAST {
            return None;
        }
        match &mut self.state {
            State::Open => {}
            State::Draining { .. } => return None,
            State::Closing {
                code, say, said, ..
            } => {
                if !std::mem::take(say) {
                    return None;
                }
                *said = now;
                let (code, to) = (*code, self.remote);
                let len = self.packet(now, &mut buffer[..limit], |this, writer| {
                    let reason = &this.reason[..this.reason_len];
                    frame::put_close(writer, code, reason);
                    Contents::default()
                })?;
                return Some((to, len));
            }
        }
        // An answer goes where the question came from, alone if that is another path.
        if let Some((data, to)) = self.response
            && to != self.remote
        {
            self.response = None;
            let len = self.packet(now, &mut buffer[..limit], |_, writer| {
                frame::put_response(writer, &data);
                Contents {
                    wants_ack: true,
                    ..Contents::default()
                }
            })?;
            return Some((to, len));
        }
        let (rate, burst) = (self.control.rate(), self.control.burst());
        self.pacer.refill(now, rate, burst);
        let free = self.in_flight < self.control.window(&self.rtt) && self.sent.len() < SENT_MAX;
        let may = free && self.pacer.may_send() && host_allows;
        let probing = self.probes > 0;
        let to = self.remote;
        if may
            && self.validated
            && self.confirmed
            && let Some(size) = self.mtu.probe(now)
            && usize::from(size) <= buffer.len()
        {
            let number = self.next_number;
            let len = self.packet(now, &mut buffer[..size.into()], |_, writer| {
                frame::put_ping(writer);
                writer.zeros(writer.room());
                Contents {
                    wants_ack: true,
                    ..Contents::default()
                }
            })?;
            self.mtu.probe_sent(number, size);
            return Some((to, len));
        }
        let before = self.in_flight;
        let len = self.packet(now, &mut buffer[..limit], |this, writer| {
            let mut contents = Contents::default();
            // First what is small and has to fit; then the acknowledgement, which takes what room it finds.
            this.put_control(writer, &mut contents);
            let ack_due = now >= this.ack_timer;
            if ack_due {
                this.put_ack(now, writer);
            }
            if may || probing {
                let (sender, records) = (&mut this.sender, &mut this.records);
                let soft = this.control.packet_bytes();
                let mut pieces = 0;
                let filled = sender.fill(pool, now, writer, soft, |piece| {
                    records.push_back(Record::Piece(piece));
                    pieces += 1;
                });
                contents.records += pieces;
                contents.wants_ack |= filled;
            }
            // An acknowledgement that waits rides along; and a receiver that only acknowledges asks once in a while to be
            // acknowledged itself, so that its ranges can be forgotten.
            if contents.wants_ack && !ack_due && this.unacked > 0 {
                this.put_ack(now, writer);
            }
            let stale = this.ranges.as_slice().len() > 4
                && now.micros_since(this.last_eliciting) > this.rtt.smoothed;
            if !contents.wants_ack && (probing || ack_due && stale) {
                frame::put_ping(writer);
                contents.wants_ack = true;
            }
            contents
        });
        // What stopped us, for the timer: the pacer; else the application.
        self.blocked_until = Time::NEVER;
        if len.is_none() {
            if !self.sender.has_queued() {
                self.control.on_app_limited(self.in_flight);
            } else if free && !self.pacer.may_send() {
                self.blocked_until = self.pacer.ready_at(rate);
            }
        }
        let len = len?;
        if self.in_flight != before {
            self.probes = self.probes.saturating_sub(1);
        }
        Some((to, len))
    }

    fn put_ack(&mut self, now: Time, writer: &mut Writer<'_>) {
        let delay = now.micros_since(self.largest_at);
        if frame::put_ack(writer, &self.ranges, delay) {
            self.unacked = 0;
            self.ack_timer = Time::NEVER;
        }
    }

    fn put_control(&mut self, writer: &mut Writer<'_>, contents: &mut Contents) {
        if let Some((data, _)) = self.response.take() {
            frame::put_response(writer, &data);
            contents.wants_ack = true;
        }
        if std::mem::take(&mut self.challenge_due)
            && let Some(data) = self.challenge
        {
            frame::put_challenge(writer, &data);
            contents.wants_ack = true;
        }
        if std::mem::take(&mut self.credit) {
            let credit = self
                .receiver
                .credit_due()
                .unwrap_or(self.receiver.granted());
            self.receiver.grant(credit);
            frame::put_credit(writer, credit);
            self.records.push_back(Record::Credit);
            contents.records += 1;
            contents.wants_ack = true;
        }
        if std::mem::take(&mut self.ping) {
            frame::put_ping(writer);
            contents.wants_ack = true;
        }
    }

    /// Builds, seals and records one packet; `None` if `write` wrote nothing.
    fn packet(
        &mut self,
        now: Time,
        buffer: &mut [u8],
        write: impl FnOnce(&mut Self, &mut Writer<'_>) -> Contents,
    ) -> Option<usize> {
        if self.keys.sent_in_phase(self.next_number) >= self.config.key_update_packets {
            self.update_keys(now);
        }
        let number = self.next_number;
        let phase = self.keys.phase();
        let body = buffer.len() - TAG;
        let mut writer = Writer::new(&mut buffer[..body]);
        packet::put_header(&mut writer, phase, self.peer_id, number, self.largest_acked);
        let header = writer.len();
        let acked = self.unacked;
        let mut contents = write(self, &mut writer);
        if writer.len() == header {
            return None;
        }
        if acked > 0
            && self.unacked == 0
            && let Some(largest) = self.ranges.largest()
        {
            // Known to have been acknowledged once this packet is: forget those far enough below.
            self.records.push_back(Record::Ack(largest));
            contents.records += 1;
        }
        let len = writer.len() + TAG;
        self.keys.seal(number, header, &mut buffer[..len]);
        self.keys.on_sent(number);
        self.next_number += 1;
        let snapshot = self.control.on_sent(now, self.in_flight);
        self.sent.push_back(SentPacket {
            at: now,
            size: len as u16,
            records: contents.records,
            fate: if contents.wants_ack {
                Fate::InFlight
            } else {
                Fate::Quiet
            },
            snapshot,
        });
        if contents.wants_ack {
            if self.in_flight_packets == 0 {
                self.progress = now;
            }
            self.in_flight += len as u64;
            self.in_flight_packets += 1;
            self.last_eliciting = now;
            self.pacer.take(len);
        } else {
            self.retire(now);
        }
        if !self.validated {
            self.path_sent += len as u64;
        }
        self.counts.sent_packets += 1;
        self.counts.sent_bytes += len as u64;
        Some(len)
    }

    // ---- for the endpoint -----------------------------------------------------------------------------------

    /// The application took messages: more credit may be due.
    pub(crate) fn on_taken(&mut self) {
        self.credit |= self.receiver.credit_due().is_some();
    }

    pub(crate) fn wants_credit(&self) -> bool {
        self.credit
    }

    pub(crate) fn stats(&self) -> ConnectionStats {
        use std::time::Duration;
        ConnectionStats {
            rtt: Duration::from_micros(self.rtt.smoothed),
            rtt_min: Duration::from_micros(self.rtt.min),
            rtt_variation: Duration::from_micros(self.rtt.variation),
            rate: self.control.rate(),
            delivery_rate: self.control.delivery_rate(),
            queue_delay: Duration::from_micros(self.control.queue_delay()),
            in_flight_bytes: self.in_flight,
            datagram_bytes: self.mtu.current(),
            received_pieces: self.receiver.pieces,
            dropped_messages: self.receiver.dropped,
            mtu_black_holes: self.mtu.black_holes,
            key_updates: self.keys.updates,
            ..self.counts
        }
    }

    /// The longest that reliable data should stand still: the probe timeout.
    #[cfg(feature = "sim")]
    pub(crate) fn probe_timeout(&self) -> std::time::Duration {
        std::time::Duration::from_micros(self.pto())
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.sent.capacity() * size_of::<SentPacket>()
            + self.records.capacity() * size_of::<Record>()
            + self.sender.memory_bytes()
            + self.receiver.memory_bytes()
    }
}

/// What a packet holds, for its record.
#[derive(Default)]
struct Contents {
    wants_ack: bool,
    records: u16,
}
