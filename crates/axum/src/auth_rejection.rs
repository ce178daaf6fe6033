use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use keyward_core::Rejection;
use keyward_core::render::Refusal;

/// A refusal, which the outer [`AuthLayer`](crate::AuthLayer) writes in its format.
///
/// A handler returns its own refusals as this type: `?` converts a [`Rejection`] or
/// [`CustomRejection`](keyward_core::CustomRejection). A [`RequestIdLayer`](keyward_core::RequestIdLayer) inside of the
/// `AuthLayer` gives them the client's request id.
///
/// # Examples
/// ```
/// use axum::extract::State;
/// use axum::http::StatusCode;
/// use keyward::CustomRejection;
/// use keyward::axum::{AuthRejection, Authenticated};
/// use keyward::limits::TaskPermits;
///
/// async fn render(State(permits): State<TaskPermits>, caller: Authenticated) -> Result<StatusCode, AuthRejection> {
///     let permit = permits.acquire(&caller).await?;
///     if caller.metadata().contains_key("frozen") {
///         return Err(CustomRejection::new(StatusCode::CONFLICT, "PROJECT_FROZEN", "The project is frozen."))?;
///     }
///     tokio::spawn(async move { drop(permit) }); // the task holds it until it ends
///     Ok(StatusCode::ACCEPTED)
/// }
/// # let _: axum::Router<TaskPermits> = axum::Router::new().route("/", axum::routing::post(render));
/// ```
#[derive(Clone, Debug)]
pub struct AuthRejection(Box<Refusal>);

impl AuthRejection {
    pub(crate) fn new(rejection: Rejection, parts: &Parts) -> Self {
        let refusal = Refusal::new(rejection, &parts.method, &parts.headers);
        Self(Box::new(refusal.with_identity(parts.extensions.get())))
    }

    /// Returns the reason.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        self.0.rejection()
    }
}

impl<E: Into<Rejection>> From<E> for AuthRejection {
    fn from(rejection: E) -> Self {
        Self(Box::new(Refusal::detached(rejection.into())))
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
