//! The default and the maximum lifetime of keys.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use keyward_core::clock::{Clock, ManualClock};
use keyward_core::key::Digest;
use keyward_core::lifecycle::{Imported, KeysError, Lifetimes, Rotation};
use keyward_core::store::KeyRecord;
use keyward_core::{AccountRecord, CredentialId, Identity, KeyUpdate, Keys, MemoryStore, NewKey, Timestamp};
use proptest::prelude::*;

const DAY: Duration = Duration::from_secs(86_400);

fn days(default: Option<u32>, maximum: Option<u32>) -> Lifetimes {
    Lifetimes { default: default.map(|days| days * DAY), maximum: maximum.map(|days| days * DAY) }
}

struct Fixture {
    keys: Keys,
    clock: Arc<ManualClock>,
}

impl Fixture {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
        let keys = Keys::new(MemoryStore::new()).with_clock(clock.clone());
        keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
        Self { keys, clock }
    }

    fn within(&self, lifetimes: Lifetimes) -> Keys {
        self.keys.clone().with_lifetimes(lifetimes)
    }

    fn after(&self, days: u32) -> Timestamp {
        self.clock.now().saturating_add(days * DAY)
    }

    fn new_key(expires_at: Option<Timestamp>) -> NewKey {
        NewKey { expires_at, ..NewKey::secret("acct_1".parse().unwrap(), "a") }
    }

    fn elsewhere(&self, number: u8, expires_at: Option<Timestamp>) -> KeyRecord {
        KeyRecord {
            id: CredentialId::generate(),
            account: "acct_1".parse().unwrap(),
            user: None,
            name: "old".into(),
            digest: Digest::from_bytes([number; 32]),
            hashed_with: "sha256".into(),
            hint: "sk_live_…".parse().unwrap(),
            kind: keyward_core::key::KeyKind::Secret,
            mode: keyward_core::Mode::Live,
            scopes: keyward_core::ScopeSet::all(),
            endpoints: Vec::new(),
            networks: Vec::new(),
            metadata: serde_json::Map::new(),
            tags: Default::default(),
            created_at: "2020-01-01T00:00:00Z".parse().unwrap(),
            created_by: None,
            not_before: None,
            expires_at,
            disabled_at: None,
            revoked_at: None,
            compromised_at: None,
            revocation: None,
            last_used_at: None,
            last_used_from: None,
            rotated_from: None,
            rotated_to: None,
            version: 1,
        }
    }
}

#[test]
fn the_shortest_maximum_and_the_nearest_default_decide() {
    const NEVER: Option<Option<u32>> = Some(None);
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let none = days(None, None);
    // Configuration, plan, account, request in days (`u32::MAX` for 9999-12-31), and the end, or `None` if it is refused.
    for (service, plan, account, request, expected) in [
        (none, none, none, None, NEVER),
        (none, none, none, Some(5_000), Some(Some(5_000))),
        (none, none, none, Some(u32::MAX), NEVER),
        (days(Some(90), None), none, none, None, Some(Some(90))),
        (days(Some(90), None), none, none, Some(400), Some(Some(400))),
        (days(Some(90), None), none, none, Some(u32::MAX), NEVER),
        (days(None, Some(365)), none, none, None, Some(Some(365))),
        (days(None, Some(365)), none, none, Some(365), Some(Some(365))),
        (days(None, Some(365)), none, none, Some(366), None),
        (days(None, Some(365)), none, none, Some(u32::MAX), None),
        (days(Some(90), Some(365)), days(Some(30), None), none, None, Some(Some(30))),
        (days(Some(90), Some(365)), days(Some(30), None), days(Some(7), None), None, Some(Some(7))),
        (days(Some(90), Some(365)), none, days(Some(7), None), Some(8), Some(Some(8))),
        // The default never exceeds the maximum, even if another place sets it.
        (days(Some(90), None), days(None, Some(60)), none, None, Some(Some(60))),
        (days(None, Some(30)), none, days(Some(60), None), None, Some(Some(30))),
        (none, days(Some(60), Some(60)), days(None, Some(10)), None, Some(Some(10))),
        // A customer's account cannot loosen the plan, nor a plan the configuration.
        (days(None, Some(30)), days(None, Some(365)), none, Some(31), None),
        (none, days(None, Some(30)), days(None, Some(365)), Some(31), None),
        (none, days(None, Some(30)), days(None, Some(10)), Some(11), None),
        (none, days(None, Some(30)), days(None, Some(10)), Some(10), Some(Some(10))),
    ] {
        let effective = account.within(plan.within(service));
        let requested = request.map(|days| match days {
            u32::MAX => "9999-12-31T23:59:59Z".parse().unwrap(),
            days => now.saturating_add(days * DAY),
        });
        let end = effective.end(now, requested).ok().map(|end| end.map(|end| end.saturating_since(now)));
        let expected = expected.map(|end| end.map(|days| days * DAY));
        assert_eq!(end, expected, "{service:?} {plan:?} {account:?} {request:?}");
    }
}

