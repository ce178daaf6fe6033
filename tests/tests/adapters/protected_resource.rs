//! Protected resource metadata (RFC 9728): the route, the exempt path, and the challenges.

use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::test as actix_test;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request, StatusCode};
use keyward::adapter::{BuildError, Location};
use keyward::axum::{AuthLayer, Authenticated, Scoped};
use keyward::{Authenticator, MemoryStore, ProtectedResource};
use keyward_tests::service::{Demo, call};
use serde_json::{Value, json};

const PATH: &str = "/.well-known/oauth-protected-resource/mcp";
const PARAMETER: &str = "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";

keyward::scopes! { NotesRead = "notes:read"; }

fn resource() -> ProtectedResource {
    ProtectedResource::new("https://mcp.example.com/mcp")
        .and_then(|resource| resource.authorization_server("https://login.example.com/tenant"))
        .and_then(|resource| resource.documentation("https://docs.example.com/keys"))
        .unwrap()
        .scopes(["notes:read".parse().unwrap()])
        .name("Notes")
}

fn metadata() -> Value {
    json!({
        "resource": "https://mcp.example.com/mcp",
        "authorization_servers": ["https://login.example.com/tenant"],
        "scopes_supported": ["notes:read"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Notes",
        "resource_documentation": "https://docs.example.com/keys",
    })
}

fn router(authenticator: Authenticator) -> Router {
    Router::new()
        .route("/mcp", get(async |caller: Authenticated| caller.account().to_string()))
        .route("/notes", get(async |_: Scoped<NotesRead>| "notes"))
        .merge(keyward::axum::protected_resource(&resource()))
        .layer(AuthLayer::from(authenticator))
}

#[tokio::test]
async fn axum_serves_the_metadata_and_names_it_in_challenges() {
    let demo = Demo::new().await;
    let other = demo.restricted_key("other:read").await;
    let plain = Authenticator::builder(demo.store.clone());
    let located = Authenticator::builder(demo.store.clone()).accept(Location::header("X-API-Key")).realm("notes");
    for builder in [plain, located] {
        let router = router(builder.protected_resource(&resource()).build().unwrap());
        let ask = async |method: Method, path: &str, key: Option<&str>| {
            let mut request = Request::builder().method(method).uri(path);
            if let Some(key) = key {
                request = request.header("authorization", format!("Bearer {key}"));
            }
            call(&router, request.body(Body::empty()).unwrap()).await
        };
        let answer = ask(Method::GET, PATH, None).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(serde_json::from_slice::<Value>(&answer.body).unwrap(), metadata());
        assert_eq!(ask(Method::HEAD, PATH, None).await.status, 200);
        for (method, path, key, status, begins) in [
            (Method::GET, "/mcp", None, 401, "Bearer realm="),
            (Method::GET, "/mcp", Some("nonsense"), 401, "Bearer realm="),
            (Method::GET, "/notes", Some(&*other), 403, "Bearer realm="),
            (Method::POST, PATH, None, 401, "Bearer realm="),
            (Method::GET, "/.well-known/oauth-protected-resource", None, 401, "Bearer realm="),
            (Method::GET, "/.well-known/oauth-protected-resource/mcp/", None, 401, "Bearer realm="),
        ] {
            let answer = ask(method, path, key).await;
            let challenge = answer.header("www-authenticate");
            assert_eq!(answer.status, status, "{path}");
            assert!(challenge.starts_with(begins) && challenge.contains(PARAMETER), "{path}: {challenge}");
            // Not in another scheme's challenge.
            let bearer = challenge.split(", ApiKey").next().unwrap();
            assert!(bearer.ends_with(PARAMETER) && challenge.matches("resource_metadata").count() == 1, "{challenge}");
        }
    }
}

#[actix_web::test]
async fn actix_serves_the_same() {
    let demo = Demo::new().await;
    let authenticator = Authenticator::builder(demo.store.clone()).protected_resource(&resource()).build().unwrap();
    let app = App::new()
        .wrap(keyward::actix::Auth::from(authenticator))
        .service(keyward::actix::protected_resource(&resource()));
    let app = actix_test::init_service(app).await;
    let answer = actix_test::call_service(&app, actix_test::TestRequest::get().uri(PATH).to_request()).await;
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers().get("access-control-allow-origin").unwrap(), "*");
    let body = to_bytes(answer.into_body()).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), metadata());
    let refused = actix_test::call_service(&app, actix_test::TestRequest::get().uri("/").to_request()).await;
    let challenge = refused.headers().get("www-authenticate").unwrap().to_str().unwrap();
    assert!(refused.status().as_u16() == 401 && challenge.ends_with(PARAMETER), "{challenge}");
}

#[tokio::test]
async fn without_metadata_nothing_changes_and_without_bearer_it_is_refused() {
    let demo = Demo::new().await;
    let router = router(Authenticator::new(demo.store.clone()));
    let answer = call(&router, Request::get(PATH).body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, "Bearer realm=\"api\""));
    let builder = Authenticator::builder(MemoryStore::new()).accept(Location::header("X-API-Key")).without_bearer();
    assert!(matches!(builder.protected_resource(&resource()).build(), Err(BuildError::ResourceWithoutBearer)));
}
