//! What this crate sends and reads is what the server's description says: neither can change without the other.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Visitor, value};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};
use serde_json::{Map, Value, json};

use crate::{accounts, audit, invitations, keys, members, page, plans, settings, tokens, usage, users};

/// The description that the server serves at `/openapi.json`.
fn description() -> Value {
    serde_json::to_value(keyward_manage::openapi()).unwrap()
}

/// Finds out the names of a struct's fields, and ends there.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom("the names are known"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("this is no struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

type Fields = BTreeSet<String>;

fn fields<T: DeserializeOwned>() -> Fields {
    let mut names: &'static [&'static str] = &[];
    let _ = T::deserialize(Names(&mut names));
    assert!(!names.is_empty(), "{} is no struct", std::any::type_name::<T>());
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Whether an example decodes.
type Decode = fn(&Value) -> Result<(), String>;

fn decode<T: DeserializeOwned>(example: &Value) -> Result<(), String> {
    // Out of text, as answers come.
    serde_json::from_str::<T>(&example.to_string()).map(drop).map_err(|error| error.to_string())
}

/// A schema of an answer, and the structs with which it is read, which have its fields between them.
struct Read {
    schema: &'static str,
    fields: Fields,
    decode: Vec<Decode>,
}

fn read<T: DeserializeOwned>(schema: &'static str) -> Read {
    Read { schema, fields: fields::<T>(), decode: vec![decode::<T>] }
}

impl Read {
    /// And with this.
    fn and<T: DeserializeOwned>(mut self) -> Self {
        self.fields.extend(fields::<T>());
        self.decode.push(decode::<T>);
        self
    }
}

fn answers() -> Vec<Read> {
    vec![
        read::<keys::Key>("KeyView"),
        read::<keys::parts::Issued>("Issued").and::<keys::Key>(),
        read::<keys::parts::Rotated>("Rotated").and::<keys::Key>(),
        read::<keys::parts::ChangedKey>("ChangedKey").and::<keys::Key>(),
        read::<keys::Effective>("Effective"),
        read::<usage::Usage>("Usage"),
        read::<usage::UsageDay>("UsageDay"),
        read::<accounts::Account>("AccountView"),
        read::<members::Member>("MemberView"),
        read::<invitations::Invitation>("InvitationView"),
        read::<invitations::parts::Link>("InvitedView").and::<invitations::Invitation>(),
        read::<invitations::parts::Joined>("Joined"),
        read::<users::User>("User"),
        read::<users::VersionedUser>("UserView"),
        read::<users::Session>("SessionView"),
        read::<users::PasswordReset>("ResetView"),
        read::<settings::Settings>("SettingsView"),
        read::<tokens::Tokens>("TokensView"),
        read::<plans::Plan>("PlanView"),
        read::<audit::AuditEntry>("AuditEntry"),
        read::<audit::Actor>("ActorName"),
        read::<audit::Target>("Target"),
        read::<audit::AuditVerdict>("Verdict"),
        read::<page::Page<keys::Key>>("Listed_KeyView"),
        read::<page::Page<accounts::Account>>("Listed_AccountView"),
        read::<page::Page<members::Member>>("Listed_MemberView"),
        read::<page::Page<invitations::Invitation>>("Listed_InvitationView"),
        read::<page::Page<users::Session>>("Listed_SessionView"),
        read::<page::Page<users::VersionedUser>>("Listed_UserView"),
        read::<page::Page<plans::Plan>>("Listed_PlanView"),
        read::<page::Page<audit::AuditEntry>>("Listed_AuditEntry"),
    ]
}

/// Schemas of answers that no struct above reads: what says in words what its status says; what [`crate::Problem`] and
/// [`crate::Secret`] read.
const NOT_READ: [&str; 3] = ["Accepted", "Problem", "Shown"];

/// Schemas of fields with words of their own, and whether all of them are known.
fn words(name: &str, word: &Value) -> Option<Result<(), String>> {
    let decode: Decode = match name {
        "Role" => decode::<members::Role>,
        "Purpose" => decode::<keys::Purpose>,
        "Outcome" => decode::<audit::Outcome>,
        "KindName" => decode::<keyward_core::key::KeyKind>,
        "ModeName" => decode::<keyward_core::Mode>,
        "StatusName" => decode::<keyward_core::store::KeyStatus>,
        "Theme" => decode::<settings::Theme>,
        _ => return None,
    };
    Some(decode(word))
}

