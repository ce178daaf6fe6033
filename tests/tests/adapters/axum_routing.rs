use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_extractor;
use axum::response::Response;
use axum::routing::{get, post};
use http::header::AUTHORIZATION;
use http::{Method, Request, StatusCode};
use keyward::axum::Authenticated;
use keyward::{AuthLayer, Authenticator, NewKey, RequireLayer, Requirement, Scope};
use keyward_tests::service::{Broken, Demo, call, request};
use tower::{Layer, ServiceBuilder};
use tower_http::cors::{Any, CorsLayer};
use tower_http::request_id::{MakeRequestUuid, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

async fn caller(caller: Authenticated) -> String {
    caller.account().to_string()
}

async fn public() -> &'static str {
    "in"
}

async fn check(app: &Router, key: &str, rows: &[(&str, &str, u16, u16)]) {
    for &(method, path, without, with) in rows {
        let got = [None, Some(key)].map(|key| call(app, request(method, path, key)));
        let [first, second] = got;
        assert_eq!((first.await.status.as_u16(), second.await.status.as_u16()), (without, with), "{method} {path}");
    }
}

#[tokio::test]
async fn layer_hides_which_paths_exist_and_route_layer_does_not() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let auth = AuthLayer::new(demo.store.clone());
    let routes = || Router::new().route("/", get(caller));
    check(
        &routes().layer(auth.clone()),
        &key,
        &[
            ("GET", "/", 401, 200),
            ("GET", "/unknown", 401, 404),
            ("POST", "/", 401, 405),
            ("GET", "/%2e%2e/", 401, 404),
        ],
    )
    .await;
    check(
        &routes().route_layer(auth),
        &key,
        &[("GET", "/", 401, 200), ("GET", "/unknown", 404, 404), ("POST", "/", 401, 405)],
    )
    .await;
}

#[tokio::test]
async fn a_fallback_is_covered_by_the_layer_that_comes_after_it() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let app = Router::new().route("/", get(caller)).fallback(public).layer(AuthLayer::new(demo.store.clone()));
    check(&app, &key, &[("GET", "/unknown", 401, 200), ("DELETE", "/x/y", 401, 200)]).await;
}

#[tokio::test]
async fn route_added_after_the_layer_is_refused_by_its_extractor() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let app = Router::new()
        .route("/", get(caller))
        .layer(AuthLayer::new(demo.store.clone()))
        .route("/later", get(caller))
        .nest("/nested", Router::new().route("/later", get(caller)))
        .merge(Router::new().route("/merged", get(caller)));
    check(
        &app,
        &key,
        &[
            ("GET", "/", 401, 200),
            ("GET", "/later", 500, 500),
            ("GET", "/nested/later", 500, 500),
            ("GET", "/merged", 500, 500),
        ],
    )
    .await;
}

#[tokio::test]
async fn layer_around_the_finished_router_covers_every_route() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let router = Router::new()
        .route("/", get(public))
        .nest("/nested", Router::new().route("/route", get(public)).fallback(public))
        .merge(Router::new().route("/merged", post(public)))
        .route_service("/service", get(public))
        .fallback(public);
    let app = ServiceBuilder::new().layer(AuthLayer::new(demo.store.clone())).service(router);
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/"),
        ("GET", "/nested/route"),
        ("GET", "/nested/unknown"),
        ("POST", "/merged"),
        ("GET", "/service"),
        ("GET", "/unknown"),
    ] {
        assert_eq!(call(&app, request(method, path, None)).await.status, 401, "{method} {path}");
        assert_ne!(call(&app, request(method, path, Some(&key))).await.status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn merged_routers_keep_their_layers_and_share_later_ones() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let auth = AuthLayer::new(demo.store.clone());
    let open = || Router::new().route("/open", get(public)).route("/named", get(caller));
    let protected = Router::new().route("/protected", get(caller));

    let kept_apart = protected.clone().layer(auth.clone()).merge(open());
    check(
        &kept_apart,
        &key,
        &[("GET", "/protected", 401, 200), ("GET", "/open", 200, 200), ("GET", "/named", 500, 500)],
    )
    .await;

    let covered = protected.merge(open()).layer(auth);
    check(
        &covered,
        &key,
        &[
            ("GET", "/protected", 401, 200),
            ("GET", "/open", 401, 200),
            ("GET", "/named", 401, 200),
            ("GET", "/unknown", 401, 404),
        ],
    )
    .await;
}

#[tokio::test]
async fn outer_layer_covers_a_nested_router_and_unknown_paths() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let reader = demo.restricted_key("a:read").await;
    let requires = |scope| RequireLayer::new(Requirement::all_of([Scope::from_static(scope)]));
    let admin = Router::new().route("/keys", get(caller)).layer(requires("admin:all"));
    let v1 = Router::new().route("/videos", get(caller)).nest("/admin", admin);
    let app = Router::new().nest("/v1", v1).layer(AuthLayer::new(demo.store.clone()));
    let rows = [
        ("GET", "/v1/videos", 401, 200),
        ("GET", "/v1/unknown", 401, 404),
        ("GET", "/v1", 401, 404),
        ("GET", "/v1/admin/keys", 401, 200),
        ("GET", "/v2", 401, 404),
    ];
    check(&app, &key, &rows).await;
    check(&app, &reader, &[("GET", "/v1/videos", 401, 200), ("GET", "/v1/admin/keys", 401, 403)]).await;
}

