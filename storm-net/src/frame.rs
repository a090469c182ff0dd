//! Frames: what sealed packets hold (docs/net-wire.md, "Frames"). Decoding borrows from the packet and allocates nothing.

use crate::codec::{Reader, VARINT_MAX, Writer, varint_len};
use crate::config::Mode;
use crate::pool::FRAGMENT;
use crate::ranges::{AckRanges, RANGES_MAX};

pub(crate) const PADDING: u8 = 0x00;
const PING: u8 = 0x01;
const ACK: u8 = 0x02;
const CREDIT: u8 = 0x03;
const CHALLENGE: u8 = 0x04;
const RESPONSE: u8 = 0x05;
const CLOSE: u8 = 0x06;
const SKIP: u8 = 0x07;
const MESSAGE: u8 = 0x80;
const FRAGMENTED: u8 = 0x40;

/// Fragments of the largest message.
pub(crate) const FRAGMENTS_MAX: u16 = 937;
/// What a message costs of the credit beside its bytes, so that empty ones cannot be sent without end.
pub(crate) const MESSAGE_COST: u64 = 16;
/// The longest reason of a close.
pub(crate) const REASON_MAX: usize = 255;

#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a frame lives on the stack of one loop; a box would allocate"
)]
pub(crate) enum Frame<'a> {
    Ping,
    Ack(Ack),
    Credit(u64),
    Challenge([u8; 8]),
    Response([u8; 8]),
    Close { code: u64, reason: &'a [u8] },
    Skip { channel: u8, id: u16, bytes: u64 },
    Message(MessageFrame<'a>),
}

impl Frame<'_> {
    /// Whether the packet has to be acknowledged.
    pub(crate) fn wants_ack(&self) -> bool {
        !matches!(self, Self::Ack(_) | Self::Close { .. })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    /// Microseconds.
    pub(crate) delay: u64,
    ranges: [(u64, u64); RANGES_MAX],
    count: usize,
}

impl Ack {
    /// Inclusive ranges, newest first.
    pub(crate) fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges[..self.count]
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MessageFrame<'a> {
    pub(crate) channel: u8,
    /// Low bits; how many follows from the mode.
    pub(crate) id: u32,
    /// Index and count, if it is one of several.
    pub(crate) fragment: Option<(u16, u16)>,
    pub(crate) bytes: &'a [u8],
}

/// The next frame; `Ok(None)` at the end; `Err` if it is none.
pub(crate) fn decode<'a>(
    reader: &mut Reader<'a>,
    modes: &[Mode],
) -> Result<Option<Frame<'a>>, Malformed> {
    let kind = loop {
        match reader.u8() {
            None => return Ok(None),
            Some(PADDING) => {}
            Some(kind) => break kind,
        }
    };
    body(kind, reader, modes).map(Some).ok_or(Malformed)
}

/// A frame that docs/net-wire.md does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

fn body<'a>(kind: u8, reader: &mut Reader<'a>, modes: &[Mode]) -> Option<Frame<'a>> {
    Some(match kind {
        PING => Frame::Ping,
        ACK => Frame::Ack(ack(reader)?),
        CREDIT => Frame::Credit(reader.varint()?),
        CHALLENGE => Frame::Challenge(reader.array()?),
        RESPONSE => Frame::Response(reader.array()?),
        CLOSE => {
            let code = reader.varint()?;
            let len = reader.varint()? as usize;
            if len > REASON_MAX {
                return None;
            }
            Frame::Close {
                code,
                reason: reader.bytes(len)?,
            }
        }
        SKIP => {
            let channel = reader.u8()?;
            if !modes.get(usize::from(channel))?.is_reliable() {
                return None;
            }
            Frame::Skip {
                channel,
                id: reader.u16()?,
                bytes: reader.varint()?,
            }
        }
        MESSAGE.. => Frame::Message(message(kind, reader, modes)?),
        _ => return None,
    })
}

