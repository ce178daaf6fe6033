use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use keyward_api_types::Secret;
use keyward_core::store::async_trait;
use zeroize::Zeroizing;

use crate::error::ClientError;

/// A management key, an access token, or a source of access tokens.
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

/// A source of renewed access tokens. The client asks it once per call: a retry uses the same token.
#[async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// Returns a token that is still valid for a while.
    ///
    /// # Errors
    /// [`ClientError::NoToken`], or the error of fetching a new one.
    async fn token(&self) -> Result<Arc<Secret>, ClientError>;
}

impl Credential {
    /// Uses a management key, or an access token that is not renewed.
    #[must_use]
    pub fn bearer(secret: Secret) -> Self {
        Self(Kind::Bearer(Arc::new(secret)))
    }

    /// Uses access tokens of this source.
    pub fn source(source: impl TokenSource) -> Self {
        Self(Kind::Source(Arc::new(source)))
    }

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
