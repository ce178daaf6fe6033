//! Open streams end with their key, on every node.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyward::adapter::{Admission, Target, UnknownConnection};
use keyward::key::{Digest, KeyFormat, KeyKind};
use keyward::policy::from_guard;
use keyward::sqlite::SqliteStore;
use keyward::store::{Found, Freshness, KeyAdmin, KeyStatus, KeyStore, StoreError, StoredKey, async_trait};
use keyward::{
    AccountId, AccountRecord, Authenticator, CredentialId, Identity, KeyUpdate, KeyWatch, Keys, MemoryStore, Mode,
    NewKey, Rejection, ScopeSet, Timestamp,
};
use keyward_needs::needs;
use keyward_tests::program::SOON;
use keyward_tests::watched::within;

keyward::scopes! { EventsRead = "events:read"; }

const TARGET: Target<'static> =
    Target { method: "GET", path: "/v1/events", preflight: false, connection: &UnknownConnection };

async fn watched(authenticator: &Authenticator, field: &str) -> KeyWatch {
    let admission = authenticator.authenticate([field.as_bytes()]).await.unwrap();
    let Admission::Identity(identity) = admission else { panic!("anonymous, with a credential") };
    authenticator.watch(&identity, TARGET, [field.as_bytes()]).unwrap()
}

/// A new node has no lease yet, so it does not cache its first answers.
async fn cached(authenticator: &Authenticator, field: &str) -> KeyWatch {
    within("the answer is cached", async || watched(authenticator, field).await.holds()).await;
    watched(authenticator, field).await
}

async fn end(watch: &mut KeyWatch) -> &'static str {
    tokio::time::timeout(SOON, watch.refused()).await.expect("the stream goes on").reason()
}

struct Provider {
    keys: Keys,
    account: AccountId,
}

impl Provider {
    async fn new(store: impl KeyAdmin) -> Self {
        let (keys, account) = (Keys::new(store), "acct_1".parse::<AccountId>().unwrap());
        keys.put_account(&AccountRecord::new(account.clone(), "Example Ltd")).await.unwrap();
        Self { keys, account }
    }

    async fn issue(&self) -> (CredentialId, String) {
        let scopes: ScopeSet = "events:read".parse().unwrap();
        let issued = self.keys.issue(NewKey::restricted(self.account.clone(), "stream", scopes)).await.unwrap();
        (issued.record.id, format!("Bearer {}", *issued.key.expose_once()))
    }

    /// Does to the key what ends its streams.
    async fn act(&self, what: &str, id: &CredentialId) {
        let keys = &self.keys;
        match what {
            "key_revoked" => drop(keys.revoke(id).await.unwrap()),
            "key_compromised" => drop(keys.mark_compromised(id).await.unwrap()),
            "key_disabled" => drop(keys.disable(id).await.unwrap()),
            "account_suspended" => drop(keys.suspend_account(&self.account).await.unwrap()),
            "key_expired" => drop(keys.set_expiry(id, Some(soon())).await.unwrap()),
            "insufficient_scope" => {
                self.update(id, KeyUpdate { scopes: Some("other:read".parse().unwrap()), ..KeyUpdate::default() }).await
            }
            "endpoint_not_allowed" => {
                self.update(
                    id,
                    KeyUpdate { endpoints: Some(vec!["GET /v1/videos".parse().unwrap()]), ..KeyUpdate::default() },
                )
                .await;
            }
            "network_not_allowed" => {
                self.update(
                    id,
                    KeyUpdate { networks: Some(vec!["192.0.2.0/24".parse().unwrap()]), ..KeyUpdate::default() },
                )
                .await;
            }
            other => panic!("{other}"),
        }
    }

    async fn update(&self, id: &CredentialId, update: KeyUpdate) {
        let _ = self.keys.update(id, &update).await.unwrap();
    }
}

fn soon() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now()).saturating_add(Duration::from_secs(5))
}

