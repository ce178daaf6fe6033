//! Envoy's external authorization over gRPC: `envoy.service.auth.v3.Authorization`.
//!
//! Envoy's configuration:
//! - A route's `check_settings.context_extensions` lists the required scopes: `scope: resources:read`.
//! - Set `use_remote_address: true`. Otherwise a client could claim that it used HTTPS.
//! - With `encode_raw_headers: true`, fields arrive as bytes.
//! - Leave `with_request_body` unset. A `CheckRequest` of more than [`MAX_REQUEST_BYTES`] is refused.
//! - Leave `failure_mode_allow` unset. Otherwise Envoy lets in requests that keyward refuses to read.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use axum::middleware::map_request;
use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue as EnvoyHeader, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc;
use http::header::MaxSizeReached;
use http::header::{AUTHORIZATION, FORWARDED, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::Limited;
use keyward_core::adapter::{Admission, Target, TlsTransport};
use keyward_core::render::Refusal;
use keyward_core::{Authenticator, PeerAddress};
use keyward_limits::{RequestLimit, Spent};
use tonic::{Code, Request, Response, Status};

use crate::headers::{PREFIX, identity_headers};
use crate::original::Original;
use crate::verdict::{Refused, describe, identity_of, required, spend, verdict};

/// The largest `CheckRequest`, 64 KiB.
pub const MAX_REQUEST_BYTES: usize = 64 * 1_024;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Creates the service that Envoy's `ext_authz` filter calls.
///
/// A request that is let in gets the [identity headers](crate::IDENTITY_HEADERS). It loses the headers in which keys are accepted,
/// and every client header that looks like an identity header.
///
/// # Examples
/// ```no_run
/// use keyward::{Authenticator, MemoryStore};
/// use tonic::transport::Server;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let service = keyward::gateway::envoy::ext_authz(authenticator);
/// Server::builder().add_service(service).serve("127.0.0.1:3002".parse()?).await?;
/// # Ok(()) }
/// ```
pub fn ext_authz(authenticator: Authenticator) -> AuthorizationServer<ExtAuthz> {
    AuthorizationServer::new(ExtAuthz { authenticator, limit: None }).max_decoding_message_size(MAX_REQUEST_BYTES)
}

/// Creates the service of [`ext_authz`], which also spends from limits. Responses to the client get `RateLimit-Policy` and `RateLimit`.
///
/// # Examples
/// ```
/// use keyward::{Authenticator, MemoryStore};
/// use keyward::limits::{Limits, MemoryLimits, RequestLimit};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limit = RequestLimit::from_rules(Limits::start(MemoryLimits::new()).await?);
/// let service = keyward::gateway::envoy::ext_authz_with_limits(Authenticator::new(MemoryStore::new()), limit);
/// # let _ = service;
/// # Ok(()) }
/// ```
pub fn ext_authz_with_limits(authenticator: Authenticator, limit: RequestLimit) -> AuthorizationServer<ExtAuthz> {
    AuthorizationServer::new(ExtAuthz { authenticator, limit: Some(limit) })
        .max_decoding_message_size(MAX_REQUEST_BYTES)
}

/// Creates a router with the service of [`ext_authz`], to merge with others. The server must accept HTTP/2 without TLS.
///
/// # Examples
/// ```
/// use axum::Router;
/// use keyward::{Authenticator, MemoryStore};
///
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let app: Router = keyward::gateway::forward_auth(authenticator.clone())
///     .merge(keyward::gateway::envoy::ext_authz_router(authenticator));
/// # let _ = app;
/// ```
pub fn ext_authz_router(authenticator: Authenticator) -> Router {
    routed(ext_authz(authenticator))
}

/// Creates a router with the service of [`ext_authz_with_limits`], as [`ext_authz_router`] does.
///
/// # Examples
/// ```
/// use keyward::{Authenticator, MemoryStore};
/// use keyward::limits::{Limits, MemoryLimits, RequestLimit};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limit = RequestLimit::from_rules(Limits::start(MemoryLimits::new()).await?);
/// let app = keyward::gateway::envoy::ext_authz_router_with_limits(Authenticator::new(MemoryStore::new()), limit);
/// # let _: axum::Router = app;
/// # Ok(()) }
/// ```
pub fn ext_authz_router_with_limits(authenticator: Authenticator, limit: RequestLimit) -> Router {
    routed(ext_authz_with_limits(authenticator, limit))
}

fn routed(service: AuthorizationServer<ExtAuthz>) -> Router {
    Router::new().route_service("/envoy.service.auth.v3.Authorization/{method}", service).layer(map_request(bounded))
}

async fn bounded(request: http::Request<Body>) -> http::Request<Body> {
    const FRAME: usize = 5;
    request.map(|body| Body::new(Limited::new(body, MAX_REQUEST_BYTES.saturating_add(FRAME))))
}

/// The implementation of Envoy's service. [`ext_authz`] creates it.
///
/// # Examples
/// ```
/// use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
/// use keyward::gateway::envoy::{ExtAuthz, ext_authz};
///
/// fn bounded(service: AuthorizationServer<ExtAuthz>) -> AuthorizationServer<ExtAuthz> {
///     service.max_decoding_message_size(16 * 1_024)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ExtAuthz {
    authenticator: Authenticator,
    limit: Option<RequestLimit>,
}

