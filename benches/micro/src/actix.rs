//! A warm hit in actix-web, compared with `actix-web-httpauth`, SHA-256 and `moka::future`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::error::ErrorUnauthorized;
use actix_web::http::header;
use actix_web::middleware::DefaultHeaders;
use actix_web::{App, Error, HttpMessage, HttpResponse, test, web};
use actix_web_httpauth::extractors::bearer::BearerAuth;
use actix_web_httpauth::middleware::HttpAuthentication;
use keyward::Identity;
use keyward::actix::Auth;
use keyward::clock::{Clock, SystemClock};
use moka::future::Cache;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::fixture::{keys, leased, median, thread_time};

const HOT: usize = 1_000;
const REQUESTS: usize = 2_000;

/// The figures.
pub struct Actix {
    bare: f64,
    keyward: f64,
    baseline: f64,
    by_hand_like_for_like: f64,
}

impl Actix {
    /// Returns nanoseconds and ratios.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let [added, baseline, like_for_like] =
            [self.keyward, self.baseline, self.by_hand_like_for_like].map(|total| total - self.bare);
        json!({
            "bare_ns": self.bare,
            "keyward_added_ns": added,
            "httpauth_by_hand_added_ns": baseline,
            "keyward_to_by_hand_ratio": added / baseline,
            "httpauth_like_for_like_added_ns": like_for_like,
            "keyward_to_like_for_like_ratio": added / like_for_like,
        })
    }
}

struct Baseline {
    cache: Cache<[u8; 32], Arc<Identity>>,
    table: HashMap<[u8; 32], Identity>,
}

async fn authenticate(request: ServiceRequest, bearer: BearerAuth) -> Result<ServiceRequest, (Error, ServiceRequest)> {
    let digest: [u8; 32] = Sha256::digest(bearer.token().as_bytes()).into();
    let found = match request.app_data::<web::Data<Baseline>>() {
        Some(shared) => {
            let find = async { shared.table.get(&digest).cloned().map(Arc::new).ok_or(()) };
            shared.cache.try_get_with(digest, find).await.ok()
        }
        None => None,
    };
    let Some(identity) = found else { return Err((ErrorUnauthorized("unknown"), request)) };
    request.extensions_mut().insert(identity);
    Ok(request)
}

async fn authenticate_like_for_like(
    request: ServiceRequest,
    bearer: BearerAuth,
) -> Result<ServiceRequest, (Error, ServiceRequest)> {
    let request = authenticate(request, bearer).await?;
    let end = request.extensions().get::<Arc<Identity>>().and_then(|identity| identity.expires_at());
    if end.is_some_and(|end| end <= SystemClock.now()) {
        return Err((ErrorUnauthorized("expired"), request));
    }
    Ok(request)
}

/// Measures in `rounds` rounds.
pub fn measure(rounds: usize) -> Actix {
    let keys = keys(HOT);
    let authenticator = leased(&keys);
    actix_web::rt::System::new().block_on(async {
        let shared = web::Data::new(Baseline {
            cache: Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(60)).build(),
            table: keys
                .iter()
                .map(|(key, identity)| (Sha256::digest(key.as_bytes()).into(), identity.clone()))
                .collect(),
        });
        let no_op = || web::to(async || HttpResponse::Ok().finish());
        let bare = test::init_service(App::new().route("/v1/resources", no_op())).await;
        let baseline = test::init_service(
            App::new()
                .app_data(shared.clone())
                .wrap(HttpAuthentication::bearer(authenticate))
                .route("/v1/resources", no_op()),
        )
        .await;
        let marks = DefaultHeaders::new().add((header::CACHE_CONTROL, "private, no-store"));
        let like_for_like = test::init_service(
            App::new()
                .app_data(shared)
                .wrap(marks)
                .wrap(HttpAuthentication::bearer(authenticate_like_for_like))
                .route("/v1/resources", no_op()),
        )
        .await;
        let keyward =
            test::init_service(App::new().wrap(Auth::from(authenticator)).route("/v1/resources", no_op())).await;

        let mut times = [const { Vec::new() }; 4];
        // The first round fills the caches.
        for round in 0..=rounds {
            let measured = [
                time(&bare, &keys).await,
                time(&keyward, &keys).await,
                time(&baseline, &keys).await,
                time(&like_for_like, &keys).await,
            ];
            if round > 0 {
                times.iter_mut().zip(measured).for_each(|(times, time)| times.push(time));
            }
        }
        let [bare, keyward, baseline, by_hand_like_for_like] = times.map(median);
        Actix { bare, keyward, baseline, by_hand_like_for_like }
    })
}

async fn time<S, B>(service: &S, keys: &[(String, Identity)]) -> f64
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let begun = thread_time();
    let mut accepted = 0;
    for (key, _) in keys.iter().cycle().take(REQUESTS) {
        let request = test::TestRequest::get()
            .uri("/v1/resources")
            .insert_header(("authorization", format!("Bearer {key}")))
            .to_request();
        let response = service.call(request).await.unwrap();
        accepted += usize::from(response.status() == 200);
    }
    let took = thread_time() - begun;
    assert_eq!(accepted, REQUESTS);
    took.as_nanos() as f64 / REQUESTS as f64
}
