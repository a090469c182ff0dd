//! The signed envelope: bytes that outlive a connection (assets, actions with consequences, audit) with who made them, when, and of
//! what kind. What only travels is authenticated by the connection and needs none.
//!
//! Layout, fixed-size integers big-endian: magic `STEV` (4), version 1 (1), flags (1; bit 0: payload is a zstd frame), two zeros, schema (8),
//! sequence (8), timestamp (8), length of the payload as it is stored (4), its length decompressed (4), BLAKE3 of the payload as it
//! is stored (32), signer's Ed25519 public key (32), payload, signature (64) over `storm-net envelope 1` and the header of 104 bytes.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::codec::{Reader, Writer};

const HEADER: usize = 4 + 1 + 1 + 2 + 8 + 8 + 8 + 4 + 4 + 32 + 32;
const SIGNATURE: usize = 64;
const MAGIC: [u8; 4] = *b"STEV";
const PREFIX: &[u8] = b"storm-net envelope 1";
const COMPRESSED: u8 = 1;

/// What an envelope says about its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnvelopeInfo {
    /// What the payload is, as the application numbers its kinds.
    pub schema: u64,
    /// The signer's count of envelopes; who reads a log finds gaps and repeats by it.
    pub sequence: u64,
    /// When, as the application tells time: hybrid logical time, or milliseconds since 1970.
    pub timestamp: u64,
}

/// An opened envelope, its signature checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Kind, sequence and time.
    pub info: EnvelopeInfo,
    /// The signer's Ed25519 public key. Whether to trust it is the caller's to decide.
    pub signer: [u8; 32],
    /// The payload, decompressed.
    pub payload: Vec<u8>,
}

/// Why an envelope was not made or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The payload is larger than the caller allows, or than 4 GiB.
    TooLarge {
        /// Its bytes.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not an envelope of a version that is known, or cut short, or with something behind it.
    Malformed,
    /// The payload is not what was signed.
    Hash,
    /// The header is not what the signer signed.
    Signature,
    /// The payload is compressed, and this build cannot (feature `zstd`) or the frame is damaged.
    Compression,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { found, limit } => {
                write!(
                    f,
                    "a payload of {found} bytes where at most {limit} are allowed"
                )
            }
            Self::Malformed => f.write_str("the bytes are not an envelope of version 1"),
            Self::Hash => f.write_str("the payload does not have the hash that was signed"),
            Self::Signature => f.write_str("the signature is not the signer's"),
            Self::Compression => f.write_str("the payload cannot be decompressed"),
        }
    }
}

impl std::error::Error for EnvelopeError {}

/// Makes envelopes in the name of a key.
///
/// ```
/// use storm_net::{Envelope, EnvelopeInfo, EnvelopeSigner};
/// let signer = EnvelopeSigner::from_seed(&[1; 32]);
/// let info = EnvelopeInfo { schema: 3, sequence: 1, timestamp: 1_700_000_000_000 };
/// let bytes = signer.seal(info, b"door opened")?;
/// let opened = Envelope::open(&bytes, 1 << 20)?;
/// assert_eq!(opened.payload, b"door opened");
/// assert_eq!(opened.signer, signer.public());
/// # Ok::<(), storm_net::EnvelopeError>(())
/// ```
pub struct EnvelopeSigner {
    key: SigningKey,
}

impl EnvelopeSigner {
    /// The signer whose Ed25519 secret is `seed`: 32 bytes of the system's entropy, kept secret.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self {
            key: SigningKey::from_bytes(seed),
        }
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// Puts `payload` into an envelope as it is.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`] above 4 GiB.
    pub fn seal(&self, info: EnvelopeInfo, payload: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
        self.finish(info, 0, payload, payload.len())
    }

    /// Puts `payload` into an envelope, compressed if that makes it smaller.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`] above 4 GiB.
    #[cfg(feature = "zstd")]
    pub fn seal_compressed(
        &self,
        info: EnvelopeInfo,
        payload: &[u8],
    ) -> Result<Vec<u8>, EnvelopeError> {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        let compressed = compress_to_vec(payload, CompressionLevel::Fastest);
        if compressed.len() < payload.len() {
            self.finish(info, COMPRESSED, &compressed, payload.len())
        } else {
            self.seal(info, payload)
        }
    }

    fn finish(
        &self,
        info: EnvelopeInfo,
        flags: u8,
        stored: &[u8],
        len: usize,
    ) -> Result<Vec<u8>, EnvelopeError> {
        let too_large = EnvelopeError::TooLarge {
            found: len.max(stored.len()),
            limit: u32::MAX as usize,
        };
        let stored_len = u32::try_from(stored.len()).map_err(|_| too_large)?;
        let full_len = u32::try_from(len).map_err(|_| too_large)?;
        let mut header = [0; HEADER];
        let mut writer = Writer::new(&mut header);
        writer.bytes(&MAGIC);
        writer.u8(1);
        writer.u8(flags);
        writer.u16(0);
        writer.u64(info.schema);
        writer.u64(info.sequence);
        writer.u64(info.timestamp);
        writer.u32(stored_len);
        writer.u32(full_len);
        writer.bytes(blake3::hash(stored).as_bytes());
        writer.bytes(&self.public());
        let signature = self.key.sign(&[PREFIX, &header].concat()).to_bytes();
        Ok([&header[..], stored, &signature].concat())
    }
}

impl fmt::Debug for EnvelopeSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopeSigner").finish_non_exhaustive()
    }
}

