//! Accounts.

use http::Method;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::ClientError;
use crate::members::Role;
use crate::page::Walk;
use crate::request::Request;
use crate::usage::Usage;

/// An account, and what the caller is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// Its plan, if it has one.
    pub plan: Option<String>,
    /// What it may use besides.
    pub features: Vec<String>,
    /// Since when it is suspended, if it is.
    pub suspended_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The caller's role, where the caller's own accounts are listed.
    pub role: Option<Role>,
    /// Goes up by one whenever it is changed; for updates.
    pub version: u64,
}

/// What to change in an account; nothing by default. All but the name is for the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UpdateAccount {
    /// Another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another plan, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Option<String>>,
    /// Other features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// Suspended, so that all of its keys are refused, or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
}

#[derive(Serialize)]
pub(crate) struct CreateAccount<'a> {
    pub(crate) name: &'a str,
}

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
        self.ask(Request::once(Method::POST, &["accounts"])?.json(&CreateAccount { name })).await
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
