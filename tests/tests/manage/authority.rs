//! Authority: invitations, links, roles and keys never give more than their maker holds at the time of use.

use std::time::Duration;

use keyward::adapter::Admission;
use keyward::key::KeyKind;
use keyward::manage::{
    Actor, ApiDescription, Context, KeyChange, KeyDraft, Management, ManagementError, NewUser, Plan, Purpose, Role,
};
use keyward::{AccountId, CredentialId, Identity, Mode, NewKey, Timestamp};

use crate::setting::{PASSWORD, Setting, everywhere, verdict};

const HOUR: Duration = Duration::from_secs(3_600);

fn code<T: std::fmt::Debug>(result: Result<T, ManagementError>) -> &'static str {
    result.unwrap_err().code()
}

fn says<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

async fn has_rights(management: &Management, actor: &Actor, account: &AccountId) -> bool {
    management.rights(actor, account).await.is_ok()
}

async fn members(setting: &Setting, account: &AccountId) -> usize {
    setting.management.members(&setting.system(), account, &Default::default()).await.unwrap().items.len()
}

pub(crate) async fn holder(setting: &Setting, by: &Actor, purpose: Purpose, new: NewKey) -> (Actor, CredentialId) {
    let issued = setting.management.create_key(by, KeyDraft::of(purpose, new)).await.unwrap();
    // The service reads the rights of a key from its record, so the identity needs no request.
    let identity = Identity::api_key(issued.view.id.clone(), issued.view.account.clone());
    (Actor::of_identity(&identity, Context::new()), issued.view.id)
}

#[tokio::test]
async fn link_of_one_account_gives_nothing_in_another() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let (mallory, attackers) = setting.customer("mallory@example.com").await;
        let (owner, victims) = setting.customer("owner@victim.example").await;

        // The attacker invites the address first and keeps the link. Then the victim invites the same address.
        let kept = management.invite(&mallory, &attackers, "newhire@victim.example", Role::Owner).await.unwrap();
        let sent = management.invite(&owner, &victims, "newhire@victim.example", Role::Admin).await.unwrap();
        management.accept_invitation(&context, &kept.secret, "Mallory", PASSWORD).await.unwrap();
        let impostor = setting.signed_in("newhire@victim.example").await;
        assert!(
            has_rights(management, &impostor, &attackers).await && !has_rights(management, &impostor, &victims).await
        );
        let draft = KeyDraft::secret(victims.clone(), "stolen");
        assert_eq!(code(management.create_key(&impostor, draft).await), "NOT_FOUND");
        assert!(
            management.own_invitations(&impostor).await.unwrap().is_empty(),
            "an unverified address sees its invitations"
        );
        assert_eq!(code(management.join(&impostor, &sent.invitation.id).await), "NOT_FOUND");
        assert_eq!(members(&setting, &victims).await, 1);
        assert_eq!(management.own_accounts(&impostor).await.unwrap().len(), 1);

        // The victim invites the address after the attacker has signed up with it.
        management.sign_up(&context, NewUser::new("later@victim.example", "Mallory", PASSWORD)).await.unwrap();
        let squatter = setting.signed_in("later@victim.example").await;
        let later = management.invite(&owner, &victims, "later@victim.example", Role::Admin).await.unwrap();
        assert!(!has_rights(management, &squatter, &victims).await && members(&setting, &victims).await == 1);
        assert_eq!(
            code(management.accept_invitation(&context, &later.secret, "New", PASSWORD).await),
            "ADDRESS_IN_USE"
        );
        // Only the victim's link admits its holder, and only with the invited address.
        assert_eq!(code(management.join_by_link(&impostor, &later.secret).await), "INVALID_VALUE");
        assert_eq!(management.join_by_link(&squatter, &later.secret).await.unwrap(), victims);
        assert_eq!(code(management.join_by_link(&squatter, &later.secret).await), "LINK_ENDED", "a link worked twice");
        assert_eq!(members(&setting, &victims).await, 2);
    }
}