fn ack(reader: &mut Reader<'_>) -> Option<Ack> {
    let largest = reader.varint()?;
    let delay = reader.varint()?.checked_mul(8)?;
    let further = reader.varint()? as usize;
    if further >= RANGES_MAX {
        return None;
    }
    let mut ack = Ack {
        delay,
        ranges: [(0, 0); RANGES_MAX],
        count: 1 + further,
    };
    let mut first = largest.checked_sub(reader.varint()?)?;
    ack.ranges[0] = (first, largest);
    for range in &mut ack.ranges[1..=further] {
        let last = first.checked_sub(reader.varint()?)?.checked_sub(2)?;
        first = last.checked_sub(reader.varint()?)?;
        *range = (first, last);
    }
    Some(ack)
}

fn message<'a>(kind: u8, reader: &mut Reader<'a>, modes: &[Mode]) -> Option<MessageFrame<'a>> {
    let channel = kind & 0x3F;
    let fragmented = kind & FRAGMENTED != 0;
    let mode = *modes.get(usize::from(channel))?;
    if fragmented && mode == Mode::Stream {
        return None;
    }
    let id = match id_bytes(mode, fragmented) {
        0 => 0,
        2 => reader.u16()?.into(),
        _ => reader.u32()?,
    };
    let fragment = if fragmented {
        let (index, count) = (reader.varint()?, reader.varint()?);
        if !(2..=u64::from(FRAGMENTS_MAX)).contains(&count) || index >= count {
            return None;
        }
        Some((index as u16, count as u16))
    } else {
        None
    };
    let len = usize::try_from(reader.varint()?).ok()?;
    let bytes = reader.bytes(len)?;
    let right = match fragment {
        None => len <= FRAGMENT && (len > 0 || mode != Mode::Stream),
        Some((index, count)) if index + 1 == count => (1..=FRAGMENT).contains(&len),
        Some(_) => len == FRAGMENT,
    };
    right.then_some(MessageFrame {
        channel,
        id,
        fragment,
        bytes,
    })
}

fn id_bytes(mode: Mode, fragmented: bool) -> usize {
    match mode {
        Mode::Unreliable if !fragmented => 0,
        Mode::Unreliable | Mode::Sequenced => 4,
        Mode::ReliableUnordered | Mode::ReliableOrdered | Mode::Stream => 2,
    }
}

/// Bytes of a message frame before its payload of `len` bytes.
pub(crate) fn message_overhead(mode: Mode, fragment: Option<(u16, u16)>, len: usize) -> usize {
    let counts = fragment.map_or(0, |(index, count)| {
        varint_len(index.into()) + varint_len(count.into())
    });
    1 + id_bytes(mode, fragment.is_some()) + counts + varint_len(len as u64)
}

pub(crate) fn put_message(writer: &mut Writer<'_>, mode: Mode, frame: &MessageFrame<'_>) {
    let fragmented = if frame.fragment.is_some() {
        FRAGMENTED
    } else {
        0
    };
    writer.u8(MESSAGE | fragmented | frame.channel);
    match id_bytes(mode, frame.fragment.is_some()) {
        0 => {}
        2 => writer.u16(frame.id as u16),
        _ => writer.u32(frame.id),
    }
    if let Some((index, count)) = frame.fragment {
        writer.varint(index.into());
        writer.varint(count.into());
    }
    writer.varint(frame.bytes.len() as u64);
    writer.bytes(frame.bytes);
}

/// Bytes of the largest skip.
pub(crate) const SKIP_LEN: usize = 1 + 1 + 2 + 4;

pub(crate) fn put_skip(writer: &mut Writer<'_>, channel: u8, id: u16, bytes: u64) {
    writer.u8(SKIP);
    writer.u8(channel);
    writer.u16(id);
    writer.varint(bytes);
}