impl Envelope {
    /// Opens an envelope: checks hash and signature, then decompresses. Allocates the payload, at most `payload_bytes_max`.
    ///
    /// # Errors
    /// Every [`EnvelopeError`].
    pub fn open(bytes: &[u8], payload_bytes_max: usize) -> Result<Self, EnvelopeError> {
        let (info, flags, stored, len, hash, signer) =
            Self::parse(bytes).ok_or(EnvelopeError::Malformed)?;
        if len.max(stored.len()) > payload_bytes_max {
            return Err(EnvelopeError::TooLarge {
                found: len.max(stored.len()),
                limit: payload_bytes_max,
            });
        }
        let key = VerifyingKey::from_bytes(&signer).map_err(|_| EnvelopeError::Signature)?;
        let signature = Signature::from_slice(&bytes[bytes.len() - SIGNATURE..])
            .map_err(|_| EnvelopeError::Signature)?;
        key.verify_strict(&[PREFIX, &bytes[..HEADER]].concat(), &signature)
            .map_err(|_| EnvelopeError::Signature)?;
        if blake3::hash(stored) != hash {
            return Err(EnvelopeError::Hash);
        }
        let payload = if flags & COMPRESSED == 0 {
            if len != stored.len() {
                return Err(EnvelopeError::Malformed);
            }
            stored.to_vec()
        } else {
            decompress(stored, len)?
        };
        Ok(Self {
            info,
            signer,
            payload,
        })
    }

    #[expect(
        clippy::type_complexity,
        reason = "the header's fields, taken apart in one place"
    )]
    fn parse(bytes: &[u8]) -> Option<(EnvelopeInfo, u8, &[u8], usize, blake3::Hash, [u8; 32])> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != MAGIC || reader.u8()? != 1 {
            return None;
        }
        let flags = reader.u8()?;
        if flags & !COMPRESSED != 0 || reader.u16()? != 0 {
            return None;
        }
        let info = EnvelopeInfo {
            schema: reader.u64()?,
            sequence: reader.u64()?,
            timestamp: reader.u64()?,
        };
        let (stored, len) = (reader.u32()? as usize, reader.u32()? as usize);
        let hash = blake3::Hash::from(reader.array::<32>()?);
        let signer = reader.array()?;
        let payload = reader.bytes(stored)?;
        (reader.rest().len() == SIGNATURE).then_some((info, flags, payload, len, hash, signer))
    }
}

/// Exactly `len` bytes, which the caller has bounded. More in the frame is an error, not an allocation.
#[cfg(feature = "zstd")]
fn decompress(stored: &[u8], len: usize) -> Result<Vec<u8>, EnvelopeError> {
    use std::io::Read;
    /// Back references reach at most this far, so a hostile frame cannot ask for more.
    const WINDOW_MAX: u64 = 8 << 20;
    let mut decoder =
        ruzstd::decoding::StreamingDecoder::new_with_max_window_size(stored, WINDOW_MAX)
            .map_err(|_| EnvelopeError::Compression)?;
    let mut payload = Vec::new();
    (&mut decoder)
        .take(len as u64 + 1)
        .read_to_end(&mut payload)
        .map_err(|_| EnvelopeError::Compression)?;
    if payload.len() == len {
        Ok(payload)
    } else {
        Err(EnvelopeError::Compression)
    }
}

#[cfg(not(feature = "zstd"))]
fn decompress(_: &[u8], _: usize) -> Result<Vec<u8>, EnvelopeError> {
    Err(EnvelopeError::Compression)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: EnvelopeInfo = EnvelopeInfo {
        schema: 1,
        sequence: 2,
        timestamp: 3,
    };

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let bytes = EnvelopeSigner::from_seed(&[1; 32])
            .seal(INFO, b"payload")
            .unwrap();
        assert_eq!(Envelope::open(&bytes, 7).unwrap().payload, b"payload");
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Envelope::open(&bad, 1 << 20).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(Envelope::open(&bytes[..cut], 1 << 20).is_err());
        }
        assert!(Envelope::open(&[&bytes[..], b"x"].concat(), 1 << 20).is_err());
    }

    #[test]
    fn payloads_above_the_callers_limit_are_refused() {
        let bytes = EnvelopeSigner::from_seed(&[1; 32])
            .seal(INFO, b"payload")
            .unwrap();
        assert_eq!(
            Envelope::open(&bytes, 6),
            Err(EnvelopeError::TooLarge { found: 7, limit: 6 })
        );
    }

    #[test]
    fn a_changed_payload_under_a_good_signature_fails_by_its_hash() {
        let mut bytes = EnvelopeSigner::from_seed(&[1; 32])
            .seal(INFO, b"payload")
            .unwrap();
        bytes[HEADER] ^= 1;
        assert_eq!(Envelope::open(&bytes, 7), Err(EnvelopeError::Hash));
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn compressed_payloads_come_back_and_do_not_grow() {
        let signer = EnvelopeSigner::from_seed(&[1; 32]);
        let payload = b"terrain ".repeat(1000);
        let bytes = signer.seal_compressed(INFO, &payload).unwrap();
        assert!(bytes.len() < 1000, "{}", bytes.len());
        assert_eq!(Envelope::open(&bytes, 8000).unwrap().payload, payload);
        assert!(matches!(
            Envelope::open(&bytes, 7999),
            Err(EnvelopeError::TooLarge { .. })
        ));
        let noise: Vec<u8> = (0..200u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        assert_eq!(
            signer.seal_compressed(INFO, &noise).unwrap(),
            signer.seal(INFO, &noise).unwrap()
        );
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn a_frame_that_holds_more_than_it_says_is_refused() {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        let signer = EnvelopeSigner::from_seed(&[1; 32]);
        let frame = compress_to_vec(&[0; 100_000][..], CompressionLevel::Fastest);
        let bytes = signer.finish(INFO, COMPRESSED, &frame, 1000).unwrap();
        assert_eq!(
            Envelope::open(&bytes, 1 << 20),
            Err(EnvelopeError::Compression)
        );
    }
}
