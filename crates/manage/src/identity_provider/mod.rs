//! Signing in with an OpenID Connect provider: the operator's own directory, or a service such as Google or Keycloak.
//!
//! This is the protocol: the authorization code flow with PKCE, `state` and `nonce` (OpenID Connect Core 1.0, RFC 7636, RFC 9700). What
//! follows from who somebody is at the provider is the management service's to decide.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

mod exchange;
mod http;

use std::fmt;
use std::sync::Arc;

use hkdf::Hkdf;
use openidconnect::{ClientId, ClientSecret, IssuerUrl};
use sha2::Sha256;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

pub(crate) use exchange::Claims;

use crate::error::ManagementError;
use crate::outbound::{Outbound, OutboundError};
use exchange::Known;
use http::Http;

/// An OpenID Connect provider with which people sign in to the dashboard.
///
/// What it has to know of the dashboard is where to send people back to: `/login/oidc/callback`, below the dashboard's own path.
///
/// # Examples
/// ```
/// use keyward::manage::{Management, IdentityProvider, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = SqliteStore::temporary()?;
/// let provider = IdentityProvider::new("https://login.example.com", "keyward")?
///     .client_secret("from a file")
///     .button("Sign in with Example");
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).identity_provider(provider).build()?;
/// # let _ = management;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct IdentityProvider {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    pub(crate) button: String,
    pub(crate) is_only_way: bool,
    http: Http,
    known: Arc<Mutex<Known>>,
}

/// Why signing in with a provider did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityProviderError {
    /// The issuer is not one that can be trusted.
    #[error("the issuer is {0}")]
    Issuer(&'static str),
    /// No connection can be made at all, as nothing is known to check certificates against.
    #[error("connections over TLS cannot be made: {0}")]
    Tls(String),
    /// It does not answer, or not in time.
    #[error("the identity provider does not answer")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it says of itself cannot be used.
    #[error("what the identity provider says of itself cannot be used: {0}")]
    Description(String),
    /// It does not take the code, or the client's secret.
    #[error("the identity provider refused: {0}")]
    Refused(String),
    /// It has signed something that is not what was asked for.
    #[error("the identity provider's token does not count: {0}")]
    Token(String),
}

impl IdentityProviderError {
    /// Whether it may work in a while without anybody changing anything.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::IdentityProvider;
    ///
    /// let error = IdentityProvider::new("http://login.example.com", "keyward").unwrap_err();
    /// assert!(!error.is_outage(), "it has to be https");
    /// ```
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}

impl IdentityProvider {
    /// The provider with this issuer, which knows this program as this client.
    ///
    /// # Errors
    /// [`IdentityProviderError::Issuer`] if it is no URL that discovery begins with: `https`, or `http` on the machine itself, without a
    /// query; [`IdentityProviderError::Tls`].
    pub fn new(issuer: &str, client_id: impl Into<String>) -> Result<Self, IdentityProviderError> {
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(|_| IdentityProviderError::Issuer("not a URL"))?;
        let url = issuer.url();
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(IdentityProviderError::Issuer("more than a scheme, a host and a path"));
        }
        let outbound = Outbound::new(url.as_str()).map_err(|error| match error {
            OutboundError::Url(_) => IdentityProviderError::Issuer("not https"),
            OutboundError::Tls(why) => IdentityProviderError::Tls(why),
        })?;
        Ok(Self {
            http: Http(outbound),
            issuer,
            client_id: ClientId::new(client_id.into()),
            client_secret: None,
            button: "Single sign-on".to_owned(),
            is_only_way: false,
            known: Arc::default(),
        })
    }

    /// With what this program proves to be that client. A client without a secret is a public one, which PKCE protects alone.
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(ClientSecret::new(secret.into()));
        self
    }

    /// What the button says on the sign-in page; `Single sign-on` without this.
    pub fn button(mut self, label: impl Into<String>) -> Self {
        self.button = label.into();
        self
    }

    /// The only way to sign in: nobody signs in with a password, chooses one, or gets tokens for one.
    pub fn only_way(mut self) -> Self {
        self.is_only_way = true;
        self
    }

    /// Asks the provider what it offers, and keeps that: to be called at start, so that mistakes show then.
    ///
    /// # Errors
    /// [`IdentityProviderError`]; one that [is an outage](IdentityProviderError::is_outage) is tried again when somebody signs in.
    pub async fn check(&self) -> Result<(), IdentityProviderError> {
        self.description(None).await.map(|_| ())
    }

    /// Whose tokens count.
    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider").field("issuer", &self.issuer()).finish_non_exhaustive()
    }
}

/// What binds a sign-in to the browser that began it. All of it follows from one secret, which is in a cookie of that browser and
/// nowhere else, and from what the sign-in is for.
pub(crate) struct Binding {
    pub(crate) state: Zeroizing<String>,
    nonce: Zeroizing<String>,
    verifier: Zeroizing<String>,
    redirect: String,
}

impl Binding {
    /// That of a sign-in for `purpose` with this secret, from which the provider sends people back to `redirect`.
    pub(crate) fn of(secret: &str, purpose: &str, redirect: String) -> Result<Self, ManagementError> {
        let derive = |what: &str| {
            let mut bytes = Zeroizing::new([0_u8; 32]);
            Hkdf::<Sha256>::new(None, secret.as_bytes())
                .expand_multi_info(&[b"keyward oidc ", what.as_bytes(), b"\n", purpose.as_bytes()], &mut *bytes)
                .map_err(|_| ManagementError::Internal)?;
            // 64 characters, as RFC 7636 section 4.1 has them.
            Ok::<_, ManagementError>(Zeroizing::new(hex::encode(*bytes)))
        };
        Ok(Self { state: derive("state")?, nonce: derive("nonce")?, verifier: derive("verifier")?, redirect })
    }
}

#[cfg(test)]
mod tests {
    use super::{Binding, IdentityProvider};

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        for (issuer, fits) in [
            ("https://login.example.com", true),
            ("https://login.example.com/realms/main", true),
            ("http://127.0.0.1:8081", true),
            ("http://localhost:8081/", true),
            ("http://login.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("https://login.example.com/?tenant=1", false),
            ("https://user@login.example.com/", false),
            ("login.example.com", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(IdentityProvider::new(issuer, "keyward").is_ok(), fits, "{issuer}");
        }
    }

    #[test]
    fn nothing_of_a_binding_tells_another_part_of_it() {
        let binding = |secret, purpose| Binding::of(secret, purpose, String::new()).unwrap();
        let one = binding("secret", "a");
        assert!(one.state != one.nonce && one.nonce != one.verifier && one.state.len() == 64);
        assert_eq!(one.state, binding("secret", "a").state);
        assert_ne!(one.state, binding("secret", "b").state);
        assert_ne!(one.state, binding("other", "a").state);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let provider = IdentityProvider::new("https://a.example", "keyward").unwrap().client_secret("very secret");
        assert!(!format!("{provider:?}").contains("secret"));
    }
}
