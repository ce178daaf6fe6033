use http::Method;
use keyward_api_types::{Limits, PutLimits};
use keyward_core::{AccountId, CredentialId};

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;

/// Limits of plans, accounts and keys. The limits of plans and accounts are the operator's.
impl Client {
    /// Returns the limits of a plan.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn plan_limits(&self, plan: &str) -> Result<Limits, ClientError> {
        self.ask(Request::get(&["plans", plan, "limits"])).await
    }

    /// Replaces the limits of a plan at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_plan_limits(&self, plan: &str, limits: &PutLimits, version: u64) -> Result<Limits, ClientError> {
        self.put_limits(Request::idempotent(Method::PUT, &["plans", plan, "limits"])?, limits, version).await
    }

    /// Returns the limits of an account.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account_limits(&self, account: &AccountId) -> Result<Limits, ClientError> {
        self.ask(Request::get(&["accounts", account.as_str(), "limits"])).await
    }

    /// Replaces the limits of an account at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_account_limits(
        &self,
        account: &AccountId,
        limits: &PutLimits,
        version: u64,
    ) -> Result<Limits, ClientError> {
        self.put_limits(Request::idempotent(Method::PUT, &["accounts", account.as_str(), "limits"])?, limits, version)
            .await
    }

    /// Returns the limits of a key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn key_limits(&self, key: &CredentialId) -> Result<Limits, ClientError> {
        self.ask(Request::get(&["keys", key.as_str(), "limits"])).await
    }

    /// Replaces the limits of a key at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_key_limits(
        &self,
        key: &CredentialId,
        limits: &PutLimits,
        version: u64,
    ) -> Result<Limits, ClientError> {
        self.put_limits(Request::idempotent(Method::PUT, &["keys", key.as_str(), "limits"])?, limits, version).await
    }

    async fn put_limits(&self, request: Request, limits: &PutLimits, version: u64) -> Result<Limits, ClientError> {
        self.ask(request.json(limits).if_match(version)).await
    }
}
