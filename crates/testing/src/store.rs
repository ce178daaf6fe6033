use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use keyward_core::key::{Digest, Hasher, KeyFormat, KeyKind};
use keyward_core::store::{Found, Freshness, KeyAdmin, KeyRecord, KeyStore, KeyUse, StoreError, StoredKey};
use keyward_core::tags::Tags;
use keyward_core::{CredentialId, MemoryStore, Timestamp};

use crate::TestIdentity;

/// The random part of the default format.
const RANDOM_LENGTH: usize = 26;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 2026-01-01T00:00:00Z.
const CREATED: i64 = 1_767_225_600_000;

/// A store of fixed keys, for requests through the real `AuthLayer`.
///
/// The first key that a test issues is the same in every run, and so is each that follows. Anyone can compute these keys:
/// **never use this store in production**. Clones share the keys.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use axum::{Router, body::Body, http::Request, routing::get};
/// use keyward::Authenticator;
/// use keyward::axum::{AuthLayer, Authenticated};
/// use keyward::testing::{ManualClock, TestIdentity, TestStore};
/// use tower::ServiceExt as _;
///
/// // As in the service, which passes the authenticator of its own store.
/// fn app(authenticator: Authenticator) -> Router {
///     let whoami = async |caller: Authenticated| caller.account().to_string();
///     Router::new().route("/", get(whoami)).layer(AuthLayer::from(authenticator))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = TestStore::new();
/// let key = store.issue(TestIdentity::account("acct_1").expires_at("2026-03-01T13:00:00Z"));
/// let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse()?));
/// let app = app(Authenticator::builder(store).clock(clock.clone()).build()?);
///
/// let request = || Request::get("/").header("authorization", key.bearer()).body(Body::empty());
/// assert_eq!(app.clone().oneshot(request()?).await?.status(), 200);
/// clock.advance(Duration::from_secs(3_600));
/// assert_eq!(app.oneshot(request()?).await?.status(), 401, "the key has expired");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TestStore(Arc<Shared>);

struct Shared {
    format: KeyFormat,
    /// Whether `format` is the default, in which this crate can write keys.
    fixed: bool,
    hasher: Hasher,
    memory: MemoryStore,
    /// Access tokens, which no [`KeyRecord`] describes.
    tokens: Mutex<HashMap<Digest, StoredKey>>,
    issued: AtomicU64,
}

