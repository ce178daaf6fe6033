#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::fmt;
use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use super::plain::{Hint, PlainKey};
use super::{BASE62, KeyKind, Mode, fill_random};

/// 62^6 exceeds 2^32.
const CHECKSUM_LENGTH: usize = 6;
/// OWASP ASVS 5.0, 6.5.2.
const MIN_BITS: f64 = 112.0;
const MAX_RANDOM_LENGTH: usize = 128;
const MAX_PREFIX_LENGTH: usize = 32;
/// RFC 6750 section 2.1.
const EXISTING_PUNCTUATION: &[u8] = b"-._~+/";

/// The format of a provider's keys: `<prefix>_<mode>_<random><checksum>`.
///
/// By default, the prefix is `kw` (secret), `kwr` (restricted) or `kwp` (publishable). 26 random base62 characters (154 bits) follow,
/// and the CRC32 of everything before it in base62. It authorises nothing.
///
/// # Examples
/// ```
/// use keyward::key::{KeyFormat, KeyKind};
/// use keyward::Mode;
///
/// let format = KeyFormat::builder()
///     .prefix("sk", KeyKind::Secret)
///     .prefix("pk", KeyKind::Publishable)
///     .build()?;
/// let key = format.generate(KeyKind::Secret, Mode::Test)?;
/// let parsed = key.parse(&format)?;
/// assert_eq!((parsed.kind(), parsed.mode()), (KeyKind::Secret, Mode::Test));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyFormat {
    pub(super) leads: Box<[Lead]>,
    pub(super) alphabet: Alphabet,
    pub(super) body_lengths: RangeInclusive<usize>,
    pub(super) checksum: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    pub(super) text: Box<str>,
    kind: KeyKind,
    mode: Mode,
}

/// The characters of the random part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alphabet {
    /// `0-9 A-Z a-z`.
    Base62,
    /// `0-9 a-f`.
    Hex,
    /// `0-9 A-Z a-z - _`.
    Base64Url,
}

impl Alphabet {
    fn characters(self) -> &'static [u8] {
        match self {
            Self::Base62 => BASE62,
            Self::Hex => b"0123456789abcdef",
            Self::Base64Url => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_",
        }
    }

    #[inline]
    pub(super) fn holds(self, byte: u8) -> bool {
        match self {
            Self::Base62 => byte.is_ascii_alphanumeric(),
            Self::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Base64Url => byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_',
        }
    }
}

/// A token in the format, whose `Debug` hides it.
#[derive(Clone, Copy)]
pub struct ParsedKey<'a> {
    token: &'a [u8],
    kind: KeyKind,
    mode: Mode,
}

impl<'a> ParsedKey<'a> {
    /// Returns the prefix's kind.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns the prefix's mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the part to show later.
    #[must_use]
    pub fn hint(&self) -> Hint {
        // A token that matches a format is ASCII.
        Hint::of(std::str::from_utf8(self.token).unwrap_or_default())
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.token.len()
    }

    pub(super) fn token(&self) -> &'a [u8] {
        self.token
    }
}

impl fmt::Debug for ParsedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedKey").field("kind", &self.kind).field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Why a token is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// The prefix, length or characters are wrong.
    #[error("the key has the wrong format: copy the whole key")]
    Malformed,
    /// Only the checksum is wrong.
    #[error("the key's checksum is wrong: copy the whole key")]
    Checksum,
}

/// Why a format is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// There is no prefix.
    #[error("the key format has no prefix: add one")]
    NoPrefix,
    /// A prefix is invalid.
    #[error(
        "invalid prefix {0:?}: expected 1 to 32 letters, digits or underscores, with a letter or digit at both ends"
    )]
    Prefix(String),
    /// A legacy prefix is invalid.
    #[error("invalid prefix {0:?} of existing keys: expected at most 64 letters, digits and -._~+/")]
    Existing(String),
    /// Keys of this prefix also fit another.
    #[error("ambiguous prefix {0:?}: its keys can be read as keys of another prefix; choose prefixes that differ")]
    Ambiguous(String),
    /// The random part's length is out of bounds.
    #[error("invalid random length {0}: expected at least 112 bits and at most 128 characters")]
    RandomLength(usize),
    /// A checksum needs base62.
    #[error("a checksum needs the base62 alphabet: use base62, or leave the checksum out")]
    ChecksumAlphabet,
    /// A checksum needs one length.
    #[error("a checksum needs keys of one length: set one length, or leave the checksum out")]
    ChecksumLength,
    /// No prefix has this kind and mode.
    #[error("the key format has no prefix for {kind} keys in {mode} mode: choose another kind or mode")]
    NoSuchKey {
        /// The kind.
        kind: KeyKind,
        /// The mode.
        mode: Mode,
    },
    /// The random generator failed.
    #[error("the operating system's random generator failed")]
    Random,
}

