//! What counts as refused: each adapter and gateway endpoint, by its final verdict.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request, StatusCode};
use keyward::axum::{AuthLayer, AuthRejection, Authenticated, RecentRequestsLayer, Scoped};
use keyward::gateway::VerifyReach;
use keyward::manage::{KeyDraft, PageRequest, Purpose};
use keyward::{Authenticator, CredentialId, CustomRejection, NewKey, RequestIdLayer, RequireLayer, Requirement, Scope};
use keyward_tests::service::call;
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt};

use crate::setting::{Setting, on_sqlite};

keyward::scopes! {
    JobsRead = "jobs:read";
    JobsWrite = "jobs:write";
}

const READ: Scope = Scope::from_static("jobs:read");
const WRITE: Scope = Scope::from_static("jobs:write");

/// A setting with a key that may read jobs.
struct Counted {
    setting: Setting,
    key: String,
    id: CredentialId,
    authenticator: Authenticator,
}

impl Counted {
    async fn new() -> Self {
        let setting = on_sqlite();
        let (_, account) = setting.customer("ada@example.com").await;
        let draft = KeyDraft::of(Purpose::Api, NewKey::restricted(account, "worker", "jobs:read".parse().unwrap()));
        let issued = setting.management.create_key(&setting.system(), draft).await.unwrap();
        let store = keyward::sqlite::SqliteStore::open(setting.file.as_ref().unwrap()).unwrap();
        let hook = setting.management.recent_requests_hook();
        let authenticator = Authenticator::builder(store).clock(setting.clock.clone()).on_event(hook).build().unwrap();
        Self { key: issued.key.expose_once().to_string(), id: issued.view.id, setting, authenticator }
    }

    fn request(&self, path: &str) -> Request<Body> {
        Request::get(path).header("authorization", format!("Bearer {}", self.key)).body(Body::empty()).unwrap()
    }

    /// Accepted and refused requests, by usage and by recent requests.
    async fn expect(&self, case: &str, accepted: u64, refused: &[(&str, &str, u64)], missing: &[&str]) {
        let management = &self.setting.management;
        let usage = management.key_usage(&self.setting.system(), &self.id, 1).await.unwrap();
        let count = |outcome: &str| -> u64 {
            usage.days.iter().filter(|day| day.outcome == outcome).map(|day| day.times).sum()
        };
        let recorded =
            management.key_requests(&self.setting.system(), &self.id, &PageRequest::default()).await.unwrap();
        let recorded = recorded.items;
        let times = |code: &str| recorded.iter().filter(|request| request.outcome == code).count() as u64;
        assert_eq!((count("accepted"), times("OK")), (accepted, accepted), "{case}: {usage:?} {recorded:?}");
        for (reason, code, expected) in refused {
            assert_eq!((count(reason), times(code)), (*expected, *expected), "{case}: {usage:?} {recorded:?}");
        }
        let all: u64 = usage.days.iter().map(|day| day.times).sum();
        assert_eq!(all, accepted + refused.iter().map(|(.., times)| times).sum::<u64>(), "{case}: {usage:?}");
        for request in recorded.iter().filter(|request| request.outcome == "INSUFFICIENT_SCOPE") {
            assert_eq!(request.missing_scopes, missing, "{case}");
        }
        let scope = |scope: &str, outcome: &str| -> u64 {
            let counted = usage.scopes.iter().filter(|count| count.scope == scope && count.outcome == outcome);
            counted.map(|count| count.times).sum()
        };
        let lacked: u64 =
            refused.iter().filter(|(reason, ..)| *reason == "insufficient_scope").map(|(.., times)| times).sum();
        let had = if missing.is_empty() { 0 } else { accepted };
        let counted = (scope("jobs:read", "accepted"), scope("jobs:write", "insufficient_scope"));
        assert_eq!(counted, (had, lacked), "{case}: {usage:?}");
        assert_eq!(usage.scopes.iter().map(|count| count.times).sum::<u64>(), had + lacked, "{case}: {usage:?}");
    }

    async fn expect_scope(&self, case: &str) {
        self.expect(case, 1, &[("insufficient_scope", "INSUFFICIENT_SCOPE", 2)], &["jobs:write"]).await;
    }
}

