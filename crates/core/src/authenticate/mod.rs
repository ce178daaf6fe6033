//! The sequence from an `Authorization` field to an identity.

mod builder;
mod describe;
mod handle;
mod https;
mod located;
mod uncached;
mod watch;
mod worker;

pub use builder::{AuthenticatorBuilder, BuildError};
pub use https::HttpsOnly;
pub use watch::KeyWatch;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;

use smol_str::SmolStr;
use tracing::Instrument;

use crate::cache::{Cache, Digests, Fingerprint, Refused};
use crate::connection::{Connection, Transport, TrustedProxies, UnknownConnection};
use crate::credential::{Credential, CredentialFault};
use crate::endpoint::is_ambiguous_path;
use crate::event::Event;
use crate::id::{AccountId, NodeId};
use crate::identity::Identity;
use crate::key::{Hasher, KeyFault, KeyFormat, ParsedKey};
use crate::location::{Field, Locations, Reading};
use crate::per_thread::PerThread;
use crate::policy::{browser_allows, endpoint_allows, is_from_browser, kind_allows, network_allows};
use crate::rejection::Rejection;
use crate::render::{Presentation, Refusal};
use crate::store::KeyStore;
use handle::Handle;
use worker::Worker;

/// The checker of credentials. Clones share one cache, and a thread that runs until the last clone is dropped or
/// [`shutdown`](Self::shutdown).
///
/// Store reads need a tokio runtime with a timer.
///
/// # Examples
/// ```
/// use keyward::{Authenticator, MemoryStore};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let refused = authenticator.authenticate([b"Bearer nonsense".as_slice()]).await.unwrap_err();
/// assert_eq!(refused.code(), "INVALID_API_KEY");
/// # }
/// ```
#[derive(Clone)]
pub struct Authenticator(Handle);

struct Inner {
    resolver: Resolver,
    others: Box<[Resolver]>,
    exempt: Box<[Exempt]>,
    optional: bool,
    preflight: bool,
    proxies: TrustedProxies,
    https: Option<HttpsOnly>,
    /// Whether only publishable keys are admitted from browsers.
    guards_browsers: bool,
    /// Besides `Authorization: Bearer`.
    locations: Option<Arc<Locations>>,
    presentation: PerThread<Presentation>,
}

struct Resolver {
    format: KeyFormat,
    hasher: Hasher,
    cache: Arc<Cache>,
    worker: Worker,
}

struct Exempt {
    method: http::Method,
    path: Box<str>,
    /// Whether unambiguous paths that begin with `path` are exempt.
    below: bool,
}

/// The properties of a request that a check reads.
///
/// # Examples
/// ```
/// use keyward::adapter::{Target, UnknownConnection};
///
/// let target = Target { method: "GET", path: "/v1/resources", preflight: false, connection: &UnknownConnection };
/// # let _ = target;
/// ```
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The method.
    pub method: &'a str,
    /// The router's path: neither decoded nor normalised, without the query.
    pub path: &'a str,
    /// Whether it is a CORS preflight: OPTIONS with `Origin` and `Access-Control-Request-Method`.
    pub preflight: bool,
    /// The connection.
    pub connection: &'a dyn Connection,
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

/// The result of [`Authenticator::check`].
#[derive(Debug)]
#[must_use = "an unrefused check may still be pending, and has not admitted the request"]
pub enum Check {
    /// The verdict.
    Done(Result<Admission, Rejection>),
    /// The store must be asked: [`Authenticator::resolve`].
    Pending(Pending),
}

/// How a request was admitted.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// With this identity's credential.
    Identity(Identity),
    /// Without a credential.
    Anonymous,
}

/// Digests to look up, never the key.
#[derive(Debug)]
pub struct Pending(Box<PendingParts>);

struct PendingParts {
    cache: Arc<Cache>,
    digests: Digests,
    method: http::Method,
    path: SmolStr,
    client: Option<IpAddr>,
    /// Only to be marked as compromised.
    exposed: bool,
    within: Option<AccountId>,
    from_browser: bool,
    /// Neither reported nor recorded as a use.
    silent: bool,
}

