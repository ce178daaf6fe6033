//! The service's own errors. The `AuthLayer` writes them in the format of its refusals.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use keyward::axum::AuthRejection;
use keyward::lifecycle::KeysError;
use keyward::scope::ScopeError;
use keyward::store::WriteRefused;
use keyward::{CustomRejection, Rejection};
use serde::de::DeserializeOwned;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("There is no such endpoint.")]
    NoSuchEndpoint,
    #[error("There is no such note.")]
    NoSuchNote,
    #[error("The note is locked. Create a new one.")]
    NoteLocked,
    #[error("Your account has no such key.")]
    NoSuchKey,
    #[error("Your key cannot give rights that it does not have.")]
    TooManyRights,
    #[error(transparent)]
    Body(#[from] JsonRejection),
    #[error(transparent)]
    Scope(#[from] ScopeError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl From<ApiError> for Rejection {
    fn from(error: ApiError) -> Self {
        let (status, code) = match &error {
            ApiError::NoSuchEndpoint => (StatusCode::NOT_FOUND, "NO_SUCH_ENDPOINT"),
            ApiError::NoSuchNote => (StatusCode::NOT_FOUND, "NO_SUCH_NOTE"),
            ApiError::NoteLocked => (StatusCode::CONFLICT, "NOTE_LOCKED"),
            ApiError::NoSuchKey => (StatusCode::NOT_FOUND, "NO_SUCH_KEY"),
            ApiError::TooManyRights => (StatusCode::FORBIDDEN, "TOO_MANY_RIGHTS"),
            ApiError::Body(rejection) => (rejection.status(), "INVALID_BODY"),
            ApiError::Scope(_) => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_SCOPE"),
            ApiError::Keys(KeysError::Store(error)) => {
                tracing::error!(%error, "the key store failed");
                return Self::StoreUnavailable;
            }
            ApiError::Keys(KeysError::Denied(WriteRefused::NotFound | WriteRefused::NoSuchAccount)) => {
                (StatusCode::NOT_FOUND, "NOT_FOUND")
            }
            ApiError::Keys(KeysError::Denied(_)) => (StatusCode::CONFLICT, "KEY_CONFLICT"),
            ApiError::Keys(_) => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_KEY"),
            ApiError::Rejected(rejection) => return rejection.clone(),
        };
        CustomRejection::new(status, code, error.to_string()).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        AuthRejection::from(self).into_response()
    }
}

/// A JSON body. A malformed one is refused in the service's format.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}