/// Acknowledges as many ranges as fit, newest first. Whether anything was written; `delay` in microseconds.
pub(crate) fn put_ack(writer: &mut Writer<'_>, ranges: &AckRanges, delay: u64) -> bool {
    let ranges = ranges.as_slice();
    let Some(&(first, largest)) = ranges.first() else {
        return false;
    };
    let delay = (delay / 8).min(VARINT_MAX);
    // The count of ranges is below 64: one byte, whatever it will be.
    let head = 1 + varint_len(largest) + varint_len(delay) + 1 + varint_len(largest - first);
    if head > writer.room() {
        return false;
    }
    let (mut room, mut fits, mut lowest) = (writer.room() - head, 0, first);
    for &(first, last) in &ranges[1..] {
        let len = varint_len(lowest - last - 2) + varint_len(last - first);
        if len > room {
            break;
        }
        room -= len;
        lowest = first;
        fits += 1;
    }
    writer.u8(ACK);
    writer.varint(largest);
    writer.varint(delay);
    writer.varint(fits as u64);
    writer.varint(largest - first);
    let mut lowest = first;
    for &(first, last) in &ranges[1..=fits] {
        writer.varint(lowest - last - 2);
        writer.varint(last - first);
        lowest = first;
    }
    true
}

pub(crate) fn put_ping(writer: &mut Writer<'_>) {
    writer.u8(PING);
}

pub(crate) fn put_credit(writer: &mut Writer<'_>, bytes: u64) {
    writer.u8(CREDIT);
    writer.varint(bytes.min(VARINT_MAX));
}

pub(crate) fn put_challenge(writer: &mut Writer<'_>, data: &[u8; 8]) {
    writer.u8(CHALLENGE);
    writer.bytes(data);
}

pub(crate) fn put_response(writer: &mut Writer<'_>, data: &[u8; 8]) {
    writer.u8(RESPONSE);
    writer.bytes(data);
}

