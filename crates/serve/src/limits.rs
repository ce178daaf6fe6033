//! The bounds of a server.

use std::time::Duration;

use keyward_core::TrustedProxies;

/// The bounds of a server.
///
/// # Examples
/// ```
/// use keyward::serve::Limits;
///
/// let limits = Limits { connections: 100, connections_per_peer: 20, ..Limits::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the whole head of a request may take to arrive, counted from the connection or from the previous
    /// answer. Defaults to 10 seconds. It also ends idle connections of HTTP/1.
    pub header_timeout: Duration,
    /// How long the head of a request may be, in bytes, from 8 KiB to 1 MiB. Defaults to 16 KiB. Longer heads get 431.
    pub header_bytes: u32,
    /// How long a connection may stay open without a request in flight. Defaults to 60 seconds. HTTP/2 connections get
    /// a GOAWAY then, whether or not they answer pings.
    pub idle_timeout: Duration,
    /// How long a client may take to read the next part of an answer. Defaults to 20 seconds. A connection whose writes
    /// make no progress for this long is closed. So is an HTTP/2 connection whose flow-control window holds back all of
    /// its answers.
    pub write_timeout: Duration,
    /// How long a connection may live. Defaults to one hour. Afterwards it takes no further requests, answers those in
    /// flight, and is closed.
    pub max_age: Duration,
    /// How many connections are served at once. Defaults to 1,024. When all are taken, a new connection takes the place
    /// of an idle one: the longest idle connection of the peer that holds the most. Without an idle one it takes the
    /// place of one whose client does not read its answer.
    pub connections: usize,
    /// How many connections one peer address may hold. Defaults to 256. The addresses of one IPv6 /64 network count as
    /// one peer. A further connection takes the place of the peer's longest idle one, and is closed at once if the peer
    /// has none.
    pub connections_per_peer: usize,
    /// Proxies that may hold any number of connections up to [`connections`](Self::connections). Defaults to none.
    pub exempt_peers: TrustedProxies,
    /// How many requests of one HTTP/2 connection may be in flight at once. Defaults to 100.
    pub streams: u32,
    /// How long a shutdown waits for requests in flight before it cuts them off. Defaults to 30 seconds.
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
        assert!((8 * 1024..=1024 * 1024).contains(&self.header_bytes), "header_bytes must be 8 KiB to 1 MiB");
        let counts = [self.connections, self.connections_per_peer, self.streams as usize];
        assert!(!counts.contains(&0), "a server needs room for a connection and a request");
        let times = [self.header_timeout, self.idle_timeout, self.write_timeout, self.max_age];
        assert!(!times.contains(&Duration::ZERO), "the timeouts of a server must be above zero");
    }
}
