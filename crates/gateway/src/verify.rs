#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::net::IpAddr;
use std::num::NonZeroU32;

use ::headers::{ContentType, HeaderMapExt as _};
use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::future::join_all;
use http::header::CONTENT_TYPE;
use keyward_core::adapter::{Admission, CredentialFault, RequestId, Target, TlsTransport};
use keyward_core::rejection::RateLimit;
use keyward_core::render::Refusal;
use keyward_core::scope::Grant;
use keyward_core::{
    AccountId, AuthLayer, Authenticator, Identity, Mode, PeerAddress, Rejection, RequireLayer, Requirement, Scope,
};
use keyward_limits::{Limits, RateRule, Spent};
use mime::Mime;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value, json};
use smol_str::SmolStr;

use crate::headers::kind_name;
use crate::object::Object;
use crate::original::Original;
use crate::verdict::{Refused, observed, verdict};

/// The scope that a caller of [`verify`] needs.
///
/// # Examples
/// ```
/// assert_eq!(keyward::gateway::VERIFY_SCOPE.as_str(), "keys:verify");
/// ```
pub const VERIFY_SCOPE: Scope = Scope::from_static("keys:verify");

/// The largest number of questions in a batch.
///
/// # Examples
/// ```
/// assert_eq!(keyward::gateway::MAX_BATCH, 100);
/// ```
pub const MAX_BATCH: usize = 100;

const MAX_COST: u32 = 1_000_000;
const MAX_BODY: usize = 8 * 1_024;

/// The keys that a caller of [`verify`] may ask about.
///
/// A key outside the reach gets exactly the answer of an unknown key, and the question is no use of the key.
///
/// # Examples
/// ```
/// use keyward::gateway::VerifyReach;
///
/// let strict = VerifyReach::default();
/// assert_eq!(strict, VerifyReach::Own);
/// let for_a_gateway = VerifyReach::Operator("acct_gateway".parse()?);
/// # let _ = for_a_gateway;
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyReach {
    /// Only keys of the caller's account.
    #[default]
    Own,
    /// Callers of this account may ask about every key, others as with [`VerifyReach::Own`].
    Operator(AccountId),
}

impl VerifyReach {
    /// A key of the test mode asks about test keys only.
    pub(crate) fn confines<'a>(&self, caller: &'a Identity) -> Confines<'a> {
        let account = match self {
            Self::Operator(operator) if operator == caller.account() => None,
            Self::Own | Self::Operator(_) => Some(caller.account()),
        };
        Confines { account, mode: (!caller.mode().is_live()).then_some(caller.mode()) }
    }
}

/// The keys about which a caller may ask. Others are unknown to it.
#[derive(Clone, Copy)]
pub(crate) struct Confines<'a> {
    pub(crate) account: Option<&'a AccountId>,
    pub(crate) mode: Option<Mode>,
}

impl Confines<'_> {
    /// The method and the client that recent requests show. A customer could state any.
    fn recorded(self, question: &Question) -> (Option<&str>, Option<IpAddr>) {
        match self.account {
            None => (question.method.as_deref(), question.client),
            Some(_) => (None, None),
        }
    }
}

#[derive(Clone)]
struct Verifier {
    keys: Authenticator,
    reach: VerifyReach,
    limits: Option<Limits>,
}

