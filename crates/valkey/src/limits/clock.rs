//! The server's clock in scripts.

/// The start of a script, which reads the server's time in microseconds.
pub(super) const NOW: &str = "local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]";
