//! The OpenAPI description as HTML, without resources from other hosts.

use askama::Template;
use axum::response::{Html, IntoResponse};
use http::header::CONTENT_SECURITY_POLICY;
use serde_json::Value;

#[derive(Template)]
#[template(path = "docs.html")]
struct Page<'a> {
    title: &'a str,
    introduction: &'a str,
    operations: Vec<Operation<'a>>,
}

struct Operation<'a> {
    method: String,
    path: &'a str,
    tag: &'a str,
    summary: &'a str,
    parameters: Vec<Parameter<'a>>,
    body: Option<Vec<Parameter<'a>>>,
    answer: String,
    open: bool,
}

struct Parameter<'a> {
    name: &'a str,
    place: &'a str,
    kind: String,
    needed: bool,
    description: &'a str,
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[key].as_array() {
            return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    }
    let name = match &schema["type"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        name => name.as_str().unwrap_or("any").to_owned(),
    };
    match (schema["format"].as_str(), schema["items"].is_object()) {
        (_, true) => format!("{name} of {}", kind(&schema["items"])),
        (Some(format), _) => format!("{name} ({format})"),
        _ => name,
    }
}

fn operation<'a>(path: &'a str, method: &'a str, operation: &'a Value, whole: &'a Value) -> Operation<'a> {
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| Parameter {
        name: text(parameter, "/name"),
        place: text(parameter, "/in"),
        kind: kind(&parameter["schema"]),
        needed: parameter["required"].as_bool().unwrap_or(false),
        description: text(parameter, "/description"),
    });
    let body = operation.pointer("/requestBody/content/application~1json/schema").map(|schema| {
        let schema =
            schema["$ref"].as_str().and_then(|name| whole.pointer(name.trim_start_matches('#'))).unwrap_or(schema);
        let needed: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let fields = schema["properties"].as_object().into_iter().flatten();
        fields
            .map(|(name, field)| Parameter {
                name,
                place: "body",
                kind: kind(field),
                needed: needed.contains(&name.as_str()),
                description: text(field, "/description"),
            })
            .collect()
    });
    let answers =
        operation["responses"].as_object().into_iter().flatten().filter(|(status, _)| status.starts_with('2'));
    Operation {
        method: method.to_uppercase(),
        path,
        tag: text(operation, "/tags/0"),
        summary: text(operation, "/summary"),
        parameters: parameters.collect(),
        body,
        answer: answers.map(|(status, answer)| format!("{status}: {}", text(answer, "/description"))).collect(),
        open: operation["security"].as_array().is_none_or(Vec::is_empty),
    }
}

pub(super) fn page(description: &Value) -> impl IntoResponse + Clone + use<> {
    let paths = description["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, found)| operation(path, method, found, description))
    });
    let page = Page {
        title: text(description, "/info/title"),
        introduction: text(description, "/info/description"),
        operations: operations.collect(),
    };
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    ([(CONTENT_SECURITY_POLICY, policy)], Html(page.render().unwrap_or_default()))
}

/// The policy forbids inline styles.
pub(super) const STYLE: &str = include_str!("../../templates/docs.css");
