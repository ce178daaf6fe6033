//! The audit log.

use keyward_api_types::{AuditEntry, AuditVerdict, Page};
use keyward_core::AccountId;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;

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
