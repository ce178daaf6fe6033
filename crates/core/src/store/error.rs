//! Errors of a store.

use std::error::Error;
use std::fmt;

/// Why a store gave no answer. An unknown key is not an error.
///
/// # Examples
/// ```
/// use keyward::store::{StoreError, StoreErrorKind};
///
/// let error = StoreError::unavailable(std::io::Error::other("connection refused"));
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// assert_eq!(error.to_string(), "the key store is not available");
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Unreachable, too slow or too busy. Retry later.
    Unavailable,
    /// Invalid data. Do not retry.
    Corrupt,
}

impl StoreError {
    /// Creates an [`Unavailable`](StoreErrorKind::Unavailable) error.
    #[must_use]
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Unavailable, source: Some(source.into()) }
    }

    /// Creates a [`Corrupt`](StoreErrorKind::Corrupt) error.
    #[must_use]
    pub fn corrupt(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Corrupt, source: Some(source.into()) }
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the key store is not available",
            StoreErrorKind::Corrupt => "the key store holds a corrupt record",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Why a write failed. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The store refused it.
    #[error(transparent)]
    Denied(#[from] WriteRefused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a write is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum WriteRefused {
    /// Unknown key.
    #[error("no such key: check the id")]
    NotFound,
    /// Unknown account.
    #[error("no such account: check the id")]
    NoSuchAccount,
    /// The id or digest exists.
    #[error("a key with this id or digest already exists")]
    Duplicate,
    /// The account exists.
    #[error("an account with this id already exists: choose another id")]
    AccountExists,
    /// It has changed since it was read.
    #[error("the record was changed since it was read: read it again and retry")]
    Stale,
    /// The key has a successor. Its end only moves earlier.
    #[error("the key was already rotated: use its successor")]
    Rotated,
    /// Permanently revoked or expired.
    #[error("the key is revoked or has expired: create a new key")]
    Ended,
}