#[tokio::test]
async fn a_refused_lifetime_is_explained_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let keys = fixture.within(days(None, Some(90)));
    let issued = keys.issue(Fixture::new_key(None)).await.unwrap().record;
    assert_eq!(issued.expires_at, Some(fixture.after(90)));
    let never = "9999-12-31T23:59:59Z".parse().unwrap();
    let refused = [
        keys.check_new(&Fixture::new_key(Some(never))).unwrap_err(),
        keys.issue(Fixture::new_key(Some(never))).await.unwrap_err(),
        keys.set_expiry(&issued.id, None).await.unwrap_err(),
        keys.set_expiry(&issued.id, Some(never)).await.unwrap_err(),
        keys.import(&fixture.elsewhere(1, None)).await.unwrap_err(),
        keys.import(&fixture.elsewhere(1, Some(never))).await.unwrap_err(),
        keys.preview_import(&fixture.elsewhere(1, None)).await.unwrap_err(),
        keys.rotate_with(&issued.id, Rotation { expires_at: Some(None), ..Rotation::default() }).await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(
            error.to_string(),
            "the key would never expire: the maximum lifetime is 90 days, so choose an expiry until 2026-05-30T12:00:00Z"
        );
    }
    let later = keys.set_expiry(&issued.id, Some(fixture.after(91))).await.unwrap_err();
    assert_eq!(
        later.to_string(),
        "the key would expire at 2026-05-31T12:00:00Z: the maximum lifetime is 90 days, so choose an expiry until \
         2026-05-30T12:00:00Z"
    );
    assert_eq!(keys.list_all(Default::default()).await.unwrap(), [issued]);
}

#[tokio::test]
async fn keys_that_exist_keep_their_ends_and_may_end_earlier() {
    let fixture = Fixture::new().await;
    let never = fixture.keys.issue(Fixture::new_key(None)).await.unwrap().record;
    let long = fixture.keys.issue(Fixture::new_key(Some(fixture.after(1_000)))).await.unwrap().record;
    let keys = fixture.within(days(None, Some(30)));
    for key in [&never, &long] {
        let name = KeyUpdate { name: Some("b".into()), expires_at: Some(key.expires_at), ..KeyUpdate::default() };
        assert_eq!(keys.update(&key.id, &name).await.unwrap().record.expires_at, key.expires_at);
        keys.disable(&key.id).await.unwrap();
        assert_eq!(keys.enable(&key.id).await.unwrap().record.expires_at, key.expires_at);
        let earlier = Some(fixture.after(500));
        assert_eq!(keys.set_expiry(&key.id, earlier).await.unwrap().record.expires_at, earlier);
        let later = keys.set_expiry(&key.id, Some(fixture.after(501))).await;
        assert!(matches!(later, Err(KeysError::TooLong(_))), "{later:?}");
        let successor = keys.rotate(&key.id, DAY).await.unwrap().record;
        assert_eq!(successor.expires_at, Some(fixture.after(30)));
    }
}

