//! What a thief with a session of an owner would keep: a new owner, a key that makes owners, another user's sign-in.

use std::time::Duration;

use keyward::adapter::Admission;
use keyward::manage::{
    Actor, Context, KeyChange, KeyDraft, ManagementError, NewUser, PageRequest, Role, SignInLinkDraft,
};
use keyward::store::KeyStatus;
use keyward::{AccountId, CredentialId};

use crate::api::Running;
use crate::second_factor::{Person, code};
use crate::setting::{PASSWORD, Setting, everywhere, on_sqlite, verdict};

const EMAIL: &str = "ada@example.com";
const STEP: Duration = Duration::from_secs(30);

struct Owner {
    account: AccountId,
    session: String,
}

impl Owner {
    async fn actor(&self, setting: &Setting, context: Context) -> Actor {
        setting.management.session(&self.session, context).await.unwrap()
    }
}

fn management_key(account: &AccountId, scopes: &str) -> KeyDraft {
    KeyDraft::management(account.clone(), "managing", scopes.parse().unwrap())
}

async fn version(setting: &Setting, account: &AccountId, member: &Actor) -> u64 {
    let found = setting.management.member(&setting.system(), account, member.user().unwrap()).await.unwrap();
    found.version
}

#[tokio::test]
async fn a_session_alone_makes_no_owner_and_no_key_that_does() {
    for setting in everywhere().await {
        let (management, clock) = (&setting.management, &setting.clock);
        let (ada, account) = setting.customer(EMAIL).await;
        let bob = setting.member(&ada, &account, "bob@example.com", Role::Developer).await;
        let harmless = management.create_key(&ada, management_key(&account, "keys:read")).await.unwrap().view;
        let managing = management.create_key(&ada, management_key(&account, "members:write")).await.unwrap().view;
        Person::set_up(management, clock, &bob).await;
        let person = Person::set_up(management, clock, &ada).await;
        clock.advance(STEP);
        let signed_in =
            management.sign_in_with_code(&Context::new(), EMAIL, PASSWORD, Some(&person.code(clock))).await.unwrap();
        let owner = Owner { account, session: signed_in.session.to_string() };
        let account = &owner.account;
        for (shown, expected) in [
            (None, "CODE_REQUIRED"),
            (Some(String::new()), "CODE_REQUIRED"),
            // A code counts once, and the sign-in has used it.
            (Some(person.code(clock)), "INVALID_CODE"),
        ] {
            let context = shown.as_ref().map_or_else(Context::new, |shown| Context::new().code(shown));
            let thief = owner.actor(&setting, context).await;
            let results = attempts(&setting, account, &thief, &bob, &harmless.id, &managing.id).await;
            for (what, result) in results {
                // Five wrong codes in a row block further ones.
                let is_blocked = expected == "INVALID_CODE" && result == "RATE_LIMIT_EXCEEDED";
                assert!(result == expected || is_blocked, "{what} with {shown:?}: {result}");
            }
        }
        // The block is over.
        clock.advance(Duration::from_secs(300));
        let shown = async || {
            clock.advance(STEP);
            owner.actor(&setting, Context::new().code(&person.code(clock))).await
        };
        let members = management.members(&setting.system(), account, &PageRequest::default()).await.unwrap().items;
        assert!(members.iter().filter(|member| member.role == Role::Owner).count() == 1, "{members:?}");
        assert_eq!(management.member(&ada, account, bob.user().unwrap()).await.unwrap().role, Role::Developer);
        // What outlives no session asks for nothing.
        let plain = owner.actor(&setting, Context::new()).await;
        management.invite(&plain, account, "dev@example.com", Role::Admin).await.unwrap();
        management.create_key(&plain, management_key(account, "keys:read")).await.unwrap();
        management.create_key(&plain, KeyDraft::secret(account.clone(), "production")).await.unwrap();
        // The code of the user confirms, and counts once.
        let actor = shown().await;
        management.invite(&actor, account, "new@example.com", Role::Owner).await.unwrap();
        assert_eq!(code(management.invite(&actor, account, "two@example.com", Role::Owner).await), "INVALID_CODE");
        let version = version(&setting, account, &bob).await;
        let actor = shown().await;
        let promoted = management.update_member(&actor, account, bob.user().unwrap(), Role::Owner, version).await;
        assert_eq!(promoted.unwrap().role, Role::Owner);
        management.create_key(&shown().await, management_key(account, "members:write")).await.unwrap();
        management.rotate_key(&shown().await, &managing.id, Duration::ZERO).await.unwrap();
        management.create_password_reset(&shown().await, bob.user().unwrap()).await.unwrap();
        management.remove_second_factor(&shown().await, bob.user().unwrap()).await.unwrap();
        // A recovery code confirms, too.
        let actor = owner.actor(&setting, Context::new().code(&person.recovery[0])).await;
        management.invite(&actor, account, "three@example.com", Role::Owner).await.unwrap();
        assert_eq!(management.own_second_factor(&actor).await.unwrap().unwrap().recovery_codes, 9);
    }
}

