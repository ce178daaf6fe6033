use std::time::Duration;

use http::StatusCode;
use keyward_core::lifecycle::{KeysError, TooLong};
use keyward_core::scope::Grant;
use keyward_core::store::{StoreError, StoreErrorKind, WriteRefused};
use keyward_core::{AccountId, Scope};
use smol_str::SmolStr;

/// Why an operation failed. Unless a variant says otherwise, nothing changed.
///
/// # Examples
/// ```
/// use keyward::manage::ManagementError;
///
/// assert_eq!(ManagementError::Stale.code(), "PRECONDITION_FAILED");
/// assert_eq!(ManagementError::Stale.status(), 412);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagementError {
    /// A value is invalid.
    #[error("invalid `{field}`: {message}")]
    Invalid {
        /// Field of the request.
        field: &'static str,
        /// The mistake and the expected value.
        message: String,
    },
    /// Missing, or hidden from the caller.
    #[error("there is no such {0}, or you may not see it")]
    NotFound(&'static str),
    /// The caller lacks a scope.
    #[error("missing scope `{0}`: use a key or a role that has it")]
    Forbidden(Scope),
    /// The caller is a key of the test mode, which changes nothing but test keys.
    #[error("a test key can't use `{0}`: use a live key")]
    TestMode(Scope),
    /// The grant exceeds the caller's rights.
    #[error("you can't grant {0}: your own rights don't include it")]
    Escalation(String),
    /// The acting key has limits of its own. It would free itself if it gave others authority or changed limits.
    #[error(
        "the key that you use has limits of its own, so it cannot create or change other keys, give roles, or change limits: use a key without \
         limits of its own, or sign in as a user"
    )]
    KeyHasLimits,
    /// A publishable key may be public, so it cannot show or revoke itself.
    #[error(
        "a publishable key cannot do this, because it may be public: use a key with the scope `keys:read` or `keys:write`"
    )]
    Publishable,
    /// Only users can do this.
    #[error("only signed-in users can do this: use an access token instead of a key")]
    UsersOnly,
    /// The record changed since it was read.
    #[error("it has changed since you read it: read it again, then retry")]
    Stale,
    /// Exists already.
    #[error("this {0} exists already")]
    Duplicate(&'static str),
    /// Accounts have the plan.
    #[error(
        "{} this plan, and would have no limits of a plan: give them another plan first, or force the removal",
        accounts_have(*.accounts)
    )]
    PlanInUse {
        /// How many, up to [`MOST_COUNTED`](Self::MOST_COUNTED). One more means more.
        accounts: u64,
    },
    /// The account was deleted.
    #[error("the account `{0}` was deleted, and its id is not used again: choose another id")]
    AccountDeleted(AccountId),
    /// The key is revoked or has expired.
    #[error("the key is revoked or has expired: create a new key")]
    Ended,
    /// The key has a successor.
    #[error("the key was rotated already: use its successor")]
    Rotated,
    /// The account has the maximum of active keys.
    #[error("the account has the maximum of {limit} active keys: revoke one, or ask the operator for a higher limit")]
    KeyLimit {
        /// The maximum.
        limit: u32,
    },
    /// The plan of the account does not include a scope of the API key.
    #[error(
        "the plan `{plan}` does not include the scope `{}`: choose only scopes of the plan, or ask the operator for another plan",
        .scope.as_str()
    )]
    ScopeNotInPlan {
        /// The plan of the account.
        plan: SmolStr,
        /// The first scope that it does not include.
        scope: Grant,
    },
    /// The key would live longer than the maximum lifetime.
    #[error(transparent)]
    LifetimeTooLong(TooLong),
    /// The account needs another owner.
    #[error("the account needs an owner who can sign in: make another member an owner first")]
    LastOwner,
    /// Wrong e-mail address or password.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The user signs in with a second factor, and the request has no code.
    #[error("this user signs in with a second factor: send the code of the authenticator app, too")]
    CodeRequired,
    /// Wrong code of the second factor, or used before.
    #[error("the code is wrong or was used before: enter the one that the authenticator app shows now")]
    WrongCode,
    /// The account requires a second factor.
    #[error("this account requires a second factor: set one up in the settings of the dashboard")]
    SecondFactorMissing,
    /// The session or token is not valid.
    #[error("the session has ended: sign in again")]
    SignedOut,
    /// The link is not valid.
    #[error("the link was used or has expired: ask for a new one")]
    LinkEnded,
    /// The session is too old to grant authority.
    #[error("your sign-in is too old to grant authority: sign in again")]
    SignInAgain,
    /// The session began with a sign-in link, whose maker may hold it.
    #[error("a session of a sign-in link cannot do this: sign in with your password or identity provider, then retry")]
    OwnSignInRequired,
    /// The invited address has a user, who must sign in.
    #[error("this e-mail address belongs to a user: sign in, then open the link again")]
    AddressInUse,
    /// The user owns the maximum of accounts.
    #[error("you own the maximum of {limit} accounts: ask the operator for more")]
    AccountLimit {
        /// The maximum.
        limit: u32,
    },
    /// Passwords are switched off.
    #[error("passwords are switched off: sign in with the identity provider")]
    PasswordsOff,
    /// No user matches the provider's identity.
    #[error("no user matches your identity: ask an owner or admin for an invitation")]
    NotAdmitted,
    /// Sign-up is closed.
    #[error("sign-up is closed: ask for an invitation")]
    SignUpClosed,
    /// Too many attempts.
    #[error("too many attempts: retry in {} seconds", .retry_after.as_secs() + 1)]
    Throttled {
        /// Time to wait.
        retry_after: Duration,
    },
    /// Too many passwords are being checked.
    #[error("too many people are signing in: retry in {} seconds", .retry_after.as_secs() + 1)]
    Busy {
        /// Time to wait.
        retry_after: Duration,
    },
    /// The idempotency key is another request's.
    #[error("the idempotency key was used for another request: use a new key")]
    OtherRequest,
    /// The request is still running.
    #[error("the request with this idempotency key is still running: retry later")]
    InProgress,
    /// The store failed. The operation may have succeeded.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An internal failure.
    #[error("internal error: retry later")]
    Internal,
}

