//! Envoy's external authorization over gRPC: `envoy.service.auth.v3.Authorization`.
//!
//! Which scopes a route requires, Envoy's configuration says in the route's `check_settings.context_extensions`: `scope: resources:read`, several
//! separated by spaces. The client's address is the one that Envoy has found out; without Envoy's own
//! `X-Forwarded-Proto` nothing is known of the connection. So set `use_remote_address: true`: a client could otherwise claim to come by HTTPS.
//! With `encode_raw_headers: true` fields arrive as their bytes. Envoy joins several `Authorization` fields to a list, which is refused as several fields are.
//!
//! The types are those of [`envoy_types`], whose version is below 1: they are Envoy's protocol, and reach no further than this module.

use std::net::IpAddr;

use axum::Router;
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
use http::header::{AUTHORIZATION, FORWARDED};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keyward::{Admission, Authenticator, PeerAddress, Refusal, Rejection, Target, TlsTransport};
use tonic::{Code, Request, Response, Status};

use crate::headers::{PREFIX, identity_headers};
use crate::original::Original;
use crate::verdict::{identity_of, required, verdict};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The service that Envoy's `ext_authz` filter calls.
///
/// A request that is let in gets the [identity headers](crate::IDENTITY_HEADERS), and loses `Authorization` and whatever its client sent that looks like one of them.
/// One that is refused is answered with keyward's status, challenge, headers and body.
///
/// # Examples
/// ```no_run
/// use keyward::{Authenticator, MemoryStore};
/// use tonic::transport::Server;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let service = keyward_gateway::envoy::ext_authz(authenticator);
/// Server::builder().add_service(service).serve("127.0.0.1:3002".parse()?).await?;
/// # Ok(()) }
/// ```
pub fn ext_authz(authenticator: Authenticator) -> AuthorizationServer<ExtAuthz> {
    AuthorizationServer::new(ExtAuthz { authenticator })
}

/// The same as a router, to be merged into an own one: for a server that takes HTTP/2 without TLS, as `keyward-serve` does, beside
/// [`forward_auth`](crate::forward_auth) and [`verify`](crate::verify) on one port.
///
/// # Examples
/// ```
/// use axum::Router;
/// use keyward::{Authenticator, MemoryStore};
///
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let app: Router = keyward_gateway::forward_auth(authenticator.clone())
///     .merge(keyward_gateway::envoy::ext_authz_router(authenticator));
/// # let _ = app;
/// ```
pub fn ext_authz_router(authenticator: Authenticator) -> Router {
    Router::new().route_service("/envoy.service.auth.v3.Authorization/{method}", ext_authz(authenticator))
}

/// What answers Envoy; made by [`ext_authz`].
///
/// # Examples
/// ```
/// use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
/// use keyward_gateway::envoy::{ExtAuthz, ext_authz};
///
/// fn bounded(service: AuthorizationServer<ExtAuthz>) -> AuthorizationServer<ExtAuthz> {
///     service.max_decoding_message_size(64 * 1_024)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ExtAuthz {
    authenticator: Authenticator,
}

#[tonic::async_trait]
impl Authorization for ExtAuthz {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let attributes = request.into_inner().attributes.unwrap_or_default();
        let asked = Asked::of(attributes);
        let answer = match self.ask(&asked).await {
            Ok(admission) => admitted(&admission, asked.request.headers()),
            Err(rejection) => self.denied(rejection, &asked),
        };
        Ok(Response::new(answer))
    }
}

impl ExtAuthz {
    async fn ask(&self, asked: &Asked) -> Result<Admission, Rejection> {
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
            let fields = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
            self.authenticator.check(target, fields)
        };
        verdict(&self.authenticator, check, &required).await
    }

    fn denied(&self, rejection: Rejection, asked: &Asked) -> CheckResponse {
        let status = keyward_tonic::to_status(&rejection, None);
        let method = asked.method.parse().unwrap_or(Method::GET);
        let refused = self.authenticator.refuse(&Refusal::new(rejection, &method, asked.request.headers()));
        let (head, body) = refused.into_parts();
        let response = DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(head.status.as_u16()) }),
            headers: head.headers.iter().map(|(name, value)| header(name, value)).collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        answer(status.code(), HttpResponse::DeniedResponse(response))
    }
}

/// The request that Envoy asks about, and what its route requires.
struct Asked {
    method: String,
    uri: String,
    required: Vec<(String, String)>,
    /// Its headers and what is known of its connection, as a server would have them.
    request: http::Request<()>,
}

impl Asked {
    fn of(attributes: AttributeContext) -> Self {
        let http = attributes.request.and_then(|request| request.http).unwrap_or_default();
        let mut request = http::Request::new(());
        let mut headers = headers_of(&http);
        // Who the client is, Envoy has found out: what the fields say besides may be the client's own.
        headers.remove(FORWARDED);
        headers.remove(X_FORWARDED_FOR);
        let client = attributes.source.and_then(address_of);
        if let Some(value) = client.and_then(|client| HeaderValue::try_from(client.to_string()).ok()) {
            headers.insert(X_FORWARDED_FOR, value);
        }
        let proto = headers.get("x-forwarded-proto").map(HeaderValue::as_bytes);
        let (secure, plain) = (attributes.tls_session.is_some() || proto == Some(b"https"), proto == Some(b"http"));
        if secure {
            request.extensions_mut().insert(TlsTransport);
        }
        // A client whose address is known and of whom nothing else is counts as one who sent its key in plain text.
        if let Some(client) = client.filter(|_| secure || plain) {
            request.extensions_mut().insert(PeerAddress((client, 0).into()));
        }
        *request.headers_mut() = headers;
        Self {
            method: http.method,
            uri: http.path,
            required: attributes.context_extensions.into_iter().collect(),
            request,
        }
    }
}

fn address_of(peer: Peer) -> Option<IpAddr> {
    match peer.address?.address? {
        Address::SocketAddress(socket) => socket.address.parse().ok(),
        _ => None,
    }
}

/// The fields as they came, or as Envoy joined them. Its pseudo-headers are none.
fn headers_of(http: &HttpRequest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut append = |name: &str, value: &[u8]| {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    };
    match &http.header_map {
        Some(raw) => {
            for EnvoyHeader { key, value, raw_value } in &raw.headers {
                append(key, if raw_value.is_empty() { value.as_bytes() } else { raw_value });
            }
        }
        None => http.headers.iter().for_each(|(name, value)| append(name, value.as_bytes())),
    }
    headers
}

fn admitted(admission: &Admission, sent: &HeaderMap) -> CheckResponse {
    // Envoy leaves out what is empty, and takes out after it has put in: what it puts in overwrites, and is not to be taken out.
    let headers: Vec<_> =
        identity_headers(identity_of(admission)).into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let forged = sent.keys().filter(|name| looks_like_ours(name) && !headers.iter().any(|(ours, _)| ours == *name));
    let response = OkHttpResponse {
        headers_to_remove: std::iter::once(&AUTHORIZATION).chain(forged).map(ToString::to_string).collect(),
        headers: headers.iter().map(|(name, value)| header(name, value)).collect(),
        ..OkHttpResponse::default()
    };
    answer(Code::Ok, HttpResponse::OkResponse(response))
}

/// Many servers, CGI first of all, take `_` and `-` for the same, and lighttpd whatever is no letter and no digit.
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

fn answer(code: Code, response: HttpResponse) -> CheckResponse {
    let status = rpc::Status { code: code.into(), ..rpc::Status::default() };
    CheckResponse { status: Some(status), http_response: Some(response), ..CheckResponse::default() }
}
