use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keyward_core::Rejection;
use keyward_core::render::Refusal;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

const DOMAIN: &str = "keyward";

/// Converts a rejection to a status with details.
///
/// # Examples
/// ```
/// use keyward::Rejection;
/// use tonic_types::StatusExt;
///
/// let status = keyward::tonic::to_status(&Rejection::KeyRevoked, Some("req_1"));
/// assert_eq!(status.code(), tonic::Code::Unauthenticated);
/// assert_eq!(status.get_details_error_info().unwrap().reason, "API_KEY_REVOKED");
/// ```
#[must_use]
pub fn to_status(rejection: &Rejection, request_id: Option<&str>) -> Status {
    status_with(rejection, request_id, Duration::from_secs(1))
}

/// The source of a status with which a guard refused a call.
#[derive(Debug)]
pub(crate) struct GuardRefusal(Refusal);

impl GuardRefusal {
    pub(crate) fn status(refusal: Refusal) -> Status {
        let mut status = to_status(refusal.rejection(), Some(refusal.request_id().as_str()));
        status.set_source(Arc::new(Self(refusal)));
        status
    }

    /// Finds the refusal behind the status of a handler.
    pub(crate) fn of(status: &Status) -> Option<&Refusal> {
        let Self(refusal) = status.source()?.downcast_ref()?;
        Some(refusal)
    }
}

impl fmt::Display for GuardRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.rejection(), f)
    }
}

impl Error for GuardRefusal {}

pub(crate) fn status_with(rejection: &Rejection, request_id: Option<&str>, pause: Duration) -> Status {
    let code = match rejection.status().as_u16() {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        409 => Code::Aborted,
        429 => Code::ResourceExhausted,
        503 => Code::Unavailable,
        402..500 => Code::FailedPrecondition,
        _ => Code::Internal,
    };
    let mut metadata = HashMap::new();
    if let Rejection::InsufficientScope(requirement) = rejection {
        let scopes: Vec<&str> = requirement.scopes().iter().map(keyward_core::Scope::as_str).collect();
        metadata.insert("scope".to_owned(), scopes.join(" "));
    }
    if let Some(more) = rejection.details() {
        metadata.insert("details".to_owned(), more.to_string());
    }
    let mut details = ErrorDetails::with_error_info(rejection.code(), DOMAIN, metadata);
    if let Some(id) = request_id {
        details.set_request_info(id, "");
    }
    match rejection {
        Rejection::RateLimitExceeded(limit) => {
            details.set_retry_info(Some(limit.retry_after));
        }
        Rejection::BudgetExhausted(budget) => {
            if let Some(time) = budget.resets_in {
                details.set_retry_info(Some(time));
            }
        }
        Rejection::StoreUnavailable | Rejection::ConcurrencyLimitExceeded(_) => {
            details.set_retry_info(Some(pause));
        }
        Rejection::Custom(custom) => {
            if let Some(time) = custom.retry_time() {
                details.set_retry_info(Some(time));
            }
        }
        _ => {}
    }
    Status::with_error_details(code, rejection.message(), details)
}