#[tokio::test]
async fn invitation_is_judged_again_when_it_is_used() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let version =
            async |user: &Actor| management.member(&owner, &account, user.user().unwrap()).await.unwrap().version;
        for (n, what) in ["demoted", "removed", "disabled", "deleted"].into_iter().enumerate() {
            let maker = setting.member(&owner, &account, &format!("maker{n}@example.com"), Role::Admin).await;
            let id = maker.user().unwrap();
            let email = format!("invited{n}@example.com");
            let link = management.invite(&maker, &account, &email, Role::Admin).await.unwrap().secret;
            match what {
                "demoted" => {
                    let at = version(&maker).await;
                    management.update_member(&owner, &account, id, Role::Developer, at).await.map(drop).unwrap();
                }
                "removed" => management.remove_member(&owner, &account, id, version(&maker).await).await.unwrap(),
                "disabled" => management.set_user_disabled(&operator, id, true).await.map(drop).unwrap(),
                _ => {
                    let at = management.user(&operator, id).await.unwrap().version;
                    management.delete_user(&operator, id, at).await.unwrap();
                }
            }
            assert_eq!(
                code(management.accept_invitation(&context, &link, "New", PASSWORD).await),
                "LINK_ENDED",
                "{what}"
            );
            assert_eq!(code(management.invitation(&context, &link).await), "LINK_ENDED", "{what}");
        }
        // A link of a revoked key, a withdrawn invitation, and one replaced by a newer invitation.
        let all = NewKey::secret(account.clone(), "inviter");
        let (key, id) = holder(&setting, &owner, Purpose::Management, all).await;
        let of_key = management.invite(&key, &account, "a@example.com", Role::Viewer).await.unwrap().secret;
        management.revoke_key(&owner, &id).await.unwrap();
        let withdrawn = management.invite(&owner, &account, "b@example.com", Role::Viewer).await.unwrap();
        management.withdraw_invitation(&owner, &account, &withdrawn.invitation.id).await.unwrap();
        let first = management.invite(&owner, &account, "c@example.com", Role::Admin).await.unwrap().secret;
        let second = management.invite(&owner, &account, "c@example.com", Role::Viewer).await.unwrap();
        for link in [of_key, withdrawn.secret, first] {
            assert_eq!(code(management.accept_invitation(&context, &link, "New", PASSWORD).await), "LINK_ENDED");
        }
        management.accept_invitation(&context, &second.secret, "New", PASSWORD).await.unwrap();
        assert!(
            management
                .invitations(&owner, &account, &Default::default())
                .await
                .unwrap()
                .items
                .iter()
                .all(|open| { open.email != "c@example.com" && open.email != "b@example.com" })
        );
        // An older invitation does not bring back the address of a deleted user.
        let gone = setting.member(&owner, &account, "gone@example.com", Role::Viewer).await;
        let (_, elsewhere) = setting.customer("bob@example.com").await;
        let older = management.invite(&operator, &elsewhere, "gone@example.com", Role::Owner).await.unwrap().secret;
        let at = management.user(&operator, gone.user().unwrap()).await.unwrap().version;
        management.delete_user(&operator, gone.user().unwrap(), at).await.unwrap();
        assert_eq!(code(management.accept_invitation(&context, &older, "New", PASSWORD).await), "LINK_ENDED");
    }
}

#[tokio::test]
async fn reset_link_is_judged_again_when_it_is_used() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        for (n, what) in
            ["promoted", "changed and back", "joined elsewhere", "maker removed", "maker demoted"].iter().enumerate()
        {
            let maker = setting.member(&owner, &account, &format!("maker{n}@example.com"), Role::Admin).await;
            let email = format!("developer{n}@example.com");
            let target = setting.member(&owner, &account, &email, Role::Developer).await;
            let (maker_id, id) = (maker.user().unwrap(), target.user().unwrap());
            let link = management.create_password_reset(&maker, id).await.unwrap().secret;
            let give = async |user, role, at| {
                management.update_member(&owner, &account, user, role, at).await.map(drop).unwrap()
            };
            match *what {
                "promoted" => give(id, Role::Owner, 1).await,
                "changed and back" => {
                    give(id, Role::Viewer, 1).await;
                    give(id, Role::Developer, 2).await;
                }
                "joined elsewhere" => {
                    let elsewhere = management.create_account(&operator, "Elsewhere").await.unwrap().value.id;
                    let invited = management.invite(&operator, &elsewhere, &email, Role::Owner).await.unwrap();
                    management.join_by_link(&target, &invited.secret).await.map(drop).unwrap();
                }
                "maker removed" => management.remove_member(&owner, &account, maker_id, 1).await.unwrap(),
                _ => give(maker_id, Role::Viewer, 1).await,
            }
            let used = management.reset_password(&context, &link, "another good password").await;
            assert_eq!(code(used), "LINK_ENDED", "{what}");
            setting.signed_in(&email).await;
        }
    }
}

