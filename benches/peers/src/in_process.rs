use std::convert::Infallible;

use axum::body::Body;
use axum::middleware::from_fn_with_state;
use http::{Request, Response, StatusCode};
use jsonwebtoken::Algorithm;
use keyward::AuthLayer;
use keyward_bench::baseline::{Baseline, bearer, refused};
use keyward_bench::fixture::{NoOp, keys, median, table};
use keyward_bench::{actix, baseline, warm_hit};
use serde_json::{Map, Value, json};
use tower::{Layer, Service};
use tower_http::auth::AsyncRequireAuthorizationLayer;

use crate::tokens::{self, Jwt, Prefixed, Simplified};

const HOT: usize = 1_000;
const REQUESTS: usize = 2_000;
/// Argon2 takes milliseconds, by design.
const SLOW_KEYS: usize = 4;
const SLOW_REQUESTS: usize = 2;

type Timed = Box<dyn FnMut() -> f64>;

pub(crate) fn measure(rounds: usize) -> Value {
    let known = keys(HOT);
    let plain: Vec<String> = known.iter().map(|(key, _)| key.clone()).collect();
    let baseline = Baseline::new(&known);
    let for_tower_http = baseline.clone();
    let tower_http = AsyncRequireAuthorizationLayer::new(move |request| authorize(for_tower_http.clone(), request));
    let (hs256, hs256_tokens) = Jwt::new(Algorithm::HS256, HOT);
    let (eddsa, eddsa_tokens) = Jwt::new(Algorithm::EdDSA, HOT);
    let (prefixed, prefixed_keys) = Prefixed::new(HOT);
    let (simplified, simplified_keys) = Simplified::new(SLOW_KEYS);

    let mut contenders: Vec<(&str, Timed)> = vec![
        ("no_op", timed(NoOp, plain.clone(), REQUESTS)),
        ("keyward", timed(AuthLayer::new(table(&known)).layer(NoOp), plain.clone(), REQUESTS)),
        (
            "from_fn_moka",
            timed(from_fn_with_state(baseline, baseline::authenticate).layer(NoOp), plain.clone(), REQUESTS),
        ),
        ("tower_http_moka", timed(tower_http.layer(NoOp), plain, REQUESTS)),
        ("jwt_hs256", timed(from_fn_with_state(hs256, tokens::jwt).layer(NoOp), hs256_tokens, REQUESTS)),
        ("jwt_eddsa", timed(from_fn_with_state(eddsa, tokens::jwt).layer(NoOp), eddsa_tokens, REQUESTS / 10)),
        (
            "prefixed_api_key",
            timed(from_fn_with_state(prefixed, tokens::prefixed).layer(NoOp), prefixed_keys, REQUESTS),
        ),
        (
            "api_keys_simplified",
            timed(from_fn_with_state(simplified, tokens::simplified).layer(NoOp), simplified_keys, SLOW_REQUESTS),
        ),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let inside = runtime.enter();
    let mut times = vec![Vec::new(); contenders.len()];
    // The first round fills the caches.
    for round in 0..=rounds {
        for ((_, timed), times) in contenders.iter_mut().zip(&mut times) {
            let time = timed();
            if round > 0 {
                times.push(time);
            }
        }
    }
    drop(inside);
    let mut times = contenders.iter().map(|(name, _)| *name).zip(times.into_iter().map(median));
    let (_, bare) = times.next().unwrap();
    let (_, keyward) = times.next().unwrap();
    let mut added = Map::new();
    let mut ratios = Map::new();
    added.insert("keyward".into(), json!(keyward - bare));
    for (name, time) in times {
        added.insert(name.into(), json!(time - bare));
        ratios.insert(name.into(), json!((time - bare) / (keyward - bare)));
    }
    let actix = actix::measure(rounds).to_json();
    let [actix_keyward, httpauth] =
        ["keyward_added_ns", "httpauth_by_hand_added_ns"].map(|name| actix[name].as_f64().unwrap());
    added.insert("keyward_on_actix".into(), json!(actix_keyward));
    added.insert("actix_httpauth_moka".into(), json!(httpauth));
    ratios.insert("actix_httpauth_moka".into(), json!(httpauth / actix_keyward));
    json!({ "no_op_ns": bare, "added_ns": added, "ratio_to_keyward": ratios })
}

fn timed<S>(mut service: S, keys: Vec<String>, count: usize) -> Timed
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + 'static,
{
    let mut is_warm = false;
    Box::new(move || {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        if !std::mem::replace(&mut is_warm, true) {
            warm_up(&mut service, &keys);
        }
        warm_hit::time(&mut service, &keys, count)
    })
}

fn warm_up<S>(service: &mut S, keys: &[&str])
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let runtime = tokio::runtime::Handle::current();
    for key in keys {
        let answer = runtime.block_on(service.call(keyward_bench::fixture::request(key))).unwrap();
        assert_eq!(answer.status(), 200);
    }
}

async fn authorize(state: Baseline, mut request: Request<Body>) -> Result<Request<Body>, Response<Body>> {
    let Some(token) = bearer(request.headers()) else { return Err(refused(StatusCode::UNAUTHORIZED)) };
    let identity = state.identity(token).await.map_err(refused)?;
    request.extensions_mut().insert(identity);
    Ok(request)
}
