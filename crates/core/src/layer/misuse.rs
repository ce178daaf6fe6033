//! The compiler's message for `.layer(authenticator)`.

use tower_layer::Layer;

use super::auth::AuthService;
use crate::authenticate::Authenticator;

/// Nothing implements it, so the compiler prints this message.
#[diagnostic::on_unimplemented(
    message = "an `Authenticator` is no layer",
    label = "an `AuthLayer` is one",
    note = "use `.layer(AuthLayer::from(authenticator))`"
)]
pub trait AuthenticatorAsLayer: sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

#[doc(hidden)]
impl<S: AuthenticatorAsLayer> Layer<S> for Authenticator {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService::new(inner, self.clone())
    }
}
