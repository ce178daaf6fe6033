//! The key format `<prefix>_<mode>_<random><checksum>`: making keys, and telling a key from anything else without
//! asking the store.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::fmt;
use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use super::plain::{Hint, PlainKey};
use super::{BASE62, KeyKind, Mode, fill_random};

/// Characters of the checksum: CRC32 in base62, padded. 62^6 is more than 2^32.
const CHECKSUM_LENGTH: usize = 6;
/// 112 bits, below which a fast hash would not do (OWASP ASVS 5.0, 6.5.2).
const MIN_BITS: f64 = 112.0;
const MAX_RANDOM_LENGTH: usize = 128;
const MAX_PREFIX_LENGTH: usize = 32;
/// What [`Beginning::Existing`] may have, besides letters and digits: what a token may (RFC 6750 section 2.1).
const EXISTING_PUNCTUATION: &[u8] = b"-._~+/";

/// How a provider's keys are written: prefixes with their kinds, modes, lengths, checksum.
///
/// The default is `kw_live_…` (secret), `kwr_live_…` (restricted) and `kwp_live_…` (publishable), each with `_test_`
/// as well, followed by 26 random base62 characters (154 bits) and 6 of checksum: CRC32 of everything before it,
/// in base62, as GitHub's tokens have it. The checksum tells a typing error or a forgery from a key without asking
/// the store, and lets a scanner find leaked keys; it authorises nothing.
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
    /// How many characters follow the lead, a checksum among them.
    pub(super) body_lengths: RangeInclusive<usize>,
    pub(super) checksum: bool,
}

/// What stands before the random part, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    pub(super) text: Box<str>,
    kind: KeyKind,
    mode: Mode,
}

/// The characters of a key's random part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alphabet {
    /// `0-9 A-Z a-z`; what new keys should have.
    Base62,
    /// `0-9 a-f`; for keys that exist already.
    Hex,
    /// `0-9 A-Z a-z - _`; for keys that exist already.
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

/// A token that fits the format, borrowed from where it was read. Its `Debug` shows its kind and mode alone.
#[derive(Clone, Copy)]
pub struct ParsedKey<'a> {
    token: &'a [u8],
    kind: KeyKind,
    mode: Mode,
}

impl<'a> ParsedKey<'a> {
    /// The kind that its prefix says.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The mode that its prefix says.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What may be shown of it.
    #[must_use]
    pub fn hint(&self) -> Hint {
        // A token that fits a format is ASCII.
        Hint::of(std::str::from_utf8(self.token).unwrap_or_default())
    }

    /// How many bytes it has.
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

/// Why a token is not a key of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// Another prefix, length or character than the format has.
    #[error("the token does not have the form of a key")]
    Malformed,
    /// The form of a key, but its checksum does not hold: mistyped, cut, or made up.
    #[error("the key's checksum does not hold")]
    Checksum,
}

/// Why a format cannot be, or cannot make a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// No prefix was given.
    #[error("a key format needs at least one prefix")]
    NoPrefix,
    /// A prefix is not 1 to 32 letters, digits and underscores with a letter or digit at both ends.
    #[error("the prefix {0:?} is not 1 to 32 letters, digits or underscores with a letter or digit at both ends")]
    Prefix(String),
    /// What existing keys begin with is more than 64 characters, or has one that a token cannot have.
    #[error("{0:?} is not up to 64 letters, digits and -._~+/")]
    Existing(String),
    /// Two prefixes begin keys alike, so that a key would not say which it has.
    #[error("keys of the prefix {0:?} could be read in two ways")]
    Ambiguous(String),
    /// The random part has fewer than 112 bits, or more than 128 characters.
    #[error("{0} random characters are not between 112 bits and 128 characters")]
    RandomLength(usize),
    /// A checksum was asked for in an alphabet other than base62.
    #[error("a checksum is written in base62, so the random part has to be too")]
    ChecksumAlphabet,
    /// A checksum was asked for in keys of several lengths.
    #[error("keys with a checksum have one length")]
    ChecksumLength,
    /// The format has no prefix for this kind and mode.
    #[error("the format has no prefix for {kind} keys in {mode} mode")]
    NoSuchKey {
        /// The kind that was asked for.
        kind: KeyKind,
        /// The mode that was asked for.
        mode: Mode,
    },
    /// The operating system's random generator failed.
    #[error("the operating system's random generator failed")]
    Random,
}

