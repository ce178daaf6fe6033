use keyward_core::store::{
    AdminError, Found, KeyAdmin, KeyStatus, KeyUse, Revocation, RevocationReason, StoredKey, WriteRefused,
};
use keyward_core::tags::Tags;
use keyward_core::{AccountRecord, CredentialId, KeyUpdate};

use super::{ValueOnly, account, at, get, key, stored_key, unknown_digest};

async fn found(store: &impl KeyAdmin, key: &keyward_core::store::KeyRecord) -> StoredKey {
    store.find(&key.digest).await.expect("the store answers").key.expect("the key is found")
}

fn denied<T: std::fmt::Debug>(result: Result<T, AdminError>) -> WriteRefused {
    match result {
        Err(AdminError::Denied(denial)) => denial,
        other => panic!("not denied: {other:?}"),
    }
}

pub(super) async fn created_keys_and_accounts_are_returned_unchanged(store: &impl KeyAdmin) {
    let account = account(store).await;
    let key = key(&account);
    store.create(&key).await.expect("a key is created").value_only();
    assert_eq!(get(store, &key.id).await, key, "a key is given back as it was created");
    let stored = found(store, &key).await;
    let identity = stored.identity();
    assert_eq!((identity.id(), identity.account()), (&key.id, &account.id));
    assert_eq!((identity.scopes(), identity.endpoints()), (&key.scopes, key.endpoints.as_slice()));
    assert_eq!((identity.networks(), identity.metadata()), (key.networks.as_slice(), &key.metadata));
    assert_eq!((identity.expires_at(), stored.status()), (key.expires_at, KeyStatus::Active));
    assert_eq!(store.get_account(&account.id).await.expect("the store answers"), Some(account));
}

pub(super) async fn a_missing_record_is_no_failure(store: &impl KeyAdmin) {
    let none: CredentialId = CredentialId::generate();
    let Found { key, .. } = store.find(&unknown_digest()).await.expect("an unknown key is no failure");
    assert!(key.is_none());
    assert!(store.get(&none).await.expect("an unknown id is no failure").is_none());
    assert!(store.get_account(&keyward_core::AccountId::generate()).await.expect("no failure").is_none());
    assert_eq!(denied(store.revoke(&none, at(1), &Revocation::default()).await), WriteRefused::NotFound);
    assert_eq!(denied(store.update(&none, &KeyUpdate::default()).await), WriteRefused::NotFound);
    let homeless = super::key(&AccountRecord::new(keyward_core::AccountId::generate(), "not stored"));
    assert_eq!(denied(store.rotate(&none, 1, &homeless, at(1)).await), WriteRefused::NotFound);
    assert_eq!(denied(store.create(&homeless).await), WriteRefused::NoSuchAccount);
    assert!(store.get(&homeless.id).await.expect("the store answers").is_none(), "half of a refused key was written");
}

pub(super) async fn ids_and_digests_are_unique(store: &impl KeyAdmin) {
    let account = account(store).await;
    let first = key(&account);
    store.create(&first).await.expect("a key is created").value_only();
    let same_id = keyward_core::store::KeyRecord { id: first.id.clone(), ..key(&account) };
    let same_digest = keyward_core::store::KeyRecord { digest: first.digest, ..key(&account) };
    for twin in [same_id, same_digest] {
        assert_eq!(denied(store.create(&twin).await), WriteRefused::Duplicate);
        assert_eq!(denied(store.rotate(&first.id, 1, &twin, at(1)).await), WriteRefused::Duplicate);
    }
    assert_eq!(get(store, &first.id).await, first, "a refused twin changed the key");
}

