//! RFC 9110 section 11.4, RFC 6750 section 2.1. White space around a field is no fault (RFC 9110 section 5.5).

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::fmt;

/// The longest token, in bytes.
pub const MAX_TOKEN_LENGTH: usize = 512;

/// A request's token, hidden in `Debug`.
///
/// # Examples
/// ```
/// use keyward::adapter::{Credential, CredentialFault};
///
/// let credential = Credential::from_fields([b"bearer  kw_live_abc".as_slice()])?;
/// assert_eq!(credential.token(), b"kw_live_abc");
/// let quoted = Credential::from_fields([br#"Bearer "kw_live_abc""#.as_slice()]);
/// assert_eq!(quoted.unwrap_err(), CredentialFault::Quoted);
/// # Ok::<(), CredentialFault>(())
/// ```
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    token: &'a [u8],
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialFault {
    /// There is no field.
    #[error("no Authorization header: send `Authorization: Bearer YOUR_API_KEY`")]
    Missing,
    /// The scheme is not Bearer.
    #[error("the Authorization header does not use the Bearer scheme: send `Authorization: Bearer YOUR_API_KEY`")]
    OtherScheme,
    /// No token follows the scheme.
    #[error("the Authorization header contains no key: check that the variable that holds it is set")]
    Empty,
    /// There are several fields.
    #[error("several Authorization headers: send one")]
    SeveralFields,
    /// A field has several credentials.
    #[error("the Authorization header contains a comma: send exactly one key")]
    List,
    /// The token is quoted or in angle brackets.
    #[error("the key is enclosed in quotes or brackets: send it without them")]
    Quoted,
    /// The token has white space, possibly encoded or invisible.
    #[error("white space in or around the key, such as a space or a line break: remove it")]
    WhiteSpace,
    /// The token has a control character.
    #[error("the key contains a control character: copy the key again")]
    Control,
    /// The token is not ASCII.
    #[error("the key contains a non-ASCII character: copy the key again")]
    NonAscii,
    /// The token exceeds [`MAX_TOKEN_LENGTH`].
    #[error("the key is longer than {MAX_TOKEN_LENGTH} bytes: copy the key again")]
    TooLong,
    /// RFC 6750 section 2.1 forbids a character.
    #[error("the key contains a character that is not allowed in a key: copy the key again")]
    Character,
    /// Several [places](crate::adapter::Location) carry a key.
    #[error("API keys in several places of the request: send one")]
    SeveralLocations,
    /// HTTP Basic without a key as user name and an empty password.
    #[error("the Basic credential is not a key with an empty password: send it as `curl -u YOUR_API_KEY:` does")]
    Basic,
}

impl<'a> Credential<'a> {
    /// Reads all `Authorization` fields.
    ///
    /// # Errors
    /// [`CredentialFault`] unless they are exactly one Bearer token.
    pub fn from_fields(fields: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, CredentialFault> {
        let credential = Self::unchecked_from_fields(fields)?;
        credential.fault().map_or(Ok(credential), Err)
    }

    #[inline]
    pub(crate) fn unchecked_from_fields(fields: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, CredentialFault> {
        let mut fields = fields.into_iter();
        let field = fields.next().ok_or(CredentialFault::Missing)?;
        if fields.next().is_some() {
            return Err(CredentialFault::SeveralFields);
        }
        // Nearly all clients send one space, and none at the end.
        if let Some(token) = field.strip_prefix(b"Bearer ")
            && let [first, .., last] = token
            && !is_space(*first)
            && !is_space(*last)
        {
            return Ok(Self { token });
        }
        Self::of_unusual(field)
    }

    pub(crate) fn of_unusual(field: &'a [u8]) -> Result<Self, CredentialFault> {
        let field = trim(field);
        let scheme_length = field.iter().position(|&b| is_space(b)).unwrap_or(field.len());
        let (scheme, rest) = field.split_at(scheme_length);
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Err(other_scheme(scheme));
        }
        let token = trim(rest);
        if token.is_empty() {
            return Err(CredentialFault::Empty);
        }
        Ok(Self { token })
    }

    #[cold]
    pub(crate) fn fault(&self) -> Option<CredentialFault> {
        let fits = self.token.len() <= MAX_TOKEN_LENGTH && self.token.iter().all(|&b| is_token_byte(b));
        if fits { None } else { Some(fault_of(self.token)) }
    }

    /// Returns the token (`b64token` of RFC 6750).
    #[must_use]
    pub fn token(&self) -> &'a [u8] {
        self.token
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(<redacted>)")
    }
}

