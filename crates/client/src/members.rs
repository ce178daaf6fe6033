use http::Method;
use keyward_api_types::{Member, Role, UpdateMember};
use keyward_core::AccountId;
use keyward_core::id::UserId;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;

/// Members. Needs `members:read`, or `members:write` for changes.
impl Client {
    /// Lists the members of an account.
    #[must_use]
    pub fn walk_members(&self, account: &AccountId) -> Walk<'_, Member> {
        let account = account.clone();
        Walk::new(self, move |after| Request::get(&["accounts", account.as_str(), "members"]).page(after))
    }

    /// Returns a member.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn member(&self, account: &AccountId, user: &UserId) -> Result<Member, ClientError> {
        self.ask(Request::get(&["accounts", account.as_str(), "members", user.as_str()])).await
    }

    /// Changes the role of a member at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_member(
        &self,
        account: &AccountId,
        user: &UserId,
        role: Role,
        version: u64,
    ) -> Result<Member, ClientError> {
        let request = Request::idempotent(Method::PATCH, &["accounts", account.as_str(), "members", user.as_str()])?;
        self.ask(request.json(&UpdateMember { role }).if_match(version)).await
    }

    /// Removes a member at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_member(&self, account: &AccountId, user: &UserId, version: u64) -> Result<(), ClientError> {
        let request = Request::idempotent(Method::DELETE, &["accounts", account.as_str(), "members", user.as_str()])?;
        self.send(request.if_match(version)).await.map(drop)
    }
}