#[tokio::test]
async fn axum_counts_what_guards_and_handlers_refuse() {
    for inside in ["extractor", "layer"] {
        let counted = Counted::new().await;
        let router = match inside {
            "extractor" => Router::new()
                .route("/read", get(async |_: Scoped<JobsRead>| "in"))
                .route("/write", get(async |_: Scoped<JobsWrite>| "in")),
            _ => Router::new()
                .route("/read", get(async || "in").layer(RequireLayer::of::<JobsRead>()))
                .route("/write", get(async || "in").layer(RequireLayer::of::<JobsWrite>())),
        };
        let app = router
            .layer(AuthLayer::from(counted.authenticator.clone()))
            .layer(RecentRequestsLayer::new(&counted.authenticator));
        for (path, status) in [("/write", 403), ("/read", 200), ("/write", 403)] {
            assert_eq!(call(&app, counted.request(path)).await.status, status, "{inside}");
        }
        counted.expect_scope(inside).await;
    }

    let counted = Counted::new().await;
    let frozen = async |_: Authenticated| -> Result<&str, AuthRejection> {
        Err(CustomRejection::new(StatusCode::CONFLICT, "FROZEN", "The project is frozen."))?
    };
    let app = Router::new()
        .route("/", get(frozen))
        .route("/gone", get(async || StatusCode::GONE))
        .layer(RequestIdLayer::new())
        .layer(AuthLayer::from(counted.authenticator.clone()))
        .layer(RecentRequestsLayer::new(&counted.authenticator));
    assert_eq!(call(&app, counted.request("/")).await.status, 409);
    assert_eq!(call(&app, counted.request("/gone")).await.status, 410);
    counted.expect("handler", 1, &[("custom", "FROZEN", 1)], &[]).await;
}

/// What is counted by scope is the check of a request, once for each scope.
#[tokio::test]
async fn scopes_are_counted_once_a_request_and_not_for_streams() {
    let counted = Counted::new().await;
    let repeated = || RequireLayer::new(Requirement::all_of([READ, READ, READ]));
    let enough = || RequireLayer::new(Requirement::any_of([WRITE, READ]));
    let refused = RequireLayer::new(Requirement::all_of(std::iter::repeat_n(WRITE, 20)));
    let app = Router::new()
        .route("/repeated", get(async || "in").layer(repeated()))
        .route("/enough", get(async || "in").layer(enough()))
        .route("/refused", get(async || "in").layer(refused))
        .layer(AuthLayer::from(counted.authenticator.clone()))
        .layer(RecentRequestsLayer::new(&counted.authenticator));
    for (path, status) in [("/repeated", 200), ("/enough", 200), ("/refused", 403)] {
        assert_eq!(call(&app, counted.request(path)).await.status, status, "{path}");
    }
    counted.expect("once", 2, &[("insufficient_scope", "INSUFFICIENT_SCOPE", 1)], &["jobs:write"]).await;

    let field = format!("Bearer {}", counted.key);
    let connection = keyward::adapter::UnknownConnection;
    let target = keyward::adapter::Target { method: "GET", path: "/", preflight: false, connection: &connection };
    let admission = counted.authenticator.authenticate([field.as_bytes()]).await.unwrap();
    let keyward::adapter::Admission::Identity(caller) = admission else { panic!("{admission:?}") };
    let watch = counted.authenticator.watch(&caller, target, [field.as_bytes()]).unwrap();
    let mut watch = watch.requiring(Requirement::all_of([READ]));
    watch.check().await.unwrap();
    let usage = counted.setting.management.key_usage(&counted.setting.system(), &counted.id, 1).await.unwrap();
    assert_eq!(usage.scopes.iter().map(|count| count.times).sum::<u64>(), 3, "{usage:?}");
}

#[actix_web::test]
async fn actix_counts_what_guards_refuse() {
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, web};
    use keyward::actix::{Auth, RecentRequests, Require, Scoped};

    for inside in ["extractor", "middleware"] {
        let counted = Counted::new().await;
        let app = App::new();
        let app = match inside {
            "extractor" => app
                .route("/read", web::get().to(async |_: Scoped<JobsRead>| "in"))
                .route("/write", web::get().to(async |_: Scoped<JobsWrite>| "in")),
            _ => app
                .service(web::resource("/read").wrap(Require::of::<JobsRead>()).to(async || "in"))
                .service(web::resource("/write").wrap(Require::of::<JobsWrite>()).to(async || "in")),
        };
        let app = app.wrap(Auth::from(counted.authenticator.clone())).wrap(RecentRequests::new(&counted.authenticator));
        let app = init_service(app).await;
        for (path, status) in [("/write", 403), ("/read", 200), ("/write", 403)] {
            let field = ("authorization", format!("Bearer {}", counted.key));
            let request = TestRequest::get().uri(path).insert_header(field).to_request();
            assert_eq!(call_service(&app, request).await.status().as_u16(), status, "{inside}");
        }
        counted.expect_scope(inside).await;
    }
}

