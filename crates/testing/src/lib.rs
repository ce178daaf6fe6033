//! Conformance suites for [`keyward`]: one call proves a store, one table proves an adapter.

pub mod hostile;
pub mod stores;
