//! Limits that all nodes share.

mod permits;

pub use permits::ValkeyPermits;
