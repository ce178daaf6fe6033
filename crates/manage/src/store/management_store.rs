use std::collections::HashSet;

use async_trait::async_trait;
use keyward_core::Timestamp;
use keyward_core::store::StoreError;

use super::record::{Kind, List, Record, Write, Written};
use super::requests::{RequestEntry, RequestPage};
use super::usage::{Count, CountUnit, ModeCount, NewCount, NewScopeCount, ScopeCount};

/// A store for the management service's records. `tests/tests/manage/store.rs` tests every implementation.
///
/// # Examples
/// ```
/// use keyward::manage::{ManagementStore, Kind, List, Record, SqliteManagementStore, Write, Written};
/// use keyward::sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let management = SqliteManagementStore::open(&SqliteStore::temporary()?)?;
/// let plan = Record {
///     kind: Kind::Plan, id: "Pro".into(), owner: String::new(), subject: String::new(), key: None, sort: 0,
///     expires_at: None, version: 1, body: "{}".into(),
/// };
/// assert_eq!(management.write(&[Write::Insert(plan.clone())]).await?, Written::Done);
/// assert_eq!(management.write(&[Write::Insert(plan.clone())]).await?, Written::Conflict(0));
/// assert_eq!(management.list(&List::of(Kind::Plan, 10)).await?, [plan]);
/// # Ok(()) }
/// ```
#[async_trait]
pub trait ManagementStore: Send + Sync + 'static {
    /// Finds a record by its id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError>;

    /// Returns those of these records that exist, in any order.
    ///
    /// By default, reads one after the other.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn get_many(&self, kind: Kind, ids: &[String]) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for id in ids {
            records.extend(self.get(kind, id).await?);
        }
        Ok(records)
    }

    /// Finds a record by its key.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Record>, StoreError>;

    /// Lists records by position and id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list(&self, list: &List) -> Result<Vec<Record>, StoreError>;

    /// Writes a whole batch durably, or nothing.
    ///
    /// # Errors
    /// [`StoreError`]. The batch may have been written.
    async fn write(&self, writes: &[Write]) -> Result<Written, StoreError>;

    /// Removes records that expired before `before`, hourly counts a day older, and requests 29 days older. Returns the number of records.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Adds to the counts of keys by hour, day and span of days, and of accounts by day.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError>;

    /// Removes the counts of keys and accounts for the days before `day`, in batches.
    ///
    /// # Errors
    /// [`StoreError`]. Some may have been removed.
    async fn remove_counts(&self, day: i64) -> Result<(), StoreError>;

    /// Counts a key's events with this outcome since `hour`. Hours are kept for at least a day.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn times_since(&self, key: &str, outcome: &str, hour: i64) -> Result<u64, StoreError>;

    /// Returns the daily counts of one or all keys of an account, from day `from` to day `to` inclusive.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn counts(&self, account: &str, key: Option<&str>, from: i64, to: i64) -> Result<Vec<Count>, StoreError>;

    /// Returns an account's daily totals by outcome, from day `from` to day `to` inclusive. Their [`key`](Count::key) is empty. Reads one
    /// row for each day and outcome.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError>;

    /// Returns the counts of an account by mode and outcome, from the hour or day `from` to `to` inclusive, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn modes(&self, account: &str, unit: CountUnit, from: i64, to: i64) -> Result<Vec<ModeCount>, StoreError>;

    /// Returns how often each key of an account had each outcome, from day `from` to day `to` inclusive, by key and outcome. Their
    /// [`day`](Count::day) is `from`. Reads a row for each key, outcome and a span of days, not for each day.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn key_totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError>;

    /// Returns the same counts of these keys only.
    ///
    /// By default, reads those of all keys.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn totals_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<Count>, StoreError> {
        let mut counts = self.key_totals(account, from, to).await?;
        let keys: HashSet<&String> = keys.iter().collect();
        counts.retain(|count| keys.contains(&count.key));
        Ok(counts)
    }

    /// Adds to the counts of keys by required scope and day, and to those of their accounts. It names at most
    /// [`MOST_SCOPES`](super::MOST_SCOPES) scopes of a key and a day, and [`MOST_SCOPES_OF_ACCOUNT`](super::MOST_SCOPES_OF_ACCOUNT)
    /// of an account. Half of these names are only for [listed](NewScopeCount::is_listed) scopes. Further scopes are
    /// [`OTHER_SCOPES`](super::OTHER_SCOPES). Counts of deleted accounts are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn add_scopes(&self, counts: &[NewScopeCount]) -> Result<(), StoreError>;

    /// Returns the daily counts by required scope of a key, or of all keys of an account together, from day `from` to day `to`
    /// inclusive, by day, scope and outcome.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn scopes(
        &self,
        account: &str,
        key: Option<&str>,
        from: i64,
        to: i64,
    ) -> Result<Vec<ScopeCount>, StoreError> {
        // The sums of the account have no key.
        self.scopes_of_keys(account, &[key.unwrap_or_default().to_owned()], from, to).await
    }

    /// Returns the same counts of each of these keys, by key, day, scope and outcome.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn scopes_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<ScopeCount>, StoreError>;

    /// Removes the counts by required scope of an account and its keys, in batches.
    ///
    /// # Errors
    /// [`StoreError`]. Some may have been removed.
    async fn remove_scopes(&self, account: &str) -> Result<(), StoreError>;

    /// Adds requests, except those that the store has and those of deleted accounts, and keeps the newest 200 of each of their
    /// keys.
    ///
    /// # Errors
    /// [`StoreError`]. Some or all may have been added.
    async fn add_requests(&self, requests: &[RequestEntry]) -> Result<(), StoreError>;

    /// Returns requests of a key, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn requests(&self, key: &str, page: &RequestPage) -> Result<Vec<RequestEntry>, StoreError>;

    /// Removes the requests of all keys of an account.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove_requests(&self, account: &str) -> Result<(), StoreError>;
}

