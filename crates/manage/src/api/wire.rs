//! What requests and responses have in common: who calls, bodies, versions, problems.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headers::{ContentType, HeaderMapExt as _, IfMatch};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, RETRY_AFTER, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use keyward_axum::Axum;
use keyward_core::Identity;
use keyward_core::adapter::{Connection as _, RequestConnection, RequestId, Transport};
use mime::Mime;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::origin::{host_of, is_loopback};
use crate::service::{Answer, IdempotentRequest, Management};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is wrong with a request, before the management service has seen it.
#[derive(Debug)]
pub(crate) enum Problem {
    Management(ManagementError),
    /// It cannot be read.
    Unreadable(String),
    /// Its body is no JSON.
    MediaType,
    TooLarge,
    /// A sender of alerts who cannot be believed, or whom we cannot check now.
    #[cfg(feature = "github")]
    Alert(crate::github::AlertFault),
    /// It lacks an `If-Match`.
    PreconditionRequired,
    NoSuchPath,
    Method,
    /// It came in plain text, and not from the machine itself.
    PlainText,
}

impl<E: Into<ManagementError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Management(error.into())
    }
}

/// A problem on its way out, until the request's id is known.
#[derive(Clone)]
struct Pending(Arc<Problem>);

impl Problem {
    fn parts(&self) -> (StatusCode, &'static str, String) {
        match self {
            Self::Management(error @ (ManagementError::Store(_) | ManagementError::Internal)) => {
                keyward_core::log_limited!(error, cause = ?std::error::Error::source(error), "a request could not be carried out: {error}");
                (error.status(), error.code(), "The request could not be carried out. Try again shortly.".to_owned())
            }
            Self::Management(error) => (error.status(), error.code(), sentence(&error.to_string())),
            Self::Unreadable(why) => (StatusCode::BAD_REQUEST, "INVALID_REQUEST", sentence(why)),
            #[cfg(feature = "github")]
            Self::Alert(fault) => (fault.status(), fault.code(), sentence(&fault.to_string())),
            Self::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                "The body has to be JSON: Content-Type: application/json.".to_owned(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                "The body is larger than what this path takes.".to_owned(),
            ),
            Self::PreconditionRequired => (
                StatusCode::PRECONDITION_REQUIRED,
                "PRECONDITION_REQUIRED",
                "Say which version this changes: If-Match with the ETag that you read.".to_owned(),
            ),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such path.".to_owned()),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "This path does not take this method.".to_owned(),
            ),
            // As the core's `HttpsOnly` refuses it.
            Self::PlainText => (
                StatusCode::FORBIDDEN,
                "HTTPS_REQUIRED",
                "The request came over plain HTTP, where others can read keys and passwords. Send it over https://. If a proxy ends \
                 HTTPS, name the proxy as a trusted one."
                    .to_owned(),
            ),
        }
    }

    fn write(&self, response: &mut Response, request_id: &str) {
        let (status, code, detail) = self.parts();
        let title = status.canonical_reason().map(str::to_owned);
        let body = keyward_api_types::Problem {
            title,
            ..keyward_api_types::Problem::new(status.as_u16(), code, detail, request_id)
        };
        *response.status_mut() = status;
        *response.body_mut() = Body::from(serde_json::to_vec(&body).unwrap_or_default());
        let headers = response.headers_mut();
        headers.remove(http::header::CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Management(error @ (ManagementError::Throttled { .. } | ManagementError::Busy { .. })) => {
                headers.insert(RETRY_AFTER, error.retry_after().unwrap_or(1).into());
            }
            Self::Management(ManagementError::InProgress | ManagementError::Store(_)) => {
                headers.insert(RETRY_AFTER, 1.into());
            }
            #[cfg(feature = "github")]
            Self::Alert(fault) if fault.status() == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, 60.into());
            }
            // RFC 9110 section 15.5.2: a 401 has a challenge.
            Self::Management(
                ManagementError::WrongCredentials | ManagementError::SignedOut | ManagementError::LinkEnded,
            ) => {
                headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"keyward\""));
            }
            _ => {}
        }
    }
}

/// `there is no such key` as a sentence.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let dot = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{dot}", characters.as_str())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.parts().0.into_response();
        response.extensions_mut().insert(Pending(Arc::new(self)));
        response
    }
}

/// The connection of a request, as axum's server or keyward's own states it.
pub(crate) fn connection(request: &Request) -> RequestConnection<'_, Axum, Body> {
    RequestConnection::new(request)
}

