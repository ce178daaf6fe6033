//! Careful handwritten middleware, which does what keyward does for a warm hit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, StatusCode};
use keyward::Identity;
use keyward::clock::{Clock, SystemClock};
use moka::future::Cache;
use sha2::{Digest, Sha256};

/// The cache and the table behind it.
#[derive(Clone)]
pub struct Baseline {
    cache: Cache<[u8; 32], Arc<Identity>>,
    table: Arc<HashMap<[u8; 32], Identity>>,
}

impl Baseline {
    /// Fills the table.
    pub fn new(keys: &[(String, Identity)]) -> Self {
        Self {
            cache: Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(60)).build(),
            table: Arc::new(
                keys.iter().map(|(key, identity)| (Sha256::digest(key.as_bytes()).into(), identity.clone())).collect(),
            ),
        }
    }

    /// Returns the identity of a token, from the cache or the table, unless it has expired.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn identity(&self, token: &str) -> Result<Arc<Identity>, StatusCode> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let identity = self.cache.try_get_with(digest, self.find(digest)).await.map_err(|status| *status)?;
        if identity.expires_at().is_some_and(|end| end <= SystemClock.now()) {
            return Err(StatusCode::UNAUTHORIZED);
        }
        Ok(identity)
    }

    async fn find(&self, digest: [u8; 32]) -> Result<Arc<Identity>, StatusCode> {
        let identity = self.table.get(&digest).cloned().ok_or(StatusCode::UNAUTHORIZED)?;
        Ok(Arc::new(identity))
    }
}

/// Authenticates a request.
pub async fn authenticate(State(state): State<Baseline>, mut request: Request, next: Next) -> Response {
    let Some(token) = bearer(request.headers()) else { return refused(StatusCode::UNAUTHORIZED) };
    let identity = match state.identity(token).await {
        Ok(identity) => identity,
        Err(status) => return refused(status),
    };
    request.extensions_mut().insert(identity);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// Returns the token, if there is exactly one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let field = fields.next()?.to_str().ok()?;
    if fields.next().is_some() {
        return None;
    }
    let (scheme, token) = field.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// Returns a refusal without a body.
pub fn refused(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
