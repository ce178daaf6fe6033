use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;
use serde::{Deserialize, Serialize};

use super::Management;
use super::audit::{Draft, Target};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Entity, Versioned};
use crate::role::scopes;
use crate::scope_catalog::ScopeCatalog;
use crate::store::Kind;

const ID: &str = "api";
const MAX_URL: usize = 500;

/// The scopes, the example call and the documentation of the provider's API, for the dashboard. Defaults: [`DashboardSettings`](crate::DashboardSettings).
///
/// # Examples
/// ```
/// use keyward::manage::ApiDescription;
///
/// let description = ApiDescription {
///     example_url: Some("https://api.example.com/v1/videos".parse()?),
///     ..ApiDescription::default()
/// };
/// # let _ = description;
/// # Ok::<(), keyward::manage::ExampleUrlError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiDescription {
    /// The scopes for restricted keys, or none for the configured ones.
    pub scopes: Option<ScopeCatalog>,
    /// The URL of the example calls, or none for the configured one.
    pub example_url: Option<ExampleUrl>,
    /// The URL of the documentation of the API, or none for the configured one.
    pub docs_url: Option<ExampleUrl>,
}

/// A URL of the provider's API, such as that of the example calls that the dashboard shows for a new key: `http` or `https`, up to 500 characters.
///
/// # Examples
/// ```
/// use keyward::manage::ExampleUrl;
///
/// let url: ExampleUrl = "https://api.example.com/v1/videos?limit=1".parse()?;
/// assert!("api.example.com".parse::<ExampleUrl>().is_err());
/// # Ok::<(), keyward::manage::ExampleUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleUrl(String);

/// The error of an invalid [`ExampleUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid URL `{0}`: expected one like https://api.example.com/v1/videos, of up to 500 characters, without quotes and spaces"
)]
pub struct ExampleUrlError(String);

impl FromStr for ExampleUrl {
    type Err = ExampleUrlError;

    fn from_str(text: &str) -> Result<Self, ExampleUrlError> {
        let wrong = || ExampleUrlError(text.chars().take(100).collect());
        // It is part of shell commands and of programs.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\'`$\\<>{}|^".contains(&byte);
        if text.len() > MAX_URL || !text.bytes().all(is_plain) {
            return Err(wrong());
        }
        let url: Uri = text.parse().map_err(|_| wrong())?;
        let is_web = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&url.scheme());
        let has_user = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if is_web && !has_user && url.host().is_some_and(|host| !host.is_empty()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for ExampleUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredDescription {
    scopes: Option<String>,
    example_url: Option<String>,
    #[serde(default)]
    docs_url: Option<String>,
}

impl Entity for StoredDescription {
    const KIND: Kind = Kind::ApiDescription;
    fn id(&self) -> String {
        ID.to_owned()
    }
}

impl Management {
    /// Returns the scopes and the example call of the provider's API. Version 0 means unchanged.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn api_description(&self) -> Result<Versioned<ApiDescription>, ManagementError> {
        let Some(known) = self.get::<StoredDescription>(ID).await? else {
            return Ok(Versioned { value: ApiDescription::default(), version: 0 });
        };
        let StoredDescription { scopes, example_url, docs_url } = known.value;
        let url =
            |text: Option<String>| text.map(|text| text.parse()).transpose().map_err(|_| ManagementError::Internal);
        let value = ApiDescription {
            scopes: scopes.map(|text| text.parse()).transpose().map_err(|_| ManagementError::Internal)?,
            example_url: url(example_url)?,
            docs_url: url(docs_url)?,
        };
        Ok(Versioned { value, version: known.version })
    }

    /// Replaces the description at this version, on every node at once. Needs `accounts:write` in the operator's account.
    ///
    /// Existing keys keep their scopes.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::Forbidden`], [`ManagementError::SignInAgain`].
    pub async fn set_api_description(
        &self,
        actor: &Actor,
        description: &ApiDescription,
        version: u64,
    ) -> Result<(), ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::ACCOUNTS_WRITE)?;
        // Customers send their keys to the example URL.
        self.check_recent(actor).await?;
        let known = self.get::<StoredDescription>(ID).await?;
        if known.as_ref().map_or(0, |known| known.version) != version {
            return Err(ManagementError::Stale);
        }
        let changed = StoredDescription {
            scopes: description.scopes.as_ref().map(ToString::to_string),
            example_url: description.example_url.as_ref().map(ToString::to_string),
            docs_url: description.docs_url.as_ref().map(ToString::to_string),
        };
        let draft = Draft::new(actor, "settings.update", Target::new("settings", ID)).after(&changed);
        let (draft, write) = match &known {
            Some(known) => (draft.before(&known.value), known.replace(&changed)?),
            None => (draft, changed.insert()?),
        };
        self.commit_or_stale(vec![write], draft).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_url_fits_into_commands_and_programs() {
        let long = format!("https://api.example.com/{}", "a".repeat(500));
        for (text, fits) in [
            ("https://api.example.com/", true),
            ("http://127.0.0.1:3000/v1/videos?limit=1&page=2", true),
            ("https://api.example.com", true),
            ("api.example.com/v1", false),
            ("/v1/videos", false),
            ("ftp://api.example.com/", false),
            ("javascript:alert(1)", false),
            ("https://user:secret@api.example.com/", false),
            ("https://api.example.com/\"; rm -rf /", false),
            ("https://api.example.com/$(id)", false),
            ("https://api.example.com/\'", false),
            ("https://", false),
            (long.as_str(), false),
        ] {
            assert_eq!(text.parse::<ExampleUrl>().is_ok(), fits, "{text}");
        }
    }
}
