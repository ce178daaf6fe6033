//! The refusal when a store gives no answer.

use std::error::Error;

use keyward_core::Rejection;
use keyward_core::store::{StoreError, StoreErrorKind};

/// Logs the failure, and returns the rejection.
pub(crate) fn refused(error: &StoreError, lacks: &str) -> Rejection {
    tracing::warn!(cause = ?error.source(), "{lacks}: {error}");
    match error.kind() {
        StoreErrorKind::Corrupt => Rejection::StoreCorrupt,
        _ => Rejection::StoreUnavailable,
    }
}
