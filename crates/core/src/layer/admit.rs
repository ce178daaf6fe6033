//! What happens to a request once the authenticator has decided: it is admitted, or refused.

use http::Request;
use http::header::AUTHORIZATION;

use super::protocol::Respond;
use crate::authenticate::{Admission, Authenticator};
use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::render::Refusal;

/// Put into the extensions of a request that was let in without a credential: its path is exempt, or a credential is
/// optional and there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anonymous;

/// Puts what was found out into the request, and nothing else of the kind. Gives whether there is an identity.
///
/// `Authorization` is marked as sensitive, so that what prints headers further in prints no key.
#[inline]
pub(super) fn admit<B>(request: &mut Request<B>, admission: Admission) -> bool {
    match admission {
        Admission::Identity(identity) => {
            // Exactly one: several are refused.
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

/// Nothing was read, so there may be any number of `Authorization` fields.
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