/// Around every request of the API: gives it its id and where it came from, refuses what came in plain text, and writes problems.
pub(crate) async fn request_context(
    State(management): State<Management>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(request.headers());
    let header = HeaderValue::try_from(id.as_str()).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
    let mut context = Context::new().request_id(id.as_str());
    if let Some(address) = management.trusted_proxies().client(&connection(&request)) {
        context = context.address(address);
    }
    if let Some(peer) = connection(&request).peer() {
        context = context.peer(peer);
    }
    if let Some(agent) = request.headers().get(USER_AGENT) {
        context = context.user_agent(&String::from_utf8_lossy(agent.as_bytes()));
    }
    request.extensions_mut().insert(context);
    // What refuses further in takes the same id.
    request.headers_mut().insert(X_REQUEST_ID, header.clone());
    let is_plain = management.trusted_proxies().transport(&connection(&request)) == Transport::Plain;
    let mut response = if is_plain && !is_loopback(host_of(&request)) {
        Problem::PlainText.into_response()
    } else {
        next.run(request).await
    };
    if let Some(Pending(problem)) = response.extensions_mut().remove() {
        problem.write(&mut response, id.as_str());
    }
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, header);
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub(crate) async fn no_such_path() -> Problem {
    Problem::NoSuchPath
}

pub(crate) async fn other_method() -> Problem {
    Problem::Method
}

fn context_of(parts: &Parts) -> Context {
    parts.extensions.get::<Context>().cloned().unwrap_or_default()
}

/// Where a request came from whose caller nobody knows.
pub(crate) struct Origin(pub(crate) Context);

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(context_of(parts)))
    }
}

/// Who calls.
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    headers: HeaderMap,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let identity = keyward_axum::Authenticated::from_request_parts(parts, state).await;
        let identity: Identity = identity.map_err(IntoResponse::into_response)?.into_inner();
        Ok(Self { actor: Actor::of_identity(&identity, context_of(parts)), headers: parts.headers.clone() })
    }
}

impl Caller {
    /// The version that the caller wants to change, as RFC 9110 section 13.1.1 says: `current` if `If-Match` is `*` or lists the tag
    /// of it. Otherwise a version that nothing has, so that the management service checks first whether the caller may know.
    pub(crate) async fn if_match(
        &self,
        current: impl Future<Output = Result<Option<u64>, ManagementError>>,
    ) -> Result<u64, Problem> {
        const NO_VERSION: u64 = u64::MAX;
        if !self.headers.contains_key(IF_MATCH) {
            return Err(Problem::PreconditionRequired);
        }
        let wrong =
            || Problem::Unreadable("the If-Match header is neither `*` nor a list of ETags in quotes".to_owned());
        // `headers` overlooks what it cannot read.
        if !is_any_or_tags(self.headers.get_all(IF_MATCH).iter().map(HeaderValue::as_bytes)) {
            return Err(wrong());
        }
        let wanted: IfMatch = self.headers.typed_get().ok_or_else(wrong)?;
        let Some(version) = current.await? else { return Ok(NO_VERSION) };
        let own: headers::ETag =
            format!("\"{version}\"").parse().map_err(|_| Problem::Management(ManagementError::Internal))?;
        // A weak tag matches nothing here: the comparison is the strong one.
        Ok(if wanted.precondition_passes(&own) { version } else { NO_VERSION })
    }

    /// Carries an operation out to its end, even if the caller does not wait for it; once, if there is an idempotency key.
    pub(crate) async fn once(
        self,
        management: &Management,
        request: Zeroizing<Vec<u8>>,
        operation: impl Future<Output = Result<Answer, ManagementError>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let management = management.clone();
        let carried_out = tokio::spawn(async move {
            let Some(key) = self.headers.get(IDEMPOTENCY_KEY) else { return operation.await };
            let secret = self.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
            let key = key.to_str().unwrap_or_default();
            management.once(IdempotentRequest { actor: &self.actor, key, request: &request, secret }, operation).await
        });
        let answer = carried_out.await.map_err(|_| Problem::Management(ManagementError::Internal))??;
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
        let mut response = (status, answer.body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(version) = answer.version {
            headers.insert(ETAG, tag(version));
        }
        if status == StatusCode::NO_CONTENT {
            headers.remove(CONTENT_TYPE);
        }
        Ok(response)
    }
}

/// Whether the lines of a field are `*`, or together a list of entity tags (RFC 9110 sections 5.6.1 and 8.8.3).
fn is_any_or_tags<'a>(lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut elements = Vec::new();
    for line in lines {
        let mut is_quoted = false;
        let split = line.split(|&byte| {
            is_quoted ^= byte == b'"';
            byte == b',' && !is_quoted
        });
        elements.extend(split.map(|element| element.trim_ascii()).filter(|element| !element.is_empty()));
    }
    let is_tag = |element: &[u8]| {
        let opaque = element.strip_prefix(b"W/").unwrap_or(element);
        let inner = opaque.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        inner.is_some_and(|inner| inner.iter().all(|&byte| byte == 0x21 || (byte >= 0x23 && byte != 0x7f)))
    };
    elements == [b"*"] || (!elements.is_empty() && elements.into_iter().all(is_tag))
}

