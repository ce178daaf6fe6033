use std::num::NonZeroU32;

use argon2::Params;
use argon2::password_hash::PasswordHasher as _;
use keyward_sqlite::SqliteStore;

use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::records::{StoredUser, Versioned};
use crate::role::Role;
use crate::service::Management;
use crate::service::NewUser;
use crate::service::SignInLinkDraft;
use crate::service::email::TypedEmail;
use crate::store::SqliteManagementStore;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";
const OTHER: &str = "another horse battery staple";

fn params() -> Params {
    Params::new(8, 1, 1, None).unwrap()
}

fn management_on(store: &SqliteStore) -> Management {
    let three = NonZeroU32::new(3).unwrap();
    Management::builder(store.clone(), SqliteManagementStore::open(store).unwrap())
        .password_params(params())
        .sign_in_attempts(NonZeroU32::new(200).unwrap(), three)
        .build()
        .unwrap()
}

async fn management() -> (Management, SqliteStore) {
    let store = SqliteStore::temporary().unwrap();
    let management = management_on(&store);
    let system = Actor::system("test", Context::new());
    management.create_owner(&system, NewUser::new(EMAIL, "Ada", PASSWORD)).await.unwrap();
    (management, store)
}

fn from(last: u8) -> Context {
    Context::new().address([192, 0, 2, last])
}

fn code<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "ok")
}

/// Budgets refill while a slow machine works.
async fn is_throttled<T>(attempt: impl AsyncFn() -> Result<T, ManagementError>) -> bool {
    for _ in 0..50 {
        if code(attempt().await) == "RATE_LIMIT_EXCEEDED" {
            return true;
        }
    }
    false
}

async fn flood(management: &Management) {
    assert!(is_throttled(async || management.sign_in(&from(100), EMAIL, "a wrong one").await).await);
}

#[tokio::test]
async fn a_flood_does_not_lock_out_known_devices_and_networks() {
    let (management, store) = management().await;
    let device = management.sign_in(&from(1), EMAIL, PASSWORD).await.unwrap().device.unwrap();
    for management in [management, management_on(&store)] {
        flood(&management).await;
        // A known network works, also in the API. A known device works from elsewhere.
        assert_eq!(code(management.issue_tokens(&from(1), EMAIL, PASSWORD).await), "ok");
        let elsewhere = from(201).device(&device);
        assert_eq!(code(management.sign_in(&elsewhere, EMAIL, PASSWORD).await), "ok");
        for context in [
            from(202),
            from(203).device("x"),
            from(204).device(&device[1..]),
            Context::new().peer([192, 0, 2, 1]),
            Context::new(),
        ] {
            assert!(
                is_throttled(async || management.sign_in(&context, EMAIL, "a wrong one").await).await,
                "{context:?}"
            );
        }
    }
}

#[tokio::test]
async fn known_devices_and_networks_have_bounded_budgets() {
    let (management, _store) = management().await;
    let device = management.sign_in(&from(1), EMAIL, PASSWORD).await.unwrap().device.unwrap();
    flood(&management).await;
    for context in [from(1), from(201).device(&device)] {
        assert_eq!(code(management.sign_in(&context, EMAIL, "a wrong one").await), "INVALID_CREDENTIALS");
        assert!(is_throttled(async || management.sign_in(&context, EMAIL, "a wrong one").await).await, "{context:?}");
    }
}

#[tokio::test]
async fn a_signed_in_user_changes_the_password_in_a_flood() {
    let (management, _store) = management().await;
    let signed_in = management.sign_in(&from(1), EMAIL, PASSWORD).await.unwrap();
    let device = signed_in.device.unwrap();
    let ada = management.session(&signed_in.session, from(1)).await.unwrap();
    flood(&management).await;
    assert_eq!(code(management.change_password(&ada, "a wrong one", OTHER).await), "INVALID_CREDENTIALS");
    assert_eq!(code(management.change_password(&ada, PASSWORD, OTHER).await), "ok");
    // The proof ended with the sessions, so the signed-in user gets a new one.
    let again = management.device_proof(&ada).await.unwrap();
    let old = from(205).device(&device);
    assert!(is_throttled(async || management.sign_in(&old, EMAIL, "a wrong one").await).await);
    assert_eq!(code(management.sign_in(&from(205).device(&again), EMAIL, OTHER).await), "ok");
    // Guesses by one session are counted.
    assert!(is_throttled(async || management.change_password(&ada, "a wrong one", OTHER).await).await);
}

