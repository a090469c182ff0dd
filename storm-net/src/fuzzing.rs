//! Doors for the fuzz targets, so that nothing becomes public for their sake. Only with `--cfg fuzzing`.

use std::net::SocketAddr;

use crate::admission::Cookies;
use crate::codec::{Reader, Writer};
use crate::config::Mode;
use crate::frame::{self, Frame};
use crate::packet::{DataHeader, Initial, Parameters};
use crate::ranges::AckRanges;
use crate::{ConnectToken, Envelope, Time};

const MODES: [Mode; 5] = [
    Mode::Unreliable,
    Mode::Sequenced,
    Mode::ReliableUnordered,
    Mode::ReliableOrdered,
    Mode::Stream,
];

/// Decodes frames to the end; what can be written again decodes to the same.
pub fn frames(data: &[u8]) {
    let mut reader = Reader::new(data);
    while let Ok(Some(found)) = frame::decode(&mut reader, &MODES) {
        let mut buffer = vec![0; data.len() + 64];
        let mut writer = Writer::new(&mut buffer);
        match &found {
            Frame::Ping => frame::put_ping(&mut writer),
            Frame::Ack(ack) => {
                let mut ranges = AckRanges::new();
                let small = ack.ranges().iter().all(|&(first, last)| last - first < 64);
                if !small {
                    continue;
                }
                for &(first, last) in ack.ranges() {
                    (first..=last).for_each(|number| ranges.insert(number));
                }
                assert!(frame::put_ack(&mut writer, &ranges, ack.delay));
            }
            Frame::Credit(credit) => frame::put_credit(&mut writer, *credit),
            Frame::Challenge(data) => frame::put_challenge(&mut writer, data),
            Frame::Response(data) => frame::put_response(&mut writer, data),
            Frame::Close { code, reason } => frame::put_close(&mut writer, *code, reason),
            Frame::Skip { channel, id, bytes } => {
                frame::put_skip(&mut writer, *channel, *id, *bytes)
            }
            Frame::Message(message) => {
                frame::put_message(&mut writer, MODES[usize::from(message.channel)], message);
            }
        }
        let again = frame::decode(&mut Reader::new(writer.written()), &MODES);
        assert_eq!(again, Ok(Some(found)));
    }
}

/// Takes packets apart.
pub fn packets(data: &[u8]) {
    if let Some(header) = DataHeader::parse(data) {
        for largest in [None, Some(0), Some(1 << 20), Some((1 << 62) - 2)] {
            let _ = header.expand(largest);
        }
    }
    let _ = Initial::peek(data);
    if let Some(initial) = Initial::parse(data) {
        let mut buffer = vec![0xEE; data.len()];
        let mut writer = Writer::new(&mut buffer);
        initial.put(&mut writer);
        let len = writer.len();
        // All but the length of the padding is the same.
        assert_eq!(buffer[..len], data[..len]);
    }
    if let Some(parameters) = Parameters::parse(&mut Reader::new(data)) {
        let mut buffer = [0; Parameters::LEN];
        parameters.put(&mut Writer::new(&mut buffer));
        assert_eq!(buffer, data[..Parameters::LEN]);
    }
}

/// Reads tokens, envelopes and cookies; nothing that was not signed is believed.
pub fn credentials(data: &[u8]) {
    assert!(ConnectToken::verify(data, &[1; 32]).is_err());
    let _ = ConnectToken::parse(data);
    let _ = Envelope::open(data, 1 << 20);
    let from = SocketAddr::from(([1, 2, 3, 4], 5));
    assert!(!Cookies::new([7; 32]).check(Time::from_micros(1 << 40), from, &[1; 32], data));
}
