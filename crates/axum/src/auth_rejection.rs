use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use keyward_core::Rejection;
use keyward_core::render::Refusal;

/// A refusal, which the outer [`AuthLayer`](crate::AuthLayer) writes in its format.
#[derive(Clone, Debug)]
pub struct AuthRejection(Refusal);

impl AuthRejection {
    pub(crate) fn new(rejection: Rejection, parts: &Parts) -> Self {
        let refusal = Refusal::new(rejection, &parts.method, &parts.headers);
        Self(refusal.with_identity(parts.extensions.get()))
    }

    /// Returns the reason.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        self.0.rejection()
    }
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        self.0.into_response::<Body>()
    }
}

impl std::fmt::Display for AuthRejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self.rejection(), f)
    }
}

impl std::error::Error for AuthRejection {}
