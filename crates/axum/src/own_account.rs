use std::ops::Deref;

use axum::extract::RawPathParams;
use axum::middleware::{FromExtractorLayer, from_extractor};
use axum_core::extract::FromRequestParts;
use http::request::Parts;
use keyward_core::adapter::{CredentialFault, require_path_account};
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
    /// Returns a layer for a whole router of tenants: no handler below `{account}` can forget the check.
    ///
    /// Nest the router, so that all its routes are below `{account}`. A request for a path without `{account}` gets 500, and is logged.
    /// Unless the router has its own fallback, the outer router answers unknown paths.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::get};
    /// use keyward::MemoryStore;
    /// use keyward::axum::{AuthLayer, OwnAccount, Scoped};
    ///
    /// keyward::axum::scopes! { NotesRead = "notes:read"; }
    ///
    /// async fn notes(caller: Scoped<NotesRead>) -> String {
    ///     format!("notes of {}", caller.account())
    /// }
    ///
    /// let tenant = Router::new().route("/notes", get(notes)).layer(OwnAccount::layer());
    /// let app: Router = Router::new().nest("/accounts/{account}", tenant).layer(AuthLayer::new(MemoryStore::new()));
    /// # let _ = app;
    /// ```
    pub fn layer() -> FromExtractorLayer<Self, ()> {
        from_extractor()
    }

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
    let params = params.into_iter().flatten();
    require_path_account(identity, params, &parts.method, parts.uri.path())?;
    Ok(identity.clone())
}