#[tokio::test]
async fn imports_count_from_now_and_repeated_ones_change_nothing() {
    let fixture = Fixture::new().await;
    let keys = fixture.within(days(Some(10), Some(30)));
    let fits = fixture.elsewhere(1, Some(fixture.after(30)));
    assert_eq!(keys.preview_import(&fits).await.unwrap(), Imported::New);
    assert_eq!(keys.import(&fits).await.unwrap(), Imported::New);
    let ended = KeyRecord { revoked_at: Some(fixture.clock.now()), ..fixture.elsewhere(2, None) };
    assert_eq!(keys.import(&ended).await.unwrap(), Imported::New, "a revoked key may have any lifetime");
    let stricter = fixture.within(days(None, Some(7)));
    for done in [stricter.import(&fits).await, stricter.preview_import(&fits).await] {
        assert!(matches!(done, Ok(Imported::AlreadyThere(_))), "{done:?}");
    }
    // A time of creation in the future extends nothing.
    let future = KeyRecord { created_at: fixture.after(1_000), ..fixture.elsewhere(4, Some(fixture.after(5))) };
    assert_eq!(keys.import(&future).await.unwrap(), Imported::New);
    assert!(matches!(keys.set_expiry(&future.id, Some(fixture.after(31))).await, Err(KeysError::TooLong(_))));
    keys.set_expiry(&future.id, Some(fixture.after(30))).await.unwrap();
    // 9999-12-31 is stored as never.
    let endless = fixture.elsewhere(3, Some(Timestamp::MAX));
    assert_eq!(fixture.keys.import(&endless).await.unwrap(), Imported::New);
    assert_eq!(fixture.keys.get(&endless.id).await.unwrap().unwrap().expires_at, None);
}

#[tokio::test]
async fn a_successor_ends_as_it_was_said_before() {
    let fixture = Fixture::new().await;
    for (end, latest, lifetimes, chosen, expected) in [
        (None, None, days(None, None), None, Ok(None)),
        (Some(90), None, days(None, None), None, Ok(Some(90))),
        (Some(1_500), None, days(None, Some(365)), None, Ok(Some(365))),
        (None, None, days(Some(10), None), None, Ok(None)),
        (None, Some(20), days(None, Some(365)), None, Ok(Some(20))),
        (Some(90), None, days(None, None), Some(None), Ok(None)),
        (Some(90), None, days(None, Some(365)), Some(Some(200)), Ok(Some(200))),
        (Some(90), None, days(None, Some(365)), Some(Some(366)), Err("too long")),
        (Some(90), None, days(None, Some(365)), Some(None), Err("too long")),
        (Some(90), Some(20), days(None, Some(365)), Some(Some(21)), Err("exceeds")),
        (Some(90), Some(20), days(None, None), Some(None), Err("exceeds")),
    ] {
        let after = |days: Option<u32>| days.map(|days| fixture.after(days));
        let issued = fixture.keys.issue(Fixture::new_key(after(end))).await.unwrap().record;
        let keys = fixture.within(lifetimes);
        let said = keys.successor_end(&issued, after(latest));
        let rotation =
            Rotation { overlap: DAY, latest_end: after(latest), expires_at: chosen.map(after), ..Rotation::default() };
        let rotated = keys.rotate_with(&issued.id, rotation).await.map(|rotated| rotated.record.expires_at);
        let rotated = rotated.map_err(|error| match error {
            KeysError::TooLong(_) => "too long",
            KeysError::Exceeds(_) => "exceeds",
            other => panic!("{other}"),
        });
        assert_eq!(rotated, expected.map(after), "{end:?} {latest:?} {lifetimes:?} {chosen:?}");
        if chosen.is_none() {
            assert_eq!(rotated, Ok(said));
        }
    }
}