/// A builder of a [`KeyFormat`].
#[derive(Clone, Debug)]
pub struct KeyFormatBuilder {
    beginnings: Vec<Beginning>,
    modes: Modes,
    alphabet: Alphabet,
    random_lengths: RangeInclusive<usize>,
    checksum: bool,
}

#[derive(Clone, Debug)]
enum Beginning {
    Prefix(String, KeyKind),
    Existing(String, KeyKind, Mode),
}

#[derive(Clone, Copy, Debug)]
enum Modes {
    Both,
    Only(Mode),
    Unwritten(Mode),
}

impl KeyFormatBuilder {
    /// Adds a kind's prefix: 1 to 32 letters, digits and underscores.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>, kind: KeyKind) -> Self {
        self.beginnings.push(Beginning::Prefix(prefix.into(), kind));
        self
    }

    /// Adds a verbatim, possibly empty beginning of existing keys.
    ///
    /// # Examples
    /// ```
    /// use keyward::key::{KeyFormat, KeyKind};
    /// use keyward::Mode;
    ///
    /// let format = KeyFormat::builder()
    ///     .legacy_prefix("", KeyKind::Secret, Mode::Live)
    ///     .random_length(64)
    ///     .without_checksum()
    ///     .build()?;
    /// assert!(format.parse("aB".repeat(32).as_bytes()).is_ok());
    /// # Ok::<(), keyward::key::FormatError>(())
    /// ```
    #[must_use]
    pub fn legacy_prefix(mut self, beginning: impl Into<String>, kind: KeyKind, mode: Mode) -> Self {
        self.beginnings.push(Beginning::Existing(beginning.into(), kind, mode));
        self
    }

    /// Limits the format to one mode.
    #[must_use]
    pub fn only_mode(mut self, mode: Mode) -> Self {
        self.modes = Modes::Only(mode);
        self
    }

    /// Omits the mode, which all keys share.
    #[must_use]
    pub fn implicit_mode(mut self, mode: Mode) -> Self {
        self.modes = Modes::Unwritten(mode);
        self
    }

    /// Sets the random characters: at least 112 bits, at most 128 characters. Defaults to 26.
    #[must_use]
    pub fn random_length(mut self, characters: usize) -> Self {
        self.random_lengths = characters..=characters;
        self
    }

    /// Sets a range of lengths, for existing keys without a checksum. New keys get the greatest.
    #[must_use]
    pub fn random_lengths(mut self, characters: RangeInclusive<usize>) -> Self {
        self.random_lengths = characters;
        self
    }

    /// Sets the random part's alphabet. Defaults to base62.
    #[must_use]
    pub fn alphabet(mut self, alphabet: Alphabet) -> Self {
        self.alphabet = alphabet;
        self
    }

    /// Omits the checksum, for existing keys. Each well-formed forgery then costs a store read.
    #[must_use]
    pub fn without_checksum(mut self) -> Self {
        self.checksum = false;
        self
    }

    /// Builds the format.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn build(self) -> Result<KeyFormat, FormatError> {
        let (least, most) = (*self.random_lengths.start(), *self.random_lengths.end());
        let bits = (self.alphabet.characters().len() as f64).log2() * least as f64;
        if bits < MIN_BITS || least > most {
            return Err(FormatError::RandomLength(least));
        }
        if most > MAX_RANDOM_LENGTH {
            return Err(FormatError::RandomLength(most));
        }
        if self.checksum && self.alphabet != Alphabet::Base62 {
            return Err(FormatError::ChecksumAlphabet);
        }
        if self.checksum && least != most {
            return Err(FormatError::ChecksumLength);
        }
        let mut leads: Vec<Lead> = Vec::new();
        for beginning in self.beginnings {
            match (beginning, self.modes) {
                (Beginning::Prefix(prefix, _), _) if !is_prefix(&prefix) => return Err(FormatError::Prefix(prefix)),
                (Beginning::Prefix(prefix, kind), Modes::Both) => {
                    leads.extend(Mode::ALL.map(|mode| Lead::written(&prefix, kind, mode)));
                }
                (Beginning::Prefix(prefix, kind), Modes::Only(mode)) => leads.push(Lead::written(&prefix, kind, mode)),
                (Beginning::Prefix(prefix, kind), Modes::Unwritten(mode)) => {
                    leads.push(Lead { text: format!("{prefix}_").into(), kind, mode });
                }
                (Beginning::Existing(text, ..), _) if !may_begin_a_key(&text) => {
                    return Err(FormatError::Existing(text));
                }
                (Beginning::Existing(text, kind, mode), _) => leads.push(Lead { text: text.into(), kind, mode }),
            }
        }
        if leads.is_empty() {
            return Err(FormatError::NoPrefix);
        }
        for (i, lead) in leads.iter().enumerate() {
            // The rest of a longer lead can also be read as random characters.
            let twin = leads.iter().enumerate().any(|(j, other)| {
                let rest = other.text.strip_prefix(&*lead.text);
                i != j && rest.is_some_and(|rest| rest.bytes().all(|byte| self.alphabet.holds(byte)))
            });
            if twin {
                return Err(FormatError::Ambiguous(lead.text.to_string()));
            }
        }
        let checksum = if self.checksum { CHECKSUM_LENGTH } else { 0 };
        Ok(KeyFormat {
            leads: leads.into(),
            alphabet: self.alphabet,
            body_lengths: least.saturating_add(checksum)..=most.saturating_add(checksum),
            checksum: self.checksum,
        })
    }
}

