//! The cost of a warm hit, on one thread and on two.

use std::sync::Barrier;
use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, Response};
use hyper_util::service::TowerToHyperService;
use keyward::AuthLayer;
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt};

use crate::baseline;
use crate::fixture::{NoOp, keys, leased, median, request, table, thread_time};

const HOT: usize = 1_000;
const REQUESTS: usize = 2_000;

/// The figures.
pub struct WarmHit {
    no_op: f64,
    keyward: f64,
    leased: f64,
    tonic: f64,
    hyper: [f64; 2],
    baseline: f64,
    keyward_threads: [f64; 2],
    cloned_threads: [f64; 2],
    leaked_threads: [f64; 2],
    by_hand_threads: [f64; 2],
}

impl WarmHit {
    /// Returns nanoseconds and ratios.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (added, baseline) = (self.keyward - self.no_op, self.baseline - self.no_op);
        let (tonic, hyper) = (self.tonic - self.no_op, self.hyper[0] - self.hyper[1]);
        json!({
            "no_op_ns": self.no_op,
            "keyward_added_ns": added,
            "leases_added_ns": self.leased - self.keyward,
            "tonic_with_leases_added_ns": tonic,
            "tonic_with_leases_to_by_hand_ratio": tonic / baseline,
            "hyper_with_leases_added_ns": hyper,
            "hyper_with_leases_to_by_hand_ratio": hyper / baseline,
            "axum_by_hand_added_ns": baseline,
            "keyward_to_by_hand_ratio": added / baseline,
            "two_threads_hot_key_ratio": self.keyward_threads[1] / self.keyward_threads[0],
            "two_threads_cloned_per_request_ratio": self.cloned_threads[1] / self.cloned_threads[0],
            "two_threads_cloned_per_request_leaked_ratio": self.leaked_threads[1] / self.leaked_threads[0],
            "axum_by_hand_two_threads_hot_key_ratio": self.by_hand_threads[1] / self.by_hand_threads[0],
        })
    }
}

/// Measures in `rounds` rounds.
pub fn measure(rounds: usize) -> WarmHit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let keys = keys(HOT);
    let layer = AuthLayer::new(table(&keys));
    let baseline_layer = axum::middleware::from_fn_with_state(baseline::Baseline::new(&keys), baseline::authenticate);

    let leased_layer = AuthLayer::from(leased(&keys));

    let mut no_op = NoOp;
    let mut keyward = layer.layer(NoOp);
    let mut leased = leased_layer.layer(NoOp);
    let mut tonic = keyward::tonic::AuthLayer::from(leased_layer.clone()).layer(NoOp);
    let on_hyper = TowerToHyperService::new(leased_layer.layer(NoOp));
    let bare_on_hyper = TowerToHyperService::new(NoOp);
    let mut baseline = baseline_layer.layer(NoOp);
    // Fills one cache after the other, so that their entries do not mix in memory.
    for (key, _) in &keys {
        assert_eq!(runtime.block_on(keyward.call(request(key))).unwrap().status(), 200);
    }
    for (key, _) in &keys {
        assert_eq!(runtime.block_on(baseline.call(request(key))).unwrap().status(), 200);
    }

    let leaked = AuthLayer::from(layer.authenticator().clone().leak());

    let mut times = [const { Vec::new() }; 7];
    let hot: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
    for _ in 0..rounds {
        times[0].push(time(&mut no_op, &hot, REQUESTS));
        times[1].push(time(&mut keyward, &hot, REQUESTS));
        times[2].push(time(&mut baseline, &hot, REQUESTS));
        times[3].push(time(&mut leased, &hot, REQUESTS));
        times[4].push(time(&mut tonic, &hot, REQUESTS));
        times[5].push(time_of(|request| by_hyper(&on_hyper, request), &hot, REQUESTS));
        times[6].push(time_of(|request| by_hyper(&bare_on_hyper, request), &hot, REQUESTS));
    }
    let [no_op, with_keyward, with_by_hand, leased, tonic, on_hyper, bare_on_hyper] = times.map(median);
    WarmHit {
        no_op,
        keyward: with_keyward,
        leased,
        tonic,
        hyper: [on_hyper, bare_on_hyper],
        baseline: with_by_hand,
        keyward_threads: [1, 2].map(|threads| on_threads(&keyward, hot[0], threads, rounds)),
        cloned_threads: [1, 2].map(|threads| on_threads(&CloneEach(layer.layer(NoOp)), hot[0], threads, rounds)),
        leaked_threads: [1, 2].map(|threads| on_threads(&CloneEach(leaked.layer(NoOp)), hot[0], threads, rounds)),
        by_hand_threads: [1, 2].map(|threads| on_threads(&baseline, hot[0], threads, rounds)),
    }
}

/// Returns the nanoseconds per request, over `count` requests. They include the creation of the request.
pub fn time<S>(service: &mut S, keys: &[&str], count: usize) -> f64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>,
{
    time_of(|request| call(service, request), keys, count)
}

fn time_of(mut call: impl FnMut(Request<Body>) -> Response<Body>, keys: &[&str], count: usize) -> f64 {
    let begun = thread_time();
    // Makes each request just before its call, and drops each answer at once. Keeping them would measure the caches of the processor.
    let mut accepted = 0;
    for key in keys.iter().cycle().take(count) {
        accepted += usize::from(call(request(key)).status() == 200);
    }
    let took = thread_time() - begun;
    assert_eq!(accepted, count);
    took.as_nanos() as f64 / count as f64
}

/// Answers a request that does not wait, with one poll.
pub fn call<S>(service: &mut S, request: Request<Body>) -> Response<Body>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>,
{
    service
        .ready()
        .now_or_never()
        .unwrap()
        .unwrap()
        .call(request)
        .now_or_never()
        .expect("a warm hit does not wait")
        .unwrap()
}

fn by_hyper<S>(service: &S, request: Request<Body>) -> Response<Body>
where
    S: hyper::service::Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>,
{
    service.call(request).now_or_never().expect("a warm hit does not wait").unwrap()
}

/// Clones its service for every request, as axum and hyper do.
#[derive(Clone)]
pub struct CloneEach<S>(pub S);

impl<S: Service<Request<Body>> + Clone> Service<Request<Body>> for CloneEach<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        self.0.clone().call(request)
    }
}

fn on_threads<S>(service: &S, key: &str, threads: usize, rounds: usize) -> f64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible> + Clone + Send,
    S::Future: Send,
{
    let barrier = Barrier::new(threads);
    let times = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (mut service, barrier) = (service.clone(), &barrier);
                scope.spawn(move || {
                    let mut times = Vec::new();
                    for _ in 0..rounds {
                        barrier.wait();
                        times.push(time(&mut service, &[key], REQUESTS));
                    }
                    times
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    median(times)
}