#[tokio::test]
async fn reset_link_of_one_account_opens_no_invitation_of_another() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let home = management.operator().clone();
        // The program's own invitation verifies the address of a new viewer in the operator's account.
        let staff = setting.member(&setting.system(), &home, "staff@example.com", Role::Viewer).await;
        let (_, customer) = setting.customer("ada@example.com").await;
        let waiting =
            management.invite(&operator, &customer, "staff@example.com", Role::Owner).await.unwrap().invitation;
        assert_eq!(management.own_invitations(&staff).await.unwrap().len(), 1);
        // An admin takes over the viewer's user with a password reset link.
        let admin = setting.member(&operator, &home, "admin@example.com", Role::Admin).await;
        let link = management.create_password_reset(&admin, staff.user().unwrap()).await.unwrap().secret;
        management.reset_password(&context, &link, PASSWORD).await.unwrap();
        let impostor = setting.signed_in("staff@example.com").await;
        assert!(management.own_invitations(&impostor).await.unwrap().is_empty());
        assert_eq!(code(management.join(&impostor, &waiting.id).await), "NOT_FOUND");
    }
}

#[tokio::test]
async fn rights_in_an_account_and_at_the_operator_add_up() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (customer, account) = setting.customer("ada@example.com").await;
        let before = management.rights(&operator, &account).await.unwrap();
        let invited = management.invite(&customer, &account, "operator@example.com", Role::Viewer).await.unwrap();
        management.join_by_link(&operator, &invited.secret).await.unwrap();
        assert_eq!(management.rights(&operator, &account).await.unwrap(), before);
        let suspend = keyward::manage::AccountUpdate { suspended: Some(true), ..Default::default() };
        let version = management.account(&operator, &account).await.unwrap().version;
        management.update_account(&operator, &account, &suspend, version).await.unwrap();
        // The reverse: a viewer of the operator's account is an owner in a customer's account.
        let home = management.operator().clone();
        let viewer = setting.member(&operator, &home, "viewer@example.com", Role::Viewer).await;
        let invited = management.invite(&customer, &account, "viewer@example.com", Role::Owner).await.unwrap();
        management.join_by_link(&viewer, &invited.secret).await.unwrap();
        assert!(management.rights(&viewer, &account).await.unwrap().may_give(Role::Owner));
        assert!(!management.rights(&viewer, &home).await.unwrap().may_give(Role::Developer));
    }
}

