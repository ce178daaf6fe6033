//! keyward's epochs, gate and front, checked over the interleavings of threads (of two all, of three those with up to two preemptions) and every outcome of their atomic operations
//! that Rust's memory model allows, by loom.
//!
//! The sources are those of core, taken in by their paths, so what is checked is what runs. Only what they stand on is
//! replaced: the atomics by loom's, the number of stripes by one, and the lock-free map by one that has a
//! single place. [`Node`] puts them together as `cache/mod.rs` and `lease.rs` do; [`Store`] is a database with a replica
//! that lags.

// What core uses of these and a model does not.
#![expect(dead_code, reason = "the sources of core are taken in as they are")]
#![allow(clippy::modulo_one, reason = "there is one stripe")]

mod cache;
mod map;
mod node;
mod store;

pub use node::{Node, Order};
pub use store::Store;

/// The names under which the sources of core find what they import.
mod clock {
    pub(crate) use keyward::clock::Clock;
}

mod id {
    pub(crate) use keyward::{AccountId, CredentialId};
}

mod identity {
    pub(crate) use keyward::Identity;
}

mod key {
    pub(crate) use keyward::key::Digest;
}
