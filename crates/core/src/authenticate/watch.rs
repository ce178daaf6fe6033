//! Whether a credential still works, while a stream is open.

use std::fmt;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use super::{Authenticator, Target, allows, refused};
use crate::cache::{Answer, Cache, Digests, Stripe};
use crate::credential::Credential;
use crate::identity::Identity;
use crate::policy::Policy;
use crate::rejection::{CustomRejection, Rejection};

/// The longest time between two looks, for clocks that were set and machines that slept.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a store may fail before a stream ends.
const PATIENCE: Duration = Duration::from_secs(1);

/// The credential of an open stream: a WebSocket, server-sent events, a long poll.
///
/// It wakes when the key is revoked, expires, or is disabled, when its account is suspended, or when a change of its
/// networks or endpoints would refuse the request. A stream without one pays nothing.
///
/// It also wakes at [`Authenticator::end_streams`] and [`Authenticator::shutdown`].
///
/// An open stream counts as a use of its key. Clones watch on their own.
///
/// # Examples
/// ```
/// use keyward::adapter::{Admission, Target, UnknownConnection};
/// use keyward::{AccountRecord, Authenticator, Keys, MemoryStore, NewKey};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let keys = Keys::new(store.clone());
/// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
/// keys.put_account(&account).await?;
/// let issued = keys.issue(NewKey::secret(account.id, "stream")).await?;
/// let field = format!("Bearer {}", *issued.key.expose_once());
/// let authenticator = Authenticator::new(store);
/// let Admission::Identity(caller) = authenticator.authenticate([field.as_bytes()]).await? else { unreachable!() };
///
/// let target = Target { method: "GET", path: "/events", preflight: false, connection: &UnknownConnection };
/// let mut watch = authenticator.watch(&caller, target, [field.as_bytes()])?;
/// let stream = tokio::spawn(async move { watch.refused().await });
/// keys.revoke(caller.id()).await?;
/// assert_eq!(stream.await?.code(), "API_KEY_REVOKED");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct KeyWatch {
    /// Keeps the cache fresh.
    authenticator: Authenticator,
    cache: Arc<Cache>,
    digests: Digests,
    method: http::Method,
    path: SmolStr,
    client: Option<IpAddr>,
    policies: Vec<Arc<dyn Policy>>,
    answer: Answer,
}

impl Authenticator {
    /// Watches the credential of an admitted request: its identity, its target and its `Authorization` fields.
    ///
    /// # Errors
    /// The [`Rejection`] of a request without a valid credential, and [`Rejection::NotConfigured`] if `identity` is
    /// another credential's.
    pub fn watch<'h>(
        &self,
        identity: &Identity,
        target: Target<'_>,
        fields: impl IntoIterator<Item = &'h [u8]>,
    ) -> Result<KeyWatch, Rejection> {
        let credential = Credential::unchecked_from_fields(fields).map_err(Rejection::from)?;
        let resolver = self.0.resolver_of(&credential);
        let key = resolver.format.parse(credential.token()).map_err(|fault| refused(&credential, fault))?;
        let watch = KeyWatch {
            authenticator: self.clone(),
            cache: Arc::clone(&resolver.cache),
            digests: resolver.digests(&key),
            method: target.method.parse().unwrap_or(http::Method::POST),
            path: target.path.into(),
            client: self.0.proxies.client(target.connection),
            policies: Vec::new(),
            // Asked on the first wait: the key may have been revoked since it was admitted.
            answer: Answer::stale(identity.clone().unreported()),
        };
        Ok(watch.refreshed())
    }
}

impl KeyWatch {
    /// Adds a policy that the identity must pass as long as the stream is open.
    ///
    /// # Examples
    /// ```
    /// use keyward::policy::from_guard;
    ///
    /// keyward::scopes! { EventsRead = "events:read"; }
    ///
    /// fn watch_scope(watch: keyward::KeyWatch) -> keyward::KeyWatch {
    ///     watch.requiring(from_guard::<EventsRead>())
    /// }
    /// ```
    #[must_use]
    pub fn requiring(mut self, policy: impl Policy) -> Self {
        if policy.check(&self.answer.identity).is_err() {
            self.answer = Answer::stale(self.answer.identity);
        }
        self.policies.push(Arc::new(policy));
        self
    }

