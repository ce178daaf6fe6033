use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::AtomicI64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_core::adapter::Event;
use keyward_core::scope::first_distinct;
use keyward_core::{AccountId, CredentialId, CredentialKind, Identity, Mode, Rejection, Scope};

use super::{ACCEPTED, DAY, HOUR, INSUFFICIENT_SCOPE};
use crate::error::ManagementError;
use crate::service::Management;
use crate::store::{MOST_SCOPES, NewCount, ScopeCount};

const MAX_COUNTS: usize = 10_000;

/// The refusals that are announced as events.
const LIMITS: [&str; 3] = ["rate_limit_exceeded", "concurrency_limit_exceeded", "budget_exhausted"];

/// The account, the key, its mode, the hour and the outcome.
type Row = (AccountId, CredentialId, Mode, i64, &'static str);

/// The account, the key, the day, the required scope and the outcome.
type ScopeRow = (AccountId, CredentialId, i64, Scope, &'static str);

#[derive(Default)]
struct Counted {
    times: HashMap<Row, u64>,
    scopes: HashMap<ScopeRow, u64>,
    /// Calls that were refused after they were written as accepted. The next accepted ones of the key are not counted.
    owed: HashMap<CredentialId, u64>,
}

/// Parts, so that threads seldom contend.
pub(crate) struct Counters {
    parts: [Mutex<Counted>; 16],
    spread: RandomState,
    /// So that no count is written twice, and readers wait.
    flushing: tokio::sync::Mutex<()>,
    /// The counts of earlier days were removed.
    pub(super) kept_from: AtomicI64,
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
            kept_from: AtomicI64::new(i64::MIN),
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
            Event::Accepted { identity } => self.count_one(identity, ACCEPTED, false),
            Event::KeyRefused { identity, rejection, accepted } => {
                self.count_one(identity, rejection.reason(), *accepted);
                if let Rejection::InsufficientScope(required) = rejection {
                    self.count_scopes(identity, required.scopes(), INSUFFICIENT_SCOPE);
                }
            }
            Event::ScopesGranted { identity, required } => {
                self.count_scopes(identity, required, ACCEPTED);
            }
            _ => {}
        }
    }

    /// Counts the required scopes that the key has, or those that it lacked.
    fn count_scopes(&self, identity: &Identity, required: &[Scope], outcome: &'static str) {
        if identity.kind() == CredentialKind::AccessToken {
            return;
        }
        let Some(part) = self.0.counters.part(identity.id()) else { return };
        let day = self.now().as_millis() / DAY;
        let is_counted = |scope: &Scope| identity.allows(scope) == (outcome == ACCEPTED);
        let counted = first_distinct(required, MOST_SCOPES, is_counted);
        let mut part = lock(part);
        for scope in counted {
            let row = (identity.account().clone(), identity.id().clone(), day, scope.clone(), outcome);
            add(&mut part.scopes, row);
        }
    }

    /// With `was_accepted`, the request was counted as accepted before.
    fn count_one(&self, identity: &Identity, outcome: &'static str, was_accepted: bool) {
        if identity.kind() == CredentialKind::AccessToken {
            return;
        }
        let Some(part) = self.0.counters.part(identity.id()) else { return };
        let mut part = lock(part);
        let hour = self.now().as_millis() / HOUR;
        let row = |hour, outcome| (identity.account().clone(), identity.id().clone(), identity.mode(), hour, outcome);
        if outcome == ACCEPTED && part.is_owed(identity.id()) {
            return;
        }
        if was_accepted {
            let known = [hour, hour - 1].into_iter().find(|hour| part.times.contains_key(&row(*hour, ACCEPTED)));
            match known {
                Some(hour) => part.take_back(&row(hour, ACCEPTED)),
                None => part.owe(identity.id(), 1),
            }
        }
        add(&mut part.times, row(hour, outcome));
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
        // Neither kind of count waits for the other.
        let times = self.write_times(&counters.parts).await;
        let scopes = self.write_scopes(&counters.parts).await;
        times.and(scopes)
    }

    async fn write_times(&self, parts: &[Mutex<Counted>]) -> Result<(), ManagementError> {
        for part in parts {
            // A copy: the counts stay until they are written, so the maximum includes them.
            let counted: Vec<_> = lock(part).times.iter().map(|(row, times)| (row.clone(), *times)).collect();
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
                let known = part.times.get(&row).copied().unwrap_or(0);
                // Others were taken back while they were written.
                if let Some(owed) = written.checked_sub(known).filter(|owed| *owed > 0) {
                    part.owe(&row.1, owed);
                }
                subtract(&mut part.times, row, written);
            }
            part.times.shrink_to_fit();
        }
        Ok(())
    }

    async fn write_scopes(&self, parts: &[Mutex<Counted>]) -> Result<(), ManagementError> {
        for part in parts {
            let counted: Vec<_> = lock(part).scopes.iter().map(|(row, times)| (row.clone(), *times)).collect();
            if counted.is_empty() {
                continue;
            }
            let counts: Vec<ScopeCount> = counted
                .iter()
                .map(|((account, key, day, scope, outcome), times)| ScopeCount {
                    account: account.to_string(),
                    key: key.to_string(),
                    day: *day,
                    scope: scope.as_str().to_owned(),
                    outcome: (*outcome).to_owned(),
                    times: *times,
                })
                .collect();
            self.0.store.add_scopes(&counts).await?;
            let mut part = lock(part);
            for (row, written) in counted {
                subtract(&mut part.scopes, row, written);
            }
            part.scopes.shrink_to_fit();
        }
        Ok(())
    }
}

impl Counters {
    fn part(&self, key: &CredentialId) -> Option<&Mutex<Counted>> {
        self.parts.get(self.spread.hash_one(key) as usize % self.parts.len())
    }
}

/// Takes away what is written.
fn subtract<R: Eq + Hash>(times: &mut HashMap<R, u64>, row: R, written: u64) {
    if let Entry::Occupied(mut times) = times.entry(row) {
        *times.get_mut() = times.get().saturating_sub(written);
        if *times.get() == 0 {
            times.remove();
        }
    }
}

/// Adds one, unless the row is new and there are too many.
fn add<R: Eq + Hash>(times: &mut HashMap<R, u64>, row: R) {
    if times.len() < MAX_COUNTS || times.contains_key(&row) {
        *times.entry(row).or_default() += 1;
    }
}

impl Counted {
    fn is_owed(&mut self, key: &CredentialId) -> bool {
        let Some(owed) = self.owed.get_mut(key) else { return false };
        *owed -= 1;
        if *owed == 0 {
            self.owed.remove(key);
        }
        true
    }

    fn owe(&mut self, key: &CredentialId, times: u64) {
        if self.owed.len() < MAX_COUNTS || self.owed.contains_key(key) {
            *self.owed.entry(key.clone()).or_default() += times;
        }
    }

    fn take_back(&mut self, row: &Row) {
        if let Some(times) = self.times.get_mut(row) {
            *times -= 1;
            if *times == 0 {
                self.times.remove(row);
            }
        }
    }
}
