//! The middleware of every framework limits the same requests, with every store.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpResponse, test as actix, web};
use axum::Router;
use axum::routing::get;
use keyward::adapter::Event;
use keyward::limits::{Each, Limits, MemoryLimits, NamedLimits, RateLimitLayer, RateLimiter, RateLimits, RequestLimit};
use keyward::postgres::PostgresRates;
use keyward::render::CodedEnvelope;
use keyward::tonic::Grpc;
use keyward::valkey::ValkeyRates;
use keyward::{Authenticator, NewKey};
use keyward_needs::needs;
use keyward_tests::log::Log;
use keyward_tests::service::{Demo, call, request};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::{Channel, Server};
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;
use tracing::Level;

const DAY: Duration = Duration::from_secs(86_400);

/// The last segments of paths.
pub(super) const CHEAP: &str = "Check";
pub(super) const DEAR: &str = "Dear";
const OPEN: &str = "Open";

/// gRPC has these paths, and all services use them.
pub(super) fn path(call: &str) -> String {
    format!("/grpc.health.v1.Health/{call}")
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Framework {
    Axum,
    Actix,
    Tonic,
}

pub(super) const FRAMEWORKS: [Framework; 3] = [Framework::Axum, Framework::Actix, Framework::Tonic];

impl Framework {
    fn method(self) -> http::Method {
        if matches!(self, Self::Tonic) { http::Method::POST } else { http::Method::GET }
    }
}

/// The same for HTTP and gRPC. Without a refusal, `code` is empty.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) code: String,
    pub(super) status: u16,
    /// The values of all fields with this name.
    pub(super) policy: String,
    pub(super) state: String,
    pub(super) retry_after: Option<Duration>,
    request_id: String,
}

impl Answer {
    pub(super) fn of_http(status: u16, field: impl Fn(&str) -> String, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        Self {
            code: body["error"]["code"].as_str().unwrap_or_default().to_owned(),
            status,
            policy: field("ratelimit-policy"),
            state: field("ratelimit"),
            retry_after: field("retry-after").parse().ok().map(Duration::from_secs),
            request_id: body["error"]["request_id"].as_str().unwrap_or_default().to_owned(),
        }
    }

    fn of_grpc(answer: Result<MetadataMap, Status>) -> Self {
        let (metadata, status) = match answer {
            Ok(metadata) => (metadata, None),
            Err(status) => (status.metadata().clone(), Some(status)),
        };
        let field = |name| joined(metadata.get_all(name).iter().map(|value| value.to_str().unwrap()));
        let mut answer =
            Self { status: 200, policy: field("ratelimit-policy"), state: field("ratelimit"), ..Self::default() };
        // The tonic service answers unknown methods itself.
        let Some(refused) = status.filter(|status| status.code() != Code::Unimplemented) else { return answer };
        let info = refused.get_details_error_info().unwrap();
        assert_eq!(info.domain, "keyward");
        answer.code = info.reason;
        answer.status = match refused.code() {
            Code::ResourceExhausted => 429,
            Code::Unauthenticated => 401,
            Code::Internal => 500,
            other => panic!("unexpected code {other:?}"),
        };
        answer.retry_after = refused.get_details_retry_info().and_then(|retry| retry.retry_delay);
        answer.request_id = refused.get_details_request_info().unwrap().request_id;
        answer
    }
}

fn joined<'a>(values: impl Iterator<Item = &'a str>) -> String {
    values.collect::<Vec<_>>().join(", ")
}

/// Returns the values of all fields with this name.
pub(super) fn all(headers: &http::HeaderMap, name: &str) -> String {
    joined(headers.get_all(name).iter().map(|value| value.to_str().unwrap()))
}

fn plans() -> NamedLimits {
    RateLimits::builder().limit("default", Each::Account, 4, DAY).for_plan("Pro", 8).named().unwrap()
}

/// A call to [`DEAR`] costs three.
pub(super) fn cost(_: &http::Method, uri: &http::Uri) -> NonZeroU32 {
    if uri.path().ends_with(DEAR) { NonZeroU32::new(3).unwrap() } else { NonZeroU32::MIN }
}

fn limit(limiter: impl RateLimiter, name: &str) -> RequestLimit {
    RequestLimit::new(limiter, name.to_owned()).cost(cost)
}

struct GrpcServer {
    address: SocketAddr,
    server: AbortHandle,
}

