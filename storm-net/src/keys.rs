//! Packet protection: ChaCha20-Poly1305 under keys that are replaced in phases (docs/net-wire.md, "Data").

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Tag};

use crate::Time;

/// Bytes that a tag adds.
pub(crate) const TAG: usize = 16;
/// Packets that fail authentication after which a key must not be used (RFC 9001 §6.6).
const FORGERIES_MAX: u64 = 1 << 36;

fn derive<const N: usize>(secret: &[u8; 32], label: &[u8]) -> [u8; N] {
    let mut output = [0; N];
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(label);
    hasher.finalize_xof().fill(&mut output);
    output
}

/// The keys of one direction in one phase.
pub(crate) struct PacketKey {
    secret: [u8; 32],
    cipher: ChaCha20Poly1305,
    iv: [u8; 12],
}

impl PacketKey {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        let cipher = ChaCha20Poly1305::new(&derive::<32>(&secret, b"key").into());
        Self {
            cipher,
            iv: derive(&secret, b"iv"),
            secret,
        }
    }

    fn next(&self) -> Self {
        Self::new(derive(&self.secret, b"update"))
    }

    fn nonce(&self, number: u64) -> chacha20poly1305::Nonce {
        let mut nonce = self.iv;
        for (byte, n) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= n;
        }
        nonce.into()
    }

    /// Seals `packet[header..len - TAG]` in place; the last [`TAG`] bytes take the tag.
    pub(crate) fn seal(&self, number: u64, header: usize, packet: &mut [u8]) {
        let (associated, rest) = packet.split_at_mut(header);
        let (body, tag) = rest.split_at_mut(rest.len() - TAG);
        // Fails only for bodies of 256 GiB.
        if let Ok(made) =
            self.cipher
                .encrypt_inout_detached(&self.nonce(number), associated, body.into())
        {
            tag.copy_from_slice(&made);
        }
    }

    /// Opens what [`Self::seal`] made. `None`, with the packet as it was, if it is not authentic.
    pub(crate) fn open<'a>(
        &self,
        number: u64,
        header: usize,
        packet: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let (associated, rest) = packet.split_at_mut_checked(header)?;
        let (body, tag) = rest.split_at_mut_checked(rest.len().checked_sub(TAG)?)?;
        let tag = Tag::try_from(&*tag).ok()?;
        self.cipher
            .decrypt_inout_detached(&self.nonce(number), associated, (&mut *body).into(), &tag)
            .ok()?;
        Some(body)
    }
}

/// Keys of both directions and their phases.
pub(crate) struct Keys {
    sending: PacketKey,
    receiving: PacketKey,
    next_receiving: PacketKey,
    /// Keys of the last phase, for packets that were under way, until then.
    previous: Option<(PacketKey, Time)>,
    /// Phase of both directions; they move together.
    phase: bool,
    /// First packet number sent, and lowest received, in this phase.
    first_sent: u64,
    lowest_received: u64,
    /// A packet of this phase was acknowledged: the next update may begin.
    confirmed: bool,
    forgeries: u64,
    pub(crate) updates: u64,
}

impl Keys {
    pub(crate) fn new(sending: [u8; 32], receiving: [u8; 32]) -> Self {
        let receiving = PacketKey::new(receiving);
        Self {
            sending: PacketKey::new(sending),
            next_receiving: receiving.next(),
            receiving,
            previous: None,
            phase: false,
            first_sent: 0,
            lowest_received: 0,
            confirmed: false,
            forgeries: 0,
            updates: 0,
        }
    }

    pub(crate) fn phase(&self) -> bool {
        self.phase
    }

    pub(crate) fn seal(&self, number: u64, header: usize, packet: &mut [u8]) {
        self.sending.seal(number, header, packet);
    }

    /// Opens a packet of `phase`: the bytes of its frames. `keep_until`: how long keys of the last phase stay after an update.
    pub(crate) fn open(
        &mut self,
        now: Time,
        keep_until: Time,
        phase: bool,
        number: u64,
        header: usize,
        packet: &mut [u8],
    ) -> Option<usize> {
        if phase == self.phase {
            return match self.receiving.open(number, header, packet) {
                Some(body) => {
                    self.lowest_received = self.lowest_received.min(number);
                    Some(body.len())
                }
                None => self.forged(),
            };
        }
        if number < self.lowest_received
            && let Some((key, until)) = &self.previous
            && now < *until
        {
            return match key.open(number, header, packet) {
                Some(body) => Some(body.len()),
                None => self.forged(),
            };
        }
        let Some(body) = self.next_receiving.open(number, header, packet) else {
            return self.forged();
        };
        let len = body.len();
        // `number` is of the new phase: packets of the last one have lower numbers.
        self.advance(keep_until, number);
        Some(len)
    }