pub(super) async fn every_field_of_an_update_is_written_and_nothing_else(store: &impl KeyAdmin) {
    let key = stored_key(store).await;
    let all = KeyUpdate {
        version: Some(1),
        name: Some("another".into()),
        scopes: Some("a:read".parse().expect("a scope")),
        endpoints: Some(Vec::new()),
        networks: Some(Vec::new()),
        metadata: Some(serde_json::Map::new()),
        tags: Some(Tags::new(["staging"]).expect("a tag")),
        user: Some(None),
        expires_at: Some(None),
        not_before: Some(None),
        disabled_at: Some(Some(at(5))),
        compromised_at: None,
    };
    let mut expected = key.clone();
    all.apply_checked(&mut expected).expect("the update fits");
    let updated = store.update(&key.id, &all).await.expect("the key is updated").value_only();
    assert_eq!((&updated, &get(store, &key.id).await), (&expected, &expected));
    assert_eq!(found(store, &key).await.status(), KeyStatus::Disabled);

    let enable = KeyUpdate { disabled_at: Some(None), ..KeyUpdate::default() };
    let enabled = store.update(&key.id, &enable).await.expect("the key is enabled").value_only();
    assert_eq!(enabled, keyward_core::store::KeyRecord { disabled_at: None, version: 3, ..expected });
    let compromise = |time| KeyUpdate { compromised_at: Some(at(time)), ..KeyUpdate::default() };
    store.update(&key.id, &compromise(6)).await.expect("the key is marked").value_only();
    let again = store.update(&key.id, &compromise(7)).await.expect("marking again changes nothing").value_only();
    assert_eq!(again.compromised_at, Some(at(6)), "the first time stays");
    assert_eq!(again.revocation, Some(Revocation::new(RevocationReason::KeyCompromise)));
    assert_eq!(found(store, &key).await.status(), KeyStatus::Compromised);
}

pub(super) async fn an_update_of_another_version_is_refused(store: &impl KeyAdmin) {
    let key = stored_key(store).await;
    let rename = |version| KeyUpdate { version: Some(version), name: Some("b".into()), ..KeyUpdate::default() };
    assert_eq!(denied(store.update(&key.id, &rename(2)).await), WriteRefused::Stale);
    store.update(&key.id, &rename(1)).await.expect("the version is right").value_only();
    assert_eq!(denied(store.update(&key.id, &rename(1)).await), WriteRefused::Stale);
    assert_eq!(get(store, &key.id).await.version, 2);
}

pub(super) async fn a_revocation_is_final_and_keeps_its_first_time(store: &impl KeyAdmin) {
    let key = stored_key(store).await;
    let reason = |reason| Revocation::new(reason).with_note("of «ключ» 🔑").expect("a note");
    let first = reason(RevocationReason::Superseded);
    store.revoke(&key.id, at(10), &first).await.expect("the key is revoked").value_only();
    let again = store
        .revoke(&key.id, at(20), &reason(RevocationReason::PrivilegeWithdrawn))
        .await
        .expect("revoking again is no failure");
    assert_eq!(again.value.revoked_at, Some(at(10)));
    assert!(again.position.is_some() == matches!(store.freshness(), keyward_core::store::Freshness::ChangeLog(_)));
    assert_eq!(found(store, &key).await.status(), KeyStatus::Revoked, "a revoked key keeps its own refusal");
    let enable = KeyUpdate { disabled_at: Some(None), expires_at: Some(None), ..KeyUpdate::default() };
    assert_eq!(denied(store.update(&key.id, &enable).await), WriteRefused::Ended);
    let stored = get(store, &key.id).await;
    assert_eq!((stored.revoked_at, stored.revocation), (Some(at(10)), Some(first)));

    let leaked = stored_key(store).await;
    let known = reason(RevocationReason::KeyCompromise);
    store.revoke(&leaked.id, at(10), &known).await.expect("the key is revoked").value_only();
    let stored = get(store, &leaked.id).await;
    assert_eq!((stored.compromised_at, stored.revocation), (Some(at(10)), Some(known)));
    assert_eq!(found(store, &leaked).await.status(), KeyStatus::Compromised);
}

pub(super) async fn a_rotation_links_both_and_never_moves_an_end_later(store: &impl KeyAdmin) {
    let account = account(store).await;
    for (old_end, end, expected) in
        [(None, 500_000, 500_000), (Some(400_000), 500_000, 400_000), (Some(600_000), 500_000, 500_000)]
    {
        let old = keyward_core::store::KeyRecord { expires_at: old_end.map(at), ..key(&account) };
        store.create(&old).await.expect("a key is created").value_only();
        let successor = keyward_core::store::KeyRecord {
            rotated_from: Some(old.id.clone()),
            created_at: at(3_000),
            ..key(&account)
        };
        let predecessor = store.rotate(&old.id, 1, &successor, at(end)).await.expect("the key is rotated").value_only();
        assert_eq!(predecessor.expires_at, Some(at(expected)), "{old_end:?}");
        assert_eq!((predecessor.rotated_to.as_ref(), predecessor.version), (Some(&successor.id), 2));
        assert_eq!(get(store, &old.id).await, predecessor);
        assert_eq!(get(store, &successor.id).await, successor);
        assert_eq!(found(store, &successor).await.status(), KeyStatus::Active);
    }
}

