//! The description of the API: the annotations of the handlers, and the errors, headers, tags and examples that they share.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

const SHARED: &str = include_str!("shared.json");
/// The paths of `keyward-gateway`, which has no handlers here.
const GATEWAY: &str = include_str!("gateway.json");

const SCHEMAS: &str = "#/components/schemas/";

/// The open operations that check a password, a token or a link.
const CHECKS_A_SECRET: [&str; 4] = ["signIn", "refreshTokens", "acceptInvitation", "resetPassword"];
const COUNTS_ATTEMPTS: [&str; 4] = ["acceptInvitationLink", "changeOwnPassword", "redeliver", "testWebhook"];
/// The other conflicts are those of an `Idempotency-Key`.
const CONFLICTS: [&str; 9] = [
    "acceptInvitation",
    "deletePlan",
    "deleteUser",
    "previewRotation",
    "putKeyLimits",
    "removeMember",
    "revokeOwnKey",
    "updateKey",
    "updateMember",
];

/// These refuse the operator's account, and the own user.
const REFUSES_A_TARGET: [&str; 2] = ["deleteAccount", "deleteUser"];

const PARAMETERS: [(&str, &str); 9] = [
    (
        "Idempotency-Key",
        "Unique text, such as a UUID. A request that is sent again with it within a day takes effect once.",
    ),
    ("If-Match", "The `ETag` of the version to change, or `*` for any version."),
    ("account", "Id of the account."),
    ("delivery", "Id of the delivery."),
    ("invitation", "Id of the invitation."),
    ("key", "Id of the key, such as `key_2fXk…`. It is not the key itself."),
    ("plan", "Name of the plan."),
    ("user", "Id of the user."),
    ("webhook", "Id of the webhook."),
];

pub(super) fn complete(handlers: &OpenApi) -> Value {
    let mut whole = serde_json::to_value(handlers).unwrap_or_default();
    whole["info"] = json!({ "version": env!("CARGO_PKG_VERSION") });
    name_pages(&mut whole);
    require_what_is_always_sent(&mut whole);
    let schemas = whole["components"]["schemas"].clone();
    for (path, item) in whole["paths"].as_object_mut().into_iter().flatten() {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            describe_parameters(operation);
            describe_answers(operation, path, &schemas);
        }
    }
    merge(&mut whole, fragment(SHARED));
    whole
}

pub(super) fn add_gateway(whole: &mut Value) {
    merge(whole, fragment(GATEWAY));
}

/// A test reads both fragments.
fn fragment(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from),
        (into, from) => *into = from,
    }
}

/// utoipa calls a page of keys `Page_Key`, and repeats the schema of a key in it.
fn name_pages(whole: &mut Value) {
    let Some(schemas) = whole["components"]["schemas"].as_object_mut() else { return };
    let names: Vec<String> = schemas.keys().filter(|name| name.starts_with("Page_")).cloned().collect();
    for name in names {
        let Some(mut page) = schemas.remove(&name) else { continue };
        let item = name.trim_start_matches("Page_");
        page["properties"]["data"]["items"] = json!({ "$ref": format!("{SCHEMAS}{item}") });
        schemas.insert(format!("{item}Page"), page);
    }
    visit(whole, &mut |value| {
        let page = value["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS)?.strip_prefix("Page_"));
        if let Some(item) = page {
            value["$ref"] = format!("{SCHEMAS}{item}Page").into();
        }
    });
}

/// Writing to a missing member adds it, as null.
fn drop_nulls(value: &mut Value) {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
}

fn visit(value: &mut Value, change: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(|member| visit(member, change));
            if members.contains_key("$ref") {
                change(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, change)),
        _ => {}
    }
}

