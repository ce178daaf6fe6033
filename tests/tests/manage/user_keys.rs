//! Keys that belong to a user of the account.

use std::time::Duration;

use keyward::id::UserId;
use keyward::manage::{
    Actor, AuditQuery, KeyChange, KeyDraft, KeyView, Management, ManagementError, PageRequest, Role, UserKeyPolicy,
};
use keyward::store::{KeyQuery, KeyStatus, Revocation, RevocationReason};
use keyward::{AccountId, Mode};

use keyward::limits::Subject;
use keyward_client::PutLimits;

use crate::setting::{Setting, clock, on_sqlite, quick};

fn code<T: std::fmt::Debug>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

fn with_policy(policy: UserKeyPolicy) -> Setting {
    let (clock, store) = (clock(), keyward::sqlite::SqliteStore::temporary().unwrap());
    let records = keyward::manage::SqliteManagementStore::open(&store).unwrap();
    let builder = Management::builder(store.clone(), records.clone()).user_keys(policy);
    let file = Some(store.path().to_owned());
    Setting { management: quick(builder, &clock), records: std::sync::Arc::new(records), clock, file }
}

/// Another program on the same database.
fn again(setting: &Setting, policy: UserKeyPolicy) -> Management {
    let store = keyward::sqlite::SqliteStore::open(setting.file.as_ref().unwrap()).unwrap();
    let records = keyward::manage::SqliteManagementStore::open(&store).unwrap();
    quick(Management::builder(store, records).user_keys(policy), &setting.clock)
}

fn draft(account: &AccountId, name: &str, user: Option<&UserId>) -> KeyDraft {
    let mut draft = KeyDraft::secret(account.clone(), name);
    draft.user = user.cloned();
    draft
}

async fn create(setting: &Setting, by: &Actor, draft: KeyDraft) -> KeyView {
    setting.management.create_key(by, draft).await.unwrap().view
}

#[tokio::test]
async fn a_key_of_a_user_is_given_by_the_user_or_a_superior() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let admin = setting.member(&owner, &account, "admin@example.com", Role::Admin).await;
    let developer = setting.member(&owner, &account, "developer@example.com", Role::Developer).await;
    let keys = management.create_key(&owner, KeyDraft::management(account.clone(), "keys", "keys:*".parse().unwrap()));
    let keys = keys.await.unwrap().view;
    let program = Actor::of_identity(
        &keyward::Identity::api_key(keys.id.clone(), account.clone()),
        keyward::manage::Context::new(),
    );
    let of = |actor: &Actor| actor.user().cloned();
    let stranger: UserId = "user_stranger".parse().unwrap();
    for (by, user, verdict) in [
        (&developer, of(&developer), "done"),
        (&developer, of(&admin), "ESCALATION"),
        (&developer, Some(stranger.clone()), "ESCALATION"),
        (&admin, of(&developer), "done"),
        (&admin, of(&owner), "ESCALATION"),
        (&owner, of(&admin), "done"),
        (&owner, Some(stranger), "INVALID_VALUE"),
        (&program, of(&developer), "ESCALATION"),
        (&program, None, "ESCALATION"),
    ] {
        let made = management.create_key(by, draft(&account, "a key", user.as_ref())).await;
        assert_eq!(code(made), verdict, "{:?} for {user:?}", by.name());
    }
    let own = create(&setting, &owner, draft(&account, "the owner's", owner.user())).await;
    assert_eq!(own.created_by.as_ref(), Some(&owner.name()));
    let give = |user: Option<UserId>| KeyChange { user: Some(user), ..KeyChange::default() };
    for by in [&developer, &admin] {
        assert_eq!(code(management.rotate_key(by, &own.id, Duration::ZERO).await), "ESCALATION");
        let now = management.key(&owner, &own.id).await.unwrap().version;
        assert_eq!(code(management.update_key(by, &own.id, give(None), now).await), "ESCALATION");
        management.set_key_disabled(by, &own.id, true).await.unwrap();
        assert_eq!(code(management.set_key_disabled(by, &own.id, false).await), "ESCALATION");
        management.set_key_disabled(&owner, &own.id, false).await.unwrap();
        let now = management.key(&owner, &own.id).await.unwrap().version;
        assert_eq!(code(management.update_key(by, &own.id, give(of(by)), now).await), "ESCALATION");
    }
    let rotated = management.rotate_key(&owner, &own.id, Duration::ZERO).await.unwrap().view;
    assert_eq!((rotated.user.as_ref(), rotated.created_by.as_ref()), (owner.user(), Some(&owner.name())));
    // Revoking takes rights away, so it needs no more than before.
    management.revoke_key(&developer, &rotated.id).await.unwrap();
}