impl Lead {
    fn written(prefix: &str, kind: KeyKind, mode: Mode) -> Self {
        Self { text: format!("{prefix}_{mode}_").into(), kind, mode }
    }
}

fn is_prefix(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= MAX_PREFIX_LENGTH
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

fn may_begin_a_key(text: &str) -> bool {
    text.len() <= 2 * MAX_PREFIX_LENGTH
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || EXISTING_PUNCTUATION.contains(&b))
}

impl Default for KeyFormat {
    fn default() -> Self {
        let leads = [("kw", KeyKind::Secret), ("kwr", KeyKind::Restricted), ("kwp", KeyKind::Publishable)];
        Self {
            leads: leads
                .iter()
                .flat_map(|&(prefix, kind)| Mode::ALL.map(|mode| Lead::written(prefix, kind, mode)))
                .collect(),
            alphabet: Alphabet::Base62,
            body_lengths: 26 + CHECKSUM_LENGTH..=26 + CHECKSUM_LENGTH,
            checksum: true,
        }
    }
}

impl KeyFormat {
    /// Starts with both modes, 26 random base62 characters and a checksum.
    #[must_use]
    pub fn builder() -> KeyFormatBuilder {
        KeyFormatBuilder {
            beginnings: Vec::new(),
            modes: Modes::Both,
            alphabet: Alphabet::Base62,
            random_lengths: 26..=26,
            checksum: true,
        }
    }

    /// Returns `true` if the format has such keys.
    ///
    /// # Examples
    /// ```
    /// use keyward::key::{KeyFormat, KeyKind};
    /// use keyward::Mode;
    ///
    /// assert!(KeyFormat::default().has(KeyKind::Secret, Mode::Test));
    /// ```
    #[must_use]
    pub fn has(&self, kind: KeyKind, mode: Mode) -> bool {
        self.leads.iter().any(|lead| (lead.kind, lead.mode) == (kind, mode))
    }

