//! Why a call was not answered with what was asked for.

use std::fmt;
use std::time::Duration;

use keyward_api_types::Problem;

/// Why a call was not answered with what was asked for.
///
/// # Examples
/// ```no_run
/// # async fn example(client: &keyward_client::Client, id: &keyward::CredentialId) {
/// match client.revoke_key(id).await {
///     Ok(revoked) => println!("since {:?}", revoked.record.revoked_at),
///     Err(error) if error.status() == Some(404) => println!("there is no such key"),
///     Err(error) => println!("{error} (code {:?}, request {:?})", error.code(), error.request_id()),
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server's URL is none.
    #[error("the server's URL {0}")]
    Url(&'static str),
    /// A credential would travel where everybody on the way can read it.
    #[error("http:// sends credentials in plain text: use https://, or allow it explicitly")]
    PlainHttp,
    /// The credential is no key and no token: it has characters that neither has.
    #[error("the credential is no key and no token")]
    Credential,
    /// There is no credential to present, and why.
    #[error("{0}")]
    NoToken(String),
    /// The id names no single thing in a path, such as `..` or `self`.
    #[error("there is nothing with such an id")]
    Id,
    /// The system's certificates cannot be used, or something of the kind.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// The server refuses.
    #[error(transparent)]
    Refused(#[from] Box<Problem>),
    /// The server could not be reached, or its answer broke off. What was asked for may have been done.
    #[error("the server does not answer")]
    Unreachable(#[source] TransportError),
    /// The answer is larger than it may be.
    #[error("the server's answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is not one that a keyward server gives.
    #[error("this is no answer of a keyward server (status {status}): {why}")]
    Unexpected {
        /// Its status.
        status: u16,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// How a connection failed.
#[derive(Debug)]
pub struct TransportError(reqwest::Error);

impl TransportError {
    /// Whether it took too long.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.is_timeout()
    }

    /// Whether there was no connection, so that the server cannot have begun with anything.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.0.is_connect()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0)
    }
}

impl ClientError {
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        Self::Unreachable(TransportError(error.without_url()))
    }

    fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// The stable code that programs go by, such as `INSUFFICIENT_SCOPE`, if the server refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.problem().map(|problem| problem.code.as_str())
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What is wrong, for people, if the server refused.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.problem().map(|problem| problem.detail.as_str())
    }

    /// What to ask the provider about, if the server refused.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.problem().map(|problem| problem.request_id.as_str())
    }

    /// How long to wait before it is tried again, if the server says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.problem().and_then(|problem| problem.retry_after)
    }
}
