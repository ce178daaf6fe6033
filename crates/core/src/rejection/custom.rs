//! Rejections of the application.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::Rejection;

/// A refusal with your own status, code and message, in the configured format.
///
/// Guards, policies and handlers return it as a [`Rejection`].
///
/// # Examples
/// ```
/// use http::StatusCode;
/// use keyward::{CustomRejection, Guard, Identity, Rejection};
///
/// struct Verified;
///
/// impl Guard for Verified {
///     fn check(identity: &Identity) -> Result<(), Rejection> {
///         if identity.has_feature("verified") {
///             return Ok(());
///         }
///         let message = "Your e-mail address is not verified. Open the link that we sent you.";
///         Err(CustomRejection::new(StatusCode::FORBIDDEN, "EMAIL_NOT_VERIFIED", message).into())
///     }
/// }
///
/// let rejection = Verified::check(&Identity::api_key("key_1".parse()?, "acct_1".parse()?)).unwrap_err();
/// assert_eq!((rejection.status().as_u16(), rejection.code()), (403, "EMAIL_NOT_VERIFIED"));
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRejection {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) details: Option<Value>,
    retry_after: Option<Duration>,
}

impl CustomRejection {
    /// Creates a refusal. A status below 400 becomes 500.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let status = if status.as_u16() >= 400 { status } else { StatusCode::INTERNAL_SERVER_ERROR };
        Self { status, code, reason: "custom", message: message.into(), details: None, retry_after: None }
    }

    /// Sets the details, a JSON object.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Sets the time after which a retry can succeed: `Retry-After`, in whole seconds, rounded up.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// Returns the time after which a retry can succeed, if any.
    #[must_use]
    pub fn retry_time(&self) -> Option<Duration> {
        self.retry_after
    }

    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(super::limits::whole_seconds)
    }

    pub(crate) fn shutting_down() -> Self {
        let message = "The service is restarting. Connect again.";
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message);
        Self { reason: "shutting_down", ..refusal.retry_after(Duration::from_secs(1)) }
    }

    pub(crate) fn other_account() -> Self {
        let message = "The API key belongs to another account than the path names. Use a key of that account.";
        Self { reason: "account_not_allowed", ..Self::new(StatusCode::FORBIDDEN, "ACCOUNT_NOT_ALLOWED", message) }
    }
}

impl From<CustomRejection> for Rejection {
    fn from(custom: CustomRejection) -> Self {
        Self::Custom(Box::new(custom))
    }
}
