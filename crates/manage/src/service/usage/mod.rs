mod count;
mod read;
mod retention;
mod scopes;
#[cfg(test)]
mod tests;

pub use keyward_api_types::{Usage, UsageDay, UsageScope};

pub(super) use count::Counters;
pub use read::UsageTotal;
#[cfg(feature = "dashboard")]
pub(crate) use read::{Days, KeyOutcomes};

pub(crate) const HOUR: i64 = 3_600 * 1_000;

pub(crate) const DAY: i64 = 24 * HOUR;

const ACCEPTED: &str = "accepted";

/// The [reason](keyward_core::Rejection::reason) of a refusal for a scope.
pub(crate) const INSUFFICIENT_SCOPE: &str = "insufficient_scope";
