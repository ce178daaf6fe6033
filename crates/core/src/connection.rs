//! Connections and trusted proxies.
//!
//! # Examples
//! ```
//! use keyward::connection::ForwardedFields;
//! use keyward::{Authenticator, MemoryStore, TrustedProxies};
//!
//! let proxies = TrustedProxies::new(["10.0.0.0/8".parse()?]).reading(ForwardedFields::XForwarded);
//! let authenticator = Authenticator::builder(MemoryStore::new()).trusted_proxies(proxies).build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

mod forwarded;

use std::net::{IpAddr, SocketAddr};

use http::Request;
use ipnet::IpNet;

use crate::network::Network;

/// The peer's address: behind a proxy, the proxy's.
///
/// # Examples
/// ```
/// use keyward::PeerAddress;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(PeerAddress(([127, 0, 0, 1], 49_152).into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// A request's extension: the server terminated TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsTransport;

/// The connection of a request.
pub trait Connection {
    /// Returns the peer's address, if known.
    fn peer(&self) -> Option<IpAddr>;

    /// Returns `true` if this process terminated TLS.
    fn is_tls(&self) -> bool;

    /// Passes the values of this lower-case header field to `visitor`, in order.
    fn visit(&self, name: &str, visitor: &mut dyn FnMut(&[u8]));
}

/// Reads [`PeerAddress`] and [`TlsTransport`].
impl<B> Connection for Request<B> {
    fn peer(&self) -> Option<IpAddr> {
        self.extensions().get::<PeerAddress>().map(|peer| peer.0.ip())
    }

    fn is_tls(&self) -> bool {
        self.extensions().get::<TlsTransport>().is_some()
    }

    fn visit(&self, name: &str, visitor: &mut dyn FnMut(&[u8])) {
        self.headers().get_all(name).iter().for_each(|value| visitor(value.as_bytes()));
    }
}

/// A connection without information, which fails checks of networks and HTTPS.
#[derive(Clone, Copy, Debug)]
pub struct UnknownConnection;

impl Connection for UnknownConnection {
    fn peer(&self) -> Option<IpAddr> {
        None
    }

    fn is_tls(&self) -> bool {
        false
    }

    fn visit(&self, _: &str, _: &mut dyn FnMut(&[u8])) {}
}

/// How a request travelled to the outermost trusted proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS.
    Secure,
    /// Plain text, on evidence.
    Plain,
    /// No trusted source states it, or sources disagree.
    Unknown,
}

/// Fields in which trusted proxies describe clients.
///
/// Choose the fields that your proxy overwrites. Clients can send the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardedFields {
    /// All. If they disagree, the value is unknown: a client can hide its address, but not choose one.
    #[default]
    Agreeing,
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ForwardedFields {
    fn reads_x_forwarded(self) -> bool {
        self != Self::Forwarded
    }

    fn reads_forwarded(self) -> bool {
        self != Self::XForwarded
    }
}

/// The networks of trusted proxies.
///
/// Forwarding fields count only from these networks. `X-Forwarded-Proto` must be one field, exactly `https` or `http`.
///
/// # Examples
/// ```
/// use http::Request;
/// use keyward::adapter::Transport;
/// use keyward::{PeerAddress, TrustedProxies};
///
/// let request = Request::get("/")
///     .extension(PeerAddress("10.0.0.1:49152".parse()?))
///     .header("x-forwarded-proto", "https")
///     .header("x-forwarded-for", "6.6.6.6, 192.0.2.7, 10.0.0.2")
///     .body(())?;
/// let proxies = TrustedProxies::new(["10.0.0.0/8".parse()?]);
/// assert_eq!(proxies.transport(&request), Transport::Secure);
/// // The proxy at 10.0.0.2 saw 192.0.2.7; what stands before that, 192.0.2.7 may have made up.
/// assert_eq!(proxies.client(&request), Some("192.0.2.7".parse()?));
/// assert_eq!(TrustedProxies::none().transport(&request), Transport::Plain);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Box<[IpNet]>,
    fields: ForwardedFields,
}

