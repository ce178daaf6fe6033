//! The settings of an authenticator, all checked when it is built.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::worker::Worker;
use super::{Authenticator, Exempt, HttpsOnly, Inner, Resolver};
use crate::cache::{Cache, CacheSettings, Gate};
use crate::clock::{Clock, SystemClock};
use crate::connection::TrustedProxies;
use crate::event::Event;
use crate::key::{Hasher, KeyFormat};
use crate::lease::Lease;
use crate::per_thread::PerThread;
use crate::render::{Challenges, Presentation, Render};
use crate::store::{Freshness, KeyStore};
use crate::telemetry::Metrics;

/// Puts an [`Authenticator`] together; made by [`Authenticator::builder`].
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
#[must_use = "nothing is built before build()"]
pub struct AuthenticatorBuilder {
    store: Arc<dyn KeyStore>,
    format: KeyFormat,
    hasher: Hasher,
    clock: Arc<dyn Clock>,
    lease: Lease,
    label: Option<String>,
    cache: CacheSettings,
    exempt: Vec<(Method, String)>,
    optional: bool,
    preflight: bool,
    presentation: Presentation,
    proxies: TrustedProxies,
    https: Option<HttpsOnly>,
    others: Vec<(Arc<dyn KeyStore>, KeyFormat, Hasher)>,
}

