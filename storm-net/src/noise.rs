//! Key agreement: the Noise IK pattern (revision 34) over X25519, ChaCha20-Poly1305 and BLAKE3, as docs/net-wire.md
//! spells out. One message each way; every key seals one thing, so all nonces are zero.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Tag};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::keys::TAG;

const NAME: &[u8] = b"storm-net 1 Noise_IK_25519_ChaChaPoly_BLAKE3";

/// Chaining key and transcript hash.
#[derive(Clone)]
struct Symmetric {
    ck: [u8; 32],
    h: [u8; 32],
    key: [u8; 32],
}

impl Symmetric {
    fn new(prologue: &[u8], responder: &[u8; 32]) -> Self {
        let h = *blake3::hash(NAME).as_bytes();
        let mut state = Self {
            ck: h,
            h,
            key: [0; 32],
        };
        state.mix_hash(prologue);
        state.mix_hash(responder);
        state
    }

    fn mix_hash(&mut self, data: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.h);
        hasher.update(data);
        self.h = *hasher.finalize().as_bytes();
    }

    /// `None` for a result of zeros: the peer chose a point of low order.
    fn mix_dh(&mut self, secret: &StaticSecret, public: &[u8; 32]) -> Option<()> {
        let shared = secret.diffie_hellman(&PublicKey::from(*public));
        if !shared.was_contributory() {
            return None;
        }
        let mut output = [0; 64];
        let mut hasher = blake3::Hasher::new_keyed(&self.ck);
        hasher.update(shared.as_bytes());
        hasher.finalize_xof().fill(&mut output);
        self.ck.copy_from_slice(&output[..32]);
        self.key.copy_from_slice(&output[32..]);
        Some(())
    }

    /// Seals `place[..len - TAG]` in place and mixes what came out.
    fn seal(&mut self, place: &mut [u8]) {
        let (body, tag) = place.split_at_mut(place.len() - TAG);
        let cipher = ChaCha20Poly1305::new(&self.key.into());
        if let Ok(made) = cipher.encrypt_inout_detached(&[0; 12].into(), &self.h, body.into()) {
            tag.copy_from_slice(&made);
        }
        self.mix_hash(place);
    }

    /// Opens `sealed` into `plain`, which has its length less a tag.
    fn open(&mut self, sealed: &[u8], plain: &mut [u8]) -> Option<()> {
        let (body, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG)?)?;
        let tag = Tag::try_from(tag).ok()?;
        plain.copy_from_slice(body);
        let cipher = ChaCha20Poly1305::new(&self.key.into());
        cipher
            .decrypt_inout_detached(&[0; 12].into(), &self.h, (&mut *plain).into(), &tag)
            .ok()?;
        self.mix_hash(sealed);
        Some(())
    }

    /// Secrets initiator to responder, and back.
    fn split(&self) -> ([u8; 32], [u8; 32]) {
        let mut output = [0; 64];
        let mut hasher = blake3::Hasher::new_keyed(&self.ck);
        hasher.update(b"split");
        hasher.finalize_xof().fill(&mut output);
        let (mut a, mut b) = ([0; 32], [0; 32]);
        a.copy_from_slice(&output[..32]);
        b.copy_from_slice(&output[32..]);
        (a, b)
    }
}

pub(crate) fn public_of(secret: &[u8; 32]) -> [u8; 32] {
    *PublicKey::from(&StaticSecret::from(*secret)).as_bytes()
}

/// The initiator between its message and the answer.
pub(crate) struct Initiator {
    state: Symmetric,
    ephemeral: StaticSecret,
    fixed: StaticSecret,
    /// The first message, without cookie: ephemeral key, sealed static key, sealed payload.
    pub(crate) ephemeral_public: [u8; 32],
    pub(crate) sealed_static: [u8; 32 + TAG],
    pub(crate) sealed_payload: Vec<u8>,
}

impl Initiator {
    pub(crate) fn new(
        prologue: &[u8],
        responder: &[u8; 32],
        fixed: &[u8; 32],
        ephemeral: [u8; 32],
        payload: &[u8],
    ) -> Option<Self> {
        let (ephemeral, fixed) = (StaticSecret::from(ephemeral), StaticSecret::from(*fixed));
        let mut state = Symmetric::new(prologue, responder);
        let ephemeral_public = *PublicKey::from(&ephemeral).as_bytes();
        state.mix_hash(&ephemeral_public);
        state.mix_dh(&ephemeral, responder)?;
        let mut sealed_static = [0; 32 + TAG];
        sealed_static[..32].copy_from_slice(PublicKey::from(&fixed).as_bytes());
        state.seal(&mut sealed_static);
        state.mix_dh(&fixed, responder)?;
        let mut sealed_payload = payload.to_vec();
        sealed_payload.resize(payload.len() + TAG, 0);
        state.seal(&mut sealed_payload);
        Some(Self {
            state,
            ephemeral,
            fixed,
            ephemeral_public,
            sealed_static,
            sealed_payload,
        })
    }

