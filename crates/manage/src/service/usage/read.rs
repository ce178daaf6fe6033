#[cfg(feature = "dashboard")]
use std::collections::HashMap;

use keyward_core::{AccountId, CredentialId, Timestamp};

use super::{ACCEPTED, DAY, HOUR, Usage, UsageDay, UsageScope};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;
use crate::store::{Count, ScopeCount};
#[cfg(feature = "dashboard")]
use crate::store::{CountUnit, ModeCount};

/// The most days of a query.
const MAX_DAYS: u32 = 366;

/// Days since 1970 (UTC), with both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// The outcomes of a key's requests in some days.
#[cfg(feature = "dashboard")]
#[derive(Clone, Debug)]
pub(crate) struct KeyOutcomes {
    pub(crate) key: CredentialId,
    /// Each with its number of requests.
    outcomes: Vec<(String, u64)>,
}

#[cfg(feature = "dashboard")]
impl KeyOutcomes {
    /// Returns the number of requests.
    pub(crate) fn all(&self) -> u64 {
        self.outcomes.iter().fold(0, |sum, (_, times)| sum.saturating_add(*times))
    }

    /// Returns the number of accepted requests.
    pub(crate) fn accepted(&self) -> u64 {
        self.outcomes.iter().find(|(known, _)| known == ACCEPTED).map_or(0, |(_, times)| *times)
    }

    /// Returns the number of refused requests.
    pub(crate) fn refused(&self) -> u64 {
        self.all().saturating_sub(self.accepted())
    }

    /// Returns the number of requests that were refused for this reason.
    pub(crate) fn refused_for(&self, reason: &str) -> u64 {
        self.refusals().find(|(known, _)| *known == reason).map_or(0, |(_, times)| times)
    }

    /// Returns the reasons of refusals, each with its number of requests.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&str, u64)> {
        let refusals = self.outcomes.iter().filter(|(outcome, _)| outcome != ACCEPTED);
        refusals.map(|(outcome, times)| (outcome.as_str(), *times))
    }
}

/// An account's use on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageTotal {
    /// Start of the day (UTC).
    pub day: Timestamp,
    /// `accepted`, or the reason of a refusal.
    pub outcome: String,
    /// Number of requests.
    pub times: u64,
}

impl From<UsageDay> for UsageTotal {
    fn from(UsageDay { day, outcome, times, .. }: UsageDay) -> Self {
        Self { day, outcome, times }
    }
}

impl Management {
    /// Returns a key's usage in the last `days` days, including today. Needs `usage:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn key_usage(&self, actor: &Actor, id: &CredentialId, days: u32) -> Result<Usage, ManagementError> {
        self.key_usage_in(actor, id, self.last_days(days)?).await
    }

    /// Returns the usage in some days.
    pub(crate) async fn key_usage_in(
        &self,
        actor: &Actor,
        id: &CredentialId,
        days: Days,
    ) -> Result<Usage, ManagementError> {
        let (key, _) = self.authorize_key(actor, id, &scopes::USAGE_READ).await?;
        self.usage_in(&key.account, Some(id), days).await
    }

    /// Returns how often a key was accepted in the last 24 hours, to within an hour. Needs `usage:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn accepted_in_a_day(&self, actor: &Actor, id: &CredentialId) -> Result<u64, ManagementError> {
        self.authorize_key(actor, id, &scopes::USAGE_READ).await?;
        self.flush_times().await?;
        let hour = (self.now().as_millis() / HOUR) - 24;
        Ok(self.0.store.times_since(id.as_str(), ACCEPTED, hour).await?)
    }

    /// Returns the [usage](Self::key_usage) of an account's keys. Needs `usage:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn usage(&self, actor: &Actor, account: &AccountId, days: u32) -> Result<Usage, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        self.usage_in(account, None, self.last_days(days)?).await
    }

    async fn usage_in(
        &self,
        account: &AccountId,
        key: Option<&CredentialId>,
        days: Days,
    ) -> Result<Usage, ManagementError> {
        self.flush_times().await?;
        let scopes = self.read_scopes(account, key, days).await?;
        Ok(Usage { scopes, ..self.read_usage(account, key, days).await? })
    }

    /// Returns the total [usage](Self::key_usage) of an account's keys. Needs `usage:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn usage_totals(
        &self,
        actor: &Actor,
        account: &AccountId,
        days: u32,
    ) -> Result<Vec<UsageTotal>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        let days = self.kept(self.last_days(days)?);
        self.flush_times().await?;
        let totals = self.0.store.totals(account.as_str(), days.from, days.to).await?;
        let total = |count: Count| UsageTotal {
            day: Timestamp::from_millis(count.day * DAY),
            outcome: count.outcome,
            times: count.times,
        };
        Ok(totals.into_iter().map(total).collect())
    }

    /// Returns the [usage](Self::key_usage) of some keys, without that by scope. Needs `usage:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn usage_of_keys(
        &self,
        actor: &Actor,
        account: &AccountId,
        keys: &[CredentialId],
        days: u32,
    ) -> Result<Usage, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        let days = self.last_days(days)?;
        self.flush_times().await?;
        let mut found: Vec<UsageDay> = Vec::new();
        for key in keys {
            found.extend(self.read_usage(account, Some(key), days).await?.days);
        }
        Ok(Usage { days: found, ..Usage::default() })
    }

    /// Returns the last days, with today.
    pub(crate) fn last_days(&self, days: u32) -> Result<Days, ManagementError> {
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(ManagementError::invalid("days", format!("{days} is out of range: expected 1 to 366")));
        }
        let today = self.now().as_millis() / DAY;
        Ok(Days { from: today - i64::from(days) + 1, to: today })
    }

    /// Flush first to include this process's counts.
    async fn read_usage(
        &self,
        account: &AccountId,
        key: Option<&CredentialId>,
        days: Days,
    ) -> Result<Usage, ManagementError> {
        let (key, days) = (key.map(CredentialId::as_str), self.kept(days));
        let counts = self.0.store.counts(account.as_str(), key, days.from, days.to).await?;
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
        Ok(Usage { days: found, ..Usage::default() })
    }

    /// Returns how often keys were required to have each scope.
    pub(crate) async fn read_scopes(
        &self,
        account: &AccountId,
        key: Option<&CredentialId>,
        days: Days,
    ) -> Result<Vec<UsageScope>, ManagementError> {
        self.flush_scopes(Some(account)).await?;
        let (key, days) = (key.map(CredentialId::as_str), self.kept(days));
        let counts = self.0.store.scopes(account.as_str(), key, days.from, days.to).await?;
        Ok(counts.into_iter().map(usage_scope).collect())
    }
}

