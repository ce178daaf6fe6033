//! The settings of the server: one schema for flags, the environment and a file.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use keyward_core::connection::ForwardedFields;
use keyward_core::{Network, TrustedProxies};
use keyward_manage::{GithubAlerts, IdentityProvider, LeakPolicy, ManagementBuilder, PublicUrl, SignUpPolicy};
use keyward_serve::Limits;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::arguments::duration;
use crate::failure::{Failure, Kind};

#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where to listen. Without it: 127.0.0.1:8080.
    #[arg(long, env = "KEYWARD_LISTEN", value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where people reach this server, such as `https://keys.example.com`. Needed where others reach it and links are made: with an OpenID
    /// Connect provider, and for the first owner's invitation. Without it: links lead to the machine itself alone.
    #[arg(long, env = "KEYWARD_PUBLIC_URL", value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Where to serve /metrics, and /healthz and /readyz as well, on a port with connections of its own. Without it: /metrics is
    /// served at the address of --listen, to any client.
    #[arg(long, env = "KEYWARD_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How many connections to serve at once, on each port. Without it: 1024.
    #[arg(long, env = "KEYWARD_CONNECTIONS", value_name = "CONNECTIONS")]
    connections: Option<NonZeroU32>,
    /// How many connections one address, or one IPv6 /64 network, may hold. Trusted proxies may hold any number. Without it: 256.
    #[arg(long, env = "KEYWARD_CONNECTIONS_PER_PEER", value_name = "CONNECTIONS")]
    connections_per_peer: Option<NonZeroU32>,
    /// Whether people add themselves: open or closed. Without it: closed.
    #[arg(long, env = "KEYWARD_SIGN_UP", value_name = "POLICY")]
    sign_up: Option<SignUp>,
    /// How many active keys an account may have whose plan says nothing. Without it: 100.
    #[arg(long, env = "KEYWARD_KEY_LIMIT", value_name = "KEYS")]
    key_limit: Option<NonZeroU32>,
    /// Networks or addresses of proxies that are believed about their clients' addresses, separated by commas. Without it: none.
    #[arg(long, env = "KEYWARD_TRUST_PROXY", value_delimiter = ',', value_name = "NETWORK")]
    trust_proxy: Option<Vec<Network>>,
    /// The header fields in which these proxies name their clients: x-forwarded, forwarded, or agreeing. Name the fields that your
    /// proxy overwrites; the others are ignored. With agreeing, both count, and a client is unknown if they disagree. Without it:
    /// agreeing.
    #[arg(long, env = "KEYWARD_FORWARDED_FIELDS", value_name = "FIELDS")]
    forwarded_fields: Option<Forwarded>,
    /// How long a session lives that is not used, such as 8h. Without it: 8h.
    #[arg(long, env = "KEYWARD_SESSION_IDLE", value_name = "DURATION")]
    session_idle: Option<Span>,
    /// How long a session lives at most, such as 7d. Without it: 7d.
    #[arg(long, env = "KEYWARD_SESSION_LIFE", value_name = "DURATION")]
    session_life: Option<Span>,
    /// How long entries of the audit log are kept at least, such as 365d. Older ones are pruned, about once a day. Without it: all are
    /// kept.
    #[arg(long, env = "KEYWARD_AUDIT_RETENTION", value_name = "DURATION")]
    audit_retention: Option<Span>,
    /// How often somebody may try to sign in within a minute, from one address. Without it: 20.
    #[arg(long, env = "KEYWARD_SIGN_INS_PER_ADDRESS", value_name = "ATTEMPTS")]
    sign_ins_per_address: Option<NonZeroU32>,
    /// How often somebody may try to sign in within a minute, with one e-mail address. Without it: 10.
    #[arg(long, env = "KEYWARD_SIGN_INS_PER_EMAIL", value_name = "ATTEMPTS")]
    sign_ins_per_email: Option<NonZeroU32>,
    /// Takes GitHub's secret-scanning alerts at /v1/alerts/github, and does this with keys that it has found: mark-compromised or
    /// revoke. Without it: alerts are not taken.
    #[arg(long, env = "KEYWARD_GITHUB_ALERTS", value_name = "POLICY")]
    pub(crate) github_alerts: Option<Leaks>,
    /// Where the keys are published that alerts are signed with. Without it: GitHub's own.
    #[arg(long, env = "KEYWARD_GITHUB_PUBLIC_KEYS", value_name = "URL", requires = "github_alerts")]
    pub(crate) github_public_keys: Option<String>,
    /// The OpenID Connect provider with which people sign in: its issuer, which is https. It has to know /login/oidc/callback of
    /// this server as where to send people back to. Without it: passwords only.
    #[arg(long, env = "KEYWARD_OIDC_ISSUER", value_name = "URL")]
    oidc_issuer: Option<Issuer>,
    /// What the provider calls this server. Needed with an issuer.
    #[arg(long, env = "KEYWARD_OIDC_CLIENT_ID", value_name = "ID")]
    oidc_client_id: Option<String>,
    /// The file with the client's secret, if the provider has given it one.
    #[arg(long, env = "KEYWARD_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    oidc_client_secret_file: Option<PathBuf>,
    /// What the button for it says. Without it: Single sign-on.
    #[arg(long, env = "KEYWARD_OIDC_BUTTON", value_name = "TEXT")]
    oidc_button: Option<String>,
    /// Whether people sign in with passwords as well: true or false. False needs an issuer. Without it: true.
    #[arg(long, env = "KEYWARD_PASSWORDS", value_name = "BOOLEAN")]
    passwords: Option<bool>,
    /// In a file only: flags and the environment say it for every command.
    #[arg(skip)]
    pub(crate) database: Option<String>,
    /// In a file only, too.
    #[arg(skip)]
    pub(crate) pepper_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct SignUp(SignUpPolicy);

