//! Connect tokens: what the application's own service gives a client so that a server lets it in.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::codec::{Reader, Writer};
use crate::noise;

/// The most bytes of user data in a token.
pub const USER_DATA_MAX: usize = 256;
const FIXED: usize = 16 + 8 + 8 + 8 + 32 + 32 + 2;
const SIGNATURE: usize = 64;
/// The longest token.
pub(crate) const TOKEN_MAX: usize = FIXED + USER_DATA_MAX + SIGNATURE;
const PREFIX: &[u8] = b"storm-net connect token 1";

/// A signed permission for one client to connect once to one server (or to a group that shares a key).
///
/// The service makes a key pair for the client (or takes the client's public key), issues the token, and hands both over by
/// a channel of its own (HTTPS, say). Whoever sees only the token cannot use it.
///
/// ```
/// use storm_net::{ConnectToken, KeyPair, TokenIssuer};
/// // At the service. Seeds come from the system's entropy; constants here for the example.
/// let issuer = TokenIssuer::from_seed(&[1; 32]);
/// let server = KeyPair::from_secret([2; 32]);
/// let client = KeyPair::from_secret([3; 32]);
/// let token = ConnectToken {
///     id: [9; 16],
///     application: 7,
///     client: 42,
///     expires_ms: 1_800_000_000_000,
///     server_key: server.public(),
///     client_key: client.public(),
///     user_data: b"team red".to_vec(),
/// };
/// let bytes = issuer.issue(&token)?;
/// // At the server.
/// assert_eq!(ConnectToken::verify(&bytes, &issuer.public())?, token);
/// # Ok::<(), storm_net::TokenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectToken {
    /// Chance; a server takes each once.
    pub id: [u8; 16],
    /// Which application (and version of its protocol) it is for.
    pub application: u64,
    /// Who the client is, as the issuer numbers clients.
    pub client: u64,
    /// Until when it may be used, milliseconds since 1970.
    pub expires_ms: u64,
    /// The server's public key (X25519).
    pub server_key: [u8; 32],
    /// The client's public key (X25519).
    pub client_key: [u8; 32],
    /// Whatever the server should know, at most [`USER_DATA_MAX`] bytes. Encrypted on the wire, readable by the client.
    pub user_data: Vec<u8>,
}

/// Why a token was not issued or not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// More user data than [`USER_DATA_MAX`].
    UserDataTooLong {
        /// Bytes given.
        found: usize,
    },
    /// The bytes are not a token.
    Malformed,
    /// The signature is not the issuer's.
    Signature,
    /// The public key is not a point of the curve.
    IssuerKey,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserDataTooLong { found } => {
                write!(
                    f,
                    "{found} bytes of user data where at most {USER_DATA_MAX} are allowed"
                )
            }
            Self::Malformed => f.write_str("the bytes are not a connect token"),
            Self::Signature => f.write_str("the token is not signed by this issuer"),
            Self::IssuerKey => f.write_str("the issuer's public key is not a point of the curve"),
        }
    }
}

impl std::error::Error for TokenError {}

impl ConnectToken {
    /// The token in `bytes`, if `issuer` (an Ed25519 public key) signed it. Expiry is the caller's to check.
    ///
    /// # Errors
    /// [`TokenError::Malformed`], [`TokenError::Signature`] or [`TokenError::IssuerKey`].
    pub fn verify(bytes: &[u8], issuer: &[u8; 32]) -> Result<Self, TokenError> {
        let token = Self::parse(bytes)?;
        let key = VerifyingKey::from_bytes(issuer).map_err(|_| TokenError::IssuerKey)?;
        let (signed, signature) = bytes.split_at(bytes.len() - SIGNATURE);
        let signature = Signature::from_slice(signature).map_err(|_| TokenError::Malformed)?;
        key.verify_strict(&[PREFIX, signed].concat(), &signature)
            .map_err(|_| TokenError::Signature)?;
        Ok(token)
    }

    /// The fields, unverified: what a client needs to know where to connect to.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        fn fields(bytes: &[u8]) -> Option<ConnectToken> {
            let mut reader = Reader::new(bytes);
            let token = ConnectToken {
                id: reader.array()?,
                application: reader.u64()?,
                client: reader.u64()?,
                expires_ms: reader.u64()?,
                server_key: reader.array()?,
                client_key: reader.array()?,
                user_data: {
                    let len = usize::from(reader.u16()?);
                    if len > USER_DATA_MAX {
                        return None;
                    }
                    reader.bytes(len)?.to_vec()
                },
            };
            (reader.rest().len() == SIGNATURE).then_some(token)
        }
        fields(bytes).ok_or(TokenError::Malformed)
    }
}

