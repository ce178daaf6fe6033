//! Counting requests in memory, and writing the counts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_core::adapter::Event;
use keyward_core::{AccountId, CredentialId, CredentialKind, Identity};

use super::{ACCEPTED, HOUR};
use crate::error::ManagementError;
use crate::service::Management;
use crate::store::NewCount;

/// What is counted and not written yet, at most, in each of the parts; more is not counted, rather than kept without bound.
const MAX_COUNTS: usize = 10_000;

type Counted = HashMap<(AccountId, CredentialId, i64, &'static str), u64>;

/// What was counted and not written yet, in parts, so that threads seldom meet.
pub(crate) struct Counters {
    parts: [Mutex<Counted>; 16],
    spread: RandomState,
    /// Whoever writes counts down holds this, so that none are written twice, and who reads usage waits for counts that are being written.
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
    /// Counts what happens to keys, for [`usage`](Self::usage): a hook for the authenticators of the provider's own services.
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

    /// Counts an event: never waits for the store.
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
        let key = (identity.account().clone(), identity.id().clone(), self.now().as_millis() / HOUR, outcome);
        if part.len() < MAX_COUNTS || part.contains_key(&key) {
            *part.entry(key).or_default() += 1;
        }
    }

    /// Writes down what was counted. What cannot be written is kept for the next time. A caller that stops waiting does not stop the write.
    ///
    /// A store that fails may have written the counts all the same, for instance if its answer was lost. They are written again then, so usage
    /// counts at least what was used, and may count it twice.
    ///
    /// # Errors
    /// [`ManagementError::Store`] if the store fails.
    pub async fn flush_usage(&self) -> Result<(), ManagementError> {
        let management = self.clone();
        self.run_to_completion(async move { management.write_usage().await }).await
    }

    async fn write_usage(&self) -> Result<(), ManagementError> {
        let counters = &self.0.counters;
        let _turn = counters.flushing.lock().await;
        for part in &counters.parts {
            // A copy. The counts stay where they are until they are written, so the bound holds for what is being written as well.
            let counted: Vec<_> = lock(part).iter().map(|(row, times)| (row.clone(), *times)).collect();
            if counted.is_empty() {
                continue;
            }
            let counts: Vec<NewCount> = counted
                .iter()
                .map(|((account, key, hour, outcome), times)| NewCount {
                    account: account.to_string(),
                    key: key.to_string(),
                    hour: *hour,
                    outcome: (*outcome).to_owned(),
                    times: *times,
                })
                .collect();
            self.0.store.add(&counts).await?;
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
