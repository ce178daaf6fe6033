//! The rules of `Keys`.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use keyward_core::clock::{Clock, ManualClock};
use keyward_core::key::{KeyFormat, KeyKind};
use keyward_core::lifecycle::{Imported, KeysError, Rotation};
use keyward_core::store::WriteRefused;
use keyward_core::{AccountRecord, KeyUpdate, Keys, MemoryStore, Mode, NewKey, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);

struct Fixture {
    store: MemoryStore,
    keys: Keys,
    clock: Arc<ManualClock>,
    account: AccountRecord,
}

impl Fixture {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
        let store = MemoryStore::new();
        let keys = Keys::new(store.clone()).with_clock(clock.clone());
        let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
        keys.put_account(&account).await.unwrap();
        Self { store, keys, clock, account }
    }

    fn secret(&self) -> NewKey {
        NewKey::secret(self.account.id.clone(), "a")
    }

    fn after(&self, later: Duration) -> Timestamp {
        self.clock.now().saturating_add(later)
    }
}

#[tokio::test]
async fn rotation_with_a_latest_end_never_exceeds_it() {
    let fixture = Fixture::new().await;
    for (end, latest, expected) in [
        (None, None, Some(None)),
        (None, Some(2 * HOUR), Some(Some(2 * HOUR))),
        (Some(HOUR), Some(2 * HOUR), Some(Some(HOUR))),
        (Some(3 * HOUR), Some(2 * HOUR), Some(Some(2 * HOUR))),
        (None, Some(Duration::ZERO), None),
    ] {
        let new = NewKey { expires_at: end.map(|end| fixture.after(end)), ..fixture.secret() };
        let issued = fixture.keys.issue(new).await.unwrap();
        let latest_end = latest.map(|latest| fixture.after(latest));
        let rotation = Rotation { overlap: HOUR, latest_end, ..Rotation::default() };
        match (fixture.keys.rotate_with(&issued.record.id, rotation).await, expected) {
            (Ok(rotated), Some(expected)) => {
                assert_eq!(rotated.record.expires_at, expected.map(|end| fixture.after(end)));
            }
            (Err(KeysError::Ended), None) => {
                let kept = fixture.keys.get(&issued.record.id).await.unwrap().unwrap();
                assert_eq!(kept, issued.record, "a refused rotation changed the key");
            }
            (other, expected) => panic!("{end:?} {latest:?}: {other:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn rotation_of_another_version_is_stale() {
    let fixture = Fixture::new().await;
    let id = fixture.keys.issue(fixture.secret()).await.unwrap().record.id;
    let at_version = |version| Rotation { version: Some(version), ..Rotation::default() };
    let stale = fixture.keys.rotate_with(&id, at_version(2)).await;
    assert!(matches!(stale, Err(KeysError::Denied(WriteRefused::Stale))), "{stale:?}");
    fixture.keys.rotate_with(&id, at_version(1)).await.unwrap();
    let again = fixture.keys.rotate_with(&id, at_version(1)).await;
    assert!(matches!(again, Err(KeysError::Denied(WriteRefused::Rotated))), "{again:?}");
}

#[tokio::test]
async fn rotation_in_another_format_is_refused_or_converts() {
    let fixture = Fixture::new().await;
    let format = KeyFormat::builder().prefix("kwms", KeyKind::Secret).build().unwrap();
    let other = Keys::new(fixture.store.clone()).with_clock(fixture.clock.clone()).with_format(format);
    let issued = other.issue(fixture.secret()).await.unwrap().record;
    let refused = fixture.keys.rotate(&issued.id, HOUR).await;
    assert!(matches!(&refused, Err(KeysError::OtherFormat(hint)) if *hint == issued.hint), "{refused:?}");
    assert_eq!(
        fixture.keys.get(&issued.id).await.unwrap().as_ref(),
        Some(&issued),
        "a refused rotation changed the key"
    );
    let own = other.rotate(&issued.id, HOUR).await.unwrap();
    assert!(own.key.expose_once().starts_with("kwms_live_"));

    let converted = fixture.keys.clone().with_conversion().rotate(&own.record.id, HOUR).await.unwrap();
    assert!(converted.key.expose_once().starts_with("kw_live_"));
}

#[tokio::test]
async fn imported_keys_are_rotated_into_the_format() {
    let fixture = Fixture::new().await;
    for (hint, expected) in [("sk_live_…", true), ("…", true), ("sk_…3456", true), ("sk_live_…3456", false)] {
        let like = fixture.keys.issue(fixture.secret()).await.unwrap().record;
        fixture.keys.revoke(&like.id).await.unwrap();
        let record = keyward_core::store::KeyRecord {
            id: keyward_core::CredentialId::generate(),
            digest: keyward_core::key::Digest::from_bytes(std::array::from_fn(|i| (hint.len() + i) as u8)),
            hint: hint.parse().unwrap(),
            ..like
        };
        assert_eq!(fixture.keys.import(&record).await.unwrap(), Imported::New);
        let strict = fixture.keys.rotate(&record.id, HOUR).await;
        assert_eq!(strict.is_ok(), expected, "{hint}: {strict:?}");
        if !expected {
            fixture.keys.clone().with_conversion().rotate(&record.id, HOUR).await.unwrap();
        }
    }
}

#[tokio::test]
async fn imported_keys_may_have_ended_but_not_before_they_begin() {
    let fixture = Fixture::new().await;
    let like = fixture.keys.issue(fixture.secret()).await.unwrap().record;
    let now = fixture.clock.now();
    let past = |seconds: i64| Some(Timestamp::from_millis(now.as_millis() - seconds));
    for (not_before, expires_at, fits) in
        [(None, past(1), true), (past(2), past(1), true), (past(1), past(1), false), (past(1), past(2), false)]
    {
        let record = keyward_core::store::KeyRecord {
            id: keyward_core::CredentialId::generate(),
            digest: keyward_core::key::Digest::from_bytes([not_before.is_some() as u8; 32]),
            not_before,
            expires_at,
            ..like.clone()
        };
        for done in [fixture.keys.preview_import(&record).await, fixture.keys.import(&record).await] {
            assert_eq!(matches!(done, Ok(Imported::New)), fits, "{done:?}");
            assert!(fits || matches!(done, Err(KeysError::Ended)), "{done:?}");
        }
    }
}

#[tokio::test]
async fn names_are_checked_and_trimmed() {
    let fixture = Fixture::new().await;
    let issued = fixture.keys.issue(NewKey { name: " a b ".into(), ..fixture.secret() }).await.unwrap().record;
    assert_eq!(issued.name, "a b");
    for name in ["", " ", "\u{200b}", "\u{3164}", "pro\u{202e}duction", "two\nlines"] {
        let new = NewKey { name: name.into(), ..fixture.secret() };
        assert!(matches!(fixture.keys.check_new(&new), Err(KeysError::Name(_))), "{name:?}");
        assert!(matches!(fixture.keys.issue(new).await, Err(KeysError::Name(_))), "{name:?}");
        let update = KeyUpdate { name: Some(name.into()), ..KeyUpdate::default() };
        assert!(matches!(fixture.keys.update(&issued.id, &update).await, Err(KeysError::Name(_))), "{name:?}");
        let imported = keyward_core::store::KeyRecord { name: name.into(), ..issued.clone() };
        assert!(matches!(fixture.keys.import(&imported).await, Err(KeysError::Name(_))), "{name:?}");
    }
    let update = KeyUpdate { name: Some(" c ".into()), ..KeyUpdate::default() };
    assert_eq!(fixture.keys.update(&issued.id, &update).await.unwrap().record.name, "c");
}

#[tokio::test]
async fn networks_are_stored_in_one_form() {
    let fixture = Fixture::new().await;
    let networks = || vec!["::ffff:10.0.0.0/104".parse().unwrap(), "192.0.2.7/24".parse().unwrap()];
    let expected = vec!["10.0.0.0/8".parse().unwrap(), "192.0.2.0/24".parse().unwrap()];
    let issued = fixture.keys.issue(NewKey { networks: networks(), ..fixture.secret() }).await.unwrap().record;
    assert_eq!(issued.networks, expected);
    let update = KeyUpdate { networks: Some(networks()), ..KeyUpdate::default() };
    assert_eq!(fixture.keys.update(&issued.id, &update).await.unwrap().record.networks, expected);
}

#[tokio::test]
async fn new_keys_are_checked_before_anything_is_written() {
    let fixture = Fixture::new().await;
    let secret = || fixture.secret();
    let only_test = KeyFormat::builder().prefix("sk", KeyKind::Secret).only_mode(Mode::Test).build().unwrap();
    let keys = fixture.keys.clone().with_format(only_test);
    let now = fixture.clock.now();
    for (new, fits) in [
        (NewKey { mode: Mode::Test, ..secret() }, true),
        (NewKey { mode: Mode::Live, ..secret() }, false),
        (NewKey { mode: Mode::Test, expires_at: Some(now), ..secret() }, false),
        (NewKey { mode: Mode::Test, kind: KeyKind::Publishable, ..secret() }, false),
        (NewKey { mode: Mode::Test, kind: KeyKind::Restricted, scopes: Default::default(), ..secret() }, false),
    ] {
        assert_eq!(keys.check_new(&new).is_ok(), fits, "{new:?}");
        assert_eq!(keys.issue(new).await.is_ok(), fits);
    }
}