#[tokio::test]
async fn links_of_one_address_are_bounded_only_after_they_have_ended() {
    let store = SqliteStore::temporary().unwrap();
    let three = NonZeroU32::new(3).unwrap();
    let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
        .sign_in_attempts(three, three)
        .build()
        .unwrap();
    let system = Actor::system("test", Context::new());
    let account = management.create_account(&system, "Acme").await.unwrap().value.id;
    let use_one = async || {
        let draft = SignInLinkDraft::new(EMAIL).account(account.clone()).create("Ada", Role::Viewer);
        let link = management.create_sign_in_link(&system, &draft).await.unwrap();
        code(management.sign_in_with_link(&from(1), &link.secret).await)
    };
    for n in 0..12 {
        assert_eq!(use_one().await, "ok", "link {n}");
    }
    assert_eq!(code(management.sign_in_with_link(&from(1), "kwl_guessed").await), "LINK_ENDED");
    assert!(is_throttled(async || management.sign_in_with_link(&from(1), "kwl_guessed").await).await);
    assert_eq!(use_one().await, "ok");
}

#[tokio::test]
async fn an_attempt_of_one_kind_leaves_others_alone() {
    let (management, _store) = management().await;
    assert!(is_throttled(async || management.forgot_password(&from(1), EMAIL).await).await);
    assert_eq!(code(management.sign_in(&from(1), EMAIL, PASSWORD).await), "ok");
}

#[tokio::test]
async fn a_browser_knows_several_users() {
    let (management, _store) = management().await;
    let system = Actor::system("test", Context::new());
    management.create_owner(&system, NewUser::new("bob@example.com", "Bob", PASSWORD)).await.unwrap();
    let ada = management.sign_in(&from(1), EMAIL, PASSWORD).await.unwrap().device.unwrap();
    let both = management.sign_in(&from(1).device(&ada), "bob@example.com", PASSWORD).await.unwrap().device.unwrap();
    flood(&management).await;
    assert_eq!(code(management.sign_in(&from(206).device(&both), EMAIL, PASSWORD).await), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn departed_sign_ins_do_not_delay_a_real_one() {
    let (management, _store) = management().await;
    let before = management.0.passwords.begun();
    let hold = management.0.passwords.hold().await;
    for round in 0..40_u8 {
        let mut tasks = Vec::new();
        for n in 0..50 {
            let (management, email) = (management.clone(), format!("user{round}.{n}@example.com"));
            tasks.push(tokio::spawn(async move { management.sign_in(&from(round), &email, "a wrong one").await }));
        }
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
    }
    drop(hold);
    assert_eq!(code(management.sign_in(&from(250), EMAIL, PASSWORD).await), "ok");
    assert_eq!(management.0.passwords.begun() - before, 1);
}

async fn store(management: &Management, change: impl FnOnce(&mut StoredUser)) {
    let known: Versioned<StoredUser> = management.find(EMAIL).await.unwrap().unwrap();
    let mut changed = known.value.clone();
    change(&mut changed);
    assert!(management.write_quietly(&[known.replace(&changed).unwrap()]).await.unwrap());
}

#[tokio::test]
async fn a_password_hashed_raw_is_hashed_again_at_sign_in() {
    let (composed, apart) = ("Z\u{fc}ge fahren nach K\u{f6}ln", "Zu\u{308}ge fahren nach Ko\u{308}ln");
    let (management, _store) = management().await;
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params());
    let raw = argon2.hash_password(apart.as_bytes()).unwrap().to_string();
    store(&management, |user| user.password = Some(raw)).await;
    for (password, verdict) in [(composed, "INVALID_CREDENTIALS"), (apart, "ok"), (composed, "ok"), (apart, "ok")] {
        assert_eq!(code(management.sign_in(&from(1), EMAIL, password).await), verdict, "{password}");
    }
}

#[tokio::test]
async fn addresses_of_earlier_versions_still_sign_in() {
    for (stored, typed, verdict) in [
        ("a,b@c.d", "A,b@c.d", "ok"),
        ("a@@b.c", "a@@b.c", "ok"),
        ("\u{e9}va@example.com", "\u{c9}va@example.com", "ok"),
        ("ada@b\u{fc}cher.example", "ada@B\u{dc}CHER.example", "ok"),
        ("ada@b\u{fc}cher.example", "ada@xn--bcher-kva.example", "ok"),
        ("kim@example.com", "kim@EXAMPLE.com", "ok"),
        // KELVIN SIGN is no spelling of k.
        ("kim@example.com", "\u{212a}im@example.com", "INVALID_CREDENTIALS"),
    ] {
        let (management, _store) = management().await;
        store(&management, |user| user.email = stored.to_owned()).await;
        assert_eq!(code(management.sign_in(&from(1), typed, PASSWORD).await), verdict, "{typed}");
        assert_eq!(TypedEmail::read(typed).is_some(), verdict == "ok", "{typed}");
    }
}
