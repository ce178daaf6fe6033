//! The style sheet, the script and the logo. Names change with contents.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use super::error::PageError;
use super::visitor::Visitor;
use crate::web::{IMMUTABLE, short_hash};

const STYLE: &str = include_str!("dashboard.css");
const SCRIPT: &str = include_str!("dashboard.js");

pub(super) static STYLE_NAME: LazyLock<String> =
    LazyLock::new(|| format!("style.{}.css", short_hash(STYLE.as_bytes())));
pub(super) static SCRIPT_NAME: LazyLock<String> =
    LazyLock::new(|| format!("script.{}.js", short_hash(SCRIPT.as_bytes())));

/// Lets an image run and fetch nothing.
const IMAGE_CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

pub(super) fn logo_name(visitor: &Visitor) -> Option<String> {
    let own = visitor.look.logo.clone();
    let id = own.or_else(|| visitor.app.settings().logo.as_ref().map(|logo| short_hash(&logo.bytes)));
    id.map(|id| format!("logo.{id}"))
}

pub(super) fn accent_name(visitor: &Visitor) -> Option<String> {
    visitor.look.accent.map(|accent| format!("accent.{}.css", short_hash(accent.style().as_bytes())))
}

pub(super) async fn serve(visitor: Visitor, Path(name): Path<String>) -> Result<Response, PageError> {
    let css = "text/css; charset=utf-8";
    let (media_type, body) = if name == *STYLE_NAME {
        (css, Bytes::from_static(STYLE.as_bytes()))
    } else if name == *SCRIPT_NAME {
        ("text/javascript; charset=utf-8", Bytes::from_static(SCRIPT.as_bytes()))
    } else if let Some(accent) = visitor.look.accent.filter(|_| accent_name(&visitor).as_ref() == Some(&name)) {
        (css, accent.style().into())
    } else if logo_name(&visitor).as_ref() == Some(&name) {
        match (&visitor.look.logo, &visitor.app.settings().logo) {
            (Some(id), _) => match visitor.app.management().logo(id).await? {
                Some(logo) => (logo.media_type, logo.bytes.into()),
                None => return Ok(StatusCode::NOT_FOUND.into_response()),
            },
            (None, Some(logo)) => (logo.media_type, logo.bytes.clone()),
            (None, None) => return Ok(StatusCode::NOT_FOUND.into_response()),
        }
    } else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, IMMUTABLE)];
    let mut response = (headers, body).into_response();
    if media_type.starts_with("image/") {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(IMAGE_CSP));
    }
    Ok(response)
}
