//! Why a request is refused: one enum, with a stable code, an HTTP status and a challenge for each.

mod alike;

pub(crate) use alike::PerRejection;

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::credential::CredentialFault;
use crate::key::Mode;
use crate::scope::Requirement;

/// Why a request is refused.
///
/// [`code`](Self::code) is what programs go by; several rejections that a caller mends in the same way share one.
/// [`reason`](Self::reason) is a name for each, for logs and metrics.
///
/// # Examples
/// ```
/// use keyward::Rejection;
///
/// let rejection = Rejection::KeyRevoked;
/// assert_eq!(rejection.code(), "API_KEY_REVOKED");
/// assert_eq!(rejection.status(), 401);
/// let challenge = rejection.challenge("api").unwrap();
/// assert_eq!(challenge, r#"Bearer realm="api", error="invalid_token", error_description="The API key has been revoked.""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The request does not present exactly one Bearer token.
    Credential(CredentialFault),
    /// The token does not have the form of a key.
    MalformedKey,
    /// The token has the form of a key and its checksum does not hold.
    ChecksumMismatch,
    /// There is no such key.
    UnknownKey,
    /// The key was revoked.
    KeyRevoked,
    /// The key is known to others.
    KeyCompromised,
    /// The key's end has come.
    KeyExpired,
    /// The key is disabled for now.
    KeyDisabled,
    /// The key's beginning has not come.
    KeyNotYetValid,
    /// The key's account is suspended.
    AccountSuspended,
    /// The kind of key may not do this: a publishable key only reads.
    KindNotAllowed,
    /// The key is confined to other endpoints than this, which is named by method and path.
    EndpointNotAllowed(SmolStr),
    /// The key is confined to other networks than the request came from.
    NetworkNotAllowed,
    /// The request's method or path can be read in several ways, and somebody else routes it.
    AmbiguousTarget,
    /// The key lacks a scope.
    InsufficientScope(Requirement),
    /// The account's plan does not include this.
    PlanRequired(Box<PlanRequired>),
    /// The account lacks a feature, which is named.
    FeatureRequired(SmolStr),
    /// This needs a credential of the mode that is named.
    ModeNotAllowed(Mode),
    /// As many tasks of the account are running as its plan allows.
    ConcurrencyLimitExceeded(Box<ConcurrencyLimit>),
    /// A rate limit is used up.
    RateLimitExceeded(Box<RateLimit>),
    /// The request did not come by HTTPS, as far as those say it who are believed.
    HttpsRequired,
    /// The store could not be asked, or did not answer in time.
    StoreUnavailable,
    /// The store answered with something that cannot be.
    StoreCorrupt,
    /// A handler asks for an identity where no `AuthLayer` is. A fault of the service, not of the caller.
    NotConfigured,
}

/// The plans that a request needs, and the one that its account has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanRequired {
    /// The account's plan, if it has one.
    pub current: Option<SmolStr>,
    /// The plans of which it needs one.
    pub required: Box<[SmolStr]>,
}

impl PlanRequired {
    /// One of `required` is needed, and `current` is there.
    #[must_use]
    pub fn new(current: Option<SmolStr>, required: impl IntoIterator<Item = SmolStr>) -> Self {
        Self { current, required: required.into_iter().collect() }
    }
}

/// How many tasks may run at once, and how many do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConcurrencyLimit {
    /// Tasks that may run at once.
    pub limit: u32,
    /// Tasks that are running.
    pub in_flight: u32,
    /// The account's plan, if it has one.
    pub plan: Option<SmolStr>,
}

/// A rate limit that is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The limit's name.
    pub name: SmolStr,
    /// What may be spent in a window.
    pub quota: u32,
    /// The window's length.
    pub window: Duration,
    /// What is left of it; less than the request costs.
    pub remaining: u32,
    /// When the same request can be made again.
    pub retry_after: Duration,
}

/// The `error` of a challenge (RFC 6750 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum ChallengeError {
    None,
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
}

