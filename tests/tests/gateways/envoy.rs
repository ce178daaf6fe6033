//! Envoy, with `ext_authz` over gRPC: the server itself, and what it is told.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use keyward::{AccountRecord, Authenticator};
use keyward_gateway::envoy::ext_authz;
use keyward_tests::gateways::Kind;
use keyward_tests::service::Demo;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::{table, tricks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_to_the_table() {
    table::run(Kind::Envoy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_not_led_astray_by_paths() {
    tricks::run(Kind::Envoy).await;
}

/// A question as Envoy asks it, with the fields as they came or, without `encode_raw_headers`, as it joined them.
fn question(path: &str, fields: &[(&str, &str)], raw: bool, extensions: &[(&str, &str)]) -> CheckRequest {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut http = HttpRequest { method: "GET".to_owned(), path: path.to_owned(), ..HttpRequest::default() };
    if raw {
        let headers = fields.iter().map(owned).map(|(key, value)| HeaderValue {
            key,
            raw_value: value.into_bytes(),
            ..HeaderValue::default()
        });
        http.header_map = Some(HeaderMap { headers: headers.collect() });
    } else {
        for (name, value) in fields.iter().map(owned) {
            http.headers.entry(name).and_modify(|all: &mut String| *all = format!("{all},{value}")).or_insert(value);
        }
        http.headers.insert(":path".to_owned(), path.to_owned());
    }
    let attributes = AttributeContext {
        request: Some(Request { http: Some(http), ..Request::default() }),
        context_extensions: extensions.iter().map(owned).collect(),
        ..AttributeContext::default()
    };
    CheckRequest { attributes: Some(attributes) }
}

#[tokio::test]
async fn is_told_what_to_put_in_what_to_take_out_and_what_to_answer() {
    const SCOPE: &[(&str, &str)] = &[("scope", "resources:read")];
    let demo = Demo::new().await;
    demo.keys.put_account(&AccountRecord::new(demo.account.clone(), "Example Ltd").with_plan("Pro")).await.unwrap();
    let reader = format!("Bearer {}", demo.restricted_key("resources:read").await);
    let unscoped = format!("Bearer {}", demo.restricted_key("other:read").await);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = ext_authz(Authenticator::new(demo.store.clone()));
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)));
    let mut client = AuthorizationClient::connect(url).await.unwrap();

    let (good, bad) = (("authorization", &*reader), ("authorization", &*unscoped));
    for (name, path, fields, extensions, status, code) in [
        ("a good key", "/v1?a//b", &[good][..], SCOPE, 200, ""),
        ("nothing is required", "/v1", &[bad], &[], 200, ""),
        ("no key", "/v1", &[], SCOPE, 401, "MISSING_API_KEY"),
        ("no scope", "/v1", &[bad], SCOPE, 403, "INSUFFICIENT_SCOPE"),
        ("two keys", "/v1", &[good, good], SCOPE, 400, "INVALID_REQUEST"),
        ("two scopes", "/v1", &[good], &[("scope", "resources:read admin:access")], 403, "INSUFFICIENT_SCOPE"),
        ("a path with a doubt", "/x/..%2fv1", &[good], SCOPE, 400, "INVALID_REQUEST"),
        ("no path", "", &[good], SCOPE, 400, "INVALID_REQUEST"),
        ("a malformed scope", "/v1", &[good], &[("scope", "resources")], 500, "INTERNAL_ERROR"),
        ("a mistyped requirement", "/v1", &[good], &[("scopes", "resources:read")], 500, "INTERNAL_ERROR"),
    ] {
        for raw in [true, false] {
            let answer = client.check(question(path, fields, raw, extensions)).await.unwrap().into_inner();
            let admitted = answer.status.unwrap().code == 0;
            assert_eq!(admitted, status == 200, "{name}, raw: {raw}");
            match answer.http_response.unwrap() {
                HttpResponse::OkResponse(_) => assert_eq!(status, 200, "{name}, raw: {raw}"),
                HttpResponse::DeniedResponse(denied) => {
                    assert_eq!(denied.status.unwrap().code, status, "{name}, raw: {raw}");
                    assert!(denied.body.contains(code), "{name}, raw: {raw}: {}", denied.body);
                    let challenges = denied.headers.iter().filter_map(|option| option.header.as_ref());
                    let challenges = challenges.filter(|header| header.key == "www-authenticate").count();
                    assert_eq!(challenges, usize::from(status < 500), "{name}, raw: {raw}");
                }
                HttpResponse::ErrorResponse(_) => panic!("{name}, raw: {raw}"),
            }
        }
    }

    let fields =
        [good, ("keyward_account", "forged"), ("keyward-plan", "forged"), ("keyward-other", "forged"), ("x", "y")];
    let answer = client.check(question("/v1", &fields, true, SCOPE)).await.unwrap().into_inner();
    let Some(HttpResponse::OkResponse(ok)) = answer.http_response else { panic!("it is let in") };
    let headers: HashMap<_, _> =
        ok.headers.into_iter().filter_map(|option| option.header).map(|header| (header.key, header.value)).collect();
    assert_eq!(headers["keyward-account"], "acct_1");
    assert_eq!(headers["keyward-plan"], "Pro");
    assert_eq!(headers["keyward-scopes"], "resources:read");
    assert_eq!(headers.len(), 6);
    let mut removed = ok.headers_to_remove;
    removed.sort_unstable();
    assert_eq!(removed, ["authorization", "keyward-other", "keyward_account"]);

    let empty = client.check(CheckRequest::default()).await.unwrap().into_inner();
    assert_ne!(empty.status.unwrap().code, 0, "nothing is known of the request");
}
