//! Accounts.

use http::Method;
use keyward_api_types::{Account, CreateAccount, UpdateAccount, Usage};
use keyward_core::AccountId;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;

/// Accounts. What these need on the server: `accounts:read`, and `accounts:write` for changes.
impl Client {
    /// The caller's own accounts, page by page; or every account of the deployment, for the operator.
    #[must_use]
    pub fn walk_accounts(&self, all: bool) -> Walk<'_, Account> {
        Walk::new(self, move |after| {
            Request::get(&["accounts"]).query("all", all.then_some(true)).query("after", after)
        })
    }

    /// Makes an account that the calling user owns.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_account(&self, name: &str) -> Result<Account, ClientError> {
        self.ask(Request::once(Method::POST, &["accounts"])?.json(&CreateAccount { name: name.to_owned() })).await
    }

    /// An account.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn account(&self, id: &AccountId) -> Result<Account, ClientError> {
        self.ask(Request::get(&["accounts", id.as_str()])).await
    }

    /// Changes an account, if it is at this version still.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if it is at another version.
    pub async fn update_account(
        &self,
        id: &AccountId,
        update: &UpdateAccount,
        version: u64,
    ) -> Result<Account, ClientError> {
        self.ask(Request::once(Method::PATCH, &["accounts", id.as_str()])?.json(update).if_match(version)).await
    }

    /// How the keys of an account were used in the last so many days, today among them; at most 366. Needs `usage:read`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn account_usage(&self, id: &AccountId, days: u32) -> Result<Usage, ClientError> {
        self.ask(Request::get(&["accounts", id.as_str(), "usage"]).query("days", Some(days))).await
    }
}
