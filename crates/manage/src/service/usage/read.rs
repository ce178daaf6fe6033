use keyward_core::{AccountId, CredentialId, Timestamp};

use super::{ACCEPTED, DAY, HOUR, Usage, UsageDay, UsageScope};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;
use crate::store::{Count, ScopeCount};
#[cfg(feature = "dashboard")]
use crate::store::{CountUnit, KeyTotal, ModeCount};

const MAX_DAYS: u32 = 366;

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
        let (key, _) = self.authorize_key(actor, id, &scopes::USAGE_READ).await?;
        self.flush_times().await?;
        let scopes = self.read_scopes(&key.account, Some(id), days).await?;
        Ok(Usage { scopes, ..self.read_usage(&key.account, Some(id), days).await? })
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
        self.flush_times().await?;
        let scopes = self.read_scopes(account, None, days).await?;
        Ok(Usage { scopes, ..self.read_usage(account, None, days).await? })
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
        let (from, today) = self.days(days)?;
        self.flush_times().await?;
        let totals = self.0.store.totals(account.as_str(), from, today).await?;
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
        self.flush_times().await?;
        let mut found: Vec<UsageDay> = Vec::new();
        for key in keys {
            found.extend(self.read_usage(account, Some(key), days).await?.days);
        }
        Ok(Usage { days: found, ..Usage::default() })
    }

    pub(crate) fn days(&self, days: u32) -> Result<(i64, i64), ManagementError> {
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(ManagementError::invalid("days", format!("{days} is out of range: expected 1 to 366")));
        }
        let today = self.now().as_millis() / DAY;
        Ok((today - i64::from(days) + 1, today))
    }

    /// Flush first to include this process's counts.
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
        Ok(Usage { days: found, ..Usage::default() })
    }

    /// Returns how often keys were required to have each scope.
    pub(crate) async fn read_scopes(
        &self,
        account: &AccountId,
        key: Option<&CredentialId>,
        days: u32,
    ) -> Result<Vec<UsageScope>, ManagementError> {
        let (from, today) = self.days(days)?;
        self.flush_scopes(Some(account)).await?;
        let counts = self.0.store.scopes(account.as_str(), key.map(CredentialId::as_str), from, today).await?;
        let scope = |count: ScopeCount| UsageScope {
            day: Timestamp::from_millis(count.day * DAY),
            scope: count.scope,
            outcome: count.outcome,
            times: count.times,
        };
        Ok(counts.into_iter().map(scope).collect())
    }
}

#[cfg(feature = "dashboard")]
impl Management {
    /// Returns the usage of an account's keys by mode in the last hours or days, with the current one. Needs `usage:read`.
    pub(crate) async fn usage_by_mode(
        &self,
        actor: &Actor,
        account: &AccountId,
        unit: CountUnit,
        number: u32,
    ) -> Result<Vec<ModeCount>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        self.flush_times().await?;
        let length = match unit {
            CountUnit::Hour => HOUR,
            CountUnit::Day => DAY,
        };
        let last = self.now().as_millis() / length;
        Ok(self.0.store.modes(account.as_str(), unit, last - i64::from(number) + 1, last).await?)
    }

    /// Returns the usage of an account's keys by required scope. Needs `usage:read`.
    pub(crate) async fn usage_by_scope(
        &self,
        actor: &Actor,
        account: &AccountId,
        days: u32,
    ) -> Result<Vec<UsageScope>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        self.read_scopes(account, None, days).await
    }

    /// Returns the keys of an account with the most requests in the last `days` days. Needs `usage:read`.
    pub(crate) async fn busiest_keys(
        &self,
        actor: &Actor,
        account: &AccountId,
        days: u32,
        limit: usize,
    ) -> Result<Vec<KeyTotal>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        let (from, today) = self.days(days)?;
        self.flush_times().await?;
        Ok(self.0.store.busiest(account.as_str(), from, today, limit).await?)
    }

    /// Returns how often each key of an account was refused in the last `days` days, and why. Needs `usage:read`.
    pub(crate) async fn refusals(
        &self,
        actor: &Actor,
        account: &AccountId,
        days: u32,
    ) -> Result<Vec<(CredentialId, String, u64)>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        let (from, today) = self.days(days)?;
        self.flush_times().await?;
        let counts = self.0.store.refusals(account.as_str(), from, today).await?;
        let refusal = |count: Count| {
            let key = count.key.parse().map_err(keyward_core::store::StoreError::corrupt)?;
            Ok((key, count.outcome, count.times))
        };
        counts.into_iter().map(refusal).collect()
    }
}
