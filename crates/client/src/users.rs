//! Users: those who sign in.

use http::Method;
use keyward::{Timestamp, UserId};
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
    /// What they are called.
    pub name: String,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last signed in, if they have.
    pub last_sign_in_at: Option<Timestamp>,
}

/// The calling user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OwnUser {
    /// Their id.
    pub id: UserId,
    /// Their e-mail address, in lower case.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last signed in, if they have.
    pub last_sign_in_at: Option<Timestamp>,
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
pub(crate) struct Accept<'a> {
    pub(crate) invitation: &'a str,
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
}

/// Users. These are for access tokens, and not for keys.
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
    pub async fn own_user(&self) -> Result<OwnUser, ClientError> {
        self.ask(Request::get(&["users", "self"])).await
    }

    /// Gives the calling user another name, if they are at this version still.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if they are at another version.
    pub async fn rename_own_user(&self, name: &str, version: u64) -> Result<OwnUser, ClientError> {
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
}
