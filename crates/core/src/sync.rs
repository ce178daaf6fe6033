//! `--cfg keyward_loom` replaces these. `loom` would change tokio and crossbeam, too.

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
