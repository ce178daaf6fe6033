//! `confique` makes each field a flag, a variable and a key of the file.

mod file;
mod mail;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use confique::{Config, Layer};
use keyward_core::adapter::{AuthenticatorBuilder, Location};
use keyward_core::connection::ForwardedFields;
use keyward_core::name::check_name;
use keyward_core::{Authenticator, MemoryStore, Network, Scope, TrustedProxies};
#[cfg(feature = "github")]
use keyward_manage::GithubAlerts;
#[cfg(feature = "oidc")]
use keyward_manage::IdentityProvider;
use keyward_manage::{
    DashboardSettings, EmbedOrigin, ExampleUrl, ExampleUrlError, LeakPolicy, ManagementBuilder, PublicUrl,
    ScopeCatalog, SignUpPolicy, UserKeyPolicy,
};
use keyward_serve::Limits;
use serde::Deserialize;

use crate::error::{Error, ErrorKind};
use crate::values::{Lifetime, address, duration, positive};
use mail::SmtpUrl;
#[cfg(feature = "oidc")]
use mail::secret_in;

#[derive(Config, Debug)]
#[config(layer_attr(derive(clap::Args, Clone, Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct Settings {
    /// The address to listen on. Defaults to 127.0.0.1:8080.
    #[config(default = "127.0.0.1:8080")]
    #[config(layer_attr(arg(long, env = "KEYWARD_LISTEN", value_name = "ADDRESS:PORT", value_parser = address)))]
    pub(super) listen: SocketAddr,
    /// The URL under which people reach this server, such as `https://keys.example.com`. Required for --owner and for an OpenID Connect
    /// provider if other machines reach the server. Defaults to links that work on this machine only.
    #[config(layer_attr(arg(long, env = "KEYWARD_PUBLIC_URL", value_name = "URL")))]
    public_url: Option<PublicUrl>,
    /// The address of a second port for /metrics, /healthz and /readyz. Defaults to /metrics on the address of --listen, for any client.
    #[config(layer_attr(arg(long, env = "KEYWARD_METRICS_LISTEN", value_name = "ADDRESS:PORT", value_parser = address)))]
    pub(super) metrics_listen: Option<SocketAddr>,
    /// The address of a separate port for /forward-auth and Envoy's service, which only gateways should reach. Defaults to the address
    /// of --listen, for any client.
    #[config(layer_attr(arg(long, env = "KEYWARD_GATEWAY_LISTEN", value_name = "ADDRESS:PORT", value_parser = address)))]
    pub(super) gateway_listen: Option<SocketAddr>,
    /// Origins whose pages may show the dashboard in a frame, separated by commas, such as `https://app.example.com`. Defaults to none.
    #[config(layer_attr(arg(long, env = "KEYWARD_EMBED_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")))]
    embed_origin: Option<Vec<EmbedOrigin>>,
    /// The name of the provider, on all pages. Defaults to keyward. The operator can change it on a page.
    #[config(layer_attr(arg(long, env = "KEYWARD_PROVIDER_NAME", value_name = "NAME")))]
    provider_name: Option<ProviderName>,
    /// The URL of the example calls for a new key, such as `https://api.example.com/v1/videos`. Defaults to `https://api.example.com/`. The operator
    /// can change it on a page.
    #[config(layer_attr(arg(long, env = "KEYWARD_EXAMPLE_URL", value_name = "URL")))]
    example_url: Option<Example>,
    /// The URL of the documentation of your own API, such as `https://docs.example.com`. The dashboard links to it. Defaults to no link. The operator
    /// can change it on a page.
    #[config(layer_attr(arg(long, env = "KEYWARD_API_DOCS_URL", value_name = "URL")))]
    api_docs_url: Option<Example>,
    /// A file with the scopes that the dashboard offers for restricted keys. Each line has a scope and its description. Defaults to none. The
    /// operator can change them on a page.
    #[config(layer_attr(arg(long, env = "KEYWARD_SCOPES_FILE", value_name = "FILE")))]
    scopes_file: Option<PathBuf>,
    /// The most connections on each port. Defaults to 1024.
    #[config(layer_attr(arg(long, env = "KEYWARD_CONNECTIONS", value_name = "CONNECTIONS", value_parser = positive)))]
    connections: Option<NonZeroU32>,
    /// The most connections of one address, or of one IPv6 /64 network. Trusted proxies have no limit. Defaults to 256.
    #[config(layer_attr(arg(long, env = "KEYWARD_CONNECTIONS_PER_PEER", value_name = "CONNECTIONS", value_parser = positive)))]
    connections_per_peer: Option<NonZeroU32>,
    /// Whether people can sign up themselves: open or closed. Defaults to closed.
    #[config(layer_attr(arg(long, env = "KEYWARD_SIGN_UP", value_name = "POLICY")))]
    sign_up: Option<SignUp>,
    /// The most active keys of an account whose plan has no limit. Defaults to 100.
    #[config(layer_attr(arg(long, env = "KEYWARD_KEY_LIMIT", value_name = "KEYS", value_parser = positive)))]
    key_limit: Option<NonZeroU32>,
    /// What happens to the keys of a user who leaves an account, is disabled or is deleted: keep, disable or revoke. Defaults to keep.
    #[config(layer_attr(arg(long, env = "KEYWARD_USER_KEYS", value_name = "POLICY")))]
    user_keys: Option<UserKeys>,
    /// Whether gateways let secret and restricted keys pass that come from a browser: true or false. Defaults to true.
    #[config(default = true)]
    #[config(layer_attr(arg(long, env = "KEYWARD_SECRET_KEYS_IN_BROWSERS", value_name = "BOOLEAN")))]
    secret_keys_in_browsers: bool,
    /// Networks or addresses of trusted proxies, separated by commas. They state the addresses of their clients. Defaults to none.
    #[config(layer_attr(arg(long, env = "KEYWARD_TRUST_PROXY", value_delimiter = ',', value_name = "NETWORK")))]
    trust_proxy: Option<Vec<Network>>,
    /// The header fields in which these proxies name their clients: x-forwarded, forwarded, or agreeing. Name the fields that your proxy
    /// overwrites. The others are ignored. With agreeing, both count, and a client is unknown if they disagree. Defaults to agreeing.
    #[config(layer_attr(arg(long, env = "KEYWARD_FORWARDED_FIELDS", value_name = "FIELDS")))]
    forwarded_fields: Option<Forwarded>,
    /// Where the gateway endpoints read keys, separated by commas: bearer, basic, websocket, or the name of a header such as
    /// X-API-Key. The management API reads bearer only. Defaults to bearer.
    #[config(layer_attr(arg(long, env = "KEYWARD_KEY_LOCATIONS", value_delimiter = ',', value_name = "LOCATION")))]
    key_locations: Option<Vec<KeyPlace>>,
    /// Scopes of your API, separated by commas. Token introspection names those that a wildcard of a key grants. Defaults to none.
    #[config(layer_attr(arg(
        long,
        env = "KEYWARD_INTROSPECTION_SCOPES",
        value_delimiter = ',',
        value_name = "SCOPE"
    )))]
    introspection_scopes: Option<Vec<Scope>>,
    /// Whether the gateway endpoints record the last 200 requests of each key, for 30 days: true or false. A record has the time, the
    /// method, the network of the client (IPv4 /24, IPv6 /48) and the outcome. Paths are not recorded. Defaults to false.
    #[config(default = false)]
    #[config(layer_attr(arg(long, env = "KEYWARD_RECENT_REQUESTS", value_name = "BOOLEAN")))]
    recent_requests: bool,
    /// The life of an unused session, such as 8h. Defaults to 8h.
    #[config(default = "8h")]
    #[config(layer_attr(arg(long, env = "KEYWARD_SESSION_IDLE", value_name = "DURATION")))]
    session_idle: Span,
    /// The longest life of a session, such as 7d. Defaults to 7d.
    #[config(default = "7d")]
    #[config(layer_attr(arg(long, env = "KEYWARD_SESSION_LIFE", value_name = "DURATION")))]
    session_life: Span,
    /// How long to keep entries of the audit log, such as 365d. Older ones are pruned about once a day. Defaults to keeping all.
    #[config(layer_attr(arg(long, env = "KEYWARD_AUDIT_RETENTION", value_name = "DURATION")))]
    audit_retention: Option<Span>,
    /// How long to keep the daily counts of requests, such as 400d. Older ones are removed once a day. Defaults to 400d.
    #[config(default = "400d")]
    #[config(layer_attr(arg(long, env = "KEYWARD_USAGE_RETENTION", value_name = "DURATION")))]
    usage_retention: Span,
    /// A file to which the server appends the audit log, one JSON object a line. Defaults to none.
    #[config(layer_attr(arg(long, env = "KEYWARD_AUDIT_FILE", value_name = "FILE")))]
    pub(super) audit_file: Option<PathBuf>,
    /// Networks that webhooks may reach although they are not public, separated by commas, such as 10.0.0.0/8. There, a URL may also
    /// be http. Defaults to none.
    #[config(layer_attr(arg(
        long,
        env = "KEYWARD_WEBHOOK_ALLOW_NETWORK",
        value_delimiter = ',',
        value_name = "NETWORK"
    )))]
    webhook_allow_network: Option<Vec<Network>>,
    /// The URL of a mail server: smtps://USER:PASSWORD@HOST, or smtp://HOST with STARTTLS. The server then mails invitations, reset links,
    /// and news about keys and sign-ins. Requires mail_from and public_url. Defaults to no mail.
    #[config(layer_attr(arg(long, env = "KEYWARD_SMTP_URL", value_name = "URL", hide_env_values = true)))]
    smtp_url: Option<SmtpUrl>,
    /// A file with the password of the user in smtp_url, instead of a password there.
    #[config(layer_attr(arg(long, env = "KEYWARD_SMTP_PASSWORD_FILE", value_name = "FILE")))]
    smtp_password_file: Option<PathBuf>,
    /// The sender of mails, such as `keys@example.com` or `Example <keys@example.com>`. Without a name, it has the provider's name.
    #[config(layer_attr(arg(long, env = "KEYWARD_MAIL_FROM", value_name = "ADDRESS")))]
    mail_from: Option<String>,
    /// The most sign-in attempts a minute from one address. Defaults to 20.
    #[config(default = 20)]
    #[config(layer_attr(arg(long, env = "KEYWARD_SIGN_INS_PER_ADDRESS", value_name = "ATTEMPTS", value_parser = positive)))]
    sign_ins_per_address: NonZeroU32,
    /// The most sign-in attempts a minute with one e-mail address. Defaults to 10.
    #[config(default = 10)]
    #[config(layer_attr(arg(long, env = "KEYWARD_SIGN_INS_PER_EMAIL", value_name = "ATTEMPTS", value_parser = positive)))]
    sign_ins_per_email: NonZeroU32,
    /// What to do with keys in GitHub's secret-scanning alerts: mark-compromised or revoke. The URL for alerts is /v1/alerts/github.
    /// Defaults to taking no alerts.
    #[config(layer_attr(arg(long, env = "KEYWARD_GITHUB_ALERTS", value_name = "POLICY")))]
    github_alerts: Option<Leaks>,
    /// The URL of the public keys that verify alerts. Defaults to GitHub's.
    #[config(layer_attr(arg(
        long,
        env = "KEYWARD_GITHUB_PUBLIC_KEYS",
        value_name = "URL",
        requires = "github_alerts"
    )))]
    github_public_keys: Option<String>,
    /// The https URL of an OpenID Connect provider with which people sign in. Register /login/oidc/callback of this server there. Defaults
    /// to passwords only.
    #[config(layer_attr(arg(long, env = "KEYWARD_OIDC_ISSUER", value_name = "URL")))]
    pub(super) oidc_issuer: Option<Issuer>,
    /// The client id of this server at the provider. Required with an issuer.
    #[config(layer_attr(arg(long, env = "KEYWARD_OIDC_CLIENT_ID", value_name = "ID")))]
    oidc_client_id: Option<String>,
    /// A file with the client secret, if the provider issued one.
    #[config(layer_attr(arg(long, env = "KEYWARD_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")))]
    oidc_client_secret_file: Option<PathBuf>,
    /// The text of the provider's button. Defaults to Single sign-on.
    #[config(layer_attr(arg(long, env = "KEYWARD_OIDC_BUTTON", value_name = "TEXT")))]
    oidc_button: Option<String>,
    /// Whether people can sign in with a password: true or false. False requires an issuer. Defaults to true.
    #[config(default = true)]
    #[config(layer_attr(arg(long, env = "KEYWARD_PASSWORDS", value_name = "BOOLEAN")))]
    passwords: bool,
    /// In the file only. Every command has the flag and the variable.
    #[config(layer_attr(arg(skip)))]
    pub(super) database: Option<String>,
    /// In the file only. Every command has the flag and the variable.
    #[config(layer_attr(arg(skip)))]
    pub(super) pepper_file: Option<PathBuf>,
    /// In the file only. Every command has the flag and the variable.
    #[config(layer_attr(arg(skip)))]
    pub(super) key_lifetime_max: Option<Lifetime>,
    /// In the file only. Every command has the flag and the variable.
    #[config(layer_attr(arg(skip)))]
    pub(super) key_lifetime_default: Option<Lifetime>,
}

