//! Many requests through the layer, to count their instructions:
//!
//! ```sh
//! cargo build --release --package keyward-bench --package keyward-peers --bins --examples
//! valgrind --tool=callgrind target/release/examples/requests forged 6000
//! ```
//!
//! `cargo xtask instructions` runs it twice with different counts. The difference is the cost of the requests. SHA-256 is counted in its software
//! form, because valgrind does not know its instructions.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot be set up has to stop")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use axum::body::Body;
use axum::{Router, routing};
use clap::{Parser, ValueEnum};
use futures_util::FutureExt;
use http::{Request, Response};
use keyward::adapter::AuthenticatorBuilder;
use keyward::key::{Hasher, Pepper};
use keyward::limits::{
    BudgetRule, LimitRules, LimitStore, LimitsOptions, MemoryLimits, RateLimitLayer, RateRule, Refill, Subject,
};
use keyward::{AuthLayer, Authenticator};
use keyward_bench::fixture::{Everyone, NoOp, keys, request, table};
use keyward_bench::refusal::forge;
use keyward_bench::warm_hit::CloneEach;
use tower::util::MapRequestLayer;
use tower::{Layer, Service};

#[derive(Parser)]
struct Arguments {
    kind: Kind,
    count: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Only a service that does nothing.
    None,
    /// The service behind the layer, with a cached key.
    Valid,
    /// The same with a metric of the hits.
    Metered,
    /// The same with a hook for events.
    Hooked,
    /// The same with two peppers.
    Peppered,
    /// The same, cloned for each request.
    Cloned,
    /// The same with a budget and a rate limit, counted in memory.
    Limited,
    /// The service behind the layer for gRPC, with a cached key.
    Tonic,
    /// The service behind the layer, with a wrong checksum.
    Forged,
    /// An axum router with one route.
    Router,
    /// The router with a layer that does nothing.
    RouterIdle,
    /// The router with the layer and a cached key.
    RouterValid,
    /// The router with the layer and a wrong checksum.
    RouterForged,
}

fn main() {
    let Arguments { kind, count } = Arguments::parse();
    let known = keys(1);
    let valid = known[0].0.clone();
    let layer = AuthLayer::new(table(&known));
    let with = |settings: fn(AuthenticatorBuilder) -> AuthenticatorBuilder| {
        AuthLayer::from(settings(Authenticator::builder(Everyone)).build().unwrap()).layer(NoOp)
    };
    let router = Router::new().route("/v1/resources", routing::get(async || "{\"ok\":true}"));
    match kind {
        Kind::None => go(NoOp, &valid, count),
        Kind::Valid => go(layer.layer(NoOp), &valid, count),
        Kind::Metered => go(with(AuthenticatorBuilder::metrics), &valid, count),
        Kind::Hooked => go(with(|builder| builder.on_event(|event| _ = black_box(event))), &valid, count),
        Kind::Peppered => go(with(|builder| builder.hasher(peppered())), &valid, count),
        Kind::Cloned => go(CloneEach(layer.layer(NoOp)), &valid, count),
        Kind::Limited => go_limited(&layer, &valid, count),
        Kind::Tonic => go(keyward::tonic::AuthLayer::from(layer).layer(NoOp), &valid, count),
        Kind::Forged => go(layer.layer(NoOp), &forge(&valid), count),
        Kind::Router => go(router, &valid, count),
        Kind::RouterIdle => go(router.layer(MapRequestLayer::new(|request: Request<Body>| request)), &valid, count),
        Kind::RouterValid => go(router.layer(layer), &valid, count),
        Kind::RouterForged => go(router.layer(layer), &forge(&valid), count),
    }
}

fn peppered() -> Hasher {
    Hasher::peppered(["new", "old"].map(|id| Pepper::new(id, [id.as_bytes()[0]; 32]).unwrap())).unwrap()
}

/// Now and then, a call takes the next units from the store.
fn go_limited(layer: &AuthLayer, key: &str, count: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let rules = LimitRules::new().budget(BudgetRule::new(1_000_000_000_000, Refill::Never)).unwrap();
        let rules = rules.rate(RateRule::new("default", 1_000_000_000, 86_400)).unwrap();
        let store = MemoryLimits::new();
        store.put_rules(&Subject::Plan("Pro".into()), &rules, None).await.unwrap();
        let limits = LimitsOptions::default().poll(Duration::from_secs(3_600)).start(store).await.unwrap();
        let mut service = layer.layer(RateLimitLayer::from_rules(limits).layer(NoOp));
        for _ in 0..=count {
            let answer: Response<Body> = black_box(service.call(request(key)).await.unwrap());
            assert!(answer.headers().contains_key("ratelimit"));
        }
    });
}

fn go<S>(mut service: S, key: &str, count: usize)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Fills the cache.
    let _ = runtime.block_on(service.call(request(key))).unwrap();
    for _ in 0..count {
        black_box(service.call(request(key)).now_or_never().expect("none of them waits").unwrap());
    }
}
