//! The cache: [`hot`] answers warm hits, moka holds refusals and shared fetches.

mod digests;
mod epochs;
mod fingerprint;
mod gate;
mod hot;
mod invalidation;
#[cfg(all(test, keyward_loom))]
mod loom;
mod reads;
mod uses;
mod watchers;

pub(crate) use digests::Digests;
pub(crate) use epochs::{Epochs, Stripe};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use gate::{Gate, Instant};
pub(crate) use hot::Answer;
pub(crate) use uses::Uses;
pub(crate) use watchers::Watchers;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Clock, Timestamp};
use crate::id::AccountId;
use crate::identity::{Identity, OnScopes};
use crate::key::Digest;
use crate::per_thread::Aligned;
use crate::rejection::Rejection;
use crate::store::{Found, Invalidation, KeyStatus, KeyStore, StoreError, StoreErrorKind, StoredKey};
use crate::telemetry::{Metrics, StoreOutcome};
use epochs::FillEpoch;
use fingerprint::Fingerprints;
use hot::HotKeys;
use invalidation::{Beginning, apply};
use moka::policy::EvictionPolicy;
use reads::{Deadline, Reads};

/// Only racing invalidations need a second.
const SHARED_ATTEMPTS: usize = 2;

/// Loom's work multiplies with each atomic.
const STRIPES: usize = if cfg!(all(test, keyward_loom)) { 1 } else { 1_024 };

const LAG_PAUSE: Duration = Duration::from_millis(2);

#[derive(Clone, Debug)]
pub(crate) struct CacheSettings {
    pub(crate) capacity: usize,
    pub(crate) negative_capacity: u64,
    pub(crate) max_age: Duration,
    pub(crate) negative_max_age: Duration,
    pub(crate) store_timeout: Duration,
    pub(crate) store_concurrency: usize,
    pub(crate) last_used_interval: Duration,
}

pub(crate) struct Cache {
    store: Arc<dyn KeyStore>,
    hot: HotKeys,
    fingerprints: Fingerprints,
    negative: moka::future::Cache<Digest, Negative>,
    pub(crate) epochs: Epochs,
    pub(crate) gate: Gate,
    pub(crate) uses: Uses,
    clock: Arc<dyn Clock>,
    settings: CacheSettings,
    on_scopes: Option<Arc<OnScopes>>,
    metrics: Metrics,
    pub(crate) watchers: Watchers,
    /// Misses write to these, so hits must not read the same cache lines.
    pub(crate) sweep_due: Aligned<Notify>,
    reads: Aligned<Reads>,
}

#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) rejection: Rejection,
    pub(crate) identity: Option<Box<Identity>>,
}

impl From<Rejection> for Box<Refused> {
    fn from(rejection: Rejection) -> Self {
        Self::new(Refused { rejection, identity: None })
    }
}

type Verdict = Result<Identity, Box<Refused>>;

#[derive(Clone, Debug)]
struct Negative {
    rejection: Rejection,
    identity: Option<Box<Identity>>,
    fill_epoch: FillEpoch,
    until: Instant,
    digests: Digests,
    account: Option<Stripe>,
}

/// moka shares an error, then forgets it.
enum NotKept {
    Active(Answer),
    Refused(Negative),
    Failed(StoreErrorKind),
}

enum Landed {
    Active(Answer),
    Refused(Negative),
}

struct Fill {
    found: Found,
    fill_epoch: FillEpoch,
    asked: Instant,
}

