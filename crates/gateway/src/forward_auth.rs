#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::{AUTHORIZATION, CACHE_CONTROL, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderValue, Method, Uri};
use keyward_core::adapter::{Admission, Target};
use keyward_core::render::Refusal;
use keyward_core::{Authenticator, Rejection};
use keyward_limits::{RequestLimit, Spent};

use crate::headers::identity_headers;
use crate::original::Original;
use crate::verdict::{Refused, check, describe, identity_of, required, spend, verdict};

/// Creates a router with `/forward-auth`, which decides on a request that a gateway received.
///
/// The gateway sends the client's header fields, and:
/// - the method, in `X-Forwarded-Method` or `X-Original-Method`;
/// - the target, in `X-Forwarded-Uri` or `X-Original-URI`.
///
/// Only gateways may reach this endpoint, because it believes these fields. Contradicting fields are refused. A key needs all
/// scopes that the gateway's configuration lists: `/forward-auth?scope=resources:read`.
///
/// | answer | when | with |
/// | --- | --- | --- |
/// | 200 | let in | the [identity headers](crate::IDENTITY_HEADERS), all empty without a credential. `Sec-WebSocket-Protocol` without the key, if a key was in it |
/// | 400, 401, 403, 429, 503 | refused | the response for the client |
/// | 500 | no method or target, a malformed or empty scope, another parameter | an error in the log |
///
/// `/forward-auth/refusal` always refuses, for gateways such as nginx that read only the status of the first answer. If the key has
/// become valid in between, the answer is 503.
///
/// For a record of recent requests, put an [`ObserveLayer`](keyward_core::adapter::ObserveLayer) around the router. It records the
/// method and the client, and no path, because a path may hold personal data.
///
/// Keys confined to networks, and `HttpsOnly`, need the gateway as a trusted proxy:
/// [`AuthenticatorBuilder::trusted_proxies`](keyward_core::adapter::AuthenticatorBuilder::trusted_proxies).
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
    router(Gateway { authenticator, limit: None })
}

/// Creates the router of [`forward_auth`], which also spends from limits.
///
/// The answer has `RateLimit-Policy` and `RateLimit`. The cost is by the original method and target. `/forward-auth/refusal` spends nothing.
///
/// # Examples
/// ```
/// use keyward::{Authenticator, MemoryStore};
/// use keyward::limits::{Limits, MemoryLimits, RequestLimit};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limits = Limits::start(MemoryLimits::new()).await?;
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let router = keyward::gateway::forward_auth_with_limits(authenticator, RequestLimit::from_rules(limits));
/// # let _: axum::Router = router;
/// # Ok(()) }
/// ```
pub fn forward_auth_with_limits(authenticator: Authenticator, limit: RequestLimit) -> Router {
    router(Gateway { authenticator, limit: Some(limit) })
}

#[derive(Clone)]
struct Gateway {
    authenticator: Authenticator,
    limit: Option<RequestLimit>,
}

fn router(gateway: Gateway) -> Router {
    Router::new().route("/forward-auth", any(answer)).route("/forward-auth/refusal", any(refusal)).with_state(gateway)
}

async fn answer(State(gateway): State<Gateway>, request: Request) -> Response {
    let Gateway { authenticator, limit } = gateway;
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let subprotocols = authenticator.other_subprotocols(&request);
    let admission = match ask(&authenticator, request, false).await {
        Ok(admission) => admission,
        Err(refused) => return refuse(&authenticator, *refused, &method, &headers),
    };
    let spent = match Original::of(&headers) {
        Ok(original) => spend(limit.as_ref(), identity_of(&admission), original.method, original.path).await,
        Err(rejection) => Err(rejection),
    };
    match spent {
        Ok(spent) => admitted(&admission, subprotocols, &spent),
        Err(rejection) => {
            let refused = Refused { rejection, identity: identity_of(&admission).cloned() };
            refuse(&authenticator, refused, &method, &headers)
        }
    }
}

async fn refusal(State(Gateway { authenticator, limit }): State<Gateway>, request: Request) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    // The first answer has counted the request.
    let refused = match (ask(&authenticator, request, true).await, Original::of(&headers)) {
        (Ok(admission), Ok(original)) => {
            check(limit.as_ref(), identity_of(&admission), original.method, original.path).await
        }
        (Err(refused), _) => Err(refused.rejection),
        (_, Err(rejection)) => Err(rejection),
    };
    // The request was refused a moment ago and has not reached the backend, so its client may retry.
    let rejection = refused.err().unwrap_or(Rejection::StoreUnavailable);
    refuse(&authenticator, Refused { rejection, identity: None }, &method, &headers)
}

async fn ask(authenticator: &Authenticator, request: Request, again: bool) -> Result<Admission, Box<Refused>> {
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
        describe(authenticator, original.method, &request);
        let fields = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        if again { authenticator.check_again(target, fields) } else { authenticator.check(target, fields) }
    };
    verdict(authenticator, check, &required).await
}

fn required_by(uri: &Uri) -> Result<keyward_core::Requirement, Rejection> {
    let Ok(Query(parameters)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        keyward_core::log_limited!(
            error,
            "a gateway sent a malformed query: refusing every request of this route; fix the gateway's configuration"
        );
        return Err(Rejection::NotConfigured);
    };
    required(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn admitted(admission: &Admission, subprotocols: Option<Vec<u8>>, spent: &Spent) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(identity_headers(identity_of(admission)));
    for (name, value) in spent.fields() {
        headers.append(name, value);
    }
    if let Some(subprotocols) = subprotocols.and_then(|rest| HeaderValue::from_bytes(&rest).ok()) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, subprotocols);
    }
    response
}

fn refuse(authenticator: &Authenticator, refused: Refused, method: &Method, headers: &HeaderMap) -> Response {
    let refusal = Refusal::new(refused.rejection, method, headers).with_identity(refused.identity.as_ref());
    authenticator.refuse(&refusal).map(Body::from)
}
