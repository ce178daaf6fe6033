//! The limits of a server.

use std::time::Duration;

use keyward_core::TrustedProxies;

/// The limits of a server.
///
/// # Examples
/// ```
/// use keyward::serve::Limits;
///
/// let limits = Limits { connections: 100, connections_per_peer: 20, ..Limits::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The time limit for the head of a request, counted from the connection or from the previous answer. Defaults to
    /// 10 seconds. It also ends idle HTTP/1 connections.
    pub header_timeout: Duration,
    /// The longest head of a request, in bytes, from 8 KiB to 1 MiB. Defaults to 16 KiB. Longer heads get 431.
    pub header_bytes: u32,
    /// The time limit for a connection without a request in flight. Defaults to 60 seconds. HTTP/2 connections get a
    /// GOAWAY then, whether or not they answer pings.
    pub idle_timeout: Duration,
    /// The time limit for a client to read the next part of an answer. Defaults to 20 seconds. A connection whose writes make no
    /// progress for this long is closed. So is an HTTP/2 connection whose flow-control window holds back all of its answers.
    pub write_timeout: Duration,
    /// The life of a connection. Defaults to one hour. Afterwards it takes no further requests, answers those in
    /// flight, and is closed.
    pub max_age: Duration,
    /// The number of connections at once. Defaults to 1,024. When all are taken, a new connection replaces the longest idle
    /// connection of the peer that holds the most. If none is idle, it replaces one whose client does not read its answer.
    pub connections: usize,
    /// The number of connections of one peer. Defaults to 256. The addresses of one IPv6 /64 network count as one peer.
    /// A further connection replaces the peer's longest idle one. It is closed at once if the peer has none.
    pub connections_per_peer: usize,
    /// Proxies that may hold any number of connections up to [`connections`](Self::connections). Defaults to none.
    pub exempt_peers: TrustedProxies,
    /// The number of requests in flight on one HTTP/2 connection. Defaults to 100.
    pub streams: u32,
    /// The time in which a shutdown waits for requests in flight. Defaults to 30 seconds. Then it cuts them off.
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