/// What there is to know of a rejection in one row.
struct Row {
    code: &'static str,
    reason: &'static str,
    status: StatusCode,
    /// Whether there is a challenge, and the error in it.
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
                "The Authorization header does not have the Bearer scheme. Send: Authorization: Bearer YOUR_API_KEY",
            ),
            Self::Credential(Fault::Empty) => missing(
                "empty_credential",
                "The Authorization header has no key in it. Is the variable that should hold it set?",
            ),
            Self::Credential(Fault::SeveralFields) => {
                request("several_credentials", "There are several Authorization headers. Send one.")
            }
            Self::Credential(Fault::List) => {
                request("credential_list", "The Authorization header has a comma in it. Send one key alone.")
            }
            Self::Credential(Fault::Quoted) => request(
                "quoted_credential",
                "The key stands in quotes or brackets. Send it without them: Authorization: Bearer YOUR_API_KEY",
            ),
            Self::Credential(Fault::WhiteSpace) => request(
                "white_space_in_credential",
                "There is white space in or around the key, such as a space or a line break. Send the key alone.",
            ),
            Self::Credential(Fault::Control) => {
                invalid("control_character", "The API key has a control character in it. Copy the key again.")
            }
            Self::Credential(Fault::NonAscii) => {
                invalid("non_ascii", "The API key has a character outside ASCII in it. Copy the key again.")
            }
            Self::Credential(Fault::TooLong) => invalid("too_long", "The API key is too long. Copy the key again."),
            Self::Credential(Fault::Character) => {
                invalid("bad_character", "The API key has a character that keys do not have. Copy the key again.")
            }
            Self::MalformedKey => {
                invalid("malformed_key", "The API key does not have the form of a key. Copy the whole key.")
            }
            Self::ChecksumMismatch => {
                invalid("checksum_mismatch", "The API key is mistyped or incomplete. Copy the whole key.")
            }
            Self::UnknownKey => invalid("unknown_key", "The API key is not valid."),
            Self::KeyRevoked => token("API_KEY_REVOKED", "key_revoked", "The API key has been revoked."),
            Self::KeyCompromised => token(
                "API_KEY_REVOKED",
                "key_compromised",
                "The API key has become known to others and is refused for good. Create a new one.",
            ),
            Self::KeyExpired => token("API_KEY_EXPIRED", "key_expired", "The API key has expired."),
            Self::KeyDisabled => token("API_KEY_DISABLED", "key_disabled", "The API key is disabled."),
            Self::KeyNotYetValid => {
                token("API_KEY_NOT_YET_VALID", "key_not_yet_valid", "The API key is not valid yet.")
            }
            Self::AccountSuspended => row(
                "ACCOUNT_SUSPENDED",
                "account_suspended",
                S::FORBIDDEN,
                None,
                "The account of this API key is suspended.",
            ),
            Self::KindNotAllowed => row(
                "KEY_KIND_NOT_ALLOWED",
                "kind_not_allowed",
                S::FORBIDDEN,
                None,
                "The kind of this API key may not do this. A publishable key can only read.",
            ),
            Self::EndpointNotAllowed(_) => row(
                "ENDPOINT_NOT_ALLOWED",
                "endpoint_not_allowed",
                S::FORBIDDEN,
                None,
                "The API key is confined to other endpoints than this.",
            ),
            Self::AmbiguousTarget => request(
                "ambiguous_target",
                "The path can be read in several ways. Send it without empty or dot segments, encoded slashes or dots, semicolons and backslashes.",
            ),
            Self::NetworkNotAllowed => row(
                "NETWORK_NOT_ALLOWED",
                "network_not_allowed",
                S::FORBIDDEN,
                None,
                "The API key cannot be used from this network.",
            ),
            Self::InsufficientScope(_) => row(
                "INSUFFICIENT_SCOPE",
                "insufficient_scope",
                S::FORBIDDEN,
                Some(InsufficientScope),
                "The API key lacks a scope that this request needs.",
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
                "The account lacks a feature that this request needs.",
            ),
            Self::ModeNotAllowed(_) => row(
                "MODE_NOT_ALLOWED",
                "mode_not_allowed",
                S::FORBIDDEN,
                None,
                "This request needs an API key of the other mode.",
            ),
            Self::ConcurrencyLimitExceeded(_) => row(
                "CONCURRENCY_LIMIT_EXCEEDED",
                "concurrency_limit_exceeded",
                S::TOO_MANY_REQUESTS,
                None,
                "As many tasks are running as the plan allows. Wait until one has ended, or upgrade your subscription.",
            ),
            Self::RateLimitExceeded(_) => row(
                "RATE_LIMIT_EXCEEDED",
                "rate_limit_exceeded",
                S::TOO_MANY_REQUESTS,
                None,
                "There were too many requests. Wait as long as Retry-After says.",
            ),
            Self::HttpsRequired => row(
                "HTTPS_REQUIRED",
                "https_required",
                S::FORBIDDEN,
                None,
                "API requests have to be made over HTTPS. A key that was sent without it counts as compromised.",
            ),
            Self::StoreUnavailable => row(
                "SERVICE_UNAVAILABLE",
                "store_unavailable",
                S::SERVICE_UNAVAILABLE,
                None,
                "API keys cannot be checked at the moment. Try again shortly.",
            ),
            Self::StoreCorrupt => {
                row("INTERNAL_ERROR", "store_corrupt", S::INTERNAL_SERVER_ERROR, None, "The API key cannot be checked.")
            }
            Self::NotConfigured => row(
                "INTERNAL_ERROR",
                "not_configured",
                S::INTERNAL_SERVER_ERROR,
                None,
                "The service is not set up correctly.",
            ),
        }
    }

    /// The stable code that programs go by, such as `API_KEY_REVOKED`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.row().code
    }

    /// A stable name for each rejection, such as `checksum_mismatch`, for logs and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.row().reason
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.row().status
    }

    /// What to tell the person who has to mend it. It never says whether some other key exists.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::InsufficientScope(requirement) => {
                let which = if requirement.is_any() { "one of the scopes" } else { "the scope" };
                format!("The API key lacks {which} that this request needs: {}.", scope_list(requirement, ", "))
            }
            Self::PlanRequired(plan) if !plan.required.is_empty() => {
                format!("API access requires a {} plan. Please upgrade your subscription.", any_of(&plan.required))
            }
            Self::EndpointNotAllowed(endpoint) => {
                format!("The API key is confined to other endpoints than this: {endpoint}.")
            }
            Self::FeatureRequired(feature) => {
                format!("The account lacks the feature that this request needs: {feature}.")
            }
            Self::ModeNotAllowed(mode) => format!("This request needs an API key of {mode} mode."),
            _ => self.row().message.to_owned(),
        }
    }

    /// What a program may want to know besides the code, as a JSON object.
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
            _ => None,
        }
    }

    /// The `WWW-Authenticate` challenge, if there is one (RFC 9110 section 11.6.1, RFC 6750 section 3).
    ///
    /// It has no `error` if no credential was sent. A realm with a character that cannot stand in a quoted string is
    /// left without it.
    #[must_use]
    pub fn challenge(&self, realm: &str) -> Option<HeaderValue> {
        let row = self.row();
        let error = row.challenge?;
        let realm: String = realm.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
        let mut challenge = format!("Bearer realm=\"{realm}\"");
        let name = match error {
            ChallengeError::None => None,
            ChallengeError::InvalidRequest => Some("invalid_request"),
            ChallengeError::InvalidToken => Some("invalid_token"),
            ChallengeError::InsufficientScope => Some("insufficient_scope"),
        };
        if let Some(name) = name {
            let _ = write!(challenge, ", error=\"{name}\", error_description=\"{}\"", row.message);
        }
        if let Self::InsufficientScope(requirement) = self {
            let _ = write!(challenge, ", scope=\"{}\"", scope_list(requirement, " "));
        }
        HeaderValue::try_from(challenge).ok()
    }

    /// Whether the fault is the service's own, so that it belongs into its log.
    #[must_use]
    pub fn is_fault_of_service(&self) -> bool {
        self.status().is_server_error()
    }
}

