use std::error::Error;

use keyward_core::Rejection;
use keyward_core::store::{StoreError, StoreErrorKind};

pub(crate) fn refused(error: &StoreError, task: &str) -> Rejection {
    tracing::warn!(cause = ?error.source(), "cannot {task}: {error}");
    match error.kind() {
        StoreErrorKind::Corrupt => Rejection::StoreCorrupt,
        _ => Rejection::StoreUnavailable,
    }
}
