//! Conformance suites for stores and limits, and hostile requests for adapters.

pub mod hostile;
pub mod limits;
pub mod stores;