impl RateLimit {
    /// The seconds of `Retry-After` (RFC 9110 section 10.2.3), so that who waits as long gets in.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0)
    }

    /// The value of `RateLimit-Policy`, such as `"default";q=100;w=60` (draft-ietf-httpapi-ratelimit-headers-10).
    #[must_use]
    pub fn policy_field(&self) -> HeaderValue {
        Self::field(format!("\"{}\";q={};w={}", self.name, self.quota, self.window.as_secs()))
    }

    /// The value of `RateLimit`, such as `"default";r=50;t=30` (draft-ietf-httpapi-ratelimit-headers-10).
    #[must_use]
    pub fn state_field(&self) -> HeaderValue {
        Self::field(format!("\"{}\";r={};t={}", self.name, self.remaining, self.retry_after_seconds()))
    }

    fn field(text: String) -> HeaderValue {
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("\"limit\""))
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

/// `A`, `A or B`, `A, B or C`.
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
        assert!(challenge.to_str().unwrap().ends_with(r#"error="insufficient_scope", error_description="The API key lacks a scope that this request needs.", scope="jobs:write""#));
    }

    #[test]
    fn outages_and_faults_of_the_service_have_no_challenge() {
        for rejection in [Rejection::StoreUnavailable, Rejection::StoreCorrupt, Rejection::NotConfigured] {
            assert!(rejection.challenge("api").is_none());
            assert!(rejection.is_fault_of_service());
        }
    }
}
