//! A node process on any store. It answers HTTP until it is killed. Usage: `fault_node STORE ADDRESS`

#![allow(clippy::unwrap_used, reason = "a node under test: any error ends it")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use keyward::limits::{LimitStore, LimitsOptions, RateLimitLayer};
use keyward::postgres::{PostgresLimits, PostgresStore};
use keyward::serve::{self, serve};
use keyward::sqlite::{SqliteLimits, SqliteStore};
use keyward::store::KeyStore;
use keyward::valkey::{ValkeyLimits, ValkeyStore};
use keyward::{AuthLayer, Authenticator};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

/// Long, because one machine runs all nodes, clients and faults.
const STORE_TIMEOUT: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, address) = (arguments.next().unwrap(), arguments.next().unwrap());
    // Standard input closes when the parent process ends.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    if url.starts_with("postgres:") {
        let store = until_there(async || PostgresStore::connect(&url).await).await;
        let limits = PostgresLimits::new(&store);
        answer(store, limits, &address).await;
    } else if url.starts_with("redis:") {
        let store = until_there(async || ValkeyStore::connect(&url).await).await;
        let limits = ValkeyLimits::new(&store);
        answer(store, limits, &address).await;
    } else {
        let store = SqliteStore::open(&url).unwrap();
        let limits = SqliteLimits::new(&store);
        answer(store, limits, &address).await;
    }
}

async fn until_there<S, E>(connect: impl AsyncFn() -> Result<S, E>) -> S {
    loop {
        match connect().await {
            Ok(store) => return store,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(store: impl KeyStore, limits: impl LimitStore, address: &str) {
    let limits: Arc<dyn LimitStore> = Arc::new(limits);
    let options = LimitsOptions::default().store_timeout(STORE_TIMEOUT);
    let limits = until_there(async || options.clone().start(Arc::clone(&limits)).await).await;
    let authenticator = Authenticator::builder(store).store_timeout(STORE_TIMEOUT).build().unwrap();
    let service = ServiceBuilder::new()
        .layer(AuthLayer::from(authenticator))
        .layer(RateLimitLayer::from_rules(limits))
        .service(service_fn(async |_: Request<Incoming>| Ok::<_, Infallible>(Response::new(Body::empty()))));
    let listener = TcpListener::bind(address).await.unwrap();
    serve(listener, service, std::future::pending(), serve::Limits::default()).await;
}
