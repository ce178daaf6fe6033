use http::Method;
use keyward_api_types::{Settings, UpdateSettings};

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;

/// Settings, for the operator.
impl Client {
    /// Returns the look of the pages.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn settings(&self) -> Result<Settings, ClientError> {
        self.ask(Request::get(&["settings"])).await
    }

    /// Changes the look of the pages at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_settings(&self, update: &UpdateSettings, version: u64) -> Result<Settings, ClientError> {
        self.ask(Request::idempotent(Method::PATCH, &["settings"])?.json(update).if_match(version)).await
    }
}
