use keyward_core::{AccountId, AccountRecord, Timestamp};

use super::{account_of, record_of};
use crate::actor::{Actor, Who};
use crate::error::ManagementError;
use crate::records::{Account, Versioned};
use crate::role::{Role, scopes};
use crate::service::Management;
#[cfg(feature = "dashboard")]
use crate::service::page::MOST_COUNTED;
use crate::service::page::{Page, PageRequest, invalid_cursor};
use crate::store::{Kind, List};

/// The filter of a list of accounts.
#[derive(Default)]
pub(crate) struct AccountSearch<'t> {
    /// A part of the name or the id.
    pub(crate) text: &'t str,
    pub(crate) plan: Option<&'t str>,
    pub(crate) suspended_only: bool,
    pub(crate) after: Option<AccountId>,
}

impl Management {
    /// Returns an account. Needs `accounts:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn account(&self, actor: &Actor, id: &AccountId) -> Result<Versioned<Account>, ManagementError> {
        self.rights(actor, id).await?.require(&scopes::ACCOUNTS_READ)?;
        self.read_account(id).await
    }

    /// Lists the actor's accounts and the user's roles.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn own_accounts(
        &self,
        actor: &Actor,
    ) -> Result<Vec<(Versioned<Account>, Option<Role>)>, ManagementError> {
        let mut accounts = Vec::new();
        match &actor.who {
            Who::User { id, .. } => {
                for member in self.memberships(id).await? {
                    match self.read_account(&member.account).await {
                        Ok(account) => accounts.push((account, Some(member.role))),
                        // The account is being deleted.
                        Err(ManagementError::NotFound(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            Who::Key(identity) => accounts.push((self.read_account(identity.account()).await?, None)),
            Who::System(_) => {}
        }
        Ok(accounts)
    }

    /// Lists all accounts by id, whichever program created them. Needs `accounts:read` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn accounts(
        &self,
        actor: &Actor,
        page: &PageRequest,
    ) -> Result<Page<Versioned<Account>>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::ACCOUNTS_READ)?;
        let wanted = page.apply(List::of(Kind::Account, 0))?;
        let mut after =
            wanted.after.map(|(_, id)| id.parse::<AccountId>()).transpose().map_err(|_| invalid_cursor())?;
        let mut accounts = Vec::new();
        // The key store also lists deleted accounts.
        while accounts.len() < wanted.limit {
            let missing = wanted.limit - accounts.len();
            let records = self.0.keys.list_accounts(after.as_ref(), missing).await?;
            after = records.last().filter(|_| records.len() == missing).map(|last| last.id.clone());
            for record in self.without_deleted(records).await? {
                accounts.push(self.listed(record).await?);
            }
            if after.is_none() {
                break;
            }
        }
        Ok(page.page(accounts))
    }

    /// Finds up to 50 of the first 10,000 accounts, by part of the id or the name, ignoring case. Needs `accounts:read`
    /// in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn find_accounts(&self, actor: &Actor, text: &str) -> Result<Vec<Versioned<Account>>, ManagementError> {
        Ok(self.search_accounts(actor, &AccountSearch { text, ..AccountSearch::default() }).await?.0)
    }

    /// Also returns the account after which the search goes on, if there may be more. Reads a bounded number of accounts, so few may be
    /// found, and more after them.
    pub(crate) async fn search_accounts(
        &self,
        actor: &Actor,
        search: &AccountSearch<'_>,
    ) -> Result<(Vec<Versioned<Account>>, Option<AccountId>), ManagementError> {
        const SHOWN: usize = 50;
        const PAGE: usize = 500;
        const PAGES: usize = 20;
        self.rights(actor, self.operator()).await?.require(&scopes::ACCOUNTS_READ)?;
        let wanted = search.text.trim().to_lowercase();
        let fits = |account: &AccountRecord| {
            let is_named =
                account.name.to_lowercase().contains(&wanted) || account.id.as_str().to_lowercase().contains(&wanted);
            let has_plan = search.plan.is_none_or(|plan| account.plan.as_deref() == Some(plan));
            is_named && has_plan && (!search.suspended_only || account.suspended_at.is_some())
        };
        let (mut found, mut after): (Vec<Versioned<Account>>, _) = (Vec::new(), search.after.clone());
        for _ in 0..PAGES {
            let records = self.0.keys.list_accounts(after.as_ref(), PAGE).await?;
            after = records.last().filter(|_| records.len() == PAGE).map(|last| last.id.clone());
            let fitting = records.into_iter().filter(|record| fits(record)).collect();
            for record in self.without_deleted(fitting).await? {
                if found.len() == SHOWN {
                    let last = found.last().map(|last| last.id.clone());
                    return Ok((found, last));
                }
                found.push(self.listed(record).await?);
            }
            if after.is_none() {
                break;
            }
        }
        Ok((found, after))
    }

    /// Counts the accounts that are not deleted, and returns whether these are all. Stops when more than [`MOST_COUNTED`] were read, with
    /// deleted ones. Needs `accounts:read` in the operator's account.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn count_accounts(&self, actor: &Actor) -> Result<(u64, bool), ManagementError> {
        const PAGE: usize = 500;
        self.rights(actor, self.operator()).await?.require(&scopes::ACCOUNTS_READ)?;
        let (mut count, mut read, mut after) = (0, 0, None);
        loop {
            let records = self.0.keys.list_accounts(after.as_ref(), PAGE).await?;
            after = records.last().filter(|_| records.len() == PAGE).map(|last| last.id.clone());
            read += records.len() as u64;
            count += self.without_deleted(records).await?.len() as u64;
            if after.is_none() || read > MOST_COUNTED {
                return Ok((count.min(MOST_COUNTED + 1), after.is_none()));
            }
        }
    }

    /// Looks all of them up in one read.
    async fn without_deleted(&self, mut records: Vec<AccountRecord>) -> Result<Vec<AccountRecord>, ManagementError> {
        if !records.is_empty() {
            let ids: Vec<String> = records.iter().map(|account| account.id.to_string()).collect();
            let deleted = self.deleted_of(&ids).await?;
            records.retain(|account| !deleted.contains(account.id.as_str()));
        }
        Ok(records)
    }

    /// Returns an account that is not deleted.
    async fn listed(&self, record: AccountRecord) -> Result<Versioned<Account>, ManagementError> {
        Ok(match self.get::<Account>(record.id.as_str()).await? {
            Some(copy) if record_of(&copy.value) == record => copy,
            Some(copy) => self.reconciled(copy).await?,
            // Reading the account writes this copy.
            None => Versioned { value: account_of(record, Timestamp::from_millis(0)), version: 1 },
        })
    }
}
