//! Recent requests: each adapter and gateway endpoint, several nodes, retention, and who may read.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{self, HttpRequest};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use http::{Request, StatusCode};
use keyward::adapter::AuthenticatorBuilder;
use keyward::axum::{AuthLayer, RecentRequestsLayer};
use keyward::gateway::VerifyReach;
use keyward::manage::{Actor, Context, KeyDraft, KeyView, ManagementError, PageRequest, Purpose, RecentRequest, Role};
use keyward::{Authenticator, CredentialId, NewKey, PeerAddress, RequireLayer, Requirement, TrustedProxies};
use keyward_needs::needs;
use keyward_tests::program::{Program, package_program};
use keyward_tests::service::call;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::serve::keyward;
use crate::setting::{FullTable, Setting, everywhere, on_sqlite, verdict};

const PEER: [u8; 4] = [192, 0, 2, 77];

async fn issue(setting: &Setting, draft: KeyDraft) -> (String, KeyView) {
    let issued = setting.management.create_key(&setting.system(), draft).await.unwrap();
    (issued.key.expose_once().to_string(), issued.view)
}

async fn key(setting: &Setting) -> (String, CredentialId) {
    let (_, account) = setting.customer("ada@example.com").await;
    let (key, view) = issue(setting, KeyDraft::secret(account, "worker")).await;
    (key, view.id)
}

async fn recorded(setting: &Setting, id: &CredentialId) -> Vec<RecentRequest> {
    let page = PageRequest { limit: 500, ..PageRequest::default() };
    setting.management.key_requests(&setting.system(), id, &page).await.unwrap().items
}

/// The method, route, network and outcome, oldest first.
async fn lines(setting: &Setting, id: &CredentialId) -> Vec<String> {
    let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let line = |request: RecentRequest| {
        format!("{} {} {} {}", text(request.method), text(request.route), text(request.network), request.outcome)
    };
    recorded(setting, id).await.into_iter().rev().map(line).collect()
}

/// An authenticator with the hook. Its proxies are trusted.
fn verifier(setting: &Setting) -> Authenticator {
    builder(setting).build().unwrap()
}

fn builder(setting: &Setting) -> AuthenticatorBuilder {
    let store = keyward::sqlite::SqliteStore::open(setting.file.as_ref().unwrap()).unwrap();
    Authenticator::builder(store)
        .clock(setting.clock.clone())
        .trusted_proxies(TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]))
        .on_event(setting.management.recent_requests_hook())
}

pub(crate) fn request(method: &str, path: &str, key: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
    request.extension(PeerAddress(SocketAddr::from((PEER, 9)))).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn axum_records_the_pattern_also_around_a_finished_router() {
    let setting = on_sqlite();
    let (key, id) = key(&setting).await;
    let authenticator = verifier(&setting);
    let (auth, recent) = (AuthLayer::from(authenticator.clone()), RecentRequestsLayer::new(&authenticator));
    let routes = || Router::new().route("/v1/videos/{id}", get(async || "in").post(async || StatusCode::CONFLICT));
    let inside = routes().layer(auth.clone()).layer(recent.clone());
    let around = tower::ServiceBuilder::new().layer(recent.clone()).layer(auth).service(routes().layer(recent));
    for (method, path) in [("GET", "/v1/videos/7?a=b"), ("POST", "/v1/videos/7"), ("PROPFIND", "/elsewhere")] {
        call(&inside, request(method, path, &key)).await;
        around.clone().oneshot(request(method, path, &key)).await.unwrap();
    }
    // A refused key and an unknown one.
    setting.management.revoke_key(&setting.system(), &id).await.unwrap();
    assert_eq!(call(&inside, request("GET", "/v1/videos/7", &key)).await.status, 401);
    assert_eq!(around.oneshot(request("GET", "/v1/videos/7", &key)).await.unwrap().status(), 401);
    assert_eq!(call(&inside, request("GET", "/v1/videos/7", "kw_live_mistyped")).await.status, 401);
    let known = "/v1/videos/{id} 192.0.2.0/24";
    assert_eq!(
        lines(&setting, &id).await,
        [
            format!("GET {known} OK"),
            format!("GET {known} OK"),
            format!("POST {known} OK"),
            format!("POST {known} OK"),
            "- - 192.0.2.0/24 OK".to_owned(),
            "- - 192.0.2.0/24 OK".to_owned(),
            format!("GET {known} API_KEY_REVOKED"),
            // The router was not asked.
            "GET - 192.0.2.0/24 API_KEY_REVOKED".to_owned(),
        ]
    );
}

#[actix_web::test]
async fn actix_records_the_pattern() {
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, web};

    let setting = on_sqlite();
    let (key, id) = key(&setting).await;
    let authenticator = verifier(&setting);
    let app = App::new()
        .service(web::scope("/v1").route("/videos/{id}", web::get().to(|| async { "in" })))
        .wrap(keyward::actix::Auth::from(authenticator.clone()))
        .wrap(keyward::actix::RecentRequests::new(&authenticator));
    let app = init_service(app).await;
    for path in ["/v1/videos/7", "/elsewhere"] {
        let request = TestRequest::get().uri(path).peer_addr((PEER, 9).into());
        call_service(&app, request.insert_header(("authorization", format!("Bearer {key}"))).to_request()).await;
    }
    assert_eq!(lines(&setting, &id).await, ["GET /v1/videos/{id} 192.0.2.0/24 OK", "GET - 192.0.2.0/24 OK"]);
}