    fn forged(&mut self) -> Option<usize> {
        self.forgeries += 1;
        None
    }

    /// So many forgeries that the keys must not be used any longer.
    pub(crate) fn exhausted(&self) -> bool {
        self.forgeries >= FORGERIES_MAX
    }

    fn advance(&mut self, keep_until: Time, lowest_received: u64) {
        self.sending = self.sending.next();
        let next = self.next_receiving.next();
        let current = std::mem::replace(&mut self.next_receiving, next);
        self.previous = Some((std::mem::replace(&mut self.receiving, current), keep_until));
        self.phase = !self.phase;
        self.lowest_received = lowest_received;
        self.first_sent = u64::MAX;
        self.confirmed = false;
        self.updates += 1;
    }

    /// Begins an update unless the last one is not confirmed. Whether it did.
    pub(crate) fn update(&mut self, keep_until: Time) -> bool {
        if self.confirmed {
            // Until something of the new phase arrives, all that arrives is of the last.
            self.advance(keep_until, u64::MAX);
            return true;
        }
        false
    }

    pub(crate) fn on_sent(&mut self, number: u64) {
        self.first_sent = self.first_sent.min(number);
    }

    pub(crate) fn on_acked(&mut self, number: u64) {
        self.confirmed |= number >= self.first_sent;
    }

    /// Packets sent in this phase.
    pub(crate) fn sent_in_phase(&self, next_number: u64) -> u64 {
        next_number.saturating_sub(self.first_sent)
    }

    /// Forgets old keys whose time is over.
    pub(crate) fn expire(&mut self, now: Time) {
        if self
            .previous
            .as_ref()
            .is_some_and(|&(_, until)| now >= until)
        {
            self.previous = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: usize = 5;

    fn pair() -> (Keys, Keys) {
        (Keys::new([1; 32], [2; 32]), Keys::new([2; 32], [1; 32]))
    }

    fn sealed(keys: &mut Keys, number: u64) -> Vec<u8> {
        let mut packet = vec![7; HEADER + 10 + TAG];
        keys.seal(number, HEADER, &mut packet);
        keys.on_sent(number);
        packet
    }

    fn open(
        keys: &mut Keys,
        now: u64,
        phase: bool,
        number: u64,
        packet: &mut [u8],
    ) -> Option<bool> {
        let (now, until) = (Time::from_micros(now), Time::from_micros(now + 100));
        let before = keys.updates;
        keys.open(now, until, phase, number, HEADER, packet)
            .map(|len| {
                assert_eq!(packet[HEADER..HEADER + len], [7; 10]);
                keys.updates > before
            })
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let (mut a, mut b) = pair();
        let packet = sealed(&mut a, 9);
        for bit in 0..packet.len() * 8 {
            let mut bad = packet.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&mut b, 0, false, 9, &mut bad), None, "bit {bit}");
        }
        assert_eq!(open(&mut b, 0, false, 10, &mut packet.clone()), None);
        assert_eq!(open(&mut b, 0, false, 9, &mut packet.clone()), Some(false));
    }

    #[test]
    fn an_update_is_followed_and_late_packets_of_the_last_phase_still_open() {
        let (mut a, mut b) = pair();
        let mut late = sealed(&mut a, 0);
        assert!(
            !a.update(Time::from_micros(100)),
            "nothing is confirmed yet"
        );
        a.on_acked(0);
        assert!(a.update(Time::from_micros(100)));
        assert!(a.phase() && !b.phase());
        let mut new = sealed(&mut a, 1);
        assert_eq!(open(&mut b, 10, true, 1, &mut new), Some(true));
        assert_eq!(open(&mut b, 50, false, 0, &mut late.clone()), Some(false));
        assert_eq!(
            open(&mut b, 200, false, 0, &mut late),
            None,
            "its time is over"
        );
        // The answer in the new phase confirms it; what b sent before still opens at a.
        let mut answer = sealed(&mut b, 5);
        assert_eq!(open(&mut a, 20, true, 5, &mut answer), Some(false));
        assert!(
            !a.update(Time::from_micros(300)),
            "not twice without an acknowledgement"
        );
        a.on_acked(1);
        assert!(a.update(Time::from_micros(300)));
    }

    #[test]
    fn packets_of_the_old_phase_arrive_at_the_side_that_updated() {
        let (mut a, mut b) = pair();
        let mut under_way = sealed(&mut b, 0);
        let _ = sealed(&mut a, 0);
        a.on_acked(0);
        assert!(a.update(Time::from_micros(100)));
        assert_eq!(open(&mut a, 10, false, 0, &mut under_way), Some(false));
    }
}
