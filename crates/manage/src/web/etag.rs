//! Versions as entity tags: `ETag` and `If-Match` (RFC 9110 sections 8.8.3 and 13.1.1).

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::Json;
use axum::response::{IntoResponse, Response};
use headers::{HeaderMapExt as _, IfMatch};
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;

use super::problem::Problem;
use crate::error::ManagementError;

pub(crate) struct Tagged<T>(pub(crate) u64, pub(crate) T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        ([(ETAG, tag(self.0))], Json(self.1)).into_response()
    }
}

pub(crate) fn tag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// Without a match, a version that no record has: rights are checked before conflicts.
pub(crate) async fn if_match(
    headers: &HeaderMap,
    current: impl Future<Output = Result<Option<u64>, ManagementError>>,
) -> Result<u64, Problem> {
    const NO_VERSION: u64 = u64::MAX;
    if !headers.contains_key(IF_MATCH) {
        return Err(Problem::PreconditionRequired);
    }
    let malformed = || Problem::Unreadable("invalid If-Match: expected `*` or a list of ETags in quotes".to_owned());
    // `headers` ignores elements that it cannot parse.
    if !is_any_or_tags(headers.get_all(IF_MATCH).iter().map(HeaderValue::as_bytes)) {
        return Err(malformed());
    }
    let wanted: IfMatch = headers.typed_get().ok_or_else(malformed)?;
    let Some(version) = current.await? else { return Ok(NO_VERSION) };
    let own: headers::ETag =
        format!("\"{version}\"").parse().map_err(|_| Problem::Management(ManagementError::Internal))?;
    // Strong comparison: a weak tag matches nothing.
    Ok(if wanted.precondition_passes(&own) { version } else { NO_VERSION })
}

/// RFC 9110 sections 5.6.1 and 8.8.3.
fn is_any_or_tags<'a>(lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut elements = Vec::new();
    for line in lines {
        let mut is_quoted = false;
        let split = line.split(|&byte| {
            is_quoted ^= byte == b'"';
            byte == b',' && !is_quoted
        });
        elements.extend(split.map(|element| element.trim_ascii()).filter(|element| !element.is_empty()));
    }
    let is_tag = |element: &[u8]| {
        let opaque = element.strip_prefix(b"W/").unwrap_or(element);
        let inner = opaque.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        inner.is_some_and(|inner| inner.iter().all(|&byte| byte == 0x21 || (byte >= 0x23 && byte != 0x7f)))
    };
    elements == [b"*"] || (!elements.is_empty() && elements.into_iter().all(is_tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_a_star_or_tags_and_nothing_else() {
        for (lines, expected) in [
            (&["*"][..], true),
            (&[" * "], true),
            (&["\"1\""], true),
            (&["\"1\", \"99\""], true),
            (&["\"1\",,\"99\" ,"], true),
            (&["\"1\"", "\"99\""], true),
            (&["W/\"1\""], true),
            (&["\"a,b\""], true),
            (&["\"\""], true),
            (&[""], false),
            (&[","], false),
            (&["1"], false),
            (&["\"1"], false),
            (&["\""], false),
            (&["\"a b\""], false),
            (&["w/\"1\""], false),
            (&["*, \"1\""], false),
            (&["*", "\"1\""], false),
            (&["*", "*"], false),
            (&["\"1\" \"2\""], false),
        ] {
            assert_eq!(is_any_or_tags(lines.iter().map(|line| line.as_bytes())), expected, "{lines:?}");
        }
    }
}
