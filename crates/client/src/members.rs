//! Members: who belongs to an account, and as what.

use http::Method;
use keyward_api_types::{Member, Role, UpdateMember};
use keyward_core::AccountId;
use keyward_core::id::UserId;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;

/// Members. What these need on the server: `members:read`, and `members:write` for changes.
impl Client {
    /// Who belongs to an account, page by page.
    #[must_use]
    pub fn walk_members(&self, account: &AccountId) -> Walk<'_, Member> {
        let account = account.clone();
        Walk::new(self, move |after| Request::get(&["accounts", account.as_str(), "members"]).query("after", after))
    }

    /// A member.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn member(&self, account: &AccountId, user: &UserId) -> Result<Member, ClientError> {
        self.ask(Request::get(&["accounts", account.as_str(), "members", user.as_str()])).await
    }

    /// Gives a member another role, if they are at this version still.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if they are at another version.
    pub async fn update_member(
        &self,
        account: &AccountId,
        user: &UserId,
        role: Role,
        version: u64,
    ) -> Result<Member, ClientError> {
        let request = Request::once(Method::PATCH, &["accounts", account.as_str(), "members", user.as_str()])?;
        self.ask(request.json(&UpdateMember { role }).if_match(version)).await
    }

    /// Takes a member out of an account, if they are at this version still.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if they are at another version.
    pub async fn remove_member(&self, account: &AccountId, user: &UserId, version: u64) -> Result<(), ClientError> {
        let request = Request::once(Method::DELETE, &["accounts", account.as_str(), "members", user.as_str()])?;
        self.send(request.if_match(version)).await.map(drop)
    }
}