#[tokio::test]
async fn confined_key_gives_nothing_beyond_its_confines() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (_, account) = setting.customer("ada@example.com").await;
        let now = setting.clock_now();
        let end = now.saturating_add(HOUR);
        let confined = NewKey {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            endpoints: vec!["* /v1/keys/*".parse().unwrap()],
            expires_at: Some(end),
            ..NewKey::secret(account.clone(), "confined")
        };
        let (key, id) = holder(&setting, &operator, Purpose::Management, confined.clone()).await;
        type Change = fn(NewKey) -> NewKey;
        let wider: [(&str, Change); 7] = [
            ("networks", |new| NewKey { networks: Vec::new(), ..new }),
            ("other networks", |new| NewKey { networks: vec!["11.0.0.0/8".parse().unwrap()], ..new }),
            ("endpoints", |new| NewKey { endpoints: Vec::new(), ..new }),
            ("other endpoints", |new| NewKey { endpoints: vec!["* /v1/*".parse().unwrap()], ..new }),
            ("no expiry", |new| NewKey { expires_at: None, ..new }),
            ("later", |new| NewKey { expires_at: new.expires_at.map(|end| end.saturating_add(HOUR)), ..new }),
            ("mode", |new| NewKey { mode: Mode::Test, ..new }),
        ];
        for purpose in [Purpose::Management, Purpose::Api] {
            for (what, change) in wider {
                let draft = KeyDraft::of(purpose, change(confined.clone()));
                assert_eq!(says(management.create_key(&key, draft).await), "ESCALATION", "{purpose:?} {what}");
            }
            assert_eq!(says(management.create_key(&key, KeyDraft::of(purpose, confined.clone())).await), "done");
        }
        for (what, change) in [
            ("no expiry", KeyChange { expires_at: Some(None), ..KeyChange::default() }),
            ("networks", KeyChange { networks: Some(Vec::new()), ..KeyChange::default() }),
            ("endpoints", KeyChange { endpoints: Some(Vec::new()), ..KeyChange::default() }),
        ] {
            assert_eq!(code(management.update_key(&key, &id, change, 1).await), "ESCALATION", "{what}");
        }
        // A successor expires when its predecessor would have, even after several rotations.
        setting.clock.advance(HOUR / 2);
        let operator = setting.signed_in("operator@example.com").await;
        let rotated = management.rotate_key(&key, &id, Duration::ZERO).await.unwrap();
        assert_eq!(rotated.view.expires_at, Some(end));
        // A role has no restrictions, so neither a restricted key nor a key of test mode can give one.
        let test = NewKey { mode: Mode::Test, ..NewKey::secret(account.clone(), "test") };
        let (test, _) = holder(&setting, &operator, Purpose::Management, test).await;
        let live = NewKey::secret(account.clone(), "live");
        assert_eq!(says(management.create_key(&test, KeyDraft::of(Purpose::Management, live)).await), "ESCALATION");
        for role in Role::ALL {
            let invited = management.invite(&test, &account, "new@example.com", role).await;
            assert_eq!(says(invited), "INSUFFICIENT_SCOPE", "{role}");
        }
        let network = NewKey { networks: confined.networks.clone(), ..NewKey::secret(account.clone(), "network") };
        let (network, _) = holder(&setting, &operator, Purpose::Management, network).await;
        assert_eq!(says(management.invite(&network, &account, "new@example.com", Role::Viewer).await), "ESCALATION");
        let member = setting.member(&operator, &account, "member@example.com", Role::Developer).await;
        let member = member.user().unwrap();
        assert_eq!(says(management.create_password_reset(&network, member).await), "ESCALATION");
        assert_eq!(says(management.update_member(&network, &account, member, Role::Viewer, 1).await), "ESCALATION");
        assert_eq!(
            says(management.remove_member(&network, &account, member, 1).await),
            "done",
            "removing a member was refused"
        );
    }
}

#[tokio::test]
async fn provider_key_manages_nothing_whoever_hands_in_its_identity() {
    for setting in everywhere().await {
        let management = &setting.management;
        let (owner, account) = setting.customer("ada@example.com").await;
        let issued = management.create_key(&owner, KeyDraft::secret(account.clone(), "everything")).await.unwrap();
        // An application's own layer has authenticated the caller and passes the identity to the management service.
        let verifier = management.verifier().unwrap();
        let Admission::Identity(identity) = verdict(&verifier, &issued.key.expose_once()).await.unwrap() else {
            panic!()
        };
        let actor = Actor::of_identity(&identity, Context::new());
        assert_eq!(identity.kind().key_kind(), Some(KeyKind::Secret));
        assert_eq!(
            code(management.create_key(&actor, KeyDraft::secret(account.clone(), "more")).await),
            "INSUFFICIENT_SCOPE"
        );
        assert_eq!(
            code(management.invite(&actor, &account, "new@example.com", Role::Viewer).await),
            "INSUFFICIENT_SCOPE"
        );
        // A key that was revoked in the meantime can do nothing.
        management.revoke_key(&owner, &issued.view.id).await.unwrap();
        assert_eq!(code(management.key(&actor, &issued.view.id).await), "NOT_FOUND");
        verifier.shutdown().await;
    }
}

