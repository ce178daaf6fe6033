//! A service describes itself: the scopes come from the extractors, and the refusals are as described.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::{Json, Router};
use http::Request;
use keyward::adapter::Location;
use keyward::axum::openapi::{Describe, Needs, Security, routes};
use keyward::axum::{AllOf, AnyOf, AuthLayer, AuthRejection, Authenticated, Guarded, Scoped};
use keyward::limits::{Each, RateLimitLayer, RateLimits};
use keyward::render::{CodedEnvelope, NumericEnvelope};
use keyward::{Authenticator, Guard, Identity, MemoryStore, Rejection};
use keyward_needs::needs;
use keyward_tests::service::{Answer, Broken, Demo, call};
use serde_json::{Value, json};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

keyward::scopes! {
    NotesRead = "notes:read";
    NotesWrite = "notes:write";
    Admin = "notes:admin";
}

struct Paid;

impl Guard for Paid {
    fn check(_: &Identity) -> Result<(), Rejection> {
        Ok(())
    }
}

/// An extractor of the service.
struct Reader;

impl<S: Sync> axum::extract::FromRequestParts<S> for Reader {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut http::request::Parts, state: &S) -> Result<Self, AuthRejection> {
        Scoped::<NotesRead>::from_request_parts(parts, state).await.map(|_| Self)
    }
}

impl Describe for Reader {
    fn describe(needs: &mut Needs) {
        Scoped::<NotesRead>::describe(needs);
    }
}

/// Needs no key.
#[utoipa::path(get, path = "/health", tag = "notes", responses(
    (status = 200, description = "Well"),
    (status = 405, description = "Another method"),
))]
async fn health() -> &'static str {
    "well"
}

/// Lists notes.
#[utoipa::path(get, path = "/notes", tag = "notes", responses((status = 200, description = "Notes", body = [String])))]
async fn list(_: Scoped<NotesRead>) -> Json<Vec<String>> {
    Json(Vec::new())
}

/// Adds a note.
#[utoipa::path(post, path = "/notes", tag = "notes", request_body = String, responses(
    (status = 201, description = "Added"),
    (status = 403, description = "Not now"),
))]
async fn add(
    State(state): State<()>,
    _: Guarded<(Paid, AllOf<(NotesRead, NotesWrite)>)>,
    Json(note): Json<String>,
) -> String {
    let () = state;
    note
}

/// Shows a note.
#[utoipa::path(get, path = "/notes/{id}", tag = "notes", params(("id" = u32, Path, description = "Id")),
    responses((status = 200, description = "Note")))]
async fn show(Path(id): Path<u32>, _: Reader) -> String {
    id.to_string()
}

/// Removes a note.
#[utoipa::path(delete, path = "/notes/{id}", tag = "notes", params(("id" = u32, Path, description = "Id")),
    responses((status = 204, description = "Removed")))]
async fn remove(_: Scoped<AnyOf<(NotesWrite, Admin)>>, Path(id): Path<u32>) -> String {
    id.to_string()
}

/// Describes the caller.
#[utoipa::path(get, path = "/whoami", tag = "notes", responses((status = 200, description = "Caller")))]
async fn whoami(_: Authenticated) {}

/// Greets.
#[utoipa::path(get, path = "/greet", tag = "notes", responses((status = 200, description = "Greeting")))]
async fn greet(_: Option<Authenticated>) {}

/// Is behind the layer, without an extractor.
#[utoipa::path(get, path = "/plain", tag = "notes", responses((status = 200, description = "Text")))]
async fn plain() {}

/// Takes another credential.
#[utoipa::path(get, path = "/hook", tag = "notes", security(("signature" = [])), responses((status = 200, description = "Taken")))]
async fn hook() {}

#[derive(OpenApi)]
#[openapi(
    info(title = "Notes", description = "Notes of accounts.", license(name = "MIT", identifier = "MIT"), contact(name = "Notes", url = "https://example.com")),
    servers((url = "/")),
    tags((name = "notes", description = "Notes")),
)]
struct Notes;

