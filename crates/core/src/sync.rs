//! The atomics and the lock-free map of the cache.
//!
//! Tests with `--cfg keyward_loom` replace them by loom's atomics and a map with one slot. The flag is not `loom`,
//! because that would change tokio and crossbeam, too.

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
