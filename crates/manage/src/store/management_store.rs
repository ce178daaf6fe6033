use async_trait::async_trait;
use keyward_core::Timestamp;
use keyward_core::store::StoreError;

use super::record::{Kind, List, Record, Write, Written};
use super::requests::{RequestEntry, RequestPage};
use super::usage::{Count, CountUnit, KeyTotal, ModeCount, NewCount, ScopeCount};

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

    /// Adds to the counts of keys by day and hour, and of accounts by day.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError>;

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

    /// Returns how often each key of an account was refused for each reason, from day `from` to day `to` inclusive. Their
    /// [`day`](Count::day) is `from`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn refusals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError>;

    /// Returns the `limit` keys of an account with the most requests, from day `from` to day `to` inclusive, the busiest first. Keys
    /// with as many requests are in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn busiest(&self, account: &str, from: i64, to: i64, limit: usize) -> Result<Vec<KeyTotal>, StoreError>;

    /// Adds to the counts of keys by required scope and day, and to those of their accounts. It names at most
    /// [`MOST_SCOPES`](super::MOST_SCOPES) scopes of a key and a day, and [`MOST_SCOPES_OF_ACCOUNT`](super::MOST_SCOPES_OF_ACCOUNT)
    /// of an account. Further ones are [`OTHER_SCOPES`](super::OTHER_SCOPES).
    ///
    /// # Errors
    /// [`StoreError`].
    async fn add_scopes(&self, counts: &[ScopeCount]) -> Result<(), StoreError>;

    /// Returns the daily counts by required scope of a key, or of all keys of an account together, from day `from` to day `to`
    /// inclusive, by day, scope and outcome.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn scopes(&self, account: &str, key: Option<&str>, from: i64, to: i64)
    -> Result<Vec<ScopeCount>, StoreError>;

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

    async fn refusals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        (**self).refusals(account, from, to).await
    }

    async fn busiest(&self, account: &str, from: i64, to: i64, limit: usize) -> Result<Vec<KeyTotal>, StoreError> {
        (**self).busiest(account, from, to, limit).await
    }

    async fn add_scopes(&self, counts: &[ScopeCount]) -> Result<(), StoreError> {
        (**self).add_scopes(counts).await
    }

    async fn scopes(
        &self,
        account: &str,
        key: Option<&str>,
        from: i64,
        to: i64,
    ) -> Result<Vec<ScopeCount>, StoreError> {
        (**self).scopes(account, key, from, to).await
    }

    async fn add_requests(&self, requests: &[RequestEntry]) -> Result<(), StoreError> {
        (**self).add_requests(requests).await
    }

    async fn requests(&self, key: &str, page: &RequestPage) -> Result<Vec<RequestEntry>, StoreError> {
        (**self).requests(key, page).await
    }

    async fn remove_requests(&self, account: &str) -> Result<(), StoreError> {
        (**self).remove_requests(account).await
    }
}