impl Cache {
    pub(crate) fn new(
        store: Arc<dyn KeyStore>,
        gate: Gate,
        clock: Arc<dyn Clock>,
        settings: CacheSettings,
        on_scopes: Option<Arc<OnScopes>>,
        metrics: Metrics,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            fingerprints: Fingerprints::new()?,
            hot: HotKeys::new(settings.capacity),
            negative: moka::future::Cache::builder()
                .max_capacity(settings.negative_capacity)
                .time_to_live(settings.negative_max_age)
                // LRU always keeps a new entry. moka's default would read an unknown key again and again, until it was
                // requested more often than the keys of an earlier flood.
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            epochs: Epochs::new(),
            gate,
            uses: Uses::new(settings.last_used_interval, Arc::clone(&clock)),
            watchers: Watchers::default(),
            sweep_due: Aligned::new(Notify::new()),
            reads: Aligned::new(Reads::new(settings.store_concurrency, settings.store_timeout)),
            store,
            clock,
            settings,
            on_scopes,
            metrics,
        })
    }

    #[inline]
    pub(crate) fn fingerprint(&self, token: &[u8]) -> Fingerprint {
        self.fingerprints.of(token)
    }

    #[inline]
    pub(crate) fn get(&self, fingerprint: &Fingerprint, client: impl FnOnce() -> Option<IpAddr>) -> Option<Verdict> {
        let now = self.now();
        if !self.gate.is_open(now) {
            return None;
        }
        let identity = self.hot.get(fingerprint, now, &self.epochs, &self.uses, client)?;
        self.metrics.hit();
        Some(self.unexpired(identity))
    }

    pub(crate) async fn resolve(&self, digests: &Digests, client: Option<IpAddr>) -> Verdict {
        Ok(self.answer(digests, client).await?.identity)
    }

    pub(crate) async fn answer(&self, digests: &Digests, client: Option<IpAddr>) -> Result<Answer, Box<Refused>> {
        for _ in 0..SHARED_ATTEMPTS {
            if !self.gate.is_open(self.now()) {
                break;
            }
            if let Some(known) = self.cached(digests, client) {
                self.metrics.hit();
                return self.unexpired_answer(known);
            }
            if let Some(negative) = self.negative.get(digests.first()).await {
                if negative.holds(self) {
                    self.metrics.negative_hit();
                    return Err(negative.into());
                }
                self.negative.invalidate(digests.first()).await;
            }
            // The fetch may have begun before this request, so its answer counts only if it still holds. A revocation
            // that returned before this request has bumped the epoch, because the gate was open.
            match self.negative.try_get_with(*digests.first(), self.fetch_shared(*digests, client)).await {
                Ok(negative) if negative.holds(self) => return Err(negative.into()),
                Ok(_) => {}
                Err(not_kept) => match &*not_kept {
                    NotKept::Active(answer) if answer.holds(&self.epochs) => {
                        return self.unexpired_answer(answer.clone());
                    }
                    NotKept::Refused(negative) if negative.holds(self) => return Err(negative.clone().into()),
                    NotKept::Active(_) | NotKept::Refused(_) => {}
                    NotKept::Failed(kind) => return Err(failure(*kind).into()),
                },
            }
        }
        self.metrics.read_through();
        // This read began after the request, so its answer counts in any case. It is cached for the next lease, and
        // its epoch guards it like any other answer.
        let fill = self.fill(digests).await.map_err(|error| Box::<Refused>::from(failure(error.kind())))?;
        match self.store_result(digests, &fill, client) {
            Landed::Active(answer) => Ok(answer),
            Landed::Refused(negative) => Err(negative.into()),
        }
    }

    /// The answer that a request would get now without the store. An open stream counts as a use of its key.
    pub(crate) fn cached(&self, digests: &Digests, client: Option<IpAddr>) -> Option<Answer> {
        let now = self.now();
        self.hot.answer(digests.fingerprint(), now, &self.epochs, &self.uses, client).filter(|_| self.gate.is_open(now))
    }

    /// Whether requests would still get this answer.
    pub(crate) fn still_holds(&self, answer: &Answer) -> bool {
        let now = self.now();
        self.gate.is_open(now)
            && now < answer.until
            && answer.holds(&self.epochs)
            && answer.identity.expires_at().is_none_or(|end| self.clock.now() < end)
    }

    /// The time until `answer` may no longer hold, without a change of the key.
    pub(crate) fn holds_for(&self, answer: &Answer) -> Option<Duration> {
        let now = self.now();
        let ends = [self.gate.end(), answer.until].map(|end| end.saturating_since(now));
        let expiry = answer.identity.expires_at().map(|end| end.saturating_since(self.clock.now()));
        ends.into_iter().chain(expiry).filter(|left| !left.is_zero()).min()
    }

    pub(crate) fn apply(&self, number: u64, overtaken: &[&Invalidation]) {
        apply(&self.epochs, &self.gate, number, overtaken.iter().copied());
        overtaken.iter().for_each(|what| self.watchers.wake(what));
    }

    pub(crate) async fn stored(&self, digests: &Digests) -> Result<Option<StoredKey>, StoreError> {
        Ok(self.fill(digests).await?.found.key)
    }

    /// Reads every digest, whatever the others return, so the reads do not reveal another account's credential.
    pub(crate) async fn is_within(&self, digests: &Digests, account: &AccountId) -> Result<bool, Rejection> {
        if self.gate.is_open(self.now()) && self.hot.is_of(digests.fingerprint(), account) {
            return Ok(true);
        }
        let mut is_within = false;
        for digest in digests.iter() {
            let alone = Digests::new(digests.mode(), *digests.fingerprint(), *digest, std::iter::empty());
            let key = self.stored(&alone).await.map_err(|error| failure(error.kind()))?;
            is_within |= key.is_some_and(|key| key.identity.account() == account);
        }
        Ok(is_within)
    }

    pub(crate) fn len(&self) -> usize {
        self.hot.len()
    }

    pub(crate) fn report(&self) {
        self.metrics.report_hits();
        self.metrics.state(self.len(), self.gate.is_open(self.now()), self.gate.applied());
    }

    pub(crate) fn sweep(&self) {
        self.hot.sweep();
    }

    pub(crate) async fn flush_uses(&self) -> Result<(), StoreError> {
        self.uses.flush(&*self.store).await
    }

    fn now(&self) -> Instant {
        self.clock.boottime().into()
    }

    fn unexpired(&self, identity: Identity) -> Verdict {
        match identity.expires_at() {
            Some(end) if end <= self.clock.now() => {
                Err(Box::new(Refused { rejection: Rejection::KeyExpired, identity: Some(Box::new(identity)) }))
            }
            _ => Ok(identity),
        }
    }

    fn unexpired_answer(&self, answer: Answer) -> Result<Answer, Box<Refused>> {
        let identity = self.unexpired(answer.identity)?;
        Ok(Answer { identity, ..answer })
    }

    async fn fetch_shared(&self, digests: Digests, client: Option<IpAddr>) -> Result<Negative, NotKept> {
        // The previous fetch may have finished after this request last looked.
        if let Some(answer) = self.hot.answer(digests.fingerprint(), self.now(), &self.epochs, &self.uses, client) {
            return Err(NotKept::Active(answer));
        }
        let fill = self.fill(&digests).await.map_err(|error| NotKept::Failed(error.kind()))?;
        match self.store_result(&digests, &fill, client) {
            Landed::Active(answer) => Err(NotKept::Active(answer)),
            Landed::Refused(negative) if self.may_keep(&fill) => Ok(negative),
            Landed::Refused(negative) => Err(NotKept::Refused(negative)),
        }
    }

    /// After a restore to this node's position, no entry would invalidate a newer answer.
    fn may_keep(&self, fill: &Fill) -> bool {
        self.gate.is_open_for_ever()
            || fill.found.position.is_none_or(|position| position.number <= self.gate.applied())
    }

    fn store_result(&self, digests: &Digests, fill: &Fill, client: Option<IpAddr>) -> Landed {
        let key = fill.found.key.as_ref();
        match self.judge(digests, key) {
            Ok(identity) => {
                let answer =
                    Answer { identity, fill_epoch: fill.fill_epoch, until: fill.asked.after(self.settings.max_age) };
                if !self.may_keep(fill) {
                    // A key is in use even if this node may not cache its answer.
                    self.uses.note(answer.identity.id(), client);
                } else if self.hot.insert(*digests.fingerprint(), &answer, self.now(), &self.uses, client) {
                    self.sweep_due.notify_one();
                }
                Landed::Active(answer)
            }
            Err(rejection) => {
                self.hot.remove(digests.fingerprint());
                let mut until = fill.asked.after(self.settings.negative_max_age);
                if let Some(begins) = key.and_then(|key| key.not_before) {
                    until = until.min(fill.asked.after(begins.saturating_since(self.clock.now())));
                }
                Landed::Refused(Negative {
                    rejection,
                    identity: key.map(|key| Box::new(key.identity.clone())),
                    fill_epoch: fill.fill_epoch,
                    until,
                    digests: *digests,
                    account: key.map(|key| Stripe::of_account(key.identity.account())),
                })
            }
        }
    }

    async fn fill(&self, digests: &Digests) -> Result<Fill, StoreError> {
        let deadline = self.reads.deadline();
        let read = async {
            loop {
                let (beginning, asked) = (Beginning::of(&self.epochs, &self.gate), self.now());
                let found = self.find(digests, deadline).await?;
                if beginning.accepts(found.position.map(|position| position.number)) {
                    return Ok(Fill { found, fill_epoch: beginning.fill_epoch, asked });
                }
                tokio::time::sleep(LAG_PAUSE).await;
            }
        };
        let begun = self.now();
        let result = self.reads.in_turn(deadline, read).await;
        let outcome = match &result {
            Ok(fill) if fill.found.key.is_some() => StoreOutcome::Found,
            Ok(_) => StoreOutcome::Unknown,
            Err(_) => StoreOutcome::Failed,
        };
        self.metrics.store_read(outcome, Duration::from_nanos(self.now().0.saturating_sub(begun.0)));
        if let Err(error) = &result {
            crate::log_limited!(warn, cause = ?std::error::Error::source(error), "reading the key store failed: {error}");
        }
        result
    }

    async fn find(&self, digests: &Digests, deadline: Deadline) -> Result<Found, StoreError> {
        let mut last = Found::unknown();
        for digest in digests.iter() {
            last = self.reads.read(deadline, self.store.find(digest)).await?;
            if last.key.is_some() {
                break;
            }
        }
        Ok(last)
    }

    fn judge(&self, digests: &Digests, key: Option<&StoredKey>) -> Result<Identity, Rejection> {
        let key = key.ok_or(Rejection::UnknownKey)?;
        match key.status {
            KeyStatus::Active => {}
            KeyStatus::Disabled => return Err(Rejection::KeyDisabled),
            KeyStatus::Expired => return Err(Rejection::KeyExpired),
            KeyStatus::Revoked => return Err(Rejection::KeyRevoked),
            KeyStatus::Compromised => return Err(Rejection::KeyCompromised),
        }
        let identity = self.unexpired(key.identity.clone()).map_err(|refused| refused.rejection)?;
        if key.not_before.is_some_and(|begins: Timestamp| begins > self.clock.now()) {
            return Err(Rejection::KeyNotYetValid);
        }
        if key.account_suspended {
            return Err(Rejection::AccountSuspended);
        }
        let identity = identity.with_mode(digests.mode());
        Ok(match &self.on_scopes {
            Some(listener) => identity.reporting_to(listener),
            None => identity,
        })
    }
}

impl From<Negative> for Box<Refused> {
    fn from(negative: Negative) -> Self {
        Self::new(Refused { rejection: negative.rejection, identity: negative.identity })
    }
}

impl Negative {
    fn holds(&self, cache: &Cache) -> bool {
        cache.now() < self.until
            && self.digests.iter().all(|digest| cache.epochs.digest_holds(Stripe::of_digest(digest), self.fill_epoch))
            && self.account.is_none_or(|account| cache.epochs.account_holds(account, self.fill_epoch))
    }
}

fn failure(kind: StoreErrorKind) -> Rejection {
    match kind {
        StoreErrorKind::Corrupt => Rejection::StoreCorrupt,
        StoreErrorKind::Unavailable => Rejection::StoreUnavailable,
    }
}
