//! Who is at the other end of the connection.

use std::net::SocketAddr;

/// The address at the other end of a request's connection. A server puts it into the request's extensions, for the
/// policies that go by networks; it is the address of a proxy where one stands in front.
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