    /// Reads a key, without allocating.
    ///
    /// # Errors
    /// [`KeyFault`].
    ///
    /// # Examples
    /// ```
    /// use keyward::key::{KeyFault, KeyFormat};
    ///
    /// let format = KeyFormat::default();
    /// assert_eq!(format.parse(b"kw_live_short").unwrap_err(), KeyFault::Malformed);
    /// let forged = b"kw_live_aBcDeFgHiJkLmNoPqRsTuVwXyZ123456";
    /// assert_eq!(format.parse(forged).unwrap_err(), KeyFault::Checksum);
    /// ```
    #[inline]
    pub fn parse<'a>(&self, token: &'a [u8]) -> Result<ParsedKey<'a>, KeyFault> {
        let lead = self.leads.iter().find(|lead| self.fits(token, lead)).ok_or(KeyFault::Malformed)?;
        if self.checksum {
            let (signed, checksum) = token.split_last_chunk::<CHECKSUM_LENGTH>().ok_or(KeyFault::Malformed)?;
            if checksum_of(signed) != *checksum {
                return Err(KeyFault::Checksum);
            }
        }
        Ok(ParsedKey { token, kind: lead.kind, mode: lead.mode })
    }

    /// One lead can begin with another.
    #[inline]
    fn fits(&self, token: &[u8], lead: &Lead) -> bool {
        let (least, most) = (*self.body_lengths.start(), *self.body_lengths.end());
        // One comparison checks both bounds.
        token.len().wrapping_sub(lead.text.len()).wrapping_sub(least) <= most.wrapping_sub(least)
            && token.strip_prefix(lead.text.as_bytes()).is_some_and(|body| {
                // Without a branch for each byte, the compiler emits a few vector instructions.
                body.iter().fold(true, |all, &byte| all & self.alphabet.holds(byte))
            })
    }

    /// Returns `true` if `token` begins like a key.
    #[must_use]
    pub fn recognises(&self, token: &[u8]) -> bool {
        self.leads.iter().any(|lead| token.starts_with(lead.text.as_bytes()))
    }

    /// A shorter hint is an imported key's.
    pub(crate) fn may_have_made(&self, hint: &Hint) -> bool {
        let first = hint.first();
        let is_whole = first.len() == Hint::FIRST && hint.last().len() == Hint::LAST;
        let fits = |lead: &Lead| match first.strip_prefix(&*lead.text) {
            Some(body) => body.bytes().all(|byte| self.alphabet.holds(byte)),
            None => lead.text.starts_with(first),
        };
        !is_whole || self.leads.iter().any(fits)
    }

    pub(crate) fn recognises_all(&self) -> bool {
        self.leads.iter().any(|lead| lead.text.is_empty())
    }

    /// Returns `true` if a token can begin like keys of both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.leads
            .iter()
            .any(|a| other.leads.iter().any(|b| a.text.starts_with(&*b.text) || b.text.starts_with(&*a.text)))
    }

    /// Generates a key with the system's random generator.
    ///
    /// # Errors
    /// [`FormatError::NoSuchKey`] or [`FormatError::Random`].
    pub fn generate(&self, kind: KeyKind, mode: Mode) -> Result<PlainKey, FormatError> {
        let lead = self
            .leads
            .iter()
            .find(|lead| lead.kind == kind && lead.mode == mode)
            .ok_or(FormatError::NoSuchKey { kind, mode })?;
        // Sized once: a reallocation would leave a part of the key in freed memory.
        let length = *self.body_lengths.end();
        let mut key = Zeroizing::new(String::with_capacity(lead.text.len().saturating_add(length)));
        key.push_str(&lead.text);
        let mut random = Zeroizing::new([0_u8; MAX_RANDOM_LENGTH]);
        let length = length.saturating_sub(if self.checksum { CHECKSUM_LENGTH } else { 0 });
        let random = random.get_mut(..length).ok_or(FormatError::Random)?;
        fill_random(random, self.alphabet.characters()).map_err(|_| FormatError::Random)?;
        random.iter().for_each(|&byte| key.push(char::from(byte)));
        if self.checksum {
            checksum_of(key.as_bytes()).iter().for_each(|&byte| key.push(char::from(byte)));
        }
        Ok(PlainKey::new(key))
    }
}

impl PlainKey {
    /// Reads the key in `format`.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn parse<'a>(&'a self, format: &KeyFormat) -> Result<ParsedKey<'a>, KeyFault> {
        format.parse(self.as_bytes())
    }
}