/// An answer that can be given again.
pub(crate) fn answer(status: u16, version: Option<u64>, body: &impl Serialize) -> Result<Answer, ManagementError> {
    let body = serde_json::to_string(body).map_err(|_| ManagementError::Internal)?;
    Ok(Answer { status, version, body: Zeroizing::new(body) })
}

/// An answer without content, which can be given again.
pub(super) fn no_content() -> Answer {
    Answer { status: StatusCode::NO_CONTENT.as_u16(), version: None, body: Zeroizing::default() }
}

fn tag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// A body with its version.
pub(crate) struct Tagged<T>(pub(crate) u64, pub(crate) T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        ([(ETAG, tag(self.0))], Json(self.1)).into_response()
    }
}

/// A JSON body, and the whole request as bytes.
pub(crate) struct Input<T> {
    pub(crate) value: T,
    pub(crate) request: Zeroizing<Vec<u8>>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().typed_get::<ContentType>().map(Mime::from);
        let is_json = kind.is_some_and(|kind| kind.essence_str() == mime::APPLICATION_JSON);
        if !is_json {
            return Err(Problem::MediaType);
        }
        let (bytes, request) = whole(request, state).await?;
        let Object(value) = serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Problem::Management(ManagementError::invalid("body", error.to_string()))
            }
            _ => Problem::Unreadable(format!("the body is not JSON: {error}")),
        })?;
        Ok(Self { value, request })
    }
}

/// A JSON object as a struct. By itself serde reads a struct from an array as well, by the place of each field: nobody means that, and a
/// field that is added in between would change what every such body says.
///
/// A struct within a struct, or within a list, has to be read as one of these too.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }

        from.deserialize_map(Members(PhantomData))
    }
}

/// A request without a body, as bytes.
pub(crate) struct NoInput(pub(crate) Zeroizing<Vec<u8>>);

impl<S: Send + Sync> FromRequest<S> for NoInput {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(whole(request, state).await?.1))
    }
}

async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<(Bytes, Zeroizing<Vec<u8>>), Problem> {
    let mut all = Zeroizing::new(format!("{} {}\n", request.method(), request.uri()).into_bytes());
    let bytes = Bytes::from_request(request, state).await.map_err(unreadable_body)?;
    all.extend_from_slice(&bytes);
    Ok((bytes, all))
}

pub(crate) fn unreadable_body(rejection: BytesRejection) -> Problem {
    match rejection {
        BytesRejection::FailedToBufferBody(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::TooLarge
        }
        _ => Problem::Unreadable("the body cannot be read".to_owned()),
    }
}

/// What stands in the path.
pub(crate) struct PathParam<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathParam<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What is no id is the id of nothing.
        let found: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        found
            .map(|Path(value)| Self(value))
            .map_err(|_| Problem::Management(ManagementError::NotFound("thing with this id")))
    }
}

/// What stands behind the question mark.
pub(crate) struct QueryParams<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        found.map(|Query(value)| Self(value)).map_err(|error| Problem::Unreadable(error.body_text()))
    }
}

/// Problems for the documentation.
pub(crate) fn example() -> serde_json::Value {
    json!({"type": "about:blank", "title": "Not Found", "status": 404, "detail": "There is no such key.", "code": "NOT_FOUND", "request_id": "req_1"})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_a_star_or_tags_and_nothing_else() {
        for (lines, expected) in [
            (&["*"][..], true),
            (&[" * "], true),
            (&["\"1\""], true),
            (&["\"1\", \"99\""], true),
            (&["\"1\",,\"99\" ,"], true),
            (&["\"1\"", "\"99\""], true),
            (&["W/\"1\""], true),
            (&["\"a,b\""], true),
            (&["\"\""], true),
            (&[""], false),
            (&[","], false),
            (&["1"], false),
            (&["\"1"], false),
            (&["\""], false),
            (&["\"a b\""], false),
            (&["w/\"1\""], false),
            (&["*, \"1\""], false),
            (&["*", "\"1\""], false),
            (&["*", "*"], false),
            (&["\"1\" \"2\""], false),
        ] {
            assert_eq!(is_any_or_tags(lines.iter().map(|line| line.as_bytes())), expected, "{lines:?}");
        }
    }
}
