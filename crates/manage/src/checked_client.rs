//! Requests to addresses that were checked: no redirects, no proxy, and no private network unless it is allowed.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo};
use keyward_core::network::ipnet::IpNet;
use tokio::net::TcpStream;
use tower::util::MapResponse;
use tower_service::Service;
use url::Url;

use crate::bounded_stream::BoundedStream;
use crate::outbound::{OutboundError, native_roots, tls_config};

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Networks of IPv4 that are not the public Internet (RFC 6890 and its registry).
const SPECIAL_V4: [([u8; 4], u8); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Networks within the public 2000::/3 that are special, or contain IPv4 addresses.
const SPECIAL_V6: [([u16; 2], u8); 4] =
    [([0x2001, 0], 23), ([0x2001, 0xdb8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Plain HTTP only goes to networks that are allowed explicitly.
pub(crate) fn check_address(address: IpAddr, is_plain: bool, allowed: &[IpNet]) -> Result<(), String> {
    let address = address.to_canonical();
    let is_allowed = allowed.iter().any(|network| network.contains(&address));
    match (is_allowed, is_plain) {
        (true, _) => Ok(()),
        (false, false) if is_public(address) => Ok(()),
        (false, false) => Err(format!(
            "{address} is not a public address: use a public one. Only the operator's own webhooks reach networks that the server allows"
        )),
        (false, true) => Err(format!("{address} may not be called over http: use https")),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !SPECIAL_V4.iter().any(|(network, bits)| {
            let mask = u32::MAX << (32 - u32::from(*bits));
            v4.to_bits() & mask == u32::from_be_bytes(*network)
        }),
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            // NAT64 reaches the IPv4 address in the last 32 bits (RFC 6052).
            if v6.to_bits() >> 32 == 0x0064_ff9b << 64 {
                let bytes = v6.octets();
                return is_public(IpAddr::from([bytes[12], bytes[13], bytes[14], bytes[15]]));
            }
            let start = u32::from(first) << 16 | u32::from(second);
            let is_in = |network: u32, bits: u8| start >> (32 - u32::from(bits)) == network >> (32 - u32::from(bits));
            is_in(0x2000_0000, 3)
                && !SPECIAL_V6.iter().any(|([a, b], bits)| is_in(u32::from(*a) << 16 | u32::from(*b), *bits))
        }
    }
}

/// Customers read this. Names and addresses of private networks are not theirs to know.
#[derive(Debug, thiserror::Error)]
#[error("the name {0} has no public address")]
pub(crate) struct NoPublicAddress(String);

/// Returns only addresses that may be called. The client connects to no others.
#[derive(Clone)]
struct CheckedResolver {
    is_plain: bool,
    allowed: Arc<[IpNet]>,
}

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NoPublicAddress;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NoPublicAddress>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoPublicAddress>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (is_plain, allowed) = (self.is_plain, Arc::clone(&self.allowed));
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_else(|error| {
                tracing::debug!(%error, name, "the name of a URL was not found");
                Vec::new()
            });
            let check = |address: &SocketAddr| {
                let checked = check_address(address.ip(), is_plain, &allowed);
                checked.inspect_err(|why| tracing::debug!(why, name, "an address was refused")).is_ok()
            };
            let usable: Vec<SocketAddr> = found.into_iter().filter(check).collect();
            if usable.is_empty() {
                return Err(NoPublicAddress(name));
            }
            Ok(usable.into_iter())
        })
    }
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Connector = MapResponse<HttpsConnector<HttpConnector<CheckedResolver>>, fn(Stream) -> BoundedStream<Stream>>;
type HttpClient = Client<Connector, Full<Bytes>>;

/// Build it once: it reads the root certificates of the machine.
pub(crate) struct CheckedClient {
    /// The client for https and that for http, or why there is none.
    clients: Result<(HttpClient, HttpClient), String>,
    allowed: Arc<[IpNet]>,
    allowed_plain: Arc<[IpNet]>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("{0}")]
    NotAllowed(String),
    #[error("{0}")]
    Unusable(String),
    #[error(transparent)]
    Client(#[from] Error),
}

impl CheckedClient {
    /// Allows networks beside the public ones over https, and networks over http. Reads at most `MOST` bytes of an answer.
    pub(crate) fn new<const MOST: usize>(allowed: &[IpNet], allowed_plain: &[IpNet]) -> Self {
        let (allowed, allowed_plain): (Arc<[IpNet]>, Arc<[IpNet]>) = (allowed.into(), allowed_plain.into());
        let clients = build::<MOST>(&allowed, false)
            .and_then(|encrypted| Ok((encrypted, build::<MOST>(&allowed_plain, true)?)))
            .map_err(|error| error.to_string());
        Self { clients, allowed, allowed_plain }
    }

    /// Returns the head of the answer.
    pub(crate) async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, SendError> {
        let (encrypted, plain) = self.clients.as_ref().map_err(|why| SendError::Unusable(why.clone()))?;
        let url = request.uri().to_string();
        let url = Url::parse(&url).map_err(|error| SendError::Unusable(error.to_string()))?;
        let is_plain = url.scheme() == "http";
        // The client does not resolve an address.
        if let Some(address) = literal(&url) {
            let allowed = if is_plain { &self.allowed_plain } else { &self.allowed };
            check_address(address, is_plain, allowed).map_err(SendError::NotAllowed)?;
        }
        let agent = HeaderValue::from_static(concat!("keyward/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let client = if is_plain { plain } else { encrypted };
        Ok(client.request(request).await?)
    }
}

fn build<const MOST: usize>(allowed: &Arc<[IpNet]>, is_plain: bool) -> Result<HttpClient, OutboundError> {
    let mut connector = HttpConnector::new_with_resolver(CheckedResolver { is_plain, allowed: Arc::clone(allowed) });
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls_config(native_roots())?);
    let tls = if is_plain { tls.https_or_http() } else { tls.https_only() };
    let connector: Connector = MapResponse::new(tls.enable_http1().wrap_connector(connector), bounded::<MOST>);
    // Each attempt resolves the name and checks its addresses.
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
}

fn bounded<const MOST: usize>(stream: Stream) -> BoundedStream<Stream> {
    BoundedStream::new(stream, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for (address, expected) in [
            ("8.8.8.8", true),
            ("1.1.1.1", true),
            ("172.15.0.1", true),
            ("172.32.0.1", true),
            ("100.63.0.1", true),
            ("2606:4700::1111", true),
            ("2a00:1450::1", true),
            ("64:ff9b::8.8.8.8", true),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.2.1", false),
            ("192.168.1.1", false),
            ("198.19.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("::127.0.0.1", false),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b:1::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("2002:7f00:1::1", false),
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(check_address(parsed, false, &[]).is_ok(), expected, "{address}");
        }
    }
}