#[async_trait]
impl<S: ManagementStore + ?Sized> ManagementStore for std::sync::Arc<S> {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        (**self).get(kind, id).await
    }

    async fn get_many(&self, kind: Kind, ids: &[String]) -> Result<Vec<Record>, StoreError> {
        (**self).get_many(kind, ids).await
    }

    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Record>, StoreError> {
        (**self).find(kind, key).await
    }

    async fn list(&self, list: &List) -> Result<Vec<Record>, StoreError> {
        (**self).list(list).await
    }

    async fn write(&self, writes: &[Write]) -> Result<Written, StoreError> {
        (**self).write(writes).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        (**self).sweep(before).await
    }

    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError> {
        (**self).add(counts).await
    }

    async fn remove_counts(&self, day: i64) -> Result<(), StoreError> {
        (**self).remove_counts(day).await
    }

    async fn times_since(&self, key: &str, outcome: &str, hour: i64) -> Result<u64, StoreError> {
        (**self).times_since(key, outcome, hour).await
    }

    async fn counts(&self, account: &str, key: Option<&str>, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        (**self).counts(account, key, from, to).await
    }

    async fn totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        (**self).totals(account, from, to).await
    }

    async fn modes(&self, account: &str, unit: CountUnit, from: i64, to: i64) -> Result<Vec<ModeCount>, StoreError> {
        (**self).modes(account, unit, from, to).await
    }

    async fn key_totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        (**self).key_totals(account, from, to).await
    }

    async fn totals_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<Count>, StoreError> {
        (**self).totals_of_keys(account, keys, from, to).await
    }

    async fn add_scopes(&self, counts: &[NewScopeCount]) -> Result<(), StoreError> {
        (**self).add_scopes(counts).await
    }

    async fn scopes_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<ScopeCount>, StoreError> {
        (**self).scopes_of_keys(account, keys, from, to).await
    }

    async fn add_requests(&self, requests: &[RequestEntry]) -> Result<(), StoreError> {
        (**self).add_requests(requests).await
    }

    async fn requests(&self, key: &str, page: &RequestPage) -> Result<Vec<RequestEntry>, StoreError> {
        (**self).requests(key, page).await
    }

    async fn remove_scopes(&self, account: &str) -> Result<(), StoreError> {
        (**self).remove_scopes(account).await
    }

    async fn remove_requests(&self, account: &str) -> Result<(), StoreError> {
        (**self).remove_requests(account).await
    }
}
