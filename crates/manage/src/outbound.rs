//! How other servers are asked: over TLS, following nothing, and with bounds on time and size.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const CONNECTING: Duration = Duration::from_secs(3);
const ANSWERING: Duration = Duration::from_secs(6);
/// The most that an answer may have: what is asked for is a few KiB.
const LARGEST: usize = 256 * 1_024;

/// Why a server that has to be asked cannot be.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// This machine cannot speak TLS to it.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The address is none, or would be asked in plain text.
    #[error("{0} is no https:// URL")]
    Url(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Client(#[from] reqwest::Error),
    #[error("the answer is larger than 256 KiB")]
    TooLarge,
    #[error("the server answers {0}")]
    Status(http::StatusCode),
}

/// Asks other servers.
#[derive(Clone)]
pub(crate) struct Outbound(reqwest::Client);

impl Outbound {
    /// For this URL: plain text is for servers on this machine alone.
    pub(crate) fn new(url: &str) -> Result<Self, OutboundError> {
        let wrong = || OutboundError::Url(url.to_owned());
        let parsed = reqwest::Url::parse(url).map_err(|_| wrong())?;
        let is_plain = parsed.scheme() == "http" && is_loopback(&parsed);
        if !is_plain && (parsed.scheme() != "https" || !parsed.has_host()) {
            return Err(wrong());
        }
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() && !is_plain {
            return Err(OutboundError::Tls(
                "this machine has no root certificates: install ca-certificates".to_owned(),
            ));
        }
        let tls = |error: &dyn std::error::Error| OutboundError::Tls(error.to_string());
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(!is_plain)
            // A redirect would have it ask wherever the answer says.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECTING)
            .timeout(ANSWERING)
            .user_agent(concat!("keyward/", env!("CARGO_PKG_VERSION")));
        client.build().map(Self).map_err(|error| tls(&error))
    }

    /// The answer to a request, with its whole body.
    pub(crate) async fn ask(&self, request: reqwest::Request) -> Result<http::Response<Vec<u8>>, AskError> {
        let mut answer = self.0.execute(request).await?;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await? {
            if body.len() + part.len() > LARGEST {
                return Err(AskError::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }

    /// What there is at a URL, if the answer is a success.
    #[cfg(feature = "github")]
    pub(crate) async fn get(&self, url: &str) -> Result<Vec<u8>, AskError> {
        let answer = self.ask(self.0.get(url).build()?).await?;
        if answer.status().is_success() { Ok(answer.into_body()) } else { Err(AskError::Status(answer.status())) }
    }
}

pub(crate) fn is_loopback(url: &reqwest::Url) -> bool {
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