#[tokio::test]
async fn old_session_hands_out_nothing() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let member = setting.member(&owner, &account, "grace@example.com", Role::Developer).await;
        let other = setting.member(&operator, management.operator(), "staff@example.com", Role::Viewer).await;
        let (member, other) = (member.user().unwrap(), other.user().unwrap());
        let key = management.create_key(&owner, KeyDraft::secret(account.clone(), "production")).await.unwrap().view;
        management.set_key_disabled(&owner, &key.id, true).await.unwrap();
        management.set_user_disabled(&operator, other, true).await.unwrap();
        // Use the session every few hours, so that it stays valid and only its sign-in is old.
        let long = async |email: &str| {
            let session = management.sign_in(&Context::new(), email, PASSWORD).await.unwrap().session;
            for _ in 0..3 {
                setting.clock.advance(4 * HOUR);
                management.session(&session, Context::new()).await.unwrap();
            }
            management.session(&session, Context::new()).await.unwrap()
        };
        let owner = long("ada@example.com").await;
        let endless = KeyChange { networks: Some(vec!["10.0.0.0/8".parse().unwrap()]), ..KeyChange::default() };
        for (what, result) in [
            ("create", says(management.create_key(&owner, KeyDraft::secret(account.clone(), "new")).await)),
            ("rotate", says(management.rotate_key(&owner, &key.id, Duration::ZERO).await)),
            ("enable", says(management.set_key_disabled(&owner, &key.id, false).await)),
            ("update", says(management.update_key(&owner, &key.id, endless, 2).await)),
            ("invite", says(management.invite(&owner, &account, "new@example.com", Role::Owner).await)),
            ("role", says(management.update_member(&owner, &account, member, Role::Admin, 1).await)),
            ("reset", says(management.create_password_reset(&owner, member).await)),
        ] {
            assert_eq!(result, "SIGN_IN_AGAIN", "{what}");
        }
        // Operations that remove authority, or give none, still work.
        let rename = KeyChange { name: Some("renamed".into()), ..KeyChange::default() };
        assert_eq!(says(management.update_key(&owner, &key.id, rename, 2).await), "done");
        assert_eq!(says(management.revoke_key(&owner, &key.id).await), "done");
        assert_eq!(says(management.remove_member(&owner, &account, member, 1).await), "done");
        let operator = long("operator@example.com").await;
        assert_eq!(says(management.set_user_disabled(&operator, other, false).await), "SIGN_IN_AGAIN");
        let new = NewUser::new("boss@example.com", "Boss", PASSWORD);
        assert_eq!(says(management.create_owner(&operator, new).await), "SIGN_IN_AGAIN");
        let lift = keyward::manage::AccountUpdate { suspended: Some(false), ..Default::default() };
        let version = management.account(&operator, &account).await.unwrap().version;
        assert_eq!(says(management.update_account(&operator, &account, &lift, version).await), "SIGN_IN_AGAIN");
        management.put_plan(&setting.system(), Plan::new("Free"), None).await.unwrap();
        let described = ApiDescription::default();
        for (what, result) in [
            ("add a plan", says(management.put_plan(&operator, Plan::new("Pro"), None).await)),
            ("change a plan", says(management.put_plan(&operator, Plan::new("Free"), Some(1)).await)),
            ("remove a plan", says(management.remove_plan(&operator, "Free", 1).await)),
            ("remove a used plan", says(management.remove_used_plan(&operator, "Free", 1).await)),
            ("name where customers send keys", says(management.set_api_description(&operator, &described, 0).await)),
        ] {
            assert_eq!(result, "SIGN_IN_AGAIN", "{what}");
        }
    }
}

