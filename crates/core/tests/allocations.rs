//! Allocations of warm hits and refusals.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod common;

use std::convert::Infallible;

use bytes::Bytes;
use common::{TestStore, warm};
use futures_util::FutureExt;
use http::{Request, Response};
use keyward_core::render::{CodedEnvelope, NumericEnvelope};
use keyward_core::{AuthLayer, Authenticator, Identity};
use tower::{Layer, Service, service_fn};

fn request(field: &str) -> Request<()> {
    let mut request = Request::get("/").header("authorization", field).body(()).unwrap();
    // A server's request has an extension already, so that the map exists.
    request.extensions_mut().insert(0_u8);
    request
}

fn response() -> Response<Bytes> {
    Response::builder().header("content-type", "text/plain").body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn a_warm_hit_allocates_only_for_the_extensions() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let authenticator = Authenticator::new(store);
    warm(&authenticator, &field).await;
    let mut service = AuthLayer::from(authenticator)
        .layer(service_fn(|_: Request<()>| std::future::ready(Ok::<_, Infallible>(response()))));
    let mut call = || {
        let request = request(&field);
        let mut status = None;
        let counted = allocation_counter::measure(|| {
            status = Some(service.call(request).now_or_never().expect("a warm hit waited").unwrap().status());
        });
        assert_eq!(status.unwrap(), 200);
        counted.count_total
    };
    // The first call of a second records the use.
    let with_keyward = (0..100).map(|_| call()).min().unwrap();

    let identity = Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap());
    let mut bare = request(&field);
    let insertion = allocation_counter::measure(|| drop(bare.extensions_mut().insert(identity))).count_total;
    let answering = allocation_counter::measure(|| drop(response())).count_total;
    assert_eq!((insertion, with_keyward), (1, answering + insertion));
}

#[tokio::test]
async fn the_future_adds_two_words_to_the_inner_one() {
    let inner = service_fn(|_: Request<()>| std::future::ready(Ok::<_, Infallible>(response())));
    let inner_size = size_of_val(&inner.clone().call(request("")));
    let mut service = AuthLayer::new(TestStore::new().await).layer(inner);
    assert_eq!(size_of_val(&service.call(request(""))), inner_size + 2 * size_of::<usize>());
}

#[tokio::test]
async fn refusing_a_forged_key_allocates_little() {
    /// One each for the refusal, its two header tables, the request id and the body.
    const MOST: u64 = 5;
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let (rest, last) = field.split_at(field.len() - 1);
    let forged = format!("{rest}{}", if last == "0" { "1" } else { "0" });
    let formats = [
        Authenticator::builder(store.clone()),
        Authenticator::builder(store.clone()).renderer(CodedEnvelope::new()),
        Authenticator::builder(store.clone()).renderer(NumericEnvelope::new()),
    ];
    for builder in formats {
        let mut service = AuthLayer::from(builder.build().unwrap())
            .layer(service_fn(|_: Request<()>| std::future::ready(Ok::<_, Infallible>(response()))));
        let mut call = || {
            let request = request(&forged);
            let counted = allocation_counter::measure(|| {
                let refused = service.call(request).now_or_never().expect("a refusal waited").unwrap();
                assert_eq!(refused.status(), 401);
            });
            counted.count_total
        };
        // The first refusal creates what the others share.
        let allocations = (0..10).map(|_| call()).min().unwrap();
        assert!(allocations <= MOST, "{allocations} allocations");
    }
}
