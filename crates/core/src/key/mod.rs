//! The key: its format, the type that holds it in plain, and the digest that stands for it everywhere else.

mod digest;
mod find;
mod format;
mod plain;

pub(crate) use digest::Digests;
pub use digest::{Digest, Hasher, HasherError, Pepper};
pub use format::{Alphabet, FormatError, KeyFault, KeyFormat, KeyFormatBuilder, ParsedKey};
pub use plain::{Hint, HintError, PlainKey};

use serde::{Deserialize, Serialize};

/// What a key may be used for.
///
/// # Examples
/// ```
/// use keyward::key::KeyKind;
///
/// assert_eq!(KeyKind::Publishable.as_str(), "publishable");
/// assert_eq!("restricted".parse(), Ok(KeyKind::Restricted));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Full access; stays on servers.
    Secret,
    /// Read-only, and so fit for browsers and mobile clients: it is accepted with safe methods alone.
    Publishable,
    /// What its scopes allow and no more.
    Restricted,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Secret, Self::Publishable, Self::Restricted];

    /// The kind's name: `secret`, `publishable` or `restricted`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Publishable => "publishable",
            Self::Restricted => "restricted",
        }
    }
}

/// Whether a key works on live or on test data; its prefix fixes it for the key's life.
///
/// # Examples
/// ```
/// use keyward::Mode;
///
/// assert!(Mode::Live.is_live());
/// assert_eq!("test".parse(), Ok(Mode::Test));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Real data and real charges.
    Live,
    /// Data apart, and no charges.
    Test,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// The mode's name, which is also its part of a key: `live` or `test`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Whether this is [`Mode::Live`], as providers' `livemode` field says it.
    #[must_use]
    pub fn is_live(self) -> bool {
        self == Self::Live
    }
}

/// The text names none of the values that it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name is none of the known ones")]
pub struct UnknownName;

macro_rules! named {
    ($($type:ty),*) => {$(
        impl std::str::FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or(UnknownName)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    )*};
}

named!(KeyKind, Mode);

pub(crate) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `N` characters, each of the 62 equally likely, from the operating system's generator.
pub(crate) fn random_base62<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut out = [0; N];
    fill_random(&mut out, BASE62)?;
    Ok(out)
}

/// Fills `out` with characters of `alphabet` (at most 64), each equally likely: bytes that would favour some are
/// thrown away.
pub(crate) fn fill_random(out: &mut [u8], alphabet: &[u8]) -> Result<(), getrandom::Error> {
    let mut pool = zeroize::Zeroizing::new([0_u8; 64]);
    let mut filled = 0;
    while filled < out.len() {
        getrandom::fill(&mut *pool)?;
        for byte in pool.iter() {
            if let Some(&character) = alphabet.get(usize::from(byte & 63))
                && let Some(slot) = out.get_mut(filled)
            {
                *slot = character;
                filled += 1;
            }
        }
    }
    Ok(())
}
