use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_core::adapter::Event;
use keyward_core::{AccountId, CredentialId, CredentialKind, Identity, Mode};

use super::{ACCEPTED, HOUR};
use crate::error::ManagementError;
use crate::service::Management;
use crate::store::NewCount;

const MAX_COUNTS: usize = 10_000;

/// The refusals that are announced as events.
const LIMITS: [&str; 3] = ["rate_limit_exceeded", "concurrency_limit_exceeded", "budget_exhausted"];

type Counted = HashMap<(AccountId, CredentialId, Mode, i64, &'static str), u64>;

/// Parts, so that threads seldom contend.
pub(crate) struct Counters {
    parts: [Mutex<Counted>; 16],
    spread: RandomState,
    /// So that no count is written twice, and readers wait.
    flushing: tokio::sync::Mutex<()>,
}

fn lock(part: &Mutex<Counted>) -> MutexGuard<'_, Counted> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            parts: std::array::from_fn(|_| Mutex::default()),
            spread: RandomState::new(),
            flushing: tokio::sync::Mutex::default(),
        }
    }
}

impl Management {
    /// Returns a hook that counts key use.
    ///
    /// # Examples
    /// ```
    /// # use keyward::manage::{Management, SqliteManagementStore};
    /// # use keyward::sqlite::SqliteStore;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let authenticator = keyward::Authenticator::builder(store).on_event(management.usage_hook()).build()?;
    /// # let _ = authenticator;
    /// # Ok(()) }
    /// ```
    pub fn usage_hook(&self) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
        let management = self.clone();
        move |event| management.count(event)
    }

    pub(crate) fn count(&self, event: &Event<'_>) {
        match event {
            Event::Accepted { identity } => self.count_one(identity, ACCEPTED),
            Event::KeyRefused { identity, rejection } => self.count_one(identity, rejection.reason()),
            _ => {}
        }
    }

    fn count_one(&self, identity: &Identity, outcome: &'static str) {
        if identity.kind() == CredentialKind::AccessToken {
            return;
        }
        let counters = &self.0.counters;
        let place = counters.spread.hash_one(identity.id()) as usize % counters.parts.len();
        let Some(part) = counters.parts.get(place) else { return };
        let mut part = lock(part);
        let hour = self.now().as_millis() / HOUR;
        let key = (identity.account().clone(), identity.id().clone(), identity.mode(), hour, outcome);
        if part.len() < MAX_COUNTS || part.contains_key(&key) {
            *part.entry(key).or_default() += 1;
        }
    }

    /// Writes the counts. Unwritten counts stay for the next call. A caller that stops waiting does not stop the
    /// write. A failed write may count requests twice, but never loses one.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn flush_usage(&self) -> Result<(), ManagementError> {
        let management = self.clone();
        Self::run_to_completion(async move { management.write_usage().await }).await
    }

    async fn write_usage(&self) -> Result<(), ManagementError> {
        let counters = &self.0.counters;
        let _turn = counters.flushing.lock().await;
        for part in &counters.parts {
            // A copy: the counts stay until they are written, so the maximum includes them.
            let counted: Vec<_> = lock(part).iter().map(|(row, times)| (row.clone(), *times)).collect();
            if counted.is_empty() {
                continue;
            }
            let counts: Vec<NewCount> = counted
                .iter()
                .map(|((account, key, mode, hour, outcome), times)| NewCount {
                    account: account.to_string(),
                    key: key.to_string(),
                    hour: *hour,
                    mode: *mode,
                    outcome: (*outcome).to_owned(),
                    times: *times,
                })
                .collect();
            self.0.store.add(&counts).await?;
            for (account, key, _, _, outcome) in counted.iter().map(|(row, _)| row) {
                if LIMITS.contains(outcome)
                    && let Err(error) = self.announce_limit_reached(account, key).await
                {
                    // The counts are written. A further refusal announces the limit again.
                    tracing::warn!(%error, %key, "a reached limit was not announced");
                }
            }
            let mut part = lock(part);
            for (row, written) in counted {
                if let Entry::Occupied(mut times) = part.entry(row) {
                    *times.get_mut() = times.get().saturating_sub(written);
                    if *times.get() == 0 {
                        times.remove();
                    }
                }
            }
            part.shrink_to_fit();
        }
        Ok(())
    }
}
