use http::Method;
use keyward_api_types::{AcceptLink, Invitation, Invite, Invited, Joined, Page, Role, Secret};
use keyward_core::AccountId;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::{Request, copy};

/// Invitations. Needs `members:read`, or `members:write` for changes. A user's own need an access token.
impl Client {
    /// Invites an e-mail address into an account.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn invite(&self, account: &AccountId, email: &str, role: Role) -> Result<Invited, ClientError> {
        let request = Request::idempotent(Method::POST, &["accounts", account.as_str(), "invitations"])?;
        self.ask(request.json(&Invite { email: email.to_owned(), role })).await
    }

    /// Lists an account's open invitations.
    #[must_use]
    pub fn walk_invitations(&self, account: &AccountId) -> Walk<'_, Invitation> {
        let account = account.clone();
        Walk::new(self, move |after| Request::get(&["accounts", account.as_str(), "invitations"]).page(after))
    }

    /// Withdraws an invitation. Its link stops working.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn withdraw_invitation(&self, account: &AccountId, id: &str) -> Result<(), ClientError> {
        let request = Request::idempotent(Method::DELETE, &["accounts", account.as_str(), "invitations", id])?;
        self.send(request).await.map(drop)
    }

    /// Lists the calling user's open invitations, if mail or an identity provider has proved the address.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn own_invitations(&self) -> Result<Vec<Invitation>, ClientError> {
        let page: Page<Invitation> = self.ask(Request::get(&["users", "self", "invitations"])).await?;
        Ok(page.data)
    }

    /// Accepts one of the calling user's invitations and returns the account.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn accept_own_invitation(&self, id: &str) -> Result<AccountId, ClientError> {
        let request = Request::idempotent(Method::POST, &["users", "self", "invitations", id, "accept"])?;
        self.ask::<Joined>(request).await.map(|joined| joined.account)
    }

    /// Accepts an invitation by its link, as the calling user, and returns the account.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn accept_invitation_link(&self, invitation: &Secret) -> Result<AccountId, ClientError> {
        let request = Request::idempotent(Method::POST, &["users", "self", "invitations", "accept"])?;
        let request = request.json(&AcceptLink { invitation: copy(invitation) });
        self.ask::<Joined>(request).await.map(|joined| joined.account)
    }

    /// Declines one of the calling user's invitations.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn decline_invitation(&self, id: &str) -> Result<(), ClientError> {
        self.send(Request::idempotent(Method::DELETE, &["users", "self", "invitations", id])?).await.map(drop)
    }
}
