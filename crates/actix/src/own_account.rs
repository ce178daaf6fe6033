use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use keyward_core::adapter::require_path_account;
use keyward_core::{Identity, Rejection};

use crate::auth_rejection::AuthRejection;
use crate::extract::required;

/// The identity of a caller whose account is the path's `{account}`. Others get 403 `ACCOUNT_NOT_ALLOWED`.
///
/// A route without `{account}` answers 500 and logs an error. [`Require::own_account`](crate::Require::own_account) does the
/// same for a whole scope.
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
        ready(check(request).map(Self).map_err(|rejection| AuthRejection::of_request(rejection, request)))
    }
}

pub(crate) fn check(request: &HttpRequest) -> Result<Identity, Rejection> {
    let identity = required(request)?;
    require_path_account(&identity, request.match_info().iter(), request.method(), request.path())?;
    Ok(identity)
}
