use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use keyward_core::clock::ManualClock;
use keyward_core::key::KeyKind;
use keyward_core::lifecycle::{Changed, KeysError};
use keyward_core::store::{KeyAdmin, KeyRecord, WriteRefused};
use keyward_core::{CredentialId, KeyUpdate, Keys, NewKey, ScopeSet};

use super::racing::Racing;
use super::{account, at, get};

const NOW: i64 = 1_000_000;
const HOUR: Duration = Duration::from_secs(3_600);

fn keys(store: impl KeyAdmin, now: i64) -> Keys {
    Keys::new(store).with_clock(Arc::new(ManualClock::at(at(now))))
}

/// Valid from 500,000 to 2,000,000.
async fn issued(store: &(impl KeyAdmin + Clone)) -> KeyRecord {
    let new = NewKey {
        not_before: Some(at(500_000)),
        expires_at: Some(at(2_000_000)),
        metadata: serde_json::Map::from_iter([("team".to_owned(), "a".into())]),
        ..NewKey::restricted(account(store).await.id, "a", "jobs:read".parse().expect("a scope"))
    };
    keys(store.clone(), NOW).issue(new).await.expect("a key is issued").record
}

fn denial<T: fmt::Debug>(result: Result<T, KeysError>, what: impl fmt::Debug) -> WriteRefused {
    match result {
        Err(KeysError::Denied(denial)) => denial,
        other => panic!("{what:?} is not denied: {other:?}"),
    }
}

fn uses() -> [KeyUpdate; 7] {
    let nothing = KeyUpdate::default;
    [
        KeyUpdate { scopes: Some("jobs:*".parse().expect("a scope")), ..nothing() },
        KeyUpdate { endpoints: Some(vec!["GET /v1/jobs".parse().expect("an endpoint")]), ..nothing() },
        KeyUpdate { networks: Some(vec!["192.0.2.0/24".parse().expect("a network")]), ..nothing() },
        KeyUpdate { expires_at: Some(None), ..nothing() },
        KeyUpdate { not_before: Some(None), ..nothing() },
        KeyUpdate { disabled_at: Some(Some(at(NOW))), ..nothing() },
        KeyUpdate { disabled_at: Some(None), ..nothing() },
    ]
}

fn labels() -> [KeyUpdate; 2] {
    [
        KeyUpdate { name: Some("b".into()), ..KeyUpdate::default() },
        KeyUpdate { metadata: Some(serde_json::Map::new()), ..KeyUpdate::default() },
    ]
}

pub(super) async fn ended_keys_are_not_changed(store: impl KeyAdmin + Clone) {
    let (before, after) = (keys(store.clone(), NOW), keys(store.clone(), 2_000_000));
    let (expired, revoked, compromised) = (issued(&store).await, issued(&store).await, issued(&store).await);
    before.revoke(&revoked.id).await.expect("a key is revoked");
    before.mark_compromised(&compromised.id).await.expect("a key is marked");
    for (keys, id) in [(&after, &expired.id), (&before, &revoked.id), (&before, &compromised.id)] {
        let kept = get(&store, id).await;
        for update in uses() {
            assert_eq!(denial(keys.update(id, &update).await, &update), WriteRefused::Ended);
        }
        assert_eq!(denial(keys.disable(id).await, "disabling"), WriteRefused::Ended);
        assert_eq!(denial(keys.enable(id).await, "enabling"), WriteRefused::Ended);
        assert_eq!(denial(keys.set_expiry(id, Some(at(3_000_000))).await, "a later end"), WriteRefused::Ended);
        assert_eq!(denial(keys.rotate(id, HOUR).await, "rotating"), WriteRefused::Ended);
        assert_eq!(get(&store, id).await, kept, "a denied change was written");
    }
    for update in labels() {
        for id in [&revoked.id, &compromised.id] {
            assert_eq!(denial(before.update(id, &update).await, &update), WriteRefused::Ended);
        }
        // The same scopes are no change, so a form may send all of its fields.
        let update = KeyUpdate { scopes: Some(expired.scopes.clone()), ..update };
        let changed = after.update(&expired.id, &update).await.expect("an expired key gets a name and metadata").record;
        assert_eq!(changed, get(&store, &expired.id).await);
        assert!(update.name.is_none_or(|name| name == changed.name));
        assert!(update.metadata.is_none_or(|metadata| metadata == changed.metadata));
    }
    // Marking as compromised and revoking are always possible.
    for (keys, id) in [(&after, &expired.id), (&before, &revoked.id), (&before, &compromised.id)] {
        assert!(keys.mark_compromised(id).await.expect("a key is marked").record.compromised_at.is_some());
        assert!(keys.revoke(id).await.expect("a key is revoked").record.revoked_at.is_some());
    }
}

pub(super) async fn rotated_keys_never_end_later(store: impl KeyAdmin + Clone) {
    let (keys, key) = (keys(store.clone(), NOW), issued(&store).await);
    keys.rotate(&key.id, Duration::from_millis(500_000)).await.expect("a key is rotated");
    for later in [None, Some(at(1_500_001)), Some(at(2_000_000))] {
        assert_eq!(denial(keys.set_expiry(&key.id, later).await, later), WriteRefused::Rotated);
        let update = KeyUpdate { expires_at: Some(later), ..KeyUpdate::default() };
        let direct = store.update(&key.id, &update).await;
        assert!(matches!(direct, Err(keyward_core::store::AdminError::Denied(WriteRefused::Rotated))), "{direct:?}");
    }
    assert_eq!(get(&store, &key.id).await.expires_at, Some(at(1_500_000)));
    for earlier in [1_500_000, 1_400_000] {
        let changed = keys.set_expiry(&key.id, Some(at(earlier))).await.expect("the end moves earlier").record;
        assert_eq!(changed.expires_at, Some(at(earlier)));
    }
    let disabled = keys.disable(&key.id).await.expect("a rotated key is disabled").record;
    assert_eq!(disabled.expires_at, Some(at(1_400_000)));
}

