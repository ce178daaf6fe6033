use std::ops::Deref;

use axum::extract::RawPathParams;
use axum_core::extract::FromRequestParts;
use http::request::Parts;
use keyward_core::adapter::CredentialFault;
use keyward_core::{Identity, Rejection};

use crate::auth_rejection::AuthRejection;
use crate::authenticated::caller;

/// The identity of a caller whose account is the path's `{account}`. Others get 403 `ACCOUNT_NOT_ALLOWED`.
///
/// A route without `{account}` answers 500 and logs an error.
///
/// # Examples
/// ```
/// use axum::Router;
/// use axum::routing::get;
/// use keyward::axum::{OwnAccount, Scoped};
///
/// keyward::axum::scopes! { NotesRead = "notes:read"; }
///
/// async fn notes(caller: OwnAccount, _: Scoped<NotesRead>) -> String {
///     format!("notes of {}", caller.account())
/// }
///
/// let app: Router = Router::new().route("/accounts/{account}/notes", get(notes));
/// # let _ = app;
/// ```
#[derive(Clone, Debug)]
pub struct OwnAccount(Identity);

impl OwnAccount {
    /// Returns the identity.
    #[must_use]
    pub fn into_inner(self) -> Identity {
        self.0
    }
}

impl Deref for OwnAccount {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OwnAccount {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
        let params = RawPathParams::from_request_parts(parts, state).await.ok();
        match check(params.as_ref(), parts) {
            Ok(identity) => Ok(Self(identity)),
            Err(rejection) => Err(AuthRejection::new(rejection, parts)),
        }
    }
}

fn check(params: Option<&RawPathParams>, parts: &Parts) -> Result<Identity, Rejection> {
    let identity = caller(parts)?.ok_or(CredentialFault::Missing)?;
    let mut accounts = params.into_iter().flatten().filter(|(name, _)| *name == "account").peekable();
    if accounts.peek().is_none() {
        let (method, path) = (&parts.method, parts.uri.path());
        tracing::error!(%method, path, "request refused: the handler asks for OwnAccount, but its route has no {{account}}; add it to the route's path");
        return Err(Rejection::NotConfigured);
    }
    accounts.try_for_each(|(_, account)| identity.require_account(account))?;
    Ok(identity.clone())
}