impl fmt::Debug for PendingParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingParts").field("digests", &self.digests).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Creates an authenticator with default settings.
    ///
    /// # Panics
    /// If no thread can be started.
    #[must_use]
    pub fn new(store: impl KeyStore) -> Self {
        Self::builder(store).build().expect("the default settings are valid, and the system starts a thread")
    }

    /// Starts a builder.
    pub fn builder(store: impl KeyStore) -> AuthenticatorBuilder {
        AuthenticatorBuilder::new(Arc::new(store))
    }

    /// Checks a request and all its `Authorization` fields against the cache, without waiting.
    ///
    /// Other [places](crate::adapter::Location) are read from `target.connection`.
    #[inline]
    pub fn check<'h>(&self, target: Target<'_>, fields: impl IntoIterator<Item = &'h [u8]>) -> Check {
        if let Some(locations) = &self.0.locations {
            return self.check_located(locations, target, &mut fields.into_iter());
        }
        self.check_bearer(target, fields)
    }

    /// Checks a request with these `Authorization` fields, whatever [places](crate::adapter::Location) are accepted.
    ///
    /// For a key that came in another way, such as in a message.
    #[inline]
    pub fn check_bearer<'h>(&self, target: Target<'_>, fields: impl IntoIterator<Item = &'h [u8]>) -> Check {
        self.check_field(target, fields, self.0.guards_browsers)
    }

    /// With `guards_browser`, only publishable keys are admitted from browsers.
    #[inline]
    fn check_field<'h>(
        &self,
        target: Target<'_>,
        fields: impl IntoIterator<Item = &'h [u8]>,
        guards_browser: bool,
    ) -> Check {
        let inner = &*self.0;
        if inner.passes_unchecked(target) {
            return Check::Done(Ok(Admission::Anonymous));
        }
        if let Some(https) = &inner.https {
            match inner.proxies.transport(target.connection) {
                Transport::Secure => {}
                transport => return inner.insecure(https, transport, fields),
            }
        }
        let credential = match Credential::unchecked_from_fields(fields) {
            Ok(credential) => credential,
            Err(CredentialFault::Missing) if inner.optional => return Check::Done(Ok(Admission::Anonymous)),
            Err(fault) => return Check::Done(Err(fault.into())),
        };
        let resolver = inner.resolver_of(&credential);
        let key = match resolver.format.parse(credential.token()) {
            Ok(key) => key,
            Err(fault) => return Check::Done(Err(refused(&credential, fault))),
        };
        let fingerprint = resolver.fingerprint(&key);
        let client = || inner.proxies.client(target.connection);
        match resolver.cache.get(&fingerprint, client) {
            Some(Ok(identity)) => {
                let from_browser = || guards_browser && is_from_browser(target.connection);
                Check::Done(inner.admit(identity, target.method, target.path, client, from_browser))
            }
            Some(Err(refused)) => Check::Done(Err(inner.notify_refused(*refused))),
            None => {
                inner.presentation.local().metrics.miss();
                Check::Pending(Pending(Box::new(PendingParts {
                    cache: Arc::clone(&resolver.cache),
                    digests: resolver.digests(&key),
                    method: target.method.parse().unwrap_or(http::Method::POST),
                    path: target.path.into(),
                    client: inner.proxies.client(target.connection),
                    exposed: false,
                    within: None,
                    from_browser: guards_browser && is_from_browser(target.connection),
                    silent: false,
                })))
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn check_located(
        &self,
        locations: &Locations,
        target: Target<'_>,
        fields: &mut dyn Iterator<Item = &[u8]>,
    ) -> Check {
        let mut field = Field::empty();
        match locations.read(target.connection, fields, &mut field) {
            Ok(Reading::Key) => self.check_bearer(target, [field.as_bytes()]),
            // A browser keeps the key, and sends it with requests that a page of another site makes.
            Ok(Reading::BasicKey) => self.check_field(target, [field.as_bytes()], true),
            keyless => self.check_keyless(target, keyless),
        }
    }

    fn check_keyless(&self, target: Target<'_>, reading: Result<Reading, CredentialFault>) -> Check {
        let fault = match reading {
            Ok(Reading::Empty) if !self.0.optional => CredentialFault::Empty,
            Ok(_) => return self.check_bearer(target, []),
            Err(fault) => fault,
        };
        let inner = &*self.0;
        Check::Done(if inner.passes_unchecked(target) {
            Ok(Admission::Anonymous)
        } else if inner.https.is_some() && inner.proxies.transport(target.connection) != Transport::Secure {
            Err(Rejection::HttpsRequired)
        } else {
            Err(fault.into())
        })
    }

    /// Asks the store.
    ///
    /// # Errors
    /// The [`Rejection`], such as [`Rejection::StoreUnavailable`].
    pub async fn resolve(&self, pending: Pending) -> Result<Admission, Rejection> {
        let PendingParts { cache, digests, method, path, client, exposed, within, from_browser, silent } = *pending.0;
        if exposed {
            // In a separate task, so that a caller who disconnects cannot prevent the mark.
            let inner = self.0.clone();
            let marked = tokio::spawn(async move { inner.mark_exposed(&cache, &digests).await });
            if let Err(error) = marked.await {
                crate::log_limited!(error, %error, "a key was sent in plain text, but marking it as compromised failed");
            }
            return Err(Rejection::HttpsRequired);
        }
        let seen = match &within {
            None => client.filter(|_| !silent),
            Some(account) if cache.is_within(&digests, account).await? => None,
            Some(_) => return Err(Rejection::UnknownKey),
        };
        // The hook runs outside of this span: it may add the caller to that of the request.
        let asking = cache.resolve(&digests, seen).instrument(tracing::debug_span!("keyward::resolve"));
        if silent {
            let identity = asking.await.map_err(|refused| refused.rejection)?;
            if from_browser {
                browser_allows(&identity)?;
            }
            allows(&identity, method.as_str(), &path, || client)?;
            return Ok(Admission::Identity(identity.unreported()));
        }
        let identity = asking.await.map_err(|refused| self.0.notify_refused(*refused))?;
        self.0.admit(identity, method.as_str(), &path, || client, || from_browser)
    }

    /// Checks the `Authorization` fields of a read, for services other than HTTP.
    ///
    /// # Errors
    /// The [`Rejection`].
    pub async fn authenticate<'h>(&self, fields: impl IntoIterator<Item = &'h [u8]>) -> Result<Admission, Rejection> {
        match self.check(Target { method: "GET", path: "", preflight: false, connection: &UnknownConnection }, fields) {
            Check::Done(verdict) => verdict,
            Check::Pending(pending) => self.resolve(pending).await,
        }
    }

    /// Counts, reports and writes a refusal.
    #[must_use]
    pub fn refuse(&self, refusal: &Refusal) -> http::Response<Bytes> {
        self.0.presentation.local().refuse(refusal)
    }

    /// Returns the rejection to write. Its message names the accepted [places](crate::adapter::Location).
    ///
    /// [`refuse`](Self::refuse) does this already.
    #[must_use]
    pub fn explain<'r>(&self, rejection: &'r Rejection) -> Cow<'r, Rejection> {
        self.0.presentation.local().explain(rejection).map_or(Cow::Borrowed(rejection), Cow::Owned)
    }

    /// Returns `false` after [`leave_response_headers`](AuthenticatorBuilder::leave_response_headers).
    #[must_use]
    pub fn marks_responses(&self) -> bool {
        self.0.presentation.local().private
    }

    /// Returns `true` after [`vary_always`](AuthenticatorBuilder::vary_always).
    #[must_use]
    pub fn varies_always(&self) -> bool {
        self.0.presentation.local().vary_always
    }

    /// Keeps the authenticator until the process ends, so that its clones share no reference count.
    ///
    /// axum and hyper clone a service for every request. On many processors, they would pass that one counter around.
    /// [`shutdown`](Self::shutdown) still works.
    ///
    /// # Examples
    /// ```
    /// use keyward::{AuthLayer, Authenticator, MemoryStore};
    ///
    /// # fn main() {
    /// let layer = AuthLayer::from(Authenticator::new(MemoryStore::new()).leak());
    /// # let _ = layer;
    /// # }
    /// ```
    #[must_use]
    pub fn leak(self) -> Self {
        Self(self.0.keep())
    }

    /// Ends the streams of all clones: each [`KeyWatch::refused`] returns 503 `SERVICE_UNAVAILABLE`, now and later.
    ///
    /// Call it when the server begins to stop, because open streams delay a graceful shutdown. Requests are still
    /// answered, also from the cache.
    ///
    /// # Examples
    /// ```
    /// use keyward::Authenticator;
    ///
    /// async fn stopping(signal: impl Future<Output = ()>, authenticator: Authenticator) {
    ///     signal.await;
    ///     authenticator.end_streams(); // then the server can finish
    /// }
    /// ```
    pub fn end_streams(&self) {
        self.0.resolver.worker.end_streams();
    }

    /// Records pending uses and leaves the register. Later requests are answered, but not from the cache.
    ///
    /// It begins with [`end_streams`](Self::end_streams).
    pub async fn shutdown(&self) {
        self.end_streams();
        for resolver in self.0.resolvers() {
            resolver.worker.stop().await;
        }
    }

    /// Returns the client's address, if it is known. Trusted proxies state it.
    #[must_use]
    pub fn client(&self, connection: &dyn Connection) -> Option<IpAddr> {
        self.0.proxies.client(connection)
    }

    /// Returns this node's name, if the store has a change log.
    #[must_use]
    pub fn node(&self) -> Option<&NodeId> {
        self.0.resolver.worker.node()
    }

    /// Returns the number of cached keys.
    #[must_use]
    pub fn cached_keys(&self) -> usize {
        self.0.resolvers().map(|resolver| resolver.cache.len()).sum()
    }

    #[inline]
    pub(crate) fn locations(&self) -> Option<&Locations> {
        self.0.locations.as_deref()
    }

    pub(crate) fn presentation(&self) -> &PerThread<Presentation> {
        &self.0.presentation
    }
}

