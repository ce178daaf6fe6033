//! The record in the key store counts; the management store has a copy.

mod create;
mod delete;
mod deleted;
mod import;
mod list;
mod update;

use keyward_core::lifecycle::KeysError;
use keyward_core::store::WriteRefused;
use keyward_core::{AccountId, AccountRecord, Timestamp};

#[cfg(feature = "dashboard")]
pub(crate) use list::AccountSearch;
use smol_str::SmolStr;
pub use update::AccountUpdate;

use super::{ATTEMPTS, CurrentVersion, Management, check_name};
use crate::error::ManagementError;
use crate::records::{Account, Entity, Versioned};

impl Management {
    pub(crate) async fn account_version(&self, id: &AccountId) -> CurrentVersion {
        match self.read_account(id).await {
            Ok(account) => Ok(Some(account.version)),
            Err(ManagementError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn new_account(&self, id: AccountId, name: String) -> Account {
        Account { id, name, plan: None, features: Vec::new(), suspended_at: None, created_at: self.now() }
    }

    pub(crate) async fn put_in_key_store(&self, account: &Account) -> Result<(), KeysError> {
        match self.0.keys.insert_account(&record_of(account)).await {
            Ok(_) | Err(KeysError::Denied(WriteRefused::AccountExists)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn read_account(&self, id: &AccountId) -> Result<Versioned<Account>, ManagementError> {
        // The key store keeps the record of a deleted account.
        if self.is_deleted(id).await? {
            return Err(ManagementError::NotFound("account"));
        }
        if let Some(account) = self.get::<Account>(id.as_str()).await? {
            return self.reconciled(account).await;
        }
        let record = self.0.keys.get_account(id).await?.ok_or(ManagementError::NotFound("account"))?;
        let account = account_of(record, Timestamp::from_millis(0));
        self.write_quietly(&[account.insert()?]).await?;
        let account = self.get::<Account>(id.as_str()).await?.ok_or(ManagementError::NotFound("account"))?;
        self.reconciled(account).await
    }

    async fn reconciled(&self, mut account: Versioned<Account>) -> Result<Versioned<Account>, ManagementError> {
        for _ in 0..ATTEMPTS {
            let Some(record) = self.0.keys.get_account(&account.id).await? else { return Ok(account) };
            if record == record_of(&account.value) {
                return Ok(account);
            }
            let current = account_of(record, account.created_at);
            if self.write_quietly(&[account.replace(&current)?]).await? {
                return Ok(Versioned { value: current, version: account.version + 1 });
            }
            let id = account.value.id();
            account = self.get::<Account>(&id).await?.ok_or(ManagementError::NotFound("account"))?;
        }
        Err(ManagementError::Stale)
    }
}

fn record_of(account: &Account) -> AccountRecord {
    let Account { id, name, plan, features, suspended_at, created_at: _ } = account.clone();
    AccountRecord { id, name, plan, features, suspended_at }
}

fn account_of(record: AccountRecord, created_at: Timestamp) -> Account {
    let AccountRecord { id, name, plan, features, suspended_at } = record;
    Account { id, name, plan, features, suspended_at, created_at }
}

fn check_features(features: &[SmolStr]) -> Result<(), ManagementError> {
    if features.len() > 50 {
        return Err(ManagementError::invalid(
            "features",
            format!("{} are too many: expected at most 50", features.len()),
        ));
    }
    features.iter().try_for_each(|feature| check_name("features", feature).map(drop))
}
