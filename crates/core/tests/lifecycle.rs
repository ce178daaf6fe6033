//! The rules of a key's life, as `Keys` holds them.

use std::sync::Arc;
use std::time::Duration;

use keyward::{AccountRecord, Clock, Denial, Keys, KeysError, ManualClock, MemoryStore, NewKey, Rotation, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);

struct Fixture {
    keys: Keys,
    clock: Arc<ManualClock>,
    account: AccountRecord,
}

impl Fixture {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
        let keys = Keys::new(MemoryStore::new()).with_clock(clock.clone());
        let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
        keys.put_account(&account).await.unwrap();
        Self { keys, clock, account }
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
    assert!(matches!(stale, Err(KeysError::Denied(Denial::Stale))), "{stale:?}");
    fixture.keys.rotate_with(&id, at_version(1)).await.unwrap();
    let again = fixture.keys.rotate_with(&id, at_version(1)).await;
    assert!(matches!(again, Err(KeysError::Denied(Denial::Rotated))), "{again:?}");
}