fn references(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    visit(&mut value.clone(), &mut |value| {
        found.extend(value["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS)).map(str::to_owned));
    });
    found
}

/// The server writes each field of an answer, also if it is null. An error of the authentication layer is shorter.
fn require_what_is_always_sent(whole: &mut Value) {
    let operations = whole["paths"].as_object().into_iter().flatten().flat_map(|(_, item)| item.as_object());
    let mut read: BTreeSet<String> =
        operations.flatten().flat_map(|(_, operation)| references(&operation["requestBody"])).collect();
    loop {
        let more = read.iter().flat_map(|name| references(&whole["components"]["schemas"][name]));
        let all: BTreeSet<String> = read.iter().cloned().chain(more).collect();
        if all.len() == read.len() {
            break;
        }
        read = all;
    }
    for (name, schema) in whole["components"]["schemas"].as_object_mut().into_iter().flatten() {
        if !read.contains(name) && name != "Problem" {
            require_all(schema);
        }
    }
}

fn require_all(schema: &mut Value) {
    schema["allOf"].as_array_mut().into_iter().flatten().for_each(require_all);
    if let Some(properties) = schema["properties"].as_object() {
        schema["required"] = properties.keys().cloned().collect();
    }
    drop_nulls(schema);
}

fn describe_parameters(operation: &mut Value) {
    for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
        let text = PARAMETERS.iter().find(|(name, _)| parameter["name"] == *name);
        if let (Some((_, text)), false) = (text, parameter["description"].is_string()) {
            parameter["description"] = (*text).into();
        }
        // No parameter can be null.
        let schema = &mut parameter["schema"];
        if let Some(name) = schema["type"].get(0).cloned() {
            schema["type"] = name;
        }
        if let Some(name) = schema["oneOf"].get(0).map(|choice| choice["$ref"].clone()) {
            *schema = json!({ "$ref": name });
        } else {
            drop_nulls(schema);
        }
    }
    drop_nulls(operation);
}

fn describe_answers(operation: &mut Value, path: &str, schemas: &Value) {
    drop_null_body(operation);
    for (_, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
        let headers = if has_version(&answer["content"]["application/json"]["schema"], schemas) {
            &["ETag", "X-Request-Id"][..]
        } else {
            &["X-Request-Id"]
        };
        answer["headers"] = headers
            .iter()
            .map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })))
            .collect::<serde_json::Map<_, _>>()
            .into();
        drop_nulls(answer);
    }
    for (status, name) in errors(operation, path) {
        operation["responses"][status] = json!({ "$ref": format!("#/components/responses/{name}") });
    }
    if operation["security"].is_null() {
        operation["security"] = json!([]);
    }
    drop_nulls(operation);
}

/// A body may be left out, but not be null.
fn drop_null_body(operation: &mut Value) {
    let Some(schema) = operation.pointer_mut("/requestBody/content/application~1json/schema") else { return };
    let mut parts = schema["oneOf"].as_array().into_iter().flatten();
    if let Some(part) = parts.find(|part| part["$ref"].is_string()).cloned() {
        *schema = part;
    }
}

fn has_version(schema: &Value, schemas: &Value) -> bool {
    let named = schema["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS));
    let schema = named.map_or(schema, |name| &schemas[name]);
    let parts = schema["allOf"].as_array().into_iter().flatten();
    schema["properties"]["version"].is_object() || parts.into_iter().any(|part| has_version(part, schemas))
}

fn errors(operation: &Value, path: &str) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let takes = |place: &str, name: &str| {
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters.any(|parameter| parameter["in"] == place && (name.is_empty() || parameter["name"] == name))
    };
    let (is_open, has_body) = (!operation["security"].is_array(), operation["requestBody"].is_object());
    let (once, if_match) = (takes("header", "Idempotency-Key"), takes("header", "If-Match"));
    let own = path.starts_with("/v1/users/self") || id == "signOut";
    [
        (true, "400", "BadRequest"),
        (!is_open || CHECKS_A_SECRET.contains(&id), "401", "Unauthorized"),
        (true, "403", "Forbidden"),
        (takes("path", "") || (!is_open && !own), "404", "NotFound"),
        (once || CONFLICTS.contains(&id), "409", "Conflict"),
        (if_match, "412", "PreconditionFailed"),
        (has_body, "413", "ContentTooLarge"),
        (has_body, "415", "UnsupportedMediaType"),
        (has_body || once || takes("query", "") || REFUSES_A_TARGET.contains(&id), "422", "InvalidValue"),
        (if_match, "428", "PreconditionRequired"),
        (is_open || COUNTS_ATTEMPTS.contains(&id), "429", "TooManyAttempts"),
        (true, "503", "ServiceUnavailable"),
        (true, "default", "UnexpectedError"),
    ]
    .into_iter()
    .filter_map(|(applies, status, name)| applies.then_some((status, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fragments_are_json() {
        for text in [SHARED, GATEWAY] {
            assert!(fragment(text)["components"].is_object());
        }
    }
}