pub(super) async fn ends_must_be_in_the_future(store: impl KeyAdmin + Clone) {
    let (keys, key) = (keys(store.clone(), NOW), issued(&store).await);
    let ends = |expires_at| KeyUpdate { expires_at: Some(expires_at), ..KeyUpdate::default() };
    let begins = |not_before| KeyUpdate { not_before: Some(not_before), ..KeyUpdate::default() };
    let spans = |begin, end| KeyUpdate { not_before: Some(Some(at(begin))), ..ends(Some(at(end))) };
    for update in [ends(Some(at(NOW))), ends(Some(at(1))), begins(Some(at(2_000_000))), spans(3_000_000, 2_500_000)] {
        let refused = keys.update(&key.id, &update).await;
        assert!(matches!(refused, Err(KeysError::Ended)), "{update:?}: {refused:?}");
    }
    assert_eq!(get(&store, &key.id).await, key, "a refused change was written");
    for update in [ends(Some(at(NOW + 1))), ends(None), spans(3_000_000, 4_000_000), begins(None)] {
        keys.update(&key.id, &update).await.unwrap_or_else(|error| panic!("{update:?}: {error}"));
    }
}

pub(super) async fn disabling_again_keeps_the_first_time(store: impl KeyAdmin + Clone) {
    let key = issued(&store).await;
    let disabled_at = |changed: Result<Changed, KeysError>| changed.expect("it is changed").record.disabled_at;
    let (first, second) = (keys(store.clone(), NOW), keys(store.clone(), NOW + 5));
    assert_eq!(disabled_at(first.disable(&key.id).await), Some(at(NOW)));
    assert_eq!(disabled_at(second.disable(&key.id).await), Some(at(NOW)));
    let update = KeyUpdate { disabled_at: Some(Some(at(7))), ..KeyUpdate::default() };
    assert_eq!(disabled_at(second.update(&key.id, &update).await), Some(at(NOW)));
    assert_eq!(get(&store, &key.id).await.disabled_at, Some(at(NOW)));
    assert_eq!(disabled_at(second.enable(&key.id).await), None);
    assert_eq!(disabled_at(second.disable(&key.id).await), Some(at(NOW + 5)));
}

pub(super) async fn restricted_keys_keep_a_scope(store: impl KeyAdmin + Clone) {
    let (keys, key) = (keys(store.clone(), NOW), issued(&store).await);
    assert_eq!(key.kind, KeyKind::Restricted);
    let none = KeyUpdate { scopes: Some(ScopeSet::default()), ..KeyUpdate::default() };
    let refused = keys.update(&key.id, &none).await;
    assert!(matches!(refused, Err(KeysError::NoScope)), "{refused:?}");
    assert_eq!(get(&store, &key.id).await, key);
}

pub(super) async fn rules_hold_for_keys_that_change_meanwhile(store: impl KeyAdmin + Clone) {
    type Write = fn(Keys, CredentialId) -> futures_util::future::BoxFuture<'static, ()>;
    let rotate: Write = |keys, id| async move { drop(keys.rotate(&id, HOUR).await.expect("rotated")) }.boxed();
    let revoke: Write = |keys, id| async move { drop(keys.revoke(&id).await.expect("revoked")) }.boxed();
    let expire: Write =
        |keys, id| async move { drop(keys.set_expiry(&id, Some(at(NOW + 1))).await.expect("ended")) }.boxed();
    let rename: Write = |keys, id| async move { drop(keys.update(&id, &labels()[0]).await.expect("renamed")) }.boxed();
    let no_end = KeyUpdate { expires_at: Some(None), ..KeyUpdate::default() };
    let enable = KeyUpdate { disabled_at: Some(None), ..KeyUpdate::default() };
    let of_version = KeyUpdate { version: Some(1), ..enable.clone() };
    for (meanwhile, update, expected) in [
        (rotate, &no_end, Err(WriteRefused::Rotated)),
        (revoke, &no_end, Err(WriteRefused::Ended)),
        (revoke, &enable, Err(WriteRefused::Ended)),
        // The second attempt has the clock of the first, at which the key has not ended.
        (expire, &no_end, Ok(())),
        (rename, &no_end, Ok(())),
        (rename, &of_version, Err(WriteRefused::Stale)),
    ] {
        let key = issued(&store).await;
        let id = key.id.clone();
        let racing = Racing::new(store.clone(), move |inner| meanwhile(keys(inner, NOW), id.clone()));
        let done = keys(racing, NOW).update(&key.id, update).await;
        match (done, expected) {
            (Ok(changed), Ok(())) => {
                assert_eq!(changed.record, get(&store, &key.id).await);
                assert_eq!(changed.record.version, 3, "the other writer's change is lost");
            }
            (done, Err(expected)) => assert_eq!(denial(done, update), expected),
            (done, Ok(())) => panic!("{update:?}: {done:?}"),
        }
    }
}
