use std::time::Duration;

use keyward_core::TrustedProxies;

/// The limits of a server.
///
/// A WebSocket, or another socket that the service has upgraded, is a request in flight until the service drops it.
///
/// # Examples
/// ```
/// use keyward::serve::Limits;
///
/// let limits = Limits { connections: 100, connections_per_peer: 20, ..Limits::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for the head of a request, from the connection or the previous answer. Defaults to 10 seconds. Also ends idle HTTP/1 connections.
    pub header_timeout: Duration,
    /// The longest head of a request, in bytes, from 8 KiB to 1 MiB. Defaults to 16 KiB. Longer heads get 431.
    pub header_bytes: u32,
    /// Time without a request in flight. Defaults to 60 seconds. HTTP/2 connections then get a GOAWAY, even if they answer pings.
    pub idle_timeout: Duration,
    /// Time for a client to read the next part of an answer. Defaults to 20 seconds. A connection without progress is closed, upgraded or not. So is an
    /// HTTP/2 connection whose flow-control window holds back all its answers.
    pub write_timeout: Duration,
    /// The life of a connection, which then only answers the requests in flight. Defaults to one hour.
    pub max_age: Duration,
    /// Connections at once. Defaults to 1,024. Then a new one replaces the longest idle one of the largest holder, or else one whose client
    /// does not read.
    pub connections: usize,
    /// Connections of one peer, an IPv4 address or an IPv6 /64. Defaults to 256. A further one replaces the peer's longest idle one, or
    /// is closed at once.
    pub connections_per_peer: usize,
    /// Proxies that may hold up to [`connections`](Self::connections). Defaults to none.
    pub exempt_peers: TrustedProxies,
    /// Requests in flight on one HTTP/2 connection. Defaults to 100.
    pub streams: u32,
    /// Time for requests in flight at shutdown, which are then cut off. Defaults to 30 seconds.
    pub shutdown_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            header_bytes: 16 * 1024,
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(20),
            max_age: Duration::from_secs(60 * 60),
            connections: 1_024,
            connections_per_peer: 256,
            exempt_peers: TrustedProxies::none(),
            streams: 100,
            shutdown_deadline: Duration::from_secs(30),
        }
    }
}

impl Limits {
    pub(crate) fn check(&self) {
        assert!(
            (8 * 1024..=1024 * 1024).contains(&self.header_bytes),
            "invalid header_bytes {}: expected 8 KiB to 1 MiB",
            self.header_bytes
        );
        let counts = [self.connections, self.connections_per_peer, self.streams as usize];
        assert!(
            !counts.contains(&0),
            "invalid limits {counts:?}: connections, connections_per_peer and streams must be at least 1"
        );
        let times = [self.header_timeout, self.idle_timeout, self.write_timeout, self.max_age];
        assert!(
            !times.contains(&Duration::ZERO),
            "invalid limits {times:?}: header_timeout, idle_timeout, write_timeout and max_age must be above zero"
        );
    }
}
