//! Links with which a host application hands over its signed-in user.

use std::collections::BTreeMap;
use std::time::Duration;

use keyward::manage::{Actor, AuditQuery, Context, Management, ManagementError, Purpose, Role, SignInLinkDraft};
use keyward::{AccountId, Mode, NewKey};

use crate::authority::holder;
use crate::setting::{PASSWORD, Setting, everywhere};

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
    let new = NewKey { scopes: scopes.parse().unwrap(), mode, ..NewKey::secret(account.clone(), "host") };
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
        let staff = setting.member(&operator, &home, "staff@example.com", Role::Admin).await;
        let reading = "accounts:read members:* keys:read usage:read plans:read";
        let full = key_of(&setting, &home, "*", Mode::Live).await;
        let narrow = key_of(&setting, &home, &format!("users:sign_in {reading}"), Mode::Live).await;
        let without = key_of(&setting, &home, reading, Mode::Live).await;
        let testing = key_of(&setting, &home, "*", Mode::Test).await;
        let customers = key_of(&setting, &account, "*", Mode::Live).await;
        for (by, of, expected) in [
            (&operator, &owner, "done"),
            (&operator, &staff, "done"),
            (&full, &owner, "done"),
            (&full, &viewer, "done"),
            (&narrow, &viewer, "done"),
            (&narrow, &admin, "ESCALATION"),
            (&narrow, &owner, "ESCALATION"),
            (&without, &viewer, "INSUFFICIENT_SCOPE"),
            (&testing, &viewer, "INSUFFICIENT_SCOPE"),
            (&staff, &viewer, "INSUFFICIENT_SCOPE"),
            (&customers, &viewer, "NOT_FOUND"),
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
                    drop(management.update_member(&owner, &account, id, Role::Developer, 1).await.unwrap());
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
        assert_eq!(says(management.join(&by_link, &waiting.id).await), "NOT_FOUND");
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
