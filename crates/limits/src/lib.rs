//! Permits for concurrent tasks, and rate limits for keys and accounts.
//!
//! # Permits for tasks
//! A task holds its permit until it ends:
//! ```
//! use keyward::Identity;
//! use keyward::limits::{MemoryPermits, TaskPermits};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let permits = TaskPermits::new(MemoryPermits::new(), [("Plus", 1), ("Pro", 3), ("Max", 5)]);
//! let caller = Identity::api_key("key_1".parse()?, "acct_1".parse()?).with_plan("Plus");
//!
//! let permit = permits.acquire(&caller).await?;
//! let refused = permits.acquire(&caller).await.unwrap_err();
//! assert_eq!((refused.status().as_u16(), refused.code()), (429, "CONCURRENCY_LIMIT_EXCEEDED"));
//! tokio::spawn(async move {
//!     // … the task …
//!     drop(permit);
//! })
//! .await?;
//! assert!(permits.acquire(&caller).await.is_ok());
//! # Ok(()) }
//! ```
//!
//! # Rates
//! [`RateLimits::builder`] defines limits, with a quota for each plan. [`RateLimitLayer`] spends from them on tower, and
//! `keyward::actix::RateLimit` in actix-web.
//!
//! # Limits as data
//! [`LimitRules`] hold rates, a budget of credits and a number of tasks for a plan, an account or a key. A [`LimitStore`] keeps them, and
//! [`Limits`] enforces them. Operators change them while services run.
//!
//! # One process or many
//! [`MemoryPermits`] and [`RateLimits`] count in this process. The feature `limits` of `keyward-postgres` and `keyward-valkey` shares
//! limits among nodes.

mod counter;
mod failure;
mod layer;
mod limits;
mod meter;
mod named;
mod permits;
mod plans;
mod rates;
mod request;
mod rules;
mod shared_reads;
mod store;
mod strict;

pub use layer::{RateLimitFuture, RateLimitLayer, RateLimitService};
pub use limits::{Limits, LimitsOptions, Spent};
pub use named::{Each, NamedLimit, NamedLimits, RateLimitError, RateLimitsBuilder};
pub use permits::{Acquired, MemoryPermits, Permit, PermitId, PermitStore, TaskHolder, TaskPermits};
pub use rates::{RateLimiter, RateLimits};
pub use request::RequestLimit;
pub use rules::{BudgetRule, LimitRules, Per, RateRule, Refill, RuleError, Subject};
pub use store::{
    ChangedRules, Counter, CounterState, LimitStore, MemoryLimits, StoredRules, counted_as, credits_left,
    hand_on_rules, rate_left,
};
pub use strict::StrictRates;
