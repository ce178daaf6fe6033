//! What can go wrong with a store, and what it refuses.

use std::error::Error;
use std::fmt;

/// Why a store gave no answer. An unknown key is an answer and no error.
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

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached, is too slow or too busy: asking again later may help.
    Unavailable,
    /// The store answered with something that cannot be: asking again will not help.
    Corrupt,
}

impl StoreError {
    /// The store cannot be reached, is too slow or too busy.
    #[must_use]
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Unavailable, source: Some(source.into()) }
    }

    /// The store holds something that cannot be.
    #[must_use]
    pub fn corrupt(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Corrupt, source: Some(source.into()) }
    }

    /// What kind of failure it was.
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

/// Why a write to the store was not done. Nothing of it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The store refuses it, as things are.
    #[error(transparent)]
    Denied(#[from] WriteRefused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a store refuses to do, as things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum WriteRefused {
    /// There is no key with this id.
    #[error("there is no such key")]
    NotFound,
    /// There is no account with this id.
    #[error("there is no such account")]
    NoSuchAccount,
    /// A key with this id or digest is there already.
    #[error("there is such a key already")]
    Duplicate,
    /// An account with this id is there already.
    #[error("an account with this id exists already")]
    AccountExists,
    /// The key was changed since it was read.
    #[error("the key was changed in the meantime: read it again")]
    Stale,
    /// The key has a successor already, and gets no second one.
    #[error("the key was rotated already")]
    Rotated,
    /// The key is revoked or has expired, and stays so.
    #[error("the key has ended for good")]
    Ended,
}
