use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::strict::{present, word_or_null};

/// The look of the pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Settings {
    /// Display name of the provider.
    pub name: Option<String>,
    /// The colour of buttons and links, such as `#3c4cc0`.
    pub accent: Option<String>,
    /// Theme for visitors who have not chosen one.
    #[serde(default)]
    pub theme: Theme,
    /// Identifier of the logo, derived from its contents.
    pub logo: Option<String>,
    /// Version, for updates. Each change increments it.
    pub version: u64,
}

/// The colours of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Follows the operating system.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Every theme.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// Returns the name of the theme.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown theme: expected system, light or dark")]
pub struct ThemeError;

impl FromStr for Theme {
    type Err = ThemeError;

    fn from_str(text: &str) -> Result<Self, ThemeError> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text).ok_or(ThemeError)
    }
}

/// An image in base64.
///
/// # Examples
/// ```
/// use keyward_api_types::Image;
///
/// let image = Image::from(&b"\x89PNG"[..]);
/// assert_eq!(image.decode()?, b"\x89PNG");
/// # Ok::<(), keyward_api_types::ImageError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Image(String);

/// The text of an image is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the image is not base64")]
pub struct ImageError;

impl Image {
    /// Decodes the bytes of the image.
    ///
    /// # Errors
    /// [`ImageError`] if the text is not base64.
    pub fn decode(&self) -> Result<Vec<u8>, ImageError> {
        STANDARD.decode(&self.0).map_err(|_| ImageError)
    }
}

impl From<&[u8]> for Image {
    fn from(bytes: &[u8]) -> Self {
        Self(STANDARD.encode(bytes))
    }
}

impl From<Vec<u8>> for Image {
    fn from(bytes: Vec<u8>) -> Self {
        bytes.as_slice().into()
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} characters of base64)", self.0.len())
    }
}

/// Changes to the look of the pages. Omitted fields stay. Null restores the configured value.
///
/// # Examples
/// ```
/// use keyward_api_types::UpdateSettings;
///
/// let update = UpdateSettings { name: Some(Some("Example API".into())), accent: Some(None), ..Default::default() };
/// assert_eq!(serde_json::to_string(&update)?, r#"{"name":"Example API","accent":null}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "utoipa",
    schema(description = "Changes to the look of the pages. Omitted fields stay. Null restores the configured value.")
)]
#[serde(deny_unknown_fields)]
pub struct UpdateSettings {
    /// Display name of the provider.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, min_length = 1, max_length = 100))]
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<String>>,
    /// The colour of buttons and links, with a contrast of at least 4.5 to 1 on light pages.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, pattern = "^#[0-9a-fA-F]{6}$"))]
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub accent: Option<Option<String>>,
    /// Theme for visitors who have not chosen one.
    #[serde(default, deserialize_with = "word_or_null", skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    /// A PNG, JPEG or WebP image of up to 32 KiB, in base64.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, content_encoding = "base64", max_length = 43692))]
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub logo: Option<Option<Image>>,
}
