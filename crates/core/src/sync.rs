//! The atomics and the lock-free map that the cache stands on.
//!
//! In tests with `--cfg keyward_loom`, loom's atomics replace them, and a map with one place. The name is not `loom`, which
//! changes tokio and crossbeam, too.

#[cfg(not(all(test, keyward_loom)))]
pub(crate) use papaya::HashMap;
#[cfg(not(all(test, keyward_loom)))]
pub(crate) use std::sync::atomic;

#[cfg(all(test, keyward_loom))]
mod map;
#[cfg(all(test, keyward_loom))]
pub(crate) use loom::sync::atomic;
#[cfg(all(test, keyward_loom))]
pub(crate) use map::HashMap;
