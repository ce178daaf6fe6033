//! The bounds of a server.

use std::time::Duration;

/// The bounds of a server.
///
/// # Examples
/// ```
/// use keyward_serve::Limits;
///
/// let limits = Limits { connections: 100, ..Limits::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the whole head of a request may take to arrive, counted from the connection or from the answer before;
    /// 10 seconds by default. So it also ends idle connections of HTTP/1.
    pub header_timeout: Duration,
    /// How long the head of a request may be, in bytes, 8 KiB to 1 MiB; 16 KiB by default. Longer ones get 431.
    pub header_bytes: u32,
    /// How many connections are served at once; 1,024 by default. Further ones wait in the operating system's queue.
    pub connections: usize,
    /// How many requests of one HTTP/2 connection are under way at once; 100 by default.
    pub streams: u32,
    /// How long a shutdown waits for what is in flight, before it cuts it off; 30 seconds by default.
    pub shutdown_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            header_bytes: 16 * 1024,
            connections: 1_024,
            streams: 100,
            shutdown_deadline: Duration::from_secs(30),
        }
    }
}

impl Limits {
    pub(crate) fn check(&self) {
        assert!((8 * 1024..=1024 * 1024).contains(&self.header_bytes), "header_bytes has to be 8 KiB to 1 MiB");
        assert!(self.connections > 0 && self.streams > 0, "a server needs room for a connection and a request");
    }
}
