//! What an overview of an account's keys says of them.

use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{AccountId, CredentialId, Timestamp};

use super::usage::{self, Usage, UsageDay};
use super::{Management, SignUpPolicy};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;

/// How all keys of an account together were used on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageTotal {
    /// The day's beginning (UTC).
    pub day: Timestamp,
    /// `accepted`, or the reason of a refusal.
    pub outcome: String,
    /// How often.
    pub times: u64,
}

impl From<UsageDay> for UsageTotal {
    fn from(UsageDay { day, outcome, times, .. }: UsageDay) -> Self {
        Self { day, outcome, times }
    }
}

impl Management {
    /// How the keys of an account together were used in the last so many days, today among them. Needs `usage:read`.
    ///
    /// # Errors
    /// As for [`usage`](Self::usage).
    pub async fn usage_totals(
        &self,
        actor: &Actor,
        account: &AccountId,
        days: u32,
    ) -> Result<Vec<UsageTotal>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        let (from, today) = self.days(days)?;
        self.flush_usage().await?;
        let totals = self.0.store.totals(account.as_str(), from, today).await?;
        let total = |count: crate::store::Count| UsageTotal {
            day: Timestamp::from_millis(count.day * usage::DAY),
            outcome: count.outcome,
            times: count.times,
        };
        Ok(totals.into_iter().map(total).collect())
    }

    /// Whether people add themselves.
    #[must_use]
    pub fn sign_up_policy(&self) -> SignUpPolicy {
        self.0.settings.sign_up
    }

    /// How these keys of an account were used in the last so many days, today among them: as [`usage`](Self::usage), without
    /// the rest of the account. Needs `usage:read`.
    ///
    /// # Errors
    /// As for [`key_usage`](Self::key_usage).
    pub async fn usage_of_keys(
        &self,
        actor: &Actor,
        account: &AccountId,
        keys: &[CredentialId],
        days: u32,
    ) -> Result<Usage, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::USAGE_READ)?;
        self.flush_usage().await?;
        let mut found: Vec<UsageDay> = Vec::new();
        for key in keys {
            found.extend(self.read_usage(account, Some(key), days).await?.days);
        }
        Ok(Usage { days: found })
    }

    /// How many keys there are of those asked for with one of these statuses, up to `at_most`. Needs `keys:read`.
    ///
    /// # Errors
    /// As for [`keys`](Self::keys).
    pub async fn count_keys(
        &self,
        actor: &Actor,
        query: &KeyQuery,
        statuses: &[KeyStatus],
        at_most: usize,
    ) -> Result<usize, ManagementError> {
        let rights = self.rights(actor, query.account.as_ref().unwrap_or(self.operator())).await?;
        rights.require(&scopes::KEYS_READ)?;
        let mut found = 0;
        for status in statuses {
            let query =
                KeyQuery { status: Some(*status), after: None, limit: at_most, now: self.now(), ..query.clone() };
            found += self.0.keys.list(&query).await?.keys.iter().filter(|key| rights.reaches(key.mode)).count();
        }
        Ok(found.min(at_most))
    }
}
