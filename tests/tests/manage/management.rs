use std::num::NonZeroU32;
use std::time::Duration;

use argon2::Params;
use keyward::Keys;
use keyward::manage::{
    Actor, Context, Management, ManagementError, NewUser, PageRequest, Role, SignUpPolicy, SqliteManagementStore,
};
use keyward::sqlite::SqliteStore;

use crate::setting::{PASSWORD, Setting, everywhere, on_sqlite, verdict};

fn code<T: std::fmt::Debug>(result: Result<T, ManagementError>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn who_signs_up_has_an_account_and_nobody_learns_who_has_one() {
    for setting in everywhere().await {
        let management = &setting.management;
        let (actor, account) = setting.customer("Ada@Example.com").await;
        assert!(management.rights(&actor, &account).await.unwrap().may_give(Role::Owner));

        // A second sign-up gets the same answer and changes nothing.
        let again = NewUser::new("ada@example.com", "Mallory", "another password here");
        management.sign_up(&Context::new(), again).await.unwrap();
        let sign_in = async |email, password| management.sign_in(&Context::new(), email, password).await;
        assert_eq!(code(sign_in("ada@example.com", "another password here").await), "INVALID_CREDENTIALS");
        assert_eq!(code(sign_in("nobody@example.com", PASSWORD).await), "INVALID_CREDENTIALS");
        assert_eq!(code(sign_in("no address", PASSWORD).await), "INVALID_CREDENTIALS");
        assert!(sign_in("ADA@example.com", PASSWORD).await.is_ok());

        for (email, name, password) in [
            ("ada", "A", PASSWORD),
            ("ada@example", "A", PASSWORD),
            ("a b@example.com", "A", PASSWORD),
            ("b@example.com", "", PASSWORD),
            ("b@example.com", "a\u{1b}b", PASSWORD),
            ("b@example.com", "B", "short"),
        ] {
            let verdict = management.sign_up(&Context::new(), NewUser::new(email, name, password)).await;
            assert_eq!(code(verdict), "INVALID_VALUE", "{email} {name}");
        }
    }
}

#[tokio::test]
async fn passwords_are_long_and_not_guessed_quickly_and_nothing_else_is_prescribed() {
    let setting = on_sqlite();
    let system = setting.system();
    let long = "x".repeat(201);
    for (number, (password, fits)) in [
        ("qX7!vR2#mK9$pL", false), // 14 characters
        ("qX7!vR2#mK9$pLz", true),
        ("passwordpassword", false),
        ("123456789012345678", false),
        ("qwertyuiopasdfghjkl", false),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", false),
        ("bob6@example.com", false),
        ("mallard spoon orbit velvet", true),
        ("пароль из нескольких слов", true),
        (&long, false),
    ]
    .into_iter()
    .enumerate()
    {
        let new = NewUser::new(format!("bob{number}@example.com"), "Bob", password);
        match setting.management.create_owner(&system, new).await {
            Ok(_) => assert!(fits, "{password}"),
            Err(error) => assert!(!fits && error.code() == "INVALID_VALUE", "{password}: {error}"),
        }
    }
}

#[tokio::test]
async fn what_was_changed_beside_the_desk_is_what_it_shows() {
    let setting = on_sqlite();
    let (owner, account) = setting.customer("ada@example.com").await;
    let keys = Keys::new(SqliteStore::open(setting.file.as_ref().unwrap()).unwrap());
    // `keyward accounts suspend` and `set-plan` write the same.
    let mut record = keys.get_account(&account).await.unwrap().unwrap().with_plan("Pro");
    record.suspended_at = Some(keyward::Timestamp::from_millis(5));
    keys.put_account(&record).await.unwrap();
    let shown = setting.management.account(&owner, &account).await.unwrap().value;
    assert_eq!((shown.plan.as_deref(), shown.suspended_at), (Some("Pro"), record.suspended_at));
    let system = setting.system();
    let all = setting.management.accounts(&system, &PageRequest::default()).await.unwrap().items;
    assert!(all.iter().any(|shown| shown.id == account && shown.suspended_at.is_some()));
}

#[tokio::test]
async fn sessions_end_by_themselves_by_signing_out_and_everywhere() {
    for Setting { management, clock, .. } in everywhere().await {
        let new = NewUser::new("ada@example.com", "Ada", PASSWORD);
        management.create_owner(&Actor::system("test", Context::new()), new).await.unwrap();
        let begin = async || management.sign_in(&Context::new(), "ada@example.com", PASSWORD).await.unwrap().session;
        let hold = async |session: &str| management.session(session, Context::new()).await;
        const HOUR: Duration = Duration::from_secs(3_600);

        let idle = begin().await;
        clock.advance(8 * HOUR);
        assert_eq!(code(hold(&idle).await), "SIGNED_OUT", "an idle session did not end");

        let used = begin().await;
        for _ in 0..27 {
            clock.advance(6 * HOUR);
            hold(&used).await.unwrap();
        }
        clock.advance(6 * HOUR);
        assert_eq!(code(hold(&used).await), "SIGNED_OUT", "a session lasted longer than a week");

        let (one, other) = (begin().await, begin().await);
        let actor = hold(&one).await.unwrap();
        assert_eq!(management.own_sessions(&actor, &Default::default()).await.unwrap().items.len(), 2);
        management.sign_out(&actor).await.unwrap();
        assert_eq!(code(hold(&one).await), "SIGNED_OUT");
        let actor = hold(&other).await.unwrap();
        let tokens = management.issue_tokens(&Context::new(), "ada@example.com", PASSWORD).await.unwrap();
        let third = begin().await;
        management.sign_out_everywhere(&actor).await.unwrap();
        for session in [&other, &third] {
            assert_eq!(code(hold(session).await), "SIGNED_OUT");
        }
        assert_eq!(code(management.refresh_tokens(&Context::new(), &tokens.refresh).await), "SIGNED_OUT");
        assert_eq!(code(hold("kws_nonsense").await), "SIGNED_OUT");

        // A changed password ends the sessions too.
        let before = begin().await;
        let actor = hold(&before).await.unwrap();
        assert_eq!(
            code(management.change_password(&actor, "wrong", "a new long password").await),
            "INVALID_CREDENTIALS"
        );
        management.change_password(&actor, PASSWORD, "a new long password").await.unwrap();
        assert_eq!(code(hold(&before).await), "SIGNED_OUT");
        assert!(management.sign_in(&Context::new(), "ada@example.com", "a new long password").await.is_ok());
    }
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_copy_ends_them_all() {
    for setting in everywhere().await {
        let management = &setting.management;
        setting.customer("ada@example.com").await;
        let context = Context::new();
        let first = management.issue_tokens(&context, "ada@example.com", PASSWORD).await.unwrap();
        let second = management.refresh_tokens(&context, &first.refresh).await.unwrap();
        let third = management.refresh_tokens(&context, &second.refresh).await.unwrap();
        let authenticator = management.authenticator().unwrap();
        let access = third.access.expose_once();
        let check = async || verdict(&authenticator, &access).await;
        assert!(check().await.is_ok());

        assert_eq!(
            code(management.refresh_tokens(&context, &first.refresh).await),
            "SIGNED_OUT",
            "a refresh token worked twice"
        );
        assert_eq!(
            code(management.refresh_tokens(&context, &third.refresh).await),
            "SIGNED_OUT",
            "a later token of the same sign-in still works"
        );
        assert_eq!(check().await.unwrap_err().code(), "API_KEY_REVOKED");

        // When several callers use one token at once, at most one gets new tokens, and those end too.
        let once = management.issue_tokens(&context, "ada@example.com", PASSWORD).await.unwrap();
        let uses = (0..8).map(|_| {
            let (management, token) = (management.clone(), once.refresh.clone());
            tokio::spawn(async move { management.refresh_tokens(&Context::new(), &token).await })
        });
        let mut granted = Vec::new();
        for used in uses.collect::<Vec<_>>() {
            granted.extend(used.await.unwrap().ok());
        }
        assert!(granted.len() <= 1);
        for tokens in granted {
            assert_eq!(code(management.refresh_tokens(&context, &tokens.refresh).await), "SIGNED_OUT");
        }

        let late = management.issue_tokens(&context, "ada@example.com", PASSWORD).await.unwrap();
        setting.clock.advance(Duration::from_secs(15 * 60));
        assert_eq!(
            verdict(&authenticator, &late.access.expose_once()).await.unwrap_err().status(),
            401,
            "an access token lasted longer than 15 minutes"
        );
        assert!(management.refresh_tokens(&context, &late.refresh).await.is_ok());
        authenticator.shutdown().await;
    }
}

#[tokio::test]
async fn nobody_gives_or_takes_a_role_above_their_own() {
    for setting in everywhere().await {
        let management = &setting.management;
        let (owner, account) = setting.customer("owner@example.com").await;
        let (stranger, _) = setting.customer("stranger@example.com").await;
        let admin = setting.member(&owner, &account, "admin@example.com", Role::Admin).await;
        let developer = setting.member(&admin, &account, "developer@example.com", Role::Developer).await;
        let viewer = setting.member(&admin, &account, "viewer@example.com", Role::Viewer).await;
        for (actor, given, verdict) in [
            (&admin, Role::Owner, "ESCALATION"),
            (&developer, Role::Viewer, "INSUFFICIENT_SCOPE"),
            (&viewer, Role::Viewer, "INSUFFICIENT_SCOPE"),
            (&stranger, Role::Viewer, "NOT_FOUND"),
        ] {
            assert_eq!(code(management.invite(actor, &account, "new@example.com", given).await), verdict, "{given}");
        }
        let owner_id = owner.user().unwrap();
        let admin_id = admin.user().unwrap();
        let version = management.member(&admin, &account, owner_id).await.unwrap().version;
        let demote = async |by, role| management.update_member(by, &account, owner_id, role, version).await;
        assert_eq!(code(demote(&admin, Role::Viewer).await), "ESCALATION");
        assert_eq!(code(demote(&owner, Role::Viewer).await), "LAST_OWNER");
        assert_eq!(code(management.remove_member(&owner, &account, owner_id, version).await), "LAST_OWNER");
        assert_eq!(code(management.update_member(&admin, &account, admin_id, Role::Owner, 1).await), "ESCALATION");
        assert_eq!(
            code(management.update_member(&owner, &account, admin_id, Role::Owner, 7).await),
            "PRECONDITION_FAILED"
        );

        // When two owners demote each other at once, one stays an owner.
        management.update_member(&owner, &account, admin_id, Role::Owner, 1).await.unwrap();
        let (a, b) = tokio::join!(
            management.update_member(&owner, &account, admin_id, Role::Viewer, 2),
            management.update_member(&admin, &account, owner_id, Role::Viewer, version),
        );
        assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "{a:?} {b:?}");
        // Every member may leave.
        management.remove_member(&viewer, &account, viewer.user().unwrap(), 1).await.unwrap();
        assert_eq!(code(management.rights(&viewer, &account).await), "NOT_FOUND");
    }
}

#[tokio::test]
async fn passwords_are_hashed_anew_when_their_owners_sign_in() {
    let store = SqliteStore::temporary().unwrap();
    let management = |passes| {
        Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
            .password_params(Params::new(8, passes, 1, None).unwrap())
            .build()
            .unwrap()
    };
    let hash = || -> String {
        let connection = rusqlite::Connection::open(store.path()).unwrap();
        connection.query_row("SELECT body FROM desk_records WHERE kind = 'user'", [], |row| row.get(0)).unwrap()
    };
    let new = NewUser::new("ada@example.com", "Ada", PASSWORD);
    management(1).create_owner(&Actor::system("test", Context::new()), new).await.unwrap();
    assert!(hash().contains("$argon2id$v=19$m=8,t=1,p=1$"), "{}", hash());
    management(2).sign_in(&Context::new(), "ada@example.com", PASSWORD).await.unwrap();
    assert!(hash().contains("$argon2id$v=19$m=8,t=2,p=1$"), "{}", hash());
    management(2).sign_in(&Context::new(), "ada@example.com", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn who_tries_too_often_waits() {
    let store = SqliteStore::temporary().unwrap();
    let three = NonZeroU32::new(3).unwrap();
    let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
        .password_params(Params::new(8, 1, 1, None).unwrap())
        .sign_in_attempts(three, three)
        .sign_up(SignUpPolicy::Closed)
        .build()
        .unwrap();
    let from = |last: u8| Context::new().address([192, 0, 2, last]);
    // The limit for an e-mail address, known or unknown, counts attempts from all client addresses.
    for n in 0..3 {
        assert_eq!(code(management.sign_in(&from(n), "a@example.com", PASSWORD).await), "INVALID_CREDENTIALS");
    }
    assert!(matches!(
        management.sign_in(&from(9), "a@example.com", PASSWORD).await,
        Err(ManagementError::Throttled { .. })
    ));
    // The limit for a client address counts attempts for all users.
    for n in 0..3 {
        let email = format!("b{n}@example.com");
        assert_eq!(code(management.sign_in(&from(50), &email, PASSWORD).await), "INVALID_CREDENTIALS");
    }
    assert_eq!(code(management.sign_in(&from(50), "c@example.com", PASSWORD).await), "RATE_LIMIT_EXCEEDED");
    let new = NewUser::new("d@example.com", "D", PASSWORD);
    assert_eq!(code(management.sign_up(&from(51), new).await), "SIGN_UP_CLOSED");
    // The limit for a session counts its guesses of the password.
    let owner = NewUser::new("e@example.com", "E", PASSWORD);
    management.create_owner(&Actor::system("test", Context::new()), owner).await.unwrap();
    let session = management.sign_in(&from(60), "e@example.com", PASSWORD).await.unwrap().session;
    let actor = management.session(&session, from(60)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(code(management.begin_second_factor(&actor, "a guess").await), "INVALID_CREDENTIALS");
    }
    assert_eq!(code(management.begin_second_factor(&actor, PASSWORD).await), "RATE_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn the_first_owner_is_made_once() {
    let setting = on_sqlite();
    let (management, system) = (&setting.management, setting.system());
    assert!(!management.has_owner().await.unwrap());
    let invited = management.invite_first_owner(&system, "ada@example.com").await.unwrap();
    let invitation = invited.secret;
    assert!(!management.has_owner().await.unwrap(), "an invitation counts as a membership");
    management.accept_invitation(&Context::new(), &invitation, "Ada", PASSWORD).await.unwrap();
    assert_eq!(code(management.accept_invitation(&Context::new(), &invitation, "Eve", PASSWORD).await), "LINK_ENDED");
    assert_eq!(code(management.invite_first_owner(&system, "eve@example.com").await), "ALREADY_EXISTS");
    let ada = setting.signed_in("ada@example.com").await;
    let (_, account) = setting.customer("customer@example.com").await;
    assert!(
        management.rights(&ada, &account).await.unwrap().may_give(Role::Owner),
        "the operator's owner lacks an owner's rights in a customer's account"
    );
}
