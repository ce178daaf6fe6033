use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicI64;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use keyward_core::adapter::Event;
use keyward_core::scope::first_distinct;
use keyward_core::{AccountId, CredentialId, CredentialKind, Identity, Mode, Rejection, Scope};

use super::scopes::{Row as ScopeRow, ScopeCounts, Taken, Tally};
use super::{ACCEPTED, DAY, HOUR, INSUFFICIENT_SCOPE};
use crate::error::ManagementError;
use crate::scope_catalog::ScopeCatalog;
use crate::service::Management;
use crate::store::{MOST_SCOPES, NewCount};

const MAX_COUNTS: usize = 10_000;

/// A write keeps the store's lock for this many rows, and ends before the store's timeout.
const BATCH: usize = 500;

/// The refusals that are announced as events.
const LIMITS: [&str; 3] = ["rate_limit_exceeded", "concurrency_limit_exceeded", "budget_exhausted"];

/// The account, the key, its mode, the hour and the outcome.
type Row = (AccountId, CredentialId, Mode, i64, &'static str);

#[derive(Default)]
struct Counted {
    times: HashMap<Row, u64>,
    scopes: ScopeCounts,
    /// Calls that were refused after they were written as accepted. The next accepted ones of the key are not counted.
    owed: HashMap<CredentialId, u64>,
    dropped: u64,
}

/// Parts, so that threads seldom contend.
pub(crate) struct Counters {
    parts: [Mutex<Counted>; 16],
    spread: RandomState,
    /// So that no count is written twice, and readers wait.
    flushing: tokio::sync::Mutex<()>,
    /// The counts of earlier days were removed.
    pub(super) kept_from: AtomicI64,
    /// Held for a batch, so that a reader waits for no other account's flood.
    flushing_scopes: tokio::sync::Mutex<()>,
    /// The scopes of the catalogues.
    listed: RwLock<HashSet<String>>,
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
            flushing_scopes: tokio::sync::Mutex::default(),
            listed: RwLock::default(),
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
        let listed = self.0.counters.listed.read().unwrap_or_else(PoisonError::into_inner);
        let names = |scope: &Scope| identity.scopes().iter().any(|grant| grant.as_str() == scope.as_str());
        let mut part = lock(part);
        for scope in counted {
            let tally = Tally { times: 1, is_listed: listed.contains(scope.as_str()) || names(scope) };
            let row = ScopeRow { key: Some(identity.id().clone()), day, scope: Some(scope.clone()), outcome };
            part.scopes.add(identity.account(), row, tally);
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
        part.add(row(hour, outcome));
    }

    /// Writes the counts. Unwritten counts stay for the next call. A caller that stops waiting does not stop the
    /// write. A failed write may count requests twice, but never loses one.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn flush_usage(&self) -> Result<(), ManagementError> {
        let times = self.flush_times().await;
        let scopes = self.flush_scopes(None).await;
        times.and(scopes)
    }

    /// Writes all counts, except those by scope.
    pub(crate) async fn flush_times(&self) -> Result<(), ManagementError> {
        let management = self.clone();
        Self::run_to_completion(async move { management.write_times().await }).await
    }

    /// Writes the counts by scope of all accounts, or of one.
    pub(super) async fn flush_scopes(&self, of: Option<&AccountId>) -> Result<(), ManagementError> {
        let (management, of) = (self.clone(), of.cloned());
        Self::run_to_completion(async move { management.write_scopes(of.as_ref()).await }).await
    }

    async fn write_times(&self) -> Result<(), ManagementError> {
        let counters = &self.0.counters;
        let _turn = counters.flushing.lock().await;
        let first = self.first_kept_day() * 24;
        for part in &counters.parts {
            // A copy: the counts stay until they are written, so the maximum includes them.
            let counted: Vec<_> = {
                let mut part = lock(part);
                part.times.retain(|(_, _, _, hour, _), _| *hour >= first);
                part.times.iter().map(|(row, times)| (row.clone(), *times)).collect()
            };
            for batch in counted.chunks(BATCH) {
                self.write_batch(part, batch).await?;
            }
            if !counted.is_empty() {
                lock(part).times.shrink_to_fit();
            }
        }
        Ok(())
    }

    async fn write_batch(&self, part: &Mutex<Counted>, batch: &[(Row, u64)]) -> Result<(), ManagementError> {
        let counts: Vec<NewCount> = batch
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
        for (account, key, _, _, outcome) in batch.iter().map(|(row, _)| row) {
            if LIMITS.contains(outcome)
                && let Err(error) = self.announce_limit_reached(account, key).await
            {
                // The counts are written. A further refusal announces the limit again.
                tracing::warn!(%error, %key, "a reached limit was not announced");
            }
        }
        let mut part = lock(part);
        for (row, written) in batch {
            let known = part.times.get(row).copied().unwrap_or(0);
            // Others were taken back while they were written.
            if let Some(owed) = written.checked_sub(known).filter(|owed| *owed > 0) {
                part.owe(&row.1, owed);
            }
            part.subtract(row, *written);
        }
        Ok(())
    }

    async fn write_scopes(&self, of: Option<&AccountId>) -> Result<(), ManagementError> {
        let (counters, first) = (&self.0.counters, self.first_kept_day());
        // Requests that come during the write are left, so that it ends.
        let mut left = usize::MAX;
        while left > 0 {
            let _turn = counters.flushing_scopes.lock().await;
            left = left.min(counters.parts.iter().map(|part| lock(part).scopes.rows(of)).sum());
            let batch = counters.take_scopes(of, BATCH.min(left));
            left -= batch.len();
            let counts: Vec<_> = batch.iter().map(Taken::to_count).filter(|count| count.day >= first).collect();
            if !counts.is_empty()
                && let Err(error) = self.0.store.add_scopes(&counts).await
            {
                counters.put_back(batch);
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Adds the scopes of the operator's catalogue.
    pub(in crate::service) async fn refresh_listed_scopes(&self) -> Result<(), ManagementError> {
        let Some(catalog) = self.api_description().await?.value.scopes else { return Ok(()) };
        self.list_scopes(&catalog);
        Ok(())
    }

    /// Keeps names for these scopes in the counts.
    pub(crate) fn list_scopes(&self, catalog: &ScopeCatalog) {
        let mut listed = self.0.counters.listed.write().unwrap_or_else(PoisonError::into_inner);
        listed.extend(catalog.scopes().map(ToString::to_string));
    }

    pub(in crate::service) fn report_dropped_counts(&self) {
        let dropped = self.dropped_counts();
        if dropped > 0 {
            keyward_core::log_limited!(
                warn,
                dropped,
                "counts of requests lost their key, because too many came at once"
            );
        }
        #[cfg(feature = "metrics")]
        {
            metrics::describe_counter!(
                "keyward_usage_counts_dropped_total",
                "Counts of requests that are missing for their key, because too many came at once"
            );
            metrics::counter!("keyward_usage_counts_dropped_total").increment(dropped);
        }
    }

    /// Returns how many counts lost their key since the last call.
    pub(super) fn dropped_counts(&self) -> u64 {
        let dropped = |part: &Mutex<Counted>| {
            let mut part = lock(part);
            part.scopes.take_dropped().saturating_add(std::mem::take(&mut part.dropped))
        };
        self.0.counters.parts.iter().map(dropped).sum()
    }
}

impl Counters {
    fn part(&self, key: &CredentialId) -> Option<&Mutex<Counted>> {
        self.parts.get(self.spread.hash_one(key) as usize % self.parts.len())
    }

    fn take_scopes(&self, of: Option<&AccountId>, most: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        for part in &self.parts {
            let left = most - taken.len();
            taken.extend(lock(part).scopes.take(of, left));
        }
        taken
    }

    fn put_back(&self, taken: Vec<Taken>) {
        for taken in taken {
            if let Some(part) = taken.key().and_then(|key| self.part(key)).or(self.parts.first()) {
                lock(part).scopes.put_back(taken);
            }
        }
    }
}

impl Counted {
    /// Adds one, unless the row is new and there are too many.
    fn add(&mut self, row: Row) {
        if self.times.len() < MAX_COUNTS || self.times.contains_key(&row) {
            *self.times.entry(row).or_default() += 1;
        } else {
            self.dropped += 1;
        }
    }

    /// Takes away what is written.
    fn subtract(&mut self, row: &Row, written: u64) {
        if let Entry::Occupied(mut times) = self.times.entry(row.clone()) {
            *times.get_mut() = times.get().saturating_sub(written);
            if *times.get() == 0 {
                times.remove();
            }
        }
    }

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
