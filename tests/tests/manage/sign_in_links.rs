//! Links with which a host application hands over its signed-in user.

use std::collections::BTreeMap;
use std::time::Duration;

use keyward::key::KeyKind;
use keyward::manage::{Actor, AuditQuery, Context, Management, ManagementError, Purpose, Role, SignInLinkDraft};
use keyward::{AccountId, Mode, NewKey};

use crate::authority::holder;
use crate::setting::{PASSWORD, Setting, everywhere, on_sqlite};

const HOUR: Duration = Duration::from_secs(3_600);

fn says<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

async fn secret(management: &Management, by: &Actor, user: &Actor) -> String {
    let link = management.create_sign_in_link(by, &SignInLinkDraft::new(user.user().unwrap().as_str())).await.unwrap();
    link.secret.to_string()
}

/// A management key of an account, as an actor.
async fn key_of(setting: &Setting, account: &AccountId, scopes: &str, mode: Mode) -> Actor {
    // The command line creates such keys.
    let new = NewKey { mode, ..NewKey::restricted(account.clone(), "host", scopes.parse().unwrap()) };
    let new = if scopes == "*" { NewKey { kind: KeyKind::Secret, ..new } } else { new };
    holder(setting, &setting.system(), Purpose::Management, new).await.0
}

#[tokio::test]
async fn a_link_works_once_and_for_a_minute() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let grace = setting.member(&owner, &account, "grace@example.com", Role::Developer).await;

        let first = secret(management, &operator, &grace).await;
        let signed_in = management.sign_in_with_link(&context, &first).await.unwrap();
        let actor = management.session(&signed_in.session, context.clone()).await.unwrap();
        assert_eq!(actor.user(), grace.user());
        for used in [&first, "kwl_nonsense", ""] {
            assert_eq!(says(management.sign_in_with_link(&context, used).await), "LINK_ENDED", "{used}");
        }
        let late = secret(management, &operator, &grace).await;
        setting.clock.advance(Duration::from_secs(60));
        assert_eq!(says(management.sign_in_with_link(&context, &late).await), "LINK_ENDED");

        // When several browsers use one link at once, one is signed in.
        let raced = secret(management, &operator, &grace).await;
        let uses = (0..6).map(|_| {
            let (management, raced) = (management.clone(), raced.clone());
            tokio::spawn(async move { management.sign_in_with_link(&Context::new(), &raced).await })
        });
        let mut codes = BTreeMap::<_, u32>::new();
        for used in uses.collect::<Vec<_>>() {
            *codes.entry(says(used.await.unwrap())).or_default() += 1;
        }
        assert_eq!(codes, BTreeMap::from([("done", 1), ("LINK_ENDED", 5)]));

        let log = management.audit_log(&setting.system(), &AuditQuery::default()).await.unwrap().items;
        let begun = log.iter().find(|entry| entry.action == "session.begin").unwrap();
        assert_eq!(begun.after.as_ref().unwrap()["sign_in_link_of"]["id"], operator.user().unwrap().as_str());
        assert!(log.iter().any(|entry| entry.action == "user.create_sign_in_link"));
        assert!(!serde_json::to_string(&log).unwrap().contains("kwl_"));
    }
}