/// Creates a router with `POST /v1/verify` and `POST /v1/verify/batch`, which decide on keys that another service received.
///
/// - `keys` decides on the keys.
/// - `callers` authenticates the caller, who needs the scope [`VERIFY_SCOPE`]. A caller may try any number of keys.
/// - `reach` limits the keys that a caller may ask about.
///
/// | member of the question | meaning |
/// | --- | --- |
/// | `key` | the key, as it came after `Bearer` |
/// | `method`, `path` | of the request. `method` defaults to `GET`. Without `path`, keys confined to endpoints are refused |
/// | `scopes` | the key needs all of them |
/// | `client` | the client's address. Without it, keys confined to networks are refused |
/// | `cost` | what the request spends from limits, 0 to 1,000,000. Defaults to 1. Only with [`verify_with_limits`] |
/// | `rate` | the rate limit from which it spends. Defaults to `default`. A name that no rule of the key, its account or its plan has limits nothing |
/// | `browser` | `true` if the request came from a browser, for `refuse_secret_keys_in_browsers`. Defaults to `false` |
///
/// `client` is recorded as the last use only for callers of the operator's account ([`VerifyReach::Operator`]).
///
/// For a record of recent requests, put an [`ObserveLayer`](keyward_core::adapter::ObserveLayer) around the router. It records `method`
/// and `client`, and no path, because a path may hold personal data.
///
/// The answer is 200 with `{"valid":true, …}` and the identity, or with `{"valid":false, …}`, `code`, `reason`, `message` and the
/// `status` that a service would answer. A batch is an array of at most [`MAX_BATCH`] questions, answered in order. An outage gives
/// no verdict: 503, or `status` 503 in a batch. The caller must check that the key came over HTTPS.
///
/// # Examples
/// ```
/// use axum::body::Body;
/// use http::Request;
/// use keyward::{AccountRecord, AuthLayer, Authenticator, Keys, MemoryStore, NewKey};
/// use keyward::gateway::VerifyReach;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let keys = Keys::new(store.clone());
/// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
/// keys.put_account(&account).await?;
/// let caller = keys.issue(NewKey::restricted(account.id.clone(), "gateway", "keys:verify".parse()?)).await?;
///
/// let authenticator = Authenticator::new(store);
/// let reach = VerifyReach::Operator(account.id);
/// let router = keyward::gateway::verify(authenticator.clone(), AuthLayer::from(authenticator), reach);
/// let question = Request::post("/v1/verify")
///     .header("authorization", format!("Bearer {}", *caller.key.expose_once()))
///     .header("content-type", "application/json")
///     .body(Body::from(r#"{"key":"kw_live_mistyped","scopes":["resources:read"]}"#))?;
/// let answer = router.oneshot(question).await?;
/// assert_eq!(answer.status(), 200);
/// let body = axum::body::to_bytes(answer.into_body(), 1_000).await?;
/// assert!(body.starts_with(br#"{"code":"INVALID_API_KEY""#));
/// # Ok(()) }
/// ```
pub fn verify(keys: Authenticator, callers: AuthLayer, reach: VerifyReach) -> Router {
    router(Verifier { keys, reach, limits: None }, callers)
}

/// Creates the router of [`verify`], which also spends from [`Limits`] of the verified key.
///
/// A valid answer has `limits`, an object with `rates`, each with its `name`, `quota`, `window_seconds`, `remaining` and `reset_seconds`, and `budget` with
/// `credits`, `remaining` and `reset_seconds`, or null. A refusal spends nothing.
///
/// # Examples
/// ```
/// use keyward::{AuthLayer, Authenticator, MemoryStore};
/// use keyward::gateway::VerifyReach;
/// use keyward::limits::{Limits, MemoryLimits};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = Authenticator::new(MemoryStore::new());
/// let limits = Limits::start(MemoryLimits::new()).await?;
/// let reach = VerifyReach::Operator("acct_gateway".parse()?);
/// let router = keyward::gateway::verify_with_limits(keys.clone(), AuthLayer::from(keys), reach, limits);
/// # let _: axum::Router = router;
/// # Ok(()) }
/// ```
pub fn verify_with_limits(keys: Authenticator, callers: AuthLayer, reach: VerifyReach, limits: Limits) -> Router {
    router(Verifier { keys, reach, limits: Some(limits) }, callers)
}

fn router(verifier: Verifier, callers: AuthLayer) -> Router {
    Router::new()
        .route("/v1/verify", post(one).layer(DefaultBodyLimit::max(MAX_BODY)))
        .route("/v1/verify/batch", post(batch).layer(DefaultBodyLimit::max(MAX_BODY * MAX_BATCH)))
        .with_state(verifier)
        .layer(RequireLayer::new(Requirement::all_of([VERIFY_SCOPE])))
        .layer(callers)
}

/// Has no `Debug`, so that no log can show the key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    pub(crate) key: String,
    pub(crate) method: Option<String>,
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) scopes: Vec<Scope>,
    pub(crate) client: Option<IpAddr>,
    #[serde(default, deserialize_with = "whole")]
    pub(crate) cost: Option<u32>,
    pub(crate) rate: Option<SmolStr>,
    #[serde(default)]
    pub(crate) browser: bool,
}

/// For JSON Schema, `5.0` is an integer, and some clients write it.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let whole = number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(float));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and within the range")]
    whole.map(|float| Some(float as u32)).ok_or_else(|| D::Error::custom("expected a whole number"))
}

impl Question {
    fn check(&self) -> Result<(), String> {
        match self.cost {
            Some(cost) if cost > MAX_COST => {
                Err(format!("Invalid `cost`: {cost} is out of range: expected 0 to {MAX_COST}."))
            }
            // The text does not quote the name, which may be the key.
            _ if self.rate.as_deref().is_some_and(|name| !RateRule::is_name(name)) => {
                Err("Invalid `rate`: expected a name with 1 to 32 of `a-z A-Z 0-9 _ -`.".to_owned())
            }
            _ => Ok(()),
        }
    }
}