macro_rules! from_text {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = <Self as FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    )*};
}
from_text!(ProviderName, Example, SignUp, UserKeys, Forwarded, KeyPlace, Leaks, Issuer, Span);

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ProviderName(String);

impl FromStr for ProviderName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = check_name(text).map_err(|error| format!("invalid provider_name `{text}`: {error}"))?;
        Ok(Self(name.to_owned()))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Example(ExampleUrl);

impl FromStr for Example {
    type Err = ExampleUrlError;

    fn from_str(text: &str) -> Result<Self, ExampleUrlError> {
        text.parse().map(Self)
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct SignUp(SignUpPolicy);

impl FromStr for SignUp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Self(SignUpPolicy::Open)),
            "closed" => Ok(Self(SignUpPolicy::Closed)),
            _ => Err(format!("invalid sign_up `{text}`: expected open or closed")),
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct UserKeys(UserKeyPolicy);

impl FromStr for UserKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| format!("invalid user_keys: {error}"))
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Forwarded(ForwardedFields);

impl FromStr for Forwarded {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "x-forwarded" => Ok(Self(ForwardedFields::XForwarded)),
            "forwarded" => Ok(Self(ForwardedFields::Forwarded)),
            "agreeing" => Ok(Self(ForwardedFields::Agreeing)),
            _ => Err(format!("invalid forwarded_fields `{text}`: expected x-forwarded, forwarded or agreeing")),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum KeyPlace {
    Bearer,
    Other(Location),
}

impl FromStr for KeyPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "bearer" => Ok(Self::Bearer),
            "basic" => Ok(Self::Other(Location::Basic)),
            "websocket" => Ok(Self::Other(Location::WebSocketSubprotocol)),
            _ => match http::HeaderName::try_from(text) {
                Ok(_) => Ok(Self::Other(Location::header(text))),
                Err(_) => Err(format!(
                    "invalid key location `{text}`: expected bearer, basic, websocket or the name of a header, such as X-API-Key"
                )),
            },
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Leaks(
    #[cfg_attr(not(feature = "github"), expect(dead_code, reason = "this build refuses the setting"))] LeakPolicy,
);

impl FromStr for Leaks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Issuer(String);

impl FromStr for Issuer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        #[cfg(feature = "oidc")]
        if let Err(error) = IdentityProvider::new(text, "") {
            return Err(format!("{error}: write it like https://login.example.com"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// From one second to ten years.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = duration(text)?;
        if (1..=3_650 * 24 * 3_600).contains(&span.as_secs()) {
            Ok(Self(span))
        } else {
            Err(format!("invalid duration `{text}`: expected one second to ten years"))
        }
    }
}

impl Settings {
    /// Flags and variables override the file. An error has the line.
    pub(super) fn load(arguments: <Self as Config>::Layer, file: Option<&Path>) -> Result<Self, Error> {
        let layer = match file {
            Some(path) => arguments.with_fallback(file::read(path)?),
            None => arguments,
        };
        let layer = layer.with_fallback(Layer::default_values());
        Self::from_layer(layer).map_err(|error| Error::caused(ErrorKind::Usage, &error))
    }

    /// Fails if it is unset, `needed_by` makes links, and other machines reach the server.
    pub(super) fn public_url(&self, needed_by: Option<&str>) -> Result<Option<&PublicUrl>, Error> {
        let has_proxy = self.trust_proxy.as_ref().is_some_and(|networks| !networks.is_empty());
        let is_public = !self.listen.ip().is_loopback() || has_proxy;
        match (&self.public_url, needed_by) {
            (None, Some(feature)) if is_public => Err(Error::usage(format!(
                "{feature} needs public_url, because other machines reach this server: pass --public-url \
                 https://keys.example.com, with the address that people open"
            ))),
            (url, _) => Ok(url.as_ref()),
        }
    }

    pub(super) fn has_example(&self) -> bool {
        self.example_url.is_some()
    }

    /// The provider's name, scopes and example, and the URL under which people reach the pages. Without a file, it has these scopes.
    pub(super) fn dashboard(&self, public_url: Option<PublicUrl>, scopes: &str) -> Result<DashboardSettings, Error> {
        let name = self.provider_name();
        let mut dashboard = DashboardSettings::new(name).answer_unknown_paths().docs_url("/docs");
        if let Some(Example(url)) = &self.example_url {
            dashboard = dashboard.example_url(url.to_string());
        }
        if let Some(Example(url)) = &self.api_docs_url {
            dashboard = dashboard.api_docs_url(url.clone());
        }
        let (text, place) = match &self.scopes_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| Error::unreadable(path, &error))?;
                (text, path.display().to_string())
            }
            None => (scopes.to_owned(), "default".to_owned()),
        };
        let scopes = text.parse::<ScopeCatalog>();
        dashboard = dashboard.scopes(scopes.map_err(|error| Error::usage(format!("scopes_file: {place}: {error}")))?);
        dashboard = self.embed_origin.iter().flatten().cloned().fold(dashboard, DashboardSettings::embed_origin);
        Ok(match public_url {
            Some(url) => dashboard.public_url(url),
            None => dashboard,
        })
    }

    pub(super) fn introspection_scopes(&self) -> &[Scope] {
        self.introspection_scopes.as_deref().unwrap_or_default()
    }

    pub(super) fn limits(&self) -> Limits {
        let of = |setting: Option<NonZeroU32>, default| setting.map_or(default, |setting| setting.get() as usize);
        let limits = Limits::default();
        Limits {
            connections: of(self.connections, limits.connections),
            connections_per_peer: of(self.connections_per_peer, limits.connections_per_peer),
            exempt_peers: TrustedProxies::new(self.trust_proxy.iter().flatten().copied().map(Into::into)),
            ..limits
        }
    }

    #[cfg(feature = "github")]
    pub(super) fn github_alerts(&self) -> Option<GithubAlerts> {
        let alerts = GithubAlerts::new(self.github_alerts?.0);
        Some(match &self.github_public_keys {
            Some(url) => alerts.public_keys(url),
            None => alerts,
        })
    }

    /// Checks the settings that depend on each other.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.forwarded_fields.is_some() && self.trust_proxy.is_none() {
            return Err(Error::usage("forwarded_fields needs trust_proxy, the networks of the proxies that set them"));
        }
        if self.key_locations.is_some() {
            let tried = self.locate(Authenticator::builder(MemoryStore::new())).build();
            drop(tried.map_err(|error| Error::caused(ErrorKind::Usage, &error))?);
        }
        self.mailer()?;
        #[cfg(not(feature = "github"))]
        if self.github_alerts.is_some() || self.github_public_keys.is_some() {
            return Err(Error::not_built("GitHub's alerts", "github"));
        }
        match &self.oidc_issuer {
            None => self.check_without_issuer(),
            #[cfg(feature = "oidc")]
            Some(issuer) => self.identity_provider(issuer).map(drop),
            #[cfg(not(feature = "oidc"))]
            Some(Issuer(issuer)) => Err(Error::not_built(&format!("OpenID Connect ({issuer})"), "oidc")),
        }
    }

    pub(super) fn apply(&self, mut management: ManagementBuilder) -> Result<ManagementBuilder, Error> {
        self.check()?;
        if let Some(url) = &self.public_url {
            management = management.dashboard_at(url, "");
        }
        if let Some(SignUp(policy)) = self.sign_up {
            management = management.sign_up(policy);
        }
        if let Some(keys) = self.key_limit {
            management = management.key_limit(keys.get());
        }
        if let Some(UserKeys(policy)) = self.user_keys {
            management = management.user_keys(policy);
        }
        if !self.secret_keys_in_browsers {
            management = management.refuse_secret_keys_in_browsers();
        }
        if self.recent_requests {
            management = management.recent_requests();
        }
        if let Some(networks) = &self.trust_proxy {
            let fields = self.forwarded_fields.map(|fields| fields.0).unwrap_or_default();
            let proxies = TrustedProxies::new(networks.iter().copied().map(Into::into));
            management = management.trusted_proxies(proxies.reading(fields));
        }
        if let Some(places) = &self.key_locations {
            if !places.contains(&KeyPlace::Bearer) {
                management = management.without_bearer();
            }
            management = locations(places).fold(management, ManagementBuilder::accept);
        }
        management = management.usage_retention(self.usage_retention.0);
        if let Some(Span(retention)) = self.audit_retention {
            management = management.audit_retention(retention);
        }
        if let Some(networks) = &self.webhook_allow_network {
            management = management.webhook_networks(networks.iter().copied().map(Into::into));
        }
        if let Some(mailer) = self.mailer()? {
            management = management.mailer(mailer);
        }
        #[cfg(feature = "oidc")]
        if let Some(issuer) = &self.oidc_issuer {
            management = management.identity_provider(self.identity_provider(issuer)?);
        }
        Ok(management
            .session_life(self.session_idle.0, self.session_life.0)
            .sign_in_attempts(self.sign_ins_per_address, self.sign_ins_per_email))
    }

    fn provider_name(&self) -> &str {
        self.provider_name.as_ref().map_or("keyward", |ProviderName(name)| name)
    }

    fn locate(&self, builder: AuthenticatorBuilder) -> AuthenticatorBuilder {
        let places = self.key_locations.as_deref().unwrap_or_default();
        let builder = if places.contains(&KeyPlace::Bearer) { builder } else { builder.without_bearer() };
        locations(places).fold(builder, AuthenticatorBuilder::accept)
    }

    fn check_without_issuer(&self) -> Result<(), Error> {
        for (name, is_set) in [
            ("oidc_client_id", self.oidc_client_id.is_some()),
            ("oidc_client_secret_file", self.oidc_client_secret_file.is_some()),
            ("oidc_button", self.oidc_button.is_some()),
            ("passwords = false", !self.passwords),
        ] {
            if is_set {
                return Err(Error::usage(format!("{name} needs oidc_issuer, the provider with which people sign in")));
            }
        }
        Ok(())
    }

    #[cfg(feature = "oidc")]
    fn identity_provider(&self, Issuer(issuer): &Issuer) -> Result<IdentityProvider, Error> {
        let client = self.oidc_client_id.as_deref().filter(|id| !id.is_empty());
        let client = client
            .ok_or_else(|| Error::usage("oidc_issuer needs oidc_client_id, the id of this server at the provider"))?;
        let mut provider =
            IdentityProvider::new(issuer, client).map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
        if let Some(file) = &self.oidc_client_secret_file {
            provider = provider.client_secret(secret_in("oidc_client_secret_file", file)?.as_str());
        }
        if let Some(label) = self.oidc_button.as_deref().map(str::trim) {
            let length = label.chars().count();
            if !(1..=60).contains(&length) {
                return Err(Error::usage(format!("invalid oidc_button of {length} characters: expected 1 to 60")));
            }
            provider = provider.button(label);
        }
        Ok(if self.passwords { provider } else { provider.only_way() })
    }
}

fn locations(places: &[KeyPlace]) -> impl Iterator<Item = Location> {
    places.iter().filter_map(|place| match place {
        KeyPlace::Bearer => None,
        KeyPlace::Other(location) => Some(location.clone()),
    })
}

#[cfg(test)]
mod tests;