/// Why an authenticator cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// An exempt path is no path: it starts with `/` and has no `?`, `#`, space or control character.
    #[error("the exempt path {0:?} has to start with '/' and be without '?', '#' and spaces")]
    ExemptPath(String),
    /// A setting is out of bounds.
    #[error("{setting} has to be {bounds}")]
    OutOfBounds {
        /// The builder's method.
        setting: &'static str,
        /// What it may be.
        bounds: &'static str,
    },
    /// Some token begins as keys of two stores do, so that it would not be clear which to ask.
    #[error("two key formats of this authenticator begin alike")]
    AmbiguousFormats,
    /// The operating system gives no thread.
    #[error("no thread can be had for the upkeep of the cache")]
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
            others: Vec::new(),
        }
    }

    /// How keys are written; [`KeyFormat::default`] without this.
    pub fn format(mut self, format: KeyFormat) -> Self {
        self.format = format;
        self
    }

    /// How keys are turned into digests; SHA-256 without this. It has to be what the keys were issued with.
    pub fn hasher(mut self, hasher: Hasher) -> Self {
        self.hasher = hasher;
        self
    }

    /// Resolves tokens that begin as this format's keys do in another store: access tokens beside API keys, in one
    /// header. Each token goes to the store whose format recognises its beginning, and to no other; one that fits none
    /// costs no read. The [`kind`](crate::Identity::kind) of the identity says which it was.
    ///
    /// The store may be the same one: keys that were imported from another system then work beside those issued here. If
    /// they have no prefix, theirs is the main format, and the new keys' is this one, which is looked for first.
    pub fn add_store(mut self, store: impl KeyStore, format: KeyFormat, hasher: Hasher) -> Self {
        self.others.push((Arc::new(store), format, hasher));
        self
    }

    /// The proxies that are believed about their clients' addresses and HTTPS; none without this.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Refuses requests that did not come by HTTPS. Without this they are let in.
    pub fn https_only(mut self, https: HttpsOnly) -> Self {
        self.https = Some(https);
        self
    }

    /// Lets requests with this method and this very path pass without a credential; GET includes HEAD.
    ///
    /// The path is compared byte for byte with the one that the router sees: `//health`, `/health/`, `/%68ealth`,
    /// `/health;x` and `/HEALTH` are not `/health`, and neither is `/health/../v1`.
    pub fn exempt(mut self, method: Method, path: impl Into<String>) -> Self {
        self.exempt.push((method, path.into()));
        self
    }

    /// Lets requests without any Authorization field pass as anonymous. One that presents a credential is checked as
    /// ever: a bad key or a broken store is never anonymous.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Lets CORS preflights pass, for where no CORS layer stands further out. Off without this.
    pub fn pass_preflight(mut self) -> Self {
        self.preflight = true;
        self
    }

    /// The protection space named in challenges (RFC 9110 section 11.5); `api` without this.
    pub fn realm(mut self, realm: &str) -> Self {
        self.presentation.challenges = Challenges::new(realm);
        self
    }

    /// How refusals are written; [`ProblemJson`](crate::render::ProblemJson) without this.
    pub fn renderer(mut self, renderer: impl Render) -> Self {
        self.presentation.renderer = Arc::new(renderer);
        self
    }

    /// Leaves the headers of authenticated responses alone. Without this they get `Cache-Control: private, no-store`
    /// if the handler set none, and `Vary: Authorization`.
    pub fn leave_response_headers(mut self) -> Self {
        self.presentation.private = false;
        self
    }

    /// Is told of what happens, on the request's own thread: it must not block.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.presentation.hook = Some(Arc::new(hook));
        self
    }

    /// Counts through the `metrics` facade, with the recorder that is installed by now.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self) -> Self {
        self.presentation.metrics = crate::telemetry::Metrics::registered();
        self
    }

    /// How many keys are cached at most, 1 to 100 million; 100,000 without this. A key takes less than 200 bytes.
    pub fn cache_capacity(mut self, keys: usize) -> Self {
        self.cache.capacity = keys;
        self
    }

    /// How many refusals are cached at most, 0 to 100 million; 10,000 without this. One takes about 500 bytes.
    pub fn negative_capacity(mut self, refusals: u64) -> Self {
        self.cache.negative_capacity = refusals;
        self
    }

    /// How old a cached answer may be, however fresh it is known to be; 10 minutes without this.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.cache.max_age = age;
        self
    }

    /// How long a request waits for the store, at most, before it is refused with 503; 250 ms without this.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.cache.store_timeout = timeout;
        self
    }

    /// How many reads of the store are under way at once, at most; 64 without this. Further ones wait their turn
    /// within the time-out.
    pub fn store_concurrency(mut self, reads: usize) -> Self {
        self.cache.store_concurrency = reads;
        self
    }

    /// How often a key's use is recorded, at most; once a minute without this, in whole seconds.
    pub fn last_used_interval(mut self, interval: Duration) -> Self {
        self.cache.last_used_interval = interval;
        self
    }

    /// How long this node may answer from its cache without hearing from the store; 2 seconds without this.
    pub fn lease(mut self, lease: Lease) -> Self {
        self.lease = lease;
        self
    }

    /// What people call this node: the beginning of its name on the register, 1 to 32 visible ASCII characters.
    pub fn node_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Where time is read from; the operating system without this.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The authenticator.
    ///
    /// # Errors
    /// [`BuildError`] if a setting is out of bounds, or no thread can be had.
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
            "use_interval",
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
        let exempt = self
            .exempt
            .into_iter()
            .map(|(method, path)| {
                let is_path =
                    path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#');
                if is_path { Ok(Exempt { method, path: path.into() }) } else { Err(BuildError::ExemptPath(path)) }
            })
            .collect::<Result<_, _>>()?;

        // A main format of keys that may begin anyhow gets what the others do not recognise.
        let main = Some(&self.format).filter(|format| !format.recognises_all() || self.others.is_empty());
        let formats: Vec<&KeyFormat> = self.others.iter().map(|(_, format, _)| format).chain(main).collect();
        if formats.iter().enumerate().any(|(i, a)| formats.iter().skip(i + 1).any(|b| a.overlaps(b))) {
            return Err(BuildError::AmbiguousFormats);
        }

        let resolver = |store, format, hasher, node| {
            start(store, format, hasher, node, self.lease, &self.cache, &self.clock, &self.presentation.metrics)
        };
        let others = self
            .others
            .into_iter()
            .map(|(store, format, hasher)| resolver(store, format, hasher, crate::id::NodeId::generate()))
            .collect::<Result<_, _>>()?;
        Ok(Authenticator(Arc::new(Inner {
            resolver: resolver(self.store, self.format, self.hasher, node)?,
            others,
            exempt,
            optional: self.optional,
            preflight: self.preflight,
            proxies: self.proxies,
            https: self.https,
            presentation: PerThread::new(&self.presentation),
        })))
    }
}

/// Puts a cache over a store, and starts what keeps it fresh.
#[allow(clippy::too_many_arguments, reason = "the parts of one resolver, put together in one place")]
fn start(
    store: Arc<dyn KeyStore>,
    format: KeyFormat,
    hasher: Hasher,
    node: crate::id::NodeId,
    lease: Lease,
    settings: &CacheSettings,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
) -> Result<Resolver, BuildError> {
    let mut settings = settings.clone();
    let (gate, log) = match store.freshness() {
        Freshness::ChangeLog(log) => (Gate::closed(), Some(log)),
        Freshness::BoundedAge(age) => {
            // Without an age nothing is cached, and there is nothing to say.
            if !age.is_zero() {
                tracing::info!(
                    ?age,
                    "the key store has no change log: a revoked key may be accepted for up to this long"
                );
            }
            settings.max_age = settings.max_age.min(age);
            settings.negative_max_age = settings.negative_max_age.min(age);
            (Gate::open(), None)
        }
    };
    let cache = Arc::new(Cache::new(store, gate, Arc::clone(clock), settings, metrics.clone()));
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
