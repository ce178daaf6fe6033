//! The audit log.

use std::fmt;

use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::{Page, Walk};
use crate::request::Request;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Actor {
    /// `user`, `key`, `system` or `anonymous`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The user's or key's id, or the program's name.
    pub id: String,
}

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Target {
    /// `account`, `user`, `member`, `key`, `session`, `plan`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// What became of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, and nothing was done.
    Refused,
    /// It may have been done.
    Unknown,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Its number; the first is 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What, such as `key.revoke`.
    pub action: String,
    /// What became of it.
    pub outcome: Outcome,
    /// To what.
    pub target: Target,
    /// In which account, if in one.
    pub account: Option<AccountId>,
    /// From which address.
    pub address: Option<String>,
    /// With what client.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What it was before, without secrets.
    pub before: Option<Value>,
    /// What it is now, without secrets.
    pub after: Option<Value>,
    /// The hash of the entry before; zeros for the first.
    pub previous: String,
}

/// What walking the audit log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditVerdict {
    /// Whether every entry fits.
    pub intact: bool,
    /// How many entries there are up to the first bad one, or in all.
    pub entries: u64,
    /// The hash of the last of them.
    pub hash: String,
    /// What to note elsewhere, and to give as `since` later: so it shows if the log is cut or written anew.
    pub checkpoint: String,
    /// The number of the first entry that does not fit.
    pub first_bad: Option<u64>,
    /// Why it does not.
    pub why: Option<String>,
    /// The number of the last entry that was pruned, if the log was pruned.
    #[serde(default)]
    pub pruned_through: Option<u64>,
}

/// Which entries to list; all of the caller's own account by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this account; the caller's own without it.
    pub account: Option<AccountId>,
    /// The entries of every account, for the operator.
    pub all: bool,
    /// By this user or key alone.
    pub actor: Option<String>,
    /// Behind this: what the page before gave as [`Page::next`].
    pub after: Option<String>,
    /// How many on a page at most, 1 to 500; 50 without it.
    pub limit: Option<u16>,
}

fn list(filter: &AuditFilter, after: Option<&str>) -> Request {
    Request::get(&["audit-log"])
        .query("account", filter.account.as_ref())
        .query("all", filter.all.then_some(true))
        .query("actor", filter.actor.as_ref())
        .query("after", after.or(filter.after.as_deref()))
        .query("limit", filter.limit)
}

/// The audit log. These need `audit:read` on the server.
impl Client {
    /// A page of entries, the newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn audit_log(&self, filter: &AuditFilter) -> Result<Page<AuditEntry>, ClientError> {
        self.ask(list(filter, None)).await
    }

    /// All entries that the filter lets through, page by page, the newest first.
    #[must_use]
    pub fn walk_audit_log(&self, filter: &AuditFilter) -> Walk<'_, AuditEntry> {
        let filter = filter.clone();
        Walk::new(self, move |after| list(&filter, after))
    }

    /// Has the server walk the log of the whole deployment, for the operator; with a checkpoint that was noted before, up to which the
    /// log has to be what it was.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn verify_audit_log(&self, since: Option<&str>) -> Result<AuditVerdict, ClientError> {
        self.ask(Request::get(&["audit-log", "verify"]).query("since", since)).await
    }
}

impl Outcome {
    /// The outcome's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
