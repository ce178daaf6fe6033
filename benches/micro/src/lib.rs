//! What the benchmarks share with the comparison in `benches/peers`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to stop")]

pub mod actix;
pub mod by_hand;
pub mod refusal;
pub mod setting;
pub mod warm_hit;