#[tokio::test]
async fn tonic_records_names_of_methods_only() {
    use keyward::tonic::{AuthLayer, RecentRequestsLayer};

    let setting = on_sqlite();
    let (key, id) = key(&setting).await;
    let authenticator = verifier(&setting);
    let inner = tower::service_fn(async |_: Request<Body>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::empty()))
    });
    let service = tower::ServiceBuilder::new()
        .layer(RecentRequestsLayer::new(&authenticator))
        .layer(AuthLayer::from(authenticator))
        .service(inner);
    for path in ["/example.v1.Videos/Get", "/example.v1.Videos/ada@example.com", "/a/b/c", "/"] {
        service.clone().oneshot(request("POST", path, &key)).await.unwrap();
    }
    let unknown = "POST - 192.0.2.0/24 OK";
    assert_eq!(lines(&setting, &id).await, ["POST /example.v1.Videos/Get 192.0.2.0/24 OK", unknown, unknown, unknown]);
}

#[tokio::test]
async fn gateways_record_the_request_of_their_client_and_no_path() {
    let setting = on_sqlite();
    setting.operator().await;
    let (key, id) = key(&setting).await;
    let (caller, _) = issue(
        &setting,
        KeyDraft::of(
            Purpose::Management,
            NewKey::restricted(setting.management.operator().clone(), "gateway", "keys:verify".parse().unwrap()),
        ),
    )
    .await;
    let account = setting.management.key(&setting.system(), &id).await.unwrap().account;
    let own = NewKey::restricted(account, "own gateway", "keys:verify".parse().unwrap());
    let (customer, _) = issue(&setting, KeyDraft::of(Purpose::Management, own)).await;
    let keys = verifier(&setting);
    let callers = keyward::AuthLayer::from(setting.management.authenticator().unwrap());
    let reach = VerifyReach::Operator(setting.management.operator().clone());
    let router = keyward::gateway::forward_auth(keys.clone())
        .merge(keyward::gateway::verify(keys.clone(), callers, reach))
        .layer(keyward::RecentRequestsLayer::new(&keys));

    let forwarded = |path: &str, scope: &str| {
        Request::get(format!("/{path}?scope={scope}"))
            .header("authorization", format!("Bearer {key}"))
            .header("x-forwarded-method", "DELETE")
            .header("x-forwarded-uri", "/v1/users/ada@example.com")
            .header("x-forwarded-for", "198.51.100.77")
            .extension(PeerAddress(([10, 0, 0, 1], 9).into()))
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(call(&router, forwarded("forward-auth", "users:write")).await.status, 200);
    let ask_as = async |caller: &str, path: &str, body: Value| {
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {caller}"));
        let answer = call(&router, request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let ask = async |path: &str, body: Value| ask_as(&caller, path, body).await;
    let question = |rest: Value| {
        let mut question = json!({"key": key});
        question.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        question
    };
    ask("/v1/verify", question(json!({"method": "PUT", "path": "/v1/users/ada", "client": "2001:db8:1:2::7"}))).await;
    ask("/v1/verify", question(json!({}))).await;
    // A customer could state any client and method.
    let forged = question(json!({"method": "PUT", "client": "8.8.8.8"}));
    ask_as(&customer, "/v1/verify", forged.clone()).await;
    ask_as(&customer, "/v1/verify/batch", json!([forged])).await;
    setting.management.set_key_disabled(&setting.system(), &id, true).await.unwrap();
    assert_eq!(call(&router, forwarded("forward-auth", "users:write")).await.status, 401);
    // The second question about the same request.
    assert_eq!(call(&router, forwarded("forward-auth/refusal", "users:write")).await.status, 401);
    let batch = [json!({"method": "GET"}), json!({"method": "POST", "client": "192.0.2.7"})].map(question);
    ask("/v1/verify/batch", batch.to_vec().into()).await;
    assert_eq!(
        lines(&setting, &id).await,
        [
            "DELETE - 198.51.100.0/24 OK",
            "PUT - 2001:db8:1::/48 OK",
            "- - - OK",
            "- - - OK",
            "- - - OK",
            "DELETE - 198.51.100.0/24 API_KEY_DISABLED",
            "GET - - API_KEY_DISABLED",
            "POST - 192.0.2.0/24 API_KEY_DISABLED",
        ]
    );
}

#[tokio::test]
async fn nodes_merge_by_time_and_old_requests_end() {
    for setting in everywhere().await {
        let (key, id) = key(&setting).await;
        let other = keyward::manage::Management::builder(keyward::MemoryStore::new(), setting.records.clone());
        let other = other.clock(setting.clock.clone()).build().unwrap();
        let verifier = setting.management.verifier().unwrap();
        let identity = match verdict(&verifier, &key).await.unwrap() {
            keyward::adapter::Admission::Identity(identity) => identity,
            keyward::adapter::Admission::Anonymous => panic!("it has a key"),
        };
        for (number, node) in [&setting.management, &other, &setting.management, &other].into_iter().enumerate() {
            let hook = node.recent_requests_hook();
            let route = format!("/{number}");
            let answer = async { hook(&keyward::Event::Accepted { identity: &identity }) };
            keyward::adapter::Observation::new(Some("GET"), Some(&route), None).over(answer).await;
            setting.clock.advance(Duration::from_secs(1));
        }
        other.flush_requests().await.unwrap();
        let routes = lines(&setting, &id).await;
        assert_eq!(routes, ["GET /0 - OK", "GET /1 - OK", "GET /2 - OK", "GET /3 - OK"]);
        // Pages, by the cursor of the one before.
        let mut page = PageRequest { limit: 3, ..PageRequest::default() };
        let first = setting.management.key_requests(&setting.system(), &id, &page).await.unwrap();
        page.after = first.next;
        let last = setting.management.key_requests(&setting.system(), &id, &page).await.unwrap();
        assert_eq!((first.items.len(), last.items.len(), last.next), (3, 1, None));
        assert_eq!(last.items[0].route.as_deref(), Some("/0"));
        for cursor in ["", "request.1", "request.01.1", "request.1.x", "key.1.1"] {
            page.after = Some(cursor.to_owned());
            let refused = setting.management.key_requests(&setting.system(), &id, &page).await;
            assert!(matches!(refused, Err(ManagementError::Invalid { .. })), "{cursor}");
        }
        // The first two are older than 30 days.
        setting.clock.advance(Duration::from_secs(30 * 24 * 3_600) - Duration::from_millis(2_500));
        assert_eq!(lines(&setting, &id).await, ["GET /2 - OK", "GET /3 - OK"]);
    }
}

#[tokio::test]
async fn requests_that_cannot_be_written_hide_no_others() {
    let setting = on_sqlite();
    let (key, id) = key(&setting).await;
    let verifier = verifier(&setting);
    let router = Router::new().route("/", get(async || "in")).layer(AuthLayer::from(verifier.clone()));
    let router = router.layer(RecentRequestsLayer::new(&verifier));
    call(&router, request("GET", "/", &key)).await;
    assert_eq!(lines(&setting, &id).await.len(), 1);
    let full = FullTable::new(setting.file.as_ref().unwrap(), "desk_requests");
    call(&router, request("GET", "/", &key)).await;
    assert_eq!(lines(&setting, &id).await.len(), 1);
    drop(full);
    assert_eq!(lines(&setting, &id).await.len(), 2, "it waited");
}

#[tokio::test]
async fn counts_that_cannot_be_written_hold_up_no_others() {
    let system = Actor::system("test", Context::new());
    for (table, by_scope, other) in [("desk_scopes", 0, 1), ("desk_counts", 1, 0)] {
        let setting = on_sqlite();
        let (key, id) = key(&setting).await;
        let required = RequireLayer::new(Requirement::all_of(["videos:read".parse().unwrap()]));
        let router = Router::new().route("/", get(async || "in").layer(required));
        let router = router.layer(AuthLayer::from(verifier(&setting)));
        let full = FullTable::new(setting.file.as_ref().unwrap(), table);
        assert_eq!(call(&router, request("GET", "/", &key)).await.status, 200);
        assert!(setting.management.flush_usage().await.is_err());
        let count = |sql: &str| -> i64 {
            let connection = rusqlite::Connection::open(setting.file.as_ref().unwrap()).unwrap();
            connection.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let sum = |table: &str| count(&format!("SELECT coalesce(sum(times), 0) FROM {table} WHERE key <> ''"));
        let written = || (sum("desk_scopes"), sum("desk_counts"));
        assert_eq!(written(), (by_scope, other), "{table}");
        assert!(setting.management.flush_usage().await.is_err());
        drop(full);
        let usage = setting.management.key_usage(&system, &id, 1).await.unwrap();
        assert_eq!((usage.days[0].times, usage.scopes[0].times), (1, 1), "{table}: nothing counts twice");
    }
}

#[tokio::test]
async fn who_reads_the_usage_of_a_key_reads_its_requests() {
    let setting = on_sqlite();
    let (owner, account) = setting.customer("ada@example.com").await;
    let id = issue(&setting, KeyDraft::secret(account.clone(), "worker")).await.1.id;
    let stranger = setting.customer("eve@example.com").await.0;
    let viewer = setting.member(&owner, &account, "vera@example.com", Role::Viewer).await;
    for actor in [&owner, &viewer, &stranger, &Actor::system("test", Context::new())] {
        let usage = setting.management.key_usage(actor, &id, 1).await.map(drop);
        let requests = setting.management.key_requests(actor, &id, &PageRequest::default()).await.map(drop);
        assert_eq!(format!("{requests:?}"), format!("{usage:?}"));
    }
    assert!(setting.management.key_requests(&stranger, &id, &PageRequest::default()).await.is_err());
}

#[needs(curl)]
#[test]
fn the_server_records_if_configured_and_the_demo_has_requests() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let mut command = keyward(&database, &["serve", "--listen", "127.0.0.1:0", "--demo", "--recent-requests", "true"]);
    let (server, line) = Program::of(&mut command);
    let manager = format!("authorization: Bearer {}", line["credentials"]["management_key"].as_str().unwrap());
    let create = r#"{"name":"first","kind":"secret","scopes":["*"]}"#;
    let made = server.curl("/v1/keys", &["-H", &manager, "-H", "content-type: application/json", "-d", create]).json();
    let (id, key) = (made["id"].as_str().unwrap(), format!("authorization: Bearer {}", made["key"].as_str().unwrap()));
    let asked = ["-H", &key, "-H", "x-forwarded-method: GET", "-H", "x-forwarded-uri: /v1/ada@example.com"];
    assert_eq!(server.curl("/forward-auth", &asked).status, 200);
    let asked = ["-H", &key, "-H", "x-forwarded-method: GET", "-H", "x-forwarded-uri: /", "-d", ""];
    assert_eq!(server.curl("/forward-auth?scope=nonsense", &asked).status, 500);
    assert_eq!(server.curl("/demo/resources", &["-H", &key]).status, 200);
    let list = server.curl(&format!("/v1/keys/{id}/requests"), &["-H", &manager]);
    assert_eq!(list.status, 200, "{}", list.text);
    let requests = list.json()["data"].as_array().unwrap().clone();
    assert_eq!(requests.len(), 2, "the API of the demo is recorded, too: {requests:?}");
    let request = requests.last().unwrap();
    assert_eq!(
        (&request["method"], &request["route"], &request["outcome"]),
        (&json!("GET"), &json!(null), &json!("OK"))
    );
    assert_eq!(request["network"], json!("127.0.0.0/24"));
    let metrics = server.curl("/metrics", &[]).body;
    assert!(metrics.contains("# HELP keyward_recent_requests_dropped_total "), "{metrics}");
    server.stop();
}

/// "Test this key" calls the URL of the example.
#[needs(curl)]
#[test]
fn the_demo_is_the_example_api_of_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let (server, line) = Program::of(&mut keyward(&database, &["serve", "--listen", "127.0.0.1:0", "--demo"]));
    let manager = format!("authorization: Bearer {}", line["credentials"]["management_key"].as_str().unwrap());
    let create = r#"{"name":"first","kind":"secret","scopes":["*"]}"#;
    let made = server.curl("/v1/keys", &["-H", &manager, "-H", "content-type: application/json", "-d", create]).json();
    let key = format!("authorization: Bearer {}", made["key"].as_str().unwrap());
    for (header, status) in [(key.as_str(), 200), ("accept: */*", 401)] {
        assert_eq!(server.curl("/demo/resources", &["-H", header]).status, status, "{header}");
    }
    server.stop();
    let (server, _) = Program::of(&mut keyward(&database, &["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(server.curl("/demo/resources", &["-H", &key]).status, 404, "only the demo has it");
    server.stop();
}

/// The scopes of the routes of the demo.
const SCOPES: [(&str, &str); 5] = [
    ("GET /v1/resources", "resources:read"),
    ("GET /v1/resources/{id}", "resources:read"),
    ("POST /v1/jobs", "jobs:write"),
    ("GET /v1/jobs/{id}", "jobs:read"),
    ("PUT /v1/resources/{id}", "resources:write"),
];

/// Each recorded request is asked again, with a successor that has the same rights.
#[needs(curl)]
#[test]
fn the_demo_shows_what_the_server_would_decide() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let (server, line) = Program::of(&mut keyward(&database, &["serve", "--listen", "127.0.0.1:0", "--demo"]));
    let manager = format!("authorization: Bearer {}", line["credentials"]["management_key"].as_str().unwrap());
    let run = |arguments: &[&str]| -> String {
        let output = keyward(&database, arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let read = |arguments: &[&str]| -> Vec<Value> {
        let value: Value = serde_json::from_str(&run(arguments)).unwrap();
        value["days"].as_array().or(value.as_array()).unwrap().clone()
    };
    let keys = read(&["keys", "list", "--status", "active", "--json"]);
    let of_demo: Vec<&Value> = keys.iter().filter(|key| key["account"] != "operator").collect();
    assert_eq!(of_demo.len(), 9, "{keys:?}");
    let (mut accepted_of, mut lacking) = (std::collections::BTreeMap::<String, u64>::new(), Vec::new());
    for key in of_demo {
        let (id, name) = (key["id"].as_str().unwrap(), key["name"].as_str().unwrap());
        let successor = run(&["keys", "rotate", id, "--overlap", "0s"]);
        let successor = successor.trim().lines().last().unwrap().to_owned();
        let requests = read(&["keys", "requests", id, "--limit", "200", "--json"]);
        assert!(requests.len() >= 20, "{name}: {requests:?}");
        let mut decided: Vec<(String, Value)> = Vec::new();
        for request in &requests {
            let route = format!("{} {}", request["method"].as_str().unwrap(), request["route"].as_str().unwrap());
            let found = SCOPES.iter().find(|(known, _)| *known == route).unwrap();
            let verdict = match decided.iter().find(|(known, _)| *known == route) {
                Some((_, verdict)) => verdict.clone(),
                None => {
                    let question = json!({"key": successor, "scopes": [found.1]}).to_string();
                    let asked = ["-H", &manager, "-H", "content-type: application/json", "-d", &question];
                    let verdict = server.curl("/v1/verify", &asked).json();
                    decided.push((route.clone(), verdict.clone()));
                    verdict
                }
            };
            let is_valid = verdict["valid"].as_bool().unwrap();
            let outcome = if is_valid { "OK" } else { verdict["code"].as_str().unwrap() };
            let missing: &[&str] = if is_valid { &[] } else { &[found.1] };
            assert_eq!(
                (&request["outcome"], &request["missing_scopes"]),
                (&json!(outcome), &json!(missing)),
                "{name}: {route}"
            );
        }
        let days = read(&["keys", "usage", id, "--json"]);
        let sum = |outcome: &str| -> u64 {
            days.iter().filter(|day| day["outcome"] == outcome).filter_map(|day| day["times"].as_u64()).sum()
        };
        let refused = requests.iter().filter(|request| request["outcome"] != "OK").count();
        assert_eq!(refused > 0, sum("insufficient_scope") > 0, "{name}: {days:?}");
        assert!(sum("accepted") > 0 && key["last_used_at"].is_string(), "{name}: {key}");
        *accepted_of.entry(key["account"].as_str().unwrap().to_owned()).or_default() += sum("accepted");
        if refused > 0 {
            lacking.push(name.to_owned());
        }
    }
    lacking.sort();
    assert_eq!(lacking, ["Ben's experiments", "Metrics exporter"]);
    let figures: std::collections::BTreeSet<u64> = accepted_of.values().copied().collect();
    assert_eq!(figures.len(), 3, "{accepted_of:?}");
    // The change that broke the exporter, by its owner, and the last use of the keys that were rotated.
    let log = read(&["audit", "list", "--all", "--json"]);
    let changes = log.iter().filter(|entry| entry["action"] == "key.update" && entry["actor"]["type"] == "user");
    let changes: Vec<&Value> = changes.collect();
    assert_eq!(changes.len(), 1, "{log:?}");
    assert_eq!(changes[0]["after"]["scopes"], json!(["resources:read"]), "{changes:?}");
    for key in read(&["keys", "list", "--status", "expired", "--json"]) {
        assert!(key["last_used_at"].is_string(), "{key}");
    }
    server.stop();
}

/// The command line asks the server, and not its database.
#[needs(curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_records_each_way_to_ask_and_the_command_line_lists_it() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--demo", "--recent-requests", "true"];
    let (server, line) = Program::of(&mut keyward(&folder.path().join("keys.db"), &arguments));
    let manager = line["credentials"]["management_key"].as_str().unwrap().to_owned();
    let field = format!("authorization: Bearer {manager}");
    let create = r#"{"name":"worker","kind":"secret","scopes":["*"]}"#;
    let made = server.curl("/v1/keys", &["-H", &field, "-H", "content-type: application/json", "-d", create]).json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let ask = |path: &str, kind: &str, body: &str| {
        let answer = server.curl(path, &["-H", &field, "-H", &format!("content-type: {kind}"), "-d", body]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    };
    let question = json!({"key": key, "method": "PUT", "path": "/v1/users/ada", "client": "198.51.100.7"});
    ask("/v1/verify", "application/json", &question.to_string());
    ask("/v1/introspect", "application/x-www-form-urlencoded", &format!("token={key}"));
    let asked =
        ["-H", &format!("authorization: Bearer {key}"), "-H", "x-forwarded-method: POST", "-H", "x-forwarded-uri: /"];
    assert_eq!(server.curl("/forward-auth", &asked).status, 200);
    let mut envoy = AuthorizationClient::connect(server.url.clone()).await.unwrap();
    let http = HttpRequest {
        method: "DELETE".to_owned(),
        path: "/v1/users/ada".to_owned(),
        headers: [("authorization".to_owned(), format!("Bearer {key}"))].into(),
        ..HttpRequest::default()
    };
    let question = attribute_context::Request { http: Some(http), ..attribute_context::Request::default() };
    let attributes = Some(AttributeContext { request: Some(question), ..AttributeContext::default() });
    let answer = envoy.check(CheckRequest { attributes }).await.unwrap().into_inner();
    assert_eq!(answer.status.unwrap().code, 0);

    let remote = |more: &[&str]| {
        let mut command = Command::new(package_program("keyward-cli", "keyward"));
        command.args(["--server", &server.url, "keys", "requests", id]).args(more).stdin(Stdio::null());
        let output = command.env("KEYWARD_TOKEN", &manager).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let listed: Value = serde_json::from_str(&remote(&["--json"])).unwrap();
    let listed: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|one| format!("{} {} {} {}", one["method"], one["route"], one["network"], one["outcome"]).replace('"', ""))
        .collect();
    assert_eq!(listed[..3], ["PUT null 198.51.100.0/24 OK", "null null null OK", "POST null 127.0.0.0/24 OK"]);
    assert!(listed.len() == 4 && listed[3].starts_with("DELETE null ") && listed[3].ends_with(" OK"), "{listed:?}");
    let table = remote(&["--limit", "1"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines.len() == 2 && lines[0].trim_start().starts_with("TIME") && lines[1].contains("DELETE"), "{table}");
    server.stop();
}
