//! The OpenAPI description is complete, and the answers are as it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::api::{NOTHING, Row, Running};
use crate::api_coverage::{REST, fits};
use crate::api_people::{ACCEPTING, INVITATIONS, PEOPLE, SETTINGS};
use crate::api_rows::ROWS;
use crate::api_strict::PRECONDITIONS;
use crate::setting::on_sqlite;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn committed() -> PathBuf {
    root().join("clients/openapi.json")
}

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let text = fs::read_to_string(committed()).unwrap_or_else(|error| panic!("clients/openapi.json: {error}"));
    serde_json::from_str(&text).unwrap()
});

#[tokio::test]
async fn the_committed_description_is_the_served_one() {
    let app = keyward::manage::api_with_gateway(on_sqlite().management.clone());
    let request = http::Request::get("http://localhost/openapi.json").header("host", "localhost");
    let answer = app.oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    let served: Value = serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(committed(), serde_json::to_string_pretty(&served).unwrap() + "\n").unwrap();
    } else {
        assert!(served == *DESCRIPTION, "out of date: run UPDATE_DOCS=1 cargo test --test manage described clients");
    }
}

fn operations(description: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = description["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn strings<'a>(value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                found.extend(member.as_str().map(|text| (name.as_str(), text)));
                strings(member, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        _ => {}
    }
}

fn mistakes(description: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut ids = BTreeSet::new();
    let tags: BTreeSet<&str> = description["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|tag| tag["description"].is_string())
        .filter_map(|tag| tag["name"].as_str())
        .collect();
    for (path, method, operation) in operations(description) {
        let mut wrong = |what: &str| found.push(format!("{method} {path}: {what}"));
        let id = operation["operationId"].as_str().unwrap_or_default();
        if !id.starts_with(|c: char| c.is_ascii_lowercase()) || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            wrong("the operation id is not in camel case");
        }
        if !ids.insert(id) {
            wrong("another operation has this id");
        }
        if !operation["tags"].as_array().is_some_and(|own| own.iter().any(|tag| tags.contains(tag.as_str().unwrap()))) {
            wrong("no described tag");
        }
        if operation["summary"].as_str().is_none_or(str::is_empty) {
            wrong("no summary");
        }
        if !operation["security"].is_array() {
            wrong("no security");
        }
        let statuses: BTreeSet<&str> =
            operation["responses"].as_object().into_iter().flatten().map(|(status, _)| status.as_str()).collect();
        if !["2", "4", "5"].iter().all(|class| statuses.iter().any(|status| status.starts_with(class))) {
            wrong("no 2xx, 4xx or 5xx");
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|parameter| !parameter["description"].is_string()) {
            wrong(&format!("parameter {} has no description", parameter["name"]));
        }
    }
    let mut texts = Vec::new();
    strings(description, &mut texts);
    for (name, text) in texts {
        if name == "$ref" && description.pointer(text.trim_start_matches('#')).is_none() {
            found.push(format!("{text} does not exist"));
        }
        if ["```", "# ", "[`", "](", "::"].iter().any(|mark| name == "description" && text.contains(mark)) {
            found.push(format!("rustdoc in {text:?}"));
        }
    }
    found
}

#[test]
fn the_description_is_complete() {
    assert_eq!(mistakes(&DESCRIPTION), Vec::<String>::new());
    let typed = serde_json::to_value(keyward::manage::openapi()).unwrap();
    assert_eq!(mistakes(&typed), Vec::<String>::new());
    let contact = json!({"name": "keyward", "url": "https://github.com/keyward/keyward"});
    assert_eq!((&typed["info"]["contact"], &DESCRIPTION["info"]["contact"]), (&contact, &contact));
    for path in ["/v1/verify", "/v1/verify/batch", "/v1/introspect", "/forward-auth"] {
        assert!(DESCRIPTION["paths"][path].is_object() && typed["paths"][path].is_null(), "{path}");
    }
    let created = DESCRIPTION.pointer("/paths/~1v1~1keys/post/responses/201/content/application~1json/schema/$ref");
    assert_eq!(created.unwrap(), "#/components/schemas/IssuedKey");
}

#[test]
fn mistakes_in_a_description_are_found() {
    let breaks: [(&str, Value, &str); 6] = [
        ("/paths/~1v1~1keys/get/operationId", "createKey".into(), "another operation has this id"),
        ("/paths/~1v1~1keys/get/tags", json!(["unknown"]), "no described tag"),
        ("/paths/~1v1~1keys/get/summary", "".into(), "no summary"),
        ("/paths/~1v1~1keys/get/responses", json!({"200": {}, "503": {}}), "no 2xx, 4xx or 5xx"),
        ("/paths/~1v1~1keys/get/responses/400/$ref", "#/components/responses/Gone".into(), "does not exist"),
        ("/components/schemas/Key/description", "A key.\n\n# Examples".into(), "rustdoc in"),
    ];
    for (pointer, value, expected) in breaks {
        let mut broken = DESCRIPTION.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        let found = mistakes(&broken);
        assert!(found.len() == 1 && found[0].contains(expected), "{pointer}: {found:?}");
    }
}

fn codes() -> BTreeSet<&'static str> {
    let codes = DESCRIPTION["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    codes.iter().map(|code| code.as_str().unwrap()).collect()
}

#[test]
fn the_described_codes_are_those_of_the_guide() {
    let guide = fs::read_to_string(root().join("guide/src/errors.md")).unwrap();
    let sections = ["\n## Your API\n", "\n## The management API\n"].map(|title| {
        let section = guide.split(title).nth(1).unwrap();
        section.split("\n## ").next().unwrap().split("\n### ").next().unwrap()
    });
    let rows = sections.iter().flat_map(|section| section.lines());
    let explained: BTreeSet<&str> = rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(explained, codes());
}

/// A link as its text.
fn without_links(cell: &str) -> String {
    let parts = cell.split('[').enumerate().map(|(place, part)| match part.split_once("](") {
        Some((text, rest)) if place > 0 => format!("{text}{}", rest.split_once(')').unwrap().1),
        _ => part.to_owned(),
    });
    parts.collect()
}

#[test]
fn the_described_meanings_are_the_causes_of_the_guide() {
    let guide = fs::read_to_string(root().join("guide/src/errors.md")).unwrap();
    // The table of this API wins.
    let causes: BTreeMap<String, String> = ["\n## Your API\n", "\n## The management API\n"]
        .iter()
        .flat_map(|title| guide.split(title).nth(1).unwrap().split("\n## ").next().unwrap().split("\n### ").next())
        .flat_map(str::lines)
        .filter_map(|row| {
            let cells: Vec<&str> = row.split(" | ").collect();
            let code = cells[0].strip_prefix("| `")?.strip_suffix('`')?;
            let cause = without_links(cells[2]);
            Some((code.to_owned(), if cause.ends_with('.') { cause } else { cause + "." }))
        })
        .collect();
    let meanings = &DESCRIPTION["components"]["schemas"]["ErrorCode"]["x-meanings"];
    assert_eq!(serde_json::from_value::<BTreeMap<String, String>>(meanings.clone()).unwrap(), causes);
}

fn operation_of(method: &str, asked: &str) -> Option<&'static Value> {
    let method = method.to_lowercase();
    let fitting = operations(&DESCRIPTION).filter(|(path, of, _)| *of == method && fits(path, asked));
    // Prefer `/v1/keys/self` to `/v1/keys/{key}`.
    fitting.min_by_key(|(path, ..)| path.matches('{').count()).map(|(.., operation)| operation)
}

