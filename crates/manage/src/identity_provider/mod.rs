//! Signing in with an OpenID Connect provider: the authorization code flow with PKCE, `state` and `nonce` (OpenID Connect Core 1.0,
//! RFC 7636, RFC 9700).

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

/// An OpenID Connect provider for signing in to the dashboard.
///
/// Register `/login/oidc/callback`, below the dashboard's base path, as its redirect URI.
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

/// The reason why a sign-in with the provider failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityProviderError {
    /// The issuer is not an allowed URL.
    #[error("invalid issuer: {0}")]
    Issuer(&'static str),
    /// TLS is unavailable.
    #[error("TLS is unavailable: {0}")]
    Tls(String),
    /// The provider does not answer in time.
    #[error("the identity provider does not answer")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The discovery document is unusable.
    #[error("the identity provider's description is unusable: {0}")]
    Description(String),
    /// The provider refused the code or the client's secret.
    #[error("the identity provider refused: {0}")]
    Refused(String),
    /// The provider's token is invalid.
    #[error("the identity provider's token is invalid: {0}")]
    Token(String),
}

impl IdentityProviderError {
    /// Returns `true` if a later attempt may succeed without a change of configuration.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::IdentityProvider;
    ///
    /// let error = IdentityProvider::new("http://login.example.com", "keyward").unwrap_err();
    /// assert!(!error.is_outage(), "the issuer must use https");
    /// ```
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}

impl IdentityProvider {
    /// Creates a provider with this issuer and client id.
    ///
    /// # Errors
    /// [`IdentityProviderError::Issuer`] unless the issuer is an `https` URL, or an `http` URL on this machine, without a query.
    /// [`IdentityProviderError::Tls`] if TLS is unavailable.
    pub fn new(issuer: &str, client_id: impl Into<String>) -> Result<Self, IdentityProviderError> {
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(|_| IdentityProviderError::Issuer("expected a URL"))?;
        let url = issuer.url();
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(IdentityProviderError::Issuer("expected only a scheme, a host and a path"));
        }
        let outbound = Outbound::new(url.as_str()).map_err(|error| match error {
            OutboundError::Url(_) => IdentityProviderError::Issuer("expected an https:// URL"),
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

    /// Sets the client secret. Without one, PKCE protects a public client.
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(ClientSecret::new(secret.into()));
        self
    }

    /// Sets the label of the sign-in button. Defaults to `Single sign-on`.
    pub fn button(mut self, label: impl Into<String>) -> Self {
        self.button = label.into();
        self
    }

    /// Makes the provider the only way to sign in: no passwords, and no tokens for them.
    pub fn only_way(mut self) -> Self {
        self.is_only_way = true;
        self
    }

    /// Reads and caches the provider's description. Call it at start.
    ///
    /// # Errors
    /// [`IdentityProviderError`]. After [an outage](IdentityProviderError::is_outage), the next sign-in tries again.
    pub async fn check(&self) -> Result<(), IdentityProviderError> {
        self.description(None).await.map(|_| ())
    }

    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider").field("issuer", &self.issuer()).finish_non_exhaustive()
    }
}

/// Derived from the purpose of a sign-in and a secret in its browser's cookie.
pub(crate) struct Binding {
    pub(crate) state: Zeroizing<String>,
    nonce: Zeroizing<String>,
    verifier: Zeroizing<String>,
    redirect: String,
}

impl Binding {
    pub(crate) fn of(secret: &str, purpose: &str, redirect: String) -> Result<Self, ManagementError> {
        let derive = |what: &str| {
            let mut bytes = Zeroizing::new([0_u8; 32]);
            Hkdf::<Sha256>::new(None, secret.as_bytes())
                .expand_multi_info(&[b"keyward oidc ", what.as_bytes(), b"\n", purpose.as_bytes()], &mut *bytes)
                .map_err(|_| ManagementError::Internal)?;
            // 64 characters (RFC 7636 section 4.1).
            Ok::<_, ManagementError>(Zeroizing::new(hex::encode(*bytes)))
        };
        Ok(Self { state: derive("state")?, nonce: derive("nonce")?, verifier: derive("verifier")?, redirect })
    }
}

#[cfg(test)]
mod tests {
    use super::{Binding, IdentityProvider};

    #[test]
    fn issuer_is_https_or_on_this_machine() {
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
    fn parts_of_a_binding_are_unrelated() {
        let binding = |secret, purpose| Binding::of(secret, purpose, String::new()).unwrap();
        let one = binding("secret", "a");
        assert!(one.state != one.nonce && one.nonce != one.verifier && one.state.len() == 64);
        assert_eq!(one.state, binding("secret", "a").state);
        assert_ne!(one.state, binding("secret", "b").state);
        assert_ne!(one.state, binding("other", "a").state);
    }

    #[test]
    fn secret_is_not_in_debug_output() {
        let provider = IdentityProvider::new("https://a.example", "keyward").unwrap().client_secret("very secret");
        assert!(!format!("{provider:?}").contains("secret"));
    }
}
