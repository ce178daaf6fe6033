use std::sync::{Arc, Mutex};
use std::time::Duration;

use argon2::Params;
use keyward::manage::{
    AppearanceUpdate, AuditQuery, Context, Management, ManagementError, NewUser, Outcome, ResetLink, Role,
    SqliteManagementStore,
};
use keyward::sqlite::SqliteStore;
use keyward_tests::watched::within;

use crate::setting::{PASSWORD, everywhere, on_sqlite, verdict};

const OTHER: &str = "another good password";

fn code<T: std::fmt::Debug>(result: Result<T, ManagementError>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn a_link_for_another_password_is_good_once_and_for_an_hour_and_ends_all_that_was() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let (owner, account) = setting.customer("ada@example.com").await;
        let grace = setting.member(&owner, &account, "grace@example.com", Role::Developer).await;
        let user = grace.user().unwrap();
        let session = management.sign_in(&context, "grace@example.com", PASSWORD).await.unwrap().session;
        let tokens = management.issue_tokens(&context, "grace@example.com", PASSWORD).await.unwrap();
        let make = async || {
            let owner = setting.signed_in("ada@example.com").await;
            management.create_password_reset(&owner, user).await.unwrap().secret
        };

        let (first, second) = (make().await, make().await);
        assert!(management.session(&session, context.clone()).await.is_ok(), "creating a link ended the session");
        assert_eq!(code(management.reset_password(&context, &first, "short").await), "INVALID_VALUE");
        management.reset_password(&context, &first, OTHER).await.unwrap();
        assert_eq!(code(management.session(&session, context.clone()).await), "SIGNED_OUT");
        assert_eq!(code(management.refresh_tokens(&context, &tokens.refresh).await), "SIGNED_OUT");
        let authenticator = management.authenticator().unwrap();
        assert_eq!(verdict(&authenticator, &tokens.access.expose_once()).await.unwrap_err().code(), "API_KEY_REVOKED");
        assert_eq!(code(management.sign_in(&context, "grace@example.com", PASSWORD).await), "INVALID_CREDENTIALS");
        management.sign_in(&context, "grace@example.com", OTHER).await.unwrap();
        for used in [&first, &second] {
            assert_eq!(code(management.reset_password(&context, used, PASSWORD).await), "LINK_ENDED");
        }
        assert_eq!(code(management.reset_password(&context, "kwp_nonsense", PASSWORD).await), "LINK_ENDED");

        // Signing in does not end a link. Signing out everywhere does, and so does an hour.
        let kept = make().await;
        let grace = management.sign_in(&context, "grace@example.com", OTHER).await.unwrap();
        management.reset_password(&context, &kept, PASSWORD).await.unwrap();
        assert_eq!(code(management.session(&grace.session, context.clone()).await), "SIGNED_OUT");
        let ended = make().await;
        let grace = setting.signed_in("grace@example.com").await;
        management.sign_out_everywhere(&grace).await.unwrap();
        assert_eq!(code(management.reset_password(&context, &ended, OTHER).await), "LINK_ENDED");
        let late = make().await;
        setting.clock.advance(Duration::from_secs(3_600));
        assert_eq!(code(management.reset_password(&context, &late, OTHER).await), "LINK_ENDED");

        // When several callers use one link at once, one succeeds.
        let raced = make().await;
        let uses = (0..6).map(|n| {
            let (management, secret) = (management.clone(), raced.clone());
            tokio::spawn(
                async move { management.reset_password(&Context::new(), &secret, &format!("{OTHER} {n}")).await },
            )
        });
        let mut done = 0;
        for used in uses.collect::<Vec<_>>() {
            done += usize::from(used.await.unwrap().is_ok());
        }
        assert_eq!(done, 1);
        let log = management.audit_log(&setting.system(), &AuditQuery::default()).await.unwrap().items;
        for action in ["user.create_password_reset", "user.reset_password"] {
            assert!(log.iter().any(|entry| entry.action == action), "{action}");
        }
        assert!(!serde_json::to_string(&log).unwrap().contains("kwp_"));
    }
}

