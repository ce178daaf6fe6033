//! What a careful developer writes by hand: `from_fn_with_state`, SHA-256, and `moka::future` with a time to live.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use http::header::AUTHORIZATION;
use keyward::Identity;
use moka::future::Cache;
use sha2::{Digest, Sha256};

pub(crate) type Digests = Cache<[u8; 32], Arc<Identity>>;

pub(crate) async fn cache(keys: &[(String, Identity)]) -> Digests {
    let cache = Cache::builder().max_capacity(2 * keys.len() as u64).time_to_live(Duration::from_secs(3_600)).build();
    for (key, identity) in keys {
        cache.insert(Sha256::digest(key.as_bytes()).into(), Arc::new(identity.clone())).await;
    }
    cache.run_pending_tasks().await;
    cache
}

pub(crate) async fn authenticate(State(cache): State<Digests>, mut request: Request, next: Next) -> Response {
    let token = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let Some(token) = token else { return refused() };
    let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let Some(identity) = cache.get(&digest).await else { return refused() };
    request.extensions_mut().insert(identity);
    next.run(request).await
}

fn refused() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}