#[tokio::test]
async fn tonic_counts_what_guards_refuse() {
    use keyward::tonic::{AuthLayer, RecentRequestsLayer};

    for inside in ["guard", "layer"] {
        let counted = Counted::new().await;
        // As tonic's generated servers write what a handler returns.
        let handler = tower::service_fn(move |request: Request<Body>| async move {
            let writes = request.uri().path() == "/jobs.Jobs/Write";
            let request = tonic::Request::from_http(request);
            let verdict = match inside {
                "guard" if writes => keyward::tonic::guarded::<JobsWrite, _>(&request).map(drop),
                "guard" => keyward::tonic::guarded::<JobsRead, _>(&request).map(drop),
                _ => Ok(()),
            };
            let response = match verdict {
                Ok(()) => http::Response::new(Body::empty()),
                Err(status) => status.into_http(),
            };
            Ok::<_, std::convert::Infallible>(response)
        });
        let service = ServiceBuilder::new()
            .layer(RecentRequestsLayer::new(&counted.authenticator))
            .layer(AuthLayer::from(counted.authenticator.clone()));
        for (path, scope, code) in
            [("/jobs.Jobs/Write", WRITE, "7"), ("/jobs.Jobs/Read", READ, "0"), ("/jobs.Jobs/Write", WRITE, "7")]
        {
            let mut request = counted.request(path);
            *request.method_mut() = Method::POST;
            request.headers_mut().insert("x-request-id", "mine".parse().unwrap());
            let answer = if inside == "guard" {
                service.clone().service(handler).oneshot(request).await.unwrap()
            } else {
                let required = RequireLayer::new(Requirement::all_of([scope]));
                service.clone().layer(required).service(handler).oneshot(request).await.unwrap()
            };
            let said = answer.headers().get("grpc-status").map_or("0", |code| code.to_str().unwrap());
            assert_eq!(said, code, "{inside}: {path}");
        }
        counted.expect_scope(inside).await;
    }
}

#[tokio::test]
async fn gateway_endpoints_count_the_final_verdict() {
    let counted = Counted::new().await;
    let setting = &counted.setting;
    setting.operator().await;
    let operator = setting.management.operator().clone();
    let issue = async |scopes: &str| {
        let new = NewKey::restricted(operator.clone(), "gateway", scopes.parse().unwrap());
        setting.management.create_key(&setting.system(), KeyDraft::of(Purpose::Management, new)).await.unwrap().key
    };
    let caller = issue("keys:verify").await.expose_once().to_string();
    let keys = counted.authenticator.clone();
    let callers = keyward::AuthLayer::from(setting.management.authenticator().unwrap());
    let reach = VerifyReach::Operator(operator.clone());
    let router = keyward::gateway::forward_auth(keys.clone())
        .merge(keyward::gateway::verify(keys.clone(), callers, reach))
        .layer(keyward::RecentRequestsLayer::new(&keys));

    let forwarded = |path: &str, scope: &str| {
        let mut request = counted.request(&format!("/{path}?scope={scope}"));
        request.headers_mut().insert("x-forwarded-method", "GET".parse().unwrap());
        request.headers_mut().insert("x-forwarded-uri", "/v1/jobs".parse().unwrap());
        request
    };
    for (scope, status) in [("jobs:write", 403), ("jobs:read", 200), ("jobs:read,jobs:write", 403)] {
        assert_eq!(call(&router, forwarded("forward-auth", scope)).await.status, status);
    }
    // The second look of nginx counts nothing.
    assert_eq!(call(&router, forwarded("forward-auth/refusal", "jobs:write")).await.status, 403);
    counted.expect_scope("forward-auth").await;

    let ask = async |path: &str, body: Value| {
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {caller}"));
        let answer = call(&router, request.body(Body::from(body.to_string())).unwrap()).await;
        serde_json::from_slice::<Value>(&answer.body).unwrap()
    };
    let question = |scope: &str| json!({"key": counted.key, "scopes": [scope]});
    for (scope, valid) in [("jobs:write", false), ("jobs:read", true), ("jobs:write", false)] {
        assert_eq!(ask("/v1/verify", question(scope)).await["valid"], valid);
    }
    ask("/v1/verify/batch", json!([question("jobs:read"), question("jobs:write")])).await;
    counted.expect("verify", 3, &[("insufficient_scope", "INSUFFICIENT_SCOPE", 5)], &["jobs:write"]).await;
}

#[tokio::test]
async fn envoy_counts_the_final_verdict() {
    use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request as Asked};
    use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
    use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};

    let counted = Counted::new().await;
    let field = ("authorization".to_owned(), format!("Bearer {}", counted.key));
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: "/v1/jobs".to_owned(),
        headers: [field].into(),
        ..HttpRequest::default()
    };
    let router = keyward::gateway::envoy::ext_authz_router(counted.authenticator.clone())
        .layer(keyward::RecentRequestsLayer::new(&counted.authenticator));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut client = AuthorizationClient::connect(url).await.unwrap();
    for (scope, code) in [("jobs:write", 7), ("jobs:read", 0), ("jobs:write", 7)] {
        let attributes = AttributeContext {
            request: Some(Asked { http: Some(http.clone()), ..Asked::default() }),
            context_extensions: [("scope".to_owned(), scope.to_owned())].into(),
            ..AttributeContext::default()
        };
        let answer = client.check(CheckRequest { attributes: Some(attributes) }).await.unwrap().into_inner();
        assert_eq!(answer.status.unwrap().code, code, "{scope}");
    }
    served.abort();
    counted.expect_scope("envoy").await;
}