#[tokio::test]
async fn a_callers_default_counts_before_its_rights() {
    let fixture = Fixture::new().await;
    let caller = Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap())
        .with_scopes("*".parse().unwrap())
        .with_expiry(fixture.after(10));
    for (default, fits) in [(None, false), (Some(9), true), (Some(11), false)] {
        let own = fixture.within(days(default, None)).for_caller(&caller);
        let issued = own.issue(Fixture::new_key(None)).await;
        assert_eq!(issued.is_ok(), fits, "{default:?}: {issued:?}");
        let later = issued.map(|issued| issued.record.id);
        if let Ok(id) = later {
            let rotation = Rotation { expires_at: Some(Some(fixture.after(11))), ..Rotation::default() };
            assert!(matches!(own.rotate_with(&id, rotation).await, Err(KeysError::Exceeds(_))));
            let never = KeyUpdate { expires_at: Some(Some(Timestamp::MAX)), ..KeyUpdate::default() };
            assert!(matches!(own.update(&id, &never).await, Err(KeysError::Exceeds(_))));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Issue(Option<u32>),
    Update(usize, Option<u32>),
    Rotate(usize, Option<Option<u32>>),
    SetDisabled(usize, bool),
    Import(Option<u32>),
    Advance(u32),
    Limit(Option<u32>, Option<u32>),
}

fn step() -> impl Strategy<Value = Step> {
    let end = || proptest::option::of(prop_oneof![1..200_u32, Just(u32::MAX)]);
    let key = || any::<usize>();
    prop_oneof![
        end().prop_map(Step::Issue),
        (key(), end()).prop_map(|(key, end)| Step::Update(key, end)),
        (key(), proptest::option::of(end())).prop_map(|(key, end)| Step::Rotate(key, end)),
        (key(), any::<bool>()).prop_map(|(key, disabled)| Step::SetDisabled(key, disabled)),
        end().prop_map(Step::Import),
        (0..30_u32).prop_map(Step::Advance),
        (end(), proptest::option::of(1..150_u32)).prop_map(|(default, maximum)| Step::Limit(default, maximum)),
    ]
}

/// Compares each key with what it was before: its end is within the maximum, or not later than it was.
async fn check(steps: &[Step]) {
    let fixture = Fixture::new().await;
    let (mut keys, mut known) = (fixture.keys.clone(), Vec::<KeyRecord>::new());
    let mut imported = std::collections::HashMap::new();
    for (place, step) in steps.iter().enumerate() {
        let at = |days: u32| if days == u32::MAX { Timestamp::MAX } else { fixture.after(days) };
        let pick = |number: usize| known.get(number % known.len().max(1)).map(|key| key.id.clone());
        match step {
            Step::Issue(end) => drop(keys.issue(Fixture::new_key(end.map(at))).await),
            Step::Update(key, end) => {
                if let Some(id) = pick(*key) {
                    drop(keys.set_expiry(&id, end.map(at)).await);
                }
            }
            Step::Rotate(key, end) => {
                if let Some(id) = pick(*key) {
                    let rotation =
                        Rotation { overlap: DAY, expires_at: end.map(|end| end.map(at)), ..Rotation::default() };
                    drop(keys.rotate_with(&id, rotation).await);
                }
            }
            Step::SetDisabled(key, disabled) => {
                if let Some(id) = pick(*key) {
                    drop(if *disabled { keys.disable(&id).await } else { keys.enable(&id).await });
                }
            }
            Step::Import(end) => {
                let record = fixture.elsewhere(place as u8, end.map(at));
                imported.insert(record.id.clone(), fixture.clock.now());
                drop(keys.import(&record).await);
            }
            Step::Advance(days) => fixture.clock.advance(*days * DAY),
            Step::Limit(default, maximum) => {
                let default = default.filter(|days| *days != u32::MAX);
                keys = fixture.within(days(default, *maximum));
            }
        }
        let now_known = keys.list_all(Default::default()).await.unwrap();
        for key in &now_known {
            let before = known.iter().find(|known| known.id == key.id);
            if before.is_some_and(|before| match (key.expires_at, before.expires_at) {
                (Some(end), Some(before)) => end <= before,
                (None, Some(_)) => false,
                (_, None) => true,
            }) {
                continue;
            }
            let from = imported.get(&key.id).filter(|_| before.is_none()).copied().unwrap_or(key.created_at);
            if let Some(latest) = keys.lifetimes().latest_end(from) {
                assert!(key.expires_at.is_some_and(|end| end <= latest), "{step:?}: {key:?} ends after {latest}");
            }
        }
        known = now_known;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_way_of_making_or_changing_a_key_ends_beyond_the_maximum(steps in proptest::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(check(&steps));
    }
}
