//! The endpoints of a key.
//!
//! # Examples
//! ```
//! use keyward::{AccountId, NewKey};
//!
//! let account = AccountId::generate();
//! let new = NewKey { endpoints: vec!["GET /v1/videos/*".parse()?], ..NewKey::secret(account, "reader") };
//! assert!(new.endpoints[0].covers("GET", "/v1/videos/42"));
//! # Ok::<(), keyward::endpoint::EndpointError>(())
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::fmt;
use std::str::FromStr;

use http::Method;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

const MAX_LENGTH: usize = 256;

/// A method and path that a key may call.
///
/// `GET /v1/videos/*` covers the path and all below, `* /v1/videos` every method. GET includes HEAD. Methods are case-sensitive
/// (RFC 9110), so parsing refuses a standard method that is not in capitals. Records with one are still read.
///
/// # Examples
/// ```
/// use keyward::Endpoint;
///
/// let endpoint: Endpoint = "GET /v1/videos/*".parse()?;
/// assert!(endpoint.covers("GET", "/v1/videos"));
/// assert!(endpoint.covers("HEAD", "/v1/videos/42"));
/// assert!(!endpoint.covers("POST", "/v1/videos"));
/// assert!(!endpoint.covers("GET", "/v1/videos2"));
/// assert!(!endpoint.covers("GET", "/v1/videos/../analytics"));
/// # Ok::<(), keyward::endpoint::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "SmolStr")]
pub struct Endpoint(SmolStr);

/// The text is no endpoint.
///
/// # Examples
/// ```
/// let error = "get /v1/videos".parse::<keyward::Endpoint>().unwrap_err();
/// assert_eq!(error.to_string(), "invalid endpoint \"get /v1/videos\": methods are case-sensitive, write GET");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid endpoint {text:?}: {fault}")]
pub struct EndpointError {
    text: String,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Form,
    Case { method: &'static str },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => {
                f.write_str("expected a method or '*', a space, and a path from '/', for example 'GET /v1/videos/*'")
            }
            Self::Case { method } => write!(f, "methods are case-sensitive, write {method}"),
        }
    }
}

/// A record may be older than the check of a method's case.
#[derive(Deserialize)]
struct Stored(SmolStr);

impl Endpoint {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `true` if this endpoint covers all of `other`.
    ///
    /// # Examples
    /// ```
    /// use keyward::Endpoint;
    ///
    /// let wide: Endpoint = "* /v1/videos/*".parse()?;
    /// assert!(wide.includes(&"GET /v1/videos/42".parse()?));
    /// assert!(!wide.includes(&"GET /v1/*".parse()?));
    /// # Ok::<(), keyward::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn includes(&self, other: &Endpoint) -> bool {
        let (Some((allowed, pattern)), Some((wanted, path))) = (self.0.split_once(' '), other.0.split_once(' ')) else {
            return false;
        };
        if !(allowed == "*" || allowed == wanted || (allowed == "GET" && wanted == "HEAD")) {
            return false;
        }
        match pattern.strip_suffix("/*") {
            None => path == pattern,
            // A star is only at the end of a pattern, and no endpoint below a path has an ambiguous spelling.
            Some(base) => path.strip_prefix(base).is_some_and(|below| below.is_empty() || below.starts_with('/')),
        }
    }

    /// Returns `true` if the endpoint covers this method and the router's path.
    ///
    /// Below a path, no endpoint covers an [ambiguous](is_ambiguous_path) one.
    #[must_use]
    pub fn covers(&self, method: &str, path: &str) -> bool {
        let Some((allowed, pattern)) = self.0.split_once(' ') else { return false };
        if !(allowed == "*" || allowed == method || (allowed == "GET" && method == "HEAD")) {
            return false;
        }
        match pattern.strip_suffix("/*") {
            None => path == pattern,
            Some(base) => match path.strip_prefix(base) {
                Some("") => true,
                Some(below) => !is_ambiguous_path(below),
                None => false,
            },
        }
    }
}