#[cold]
fn refused(credential: &Credential<'_>, fault: KeyFault) -> Rejection {
    match fault {
        KeyFault::Checksum => Rejection::ChecksumMismatch,
        KeyFault::Malformed => credential.fault().map_or(Rejection::MalformedKey, Rejection::from),
    }
}

#[inline]
fn allows(
    identity: &Identity,
    method: &str,
    path: &str,
    client: impl FnOnce() -> Option<IpAddr>,
) -> Result<(), Rejection> {
    kind_allows(identity, method)?;
    endpoint_allows(identity, method, path)?;
    network_allows(identity, client)
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("node", &self.node()).finish_non_exhaustive()
    }
}

impl Resolver {
    #[inline]
    fn fingerprint(&self, key: &ParsedKey<'_>) -> Fingerprint {
        self.cache.fingerprint(self.hasher.identifying(key))
    }

    fn digests(&self, key: &ParsedKey<'_>) -> Digests {
        Digests::new(key.mode(), self.fingerprint(key), self.hasher.digest(key), self.hasher.older_digests(key))
    }
}

impl Exempt {
    fn is_above(&self, path: &str) -> bool {
        path.starts_with(&*self.path) && !is_ambiguous_path(path)
    }
}

impl Inner {
    #[inline]
    fn passes_unchecked(&self, target: Target<'_>) -> bool {
        (target.preflight && self.preflight)
            || self.exempt.iter().any(|exempt| {
                // Exactly the path that the router matches: every other spelling is another path.
                (*exempt.path == *target.path || (exempt.below && exempt.is_above(target.path)))
                    && (exempt.method == target.method
                        || (exempt.method == http::Method::GET && target.method == "HEAD"))
            })
    }