/// Signs tokens. Lives at the application's service, never in a client.
pub struct TokenIssuer {
    key: SigningKey,
}

impl TokenIssuer {
    /// The issuer whose Ed25519 secret is `seed`: 32 bytes of the system's entropy, kept secret.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self {
            key: SigningKey::from_bytes(seed),
        }
    }

    /// The public key that servers are given.
    pub fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The signed bytes of `token`.
    ///
    /// # Errors
    /// [`TokenError::UserDataTooLong`].
    pub fn issue(&self, token: &ConnectToken) -> Result<Vec<u8>, TokenError> {
        if token.user_data.len() > USER_DATA_MAX {
            return Err(TokenError::UserDataTooLong {
                found: token.user_data.len(),
            });
        }
        let len = FIXED + token.user_data.len();
        let mut bytes = vec![0; PREFIX.len() + len];
        let mut writer = Writer::new(&mut bytes);
        writer.bytes(PREFIX);
        writer.bytes(&token.id);
        writer.u64(token.application);
        writer.u64(token.client);
        writer.u64(token.expires_ms);
        writer.bytes(&token.server_key);
        writer.bytes(&token.client_key);
        writer.u16(token.user_data.len() as u16);
        writer.bytes(&token.user_data);
        let signature = self.key.sign(&bytes).to_bytes();
        bytes.extend_from_slice(&signature);
        bytes.drain(..PREFIX.len());
        Ok(bytes)
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer").finish_non_exhaustive()
    }
}

/// An X25519 key pair: who a server or a client is.
#[derive(Clone)]
pub struct KeyPair {
    secret: [u8; 32],
    public: [u8; 32],
}

impl KeyPair {
    /// The pair whose secret is `secret`: 32 bytes of the system's entropy, kept secret.
    pub fn from_secret(secret: [u8; 32]) -> Self {
        Self {
            public: noise::public_of(&secret),
            secret,
        }
    }

    /// The public half.
    pub const fn public(&self) -> [u8; 32] {
        self.public
    }

    pub(crate) const fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl fmt::Debug for KeyPair {
    /// The public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(user_data: usize) -> ConnectToken {
        ConnectToken {
            id: [1; 16],
            application: 2,
            client: 3,
            expires_ms: 4,
            server_key: [5; 32],
            client_key: [6; 32],
            user_data: vec![7; user_data],
        }
    }

    #[test]
    fn tokens_come_back_and_every_flipped_bit_and_cut_is_found() {
        let issuer = TokenIssuer::from_seed(&[8; 32]);
        for user_data in [0, 1, 256] {
            let bytes = issuer.issue(&token(user_data)).unwrap();
            assert_eq!(bytes.len(), FIXED + user_data + SIGNATURE);
            assert_eq!(
                ConnectToken::verify(&bytes, &issuer.public()),
                Ok(token(user_data))
            );
        }
        let bytes = issuer.issue(&token(1)).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(
                ConnectToken::verify(&bad, &issuer.public()).is_err(),
                "bit {bit}"
            );
        }
        for cut in 0..bytes.len() {
            assert_eq!(
                ConnectToken::verify(&bytes[..cut], &issuer.public()),
                Err(TokenError::Malformed)
            );
        }
    }

    #[test]
    fn another_issuer_and_too_much_data_are_refused() {
        let issuer = TokenIssuer::from_seed(&[8; 32]);
        let bytes = issuer.issue(&token(0)).unwrap();
        let other = TokenIssuer::from_seed(&[9; 32]).public();
        assert_eq!(
            ConnectToken::verify(&bytes, &other),
            Err(TokenError::Signature)
        );
        assert_eq!(
            issuer.issue(&token(257)),
            Err(TokenError::UserDataTooLong { found: 257 })
        );
    }

    #[test]
    fn secrets_are_not_printed() {
        let pair = KeyPair::from_secret([0xAB; 32]);
        assert!(!format!("{pair:?}").contains("171, 171, 171"));
        assert_eq!(
            format!("{:?}", TokenIssuer::from_seed(&[0xAB; 32])),
            "TokenIssuer { .. }"
        );
    }
}
