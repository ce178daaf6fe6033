//! Removes the rules of keys that have ended, so that their number does not grow with each rotation.

use std::collections::HashMap;
use std::time::Duration;

use keyward_core::store::{KeyRecord, KeyStatus};
use keyward_core::{CredentialId, Timestamp};
use keyward_limits::{LimitRules, LimitStore, StoredRules, Subject};

use super::Management;
use crate::error::ManagementError;

/// How many rules one run looks at.
const PAGE: usize = 500;
/// So that a clock that is ahead for a while removes nothing.
const SETTLED: Duration = Duration::from_secs(24 * 3_600);
/// Longer than any rotation takes.
const ROTATION: Duration = Duration::from_secs(3_600);
/// So that a loop in damaged records ends.
const LONGEST_CHAIN: usize = 10_000;

/// Where the next run begins.
#[derive(Default)]
pub(super) struct LimitsSweep {
    after: u64,
    /// Successors that do not exist, and since when they are known.
    missing: HashMap<CredentialId, Timestamp>,
}

impl Management {
    pub(super) async fn sweep_limits(&self) -> Result<(), ManagementError> {
        let Some(store) = self.0.limits.as_deref() else { return Ok(()) };
        let mut sweep = self.0.limits_sweep.lock().await;
        let page = store.oldest_rules(sweep.after, PAGE).await?;
        sweep.after = page.last().filter(|_| page.len() == PAGE).map_or(0, |(_, last)| last.version);
        for (subject, stored) in &page {
            if let Subject::Key(key) = subject
                && self.is_over(key, stored, &mut sweep.missing).await?
                && end(store, subject, key, stored).await?
            {
                sweep.missing.remove(key);
            }
        }
        Ok(())
    }

    async fn is_over(
        &self,
        id: &CredentialId,
        stored: &StoredRules,
        missing: &mut HashMap<CredentialId, Timestamp>,
    ) -> Result<bool, ManagementError> {
        let Some(mut key) = self.0.keys.get(id).await? else {
            // Its rotation was cut off, or is under way. Other rules may be those of another store of keys.
            if stored.rules.counts_as().is_none() && !stored.rules.is_empty() {
                return Ok(false);
            }
            let since = *missing.entry(id.clone()).or_insert_with(|| self.now());
            return Ok(self.now().saturating_since(since) > ROTATION);
        };
        missing.remove(id);
        if !self.has_ended(&key) {
            return Ok(false);
        }
        if stored.rules.counts_as().is_some() {
            return Ok(true);
        }
        // Successors have the rules of the first key.
        for _ in 0..LONGEST_CHAIN {
            let Some(next) = &key.rotated_to else { return Ok(true) };
            let Some(successor) = self.0.keys.get(next).await? else { return Ok(true) };
            if !self.has_ended(&successor) {
                return Ok(false);
            }
            key = successor;
        }
        Ok(false)
    }

    fn has_ended(&self, key: &KeyRecord) -> bool {
        match key.status(self.now()) {
            KeyStatus::Expired => key.expires_at.is_some_and(|end| self.now().saturating_since(end) > SETTLED),
            KeyStatus::Revoked | KeyStatus::Compromised => true,
            _ => false,
        }
    }
}

/// The first run removes the rules, so that nodes learn of it. A later one forgets them, and returns `true`.
async fn end(
    store: &dyn LimitStore,
    subject: &Subject,
    key: &CredentialId,
    stored: &StoredRules,
) -> Result<bool, ManagementError> {
    if stored.rules.is_empty() {
        return Ok(store.forget_key(key, stored.version).await?);
    }
    store.put_rules(subject, &LimitRules::new(), Some(stored.version)).await?;
    Ok(false)
}
