mod count;
mod read;
#[cfg(test)]
mod tests;

pub use keyward_api_types::{Usage, UsageDay};

pub(super) use count::Counters;
pub use read::UsageTotal;

pub(crate) const HOUR: i64 = 3_600 * 1_000;

pub(crate) const DAY: i64 = 24 * HOUR;

const ACCEPTED: &str = "accepted";
