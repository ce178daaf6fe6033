use std::fmt;
use std::hash::Hash;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::ParsedKey;

pub(crate) const MAX_PEPPERS: usize = 4;

/// The hash that replaces a key.
///
/// It is compared in constant time. `Debug` shows only four bytes.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Creates a digest from stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn prefix(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        self.0.as_chunks().0.iter().map(|&chunk| u64::from_le_bytes(chunk))
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        // All words are combined before one comparison: a warm hit cannot afford an optimisation barrier for each byte.
        let difference = self.words().zip(other.words()).fold(0, |difference, (a, b)| difference | (a ^ b));
        difference.ct_eq(&0).into()
    }
}

impl Eq for Digest {}

impl Hash for Digest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.prefix());
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:08x}…)", self.prefix().swap_bytes() >> 32)
    }
}

/// A secret in every digest, kept outside the database.
///
/// # Examples
/// ```
/// use keyward::key::{Hasher, Pepper};
///
/// let pepper = Pepper::new("2026-03", *b"32 bytes from a secret manager!!")?;
/// let hasher = Hasher::peppered([pepper])?;
/// assert_eq!(hasher.name(), "hmac-sha256:2026-03");
/// # Ok::<(), keyward::key::HasherError>(())
/// ```
#[derive(Clone)]
pub struct Pepper {
    id: SmolStr,
    state: Hmac<Sha256>,
}

impl Pepper {
    /// Creates a pepper, whose id is stored with digests.
    ///
    /// # Errors
    /// [`HasherError::ShortPepper`] or [`HasherError::PepperId`].
    pub fn new(id: &str, secret: impl AsRef<[u8]>) -> Result<Self, HasherError> {
        let named = (1..=32).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !named {
            return Err(HasherError::PepperId);
        }
        if secret.as_ref().len() < 32 {
            return Err(HasherError::ShortPepper);
        }
        let state = Hmac::<Sha256>::new_from_slice(secret.as_ref()).map_err(|_| HasherError::ShortPepper)?;
        Ok(Self { id: SmolStr::new(id), state })
    }

    fn digest(&self, token: &[u8]) -> Digest {
        let mut mac = self.state.clone();
        mac.update(token);
        Digest(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pepper").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why a hasher is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HasherError {
    /// The secret has fewer than 32 bytes.
    #[error("invalid secret of a pepper: expected at least 32 bytes, or 64 hexadecimal digits in `id:hex`")]
    ShortPepper,
    /// The id is not 1 to 32 of `a-z A-Z 0-9 . _ -`.
    #[error("invalid id of a pepper: expected 1 to 32 letters, digits, '.', '_' or '-', and in text `id:hex`")]
    PepperId,
    /// There are none, over four, or the same id twice.
    #[error("invalid list of peppers: expected one to four peppers with different ids")]
    Peppers,
}

/// SHA-256 (the default), or HMAC-SHA-256 with a [`Pepper`].
///
/// # Examples
/// ```
/// use keyward::key::{Hasher, KeyFormat, KeyKind};
/// use keyward::Mode;
///
/// let format = KeyFormat::default();
/// let key = format.generate(KeyKind::Secret, Mode::Live)?;
/// let hasher = Hasher::default();
/// assert!(hasher.digest(&key.parse(&format)?) == hasher.digest(&key.parse(&format)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    peppers: Vec<Pepper>,
    part: Part,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Whole,
    BehindLastUnderscore,
}

impl Part {
    #[inline]
    fn of(self, token: &[u8]) -> &[u8] {
        match self {
            Self::Whole => token,
            Self::BehindLastUnderscore => token.rsplit(|&byte| byte == b'_').next().unwrap_or(token),
        }
    }
}

impl Hasher {
    /// Creates a SHA-256 hasher.
    #[must_use]
    pub fn sha256() -> Self {
        Self::default()
    }

    /// Hashes only the part after the last underscore, as `prefixed-api-key` does. It needs at least 112 random bits.
    ///
    /// # Examples
    /// ```
    /// use keyward::key::{Alphabet, Hasher, KeyFormat, KeyKind};
    /// use keyward::Mode;
    ///
    /// let format = KeyFormat::builder()
    ///     .legacy_prefix("mycompany_", KeyKind::Secret, Mode::Live)
    ///     .alphabet(Alphabet::Base64Url) // for the underscore within
    ///     .random_length(8 + 1 + 24)
    ///     .without_checksum()
    ///     .build()?;
    /// let key = format.parse(b"mycompany_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG")?;
    /// assert_eq!(Hasher::sha256_behind_last_underscore().digest(&key).as_bytes()[..4], [0xd7, 0x0d, 0x98, 0x1d]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn sha256_behind_last_underscore() -> Self {
        Self { peppers: Vec::new(), part: Part::BehindLastUnderscore }
    }

