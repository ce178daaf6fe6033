#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::net::IpAddr;
use std::sync::Arc;

use ::headers::authorization::Basic;
use ::headers::{Authorization, ContentType, HeaderMapExt as _};
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use keyward_core::adapter::{Admission, Check, CredentialFault, RequestId, Target};
use keyward_core::render::Refusal;
use keyward_core::scope::Grant;
use keyward_core::{Authenticator, Identity, Requirement, Scope};
use mime::Mime;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::headers::kind_name;
use crate::verdict::{Refused, observed, verdict};
use crate::verify::{Confines, Question, VERIFY_SCOPE, VerifyReach, ask, refuse};

const PATH: &str = "/v1/introspect";
const MAX_BODY: usize = 8 * 1_024;
const MALFORMED_BASIC: &str =
    "The Basic credential is malformed. Send any client id as user name, and the API key of the caller as password.";

/// OAuth 2.0 token introspection (RFC 7662): `POST /v1/introspect`, for resource servers that know this standard.
///
/// - `keys` decides on the keys.
/// - `callers` authenticates the caller, who needs the scope [`VERIFY_SCOPE`]. The caller's key comes as `Authorization: Bearer`,
///   or as the client secret: with HTTP Basic, or as the parameter `client_secret`. Any client id will do.
/// - `reach` limits the keys that a caller may ask about.
///
/// | parameter of the form | meaning |
/// | --- | --- |
/// | `token` | the key |
/// | `method`, `path`, `client_ip` | of the request that presented the key. For keys that not every request may use |
///
/// Other parameters, such as `token_type_hint`, are ignored.
///
/// The answer is 200 with `{"active":true, …}` and `scope`, `client_id`, `sub`, `exp`, `token_type`, `iss`, `account`, `mode`,
/// `kind` and `plan`, or with `{"active":false}` and no reason. An outage is 503. `sub` is the account of the key, and `user`
/// its user, if any. `client_id` is the id of the key.
///
/// `active` means that *every* request may use the key, because an ordinary caller names none. So publishable keys are inactive
/// without a `method` that reads, keys confined to endpoints without `method` and `path`, and keys confined to networks
/// without `client_ip`. A key of the test mode is active only for a caller of the test mode, and a live key only for a live
/// caller. The question counts as a use of the key. The caller must check that the key came over HTTPS.
///
/// # Examples
/// ```
/// use axum::body::Body;
/// use http::Request;
/// use keyward::gateway::{Introspection, VerifyReach};
/// use keyward::{AccountRecord, Authenticator, Keys, MemoryStore, NewKey};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let keys = Keys::new(store.clone());
/// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
/// keys.put_account(&account).await?;
/// let caller = keys.issue(NewKey::restricted(account.id.clone(), "resource server", "keys:verify".parse()?)).await?;
/// let asked = keys.issue(NewKey::secret(account.id, "production")).await?;
///
/// let authenticator = Authenticator::new(store);
/// let router = Introspection::new(authenticator.clone(), authenticator, VerifyReach::Own)
///     .issuer("https://keys.example.com")
///     .scopes(["resources:read".parse()?, "resources:write".parse()?])
///     .router();
/// let question = Request::post("/v1/introspect")
///     .header("authorization", format!("Bearer {}", *caller.key.expose_once()))
///     .header("content-type", "application/x-www-form-urlencoded")
///     .body(Body::from(format!("token={}", *asked.key.expose_once())))?;
/// let answer = router.oneshot(question).await?;
/// let body: serde_json::Value = serde_json::from_slice(&axum::body::to_bytes(answer.into_body(), 1_000).await?)?;
/// assert_eq!((&body["active"], &body["scope"]), (&true.into(), &"* resources:read resources:write".into()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "call router() and merge the result"]
pub struct Introspection {
    keys: Authenticator,
    callers: Authenticator,
    reach: VerifyReach,
    issuer: Option<String>,
    scopes: Vec<Scope>,
}

impl Introspection {
    /// Creates the endpoint without an issuer.
    pub fn new(keys: Authenticator, callers: Authenticator, reach: VerifyReach) -> Self {
        Self { keys, callers, reach, issuer: None, scopes: Vec::new() }
    }

    /// Sets `iss`, the URL of this server. Defaults to no `iss`.
    pub fn issuer(mut self, url: impl Into<String>) -> Self {
        self.issuer = Some(url.into());
        self
    }

