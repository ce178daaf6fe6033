//! Keys, a store, requests and a no-op service.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use keyward::adapter::{Check, Target, UnknownConnection};
use keyward::key::{Digest, Hasher, KeyFormat, KeyKind};
use keyward::store::{Found, Freshness, KeyStore, StoreError, StoredKey, async_trait};
use keyward::{Authenticator, CredentialId, Identity, MemoryStore, Mode};

/// A store in memory whose answers may be cached.
pub struct Table(HashMap<Digest, Identity>);

#[async_trait]
impl KeyStore for Table {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        Ok(match self.0.get(digest) {
            Some(identity) => Found::key(StoredKey::new(identity.clone())),
            None => Found::unknown(),
        })
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(Duration::from_secs(3_600))
    }
}

/// A store that knows every key, and keeps none.
pub struct Everyone;

#[async_trait]
impl KeyStore for Everyone {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let [a, b, c, d, ..] = *digest.as_bytes();
        Ok(Found::key(StoredKey::new(identity(u32::from_le_bytes([a, b, c, d]) as usize))))
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(Duration::from_secs(3_600))
    }
}

struct Leased(Table, MemoryStore);

#[async_trait]
impl KeyStore for Leased {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        self.0.find(digest).await
    }

    fn freshness(&self) -> Freshness {
        self.1.freshness()
    }
}

/// Creates an authenticator under leases, with all of these keys in its cache. Call it outside a runtime.
///
/// # Panics
/// If a key is refused.
pub fn leased(keys: &[(String, Identity)]) -> Authenticator {
    let authenticator = Authenticator::new(Leased(table(keys), MemoryStore::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Answers that are read before the lease are not cached, so this repeats until no key needs a read.
    let mut is_warm = false;
    while !is_warm {
        is_warm = true;
        for (key, _) in keys {
            let target = Target { method: "GET", path: "/", preflight: false, connection: &UnknownConnection };
            match authenticator.check(target, [format!("Bearer {key}").as_bytes()]) {
                Check::Done(verdict) => assert!(verdict.is_ok()),
                Check::Pending(pending) => {
                    is_warm = false;
                    runtime.block_on(authenticator.resolve(pending)).unwrap();
                }
            }
        }
    }
    authenticator
}

/// Generates `count` plain keys with their identities.
pub fn keys(count: usize) -> Vec<(String, Identity)> {
    plain_keys(count).into_iter().enumerate().map(|(number, key)| (key, identity(number))).collect()
}

/// Generates `count` plain keys.
pub fn plain_keys(count: usize) -> Vec<String> {
    let format = KeyFormat::default();
    let generate = |_| format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once().to_string();
    (0..count).map(generate).collect()
}

/// Returns an identity with ids, scopes and a plan.
pub fn identity(number: usize) -> Identity {
    Identity::api_key(
        format!("key_{number:016}").parse::<CredentialId>().unwrap(),
        "acct_0123456789abcdef".parse().unwrap(),
    )
    .with_scopes("resources:read resources:write jobs:write".parse().unwrap())
    .with_plan("Pro")
}

/// Builds a store with these keys.
pub fn table(keys: &[(String, Identity)]) -> Table {
    let (format, hasher) = (KeyFormat::default(), Hasher::default());
    Table(
        keys.iter()
            .map(|(key, identity)| (hasher.digest(&format.parse(key.as_bytes()).unwrap()), identity.clone()))
            .collect(),
    )
}

/// Builds a request with this key.
pub fn request(key: &str) -> Request<Body> {
    let mut value = String::with_capacity(64);
    value.push_str("Bearer ");
    value.push_str(key);
    Request::get("/v1/resources").header("authorization", value).body(Body::empty()).unwrap()
}

/// The protected service.
#[derive(Clone)]
pub struct NoOp;

impl tower::Service<Request<Body>> for NoOp {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        std::hint::black_box(&request);
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
        ready(Ok(response))
    }
}

/// Returns this thread's processor time so far, which other programs do not affect.
pub fn thread_time() -> Duration {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(at.tv_sec.try_into().unwrap(), at.tv_nsec.try_into().unwrap())
}

/// Returns the median.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
