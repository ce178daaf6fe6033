//! Compares `docs/http.md` with the code. `UPDATE_DOCS=1` writes the file.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::fmt::Write;

use keyward::Rejection;
use keyward::render::Refusal;
use keyward::testing::hostile::{Case, Expected, Wire, cases};
use keyward_tests::rejections;
use keyward_tests::service::Demo;

/// The standard, or the guarantee beyond it, that a refusal is based on.
fn source(reason: &str) -> &'static str {
    match reason {
        "missing_credential" | "other_scheme" | "empty_credential" => {
            "RFC 9110 §11.6.1, RFC 6750 §3: a challenge without `error`"
        }
        "several_credentials" => "RFC 9110 §5.3, RFC 6750 §3.1: a field that may occur once, repeated",
        "several_locations" => "RFC 6750 §3.1: more than one method for including a token",
        "basic_credential" => "RFC 7617 §2: user name and password",
        "credential_list" | "quoted_credential" | "white_space_in_credential" => {
            "RFC 9110 §11.4, RFC 6750 §2.1: no `b64token`"
        }
        "control_character" | "non_ascii" | "too_long" | "bad_character" | "malformed_key" | "checksum_mismatch"
        | "unknown_key" => "RFC 6750 §3.1: a token that is malformed or invalid, whichever",
        "key_revoked" | "key_compromised" | "key_expired" | "key_disabled" | "key_not_yet_valid" => {
            "RFC 6750 §3.1: expired, revoked, or invalid for other reasons"
        }
        "ambiguous_target" => "RFC 3986 §6.2.2, RFC 9110 §15.5.1: a path that can be read in several ways",
        "insufficient_scope" => "RFC 6750 §3.1, §3: 403, and `scope` names what is needed",
        "account_suspended"
        | "kind_not_allowed"
        | "secret_key_in_browser"
        | "endpoint_not_allowed"
        | "network_not_allowed"
        | "account_not_allowed"
        | "plan_required"
        | "feature_required"
        | "mode_not_allowed"
        | "https_required" => "RFC 9110 §15.5.4: understood, and refused",
        "concurrency_limit_exceeded" => "RFC 6585 §4",
        "budget_exhausted" => {
            "RFC 6585 §4; draft-ietf-httpapi-ratelimit-headers: `RateLimit`, `RateLimit-Policy`, with the budget's period"
        }
        "rate_limit_exceeded" => "RFC 6585 §4; draft-ietf-httpapi-ratelimit-headers: `RateLimit`, `RateLimit-Policy`",
        "store_unavailable" => "RFC 9110 §15.6.4, §10.2.3: an outage is no refusal",
        "store_corrupt" | "not_configured" => "RFC 9110 §15.6.1",
        other => panic!("no source is known for the reason {other}"),
    }
}

/// Without the key and the values derived from it, which differ from run to run.
fn example(case: &Case) -> String {
    let fields: Vec<String> = case
        .fields
        .iter()
        .map(|field| without_keys(&String::from_utf8_lossy(field).escape_debug().to_string()))
        .collect();
    match fields.as_slice() {
        [] => "no `Authorization`".to_owned(),
        fields => fields.iter().map(|field| format!("`` {field} ``")).collect::<Vec<_>>().join(" and "),
    }
}

fn without_keys(text: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split_inclusive(|character: char| !character.is_ascii_alphanumeric()) {
        let run = part.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        parts.push(if run.len() < 10 { part.to_owned() } else { part.replace(run, "…") });
    }
    parts.concat().replace('|', "\\|")
}

fn examples<'c>(cases: impl Iterator<Item = &'c Case>, most: usize) -> String {
    let mut shown: Vec<String> = Vec::new();
    let short = |case: &&Case| case.on_the_wire == Wire::Passes && case.fields.iter().all(|field| field.len() < 90);
    for example in cases.filter(short).map(example) {
        if shown.len() < most && !shown.contains(&example) {
            shown.push(example);
        }
    }
    shown.join("<br>")
}

fn headers(rejection: &Rejection) -> String {
    let refusal = Refusal::new(rejection.clone(), &http::Method::GET, &http::HeaderMap::new());
    let layer = keyward::AuthLayer::new(keyward::MemoryStore::new());
    let answer: http::Response<bytes::Bytes> = layer.authenticator().refuse(&refusal);
    assert_eq!(answer.status(), rejection.status());
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let interesting = ["www-authenticate", "retry-after", "ratelimit", "ratelimit-policy"];
    let shown: Vec<String> = interesting
        .into_iter()
        .filter_map(|name| Some((name, answer.headers().get(name)?.to_str().unwrap())))
        .map(|(name, value)| match name {
            // The value varies.
            "retry-after" => "`retry-after: N`".to_owned(),
            _ => format!("`{name}: {value}`"),
        })
        .collect();
    if shown.is_empty() { "–".to_owned() } else { shown.join("<br>") }
}

async fn document() -> String {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let cases = cases(&key);
    let mut text = String::from(
        "# HTTP: which request gets which answer\n\n\
         A test writes this table from the answers of the layer with its default settings, and compares it with them in every run:\n\n    \
         cargo test --package keyward-tests --test standards\n\n\
         Every refusal also has `cache-control: no-store` and `x-request-id`, and an \
         `application/problem+json` body (RFC 9457) with `title`, `status`, `detail`, `code` and `request_id`.\n\n\
         keyward ignores keys in URLs, cookies and bodies, and does not support signed requests (RFC 9421). By default it takes no scheme but Bearer: [Where the key is sent](../guide/src/key-locations.md). If you need these, read \
         [when keyward is not the best choice](../guide/src/not-the-best-choice.md). [Errors](../guide/src/errors.md) has what to do about each code.\n\n\
         | input | tested inputs | status | code | headers | standard |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let accepted: Vec<&Case> = cases.iter().filter(|case| case.expected == Expected::Accepted).collect();
    writeln!(
        text,
        "| {} | {} | the handler's | | `cache-control: private, no-store` | RFC 9110 §11.1, §11.4: the scheme in any case, white space after it |",
        examples(accepted.iter().copied(), 4),
        accepted.len()
    )
    .unwrap();
    for rejection in rejections::all() {
        let inputs: Vec<&Case> = cases
            .iter()
            .filter(|case| matches!(case.expected, Expected::Refused(refused) if refused.reason == rejection.reason()))
            .collect();
        let shown = examples(inputs.iter().copied(), 3);
        let input = if shown.is_empty() { sentence(&rejection.message()) } else { shown };
        let count = if inputs.is_empty() { "–".to_owned() } else { inputs.len().to_string() };
        writeln!(
            text,
            "| {input} | {count} | {} | `{}` | {} | {} |",
            rejection.status().as_u16(),
            rejection.code(),
            headers(&rejection).replace('|', "\\|"),
            source(rejection.reason())
        )
        .unwrap();
    }
    text
}

fn sentence(message: &str) -> String {
    message.split_inclusive(['.', ';', ':']).next().unwrap_or(message).trim_end_matches([';', ':']).to_owned()
}

#[tokio::test]
async fn http_docs_match_the_answers_of_the_layer() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/http.md");
    let expected = document().await;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, &expected).unwrap();
    }
    let found = std::fs::read_to_string(file).unwrap_or_default();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "docs/http.md is out of date, run UPDATE_DOCS=1 cargo test --test standards");
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}
