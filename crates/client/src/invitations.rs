//! Invitations: how somebody comes to belong to an account.

use http::Method;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::client::Client;
use crate::error::ClientError;
use crate::members::Role;
use crate::page::{Page, Walk};
use crate::request::Request;
use crate::secret::Secret;

/// An invitation into an account, without its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Invitation {
    /// Its id. It is no secret.
    pub id: String,
    /// The account.
    pub account: AccountId,
    /// The account's display name.
    pub account_name: String,
    /// The address that was invited.
    pub email: String,
    /// The role that it gives.
    pub role: Role,
    /// The actor who invited.
    pub invited_by: Actor,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    pub ends_at: Timestamp,
}

/// An invitation that was made.
#[derive(Debug)]
pub struct Invited {
    /// What is known of it.
    pub invitation: Invitation,
    /// The secret of its link: send it to the address that was invited, and to no other.
    pub secret: Secret,
}

pub(crate) mod parts {
    use super::{AccountId, Deserialize, Secret};

    #[derive(Deserialize)]
    pub(crate) struct Link {
        pub(crate) invitation: Secret,
    }

    #[derive(Deserialize)]
    pub(crate) struct Joined {
        pub(crate) account: AccountId,
    }
}

#[derive(Serialize)]
pub(crate) struct Invite<'a> {
    pub(crate) email: &'a str,
    pub(crate) role: Role,
}

#[derive(Serialize)]
pub(crate) struct AcceptLink<'a> {
    pub(crate) invitation: &'a str,
}

/// Invitations. What these need on the server: `members:read`, and `members:write` for changes; a user's access token for their own.
impl Client {
    /// Invites an e-mail address into an account. It becomes a member when the invitation is accepted.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn invite(&self, account: &AccountId, email: &str, role: Role) -> Result<Invited, ClientError> {
        let request = Request::once(Method::POST, &["accounts", account.as_str(), "invitations"])?;
        let answer = self.send(request.json(&Invite { email, role })).await?;
        let parts::Link { invitation } = answer.read()?;
        Ok(Invited { invitation: answer.read()?, secret: invitation })
    }

    /// The open invitations of an account, page by page.
    #[must_use]
    pub fn walk_invitations(&self, account: &AccountId) -> Walk<'_, Invitation> {
        let account = account.clone();
        Walk::new(self, move |after| Request::get(&["accounts", account.as_str(), "invitations"]).query("after", after))
    }

    /// Withdraws an invitation. Its link stops working.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn withdraw_invitation(&self, account: &AccountId, id: &str) -> Result<(), ClientError> {
        let request = Request::once(Method::DELETE, &["accounts", account.as_str(), "invitations", id])?;
        self.send(request).await.map(drop)
    }

    /// The open invitations to the calling user's address, if mail or an identity provider has proved it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn own_invitations(&self) -> Result<Vec<Invitation>, ClientError> {
        let page: Page<Invitation> = self.ask(Request::get(&["users", "self", "invitations"])).await?;
        Ok(page.data)
    }

    /// Accepts an invitation to the calling user's proved address, and gives the account.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn accept_own_invitation(&self, id: &str) -> Result<AccountId, ClientError> {
        let request = Request::once(Method::POST, &["users", "self", "invitations", id, "accept"])?;
        self.ask::<parts::Joined>(request).await.map(|joined| joined.account)
    }

    /// Accepts an invitation for the calling user, with its link, and gives the account.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn accept_invitation_link(&self, invitation: &Secret) -> Result<AccountId, ClientError> {
        let request = Request::once(Method::POST, &["users", "self", "invitations", "accept"])?;
        let request = request.json(&AcceptLink { invitation: invitation.expose() });
        self.ask::<parts::Joined>(request).await.map(|joined| joined.account)
    }

    /// Declines an invitation to the calling user's proved address.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn decline_invitation(&self, id: &str) -> Result<(), ClientError> {
        self.send(Request::once(Method::DELETE, &["users", "self", "invitations", id])?).await.map(drop)
    }
}