#[tokio::test]
async fn layer_inside_nest_sees_paths_without_the_prefix() {
    let demo = Demo::new().await;
    let confined =
        NewKey { endpoints: vec!["GET /v1/videos".parse().unwrap()], ..NewKey::secret(demo.account.clone(), "c") };
    let confined = demo.issue(confined).await;
    let auth: AuthLayer =
        Authenticator::builder(demo.store.clone()).exempt(Method::GET, "/health").build().unwrap().into();
    let v1 = || Router::new().route("/videos", get(public)).route("/health", get(public));

    let outermost = Router::new().nest("/v1", v1()).layer(auth.clone());
    check(&outermost, &confined, &[("GET", "/v1/videos", 401, 200), ("GET", "/v1/health", 401, 403)]).await;

    let within = Router::new().nest("/v1", v1().layer(auth));
    check(&within, &confined, &[("GET", "/v1/videos", 401, 403), ("GET", "/v1/health", 200, 200)]).await;
}

#[tokio::test]
async fn outer_cors_layer_answers_preflights_and_exposes_refusals() {
    let demo = Demo::new().await;
    let cors = CorsLayer::new().allow_origin(Any).allow_methods([Method::GET]).allow_headers([AUTHORIZATION]);
    let app = Router::new().route("/", get(caller)).layer(AuthLayer::new(demo.store.clone()));
    let preflight = || {
        let mut preflight = request("OPTIONS", "/", None);
        preflight.headers_mut().insert("origin", "https://example.org".parse().unwrap());
        preflight.headers_mut().insert("access-control-request-method", "GET".parse().unwrap());
        preflight.headers_mut().insert("access-control-request-headers", "authorization".parse().unwrap());
        preflight
    };
    assert_eq!(call(&app, preflight()).await.status, 401, "a preflight passed without an outer CORS layer");

    let app = app.layer(cors);
    let passed = call(&app, preflight()).await;
    assert_eq!((passed.status, passed.header("access-control-allow-headers")), (StatusCode::OK, "authorization"));

    let mut from_page = request("GET", "/", None);
    from_page.headers_mut().insert("origin", "https://example.org".parse().unwrap());
    let refused = call(&app, from_page).await;
    assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-origin")), (401, "*"));
}

#[tokio::test]
async fn a_cors_layer_within_the_layer_comes_too_late() {
    let demo = Demo::new().await;
    let inner = CorsLayer::new().allow_origin(Any);
    let app = Router::new().route("/", get(caller)).layer(inner).layer(AuthLayer::new(demo.store.clone()));
    let mut from_page = request("GET", "/", None);
    from_page.headers_mut().insert("origin", "https://example.org".parse().unwrap());
    let refused = call(&app, from_page).await;
    assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-origin")), (401, ""));
}

#[tokio::test]
async fn from_extractor_refuses_anonymous_callers() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let optional: AuthLayer = Authenticator::builder(demo.store.clone()).optional().build().unwrap().into();
    let routes = Router::new().route("/", get(public));
    let named = routes.clone().layer(from_extractor::<Authenticated>());
    check(&routes.layer(optional.clone()), &key, &[("GET", "/", 200, 200)]).await;
    check(&named.clone().layer(optional), &key, &[("GET", "/", 401, 200)]).await;
    check(&named, &key, &[("GET", "/", 500, 500)]).await;
}