fn usage_scope(count: ScopeCount) -> UsageScope {
    let ScopeCount { day, scope, outcome, times, .. } = count;
    UsageScope { day: Timestamp::from_millis(day * DAY), scope, outcome, times }
}

#[cfg(feature = "dashboard")]
impl Management {
    /// Returns how often each of these keys was required to have each scope.
    pub(crate) async fn scopes_of_keys(
        &self,
        account: &AccountId,
        keys: &[CredentialId],
        days: Days,
    ) -> Result<HashMap<CredentialId, Vec<UsageScope>>, ManagementError> {
        let mut found: HashMap<CredentialId, Vec<UsageScope>> = HashMap::new();
        if keys.is_empty() {
            return Ok(found);
        }
        self.flush_scopes(Some(account)).await?;
        let days = self.kept(days);
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        for count in self.0.store.scopes_of_keys(account.as_str(), &keys, days.from, days.to).await? {
            let key = count.key.parse().map_err(keyward_core::store::StoreError::corrupt)?;
            found.entry(key).or_default().push(usage_scope(count));
        }
        Ok(found)
    }

    /// Returns the usage of an account's keys by mode, from the hour or day `from` to `to` inclusive. Needs `usage:read`.
    pub(crate) async fn usage_by_mode(
        &self,
        actor: &Actor,
        account: &AccountId,
        unit: CountUnit,
        from: i64,
        to: i64,
    ) -> Result<Vec<ModeCount>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        self.flush_times().await?;
        let first = match unit {
            CountUnit::Hour => self.first_kept_day() * 24,
            CountUnit::Day => self.first_kept_day(),
        };
        Ok(self.0.store.modes(account.as_str(), unit, from.max(first), to).await?)
    }

    /// Returns the usage of an account's keys by required scope. Needs `usage:read`.
    pub(crate) async fn usage_by_scope(
        &self,
        actor: &Actor,
        account: &AccountId,
        days: Days,
    ) -> Result<Vec<UsageScope>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        self.read_scopes(account, None, days).await
    }

    /// Returns how many requests each of these keys had, if any. Flush first to include this process's counts. Needs `usage:read`.
    pub(crate) async fn requests_of_keys(
        &self,
        actor: &Actor,
        account: &AccountId,
        keys: &[String],
        days: Days,
    ) -> Result<HashMap<CredentialId, u64>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        let days = self.kept(days);
        let mut requests: HashMap<CredentialId, u64> = HashMap::new();
        for count in self.0.store.totals_of_keys(account.as_str(), keys, days.from, days.to).await? {
            let key = count.key.parse().map_err(keyward_core::store::StoreError::corrupt)?;
            let sum = requests.entry(key).or_default();
            *sum = sum.saturating_add(count.times);
        }
        Ok(requests)
    }

    /// Returns the outcomes of each key of an account, by key. Needs `usage:read`.
    pub(crate) async fn usage_by_key(
        &self,
        actor: &Actor,
        account: &AccountId,
        days: Days,
    ) -> Result<Vec<KeyOutcomes>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        self.flush_times().await?;
        let days = self.kept(days);
        let mut keys: Vec<KeyOutcomes> = Vec::new();
        for count in self.0.store.key_totals(account.as_str(), days.from, days.to).await? {
            let outcome = (count.outcome, count.times);
            match keys.last_mut() {
                Some(last) if last.key.as_str() == count.key => last.outcomes.push(outcome),
                _ => {
                    let key = count.key.parse().map_err(keyward_core::store::StoreError::corrupt)?;
                    keys.push(KeyOutcomes { key, outcomes: vec![outcome] });
                }
            }
        }
        Ok(keys)
    }
}
