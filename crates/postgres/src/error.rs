use std::error::Error as StdError;

use deadpool_postgres::PoolError;
use keyward_core::store::{AdminError, StoreError, WriteRefused};
use tokio_postgres::error::SqlState;

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Refused by the server, or the connection was lost.
    #[error("the database query failed")]
    Database(#[source] tokio_postgres::Error),
    /// The pool gave no connection.
    #[error("cannot get a database connection from the pool")]
    Pool(#[source] PoolError),
    /// No answer came within the timeouts of the statement and of the connection.
    #[error("the database does not answer")]
    Silent,
}

impl From<tokio_postgres::Error> for QueryError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<PoolError> for QueryError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Database(error),
            other => Self::Pool(other),
        }
    }
}

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Database(error) if is_corrupt(&error) => Self::corrupt(error),
            QueryError::Database(error) => Self::unavailable(error),
            QueryError::Pool(error) => Self::unavailable(error),
            silent @ QueryError::Silent => Self::unavailable(silent),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Error {
    Denied(WriteRefused),
    Query(QueryError),
    /// Other writers changed the key before every retry.
    Conflict,
    Corrupt(Box<dyn StdError + Send + Sync>),
}

impl From<WriteRefused> for Error {
    fn from(denial: WriteRefused) -> Self {
        Self::Denied(denial)
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Query(error.into())
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        Self::Query(error.into())
    }
}

impl From<Error> for AdminError {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(denial) => Self::Denied(denial),
            other => Self::Store(other.into()),
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(denial) => Self::corrupt(denial),
            Error::Corrupt(error) => Self::corrupt(error),
            Error::Query(error) => error.into(),
            Error::Conflict => Self::unavailable("other writers keep changing the key: try again"),
        }
    }
}

/// No retry helps.
pub(crate) fn is_corrupt(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => [
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_COLUMN,
            SqlState::UNDEFINED_FUNCTION,
            SqlState::DATA_CORRUPTED,
            SqlState::INDEX_CORRUPTED,
            SqlState::CHECK_VIOLATION,
            SqlState::NOT_NULL_VIOLATION,
        ]
        .contains(code),
        // A column has another type, or a query returned no row.
        None => !error.is_closed() && error.source().is_none_or(|source| !source.is::<std::io::Error>()),
    }
}