pub(crate) fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_space(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_space(*last)
    {
        bytes = rest;
    }
    bytes
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

fn other_scheme(scheme: &[u8]) -> CredentialFault {
    match scheme {
        [] => CredentialFault::Empty,
        [b'"' | b'\'', ..] => CredentialFault::Quoted,
        _ if scheme
            .split_at_checked(7)
            .is_some_and(|(start, rest)| !rest.is_empty() && start.eq_ignore_ascii_case(b"bearer,")) =>
        {
            CredentialFault::List
        }
        _ => CredentialFault::OtherScheme,
    }
}

/// The most helpful comes first.
fn fault_of(token: &[u8]) -> CredentialFault {
    let has = |predicate: fn(&u8) -> bool| token.iter().any(predicate);
    if token.len() > MAX_TOKEN_LENGTH {
        CredentialFault::TooLong
    } else if has(|b| b.is_ascii_control() && *b != b'\t') {
        CredentialFault::Control
    } else if has(|b| *b == b',') {
        CredentialFault::List
    } else if is_wrapped(token) {
        CredentialFault::Quoted
    } else if has(|b| is_space(*b)) || has_disguised_space(token) {
        CredentialFault::WhiteSpace
    } else if has(|b| !b.is_ascii()) {
        CredentialFault::NonAscii
    } else {
        CredentialFault::Character
    }
}

fn is_wrapped(token: &[u8]) -> bool {
    const MARKS: [&str; 10] = ["\"", "'", "`", "<", ">", "“", "”", "‘", "’", "«"];
    MARKS.iter().any(|mark| token.starts_with(mark.as_bytes()) || token.ends_with(mark.as_bytes()))
}

fn has_disguised_space(token: &[u8]) -> bool {
    const FORMS: [&[u8]; 15] = [
        b"\\n",
        b"\\r",
        b"\\t",
        b"%20",
        b"%09",
        b"%0A",
        b"%0a",
        b"%0D",
        b"%0d",
        b"\xA0",
        b"\xC2\xA0",
        b"\xE2\x80\x8B",
        b"\xE2\x80\xA8",
        b"\xEF\xBB\xBF",
        b"\xE3\x80\x80",
    ];
    FORMS.iter().any(|form| token.starts_with(form) || token.ends_with(form))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scheme_case_and_surrounding_white_space_are_ignored() {
        for field in [
            "Bearer abc",
            "bearer abc",
            "BEARER abc",
            "bEaReR   abc",
            "Bearer\tabc",
            "Bearer \t abc",
            " Bearer abc",
            "Bearer abc \t",
        ] {
            let credential = Credential::from_fields([field.as_bytes()]).unwrap();
            assert_eq!(credential.token(), b"abc", "{field:?}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_token() {
        let credential = Credential::from_fields([b"Bearer abc".as_slice()]).unwrap();
        assert_eq!(format!("{credential:?}"), "Credential(<redacted>)");
    }

    proptest! {
        #[test]
        fn the_short_way_reads_what_the_general_way_reads(
            scheme in "Bearer ?|bearer |Bearer\t|Bearer  | Bearer |Basic |",
            token in proptest::collection::vec(proptest::sample::select(b" \t\"aZ9_,\xA0".as_slice()), 0..6),
        ) {
            let field = [scheme.as_bytes(), &token].concat();
            let short = Credential::unchecked_from_fields([field.as_slice()]).map(|credential| credential.token);
            prop_assert_eq!(short, Credential::of_unusual(&field).map(|credential| credential.token));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(fields in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 0..3)) {
            if let Ok(credential) = Credential::from_fields(fields.iter().map(Vec::as_slice)) {
                prop_assert!(credential.token().iter().all(|&b| is_token_byte(b)));
            }
        }
    }
}