/// "5 accounts have", "1 account has", "more than 1000 accounts have".
fn accounts_have(accounts: u64) -> String {
    match accounts {
        1 => "1 account has".to_owned(),
        more if more > ManagementError::MOST_COUNTED => {
            format!("more than {} accounts have", ManagementError::MOST_COUNTED)
        }
        count => format!("{count} accounts have"),
    }
}

impl ManagementError {
    /// The most accounts of a plan that are counted.
    pub const MOST_COUNTED: u64 = 1_000;

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "INVALID_VALUE",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Forbidden(_) | Self::TestMode(_) => "INSUFFICIENT_SCOPE",
            Self::Escalation(_) => "ESCALATION",
            Self::KeyHasLimits => "KEY_HAS_LIMITS",
            Self::Publishable => "KEY_KIND_NOT_ALLOWED",
            Self::UsersOnly => "USER_REQUIRED",
            Self::Stale => "PRECONDITION_FAILED",
            Self::Duplicate(_) => "ALREADY_EXISTS",
            Self::PlanInUse { .. } => "PLAN_IN_USE",
            Self::AccountDeleted(_) => "ACCOUNT_DELETED",
            Self::Ended => "KEY_ENDED",
            Self::Rotated => "KEY_ROTATED",
            Self::KeyLimit { .. } => "KEY_LIMIT_REACHED",
            Self::ScopeNotInPlan { .. } => "SCOPE_NOT_IN_PLAN",
            Self::LifetimeTooLong(_) => "LIFETIME_TOO_LONG",
            Self::LastOwner => "LAST_OWNER",
            Self::WrongCredentials => "INVALID_CREDENTIALS",
            Self::CodeRequired => "CODE_REQUIRED",
            Self::WrongCode => "INVALID_CODE",
            Self::SecondFactorMissing => "SECOND_FACTOR_MISSING",
            Self::SignedOut => "SIGNED_OUT",
            Self::LinkEnded => "LINK_ENDED",
            Self::SignInAgain => "SIGN_IN_AGAIN",
            Self::OwnSignInRequired => "OWN_SIGN_IN_REQUIRED",
            Self::AddressInUse => "ADDRESS_IN_USE",
            Self::AccountLimit { .. } => "ACCOUNT_LIMIT_REACHED",
            Self::PasswordsOff => "PASSWORDS_OFF",
            Self::NotAdmitted => "NOT_ADMITTED",
            Self::SignUpClosed => "SIGN_UP_CLOSED",
            Self::Throttled { .. } => "RATE_LIMIT_EXCEEDED",
            Self::Busy { .. } => "BUSY",
            Self::OtherRequest => "IDEMPOTENCY_KEY_REUSED",
            Self::InProgress => "REQUEST_IN_PROGRESS",
            Self::Store(error) if error.kind() == StoreErrorKind::Unavailable => "SERVICE_UNAVAILABLE",
            Self::Store(_) | Self::Internal => "INTERNAL_ERROR",
        }
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid { .. } | Self::ScopeNotInPlan { .. } | Self::LifetimeTooLong(_) | Self::OtherRequest => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Forbidden(_)
            | Self::TestMode(_)
            | Self::Escalation(_)
            | Self::KeyHasLimits
            | Self::Publishable
            | Self::UsersOnly
            | Self::SecondFactorMissing
            | Self::SignInAgain
            | Self::OwnSignInRequired
            | Self::PasswordsOff
            | Self::NotAdmitted
            | Self::SignUpClosed => StatusCode::FORBIDDEN,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
            Self::Duplicate(_)
            | Self::PlanInUse { .. }
            | Self::AccountDeleted(_)
            | Self::Ended
            | Self::Rotated
            | Self::KeyLimit { .. }
            | Self::AccountLimit { .. }
            | Self::AddressInUse
            | Self::LastOwner
            | Self::InProgress => StatusCode::CONFLICT,
            Self::WrongCredentials | Self::CodeRequired | Self::WrongCode | Self::SignedOut | Self::LinkEnded => {
                StatusCode::UNAUTHORIZED
            }
            Self::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) if error.kind() == StoreErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl ManagementError {
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Throttled { retry_after } | Self::Busy { retry_after } => Some(retry_after.as_secs() + 1),
            _ => None,
        }
    }
}

