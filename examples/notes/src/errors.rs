//! Refusals of this service. The `AuthLayer` writes them in its format.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use keyward::CustomRejection;
use keyward::axum::AuthRejection;
use serde::de::DeserializeOwned;

pub(crate) fn no_such(thing: &str) -> CustomRejection {
    CustomRejection::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("There is no such {thing}."))
}

pub(crate) fn note_locked() -> CustomRejection {
    CustomRejection::new(StatusCode::CONFLICT, "NOTE_LOCKED", "The note is locked. Create a new one.")
}

pub(crate) fn invalid_handle(handle: &str) -> CustomRejection {
    let message = format!("Invalid handle `{handle}`: expected 1 to 32 lower-case letters and digits.");
    CustomRejection::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_HANDLE", message)
}

/// A JSON body. A malformed one is refused in the service's format.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = AuthRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, AuthRejection> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(error) => Err(CustomRejection::new(error.status(), "INVALID_BODY", error.body_text()))?,
        }
    }
}
