//! The id of a request, for a refusal that its caller wants to ask about.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use smol_str::SmolStr;

use crate::key::random_base62;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The longest id that is taken over from a request, in bytes.
const MAX_LENGTH: usize = 128;

/// The id of a request: the one that it came with, in `X-Request-Id` or `Request-Id`, or a new one.
///
/// An id that came with the request is taken only if it is 1 to 128 of `A-Z a-z 0-9 . _ -`, so that it can stand in
/// any log, header or body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(SmolStr);

impl RequestId {
    /// The id of the request with these headers.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(X_REQUEST_ID).or_else(|| headers.get(REQUEST_ID));
        Self::of_bytes(sent.map(HeaderValue::as_bytes))
    }

    pub(crate) fn of_bytes(sent: Option<&[u8]>) -> Self {
        sent.and_then(|bytes| {
            let fits = (1..=MAX_LENGTH).contains(&bytes.len())
                && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
            if fits { std::str::from_utf8(bytes).ok().map(|text| Self(SmolStr::new(text))) } else { None }
        })
        .unwrap_or_else(Self::generate)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_header(&self) -> HeaderValue {
        HeaderValue::try_from(self.as_str()).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }

    fn generate() -> Self {
        // Without randomness the id says nothing, and the refusal stands all the same.
        let random = random_base62::<16>().unwrap_or([b'0'; 16]);
        Self(SmolStr::from_iter(b"req_".iter().chain(&random).map(|&byte| char::from(byte))))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
