use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::origin::{PublicUrl, PublicUrlError};

/// An origin whose pages may show the dashboard in a frame: `https://`, a host and an optional port. On loopback, also `http://`.
///
/// # Examples
/// ```
/// use keyward::manage::EmbedOrigin;
///
/// let origin: EmbedOrigin = "https://app.example.com".parse()?;
/// assert_eq!(origin.to_string(), "https://app.example.com");
/// assert!("http://localhost:3000".parse::<EmbedOrigin>().is_ok());
/// for wrong in ["https://*.example.com", "http://app.example.com", "https://app.example.com/keys", "*", "null"] {
///     assert!(wrong.parse::<EmbedOrigin>().is_err(), "{wrong}");
/// }
/// # Ok::<(), keyward::manage::EmbedOriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EmbedOrigin(PublicUrl);

/// Invalid origin for frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid origin {text:?}: {why}; write it like https://app.example.com")]
pub struct EmbedOriginError {
    text: String,
    why: &'static str,
}

impl FromStr for EmbedOrigin {
    type Err = EmbedOriginError;

    fn from_str(text: &str) -> Result<Self, EmbedOriginError> {
        let wrong = |why| EmbedOriginError { text: text.to_owned(), why };
        if text.contains('*') {
            return Err(wrong("it has a wildcard, but each origin must be named"));
        }
        let url: PublicUrl = text.parse().map_err(|error: PublicUrlError| wrong(error.why()))?;
        // The policy is a list with separators, and knows no IPv6 addresses.
        let origin = url.to_string();
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':')) {
            return Err(wrong("its host is neither a name nor an IPv4 address"));
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for EmbedOrigin {
    type Error = EmbedOriginError;

    fn try_from(text: String) -> Result<Self, EmbedOriginError> {
        text.parse()
    }
}

impl fmt::Display for EmbedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_adds_one_source_to_the_policy() {
        for (text, expected) in [
            ("https://app.example.com", Some("https://app.example.com")),
            ("https://App.Example.com:443/", Some("https://app.example.com")),
            ("https://app.example.com:8443", Some("https://app.example.com:8443")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://127.0.0.1:3000", Some("http://127.0.0.1:3000")),
            ("http://app.example.com", None),
            ("https://*.example.com", None),
            ("https://app.example.com/keys", None),
            ("https://app.example.com?x", None),
            ("https://a.example;script-src", None),
            ("https://a.example,b.example", None),
            ("https://'unsafe-inline'", None),
            ("https://a.example https://b.example", None),
            ("http://[::1]:3000", None),
            ("https:", None),
            ("data:", None),
            ("*", None),
            ("null", None),
            ("'self'", None),
            ("", None),
        ] {
            let read = text.parse::<EmbedOrigin>().map(|origin| origin.to_string()).ok();
            assert_eq!(read.as_deref(), expected, "{text:?}");
        }
    }
}
