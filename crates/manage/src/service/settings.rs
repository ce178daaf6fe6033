use std::time::Duration;

use keyward_core::adapter::Location;
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

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) operator: AccountId,
    pub(crate) sign_up: SignUpPolicy,
    pub(crate) key_limit: u32,
    pub(crate) account_limit: u32,
    pub(crate) session_idle: Duration,
    pub(crate) session_life: Duration,
    pub(crate) recent_sign_in: Duration,
    pub(crate) access_life: Duration,
    pub(crate) refresh_life: Duration,
    pub(crate) family_life: Duration,
    pub(crate) audit_retention: Option<Duration>,
    #[cfg(feature = "webhooks")]
    pub(crate) webhook_networks: Vec<keyward_core::network::ipnet::IpNet>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) guards_browsers: bool,
    pub(crate) bearer: bool,
    pub(crate) key_locations: Vec<Location>,
    pub(crate) passwords: bool,
    #[cfg(feature = "oidc")]
    pub(crate) identity_provider: Option<crate::identity_provider::IdentityProvider>,
}
