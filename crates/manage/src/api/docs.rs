//! The OpenAPI description as HTML, without resources from other hosts.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use headers::{ETag, HeaderMapExt as _, IfNoneMatch};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

#[cfg(feature = "dashboard")]
use crate::dashboard::{chosen_theme, compressed};
use crate::service::Management;
use crate::web::{IMMUTABLE, short_hash};

/// A reference to a schema may lead to another one.
const DEPTH: usize = 6;

/// The frame of the page, which depends on the request.
#[derive(Template)]
#[template(path = "docs.html")]
struct Page<'a> {
    provider: &'a str,
    dashboard: Option<&'a str>,
    style: &'a str,
    theme: &'a str,
    contents: &'a str,
    reference: &'a str,
}

#[derive(Template)]
#[template(path = "docs_contents.html")]
struct Contents<'a> {
    groups: &'a [Group<'a>],
}

#[derive(Template)]
#[template(path = "docs_reference.html")]
struct Reference<'a> {
    introduction: Text,
    groups: &'a [Group<'a>],
    codes: Vec<(&'a str, Text)>,
}

/// The operations with one tag.
struct Group<'a> {
    name: &'a str,
    anchor: String,
    description: Text,
    operations: Vec<Operation<'a>>,
}

struct Operation<'a> {
    id: &'a str,
    title: String,
    method: String,
    path: &'a str,
    summary: Text,
    parameters: Vec<Parameter<'a>>,
    example: String,
    answers: Vec<(&'a str, Text)>,
    open: bool,
}

struct Parameter<'a> {
    name: &'a str,
    place: &'a str,
    kind: String,
    needed: bool,
    description: Text,
}

/// A text with code in backticks.
type Text = Vec<Part>;

struct Part {
    text: String,
    is_code: bool,
}

fn marked(text: &str) -> Text {
    let parts = text.split('`').enumerate().filter(|(_, text)| !text.is_empty());
    parts.map(|(place, text)| Part { text: text.to_owned(), is_code: place % 2 == 1 }).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn resolved<'a>(schema: &'a Value, whole: &'a Value) -> &'a Value {
    let target = schema["$ref"].as_str().and_then(|name| whole.pointer(name.trim_start_matches('#')));
    target.unwrap_or(schema)
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
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| {
        let parameter = resolved(parameter, whole);
        Parameter {
            name: text(parameter, "/name"),
            place: text(parameter, "/in"),
            kind: kind(&parameter["schema"]),
            needed: parameter["required"].as_bool().unwrap_or(false),
            description: marked(text(parameter, "/description")),
        }
    });
    let body = operation.pointer("/requestBody/content/application~1json/schema").map(|schema| resolved(schema, whole));
    let fields = body.into_iter().flat_map(|schema| {
        let needed = required(schema);
        let fields = schema["properties"].as_object().into_iter().flatten();
        fields.map(move |(name, field)| Parameter {
            name,
            place: "body",
            kind: kind(field),
            needed: needed.contains(&name.as_str()),
            description: marked(text(field, "/description")),
        })
    });
    let answers =
        operation["responses"].as_object().into_iter().flatten().filter(|(status, _)| status.starts_with('2'));
    let open = operation["security"].as_array().is_none_or(Vec::is_empty);
    Operation {
        id: text(operation, "/operationId"),
        title: title(text(operation, "/operationId")),
        method: method.to_uppercase(),
        path,
        summary: marked(text(operation, "/summary")),
        parameters: parameters.chain(fields).collect(),
        example: example(
            path,
            method,
            body.map(|schema| sample(schema, whole, DEPTH)),
            open,
            required_headers(operation),
        ),
        answers: answers.map(|(status, answer)| (status.as_str(), marked(text(answer, "/description")))).collect(),
        open,
    }
}

fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn required_headers(operation: &Value) -> Vec<&str> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let headers = parameters.filter(|parameter| parameter["in"] == "header" && parameter["required"] == true);
    headers.map(|parameter| text(parameter, "/name")).collect()
}

/// `createKey` becomes `Create key`.
fn title(id: &str) -> String {
    let mut title = String::with_capacity(id.len() + 4);
    for (place, letter) in id.chars().enumerate() {
        match letter {
            _ if place == 0 => title.extend(letter.to_uppercase()),
            _ if letter.is_uppercase() => {
                title.push(' ');
                title.extend(letter.to_lowercase());
            }
            _ => title.push(letter),
        }
    }
    title
}

fn example(path: &str, method: &str, body: Option<Value>, open: bool, headers: Vec<&str>) -> String {
    let mut lines = vec![format!("curl -X {} \"$URL{path}\"", method.to_uppercase())];
    if !open {
        lines.push("-H \"Authorization: Bearer $KEY\"".to_owned());
    }
    for header in headers {
        let value = if header == "If-Match" { "*" } else { "…" };
        lines.push(format!("-H '{header}: {value}'"));
    }
    if let Some(body) = body {
        lines.push("-H 'Content-Type: application/json'".to_owned());
        lines.push(format!("-d '{body}'"));
    }
    lines.join(" \\\n  ")
}

