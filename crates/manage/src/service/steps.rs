use crate::error::ManagementError;

/// Steps that each run, although an earlier one fails.
#[derive(Default)]
pub(super) struct Steps {
    failed: Option<ManagementError>,
}

impl Steps {
    /// Logs a failure.
    pub(super) fn note(&mut self, step: &'static str, done: Result<(), ManagementError>) {
        if let Err(error) = done {
            tracing::warn!(%error, step, "a step of the maintenance failed");
            self.failed.get_or_insert(error);
        }
    }

    /// Returns the first failure.
    pub(super) fn end(self) -> Result<(), ManagementError> {
        self.failed.map_or(Ok(()), Err)
    }
}
