//! The sequence from an Authorization field to an identity. It is written here and nowhere else:
//! credential, format and checksum, digest, cache, store, identity, policy.

mod builder;
mod worker;

pub use builder::{AuthenticatorBuilder, BuildError};

use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::cache::Cache;
use crate::credential::{Credential, CredentialFault};
use crate::event::Event;
use crate::id::NodeId;
use crate::identity::Identity;
use crate::key::{Digests, Hasher, KeyFault, KeyFormat};
use crate::per_thread::PerThread;
use crate::policy::{endpoint_allows, kind_allows};
use crate::rejection::Rejection;
use crate::render::Presentation;
use crate::store::KeyStore;
use worker::Worker;

/// Checks credentials: what every layer and adapter is built around.
///
/// Cheap to clone; all clones share one cache. Frameworks with types of their own call [`check`](Self::check) with bytes.
/// It keeps a thread of its own, which follows the store's change log and writes down uses, until the last clone is
/// dropped or [`shutdown`](Self::shutdown) is called. Reads of the store need a tokio runtime with a timer.
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
pub struct Authenticator(Arc<Inner>);

struct Inner {
    format: KeyFormat,
    hasher: Hasher,
    cache: Arc<Cache>,
    exempt: Box<[Exempt]>,
    optional: bool,
    preflight: bool,
    presentation: PerThread<Presentation>,
    worker: Worker,
}

struct Exempt {
    method: http::Method,
    path: Box<str>,
}

/// What a check needs to know of a request besides its Authorization fields.
///
/// # Examples
/// ```
/// let target = keyward::Target { method: "GET", path: "/v1/resources", preflight: false };
/// # let _ = target;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The path as the router sees it: not decoded, not normalised, without the query.
    pub path: &'a str,
    /// Whether it is a CORS preflight: OPTIONS with `Origin` and `Access-Control-Request-Method`.
    pub preflight: bool,
}

/// What came of a check against the cache.
#[derive(Debug)]
#[must_use = "a request that is not refused here has not been let in yet"]
pub enum Check {
    /// The verdict is known.
    Done(Result<Admission, Rejection>),
    /// The store has to be asked: see [`Authenticator::resolve`].
    Pending(Pending),
}

/// How a request was let in.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// With a credential, whose identity this is.
    Identity(Identity),
    /// Without one, as the configuration allows here.
    Anonymous,
}

/// A credential that the store has to be asked about. It holds digests, never the key.
#[derive(Debug)]
pub struct Pending(Box<PendingParts>);

/// In a box, so that a warm hit does not carry the room for them around.
#[derive(Debug)]
struct PendingParts {
    digests: Digests,
    method: http::Method,
    path: SmolStr,
}

impl Authenticator {
    /// An authenticator over `store` with the default settings.
    ///
    /// # Panics
    /// If the operating system gives no thread. [`builder`](Self::builder) gives an error instead.
    #[must_use]
    pub fn new(store: impl KeyStore) -> Self {
        Self::builder(store).build().expect("the default settings are valid and a thread can be had")
    }

    /// Starts an authenticator over `store` with settings of its own.
    pub fn builder(store: impl KeyStore) -> AuthenticatorBuilder {
        AuthenticatorBuilder::new(Arc::new(store))
    }

    /// Checks a request against the cache, without waiting for anything: the whole of a warm hit.
    ///
    /// `fields` are the values of all `Authorization` fields.
    #[inline]
    pub fn check<'h>(&self, target: Target<'_>, fields: impl IntoIterator<Item = &'h [u8]>) -> Check {
        let inner = &*self.0;
        if inner.passes_unchecked(target) {
            return Check::Done(Ok(Admission::Anonymous));
        }
        let credential = match Credential::unchecked_from_fields(fields) {
            Ok(credential) => credential,
            Err(CredentialFault::Missing) if inner.optional => return Check::Done(Ok(Admission::Anonymous)),
            Err(fault) => return Check::Done(Err(fault.into())),
        };
        let key = match inner.format.parse(credential.token()) {
            Ok(key) => key,
            Err(fault) => return Check::Done(Err(refused(&credential, fault))),
        };
        let digest = inner.hasher.digest(&key);
        match inner.cache.get(&digest) {
            Some(verdict) => {
                Check::Done(verdict.and_then(|identity| inner.admit(identity, target.method, target.path)))
            }
            None => {
                inner.presentation.local().metrics.miss();
                Check::Pending(Pending(Box::new(PendingParts {
                    digests: Digests::new(key.mode(), digest, inner.hasher.older_digests(&key)),
                    method: target.method.parse().unwrap_or(http::Method::POST),
                    path: target.path.into(),
                })))
            }
        }
    }

    /// Asks the store about a credential that the cache could not answer for.
    ///
    /// # Errors
    /// [`Rejection`]: the verdict, or [`Rejection::StoreUnavailable`] when there is none to be had in time.
    pub async fn resolve(&self, pending: Pending) -> Result<Admission, Rejection> {
        let PendingParts { digests, method, path } = &*pending.0;
        let identity = self.0.cache.resolve(digests).await?;
        self.0.admit(identity, method.as_str(), path)
    }

    /// Checks the `Authorization` fields of a request that only reads, for services that are not HTTP.
    ///
    /// # Errors
    /// [`Rejection`] unless the credential is accepted.
    pub async fn authenticate<'h>(&self, fields: impl IntoIterator<Item = &'h [u8]>) -> Result<Admission, Rejection> {
        match self.check(Target { method: "GET", path: "", preflight: false }, fields) {
            Check::Done(verdict) => verdict,
            Check::Pending(pending) => self.resolve(pending).await,
        }
    }

    /// Writes down what uses of keys are still to be recorded, and takes this node off the store's register. Requests
    /// are answered afterwards, too, but not from the cache.
    pub async fn shutdown(&self) {
        self.0.worker.stop().await;
    }

    /// The name under which this process is on the store's register, if its store has a change log.
    #[must_use]
    pub fn node(&self) -> Option<&NodeId> {
        self.0.worker.node()
    }

    /// How many keys are cached at this moment.
    #[must_use]
    pub fn cached_keys(&self) -> usize {
        self.0.cache.len()
    }

    pub(crate) fn presentation(&self) -> &PerThread<Presentation> {
        &self.0.presentation
    }
}

/// What does not fit the format may not even be a token: that is the more helpful answer.
#[cold]
fn refused(credential: &Credential<'_>, fault: KeyFault) -> Rejection {
    match (credential.fault(), fault) {
        (Some(fault), _) => fault.into(),
        (None, KeyFault::Checksum) => Rejection::ChecksumMismatch,
        (None, KeyFault::Malformed) => Rejection::MalformedKey,
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("node", &self.node()).finish_non_exhaustive()
    }
}

impl Inner {
    #[inline]
    fn passes_unchecked(&self, target: Target<'_>) -> bool {
        (target.preflight && self.preflight)
            || self.exempt.iter().any(|exempt| {
                // The very path that the router matches, byte for byte: any other spelling of it is another path.
                *exempt.path == *target.path
                    && (exempt.method == target.method
                        || (exempt.method == http::Method::GET && target.method == "HEAD"))
            })
    }

    #[inline]
    fn admit(&self, identity: Identity, method: &str, path: &str) -> Result<Admission, Rejection> {
        kind_allows(&identity, method)?;
        endpoint_allows(&identity, method, path)?;
        if let Some(hook) = &self.presentation.local().hook {
            hook(&Event::Accepted { identity: &identity });
        }
        Ok(Admission::Identity(identity))
    }
}