impl FromStr for SignUp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Self(SignUpPolicy::Open)),
            "closed" => Ok(Self(SignUpPolicy::Closed)),
            _ => Err("sign_up is open or closed".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Forwarded(ForwardedFields);

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

impl TryFrom<String> for Forwarded {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Leaks(pub(crate) LeakPolicy);

impl FromStr for Leaks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for Leaks {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// An issuer that can be asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Issuer(String);

impl FromStr for Issuer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match IdentityProvider::new(text, "") {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(format!("{error}: write it like https://login.example.com")),
        }
    }
}

impl TryFrom<String> for Issuer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A time such as `8h`, from a second to ten years.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Span(Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = duration(text)?;
        if (1..=3_650 * 24 * 3_600).contains(&span.as_secs()) {
            Ok(Self(span))
        } else {
            Err("a time from a second to ten years is needed".to_owned())
        }
    }
}

impl TryFrom<String> for SignUp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Settings {
    /// These, and where they say nothing those of the file.
    pub(crate) fn over(self, file: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = file else { return Ok(self) };
        let usage = |message: String| Failure::new(Kind::Usage, format!("{}: {message}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
        // The error shows the line.
        let file: Self = toml::from_str(&text).map_err(|error| usage(error.to_string()))?;
        Ok(Self {
            listen: self.listen.or(file.listen),
            public_url: self.public_url.or(file.public_url),
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            connections: self.connections.or(file.connections),
            connections_per_peer: self.connections_per_peer.or(file.connections_per_peer),
            sign_up: self.sign_up.or(file.sign_up),
            key_limit: self.key_limit.or(file.key_limit),
            trust_proxy: self.trust_proxy.or(file.trust_proxy),
            forwarded_fields: self.forwarded_fields.or(file.forwarded_fields),
            session_idle: self.session_idle.or(file.session_idle),
            session_life: self.session_life.or(file.session_life),
            audit_retention: self.audit_retention.or(file.audit_retention),
            sign_ins_per_address: self.sign_ins_per_address.or(file.sign_ins_per_address),
            sign_ins_per_email: self.sign_ins_per_email.or(file.sign_ins_per_email),
            github_alerts: self.github_alerts.or(file.github_alerts),
            github_public_keys: self.github_public_keys.or(file.github_public_keys),
            oidc_issuer: self.oidc_issuer.or(file.oidc_issuer),
            oidc_client_id: self.oidc_client_id.or(file.oidc_client_id),
            oidc_client_secret_file: self.oidc_client_secret_file.or(file.oidc_client_secret_file),
            oidc_button: self.oidc_button.or(file.oidc_button),
            passwords: self.passwords.or(file.passwords),
            database: self.database.or(file.database),
            pepper_file: self.pepper_file.or(file.pepper_file),
        })
    }

    /// Where to listen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listen.unwrap_or(([127, 0, 0, 1], 8080).into())
    }

    /// Where people reach the server, if it is said.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it is not said, `what` makes links, and others than the machine itself reach the server: it listens on another
    /// address, or a proxy stands in front of it.
    pub(crate) fn public_url(&self, what: Option<&str>) -> Result<Option<&PublicUrl>, Failure> {
        let proxied = self.trust_proxy.as_ref().is_some_and(|networks| !networks.is_empty());
        let reached_by_others = !self.address().ip().is_loopback() || proxied;
        match (&self.public_url, what) {
            (None, Some(what)) if reached_by_others => Err(Failure::new(
                Kind::Usage,
                format!(
                    "{what} needs public_url, because others than this machine reach the server: say --public-url \
                     https://keys.example.com, with the address that people open"
                ),
            )),
            (url, _) => Ok(url.as_ref()),
        }
    }

    /// The bounds of the HTTP server.
    pub(crate) fn limits(&self) -> Limits {
        let of = |setting: Option<NonZeroU32>, default| setting.map_or(default, |setting| setting.get() as usize);
        let limits = Limits::default();
        Limits {
            connections: of(self.connections, limits.connections),
            connections_per_peer: of(self.connections_per_peer, limits.connections_per_peer),
            exempt_peers: TrustedProxies::new(self.trust_proxy.iter().flatten().copied().map(Into::into)),
            ..limits
        }
    }

    /// How GitHub's alerts are taken, if they are.
    pub(crate) fn github_alerts(&self) -> Option<GithubAlerts> {
        let alerts = GithubAlerts::new(self.github_alerts?.0);
        Some(match &self.github_public_keys {
            Some(url) => alerts.public_keys(url),
            None => alerts,
        })
    }

    /// Sets a management service up as these say.
    pub(crate) fn apply(&self, mut management: ManagementBuilder) -> Result<ManagementBuilder, Failure> {
        const HOUR: u64 = 3_600;
        const PER_ADDRESS: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");
        const PER_EMAIL: NonZeroU32 = NonZeroU32::new(10).expect("it is not zero");
        if let Some(SignUp(policy)) = self.sign_up {
            management = management.sign_up(policy);
        }
        if let Some(keys) = self.key_limit {
            management = management.key_limit(keys.get());
        }
        if let Some(networks) = &self.trust_proxy {
            let fields = self.forwarded_fields.map(|fields| fields.0).unwrap_or_default();
            let proxies = TrustedProxies::new(networks.iter().copied().map(Into::into));
            management = management.trusted_proxies(proxies.reading(fields));
        } else if self.forwarded_fields.is_some() {
            let message = "forwarded_fields needs trust_proxy, the networks of the proxies that set them";
            return Err(Failure::new(Kind::Usage, message.to_owned()));
        }
        let span = |span: Option<Span>, hours| span.map_or(Duration::from_secs(hours * HOUR), |span| span.0);
        if let Some(Span(retention)) = self.audit_retention {
            management = management.audit_retention(retention);
        }
        if let Some(provider) = self.identity_provider()? {
            management = management.identity_provider(provider);
        }
        Ok(management.session_life(span(self.session_idle, 8), span(self.session_life, 7 * 24)).sign_in_attempts(
            self.sign_ins_per_address.unwrap_or(PER_ADDRESS),
            self.sign_ins_per_email.unwrap_or(PER_EMAIL),
        ))
    }

    fn identity_provider(&self) -> Result<Option<IdentityProvider>, Failure> {
        let usage = |message: String| Failure::new(Kind::Usage, message);
        let only_way = self.passwords == Some(false);
        let Some(Issuer(issuer)) = &self.oidc_issuer else {
            for (name, is_set) in [
                ("oidc_client_id", self.oidc_client_id.is_some()),
                ("oidc_client_secret_file", self.oidc_client_secret_file.is_some()),
                ("oidc_button", self.oidc_button.is_some()),
                ("passwords = false", only_way),
            ] {
                if is_set {
                    return Err(usage(format!("{name} needs oidc_issuer, the provider with which people sign in")));
                }
            }
            return Ok(None);
        };
        let client = self.oidc_client_id.as_deref().filter(|id| !id.is_empty());
        let client = client
            .ok_or_else(|| usage("oidc_issuer needs oidc_client_id, what the provider calls this server".to_owned()))?;
        let mut provider =
            IdentityProvider::new(issuer, client).map_err(|error| Failure::caused(Kind::Usage, &error))?;
        if let Some(file) = &self.oidc_client_secret_file {
            let unreadable =
                |error: &dyn std::fmt::Display| usage(format!("oidc_client_secret_file: {}: {error}", file.display()));
            let secret = Zeroizing::new(std::fs::read_to_string(file).map_err(|error| unreadable(&error))?);
            let secret = secret.trim();
            if secret.is_empty() {
                return Err(unreadable(&"it is empty"));
            }
            provider = provider.client_secret(secret);
        }
        if let Some(label) = self.oidc_button.as_deref().map(str::trim) {
            if !(1..=60).contains(&label.chars().count()) {
                return Err(usage("oidc_button: 1 to 60 characters".to_owned()));
            }
            provider = provider.button(label);
        }
        Ok(Some(if only_way { provider.only_way() } else { provider }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_fields_are_named_or_refused() {
        for (text, fields) in [
            ("x-forwarded", Some(ForwardedFields::XForwarded)),
            ("forwarded", Some(ForwardedFields::Forwarded)),
            ("agreeing", Some(ForwardedFields::Agreeing)),
            ("X-Forwarded-For", None),
            ("", None),
        ] {
            let file = toml::from_str::<Settings>(&format!("forwarded_fields = \"{text}\""));
            assert_eq!(file.ok().and_then(|file| file.forwarded_fields).map(|fields| fields.0), fields, "{text}");
        }
    }
}
