use keyward_api_types::{AuditEntry, AuditFilter, AuditVerdict, Page, VerifyParams};

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;

fn list(filter: &AuditFilter, after: Option<&str>) -> Request {
    match after {
        None => Request::get(&["audit-log"]).query(filter),
        Some(after) => {
            Request::get(&["audit-log"]).query(&AuditFilter { after: Some(after.to_owned()), ..filter.clone() })
        }
    }
}

/// The audit log. Needs `audit:read`.
impl Client {
    /// Returns a page of entries, newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn audit_log(&self, filter: &AuditFilter) -> Result<Page<AuditEntry>, ClientError> {
        self.ask(list(filter, None)).await
    }

    /// Lists all matching entries, newest first.
    #[must_use]
    pub fn walk_audit_log(&self, filter: &AuditFilter) -> Walk<'_, AuditEntry> {
        let filter = filter.clone();
        Walk::new(self, move |after| list(&filter, after))
    }

    /// Verifies the log of the deployment, for the operator. With a checkpoint, the log must still contain it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn verify_audit_log(&self, since: Option<&str>) -> Result<AuditVerdict, ClientError> {
        self.ask(Request::get(&["audit-log", "verify"]).query(&VerifyParams { since: since.map(str::to_owned) })).await
    }
}