async fn one(
    State(verifier): State<Verifier>,
    Extension(caller): Extension<Identity>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let question: Question = match parse(&headers, body) {
        Ok(Object(question)) => question,
        Err(response) => return *response,
    };
    if let Err(detail) = question.check() {
        return wrong(&headers, StatusCode::BAD_REQUEST, &detail);
    }
    let Verifier { keys, reach, .. } = &verifier;
    let within = reach.confines(&caller);
    let answer = async {
        match verifier.decide(within, &question).await {
            Ok((identity, spent)) => Json(valid(&identity, spent.as_ref())).into_response(),
            // An outage gives no verdict. A caller that reads only the status must see that.
            Err(refused) if refused.rejection.is_fault_of_service() => refuse(keys, &refused, &headers).map(Body::from),
            Err(refused) => Json(invalid(keys, *refused, &headers)).into_response(),
        }
    };
    let (method, client) = within.recorded(&question);
    observed(method, client, answer).await
}

async fn batch(
    State(verifier): State<Verifier>,
    Extension(caller): Extension<Identity>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let questions: Vec<Object<Question>> = match parse(&headers, body) {
        Ok(questions) => questions,
        Err(response) => return *response,
    };
    if questions.len() > MAX_BATCH {
        return wrong(&headers, StatusCode::PAYLOAD_TOO_LARGE, "The batch has too many questions: send at most 100.");
    }
    if let Some(Err(detail)) = questions.iter().map(|Object(question)| question.check()).find(Result::is_err) {
        return wrong(&headers, StatusCode::BAD_REQUEST, &detail);
    }
    let Verifier { keys, reach, .. } = &verifier;
    let within = reach.confines(&caller);
    let answers = questions.iter().map(|Object(question)| {
        let answer = async {
            match verifier.decide(within, question).await {
                Ok((identity, spent)) => valid(&identity, spent.as_ref()),
                Err(refused) => invalid(keys, *refused, &headers),
            }
        };
        let (method, client) = within.recorded(question);
        observed(method, client, answer)
    });
    Json(Value::Array(join_all(answers).await)).into_response()
}