impl TrustedProxies {
    /// Trusts proxies in these networks.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let networks = networks.into_iter().map(|network| Network::from(network).into()).collect();
        Self { networks, fields: ForwardedFields::default() }
    }

    /// Sets the fields. Defaults to [`ForwardedFields::Agreeing`].
    ///
    /// # Examples
    /// ```
    /// use http::Request;
    /// use keyward::connection::ForwardedFields;
    /// use keyward::{PeerAddress, TrustedProxies};
    ///
    /// // The proxy sets X-Forwarded-For, and lets the client's own Forwarded pass.
    /// let request = Request::get("/")
    ///     .extension(PeerAddress("10.0.0.1:49152".parse()?))
    ///     .header("x-forwarded-for", "192.0.2.7")
    ///     .header("forwarded", "for=unknown")
    ///     .body(())?;
    /// let proxies = TrustedProxies::new(["10.0.0.0/8".parse()?]);
    /// assert_eq!(proxies.client(&request), None);
    /// let proxies = proxies.reading(ForwardedFields::XForwarded);
    /// assert_eq!(proxies.client(&request), Some("192.0.2.7".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn reading(mut self, fields: ForwardedFields) -> Self {
        self.fields = fields;
        self
    }

    /// Trusts none.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Returns `true` for a trusted proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        within(&self.networks, address)
    }

    /// Returns the client's address, if known: the last that is no trusted proxy's.
    #[must_use]
    pub fn client(&self, connection: &dyn Connection) -> Option<IpAddr> {
        let peer = connection.peer()?;
        if !self.trusts(peer) {
            return Some(peer.to_canonical());
        }
        let (mut x_forwarded, mut forwarded) = (Hop::Unsaid, Hop::Unsaid);
        if self.fields.reads_x_forwarded() {
            x_forwarded = self.first_untrusted(hops_of_x_forwarded_for(connection));
        }
        if self.fields.reads_forwarded() {
            forwarded = self.first_untrusted(hops_of_forwarded(connection));
        }
        match (x_forwarded, forwarded) {
            (Hop::Known(a), Hop::Known(b)) if a == b => Some(a),
            (Hop::Known(address), Hop::Unsaid) | (Hop::Unsaid, Hop::Known(address)) => Some(address),
            _ => None,
        }
    }

    /// Returns the request's transport.
    #[must_use]
    pub fn transport(&self, connection: &dyn Connection) -> Transport {
        match connection.peer() {
            _ if connection.is_tls() => Transport::Secure,
            None => Transport::Unknown,
            Some(peer) if !self.trusts(peer) => Transport::Plain,
            Some(_) => self.forwarded_transport(connection),
        }
    }

    fn forwarded_transport(&self, connection: &dyn Connection) -> Transport {
        let (mut x_forwarded, mut forwarded) = (Proto::Unsaid, Proto::Unsaid);
        if self.fields.reads_x_forwarded() {
            x_forwarded = x_forwarded_proto(connection);
        }
        if self.fields.reads_forwarded() {
            forwarded = forwarded_proto(connection);
        }
        match (x_forwarded, forwarded) {
            (Proto::Said(a), Proto::Said(b)) if a == b => a,
            (Proto::Said(transport), Proto::Unsaid) | (Proto::Unsaid, Proto::Said(transport)) => transport,
            _ => Transport::Unknown,
        }
    }

    /// Earlier hops may be forged.
    fn first_untrusted(&self, hops: Vec<Option<IpAddr>>) -> Hop {
        let Some(first) = hops.first().copied() else { return Hop::Unsaid };
        for hop in hops.into_iter().rev() {
            match hop {
                None => return Hop::Unclear,
                Some(address) if !self.trusts(address) => return Hop::Known(address.to_canonical()),
                Some(_) => {}
            }
        }
        first.map_or(Hop::Unclear, |address| Hop::Known(address.to_canonical()))
    }
}

