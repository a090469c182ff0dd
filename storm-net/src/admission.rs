//! Who may begin a handshake: cookies that prove an address, token buckets by address, tokens used once. Memory of all three is
//! fixed when the endpoint is made.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::Time;
use crate::codec::{Reader, Writer};
use crate::pacer::Pacer;

/// Bytes of a cookie.
pub(crate) const COOKIE: usize = 24;
/// How long a cookie is good, milliseconds.
const COOKIE_LIFE_MS: u64 = 10_000;

/// Makes and checks cookies; stores nothing.
pub(crate) struct Cookies {
    secret: [u8; 32],
}

impl Cookies {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    pub(crate) fn make(&self, now: Time, from: SocketAddr, ephemeral: &[u8; 32]) -> [u8; COOKIE] {
        self.at(now.as_micros() / 1000, from, ephemeral)
    }

    fn at(&self, time_ms: u64, from: SocketAddr, ephemeral: &[u8; 32]) -> [u8; COOKIE] {
        let mut input = [0; 16 + 2 + 32 + 8];
        let mut writer = Writer::new(&mut input);
        let ip = match from.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        writer.bytes(&ip.octets());
        writer.u16(from.port());
        writer.bytes(ephemeral);
        writer.u64(time_ms);
        let mac = blake3::keyed_hash(&self.secret, &input);
        let mut cookie = [0; COOKIE];
        cookie[..8].copy_from_slice(&time_ms.to_be_bytes());
        cookie[8..].copy_from_slice(&mac.as_bytes()[..16]);
        cookie
    }

    pub(crate) fn check(
        &self,
        now: Time,
        from: SocketAddr,
        ephemeral: &[u8; 32],
        cookie: &[u8],
    ) -> bool {
        let Some(time_ms) = Reader::new(cookie).u64() else {
            return false;
        };
        let made = self.at(time_ms, from, ephemeral);
        // BLAKE3's own hashes compare in constant time.
        let equal = blake3::Hash::from(widen(&made)) == blake3::Hash::from(widen(cookie));
        let now_ms = now.as_micros() / 1000;
        equal && cookie.len() == COOKIE && time_ms <= now_ms && now_ms - time_ms < COOKIE_LIFE_MS
    }
}

fn widen(cookie: &[u8]) -> [u8; 32] {
    let mut wide = [0; 32];
    let len = cookie.len().min(32);
    wide[..len].copy_from_slice(&cookie[..len]);
    wide
}

/// Token buckets over hashed addresses: an IPv4 address or an IPv6 /64 has one bucket, perhaps shared with others. The hash is
/// keyed, so that nobody can aim at somebody else's.
pub(crate) struct AddressLimit {
    secret: [u8; 32],
    buckets: Vec<Pacer>,
    per_second: u64,
    burst: u64,
}

impl AddressLimit {
    pub(crate) fn new(secret: [u8; 32], buckets: usize, per_second: u32, burst: u32) -> Self {
        Self {
            secret,
            buckets: vec![Pacer::full(burst.max(1).into()); buckets.max(1)],
            per_second: per_second.into(),
            burst: burst.max(1).into(),
        }
    }

    /// Takes one handshake packet from the bucket of `from`. Whether there was one.
    pub(crate) fn take(&mut self, now: Time, from: SocketAddr) -> bool {
        let mut place = [0; 8];
        match from.ip() {
            IpAddr::V4(ip) => place[..4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => place.copy_from_slice(&ip.octets()[..8]),
        }
        let hash = blake3::keyed_hash(&self.secret, &place);
        let word = Reader::new(hash.as_bytes()).u64().unwrap_or(0);
        let index = (word % self.buckets.len() as u64) as usize;
        let bucket = &mut self.buckets[index];
        bucket.refill(now, self.per_second, self.burst);
        let may = bucket.may_send();
        if may {
            bucket.take(1);
        }
        may
    }
}

/// Tokens that were used, until they expire. A full table refuses; it never forgets a token that is still good.
pub(crate) struct UsedTokens {
    until: BTreeMap<[u8; 16], u64>,
    capacity: usize,
}

impl UsedTokens {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            until: BTreeMap::new(),
            capacity,
        }
    }

    pub(crate) fn contains(&self, id: &[u8; 16]) -> bool {
        self.until.contains_key(id)
    }

    /// Remembers a token; `false` if there is no room.
    pub(crate) fn insert(&mut self, now_ms: u64, id: [u8; 16], expires_ms: u64) -> bool {
        if self.until.len() >= self.capacity {
            self.until.retain(|_, until| *until > now_ms);
        }
        let room = self.until.len() < self.capacity;
        if room {
            self.until.insert(id, expires_ms);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], port))
    }

    fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1000)
    }

    #[test]
    fn a_cookie_is_good_for_its_address_key_and_ten_seconds() {
        let cookies = Cookies::new([1; 32]);
        let cookie = cookies.make(ms(5000), address(1, 9), &[2; 32]);
        let check = |at, from, key: [u8; 32]| cookies.check(ms(at), from, &key, &cookie);
        assert!(check(5000, address(1, 9), [2; 32]));
        assert!(check(14_999, address(1, 9), [2; 32]));
        assert!(!check(15_000, address(1, 9), [2; 32]), "too late");
        assert!(!check(4999, address(1, 9), [2; 32]), "before it was made");
        assert!(!check(5000, address(2, 9), [2; 32]), "another address");
        assert!(!check(5000, address(1, 8), [2; 32]), "another port");
        assert!(!check(5000, address(1, 9), [3; 32]), "another key");
        for bit in 0..COOKIE * 8 {
            let mut bad = cookie;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(
                !cookies.check(ms(5000), address(1, 9), &[2; 32], &bad),
                "bit {bit}"
            );
        }
        for cut in 0..COOKIE {
            assert!(!cookies.check(ms(5000), address(1, 9), &[2; 32], &cookie[..cut]));
        }
    }

    #[test]
    fn an_address_has_its_burst_and_its_rate_and_leaves_others_alone() {
        let mut limit = AddressLimit::new([1; 32], 4096, 10, 5);
        let passed = |limit: &mut AddressLimit, at: u64, from| {
            (0..20).filter(|_| limit.take(ms(at), from)).count()
        };
        assert_eq!(passed(&mut limit, 0, address(1, 1)), 5);
        assert_eq!(
            passed(&mut limit, 0, address(1, 2)),
            0,
            "another port is the same address"
        );
        assert_eq!(passed(&mut limit, 0, address(2, 1)), 5);
        assert_eq!(passed(&mut limit, 200, address(1, 1)), 2);
    }

    #[test]
    fn a_full_table_of_tokens_refuses_until_some_expire() {
        let mut used = UsedTokens::new(2);
        assert!(used.insert(0, [1; 16], 100));
        assert!(used.insert(0, [2; 16], 200));
        assert!(!used.insert(99, [3; 16], 300));
        assert!(used.contains(&[1; 16]) && !used.contains(&[3; 16]));
        assert!(used.insert(100, [3; 16], 300));
        assert!(!used.contains(&[1; 16]), "it expired");
        assert!(used.contains(&[2; 16]));
    }
}
