//! Allocations of a request.

use axum::body::Body;
use http::Request;
use keyward::AuthLayer;
use keyward_bench::fixture::{NoOp, identity, keys, request, table};
use keyward_bench::refusal::forge;
use keyward_bench::warm_hit::call;
use tower::{Layer, Service};

const REQUESTS: usize = 2_000;

pub(crate) struct Allocations {
    /// Without those of `http::Extensions` for its map and the inserted value.
    pub(crate) warm_hit: f64,
    /// With its answer, without the one of axum for the body.
    pub(crate) forged: f64,
}

pub(crate) fn measure() -> Allocations {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let known = keys(1);
    let valid = known[0].0.as_str();
    let forged = forge(valid);
    let mut keyward = AuthLayer::new(table(&known)).layer(NoOp);
    // Fills the cache, and builds the parts that are built at the first refusal.
    for key in [valid, &forged] {
        let _ = runtime.block_on(keyward.call(request(key))).unwrap();
    }
    let with = count(valid, |request| drop(call(&mut keyward, request)));
    let without = count(valid, |mut request| {
        request.extensions_mut().insert(identity(0));
        drop(call(&mut NoOp, request));
    });
    let identity = allocation_counter::measure(|| drop(identity(0))).count_total as f64;
    let boxed = allocation_counter::measure(|| drop(Body::from("a body"))).count_total as f64;
    let forged = count(&forged, |request| drop(call(&mut keyward, request)));
    Allocations { warm_hit: with - (without - identity), forged: forged - boxed }
}

fn count(key: &str, mut answer: impl FnMut(Request<Body>)) -> f64 {
    let mut requests: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let mut request = request(key);
            // A real server has put something into the extensions already, so the map exists.
            request.extensions_mut().insert(0_u8);
            request
        })
        .collect();
    allocation_counter::measure(|| requests.drain(..).for_each(&mut answer)).count_total as f64 / REQUESTS as f64
}

#[cfg(test)]
mod tests {
    /// Both numbers are those of core's allocation test.
    #[test]
    fn within_keyward_a_warm_hit_allocates_nothing_and_a_refusal_five_times() {
        let allocations = super::measure();
        assert!(allocations.warm_hit < 0.5, "{}", allocations.warm_hit);
        assert_eq!(allocations.forged.round(), 5.0);
    }
}
