use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::Params;
use keyward_core::adapter::Location;
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::key::{FormatError, Hasher, KeyFormat};
use keyward_core::lifecycle::Lifetimes;
use keyward_core::store::{KeyAdmin, KeyStore};
use keyward_core::{AccountId, Keys, TrustedProxies};
use keyward_limits::LimitStore;
use tokio::sync::{Mutex, OnceCell};

#[cfg(feature = "dashboard")]
use super::apart::Turns;
use super::audit::Refused;
use super::events::{Event, EventHook};
use super::keys::{RESERVED_PREFIXES, management_format, token_format};
use super::requests::RequestBuffer;
use super::settings::{Settings, SignUpPolicy, UserKeyPolicy};
use super::sign_in::{Passwords, Throttle};
use super::usage::Counters;
use super::users::{ResetLink, ResetLinkSender};
use super::{Inner, Management};
use crate::error::ManagementError;
use crate::origin::PublicUrl;
use crate::store::ManagementStore;

/// Builder for [`Management`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::manage::{Management, SignUpPolicy, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?)
///     .sign_up(SignUpPolicy::Open)
///     .key_limit(20)
///     .session_life(Duration::from_secs(3_600), Duration::from_secs(86_400))
///     .build()?;
/// # let _ = management;
/// # Ok(()) }
/// ```
#[must_use = "nothing is built before build()"]
pub struct ManagementBuilder {
    keys: Keys,
    key_store: Arc<dyn KeyStore>,
    store: Arc<dyn ManagementStore>,
    format: KeyFormat,
    hasher: Hasher,
    clock: Arc<dyn Clock>,
    settings: Settings,
    attempts: (NonZeroU32, NonZeroU32),
    params: Params,
    send_reset_link: Option<ResetLinkSender>,
    on_event: Option<EventHook>,
    #[cfg(feature = "mail")]
    mailer: Option<crate::mail::Mailer>,
    limits: Option<Arc<dyn LimitStore>>,
}

impl ManagementBuilder {
    pub(super) fn new<S: KeyAdmin + Clone>(keys: S, store: Arc<dyn ManagementStore>) -> Self {
        const HOUR: Duration = Duration::from_secs(3_600);
        const PER_ADDRESS: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");
        const PER_EMAIL: NonZeroU32 = NonZeroU32::new(10).expect("it is not zero");
        Self {
            key_store: Arc::new(keys.clone()),
            keys: Keys::new(keys),
            store,
            format: KeyFormat::default(),
            hasher: Hasher::default(),
            clock: Arc::new(SystemClock),
            settings: Settings {
                operator: "operator".parse().unwrap_or_else(|_| AccountId::generate()),
                sign_up: SignUpPolicy::default(),
                key_limit: 100,
                key_lifetimes: Lifetimes::default(),
                user_keys: UserKeyPolicy::default(),
                account_limit: 20,
                session_idle: 8 * HOUR,
                session_life: 7 * 24 * HOUR,
                recent_sign_in: 12 * HOUR,
                access_life: HOUR / 4,
                refresh_life: 30 * 24 * HOUR,
                family_life: 90 * 24 * HOUR,
                audit_retention: None,
                usage_retention: 400 * 24 * HOUR,
                #[cfg(feature = "webhooks")]
                webhook_networks: Vec::new(),
                proxies: TrustedProxies::none(),
                guards_browsers: false,
                recent_requests: false,
                bearer: true,
                key_locations: Vec::new(),
                passwords: true,
                dashboard_url: String::new(),
                #[cfg(feature = "oidc")]
                identity_provider: None,
            },
            attempts: (PER_ADDRESS, PER_EMAIL),
            params: Passwords::owasp(),
            send_reset_link: None,
            on_event: None,
            #[cfg(feature = "mail")]
            mailer: None,
            limits: None,
        }
    }

    /// Sets the provider's key format. Defaults to [`KeyFormat::default`].
    pub fn format(mut self, format: KeyFormat) -> Self {
        self.format = format;
        self
    }

    /// Sets the digests' hash. Defaults to SHA-256.
    pub fn hasher(mut self, hasher: Hasher) -> Self {
        self.hasher = hasher;
        self
    }

    /// Sets the clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the operator's account. Defaults to `operator`.
    pub fn operator(mut self, account: AccountId) -> Self {
        self.settings.operator = account;
        self
    }

    /// Sets who can sign up. Defaults to [`SignUpPolicy::Closed`].
    pub fn sign_up(mut self, policy: SignUpPolicy) -> Self {
        self.settings.sign_up = policy;
        self
    }

