//! Users: those who sign in.

use http::Method;
use keyward_api_types::{
    AcceptInvitation, ChangePassword, ForgotPassword, PasswordReset, ResetPassword, Secret, Session, SignUp,
    UpdateUser, VersionedUser,
};
use keyward_core::id::UserId;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::{Request, copy};

/// Users. What is one's own is for access tokens, and not for keys; what is others' is for the operator.
impl Client {
    /// Signs somebody up, where that is open to everybody; needs no credential. Whether the address was known is not told.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sign_up(&self, email: &str, name: &str, password: &Secret) -> Result<(), ClientError> {
        let body = SignUp { email: email.to_owned(), name: name.to_owned(), password: copy(password) };
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
        let body = AcceptInvitation { invitation: copy(invitation), name: name.to_owned(), password: copy(password) };
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
        self.ask(request.json(&UpdateUser { name: name.to_owned() }).if_match(version)).await
    }

    /// Gives the calling user another password, and ends all of their sessions and tokens.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn change_password(&self, current: &Secret, new: &Secret) -> Result<(), ClientError> {
        let body = ChangePassword { current: copy(current), new: copy(new) };
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
        self.send(Request::post(&["users", "forgot-password"]).json(&ForgotPassword { email: email.to_owned() }).open())
            .await
            .map(drop)
    }

    /// Chooses another password, with the secret of a link; needs no credential. Ends all sessions and tokens of its user.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn reset_password(&self, reset: &Secret, password: &Secret) -> Result<(), ClientError> {
        let body = ResetPassword { reset: copy(reset), password: copy(password) };
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
