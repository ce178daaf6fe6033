//! Answers of a service that manages keys for its callers.

use http::StatusCode;

use super::KeysError;
use crate::rejection::{CustomRejection, Rejection};
use crate::store::{AdminError, StoreErrorKind, WriteRefused};

impl From<AdminError> for KeysError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Denied(denial) => Self::Denied(denial),
            AdminError::Store(error) => Self::Store(error),
        }
    }
}

/// For handlers that call [`Keys`](super::Keys) with `?`. A failing store is logged.
///
/// | error | answer |
/// | --- | --- |
/// | no such key or account | 404 `KEY_NOT_FOUND`, `ACCOUNT_NOT_FOUND` |
/// | the account exists | 409 `ACCOUNT_EXISTS` |
/// | other conflicts | 409 `KEY_CONFLICT` |
/// | rights that the caller lacks | 403 `ESCALATION` |
/// | a lifetime beyond the maximum | 422 `LIFETIME_TOO_LONG` |
/// | other invalid input | 422 `INVALID_KEY_SETTINGS` |
/// | the store or the random generator failed | 503 `SERVICE_UNAVAILABLE`, or 500 for corrupt data |
impl From<KeysError> for Rejection {
    fn from(error: KeysError) -> Self {
        let (status, code) = match &error {
            KeysError::Store(cause) => {
                tracing::error!(cause = ?std::error::Error::source(cause), "managing keys failed: {cause}");
                return match cause.kind() {
                    StoreErrorKind::Corrupt => Self::StoreCorrupt,
                    StoreErrorKind::Unavailable => Self::StoreUnavailable,
                };
            }
            KeysError::Format(crate::key::FormatError::Random) => {
                tracing::error!("managing keys failed: {error}");
                return Self::StoreUnavailable;
            }
            KeysError::Denied(WriteRefused::NotFound) => (StatusCode::NOT_FOUND, "KEY_NOT_FOUND"),
            KeysError::Denied(WriteRefused::NoSuchAccount) => (StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"),
            KeysError::Denied(WriteRefused::AccountExists) => (StatusCode::CONFLICT, "ACCOUNT_EXISTS"),
            KeysError::Denied(_) => (StatusCode::CONFLICT, "KEY_CONFLICT"),
            KeysError::Exceeds(_) => (StatusCode::FORBIDDEN, "ESCALATION"),
            KeysError::TooLong(_) => (StatusCode::UNPROCESSABLE_ENTITY, "LIFETIME_TOO_LONG"),
            KeysError::Name(_)
            | KeysError::NoScope
            | KeysError::Ended
            | KeysError::OtherFormat(_)
            | KeysError::Format(_) => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_KEY_SETTINGS"),
        };
        CustomRejection::new(status, code, sentence(&error.to_string())).into()
    }
}

/// An error message is lower case and has no full stop.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lifecycle::TooLong;
    use crate::store::StoreError;

    #[test]
    fn errors_of_key_management_have_an_answer() {
        let latest = "2027-03-01T12:00:00Z".parse().unwrap();
        let too_long = TooLong { end: None, latest, maximum: Duration::from_secs(365 * 86_400) };
        for (error, status, code) in [
            (KeysError::from(WriteRefused::NotFound), 404, "KEY_NOT_FOUND"),
            (WriteRefused::NoSuchAccount.into(), 404, "ACCOUNT_NOT_FOUND"),
            (WriteRefused::AccountExists.into(), 409, "ACCOUNT_EXISTS"),
            (WriteRefused::Stale.into(), 409, "KEY_CONFLICT"),
            (WriteRefused::Ended.into(), 409, "KEY_CONFLICT"),
            (KeysError::NoScope, 422, "INVALID_KEY_SETTINGS"),
            (KeysError::Ended, 422, "INVALID_KEY_SETTINGS"),
            (too_long.into(), 422, "LIFETIME_TOO_LONG"),
            (StoreError::unavailable("down").into(), 503, "SERVICE_UNAVAILABLE"),
            (StoreError::corrupt("torn").into(), 500, Rejection::StoreCorrupt.code()),
        ] {
            let rejection = Rejection::from(error);
            assert_eq!((rejection.status().as_u16(), rejection.code()), (status, code));
        }
        assert_eq!(
            Rejection::from(KeysError::from(too_long)).message(),
            "The key would never expire: the maximum lifetime is 365 days, so choose an expiry until 2027-03-01T12:00:00Z."
        );
        let message = Rejection::from(KeysError::NoScope).message();
        assert_eq!(message, "A restricted key needs at least one scope: add a scope, or choose another kind.");
    }
}
