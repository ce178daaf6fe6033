//! What a server's pages look like, which its operator decides.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;

/// What the pages look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Settings {
    /// What the provider is called; as the server was configured without it.
    pub name: Option<String>,
    /// The colour of buttons and links, such as `#3c4cc0`.
    pub accent: Option<String>,
    /// What those see who have chosen nothing.
    pub theme: Theme,
    /// What the logo is called, by its contents.
    pub logo: Option<String>,
    /// Goes up by one whenever they are changed; for updates.
    pub version: u64,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As their operating system has it.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What to change of the settings; nothing by default. `Some(None)` is as the server was configured.
///
/// # Examples
/// ```
/// use keyward_client::UpdateSettings;
///
/// let update = UpdateSettings { name: Some(Some("Example API".into())), accent: Some(None), ..Default::default() };
/// # let _ = update;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UpdateSettings {
    /// Another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<String>>,
    /// Another colour, such as `#3c4cc0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent: Option<Option<String>>,
    /// Another theme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    /// Another logo, a PNG, JPEG or WebP image of up to 32 KiB.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "in_base64")]
    pub logo: Option<Option<Vec<u8>>>,
}

fn in_base64<S: serde::Serializer>(logo: &Option<Option<Vec<u8>>>, to: S) -> Result<S::Ok, S::Error> {
    logo.as_ref().and_then(|logo| logo.as_ref().map(|bytes| STANDARD.encode(bytes))).serialize(to)
}

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
