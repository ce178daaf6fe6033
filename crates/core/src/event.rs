//! What a service can be told of as it happens.

use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::request_id::RequestId;

/// What happened to a request. Handed to the hook of
/// [`AuthenticatorBuilder::on_event`](crate::adapter::AuthenticatorBuilder::on_event), which must not block.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A credential was accepted. A handler may still refuse it for a scope.
    Accepted {
        /// Whose it is.
        identity: &'a Identity,
    },
    /// A key was sent in plain text, and has been marked as compromised: its account has to hear of it.
    Compromised {
        /// Whose it was.
        identity: &'a Identity,
    },
    /// A credential was known, and refused: it has ended or is disabled, or may not do what was asked for, as its kind, endpoints,
    /// networks, a guard or a [`RequireLayer`](crate::RequireLayer) say. [`Refused`](Self::Refused) is told besides.
    KeyRefused {
        /// Whose it is.
        identity: &'a Identity,
        /// Why.
        rejection: &'a Rejection,
    },
    /// The request was refused.
    Refused {
        /// Why.
        rejection: &'a Rejection,
        /// The request's id, as its caller was told it.
        request_id: &'a RequestId,
    },
}
