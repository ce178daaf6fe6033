//! Pages and files as gzip, RFC 9110 section 12.5.3.
//!
//! `tower-http` would compress, too. Then every program of a workspace that uses its other layers compiles eight more crates.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::io::Write as _;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method};

/// A shorter body fits into one packet anyway.
const SHORTEST: u64 = 1_024;
const LONGEST: u64 = 2 * 1_024 * 1_024;

/// A response that has a secret beside what the request may choose: its length would tell whether both are alike (the attack BREACH).
#[derive(Clone, Copy)]
pub(super) struct Uncompressed;

pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|field| field.to_str().ok());
    let mut entries = fields.flat_map(|field| field.split(',')).map(|entry| {
        let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.trim().parse::<f64>().ok());
        (name.trim(), weight.unwrap_or(0.0))
    });
    entries.any(|(name, weight)| name.eq_ignore_ascii_case("gzip") && weight > 0.0)
}

/// Compresses what a page without secrets answers, if the client takes it.
pub(crate) async fn compressed(request: Request, next: Next) -> Response {
    let is_compressed = request.method() == Method::GET && accepts_gzip(request.headers());
    let response = next.run(request).await;
    if is_compressed { compress(response).await } else { response }
}

/// Compresses a text whose length is known. Others, such as streams and images, stay as they are.
pub(super) async fn compress(response: Response) -> Response {
    let is_text = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/"));
    let length = response.body().size_hint().exact();
    let fits = length.is_some_and(|length| (SHORTEST..=LONGEST).contains(&length));
    let is_left =
        response.extensions().get::<Uncompressed>().is_some() || response.headers().contains_key(CONTENT_ENCODING);
    if !is_text || !fits || is_left {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(plain) = axum::body::to_bytes(body, usize::MAX).await else {
        return Response::from_parts(head, Body::empty());
    };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let body = match encoder.write_all(&plain).and_then(|()| encoder.finish()) {
        Ok(compressed) => {
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            head.headers.remove(CONTENT_LENGTH);
            Body::from(compressed)
        }
        Err(_) => Body::from(plain),
    };
    head.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    Response::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_if_the_client_takes_it() {
        for (field, accepts) in [
            ("gzip", true),
            ("br, GZIP;q=0.5, *;q=0", true),
            ("gzip; q=1.0", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("gzip;q=x", false),
            ("br", false),
            ("x-gzip", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(field));
            assert_eq!(accepts_gzip(&headers), accepts, "{field}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
