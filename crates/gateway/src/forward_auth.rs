//! The endpoint that gateways ask before they forward a request.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, Method, Uri};
use keyward_core::adapter::{Admission, Target};
use keyward_core::render::Refusal;
use keyward_core::{Authenticator, Rejection};

use crate::headers::identity_headers;
use crate::original::Original;
use crate::verdict::{identity_of, required, verdict};

/// Returns a router with `/forward-auth`, which decides on the request that a gateway asks about.
///
/// The gateway passes on the client's header fields. It sends the method in `X-Forwarded-Method` (or
/// `X-Original-Method`), and the target, with or without its query, in `X-Forwarded-Uri` (or `X-Original-URI`). keyward
/// trusts these fields only here, so only gateways may reach this endpoint. If they contradict each other, the request
/// is refused. The gateway's configuration states the required scopes: `/forward-auth?scope=resources:read` requires
/// all that it lists.
///
/// | answer | when | with |
/// | --- | --- | --- |
/// | 200 | the request is admitted | the [identity headers](crate::IDENTITY_HEADERS), all empty if it was admitted without a credential |
/// | 400, 401, 403, 429, 503 | the request is refused | the challenge, the headers and the body for the client |
/// | 500 | the configuration is wrong: no method or target, a malformed or empty `scope=`, another parameter | an error in the log |
///
/// `/forward-auth/refusal` decides again and always refuses. It is for gateways like nginx, which use only the status
/// of the first answer and must ask again for the rest. If the key has become valid in between, the answer is 503.
///
/// Keys confined to networks, and HTTPS, depend on the authenticator's trusted proxies, which must include the gateway:
/// see [`AuthenticatorBuilder::trusted_proxies`](keyward_core::adapter::AuthenticatorBuilder::trusted_proxies).
///
/// # Examples
/// ```
/// use axum::body::Body;
/// use http::Request;
/// use keyward::{Authenticator, MemoryStore};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let router = keyward::gateway::forward_auth(Authenticator::new(MemoryStore::new()));
/// let asked = Request::get("/forward-auth?scope=resources:read")
///     .header("x-forwarded-method", "GET")
///     .header("x-forwarded-uri", "/v1/resources")
///     .body(Body::empty())?;
/// let answer = router.oneshot(asked).await?;
/// assert_eq!(answer.status(), 401);
/// assert!(answer.headers().contains_key("www-authenticate"));
/// # Ok(()) }
/// ```
pub fn forward_auth(authenticator: Authenticator) -> Router {
    Router::new()
        .route("/forward-auth", any(answer))
        .route("/forward-auth/refusal", any(refusal))
        .with_state(authenticator)
}

async fn answer(State(authenticator): State<Authenticator>, request: Request) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    match ask(&authenticator, request).await {
        Ok(admission) => admitted(&admission),
        Err(rejection) => refuse(&authenticator, rejection, &method, &headers),
    }
}

async fn refusal(State(authenticator): State<Authenticator>, request: Request) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    // The first answer refused the request, so the client must retry: the backend was not asked.
    let rejection = ask(&authenticator, request).await.err().unwrap_or(Rejection::StoreUnavailable);
    refuse(&authenticator, rejection, &method, &headers)
}

async fn ask(authenticator: &Authenticator, request: Request) -> Result<Admission, Rejection> {
    let required = required_by(request.uri())?;
    let check = {
        let headers = request.headers();
        let original = Original::of(headers)?;
        let target = Target {
            method: original.method,
            path: original.path,
            preflight: original.is_preflight(headers),
            connection: &request,
        };
        let fields = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        authenticator.check(target, fields)
    };
    verdict(authenticator, check, &required).await
}

fn required_by(uri: &Uri) -> Result<keyward_core::Requirement, Rejection> {
    let Ok(Query(parameters)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        keyward_core::log_limited!(
            error,
            "request refused: the gateway's query is malformed; correct its configuration"
        );
        return Err(Rejection::NotConfigured);
    };
    required(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn admitted(admission: &Admission) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(identity_headers(identity_of(admission)));
    response
}

fn refuse(authenticator: &Authenticator, rejection: Rejection, method: &Method, headers: &HeaderMap) -> Response {
    authenticator.refuse(&Refusal::new(rejection, method, headers)).map(Body::from)
}