    /// Sets the scopes to name in `scope` if a wildcard grants them. Defaults to none.
    ///
    /// Callers compare scopes as text. They do not know that `*` or `resources:*` grants `resources:read`.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Returns a router with `POST /v1/introspect`.
    pub fn router(self) -> Router {
        Router::new().route(PATH, post(answer).layer(DefaultBodyLimit::max(MAX_BODY))).with_state(Arc::new(self))
    }

    /// A refusal is counted and reported, with the identity of a caller that lacks the scope.
    async fn caller(&self, request: &http::Request<()>, presented: &Presented) -> Result<Identity, Box<Response>> {
        let required = Requirement::all_of([VERIFY_SCOPE]);
        let Refused { rejection, identity } =
            match verdict(&self.callers, self.check(request, presented), &required).await {
                Ok(Admission::Identity(identity)) => return Ok(identity),
                // The callers' authenticator exempts the path, which still needs a caller.
                Ok(Admission::Anonymous) => Refused { rejection: CredentialFault::Missing.into(), identity: None },
                Err(refused) => *refused,
            };
        let has_field = request.headers().contains_key(AUTHORIZATION);
        let refusal = Refusal::new(rejection.clone(), &Method::POST, request.headers());
        let (head, _) = self.callers.refuse(&refusal.with_identity(identity.as_ref())).into_parts();
        let error = match head.status {
            StatusCode::UNAUTHORIZED if matches!(presented, Presented::Fields) && has_field => "invalid_token",
            StatusCode::UNAUTHORIZED => "invalid_client",
            StatusCode::BAD_REQUEST => "invalid_request",
            StatusCode::FORBIDDEN if identity.is_some() => "insufficient_scope",
            StatusCode::FORBIDDEN => "access_denied",
            status => outage(status),
        };
        let message = match presented {
            Presented::Basic(None) => MALFORMED_BASIC.to_owned(),
            _ => self.callers.explain(&rejection).message(),
        };
        let mut response = failed(head, error, &message, rejection.code());
        if matches!(presented, Presented::Basic(_)) && response.status() == StatusCode::UNAUTHORIZED {
            // RFC 6749 section 5.2: a challenge for the scheme that the client used.
            response
                .headers_mut()
                .append(WWW_AUTHENTICATE, const { HeaderValue::from_static("Basic realm=\"keyward\"") });
        }
        Err(Box::new(response))
    }

    fn check(&self, request: &http::Request<()>, presented: &Presented) -> Check {
        let target =
            Target { method: Method::POST.as_str(), path: request.uri().path(), preflight: false, connection: request };
        match presented {
            Presented::Fields | Presented::Basic(None) => {
                let fields = request.headers().get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
                self.callers.check(target, fields)
            }
            Presented::Basic(Some(key)) | Presented::Parameter(key) => {
                self.callers.check_bearer(target, [format!("Bearer {key}").as_bytes()])
            }
            Presented::Several => Check::Done(Err(CredentialFault::SeveralLocations.into())),
        }
    }

    fn active(&self, identity: &Identity) -> Value {
        let granted = identity.scopes();
        let mut scopes: Vec<&str> = granted.iter().map(Grant::as_str).collect();
        for scope in &self.scopes {
            if identity.allows(scope) && !scopes.contains(&scope.as_str()) {
                scopes.push(scope.as_str());
            }
        }
        let mut members = Map::from_iter([
            ("active".to_owned(), true.into()),
            ("scope".to_owned(), scopes.join(" ").into()),
            ("client_id".to_owned(), json!(identity.id())),
            ("sub".to_owned(), json!(identity.account())),
            ("token_type".to_owned(), "Bearer".into()),
            ("account".to_owned(), json!(identity.account())),
            ("mode".to_owned(), identity.mode().as_str().into()),
            ("kind".to_owned(), kind_name(identity.kind()).into()),
        ]);
        let optional = [
            ("exp", identity.expires_at().map(|at| at.as_millis().div_euclid(1_000).into())),
            ("iss", self.issuer.as_deref().map(Value::from)),
            ("plan", identity.plan().map(Value::from)),
            ("user", identity.user().map(|user| json!(user))),
        ];
        members.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Value::Object(members)
    }
}

