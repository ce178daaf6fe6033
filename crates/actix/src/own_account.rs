use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use keyward_core::{Identity, Rejection};

use crate::auth_rejection::AuthRejection;
use crate::extract::required;

/// The identity of a caller whose account is the path's `{account}`. Others get 403 `ACCOUNT_NOT_ALLOWED`.
///
/// A route without `{account}` answers 500 and logs an error.
///
/// # Examples
/// ```
/// use keyward::actix::OwnAccount;
///
/// async fn notes(caller: OwnAccount) -> String {
///     format!("notes of {}", caller.account())
/// }
/// # let _ = actix_web::web::resource("/accounts/{account}/notes").to(notes);
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

impl FromRequest for OwnAccount {
    type Error = AuthRejection;
    type Future = Ready<Result<Self, AuthRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(check(request).map(Self).map_err(|rejection| AuthRejection::new(rejection, request.headers())))
    }
}

fn check(request: &HttpRequest) -> Result<Identity, Rejection> {
    let identity = required(request)?;
    let mut accounts = request.match_info().iter().filter(|(name, _)| *name == "account").peekable();
    if accounts.peek().is_none() {
        let (method, path) = (request.method(), request.path());
        tracing::error!(%method, path, "request refused: the handler asks for OwnAccount, but its route has no {{account}}; add it to the route's path");
        return Err(Rejection::NotConfigured);
    }
    accounts.try_for_each(|(_, account)| identity.require_account(account))?;
    Ok(identity)
}