#[tokio::test]
async fn nobody_gets_a_link_to_be_somebody_who_may_do_more_than_they() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let (stranger, elsewhere) = setting.customer("eve@example.com").await;
        let admin = setting.member(&owner, &account, "admin@example.com", Role::Admin).await;
        let developer = setting.member(&owner, &account, "developer@example.com", Role::Developer).await;
        let id = |actor: &keyward::manage::Actor| actor.user().unwrap().clone();
        for (by, of, verdict) in [
            (&owner, &admin, "done"),
            (&admin, &developer, "done"),
            (&operator, &owner, "done"),
            (&admin, &owner, "ESCALATION"),
            (&developer, &admin, "INSUFFICIENT_SCOPE"),
            (&stranger, &developer, "NOT_FOUND"),
            (&owner, &owner, "INVALID_VALUE"),
            (&owner, &operator, "NOT_FOUND"),
        ] {
            let made = management.create_password_reset(by, &id(of)).await;
            assert_eq!(
                made.map_or_else(|error| error.code(), |_| "done"),
                verdict,
                "{:?} of {:?}",
                by.name(),
                of.name()
            );
        }
        // An open invitation does not block a reset link. A membership in another account does.
        let invited = management.invite(&stranger, &elsewhere, "developer@example.com", Role::Owner).await.unwrap();
        assert!(management.create_password_reset(&owner, &id(&developer)).await.is_ok());
        management.join_by_link(&developer, &invited.secret).await.unwrap();
        assert_eq!(code(management.create_password_reset(&owner, &id(&developer)).await), "ESCALATION");
        assert!(management.create_password_reset(&operator, &id(&developer)).await.is_ok());
    }
}

