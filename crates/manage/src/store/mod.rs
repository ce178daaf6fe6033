//! What the management service keeps beside the keys: users, members, sessions, tokens, the audit log, plans and counters.
//!
//! A store knows nothing of their rules. It holds versioned records, and takes a batch of writes all or nothing; that is
//! enough to have every rule once, above it.

mod postgres;
mod sqlite;

pub use postgres::PostgresManagementStore;
pub use sqlite::SqliteManagementStore;

use async_trait::async_trait;
use keyward_core::Timestamp;
use keyward_core::store::StoreError;

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An account, as the management service has it besides the key store.
    Account,
    /// A user.
    User,
    /// A user's role in an account.
    Member,
    /// A session of the dashboard.
    Session,
    /// The tokens that began with one sign-in.
    Family,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
    /// An invitation into an account, with its one-time link.
    Invitation,
    /// A one-time link with which a user chooses another password.
    PasswordReset,
    /// What a user is called by an identity provider.
    Link,
    /// A request that is to have one effect, however often it is sent.
    Once,
    /// Keys of an account that are being made at this moment.
    Making,
    /// An operation that has begun and is not in the audit log yet.
    Begun,
    /// An entry of the audit log.
    Audit,
    /// Up to where the audit log was pruned.
    AuditCut,
    /// A plan.
    Plan,
    /// What the pages look like.
    Appearance,
    /// A logo.
    Logo,
    /// A secret of the deployment, which all nodes share.
    Secret,
}

impl Kind {
    /// The kind's name in a database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::User => "user",
            Self::Member => "member",
            Self::Session => "session",
            Self::Family => "family",
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::Link => "link",
            Self::Once => "once",
            Self::Making => "making",
            Self::Begun => "begun",
            Self::Audit => "audit",
            Self::AuditCut => "audit_cut",
            Self::Plan => "plan",
            Self::Appearance => "appearance",
            Self::Logo => "logo",
            Self::Secret => "secret",
        }
    }
}

/// A record: what it is found by, and a body that the store does not look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is of.
    pub kind: Kind,
    /// Its id, unique within its kind.
    pub id: String,
    /// Whose it is, for lists; empty if nobody's.
    pub owner: String,
    /// Whom it is about, for lists; empty if nobody.
    pub subject: String,
    /// What else is unique within its kind, if anything is.
    pub key: Option<String>,
    /// Where it stands in lists, before its id.
    pub sort: i64,
    /// When it may be removed.
    pub expires_at: Option<Timestamp>,
    /// Goes up by one whenever it is replaced.
    pub version: u64,
    /// What it holds.
    pub body: String,
}

/// A part of a batch of writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Adds a record, if neither its id nor its key is there; its version is 1 then, whatever it says.
    Insert(Record),
    /// Replaces the record of the same kind and id, if it is at the version that this one says.
    Replace(Record),
    /// Removes a record, if it is at this version.
    Remove {
        /// What it is of.
        kind: Kind,
        /// Its id.
        id: String,
        /// The version that it has to be at.
        version: u64,
    },
    /// Writes nothing, on condition that a record is at this version.
    Expect {
        /// What it is of.
        kind: Kind,
        /// Its id.
        id: String,
        /// The version that it has to be at.
        version: u64,
    },
}

/// What came of a batch of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a conflict means that nothing was written"]
pub enum Written {
    /// All of it is written.
    Done,
    /// Nothing is: the write at this place, counted from 0, does not fit what is there.
    Conflict(usize),
}

/// Which records to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Of this kind.
    pub kind: Kind,
    /// Of this owner alone.
    pub owner: Option<String>,
    /// About this subject alone.
    pub subject: Option<String>,
    /// Behind this record, by its place and id.
    pub after: Option<(i64, String)>,
    /// The last first.
    pub newest_first: bool,
    /// How many at most.
    pub limit: usize,
}

impl List {
    /// Everything of a kind, the first first.
    #[must_use]
    pub fn of(kind: Kind, limit: usize) -> Self {
        Self { kind, owner: None, subject: None, after: None, newest_first: false, limit }
    }

    /// Of this owner alone.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// About this subject alone.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

/// How often something happened with a key within an hour, to be added to what is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewCount {
    /// The account of the key.
    pub account: String,
    /// The key.
    pub key: String,
    /// The hour, counted from 1 January 1970 (UTC).
    pub hour: i64,
    /// What happened: `accepted`, or the reason of a rejection.
    pub outcome: String,
    /// How often.
    pub times: u64,
}

impl NewCount {
    /// The day of its hour.
    #[must_use]
    pub fn day(&self) -> i64 {
        self.hour.div_euclid(24)
    }
}

/// How often something happened with a key on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// The account of the key.
    pub account: String,
    /// The key.
    pub key: String,
    /// The day, counted from 1 January 1970 (UTC).
    pub day: i64,
    /// What happened: `accepted`, or the reason of a rejection.
    pub outcome: String,
    /// How often.
    pub times: u64,
}

/// The oldest hour whose counts are still kept when what is older than this is swept.
fn oldest_hour(before: Timestamp) -> i64 {
    before.as_millis().div_euclid(3_600_000) - 24
}

/// Where the management service keeps its records. One suite, `tests/tests/manage/store.rs`, holds every store to this.
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
    /// The record of this kind with this id.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError>;

    /// The record of this kind with this key.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Record>, StoreError>;

    /// Records in the order of their places and ids.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn list(&self, list: &List) -> Result<Vec<Record>, StoreError>;

    /// Writes all of this, or nothing. It is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written; it may have been, then.
    async fn write(&self, writes: &[Write]) -> Result<Written, StoreError>;

    /// Removes what expired before this, and the counts of hours that ended a day before it; gives how many records.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Adds to the counts of keys by day and by hour, and of their accounts by day.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError>;

    /// How often this happened with a key from this hour on. Hours are kept for a day at least.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn times_since(&self, key: &str, outcome: &str, hour: i64) -> Result<u64, StoreError>;

    /// The counts of an account's key, or of all of its keys, from one day to another, both included.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn counts(&self, account: &str, key: Option<&str>, from: i64, to: i64) -> Result<Vec<Count>, StoreError>;

    /// The counts of all keys of an account together, by day and outcome, from one day to another, both included. Their
    /// [`key`](Count::key) is empty. However many keys there are, it reads a row for each day and outcome.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError>;
}

#[async_trait]
impl<S: ManagementStore + ?Sized> ManagementStore for std::sync::Arc<S> {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        (**self).get(kind, id).await
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
}
