//! Reasons for refusals.
//!
//! # Examples
//! ```
//! use keyward::{Guard, Identity, Rejection};
//!
//! struct Beta;
//!
//! impl Guard for Beta {
//!     fn check(identity: &Identity) -> Result<(), Rejection> {
//!         if identity.has_feature("beta") { Ok(()) } else { Err(Rejection::FeatureRequired("beta".into())) }
//!     }
//! }
//!
//! let identity = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
//! let rejection = Beta::check(&identity).unwrap_err();
//! assert_eq!((rejection.status().as_u16(), rejection.code()), (403, "FEATURE_REQUIRED"));
//! # Ok::<(), keyward::id::IdError>(())
//! ```

mod alike;
mod custom;
mod limits;

pub(crate) use alike::PerRejection;
pub use custom::CustomRejection;
pub use limits::{Budget, RateLimit};

use std::fmt::Write as _;

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::credential::CredentialFault;
use crate::key::Mode;
use crate::scope::Requirement;

/// Why a request is refused. Rejections with the same remedy share a [`code`](Self::code).
///
/// # Examples
/// ```
/// use keyward::Rejection;
///
/// let rejection = Rejection::KeyRevoked;
/// assert_eq!(rejection.code(), "API_KEY_REVOKED");
/// assert_eq!(rejection.status(), 401);
/// let challenge = rejection.challenge("api").unwrap();
/// assert_eq!(challenge, r#"Bearer realm="api", error="invalid_token""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The request does not carry exactly one valid Bearer token.
    Credential(CredentialFault),
    /// [`Credential`](Self::Credential), with a message that names the authenticator's [places](crate::adapter::Location).
    /// Only renderers see it.
    CredentialAt(Box<CredentialAt>),
    /// The token does not fit the format.
    MalformedKey,
    /// Only the checksum is wrong.
    ChecksumMismatch,
    /// No key matches.
    UnknownKey,
    /// The key was revoked.
    KeyRevoked,
    /// The key was marked as compromised.
    KeyCompromised,
    /// The key has expired.
    KeyExpired,
    /// The key is disabled.
    KeyDisabled,
    /// The start time has not come.
    KeyNotYetValid,
    /// The account is suspended.
    AccountSuspended,
    /// The key's kind forbids the request.
    KindNotAllowed,
    /// A secret or restricted key came from a browser.
    SecretKeyInBrowser,
    /// The key's endpoints exclude this method and path.
    EndpointNotAllowed(SmolStr),
    /// The key's networks exclude the client.
    NetworkNotAllowed,
    /// Programs may read the method or path differently.
    AmbiguousTarget,
    /// The key lacks a scope.
    InsufficientScope(Requirement),
    /// The plan excludes the request.
    PlanRequired(Box<PlanRequired>),
    /// The account lacks this feature.
    FeatureRequired(SmolStr),
    /// The request needs a credential of this mode.
    ModeNotAllowed(Mode),
    /// The plan allows no further task.
    ConcurrencyLimitExceeded(Box<ConcurrencyLimit>),
    /// A rate limit is exhausted.
    RateLimitExceeded(Box<RateLimit>),
    /// A budget has too few credits left.
    BudgetExhausted(Box<Budget>),
    /// HTTPS was not used, or is not confirmed.
    HttpsRequired,
    /// The store failed or timed out.
    StoreUnavailable,
    /// The store returned invalid data.
    StoreCorrupt,
    /// No `AuthLayer` surrounds the handler.
    NotConfigured,
    /// The application refuses, with its status, code and message.
    Custom(Box<CustomRejection>),
}

/// A credential's fault, and a message that names the places for keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialAt {
    fault: CredentialFault,
    message: String,
}

impl CredentialAt {
    pub(crate) fn new(fault: CredentialFault, message: String) -> Self {
        Self { fault, message }
    }

    /// Returns the fault.
    #[must_use]
    pub fn fault(&self) -> CredentialFault {
        self.fault
    }
}

/// The account's plan and the required ones.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanRequired {
    /// The account's plan, if any.
    pub current: Option<SmolStr>,
    /// The allowed plans.
    pub required: Box<[SmolStr]>,
}

impl PlanRequired {
    /// Requires one of these plans.
    #[must_use]
    pub fn new(current: Option<SmolStr>, required: impl IntoIterator<Item = SmolStr>) -> Self {
        Self { current, required: required.into_iter().collect() }
    }
}

/// A reached limit of concurrent tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConcurrencyLimit {
    /// The limit.
    pub limit: u32,
    /// The running tasks.
    pub in_flight: u32,
    /// The plan, if any.
    pub plan: Option<SmolStr>,
}

/// RFC 6750 section 3.1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ChallengeError {
    None,
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
}

