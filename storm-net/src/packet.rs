//! Datagrams before they are opened: first byte, connection id, packet number; handshake packets and parameters (docs/net-wire.md).

use crate::admission::COOKIE;
use crate::codec::{Reader, Writer};
use crate::keys::TAG;
use crate::mtu;

/// The version of the wire that this crate speaks.
pub const VERSION: u32 = 1;

pub(crate) const INITIAL: u8 = 0xC0;
pub(crate) const RETRY: u8 = 0xC1;
pub(crate) const RESPONSE: u8 = 0xC2;
pub(crate) const VERSIONS: u8 = 0xC3;
const DATA: u8 = 0x40;
const PHASE: u8 = 0x20;
const RESERVED: u8 = 0x1C;
const PARAMETERS: usize = 29;
/// Plain bytes of a Response's payload.
pub(crate) const RESPONSE_PLAIN: usize = 2 + 4 + PARAMETERS;
/// Bytes of a Response.
pub(crate) const RESPONSE_LEN: usize = 1 + 4 + 32 + RESPONSE_PLAIN + TAG;
pub(crate) const RETRY_LEN: usize = 1 + 4 + 8 + COOKIE;
/// The least bytes of an Initial.
pub(crate) const INITIAL_MIN: usize = mtu::BASE as usize;
/// The longest header of a data packet.
pub(crate) const HEADER_MAX: usize = 1 + 4 + 4;

/// The clear part of a data packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataHeader {
    pub(crate) phase: bool,
    pub(crate) connection: u32,
    /// The low bits of the number, and how many bytes they have.
    pub(crate) number: u32,
    pub(crate) number_len: usize,
}

impl DataHeader {
    pub(crate) fn len(&self) -> usize {
        1 + 4 + self.number_len
    }

    /// `None` for what is no data packet.
    pub(crate) fn parse(datagram: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(datagram);
        let first = reader.u8()?;
        if first & 0xC0 != DATA || first & RESERVED != 0 {
            return None;
        }
        let connection = reader.u32()?;
        let number_len = usize::from(first & 3) + 1;
        let number = reader
            .bytes(number_len)?
            .iter()
            .fold(0, |number, &byte| number << 8 | u32::from(byte));
        // A tag and at least one byte of frames.
        (reader.rest().len() > TAG).then_some(Self {
            phase: first & PHASE != 0,
            connection,
            number,
            number_len,
        })
    }

    /// The full number, given the largest that was received (RFC 9000 A.3).
    pub(crate) fn expand(&self, largest: Option<u64>) -> u64 {
        let expected = largest.map_or(0, |largest| largest + 1);
        let window = 1u64 << (8 * self.number_len);
        let candidate = (expected & !(window - 1)) | u64::from(self.number);
        if candidate + window / 2 <= expected && candidate < (1 << 62) - window {
            candidate + window
        } else if candidate > expected + window / 2 && candidate >= window {
            candidate - window
        } else {
            candidate
        }
    }
}

/// Writes the header of packet `number`; `largest_acked`: what the peer surely knows of (RFC 9000 A.2).
pub(crate) fn put_header(
    writer: &mut Writer<'_>,
    phase: bool,
    connection: u32,
    number: u64,
    largest_acked: Option<u64>,
) {
    let unacked = largest_acked.map_or(number + 1, |largest| number - largest);
    // Twice the distance, in whole bytes.
    let bits = 64 - unacked.leading_zeros() + 1;
    let len = (bits.div_ceil(8) as usize).clamp(1, 4);
    writer.u8(DATA | if phase { PHASE } else { 0 } | (len as u8 - 1));
    writer.u32(connection);
    writer.bytes(&number.to_be_bytes()[8 - len..]);
}

/// An Initial, taken apart but not opened.
#[derive(Debug)]
pub(crate) struct Initial<'a> {
    pub(crate) version: u32,
    pub(crate) connection: u32,
    pub(crate) ephemeral: [u8; 32],
    pub(crate) cookie: &'a [u8],
    pub(crate) sealed_static: &'a [u8],
    pub(crate) sealed_payload: &'a [u8],
}

impl<'a> Initial<'a> {
    /// Version and connection id of whatever looks like an Initial of any version.
    pub(crate) fn peek(datagram: &[u8]) -> Option<(u32, u32, [u8; 8])> {
        if datagram.len() < INITIAL_MIN {
            return None;
        }
        let mut reader = Reader::new(datagram);
        (reader.u8()? == INITIAL).then_some(())?;
        Some((reader.u32()?, reader.u32()?, reader.array()?))
    }

    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        if datagram.len() < INITIAL_MIN {
            return None;
        }
        let mut reader = Reader::new(datagram);
        (reader.u8()? == INITIAL).then_some(())?;
        let (version, connection, ephemeral) = (reader.u32()?, reader.u32()?, reader.array()?);
        let cookie = match usize::from(reader.u8()?) {
            len @ (0 | COOKIE) => reader.bytes(len)?,
            _ => return None,
        };
        let sealed_static = reader.bytes(32 + TAG)?;
        let len = usize::from(reader.u16()?);
        let sealed_payload = reader.bytes(len)?;
        reader.rest().iter().all(|&byte| byte == 0).then_some(Self {
            version,
            connection,
            ephemeral,
            cookie,
            sealed_static,
            sealed_payload,
        })
    }

    pub(crate) fn put(&self, writer: &mut Writer<'_>) {
        writer.u8(INITIAL);
        writer.u32(self.version);
        writer.u32(self.connection);
        writer.bytes(&self.ephemeral);
        writer.u8(self.cookie.len() as u8);
        writer.bytes(self.cookie);
        writer.bytes(self.sealed_static);
        writer.u16(self.sealed_payload.len() as u16);
        writer.bytes(self.sealed_payload);
        writer.zeros(INITIAL_MIN.saturating_sub(writer.len()));
    }
}