/// Returns `true` if programs could read the path differently.
///
/// Refuse such a path if another program routes the request. Ambiguous are:
/// - no leading slash, `;`, `\`, empty or dot segments;
/// - encoded slashes, dots, semicolons, percent signs, question marks, number signs, letters, digits, `\`, `-`, `_` or `~`;
/// - encoded control characters, spaces at a segment's ends, bytes that are not UTF-8;
/// - percent signs without two hexadecimal digits.
///
/// # Examples
/// ```
/// use keyward::endpoint::is_ambiguous_path;
///
/// assert!(!is_ambiguous_path("/v1/videos/a%20b/"));
/// for path in ["//v1", "/v1/%2e%2e/admin", "/v1/..%2Fadmin", "/v1;x/%61dmin", "http://example.com/v1", "*"] {
///     assert!(is_ambiguous_path(path), "{path}");
/// }
/// ```
#[must_use]
pub fn is_ambiguous_path(path: &str) -> bool {
    !path.starts_with('/')
        || path.contains(['\\', ';'])
        || path.split('/').skip(1).any(|segment| segment == "." || segment == "..")
        || path.contains("//")
        || has_doubtful_encoding(path)
        || has_edging_space(path)
}

/// RFC 3986 section 6.2.2.2, CVE-2024-38473; overlong UTF-8, decoding twice.
fn has_doubtful_encoding(path: &str) -> bool {
    let mut character = Character::default();
    path.split('%').skip(1).any(|rest| {
        let digits = rest.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else { return true };
        let is_doubtful = byte.is_ascii_alphanumeric() || byte.is_ascii_control() || b"/\\.;%?#-_~".contains(&byte);
        is_doubtful || !character.takes(byte) || (rest.len() > 2 && !character.is_whole())
    }) || !character.is_whole()
}

#[derive(Default)]
struct Character {
    bytes: [u8; 4],
    length: usize,
}

impl Character {
    fn takes(&mut self, byte: u8) -> bool {
        let Some(slot) = self.bytes.get_mut(self.length) else { return false };
        *slot = byte;
        self.length = self.length.saturating_add(1);
        match std::str::from_utf8(self.bytes.get(..self.length).unwrap_or_default()) {
            Ok(_) => {
                self.length = 0;
                true
            }
            // The character is incomplete.
            Err(error) => error.error_len().is_none(),
        }
    }

    fn is_whole(&self) -> bool {
        self.length == 0
    }
}

/// CVE-2020-17523.
fn has_edging_space(path: &str) -> bool {
    path.split('/').any(|segment| segment.starts_with("%20") || segment.ends_with("%20"))
}

/// RFC 9110 and RFC 5789.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

fn check(text: &str) -> Result<(), Fault> {
    let (method, path) = text.split_once(' ').ok_or(Fault::Form)?;
    let literal = path.strip_suffix("/*").unwrap_or(path);
    let is_method = method == "*" || (Method::from_bytes(method.as_bytes()).is_ok() && !method.contains('*'));
    let is_path = literal.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'*'))
        // Including the star, so that no empty segment is hidden before it.
        && !is_ambiguous_path(path);
    if is_method && is_path && text.len() <= MAX_LENGTH { Ok(()) } else { Err(Fault::Form) }
}

/// No client sends `get` for GET, so a key with it could call nothing.
fn check_case(text: &str) -> Result<(), Fault> {
    let method = text.split(' ').next().unwrap_or_default();
    let standard = METHODS.into_iter().find(|standard| standard.eq_ignore_ascii_case(method));
    match standard {
        Some(standard) if standard != method => Err(Fault::Case { method: standard }),
        _ => Ok(()),
    }
}

fn failed(text: &str) -> impl Fn(Fault) -> EndpointError {
    move |fault| EndpointError { text: text.chars().take(64).collect(), fault }
}

impl TryFrom<Stored> for Endpoint {
    type Error = EndpointError;

    fn try_from(Stored(text): Stored) -> Result<Self, EndpointError> {
        check(&text).map_err(failed(&text))?;
        Ok(Self(text))
    }
}

impl TryFrom<SmolStr> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: SmolStr) -> Result<Self, EndpointError> {
        check(&text).and_then(|()| check_case(&text)).map_err(failed(&text))?;
        Ok(Self(text))
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        SmolStr::new(text).try_into()
    }
}

impl From<Endpoint> for SmolStr {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_covers_its_path_and_with_a_star_what_is_below() {
        for (endpoint, method, path, covered) in [
            ("GET /v1/videos", "GET", "/v1/videos", true),
            ("GET /v1/videos", "GET", "/v1/videos/", false),
            ("GET /v1/videos", "get", "/v1/videos", false),
            ("* /v1/videos", "DELETE", "/v1/videos", true),
            ("GET /*", "GET", "/anything", true),
            ("GET /v1/videos/*", "GET", "/v1/videos/1/frames", true),
            ("GET /v1/videos/*", "GET", "/v1/videos//1", false),
            ("GET /v1/videos/*", "GET", "/v1/videos/%2e%2E/analytics", false),
            ("GET /v1/videos/*", "GET", "/v1/videos/%2F", false),
            ("GET /v1/videos/*", "GET", "/v1/videos/;/x", false),
            ("GET /v1/videos/*", "GET", "/v1/videos/%61", false),
            // A program that decodes twice reads these as `..`.
            ("GET /v1/videos/*", "GET", "/v1/videos/%%32%65%%32%65/analytics", false),
            ("GET /v1/videos/*", "GET", "/V1/videos/1", false),
        ] {
            assert_eq!(
                endpoint.parse::<Endpoint>().unwrap().covers(method, path),
                covered,
                "{endpoint}: {method} {path}"
            );
        }
    }

