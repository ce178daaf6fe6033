//! The middleware around every page: visitor, errors and security headers.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headers::{CacheControl, HeaderMapExt as _, StrictTransportSecurity};
use http::Method;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use keyward_core::adapter::{RequestId, Transport};

use super::app::App;
use super::compression::{accepts_gzip, compress};
use super::error::PageError;
use super::pages::error::render;
use super::visitor::Visitor;
use crate::web::{Arrival, write_pending};

/// The page that sets up a second factor.
const SET_UP: &str = "/settings/second-factor";
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

pub(super) async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let request_id = RequestId::of(request.headers());
    let arrival = Arrival::of(&request, app.management(), request_id.as_str());
    let (is_exposed, is_secure) = (arrival.is_exposed(), arrival.transport == Transport::Secure);
    let mut visitor = Visitor::new(app, &request, arrival);
    visitor.load_look().await;
    let is_get = request.method() == Method::GET;
    // The answer to a form may show a secret beside what was sent, so its length could reveal the secret (the attack BREACH).
    let is_compressed = is_get && accepts_gzip(request.headers());
    let mut response = if is_exposed {
        // A browser would refuse the cookies, and others could read the password.
        PageError::plain_text().into_response()
    } else if is_get && let Some(path) = visitor.path_without_empty_fields() {
        // A form without a script sends its empty fields, too.
        visitor.go(&path)
    } else {
        request.extensions_mut().insert(visitor.clone());
        next.run(request).await
    };
    if let Some(error) = response.extensions_mut().remove::<PageError>() {
        let cookies = response.headers().get_all(SET_COOKIE).iter().cloned().collect();
        response =
            if is_get && error.needs_factor { visitor.go(SET_UP) } else { render(error, &visitor, cookies).await };
    }
    write_pending(&mut response, request_id.as_str());
    let headers = response.headers_mut();
    visitor.app.security_headers().add_to(headers);
    if !headers.contains_key(CACHE_CONTROL) {
        headers.typed_insert(CacheControl::new().with_no_store());
    }
    if is_secure {
        headers.typed_insert(StrictTransportSecurity::excluding_subdomains(YEAR));
    }
    if is_compressed { compress(response).await } else { response }
}