async fn attempts(
    setting: &Setting,
    account: &AccountId,
    thief: &Actor,
    bob: &Actor,
    harmless: &CredentialId,
    managing: &CredentialId,
) -> Vec<(&'static str, &'static str)> {
    let (management, bob) = (&setting.management, bob.user().unwrap());
    let version = management.member(&setting.system(), account, bob).await.unwrap().version;
    let widened = || KeyChange { scopes: Some("keys:read members:write".parse().unwrap()), ..KeyChange::default() };
    vec![
        ("invite", code(management.invite(thief, account, "eve@example.com", Role::Owner).await)),
        ("role", code(management.update_member(thief, account, bob, Role::Owner, version).await)),
        ("key", code(management.create_key(thief, management_key(account, "members:write")).await)),
        ("key with all scopes", code(management.create_key(thief, management_key(account, "*")).await)),
        ("key that signs in", code(management.create_key(thief, management_key(account, "users:sign_in")).await)),
        ("more scopes", code(management.update_key(thief, harmless, widened(), 1).await)),
        ("rotate", code(management.rotate_key(thief, managing, Duration::ZERO).await)),
        ("reset", code(management.create_password_reset(thief, bob).await)),
        ("factor", code(management.remove_second_factor(thief, bob).await)),
    ]
}