/// IPv4-mapped addresses count as IPv4.
pub(crate) fn within(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

enum Hop {
    Unsaid,
    Unclear,
    Known(IpAddr),
}

enum Proto {
    Unsaid,
    Unclear,
    Said(Transport),
}

fn hops_of_x_forwarded_for(connection: &dyn Connection) -> Vec<Option<IpAddr>> {
    let mut hops = Vec::new();
    connection.visit("x-forwarded-for", &mut |value| {
        hops.extend(value.split(|&byte| byte == b',').map(|hop| {
            // An address with a zone has a meaning only on the machine that wrote it.
            let hop = std::str::from_utf8(hop).ok().filter(|hop| !hop.contains('%'))?.trim();
            // Some proxies write brackets around an IPv6 address without a port.
            let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
            let socket = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
            hop.parse().ok().or_else(socket).or_else(bracketed)
        }));
    });
    hops
}

fn hops_of_forwarded(connection: &dyn Connection) -> Vec<Option<IpAddr>> {
    let mut hops = Vec::new();
    connection.visit("forwarded", &mut |value| {
        hops.extend(forwarded::elements(value).map(|element| element.and_then(|element| element.client)));
    });
    hops
}

fn x_forwarded_proto(connection: &dyn Connection) -> Proto {
    let mut said = Proto::Unsaid;
    connection.visit("x-forwarded-proto", &mut |value| {
        said = match (&said, value) {
            (Proto::Unsaid, b"https") => Proto::Said(Transport::Secure),
            (Proto::Unsaid, b"http") => Proto::Said(Transport::Plain),
            _ => Proto::Unclear,
        };
    });
    said
}

fn forwarded_proto(connection: &dyn Connection) -> Proto {
    let mut said = Proto::Unsaid;
    connection.visit("forwarded", &mut |value| {
        said = match forwarded::elements(value).last().flatten().map(|element| element.proto) {
            None => Proto::Unclear,
            Some(None) => Proto::Unsaid,
            Some(Some(proto)) if proto.eq_ignore_ascii_case(b"https") => Proto::Said(Transport::Secure),
            Some(Some(proto)) if proto.eq_ignore_ascii_case(b"http") => Proto::Said(Transport::Plain),
            Some(Some(_)) => Proto::Unclear,
        };
    });
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(peer: &str, fields: &[(&str, &str)]) -> Request<()> {
        let peer: IpAddr = peer.parse().unwrap();
        let request = Request::get("/").extension(PeerAddress((peer, 1).into()));
        fields.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_https() {
        use Transport::{Plain, Secure, Unknown};
        const XFP: &str = "x-forwarded-proto";
        for (peer, fields, transport) in [
            ("192.0.2.1", &[(XFP, "https")][..], Plain),
            ("192.0.2.1", &[("forwarded", "proto=https")], Plain),
            ("10.0.0.1", &[(XFP, "https")], Secure),
            ("::ffff:10.0.0.1", &[(XFP, "https")], Secure),
            ("fd00::1", &[("forwarded", "for=192.0.2.1;proto=https")], Secure),
            ("10.0.0.1", &[("forwarded", "proto=http, proto=https")], Secure),
            ("10.0.0.1", &[("forwarded", "proto=https, proto=http")], Plain),
            ("10.0.0.1", &[("forwarded", "proto=https"), ("forwarded", "proto=http")], Plain),
            ("10.0.0.1", &[(XFP, "http")], Plain),
            ("10.0.0.1", &[], Unknown),
            ("10.0.0.1", &[(XFP, "HTTPS")], Unknown),
            ("10.0.0.1", &[(XFP, "https,http")], Unknown),
            ("10.0.0.1", &[(XFP, "https"), (XFP, "https")], Unknown),
            ("10.0.0.1", &[(XFP, "https"), ("forwarded", "proto=http")], Unknown),
            ("10.0.0.1", &[(XFP, "https"), ("forwarded", "proto=https")], Secure),
            ("10.0.0.1", &[("x_forwarded_proto", "https")], Unknown),
            ("10.0.0.1", &[("x-forwarded-ssl", "on"), ("x-forwarded-scheme", "https")], Unknown),
            ("10.0.0.1", &[("forwarded", "proto=\"")], Unknown),
            ("10.0.0.1", &[("forwarded", "proto=http;host=\"a,proto=https;x=\"")], Plain),
        ] {
            let request = request(peer, fields);
            assert_eq!(proxies().transport(&request), transport, "{peer} {fields:?}");
        }
        assert_eq!(proxies().transport(&UnknownConnection), Unknown);
        let mut over_tls = request("192.0.2.1", &[]);
        over_tls.extensions_mut().insert(TlsTransport);
        assert_eq!(proxies().transport(&over_tls), Secure);
    }

    #[test]
    fn the_client_is_the_last_untrusted_address() {
        const XFF: &str = "x-forwarded-for";
        for (peer, fields, client) in [
            ("192.0.2.1", &[(XFF, "6.6.6.6")][..], Some("192.0.2.1")),
            ("::ffff:192.0.2.1", &[], Some("192.0.2.1")),
            ("10.0.0.1", &[(XFF, "192.0.2.7")], Some("192.0.2.7")),
            ("10.0.0.1", &[(XFF, "6.6.6.6, 192.0.2.7, 10.0.0.2")], Some("192.0.2.7")),
            ("10.0.0.1", &[(XFF, "6.6.6.6"), (XFF, "192.0.2.7")], Some("192.0.2.7")),
            ("10.0.0.1", &[(XFF, "192.0.2.7:443")], Some("192.0.2.7")),
            ("10.0.0.1", &[(XFF, "2001:db8::7")], Some("2001:db8::7")),
            ("10.0.0.1", &[(XFF, "[2001:db8::7]")], Some("2001:db8::7")),
            ("10.0.0.1", &[(XFF, "[2001:db8::7]:443")], Some("2001:db8::7")),
            ("10.0.0.1", &[(XFF, "[2001:db8::7")], None),
            ("10.0.0.1", &[(XFF, "[192.0.2.7]")], None),
            ("10.0.0.1", &[(XFF, "[fe80::1%1]")], None),
            ("10.0.0.1", &[(XFF, "10.0.0.9, 10.0.0.2")], Some("10.0.0.9")),
            ("10.0.0.1", &[("forwarded", "for=6.6.6.6, for=\"[2001:db8::7]:1\"")], Some("2001:db8::7")),
            ("10.0.0.1", &[(XFF, "192.0.2.7"), ("forwarded", "for=192.0.2.7")], Some("192.0.2.7")),
            ("10.0.0.1", &[(XFF, "192.0.2.7"), ("forwarded", "for=192.0.2.8")], None),
            ("10.0.0.1", &[(XFF, "192.0.2.7, unknown")], None),
            ("10.0.0.1", &[(XFF, "")], None),
            ("10.0.0.1", &[("forwarded", "for=_hidden")], None),
            ("10.0.0.1", &[("forwarded", "for=192.0.2.7;host=\"a,for=6.6.6.6\"")], Some("192.0.2.7")),
            ("10.0.0.1", &[("forwarded", "for=6.6.6.6;x=\", for=192.0.2.7")], None),
            ("10.0.0.1", &[], None),
        ] {
            let request = request(peer, fields);
            let client = client.map(|client| client.parse().unwrap());
            assert_eq!(proxies().client(&request), client, "{peer} {fields:?}");
        }
        assert_eq!(proxies().client(&UnknownConnection), None);
    }

    #[test]
    fn fields_that_do_not_count_are_ignored() {
        use ForwardedFields::{Agreeing, Forwarded, XForwarded};
        const XFF: &str = "x-forwarded-for";
        const XFP: &str = "x-forwarded-proto";
        let both = [(XFF, "192.0.2.7"), (XFP, "https"), ("forwarded", "for=192.0.2.8;proto=http")];
        let hidden = [(XFF, "192.0.2.7"), (XFP, "https"), ("forwarded", "for=unknown;proto=x")];
        let forged = [(XFF, "6.6.6.6"), ("forwarded", "for=192.0.2.8;proto=https")];
        for (fields, read, client, transport) in [
            (&both[..], Agreeing, None, Transport::Unknown),
            (&both, XForwarded, Some("192.0.2.7"), Transport::Secure),
            (&both, Forwarded, Some("192.0.2.8"), Transport::Plain),
            (&hidden, Agreeing, None, Transport::Unknown),
            (&hidden, XForwarded, Some("192.0.2.7"), Transport::Secure),
            (&hidden, Forwarded, None, Transport::Unknown),
            (&forged, Agreeing, None, Transport::Secure),
            (&forged, XForwarded, Some("6.6.6.6"), Transport::Unknown),
            (&forged, Forwarded, Some("192.0.2.8"), Transport::Secure),
            (&[(XFF, "192.0.2.7")], Forwarded, None, Transport::Unknown),
            (&[("forwarded", "for=192.0.2.7")], XForwarded, None, Transport::Unknown),
        ] {
            let (request, proxies) = (request("10.0.0.1", fields), proxies().reading(read));
            let client = client.map(|client| client.parse().unwrap());
            assert_eq!(
                (proxies.client(&request), proxies.transport(&request)),
                (client, transport),
                "{read:?} {fields:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_fields_are_read_without_a_panic(forwarded in proptest::collection::vec(any::<u8>(), 0..200), others in proptest::collection::vec(any::<u8>(), 0..200)) {
            struct Raw(Vec<u8>, Vec<u8>);
            impl Connection for Raw {
                fn peer(&self) -> Option<IpAddr> {
                    Some([10, 0, 0, 1].into())
                }

                fn is_tls(&self) -> bool {
                    false
                }

                fn visit(&self, name: &str, visitor: &mut dyn FnMut(&[u8])) {
                    visitor(if name == "forwarded" { &self.0 } else { &self.1 });
                }
            }
            let raw = Raw(forwarded, others);
            let _ = (proxies().client(&raw), proxies().transport(&raw));
        }
    }
}