/// The error texts are fixed, because serde's quote the input, which may be the key.
fn parse<T: DeserializeOwned>(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<T, Box<Response>> {
    if !is_json(headers) {
        let detail = "Unsupported Content-Type: send JSON with Content-Type: application/json.";
        return Err(Box::new(wrong(headers, StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)));
    }
    let body = body.map_err(|error| {
        Box::new(wrong(headers, error.status(), "The body is too long or incomplete: send at most 8 KiB per question."))
    })?;
    serde_json::from_slice(&body).map_err(|_| {
        let detail = "Invalid body: expected an object with `key` and, optionally, `method`, `path`, `scopes`, \
                      `client`, `cost`, `rate` and `browser`; for a batch, an array of such objects.";
        Box::new(wrong(headers, StatusCode::BAD_REQUEST, detail))
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.typed_get::<ContentType>().is_some_and(|kind| Mime::from(kind).essence_str() == mime::APPLICATION_JSON)
}

fn wrong(headers: &HeaderMap, status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "code": "INVALID_BODY",
        "request_id": RequestId::of(headers).as_str(),
    });
    (status, [(CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

impl Verifier {
    async fn decide(
        &self,
        within: Confines<'_>,
        question: &Question,
    ) -> Result<(Identity, Option<Spent>), Box<Refused>> {
        let identity = ask(&self.keys, within, question).await?;
        let Some(limits) = &self.limits else { return Ok((identity, None)) };
        let rates = [question.rate.clone().unwrap_or_else(|| SmolStr::new_static("default"))];
        let Some(cost) = NonZeroU32::new(question.cost.unwrap_or(1)) else {
            // It spends nothing, so it also passes while the store does not answer.
            let rest = limits.remaining(&identity, &rates).await.ok();
            return Ok((identity, rest));
        };
        match limits.spend(&identity, &rates, cost).await {
            Ok(spent) => Ok((identity, Some(spent))),
            Err(rejection) => Err(Refused::boxed(rejection, Some(identity))),
        }
    }
}

pub(crate) async fn ask(
    keys: &Authenticator,
    within: Confines<'_>,
    question: &Question,
) -> Result<Identity, Box<Refused>> {
    let check = {
        let method = question.method.as_deref().unwrap_or("GET");
        // An empty path fits no endpoint, so a key that is confined to endpoints is refused.
        let path = match &question.path {
            Some(path) => Original::new(method, path)?.path,
            None => "",
        };
        // The caller received the key, so it checks the transport and states the client's address.
        let mut connection = http::Request::new(());
        connection.extensions_mut().insert(TlsTransport);
        if let Some(client) = question.client {
            connection.extensions_mut().insert(PeerAddress((client, 0).into()));
        }
        if question.browser {
            connection.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        }
        let target = Target { method, path, preflight: false, connection: &connection };
        let field = format!("Bearer {}", question.key);
        // Before the lookup, so that the key's state, uses and counts are not touched.
        if let (Some(wanted), Some(stated)) = (within.mode, keys.stated_mode([field.as_bytes()]))
            && wanted != stated
        {
            return Err(Refused::boxed(Rejection::UnknownKey, None));
        }
        match within.account {
            None => keys.check_bearer(target, [field.as_bytes()]),
            Some(account) => keys.check_within(account, target, [field.as_bytes()]),
        }
    };
    match verdict(keys, check, &Requirement::all_of(question.scopes.iter().cloned())).await? {
        Admission::Identity(identity) if within.mode.is_none_or(|mode| mode == identity.mode()) => Ok(identity),
        Admission::Identity(identity) => Err(Refused::boxed(Rejection::UnknownKey, Some(identity))),
        // The path is exempt, so no key was checked.
        Admission::Anonymous => Err(Rejection::from(CredentialFault::Missing).into()),
    }
}

fn valid(identity: &Identity, spent: Option<&Spent>) -> Value {
    let scopes: Vec<&str> = identity.scopes().iter().map(Grant::as_str).collect();
    let mut answer = json!({
        "valid": true,
        "key_id": identity.id(),
        "account": identity.account(),
        "user": identity.user(),
        "kind": kind_name(identity.kind()),
        "mode": identity.mode().as_str(),
        "scopes": scopes,
        "plan": identity.plan(),
        "expires_at": identity.expires_at().map(|at| at.to_string()),
        "metadata": identity.metadata(),
        "tags": identity.tags(),
    });
    if let (Some(spent), Some(answer)) = (spent, answer.as_object_mut()) {
        answer.insert("limits".to_owned(), limits_of(spent));
    }
    answer
}

fn limits_of(spent: &Spent) -> Value {
    let rate = |rate: &RateLimit| {
        json!({
            "name": rate.name,
            "quota": rate.quota,
            "window_seconds": rate.window.as_secs(),
            "remaining": rate.remaining,
            "reset_seconds": rate.retry_after_seconds(),
        })
    };
    let budget = spent.budget.as_ref().map(|budget| {
        json!({
            "credits": budget.credits,
            "remaining": budget.remaining,
            "reset_seconds": budget.resets_in_seconds(),
        })
    });
    json!({ "rates": spent.rates.iter().map(rate).collect::<Vec<_>>(), "budget": budget })
}

fn invalid(keys: &Authenticator, Refused { rejection, identity }: Refused, headers: &HeaderMap) -> Value {
    let mut answer = serde_json::Map::from_iter([
        ("valid".to_owned(), false.into()),
        ("code".to_owned(), rejection.code().into()),
        ("reason".to_owned(), rejection.reason().into()),
        ("message".to_owned(), json!(rejection.message())),
    ]);
    if let Some(details) = rejection.details() {
        answer.insert("details".to_owned(), details);
    }
    // The authenticator writes the refusal, so that it is counted and reported. Its format may also change the status.
    let refusal = Refusal::new(rejection, &Method::POST, headers).with_identity(identity.as_ref());
    answer.insert("status".to_owned(), keys.refuse(&refusal).status().as_u16().into());
    Value::Object(answer)
}

pub(crate) fn refuse(keys: &Authenticator, refused: &Refused, headers: &HeaderMap) -> http::Response<Bytes> {
    let refusal = Refusal::new(refused.rejection.clone(), &Method::POST, headers);
    keys.refuse(&refusal.with_identity(refused.identity.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_a_whole_number_however_it_is_written() {
        for (cost, read) in [
            ("3", Some(Some(3))),
            ("3.0", Some(Some(3))),
            ("1e3", Some(Some(1_000))),
            ("0", Some(Some(0))),
            ("null", Some(None)),
            ("4294967295", Some(Some(u32::MAX))),
            ("4294967296", None),
            ("-1", None),
            ("1.5", None),
            ("\"3\"", None),
        ] {
            let question = serde_json::from_str::<Question>(&format!("{{\"key\":\"k\",\"cost\":{cost}}}"));
            assert_eq!(question.ok().map(|question| question.cost), read, "{cost}");
        }
    }
}
