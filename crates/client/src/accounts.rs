use http::Method;
use keyward_api_types::{Account, AccountFilter, CreateAccount, UpdateAccount, Usage, UsageParams};
use keyward_core::AccountId;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;

/// Accounts. Needs `accounts:read`, or `accounts:write` for changes.
impl Client {
    /// Lists the caller's accounts, or all accounts, for the operator.
    #[must_use]
    pub fn walk_accounts(&self, all: bool) -> Walk<'_, Account> {
        Walk::new(self, move |after| {
            let filter = AccountFilter { all, after: after.map(str::to_owned), limit: None };
            Request::get(&["accounts"]).query(&filter)
        })
    }

    /// Creates an account that the calling user owns.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_account(&self, name: &str) -> Result<Account, ClientError> {
        self.ask(Request::idempotent(Method::POST, &["accounts"])?.json(&CreateAccount { name: name.to_owned() })).await
    }

    /// Returns an account.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account(&self, id: &AccountId) -> Result<Account, ClientError> {
        self.ask(Request::get(&["accounts", id.as_str()])).await
    }

    /// Updates an account at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_account(
        &self,
        id: &AccountId,
        update: &UpdateAccount,
        version: u64,
    ) -> Result<Account, ClientError> {
        self.ask(Request::idempotent(Method::PATCH, &["accounts", id.as_str()])?.json(update).if_match(version)).await
    }

    /// Deletes an account at this version, for good. Every node refuses its keys afterwards. For the operator: needs `deletions:write`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_account(&self, id: &AccountId, version: u64) -> Result<(), ClientError> {
        self.send(Request::idempotent(Method::DELETE, &["accounts", id.as_str()])?.if_match(version)).await.map(drop)
    }

    /// Returns the usage of an account's keys in the last `days` days (at most 366), including today. Needs `usage:read`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account_usage(&self, id: &AccountId, days: u32) -> Result<Usage, ClientError> {
        self.ask(Request::get(&["accounts", id.as_str(), "usage"]).query(&UsageParams { days: Some(days) })).await
    }
}