    /// Returns the newest known identity, whose scopes, plan and metadata may have changed since the request.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.answer.identity
    }

    /// Checks whether a request would be admitted now. Call it before a message that a revoked key must never get.
    ///
    /// It waits only if [`holds`](Self::holds) is `false`.
    ///
    /// # Errors
    /// The request's [`Rejection`], such as [`Rejection::StoreUnavailable`].
    pub async fn check(&mut self) -> Result<(), Rejection> {
        if !self.holds() {
            self.answer = self.ask().await?;
        }
        Ok(())
    }

    /// Returns `true` if a request would be admitted now, as far as this node knows without the store.
    ///
    /// `false` means unknown: perhaps only another key was changed. [`check`](Self::check) finds out. It neither waits nor locks.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.cache.still_holds(&self.answer)
    }

    /// Waits until a request would be refused, and returns its rejection.
    ///
    /// A revocation wakes it on every node before [`Keys::revoke`](crate::Keys::revoke) returns. If the store does not
    /// answer when it must be asked, it waits a second more, and returns [`Rejection::StoreUnavailable`]. When the
    /// service stops, it returns 503 `SERVICE_UNAVAILABLE` with the reason `shutting_down`. It can be called again, and it is
    /// cancel safe.
    pub async fn refused(&mut self) -> Rejection {
        let bells = self.cache.watchers.bells();
        let authenticator = self.authenticator.clone();
        let mut stopping = pin!(authenticator.0.resolver.worker.streams_end());
        let mut failing: Option<tokio::time::Instant> = None;
        loop {
            // Heard from before the check on, so no invalidation between them is missed.
            let (credential, account) = bells.listen(
                Stripe::of_credential(self.answer.identity.id()),
                Stripe::of_account(self.answer.identity.account()),
            );
            match self.check().await {
                Ok(()) => failing = None,
                Err(Rejection::StoreUnavailable)
                    if failing.get_or_insert_with(tokio::time::Instant::now).elapsed() < PATIENCE => {}
                Err(rejection) => return rejection,
            }
            let pause = match failing {
                Some(_) => PATIENCE / 10,
                None => self.cache.holds_for(&self.answer).unwrap_or(LOOK_EVERY).min(LOOK_EVERY),
            };
            tokio::select! {
                () = stopping.as_mut() => return CustomRejection::shutting_down().into(),
                () = credential => {}
                () = account => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn ask(&self) -> Result<Answer, Rejection> {
        let answer = match self.cached() {
            Some(answer) if self.cache.still_holds(&answer) => answer,
            _ => {
                let answer =
                    self.cache.answer(&self.digests, self.client).await.map_err(|refused| refused.rejection)?;
                unreported(answer)
            }
        };
        self.admits(&answer)?;
        Ok(answer)
    }

    fn cached(&self) -> Option<Answer> {
        self.cache.cached(&self.digests, self.client).map(unreported)
    }

    fn admits(&self, answer: &Answer) -> Result<(), Rejection> {
        let watched = self.answer.identity.id();
        if answer.identity.id() != watched {
            tracing::error!(%watched, found = %answer.identity.id(), "the watched identity is not of this request's credential: pass the identity that the same authenticator admitted");
            return Err(Rejection::NotConfigured);
        }
        allows(&answer.identity, self.method.as_str(), &self.path, || self.client)?;
        self.policies.iter().try_for_each(|policy| policy.check(&answer.identity))
    }

    /// Usually, the answer that admitted the request is in the cache.
    fn refreshed(mut self) -> Self {
        if let Some(answer) = self.cached()
            && self.admits(&answer).is_ok()
        {
            self.answer = answer;
        }
        self
    }
}

/// The request of the stream has reported its scopes.
fn unreported(answer: Answer) -> Answer {
    Answer { identity: answer.identity.unreported(), ..answer }
}

impl fmt::Debug for KeyWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWatch")
            .field("authenticator", &self.authenticator)
            .field("identity", &self.answer.identity)
            .finish_non_exhaustive()
    }
}