impl From<KeysError> for ManagementError {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Name(error) => Self::invalid("name", error.to_string()),
            KeysError::NoScope => Self::invalid("scopes", "a restricted key needs a scope: expected at least one"),
            KeysError::Ended => Self::invalid("expires_at", "expected a time in the future, after the key begins"),
            KeysError::TooLong(error) => Self::LifetimeTooLong(error),
            KeysError::Exceeds(missing) => Self::Escalation(missing.to_string()),
            KeysError::Denied(WriteRefused::NotFound) => Self::NotFound("key"),
            KeysError::Denied(WriteRefused::NoSuchAccount) => Self::NotFound("account"),
            KeysError::Denied(WriteRefused::Stale) => Self::Stale,
            KeysError::Denied(WriteRefused::Rotated) => Self::Rotated,
            KeysError::Denied(WriteRefused::Ended) => Self::Ended,
            KeysError::Denied(WriteRefused::AccountExists) => Self::Duplicate("account"),
            KeysError::Denied(_) => Self::Duplicate("key"),
            KeysError::Format(keyward_core::key::FormatError::NoSuchKey { kind, mode }) => Self::invalid(
                "kind",
                format!("the key format has no {kind} keys in {mode} mode: expected another kind or mode"),
            ),
            error @ KeysError::OtherFormat(_) => Self::invalid("key", error.to_string()),
            KeysError::Store(error) => Self::Store(error),
            other => {
                tracing::error!(error = %other, "an operation on a key failed");
                Self::Internal
            }
        }
    }
}