impl TestStore {
    /// Creates a store without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::create(KeyFormat::default(), Hasher::default(), true)
    }

    /// Creates a store for keys of another format. Its [`issue`](Self::issue) makes random keys.
    ///
    /// # Examples
    /// ```
    /// use keyward::Authenticator;
    /// use keyward::key::{Hasher, KeyFormat, KeyKind};
    /// use keyward::testing::{TestIdentity, TestStore};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let format = KeyFormat::builder().prefix("sk", KeyKind::Secret).without_checksum().build()?;
    /// let store = TestStore::with_format(format.clone(), Hasher::default());
    /// let key = store.insert("sk_live_00000000000000000000000001", TestIdentity::account("acct_1"));
    /// let authenticator = Authenticator::builder(store).format(format).build()?;
    /// assert!(authenticator.authenticate([key.bearer().as_bytes()]).await.is_ok());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_format(format: KeyFormat, hasher: Hasher) -> Self {
        Self::create(format, hasher, false)
    }

    fn create(format: KeyFormat, hasher: Hasher, fixed: bool) -> Self {
        tracing::warn!("a TestStore is in use: anyone can compute its keys; use it in tests only");
        Self(Arc::new(Shared {
            format,
            fixed,
            hasher,
            memory: MemoryStore::new(),
            tokens: Mutex::default(),
            issued: AtomicU64::new(0),
        }))
    }

    /// Adds a key for `identity`, and returns it.
    ///
    /// # Panics
    /// If another identity of the account has another plan or other features, or if its id is in use.
    #[track_caller]
    #[allow(clippy::must_use_candidate, reason = "a test may add a key to list only")]
    pub fn issue(&self, identity: TestIdentity) -> TestKey {
        let number = self.next_number();
        let (kind, mode) = (identity.key.kind, identity.key.mode);
        let plain = if self.0.fixed {
            let prefix = match kind {
                KeyKind::Secret => "kw",
                KeyKind::Restricted => "kwr",
                KeyKind::Publishable => "kwp",
            };
            with_checksum(format!("{prefix}_{mode}_{number:0RANDOM_LENGTH$}"))
        } else {
            match self.0.format.generate(kind, mode) {
                Ok(key) => key.expose_once().to_string(),
                Err(error) => panic!("cannot issue a key of a TestStore: {error}"),
            }
        };
        self.put(number, plain, identity)
    }

    /// Adds this key for `identity`, and returns it.
    ///
    /// # Panics
    /// If the key does not fit the format, or has another kind or mode than `identity`. Otherwise as
    /// [`issue`](Self::issue).
    #[track_caller]
    #[allow(clippy::must_use_candidate, reason = "the test knows the key")]
    pub fn insert(&self, plain: impl Into<String>, identity: TestIdentity) -> TestKey {
        self.put(self.next_number(), plain.into(), identity)
    }

    /// Returns the keys as a [`MemoryStore`], for `Keys` and for code that lists or revokes keys. It has no access tokens.
    ///
    /// # Examples
    /// ```
    /// use keyward::testing::{TestIdentity, TestStore};
    /// use keyward::{Authenticator, Keys};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = TestStore::new();
    /// let key = store.issue(TestIdentity::account("acct_1"));
    /// let authenticator = Authenticator::new(store.clone());
    /// Keys::new(store.memory()).revoke(key.id()).await?;
    /// let refused = authenticator.authenticate([key.bearer().as_bytes()]).await.unwrap_err();
    /// assert_eq!(refused.code(), "API_KEY_REVOKED");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn memory(&self) -> MemoryStore {
        self.0.memory.clone()
    }

    fn next_number(&self) -> u64 {
        self.0.issued.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[track_caller]
    fn put(&self, number: u64, plain: String, mut identity: TestIdentity) -> TestKey {
        let parsed = match self.0.format.parse(plain.as_bytes()) {
            Ok(parsed) => parsed,
            Err(error) => panic!("invalid key {plain:?} of a TestStore: {error}"),
        };
        let (kind, mode) = (identity.key.kind, identity.key.mode);
        assert!(
            parsed.mode() == mode && (parsed.kind() == kind || identity.user.is_some()),
            "the key {plain:?} is a {} key in {} mode, but its TestIdentity is a {kind} key in {mode} mode",
            parsed.kind(),
            parsed.mode(),
        );
        let Ok(default) = format!("key_{number}").parse() else { unreachable!("a number makes no bad id") };
        let id = identity.id.get_or_insert(default).clone();
        let (digest, hint) = (self.0.hasher.digest(&parsed), parsed.hint());
        self.put_account(&identity);
        if identity.user.is_some() {
            let key = StoredKey::new(identity.identity());
            self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, key);
        } else {
            let key = identity.key;
            let record = KeyRecord {
                id: id.clone(),
                account: key.account,
                name: key.name,
                digest,
                hashed_with: self.0.hasher.name().into(),
                hint,
                kind,
                mode,
                scopes: key.scopes,
                endpoints: key.endpoints,
                networks: key.networks,
                metadata: key.metadata,
                created_at: Timestamp::from_millis(CREATED.saturating_add_unsigned(number)),
                not_before: None,
                expires_at: key.expires_at,
                disabled_at: None,
                revoked_at: None,
                compromised_at: None,
                last_used_at: None,
                last_used_from: None,
                user: None,
                created_by: None,
                revocation: None,
                tags: Tags::default(),
                rotated_from: None,
                rotated_to: None,
                version: 1,
            };
            if let Err(error) = at_once(self.0.memory.create(&record)) {
                panic!("cannot add the key {id} to a TestStore: {error}");
            }
        }
        TestKey { id, plain }
    }

    #[track_caller]
    fn put_account(&self, identity: &TestIdentity) {
        let account = &identity.account;
        match at_once(self.0.memory.get_account(&account.id)) {
            Ok(None) => {
                if let Err(error) = at_once(self.0.memory.put_account(account)) {
                    panic!("cannot add the account {} to a TestStore: {error}", account.id);
                }
            }
            Ok(Some(known)) => assert!(
                known.plan == account.plan && known.features == account.features,
                "the account {} has two plans or sets of features in a TestStore: give all its identities the same",
                account.id
            ),
            Err(error) => panic!("cannot read the account {} of a TestStore: {error}", account.id),
        }
    }
}

impl Default for TestStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestStore").field("issued", &self.0.issued).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyStore for TestStore {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let mut found = self.0.memory.find(digest).await?;
        if found.key.is_none() {
            found.key = self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        }
        Ok(found)
    }

    fn freshness(&self) -> Freshness {
        self.0.memory.freshness()
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        self.0.memory.record_use(uses).await
    }
}

