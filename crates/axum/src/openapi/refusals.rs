//! The refusals, as the authenticator's renderer writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::HeaderName;
use keyward_core::adapter::CredentialFault;
use keyward_core::rejection::{ConcurrencyLimit, PlanRequired, RateLimit};
use keyward_core::{Authenticator, Rejection, Requirement, Scope};
use serde_json::{Map, Value, json};

/// Header fields that callers read.
const FIELDS: [(&str, &str, &str); 5] = [
    ("www-authenticate", "WWW-Authenticate", "How to authenticate (RFC 6750)."),
    ("retry-after", "Retry-After", "Seconds to wait before the next attempt."),
    ("ratelimit-policy", "RateLimit-Policy", "The rate limit."),
    ("ratelimit", "RateLimit", "The rest of the rate limit."),
    ("x-request-id", "X-Request-Id", "Id of the request, to report to the provider."),
];

/// The component of a response, by its status.
pub(super) struct Refusals {
    pub(super) responses: BTreeMap<u16, (String, Value)>,
    pub(super) schema: Value,
}

/// The name of the schema in the description.
pub(super) const SCHEMA: &str = "Refusal";

struct Sample {
    code: &'static str,
    content_type: String,
    fields: Vec<(HeaderName, String)>,
    body: Value,
}

impl Refusals {
    pub(super) fn of(authenticator: &Authenticator, has_limits: bool) -> Self {
        let mut samples: BTreeMap<u16, Vec<Sample>> = BTreeMap::new();
        for rejection in rejections(has_limits) {
            let answer = authenticator.example(&rejection);
            let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
            samples.entry(answer.status().as_u16()).or_default().push(Sample {
                code: rejection.code(),
                content_type: answer.headers().get("content-type").map(text).unwrap_or_default(),
                fields: answer.headers().iter().map(|(name, value)| (name.clone(), text(value))).collect(),
                body: serde_json::from_slice(answer.body()).unwrap_or(Value::Null),
            });
        }
        let bodies: Vec<&Value> = samples.values().flatten().map(|sample| &sample.body).collect();
        let mut schema = schema(&bodies);
        schema["description"] = "A refused request.".into();
        let responses = samples.iter().map(|(status, samples)| (*status, response(*status, samples))).collect();
        Self { responses, schema }
    }
}

fn rejections(has_limits: bool) -> Vec<Rejection> {
    let scope = Scope::from_static("resources:read");
    let (name, plan) = ("default", "Free");
    let mut all = vec![
        CredentialFault::SeveralFields.into(),
        CredentialFault::Missing.into(),
        Rejection::UnknownKey,
        Rejection::KeyRevoked,
        Rejection::KeyExpired,
        Rejection::InsufficientScope(Requirement::all_of([scope])),
        Rejection::AccountSuspended,
        Rejection::PlanRequired(Box::new(PlanRequired::new(Some(plan.into()), ["Pro".into()]))),
        Rejection::StoreUnavailable,
    ];
    if has_limits {
        let (window, retry_after) = (Duration::from_secs(60), Duration::from_secs(30));
        all.push(Rejection::RateLimitExceeded(Box::new(RateLimit {
            name: name.into(),
            quota: 100,
            window,
            remaining: 0,
            retry_after,
        })));
        all.push(Rejection::ConcurrencyLimitExceeded(Box::new(ConcurrencyLimit {
            limit: 1,
            in_flight: 1,
            plan: Some(plan.into()),
        })));
    }
    all
}

fn response(status: u16, samples: &[Sample]) -> (String, Value) {
    let (name, description) = match status {
        400 => ("BadRequest", "The request does not carry exactly one credential.".to_owned()),
        401 => ("Unauthorized", "The credential is missing, wrong or no longer valid.".to_owned()),
        403 => ("Forbidden", "The credential is valid, but may not do this.".to_owned()),
        429 => ("TooManyRequests", "A limit is used up.".to_owned()),
        503 => ("ServiceUnavailable", "The credential cannot be checked at the moment.".to_owned()),
        other => ("", format!("Refused with status {other}.")),
    };
    let name = if name.is_empty() { format!("Refused{status}") } else { name.to_owned() };
    let mut content = Map::new();
    for sample in samples.iter().filter(|sample| !sample.content_type.is_empty()) {
        let media = content.entry(&sample.content_type).or_insert_with(
            || json!({ "schema": { "$ref": format!("#/components/schemas/{SCHEMA}") }, "examples": {} }),
        );
        media["examples"][sample.code] = json!({ "value": sample.body });
    }
    let mut headers = Map::new();
    for (field, shown, description) in FIELDS {
        let with: Vec<(&Sample, &String)> = samples
            .iter()
            .filter_map(|sample| {
                Some((sample, sample.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value)?))
            })
            .collect();
        let Some((_, example)) = with.first() else { continue };
        let codes: BTreeSet<String> = with.iter().map(|(sample, _)| format!("`{}`", sample.code)).collect();
        let when = match codes.into_iter().collect::<Vec<_>>().join(", ") {
            _ if with.len() == samples.len() => String::new(),
            codes => format!(" Only with {codes}."),
        };
        // `Retry-After` may be random.
        let (schema, example) = match field {
            "retry-after" => (json!({ "type": "integer", "minimum": 0 }), json!(1)),
            _ => (json!({ "type": "string" }), json!(example)),
        };
        let description = format!("{description}{when}");
        headers.insert(shown.to_owned(), json!({ "description": description, "schema": schema, "example": example }));
    }
    (name, json!({ "description": description, "headers": headers, "content": content }))
}

/// Returns a schema that fits all of the values. A member that all of them have is required.
fn schema(values: &[&Value]) -> Value {
    let types: BTreeSet<&str> = values.iter().map(|value| type_of(value)).collect();
    let objects: Vec<&Map<String, Value>> = values.iter().filter_map(|value| value.as_object()).collect();
    let types: Vec<&str> = types.into_iter().collect();
    let mut schema = match types.as_slice() {
        [one] => json!({ "type": one }),
        several => json!({ "type": several }),
    };
    let items: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
    if types.contains(&"array") {
        schema["items"] = if items.is_empty() { json!({}) } else { self::schema(&items) };
    }
    if let Some((first, others)) = objects.split_first() {
        let names: BTreeSet<&String> = objects.iter().flat_map(|object| object.keys()).collect();
        let properties = names.into_iter().map(|name| {
            let members: Vec<&Value> = objects.iter().filter_map(|object| object.get(name)).collect();
            (name.clone(), described(name, self::schema(&members)))
        });
        schema["properties"] = properties.collect::<Map<_, _>>().into();
        let required: Vec<&String> =
            first.keys().filter(|name| others.iter().all(|object| object.contains_key(*name))).collect();
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
    }
    schema
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn described(name: &str, mut schema: Value) -> Value {
    let description = match name {
        "code" => "Code for programs.",
        "details" => "Facts about some refusals, for programs.",
        "detail" | "message" => "Explanation for people. It may change.",
        "request_id" => "Id of the request.",
        "status" => "HTTP status.",
        "title" => "Name of the status.",
        _ => return schema,
    };
    schema["description"] = description.into();
    schema
}