#[tokio::test]
async fn makers_need_the_scope_and_all_rights_of_the_user() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let home = management.operator().clone();
        let (owner, account) = setting.customer("ada@example.com").await;
        let admin = setting.member(&owner, &account, "admin@example.com", Role::Admin).await;
        let viewer = setting.member(&owner, &account, "viewer@example.com", Role::Viewer).await;
        let developer = setting.member(&owner, &account, "developer@example.com", Role::Developer).await;
        let (other, elsewhere) = setting.customer("eve@example.com").await;
        let shared = setting.member(&owner, &account, "shared@example.com", Role::Viewer).await;
        let invited = management.invite(&other, &elsewhere, "shared@example.com", Role::Viewer).await.unwrap();
        management.join_by_link(&shared, &invited.secret).await.unwrap();
        let strange = setting.member(&other, &elsewhere, "strange@example.com", Role::Viewer).await;
        let staff = setting.member(&operator, &home, "staff@example.com", Role::Admin).await;
        let reader = setting.member(&operator, &home, "reader@example.com", Role::Viewer).await;
        let reading = "accounts:read members:* keys:read usage:read plans:read";
        let full = key_of(&setting, &home, "*", Mode::Live).await;
        let narrow = key_of(&setting, &home, &format!("users:sign_in {reading}"), Mode::Live).await;
        let without = key_of(&setting, &home, reading, Mode::Live).await;
        let testing = key_of(&setting, &home, "*", Mode::Test).await;
        let least = key_of(&setting, &home, "users:sign_in", Mode::Live).await;
        let customers = key_of(&setting, &account, "*", Mode::Live).await;
        let own = key_of(&setting, &account, "users:sign_in", Mode::Live).await;
        let managing = key_of(&setting, &account, "members:* keys:* accounts:*", Mode::Live).await;
        for (by, of, expected) in [
            (&operator, &owner, "done"),
            (&operator, &staff, "done"),
            (&full, &owner, "done"),
            (&full, &viewer, "done"),
            (&narrow, &viewer, "done"),
            (&narrow, &admin, "ESCALATION"),
            (&narrow, &owner, "ESCALATION"),
            // The scope includes the rights of a developer in customers' accounts, and nothing at the operator.
            (&least, &viewer, "done"),
            (&least, &developer, "done"),
            (&least, &shared, "done"),
            (&least, &admin, "ESCALATION"),
            (&least, &owner, "ESCALATION"),
            (&least, &reader, "ESCALATION"),
            (&least, &staff, "ESCALATION"),
            (&least, &operator, "ESCALATION"),
            (&without, &viewer, "INSUFFICIENT_SCOPE"),
            (&testing, &viewer, "INSUFFICIENT_SCOPE"),
            (&staff, &viewer, "INSUFFICIENT_SCOPE"),
            // A key of an account signs in users of only this account.
            (&customers, &viewer, "done"),
            (&customers, &owner, "done"),
            (&customers, &shared, "ESCALATION"),
            (&customers, &strange, "NOT_FOUND"),
            (&customers, &operator, "NOT_FOUND"),
            (&own, &developer, "done"),
            (&own, &admin, "ESCALATION"),
            (&own, &shared, "ESCALATION"),
            (&managing, &viewer, "INSUFFICIENT_SCOPE"),
            (&owner, &viewer, "NOT_FOUND"),
            (&operator, &operator, "INVALID_VALUE"),
        ] {
            let draft = SignInLinkDraft::new(of.user().unwrap().as_str());
            let made = management.create_sign_in_link(by, &draft).await;
            assert_eq!(says(made), expected, "{:?} for {:?}", by.name(), of.name());
        }
    }
}

#[tokio::test]
async fn a_link_is_judged_again_when_it_is_used() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let home = management.operator().clone();
        let (owner, account) = setting.customer("ada@example.com").await;
        for (n, what) in ["disabled", "removed", "promoted", "signed out", "key revoked", "deleted"].iter().enumerate()
        {
            let email = format!("viewer{n}@example.com");
            let target = setting.member(&owner, &account, &email, Role::Viewer).await;
            let id = target.user().unwrap();
            let scopes = "users:sign_in accounts:read members:* keys:read usage:read plans:read";
            let new = NewKey { scopes: scopes.parse().unwrap(), ..NewKey::secret(home.clone(), "host") };
            let (host, host_key) = holder(&setting, &setting.system(), Purpose::Management, new).await;
            let draft = SignInLinkDraft::new(&email).account(account.clone());
            let link = management.create_sign_in_link(&host, &draft).await.unwrap().secret;
            match *what {
                "disabled" => drop(management.set_user_disabled(&operator, id, true).await.unwrap()),
                "removed" => management.remove_member(&owner, &account, id, 1).await.unwrap(),
                "promoted" => {
                    drop(management.update_member(&owner, &account, id, Role::Admin, 1).await.unwrap());
                }
                "signed out" => management.sign_out_everywhere(&target).await.unwrap(),
                "key revoked" => drop(management.revoke_key(&operator, &host_key).await.unwrap()),
                _ => {
                    let version = management.user(&operator, id).await.unwrap().version;
                    management.delete_user(&operator, id, version).await.unwrap();
                }
            }
            assert_eq!(says(management.sign_in_with_link(&context, &link).await), "LINK_ENDED", "{what}");
            let again = management.create_sign_in_link(&operator, &draft).await;
            let expected = match *what {
                "disabled" => "INVALID_VALUE",
                "removed" | "deleted" => "NOT_FOUND",
                _ => "done",
            };
            assert_eq!(says(again), expected, "{what}");
        }
    }
}

