//! The settings of an authenticator.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::handle::Handle;
use super::worker::Worker;
use super::{Authenticator, Exempt, HttpsOnly, Inner, Resolver};
use crate::cache::{Cache, CacheSettings, Gate};
use crate::clock::{Clock, SystemClock};
use crate::connection::TrustedProxies;
use crate::endpoint::is_ambiguous_path;
use crate::event::Event;
use crate::identity::{Identity, OnScopes};
use crate::key::{Hasher, KeyFormat};
use crate::lease::Lease;
use crate::location::{Location, LocationFault, Locations};
use crate::per_thread::PerThread;
use crate::render::{Challenges, Presentation, Render};
use crate::resource::ProtectedResource;
use crate::scope::Scope;
use crate::store::{Freshness, KeyStore};

/// A builder of an [`Authenticator`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::render::CodedEnvelope;
/// use keyward::{Authenticator, MemoryStore};
/// use http::Method;
///
/// let authenticator = Authenticator::builder(MemoryStore::new())
///     .exempt(Method::GET, "/health")
///     .realm("example")
///     .renderer(CodedEnvelope::new())
///     .cache_capacity(100_000)
///     .store_timeout(Duration::from_millis(100))
///     .build()?;
/// # Ok::<(), keyward::adapter::BuildError>(())
/// ```
#[must_use = "call build() to get the authenticator"]
pub struct AuthenticatorBuilder {
    store: Arc<dyn KeyStore>,
    format: KeyFormat,
    hasher: Hasher,
    clock: Arc<dyn Clock>,
    lease: Lease,
    label: Option<String>,
    cache: CacheSettings,
    exempt: Vec<(Method, String, Covers)>,
    optional: bool,
    preflight: bool,
    presentation: Presentation,
    proxies: TrustedProxies,
    https: Option<HttpsOnly>,
    guards_browsers: bool,
    others: Vec<(Arc<dyn KeyStore>, KeyFormat, Hasher)>,
    bearer: bool,
    accepted: Vec<Location>,
    resource: Option<ProtectedResource>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Covers {
    Path,
    Below,
}

/// Why an authenticator cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No leading `/`, or a `?`, `#`, space or control character.
    #[error("invalid exempt path {0:?}: expected a path that starts with '/' and has no '?', '#' or spaces")]
    ExemptPath(String),
    /// A pattern, which would match no request.
    #[error(
        "invalid exempt path {0:?}: exempt compares whole paths and knows no patterns; use exempt_under(\"/docs/\")"
    )]
    ExemptPattern(String),
    /// No folder, or an ambiguous one.
    #[error(
        "invalid exempt folder {0:?}: expected an unambiguous path that starts and ends with '/', for example \"/docs/\""
    )]
    ExemptFolder(String),
    /// A setting out of bounds.
    #[error("invalid {setting}: expected {bounds}")]
    OutOfBounds {
        /// The setting's method.
        setting: &'static str,
        /// Its bounds.
        bounds: &'static str,
    },
    /// A header that cannot carry keys.
    #[error("invalid header {name:?} for keys: {problem}")]
    KeyHeader {
        /// The header's name.
        name: String,
        /// The fault.
        problem: &'static str,
    },
    /// No place for keys is left.
    #[error("no place for keys: accept(Location) another one, or remove without_bearer()")]
    NoLocation,
    /// Metadata for OAuth 2.0 clients, which send Bearer tokens.
    #[error("protected_resource needs Authorization: Bearer: remove without_bearer()")]
    ResourceWithoutBearer,
    /// Keys of two stores begin alike.
    #[error("ambiguous key formats: keys of two stores begin alike; choose prefixes that differ")]
    AmbiguousFormats,
    /// The random generator failed.
    #[error("the operating system's random generator failed")]
    Random(#[source] getrandom::Error),
    /// No thread can be started.
    #[error("cannot start the thread that keeps the cache fresh")]
    Thread(#[source] std::io::Error),
}

impl AuthenticatorBuilder {
    pub(super) fn new(store: Arc<dyn KeyStore>) -> Self {
        Self {
            store,
            format: KeyFormat::default(),
            hasher: Hasher::default(),
            clock: Arc::new(SystemClock),
            lease: Lease::default(),
            label: None,
            cache: CacheSettings {
                capacity: 100_000,
                negative_capacity: 10_000,
                max_age: Duration::from_secs(600),
                negative_max_age: Duration::from_secs(60),
                store_timeout: Duration::from_millis(250),
                store_concurrency: 64,
                last_used_interval: Duration::from_secs(60),
            },
            exempt: Vec::new(),
            optional: false,
            preflight: false,
            presentation: Presentation::default(),
            proxies: TrustedProxies::none(),
            https: None,
            guards_browsers: false,
            others: Vec::new(),
            bearer: true,
            accepted: Vec::new(),
            resource: None,
        }
    }

    /// Sets the key format. Defaults to [`KeyFormat::default`].
    pub fn format(mut self, format: KeyFormat) -> Self {
        self.format = format;
        self
    }

    /// Sets the hasher. Defaults to SHA-256.
    pub fn hasher(mut self, hasher: Hasher) -> Self {
        self.hasher = hasher;
        self
    }

    /// Adds a store for tokens of another format, which recognises them by how they begin.
    ///
    /// It may be the main store. Added formats are tried first, so a format without a prefix must be the main one.
    pub fn add_store(mut self, store: impl KeyStore, format: KeyFormat, hasher: Hasher) -> Self {
        self.others.push((Arc::new(store), format, hasher));
        self
    }

    /// Sets the trusted proxies. Defaults to none.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Refuses requests without HTTPS. Off by default.
    pub fn https_only(mut self, https: HttpsOnly) -> Self {
        self.https = Some(https);
        self
    }

    /// Refuses secret and restricted keys that come from a browser, with 403 `SECRET_KEY_IN_BROWSER`. Off by default.
    ///
    /// A page that sends a key shows it to everyone who opens the page. Publishable keys and access tokens pass.
    ///
    /// A request is from a browser if it has `Origin`, or `Sec-Fetch-Site` other than `none`. Pages cannot remove them.
    /// Other programs can send or omit them, so this finds mistakes and stops no attacker. `Sec-Fetch-Mode` does not count,
    /// because Node.js sends it. A server that passes a browser's request on with its own key must remove these headers.
    ///
    /// # Examples
    /// ```
    /// use keyward::{Authenticator, Event, MemoryStore, Rejection};
    ///
    /// let authenticator = Authenticator::builder(MemoryStore::new())
    ///     .refuse_secret_keys_in_browsers()
    ///     .on_event(|event| match event {
    ///         Event::KeyRefused { identity, rejection: Rejection::SecretKeyInBrowser, .. } => {
    ///             println!("{}: replace {}, a browser sent it", identity.account(), identity.id());
    ///         }
    ///         _ => {}
    ///     })
    ///     .build()?;
    /// # Ok::<(), keyward::adapter::BuildError>(())
    /// ```
    pub fn refuse_secret_keys_in_browsers(mut self) -> Self {
        self.guards_browsers = true;
        self
    }

    /// Lets requests with this method and path pass without a credential. GET includes HEAD.
    ///
    /// The router's path is compared byte for byte: `/health/` and `/%68ealth` are not `/health`.
    pub fn exempt(mut self, method: Method, path: impl Into<String>) -> Self {
        self.exempt.push((method, path.into(), Covers::Path));
        self
    }

    /// Lets GET and HEAD requests with this path pass without a credential, as [`exempt`](Self::exempt) does.
    pub fn exempt_get(self, path: impl Into<String>) -> Self {
        self.exempt(Method::GET, path)
    }

    /// Lets GET and HEAD requests below this folder pass without a credential.
    ///
    /// `/docs/` covers `/docs/` and `/docs/a/b`, but not `/docs`. An [ambiguous](crate::endpoint::is_ambiguous_path) path
    /// such as `/docs/../admin` needs a credential.
    ///
    /// # Examples
    /// ```
    /// use keyward::{Authenticator, MemoryStore};
    ///
    /// let authenticator =
    ///     Authenticator::builder(MemoryStore::new()).exempt_get("/health").exempt_under("/docs/").build()?;
    /// # Ok::<(), keyward::adapter::BuildError>(())
    /// ```
    pub fn exempt_under(mut self, folder: impl Into<String>) -> Self {
        self.exempt.push((Method::GET, folder.into(), Covers::Below));
        self
    }

    /// Accepts the key in another place, too. At most 8 headers.
    ///
    /// A request with keys in two places is refused with 400, even if they are the same key. The challenge and the message
    /// of a 401 name all places.
    ///
    /// # Examples
    /// ```
    /// use keyward::adapter::Location;
    /// use keyward::{Authenticator, MemoryStore};
    ///
    /// // curl -H 'X-API-Key: KEY', curl -H 'Authorization: Bearer KEY'
    /// let authenticator = Authenticator::builder(MemoryStore::new()).accept(Location::header("X-API-Key")).build()?;
    /// # let _ = authenticator;
    /// # Ok::<(), keyward::adapter::BuildError>(())
    /// ```
    pub fn accept(mut self, location: Location) -> Self {
        if !self.accepted.contains(&location) || matches!(location, Location::Header(_)) {
            self.accepted.push(location);
        }
        self
    }

    /// Refuses `Authorization: Bearer`. Needs another place: [`accept`](Self::accept).
    ///
    /// Without [`Location::Basic`], the authenticator ignores `Authorization`, which the service may use for something else.
    pub fn without_bearer(mut self) -> Self {
        self.bearer = false;
        self
    }

    /// Lets requests without a credential pass. A bad key or a failing store still refuses.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Lets CORS preflights pass. Off by default.
    pub fn pass_preflight(mut self) -> Self {
        self.preflight = true;
        self
    }

    /// Sets the realm (RFC 9110 section 11.5). Defaults to `api`.
    pub fn realm(mut self, realm: &str) -> Self {
        self.presentation.challenges = Challenges::new(realm);
        self
    }

    /// Names the URL of this metadata in Bearer challenges, as `resource_metadata` (RFC 9728). Off by default.
    ///
    /// GET of [its path](ProtectedResource::path) passes without a credential. Add the route that serves it.
    ///
    /// # Examples
    /// ```
    /// use keyward::{Authenticator, MemoryStore, ProtectedResource};
    ///
    /// let resource = ProtectedResource::new("https://api.example.com")?.authorization_server("https://login.example.com")?;
    /// let authenticator = Authenticator::builder(MemoryStore::new()).protected_resource(&resource).build()?;
    /// # let _ = authenticator;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn protected_resource(mut self, resource: &ProtectedResource) -> Self {
        self.resource = Some(resource.clone());
        self
    }

    /// Sets the format of refusals. Defaults to [`ProblemJson`](crate::render::ProblemJson).
    pub fn renderer(mut self, renderer: impl Render) -> Self {
        self.presentation.renderer = Arc::new(renderer);
        self
    }

    /// Leaves `Cache-Control` and `Vary` of admitted requests to the handlers.
    pub fn leave_response_headers(mut self) -> Self {
        self.presentation.private = false;
        self
    }

    /// Adds `Vary: Authorization` to every response, for a cache that ignores `Cache-Control`.
    ///
    /// By default, a response that `Cache-Control` forbids to store has none (RFC 9111 section 3).
    pub fn vary_always(mut self) -> Self {
        self.presentation.vary_always = true;
        self
    }

    /// Sets the event hook. It runs on the request's thread and must not block.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.presentation.hook = Some(Arc::new(hook));
        self
    }

    /// Counts through the `metrics` facade, with the current recorder.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self) -> Self {
        self.presentation.metrics = crate::telemetry::Metrics::registered();
        self
    }

    /// Sets the most cached keys, 1 to 100 million. Defaults to 100,000, below 200 bytes each.
    pub fn cache_capacity(mut self, keys: usize) -> Self {
        self.cache.capacity = keys;
        self
    }

    /// Sets the most cached refusals, 0 to 100 million. Defaults to 10,000, about 500 bytes each.
    pub fn negative_capacity(mut self, refusals: u64) -> Self {
        self.cache.negative_capacity = refusals;
        self
    }

    /// Sets the maximum age of cached answers. Defaults to 10 minutes.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.cache.max_age = age;
        self
    }

    /// Sets how long requests wait for the store before 503. Defaults to 250 ms.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.cache.store_timeout = timeout;
        self
    }

    /// Sets the most concurrent store reads. Others wait within the timeout. Defaults to 64.
    pub fn store_concurrency(mut self, reads: usize) -> Self {
        self.cache.store_concurrency = reads;
        self
    }

    /// Sets the interval of recorded uses, in whole seconds. Defaults to one minute.
    pub fn last_used_interval(mut self, interval: Duration) -> Self {
        self.cache.last_used_interval = interval;
        self
    }

    /// Sets the lease. Defaults to 2 seconds.
    pub fn lease(mut self, lease: Lease) -> Self {
        self.lease = lease;
        self
    }

    /// Sets the node's name prefix: 1 to 32 visible ASCII characters.
    pub fn node_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Sets the clock. Defaults to [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the authenticator and starts its thread.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(self) -> Result<Authenticator, BuildError> {
        const HOUR: Duration = Duration::from_secs(3_600);
        let bounded = |ok: bool, setting: &'static str, bounds: &'static str| {
            if ok { Ok(()) } else { Err(BuildError::OutOfBounds { setting, bounds }) }
        };
        let cache = &self.cache;
        bounded((1..=100_000_000).contains(&cache.capacity), "cache_capacity", "1 to 100,000,000 keys")?;
        bounded(cache.negative_capacity <= 100_000_000, "negative_capacity", "at most 100,000,000 refusals")?;
        bounded((Duration::from_millis(1)..=24 * HOUR).contains(&cache.max_age), "max_age", "1 ms to 24 h")?;
        bounded(
            (Duration::from_millis(1)..=HOUR / 60).contains(&cache.store_timeout),
            "store_timeout",
            "1 ms to 60 s",
        )?;
        bounded((1..=100_000).contains(&cache.store_concurrency), "store_concurrency", "1 to 100,000")?;
        bounded(
            (Duration::from_secs(1)..=24 * HOUR).contains(&cache.last_used_interval),
            "last_used_interval",
            "1 s to 24 h",
        )?;
        let node = match &self.label {
            None => crate::id::NodeId::generate(),
            Some(label) => {
                let bounds =
                    BuildError::OutOfBounds { setting: "node_label", bounds: "1 to 32 visible ASCII characters" };
                if !(1..=32).contains(&label.len()) {
                    return Err(bounds);
                }
                format!("{label}.{}", crate::id::NodeId::generate()).parse().map_err(|_| bounds)?
            }
        };
        let metadata = self.resource.iter().map(|resource| (Method::GET, resource.path().to_owned(), Covers::Path));
        let exempt = self
            .exempt
            .into_iter()
            .chain(metadata)
            .map(|(method, path, covers)| {
                let is_path =
                    path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#');
                // The folder `/` would exempt every read.
                let is_folder = || path.ends_with('/') && path != "/" && !is_ambiguous_path(&path);
                match covers {
                    _ if !is_path => Err(BuildError::ExemptPath(path)),
                    _ if path.contains(['*', '{', '}']) => Err(BuildError::ExemptPattern(path)),
                    Covers::Below if !is_folder() => Err(BuildError::ExemptFolder(path)),
                    _ => Ok(Exempt { method, path: path.into(), below: covers == Covers::Below }),
                }
            })
            .collect::<Result<_, _>>()?;

        // A main format without a prefix gets the tokens that no other format recognises.
        let main = Some(&self.format).filter(|format| !format.recognises_all() || self.others.is_empty());
        let formats: Vec<&KeyFormat> = self.others.iter().map(|(_, format, _)| format).chain(main).collect();
        if formats.iter().enumerate().any(|(i, a)| formats.iter().skip(i + 1).any(|b| a.overlaps(b))) {
            return Err(BuildError::AmbiguousFormats);
        }

        let locations = Locations::new(self.bearer, self.accepted).map_err(|fault| match fault {
            LocationFault::Name { name, problem } => BuildError::KeyHeader { name, problem },
            LocationFault::TooMany => BuildError::OutOfBounds { setting: "accept", bounds: "at most 8 headers" },
            LocationFault::NoPlace => BuildError::NoLocation,
        })?;
        let locations = locations.map(Arc::new);
        let mut presentation = self.presentation;
        if let Some(locations) = &locations {
            presentation.challenges = presentation.challenges.located(Arc::clone(locations));
            presentation.locations = Some(Arc::clone(locations));
        }
        if let Some(resource) = &self.resource {
            if !self.bearer {
                return Err(BuildError::ResourceWithoutBearer);
            }
            presentation.challenges = presentation.challenges.described(resource);
        }

        let resolver = |store, format, hasher, node| {
            start(store, format, hasher, node, self.lease, &self.cache, &self.clock, &presentation)
        };
        let others = self
            .others
            .into_iter()
            .map(|(store, format, hasher)| resolver(store, format, hasher, crate::id::NodeId::generate()))
            .collect::<Result<_, _>>()?;
        Ok(Authenticator(Handle::new(Inner {
            resolver: resolver(self.store, self.format, self.hasher, node)?,
            others,
            exempt,
            optional: self.optional,
            preflight: self.preflight,
            proxies: self.proxies,
            https: self.https,
            guards_browsers: self.guards_browsers,
            locations,
            presentation: PerThread::new(&presentation),
        })))
    }
}

