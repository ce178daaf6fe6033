//! What went wrong inside, before it is said in the words of the core.

use std::error::Error;

use deadpool_postgres::PoolError;
use keyward_core::store::{AdminError, StoreError, WriteRefused};
use tokio_postgres::error::SqlState;

/// Why a read or a write was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    Denied(WriteRefused),
    Postgres(tokio_postgres::Error),
    Pool(PoolError),
    /// Others changed the key all the time.
    Overtaken,
    /// A row holds what cannot be.
    Corrupt(Box<dyn Error + Send + Sync>),
}

impl From<WriteRefused> for Failure {
    fn from(denial: WriteRefused) -> Self {
        Self::Denied(denial)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Postgres(error),
            other => Self::Pool(other),
        }
    }
}

impl From<Failure> for AdminError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Denied(denial) => Self::Denied(denial),
            other => Self::Store(other.into()),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Denied(denial) => Self::corrupt(denial),
            Failure::Corrupt(error) => Self::corrupt(error),
            Failure::Postgres(error) if is_corrupt(&error) => Self::corrupt(error),
            Failure::Postgres(error) => Self::unavailable(error),
            Failure::Pool(error) => Self::unavailable(error),
            Failure::Overtaken => Self::unavailable("others change the key all the time"),
        }
    }
}

/// Whether asking again cannot help: a table or a row is not what it has to be.
fn is_corrupt(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => [
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_COLUMN,
            SqlState::DATA_CORRUPTED,
            SqlState::INDEX_CORRUPTED,
            SqlState::CHECK_VIOLATION,
            SqlState::NOT_NULL_VIOLATION,
        ]
        .contains(code),
        // A column of another type, or a query that has to give a row and gives none.
        None => !error.is_closed() && error.source().is_none_or(|source| !source.is::<std::io::Error>()),
    }
}