    /// Reads the answer into `plain`; the secrets to send and to receive with. Changes nothing if it is not authentic.
    pub(crate) fn finish(
        &self,
        responder_ephemeral: &[u8; 32],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Option<([u8; 32], [u8; 32])> {
        let mut state = self.state.clone();
        state.mix_hash(responder_ephemeral);
        state.mix_dh(&self.ephemeral, responder_ephemeral)?;
        state.mix_dh(&self.fixed, responder_ephemeral)?;
        state.open(sealed, plain)?;
        Some(state.split())
    }
}

/// The responder, having read the first message.
pub(crate) struct Responder {
    state: Symmetric,
    initiator_ephemeral: [u8; 32],
    pub(crate) initiator_static: [u8; 32],
}

impl Responder {
    /// Reads a first message; the payload goes to `plain`, which has its length less a tag.
    pub(crate) fn read(
        prologue: &[u8],
        fixed: &StaticSecret,
        fixed_public: &[u8; 32],
        ephemeral: &[u8; 32],
        sealed_static: &[u8],
        sealed_payload: &[u8],
        plain: &mut [u8],
    ) -> Option<Self> {
        let mut state = Symmetric::new(prologue, fixed_public);
        state.mix_hash(ephemeral);
        state.mix_dh(fixed, ephemeral)?;
        let mut initiator_static = [0; 32];
        state.open(sealed_static, &mut initiator_static)?;
        state.mix_dh(fixed, &initiator_static)?;
        state.open(sealed_payload, plain)?;
        Some(Self {
            state,
            initiator_ephemeral: *ephemeral,
            initiator_static,
        })
    }

    /// Seals the answer in `place[..len - TAG]`; our ephemeral public key and the secrets to send and to receive with.
    pub(crate) fn answer(
        mut self,
        ephemeral: [u8; 32],
        place: &mut [u8],
    ) -> Option<([u8; 32], [u8; 32], [u8; 32])> {
        let secret = StaticSecret::from(ephemeral);
        let public = *PublicKey::from(&secret).as_bytes();
        self.state.mix_hash(&public);
        self.state.mix_dh(&secret, &self.initiator_ephemeral)?;
        self.state.mix_dh(&secret, &self.initiator_static)?;
        self.state.seal(place);
        let (receiving, sending) = self.state.split();
        Some((public, sending, receiving))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_and_only_with_the_same_prologue_and_keys() {
        let server = StaticSecret::from([3; 32]);
        let server_public = public_of(&[3; 32]);
        let first = |prologue: &[u8], responder: &[u8; 32]| {
            Initiator::new(prologue, responder, &[4; 32], [5; 32], b"token").unwrap()
        };
        let read = |prologue: &[u8], message: &Initiator, plain: &mut [u8]| {
            Responder::read(
                prologue,
                &server,
                &server_public,
                &message.ephemeral_public,
                &message.sealed_static,
                &message.sealed_payload,
                plain,
            )
        };
        let mut plain = [0; 5];
        let good = first(b"p", &server_public);
        let responder = read(b"p", &good, &mut plain).unwrap();
        assert_eq!(&plain, b"token");
        assert_eq!(responder.initiator_static, public_of(&[4; 32]));
        let mut answer = [9; 3 + TAG];
        let (ephemeral, sending, receiving) = responder.answer([6; 32], &mut answer).unwrap();
        let mut plain = [0; 3];
        assert_eq!(
            good.finish(&ephemeral, &answer, &mut plain),
            Some((receiving, sending))
        );
        assert_eq!(plain, [9; 3]);
        assert_ne!(sending, receiving);

        let mut plain = [0; 5];
        assert!(read(b"q", &good, &mut plain).is_none(), "another prologue");
        assert!(
            read(b"p", &first(b"p", &public_of(&[8; 32])), &mut plain).is_none(),
            "another server"
        );
        for bit in 0..answer.len() * 8 {
            let mut bad = answer;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(good.finish(&ephemeral, &bad, &mut [0; 3]).is_none());
        }
    }

    #[test]
    fn points_of_low_order_are_refused() {
        for point in [[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            assert!(Initiator::new(b"", &point, &[4; 32], [5; 32], b"").is_none());
            let server = StaticSecret::from([3; 32]);
            let sealed = [0; 32 + TAG];
            assert!(
                Responder::read(
                    b"",
                    &server,
                    &public_of(&[3; 32]),
                    &point,
                    &sealed,
                    &[0; TAG],
                    &mut []
                )
                .is_none()
            );
        }
    }
}