#[tokio::test]
async fn owner_of_any_account_is_not_disabled_as_its_last() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (ada, account) = setting.customer("ada@example.com").await;
        let id = ada.user().unwrap();
        assert_eq!(code(management.set_user_disabled(&operator, id, true).await), "LAST_OWNER");
        let grace = setting.member(&ada, &account, "grace@example.com", Role::Owner).await;
        management.set_user_disabled(&operator, id, true).await.unwrap();
        assert_eq!(code(management.set_user_disabled(&operator, grace.user().unwrap(), true).await), "LAST_OWNER");
        // The user's other account counts too.
        management.set_user_disabled(&operator, id, false).await.unwrap();
        let ada = setting.signed_in("ada@example.com").await;
        management.create_account(&ada, "Second").await.unwrap();
        assert_eq!(code(management.set_user_disabled(&operator, id, true).await), "LAST_OWNER");
    }
}

#[tokio::test]
async fn keys_in_an_overlap_count_and_accounts_are_bounded() {
    for setting in everywhere().await {
        let management = &setting.management;
        let (ada, account) = setting.customer("ada@example.com").await;
        let mut id = management.create_key(&ada, KeyDraft::secret(account.clone(), "key")).await.unwrap().view.id;
        let mut rotations = 0;
        loop {
            match management.rotate_key(&ada, &id, 24 * HOUR).await {
                Ok(rotated) => (id, rotations) = (rotated.view.id, rotations + 1),
                Err(error) => break assert_eq!(error.code(), "KEY_LIMIT_REACHED"),
            }
        }
        assert_eq!(rotations, 9, "more than ten keys work at once");
        setting.clock.advance(25 * HOUR);
        assert_eq!(says(management.rotate_key(&setting.signed_in("ada@example.com").await, &id, HOUR).await), "done");

        let ada = setting.signed_in("ada@example.com").await;
        let made: Vec<_> = (0..25)
            .map(|n| {
                let (management, ada) = (management.clone(), ada.clone());
                tokio::spawn(async move { management.create_account(&ada, &format!("Account {n}")).await })
            })
            .collect();
        let mut refused = 0;
        for made in made {
            match made.await.unwrap() {
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.code(), "ACCOUNT_LIMIT_REACHED");
                    refused += 1;
                }
            }
        }
        assert_eq!(refused, 6, "a user does not own exactly twenty accounts");
        let operator = setting.operator().await;
        for n in 0..21 {
            assert_eq!(says(management.create_account(&operator, &format!("Customer {n}")).await), "done");
        }
    }
}

#[tokio::test]
async fn deleted_user_leaves_no_member_whatever_races_it() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        for n in 0..12 {
            let email = format!("member{n}@example.com");
            let home = setting.member(&owner, &account, &email, Role::Viewer).await;
            let elsewhere = management.create_account(&operator, "Elsewhere").await.unwrap().value.id;
            let invited = management.invite(&operator, &elsewhere, &email, Role::Viewer).await.unwrap();
            let at = management.user(&operator, home.user().unwrap()).await.unwrap().version;
            let (_, _, made) = tokio::join!(
                management.join_by_link(&home, &invited.secret),
                management.delete_user(&operator, home.user().unwrap(), at),
                management.create_account(&home, "Own"),
            );
            let mut accounts = vec![account.clone(), elsewhere];
            accounts.extend(made.ok().map(|made| made.value.id));
            for account in accounts {
                for member in management.members(&setting.system(), &account, &Default::default()).await.unwrap().items
                {
                    assert!(management.user(&setting.system(), &member.user.id).await.is_ok());
                }
            }
            // The store has no membership of a deleted user.
            let list =
                keyward::manage::List::of(keyward::manage::Kind::Member, 100).subject(home.user().unwrap().as_str());
            let left = setting.records.list(&list).await.unwrap();
            assert!(
                management.user(&setting.system(), home.user().unwrap()).await.is_ok() || left.is_empty(),
                "{left:?}"
            );
        }
    }
}

impl Setting {
    fn clock_now(&self) -> Timestamp {
        keyward::clock::Clock::now(&*self.clock)
    }
}
