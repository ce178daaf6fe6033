//! Events that a service can observe.

use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::request_id::RequestId;

/// An event of a request, passed to the hook of
/// [`AuthenticatorBuilder::on_event`](crate::adapter::AuthenticatorBuilder::on_event), which must not block.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A credential was accepted. A handler may still refuse the request.
    Accepted {
        /// The accepted identity.
        identity: &'a Identity,
    },
    /// A key was sent in plain text and has been marked as compromised.
    Compromised {
        /// The key's identity.
        identity: &'a Identity,
    },
    /// A known credential was refused: it has ended or is disabled, or its kind, endpoints, networks, a guard or a
    /// [`RequireLayer`](crate::RequireLayer) forbid the request. [`Refused`](Self::Refused) follows.
    KeyRefused {
        /// The credential's identity.
        identity: &'a Identity,
        /// The reason.
        rejection: &'a Rejection,
    },
    /// The request was refused.
    Refused {
        /// The reason.
        rejection: &'a Rejection,
        /// The request's id, which the response states.
        request_id: &'a RequestId,
    },
}