#[tonic::async_trait]
impl Authorization for ExtAuthz {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let attributes = request.into_inner().attributes.unwrap_or_default();
        let Ok(asked) = Asked::of(attributes) else { return Ok(Response::new(too_many_headers())) };
        let answer = match self.ask(&asked).await {
            Ok((admission, spent)) => self.admitted(&admission, &asked.request, &spent),
            Err(refused) => self.denied(*refused, &asked),
        };
        Ok(Response::new(answer))
    }
}

impl ExtAuthz {
    async fn ask(&self, asked: &Asked) -> Result<(Admission, Spent), Box<Refused>> {
        let admission = self.admit(asked).await?;
        let spent = match Original::new(&asked.method, &asked.uri) {
            Ok(original) => spend(self.limit.as_ref(), identity_of(&admission), &asked.method, original.path).await,
            Err(rejection) => Err(rejection),
        };
        match spent {
            Ok(spent) => Ok((admission, spent)),
            Err(rejection) => Err(Refused::boxed(rejection, identity_of(&admission).cloned())),
        }
    }

    async fn admit(&self, asked: &Asked) -> Result<Admission, Box<Refused>> {
        let required = required(asked.required.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
        let check = {
            let original = Original::new(&asked.method, &asked.uri)?;
            let headers = asked.request.headers();
            let target = Target {
                method: original.method,
                path: original.path,
                preflight: original.is_preflight(headers),
                connection: &asked.request,
            };
            describe(&self.authenticator, original.method, &asked.request);
            let fields = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
            self.authenticator.check(target, fields)
        };
        verdict(&self.authenticator, check, &required).await
    }

    fn admitted(&self, admission: &Admission, asked: &http::Request<()>, spent: &Spent) -> CheckResponse {
        // Envoy skips empty headers, and removes headers after it has set others. So a header must not be both set and removed.
        let mut headers: Vec<_> = identity_headers(identity_of(admission)).into();
        let subprotocols = self.authenticator.other_subprotocols(asked);
        headers.extend(
            subprotocols
                .and_then(|rest| HeaderValue::from_bytes(&rest).ok())
                .map(|rest| (SEC_WEBSOCKET_PROTOCOL, rest)),
        );
        let emptied = headers.iter().any(|(name, value)| *name == SEC_WEBSOCKET_PROTOCOL && value.is_empty());
        headers.retain(|(_, value)| !value.is_empty());
        let is_set = |name: &HeaderName| headers.iter().any(|(ours, _)| ours == name);
        let forged = asked.headers().keys().filter(|name| looks_like_ours(name) && !is_set(name));
        let fields = self.authenticator.credential_fields().iter();
        let credentials = fields.filter(|name| **name != SEC_WEBSOCKET_PROTOCOL || emptied);
        let response = OkHttpResponse {
            headers_to_remove: credentials.chain(forged).map(ToString::to_string).collect(),
            headers: headers.iter().map(|(name, value)| header(name, value)).collect(),
            response_headers_to_add: spent.fields().map(|(name, value)| appended(&name, &value)).collect(),
            ..OkHttpResponse::default()
        };
        answer(Code::Ok, HttpResponse::OkResponse(response))
    }

    fn denied(&self, Refused { rejection, identity }: Refused, asked: &Asked) -> CheckResponse {
        let status = keyward_tonic::to_status(&rejection, None);
        let method = asked.method.parse().unwrap_or(Method::GET);
        let refusal = Refusal::new(rejection, &method, asked.request.headers()).with_identity(identity.as_ref());
        let refused = self.authenticator.refuse(&refusal);
        let (head, body) = refused.into_parts();
        let response = DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(head.status.as_u16()) }),
            headers: head.headers.iter().map(|(name, value)| header(name, value)).collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        answer(status.code(), HttpResponse::DeniedResponse(response))
    }
}