fn checksum_of(signed: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(signed);
    let mut out = [0; CHECKSUM_LENGTH];
    for slot in out.iter_mut().rev() {
        // An index below 62 always exists.
        *slot = BASE62.get((rest % 62) as usize).copied().unwrap_or_default();
        rest /= 62;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(format: &KeyFormat, kind: KeyKind, mode: Mode) -> String {
        format.generate(kind, mode).unwrap().expose_once().to_string()
    }

    #[test]
    fn hints_tell_keys_of_other_formats() {
        let management = KeyFormat::builder().prefix("kwms", KeyKind::Secret).prefix("kwm", KeyKind::Restricted);
        let random =
            KeyFormat::builder().legacy_prefix("", KeyKind::Secret, Mode::Live).random_length(64).without_checksum();
        let (management, random) = (management.build().unwrap(), random.build().unwrap());
        for (format, hint, expected) in [
            (&KeyFormat::default(), "kw_live_…3456", true),
            (&KeyFormat::default(), "kwp_test…3456", true),
            (&KeyFormat::default(), "kwm_live…3456", false),
            (&KeyFormat::default(), "kwms_liv…3456", false),
            (&KeyFormat::default(), "sk_live_…3456", false),
            (&management, "kwms_tes…3456", true),
            (&management, "kw_live_…3456", false),
            (&random, "aBcDeFgH…3456", true),
            (&random, "kw_live_…3456", false),
            // A hint this short is not of a generated key.
            (&KeyFormat::default(), "sk_live_…", true),
            (&KeyFormat::default(), "…3456", true),
            (&management, "…", true),
        ] {
            assert_eq!(format.may_have_made(&hint.parse().unwrap()), expected, "{hint}");
        }
    }

    #[test]
    fn the_default_key_is_prefix_mode_26_random_and_6_of_checksum() {
        let format = KeyFormat::default();
        for (kind, prefix) in [(KeyKind::Secret, "kw"), (KeyKind::Restricted, "kwr"), (KeyKind::Publishable, "kwp")] {
            for mode in Mode::ALL {
                let key = key(&format, kind, mode);
                assert!(key.starts_with(&format!("{prefix}_{mode}_")), "{key}");
                assert_eq!(key.len(), prefix.len() + 6 + 32);
                let parsed = format.parse(key.as_bytes()).unwrap();
                assert_eq!((parsed.kind(), parsed.mode()), (kind, mode));
            }
        }
    }

    #[test]
    fn the_checksum_is_crc32_in_base62() {
        // CRC32 of "123456789" is 0xCBF43926, the check value of the catalogue of CRCs; 3421780262 in base62 is 3jZQ42.
        assert_eq!(checksum_of(b"123456789").len(), 6);
        let mut value: u64 = 0;
        for byte in checksum_of(b"123456789") {
            value = value * 62 + BASE62.iter().position(|b| *b == byte).unwrap() as u64;
        }
        assert_eq!(value, 0xCBF4_3926);
    }

    #[test]
    fn every_change_of_one_character_is_caught() {
        let format = KeyFormat::default();
        let key = key(&format, KeyKind::Secret, Mode::Live).into_bytes();
        for at in 0..key.len() {
            for byte in 0..=u8::MAX {
                let mut changed = key.clone();
                changed[at] = byte;
                assert_eq!(format.parse(&changed).is_ok(), byte == key[at], "byte {byte} at {at}");
            }
        }
    }

    #[test]
    fn formats_of_providers_can_be_built() {
        let vibepeak =
            KeyFormat::builder().prefix("vpk", KeyKind::Secret).without_checksum().random_length(32).build().unwrap();
        assert!(vibepeak.parse(b"vpk_live_aBcDeFgHiJkLmNoPqRsTuVwXyZ123456").is_ok());
        let pairs = KeyFormat::builder()
            .prefix("sk", KeyKind::Secret)
            .prefix("pk", KeyKind::Publishable)
            .prefix("rk", KeyKind::Restricted)
            .build()
            .unwrap();
        assert!(key(&pairs, KeyKind::Publishable, Mode::Test).starts_with("pk_test_"));
        let plain = KeyFormat::builder().prefix("vook", KeyKind::Secret).implicit_mode(Mode::Live).build().unwrap();
        assert!(key(&plain, KeyKind::Secret, Mode::Live).starts_with("vook_"));
        let existing = KeyFormat::builder()
            .prefix("old", KeyKind::Secret)
            .alphabet(Alphabet::Hex)
            .implicit_mode(Mode::Live)
            .random_length(40)
            .without_checksum()
            .build()
            .unwrap();
        assert!(existing.parse(format!("old_{}", "a1".repeat(20)).as_bytes()).is_ok());
    }

    #[test]
    fn invalid_formats_fail_at_build() {
        let sk = || KeyFormat::builder().prefix("sk", KeyKind::Secret);
        let existing = |text| KeyFormat::builder().legacy_prefix(text, KeyKind::Secret, Mode::Live).without_checksum();
        for (builder, error) in [
            (KeyFormat::builder(), FormatError::NoPrefix),
            (sk().prefix("sk", KeyKind::Publishable), FormatError::Ambiguous("sk_live_".into())),
            (KeyFormat::builder().prefix("s k", KeyKind::Secret), FormatError::Prefix("s k".into())),
            (KeyFormat::builder().prefix("", KeyKind::Secret), FormatError::Prefix(String::new())),
            (KeyFormat::builder().prefix("sk_", KeyKind::Secret), FormatError::Prefix("sk_".into())),
            (sk().random_length(18), FormatError::RandomLength(18)),
            (sk().random_length(129), FormatError::RandomLength(129)),
            (sk().alphabet(Alphabet::Hex).random_length(32), FormatError::ChecksumAlphabet),
            (sk().random_lengths(26..=27), FormatError::ChecksumLength),
            (sk().without_checksum().random_lengths(18..=27), FormatError::RandomLength(18)),
            (sk().without_checksum().random_lengths(26..=129), FormatError::RandomLength(129)),
            (existing("a b"), FormatError::Existing("a b".into())),
            (existing("ab").legacy_prefix("abc", KeyKind::Secret, Mode::Test), FormatError::Ambiguous("ab".into())),
            (existing("").legacy_prefix("a1", KeyKind::Secret, Mode::Test), FormatError::Ambiguous(String::new())),
        ] {
            assert_eq!(builder.build().unwrap_err(), error);
        }
        assert!(matches!(
            sk().build().unwrap().generate(KeyKind::Restricted, Mode::Live),
            Err(FormatError::NoSuchKey { kind: KeyKind::Restricted, mode: Mode::Live })
        ));
    }

    #[test]
    fn existing_keys_keep_their_beginning_and_length() {
        let format = KeyFormat::builder()
            .legacy_prefix("", KeyKind::Secret, Mode::Live)
            .legacy_prefix("test-", KeyKind::Secret, Mode::Test)
            .random_lengths(21..=22)
            .without_checksum()
            .build()
            .unwrap();
        for (beginning, length, mode) in [
            ("", 20, None),
            ("", 21, Some(Mode::Live)),
            ("", 22, Some(Mode::Live)),
            ("", 23, None),
            ("test-", 21, Some(Mode::Test)),
            ("test-", 23, None),
            ("test_", 21, None),
        ] {
            let token = format!("{beginning}{}", "a1".repeat(12).get(..length).unwrap());
            assert_eq!(format.parse(token.as_bytes()).ok().map(|key| key.mode()), mode, "{token}");
        }
        let made = key(&format, KeyKind::Secret, Mode::Test);
        assert!(made.starts_with("test-") && made.len() == 27, "{made}");
    }

    #[test]
    fn a_beginning_that_begins_with_another_hides_no_length() {
        let format = KeyFormat::builder()
            .legacy_prefix("kw_", KeyKind::Secret, Mode::Live)
            .legacy_prefix("kw_r_", KeyKind::Restricted, Mode::Live)
            .random_lengths(24..=26)
            .without_checksum()
            .build()
            .unwrap();
        for length in 24..=26 {
            let token = format!("kw_r_{}", &"a1".repeat(13)[..length]);
            assert_eq!(format.parse(token.as_bytes()).unwrap().kind(), KeyKind::Restricted, "{token}");
        }
    }

    #[test]
    fn random_characters_are_unbiased() {
        let mut counts = [0_u32; 256];
        let mut drawn = vec![0; 62 * 4_000];
        fill_random(&mut drawn, BASE62).unwrap();
        drawn.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
        let chi2: f64 = BASE62.iter().map(|&b| (f64::from(counts[usize::from(b)]) - 4_000.0).powi(2) / 4_000.0).sum();
        // 61 degrees of freedom: above 140 once in some ten million runs.
        assert!(chi2 < 140.0, "chi-squared {chi2}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = KeyFormat::default().parse(&bytes);
        }

        #[test]
        fn every_generated_key_parses(prefix in "[A-Za-z0-9]([A-Za-z0-9_]{0,8}[A-Za-z0-9])?", length in 19_usize..128) {
            let format = KeyFormat::builder().prefix(prefix, KeyKind::Secret).random_length(length).build().unwrap();
            let key = key(&format, KeyKind::Secret, Mode::Live);
            prop_assert!(format.parse(key.as_bytes()).is_ok());
        }
    }
}
