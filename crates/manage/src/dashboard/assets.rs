//! The style sheet, the script and the logo: served under names that change with their contents, and kept by browsers for a year.

use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use super::App;

const STYLE: &str = include_str!("dashboard.css");
const SCRIPT: &str = include_str!("dashboard.js");

pub(super) static STYLE_NAME: LazyLock<String> =
    LazyLock::new(|| format!("style.{}.css", short_hash(STYLE.as_bytes())));
pub(super) static SCRIPT_NAME: LazyLock<String> =
    LazyLock::new(|| format!("script.{}.js", short_hash(SCRIPT.as_bytes())));

fn short_hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes).get(..8).unwrap_or_default())
}

/// The name of the logo, if there is one.
pub(super) fn logo_name(app: &App) -> Option<String> {
    app.settings().logo.as_ref().map(|logo| format!("logo.{}", short_hash(&logo.bytes)))
}

pub(super) async fn serve(State(app): State<App>, Path(name): Path<String>) -> Response {
    let (media_type, body) = if name == *STYLE_NAME {
        ("text/css; charset=utf-8", bytes::Bytes::from_static(STYLE.as_bytes()))
    } else if name == *SCRIPT_NAME {
        ("text/javascript; charset=utf-8", bytes::Bytes::from_static(SCRIPT.as_bytes()))
    } else {
        match app.settings().logo.as_ref().filter(|_| logo_name(&app).as_ref() == Some(&name)) {
            Some(logo) => (logo.media_type, logo.bytes.clone()),
            None => return StatusCode::NOT_FOUND.into_response(),
        }
    };
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    ([(CONTENT_TYPE, HeaderValue::from_static(media_type)), (CACHE_CONTROL, forever)], body).into_response()
}
