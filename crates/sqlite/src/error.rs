use std::error::Error as StdError;

use keyward_core::store::{AdminError, StoreError, WriteRefused};
use rusqlite::ErrorCode;

#[derive(Debug)]
pub(crate) enum Error {
    Denied(WriteRefused),
    Sqlite(rusqlite::Error),
    Thread(tokio::task::JoinError),
}

impl From<WriteRefused> for Error {
    fn from(denial: WriteRefused) -> Self {
        Self::Denied(denial)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
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
            Error::Sqlite(error) if is_corrupt(&error) => Self::corrupt(error),
            Error::Sqlite(error) => Self::unavailable(error),
            Error::Thread(error) => Self::unavailable(error),
        }
    }
}

/// Does not repeat the value.
pub(crate) fn corrupt(
    column: usize,
    kind: rusqlite::types::Type,
    cause: impl StdError + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(cause))
}

/// Returns `true` if a retry cannot help.
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
