use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use zeroize::Zeroizing;

/// A plain API key, erased from memory when dropped.
///
/// It has no `Display`, `Serialize` or comparison, and `Debug` hides the key.
///
/// # Examples
/// ```
/// use keyward::key::{KeyFormat, KeyKind};
/// use keyward::Mode;
///
/// let key = KeyFormat::default().generate(KeyKind::Secret, Mode::Live)?;
/// assert_eq!(format!("{key:?}"), "PlainKey(<redacted>)");
/// let shown = key.expose_once();
/// assert!(shown.starts_with("kw_live_"));
/// # Ok::<(), keyward::key::FormatError>(())
/// ```
///
/// It does not compile to print it:
/// ```compile_fail
/// # use keyward::key::{KeyFormat, KeyKind};
/// # use keyward::Mode;
/// let key = KeyFormat::default().generate(KeyKind::Secret, Mode::Live).unwrap();
/// println!("{key}");
/// ```
pub struct PlainKey(Zeroizing<String>);

impl PlainKey {
    pub(super) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Returns the key, for its owner.
    #[must_use]
    pub fn expose_once(self) -> Zeroizing<String> {
        self.0
    }

    /// Returns the part to show later.
    #[must_use]
    pub fn hint(&self) -> Hint {
        Hint::of(&self.0)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey(<redacted>)")
    }
}

/// A key's first 8 and last 4 characters, to show later.
///
/// In the default format, none is random.
///
/// # Examples
/// ```
/// use keyward::key::Hint;
///
/// let hint: Hint = "vpk_live…3456".parse()?;
/// assert_eq!(hint.first(), "vpk_live");
/// assert_eq!(hint.last(), "3456");
/// # Ok::<(), keyward::key::HintError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct Hint(SmolStr);

impl Hint {
    pub(crate) const FIRST: usize = 8;
    pub(crate) const LAST: usize = 4;

    /// A key has at least 20 characters.
    pub(crate) fn of(key: &str) -> Self {
        let (first, last) =
            (key.get(..Self::FIRST).unwrap_or(""), key.get(key.len().saturating_sub(Self::LAST)..).unwrap_or(""));
        Self(SmolStr::from_iter([first, "…", last]))
    }

    /// Returns the first 8 characters.
    #[must_use]
    pub fn first(&self) -> &str {
        self.0.split_once('…').map_or("", |(first, _)| first)
    }

    /// Returns the last 4 characters.
    #[must_use]
    pub fn last(&self) -> &str {
        self.0.split_once('…').map_or("", |(_, last)| last)
    }

    /// Returns both parts around an ellipsis.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid hint: expected the first 8 characters of a key, an ellipsis, and its last 4")]
pub struct HintError;

impl TryFrom<SmolStr> for Hint {
    type Error = HintError;

    fn try_from(text: SmolStr) -> Result<Self, HintError> {
        match text.split_once('…') {
            Some((first, last))
                if first.len() <= Self::FIRST && last.len() <= Self::LAST && (first.to_owned() + last).is_ascii() =>
            {
                Ok(Self(text))
            }
            _ => Err(HintError),
        }
    }
}

impl std::str::FromStr for Hint {
    type Err = HintError;

    fn from_str(text: &str) -> Result<Self, HintError> {
        SmolStr::new(text).try_into()
    }
}

impl From<Hint> for SmolStr {
    fn from(hint: Hint) -> Self {
        hint.0
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
