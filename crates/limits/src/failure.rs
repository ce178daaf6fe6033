//! The rejection for a store that does not answer.

use std::error::Error;

use keyward_core::Rejection;
use keyward_core::store::{StoreError, StoreErrorKind};

/// Logs that the store could not do `task`, and returns the rejection for the request.
pub(crate) fn refused(error: &StoreError, task: &str) -> Rejection {
    tracing::warn!(cause = ?error.source(), "cannot {task}: {error}");
    match error.kind() {
        StoreErrorKind::Corrupt => Rejection::StoreCorrupt,
        _ => Rejection::StoreUnavailable,
    }
}
