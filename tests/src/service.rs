use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use keyward::key::Digest;
use keyward::serve::{Limits, serve};
use keyward::store::{Found, Freshness, KeyStore, StoreError, async_trait};
use keyward::{AccountId, AccountRecord, Keys, MemoryStore, NewKey};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tower::{Service, ServiceExt};

pub struct Demo {
    pub store: MemoryStore,
    pub keys: Keys,
    pub account: AccountId,
}

impl Demo {
    pub async fn new() -> Self {
        let store = MemoryStore::new();
        let keys = Keys::new(store.clone());
        let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
        keys.put_account(&account).await.unwrap();
        Self { store, keys, account: account.id }
    }

    pub async fn full_key(&self) -> String {
        self.issue(NewKey::secret(self.account.clone(), "full")).await
    }

    pub async fn restricted_key(&self, scopes: &str) -> String {
        self.issue(NewKey::restricted(self.account.clone(), "restricted", scopes.parse().unwrap())).await
    }

    pub async fn issue(&self, new: NewKey) -> String {
        self.keys.issue(new).await.unwrap().key.expose_once().to_string()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    Unavailable,
    Hangs,
    Corrupt,
}

#[async_trait]
impl KeyStore for Broken {
    async fn find(&self, _: &Digest) -> Result<Found, StoreError> {
        match self {
            Self::Unavailable => Err(StoreError::unavailable("connection refused")),
            Self::Hangs => std::future::pending().await,
            Self::Corrupt => Err(StoreError::corrupt("a key without an account")),
        }
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(Duration::from_secs(1))
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub async fn call<S, B>(service: &S, request: Request<Body>) -> Answer
where
    S: Service<Request<Body>, Response = Response<B>, Error = std::convert::Infallible> + Clone,
    B: http_body::Body<Error: std::fmt::Debug>,
{
    let (head, body) = service.clone().oneshot(request).await.unwrap().into_parts();
    Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
}

pub fn request(method: &str, path: &str, key: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    request.body(Body::empty()).unwrap()
}

#[derive(Debug)]
pub struct Listening {
    pub address: SocketAddr,
    server: AbortHandle,
}

impl Listening {
    pub async fn start<S>(service: S) -> Self
    where
        S: Service<Request<hyper::body::Incoming>, Response = Response<Body>, Error = std::convert::Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, service, std::future::pending(), Limits::default()));
        Self { address, server: server.abort_handle() }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.server.abort();
    }
}
