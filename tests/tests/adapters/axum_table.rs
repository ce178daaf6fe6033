use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use http::Method;
use keyward::axum::Authenticated;
use keyward::key::Digest;
use keyward::store::{Found, Freshness, KeyStore, StoreError, async_trait};
use keyward::testing::hostile;
use keyward::{AuthLayer, Authenticator, MemoryStore};
use keyward_tests::service::{Demo, Listening};

fn router() -> Router {
    Router::new()
        .route("/", get(async |caller: Authenticated| caller.account().to_string()))
        .route("/health", get(async || "well"))
}

fn authenticator(store: impl KeyStore) -> Authenticator {
    Authenticator::builder(store).exempt(Method::GET, "/health").build().unwrap()
}

#[tokio::test]
async fn http1_answers_every_hostile_request_as_the_table_says() {
    let demo = Demo::new().await;
    let server = Listening::start(router().layer(AuthLayer::from(authenticator(demo.store.clone())))).await;
    hostile::over_socket(server.address, &demo.full_key().await).await;
}

#[tokio::test]
async fn http2_answers_every_hostile_request_as_the_table_says() {
    let demo = Demo::new().await;
    let server = Listening::start(router().layer(AuthLayer::from(authenticator(demo.store.clone())))).await;
    hostile::over_http2(server.address, &demo.full_key().await).await;
}

#[tokio::test]
async fn layer_around_a_finished_router_answers_the_same() {
    let demo = Demo::new().await;
    let service = tower::Layer::layer(&AuthLayer::from(authenticator(demo.store.clone())), router());
    let server = Listening::start(service).await;
    hostile::over_socket(server.address, &demo.full_key().await).await;
}

#[tokio::test]
async fn the_table_detects_an_unprotected_service() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let names: HashSet<String> = hostile::cases(&key).into_iter().map(|case| case.name).collect();
    assert!(names.len() >= 250, "{}", names.len());
    assert_eq!(names.len(), hostile::cases(&key).len(), "two cases have the same name");

    let open = Listening::start(Router::new().route("/", get(async || "in")).fallback(async || "in")).await;
    let address = open.address;
    let told = tokio::spawn(async move { hostile::over_socket(address, &key).await }).await.unwrap_err();
    let told = told.into_panic().downcast::<String>().unwrap();
    for name in ["no field", "the same field twice", "GET //health"] {
        assert!(told.contains(name), "{name} is not among the reported differences");
    }
}

#[derive(Clone)]
struct Counting(MemoryStore, Arc<AtomicUsize>);

#[async_trait]
impl KeyStore for Counting {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.find(digest).await
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(std::time::Duration::from_secs(60))
    }
}

#[tokio::test]
async fn malformed_keys_cost_no_store_read() {
    let demo = Demo::new().await;
    let reads = Arc::new(AtomicUsize::new(0));
    let authenticator = authenticator(Counting(demo.store.clone(), Arc::clone(&reads)));
    let key = demo.full_key().await;
    for case in hostile::cases(&key) {
        let before = reads.load(Ordering::Relaxed);
        hostile::check(&authenticator, &case).await.unwrap();
        let is_unknown =
            matches!(case.expected, hostile::Expected::Refused(refused) if refused.reason == "unknown_key");
        let asked = reads.load(Ordering::Relaxed) - before;
        let may_ask = is_unknown || case.expected == hostile::Expected::Accepted;
        assert!(asked == 0 || may_ask, "{} cost {asked} reads", case.name);
    }
}
