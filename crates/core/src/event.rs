use tracing::Span;
use tracing::field::display;

use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::request_id::RequestId;
use crate::scope::Scope;

/// An event for [`on_event`](crate::adapter::AuthenticatorBuilder::on_event), whose hook must not block.
///
/// # Examples
/// ```
/// use keyward::{Authenticator, Event, MemoryStore};
///
/// let authenticator = Authenticator::builder(MemoryStore::new())
///     .on_event(|event| match event {
///         Event::Refused { rejection, request_id } => println!("{request_id}: {}", rejection.code()),
///         Event::Accepted { identity } => println!("{}: accepted", identity.account()),
///         _ => {}
///     })
///     .build()?;
/// # Ok::<(), keyward::adapter::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A credential was accepted. A handler may still refuse.
    ///
    /// It has no request id, because an accepted request gets one only from a
    /// [`RequestIdLayer`](crate::RequestIdLayer). Handlers and inner layers log both.
    Accepted {
        /// The identity.
        identity: &'a Identity,
    },
    /// A guard, a [`Requirement`](crate::Requirement) or a gateway required scopes, and the credential has enough of them.
    ///
    /// A request with several guards has several of these. A key that lacks scopes is reported by [`KeyRefused`](Self::KeyRefused).
    /// A [`KeyWatch`](crate::KeyWatch) reports none.
    ScopesGranted {
        /// The identity.
        identity: &'a Identity,
        /// The required scopes. If any of them suffices, the identity may lack some.
        required: &'a [Scope],
    },
    /// A key came in plain text, and was marked as compromised.
    Compromised {
        /// The identity.
        identity: &'a Identity,
    },
    /// A known credential was refused, also by a guard or [`RequireLayer`](crate::RequireLayer). [`Refused`](Self::Refused) follows.
    KeyRefused {
        /// The identity.
        identity: &'a Identity,
        /// The reason.
        rejection: &'a Rejection,
        /// Whether [`Accepted`](Self::Accepted) came before: a guard, a limit or a handler has refused the request.
        accepted: bool,
    },
    /// The request was refused.
    Refused {
        /// The reason.
        rejection: &'a Rejection,
        /// The request's id.
        request_id: &'a RequestId,
    },
}

impl Event<'_> {
    /// Records the caller and the outcome in the current span, usually that of the request.
    ///
    /// The fields are `keyward.key_id`, `keyward.account` and `keyward.outcome`: `accepted`, or the code of the refusal. The span
    /// has to declare them, as [`tracing::field::Empty`]. A guard's or handler's refusal comes after `accepted`, and replaces it: in
    /// OpenTelemetry, and in the JSON of `tracing-subscriber`. Its text format cannot remove a value, so it writes both, and the last
    /// one counts. OpenTelemetry has no convention for these values.
    ///
    /// # Examples
    /// ```
    /// use keyward::{Authenticator, MemoryStore};
    ///
    /// let authenticator = Authenticator::builder(MemoryStore::new()).on_event(|event| event.record_in_span()).build()?;
    /// # Ok::<(), keyward::adapter::BuildError>(())
    /// ```
    pub fn record_in_span(&self) {
        let span = Span::current();
        if span.is_disabled() {
            return;
        }
        // After `Accepted`, the span has the caller already.
        if let Self::Accepted { identity }
        | Self::Compromised { identity }
        | Self::KeyRefused { identity, accepted: false, .. } = self
        {
            span.record("keyward.key_id", display(identity.id()));
            span.record("keyward.account", display(identity.account()));
        }
        match self {
            Self::Accepted { .. } => {
                span.record("keyward.outcome", "accepted");
            }
            Self::Refused { rejection, .. } => {
                span.record("keyward.outcome", rejection.code());
            }
            // The refusal of the request follows.
            Self::KeyRefused { .. } | Self::ScopesGranted { .. } | Self::Compromised { .. } => {}
        }
    }
}
