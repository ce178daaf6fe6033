//! Limits that all nodes share.

mod permits;
mod rates;

pub use permits::ValkeyPermits;
pub use rates::ValkeyRates;

/// The server's time in microseconds, at the begin of a script.
const NOW: &str = "local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]";
