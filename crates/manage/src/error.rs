//! Why an operation of the management service was not done.

use std::time::Duration;

use http::StatusCode;
use keyward_core::Scope;
use keyward_core::lifecycle::KeysError;
use keyward_core::store::{StoreError, StoreErrorKind, WriteRefused};

/// Why an operation was not done. Unless it says otherwise, nothing of it was.
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
    /// A value is not what it has to be.
    #[error("{field}: {message}")]
    Invalid {
        /// The value's name in requests.
        field: &'static str,
        /// What it has to be.
        message: String,
    },
    /// There is no such thing, or it is not the caller's to see.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The caller may not do this.
    #[error("this needs the scope {0}")]
    Forbidden(Scope),
    /// The caller would give more than it holds.
    #[error("you can't grant more than you hold: {0}")]
    Escalation(String),
    /// This is for signed-in users.
    #[error("this is for signed-in users, and not for keys")]
    UsersOnly,
    /// It was changed since the caller read it.
    #[error("it was changed in the meantime: read it again")]
    Stale,
    /// It is there already.
    #[error("there is such a {0} already")]
    Duplicate(&'static str),
    /// The key has ended for good.
    #[error("the key is revoked or has expired, and stays so")]
    Ended,
    /// The key has a successor already.
    #[error("the key was rotated already")]
    Rotated,
    /// The account has as many keys as its plan allows.
    #[error("the account has as many active keys as it may have: {limit}")]
    KeyLimit {
        /// How many it may have.
        limit: u32,
    },
    /// An account needs an owner.
    #[error("an account keeps at least one owner")]
    LastOwner,
    /// The e-mail address or the password is wrong; which of them is not said.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The session or the token has ended, or never was.
    #[error("the session has ended: sign in again")]
    SignedOut,
    /// The link was used already, has expired, or never was.
    #[error("the link is not valid any more")]
    LinkEnded,
    /// The session began too long ago for an operation that hands out authority.
    #[error("this hands out authority and your sign-in is too old: sign in again")]
    SignInAgain,
    /// The address that was invited has a user already, who accepts the invitation while signed in.
    #[error("this e-mail address has a user already: sign in, then open the link again")]
    AddressInUse,
    /// The user owns as many accounts as one user may.
    #[error("you own {limit} accounts, which is the most: ask the operator")]
    AccountLimit {
        /// How many accounts a user may own.
        limit: u32,
    },
    /// Passwords are switched off.
    #[error("nobody signs in with a password here: use the identity provider")]
    PasswordsOff,
    /// The identity provider knows them, and nobody here is known to be them.
    #[error("nobody here is known by what the identity provider says")]
    NotAdmitted,
    /// Nobody can sign up by themselves here.
    #[error("sign-up is closed: ask for an invitation")]
    SignUpClosed,
    /// There were too many attempts.
    #[error("there were too many attempts: wait")]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Too many passwords are being checked at this moment. Nothing was done.
    #[error("too many people are signing in at this moment: try again in {} seconds", .retry_after.as_secs() + 1)]
    Busy {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    OtherRequest,
    /// The request with this idempotency key is being carried out.
    #[error("the request with this idempotency key is being carried out at this moment")]
    InProgress,
    /// The store failed. What was asked for may have been done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something failed that cannot, such as the operating system's random generator.
    #[error("the request could not be carried out")]
    Internal,
}

impl ManagementError {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    /// The stable code that programs go by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "INVALID_VALUE",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Forbidden(_) => "INSUFFICIENT_SCOPE",
            Self::Escalation(_) => "ESCALATION",
            Self::UsersOnly => "USER_REQUIRED",
            Self::Stale => "PRECONDITION_FAILED",
            Self::Duplicate(_) => "ALREADY_EXISTS",
            Self::Ended => "KEY_ENDED",
            Self::Rotated => "KEY_ROTATED",
            Self::KeyLimit { .. } => "KEY_LIMIT_REACHED",
            Self::LastOwner => "LAST_OWNER",
            Self::WrongCredentials => "INVALID_CREDENTIALS",
            Self::SignedOut => "SIGNED_OUT",
            Self::LinkEnded => "LINK_ENDED",
            Self::SignInAgain => "SIGN_IN_AGAIN",
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

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid { .. } | Self::OtherRequest => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Forbidden(_)
            | Self::Escalation(_)
            | Self::UsersOnly
            | Self::SignInAgain
            | Self::PasswordsOff
            | Self::NotAdmitted
            | Self::SignUpClosed => StatusCode::FORBIDDEN,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
            Self::Duplicate(_)
            | Self::Ended
            | Self::Rotated
            | Self::KeyLimit { .. }
            | Self::AccountLimit { .. }
            | Self::AddressInUse
            | Self::LastOwner
            | Self::InProgress => StatusCode::CONFLICT,
            Self::WrongCredentials | Self::SignedOut | Self::LinkEnded => StatusCode::UNAUTHORIZED,
            Self::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) if error.kind() == StoreErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl ManagementError {
    /// The seconds of a `Retry-After` field, if trying again later helps.
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
            KeysError::NoScope => Self::invalid("scopes", "a restricted key needs at least one"),
            KeysError::Ended => Self::invalid("expires_at", "not in the past, and not before the key begins"),
            KeysError::Denied(WriteRefused::NotFound) => Self::NotFound("key"),
            KeysError::Denied(WriteRefused::NoSuchAccount) => Self::NotFound("account"),
            KeysError::Denied(WriteRefused::Stale) => Self::Stale,
            KeysError::Denied(WriteRefused::Rotated) => Self::Rotated,
            KeysError::Denied(WriteRefused::Ended) => Self::Ended,
            KeysError::Denied(WriteRefused::AccountExists) => Self::Duplicate("account"),
            KeysError::Denied(_) => Self::Duplicate("key"),
            KeysError::Format(keyward_core::key::FormatError::NoSuchKey { kind, mode }) => {
                Self::invalid("kind", format!("there are no {kind} keys in {mode} mode here"))
            }
            error @ KeysError::OtherFormat(_) => Self::invalid("key", error.to_string()),
            KeysError::Store(error) => Self::Store(error),
            other => {
                tracing::error!(error = %other, "a key could not be managed");
                Self::Internal
            }
        }
    }
}