    /// Creates an HMAC-SHA-256 hasher. New keys use the first pepper. Keys of the others still work.
    ///
    /// # Errors
    /// [`HasherError::Peppers`].
    pub fn peppered(peppers: impl IntoIterator<Item = Pepper>) -> Result<Self, HasherError> {
        let peppers: Vec<Pepper> = peppers.into_iter().collect();
        let twins = peppers.iter().enumerate().any(|(i, a)| peppers.iter().skip(i + 1).any(|b| a.id == b.id));
        if peppers.is_empty() || peppers.len() > MAX_PEPPERS || twins {
            return Err(HasherError::Peppers);
        }
        Ok(Self { peppers, part: Part::Whole })
    }

    /// Returns the name to store: `sha256`, `hmac-sha256:` and the pepper's id, or `sha256-behind-last-underscore`.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.peppers.first(), self.part) {
            (Some(pepper), _) => format!("hmac-sha256:{}", pepper.id),
            (None, Part::Whole) => "sha256".to_owned(),
            (None, Part::BehindLastUnderscore) => "sha256-behind-last-underscore".to_owned(),
        }
    }

    /// Returns a new key's digest.
    #[must_use]
    #[inline]
    pub fn digest(&self, key: &ParsedKey<'_>) -> Digest {
        self.digest_token(key.token())
    }

    fn digest_token(&self, token: &[u8]) -> Digest {
        match self.peppers.first() {
            None => Digest(Sha256::digest(self.part.of(token)).into()),
            Some(pepper) => pepper.digest(token),
        }
    }

    /// The part that identifies a key: two tokens with the same part have the same digest.
    #[inline]
    pub(crate) fn identifying<'a>(&self, key: &ParsedKey<'a>) -> &'a [u8] {
        // With peppers, it is always the whole.
        self.part.of(key.token())
    }

    /// Returns all possible digests, the current one first.
    pub fn digests(&self, key: &ParsedKey<'_>) -> impl Iterator<Item = Digest> {
        std::iter::once(self.digest(key)).chain(self.older_digests(key))
    }

    pub(crate) fn older_digests(&self, key: &ParsedKey<'_>) -> impl Iterator<Item = Digest> {
        self.peppers.iter().skip(1).map(|pepper| pepper.digest(key.token()))
    }
}

/// Reads `id:hex`.
///
/// # Examples
/// ```
/// let pepper: keyward::key::Pepper = format!("2026-03:{}", "ab".repeat(32)).parse()?;
/// # Ok::<(), keyward::key::HasherError>(())
/// ```
impl std::str::FromStr for Pepper {
    type Err = HasherError;

    fn from_str(text: &str) -> Result<Self, HasherError> {
        let (id, hex) = text.trim().split_once(':').ok_or(HasherError::PepperId)?;
        let digits: Option<Vec<u8>> = hex.bytes().map(|b| char::from(b).to_digit(16).map(|d| d as u8)).collect();
        let digits = Zeroizing::new(digits.ok_or(HasherError::ShortPepper)?);
        let bytes =
            Zeroizing::new(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect::<Vec<u8>>());
        Self::new(id, &*bytes)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 32]>::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_match_the_standards_examples() {
        // The example of FIPS 180-4, and test case 1 of RFC 4231 with its key zero-padded, which HMAC does as well.
        assert_eq!(format!("{:?}", Hasher::sha256().digest_token(b"abc")), "Digest(ba7816bf…)",);
        let mut key = [0_u8; 32];
        key[..20].fill(0x0b);
        let hasher = Hasher::peppered([Pepper::new("a", key).unwrap()]).unwrap();
        assert_eq!(format!("{:?}", hasher.digest_token(b"Hi There")), "Digest(b0344c61…)");
    }

    #[test]
    fn long_inputs_that_differ_at_their_end_differ_in_their_digests() {
        let (mut a, mut b) = ([b'x'; 200], [b'x'; 200]);
        (a[199], b[199]) = (b'1', b'2');
        for hasher in [Hasher::sha256(), Hasher::peppered([Pepper::new("p", [1; 32]).unwrap()]).unwrap()] {
            assert_ne!(hasher.digest_token(&a), hasher.digest_token(&b));
        }
    }

    #[test]
    fn a_pepper_that_protects_nothing_is_refused() {
        assert_eq!(Pepper::new("a", [1; 31]).unwrap_err(), HasherError::ShortPepper);
        assert_eq!(Pepper::new("a b", [1; 32]).unwrap_err(), HasherError::PepperId);
        assert_eq!("a:zz".parse::<Pepper>().unwrap_err(), HasherError::ShortPepper);
        assert_eq!(Hasher::peppered([]).unwrap_err(), HasherError::Peppers);
        let pepper = || Pepper::new("a", [1; 32]).unwrap();
        assert_eq!(Hasher::peppered([pepper(), pepper()]).unwrap_err(), HasherError::Peppers);
        assert!(!format!("{:?}", pepper()).contains('1'));
    }
}
