use std::fmt;
use std::time::Duration;

use keyward_api_types::Problem;

/// The reason why a call failed.
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
    /// Invalid server URL.
    #[error("invalid server URL: {0}")]
    Url(&'static str),
    /// Plain HTTP to another host.
    #[error("http:// sends credentials in plain text: use https://, or allow plain HTTP")]
    PlainHttp,
    /// Invalid credential.
    #[error("invalid credential: expected a key or an access token")]
    Credential,
    /// No credential.
    #[error("{0}")]
    NoToken(String),
    /// Invalid id, such as `..` or `self`.
    #[error("invalid id: expected one path segment other than `self`")]
    Id,
    /// TLS setup failed.
    #[error("TLS setup failed")]
    Tls(#[source] rustls::Error),
    /// No random bytes.
    #[error("the operating system provides no random bytes")]
    Random,
    /// The server refused.
    #[error(transparent)]
    Refused(#[from] Box<Problem>),
    /// No complete answer. The operation may have succeeded.
    #[error("the server does not answer: check the URL and the network")]
    Unreachable(#[source] TransportError),
    /// Answer too large.
    #[error("the answer is larger than {0} bytes: raise the limit of the client")]
    TooLarge(usize),
    /// Not the answer of a keyward server.
    #[error("unexpected answer (status {status}): {why}; check that the URL is that of a keyward server")]
    Unexpected {
        /// HTTP status.
        status: u16,
        /// The mistake.
        why: &'static str,
    },
}

/// A failed connection.
#[derive(Debug)]
pub struct TransportError(reqwest::Error);

impl TransportError {
    /// Returns `true` if the connection timed out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.is_timeout()
    }

    /// Returns `true` if no connection was made, so the server did nothing.
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

    /// Returns the stable code, such as `INSUFFICIENT_SCOPE`, if the server refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.problem().map(|problem| problem.code.as_str())
    }

    /// Returns the HTTP status, if any.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns the explanation, if the server refused.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.problem().map(|problem| problem.detail.as_str())
    }

    /// Returns the request id, if the server refused.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.problem().map(|problem| problem.request_id.as_str())
    }

    /// Returns the server's `Retry-After`, if any.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.problem().and_then(|problem| problem.retry_after)
    }
}
