use http::Method;
use keyward_api_types::{
    AcceptInvitation, ChangePassword, CreateSignInLink, ForgotPassword, PasswordReset, ResetPassword, Secret, Session,
    SignInLink, SignUp, UpdateUser, UserFilter, VersionedUser,
};
use keyward_core::id::UserId;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::{Request, copy};

/// Users. Operations on the calling user need an access token. Those on others are for the operator.
impl Client {
    /// Signs up, if sign-up is open. Needs no credential.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn sign_up(&self, email: &str, name: &str, password: &Secret) -> Result<(), ClientError> {
        let body = SignUp { email: email.to_owned(), name: name.to_owned(), password: copy(password) };
        self.send(Request::post(&["users"]).json(&body).open()).await.map(drop)
    }

    /// Accepts an invitation as a new user. Needs no credential.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn accept_invitation(
        &self,
        invitation: &Secret,
        name: &str,
        password: &Secret,
    ) -> Result<(), ClientError> {
        let body = AcceptInvitation { invitation: copy(invitation), name: name.to_owned(), password: copy(password) };
        self.send(Request::post(&["users", "accept-invitation"]).json(&body).open()).await.map(drop)
    }

    /// Returns the calling user.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn own_user(&self) -> Result<VersionedUser, ClientError> {
        self.ask(Request::get(&["users", "self"])).await
    }

    /// Renames the calling user at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rename_own_user(&self, name: &str, version: u64) -> Result<VersionedUser, ClientError> {
        let request = Request::idempotent(Method::PATCH, &["users", "self"])?;
        self.ask(request.json(&UpdateUser { name: name.to_owned() }).if_match(version)).await
    }

    /// Changes the calling user's password, and ends the user's sessions and tokens.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn change_password(&self, current: &Secret, new: &Secret) -> Result<(), ClientError> {
        let body = ChangePassword { current: copy(current), new: copy(new) };
        self.send(Request::post(&["users", "self", "password"]).json(&body)).await.map(drop)
    }

    /// Lists the calling user's dashboard sessions.
    #[must_use]
    pub fn walk_sessions(&self) -> Walk<'_, Session> {
        Walk::new(self, |after| Request::get(&["users", "self", "sessions"]).page(after))
    }

    /// Asks for a reset link. Needs no credential.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn forgot_password(&self, email: &str) -> Result<(), ClientError> {
        self.send(Request::post(&["users", "forgot-password"]).json(&ForgotPassword { email: email.to_owned() }).open())
            .await
            .map(drop)
    }

    /// Sets a new password with a reset link, and ends the user's sessions and tokens. Needs no credential.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reset_password(&self, reset: &Secret, password: &Secret) -> Result<(), ClientError> {
        let body = ResetPassword { reset: copy(reset), password: copy(password) };
        self.send(Request::post(&["users", "reset-password"]).json(&body).open()).await.map(drop)
    }

    /// Creates a reset link, valid once and for an hour.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_password_reset(&self, user: &UserId) -> Result<PasswordReset, ClientError> {
        self.ask(Request::idempotent(Method::POST, &["users", user.as_str(), "password-reset"])?).await
    }

    /// Removes the second factor of a user who has lost it, and ends the user's sessions and tokens.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_second_factor(&self, user: &UserId) -> Result<(), ClientError> {
        self.send(Request::idempotent(Method::DELETE, &["users", user.as_str(), "second-factor"])?).await.map(drop)
    }

    /// Creates a link that signs a user in, once and within a minute. Open its URL in the user's browser, or in a frame.
    ///
    /// # Errors
    /// [`ClientError`].
    ///
    /// # Examples
    /// ```no_run
    /// use keyward_client::{Client, CreateSignInLink, Credential, Secret};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = Credential::bearer(Secret::new(std::env::var("KEYWARD_MANAGEMENT_KEY")?));
    /// let client = Client::builder("https://keys.example.com").credential(key).build()?;
    /// let link = client.create_sign_in_link(&CreateSignInLink::new("ada@example.com")).await?;
    /// let frame = format!(r#"<iframe src="{}" allow="clipboard-write"></iframe>"#, link.url.expose());
    /// # let _ = frame;
    /// # Ok(()) }
    /// ```
    pub async fn create_sign_in_link(&self, link: &CreateSignInLink) -> Result<SignInLink, ClientError> {
        self.ask(Request::idempotent(Method::POST, &["sign-in-links"])?.json(link)).await
    }

    /// Lists all users, or the user with this e-mail address.
    #[must_use]
    pub fn walk_users(&self, email: Option<&str>) -> Walk<'_, VersionedUser> {
        let email = email.map(str::to_owned);
        Walk::new(self, move |after| {
            let filter = UserFilter { email: email.clone(), after: after.map(str::to_owned), limit: None };
            Request::get(&["users"]).query(&filter)
        })
    }

    /// Returns a user.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn user(&self, user: &UserId) -> Result<VersionedUser, ClientError> {
        self.ask(Request::get(&["users", user.as_str()])).await
    }

    /// Disables a user and ends the user's sessions and tokens, or enables the user again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_user_disabled(&self, user: &UserId, disabled: bool) -> Result<VersionedUser, ClientError> {
        let request = if disabled {
            Request::idempotent(Method::POST, &["users", user.as_str(), "disable"])?
        } else {
            Request::idempotent(Method::POST, &["users", user.as_str(), "enable"])?
        };
        self.ask(request).await
    }

    /// Deletes a user at this version. Keys of the user's accounts keep working.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_user(&self, user: &UserId, version: u64) -> Result<(), ClientError> {
        self.send(Request::idempotent(Method::DELETE, &["users", user.as_str()])?.if_match(version)).await.map(drop)
    }
}
