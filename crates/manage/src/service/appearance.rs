use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::audit::{Draft, Target};
use super::{CurrentVersion, Management, check_name};
use crate::actor::Actor;
use crate::appearance::{Accent, Logo, Theme};
use crate::error::ManagementError;
use crate::records::{Entity, Versioned};
use crate::role::scopes;
use crate::store::Kind;

const ID: &str = "appearance";

/// The look of the pages. Defaults: [`DashboardSettings`](crate::DashboardSettings).
///
/// # Examples
/// ```
/// let appearance = keyward::manage::Appearance::default();
/// assert!(appearance.name.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Appearance {
    /// The provider's name.
    pub name: Option<String>,
    /// Colour of buttons and links, such as `#3c4cc0`.
    pub accent: Option<Accent>,
    /// Default theme of visitors.
    #[serde(default)]
    pub theme: Theme,
    /// Logo id, from its contents.
    pub logo: Option<String>,
}

/// Changes to the look, by default none.
///
/// # Examples
/// ```
/// let update = keyward::manage::AppearanceUpdate { name: Some(Some("Example API".into())), ..Default::default() };
/// # let _ = update;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppearanceUpdate {
    /// New name, or `Some(None)` for the configured one.
    pub name: Option<Option<String>>,
    /// New colour, or `Some(None)` for the style sheet's.
    pub accent: Option<Option<Accent>>,
    /// New theme.
    pub theme: Option<Theme>,
    /// New PNG, JPEG or WebP logo, up to 32 KiB, or `Some(None)` for the configured one.
    pub logo: Option<Option<Vec<u8>>>,
}

impl Entity for Appearance {
    const KIND: Kind = Kind::Appearance;
    fn id(&self) -> String {
        ID.to_owned()
    }
}

/// The configured pages of this process.
pub(crate) struct Pages {
    pub(crate) provider: String,
    pub(crate) url: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredLogo {
    id: String,
    base64: String,
}

impl Entity for StoredLogo {
    const KIND: Kind = Kind::Logo;
    fn id(&self) -> String {
        self.id.clone()
    }
}

impl Management {
    /// The first dashboard of the process counts.
    #[cfg(feature = "dashboard")]
    pub(crate) fn set_pages(&self, provider: String, url: String) {
        let _ = self.0.pages.set(Pages { provider, url });
    }

    pub(crate) fn pages(&self) -> Option<&Pages> {
        self.0.pages.get()
    }

    pub(crate) async fn appearance_version(&self) -> CurrentVersion {
        Ok(Some(self.appearance().await?.version))
    }

    /// Returns the public look of the pages. Version 0 means unchanged.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn appearance(&self) -> Result<Versioned<Appearance>, ManagementError> {
        let known = self.get(ID).await?;
        Ok(known.unwrap_or(Versioned { value: Appearance::default(), version: 0 }))
    }

    /// Changes the look at this version, on every node at once. Needs `accounts:write` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::Invalid`].
    pub async fn update_appearance(
        &self,
        actor: &Actor,
        update: AppearanceUpdate,
        version: u64,
    ) -> Result<Versioned<Appearance>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::ACCOUNTS_WRITE)?;
        let known = self.appearance().await?;
        if known.version != version {
            return Err(ManagementError::Stale);
        }
        let mut changed = known.value.clone();
        if let Some(name) = update.name {
            changed.name = name.map(|name| check_name("name", &name)).transpose()?;
        }
        if let Some(accent) = update.accent {
            changed.accent = accent;
        }
        if let Some(theme) = update.theme {
            changed.theme = theme;
        }
        let mut writes = Vec::new();
        if let Some(logo) = update.logo {
            let logo = logo.map(Logo::of).transpose()?.map(|logo| StoredLogo {
                id: hex::encode(Sha256::digest(&logo.bytes).get(..8).unwrap_or_default()),
                base64: STANDARD.encode(&logo.bytes),
            });
            changed.logo = logo.as_ref().map(|logo| logo.id.clone());
            if changed.logo != known.logo {
                if let Some(before) = known.logo.as_deref()
                    && let Some(before) = self.get::<StoredLogo>(before).await?
                {
                    writes.push(before.remove());
                }
                if let Some(logo) = logo {
                    writes.push(logo.insert()?);
                }
            }
        }
        writes.push(if version == 0 { changed.insert()? } else { known.replace(&changed)? });
        let draft =
            Draft::new(actor, "settings.update", Target::new("settings", ID)).before(&known.value).after(&changed);
        self.commit_or_stale(writes, draft).await?;
        Ok(Versioned { value: changed, version: version + 1 })
    }

    #[cfg(feature = "dashboard")]
    pub(crate) async fn logo(&self, id: &str) -> Result<Option<Logo>, ManagementError> {
        let Some(stored) = self.get::<StoredLogo>(id).await? else { return Ok(None) };
        let bytes = STANDARD.decode(&stored.base64).map_err(|_| ManagementError::Internal)?;
        Logo::of(bytes).map(Some)
    }
}
