use http::Method;
use keyward_api_types::{Lifetimes, PutLifetimes};
use keyward_core::AccountId;

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;

/// Lifetimes of new keys, which the operator sets for plans and accounts.
impl Client {
    /// Returns the lifetimes that a plan sets.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn plan_lifetimes(&self, plan: &str) -> Result<Lifetimes, ClientError> {
        self.ask(Request::get(&["plans", plan, "lifetimes"])).await
    }

    /// Replaces the lifetimes that a plan sets, at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_plan_lifetimes(
        &self,
        plan: &str,
        lifetimes: &PutLifetimes,
        version: u64,
    ) -> Result<Lifetimes, ClientError> {
        let request = Request::idempotent(Method::PUT, &["plans", plan, "lifetimes"])?;
        self.ask(request.json(lifetimes).if_match(version)).await
    }

    /// Returns the lifetimes that an account sets, and those that hold for it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account_lifetimes(&self, account: &AccountId) -> Result<Lifetimes, ClientError> {
        self.ask(Request::get(&["accounts", account.as_str(), "lifetimes"])).await
    }

    /// Replaces the lifetimes that an account sets, at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_account_lifetimes(
        &self,
        account: &AccountId,
        lifetimes: &PutLifetimes,
        version: u64,
    ) -> Result<Lifetimes, ClientError> {
        let request = Request::idempotent(Method::PUT, &["accounts", account.as_str(), "lifetimes"])?;
        self.ask(request.json(lifetimes).if_match(version)).await
    }
}
