//! Signing in and out.

use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;
use crate::secret::Secret;

/// An access token and what it is renewed with.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct Tokens {
    /// What to present.
    pub access_token: Secret,
    /// `Bearer`
    pub token_type: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
    /// For one refreshing. One that is used twice ends all that came of the same sign-in.
    pub refresh_token: Secret,
    /// When the refresh token ends.
    pub refresh_expires_at: Timestamp,
    /// Whose they are.
    pub user: UserId,
    /// In which account they are used unless another is named.
    pub account: AccountId,
}

#[derive(Serialize)]
pub(crate) struct SignIn<'a> {
    pub(crate) email: &'a str,
    pub(crate) password: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Refresh<'a> {
    pub(crate) refresh_token: &'a str,
}

#[derive(Serialize)]
pub(crate) struct SignOut {
    pub(crate) everywhere: bool,
}

/// Signing in and out.
impl Client {
    /// Signs in; needs no credential.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sign_in(&self, email: &str, password: &Secret) -> Result<Tokens, ClientError> {
        let body = SignIn { email, password: password.expose() };
        self.ask(Request::post(&["tokens"]).json(&body).open()).await
    }

    /// Exchanges a refresh token for new tokens; needs no credential. Keep the new ones before anything else.
    ///
    /// It is not sent again when the answer is lost, as a token that is used twice looks stolen: sign in again then.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn refresh_tokens(&self, refresh_token: &Secret) -> Result<Tokens, ClientError> {
        let body = Refresh { refresh_token: refresh_token.expose() };
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