fn routes_of_service() -> (Router, utoipa::openapi::OpenApi) {
    let routes = OpenApiRouter::with_openapi(Notes::openapi())
        .routes(routes!(health))
        .routes(routes!(list, add))
        .routes(routes!(show, remove))
        .routes(routes!(whoami))
        .routes(routes!(greet))
        .routes(routes!(plain))
        .routes(routes!(self::hook));
    routes.split_for_parts()
}

fn service(authenticator: &Authenticator, security: Security) -> (Router, Value) {
    let (router, mut description) = routes_of_service();
    security.modify(&mut description);
    let router = router.layer(AuthLayer::from(authenticator.clone()));
    (router, serde_json::to_value(&description).unwrap())
}

fn security_of(description: &Value, method: &str, path: &str) -> Value {
    description["paths"][path][method]["security"].clone()
}

#[test]
fn each_operation_has_the_scopes_of_its_extractors() {
    let builder = Authenticator::builder(MemoryStore::new()).exempt_get("/health");
    let authenticator = builder.build().unwrap();
    let (_, described) = service(&authenticator, Security::new(&authenticator));
    for (method, path, expected) in [
        ("get", "/health", json!([])),
        ("get", "/notes", json!([{"bearer": ["notes:read"]}])),
        ("post", "/notes", json!([{"bearer": ["notes:read", "notes:write"]}])),
        ("get", "/notes/{id}", json!([{"bearer": ["notes:read"]}])),
        ("delete", "/notes/{id}", json!([{"bearer": ["notes:write"]}, {"bearer": ["notes:admin"]}])),
        ("get", "/whoami", json!([{"bearer": []}])),
        ("get", "/greet", json!([{"bearer": []}, {}])),
        ("get", "/plain", json!([{"bearer": []}])),
        ("get", "/hook", json!([{"signature": []}])),
    ] {
        assert_eq!(security_of(&described, method, path), expected, "{method} {path}");
    }
    let responses = &described["paths"]["/notes"]["post"]["responses"];
    assert_eq!(responses["403"]["description"], "Not now", "the operation's own response is replaced");
    assert_eq!(responses["401"]["$ref"], "#/components/responses/Unauthorized");
    assert!(responses["429"].is_null() && described["paths"]["/health"]["get"]["responses"]["401"].is_null());
    assert_eq!(described["paths"]["/notes"].as_object().unwrap().len(), 2, "{described}");

    let (_, described) = service(&authenticator, Security::new(&authenticator).only_extractors().limits());
    assert_eq!(security_of(&described, "get", "/plain"), json!([]));
    assert!(described["paths"]["/notes"]["get"]["responses"]["429"].is_object());
}

#[test]
fn each_place_of_a_key_is_a_scheme() {
    let builder = Authenticator::builder(MemoryStore::new()).optional();
    let builder = builder.accept(Location::header("X-API-Key")).accept(Location::Basic).without_bearer();
    let authenticator = builder.build().unwrap();
    let (_, described) = service(&authenticator, Security::new(&authenticator));
    let schemes = &described["components"]["securitySchemes"];
    assert_eq!((&schemes["X-API-Key"]["in"], &schemes["X-API-Key"]["name"]), (&json!("header"), &json!("X-API-Key")));
    assert_eq!((&schemes["basic"]["scheme"], &schemes["bearer"]), (&json!("basic"), &Value::Null));
    let expected = json!([{"X-API-Key": ["notes:read"]}, {"basic": ["notes:read"]}]);
    assert_eq!(security_of(&described, "get", "/notes"), expected);
    assert_eq!(security_of(&described, "get", "/plain"), json!([{"X-API-Key": []}, {"basic": []}, {}]));
}

/// The keywords that the schemas of refusals use.
fn fits(value: &Value, schema: &Value) -> bool {
    let types = match &schema["type"] {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    };
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("{other}: {schema}"),
    };
    let members = schema["properties"].as_object().into_iter().flatten();
    let required = schema["required"].as_array().into_iter().flatten();
    types.iter().any(|name| is(name.as_str().unwrap_or_else(|| panic!("{schema}"))))
        && required.map(|name| name.as_str().unwrap()).all(|name| !value[name].is_null())
        && members.filter(|(name, _)| value.get(name.as_str()).is_some()).all(|(name, inner)| fits(&value[name], inner))
        && value.as_array().into_iter().flatten().all(|item| fits(item, &schema["items"]))
}