fn schema<'a>(whole: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(name) => whole.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("there is no {name}")),
        None => schema,
    }
}

/// The schema of this name; what is listed may be described in its list alone.
fn component<'a>(whole: &'a Value, name: &str) -> &'a Value {
    let schemas = &whole["components"]["schemas"];
    let listed = &schemas[format!("Listed_{name}")]["properties"]["data"]["items"];
    [&schemas[name], listed]
        .into_iter()
        .find(|schema| !schema.is_null())
        .unwrap_or_else(|| panic!("no answer has {name}"))
}

/// The properties of an object, those of what it is made of among them.
fn properties(whole: &Value, described: &Value) -> Map<String, Value> {
    let described = schema(whole, described);
    let mut found = described["properties"].as_object().cloned().unwrap_or_default();
    for part in described["allOf"].as_array().into_iter().flatten() {
        found.extend(properties(whole, part));
    }
    found
}

/// A value that the schema allows; with nothing where nothing may be, if so wanted.
fn example(whole: &Value, described: &Value, sparse: bool) -> Value {
    let described = schema(whole, described);
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = described[choice].as_array() {
            let is_null = |choice: &&Value| choice["type"] == "null";
            let chosen = choices.iter().find(|choice| is_null(choice) == sparse).or(choices.first()).unwrap();
            return example(whole, chosen, sparse);
        }
    }
    if let Some(words) = described["enum"].as_array() {
        return words[0].clone();
    }
    let types: Vec<&str> = match &described["type"] {
        Value::Array(types) => types.iter().map(|name| name.as_str().unwrap()).collect(),
        Value::String(name) => vec![name],
        _ if described["allOf"].is_array() => vec!["object"],
        _ => vec![],
    };
    if sparse && types.contains(&"null") {
        return Value::Null;
    }
    match types.iter().find(|name| **name != "null") {
        Some(&"object") => {
            let properties = properties(whole, described);
            properties.iter().map(|(name, field)| (name.clone(), example(whole, field, sparse))).collect()
        }
        Some(&"array") => json!([example(whole, &described["items"], sparse)]),
        Some(&"integer" | &"number") => json!(7),
        Some(&"boolean") => json!(true),
        Some(&"string") if described["format"] == "date-time" => json!("2026-03-01T12:00:00Z"),
        Some(&"string") => json!("text"),
        other => panic!("{other:?} is not understood in {described}"),
    }
}

/// What has a form of its own, which the description does not say.
fn in_form(mut value: Value) -> Value {
    match &mut value {
        Value::Array(values) => values.iter_mut().for_each(|value| *value = in_form(value.take())),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                *value = match name.as_str() {
                    "hint" => json!("kw_live_…3456"),
                    "scopes" => json!(["resources:read"]),
                    "endpoints" => json!(["GET /v1/videos/*"]),
                    "networks" => json!(["192.0.2.0/24"]),
                    _ => in_form(value.take()),
                };
            }
        }
        _ => {}
    }
    value
}