#[tokio::test]
async fn who_has_forgotten_a_password_is_sent_a_link_and_nobody_learns_who_has_one() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let store = SqliteStore::temporary().unwrap();
    let outbox = Arc::clone(&sent);
    let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
        .password_params(Params::new(8, 1, 1, None).unwrap())
        .on_forgotten_password(move |link: ResetLink| outbox.lock().unwrap().push(link))
        .build()
        .unwrap();
    let context = Context::new();
    let system = keyward::manage::Actor::system("test", Context::new());
    management.create_owner(&system, NewUser::new("ada@example.com", "Ada", PASSWORD)).await.unwrap();
    for email in ["nobody@example.com", " ADA@example.com"] {
        management.forgot_password(&context, email).await.unwrap();
    }
    within("a link is sent", async || !sent.lock().unwrap().is_empty()).await;
    let link = sent.lock().unwrap().pop().unwrap();
    assert_eq!(link.user.email, "ada@example.com");
    management.reset_password(&context, &link.secret, OTHER).await.unwrap();
    management.sign_in(&context, "ada@example.com", OTHER).await.unwrap();
    // The tenth request within a minute is the last accepted one, for known and unknown addresses.
    let mut accepted = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let mut tried = 0_usize;
        while management.forgot_password(&context, email).await.is_ok() {
            tried += 1;
        }
        assert!((8..=10).contains(&tried), "{email} {tried}");
        accepted.push(tried);
    }
    // The log has one entry a minute for each user, however many requests there are.
    let mailed = || sent.lock().unwrap().len();
    within("the links are sent", async || mailed() >= accepted[0]).await;
    assert_eq!(mailed(), accepted[0]);
    management.flush_refused().await.unwrap();
    let log = management.audit_log(&system, &AuditQuery::default()).await.unwrap().items;
    let entries: Vec<_> = log.iter().filter(|entry| entry.action == "user.forgot_password").collect();
    // A minute may begin in between.
    assert!((1..=3).contains(&entries.len()), "{entries:?}");
    let times: u64 = entries.iter().map(|entry| entry.after.as_ref().unwrap()["times"].as_u64().unwrap()).sum();
    assert_eq!(times as usize, 1 + accepted[0]);
    assert!(entries.iter().all(|entry| entry.outcome == Outcome::Done && entry.target.id == link.user.id.as_str()));
    // Without a mailer, no link is created.
    let setting = on_sqlite();
    setting.customer("ada@example.com").await;
    setting.management.forgot_password(&context, "ada@example.com").await.unwrap();
    assert!(!setting.management.sends_links());
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once_and_comes_back_when_enabled() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let (ada, account) = setting.customer("ada@example.com").await;
        setting.member(&ada, &account, "grace@example.com", Role::Owner).await;
        let user = ada.user().unwrap().clone();
        let session = management.sign_in(&context, "ada@example.com", PASSWORD).await.unwrap().session;
        let tokens = management.issue_tokens(&context, "ada@example.com", PASSWORD).await.unwrap();
        let link = management.create_password_reset(&operator, &user).await.unwrap().secret;
        let key = management.create_key(&ada, keyward::manage::KeyDraft::secret(account, "production")).await.unwrap();

        let disabled = management.set_user_disabled(&operator, &user, true).await.unwrap();
        assert!(disabled.disabled_at.is_some());
        assert_eq!(
            management.set_user_disabled(&operator, &user, true).await.unwrap(),
            disabled,
            "disabling a user twice changed the user"
        );
        assert_eq!(code(management.session(&session, context.clone()).await), "SIGNED_OUT");
        assert_eq!(code(management.refresh_tokens(&context, &tokens.refresh).await), "SIGNED_OUT");
        let authenticator = management.authenticator().unwrap();
        assert_eq!(verdict(&authenticator, &tokens.access.expose_once()).await.unwrap_err().code(), "API_KEY_REVOKED");
        // A disabled user gets the same answer as for a wrong password.
        assert_eq!(code(management.sign_in(&context, "ada@example.com", PASSWORD).await), "INVALID_CREDENTIALS");
        assert_eq!(code(management.issue_tokens(&context, "ada@example.com", PASSWORD).await), "INVALID_CREDENTIALS");
        assert_eq!(code(management.reset_password(&context, &link, OTHER).await), "LINK_ENDED");
        assert_eq!(code(management.create_password_reset(&operator, &user).await), "INVALID_VALUE");
        assert!(
            verdict(&management.verifier().unwrap(), &key.key.expose_once()).await.is_ok(),
            "disabling a user ended a key of the account"
        );

        management.set_user_disabled(&operator, &user, false).await.unwrap();
        assert_eq!(
            code(management.session(&session, context.clone()).await),
            "SIGNED_OUT",
            "enabling a user revived a session"
        );
        management.sign_in(&context, "ada@example.com", PASSWORD).await.unwrap();
        let log = management.audit_log(&setting.system(), &AuditQuery::default()).await.unwrap().items;
        for action in ["user.disable", "user.enable"] {
            assert_eq!(log.iter().filter(|entry| entry.action == action).count(), 1, "{action}");
        }
    }
}

