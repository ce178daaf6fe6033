//! The plan, account or key whose limits or lifetimes a command is about.

use crate::error::{Error, ErrorKind};

pub(super) struct Bearer {
    pub(super) plan: Option<String>,
    /// The account or the key, with its kind.
    pub(super) other: Option<String>,
}

impl Bearer {
    /// Completes an error with the bearer and the database or the server. Says how to create a plan that is missing.
    pub(super) fn explain(&self, error: Error, place: &str) -> Error {
        let Some(plan) = &self.plan else { return error.about(self.other.as_deref(), place) };
        let error = match error.kind() {
            ErrorKind::NotFound => {
                error.with_message(|message| format!("{message}: create it with keyward plans create"))
            }
            _ => error,
        };
        error.about(Some(&format!("plan {plan:?}")), place)
    }
}