/// Returns the header fields that the description promises for an answer. It is empty for an undescribed path.
pub(crate) fn promised_headers(method: &str, path: &str, status: u16) -> BTreeMap<String, bool> {
    let Some(operation) = operation_of(method, path) else { return BTreeMap::new() };
    let mut answer = &operation["responses"][status.to_string()];
    if let Some(name) = answer["$ref"].as_str() {
        answer = DESCRIPTION.pointer(name.trim_start_matches('#')).unwrap();
    }
    let headers = answer["headers"].as_object().into_iter().flatten().map(|(name, _)| name.to_lowercase());
    // A conflict has `Retry-After` only while the first request runs.
    headers.map(|name| (name.clone(), status != 409 || name != "retry-after")).collect()
}

#[test]
fn every_status_and_code_of_the_rows_is_described() {
    let rows: Vec<Row<'_>> = [ROWS, PEOPLE, INVITATIONS, ACCEPTING, SETTINGS, PRECONDITIONS, REST].concat();
    let mut missing = BTreeSet::new();
    for (_, method, path, _, _, status, code) in rows {
        if !code.is_empty() && !codes().contains(code) {
            missing.insert(code.to_owned());
        }
        let described = operation_of(method, path).map(|operation| &operation["responses"][status.to_string()]);
        if described.is_some_and(Value::is_null) {
            missing.insert(format!("{method} {path} {status}"));
        }
    }
    assert!(missing.is_empty(), "not described:\n{}", missing.into_iter().collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn a_password_of_the_described_length_is_the_shortest() {
    let running = Running::start().await;
    for (schema, field) in [
        ("SignUp", "password"),
        ("AcceptInvitation", "password"),
        ("ResetPassword", "password"),
        ("ChangePassword", "new"),
    ] {
        let described = &DESCRIPTION["components"]["schemas"][schema]["properties"][field];
        assert_eq!((&described["minLength"], &described["maxLength"]), (&json!(15), &json!(200)), "{schema}");
    }
    let body = |password: &str| json!({"email": "new@example.com", "name": "New", "password": password}).to_string();
    let (short, long) = (body("jkq8 vbw2 zpt4"), body("jkq8 vbw2 zpt4x"));
    running
        .check(&[
            ("nobody", "POST", "/v1/users", NOTHING, &short, 422, "INVALID_VALUE"),
            ("nobody", "POST", "/v1/users", NOTHING, &long, 202, ""),
        ])
        .await;
    running.end().await;
}
