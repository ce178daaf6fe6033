//! Plans that no limit lists, which may be mistyped.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use keyward_core::AccountId;
use smol_str::SmolStr;

/// The most plans to remember, so that generated names do not fill the memory.
const MOST: usize = 1_000;

/// The plans that were logged.
#[derive(Debug, Default)]
pub(crate) struct UnlistedPlans(RwLock<HashSet<SmolStr>>);

impl UnlistedPlans {
    /// Logs each plan once. `limit` names where it is missing, and `known` the listed ones.
    pub(crate) fn warn<'a>(
        &self,
        limit: &str,
        plan: &str,
        account: &AccountId,
        known: impl Iterator<Item = &'a str>,
        applies: &str,
    ) {
        if self.0.read().unwrap_or_else(PoisonError::into_inner).contains(plan) {
            return;
        }
        let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < MOST && seen.insert(plan.into()) {
            drop(seen);
            let mut known: Vec<&str> = known.collect();
            known.sort_unstable();
            tracing::warn!(
                limit,
                plan,
                %account,
                ?known,
                "an account has a plan that this limit does not list, so {applies}; correct the account's plan, or list the plan"
            );
        }
    }
}