struct Row {
    code: &'static str,
    reason: &'static str,
    status: StatusCode,
    challenge: Option<ChallengeError>,
    message: &'static str,
}

const fn row(
    code: &'static str,
    reason: &'static str,
    status: StatusCode,
    challenge: Option<ChallengeError>,
    message: &'static str,
) -> Row {
    Row { code, reason, status, challenge, message }
}

impl Rejection {
    fn row(&self) -> Row {
        use ChallengeError::{InsufficientScope, InvalidRequest, InvalidToken};
        use CredentialFault as Fault;
        use StatusCode as S;

        const NONE: Option<ChallengeError> = Some(ChallengeError::None);
        let missing = |reason, message| row("MISSING_API_KEY", reason, S::UNAUTHORIZED, NONE, message);
        let request = |reason, message| row("INVALID_REQUEST", reason, S::BAD_REQUEST, Some(InvalidRequest), message);
        let token = |code, reason, message| row(code, reason, S::UNAUTHORIZED, Some(InvalidToken), message);
        let invalid = |reason, message| token("INVALID_API_KEY", reason, message);

        match self {
            Self::Credential(Fault::Missing) => missing(
                "missing_credential",
                "No API key was sent. Send it in the header: Authorization: Bearer YOUR_API_KEY",
            ),
            Self::Credential(Fault::OtherScheme) => missing(
                "other_scheme",
                "The Authorization header does not use the Bearer scheme. Send: Authorization: Bearer YOUR_API_KEY",
            ),
            Self::Credential(Fault::Empty) => missing(
                "empty_credential",
                "The Authorization header contains no API key. Check that the variable that holds your key is set.",
            ),
            Self::Credential(Fault::SeveralFields) => {
                request("several_credentials", "The request has several Authorization headers. Send one.")
            }
            Self::Credential(Fault::List) => {
                request("credential_list", "The Authorization header contains a comma. Send exactly one API key.")
            }
            Self::Credential(Fault::Quoted) => request(
                "quoted_credential",
                "The API key is enclosed in quotes or brackets. Send it without them: Authorization: Bearer YOUR_API_KEY",
            ),
            Self::Credential(Fault::WhiteSpace) => request(
                "white_space_in_credential",
                "There is white space in or around the API key, such as a space or a line break. Remove it.",
            ),
            Self::Credential(Fault::Control) => {
                invalid("control_character", "The API key contains a control character. Copy the key again.")
            }
            Self::Credential(Fault::NonAscii) => {
                invalid("non_ascii", "The API key contains a non-ASCII character. Copy the key again.")
            }
            Self::Credential(Fault::TooLong) => {
                invalid("too_long", "The API key is longer than 512 bytes. Copy the key again.")
            }
            Self::Credential(Fault::Character) => invalid(
                "bad_character",
                "The API key contains a character that is not allowed in a key. Copy the key again.",
            ),
            Self::Credential(Fault::SeveralLocations) => {
                request("several_locations", "The request has API keys in several places. Send one.")
            }
            Self::Credential(Fault::Basic) => request(
                "basic_credential",
                "The Basic credential is not an API key with an empty password. Send the key as user name: curl -u YOUR_API_KEY:",
            ),
            Self::CredentialAt(at) => Self::Credential(at.fault).row(),
            Self::MalformedKey => invalid("malformed_key", "The API key has the wrong format. Copy the whole key."),
            Self::ChecksumMismatch => {
                invalid("checksum_mismatch", "The API key is mistyped or incomplete. Copy the whole key.")
            }
            Self::UnknownKey => {
                invalid("unknown_key", "The API key is not valid. Check that it is the right key for this API.")
            }
            Self::KeyRevoked => {
                token("API_KEY_REVOKED", "key_revoked", "The API key has been revoked. Create a new key.")
            }
            Self::KeyCompromised => token(
                "API_KEY_REVOKED",
                "key_compromised",
                "The API key was reported as compromised and has been revoked. Create a new key.",
            ),
            Self::KeyExpired => token("API_KEY_EXPIRED", "key_expired", "The API key has expired. Create a new key."),
            Self::KeyDisabled => {
                token("API_KEY_DISABLED", "key_disabled", "The API key is disabled. Enable it, or use another key.")
            }
            Self::KeyNotYetValid => token(
                "API_KEY_NOT_YET_VALID",
                "key_not_yet_valid",
                "The API key is not valid yet. Wait until its start time, or use another key.",
            ),
            Self::AccountSuspended => row(
                "ACCOUNT_SUSPENDED",
                "account_suspended",
                S::FORBIDDEN,
                None,
                "The account of this API key is suspended. Contact the API provider.",
            ),
            Self::KindNotAllowed => row(
                "KEY_KIND_NOT_ALLOWED",
                "kind_not_allowed",
                S::FORBIDDEN,
                None,
                "This kind of API key cannot make this request. A publishable key can only read. Use a key of another kind.",
            ),
            Self::SecretKeyInBrowser => row(
                "SECRET_KEY_IN_BROWSER",
                "secret_key_in_browser",
                S::FORBIDDEN,
                None,
                "A browser sent this API key, so others can read it. Use a publishable key in browsers, and replace this key.",
            ),
            Self::EndpointNotAllowed(_) => row(
                "ENDPOINT_NOT_ALLOWED",
                "endpoint_not_allowed",
                S::FORBIDDEN,
                None,
                "The API key is not allowed to call this endpoint. Use a key that allows it.",
            ),
            Self::AmbiguousTarget => request(
                "ambiguous_target",
                "The path is ambiguous. Send it without empty or dot segments, encoded slashes or dots, semicolons or backslashes.",
            ),
            Self::NetworkNotAllowed => row(
                "NETWORK_NOT_ALLOWED",
                "network_not_allowed",
                S::FORBIDDEN,
                None,
                "The API key cannot be used from this network. Send the request from a network that the key allows. If you do, contact the API provider.",
            ),
            Self::InsufficientScope(_) => row(
                "INSUFFICIENT_SCOPE",
                "insufficient_scope",
                S::FORBIDDEN,
                Some(InsufficientScope),
                "The API key lacks a required scope. Use a key that has it.",
            ),
            Self::PlanRequired(_) => row(
                "PLAN_REQUIRED",
                "plan_required",
                S::FORBIDDEN,
                None,
                "The account's plan does not include API access. Please upgrade your subscription.",
            ),
            Self::FeatureRequired(_) => row(
                "FEATURE_REQUIRED",
                "feature_required",
                S::FORBIDDEN,
                None,
                "The account lacks a feature that this request needs. Contact the API provider.",
            ),
            Self::ModeNotAllowed(_) => row(
                "MODE_NOT_ALLOWED",
                "mode_not_allowed",
                S::FORBIDDEN,
                None,
                "The API key has the wrong mode. Use a key of the other mode.",
            ),
            Self::ConcurrencyLimitExceeded(_) => row(
                "CONCURRENCY_LIMIT_EXCEEDED",
                "concurrency_limit_exceeded",
                S::TOO_MANY_REQUESTS,
                None,
                "The account has reached its plan's limit of running tasks. Wait until one has finished, or upgrade your subscription.",
            ),
            Self::RateLimitExceeded(_) => row(
                "RATE_LIMIT_EXCEEDED",
                "rate_limit_exceeded",
                S::TOO_MANY_REQUESTS,
                None,
                "Too many requests. Wait for the time in the Retry-After header, then try again.",
            ),
            Self::BudgetExhausted(_) => row(
                "BUDGET_EXHAUSTED",
                "budget_exhausted",
                S::TOO_MANY_REQUESTS,
                None,
                "Too few credits are left for this request. Wait for the refill, or ask the API provider for more.",
            ),
            Self::HttpsRequired => row(
                "HTTPS_REQUIRED",
                "https_required",
                S::FORBIDDEN,
                None,
                "API requests must use HTTPS. A key that was sent over plain HTTP counts as compromised: create a new one.",
            ),
            Self::StoreUnavailable => row(
                "SERVICE_UNAVAILABLE",
                "store_unavailable",
                S::SERVICE_UNAVAILABLE,
                None,
                "API keys cannot be checked at the moment. Try again shortly.",
            ),
            Self::StoreCorrupt => row(
                "INTERNAL_ERROR",
                "store_corrupt",
                S::INTERNAL_SERVER_ERROR,
                None,
                "The API key cannot be checked because of an internal error. Contact the API provider.",
            ),
            Self::NotConfigured => row(
                "INTERNAL_ERROR",
                "not_configured",
                S::INTERNAL_SERVER_ERROR,
                None,
                "The service is misconfigured. Contact the API provider.",
            ),
            // RFC 9110 section 15.5.2: a 401 has a challenge.
            Self::Custom(custom) => {
                row(custom.code, custom.reason, custom.status, NONE.filter(|_| custom.status == S::UNAUTHORIZED), "")
            }
        }
    }

