//! A store that gives no answer: refused closed.

use std::error::Error;

use keyward_core::Rejection;
use keyward_core::store::{StoreError, StoreErrorKind};

/// What a request is refused with, said in the log with what it lacks.
pub(crate) fn refused(error: &StoreError, lacks: &str) -> Rejection {
    tracing::warn!(cause = ?error.source(), "{lacks}: {error}");
    match error.kind() {
        StoreErrorKind::Corrupt => Rejection::StoreCorrupt,
        _ => Rejection::StoreUnavailable,
    }
}
