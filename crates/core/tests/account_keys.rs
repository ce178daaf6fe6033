//! Keys of one account, and the rights that its callers give.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use keyward_core::key::KeyKind;
use keyward_core::lifecycle::KeysError;
use keyward_core::store::{KeyQuery, KeyUpdate};
use keyward_core::{AccountRecord, Identity, Keys, MemoryStore, Mode, NewKey, Rejection, ScopeSet, Timestamp};

async fn keys() -> Keys {
    let keys = Keys::new(MemoryStore::new());
    for account in ["acct_1", "acct_2"] {
        keys.put_account(&AccountRecord::new(account.parse().unwrap(), "Example Ltd")).await.unwrap();
    }
    keys
}

fn caller() -> Identity {
    Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap()).with_scopes("notes:*".parse().unwrap())
}

fn reader(account: &str) -> NewKey {
    NewKey::restricted(account.parse().unwrap(), "reader", "notes:read".parse().unwrap())
}

fn code(refused: KeysError) -> &'static str {
    Rejection::from(refused).code()
}

#[tokio::test]
async fn keys_of_another_account_or_mode_are_not_found() {
    let keys = keys().await;
    let foreign = keys.issue(reader("acct_2")).await.unwrap().record.id;
    let test = keys.issue(NewKey { mode: Mode::Test, ..reader("acct_1") }).await.unwrap().record.id;
    let own = keys.for_caller(&caller());
    for id in [&foreign, &test] {
        let refused = [
            own.get(id).await.unwrap_err(),
            own.update(id, &KeyUpdate::default()).await.unwrap_err(),
            own.rotate(id, Duration::ZERO).await.unwrap_err(),
            own.revoke(id).await.unwrap_err(),
            own.disable(id).await.unwrap_err(),
            own.enable(id).await.unwrap_err(),
        ];
        assert_eq!(refused.map(code), ["KEY_NOT_FOUND"; 6]);
    }
    let query = KeyQuery { account: Some("acct_2".parse().unwrap()), ..KeyQuery::default() };
    assert_eq!(own.list(&query).await.unwrap().keys, []);
    let query = KeyQuery { mode: Some(Mode::Test), ..KeyQuery::default() };
    assert_eq!(own.list(&query).await.unwrap().keys, []);
    assert_eq!(code(own.issue(reader("acct_2")).await.unwrap_err()), "ACCOUNT_NOT_FOUND");

    let both = keys.for_account(&"acct_1".parse().unwrap());
    assert_eq!(both.get(&test).await.unwrap().id, test);
    assert_eq!(code(both.revoke(&foreign).await.unwrap_err()), "KEY_NOT_FOUND");
    for key in [keys.get(&foreign).await.unwrap().unwrap(), keys.get(&test).await.unwrap().unwrap()] {
        assert_eq!((key.version, key.revoked_at, key.disabled_at), (1, None, None));
    }
}

#[tokio::test]
async fn no_caller_gives_rights_beyond_its_own() {
    let keys = keys().await;
    let end = Timestamp::from(std::time::SystemTime::now()).saturating_add(Duration::from_secs(86_400));
    let own = keys.for_caller(&caller().with_kind(KeyKind::Restricted).with_expiry(end));
    let fits = NewKey { expires_at: Some(end), ..reader("acct_1") };
    for beyond in [
        reader("acct_1"),
        NewKey { scopes: "notes:* admin:access".parse().unwrap(), ..fits.clone() },
        NewKey { scopes: ScopeSet::all(), ..fits.clone() },
        NewKey { kind: KeyKind::Secret, ..fits.clone() },
        NewKey { mode: Mode::Test, ..fits.clone() },
    ] {
        assert_eq!(code(own.issue(beyond).await.unwrap_err()), "ESCALATION");
    }
    let issued = own.issue(fits).await.unwrap().record.id;
    let more = KeyUpdate { scopes: Some("*".parse().unwrap()), ..KeyUpdate::default() };
    assert_eq!(code(own.update(&issued, &more).await.unwrap_err()), "ESCALATION");
    let rotated = own.rotate(&issued, Duration::ZERO).await.unwrap().record;
    assert!(rotated.expires_at.unwrap() <= end);

    let strong = keys.issue(NewKey::secret("acct_1".parse().unwrap(), "strong")).await.unwrap().record.id;
    assert!(own.disable(&strong).await.unwrap().record.disabled_at.is_some());
    assert_eq!(code(own.enable(&strong).await.unwrap_err()), "ESCALATION");
    assert_eq!(code(own.rotate(&strong, Duration::ZERO).await.unwrap_err()), "ESCALATION");
    assert!(own.revoke(&strong).await.unwrap().record.revoked_at.is_some());
}
