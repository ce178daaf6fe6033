use std::time::Duration;

use http::StatusCode;

use crate::web::{Problem, Refusal};

#[derive(Debug, thiserror::Error)]
pub(super) enum AlertError {
    #[error("the fields Github-Public-Key-Identifier and Github-Public-Key-Signature are required, once each")]
    Unsigned,
    #[error("invalid signature: it is not the sender's over this body")]
    Signature,
    #[error("the sender's public keys are unavailable: send the alert again later")]
    NoPublicKeys,
}

impl From<AlertError> for Problem {
    fn from(error: AlertError) -> Self {
        let (status, code, retry_after) = match error {
            AlertError::Unsigned => (StatusCode::BAD_REQUEST, "SIGNATURE_MISSING", None),
            AlertError::Signature => (StatusCode::FORBIDDEN, "SIGNATURE_INVALID", None),
            AlertError::NoPublicKeys => {
                (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", Some(Duration::from_secs(60)))
            }
        };
        Self::Refused(Refusal { status, code, detail: error.to_string(), retry_after })
    }
}