#[tokio::test]
async fn who_is_deleted_belongs_nowhere_and_no_account_loses_its_last_owner() {
    for setting in everywhere().await {
        let (management, context) = (&setting.management, Context::new());
        let operator = setting.operator().await;
        let home = management.operator().clone();
        let (ada, account) = setting.customer("ada@example.com").await;
        let (ada, boss) = (ada.user().unwrap().clone(), operator.user().unwrap().clone());
        let grace = setting.member(&operator, &account, "grace@example.com", Role::Owner).await;
        let grace = grace.user().unwrap().clone();
        let admin = setting.member(&operator, &home, "admin@example.com", Role::Admin).await;
        let version = async |user| management.user(&operator, user).await.unwrap().version;

        // Users cannot delete themselves or a user with more rights, and customers cannot delete anyone.
        assert_eq!(code(management.delete_user(&operator, &boss, version(&boss).await).await), "INVALID_VALUE");
        assert_eq!(code(management.set_user_disabled(&admin, &boss, true).await), "ESCALATION");
        assert_eq!(code(management.delete_user(&admin, &ada, version(&ada).await).await), "ESCALATION");
        let customer = setting.signed_in("ada@example.com").await;
        for result in [
            management.delete_user(&customer, &grace, 1).await,
            management.set_user_disabled(&customer, &grace, true).await.map(drop),
            management.user(&customer, &grace).await.map(drop),
            management.users(&customer, &Default::default()).await.map(drop),
        ] {
            assert_eq!(code(result), "NOT_FOUND");
        }
        // A disabled owner does not count as an owner.
        management.set_user_disabled(&operator, &grace, true).await.unwrap();
        assert_eq!(code(management.delete_user(&operator, &ada, version(&ada).await).await), "LAST_OWNER");
        assert_eq!(code(management.set_user_disabled(&setting.system(), &boss, true).await), "LAST_OWNER");
        management.set_user_disabled(&operator, &grace, false).await.unwrap();
        let before = version(&ada).await;
        setting.signed_in("ada@example.com").await;
        assert_eq!(code(management.delete_user(&operator, &ada, before).await), "PRECONDITION_FAILED");

        let session = management.sign_in(&context, "ada@example.com", PASSWORD).await.unwrap().session;
        // Two requests delete both owners at once. One of them fails, because the other owner is the last.
        let (ada_at, grace_at) = (version(&ada).await, version(&grace).await);
        let (one, other) = tokio::join!(
            management.delete_user(&operator, &ada, ada_at),
            management.delete_user(&operator, &grace, grace_at)
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        if one.is_err() {
            continue;
        }
        assert_eq!(code(management.session(&session, context.clone()).await), "SIGNED_OUT");
        assert_eq!(code(management.user(&operator, &ada).await), "NOT_FOUND");
        let members = management.members(&operator, &account, &Default::default()).await.unwrap().items;
        assert!(members.iter().all(|member| member.user.id != ada) && !members.is_empty());
        // The address is free for a different user.
        let (again, _) = setting.customer("ada@example.com").await;
        assert_ne!(again.user(), Some(&ada));
        let all = management.users(&operator, &Default::default()).await.unwrap().items;
        assert_eq!(all.len(), 4);
    }
}

#[tokio::test]
async fn what_the_pages_look_like_is_the_operators_to_set_and_of_two_at_once_one_looks_again() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (customer, _) = setting.customer("ada@example.com").await;
        assert_eq!(management.appearance().await.unwrap().version, 0);
        let named = |name: &str| AppearanceUpdate { name: Some(Some(name.to_owned())), ..Default::default() };
        assert_eq!(code(management.update_appearance(&customer, named("Mine"), 0).await), "NOT_FOUND");
        assert_eq!(code(management.update_appearance(&operator, named("a\u{7}"), 0).await), "INVALID_VALUE");
        let (one, other) = tokio::join!(
            management.update_appearance(&operator, named("One"), 0),
            management.update_appearance(&operator, named("Other"), 0)
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let png = |end: u8| [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01"[..], &[end]].concat();
        let logo = |bytes| AppearanceUpdate { logo: Some(bytes), ..Default::default() };
        let first = management.update_appearance(&operator, logo(Some(png(1))), 1).await.unwrap();
        let same = management.update_appearance(&operator, logo(Some(png(1))), 2).await.unwrap();
        assert_eq!((first.logo.clone(), first.name.clone()), (same.logo.clone(), same.name.clone()));
        let second = management.update_appearance(&operator, logo(Some(png(2))), 3).await.unwrap();
        assert_ne!(first.logo, second.logo);
        // The first logo was deleted and can be uploaded again.
        management.update_appearance(&operator, logo(Some(png(1))), 4).await.unwrap();
        assert_eq!(management.update_appearance(&operator, logo(None), 5).await.unwrap().logo, None);
        let script = b"<svg onload='alert(1)' xmlns='http://www.w3.org/2000/svg'/>".to_vec();
        assert_eq!(code(management.update_appearance(&operator, logo(Some(script)), 6).await), "INVALID_VALUE");
        let log = management.audit_log(&setting.system(), &AuditQuery::default()).await.unwrap().items;
        assert_eq!(log.iter().filter(|entry| entry.action == "settings.update").count(), 6);
    }
}