fn is_as_described(answer: &Answer, described: &Value) {
    let status = answer.status.as_u16();
    let name = described["paths"]["/notes"]["get"]["responses"][status.to_string()]["$ref"].as_str().unwrap();
    let response = described.pointer(name.trim_start_matches('#')).unwrap();
    let content = &response["content"][answer.header("content-type")];
    let schema = described.pointer(content["schema"]["$ref"].as_str().unwrap().trim_start_matches('#')).unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(fits(&body, schema), "{body} does not fit {schema}");
    let properties = schema["properties"].as_object().unwrap();
    assert!(
        body.as_object().unwrap().keys().all(|name| properties.contains_key(name)),
        "{body} has more than {schema}"
    );
    for (code, example) in content["examples"].as_object().unwrap() {
        assert!(fits(&example["value"], schema), "{code}: {example}");
    }
    for (field, header) in response["headers"].as_object().unwrap() {
        let only = header["description"].as_str().unwrap().split(" Only with ").nth(1);
        let code = [&body["code"], &body["error"]["code"]].into_iter().find_map(Value::as_str);
        let applies = only.is_none_or(|codes| code.is_none_or(|code| codes.contains(&format!("`{code}`"))));
        assert_eq!(!answer.header(field).is_empty(), applies, "{status}, {field}: {header}");
    }
}

#[tokio::test]
async fn refusals_are_as_described_in_each_format() {
    let demo = Demo::new().await;
    let (reader, writer) = (demo.restricted_key("notes:read").await, demo.restricted_key("notes:write").await);
    for format in ["problem", "coded", "numeric"] {
        let with_format = |builder: keyward::adapter::AuthenticatorBuilder| match format {
            "coded" => builder.renderer(CodedEnvelope::new()),
            "numeric" => builder.renderer(NumericEnvelope::new()),
            _ => builder,
        };
        let authenticator = with_format(Authenticator::builder(demo.store.clone())).build().unwrap();
        let broken = with_format(Authenticator::builder(Broken::Unavailable)).build().unwrap();
        let (router, described) = service(&authenticator, Security::new(&authenticator).limits());
        let (failing, _) = service(&broken, Security::new(&broken));
        let limits =
            RateLimits::builder().limit("default", Each::Account, 1, Duration::from_secs(600)).build().unwrap();
        let limited = routes_of_service().0.layer(RateLimitLayer::new(limits, "default"));
        let limited = limited.layer(AuthLayer::from(authenticator.clone()));
        let ask = async |router: &Router, fields: &[&str]| {
            let mut request = Request::get("/notes");
            for field in fields {
                request = request.header("authorization", *field);
            }
            call(router, request.body(Body::empty()).unwrap()).await
        };
        let (reader, writer) = (format!("Bearer {reader}"), format!("Bearer {writer}"));
        assert_eq!(ask(&limited, &[&reader]).await.status, 200);
        for (router, fields, status) in [
            (&router, &[][..], 401),
            (&router, &["Bearer nonsense"], 401),
            (&router, &[&*writer], 403),
            (&router, &[&*reader, &*writer], 400),
            (&limited, &[&*reader], 429),
            (&failing, &[&*reader], 503),
        ] {
            let answer = ask(router, fields).await;
            assert_eq!(answer.status, status, "{fields:?}");
            is_as_described(&answer, &described);
        }
        assert_eq!(ask(&router, &[&reader]).await.status, 200);
    }
}

#[needs(openapi_linters)]
#[test]
fn linters_find_no_error_in_a_described_service() {
    let folder = tempfile::tempdir().unwrap();
    let builder = Authenticator::builder(MemoryStore::new()).exempt_get("/health");
    let authenticator = builder.accept(Location::header("X-API-Key")).build().unwrap();
    let (_, mut described) = service(&authenticator, Security::new(&authenticator).limits());
    // The service's own scheme.
    described["components"]["securitySchemes"]["signature"] =
        json!({"type": "apiKey", "in": "header", "name": "Signature"});
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, described.to_string()).unwrap();
    keyward_tests::openapi::lint(&file);
}
