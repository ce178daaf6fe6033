//! How keys are used: counts by outcome, key and day.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use keyward_api_types::{Usage, UsageDay};
use keyward_core::adapter::Event;
use keyward_core::{AccountId, CredentialId, CredentialKind, Identity, Timestamp};

use super::Management;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::store::NewCount;

pub(crate) const HOUR: i64 = 3_600 * 1_000;
pub(crate) const DAY: i64 = 24 * HOUR;
/// What is counted of a request that was let in.
const ACCEPTED: &str = "accepted";
/// The most days that can be asked for.
const MAX_DAYS: u32 = 366;
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
        self.to_the_end(async move { management.write_usage().await }).await
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

    /// How a key was used in the last so many days, today among them. Needs `usage:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`], [`ManagementError::Invalid`].
    pub async fn key_usage(&self, actor: &Actor, id: &CredentialId, days: u32) -> Result<Usage, ManagementError> {
        let (key, _) = self.reach(actor, id, &scopes::USAGE_READ).await?;
        self.flush_usage().await?;
        self.read_usage(&key.account, Some(id), days).await
    }

    /// How often a key was accepted in the last 24 hours, to within an hour. Needs `usage:read`.
    ///
    /// # Errors
    /// As for [`key_usage`](Self::key_usage).
    pub async fn accepted_in_a_day(&self, actor: &Actor, id: &CredentialId) -> Result<u64, ManagementError> {
        self.reach(actor, id, &scopes::USAGE_READ).await?;
        self.flush_usage().await?;
        let hour = (self.now().as_millis() / HOUR) - 24;
        Ok(self.0.store.times_since(id.as_str(), ACCEPTED, hour).await?)
    }

    /// How the keys of an account were used in the last so many days, today among them. Needs `usage:read`.
    ///
    /// # Errors
    /// As for [`key_usage`](Self::key_usage).
    pub async fn usage(&self, actor: &Actor, account: &AccountId, days: u32) -> Result<Usage, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        self.flush_usage().await?;
        self.read_usage(account, None, days).await
    }

    /// The first and the last of the last so many days.
    pub(crate) fn days(&self, days: u32) -> Result<(i64, i64), ManagementError> {
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(ManagementError::invalid("days", "1 to 366"));
        }
        let today = self.now().as_millis() / DAY;
        Ok((today - i64::from(days) + 1, today))
    }

    /// What is written down; what this process has counted is in it once it was flushed.
    pub(crate) async fn read_usage(
        &self,
        account: &AccountId,
        key: Option<&CredentialId>,
        days: u32,
    ) -> Result<Usage, ManagementError> {
        let (from, today) = self.days(days)?;
        let counts = self.0.store.counts(account.as_str(), key.map(CredentialId::as_str), from, today).await?;
        let mut found = Vec::with_capacity(counts.len());
        for count in counts {
            found.push(UsageDay {
                key: count.key.parse().map_err(keyward_core::store::StoreError::corrupt)?,
                day: Timestamp::from_millis(count.day * DAY),
                outcome: count.outcome,
                times: count.times,
            });
        }
        found.sort_by(|a, b| (a.day, &a.key, &a.outcome).cmp(&(b.day, &b.key, &b.outcome)));
        Ok(Usage { days: found })
    }
}
