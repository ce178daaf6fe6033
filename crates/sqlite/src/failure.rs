//! What went wrong inside, before it is said in the words of the core.

use std::error::Error;

use keyward_core::store::{AdminError, StoreError, WriteRefused};
use rusqlite::ErrorCode;

/// Why a read or a write was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    Denied(WriteRefused),
    Sqlite(rusqlite::Error),
    Thread(tokio::task::JoinError),
}

impl From<WriteRefused> for Failure {
    fn from(denial: WriteRefused) -> Self {
        Self::Denied(denial)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
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
            Failure::Sqlite(error) if is_corrupt(&error) => Self::corrupt(error),
            Failure::Sqlite(error) => Self::unavailable(error),
            Failure::Thread(error) => Self::unavailable(error),
        }
    }
}

/// Whether asking again cannot help: the file, the schema or a row is not what it has to be.
fn is_corrupt(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) | rusqlite::Error::SqlInputError { error: failure, .. } => matches!(
            failure.code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                // SQLITE_ERROR: a table or a column is missing.
                | ErrorCode::Unknown
        ),
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => true,
        _ => false,
    }
}

/// A column that holds what cannot be. It is named; what it holds is not repeated.
pub(crate) fn corrupt(
    column: usize,
    kind: rusqlite::types::Type,
    cause: impl Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(cause))
}