/// A thief would keep what an owner had closed: members without a second factor, disabled users, and disabled keys that make owners.
#[tokio::test]
async fn a_session_alone_opens_nothing_that_an_owner_closed() {
    for setting in everywhere().await {
        let (management, clock, system) = (&setting.management, &setting.clock, setting.system());
        let operator = setting.operator().await;
        let account = management.operator().clone();
        let grace = setting.member(&operator, &account, "grace@example.com", Role::Developer).await;
        let grace = grace.user().unwrap();
        let person = Person::set_up(management, clock, &operator).await;
        let key = async |scopes: &str| {
            let id = management.create_key(&system, management_key(&account, scopes)).await.unwrap().view.id;
            management.set_key_disabled(&system, &id, true).await.unwrap();
            id
        };
        let (harmless, managing, signing_in) =
            (key("keys:read").await, key("members:write").await, key("users:sign_in").await);
        management.require_second_factor(&operator, &account, true).await.unwrap();
        management.set_user_disabled(&operator, grace, true).await.unwrap();
        clock.advance(STEP);
        let shown = person.code(clock);
        let email = "operator@example.com";
        let signed_in = management.sign_in_with_code(&Context::new(), email, PASSWORD, Some(&shown)).await.unwrap();
        let owner = Owner { account, session: signed_in.session.to_string() };
        let account = &owner.account;
        let status = async |id: &CredentialId| management.key(&system, id).await.unwrap().status;

        let thief = owner.actor(&setting, Context::new()).await;
        for (what, result) in [
            ("requirement", code(management.require_second_factor(&thief, account, false).await)),
            ("user", code(management.set_user_disabled(&thief, grace, false).await)),
            ("key", code(management.set_key_disabled(&thief, &managing, false).await)),
            ("key that signs in", code(management.set_key_disabled(&thief, &signing_in, false).await)),
        ] {
            assert_eq!(result, "CODE_REQUIRED", "{what}");
        }
        assert!(management.requires_second_factor(&system, account).await.unwrap());
        assert!(management.user(&system, grace).await.unwrap().value.disabled_at.is_some());
        assert_eq!((status(&managing).await, status(&signing_in).await), (KeyStatus::Disabled, KeyStatus::Disabled));

        // A key that makes no owner asks for nothing, and neither does what closes or changes nothing.
        management.set_key_disabled(&thief, &harmless, false).await.unwrap();
        management.set_key_disabled(&thief, &harmless, false).await.unwrap();
        management.require_second_factor(&thief, account, true).await.unwrap();
        management.set_key_disabled(&thief, &managing, true).await.unwrap();
        management.set_user_disabled(&thief, grace, true).await.unwrap();

        let shown = async || {
            clock.advance(STEP);
            owner.actor(&setting, Context::new().code(&person.code(clock))).await
        };
        management.set_key_disabled(&shown().await, &managing, false).await.unwrap();
        assert_eq!(status(&managing).await, KeyStatus::Active);
        let actor = shown().await;
        management.set_user_disabled(&actor, grace, false).await.unwrap();
        assert_eq!(code(management.set_key_disabled(&actor, &signing_in, false).await), "INVALID_CODE");
        management.set_user_disabled(&actor, grace, false).await.unwrap();
        management.require_second_factor(&shown().await, account, false).await.unwrap();
        assert!(!management.requires_second_factor(&system, account).await.unwrap());
        management.require_second_factor(&thief, account, false).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_second_factor_the_sign_in_is_at_most_15_minutes_old() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (ada, account) = setting.customer(EMAIL).await;
    let bob = setting.member(&ada, &account, "bob@example.com", Role::Developer).await;
    let tokens = management.issue_tokens(&Context::new(), EMAIL, PASSWORD).await.unwrap();
    let verifier = management.authenticator().unwrap();
    let of_token = async |token: &str| match verdict(&verifier, token).await.unwrap() {
        Admission::Identity(identity) => Actor::of_identity(&identity, Context::new()),
        Admission::Anonymous => panic!("it has a token"),
    };
    let token = of_token(&tokens.access.expose_once()).await;
    setting.clock.advance(Duration::from_secs(14 * 60));
    for (actor, email) in [(&ada, "one@example.com"), (&token, "two@example.com")] {
        management.invite(actor, &account, email, Role::Owner).await.unwrap();
    }
    setting.clock.advance(Duration::from_secs(60));
    let refreshed = management.refresh_tokens(&Context::new(), &tokens.refresh).await.unwrap();
    let refreshed = of_token(&refreshed.access.expose_once()).await;
    let managing = management_key(&account, "*");
    for actor in [&ada, &refreshed] {
        assert_eq!(code(management.invite(actor, &account, "eve@example.com", Role::Owner).await), "SIGN_IN_AGAIN");
        assert_eq!(code(management.create_key(actor, managing.clone()).await), "SIGN_IN_AGAIN");
        let version = version(&setting, &account, &bob).await;
        let promoted = management.update_member(actor, &account, bob.user().unwrap(), Role::Owner, version).await;
        assert!(matches!(promoted, Err(ManagementError::SignInAgain)), "{promoted:?}");
        management.invite(actor, &account, "admin@example.com", Role::Admin).await.unwrap();
    }
    let again = setting.signed_in(EMAIL).await;
    let key = management.create_key(&again, managing).await.unwrap().view.id;
    management.set_key_disabled(&ada, &key, true).await.unwrap();
    for actor in [&ada, &refreshed] {
        assert_eq!(code(management.set_key_disabled(actor, &key, false).await), "SIGN_IN_AGAIN");
    }
    management.set_key_disabled(&again, &key, false).await.unwrap();
    // The first owner of the operator, and keys, have no session.
    let new = NewUser::new("boss@example.com", "Boss", PASSWORD);
    management.create_owner(&setting.system(), new).await.unwrap();
}

/// An access token states no code.
#[tokio::test]
async fn the_api_lifts_the_requirement_for_a_recent_sign_in_only() {
    const PATH: &str = "/v1/accounts/{account}";
    const LIFT: &str = r#"{"requires_second_factor":false}"#;
    const ANY: &[(&str, &str)] = &[("if-match", "*")];
    let mut running = Running::start().await;
    let setting = running.setting();
    let (management, clock) = (&setting.management, &setting.clock);
    let ada = setting.signed_in(EMAIL).await;
    let person = Person::set_up(management, clock, &ada).await;
    clock.advance(STEP);
    let shown = person.code(clock);
    let tokens = management.issue_tokens_with_code(&Context::new(), EMAIL, PASSWORD, Some(&shown)).await.unwrap();
    clock.advance(Duration::from_secs(15 * 60));
    let refreshed = management.refresh_tokens(&Context::new(), &tokens.refresh).await.unwrap();
    let shown = person.code(clock);
    let again = management.issue_tokens_with_code(&Context::new(), EMAIL, PASSWORD, Some(&shown)).await.unwrap();
    running.name("old", refreshed.access.expose_once().to_string());
    running.name("new", again.access.expose_once().to_string());
    let rows = [
        ("new", "PATCH", PATH, ANY, r#"{"requires_second_factor":true}"#, 200, ""),
        ("old", "PATCH", PATH, ANY, LIFT, 403, "SIGN_IN_AGAIN"),
        ("old", "PATCH", PATH, ANY, r#"{"name":"Example","requires_second_factor":false}"#, 403, "SIGN_IN_AGAIN"),
        ("old", "PATCH", PATH, ANY, r#"{"name":"Example","requires_second_factor":true}"#, 200, ""),
        ("new", "PATCH", PATH, ANY, LIFT, 200, ""),
        ("old", "PATCH", PATH, ANY, LIFT, 200, ""),
    ];
    running.check(&rows).await;
    running.end().await;
}

#[tokio::test]
async fn a_link_that_is_refused_creates_no_user() {
    for setting in everywhere().await {
        let (management, system) = (&setting.management, setting.system());
        let owner = setting.operator().await;
        let (_, account) = setting.customer(EMAIL).await;
        let home = management.operator().clone();
        let members = async |account: &AccountId| {
            management.members(&system, account, &PageRequest::default()).await.unwrap().items.len()
        };
        let before = [members(&home).await, members(&account).await];
        setting.clock.advance(Duration::from_secs(15 * 60));
        for (place, role) in [(&home, Role::Owner), (&account, Role::Owner), (&account, Role::Developer)] {
            let draft = SignInLinkDraft::new("thief@example.com").account(place.clone()).create("Thief", role);
            assert_eq!(code(management.create_sign_in_link(&owner, &draft).await), "SIGN_IN_AGAIN");
        }
        assert_eq!([members(&home).await, members(&account).await], before);
        let unknown = SignInLinkDraft::new("thief@example.com").account(account.clone());
        assert_eq!(code(management.create_sign_in_link(&system, &unknown).await), "NOT_FOUND");
        let again = setting.signed_in("operator@example.com").await;
        let draft = SignInLinkDraft::new("dev@example.com").account(account.clone()).create("Dev", Role::Developer);
        management.create_sign_in_link(&again, &draft).await.unwrap();
        assert_eq!(members(&account).await, before[1] + 1);
    }
}

/// A user sends a form twice, or several forms at once, with one code.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_right_code_in_several_requests_blocks_nobody() {
    for setting in everywhere().await {
        let (management, clock) = (&setting.management, &setting.clock);
        let (ada, account) = setting.customer(EMAIL).await;
        let person = Person::set_up(management, clock, &ada).await;
        clock.advance(STEP);
        let signed_in =
            management.sign_in_with_code(&Context::new(), EMAIL, PASSWORD, Some(&person.code(clock))).await.unwrap();
        let owner = Owner { account: account.clone(), session: signed_in.session.to_string() };
        for round in 0..3 {
            clock.advance(STEP * 3);
            let ada = owner.actor(&setting, Context::new().code(&person.code(clock))).await;
            let tasks: Vec<_> = (0..8)
                .map(|number| {
                    let (management, account, actor) = (management.clone(), account.clone(), ada.clone());
                    let email = format!("new{round}.{number}@example.com");
                    tokio::spawn(async move { code(management.invite(&actor, &account, &email, Role::Owner).await) })
                })
                .collect();
            let mut codes = Vec::new();
            for task in tasks {
                codes.push(task.await.unwrap());
            }
            assert_eq!(codes.iter().filter(|code| **code == "ok").count(), 1, "{codes:?}");
            assert!(codes.iter().all(|code| ["ok", "INVALID_CODE"].contains(code)), "{codes:?}");
            clock.advance(STEP);
            let actor = owner.actor(&setting, Context::new().code(&person.code(clock))).await;
            let next = management.invite(&actor, &account, &format!("next{round}@example.com"), Role::Owner).await;
            assert_eq!(code(next), "ok", "{codes:?}");
        }
    }
}