impl Drop for GrpcServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl GrpcServer {
    async fn start(authenticator: Option<Authenticator>, limit: RequestLimit) -> Self {
        let (_, health) = tonic_health::server::health_reporter();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let limit = RateLimitLayer::<Grpc>::from(limit);
        let server = match authenticator.map(keyward::tonic::AuthLayer::from) {
            Some(auth) => tokio::spawn(
                Server::builder().layer(auth).layer(limit).add_service(health).serve_with_incoming(incoming),
            ),
            None => tokio::spawn(Server::builder().layer(limit).add_service(health).serve_with_incoming(incoming)),
        };
        Self { address, server: server.abort_handle() }
    }

    async fn call(&self, call: &str, key: Option<&str>) -> Answer {
        let channel = Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap();
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.unwrap();
        let mut request = tonic::Request::new(HealthCheckRequest::default());
        if let Some(key) = key {
            let field: MetadataValue<_> = format!("Bearer {key}").parse().unwrap();
            request.metadata_mut().insert("authorization", field);
        }
        let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
        let answer = client.unary(request, path(call).parse().unwrap(), codec).await;
        Answer::of_grpc(answer.map(|answer| answer.metadata().clone()))
    }
}

pub(super) async fn answer(
    framework: Framework,
    authenticator: Option<Authenticator>,
    limit: RequestLimit,
    (name, key): (&str, Option<&str>),
) -> Answer {
    match framework {
        Framework::Axum => {
            let ok = || get(async || "ok");
            let routes = [CHEAP, DEAR, OPEN].into_iter().fold(Router::new(), |all, name| all.route(&path(name), ok()));
            let app = routes.layer(RateLimitLayer::<keyward::adapter::Http>::from(limit));
            let app = match authenticator {
                Some(authenticator) => app.layer(keyward::axum::AuthLayer::from(authenticator)),
                None => app,
            };
            let answer = call(&app, request("GET", &path(name), key)).await;
            Answer::of_http(answer.status.as_u16(), |name| all(&answer.headers, name), &answer.body)
        }
        Framework::Actix => {
            let limited = web::scope("")
                .default_service(web::to(async || HttpResponse::Ok().body("ok")))
                .wrap(keyward::actix::RateLimit::from(limit));
            let mut request = actix::TestRequest::with_uri(&path(name));
            if let Some(key) = key {
                request = request.insert_header(("authorization", format!("Bearer {key}")));
            }
            let response = match authenticator {
                Some(authenticator) => {
                    let app = App::new().service(limited).wrap(keyward::actix::Auth::from(authenticator));
                    actix::call_service(&actix::init_service(app).await, request.to_request())
                        .await
                        .map_into_boxed_body()
                }
                None => {
                    let app = App::new().service(limited);
                    actix::call_service(&actix::init_service(app).await, request.to_request())
                        .await
                        .map_into_boxed_body()
                }
            };
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = actix::read_body(response).await;
            let field = |name: &str| joined(headers.get_all(name).map(|value| value.to_str().unwrap()));
            Answer::of_http(status, field, &body)
        }
        Framework::Tonic => GrpcServer::start(authenticator, limit).await.call(name, key).await,
    }
}