#[tokio::test]
async fn unknown_user_is_created_once_as_a_member() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let draft = SignInLinkDraft::new("New@Example.com").account(account.clone()).create("New", Role::Developer);
        // The same request for each page, also at the same time.
        let made = (0..4).map(|_| {
            let (management, operator, draft) = (management.clone(), operator.clone(), draft.clone());
            tokio::spawn(async move { management.create_sign_in_link(&operator, &draft).await })
        });
        let mut users = Vec::new();
        for made in made.collect::<Vec<_>>() {
            let link = made.await.unwrap().unwrap();
            users.push(management.sign_in_with_link(&context, &link.secret).await.unwrap().user.id);
        }
        users.dedup();
        assert_eq!(users.len(), 1);
        let member = management.member(&owner, &account, &users[0]).await.unwrap();
        assert_eq!(
            (member.role, member.user.name.as_str(), member.user.email_verified),
            (Role::Developer, "New", false)
        );
        // The role counts for a new user only, and a user of another account does not become a member.
        let other = SignInLinkDraft::new("new@example.com").account(account.clone()).create("Other", Role::Owner);
        management.create_sign_in_link(&operator, &other).await.unwrap();
        let (_, elsewhere) = setting.customer("eve@example.com").await;
        let strange = SignInLinkDraft::new("new@example.com").account(elsewhere).create("New", Role::Developer);
        assert_eq!(says(management.create_sign_in_link(&operator, &strange).await), "NOT_FOUND");
        assert_eq!(management.member(&owner, &account, &users[0]).await.unwrap().role, Role::Developer);
        assert_eq!(says(management.sign_in(&context, "new@example.com", PASSWORD).await), "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn a_session_of_a_link_is_short_and_shows_no_invitations() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let home = management.operator().clone();
        // The program's own invitation verifies the address.
        let staff = setting.member(&setting.system(), &home, "staff@example.com", Role::Viewer).await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let waiting = management.invite(&owner, &account, "staff@example.com", Role::Owner).await.unwrap().invitation;
        let link = secret(management, &operator, &staff).await;
        let signed_in = management.sign_in_with_link(&context, &link).await.unwrap();
        let session = async || management.session(&signed_in.session, context.clone()).await;
        let by_link = session().await.unwrap();
        assert!(management.own_invitations(&by_link).await.unwrap().is_empty());
        assert_eq!(says(management.join(&by_link, &waiting.id).await), "OWN_SIGN_IN_REQUIRED");
        assert_eq!(management.own_invitations(&staff).await.unwrap().len(), 1);
        let listed = management.own_sessions(&by_link, &Default::default()).await.unwrap().items;
        let marks: Vec<_> = listed.iter().map(|session| (session.current, session.by_link)).collect();
        assert!(marks.contains(&(true, true)) && marks.contains(&(false, false)), "{marks:?}");

        assert!(management.has_signed_in_recently(&by_link).await.unwrap());
        // Used all the time, it counts as recent for an hour and ends after 8.
        for minutes in (30..480).step_by(30) {
            setting.clock.advance(HOUR / 2);
            let by_link = session().await.unwrap();
            let is_recent = management.has_signed_in_recently(&by_link).await.unwrap();
            assert_eq!(is_recent, minutes < 60, "after {minutes} minutes");
        }
        setting.clock.advance(HOUR / 2);
        assert_eq!(says(session().await), "SIGNED_OUT");
        // Unused, it ends after an hour.
        let link = secret(management, &setting.signed_in("operator@example.com").await, &staff).await;
        let signed_in = management.sign_in_with_link(&context, &link).await.unwrap();
        setting.clock.advance(HOUR);
        assert_eq!(says(management.session(&signed_in.session, context.clone()).await), "SIGNED_OUT");
    }
}

