use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::{Address, HeaderMap, HeaderValue, SocketAddress, address};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request, TlsSession};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use keyward::gateway::envoy::ext_authz;
use keyward::{AccountRecord, Authenticator, HttpsOnly, NewKey, TrustedProxies};
use keyward_needs::needs;
use keyward_tests::gateways::Kind;
use keyward_tests::service::Demo;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};

use crate::{locations, table, tricks};

#[needs(envoy, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_to_the_table() {
    table::run(Kind::Envoy).await;
}

#[needs(envoy, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_other_places_reach_only_keyward() {
    locations::run(Kind::Envoy).await;
}

#[needs(envoy, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_paths_give_no_access() {
    tricks::run(Kind::Envoy).await;
}

/// With `encode_raw_headers`, fields stay separate; without, Envoy joins them.
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

async fn client_of(authenticator: Authenticator) -> AuthorizationClient<Channel> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().add_service(ext_authz(authenticator));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    AuthorizationClient::connect(url).await.unwrap()
}

#[tokio::test]
async fn answers_list_headers_to_add_and_remove_and_the_refusal() {
    const SCOPE: &[(&str, &str)] = &[("scope", "resources:read")];
    let demo = Demo::new().await;
    demo.keys.put_account(&AccountRecord::new(demo.account.clone(), "Example Ltd").with_plan("Pro")).await.unwrap();
    let reader = format!("Bearer {}", demo.restricted_key("resources:read").await);
    let unscoped = format!("Bearer {}", demo.restricted_key("other:read").await);
    let mut client = client_of(Authenticator::new(demo.store.clone())).await;

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

    let fields = [
        good,
        ("keyward_account", "forged"),
        ("keyward-plan", "forged"),
        ("keyward-other", "forged"),
        ("x", "y"),
        ("keyward.plan", "forged"),
        ("keywards", "y"),
    ];
    let answer = client.check(question("/v1", &fields, true, SCOPE)).await.unwrap().into_inner();
    let Some(HttpResponse::OkResponse(ok)) = answer.http_response else { panic!("the request was refused") };
    let headers: HashMap<_, _> =
        ok.headers.into_iter().filter_map(|option| option.header).map(|header| (header.key, header.value)).collect();
    assert_eq!(headers["keyward-account"], "acct_1");
    assert_eq!(headers["keyward-plan"], "Pro");
    assert_eq!(headers["keyward-scopes"], "resources:read");
    assert_eq!(headers.len(), 6);
    let mut removed = ok.headers_to_remove;
    removed.sort_unstable();
    assert_eq!(removed, ["authorization", "keyward-other", "keyward.plan", "keyward_account"]);

    let empty = client.check(CheckRequest::default()).await.unwrap().into_inner();
    assert_ne!(empty.status.unwrap().code, 0, "an empty question was accepted");
}

#[tokio::test]
async fn policies_use_the_connection_that_envoy_reports() {
    let demo = Demo::new().await;
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    let key = NewKey { networks, ..NewKey::secret(demo.account.clone(), "network") };
    let key = format!("Bearer {}", demo.issue(key).await);
    // The client's own address is among the trusted proxies. Its forwarding headers are still ignored.
    let proxies = TrustedProxies::new(["192.0.2.7/32".parse().unwrap(), "198.51.100.7/32".parse().unwrap()]);
    let https = HttpsOnly::new().mark_compromised(demo.keys.clone());
    let authenticator =
        Authenticator::builder(demo.store.clone()).trusted_proxies(proxies).https_only(https).build().unwrap();
    let mut asking = client_of(authenticator).await;
    let (at_home, far_away) = ("192.0.2.7", "198.51.100.7");
    let (https, http) = (("x-forwarded-proto", "https"), ("x-forwarded-proto", "http"));
    let forged = [("x-forwarded-for", at_home), ("forwarded", "for=192.0.2.7;proto=https")];
    for (client, tls, fields, code) in [
        (at_home, true, &[][..], ""),
        (at_home, false, &[https], ""),
        ("192.0.2.8", false, &[https], ""),
        (far_away, true, &[], "NETWORK_NOT_ALLOWED"),
        (far_away, true, &forged, "NETWORK_NOT_ALLOWED"),
        ("nowhere", true, &[], "NETWORK_NOT_ALLOWED"),
        // The transport is unknown: keyward refuses the request and does not mark the key as compromised.
        (at_home, false, &[], "HTTPS_REQUIRED"),
        ("192.0.2.8", false, &[], "HTTPS_REQUIRED"),
        ("192.0.2.8", false, &forged, "HTTPS_REQUIRED"),
        ("192.0.2.8", true, &[], ""),
        ("192.0.2.8", false, &[http], "HTTPS_REQUIRED"),
        ("192.0.2.8", true, &[], "API_KEY_REVOKED"),
    ] {
        let fields = [&[("authorization", &*key)], fields].concat();
        let mut question = question("/v1", &fields, true, &[]);
        let attributes = question.attributes.as_mut().unwrap();
        let socket = SocketAddress { address: client.to_owned(), ..SocketAddress::default() };
        let address = Address { address: Some(address::Address::SocketAddress(socket)) };
        attributes.source = Some(Peer { address: Some(address), ..Peer::default() });
        attributes.tls_session = tls.then(TlsSession::default);
        let answer = asking.check(question).await.unwrap().into_inner();
        let what = format!("{client}, TLS: {tls}, {:?}", &fields[1..]);
        match answer.http_response.unwrap() {
            HttpResponse::DeniedResponse(denied) => {
                assert!(!code.is_empty() && denied.body.contains(code), "{what}: {}", denied.body);
            }
            _ => assert_eq!(code, "", "{what}"),
        }
    }
}