/// The names of all schemas that answers reach.
fn reached(whole: &Value) -> BTreeSet<String> {
    fn walk(whole: &Value, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                    let short = name.rsplit('/').next().unwrap().to_owned();
                    if found.insert(short) {
                        walk(whole, whole.pointer(name.trim_start_matches('#')).unwrap(), found);
                    }
                }
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        // What an object is made of is read as a part of it.
                        ("allOf", Value::Array(parts)) => {
                            parts.iter().for_each(|part| walk(whole, schema(whole, part), found));
                        }
                        _ => walk(whole, value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(whole, value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for (_, _, operation) in operations(whole) {
        walk(whole, &operation["responses"], &mut found);
    }
    found
}

fn operations(whole: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = whole["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(|(method, found)| (method.as_str(), path.as_str(), found))
    })
}

#[test]
fn every_answer_is_read_with_the_fields_that_it_has() {
    let whole = description();
    let mut reached = reached(&whole);
    for read in answers() {
        reached.remove(read.schema);
        let described = component(&whole, read.schema);
        let names: Fields = properties(&whole, described).keys().cloned().collect();
        assert_eq!(read.fields, names, "the fields of {}: what is read, and what the server describes", read.schema);
        for sparse in [false, true] {
            let example = in_form(example(&whole, described, sparse));
            for decode in &read.decode {
                decode(&example).unwrap_or_else(|error| panic!("{}: {error}: {example}", read.schema));
            }
            // What a newer server adds is left alone.
            let mut newer = example.clone();
            newer["a_field_of_tomorrow"] = json!({"a": [1]});
            assert!(read.decode.iter().all(|decode| decode(&newer).is_ok()), "{}", read.schema);
        }
    }
    for name in reached {
        let words_of = whole["components"]["schemas"][&name]["enum"].as_array();
        match words_of {
            Some(found) => found.iter().for_each(|word| {
                let known = words(&name, word).unwrap_or_else(|| panic!("nothing is said of the words of {name}"));
                known.unwrap_or_else(|error| panic!("{word} of {name} is not known: {error}"));
            }),
            None => assert!(NOT_READ.contains(&name.as_str()), "answers have a {name}, which nothing reads: add it"),
        }
    }
}

#[test]
fn a_problem_is_read_as_it_is_described() {
    let whole = description();
    let example = example(&whole, &whole["components"]["schemas"]["Problem"], false);
    decode::<crate::Problem>(&example).unwrap();
}

/// The methods of [`Client`](crate::Client), as what they ask for. A new operation needs a method, and a line here.
const OPERATIONS: &[(&str, &str)] = &[
    ("get", "/v1/accounts"),
    ("get", "/v1/accounts/{account}"),
    ("get", "/v1/accounts/{account}/members"),
    ("get", "/v1/accounts/{account}/members/{user}"),
    ("get", "/v1/accounts/{account}/usage"),
    ("get", "/v1/audit-log"),
    ("get", "/v1/audit-log/verify"),
    ("get", "/v1/keys"),
    ("get", "/v1/keys/self"),
    ("get", "/v1/keys/{key}"),
    ("get", "/v1/keys/{key}/usage"),
    ("get", "/v1/plans"),
    ("get", "/v1/users/self"),
    ("get", "/v1/users/self/sessions"),
    ("patch", "/v1/accounts/{account}"),
    ("patch", "/v1/accounts/{account}/members/{user}"),
    ("patch", "/v1/keys/{key}"),
    ("patch", "/v1/users/self"),
    ("post", "/v1/accounts"),
    ("post", "/v1/accounts/{account}/invitations"),
    ("get", "/v1/accounts/{account}/invitations"),
    ("delete", "/v1/accounts/{account}/invitations/{invitation}"),
    ("get", "/v1/users/self/invitations"),
    ("post", "/v1/users/self/invitations/accept"),
    ("post", "/v1/users/self/invitations/{invitation}/accept"),
    ("delete", "/v1/users/self/invitations/{invitation}"),
    ("post", "/v1/keys"),
    ("post", "/v1/keys/self/revoke"),
    ("post", "/v1/keys/{key}/disable"),
    ("post", "/v1/keys/{key}/enable"),
    ("post", "/v1/keys/{key}/revoke"),
    ("post", "/v1/keys/{key}/rotate"),
    ("post", "/v1/plans"),
    ("post", "/v1/tokens"),
    ("post", "/v1/tokens/refresh"),
    ("post", "/v1/tokens/sign-out"),
    ("post", "/v1/users"),
    ("post", "/v1/users/accept-invitation"),
    ("post", "/v1/users/self/password"),
    ("put", "/v1/plans/{plan}"),
    ("delete", "/v1/plans/{plan}"),
    ("delete", "/v1/accounts/{account}/members/{user}"),
    ("delete", "/v1/users/{user}"),
    ("get", "/v1/settings"),
    ("get", "/v1/users"),
    ("get", "/v1/users/{user}"),
    ("patch", "/v1/settings"),
    ("post", "/v1/users/forgot-password"),
    ("post", "/v1/users/reset-password"),
    ("post", "/v1/users/{user}/disable"),
    ("post", "/v1/users/{user}/enable"),
    ("post", "/v1/users/{user}/password-reset"),
];

#[test]
fn every_operation_has_a_method() {
    let whole = description();
    let described: BTreeSet<(&str, &str)> = operations(&whole).map(|(method, path, _)| (method, path)).collect();
    let known: BTreeSet<(&str, &str)> = OPERATIONS.iter().copied().collect();
    assert_eq!(known, described, "what the client asks for, and what the server describes");
}

/// What a request's body has, with everything in it that may be.
fn body(value: &impl Serialize) -> Fields {
    serde_json::to_value(value).unwrap().as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_request_has_the_fields_that_are_described() {
    let whole = description();
    let (text, now) = (String::new(), keyward_core::Timestamp::from_millis(0));
    let role = members::Role::Owner;
    let bodies = [
        ("CreateKey", body(&keys::CreateKey::secret("a"))),
        (
            "UpdateKey",
            body(&keys::UpdateKey {
                name: Some(text.clone()),
                scopes: Some(keyward_core::ScopeSet::all()),
                endpoints: Some(Vec::new()),
                networks: Some(Vec::new()),
                metadata: Some(Map::new()),
                expires_at: Some(Some(now)),
            }),
        ),
        ("RotateKey", body(&keys::RotateKey { overlap_seconds: 0 })),
        ("CreateAccount", body(&accounts::CreateAccount { name: "" })),
        (
            "UpdateAccount",
            body(&accounts::UpdateAccount {
                name: Some(text.clone()),
                plan: Some(Some(text.clone())),
                features: Some(Vec::new()),
                suspended: Some(true),
            }),
        ),
        ("Invite", body(&invitations::Invite { email: "", role })),
        ("AcceptLink", body(&invitations::AcceptLink { invitation: "" })),
        ("UpdateMember", body(&members::UpdateMember { role })),
        ("UpdateUser", body(&users::UpdateUser { name: "" })),
        ("ChangePassword", body(&users::ChangePassword { current: "", new: "" })),
        ("SignUp", body(&users::SignUp { email: "", name: "", password: "" })),
        ("Accept", body(&users::Accept { invitation: "", name: "", password: "" })),
        ("Forgot", body(&users::Forgot { email: "" })),
        ("Reset", body(&users::Reset { reset: "", password: "" })),
        (
            "UpdateSettings",
            body(&settings::UpdateSettings {
                name: Some(None),
                accent: Some(None),
                theme: Some(settings::Theme::Dark),
                logo: Some(None),
            }),
        ),
        ("SignIn", body(&tokens::SignIn { email: "", password: "" })),
        ("Refresh", body(&tokens::Refresh { refresh_token: "" })),
        ("SignOut", body(&tokens::SignOut { everywhere: true })),
        ("CreatePlan", body(&plans::CreatePlan { name: "", description: "", key_limit: None })),
        ("PutPlan", body(&plans::PutPlan { description: text, key_limit: None })),
    ];
    let mut described: BTreeSet<&str> = BTreeSet::new();
    for (_, _, operation) in operations(&whole) {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        described.extend(body.as_str().and_then(|name| name.rsplit('/').next()));
    }
    for (name, fields) in bodies {
        assert!(described.remove(name), "no request has a {name}");
        let names: Fields = properties(&whole, &whole["components"]["schemas"][name]).keys().cloned().collect();
        assert_eq!(fields, names, "{name}");
    }
    assert!(described.is_empty(), "requests that nobody sends: {described:?}");
}

/// An answer may have anything in its text: what is shown of a failure to read it has none of it.
#[test]
fn what_cannot_be_read_is_not_shown() {
    #[derive(Debug, Deserialize)]
    struct Odd {
        #[allow(dead_code, reason = "it is never read")]
        key: u8,
    }
    let shown = |value: &dyn fmt::Debug| format!("{value:?}");
    let error = crate::request::Answer::of(200, br#"{"key":"kw_live_canary"}"#).read::<Odd>().unwrap_err();
    assert!(!shown(&error).contains("canary") && !error.to_string().contains("canary"), "{error:?}");
}