async fn streams_end_with_their_key_on_every_node<S: KeyAdmin + KeyStore + Clone>(store: S) {
    let provider = Provider::new(store.clone()).await;
    // A stream ends if the store does not answer in time.
    let node = |store: S| Authenticator::builder(store).store_timeout(SOON).build().unwrap();
    let nodes = [node(store.clone()), node(store)];
    let (_, bystander) = provider.issue().await;
    for what in [
        "key_revoked",
        "key_compromised",
        "key_disabled",
        "key_expired",
        "insufficient_scope",
        "endpoint_not_allowed",
        "network_not_allowed",
        // Last, because it ends the bystander, too.
        "account_suspended",
    ] {
        let (id, field) = provider.issue().await;
        let mut streams = Vec::new();
        for node in &nodes {
            let mut watch = watched(node, &field).await.requiring(from_guard::<EventsRead>());
            streams.push(tokio::spawn(async move { end(&mut watch).await }));
        }
        let mut other = watched(&nodes[0], &bystander).await;
        provider.act(what, &id).await;
        for stream in streams {
            let reason = stream.await.unwrap();
            assert_eq!(reason.trim_start_matches("api_").trim_start_matches("key_"), what.trim_start_matches("key_"));
        }
        if what != "account_suspended" {
            let goes_on = tokio::time::timeout(Duration::from_millis(20), other.refused()).await;
            assert!(goes_on.is_err(), "{what} ended another key's stream");
        }
    }
    for node in nodes {
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_in_memory() {
    streams_end_with_their_key_on_every_node(MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_on_sqlite() {
    streams_end_with_their_key_on_every_node(SqliteStore::temporary().unwrap()).await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_on_postgresql() {
    let url = keyward_tests::postgres::database();
    streams_end_with_their_key_on_every_node(keyward_tests::postgres::store(&url).await).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_on_valkey() {
    let url = keyward_tests::valkey::server(&[]);
    streams_end_with_their_key_on_every_node(keyward_tests::valkey::store(&url).await).await;
}

#[tokio::test]
async fn nothing_is_sent_after_a_revocation_to_a_stream_that_asks_first() {
    let store = MemoryStore::new();
    let provider = Provider::new(store.clone()).await;
    let authenticator = Authenticator::new(store);
    let (id, field) = provider.issue().await;
    let mut watch = cached(&authenticator, &field).await;
    assert!(tokio::time::timeout(Duration::from_millis(20), watch.refused()).await.is_err());
    assert!(watch.holds());
    let _ = provider.keys.revoke(&id).await.unwrap();
    assert!(!watch.holds(), "a message would be sent after the revocation");
    assert_eq!(watch.refused().await, Rejection::KeyRevoked);
    assert_eq!(watch.refused().await, Rejection::KeyRevoked, "it can be asked again");
}

#[tokio::test]
async fn a_change_that_refuses_nothing_shows_in_the_identity_and_ends_no_stream() {
    let store = MemoryStore::new();
    let provider = Provider::new(store.clone()).await;
    let authenticator = Authenticator::new(store);
    let (_, field) = provider.issue().await;
    let mut watch = cached(&authenticator, &field).await;
    assert_eq!(watch.identity().plan(), None);
    let _ = provider.keys.set_plan(&provider.account, Some("Pro")).await.unwrap();
    within("the plan shows", async || {
        assert!(tokio::time::timeout(Duration::from_millis(50), watch.refused()).await.is_err());
        watch.identity().plan() == Some("Pro") && watch.holds()
    })
    .await;
}

#[tokio::test]
async fn no_message_is_lost_because_of_a_change_that_refuses_nothing() {
    let store = MemoryStore::new();
    let provider = Provider::new(store.clone()).await;
    let authenticator = Authenticator::new(store);
    let (id, field) = provider.issue().await;
    // From the first message on, although nothing has waited for the key yet.
    let mut watch = cached(&authenticator, &field).await.requiring(from_guard::<EventsRead>());
    assert!(watch.holds(), "a policy that the identity passes makes the answer unknown");
    let _ = provider.keys.set_plan(&provider.account, Some("Pro")).await.unwrap();
    assert!(!watch.holds(), "the answer is older than the change");
    assert_eq!(watch.check().await, Ok(()));
    assert_eq!(watch.identity().plan(), Some("Pro"));
    provider.act("insufficient_scope", &id).await;
    assert_eq!(watch.check().await.map_err(|rejection| rejection.code()), Err("INSUFFICIENT_SCOPE"));
    let mut late = authenticator.watch(watch.identity(), TARGET, [field.as_bytes()]).unwrap();
    assert_eq!(late.check().await, Ok(()), "without the policy, the key still works");
    late = late.requiring(from_guard::<EventsRead>());
    assert_eq!(late.check().await.map_err(|rejection| rejection.code()), Err("INSUFFICIENT_SCOPE"));
}

#[tokio::test]
async fn a_watch_belongs_to_the_credential_of_its_request() {
    let store = MemoryStore::new();
    let provider = Provider::new(store.clone()).await;
    let authenticator = Authenticator::new(store);
    let (_, field) = provider.issue().await;
    let stranger = Identity::api_key("key_other".parse().unwrap(), provider.account.clone());
    let mut watch = authenticator.watch(&stranger, TARGET, [field.as_bytes()]).unwrap();
    assert_eq!(watch.refused().await, Rejection::NotConfigured);
    let refused = |fields: &[&[u8]]| authenticator.watch(&stranger, TARGET, fields.iter().copied()).unwrap_err().code();
    assert_eq!(refused(&[]), "MISSING_API_KEY");
    assert_eq!(refused(&[b"Bearer nonsense"]), "INVALID_API_KEY");
    assert_eq!(refused(&[field.as_bytes(), field.as_bytes()]), "INVALID_REQUEST");
}

/// A store without a change log, which can fail.
#[derive(Clone)]
struct Aged {
    age: Duration,
    revoked: Arc<AtomicBool>,
    fails: Arc<AtomicBool>,
}

#[async_trait]
impl KeyStore for Aged {
    async fn find(&self, _: &Digest) -> Result<Found, StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("the store is down"));
        }
        let status = if self.revoked.load(Ordering::SeqCst) { KeyStatus::Revoked } else { KeyStatus::Active };
        let identity = Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap());
        Ok(Found::key(StoredKey::new(identity).with_status(status)))
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(self.age)
    }
}

#[tokio::test]
async fn without_a_change_log_streams_end_when_their_answer_is_too_old() {
    for age in [Duration::ZERO, Duration::from_millis(100)] {
        let store = Aged { age, revoked: Arc::default(), fails: Arc::default() };
        let authenticator = Authenticator::new(store.clone());
        let field = || {
            let key = KeyFormat::default().generate(KeyKind::Secret, Mode::Live).unwrap();
            format!("Bearer {}", *key.expose_once())
        };
        let mut watch = watched(&authenticator, &field()).await;
        assert!(tokio::time::timeout(Duration::from_millis(300), watch.refused()).await.is_err());
        store.revoked.store(true, Ordering::SeqCst);
        assert_eq!(end(&mut watch).await, "key_revoked");

        store.revoked.store(false, Ordering::SeqCst);
        let mut watch = watched(&authenticator, &field()).await;
        store.fails.store(true, Ordering::SeqCst);
        assert_eq!(end(&mut watch).await, "store_unavailable");
        store.fails.store(false, Ordering::SeqCst);
        assert!(tokio::time::timeout(Duration::from_millis(50), watch.refused()).await.is_err(), "it can go on");
    }
}

#[tokio::test]
async fn a_stream_ends_at_the_shutdown_of_its_node() {
    let store = MemoryStore::new();
    let provider = Provider::new(store.clone()).await;
    let authenticator = Authenticator::new(store);
    let (_, field) = provider.issue().await;
    let mut watch = watched(&authenticator, &field).await;
    authenticator.shutdown().await;
    assert_eq!(end(&mut watch).await, "shutting_down");
    assert!(!watch.holds(), "the cache may not answer");
}
