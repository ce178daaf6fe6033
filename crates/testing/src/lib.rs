//! Conformance suites for keyward: one for stores, one for limits, and a table of hostile requests for adapters.

pub mod hostile;
pub mod limits;
pub mod stores;