pub(crate) fn put_close(writer: &mut Writer<'_>, code: u64, reason: &[u8]) {
    writer.u8(CLOSE);
    writer.varint(code.min(VARINT_MAX));
    let len = reason
        .len()
        .min(REASON_MAX)
        .min(writer.room().saturating_sub(2));
    writer.varint(len as u64);
    writer.bytes(&reason[..len]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [Mode; 5] = [
        Mode::Unreliable,
        Mode::Sequenced,
        Mode::ReliableUnordered,
        Mode::ReliableOrdered,
        Mode::Stream,
    ];

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut buffer = [0xEE; 1500];
        let mut writer = Writer::new(&mut buffer);
        write(&mut writer);
        writer.written().to_vec()
    }

    type Case<'a> = (Option<(u16, u16)>, &'a [u8]);

    /// Decodes to `frame` whole, and to an error at every cut.
    fn check(bytes: &[u8], frame: &Frame<'_>) {
        let mut reader = Reader::new(bytes);
        assert_eq!(decode(&mut reader, &MODES).unwrap().as_ref(), Some(frame));
        assert_eq!(decode(&mut reader, &MODES), Ok(None));
        for cut in 1..bytes.len() {
            assert_eq!(
                decode(&mut Reader::new(&bytes[..cut]), &MODES),
                Err(Malformed),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn control_frames_come_back_and_none_can_be_cut() {
        check(&written(put_ping), &Frame::Ping);
        check(
            &written(|w| put_credit(w, 1 << 40)),
            &Frame::Credit(1 << 40),
        );
        check(
            &written(|w| put_challenge(w, &[1; 8])),
            &Frame::Challenge([1; 8]),
        );
        check(
            &written(|w| put_response(w, &[2; 8])),
            &Frame::Response([2; 8]),
        );
        check(
            &written(|w| put_close(w, 300, b"bye")),
            &Frame::Close {
                code: 300,
                reason: b"bye",
            },
        );
        check(
            &written(|w| put_skip(w, 3, 9, 70_000)),
            &Frame::Skip {
                channel: 3,
                id: 9,
                bytes: 70_000,
            },
        );
    }

    #[test]
    fn messages_of_every_mode_come_back_with_the_overhead_that_was_foretold() {
        let full = [5; FRAGMENT];
        for (channel, mode) in MODES.into_iter().enumerate() {
            let cases: [Case<'_>; 6] = [
                (None, b"a"),
                (None, &full[..64]),
                (None, &full),
                (Some((0, 2)), &full),
                (Some((936, 937)), b"end"),
                (Some((100, 101)), &full),
            ];
            for (fragment, bytes) in cases {
                if mode == Mode::Stream && fragment.is_some() {
                    continue;
                }
                let id = match id_bytes(mode, fragment.is_some()) {
                    0 => 0,
                    2 => 0xFEDC,
                    _ => 0xFEDC_BA98,
                };
                let frame = MessageFrame {
                    channel: channel as u8,
                    id,
                    fragment,
                    bytes,
                };
                let coded = written(|w| put_message(w, mode, &frame));
                assert_eq!(
                    coded.len(),
                    message_overhead(mode, fragment, bytes.len()) + bytes.len()
                );
                check(&coded, &Frame::Message(frame));
            }
        }
    }

    #[test]
    fn acks_hold_what_fits_newest_first() {
        let mut ranges = AckRanges::new();
        for number in (0..100).step_by(3) {
            ranges.insert(number + 1000);
        }
        for room in 0..120 {
            let mut buffer = vec![0; room];
            let mut writer = Writer::new(&mut buffer);
            if !put_ack(&mut writer, &ranges, 800) {
                assert!(room < 8, "{room}");
                continue;
            }
            let Ok(Some(Frame::Ack(ack))) = decode(&mut Reader::new(writer.written()), &MODES)
            else {
                panic!("no ack in {room} bytes");
            };
            assert_eq!(ack.delay, 800);
            assert_eq!(ack.ranges(), &ranges.as_slice()[..ack.ranges().len()]);
            assert!(room < 70 || ack.ranges().len() == RANGES_MAX);
        }
    }

    #[test]
    fn frames_that_are_not_allowed_are_refused() {
        let cases: [(&str, &[u8]); 14] = [
            ("unknown type", &[0x08]),
            ("unknown type", &[0x7F]),
            ("channel that does not exist", &[0x85, 0]),
            ("skip of an unreliable channel", &[0x07, 0, 0, 0, 0]),
            ("skip of no channel", &[0x07, 9, 0, 0, 0]),
            ("fragment of a stream", &[0xC4, 0, 0, 0, 2, 1, 9]),
            ("empty stream piece", &[0x84, 0, 0, 0]),
            ("a single fragment", &[0xC2, 0, 0, 0, 1, 1, 9]),
            ("an index beyond the count", &[0xC2, 0, 0, 2, 2, 1, 9]),
            (
                "a short fragment before the last",
                &[0xC2, 0, 0, 0, 2, 1, 9],
            ),
            ("an empty last fragment", &[0xC2, 0, 0, 1, 2, 0]),
            ("an ack below zero", &[0x02, 5, 0, 0, 6]),
            ("a range below zero", &[0x02, 5, 0, 1, 1, 3, 0]),
            ("too many ranges", &[0x02, 63, 0, 32, 0]),
        ];
        for (story, bytes) in cases {
            assert_eq!(
                decode(&mut Reader::new(bytes), &MODES),
                Err(Malformed),
                "{story}"
            );
        }
        let mut long = vec![0x80, 0x44, 0x61];
        long.resize(3 + 1121, 0);
        assert_eq!(
            decode(&mut Reader::new(&long), &MODES),
            Err(Malformed),
            "a message of 1121 bytes"
        );
    }

    #[test]
    fn chance_never_panics_the_decoder() {
        let mut random = crate::random::Random::new(&[7; 32]);
        for _ in 0..200_000 {
            let bytes: [u8; 40] = random.array();
            let mut reader = Reader::new(&bytes);
            while let Ok(Some(_)) = decode(&mut reader, &MODES) {}
        }
    }
}
