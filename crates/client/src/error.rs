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
    /// Plain HTTP behind an `https://` URL. Nothing was sent.
    #[error("the server does not speak TLS: check the port, or use http:// if the server has no TLS")]
    NoTls(#[source] TransportError),
    /// Another protocol behind an `http://` URL, such as TLS.
    #[error("the server does not speak HTTP: check the port, or use https:// if the server expects TLS")]
    NoHttp(#[source] TransportError),
    /// Answer too large.
    #[error("the answer is larger than {0} bytes: raise the limit of the client")]
    TooLarge(usize),
    /// Not the answer of a keyward server.
    #[error("expected the answer of a keyward server, got status {status}: {why}; check the URL")]
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
        let (no_tls, no_http) = (causes(&error).any(is_no_tls), causes(&error).any(is_no_http));
        let error = TransportError(error.without_url());
        match (no_tls, no_http) {
            (true, _) => Self::NoTls(error),
            (_, true) => Self::NoHttp(error),
            _ => Self::Unreachable(error),
        }
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

type Cause<'a> = &'a (dyn std::error::Error + 'static);

fn causes(error: &reqwest::Error) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(std::error::Error::source(error), |&error| error.source())
}

/// An I/O error does not name the error inside as its source.
fn is_no_tls(error: Cause<'_>) -> bool {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => is_no_tls(inner),
        None => matches!(error.downcast_ref(), Some(rustls::Error::InvalidMessage(_))),
    }
}

fn is_no_http(error: Cause<'_>) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)
}
