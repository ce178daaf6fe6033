use keyward_api_types::{Refresh, Secret, SignIn, SignOut, Tokens};

use crate::client::Client;
use crate::error::ClientError;
use crate::request::{Request, copy};

/// Signing in and out.
impl Client {
    /// Signs in. Needs no credential.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn sign_in(&self, email: &str, password: &Secret) -> Result<Tokens, ClientError> {
        self.sign_in_with_code(email, password, None).await
    }

    /// Signs in with a password and, if the user has a second factor, its code or a recovery code. Needs no credential.
    ///
    /// # Errors
    /// [`ClientError`]: with the code `CODE_REQUIRED` if the code is missing.
    pub async fn sign_in_with_code(
        &self,
        email: &str,
        password: &Secret,
        code: Option<&Secret>,
    ) -> Result<Tokens, ClientError> {
        let body = SignIn { email: email.to_owned(), password: copy(password), code: code.map(copy) };
        self.ask(Request::post(&["tokens"]).json(&body).open()).await
    }

    /// Exchanges a refresh token for new tokens. Needs no credential.
    ///
    /// Not retried if the answer is lost: a second use of the token looks like theft. Sign in again instead.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn refresh_tokens(&self, refresh_token: &Secret) -> Result<Tokens, ClientError> {
        let body = Refresh { refresh_token: copy(refresh_token) };
        self.ask(Request::post(&["tokens", "refresh"]).json(&body).open()).await
    }

    /// Ends the tokens of this sign-in, or all sessions and tokens of the user.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn sign_out(&self, everywhere: bool) -> Result<(), ClientError> {
        self.send(Request::post(&["tokens", "sign-out"]).json(&SignOut { everywhere })).await.map(drop)
    }
}
