use std::time::Duration;

use keyward::key::KeyKind;
use keyward::manage::{Actor, Context, KeyChange, KeyDraft, ManagementError, Purpose, Role};
use keyward::store::{KeyQuery, KeyStatus};
use keyward::{Mode, NewKey, ScopeSet};

use crate::setting::{Setting, everywhere, on_sqlite, verdict};

fn code<T: std::fmt::Debug>(result: Result<T, ManagementError>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn of_fifty_who_make_a_key_at_once_ten_do() {
    for setting in everywhere().await {
        let (owner, account) = setting.customer("ada@example.com").await;
        let made: Vec<_> = (0..50)
            .map(|n| {
                let (management, owner, account) = (setting.management.clone(), owner.clone(), account.clone());
                tokio::spawn(async move {
                    management.create_key(&owner, KeyDraft::secret(account, format!("key {n}"))).await
                })
            })
            .collect();
        let (mut done, mut refused) = (0, 0);
        for made in made {
            match made.await.unwrap() {
                Ok(_) => done += 1,
                Err(ManagementError::KeyLimit { limit: 10 }) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((done, refused), (10, 40));

        // Only a rotation with overlap needs a free slot. A revocation frees a slot; disabling does not.
        let query = KeyQuery { account: Some(account.clone()), ..KeyQuery::default() };
        let keys = setting.management.keys(&owner, &query).await.unwrap().items;
        assert_eq!(keys.len(), 10);
        let rotate = async |overlap| setting.management.rotate_key(&owner, &keys[0].id, overlap).await;
        assert_eq!(code(rotate(Duration::from_secs(3_600)).await), "KEY_LIMIT_REACHED");
        rotate(Duration::ZERO).await.unwrap();
        setting.management.set_key_disabled(&owner, &keys[1].id, true).await.unwrap();
        let one_more = async || setting.management.create_key(&owner, KeyDraft::secret(account.clone(), "more")).await;
        assert_eq!(code(one_more().await), "KEY_LIMIT_REACHED");
        setting.management.revoke_key(&owner, &keys[2].id).await.unwrap();
        one_more().await.unwrap();
        assert_eq!(code(one_more().await), "KEY_LIMIT_REACHED");
    }
}

async fn holder(setting: &Setting, key: &str) -> Actor {
    let authenticator = setting.management.authenticator().unwrap();
    let keyward::adapter::Admission::Identity(identity) = verdict(&authenticator, key).await.unwrap() else {
        panic!("the key has no identity")
    };
    Actor::of_identity(&identity, Context::new())
}

#[tokio::test]
async fn a_test_key_is_told_that_its_mode_confines_it() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let draft = |mode, scopes: &str| {
        let new = NewKey { mode, scopes: scopes.parse().unwrap(), ..NewKey::secret(account.clone(), "new") };
        KeyDraft::of(Purpose::Management, NewKey { kind: KeyKind::Restricted, ..new })
    };
    let text = "a test key can't use `members:write`: use a live key";
    for (mode, scopes, expected) in [
        (Mode::Test, "members:read members:write", text),
        (Mode::Test, "members:read", "missing scope `members:write`: use a key or a role that has it"),
        (Mode::Live, "members:read", "missing scope `members:write`: use a key or a role that has it"),
    ] {
        let key = management.create_key(&owner, draft(mode, scopes)).await.unwrap().key.expose_once();
        let key = holder(&setting, &key).await;
        let refused = management.invite(&key, &account, "eve@example.com", Role::Viewer).await.unwrap_err();
        assert_eq!((refused.code(), refused.to_string().as_str()), ("INSUFFICIENT_SCOPE", expected), "{mode:?}");
    }
}

#[tokio::test]
async fn nobody_grants_what_they_do_not_hold() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let (_, other) = setting.customer("bob@example.com").await;
    let scopes: ScopeSet = "keys:* resources:read".parse().unwrap();
    let manager =
        management.create_key(&owner, KeyDraft::management(account.clone(), "manager", scopes)).await.unwrap();
    let everything = management.create_key(&owner, KeyDraft::secret(account.clone(), "everything")).await.unwrap();
    let plain = everything.key.expose_once();
    let manager = holder(&setting, &manager.key.expose_once()).await;

    let draft = |purpose, kind, mode, scopes: &str| {
        let new = NewKey { kind, mode, scopes: scopes.parse().unwrap(), ..NewKey::secret(account.clone(), "new") };
        KeyDraft::of(purpose, new)
    };
    use KeyKind::{Publishable, Restricted, Secret};
    use Mode::{Live, Test};
    use Purpose::{Api, Management};
    for (draft, verdict) in [
        (draft(Api, Restricted, Live, "resources:read"), "fine"),
        (draft(Api, Publishable, Live, "resources:read"), "fine"),
        (draft(Management, Restricted, Live, "keys:read"), "fine"),
        (draft(Api, Secret, Live, "resources:read"), "ESCALATION"),
        (draft(Api, Restricted, Test, "resources:read"), "ESCALATION"),
        (draft(Api, Restricted, Live, "resources:*"), "ESCALATION"),
        (draft(Api, Restricted, Live, "*"), "ESCALATION"),
        (draft(Management, Restricted, Live, "members:write"), "ESCALATION"),
        (draft(Management, Restricted, Live, "*"), "ESCALATION"),
        (draft(Api, Restricted, Live, ""), "INVALID_VALUE"),
    ] {
        let said = format!("{draft:?}");
        let made = management.create_key(&manager, draft).await.map_err(|error| error.code());
        assert_eq!(made.map_or_else(|code| code, |_| "fine"), verdict, "{said}");
    }
    let elsewhere = KeyDraft::management(other, "new", "keys:read".parse().unwrap());
    assert_eq!(code(management.create_key(&manager, elsewhere).await), "NOT_FOUND");

    // Changing, rotating or enabling an existing key would give its plain text or more rights.
    let id = &everything.view.id;
    assert_eq!(code(management.rotate_key(&manager, id, Duration::ZERO).await), "ESCALATION");
    let rename = KeyChange { name: Some("mine".into()), ..KeyChange::default() };
    assert_eq!(code(management.update_key(&manager, id, rename, 1).await), "ESCALATION");
    management.set_key_disabled(&manager, id, true).await.unwrap();
    assert_eq!(code(management.set_key_disabled(&manager, id, false).await), "ESCALATION");
    management.set_key_disabled(&owner, id, false).await.unwrap();

    // A key of the provider's API manages only itself, whatever its scopes.
    let itself = holder(&setting, &plain).await;
    assert_eq!(code(management.key(&itself, id).await), "INSUFFICIENT_SCOPE");
    assert_eq!(
        code(management.create_key(&itself, KeyDraft::secret(account.clone(), "new")).await),
        "INSUFFICIENT_SCOPE"
    );
    assert_eq!(management.own_key(&itself).await.unwrap().scopes, ScopeSet::all());
    let (view, _) = management.revoke_own_key(&itself).await.unwrap();
    assert_eq!(view.status, KeyStatus::Revoked);

    // A viewer can only read.
    let viewer = setting.member(&owner, &account, "viewer@example.com", Role::Viewer).await;
    management.key(&viewer, id).await.unwrap();
    assert_eq!(code(management.revoke_key(&viewer, id).await), "INSUFFICIENT_SCOPE");
    // A developer creates API keys with any scope, but management keys only within a developer's own rights.
    let developer = setting.member(&owner, &account, "developer@example.com", Role::Developer).await;
    management.create_key(&developer, KeyDraft::secret(account.clone(), "developer's")).await.unwrap();
    let too_much = KeyDraft::management(account.clone(), "new", "members:write".parse().unwrap());
    assert_eq!(code(management.create_key(&developer, too_much).await), "ESCALATION");
    management.authenticator().unwrap().shutdown().await;
}

#[tokio::test]
async fn a_rotated_key_ends_and_stays_so() {
    for setting in everywhere().await {
        let management = &setting.management;
        let (owner, account) = setting.customer("ada@example.com").await;
        let issued = management.create_key(&owner, KeyDraft::secret(account, "production")).await.unwrap();
        let id = issued.view.id.clone();
        let rotated = management.rotate_key(&owner, &id, Duration::from_secs(3_600)).await.unwrap();
        assert_eq!(rotated.view.rotated_from.as_ref(), Some(&id));
        let old = rotated.predecessor;
        assert!(old.expires_soon && old.rotated_to == Some(rotated.view.id));
        assert_eq!(code(management.rotate_key(&owner, &id, Duration::ZERO).await), "KEY_ROTATED");
        let longer = KeyChange { expires_at: Some(None), ..KeyChange::default() };
        assert_eq!(code(management.update_key(&owner, &id, longer.clone(), old.version).await), "KEY_ROTATED");
        setting.clock.advance(Duration::from_secs(3_601));
        assert_eq!(management.key(&owner, &id).await.unwrap().status, KeyStatus::Expired);
        assert_eq!(code(management.update_key(&owner, &id, longer, old.version).await), "KEY_ENDED");
        assert_eq!(code(management.set_key_disabled(&owner, &id, false).await), "KEY_ENDED");
        let renamed = KeyChange { name: Some("old".into()), ..KeyChange::default() };
        assert_eq!(management.update_key(&owner, &id, renamed, old.version).await.unwrap().0.name, "old");
        assert_eq!(code(management.rotate_key(&owner, &id, Duration::ZERO).await), "KEY_ROTATED");
    }
}

#[tokio::test]
async fn of_many_who_rotate_a_key_at_once_one_gets_its_successor() {
    for setting in everywhere().await {
        let (owner, account) = setting.customer("ada@example.com").await;
        let id = setting
            .management
            .create_key(&owner, KeyDraft::secret(account.clone(), "production"))
            .await
            .unwrap()
            .view
            .id;
        let rotations: Vec<_> = (0..8)
            .map(|_| {
                let (management, owner, id) = (setting.management.clone(), owner.clone(), id.clone());
                tokio::spawn(async move { management.rotate_key(&owner, &id, Duration::from_secs(3_600)).await })
            })
            .collect();
        let mut successors = Vec::new();
        for rotation in rotations {
            match rotation.await.unwrap() {
                Ok(rotated) => successors.push(rotated.view.id),
                Err(error) => assert_eq!(error.code(), "KEY_ROTATED"),
            }
        }
        assert_eq!(successors.len(), 1);
        let all =
            setting.management.keys(&owner, &KeyQuery { account: Some(account), ..KeyQuery::default() }).await.unwrap();
        assert_eq!(all.items.len(), 2, "there is a successor that no caller received");
    }
}

/// Repeats a 503, because the store may be slow on a busy machine.
async fn answered(app: &axum::Router, method: &str, path: &str, key: &str) -> u16 {
    for _ in 0..20 {
        let request = keyward_tests::service::request(method, path, Some(key));
        match keyward_tests::service::call(app, request).await.status.as_u16() {
            503 => {}
            status => return status,
        }
    }
    503
}

#[tokio::test]
async fn what_happens_to_a_key_is_counted_by_day_and_outcome() {
    for setting in everywhere().await {
        let management = &setting.management;
        let (owner, account) = setting.customer("ada@example.com").await;
        let scopes: ScopeSet = "keys:read".parse().unwrap();
        let issued =
            management.create_key(&owner, KeyDraft::management(account.clone(), "reader", scopes)).await.unwrap();
        let plain = issued.key.expose_once();
        let authenticator = management.authenticator().unwrap();
        let app = keyward::manage::api(management.clone());
        for (method, path, status) in [("GET", "/v1/keys", 200), ("GET", "/v1/keys", 200), ("GET", "/v1/plans", 403)] {
            assert_eq!(answered(&app, method, path, &plain).await, status);
        }
        setting.clock.advance(Duration::from_secs(24 * 3_600));
        holder(&setting, &plain).await;
        let days = management.key_usage(&owner, &issued.view.id, 30).await.unwrap().days;
        let counted: Vec<_> = days.iter().map(|day| (day.outcome.as_str(), day.times)).collect();
        assert_eq!(counted, [("accepted", 3), ("accepted", 1)]);
        // Uses after the revocation count too, because they show that the old key is still in use.
        management.revoke_key(&owner, &issued.view.id).await.unwrap();
        for _ in 0..2 {
            assert_eq!(answered(&app, "GET", "/v1/keys", &plain).await, 401);
        }
        let days = management.key_usage(&owner, &issued.view.id, 1).await.unwrap().days;
        let counted: Vec<_> = days.iter().map(|day| (day.outcome.as_str(), day.times)).collect();
        assert_eq!(counted, [("accepted", 1), ("key_revoked", 2)]);
        assert_eq!(
            management.usage(&owner, &account, 1).await.unwrap().days,
            days,
            "the account's usage differs from its only key's"
        );
        assert_eq!(code(management.usage(&owner, &account, 367).await), "INVALID_VALUE");
        authenticator.shutdown().await;
    }
}