/// A key of a [`TestStore`].
#[derive(Clone)]
pub struct TestKey {
    id: CredentialId,
    plain: String,
}

impl TestKey {
    /// Returns the value of an `Authorization` field: `Bearer` and the key.
    ///
    /// # Examples
    /// ```
    /// use keyward::testing::{TestIdentity, TestStore};
    ///
    /// let key = TestStore::new().issue(TestIdentity::account("acct_1"));
    /// let request = http::Request::get("/notes").header("authorization", key.bearer()).body(())?;
    /// # Ok::<(), http::Error>(())
    /// ```
    #[must_use]
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.plain)
    }

    /// Returns the key.
    #[must_use]
    pub fn plain(&self) -> &str {
        &self.plain
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &CredentialId {
        &self.id
    }
}

impl fmt::Debug for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// As the default format writes it.
fn with_checksum(mut key: String) -> String {
    let mut rest = crc32fast::hash(key.as_bytes());
    let mut digits = ['0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(BASE62[rest as usize % BASE62.len()]);
        rest /= 62;
    }
    key.extend(digits);
    key
}

/// A [`MemoryStore`] never waits.
fn at_once<T>(operation: impl Future<Output = T>) -> T {
    operation.now_or_never().expect("a store in memory answers at once")
}

#[cfg(test)]
mod tests {
    use keyward_core::{Authenticator, Mode};

    use super::*;

    #[test]
    fn issued_keys_are_the_same_in_every_run() {
        let store = TestStore::new();
        let key = |identity| store.issue(identity).plain().to_owned();
        let account = || TestIdentity::account("acct_1");
        assert!(key(account()).starts_with("kw_live_00000000000000000000000001"));
        assert!(key(account().mode(Mode::Test)).starts_with("kw_test_00000000000000000000000002"));
        assert!(key(account().kind(KeyKind::Publishable)).starts_with("kwp_live_00000000000000000000000003"));
        assert!(key(account().kind(KeyKind::Restricted)).starts_with("kwr_live_00000000000000000000000004"));
        assert_eq!(TestStore::new().issue(account()).plain(), TestStore::new().issue(account()).plain());
    }

    #[tokio::test]
    async fn a_key_and_a_token_return_their_identities() {
        let store = TestStore::new();
        let identity = TestIdentity::account("acct_1").scopes(["notes:read"]).plan("Pro").metadata("team", "a");
        let key = store.issue(identity.clone().id("key_9"));
        let token = store.issue(identity.clone().user("user_1"));
        let authenticator = Authenticator::new(store);
        for (key, expected) in [(key, identity.clone().id("key_9")), (token, identity.user("user_1").id("key_2"))] {
            // Twice, so that the second answer may come from the cache.
            for _ in 0..2 {
                let admission = authenticator.authenticate([key.bearer().as_bytes()]).await.unwrap();
                assert_eq!(admission, keyward_core::adapter::Admission::Identity(expected.identity()));
            }
            assert!(!format!("{key:?}").contains(key.plain()));
        }
    }

    #[track_caller]
    fn check(fill: fn(&TestStore), expected: &str) {
        let panic = std::panic::catch_unwind(|| fill(&TestStore::new())).unwrap_err();
        let said = panic.downcast_ref::<String>().unwrap();
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn what_does_not_fit_panics_with_a_reason() {
        check(
            |store| drop(store.insert("kw_live_short", TestIdentity::account("acct_1"))),
            "invalid key \"kw_live_short\" of a TestStore: the key has the wrong format",
        );
        check(
            |store| {
                let key = TestStore::new().issue(TestIdentity::account("acct_1"));
                store.insert(key.plain(), TestIdentity::account("acct_1").mode(Mode::Test));
            },
            "is a secret key in live mode, but its TestIdentity is a secret key in test mode",
        );
        check(
            |store| {
                store.issue(TestIdentity::account("acct_1").plan("Pro"));
                store.issue(TestIdentity::account("acct_1").plan("Plus"));
            },
            "the account acct_1 has two plans or sets of features in a TestStore",
        );
        check(
            |store| {
                store.issue(TestIdentity::account("acct_1").id("key_7"));
                store.issue(TestIdentity::account("acct_1").id("key_7"));
            },
            "cannot add the key key_7 to a TestStore: ",
        );
    }
}
