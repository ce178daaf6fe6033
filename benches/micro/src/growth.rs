//! The cost of a warm hit with few and with many keys in the cache, in random order.

use keyward::{AuthLayer, Authenticator};
use serde_json::{Map, Value, json};
use tower::{Layer, Service};

use crate::fixture::{Everyone, NoOp, median, plain_keys, request};
use crate::warm_hit::time;

const SIZES: [usize; 4] = [1, 1_000, 100_000, 1_000_000];
const REQUESTS: usize = 20_000;
/// A prime, so that every key has its turn, far from the key before.
const STRIDE: usize = 7_368_787;

/// The figures: for each number of keys the nanoseconds that a hit adds.
pub struct Growth(Vec<(usize, f64)>);

impl Growth {
    /// Returns nanoseconds by number of keys, and what the largest number adds to the second.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut figures: Map<String, Value> =
            self.0.iter().map(|(size, added)| (format!("added_ns_with_{size}_keys"), json!(added))).collect();
        if let [_, (_, few), .., (size, many)] = &self.0[..] {
            figures.insert(format!("growth_ns_to_{size}_keys"), json!(many - few));
        }
        Value::Object(figures)
    }
}

/// Measures all numbers of keys in the same rounds, or without the largest if `quick`.
pub fn measure(quick: bool) -> Growth {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sizes = &SIZES[..if quick { 3 } else { 4 }];
    let mut sets: Vec<_> = sizes
        .iter()
        .map(|&size| {
            let authenticator = Authenticator::builder(Everyone).cache_capacity(2 * size + 1_024).build().unwrap();
            let mut service = AuthLayer::from(authenticator).layer(NoOp);
            let keys = plain_keys(size);
            runtime.block_on(async {
                for key in &keys {
                    assert_eq!(service.call(request(key)).await.unwrap().status(), 200);
                }
            });
            (size, service, keys)
        })
        .collect();
    let rounds = if quick { 10 } else { 40 };
    let mut times = vec![Vec::new(); sets.len()];
    for round in 0..rounds {
        for ((_, service, keys), times) in sets.iter_mut().zip(&mut times) {
            let order = (round * REQUESTS..).map(|number| number * STRIDE % keys.len());
            let asked: Vec<&str> = order.take(REQUESTS).map(|place| &*keys[place]).collect();
            times.push(time(service, &asked, REQUESTS) - time(&mut NoOp, &asked, REQUESTS));
        }
    }
    Growth(sizes.iter().copied().zip(times.into_iter().map(median)).collect())
}