/// How the caller presents its key (RFC 7662 section 2.1). Has no `Debug`, so that no log can show the key.
enum Presented {
    /// As every other request does.
    Fields,
    /// The client secret of HTTP Basic (RFC 6749 section 2.3.1), if it can be read.
    Basic(Option<String>),
    /// The client secret in the form.
    Parameter(String),
    /// RFC 6749 section 2.3 allows one way in each request.
    Several,
}

impl Presented {
    fn of(headers: &HeaderMap, callers: &Authenticator, form: Option<&Form>) -> Self {
        let secret = form.and_then(|form| form.client_secret.clone());
        let has_field =
            callers.credential_fields().iter().chain([&AUTHORIZATION]).any(|field| headers.contains_key(field));
        match (has_field, secret) {
            (true, Some(_)) => Self::Several,
            (false, Some(key)) => Self::Parameter(key),
            (_, None) if uses_basic(headers) => Self::Basic(basic_secret(headers)),
            (_, None) => Self::Fields,
        }
    }
}

/// Several fields are left to the authenticator, which refuses them.
fn uses_basic(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return false };
    let scheme = field.as_bytes().split(|byte| *byte == b' ').find(|part| !part.is_empty());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
}

/// RFC 6749 encodes the secret as in a form, but few clients do. No key contains a `%`, and a `+` in one is encoded as `%2B`.
fn basic_secret(headers: &HeaderMap) -> Option<String> {
    let Authorization(basic) = headers.typed_get::<Authorization<Basic>>()?;
    let secret = percent_decode_str(basic.password()).decode_utf8().ok()?;
    (!secret.is_empty()).then(|| secret.into_owned())
}

/// The parameters of a question. Has no `Debug`, so that no log can show the key.
#[derive(Default)]
struct Form {
    token: Option<String>,
    client_secret: Option<String>,
    method: Option<String>,
    path: Option<String>,
    client_ip: Option<String>,
    repeated: Option<&'static str>,
}

impl Form {
    /// RFC 6749 section 3.2: unknown parameters are ignored, an empty one is none, and none may be repeated.
    fn parse(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
            let (name, place) = match &*name {
                "token" => ("token", &mut form.token),
                "client_secret" => ("client_secret", &mut form.client_secret),
                "method" => ("method", &mut form.method),
                "path" => ("path", &mut form.path),
                "client_ip" => ("client_ip", &mut form.client_ip),
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                form.repeated = Some(name);
            }
        }
        form
    }

    fn question(self) -> Result<Question, String> {
        if let Some(name) = self.repeated {
            return Err(format!("Repeated parameter `{name}`: send it once."));
        }
        let Some(key) = self.token else {
            return Err("Missing parameter `token`: send the API key to ask about.".to_owned());
        };
        let client = self.client_ip.map(|client| client.parse::<IpAddr>()).transpose();
        let client = client.map_err(|_| {
            "Invalid parameter `client_ip`: expected an IP address without a port, such as 192.0.2.7.".to_owned()
        })?;
        // A caller that states no method may let the key do anything.
        let method = self.method.or_else(|| Some(Method::POST.as_str().to_owned()));
        Ok(Question {
            key,
            method,
            path: self.path,
            scopes: Vec::new(),
            client,
            cost: None,
            rate: None,
            browser: false,
        })
    }
}

async fn answer(
    State(introspection): State<Arc<Introspection>>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let form = read(&parts.headers, body);
    let request = http::Request::from_parts(parts, ());
    let Introspection { keys, callers, reach, .. } = &*introspection;
    let presented = Presented::of(request.headers(), callers, form.as_ref().ok());
    let caller = match introspection.caller(&request, &presented).await {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    let question = form.and_then(|form| form.question().map_err(|detail| (StatusCode::BAD_REQUEST, detail)));
    let question = match question {
        Ok(question) => question,
        Err((status, detail)) => return wrong(request.headers(), status, &detail),
    };
    // Clients of this standard do not know modes: a key is active only where the caller's mode is its own.
    let within = Confines { mode: Some(caller.mode()), ..reach.confines(&caller) };
    let answer = async {
        let verdict = match ask(keys, within, &question).await {
            Ok(identity) => introspection.active(&identity),
            Err(refused) => {
                // The authenticator writes the refusal, so that it is counted and reported.
                let (head, _) = refuse(keys, &refused, request.headers()).into_parts();
                let rejection = &refused.rejection;
                if rejection.is_fault_of_service() {
                    let error = outage(head.status);
                    return failed(head, error, &rejection.message(), rejection.code());
                }
                json!({ "active": false })
            }
        };
        ([(CACHE_CONTROL, "no-store")], Json(verdict)).into_response()
    };
    observed(None, None, answer).await
}

fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Form, (StatusCode, String)> {
    let kind = headers.typed_get::<ContentType>();
    if kind.is_none_or(|kind| Mime::from(kind).essence_str() != mime::APPLICATION_WWW_FORM_URLENCODED) {
        let detail = "Unsupported Content-Type: send a form with Content-Type: application/x-www-form-urlencoded.";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, detail.to_owned()));
    }
    let body =
        body.map_err(|error| (error.status(), "The body is too long or incomplete: send at most 8 KiB.".to_owned()))?;
    Ok(Form::parse(&body))
}

