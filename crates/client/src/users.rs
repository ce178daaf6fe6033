//! Users: those who sign in.

use http::Method;
use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;
use crate::secret::Secret;

/// A user: a person who signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their e-mail address, in lower case.
    pub email: String,
    /// Whether mail or an identity provider has proved that the address is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: String,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last signed in, if they have.
    pub last_sign_in_at: Option<Timestamp>,
    /// Since when they are disabled, if they are: they cannot sign in.
    pub disabled_at: Option<Timestamp>,
}

/// A user with their version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VersionedUser {
    /// Their id.
    pub id: UserId,
    /// Their e-mail address, in lower case.
    pub email: String,
    /// Whether mail or an identity provider has proved that the address is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: String,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last signed in, if they have.
    pub last_sign_in_at: Option<Timestamp>,
    /// Since when they are disabled, if they are: they cannot sign in.
    pub disabled_at: Option<Timestamp>,
    /// Goes up by one whenever they are changed; for updates.
    pub version: u64,
}

/// A session of the dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// What it is called; it opens nothing.
    pub id: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to within a minute.
    pub last_seen_at: Timestamp,
    /// From where it began.
    pub address: Option<String>,
    /// With what client it began.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A link with which a user chooses another password.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct PasswordReset {
    /// Who chooses it.
    pub user: User,
    /// What they choose it with, once: send it to them and to nobody else.
    pub reset: Secret,
    /// When it ends.
    pub ends_at: Timestamp,
}

#[derive(Serialize)]
pub(crate) struct UpdateUser<'a> {
    pub(crate) name: &'a str,
}

// Requests with secrets in them: they live as long as it takes to write them.

#[derive(Serialize)]
pub(crate) struct ChangePassword<'a> {
    pub(crate) current: &'a str,
    pub(crate) new: &'a str,
}

#[derive(Serialize)]
pub(crate) struct SignUp<'a> {
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Forgot<'a> {
    pub(crate) email: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Reset<'a> {
    pub(crate) reset: &'a str,
    pub(crate) password: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Accept<'a> {
    pub(crate) invitation: &'a str,
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
}

/// Users. What is one's own is for access tokens, and not for keys; what is others' is for the operator.
impl Client {
    /// Signs somebody up, where that is open to everybody; needs no credential. Whether the address was known is not told.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sign_up(&self, email: &str, name: &str, password: &Secret) -> Result<(), ClientError> {
        let body = SignUp { email, name, password: password.expose() };
        self.send(Request::post(&["users"]).json(&body).open()).await.map(drop)
    }

    /// Chooses a password, with an invitation; needs no credential.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn accept_invitation(
        &self,
        invitation: &Secret,
        name: &str,
        password: &Secret,
    ) -> Result<(), ClientError> {
        let body = Accept { invitation: invitation.expose(), name, password: password.expose() };
        self.send(Request::post(&["users", "accept-invitation"]).json(&body).open()).await.map(drop)
    }

    /// The calling user.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn own_user(&self) -> Result<VersionedUser, ClientError> {
        self.ask(Request::get(&["users", "self"])).await
    }

    /// Gives the calling user another name, if they are at this version still.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if they are at another version.
    pub async fn rename_own_user(&self, name: &str, version: u64) -> Result<VersionedUser, ClientError> {
        let request = Request::once(Method::PATCH, &["users", "self"])?;
        self.ask(request.json(&UpdateUser { name }).if_match(version)).await
    }

    /// Gives the calling user another password, and ends all of their sessions and tokens.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn change_password(&self, current: &Secret, new: &Secret) -> Result<(), ClientError> {
        let body = ChangePassword { current: current.expose(), new: new.expose() };
        self.send(Request::post(&["users", "self", "password"]).json(&body)).await.map(drop)
    }

    /// The calling user's sessions of the dashboard, page by page.
    #[must_use]
    pub fn walk_sessions(&self) -> Walk<'_, Session> {
        Walk::new(self, |after| Request::get(&["users", "self", "sessions"]).query("after", after))
    }

    /// Says that somebody has forgotten their password; needs no credential. Whether the address is known is not told.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn forgot_password(&self, email: &str) -> Result<(), ClientError> {
        self.send(Request::post(&["users", "forgot-password"]).json(&Forgot { email }).open()).await.map(drop)
    }

    /// Chooses another password, with the secret of a link; needs no credential. Ends all sessions and tokens of its user.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn reset_password(&self, reset: &Secret, password: &Secret) -> Result<(), ClientError> {
        let body = Reset { reset: reset.expose(), password: password.expose() };
        self.send(Request::post(&["users", "reset-password"]).json(&body).open()).await.map(drop)
    }

    /// Makes a link with which a user chooses another password, once and within an hour.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_password_reset(&self, user: &UserId) -> Result<PasswordReset, ClientError> {
        self.ask(Request::once(Method::POST, &["users", user.as_str(), "password-reset"])?).await
    }

    /// All users, or the one with this e-mail address, page by page.
    #[must_use]
    pub fn walk_users(&self, email: Option<&str>) -> Walk<'_, VersionedUser> {
        let email = email.map(str::to_owned);
        Walk::new(self, move |after| Request::get(&["users"]).query("email", email.as_deref()).query("after", after))
    }

    /// A user.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn user(&self, user: &UserId) -> Result<VersionedUser, ClientError> {
        self.ask(Request::get(&["users", user.as_str()])).await
    }

    /// Ends a user's sessions and tokens and lets them sign in no more, or lets them again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn set_user_disabled(&self, user: &UserId, disabled: bool) -> Result<VersionedUser, ClientError> {
        let action = if disabled { "disable" } else { "enable" };
        self.ask(Request::once(Method::POST, &["users", user.as_str(), action])?).await
    }

    /// Deletes a user, if they are at this version still. Keys of their accounts go on working.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if they are at another version.
    pub async fn remove_user(&self, user: &UserId, version: u64) -> Result<(), ClientError> {
        self.send(Request::once(Method::DELETE, &["users", user.as_str()])?.if_match(version)).await.map(drop)
    }
}