struct Asked {
    method: String,
    uri: String,
    required: Vec<(String, String)>,
    request: http::Request<()>,
}

impl Asked {
    fn of(attributes: AttributeContext) -> Result<Self, MaxSizeReached> {
        let http = attributes.request.and_then(|request| request.http).unwrap_or_default();
        let mut request = http::Request::new(());
        let mut headers = headers_of(&http)?;
        // The client may have written these fields. Envoy states the client's address elsewhere.
        headers.remove(FORWARDED);
        headers.remove(X_FORWARDED_FOR);
        let client = attributes.source.and_then(address_of);
        if let Some(value) = client.and_then(|client| HeaderValue::try_from(client.to_string()).ok()) {
            headers.try_insert(X_FORWARDED_FOR, value)?;
        }
        let proto = headers.get("x-forwarded-proto").map(HeaderValue::as_bytes);
        let (secure, plain) = (attributes.tls_session.is_some() || proto == Some(b"https"), proto == Some(b"http"));
        if secure {
            request.extensions_mut().insert(TlsTransport);
        }
        // With an address and no transport, the request would count as plain text. So the address is set only with a transport.
        if let Some(client) = client.filter(|_| secure || plain) {
            request.extensions_mut().insert(PeerAddress((client, 0).into()));
        }
        *request.headers_mut() = headers;
        Ok(Self {
            method: http.method,
            uri: http.path,
            required: attributes.context_extensions.into_iter().collect(),
            request,
        })
    }
}

fn address_of(peer: Peer) -> Option<IpAddr> {
    match peer.address?.address? {
        Address::SocketAddress(socket) => socket.address.parse().ok(),
        _ => None,
    }
}

/// Pseudo-headers are left out.
fn headers_of(http: &HttpRequest) -> Result<HeaderMap, MaxSizeReached> {
    let mut headers = HeaderMap::new();
    let mut append = |name: &str, value: &[u8]| {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value)) {
            headers.try_append(name, value)?;
        }
        Ok(())
    };
    match &http.header_map {
        Some(raw) => {
            for EnvoyHeader { key, value, raw_value } in &raw.headers {
                append(key, if raw_value.is_empty() { value.as_bytes() } else { raw_value })?;
            }
        }
        None => http.headers.iter().try_for_each(|(name, value)| append(name, value.as_bytes()))?,
    }
    Ok(headers)
}

