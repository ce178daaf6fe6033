//! Conformance suites for keyward: one call proves a store, another the limits that it counts, one table proves an adapter.

pub mod hostile;
pub mod limits;
pub mod stores;
