//! The client has a method for each operation that the server describes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

type Operation = (String, String);

fn described() -> BTreeSet<Operation> {
    let whole = serde_json::to_value(keyward_manage::openapi()).unwrap();
    let paths = whole["paths"].as_object().unwrap();
    let operation = |path: &str, method: &str| {
        let segments: Vec<&str> =
            path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect();
        (method.to_owned(), segments.join("/"))
    };
    paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| operation(path, method)))
        .collect()
}

/// `Request::get(&["keys", id])` is `get /v1/keys/{}`.
fn requested() -> BTreeSet<Operation> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let code: String = text.split("#[cfg(test)]").next().unwrap().split_whitespace().collect();
        for request in code.split("Request::").skip(1) {
            let Some((call, rest)) = request.split_once("&[") else { continue };
            let method = match call {
                "get(" => "get".to_owned(),
                "post(" => "post".to_owned(),
                _ => match call.strip_prefix("idempotent(Method::").and_then(|call| call.strip_suffix(',')) {
                    Some(method) => method.to_lowercase(),
                    None => continue,
                },
            };
            // A call in brackets, such as `in_path(id)?`, contains no brackets.
            let segments = rest.split(']').next().unwrap().split(',').filter(|segment| !segment.is_empty());
            let segments: Vec<&str> = segments
                .map(|segment| segment.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or("{}"))
                .collect();
            found.insert((method, format!("/v1/{}", segments.join("/"))));
        }
    }
    found
}

#[test]
fn every_operation_has_a_method() {
    assert_eq!(requested(), described(), "the requests of the client, and the operations of the server");
}
