//! Formats, hints and digests of API keys.
//!
//! # Examples
//! ```
//! use keyward::Mode;
//! use keyward::key::{Hasher, KeyFormat, KeyKind};
//!
//! let format = KeyFormat::builder().prefix("sk", KeyKind::Secret).prefix("pk", KeyKind::Publishable).build()?;
//! let key = format.generate(KeyKind::Secret, Mode::Test)?;
//! let digest = Hasher::default().digest(&key.parse(&format)?);
//! println!("store {digest:?} and show {}", key.hint().as_str());
//! assert!(key.expose_once().starts_with("sk_test_"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod digest;
mod find;
mod format;
mod plain;

pub(crate) use digest::MAX_PEPPERS;
pub use digest::{Digest, Hasher, HasherError, Pepper};
pub use format::{Alphabet, FormatError, KeyFault, KeyFormat, KeyFormatBuilder, ParsedKey};
pub use plain::{Hint, HintError, PlainKey};

use serde::{Deserialize, Serialize};

/// The kind of a key.
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
    /// Full access, for servers.
    Secret,
    /// For browsers and mobile clients: accepted only with safe methods.
    Publishable,
    /// Only what its scopes allow.
    Restricted,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Secret, Self::Publishable, Self::Restricted];

    /// Returns `secret`, `publishable` or `restricted`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Publishable => "publishable",
            Self::Restricted => "restricted",
        }
    }
}

/// The mode of a key.
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
    /// Real data and charges.
    Live,
    /// Separate data, no charges.
    Test,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// Returns `live` or `test`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Returns `true` in live mode.
    #[must_use]
    pub fn is_live(self) -> bool {
        self == Self::Live
    }
}

/// No kind, mode or status has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name: expected a kind, mode or status in lower case, such as `secret`, `live` or `active`")]
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

pub(crate) fn random_base62<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut out = [0; N];
    fill_random(&mut out, BASE62)?;
    Ok(out)
}

/// Unbiased.
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
