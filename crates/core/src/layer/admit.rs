//! Admission and refusal of requests.

use http::header::AUTHORIZATION;
use http::{Extensions, Request};

use super::protocol::Respond;
use crate::authenticate::{Admission, Authenticator};
use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::render::Refusal;

/// The extension of requests admitted without a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anonymous;

/// Returns the caller that an outer layer admitted, or `None` for [`Anonymous`].
///
/// # Errors
/// [`Rejection::NotConfigured`] without a layer. Log who missed it.
pub fn caller(extensions: &Extensions) -> Result<Option<&Identity>, Rejection> {
    match extensions.get::<Identity>() {
        Some(identity) => Ok(Some(identity)),
        None if extensions.get::<Anonymous>().is_some() => Ok(None),
        None => Err(Rejection::NotConfigured),
    }
}

/// Returns `true` for an identity.
#[inline]
pub(super) fn admit<B>(authenticator: &Authenticator, request: &mut Request<B>, admission: Admission) -> bool {
    authenticator.hide_credentials(request.headers_mut());
    match admission {
        Admission::Identity(identity) => {
            request.extensions_mut().insert(identity);
            true
        }
        Admission::Anonymous => {
            admit_anonymous(request);
            false
        }
    }
}

fn admit_anonymous<B>(request: &mut Request<B>) {
    let fields = request.headers_mut().iter_mut().filter(|(name, _)| **name == AUTHORIZATION);
    fields.for_each(|(_, field)| field.set_sensitive(true));
    request.extensions_mut().remove::<Identity>();
    request.extensions_mut().insert(Anonymous);
}

#[cold]
pub(super) fn refuse<P: Respond<R>, R, B>(
    authenticator: &Authenticator,
    rejection: Rejection,
    request: &Request<B>,
) -> R {
    P::refuse(authenticator, &refusal(rejection, request))
}

pub(super) fn refusal<B>(rejection: Rejection, request: &Request<B>) -> Refusal {
    Refusal::new(rejection, request.method(), request.headers())
}