    #[test]
    fn a_path_has_one_reading_or_is_ambiguous() {
        for path in
            ["/", "/v1/", "/v1/a%20b", "/v1/%c3%a4", "/v1/%E9%8D%B5%f0%9f%94%91x", "/v1/~a.b-c_d", "/v1/%5b%5D%40"]
        {
            assert!(!is_ambiguous_path(path), "{path}");
        }
        for path in [
            "",
            "v1",
            "*",
            "//",
            "/a//b",
            "/.",
            "/a/..",
            "/a;b",
            "/a\\b",
            "/%2f",
            "/%5C",
            "/%2e",
            "/%3b",
            "/%25",
            "/%00",
            "/%61",
            "/%41",
            "/%31",
            "/a%20",
            "/%20a",
            "/a%20/b",
            "/a/%20",
            "/a%09",
            "/a%0a",
            "/a%0D%0A",
            "/a%1f",
            "/a%7F",
            "/a%3f",
            "/a%3Fb",
            "/%u0061",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/a%23",
            "/a%23b",
            "/a%2db",
            "/a%5F",
            "/%7ea",
            "/%c0%af",
            "/%C0%AE%C0%AE/a",
            "/%c1%a1",
            "/%e0%80%af",
            "/%f0%80%80%af",
            "/%80",
            "/%c3",
            "/%c3a",
            "/%c3/%a4",
            "/%c3%c3%a4",
            "/%ed%a0%80",
            "/%f4%90%80%80",
            "/%ff",
            "/%fe",
            "/%c3%a4%a4",
            "/%e2%82",
            "/%c3%20",
        ] {
            assert!(is_ambiguous_path(path), "{path}");
        }
    }

    #[test]
    fn ambiguous_texts_are_not_endpoints() {
        for text in [
            "",
            "GET",
            "/v1",
            "GET v1",
            "GET /v1/*/x",
            "GET /v1?x",
            "G T /v1",
            "GET /a/../b",
            "GET /a//b",
            "GET //*",
            "GET /a//*",
            "GET* /v1",
            "GET /v1/%61dmin",
            "GET /%%32%65%%32%65/*",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_standard_method_is_in_capitals() {
        for (text, correct) in [("get /x", "GET"), ("Post /v1/*", "POST"), ("patch /", "PATCH"), ("hEAD /x", "HEAD")] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            let expected = format!("invalid endpoint {text:?}: methods are case-sensitive, write {correct}");
            assert_eq!(error, expected);
            // A store may have it from before this rule.
            let stored: Endpoint = serde_json::from_value(text.into()).unwrap();
            assert_eq!(serde_json::to_value(&stored).unwrap(), text);
        }
        for text in ["PURGE /x", "purge /x", "M-SEARCH /x", "* /x"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn endpoint_includes_what_it_covers_and_nothing_else() {
        for (wide, narrow, included) in [
            ("GET /v1/videos", "GET /v1/videos", true),
            ("GET /v1/videos", "HEAD /v1/videos", true),
            ("HEAD /v1/videos", "GET /v1/videos", false),
            ("GET /v1/videos", "* /v1/videos", false),
            ("* /v1/videos", "POST /v1/videos", true),
            ("GET /v1/videos", "GET /v1/videos/*", false),
            ("GET /v1/videos/*", "GET /v1/videos", true),
            ("GET /v1/videos/*", "GET /v1/videos/*", true),
            ("GET /v1/videos/*", "GET /v1/videos/1/frames/*", true),
            ("GET /v1/videos/*", "GET /v1/videos2", false),
            ("GET /v1/videos/*", "GET /v1/*", false),
            ("GET /*", "GET /v1/*", true),
            ("GET /*", "GET /", true),
        ] {
            let (outer, inner): (Endpoint, Endpoint) = (wide.parse().unwrap(), narrow.parse().unwrap());
            assert_eq!(outer.includes(&inner), included, "{wide} includes {narrow}");
        }
    }
}