#[tokio::test]
async fn all_keys_of_a_user_are_listed_and_revoked_with_a_reason() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let developer = setting.member(&owner, &account, "developer@example.com", Role::Developer).await;
    let viewer = setting.member(&owner, &account, "viewer@example.com", Role::Viewer).await;
    let user = developer.user().unwrap();
    let live = create(&setting, &developer, draft(&account, "live", Some(user))).await;
    let mut test = draft(&account, "test", Some(user));
    test.mode = Mode::Test;
    let test = create(&setting, &developer, test).await;
    management.set_key_disabled(&developer, &test.id, true).await.unwrap();
    let others = create(&setting, &developer, draft(&account, "of the account", None)).await;
    let query = KeyQuery { account: Some(account.clone()), user: Some(user.clone()), ..KeyQuery::default() };
    let listed = management.keys(&viewer, &query).await.unwrap().items;
    assert_eq!(listed.iter().map(|key| &key.name[..]).collect::<Vec<_>>().len(), 2);

    let gone = Revocation::new(RevocationReason::AffiliationChanged).with_note("left on 1 May").unwrap();
    let refused = management.revoke_user_keys(&viewer, &account, user, &gone).await;
    assert_eq!(code(refused), "INSUFFICIENT_SCOPE");
    let revoked = management.revoke_user_keys(&owner, &account, user, &gone).await.unwrap().revoked;
    assert_eq!(revoked.len(), 2);
    for id in [&live.id, &test.id] {
        assert!(revoked.contains(id));
        let key = management.key(&owner, id).await.unwrap();
        let known = key.revocation.unwrap();
        assert_eq!((key.status, known.reason), (KeyStatus::Revoked, RevocationReason::AffiliationChanged));
        assert_eq!(known.note.as_deref(), Some("left on 1 May"));
    }
    assert_eq!(management.key(&owner, &others.id).await.unwrap().status, KeyStatus::Active);
    assert!(management.revoke_user_keys(&owner, &account, user, &gone).await.unwrap().revoked.is_empty());

    let leaked = Revocation::new(RevocationReason::KeyCompromise);
    let (key, _) = management.revoke_key_with(&owner, &others.id, &leaked).await.unwrap();
    assert_eq!(key.status, KeyStatus::Compromised);
}