fn wrong(headers: &HeaderMap, status: StatusCode, detail: &str) -> Response {
    let (mut head, ()) = http::Response::new(()).into_parts();
    head.status = status;
    if let Ok(id) = HeaderValue::from_str(RequestId::of(headers).as_str()) {
        head.headers.insert("x-request-id", id);
    }
    head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    failed(head, "invalid_request", detail, "INVALID_BODY")
}

/// RFC 6749 section 5.2, and the code and request id that all errors have.
fn failed(mut head: http::response::Parts, error: &str, description: &str, code: &str) -> Response {
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let id = head.headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let body = json!({ "error": error, "error_description": description, "code": code, "request_id": id });
    Response::from_parts(head, body.to_string().into())
}

fn outage(status: StatusCode) -> &'static str {
    if status == StatusCode::SERVICE_UNAVAILABLE { "temporarily_unavailable" } else { "server_error" }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // An unwrap is an assertion here.
mod tests {
    use ::headers::Header as _;

    use super::*;

    #[test]
    fn a_form_is_read_as_oauth_requires() {
        for (body, token, fault) in [
            ("token=kw_1", Some("kw_1"), None),
            ("token=kw%5f1&token_type_hint=access_token&unknown=1&unknown=2", Some("kw_1"), None),
            ("token=&token=kw_1", Some("kw_1"), None),
            ("token=a&token=a", None, Some("Repeated parameter `token`")),
            ("token=a&client_secret=b&client_secret=c", None, Some("Repeated parameter `client_secret`")),
            ("token=a&client_ip=127.0.0.1:80", None, Some("Invalid parameter `client_ip`")),
            ("token=", None, Some("Missing parameter `token`")),
            ("", None, Some("Missing parameter `token`")),
            ("%ff=%ff&token", None, Some("Missing parameter `token`")),
        ] {
            let question = Form::parse(body.as_bytes()).question();
            match (question, token, fault) {
                (Ok(question), Some(token), None) => assert_eq!(question.key, token, "{body}"),
                (Err(detail), None, Some(fault)) => assert!(detail.starts_with(fault), "{body}: {detail}"),
                (Ok(_), ..) => panic!("{body} is accepted"),
                (Err(detail), ..) => panic!("{body}: {detail}"),
            }
        }
    }

    #[test]
    fn a_client_secret_is_read_with_and_without_encoding() {
        for (pair, secret) in [
            ("any:kw_1", Some("kw_1")),
            (":kw_1", Some("kw_1")),
            ("a%20client:kw%5F1", Some("kw_1")),
            ("any:a+b/c=", Some("a+b/c=")),
            ("any:a%2Bb", Some("a+b")),
            ("any:", None),
            ("any:%ff", None),
        ] {
            let mut headers = HeaderMap::new();
            let mut add = |value: String| headers.append(AUTHORIZATION, value.parse().unwrap());
            add(format!("basic {}", encode(pair)));
            assert!(uses_basic(&headers), "{pair}");
            assert_eq!(basic_secret(&headers).as_deref(), secret, "{pair}");
        }
    }

    fn encode(pair: &str) -> String {
        let (user, password) = pair.split_once(':').unwrap_or((pair, ""));
        let mut values = Vec::new();
        Authorization::basic(user, password).encode(&mut values);
        values[0].to_str().unwrap().trim_start_matches("Basic ").to_owned()
    }
}