/// What both sides tell each other in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) ack_delay_ms: u8,
    pub(crate) datagram_bytes_max: u16,
    pub(crate) idle_timeout_ms: u32,
    pub(crate) credit: u64,
    pub(crate) message_bytes_max: u32,
    pub(crate) channels: [u8; 8],
}

impl Parameters {
    pub(crate) fn put(&self, writer: &mut Writer<'_>) {
        writer.u8(self.ack_delay_ms);
        writer.u16(self.datagram_bytes_max);
        writer.u32(self.idle_timeout_ms);
        writer.u64(self.credit);
        writer.u32(self.message_bytes_max);
        writer.bytes(&self.channels);
        writer.u16(0);
    }

    pub(crate) const LEN: usize = PARAMETERS;

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        let parameters = Self {
            ack_delay_ms: reader.u8()?,
            datagram_bytes_max: reader.u16()?,
            idle_timeout_ms: reader.u32()?,
            credit: reader.u64()?,
            message_bytes_max: reader.u32()?,
            channels: reader.array()?,
        };
        (reader.u16()? == 0 && parameters.datagram_bytes_max >= mtu::BASE).then_some(parameters)
    }
}

/// What the key agreement is bound to.
pub(crate) fn prologue(version: u32, connection: u32, application: u64) -> [u8; 16] {
    let mut prologue = [0; 16];
    let mut writer = Writer::new(&mut prologue);
    writer.u32(version);
    writer.u32(connection);
    writer.u64(application);
    prologue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_restored_whatever_was_received_as_long_as_acks_are_told() {
        let mut buffer = [0; HEADER_MAX + TAG + 1];
        for number in [
            0u64,
            1,
            127,
            128,
            255,
            256,
            65_535,
            65_536,
            1 << 24,
            1 << 33,
            (1 << 40) + 12_345,
        ] {
            for behind in [1, 2, 100, 127, 1000, 30_000, 1_000_000] {
                let Some(acked) = number.checked_sub(behind) else {
                    continue;
                };
                let mut writer = Writer::new(&mut buffer);
                put_header(&mut writer, true, 0xABCD_EF01, number, Some(acked));
                let header = DataHeader::parse(&buffer).unwrap();
                assert_eq!((header.phase, header.connection), (true, 0xABCD_EF01));
                // The receiver has at least what was acknowledged, at most all before, or even later ones.
                for largest in [acked, acked + behind / 2, number - 1, number + behind / 2] {
                    assert_eq!(
                        header.expand(Some(largest)),
                        number,
                        "{number} {behind} {largest}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_example_of_rfc_9000_a3_holds() {
        let header = DataHeader {
            phase: false,
            connection: 0,
            number: 0x9B32,
            number_len: 2,
        };
        assert_eq!(header.expand(Some(0xA82F_30EA)), 0xA82F_9B32);
    }

    #[test]
    fn initials_come_back_and_dirty_padding_and_cuts_are_refused() {
        let initial = Initial {
            version: 1,
            connection: 2,
            ephemeral: [3; 32],
            cookie: &[4; COOKIE],
            sealed_static: &[5; 48],
            sealed_payload: &[6; 300],
        };
        let mut buffer = [9; 1300];
        let mut writer = Writer::new(&mut buffer);
        initial.put(&mut writer);
        let bytes = writer.written().to_vec();
        assert_eq!(bytes.len(), INITIAL_MIN);
        let back = Initial::parse(&bytes).unwrap();
        assert_eq!(
            (back.connection, back.cookie, back.sealed_payload),
            (2, initial.cookie, initial.sealed_payload)
        );
        assert!(Initial::parse(&bytes[..1199]).is_none());
        let mut dirty = bytes.clone();
        dirty[1199] = 1;
        assert!(Initial::parse(&dirty).is_none());
    }

    #[test]
    fn reserved_bits_and_packets_without_frames_are_no_data() {
        let mut packet = [0u8; 1 + 4 + 1 + 1 + TAG];
        packet[0] = DATA;
        assert!(DataHeader::parse(&packet).is_some());
        assert!(DataHeader::parse(&packet[..packet.len() - 1]).is_none());
        for bit in [0x04, 0x08, 0x10, 0x80] {
            packet[0] = DATA | bit;
            assert!(DataHeader::parse(&packet).is_none(), "{bit:#x}");
        }
    }
}
