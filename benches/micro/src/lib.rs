//! Code shared with `benches/peers`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to stop")]

pub mod actix;
pub mod baseline;
pub mod fixture;
pub mod growth;
pub mod limits;
pub mod refusal;
pub mod warm_hit;