#[tokio::test]
async fn enabled_preflights_pass_without_an_identity() {
    let demo = Demo::new().await;
    let auth: AuthLayer = Authenticator::builder(demo.store.clone()).pass_preflight().build().unwrap().into();
    let app =
        Router::new().route("/", get(caller).options(public)).route("/named", get(caller).options(caller)).layer(auth);
    for (path, headers, status) in [
        ("/", &["origin", "access-control-request-method"][..], 200),
        ("/named", &["origin", "access-control-request-method"], 401),
        ("/", &["origin"], 401),
        ("/", &["access-control-request-method"], 401),
        ("/", &[], 401),
    ] {
        let mut options = request("OPTIONS", path, None);
        for &header in headers {
            options.headers_mut().insert(header, "GET".parse().unwrap());
        }
        assert_eq!(call(&app, options).await.status, status, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn outer_tracing_sees_refusals_and_sets_their_request_id() {
    let demo = Demo::new().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let trace = TraceLayer::new_for_http().on_response(move |response: &Response, _: Duration, _: &tracing::Span| {
        note.lock().unwrap().push(response.status().as_u16());
    });
    let app = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(trace)
        .layer(AuthLayer::new(demo.store.clone()))
        .service(Router::new().route("/", get(caller)));

    let generated = call(&app, request("GET", "/", None)).await;
    assert_eq!(generated.header("x-request-id").len(), 36, "the refusal does not carry the outer layer's request ID");
    let mut with_id = request("GET", "/", None);
    with_id.headers_mut().insert("x-request-id", "from-the-proxy".parse().unwrap());
    assert_eq!(call(&app, with_id).await.header("x-request-id"), "from-the-proxy");
    assert_eq!(call(&app, request("GET", "/", Some(&demo.full_key().await))).await.status, 200);
    assert_eq!(*seen.lock().unwrap(), [401, 401, 200]);
}

#[tokio::test]
async fn hanging_store_and_hanging_handler_give_different_statuses() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(600));
    let router = || Router::new().route("/", get(async || std::future::pending::<()>().await));
    let around = |auth: AuthLayer| ServiceBuilder::new().layer(timeout).layer(auth).service(router());
    for (what, auth, status, retry) in [
        ("the store", AuthLayer::new(Broken::Hangs), 503, true),
        ("the handler", AuthLayer::new(demo.store.clone()), 504, false),
    ] {
        let answer = call(&around(auth), request("GET", "/", Some(&key))).await;
        assert_eq!((answer.status.as_u16(), !answer.header("retry-after").is_empty()), (status, retry), "{what} hangs");
    }
}

#[tokio::test]
async fn timeout_inside_the_layer_does_not_change_refusals() {
    let demo = Demo::new().await;
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(1));
    let auth = AuthLayer::new(Broken::Hangs);
    let app = auth.layer(timeout.layer(Router::new().route("/", get(public))));
    let answer = call(&app, request("GET", "/", Some(&demo.full_key().await))).await;
    assert_eq!(answer.status, 503);
}

#[tokio::test]
async fn a_forged_identity_in_the_extensions_is_replaced() {
    let demo = Demo::new().await;
    let forged = keyward::Identity::api_key("key_forged".parse().unwrap(), "acct_forged".parse().unwrap());
    let forge = |mut request: Request<axum::body::Body>| {
        request.extensions_mut().insert(forged.clone());
        request
    };
    let optional: AuthLayer =
        Authenticator::builder(demo.store.clone()).optional().exempt(Method::GET, "/exempt").build().unwrap().into();
    let who = async |caller: Option<Authenticated>| caller.map_or("nobody".to_owned(), |c| c.account().to_string());
    let app = Router::new().route("/", get(who)).route("/exempt", get(who)).layer(optional);
    let key = demo.full_key().await;
    for (path, key, expected) in [("/", None, "nobody"), ("/exempt", None, "nobody"), ("/", Some(&*key), "acct_1")] {
        assert_eq!(call(&app, forge(request("GET", path, key))).await.body, expected, "{path}");
    }
    let required = Router::new().route("/", get(caller)).layer(AuthLayer::new(demo.store.clone()));
    assert_eq!(call(&required, forge(request("GET", "/", None))).await.status, 401);
}
