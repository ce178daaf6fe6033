//! Allocations of a request. In the program and not in the library: whoever links the counting allocator pays for it with
//! every allocation, and the comparison with peers is not to.

use axum::body::Body;
use http::Request;
use keyward::AuthLayer;
use keyward_bench::fixture::{NoOp, identity, keys, request, table};
use keyward_bench::refusal::forge;
use keyward_bench::warm_hit::call;
use tower::{Layer, Service};

const REQUESTS: usize = 2_000;

/// Within keyward.
pub(crate) struct Allocations {
    /// For a warm hit, beside the one with which `http::Extensions` boxes what is inserted and those with which it makes a fresh
    /// map.
    pub(crate) warm_hit: f64,
    /// For a forged key, its answer included, beside the one with which axum boxes the body.
    pub(crate) forged: f64,
}

pub(crate) fn measure() -> Allocations {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let known = keys(1);
    let valid = known[0].0.as_str();
    let forged = forge(valid);
    let mut keyward = AuthLayer::new(table(&known)).layer(NoOp);
    // Fills the cache, and makes what is made with the first refusal.
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
            // A real server has put something there already, so that the map exists.
            request.extensions_mut().insert(0_u8);
            request
        })
        .collect();
    allocation_counter::measure(|| requests.drain(..).for_each(&mut answer)).count_total as f64 / REQUESTS as f64
}

#[cfg(test)]
mod tests {
    /// The same two numbers as in core's own test of allocations, which has no framework in it.
    #[test]
    fn within_keyward_a_warm_hit_allocates_nothing_and_a_refusal_five_times() {
        let allocations = super::measure();
        assert!(allocations.warm_hit < 0.5, "{}", allocations.warm_hit);
        assert_eq!(allocations.forged.round(), 5.0);
    }
}