/// Puts a [`KeyFormat`] together; made by [`KeyFormat::builder`].
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
    /// Adds a prefix, 1 to 32 letters, digits and underscores, for keys of this kind.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>, kind: KeyKind) -> Self {
        self.beginnings.push(Beginning::Prefix(prefix.into(), kind));
        self
    }

    /// Adds what keys that exist already begin with, as it stands: with its separator, and without a mode. It may be
    /// nothing, for keys that are random all through. Every such key is of this kind and mode.
    ///
    /// # Examples
    /// Keys of 64 letters without a prefix, as better-auth makes them:
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

    /// Has keys of one mode alone. Without this there are both.
    #[must_use]
    pub fn only_mode(mut self, mode: Mode) -> Self {
        self.modes = Modes::Only(mode);
        self
    }

    /// Leaves the mode out of the key, `<prefix>_<random><checksum>`: every key is of this mode.
    #[must_use]
    pub fn implicit_mode(mut self, mode: Mode) -> Self {
        self.modes = Modes::Unwritten(mode);
        self
    }

    /// How many random characters a key has; 26 without this. At least 112 bits, at most 128 characters.
    #[must_use]
    pub fn random_length(mut self, characters: usize) -> Self {
        self.random_lengths = characters..=characters;
        self
    }

    /// How many random characters keys that exist already have, where they differ: bytes in base58 for instance. For keys
    /// without a checksum; new ones get the most.
    #[must_use]
    pub fn random_lengths(mut self, characters: RangeInclusive<usize>) -> Self {
        self.random_lengths = characters;
        self
    }

    /// The random part's characters; base62 without this.
    #[must_use]
    pub fn alphabet(mut self, alphabet: Alphabet) -> Self {
        self.alphabet = alphabet;
        self
    }

    /// Leaves the checksum out, for keys that exist already. A forged key of the right form then costs a read of the
    /// store.
    #[must_use]
    pub fn without_checksum(mut self) -> Self {
        self.checksum = false;
        self
    }

    /// The format.
    ///
    /// # Errors
    /// [`FormatError`] if a prefix or a length is out of bounds, or two prefixes could be taken for one another.
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
            // The rest of a longer lead may itself be random characters.
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
    /// Starts a format with no prefix, both modes, 26 random base62 characters and a checksum.
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

    /// Whether there are keys of this kind in this mode.
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

    /// Reads `token` as a key, without allocating and without asking anyone.
    ///
    /// # Errors
    /// [`KeyFault`] if it is not a key of this format, or its checksum does not hold.
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

    /// Whether the token has this lead, a length that there is, and the alphabet's characters. All three, as one lead may begin
    /// with another.
    #[inline]
    fn fits(&self, token: &[u8], lead: &Lead) -> bool {
        let (least, most) = (*self.body_lengths.start(), *self.body_lengths.end());
        // One comparison for both bounds.
        token.len().wrapping_sub(lead.text.len()).wrapping_sub(least) <= most.wrapping_sub(least)
            && token.strip_prefix(lead.text.as_bytes()).is_some_and(|body| {
                // Without a branch for each byte, which the compiler turns into a few vector instructions.
                body.iter().fold(true, |all, &byte| all & self.alphabet.holds(byte))
            })
    }

    /// Whether `token` begins as this format's keys do, whatever follows: so whom it was meant for.
    #[must_use]
    pub fn recognises(&self, token: &[u8]) -> bool {
        self.leads.iter().any(|lead| token.starts_with(lead.text.as_bytes()))
    }

    /// Whether a key with this hint may have been made in this format. A hint that is shorter than those of generated keys
    /// is of an imported key, and rules nothing out.
    pub(crate) fn may_have_made(&self, hint: &Hint) -> bool {
        let first = hint.first();
        let is_whole = first.len() == Hint::FIRST && hint.last().len() == Hint::LAST;
        let fits = |lead: &Lead| match first.strip_prefix(&*lead.text) {
            Some(body) => body.bytes().all(|byte| self.alphabet.holds(byte)),
            None => lead.text.starts_with(first),
        };
        !is_whole || self.leads.iter().any(fits)
    }

    /// Whether every token begins as this format's keys do.
    pub(crate) fn recognises_all(&self) -> bool {
        self.leads.iter().any(|lead| lead.text.is_empty())
    }

    /// Whether some token begins as keys of both formats do.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.leads
            .iter()
            .any(|a| other.leads.iter().any(|b| a.text.starts_with(&*b.text) || b.text.starts_with(&*a.text)))
    }

    /// Makes a new key of this kind and mode from the operating system's random generator.
    ///
    /// # Errors
    /// [`FormatError::NoSuchKey`] if the format has no such prefix, [`FormatError::Random`] if the generator fails.
    pub fn generate(&self, kind: KeyKind, mode: Mode) -> Result<PlainKey, FormatError> {
        let lead = self
            .leads
            .iter()
            .find(|lead| lead.kind == kind && lead.mode == mode)
            .ok_or(FormatError::NoSuchKey { kind, mode })?;
        // Sized once: a reallocation would leave a part of the key behind in freed memory.
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
    /// Reads the key again as `format` does, for its kind, mode and digest.
    ///
    /// # Errors
    /// [`KeyFault`] if it is not of that format.
    pub fn parse<'a>(&'a self, format: &KeyFormat) -> Result<ParsedKey<'a>, KeyFault> {
        format.parse(self.as_bytes())
    }
}

fn checksum_of(signed: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(signed);
    let mut out = [0; CHECKSUM_LENGTH];
    for slot in out.iter_mut().rev() {
        // An index below 62 is always there.
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
            // Not of a generated key, whatever it begins with.
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
    fn what_the_providers_use_can_be_written() {
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
    fn a_format_that_cannot_be_is_refused_when_it_is_built() {
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
    fn keys_that_exist_already_begin_as_they_do_and_differ_in_length() {
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
