//! Fingerprints: the hot map compares them, not digests.

use std::fmt;

use siphasher::sip128::SipHasher24;

/// 128 bits of a keyed pseudorandom function. Without this process's random key, a forged token cannot aim at one.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint {
    pub(super) low: u64,
    high: u64,
}

/// Makes fingerprints with a random key, which never leaves the process.
pub(crate) struct Fingerprints(SipHasher24);

impl Fingerprints {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)?;
        Ok(Self(SipHasher24::new_with_key(&key)))
    }

    /// `token` is the part that identifies the key. Otherwise variants of one key would fill the map.
    #[inline]
    pub(crate) fn of(&self, token: &[u8]) -> Fingerprint {
        let hash = self.0.hash(token);
        Fingerprint { low: hash.h1, high: hash.h2 }
    }
}

impl PartialEq for Fingerprint {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        (self.low ^ other.low) | (self.high ^ other.high) == 0
    }
}

impl Eq for Fingerprint {}

impl std::hash::Hash for Fingerprint {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_depend_on_the_whole_token_and_on_the_process() {
        let (one, other) = (Fingerprints::new().unwrap(), Fingerprints::new().unwrap());
        let (mut a, mut b) = ([b'x'; 200], [b'x'; 200]);
        (a[199], b[199]) = (b'1', b'2');
        assert!(one.of(&a) == one.of(&a));
        assert!(one.of(&a) != one.of(&b), "the end does not count");
        assert!(one.of(&a) != other.of(&a), "the key is not random");
        assert!(one.of(b"") != one.of(b"\0"), "the length does not count");
    }
}
