use std::ops::Deref;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use keyward_core::adapter::{self, CredentialFault};
use keyward_core::{Identity, Rejection};

use crate::auth_rejection::AuthRejection;

/// The caller's identity.
///
/// Without an [`AuthLayer`](crate::AuthLayer) around the handler, it answers 500 and logs an error.
///
/// `Option<Authenticated>` is `None` on exempt paths, and without a credential if
/// [`optional`](keyward_core::adapter::AuthenticatorBuilder::optional) is set. A bad credential is always refused.
///
/// # Examples
/// ```
/// use keyward::axum::Authenticated;
///
/// async fn whoami(caller: Authenticated) -> String {
///     caller.account().to_string()
/// }
///
/// async fn greet(caller: Option<Authenticated>) -> String {
///     caller.map_or("who are you?".to_owned(), |caller| format!("hello, {}", caller.account()))
/// }
/// # let _: axum::Router = axum::Router::new().route("/a", axum::routing::get(whoami)).route("/b", axum::routing::get(greet));
/// ```
#[derive(Clone, Debug)]
pub struct Authenticated(Identity);

impl Authenticated {
    /// Returns the identity.
    #[must_use]
    pub fn into_inner(self) -> Identity {
        self.0
    }
}

impl From<Identity> for Authenticated {
    fn from(identity: Identity) -> Self {
        Self(identity)
    }
}

impl Deref for Authenticated {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRejection> {
        match caller(parts) {
            Ok(Some(identity)) => Ok(Self(identity.clone())),
            Ok(None) => Err(AuthRejection::new(CredentialFault::Missing.into(), parts)),
            Err(rejection) => Err(AuthRejection::new(rejection, parts)),
        }
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Authenticated {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthRejection> {
        match caller(parts) {
            Ok(identity) => Ok(identity.cloned().map(Self)),
            Err(rejection) => Err(AuthRejection::new(rejection, parts)),
        }
    }
}

/// Without a layer it is an error, never `None`.
pub(crate) fn caller(parts: &Parts) -> Result<Option<&Identity>, Rejection> {
    adapter::caller(&parts.extensions).inspect_err(|_| {
        let (method, path) = (&parts.method, parts.uri.path());
        tracing::error!(%method, path, "request refused: the handler asks for an identity, but no AuthLayer protects this route; call Router::layer with an AuthLayer after the last route");
    })
}
