use keyward_core::Scope;

use crate::embed_origin::EmbedOrigin;
use crate::origin::PublicUrl;
use crate::scope_catalog::ScopeCatalog;
use crate::service::ExampleUrl;

/// The dashboard's name and address, and the scopes of the provider's API.
///
/// # Examples
/// ```
/// use keyward::Scope;
/// use keyward::manage::DashboardSettings;
///
/// let settings = DashboardSettings::new("Example API")
///     .scope(Scope::from_static("resources:read"), "List and retrieve resources")
///     .scope(Scope::from_static("resources:write"), "Create, change and delete resources")
///     .example_url("https://api.example.com/v1/resources");
/// # let _ = settings;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DashboardSettings {
    pub(super) name: String,
    pub(super) base: String,
    pub(super) public_url: Option<PublicUrl>,
    pub(super) logo: Option<Logo>,
    pub(super) scopes: ScopeCatalog,
    pub(super) example_url: String,
    pub(super) answers_unknown_paths: bool,
    pub(super) docs_url: Option<String>,
    pub(super) api_docs_url: Option<ExampleUrl>,
    pub(super) embed_origins: Vec<EmbedOrigin>,
}

/// Shown until the provider sets a URL. No key is sent to it.
pub(super) const EXAMPLE_URL: &str = "https://api.example.com/";

#[derive(Clone, Debug)]
pub(super) struct Logo {
    pub(super) media_type: &'static str,
    pub(super) bytes: bytes::Bytes,
}

impl Default for DashboardSettings {
    fn default() -> Self {
        Self::new("keyward")
    }
}

impl DashboardSettings {
    /// Creates settings for the provider with this name, at the root of its host.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            base: String::new(),
            public_url: None,
            logo: None,
            scopes: ScopeCatalog::default(),
            example_url: EXAMPLE_URL.to_owned(),
            answers_unknown_paths: false,
            docs_url: None,
            api_docs_url: None,
            embed_origins: Vec::new(),
        }
    }

    /// Sets the path of the nested dashboard, such as `/dashboard`.
    pub fn base(mut self, path: &str) -> Self {
        self.base = path.trim_end_matches('/').to_owned();
        self
    }

    /// Sets the URL of the dashboard. Links are built from it, never from the host that a request names.
    ///
    /// Single sign-on needs it, except on loopback. A request under another host that would create a link gets 421.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::DashboardSettings;
    ///
    /// let settings = DashboardSettings::new("Example API").public_url("https://keys.example.com".parse()?).base("/dashboard");
    /// # let _ = settings;
    /// # Ok::<(), keyward::manage::PublicUrlError>(())
    /// ```
    pub fn public_url(mut self, url: PublicUrl) -> Self {
        self.public_url = Some(url);
        self
    }

    /// Sets the provider's logo, a PNG, displayed 28 pixels high.
    pub fn logo_png(mut self, image: impl Into<bytes::Bytes>) -> Self {
        self.logo = Some(Logo { media_type: "image/png", bytes: image.into() });
        self
    }

    /// Sets the provider's logo, an SVG, displayed 28 pixels high. Browsers run no script in it.
    pub fn logo_svg(mut self, image: impl Into<bytes::Bytes>) -> Self {
        self.logo = Some(Logo { media_type: "image/svg+xml", bytes: image.into() });
        self
    }

    /// Adds a scope for restricted keys, and its description.
    pub fn scope(mut self, scope: Scope, meaning: impl Into<String>) -> Self {
        self.scopes.add(scope.into(), meaning.into());
        self
    }

    /// Sets the scopes for restricted keys, with groups and presets. The operator can replace them on a page.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::DashboardSettings;
    ///
    /// let settings = DashboardSettings::new("Example API").scopes("jobs:read List jobs\njobs:write Create jobs".parse()?);
    /// # let _ = settings;
    /// # Ok::<(), keyward::manage::ScopeCatalogError>(())
    /// ```
    pub fn scopes(mut self, catalog: ScopeCatalog) -> Self {
        self.scopes = catalog;
        self
    }

    /// Sets the path or URL of the documentation of the management API, such as `/docs`. The menu of the user links to it. Defaults to no link.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::DashboardSettings;
    ///
    /// let settings = DashboardSettings::new("Example API").docs_url("/docs");
    /// # let _ = settings;
    /// ```
    pub fn docs_url(mut self, url: impl Into<String>) -> Self {
        self.docs_url = Some(url.into());
        self
    }

    /// Sets the URL of the documentation of your own API. The menu of the user and the page of a new key link to it. The operator can replace
    /// it on a page. Defaults to no link.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::DashboardSettings;
    ///
    /// let settings = DashboardSettings::new("Example API").api_docs_url("https://docs.example.com/".parse()?);
    /// # let _ = settings;
    /// # Ok::<(), keyward::manage::ExampleUrlError>(())
    /// ```
    pub fn api_docs_url(mut self, url: ExampleUrl) -> Self {
        self.api_docs_url = Some(url);
        self
    }

    /// Allows pages of this origin to show the dashboard in a frame. Off by default. Call it once for each origin.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::DashboardSettings;
    ///
    /// let settings = DashboardSettings::new("Example API").embed_origin("https://app.example.com".parse()?);
    /// # let _ = settings;
    /// # Ok::<(), keyward::manage::EmbedOriginError>(())
    /// ```
    pub fn embed_origin(mut self, origin: EmbedOrigin) -> Self {
        self.embed_origins.push(origin);
        self
    }

    /// The URL of a page, or its path without a public URL.
    pub(super) fn url(&self, path: &str) -> String {
        let host = self.public_url.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{host}{}{path}", self.base)
    }

    pub(super) fn may_be_framed(&self) -> bool {
        !self.embed_origins.is_empty()
    }

    /// Sets the URL of the example call for a new key.
    pub fn example_url(mut self, url: impl Into<String>) -> Self {
        self.example_url = url.into();
        self
    }
}

impl DashboardSettings {
    /// Answers unknown paths: a page for browsers, and the problem of the HTTP API for other clients.
    ///
    /// The dashboard's router then has a fallback. Remove the one of the API with [`Router::reset_fallback`](axum::Router::reset_fallback)
    /// before you merge both.
    ///
    /// # Examples
    /// ```
    /// use axum::Router;
    /// use keyward::manage::{DashboardSettings, Management, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = SqliteStore::temporary()?;
    /// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let settings = DashboardSettings::new("Example API").answer_unknown_paths();
    /// let pages = keyward::manage::dashboard(management.clone(), settings);
    /// let app: Router = keyward::manage::api(management).reset_fallback().merge(pages);
    /// # let _ = app;
    /// # Ok(()) }
    /// ```
    pub fn answer_unknown_paths(mut self) -> Self {
        self.answers_unknown_paths = true;
        self
    }
}

pub(super) fn variable(provider: &str) -> String {
    let words = provider.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.map(str::to_ascii_uppercase).collect::<Vec<_>>().join("_");
    let name = name.strip_suffix("_API").unwrap_or(&name);
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { format!("{name}_API_KEY") } else { "API_KEY".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn variable_is_named_after_the_provider() {
        for (name, expected) in [
            ("keyward", "KEYWARD_API_KEY"),
            ("Example API", "EXAMPLE_API_KEY"),
            ("vook.ai", "VOOK_AI_API_KEY"),
            ("42 things", "API_KEY"),
            ("鍵", "API_KEY"),
        ] {
            assert_eq!(variable(name), expected);
        }
    }
}
