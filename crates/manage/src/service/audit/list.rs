use keyward_core::AccountId;

use super::AuditEntry;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;
use crate::service::page::{Page, PageRequest};
use crate::store::{Kind, List};

/// Filter for audit entries.
///
/// # Examples
/// ```
/// let query = keyward::manage::AuditQuery { account: Some("acct_1".parse()?), ..Default::default() };
/// # let _ = query;
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// `None` means all, for the operator.
    pub account: Option<AccountId>,
    /// Only this user or key.
    pub actor: Option<String>,
    /// Page to return.
    pub page: PageRequest,
}

impl Management {
    /// Lists audit entries, newest first. Needs `audit:read`. Those of an account have the sign-ins of its members, with networks instead of addresses.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn audit_log(&self, actor: &Actor, query: &AuditQuery) -> Result<Page<AuditEntry>, ManagementError> {
        let place = self.place_of_log(query.account.as_ref()).await?;
        self.rights(actor, place).await?.require(&scopes::AUDIT_READ)?;
        let mut list = List::of(Kind::Audit, 0);
        list.newest_first = true;
        list.owner = query.account.as_ref().map(ToString::to_string);
        list.subject.clone_from(&query.actor);
        let entries = self.entries_of_log(&query.page.apply(list)?).await?;
        let page = query.page.page(entries);
        Ok(page.map(|entry| entry.value))
    }

    /// The log of a deleted account stays, for the operator.
    pub(super) async fn place_of_log<'a>(
        &'a self,
        account: Option<&'a AccountId>,
    ) -> Result<&'a AccountId, ManagementError> {
        match account {
            Some(account) if !self.is_deleted(account).await? => Ok(account),
            _ => Ok(self.operator()),
        }
    }

    /// Returns the entries of all accounts after this number, oldest first, to export them. Needs `audit:read` in the
    /// operator's account.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn audit_entries_after(
        &self,
        actor: &Actor,
        number: u64,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::AUDIT_READ)?;
        self.entries_after(number, limit.clamp(1, 500)).await
    }
}