    fn resolvers(&self) -> impl Iterator<Item = &Resolver> {
        std::iter::once(&self.resolver).chain(&self.others)
    }

    #[inline]
    fn resolver_of(&self, credential: &Credential<'_>) -> &Resolver {
        if self.others.is_empty() {
            return &self.resolver;
        }
        self.others.iter().find(|resolver| resolver.format.recognises(credential.token())).unwrap_or(&self.resolver)
    }

    #[inline]
    fn admit(
        &self,
        identity: Identity,
        method: &str,
        path: &str,
        client: impl FnOnce() -> Option<IpAddr>,
        from_browser: impl FnOnce() -> bool,
    ) -> Result<Admission, Rejection> {
        let in_place = if from_browser() { browser_allows(&identity) } else { Ok(()) };
        if let Err(rejection) = in_place.and_then(|()| allows(&identity, method, path, client)) {
            if let Some(hook) = &self.presentation.local().hook {
                hook(&Event::KeyRefused { identity: &identity, rejection: &rejection, accepted: false });
            }
            return Err(rejection);
        }
        if let Some(hook) = &self.presentation.local().hook {
            hook(&Event::Accepted { identity: &identity });
        }
        Ok(Admission::Identity(identity))
    }

    #[cold]
    fn notify_refused(&self, refused: Refused) -> Rejection {
        if let (Some(identity), Some(hook)) = (&refused.identity, &self.presentation.local().hook) {
            hook(&Event::KeyRefused { identity, rejection: &refused.rejection, accepted: false });
        }
        refused.rejection
    }

    #[cold]
    fn insecure<'h>(
        &self,
        https: &HttpsOnly,
        transport: Transport,
        fields: impl IntoIterator<Item = &'h [u8]>,
    ) -> Check {
        let refused = Check::Done(Err(Rejection::HttpsRequired));
        if transport != Transport::Plain || !https.marks() {
            return refused;
        }
        let Ok(credential) = Credential::from_fields(fields) else { return refused };
        let resolver = self.resolver_of(&credential);
        let Ok(key) = resolver.format.parse(credential.token()) else { return refused };
        Check::Pending(Pending(Box::new(PendingParts {
            cache: Arc::clone(&resolver.cache),
            digests: resolver.digests(&key),
            method: http::Method::GET,
            path: SmolStr::default(),
            client: None,
            exposed: true,
            within: None,
            from_browser: false,
            silent: false,
        })))
    }

    async fn mark_exposed(&self, cache: &Cache, digests: &Digests) {
        let Some(https) = &self.https else { return };
        match cache.stored(digests).await {
            Ok(None) => {}
            Ok(Some(key)) => {
                if https.mark(key.identity().id(), key.status()).await
                    && let Some(hook) = &self.presentation.local().hook
                {
                    hook(&Event::Compromised { identity: key.identity() });
                }
            }
            Err(error) => {
                crate::log_limited!(error, %error, "a key was sent in plain text, but looking it up to mark it as compromised failed");
            }
        }
    }
}