pub(super) async fn ended_keys_are_not_rotated(store: &impl KeyAdmin) {
    let account = account(store).await;
    let expired = keyward_core::store::KeyRecord { expires_at: Some(at(2_000)), ..key(&account) };
    let revoked = key(&account);
    for key in [&expired, &revoked] {
        store.create(key).await.expect("a key is created").value_only();
    }
    store.revoke(&revoked.id, at(2_000), &Revocation::default()).await.expect("the key is revoked").value_only();
    for old in [&expired, &revoked] {
        let successor = keyward_core::store::KeyRecord { created_at: at(3_000), ..key(&account) };
        let version = get(store, &old.id).await.version;
        assert_eq!(denied(store.rotate(&old.id, version, &successor, at(9_000)).await), WriteRefused::Ended);
        assert!(store.get(&successor.id).await.expect("the store answers").is_none());
        assert_eq!(get(store, &old.id).await.rotated_to, None);
    }
}

pub(super) async fn a_key_gets_one_successor_that_matches_its_state(store: &impl KeyAdmin) {
    let account = account(store).await;
    let old = key(&account);
    store.create(&old).await.expect("a key is created").value_only();
    let narrowed = KeyUpdate { scopes: Some("a:read".parse().expect("a scope")), ..KeyUpdate::default() };
    let version = store.update(&old.id, &narrowed).await.expect("the key is updated").value_only().version;
    let like_before = keyward_core::store::KeyRecord { created_at: at(3_000), ..key(&account) };
    assert_eq!(denied(store.rotate(&old.id, old.version, &like_before, at(9_000)).await), WriteRefused::Stale);
    assert!(store.get(&like_before.id).await.expect("the store answers").is_none());

    let successors: Vec<_> =
        (0..8).map(|_| keyward_core::store::KeyRecord { created_at: at(3_000), ..key(&account) }).collect();
    let rotations = successors.iter().map(|successor| store.rotate(&old.id, version, successor, at(9_000)));
    let done = futures_util::future::join_all(rotations).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "a key got several successors");
    for (successor, done) in successors.iter().zip(done) {
        let is_there = store.get(&successor.id).await.expect("the store answers").is_some();
        assert_eq!(is_there, done.is_ok());
        if let Ok(done) = done {
            assert_eq!(done.value_only().rotated_to.as_ref(), Some(&successor.id));
        } else {
            assert_eq!(denied(done), WriteRefused::Rotated);
        }
    }
}

pub(super) async fn an_account_changes_all_its_keys(store: &impl KeyAdmin) {
    let mut account = account(store).await;
    let key = key(&account);
    store.create(&key).await.expect("a key is created").value_only();
    account = account.with_plan("Pro").with_feature("analytics");
    account.name = "renamed".into();
    account.suspended_at = Some(at(5));
    store.put_account(&account).await.expect("the account is changed").value_only();
    let stored = found(store, &key).await;
    assert_eq!((stored.identity().plan(), stored.account_suspended()), (Some("Pro"), true));
    assert!(stored.identity().has_feature("analytics"));
    assert_eq!(store.get_account(&account.id).await.expect("the store answers"), Some(account));
}

