//! The cost of refusing a forged key, compared with a warm hit in the same rounds.

use axum::body::Body;
use http::{Request, Response};
use keyward::AuthLayer;
use serde_json::{Value, json};
use tower::{Layer, Service};

use crate::fixture::{NoOp, keys, median, request, table, thread_time};
use crate::warm_hit::call;

const REQUESTS: usize = 2_000;

/// The figures.
pub struct Refusal {
    no_op: f64,
    forged: f64,
    warm: f64,
    ratio: f64,
}

impl Refusal {
    /// Returns nanoseconds and the ratio.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "no_op_ns": self.no_op,
            "forged_added_ns": self.forged - self.no_op,
            "warm_hit_added_ns": self.warm - self.no_op,
            "forged_to_warm_hit_ratio": self.ratio,
        })
    }
}

/// Makes the checksum of a key wrong.
#[must_use]
pub fn forge(key: &str) -> String {
    let (rest, last) = key.split_at(key.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

/// Measures in `rounds` rounds.
pub fn measure(rounds: usize) -> Refusal {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let known = keys(1_000);
    let mut service = AuthLayer::new(table(&known)).layer(NoOp);
    let valid: Vec<String> = known.into_iter().map(|(key, _)| key).collect();
    let forged: Vec<String> = valid.iter().map(|key| forge(key)).collect();
    for key in &valid {
        assert_eq!(runtime.block_on(service.call(request(key))).unwrap().status(), 200);
    }
    let mut times = [const { Vec::new() }; 3];
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let none = time(&mut NoOp, &valid, 200);
        let (forged, warm) = (time(&mut service, &forged, 401), time(&mut service, &valid, 200));
        for (times, time) in times.iter_mut().zip([none, forged, warm]) {
            times.push(time);
        }
        ratios.push((forged - none) / (warm - none));
    }
    let [no_op, forged, warm] = times.map(median);
    Refusal { no_op, forged, warm, ratio: median(ratios) }
}

fn time<S>(service: &mut S, keys: &[String], expected: u16) -> f64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>,
{
    let begun = thread_time();
    for key in keys.iter().cycle().take(REQUESTS) {
        assert_eq!(call(service, request(key)).status(), expected);
    }
    (thread_time() - begun).as_nanos() as f64 / REQUESTS as f64
}