#[tokio::test]
async fn a_key_with_restrictions_signs_nobody_in() {
    for setting in everywhere().await {
        let management = &setting.management;
        setting.operator().await;
        let home = management.operator().clone();
        let (owner, account) = setting.customer("ada@example.com").await;
        let viewer = setting.member(&owner, &account, "viewer@example.com", Role::Viewer).await;
        let user = viewer.user().unwrap().as_str();
        let end = keyward::clock::Clock::now(&*setting.clock).saturating_add(100 * HOUR);
        let new = || NewKey { scopes: "users:sign_in".parse().unwrap(), ..NewKey::secret(home.clone(), "host") };
        // A session outlives them, and knows none of them.
        for (what, new) in [
            ("an expiry", NewKey { expires_at: Some(end), ..new() }),
            ("networks", NewKey { networks: vec!["192.0.2.0/24".parse().unwrap()], ..new() }),
            ("endpoints", NewKey { endpoints: vec!["GET /a".parse().unwrap()], ..new() }),
        ] {
            let (host, _) = holder(&setting, &setting.system(), Purpose::Management, new).await;
            let made = management.create_sign_in_link(&host, &SignInLinkDraft::new(user)).await;
            assert_eq!(says(made), "ESCALATION", "{what}");
        }
    }
}

#[tokio::test]
async fn a_key_of_an_account_opens_its_account_and_creates_no_user() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let (_, elsewhere) = setting.customer("eve@example.com").await;
        setting.member(&owner, &account, "viewer@example.com", Role::Viewer).await;
        let key = key_of(&setting, &account, "users:sign_in members:*", Mode::Live).await;
        let draft = || SignInLinkDraft::new("viewer@example.com");
        let new = |email: &str| SignInLinkDraft::new(email).account(account.clone()).create("New", Role::Viewer);
        for (what, draft, expected) in [
            ("another account", draft().account(elsewhere.clone()), "NOT_FOUND"),
            ("the operator", draft().account(management.operator().clone()), "NOT_FOUND"),
            ("an unknown user", SignInLinkDraft::new("nobody@example.com"), "NOT_FOUND"),
            ("a user of another account", SignInLinkDraft::new("eve@example.com"), "NOT_FOUND"),
            ("a new user", new("nobody@example.com"), "INVALID_VALUE"),
            ("a new user who exists", new("eve@example.com"), "INVALID_VALUE"),
            ("its account", draft().account(account.clone()), "done"),
            ("no account", draft(), "done"),
        ] {
            assert_eq!(says(management.create_sign_in_link(&key, &draft).await), expected, "{what}");
        }
        let link = management.create_sign_in_link(&key, &draft()).await.unwrap();
        let signed_in = management.sign_in_with_link(&context, &link.secret).await.unwrap();
        let actor = management.session(&signed_in.session, context.clone()).await.unwrap();
        assert!(management.account(&actor, &account).await.is_ok());
    }
}

#[tokio::test]
async fn a_narrow_key_creates_developers_and_nobody_above() {
    for setting in everywhere().await {
        let management = &setting.management;
        setting.operator().await;
        let home = management.operator().clone();
        let (_, account) = setting.customer("ada@example.com").await;
        let least = key_of(&setting, &home, "users:sign_in", Mode::Live).await;
        let creating = key_of(&setting, &home, "users:sign_in members:write", Mode::Live).await;
        for (by, place, role, expected) in [
            (&least, &account, Role::Viewer, "INSUFFICIENT_SCOPE"),
            (&creating, &account, Role::Developer, "done"),
            (&creating, &account, Role::Admin, "ESCALATION"),
            (&creating, &account, Role::Owner, "ESCALATION"),
            (&creating, &home, Role::Viewer, "ESCALATION"),
            (&creating, &home, Role::Owner, "ESCALATION"),
        ] {
            let draft = SignInLinkDraft::new(format!("{role}@example.com")).account(place.clone()).create("New", role);
            assert_eq!(says(management.create_sign_in_link(by, &draft).await), expected, "{role}");
        }
    }
}

