//! Signing in and out.

use keyward_api_types::{Refresh, Secret, SignIn, SignOut, Tokens};

use crate::client::Client;
use crate::error::ClientError;
use crate::request::{Request, copy};

/// Signing in and out.
impl Client {
    /// Signs in; needs no credential.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sign_in(&self, email: &str, password: &Secret) -> Result<Tokens, ClientError> {
        let body = SignIn { email: email.to_owned(), password: copy(password) };
        self.ask(Request::post(&["tokens"]).json(&body).open()).await
    }

    /// Exchanges a refresh token for new tokens; needs no credential. Keep the new ones before anything else.
    ///
    /// It is not sent again when the answer is lost, as a token that is used twice looks stolen: sign in again then.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn refresh_tokens(&self, refresh_token: &Secret) -> Result<Tokens, ClientError> {
        let body = Refresh { refresh_token: copy(refresh_token) };
        self.ask(Request::post(&["tokens", "refresh"]).json(&body).open()).await
    }

    /// Ends what came of the sign-in that the presented token came of; or every session and token of its user.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sign_out(&self, everywhere: bool) -> Result<(), ClientError> {
        self.send(Request::post(&["tokens", "sign-out"]).json(&SignOut { everywhere })).await.map(drop)
    }
}
