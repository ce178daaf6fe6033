use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::credential::Credential;
use crate::error::ClientError;

/// Servers wait up to 30 seconds for silent nodes.
const TIMEOUT: Duration = Duration::from_secs(40);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 32 * 1_024 * 1_024;

/// A client of one server. Clones share connections.
///
/// # Examples
/// ```
/// use keyward_client::{Client, ClientError};
///
/// let client = Client::builder("https://keys.example.com").build()?;
/// assert_eq!(client.url(), "https://keys.example.com/");
/// assert!(matches!(Client::builder("http://keys.example.com").build(), Err(ClientError::PlainHttp)));
/// # Ok::<(), ClientError>(())
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) server: Arc<Server>,
    pub(crate) credential: Option<Credential>,
}

pub(crate) struct Server {
    pub(crate) base: Url,
    pub(crate) http: reqwest::Client,
    pub(crate) max_answer: usize,
}

/// Builder for [`Client`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward_client::Client;
///
/// let client = Client::builder("http://127.0.0.1:8080").timeout(Duration::from_secs(10)).build()?;
/// # Ok::<(), keyward_client::ClientError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    url: String,
    credential: Option<Credential>,
    plain_http: bool,
    timeout: Duration,
    max_answer: usize,
}

impl Client {
    /// Creates a builder. The server's URL may have a path.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder { url: url.into(), credential: None, plain_http: false, timeout: TIMEOUT, max_answer: MAX_ANSWER }
    }

    /// Returns the server's URL, with a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.base.as_str()
    }

    /// Returns the same client with another credential.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self { server: Arc::clone(&self.server), credential: Some(credential) }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url()).field("credential", &self.credential).finish()
    }
}

impl ClientBuilder {
    /// Sets the credential, which most calls need.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Sets whether credentials may go over `http://` to other hosts. Defaults to `false`.
    pub fn allow_plain_http(mut self, allowed: bool) -> Self {
        self.plain_http = allowed;
        self
    }

    /// Sets the timeout of one attempt. Defaults to 40 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum size of an answer in bytes. Defaults to 32 MiB.
    pub fn max_answer(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Url`], [`ClientError::PlainHttp`], [`ClientError::Tls`].
    pub fn build(self) -> Result<Client, ClientError> {
        let base = base(&self.url)?;
        let is_plain = base.scheme() == "http";
        if is_plain && !self.plain_http && !is_loopback(&base) {
            return Err(ClientError::PlainHttp);
        }
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(ClientError::Tls)?
            .with_no_client_auth();
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            // `Client::send` retries.
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(self.timeout)
            .user_agent(concat!("keyward-client/", env!("CARGO_PKG_VERSION")));
        if is_plain {
            // A proxy could read the credential.
            http = http.no_proxy();
        }
        let http = http.build().map_err(ClientError::transport)?;
        let server = Server { base, http, max_answer: self.max_answer };
        Ok(Client { server: Arc::new(server), credential: self.credential })
    }
}

fn base(text: &str) -> Result<Url, ClientError> {
    let mut url = Url::parse(text).map_err(|_| ClientError::Url("expected one such as https://keys.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(ClientError::Url("expected https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ClientError::Url("it contains a name or a password; remove them"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ClientError::Url("it contains a query or a fragment; remove it"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(url: &str) -> Result<String, ClientError> {
        Client::builder(url).build().map(|client| client.url().to_owned())
    }

    #[test]
    fn a_url_is_written_in_one_way() {
        for (given, kept) in [
            ("https://keys.example.com", "https://keys.example.com/"),
            ("HTTPS://Keys.Example.com:443/", "https://keys.example.com/"),
            ("https://example.com/keyward", "https://example.com/keyward/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ] {
            assert_eq!(built(given).unwrap(), kept);
        }
    }

    #[test]
    fn plain_text_goes_to_this_machine_alone() {
        for (url, allowed) in [
            ("http://localhost:8080", true),
            ("http://127.1.2.3", true),
            ("http://[::1]:8080", true),
            ("http://2130706433", true),
            ("https://keys.example.com", true),
            ("http://keys.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost.example.com", false),
            ("http://192.0.2.1", false),
            ("http://[2001:db8::1]", false),
        ] {
            let built = built(url);
            assert_eq!(built.is_ok(), allowed, "{url}");
            assert!(built.is_ok() || matches!(built, Err(ClientError::PlainHttp)), "{url}");
            assert!(Client::builder(url).allow_plain_http(true).build().is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_no_servers_url_is_refused() {
        for url in ["", "keys.example.com", "ftp://example.com", "https://a:b@example.com", "https://example.com/?a=b"]
        {
            assert!(matches!(built(url), Err(ClientError::Url(_))), "{url}");
        }
    }
}
