use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use keyward_core::adapter::Location;
use keyward_core::lifecycle::Lifetimes;
use keyward_core::{AccountId, TrustedProxies};

/// The sign-up policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignUpPolicy {
    /// Anyone, with a new account.
    Open,
    /// Invited users.
    #[default]
    Closed,
}

/// What happens to a user's keys when the user leaves an account, is disabled or is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserKeyPolicy {
    /// The keys stay as they are.
    #[default]
    Keep,
    /// The keys are disabled. They stay disabled if the user returns.
    Disable,
    /// The keys are revoked.
    Revoke,
}

impl UserKeyPolicy {
    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Disable => "disable",
            Self::Revoke => "revoke",
        }
    }
}

impl fmt::Display for UserKeyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for UserKeyPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Keep, Self::Disable, Self::Revoke]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| format!("unknown policy `{text}`: expected keep, disable or revoke"))
    }
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) operator: AccountId,
    pub(crate) sign_up: SignUpPolicy,
    pub(crate) key_limit: u32,
    pub(crate) key_lifetimes: Lifetimes,
    pub(crate) user_keys: UserKeyPolicy,
    pub(crate) account_limit: u32,
    pub(crate) session_idle: Duration,
    pub(crate) session_life: Duration,
    pub(crate) recent_sign_in: Duration,
    pub(crate) access_life: Duration,
    pub(crate) refresh_life: Duration,
    pub(crate) family_life: Duration,
    pub(crate) audit_retention: Option<Duration>,
    pub(crate) usage_retention: Duration,
    #[cfg(feature = "webhooks")]
    pub(crate) webhook_networks: Vec<keyward_core::network::ipnet::IpNet>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) guards_browsers: bool,
    pub(crate) recent_requests: bool,
    pub(crate) bearer: bool,
    pub(crate) key_locations: Vec<Location>,
    pub(crate) passwords: bool,
    pub(crate) dashboard_url: String,
    #[cfg(feature = "oidc")]
    pub(crate) identity_provider: Option<crate::identity_provider::IdentityProvider>,
}