/// Every row continues after the ones above it, on a new service that shares limiter and authenticator.
async fn assert_limits(framework: Framework, store: &str, limiter: Arc<dyn RateLimiter>) {
    let demo = Demo::new().await;
    let key = demo.issue(NewKey::secret(demo.account.clone(), "key")).await;
    let sibling = demo.issue(NewKey::secret(demo.account.clone(), "sibling")).await;
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&events);
    let authenticator = Authenticator::builder(demo.store.clone())
        .renderer(CodedEnvelope::new())
        .exempt(framework.method(), path(OPEN))
        .on_event(move |event| match event {
            Event::KeyRefused { rejection, .. } => seen.lock().unwrap().push(format!("key {}", rejection.code())),
            Event::Refused { rejection, .. } => seen.lock().unwrap().push(rejection.code().to_owned()),
            _ => {}
        })
        .build()
        .unwrap();
    let (free, pro) = (r#""default";q=4;w=86400"#, r#""default";q=8;w=86400"#);
    for (plan, name, key, status, code, policy, left) in [
        (None, CHEAP, Some(&key), 200, "", free, 3),
        (None, DEAR, Some(&sibling), 200, "", free, 0),
        (None, CHEAP, Some(&key), 429, "RATE_LIMIT_EXCEEDED", free, 0),
        (None, OPEN, None, 200, "", "", 0),
        (None, CHEAP, None, 401, "MISSING_API_KEY", "", 0),
        // All of the old quota is spent, so all of the new one is, too.
        (Some("Pro"), CHEAP, Some(&key), 429, "RATE_LIMIT_EXCEEDED", pro, 0),
        (Some("Free"), DEAR, Some(&sibling), 429, "RATE_LIMIT_EXCEEDED", free, 0),
    ] {
        demo.keys.set_plan(&demo.account, plan).await.unwrap();
        events.lock().unwrap().clear();
        let limit = limit(Arc::clone(&limiter), "default");
        let answer = answer(framework, Some(authenticator.clone()), limit, (name, key.map(String::as_str))).await;
        let row = format!("{framework:?} with {store}, {plan:?} {name}: {answer:?}");
        assert_eq!((answer.status, answer.code.as_str(), answer.policy.as_str()), (status, code, policy), "{row}");
        let state = format!(r#""default";r={left};t="#);
        assert_eq!(
            answer.state.split_inclusive("t=").next().unwrap_or_default(),
            if policy.is_empty() { "" } else { &state },
            "{row}"
        );
        assert_eq!(answer.retry_after.is_some(), status == 429, "{row}");
        assert!(answer.retry_after.is_none_or(|wait| wait > DAY / 16 && wait <= DAY), "{row}");
        assert_eq!(answer.request_id.starts_with("req_"), status != 200, "{row}");
        let expected: &[String] = match code {
            "" => &[],
            "RATE_LIMIT_EXCEEDED" => &[format!("key {code}"), code.to_owned()],
            _ => &[code.to_owned()],
        };
        assert_eq!(*events.lock().unwrap(), expected, "{row}");
    }
}

#[actix_web::test]
async fn every_framework_limits_alike_in_memory() {
    for framework in FRAMEWORKS {
        assert_limits(framework, "memory", Arc::new(RateLimits::new(&plans()))).await;
    }
}

#[needs(postgresql)]
#[actix_web::test]
async fn every_framework_limits_alike_with_postgresql() {
    for framework in FRAMEWORKS {
        let [store, _] = super::postgres_nodes().await;
        assert_limits(framework, "PostgreSQL", Arc::new(PostgresRates::new(&store, plans()))).await;
    }
}

#[needs(valkey)]
#[actix_web::test]
async fn every_framework_limits_alike_with_valkey() {
    for framework in FRAMEWORKS {
        let [store, _] = super::valkey_nodes().await;
        assert_limits(framework, "Valkey", Arc::new(ValkeyRates::new(&store, plans()))).await;
    }
}

/// A service with a mistyped name does not start, instead of refusing its requests.
#[test]
fn a_mistyped_limit_is_found_when_the_middleware_is_built() {
    let built = |build: &dyn Fn()| {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(build));
        result.err().map(|panic| *panic.downcast::<String>().unwrap())
    };
    let limits = || RateLimits::new(&plans());
    let names = plans().iter().map(|limit| limit.name().to_string()).collect::<Vec<_>>().join(", ");
    let shared: Arc<dyn RateLimiter> = Arc::new(limits());
    let typo = "defualt";
    let mistakes: [&dyn Fn(); 4] = [
        &|| drop(RequestLimit::new(limits(), typo)),
        &|| drop(RequestLimit::new(Arc::clone(&shared), typo)),
        &|| drop(RateLimitLayer::new(limits(), typo)),
        &|| drop(keyward::actix::RateLimit::new(limits(), typo)),
    ];
    for build in mistakes {
        let said = built(build).unwrap();
        assert!(said.contains(&format!("the name \"{typo}\", expected one of {names}")), "{said}");
    }
    assert_eq!(built(&|| drop(RateLimitLayer::new(limits(), "default"))), None);
}

#[tokio::test]
async fn a_rate_that_no_rule_can_have_is_found_when_the_middleware_is_built() {
    let rules = Limits::start(MemoryLimits::new()).await.unwrap();
    let build = |name: &str| {
        let limit = RequestLimit::from_rules(rules.clone());
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| limit.rates([name]))).is_ok()
    };
    for malformed in ["", "ex ports", "exports!", &"e".repeat(33)] {
        assert!(!build(malformed), "{malformed:?}");
    }
    assert!(build("exports"));
}

#[actix_web::test]
async fn misplaced_rate_limits_log_their_cause() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    for framework in FRAMEWORKS {
        let (log, guard) = Log::of_this_thread(Level::INFO);
        let limit = limit(RateLimits::new(&plans()), "default");
        let answer = answer(framework, None, limit, (CHEAP, Some(&key))).await;
        drop(guard);
        let log = log.text();
        assert_eq!((answer.status, answer.policy.as_str()), (500, ""), "{framework:?}: {answer:?}");
        assert!(log.contains("no AuthLayer is around this RateLimit"), "{framework:?}: {log}");
        let place = format!("method={} path=\"{}\"", framework.method(), path(CHEAP));
        assert!(log.contains(&place), "{framework:?}: {log}");
    }
}
