//! What a client presents.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use keyward_api_types::Secret;
use keyward_core::store::async_trait;
use zeroize::Zeroizing;

use crate::error::ClientError;

/// What a client presents: a management key or an access token, or where one is had from.
///
/// # Examples
/// ```
/// use keyward_client::{Credential, Secret};
///
/// let credential = Credential::bearer(Secret::new("kwm_live_…"));
/// assert!(!format!("{credential:?}").contains("kwm_"));
/// ```
#[derive(Clone)]
pub struct Credential(Kind);

#[derive(Clone)]
enum Kind {
    Bearer(Arc<Secret>),
    Source(Arc<dyn TokenSource>),
}

/// Where access tokens come from that end while a program runs. It is asked before each call, and not again when the call is repeated:
/// an answer to an idempotent request is given again to the same credential only.
#[async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// A token that is good for another while.
    ///
    /// # Errors
    /// [`ClientError::NoToken`], or why a new one could not be fetched.
    async fn token(&self) -> Result<Arc<Secret>, ClientError>;
}

impl Credential {
    /// A management key, or an access token that is not renewed.
    #[must_use]
    pub fn bearer(secret: Secret) -> Self {
        Self(Kind::Bearer(Arc::new(secret)))
    }

    /// Access tokens from there.
    pub fn source(source: impl TokenSource) -> Self {
        Self(Kind::Source(Arc::new(source)))
    }

    /// The field for it, which logs of the HTTP stack do not show.
    pub(crate) async fn header(&self) -> Result<HeaderValue, ClientError> {
        let secret = match &self.0 {
            Kind::Bearer(secret) => Arc::clone(secret),
            Kind::Source(source) => source.token().await?,
        };
        let is_token = !secret.expose().is_empty() && secret.expose().bytes().all(|byte| byte.is_ascii_graphic());
        let text = Zeroizing::new(format!("Bearer {}", secret.expose()));
        let mut value =
            HeaderValue::try_from(text.as_str()).ok().filter(|_| is_token).ok_or(ClientError::Credential)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Bearer(_) => "Credential(<redacted>)",
            Kind::Source(_) => "Credential(<source>)",
        })
    }
}