/// An example of the description, or the required fields.
fn sample(schema: &Value, whole: &Value, depth: usize) -> Value {
    let schema = resolved(schema, whole);
    let given = schema.get("example").or_else(|| schema["examples"].get(0)).or_else(|| schema["enum"].get(0));
    if let Some(example) = given.or_else(|| schema.get("default")) {
        return example.clone();
    }
    if depth == 0 {
        return Value::Null;
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(first) = schema[key].get(0) {
            return sample(first, whole, depth - 1);
        }
    }
    let name = schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str));
    match name {
        Some("object") => {
            let needed = required(schema);
            let fields = schema["properties"].as_object().into_iter().flatten();
            let fields = fields.filter(|(name, _)| needed.contains(&name.as_str()));
            let fields: Map<_, _> =
                fields.map(|(name, field)| (name.clone(), sample(field, whole, depth - 1))).collect();
            Value::Object(fields)
        }
        Some("array") => json!([sample(&schema["items"], whole, depth - 1)]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        _ if schema["format"] == "date-time" => json!("2030-01-01T00:00:00Z"),
        _ => json!("…"),
    }
}

fn groups(description: &Value) -> Vec<Group<'_>> {
    let mut groups: Vec<_> = description["tags"].as_array().into_iter().flatten().collect();
    groups.sort_by_key(|tag| text(tag, "/name") != "keys");
    let groups = groups.into_iter().map(|tag| {
        let name = text(tag, "/name");
        let paths = description["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            let own = methods.filter(move |(_, found)| text(found, "/tags/0") == name);
            own.map(move |(method, found)| operation(path, method, found, description))
        });
        let operations = operations.collect();
        Group { name, anchor: name.replace(' ', "-"), description: marked(text(tag, "/description")), operations }
    });
    groups.filter(|group| !group.operations.is_empty()).collect()
}

/// The routes of the reference.
pub(super) fn router(description: &Value) -> Router<Management> {
    let style_name = format!("docs.{}.css", short_hash(STYLE.as_bytes()));
    let style_path = format!("/{style_name}");
    let docs = Arc::new(Docs::of(description, style_name));
    let page =
        async move |State(management): State<Management>, headers: HeaderMap| docs.page(&management, &headers).await;
    let style = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, IMMUTABLE)];
    let router = Router::new().route("/docs", get(page)).route(&style_path, get(async move || (style, STYLE)));
    #[cfg(feature = "dashboard")]
    let router = router.layer(axum::middleware::from_fn(compressed));
    router
}

#[cfg(not(feature = "dashboard"))]
fn chosen_theme(_: &HeaderMap) -> Option<crate::appearance::Theme> {
    None
}

/// The reference of an API, written once.
struct Docs {
    title: String,
    style: String,
    contents: String,
    reference: String,
}

impl Docs {
    fn of(description: &Value, style: String) -> Self {
        let groups = groups(description);
        let known = &description["components"]["schemas"]["ErrorCode"];
        let codes = known["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let meaning = |code| known["x-meanings"][code].as_str().unwrap_or_default();
        let reference = Reference {
            introduction: marked(text(description, "/info/description")),
            groups: &groups,
            codes: codes.map(|code| (code, marked(meaning(code)))).collect(),
        };
        Self {
            title: text(description, "/info/title").to_owned(),
            style,
            contents: Contents { groups: &groups }.render().unwrap_or_default(),
            reference: reference.render().unwrap_or_default(),
        }
    }

    /// The provider's name is the one of the pages, or else the title of the API.
    async fn page(&self, management: &Management, headers: &HeaderMap) -> Response {
        let look = management.appearance().await.map(|look| look.value).unwrap_or_default();
        let pages = management.pages();
        let page = Page {
            provider: look.name.as_deref().or(pages.map(|pages| pages.provider.as_str())).unwrap_or(&self.title),
            dashboard: pages.map(|pages| pages.url.as_str()),
            style: &self.style,
            theme: chosen_theme(headers).unwrap_or(look.theme).as_str(),
            contents: &self.contents,
            reference: &self.reference,
        };
        let page = page.render().unwrap_or_default();
        let policy =
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        // Weak, because the page is sent compressed and plain.
        let tag: Option<ETag> = format!("W/\"{}\"", short_hash(page.as_bytes())).parse().ok();
        let known: Option<IfNoneMatch> = headers.typed_get();
        let is_known = tag.as_ref().zip(known).is_some_and(|(tag, known)| !known.precondition_passes(tag));
        let kept = [(CACHE_CONTROL, "no-cache"), (VARY, "cookie")];
        let mut response = if is_known {
            (StatusCode::NOT_MODIFIED, kept).into_response()
        } else {
            (kept, [(CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
        };
        if let Some(tag) = tag {
            response.headers_mut().typed_insert(tag);
        }
        response
    }
}

/// The policy forbids inline styles.
const STYLE: &str = include_str!("../../templates/docs.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_samples_and_code_are_readable() {
        assert_eq!(title("createKey"), "Create key");
        let parts = marked("Send `a` and `b`.");
        let parts: Vec<_> = parts.iter().map(|part| (part.text.as_str(), part.is_code)).collect();
        assert_eq!(parts, [("Send ", false), ("a", true), (" and ", false), ("b", true), (".", false)]);
        let whole = json!({"components": {"schemas": {"A": {"type": "object", "required": ["b"],
            "properties": {"b": {"type": "array", "items": {"$ref": "#/components/schemas/A"}}, "c": {"type": "string"}}}}}});
        assert_eq!(sample(&json!({"$ref": "#/components/schemas/A"}), &whole, 2), json!({"b": [null]}));
    }
}