pub(super) async fn an_account_is_inserted_once(store: &impl KeyAdmin) {
    let first =
        AccountRecord::new(keyward_core::AccountId::generate(), "first").with_plan("Pro").with_feature("analytics");
    let position = store.insert_account(&first).await.expect("there is none yet").at_position();
    assert!(position.number > 0, "the account is in the log");
    for second in [first.clone(), AccountRecord::new(first.id.clone(), "second")] {
        assert_eq!(denied(store.insert_account(&second).await), WriteRefused::AccountExists);
        assert_eq!(store.get_account(&first.id).await.expect("the store answers"), Some(first.clone()));
    }
    // Of several concurrent inserts one succeeds, and the others overwrite nothing.
    let id = keyward_core::AccountId::generate();
    let accounts: Vec<AccountRecord> = (0..8).map(|n| AccountRecord::new(id.clone(), format!("name {n}"))).collect();
    let done = futures_util::future::join_all(accounts.iter().map(|account| store.insert_account(account))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    let stored = store.get_account(&id).await.expect("the store answers");
    for (account, done) in accounts.iter().zip(done) {
        assert_eq!(done.is_ok(), stored.as_ref() == Some(account));
    }
}

pub(super) async fn every_account_is_listed_once_in_the_order_of_ids(store: &impl KeyAdmin) {
    let mut added = Vec::new();
    for _ in 0..5 {
        added.push(account(store).await);
    }
    for limit in [1, 2, 1_000] {
        let mut listed: Vec<AccountRecord> = Vec::new();
        loop {
            let after = listed.last().map(|last| last.id.clone());
            let page = store.list_accounts(after.as_ref(), limit).await.expect("the store answers");
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        assert!(listed.is_sorted_by(|a, b| a.id < b.id), "limit {limit}");
        for account in &added {
            assert!(listed.contains(account), "limit {limit}: {} is missing", account.id);
        }
    }
}

pub(super) async fn accounts_with_a_plan_are_counted_up_to_a_number(store: &impl KeyAdmin) {
    let plan = keyward_core::AccountId::generate().to_string();
    for number in 0..3 {
        for most in [1, 2, 10] {
            let count = store.count_accounts(&plan, most).await.expect("the store answers");
            assert_eq!(count, most.min(number), "most {most}");
        }
        let with_plan = account(store).await.with_plan(&*plan);
        store.put_account(&with_plan).await.expect("the account is written").at_position();
    }
}

pub(super) async fn an_account_is_replaced_only_as_expected(store: &impl KeyAdmin) {
    let first = account(store).await;
    let mut plan = first.clone().with_plan("Pro").with_feature("analytics");
    plan.suspended_at = Some(at(5));
    let stranger = AccountRecord::new(keyward_core::AccountId::generate(), "nobody's");
    assert_eq!(denied(store.replace_account(&stranger, &stranger).await), WriteRefused::NoSuchAccount);
    let position = store.replace_account(&first, &plan).await.expect("it is as expected").at_position();
    assert!(position.number > 0, "the change is in the log");
    assert_eq!(store.get_account(&first.id).await.expect("the store answers"), Some(plan.clone()));
    for other in [
        first,
        AccountRecord { plan: None, ..plan.clone() },
        AccountRecord { features: Vec::new(), ..plan.clone() },
        AccountRecord { suspended_at: None, ..plan.clone() },
        AccountRecord { name: "other".into(), ..plan.clone() },
    ] {
        assert_eq!(denied(store.replace_account(&other, &stranger_like(&plan)).await), WriteRefused::Stale);
    }
    // Of several concurrent changes from the same values one succeeds.
    let changes: Vec<AccountRecord> =
        (0..8).map(|n| AccountRecord { name: format!("name {n}"), ..plan.clone() }).collect();
    let done = futures_util::future::join_all(changes.iter().map(|change| store.replace_account(&plan, change))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    for (change, done) in changes.iter().zip(done) {
        let stored = store.get_account(&plan.id).await.expect("the store answers");
        assert_eq!(done.is_ok(), stored.as_ref() == Some(change));
    }
}

fn stranger_like(account: &AccountRecord) -> AccountRecord {
    AccountRecord { name: "overwritten".into(), ..account.clone() }
}

pub(super) async fn a_use_is_recorded_forwards_and_changes_nothing_else(store: &impl KeyAdmin) {
    let key = stored_key(store).await;
    let deleted = CredentialId::generate();
    let from = |last: u8| std::net::IpAddr::from([192, 0, last, 7]);
    let uses = |time| {
        [&key.id, &deleted]
            .map(|id| KeyUse::new(id.clone(), at(time), (time > 5_000).then(|| from((time / 1_000) as u8))))
    };
    store.record_use(&[]).await.expect("no use is no failure");
    for (time, expected, network) in [
        (5_000, 5_000, None),
        (4_000, 5_000, None),
        (7_000, 7_000, Some("192.0.7.0/24")),
        (6_000, 7_000, Some("192.0.7.0/24")),
    ] {
        store.record_use(&uses(time)).await.expect("uses are recorded");
        let last_used_from = network.map(|network| network.parse().expect("a network"));
        let expected =
            keyward_core::store::KeyRecord { last_used_at: Some(at(expected)), last_used_from, ..key.clone() };
        assert_eq!(get(store, &key.id).await, expected);
    }
    assert!(store.get(&deleted).await.expect("the store answers").is_none(), "a use made a key");
    let disable = KeyUpdate { disabled_at: Some(Some(at(7))), ..KeyUpdate::default() };
    let disabled = store.update(&key.id, &disable).await.expect("the key is disabled").value_only();
    assert_eq!(disabled.last_used_at, Some(at(7_000)), "an update took the last use away");
    store.record_use(&uses(8_000)).await.expect("uses are recorded");
    let used = get(store, &key.id).await;
    assert_eq!(used.disabled_at, Some(at(7)), "a use undid a disable");
    assert_eq!((used.last_used_at, used.last_used_from), (Some(at(8_000)), "192.0.8.0/24".parse().ok()));
}