#[tokio::test]
async fn a_session_of_a_link_ends_with_the_rights_of_its_maker() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let home = management.operator().clone();
        let (owner, account) = setting.customer("ada@example.com").await;
        let (other, elsewhere) = setting.customer("eve@example.com").await;
        for (n, (what, of, lasts)) in [
            ("nothing", &home, true),
            ("promoted to developer", &home, true),
            ("joined another account", &home, true),
            ("promoted to admin", &home, false),
            ("key revoked", &home, false),
            ("joined another account", &account, false),
        ]
        .into_iter()
        .enumerate()
        {
            let email = format!("viewer{n}@example.com");
            // The program's own invitation verifies the address, so that the link leaves the own session.
            let target = setting.member(&setting.system(), &account, &email, Role::Viewer).await;
            let id = target.user().unwrap();
            let new = NewKey { scopes: "users:sign_in".parse().unwrap(), ..NewKey::secret(of.clone(), "Host of Acme") };
            let (host, host_key) = holder(&setting, &setting.system(), Purpose::Management, new).await;
            let link = management.create_sign_in_link(&host, &SignInLinkDraft::new(&email)).await.unwrap();
            let signed_in = management.sign_in_with_link(&context, &link.secret).await.unwrap();
            let session = async || management.session(&signed_in.session, context.clone()).await;
            let by_link = session().await.unwrap();
            let listed = management.own_sessions(&by_link, &Default::default()).await.unwrap().items;
            let from: Vec<_> = listed.into_iter().map(|listed| (listed.current, listed.link_from)).collect();
            assert!(
                from.contains(&(true, Some("Host of Acme".to_owned()))) && from.contains(&(false, None)),
                "{from:?}"
            );
            let promote = async |role| drop(management.update_member(&owner, &account, id, role, 1).await.unwrap());
            match what {
                "promoted to developer" => promote(Role::Developer).await,
                "promoted to admin" => promote(Role::Admin).await,
                "key revoked" => drop(management.revoke_key(&operator, &host_key).await.unwrap()),
                "joined another account" => {
                    let invited = management.invite(&other, &elsewhere, &email, Role::Viewer).await.unwrap();
                    management.join_by_link(&target, &invited.secret).await.unwrap();
                }
                _ => {}
            }
            let expected = if lasts { "done" } else { "SIGNED_OUT" };
            assert_eq!(says(session().await), expected, "{what}, key of {of}");
            assert!(management.own_user(&target).await.is_ok(), "{what}: the own session of the user ended");
        }
    }
}

#[tokio::test]
async fn links_are_counted_for_each_maker_and_each_user() {
    let setting = on_sqlite();
    let management = &setting.management;
    let operator = setting.operator().await;
    let (owner, account) = setting.customer("ada@example.com").await;
    let viewer = setting.member(&owner, &account, "viewer@example.com", Role::Viewer).await;
    let host = key_of(&setting, management.operator(), "users:sign_in", Mode::Live).await;
    let second = key_of(&setting, management.operator(), "users:sign_in", Mode::Live).await;
    let of = |user: &Actor| SignInLinkDraft::new(user.user().unwrap().as_str());
    let until_refused = async |by: &Actor, draft: SignInLinkDraft| {
        for done in 0..20_000 {
            match management.create_sign_in_link(by, &draft).await {
                Err(ManagementError::Throttled { retry_after }) => {
                    assert!(retry_after <= Duration::from_secs(60), "{retry_after:?}");
                    return done;
                }
                Ok(_) | Err(ManagementError::NotFound("user")) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("nothing bounds them");
    };
    assert!(until_refused(&host, of(&viewer)).await >= 30);
    // Also of another maker, but only this user. One comes back every two seconds.
    assert!(until_refused(&second, of(&viewer)).await < 10);
    assert_eq!(says(management.create_sign_in_link(&operator, &of(&owner)).await), "done");
    let unknown = SignInLinkDraft::new("nobody@example.com");
    assert!(until_refused(&second, unknown.clone()).await >= 590);
    assert_eq!(says(management.create_sign_in_link(&host, &unknown).await), "NOT_FOUND");
    // A refusal by rights uses up nothing of the user.
    let (_, stranger) = setting.customer("eve@example.com").await;
    let strange = key_of(&setting, &stranger, "*", Mode::Live).await;
    let fresh = setting.member(&owner, &account, "fresh@example.com", Role::Viewer).await;
    for _ in 0..60 {
        assert_eq!(says(management.create_sign_in_link(&strange, &of(&fresh)).await), "NOT_FOUND");
    }
    assert_eq!(says(management.create_sign_in_link(&host, &of(&fresh)).await), "done");
}
