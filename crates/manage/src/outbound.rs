//! Requests over TLS, without redirects, and with limits on time and size.

#[cfg(any(feature = "github", feature = "oidc"))]
use std::net::IpAddr;
use std::sync::Arc;
#[cfg(any(feature = "github", feature = "oidc"))]
use std::time::Duration;

#[cfg(any(feature = "github", feature = "oidc"))]
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
#[cfg(any(feature = "github", feature = "oidc"))]
const TIMEOUT: Duration = Duration::from_secs(6);
#[cfg(any(feature = "github", feature = "oidc"))]
const MAX_BODY: usize = 256 * 1_024;

/// Another server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// TLS is unavailable on this machine.
    #[error("TLS is unavailable: {0}")]
    Tls(String),
    /// The URL is malformed or not encrypted.
    #[error("invalid URL `{0}`: expected an https:// URL")]
    Url(String),
}

#[cfg(any(feature = "github", feature = "oidc"))]
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Client(#[from] reqwest::Error),
    #[error("the response is larger than 256 KiB")]
    TooLarge,
    #[error("the server responded with status {0}")]
    Status(http::StatusCode),
}

#[cfg(any(feature = "github", feature = "oidc"))]
#[derive(Clone)]
pub(crate) struct Outbound(reqwest::Client);

#[cfg(any(feature = "github", feature = "oidc"))]
impl Outbound {
    pub(crate) fn new(url: &str) -> Result<Self, OutboundError> {
        let wrong = || OutboundError::Url(url.to_owned());
        let parsed = reqwest::Url::parse(url).map_err(|_| wrong())?;
        let is_plain = parsed.scheme() == "http" && is_loopback(&parsed);
        if !is_plain && (parsed.scheme() != "https" || !parsed.has_host()) {
            return Err(wrong());
        }
        let roots = native_roots();
        if roots.is_empty() && !is_plain {
            return Err(OutboundError::Tls("no root certificates were found; install ca-certificates".to_owned()));
        }
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config(roots)?)
            .https_only(!is_plain)
            // A redirect could lead to any server.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(concat!("keyward/", env!("CARGO_PKG_VERSION")));
        // A proxy would see what is not encrypted.
        let client = if is_plain { client.no_proxy() } else { client };
        client.build().map(Self).map_err(|error| OutboundError::Tls(error.to_string()))
    }

    pub(crate) async fn ask(&self, request: reqwest::Request) -> Result<http::Response<Vec<u8>>, AskError> {
        let mut answer = self.0.execute(request).await?;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await? {
            if body.len() + part.len() > MAX_BODY {
                return Err(AskError::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }

    #[cfg(feature = "github")]
    pub(crate) async fn get(&self, url: &str) -> Result<Vec<u8>, AskError> {
        let answer = self.ask(self.0.get(url).build()?).await?;
        if answer.status().is_success() { Ok(answer.into_body()) } else { Err(AskError::Status(answer.status())) }
    }
}

pub(crate) fn native_roots() -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

pub(crate) fn tls_config(roots: rustls::RootCertStore) -> Result<rustls::ClientConfig, OutboundError> {
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundError::Tls(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(any(feature = "github", feature = "oidc"))]
pub(crate) fn is_loopback(url: &reqwest::Url) -> bool {
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
