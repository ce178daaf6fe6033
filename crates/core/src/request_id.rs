use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use smol_str::SmolStr;

use crate::key::BASE62;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

const MAX_LENGTH: usize = 128;

/// A request's id: `X-Request-Id`, `Request-Id`, or a new one.
///
/// A client's must be 1 to 128 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(SmolStr);

impl RequestId {
    /// Returns the request's id.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(X_REQUEST_ID).or_else(|| headers.get(REQUEST_ID));
        Self::of_bytes(sent.map(HeaderValue::as_bytes))
    }

    /// Returns the id of a request whose field is `sent`, for other versions of `http`.
    #[must_use]
    pub fn of_bytes(sent: Option<&[u8]>) -> Self {
        sent.and_then(|bytes| {
            let fits = (1..=MAX_LENGTH).contains(&bytes.len())
                && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
            if fits { std::str::from_utf8(bytes).ok().map(|text| Self(SmolStr::new(text))) } else { None }
        })
        .unwrap_or_else(Self::generate)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_header(&self) -> HeaderValue {
        HeaderValue::from_maybe_shared(Bytes::from_owner(self.0.clone()))
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }

    fn generate() -> Self {
        let mut id = *b"req_0000000000000000";
        for part in id[4..].chunks_exact_mut(8) {
            // The number is a fraction of 2^64. Each multiplication moves one base-62 digit before the point.
            let mut fraction = any_number();
            for digit in part {
                let product = u128::from(fraction) * BASE62.len() as u128;
                *digit = BASE62[(product >> 64) as usize];
                fraction = product as u64;
            }
        }
        Self(str::from_utf8(&id).map(SmolStr::new).unwrap_or_default())
    }
}

/// Not for secrets. Asking the operating system is slow.
pub(crate) fn any_number() -> u64 {
    thread_local!(static NUMBERS: (RandomState, Cell<u64>) = (RandomState::new(), const { Cell::new(0) }));
    NUMBERS.with(|(key, counter)| {
        counter.set(counter.get().wrapping_add(1));
        key.hash_one(counter.get())
    })
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn new_ids_differ_on_all_threads_and_have_every_digit() {
        let ids = || (0..10_000).map(|_| RequestId::generate().0).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(ids)).collect();
        let ids: HashSet<SmolStr> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.len(), 40_000);
        for place in 4..20 {
            assert_eq!(ids.iter().map(|id| id.as_bytes()[place]).collect::<HashSet<_>>().len(), 62);
        }
        assert!(ids.iter().all(|id| id.len() == 20 && id.starts_with("req_")));
    }
}
