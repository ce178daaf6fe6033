//! Secret keys that a browser sends: the same verdicts everywhere.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use keyward::axum::Authenticated;
use keyward::gateway::forward_auth;
use keyward::{AuthLayer, Authenticator, MemoryStore, NewKey};
use keyward_tests::service::{Demo, call};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;
use tower::{Layer, service_fn};

use super::{actix, tonic as grpc};

const ORIGIN: (&str, &str) = ("origin", "https://app.example.com");
const FETCH: (&str, &str) = ("sec-fetch-site", "cross-site");
const NODE: (&str, &str) = ("sec-fetch-mode", "cors");

fn authenticator(store: MemoryStore) -> Authenticator {
    Authenticator::builder(store).refuse_secret_keys_in_browsers().build().unwrap()
}

fn get_with(path: &str, key: &str, field: Option<(&str, &str)>) -> Request<Body> {
    let request = Request::get(path).header("authorization", format!("Bearer {key}"));
    field.into_iter().fold(request, |request, (name, value)| request.header(name, value)).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn every_adapter_refuses_secret_keys_from_browsers() {
    let demo = Demo::new().await;
    let authenticator = authenticator(demo.store.clone());
    let axum =
        Router::new().route("/", get(async |_: Authenticated| "in")).layer(AuthLayer::from(authenticator.clone()));
    let plain = AuthLayer::from(authenticator.clone())
        .layer(service_fn(async |_| Ok::<_, std::convert::Infallible>(Response::new(Body::from(Bytes::new())))));
    let gateway = forward_auth(authenticator.clone());
    let actix = actix::Server::start(Some(authenticator.clone()));
    let grpc = grpc::Listening::start(Some(authenticator.into())).await;
    let mut health = HealthClient::new(grpc.channel().await);

    let (secret, restricted) = (demo.full_key().await, demo.restricted_key("health:read").await);
    let publishable = demo.issue(NewKey::publishable(demo.account.clone(), "publishable")).await;
    for (key, field, expected) in [
        (&secret, None, ""),
        (&secret, Some(NODE), ""),
        (&secret, Some(ORIGIN), "SECRET_KEY_IN_BROWSER"),
        (&secret, Some(FETCH), "SECRET_KEY_IN_BROWSER"),
        (&restricted, None, ""),
        (&restricted, Some(NODE), ""),
        (&restricted, Some(ORIGIN), "SECRET_KEY_IN_BROWSER"),
        (&restricted, Some(FETCH), "SECRET_KEY_IN_BROWSER"),
        (&publishable, Some(ORIGIN), ""),
        (&publishable, Some(FETCH), ""),
    ] {
        // Cold, then warm.
        for _ in 0..2 {
            let status = if expected.is_empty() { 200 } else { 403 };
            let mut forwarded = get_with("/forward-auth", key, field);
            forwarded.headers_mut().insert("x-forwarded-method", "GET".parse().unwrap());
            forwarded.headers_mut().insert("x-forwarded-uri", "/".parse().unwrap());
            for (adapter, answer) in [
                ("axum", call(&axum, get_with("/", key, field)).await),
                ("tower", call(&plain, get_with("/", key, field)).await),
                ("forward-auth", call(&gateway, forwarded).await),
            ] {
                assert_eq!((answer.status.as_u16(), &*answer.code()), (status, expected), "{adapter} {field:?}");
            }
            let line = field.map(|(name, value)| format!("\r\n{name}: {value}")).unwrap_or_default();
            let answer = actix.send(&format!("GET / HTTP/1.1\r\nauthorization: Bearer {key}{line}"), "").await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{field:?}: {answer}");
            assert!(answer.contains(expected), "{field:?}: {answer}");

            let mut request = tonic::Request::new(HealthCheckRequest::default());
            request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
            if let Some((name, value)) = field {
                request.metadata_mut().insert(name, value.parse().unwrap());
            }
            let answer = health.check(request).await;
            // gRPC refuses publishable keys in any case.
            let reason = match answer {
                Ok(_) => String::new(),
                Err(status) => status.get_details_error_info().unwrap().reason,
            };
            assert_eq!(reason, if *key == publishable { "KEY_KIND_NOT_ALLOWED" } else { expected }, "{field:?}");
        }
    }
}
