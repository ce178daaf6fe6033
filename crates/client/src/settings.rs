//! What a server's pages look like, which its operator decides.

use http::Method;
use keyward_api_types::{Settings, UpdateSettings};

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;

/// Settings, which are the operator's.
impl Client {
    /// What the pages look like.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn settings(&self) -> Result<Settings, ClientError> {
        self.ask(Request::get(&["settings"])).await
    }

    /// Changes what the pages look like, if they are at this version still.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if they are at another version.
    pub async fn update_settings(&self, update: &UpdateSettings, version: u64) -> Result<Settings, ClientError> {
        self.ask(Request::once(Method::PATCH, &["settings"])?.json(update).if_match(version)).await
    }
}