#[tokio::test]
async fn keys_of_a_user_who_leaves_follow_the_policy() {
    for (policy, status, action) in [
        (UserKeyPolicy::Keep, KeyStatus::Active, None),
        (UserKeyPolicy::Disable, KeyStatus::Disabled, Some("key.disable")),
        (UserKeyPolicy::Revoke, KeyStatus::Revoked, Some("key.revoke")),
    ] {
        let setting = with_policy(policy);
        let management = &setting.management;
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        for how in ["remove", "leave", "disable", "delete"] {
            let email = format!("{how}@example.com");
            let member = setting.member(&owner, &account, &email, Role::Developer).await;
            let user = member.user().unwrap();
            let own = create(&setting, &member, draft(&account, "own", Some(user))).await;
            let others = create(&setting, &member, draft(&account, "of the account", None)).await;
            match how {
                "remove" => management.remove_member(&owner, &account, user, 1).await.unwrap(),
                "leave" => management.remove_member(&member, &account, user, 1).await.unwrap(),
                "disable" => drop(management.set_user_disabled(&operator, user, true).await.unwrap()),
                _ => {
                    let version = management.user(&operator, user).await.unwrap().version;
                    management.delete_user(&operator, user, version).await.unwrap();
                }
            }
            let key = management.key(&owner, &own.id).await.unwrap();
            assert_eq!(key.status, status, "{policy} {how}");
            assert_eq!(management.key(&owner, &others.id).await.unwrap().status, KeyStatus::Active);
            let page = PageRequest { limit: 500, ..PageRequest::default() };
            let query = AuditQuery { account: Some(account.clone()), page, ..AuditQuery::default() };
            let log = management.audit_log(&owner, &query).await.unwrap().items;
            let about =
                |action: &str| log.iter().any(|entry| entry.action == action && entry.target.id == own.id.as_str());
            assert_eq!(action.is_some_and(about), action.is_some(), "{policy} {how}: the audit log");
            if policy == UserKeyPolicy::Revoke {
                assert_eq!(key.revocation.unwrap().reason, RevocationReason::AffiliationChanged);
            }
            management.revoke_key(&owner, &others.id).await.unwrap();
            management.revoke_key(&owner, &own.id).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_key_gets_no_rights_and_no_successor_after_its_user_has_left() {
    for policy in [UserKeyPolicy::Keep, UserKeyPolicy::Revoke] {
        let setting = with_policy(UserKeyPolicy::Keep);
        let (owner, account) = setting.customer("ada@example.com").await;
        let admin = setting.member(&owner, &account, "admin@example.com", Role::Admin).await;
        let second = setting.member(&owner, &account, "second@example.com", Role::Owner).await;
        let user = second.user().unwrap();
        let left = create(&setting, &second, draft(&account, "of an owner", Some(user))).await;
        let disabled = create(&setting, &second, draft(&account, "disabled", Some(user))).await;
        setting.management.set_key_disabled(&second, &disabled.id, true).await.unwrap();
        setting.management.remove_member(&owner, &account, user, 1).await.unwrap();

        // Another program may have a stricter policy than the one that removed the user.
        let setting = Setting { management: again(&setting, policy), ..setting };
        let management = &setting.management;
        for by in [&admin, &owner] {
            let day = Duration::from_secs(86_400);
            assert_eq!(code(management.rotate_key(by, &left.id, day).await), "INVALID_VALUE", "{policy}");
            assert_eq!(code(management.set_key_disabled(by, &disabled.id, false).await), "INVALID_VALUE", "{policy}");
            let wider = KeyChange {
                expires_at: Some(None),
                networks: Some(vec!["192.0.2.0/24".parse().unwrap()]),
                ..KeyChange::default()
            };
            assert_eq!(code(management.update_key(by, &left.id, wider, 1).await), "INVALID_VALUE", "{policy}");
        }
        let key = management.key(&owner, &left.id).await.unwrap();
        assert_eq!(
            (key.status, key.rotated_to),
            (KeyStatus::Active, None),
            "{policy}: a refused rotation changes nothing"
        );
        let free = KeyChange { user: Some(None), ..KeyChange::default() };
        management.update_key(&owner, &left.id, free, 1).await.unwrap();
        management.rotate_key(&owner, &left.id, Duration::ZERO).await.unwrap();
    }
}

#[tokio::test]
async fn every_program_follows_the_policy_that_a_server_has_published() {
    let server = with_policy(UserKeyPolicy::Revoke);
    server.management.publish_user_key_policy().await.unwrap();
    let (owner, account) = server.customer("ada@example.com").await;
    let member = server.member(&owner, &account, "member@example.com", Role::Developer).await;
    let key = create(&server, &member, draft(&account, "own", member.user())).await;
    let command_line = again(&server, UserKeyPolicy::Keep);
    command_line.remove_member(&owner, &account, member.user().unwrap(), 1).await.unwrap();
    assert_eq!(command_line.key(&owner, &key.id).await.unwrap().status, KeyStatus::Revoked);

    again(&server, UserKeyPolicy::Keep).publish_user_key_policy().await.unwrap();
    let member = server.member(&owner, &account, "second@example.com", Role::Developer).await;
    let key = create(&server, &member, draft(&account, "own", member.user())).await;
    command_line.remove_member(&owner, &account, member.user().unwrap(), 1).await.unwrap();
    assert_eq!(command_line.key(&owner, &key.id).await.unwrap().status, KeyStatus::Active);
}

#[tokio::test]
async fn keys_that_a_crash_leaves_to_a_user_who_left_are_ended() {
    for (policy, status) in [
        (UserKeyPolicy::Keep, KeyStatus::Active),
        (UserKeyPolicy::Disable, KeyStatus::Disabled),
        (UserKeyPolicy::Revoke, KeyStatus::Revoked),
    ] {
        let setting = with_policy(policy);
        let management = &setting.management;
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let keys = keyward::Keys::new(keyward::sqlite::SqliteStore::open(setting.file.as_ref().unwrap()).unwrap())
            .with_clock(setting.clock.clone());
        // The program ends after the key is written, before it looks whether the user is still a member.
        let left_by_a_crash = async |user: &UserId| {
            let new = keyward::NewKey { user: Some(user.clone()), ..keyward::NewKey::secret(account.clone(), "left") };
            keys.issue(new).await.unwrap().record.id
        };
        for how in ["remove", "disable", "delete", "return"] {
            let email = format!("{how}@example.com");
            let member = setting.member(&owner, &account, &email, Role::Developer).await;
            let user = member.user().unwrap();
            let stays = setting.member(&owner, &account, &format!("stays.{email}"), Role::Developer).await;
            match how {
                "disable" => drop(management.set_user_disabled(&operator, user, true).await.unwrap()),
                "delete" => {
                    let version = management.user(&operator, user).await.unwrap().version;
                    management.delete_user(&operator, user, version).await.unwrap();
                }
                _ => management.remove_member(&owner, &account, user, 1).await.unwrap(),
            }
            if how == "return" {
                let invited = management.invite(&owner, &account, &email, Role::Developer).await.unwrap();
                management.join_by_link(&member, &invited.secret).await.unwrap();
            }
            let (left, kept) = (left_by_a_crash(user).await, left_by_a_crash(stays.user().unwrap()).await);
            management.maintain().await.unwrap();
            let of = async |id| management.key(&owner, id).await.unwrap().status;
            let expected = if how == "return" { KeyStatus::Active } else { status };
            assert_eq!((of(&left).await, of(&kept).await), (expected, KeyStatus::Active), "{policy} {how}");
            for id in [left, kept] {
                management.revoke_key(&owner, &id).await.unwrap();
            }
        }
        // Nothing is looked for an hour later.
        setting.clock.advance(Duration::from_secs(2 * 3_600));
        management.maintain().await.unwrap();
        let list = keyward::manage::List::of(keyward::manage::Kind::Leaving, 10);
        assert_eq!(setting.records.list(&list).await.unwrap(), [], "{policy}");
    }
}

#[tokio::test]
async fn a_member_with_a_role_at_the_operator_is_no_user_for_admins_of_an_account() {
    let setting = on_sqlite();
    let (owner, account) = setting.customer("ada@example.com").await;
    let operator = setting.operator().await;
    let invited = setting.management.invite(&owner, &account, "operator@example.com", Role::Viewer).await.unwrap();
    setting.management.join_by_link(&operator, &invited.secret).await.unwrap();
    let made = setting.management.create_key(&owner, draft(&account, "in the operator's name", operator.user())).await;
    assert_eq!(code(made), "ESCALATION");
    let own = create(&setting, &operator, draft(&account, "own", operator.user())).await;
    let limits = setting.management.put_limits(&owner, &Subject::Key(own.id), &PutLimits::default(), 0).await;
    assert_eq!(code(limits), "ESCALATION");
}