    /// Limits active keys of accounts whose plan does not. Defaults to 100. `u32::MAX` means no limit.
    pub fn key_limit(mut self, keys: u32) -> Self {
        self.settings.key_limit = keys;
        self
    }

    /// Sets the default and the maximum lifetime of new keys. Plans and accounts can only shorten the maximum. Defaults to neither.
    pub fn key_lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.settings.key_lifetimes = lifetimes;
        self
    }

    /// Sets what happens to a user's keys when the user leaves an account, is disabled or is deleted. Defaults to keeping them.
    pub fn user_keys(mut self, policy: UserKeyPolicy) -> Self {
        self.settings.user_keys = policy;
        self
    }

    /// Limits accounts per owner, except for the operator's staff. Defaults to 20.
    pub fn account_limit(mut self, accounts: u32) -> Self {
        self.settings.account_limit = accounts;
        self
    }

    /// Sets idle and maximum session lifetimes. Defaults to 8 hours and 7 days.
    pub fn session_life(mut self, idle: Duration, at_most: Duration) -> Self {
        (self.settings.session_idle, self.settings.session_life) = (idle, at_most);
        self
    }

    /// Sets the access-token lifetime. Defaults to 15 minutes.
    pub fn access_token_life(mut self, life: Duration) -> Self {
        self.settings.access_life = life;
        self
    }

    /// Sets the minimum retention of audit entries. [`Management::maintain`] prunes about daily. Defaults to forever.
    pub fn audit_retention(mut self, retention: Duration) -> Self {
        self.settings.audit_retention = Some(retention);
        self
    }

    /// Sets the minimum retention of daily usage counts. [`Management::maintain`] removes older ones daily. Defaults to 400 days.
    pub fn usage_retention(mut self, retention: Duration) -> Self {
        self.settings.usage_retention = retention;
        self
    }

    /// Sets how long after the sign-in a session may create, rotate, enable or change a key, invite, change a role,
    /// create a reset link, or enable a user. Defaults to 12 hours.
    /// What outlives a stolen session needs [more](crate::Context::code).
    pub fn recent_sign_in(mut self, within: Duration) -> Self {
        self.settings.recent_sign_in = within;
        self
    }

    /// Sets the sign-in attempts a minute per client address and per e-mail address. Defaults to 20 and 10. Known
    /// devices, known networks and sessions have separate budgets.
    pub fn sign_in_attempts(mut self, per_address: NonZeroU32, per_email: NonZeroU32) -> Self {
        self.attempts = (per_address, per_email);
        self
    }

    /// Sets the URL of the dashboard, and its [`base`](crate::DashboardSettings::base) there, for
    /// [sign-in links](Management::create_sign_in_link). Defaults to links that are paths.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::{Management, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?)
    ///     .dashboard_at(&"https://keys.example.com".parse()?, "/dashboard")
    ///     .build()?;
    /// # let _ = management;
    /// # Ok(()) }
    /// ```
    pub fn dashboard_at(mut self, url: &PublicUrl, base: &str) -> Self {
        self.settings.dashboard_url = format!("{url}{}", base.trim_end_matches('/'));
        self
    }

    /// Sets the trusted proxies. Defaults to none.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.settings.proxies = proxies;
        self
    }

    /// Refuses secret and restricted keys that come from a browser: [`Management::verifier`]. Off by default.
    ///
    /// See [`refuse_secret_keys_in_browsers`](keyward_core::adapter::AuthenticatorBuilder::refuse_secret_keys_in_browsers).
    pub fn refuse_secret_keys_in_browsers(mut self) -> Self {
        self.settings.guards_browsers = true;
        self
    }

    /// Records the last requests of each key: [`Management::verifier`]. Off by default.
    ///
    /// At most 200 for each key are kept, for 30 days. A record has the time, the method, the pattern of the route, the client's network
    /// (IPv4 /24, IPv6 /48) and the outcome. It has no path, no address and no key. Put a
    /// [`RecentRequestsLayer`](keyward_core::RecentRequestsLayer) around the `AuthLayer`, and spawn
    /// [`Management::run_recent_requests`].
    pub fn recent_requests(mut self) -> Self {
        self.settings.recent_requests = true;
        self
    }

    /// Accepts the provider's keys in another place, too: [`Management::verifier`]. The management API takes only Bearer.
    pub fn accept(mut self, location: Location) -> Self {
        self.settings.key_locations.push(location);
        self
    }

    /// Refuses the provider's keys as `Authorization: Bearer`. Needs another place: [`accept`](Self::accept).
    pub fn without_bearer(mut self) -> Self {
        self.settings.bearer = false;
        self
    }

    /// Sets the dashboard's OpenID Connect provider.
    #[cfg(feature = "oidc")]
    pub fn identity_provider(mut self, provider: crate::identity_provider::IdentityProvider) -> Self {
        self.settings.passwords = !provider.is_only_way;
        self.settings.identity_provider = Some(provider);
        self
    }

    /// Sets the sender of [`ResetLink`](crate::ResetLink)s. By default, a mailer sends them. Without one, the sign-in page
    /// refers users to an owner or admin.
    pub fn on_forgotten_password(mut self, send: impl Fn(ResetLink) + Send + Sync + 'static) -> Self {
        self.send_reset_link = Some(Arc::new(send));
        self
    }

    /// Sets a hook that [`Management::run_events`] calls for each event, in order, on one node at a time.
    ///
    /// It starts with the events after the first run. Each event comes at least once: a node that stops during the call
    /// leaves it to the next node, with the same [`Event::id`]. An event whose hook panics is not repeated. The hook may block.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::{EventKind, Management, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?)
    ///     .on_event(|event| if event.kind == EventKind::KeyCompromised { eprintln!("{}", event.data) })
    ///     .build()?;
    /// tokio::spawn(management.run_events());
    /// # Ok(()) }
    /// ```
    pub fn on_event(mut self, call: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(call));
        self
    }

    /// Sets the mailer. [`Management::run_events`] sends the mails. Defaults to none: the pages show links to send by hand.
    ///
    /// With [`on_forgotten_password`](Self::on_forgotten_password), that hook sends the links of users who forgot their password.
    #[cfg(feature = "mail")]
    pub fn mailer(mut self, mailer: crate::mail::Mailer) -> Self {
        self.mailer = Some(mailer);
        self
    }

    /// Sets networks that webhooks of the operator's account may reach although they are not public, also over http.
    /// Defaults to none.
    #[cfg(feature = "webhooks")]
    pub fn webhook_networks(mut self, networks: impl IntoIterator<Item = keyward_core::network::ipnet::IpNet>) -> Self {
        self.settings.webhook_networks = networks.into_iter().collect();
        self
    }

    /// Sets the store of limits. Without one, the operations on limits answer that there is none.
    pub fn limits(mut self, store: impl LimitStore) -> Self {
        self.limits = Some(Arc::new(store));
        self
    }

    /// Sets the argon2id parameters. Defaults to OWASP's. Signing in rehashes passwords with others.
    pub fn password_params(mut self, params: Params) -> Self {
        self.params = params;
        self
    }

    /// Builds the service.
    ///
    /// # Errors
    /// [`ManagementError::Invalid`] if the format has a reserved prefix.
    pub fn build(self) -> Result<Management, ManagementError> {
        let internal = |_: FormatError| ManagementError::Internal;
        let management_format = management_format().map_err(internal)?;
        let token_format = token_format().map_err(internal)?;
        if self.format.overlaps(&management_format) || self.format.overlaps(&token_format) {
            let taken = RESERVED_PREFIXES.join(", ");
            return Err(ManagementError::invalid(
                "format",
                format!("a prefix is reserved: expected others than {taken}"),
            ));
        }
        let keys = self.keys.with_hasher(self.hasher.clone()).with_clock(Arc::clone(&self.clock));
        Ok(Management(Arc::new(Inner {
            management: keys.clone().with_format(management_format.clone()),
            // The successor of an imported key has the provider's format. Management keys use the other format.
            keys: keys.with_format(self.format.clone()).with_conversion(),
            freshness: self.key_store.freshness(),
            key_store: self.key_store,
            store: self.store,
            format: self.format,
            management_format,
            token_format,
            hasher: self.hasher,
            clock: self.clock,
            settings: self.settings,
            passwords: Passwords::new(self.params),
            throttle: Throttle::new(self.attempts.0, self.attempts.1),
            counters: Counters::default(),
            requests: RequestBuffer::default(),
            refused: Refused::default(),
            #[cfg(feature = "dashboard")]
            turns: Turns::default(),
            head: Mutex::new(None),
            creation_locks: std::array::from_fn(|_| Mutex::new(())),
            authenticator: OnceLock::new(),
            pages: OnceLock::new(),
            send_reset_link: self.send_reset_link,
            limits: self.limits,
            limits_sweep: Mutex::default(),
            shared_secret: OnceCell::new(),
            on_event: self.on_event,
            #[cfg(feature = "mail")]
            mailer: self.mailer,
            #[cfg(feature = "webhooks")]
            webhook_clients: super::webhooks::Clients::default(),
        })))
    }
}

impl fmt::Debug for ManagementBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagementBuilder").field("format", &self.format).finish_non_exhaustive()
    }
}