#[allow(clippy::too_many_arguments, reason = "the parts of one resolver, put together in one place")]
fn start(
    store: Arc<dyn KeyStore>,
    format: KeyFormat,
    hasher: Hasher,
    node: crate::id::NodeId,
    lease: Lease,
    settings: &CacheSettings,
    clock: &Arc<dyn Clock>,
    presentation: &Presentation,
) -> Result<Resolver, BuildError> {
    let mut settings = settings.clone();
    let metrics = &presentation.metrics;
    let on_scopes = presentation.hook.clone().map(|hook| -> Arc<OnScopes> {
        Arc::new(move |identity: &Identity, required: &[Scope]| hook(&Event::ScopesGranted { identity, required }))
    });
    let (gate, log) = match store.freshness() {
        Freshness::ChangeLog(log) => (Gate::closed(), Some(log)),
        Freshness::BoundedAge(age) => {
            // With an age of zero nothing is cached, so a revoked key is refused at once.
            if !age.is_zero() {
                tracing::info!(
                    ?age,
                    "the key store has no change log: nodes may accept a revoked key for up to this age"
                );
            }
            settings.max_age = settings.max_age.min(age);
            settings.negative_max_age = settings.negative_max_age.min(age);
            (Gate::open(), None)
        }
    };
    let cache = Arc::new(
        Cache::new(store, gate, Arc::clone(clock), settings, on_scopes, metrics.clone()).map_err(BuildError::Random)?,
    );
    let follow = log.map(|log| (log, node, lease));
    let worker =
        Worker::start(Arc::clone(&cache), follow, Arc::clone(clock), metrics.clone()).map_err(BuildError::Thread)?;
    Ok(Resolver { format, hasher, cache, worker })
}

impl fmt::Debug for AuthenticatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder")
            .field("format", &self.format)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