    /// Returns the code, such as `API_KEY_REVOKED`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.row().code
    }

    /// Returns the unique name, such as `checksum_mismatch`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.row().reason
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.row().status
    }

    /// Returns the message for people. It never reveals whether another key exists.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::InsufficientScope(requirement) => {
                let which = match (requirement.scopes().len(), requirement.is_any()) {
                    (1, _) => "the scope",
                    (_, true) => "one of the scopes",
                    (_, false) => "the scopes",
                };
                format!("The API key lacks a required scope. Use a key with {which} {}.", scope_list(requirement, ", "))
            }
            Self::PlanRequired(plan) if !plan.required.is_empty() => {
                format!("API access requires a {} plan. Please upgrade your subscription.", any_of(&plan.required))
            }
            Self::EndpointNotAllowed(endpoint) => {
                format!("The API key is not allowed to call {endpoint}. Use a key that allows this endpoint.")
            }
            Self::FeatureRequired(feature) => {
                format!("The account lacks the feature {feature}, which this request needs. Contact the API provider.")
            }
            Self::ModeNotAllowed(mode) => format!("The API key has the wrong mode. Use a {mode} mode key."),
            Self::Custom(custom) => custom.message.clone(),
            Self::CredentialAt(at) => at.message.clone(),
            _ => self.row().message.to_owned(),
        }
    }

    /// Returns the details, a JSON object.
    #[must_use]
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::PlanRequired(plan) => Some(json!({ "current_plan": plan.current, "required_plans": plan.required })),
            Self::ConcurrencyLimitExceeded(limit) => {
                Some(json!({ "limit": limit.limit, "in_flight": limit.in_flight, "plan": limit.plan }))
            }
            Self::RateLimitExceeded(limit) => Some(json!({
                "limit": limit.name,
                "quota": limit.quota,
                "window_seconds": limit.window.as_secs(),
                "retry_after_seconds": limit.retry_after_seconds(),
            })),
            Self::BudgetExhausted(budget) => Some(json!({
                "credits": budget.credits,
                "remaining": budget.remaining,
                "resets_in_seconds": budget.resets_in_seconds(),
            })),
            Self::Custom(custom) => custom.details.clone(),
            _ => None,
        }
    }

    /// Returns the `WWW-Authenticate` challenge, if any (RFC 9110 section 11.6.1, RFC 6750 section 3).
    ///
    /// Without a credential, it has no `error`. It omits the realm's unquotable characters.
    #[must_use]
    pub fn challenge(&self, realm: &str) -> Option<HeaderValue> {
        HeaderValue::try_from(self.challenge_text(realm)?).ok()
    }

    pub(crate) fn challenge_text(&self, realm: &str) -> Option<String> {
        let row = self.row();
        let error = row.challenge?;
        let mut challenge = format!("Bearer realm=\"{}\"", quotable(realm));
        let name = match error {
            ChallengeError::None => None,
            ChallengeError::InvalidRequest => Some("invalid_request"),
            ChallengeError::InvalidToken => Some("invalid_token"),
            ChallengeError::InsufficientScope => Some("insufficient_scope"),
        };
        if let Some(name) = name {
            let _ = write!(challenge, ", error=\"{name}\"");
        }
        if let Self::InsufficientScope(requirement) = self {
            let _ = write!(challenge, ", scope=\"{}\"", scope_list(requirement, " "));
        }
        Some(challenge)
    }

    /// Returns `true` if the service is at fault.
    #[must_use]
    pub fn is_fault_of_service(&self) -> bool {
        self.status().is_server_error()
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Rejection {}

impl From<CredentialFault> for Rejection {
    fn from(fault: CredentialFault) -> Self {
        Self::Credential(fault)
    }
}

/// Leaves out the characters that a quoted string cannot hold.
pub(crate) fn quotable(realm: &str) -> String {
    realm.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect()
}

fn any_of(names: &[SmolStr]) -> String {
    match names {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        _ => names.concat(),
    }
}

fn scope_list(requirement: &Requirement, separator: &str) -> String {
    requirement.scopes().iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;

    #[test]
    fn a_challenge_has_no_error_when_no_credential_was_sent() {
        let challenge = Rejection::Credential(CredentialFault::Missing).challenge("a\"b").unwrap();
        assert_eq!(challenge, r#"Bearer realm="ab""#);
    }

    #[test]
    fn a_missing_scope_is_named() {
        let rejection = Rejection::InsufficientScope(Requirement::all_of([Scope::from_static("jobs:write")]));
        assert!(rejection.message().contains("jobs:write"));
        let challenge = rejection.challenge("api").unwrap();
        assert!(challenge.to_str().unwrap().ends_with(r#"error="insufficient_scope", scope="jobs:write""#));
    }

    #[test]
    fn outages_and_faults_of_the_service_have_no_challenge() {
        for rejection in [Rejection::StoreUnavailable, Rejection::StoreCorrupt, Rejection::NotConfigured] {
            assert!(rejection.challenge("api").is_none());
            assert!(rejection.is_fault_of_service());
        }
    }
}
