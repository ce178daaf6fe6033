//! How the provider is asked: over TLS, following nothing, and with bounds on time and size.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::url::Url;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use super::IdentityProviderError;

const CONNECTING: Duration = Duration::from_secs(3);
const ANSWERING: Duration = Duration::from_secs(6);
/// The most that an answer may have: key sets and tokens are a few KiB.
const LARGEST: usize = 256 * 1_024;

#[derive(Clone)]
pub(super) struct Http(reqwest::Client);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error(transparent)]
    Client(#[from] reqwest::Error),
    #[error("the answer is larger than 256 KiB")]
    TooLarge,
    #[error("the server fails: {0}")]
    Fails(http::StatusCode),
    #[error(transparent)]
    Http(#[from] http::Error),
}

impl Http {
    pub(super) fn new(tls_only: bool) -> Result<Self, IdentityProviderError> {
        let tls = |error: String| IdentityProviderError::Tls(error);
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() && tls_only {
            return Err(tls("this machine has no root certificates: install ca-certificates".to_owned()));
        }
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(tls_only)
            // A redirect would have it ask wherever the answer says.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECTING)
            .timeout(ANSWERING)
            .user_agent(concat!("keyward/", env!("CARGO_PKG_VERSION")));
        client.build().map(Self).map_err(|error| tls(error.to_string()))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        if answer.status().is_server_error() {
            return Err(HttpError::Fails(answer.status()));
        }
        let mut response = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await? {
            if body.len() + part.len() > LARGEST {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        Ok(response.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
