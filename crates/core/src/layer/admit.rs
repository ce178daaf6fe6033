//! Admits or refuses a request, once the authenticator has decided.

use http::Request;
use http::header::AUTHORIZATION;

use super::protocol::Respond;
use crate::authenticate::{Admission, Authenticator};
use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::render::Refusal;

/// A marker in the extensions of a request that was admitted without a credential: it is exempt, a preflight, or
/// credentials are optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anonymous;

/// Puts the identity or [`Anonymous`] into the request. Returns `true` for an identity.
///
/// `Authorization` is marked as sensitive, so that inner code prints no key.
#[inline]
pub(super) fn admit<B>(request: &mut Request<B>, admission: Admission) -> bool {
    match admission {
        Admission::Identity(identity) => {
            // There is exactly one field, because several are refused.
            if let Some(field) = request.headers_mut().get_mut(AUTHORIZATION) {
                field.set_sensitive(true);
            }
            request.extensions_mut().insert(identity);
            true
        }
        Admission::Anonymous => {
            admit_anonymous(request);
            false
        }
    }
}

/// The request may have any number of `Authorization` fields, because none was read.
fn admit_anonymous<B>(request: &mut Request<B>) {
    let fields = request.headers_mut().iter_mut().filter(|(name, _)| **name == AUTHORIZATION);
    fields.for_each(|(_, field)| field.set_sensitive(true));
    request.extensions_mut().remove::<Identity>();
    request.extensions_mut().insert(Anonymous);
}

/// Counts, reports and writes a refusal, as the protocol does.
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