fn too_many_headers() -> CheckResponse {
    let code = i32::from(http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.as_u16());
    let response = DeniedHttpResponse { status: Some(HttpStatus { code }), ..DeniedHttpResponse::default() };
    answer(Code::InvalidArgument, HttpResponse::DeniedResponse(response))
}

/// Many servers treat `_` as `-` (CGI), lighttpd every character that is no letter or digit.
fn looks_like_ours(name: &HeaderName) -> bool {
    name.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "-").starts_with(PREFIX)
}

fn header(name: &HeaderName, value: &HeaderValue) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(EnvoyHeader {
            key: name.to_string(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ..EnvoyHeader::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}

/// A backend may send fields about other limits.
fn appended(name: &HeaderName, value: &HeaderValue) -> HeaderValueOption {
    HeaderValueOption { append_action: HeaderAppendAction::AppendIfExistsOrAdd.into(), ..header(name, value) }
}

fn answer(code: Code, response: HttpResponse) -> CheckResponse {
    let status = rpc::Status { code: code.into(), ..rpc::Status::default() };
    CheckResponse { status: Some(status), http_response: Some(response), ..CheckResponse::default() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use envoy_types::pb::envoy::config::core::v3::{Address as EnvoyAddress, address};
    use envoy_types::pb::envoy::config::core::v3::{HeaderMap as EnvoyHeaders, SocketAddress};
    use envoy_types::pb::envoy::service::auth::v3::attribute_context::Request as EnvoyRequest;
    use keyward_core::MemoryStore;
    use proptest::prelude::*;

    use super::*;

    fn attributes(raw: bool, fields: Vec<(String, Vec<u8>)>, address: String) -> AttributeContext {
        let mut http = HttpRequest { method: "GET".to_owned(), path: "/".to_owned(), ..HttpRequest::default() };
        if raw {
            let field = |(key, raw_value)| EnvoyHeader { key, raw_value, ..EnvoyHeader::default() };
            http.header_map = Some(EnvoyHeaders { headers: fields.into_iter().map(field).collect() });
        } else {
            let text = |(name, value): (String, Vec<u8>)| (name, String::from_utf8_lossy(&value).into_owned());
            http.headers = fields.into_iter().map(text).collect::<HashMap<_, _>>().into_iter().collect();
        }
        let socket = SocketAddress { address, ..SocketAddress::default() };
        let source = Peer {
            address: Some(EnvoyAddress { address: Some(address::Address::SocketAddress(socket)) }),
            ..Peer::default()
        };
        AttributeContext {
            source: Some(source),
            request: Some(EnvoyRequest { http: Some(http), ..EnvoyRequest::default() }),
            ..AttributeContext::default()
        }
    }

    #[tokio::test]
    async fn more_headers_than_fit_are_refused() {
        for raw in [true, false] {
            let fields = (0..33_000).map(|number| (format!("x-{number}"), b"1".to_vec())).collect();
            let asked = CheckRequest { attributes: Some(attributes(raw, fields, "192.0.2.1".to_owned())) };
            let service = ExtAuthz { authenticator: Authenticator::new(MemoryStore::new()), limit: None };
            let answer = service.check(Request::new(asked)).await.unwrap().into_inner();
            let Some(HttpResponse::DeniedResponse(denied)) = answer.http_response else { panic!("raw: {raw}") };
            assert_eq!(denied.status.unwrap().code, 431, "raw: {raw}");
            assert_ne!(answer.status.unwrap().code, 0, "raw: {raw}");
        }
    }

    proptest! {
        #[test]
        fn no_request_makes_a_panic(
            raw: bool,
            fields in proptest::collection::vec((".{0,20}", proptest::collection::vec(any::<u8>(), 0..40)), 0..40),
            address in ".{0,20}",
        ) {
            let fields = fields.into_iter().collect();
            let asked = Asked::of(attributes(raw, fields, address)).unwrap();
            prop_assert!(asked.request.headers().len() <= 41);
        }
    }
}
